//! The errors of a call of the desk.

use renkei_book::Declined;
use renkei_domain::refusal::Refusal;
use renkei_proto::{Sentence, options::v1::Reason};
use renkei_rpc::error::Error as CallError;
use renkei_store::Error as StoreError;

/// The reason why a call is not answered as it asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The policy or a check of the call refused it, or this service has a fault.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The database refused it or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// A refusal that no single field caused. `detail` contains no content.
    pub(crate) fn because(reason: Reason, detail: impl Into<Sentence>) -> Self {
        CallError::because(reason, detail).into()
    }

    /// A fault of this service. The text goes to the log only.
    pub(crate) fn fault(text: impl Into<String>) -> Self {
        CallError::Fault(text.into()).into()
    }

    /// The reason that the caller is given.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Call(error) => error.reason(),
            Self::Store(error) => error.reason(),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        CallError::from(refusal).into()
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        match error {
            Error::Call(error) => error,
            Error::Store(StoreError::Declined(Declined::Refused(refusal))) => refusal.into(),
            Error::Store(error @ StoreError::Busy { limit }) => {
                Self::Full { reason: error.reason(), limit: "waiting commands", most: limit }
            }
            Error::Store(error) => Self::Failed { reason: error.reason(), cause: error.into() },
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use renkei_rpc::error::reason_of;
    use tonic::{Code, Status};
    use tonic_types::StatusExt as _;

    use super::*;

    fn status(error: StoreError) -> Status {
        CallError::from(Error::from(error)).into()
    }

    #[test]
    fn errors_of_the_store_have_their_reasons() {
        let cases: [(StoreError, Reason); 8] = [
            (Declined::RequestIdReused.into(), Reason::RequestIdReused),
            (Declined::Recovering.into(), Reason::Recovering),
            (Declined::BarListOpen.into(), Reason::Recovering),
            (Declined::ClockDoubted.into(), Reason::ClockDoubted),
            (StoreError::Ended, Reason::Draining),
            (StoreError::Busy { limit: 1 }, Reason::Busy),
            (StoreError::NewerSchema { found: 2, known: 1 }, Reason::Internal),
            (Refusal::plain(Reason::EtagStale).into(), Reason::EtagStale),
        ];
        for (error, reason) in cases {
            assert_eq!(reason_of(&status(error)), Some(reason));
        }
    }

    #[test]
    fn a_full_queue_names_the_limit() {
        let status = status(StoreError::Busy { limit: 1024 });
        let metadata = status.get_details_error_info().unwrap().metadata;
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!((metadata["limit"].as_str(), metadata["most"].as_str()), ("waiting commands", "1024"));
    }

    #[test]
    fn nobody_is_told_of_the_database_beneath_a_fault() {
        for fault in [StoreError::Damaged("secret row".to_owned()), StoreError::Content("secret key")] {
            let status = status(fault);
            assert_eq!(reason_of(&status), Some(Reason::Internal));
            assert!(!status.message().contains("secret"));
            assert!(!String::from_utf8_lossy(status.details()).contains("secret"));
        }
    }
}
