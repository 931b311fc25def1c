//! The outcomes of acts and the latency of answers.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use renkei_client::{Answer, CallError};
use tokio::time::Instant;

use crate::{
    acts::Reply,
    bench::load::{durations, micros},
    fault::Report,
};

/// The parts of a soak, of which the first and the last are compared.
const THIRDS: u32 = 3;

/// The outcomes of the acts of one generator.
#[derive(Default)]
struct Outcomes {
    accepted: u64,
    refused: BTreeMap<&'static str, u64>,
}

/// The figures of a soak so far.
pub(super) struct Figures {
    begun: Instant,
    length: Duration,
    outcomes: BTreeMap<&'static str, Outcomes>,
    /// The number of calls whose outcome nobody knew.
    lost: u64,
    /// The time from a call to its answer, in microseconds, by third.
    took: [Histogram<u64>; THIRDS as usize],
    minute: Minute,
}

/// The figures since they were last printed.
struct Minute {
    accepted: u64,
    refused: u64,
    lost: u64,
    took: Histogram<u64>,
}

impl Minute {
    fn new() -> Result<Self, String> {
        Ok(Self { accepted: 0, refused: 0, lost: 0, took: durations()? })
    }
}

impl Figures {
    pub(super) fn new(begun: Instant, length: Duration) -> Result<Self, String> {
        Ok(Self {
            begun,
            length,
            outcomes: BTreeMap::new(),
            lost: 0,
            took: [durations()?, durations()?, durations()?],
            minute: Minute::new()?,
        })
    }

    /// The third of the soak that it is in, from 0.
    pub(super) fn third(&self) -> usize {
        let elapsed = self.begun.elapsed() * THIRDS;
        (1..THIRDS).filter(|third| elapsed >= self.length * *third).count()
    }

    /// Counts an answer to an act of this generator.
    pub(super) fn answered(&mut self, generator: &'static str, answer: &Answer<Reply>) {
        let outcomes = self.outcomes.entry(generator).or_default();
        match answer {
            Ok(_) => {
                outcomes.accepted += 1;
                self.minute.accepted += 1;
            }
            Err(CallError { reason, .. }) => {
                *outcomes.refused.entry(reason.id()).or_default() += 1;
                self.minute.refused += 1;
            }
        }
    }

    /// Counts a call that is made again because nobody knows its outcome.
    pub(super) fn lost(&mut self) {
        self.lost += 1;
        self.minute.lost += 1;
    }

    /// Notes the time of one call from its last repetition to its answer.
    pub(super) fn took(&mut self, time: Duration) {
        let third = self.third();
        self.took[third].saturating_record(micros(time));
        self.minute.took.saturating_record(micros(time));
    }

    /// The figures since this was asked last.
    pub(super) fn minute(&mut self) -> Result<String, String> {
        let Minute { accepted, refused, lost, took } = std::mem::replace(&mut self.minute, Minute::new()?);
        Ok(format!("{accepted} accepted, {refused} refused, {lost} made again; {}", latencies(&took)))
    }

    /// Prints the outcomes by generator, and how the latency has changed.
    pub(super) fn print(&self, report: &mut Report<'_>) {
        let (mut accepted, mut refused) = (0, 0);
        for (name, of) in &self.outcomes {
            let reasons: Vec<String> = of.refused.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
            report.figure(name, format!("{} accepted; refused: {}", of.accepted, or_none(&reasons.join(", "))));
            accepted += of.accepted;
            refused += of.refused.values().sum::<u64>();
        }
        report.figure("acts", format!("{accepted} accepted, {refused} refused, {} calls made again", self.lost));
        let [first, _, last] = &self.took;
        report.figure("latency of the first third", latencies(first));
        report.figure("latency of the last third", latencies(last));
        let ratio =
            |quantile| last.value_at_quantile(quantile) as f64 / first.value_at_quantile(quantile).max(1) as f64;
        report.figure("latency, last to first", format!("p50 {:.2}, p99 {:.2}", ratio(0.5), ratio(0.99)));
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

fn latencies(took: &Histogram<u64>) -> String {
    let millis = |quantile| took.value_at_quantile(quantile) as f64 / 1000.0;
    format!("p50 {:.1} ms, p99 {:.1} ms", millis(0.5), millis(0.99))
}

/// A time for people.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
