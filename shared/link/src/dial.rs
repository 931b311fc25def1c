//! The side that dials: again and again, with pauses that grow and never come together.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use renkei_proto::link::v1::{
    ExchangeRequest, ExchangeResponse, link_service_client::LinkServiceClient, link_status::State,
};
use renkei_rpc::{
    client::pass_on,
    connect::{Dial, explain},
    error::Error,
    validate::{Frames, LINK_MESSAGE_MAX},
};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, transport::Channel};

use crate::{
    Link,
    service::FRAMES,
    session::{self, Ended, Input},
};

/// The first pause and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// Dials the peer and keeps a session open until `shutdown`.
///
/// # Errors
/// When the address or name in the configuration is none.
pub async fn run(link: Link, dial: Dial, shutdown: CancellationToken) -> Result<(), renkei_rpc::connect::ConnectError> {
    let channel = dial.channel()?;
    let mut pauses = pauses(&link);
    loop {
        let (state, cause) = tokio::select! {
            ended = one(&link, channel.clone()) => ended,
            () = shutdown.cancelled() => return Ok(()),
        };
        let was_connected = link.status().borrow().state() == State::Connected;
        link.disconnected(state, cause).await;
        if was_connected {
            pauses = self::pauses(&link);
        }
        let pause = pauses.next().unwrap_or(PAUSE.1);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.cancelled() => return Ok(()),
        }
    }
}

/// Pauses between tries: doubling up to half a minute, jittered with randomness that the service hands in.
fn pauses(link: &Link) -> backon::ExponentialBackoff {
    let seed = link.0.settings.source.moment().bytes("pause", 0);
    let seed = seed.iter().take(8).fold(0_u64, |all, byte| (all << 8) | u64::from(*byte));
    ExponentialBuilder::default()
        .with_min_delay(PAUSE.0)
        .with_max_delay(PAUSE.1)
        .without_max_times()
        .with_jitter()
        .with_jitter_seed(seed)
        .build()
}

/// One session; gives how the link stands after it and why.
async fn one(link: &Link, channel: Channel) -> (State, String) {
    match exchange(link, channel).await {
        Ok(Ended::Closed(cause)) => (State::Waiting, cause),
        Ok(Ended::AgreementDiffers) => (
            State::AgreementDiffers,
            "the two agreements' digests differ: both agencies must look at agreement.toml".to_owned(),
        ),
        Err(Error::Ended(status)) => {
            let differs =
                renkei_rpc::error::reason_of(&status) == Some(renkei_proto::options::v1::Reason::AgreementDiffers);
            let state = if differs { State::AgreementDiffers } else { State::Waiting };
            (state, explain(&status))
        }
        Err(error) => (State::Waiting, error.to_string()),
    }
}

async fn exchange(link: &Link, channel: Channel) -> Result<Ended, Error> {
    let (output, frames) = mpsc::channel(FRAMES);
    let frames = ReceiverStream::new(frames).map(|frame| ExchangeRequest { frame: Some(frame) });
    let mut request = Request::new(frames);
    pass_on(&mut request, None)?;
    let mut client = LinkServiceClient::new(channel).max_decoding_message_size(LINK_MESSAGE_MAX);
    // The peer answers with its first frame, which it sends at once; until then the hello waits in the stream.
    let answers = client.exchange(request).await.map_err(Error::Ended)?.into_inner();
    let input = Input(Frames::new(answers), |response: ExchangeResponse| response.frame);
    session::run(link, input, output, true).await
}
