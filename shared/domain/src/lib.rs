//! The rules of the memorandum: pure functions over pages. No clock, no randomness, no IO.
//!
//! [`decide::decide`] judges a fact before it is written and again when it arrives, [`page::apply`] folds entries into
//! pages, and one file per noun holds what is particular to it.

pub mod calendar;
pub mod code;
pub mod content;
pub mod counts;
pub mod decide;
pub mod duty;
pub mod era;
pub mod index;
pub mod introduction;
pub mod matter;
pub mod moment;
pub mod noun;
pub mod page;
pub mod scope;
pub mod statutory;
pub mod term;
pub mod timekeeper;
