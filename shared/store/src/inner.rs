//! What the writer and the readers of one store share.

use std::{collections::BTreeSet, sync::Arc};

use renkei_journal::SigningKey;
use renkei_proto::r#type::v1::Agency;
use renkei_telemetry::Metrics;
use sqlx::{Any, AnyPool, Transaction};
use tokio::sync::{Notify, watch};

use crate::{
    content::KeyRing,
    dialect::Dialect,
    error::Error,
    head::{self, Heads},
    replica::Replicas,
};

/// What a failpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Goes on.
    None,
    /// The step fails as if the connection had been lost.
    Lost,
}

/// Names of steps at which a test may let something fail: `begin`, `before commit`, `after commit` of the
/// writer, `record reads` of the audit.
pub type Faults = Arc<dyn Fn(&'static str) -> Fault + Send + Sync>;

pub(crate) struct Inner {
    pub(crate) own: Agency,
    pub(crate) replica: String,
    pub(crate) store_id: String,
    pub(crate) dialect: Dialect,
    pub(crate) url: String,
    pub(crate) write: AnyPool,
    pub(crate) read: AnyPool,
    pub(crate) ring: KeyRing,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) heads: watch::Sender<Heads>,
    /// Ids of the officials who are barred.
    pub(crate) barred: watch::Sender<BTreeSet<String>>,
    /// Who serves from this database; empty in a process that does not serve.
    pub(crate) replicas: watch::Sender<Replicas>,
    /// Something was committed here.
    pub(crate) wrote: Notify,
    /// This replica says something else of itself.
    pub(crate) said: Notify,
    pub(crate) faults: Faults,
    pub(crate) metrics: Metrics,
}

impl Inner {
    /// A step of the writer: a test may let it fail or kill the process here.
    pub(crate) fn fault(&self, step: &'static str) -> Result<(), Error> {
        match (self.faults)(step) {
            Fault::None => Ok(()),
            Fault::Lost => Err(Error::Database(sqlx::Error::PoolClosed)),
        }
    }
}

impl Inner {
    /// Begins a transaction that writes the journals: one at a time over all replicas. SQLite's own lock sees to that, on
    /// a server the row of the own head.
    pub(crate) async fn begin_writing(&self) -> Result<Transaction<'static, Any>, Error> {
        let mut transaction = self.write.begin_with(self.dialect.begin()).await?;
        if self.dialect.is_shared() {
            // Not in one message with what begins: when that fails, the transaction is not known, and is never rolled back.
            sqlx::query(head::TAKE).bind(self.own.id()).execute(&mut *transaction).await?;
        }
        Ok(transaction)
    }

    /// Makes known how the heads stand after a commit of this replica. Another one may have committed since, and be known
    /// already.
    pub(crate) fn publish(&self, heads: Heads) {
        self.heads.send_if_modified(|known| {
            let moved = !known.is_after(&heads) && *known != heads;
            if moved {
                *known = heads;
            }
            moved
        });
        self.wrote.notify_one();
    }
}
