//! The link to the peer, as its sessions share it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize},
    time::Duration,
};

use renkei_domain::{
    calendar,
    memorandum::{Lacking, Memorandum, NamedVersion},
    moment::Source,
    noun::journal as journal_rules,
    page::Seen,
    timekeeper::Basis,
};
use renkei_journal::PublicKeys;
use renkei_proto::{
    FactKind,
    journal::v1::fact,
    link::v1::{LinkStatus, link_status::State},
    r#type::v1::Agency,
};
use renkei_store::Store;
use renkei_telemetry::{Claim, Metrics};
use tokio_util::sync::CancellationToken;

use crate::{error::Error, host::Host};

/// The settings of the link.
pub struct Settings<H = Store> {
    /// The journals, and what the sessions need besides them.
    pub host: H,
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
    /// The versions of the memorandum that the service has.
    pub memorandum: Memorandum,
    /// The metrics of the service.
    pub metrics: Metrics,
    /// Cancelled when the service drains; all sessions then end.
    pub draining: CancellationToken,
}

/// The link to the peer. Clones share everything.
pub struct Link<H = Store> {
    pub(crate) inner: Arc<Inner<H>>,
}

pub(crate) struct Inner<H> {
    settings: Settings<H>,
    /// The number of sessions, dialled by the peer, that carry the own journal; 0 unless this side never dials.
    pub(crate) dialled: AtomicUsize,
    /// The difference between the two clocks at the last receipt; `None` before the first.
    pub(crate) skew: Mutex<Option<Duration>>,
    /// The versions of the memorandum that the peer named when the last session began.
    pub(crate) agreements_of_peer: Mutex<Option<Vec<NamedVersion>>>,
}

impl<H> Clone for Link<H> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<H: Host> Link<H> {
    /// A link that is not connected yet.
    pub fn new(settings: Settings<H>) -> Self {
        settings.host.say_link(&waiting("the peer was not reached yet"));
        let (dialled, skew, agreements_of_peer) = (AtomicUsize::new(0), Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { settings, dialled, skew, agreements_of_peer }) }
    }

    pub(crate) fn settings(&self) -> &Settings<H> {
        &self.inner.settings
    }

    /// The difference between the two services' clocks at the last receipt that came to this replica; `None` before the
    /// first.
    pub fn skew(&self) -> Option<Duration> {
        *self.inner.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The versions of the memorandum that one of the two services lacks shortly before they apply, or since, by what the
    /// peer named when the last session with this replica began; none before the first session.
    pub fn lacking_agreements(&self) -> Vec<Lacking> {
        let settings = self.settings();
        let today = calendar::day(settings.source.moment().now);
        let peer = self.inner.agreements_of_peer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        peer.map(|peer| settings.memorandum.lacking(self.own(), &peer, today)).unwrap_or_default()
    }

    /// The versions of the memorandum that the peer named when the last session with this replica began; none before the first
    /// session.
    pub fn agreements_of_peer(&self) -> Vec<NamedVersion> {
        self.inner.agreements_of_peer.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// Records a claim of the peer without proof: it changes nothing, and the operator is told.
    pub(crate) fn unproven(&self, claim: Claim) {
        self.settings().metrics.unproven(claim);
    }

    pub(crate) fn own(&self) -> Agency {
        self.host().own()
    }

    /// True while the clock is doubted: neither an arrival nor a receipt can be dated.
    pub(crate) fn is_out_of_time(&self) -> bool {
        self.settings().source.moment().basis == Basis::Unknown
    }

    pub(crate) fn host(&self) -> &H {
        &self.settings().host
    }

    /// The keys of one journal: those in the configuration, and those that the journal's own facts add or revoke.
    pub(crate) async fn keys(&self, journal: Agency) -> Result<PublicKeys, Error> {
        let configured = if journal == self.own() { &self.settings().own_keys } else { &self.settings().peer_keys };
        let mut keys = configured.clone();
        let Some(page) = self.host().page(&journal_rules::name(journal)).await? else { return Ok(keys) };
        for mark in Seen::whole(&page).all(journal) {
            if let Some(fact) = mark.fact.as_ref().filter(|fact| is_of_keys(fact.fact.as_ref())) {
                let contradicts = |broken| Error::fault(format!("an accepted key fact contradicts: {broken}"));
                keys.apply(mark.seq, fact).map_err(contradicts)?;
            }
        }
        Ok(keys)
    }
}

/// True for a fact after which other keys are in force.
pub(crate) fn is_of_keys(fact: Option<&fact::Fact>) -> bool {
    matches!(fact, Some(fact::Fact::KeyAdded(_) | fact::Fact::KeyRevoked(_)))
}

/// The status of a link without a session, because of this cause.
fn waiting(cause: impl Into<String>) -> LinkStatus {
    LinkStatus { state: State::Waiting.into(), cause: cause.into(), ..LinkStatus::default() }
}
