//! The connections to a database.

use std::time::Duration;

use sqlx::{
    AnyConnection, AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _,
    any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers},
};

use crate::{
    connection::Pool,
    dialect::{Dialect, VERSION},
    error::Error,
    place::{File, file_of},
};

/// The most connections that read at once.
const READERS: u32 = 8;
/// The maximum number of writing connections: the writer, and besides it the audit of reads if the database allows two.
const WRITERS: [u32; 2] = [1, 2];
/// The time limit for getting a connection.
const ACQUIRE: Duration = Duration::from_secs(5);
/// A connection that nobody has used for so long is asked whether it still answers.
const IDLE: Duration = Duration::from_millis(10);
/// The time limit of a ping; then the connection is closed, and there is time left to make another one.
const PING: Duration = Duration::from_secs(2);
/// The oldest supported major version of PostgreSQL.
const OLDEST: i64 = 14;

/// A database that was connected to.
pub(crate) struct Connected {
    /// The connections that write.
    pub(crate) write: Pool,
    /// The connections that read.
    pub(crate) read: Pool,
    /// The file of an embedded database.
    pub(crate) file: Option<File>,
}

/// Opens two pools on one database. Only with `create` is a missing file of SQLite created: a wrong path, or one whose
/// disk is missing, must not look like a database that was never set up.
pub(crate) async fn connect(dialect: Dialect, url: &str, create: bool) -> Result<Connected, Error> {
    install_default_drivers();
    let path = file_of(url);
    let opened = path.filter(|_| !create).map(File::at).transpose()?;
    let url = match path {
        Some(path) => format!("sqlite:{}?mode={}", path.display(), if create { "rwc" } else { "rw" }),
        None => url.to_owned(),
    };
    probe(dialect, &url).await?;
    let file = match opened {
        None => path.map(File::at).transpose()?,
        opened => opened,
    };
    let pool = |most: u32| {
        let file = file.clone();
        AnyPoolOptions::new()
            .max_connections(most)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .before_acquire(move |connection, of| {
                let is_fresh = !dialect.is_shared() || of.idle_for < IDLE;
                let answers = async move { is_fresh || answers(connection).await };
                Box::pin(async move { Ok(answers.await) })
            })
            .after_connect(move |connection, _| {
                // Another file under the same name is never opened.
                let same = file.as_ref().map_or(Ok(()), File::check);
                Box::pin(async move {
                    same.map_err(|error| sqlx::Error::Configuration(error.to_string().into()))?;
                    set(dialect, connection).await
                })
            })
    };
    // Statements are not logged, because the check for each of them costs as much as preparing it.
    let options = url.parse::<AnyConnectOptions>()?.disable_statement_logging();
    let write = pool(WRITERS[usize::from(dialect == Dialect::Postgres)]).connect_with(options.clone()).await?;
    write.acquire().await?.ping().await?;
    let read = pool(READERS).connect_with(options).await?;
    Ok(Connected { write: Pool::new(write, dialect), read: Pool::new(read, dialect), file })
}

async fn answers(connection: &mut AnyConnection) -> bool {
    matches!(tokio::time::timeout(PING, connection.ping()).await, Ok(Ok(())))
}

async fn set(dialect: Dialect, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    for setting in dialect.settings() {
        connection.execute(AssertSqlSafe(*setting)).await?;
    }
    Ok(())
}

/// Opens one connection before the pools, which try again and finally report only that they have none.
async fn probe(dialect: Dialect, url: &str) -> Result<(), Error> {
    let connecting = tokio::time::timeout(ACQUIRE, AnyConnection::connect(url));
    let mut connection = connecting.await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    set(dialect, &mut connection).await?;
    if dialect == Dialect::Postgres {
        let version: String = sqlx::query(VERSION).fetch_one(&mut connection).await?.try_get(0)?;
        let found = version.parse::<i64>().unwrap_or_default() / 10_000;
        if found < OLDEST {
            return Err(Error::OlderServer { found, oldest: OLDEST });
        }
    }
    Ok(connection.close().await?)
}
