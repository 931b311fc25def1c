//! Makes the folders that docker-compose.yml mounts into both services; runs there before everything else.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use renkei_tools::{compose, pair::machine_time};

/// A development PKI, configurations, keys and passwords for both services.
#[derive(Parser)]
struct Arguments {
    /// The folder in which the folders `ppc` and `ipa` are made.
    #[arg(long)]
    folder: PathBuf,
    /// Makes certificates and revocation lists anew, even if those that are there are good. Callers that were copied are refused
    /// then.
    #[arg(long)]
    fresh: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| "the machine gives no randomness".to_owned())?;
    compose::write(&arguments.folder, machine_time(), seed, arguments.fresh)
}

#[expect(clippy::print_stderr, reason = "the program talks to the person who started it")]
fn say(line: &str) {
    eprintln!("{line}");
}
