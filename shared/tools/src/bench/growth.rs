//! The same work in a large journal as in a small one: two pairs of services, whose journals they have filled before,
//! measured in turn. The control of each figure is the small journal's.

use std::{path::PathBuf, sync::Arc, time::Duration};

use renkei_proto::r#type::v1::Agency;

use super::{
    deliver::{Link, delivered},
    load::{Load, load},
    plan::Plan,
    publisher::{PAGE, PUBLISHER, Publisher},
    row::Row,
    services::Services,
    submit::{WARM, submit},
    turns::Subject,
    watch::Resumed,
};
use crate::cluster::Engine;

/// The number of items in a small journal.
const SMALL: u64 = 10_000;
/// The number of publications under way at once.
const IN_FLIGHT: usize = 64;

/// Large against small.
pub(super) struct Growth {
    small: Grown,
    large: Grown,
}

impl Subject for Growth {
    async fn start(plan: &Plan, engine: Engine, programs: Option<PathBuf>) -> Result<Self, String> {
        let small = Grown::new(engine, programs.clone(), SMALL).await?;
        let large = Grown::new(engine, programs, plan.items).await?;
        small.measured(WARM).await?;
        large.measured(WARM).await?;
        Ok(Self { small, large })
    }

    async fn measure(&mut self, plan: &Plan) -> Result<Vec<Row>, String> {
        let (small, large) = (self.small.measured(plan.time).await?, self.large.measured(plan.time).await?);
        let rows = CASES.into_iter().zip(small.iter().zip(&large));
        Ok(rows.map(|(case, (small, large))| Row::of(case, large.0, &large.1).against(small.1.rate())).collect())
    }
}

/// The cases, in the order of their measurement.
const CASES: [&str; 5] =
    ["growth: submit", "growth: deliver", "growth: newest page", "growth: page by cursor", "growth: watch resumed"];

/// Services with a history.
struct Grown {
    services: Services,
    publisher: Arc<Publisher>,
    link: Link,
    /// The list's second page.
    token: String,
    resumed: Resumed,
}

impl Grown {
    async fn new(engine: Engine, programs: Option<PathBuf>, items: u64) -> Result<Self, String> {
        let services = Services::start(engine, programs).await?;
        let desk = services.desk(PUBLISHER)?;
        let (publisher, link) = (Arc::new(Publisher::new(&desk)?), Link::new(&desk)?);
        publisher.fill(items).await?;
        link.receipted().await?;
        let first = publisher.page(String::new()).await?;
        publisher.fill(PAGE.into()).await?;
        let resumed = Resumed::new(&desk, first.as_of)?;
        Ok(Self { services, publisher, link, token: first.next_page_token, resumed })
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
                async move { publisher.page(token).await.map(|_| ()) }
            })
            .await
        };
        let resumed = self.resumed.load(time).await?;
        let (newest, next) = (pages(String::new()).await?, pages(self.token.clone()).await?);
        Ok([(IN_FLIGHT, submitted), (IN_FLIGHT, delivered), (1, newest), (1, next), (1, resumed)])
    }
}
