//! A watch goes on from a cursor and catches up with a page of changes. The journal is small and the cursor older than
//! all of it.

use std::{path::PathBuf, time::Duration};

use renkei_client::OfficialChannel;
use renkei_proto::{
    r#type::v1::Purpose,
    watch::v1::{WatchRequest, watch_service_client::WatchServiceClient},
};

use super::{
    load::{Load, load},
    plan::Plan,
    publisher::{PAGE, PUBLISHER, Publisher},
    row::Row,
    services::Services,
    submit::WARM,
    turns::Subject,
};
use crate::{
    cluster::Engine,
    desk::{Desk, TANAKA, failure},
};

/// The number of items after the cursor.
const ITEMS: u64 = 2000;

/// From the same cursor again and again.
pub(super) struct Watch {
    resumed: Resumed,
    _services: Services,
}

impl Subject for Watch {
    async fn start(_: &Plan, engine: Engine, programs: Option<PathBuf>) -> Result<Self, String> {
        let services = Services::start(engine, programs).await?;
        let desk = services.desk(PUBLISHER)?;
        let publisher = Publisher::new(&desk)?;
        let resumed = Resumed::new(&desk, publisher.page(String::new()).await?.as_of)?;
        publisher.fill(ITEMS).await?;
        services.settle(PUBLISHER).await?;
        resumed.load(WARM).await?;
        Ok(Self { resumed, _services: services })
    }

    async fn measure(&mut self, plan: &Plan) -> Result<Vec<Row>, String> {
        Ok(vec![Row::of("watch", 1, &self.resumed.load(plan.time).await?)])
    }
}

/// A place from which a watch goes on, over a connection that stays open.
pub(super) struct Resumed {
    watch: WatchServiceClient<OfficialChannel>,
    cursor: String,
}

impl Resumed {
    /// At a desk, by a caller who may read items: nobody else hears of them.
    ///
    /// # Errors
    /// Fails if certificates cannot be read.
    pub(super) fn new(desk: &Desk, cursor: String) -> Result<Self, String> {
        let reader = desk.on_behalf_of("sharing", TANAKA.with_purpose(Purpose::Policy))?;
        Ok(Self { watch: WatchServiceClient::new(reader), cursor })
    }

    /// Resumes for this time, one watch after the other.
    ///
    /// # Errors
    /// Fails if a watch ends before it has caught up.
    pub(super) async fn load(&self, time: Duration) -> Result<Load, String> {
        let (watch, cursor) = (self.watch.clone(), self.cursor.clone());
        load(1, time, move |_| resume(watch.clone(), cursor.clone())).await
    }
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
