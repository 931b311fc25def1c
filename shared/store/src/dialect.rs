//! The differences between SQLite and PostgreSQL. Everything else is one SQL text.

use std::time::Duration;

use sqlx::postgres::PgListener;

/// The version of the server, as a number of which the last four digits are the minor version.
pub(crate) const VERSION: &str = "SELECT current_setting('server_version_num')";

/// The lock of a server for the program that upgrades its database. The number is arbitrary, and no other lock has it.
pub(crate) const ALONE: &str = "SELECT pg_advisory_xact_lock(8316420751)";

/// The place of a database on a PostgreSQL server: its cluster, timeline and number. A restore changes at least one of
/// them, unless it puts tables back into the same database.
pub(crate) const PLACE: &str = "SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || \
     substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '/' || oid FROM pg_database WHERE datname = current_database()";

/// The time limit for a server's answer to a statement: its own limit of 5 s, and a margin. A file answers by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite, the embedded default.
    Sqlite,
    /// PostgreSQL, for production with several replicas.
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
        let (key, bytes, plain, keyed) = match self {
            // Small rows are stored in the index of their key, so that a commit writes one page for both. A table with
            // a number as its key is that index itself.
            Self::Sqlite => ("INTEGER", "BLOB", "TEXT", " WITHOUT ROWID"),
            // Prefixes of names are searched as ranges, which only byte order allows.
            Self::Postgres => ("BIGINT", "BYTEA", "TEXT COLLATE \"C\"", ""),
        };
        let text = text.replace("{key}", key).replace("{bytes}", bytes).replace("{text}", plain);
        let text = text.replace("{keyed}", keyed);
        let mut parts = text.split("{time:");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            let (micros, rest) = part.split_once('}').unwrap_or((part, ""));
            text + &self.instant(micros) + rest
        })
    }

    /// An SQL expression of an instant for people, from one in microseconds since 1970. It uses integer arithmetic, so
    /// no microsecond is lost.
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

    /// The setting of a connection that moves whole tables: an index on a large one needs more time, and room to sort that
    /// memory need not have.
    pub(crate) fn unhurried(self) -> &'static str {
        match self {
            Self::Sqlite => "PRAGMA temp_store = FILE",
            Self::Postgres => "SET statement_timeout = 0",
        }
    }

    /// Combines several statements into one that is sent at once, because the way to the database and back costs more
    /// than the work there.
    pub(crate) fn together(self, statements: &[String]) -> String {
        match self {
            // The values are bound by position, because the time to look for their names grows with the square of their
            // number.
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

    /// Gives a row if there is a table of a name. Reading a table that is missing would be an error in a server's log.
    pub(crate) fn has_table(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT 1 FROM sqlite_master WHERE name = $1",
            Self::Postgres => "SELECT 1 WHERE to_regclass($1) IS NOT NULL",
        }
    }

    /// True if several processes may serve from one database.
    pub(crate) fn is_shared(self) -> bool {
        self == Self::Postgres
    }

    /// The settings of every new connection.
    #[doc(hidden)]
    pub fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &[
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA busy_timeout = 5000",
                "PRAGMA secure_delete = ON",
                // The undo data of a statement with many rows would otherwise go through a file.
                "PRAGMA temp_store = MEMORY",
                // The log is written back into the file after 32 MiB, not after every few batches; pages of 8 MiB stay
                // in memory.
                "PRAGMA wal_autocheckpoint = 8192",
                "PRAGMA cache_size = -8192",
                // A log that grew while something read for long, or while the disk was full, shrinks again.
                "PRAGMA journal_size_limit = 67108864",
            ],
            Self::Postgres => &[
                "SET lock_timeout = '5s'",
                "SET statement_timeout = '5s'",
                // The limit is longer than a full batch needs on a slow machine. Nobody waits longer for a replica that
                // hangs.
                "SET idle_in_transaction_session_timeout = '10s'",
                "SET synchronous_commit = on",
                // Plans are kept, also those that were made while there was little to read. Every statement has its index,
                // whose order is needed.
                "SET enable_seqscan = off",
                "SET enable_bitmapscan = off",
                "SET enable_hashjoin = off",
                "SET enable_mergejoin = off",
                "SET jit = off",
            ],
        }
    }
}

/// Tells other replicas of a commit, by the name of this one. PostgreSQL only.
pub(crate) const TELL: &str = "SELECT CAST(pg_notify('renkei', $1) AS TEXT)";

/// A listener for the commits of other replicas. Notifications may be lost, so nothing relies on them.
pub(crate) struct Listener {
    postgres: PgListener,
    /// The name of this replica, which ignores its own notifications.
    own: String,
}

impl Listener {
    pub(crate) async fn connect(url: &str, own: &str) -> Result<Self, sqlx::Error> {
        let mut postgres = PgListener::connect(url).await?;
        postgres.listen("renkei").await?;
        Ok(Self { postgres, own: own.to_owned() })
    }

    /// Waits until another replica has committed, and reads all further notifications at once.
    pub(crate) async fn heard(&mut self) -> Result<(), sqlx::Error> {
        loop {
            // A lost connection has come back, and the notifications in between are lost.
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
