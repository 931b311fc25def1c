//! `./dev soak`: both programs at work for a long time, disturbed. Exits with 1 when a promise was broken.

use std::{
    process::ExitCode,
    time::{Duration, UNIX_EPOCH},
};

use clap::Parser;
use renkei_tools::{
    pair::machine_time,
    soak::{self, Plan},
};

/// Both services at work while processes are killed and the link is cut.
#[derive(Parser)]
struct Arguments {
    /// The time in which officials act.
    #[arg(long)]
    minutes: u64,
    /// The seed of acts and disturbances; another one each time when none is named.
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { minutes, seed } = Arguments::parse();
    let seconds = || machine_time().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let plan = Plan { length: Duration::from_secs(60 * minutes), seed: seed.unwrap_or_else(seconds) };
    if soak::run(&plan, &mut say).await { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "the soak talks to the person who started it")]
fn say(line: &str) {
    println!("{line}");
}
