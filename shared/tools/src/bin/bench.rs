//! `./dev bench`: the release binaries against controls in the same run. Prints a table, or a line of JSON per
//! repetition.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};
use renkei_tools::{
    bench::{self, Case, Plan, Rows},
    cluster::Engine,
    setup::AGENCIES,
};

/// Measures the speed of the services.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// The cases to measure; all when none is named.
    cases: Vec<Case>,
    /// Measures the programs `ppc` and `ipa` of another version, in this folder, in turn with the present ones.
    #[arg(long, value_name = "FOLDER", value_parser = folder_of_programs)]
    against: Option<PathBuf>,
    /// Prints one JSON object per line instead of the table.
    #[arg(long)]
    json: bool,
    /// On which database.
    #[arg(long, default_value = "both")]
    database: Databases,
    /// The number of times that each figure is measured.
    #[arg(long, default_value_t = 5)]
    repetitions: usize,
    /// For how many seconds each time.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// With how many calls under way at once (submit, read).
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    in_flight: Vec<usize>,
    /// The number of items in a large journal (growth, upkeep) or backlog (backlog).
    #[arg(long, default_value_t = 1_000_000)]
    items: u64,
    /// The number of entries that are proven (verify).
    #[arg(long, default_value_t = 1_000_000)]
    entries: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Databases {
    Sqlite,
    Postgres,
    Both,
}

#[derive(Subcommand)]
enum Part {
    /// The control that echoes, as a process of its own.
    #[command(hide = true)]
    Echo {
        /// The folder of the certificates.
        #[arg(long)]
        folder: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("the bench failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    if let Some(Part::Echo { folder }) = arguments.part {
        return bench::serve_echo(&folder, |line| say(&line)).await;
    }
    let engines = match arguments.database {
        Databases::Sqlite => vec![Engine::Sqlite],
        Databases::Postgres => vec![Engine::Postgres],
        Databases::Both => Engine::BOTH.to_vec(),
    };
    let plan = Plan {
        engines,
        against: arguments.against,
        repetitions: arguments.repetitions.max(1),
        time: Duration::try_from_secs_f64(arguments.seconds).map_err(|error| error.to_string())?,
        in_flight: arguments.in_flight,
        items: arguments.items,
        entries: arguments.entries,
    };
    let cases = if arguments.cases.is_empty() { bench::USUAL.to_vec() } else { arguments.cases };
    let json = arguments.json;
    let mut see = |row: String| if json { say(&row) } else { note(&row) };
    let mut rows = Rows::new(&mut see);
    for case in cases {
        bench::run(case, &plan, &mut rows).await?;
    }
    if !json {
        say(&rows.table()?);
    }
    Ok(())
}

fn folder_of_programs(folder: &str) -> Result<PathBuf, String> {
    let folder = PathBuf::from(folder);
    let missing = AGENCIES.into_iter().find(|agency| !folder.join(agency.id()).is_file());
    missing.map_or(Ok(folder), |agency| Err(format!("there is no program {} in it", agency.id())))
}

#[expect(clippy::print_stdout, reason = "the bench talks to the person who started it")]
fn say(line: &str) {
    println!("{line}");
}

/// Progress, and what went wrong: not among the figures.
#[expect(clippy::print_stderr, reason = "the bench talks to the person who started it")]
fn note(line: &str) {
    eprintln!("{line}");
}
