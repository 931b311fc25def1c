//! The exchange of journals between the two agencies (機関間接続).
//!
//! The author of a journal dials and streams it; the other side verifies and stores the entries and signs receipts for
//! them. A peer that is away for days is a normal state: only the sender waits for it.

mod batch;
mod dial;
mod error;
mod reception;
mod service;
mod session;
mod status;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize},
    time::Duration,
};

use renkei_domain::{moment::Source, noun::journal as journal_rules, page::Seen, timekeeper::Basis};
use renkei_journal::PublicKeys;
use renkei_proto::{FactKind, journal::v1::fact, link::v1::link_service_server::LinkServiceServer, r#type::v1::Agency};
use renkei_rpc::validate::LINK_MESSAGE_MAX;
use renkei_store::Store;
use renkei_telemetry::{Claim, Metrics};
use tokio_util::sync::CancellationToken;

pub use crate::dial::run;
use crate::error::Error;

/// The name of the service on the link.
pub const SERVICES: [&str; 1] = ["renkei.link.v1.LinkService"];

/// The settings of the link.
pub struct Settings {
    /// The database with the journals.
    pub store: Store,
    /// The source of moments.
    pub source: Source,
    /// The peer's keys from the configuration. Keys that its journal adds are read from there.
    pub peer_keys: PublicKeys,
    /// The own keys, former ones included, because entries that are fetched back were signed with them.
    pub own_keys: PublicKeys,
    /// The kinds of fact that this version understands.
    pub kinds: BTreeSet<FactKind>,
    /// The units of the own agency. Items of the peer may name others.
    pub units: Arc<BTreeSet<String>>,
    /// True if only the peer dials, for networks that allow connections in one direction only. Both journals then use
    /// the peer's session.
    pub is_dialled_only: bool,
    /// The metrics of the service.
    pub metrics: Metrics,
    /// Cancelled when the service drains; all sessions then end.
    pub draining: CancellationToken,
}

/// The link to the peer. Clones share everything.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    settings: Settings,
    /// The number of sessions, dialled by the peer, that carry the own journal; 0 unless this side never dials.
    dialled: AtomicUsize,
    /// The difference between the two clocks at the last receipt; `None` before the first.
    skew: Mutex<Option<Duration>>,
}

impl Link {
    /// A link that is not connected yet.
    pub fn new(settings: Settings) -> Self {
        settings.store.say_link(&status::waiting("the peer was not reached yet"));
        Self(Arc::new(Inner { settings, dialled: AtomicUsize::new(0), skew: Mutex::default() }))
    }

    /// The gRPC service that the peer dials.
    pub fn server(&self) -> LinkServiceServer<service::Exchanges> {
        LinkServiceServer::new(service::Exchanges::new(self.clone())).max_decoding_message_size(LINK_MESSAGE_MAX)
    }

    /// The difference between the two services' clocks at the last receipt that came to this replica; `None` before the
    /// first.
    pub fn skew(&self) -> Option<Duration> {
        *self.0.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a claim of the peer without proof: it changes nothing, and the operator is told.
    fn unproven(&self, claim: Claim) {
        self.0.settings.metrics.unproven(claim);
    }

    fn own(&self) -> Agency {
        self.0.settings.store.own()
    }

    /// True while the clock is doubted: neither an arrival nor a receipt can be dated.
    fn is_out_of_time(&self) -> bool {
        self.0.settings.source.moment().basis == Basis::Unknown
    }

    fn store(&self) -> &Store {
        &self.0.settings.store
    }

    /// The keys of one journal: those in the configuration, and those that the journal's own facts add or revoke.
    async fn keys(&self, journal: Agency) -> Result<PublicKeys, Error> {
        let configured = if journal == self.own() { &self.0.settings.own_keys } else { &self.0.settings.peer_keys };
        let mut keys = configured.clone();
        let Some(page) = self.store().page(&journal_rules::name(journal)).await? else { return Ok(keys) };
        for mark in Seen::whole(&page).all(journal) {
            if let Some(fact) = mark.fact.as_ref().filter(|fact| is_of_keys(fact.fact.as_ref())) {
                let contradicts = |broken| Error::fault(format!("a key fact that was taken contradicts: {broken}"));
                keys.apply(mark.seq, fact).map_err(contradicts)?;
            }
        }
        Ok(keys)
    }
}

/// True for a fact after which other keys are in force.
fn is_of_keys(fact: Option<&fact::Fact>) -> bool {
    matches!(fact, Some(fact::Fact::KeyAdded(_) | fact::Fact::KeyRevoked(_)))
}
