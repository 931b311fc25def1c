//! The rows that a verification reads besides the entries: columns that repeat a header, the feed, receipts, replies,
//! and the pages, which must be those that the journals give.

use prost::Message as _;
use renkei_book::Heads;
use renkei_domain::{moment::micros, page::Journal};
use renkei_journal::header_hash;
use renkei_proto::{
    journal::v1::{Fact, Header, SignedReceipt},
    watch::v1::Event,
};

use crate::{
    error::Error,
    head,
    query::{FromRow, Row, query, query_as},
    rebuild::{Rebuilt, fold},
    seal::Reply,
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
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let is_entry = row.try_get::<i64>(1)? > 0;
        let event = EventRow { at_us: row.try_get(2)?, matter: row.try_get(3)?, change: row.try_get(4)? };
        Ok(Self { turn: count(row.try_get(0)?), event: (!is_entry).then_some(event) })
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
            let query = query(COLUMNS).bind(journal.id()).bind(number(next)).bind(CHUNK);
            let rows = query.fetch_all(&self.inner.read).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let seq = count(row.try_get(0)?);
                if seq > to {
                    return Ok(RowCheck::Right { turn });
                }
                match self.differing(journal, &row, turn)? {
                    Some(column) => return Ok(RowCheck::Wrong(Misplaced { seq, column })),
                    None => turn = count(row.try_get(8)?),
                }
                next = seq + 1;
            }
        }
        Ok(RowCheck::Right { turn })
    }

    fn differing(&self, journal: Journal, row: &Row, before: u64) -> Result<Option<&'static str>, Error> {
        let (header_bytes, fact): (Vec<u8>, Vec<u8>) = (row.try_get(1)?, row.try_get(2)?);
        // The fault of a header that does not decode is reported as one of the signature.
        let Ok(header) = Header::decode(header_bytes.as_slice()) else { return Ok(None) };
        let is_peers = journal == Journal::Of(self.own().peer());
        let fact = Fact::decode(fact.as_slice()).unwrap_or_default();
        let digest = Some(fact.request_digest).filter(|digest| !is_peers && !digest.is_empty());
        let turn = count(row.try_get(8)?);
        // The changes before the feed's beginning were told by an older version. An entry whose fact has no effect is not
        // told, and the other side refuses it.
        let is_told = journal != Journal::Private && turn > self.told_from();
        let state: Option<String> = row.try_get(12)?;
        let written_us = micros(header.written_at.as_ref());
        let arrived_us: i64 = row.try_get(10)?;
        // An own entry arrives when it is written, unless it was lost and fetched back; only this agency saw the peer's
        // entries arrive.
        let is_first = self.inner.heads.borrow().own.incarnation == 1;
        let arrived = is_peers || arrived_us == written_us || (!is_first && arrived_us > written_us);
        let right = [
            ("number", header.seq == count(row.try_get(0)?)),
            ("entry_id", header.entry_id == row.try_get::<String>(3)?),
            ("matter", header.matter == row.try_get::<String>(4)?),
            ("fact_type", header.fact_type == row.try_get::<String>(5)?),
            ("answers", header.answers == count(row.try_get(6)?)),
            ("digest", digest == row.try_get::<Option<Vec<u8>>>(7)?),
            ("turn", turn > before),
            ("state", is_told == state.is_some() || (is_peers && state.is_none())),
            ("written_us", written_us == row.try_get::<i64>(9)?),
            ("arrived_us", arrived),
            ("hash", header_hash(&header_bytes).as_slice() == row.try_get::<Vec<u8>>(11)?),
        ];
        Ok(right.into_iter().find(|(_, right)| !right).map(|(column, _)| column))
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
        let query = query(signer.receipts()).bind(number(up_to)).bind(number(own)).bind(CHUNK);
        let rows = query.fetch_all(&self.inner.read).await?;
        let rows = rows.iter().map(|row| {
            Ok(ReceiptRow {
                up_to_seq: count(row.try_get(0)?),
                own_seq: count(row.try_get(1)?),
                at_us: row.try_get(2)?,
                signed: SignedReceipt { receipt: row.try_get(3)?, key_id: row.try_get(4)?, signature: row.try_get(5)? },
            })
        });
        rows.collect()
    }

    /// The number of stored replies that differ from those that the service wrote. A reply without a seal is of an
    /// older version.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn altered_replies(&self) -> Result<u64, Error> {
        let (mut after, mut altered) = ((String::new(), 0_i64), 0);
        loop {
            let query = query(REPLIES).bind(after.0.as_str()).bind(after.1).bind(CHUNK);
            let rows = query.fetch_all(&self.inner.read).await?;
            if rows.is_empty() {
                return Ok(altered);
            }
            for row in rows {
                after = (row.try_get(5)?, row.try_get(6)?);
                let reply = Reply { request: row.try_get(0)?, digest: row.try_get(1)?, bytes: row.try_get(2)? };
                let seal: Option<Vec<u8>> = row.try_get(4)?;
                let at_us = row.try_get(3)?;
                altered += u64::from(seal.is_some_and(|seal| !reply.is_sealed(at_us, &self.inner.ring, &seal)));
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
