//! The duties of both agencies in an item.

use renkei_proto::r#type::v1::Agency;

use super::{
    answers::{has_open_question, missing_units},
    consent, copies, disclosure,
    revision::{current, is_sealed, recall},
};
use crate::{
    calendar::parse_day,
    duty::{Duty, DutyKind},
    matter::Matter,
    page::Seen,
};

/// The originator's duty to answer a question about its item (Art. 5(2)).
pub const ANSWER_QUESTION: DutyKind = DutyKind::new("answer_item_question");
/// Both agencies' duty where an item names units that its receiver does not have: the originator names others, or the
/// receiver adds them (Art. 7(2)).
pub const SETTLE_UNITS: DutyKind = DutyKind::new("settle_item_units");

/// The originator's duty to answer a request for consent (Art. 7(2)); an oral consent by the next open day.
pub const ANSWER_CONSENT_REQUEST: DutyKind = DutyKind::new("answer_consent_request");
/// The originator's duty to state its opinion on a disclosure that a law requires, by the day on which it is planned.
pub const GIVE_DISCLOSURE_OPINION: DutyKind = DutyKind::new("give_disclosure_opinion");
/// The receiver's duty to report every copy of a recalled item by the day that the recall names, and those of recipients
/// whose basis has ended otherwise.
pub const ANSWER_RECALL: DutyKind = DutyKind::new("answer_recall");
/// The originator's duty to see to it that its recall is answered.
pub const FOLLOW_UP_RECALL: DutyKind = DutyKind::new("follow_up_recall");
/// The receiver's duty to count the readers of misdirected information.
pub const COUNT_MISDIRECTION_READERS: DutyKind = DutyKind::new("count_misdirection_readers");
/// The originator's duty to close an incident of misdirected information.
pub const CLOSE_MISDIRECTION: DutyKind = DutyKind::new("close_misdirection");

/// The kinds of duty that an item may contain.
pub(super) const KINDS: &[DutyKind] = &[
    ANSWER_QUESTION,
    SETTLE_UNITS,
    ANSWER_CONSENT_REQUEST,
    GIVE_DISCLOSURE_OPINION,
    ANSWER_RECALL,
    FOLLOW_UP_RECALL,
    COUNT_MISDIRECTION_READERS,
    CLOSE_MISDIRECTION,
];

/// The duties of an agency in an item.
pub(super) fn of(own: Agency, matter: &Matter, seen: Seen<'_>) -> Vec<Duty> {
    if current(seen, matter.opener).is_none() {
        // The item was refused: neither agency can do anything about it, though its originator may have recalled it.
        return Vec::new();
    }
    let is_asked = matter.opener == own && has_open_question(seen, own);
    let lacks_units = !is_sealed(seen, matter.opener) && !missing_units(seen, matter.opener).is_empty();
    let incident = copies::incident(seen, matter.opener).filter(|it| !it.is_closed());
    let is_to_count = matter.opener != own && incident.is_some_and(|it| !it.is_counted());
    let is_to_close = matter.opener == own && incident.is_some();
    let undated = [
        is_asked.then_some(ANSWER_QUESTION),
        lacks_units.then_some(SETTLE_UNITS),
        is_to_count.then_some(COUNT_MISDIRECTION_READERS),
        is_to_close.then_some(CLOSE_MISDIRECTION),
    ];
    let dated = match matter.opener == own {
        true => [consent_duty(seen, own), opinion_duty(seen, own), recall_duty(seen, own, FOLLOW_UP_RECALL)],
        false => [answer_duty(seen, matter.opener), None, None],
    };
    undated.into_iter().flatten().map(DutyKind::undated).chain(dated.into_iter().flatten()).collect()
}

/// The originator answers the requests for consent; an oral consent by a day.
fn consent_duty(seen: Seen<'_>, opener: Agency) -> Option<Duty> {
    let mut open = consent::open_requests(seen, opener).peekable();
    open.peek()?;
    let oral = open.filter_map(|it| it.it.oral.as_ref());
    let first = oral.filter_map(|oral| Some((parse_day(&oral.confirm_by)?, oral.by_rule))).min();
    let (due, by_rule) = first.map_or((None, false), |(day, by_rule)| (Some(day), by_rule));
    Some(Duty { kind: ANSWER_CONSENT_REQUEST, due, by_rule })
}

/// The originator states its opinion on the disclosures that laws require.
fn opinion_duty(seen: Seen<'_>, opener: Agency) -> Option<Duty> {
    let first = disclosure::awaiting_opinion(seen, opener).map(|it| parse_day(&it.planned_on)).min()?;
    Some(Duty { kind: GIVE_DISCLOSURE_OPINION, due: first, by_rule: false })
}

/// A recall that is not fully answered, with its day. A recall of an earlier version names none and asks for no report.
fn recall_duty(seen: Seen<'_>, opener: Agency, kind: DutyKind) -> Option<Duty> {
    let (_, it) = recall(seen, opener).filter(|_| !copies::is_complete(seen, opener))?;
    let due = parse_day(&it.answer_by)?;
    Some(Duty { kind, due: Some(due), by_rule: it.by_rule })
}

/// The receiver reports the copies of a recalled item, or those of recipients whose basis has ended.
fn answer_duty(seen: Seen<'_>, opener: Agency) -> Option<Duty> {
    let outside = || (!copies::outside(seen, opener).is_empty()).then(|| ANSWER_RECALL.undated());
    recall_duty(seen, opener, ANSWER_RECALL).or_else(outside)
}
