//! The reasons for which a command is not run, or for which its result does not count.

use jiff::Timestamp;
use renkei_domain::refusal::Refusal;
use renkei_proto::options::v1::Reason;

/// The book's answer to a command that it does not carry out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    /// The policy refused the act. Only its notes were written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request id was used for another request.
    #[error("the request id was used for another request")]
    RequestIdReused,
    /// The service fetches its own journal back; nothing is written meanwhile.
    #[error("the service fetches its journal back from the peer")]
    Recovering,
    /// After a loss no operator has confirmed yet who is barred, so no official acts (Art. 7(1)).
    #[error("after a loss an operator has to confirm who is barred: `recover --barred`")]
    BarListOpen,
    /// The wall clock is doubted, so nothing is written that would be dated by it.
    #[error("the service's clock is doubted: no operator has confirmed it yet")]
    ClockDoubted,
    /// The act would be dated far ahead of the clock, because the last entry is.
    #[error(
        "the last entry is dated {last}, ahead of the clock, and an act is never dated before it: see `confirm-clock`"
    )]
    DatedAhead {
        /// The time of the last entry.
        last: Timestamp,
    },
    /// A row beside the journals is not the one that the service wrote.
    #[error(
        "the database was changed behind the service's back: {matter} is not shown; run `verify`, stop the service and run \
         `rebuild --write`"
    )]
    Altered {
        /// The matter; without its id for an official.
        matter: String,
    },
}

impl Declined {
    /// The reason that a call is given, and that its record contains.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Refused(refusal) => refusal.reason,
            Self::RequestIdReused => Reason::RequestIdReused,
            Self::Recovering | Self::BarListOpen => Reason::Recovering,
            Self::ClockDoubted | Self::DatedAhead { .. } => Reason::ClockDoubted,
            Self::Altered { .. } => Reason::Internal,
        }
    }
}
