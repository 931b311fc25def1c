//! The store: all SQL and nothing but SQL.
//!
//! One task writes ([`Store::write`]); everybody reads. A command runs on a [`Stage`] of pages in memory and is committed
//! with its whole batch: entries, pages, feed, audit and replies in one transaction.

mod anchor;
pub mod arrive;
mod aside;
mod audit;
mod bulk;
mod call_origin;
pub mod clock;
mod code;
mod command;
mod condition;
mod connect;
mod connection;
mod content;
mod course;
mod dialect;
mod error;
mod head;
mod inner;
mod load;
mod migration;
mod officials;
mod open;
mod owed;
mod place;
mod presence;
mod proof;
mod read;
mod read_audit;
mod rebuild;
mod receipt;
pub mod recover;
mod replica;
mod save;
mod seal;
mod stage;
mod statements;
mod store;
mod stored;
mod writer;

pub use crate::{
    anchor::PrivateStanding,
    aside::SetAside,
    audit::{ChainHead, Recorded, StoredRecord},
    call_origin::CallOrigin,
    command::{Command, QUEUE},
    condition::Condition,
    content::KeyRing,
    dialect::Dialect,
    error::Error,
    head::{Heads, JournalHead},
    inner::{Fault, Faults},
    migration::KNOWN as SCHEMA,
    open::Options,
    owed::Settle,
    place::file_of,
    proof::{Misplaced, ReceiptRow, RowCheck, Signer},
    read::{Answer, BYTES, Listed, Room},
    rebuild::Rebuilt,
    receipt::{SignReceipt, TakeReceipt},
    replica::{Replica, Replicas},
    stage::{Stage, content, etag},
    statements::statements,
    store::Store,
    stored::StoredEntry,
    writer::BATCH,
};

use renkei_domain::{memorandum, page::Journal};
use renkei_proto::r#type::v1::Agency;

/// The journals of both agencies and the private one.
pub const JOURNALS: [Journal; 3] = [Journal::Of(Agency::Ppc), Journal::Of(Agency::Ipa), Journal::Private];

/// The digest of the agreement that every entry contains.
pub fn agreement_digest() -> [u8; 32] {
    memorandum::agreement_digest()
}
