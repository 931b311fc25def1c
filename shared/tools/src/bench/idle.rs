//! One service: from its start until it serves, its memory, and what it does while nothing happens.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    machine::{processor_time, resident},
    plan::Plan,
    publisher::{PUBLISHER, Publisher},
    row::{Row, Rows},
    services::Services,
    submit::submit,
};
use crate::{cluster::Engine, setup::AGENCIES};

/// The time without any call.
const REST: Duration = Duration::from_secs(10);
/// The number of calls under way under full load.
const IN_FLIGHT: usize = 64;

/// Each repetition with services that are started anew, on a database that is set up.
pub(super) async fn run(plan: &Plan, rows: &mut Rows<'_>) -> Result<(), String> {
    for engine in plan.engines.iter().copied() {
        let mut services = Services::start(engine).await?;
        for _ in 0..plan.repetitions {
            once(&mut services, engine, plan, rows).await?;
        }
    }
    Ok(())
}

async fn once(services: &mut Services, engine: Engine, plan: &Plan, rows: &mut Rows<'_>) -> Result<(), String> {
    services.settle(PUBLISHER).await?;
    services.pair.stop(PUBLISHER).await?;
    let start = Instant::now();
    services.pair.start(PUBLISHER).await?;
    let started = start.elapsed().as_secs_f64() * 1000.0;
    let process = services.process_id(PUBLISHER)?;
    for agency in AGENCIES {
        services.settle(agency).await?;
    }
    let mut add = |case, figure| rows.add(Row::figure(case, Some(engine), figure));
    add("idle: ms from start to serving", started);
    add("idle: MiB resident after the start", resident(process)?);
    let before = processor_time(process)?;
    sleep(REST).await;
    let share = processor_time(process)?.saturating_sub(before).as_secs_f64() / REST.as_secs_f64();
    add("idle: % of a core at rest", share * 100.0);
    let publisher = Arc::new(Publisher::new(&services.desk(PUBLISHER)?)?);
    submit(&publisher, IN_FLIGHT, plan.time).await?;
    add("idle: MiB resident under full load", resident(process)?);
    Ok(())
}
