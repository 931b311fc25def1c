//! `./dev seed`: databases of both services with many items, in a folder on which a pair can be started.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use clap::Parser;
use renkei_proto::r#type::v1::Agency;
use renkei_tools::{
    seed::{prepare, seed},
    setup::{AGENCIES, config_file},
};

/// Lets one agency publish items and the other one accept them, without a network.
#[derive(Parser)]
struct Arguments {
    /// The number of items.
    #[arg(long)]
    items: u64,
    /// The folder for certificates, keys, databases and configurations. One that has them is filled further.
    #[arg(long)]
    folder: PathBuf,
    /// The agency that publishes the items: `ppc` or `ipa`.
    #[arg(long, default_value = "ppc")]
    agency: String,
    /// `sqlite`, or a database's URL in which `{agency}` stands for `ppc` and `ipa`.
    #[arg(long, default_value = "sqlite")]
    database: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("the databases were not filled: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let Arguments { items, folder, agency, database } = arguments;
    let author = AGENCIES.into_iter().find(|it| it.id() == agency).ok_or("--agency is `ppc` or `ipa`")?;
    let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
    if AGENCIES.iter().any(|it| !config_file(&folder, *it).exists()) {
        prepare(&folder, &databases(&database)?)?;
    }
    let start = tokio::time::Instant::now();
    seed(&folder, author, items).await?;
    let seconds = start.elapsed().as_secs_f64();
    say(&format!("{items} items in {seconds:.1} s in {}", folder.display()));
    Ok(())
}

fn databases(database: &str) -> Result<BTreeMap<&'static str, String>, String> {
    if database == "sqlite" {
        return Ok(BTreeMap::new());
    }
    if !database.contains("{agency}") {
        return Err("--database is `sqlite`, or a URL with `{agency}`, as each agency has its own".to_owned());
    }
    Ok(AGENCIES.map(|own: Agency| (own.id(), database.replace("{agency}", own.id()))).into())
}

#[expect(clippy::print_stdout, reason = "the task talks to the person who started it")]
fn say(line: &str) {
    println!("{line}");
}
