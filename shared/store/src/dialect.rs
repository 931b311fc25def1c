//! What differs between SQLite and PostgreSQL. Everything else is one SQL text.

use std::time::Duration;

use sqlx::{
    AnyPool, AssertSqlSafe, Connection as _, Executor as _,
    any::{AnyPoolOptions, install_default_drivers},
};

/// The most connections that read at once.
const READERS: u32 = 8;
/// The most connections that write at once: the writer, and beside it the audit of reads where the database takes two.
const WRITERS: [u32; 2] = [1, 2];
/// How long a connection is waited for.
const ACQUIRE: Duration = Duration::from_secs(5);

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The embedded default.
    Sqlite,
    /// For production with several replicas.
    Postgres,
}

impl Dialect {
    /// The dialect of a database URL; `None` for any other scheme than `sqlite:` and `postgres:`.
    pub fn of(url: &str) -> Option<Self> {
        match url.split(':').next()? {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            _ => None,
        }
    }

    /// Puts the dialect's types into a migration.
    pub(crate) fn ddl(self, text: &str) -> String {
        let (bytes, plain) = match self {
            Self::Sqlite => ("BLOB", "TEXT"),
            // Prefixes of names are searched as ranges, which only byte order allows.
            Self::Postgres => ("BYTEA", "TEXT COLLATE \"C\""),
        };
        text.replace("{bytes}", bytes).replace("{text}", plain)
    }

    /// The statement that begins a writing transaction. SQLite takes its write lock at once; PostgreSQL at the head row.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// What every new connection is told.
    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &[
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA busy_timeout = 5000",
                "PRAGMA secure_delete = ON",
            ],
            Self::Postgres => &[
                "SET lock_timeout = '5s'",
                "SET statement_timeout = '5s'",
                "SET idle_in_transaction_session_timeout = '2s'",
                "SET synchronous_commit = on",
            ],
        }
    }
}

/// Two pools on one database: what writes, and what reads. Only with `create` is the file of
/// SQLite made when there is none: a wrong path must not look like a database that was never set up.
pub(crate) async fn connect(dialect: Dialect, url: &str, create: bool) -> Result<(AnyPool, AnyPool), sqlx::Error> {
    install_default_drivers();
    let url = match dialect {
        Dialect::Sqlite if create && !url.contains('?') => format!("{url}?mode=rwc"),
        _ => url.to_owned(),
    };
    let pool = |most: u32| {
        AnyPoolOptions::new().max_connections(most).acquire_timeout(ACQUIRE).after_connect(move |connection, _| {
            Box::pin(async move {
                for setting in dialect.settings() {
                    connection.execute(AssertSqlSafe(*setting)).await?;
                }
                Ok(())
            })
        })
    };
    let write = pool(WRITERS[usize::from(dialect == Dialect::Postgres)]).connect(&url).await?;
    write.acquire().await?.ping().await?;
    let read = pool(READERS).connect(&url).await?;
    Ok((write, read))
}
