//! Connections to the database: every statement goes through [`Connection`], every transaction through [`Transaction`].
//!
//! Three rules apply here and nowhere else. If a server does not answer a statement in time, the statement is given up
//! with its connection: otherwise a network that loses everything would block it for ever, whatever the server's own
//! limits are. A connection whose transaction did not end in a commit is closed: after a failed COMMIT or BEGIN the
//! driver does not know the state of the transaction, and every later one on that connection would fail. And a connection
//! whose last statement failed, or whose caller went away meanwhile, is used again only if it answers a ping.

use std::{
    io,
    ops::{Deref, DerefMut},
    time::Duration,
};

use deadpool::managed::{BuildError, Object, PoolError, QueueMode, Timeouts};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use sqlx::{AssertSqlSafe, SqlSafeStr};
use tokio_util::task::TaskTracker;

use crate::{
    dialect::{Dialect, PATIENCE},
    driver::{CLOSE, Connector, Driver, Rows, Soundness},
    query::{FromRow, Query, Row, query},
};

/// The time limit for getting a connection.
pub(crate) const ACQUIRE: Duration = Duration::from_secs(5);
/// The time limit of the question whether a connection answers; then it is closed, and there is time left to make another
/// one.
const PING: Duration = Duration::from_secs(2);

/// Connections to one database.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    connections: deadpool::managed::Pool<Connector>,
    /// The connections that are not closed yet.
    open: TaskTracker,
    dialect: Dialect,
}

impl Pool {
    /// A pool of so many connections, which are made as they are needed.
    pub(crate) fn new(connector: Connector, dialect: Dialect, most: usize) -> Result<Self, BuildError> {
        let open = TaskTracker::new();
        let pool = deadpool::managed::Pool::builder(connector.counted_by(open.clone())).max_size(most);
        // The connection that was used last knows most of the pages that are needed next.
        let pool = pool.queue_mode(QueueMode::Lifo).runtime(deadpool::Runtime::Tokio1);
        let pool = pool.timeouts(Timeouts { recycle: Some(PING), ..Timeouts::default() });
        Ok(Self { connections: pool.build()?, open, dialect })
    }

    pub(crate) async fn acquire(&self) -> Result<Connection, sqlx::Error> {
        let pooled = tokio::time::timeout(ACQUIRE, self.connections.get()).await;
        let pooled = match pooled.map_err(|_| sqlx::Error::PoolTimedOut)? {
            Ok(pooled) => pooled,
            Err(PoolError::Backend(error)) => return Err(error),
            Err(PoolError::Closed) => return Err(sqlx::Error::PoolClosed),
            Err(_) => return Err(sqlx::Error::PoolTimedOut),
        };
        let patience = self.dialect.is_shared().then_some(PATIENCE);
        Ok(Connection { pooled: Some(pooled), dialect: self.dialect, patience })
    }

    /// A connection whose statements belong to a transaction: from the first one on, it is closed unless the transaction
    /// ends in a commit.
    async fn transaction(&self) -> Result<Transaction, sqlx::Error> {
        Ok(Transaction { connection: self.acquire().await?, is_committed: false })
    }

    pub(crate) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        let mut transaction = self.transaction().await?;
        transaction.command(self.dialect.begin()).await?;
        Ok(transaction)
    }

    /// Begins a transaction with its first statement, which has no places for values. Returns the statement's rows.
    pub(crate) async fn begin_with(&self, first: &str) -> Result<(Transaction, Vec<Row>), sqlx::Error> {
        let (mut transaction, first) = match self.dialect {
            // Both at once: the way to SQLite's thread and back costs more than the work there.
            Dialect::Sqlite => (self.transaction().await?, format!("{}; {first}", self.dialect.begin())),
            // A server prepares a single statement only; sent together, both would be planned anew each time.
            Dialect::Postgres => (self.begin().await?, first.to_owned()),
        };
        let rows = query(AssertSqlSafe(first)).fetch_all(&mut *transaction).await?;
        Ok((transaction, rows))
    }

    /// A connection whose statements have no time limit, because they move a whole table. On a server it is closed
    /// afterwards.
    pub(crate) async fn acquire_unhurried(&self) -> Result<Connection, sqlx::Error> {
        let mut connection = self.acquire().await?;
        connection.patience = None;
        connection.command(self.dialect.unhurried()).await?;
        Ok(connection)
    }

    /// A transaction whose statements have no time limit.
    pub(crate) async fn begin_unhurried(&self) -> Result<Transaction, sqlx::Error> {
        let mut transaction = Transaction { connection: self.acquire_unhurried().await?, is_committed: false };
        transaction.command(self.dialect.begin()).await?;
        Ok(transaction)
    }

    /// One view of the database for many reads.
    pub(crate) async fn begin_reading(&self) -> Result<Transaction, sqlx::Error> {
        let mut transaction = self.transaction().await?;
        transaction.command(self.dialect.begin_reading()).await?;
        Ok(transaction)
    }

    /// The number of idle connections, and the number of all.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        let status = self.connections.status();
        (status.available, status.size)
    }

    /// The number of connections that are being made, are open or are being closed.
    #[cfg(test)]
    fn open(&self) -> usize {
        self.open.len()
    }

    /// Closes all connections: at once those that nobody uses, the others when they come back, and gives out no more.
    /// Returns when they are closed, or when the time for that has passed.
    pub(crate) async fn close(&self) {
        self.connections.close();
        self.open.close();
        // What is not closed by now ends with the process.
        let _ = tokio::time::timeout(CLOSE, self.open.wait()).await;
    }
}

/// One connection. It goes back to its pool unless it is lost.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Absent only while the connection is dropped.
    pooled: Option<Object<Connector>>,
    dialect: Dialect,
    patience: Option<Duration>,
}

impl Connection {
    fn parts(&mut self) -> Result<(&mut Driver, &mut Soundness, Option<Duration>), sqlx::Error> {
        let (driver, soundness) = self.pooled.as_mut().ok_or(sqlx::Error::PoolClosed)?.parts()?;
        Ok((driver, soundness, self.patience))
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Runs statements that have neither values nor rows and are not worth preparing.
    pub(crate) async fn command(&mut self, text: impl SqlSafeStr) -> Result<(), sqlx::Error> {
        let (driver, soundness, patience) = self.parts()?;
        answered(patience, soundness, driver.command(text.into_sql_str())).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // An unhurried transaction has switched off the server's time limits on its connection.
        let is_limitless = self.dialect.is_shared() && self.patience.is_none();
        if let Some(pooled) = self.pooled.take_if(|pooled| is_limitless || pooled.soundness == Soundness::Lost) {
            // At once: it may be in a transaction for which others wait.
            drop(Object::take(pooled));
        }
    }
}

/// A transaction. Its connection is closed, which rolls it back, unless it is committed.
#[derive(Debug)]
pub(crate) struct Transaction {
    connection: Connection,
    is_committed: bool,
}

impl Transaction {
    /// Commits the transaction. After an error it is unknown whether the commit took place.
    pub(crate) async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.command("COMMIT").await?;
        self.is_committed = true;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(pooled) = self.connection.pooled.as_mut().filter(|_| !self.is_committed) {
            pooled.soundness = Soundness::Lost;
        }
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// Waits for one answer, as long as is allowed. Until it comes the connection is doubtful, because the caller may go.
async fn answered<T>(
    patience: Option<Duration>,
    soundness: &mut Soundness,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    *soundness = Soundness::Doubtful;
    let answer = match patience {
        Some(patience) => tokio::time::timeout(patience, answer).await.map_err(|_| {
            *soundness = Soundness::Lost;
            silent(patience)
        })?,
        None => answer.await,
    };
    if answer.is_ok() {
        *soundness = Soundness::Sound;
    }
    answer
}

fn silent(patience: Duration) -> sqlx::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", patience.as_secs())).into()
}

/// A statement runs on a connection that its caller has, or on one of a pool.
pub(crate) trait Access {
    fn access(self) -> impl Future<Output = Result<impl DerefMut<Target = Connection> + Send, sqlx::Error>> + Send;
}

impl Access for &mut Connection {
    async fn access(self) -> Result<impl DerefMut<Target = Connection> + Send, sqlx::Error> {
        Ok(self)
    }
}

impl Access for &Pool {
    async fn access(self) -> Result<impl DerefMut<Target = Connection> + Send, sqlx::Error> {
        self.acquire().await.map(Box::new)
    }
}

/// What is needed to read further rows.
type Reading<'c> = (Rows<'c>, Option<Duration>, &'c mut Soundness);

/// Reads the next row.
async fn next((mut rows, patience, soundness): Reading<'_>) -> Result<Option<(Row, Reading<'_>)>, sqlx::Error> {
    let Some(row) = answered(patience, soundness, rows.try_next()).await? else { return Ok(None) };
    // The statement has not ended, and the caller may read no further.
    *soundness = Soundness::Doubtful;
    Ok(Some((row, (rows, patience, soundness))))
}

impl<T: FromRow> Query<T> {
    /// Runs the statement. Returns the number of rows that it changed.
    pub(crate) async fn execute(self, on: impl Access) -> Result<u64, sqlx::Error> {
        let mut connection = on.access().await?;
        let (driver, soundness, patience) = connection.parts()?;
        let (text, values) = self.parts();
        answered(patience, soundness, driver.execute(text, values)).await
    }

    /// Reads all rows, which must fit into memory.
    pub(crate) async fn fetch_all(self, on: impl Access) -> Result<Vec<T>, sqlx::Error> {
        let mut connection = on.access().await?;
        let (driver, soundness, patience) = connection.parts()?;
        let (text, values) = self.parts();
        let rows = driver.fetch(text, values)?.map(|row| T::from_row(row?));
        answered(patience, soundness, rows.try_collect()).await
    }

    /// Reads the first row, if there is one.
    pub(crate) async fn fetch_optional(self, on: impl Access) -> Result<Option<T>, sqlx::Error> {
        let mut connection = on.access().await?;
        let (driver, soundness, patience) = connection.parts()?;
        let (text, values) = self.parts();
        let row = answered(patience, soundness, driver.fetch_optional(text, values)).await?;
        row.map(T::from_row).transpose()
    }

    /// Reads the first row.
    ///
    /// # Errors
    /// Also when there is none.
    pub(crate) async fn fetch_one(self, on: impl Access) -> Result<T, sqlx::Error> {
        self.fetch_optional(on).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// Reads the rows one by one.
    pub(crate) fn fetch(
        self,
        connection: &mut Connection,
    ) -> Result<impl Stream<Item = Result<T, sqlx::Error>> + Send + Unpin, sqlx::Error> {
        let (driver, soundness, patience) = connection.parts()?;
        let (text, values) = self.parts();
        let rows = stream::try_unfold((driver.fetch(text, values)?, patience, soundness), next);
        Ok(rows.map(|row| T::from_row(row?)).boxed())
    }
}

#[cfg(test)]
mod tests;
