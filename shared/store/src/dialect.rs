//! What differs between SQLite and PostgreSQL. Everything else is one SQL text.

use std::time::Duration;

use sqlx::{
    AnyConnection, AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _,
    any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers},
    postgres::PgListener,
};

use crate::{
    connection::{PATIENCE, Pool},
    error::Error,
    place::{File, file_of},
};

/// The most connections that read at once.
const READERS: u32 = 8;
/// The most connections that write at once: the writer, and beside it the audit of reads where the database takes two.
const WRITERS: [u32; 2] = [1, 2];
/// How long a connection is waited for.
const ACQUIRE: Duration = Duration::from_secs(5);
/// A connection that nobody has used for so long is asked whether it still answers.
const IDLE: Duration = Duration::from_millis(10);
/// It may take so long; then it is closed, and there is time left to make another one.
const PING: Duration = Duration::from_secs(2);
/// The oldest major version of PostgreSQL that is spoken to.
const OLDEST: i64 = 14;

/// The version of the server, as a number of which the last four digits are the minor version.
pub(crate) const VERSION: &str = "SELECT current_setting('server_version_num')";

/// Where a database of PostgreSQL stands: which cluster, on which timeline, under which number. A restore changes at least
/// one of them, unless it puts tables back into the same database.
pub(crate) const PLACE: &str = "SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || \
     substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '/' || oid FROM pg_database WHERE datname = current_database()";

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
        let (bytes, plain, keyed) = match self {
            // Small rows stand in the index of their key, so that a commit writes one page for both.
            Self::Sqlite => ("BLOB", "TEXT", " WITHOUT ROWID"),
            // Prefixes of names are searched as ranges, which only byte order allows.
            Self::Postgres => ("BYTEA", "TEXT COLLATE \"C\"", ""),
        };
        let text = text.replace("{bytes}", bytes).replace("{text}", plain).replace("{keyed}", keyed);
        let mut parts = text.split("{time:");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            let (micros, rest) = part.split_once('}').unwrap_or((part, ""));
            text + &self.instant(micros) + rest
        })
    }

    /// An instant for people, of an expression in microseconds since 1970. Whole arithmetic: no microsecond is lost.
    fn instant(self, micros: &str) -> String {
        match self {
            Self::Sqlite => format!(
                "strftime('%Y-%m-%dT%H:%M:%S', ({micros}) / 1000000, 'unixepoch') || printf('.%06dZ', ({micros}) % 1000000)"
            ),
            Self::Postgres => format!("TIMESTAMPTZ 'epoch' + ({micros}) * INTERVAL '1 microsecond'"),
        }
    }

    /// The statement that begins a transaction.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// The statement that begins one view of the database, for many reads.
    pub(crate) fn begin_reading(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Takes the bound off the statements of a transaction: an index on a large table takes its time.
    pub(crate) fn unhurried(self) -> Option<&'static str> {
        self.is_shared().then_some("SET LOCAL statement_timeout = 0")
    }

    /// Several statements in one that goes to the database at once: what goes to and fro costs more than what it does there.
    pub(crate) fn together(self, statements: &[String]) -> String {
        match self {
            // Each value is bound in its turn: to look for its name takes time with the square of their number.
            Self::Sqlite => {
                let text = statements.join("; ");
                let mut parts = text.split('$');
                let first = parts.next().unwrap_or_default().to_owned();
                parts.fold(first, |text, part| text + "?" + part.trim_start_matches(|it: char| it.is_ascii_digit()))
            }
            Self::Postgres => {
                let Some((last, others)) = statements.split_last() else { return String::new() };
                let others: Vec<String> =
                    others.iter().enumerate().map(|(place, text)| format!("part{place} AS ({text})")).collect();
                if others.is_empty() { last.clone() } else { format!("WITH {} {last}", others.join(", ")) }
            }
        }
    }

    /// Whether several processes may serve from it.
    pub(crate) fn is_shared(self) -> bool {
        self == Self::Postgres
    }

    /// What every new connection is told.
    #[doc(hidden)]
    pub fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &[
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA busy_timeout = 5000",
                "PRAGMA secure_delete = ON",
                // What a statement of many rows needs to be undone alone would go through a file otherwise.
                "PRAGMA temp_store = MEMORY",
                // The log is taken into the file after 32 MiB, not after every few batches; pages of 8 MiB stay in memory.
                "PRAGMA wal_autocheckpoint = 8192",
                "PRAGMA cache_size = -8192",
                // A log that grew while something read for long, or while the disk was full, shrinks again.
                "PRAGMA journal_size_limit = 67108864",
            ],
            Self::Postgres => &[
                "SET lock_timeout = '5s'",
                "SET statement_timeout = '5s'",
                // Longer than a full batch is judged on a slow machine; a replica that hangs is waited for no longer.
                "SET idle_in_transaction_session_timeout = '10s'",
                "SET synchronous_commit = on",
                // Plans are kept, also those that were made while the tables were empty. Every statement has its index.
                "SET enable_seqscan = off",
                "SET enable_hashjoin = off",
                "SET enable_mergejoin = off",
                "SET jit = off",
            ],
        }
    }
}

/// Tells other replicas of a commit, by the name of this one. PostgreSQL only.
pub(crate) const TELL: &str = "SELECT CAST(pg_notify('renkei', $1) AS TEXT)";

/// Hears that another replica has committed. What is heard may be lost, so nobody relies on it. Nothing of the kind goes
/// through `Any`.
pub(crate) struct Listener {
    postgres: PgListener,
    /// The name of this replica: it does not listen to itself.
    own: String,
}

impl Listener {
    pub(crate) async fn connect(url: &str, own: &str) -> Result<Self, sqlx::Error> {
        let mut postgres = PgListener::connect(url).await?;
        postgres.listen("renkei").await?;
        Ok(Self { postgres, own: own.to_owned() })
    }

    /// Waits until another replica has committed; takes in at once what more was said.
    pub(crate) async fn heard(&mut self) -> Result<(), sqlx::Error> {
        loop {
            // A connection that was lost has come back: what was said meanwhile is gone.
            let Some(first) = self.postgres.try_recv().await? else { return Ok(()) };
            let mut is_anothers = first.payload() != self.own;
            while let Some(next) = self.postgres.next_buffered() {
                is_anothers |= next.payload() != self.own;
            }
            if is_anothers {
                return Ok(());
            }
        }
    }

    /// Tells the others that this replica has committed.
    pub(crate) async fn tell(&mut self) -> Result<(), sqlx::Error> {
        let telling = sqlx::query(TELL).bind(self.own.as_str()).execute(&mut self.postgres);
        tokio::time::timeout(PATIENCE, telling).await.map_err(|_| sqlx::Error::PoolTimedOut)?.map(|_| ())
    }
}

/// A database that was connected to.
pub(crate) struct Connected {
    /// What writes.
    pub(crate) write: Pool,
    /// What reads.
    pub(crate) read: Pool,
    /// The file of an embedded one.
    pub(crate) file: Option<File>,
}

/// Two pools on one database. Only with `create` is the file of SQLite made when there is none: a wrong path, or one whose
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
                // Never another file under the same name.
                let same = file.as_ref().map_or(Ok(()), File::check);
                Box::pin(async move {
                    same.map_err(|error| sqlx::Error::Configuration(error.to_string().into()))?;
                    set(dialect, connection).await
                })
            })
    };
    // Statements are in no log: to ask for each whether they are wanted there costs as much as to prepare it.
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

/// One connection before the pools, which try again and tell in the end only that they have none.
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
