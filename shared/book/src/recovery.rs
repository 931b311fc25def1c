//! The beginning of a recovery: the comparison of the own journal with what the peer proves to have of it, and the heads
//! to which a journal goes back. The end of a recovery is [`crate::Reopen`].

use renkei_domain::page::Journal;
use renkei_journal::{Hash, Head};
use renkei_proto::{
    FactKind,
    journal::v1::{Header, Receipt},
    r#type::v1::Agency,
};

use crate::head::{Heads, JournalHead};

/// The position in our journal that the peer claims to have stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerHolds {
    /// The number and hash of the last entry.
    pub head: Head,
    /// True if our own signature on that entry was verified.
    pub is_proved: bool,
}

/// The consequence of the peer's position in our journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloVerdict {
    /// Both sides continue.
    Agreed,
    /// Our own signature proves that we wrote entries that are not here: we have lost them.
    Behind,
    /// Nobody has proved that we wrote the entry that the peer names.
    Unproven,
    /// We did write it, but the peer has signed for another entry with this number since.
    Contradicted,
}

/// The part of the own database with which the peer's position is compared.
pub struct OwnPart<'a> {
    /// The own head.
    pub head: &'a JournalHead,
    /// The hash of the own entry with the number that the peer names, if it is stored.
    pub named: Option<Hash>,
    /// The peer's receipt for the number up to which it has signed, if it is stored.
    pub receipt: Option<Receipt>,
    /// The hash of the own entry with that number, if it is stored.
    pub receipted: Option<Hash>,
}

impl OwnPart<'_> {
    /// The consequence of the peer's position. It proves something only if our own signature on it was verified.
    pub fn verdict(&self, peer: &PeerHolds) -> HelloVerdict {
        let PeerHolds { head, is_proved } = peer;
        let own = self.head;
        if head.seq == 0 && !is_proved {
            return HelloVerdict::Unproven;
        }
        if head.seq <= own.seq && head.seq > 0 {
            match self.named {
                Some(ours) if ours == head.hash => {}
                // Only the absence of the last entry affects the next one; `verify` finds the others.
                None if head.seq < own.seq => {}
                None if head.hash == own.hash => return HelloVerdict::Behind,
                _ if !is_proved => return HelloVerdict::Unproven,
                _ if head.seq <= own.receipted && self.is_receipted() => return HelloVerdict::Contradicted,
                _ => return HelloVerdict::Behind,
            }
        }
        if head.seq > own.seq && !is_proved {
            return HelloVerdict::Unproven;
        }
        if head.seq > own.seq || own.recover_to > 0 { HelloVerdict::Behind } else { HelloVerdict::Agreed }
    }

    /// True if the peer's newest receipt is for our journal as it is here, so that the receipt covers exactly the entries
    /// that were sent.
    fn is_receipted(&self) -> bool {
        let Some(receipt) = &self.receipt else { return false };
        self.receipted.is_some_and(|ours| receipt.head_hash == ours)
    }
}

/// True if an own entry is set aside when the journal goes back behind it. A journal's facts about itself are not judged
/// again, because they are written again.
pub fn is_set_aside(header: &Header) -> bool {
    FactKind::named(&header.fact_type).is_some_and(|kind| !kind.rule().wrong_stops)
}

impl Heads {
    /// The number down to which the own journal is cut back when entries of it are missing: the peer has signed for the
    /// rest.
    pub fn kept(&self) -> u64 {
        self.own.receipted.min(self.own.seq)
    }

    /// Begins a recovery. `kept` is the last own entry up to [`Heads::kept`]; the journal is known to have been written up
    /// to the number `written`.
    pub fn rewind(&mut self, kept: Option<(&Header, Hash)>, written: u64) {
        self.own.back_to(kept);
        self.own.receipted = self.own.seq;
        self.own.recover_to = written;
    }

    /// Goes back to the last stored entry of the peer's or the private journal, because the entries behind it are missing
    /// here. Nobody else has the private journal, so its loss is noted until an operator has confirmed who is barred.
    pub fn go_back(&mut self, own: Agency, journal: Journal, last: Option<(&Header, Hash)>) {
        let head = self.of_mut(own, journal);
        let lost = head.seq;
        head.back_to(last);
        if journal == Journal::Private {
            head.incarnation = 1;
            head.recover_to = lost;
        }
    }
}
