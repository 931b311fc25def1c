//! Audit chains: who did what, in a chain of hashes per replica that is anchored in the journal by checkpoints.

use renkei_book::Record;
use renkei_journal::Hash;
use tokio::sync::oneshot;

use crate::{
    bulk::{
        Column::{Bytes, Int, Text},
        Insert,
    },
    connection::Connection,
    content::KeyRing,
    error::Error,
    query::{FromRow, Row, query},
    seal::seal_reply,
    value::{Value, count},
};

pub(crate) static CALL: Insert = Insert {
    table: "call",
    columns: &[
        Text("chain"),
        Int("seq"),
        Bytes("prev_hash"),
        Bytes("hash"),
        Int("at_us"),
        Text("official"),
        Text("caller"),
        Text("method"),
        Text("matter"),
        Text("purpose"),
        Text("outcome"),
        Text("request"),
        Bytes("digest"),
        Bytes("reply"),
        Bytes("seal"),
    ],
    conflict: "",
};
pub(crate) const HEAD: &str = "SELECT seq, hash FROM call WHERE chain = $1 ORDER BY seq DESC LIMIT 1";
pub(crate) const NEXT_CHAIN: &str = "SELECT chain FROM call WHERE chain > $1 ORDER BY chain LIMIT 1";
/// Reads records of one chain in order, as [`StoredRecord`].
pub(crate) const RECORDS: &str = "SELECT seq, prev_hash, hash, at_us, official, caller, method, matter, purpose, outcome \
     FROM call WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT $3 + 0";
/// Removes the replies of calls before a time. Their records stay.
pub(crate) const FORGET_REPLIES: &str = "UPDATE call SET request = NULL, digest = NULL, reply = NULL, seal = NULL \
     WHERE at_us < $1 AND reply IS NOT NULL";
pub(crate) const OF_MATTER: &str = "SELECT chain, seq, at_us, official, caller, method, purpose, outcome FROM call \
     WHERE matter = $1 AND matter <> '' AND (at_us, chain, seq) > ($2, $3, $4) ORDER BY at_us, chain, seq LIMIT $5 + 0";

/// The end of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// The name of the chain: `{replica}/w` or `{replica}/r`.
    pub chain: String,
    /// The number of its records.
    pub seq: u64,
    /// The hash of its last record.
    pub hash: Hash,
}

/// A record of a call as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The name of the chain, such as `{replica}/w`.
    pub chain: String,
    /// The number of the record in the chain.
    pub seq: u64,
    /// The time of the record, in microseconds since 1970.
    pub at_us: i64,
    /// The id of the official.
    pub official: String,
    /// The calling system.
    pub caller: String,
    /// The method's path.
    pub method: String,
    /// The purpose that was named; empty for none.
    pub purpose: String,
    /// `OK` or the reason of the refusal.
    pub outcome: String,
}

impl FromRow for Recorded {
    /// Reads the columns of [`OF_MATTER`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        Ok(Self {
            chain: columns.read()?,
            seq: count(columns.read()?),
            at_us: columns.read()?,
            official: columns.read()?,
            caller: columns.read()?,
            method: columns.read()?,
            purpose: columns.read()?,
            outcome: columns.read()?,
        })
    }
}

/// A stored record, with the hash that its values give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// The number of the record in its chain.
    pub seq: u64,
    /// The hash of the record before, as stored.
    pub prev_hash: Hash,
    /// The hash of the record, as stored.
    pub hash: Hash,
    /// The hash that its stored values give.
    pub computed: Hash,
}

impl FromRow for StoredRecord {
    /// Reads the columns of [`RECORDS`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        let seq = count(columns.read()?);
        let (prev_hash, hash) = (hash(columns.read()?)?, hash(columns.read()?)?);
        let at_us = columns.read()?;
        let mut texts = [""; 6];
        for text in &mut texts {
            *text = columns.read()?;
        }
        let computed = renkei_journal::audit_hash(&prev_hash, &fields(seq, at_us, texts));
        Ok(Self { seq, prev_hash, hash, computed })
    }
}

pub(crate) async fn head(connection: &mut Connection, chain: &str) -> Result<ChainHead, Error> {
    let row = query(HEAD).bind(chain).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(ChainHead { chain: chain.to_owned(), seq: 0, hash: Hash::default() }) };
    Ok(ChainHead { chain: chain.to_owned(), seq: count(row.try_get(0)?), hash: hash(row.try_get(1)?)? })
}

/// A hash from its column.
pub(crate) fn hash(bytes: Vec<u8>) -> Result<Hash, sqlx::Error> {
    bytes.as_slice().try_into().map_err(|_| sqlx::Error::Decode("a hash does not have 32 bytes".into()))
}

/// Chains records behind a head and gives their rows. The chain does not cover the replies, which are removed in time.
pub(crate) fn chain(head: &mut ChainHead, records: Vec<Record>, ring: &KeyRing) -> Vec<Vec<Value>> {
    let mut rows = Vec::with_capacity(records.len());
    for record in records {
        let prev = head.hash;
        head.seq += 1;
        head.hash = renkei_journal::audit_hash(&prev, &bytes(head.seq, &record));
        let (request, digest, reply, seal) = match record.reply {
            Some(reply) => {
                let seal = seal_reply(&reply, record.at_us, ring);
                (Some(reply.request), Some(reply.digest), Some(reply.bytes), Some(seal))
            }
            None => (None, None, None, None),
        };
        let call = record.call;
        rows.push(vec![
            head.chain.as_str().into(),
            head.seq.into(),
            prev.into(),
            head.hash.into(),
            record.at_us.into(),
            call.official.into(),
            call.caller.into(),
            call.method.into(),
            record.matter.into(),
            call.purpose.into(),
            record.outcome.into(),
            request.into(),
            digest.into(),
            reply.into(),
            seal.into(),
        ]);
    }
    rows
}

/// The bytes that are chained: number, time and every text, each with its length before it.
fn bytes(seq: u64, record: &Record) -> Vec<u8> {
    let call = &record.call;
    fields(
        seq,
        record.at_us,
        [&call.official, &call.caller, &call.method, &record.matter, &call.purpose, &record.outcome],
    )
}

pub(crate) fn fields(seq: u64, at_us: i64, texts: [&str; 6]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend(seq.to_be_bytes());
    out.extend(at_us.to_be_bytes());
    for text in texts {
        out.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        out.extend(text.as_bytes());
    }
    out
}

/// A read that waits for the commit of its records: one for each matter of which it hands something out.
pub(crate) struct Reading {
    pub(crate) records: Vec<Record>,
    pub(crate) done: oneshot::Sender<Result<(), Error>>,
}
