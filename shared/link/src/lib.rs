//! The exchange of journals between the two agencies (機関間接続).
//!
//! The author of a journal dials and streams it; the other side verifies and stores the entries and signs receipts for
//! them. A peer that is away for days is a normal state: only the sender waits for it.

mod batch;
mod dial;
mod error;
mod hello;
mod host;
mod hosted;
mod link;
mod reception;
mod service;
mod session;
mod status;

pub use crate::{
    dial::run,
    host::{Host, Input},
    hosted::session,
    link::{Link, Settings},
    session::{Output, OwnJournal},
};

/// The name of the service on the link.
pub const SERVICES: [&str; 1] = ["renkei.link.v1.LinkService"];
