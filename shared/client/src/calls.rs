//! Calls that are repeated until they are answered.

use std::time::Duration;

use renkei_proto::options::v1::Reason;
use tokio::time::{Instant, sleep};
use tonic::{Response, Status};
use uuid::Uuid;

use crate::error::CallError;

/// The pause before a call that nobody answered is repeated.
pub const REPEAT_AFTER: Duration = Duration::from_millis(50);

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
