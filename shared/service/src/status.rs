//! The state of a service: the one answer behind `status`, the operator's port and the metrics.

mod agreement;
mod link;
mod matters;
pub(crate) mod table;

use std::time::Duration;

use jiff::{Timestamp, civil::Date};
use renkei_book::{Heads, JournalHead};
use renkei_desk::Watchers;
use renkei_domain::{
    calendar,
    duty::DutyKind,
    matter::{Matter, entry_name},
    moment::{Source, micros},
    noun::{journal, registry},
    page::{Journal, Seen},
};
use renkei_link::Link;
use renkei_proto::r#type::v1::Agency;
use renkei_rpc::tls::{InUse, Part};
use renkei_store::{Error, Store};
use renkei_telemetry::{Direction, Metrics};
use serde::{Deserialize, Serialize};

pub(crate) use self::{
    agreement::{AgreementStands, NoticeStands, TermStands},
    link::{AGREEMENT_DIFFERS, CONNECTED, LinkStands},
    matters::{EntryStands, MatterStands},
};
use crate::{
    language::time,
    past::{Past, Sample},
    source::stopped_by_clock,
};

/// The maximum number of duties of a kind that are counted.
const DUTIES: usize = 10_000;
const DAY: i64 = 86_400;
/// The time limit for the database's part of the answer.
const LOOK: Duration = Duration::from_secs(3);

/// The state of one service.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) agency: String,
    /// The time of this answer.
    pub(crate) as_of: String,
    /// `running` or `not running`; in the second case everything comes from the database and the files.
    pub(crate) service: String,
    pub(crate) link: LinkStands,
    /// The trust material in use; the first to expire comes first.
    pub(crate) trust: Vec<Trust>,
    /// The faults of certificates, roots and revocation lists. Services of earlier versions do not report them.
    #[serde(default)]
    pub(crate) trust_faults: Vec<TrustFault>,
    /// The fault of the database; empty while it answers and commits.
    pub(crate) database: String,
    /// The reason for which reads of secret material cannot be recorded; empty while they can.
    #[serde(default)]
    pub(crate) recording: String,
    /// The size of the embedded database's write-ahead log, in bytes.
    #[serde(default)]
    pub(crate) log_bytes: Option<u64>,
    /// The reason for which the clock is doubted, so that acts are refused; empty while it is not.
    #[serde(default)]
    pub(crate) clock: String,
    /// The part that comes from the database; `None` while it does not answer.
    pub(crate) held: Option<HeldStands>,
    /// The watchers of the change feed; only for a running service.
    pub(crate) watchers: Option<WatchersStand>,
    /// The backlog of the last hour, a sample a minute and the one of this answer; only for a running service. Services of
    /// earlier versions do not report it.
    #[serde(default)]
    pub(crate) backlog_hour: Vec<BacklogSample>,
    /// The matters in which one of the agencies has written last, the newest first; `None` while the database does not answer.
    /// Services of earlier versions do not report them.
    #[serde(default)]
    pub(crate) matters: Option<Vec<MatterStands>>,
}

/// The number of own entries without a receipt at a time.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BacklogSample {
    pub(crate) at: String,
    pub(crate) backlog: u64,
}

/// A certificate or revocation list in use.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Trust {
    /// `desk`, `link` or `dial`.
    pub(crate) port: String,
    /// `certificate` or `revocation list`.
    pub(crate) what: String,
    /// The serial number of the certificate, or number and instant of each list: a file that was replaced is in use once its
    /// own is shown here. Services of earlier versions do not report it.
    #[serde(default)]
    pub(crate) version: String,
    pub(crate) ends_at: String,
    /// The number of whole days; negative after the end.
    pub(crate) days_left: i64,
    pub(crate) seconds_left: i64,
}

/// Trust material in the files that is not in use, or that is missing.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TrustFault {
    /// `desk`, `link` or `dial`. A fault of both `link` and `dial` is reported once.
    pub(crate) port: String,
    pub(crate) why: String,
}

/// The watchers of the change feed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WatchersStand {
    pub(crate) open: usize,
    /// The number of changes that the slowest has not yet received.
    pub(crate) lag: u64,
}

/// The state of journals, duties and agreement in the database.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HeldStands {
    pub(crate) own_seq: u64,
    pub(crate) own_hash: String,
    pub(crate) incarnation: u32,
    pub(crate) receipted_seq: u64,
    pub(crate) last_receipt_at: Option<String>,
    pub(crate) peer_seq: u64,
    pub(crate) peer_hash: String,
    /// The number of own entries without a receipt.
    pub(crate) backlog: u64,
    /// The oldest own entry without a receipt.
    pub(crate) oldest_waiting: Option<Waiting>,
    /// The number of the peer's entries that its last receipt named and that are not stored here.
    pub(crate) expected: u64,
    pub(crate) expected_for_seconds: u64,
    /// The number at which the peer's journal is stopped here, with the reason.
    pub(crate) stopped_at: Option<String>,
    /// The number at which the own journal is stopped at the peer, with the reason.
    pub(crate) stopped_by_peer_at: Option<String>,
    pub(crate) recovering: bool,
    /// True if, after a loss, nobody has confirmed the list of barred officials, so that no official acts.
    pub(crate) bar_list_open: bool,
    /// The number of own entries that wait for an official after a recovery.
    pub(crate) set_aside: usize,
    /// The open duties, by kind.
    pub(crate) duties: Vec<Duties>,
    pub(crate) agreement: AgreementStands,
    /// The time for which the audit chains have moved without an anchor in the journal, in seconds.
    pub(crate) unanchored_for_seconds: u64,
}

/// An entry that waits for the peer's receipt.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) entry: String,
    pub(crate) matter: String,
    pub(crate) fact_type: String,
    pub(crate) written_at: String,
    pub(crate) for_seconds: u64,
    /// The cause of the delay.
    pub(crate) why: String,
}

/// Duties of one kind.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Duties {
    pub(crate) kind: String,
    pub(crate) open: usize,
    pub(crate) overdue: usize,
    pub(crate) due_today: usize,
    /// The next due day, and the matter.
    pub(crate) next_due: Option<String>,
    /// True if that day is provisional, because the holidays of its year were not fixed when it was computed. Services of
    /// earlier versions do not report it.
    #[serde(default)]
    pub(crate) next_due_by_rule: bool,
    pub(crate) next_matter: String,
}

/// The state of each port's trust material.
pub(crate) struct TrustStands {
    pub(crate) in_use: Vec<(&'static str, InUse)>,
    /// The faults, in sentences.
    pub(crate) faults: Vec<(&'static str, Vec<String>)>,
}

/// The part of a running service's state that is not in the database.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) link: Link,
    pub(crate) watchers: Watchers,
    pub(crate) past: Past,
}

impl Status {
    /// Collects the whole state. `machine` is the machine's clock, by which certificates are judged; `source` contains
    /// the clock of the service.
    pub(crate) async fn of(
        store: &Store,
        live: Option<&Live>,
        material: TrustStands,
        machine: Timestamp,
        source: &Source,
    ) -> Self {
        let now = source.moment().now;
        let link = live.map_or_else(LinkStands::unknown, |live| LinkStands::of(store, &live.link, &live.past, now));
        let looking = tokio::time::timeout(LOOK, HeldStands::of(store, &link, now));
        let held = looking.await.map_err(|_| format!("no answer within {} s", LOOK.as_secs()));
        let held = held.and_then(|held| held.map_err(|error| error.to_string()));
        let mut database = trouble(store).await;
        if let (true, Err(why)) = (database.is_empty(), &held) {
            database.clone_from(why);
        }
        let condition = store.condition();
        let (feed, backlog) = {
            let heads = store.heads();
            let heads = heads.borrow();
            (heads.turn, heads.backlog())
        };
        // The field `database` reports whether the database answers.
        let clock = tokio::time::timeout(LOOK, stopped_by_clock(source, store)).await;
        let clock = clock.ok().and_then(Result::ok).unwrap_or_default();
        Self {
            agency: store.own().id().to_owned(),
            as_of: now.to_string(),
            service: if live.is_some() { RUNNING } else { "not running" }.to_owned(),
            link,
            trust: trust(material.in_use, machine),
            trust_faults: faults(material.faults),
            database,
            recording: if condition.writes.is_empty() { condition.records } else { condition.writes },
            log_bytes: store.log_bytes(),
            clock,
            held: held.ok(),
            watchers: live.map(|live| WatchersStand {
                open: live.watchers.open(),
                lag: live.watchers.slowest().map_or(0, |told| feed.saturating_sub(told)),
            }),
            backlog_hour: live.map(|live| hour(&live.past, Sample { at: now, backlog })).unwrap_or_default(),
            matters: None,
        }
    }

    /// The same with the matters of the newest entries, which the metrics do without.
    pub(crate) async fn with_matters(mut self, store: &Store) -> Self {
        if self.held.is_some() {
            let looking = tokio::time::timeout(LOOK, matters::matters(store)).await;
            self.matters = looking.ok().and_then(Result::ok);
        }
        self
    }

    /// Updates the metrics with this state.
    pub(crate) fn record(&self, own: Agency, metrics: &Metrics) {
        metrics.link_up(self.link.state == CONNECTED);
        metrics.database_up(self.database.is_empty());
        metrics.audit_writable(self.recording.is_empty());
        if let Some(bytes) = self.log_bytes {
            metrics.database_log(bytes);
        }
        metrics.clock_doubted(!self.clock.is_empty());
        for port in ["desk", "link", "dial"] {
            let of = |what| self.trust.iter().find(|it| it.port == port && it.what == what).map(|it| it.seconds_left);
            if let Some(certificate) = of(CERTIFICATE) {
                metrics.trust(port, certificate, of(CRL));
            }
            metrics.trust_faults(port, self.trust_faults.iter().filter(|it| it.port == port).count());
        }
        if let Some(apart) = self.link.clock_skew_seconds {
            metrics.clock_skew(Duration::try_from_secs_f64(apart).unwrap_or_default());
        }
        for agency in [own, own.peer()] {
            let lacking = self.link.lacking.iter().filter(|it| it.agency == agency.id());
            metrics.agreement_lacking(agency.id(), lacking.count());
        }
        if let Some(watchers) = &self.watchers {
            metrics.watchers(watchers.open, watchers.lag);
        }
        let Some(held) = &self.held else { return };
        metrics.journal(own.id(), held.own_seq, held.stopped_by_peer_at.is_some());
        metrics.journal(own.peer().id(), held.peer_seq, held.stopped_at.is_some());
        metrics.recovering(held.recovering || held.bar_list_open);
        let age = held.oldest_waiting.as_ref().map_or(0, |waiting| waiting.for_seconds);
        metrics.backlog(Direction::Out, held.backlog, Duration::from_secs(age));
        metrics.backlog(Direction::In, held.expected, Duration::from_secs(held.expected_for_seconds));
        for kind in registry::duty_kinds() {
            let found = held.duties.iter().find(|it| it.kind == kind.id());
            metrics.duties(kind.id(), found.map_or(0, |it| it.open), found.map_or(0, |it| it.overdue));
        }
        if let Some(left) = held.agreement.notice_seconds_left {
            metrics.notice(left);
        }
        metrics.audit_anchored(Duration::from_secs(held.unanchored_for_seconds));
    }
}

/// The fault of the database, in a sentence; empty if there is none. Readiness, `status`, `health`, `doctor` and the
/// metrics all use this function.
pub(crate) async fn trouble(store: &Store) -> String {
    let answers = match tokio::time::timeout(LOOK, store.ping()).await {
        Ok(answers) => answers.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the database does not answer within {} s", LOOK.as_secs())),
    };
    answers.err().unwrap_or_else(|| store.condition().trouble().to_owned())
}

pub(crate) const RUNNING: &str = "running";
pub(crate) const CERTIFICATE: &str = "certificate";
const CRL: &str = "revocation list";

fn hour(past: &Past, now: Sample) -> Vec<BacklogSample> {
    let samples = past.hour(now);
    samples.iter().map(|it| BacklogSample { at: it.at.to_string(), backlog: it.backlog }).collect()
}

fn trust(in_use: Vec<(&'static str, InUse)>, machine: Timestamp) -> Vec<Trust> {
    let mut all = Vec::new();
    for (port, it) in in_use {
        let of = |what: &str, Part { version, ends }: Part| {
            let seconds_left = ends - machine.as_second();
            let ends_at = Timestamp::from_second(ends).map_or_else(|_| "-".to_owned(), |at| at.to_string());
            let days_left = seconds_left.div_euclid(DAY);
            Trust { port: port.to_owned(), what: what.to_owned(), version, ends_at, days_left, seconds_left }
        };
        all.push(of(CERTIFICATE, it.certificate));
        all.extend(it.crl.map(|crl| of(CRL, crl)));
    }
    all.sort_by_key(|it| it.seconds_left);
    all
}

fn faults(all: Vec<(&'static str, Vec<String>)>) -> Vec<TrustFault> {
    let each = all.into_iter().flat_map(|(port, faults)| faults.into_iter().map(move |why| (port, why)));
    each.map(|(port, why)| TrustFault { port: port.to_owned(), why }).collect()
}

impl HeldStands {
    async fn of(store: &Store, link: &LinkStands, now: Timestamp) -> Result<Self, Error> {
        // Another process may have written, and a database that is away must not look as it did before.
        store.refresh().await?;
        let heads = store.heads().borrow().clone();
        let (own, peer) = (&heads.own, &heads.peer);
        let since = |us: i64| u64::try_from((now.as_microsecond() - us) / 1_000_000).unwrap_or_default();
        let expected = own.receipted_own.saturating_sub(peer.seq);
        let page = store.page(Matter::AGREEMENT).await?.unwrap_or_default();
        Ok(Self {
            own_seq: own.seq,
            own_hash: hex::encode(own.hash),
            incarnation: own.incarnation,
            receipted_seq: own.receipted,
            last_receipt_at: (own.receipted_us != 0).then(|| time(own.receipted_us)),
            peer_seq: peer.seq,
            peer_hash: hex::encode(peer.hash),
            backlog: heads.backlog(),
            oldest_waiting: waiting(store, &heads, link, since).await?,
            expected,
            expected_for_seconds: if expected == 0 { 0 } else { since(own.receipted_us) },
            stopped_at: stop(peer),
            stopped_by_peer_at: stop(own),
            recovering: heads.recovering(),
            bar_list_open: heads.is_bar_list_open(),
            set_aside: store.aside().await?.len(),
            duties: duties(store, calendar::day(now)).await?,
            agreement: AgreementStands::of(Seen::whole(&page), now),
            unanchored_for_seconds: unanchored(store, since).await?,
        })
    }
}

fn stop(head: &JournalHead) -> Option<String> {
    (head.stop_seq != 0).then(|| format!("{} {}", head.stop_seq, head.stop_reason.id()))
}

/// The oldest own entry without a receipt.
async fn waiting(
    store: &Store,
    heads: &Heads,
    link: &LinkStands,
    since: impl Fn(i64) -> u64,
) -> Result<Option<Waiting>, Error> {
    let Some(oldest) = heads.oldest_waiting() else { return Ok(None) };
    let Some(held) = store.entry(Journal::Of(store.own()), oldest).await? else { return Ok(None) };
    let written_us = micros(held.header.written_at.as_ref());
    let why = match stop(&heads.own) {
        Some(stop) => format!("the peer has stopped this journal at {stop}: its operator lifts the stop with `resume`"),
        None if heads.recovering() => "the own journal is being fetched back".to_owned(),
        None if link.state != CONNECTED => link.cause.clone(),
        None => "it is being sent".to_owned(),
    };
    Ok(Some(Waiting {
        entry: entry_name(store.own(), held.header.seq),
        matter: held.header.matter,
        fact_type: held.header.fact_type,
        written_at: time(written_us),
        for_seconds: since(written_us),
        why,
    }))
}

async fn duties(store: &Store, today: Date) -> Result<Vec<Duties>, Error> {
    let mut all = Vec::new();
    for kind in registry::duty_kinds() {
        let found = store.duties(kind, DUTIES).await?;
        let Some((next_due, next_matter)) = found.first().cloned() else { continue };
        let how_many = |when: fn(&Date, &Date) -> bool| {
            found.iter().filter(|(due, _)| due.as_ref().is_some_and(|due| when(due, &today))).count()
        };
        let next_due_by_rule = is_by_rule(store, kind, &next_matter).await?;
        all.push(Duties {
            kind: kind.id().to_owned(),
            open: found.len(),
            overdue: how_many(Date::lt),
            due_today: how_many(Date::eq),
            next_due: next_due.map(|day| day.to_string()),
            next_due_by_rule,
            next_matter,
        });
    }
    Ok(all)
}

/// Tells whether the day of a matter's duty is provisional.
async fn is_by_rule(store: &Store, kind: DutyKind, matter: &str) -> Result<bool, Error> {
    let page = store.page(matter).await?.unwrap_or_default();
    let matter = Matter::of(matter);
    let duties = registry::of(&matter).duties(store.own(), &matter, Seen::whole(&page));
    Ok(duties.iter().any(|duty| duty.kind == kind && duty.by_rule))
}

/// The time since the audit chains moved on from their last anchor, in seconds.
async fn unanchored(store: &Store, since: impl Fn(i64) -> u64) -> Result<u64, Error> {
    let own = store.own();
    let page = store.page(&journal::name(own)).await?.unwrap_or_default();
    let Some((at, checkpoint)) = journal::checkpointed_at(Seen::whole(&page), own) else { return Ok(0) };
    let heads = store.audit_heads().await?;
    let anchored = |head: &renkei_store::ChainHead| {
        checkpoint.chains.iter().any(|anchor| anchor.chain == head.chain && anchor.seq == head.seq)
    };
    Ok(if heads.iter().all(anchored) { 0 } else { since(at) })
}
