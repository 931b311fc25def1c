//! The course of attempts: their recent successes and failures.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::error::Error;

/// The time after which failures are reported. A single failure may be a lock or a cut connection.
const LASTS: Duration = Duration::from_secs(3);
/// The time after which a batch that waits for the database counts as failed.
const STUCK: Duration = Duration::from_secs(5);
/// The time without any other failure after which the success of a trial counts. A batch may meet a fault that a trial
/// does not meet.
const QUIET: Duration = Duration::from_secs(10);

/// The recent outcome of attempts of one kind.
#[derive(Default)]
pub(crate) struct Course(Mutex<State>);

#[derive(Default)]
struct State {
    /// The time at which the present attempt began.
    begun: Option<Instant>,
    failing: Option<Failing>,
}

/// The failures since the last success.
struct Failing {
    since: Instant,
    last: Instant,
    why: String,
}

impl Course {
    /// Begins an attempt. One that consists of several steps begins with the first.
    pub(crate) fn begin(&self) {
        self.state().begun.get_or_insert_with(Instant::now);
    }

    pub(crate) fn end<T>(&self, outcome: &Result<T, Error>) {
        let mut state = self.state();
        let now = Instant::now();
        let begun = state.begun.take().unwrap_or(now);
        let Err(error) = outcome else {
            state.failing = None;
            return;
        };
        let why = error.to_string();
        match &mut state.failing {
            Some(failing) => (failing.last, failing.why) = (now, why),
            none => *none = Some(Failing { since: begun, last: now, why }),
        }
    }

    /// The time since the last success, and the reason of the failures; `None` if they are not yet to be reported.
    pub(crate) fn trouble(&self) -> Option<(Duration, String)> {
        let state = self.state();
        let failing = state.failing.as_ref().map(|failing| (failing.since.elapsed(), failing.why.clone()));
        let failing = failing.filter(|(since, _)| *since >= LASTS);
        let stuck = state.begun.map(|begun| (begun.elapsed(), "the database does not answer".to_owned()));
        failing.or(stuck.filter(|(since, _)| *since >= STUCK))
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.state().failing.is_some()
    }

    /// Records that a trial succeeded.
    pub(crate) fn relieve(&self) {
        let mut state = self.state();
        if state.failing.as_ref().is_some_and(|failing| failing.last.elapsed() >= QUIET) {
            state.failing = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
