//! The fold: the one function from the entries of a matter to its page and to the rows beside it. Writing, arrival and
//! rebuild use it alike.

use renkei_domain::{
    calendar,
    index::Lookup,
    matter::Matter,
    moment::instant,
    noun::registry,
    page::{Journal, Page, apply},
    tally::Tally,
};
use renkei_journal::Hash;
use renkei_proto::{
    journal::v1::{Fact, Header},
    r#type::v1::Agency,
};

/// The effects of an entry beside its page.
#[derive(Default)]
pub struct Effects {
    /// The names by which the matter is found.
    pub lookups: Vec<Lookup>,
    /// The counters that the entry moves.
    pub tallies: Vec<Tally>,
}

/// Applies an entry to the page of its matter. `own` is the agency of this service; `hash` is the hash of the header.
pub fn fold(own: Agency, page: &mut Page, journal: Journal, header: &Header, hash: Hash, fact: &Fact) -> Effects {
    apply(page, journal, header, hash, fact);
    let Some(fact) = &fact.fact else { return Effects::default() };
    let written = header.written_at.as_ref().map(instant).unwrap_or_default();
    Effects {
        lookups: registry::lookups(journal, &Matter::of(&header.matter), fact),
        tallies: registry::tallies(own, journal, fact, calendar::day(written)),
    }
}
