//! The rules of the memorandum: pure functions over pages. No clock, no randomness, no IO.
//!
//! [`decide::decide`] judges a fact before it is written and again when it arrives, [`page::apply`] folds entries into
//! pages, and [`noun`] contains everything that is particular to one noun, in one file for each.

pub mod calendar;
pub mod case;
pub mod case_number;
pub mod citation;
pub mod content;
pub mod decide;
pub mod duty;
pub mod era;
pub mod index;
pub mod matter;
pub mod memorandum;
pub mod moment;
pub mod noun;
pub mod page;
pub mod read_set;
pub mod refusal;
pub mod scope;
pub mod standing;
pub mod statutory;
pub mod tally;
pub mod term;
pub mod timekeeper;
pub mod visibility;
