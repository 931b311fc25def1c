//! One side of a pair: a service on a thread of this process, or its binary as a process.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use renkei_domain::moment::Source;
use renkei_proto::{options::v1::Surface, r#type::v1::Agency};
use renkei_service::config::Config;
use renkei_store::Store;
use renkei_telemetry::{LogTarget, Measured, Settings, Spans, Telemetry};
use tokio::sync::oneshot;

use crate::{
    clock::Clock,
    desk::Desk,
    process::{Process, Signal, binary},
    setup::{Choice, config_file},
    wire::Wire,
};

/// One side of a pair.
pub struct Side {
    /// The agency of this side.
    pub agency: Agency,
    /// Calls to its desk.
    pub desk: Desk,
    /// The wire from its internal systems to its desk.
    pub desk_wire: Arc<Wire>,
    /// The wire from the peer to its link.
    pub link_wire: Arc<Wire>,
    /// The spans that this side finished; only in one process.
    pub spans: Option<Spans>,
    /// The metrics of this side since its last start; only in one process.
    pub measured: Option<Measured>,
    log: Arc<Mutex<Vec<u8>>>,
    log_filter: &'static str,
    config: String,
    programs: Option<PathBuf>,
    starts: u64,
    running: Option<Running>,
    service: Shared,
}

/// The wires to the two ports of a side.
pub(super) struct Wires {
    pub(super) desk: Arc<Wire>,
    pub(super) link: Arc<Wire>,
}

/// The service while it runs in this process.
type Shared = Arc<Mutex<Option<renkei_service::Running>>>;

enum Running {
    Thread { stop: oneshot::Sender<()>, ended: oneshot::Receiver<()> },
    Process(Box<Process>),
}

impl Side {
    pub(super) fn new(agency: Agency, dir: &Path, wires: Wires, config: String, choice: &Choice) -> Self {
        Self {
            agency,
            desk: Desk::new(agency, dir, &wires.desk),
            desk_wire: wires.desk,
            link_wire: wires.link,
            spans: None,
            measured: None,
            log: Arc::default(),
            log_filter: choice.log_filter.unwrap_or("info"),
            config,
            programs: choice.programs.clone(),
            starts: 0,
            running: None,
            service: Shared::default(),
        }
    }

    /// The configuration in use, as text.
    pub fn config(&self) -> &str {
        &self.config
    }

    /// The id of a side that runs as a process.
    pub fn process_id(&self) -> Option<u32> {
        match &self.running {
            Some(Running::Process(process)) => process.id(),
            _ => None,
        }
    }

    /// The address of the service's own desk port, past the wire.
    pub fn desk_address(&self) -> Option<std::net::SocketAddr> {
        self.desk_wire.target()
    }

    /// The address of the operator's port of a side that runs.
    pub fn operator(&self) -> Option<std::net::SocketAddr> {
        if let Some(Running::Process(process)) = &self.running {
            return Some(process.operator);
        }
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        service.as_ref().and_then(|running| running.operator)
    }

    /// Uses another configuration from the next start on.
    pub fn set_config(&mut self, config: String) {
        self.config = config;
    }

    /// The program of this side.
    ///
    /// # Errors
    /// Fails if it is not built.
    pub(super) fn program(&self) -> Result<PathBuf, String> {
        let own = self.agency;
        self.programs.as_ref().map_or_else(|| binary(own), |folder| Ok(folder.join(own.id())))
    }

    /// The database of a side that runs in this process.
    pub fn store(&self) -> Option<Store> {
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        service.as_ref().map(|running| running.store.clone())
    }

    /// The number of calls that reached a service behind a port since this side's start; only in one process.
    pub fn handled(&self, port: Surface) -> u64 {
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        let (desk, link) = service.as_ref().map(renkei_service::Running::handled).unwrap_or_default();
        if port == Surface::Desk { desk } else { link }
    }

    /// The lines that this side logged so far; only in one process.
    pub fn log(&self) -> String {
        let bytes = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn telemetry(&self, service_name: &'static str) -> Result<(Telemetry, Spans), String> {
        let settings = Settings {
            service_name,
            instance: "a".to_owned(),
            otlp_endpoint: None,
            sample_ratio: 1.0,
            log_filter: self.log_filter.to_owned(),
            sandbox: true,
            log: LogTarget::Buffer(Arc::clone(&self.log)),
        };
        Telemetry::in_memory_with(settings).map_err(|error| error.to_string())
    }

    pub(super) async fn start_thread(&mut self, clock: Clock, mut seed: [u8; 32]) -> Result<(), String> {
        seed[0] ^= if self.agency == Agency::Ppc { 1 } else { 2 };
        // A side that starts again draws other randomness than before.
        self.starts += 1;
        seed[1..9].copy_from_slice(&self.starts.to_be_bytes());
        let source = clock.source(seed);
        let name = if self.agency == Agency::Ppc { "renkei-ppc" } else { "renkei-ipa" };
        let (telemetry, spans) = self.telemetry(name)?;
        self.measured = Some(telemetry.measured());
        let config = Config::parse(&self.config, Path::new("/")).map_err(|error| error.to_string())?;
        let (started, starting) = oneshot::channel();
        let (stop, stopping) = oneshot::channel();
        let (ending, ended) = oneshot::channel();
        let (agency, service) = (self.agency, Arc::clone(&self.service));
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                thread(agency, config, source, telemetry, &service, started, stopping);
                // The pair may be gone already.
                let _ = ending.send(());
            })
            .map_err(|error| error.to_string())?;
        let started = starting.await.map_err(|_| "the service's thread ended before it had started".to_owned())?;
        let (desk, link) = started?;
        self.desk_wire.lead_to(desk);
        self.link_wire.lead_to(link);
        self.spans = Some(spans);
        self.running = Some(Running::Thread { stop, ended });
        Ok(())
    }

    pub(super) fn write_config(&self, dir: &Path) -> Result<PathBuf, String> {
        let file = config_file(dir, self.agency);
        std::fs::write(&file, &self.config).map_err(|error| error.to_string())?;
        Ok(file)
    }

    pub(super) async fn start_process(&mut self, dir: &Path) -> Result<(), String> {
        let process = Process::start(&self.program()?, dir, self.agency.id(), &self.config).await?;
        self.desk_wire.lead_to(process.desk);
        self.link_wire.lead_to(process.link);
        self.running = Some(Running::Process(Box::new(process)));
        Ok(())
    }

    pub(super) async fn kill(&mut self) -> Result<(), String> {
        match self.running.take() {
            Some(Running::Process(process)) => process.kill().await,
            _ => Err("only a process can be killed".to_owned()),
        }
    }

    pub(super) fn hang_up(&self) -> Result<(), String> {
        match &self.running {
            Some(Running::Process(process)) => process.signal(Signal::HUP),
            _ => Err("only a process can be sent a signal".to_owned()),
        }
    }

    pub(super) async fn stop(&mut self) -> Result<(), String> {
        match self.running.take() {
            None => Ok(()),
            Some(Running::Thread { stop, ended }) => {
                // An error on either means that the thread has ended already.
                let _ = stop.send(());
                let _ = ended.await;
                Ok(())
            }
            Some(Running::Process(process)) => process.end().await,
        }
    }
}

type Started = Result<(std::net::SocketAddr, std::net::SocketAddr), String>;

/// The whole life of one side in this process.
fn thread(
    agency: Agency,
    config: Config,
    source: Source,
    telemetry: Telemetry,
    service: &Mutex<Option<renkei_service::Running>>,
    started: oneshot::Sender<Started>,
    stopping: oneshot::Receiver<()>,
) {
    let dispatch = telemetry.dispatch();
    let on_thread = dispatch.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_start(move || {
            let guard = tracing::dispatcher::set_default(&on_thread);
            TRACING.with(|slot| slot.borrow_mut().replace(guard));
        })
        .build();
    let Ok(runtime) = runtime else { return };
    let _guard = tracing::dispatcher::set_default(&dispatch);
    runtime.block_on(async {
        match renkei_service::start(agency, config, source, &telemetry).await {
            Ok(running) => {
                let addresses = (running.desk, running.link);
                let shared = || service.lock().unwrap_or_else(PoisonError::into_inner);
                shared().replace(running);
                // The pair may have been given up already; then the other channel is closed too.
                let _ = started.send(Ok(addresses));
                let _ = stopping.await;
                let running = shared().take();
                if let Some(running) = running {
                    running.stop().await;
                }
            }
            Err(error) => {
                let _ = started.send(Err(error.to_string()));
            }
        }
    });
}

thread_local! {
    static TRACING: std::cell::RefCell<Option<tracing::dispatcher::DefaultGuard>> = const { std::cell::RefCell::new(None) };
}
