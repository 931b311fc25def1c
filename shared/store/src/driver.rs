//! The drivers of both databases behind one type, and the making of connections.

use std::{io, time::Duration};

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, SqlStr, SqliteConnection, postgres::PgConnectOptions,
    query_with, raw_sql, sqlite::SqliteConnectOptions,
};
use tokio::runtime::Handle;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use crate::{
    dialect::Dialect,
    place::File,
    query::Row,
    value::{self, Value},
};

/// A connection that nobody has used for so long is asked whether it still answers.
const IDLE: Duration = Duration::from_millis(10);
/// The age at which a connection to a server is replaced, so that a server that was replaced is found.
const AGE: Duration = Duration::from_secs(30 * 60);
/// The time limit for making a connection.
const MAKING: Duration = Duration::from_secs(5);
/// The time limit for closing a connection, which is dropped then.
pub(crate) const CLOSE: Duration = Duration::from_secs(5);

pub(crate) type Rows<'c> = BoxStream<'c, Result<Row, sqlx::Error>>;

/// One connection, with the driver of its database.
#[derive(Debug)]
pub(crate) enum Driver {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Driver {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(crate) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(it) => it.ping().await,
            Self::Postgres(it) => it.ping().await,
        }
    }

    pub(crate) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(it) => it.close().await,
            Self::Postgres(it) => it.close().await,
        }
    }

    pub(crate) async fn command(&mut self, text: SqlStr) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(it) => raw_sql(text).execute(it).await.map(|_| ()),
            Self::Postgres(it) => raw_sql(text).execute(it).await.map(|_| ()),
        }
    }

    pub(crate) async fn execute(&mut self, text: SqlStr, values: Vec<Value>) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(it) => Ok(query_with(text, value::sqlite(values)?).execute(it).await?.rows_affected()),
            Self::Postgres(it) => Ok(query_with(text, value::postgres(values)?).execute(it).await?.rows_affected()),
        }
    }

    pub(crate) fn fetch(&mut self, text: SqlStr, values: Vec<Value>) -> Result<Rows<'_>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(it) => query_with(text, value::sqlite(values)?).fetch(it).map_ok(Row::Sqlite).boxed(),
            Self::Postgres(it) => query_with(text, value::postgres(values)?).fetch(it).map_ok(Row::Postgres).boxed(),
        })
    }

    pub(crate) async fn fetch_optional(
        &mut self,
        text: SqlStr,
        values: Vec<Value>,
    ) -> Result<Option<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(it) => Ok(query_with(text, value::sqlite(values)?).fetch_optional(it).await?.map(Row::Sqlite)),
            Self::Postgres(it) => {
                Ok(query_with(text, value::postgres(values)?).fetch_optional(it).await?.map(Row::Postgres))
            }
        }
    }
}

/// The state of a connection, as far as its last statement shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Soundness {
    /// Its last statement succeeded.
    Sound,
    /// Its last statement failed, or its caller has gone: it is asked whether it answers before it is used again.
    Doubtful,
    /// A transaction on it did not end, or it did not answer in time: it is never used again.
    Lost,
}

/// A connection of a pool. Whatever ends it, it is closed in a task for which [`Pool::close`] waits: SQLite works on a
/// thread of its own, and a process that ended before that thread has closed the file would leave the log behind.
///
/// [`Pool::close`]: crate::connection::Pool::close
#[derive(Debug)]
pub(crate) struct Pooled {
    /// Absent only while the connection is dropped.
    driver: Option<Driver>,
    pub(crate) soundness: Soundness,
    open: TaskTrackerToken,
}

impl Pooled {
    pub(crate) fn parts(&mut self) -> Result<(&mut Driver, &mut Soundness), sqlx::Error> {
        Ok((self.driver.as_mut().ok_or(sqlx::Error::PoolClosed)?, &mut self.soundness))
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        // Without a runtime nobody waits.
        let (Some(driver), Ok(runtime)) = (self.driver.take(), Handle::try_current()) else { return };
        let closing = async move {
            // A connection that cannot say goodbye is of no use to anybody.
            let _ = tokio::time::timeout(CLOSE, driver.close()).await;
        };
        self.open.task_tracker().spawn_on(closing, &runtime);
    }
}

/// Makes connections to one database.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    options: Options,
    /// The file of an embedded database.
    file: Option<File>,
    /// The connections that are not closed yet.
    open: TaskTracker,
}

#[derive(Clone, Debug)]
enum Options {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

impl Connector {
    pub(crate) fn sqlite(options: SqliteConnectOptions) -> Self {
        // Statements are not logged, because the check for each of them costs as much as preparing it.
        Self::new(Options::Sqlite(options.disable_statement_logging()))
    }

    pub(crate) fn postgres(options: PgConnectOptions) -> Self {
        Self::new(Options::Postgres(options.disable_statement_logging()))
    }

    fn new(options: Options) -> Self {
        Self { options, file: None, open: TaskTracker::new() }
    }

    /// The same, for a pool that waits for the end of its connections with this.
    pub(crate) fn counted_by(self, open: TaskTracker) -> Self {
        Self { open, ..self }
    }

    /// The same, for this file only: another one under the same name is never opened.
    pub(crate) fn only(self, file: Option<File>) -> Self {
        Self { file, ..self }
    }

    pub(crate) async fn connect(&self) -> Result<Driver, sqlx::Error> {
        let mut driver = match &self.options {
            Options::Sqlite(options) => Driver::Sqlite(options.connect().await?),
            Options::Postgres(options) => Driver::Postgres(options.connect().await?),
        };
        let same = self.file.as_ref().map_or(Ok(()), File::check);
        same.map_err(|error| sqlx::Error::Configuration(error.to_string().into()))?;
        for setting in driver.dialect().settings() {
            driver.command(SqlStr::from_static(setting)).await?;
        }
        Ok(driver)
    }
}

impl Manager for Connector {
    type Type = Pooled;
    type Error = sqlx::Error;

    /// Makes a connection in a task, so that one whose caller goes away meanwhile is counted and closed as any other.
    async fn create(&self) -> Result<Pooled, sqlx::Error> {
        let connector = self.clone();
        let making = self.open.spawn(async move {
            let made = tokio::time::timeout(MAKING, connector.connect()).await;
            let driver = made.map_err(|_| sqlx::Error::PoolTimedOut)??;
            Ok(Pooled { driver: Some(driver), soundness: Soundness::Sound, open: connector.open.token() })
        });
        // The task is not aborted: an error here is a panic in it.
        making.await.map_err(|error| sqlx::Error::Io(io::Error::other(error)))?
    }

    async fn recycle(&self, pooled: &mut Pooled, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        let (driver, soundness) = pooled.parts()?;
        let is_remote = driver.dialect().is_shared();
        if *soundness == Soundness::Lost || is_remote && metrics.age() > AGE {
            return Err(RecycleError::message("the connection is not used any longer"));
        }
        if *soundness == Soundness::Doubtful || is_remote && metrics.last_used() > IDLE {
            // This also waits for the end of a statement whose caller has gone.
            driver.ping().await?;
            *soundness = Soundness::Sound;
        }
        Ok(())
    }
}
