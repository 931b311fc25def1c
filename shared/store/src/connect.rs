//! The connections to a database.

use sqlx::{postgres::PgConnectOptions, sqlite::SqliteConnectOptions};

use crate::{
    connection::{ACQUIRE, Pool},
    dialect::{Dialect, VERSION},
    driver::{Connector, Driver},
    error::Error,
    place::{File, file_of},
};

/// The most connections that read at once.
pub(crate) const READERS: usize = 8;
/// The maximum number of writing connections: the writer, and besides it the audit of reads if the database allows two.
const WRITERS: [usize; 2] = [1, 2];
/// The number of rows that SQLite's thread reads ahead of the task that reads them: a page of a list and a part of the
/// feed, so that neither waits for the other.
const ROWS: usize = 128;
/// The oldest supported major version of PostgreSQL.
const OLDEST: i64 = 14;

/// A database that was connected to.
#[derive(Clone)]
pub(crate) struct Connected {
    /// The connections that write.
    pub(crate) write: Pool,
    /// The connections that read.
    pub(crate) read: Pool,
    /// The file of an embedded database.
    pub(crate) file: Option<File>,
}

impl Connected {
    pub(crate) async fn close(&self) {
        self.write.close().await;
        self.read.close().await;
    }
}

/// Opens two pools on one database. Only with `create` is a missing file of SQLite created: a wrong path, or one whose
/// disk is missing, must not look like a database that was never set up.
pub(crate) async fn connect(dialect: Dialect, url: &str, create: bool) -> Result<Connected, Error> {
    let path = file_of(url);
    let opened = path.filter(|_| !create).map(File::at).transpose()?;
    let connector = match dialect {
        Dialect::Sqlite => {
            let options = match path {
                Some(path) => SqliteConnectOptions::new().filename(path).create_if_missing(create),
                None => url.parse()?,
            };
            Connector::sqlite(options.row_buffer_size(ROWS))
        }
        Dialect::Postgres => Connector::postgres(url.parse::<PgConnectOptions>()?),
    };
    probe(&connector).await?;
    let file = match opened {
        None => path.map(File::at).transpose()?,
        opened => opened,
    };
    let connector = connector.only(file.clone());
    let writers = WRITERS[usize::from(dialect.is_shared())];
    let pool = |most| Pool::new(connector.clone(), dialect, most).map_err(|error| Error::Damaged(error.to_string()));
    Ok(Connected { write: pool(writers)?, read: pool(READERS)?, file })
}

/// Opens one connection before the pools.
async fn probe(connector: &Connector) -> Result<(), Error> {
    let connecting = tokio::time::timeout(ACQUIRE, connector.connect());
    let mut driver = connecting.await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    if let Driver::Postgres(connection) = &mut driver {
        let version: String = sqlx::query_scalar(VERSION).fetch_one(connection).await?;
        let found = version.parse::<i64>().unwrap_or_default() / 10_000;
        if found < OLDEST {
            return Err(Error::OlderServer { found, oldest: OLDEST });
        }
    }
    Ok(driver.close().await?)
}
