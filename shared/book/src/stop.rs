//! Stops of a journal: the peer's here, and the own one at the peer.

use renkei_domain::{matter::Matter, moment::Moment, read_set::ReadSet, refusal::Refusal};
use renkei_proto::{
    Sentence,
    journal::v1::{Entry, JournalStopped, JournalStoppedContent, StopLifted, StopLiftedContent, fact},
    link::v1::Stop,
    options::v1::Reason,
    watch::v1::{JournalStopChanged, event::Change},
};

use crate::{
    command::{Command, content},
    stage::Stage,
};

/// Stops the peer's journal at the next number and keeps the entry that arrived as evidence.
pub(crate) fn stop(stage: &mut Stage, entry: &Entry, reason: Reason) {
    let seq = stage.heads().peer.seq + 1;
    (stage.heads.peer.stop_seq, stage.heads.peer.stop_reason) = (seq, reason);
    tracing::error!(seq, reason = reason.id(), "the peer's journal is stopped");
    let evidence = JournalStoppedContent {
        header: entry.header.iter().copied().take(65_536).collect(),
        signature: entry.signature.iter().copied().take(1024).collect(),
        key_id: entry.key_id.chars().take(256).collect(),
    };
    let stopped = JournalStopped { seq, reason: reason.into() };
    let matter = Matter::journal(stage.own().peer());
    stage.note(matter, fact::Fact::JournalStopped(stopped), content(&evidence));
    stage.tell("", Change::JournalStopChanged(JournalStopChanged { seq, reason: reason.into() }));
}

/// Stops the peer's journal at a header that the peer signed and that this version does not understand, when it came
/// twice. A header without the peer's signature stops nothing, because every holder of its certificate could send it.
pub struct StopJournal {
    /// The entry as it arrived.
    pub entry: Entry,
    /// The reason for which it is not accepted.
    pub reason: Reason,
}

impl Command for StopJournal {
    type Reply = Stop;

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet::default()
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<Stop, Refusal> {
        if stage.heads().peer.stop_seq == 0 {
            stop(stage, &self.entry, self.reason);
        }
        let peer = &stage.heads().peer;
        let journal = stage.own().peer().into();
        Ok(Stop { seq: peer.stop_seq, reason: peer.stop_reason.into(), journal })
    }
}

/// Lifts a stop of the peer's journal. It is recorded, and the journal is asked for again from its next number; no number
/// is ever skipped.
pub struct Resume {
    /// The next number of the peer's journal, named by the operator so that nobody resumes blindly.
    pub from_seq: u64,
    /// The reason in the operator's words.
    pub reason: String,
}

impl Command for Resume {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet::default()
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        let peer = &stage.heads().peer;
        if peer.stop_seq == 0 {
            return Err(Refusal::new(
                Reason::WrongState,
                Sentence::for_developers("the peer's journal is not stopped"),
            ));
        }
        if self.from_seq != peer.seq + 1 {
            let detail = format!("the journal continues from {}: no number is skipped", peer.seq + 1);
            return Err(Refusal::new(Reason::WrongState, Sentence::for_developers(detail)));
        }
        let words = StopLiftedContent { reason: self.reason.clone() };
        let lifted = StopLifted { from_seq: self.from_seq };
        let matter = Matter::journal(stage.own().peer());
        stage.write(&matter, fact::Fact::StopLifted(lifted), content(&words), 0)?;
        lift(stage);
        Ok(())
    }
}

pub(crate) fn lift(stage: &mut Stage) {
    (stage.heads.peer.stop_seq, stage.heads.peer.stop_reason) = (0, Reason::Unspecified);
    stage.tell("", Change::JournalStopChanged(JournalStopChanged::default()));
}

/// The peer's statement that it has stopped our journal, or that it accepts it again (number 0).
pub struct StoppedByPeer {
    /// The number and reason of the stop.
    pub stop: Stop,
}

impl Command for StoppedByPeer {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet::default()
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        let own = &mut stage.heads.own;
        // A late session, or one of another replica, may report a stop that a receipt has lifted since; and nobody can
        // refuse an entry that was never written.
        if self.stop.seq == 0 || (own.receipted + 1..=own.seq).contains(&self.stop.seq) {
            (own.stop_seq, own.stop_reason) = (self.stop.seq, self.stop.reason());
        }
        Ok(())
    }

    fn while_recovering(&self) -> bool {
        true
    }

    fn is_undated(&self) -> bool {
        true
    }
}
