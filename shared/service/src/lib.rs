//! What both binaries are made of: configuration, start, command line.

mod command_line;
pub mod config;
mod database;
mod error;
mod key;
mod report;
mod source;
mod start;
mod tick;

pub use crate::{
    command_line::main,
    error::StartError,
    source::source,
    start::{Running, open, start},
};
