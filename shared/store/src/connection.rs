//! Connections to the database: every statement goes through [`Connection`], every transaction through [`Transaction`].
//!
//! Two rules apply here and nowhere else. If a server does not answer a statement in time, the statement is given up
//! with its connection: otherwise a network that loses everything would block it for ever, whatever the server's own
//! limits are. And a connection whose transaction did not end in a commit is closed: after a failed COMMIT or BEGIN the
//! driver does not know the state of the transaction, and every later one on that connection would fail.

use std::{
    io,
    ops::{Deref, DerefMut},
    time::Duration,
};

use futures::{
    FutureExt as _, StreamExt as _, TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Any, AnyConnection, AnyPool, AssertSqlSafe, Either, Execute, Executor, SqlStr,
    any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo},
    pool::PoolConnection,
};

use crate::dialect::{Dialect, PATIENCE};

type Steps<'e> = BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>;

/// Connections to one database.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    connections: AnyPool,
    dialect: Dialect,
}

impl Pool {
    pub(crate) fn new(connections: AnyPool, dialect: Dialect) -> Self {
        Self { connections, dialect }
    }

    pub(crate) async fn acquire(&self) -> Result<Connection, sqlx::Error> {
        let patience = self.dialect.is_shared().then_some(PATIENCE);
        let connection = self.connections.acquire().await?;
        Ok(Connection { connection, dialect: self.dialect, patience, is_sound: true })
    }

    pub(crate) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        // From the first statement on, the connection is closed unless the transaction ends in a commit.
        let mut transaction = Transaction { connection: self.acquire().await?, is_committed: false };
        (&mut *transaction).execute(self.dialect.begin()).await?;
        Ok(transaction)
    }

    /// Begins a transaction with its first statement, which has no places for values. Returns the statement's rows.
    pub(crate) async fn begin_with(&self, first: &str) -> Result<(Transaction, Vec<AnyRow>), sqlx::Error> {
        match self.dialect {
            // Both at once: the way to SQLite's thread and back costs more than the work there.
            Dialect::Sqlite => {
                let mut transaction = Transaction { connection: self.acquire().await?, is_committed: false };
                let both = AssertSqlSafe(format!("{}; {first}", self.dialect.begin()));
                let rows = sqlx::query(both).fetch_all(&mut *transaction).await?;
                Ok((transaction, rows))
            }
            // A server prepares a single statement only; sent together, both would be planned anew each time.
            Dialect::Postgres => {
                let mut transaction = self.begin().await?;
                let rows = sqlx::query(AssertSqlSafe(first.to_owned())).fetch_all(&mut *transaction).await?;
                Ok((transaction, rows))
            }
        }
    }

    /// A transaction whose statements have no time limit, because they move a whole table.
    pub(crate) async fn begin_unhurried(&self) -> Result<Transaction, sqlx::Error> {
        let mut connection = self.acquire().await?;
        connection.patience = None;
        (&mut connection).execute(self.dialect.unhurried()).await?;
        let mut transaction = Transaction { connection, is_committed: false };
        (&mut *transaction).execute(self.dialect.begin()).await?;
        Ok(transaction)
    }

    /// One view of the database for many reads.
    pub(crate) async fn begin_reading(&self) -> Result<Transaction, sqlx::Error> {
        let mut transaction = Transaction { connection: self.acquire().await?, is_committed: false };
        (&mut *transaction).execute(self.dialect.begin_reading()).await?;
        Ok(transaction)
    }

    /// The number of idle connections, and the number of all.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.connections.num_idle(), usize::try_from(self.connections.size()).unwrap_or_default())
    }

    pub(crate) async fn close(&self) {
        self.connections.close().await;
    }
}

/// One connection. It goes back to its pool, unless a statement on it was given up.
#[derive(Debug)]
pub(crate) struct Connection {
    connection: PoolConnection<Any>,
    dialect: Dialect,
    patience: Option<Duration>,
    /// True if the connection may go back to its pool, because its last statement was answered.
    is_sound: bool,
}

impl Connection {
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The connection itself, the time limit for an answer, and the flag of its soundness.
    fn parts(&mut self) -> (&mut AnyConnection, Option<Duration>, &mut bool) {
        (&mut self.connection, self.patience, &mut self.is_sound)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.is_sound {
            self.connection.close_on_drop();
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
        (&mut self.connection).execute("COMMIT").await?;
        self.is_committed = true;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.connection.is_sound &= self.is_committed;
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

/// Waits for one answer, as long as is allowed. The connection is not sound when it is given up, here or by the caller.
async fn answered<T>(
    patience: Option<Duration>,
    is_sound: &mut bool,
    answer: impl Future<Output = T>,
) -> Result<T, sqlx::Error> {
    *is_sound = false;
    let answer = match patience {
        Some(patience) => tokio::time::timeout(patience, answer).await.map_err(|_| silent(patience))?,
        None => answer.await,
    };
    *is_sound = true;
    Ok(answer)
}

fn silent(patience: Duration) -> sqlx::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", patience.as_secs())).into()
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let (connection, patience, is_sound) = self.parts();
        let steps = connection.fetch_many(query);
        let next = move |(mut steps, is_sound): (Steps<'e>, &'e mut bool)| async move {
            match answered(patience, is_sound, steps.next()).await {
                Ok(step) => step.map(|step| (step, (steps, is_sound))),
                Err(error) => Some((Err(error), (steps, is_sound))),
            }
        };
        stream::unfold((steps, is_sound), next).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let (connection, patience, is_sound) = self.parts();
        let row = connection.fetch_optional(query);
        answered(patience, is_sound, row).map(|row| row?).boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        let (connection, patience, is_sound) = self.parts();
        let statement = connection.prepare_with(sql, parameters);
        answered(patience, is_sound, statement).map(|statement| statement?).boxed()
    }
}

/// For single statements whose rows fit into memory: all of them are read before the first one is given.
impl<'p> Executor<'p> for &'p Pool {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let steps = async move {
            let mut connection = self.acquire().await?;
            let steps: Vec<_> = connection.fetch_many(query).try_collect().await?;
            Ok::<_, sqlx::Error>(stream::iter(steps.into_iter().map(Ok)))
        };
        stream::once(steps).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        async move { self.acquire().await?.fetch_optional(query).await }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        async move { self.acquire().await?.prepare_with(sql, parameters).await }.boxed()
    }
}
