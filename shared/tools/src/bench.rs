//! `./dev bench`: how fast the release binaries are, each figure beside a control that was measured in the same run.

mod control;
mod echo;
mod load;
pub(crate) mod machine;
mod peers;
mod plan;
mod publisher;
mod row;
mod services;

mod backlog;
mod deliver;
mod growth;
mod idle;
mod latency;
mod overhead;
mod read;
mod submit;
mod verify;

use clap::ValueEnum;

pub use self::{echo::serve as serve_echo, plan::Plan, row::Rows};

/// A thing that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Case {
    /// An item is published and the call is answered.
    Submit,
    /// Items are published, accepted by the peer, and receipted.
    Deliver,
    /// From a call at one desk to its event at the other, at low load.
    Latency,
    /// Single items (recorded before they leave) and lists.
    Read,
    /// The same in a large journal as in a small one.
    Growth,
    /// The rate at which a backlog drains when the peer comes back, in flat memory.
    Backlog,
    /// The cost of a call that touches no database.
    Overhead,
    /// The offline proof of a journal.
    Verify,
    /// Start, memory, and what a service does when nothing happens.
    Idle,
}

/// The cases that are measured when nothing is named. A large journal and a large backlog take minutes to make.
pub const USUAL: [Case; 7] =
    [Case::Submit, Case::Deliver, Case::Latency, Case::Read, Case::Overhead, Case::Verify, Case::Idle];

/// Measures one case and adds a row per repetition.
///
/// # Errors
/// Fails if something does not start or a call fails; the text states the reason.
pub async fn run(case: Case, plan: &Plan, rows: &mut Rows<'_>) -> Result<(), String> {
    match case {
        Case::Submit => submit::run(plan, rows).await,
        Case::Deliver => deliver::run(plan, rows).await,
        Case::Latency => latency::run(plan, rows).await,
        Case::Read => read::run(plan, rows).await,
        Case::Growth => growth::run(plan, rows).await,
        Case::Backlog => backlog::run(plan, rows).await,
        Case::Overhead => overhead::run(plan, rows).await,
        Case::Verify => verify::run(plan, rows).await,
        Case::Idle => idle::run(plan, rows).await,
    }
}
