//! Reads of entries with their contents, of receipts, the feed and the record of calls. None of them writes.

use futures::{Stream, TryStreamExt as _};
use prost::Message as _;
use renkei_domain::{
    decide::{Judged, ReadPermit},
    page::Journal,
};
use renkei_journal::Previous;
use renkei_proto::{
    FactKind,
    journal::v1::{Fact, SaltedContent},
    watch::v1::Event,
};
use sqlx::{Row as _, any::AnyRow};

use crate::{
    audit::{self, ChainHead},
    bulk::{count, number},
    code::is_without_table,
    error::Error,
    head,
    save::place,
    seal::altered,
    store::Store,
    stored::{StoredEntry, decode_header, held, said},
};

pub(crate) const ENTRIES: &str = "SELECT e.journal, e.seq, e.header, e.key_id, e.signature, e.fact, e.turn, \
     e.arrived_us, e.hash, c.nonce, c.ciphertext, k.wrapped_key, k.ring_key_id FROM entry e \
     LEFT JOIN content c ON c.journal = e.journal AND c.seq = e.seq \
     LEFT JOIN matter_key k ON k.matter = e.matter \
     WHERE e.journal = $1 AND e.seq >= $2 ORDER BY e.seq LIMIT $3 + 0";
pub(crate) const ENTRIES_OF: &str = "SELECT e.journal, e.seq, e.header, e.key_id, e.signature, e.fact, e.turn, \
     e.arrived_us, e.hash, c.nonce FROM entry e LEFT JOIN content c ON c.journal = e.journal AND c.seq = e.seq \
     WHERE e.matter = $1 AND e.turn > $2 AND e.journal <> 'private' ORDER BY e.turn LIMIT $3 + 0";
pub(crate) const CONTENTS_OF: &str = "SELECT e.journal, e.seq, e.header, e.key_id, e.signature, e.fact, e.turn, \
     e.arrived_us, e.hash, c.nonce, c.ciphertext, k.wrapped_key, k.ring_key_id FROM entry e \
     LEFT JOIN content c ON c.journal = e.journal AND c.seq = e.seq \
     LEFT JOIN matter_key k ON k.matter = e.matter \
     WHERE e.matter = $1 AND e.turn > $2 AND e.journal <> 'private' ORDER BY e.turn LIMIT $3 + 0";
pub(crate) const ENTRY: &str = "SELECT e.journal, e.seq, e.header, e.key_id, e.signature, e.fact, e.turn, \
     e.arrived_us, e.hash, c.nonce FROM entry e LEFT JOIN content c ON c.journal = e.journal AND c.seq = e.seq \
     WHERE e.journal = $1 AND e.seq = $2";
pub(crate) const ANSWERS: &str = "SELECT seq, fact_type, fact, written_us, header FROM entry \
     WHERE journal = $1 AND answers = $2 ORDER BY seq LIMIT 10";
pub(crate) const RECEIPT_FOR: &str = "SELECT at_us, own_seq FROM receipt WHERE up_to_seq >= $1 \
     ORDER BY up_to_seq, own_seq LIMIT 1";
pub(crate) const RECORDED_AT: &str = "SELECT arrived_us FROM entry WHERE journal = $1 AND seq = $2";
pub(crate) const FEED: &str = "SELECT number, change FROM feed WHERE number > $1 ORDER BY number LIMIT $2 + 0";
pub(crate) const FEED_FIRST: &str = "SELECT COALESCE(MIN(number), 0) FROM feed";
pub(crate) const WRITTEN_AT: &str = "SELECT written_us FROM entry WHERE journal = $1 AND seq = $2";
pub(crate) const FORGET_REQUESTS: &str = "DELETE FROM request WHERE at_us < $1";
pub(crate) const AUDIT_RECORDS: &str = "SELECT seq, prev_hash, hash, at_us, official, caller, method, matter, purpose, \
     outcome FROM audit WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT $3 + 0";
pub(crate) const PING: &str = "SELECT store_id FROM store WHERE one = 1";

/// The most bytes of entries that one read gives, unless a single entry is larger.
pub const BYTES: usize = 2 << 20;

/// The room on a page of entries or of a list. Items that would make the page larger than [`BYTES`] come on the next
/// page.
#[derive(Clone, Copy, Debug, Default)]
pub struct Room {
    items: usize,
    bytes: usize,
}

impl Room {
    /// Uses up this many bytes. Returns true if there was room, which there always is for the first item.
    pub fn takes(&mut self, bytes: usize) -> bool {
        let is_full = self.items > 0 && self.bytes + bytes > BYTES;
        if !is_full {
            self.items += 1;
            self.bytes += bytes;
        }
        !is_full
    }
}

/// An entry of the peer that answers another.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The number of the entry.
    pub seq: u64,
    /// Its kind of fact.
    pub fact_type: String,
    /// The decoded fact.
    pub fact: Fact,
    /// The time of writing, in microseconds since 1970.
    pub written_us: i64,
}

impl Store {
    /// Entries of a journal from a number on, in order, with their contents: at most `limit`, and none after they have
    /// reached [`BYTES`].
    ///
    /// # Errors
    /// A database that does not answer, or a content that cannot be decrypted.
    pub async fn entries(&self, journal: Journal, from: u64, limit: usize) -> Result<Vec<StoredEntry>, Error> {
        let query = sqlx::query(ENTRIES).bind(journal.id()).bind(number(from));
        let query = query.bind(number(u64::try_from(limit).unwrap_or(u64::MAX)));
        self.bounded(query.fetch(&mut self.inner.read.acquire().await?)).await
    }

    /// Reads rows with contents until they reach [`BYTES`]; at least one row.
    async fn bounded(
        &self,
        mut rows: impl Stream<Item = Result<AnyRow, sqlx::Error>> + Unpin,
    ) -> Result<Vec<StoredEntry>, Error> {
        let (mut all, mut room) = (Vec::new(), Room::default());
        while let Some(row) = rows.try_next().await? {
            let held = self.with_content(&row)?;
            if !room.takes(held.entry.encoded_len()) {
                break;
            }
            all.push(held);
        }
        Ok(all)
    }

    fn with_content(&self, row: &AnyRow) -> Result<StoredEntry, Error> {
        let mut held = held(row)?;
        if held.content_present {
            let (nonce, ciphertext): (Vec<u8>, Vec<u8>) = (row.try_get(9)?, row.try_get(10)?);
            let (wrapped, id): (Option<Vec<u8>>, Option<String>) = (row.try_get(11)?, row.try_get(12)?);
            let missing = || Error::Damaged("the key of a matter is missing".to_owned());
            let (wrapped, id) = wrapped.zip(id).ok_or_else(missing)?;
            let key = self.inner.ring.unwrap(&held.header.matter, &wrapped, &id)?;
            let plain = key.open(&place(held.journal.id(), held.header.seq), &nonce, &ciphertext)?;
            let content = SaltedContent::decode(plain.as_slice());
            held.entry.content = Some(content.map_err(|error| Error::Damaged(format!("a content: {error}")))?);
        }
        Ok(held)
    }

    /// The content of one entry of the matter that may be read; `None` if there is none, or if it is sealed or was
    /// erased.
    ///
    /// # Errors
    /// A database that does not answer, or a content that cannot be decrypted.
    pub async fn content(&self, permit: &ReadPermit, journal: Journal, seq: u64) -> Result<Option<Vec<u8>>, Error> {
        let held = self.entries(journal, seq, 1).await?.into_iter().next().filter(|held| held.header.seq == seq);
        let held = held.filter(|held| held.header.matter == permit.matter());
        let held = held.map(|held| self.opened(permit, held)).transpose()?.flatten();
        Ok(held.and_then(|held| held.entry.content).map(|salted| salted.content))
    }

    /// The entries of the matter that may be read, with their contents, in the order in which they were folded here: at
    /// most `limit`, and none after they have reached [`BYTES`].
    ///
    /// # Errors
    /// A database that does not answer, or a content that cannot be decrypted.
    pub async fn contents_of(
        &self,
        permit: &ReadPermit,
        after_turn: u64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, Error> {
        let query = sqlx::query(CONTENTS_OF).bind(permit.matter()).bind(number(after_turn));
        let query = query.bind(number(u64::try_from(limit).unwrap_or(u64::MAX)));
        let all = self.bounded(query.fetch(&mut self.inner.read.acquire().await?)).await?;
        // Entries that were written after the page was judged are read with the next page.
        all.into_iter().map_while(|held| self.opened(permit, held).transpose()).collect()
    }

    /// The entry, without its content if that is sealed; `None` if it was written after the page was judged.
    fn opened(&self, permit: &ReadPermit, mut held: StoredEntry) -> Result<Option<StoredEntry>, Error> {
        if held.header.matter != permit.matter() {
            return Err(altered(&self.inner.metrics, permit.matter()));
        }
        match permit.judged(held.journal, held.header.seq, &held.hash) {
            Judged::Entry => {}
            Judged::Later => return Ok(None),
            Judged::Another => return Err(altered(&self.inner.metrics, permit.matter())),
        }
        let kind = FactKind::named(&held.header.fact_type);
        if !kind.is_some_and(|kind| permit.opens(held.journal, held.header.seq, kind)) {
            held.entry.content = None;
        }
        Ok(Some(held))
    }

    /// One entry without its content.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn entry(&self, journal: Journal, seq: u64) -> Result<Option<StoredEntry>, Error> {
        let query = sqlx::query(ENTRY).bind(journal.id()).bind(number(seq));
        query.fetch_optional(&self.inner.read).await?.as_ref().map(held).transpose()
    }

    /// The entries of a matter in both agencies' journals, in the order in which they were folded here, without
    /// contents.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn entries_of(&self, matter: &str, after_turn: u64, limit: usize) -> Result<Vec<StoredEntry>, Error> {
        let rows = sqlx::query(ENTRIES_OF)
            .bind(matter)
            .bind(number(after_turn))
            .bind(number(u64::try_from(limit).unwrap_or(u64::MAX)))
            .fetch_all(&self.inner.read)
            .await?;
        let entries: Vec<StoredEntry> = rows.iter().map(held).collect::<Result<_, _>>()?;
        match entries.iter().any(|held| held.header.matter != matter) {
            true => Err(altered(&self.inner.metrics, matter)),
            false => Ok(entries),
        }
    }

    /// The first entries of the peer that answer an own entry.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn answers(&self, seq: u64) -> Result<Vec<Answer>, Error> {
        let query = sqlx::query(ANSWERS).bind(self.inner.own.peer().id()).bind(number(seq));
        let mut answers = Vec::new();
        for row in query.fetch_all(&self.inner.read).await? {
            let (fact, header): (Vec<u8>, Vec<u8>) = (row.try_get(2)?, row.try_get(4)?);
            answers.push(Answer {
                seq: count(row.try_get(0)?),
                fact_type: row.try_get(1)?,
                fact: said(&decode_header(&header)?, &fact),
                written_us: row.try_get(3)?,
            });
        }
        Ok(answers)
    }

    /// The first receipt that covers an own entry: the time of its signature, and the peer's head then.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn receipt_for(&self, seq: u64) -> Result<Option<(i64, u64)>, Error> {
        let row = sqlx::query(RECEIPT_FOR).bind(number(seq)).fetch_optional(&self.inner.read).await?;
        row.map(|row| Ok((row.try_get(0)?, count(row.try_get(1)?)))).transpose()
    }

    /// The time at which an entry was stored here, in microseconds since 1970.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn arrived_us(&self, journal: Journal, seq: u64) -> Result<Option<i64>, Error> {
        self.one_number(RECORDED_AT, journal, seq).await
    }

    /// The time at which an entry was written, in microseconds since 1970.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn written_us(&self, journal: Journal, seq: u64) -> Result<Option<i64>, Error> {
        self.one_number(WRITTEN_AT, journal, seq).await
    }

    async fn one_number(&self, statement: &'static str, journal: Journal, seq: u64) -> Result<Option<i64>, Error> {
        let query = sqlx::query(statement).bind(journal.id()).bind(number(seq));
        let row = query.fetch_optional(&self.inner.read).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// The records of calls that wrote in a matter or read secret material of it, oldest first, after a record.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn recorded(
        &self,
        matter: &str,
        (at_us, chain, seq): (i64, &str, u64),
        limit: usize,
    ) -> Result<Vec<audit::Recorded>, Error> {
        let query = sqlx::query(audit::OF_MATTER).bind(matter).bind(at_us).bind(chain).bind(number(seq));
        let rows = query.bind(number(u64::try_from(limit).unwrap_or(u64::MAX))).fetch_all(&self.inner.read).await?;
        rows.iter().map(audit::recorded).collect()
    }

    /// Reports that rows of a matter were changed outside the service, and returns the error for it.
    pub fn altered(&self, matter: &str) -> Error {
        altered(&self.inner.metrics, matter)
    }

    /// The changes after a number of the feed, in order.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn feed(&self, after: u64, limit: usize) -> Result<Vec<(u64, Event)>, Error> {
        let limit = number(u64::try_from(limit).unwrap_or(u64::MAX));
        let rows = sqlx::query(FEED).bind(number(after)).bind(limit).fetch_all(&self.inner.read).await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let change: Vec<u8> = row.try_get(1)?;
            let event =
                Event::decode(change.as_slice()).map_err(|error| Error::Damaged(format!("a change: {error}")))?;
            events.push((count(row.try_get(0)?), event));
        }
        Ok(events)
    }

    /// The lowest number that the feed still has; 0 if it is empty.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn feed_first(&self) -> Result<u64, Error> {
        Ok(count(sqlx::query(FEED_FIRST).fetch_one(&self.inner.read).await?.try_get(0)?))
    }

    /// The ends of all audit chains.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn audit_heads(&self) -> Result<Vec<ChainHead>, Error> {
        let (mut connection, mut heads, mut after) = (self.inner.read.acquire().await?, Vec::new(), String::new());
        while let Some(row) = sqlx::query(audit::NEXT_CHAIN).bind(&after).fetch_optional(&mut connection).await? {
            after = row.try_get(0)?;
            heads.push(audit::head(&mut connection, &after).await?);
        }
        Ok(heads)
    }

    /// The state with which the next entry of a journal is compared.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn previous(&self, journal: Journal) -> Result<Previous, Error> {
        let rows = sqlx::query(head::SELECT).fetch_all(&self.inner.read).await?;
        Ok(head::read(self.inner.own, &rows)?.previous(self.inner.own, journal))
    }

    /// Deletes replies that are older than an instant, in microseconds since 1970.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn forget_requests(&self, before_us: i64) -> Result<(), Error> {
        sqlx::query(FORGET_REQUESTS).bind(before_us).execute(&self.inner.write).await?;
        Ok(())
    }

    /// Records of one audit chain after a number, in order.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn audit_records(&self, chain: &str, after: u64, limit: i64) -> Result<Vec<audit::StoredRecord>, Error> {
        let query = sqlx::query(AUDIT_RECORDS).bind(chain).bind(number(after)).bind(limit);
        query.fetch_all(&self.inner.read).await?.iter().map(audit::held).collect()
    }

    /// Connections of each pool: those that nobody uses, and those in use.
    pub fn connections(&self) -> [(&'static str, usize, usize); 2] {
        [("read", &self.inner.read), ("write", &self.inner.write)].map(|(name, pool)| {
            let (idle, all) = pool.sizes();
            (name, idle, all.saturating_sub(idle))
        })
    }

    /// Checks that the database answers and is the one that was opened.
    ///
    /// # Errors
    /// A database that does not answer, or another one.
    pub async fn ping(&self) -> Result<(), Error> {
        let found = match sqlx::query(PING).fetch_optional(&self.inner.read).await {
            // The table no longer exists, because the database was created again.
            Err(error) if is_without_table(&error) => None,
            found => found?.map(|row| row.try_get::<String, _>(0)).transpose()?,
        };
        self.inner.is_found(found.as_deref() == Some(self.id()))?;
        self.inner.is_there()
    }
}
