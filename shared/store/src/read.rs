//! Reads of entries with their contents, of receipts, the feed and the record of calls. None of them writes.

use futures::{Stream, TryStreamExt as _};
use prost::Message as _;
use renkei_book::{Around, Cursor, StoredEntry, Told, committed_fact};
use renkei_domain::{
    decide::{Judged, ReadPermit},
    page::Journal,
};
use renkei_journal::{Hash, Previous};
use renkei_proto::{FactKind, journal::v1::Fact};

use crate::{
    audit::{self, ChainHead},
    code::is_without_table,
    condition::TRIAL_FORGOTTEN,
    error::Error,
    pages::Newest,
    query::{FromRow, Row, query, query_as},
    seal::altered,
    store::Store,
    stored::{StoredContent, content_columns, decode_header, entry_columns},
    value::{count, number},
};

pub(crate) const ENTRIES: &str =
    concat!("SELECT ", content_columns!(), " FROM entry WHERE journal = $1 AND seq >= $2 ORDER BY seq LIMIT $3 + 0");
pub(crate) const ENTRIES_OF: &str = concat!(
    "SELECT ",
    entry_columns!(),
    " FROM entry WHERE matter = $1 AND turn > $2 AND journal <> 'private' ORDER BY turn LIMIT $3 + 0"
);
pub(crate) const CONTENTS_OF: &str = concat!(
    "SELECT ",
    content_columns!(),
    " FROM entry WHERE matter = $1 AND turn > $2 AND journal <> 'private' ORDER BY turn LIMIT $3 + 0"
);
pub(crate) const ENTRY: &str = concat!("SELECT ", entry_columns!(), " FROM entry WHERE journal = $1 AND seq = $2");
pub(crate) const ANSWERS: &str = "SELECT seq, fact_type, fact, written_us, header FROM entry \
     WHERE journal = $1 AND answers = $2 AND answers > 0 ORDER BY seq LIMIT 10";
pub(crate) const RECEIPT_FOR: &str = "SELECT at_us, own_seq FROM receipt WHERE up_to_seq >= $1 \
     ORDER BY up_to_seq, own_seq LIMIT 1";
pub(crate) const RECORDED_AT: &str = "SELECT arrived_us FROM entry WHERE journal = $1 AND seq = $2";
/// Reads the next part of the feed: entries that are told, and events behind them.
pub(crate) const FEED: &str = "SELECT * FROM (SELECT turn, CAST(1 AS BIGINT), journal, state, arrived_us, header, hash \
     FROM entry WHERE turn > $1 AND state IS NOT NULL ORDER BY turn LIMIT $2 + 0) AS range_entries UNION ALL \
     SELECT * FROM (SELECT turn, CAST(0 AS BIGINT), matter, matter, at_us, change, change FROM event WHERE turn > $1 \
     ORDER BY turn LIMIT $2 + 0) AS range_events";
/// Reads what is around the ends of the own journal and of the peer's that a cursor names.
pub(crate) const AROUND: &str = "SELECT (SELECT hash FROM entry WHERE journal = $1 AND seq = $2), \
     (SELECT turn FROM entry WHERE journal = $1 AND seq > $2 AND state IS NOT NULL ORDER BY seq LIMIT 1), \
     (SELECT hash FROM entry WHERE journal = $3 AND seq = $4), \
     (SELECT turn FROM entry WHERE journal = $3 AND seq > $4 AND state IS NOT NULL ORDER BY seq LIMIT 1)";
pub(crate) const WRITTEN_AT: &str = "SELECT written_us FROM entry WHERE journal = $1 AND seq = $2";
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

impl FromRow for Answer {
    /// Reads the columns of [`ANSWERS`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        let (seq, fact_type) = (count(columns.read()?), columns.read()?);
        let (fact, written_us, header): (&[u8], i64, &[u8]) = (columns.read()?, columns.read()?, columns.read()?);
        Ok(Self { seq, fact_type, fact: committed_fact(&decode_header(header)?, fact), written_us })
    }
}

impl Store {
    /// Entries of a journal from a number on, in order, with their contents: at most `limit`, and none after they have
    /// reached [`BYTES`].
    ///
    /// # Errors
    /// A database that does not answer, or a content that cannot be decrypted.
    pub async fn entries(&self, journal: Journal, from: u64, limit: usize) -> Result<Vec<StoredEntry>, Error> {
        let query = query_as(ENTRIES).bind(journal.id()).bind(number(from));
        let query = query.bind(number(u64::try_from(limit).unwrap_or(u64::MAX)));
        self.bounded(query.fetch(&mut self.inner.read.acquire().await?)?).await
    }

    /// Reads rows with contents until they reach [`BYTES`]; at least one row.
    async fn bounded(
        &self,
        mut rows: impl Stream<Item = Result<StoredContent, sqlx::Error>> + Unpin,
    ) -> Result<Vec<StoredEntry>, Error> {
        let (mut all, mut room) = (Vec::new(), Room::default());
        while let Some(row) = rows.try_next().await? {
            let entry = row.open(&self.inner.ring)?;
            if !room.takes(entry.entry.encoded_len()) {
                break;
            }
            all.push(entry);
        }
        Ok(all)
    }

    /// The content of one entry of the matter that may be read; `None` if there is none, or if it is sealed or was
    /// erased.
    ///
    /// # Errors
    /// A database that does not answer, or a content that cannot be decrypted.
    pub async fn content(&self, permit: &ReadPermit, journal: Journal, seq: u64) -> Result<Option<Vec<u8>>, Error> {
        let found = self.entries(journal, seq, 1).await?.into_iter().next().filter(|found| found.header.seq == seq);
        self.content_of(permit, found)
    }

    /// The same for an entry whose newest content was read together with the page. It is read by itself if another one was
    /// meant.
    ///
    /// # Errors
    /// A database that does not answer, or a content that cannot be decrypted.
    pub async fn content_or_newest(
        &self,
        permit: &ReadPermit,
        journal: Journal,
        seq: u64,
        newest: Newest,
    ) -> Result<Option<Vec<u8>>, Error> {
        match newest.0.filter(|newest| newest.is_entry(journal, seq)) {
            Some(newest) => self.content_of(permit, Some(newest.open(&self.inner.ring)?)),
            None => self.content(permit, journal, seq).await,
        }
    }

    fn content_of(&self, permit: &ReadPermit, entry: Option<StoredEntry>) -> Result<Option<Vec<u8>>, Error> {
        let entry = entry.filter(|entry| entry.header.matter == permit.matter());
        let entry = entry.map(|entry| self.opened(permit, entry)).transpose()?.flatten();
        Ok(entry.and_then(|entry| entry.entry.content).map(|salted| salted.content))
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
        let query = query_as(CONTENTS_OF).bind(permit.matter()).bind(number(after_turn));
        let query = query.bind(number(u64::try_from(limit).unwrap_or(u64::MAX)));
        let all = self.bounded(query.fetch(&mut self.inner.read.acquire().await?)?).await?;
        // Entries that were written after the page was judged are read with the next page.
        all.into_iter().map_while(|entry| self.opened(permit, entry).transpose()).collect()
    }

    /// The entry, without its content if that is sealed; `None` if it was written after the page was judged.
    fn opened(&self, permit: &ReadPermit, mut stored: StoredEntry) -> Result<Option<StoredEntry>, Error> {
        if stored.header.matter != permit.matter() {
            return Err(altered(&self.inner.metrics, permit.matter()));
        }
        match permit.judged(stored.journal, stored.header.seq, &stored.hash) {
            Judged::Entry => {}
            Judged::Later => return Ok(None),
            Judged::Another => return Err(altered(&self.inner.metrics, permit.matter())),
        }
        let kind = FactKind::named(&stored.header.fact_type);
        if !kind.is_some_and(|kind| permit.opens(stored.journal, stored.header.seq, kind)) {
            stored.entry.content = None;
        }
        Ok(Some(stored))
    }

    /// One entry without its content.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn entry(&self, journal: Journal, seq: u64) -> Result<Option<StoredEntry>, Error> {
        let query = query_as(ENTRY).bind(journal.id()).bind(number(seq));
        Ok(query.fetch_optional(&self.inner.read).await?)
    }

    /// The entries of a matter in both agencies' journals, in the order in which they were folded here, without
    /// contents.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn entries_of(&self, matter: &str, after_turn: u64, limit: usize) -> Result<Vec<StoredEntry>, Error> {
        let entries: Vec<StoredEntry> = query_as(ENTRIES_OF)
            .bind(matter)
            .bind(number(after_turn))
            .bind(number(u64::try_from(limit).unwrap_or(u64::MAX)))
            .fetch_all(&self.inner.read)
            .await?;
        match entries.iter().any(|entry| entry.header.matter != matter) {
            true => Err(altered(&self.inner.metrics, matter)),
            false => Ok(entries),
        }
    }

    /// The first entries of the peer that answer an own entry.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn answers(&self, seq: u64) -> Result<Vec<Answer>, Error> {
        let query = query_as(ANSWERS).bind(self.inner.own.peer().id()).bind(number(seq));
        Ok(query.fetch_all(&self.inner.read).await?)
    }

    /// The first receipt that covers an own entry: the time of its signature, and the peer's head then.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn receipt_for(&self, seq: u64) -> Result<Option<(i64, u64)>, Error> {
        let row = query(RECEIPT_FOR).bind(number(seq)).fetch_optional(&self.inner.read).await?;
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
        let query = query(statement).bind(journal.id()).bind(number(seq));
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
        let query = query_as(audit::OF_MATTER).bind(matter).bind(at_us).bind(chain).bind(number(seq));
        let query = query.bind(number(u64::try_from(limit).unwrap_or(u64::MAX)));
        Ok(query.fetch_all(&self.inner.read).await?)
    }

    /// Reports that rows of a matter were changed outside the service, and returns the error for it.
    pub fn altered(&self, matter: &str) -> Error {
        altered(&self.inner.metrics, matter)
    }

    /// The changes after a turn, in order: entries of both agencies, and events.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn feed(&self, after: u64, limit: usize) -> Result<Vec<Told>, Error> {
        let most = number(u64::try_from(limit).unwrap_or(u64::MAX));
        let mut told: Vec<Told> = query_as(FEED).bind(number(after)).bind(most).fetch_all(&self.inner.read).await?;
        told.sort_by_key(|change| change.turn);
        told.truncate(limit);
        Ok(told)
    }

    /// What the database has around the ends of the own journal and of the peer's that a cursor names.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn around(&self, cursor: &Cursor) -> Result<[Around; 2], Error> {
        let own = self.own();
        let query = query(AROUND).bind(own.id()).bind(number(cursor.own.seq));
        let query = query.bind(own.peer().id()).bind(number(cursor.peer.seq));
        let row = query.fetch_one(&self.inner.read).await?;
        let around = |hash, next| {
            let bytes: Option<Vec<u8>> = row.try_get(hash)?;
            let next: Option<i64> = row.try_get(next)?;
            let hash = bytes.and_then(|bytes| Hash::try_from(bytes.as_slice()).ok());
            Ok::<_, Error>(Around { hash, next: next.map(count) })
        };
        Ok([around(0, 1)?, around(2, 3)?])
    }

    /// The ends of all audit chains.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn audit_heads(&self) -> Result<Vec<ChainHead>, Error> {
        let (mut connection, mut heads, mut after) = (self.inner.read.acquire().await?, Vec::new(), String::new());
        while let Some(row) = query(audit::NEXT_CHAIN).bind(after.as_str()).fetch_optional(&mut connection).await? {
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
        Ok(self.read_heads().await?.previous(self.inner.own, journal, &self.inner.agreements))
    }

    /// Forgets the replies to calls before an instant, in microseconds since 1970. The records of the calls stay.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn forget_replies(&self, before_us: i64) -> Result<(), Error> {
        query(audit::FORGET_REPLIES).bind(before_us).execute(&self.inner.write).await?;
        // A trial of the disk may have ended before it removed its row.
        query(TRIAL_FORGOTTEN).execute(&self.inner.write).await?;
        Ok(())
    }

    /// Records of one audit chain after a number, in order.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn audit_records(&self, chain: &str, after: u64, limit: i64) -> Result<Vec<audit::StoredRecord>, Error> {
        let query = query_as(audit::RECORDS).bind(chain).bind(number(after)).bind(limit);
        Ok(query.fetch_all(&self.inner.read).await?)
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
        let found = match query(PING).fetch_optional(&self.inner.read).await {
            // The table no longer exists, because the database was created again.
            Err(error) if is_without_table(&error) => None,
            found => found?.map(|row| row.try_get::<String>(0)).transpose()?,
        };
        self.inner.is_found(found.as_deref() == Some(self.id()))?;
        self.inner.is_there()
    }
}
