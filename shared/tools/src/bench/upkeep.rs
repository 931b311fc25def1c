//! The upkeep of a database while its service is down: the present program migrates it, proves it and folds its
//! journals again. The control of each figure is a tenth as many items, so that memory that grows with them is seen.

use std::{iter, pin::pin, process::Stdio, time::Duration};

use tokio::{
    process::Command,
    time::{Instant, interval},
};

use super::{
    backlog::filled,
    machine::{Machine, most_resident},
    plan::{Plan, Programs},
    publisher::PUBLISHER,
    row::{Row, Rows},
    services::Services,
};
use crate::{cluster::Engine, process::binary, setup::config_file};

/// The interval at which memory is read. The kernel keeps the maximum, so only growth in the last interval is missed.
const LOOK: Duration = Duration::from_millis(10);
/// The output of `migrate` for a database that has the present layout already.
const NOTHING_TO_MIGRATE: &str = "migrations run: 0\n";

/// A command of the program, with the names of its figures.
#[derive(Clone, Copy)]
struct Task {
    command: &'static str,
    cases: [&'static str; 3],
}

const MIGRATE: Task = Task {
    command: "migrate",
    cases: ["upkeep: migrate, entries per second", "upkeep: migrate, seconds", "upkeep: migrate, MiB resident at most"],
};
const VERIFY: Task = Task {
    command: "verify",
    cases: ["upkeep: verify, entries per second", "upkeep: verify, seconds", "upkeep: verify, MiB resident at most"],
};
const REBUILD: Task = Task {
    command: "rebuild",
    cases: ["upkeep: rebuild, entries per second", "upkeep: rebuild, seconds", "upkeep: rebuild, MiB resident at most"],
};

/// Once `migrate`, because nothing is left to migrate then, and the rest as often as asked for.
pub(super) async fn run(plan: &Plan, rows: &mut Rows<'_>) -> Result<(), String> {
    for engine in plan.engines.iter().copied() {
        let tenth = Journal::fill(plan, engine, plan.items / 10).await?;
        let all = Journal::fill(plan, engine, plan.items).await?;
        for task in iter::once(MIGRATE).chain([VERIFY, REBUILD].repeat(plan.repetitions)) {
            let (control, ran) = (tenth.run(task).await?, all.run(task).await?);
            if ran.output == NOTHING_TO_MIGRATE {
                continue;
            }
            for (case, (figure, control)) in task.cases.into_iter().zip(ran.figures.into_iter().zip(control.figures)) {
                rows.add(Row::figure(case, figure).against(control).idle(ran.idle).on(engine, Programs::Now));
            }
        }
    }
    Ok(())
}

/// The database of a service that is down.
struct Journal {
    services: Services,
    /// The number of items in it. The few other entries do not count.
    items: u64,
}

/// The outcome of a command.
struct Ran {
    /// As the names of a [`Task`].
    figures: [f64; 3],
    /// The idle share of the machine meanwhile.
    idle: f64,
    output: String,
}

impl Journal {
    /// Fills one by calls, with the programs of the other version if there is one.
    async fn fill(plan: &Plan, engine: Engine, items: u64) -> Result<Self, String> {
        Ok(Self { services: filled(engine, plan.against.clone(), items).await?, items })
    }

    /// Runs a command of the present program on it, whichever version filled it.
    async fn run(&self, task: Task) -> Result<Ran, String> {
        let (before, start) = (Machine::now()?, Instant::now());
        let process = Command::new(binary(PUBLISHER)?)
            .arg("--config")
            .arg(config_file(&self.services.pair.setup.dir, PUBLISHER))
            .arg(task.command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| error.to_string())?;
        let id = process.id().ok_or("the command has ended by itself")?;
        let (mut looks, mut most) = (interval(LOOK), 0.0);
        let mut ending = pin!(process.wait_with_output());
        let ended = loop {
            tokio::select! {
                ended = &mut ending => break ended.map_err(|error| error.to_string())?,
                // A process that has just ended has no memory any more.
                _ = looks.tick() => most = most_resident(id).unwrap_or(most),
            }
        };
        let (seconds, idle) = (start.elapsed().as_secs_f64(), Machine::now()?.idle_since(&before));
        let output = String::from_utf8_lossy(&ended.stdout).into_owned();
        if !ended.status.success() {
            let errors = String::from_utf8_lossy(&ended.stderr);
            return Err(format!("{} ended with {}: {output}{errors}", task.command, ended.status));
        }
        Ok(Ran { figures: [self.items as f64 / seconds, seconds, most], idle, output })
    }
}
