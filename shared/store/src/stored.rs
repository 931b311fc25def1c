//! Entries as the database keeps them.

use prost::Message as _;
use renkei_domain::page::Journal;
use renkei_journal::Hash;
use renkei_proto::{
    FactKind,
    journal::v1::{Entry, Fact, Header},
    r#type::v1::Agency,
};
use sqlx::{Row as _, any::AnyRow};

use crate::{bulk::count, error::Error};

pub(crate) const ENTRY_AT: &str = "SELECT hash FROM entry WHERE journal = $1 AND seq = $2";

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

pub(crate) fn held(row: &AnyRow) -> Result<StoredEntry, Error> {
    let journal: String = row.try_get(0)?;
    let journal = Agency::from_id(&journal).map_or(Journal::Private, Journal::Of);
    let header_bytes: Vec<u8> = row.try_get(2)?;
    let fact_bytes: Vec<u8> = row.try_get(5)?;
    let header = decode_header(&header_bytes)?;
    Ok(StoredEntry {
        journal,
        fact: said(&header, &fact_bytes),
        header,
        // The column is for indexes and joins; the header alone defines the entry.
        hash: renkei_journal::header_hash(&header_bytes),
        content_present: row.try_get::<Option<Vec<u8>>, _>(9)?.is_some(),
        turn: count(row.try_get(6)?),
        arrived_us: row.try_get(7)?,
        entry: Entry {
            header: header_bytes,
            key_id: row.try_get(3)?,
            signature: row.try_get(4)?,
            fact: fact_bytes,
            content: None,
        },
    })
}

pub(crate) fn decode_header(bytes: &[u8]) -> Result<Header, Error> {
    Header::decode(bytes).map_err(|error| Error::Damaged(format!("a header: {error}")))
}

/// The fact of an entry. A fact to which the header does not commit has no effect: its entry was refused when it
/// arrived, and was folded without it.
pub(crate) fn said(header: &Header, bytes: &[u8]) -> Fact {
    let committed = header.fact_sha256 == renkei_journal::fact_hash(bytes);
    let fact = Fact::decode(bytes).ok().filter(|_| committed);
    fact.filter(|fact| fact.fact.as_ref().is_some_and(|it| FactKind::of(it).name() == header.fact_type))
        .unwrap_or_default()
}
