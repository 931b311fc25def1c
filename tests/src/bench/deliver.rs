//! Items are published, taken by the peer, and receipted: the rate that is sustained, and what is left to do at the end.

use std::sync::Arc;

use renkei_proto::{
    link::v1::{GetLinkStatusRequest, link_status_service_client::LinkStatusServiceClient},
    r#type::v1::Agency,
};
use tokio::time::{Instant, sleep};

use super::{
    Plan,
    machine::Machine,
    publisher::{PUBLISHER, Publisher},
    row::{Row, Rows},
    services::{LOOK, Services},
    submit::{WARM, submit},
};
use crate::desk::{Authentic, Desk, TANAKA, said};

/// How many calls are under way at once.
const IN_FLIGHT: usize = 64;

/// As fast as the desk takes them.
pub(super) async fn run(plan: &Plan, rows: &mut Rows<'_>) -> Result<(), String> {
    for engine in plan.engines.iter().copied() {
        let services = Services::start(engine).await?;
        let publisher = Arc::new(Publisher::new(&services.desk(PUBLISHER)?)?);
        let link = Link::new(&services.desk(PUBLISHER)?)?;
        submit(&publisher, IN_FLIGHT, WARM).await?;
        link.receipted().await?;
        for _ in 0..plan.repetitions {
            let (before, start) = (Machine::now()?, Instant::now());
            let submitted = submit(&publisher, IN_FLIGHT, plan.time).await?;
            let backlog = link.backlog().await?;
            link.receipted().await?;
            let rate = submitted.count as f64 / start.elapsed().as_secs_f64();
            let idle = Machine::now()?.idle_since(&before);
            rows.add(Row::figure("deliver", Some(engine), rate).at(IN_FLIGHT).idle(idle));
            let left = Row::figure("deliver: seconds of work left", Some(engine), backlog as f64 / rate);
            rows.add(left.at(IN_FLIGHT));
        }
        services.settle(Agency::Ipa).await?;
    }
    Ok(())
}

/// How the link stands, over a connection that stays open.
struct Link(LinkStatusServiceClient<Authentic>);

impl Link {
    fn new(desk: &Desk) -> Result<Self, String> {
        Ok(Self(LinkStatusServiceClient::new(desk.on_behalf_of("operator", TANAKA)?)))
    }

    async fn backlog(&self) -> Result<u64, String> {
        let request = GetLinkStatusRequest { name: "linkStatus".to_owned() };
        Ok(self.0.clone().get_link_status(request).await.map_err(said)?.into_inner().backlog)
    }

    /// Waits until all is receipted, for as long as there is progress.
    async fn receipted(&self) -> Result<(), String> {
        while self.backlog().await? > 0 {
            sleep(LOOK).await;
        }
        Ok(())
    }
}
