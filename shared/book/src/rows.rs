//! The rows of the database that a batch needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use renkei_domain::page::{Journal, Page};
use renkei_journal::Hash;

use crate::staged::Counters;

/// The rows that a batch needs, as the database has them.
#[derive(Default)]
pub struct Rows {
    /// The pages that were found, each with the turn of its first entry.
    pub pages: BTreeMap<String, (Arc<Page>, u64)>,
    /// The matters whose pages were changed outside the service. The stage has no pages for them.
    pub altered: BTreeSet<String>,
    /// The matters that were looked for; the pages of others are not known to be empty.
    pub matters: BTreeSet<String>,
    /// The counters of the years that were looked for.
    pub counters: Counters,
    /// The years whose counters were looked for; those of others are not known to be 0.
    pub years: BTreeSet<u32>,
    /// The hashes of the entries that were looked for and found.
    pub hashes: BTreeMap<(Journal, u64), Hash>,
    /// The ids of entries that were looked for and are in use.
    pub ids: BTreeSet<String>,
}
