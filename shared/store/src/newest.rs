//! The newest entries of a journal.

use renkei_book::StoredEntry;
use renkei_proto::r#type::v1::Agency;

use crate::{error::Error, query::query_as, store::Store, stored::entry_columns, value::number};

pub(crate) const NEWEST: &str =
    concat!("SELECT ", entry_columns!(), " FROM entry WHERE journal = $1 ORDER BY seq DESC LIMIT $2 + 0");

impl Store {
    /// The newest entries of an agency's journal without their contents, the last one first.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn newest(&self, author: Agency, limit: usize) -> Result<Vec<StoredEntry>, Error> {
        let query = query_as(NEWEST).bind(author.id()).bind(number(u64::try_from(limit).unwrap_or(u64::MAX)));
        Ok(query.fetch_all(&self.inner.read).await?)
    }
}
