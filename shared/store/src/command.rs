//! Commands: acts as values. Their pages are loaded before they run, and their results are written afterwards; they
//! themselves are pure.

use prost::Message;
use renkei_domain::{moment::Moment, read_set::ReadSet, refusal::Refusal};
use tokio::sync::oneshot;
use tracing::Span;

use crate::{call_origin::CallOrigin, error::Error, stage::Stage};

/// The most commands that wait.
pub const QUEUE: usize = 1024;

/// An act as a value: a desk call, an arriving batch, a tick of the clock.
pub trait Command: Send + Sync + 'static {
    /// The reply to the caller. It is stored for repeats of the call, so it contains no content and no secret.
    type Reply: Message + Default + 'static;

    /// The pages and counters that the command needs.
    fn reads(&self, moment: &Moment) -> ReadSet;

    /// Runs the command on the stage. It is pure: it uses no clock and no randomness, and never waits. If it is
    /// refused, everything that it staged is dropped except its notes.
    ///
    /// # Errors
    /// A refusal with its reason.
    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<Self::Reply, Refusal>;

    /// True if the command is run even while the own journal is being fetched back from the peer.
    fn while_recovering(&self) -> bool {
        false
    }

    /// True if the command dates nothing, so that it is run even while the time is unknown.
    fn is_undated(&self) -> bool {
        false
    }

    /// The reply made again from a matter's page, for a repeat of a call whose stored reply was lost with the database.
    /// `None` for commands that nobody repeats.
    fn reply_to_repeat(&self, _stage: &Stage, _matter: &str, _moment: &Moment) -> Option<Self::Reply> {
        None
    }
}

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
