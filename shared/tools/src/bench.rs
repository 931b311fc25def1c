//! `./dev bench`: how fast the release binaries are, each figure beside a control that was measured in the same run.

mod control;
mod echo;
pub(crate) mod load;
pub(crate) mod machine;
mod peers;
mod plan;
mod publisher;
mod row;
mod services;
mod turns;
mod work;

mod backlog;
mod deliver;
mod growth;
mod idle;
mod latency;
mod overhead;
mod read;
mod size;
mod submit;
mod upkeep;
mod verify;
mod watch;

use clap::ValueEnum;

use self::{
    backlog::Backlog, deliver::Deliver, growth::Growth, idle::Idle, latency::Latency, overhead::Overhead, read::Read,
    size::Size, submit::Submit, turns::turns, watch::Watch,
};
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
    /// A watch that is resumed from an old cursor and catches up with a hundred changes.
    Watch,
    /// The bytes on disk for each item.
    Size,
    /// The same in a large journal as in a small one.
    Growth,
    /// The rate at which a backlog drains when the peer comes back, in flat memory.
    Backlog,
    /// The command line on a large database: the rates and the memory of `migrate`, `verify` and `rebuild`.
    Upkeep,
    /// The cost of a call that touches no database.
    Overhead,
    /// The offline proof of a journal.
    Verify,
    /// Start, memory, and what a service does when nothing happens.
    Idle,
}

/// The cases that are measured when nothing is named. A large journal and a large backlog take minutes to make.
pub const USUAL: [Case; 9] = [
    Case::Submit,
    Case::Deliver,
    Case::Latency,
    Case::Read,
    Case::Watch,
    Case::Size,
    Case::Overhead,
    Case::Verify,
    Case::Idle,
];

/// Measures one case and adds a row per repetition and version.
///
/// # Errors
/// Fails if something does not start or a call fails; the text states the reason.
pub async fn run(case: Case, plan: &Plan, rows: &mut Rows<'_>) -> Result<(), String> {
    match case {
        Case::Submit => turns::<Submit>(plan, rows).await,
        Case::Deliver => turns::<Deliver>(plan, rows).await,
        Case::Latency => turns::<Latency>(plan, rows).await,
        Case::Read => turns::<Read>(plan, rows).await,
        Case::Watch => turns::<Watch>(plan, rows).await,
        Case::Size => turns::<Size>(plan, rows).await,
        Case::Growth => turns::<Growth>(plan, rows).await,
        // It is long enough by itself.
        Case::Backlog => turns::<Backlog>(&Plan { repetitions: 1, ..plan.clone() }, rows).await,
        Case::Upkeep => upkeep::run(plan, rows).await,
        // It touches no database, so one is enough.
        Case::Overhead => {
            let engines = plan.engines.iter().copied().take(1).collect();
            turns::<Overhead>(&Plan { engines, ..plan.clone() }, rows).await
        }
        Case::Verify => verify::run(plan, rows).await,
        Case::Idle => turns::<Idle>(plan, rows).await,
    }
}
