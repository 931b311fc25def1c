//! Both services, wired to each other: in one process with a clock of the test's, or as the two binaries.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use jiff::Timestamp;
use renkei_domain::moment::Source;
use renkei_proto::{options::v1::Surface, r#type::v1::Agency};
use renkei_service::config::Config;
use renkei_store::Store;
use renkei_telemetry::{LogTarget, Measured, Settings, Spans, Telemetry};
use tempfile::TempDir;
use tokio::{process::Command, sync::oneshot};

use crate::{
    clock::Clock,
    database,
    desk::Desk,
    process::{Process, binary},
    seed::config_file,
    setup::{AGENCIES, Choice, Setup},
    wire::Wire,
};

/// One side of a pair.
pub struct Side {
    /// Whose side.
    pub agency: Agency,
    /// Calls to its desk.
    pub desk: Desk,
    /// The wire from its internal systems to its desk.
    pub desk_wire: Arc<Wire>,
    /// The wire from the peer to its link.
    pub link_wire: Arc<Wire>,
    /// The spans that this side finished; only in one process.
    pub spans: Option<Spans>,
    /// What this side measured since its last start; only in one process.
    pub measured: Option<Measured>,
    log: Arc<Mutex<Vec<u8>>>,
    log_filter: &'static str,
    config: String,
    starts: u64,
    running: Option<Running>,
    service: Shared,
}

/// The service while it runs in this process.
type Shared = Arc<Mutex<Option<renkei_service::Running>>>;

enum Running {
    Thread { stop: oneshot::Sender<()>, ended: oneshot::Receiver<()> },
    Process(Box<Process>),
}

/// Both services.
pub struct Pair {
    /// The clock of both.
    pub clock: Clock,
    /// PPC's side.
    pub ppc: Side,
    /// IPA's side.
    pub ipa: Side,
    /// What both are made of. Goes after them, with their databases.
    pub setup: Setup,
    kind: Kind,
    /// The files with the time of PPC's and IPA's process.
    clock_files: [PathBuf; 2],
    folder: Option<TempDir>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    InProcess { seed: [u8; 32] },
    Processes,
}

impl Pair {
    /// Both services in this process, each on a thread and runtime of its own with its own tracing. Time stands still until
    /// the test moves it, and randomness follows from the seed.
    ///
    /// # Errors
    /// When something does not start; the text says what.
    pub async fn in_process(start: Timestamp, seed: u8) -> Result<Self, String> {
        Self::in_process_with(start, seed, Choice::default()).await
    }

    /// As [`Pair::in_process`], set up otherwise.
    ///
    /// # Errors
    /// When something does not start; the text says what.
    pub async fn in_process_with(start: Timestamp, seed: u8, choice: Choice) -> Result<Self, String> {
        let mut pair =
            Self::new(None, Clock::at(start), [seed; 32], choice, Kind::InProcess { seed: [seed; 32] }).await?;
        pair.start_both().await?;
        Ok(pair)
    }

    /// One side only, as in [`Pair::in_process`]: the test itself is the other (see [`crate::peer`]).
    ///
    /// # Errors
    /// When something does not start; the text says what.
    pub async fn one_sided(agency: Agency, start: Timestamp, seed: u8, choice: Choice) -> Result<Self, String> {
        let mut pair =
            Self::new(None, Clock::at(start), [seed; 32], choice, Kind::InProcess { seed: [seed; 32] }).await?;
        pair.start(agency).await?;
        Ok(pair)
    }

    /// One binary only, as in [`Pair::processes`] in a folder that goes with the pair: the test itself is the other side.
    ///
    /// # Errors
    /// When something does not start; the text says what.
    pub async fn one_sided_process(
        agency: Agency,
        start: Timestamp,
        seed: [u8; 32],
        mut choice: Choice,
    ) -> Result<Self, String> {
        choice.clock_file = true;
        let mut pair = Self::new(None, Clock::at(start), seed, choice, Kind::Processes).await?;
        pair.set_clock(start)?;
        pair.start(agency).await?;
        Ok(pair)
    }

    /// The two binaries as processes, in a folder that is kept, or in one that goes with the pair. They read their time
    /// from the file `clock` in that folder.
    ///
    /// # Errors
    /// When something does not start; the text says what.
    pub async fn processes(
        folder: Option<PathBuf>,
        start: Timestamp,
        seed: [u8; 32],
        mut choice: Choice,
    ) -> Result<Self, String> {
        choice.clock_file = true;
        let mut pair = Self::new(folder, Clock::at(start), seed, choice, Kind::Processes).await?;
        pair.set_clock(start)?;
        pair.start_both().await?;
        Ok(pair)
    }

    /// The two binaries as processes by the machine's clock, in a folder that goes with the pair. Neither runs yet.
    ///
    /// # Errors
    /// When something cannot be made; the text says what.
    pub async fn down(choice: Choice) -> Result<Self, String> {
        let start = Timestamp::try_from(machine_time()).map_err(|error| error.to_string())?;
        Self::new(None, Clock::at(start), [0; 32], choice, Kind::Processes).await
    }

    /// Writes the configurations that the two binaries are started with.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_configs(&self) -> Result<(), String> {
        AGENCIES.into_iter().try_for_each(|agency| self.side(agency).write_config(&self.setup.dir).map(|_| ()))
    }

    async fn new(
        folder: Option<PathBuf>,
        clock: Clock,
        seed: [u8; 32],
        choice: Choice,
        kind: Kind,
    ) -> Result<Self, String> {
        // Configurations name their files by whole paths.
        let folder = folder.map(std::path::absolute).transpose().map_err(|error| error.to_string())?;
        let temporary = if folder.is_none() { Some(TempDir::new().map_err(|error| error.to_string())?) } else { None };
        let dir = folder.or_else(|| temporary.as_ref().map(|dir| dir.path().to_owned())).unwrap_or_default();
        let engine = choice.engine.map_or_else(database::engine, Ok)?;
        let mut setup = Setup::new(&dir, machine_time(), seed)?;
        setup.databases = database::served(engine);
        for agency in AGENCIES {
            database::set_up(&setup, agency).await?;
        }
        let mut wires = BTreeMap::new();
        for agency in AGENCIES {
            let io = |error: std::io::Error| error.to_string();
            wires.insert(
                agency.id(),
                (Arc::new(Wire::new().await.map_err(io)?), Arc::new(Wire::new().await.map_err(io)?)),
            );
        }
        let address =
            |agency: Agency| wires.get(agency.id()).map(|(_, link)| link.address().to_string()).unwrap_or_default();
        let clock_files = AGENCIES.map(|agency| setup.clock_file(agency, &choice));
        let configs = AGENCIES.map(|agency| setup.config(agency, &address(agency.peer()), &choice));
        let mut side = |agency: Agency, config: String| -> Result<Side, String> {
            let (desk_wire, link_wire) = wires.remove(agency.id()).ok_or("an agency has no wires")?;
            let desk = Desk::new(agency, &dir, &desk_wire);
            Ok(Side {
                agency,
                desk,
                desk_wire,
                link_wire,
                spans: None,
                measured: None,
                log: Arc::default(),
                log_filter: choice.log_filter.unwrap_or("info"),
                config,
                starts: 0,
                running: None,
                service: Shared::default(),
            })
        };
        let [ppc, ipa] = configs;
        let (ppc, ipa) = (side(Agency::Ppc, ppc)?, side(Agency::Ipa, ipa)?);
        Ok(Self { setup, clock, ppc, ipa, kind, clock_files, folder: temporary })
    }

    /// One side.
    pub fn side(&self, agency: Agency) -> &Side {
        if agency == Agency::Ppc { &self.ppc } else { &self.ipa }
    }

    fn side_mut(&mut self, agency: Agency) -> &mut Side {
        if agency == Agency::Ppc { &mut self.ppc } else { &mut self.ipa }
    }

    async fn start_both(&mut self) -> Result<(), String> {
        for agency in AGENCIES {
            self.start(agency).await?;
        }
        Ok(())
    }

    /// Starts a side that does not run.
    ///
    /// # Errors
    /// When it does not start; the text says why.
    pub async fn start(&mut self, agency: Agency) -> Result<(), String> {
        let (kind, dir, clock) = (self.kind, self.setup.dir.clone(), self.clock.clone());
        let side = self.side_mut(agency);
        match kind {
            Kind::InProcess { seed } => side.start_thread(clock, seed).await,
            Kind::Processes => side.start_process(&dir).await,
        }
    }

    /// Ends a side in order.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(&mut self, agency: Agency) -> Result<(), String> {
        self.side_mut(agency).stop().await
    }

    /// Kills a side that runs as a process (SIGKILL).
    ///
    /// # Errors
    /// When there is no process.
    pub async fn kill(&mut self, agency: Agency) -> Result<(), String> {
        match self.side_mut(agency).running.take() {
            Some(Running::Process(process)) => process.kill().await,
            _ => Err("only a process can be killed".to_owned()),
        }
    }

    /// Tells a side that runs as a process that its certificates or revocation lists are fresh (SIGHUP).
    ///
    /// # Errors
    /// When there is no process.
    pub async fn hang_up(&self, agency: Agency) -> Result<(), String> {
        let Some(Running::Process(process)) = &self.side(agency).running else {
            return Err("only a process can be told".to_owned());
        };
        process.signal("HUP").await
    }

    /// Cuts the link both ways.
    pub fn cut_link(&self) {
        self.world().cut_link();
    }

    /// Mends it.
    pub fn mend_link(&self) {
        self.world().mend_link();
    }

    /// What a scenario acts on. It stays while sides are killed and started.
    pub fn world(&self) -> World {
        World {
            ppc: self.ppc.desk.clone(),
            ipa: self.ipa.desk.clone(),
            links: [Arc::clone(&self.ppc.link_wire), Arc::clone(&self.ipa.link_wire)],
            clock: self.clock.clone(),
            clock_files: if self.kind == Kind::Processes { self.clock_files.to_vec() } else { Vec::new() },
        }
    }

    /// Sets the clock of both sides.
    ///
    /// # Errors
    /// When the clock's file cannot be written.
    pub fn set_clock(&self, instant: Timestamp) -> Result<(), String> {
        self.world().set_clock(instant)
    }

    /// Sets the clock of one side, which runs on from there, for processes with judged clocks.
    ///
    /// # Errors
    /// When the clock's file cannot be written.
    pub fn run_clock_of(&self, agency: Agency, instant: Timestamp) -> Result<(), String> {
        write_clock(&self.clock_files[usize::from(agency != Agency::Ppc)], &format!("{instant} runs"))
    }

    /// Sets the clock of one side, for processes with judged clocks.
    ///
    /// # Errors
    /// When the clock's file cannot be written.
    pub fn set_clock_of(&self, agency: Agency, instant: Timestamp) -> Result<(), String> {
        write_clock(&self.clock_files[usize::from(agency != Agency::Ppc)], &instant.to_string())
    }

    /// The folder with everything; `None` when it is not the pair's own.
    pub fn own_folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(TempDir::path)
    }

    /// Ends both sides in order.
    ///
    /// # Errors
    /// When one does not end.
    pub async fn stop_both(&mut self) -> Result<(), String> {
        for agency in AGENCIES {
            self.stop(agency).await?;
        }
        Ok(())
    }

    /// Runs a side's command line, such as `["verify"]`, and gives exit code and what it printed.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub async fn command_line(&self, agency: Agency, arguments: &[&str]) -> Result<(Option<i32>, String), String> {
        let side = self.side(agency);
        // A process that runs has named its ports in the file.
        let file = match side.running {
            Some(Running::Process(_)) => config_file(&self.setup.dir, agency),
            _ => side.write_config(&self.setup.dir)?,
        };
        let output =
            Command::new(binary(agency)?).arg("--config").arg(file).args(arguments).stdin(Stdio::null()).output();
        let output = output.await.map_err(|error| error.to_string())?;
        let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        Ok((output.status.code(), String::from_utf8_lossy(&text).into_owned()))
    }
}

/// Both desks, the wires between the services and the clock: what a scenario acts on.
#[derive(Clone)]
pub struct World {
    /// PPC's desk.
    pub ppc: Desk,
    /// IPA's desk.
    pub ipa: Desk,
    links: [Arc<Wire>; 2],
    clock: Clock,
    clock_files: Vec<PathBuf>,
}

impl World {
    /// One agency's desk.
    pub fn desk(&self, agency: Agency) -> &Desk {
        if agency == Agency::Ppc { &self.ppc } else { &self.ipa }
    }

    /// Cuts the link both ways.
    pub fn cut_link(&self) {
        self.links.iter().for_each(|wire| wire.cut());
    }

    /// Mends it.
    pub fn mend_link(&self) {
        self.links.iter().for_each(|wire| wire.mend());
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sets the clock of both sides.
    ///
    /// # Errors
    /// When the clock's file cannot be written.
    pub fn set_clock(&self, instant: Timestamp) -> Result<(), String> {
        self.clock.set(instant);
        self.clock_files.iter().try_for_each(|file| write_clock(file, &instant.to_string()))
    }

    /// Lets the clock of the processes run on from what it shows.
    ///
    /// # Errors
    /// When the clock's file cannot be written.
    pub fn run_clock(&self) -> Result<(), String> {
        self.clock_files.iter().try_for_each(|file| write_clock(file, &format!("{} runs", self.now())))
    }
}

/// Replaces the file whole, so that nobody reads half an instant.
fn write_clock(file: &Path, text: &str) -> Result<(), String> {
    let fresh = file.with_extension("new");
    std::fs::write(&fresh, format!("{text}\n")).map_err(|error| error.to_string())?;
    std::fs::rename(fresh, file).map_err(|error| error.to_string())
}

impl Side {
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

    /// Where the service itself takes calls, past the wire.
    pub fn desk_address(&self) -> Option<std::net::SocketAddr> {
        self.desk_wire.target()
    }

    /// Where a side that runs tells the operator how it stands.
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

    /// The database of a side that runs in this process.
    pub fn store(&self) -> Option<Store> {
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        service.as_ref().map(|running| running.store.clone())
    }

    /// How many calls were handed on to a service behind a port since this side's start; only in one process.
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

    async fn start_thread(&mut self, clock: Clock, mut seed: [u8; 32]) -> Result<(), String> {
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

    fn write_config(&self, dir: &Path) -> Result<PathBuf, String> {
        let file = config_file(dir, self.agency);
        std::fs::write(&file, &self.config).map_err(|error| error.to_string())?;
        Ok(file)
    }

    async fn start_process(&mut self, dir: &Path) -> Result<(), String> {
        let process = Process::start(self.agency, dir, self.agency.id(), &self.config).await?;
        self.desk_wire.lead_to(process.desk);
        self.link_wire.lead_to(process.link);
        self.running = Some(Running::Process(Box::new(process)));
        Ok(())
    }

    async fn stop(&mut self) -> Result<(), String> {
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

/// What the machine's clock shows.
#[expect(clippy::disallowed_methods, reason = "certificates are judged by the machine's clock")]
pub fn machine_time() -> SystemTime {
    SystemTime::now()
}
