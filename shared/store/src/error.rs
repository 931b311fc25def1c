//! The errors of the database.

use renkei_book::Declined;
use renkei_domain::refusal::Refusal;
use renkei_proto::options::v1::Reason;

use crate::code::sentence;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The book declines the command: the policy refuses it, or it may not be carried out now.
    #[error(transparent)]
    Declined(#[from] Declined),
    /// The writer's queue is full.
    #[error("the writer's queue of {limit} commands is full")]
    Busy {
        /// The most commands that may wait.
        limit: usize,
    },
    /// A read of secret material cannot be recorded, so it is not answered.
    #[error("the read cannot be recorded")]
    AuditUnavailable,
    /// The writer has ended: the service is shutting down.
    #[error("the writer has ended")]
    Ended,
    /// The database does not answer, or answers with an error.
    #[error("{}", sentence(.0))]
    Database(#[source] sqlx::Error),
    /// The batch in which the command was run is not known to be committed: the same call may be repeated.
    #[error("{0}")]
    Uncommitted(String),
    /// The database server is older than the supported versions.
    #[error("the database server is PostgreSQL {found}, this version needs {oldest} or newer: upgrade the server")]
    OlderServer {
        /// Its major version.
        found: i64,
        /// The oldest major version.
        oldest: i64,
    },
    /// The database belongs to the other agency.
    #[error("the database belongs to {found}, this service is {own}: point `database.url` at {own}'s own database")]
    WrongOwner {
        /// The agency in the database.
        found: String,
        /// This service's agency.
        own: String,
    },
    /// The database was made by a newer version.
    #[error("the database has schema {found}, this version knows {known}: start the newer version")]
    NewerSchema {
        /// The schema in the database.
        found: i64,
        /// The newest schema of this version.
        known: i64,
    },
    /// There is no database. It may be lost, so one is created on request only.
    #[error(
        "there is no database {0}: where there was one, put it back or restore a backup; \
         `migrate` or `serve --first-start` sets up a new one"
    )]
    Missing(String),
    /// The database that was opened is gone, or there is another one in its place.
    #[error(
        "the {0} was deleted or replaced while the service runs: stop the service, put it back or restore a backup, \
         and start again"
    )]
    Replaced(String),
    /// Another process serves from the file, or upgrades it.
    #[error(
        "another process serves from {0} or upgrades it: stop that one or let it end, as a file of SQLite has one service"
    )]
    Served(String),
    /// The database has an older schema.
    #[error("the database has schema {found}, this version needs {known}: run `migrate`")]
    OlderSchema {
        /// The schema in the database.
        found: i64,
        /// The newest schema of this version.
        known: i64,
    },
    /// A migration of the database was interrupted.
    #[error("a migration of the database was interrupted: run `migrate` to finish it")]
    HalfMigrated,
    /// A database on a server is not copied by the service.
    #[error("the database is on a server: copy it with PostgreSQL's own tools, such as pg_basebackup or pg_dump")]
    NotCopied,
    /// Erased contents are still in files of the database.
    #[error("erased contents are still in files: {0}")]
    StillInFiles(&'static str),
    /// A stored value does not have its required form.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// A content cannot be decrypted with the configured keys.
    #[error("content cannot be opened: {0}")]
    Content(&'static str),
}

impl Error {
    /// The reason that a call is given for this error.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Declined(declined) => declined.reason(),
            Self::Busy { .. } => Reason::Busy,
            Self::AuditUnavailable => Reason::AuditUnavailable,
            Self::Ended => Reason::Draining,
            Self::Database(_) | Self::Uncommitted(_) | Self::Missing(_) | Self::Replaced(_) => {
                Reason::DatabaseUnavailable
            }
            Self::WrongOwner { .. }
            | Self::NewerSchema { .. }
            | Self::OlderSchema { .. }
            | Self::HalfMigrated
            | Self::OlderServer { .. }
            | Self::NotCopied
            | Self::Served(_)
            | Self::StillInFiles(_)
            | Self::Damaged(_)
            | Self::Content(_) => Reason::Internal,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Declined::from(refusal).into()
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            // The statement was answered, but a row does not have its required form, so a repeat does not help.
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::RowNotFound => {
                Self::Damaged(format!("a row is missing or cannot be read ({error})"))
            }
            error => Self::Database(error),
        }
    }
}
