//! Statements on tables of former schemas, which only a migration runs.

use crate::{
    connection::Pool,
    error::Error,
    query::query,
    value::{count, number},
};

/// The progress of a migration that copies rows: their kind, how many are copied, and how many there are.
pub type Progress<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);

/// Tells nobody of the progress.
pub fn silent(_: &str, _: u64, _: u64) {}

pub(super) const FIRST_HEAD: &str = "INSERT INTO head (journal, seq, hash, written_us, seen_peer_seq, incarnation, \
     receipted, receipted_own, receipted_us, stop_seq, stop_reason, turn, feed, recover_to) \
     VALUES ($1, 0, $2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)";
/// The rows that one step of a migration copies.
const STEP: i64 = 5000;
const LAST_TURN: &str = "SELECT COALESCE(MAX(turn), 0) FROM entry_before";
const LAST_COPIED: &str = "SELECT COALESCE(MAX(turn), 0) FROM entry";
const COPY_ENTRIES: &str = "INSERT INTO entry (turn, journal, seq, entry_id, matter, fact_type, header, hash, key_id, \
     signature, fact, answers, digest, nonce, ciphertext, wrapped_key, ring_key_id, written_us, arrived_us) \
     SELECT b.turn, b.journal, b.seq, b.entry_id, b.matter, b.fact_type, b.header, b.hash, b.key_id, b.signature, b.fact, \
     b.answers, CASE WHEN length(b.digest) > 0 THEN b.digest END, c.nonce, c.ciphertext, \
     CASE WHEN c.seq IS NOT NULL THEN k.wrapped_key END, CASE WHEN c.seq IS NOT NULL THEN k.ring_key_id END, \
     b.written_us, b.arrived_us FROM entry_before b \
     LEFT JOIN content c ON c.journal = b.journal AND c.seq = b.seq LEFT JOIN matter_key k ON k.matter = b.matter \
     WHERE b.turn > $1 ORDER BY b.turn LIMIT $2 + 0";
const COPIED: &str = "UPDATE store SET migrating = 2 WHERE one = 1";
const REMOVE: [&str; 6] = [
    "DELETE FROM entry_before WHERE turn IN (SELECT turn FROM entry_before ORDER BY turn LIMIT $1 + 0)",
    "DELETE FROM content WHERE (journal, seq) IN (SELECT journal, seq FROM content ORDER BY journal, seq LIMIT $1 + 0)",
    "DELETE FROM matter_key WHERE matter IN (SELECT matter FROM matter_key ORDER BY matter LIMIT $1 + 0)",
    "DELETE FROM feed WHERE number IN (SELECT number FROM feed ORDER BY number LIMIT $1 + 0)",
    "DELETE FROM audit_before WHERE (chain, seq) IN (SELECT chain, seq FROM audit_before ORDER BY chain, seq LIMIT $1 + 0)",
    "DELETE FROM request WHERE call IN (SELECT call FROM request ORDER BY call LIMIT $1 + 0)",
];
const ALL_ENTRIES: &str = "SELECT COUNT(*) FROM entry_before";
const COPIED_ENTRIES: &str = "SELECT COUNT(*) FROM entry";
const ALL_RECORDS: &str = "SELECT COUNT(*) FROM audit_before";
const ALL_CALLS: &str = "SELECT COUNT(*) FROM call";
const LAST_CALL: &str = "SELECT chain, seq FROM call ORDER BY chain DESC, seq DESC LIMIT 1";
/// A reply had no link to the record of its call but the time and the caller. If these do not name one reply, the call is
/// found by the digest of its request, as after 30 days.
const COPY_CALLS: &str = "INSERT INTO call (chain, seq, prev_hash, hash, at_us, official, caller, method, matter, purpose, \
     outcome, request, digest, reply, seal) \
     SELECT a.chain, a.seq, a.prev_hash, a.hash, a.at_us, a.official, a.caller, a.method, a.matter, a.purpose, a.outcome, \
     r.call, r.digest, r.reply, r.seal FROM audit_before a LEFT JOIN request r ON a.outcome = 'OK' AND a.chain LIKE '%/w' \
     AND r.call = (SELECT CASE WHEN COUNT(*) = 1 THEN MAX(s.call) END FROM request s \
     WHERE s.at_us = a.at_us AND substr(s.call, 1, length(a.caller) + 1) = a.caller || ' ') \
     WHERE (a.chain, a.seq) > ($1, $2) ORDER BY a.chain, a.seq LIMIT $3 + 0";

/// Copies all rows into the tables of the tenth schema.
pub(super) async fn copy(pool: &Pool, progress: Progress<'_>) -> Result<(), Error> {
    copy_entries(pool, progress).await?;
    copy_calls(pool, progress).await?;
    // Nothing is removed unless everything is there.
    let mut transaction = pool.begin_unhurried().await?;
    for (rows, copies) in [(ALL_ENTRIES, COPIED_ENTRIES), (ALL_RECORDS, ALL_CALLS)] {
        let rows: i64 = query(rows).fetch_one(&mut *transaction).await?.try_get(0)?;
        let copies: i64 = query(copies).fetch_one(&mut *transaction).await?.try_get(0)?;
        if rows != copies {
            return Err(Error::Damaged(format!("{copies} of {rows} rows were copied, and nothing was removed")));
        }
    }
    query(COPIED).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

/// Removes the rows of the former tables, in steps: to drop a full table takes as much room as the table has.
pub(super) async fn remove(pool: &Pool) -> Result<(), Error> {
    for remove in REMOVE {
        loop {
            let mut transaction = pool.begin_unhurried().await?;
            let removed = query(remove).bind(STEP).execute(&mut *transaction).await?;
            transaction.commit().await?;
            if removed == 0 {
                break;
            }
        }
    }
    Ok(())
}

/// Copies the entries that are not copied yet, each with its content and key, in steps that are committed one by one: a
/// migration that was interrupted continues behind the last step.
async fn copy_entries(pool: &Pool, progress: Progress<'_>) -> Result<(), Error> {
    let all: i64 = query(LAST_TURN).fetch_one(pool).await?.try_get(0)?;
    loop {
        let mut transaction = pool.begin_unhurried().await?;
        let copied: i64 = query(LAST_COPIED).fetch_one(&mut *transaction).await?.try_get(0)?;
        let moved = query(COPY_ENTRIES).bind(copied).bind(STEP).execute(&mut *transaction).await?;
        transaction.commit().await?;
        if moved == 0 {
            return Ok(());
        }
        progress("entries", count(copied) + moved, count(all));
    }
}

/// Copies the records of calls, each with its stored reply if it is certain which one that is.
async fn copy_calls(pool: &Pool, progress: Progress<'_>) -> Result<(), Error> {
    let all: i64 = query(ALL_RECORDS).fetch_one(pool).await?.try_get(0)?;
    let mut done: i64 = query(ALL_CALLS).fetch_one(pool).await?.try_get(0)?;
    loop {
        let mut transaction = pool.begin_unhurried().await?;
        let last = query(LAST_CALL).fetch_optional(&mut *transaction).await?;
        let (chain, seq): (String, i64) = match last {
            Some(row) => (row.try_get(0)?, row.try_get(1)?),
            None => (String::new(), 0),
        };
        let moved = query(COPY_CALLS).bind(chain).bind(seq).bind(STEP).execute(&mut *transaction).await?;
        transaction.commit().await?;
        if moved == 0 {
            return Ok(());
        }
        done += number(moved);
        progress("calls", count(done), count(all));
    }
}
