//! The world on which a scenario acts: desks, wires and clock.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use renkei_proto::r#type::v1::Agency;

use crate::{clock::Clock, desk::Desk, wire::Wire};

/// Both desks, the wires between the services and the clock: what a scenario acts on.
#[derive(Clone)]
pub struct World {
    /// PPC's desk.
    pub ppc: Desk,
    /// IPA's desk.
    pub ipa: Desk,
    pub(super) links: [Arc<Wire>; 2],
    pub(super) clock: Clock,
    pub(super) clock_files: Vec<PathBuf>,
}

impl World {
    /// One agency's desk.
    pub fn desk(&self, agency: Agency) -> &Desk {
        if agency == Agency::Ppc { &self.ppc } else { &self.ipa }
    }

    /// Cuts the link both ways.
    pub fn cut_link(&self) {
        self.links.iter().for_each(|wire| wire.cut());
    }

    /// Mends it.
    pub fn mend_link(&self) {
        self.links.iter().for_each(|wire| wire.mend());
    }

    /// The time that the clock shows.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sets the clock of both sides.
    ///
    /// # Errors
    /// Fails if the clock's file cannot be written.
    pub fn set_clock(&self, instant: Timestamp) -> Result<(), String> {
        self.clock.set(instant);
        self.clock_files.iter().try_for_each(|file| write_clock(file, &instant.to_string()))
    }

    /// Lets the clock of the processes run on from what it shows.
    ///
    /// # Errors
    /// Fails if the clock's file cannot be written.
    pub fn run_clock(&self) -> Result<(), String> {
        self.clock_files.iter().try_for_each(|file| write_clock(file, &format!("{} runs", self.now())))
    }
}

/// Replaces the file whole, so that nobody reads half an instant.
pub(super) fn write_clock(file: &Path, text: &str) -> Result<(), String> {
    let fresh = file.with_extension("new");
    std::fs::write(&fresh, format!("{text}\n")).map_err(|error| error.to_string())?;
    std::fs::rename(fresh, file).map_err(|error| error.to_string())
}
