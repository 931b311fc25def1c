//! `./dev sandbox [--once]`: both services, the scenario, and then whatever you paste. `./dev sandbox restart ppc --folder DIR`
//! restarts a service of the sandbox that runs in a folder. It finds the services beside itself, as in a release archive.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use renkei_proto::r#type::v1::Agency;
use renkei_tools::{
    control::{self, Control},
    database::Engine,
    pair::Pair,
    profile::{Profile, make_wrong},
    sandbox::{invitation, last_line, on_the_clock, overview, walk_with},
    setup::{AGENCIES, Choice},
};
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both services as processes with throw-away certificates; walks through the scenario and stays up.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
    /// Ends after the scenario.
    #[arg(long)]
    once: bool,
    /// The folder for certificates, keys, SQLite's databases, logs and the profile that clients read; a temporary one when
    /// not given.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// The port of PPC's desk; any free one when not given.
    #[arg(long, default_value_t)]
    ppc_port: u16,
    /// The port of IPA's desk; any free one when not given.
    #[arg(long, default_value_t)]
    ipa_port: u16,
    /// Which database both use. PostgreSQL runs in a private cluster that ends with the sandbox.
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
    /// The collector that receives traces, metrics and logs of both over OTLP (gRPC), such as 127.0.0.1:4317; every
    /// trace is kept then.
    #[arg(long)]
    collector: Option<SocketAddr>,
}

#[derive(Subcommand)]
enum Task {
    /// Restarts a service of a running sandbox, from another terminal; its address stays.
    Restart {
        /// The folder of that sandbox.
        #[arg(long)]
        folder: PathBuf,
        /// The agency: `ppc` or `ipa`.
        #[arg(value_parser = agency)]
        agency: Agency,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.task {
        Some(Task::Restart { folder, agency }) => control::restart(&folder, agency).await,
        None => run(arguments).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("the sandbox failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// The request to end: Ctrl-C, or SIGTERM, which scripts send.
struct End {
    interrupted: Signal,
    terminated: Signal,
}

impl End {
    /// From here on, neither signal ends the program by itself, which would leave the services behind.
    fn open() -> Result<Self, String> {
        let stream = |kind| signal(kind).map_err(|error| error.to_string());
        Ok(Self { interrupted: stream(SignalKind::interrupt())?, terminated: stream(SignalKind::terminate())? })
    }

    /// Waits for the next one, or for one that came meanwhile.
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let mut end = End::open()?;
    let temporary = TempDir::new().map_err(|error| error.to_string())?;
    let folder = arguments.folder.unwrap_or_else(|| temporary.path().to_owned());
    // Clients read the paths of the profile in folders of their own.
    let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
    if folder.join("ppc.toml").exists() {
        return Err(format!(
            "{} contains a sandbox already: name another folder, or remove this one",
            folder.display()
        ));
    }
    let engine = match arguments.database {
        Database::Sqlite => Engine::Sqlite,
        Database::Postgres => Engine::Postgres,
    };
    let collectors = AGENCIES.into_iter().filter_map(|agency| Some((agency.id(), arguments.collector?)));
    let ports = [arguments.ppc_port, arguments.ipa_port];
    let choice = Choice {
        engine: Some(engine),
        collectors: collectors.collect(),
        sample_ratio: 1.0,
        desk_ports: AGENCIES.into_iter().map(Agency::id).zip(ports).collect(),
        ..Choice::default()
    };
    let mut see = say;
    let walked = tokio::select! {
        walked = walk_with(Some(folder.clone()), seed()?, choice, &mut see) => walked,
        () = end.asked() => return Err("it was ended during the scenario".to_owned()),
    };
    let mut pair = walked.map_err(|error| with_logs(&folder, error))?;
    pair.world().run_clock()?;
    if !arguments.once {
        say(String::new());
        say(invitation(&pair, &root(), arguments.collector));
    }
    say(overview(&pair, &[]).await?);
    say(String::new());
    say(last_line(&pair).await?);
    if !arguments.once {
        say(on_the_clock(&pair));
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        make_wrong(&mut pair).await?;
        Profile::of(&pair, &program)?.write(&pair.setup.dir)?;
        say(for_clients(&pair.setup.dir, &program));
        let control = Control::open(&pair.setup.dir)?;
        say("Both services stay up until Ctrl-C.".to_owned());
        stay(&mut pair, &control, &program, &mut end).await?;
    }
    pair.stop_both().await
}

/// Restarts services when another terminal asks for it, until it is to end.
async fn stay(pair: &mut Pair, control: &Control, program: &Path, end: &mut End) -> Result<(), String> {
    loop {
        let request = tokio::select! {
            () = end.asked() => return Ok(()),
            request = control.next() => request,
        };
        let restarted = async {
            pair.stop(request.agency).await?;
            pair.start(request.agency).await?;
            // The operator's port is another one now.
            Profile::of(pair, program)?.write(&pair.setup.dir)
        };
        let done = restarted.await;
        request.answer(&done).await;
    }
}

/// The files by which clients find the services.
fn for_clients(folder: &Path, program: &Path) -> String {
    let (folder, program) = (folder.display(), program.display());
    format!(
        "Clients read addresses and certificates from {folder}/profile.json; a shell, from {folder}/sandbox.env.\n\
         Restart a service from another terminal: '{program}' restart ppc --folder '{folder}'"
    )
}

fn agency(id: &str) -> Result<Agency, String> {
    Agency::from_id(id).ok_or_else(|| "name ppc or ipa".to_owned())
}

/// The ends of both logs, since the folder goes with the sandbox.
fn with_logs(folder: &Path, error: String) -> String {
    let tail = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    };
    format!("{error}\nppc.log ends with\n{}\nipa.log ends with\n{}", tail("ppc.log"), tail("ipa.log"))
}

fn seed() -> Result<[u8; 32], String> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| "the machine gives no randomness".to_owned())?;
    Ok(seed)
}

fn root() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}

#[expect(clippy::print_stderr, reason = "the sandbox talks to the person who started it")]
fn complain(line: &str) {
    eprintln!("{line}");
}

#[expect(clippy::print_stdout, reason = "the sandbox talks to the person who started it")]
fn say(line: String) {
    println!("{line}");
}
