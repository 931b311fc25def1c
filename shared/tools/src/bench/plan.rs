//! The parameters of a run of the bench.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use crate::cluster::Engine;

/// The parameters of all measurements.
#[derive(Clone, Debug)]
pub struct Plan {
    /// On which databases.
    pub engines: Vec<Engine>,
    /// The folder with the programs of another version, which are measured in turn with the present ones.
    pub against: Option<PathBuf>,
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

/// The programs that a figure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Programs {
    /// Those of the other version.
    Before,
    /// Those of this build.
    Now,
}

impl Plan {
    /// The programs that are measured, with their folder if it is not that of the bench.
    pub(super) fn programs(&self) -> Vec<(Programs, Option<PathBuf>)> {
        let before = self.against.iter().map(|folder| (Programs::Before, Some(folder.clone())));
        before.chain([(Programs::Now, None)]).collect()
    }
}
