//! The one place that makes a `tonic::Status`: a `google.rpc.Status` with details for programs and sentences for
//! people.

use std::collections::HashMap;

use renkei_domain::{moment::Moment, refusal::Refusal};
use renkei_proto::{Sentence, Violation, options::v1::Reason};
use renkei_telemetry::{Traceparent, traceparent::current_traceparent};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, LocalizedMessage, StatusExt as _};

use crate::places::Shortage;
use crate::reason::answer;

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "renkei";

/// The maximum size of all violations in one status, in bytes. Statuses travel in headers, and some clients accept no
/// more than 8 KiB of them.
const VIOLATIONS: usize = 4 << 10;

/// The reason for which a call fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The policy, or a check at the edge, refused the call.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database, or another part on which the call depends, refused the call or failed. The caller receives the
    /// reason, and the cause is logged.
    #[error("{cause}")]
    Failed {
        /// The reason that the caller receives.
        reason: Reason,
        /// The error below.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The message breaks rules of the contract: `FIELD_INVALID`.
    #[error("the message breaks {} rules of the contract", .0.len())]
    Invalid(Vec<Violation>),
    /// A limit is reached.
    #[error("{}: at most {most} {limit}", reason.id())]
    Full {
        /// `BUSY`, `TOO_LARGE` or `TOO_MANY_WATCHERS`.
        reason: Reason,
        /// The limit's name, such as `watchers`.
        limit: &'static str,
        /// The limit's value.
        most: usize,
    },
    /// The other side ended the session with this status, or the connection broke. The status is passed on unchanged.
    #[error("the session ended with {}", .0.code())]
    Ended(Status),
    /// A fault of this service: `INTERNAL`. The text is only logged.
    #[error("{0}")]
    Fault(String),
}

impl Error {
    /// A refusal that concerns no single field. `detail` contains no content.
    pub fn because(reason: Reason, detail: impl Into<Sentence>) -> Self {
        Refusal::new(reason, detail).into()
    }

    /// The limit that is reached: the first name for the limit of all callers, the second for that of one caller.
    #[must_use]
    pub fn short_of(shortage: Shortage, reason: Reason, limits: [&'static str; 2]) -> Self {
        let [of_all, of_one] = limits;
        match shortage {
            Shortage::OfAll(most) => Self::Full { reason, limit: of_all, most },
            Shortage::OfOne(most) => Self::Full { reason, limit: of_one, most },
        }
    }

    /// The reason that the caller receives.
    #[must_use]
    pub fn reason(&self) -> Reason {
        let reason = match self {
            Self::Refused(refusal) => refusal.reason,
            Self::Failed { reason, .. } | Self::Full { reason, .. } => *reason,
            Self::Fault(_) => Reason::Internal,
            Self::Invalid(_) => Reason::FieldInvalid,
            Self::Ended(status) => reason_of(status).unwrap_or(Reason::Internal),
        };
        // Reasons of entries and journals are no answers to a call. If one arrives here, this service made an entry
        // that it refuses itself, which is its own fault.
        if answer(reason).code == Code::Internal { Reason::Internal } else { reason }
    }

    /// The status for the call of this moment. A fault is logged here under an id, and the caller receives only that
    /// id.
    #[must_use]
    pub fn status(self, moment: &Moment) -> Status {
        self.answered(|| hex::encode(&moment.bytes("fault", 0)[..8]))
    }

    fn answered(self, id: impl FnOnce() -> String) -> Status {
        if let Self::Ended(status) = self {
            return status;
        }
        if let Self::Failed { reason: Reason::DatabaseUnavailable, cause } = &self {
            tracing::warn!(error = %cause, "a call failed because the database is unavailable");
        }
        let draft = match self.reason() {
            Reason::Internal => Draft::fault(&self, id()),
            Reason::NotFound | Reason::CodeNotFound => Draft::new(self.reason()),
            reason => Draft::new(reason).about(&self),
        };
        draft.finish()
    }
}

/// The conversion for places without a moment: a fault is logged under the id of the running trace.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        error.answered(|| {
            Traceparent::parse(&current_traceparent()).map_or_else(|| "-".to_owned(), |trace| trace.trace_id())
        })
    }
}

/// The reason in a status of this system, from either side; `None` for a status of another origin.
#[must_use]
pub fn reason_of(status: &Status) -> Option<Reason> {
    let given = status.get_details_error_info().filter(|given| given.domain == DOMAIN)?;
    Reason::from_str_name(&format!("REASON_{}", given.reason))
}

/// The meaning of a status that tonic made itself; `None` if the status does not concern the request.
pub(crate) fn reason_of_tonic(status: &Status) -> Option<Reason> {
    match status.code() {
        Code::Unimplemented if status.metadata().contains_key("grpc-accept-encoding") => Some(Reason::Compressed),
        Code::Unimplemented => Some(Reason::MethodUnknown),
        Code::Internal | Code::InvalidArgument => Some(Reason::Malformed),
        Code::OutOfRange => Some(Reason::TooLarge),
        Code::NotFound => Some(Reason::NotFound),
        Code::DeadlineExceeded => Some(Reason::Deadline),
        _ => None,
    }
}

/// A status under construction.
struct Draft {
    reason: Reason,
    english: String,
    japanese: String,
    fields: Vec<FieldViolation>,
    metadata: HashMap<String, String>,
}

impl Draft {
    /// A draft with the reason and its sentences only: the answers for hidden and for missing must not differ at all.
    fn new(reason: Reason) -> Self {
        let answer = answer(reason);
        Self {
            reason,
            english: answer.english.to_owned(),
            japanese: answer.japanese.to_owned(),
            fields: Vec::new(),
            metadata: HashMap::new(),
        }
    }

    fn fault(error: &Error, id: String) -> Self {
        tracing::error!(id, %error, "a call failed");
        let mut draft = Self::new(Reason::Internal);
        draft.english.push_str(&format!(" Id: {id}"));
        draft.japanese.push_str(&format!("（障害の識別子：{id}）"));
        draft.metadata.insert("id".to_owned(), id);
        draft
    }

    fn about(mut self, error: &Error) -> Self {
        match error {
            Error::Refused(refusal) => {
                self.detail(&refusal.detail);
                if !refusal.field.is_empty() {
                    self.field(refusal.field, &refusal.detail);
                }
            }
            Error::Failed { reason: Reason::RequestIdReused, .. } => {
                let used =
                    ("was used for another request of this caller", "この要求識別子は、別の要求に使用されています。");
                self.field("request_id", &used.into());
            }
            Error::Full { limit, most, .. } => self.limit(limit, *most),
            Error::Invalid(violations) => self.violations(violations),
            Error::Failed { .. } | Error::Ended(_) | Error::Fault(_) => {}
        }
        self
    }

    fn detail(&mut self, detail: &Sentence) {
        if !detail.english.is_empty() {
            self.english.push_str(&format!(" ({detail})"));
        }
        self.japanese.push_str(&detail.japanese);
    }

    fn field(&mut self, field: &str, description: &Sentence) {
        let mut violation = FieldViolation::new(field, description.english.as_str());
        violation.reason = self.reason.id().to_owned();
        violation.localized_message = Some(&description.japanese)
            .filter(|japanese| !japanese.is_empty())
            .map(|japanese| LocalizedMessage::new("ja", japanese.as_str()));
        self.fields.push(violation);
    }

    fn limit(&mut self, limit: &str, most: usize) {
        self.detail(&(format!("at most {most} {limit}"), format!("上限は{most}です。")).into());
        self.metadata.insert("limit".to_owned(), limit.to_owned());
        self.metadata.insert("most".to_owned(), most.to_string());
    }

    /// Adds as many violations as fit, and the number of the rest.
    fn violations(&mut self, violations: &[Violation]) {
        if let Some(first) = violations.first() {
            let japanese = format!("（{}）{}", first.field, first.must.japanese);
            self.detail(&(format!("{}: {}", first.field, first.must), japanese).into());
        }
        let mut left = VIOLATIONS;
        for violation in violations {
            let must = &violation.must;
            let english = format!("{must} ({})", violation.rule);
            let sizes = [violation.field.len(), english.len(), must.japanese.len(), self.reason.id().len()];
            left = left.saturating_sub(sizes.iter().sum());
            if left == 0 {
                break;
            }
            self.field(&violation.field, &(english, must.japanese.as_str()).into());
        }
        self.metadata.insert("violations".to_owned(), violations.len().to_string());
    }

    fn finish(self) -> Status {
        let answer = answer(self.reason);
        let mut details = ErrorDetails::with_error_info(self.reason.id(), DOMAIN, self.metadata);
        if answer.code == Code::FailedPrecondition {
            let subject = self.fields.first().map_or("", |violation| violation.field.as_str());
            details.add_precondition_failure_violation(self.reason.id(), subject, self.english.as_str());
        }
        if !self.fields.is_empty() {
            details.set_bad_request(self.fields);
        }
        if answer.retry_after.is_some() {
            details.set_retry_info(answer.retry_after);
        }
        details.set_localized_message("ja", self.japanese);
        #[expect(clippy::disallowed_methods, reason = "this is the one place that makes a status")]
        Status::with_error_details(answer.code, self.english, details)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;

    const LONG: (&str, &str) = ("at most 200 characters", "200文字以内で指定してください。");

    fn moment() -> Moment {
        Moment::new(Timestamp::UNIX_EPOCH, [7; 32])
    }

    /// The status as a client reads it, after the way over the wire.
    fn received(error: Error) -> (Status, ErrorDetails) {
        let response = error.status(&moment()).into_http::<()>();
        let status = Status::from_header_map(response.headers()).unwrap();
        let details = status.check_error_details().unwrap();
        (status, details)
    }

    fn reasons() -> impl Iterator<Item = Reason> {
        (1..=1000).filter_map(|number| Reason::try_from(number).ok())
    }

    #[test]
    fn every_reason_arrives_with_its_code_and_both_sentences() {
        for reason in reasons() {
            let (status, details) = received(Error::because(reason, Sentence::for_developers("what must hold")));
            let expected = answer(reason);
            let info = details.error_info().unwrap();
            assert_eq!((status.code(), info.domain.as_str()), (expected.code, "renkei"), "{reason:?}");
            let japanese = details.localized_message().unwrap();
            assert_eq!(japanese.locale, "ja");
            if expected.code == Code::Internal {
                assert_eq!(reason_of(&status), Some(Reason::Internal));
                assert!(!status.message().contains("what must hold"));
                continue;
            }
            assert_eq!((info.reason.as_str(), reason_of(&status)), (reason.id(), Some(reason)));
            assert!(status.message().starts_with(expected.english));
            assert_eq!(japanese.message, expected.japanese);
            assert_eq!(details.retry_info().map(|retry| retry.retry_delay), expected.retry_after.map(Some));
            assert_eq!(details.precondition_failure().is_some(), expected.code == Code::FailedPrecondition);
        }
    }

    #[test]
    fn hidden_and_missing_are_the_same() {
        for reason in [Reason::NotFound, Reason::CodeNotFound] {
            let missing = received(Refusal::plain(reason).into()).0;
            let hidden = received(
                Refusal::field(reason, "name", Sentence::for_developers("the matter belongs to another unit")).into(),
            )
            .0;
            assert_eq!((missing.message(), missing.details()), (hidden.message(), hidden.details()));
        }
    }

    #[test]
    fn a_broken_field_is_named_with_its_rule_and_limit() {
        let violations = vec![
            Violation { field: "title".to_owned(), rule: "string.max_len", must: LONG.into() },
            Violation { field: "id".to_owned(), rule: "string.uuid", must: Sentence::for_developers("must be a UUID") },
        ];
        let (status, details) = received(Error::Invalid(violations));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(details.error_info().unwrap().metadata["violations"], "2");
        let fields = &details.bad_request().unwrap().field_violations;
        assert_eq!(fields[0].field, "title");
        assert_eq!(fields[0].description, "at most 200 characters (string.max_len)");
        let japanese =
            |at: usize| fields[at].localized_message.as_ref().map(|it| (it.locale.as_str(), it.message.as_str()));
        assert_eq!((japanese(0), japanese(1)), (Some(("ja", LONG.1)), None));
        let sentence = format!("{}（title）{}", answer(Reason::FieldInvalid).japanese, LONG.1);
        assert_eq!(details.localized_message().unwrap().message, sentence);
        assert_eq!((fields[1].field.as_str(), fields[1].reason.as_str()), ("id", "FIELD_INVALID"));
    }

    #[test]
    fn a_status_stays_within_the_size_of_headers_that_clients_accept() {
        let violation = Violation {
            field: "f".repeat(200),
            rule: "string.pattern",
            must: ("m".repeat(300), "長".repeat(100)).into(),
        };
        let (status, details) = received(Error::Invalid(vec![violation; 50]));
        assert!(status.message().len() + status.details().len() * 4 / 3 < 8 << 10);
        assert!(!details.bad_request().unwrap().field_violations.is_empty());
        assert_eq!(details.error_info().unwrap().metadata["violations"], "50");
    }

    #[test]
    fn a_refusal_about_a_field_names_it() {
        let (_, details) = received(
            Refusal::field(Reason::WrongState, "name", Sentence::for_developers("it is given already")).into(),
        );
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "name");
        let unmet = &details.precondition_failure().unwrap().violations[0];
        assert_eq!((unmet.r#type.as_str(), unmet.subject.as_str()), ("WRONG_STATE", "name"));
        assert!(unmet.description.contains("it is given already"));
    }

    #[test]
    fn a_full_queue_names_the_limit_and_states_when_to_retry() {
        let (status, details) = received(Error::Full { reason: Reason::Busy, limit: "waiting commands", most: 1024 });
        assert_eq!(status.code(), Code::ResourceExhausted);
        let metadata = &details.error_info().unwrap().metadata;
        assert_eq!((metadata["limit"].as_str(), metadata["most"].as_str()), ("waiting commands", "1024"));
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_fault_shows_an_id_and_nothing_of_itself() {
        let faults: [Error; 4] = [
            Error::Failed { reason: Reason::Internal, cause: "secret row".into() },
            Error::Failed { reason: Reason::Internal, cause: "secret key".into() },
            Error::Fault("secret text".to_owned()),
            Error::because(Reason::FactDiffers, Sentence::for_developers("secret fact")),
        ];
        for fault in faults {
            let (status, details) = received(fault);
            let id = &details.error_info().unwrap().metadata["id"];
            assert_eq!((status.code(), id.len()), (Code::Internal, 16));
            assert!(status.message().ends_with(id) && !status.message().contains("secret"));
            assert!(details.localized_message().unwrap().message.contains(id.as_str()));
            assert!(!String::from_utf8_lossy(status.details()).contains("secret"));
        }
        let other = Error::Fault(String::new()).status(&Moment::new(Timestamp::UNIX_EPOCH, [8; 32]));
        assert_ne!(other.message(), Error::Fault(String::new()).status(&moment()).message());
    }

    #[test]
    fn the_caller_learns_only_the_reason_of_a_failure_beneath() {
        let failed = |reason| received(Error::Failed { reason, cause: "secret table".into() });
        for reason in [Reason::DatabaseUnavailable, Reason::AuditUnavailable, Reason::Recovering, Reason::ClockDoubted]
        {
            let (status, details) = failed(reason);
            assert_eq!((reason_of(&status), status.message()), (Some(reason), answer(reason).english));
            assert!(details.bad_request().is_none());
        }
        let (status, details) = failed(Reason::RequestIdReused);
        assert_eq!(status.message(), answer(Reason::RequestIdReused).english);
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "request_id");
    }
}
