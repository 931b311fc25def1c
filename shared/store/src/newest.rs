//! The newest entries of a journal.

use renkei_book::StoredEntry;
use renkei_domain::page::Journal;
use renkei_proto::r#type::v1::Agency;

use crate::{error::Error, query::query_as, store::Store, stored::entry_columns, value::number};

pub(crate) const NEWEST: &str =
    concat!("SELECT ", entry_columns!(), " FROM entry WHERE journal = $1 AND seq > $2 ORDER BY seq DESC LIMIT $3 + 0");

impl Store {
    /// The newest entries of an agency's journal by the heads of this replica, without their contents: at most `limit`, the last
    /// one first.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn newest(&self, author: Agency, limit: u64) -> Result<Vec<StoredEntry>, Error> {
        let head = self.heads().borrow().of(self.inner.own, Journal::Of(author)).seq;
        let query = query_as(NEWEST).bind(author.id()).bind(number(head.saturating_sub(limit))).bind(number(limit));
        Ok(query.fetch_all(&self.inner.read).await?)
    }
}
