//! Bulk statements in fixed sizes, so that the database keeps a handful of prepared statements.

use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use sqlx::{Any, AnyConnection, AssertSqlSafe, query::Query};

/// How many rows one insert takes. A connection keeps a hundred prepared statements: these fit with all others.
pub(crate) const ROWS: [usize; 4] = [64, 16, 4, 1];
/// How many keys one select takes; places that are left repeat the last key.
pub(crate) const KEYS: [usize; 3] = [64, 8, 1];

/// A value of the portable subset.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
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
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<[u8; 32]> for Value {
    fn from(value: [u8; 32]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

/// A number of the wire in SQL. Numbers of journals stay far below 2^63.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number of SQL on the wire.
pub(crate) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

fn bind(query: Query<'_, Any, sqlx::any::AnyArguments>, value: Value) -> Query<'_, Any, sqlx::any::AnyArguments> {
    match value {
        Value::Int(it) => query.bind(it),
        Value::Text(it) => query.bind(it),
        Value::Bytes(it) => query.bind(it),
    }
}

/// A table to insert into.
pub(crate) struct Insert {
    table: &'static str,
    columns: &'static [&'static str],
    /// What follows the values: how rows that are there already are brought up to date.
    conflict: &'static str,
    /// The statements in each of their sizes, made once.
    texts: [OnceLock<Arc<str>>; ROWS.len()],
}

impl Insert {
    pub(crate) const fn new(table: &'static str, columns: &'static [&'static str], conflict: &'static str) -> Self {
        Self { table, columns, conflict, texts: [const { OnceLock::new() }; ROWS.len()] }
    }

    /// The statements in each of their sizes, each with its number of rows.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (usize, &Arc<str>)> {
        ROWS.into_iter().zip(&self.texts).map(|(rows, text)| (rows, text.get_or_init(|| self.text(rows).into())))
    }

    fn text(&self, rows: usize) -> String {
        let width = self.columns.len();
        let mut text = format!("INSERT INTO {} ({}) VALUES ", self.table, self.columns.join(", "));
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..width {
                let comma = if column == 0 { "" } else { ", " };
                // Writing into a string cannot fail.
                let _ = write!(text, "{comma}${}", row * width + column + 1);
            }
            text.push(')');
        }
        text.push_str(self.conflict);
        text
    }

    /// Inserts rows, each with a value per column.
    pub(crate) async fn run(&self, connection: &mut AnyConnection, rows: Vec<Vec<Value>>) -> Result<(), sqlx::Error> {
        let mut rows = rows.into_iter();
        for (size, text) in self.texts() {
            while rows.len() >= size {
                let mut query = sqlx::query(AssertSqlSafe(Arc::clone(text)));
                for value in rows.by_ref().take(size).flatten() {
                    query = bind(query, value);
                }
                query.execute(&mut *connection).await?;
            }
        }
        Ok(())
    }
}

/// The statement `{select} IN (…)` for so many keys.
pub(crate) fn select_text(select: &str, keys: usize) -> String {
    let places: Vec<String> = (1..=keys).map(|place| format!("${place}")).collect();
    format!("{select} IN ({})", places.join(", "))
}

/// Runs `{select} IN (…)` over all keys in statements of fixed sizes; unused places repeat the last key.
pub(crate) async fn select(
    connection: &mut AnyConnection,
    select: &'static str,
    keys: Vec<Value>,
) -> Result<Vec<sqlx::any::AnyRow>, sqlx::Error> {
    let mut rows = Vec::new();
    for chunk in keys.chunks(KEYS[0]) {
        let size = KEYS.into_iter().rev().find(|size| *size >= chunk.len()).unwrap_or(KEYS[0]);
        let mut query = sqlx::query(AssertSqlSafe(select_text(select, size)));
        for place in 0..size {
            if let Some(value) = chunk.get(place).or(chunk.last()) {
                query = bind(query, value.clone());
            }
        }
        rows.extend(query.fetch_all(&mut *connection).await?);
    }
    Ok(rows)
}
