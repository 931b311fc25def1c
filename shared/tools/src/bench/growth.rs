//! The same work in a large journal as in a small one: two pairs of services on databases that were filled before,
//! measured in turn. The control of each figure is the small journal's.

use std::{sync::Arc, time::Duration};

use renkei_client::OfficialChannel;
use renkei_proto::{
    sharing::v1::{ListItemsRequest, ListItemsResponse},
    r#type::v1::{Agency, Purpose},
    watch::v1::{WatchRequest, watch_service_client::WatchServiceClient},
};

use super::{
    deliver::{Link, delivered},
    load::{Load, load},
    plan::Plan,
    publisher::{PUBLISHER, Publisher},
    row::{Row, Rows},
    services::Services,
    submit::{WARM, submit},
};
use crate::{
    cluster::Engine,
    desk::{TANAKA, failure},
    seed::seed,
    setup::AGENCIES,
};

/// The number of items in a small journal.
const SMALL: u64 = 10_000;
/// The number of publications under way at once.
const IN_FLIGHT: usize = 64;
/// The number of items that a page shows, and that a resumed watch catches up with.
const PAGE: u32 = 100;

/// Large against small.
pub(super) async fn run(plan: &Plan, rows: &mut Rows<'_>) -> Result<(), String> {
    for engine in plan.engines.iter().copied() {
        let (small, large) = (Grown::new(engine, SMALL).await?, Grown::new(engine, plan.items).await?);
        for repetition in 0..=plan.repetitions {
            let time = if repetition == 0 { WARM } else { plan.time };
            let (before, after) = (small.measured(time).await?, large.measured(time).await?);
            for (case, (before, after)) in CASES.into_iter().zip(before.iter().zip(&after)) {
                // The first time caches and connections get warm.
                if repetition > 0 {
                    rows.add(Row::of(case, Some(engine), after.0, &after.1).against(before.1.rate()));
                }
            }
        }
    }
    Ok(())
}

/// The cases, in the order of their measurement.
const CASES: [&str; 5] =
    ["growth: submit", "growth: deliver", "growth: newest page", "growth: page by cursor", "growth: watch resumed"];

/// Services with a history.
struct Grown {
    services: Services,
    publisher: Arc<Publisher>,
    link: Link,
    /// The list's second page, and where a watch is resumed.
    token: String,
    cursor: String,
    watch: WatchServiceClient<OfficialChannel>,
}

impl Grown {
    async fn new(engine: Engine, items: u64) -> Result<Self, String> {
        let mut services = Services::down(engine).await?;
        services.pair.write_configs()?;
        seed(&services.pair.setup.dir, PUBLISHER, items).await?;
        for agency in AGENCIES {
            services.pair.start(agency).await?;
        }
        services.settle(Agency::Ipa).await?;
        let desk = services.desk(PUBLISHER)?;
        let publisher = Arc::new(Publisher::new(&desk)?);
        let first = page(&publisher, String::new()).await?;
        for number in 0..usize::try_from(PAGE).unwrap_or_default() {
            publisher.publish(number).await?;
        }
        let reader = desk.on_behalf_of("sharing", TANAKA.with_purpose(Purpose::Policy))?;
        Ok(Self {
            link: Link::new(&desk)?,
            services,
            publisher,
            token: first.next_page_token,
            cursor: first.as_of,
            watch: WatchServiceClient::new(reader),
        })
    }

    /// One figure for each of [`CASES`], with the calls under way.
    async fn measured(&self, time: Duration) -> Result<[(usize, Load); 5], String> {
        self.link.receipted().await?;
        let delivered = delivered(&self.publisher, &self.link, time).await?;
        self.services.settle(Agency::Ipa).await?;
        let submitted = submit(&self.publisher, IN_FLIGHT, time).await?;
        self.link.receipted().await?;
        let pages = async |token: String| {
            let publisher = Arc::clone(&self.publisher);
            load(1, time, move |_| {
                let (publisher, token) = (Arc::clone(&publisher), token.clone());
                async move { page(&publisher, token).await.map(|_| ()) }
            })
            .await
        };
        let (watch, cursor) = (self.watch.clone(), self.cursor.clone());
        let resumed = load(1, time, move |_| resume(watch.clone(), cursor.clone())).await?;
        let (newest, next) = (pages(String::new()).await?, pages(self.token.clone()).await?);
        Ok([(IN_FLIGHT, submitted), (IN_FLIGHT, delivered), (1, newest), (1, next), (1, resumed)])
    }
}

async fn page(publisher: &Publisher, page_token: String) -> Result<ListItemsResponse, String> {
    let request = ListItemsRequest { parent: "agencies/-".to_owned(), page_size: PAGE, page_token };
    Ok(publisher.client(0).list_items(request).await.map_err(failure)?.into_inner())
}

/// Goes on from a cursor until a page of changes was read.
async fn resume(mut watch: WatchServiceClient<OfficialChannel>, cursor: String) -> Result<(), String> {
    let request = WatchRequest { cursor, ..WatchRequest::default() };
    let mut events = watch.watch(request).await.map_err(failure)?.into_inner();
    let mut seen = 0;
    while seen < PAGE {
        let answer = events.message().await.map_err(failure)?.ok_or("a watch ended by itself")?;
        seen += u32::from(answer.event.is_some());
    }
    Ok(())
}
