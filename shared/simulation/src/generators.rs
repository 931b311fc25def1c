//! The generators of every noun.

mod advice;
mod agreement;
mod consent;
mod disclosure;
mod item;
mod official;
mod recall;
mod referral;
mod scheme;
mod sharing;

use std::collections::BTreeSet;

use renkei_proto::r#type::v1::Agency;

use crate::{draw::Draw, generator::Generator};

/// The generators, by the collection of their noun.
pub const ALL: &[(&str, &[Generator])] = &[
    ("agreement", agreement::GENERATORS),
    ("schemes", scheme::GENERATORS),
    ("referrals", referral::GENERATORS),
    ("referralCounts", referral::COUNTS),
    ("codes", referral::CODES),
    ("reports", referral::REPORTS),
    ("adviceRequests", advice::GENERATORS),
    ("items", item::GENERATORS),
    ("items", consent::GENERATORS),
    ("items", disclosure::GENERATORS),
    ("items", recall::GENERATORS),
    ("officials", official::GENERATORS),
];

/// The collection of the items, which has as many generators as all others together.
const ITEMS: &str = "items";
/// Among the acts of all nouns, one in so many is drawn among those of items too.
const WITH_ITEMS: u64 = 3;

/// The generators of an agency's acts, of every noun.
pub fn of(agency: Agency) -> Vec<&'static Generator> {
    of_nouns(agency, |_| true)
}

/// The generators among which the next act of an agency is drawn: of the noun with this collection alone if one is named.
pub(crate) fn drawn(agency: Agency, collection: Option<&str>, draw: &mut Draw) -> Vec<&'static Generator> {
    let with_items = draw.one_in(WITH_ITEMS);
    of_nouns(agency, |noun| collection.map_or(noun != ITEMS || with_items, |named| named == noun))
}

fn of_nouns(agency: Agency, fits: impl Fn(&str) -> bool) -> Vec<&'static Generator> {
    let nouns = ALL.iter().filter(|(noun, _)| fits(noun));
    nouns.flat_map(|(_, of_noun)| of_noun.iter()).filter(|it| it.by.is_none_or(|by| by == agency)).collect()
}

/// The collections that a history can be about.
pub fn collections() -> BTreeSet<&'static str> {
    ALL.iter().map(|(of, _)| *of).collect()
}
