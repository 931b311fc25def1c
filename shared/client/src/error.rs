//! The errors of connections and calls.

use std::{error::Error, io, iter::successors, path::PathBuf, time::Duration};

use renkei_proto::{Sentence, options::v1::Reason};
use rustls_pki_types::pem;
use tonic::{Code, Status, TimeoutExpired};
use tonic_types::{FieldViolation, StatusExt as _};

/// The domain in the `ErrorInfo` of every error that a Renkei service answers.
const DOMAIN: &str = "renkei";
/// The sentence for developers where the client's own timer was the first.
const LATE: &str =
    "the call was not answered in time: repeat it, a change with the same request id, or allow more time for it";

/// An error of connecting.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A file is missing, is not PEM, or lacks a section of its kind.
    #[error("the file {path} cannot be used: {source}")]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The error of reading it, or of its PEM text.
        source: pem::Error,
    },
    /// The key cannot be used, or does not belong to the certificate.
    #[error("the private key in {key} does not fit the certificate: {source}")]
    Key {
        /// The file of the key.
        key: PathBuf,
        /// The error of TLS.
        source: rustls::Error,
    },
    /// The files are readable, but no TLS configuration can be made of them.
    #[error("the trust material cannot be used: {0}")]
    Unusable(String),
    /// The address is not `host:port`.
    #[error("\"{0}\" is not an address of the form host:port")]
    Address(String),
    /// The server name is neither a DNS name nor an IP address.
    #[error("\"{0}\" is neither a DNS name nor an IP address")]
    ServerName(String),
    /// The name is unknown, nothing listens there, or the network does not lead there.
    #[error("{address} cannot be reached; check the address, the network and whether the service runs: {source}")]
    Unreachable {
        /// The address of the service.
        address: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The connection was not ready within [`CONNECT_TIMEOUT`](crate::CONNECT_TIMEOUT).
    #[error("{address} did not answer in time; check the network, firewalls and the load of the service")]
    Timeout {
        /// The address of the service.
        address: String,
    },
    /// One side refused the certificate of the other, or TLS failed otherwise.
    #[error("{address}: TLS failed; check the certificates, roots and revocation lists of both sides: {source}")]
    Tls {
        /// The address of the service.
        address: String,
        /// The error of TLS.
        source: rustls::Error,
    },
    /// The service closed the connection before it was ready.
    #[error("{address} closed the connection without giving a reason; it may be stopping, or full: {source}")]
    Closed {
        /// The address of the service.
        address: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The server is trusted, but does not speak HTTP/2.
    #[error("{address} does not speak HTTP/2, so it is not a gRPC service; check the port")]
    NotGrpc {
        /// The address of the service.
        address: String,
    },
    /// The server is trusted, but is not the desk of the expected agency.
    #[error("{address} answers as {found} instead of {expected}; check the address")]
    WrongService {
        /// The address of the service.
        address: String,
        /// The URI that its certificate must name.
        expected: String,
        /// The URI that its certificate names.
        found: String,
    },
}

impl ConnectError {
    /// True if another attempt fails alike until somebody changes a certificate, a root or an address.
    pub fn is_lasting(&self) -> bool {
        !matches!(self, Self::Unreachable { .. } | Self::Timeout { .. } | Self::Closed { .. })
    }
}

/// A call that was refused or not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code:?} {}: {message}", self.reason_id())]
pub struct CallError {
    /// The gRPC code.
    pub code: Code,
    /// The stable reason; `Unspecified` when no Renkei service answered. A call whose time is over has the reason
    /// `Deadline`, whether the service or this client was the first to notice.
    pub reason: Reason,
    /// The fields of the request that are wrong, as paths such as `terms.valid_from`.
    pub fields: Vec<String>,
    /// The sentences about these fields, in their order; the Japanese one is empty for what only developers can put right.
    pub field_sentences: Vec<Sentence>,
    /// The limit that was exceeded, and its value.
    pub limit: Option<(String, String)>,
    /// The sentence for officials, in Japanese; empty when no Renkei service answered.
    pub japanese: String,
    /// The sentence for developers, in English. For a call that was not answered it is the cause.
    pub message: String,
    /// The time after which the same call may succeed.
    pub retry_after: Option<Duration>,
    /// True for a call that broke off without an answer. Nobody knows whether it was carried out: repeat it with the
    /// same `request_id`.
    pub is_unanswered: bool,
    /// True for a call that was not sent, because the connection failed for a cause that lasts
    /// ([`ConnectError::is_lasting`]).
    pub is_lasting: bool,
}

impl CallError {
    fn reason_id(&self) -> &'static str {
        if self.reason == Reason::Unspecified { "-" } else { self.reason.id() }
    }
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let reason = details.error_info().filter(|info| info.domain == DOMAIN);
        let reason = reason.and_then(|info| Reason::from_str_name(&format!("REASON_{}", info.reason)));
        let limit =
            details.error_info().and_then(|info| Some((info.metadata.get("limit")?, info.metadata.get("most")?)));
        // The timers of both sides measure the same time, and it is chance which of them ends first. tonic makes its own
        // expiry a cancellation, which nobody asked for.
        let is_late = reason.is_none() && is_expired(&status);
        let is_unanswered = reason.is_none() && (status.code() == Code::Unavailable || is_broken(&status));
        let violations = details.bad_request().map_or(&[][..], |bad| &bad.field_violations);
        Self {
            code: if is_late { Code::DeadlineExceeded } else { status.code() },
            reason: if is_late { Reason::Deadline } else { reason.unwrap_or_default() },
            fields: violations.iter().map(|violation| violation.field.clone()).collect(),
            field_sentences: violations.iter().map(sentence).collect(),
            limit: limit.map(|(limit, most)| (limit.clone(), most.clone())),
            japanese: details.localized_message().map(|words| words.message.clone()).unwrap_or_default(),
            message: if is_unanswered {
                cause(&status)
            } else if is_late {
                LATE.to_owned()
            } else {
                status.message().to_owned()
            },
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
            is_unanswered,
            is_lasting: connect_error(&status).is_some_and(ConnectError::is_lasting),
        }
    }
}

fn sentence(violation: &FieldViolation) -> Sentence {
    let japanese = violation.localized_message.as_ref().map_or("", |words| &words.message);
    (violation.description.as_str(), japanese).into()
}

/// Tells whether a call broke off below gRPC. The code alone does not show it: a call handed to a connection at the
/// moment of its orderly end fails as `CANCELLED`. A call whose deadline has passed is not meant.
fn is_broken(status: &Status) -> bool {
    status.source().is_some() && !is_expired(status)
}

/// Tells whether the time that the client allowed for a call is over.
fn is_expired(status: &Status) -> bool {
    links(status).any(|link| link.is::<TimeoutExpired>())
}

/// The error of connecting among the sources of a status, or the innermost source.
fn cause(status: &Status) -> String {
    let connect = connect_error(status).map(ToString::to_string);
    connect.or_else(|| links(status).last().map(ToString::to_string)).unwrap_or_default()
}

fn connect_error(status: &Status) -> Option<&ConnectError> {
    links(status).find_map(|link| link.downcast_ref())
}

/// An error and its sources, outermost first.
fn links(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    successors(Some(status as &(dyn Error + 'static)), |link| (**link).source())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "statuses as a service and tonic make them")]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn status(domain: &str) -> Status {
        let mut details = ErrorDetails::new();
        let limit = [("limit".to_owned(), "watchers of one caller".to_owned()), ("most".to_owned(), "16".to_owned())];
        details
            .set_error_info("TOO_MANY_WATCHERS", domain, HashMap::from(limit))
            .set_localized_message("ja", "上限です。")
            .set_retry_info(Some(Duration::from_secs(2)))
            .add_bad_request_violation("cursor", "is wrong");
        Status::with_error_details(Code::ResourceExhausted, "too many", details)
    }

    #[test]
    fn every_detail_of_an_answer_is_read() {
        let error = CallError::from(status("renkei"));
        let expected = CallError {
            code: Code::ResourceExhausted,
            reason: Reason::TooManyWatchers,
            fields: vec!["cursor".to_owned()],
            field_sentences: vec![Sentence::for_developers("is wrong")],
            limit: Some(("watchers of one caller".to_owned(), "16".to_owned())),
            japanese: "上限です。".to_owned(),
            message: "too many".to_owned(),
            retry_after: Some(Duration::from_secs(2)),
            is_unanswered: false,
            is_lasting: false,
        };
        assert_eq!(error, expected);
        assert_eq!(error.to_string(), "ResourceExhausted TOO_MANY_WATCHERS: too many");
    }

    #[test]
    fn a_reason_of_another_system_is_not_read_as_ours() {
        assert_eq!(CallError::from(status("example")).reason, Reason::Unspecified);
    }

    #[test]
    fn a_call_that_broke_off_is_not_answered_and_names_the_cause() {
        let closed = ConnectError::NotGrpc { address: "localhost:7443".to_owned() };
        let text = closed.to_string();
        let error = CallError::from(Status::from_error(Box::new(closed)));
        assert!(error.is_unanswered && error.is_lasting);
        assert_eq!((error.reason, error.message), (Reason::Unspecified, text));
        let full = CallError::from(Status::unavailable("a proxy is full"));
        assert!(full.is_unanswered && !full.is_lasting);
    }

    #[test]
    fn a_deadline_that_passed_is_one_error_whoever_notices_it() {
        let own = CallError::from(Status::from_error(Box::new(TimeoutExpired(()))));
        let mut details = ErrorDetails::new();
        details.set_error_info(Reason::Deadline.id(), DOMAIN, HashMap::new());
        let told = CallError::from(Status::with_error_details(Code::DeadlineExceeded, LATE, details));
        assert_eq!(own, told);
        assert_eq!((told.code, told.reason, told.is_unanswered), (Code::DeadlineExceeded, Reason::Deadline, false));
    }

    #[test]
    fn a_deadline_of_a_proxy_is_an_answer() {
        assert!(!CallError::from(Status::deadline_exceeded("late")).is_unanswered);
    }
}
