//! Calls that are repeated until they are answered.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use renkei_proto::options::v1::Reason;
use tokio::time::{Instant, sleep};
use tonic::{Code, Response, Status};
use uuid::Uuid;

use crate::error::CallError;

/// The pause before a call that nobody answered is repeated.
pub const REPEAT_AFTER: Duration = Duration::from_millis(50);

/// The longest pause before a call is repeated that nobody answered.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The tokens of a connection, in thousandths. A failure takes one token; an answer gives a tenth, and a second a whole one.
const TOKENS: u64 = 100_000;
const TOKEN: u64 = 1000;

/// The answer to a call, or the error.
pub type Answer<T> = Result<T, CallError>;

/// A fresh id for a request that writes: a random UUID.
///
/// The service answers a repeated id with its first answer, so make one id for each intended act and keep it for all
/// repetitions.
#[expect(clippy::disallowed_methods, reason = "a client is the edge at which ids are drawn")]
pub fn request_id() -> String {
    Uuid::new_v4().to_string()
}

/// Makes a call, and repeats it for as long as nobody answers or the service is shutting down.
///
/// A call breaks off when the service restarts or the line is cut; nobody knows then whether it was carried out. A call
/// that only reads, or that has a `request_id`, is safe to repeat. `limit` is the time within which a repetition may
/// begin, so this ends at most one [`CALL_TIMEOUT`](crate::CALL_TIMEOUT) later.
///
/// # Errors
/// The first answer that is an error, or the last failure within the limit.
pub async fn answered<T>(limit: Duration, call: impl AsyncFn() -> Result<Response<T>, Status>) -> Answer<T> {
    let start = Instant::now();
    loop {
        let error = match call().await {
            Ok(response) => return Ok(response.into_inner()),
            Err(status) => CallError::from(status),
        };
        let again = error.is_unanswered || error.reason == Reason::Draining;
        if !again || start.elapsed() > limit {
            return Err(error);
        }
        sleep(REPEAT_AFTER).await;
    }
}

/// The repetitions that the calls over one connection may make together, as gRPC throttles them (gRFC A6). While many calls
/// fail, none is repeated, so that a service that returns is not met by the repetitions of all at once. Tokens also come back
/// with time, so that a single call can wait for its service as long as its limit allows.
#[derive(Debug)]
pub(crate) struct Budget(Mutex<Tokens>);

#[derive(Debug)]
struct Tokens {
    left: u64,
    /// The time for which they were counted.
    at: Instant,
}

impl Budget {
    /// A full budget.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Tokens { left: TOKENS, at: Instant::now() }))
    }

    /// Takes the token of a failure; true if the call may be repeated, because more than half of the tokens are left.
    fn take(&self, now: Instant) -> bool {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let earned = u64::try_from(now.saturating_duration_since(tokens.at).as_millis()).unwrap_or(TOKENS);
        tokens.left = tokens.left.saturating_add(earned).min(TOKENS).saturating_sub(TOKEN);
        tokens.at = now;
        tokens.left > TOKENS / 2
    }

    fn give(&self) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.left = (tokens.left + TOKEN / 10).min(TOKENS);
    }
}

/// Makes a call, and repeats it within the limit and the budget.
pub(crate) async fn answered_within<T>(
    limit: Duration,
    budget: &Budget,
    call: impl AsyncFn() -> Result<Response<T>, Status>,
) -> Answer<T> {
    let (start, mut attempt) = (Instant::now(), 0);
    loop {
        let error = match call().await {
            Ok(response) => {
                budget.give();
                return Ok(response.into_inner());
            }
            Err(status) => CallError::from(status),
        };
        let Some(pause) = pause(&error, attempt) else {
            budget.give();
            return Err(error);
        };
        if !budget.take(Instant::now()) || start.elapsed().saturating_add(pause) > limit {
            return Err(error);
        }
        sleep(pause).await;
        attempt += 1;
    }
}

/// The pause before the same call is made again: the one that the service names, or one that doubles. `None` for an answer that
/// would be the same again.
fn pause(error: &CallError, attempt: u32) -> Option<Duration> {
    let is_undecided = (error.is_unanswered && !error.is_lasting) || error.code == Code::DeadlineExceeded;
    let doubled = REPEAT_AFTER.saturating_mul(1 << attempt.min(16)).min(LONGEST_PAUSE);
    error.retry_after.or(is_undecided.then_some(doubled))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "statuses as tonic makes them")]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_by_failures_and_filled_by_answers_and_time() {
        let budget = Budget::new();
        let start = budget.0.lock().map(|tokens| tokens.at).unwrap_or_else(|_| Instant::now());
        assert_eq!((0..200).filter(|_| budget.take(start)).count(), 49);
        (0..10_000).for_each(|_| budget.give());
        assert!(budget.take(start));
        assert_eq!((0..200).filter(|_| budget.take(start)).count(), 48);
        // One call that is repeated every second is never held back.
        let late = (1..1000).map(|second| start + Duration::from_secs(100 + second));
        assert!(late.into_iter().all(|now| budget.take(now)));
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_a_refusal_has_none() {
        let unanswered = CallError::from(Status::unavailable("nobody"));
        let pauses: Vec<u128> =
            [0, 1, 2, 40].iter().filter_map(|at| pause(&unanswered, *at)).map(|it| it.as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 5000]);
        let told = CallError { retry_after: Some(Duration::from_secs(30)), ..unanswered.clone() };
        assert_eq!(pause(&told, 0), Some(Duration::from_secs(30)));
        assert_eq!(pause(&CallError { is_lasting: true, ..unanswered }, 0), None);
        assert_eq!(pause(&CallError::from(Status::not_found("hidden")), 0), None);
    }
}
