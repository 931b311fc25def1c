//! `./dev soak`: officials at both desks do for a long time what the simulation's generators draw, on the real programs
//! with real databases, while processes are killed and the link is cut. In the end everything that was acknowledged must
//! be in both databases, once.

mod desks;
mod figures;
mod official;
mod proof;
mod resources;
mod trouble;

use std::{sync::Arc, time::Duration};

use renkei_proto::r#type::v1::Agency;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use self::{
    desks::Desks,
    figures::{Figures, seconds},
    official::Official,
    resources::{Resources, Rest},
    trouble::Trouble,
};
use crate::{
    acts::settle,
    cluster::{Engine, durable},
    fault::Report,
    pair::Pair,
    setup::{AGENCIES, Choice},
};

/// The number of officials at each desk.
const OFFICIALS: u64 = 4;
/// The time in which caches and connections come into being, and matters on which later acts are done.
const WARM: Duration = Duration::from_secs(15);
/// The interval at which memory is read.
const LOOK: Duration = Duration::from_secs(1);
/// The interval at which figures are printed.
const MINUTE: Duration = Duration::from_secs(60);

/// The length of a soak, and the number from which its acts and disturbances are drawn.
pub struct Plan {
    /// The time in which officials act, after the warm-up.
    pub length: Duration,
    /// The seed of all draws. The agency on PostgreSQL is PPC if it is even.
    pub seed: u64,
}

/// Runs a soak and prints `PASS` or `FAIL` at its end. Returns whether every promise was kept.
pub async fn run(plan: &Plan, see: &mut dyn FnMut(&str)) -> bool {
    see(&format!("soak of {} with seed {}", seconds(plan.length), plan.seed));
    let mut report = Report { see, broken: 0 };
    if let Err(why) = soak(plan, &mut report).await {
        report.check(&why, false);
    }
    let passed = report.broken == 0;
    (report.see)(&format!("{} soak with seed {}", if passed { "PASS" } else { "FAIL" }, plan.seed));
    passed
}

async fn soak(plan: &Plan, report: &mut Report<'_>) -> Result<(), String> {
    durable();
    let served = if plan.seed.is_multiple_of(2) { Agency::Ppc } else { Agency::Ipa };
    report.figure("on PostgreSQL and on SQLite", format!("{} and {}", served.id(), served.peer().id()));
    let choice = Choice { engine: Some(Engine::Postgres), embedded: Some(served.peer()), ..Choice::default() };
    let mut pair = Pair::down(choice).await?;
    for agency in AGENCIES {
        pair.start(agency).await?;
    }
    let desks = Arc::new(Desks::new(&pair)?);
    let mut working = JoinSet::new();
    let played = play(plan, &mut pair, &desks, &mut working, report).await;
    // After an error the others are still at work, and need services until they notice that they are stopped.
    working.shutdown().await;
    played?;
    proof::of_services(&desks, report).await?;
    pair.stop_both().await?;
    proof::of_databases(&pair, &desks, report).await
}

/// Warms everything up, lets the soak take its course, and compares the state at rest before and after.
async fn play(
    plan: &Plan,
    pair: &mut Pair,
    desks: &Arc<Desks>,
    working: &mut Working,
    report: &mut Report<'_>,
) -> Result<(), String> {
    let (ppc, ipa, warm) = (desks.acts(Agency::Ppc), desks.acts(Agency::Ipa), Instant::now() + WARM);
    for (number, agency) in (0..OFFICIALS).flat_map(|number| AGENCIES.map(|agency| (number, agency))) {
        working.spawn(Official::new(desks, agency, plan.seed, number).work(warm));
    }
    let mut officials = Vec::new();
    while let Some(ended) = working.join_next().await {
        officials.push(ended.map_err(|error| error.to_string())??);
    }
    settle(ppc, ipa).await?;
    let before = Rest::of(pair)?;
    let resources = course(plan, pair, desks, officials, working, report).await?;
    settle(ppc, ipa).await?;
    let after = Rest::of(pair)?;
    desks.figures().print(report);
    resources.print(&before, &after, report);
    Ok(())
}

/// The officials who are at work.
type Working = JoinSet<Result<Official, String>>;

/// Officials act and disturbances follow one another until the time is over. Processes are killed in the second third
/// only, so that the latencies of the first and of the last third compare, and memory has a slope in the last one.
async fn course(
    plan: &Plan,
    pair: &mut Pair,
    desks: &Arc<Desks>,
    officials: Vec<Official>,
    working: &mut Working,
    report: &mut Report<'_>,
) -> Result<Resources, String> {
    let (begun, mut minutes) = (Instant::now(), 1);
    let until = begun + plan.length;
    *desks.figures() = Figures::new(begun, plan.length)?;
    for official in officials {
        working.spawn(official.work(until));
    }
    let mut resources = Resources::default();
    let mut trouble = Trouble::new(plan.seed);
    let mut next = begun + trouble.pause();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < until {
        tokio::select! {
            _ = looks.tick() => {}
            // Before the time is over, only an official who has found a violation ends.
            Some(ended) = working.join_next() => drop(ended.map_err(|error| error.to_string())??),
        }
        resources.look(pair)?;
        if next <= Instant::now() {
            let kills = desks.figures().third() == 1;
            let (at, what) = (begun.elapsed(), trouble.make(pair, kills).await?);
            (report.see)(&format!("  at {}: {what}", seconds(at)));
            next = Instant::now() + trouble.pause();
        }
        if begun.elapsed() >= MINUTE * minutes {
            let line = desks.figures().minute()?;
            report.figure(&format!("minute {minutes}"), format!("{line}; {}", Rest::of(pair)?));
            minutes += 1;
        }
    }
    while let Some(ended) = working.join_next().await {
        drop(ended.map_err(|error| error.to_string())??);
    }
    Ok(resources)
}
