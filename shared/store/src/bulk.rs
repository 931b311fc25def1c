//! Bulk statements in fixed sizes, so that the database keeps a handful of prepared statements.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use sqlx::{Any, AssertSqlSafe, query::Query};

use crate::{connection::Connection, dialect::Dialect};

/// The numbers of rows that one statement inserts into a table. There are few sizes, because a connection keeps a
/// hundred prepared statements, and each is twice the next, so that any number is reached with the fewest statements.
pub(crate) const ROWS: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];
/// The numbers of keys of one select; unused places repeat the last key.
pub(crate) const KEYS: [usize; 3] = [64, 8, 1];

/// A value of the portable subset.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(i64),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
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

fn bind(query: Query<'_, Any, sqlx::any::AnyArguments>, value: Value) -> Query<'_, Any, sqlx::any::AnyArguments> {
    match value {
        Value::Int(it) => query.bind(it),
        Value::Text(it) => query.bind(it),
        Value::Bytes(it) => query.bind(it),
    }
}

/// A table to insert into.
#[derive(Debug)]
pub(crate) struct Insert {
    pub(crate) table: &'static str,
    pub(crate) columns: &'static [&'static str],
    /// The end of the statement, after the values: it updates rows that already exist.
    pub(crate) conflict: &'static str,
}

impl Insert {
    /// The statement for so many rows, with places from this number on.
    pub(crate) fn text(&self, rows: usize, first: usize) -> String {
        let width = self.columns.len();
        let mut text = format!("INSERT INTO {} ({}) VALUES ", self.table, self.columns.join(", "));
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..width {
                let comma = if column == 0 { "" } else { ", " };
                // Writing into a string cannot fail.
                let _ = write!(text, "{comma}${}", first + row * width + column);
            }
            text.push(')');
        }
        text.push_str(self.conflict);
        text
    }

    /// Inserts rows, each with a value per column.
    pub(crate) async fn run(
        &'static self,
        connection: &mut Connection,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), sqlx::Error> {
        let mut bulk = Bulk::default();
        bulk.add(self, rows);
        bulk.run(connection).await
    }
}

/// Rows for several tables, written with as few statements as their sizes allow.
#[derive(Default)]
pub(crate) struct Bulk(Vec<(&'static Insert, std::vec::IntoIter<Vec<Value>>)>);

impl Bulk {
    /// Adds rows, each with a value per column. A table is added once.
    pub(crate) fn add(&mut self, table: &'static Insert, rows: Vec<Vec<Value>>) {
        self.0.push((table, rows.into_iter()));
    }

    /// Writes everything. The tables do not depend on each other's order.
    pub(crate) async fn run(mut self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        let dialect = connection.dialect();
        for size in ROWS {
            loop {
                let mut parts: Vec<_> = self.0.iter_mut().filter(|(_, rows)| rows.len() >= size).collect();
                if parts.is_empty() {
                    break;
                }
                let tables: Vec<&'static Insert> = parts.iter().map(|(table, _)| *table).collect();
                let mut query = sqlx::query(AssertSqlSafe(text(dialect, size, &tables)));
                for (_, rows) in &mut parts {
                    for value in rows.take(size).flatten() {
                        query = bind(query, value);
                    }
                }
                query.execute(&mut *connection).await?;
            }
        }
        Ok(())
    }
}

/// A statement's text by dialect, rows a table, and names of the tables.
type Texts = HashMap<(Dialect, usize, Vec<&'static str>), Arc<str>>;

/// The texts are long and few, so each of them is made once.
static TEXTS: LazyLock<Mutex<Texts>> = LazyLock::new(Mutex::default);

/// The statement that inserts so many rows into each of these tables.
pub(crate) fn text(dialect: Dialect, rows: usize, tables: &[&'static Insert]) -> Arc<str> {
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let names = tables.iter().map(|table| table.table).collect();
    let made = texts.entry((dialect, rows, names)).or_insert_with(|| {
        let mut first = 1;
        let each = tables.iter().map(|table| {
            let text = table.text(rows, first);
            first += rows * table.columns.len();
            text
        });
        dialect.together(&each.collect::<Vec<_>>()).into()
    });
    Arc::clone(made)
}

/// The statement `{select} IN (…)` for so many keys, with places from this number on.
pub(crate) fn select_text(select: &str, first: usize, keys: usize) -> String {
    let places: Vec<String> = (first..first + keys).map(|place| format!("${place}")).collect();
    format!("{select} IN ({})", places.join(", "))
}

/// Runs `{select} IN (…)` over all keys in statements of fixed sizes; unused places repeat the last key.
pub(crate) async fn select(
    connection: &mut Connection,
    select: &'static str,
    keys: Vec<Value>,
) -> Result<Vec<sqlx::any::AnyRow>, sqlx::Error> {
    let mut rows = Vec::new();
    for chunk in keys.chunks(KEYS[0]) {
        let size = KEYS.into_iter().rev().find(|size| *size >= chunk.len()).unwrap_or(KEYS[0]);
        let mut query = sqlx::query(AssertSqlSafe(select_text(select, 1, size)));
        for place in 0..size {
            if let Some(value) = chunk.get(place).or(chunk.last()) {
                query = bind(query, value.clone());
            }
        }
        rows.extend(query.fetch_all(&mut *connection).await?);
    }
    Ok(rows)
}

/// Runs `{delete} IN (…)` over all keys, as [`select`] does.
pub(crate) async fn delete(
    connection: &mut Connection,
    delete: &'static str,
    keys: Vec<Value>,
) -> Result<(), sqlx::Error> {
    select(connection, delete, keys).await.map(|_| ())
}
