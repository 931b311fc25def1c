//! The comparison of the private journal with its anchor in the own one.

use renkei_book::Stage;
use renkei_domain::{
    moment::Moment,
    noun::journal as journal_rules,
    page::{Journal, Seen},
};
use renkei_proto::journal::v1::PrivateAnchored;

use crate::{
    connection::Connection, error::Error, inner::Inner, query::query, store::Store, stored::ENTRY_AT, value::number,
};

/// The relation of the private journal to its last anchor in the own journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateStanding {
    /// No anchor was written yet.
    NotAnchored,
    /// The anchored entry is present.
    Whole,
    /// The anchored entry is missing, or another one has its number: private entries were lost or replaced. Barred
    /// officials and wrong tries of codes may be among them.
    Behind {
        /// The number of the anchored entry.
        anchored: u64,
        /// The number of the last private entry that is present.
        last: u64,
    },
}

impl Store {
    /// Compares the private journal with its anchor. While the own journal is fetched back, its newest anchor may not
    /// be back yet: the answer is final when the recovery has ended.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn private_standing(&self) -> Result<PrivateStanding, Error> {
        let own = self.own();
        let page = self.page(&journal_rules::name(own)).await?.unwrap_or_default();
        let Some(anchored) = journal_rules::anchor(Seen::whole(&page), own) else {
            return Ok(PrivateStanding::NotAnchored);
        };
        if is_present(&mut self.inner.read.acquire().await?, anchored).await? {
            return Ok(PrivateStanding::Whole);
        }
        let last = self.previous(Journal::Private).await?.head.seq;
        Ok(PrivateStanding::Behind { anchored: anchored.seq, last })
    }
}

/// Anchors the private journal at the end of a batch that asks for it. `connection` is the batch's own while the heads are
/// locked; without it one is asked for only if the database must be looked at.
pub(crate) async fn add(
    inner: &Inner,
    connection: Option<&mut Connection>,
    stage: &mut Stage,
    moment: &Moment,
) -> Result<(), Error> {
    let Some(due) = stage.due_anchor() else { return Ok(()) };
    if let Some(last) = &due.last {
        let is_there = match connection {
            Some(connection) => is_present(connection, last).await?,
            None => is_present(&mut inner.read.acquire().await?, last).await?,
        };
        if !is_there {
            let last_here = stage.heads().private.seq;
            tracing::error!(anchored = last.seq, last_here, "the private journal is behind its anchor");
            return Ok(());
        }
    }
    if let Err(refusal) = stage.anchor(moment) {
        tracing::error!(%refusal, "the private journal is not anchored");
    }
    Ok(())
}

/// True if the private journal contains the entry that the anchor names.
async fn is_present(connection: &mut Connection, anchored: &PrivateAnchored) -> Result<bool, Error> {
    let query = query(ENTRY_AT).bind(Journal::Private.id()).bind(number(anchored.seq));
    let row = query.fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get::<Vec<u8>>(0)).transpose()?.is_some_and(|hash| hash == anchored.hash))
}
