//! The receipts that were given to the peer.

use renkei_proto::journal::v1::SignedReceipt;

use crate::{error::Error, query::query, store::Store};

pub(crate) const GIVEN: &str = "SELECT receipt, key_id, signature FROM receipt_given WHERE up_to_seq >= 0 ORDER BY up_to_seq DESC, own_seq DESC LIMIT 1";

impl Store {
    /// The newest receipt that was signed for the peer's journal.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn receipt_given(&self) -> Result<Option<SignedReceipt>, Error> {
        let row = query(GIVEN).fetch_optional(&self.inner.read).await?;
        row.map(|row| {
            Ok(SignedReceipt { receipt: row.try_get(0)?, key_id: row.try_get(1)?, signature: row.try_get(2)? })
        })
        .transpose()
    }
}
