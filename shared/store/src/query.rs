//! Statements and their rows, with the driver of either database: one text, the same values, and the same types of columns.

use std::marker::PhantomData;

use sqlx::{
    Decode, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite, Type, ValueRef as _, error::UnexpectedNullError,
    postgres::PgRow, sqlite::SqliteRow,
};

use crate::value::Value;

/// A prepared statement with its values. Its rows are read as `T`.
pub(crate) struct Query<T> {
    text: SqlStr,
    values: Vec<Value>,
    row: PhantomData<fn() -> T>,
}

/// A statement with rows of any shape.
pub(crate) fn query(text: impl SqlSafeStr) -> Query<Row> {
    query_as(text)
}

/// A statement whose rows have one shape.
pub(crate) fn query_as<T: FromRow>(text: impl SqlSafeStr) -> Query<T> {
    Query { text: text.into_sql_str(), values: Vec::new(), row: PhantomData }
}

impl<T: FromRow> Query<T> {
    /// Binds the next place.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The text and the values.
    pub(crate) fn parts(self) -> (SqlStr, Vec<Value>) {
        (self.text, self.values)
    }
}

/// A row of a result.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The value in a column. Texts and bytes may be borrowed from the row.
    ///
    /// # Errors
    /// A value of another type, or NULL unless `T` is optional: SQLite's driver would read NULL as 0, or as nothing.
    pub(crate) fn try_get<'r, T: Cell<'r>>(&'r self, column: usize) -> Result<T, sqlx::Error> {
        T::read(self, column)
    }

    /// The columns, to be read one after the other.
    pub(crate) fn columns(&self) -> Columns<'_> {
        Columns { row: self, next: 0 }
    }

    fn value<'r, T: Plain<'r>>(&'r self, column: usize) -> Result<Option<T>, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }
}

/// The columns of a row that are not read yet. They are read in the order in which the statement lists them, so that no
/// place is written out.
pub(crate) struct Columns<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> Columns<'r> {
    /// The value in the next column, as [`Row::try_get`] gives it.
    pub(crate) fn read<T: Cell<'r>>(&mut self) -> Result<T, sqlx::Error> {
        let value = self.row.try_get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// True if the next column is NULL.
    pub(crate) fn is_null(&self) -> Result<bool, sqlx::Error> {
        match self.row {
            Row::Sqlite(row) => row.try_get_raw(self.next).map(|value| value.is_null()),
            Row::Postgres(row) => row.try_get_raw(self.next).map(|value| value.is_null()),
        }
    }
}

/// A type of which a column may have values.
pub(crate) trait Plain<'r>: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres> {}

impl Plain<'_> for i64 {}
impl Plain<'_> for String {}
impl Plain<'_> for Vec<u8> {}
impl<'r> Plain<'r> for &'r str {}
impl<'r> Plain<'r> for &'r [u8] {}

/// A type as which a column is read: one of values, or an optional one for a column that may be NULL.
pub(crate) trait Cell<'r>: Sized {
    fn read(row: &'r Row, column: usize) -> Result<Self, sqlx::Error>;
}

impl<'r, T: Plain<'r>> Cell<'r> for T {
    fn read(row: &'r Row, column: usize) -> Result<Self, sqlx::Error> {
        let null = || sqlx::Error::ColumnDecode { index: column.to_string(), source: Box::new(UnexpectedNullError) };
        row.value(column)?.ok_or_else(null)
    }
}

impl<'r, T: Plain<'r>> Cell<'r> for Option<T> {
    fn read(row: &'r Row, column: usize) -> Result<Self, sqlx::Error> {
        row.value(column)
    }
}

/// The shape of a row.
pub(crate) trait FromRow: Sized {
    fn from_row(row: Row) -> Result<Self, sqlx::Error>;
}

impl FromRow for Row {
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        Ok(row)
    }
}
