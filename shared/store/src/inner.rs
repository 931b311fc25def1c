//! The state that the writer and the readers of one store share.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use renkei_book::{Agreements, Heads};
use renkei_journal::SigningKey;
use renkei_proto::r#type::v1::Agency;
use renkei_telemetry::Metrics;
use tokio::sync::{Notify, watch};

use crate::{
    code::is_without_table,
    connection::{Pool, Transaction},
    content::KeyRing,
    course::Course,
    dialect::Dialect,
    error::Error,
    place::File,
    replica::Replicas,
    value::count,
};

/// The effect of a failpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The step continues.
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
    /// The first statement of every transaction that writes the journals.
    pub(crate) lock: String,
    /// The turn behind which the feed begins.
    pub(crate) told_from: u64,
    pub(crate) dialect: Dialect,
    pub(crate) url: String,
    /// The file of an embedded database.
    pub(crate) file: Option<File>,
    /// The lock of a serving process on the file.
    pub(crate) serving: Mutex<Option<std::fs::File>>,
    /// True if the database on a server is not the one that was opened.
    pub(crate) is_another: AtomicBool,
    pub(crate) write: Pool,
    pub(crate) read: Pool,
    /// The outcome of batches.
    pub(crate) writes: Course,
    /// The outcome of records of reads.
    pub(crate) records: Course,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) key: Arc<SigningKey>,
    /// The versions of the memorandum that entries may name.
    pub(crate) agreements: Agreements,
    pub(crate) heads: watch::Sender<Heads>,
    /// The ids of the officials who are barred.
    pub(crate) barred: watch::Sender<BTreeSet<String>>,
    /// The serving replicas; empty in a process that does not serve.
    pub(crate) replicas: watch::Sender<Replicas>,
    /// A notification that this replica has committed.
    pub(crate) wrote: Notify,
    /// A notification that this replica's announcement has changed.
    pub(crate) announced: Notify,
    pub(crate) faults: Faults,
    pub(crate) metrics: Metrics,
}

impl Inner {
    /// Passes a step of the writer, at which a test may let it fail or kill the process.
    pub(crate) fn fault(&self, step: &'static str) -> Result<(), Error> {
        match (self.faults)(step) {
            Fault::None => Ok(()),
            Fault::Lost => Err(Error::Database(sqlx::Error::PoolClosed)),
        }
    }
}

impl Inner {
    /// Checks that the database is the one that was opened.
    pub(crate) fn is_there(&self) -> Result<(), Error> {
        if self.is_another.load(Ordering::Relaxed) {
            return Err(another());
        }
        self.file.as_ref().map_or(Ok(()), File::check)
    }

    /// Notes whether a database that was asked for its id is the one that was opened.
    pub(crate) fn is_found(&self, same: bool) -> Result<(), Error> {
        self.is_another.store(!same, Ordering::Relaxed);
        if same { Ok(()) } else { Err(another()) }
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Transaction, Error> {
        self.is_there()?;
        Ok(self.write.begin().await?)
    }

    /// Ends the transaction. After an error it is unknown whether it took place, or known that it took place in a file
    /// that is gone.
    pub(crate) async fn commit(&self, transaction: Transaction) -> Result<(), Error> {
        transaction.commit().await?;
        self.is_there()
    }

    /// Begins a transaction that writes the journals, and gives the number of its commit. Only one exists at a time over all
    /// replicas, because it locks the row of the own head.
    pub(crate) async fn begin_writing(&self) -> Result<(Transaction, u64), Error> {
        self.is_there()?;
        let (transaction, locked) = match self.write.begin_with(&self.lock).await {
            // A database that was created again is empty at first.
            Err(error) if is_without_table(&error) => return Err(self.is_found(false).err().unwrap_or_else(another)),
            begun => begun?,
        };
        self.is_found(!locked.is_empty())?;
        let number = locked.first().map(|row| row.try_get(0)).transpose()?;
        Ok((transaction, count(number.unwrap_or_default())))
    }

    /// Publishes the heads after a commit of this replica. Another one may have committed since, and its heads may
    /// already be published. Nobody is woken by a commit that added nothing to the journals.
    pub(crate) fn publish(&self, heads: Heads) {
        self.heads.send_if_modified(|known| {
            if !heads.is_after(known) {
                return false;
            }
            let moved = !heads.has_same_journals(known);
            *known = heads;
            moved
        });
        self.wrote.notify_one();
    }
}

fn another() -> Error {
    Error::Replaced("database".to_owned())
}
