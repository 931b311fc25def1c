//! Entries as the database keeps them.

use jiff::Timestamp;
use prost::Message as _;
use renkei_domain::{matter::entry_name, moment::stamp, page::Journal};
use renkei_journal::Hash;
use renkei_proto::{
    FactKind,
    journal::v1::{Entry, Fact, Header, SaltedContent},
    r#type::v1::Agency,
    watch::v1::{EntryApplied, Event, event::Change},
};

use crate::{
    content::{Encrypted, KeyRing},
    error::Error,
    query::{FromRow, Row},
    signing::place,
    value::count,
};

pub(crate) const ENTRY_AT: &str = "SELECT hash FROM entry WHERE journal = $1 AND seq = $2";

/// The columns of an entry without its content, in the order in which [`StoredEntry`] is read.
macro_rules! entry_columns {
    () => {
        "SELECT journal, seq, header, key_id, signature, fact, turn, arrived_us, nonce FROM entry "
    };
}
/// The same columns with those of the content behind them.
macro_rules! content_columns {
    () => {
        "SELECT journal, seq, header, key_id, signature, fact, turn, arrived_us, nonce, ciphertext, wrapped_key, \
         ring_key_id FROM entry "
    };
}
pub(crate) use {content_columns, entry_columns};

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

impl FromRow for StoredEntry {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Self::read(&row)
    }
}

impl StoredEntry {
    fn read(row: &Row) -> Result<Self, sqlx::Error> {
        let (header_bytes, fact_bytes): (Vec<u8>, Vec<u8>) = (row.try_get(2)?, row.try_get(5)?);
        let header = decode_header(&header_bytes)?;
        Ok(Self {
            journal: journal(row.try_get(0)?),
            fact: said(&header, &fact_bytes),
            header,
            // The column is for indexes and joins; the header alone defines the entry.
            hash: renkei_journal::header_hash(&header_bytes),
            content_present: row.try_get::<Option<Vec<u8>>>(8)?.is_some(),
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
}

/// A stored entry with its encrypted content.
pub(crate) struct StoredContent {
    entry: StoredEntry,
    content: Option<Encrypted>,
}

impl FromRow for StoredContent {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Self::read(&row)
    }
}

impl StoredContent {
    /// Reads the first columns of a row.
    pub(crate) fn read(row: &Row) -> Result<Self, sqlx::Error> {
        let entry = StoredEntry::read(row)?;
        if !entry.content_present {
            return Ok(Self { entry, content: None });
        }
        let content = Encrypted {
            nonce: row.try_get(8)?,
            ciphertext: row.try_get(9)?,
            wrapped_key: row.try_get(10)?,
            ring_key_id: row.try_get(11)?,
        };
        Ok(Self { entry, content: Some(content) })
    }

    /// True if it is the entry with this number.
    pub(crate) fn is_entry(&self, journal: Journal, seq: u64) -> bool {
        (self.entry.journal, self.entry.header.seq) == (journal, seq)
    }

    /// The entry with its content, decrypted.
    pub(crate) fn open(self, ring: &KeyRing) -> Result<StoredEntry, Error> {
        let Self { mut entry, content } = self;
        if let Some(content) = content {
            let place = place(entry.journal.id(), entry.header.seq);
            let plain = ring.decrypt(&entry.header.matter, &place, &content)?;
            let content = SaltedContent::decode(plain.as_slice());
            entry.entry.content = Some(content.map_err(|error| Error::Damaged(format!("a content: {error}")))?);
        }
        Ok(entry)
    }
}

/// A journal by the id in its column.
pub(crate) fn journal(id: String) -> Journal {
    Agency::from_id(&id).map_or(Journal::Private, Journal::Of)
}

pub(crate) fn decode_header(bytes: &[u8]) -> Result<Header, sqlx::Error> {
    Header::decode(bytes).map_err(|error| sqlx::Error::Decode(format!("a header: {error}").into()))
}

/// The fact of an entry. A fact to which the header does not commit has no effect: its entry was refused when it
/// arrived, and was folded without it.
pub(crate) fn said(header: &Header, bytes: &[u8]) -> Fact {
    let committed = header.fact_sha256 == renkei_journal::fact_hash(bytes);
    let fact = Fact::decode(bytes).ok().filter(|_| committed);
    fact.filter(|fact| fact.fact.as_ref().is_some_and(|it| FactKind::of(it).name() == header.fact_type))
        .unwrap_or_default()
}

/// A change with its turn: an entry that is told, or an event.
pub(crate) struct ChangeRow {
    pub(crate) turn: u64,
    pub(crate) event: Event,
}

impl FromRow for ChangeRow {
    /// Reads the turn, the journal and number of an entry, its matter, kind and state, the time, and the header. An event
    /// has the number 0, and the encoded change in place of the header.
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let turn = count(row.try_get(0)?);
        let bytes: Vec<u8> = row.try_get(7)?;
        let seq = count(row.try_get(2)?);
        if seq == 0 {
            let event = Event::decode(bytes.as_slice());
            let event = event.map_err(|error| sqlx::Error::Decode(format!("a change: {error}").into()))?;
            return Ok(Self { turn, event });
        }
        let author = Agency::from_id(&row.try_get::<String>(1)?);
        let author = author.ok_or_else(|| sqlx::Error::Decode("a private entry is told".into()))?;
        let applied = EntryApplied {
            entry: entry_name(author, seq),
            fact_type: row.try_get(4)?,
            author: author.into(),
            state: row.try_get(5)?,
        };
        let event = Event {
            time: Some(stamp(Timestamp::from_microsecond(row.try_get(6)?).unwrap_or_default())),
            matter: row.try_get(3)?,
            traceparent: decode_header(&bytes)?.traceparent,
            change: Some(Change::EntryApplied(applied)),
        };
        Ok(Self { turn, event })
    }
}
