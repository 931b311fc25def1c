//! Single items, whose reading is recorded before they leave, and lists, which contain no secret.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use renkei_proto::sharing::v1::{GetItemRequest, ListItemsRequest};

use super::{
    control::Control,
    echo::Echo,
    load::{Load, load},
    plan::Plan,
    publisher::{PUBLISHER, Publisher},
    row::Row,
    services::Services,
    submit::WARM,
    turns::Subject,
};
use crate::{cluster::Engine, desk::failure};

/// The number of items.
const ITEMS: usize = 1000;
/// The number of items on a page of a list.
const PAGE: u32 = 100;

/// Single items against bare inserts, lists against a bare echo.
pub(super) struct Read {
    publisher: Arc<Publisher>,
    items: Arc<[String]>,
    control: Control,
    bare: Echo,
    _services: Services,
}

impl Subject for Read {
    async fn start(_: &Plan, engine: Engine, programs: Option<PathBuf>) -> Result<Self, String> {
        let services = Services::start(engine, programs).await?;
        let publisher = Arc::new(Publisher::new(&services.desk(PUBLISHER)?)?);
        let mut items = Vec::new();
        for number in 0..ITEMS {
            items.push(publisher.publish(number).await?.name);
        }
        services.settle(PUBLISHER).await?;
        let items: Arc<[String]> = items.into();
        let control = Control::open(engine, publisher.bytes()).await?;
        let bare = Echo::start(&services.pair.setup.dir).await?;
        single(&publisher, &items, 64, WARM).await?;
        control.load(64, WARM).await?;
        bare.load(publisher.bytes(), 64, WARM).await?;
        Ok(Self { publisher, items, control, bare, _services: services })
    }

    async fn measure(&mut self, plan: &Plan) -> Result<Vec<Row>, String> {
        let mut rows = Vec::new();
        for in_flight in plan.in_flight.iter().copied() {
            let inserted = self.control.load(in_flight, plan.time).await?;
            let read = single(&self.publisher, &self.items, in_flight, plan.time).await?;
            rows.push(Row::of("read: GetItem", in_flight, &read).against(inserted.rate()));
            let echoed = self.bare.load(self.publisher.bytes(), in_flight, plan.time).await?;
            let listed = list(&self.publisher, in_flight, plan.time).await?;
            rows.push(Row::of("read: ListItems", in_flight, &listed).against(echoed.rate()));
        }
        Ok(rows)
    }
}

/// Gets one item after the other.
async fn single(
    publisher: &Arc<Publisher>,
    items: &Arc<[String]>,
    in_flight: usize,
    time: Duration,
) -> Result<Load, String> {
    let (publisher, items, drawn) = (Arc::clone(publisher), Arc::clone(items), Arc::new(AtomicUsize::new(0)));
    load(in_flight, time, move |number| {
        let mut client = publisher.client(number);
        let name = items[drawn.fetch_add(1, Ordering::Relaxed) % items.len()].clone();
        async move { client.get_item(GetItemRequest { name }).await.map(|_| ()).map_err(failure) }
    })
    .await
}

/// Lists the newest items.
pub(super) async fn list(publisher: &Arc<Publisher>, in_flight: usize, time: Duration) -> Result<Load, String> {
    let publisher = Arc::clone(publisher);
    load(in_flight, time, move |number| {
        let mut client = publisher.client(number);
        let request =
            ListItemsRequest { parent: "agencies/-".to_owned(), page_size: PAGE, ..ListItemsRequest::default() };
        async move { client.list_items(request).await.map(|_| ()).map_err(failure) }
    })
    .await
}
