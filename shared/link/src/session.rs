//! One session between the two services: hello first, then entries, receipts and what is asked for, both ways.

use std::{sync::PoisonError, time::Duration};

use renkei_domain::{
    moment::{Moment, instant, micros, stamp},
    term,
};
use renkei_journal::{sign_receipt, verify_receipt};
use renkei_proto::{
    Validate,
    journal::v1::{Receipt, SignedReceipt},
    link::v1::{Ask, Frame, Goodbye, Head, Hello, Stop, frame::Kind},
    options::v1::Reason,
};
use renkei_rpc::{error::Error, validate::Frames};
use renkei_store::{
    Call, Heads, TakeReceipt,
    arrive::StoppedByPeer,
    recover::{Met, Reopen, Standing},
};
use renkei_telemetry::span;
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::{
    Link,
    batch::Outgoing,
    reception::{Incoming, Taken},
};

/// The version of the protocol.
const VERSION: u32 = 1;
/// How long the peer's hello is waited for.
const HELLO: Duration = Duration::from_secs(10);

/// Entries leave so many places free for receipts and stops. The peer waits for at most four receipts, so they always
/// find a place, and two sides that both stream never wait for each other.
const SPARE: usize = 8;

/// How often it is looked whether a doubted clock is right again, while entries of the peer wait for that.
const CLOCK: Duration = Duration::from_secs(1);

/// Clocks that are further apart than ten minutes raise an alarm.
const SKEW_US: u64 = 10 * 60 * 1_000_000;

/// Why a session ended.
pub(crate) enum Ended {
    /// The other side closed it, or we did.
    Closed(String),
    /// The two agreements differ.
    AgreementDiffers,
}

/// Frames that come in, whatever side dialled.
pub(crate) struct Input<M>(pub(crate) Frames<M>, pub(crate) fn(M) -> Option<Frame>);

impl<M: prost::Message + Validate> Input<M> {
    pub(crate) async fn next(&mut self) -> Result<Option<Kind>, Error> {
        Ok(self.0.next().await?.and_then(self.1).and_then(|frame| frame.kind))
    }
}

/// Frames that go out.
pub(crate) type Output = mpsc::Sender<Frame>;

/// A session after its hellos.
struct Session<'a> {
    link: &'a Link,
    output: Output,
    own: Outgoing,
    /// Entries that the peer asked for beside the own stream: of its own journal, or of ours.
    asked: Option<Outgoing>,
    peer: Incoming,
    back: Incoming,
    /// The peer's head in its hello: a recovery is over only when it is held.
    peer_head: u64,
    peer_held: u64,
    streams: bool,
    stopped: bool,
    /// Entries of the peer came before the own journal was back; they are asked for again.
    ignored: bool,
    /// The clocks were found apart; said once a session.
    skewed: bool,
}

/// Runs a session until it ends. `streams`: this side sends its journal here.
pub(crate) async fn run<M: prost::Message + Validate>(
    link: &Link,
    input: &mut Input<M>,
    output: Output,
    streams: bool,
) -> Result<Ended, Error> {
    // Another replica may have written what the peer holds already.
    link.store().refresh().await?;
    send(&output, Kind::Hello(hello(link))).await?;
    let first = tokio::time::timeout(HELLO, input.next()).await;
    let Ok(first) = first else { return Ok(Ended::Closed("the peer said no hello within 10 s".to_owned())) };
    let peer = match first? {
        Some(Kind::Hello(peer)) => peer,
        Some(Kind::Goodbye(bye)) => return Ok(parted(bye.reason())),
        _ => return Ok(Ended::Closed("the peer's first frame was no hello".to_owned())),
    };
    if peer.agency() != link.own().peer() {
        let reason = Reason::FieldInvalid.into();
        send(&output, Kind::Goodbye(Goodbye { reason })).await?;
        return Ok(Ended::Closed("the peer said hello as another agency".to_owned()));
    }
    if peer.agreement_sha256 != term::agreement_digest() {
        let reason = Reason::AgreementDiffers.into();
        send(&output, Kind::Goodbye(Goodbye { reason })).await?;
        return Ok(Ended::AgreementDiffers);
    }
    let mut session = Session::met(link, output, &peer, streams).await?;
    if streams {
        link.connected().await;
    }
    session.go_on(input).await
}

fn hello(link: &Link) -> Hello {
    let heads = link.store().heads().borrow().clone();
    let head = |head: renkei_journal::Head| Some(Head { seq: head.seq, hash: head.hash.to_vec() });
    Hello {
        agency: link.own().into(),
        version: VERSION,
        incarnation: heads.own.incarnation,
        agreement_sha256: term::agreement_digest().to_vec(),
        own: head(heads.own.head()),
        held: head(heads.peer.head()),
        key_ids: vec![link.store().key().key_id().to_owned()],
    }
}

/// The own journal is not back yet.
fn comes_back(heads: &Heads) -> bool {
    heads.own.seq < heads.own.recover_to
}

fn parted(reason: Reason) -> Ended {
    match reason {
        Reason::AgreementDiffers => Ended::AgreementDiffers,
        Reason::Draining => Ended::Closed("the peer is shutting down".to_owned()),
        reason => Ended::Closed(format!("the peer closed the session: {}", reason.id())),
    }
}

async fn send(output: &Output, kind: Kind) -> Result<(), Error> {
    let gone = |_| Error::because(Reason::Draining, "the session is closed");
    output.send(Frame { kind: Some(kind) }).await.map_err(gone)
}

impl<'a> Session<'a> {
    /// Compares what both hold. When the peer holds more of our journal than we do, it is fetched back.
    async fn met(link: &'a Link, output: Output, peer: &Hello, streams: bool) -> Result<Session<'a>, Error> {
        let held = peer.held.clone().unwrap_or_default();
        let peer_head = peer.own.as_ref().map_or(0, |head| head.seq);
        let met = Met { own: link.own(), held: held.clone() };
        if met.standing(link.store()).await? == Standing::Behind {
            link.store().rewind(&held, &link.0.settings.source.moment()).await?;
        }
        let mut session = Session {
            link,
            output,
            own: Outgoing::new(link.own(), held.seq + 1, true),
            asked: None,
            peer: Incoming::new(link, link.own().peer()).await?,
            back: Incoming::new(link, link.own()).await?,
            peer_head,
            peer_held: held.seq,
            streams,
            stopped: false,
            ignored: false,
            skewed: false,
        };
        let heads = link.store().heads().borrow().clone();
        // The receipt may come in either session, whichever carries the journal.
        if heads.own.receipted < held.seq && !heads.recovering() {
            session.own.held(link.store(), heads.own.receipted, held.seq).await?;
        }
        if heads.recovering() {
            let from_seq = heads.own.seq + 1;
            session.say(Kind::Ask(Ask { journal: link.own().into(), from_seq })).await?;
            session.recovered().await?;
        }
        if heads.peer.stop_seq != 0 {
            session.say(Kind::Stop(Stop { seq: heads.peer.stop_seq, reason: heads.peer.stop_reason.into() })).await?;
            session.stopped = true;
        }
        session.sign().await?;
        Ok(session)
    }

    async fn say(&self, kind: Kind) -> Result<(), Error> {
        send(&self.output, kind).await
    }

    async fn go_on<M: prost::Message + Validate>(&mut self, input: &mut Input<M>) -> Result<Ended, Error> {
        let mut heads = self.link.store().heads();
        let draining = self.link.0.settings.draining.clone();
        let output = self.output.clone();
        loop {
            let heads_now = heads.borrow_and_update().clone();
            let (own_head, recovering) = (heads_now.own.seq, heads_now.recovering());
            self.ask_again(&heads_now).await?;
            let asked = self.asked.as_ref().is_some_and(|asked| asked.is_ready(u64::MAX));
            let streams = self.streams && !recovering && self.own.is_ready(own_head);
            tokio::select! {
                frame = input.next() => match frame? {
                    Some(kind) => if let Some(ended) = self.taken(kind).await? { return Ok(ended) },
                    None => return Ok(Ended::Closed("the peer closed the session".to_owned())),
                },
                places = output.reserve_many(SPARE + 1), if streams || asked => {
                    let Ok(mut places) = places else { return Ok(Ended::Closed("the session is closed".to_owned())) };
                    let store = self.link.store();
                    let batch = match self.asked.as_mut().filter(|_| asked) {
                        Some(asked) => asked.batch(store).await?,
                        None => self.own.batch(store).await?,
                    };
                    match batch {
                        Some(kind) => {
                            if let Some(place) = places.next() {
                                place.send(Frame { kind: Some(kind) });
                            }
                        }
                        None => self.asked = None,
                    }
                }
                _ = heads.changed() => {}
                // Nobody tells when a clock is right again.
                () = tokio::time::sleep(CLOCK), if self.ignored => {}
                () = draining.cancelled() => {
                    self.say(Kind::Goodbye(Goodbye { reason: Reason::Draining.into() })).await?;
                    return Ok(Ended::Closed("the service is shutting down".to_owned()));
                }
            }
        }
    }

    /// When a stop was lifted here, or the own journal is back, the peer's journal is asked for again.
    async fn ask_again(&mut self, heads: &Heads) -> Result<(), Error> {
        let resumed = self.stopped && heads.peer.stop_seq == 0;
        let is_back = self.ignored && !comes_back(heads) && !self.link.is_out_of_time();
        if resumed || is_back {
            (self.stopped, self.ignored) = (self.stopped && !resumed, self.ignored && !is_back);
            let journal = self.link.own().peer().into();
            self.say(Kind::Ask(Ask { journal, from_seq: heads.peer.seq + 1 })).await?;
        }
        Ok(())
    }

    async fn taken(&mut self, kind: Kind) -> Result<Option<Ended>, Error> {
        match kind {
            Kind::Entries(entries) => {
                let journal = entries.journal();
                let own = journal == self.link.own();
                // What the peer's author saw cannot be judged before it is back, and what arrives is dated here.
                if !own && (comes_back(&self.link.store().heads().borrow()) || self.link.is_out_of_time()) {
                    self.ignored = true;
                    return Ok(None);
                }
                let incoming = if own { &mut self.back } else { &mut self.peer };
                match incoming.take(self.link, entries).await? {
                    Taken::All => {}
                    Taken::Answer(answer) => {
                        self.stopped |= matches!(answer, Kind::Stop(_));
                        self.say(answer).await?;
                    }
                    Taken::End(why) => return Ok(Some(Ended::Closed(why))),
                }
                self.recovered().await?;
                if !own {
                    self.sign().await?;
                }
            }
            Kind::Receipt(signed) => self.receipted(signed).await?,
            Kind::Ask(ask) => self.asked(ask).await?,
            Kind::Stop(stop) => {
                tracing::error!(seq = stop.seq, reason = stop.reason().id(), "the peer has stopped our journal");
                self.own.again(u64::MAX);
                self.stopped_by_peer(stop).await?;
            }
            Kind::Goodbye(bye) => return Ok(Some(parted(bye.reason()))),
            Kind::Hello(_) => return Ok(Some(Ended::Closed("the peer said hello twice".to_owned()))),
        }
        Ok(None)
    }

    async fn stopped_by_peer(&self, stop: Stop) -> Result<(), Error> {
        let moment = self.link.0.settings.source.moment();
        let stopped = StoppedByPeer { stop };
        Ok(self.link.store().write("stopped_by_peer", Call::own("stopped_by_peer"), moment, stopped).await?)
    }

    async fn asked(&mut self, ask: Ask) -> Result<(), Error> {
        if ask.journal() == self.link.own() && self.streams {
            self.own.again(ask.from_seq);
            if self.link.store().heads().borrow().own.stop_seq != 0 {
                self.stopped_by_peer(Stop::default()).await?;
            }
        } else {
            self.asked = Some(Outgoing::new(ask.journal(), ask.from_seq, false));
        }
        Ok(())
    }

    async fn receipted(&mut self, signed: SignedReceipt) -> Result<(), Error> {
        let keys = self.link.keys(self.link.own().peer()).await?;
        let receipt = match verify_receipt(&signed, &keys, 0) {
            Ok(receipt) => receipt,
            Err(broken) => {
                // It proves nothing and changes nothing. The entries beside it have signatures of their own, and their
                // journal stops when these do not hold.
                tracing::error!(reason = broken.reason().id(), %broken, "a receipt of the peer does not hold");
                return Ok(());
            }
        };
        let (own, up_to) = (self.link.own(), receipt.up_to_seq);
        let moment = self.link.0.settings.source.moment();
        self.compare_clocks(&receipt, &moment);
        if let Some(written_us) = self.own.written_us(up_to) {
            let lag = moment.now.as_microsecond().saturating_sub(written_us);
            self.link.0.settings.metrics.receipted(Duration::from_micros(u64::try_from(lag).unwrap_or_default()));
        }
        let take = TakeReceipt { own, receipt, signed };
        let writing = self.link.store().write("receipt", Call::own("receipt"), moment, take);
        writing.instrument(span::receipt(own.id(), up_to, &self.own.traces(up_to))).await?;
        self.own.receipted(up_to);
        Ok(())
    }

    /// A receipt was signed just now by the peer's clock. Skew is an alarm and never a reason to refuse anything.
    fn compare_clocks(&mut self, receipt: &Receipt, moment: &Moment) {
        if let (Some(keeper), Some(at)) = (self.link.0.settings.source.keeper(), receipt.at.as_ref().map(instant)) {
            keeper.heard(at);
        }
        let apart_us = micros(receipt.at.as_ref()).abs_diff(moment.now.as_microsecond());
        *self.link.0.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(Duration::from_micros(apart_us));
        if apart_us > SKEW_US && !std::mem::replace(&mut self.skewed, true) {
            tracing::error!(seconds = apart_us / 1_000_000, "the two services' clocks are more than ten minutes apart");
        }
    }

    /// Signs for what is held of the peer's journal. Heads are published commit by commit, so the receipt names a state
    /// that is durable.
    async fn sign(&self) -> Result<(), Error> {
        let heads = self.link.store().heads().borrow().clone();
        // A receipt bears a date.
        if heads.peer.seq == 0 || heads.recovering() || self.link.is_out_of_time() {
            return Ok(());
        }
        let receipt = Receipt {
            journal: self.link.own().peer().into(),
            up_to_seq: heads.peer.seq,
            head_hash: heads.peer.hash.to_vec(),
            own_seq: heads.own.seq,
            at: Some(stamp(self.link.0.settings.source.moment().now)),
        };
        self.say(Kind::Receipt(sign_receipt(self.link.store().key(), &receipt))).await
    }

    /// Ends a recovery when both journals are held as the hello said.
    async fn recovered(&mut self) -> Result<(), Error> {
        let store = self.link.store();
        let heads = store.heads().borrow().clone();
        if !heads.recovering() || heads.own.seq < heads.own.recover_to || heads.peer.seq < self.peer_head {
            return Ok(());
        }
        let mut again = store.aside().await?;
        again.retain(|it| it.reason.is_empty());
        let reopen = Reopen { again, peer_held: self.peer_held };
        store.write("reopen", Call::own("reopen"), self.link.0.settings.source.moment(), reopen).await?;
        self.own.again(heads.own.seq + 1);
        Ok(())
    }
}
