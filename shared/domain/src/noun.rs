//! The nouns of the memorandum, one file each.

pub mod advice;
pub mod agreement;
pub mod item;
pub mod journal;
pub mod official;
pub mod referral;
pub mod scheme;
