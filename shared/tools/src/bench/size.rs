//! The bytes that an item of 1 KiB takes on the publisher's disk. The peer is away, as for `submit`.

use std::path::PathBuf;

use super::{
    plan::Plan,
    publisher::{PUBLISHER, Publisher},
    row::Row,
    services::Services,
    turns::Subject,
};
use crate::{cluster::Engine, database};

/// The number of items in a repetition: so many that pages of the database that are not full count little.
const ITEMS: u64 = 5000;

/// Its services are down between repetitions: SQLite's log is in the file then.
pub(super) struct Size(Services);

impl Subject for Size {
    async fn start(_: &Plan, engine: Engine, programs: Option<PathBuf>) -> Result<Self, String> {
        let mut services = Services::start(engine, programs).await?;
        services.pair.stop_both().await?;
        Ok(Self(services))
    }

    async fn measure(&mut self, _: &Plan) -> Result<Vec<Row>, String> {
        let before = self.bytes()?;
        self.0.pair.start(PUBLISHER).await?;
        Publisher::new(&self.0.desk(PUBLISHER)?)?.fill(ITEMS).await?;
        self.0.pair.stop(PUBLISHER).await?;
        let grown = self.bytes()?.saturating_sub(before);
        Ok(vec![Row::figure("size: bytes per item", grown as f64 / ITEMS as f64)])
    }
}

impl Size {
    fn bytes(&self) -> Result<usize, String> {
        Ok(database::bytes(&self.0.pair.setup, PUBLISHER)?.len())
    }
}
