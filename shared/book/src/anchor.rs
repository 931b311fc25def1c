//! The anchor of the private journal. Nobody else has that journal, so its head is written into the exchanged one, which the
//! peer keeps: a private journal that was lost or cut is behind it.

use renkei_domain::{matter::Matter, moment::Moment, noun::journal as journal_rules, page::Journal, refusal::Refusal};
use renkei_journal::Head;
use renkei_proto::{
    FactKind,
    journal::v1::{PrivateAnchored, fact},
};

use crate::{
    call_origin::CallOrigin,
    stage::{Anchoring, Stage},
};

/// An anchor of the private journal that the batch asks for.
pub struct DueAnchor {
    /// The last anchor, if the entry that it names must be in the database first. A journal that is behind its anchor is
    /// never anchored automatically, because that would remove the only sign of the loss.
    pub last: Option<PrivateAnchored>,
}

impl Stage {
    /// Anchors the private journal in the own one at the end of the batch, unless it is behind its last anchor.
    pub fn anchor_private(&mut self) {
        if self.anchoring == Anchoring::Not {
            self.anchoring = Anchoring::Asked;
        }
    }

    /// Anchors the private journal as this batch leaves it, although entries of it may be lost: an operator has
    /// confirmed the facts that they protected.
    pub fn anchor_private_anew(&mut self) {
        self.anchoring = Anchoring::Anew;
    }

    /// The anchor of the private journal that is due at the end of the batch, if a command has asked for one.
    pub fn due_anchor(&mut self) -> Option<DueAnchor> {
        let asked = std::mem::take(&mut self.anchoring);
        let head = self.heads.private.head();
        if asked == Anchoring::Not || head == Head::EMPTY || self.heads.recovering() {
            return None;
        }
        if !self.speaks(FactKind::PrivateAnchored) {
            // The first checkpoint after the peer's upgrade writes the anchor.
            return None;
        }
        let last = journal_rules::anchor(self.page(&journal_rules::name(self.own)), self.own).cloned();
        if last.as_ref().is_some_and(|last| last.seq == head.seq && last.hash == head.hash) {
            return None;
        }
        let is_staged =
            |last: &PrivateAnchored| self.hash_of(Journal::Private, last.seq).is_some_and(|hash| last.hash == hash);
        Some(DueAnchor { last: last.filter(|last| asked != Anchoring::Anew && !is_staged(last)) })
    }

    /// Anchors the head of the private journal in the own one. `moment` is that of the batch's first command, from which
    /// other randomness is drawn here.
    ///
    /// # Errors
    /// The refusal of the entry.
    pub fn anchor(&mut self, moment: &Moment) -> Result<(), Refusal> {
        self.begin(&CallOrigin::own("anchor_private"), moment, 1 << 32);
        let Head { seq, hash } = self.heads.private.head();
        let anchored = PrivateAnchored { seq, hash: hash.to_vec() };
        let written = self.write(&Matter::journal(self.own), fact::Fact::PrivateAnchored(anchored), None, 0);
        self.end(written.map(|_| ()))
    }
}
