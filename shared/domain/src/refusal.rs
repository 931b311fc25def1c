//! A refusal: the answer to an act that the policy does not permit.

use jiff::{Timestamp, civil::Date};
use renkei_proto::{FactKind, Sentence, journal::v1::fact, options::v1::Reason};

use crate::{calendar::parse_past_day, moment::instant};

/// A refusal with its stable reason. It contains no content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", reason.id())]
pub struct Refusal {
    /// The stable reason.
    pub reason: Reason,
    /// The field of the request that caused it; empty when no single field did.
    pub field: &'static str,
    /// The condition that was not met.
    pub detail: Sentence,
}

impl Refusal {
    /// A refusal that no single field caused.
    pub fn new(reason: Reason, detail: impl Into<Sentence>) -> Self {
        Self { reason, field: "", detail: detail.into() }
    }

    /// A refusal of which the reason states everything.
    pub fn plain(reason: Reason) -> Self {
        Self { reason, field: "", detail: Sentence::default() }
    }

    /// A refusal caused by one field of the request.
    pub fn field(reason: Reason, field: &'static str, detail: impl Into<Sentence>) -> Self {
        Self { reason, field, detail: detail.into() }
    }
}

/// Refuses unless the condition is met.
pub(crate) fn must(is_met: bool, reason: Reason, detail: impl Into<Sentence>) -> Result<(), Refusal> {
    if is_met { Ok(()) } else { Err(Refusal::new(reason, detail)) }
}

/// The instant of something that is stated to have happened, or to be known, by now.
///
/// # Errors
/// `FIELD_INVALID` when it is absent or lies in the future.
pub fn past(
    field: &'static str,
    stated: Option<&prost_types::Timestamp>,
    now: Timestamp,
) -> Result<Timestamp, Refusal> {
    let stated = stated.map(instant).filter(|at| *at <= now);
    stated.ok_or_else(|| {
        Refusal::field(
            Reason::FieldInvalid,
            field,
            ("must not lie in the future", "将来の日時を指定することはできません。"),
        )
    })
}

/// The day that is stated to have come.
///
/// # Errors
/// `FIELD_INVALID` when it does not exist or lies in the future.
pub fn past_day(field: &'static str, stated: &str, now: Timestamp) -> Result<Date, Refusal> {
    let detail = ("must be a day that exists and has come", "暦にある日で、本日以前の日を指定してください。");
    parse_past_day(stated, now).ok_or_else(|| Refusal::field(Reason::FieldInvalid, field, detail))
}

/// The refusal of a request that leaves out a field.
pub fn missing(field: &'static str) -> Refusal {
    Refusal::field(Reason::FieldInvalid, field, ("must be set", "必ず指定してください。"))
}

impl Refusal {
    /// A noun was asked to judge a fact that its match does not know. A test finds every such kind.
    pub(crate) fn of_another_noun(fact: &fact::Fact) -> Self {
        Self::new(Reason::Internal, Sentence::for_developers(format!("{} has no judgement", FactKind::of(fact).name())))
    }
}
