//! The end of a recovery: a new incarnation of the own journal, and the entries that are judged again in it.

use renkei_domain::{matter::Matter, moment::Moment, noun::registry, read_set::ReadSet, refusal::Refusal};
use renkei_proto::{
    Sentence,
    journal::v1::{JournalReopened, LossFound, RecoveryEnded, RecoveryEndedContent, fact},
    options::v1::Reason,
};

use crate::{
    aside::SetAside,
    command::{Command, content},
    stage::Stage,
};

/// The cause for which a new incarnation is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The database is a copy, as its mark or its place shows.
    Copy,
    /// Both journals are back as far as was proved.
    FetchedBack,
    /// An operator gives up the missing entries, for this reason.
    GivenUp(String),
}

/// Opens a new incarnation and judges the entries that were set aside again.
pub struct Reopen {
    /// The entries that were set aside and have no reason yet.
    pub again: Vec<SetAside>,
    /// The cause of the new incarnation.
    pub cause: Cause,
    /// True if private entries that protect somebody may be lost. Officials act again once an operator has confirmed
    /// who is barred ([`crate::ConfirmOfficials`]).
    pub bars_lost: bool,
}

impl Command for Reopen {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        let mut keys = ReadSet::default();
        for again in &self.again {
            if let Some(fact) = &again.fact.fact {
                keys.extend(registry::reads(&again.matter, fact));
            }
            keys.ids.insert(again.entry_id.clone());
        }
        keys
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        let (own, written) = (stage.own(), stage.heads().own.recover_to);
        match self.cause {
            // Another session has ended the recovery.
            Cause::FetchedBack if written == 0 => return Ok(()),
            Cause::GivenUp(_) if !stage.heads().recovering() => {
                return Err(Refusal::new(Reason::WrongState, Sentence::for_developers("no recovery is under way")));
            }
            _ => {}
        }
        // Receipts are not accepted during a recovery, so this is the number down to which the own journal was cut
        // back.
        let (own_seq, kept) = (stage.heads().own.seq, stage.heads().own.receipted);
        stage.heads.own.recover_to = 0;
        if self.bars_lost {
            stage.heads.private.recover_to = stage.heads().private.seq.max(1);
        }
        let reopened = JournalReopened { incarnation: stage.heads().own.incarnation + 1 };
        stage.write(&Matter::journal(own), fact::Fact::JournalReopened(reopened), None, 0)?;
        if written > 0 {
            let loss = LossFound { own_seq: kept, peer_holds: written };
            stage.note(Matter::journal(own), fact::Fact::LossFound(loss), None);
        }
        if let Cause::GivenUp(reason) = &self.cause {
            let ended = RecoveryEnded { own_seq, written_seq: written.max(own_seq).max(1) };
            let words = content(&RecoveryEndedContent { reason: reason.clone() });
            stage.note(Matter::journal(own), fact::Fact::RecoveryEnded(ended), words);
        }
        stage.unmark = true;
        // Nothing was receipted during the recovery, and the peer may have nothing more to send.
        stage.signs = true;
        for again in &self.again {
            let outcome = if stage.ids.contains(&again.entry_id) {
                // The entry had reached the peer before the loss and came back with the journal.
                Ok(0)
            } else {
                stage.write_again(&Matter::of(&again.matter), again)
            };
            let reason = outcome.err().map(|refusal| refusal.reason).unwrap_or(Reason::Unspecified);
            stage.judged_again.push((again.entry_id.clone(), reason));
        }
        Ok(())
    }

    fn while_recovering(&self) -> bool {
        true
    }
}
