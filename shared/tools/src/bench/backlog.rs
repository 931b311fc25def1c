//! The peer was away for many entries and comes back: what waits drains in order, and memory stays flat however much
//! it is. The control of each figure is a tenth as much.

use std::{path::PathBuf, time::Duration};

use renkei_proto::r#type::v1::Agency;
use tokio::time::{Instant, sleep};

use super::{
    machine::resident,
    plan::Plan,
    publisher::{PUBLISHER, Publisher},
    row::Row,
    services::Services,
    turns::Subject,
};
use crate::{cluster::Engine, desk::PATIENCE, setup::AGENCIES};

/// The interval at which memory and progress are read.
const LOOK: Duration = Duration::from_millis(200);

/// The figures of one side's return.
struct Drained {
    /// Entries a second, from the first session to the last receipt.
    rate: f64,
    /// The most memory of the sender and of the receiver meanwhile, in MiB.
    most: [f64; 2],
}

/// A tenth, then all, each on services of its own.
pub(super) struct Backlog {
    engine: Engine,
    programs: Option<PathBuf>,
}

impl Subject for Backlog {
    async fn start(_: &Plan, engine: Engine, programs: Option<PathBuf>) -> Result<Self, String> {
        Ok(Self { engine, programs })
    }

    async fn measure(&mut self, plan: &Plan) -> Result<Vec<Row>, String> {
        let (tenth, all) = (self.drained(plan.items / 10).await?, self.drained(plan.items).await?);
        let row = |case, figure, control| Row::figure(case, figure).against(control);
        Ok(vec![
            row("backlog: entries drained per second", all.rate, tenth.rate),
            row("backlog: MiB resident at most, sender", all.most[0], tenth.most[0]),
            row("backlog: MiB resident at most, receiver", all.most[1], tenth.most[1]),
        ])
    }
}

impl Backlog {
    async fn drained(&self, entries: u64) -> Result<Drained, String> {
        drain(filled(self.engine, self.programs.clone(), entries).await?, entries).await
    }
}

/// Services that are down, after so many items were published while the peer was away.
pub(super) async fn filled(engine: Engine, programs: Option<PathBuf>, items: u64) -> Result<Services, String> {
    let mut services = Services::start(engine, programs).await?;
    services.pair.stop(PUBLISHER.peer()).await?;
    Publisher::new(&services.desk(PUBLISHER)?)?.fill(items).await?;
    services.pair.stop(PUBLISHER).await?;
    Ok(services)
}

/// Starts both sides and waits for the last receipt.
async fn drain(mut services: Services, entries: u64) -> Result<Drained, String> {
    for agency in AGENCIES {
        services.pair.start(agency).await?;
    }
    let (sender, receiver) = (services.desk(PUBLISHER)?, services.desk(PUBLISHER.peer())?);
    let (start, mut most, mut moved) = (Instant::now(), [0.0_f64; 2], (0, Instant::now()));
    loop {
        for (most, agency) in most.iter_mut().zip([PUBLISHER, PUBLISHER.peer()]) {
            *most = most.max(resident(services.process_id(agency)?)?);
        }
        let link = sender.link_status().await?;
        if link.backlog == 0 {
            break;
        }
        if link.own_receipted_seq != moved.0 {
            moved = (link.own_receipted_seq, Instant::now());
        } else if moved.1.elapsed() > PATIENCE {
            return Err(format!("the backlog stays at {}", link.backlog));
        }
        sleep(LOOK).await;
    }
    let rate = entries as f64 / start.elapsed().as_secs_f64();
    in_order(&receiver.link_status().await?, entries, PUBLISHER)?;
    services.pair.stop_both().await?;
    Ok(Drained { rate, most })
}

/// A journal is accepted number by number or not at all: its head and the absence of a stop show that it came in order.
fn in_order(link: &renkei_proto::link::v1::LinkStatus, entries: u64, of: Agency) -> Result<(), String> {
    let whole = link.peer_seq >= entries && link.stopped_at_seq == 0;
    whole.then_some(()).ok_or_else(|| format!("{} entries of {} arrived", link.peer_seq, of.id()))
}
