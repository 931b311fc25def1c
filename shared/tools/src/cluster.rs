//! Databases of the same make as those of the store's tests.

use std::sync::atomic::Ordering;

#[path = "../../store/tests/store/database.rs"]
#[expect(clippy::unwrap_used, clippy::panic, reason = "without a database there is nothing to test or to measure")]
mod database;

pub use database::{Cluster, Database, Engine, client, databases};

/// From now on databases keep what they commit, whatever happens to the machine. To be called before the first is made.
pub fn durable() {
    database::DURABLE.store(true, Ordering::Relaxed);
}
