//! The book of an agency: its journals and pages in memory, and the commands that change them.
//!
//! Everything here is pure and synchronous: no database, no clock, no randomness. The store loads the rows that a [`Batch`]
//! needs onto its [`Stage`], lets it answer the calls that wait, and writes what is [`Staged`] in one transaction.
//! [`Memory`] does the same without a database.

mod agreements;
mod anchor;
mod arrive;
mod aside;
mod batch;
mod begin;
mod call_origin;
mod clock;
mod command;
mod declined;
mod erasure;
mod etag;
mod feed;
mod fold;
mod head;
mod memory;
mod officials;
mod owed;
mod receipt;
mod recovery;
mod reopen;
mod rows;
mod stage;
mod staged;
mod stop;
mod stored;
mod writing;

pub use crate::{
    agreements::Agreements,
    anchor::DueAnchor,
    arrive::{Arrive, Arriving},
    aside::SetAside,
    batch::{Batch, Outcome, Record, Replies, Reply, Submission, shown},
    begin::Begin,
    call_origin::CallOrigin,
    clock::{ConfirmClock, ahead, dated_until},
    command::{Command, content},
    declined::Declined,
    erasure::Erasure,
    etag::etag,
    feed::{Around, Cursor, Told},
    fold::{Effects, fold},
    head::{Heads, JournalHead},
    memory::{Judged, Memory},
    officials::ConfirmOfficials,
    owed::Settle,
    receipt::{SignReceipt, TakeReceipt},
    recovery::{HelloVerdict, OwnPart, PeerHolds, is_set_aside},
    reopen::{Cause, Reopen},
    rows::Rows,
    stage::Stage,
    staged::{Body, Counters, Staged, StagedEntry, StagedEvent, StagedPage, StagedReceipt},
    stop::{Resume, StopJournal, StoppedByPeer},
    stored::{StoredEntry, committed_fact},
};
