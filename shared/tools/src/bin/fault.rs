//! `./dev fault`: plays scenarios against the real programs. Exits with 1 when a promise was broken.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use renkei_tools::{
    cluster::Engine,
    fault::{self, Scenario},
};

/// The services under faults and attack.
#[derive(Parser)]
struct Arguments {
    /// The scenarios to play; all when none is named.
    scenarios: Vec<Scenario>,
    /// On this database only; otherwise on each one for which the scenario makes sense.
    #[arg(long)]
    database: Option<Database>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let scenarios =
        if arguments.scenarios.is_empty() { Scenario::value_variants().to_vec() } else { arguments.scenarios };
    let only = arguments.database.map(|database| match database {
        Database::Sqlite => Engine::Sqlite,
        Database::Postgres => Engine::Postgres,
    });
    let mut passed = true;
    for scenario in scenarios {
        let engines = scenario.engines().iter().copied();
        for engine in engines.filter(|engine| only.is_none_or(|only| only == *engine)) {
            passed &= fault::run(scenario, engine, &mut say).await;
        }
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "the scenarios talk to the person who started them")]
fn say(line: &str) {
    println!("{line}");
}
