//! The condition of the database for writers: whether batches are committed and reads are recorded. Every sign of the
//! service is derived from this one place.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{course::Course, error::Error, inner::Inner, query::query, store::Store};

/// The interval of attempts to write while writes fail.
const PERIOD: Duration = Duration::from_secs(2);
/// The bytes that a trial writes: more than what a full disk may have left in files that have their size already.
const BYTES: usize = 64 << 10;

pub(crate) const TRIAL: &str = "INSERT INTO call (chain, seq, prev_hash, hash, at_us, official, caller, method, matter, \
     purpose, outcome, reply) VALUES ('', 0, $1, $1, 0, '', '', '', '', '', '', $2) \
     ON CONFLICT (chain, seq) DO UPDATE SET reply = excluded.reply";
pub(crate) const TRIAL_FORGOTTEN: &str = "DELETE FROM call WHERE chain = '' AND seq = 0";

/// The faults of the database, in one sentence each; empty if there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// The reason for which nothing is written: the database is not the one that was opened, or batches are not
    /// committed.
    pub writes: String,
    /// The reason for which reads of secret material are not recorded.
    pub records: String,
}

impl Condition {
    /// The first of these faults; empty if there are none.
    #[must_use]
    pub fn trouble(&self) -> &str {
        if self.writes.is_empty() { &self.records } else { &self.writes }
    }
}

impl Store {
    /// The condition of the database for writers, without a query.
    #[must_use]
    pub fn condition(&self) -> Condition {
        let sentence = |course: &Course, what: &str| {
            course.trouble().map(|(since, why)| format!("{what} for {} s: {why}", since.as_secs()))
        };
        let inner = &self.inner;
        let lost = inner.is_there().err().map(|error| error.to_string());
        Condition {
            writes: lost.or_else(|| sentence(&inner.writes, "nothing is written")).unwrap_or_default(),
            records: sentence(&inner.records, "reads of secret material are not recorded").unwrap_or_default(),
        }
    }

    /// The length of the embedded database's log of changes, in bytes; none on a server.
    #[must_use]
    pub fn log_bytes(&self) -> Option<u64> {
        self.inner.file.as_ref().map(crate::place::File::log_bytes)
    }
}

/// Attempts to write while writes fail, because callers who know of the failure send nothing that could show its end.
pub(crate) async fn heal(inner: Arc<Inner>, mut closing: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        if (inner.writes.is_failing() || inner.records.is_failing()) && attempt(&inner).await.is_ok() {
            inner.writes.relieve();
            inner.records.relieve();
        }
    }
}

/// Writes a row as a batch and a read would, a record with a reply to nobody, and removes it again.
async fn attempt(inner: &Inner) -> Result<(), Error> {
    let (mut transaction, _) = inner.begin_writing().await?;
    query(TRIAL).bind(vec![0; 32]).bind(filler()).execute(&mut *transaction).await?;
    inner.commit(transaction).await?;
    // This comes after the commit, because a row that is deleted before it may never be written. If the row stays, it
    // is deleted with the old replies.
    query(TRIAL_FORGOTTEN).execute(&inner.write).await?;
    Ok(())
}

/// Bytes that no database compresses.
fn filler() -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).take(BYTES / 4).flatten().collect()
}
