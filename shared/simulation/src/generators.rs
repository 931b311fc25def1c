//! The generators of every noun.

mod advice;
mod item;
mod official;
mod referral;
mod scheme;

use crate::generator::Generator;

/// The generators, by the collection of their noun.
pub const ALL: &[(&str, &[Generator])] = &[
    ("schemes", scheme::GENERATORS),
    ("referrals", referral::GENERATORS),
    ("referralCounts", referral::COUNTS),
    ("codes", referral::CODES),
    ("adviceRequests", advice::GENERATORS),
    ("items", item::GENERATORS),
    ("officials", official::GENERATORS),
];
