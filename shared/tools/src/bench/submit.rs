//! An item is published and the call is answered. The peer is away meanwhile, which is a normal state.

use std::{path::PathBuf, sync::Arc, time::Duration};

use renkei_proto::r#type::v1::Agency;

use super::{
    control::Control,
    load::{Load, load},
    plan::Plan,
    publisher::{PUBLISHER, Publisher},
    row::Row,
    services::Services,
    turns::Subject,
};
use crate::cluster::Engine;

/// The time in which caches and connections get warm; it is not measured.
pub(super) const WARM: Duration = Duration::from_secs(1);

/// Against bare inserts of the same bytes.
pub(super) struct Submit {
    publisher: Arc<Publisher>,
    control: Control,
    _services: Services,
}

impl Subject for Submit {
    async fn start(_: &Plan, engine: Engine, programs: Option<PathBuf>) -> Result<Self, String> {
        let mut services = Services::start(engine, programs).await?;
        services.pair.stop(Agency::Ipa).await?;
        let publisher = Arc::new(Publisher::new(&services.desk(PUBLISHER)?)?);
        let control = Control::open(engine, publisher.bytes()).await?;
        submit(&publisher, 64, WARM).await?;
        control.load(64, WARM).await?;
        Ok(Self { publisher, control, _services: services })
    }

    async fn measure(&mut self, plan: &Plan) -> Result<Vec<Row>, String> {
        let mut rows = Vec::new();
        for in_flight in plan.in_flight.iter().copied() {
            let bare = self.control.load(in_flight, plan.time).await?;
            let submitted = submit(&self.publisher, in_flight, plan.time).await?;
            rows.push(Row::of("submit", in_flight, &submitted).against(bare.rate()));
        }
        Ok(rows)
    }
}

/// Publishes for this time.
pub(super) async fn submit(publisher: &Arc<Publisher>, in_flight: usize, time: Duration) -> Result<Load, String> {
    let publisher = Arc::clone(publisher);
    load(in_flight, time, move |number| {
        let publisher = Arc::clone(&publisher);
        async move { publisher.publish(number).await.map(|_| ()) }
    })
    .await
}
