//! The rows that a verification reads besides the entries: columns that repeat a header, the feed, receipts, replies,
//! and the pages, which must be those that the journals give.

use std::collections::VecDeque;

use prost::Message as _;
use renkei_book::Heads;
use renkei_domain::{matter::entry_name, moment::micros, page::Journal};
use renkei_journal::header_hash;
use renkei_proto::{
    journal::v1::{Fact, Header, SignedReceipt},
    r#type::v1::Agency,
    watch::v1::{Event, event::Change},
};
use sqlx::{Row as _, any::AnyRow};

use crate::{
    bulk::{count, number},
    error::Error,
    head,
    rebuild::{Rebuilt, fold},
    seal::ReplyRow,
    store::Store,
};

pub(crate) const COLUMNS: &str = "SELECT seq, header, fact, entry_id, matter, fact_type, answers, digest, turn, \
     written_us, arrived_us, hash FROM entry WHERE journal = $1 AND seq >= $2 ORDER BY seq LIMIT $3 + 0";
pub(crate) const BY_TURN: &str =
    "SELECT journal, seq, header, turn FROM entry WHERE turn > $1 ORDER BY turn LIMIT $2 + 0";
pub(crate) const CHANGES: &str =
    "SELECT number, at_us, matter, change FROM feed WHERE number > $1 ORDER BY number LIMIT $2 + 0";
pub(crate) const RECEIPTS: [&str; 2] = [
    "SELECT up_to_seq, own_seq, at_us, receipt, key_id, signature FROM receipt \
     WHERE (up_to_seq, own_seq) > ($1, $2) ORDER BY up_to_seq, own_seq LIMIT $3 + 0",
    "SELECT up_to_seq, own_seq, at_us, receipt, key_id, signature FROM receipt_given \
     WHERE (up_to_seq, own_seq) > ($1, $2) ORDER BY up_to_seq, own_seq LIMIT $3 + 0",
];
pub(crate) const REPLIES: &str =
    "SELECT call, digest, reply, at_us, seal FROM request WHERE call > $1 ORDER BY call LIMIT $2 + 0";

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

impl Store {
    /// The heads in the database, not those in the memory of this process.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn read_heads(&self) -> Result<Heads, Error> {
        let rows = sqlx::query(head::SELECT).fetch_all(&self.inner.read).await?;
        head::read(self.inner.own, &rows)
    }

    /// Compares the rows of a journal, from a number up to another, with their headers.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn columns(&self, journal: Journal, from: u64, to: u64) -> Result<RowCheck, Error> {
        let (mut next, mut turn) = (from, 0);
        while next <= to {
            let query = sqlx::query(COLUMNS).bind(journal.id()).bind(number(next)).bind(CHUNK);
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

    fn differing(&self, journal: Journal, row: &AnyRow, before: u64) -> Result<Option<&'static str>, Error> {
        let (header_bytes, fact): (Vec<u8>, Vec<u8>) = (row.try_get(1)?, row.try_get(2)?);
        // The fault of a header that does not decode is reported as one of the signature.
        let Ok(header) = Header::decode(header_bytes.as_slice()) else { return Ok(None) };
        let is_peers = journal == Journal::Of(self.own().peer());
        let digest =
            if is_peers { Vec::new() } else { Fact::decode(fact.as_slice()).unwrap_or_default().request_digest };
        let written_us = micros(header.written_at.as_ref());
        let arrived_us: i64 = row.try_get(10)?;
        // An own entry arrives when it is written, unless it was lost and fetched back; only this agency saw the peer's
        // entries arrive.
        let is_first = self.inner.heads.borrow().own.incarnation == 1;
        let arrived = is_peers || arrived_us == written_us || (!is_first && arrived_us > written_us);
        let right = [
            ("number", header.seq == count(row.try_get(0)?)),
            ("entry_id", header.entry_id == row.try_get::<String, _>(3)?),
            ("matter", header.matter == row.try_get::<String, _>(4)?),
            ("fact_type", header.fact_type == row.try_get::<String, _>(5)?),
            ("answers", header.answers == count(row.try_get(6)?)),
            ("digest", digest == row.try_get::<Vec<u8>, _>(7)?),
            ("turn", count(row.try_get(8)?) > before),
            ("written_us", written_us == row.try_get::<i64, _>(9)?),
            ("arrived_us", arrived),
            ("hash", header_hash(&header_bytes).as_slice() == row.try_get::<Vec<u8>, _>(11)?),
        ];
        Ok(right.into_iter().find(|(_, right)| !right).map(|(column, _)| column))
    }

    /// The fault of the feed up to a number, in a sentence: a change is missing or differs from the one that its entry
    /// gives. `exact`: nothing was ever fetched back, so each entry up to this turn has exactly one change, in the same
    /// order.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn feed_fault(&self, to: u64, exact: Option<u64>) -> Result<Option<String>, Error> {
        let mut entries = Turns { store: self, after: 0, waiting: VecDeque::new() };
        let mut last = 0;
        while last < to {
            let rows = sqlx::query(CHANGES).bind(number(last)).bind(CHUNK).fetch_all(&self.inner.read).await?;
            if rows.is_empty() {
                return Ok(Some(format!("feed: change {} is missing", last + 1)));
            }
            for row in rows {
                let number = count(row.try_get(0)?);
                if number > to {
                    return self.beyond_the_feed(to).await;
                }
                if number != last + 1 {
                    return Ok(Some(format!("feed: change {} is missing", last + 1)));
                }
                last = number;
                let change: Vec<u8> = row.try_get(3)?;
                let event = Event::decode(change.as_slice()).unwrap_or_default();
                let told = (micros(event.time.as_ref()), event.matter.as_str());
                let row: (i64, String) = (row.try_get(1)?, row.try_get(2)?);
                let mut right = event.encode_to_vec() == change && told == (row.0, row.1.as_str());
                if let (Some(Change::EntryApplied(applied)), Some(turn)) = (&event.change, exact) {
                    let entry = entries.next(turn).await?;
                    right &= entry.is_some_and(|(author, header)| {
                        (applied.author(), &applied.entry, &applied.fact_type, &event.matter, &event.traceparent)
                            == (
                                author,
                                &entry_name(author, header.seq),
                                &header.fact_type,
                                &header.matter,
                                &header.traceparent,
                            )
                    });
                }
                right &= event.change.is_some();
                if !right {
                    return Ok(Some(format!("feed: change {number} is not what the journals make")));
                }
            }
        }
        self.beyond_the_feed(to).await
    }

    /// Checks that nothing is beyond the last number, except changes that were written meanwhile.
    async fn beyond_the_feed(&self, to: u64) -> Result<Option<String>, Error> {
        let next = sqlx::query(CHANGES).bind(number(to)).bind(1_i64).fetch_optional(&self.inner.read).await?;
        let moved = next.is_none() || self.read_heads().await?.feed > to;
        Ok((!moved).then(|| format!("feed: changes are beyond the head, {to}")))
    }

    /// The receipts after the one with these numbers, in order: the peer's for the own journal, or the own ones for the
    /// peer's.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn receipts(&self, signer: Signer, up_to: u64, own: u64) -> Result<Vec<ReceiptRow>, Error> {
        let query = sqlx::query(signer.receipts()).bind(number(up_to)).bind(number(own)).bind(CHUNK);
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
        let (mut after, mut altered) = (String::new(), 0);
        loop {
            let rows = sqlx::query(REPLIES).bind(&after).bind(CHUNK).fetch_all(&self.inner.read).await?;
            if rows.is_empty() {
                return Ok(altered);
            }
            for row in rows {
                let (call, digest, reply): (String, Vec<u8>, Vec<u8>) =
                    (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                let seal: Option<Vec<u8>> = row.try_get(4)?;
                let found = ReplyRow { call: &call, digest: &digest, reply: &reply, at_us: row.try_get(3)? };
                altered += u64::from(seal.is_some() && !found.is_sealed(&self.inner.ring, seal.as_deref()));
                after = call;
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

/// The exchanged entries in the order of their turns.
struct Turns<'a> {
    store: &'a Store,
    after: i64,
    waiting: VecDeque<(Agency, Header)>,
}

impl Turns<'_> {
    /// The next entry, up to a turn.
    async fn next(&mut self, to: u64) -> Result<Option<(Agency, Header)>, Error> {
        while self.waiting.is_empty() && self.after < number(to) {
            let query = sqlx::query(BY_TURN).bind(self.after).bind(CHUNK);
            let rows = query.fetch_all(&self.store.inner.read).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let (journal, header): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(2)?);
                self.after = row.try_get(3)?;
                if let Some(author) = Agency::from_id(&journal) {
                    self.waiting.push_back((author, Header::decode(header.as_slice()).unwrap_or_default()));
                }
            }
        }
        Ok(self.waiting.pop_front())
    }
}
