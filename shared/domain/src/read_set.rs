//! The pages and counters that a command needs, named before it runs.

use std::collections::BTreeSet;

use renkei_proto::r#type::v1::Agency;

use crate::{matter::Collection, page::Journal};

/// The pages, counters and entries that a command reads. The store loads them before anything is judged. The pages of the
/// agreement and of both journals are always loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet {
    /// Pages by name.
    pub matters: BTreeSet<String>,
    /// All pages of a collection of one agency.
    pub lists: BTreeSet<(Collection, Agency)>,
    /// All counters of a year (see [`crate::tally::Tally`]).
    pub years: BTreeSet<u32>,
    /// The hashes of entries that the database may contain.
    pub entries: BTreeSet<(Journal, u64)>,
    /// The ids of entries that may be in use.
    pub ids: BTreeSet<String>,
}

impl ReadSet {
    /// The page of one matter.
    pub fn matter(name: impl Into<String>) -> Self {
        Self { matters: [name.into()].into(), ..Self::default() }
    }

    /// All pages of a collection of both agencies.
    pub fn lists_of_both(collection: Collection) -> Self {
        Self { lists: [(collection, Agency::Ppc), (collection, Agency::Ipa)].into(), ..Self::default() }
    }

    /// This set with the counters of a year.
    #[must_use]
    pub fn with_year(mut self, year: u32) -> Self {
        self.years.insert(year);
        self
    }

    /// This set together with another one.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.extend(other);
        self
    }

    /// Adds another set to this one.
    pub fn extend(&mut self, other: Self) {
        self.matters.extend(other.matters);
        self.lists.extend(other.lists);
        self.years.extend(other.years);
        self.entries.extend(other.entries);
        self.ids.extend(other.ids);
    }
}
