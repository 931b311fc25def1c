//! The parameters of a run of the bench.

use std::time::Duration;

use crate::cluster::Engine;

/// The parameters of all measurements.
#[derive(Clone, Debug)]
pub struct Plan {
    /// On which databases.
    pub engines: Vec<Engine>,
    /// The number of repetitions.
    pub repetitions: usize,
    /// For how long each time.
    pub time: Duration,
    /// With how many calls under way at once (submit, read).
    pub in_flight: Vec<usize>,
    /// The number of items in a large journal or backlog.
    pub items: u64,
    /// The number of entries that are proven.
    pub entries: u64,
}
