//! Technical advice and support (Art. 4(2)): PPC asks, IPA helps.
//!
//! State: `WITHDRAWN > DECLINED > CLOSED > ANSWERED > HANDED_BACK > CLARIFYING > ACCEPTED > SUBMITTED`; handed back and
//! clarifying count only while PPC has not answered them. The entries of the losing side stay readable.
//!
//! PPC's further questions after final advice begin another round: the request is under way again, and only a final advice
//! on them, or a later note of PPC, answers or closes it. What belongs to a former round stays readable. A further question
//! that is declined or withdrawn ends the request so; the advice before it is still noted.

mod request;
mod resource;

pub use request::{
    clarifications_open, due, handed_back_open, last_submission, newest_conclusion, overdue, questions, request, state,
};

use std::collections::BTreeSet;

use jiff::Timestamp;
use prost::Message as _;
use renkei_proto::{
    Sentence,
    advice::v1::{
        AdviceAccepted, AdviceClarificationAnswered, AdviceClarificationAsked, AdviceCorrected, AdviceFurtherAsked,
        AdviceGiven, AdvicePlanRevised, AdviceQuotationAsked, AdviceRequest, AdviceRequested, AdviceStage,
        AdviceSupplemented, Due, Quotation, Urgency, advice_request::State,
    },
    journal::v1::{Mark, fact::Fact},
    options::v1::Reason,
    r#type::v1::{Agency, Finding},
};

use self::request::{
    acceptance, answered, further, is_noted, is_under_way, outcomes, planned, quotation_answer, quotations, waiting_for,
};
use crate::{
    calendar::{self, Calendar},
    case::Case,
    case_number::CaseNumber,
    duty::{Duty, DutyKind},
    matter::{Collection, Matter, is_uuid},
    moment::instant,
    noun::{Noun, Resource as _, StateName, referral},
    page::Seen,
    refusal::{Refusal, must, past},
    tally::{Ordinal, TallyKind},
    visibility::Visibility,
};

/// `agencies/ppc/adviceRequests/{uuid}`.
pub const COLLECTION: Collection = Collection::of_ids("adviceRequests", is_uuid).with_case_letters("ADV");

/// IPA's duty to advise, by the day that PPC named (Art. 4(2)).
pub const GIVE_ADVICE: DutyKind = DutyKind::new("give_advice");
/// PPC's duty to answer a clarification, or to supplement a request that was handed back.
pub const COMPLETE_REQUEST: DutyKind = DutyKind::new("complete_advice_request");
/// PPC's duty to take note of a conclusion.
pub const NOTE_ADVICE: DutyKind = DutyKind::new("note_advice");
/// IPA's duty to confirm a quotation, or to answer a question that came late.
pub const ANSWER_ADVICE: DutyKind = DutyKind::new("answer_advice");

/// The number of open days until advice is due, unless an agreed method sets another one (Art. 6).
const TARGET: u16 = 10;
/// The same for urgent requests.
const TARGET_URGENT: u16 = 2;
/// The counter of requests within a fiscal year.
pub const ORDINAL: TallyKind = TallyKind::new("advice");
/// The most questions of a request, supplements included.
pub const MOST_QUESTIONS: u32 = 100;
/// The most times that PPC asks further questions in a request.
pub const MOST_FURTHER: usize = 10;

/// Requests for advice.
pub struct AdviceNoun;

impl Noun for AdviceNoun {
    fn collection(&self) -> Collection {
        COLLECTION
    }

    fn resource(&self, matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Vec<u8>> {
        AdviceRequest::of(matter, seen, now, etag).map(|it| it.encode_to_vec())
    }

    fn judge(&self, case: &Case, fact: &Fact) -> Result<(), Refusal> {
        match fact {
            Fact::AdviceRequested(requested) => judge_request(case, requested),
            Fact::AdviceSupplemented(supplement) => judge_supplement(case, supplement),
            Fact::AdviceClarificationAnswered(answer) => judge_clarification_answer(case, answer),
            Fact::AdviceFurtherAsked(questions) => judge_further(case, questions),
            Fact::AdviceQuotationAsked(question) => judge_quotation_question(case, question),
            Fact::AdviceWithdrawn(_) => open(case),
            Fact::AdviceClosed(_) => judge_closing(case),
            Fact::AdviceAccepted(acceptance) => judge_acceptance(case, acceptance),
            Fact::AdvicePlanRevised(plan) => judge_plan(case, plan),
            Fact::AdviceHandedBack(_) => works_on(case, &[State::Submitted, State::Accepted, State::Clarifying]),
            Fact::AdviceDeclined(_) => {
                works_on(case, &[State::Submitted, State::Accepted, State::Clarifying, State::HandedBack])
            }
            Fact::AdviceClarificationAsked(question) => judge_clarification(case, question),
            Fact::AdviceGiven(advice) => judge_advice(case, advice),
            Fact::AdviceCorrected(correction) => judge_correction(case, correction),
            Fact::AdviceQuotationAnswered(_) => judge_quotation_answer(case),
            other => Err(Refusal::of_another_noun(other)),
        }
    }

    fn needs_room(&self, fact: &Fact) -> bool {
        match fact {
            Fact::AdviceWithdrawn(_) | Fact::AdviceClosed(_) | Fact::AdviceAccepted(_) | Fact::AdviceDeclined(_) => {
                false
            }
            Fact::AdviceGiven(advice) => advice.stage() != AdviceStage::Final,
            _ => true,
        }
    }

    fn ordinals(&self, fact: &Fact) -> Vec<Ordinal> {
        match fact {
            Fact::AdviceRequested(it) => {
                vec![Ordinal { kind: ORDINAL, year: it.fiscal_year, number: it.year_ordinal }]
            }
            _ => Vec::new(),
        }
    }

    fn state(&self, _: &Matter, seen: Seen<'_>) -> StateName {
        let state = state(seen);
        StateName { id: state.as_str_name(), ja: state.ja() }
    }

    fn visibility<'a>(&self, _: Agency, _: &Matter, seen: Seen<'a>) -> Vec<Visibility<'a>> {
        if seen.is_empty() { Vec::new() } else { vec![Visibility::EVERYBODY] }
    }

    fn duty_kinds(&self) -> &'static [DutyKind] {
        &[GIVE_ADVICE, COMPLETE_REQUEST, NOTE_ADVICE, ANSWER_ADVICE]
    }

    fn duties(&self, own: Agency, _: &Matter, seen: Seen<'_>) -> Vec<Duty> {
        if waiting_for(seen) != own {
            return Vec::new();
        }
        vec![match (own, state(seen)) {
            (Agency::Ipa, State::Submitted | State::Accepted) => {
                let stated = due(seen);
                Duty {
                    kind: GIVE_ADVICE,
                    due: stated.and_then(|due| calendar::parse_day(&due.on)),
                    by_rule: stated.is_some_and(|due| due.by_rule),
                }
            }
            (Agency::Ipa, _) => ANSWER_ADVICE.undated(),
            (_, State::HandedBack | State::Clarifying) => COMPLETE_REQUEST.undated(),
            (_, _) => NOTE_ADVICE.undated(),
        }]
    }
}

/// The due day of advice that is requested, or whose request is completed, at this time. The open days are those of
/// national administrative organs. IPA is no such organ, and its own closing days are not counted.
pub fn target(urgency: Urgency, now: Timestamp, calendar: &Calendar) -> Due {
    let days = if urgency == Urgency::Urgent { TARGET_URGENT } else { TARGET };
    let on = calendar.add_open_days(calendar::day(now), days);
    Due { on: on.to_string(), calendar: calendar.years(), by_rule: calendar.is_by_rule(on) }
}

fn judge_request(case: &Case, fact: &AdviceRequested) -> Result<(), Refusal> {
    must(
        case.matter.opener == Agency::Ppc,
        Reason::HeaderDiffers,
        Sentence::for_developers("requests for advice are PPC's"),
    )?;
    due_ahead(case, fact.due.as_ref())?;
    ahead(case, "wanted_by", fact.wanted_by.as_ref())?;
    if let Some(judgement) = &fact.judgement {
        past("judgement.judged_at", judgement.judged_at.as_ref(), case.now)?;
        let detail = (
            "the case is outside Art. 2 if it is not an unauthorised-access case",
            "不正アクセス事案に該当しない場合は、覚書第2条の対象範囲外です。",
        );
        must_of("judgement.finding", judgement.finding() != Finding::DoesNotApply, detail)?;
    }
    let letters = fact.referral.as_ref().map(|number| number.letters.as_str());
    let is_referral = letters.is_none_or(|letters| letters == referral::COLLECTION.case_letters());
    must_of("referral", is_referral, ("is not the case number of a referral", "紹介の案件番号を指定してください。"))?;
    let distinct: BTreeSet<CaseNumber> = fact.related_cases.iter().map(CaseNumber::from).collect();
    must_of(
        "related_cases",
        distinct.len() == fact.related_cases.len(),
        ("names a matter twice", "同じ案件を二度指定することはできません。"),
    )
}

/// Refuses a value of one field unless the condition is met.
fn must_of(field: &'static str, is_met: bool, detail: (&str, &str)) -> Result<(), Refusal> {
    if is_met { Ok(()) } else { Err(Refusal::field(Reason::FieldInvalid, field, detail)) }
}

fn judge_supplement(case: &Case, fact: &AdviceSupplemented) -> Result<(), Refusal> {
    open(case)?;
    let handed_back = handed_back_open(case.page());
    case.answers(handed_back.map_or(0, |mark| mark.seq))?;
    must(
        fact.due.is_some() == handed_back.is_some(),
        Reason::FactDiffers,
        Sentence::for_developers("a new due day is set if the request was handed back, and only then"),
    )?;
    if fact.due.is_some() {
        due_ahead(case, fact.due.as_ref())?;
    }
    has_room_for(case, fact.questions)
}

fn has_room_for(case: &Case, added: u32) -> Result<(), Refusal> {
    let right = questions(case.page()).saturating_add(added) <= MOST_QUESTIONS;
    must(
        right,
        Reason::WrongState,
        ("a request has at most 100 questions", "一件の依頼に記載できる質問は100問までです。"),
    )
}

/// PPC asks further questions after it has read the newest final advice or correction, whether it has noted that or not.
fn judge_further(case: &Case, fact: &AdviceFurtherAsked) -> Result<(), Refusal> {
    find(case)?;
    let is_advised = matches!(state(case.page()), State::Answered | State::Closed);
    must(
        is_advised,
        Reason::WrongState,
        ("further questions are asked after final advice", "再照会は、最終回答の後に行うことができます。"),
    )?;
    case.answers(newest_conclusion(case.page()).map_or(0, |mark| mark.seq))?;
    let is_free = further(case.page()).count() < MOST_FURTHER;
    must(
        is_free,
        Reason::WrongState,
        (
            "further questions are asked at most ten times: submit another request",
            "再照会は10回までです。新たに助言を依頼してください。",
        ),
    )?;
    has_room_for(case, fact.questions)?;
    due_ahead(case, fact.due.as_ref())
}

fn judge_clarification_answer(case: &Case, fact: &AdviceClarificationAnswered) -> Result<(), Refusal> {
    open(case)?;
    let asked = clarifications_open(case.page()).any(|mark| mark.seq == case.answers);
    must(
        asked,
        Reason::WrongState,
        ("no open request for clarification has this number", "この番号の照会で、未回答のものはありません。"),
    )?;
    due_ahead(case, fact.due.as_ref())
}

fn judge_quotation_question(case: &Case, fact: &AdviceQuotationAsked) -> Result<(), Refusal> {
    find(case)?;
    let advice = outcomes(case.page()).find(|(mark, _)| mark.seq == case.answers);
    let Some((_, advice)) = advice else {
        return Err(Refusal::field(
            Reason::NotFound,
            "advice",
            Sentence::for_developers("there is no such advice in this request"),
        ));
    };
    let asks = advice.quotation() == Quotation::ConfirmFirst;
    must(
        asks,
        Reason::WrongState,
        (
            "the advice is free to quote, or internal: there is nothing to confirm",
            "この回答は「引用可」又は「引用不可」とされているため、引用の確認は必要ありません。",
        ),
    )?;
    let corrected = outcomes(case.page()).any(|(_, other)| other.corrects() == case.answers);
    must(
        !corrected,
        Reason::WrongState,
        (
            "the advice is corrected: ask about its correction",
            "この回答は訂正されています。訂正後の回答について確認してください。",
        ),
    )?;
    ahead(case, "wanted_by", fact.wanted_by.as_ref())?;
    ahead(case, "embargo_until", fact.embargo_until.as_ref())
}

/// PPC takes note of the final advice or a correction: of the newest one, so that none is passed over.
fn judge_closing(case: &Case) -> Result<(), Refusal> {
    find(case)?;
    let Some(newest) = newest_conclusion(case.page()) else {
        return Err(Refusal::new(
            Reason::WrongState,
            ("there is no final advice to take note of", "了知の対象となる最終回答がありません。"),
        ));
    };
    let is_open = is_under_way(state(case.page()));
    must(
        !is_open,
        Reason::WrongState,
        ("the request is under way: further questions are not answered yet", "再照会への回答が完了していません。"),
    )?;
    let right = case.answers == newest.seq;
    must(
        right,
        Reason::WrongState,
        (
            "there is newer advice, or no such advice: read it first",
            "新たな回答があるか、指定された回答がありません。最新の回答を確認してください。",
        ),
    )?;
    must(
        !is_noted(case.page(), newest.seq),
        Reason::WrongState,
        ("it is noted already", "この回答の了知は、既に登録されています。"),
    )
}

fn judge_acceptance(case: &Case, fact: &AdviceAccepted) -> Result<(), Refusal> {
    works_on(case, &[State::Submitted, State::Clarifying])?;
    must(
        acceptance(case.page()).is_none(),
        Reason::WrongState,
        ("the request is accepted already", "この依頼は、既に受理されています。"),
    )?;
    plannable(case, &fact.planned_on)
}

fn judge_plan(case: &Case, fact: &AdvicePlanRevised) -> Result<(), Refusal> {
    works_on(case, &[State::Accepted, State::Clarifying])?;
    must(
        acceptance(case.page()).is_some(),
        Reason::WrongState,
        ("the request is not accepted yet", "この依頼は、まだ受理されていません。"),
    )?;
    plannable(case, &fact.planned_on)?;
    let is_new = planned(case.page()) != Some(fact.planned_on.as_str());
    must_of(
        "planned_on",
        is_new,
        ("the advice is planned for this day already", "回答予定日は、既にこの日とされています。"),
    )
}

fn plannable(case: &Case, planned_on: &str) -> Result<(), Refusal> {
    let is_ahead = calendar::parse_day(planned_on).is_some_and(|planned| planned >= case.today());
    must_of(
        "planned_on",
        is_ahead,
        ("must be a day that exists and is not over", "暦にある日で、本日以後の日を指定してください。"),
    )
}

fn judge_clarification(case: &Case, fact: &AdviceClarificationAsked) -> Result<(), Refusal> {
    works_on(case, &[State::Submitted, State::Accepted, State::Clarifying])?;
    ahead(case, "wanted_by", fact.wanted_by.as_ref())
}

fn judge_advice(case: &Case, fact: &AdviceGiven) -> Result<(), Refusal> {
    works_on(case, &[State::Accepted, State::Clarifying])?;
    must(
        acceptance(case.page()).is_some(),
        Reason::WrongState,
        ("the request is not accepted yet", "この依頼は、まだ受理されていません。"),
    )?;
    asked(case, &fact.questions)?;
    let mut answered = answered(case.page());
    answered.extend(&fact.questions);
    let complete = (1..=questions(case.page())).all(|number| answered.contains(&number));
    must(
        fact.stage() != AdviceStage::Final || complete,
        Reason::WrongState,
        ("final advice leaves no question unanswered", "最終回答は、全ての質問に回答する必要があります。"),
    )
}

fn judge_correction(case: &Case, fact: &AdviceCorrected) -> Result<(), Refusal> {
    find(case)?;
    if outcomes(case.page()).all(|(mark, _)| mark.seq != fact.seq) {
        return Err(Refusal::field(
            Reason::NotFound,
            "advice",
            Sentence::for_developers("there is no such advice in this request"),
        ));
    }
    asked(case, &fact.questions)
}

fn judge_quotation_answer(case: &Case) -> Result<(), Refusal> {
    find(case)?;
    let open = quotations(case.page()).any(|(mark, _)| mark.seq == case.answers);
    if !open {
        return Err(Refusal::field(
            Reason::NotFound,
            "quotation",
            Sentence::for_developers("there is no such question in this request"),
        ));
    }
    let answer = quotation_answer(case.page(), case.answers);
    must(
        answer.is_none(),
        Reason::WrongState,
        ("the question is answered already", "この質問には、既に回答されています。"),
    )
}

/// The request of this matter.
fn find<'a>(case: &Case<'a>) -> Result<(&'a Mark, &'a AdviceRequested), Refusal> {
    request(case.page())
        .ok_or_else(|| Refusal::new(Reason::NotFound, Sentence::for_developers("there is no such request")))
}

/// The request is under way: neither answered nor ended.
fn open(case: &Case) -> Result<(), Refusal> {
    find(case)?;
    allowed(is_under_way, case, "the request is answered, declined or withdrawn")
}

/// Refuses an act in a state that does not allow it, and names the state to the official.
fn allowed(allows: impl Fn(State) -> bool, case: &Case, english: &'static str) -> Result<(), Refusal> {
    let state = state(case.page());
    if allows(state) {
        return Ok(());
    }
    Err(Refusal::new(Reason::WrongState, (english, format!("この依頼は「{}」の状態にあります。", state.ja()))))
}

/// IPA works on a request in one of these states, and answers what PPC submitted last.
fn works_on(case: &Case, states: &[State]) -> Result<(), Refusal> {
    find(case)?;
    allowed(|state| states.contains(&state), case, "the state of the request does not allow this")?;
    case.answers(last_submission(case.page()))
}

fn due_ahead(case: &Case, due: Option<&Due>) -> Result<(), Refusal> {
    let ahead = due.and_then(|due| calendar::parse_day(&due.on)).is_some_and(|on| on >= case.today());
    must(ahead, Reason::FactDiffers, Sentence::for_developers("the due day does not exist or lies in the past"))
}

/// Checks that a named future time is in the future.
fn ahead(case: &Case, field: &'static str, named: Option<&prost_types::Timestamp>) -> Result<(), Refusal> {
    if named.is_none_or(|at| instant(at) > case.now) {
        return Ok(());
    }
    Err(Refusal::field(Reason::FieldInvalid, field, ("must lie in the future", "将来の日時を指定してください。")))
}

fn asked(case: &Case, numbers: &[u32]) -> Result<(), Refusal> {
    let known = questions(case.page());
    if numbers.iter().all(|number| (1..=known).contains(number)) {
        return Ok(());
    }
    Err(Refusal::field(
        Reason::FieldInvalid,
        "content.answers",
        ("answers a question that was not asked", "質問されていない事項への回答が含まれています。"),
    ))
}
