//! Both services, wired to each other: in one process with a clock of the test's, or as the two binaries.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::SystemTime,
};

use jiff::Timestamp;
use renkei_proto::r#type::v1::Agency;
use tempfile::TempDir;
use tokio::process::Command;

use self::{side::Wires, world::write_clock};
use crate::{
    clock::Clock,
    database,
    setup::{AGENCIES, Choice, Setup, config_file},
    wire::Wire,
};

mod side;
mod world;

pub use self::{side::Side, world::World};

/// Both services.
pub struct Pair {
    /// The clock of both.
    pub clock: Clock,
    /// PPC's side.
    pub ppc: Side,
    /// IPA's side.
    pub ipa: Side,
    /// The files and databases of both. They are dropped last.
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
    /// Both services in this process, each on a thread and runtime of its own with its own tracing. Time is stopped
    /// until the test moves it, and randomness follows from the seed.
    ///
    /// # Errors
    /// Fails if something does not start; the text states the reason.
    pub async fn in_process(start: Timestamp, seed: u8) -> Result<Self, String> {
        Self::in_process_with(start, seed, Choice::default()).await
    }

    /// As [`Pair::in_process`], set up otherwise.
    ///
    /// # Errors
    /// Fails if something does not start; the text states the reason.
    pub async fn in_process_with(start: Timestamp, seed: u8, choice: Choice) -> Result<Self, String> {
        let mut pair =
            Self::new(None, Clock::at(start), [seed; 32], choice, Kind::InProcess { seed: [seed; 32] }).await?;
        pair.start_both().await?;
        Ok(pair)
    }

    /// One side only, as in [`Pair::in_process`]: the test itself is the other (see [`crate::peer`]).
    ///
    /// # Errors
    /// Fails if something does not start; the text states the reason.
    pub async fn one_sided(agency: Agency, start: Timestamp, seed: u8, choice: Choice) -> Result<Self, String> {
        let mut pair =
            Self::new(None, Clock::at(start), [seed; 32], choice, Kind::InProcess { seed: [seed; 32] }).await?;
        pair.start(agency).await?;
        Ok(pair)
    }

    /// One binary only, as in [`Pair::processes`] in a folder that goes with the pair: the test itself is the other
    /// side.
    ///
    /// # Errors
    /// Fails if something does not start; the text states the reason.
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
    /// Fails if something does not start; the text states the reason.
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
    /// Fails if something cannot be made; the text states the reason.
    pub async fn down(choice: Choice) -> Result<Self, String> {
        let start = Timestamp::try_from(machine_time()).map_err(|error| error.to_string())?;
        Self::new(None, Clock::at(start), [0; 32], choice, Kind::Processes).await
    }

    /// Writes the configurations that the two binaries are started with.
    ///
    /// # Errors
    /// Fails if a file cannot be written.
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
        setup.databases = database::served(engine, choice.embedded);
        let mut wires = BTreeMap::new();
        for agency in AGENCIES {
            let port = choice.desk_ports.get(agency.id()).copied().unwrap_or_default();
            let desk = Wire::at(port).await.map_err(|error| format!("port {port} of {}: {error}", agency.id()))?;
            let link = Wire::new().await.map_err(|error| error.to_string())?;
            wires.insert(agency.id(), (Arc::new(desk), Arc::new(link)));
        }
        let address =
            |agency: Agency| wires.get(agency.id()).map(|(_, link)| link.address().to_string()).unwrap_or_default();
        let clock_files = AGENCIES.map(|agency| setup.clock_file(agency, &choice));
        let configs = AGENCIES.map(|agency| setup.config(agency, &address(agency.peer()), &choice));
        let mut side = |agency: Agency, config: String| -> Result<Side, String> {
            let (desk_wire, link_wire) = wires.remove(agency.id()).ok_or("an agency has no wires")?;
            let wires = Wires { desk: desk_wire, link: link_wire };
            Ok(Side::new(agency, &dir, wires, config, &choice))
        };
        let [ppc, ipa] = configs;
        let (ppc, ipa) = (side(Agency::Ppc, ppc)?, side(Agency::Ipa, ipa)?);
        let pair = Self { setup, clock, ppc, ipa, kind, clock_files, folder: temporary };
        for agency in AGENCIES {
            match choice.programs {
                None => database::set_up(&pair.setup, agency).await?,
                // Another version may have other tables.
                Some(_) => pair.migrate(agency).await?,
            }
        }
        Ok(pair)
    }

    /// Lets a side's own program set its database up.
    async fn migrate(&self, agency: Agency) -> Result<(), String> {
        let (code, said) = self.command_line(agency, &["migrate"]).await?;
        (code == Some(0)).then_some(()).ok_or(said)
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
    /// Fails if it does not start; the text states the reason.
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
    /// Fails if it does not end.
    pub async fn stop(&mut self, agency: Agency) -> Result<(), String> {
        self.side_mut(agency).stop().await
    }

    /// Kills a side that runs as a process (SIGKILL).
    ///
    /// # Errors
    /// Fails if there is no process.
    pub async fn kill(&mut self, agency: Agency) -> Result<(), String> {
        self.side_mut(agency).kill().await
    }

    /// Tells a side that runs as a process that its certificates or revocation lists are fresh (SIGHUP).
    ///
    /// # Errors
    /// Fails if there is no process.
    pub fn hang_up(&self, agency: Agency) -> Result<(), String> {
        self.side(agency).hang_up()
    }

    /// Cuts the link both ways.
    pub fn cut_link(&self) {
        self.world().cut_link();
    }

    /// Mends it.
    pub fn mend_link(&self) {
        self.world().mend_link();
    }

    /// The world on which a scenario acts. It stays while sides are killed and started.
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
    /// Fails if the clock's file cannot be written.
    pub fn set_clock(&self, instant: Timestamp) -> Result<(), String> {
        self.world().set_clock(instant)
    }

    /// Sets the clock of one side, which runs on from there, for processes with judged clocks.
    ///
    /// # Errors
    /// Fails if the clock's file cannot be written.
    pub fn run_clock_of(&self, agency: Agency, instant: Timestamp) -> Result<(), String> {
        write_clock(&self.clock_files[usize::from(agency != Agency::Ppc)], &format!("{instant} runs"))
    }

    /// Sets the clock of one side, for processes with judged clocks.
    ///
    /// # Errors
    /// Fails if the clock's file cannot be written.
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
    /// Fails if one does not end.
    pub async fn stop_both(&mut self) -> Result<(), String> {
        for agency in AGENCIES {
            self.stop(agency).await?;
        }
        Ok(())
    }

    /// Runs a side's command line, such as `["verify"]`, and gives exit code and what it printed.
    ///
    /// # Errors
    /// Fails if the program cannot be started.
    pub async fn command_line(&self, agency: Agency, arguments: &[&str]) -> Result<(Option<i32>, String), String> {
        let side = self.side(agency);
        // A process that runs has named its ports in the file.
        let file = if side.process_id().is_some() {
            config_file(&self.setup.dir, agency)
        } else {
            side.write_config(&self.setup.dir)?
        };
        let output =
            Command::new(side.program()?).arg("--config").arg(file).args(arguments).stdin(Stdio::null()).output();
        let output = output.await.map_err(|error| error.to_string())?;
        let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        Ok((output.status.code(), String::from_utf8_lossy(&text).into_owned()))
    }
}

/// The time of the machine's clock.
#[expect(clippy::disallowed_methods, reason = "certificates are judged by the machine's clock")]
pub fn machine_time() -> SystemTime {
    SystemTime::now()
}
