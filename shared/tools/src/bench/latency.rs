//! From a call at PPC's desk to its event at a watcher of IPA's, when little is to be done.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use renkei_proto::{
    r#type::v1::{Agency, Purpose},
    watch::v1::{WatchRequest, WatchResponse, event::Change, watch_service_client::WatchServiceClient},
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tonic::Streaming;

use super::{
    load::{Load, durations, micros},
    machine::Machine,
    plan::Plan,
    publisher::{PUBLISHER, Publisher},
    row::Row,
    services::Services,
    submit::{WARM, submit},
    turns::Subject,
    work::Work,
};
use crate::{
    cluster::Engine,
    desk::{PATIENCE, TANAKA, failure},
};

/// The time from one call to the next: 50 per second, whether or not the one before is answered.
const PACE: Duration = Duration::from_millis(20);
const CASES: [[&str; 2]; 2] = [
    ["latency: wake-ups of the author per item", "latency: commits of the author per item"],
    ["latency: wake-ups of the receiver per item", "latency: commits of the receiver per item"],
];

/// At low load.
pub(super) struct Latency {
    publisher: Arc<Publisher>,
    arrivals: mpsc::UnboundedReceiver<(String, Instant)>,
    services: Services,
}

impl Subject for Latency {
    async fn start(_: &Plan, engine: Engine, programs: Option<PathBuf>) -> Result<Self, String> {
        let services = Services::start(engine, programs).await?;
        let publisher = Arc::new(Publisher::new(&services.desk(PUBLISHER)?)?);
        submit(&publisher, 1, WARM).await?;
        services.settle(PUBLISHER).await?;
        // Only who may read items hears of them.
        let reader = services.desk(Agency::Ipa)?.on_behalf_of("sharing", TANAKA.with_purpose(Purpose::Policy))?;
        let (seen, arrivals) = mpsc::unbounded_channel();
        let events = WatchServiceClient::new(reader).watch(WatchRequest::default()).await.map_err(failure)?;
        // It ends with the services.
        tokio::spawn(watching(events.into_inner(), seen));
        Ok(Self { publisher, arrivals, services })
    }

    async fn measure(&mut self, plan: &Plan) -> Result<Vec<Row>, String> {
        let before = Work::of_both(&self.services, PUBLISHER).await?;
        let load = once(&self.publisher, &mut self.arrivals, plan.time).await?;
        // The last receipts are on their way when the last items are seen.
        self.services.settle(PUBLISHER).await?;
        let work = Work::rows(Work::of_both(&self.services, PUBLISHER).await?, before, load.count, CASES);
        Ok([vec![Row::of("latency", 1, &load).paced()], work].concat())
    }
}

/// Says of each matter when its entry was seen.
async fn watching(mut events: Streaming<WatchResponse>, seen: mpsc::UnboundedSender<(String, Instant)>) {
    while let Ok(Some(answer)) = events.message().await {
        let now = Instant::now();
        let Some(event) = answer.event else { continue };
        if matches!(event.change, Some(Change::EntryApplied(_))) && seen.send((event.matter, now)).is_err() {
            return;
        }
    }
}

async fn once(
    publisher: &Arc<Publisher>,
    arrivals: &mut mpsc::UnboundedReceiver<(String, Instant)>,
    time: Duration,
) -> Result<Load, String> {
    let (before, start) = (Machine::now()?, Instant::now());
    let mut calls = JoinSet::new();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while start.elapsed() < time {
        pace.tick().await;
        let publisher = Arc::clone(publisher);
        calls.spawn(async move {
            let begun = Instant::now();
            Ok::<_, String>((publisher.publish(0).await?.name, begun))
        });
    }
    let mut begun = HashMap::new();
    while let Some(call) = calls.join_next().await {
        let (name, at) = call.map_err(|error| error.to_string())??;
        begun.insert(name, at);
    }
    let mut took = durations()?;
    while !begun.is_empty() {
        let next = tokio::time::timeout(PATIENCE, arrivals.recv()).await.ok().flatten();
        let (matter, seen) = next.ok_or("an event did not reach the watcher")?;
        if let Some(begun) = begun.remove(&matter) {
            took.saturating_record(micros(seen.duration_since(begun)));
        }
    }
    let (elapsed, idle) = (start.elapsed(), Machine::now()?.idle_since(&before));
    Ok(Load { count: took.len(), elapsed, took, idle })
}
