//! The store: all SQL and nothing but SQL.
//!
//! One task writes ([`Store::write`]); everybody reads. A command runs on a [`renkei_book::Stage`] and is committed with its
//! whole batch: entries, pages, feed, audit and replies in one transaction.

mod anchor;
mod audit;
mod batch;
mod bulk;
mod clock;
mod code;
mod condition;
mod connect;
mod connection;
mod content;
mod course;
mod dialect;
mod driver;
mod erase;
mod error;
mod head;
mod inner;
mod job;
mod lists;
mod load;
mod migration;
mod newest;
mod officials;
mod open;
mod pages;
mod place;
mod presence;
mod proof;
mod query;
mod read;
mod read_audit;
mod rebuild;
mod receipt;
mod recover;
mod replica;
mod save;
mod seal;
mod signing;
mod statements;
mod store;
mod stored;
mod value;
mod writer;

pub use renkei_book::StoredEntry;

pub use crate::{
    anchor::PrivateStanding,
    audit::{ChainHead, Recorded, StoredRecord},
    condition::Condition,
    content::KeyRing,
    dialect::Dialect,
    error::Error,
    inner::{Fault, Faults},
    job::QUEUE,
    migration::{KNOWN as SCHEMA, Progress, former_schema, silent},
    open::Options,
    pages::{Due, Listed, Newest},
    place::file_of,
    proof::{Misplaced, ReceiptRow, RowCheck, Signer},
    read::{Answer, BYTES, Room},
    rebuild::Rebuilt,
    replica::{Replica, Replicas},
    statements::statements,
    store::Store,
    writer::{AHEAD, BATCH},
};

use renkei_domain::page::Journal;
use renkei_proto::r#type::v1::Agency;

/// The journals of both agencies and the private one.
pub const JOURNALS: [Journal; 3] = [Journal::Of(Agency::Ppc), Journal::Of(Agency::Ipa), Journal::Private];
