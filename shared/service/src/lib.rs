//! The common part of both binaries: configuration, start, command line.

mod command_line;
pub mod config;
mod database;
mod doctor;
mod error;
pub mod http;
mod key;
mod language;
mod operator;
mod page;
mod past;
mod recovery;
mod source;
mod start;
mod status;
mod store;
mod terminal;
mod tick;
mod tls;
mod trace;

pub use crate::{
    command_line::main,
    error::StartError,
    source::source,
    start::{Running, open, start},
};

/// A task frees what SQLite's thread or another one allocated, which makes threads wait for each other in the system's
/// allocator. SQLite allocates with this one, too. It asks for no huge pages, with which a service had twice the memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
