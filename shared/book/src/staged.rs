//! The results of a batch, which are written in one transaction.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use renkei_domain::{
    index::Lookup,
    moment::stamp,
    page::{Journal, Page},
    tally::TallyKind,
};
use renkei_journal::{Chained, Hash};
use renkei_proto::{
    journal::v1::{Entry, Header, Receipt, SignedReceipt},
    options::v1::Reason,
    r#type::v1::Agency,
    watch::v1::Event,
};

use crate::head::Heads;

/// An entry that waits for the commit.
pub struct StagedEntry {
    /// The journal to which it is appended.
    pub journal: Journal,
    /// Its decoded header.
    pub header: Header,
    /// The hash of its header.
    pub hash: Hash,
    /// The digest of the request that led to it, by which repeats are found; empty if there is none.
    pub digest: Vec<u8>,
    /// The bytes to be stored, signed or not yet.
    pub body: Body,
    /// Its place in the order in which the journals are folded here.
    pub turn: u64,
    /// The name of the matter's state after it, which watchers are told. `None` if they are not told of it: it is private,
    /// or its fact has no effect.
    pub state: Option<&'static str>,
    /// The time at which it is stored, in microseconds since 1970.
    pub arrived_us: i64,
}

/// The bytes of a staged entry.
pub enum Body {
    /// An own entry, which is signed together with its batch.
    Own(Box<Chained>),
    /// An entry of the peer, with the bytes that arrived.
    Arrived(Entry),
}

/// A receipt that is kept as evidence.
pub struct StagedReceipt {
    /// The verified receipt.
    pub receipt: Receipt,
    /// The receipt with its signature, as it was signed.
    pub signed: SignedReceipt,
}

/// A change that is not an entry and waits for the commit.
#[derive(Clone)]
pub struct StagedEvent {
    /// Its place among the entries and events.
    pub turn: u64,
    /// The time of the change, in microseconds since 1970.
    pub at_us: i64,
    /// The names that watchers receive; it contains no content.
    pub event: Event,
}

/// A page that a batch has changed.
pub struct StagedPage {
    /// The page with the entries of the batch.
    pub page: Arc<Page>,
    /// The turn of its first entry.
    pub opened: u64,
    /// The turn of its last entry.
    pub changed: u64,
}

/// The counters of an agency by year and kind (see [`renkei_domain::tally::Tally`]).
pub type Counters = BTreeMap<(u32, TallyKind), u64>;

/// Everything that a batch adds to the database.
pub struct Staged {
    /// The agency of this service.
    pub own: Agency,
    /// The heads after the batch.
    pub heads: Heads,
    /// The new entries, in the order of their turns.
    pub entries: Vec<StagedEntry>,
    /// The changed pages by the names of their matters.
    pub pages: BTreeMap<String, StagedPage>,
    /// The new lookups with the names of their matters.
    pub lookups: Vec<(Lookup, String)>,
    /// The numbers by which counters grow.
    pub counted: Counters,
    /// The changes that are not entries, in the order of their turns.
    pub events: Vec<StagedEvent>,
    /// The peer's receipts that are kept.
    pub receipts: Vec<StagedReceipt>,
    /// The ids of entries that were judged again after a recovery, with the reason of those that were refused.
    pub judged_again: Vec<(String, Reason)>,
    /// True if the batch ends with a receipt for the stored part of the peer's journal.
    pub signs: bool,
    /// True if the mark of a copied database is removed with this batch.
    pub unmark: bool,
}

impl Staged {
    /// True if these are the results of the commit with this number: no replica has committed since the batch was judged.
    /// The heads are locked until it is written.
    pub fn is_of(&self, commit: u64) -> bool {
        self.heads.commits == commit
    }

    /// The receipt with which the batch ends, if entries of the peer came with it or a session asks for one. It is stored
    /// with the entries that it names, so that both sides have the same. `now` dates it.
    pub fn receipt(&self, now: Timestamp) -> Option<Receipt> {
        let heads = &self.heads;
        if !self.signs || heads.peer.seq == 0 || heads.recovering() {
            return None;
        }
        Some(Receipt {
            journal: self.own.peer().into(),
            up_to_seq: heads.peer.seq,
            head_hash: heads.peer.hash.to_vec(),
            own_seq: heads.own.seq,
            at: Some(stamp(now)),
        })
    }
}
