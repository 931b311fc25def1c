//! Erased contents: what a disposal removes from the rows, and then from the files.
//!
//! The rows change in the transaction of the disposal. The bytes that they had are still in the files then: in SQLite's log
//! of changes, and on a server in the old versions of the rows and in the free space of their pages. So the table `store`
//! remembers that something is to be removed there, until it is.

use std::{collections::BTreeMap, time::Duration};

use renkei_book::{Erasure, StagedEntry};
use renkei_domain::moment::Moment;

use crate::{
    connection::Connection, dialect::Dialect, error::Error, inner::Inner, query::query, recover::aside_rows,
    signing::Written, store::Store, value::number,
};

/// The bound of a journal is an expression, so that no database reads a whole journal for it instead of the matter.
pub(crate) const ERASE: &str = "UPDATE entry SET nonce = NULL, ciphertext = NULL, wrapped_key = NULL, ring_key_id = NULL \
     WHERE matter = $1 AND nonce IS NOT NULL \
     AND seq < CASE journal WHEN $2 THEN CAST($3 AS BIGINT) WHEN $4 THEN CAST($5 AS BIGINT) ELSE 0 END";
/// Remembers that the log of changes has erased contents.
pub(crate) const LEFT_IN_LOG: &str = "UPDATE store SET erasing = 1 WHERE one = 1";
pub(crate) const IS_LEFT_IN_LOG: &str = "SELECT erasing FROM store WHERE one = 1 AND erasing > 0";
pub(crate) const NOT_LEFT: &str = "UPDATE store SET erasing = 0 WHERE one = 1 AND erasing > 0";
/// Remembers the file of the table, because whoever writes the table into another file leaves the erased contents
/// behind: this service, or the owner of the tables.
pub(crate) const LEFT_IN_TABLE: &str =
    "UPDATE store SET erasing = CAST(pg_relation_filenode('entry') AS BIGINT) WHERE one = 1";
pub(crate) const IS_LEFT_IN_TABLE: &str =
    "SELECT erasing FROM store WHERE one = 1 AND erasing = CAST(pg_relation_filenode('entry') AS BIGINT)";
pub(crate) const SIZE: &str = "SELECT pg_total_relation_size('entry')";
/// Writes the log of changes back into the file and empties it. The file itself has zeros where contents were, by the
/// setting `secure_delete`.
pub(crate) const EMPTY_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
/// The number of the server's next transaction.
pub(crate) const NEXT: &str = "SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT)";
/// Asks whether every transaction below a number has ended, in all databases of the server.
pub(crate) const ENDED: &str =
    "SELECT 1 WHERE CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) >= $1";
/// Asks whether a table was rewritten with rows that a transaction below a number may still see.
pub(crate) const KEPT: &str = "SELECT 1 FROM pg_class \
     WHERE oid IN (CAST('aside' AS regclass), CAST('entry' AS regclass)) \
     AND age(relfrozenxid) > age(CAST(CAST(CAST(CAST($1 AS BIGINT) AS TEXT) AS xid8) AS xid)) LIMIT 1";
/// Writes the tables into new files. A vacuum that does not would leave bytes in the free space of pages.
pub(crate) const REWRITE: &str = "VACUUM (FULL) aside, entry";

/// The largest table of entries that is written anew beside the service, in bytes. Nobody may read or write it meanwhile,
/// and whoever waits is refused after 5 s.
const LARGEST: i64 = 256 << 20;
/// The time limit of the whole removal, because the writer waits for it.
const LIMIT: Duration = Duration::from_secs(30);
/// The time limit for transactions that run already.
const WAIT: Duration = Duration::from_secs(3);
/// The pause before the server is asked again whether transactions have ended.
const PAUSE: Duration = Duration::from_millis(20);

impl Dialect {
    /// The statement that remembers that the files have erased contents, and the one that asks whether they still do.
    fn left(self) -> (&'static str, &'static str) {
        match self {
            Self::Sqlite => (LEFT_IN_LOG, IS_LEFT_IN_LOG),
            Self::Postgres => (LEFT_IN_TABLE, IS_LEFT_IN_TABLE),
        }
    }
}

/// The texts that a batch finds erased, by the names of their matters.
pub(crate) type Erasures = BTreeMap<String, Erasure>;

/// Removes the contents that are not kept from new entries, so that they are never written.
pub(crate) fn drop_contents(entries: &[StagedEntry], written: &mut [Written], erasures: &Erasures) {
    for (entry, written) in entries.iter().zip(written) {
        let erasure = erasures.get(&entry.header.matter);
        if erasure.is_some_and(|it| it.covers(entry.journal, entry.header.seq)) {
            written.content = None;
        }
    }
}

/// Removes the contents that are not kept from the rows, in the transaction of the batch. Returns true if there were any.
pub(crate) async fn erase(
    inner: &Inner,
    connection: &mut Connection,
    erasures: &Erasures,
    moment: &Moment,
) -> Result<bool, Error> {
    let (own, mut erased) = (inner.own, 0);
    for (matter, Erasure { disposed, .. }) in erasures {
        let query = query(ERASE).bind(matter.as_str()).bind(own.id()).bind(number(disposed.own_before));
        let query = query.bind(own.peer().id()).bind(number(disposed.peer_until.saturating_add(1)));
        erased += query.execute(&mut *connection).await?;
    }
    if erasures.values().any(|it| it.is_new) {
        for aside in aside_rows(&mut *connection).await? {
            let is_covered = erasures.get(&aside.matter).is_some_and(|it| it.covers_aside(aside.seq));
            if is_covered && aside.erase(inner, &mut *connection, moment).await? {
                erased += 1;
            }
        }
    }
    if erased > 0 {
        query(inner.dialect.left().0).execute(connection).await?;
    }
    Ok(erased > 0)
}

/// Removes erased contents from the files, if any are left there. A failure is logged, and the next erasure, the next hour
/// and the next start try again.
pub(crate) async fn clean(inner: &Inner) {
    let cleaned = tokio::time::timeout(LIMIT, attempt(inner)).await;
    if let Err(error) = cleaned.unwrap_or_else(|_| Err(Error::StillInFiles("it took too long"))) {
        tracing::error!(%error, "erased contents are gone from the rows, but not from all files of the database");
    }
}

async fn attempt(inner: &Inner) -> Result<(), Error> {
    let is_left = async || Ok::<_, Error>(query(inner.dialect.left().1).fetch_optional(&inner.write).await?.is_some());
    if !is_left().await? {
        return Ok(());
    }
    match inner.dialect {
        Dialect::Sqlite => {
            let is_busy: i64 = query(EMPTY_LOG).fetch_one(&inner.write).await?.try_get(0)?;
            if is_busy != 0 {
                return Err(Error::StillInFiles("something reads the database for long"));
            }
            query(NOT_LEFT).execute(&inner.write).await?;
            Ok(())
        }
        Dialect::Postgres => {
            let size: i64 = query(SIZE).fetch_one(&inner.write).await?.try_get(0)?;
            if size > LARGEST {
                return Err(Error::StillInFiles(
                    "the table is large: its owner runs `VACUUM (FULL) aside, entry` when nobody works",
                ));
            }
            // The server keeps former rows that a running transaction may see, in whatever database it runs.
            let next: i64 = query(NEXT).fetch_one(&inner.write).await?.try_get(0)?;
            let ended = async {
                while query(ENDED).bind(next).fetch_optional(&inner.write).await?.is_none() {
                    tokio::time::sleep(PAUSE).await;
                }
                Ok::<_, Error>(())
            };
            tokio::time::timeout(WAIT, ended)
                .await
                .map_err(|_| Error::StillInFiles("a transaction runs for long on the server"))??;
            inner.write.acquire_unhurried().await?.command(REWRITE).await?;
            // A server does not refuse it to an account that does not own the tables, but skips them.
            if is_left().await? {
                return Err(Error::StillInFiles(
                    "the owner of the tables runs `VACUUM (FULL) aside, entry`, or lets this account do so",
                ));
            }
            if query(KEPT).bind(next).fetch_optional(&inner.write).await?.is_some() {
                query(LEFT_IN_TABLE).execute(&inner.write).await?;
                return Err(Error::StillInFiles("a session or a standby of the server still sees former rows"));
            }
            Ok(())
        }
    }
}

impl Store {
    /// Removes erased contents from the files of the database, if an earlier attempt has not. A failure is logged.
    pub async fn clean_files(&self) {
        clean(&self.inner).await;
    }
}
