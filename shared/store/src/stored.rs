//! Entries as the database keeps them.

use prost::Message as _;
use renkei_book::{StoredEntry, Told, committed_fact};
use renkei_domain::page::Journal;
use renkei_journal::Hash;
use renkei_proto::{
    journal::v1::{Entry, Header, SaltedContent},
    r#type::v1::Agency,
    watch::v1::Event,
};

use crate::{
    content::{Encrypted, KeyRing},
    error::Error,
    query::{Columns, FromRow, Row},
    signing::place,
    value::count,
};

pub(crate) const ENTRY_AT: &str = "SELECT hash FROM entry WHERE journal = $1 AND seq = $2";

/// The columns of an entry without its content, in the order in which [`StoredEntry`] reads them.
macro_rules! entry_columns {
    () => {
        "journal, header, key_id, signature, fact, turn, arrived_us, nonce"
    };
}
/// The same columns with those of the content behind them, in the order in which [`StoredContent`] reads them.
macro_rules! content_columns {
    () => {
        concat!($crate::stored::entry_columns!(), ", ciphertext, wrapped_key, ring_key_id")
    };
}
pub(crate) use {content_columns, entry_columns};

impl FromRow for StoredEntry {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        read(&mut row.columns()).map(|(entry, _)| entry)
    }
}

/// Reads an entry, and the nonce of its content if that is stored.
fn read<'r>(columns: &mut Columns<'r>) -> Result<(StoredEntry, Option<&'r [u8]>), sqlx::Error> {
    let journal = journal(columns.read()?);
    let header_bytes: Vec<u8> = columns.read()?;
    let (key_id, signature) = (columns.read()?, columns.read()?);
    let fact_bytes: Vec<u8> = columns.read()?;
    let (turn, arrived_us) = (count(columns.read()?), columns.read()?);
    let nonce: Option<&[u8]> = columns.read()?;
    let header = decode_header(&header_bytes)?;
    let entry = StoredEntry {
        journal,
        fact: committed_fact(&header, &fact_bytes),
        header,
        // The column is for indexes and joins; the header alone defines the entry.
        hash: renkei_journal::header_hash(&header_bytes),
        content_present: nonce.is_some(),
        turn,
        arrived_us,
        entry: Entry { header: header_bytes, key_id, signature, fact: fact_bytes, content: None },
    };
    Ok((entry, nonce))
}

/// A stored entry with its encrypted content.
pub(crate) struct StoredContent {
    entry: StoredEntry,
    content: Option<Encrypted>,
}

impl FromRow for StoredContent {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Self::read(&mut row.columns())
    }
}

impl StoredContent {
    fn read(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        let (entry, nonce) = read(columns)?;
        let Some(nonce) = nonce else { return Ok(Self { entry, content: None }) };
        let content = Encrypted {
            nonce: nonce.to_vec(),
            ciphertext: columns.read()?,
            wrapped_key: columns.read()?,
            ring_key_id: columns.read()?,
        };
        Ok(Self { entry, content: Some(content) })
    }

    /// Reads an entry that is joined to another row; `None` if that row has none.
    pub(crate) fn read_joined(columns: &mut Columns<'_>) -> Result<Option<Self>, sqlx::Error> {
        if columns.is_null()? { Ok(None) } else { Self::read(columns).map(Some) }
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
pub(crate) fn journal(id: &str) -> Journal {
    Agency::from_id(id).map_or(Journal::Private, Journal::Of)
}

pub(crate) fn decode_header(bytes: &[u8]) -> Result<Header, sqlx::Error> {
    Header::decode(bytes).map_err(|error| sqlx::Error::Decode(format!("a header: {error}").into()))
}

impl FromRow for Told {
    /// Reads a row of the feed: an entry, or an event with the encoded change in place of the header.
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        let (turn, is_entry): (u64, i64) = (count(columns.read()?), columns.read()?);
        let (journal, state, arrived_us): (&str, &str, i64) = (columns.read()?, columns.read()?, columns.read()?);
        let (bytes, hash): (&[u8], &[u8]) = (columns.read()?, columns.read()?);
        if is_entry == 0 {
            let event = Event::decode(bytes);
            let event = event.map_err(|error| sqlx::Error::Decode(format!("a change: {error}").into()))?;
            return Ok(Self::event(turn, event));
        }
        let author = Agency::from_id(journal);
        let author = author.ok_or_else(|| sqlx::Error::Decode("a private entry is told".into()))?;
        let hash = Hash::try_from(hash).map_err(|_| sqlx::Error::Decode("a hash does not have 32 bytes".into()))?;
        Ok(Self::entry(turn, author, decode_header(bytes)?, hash, state, arrived_us))
    }
}
