//! A service in memory: the surroundings that the sessions of the link have in a simulation. Whatever waits for a disk in
//! reality lets others go first here, so a process may end before and after each write.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    task::{Poll, Waker},
    time::Duration,
};

use prost::Message as _;
use renkei_book::{
    Agreements, CallOrigin, Cause, Command, Heads, HelloVerdict, Judged, Memory, Outcome, OwnPart, PeerHolds, Reopen,
    StoredEntry, Submission,
};
use renkei_domain::{
    moment::Moment,
    page::{Journal, Page},
};
use renkei_journal::{Draft, Head, SigningKey, chain};
use renkei_link::Host;
use renkei_proto::{
    journal::v1::{Fact, SaltedContent, SignedReceipt},
    link::v1::LinkStatus,
    r#type::v1::Agency,
};
use renkei_store::Error;
use tokio::sync::watch;

/// The time that passes in a history, in microseconds since 1970, and those who wait for it.
#[derive(Clone, Default)]
pub struct Time {
    now_us: Arc<AtomicI64>,
    waiting: Arc<Mutex<Vec<(i64, Waker)>>>,
}

impl Time {
    /// The present time.
    pub fn now_us(&self) -> i64 {
        self.now_us.load(Ordering::SeqCst)
    }

    /// Lets time pass, and wakes those who have waited for it.
    pub fn pass(&self, by_us: i64) {
        let now = self.now_us.fetch_add(by_us, Ordering::SeqCst) + by_us;
        locked(&self.waiting).retain(|(due, waker)| {
            if *due <= now {
                waker.wake_by_ref();
            }
            *due > now
        });
    }

    /// Waits.
    async fn wait(&self, time: Duration) {
        let due = self.now_us() + i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        poll_fn(|context| {
            if self.now_us() >= due {
                return Poll::Ready(());
            }
            locked(&self.waiting).push((due, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

/// A service in memory. Clones share everything.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    own: Agency,
    disk: Arc<Mutex<Memory>>,
    heads: watch::Sender<Heads>,
    key: SigningKey,
    time: Time,
    status: Mutex<LinkStatus>,
}

impl Service {
    /// A service on this database, which signs with this key.
    pub fn new(disk: Arc<Mutex<Memory>>, key: SigningKey, time: Time) -> Self {
        let (own, heads) = {
            let disk = locked(&disk);
            (disk.own(), disk.heads().clone())
        };
        let heads = watch::Sender::new(heads);
        Self(Arc::new(Inner { own, disk, heads, key, time, status: Mutex::default() }))
    }

    /// Its rows, locked.
    pub fn disk(&self) -> MutexGuard<'_, Memory> {
        locked(&self.0.disk)
    }

    /// The id of the key with which it signs.
    pub fn key_id(&self) -> String {
        self.0.key.key_id().to_owned()
    }

    /// Answers calls as one batch.
    pub fn submit(&self, submissions: &[Submission]) -> Vec<Outcome> {
        let mut disk = self.disk();
        let outcomes = disk.write(submissions, &self.0.key);
        self.0.heads.send_replace(disk.heads().clone());
        outcomes
    }

    /// Judges calls as one batch, which is written later.
    pub fn judge(&self, submissions: &[Submission]) -> Option<Judged> {
        self.disk().judge(submissions)
    }

    /// Writes a batch that was judged before.
    pub fn write_judged(&self, judged: Judged, submissions: &[Submission]) -> Vec<Outcome> {
        let mut disk = self.disk();
        let outcomes = disk.write_judged(judged, submissions, &self.0.key);
        self.0.heads.send_replace(disk.heads().clone());
        outcomes
    }

    /// Runs a command of the service itself at once.
    ///
    /// # Errors
    /// The reason for which it is declined.
    pub fn run<C: Command>(&self, name: &'static str, moment: Moment, command: C) -> Result<C::Reply, Error> {
        let submission = Submission::new(command, CallOrigin::own(name), moment);
        let outcome = self.submit(&[submission]).pop().ok_or(Error::Ended)?;
        C::Reply::decode(outcome?.as_slice()).map_err(|error| Error::Damaged(error.to_string()))
    }

    /// Writes a fact in a matter without judging it, as a faulty version does. Returns the id of the entry; `None` if the
    /// contract has no such entry.
    pub fn say(&self, moment: &Moment, matter: &str, fact: Fact, content: Option<SaltedContent>) -> Option<String> {
        let mut disk = self.disk();
        let (own, heads) = (self.0.own, disk.heads().clone());
        let journal = Journal::Of(own);
        let draft = Draft {
            entry_id: moment.id("faulty", 0),
            matter_prev: disk.pages().get(matter).map(|page| page.last_hash(journal)).unwrap_or_default(),
            matter: matter.to_owned(),
            content: content.into(),
            written_us: moment.now.as_microsecond().max(heads.last_us()),
            seen_peer_seq: heads.peer.seq,
            answers: 0,
            methods_version: 0,
            blobs: Vec::new(),
            unit: String::new(),
            traceparent: String::new(),
            fact: Fact { request_digest: Vec::new(), ..fact },
        };
        let chained = chain(draft, &heads.previous(own, journal, &Agreements::built_in())).ok()?;
        let (header, hash) = (chained.header().clone(), chained.hash());
        let (entry_id, signed) = (header.entry_id.clone(), chained.sign(&self.0.key));
        disk.hold(StoredEntry::new(journal, signed, header, hash, 0, moment.now.as_microsecond()));
        self.0.heads.send_replace(disk.heads().clone());
        Some(entry_id)
    }

    /// The command that opens a new incarnation.
    pub fn reopening_now(&self, cause: Cause) -> Reopen {
        let disk = self.disk();
        let again = disk.aside().iter().filter(|again| again.reason.is_empty()).cloned().collect();
        let bars_lost = cause != Cause::FetchedBack || !disk.is_private_whole();
        Reopen { again, cause, bars_lost }
    }

    /// Lets everybody else go first, once.
    async fn yields(&self) {
        let mut has_yielded = false;
        poll_fn(|context| {
            if std::mem::replace(&mut has_yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl Host for Service {
    fn own(&self) -> Agency {
        self.0.own
    }

    fn key(&self) -> &SigningKey {
        &self.0.key
    }

    fn heads(&self) -> watch::Receiver<Heads> {
        self.0.heads.subscribe()
    }

    async fn refresh(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn mend_ends(&self, _: &Moment) -> Result<(), Error> {
        // A database in memory never loses the end of a journal alone.
        Ok(())
    }

    async fn page(&self, matter: &str) -> Result<Option<Page>, Error> {
        Ok(self.disk().pages().get(matter).map(|page| Page::clone(page)))
    }

    async fn entry(&self, journal: Journal, seq: u64) -> Result<Option<StoredEntry>, Error> {
        Ok(self.disk().entry(journal, seq).cloned())
    }

    async fn entries(&self, journal: Journal, from: u64, limit: usize) -> Result<Vec<StoredEntry>, Error> {
        Ok(self.disk().entries(journal, from).take(limit).cloned().collect())
    }

    async fn receipt_given(&self) -> Result<Option<SignedReceipt>, Error> {
        Ok(self.disk().receipt_given().cloned())
    }

    async fn standing(&self, last: &PeerHolds) -> Result<HelloVerdict, Error> {
        let (disk, journal) = (self.disk(), Journal::Of(self.0.own));
        let head = &disk.heads().own;
        let hash = |seq| disk.entry(journal, seq).map(|entry| entry.hash);
        let receipt = disk.receipt(head.receipted).cloned();
        Ok(OwnPart { head, named: hash(last.head.seq), receipt, receipted: hash(head.receipted) }.verdict(last))
    }

    async fn rewind(&self, lost: Head, _: &Moment) -> Result<(), Error> {
        self.yields().await;
        let mut disk = self.disk();
        disk.rewind(lost);
        self.0.heads.send_replace(disk.heads().clone());
        Ok(())
    }

    async fn reopening(&self, cause: Cause) -> Result<Reopen, Error> {
        Ok(self.reopening_now(cause))
    }

    async fn write<C: Command>(&self, name: &'static str, moment: Moment, command: C) -> Result<C::Reply, Error> {
        self.yields().await;
        let written = self.run(name, moment, command);
        self.yields().await;
        written
    }

    fn say_link(&self, link: &LinkStatus) -> LinkStatus {
        std::mem::replace(&mut *locked(&self.0.status), link.clone())
    }

    async fn pause(&self, time: Duration) {
        self.0.time.wait(time).await;
    }

    async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        Some(work())
    }
}

/// The value under a lock.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
