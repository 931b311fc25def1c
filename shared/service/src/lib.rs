//! The common part of both binaries: configuration, start, command line.

mod command_line;
pub mod config;
mod database;
mod doctor;
mod error;
pub mod http;
mod key;
mod operator;
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
