//! The command line of both binaries.

use std::{
    collections::HashMap,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use renkei_domain::moment::Source;
use renkei_proto::{Validate as _, journal::v1::StopLiftedContent, r#type::v1::Agency};
use renkei_store::{Call, Error, Store, arrive::Resume};
use renkei_telemetry::{LogTarget, Settings, Telemetry};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    config::Config,
    doctor,
    error::StartError,
    key, operator, source,
    start::{Running, Tls, dialling, open},
    status::{Status, hex},
    trace,
};

/// The service of one agency under the memorandum of understanding.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration; /etc/renkei/ppc.toml or /etc/renkei/ipa.toml when not given.
    #[arg(long)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs the service until SIGTERM or Ctrl-C; takes fresh certificates and revocation lists on SIGHUP.
    Serve {
        /// Sets up a new database before, where there was none. Without it a database that is not there is an error.
        #[arg(long)]
        first_start: bool,
    },
    /// Checks configuration, files, keys and database, and tries to reach the peer. Changes nothing.
    Check,
    /// Sets up or upgrades the database.
    Migrate,
    /// Folds the journals again and compares with the pages in the database.
    Rebuild {
        /// Puts right what differs. Only while the service is stopped.
        #[arg(long)]
        write: bool,
    },
    /// Proves that nothing in the journals and audit chains is missing, added or changed.
    Verify,
    /// Lifts a stop of the peer's journal. It goes on from its next number; none is skipped.
    Resume {
        /// The next number of the peer's journal.
        #[arg(long)]
        from: u64,
        /// Why, in 1 to 1000 characters; is recorded.
        #[arg(long)]
        reason: String,
    },
    /// Shows what was set aside in a recovery and waits for an official.
    Recover,
    /// Copies the database while it runs, and marks the copy: whoever starts on it opens a new incarnation. SQLite only;
    /// a copy that was made with PostgreSQL's own tools is known by where it stands.
    Backup {
        /// The new file.
        file: PathBuf,
    },
    /// Shows how the service stands: link, journals, what waits and why, duties, clocks, certificates, agreement. Asks the
    /// service that runs; when none does, shows what stands in the database.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Checks everything that the service needs, a line each, and says what to do. Changes nothing.
    Doctor,
    /// Says whether the service runs and its database answers, for whoever watches the process.
    Health,
    /// Shows the life of one matter: its entries of both halves, how far each has come, and their traces.
    Trace {
        /// Its name, such as `agencies/ppc/referrals/…`.
        matter: String,
    },
}

/// Runs the command line of an agency's binary. Exit code 0: done; 1: failed, with the reason in a sentence; 2: usage.
pub fn main(own: Agency) -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("the runtime cannot start: {error}")),
    };
    match runtime.block_on(run(own, arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(why: &str) -> ExitCode {
    // Nobody may read standard error.
    let _ = writeln!(std::io::stderr().lock(), "{why}");
    ExitCode::FAILURE
}

fn say(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout().lock(), "{line}").map_err(|error| error.to_string())
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

async fn run(own: Agency, arguments: Arguments) -> Result<(), String> {
    let file = arguments.config.unwrap_or_else(|| Path::new("/etc/renkei").join(format!("{}.toml", own.id())));
    let mut config = Config::load(&file, variables()).map_err(said)?;
    config.callers(own).map_err(|error| said(error.of(&file)))?;
    let source = source(&config).map_err(said)?;
    match arguments.task {
        Task::Serve { first_start } => {
            config.database.first_start = first_start;
            serve(own, config, source).await
        }
        Task::Check => check(own, &config).await,
        Task::Migrate => {
            let url = config.database.opened_with().map_err(said)?;
            let ran = Store::migrate(&url, own, &source.moment().id("store", 0)).await.map_err(said)?;
            say(&format!("migrations run: {ran}"))
        }
        Task::Rebuild { write } => {
            let store = open(own, &config).await.map_err(said)?;
            let rebuilt = store.rebuild(&source.moment(), write).await.map_err(said)?;
            for name in &rebuilt.differing {
                say(&format!("differs: {name}"))?;
            }
            say(&format!(
                "entries {}, pages {}, differing {}",
                rebuilt.entries,
                rebuilt.pages,
                rebuilt.differing.len()
            ))?;
            let right = write || rebuilt.differing.is_empty();
            right
                .then_some(())
                .ok_or_else(|| "pages differ from the journals: stop the service and run `rebuild --write`".to_owned())
        }
        Task::Verify => prove(own, &config).await,
        Task::Resume { from, reason } => {
            let words = StopLiftedContent { reason: reason.clone() };
            if !words.violations().is_empty() {
                return Err("`--reason` must have 1 to 1000 characters".to_owned());
            }
            let store = open(own, &config).await.map_err(said)?;
            let resume = Resume { from_seq: from, reason };
            store.write("resume", Call::own("resume"), source.moment(), resume).await.map_err(said)?;
            store.close().await;
            say(&format!("the peer's journal goes on from {from}"))
        }
        Task::Recover => recover(own, &config).await,
        Task::Backup { file } => {
            let store = open(own, &config).await.map_err(said)?;
            let path = file.to_str().ok_or("the file's name is not UTF-8")?;
            store.backup(path).await.map_err(said)?;
            say(&format!("copied and marked: {path}"))
        }
        Task::Status { json } => {
            let status = match asked(&config).await? {
                Some(status) => status,
                None => {
                    let store = open(own, &config).await.map_err(said)?;
                    let material = Tls::load(&config).map_err(said)?.stands();
                    Status::of(&store, None, material, source::machine(), source.moment().now).await
                }
            };
            say(&if json { serde_json::to_string_pretty(&status).map_err(said)? } else { status.table() })
        }
        Task::Doctor => doctor::examine(own, &config, &mut |line| say(&line)).await,
        Task::Health => match asked(&config).await? {
            Some(status) if status.database.is_empty() => say("the service runs and its database answers"),
            Some(status) => Err(status.database),
            None if config.operator.is_none() => Err("there is no `operator.listen` to ask at".to_owned()),
            None => Err("no service answers on the operator's port".to_owned()),
        },
        Task::Trace { matter } => {
            let store = open(own, &config).await.map_err(said)?;
            let lines = trace::lines(&store, &matter).await.map_err(said)?;
            if lines.is_empty() {
                return Err(format!("there is no entry of {matter}"));
            }
            lines.iter().try_for_each(|line| say(line))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment overrides the configuration, and is read here only")]
fn variables() -> HashMap<String, String> {
    std::env::vars().filter(|(name, _)| name.starts_with("RENKEI__")).collect()
}

/// How the service that runs says that it stands; none when none answers.
async fn asked(config: &Config) -> Result<Option<Status>, String> {
    match &config.operator {
        Some(operator) => operator::ask(operator.listen).await,
        None => Ok(None),
    }
}

async fn serve(own: Agency, config: Config, source: Source) -> Result<(), String> {
    let telemetry = telemetry(own, &config).map_err(said)?;
    telemetry.install_global().map_err(said)?;
    // Before the start, so that the signal ends nothing while it goes on.
    let hangup = signal(SignalKind::hangup()).map_err(said)?;
    let running = crate::start(own, config, source, &telemetry).await.map_err(said)?;
    asked_to_end(&running, hangup).await?;
    tracing::info!("shutting down");
    running.stop().await;
    let flushed = tokio::task::spawn_blocking(move || telemetry.shutdown()).await.map_err(said)?;
    // What a collector misses is no failure of the service.
    flushed.or_else(|error| {
        tracing::warn!(%error, "telemetry was not flushed");
        Ok(())
    })
}

fn telemetry(own: Agency, config: &Config) -> Result<Telemetry, renkei_telemetry::Error> {
    renkei_telemetry::start(Settings {
        service_name: if own == Agency::Ppc { "renkei-ppc" } else { "renkei-ipa" },
        instance: config.replica.clone(),
        otlp_endpoint: config.telemetry.otlp_endpoint.clone(),
        sample_ratio: config.telemetry.sample_ratio,
        // The exporters' own chatter about starting and ending says nothing of the service.
        log_filter: format!("opentelemetry=warn,opentelemetry_sdk=warn,{}", config.telemetry.log),
        sandbox: config.sandbox,
        log: LogTarget::Stderr,
    })
}

async fn asked_to_end(running: &Running, mut hangup: Signal) -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(said)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(said)?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            Some(()) = hangup.recv() => running.reload(),
        }
    }
}

async fn check(own: Agency, config: &Config) -> Result<(), String> {
    let tls = Tls::load(config).map_err(said)?;
    key::check(config).map_err(said)?;
    doctor::ended(&tls).map_or(Ok(()), Err)?;
    // What the service that runs has refused shows only there.
    let faults = doctor::faults(&tls, asked(config).await.ok().flatten().as_ref());
    faults.into_iter().next().map_or(Ok(()), Err)?;
    say("configuration, keys and certificates are right")?;
    say(&database(own, config).await?)?;
    // A peer that is away is a normal state.
    match dialling(own, config, &tls).probe().await {
        Ok(peer) => say(&format!("the peer answers as {}", peer.uri())),
        Err(error) => say(&format!("the peer is not reached: {error}")),
    }
}

/// How the database stands. One that `serve` will upgrade is not a fault.
pub(crate) async fn database(own: Agency, config: &Config) -> Result<String, String> {
    if let Some(file) = config.database.file()
        && !file.parent().is_some_and(Path::is_dir)
    {
        let file = file.display();
        return Err(format!("there is no folder for the database {file}: make it or set `database.url`"));
    }
    match open(own, config).await {
        Ok(store) => {
            store.close().await;
            Ok("the database is this agency's and up to date".to_owned())
        }
        Err(StartError::Store(Error::OlderSchema { found, known })) if config.database.migrates() => {
            Ok(format!("the database has schema {found}: `serve` upgrades it to {known}"))
        }
        Err(error) => Err(said(error)),
    }
}

async fn prove(own: Agency, config: &Config) -> Result<(), String> {
    let store = open(own, config).await.map_err(said)?;
    let own_keys = key::of_own(config, store.key()).map_err(said)?;
    let peer_keys = key::of_peer(config).map_err(said)?;
    let verified = renkei_desk::verify::verify(&store, &own_keys, &peer_keys).await?;
    for (journal, head) in &verified.journals {
        say(&format!("{:8} {:8} {}", journal.id(), head.seq, hex(&head.hash)))?;
    }
    let counts: Vec<String> =
        verified.journals.iter().map(|(journal, head)| format!("{} {}", journal.id(), head.seq)).collect();
    say(&format!("journals verified: {}", counts.join(" ")))
}

async fn recover(own: Agency, config: &Config) -> Result<(), String> {
    let store = open(own, config).await.map_err(said)?;
    let heads = store.heads().borrow().clone();
    if heads.recovering() {
        say(&format!("fetching the own journal back: {} of {}", heads.own.seq, heads.own.recover_to))?;
    }
    let aside = store.aside().await.map_err(said)?;
    for again in &aside {
        let why = if again.reason.is_empty() { "waits for the recovery" } else { again.reason.as_str() };
        say(&format!("{} {} {} {why}", again.entry_id, again.seq, again.matter))?;
    }
    say(&format!("set aside: {}", aside.len()))
}
