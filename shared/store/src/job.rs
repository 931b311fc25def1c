//! Commands that wait for the writer.

use renkei_book::Submission;
use tokio::sync::oneshot;
use tracing::Span;

use crate::error::Error;

/// The most commands that wait.
pub const QUEUE: usize = 1024;

/// A command that waits for the writer.
pub(crate) struct Job {
    pub(crate) submission: Submission,
    pub(crate) done: oneshot::Sender<Result<Vec<u8>, Error>>,
    /// The span from the queue to the answer.
    pub(crate) span: Span,
}
