//! Technical advice and support (Art. 4(2)): PPC asks, IPA helps.
//!
//! State: `WITHDRAWN > DECLINED > CLOSED > ANSWERED > HANDED_BACK > CLARIFYING > ACCEPTED > SUBMITTED`; handed back and
//! clarifying count only while PPC has not answered them. What was written on the losing side stays readable.

use std::collections::BTreeSet;

use jiff::Timestamp;
use renkei_proto::{
    advice::v1::{
        Advice, AdviceAccepted, AdviceClarificationAnswered, AdviceClarificationAsked, AdviceCorrected, AdviceGiven,
        AdviceQuotationAsked, AdviceRequest, AdviceRequested, AdviceStage, AdviceSupplemented, AskedQuotation, Due,
        Quotation, Urgency, advice_request::State,
    },
    journal::v1::{Mark, fact},
    options::v1::Reason,
    r#type::v1::Agency,
};

use crate::{
    calendar,
    decide::{Case, Refusal, must},
    matter::{Matter, Noun, entry_name},
    moment::instant,
    noun::scheme::day,
    page::Seen,
};

/// Open days until advice is due, until an agreed method says otherwise (Art. 6).
const TARGET: u16 = 10;
/// The same for urgent requests.
const TARGET_URGENT: u16 = 2;
/// The most questions of a request, supplements included.
pub const MOST_QUESTIONS: u32 = 100;

/// When advice is due that is asked for, or completed, at this time.
pub fn target(urgency: Urgency, now: Timestamp) -> Due {
    let days = if urgency == Urgency::Urgent { TARGET_URGENT } else { TARGET };
    let on = calendar::add_open_days(calendar::day(now), days);
    Due { on: on.to_string(), calendar: calendar::VERSION.to_owned() }
}

pub(crate) fn requested(case: &Case, fact: &AdviceRequested) -> Result<(), Refusal> {
    case.noun(Noun::AdviceRequest)?;
    must(case.matter.opener == Agency::Ppc, Reason::HeaderDiffers, "requests for advice are PPC's")?;
    case.answers_nothing()?;
    must(request(case.page()).is_none(), Reason::AlreadyExists, "this advice is requested already")?;
    due_ahead(case, fact.due.as_ref())?;
    ahead(case, "wanted_by", fact.wanted_by.as_ref())?;
    case.fiscal_year(fact.fiscal_year)
}

pub(crate) fn supplemented(case: &Case, fact: &AdviceSupplemented) -> Result<(), Refusal> {
    open(case)?;
    let handed_back = handed_back_open(case.page());
    case.answers(handed_back.map_or(0, |mark| mark.seq))?;
    must(
        fact.due.is_some() == handed_back.is_some(),
        Reason::FactDiffers,
        "a new due day stands where a request is handed back, and nowhere else",
    )?;
    if fact.due.is_some() {
        due_ahead(case, fact.due.as_ref())?;
    }
    let right = questions(case.page()) + fact.questions <= MOST_QUESTIONS;
    must(right, Reason::WrongState, "a request has at most 100 questions")?;
    case.room()
}

pub(crate) fn clarification_answered(case: &Case, fact: &AdviceClarificationAnswered) -> Result<(), Refusal> {
    open(case)?;
    let asked = clarifications_open(case.page()).any(|mark| mark.seq == case.answers);
    must(asked, Reason::WrongState, "no open request for clarification has this number")?;
    due_ahead(case, fact.due.as_ref())?;
    case.room()
}

pub(crate) fn quotation_asked(case: &Case, fact: &AdviceQuotationAsked) -> Result<(), Refusal> {
    find(case)?;
    let advice = outcomes(case.page()).find(|(mark, _)| mark.seq == case.answers);
    let Some((_, advice)) = advice else {
        return Err(Refusal::field(Reason::NotFound, "advice", "there is no such advice in this request"));
    };
    let asks = advice.quotation() == Quotation::ConfirmFirst;
    must(asks, Reason::WrongState, "the advice is free to quote, or internal: there is nothing to confirm")?;
    let corrected = outcomes(case.page()).any(|(_, other)| other.corrects() == case.answers);
    must(!corrected, Reason::WrongState, "the advice is corrected: ask about its correction")?;
    ahead(case, "wanted_by", fact.wanted_by.as_ref())?;
    ahead(case, "embargo_until", fact.embargo_until.as_ref())?;
    case.room()
}

pub(crate) fn withdrawn(case: &Case) -> Result<(), Refusal> {
    case.answers_nothing()?;
    open(case)
}

/// PPC takes note of the final advice or a correction: of the newest one, so that none is passed over.
pub(crate) fn closed(case: &Case) -> Result<(), Refusal> {
    find(case)?;
    let Some((newest, _)) = conclusions(case.page()).last().filter(|_| is_complete(case.page())) else {
        return Err(Refusal::new(Reason::WrongState, "there is no final advice to take note of"));
    };
    let right = case.answers == newest.seq;
    must(right, Reason::WrongState, "there is newer advice, or no such advice: read it first")?;
    must(!is_noted(case.page(), newest.seq), Reason::WrongState, "it is noted already")
}

pub(crate) fn accepted(case: &Case, fact: &AdviceAccepted) -> Result<(), Refusal> {
    works_on(case, &[State::Submitted, State::Clarifying])?;
    must(acceptance(case.page()).is_none(), Reason::WrongState, "the request is accepted already")?;
    match day(&fact.planned_on) {
        Some(planned) if planned >= case.today() => Ok(()),
        _ => Err(Refusal::field(Reason::FieldInvalid, "planned_on", "must be a day that exists and is not over")),
    }
}

pub(crate) fn handed_back(case: &Case) -> Result<(), Refusal> {
    works_on(case, &[State::Submitted, State::Accepted, State::Clarifying])?;
    case.room()
}

pub(crate) fn declined(case: &Case) -> Result<(), Refusal> {
    works_on(case, &[State::Submitted, State::Accepted, State::Clarifying, State::HandedBack])
}

pub(crate) fn clarification_asked(case: &Case, fact: &AdviceClarificationAsked) -> Result<(), Refusal> {
    works_on(case, &[State::Submitted, State::Accepted, State::Clarifying])?;
    ahead(case, "wanted_by", fact.wanted_by.as_ref())?;
    case.room()
}

pub(crate) fn given(case: &Case, fact: &AdviceGiven) -> Result<(), Refusal> {
    works_on(case, &[State::Accepted, State::Clarifying])?;
    must(acceptance(case.page()).is_some(), Reason::WrongState, "the request is not accepted yet")?;
    asked(case, &fact.questions)?;
    let mut answered = answered(case.page());
    answered.extend(&fact.questions);
    let complete = (1..=questions(case.page())).all(|number| answered.contains(&number));
    must(
        fact.stage() != AdviceStage::Final || complete,
        Reason::WrongState,
        "final advice leaves no question unanswered",
    )?;
    if fact.stage() == AdviceStage::Final { Ok(()) } else { case.room() }
}

pub(crate) fn corrected(case: &Case, fact: &AdviceCorrected) -> Result<(), Refusal> {
    find(case)?;
    case.answers_nothing()?;
    if outcomes(case.page()).all(|(mark, _)| mark.seq != fact.seq) {
        return Err(Refusal::field(Reason::NotFound, "advice", "there is no such advice in this request"));
    }
    asked(case, &fact.questions)?;
    case.room()
}

pub(crate) fn quotation_answered(case: &Case) -> Result<(), Refusal> {
    find(case)?;
    let open = quotations(case.page()).any(|(mark, _)| mark.seq == case.answers);
    if !open {
        return Err(Refusal::field(Reason::NotFound, "quotation", "there is no such question in this request"));
    }
    let answer = quotation_answer(case.page(), case.answers);
    must(answer.is_none(), Reason::WrongState, "the question is answered already")?;
    case.room()
}

/// The request of this matter.
fn find<'a>(case: &Case<'a>) -> Result<(&'a Mark, &'a AdviceRequested), Refusal> {
    case.noun(Noun::AdviceRequest)?;
    request(case.page()).ok_or_else(|| Refusal::new(Reason::NotFound, "there is no such request"))
}

/// The request is under way: neither answered nor ended.
fn open(case: &Case) -> Result<(), Refusal> {
    find(case)?;
    let under_way =
        matches!(state(case.page()), State::Submitted | State::Accepted | State::Clarifying | State::HandedBack);
    must(under_way, Reason::WrongState, "the request is answered, declined or withdrawn")
}

/// IPA works on a request in one of these states, and answers what PPC submitted last.
fn works_on(case: &Case, states: &[State]) -> Result<(), Refusal> {
    find(case)?;
    must(
        states.contains(&state(case.page())),
        Reason::WrongState,
        "the request does not stand so that this can be done",
    )?;
    case.answers(last_submission(case.page()))
}

fn due_ahead(case: &Case, due: Option<&Due>) -> Result<(), Refusal> {
    let ahead = due.and_then(|due| day(&due.on)).is_some_and(|on| on >= case.today());
    must(ahead, Reason::FactDiffers, "the due day does not exist or lies in the past")
}

/// What is still to come, if it is named, lies in the future.
fn ahead(case: &Case, field: &'static str, named: Option<&prost_types::Timestamp>) -> Result<(), Refusal> {
    if named.is_none_or(|at| instant(at) > case.now) {
        return Ok(());
    }
    Err(Refusal::field(Reason::FieldInvalid, field, "must lie in the future"))
}

fn asked(case: &Case, numbers: &[u32]) -> Result<(), Refusal> {
    let known = questions(case.page());
    if numbers.iter().all(|number| (1..=known).contains(number)) {
        return Ok(());
    }
    Err(Refusal::field(Reason::FieldInvalid, "content.answers", "answers a question that was not asked"))
}

/// The request.
pub fn request(seen: Seen<'_>) -> Option<(&Mark, &AdviceRequested)> {
    seen.first(Agency::Ppc, |fact| match fact {
        fact::Fact::AdviceRequested(it) => Some(it),
        _ => None,
    })
}

/// How many questions were asked.
pub fn questions(seen: Seen<'_>) -> u32 {
    let counted = seen.each(Agency::Ppc, |fact| match fact {
        fact::Fact::AdviceRequested(it) => Some(it.questions),
        fact::Fact::AdviceSupplemented(it) => Some(it.questions),
        _ => None,
    });
    counted.map(|(_, count)| count).fold(0, u32::saturating_add)
}

/// The number of PPC's last entry that gives IPA something to work on; 0 when there is none.
pub fn last_submission(seen: Seen<'_>) -> u64 {
    let submission = seen.last(Agency::Ppc, |fact| {
        matches!(
            fact,
            fact::Fact::AdviceRequested(_)
                | fact::Fact::AdviceSupplemented(_)
                | fact::Fact::AdviceClarificationAnswered(_)
        )
        .then_some(())
    });
    submission.map_or(0, |(mark, ())| mark.seq)
}

fn acceptance(seen: Seen<'_>) -> Option<&AdviceAccepted> {
    let (_, accepted) = seen.first(Agency::Ipa, |fact| match fact {
        fact::Fact::AdviceAccepted(it) => Some(it),
        _ => None,
    })?;
    Some(accepted)
}

/// The handing back that PPC has not answered.
pub fn handed_back_open(seen: Seen<'_>) -> Option<&Mark> {
    let back = seen.last(Agency::Ipa, |fact| matches!(fact, fact::Fact::AdviceHandedBack(_)).then_some(()));
    let answered =
        |seq| seen.answer(Agency::Ppc, seq, |fact| matches!(fact, fact::Fact::AdviceSupplemented(_)).then_some(()));
    back.map(|(mark, ())| mark).filter(|mark| answered(mark.seq).is_none())
}

/// The requests for clarification that PPC has not answered.
pub fn clarifications_open(seen: Seen<'_>) -> impl Iterator<Item = &Mark> {
    let asked = seen.each(Agency::Ipa, |fact| matches!(fact, fact::Fact::AdviceClarificationAsked(_)).then_some(()));
    asked.map(|(mark, ())| mark).filter(move |mark| {
        let answers = |fact: &fact::Fact| matches!(fact, fact::Fact::AdviceClarificationAnswered(_)).then_some(());
        seen.answer(Agency::Ppc, mark.seq, answers).is_none()
    })
}

/// What IPA said: advice or its correction.
#[derive(Clone, Copy)]
enum Outcome<'a> {
    Given(&'a AdviceGiven),
    Corrected(&'a AdviceCorrected),
}

impl<'a> Outcome<'a> {
    fn quotation(self) -> Quotation {
        match self {
            Self::Given(it) => it.quotation(),
            Self::Corrected(it) => it.quotation(),
        }
    }

    fn questions(self) -> &'a [u32] {
        match self {
            Self::Given(it) => &it.questions,
            Self::Corrected(it) => &it.questions,
        }
    }

    /// The number of the entry that it corrects; 0 for none.
    fn corrects(self) -> u64 {
        match self {
            Self::Given(_) => 0,
            Self::Corrected(it) => it.seq,
        }
    }

    fn is_final(self) -> bool {
        matches!(self, Self::Given(it) if it.stage() == AdviceStage::Final)
    }

    fn is_interim(self) -> bool {
        matches!(self, Self::Given(it) if it.stage() != AdviceStage::Final)
    }
}

fn outcomes(seen: Seen<'_>) -> impl Iterator<Item = (&Mark, Outcome<'_>)> {
    seen.each(Agency::Ipa, |fact| match fact {
        fact::Fact::AdviceGiven(it) => Some(Outcome::Given(it)),
        fact::Fact::AdviceCorrected(it) => Some(Outcome::Corrected(it)),
        _ => None,
    })
}

/// What PPC has to take note of: final advice and corrections.
fn conclusions(seen: Seen<'_>) -> impl Iterator<Item = (&Mark, Outcome<'_>)> {
    outcomes(seen).filter(|(_, outcome)| !outcome.is_interim())
}

fn is_complete(seen: Seen<'_>) -> bool {
    outcomes(seen).any(|(_, outcome)| outcome.is_final())
}

/// PPC has taken note of this entry of IPA's or of a later one.
fn is_noted(seen: Seen<'_>, seq: u64) -> bool {
    let closings = seen.each(Agency::Ppc, |fact| matches!(fact, fact::Fact::AdviceClosed(_)).then_some(()));
    closings.into_iter().any(|(mark, ())| mark.answers >= seq)
}

fn answered(seen: Seen<'_>) -> BTreeSet<u32> {
    outcomes(seen).flat_map(|(_, outcome)| outcome.questions().iter().copied()).collect()
}

fn quotations(seen: Seen<'_>) -> impl Iterator<Item = (&Mark, &AdviceQuotationAsked)> {
    seen.each(Agency::Ppc, |fact| match fact {
        fact::Fact::AdviceQuotationAsked(it) => Some(it),
        _ => None,
    })
}

fn quotation_answer(seen: Seen<'_>, seq: u64) -> Option<(&Mark, i32)> {
    seen.answer(Agency::Ipa, seq, |fact| match fact {
        fact::Fact::AdviceQuotationAnswered(it) => Some(it.finding),
        _ => None,
    })
}

/// When the advice is due: the last day that PPC computed.
pub fn due(seen: Seen<'_>) -> Option<&Due> {
    let (_, due) = seen.last(Agency::Ppc, |fact| match fact {
        fact::Fact::AdviceRequested(it) => it.due.as_ref(),
        fact::Fact::AdviceSupplemented(it) => it.due.as_ref(),
        fact::Fact::AdviceClarificationAnswered(it) => it.due.as_ref(),
        _ => None,
    })?;
    Some(due)
}

/// The due day is over and IPA, who is waited for, has not advised. While PPC is waited for, the day is to be a new one.
pub fn overdue(seen: Seen<'_>, now: Timestamp) -> bool {
    let waits = matches!(state(seen), State::Submitted | State::Accepted);
    waits && due(seen).and_then(|due| day(&due.on)).is_some_and(|on| on < calendar::day(now))
}

/// Where a request stands; unspecified when there is none.
pub fn state(seen: Seen<'_>) -> State {
    let said = |agency, pick: fn(&fact::Fact) -> bool| seen.first(agency, |fact| pick(fact).then_some(())).is_some();
    if request(seen).is_none() {
        State::Unspecified
    } else if said(Agency::Ppc, |fact| matches!(fact, fact::Fact::AdviceWithdrawn(_))) {
        State::Withdrawn
    } else if said(Agency::Ipa, |fact| matches!(fact, fact::Fact::AdviceDeclined(_))) {
        State::Declined
    } else if said(Agency::Ppc, |fact| matches!(fact, fact::Fact::AdviceClosed(_))) {
        State::Closed
    } else if is_complete(seen) {
        State::Answered
    } else if handed_back_open(seen).is_some() {
        State::HandedBack
    } else if clarifications_open(seen).next().is_some() {
        State::Clarifying
    } else if acceptance(seen).is_some() {
        State::Accepted
    } else {
        State::Submitted
    }
}

/// Who has to act next; unspecified when nobody has.
pub(crate) fn waiting_for(seen: Seen<'_>) -> Agency {
    match state(seen) {
        State::Submitted | State::Accepted => Agency::Ipa,
        State::Clarifying | State::HandedBack => Agency::Ppc,
        State::Unspecified => Agency::Unspecified,
        State::Answered | State::Closed | State::Declined | State::Withdrawn => {
            let to_note = is_complete(seen) && conclusions(seen).any(|(mark, _)| !is_noted(seen, mark.seq));
            let to_confirm = quotations(seen).any(|(mark, _)| quotation_answer(seen, mark.seq).is_none());
            // A supplement that crossed the final advice: a correction answers it.
            let answered = answered(seen);
            let to_answer = is_complete(seen) && (1..=questions(seen)).any(|number| !answered.contains(&number));
            match (to_note, to_confirm || to_answer) {
                (true, _) => Agency::Ppc,
                (false, true) => Agency::Ipa,
                _ => Agency::Unspecified,
            }
        }
    }
}

/// The request as the desk shows it.
pub fn resource(matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<AdviceRequest> {
    let (mark, request) = request(seen)?;
    let accepted = acceptance(seen);
    Some(AdviceRequest {
        name: matter.to_string(),
        case_number: matter.case_number(request.fiscal_year, request.year_ordinal),
        state: state(seen).into(),
        purposes: request.purposes.clone(),
        urgency: request.urgency,
        marking: request.marking.clone(),
        questions: questions(seen),
        answered_questions: answered(seen).into_iter().collect(),
        wanted_by: request.wanted_by,
        due: due(seen).cloned(),
        overdue: overdue(seen, now),
        waiting_for: waiting_for(seen).into(),
        unit: accepted.map(|it| it.unit.clone()).unwrap_or_default(),
        planned_on: accepted.map(|it| it.planned_on.clone()).unwrap_or_default(),
        open_clarifications: clarifications_open(seen).map(|mark| entry_name(Agency::Ipa, mark.seq)).collect(),
        advice: outcomes(seen).map(|(mark, outcome)| advice(seen, mark, outcome)).collect(),
        quotations: quotations(seen).map(|(mark, asked)| quotation(seen, mark, asked)).collect(),
        requested_at: mark.written_at,
        updated_at: seen.updated_at(),
        entries: seen.entries(),
        etag,
    })
}

fn advice(seen: Seen<'_>, mark: &Mark, outcome: Outcome<'_>) -> Advice {
    let (stage, corrects) = match outcome {
        Outcome::Given(it) => (it.stage, String::new()),
        Outcome::Corrected(it) => (AdviceStage::Unspecified.into(), entry_name(Agency::Ipa, it.seq)),
    };
    Advice {
        entry: entry_name(Agency::Ipa, mark.seq),
        stage,
        corrects,
        questions: outcome.questions().to_vec(),
        quotation: outcome.quotation().into(),
        noted: is_noted(seen, mark.seq),
        given_at: mark.written_at,
    }
}

fn quotation(seen: Seen<'_>, mark: &Mark, asked: &AdviceQuotationAsked) -> AskedQuotation {
    let answer = quotation_answer(seen, mark.seq);
    AskedQuotation {
        entry: entry_name(Agency::Ppc, mark.seq),
        advice: entry_name(Agency::Ipa, mark.answers),
        wanted_by: asked.wanted_by,
        embargo_until: asked.embargo_until,
        finding: answer.map_or(0, |(_, finding)| finding),
        answer: answer.map(|(mark, _)| entry_name(Agency::Ipa, mark.seq)).unwrap_or_default(),
    }
}
