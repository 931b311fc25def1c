//! One service: from its start until it serves, its memory, and what it does while nothing happens.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    machine::{processor_time, resident},
    plan::Plan,
    publisher::{PUBLISHER, Publisher},
    row::Row,
    services::Services,
    submit::submit,
    turns::Subject,
};
use crate::{cluster::Engine, setup::AGENCIES};

/// The time without any call.
const REST: Duration = Duration::from_secs(10);
/// The number of calls under way under full load.
const IN_FLIGHT: usize = 64;

/// Each repetition with services that are started anew, on a database that is set up.
pub(super) struct Idle(Services);

impl Subject for Idle {
    async fn start(_: &Plan, engine: Engine, programs: Option<PathBuf>) -> Result<Self, String> {
        Ok(Self(Services::start(engine, programs).await?))
    }

    async fn measure(&mut self, plan: &Plan) -> Result<Vec<Row>, String> {
        let services = &mut self.0;
        services.settle(PUBLISHER).await?;
        services.pair.stop(PUBLISHER).await?;
        let start = Instant::now();
        services.pair.start(PUBLISHER).await?;
        let started = start.elapsed().as_secs_f64() * 1000.0;
        let process = services.process_id(PUBLISHER)?;
        for agency in AGENCIES {
            services.settle(agency).await?;
        }
        let after_start = resident(process)?;
        let before = processor_time(process)?;
        sleep(REST).await;
        let share = processor_time(process)?.saturating_sub(before).as_secs_f64() / REST.as_secs_f64();
        let publisher = Arc::new(Publisher::new(&services.desk(PUBLISHER)?)?);
        submit(&publisher, IN_FLIGHT, plan.time).await?;
        Ok(vec![
            Row::figure("idle: ms from start to serving", started),
            Row::figure("idle: MiB resident after the start", after_start),
            Row::figure("idle: % of a core at rest", share * 100.0),
            Row::figure("idle: MiB resident under full load", resident(process)?),
        ])
    }
}
