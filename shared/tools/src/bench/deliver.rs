//! Items are published, accepted by the peer, and receipted: the rate that is sustained, and what is left to do at the
//! end.

use std::{path::PathBuf, sync::Arc, time::Duration};

use renkei_client::OfficialChannel;
use renkei_proto::{
    link::v1::{GetLinkStatusRequest, link_status_service_client::LinkStatusServiceClient},
    r#type::v1::Agency,
};
use tokio::time::{Instant, sleep};

use super::{
    load::Load,
    machine::Machine,
    plan::Plan,
    publisher::{PUBLISHER, Publisher},
    row::Row,
    services::{LOOK, Services},
    submit::{WARM, submit},
    turns::Subject,
    work::Work,
};
use crate::{
    cluster::Engine,
    desk::{Desk, TANAKA, failure},
};

/// The number of calls under way at once.
const IN_FLIGHT: usize = 64;
const CASES: [[&str; 2]; 2] = [
    ["deliver: wake-ups of the author per item", "deliver: commits of the author per item"],
    ["deliver: wake-ups of the receiver per item", "deliver: commits of the receiver per item"],
];

/// As fast as the desk accepts them.
pub(super) struct Deliver {
    publisher: Arc<Publisher>,
    link: Link,
    services: Services,
}

impl Subject for Deliver {
    async fn start(_: &Plan, engine: Engine, programs: Option<PathBuf>) -> Result<Self, String> {
        let services = Services::start(engine, programs).await?;
        let publisher = Arc::new(Publisher::new(&services.desk(PUBLISHER)?)?);
        let link = Link::new(&services.desk(PUBLISHER)?)?;
        submit(&publisher, IN_FLIGHT, WARM).await?;
        link.receipted().await?;
        Ok(Self { publisher, link, services })
    }

    async fn measure(&mut self, plan: &Plan) -> Result<Vec<Row>, String> {
        let before = Work::of_both(&self.services, PUBLISHER).await?;
        let start = Instant::now();
        let delivered = delivered(&self.publisher, &self.link, plan.time).await?;
        // The work that was left when the calls ended took this time.
        let left = start.elapsed().saturating_sub(plan.time).as_secs_f64();
        let now = Work::of_both(&self.services, PUBLISHER).await?;
        self.services.settle(Agency::Ipa).await?;
        let mut rows = vec![
            Row::figure("deliver", delivered.rate()).at(IN_FLIGHT).idle(delivered.idle),
            Row::figure("deliver: seconds of work left", left).at(IN_FLIGHT),
        ];
        let work = Work::rows(now, before, delivered.count, CASES);
        rows.extend(work.into_iter().map(|row| row.at(IN_FLIGHT)));
        Ok(rows)
    }
}

/// Publishes for this time and waits for the receipt of the last.
pub(super) async fn delivered(publisher: &Arc<Publisher>, link: &Link, time: Duration) -> Result<Load, String> {
    let (before, start) = (Machine::now()?, Instant::now());
    let submitted = submit(publisher, IN_FLIGHT, time).await?;
    link.receipted().await?;
    Ok(Load { elapsed: start.elapsed(), idle: Machine::now()?.idle_since(&before), ..submitted })
}

/// The state of the link, over a connection that stays open.
pub(super) struct Link(LinkStatusServiceClient<OfficialChannel>);

impl Link {
    pub(super) fn new(desk: &Desk) -> Result<Self, String> {
        Ok(Self(LinkStatusServiceClient::new(desk.on_behalf_of("operator", TANAKA)?)))
    }

    async fn backlog(&self) -> Result<u64, String> {
        let request = GetLinkStatusRequest { name: "linkStatus".to_owned() };
        Ok(self.0.clone().get_link_status(request).await.map_err(failure)?.into_inner().backlog)
    }

    /// Waits until all is receipted, for as long as there is progress.
    pub(super) async fn receipted(&self) -> Result<(), String> {
        while self.backlog().await? > 0 {
            sleep(LOOK).await;
        }
        Ok(())
    }
}
