//! The book of an agency: its journals and pages in memory, and the commands that change them.
//!
//! Everything here is pure and synchronous: no database, no clock, no randomness. The store loads the rows that a batch
//! needs onto a [`Stage`], runs the [`Command`]s of the batch on it, and writes what is [`Staged`] in one transaction.

mod anchor;
mod arrive;
mod aside;
mod begin;
mod call_origin;
mod clock;
mod command;
mod etag;
mod fold;
mod head;
mod officials;
mod owed;
mod receipt;
mod reopen;
mod rows;
mod stage;
mod staged;
mod stop;
mod writing;

pub use crate::{
    anchor::DueAnchor,
    arrive::{Arrive, Arriving},
    aside::SetAside,
    begin::Begin,
    call_origin::CallOrigin,
    clock::{ConfirmClock, ahead, dated_until},
    command::{Command, content},
    etag::etag,
    fold::{Effects, fold},
    head::{Heads, JournalHead},
    officials::ConfirmOfficials,
    owed::Settle,
    receipt::{SignReceipt, TakeReceipt},
    reopen::{Cause, Reopen},
    rows::Rows,
    stage::Stage,
    staged::{Body, Counters, Staged, StagedEntry, StagedEvent, StagedPage, StagedReceipt},
    stop::{Resume, StopJournal, StoppedByPeer},
};
