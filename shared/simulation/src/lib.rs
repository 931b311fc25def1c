//! The pair in memory, under a seeded scheduler: two agencies with the real rules, books, journals and sessions, and a
//! network, disks, clocks and people that fail in every way. The same seed gives the same history on every machine.
//!
//! Only the database, the sockets and the threads are missing: [`Service`] stands in their place. A history is a list of
//! [`Operation`]s; after each of them, and when the pair has come to rest, [`check`] looks for what must never be.

pub mod act;
pub mod check;
pub mod draw;
pub mod generator;
pub mod generators;
pub mod history;
mod host;
mod lie;
pub mod mutant;
pub mod operation;
pub mod requests;
mod side;
mod wire;
mod world;

pub use crate::{host::Service, operation::Operation, world::World};
