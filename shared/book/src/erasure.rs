//! Texts that an agency has erased: the effect of a disposal on everything that it stores.
//!
//! The page of the matter alone states what is erased, so that it is the same whatever comes first: the text or the
//! disposal. It is also the same after a loss, because the own journal is fetched back before the peer's is.

use std::collections::BTreeMap;

use renkei_domain::{
    matter::Matter,
    noun::{Disposed, registry},
    page::{Journal, Seen},
};
use renkei_proto::r#type::v1::Agency;

use crate::staged::Staged;

/// The texts of one matter that this agency does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The agency of this service.
    by: Agency,
    /// The entries whose texts are erased.
    pub disposed: Disposed,
    /// True if the batch contains the disposal, so that entries that were set aside may be concerned, too.
    pub is_new: bool,
    /// True if the disposal came back from the peer.
    is_back: bool,
}

impl Erasure {
    /// True if the text of this entry of the matter is not kept.
    pub fn covers(&self, journal: Journal, seq: u64) -> bool {
        self.disposed.covers(self.by, journal, seq)
    }

    /// True if the batch erases the text of an own entry of the matter that was set aside under this number. A disposal
    /// erases everything that is there when it is written; one that comes back was written before some of it.
    pub fn covers_aside(&self, seq: u64) -> bool {
        self.is_new && (!self.is_back || seq < self.disposed.own_before)
    }
}

impl Staged {
    /// The texts that are not kept, by the names of the changed matters.
    pub fn erasures(&self) -> BTreeMap<String, Erasure> {
        let by = self.own;
        let each = self.pages.iter().filter_map(|(name, staged)| {
            let disposed = registry::of(&Matter::of(name)).disposed(by, Seen::whole(&staged.page));
            if disposed == Disposed::default() {
                return None;
            }
            let is_disposal = |seq| seq == disposed.own_before;
            let is_new = self.entries.iter().any(|entry| {
                entry.journal == Journal::Of(by) && is_disposal(entry.header.seq) && entry.header.matter == *name
            });
            Some((name.clone(), Erasure { by, disposed, is_new, is_back: self.heads.recovering() }))
        });
        each.collect()
    }
}
