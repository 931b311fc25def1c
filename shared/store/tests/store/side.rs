//! One agency's store on a database of its own, with a clock that counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use renkei_book::{Agreements, CallOrigin, Command, Heads, StoppedByPeer, Told};
use renkei_domain::{
    decide::decide_read,
    matter::Matter,
    moment::{Moment, Source},
    page::{Journal, Page, Seen},
    visibility::Reader,
};
use renkei_journal::{Lie, PublicKeys, SigningKey, generate_pkcs8, verify_all};
use renkei_proto::{FactKind, link::v1::Stop, options::v1::Role, r#type::v1::Agency, watch::v1::Event};
use renkei_store::{Error, Fault, Faults, JOURNALS, KeyRing, Options, Store, StoredEntry};
use renkei_telemetry::Metrics;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _, any::AnyRow};
use tokio::sync::mpsc;

use super::database::{Database, Engine, databases};

/// 2026-06-01T00:00:00Z in microseconds: in term 4, fiscal year 2026.
pub const START_US: i64 = 1_780_272_000_000_000;
/// The time limit of every test.
const BOUND: Duration = Duration::from_secs(120);
pub const OFFICIAL: &str = "a.tanaka";

/// Runs a test on an empty database of each kind.
pub fn on_each(test: impl AsyncFn(Database) + Sync) {
    at_once(databases().into_iter().map(|database| {
        let test = &test;
        (database.engine(), move || {
            let bounded = async { tokio::time::timeout(BOUND, test(database)).await };
            assert!(runtime().block_on(bounded).is_ok(), "the test took more than {BOUND:?}");
        })
    }));
}

/// Does the same for each kind of database at once; names the one that failed.
#[expect(clippy::print_stdout, reason = "a failing test shows on which database")]
pub fn at_once(runs: impl Iterator<Item = (Engine, impl FnOnce() + Send)>) {
    std::thread::scope(|scope| {
        let runs: Vec<_> = runs.map(|(engine, run)| (engine, scope.spawn(run))).collect();
        for (engine, run) in runs {
            if let Err(panic) = run.join() {
                println!("on {engine:?}");
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// An entry of ours that the peer has proved, and that is not the one here.
pub fn peer_held(seq: u64) -> renkei_journal::Head {
    renkei_journal::Head { seq, hash: [0; 32] }
}

/// The names of the kinds that a service speaks.
pub fn names(kinds: &[FactKind]) -> Vec<String> {
    kinds.iter().map(|kind| kind.name().to_owned()).collect()
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Moments a millisecond apart, each with other randomness. Sources of other numbers never give the same.
pub fn source(number: u64) -> Source {
    let count = AtomicU64::new(0);
    Source::new(move || {
        let n = count.fetch_add(1, Ordering::Relaxed);
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        seed[8..16].copy_from_slice(&n.to_be_bytes());
        let now = Timestamp::from_microsecond(START_US + i64::try_from(n).unwrap() * 1000).unwrap();
        Moment::new(now, seed)
    })
}

pub fn key_of(agency: Agency) -> SigningKey {
    let seed = if agency == Agency::Ppc { 1 } else { 2 };
    SigningKey::from_pkcs8(format!("{}-2026", agency.id()), &generate_pkcs8(&[seed; 32])).unwrap()
}

pub fn keys_of(agency: Agency) -> PublicKeys {
    let mut keys = PublicKeys::new();
    keys.add(key_of(agency).key_id(), key_of(agency).public_key(), 1).unwrap();
    keys
}

/// A ring of the keys with these names.
pub fn ring(names: &[&str]) -> KeyRing {
    let key = |name: &&str| ((*name).to_owned(), [name.as_bytes()[0]; 32].into());
    KeyRing::new(names.iter().map(key).collect()).unwrap()
}

pub fn no_faults() -> Faults {
    Arc::new(|_| Fault::None)
}

pub fn options(own: Agency, database: &Database) -> Options {
    options_at(own, database.url())
}

pub fn options_at(own: Agency, url: &str) -> Options {
    Options {
        url: url.to_owned(),
        own,
        replica: "one".to_owned(),
        ring: ring(&["first"]),
        key: key_of(own),
        faults: no_faults(),
        agreements: Agreements::built_in(),
        metrics: Metrics::none(),
    }
}

/// Removes contents, as an erasure does.
pub const ERASE: &str = "UPDATE entry SET nonce = NULL, ciphertext = NULL, wrapped_key = NULL, ring_key_id = NULL";

/// One agency's service, as far as the store is concerned.
pub struct Side {
    pub own: Agency,
    pub store: Store,
    pub source: Source,
    pub database: Database,
    calls: AtomicU64,
}

impl Side {
    /// Opens a side on an empty database.
    pub async fn new(own: Agency, database: Database) -> Self {
        Self::with(own, database, no_faults()).await
    }

    pub async fn with(own: Agency, database: Database, faults: Faults) -> Self {
        Store::migrate(database.url(), own, "store-of-tests", &renkei_store::silent).await.unwrap();
        let store = Store::open(Options { faults, ..options(own, &database) }).await.unwrap();
        Self::on(store, database, u64::from(own.id().as_bytes()[0]))
    }

    /// A side on a copy of a database, as after a restore. The clock starts again and its randomness differs.
    pub async fn restored(own: Agency, copy: Database) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1000);
        let store = Store::open(options(own, &copy)).await.unwrap();
        Self::on(store, copy, COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes a side of an open store. Sides with other numbers draw other moments and make other calls.
    pub fn on(store: Store, database: Database, number: u64) -> Self {
        Self { own: store.own(), store, source: source(number), database, calls: AtomicU64::new(number * 1000) }
    }

    /// Ends the service and starts it again on its database.
    pub async fn restart(self) -> Self {
        self.store.close().await;
        let store = Store::open(options(self.own, &self.database)).await.unwrap();
        Self { store, ..self }
    }

    /// Ends the service.
    pub async fn end(self) -> Database {
        self.store.close().await;
        self.database
    }

    /// A new call of an official.
    pub fn call(&self) -> CallOrigin {
        call(self.calls.fetch_add(1, Ordering::Relaxed))
    }

    /// Runs a command for an official.
    pub async fn act<C: Command>(&self, command: C) -> Result<C::Reply, Error> {
        self.act_as(self.call(), command).await
    }

    pub async fn act_as<C: Command>(&self, call: CallOrigin, command: C) -> Result<C::Reply, Error> {
        self.store.write("test", call, self.source.moment(), command).await
    }

    /// Runs a command of the service itself.
    pub async fn run<C: Command>(&self, command: C) -> Result<C::Reply, Error> {
        self.act_as(CallOrigin::own("test"), command).await
    }

    pub fn heads(&self) -> Heads {
        self.store.heads().borrow().clone()
    }

    /// All entries of a journal.
    pub async fn entries(&self, journal: Journal) -> Vec<StoredEntry> {
        let mut all: Vec<StoredEntry> = Vec::new();
        loop {
            let next = u64::try_from(all.len()).unwrap() + 1;
            let some = self.store.entries(journal, next, 100).await.unwrap();
            if some.is_empty() {
                return all;
            }
            all.extend(some);
        }
    }

    pub async fn own_entries(&self) -> Vec<StoredEntry> {
        self.entries(Journal::Of(self.own)).await
    }

    pub async fn peer_entries(&self) -> Vec<StoredEntry> {
        self.entries(Journal::Of(self.own.peer())).await
    }

    /// The whole feed. Its turns and those of private entries are gapless.
    pub async fn feed(&self) -> Vec<Event> {
        let mut all: Vec<Told> = Vec::new();
        loop {
            let after = all.last().map_or(0, |told| told.turn);
            let some = self.store.feed(after, 100).await.unwrap();
            if some.is_empty() {
                break;
            }
            all.extend(some);
        }
        let told = all.iter().map(|told| told.turn);
        let private = self.entries(Journal::Private).await.into_iter().map(|entry| entry.turn);
        let turns: BTreeSet<u64> = told.chain(private).collect();
        let untold = self.number("SELECT COUNT(*) FROM entry WHERE state IS NULL AND journal <> 'private'").await;
        let turns = turns.len() + usize::try_from(untold).unwrap();
        assert_eq!(u64::try_from(turns).unwrap(), self.heads().turn);
        all.into_iter().map(|told| told.event).collect()
    }

    /// All pages with an entry of an agency.
    pub async fn pages(&self) -> BTreeMap<String, Page> {
        let mut pages = BTreeMap::new();
        for row in self.rows("SELECT matter, page, local FROM page").await {
            let (page, local): (Vec<u8>, Vec<u8>) = (row.get(1), row.get(2));
            let page = Page::decode(&page, &local).unwrap();
            if !page.is_empty() {
                pages.insert(row.get(0), page);
            }
        }
        pages
    }

    /// Checks the properties that every database always has: journals verify, numbers and turns have no gap, heads are
    /// those of the journals, and pages are those that the journals give. Returns the bodies that lie.
    pub async fn audit(&self) -> Vec<Lie> {
        let (mut turns, mut lies) = (BTreeSet::new(), Vec::new());
        for journal in JOURNALS {
            let entries = self.entries(journal).await;
            let start = Agreements::built_in().start(self.own, journal);
            let author = start.author;
            for (held, seq) in entries.iter().zip(1..) {
                assert_eq!(held.header.seq, seq, "{journal:?}");
                assert!(turns.insert(held.turn), "turn {} twice", held.turn);
            }
            assert!(entries.windows(2).all(|two| two[0].turn < two[1].turn), "{journal:?} was folded out of order");
            let entries = entries.into_iter().map(|held| held.entry);
            let proven = verify_all(entries, &keys_of(author), start, |lie| lies.push(lie)).unwrap();
            assert_eq!(proven.last, self.store.previous(journal).await.unwrap(), "{journal:?}");
            assert_eq!(proven.head(), self.heads().of(self.own, journal).head(), "{journal:?}");
        }
        let folded = turns.len();
        for row in self.rows("SELECT turn FROM event").await {
            assert!(turns.insert(u64::try_from(row.get::<i64, _>(0)).unwrap()), "a turn is given twice");
        }
        let last = turns.last().copied().unwrap_or_default();
        assert!(last <= self.heads().turn);
        if self.heads().own.incarnation == 1 {
            assert_eq!(u64::try_from(turns.len()).unwrap(), self.heads().turn, "a turn is missing");
        }
        let rebuilt = self.store.rebuild(false).await.unwrap();
        assert_eq!(rebuilt.differing, Vec::<String>::new());
        assert_eq!(rebuilt.entries, u64::try_from(folded).unwrap());
        lies
    }

    /// The rows of a query that the store does not have.
    pub async fn rows(&self, sql: &str) -> Vec<AnyRow> {
        let mut connection = connect(&self.database).await;
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows
    }

    /// The one number that a query gives.
    pub async fn number(&self, sql: &str) -> i64 {
        self.rows(sql).await[0].get(0)
    }

    /// Changes the database without the store's knowledge.
    pub async fn tamper(&self, sql: &str) {
        tamper(&self.database, sql).await;
    }
}

/// A connection of the test's own, with which it reads and changes what the service does not let it.
pub async fn connect(database: &Database) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(database.url()).await.unwrap()
}

pub async fn tamper(database: &Database, sql: &str) {
    let mut connection = connect(database).await;
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A call of an official with the `n`th request id; its digest is that of one request.
pub fn call(n: u64) -> CallOrigin {
    let mut digest = [0xd1; 32];
    digest[..8].copy_from_slice(&n.to_be_bytes());
    CallOrigin {
        caller: "spiffe://ppc/desk/intake".to_owned(),
        official: OFFICIAL.to_owned(),
        unit: "intake-1".to_owned(),
        purpose: "incident-response".to_owned(),
        method: "/renkei.test/Act".to_owned(),
        request_id: format!("0e000000-0000-4000-8000-{n:012x}"),
        digest: digest.to_vec(),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
    }
}

/// Stops the writer before a batch, so that the commands that are queued meanwhile make one batch.
#[derive(Clone)]
pub struct Gate(Arc<GateState>);

struct GateState {
    closed: Mutex<bool>,
    opened: Condvar,
    steps: mpsc::UnboundedSender<&'static str>,
}

impl Gate {
    /// An open gate, and the steps of the writer.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<&'static str>) {
        let (steps, seen) = mpsc::unbounded_channel();
        (Self(Arc::new(GateState { closed: Mutex::new(false), opened: Condvar::new(), steps })), seen)
    }

    pub fn set(&self, closed: bool) {
        *self.0.closed.lock().unwrap() = closed;
        self.0.opened.notify_all();
    }

    /// Passes each step to `then` when the gate lets it.
    pub fn faults(&self, then: Faults) -> Faults {
        let state = Arc::clone(&self.0);
        Arc::new(move |step| {
            // A test that has ended no longer listens.
            let _ = state.steps.send(step);
            if step == "begin" {
                let closed = state.closed.lock().unwrap();
                let _open = state.opened.wait_timeout_while(closed, BOUND, |closed| *closed).unwrap();
            }
            then(step)
        })
    }
}

/// The writer is stopped, so that the commands that are queued from now on make one batch.
pub struct Batch<'a> {
    gate: &'a Gate,
    steps: &'a mut mpsc::UnboundedReceiver<&'static str>,
    held: Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>,
}

impl<'a> Batch<'a> {
    /// Stops the writer at a batch of its own. The gate must be among the side's faults.
    pub async fn hold(side: &'a Side, gate: &'a Gate, steps: &'a mut mpsc::UnboundedReceiver<&'static str>) -> Self {
        while steps.try_recv().is_ok() {}
        gate.set(true);
        let mut held: Pin<Box<dyn Future<Output = _>>> = Box::pin(side.run(StoppedByPeer { stop: Stop::default() }));
        assert!(futures::poll!(&mut held).is_pending());
        assert_eq!(steps.recv().await, Some("begin"));
        Self { gate, steps, held }
    }

    /// Lets the writer continue, and waits until the batch is written.
    pub async fn release(self) {
        self.gate.set(false);
        self.held.await.unwrap();
        // The batch at which the writer was stopped had nothing to commit.
        while self.steps.recv().await.unwrap() != "after commit" {}
        assert!(self.steps.try_recv().is_err(), "it was more than one batch");
    }
}

/// Fails at each of these steps once, at the first time that the writer comes there.
pub fn losing(steps: &[&'static str]) -> Faults {
    let left = Mutex::new(steps.to_vec());
    Arc::new(move |step| {
        let mut left = left.lock().unwrap();
        match left.iter().position(|it| *it == step) {
            Some(place) => {
                left.remove(place);
                Fault::Lost
            }
            None => Fault::None,
        }
    })
}

/// The content of an entry, read as somebody who may read its matter.
pub async fn content(store: &Store, journal: Journal, seq: u64) -> Result<Option<Vec<u8>>, Error> {
    let Some(held) = store.entry(journal, seq).await? else { return Ok(None) };
    let matter = Matter::of(&held.header.matter);
    let page = store.page(&held.header.matter).await?.unwrap_or_default();
    let reader = Reader { roles: vec![Role::Intake], ..Reader::default() };
    let permit = decide_read(store.own(), &matter, Seen::whole(&page), &reader, Timestamp::UNIX_EPOCH).unwrap();
    store.content(&permit, journal, seq).await
}
