//! The effect of a recall (共有停止) at the receiver, the disposal of texts (廃棄), and misdirected information (誤送信).
//!
//! The receiver reports each copy by a number of its own. Its last report states that every copy has been reported: until
//! then both agencies have the duty, and both see when its day is over.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use renkei_proto::{
    FactKind, Sentence,
    journal::v1::Mark,
    options::v1::Reason,
    sharing::v1::{
        CopyAnswered, CopyFate, CopyReport, Disposal, ItemDisposed, Misdirection, MisdirectionClosed,
        MisdirectionReadersCounted, MisdirectionReported, RecallAnswered, RecallReason, RecallReminded,
        RecipientDemand,
    },
    r#type::v1::Agency,
};

use super::{
    disclosure,
    revision::{find, open, recall},
};
use crate::{
    calendar::parse_day,
    case::Case,
    matter::{entry_name, entry_name_if_any},
    noun::Disposed,
    page::{MarkView as _, Seen},
    refusal::{Refusal, missing, must},
};

/// An entry that is no disclosure of the item.
pub const NO_DISCLOSURE: (&str, &str) =
    ("there is no such disclosure of this item", "この共有情報について、指定された開示はありません。");
/// The most copies that the receiver reports besides those of disclosures.
const COPIES: usize = 100;

/// The last report of each copy.
fn reported(seen: Seen<'_>, opener: Agency) -> BTreeMap<u32, (&Mark, &CopyAnswered)> {
    seen.all_of::<CopyAnswered>(opener.peer()).map(|(mark, it)| (it.copy, (mark, it))).collect()
}

/// The number under which the copy of a disclosure is reported, or of another copy that was not reported yet; 0 names no
/// disclosure.
pub fn copy_of(seen: Seen<'_>, opener: Agency, disclosure: u64) -> u32 {
    let mut reported = reported(seen, opener).into_values();
    let known = reported.find(|(_, it)| disclosure != 0 && it.disclosure == disclosure);
    known.map_or_else(|| next_copy(seen, opener), |(_, it)| it.copy)
}

/// The number of a copy that was not reported yet.
fn next_copy(seen: Seen<'_>, opener: Agency) -> u32 {
    reported(seen, opener).last_key_value().map_or(1, |(copy, _)| copy + 1)
}

/// True if the receiver has reported that every copy of the recalled item is among its reports.
pub fn is_complete(seen: Seen<'_>, opener: Agency) -> bool {
    let Some((recall, _)) = recall(seen, opener) else { return false };
    seen.all_of::<CopyAnswered>(opener.peer()).any(|(mark, it)| it.complete && mark.answers == recall.seq)
}

/// The disclosures whose basis has ended, and whose copies the receiver has not reported, with the entry that ended it. A
/// recall asks again about a copy that was reported for another end, because it may demand more of the recipient.
pub fn outside(seen: Seen<'_>, opener: Agency) -> Vec<(&Mark, &Mark)> {
    let recalled = recall(seen, opener).map(|(mark, _)| mark.seq);
    let reports = seen.all_of::<CopyAnswered>(opener.peer());
    let counting = reports.filter(|(mark, _)| recalled.is_none_or(|recall| mark.answers == recall));
    let reported: BTreeSet<u64> = counting.map(|(_, it)| it.disclosure).collect();
    let open = disclosure::disclosed(seen, opener).filter(|(mark, _)| !reported.contains(&mark.seq));
    open.filter_map(|(mark, it)| Some((mark, disclosure::ended_by(seen, opener, it)?))).collect()
}

/// The entry that the next report about a disclosure, or about another copy, answers.
pub fn answered(seen: Seen<'_>, opener: Agency, disclosure: u64) -> u64 {
    let outside = outside(seen, opener);
    let by = outside.iter().find(|(mark, _)| mark.seq == disclosure).map(|(_, by)| by.seq);
    by.or(recall(seen, opener).map(|(mark, _)| mark.seq)).unwrap_or_default()
}

pub(super) fn judge_copy(case: &Case, fact: &CopyAnswered) -> Result<(), Refusal> {
    let (seen, opener) = (case.page(), case.matter.opener);
    find(case)?;
    let invalid = |field, detail: (&str, &str)| Err(Refusal::field(Reason::FieldInvalid, field, detail));
    let is_recalled = recall(seen, opener).is_some();
    let is_disclosure = fact.fate() == CopyFate::Disclosed;
    must(
        is_recalled || (is_disclosure && !outside(seen, opener).is_empty()),
        Reason::WrongState,
        (
            "only copies of a recalled item, and of disclosures whose basis has ended, are reported",
            "報告の対象となる写しは、「共有停止」の状態にある共有情報の写し及び根拠が失われた開示に係る写しに限られます。",
        ),
    )?;
    let restates = completes_again(case, fact);
    if is_disclosure && !restates {
        judge_disclosed_copy(case, fact)?;
    } else if is_disclosure {
        case.answers(recall(seen, opener).map_or(0, |(mark, _)| mark.seq))?;
    } else {
        case.answers(recall(seen, opener).map_or(0, |(mark, _)| mark.seq))?;
        if fact.disclosure != 0 {
            return invalid(
                "disclosure",
                ("is named for a disclosed copy alone", "開示済の写しに限り指定することができます。"),
            );
        }
        if fact.demand() != RecipientDemand::Unspecified {
            return invalid(
                "demand",
                ("is stated for a disclosed copy alone", "開示済の写しに限り指定することができます。"),
            );
        }
    }
    let retained = parse_day(&fact.retained_until);
    if fact.fate() == CopyFate::Retained && retained.is_none_or(|day| day < case.today()) {
        let must = ("must be a day of the calendar, today or later", "暦にある日で、本日以後の日を指定してください。");
        return invalid("retained_until", must);
    }
    if fact.fate() != CopyFate::Retained && !fact.retained_until.is_empty() {
        let must = (
            "is stated for a copy that a law requires to be kept",
            "法令に基づき保存する写しに限り指定することができます。",
        );
        return invalid("retained_until", must);
    }
    if !restates {
        judge_number(case, fact)?;
    }
    if fact.complete {
        let others = outside(seen, opener).into_iter().filter(|(mark, _)| mark.seq != fact.disclosure);
        must(
            is_recalled,
            Reason::WrongState,
            ("the item is not recalled", "この共有情報は「共有停止」の状態にありません。"),
        )?;
        must(
            others.count() == 0,
            Reason::WrongState,
            (
                "a disclosure of the item has no report yet",
                "報告されていない開示があるため、回答を完了することはできません。",
            ),
        )?;
    }
    Ok(())
}

fn judge_disclosed_copy(case: &Case, fact: &CopyAnswered) -> Result<(), Refusal> {
    let (seen, opener) = (case.page(), case.matter.opener);
    if fact.demand() == RecipientDemand::Unspecified {
        return Err(missing("demand"));
    }
    let disclosed = disclosure::disclosed(seen, opener).find(|(mark, _)| mark.seq == fact.disclosure);
    if disclosed.is_none() {
        return Err(Refusal::field(Reason::FieldInvalid, "disclosure", NO_DISCLOSURE));
    }
    let is_required = disclosed.is_some_and(|(_, it)| disclosure::law(it).is_some());
    if fact.demand() == RecipientDemand::NotPossible && !is_required {
        let must = (
            "is possible for a disclosure that a law required alone",
            "法令に基づく開示に限り指定することができます。",
        );
        return Err(Refusal::field(Reason::FieldInvalid, "demand", must));
    }
    let outside = outside(seen, opener);
    let Some((_, by)) = outside.iter().find(|(mark, _)| mark.seq == fact.disclosure) else {
        return Err(Refusal::field(
            Reason::WrongState,
            "disclosure",
            (
                "the copy of this disclosure is reported already, or its basis has not ended",
                "この開示に係る写しは、既に報告されているか、又は開示の根拠が失われていません。",
            ),
        ));
    };
    case.answers(by.seq)
}

/// True for the last report of a copy once more, which now states that every copy has been reported.
fn completes_again(case: &Case, fact: &CopyAnswered) -> bool {
    let (seen, opener) = (case.page(), case.matter.opener);
    let is_same = |before: &CopyAnswered| CopyAnswered { complete: true, ..before.clone() } == *fact;
    let is_reported = reported(seen, opener).get(&fact.copy).is_some_and(|(_, before)| is_same(before));
    is_reported && recall(seen, opener).is_some() && !is_complete(seen, opener)
}

/// A copy keeps its number, and a fate that cannot change.
fn judge_number(case: &Case, fact: &CopyAnswered) -> Result<(), Refusal> {
    let reported = reported(case.page(), case.matter.opener);
    let mut others = reported.values().filter(|(_, it)| it.copy != fact.copy);
    if fact.disclosure != 0 && others.any(|(_, it)| it.disclosure == fact.disclosure) {
        let must_be =
            ("must be the number of the copy of this disclosure", "この開示に係る写しの番号を指定してください。");
        return Err(Refusal::field(Reason::FieldInvalid, "copy", must_be));
    }
    let Some((_, before)) = reported.get(&fact.copy) else {
        let next = next_copy(case.page(), case.matter.opener);
        let free = reported.values().filter(|(_, it)| it.disclosure == 0).count();
        must(
            fact.disclosure != 0 || free < COPIES,
            Reason::WrongState,
            (
                "at most 100 copies of an item are reported besides those of disclosures",
                "一件の共有情報について報告できる写しは、開示に係るものを除き100件までです。",
            ),
        )
        .map_err(|refusal| Refusal { field: "copy", ..refusal })?;
        let must_be = (
            "must be the number of a reported copy or the next one",
            "既に報告した写しの番号又はその次の番号を指定してください。",
        );
        return must(fact.copy == next, Reason::FieldInvalid, must_be)
            .map_err(|refusal| Refusal { field: "copy", ..refusal });
    };
    let is_final = !matches!(before.fate(), CopyFate::Sealed | CopyFate::Retained);
    let may_change = match fact.fate() {
        // The recall asks about it again.
        CopyFate::Disclosed => before.disclosure == fact.disclosure,
        fate => !is_final && (before.fate() != fate || before.retained_until != fact.retained_until),
    };
    must(
        may_change,
        Reason::WrongState,
        ("the fate of this copy is reported already", "この写しの取扱いは、既に報告されています。"),
    )
    .map_err(|refusal| Refusal { field: "copy", ..refusal })
}

pub(super) fn judge_reminder(case: &Case) -> Result<(), Refusal> {
    let (seen, opener) = (case.page(), case.matter.opener);
    find(case)?;
    let is_due = recall(seen, opener).is_some_and(|(_, it)| !it.answer_by.is_empty()) && !is_complete(seen, opener);
    must(
        is_due,
        Reason::WrongState,
        ("no answer to a recall is due", "回答期限のある共有停止で、回答が完了していないものはありません。"),
    )
}

/// The reports as the desk shows them, by their numbers.
pub(super) fn shown(seen: Seen<'_>, opener: Agency) -> Vec<CopyReport> {
    let shown = reported(seen, opener).into_values().map(|(mark, it)| CopyReport {
        copy: it.copy,
        entry: entry_name(opener.peer(), mark.seq),
        fate: it.fate,
        disclosure: entry_name_if_any(opener.peer(), it.disclosure),
        demand: it.demand,
        retained_until: it.retained_until.clone(),
    });
    shown.collect()
}

/// The demand that was made on the recipient of a disclosure.
pub fn demand(seen: Seen<'_>, opener: Agency, disclosure: u64) -> RecipientDemand {
    let reports = seen.all_of::<CopyAnswered>(opener.peer());
    reports
        .filter(|(_, it)| it.disclosure == disclosure)
        .last()
        .map_or(RecipientDemand::Unspecified, |(_, it)| it.demand())
}

/// The names of the entries that remind of the recall.
pub(super) fn reminders(seen: Seen<'_>, opener: Agency) -> Vec<String> {
    seen.all_of::<RecallReminded>(opener).map(|(mark, _)| entry_name(opener, mark.seq)).collect()
}

/// The entries whose texts an agency has erased.
pub fn disposed(seen: Seen<'_>, by: Agency) -> Disposed {
    let last = seen.last::<ItemDisposed>(by);
    last.map_or_else(Disposed::default, |(mark, it)| Disposed { own_before: mark.seq, peer_until: it.peer_seq })
}

/// The number of the last entry of an agency in the item; 0 for none.
pub fn last_of(seen: Seen<'_>, agency: Agency) -> u64 {
    seen.all(agency).last().map_or(0, |mark| mark.seq)
}

pub(super) fn judge_disposal(case: &Case, fact: &ItemDisposed) -> Result<(), Refusal> {
    let seen = case.page();
    find(case)?;
    let author = case.author();
    must(
        fact.peer_seq == last_of(seen, author.peer()),
        Reason::FactDiffers,
        Sentence::for_developers("a disposal erases everything that is there"),
    )?;
    let Disposed { own_before, peer_until } = disposed(seen, author);
    // The decision that approved a disposal is no text of the item, so the disposal of one agency gives the other none.
    let has_text =
        |mark: &&Mark| mark.kind().is_some_and(|kind| kind != FactKind::ItemDisposed && kind.rule().content.is_some());
    let is_left = |agency, erased| seen.all(agency).filter(has_text).any(|mark| mark.seq > erased);
    must(
        is_left(author, own_before) || is_left(author.peer(), peer_until),
        Reason::WrongState,
        ("every text of the item is erased already", "この共有情報の内容は、既に廃棄されています。"),
    )
}

/// The last disposal of each agency as the desk shows it.
pub(super) fn disposals(seen: Seen<'_>) -> Vec<Disposal> {
    let each = [Agency::Ppc, Agency::Ipa].into_iter().filter_map(|agency| {
        let (mark, it) = seen.last::<ItemDisposed>(agency)?;
        Some(Disposal { entry: entry_name(agency, mark.seq), ground: it.ground, disposed_at: mark.written_at })
    });
    each.collect()
}

/// An incident of misdirected information.
#[derive(Clone, Copy)]
pub(super) struct Incident<'a> {
    /// The entry that reported it.
    mark: &'a Mark,
    /// The agency that wrote this entry.
    author: Agency,
    /// The count of its readers.
    counted: Option<(&'a Mark, &'a MisdirectionReadersCounted)>,
    /// The entry that closed it.
    closed: Option<(&'a Mark, &'a MisdirectionClosed)>,
}

impl Incident<'_> {
    pub(super) fn is_counted(&self) -> bool {
        self.counted.is_some()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }
}

/// The last incident of an item: as the receiver has reported it, or else as the originator has recalled it.
pub(super) fn incident(seen: Seen<'_>, opener: Agency) -> Option<Incident<'_>> {
    let receiver = opener.peer();
    let unfounded = |it: &MisdirectionClosed| it.unfounded;
    let report = seen.last::<MisdirectionReported>(receiver).map(|(mark, _)| {
        let counted = seen.all_of::<MisdirectionReadersCounted>(receiver).filter(|(it, _)| it.seq > mark.seq).last();
        let closed = seen.answer::<MisdirectionClosed>(opener, mark.seq);
        Incident { mark, author: receiver, counted, closed }
    });
    let recalled = recall(seen, opener).filter(|(_, it)| it.reason() == RecallReason::Misdirected).map(|(mark, _)| {
        let counted =
            seen.all_of::<MisdirectionReadersCounted>(receiver).filter(|(it, _)| it.answers == mark.seq).last();
        let closed = seen.all_of::<MisdirectionClosed>(opener).find(|(it, _)| it.answers == 0);
        Incident { mark, author: opener, counted, closed }
    });
    match (report, recalled) {
        // The recall confirms the report, unless the report was about something else before.
        (Some(report), Some(recalled)) if report.closed.is_some_and(|(_, it)| unfounded(it)) => Some(recalled),
        (report, recalled) => report.or(recalled),
    }
}

/// The time at which the receiver's service sealed the texts; `None` while it shows them.
pub fn sealed_at(seen: Seen<'_>, opener: Agency) -> Option<Timestamp> {
    let reported = seen.last::<MisdirectionReported>(opener.peer()).map(|(mark, _)| mark.at());
    let recalled = seen.first::<RecallAnswered>(opener.peer()).map(|(mark, _)| mark.at());
    [reported, recalled].into_iter().flatten().min()
}

pub(super) fn judge_report(case: &Case) -> Result<(), Refusal> {
    // An item that was reported before is not open.
    let current = open(case)?;
    case.answers(current.mark.seq)
}

fn open_incident<'a>(case: &Case<'a>) -> Result<Incident<'a>, Refusal> {
    find(case)?;
    let incident = incident(case.page(), case.matter.opener).filter(|it| !it.is_closed());
    incident.ok_or_else(|| {
        Refusal::new(
            Reason::WrongState,
            ("there is no open incident of misdirected information", "対応中の誤送信はありません。"),
        )
    })
}

/// The number of the peer's entry that the next entry about the open incident answers; 0 for an own one.
pub fn incident_entry(seen: Seen<'_>, opener: Agency, author: Agency) -> u64 {
    let other = incident(seen, opener).filter(|it| it.author != author);
    other.map_or(0, |it| it.mark.seq)
}

pub(super) fn judge_count(case: &Case) -> Result<(), Refusal> {
    let incident = open_incident(case)?;
    case.answers(incident_entry(case.page(), case.matter.opener, case.author()))?;
    must(
        !incident.is_counted(),
        Reason::WrongState,
        ("the readers are counted already", "閲覧者数は、既に報告されています。"),
    )
}

pub(super) fn judge_close(case: &Case, fact: &MisdirectionClosed) -> Result<(), Refusal> {
    let incident = open_incident(case)?;
    let is_recalled = recall(case.page(), case.matter.opener).is_some();
    case.answers(incident_entry(case.page(), case.matter.opener, case.author()))?;
    must(
        incident.is_counted(),
        Reason::WrongState,
        ("the receiver has not counted the readers yet", "相手方による閲覧者数の報告が、まだ行われていません。"),
    )?;
    let why = if fact.unfounded {
        ("a recalled item was not sent on purpose", "共有停止となった共有情報を誤送信でないとすることはできません。")
    } else {
        ("an item that was sent by mistake is recalled first", "先に共有停止の手続を行ってください。")
    };
    must(fact.unfounded != is_recalled, Reason::WrongState, why)
}

/// The incident as the desk shows it.
pub(super) fn incident_shown(seen: Seen<'_>, opener: Agency) -> Option<Misdirection> {
    let it = incident(seen, opener)?;
    let (counted, closed) = (it.counted, it.closed);
    Some(Misdirection {
        entry: entry_name(it.author, it.mark.seq),
        readers_entry: counted.map(|(mark, _)| entry_name(opener.peer(), mark.seq)).unwrap_or_default(),
        officials: counted.map(|(_, it)| it.officials).unwrap_or_default(),
        reads: counted.map(|(_, it)| it.reads).unwrap_or_default(),
        systems: counted.map(|(_, it)| it.systems).unwrap_or_default(),
        closing_entry: closed.map(|(mark, _)| entry_name(opener, mark.seq)).unwrap_or_default(),
        unfounded: closed.is_some_and(|(_, it)| it.unfounded),
    })
}
