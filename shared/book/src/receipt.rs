//! Receipts: the peer's for the own journal, and the own ones for the peer's journal.

use renkei_domain::{
    moment::{Moment, micros},
    page::Journal,
    read_set::ReadSet,
    refusal::Refusal,
};
use renkei_journal::Hash;
use renkei_proto::{
    Sentence,
    journal::v1::{Receipt, SignedReceipt},
    options::v1::Reason,
    r#type::v1::Agency,
    watch::v1::{DeliveryChanged, event::Change},
};

use crate::{command::Command, stage::Stage, staged::StagedReceipt};

/// Accepts a receipt whose signature was verified. A receipt that is older than the last one changes nothing, and
/// neither does one that comes while the own journal is fetched back: it may name entries that are not back yet, and
/// the peer signs again for later ones.
pub struct TakeReceipt {
    /// The agency of this service.
    pub own: Agency,
    /// The verified receipt.
    pub receipt: Receipt,
    /// The receipt with its signature, as it was signed.
    pub signed: SignedReceipt,
}

impl Command for TakeReceipt {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet { entries: [(Journal::Of(self.own), self.receipt.up_to_seq)].into(), ..ReadSet::default() }
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        let it = &self.receipt;
        if it.journal() != self.own {
            return Err(Refusal::new(
                Reason::FieldInvalid,
                Sentence::for_developers("the receipt is for another journal than ours"),
            ));
        }
        if stage.heads().recovering() {
            return Ok(());
        }
        let held =
            if it.up_to_seq == 0 { Some(Hash::default()) } else { stage.hash_of(Journal::Of(self.own), it.up_to_seq) };
        if held.is_none_or(|hash| it.head_hash != hash) {
            return Err(Refusal::new(
                Reason::Fork,
                Sentence::for_developers("the receipt names another entry than ours under this number"),
            ));
        }
        // A receipt is older than an entry of the peer that is stored here and was written after it. A peer that has lost
        // entries which nobody has signs after lower numbers than before.
        let last_known = stage.heads().peer.seq;
        let own = &mut stage.heads.own;
        if it.up_to_seq < own.receipted || it.own_seq < own.receipted_own.min(last_known) {
            return Ok(());
        }
        if (it.up_to_seq, it.own_seq) == (own.receipted, own.receipted_own) {
            return Ok(());
        }
        let moved = it.up_to_seq > own.receipted;
        // A side that has stopped at a number signs at most for the number before it. A receipt for later entries shows
        // that the stop has ended or never existed.
        let is_past_stop = it.up_to_seq >= own.stop_seq || (moved && it.up_to_seq + 1 != own.stop_seq);
        own.receipted = it.up_to_seq;
        own.receipted_own = it.own_seq;
        own.receipted_us = micros(it.at.as_ref());
        if own.stop_seq != 0 && is_past_stop {
            (own.stop_seq, own.stop_reason) = (0, Reason::Unspecified);
        }
        stage.receipts.push(StagedReceipt { receipt: self.receipt.clone(), signed: self.signed.clone() });
        if moved {
            stage.tell("", Change::DeliveryChanged(DeliveryChanged { up_to_seq: self.receipt.up_to_seq }));
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

/// Signs and keeps a receipt for the stored part of the peer's journal, at the end of the batch. Arriving entries are
/// receipted with their own batch.
pub struct SignReceipt;

impl Command for SignReceipt {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet::default()
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        stage.signs = true;
        Ok(())
    }

    fn while_recovering(&self) -> bool {
        true
    }
}
