//! Entries as they are stored.

use prost::Message as _;
use renkei_domain::page::Journal;
use renkei_journal::Hash;
use renkei_proto::{
    FactKind,
    journal::v1::{Entry, Fact, Header},
};

/// A stored entry.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    /// The journal that contains the entry.
    pub journal: Journal,
    /// The entry as it was signed. It includes the content only if the read states so.
    pub entry: Entry,
    /// The decoded header.
    pub header: Header,
    /// The hash of its header.
    pub hash: Hash,
    /// The decoded fact.
    pub fact: Fact,
    /// True if the content of the entry is stored.
    pub content_present: bool,
    /// The place of the entry in the order in which the journals were folded here.
    pub turn: u64,
    /// The time at which the entry was stored here, in microseconds since 1970.
    pub arrived_us: i64,
}

impl StoredEntry {
    /// An entry of a journal with its content, if it has one, as it is stored in this turn at this time.
    pub fn new(journal: Journal, entry: Entry, header: Header, hash: Hash, turn: u64, arrived_us: i64) -> Self {
        let (fact, content_present) = (committed_fact(&header, &entry.fact), entry.content.is_some());
        Self { journal, entry, header, hash, fact, content_present, turn, arrived_us }
    }
}

/// The fact of an entry. A fact to which the header does not commit has no effect: its entry was refused when it
/// arrived, and was folded without it.
pub fn committed_fact(header: &Header, bytes: &[u8]) -> Fact {
    let committed = header.fact_sha256 == renkei_journal::fact_hash(bytes);
    let fact = Fact::decode(bytes).ok().filter(|_| committed);
    fact.filter(|fact| fact.fact.as_ref().is_some_and(|it| FactKind::of(it).name() == header.fact_type))
        .unwrap_or_default()
}
