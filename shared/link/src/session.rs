//! One session between the two services: hello first, then entries, receipts and answers to requests, in both
//! directions.

use std::{sync::PoisonError, time::Duration};

use prost::Message as _;
use renkei_book::{Cause, Heads, SignReceipt, StoppedByPeer, TakeReceipt};
use renkei_domain::moment::{Moment, instant, micros};
use renkei_journal::{Break, sign_stop, verify_receipt, verify_stop};
use renkei_proto::{
    Sentence,
    journal::v1::{Entry, Header, Receipt, SignedReceipt},
    link::v1::{Ask, EntryBatch, Frame, Goodbye, Hello, SignedStop, Stop, frame::Kind},
    options::v1::Reason,
};
use renkei_rpc::error::Error as CallError;
use renkei_telemetry::{Claim, span};
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::{
    batch::Outgoing,
    error::Error,
    hello::{VERSION, agreement_is_shared, hello, not_at_peer, own_agreement, peer_head, peer_holds, refuted},
    host::{Host, Input},
    link::Link,
    reception::{BatchOutcome, Incoming},
};

/// The time limit for the peer's hello.
const HELLO: Duration = Duration::from_secs(10);

/// The number of places that entries leave free for receipts and stops. The peer waits for at most four receipts, so
/// they always find a place, and two sides that both stream never wait for each other.
const SPARE: usize = 8;

/// The interval at which a doubted clock is examined again, while entries of the peer wait for it.
const CLOCK: Duration = Duration::from_secs(1);

/// The difference between the clocks that raises an alarm: ten minutes.
const SKEW_US: u64 = 10 * 60 * 1_000_000;

/// The end of a session without an error.
pub(crate) enum Ended {
    /// One of the two sides closed it.
    Closed(String),
    /// The two agreements differ.
    AgreementDiffers,
}

/// The outgoing frames.
pub type Output = mpsc::Sender<Frame>;

/// A session after its hellos.
struct Session<'a, H> {
    link: &'a Link<H>,
    output: Output,
    own: Outgoing,
    /// Entries that the peer asked for, beside the own stream: of its own journal, or of ours.
    asked: Option<Outgoing>,
    peer: Incoming,
    back: Incoming,
    /// The peer's head in its hello, once verified: a recovery ends only when the peer's journal is stored here up to
    /// it.
    peer_head: Option<u64>,
    streams: bool,
    stopped: bool,
    /// True if entries of the peer came before the own journal was back; they are asked for again.
    ignored: bool,
    /// True once a difference of the clocks was logged in this session.
    skewed: bool,
    /// The last receipt that came before it could be accepted.
    early: Option<EarlyReceipt>,
    /// The digests of the versions of the agreement that the peer does not have.
    not_at_peer: Vec<[u8; 32]>,
}

/// A receipt that came before it could be accepted: during a recovery, or before the entry that adds its key, which may
/// come over another session.
struct EarlyReceipt {
    signed: SignedReceipt,
    /// The number up to which the peer's journal was stored when the key was not known; `None` for a receipt that came
    /// during a recovery.
    tried_at: Option<u64>,
}

/// Whether this side sends its journal over a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OwnJournal {
    /// The session carries it.
    Sent,
    /// Another session carries it.
    NotSent,
}

/// Runs a session until it ends.
pub(crate) async fn run<H: Host>(
    link: &Link<H>,
    input: &mut impl Input,
    output: Output,
    own_journal: OwnJournal,
) -> Result<Ended, Error> {
    // Another replica may have written entries that the peer has stored.
    link.host().refresh().await?;
    link.host().mend_ends(&link.settings().source.moment()).await?;
    send(&output, Kind::Hello(hello(link).await?)).await?;
    let first = tokio::select! {
        biased;
        first = input.next() => first?,
        () = link.host().pause(HELLO) => return Ok(Ended::Closed("the peer sent no hello within 10 s".to_owned())),
    };
    let peer = match first {
        Some(Kind::Hello(peer)) => peer,
        Some(Kind::Goodbye(bye)) => return Ok(parted(bye.reason())),
        _ => return Ok(Ended::Closed("the peer's first frame was no hello".to_owned())),
    };
    if peer.agency() != link.own().peer() {
        let reason = Reason::FieldInvalid.into();
        send(&output, Kind::Goodbye(Goodbye { reason })).await?;
        return Ok(Ended::Closed("the peer's hello names another agency".to_owned()));
    }
    if peer.version != VERSION {
        let reason = Reason::NotUnderstood.into();
        send(&output, Kind::Goodbye(Goodbye { reason })).await?;
        let cause = format!("the peer speaks version {} of the exchange, this service {VERSION}", peer.version);
        return Ok(Ended::Closed(cause));
    }
    if !agreement_is_shared(link, &peer) {
        let reason = Reason::AgreementDiffers.into();
        send(&output, Kind::Goodbye(Goodbye { reason })).await?;
        return Ok(Ended::AgreementDiffers);
    }
    let holds = peer_holds(link, peer.held.as_ref()).await?;
    if let Some(reason) = refuted(link, &holds).await? {
        let seq = holds.head.seq;
        link.unproven(Claim::Hello);
        tracing::error!(seq, reason = reason.id(), "the peer's hello claims an entry of ours that it cannot prove");
        send(&output, Kind::Goodbye(Goodbye { reason: reason.into() })).await?;
        let cause = format!("the peer claims number {seq} of our journal without proof: {}", reason.id());
        return Ok(Ended::Closed(cause));
    }
    let mut session = Session::met(link, output, &peer, holds.head.seq, own_journal).await?;
    if own_journal == OwnJournal::Sent {
        link.connected().await;
    }
    session.go_on(input).await
}

/// True while the own journal is being fetched back.
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
    let gone = |_| CallError::because(Reason::Draining, Sentence::for_developers("the session is closed"));
    Ok(output.send(Frame { kind: Some(kind) }).await.map_err(gone)?)
}

impl<'a, H: Host> Session<'a, H> {
    /// Begins a session with a peer that has stored our journal up to a number.
    async fn met(
        link: &'a Link<H>,
        output: Output,
        peer: &Hello,
        peer_held: u64,
        own_journal: OwnJournal,
    ) -> Result<Session<'a, H>, Error> {
        let mut session = Session {
            link,
            output,
            own: Outgoing::of_own(link.own(), peer_held + 1),
            asked: None,
            peer: Incoming::new(link, link.own().peer()).await?,
            back: Incoming::new(link, link.own()).await?,
            peer_head: peer_head(link, peer.own.as_ref()).await?,
            streams: own_journal == OwnJournal::Sent,
            stopped: false,
            ignored: false,
            skewed: false,
            early: None,
            not_at_peer: not_at_peer(link),
        };
        let heads = link.host().heads().borrow().clone();
        // The receipt may come in either session, whichever carries the journal.
        if heads.own.receipted < peer_held && !heads.recovering() {
            session.own.held(link.host(), heads.own.receipted, peer_held).await?;
        }
        if comes_back(&heads) {
            let from_seq = heads.own.seq + 1;
            session.say(Kind::Ask(Ask { journal: link.own().into(), from_seq })).await?;
        }
        session.recovered().await?;
        // The receipt comes first: a side that has stopped at a number signs for the number before it.
        if !link.is_out_of_time() {
            let (moment, sign) = (link.settings().source.moment(), SignReceipt);
            link.host().write("sign_receipt", moment, sign).await?;
        }
        session.hand_receipt().await?;
        if heads.peer.stop_seq != 0 {
            session.say_stop(heads.peer.stop_seq, heads.peer.stop_reason).await?;
            session.stopped = true;
        }
        Ok(session)
    }

    /// Sends the signed statement that the peer's journal is stopped here.
    async fn say_stop(&self, seq: u64, reason: Reason) -> Result<(), Error> {
        let stop = Stop { seq, reason: reason.into(), journal: self.link.own().peer().into() };
        self.say(Kind::Stop(sign_stop(self.link.host().key(), &stop))).await
    }

    /// True once a version of the agreement applies that the peer did not have at the beginning of the session.
    fn agreement_has_parted(&self) -> bool {
        !self.not_at_peer.is_empty() && self.not_at_peer.contains(&own_agreement(self.link))
    }

    /// Ends the session before the peer gets an entry whose version of the agreement it does not have: it would take the
    /// entry for a lie and stop the journal.
    async fn part_over_agreement(&self) -> Result<Ended, Error> {
        self.say(Kind::Goodbye(Goodbye { reason: Reason::AgreementDiffers.into() })).await?;
        Ok(Ended::AgreementDiffers)
    }

    /// True if the peer has every version of the agreement that these entries name.
    fn is_understood(&self, batch: &EntryBatch) -> bool {
        let lacks = |entry: &Entry| {
            let named = Header::decode(entry.header.as_slice()).map(|it| it.agreement_sha256).unwrap_or_default();
            self.not_at_peer.iter().any(|digest| *digest == named.as_slice())
        };
        self.not_at_peer.is_empty() || !batch.entries.iter().any(lacks)
    }

    async fn say(&self, kind: Kind) -> Result<(), Error> {
        send(&self.output, kind).await
    }

    async fn go_on(&mut self, input: &mut impl Input) -> Result<Ended, Error> {
        let mut heads = self.link.host().heads();
        let draining = self.link.settings().draining.clone();
        let output = self.output.clone();
        let mut has_heard = false;
        loop {
            if self.agreement_has_parted() {
                return self.part_over_agreement().await;
            }
            let heads_now = heads.borrow_and_update().clone();
            let (own_head, recovering) = (heads_now.own.seq, heads_now.recovering());
            self.accept_early(&heads_now).await?;
            self.ask_again(&heads_now).await?;
            let asked = self.asked.as_ref().is_some_and(|asked| asked.is_ready(u64::MAX));
            let streams = self.streams && !recovering && self.own.is_ready(own_head);
            let sends = streams || asked;
            // After a frame it is this side's turn if it can send at once, so that neither direction waits for the other.
            let is_turn = std::mem::take(&mut has_heard) && sends && output.capacity() > SPARE;
            tokio::select! {
                biased;
                () = draining.cancelled() => {
                    self.say(Kind::Goodbye(Goodbye { reason: Reason::Draining.into() })).await?;
                    return Ok(Ended::Closed("the service is shutting down".to_owned()));
                }
                frame = input.next(), if !is_turn => match frame? {
                    Some(kind) => {
                        has_heard = true;
                        if let Some(ended) = self.taken(kind).await? {
                            return Ok(ended);
                        }
                    }
                    None => return Ok(Ended::Closed("the peer closed the session".to_owned())),
                },
                places = output.reserve_many(SPARE + 1), if sends => {
                    let Ok(mut places) = places else { return Ok(Ended::Closed("the session is closed".to_owned())) };
                    let host = self.link.host();
                    let batch = match self.asked.as_mut().filter(|_| asked) {
                        Some(asked) => asked.batch(host).await?,
                        None => self.own.batch(host).await?,
                    };
                    match batch {
                        Some(Kind::Entries(entries)) if !self.is_understood(&entries) => {
                            drop(places);
                            return self.part_over_agreement().await;
                        }
                        Some(kind) => {
                            if let Some(place) = places.next() {
                                place.send(Frame { kind: Some(kind) });
                            }
                        }
                        None => self.asked = None,
                    }
                }
                _ = heads.changed() => {}
                // No event announces that a clock is right again.
                () = self.link.host().pause(CLOCK), if self.ignored => {}
            }
        }
    }

    /// Asks for the peer's journal again after a stop was lifted here, or after the own journal came back.
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
                // The view of the peer's author cannot be judged before our journal is back, and arrivals are dated
                // here.
                if !own && (comes_back(&self.link.host().heads().borrow()) || self.link.is_out_of_time()) {
                    self.ignored = true;
                    return Ok(None);
                }
                let incoming = if own { &mut self.back } else { &mut self.peer };
                let taken = incoming.take(self.link, entries).await?;
                let has_recovered = self.recovered().await?;
                if !own || has_recovered {
                    self.hand_receipt().await?;
                }
                match taken {
                    BatchOutcome::All => {}
                    BatchOutcome::Ask(ask) => self.say(Kind::Ask(ask)).await?,
                    BatchOutcome::Stop(stop) => {
                        self.stopped = true;
                        self.say_stop(stop.seq, stop.reason()).await?;
                    }
                    BatchOutcome::Unproven(stop) => {
                        self.link.unproven(Claim::Entry);
                        self.say_stop(stop.seq, stop.reason()).await?;
                        let cause = format!("number {} came without the signature of its author", stop.seq);
                        return Ok(Some(Ended::Closed(cause)));
                    }
                    BatchOutcome::End(why) => return Ok(Some(Ended::Closed(why))),
                }
            }
            Kind::Receipt(signed) => self.receipted(signed).await?,
            Kind::Ask(ask) => self.asked(ask).await?,
            Kind::Stop(signed) => self.stop(signed).await?,
            Kind::Goodbye(bye) => return Ok(Some(parted(bye.reason()))),
            Kind::Hello(_) => return Ok(Some(Ended::Closed("the peer sent a second hello".to_owned()))),
        }
        Ok(None)
    }

    /// Accepts a stop that the peer signed. Any other stop changes nothing, and our journal is still sent.
    async fn stop(&mut self, signed: SignedStop) -> Result<(), Error> {
        let keys = self.link.keys(self.link.own().peer()).await?;
        let known = self.link.host().heads().borrow().peer.seq;
        let verified = verify_stop(&signed, &keys, known).map_err(|broken| broken.to_string()).and_then(|stop| {
            let is_ours = stop.journal() == self.link.own();
            is_ours.then_some(stop).ok_or_else(|| "it is about another journal than ours".to_owned())
        });
        match verified {
            Ok(stop) => {
                tracing::error!(seq = stop.seq, reason = stop.reason().id(), "the peer has stopped our journal");
                self.own.resend_from(u64::MAX);
                self.stopped_by_peer(stop).await
            }
            Err(why) => {
                self.link.unproven(Claim::Stop);
                tracing::error!(why, "a stop of the peer does not verify");
                Ok(())
            }
        }
    }

    async fn stopped_by_peer(&self, stop: Stop) -> Result<(), Error> {
        let moment = self.link.settings().source.moment();
        let stopped = StoppedByPeer { stop };
        Ok(self.link.host().write("stopped_by_peer", moment, stopped).await?)
    }

    async fn asked(&mut self, ask: Ask) -> Result<(), Error> {
        if ask.journal() == self.link.own() && self.streams {
            self.own.resend_from(ask.from_seq);
            if self.link.host().heads().borrow().own.stop_seq != 0 {
                self.stopped_by_peer(Stop::default()).await?;
            }
        } else {
            self.asked = Some(Outgoing::asked_for(ask.journal(), ask.from_seq));
        }
        Ok(())
    }

    async fn receipted(&mut self, signed: SignedReceipt) -> Result<(), Error> {
        let moment = self.link.settings().source.moment();
        match self.verified(&signed).await? {
            Ok(receipt) => {
                self.compare_clocks(&receipt, &moment);
                if self.link.host().heads().borrow().recovering() {
                    // It may name entries that are not back yet.
                    self.early = Some(EarlyReceipt { signed, tried_at: None });
                    return Ok(());
                }
                self.accept(receipt, signed, moment).await
            }
            Err(broken) => {
                // It proves nothing and changes nothing. The entries beside it have signatures of their own, and their
                // journal stops if these are invalid.
                self.link.unproven(Claim::Receipt);
                tracing::error!(reason = broken.reason().id(), %broken, "a receipt of the peer does not verify");
                if broken.reason() == Reason::KeyUnknown {
                    let tried_at = Some(self.link.host().heads().borrow().peer.seq);
                    self.early = Some(EarlyReceipt { signed, tried_at });
                }
                Ok(())
            }
        }
    }

    /// Accepts a receipt that came too early: once the recovery has ended, or once an entry that came later has added its
    /// key. The peer gives no second receipt for the same entries in one session.
    async fn accept_early(&mut self, heads: &Heads) -> Result<(), Error> {
        let is_due =
            |early: &mut EarlyReceipt| !heads.recovering() && early.tried_at.is_none_or(|seq| seq < heads.peer.seq);
        let Some(early) = self.early.take_if(is_due) else { return Ok(()) };
        match self.verified(&early.signed).await? {
            // The part of the own journal that the peer names may have been given up.
            Ok(receipt) if receipt.up_to_seq > heads.own.seq => Ok(()),
            Ok(receipt) => self.accept(receipt, early.signed, self.link.settings().source.moment()).await,
            Err(_) => {
                self.early = Some(EarlyReceipt { tried_at: Some(heads.peer.seq), ..early });
                Ok(())
            }
        }
    }

    async fn verified(&self, signed: &SignedReceipt) -> Result<Result<Receipt, Break>, Error> {
        let keys = self.link.keys(self.link.own().peer()).await?;
        // A key that the peer has revoked signs nothing, whichever number of its journal the receipt names.
        let known = self.link.host().heads().borrow().peer.seq;
        Ok(verify_receipt(signed, &keys, known))
    }

    async fn accept(&mut self, receipt: Receipt, signed: SignedReceipt, moment: Moment) -> Result<(), Error> {
        let (own, up_to) = (self.link.own(), receipt.up_to_seq);
        if let Some(written_us) = self.own.written_us(up_to) {
            let lag = moment.now.as_microsecond().saturating_sub(written_us);
            self.link.settings().metrics.receipted(Duration::from_micros(u64::try_from(lag).unwrap_or_default()));
        }
        let take = TakeReceipt { own, receipt, signed };
        let writing = self.link.host().write("receipt", moment, take);
        writing.instrument(span::receipt(own.id(), up_to, &self.own.traces(up_to))).await?;
        self.own.receipted(up_to);
        Ok(())
    }

    /// Compares the clocks: the receipt was signed just now by the peer's clock. A difference is an alarm and never a
    /// reason for a refusal.
    fn compare_clocks(&mut self, receipt: &Receipt, moment: &Moment) {
        if let (Some(keeper), Some(at)) = (self.link.settings().source.keeper(), receipt.at.as_ref().map(instant)) {
            keeper.heard(at);
        }
        let apart_us = micros(receipt.at.as_ref()).abs_diff(moment.now.as_microsecond());
        *self.link.inner.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(Duration::from_micros(apart_us));
        if apart_us > SKEW_US && !std::mem::replace(&mut self.skewed, true) {
            tracing::error!(seconds = apart_us / 1_000_000, "the two services' clocks are more than ten minutes apart");
        }
    }

    /// Sends the receipt that was signed and stored with the last arrival: it names a durable state.
    async fn hand_receipt(&self) -> Result<(), Error> {
        // A receipt has a date.
        if self.link.host().heads().borrow().recovering() || self.link.is_out_of_time() {
            return Ok(());
        }
        match self.link.host().receipt_given().await? {
            Some(signed) => self.say(Kind::Receipt(signed)).await,
            None => Ok(()),
        }
    }

    /// Ends a recovery when both journals are stored here as far as was proved: our own up to the last number that we
    /// wrote, the peer's up to its own head and up to the number that our entries have seen. Returns true if it has ended.
    async fn recovered(&mut self) -> Result<bool, Error> {
        let host = self.link.host();
        let heads = host.heads().borrow().clone();
        let is_whole = self.peer_head.is_some_and(|head| heads.peer.seq >= head);
        if heads.own.recover_to == 0 || comes_back(&heads) || heads.lacks_seen() || !is_whole {
            return Ok(false);
        }
        let moment = self.link.settings().source.moment();
        let reopen = host.reopening(Cause::FetchedBack).await?;
        host.write("reopen", moment, reopen).await?;
        self.own.resend_from(heads.own.seq + 1);
        Ok(true)
    }
}
