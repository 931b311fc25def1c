//! Recovery of a database that is behind what the peer holds of its journal: a restored backup, a lost disk.
//!
//! Own entries without a receipt are set aside, the journal is fetched back from the peer, a new incarnation is opened and
//! what was set aside and did not come back is judged again under its own entry id.

use prost::Message as _;
use renkei_domain::{
    decide::{self, Keys, Refusal},
    matter::Matter,
    moment::Moment,
    page::Journal,
};
use renkei_journal::Hash;
use renkei_proto::{
    FactKind,
    journal::v1::{Entry, Fact, Header, JournalReopened, LossFound, fact},
    link::v1::Head,
    options::v1::Reason,
    r#type::v1::Agency,
};
use sqlx::Row as _;

use crate::{
    Store,
    bulk::{Insert, count, number},
    command::Command,
    connection::Connection,
    content::MatterKey,
    dialect::Dialect,
    error::Error,
    head, migration,
    rebuild::refold,
    save::write_head,
    stage::Stage,
};

pub(crate) static ASIDE: Insert = Insert {
    table: "aside",
    columns: &["entry_id", "seq", "matter", "fact_type", "nonce", "sealed", "reason"],
    conflict: " ON CONFLICT DO NOTHING",
};
pub(crate) const ASIDE_ALL: &str = "SELECT a.entry_id, a.seq, a.matter, a.fact_type, a.nonce, a.sealed, a.reason, \
     k.wrapped_key, k.ring_key_id FROM aside a JOIN matter_key k ON k.matter = $1 ORDER BY a.seq";
pub(crate) const ASIDE_DONE: &str = "DELETE FROM aside WHERE entry_id = $1";
pub(crate) const ASIDE_REFUSED: &str = "UPDATE aside SET reason = $1 WHERE entry_id = $2";
/// What was answered for these entries is not true any more; repeats are found by the digest once the act stands again.
pub(crate) const DELETE_REQUESTS: &str =
    "DELETE FROM request WHERE digest IN (SELECT digest FROM entry WHERE journal = $1 AND seq > $2)";
pub(crate) const DELETE_ENTRIES: &str = "DELETE FROM entry WHERE journal = $1 AND seq > $2";
pub(crate) const DELETE_CONTENTS: &str = "DELETE FROM content WHERE journal = $1 AND seq > $2";
/// Whoever has a key has a page: what comes back gets a new one.
pub(crate) const FORGET_KEYS: &str =
    "DELETE FROM matter_key WHERE matter <> $1 AND matter NOT IN (SELECT matter FROM page)";
pub(crate) const COPY: &str = "VACUUM INTO $1";
pub(crate) const MARK: &str = "UPDATE store SET marked = $1 WHERE one = 1";
pub(crate) const MATTER_KEY: &str = "SELECT wrapped_key, ring_key_id FROM matter_key WHERE matter = $1";

/// The name under which what is set aside is encrypted.
const ASIDE_MATTER: &str = "aside";

/// An own entry that was set aside and is judged again.
#[derive(Clone)]
pub struct Again {
    /// Its id, which it keeps.
    pub entry_id: String,
    /// The number that it had.
    pub seq: u64,
    /// Its matter.
    pub matter: String,
    /// Its fact.
    pub fact: Fact,
    /// Its content.
    pub content: Option<Vec<u8>>,
    /// The peer's entry that it answered.
    pub answers: u64,
    /// The unit that acted.
    pub unit: String,
    /// The trace context of the call that led to it.
    pub traceparent: String,
    /// Why it was refused when it was judged again; empty before. An official must look at it.
    pub reason: String,
}

/// What the peer's hello says of the two journals.
pub struct Met {
    /// Whose service this is.
    pub own: Agency,
    /// What the peer holds of our journal.
    pub held: Head,
}

/// What follows from a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Both go on.
    Agreed,
    /// The peer holds more of our journal than we do, or other entries than ours: we are behind.
    Behind,
}

impl Met {
    /// Compares the hello with what is held here.
    pub async fn standing(&self, store: &Store) -> Result<Standing, Error> {
        let own = store.heads().borrow().own.clone();
        if own.recover_to > 0 || self.held.seq > own.seq {
            return Ok(Standing::Behind);
        }
        if self.held.seq == 0 {
            return Ok(Standing::Agreed);
        }
        let ours = store.entry(Journal::Of(self.own), self.held.seq).await?.map(|held| held.hash);
        let same = ours.is_some_and(|hash| self.held.hash == hash);
        Ok(if same { Standing::Agreed } else { Standing::Behind })
    }
}

impl Store {
    /// Begins a recovery: own entries without a receipt are set aside, pages are folded again, and writes are refused
    /// until the own journal is held to what the peer holds.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rewind(&self, peer_held: &Head, moment: &Moment) -> Result<(), Error> {
        let held = peer_held.seq;
        let (own, journal) = (self.own(), Journal::Of(self.own()));
        let mut transaction = self.inner.begin_writing().await?;
        let rows = sqlx::query(head::SELECT).fetch_all(&mut *transaction).await?;
        let mut heads = head::read(own, &rows)?;
        if heads.own.recover_to > 0 {
            heads.own.recover_to = heads.own.recover_to.max(held);
            write_head(&mut transaction, &heads, own, journal).await?;
            transaction.commit().await?;
            self.inner.publish(heads);
            return Ok(());
        }
        // Under the head row nothing hides that another replica wrote and sent what is missed here.
        let query = sqlx::query(crate::writer::ENTRY_AT).bind(own.id()).bind(number(held));
        let ours =
            query.fetch_optional(&mut *transaction).await?.map(|row| row.try_get::<Vec<u8>, _>(0)).transpose()?;
        if held == 0 || ours.is_some_and(|hash| hash == peer_held.hash) {
            return Ok(());
        }
        let keep = heads.own.receipted.min(heads.own.seq);
        self.set_aside(&mut transaction, keep, moment).await?;
        for statement in [DELETE_REQUESTS, DELETE_ENTRIES, DELETE_CONTENTS] {
            sqlx::query(statement).bind(own.id()).bind(number(keep)).execute(&mut *transaction).await?;
        }
        let before = heads.own.clone();
        let last = self.last_kept(&mut transaction, keep).await?;
        heads.own.seq = keep;
        heads.own.recover_to = held;
        (heads.own.hash, heads.own.written_us, heads.own.seen_peer_seq) = (last.0, last.1, last.2);
        heads.own.incarnation = last.3;
        tracing::error!(own = before.seq, kept = keep, peer_holds = held, "the database is behind what the peer holds");
        write_head(&mut transaction, &heads, own, journal).await?;
        refold(&mut transaction, own, heads.clone(), moment).await?;
        sqlx::query(FORGET_KEYS).bind(ASIDE_MATTER).execute(&mut *transaction).await?;
        transaction.commit().await?;
        self.inner.publish(heads);
        Ok(())
    }

    async fn last_kept(&self, connection: &mut Connection, seq: u64) -> Result<(Hash, i64, u64, u32), Error> {
        let query = sqlx::query(crate::read::ENTRY).bind(self.own().id()).bind(number(seq));
        let Some(row) = query.fetch_optional(connection).await? else { return Ok((Hash::default(), 0, 0, 1)) };
        let held = crate::read::held(&row)?;
        let written = renkei_domain::moment::micros(held.header.written_at.as_ref());
        Ok((held.hash, written, held.header.seen_peer_seq, held.header.incarnation))
    }

    /// Puts the own entries above a number into the table `aside`, encrypted. What a journal says of itself is not judged
    /// again: it is said anew.
    async fn set_aside(&self, connection: &mut Connection, above: u64, moment: &Moment) -> Result<(), Error> {
        let mut from = above + 1;
        let key = self.aside_key(&mut *connection, moment).await?;
        loop {
            let held = self.entries(Journal::Of(self.own()), from, 256).await?;
            let Some(last) = held.last() else { return Ok(()) };
            from = last.header.seq + 1;
            let mut rows = Vec::new();
            for held in held.iter().filter(|held| {
                FactKind::named(&held.header.fact_type).is_some_and(|kind| !renkei_domain::journal::stops(kind))
            }) {
                let place = format!("{ASIDE_MATTER}/{}", held.header.entry_id);
                let nonce = moment.bytes(&place, held.header.seq);
                let (nonce, sealed) = key.seal(&place, nonce, &held.entry.encode_to_vec())?;
                rows.push(vec![
                    held.header.entry_id.as_str().into(),
                    held.header.seq.into(),
                    held.header.matter.as_str().into(),
                    held.header.fact_type.as_str().into(),
                    nonce.into(),
                    sealed.into(),
                    "".into(),
                ]);
            }
            ASIDE.run(&mut *connection, rows).await?;
        }
    }

    async fn aside_key(&self, connection: &mut Connection, moment: &Moment) -> Result<MatterKey, Error> {
        if let Some(row) = sqlx::query(MATTER_KEY).bind(ASIDE_MATTER).fetch_optional(&mut *connection).await? {
            let (wrapped, id): (Vec<u8>, String) = (row.try_get(0)?, row.try_get(1)?);
            return self.inner.ring.unwrap(ASIDE_MATTER, &wrapped, &id);
        }
        let fresh = moment.bytes("matter key aside", 0);
        let (wrapped, id) = self.inner.ring.wrap(ASIDE_MATTER, &fresh, moment.bytes("wrap aside", 0))?;
        let row = vec![ASIDE_MATTER.into(), wrapped.into(), id.into()];
        crate::save::MATTER_KEY.run(connection, vec![row]).await?;
        MatterKey::new(&fresh)
    }

    /// What was set aside: before the new incarnation all of it, afterwards what an official must look at.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn aside(&self) -> Result<Vec<Again>, Error> {
        let mut all = Vec::new();
        for row in sqlx::query(ASIDE_ALL).bind(ASIDE_MATTER).fetch_all(&self.inner.read).await? {
            let (entry_id, nonce, sealed): (String, Vec<u8>, Vec<u8>) =
                (row.try_get(0)?, row.try_get(4)?, row.try_get(5)?);
            let (wrapped, id): (Vec<u8>, String) = (row.try_get(7)?, row.try_get(8)?);
            let key = self.inner.ring.unwrap(ASIDE_MATTER, &wrapped, &id)?;
            let plain = key.open(&format!("{ASIDE_MATTER}/{entry_id}"), &nonce, &sealed)?;
            let damaged = |error: prost::DecodeError| Error::Damaged(format!("an entry set aside: {error}"));
            let entry = Entry::decode(plain.as_slice()).map_err(damaged)?;
            let header = Header::decode(entry.header.as_slice()).map_err(damaged)?;
            all.push(Again {
                entry_id,
                seq: count(row.try_get(1)?),
                matter: row.try_get(2)?,
                fact: Fact::decode(entry.fact.as_slice()).map_err(damaged)?,
                content: entry.content.map(|salted| salted.content),
                answers: header.answers,
                unit: header.unit,
                traceparent: header.traceparent,
                reason: row.try_get(6)?,
            });
        }
        Ok(all)
    }

    /// The database is a copy that `backup` made, or was restored otherwise: it must open a new incarnation.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_marked(&self) -> Result<bool, Error> {
        Ok(crate::migration::check(&self.inner.read, self.inner.dialect, self.own()).await?.marked)
    }

    /// Copies the database while it runs and marks the copy. SQLite only: for PostgreSQL its own tools are used.
    ///
    /// # Errors
    /// When the copy cannot be written, or the database is on a server.
    pub async fn backup(&self, path: &str) -> Result<(), Error> {
        if self.inner.dialect != Dialect::Sqlite {
            return Err(Error::NotCopied);
        }
        sqlx::query(COPY).bind(path).execute(&self.inner.read).await?;
        let copy = crate::dialect::connect(Dialect::Sqlite, &format!("sqlite:{path}"), false).await?;
        sqlx::query(MARK).bind(1_i64).execute(&copy.write).await?;
        copy.write.close().await;
        copy.read.close().await;
        Ok(())
    }
}

/// Opens a new incarnation and judges again what was set aside. Run when both journals are held as the hello said, or at
/// once on a marked copy.
pub struct Reopen {
    /// What was set aside and has no reason yet.
    pub again: Vec<Again>,
    /// What the peer held when the loss was found; 0 when only the copy's mark tells of it.
    pub peer_held: u64,
}

impl Command for Reopen {
    type Reply = ();

    fn keys(&self, _: &Moment) -> Keys {
        let mut keys = Keys::default();
        for again in &self.again {
            let kind = again.fact.fact.as_ref().map_or(FactKind::EntryRefused, FactKind::of);
            keys.extend(decide::keys(&again.matter, kind));
            if let Some(fact::Fact::ReferralIssued(it)) = &again.fact.fact {
                keys.years.extend([0, it.fiscal_year]);
            }
            keys.ids.insert(again.entry_id.clone());
        }
        keys
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        if self.peer_held > 0 && !stage.heads().recovering() {
            // Another session has ended the recovery.
            return Ok(());
        }
        let own = stage.own();
        // Receipts are not taken during a recovery, so this is the number down to which the own journal was cut back.
        let own_seq = stage.heads().own.receipted;
        stage.heads.own.recover_to = 0;
        let reopened = JournalReopened { incarnation: stage.heads().own.incarnation + 1 };
        stage.write(&Matter::journal(own), fact::Fact::JournalReopened(reopened), None, 0)?;
        if self.peer_held > 0 {
            let loss = LossFound { own_seq, peer_holds: self.peer_held };
            stage.note(Matter::journal(own), fact::Fact::LossFound(loss), None);
        }
        stage.unmark = true;
        for again in &self.again {
            let outcome = if stage.ids.contains(&again.entry_id) {
                // It had reached the peer before the loss and came back with the journal.
                Ok(0)
            } else if is_number_taken(stage, &again.fact) {
                Err(Refusal::new(Reason::AlreadyExists, "its number came back with another referral"))
            } else {
                stage.write_again(&Matter::of(&again.matter), again)
            };
            let reason = outcome.err().map(|refusal| refusal.reason).unwrap_or(Reason::Unspecified);
            stage.again.push((again.entry_id.clone(), reason));
        }
        Ok(())
    }

    fn while_recovering(&self) -> bool {
        true
    }
}

/// The case number and locator of a referral that came back are not given a second time: an official must look at it,
/// as the reporter holds a code that names the other one.
fn is_number_taken(stage: &Stage, fact: &Fact) -> bool {
    match &fact.fact {
        Some(fact::Fact::ReferralIssued(it)) => {
            it.ordinal <= stage.counter(0, "referral") || it.year_ordinal <= stage.counter(it.fiscal_year, "referral")
        }
        _ => false,
    }
}

/// Writes what a recovery staged beside its entries.
pub(crate) async fn save(connection: &mut Connection, stage: &Stage, dialect: Dialect) -> Result<(), Error> {
    if stage.unmark {
        sqlx::query(MARK).bind(0_i64).execute(&mut *connection).await?;
        migration::place(&mut *connection, dialect).await?;
    }
    for (entry_id, reason) in &stage.again {
        let query = match reason {
            Reason::Unspecified => sqlx::query(ASIDE_DONE).bind(entry_id.as_str()),
            reason => sqlx::query(ASIDE_REFUSED).bind(reason.id()).bind(entry_id.as_str()),
        };
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
