//! The cost of a call that touches no database: authorized, validated, measured, sampled at 1 %, beside a bare echo. In
//! microseconds of the server's processor time per call.

use std::{future::Future, path::PathBuf, time::Duration};

use prost::Message as _;
use renkei_proto::link::v1::{GetLinkStatusRequest, link_status_service_client::LinkStatusServiceClient};

use super::{
    echo::Echo,
    load::{Load, load},
    machine::processor_time,
    plan::Plan,
    publisher::PUBLISHER,
    row::Row,
    services::{CONNECTIONS, Services},
    submit::WARM,
    turns::Subject,
};
use crate::{
    cluster::Engine,
    desk::{Desk, TANAKA, failure},
};

/// The number of calls under way at once.
const IN_FLIGHT: usize = 64;

/// Nothing waits for a receipt meanwhile.
pub(super) struct Overhead {
    request: GetLinkStatusRequest,
    bare: Echo,
    services: Services,
}

impl Subject for Overhead {
    async fn start(_: &Plan, engine: Engine, programs: Option<PathBuf>) -> Result<Self, String> {
        let services = Services::start(engine, programs).await?;
        let bare = Echo::start(&services.pair.setup.dir).await?;
        let request = GetLinkStatusRequest { name: "linkStatus".to_owned() };
        bare.load(request.encode_to_vec(), IN_FLIGHT, WARM).await?;
        status(&services.desk(PUBLISHER)?, &request, WARM).await?;
        Ok(Self { request, bare, services })
    }

    async fn measure(&mut self, plan: &Plan) -> Result<Vec<Row>, String> {
        let (desk, process) = (self.services.desk(PUBLISHER)?, self.services.process_id(PUBLISHER)?);
        let echo = self.bare.process_id().ok_or("the echo has ended")?;
        let (_, echoed) = cost(echo, self.bare.load(self.request.encode_to_vec(), IN_FLIGHT, plan.time)).await?;
        let (load, answered) = cost(process, status(&desk, &self.request, plan.time)).await?;
        Ok(vec![Row::figure("overhead: µs per call", answered).at(IN_FLIGHT).idle(load.idle).against(echoed)])
    }
}

/// Calls, and the processor time of the process for each.
async fn cost(process: u32, calls: impl Future<Output = Result<Load, String>>) -> Result<(Load, f64), String> {
    let before = processor_time(process)?;
    let load = calls.await?;
    let spent = processor_time(process)?.saturating_sub(before);
    let each = spent.as_secs_f64() * 1e6 / load.count as f64;
    Ok((load, each))
}

async fn status(desk: &Desk, request: &GetLinkStatusRequest, time: Duration) -> Result<Load, String> {
    let client = |_| Ok(LinkStatusServiceClient::new(desk.on_behalf_of("operator", TANAKA)?));
    let clients = (0..CONNECTIONS).map(client).collect::<Result<Vec<_>, String>>()?;
    let request = request.clone();
    load(IN_FLIGHT, time, move |number| {
        let (mut client, request) = (clients[number % CONNECTIONS].clone(), request.clone());
        async move { client.get_link_status(request).await.map(|_| ()).map_err(failure) }
    })
    .await
}
