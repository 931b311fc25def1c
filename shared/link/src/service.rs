//! The service that the peer dials.

use std::{pin::Pin, sync::atomic::Ordering};

use futures::{Stream, StreamExt as _};
use renkei_proto::{
    Sentence, Validate,
    link::v1::{
        ExchangeRequest, ExchangeResponse, Frame,
        frame::Kind,
        link_service_server::{LinkService, LinkServiceServer},
    },
    options::v1::Reason,
};
use renkei_rpc::{
    error::Error,
    places::Places,
    validate::{Frames, LINK_MESSAGE_MAX, open_frames},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument as _;

use crate::{
    host::Input,
    link::Link,
    session::{self, Ended, OwnJournal},
    status,
};

/// The maximum number of frames that wait to be sent.
pub(crate) const FRAMES: usize = 16;

/// The maximum number of the peer's sessions at once: its replicas, and their sessions that have not ended yet.
const SESSIONS: usize = 16;

/// The frames that come over a connection.
pub(crate) struct Received<M> {
    frames: Frames<M>,
    /// Takes the frame out of a message.
    frame: fn(M) -> Option<Frame>,
}

impl<M> Received<M> {
    pub(crate) fn new(frames: Frames<M>, frame: fn(M) -> Option<Frame>) -> Self {
        Self { frames, frame }
    }
}

impl<M: prost::Message + Validate> Input for Received<M> {
    async fn next(&mut self) -> Result<Option<Kind>, Error> {
        Ok(self.frames.next().await?.and_then(self.frame).and_then(|frame| frame.kind))
    }
}

/// The implementation of the link's gRPC service.
pub struct Exchanges {
    link: Link,
    sessions: Places,
}

impl Exchanges {
    pub(crate) fn new(link: Link) -> Self {
        Self { link, sessions: Places::new(SESSIONS, SESSIONS) }
    }
}

impl Link {
    /// The gRPC service that the peer dials.
    pub fn server(&self) -> LinkServiceServer<Exchanges> {
        LinkServiceServer::new(Exchanges::new(self.clone())).max_decoding_message_size(LINK_MESSAGE_MAX)
    }
}

#[tonic::async_trait]
impl LinkService for Exchanges {
    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<ExchangeResponse, Status>> + Send>>;

    async fn exchange(
        &self,
        request: Request<Streaming<ExchangeRequest>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let link = self.link.clone();
        let (peer, frames) = open_frames(request, &link.settings().source)?;
        let full = |shortage| Error::short_of(shortage, Reason::Busy, ["sessions", "sessions of the peer"]);
        let place = self.sessions.take(&peer.caller).map_err(full);
        let place = place.map_err(|error| error.status(&link.settings().source.moment()))?;
        let (output, frames_out) = mpsc::channel(FRAMES);
        let (ending, ended) = mpsc::channel(1);
        let session = async move {
            let _place = place;
            let streams = link.settings().is_dialled_only;
            let own_journal = if streams { OwnJournal::Sent } else { OwnJournal::NotSent };
            let mut input = Received::new(frames, |request: ExchangeRequest| request.frame);
            if streams {
                link.inner.dialled.fetch_add(1, Ordering::SeqCst);
            }
            let ended = session::run(&link, &mut input, output, own_journal).await;
            // While the peer dials again, its old session may still be open here.
            if streams && link.inner.dialled.fetch_sub(1, Ordering::SeqCst) == 1 {
                let (state, cause) = status::after(&ended);
                link.disconnected(state, cause).await;
            }
            let error = match ended {
                Ok(Ended::Closed(cause)) => {
                    tracing::info!(cause, "the peer's session ended");
                    return;
                }
                Ok(Ended::AgreementDiffers) => {
                    Error::because(Reason::AgreementDiffers, Sentence::for_developers("the agreements' digests differ"))
                }
                Err(error) => error.into(),
            };
            tracing::warn!(%error, "the peer's session failed");
            // The stream may be gone.
            let _ = ending.send(Err(error.status(&link.settings().source.moment()))).await;
        };
        tokio::spawn(session.in_current_span());
        let frames = ReceiverStream::new(frames_out).map(|frame| Ok(ExchangeResponse { frame: Some(frame) }));
        Ok(Response::new(Box::pin(frames.chain(ReceiverStream::new(ended)))))
    }
}
