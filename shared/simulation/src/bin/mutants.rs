//! Proves that the simulation finds faults: puts one after the other into a copy of the sources, and prints how many
//! histories it took to find each.

#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::{
    fs, io,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use clap::Parser;
use renkei_simulation::mutant::{ALL, Mutant};

/// The folder of the copy and of its build, which is kept between runs.
const FOLDER: &str = "target/mutants";
/// The parts of the project that the simulation is built from.
const PARTS: [&str; 8] = [".cargo", "Cargo.lock", "Cargo.toml", "clippy.toml", "proto", "services", "shared", "tests"];

/// The number of histories of the sources as they are.
const UNCHANGED: u64 = 100;

/// Puts each fault of the table into a copy of the sources and lets the simulation find it.
#[derive(Clone, Parser)]
struct Arguments {
    /// Only faults whose names contain this text.
    #[arg(long, default_value = "")]
    only: String,
    /// The most histories for each fault.
    #[arg(long, default_value_t = 2000)]
    histories: u64,
    /// The number of operations of each history.
    #[arg(long, default_value_t = 400)]
    operations: usize,
    /// The seed of all.
    #[arg(long, default_value_t = 20_261_201)]
    seed: u64,
}

/// The end of one mutant.
enum End {
    /// The invariant that found it, and the number of histories.
    Found(String, u64),
    /// No history found it.
    Survived,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match all(&arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(survived) => {
            println!("{survived} survived");
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Tries all mutants. Returns the number of those that were not found.
fn all(arguments: &Arguments) -> Result<usize, String> {
    let tree = Path::new(FOLDER).join("tree");
    for part in PARTS {
        copy(Path::new(part), &tree.join(part)).map_err(|error| format!("{part} cannot be copied: {error}"))?;
    }
    // A simulation that fails on the sources as they are would find every fault.
    let unchanged = Arguments { histories: UNCHANGED, ..arguments.clone() };
    for about in [None, Some("items")] {
        if let End::Found(invariant, _) = run(&unchanged, about, &tree)? {
            return Err(format!("the sources as they are violate an invariant: {invariant}"));
        }
    }
    let mut survived = 0;
    for mutant in ALL.iter().filter(|mutant| mutant.name.contains(&arguments.only)) {
        match tried(arguments, mutant, &tree)? {
            End::Found(invariant, histories) => println!("found   {:<56} {histories:>5}  {invariant}", mutant.name),
            End::Survived => {
                println!("SURVIVED {}", mutant.name);
                survived += 1;
            }
        }
    }
    Ok(survived)
}

/// Puts a fault into the copy, runs the simulation on it, and takes the fault out again.
fn tried(arguments: &Arguments, mutant: &Mutant, tree: &Path) -> Result<End, String> {
    let file = tree.join(mutant.file);
    let failed = |error: io::Error| format!("{}: {error}", mutant.file);
    let before = fs::read_to_string(&file).map_err(failed)?;
    let after = mutant.applied(&before)?;
    fs::write(&file, after).map_err(failed)?;
    let end = run(arguments, mutant.about(), tree);
    fs::write(&file, before).map_err(failed)?;
    end
}

/// Builds the simulation of the copy and runs it until a history fails.
fn run(arguments: &Arguments, about: Option<&str>, tree: &Path) -> Result<End, String> {
    let build = ["build", "--quiet", "--package", "renkei-simulation", "--bin", "simulate", "--target-dir"];
    let built = Command::new("cargo").args(build).arg("../build").current_dir(tree).stdin(Stdio::null()).status();
    if !built.map_err(|error| error.to_string())?.success() {
        return Err("the copy cannot be built: the fault is not a program any more".to_owned());
    }
    let Arguments { histories, operations, seed, .. } = arguments;
    let given = ["--histories", &histories.to_string(), "--operations", &operations.to_string()].map(str::to_owned);
    let mut simulate = Command::new(Path::new(FOLDER).join("build/debug/simulate"));
    simulate.args(given).args(["--seed", &seed.to_string(), "--first"]);
    if let Some(noun) = about {
        simulate.args(["--about", noun]);
    }
    let output = simulate.stdin(Stdio::null()).output();
    let output = String::from_utf8_lossy(&output.map_err(|error| error.to_string())?.stdout).into_owned();
    let found = output.lines().find_map(|line| line.strip_prefix("history ")?.split_once(": "));
    let Some((number, violation)) = found else { return Ok(End::Survived) };
    let number: u64 = number.parse().map_err(|_| format!("the simulation printed: {violation}"))?;
    let invariant = violation.split(": ").nth(1).unwrap_or(violation);
    Ok(End::Found(invariant.to_owned(), number + 1))
}

/// Copies a file or a folder. A file that is equal is left alone, so that nothing is compiled anew for it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        return fs::read_dir(from)?.try_for_each(|item| {
            let item = item?;
            copy(&item.path(), &to.join(item.file_name()))
        });
    }
    let bytes = fs::read(from)?;
    if fs::read(to).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    fs::write(to, bytes)
}
