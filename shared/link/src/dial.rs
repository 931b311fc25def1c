//! The dialling side: it tries again and again, with growing pauses that differ between services.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use renkei_proto::link::v1::{
    ExchangeRequest, ExchangeResponse, link_service_client::LinkServiceClient, link_status::State,
};
use renkei_rpc::{
    client::pass_on,
    connect::Dial,
    error::Error as CallError,
    validate::{Frames, LINK_MESSAGE_MAX},
};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, transport::Channel};

use crate::{
    error::Error,
    host::Input as _,
    link::Link,
    service::{FRAMES, Received},
    session::{self, Ended, OwnJournal},
    status,
};

/// The first pause.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The time that the other side has to receive our last frames and close.
const PARTING: Duration = Duration::from_secs(1);

/// Dials the peer and keeps a session open until `shutdown`, while this replica leads.
///
/// # Errors
/// The address or the name in the configuration is invalid.
pub async fn run(link: Link, dial: Dial, shutdown: CancellationToken) -> Result<(), renkei_rpc::connect::ConnectError> {
    let channel = dial.channel()?;
    let mut pauses = pauses(&link);
    let mut replicas = link.host().replicas();
    loop {
        tokio::select! {
            _ = replicas.wait_for(|replicas| replicas.leads) => {}
            () = shutdown.cancelled() => return Ok(()),
        }
        let (began, before) = (Instant::now(), carried(&link));
        let cut = async {
            shutdown.cancelled().await;
            tokio::time::sleep(PARTING).await;
        };
        let (state, cause) = tokio::select! {
            ended = exchange(&link, channel.clone()) => status::after(&ended),
            _ = replicas.wait_for(|replicas| !replicas.leads) => (State::Waiting, "this replica no longer leads: another one sends, or the database is away".to_owned()),
            () = cut => return Ok(()),
        };
        if shutdown.is_cancelled() {
            return Ok(());
        }
        link.disconnected(state, cause).await;
        // A session that ends at once and transfers nothing, as with an unknown key of the peer, is not a success.
        if carried(&link) != before || began.elapsed() > LONGEST_PAUSE {
            pauses = self::pauses(&link);
        }
        let pause = pauses.next().unwrap_or(LONGEST_PAUSE);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.cancelled() => return Ok(()),
        }
    }
}

/// The numbers up to which both journals were transferred over the link.
fn carried(link: &Link) -> (u64, u64) {
    let heads = link.host().heads();
    let heads = heads.borrow();
    (heads.own.receipted, heads.peer.seq)
}

/// The pauses between tries: they double up to half a minute and are jittered with randomness that the service passes
/// in.
fn pauses(link: &Link) -> backon::ExponentialBackoff {
    let seed = link.settings().source.moment().bytes("pause", 0);
    let seed = seed.iter().take(8).fold(0_u64, |all, byte| (all << 8) | u64::from(*byte));
    ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times()
        .with_jitter()
        .with_jitter_seed(seed)
        .build()
}

async fn exchange(link: &Link, channel: Channel) -> Result<Ended, Error> {
    let (output, frames) = mpsc::channel(FRAMES);
    let frames = ReceiverStream::new(frames).map(|frame| ExchangeRequest { frame: Some(frame) });
    let mut request = Request::new(frames);
    pass_on(&mut request, None)?;
    let mut client = LinkServiceClient::new(channel).max_decoding_message_size(LINK_MESSAGE_MAX);
    // The peer answers with its first frame, which it sends at once; until then the hello waits in the stream.
    let answers = client.exchange(request).await.map_err(CallError::Ended)?.into_inner();
    let mut input = Received::new(Frames::new(answers), |response: ExchangeResponse| response.frame);
    let ended = session::run(link, &mut input, output, OwnJournal::Sent).await?;
    // Dropping the input would discard the last frames sent, such as a goodbye.
    let rest = async { while let Ok(Some(_)) = input.next().await {} };
    let _ = tokio::time::timeout(PARTING, rest).await;
    Ok(ended)
}
