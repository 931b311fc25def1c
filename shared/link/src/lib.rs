//! The exchange of journals between the two agencies (機関間接続).
//!
//! The author of a journal dials and streams it; the other side verifies, takes and signs for it. A peer that is away for
//! days is a normal state: nothing waits for it but the sender.

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

/// What the link needs.
pub struct Settings {
    /// The database.
    pub store: Store,
    /// Where moments come from.
    pub source: Source,
    /// The peer's keys from the configuration; keys that its journal adds are learnt from there.
    pub peer_keys: PublicKeys,
    /// The own keys, also those of before: what is fetched back was signed with them.
    pub own_keys: PublicKeys,
    /// The kinds of fact that this version understands.
    pub kinds: BTreeSet<FactKind>,
    /// The units that the own agency has: items may name others.
    pub units: Arc<BTreeSet<String>>,
    /// The peer dials, this side does not: for networks that let connections through one way only. Then both journals go
    /// over the peer's session.
    pub is_dialled_only: bool,
    /// Where metrics go.
    pub metrics: Metrics,
    /// Cancelled when the service drains: sessions end.
    pub draining: CancellationToken,
}

/// The link. Clones share everything.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    settings: Settings,
    /// How many sessions that the peer dialled carry the own journal; none unless this side never dials.
    dialled: AtomicUsize,
    /// How far apart the two clocks were at the last receipt; none before the first.
    skew: Mutex<Option<Duration>>,
}

impl Link {
    /// A link that is not connected yet.
    pub fn new(settings: Settings) -> Self {
        settings.store.say_link(&status::waiting("the peer was not reached yet"));
        Self(Arc::new(Inner { settings, dialled: AtomicUsize::new(0), skew: Mutex::default() }))
    }

    /// The service that the peer dials.
    pub fn server(&self) -> LinkServiceServer<service::Exchanges> {
        LinkServiceServer::new(service::Exchanges::new(self.clone())).max_decoding_message_size(LINK_MESSAGE_MAX)
    }

    /// How far apart the two services' clocks were at the last receipt that came to this replica; none before the first.
    pub fn skew(&self) -> Option<Duration> {
        *self.0.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The peer claimed something that nothing proves: it changed nothing, and the operator is told.
    fn unproven(&self, claim: Claim) {
        self.0.settings.metrics.unproven(claim);
    }

    fn own(&self) -> Agency {
        self.0.settings.store.own()
    }

    /// Nobody knows what time it is: what arrives cannot be dated, nor a receipt for it.
    fn is_out_of_time(&self) -> bool {
        self.0.settings.source.moment().basis == Basis::Unknown
    }

    fn store(&self) -> &Store {
        &self.0.settings.store
    }

    /// The keys of one journal: those configured, and what the journal itself says of its keys.
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

/// After such a fact other keys hold.
fn is_of_keys(fact: Option<&fact::Fact>) -> bool {
    matches!(fact, Some(fact::Fact::KeyAdded(_) | fact::Fact::KeyRevoked(_)))
}
