//! Databases for measurements, of the same make as those of the store's tests.

use std::sync::atomic::Ordering;

#[path = "../../shared/store/tests/store/database.rs"]
#[expect(clippy::unwrap_used, clippy::panic, reason = "without a database there is nothing to measure")]
mod database;

pub use database::{Database, Engine, databases};

/// An empty database that keeps what it commits, whatever happens to the machine.
pub fn durable(engine: Engine) -> Database {
    database::DURABLE.store(true, Ordering::Relaxed);
    Database::new(engine)
}
