//! One agency of a history: its database, its backups, its clock and its keys, and the process that serves from them.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use renkei_book::{Begin, Cause, Command, Memory, Outcome, Settle, Stage, Submission};
use renkei_domain::{
    matter::Matter,
    memorandum::Memorandum,
    moment::{Moment, Source},
    noun::{journal as journal_rules, registry},
    page::{Journal, MarkView as _, Seen},
    read_set::ReadSet,
    refusal::Refusal,
    timekeeper::Timekeeper,
};
use renkei_journal::{PublicKeys, SigningKey, generate_pkcs8};
use renkei_link::{Link, Settings};
use renkei_proto::{
    FactKind,
    journal::v1::{KeyAdded, KeyRevoked, fact},
    r#type::v1::Agency,
};
use renkei_telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use crate::{
    draw::Draw,
    host::{Service, Time, locked},
    requests::Requests,
};

/// The units of both agencies.
pub const UNITS: [&str; 2] = ["incident-response", "policy"];
/// The most keys that an agency uses in a history.
const KEYS: u8 = 4;

/// The running process of an agency.
pub struct Process {
    /// The service with its database and its key.
    pub service: Service,
    /// The link, as the sessions of this process share it.
    pub link: Link<Service>,
    source: Source,
    draining: CancellationToken,
}

impl Process {
    /// True once it was asked to end.
    pub fn drains(&self) -> bool {
        self.draining.is_cancelled()
    }
}

/// One agency.
pub struct Side {
    /// Whose database, clock and keys these are.
    pub own: Agency,
    /// The process; `None` while it is down.
    pub process: Option<Process>,
    /// The makers of requests by its clock.
    pub requests: Requests,
    /// The copies of its database, each with the number of its operation.
    pub backups: Vec<(usize, Memory)>,
    /// True if it dials the peer.
    pub dials: bool,
    /// True once a copy of its database was put in the place of the newer one, or entries were given up.
    pub has_lost: bool,
    /// The newest kind of fact that the version that is installed does not know.
    pub unknown: Option<FactKind>,
    /// The number of the key that the configuration names.
    configured: u8,
    disk: Arc<Mutex<Memory>>,
    time: Time,
    /// The difference between its wall clock and the true time, in microseconds.
    skew_us: Arc<AtomicI64>,
    /// The time until which it is known to have run with a right clock.
    ran_until: Option<Timestamp>,
    seed: [u8; 32],
    /// The number of moments drawn so far.
    moments: Arc<AtomicU64>,
}

impl Side {
    /// An agency that has never served.
    pub fn new(own: Agency, time: Time, draw: &mut Draw) -> Self {
        let skew_us = Arc::new(AtomicI64::new(0));
        let wall = wall(&time, &skew_us);
        Self {
            own,
            process: None,
            requests: Requests::new(own, draw.bytes(), wall),
            backups: Vec::new(),
            dials: true,
            has_lost: false,
            unknown: None,
            configured: 0,
            disk: Arc::new(Mutex::new(Memory::new(own))),
            time,
            skew_us,
            ran_until: None,
            seed: draw.bytes(),
            moments: Arc::default(),
        }
    }

    /// Its database, locked, whether or not a process runs.
    pub fn disk(&self) -> MutexGuard<'_, Memory> {
        locked(&self.disk)
    }

    /// The time that its wall clock shows.
    pub fn wall(&self) -> Timestamp {
        self.requests.now()
    }

    /// The difference between its wall clock and the true time, in microseconds.
    pub fn skew_us(&self) -> i64 {
        self.skew_us.load(Ordering::SeqCst)
    }

    /// Sets the wall clock.
    pub fn set_skew(&self, us: i64) {
        self.skew_us.store(us, Ordering::SeqCst);
    }

    /// The moment of a call; `None` while no process runs.
    pub fn moment(&self) -> Option<Moment> {
        self.process.as_ref().map(|process| process.source.moment())
    }

    /// Answers calls as one batch. `None` while no process runs.
    pub fn submit(&self, submissions: &[Submission]) -> Option<Vec<Outcome>> {
        Some(self.process.as_ref()?.service.submit(submissions))
    }

    /// Runs a command of the service itself. `None` while no process runs.
    pub fn run<C: Command>(&self, name: &'static str, command: C) -> Option<Result<C::Reply, renkei_store::Error>> {
        let process = self.process.as_ref()?;
        Some(process.service.run(name, process.source.moment(), command))
    }

    /// Starts the process, as a service starts: it compares its clock, opens a new incarnation on a copy, announces its
    /// kinds and settles what it owes. Returns the sentence of what it found, for the story.
    pub fn start(&mut self, known: &KnownKeys) -> String {
        if self.process.is_some() {
            return "runs already".to_owned();
        }
        let key = self.key(known);
        let named = key.key_id().to_owned();
        let service = Service::new(Arc::clone(&self.disk), key, self.time.clone());
        let source = self.source();
        if let Some(keeper) = source.keeper() {
            keeper.ran_until(self.ran_until);
        }
        let kinds = self.kinds();
        let draining = CancellationToken::new();
        let link = Link::new(Settings {
            host: service.clone(),
            source: source.clone(),
            peer_keys: first_key(self.own.peer()),
            own_keys: all_keys(self.own),
            kinds: kinds.clone(),
            units: Arc::new(units()),
            is_dialled_only: !self.dials,
            memorandum: Memorandum::built_in(),
            metrics: Metrics::none(),
            draining: draining.clone(),
        });
        let is_copy = service.disk().is_marked();
        let is_doubted = source.keeper().and_then(Timekeeper::doubt).is_some();
        if is_copy && is_doubted {
            return "does not start: it is a copy, and its clock is doubted".to_owned();
        }
        self.process = Some(Process { service: service.clone(), link, source, draining });
        let mut found = vec![format!("starts with the key {named}")];
        if is_copy {
            let reopened = self.run("reopen", service.reopening_now(Cause::Copy));
            found.push(format!("its database is a copy: {}", outcome(reopened)));
        }
        let spoken = kinds.iter().map(|kind| kind.name().to_owned()).collect();
        found.push(format!("begins: {}", outcome(self.run("begin", Begin { kinds: spoken }))));
        let owed = self.owed();
        if !owed.is_empty() {
            let settle = Settle { matters: owed, units: units() };
            found.push(format!("settles: {}", outcome(self.run("settle", settle))));
        }
        found.join(", ")
    }

    /// The matters in which it may owe another fact.
    fn owed(&self) -> Vec<Matter> {
        let disk = self.disk();
        let kinds: BTreeSet<_> = registry::settled_at_start().collect();
        let mut owed = Vec::new();
        for (name, page) in disk.pages() {
            let matter = Matter::of(name);
            let duties = registry::of(&matter).duties(self.own, &matter, Seen::whole(page));
            if matter.opener != self.own && duties.iter().any(|duty| kinds.contains(&duty.kind)) {
                owed.push(matter);
            }
        }
        owed
    }

    /// Ends the process at once, as a power failure does.
    pub fn crash(&mut self) {
        if let Some(process) = self.process.take() {
            self.note_run(&process);
        }
    }

    /// Asks the process to end: its sessions say goodbye.
    pub fn drain(&self) {
        if let Some(process) = &self.process {
            process.draining.cancel();
        }
    }

    /// Notes until when the process has run, as long as its clock is right.
    pub fn note_run_now(&mut self) {
        if let Some(process) = self.process.take() {
            self.note_run(&process);
            self.process = Some(process);
        }
    }

    /// An operator confirms the clock of a service that is down.
    pub fn confirm_clock(&mut self) {
        self.ran_until = Some(self.wall());
    }

    fn note_run(&mut self, process: &Process) {
        let moment = process.source.moment();
        if !moment.basis.is_doubted() {
            self.ran_until = Some(moment.now);
        }
    }

    /// Puts another database in the place of its own.
    pub fn restore(&mut self, database: Memory) {
        *self.disk() = database;
        self.has_lost = true;
    }

    /// The judge of the process's clock.
    pub fn keeper(&self) -> Option<&Timekeeper> {
        self.process.as_ref().and_then(|process| process.source.keeper())
    }

    /// True if the wall clock of the process is doubted.
    pub fn is_clock_doubted(&self) -> bool {
        self.keeper().and_then(Timekeeper::doubt).is_some()
    }

    fn source(&self) -> Source {
        let begun = self.time.now_us();
        let time = self.time.clone();
        let steady = move || Duration::from_micros(u64::try_from(time.now_us() - begun).unwrap_or_default());
        let keeper = Timekeeper::new(wall(&self.time, &self.skew_us), steady);
        let (moments, seed) = (Arc::clone(&self.moments), Moment::new(Timestamp::UNIX_EPOCH, self.seed));
        Source::judged(keeper, move || seed.bytes("moment", moments.fetch_add(1, Ordering::SeqCst)))
    }

    /// The kinds that the installed version speaks.
    fn kinds(&self) -> BTreeSet<FactKind> {
        FactKind::ALL.iter().copied().filter(|kind| Some(*kind) != self.unknown).collect()
    }

    /// The key with which the process signs: that of the configuration, or the newest one that the peer knows if it does
    /// not know that one. Operators ask each other before they install a key.
    fn key(&self, known: &KnownKeys) -> SigningKey {
        let usable = (0..=self.configured).rev().find(|n| known.is_in_force(self.own, *n));
        key_of(self.own, usable.unwrap_or(self.configured))
    }

    /// Installs the newest key whose entry the peer has, for the next start, if it is not installed yet.
    pub fn install_key(&mut self) -> Option<String> {
        let disk = self.disk();
        let page = disk.view().page(&journal_rules::name(self.own));
        let receipted = disk.heads().own.receipted;
        let (_, added) = page.all_of::<KeyAdded>(self.own).filter(|(mark, _)| mark.seq <= receipted).last()?;
        let (newest, key_id) = (number_of(self.own, &added.key_id)?, added.key_id.clone());
        drop(disk);
        if newest == self.configured {
            return None;
        }
        self.configured = newest;
        Some(key_id)
    }

    /// The command that adds the next key to the own journal; `None` if there is none left.
    pub fn next_key(&self) -> Option<KeyFact> {
        let disk = self.disk();
        let page = disk.view().page(&journal_rules::name(self.own));
        let added = page.all_of::<KeyAdded>(self.own).filter_map(|(_, it)| number_of(self.own, &it.key_id)).max();
        let next = added.unwrap_or(0) + 1;
        let key = (next < KEYS).then(|| key_of(self.own, next))?;
        let added = KeyAdded { key_id: key.key_id().to_owned(), public_key: key.public_key().to_vec() };
        Some(KeyFact { own: self.own, fact: fact::Fact::KeyAdded(added) })
    }

    /// The command that revokes the key before the one with which the process signs; `None` if there is no such key, or if
    /// it is revoked.
    pub fn former_key(&self) -> Option<KeyFact> {
        let signs = self.process.as_ref()?.service.key_id();
        let key_id = key_id(self.own, number_of(self.own, &signs)?.checked_sub(1)?);
        let disk = self.disk();
        let page = disk.view().page(&journal_rules::name(self.own));
        let is_revoked = page.all_of::<KeyRevoked>(self.own).any(|(_, it)| it.key_id == key_id);
        if is_revoked {
            return None;
        }
        Some(KeyFact { own: self.own, fact: fact::Fact::KeyRevoked(KeyRevoked { key_id }) })
    }

    /// A key that the own journal has revoked.
    pub fn revoked_key(&self) -> Option<SigningKey> {
        let disk = self.disk();
        let page = disk.view().page(&journal_rules::name(self.own));
        let (_, revoked) = page.last::<KeyRevoked>(self.own)?;
        number_of(self.own, &revoked.key_id).map(|n| key_of(self.own, n))
    }

    /// True if the entry that revokes this key of the peer is stored here.
    pub fn knows_revocation(&self, key_id: &str) -> bool {
        self.known_keys().revoked.contains(key_id)
    }

    /// The keys of the peer that are in force by its journal as it is stored here.
    pub fn known_keys(&self) -> KnownKeys {
        let disk = self.disk();
        let page = disk.view().page(&journal_rules::name(self.own.peer()));
        let mut known = KnownKeys::default();
        for mark in page.all(self.own.peer()) {
            match mark.stated() {
                Some(fact::Fact::KeyAdded(it)) => known.added.insert(it.key_id.clone()),
                Some(fact::Fact::KeyRevoked(it)) => known.revoked.insert(it.key_id.clone()),
                _ => false,
            };
        }
        known
    }

    /// The entries of a journal as they are stored here.
    pub fn journal(&self, author: Agency) -> Vec<renkei_proto::journal::v1::Entry> {
        self.disk().entries(Journal::Of(author), 1).map(|stored| stored.entry.clone()).collect()
    }
}

fn wall(time: &Time, skew_us: &Arc<AtomicI64>) -> impl Fn() -> Timestamp + Send + Sync + use<> {
    let (time, skew_us) = (time.clone(), Arc::clone(skew_us));
    move || {
        let shown = time.now_us() + skew_us.load(Ordering::SeqCst);
        Timestamp::from_microsecond(shown).unwrap_or(Timestamp::MAX)
    }
}

/// The keys of an agency that its peer knows.
#[derive(Default)]
pub struct KnownKeys {
    added: BTreeSet<String>,
    revoked: BTreeSet<String>,
}

impl KnownKeys {
    fn is_in_force(&self, agency: Agency, n: u8) -> bool {
        let key_id = key_id(agency, n);
        (n == 0 || self.added.contains(&key_id)) && !self.revoked.contains(&key_id)
    }
}

fn number_of(agency: Agency, named: &str) -> Option<u8> {
    (0..KEYS).find(|n| key_id(agency, *n) == named)
}

/// The units of an agency.
pub fn units() -> BTreeSet<String> {
    UNITS.map(str::to_owned).into()
}

fn key_id(agency: Agency, n: u8) -> String {
    format!("{}-{}", agency.id(), 2026 + u32::from(n))
}

/// The nth key of an agency.
fn key_of(agency: Agency, n: u8) -> SigningKey {
    let seed = [if agency == Agency::Ppc { 2 * n + 1 } else { 2 * n + 2 }; 32];
    let pair = generate_pkcs8(&seed);
    // The form of the id and of the key are those that the function above gives.
    SigningKey::from_pkcs8(key_id(agency, n), &pair).unwrap_or_else(|_| unreachable!("a generated key is a key"))
}

/// The key of an agency that the peer has from the configuration.
pub fn first_key(agency: Agency) -> PublicKeys {
    keys(agency, 0..1)
}

/// All keys of an agency, as its own configuration has them.
fn all_keys(agency: Agency) -> PublicKeys {
    keys(agency, 0..KEYS)
}

fn keys(agency: Agency, numbers: std::ops::Range<u8>) -> PublicKeys {
    let mut keys = PublicKeys::new();
    for key in numbers.map(|n| key_of(agency, n)) {
        // A set of so few keys with different ids accepts each of them.
        let _ = keys.add(key.key_id(), key.public_key(), 1);
    }
    keys
}

/// The outcome of a command for the story.
pub fn outcome<T>(done: Option<Result<T, renkei_store::Error>>) -> String {
    match done {
        None => "the process is down".to_owned(),
        Some(Ok(_)) => "done".to_owned(),
        Some(Err(error)) => error.reason().id().to_owned(),
    }
}

/// A fact about the own keys.
pub struct KeyFact {
    own: Agency,
    fact: fact::Fact,
}

impl Command for KeyFact {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet::default()
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        stage.write(&Matter::journal(self.own), self.fact.clone(), None, 0).map(|_| ())
    }
}
