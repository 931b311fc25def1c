//! Commands that wait for the writer.

use prost::Message as _;
use renkei_book::{CallOrigin, Command, Stage};
use renkei_domain::{moment::Moment, read_set::ReadSet, refusal::Refusal};
use tokio::sync::oneshot;
use tracing::Span;

use crate::error::Error;

/// The most commands that wait.
pub const QUEUE: usize = 1024;

/// A command whose reply is bytes, so that commands of all kinds wait in one queue.
pub(crate) trait AnyCommand: Send + Sync {
    fn reads(&self, moment: &Moment) -> ReadSet;
    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<Vec<u8>, Refusal>;
    fn while_recovering(&self) -> bool;
    fn is_undated(&self) -> bool;
    fn reply_to_repeat(&self, stage: &Stage, matter: &str, moment: &Moment) -> Option<Vec<u8>>;
}

impl<C: Command> AnyCommand for C {
    fn reads(&self, moment: &Moment) -> ReadSet {
        Command::reads(self, moment)
    }

    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<Vec<u8>, Refusal> {
        Command::run(self, stage, moment).map(|reply| reply.encode_to_vec())
    }

    fn while_recovering(&self) -> bool {
        Command::while_recovering(self)
    }

    fn is_undated(&self) -> bool {
        Command::is_undated(self)
    }

    fn reply_to_repeat(&self, stage: &Stage, matter: &str, moment: &Moment) -> Option<Vec<u8>> {
        Command::reply_to_repeat(self, stage, matter, moment).map(|reply| reply.encode_to_vec())
    }
}

/// A command that waits for the writer.
pub(crate) struct Job {
    pub(crate) command: Box<dyn AnyCommand>,
    pub(crate) call: CallOrigin,
    pub(crate) moment: Moment,
    pub(crate) done: oneshot::Sender<Result<Vec<u8>, Error>>,
    /// The span from the queue to the answer.
    pub(crate) span: Span,
}
