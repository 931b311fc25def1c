//! Starts a service: store, ports, link and ticks.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use renkei_book::{Agreements, Begin, CallOrigin, Cause, Declined, Settle};
use renkei_desk::{Desk, JournalKeys, Watchers, services};
use renkei_domain::{matter::Matter, moment::Source, noun::registry, timekeeper::Timekeeper};
use renkei_link::Link;
use renkei_proto::{
    options::v1::Surface,
    r#type::v1::{Agency, Text},
};
use renkei_rpc::{
    authorize::{Authorize, RuleError, check_rules},
    connect::Dial,
    health::{HEALTH, REFLECTION, Readiness, reflection},
    serve::{Counters, Limits, Port, serve},
    tls::Reloading,
    token::Tokens,
    validate::DigestKey,
};
use renkei_store::{Fault, Faults, Options, SCHEMA, Store};
use renkei_telemetry::{Metrics, Telemetry};
use rustls::ServerConfig;
use tokio::{net::TcpListener, sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::ServiceBuilder;

use crate::{
    config::{Config, Contact, DialMode},
    error::StartError,
    key,
    operator::{self, Facts},
    past::Past,
    source,
    status::Live,
    tick,
    tls::{Tls, dialling},
};

/// The time that calls, sessions and ticks have to end.
const STOP: Duration = Duration::from_secs(25);
/// The maximum number of matters of one kind of duty that a start settles.
const SETTLED_AT_ONCE: usize = 1000;
/// The time that the database then has to close.
const CLOSE: Duration = Duration::from_secs(5);

/// A running service.
pub struct Running {
    /// The address of the desk's port.
    pub desk: SocketAddr,
    /// The address of the link's port.
    pub link: SocketAddr,
    /// The address of the operator's port, if there is one.
    pub operator: Option<SocketAddr>,
    /// The database of the service.
    pub store: Store,
    desk_gate: Authorize,
    link_gate: Authorize,
    readiness: Arc<Readiness>,
    reload: Arc<Notify>,
    draining: CancellationToken,
    tasks: JoinSet<()>,
}

impl Running {
    /// Reads certificates and revocation lists at once, not at the next look at their files.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// The numbers of calls that reached a service, on the desk and on the link.
    pub fn handled(&self) -> (u64, u64) {
        (self.desk_gate.handled(), self.link_gate.handled())
    }

    /// Stops accepting, lets calls end, and closes the database, within half a minute.
    pub async fn stop(mut self) {
        self.readiness.drain().await;
        self.draining.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP, ended).await.is_err() {
            tracing::warn!("the service did not end in time and is cut off");
            self.tasks.abort_all();
        }
        if tokio::time::timeout(CLOSE, self.store.close()).await.is_err() {
            // Acknowledged writes are durable; the outcome of the others is looked up when their callers repeat them.
            tracing::warn!("the database did not close in time and is left");
        }
    }
}

/// Starts a service. Its ports are open when this returns; port 0 in the configuration selects a free one.
///
/// # Errors
/// The fault, the place and the remedy. Nothing runs then.
pub async fn start(own: Agency, config: Config, source: Source, telemetry: &Telemetry) -> Result<Running, StartError> {
    let metrics = telemetry.metrics();
    let callers = Arc::new(config.callers(own)?);
    let kinds = config.kinds()?;
    let calendar = config.calendar()?;
    let memorandum = config.memorandum()?;
    // Everything else is tried before the database is touched, so a start that fails does not create one.
    let tls = Tls::load(&config)?;
    key::check(&config)?;
    rules(own)?;
    let (desk_listener, desk_address) = listen("desk", config.desk.listen).await?;
    let (link_listener, link_address) = listen("link", config.link.listen).await?;
    let operator_listener = match &config.operator {
        Some(operator) => Some(listen("operator", operator.listen).await?),
        None => None,
    };
    let options = options(own, &config, metrics.clone())?;
    set_up(own, &config, &options.url, &source).await?;
    let store = Store::open(options).await?;
    let entering = enter(&store, &source, &config).await;
    if entering.is_err() {
        store.close().await;
    }
    let said = entering?;

    let draining = CancellationToken::new();
    let keys = JournalKeys { own: key::of_own(&config, store.key())?, peer: key::of_peer(&config)? };
    let link = Link::new(renkei_link::Settings {
        host: store.clone(),
        source: source.clone(),
        peer_keys: keys.peer.clone(),
        own_keys: keys.own.clone(),
        kinds,
        units: Arc::new(config.units()),
        is_dialled_only: config.peer.dial == DialMode::PeerOnly,
        memorandum: memorandum.clone(),
        metrics: metrics.clone(),
        draining: draining.clone(),
    });
    let desk = Desk {
        own,
        source: source.clone(),
        digest_key: DigestKey::new(&*key::secret(&config.secrets.digest_key)?),
        tokens: tokens(&config, &store)?,
        store: store.clone(),
        metrics: metrics.clone(),
        calendar: calendar.clone(),
        memorandum,
    };
    let readiness = Arc::new(Readiness::new(&services(own)).await);
    let watchers = Watchers::default();
    let verifying = keys.clone();
    let settings = renkei_desk::Settings {
        code_key: key::secret(&config.secrets.code_key)?,
        contact: counter(&config.contact),
        keys,
        watchers: watchers.clone(),
        draining: draining.clone(),
    };
    let gate = |surface| Authorize::new(surface, own, callers.clone(), store.barred(), source.clone(), metrics.clone());
    let (desk_gate, link_gate) = (gate(Surface::Desk), gate(Surface::Link));

    let mut tasks = JoinSet::new();
    let desk_routes = desk_routes(own, &desk, settings, &readiness)?;
    let desk_service = ServiceBuilder::new().layer(desk_gate.clone()).service(desk_routes.prepare());
    tasks.spawn(port(desk_listener, desk_service, "desk", tls.desk.clone(), metrics.clone(), draining.clone()));
    let link_routes = Routes::new(link.server()).add_service(readiness.server());
    let link_service = ServiceBuilder::new().layer(link_gate.clone()).service(link_routes.prepare());
    tasks.spawn(port(link_listener, link_service, "link", tls.link.clone(), metrics.clone(), draining.clone()));
    let past = Past::default();
    let facts = Facts {
        store: store.clone(),
        live: Live { link: link.clone(), watchers, past: past.clone() },
        language: config.language,
        tls: tls.clone(),
        source: source.clone(),
        shown: telemetry.shown(),
        metrics: metrics.clone(),
    };
    facts.observe().await;
    tasks.spawn(tick::observe(facts.clone(), draining.clone()));
    let operator = operator_listener.map(|(listener, address)| {
        tasks.spawn(operator::serve(listener, facts, draining.clone()));
        address
    });
    if config.peer.dial == DialMode::Both {
        tasks.spawn(dial(link, dialling(own, &config, &tls), draining.clone()));
    }
    let parts = tick::Parts { own, store: store.clone(), source, sandbox: config.sandbox };
    tasks.spawn(tick::remember(past, parts.clone(), draining.clone()));
    let every = Duration::from_secs(config.verify.hours * 3600);
    tasks.spawn(tick::verify(parts.clone(), verifying, metrics.clone(), every, draining.clone()));
    tasks.spawn(tick::run(parts.clone(), draining.clone()));
    tasks.spawn(tick::watch_clock(parts.clone(), readiness.clone(), draining.clone()));
    tasks.spawn(tick::say_kinds_again(parts, said, draining.clone()));
    tasks.spawn(tick::watch_database(store.clone(), readiness.clone(), draining.clone()));
    let reload = Arc::new(Notify::new());
    tasks.spawn(tick::reload(config, tls, readiness.clone(), reload.clone(), draining.clone()));
    let shown = operator.map(|address| address.to_string()).unwrap_or_default();
    let holidays = calendar.version();
    tracing::info!(desk = %desk_address, link = %link_address, operator = shown, holidays, "serving");
    let (desk, link) = (desk_address, link_address);
    Ok(Running { desk, link, operator, store, desk_gate, link_gate, readiness, reload, draining, tasks })
}

/// Brings the database to the schema of this version. A missing database is a loss: it is created on request only, and
/// a request where one exists is a mistake that would hide the next loss.
async fn set_up(own: Agency, config: &Config, url: &str, source: &Source) -> Result<(), StartError> {
    let progress = |what: &str, done: u64, all: u64| tracing::info!(what, done, all, "the database is being upgraded");
    if config.database.first_start {
        let ran = Store::migrate(url, own, &source.moment().id("store", 0), &progress).await?;
        if ran < SCHEMA {
            return Err(StartError::NotFirst);
        }
        tracing::warn!(migrations = ran, "a first start was asked for: a new database was set up");
    } else if config.database.migrates() {
        let ran = Store::upgrade(url, own, &progress).await?;
        if ran > 0 {
            tracing::info!(migrations = ran, "the database was upgraded");
        }
    }
    Ok(())
}

/// Checks that every method of the ports has a rule, including those of health and reflection.
fn rules(own: Agency) -> Result<(), RuleError> {
    check_rules(Surface::Desk, &services(own))?;
    check_rules(Surface::Desk, &[HEALTH])?;
    check_rules(Surface::Desk, &REFLECTION)?;
    check_rules(Surface::Link, &renkei_link::SERVICES)?;
    check_rules(Surface::Link, &[HEALTH])
}

/// Opens the database as it is, without serving it.
///
/// # Errors
/// A key that cannot be read, or a database that is missing, belongs to the other agency or has another schema.
pub async fn open(own: Agency, config: &Config) -> Result<Store, StartError> {
    Ok(Store::open(options(own, config, Metrics::none())?).await?)
}

/// The settings with which the store is opened.
fn options(own: Agency, config: &Config, metrics: Metrics) -> Result<Options, StartError> {
    Ok(Options {
        url: config.database.opened_with()?,
        own,
        replica: config.replica.clone(),
        ring: key::ring(config)?,
        key: key::signing(config)?,
        agreements: Agreements::of(&config.memorandum()?),
        faults: faults(config)?,
        metrics,
    })
}

/// The step at which a sandbox's process aborts, as if it were killed there.
fn faults(config: &Config) -> Result<Faults, StartError> {
    let Some((wanted, nth)) = config.failpoint()? else { return Ok(Arc::new(|_| Fault::None)) };
    let passed = AtomicU64::new(0);
    Ok(Arc::new(move |step| {
        if step == wanted && passed.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            std::process::abort();
        }
        Fault::None
    }))
}

/// Makes this process one of those that serve from the database, and writes what a start has to. Returns what
/// [`begin`] does.
async fn enter(store: &Store, source: &Source, config: &Config) -> Result<Option<tick::SpokenKinds>, StartError> {
    source::compare(source, store).await?;
    store.join(config.spoken()?).await?;
    if config.database.first_start {
        // A database that replaces a lost one must not look as if it had always existed.
        store.record_read(&CallOrigin::own("first_start"), "", "OK", &source.moment()).await?;
    }
    let said = begin(store, source).await?;
    settle(store, source, config).await?;
    Ok(said)
}

/// Opens a new incarnation at once on a marked copy, and announces the kinds that all replicas speak if they changed.
/// Returns them with the incarnation of the announcement; `None` during a recovery.
async fn begin(store: &Store, source: &Source) -> Result<Option<tick::SpokenKinds>, StartError> {
    store.mend_ends(&source.moment()).await?;
    if store.is_marked().await? {
        if let Some(doubt) = source.keeper().and_then(Timekeeper::doubt) {
            return Err(StartError::ClockOfCopy(source::doubted(&doubt)));
        }
        tracing::error!("the database is a restored copy: a new incarnation is opened");
        let reopen = store.reopening(Cause::Copy).await?;
        store.write("reopen", CallOrigin::own("reopen"), source.moment(), reopen).await?;
    }
    let kinds = store.replicas().borrow().kinds();
    let begin = Begin { kinds: kinds.clone() };
    match store.write("begin", CallOrigin::own("begin"), source.moment(), begin).await {
        // They are announced when the recovery is over, or when the clock is confirmed.
        Err(renkei_store::Error::Declined(Declined::Recovering | Declined::ClockDoubted)) => Ok(None),
        Ok(()) => Ok(Some((store.heads().borrow().own.incarnation, kinds))),
        Err(error) => Err(error.into()),
    }
}

/// Tells the peer what this service owes it since the configuration was changed, such as that units which it named
/// exist now or are still missing.
async fn settle(store: &Store, source: &Source, config: &Config) -> Result<(), StartError> {
    let mut matters = Vec::new();
    for kind in registry::settled_at_start() {
        let found = store.duties(kind, SETTLED_AT_ONCE).await?;
        matters.extend(found.iter().map(|(_, name)| Matter::of(name)).filter(|matter| matter.opener != store.own()));
    }
    if matters.is_empty() {
        return Ok(());
    }
    let settle = Settle { matters, units: config.units() };
    match store.write("settle", CallOrigin::own("settle"), source.moment(), settle).await {
        // The own journal is fetched back first, with the facts that were written before; the next start tries again.
        Ok(()) | Err(renkei_store::Error::Declined(Declined::Recovering)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn tokens(config: &Config, store: &Store) -> Result<Tokens, StartError> {
    let file = &config.secrets.token_key;
    let unusable =
        |_| StartError::Key { file: file.display().to_string(), why: "AES-256-GCM does not accept it".to_owned() };
    Tokens::new(&*key::secret(file)?, store.id()).map_err(unusable)
}

fn desk_routes(
    own: Agency,
    desk: &Desk,
    settings: renkei_desk::Settings,
    readiness: &Readiness,
) -> Result<Routes, StartError> {
    let reflection = reflection(own).map_err(|error| StartError::Reflection(error.to_string()))?;
    let mut routes = renkei_desk::routes(desk, settings);
    routes.add_service(readiness.server()).add_service(reflection.0).add_service(reflection.1);
    Ok(routes.routes())
}

async fn listen(port: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { port, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

async fn port<S>(
    listener: TcpListener,
    service: S,
    name: &'static str,
    tls: Arc<Reloading<ServerConfig>>,
    metrics: Metrics,
    draining: CancellationToken,
) where
    S: tower::Service<
            http::Request<tonic::body::Body>,
            Response = http::Response<tonic::body::Body>,
            Error = std::convert::Infallible,
        > + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let (refusals, mut refused) = tokio::sync::mpsc::channel(64);
    let port = Port {
        name,
        tls,
        limits: Limits::default(),
        counters: Arc::new(Counters::default()),
        refusals: Some(refusals),
    };
    let counting = async {
        while refused.recv().await.is_some() {
            metrics.handshake_failed()
        }
    };
    let (drained, ()) = tokio::join!(serve(listener, service, port, draining), counting);
    tracing::info!(port = name, ?drained, "the port is closed");
}

async fn dial(link: Link, dial: Dial, draining: CancellationToken) {
    if let Err(error) = renkei_link::run(link, dial, draining).await {
        tracing::error!(%error, "the peer cannot be dialled");
    }
}

/// The counter as the papers for reporters name it.
fn counter(contact: &Contact) -> renkei_desk::Contact {
    let unit = Text { ja: contact.unit_ja.clone(), en: contact.unit_en.clone() };
    renkei_desk::Contact { unit, telephone: contact.telephone.clone(), mail: contact.mail.clone() }
}
