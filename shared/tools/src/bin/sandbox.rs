//! `./dev sandbox [--once]`: both services, the scenario, and then whatever you paste.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use renkei_tools::{
    database::Engine,
    sandbox::{invitation, last_line, on_the_clock, overview, walk_with},
    setup::{AGENCIES, Choice},
};
use tempfile::TempDir;

/// Both services as processes with throw-away certificates; walks through the scenario and stays up.
#[derive(Parser)]
struct Arguments {
    /// Ends after the scenario.
    #[arg(long)]
    once: bool,
    /// The folder for certificates, keys, SQLite's databases and logs; a temporary one when not given.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Which database both use. PostgreSQL runs in a private cluster that ends with the sandbox.
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
    /// The collector that receives traces, metrics and logs of both over OTLP (gRPC), such as 127.0.0.1:4317; every
    /// trace is kept then.
    #[arg(long)]
    collector: Option<SocketAddr>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format!("the sandbox failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let temporary = TempDir::new().map_err(|error| error.to_string())?;
    let folder = arguments.folder.unwrap_or_else(|| temporary.path().to_owned());
    let engine = match arguments.database {
        Database::Sqlite => Engine::Sqlite,
        Database::Postgres => Engine::Postgres,
    };
    let collectors = AGENCIES.into_iter().filter_map(|agency| Some((agency.id(), arguments.collector?)));
    let choice =
        Choice { engine: Some(engine), collectors: collectors.collect(), sample_ratio: 1.0, ..Choice::default() };
    let walked = walk_with(Some(folder.clone()), seed()?, choice, &mut say).await;
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
        say("Both services stay up until Ctrl-C.".to_owned());
        tokio::signal::ctrl_c().await.map_err(|error| error.to_string())?;
    }
    pair.stop_both().await
}

/// The ends of both logs, since the folder goes with the sandbox.
fn with_logs(folder: &std::path::Path, error: String) -> String {
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

#[expect(clippy::print_stdout, reason = "the sandbox talks to the person who started it")]
fn say(line: String) {
    println!("{line}");
}
