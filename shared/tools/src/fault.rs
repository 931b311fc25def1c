//! `./dev fault`: the real programs under faults and attack. Each scenario prints its figures, and whether every
//! promise was kept.

mod clock;
mod delete;
mod disk;
mod floods;
mod hello;
mod load;
mod report;
mod silent;

use clap::ValueEnum;

pub use self::report::Report;
use crate::cluster::Engine;

/// A fault that the pair has to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// The file system under the database is full, and has room again.
    Disk,
    /// A connection to PostgreSQL swallows what it is sent.
    Silent,
    /// The database's file disappears, while the service runs and before it starts.
    Delete,
    /// The wall clock jumps.
    Clock,
    /// A holder of the peer's link certificate makes false claims.
    Hello,
    /// An authorised caller floods the ports.
    Floods,
}

impl Scenario {
    /// The databases on which the scenario makes sense.
    pub fn engines(self) -> &'static [Engine] {
        match self {
            Self::Disk => &Engine::BOTH,
            Self::Silent => &[Engine::Postgres],
            Self::Delete | Self::Clock | Self::Hello | Self::Floods => &[Engine::Sqlite],
        }
    }
}

/// Runs a scenario on one database and prints `PASS` or `FAIL` at its end. Returns whether every promise was kept.
pub async fn run(scenario: Scenario, engine: Engine, see: &mut dyn FnMut(&str)) -> bool {
    let name = format!("{} on {engine:?}", scenario.name()).to_lowercase();
    see(&name);
    let mut report = Report { see, broken: 0 };
    let ended = match scenario {
        Scenario::Disk => disk::run(engine, &mut report).await,
        Scenario::Silent => silent::run(engine, &mut report).await,
        Scenario::Delete => delete::run(engine, &mut report).await,
        Scenario::Clock => clock::run(engine, &mut report).await,
        Scenario::Hello => hello::run(engine, &mut report).await,
        Scenario::Floods => floods::run(engine, &mut report).await,
    };
    if let Err(error) = &ended {
        (report.see)(&format!("  the scenario could not be played: {error}"));
    }
    let passed = ended.is_ok() && report.broken == 0;
    (report.see)(&format!("{} {name}", if passed { "PASS" } else { "FAIL" }));
    passed
}

impl Scenario {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
