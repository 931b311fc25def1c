//! The project's tasks behind `./dev`. Installs what it needs beyond Rust and a C compiler under `target/tools`, or
//! states in a sentence what to install.

mod clients;
mod containers;
mod contract;
mod dist;
mod licences;
mod linked;
mod needs;
mod run;
mod sbom;
mod tally;
mod test;
mod trial;

use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, ExitCode},
};

use clap::{Parser, Subcommand};

use crate::{
    contract::{baseline, check, reference},
    needs::{database_server, setup},
    run::{build, cargo, say, succeeds},
};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs the tools of the tests.
    Setup,
    /// Builds both services and the test programs.
    Build,
    /// Formatting, lints and the contract's style.
    Check,
    /// Every check and test; ends with `N passed, M failed`.
    Test,
    /// Makes the contract as it is now the one that `check` compares with; for a release, and for a deliberate change
    /// that breaks generated code.
    Baseline,
    /// The clients in other languages: builds each and makes the calls of `tests/clients/expectations.json` to a sandbox.
    Clients,
    /// Both agencies in containers: runs `Dockerfile` and `docker-compose.yml` on a container engine of its own.
    Containers,
    /// Makes a release archive for this platform under `target/dist`, with its checksum.
    Dist,
    /// Writes `docs/errors.md` and `docs/api` anew from the contract, and `docs/states.md` from the rules; the tests compare them.
    Reference,
    /// Measures the services beside controls of the same run; `./dev bench --help` lists the cases.
    #[command(disable_help_flag = true)]
    Bench {
        /// Goes to the bench as it is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The real programs under faults and attack; `./dev fault --help` lists the scenarios.
    #[command(disable_help_flag = true)]
    Fault {
        /// Goes to the scenarios as it is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Histories of the pair in memory, with every failure; `./dev simulate --help` lists what can be chosen.
    #[command(disable_help_flag = true)]
    Simulate {
        /// Goes to the simulation as it is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Puts faults into a copy of the sources, one at a time, and lets the simulation find them.
    #[command(disable_help_flag = true)]
    Mutants {
        /// Goes to the program as it is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The real programs at work for a long time, with kills and cuts; `./dev soak --help` lists the options.
    #[command(disable_help_flag = true)]
    Soak {
        /// Goes to the soak as it is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Both services with the scenario; stays up until Ctrl-C. `./dev sandbox --help` lists the options.
    #[command(disable_help_flag = true)]
    Sandbox {
        /// Goes to the sandbox as it is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Databases of both services with many items; see its own `--help`.
    #[command(disable_help_flag = true)]
    Seed {
        /// The arguments of the program.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Setup => setup().map(|_| true),
        Task::Build => build(),
        Task::Check => check().map(|tally| tally.report()),
        Task::Test => test::test().map(|tally| tally.report()),
        Task::Baseline => baseline(),
        Task::Clients => build().and_then(|built| Ok(built && clients::clients()?.report())),
        Task::Dist => dist(),
        Task::Containers => build().and_then(|built| Ok(built && containers::containers()?.report())),
        Task::Reference => reference(),
        Task::Bench { arguments } => bench(&arguments),
        Task::Simulate { arguments } => simulation("simulate", &arguments),
        Task::Mutants { arguments } => simulation("mutants", &arguments),
        Task::Fault { arguments } => on_programs("fault", &arguments),
        Task::Soak { arguments } => on_programs("soak", &arguments),
        Task::Sandbox { arguments } => sandbox(&arguments),
        Task::Seed { arguments } => seed(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

/// An archive is tried before it is there.
fn dist() -> Result<bool, String> {
    let Some(programs) = dist::programs()? else { return Ok(false) };
    if !trial::trial(&programs)?.report() {
        return Ok(false);
    }
    dist::release(&programs).map(|()| true)
}

/// The services as they run in production.
fn bench(arguments: &[String]) -> Result<bool, String> {
    // The bench would say so as well, after minutes of building.
    if let Some(folder) = against(arguments)
        && let Some(missing) = ["ppc", "ipa"].into_iter().find(|name| !folder.join(name).is_file())
    {
        return Err(format!("--against {}: there is no program {missing} in it", folder.display()));
    }
    database_server()?;
    let programs = ["build", "--workspace", "--release", "--bin", "ppc", "--bin", "ipa", "--bin", "bench"];
    if !succeeds(&mut cargo(&programs))? {
        return Ok(false);
    }
    succeeds(Command::new("target/release/bench").args(arguments))
}

/// The folder that the bench compares with.
fn against(arguments: &[String]) -> Option<&Path> {
    let joined = arguments.iter().find_map(|it| it.strip_prefix("--against="));
    let parted = arguments.iter().skip_while(|it| *it != "--against").nth(1);
    joined.or(parted.map(String::as_str)).map(Path::new)
}

/// Runs a program that plays with the services on both databases.
fn on_programs(name: &str, arguments: &[String]) -> Result<bool, String> {
    database_server()?;
    Ok(build()? && succeeds(Command::new(Path::new("target/debug").join(name)).args(arguments))?)
}

/// A program of the simulation, which needs neither service.
fn simulation(program: &str, arguments: &[String]) -> Result<bool, String> {
    let built = succeeds(&mut cargo(&["build", "--quiet", "--workspace", "--bin", program]))?;
    Ok(built && succeeds(Command::new(Path::new("target/debug").join(program)).args(arguments))?)
}

fn sandbox(arguments: &[String]) -> Result<bool, String> {
    // A sandbox that is to be restarted has been built.
    let restarts = arguments.first().is_some_and(|it| it == "restart");
    let options: Vec<&str> = arguments.iter().flat_map(|it| it.split('=')).collect();
    if options.windows(2).any(|pair| pair == ["--database", needs::DATABASES[1]]) {
        database_server()?;
    }
    if !restarts && !build()? {
        return Ok(false);
    }
    // It takes the place of this program: a signal to `./dev sandbox` reaches it, and it ends its services.
    let error = Command::new("target/debug/sandbox").args(arguments).exec();
    Err(format!("the sandbox cannot be started: {error}"))
}

/// A program built for speed fills ten times as fast, which pays for its build from some number of items on.
fn seed(arguments: &[String]) -> Result<bool, String> {
    let asked = arguments.iter().skip_while(|it| *it != "--items").nth(1);
    let many = asked.and_then(|items| items.parse::<u64>().ok()).is_some_and(|items| items > 10_000);
    let release = if many { ["--release"].as_slice() } else { &[] };
    let run = ["run", "--quiet", "--bin", "seed"];
    succeeds(cargo(&run).args(release).arg("--").args(arguments))
}
