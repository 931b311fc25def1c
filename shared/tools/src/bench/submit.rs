//! An item is published and the call is answered. The peer is away meanwhile, which is a normal state.

use std::{sync::Arc, time::Duration};

use renkei_proto::r#type::v1::Agency;

use super::{
    control::Control,
    load::{Load, load},
    plan::Plan,
    publisher::{PUBLISHER, Publisher},
    row::{Row, Rows},
    services::Services,
};

/// The time in which caches and connections get warm; it is not measured.
pub(super) const WARM: Duration = Duration::from_secs(1);

/// Against bare inserts of the same bytes.
pub(super) async fn run(plan: &Plan, rows: &mut Rows<'_>) -> Result<(), String> {
    for engine in plan.engines.iter().copied() {
        let mut services = Services::start(engine).await?;
        services.pair.stop(Agency::Ipa).await?;
        let publisher = Arc::new(Publisher::new(&services.desk(PUBLISHER)?)?);
        let control = Control::open(engine, publisher.bytes()).await?;
        submit(&publisher, 64, WARM).await?;
        control.load(64, WARM).await?;
        for _ in 0..plan.repetitions {
            for in_flight in plan.in_flight.iter().copied() {
                let bare = control.load(in_flight, plan.time).await?;
                let submitted = submit(&publisher, in_flight, plan.time).await?;
                rows.add(Row::of("submit", Some(engine), in_flight, &submitted).against(bare.rate()));
            }
        }
    }
    Ok(())
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
