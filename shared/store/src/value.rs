//! Values of the portable subset: whole numbers, texts and bytes.

use sqlx::{Arguments as _, postgres::PgArguments, sqlite::SqliteArguments};

/// A value that a statement binds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(i64),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    /// A column of numbers, for a statement that takes many rows. Only PostgreSQL has columns as values.
    Ints(Vec<i64>),
    /// A column of texts.
    Texts(Vec<Option<String>>),
    /// A column of bytes.
    Blobs(Vec<Option<Vec<u8>>>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Int(number(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(value: Option<Vec<u8>>) -> Self {
        Self::Bytes(value)
    }
}

impl From<[u8; 32]> for Value {
    fn from(value: [u8; 32]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

/// Converts a number of the wire for SQL. Numbers of journals stay far below 2^63.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Converts a number of SQL for the wire.
pub(crate) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

/// The values in the form of SQLite's driver.
pub(crate) fn sqlite(values: Vec<Value>) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        let added = match value {
            Value::Int(it) => arguments.add(it),
            Value::Text(it) => arguments.add(it),
            Value::Bytes(it) => arguments.add(it),
            Value::Ints(_) | Value::Texts(_) | Value::Blobs(_) => Err("SQLite has no arrays".into()),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// The values in the form of PostgreSQL's driver.
pub(crate) fn postgres(values: Vec<Value>) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        let added = match value {
            Value::Int(it) => arguments.add(it),
            Value::Text(it) => arguments.add(it),
            Value::Bytes(it) => arguments.add(it),
            Value::Ints(all) => arguments.add(all),
            Value::Texts(all) => arguments.add(all),
            Value::Blobs(all) => arguments.add(all),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
