//! Commands: acts as values. Their pages are loaded before they run, and their results are written afterwards; they
//! themselves are pure.

use prost::Message;
use renkei_domain::{moment::Moment, read_set::ReadSet, refusal::Refusal};

use crate::stage::Stage;

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

/// Encodes a content message, as the content of an entry.
pub fn content(message: &impl prost::Message) -> Option<Vec<u8>> {
    Some(message.encode_to_vec())
}
