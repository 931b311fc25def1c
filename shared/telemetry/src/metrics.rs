//! Every metric of the system, each named once, with its unit and its meaning.
//!
//! Attributes come from closed sets only: names written in code (`&'static str`), gRPC codes, and
//! methods that this service has.

use std::{sync::Arc, time::Duration};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, MeterProvider, NoopMeterProvider};

use crate::queue::Dropped;
use crate::span::OTHER_METHOD;
use crate::status;

/// The bounds of durations, in seconds, as the semantic conventions 1.45 give them for RPC.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The bounds of a delivery's lag, in seconds: a peer may be away for days.
const LAG: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0, 3_600.0, 86_400.0];

/// The bounds of the number of commands in one commit.
const COMMANDS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The instruments of a service. Clones record to the same instruments and cost nothing, so each call has one.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Instruments>);

#[derive(Debug)]
struct Instruments {
    call_duration: Histogram<f64>,
    refusals: Counter<u64>,
    handshake_failures: Counter<u64>,
    unproven: Counter<u64>,
    write_duration: Histogram<f64>,
    write_batch: Histogram<u64>,
    journal_head: Gauge<u64>,
    journal_stopped: Gauge<u64>,
    recovering: Gauge<u64>,
    backlog_entries: Gauge<u64>,
    backlog_age: Gauge<f64>,
    receipt_lag: Histogram<f64>,
    link_up: Gauge<u64>,
    clock_skew: Gauge<f64>,
    clock_doubted: Gauge<u64>,
    watchers: Gauge<u64>,
    watch_lag: Gauge<u64>,
    duties_open: Gauge<u64>,
    duties_overdue: Gauge<u64>,
    certificate_remaining: Gauge<f64>,
    crl_remaining: Gauge<f64>,
    trust_faults: Gauge<u64>,
    notice_remaining: Gauge<f64>,
    agreement_lacking: Gauge<u64>,
    database_up: Gauge<u64>,
    database_connections: Gauge<u64>,
    database_log: Gauge<u64>,
    audit_writable: Gauge<u64>,
    audit_anchor_age: Gauge<f64>,
    altered: Counter<u64>,
    verified: Gauge<u64>,
    verified_age: Gauge<f64>,
}

/// The direction in which entries travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The own journal, on its way to the peer.
    Out,
    /// The peer's journal, on its way to this service.
    In,
}

/// A claim of the peer that needs the proof of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The peer's hello states a head of the own journal.
    Hello,
    /// The peer has stopped the own journal.
    Stop,
    /// The peer has stored the own journal up to a number.
    Receipt,
    /// The peer has written an entry.
    Entry,
}

impl Claim {
    const ALL: [Self; 4] = [Self::Hello, Self::Stop, Self::Receipt, Self::Entry];

    fn attribute(self) -> KeyValue {
        let claim = match self {
            Self::Hello => "hello",
            Self::Stop => "stop",
            Self::Receipt => "receipt",
            Self::Entry => "entry",
        };
        KeyValue::new("claim", claim)
    }
}

impl Metrics {
    /// Instruments that record nothing, for tests.
    #[must_use]
    pub fn none() -> Self {
        Self::new(&NoopMeterProvider::new().meter("renkei"), Dropped::default())
    }

    /// The instruments of `meter`; `dropped` is read at each collection.
    pub(crate) fn new(meter: &Meter, dropped: Dropped) -> Self {
        observe_dropped(meter, dropped);
        let counter = |name, unit, help| meter.u64_counter(name).with_unit(unit).with_description(help).build();
        let count = |name, unit, help| meter.u64_gauge(name).with_unit(unit).with_description(help).build();
        let seconds = |name, help| meter.f64_gauge(name).with_unit("s").with_description(help).build();
        let duration = |name, help| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(help);
            histogram.with_boundaries(SECONDS.to_vec()).build()
        };
        let batch = meter.u64_histogram("renkei.write.batch").with_unit("{command}");
        let metrics = Self(Arc::new(Instruments {
            call_duration: duration("rpc.server.call.duration", "Time from a call's arrival to its answer."),
            refusals: counter("renkei.refusals", "{refusal}", "Calls and entries refused, by reason."),
            handshake_failures: counter(
                "renkei.handshake.failures",
                "{handshake}",
                "TLS handshakes that failed or were refused.",
            ),
            unproven: counter(
                "renkei.link.unproven",
                "{claim}",
                "What a holder of the peer's certificate claimed without the proof that belongs to it, by kind.",
            ),
            write_duration: duration(
                "renkei.write.duration",
                "Time of one transaction of the writer, its commit included.",
            ),
            write_batch: batch.with_description("Commands in one commit.").with_boundaries(COMMANDS.to_vec()).build(),
            journal_head: count("renkei.journal.head", "{entry}", "Number of the last stored entry of a journal."),
            journal_stopped: count(
                "renkei.journal.stopped",
                "",
                "1 while a journal is stopped at the side that receives it, until an operator resumes it.",
            ),
            recovering: count(
                "renkei.recovering",
                "",
                "1 while a recovery is under way, or its list of barred officials is not confirmed, and writes are refused.",
            ),
            backlog_entries: count(
                "renkei.backlog.entries",
                "{entry}",
                "Entries that wait: out for the peer's receipt, in for their arrival here.",
            ),
            backlog_age: seconds("renkei.backlog.age", "Age of the oldest entry that waits; 0 when none does."),
            receipt_lag: meter
                .f64_histogram("renkei.receipt.lag")
                .with_unit("s")
                .with_description("Time from an entry's writing to the peer's receipt for it.")
                .with_boundaries(LAG.to_vec())
                .build(),
            link_up: count("renkei.link.up", "", "1 while a session with the peer is open."),
            clock_skew: seconds("renkei.clock.skew", "Difference to the peer's clock at its last receipt."),
            clock_doubted: count(
                "renkei.clock.doubted",
                "",
                "1 while the clock is doubted and acts are refused, until an operator confirms it.",
            ),
            watchers: count("renkei.watchers", "{watcher}", "Watches that are open."),
            watch_lag: count("renkei.watch.lag", "{change}", "Changes that the slowest watcher has not received yet."),
            duties_open: count("renkei.duties.open", "{duty}", "What this agency has to do, by kind."),
            duties_overdue: count("renkei.duties.overdue", "{duty}", "Duties whose day is over, by kind."),
            certificate_remaining: seconds(
                "renkei.certificate.remaining",
                "Time until a port's certificate ends; negative afterwards.",
            ),
            crl_remaining: seconds(
                "renkei.crl.remaining",
                "Time until the first revocation list of a port ends; beyond it every peer is refused.",
            ),
            trust_faults: count(
                "renkei.trust.faults",
                "{fault}",
                "Certificates, roots and revocation lists in the files that are refused or missing.",
            ),
            notice_remaining: seconds(
                "renkei.agreement.notice.remaining",
                "Time until the last day on which a notice about the end of the term can be sent (Art. 8).",
            ),
            agreement_lacking: count(
                "renkei.agreement.lacking",
                "{version}",
                "Versions of the memorandum that an agency lacks and that apply within thirty days, or already.",
            ),
            database_up: count("renkei.database.up", "", "1 while the database answers and batches are committed."),
            database_connections: count("renkei.database.connections", "{connection}", "Connections to the database."),
            database_log: count(
                "renkei.database.log.size",
                "By",
                "The length of the embedded database's log of changes.",
            ),
            audit_writable: count(
                "renkei.audit.writable",
                "",
                "0 after reads of secret material could not be recorded.",
            ),
            audit_anchor_age: seconds(
                "renkei.audit.anchor.age",
                "Time since the audit chains were anchored in the journal, while they have moved since; 0 otherwise.",
            ),
            altered: counter(
                "renkei.altered.rows",
                "{row}",
                "Rows that were changed behind the service's back and were not believed.",
            ),
            verified: count(
                "renkei.verified",
                "",
                "1 when the last verification of the whole database found no fault.",
            ),
            verified_age: seconds("renkei.verified.age", "Time since the whole database was last verified."),
        }));
        metrics.0.altered.add(0, &[]);
        // A counter without a value cannot be distinguished from a metric that does not exist.
        metrics.0.handshake_failures.add(0, &[]);
        Claim::ALL.into_iter().for_each(|claim| metrics.0.unproven.add(0, &[claim.attribute()]));
        metrics
    }

    /// Records a served call: its fully qualified `method`, whether this service has that method, the number of its
    /// gRPC status, and its duration.
    pub fn call_served(&self, method: &'static str, known: bool, code: i32, took: Duration) {
        let method = if known { method } else { OTHER_METHOD };
        let status = status::name(code);
        let attributes = [
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", method),
            KeyValue::new("rpc.status_code", status),
            KeyValue::new("error.type", status),
        ];
        // Of a call that succeeds, all but the last.
        let some = if status::is_failure(code, true) { &attributes[..] } else { &attributes[..3] };
        self.0.call_duration.record(took.as_secs_f64(), some);
    }

    /// Records the refusal of a call or an entry; `reason` is the name of a reason of the contract.
    pub fn refused(&self, reason: &'static str) {
        self.0.refusals.add(1, &[KeyValue::new("reason", reason)]);
    }

    /// Records a TLS handshake that failed or was refused.
    pub fn handshake_failed(&self) {
        self.0.handshake_failures.add(1, &[]);
    }

    /// Records a claim without proof by a holder of the peer's certificate. Such a claim changes nothing.
    pub fn unproven(&self, claim: Claim) {
        self.0.unproven.add(1, &[claim.attribute()]);
    }

    /// Records a committed transaction: its number of commands and its duration.
    pub fn committed(&self, commands: usize, took: Duration) {
        self.0.write_batch.record(number(commands), &[]);
        self.0.write_duration.record(took.as_secs_f64(), &[]);
    }

    /// Sets the state of a `journal`: the number of its last stored entry, and whether it is stopped.
    pub fn journal(&self, journal: &'static str, head: u64, stopped: bool) {
        let journal = [KeyValue::new("journal", journal)];
        self.0.journal_head.record(head, &journal);
        self.0.journal_stopped.record(u64::from(stopped), &journal);
    }

    /// Sets whether the own journal is being fetched back.
    pub fn recovering(&self, recovering: bool) {
        self.0.recovering.record(u64::from(recovering), &[]);
    }

    /// Sets the number of waiting entries and the age of the oldest.
    pub fn backlog(&self, direction: Direction, entries: u64, age: Duration) {
        let direction = if direction == Direction::Out { "out" } else { "in" };
        let direction = [KeyValue::new("direction", direction)];
        self.0.backlog_entries.record(entries, &direction);
        self.0.backlog_age.record(age.as_secs_f64(), &direction);
    }

    /// Records the time from the writing of an entry to the peer's receipt for it.
    pub fn receipted(&self, lag: Duration) {
        self.0.receipt_lag.record(lag.as_secs_f64(), &[]);
    }

    /// Sets whether a session with the peer is open.
    pub fn link_up(&self, up: bool) {
        self.0.link_up.record(u64::from(up), &[]);
    }

    /// Sets the difference between the clocks of the two services.
    pub fn clock_skew(&self, apart: Duration) {
        self.0.clock_skew.record(apart.as_secs_f64(), &[]);
    }

    /// Sets whether the clock is doubted, so that acts are refused.
    pub fn clock_doubted(&self, doubted: bool) {
        self.0.clock_doubted.record(u64::from(doubted), &[]);
    }

    /// Sets the number of open watches and the number of changes that the slowest has not yet received.
    pub fn watchers(&self, watchers: usize, lag: u64) {
        self.0.watchers.record(number(watchers), &[]);
        self.0.watch_lag.record(lag, &[]);
    }

    /// Sets the numbers of open and overdue duties of this kind.
    pub fn duties(&self, kind: &'static str, open: usize, overdue: usize) {
        let kind = [KeyValue::new("kind", kind)];
        self.0.duties_open.record(number(open), &kind);
        self.0.duties_overdue.record(number(overdue), &kind);
    }

    /// Sets the time, in seconds, until the certificate and the revocation list of a `port` expire.
    pub fn trust(&self, port: &'static str, certificate: i64, crl: Option<i64>) {
        let port = [KeyValue::new("port", port)];
        self.0.certificate_remaining.record(seconds(certificate), &port);
        if let Some(crl) = crl {
            self.0.crl_remaining.record(seconds(crl), &port);
        }
    }

    /// Sets the number of faults in the trust material of a `port`: files that are refused or missing.
    pub fn trust_faults(&self, port: &'static str, faults: usize) {
        self.0.trust_faults.record(number(faults), &[KeyValue::new("port", port)]);
    }

    /// Sets the number of versions of the memorandum that an agency lacks (`ppc` or `ipa`).
    pub fn agreement_lacking(&self, agency: &'static str, versions: usize) {
        self.0.agreement_lacking.record(number(versions), &[KeyValue::new("lacks", agency)]);
    }

    /// Sets the time, in seconds, until the end of the last open day for a notice.
    pub fn notice(&self, remaining: i64) {
        self.0.notice_remaining.record(seconds(remaining), &[]);
    }

    /// Sets the size of the embedded database's write-ahead log, in bytes.
    pub fn database_log(&self, bytes: u64) {
        self.0.database_log.record(bytes, &[]);
    }

    /// Sets whether the database answers and commits writes.
    pub fn database_up(&self, up: bool) {
        self.0.database_up.record(u64::from(up), &[]);
    }

    /// Sets the numbers of idle and used connections of a `pool`.
    pub fn database_connections(&self, pool: &'static str, idle: usize, used: usize) {
        for (state, connections) in [("idle", idle), ("used", used)] {
            let of = [KeyValue::new("pool", pool), KeyValue::new("state", state)];
            self.0.database_connections.record(number(connections), &of);
        }
    }

    /// Sets whether reads of secret material can be recorded.
    pub fn audit_writable(&self, writable: bool) {
        self.0.audit_writable.record(u64::from(writable), &[]);
    }

    /// Records a row of the database that differs from the row that the service wrote, and that was therefore rejected.
    pub fn altered(&self) {
        self.0.altered.add(1, &[]);
    }

    /// Sets the result of the last verification of the whole database and the time since its end.
    pub fn verified(&self, right: bool, age: Duration) {
        self.0.verified.record(u64::from(right), &[]);
        self.0.verified_age.record(age.as_secs_f64(), &[]);
    }

    /// Sets the time for which the audit chains have moved without an anchor.
    pub fn audit_anchored(&self, age: Duration) {
        self.0.audit_anchor_age.record(age.as_secs_f64(), &[]);
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A number of seconds as a float; exact far beyond any date.
#[expect(clippy::cast_precision_loss, reason = "seconds of a calendar fit")]
fn seconds(count: i64) -> f64 {
    count as f64
}

/// Registers a callback that reads the counts at each collection. The meter keeps the callback, so the instrument may
/// be dropped.
fn observe_dropped(meter: &Meter, dropped: Dropped) {
    let _ = meter
        .u64_observable_counter("renkei.spans.dropped")
        .with_unit("{span}")
        .with_description("Spans lost because the queue was full or the collector did not accept them.")
        .with_callback(move |observer| {
            for (cause, spans) in dropped.by_cause() {
                observer.observe(spans, &[KeyValue::new("cause", cause)]);
            }
        })
        .build();
}

#[cfg(test)]
mod tests;
