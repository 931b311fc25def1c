//! The rows of the heads: one for each journal, read and written by every batch.

use renkei_book::{Heads, JournalHead};
use renkei_domain::page::Journal;
use renkei_proto::{options::v1::Reason, r#type::v1::Agency};
use sqlx::{Row as _, any::AnyRow};

use crate::{
    bulk::{Insert, Value, count},
    error::Error,
};

/// The numbers of a head in one text, so that heads can be read together with rows of another kind.
macro_rules! numbers {
    () => {
        "seq || ' ' || written_us || ' ' || seen_peer_seq || ' ' || incarnation || ' ' || receipted || ' ' || \
         receipted_own || ' ' || receipted_us || ' ' || stop_seq || ' ' || stop_reason || ' ' || turn || ' ' || feed || ' ' || \
         recover_to"
    };
}
pub(crate) use numbers;

/// Reads all heads.
pub(crate) const SELECT: &str = concat!("SELECT journal, hash, ", numbers!(), " FROM head");

/// Locks the own head's row, so that there is one writer at a time over all replicas. In a database that was created
/// again under the same name there is no such row.
pub(crate) const TAKE: &str = "UPDATE head SET turn = turn WHERE journal = $1 AND EXISTS \
     (SELECT 1 FROM store WHERE one = 1 AND store_id = $2)";

/// Writes heads.
pub(crate) static HEAD: Insert = Insert {
    table: "head",
    columns: &[
        "seq",
        "hash",
        "written_us",
        "seen_peer_seq",
        "incarnation",
        "receipted",
        "receipted_own",
        "receipted_us",
        "stop_seq",
        "stop_reason",
        "turn",
        "feed",
        "recover_to",
        "journal",
    ],
    conflict: " ON CONFLICT (journal) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, \
               written_us = excluded.written_us, seen_peer_seq = excluded.seen_peer_seq, \
               incarnation = excluded.incarnation, receipted = excluded.receipted, \
               receipted_own = excluded.receipted_own, receipted_us = excluded.receipted_us, \
               stop_seq = excluded.stop_seq, stop_reason = excluded.stop_reason, turn = excluded.turn, \
               feed = excluded.feed, recover_to = excluded.recover_to",
};

/// The heads from rows of [`SELECT`].
pub(crate) fn read(own: Agency, rows: &[AnyRow]) -> Result<Heads, Error> {
    let rows = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)));
    of_rows(own, &rows.collect::<Result<Vec<_>, sqlx::Error>>()?)
}

/// The heads from rows of a journal's name, its hash and its [`numbers!`].
pub(crate) fn of_rows(own: Agency, rows: &[(String, Vec<u8>, String)]) -> Result<Heads, Error> {
    let find = |journal: &str| -> Result<(JournalHead, [u64; 2]), Error> {
        let row = rows.iter().find(|(name, ..)| name == journal);
        let (_, hash, numbers) =
            row.ok_or_else(|| Error::Damaged(format!("the table head has no row for {journal}")))?;
        one(hash, numbers)
    };
    let (head, [turn, feed]) = find(own.id())?;
    Ok(Heads { own: head, peer: find(own.peer().id())?.0, private: find("private")?.0, turn, feed })
}

fn one(hash: &[u8], numbers: &str) -> Result<(JournalHead, [u64; 2]), Error> {
    let all: Vec<i64> = numbers.split(' ').filter_map(|number| number.parse().ok()).collect();
    let numbers: [i64; 12] =
        all.try_into().map_err(|_| Error::Damaged("a head does not have twelve numbers".to_owned()))?;
    let [seq, written_us, seen, incarnation, receipted, receipted_own, receipted_us, stop, reason, turn, feed, to] =
        numbers;
    let reason = i32::try_from(reason).ok().and_then(|it| Reason::try_from(it).ok());
    let head = JournalHead {
        seq: count(seq),
        hash: hash.try_into().map_err(|_| Error::Damaged("a head's hash does not have 32 bytes".to_owned()))?,
        written_us,
        seen_peer_seq: count(seen),
        incarnation: u32::try_from(incarnation).unwrap_or(1),
        receipted: count(receipted),
        receipted_own: count(receipted_own),
        receipted_us,
        stop_seq: count(stop),
        stop_reason: reason.unwrap_or(Reason::Unspecified),
        recover_to: count(to),
    };
    Ok((head, [count(turn), count(feed)]))
}

/// The row of [`HEAD`] for a journal.
pub(crate) fn values(heads: &Heads, own: Agency, journal: Journal) -> Vec<Value> {
    let head = heads.of(own, journal);
    let counts = journal == Journal::Of(own);
    vec![
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
        if counts { heads.turn } else { 0 }.into(),
        if counts { heads.feed } else { 0 }.into(),
        head.recover_to.into(),
        journal.id().into(),
    ]
}
