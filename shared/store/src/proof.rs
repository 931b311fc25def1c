//! The rows that a verification reads besides the entries: columns that repeat a header, the feed, receipts, replies,
//! and the pages, which must be those that the journals give.

use prost::Message as _;
use renkei_book::{Heads, Reply};
use renkei_domain::{moment::micros, page::Journal};
use renkei_journal::header_hash;
use renkei_proto::{
    journal::v1::{Fact, Header, SignedReceipt},
    watch::v1::Event,
};

use crate::{
    error::Error,
    head,
    query::{FromRow, Row, query_as},
    rebuild::{Rebuilt, fold},
    seal::is_reply_sealed,
    store::Store,
    value::{count, number},
};

pub(crate) const COLUMNS: &str = "SELECT seq, header, fact, entry_id, matter, fact_type, answers, digest, turn, \
     written_us, arrived_us, hash, state FROM entry WHERE journal = $1 AND seq >= $2 ORDER BY seq LIMIT $3 + 0";
/// Reads the next turns of entries, and of events behind them with what is stored of them.
pub(crate) const TURNS: &str = "SELECT * FROM (SELECT turn, seq, arrived_us, matter, hash FROM entry WHERE turn > $1 \
     ORDER BY turn LIMIT $2 + 0) AS range_entries UNION ALL SELECT * FROM (SELECT turn, 0, at_us, matter, change FROM event \
     WHERE turn > $1 ORDER BY turn LIMIT $2 + 0) AS range_events";
pub(crate) const RECEIPTS: [&str; 2] = [
    "SELECT up_to_seq, own_seq, at_us, receipt, key_id, signature FROM receipt \
     WHERE (up_to_seq, own_seq) > ($1, $2) ORDER BY up_to_seq, own_seq LIMIT $3 + 0",
    "SELECT up_to_seq, own_seq, at_us, receipt, key_id, signature FROM receipt_given \
     WHERE (up_to_seq, own_seq) > ($1, $2) ORDER BY up_to_seq, own_seq LIMIT $3 + 0",
];
pub(crate) const REPLIES: &str = "SELECT COALESCE(request, ''), COALESCE(digest, hash), reply, at_us, seal, chain, seq \
     FROM call WHERE (chain, seq) > ($1, $2) AND reply IS NOT NULL ORDER BY chain, seq LIMIT $3 + 0";

/// The number of rows that are read at once.
const CHUNK: i64 = 500;

/// The row of a receipt.
#[derive(Clone, Debug)]
pub struct ReceiptRow {
    /// The number up to which the receipt is signed, from the column.
    pub up_to_seq: u64,
    /// The head of the signer's own journal at the signature, from the column.
    pub own_seq: u64,
    /// The time of signing, in microseconds since 1970, from the column.
    pub at_us: i64,
    /// The receipt with its signature.
    pub signed: SignedReceipt,
}

/// A row of a journal that contradicts its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misplaced {
    /// The number of the row.
    pub seq: u64,
    /// The name of the column.
    pub column: &'static str,
}

/// The side that signed a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// This service, for the peer's journal.
    Own,
    /// The peer, for the own journal.
    Peer,
}

impl Signer {
    fn receipts(self) -> &'static str {
        match self {
            Self::Peer => RECEIPTS[0],
            Self::Own => RECEIPTS[1],
        }
    }
}

/// The result of comparing the rows of a journal with their headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowCheck {
    /// All rows repeat their headers.
    Right {
        /// The turn of the last row; 0 when there is none.
        turn: u64,
    },
    /// The first row that does not.
    Wrong(Misplaced),
}

/// A turn, with the event that has it unless an entry does.
struct TurnRow {
    turn: u64,
    event: Option<EventRow>,
}

/// The row of an event.
struct EventRow {
    at_us: i64,
    matter: String,
    change: Vec<u8>,
}

impl EventRow {
    /// True if the columns repeat an event that has a change.
    fn is_right(&self) -> bool {
        let event = Event::decode(self.change.as_slice()).unwrap_or_default();
        event.encode_to_vec() == self.change
            && event.change.is_some()
            && (micros(event.time.as_ref()), &event.matter) == (self.at_us, &self.matter)
    }
}

impl FromRow for TurnRow {
    /// Reads the columns of [`TURNS`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        let turn = count(columns.read()?);
        let is_entry = columns.read::<i64>()? > 0;
        let event = EventRow { at_us: columns.read()?, matter: columns.read()?, change: columns.read()? };
        Ok(Self { turn, event: (!is_entry).then_some(event) })
    }
}

impl FromRow for ReceiptRow {
    /// Reads the columns of [`RECEIPTS`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        let (up_to_seq, own_seq, at_us) = (count(columns.read()?), count(columns.read()?), columns.read()?);
        let signed = SignedReceipt { receipt: columns.read()?, key_id: columns.read()?, signature: columns.read()? };
        Ok(Self { up_to_seq, own_seq, at_us, signed })
    }
}

/// The columns of an entry that repeat its header, with the header and the fact.
struct EntryRow {
    seq: u64,
    header: Vec<u8>,
    fact: Vec<u8>,
    entry_id: String,
    matter: String,
    fact_type: String,
    answers: u64,
    digest: Option<Vec<u8>>,
    turn: u64,
    written_us: i64,
    arrived_us: i64,
    hash: Vec<u8>,
    state: Option<String>,
}

impl FromRow for EntryRow {
    /// Reads the columns of [`COLUMNS`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        Ok(Self {
            seq: count(columns.read()?),
            header: columns.read()?,
            fact: columns.read()?,
            entry_id: columns.read()?,
            matter: columns.read()?,
            fact_type: columns.read()?,
            answers: count(columns.read()?),
            digest: columns.read()?,
            turn: count(columns.read()?),
            written_us: columns.read()?,
            arrived_us: columns.read()?,
            hash: columns.read()?,
            state: columns.read()?,
        })
    }
}

/// A stored reply, with the place of the record of its call.
struct ReplyRow {
    reply: Reply,
    at_us: i64,
    seal: Option<Vec<u8>>,
    chain: String,
    seq: i64,
}

impl FromRow for ReplyRow {
    /// Reads the columns of [`REPLIES`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        let reply = Reply { request: columns.read()?, digest: columns.read()?, bytes: columns.read()? };
        Ok(Self { reply, at_us: columns.read()?, seal: columns.read()?, chain: columns.read()?, seq: columns.read()? })
    }
}

impl Store {
    /// The heads in the database, not those in the memory of this process.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn read_heads(&self) -> Result<Heads, Error> {
        head::read(&mut self.inner.read.acquire().await?, self.inner.own).await
    }

    /// Compares the rows of a journal, from a number up to another, with their headers.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn columns(&self, journal: Journal, from: u64, to: u64) -> Result<RowCheck, Error> {
        let (mut next, mut turn) = (from, 0);
        while next <= to {
            let query = query_as(COLUMNS).bind(journal.id()).bind(number(next)).bind(CHUNK);
            let rows: Vec<EntryRow> = query.fetch_all(&self.inner.read).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                if row.seq > to {
                    return Ok(RowCheck::Right { turn });
                }
                if let Some(column) = self.differing(journal, &row, turn) {
                    return Ok(RowCheck::Wrong(Misplaced { seq: row.seq, column }));
                }
                (next, turn) = (row.seq + 1, row.turn);
            }
        }
        Ok(RowCheck::Right { turn })
    }

    /// The first column that does not repeat the header; `before` is the turn of the entry before.
    fn differing(&self, journal: Journal, row: &EntryRow, before: u64) -> Option<&'static str> {
        // The fault of a header that does not decode is reported as one of the signature.
        let header = Header::decode(row.header.as_slice()).ok()?;
        let is_peers = journal == Journal::Of(self.own().peer());
        let fact = Fact::decode(row.fact.as_slice()).unwrap_or_default();
        let digest = Some(fact.request_digest).filter(|digest| !is_peers && !digest.is_empty());
        // The changes before the feed's beginning were told by an older version. An entry whose fact has no effect is not
        // told, and the other side refuses it.
        let is_told = journal != Journal::Private && row.turn > self.told_from();
        let written_us = micros(header.written_at.as_ref());
        // An own entry arrives when it is written, unless it was lost and fetched back; only this agency saw the peer's
        // entries arrive.
        let is_first = self.inner.heads.borrow().own.incarnation == 1;
        let arrived = is_peers || row.arrived_us == written_us || (!is_first && row.arrived_us > written_us);
        let right = [
            ("number", header.seq == row.seq),
            ("entry_id", header.entry_id == row.entry_id),
            ("matter", header.matter == row.matter),
            ("fact_type", header.fact_type == row.fact_type),
            ("answers", header.answers == row.answers),
            ("digest", digest == row.digest),
            ("turn", row.turn > before),
            ("state", is_told == row.state.is_some() || (is_peers && row.state.is_none())),
            ("written_us", written_us == row.written_us),
            ("arrived_us", arrived),
            ("hash", header_hash(&row.header).as_slice() == row.hash),
        ];
        right.into_iter().find(|(_, right)| !right).map(|(column, _)| column)
    }

    /// The fault of the order up to a turn, in a sentence: a turn is missing, or an event is not as it was written. `exact`:
    /// nothing was ever fetched back, so each turn has exactly one entry or event.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn order_fault(&self, to: u64, exact: bool) -> Result<Option<String>, Error> {
        let (mut last, begin) = (0, self.told_from());
        let missing = |turn: u64| Ok(exact.then(|| format!("journals: turn {turn} is missing")));
        while last < to {
            let rows = self.turns(last, CHUNK).await?;
            for TurnRow { turn, event } in &rows {
                if *turn > to {
                    break;
                }
                if *turn == last {
                    return Ok(Some(format!("journals: turn {turn} is given twice")));
                }
                if exact && *turn > begin.max(last) + 1 {
                    return missing(begin.max(last) + 1);
                }
                last = *turn;
                if event.as_ref().is_some_and(|event| !event.is_right()) {
                    return Ok(Some(format!("feed: the event of turn {turn} is not what was written")));
                }
            }
            if rows.last().is_none_or(|row| row.turn > to) {
                break;
            }
        }
        if last < to && exact {
            return missing(last + 1);
        }
        let moved = self.turns(to, 1).await?.is_empty() || self.read_heads().await?.turn > to;
        Ok((!moved).then(|| format!("journals: turns are beyond the head, {to}")))
    }

    /// The next turns after one, in order.
    async fn turns(&self, after: u64, limit: i64) -> Result<Vec<TurnRow>, Error> {
        let query = query_as(TURNS).bind(number(after)).bind(limit);
        let mut rows: Vec<TurnRow> = query.fetch_all(&self.inner.read).await?;
        rows.sort_by_key(|row| row.turn);
        rows.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(rows)
    }

    /// The receipts after the one with these numbers, in order: the peer's for the own journal, or the own ones for the
    /// peer's.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn receipts(&self, signer: Signer, up_to: u64, own: u64) -> Result<Vec<ReceiptRow>, Error> {
        let query = query_as(signer.receipts()).bind(number(up_to)).bind(number(own)).bind(CHUNK);
        Ok(query.fetch_all(&self.inner.read).await?)
    }

    /// The number of stored replies that differ from those that the service wrote. A reply without a seal is of an
    /// older version.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn altered_replies(&self) -> Result<u64, Error> {
        let (mut after, mut altered) = ((String::new(), 0_i64), 0);
        loop {
            let query = query_as(REPLIES).bind(after.0.as_str()).bind(after.1).bind(CHUNK);
            let rows: Vec<ReplyRow> = query.fetch_all(&self.inner.read).await?;
            if rows.is_empty() {
                return Ok(altered);
            }
            for ReplyRow { reply, at_us, seal, chain, seq } in rows {
                after = (chain, seq);
                altered += u64::from(seal.is_some_and(|seal| !is_reply_sealed(&reply, at_us, &self.inner.ring, &seal)));
            }
        }
    }

    /// Folds the journals again and compares the result with the pages and everything beside them, in one view of the
    /// database, while others write.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn compare(&self) -> Result<Rebuilt, Error> {
        let mut snapshot = self.inner.read.begin_reading().await?;
        let rebuilt = fold(&mut snapshot, &self.inner, false).await?;
        snapshot.commit().await?;
        Ok(rebuilt)
    }
}
