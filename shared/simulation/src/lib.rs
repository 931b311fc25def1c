//! The pair in memory, under a seeded scheduler: two agencies with the real rules, books, journals and sessions, and a
//! network, disks, clocks and people that fail in every way. The same seed gives the same history on every machine.
//!
//! Only the database, the sockets and the threads are missing: `host.rs` takes their place. A history is a list of
//! [`Operation`]s; after each of them, and when the pair has come to rest, [`check`] looks for what must never be.

pub mod act;
mod basis;
pub mod check;
mod desk;
pub mod draw;
pub mod generator;
pub mod generators;
pub mod history;
mod host;
mod lie;
pub mod mutant;
mod network;
pub mod operation;
mod people;
mod processes;
pub mod requests;
mod sharing;
mod side;
mod violation;
mod watcher;
mod wire;
mod world;

pub use crate::{operation::Operation, world::World};
