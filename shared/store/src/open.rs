//! Opening, setting up and closing a database.

use std::sync::{Arc, Mutex, atomic::AtomicBool};

use renkei_book::Agreements;
use renkei_journal::SigningKey;
use renkei_proto::r#type::v1::Agency;
use renkei_telemetry::Metrics;
use tokio::{
    runtime::Handle,
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
};

use crate::{
    connect::{Connected, connect},
    content::KeyRing,
    course::Course,
    dialect::Dialect,
    erase,
    error::Error,
    head,
    inner::{Faults, Inner},
    job::QUEUE,
    migration::{self, Progress},
    officials, read_audit, rebuild,
    store::Store,
    writer,
};

/// The settings with which a store is opened.
pub struct Options {
    /// `sqlite:path` or `postgres://…`.
    pub url: String,
    /// The agency of this service.
    pub own: Agency,
    /// The configured and stable name of this replica. Its audit chains are named after it.
    pub replica: String,
    /// The keys that wrap the contents' keys.
    pub ring: KeyRing,
    /// The key that signs entries.
    pub key: SigningKey,
    /// The versions of the memorandum that entries may name.
    pub agreements: Agreements,
    /// Steps at which a test lets something fail.
    pub faults: Faults,
    /// The metrics of the service.
    pub metrics: Metrics,
}

impl Store {
    /// Opens a database that is set up, and starts the writer.
    ///
    /// # Errors
    /// A database that is missing, does not answer, belongs to the other agency or has another schema.
    pub async fn open(options: Options) -> Result<Self, Error> {
        let dialect = dialect_of(&options.url)?;
        let database = connect(dialect, &options.url, false).await?;
        // On the heap, so that its many steps are not part of the state of every caller.
        let begun = Box::pin(Self::begun(options, dialect, &database)).await;
        if begun.is_err() {
            database.close().await;
        }
        begun
    }

    async fn begun(options: Options, dialect: Dialect, database: &Connected) -> Result<Self, Error> {
        let Connected { write, read, file } = database.clone();
        let identity = migration::check(&read, dialect, options.own).await?;
        let (heads, _) = watch::channel(head::read(&mut read.acquire().await?, options.own).await?);
        let officials = officials::officials(&read, options.own, &options.ring, &options.metrics).await?;
        let (barred, _) = watch::channel(officials::barred(&officials));
        let inner = Arc::new(Inner {
            own: options.own,
            replica: options.replica,
            lock: head::lock_text(options.own, &identity.store_id),
            store_id: identity.store_id,
            told_from: identity.told_from,
            dialect,
            url: options.url,
            file,
            serving: Mutex::default(),
            is_another: AtomicBool::new(false),
            writes: Course::default(),
            records: Course::default(),
            write,
            read,
            ring: Arc::new(options.ring),
            key: Arc::new(options.key),
            agreements: options.agreements,
            heads,
            barred,
            replicas: watch::Sender::default(),
            wrote: Notify::new(),
            announced: Notify::new(),
            faults: options.faults,
            metrics: options.metrics,
        });
        if !identity.sealed {
            rebuild::seal_all(&inner).await?;
        }
        erase::clean(&inner).await;
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

    /// Sets up or upgrades a database, and creates the file of SQLite. Returns the number of migrations that ran.
    /// `store_id` names a new database.
    ///
    /// # Errors
    /// A database that does not answer or has a newer schema.
    pub async fn migrate(url: &str, own: Agency, store_id: &str, progress: Progress<'_>) -> Result<i64, Error> {
        migrated(url, own, Some(store_id), progress).await
    }

    /// Upgrades a database that was set up before. Returns the number of migrations that ran.
    ///
    /// # Errors
    /// A database that is missing, does not answer or has a newer schema.
    pub async fn upgrade(url: &str, own: Agency, progress: Progress<'_>) -> Result<i64, Error> {
        migrated(url, own, None, progress).await
    }

    /// Ends the writer after it has written the waiting commands, and closes the database.
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

/// Sets up a database under an id, or upgrades an existing one.
async fn migrated(url: &str, own: Agency, store_id: Option<&str>, progress: Progress<'_>) -> Result<i64, Error> {
    let dialect = dialect_of(url)?;
    let database = connect(dialect, url, store_id.is_some()).await?;
    let migrating = async {
        let ran = migration::migrate(&database, dialect, own, store_id, progress).await?;
        migration::check(&database.read, dialect, own).await?;
        Ok(ran)
    };
    let ran = migrating.await;
    database.close().await;
    ran
}

/// Runs a task that writes. SQLite works on a thread of its own. If the task has its own thread too, SQLite wakes it
/// directly; on the runtime's threads each statement would wake one more thread for nothing.
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
