//! Recovery of a database that is behind the peer's copy of its journal: a restored backup, a lost disk.
//!
//! Own entries without a receipt are set aside, the journal is fetched back from the peer, a new incarnation is opened,
//! and the entries that were set aside and did not come back are judged again under their own ids.

use prost::Message as _;
use renkei_book::{
    Cause, HelloVerdict, JournalHead, OwnPart, PeerHolds, Reopen, SetAside, Staged, StoredEntry, is_set_aside,
};
use renkei_domain::{moment::Moment, page::Journal};
use renkei_journal::Head;
use renkei_proto::{
    journal::v1::{Entry, Fact, Header, Receipt},
    options::v1::Reason,
};

use crate::{
    anchor::PrivateStanding,
    bulk::{
        Column::{Bytes, Int, Text},
        Insert,
    },
    connection::Connection,
    content::{Encrypted, KeyRing},
    dialect::Dialect,
    error::Error,
    head,
    inner::Inner,
    migration,
    query::{FromRow, Row, query, query_as},
    rebuild::refold,
    store::Store,
    stored::entry_columns,
    value::{count, number},
};

pub(crate) static ASIDE_ROWS: Insert = Insert {
    table: "aside",
    columns: &[
        Text("entry_id"),
        Int("seq"),
        Text("matter"),
        Text("fact_type"),
        Bytes("nonce"),
        Bytes("sealed"),
        Bytes("wrapped_key"),
        Text("ring_key_id"),
        Text("reason"),
    ],
    conflict: " ON CONFLICT DO NOTHING",
};
pub(crate) const ASIDE_ALL: &str = "SELECT entry_id, seq, matter, fact_type, nonce, sealed, wrapped_key, ring_key_id, \
     reason FROM aside ORDER BY seq";
pub(crate) const ASIDE_ERASED: &str =
    "UPDATE aside SET nonce = $1, sealed = $2, wrapped_key = $3, ring_key_id = $4 WHERE entry_id = $5";
pub(crate) const ASIDE_DONE: &str = "DELETE FROM aside WHERE entry_id = $1";
pub(crate) const ASIDE_REFUSED: &str = "UPDATE aside SET reason = $1 WHERE entry_id = $2";
/// The replies to these entries are no longer true; repeats are found by the digest once the act is written again.
pub(crate) const FORGET_REPLIES: &str = "UPDATE call SET request = NULL, digest = NULL, reply = NULL, seal = NULL \
     WHERE request IS NOT NULL AND digest IN (SELECT digest FROM entry WHERE journal = $1 AND seq > $2)";
pub(crate) const DELETE_ENTRIES: &str = "DELETE FROM entry WHERE journal = $1 AND seq > $2";
pub(crate) const COPY: &str = "VACUUM INTO $1";
pub(crate) const MARK: &str = "UPDATE store SET marked = $1 WHERE one = 1";
pub(crate) const RECEIPT_OF: &str = "SELECT receipt FROM receipt WHERE up_to_seq = $1 ORDER BY own_seq DESC LIMIT 1";
pub(crate) const LAST_BELOW: &str =
    concat!("SELECT ", entry_columns!(), " FROM entry WHERE journal = $1 AND seq <= $2 ORDER BY seq DESC LIMIT 1");

/// The name under which entries that are set aside are encrypted.
const ASIDE: &str = "aside";

impl Store {
    /// The consequence of the peer's position in our journal. `last` is the last entry of ours that the peer claims to
    /// have; it proves something only if our own signature on it was verified.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn standing(&self, last: &PeerHolds) -> Result<HelloVerdict, Error> {
        let (own, journal) = (self.heads().borrow().own.clone(), Journal::Of(self.own()));
        let named = self.entry(journal, last.head.seq).await?.map(|held| held.hash);
        let receipted = self.entry(journal, own.receipted).await?.map(|held| held.hash);
        let receipt = self.receipt_of(own.receipted).await?;
        Ok(OwnPart { head: &own, named, receipt, receipted }.verdict(last))
    }

    /// The peer's newest receipt for the own journal up to a number.
    async fn receipt_of(&self, up_to: u64) -> Result<Option<Receipt>, Error> {
        let row = query(RECEIPT_OF).bind(number(up_to)).fetch_optional(&self.inner.read).await?;
        let bytes = row.map(|row| row.try_get::<Vec<u8>>(0)).transpose()?;
        let damaged = |error| Error::Damaged(format!("a receipt: {error}"));
        bytes.map(|bytes| Receipt::decode(bytes.as_slice()).map_err(damaged)).transpose()
    }

    /// Begins a recovery: own entries without a receipt are set aside, pages are folded again, and writes are refused
    /// until the own journal is here up to `lost`, which our own signature or our own head proves to have been written.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn rewind(&self, lost: Head, moment: &Moment) -> Result<(), Error> {
        let (own, journal) = (self.own(), Journal::Of(self.own()));
        let (mut transaction, _) = self.inner.begin_writing().await?;
        let mut heads = head::read(&mut transaction, own).await?;
        if heads.own.recover_to > 0 {
            heads.own.recover_to = heads.own.recover_to.max(lost.seq);
            head::write(&mut transaction, &heads, own, journal).await?;
            transaction.commit().await?;
            self.inner.publish(heads);
            return Ok(());
        }
        // While the head row is locked, another replica cannot have written and sent the entry that is missing here.
        let last = query(crate::stored::ENTRY_AT).bind(own.id()).bind(number(lost.seq));
        let ours = last.fetch_optional(&mut *transaction).await?.map(|row| row.try_get::<Vec<u8>>(0)).transpose()?;
        if lost.seq == 0 || ours.is_some_and(|hash| hash == lost.hash) {
            return Ok(());
        }
        let last = last_below(&mut transaction, journal, heads.kept()).await?;
        let keep = last.as_ref().map_or(0, |last| last.header.seq);
        self.set_aside(&mut transaction, keep, moment).await?;
        for statement in [FORGET_REPLIES, DELETE_ENTRIES] {
            query(statement).bind(own.id()).bind(number(keep)).execute(&mut *transaction).await?;
        }
        tracing::error!(own = heads.own.seq, kept = keep, written = lost.seq, "own entries are missing here");
        heads.rewind(last.as_ref().map(|last| (&last.header, last.hash)), lost.seq);
        head::write(&mut transaction, &heads, own, journal).await?;
        refold(&mut transaction, &self.inner).await?;
        transaction.commit().await?;
        self.inner.publish(heads);
        Ok(())
    }

    /// Compares each journal's head with its last entry, and goes back to the last entry that is stored if that one is
    /// missing, because no entry is ever chained to a missing one. The own journal and the peer's are fetched back from
    /// the peer; nobody else has the private one.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn mend_ends(&self, moment: &Moment) -> Result<(), Error> {
        let (own, peer) = (Journal::Of(self.own()), Journal::Of(self.own().peer()));
        let heads = self.heads().borrow().clone();
        if heads.own.recover_to == 0 && self.is_end_missing(own, &heads.own).await? {
            self.rewind(heads.own.head(), moment).await?;
        }
        for journal in [peer, Journal::Private] {
            if self.is_end_missing(journal, heads.of(self.own(), journal)).await? {
                self.go_back(journal).await?;
            }
        }
        Ok(())
    }

    async fn is_end_missing(&self, journal: Journal, head: &JournalHead) -> Result<bool, Error> {
        Ok(head.seq > 0 && self.entry(journal, head.seq).await?.is_none())
    }

    /// Sets the head of the peer's or the private journal back to the last entry that is stored.
    async fn go_back(&self, journal: Journal) -> Result<(), Error> {
        let own = self.own();
        let (mut transaction, _) = self.inner.begin_writing().await?;
        let mut heads = head::read(&mut transaction, own).await?;
        let lost = heads.of(own, journal).seq;
        let last = last_below(&mut transaction, journal, lost).await?;
        let kept = last.as_ref().map_or(0, |last| last.header.seq);
        if kept == lost {
            return Ok(());
        }
        heads.go_back(own, journal, last.as_ref().map(|last| (&last.header, last.hash)));
        tracing::error!(journal = journal.id(), kept, lost, "entries of a journal are missing at its end");
        head::write(&mut transaction, &heads, own, journal).await?;
        refold(&mut transaction, &self.inner).await?;
        transaction.commit().await?;
        self.inner.publish(heads);
        Ok(())
    }

    /// Puts the own entries above a number into the table `aside`, encrypted. A journal's facts about itself are not
    /// judged again, because they are written again.
    async fn set_aside(&self, connection: &mut Connection, above: u64, moment: &Moment) -> Result<(), Error> {
        let mut from = above + 1;
        loop {
            let found = self.entries(Journal::Of(self.own()), from, 256).await?;
            let Some(last) = found.last() else { return Ok(()) };
            from = last.header.seq + 1;
            let mut rows = Vec::new();
            for found in found.iter().filter(|found| is_set_aside(&found.header)) {
                let Header { entry_id, seq, matter, fact_type, .. } = &found.header;
                let it = encrypt_aside(&self.inner.ring, moment, (entry_id, *seq), &found.entry)?;
                rows.push(vec![
                    entry_id.as_str().into(),
                    (*seq).into(),
                    matter.as_str().into(),
                    fact_type.as_str().into(),
                    it.nonce.into(),
                    it.ciphertext.into(),
                    it.wrapped_key.into(),
                    it.ring_key_id.into(),
                    "".into(),
                ]);
            }
            ASIDE_ROWS.run(&mut *connection, rows).await?;
        }
    }

    /// The entries that were set aside: before the new incarnation all of them, afterwards those that an official must
    /// examine.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn aside(&self) -> Result<Vec<SetAside>, Error> {
        let mut all = Vec::new();
        for row in aside_rows(&mut self.inner.read.acquire().await?).await? {
            let entry = row.open(&self.inner.ring)?;
            let header = Header::decode(entry.header.as_slice()).map_err(damaged)?;
            let fact = Fact::decode(entry.fact.as_slice()).map_err(damaged)?;
            all.push(SetAside { reason: row.reason, ..SetAside::of(header, fact, entry.content) });
        }
        Ok(all)
    }

    /// The command that opens a new incarnation.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn reopening(&self, cause: Cause) -> Result<Reopen, Error> {
        let mut again = self.aside().await?;
        again.retain(|again| again.reason.is_empty());
        // A copy, or the rest of a journal, may lack the anchors of the lost private entries.
        let is_behind = matches!(self.private_standing().await?, PrivateStanding::Behind { .. });
        let bars_lost = is_behind || cause != Cause::FetchedBack;
        Ok(Reopen { again, cause, bars_lost })
    }

    /// True if the database is a copy that `backup` made, or was restored otherwise: it must open a new incarnation.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn is_marked(&self) -> Result<bool, Error> {
        Ok(crate::migration::check(&self.inner.read, self.inner.dialect, self.own()).await?.marked)
    }

    /// Copies the database while it runs and marks the copy. SQLite only: for PostgreSQL its own tools are used.
    ///
    /// # Errors
    /// A copy that cannot be written, or a database on a server.
    pub async fn backup(&self, path: &str) -> Result<(), Error> {
        if self.inner.dialect != Dialect::Sqlite {
            return Err(Error::NotCopied);
        }
        query(COPY).bind(path).execute(&self.inner.read).await?;
        let copy = crate::connect::connect(Dialect::Sqlite, &format!("sqlite:{path}"), false).await?;
        let marked = query(MARK).bind(1_i64).execute(&copy.write).await;
        copy.close().await;
        Ok(marked.map(|_| ())?)
    }
}

/// An entry that was set aside, as it is stored.
pub(crate) struct AsideRow {
    entry_id: String,
    pub(crate) seq: u64,
    pub(crate) matter: String,
    sealed: Encrypted,
    reason: String,
}

impl FromRow for AsideRow {
    /// Reads the columns of [`ASIDE_ALL`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        let (entry_id, seq, matter) = (columns.read()?, count(columns.read()?), columns.read()?);
        // The kind of fact is for people.
        let _: &str = columns.read()?;
        let sealed = Encrypted {
            nonce: columns.read()?,
            ciphertext: columns.read()?,
            wrapped_key: columns.read()?,
            ring_key_id: columns.read()?,
        };
        Ok(Self { entry_id, seq, matter, sealed, reason: columns.read()? })
    }
}

impl AsideRow {
    fn open(&self, ring: &KeyRing) -> Result<Entry, Error> {
        let plain = ring.decrypt(ASIDE, &aside_place(&self.entry_id), &self.sealed)?;
        Entry::decode(plain.as_slice()).map_err(damaged)
    }

    /// Removes the content from the entry. Returns true if it had one.
    pub(crate) async fn erase(
        &self,
        inner: &Inner,
        connection: &mut Connection,
        moment: &Moment,
    ) -> Result<bool, Error> {
        let entry = self.open(&inner.ring)?;
        if entry.content.is_none() {
            return Ok(false);
        }
        let it = encrypt_aside(&inner.ring, moment, (&self.entry_id, self.seq), &Entry { content: None, ..entry })?;
        let query = query(ASIDE_ERASED).bind(it.nonce).bind(it.ciphertext).bind(it.wrapped_key).bind(it.ring_key_id);
        query.bind(self.entry_id.as_str()).execute(connection).await?;
        Ok(true)
    }
}

/// All entries that were set aside.
pub(crate) async fn aside_rows(connection: &mut Connection) -> Result<Vec<AsideRow>, Error> {
    Ok(query_as(ASIDE_ALL).fetch_all(connection).await?)
}

/// Encrypts an entry that is set aside, with its content. `moment` never encrypted the same entry before.
fn encrypt_aside(
    ring: &KeyRing,
    moment: &Moment,
    (entry_id, seq): (&str, u64),
    entry: &Entry,
) -> Result<Encrypted, Error> {
    let place = aside_place(entry_id);
    let draw = |label: &str| moment.bytes(&format!("{label} {place}"), seq);
    ring.encrypt(ASIDE, &place, draw, &entry.encode_to_vec())
}

fn damaged(error: prost::DecodeError) -> Error {
    Error::Damaged(format!("an entry set aside: {error}"))
}

/// The place of an entry that is set aside, to which its ciphertext is bound.
fn aside_place(entry_id: &str) -> String {
    format!("{ASIDE}/{entry_id}")
}

/// The last entry of a journal that is here, of those up to a number.
async fn last_below(connection: &mut Connection, journal: Journal, seq: u64) -> Result<Option<StoredEntry>, Error> {
    Ok(query_as(LAST_BELOW).bind(journal.id()).bind(number(seq)).fetch_optional(&mut *connection).await?)
}

/// Writes the rows that a recovery staged besides its entries.
pub(crate) async fn save(connection: &mut Connection, staged: &Staged, dialect: Dialect) -> Result<(), Error> {
    if staged.unmark {
        query(MARK).bind(0_i64).execute(&mut *connection).await?;
        migration::place(&mut *connection, dialect).await?;
    }
    for (entry_id, reason) in &staged.judged_again {
        let query = match reason {
            Reason::Unspecified => query(ASIDE_DONE).bind(entry_id.as_str()),
            reason => query(ASIDE_REFUSED).bind(reason.id()).bind(entry_id.as_str()),
        };
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
