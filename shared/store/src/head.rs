//! The rows of the heads: one for each journal, moved by every batch.

use renkei_book::{Heads, JournalHead};
use renkei_domain::page::Journal;
use renkei_proto::{options::v1::Reason, r#type::v1::Agency};

use crate::{
    audit::hash,
    bulk::{
        Column::{Bytes, Int, Text},
        Insert,
    },
    connection::Connection,
    error::Error,
    query::{FromRow, Row, query_as},
    value::{Value, count},
};

/// Reads all heads.
pub(crate) const SELECT: &str = "SELECT journal, seq, hash, written_us, seen_peer_seq, incarnation, receipted, \
     receipted_own, receipted_us, stop_seq, stop_reason, recover_to, turn, commits FROM head";

/// The statement that counts a commit in the own head's row and locks it, so that there is one writer at a time over all
/// replicas. In a database that was created again under the same name there is no such row.
pub(crate) fn lock_text(own: Agency, store_id: &str) -> String {
    format!(
        "UPDATE head SET commits = commits + 1 WHERE journal = '{}' AND EXISTS \
         (SELECT 1 FROM store WHERE one = 1 AND store_id = '{}') RETURNING commits",
        own.id(),
        store_id.replace('\'', "''")
    )
}

/// Writes heads.
pub(crate) static HEAD: Insert = Insert {
    table: "head",
    columns: &[
        Text("journal"),
        Int("seq"),
        Bytes("hash"),
        Int("written_us"),
        Int("seen_peer_seq"),
        Int("incarnation"),
        Int("receipted"),
        Int("receipted_own"),
        Int("receipted_us"),
        Int("stop_seq"),
        Int("stop_reason"),
        Int("recover_to"),
        Int("turn"),
        Int("commits"),
    ],
    conflict: " ON CONFLICT (journal) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, \
               written_us = excluded.written_us, seen_peer_seq = excluded.seen_peer_seq, \
               incarnation = excluded.incarnation, receipted = excluded.receipted, \
               receipted_own = excluded.receipted_own, receipted_us = excluded.receipted_us, \
               stop_seq = excluded.stop_seq, stop_reason = excluded.stop_reason, recover_to = excluded.recover_to, \
               turn = excluded.turn, commits = excluded.commits",
};

/// The row of a head.
pub(crate) struct HeadRow {
    journal: String,
    head: JournalHead,
    turn: u64,
    commits: u64,
}

impl FromRow for HeadRow {
    /// Reads the columns of [`SELECT`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        let journal = columns.read()?;
        let head = JournalHead {
            seq: count(columns.read()?),
            hash: hash(columns.read()?)?,
            written_us: columns.read()?,
            seen_peer_seq: count(columns.read()?),
            incarnation: u32::try_from(columns.read::<i64>()?).unwrap_or(1),
            receipted: count(columns.read()?),
            receipted_own: count(columns.read()?),
            receipted_us: columns.read()?,
            stop_seq: count(columns.read()?),
            stop_reason: reason(columns.read()?),
            recover_to: count(columns.read()?),
        };
        Ok(Self { journal, head, turn: count(columns.read()?), commits: count(columns.read()?) })
    }
}

/// A reason by the number in its column.
fn reason(number: i64) -> Reason {
    i32::try_from(number).ok().and_then(|number| Reason::try_from(number).ok()).unwrap_or(Reason::Unspecified)
}

/// Reads the heads.
pub(crate) async fn read(connection: &mut Connection, own: Agency) -> Result<Heads, Error> {
    let rows: Vec<HeadRow> = query_as(SELECT).fetch_all(connection).await?;
    let find = |journal: &str| {
        let row = rows.iter().find(|row| row.journal == journal);
        row.ok_or_else(|| Error::Damaged(format!("the table head has no row for {journal}")))
    };
    let (own, peer, private) = (find(own.id())?, find(own.peer().id())?, find(Journal::Private.id())?);
    let (turn, commits) = (own.turn, own.commits);
    Ok(Heads { own: own.head.clone(), peer: peer.head.clone(), private: private.head.clone(), turn, commits })
}

/// Writes the head of one journal.
pub(crate) async fn write(
    connection: &mut Connection,
    heads: &Heads,
    own: Agency,
    journal: Journal,
) -> Result<(), Error> {
    Ok(HEAD.run(connection, vec![values(heads, own, journal)]).await?)
}

/// The row of [`HEAD`] for a journal.
pub(crate) fn values(heads: &Heads, own: Agency, journal: Journal) -> Vec<Value> {
    let head = heads.of(own, journal);
    let counts = journal == Journal::Of(own);
    vec![
        journal.id().into(),
        head.seq.into(),
        head.hash.into(),
        head.written_us.into(),
        head.seen_peer_seq.into(),
        i64::from(head.incarnation).into(),
        head.receipted.into(),
        head.receipted_own.into(),
        head.receipted_us.into(),
        head.stop_seq.into(),
        i64::from(i32::from(head.stop_reason)).into(),
        head.recover_to.into(),
        if counts { heads.turn } else { 0 }.into(),
        if counts { heads.commits } else { 0 }.into(),
    ]
}
