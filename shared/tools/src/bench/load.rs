//! Calls, so many at once, for a while.

use std::{future::Future, sync::Arc, time::Duration};

use hdrhistogram::Histogram;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use super::machine::Machine;
use crate::desk::PATIENCE;

/// The longest call that is told apart from longer ones, in microseconds.
const LONGEST: u64 = 60_000_000;

/// The outcome of a number of calls.
pub(super) struct Load {
    /// The number of calls that were answered.
    pub count: u64,
    /// From the first call to the last answer.
    pub elapsed: Duration,
    /// The duration of each call, in microseconds.
    pub took: Histogram<u64>,
    /// The share of the machine that was idle meanwhile.
    pub idle: f64,
}

impl Load {
    /// Answers per second.
    pub(super) fn rate(&self) -> f64 {
        self.count as f64 / self.elapsed.as_secs_f64()
    }
}

/// Keeps so many calls under way for this time. Each of them is told its number.
///
/// # Errors
/// The first call that fails, or is not answered within [`PATIENCE`].
pub(super) async fn load<F>(
    in_flight: usize,
    time: Duration,
    call: impl Fn(usize) -> F + Send + Sync + 'static,
) -> Result<Load, String>
where
    F: Future<Output = Result<(), String>> + Send,
{
    let (call, before, start) = (Arc::new(call), Machine::now()?, Instant::now());
    let mut calls = JoinSet::new();
    for number in 0..in_flight {
        let call = Arc::clone(&call);
        calls.spawn(async move {
            let mut took = durations()?;
            while start.elapsed() < time {
                let begun = Instant::now();
                let answer = timeout(PATIENCE, call(number)).await;
                answer.map_err(|_| format!("a call was not answered within {} s", PATIENCE.as_secs()))??;
                took.saturating_record(micros(begun.elapsed()));
            }
            Ok::<_, String>(took)
        });
    }
    let mut took = durations()?;
    while let Some(done) = calls.join_next().await {
        let done = done.map_err(|error| error.to_string())??;
        took.add(done).map_err(|error| error.to_string())?;
    }
    let (elapsed, idle) = (start.elapsed(), Machine::now()?.idle_since(&before));
    Ok(Load { count: took.len(), elapsed, took, idle })
}

/// Durations up to a minute, to three digits.
pub(crate) fn durations() -> Result<Histogram<u64>, String> {
    Histogram::new_with_max(LONGEST, 3).map_err(|error| error.to_string())
}

/// A duration in whole microseconds.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
