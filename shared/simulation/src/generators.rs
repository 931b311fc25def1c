//! The generators of every noun.

mod advice;
mod agreement;
mod item;
mod official;
mod referral;
mod scheme;

use renkei_proto::r#type::v1::Agency;

use crate::generator::Generator;

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
    ("officials", official::GENERATORS),
];

/// The generators of an agency's acts, of every noun.
pub fn of(agency: Agency) -> Vec<&'static Generator> {
    let all = ALL.iter().flat_map(|(_, of_noun)| of_noun.iter());
    all.filter(|it| it.by.is_none_or(|by| by == agency)).collect()
}
