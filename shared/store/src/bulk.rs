//! Statements for many rows. A connection keeps a hundred prepared statements, so their texts are few: SQLite takes rows in
//! fixed numbers, and PostgreSQL whole columns of any length.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use sqlx::AssertSqlSafe;

use crate::{
    connection::Connection,
    dialect::Dialect,
    query::{FromRow, Query, Row, query, query_as},
    value::Value,
};

/// The numbers of rows that one statement inserts into a table on SQLite; the first is the most on PostgreSQL, too. Each is
/// twice the next, so that any number is reached with the fewest statements.
pub(crate) const ROWS: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];
/// The numbers of keys of one select; unused places repeat the last key.
pub(crate) const KEYS: [usize; 3] = [64, 8, 1];

/// A column to insert into, by the type of its values.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    Int(&'static str),
    Text(&'static str),
    Bytes(&'static str),
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::Int(name) | Self::Text(name) | Self::Bytes(name) => name,
        }
    }

    /// The place of a whole column of values.
    fn array(self, place: usize) -> String {
        let kind = match self {
            Self::Int(_) => "BIGINT",
            Self::Text(_) => "TEXT",
            Self::Bytes(_) => "BYTEA",
        };
        format!("CAST(${place} AS {kind}[])")
    }

    /// The values of the column as one value.
    fn gather(self, values: impl Iterator<Item = Value>) -> Result<Value, sqlx::Error> {
        let all = match self {
            Self::Int(_) => {
                let all = values.map(|it| if let Value::Int(it) = it { Some(it) } else { None });
                all.collect::<Option<_>>().map(Value::Ints)
            }
            Self::Text(_) => {
                let all = values.map(|it| if let Value::Text(it) = it { Some(it) } else { None });
                all.collect::<Option<_>>().map(Value::Texts)
            }
            Self::Bytes(_) => {
                let all = values.map(|it| if let Value::Bytes(it) = it { Some(it) } else { None });
                all.collect::<Option<_>>().map(Value::Blobs)
            }
        };
        all.ok_or_else(|| sqlx::Error::Encode(format!("a value of another type for {}", self.name()).into()))
    }
}

/// A table to insert into.
#[derive(Debug)]
pub(crate) struct Insert {
    pub(crate) table: &'static str,
    pub(crate) columns: &'static [Column],
    /// The end of the statement, after the values: it updates rows that already exist.
    pub(crate) conflict: &'static str,
}

impl Insert {
    /// The statement for so many rows, with places from this number on: one for each value on SQLite, and on PostgreSQL one
    /// for each column, whatever the number of rows.
    pub(crate) fn text(&self, dialect: Dialect, rows: usize, first: usize) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name()).collect();
        let mut text = format!("INSERT INTO {} ({}) ", self.table, names.join(", "));
        match dialect {
            Dialect::Sqlite => {
                for row in 0..rows {
                    text.push_str(if row == 0 { "VALUES (" } else { ", (" });
                    for column in 0..names.len() {
                        let comma = if column == 0 { "" } else { ", " };
                        // Writing into a string cannot fail.
                        let _ = write!(text, "{comma}${}", first + row * names.len() + column);
                    }
                    text.push(')');
                }
            }
            Dialect::Postgres => {
                let columns = self.columns.iter().zip(first..).map(|(column, place)| column.array(place));
                let _ = write!(text, "SELECT * FROM UNNEST({})", columns.collect::<Vec<_>>().join(", "));
            }
        }
        text.push_str(self.conflict);
        text
    }

    /// The number of places of the statement for so many rows.
    fn places(&self, dialect: Dialect, rows: usize) -> usize {
        self.columns.len() * if dialect == Dialect::Sqlite { rows } else { 1 }
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
                let least = if dialect == Dialect::Sqlite { size } else { 1 };
                let mut parts: Vec<_> = self.0.iter_mut().filter(|(_, rows)| rows.len() >= least).collect();
                if parts.is_empty() {
                    break;
                }
                let tables: Vec<&'static Insert> = parts.iter().map(|(table, _)| *table).collect();
                let mut query = query(AssertSqlSafe(text(dialect, size, &tables)));
                for (table, rows) in &mut parts {
                    let rows = rows.take(size);
                    match dialect {
                        Dialect::Sqlite => query = rows.flatten().fold(query, Query::bind),
                        Dialect::Postgres => {
                            let mut rows: Vec<_> = rows.map(Vec::into_iter).collect();
                            for column in table.columns {
                                query = query.bind(column.gather(rows.iter_mut().filter_map(Iterator::next))?);
                            }
                        }
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
            let text = table.text(dialect, rows, first);
            first += table.places(dialect, rows);
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

/// A table `range_wanted` of so many texts in its column `column1`, with places from this number on.
pub(crate) fn wanted_text(first: usize, texts: usize) -> String {
    let places: Vec<String> = (first..first + texts).map(|place| format!("(CAST(${place} AS TEXT))")).collect();
    format!("(VALUES {}) AS range_wanted", places.join(", "))
}

/// Runs `{select} IN (…)` over all keys in statements of fixed sizes; unused places repeat the last key.
pub(crate) async fn select<T: FromRow>(
    connection: &mut Connection,
    select: &'static str,
    keys: Vec<Value>,
) -> Result<Vec<T>, sqlx::Error> {
    let mut rows = Vec::new();
    for chunk in keys.chunks(KEYS[0]) {
        let size = KEYS.into_iter().rev().find(|size| *size >= chunk.len()).unwrap_or(KEYS[0]);
        let mut query = query_as(AssertSqlSafe(select_text(select, 1, size)));
        for place in 0..size {
            if let Some(value) = chunk.get(place).or(chunk.last()) {
                query = query.bind(value.clone());
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
    select::<Row>(connection, delete, keys).await.map(|_| ())
}
