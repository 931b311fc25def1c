//! The anchor of the private journal. Nobody else has that journal, so its head is written into the exchanged one, which the
//! peer keeps: a private journal that was lost or cut is behind it.

use renkei_domain::{
    matter::Matter,
    moment::Moment,
    noun::journal as journal_rules,
    page::{Journal, Seen},
};
use renkei_journal::Head;
use renkei_proto::{
    FactKind,
    journal::v1::{PrivateAnchored, fact},
};
use sqlx::Row as _;

use crate::{
    bulk::number,
    call_origin::CallOrigin,
    connection::Connection,
    error::Error,
    stage::{Anchoring, Stage},
    store::Store,
    stored::ENTRY_AT,
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
        held: u64,
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
        let held = self.previous(Journal::Private).await?.head.seq;
        Ok(PrivateStanding::Behind { anchored: anchored.seq, held })
    }
}

/// Anchors the private journal at the end of a batch that asks for it. A journal that is behind its anchor is never
/// anchored automatically, because that would remove the only sign of the loss.
pub(crate) async fn add(connection: &mut Connection, stage: &mut Stage, moment: &Moment) -> Result<(), Error> {
    let asked = std::mem::take(&mut stage.anchoring);
    let own = stage.own();
    let head = stage.heads().private.head();
    if asked == Anchoring::Not || head == Head::EMPTY || stage.heads().recovering() {
        return Ok(());
    }
    if !stage.speaks(FactKind::PrivateAnchored) {
        // The first checkpoint after the peer's upgrade writes the anchor.
        return Ok(());
    }
    let last = journal_rules::anchor(stage.page(&journal_rules::name(own)), own).cloned();
    if let Some(last) = last {
        if last.seq == head.seq && last.hash == head.hash {
            return Ok(());
        }
        let staged = stage.hash_of(Journal::Private, last.seq).is_some_and(|hash| last.hash == hash);
        if asked != Anchoring::Anew && !staged && !is_present(connection, &last).await? {
            tracing::error!(anchored = last.seq, held = head.seq, "the private journal is behind its anchor");
            return Ok(());
        }
    }
    stage.begin_own(&CallOrigin::own("anchor_private"), moment);
    let anchored = PrivateAnchored { seq: head.seq, hash: head.hash.to_vec() };
    let written = stage.write(&Matter::journal(own), fact::Fact::PrivateAnchored(anchored), None, 0);
    stage.end(written.is_err())?;
    if let Err(refusal) = written {
        tracing::error!(%refusal, "the private journal is not anchored");
    }
    Ok(())
}

/// True if the private journal contains the entry that the anchor names.
async fn is_present(connection: &mut Connection, anchored: &PrivateAnchored) -> Result<bool, Error> {
    let query = sqlx::query(ENTRY_AT).bind(Journal::Private.id()).bind(number(anchored.seq));
    let row = query.fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get::<Vec<u8>, _>(0)).transpose()?.is_some_and(|hash| hash == anchored.hash))
}
