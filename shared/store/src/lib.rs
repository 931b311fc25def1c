//! The store: all SQL and nothing but SQL.
//!
//! One task writes ([`Store::write`]); everybody reads. A command runs on a [`Stage`] of pages in memory and is committed
//! with its whole batch: entries, pages, feed, audit and replies in one transaction.

mod anchor;
pub mod arrive;
mod audit;
mod bulk;
pub mod clock;
mod code;
mod command;
mod condition;
mod connection;
mod content;
mod dialect;
mod error;
mod head;
mod inner;
mod load;
mod migration;
mod officials;
mod owed;
mod place;
mod proof;
mod read;
mod read_audit;
mod rebuild;
mod receipt;
pub mod recover;
mod replica;
mod save;
mod seal;
mod stage;
mod statements;
mod writer;

use std::sync::{Arc, Mutex, atomic::AtomicBool};

use prost::Message as _;
use renkei_domain::{memorandum, moment::Moment, page::Journal};
use renkei_journal::SigningKey;
use renkei_proto::r#type::v1::Agency;
use renkei_telemetry::Metrics;
use tokio::{
    runtime::Handle,
    sync::{Notify, mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::condition::Course;
pub use crate::{
    anchor::PrivateStanding,
    audit::{ChainHead, Recorded, StoredRecord},
    command::{Caller, Command},
    condition::Condition,
    content::KeyRing,
    dialect::Dialect,
    error::Error,
    head::{Heads, JournalHead},
    inner::{Fault, Faults},
    migration::KNOWN as SCHEMA,
    owed::Settle,
    place::file_of,
    proof::{Misplaced, ReceiptRow},
    read::{Answer, BYTES, Listed, Room, StoredEntry},
    rebuild::Rebuilt,
    receipt::{SignReceipt, TakeReceipt},
    replica::{Replica, Replicas},
    stage::{Stage, content, etag},
    statements::statements,
    writer::{BATCH, QUEUE},
};

/// How a store is opened.
pub struct Options {
    /// `sqlite:path` or `postgres://…`.
    pub url: String,
    /// Whose service this is.
    pub own: Agency,
    /// The name of this replica: configured and stable; names its audit chains.
    pub replica: String,
    /// The keys that wrap the matters' keys.
    pub ring: KeyRing,
    /// The key that signs entries.
    pub key: SigningKey,
    /// Steps at which a test lets something fail.
    pub faults: Faults,
    /// Where metrics go.
    pub metrics: Metrics,
}

/// A handle on the store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<inner::Inner>,
    queue: mpsc::Sender<writer::Job>,
    reads: mpsc::Sender<read_audit::Reading>,
    closing: watch::Sender<bool>,
    ended: watch::Receiver<bool>,
}

impl Store {
    /// Opens a database that is set up and starts the writer.
    ///
    /// # Errors
    /// When the database is not there or does not answer, belongs to the other agency or has another schema.
    pub async fn open(options: Options) -> Result<Self, Error> {
        let dialect = dialect_of(&options.url)?;
        let dialect::Connected { write, read, file } = dialect::connect(dialect, &options.url, false).await?;
        let identity = migration::check(&read, dialect, options.own).await?;
        let rows = sqlx::query(head::SELECT).fetch_all(&read).await?;
        let (heads, _) = watch::channel(head::read(options.own, &rows)?);
        let officials = officials::officials(&read, options.own, &options.ring, &options.metrics).await?;
        let (barred, _) = watch::channel(officials::barred(&officials));
        let inner = Arc::new(inner::Inner {
            own: options.own,
            replica: options.replica,
            store_id: identity.store_id,
            dialect,
            url: options.url,
            file,
            serving: Mutex::default(),
            is_another: AtomicBool::new(false),
            writes: Course::default(),
            records: Course::default(),
            write,
            read,
            ring: options.ring,
            key: Arc::new(options.key),
            heads,
            barred,
            replicas: watch::Sender::default(),
            wrote: Notify::new(),
            said: Notify::new(),
            faults: options.faults,
            metrics: options.metrics,
        });
        if !identity.sealed {
            rebuild::seal_all(&inner).await?;
        }
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (reads, reading) = mpsc::channel(read_audit::QUEUE);
        let (closing, closing_seen) = watch::channel(false);
        let (ending, ended) = watch::channel(false);
        let writing = on_its_thread(dialect, writer::run(Arc::clone(&inner), waiting, closing_seen.clone()));
        let recording = on_its_thread(dialect, read_audit::run(Arc::clone(&inner), reading, closing_seen));
        tokio::spawn(async move {
            let (wrote, recorded) = tokio::join!(writing, recording);
            if let Err(error) = wrote.and(recorded) {
                tracing::error!(%error, "a task of the store broke down");
            }
            // Nobody may be waiting for the end any more.
            let _ = ending.send(true);
        });
        Ok(Self { inner, queue, reads, closing, ended })
    }

    /// Sets up or upgrades a database; makes the file of SQLite. Gives the number of migrations that ran. `store_id` names a new database.
    ///
    /// # Errors
    /// When the database does not answer or is of a newer schema.
    pub async fn migrate(url: &str, own: Agency, store_id: &str) -> Result<i64, Error> {
        migrated(url, own, Some(store_id)).await
    }

    /// Upgrades a database that was set up before. Gives the number of migrations that ran.
    ///
    /// # Errors
    /// When there is none, it does not answer or is of a newer schema.
    pub async fn upgrade(url: &str, own: Agency) -> Result<i64, Error> {
        migrated(url, own, None).await
    }

    /// Runs a command and waits until it is durable. A call of the service itself waits for a place in the queue.
    ///
    /// # Errors
    /// The command's refusal, or why it was not written.
    pub async fn write<C: Command>(
        &self,
        name: &'static str,
        call: Caller,
        moment: Moment,
        command: C,
    ) -> Result<C::Reply, Error> {
        let (done, reply) = oneshot::channel();
        let is_desk = !call.request_id.is_empty();
        let span = renkei_telemetry::span::write(name);
        let job = writer::Job { command: Box::new(command), call, moment, done, span: span.clone() };
        let waiting = async {
            if is_desk {
                self.queue.try_send(job).map_err(|full| match full {
                    mpsc::error::TrySendError::Full(_) => Error::Busy { limit: QUEUE },
                    mpsc::error::TrySendError::Closed(_) => Error::Ended,
                })?;
            } else {
                self.queue.send(job).await.map_err(|_| Error::Ended)?;
            }
            reply.await.map_err(|_| Error::Ended)?
        };
        let bytes = tracing::Instrument::instrument(waiting, span).await?;
        C::Reply::decode(bytes.as_slice()).map_err(|error| Error::Damaged(format!("a stored reply: {error}")))
    }

    /// Records that secret material was read, and waits until that is durable. Nothing is handed out before.
    ///
    /// # Errors
    /// `AuditUnavailable`.
    pub async fn record_read(&self, call: &Caller, matter: &str, outcome: &str, moment: &Moment) -> Result<(), Error> {
        let (done, recorded) = oneshot::channel();
        let record = audit::Record {
            call: call.clone(),
            matter: matter.to_owned(),
            outcome: outcome.to_owned(),
            at_us: moment.now.as_microsecond(),
        };
        let reading = read_audit::Reading { record, done };
        self.reads.try_send(reading).map_err(|_| Error::AuditUnavailable)?;
        recorded.await.map_err(|_| Error::AuditUnavailable)?
    }

    /// Tries whether the database can be written, and changes nothing.
    ///
    /// # Errors
    /// Why it cannot.
    pub async fn try_writing(&self) -> Result<(), Error> {
        let mut transaction = self.inner.begin_writing().await?;
        let take = sqlx::query(head::TAKE).bind(self.inner.own.id()).bind(self.id());
        take.execute(&mut *transaction).await?;
        // Never committed, so it is rolled back.
        drop(transaction);
        Ok(())
    }

    /// The ids of the officials who are barred, after every commit of this replica.
    pub fn barred(&self) -> watch::Receiver<std::collections::BTreeSet<String>> {
        self.inner.barred.subscribe()
    }

    /// Whose service this is.
    pub fn own(&self) -> Agency {
        self.inner.own
    }

    /// The database's own id: cursors are bound to it.
    pub fn id(&self) -> &str {
        &self.inner.store_id
    }

    /// The key that signs entries and receipts.
    pub fn key(&self) -> &SigningKey {
        &self.inner.key
    }

    /// The heads of the journals, after every commit of this replica.
    pub fn heads(&self) -> watch::Receiver<Heads> {
        self.inner.heads.subscribe()
    }

    /// Ends the writer after what waits is written, and closes the database.
    pub async fn close(&self) {
        self.closing.send_replace(true);
        let mut ended = self.ended.clone();
        // An error means that the writer is gone already.
        let _ = ended.wait_for(|ended| *ended).await;
        self.leave().await;
        self.inner.write.close().await;
        self.inner.read.close().await;
    }
}

/// Sets up a database under an id, or upgrades one that is there.
async fn migrated(url: &str, own: Agency, store_id: Option<&str>) -> Result<i64, Error> {
    let dialect = dialect_of(url)?;
    let database = dialect::connect(dialect, url, store_id.is_some()).await?;
    let ran = migration::migrate(&database.write, dialect, own, store_id).await?;
    migration::check(&database.read, dialect, own).await?;
    database.write.close().await;
    database.read.close().await;
    Ok(ran)
}

/// Runs what writes. SQLite works on a thread of its own, and wakes a task that has one too directly: on the runtime's
/// threads each statement woke one more of them for nothing.
fn on_its_thread(dialect: Dialect, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    if dialect.is_shared() {
        return tokio::spawn(task);
    }
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(task))
}

fn dialect_of(url: &str) -> Result<Dialect, Error> {
    let wrong = || sqlx::Error::Configuration("the database's URL begins with sqlite: or postgres:".into());
    Ok(Dialect::of(url).ok_or_else(wrong)?)
}

/// The journals of both agencies and the private one.
pub const JOURNALS: [Journal; 3] = [Journal::Of(Agency::Ppc), Journal::Of(Agency::Ipa), Journal::Private];

/// The digest of the agreement that stands in every entry.
pub fn agreement_digest() -> [u8; 32] {
    memorandum::agreement_digest()
}
