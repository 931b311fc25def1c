//! The errors of a session.

use renkei_book::Declined;
use renkei_rpc::error::Error as CallError;
use renkei_store::Error as StoreError;

/// The reason for which a session failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The peer ended the session, a frame broke the contract, or this service has a fault.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The database refused a command or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// A fault of this service. The text goes to the log only.
    pub(crate) fn fault(text: impl Into<String>) -> Self {
        CallError::Fault(text.into()).into()
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        match error {
            Error::Call(error) => error,
            Error::Store(StoreError::Declined(Declined::Refused(refusal))) => refusal.into(),
            Error::Store(error) => Self::Failed { reason: error.reason(), cause: error.into() },
        }
    }
}
