//! Technical advice and support (Art. 4(2)): PPC asks, IPA helps.
//!
//! State: `WITHDRAWN > DECLINED > CLOSED > ANSWERED > HANDED_BACK > CLARIFYING > ACCEPTED > SUBMITTED`; handed back and
//! clarifying count only while PPC has not answered them. The entries of the losing side stay readable.

use std::collections::BTreeSet;

use jiff::Timestamp;
use prost::Message as _;
use renkei_proto::{
    advice::v1::{
        Advice, AdviceAccepted, AdviceClarificationAnswered, AdviceClarificationAsked, AdviceClosed, AdviceCorrected,
        AdviceDeclined, AdviceGiven, AdviceHandedBack, AdviceQuotationAnswered, AdviceQuotationAsked, AdviceRequest,
        AdviceRequested, AdviceStage, AdviceSupplemented, AdviceWithdrawn, AskedQuotation, Due, Quotation, Urgency,
        advice_request::State,
    },
    journal::v1::{Mark, fact::Fact},
    options::v1::Reason,
    r#type::v1::Agency,
};

use crate::{
    calendar,
    case::Case,
    duty::{Duty, DutyKind},
    matter::{Collection, Matter, entry_name, is_uuid},
    moment::instant,
    noun::{Noun, Resource},
    page::Seen,
    refusal::{Refusal, must},
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
            Fact::AdviceQuotationAsked(question) => judge_quotation_question(case, question),
            Fact::AdviceWithdrawn(_) => open(case),
            Fact::AdviceClosed(_) => judge_closing(case),
            Fact::AdviceAccepted(acceptance) => judge_acceptance(case, acceptance),
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

    fn state(&self, _: &Matter, seen: Seen<'_>) -> &'static str {
        state(seen).as_str_name()
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
                Duty { kind: GIVE_ADVICE, due: due(seen).and_then(|due| calendar::parse_day(&due.on)) }
            }
            (Agency::Ipa, _) => ANSWER_ADVICE.undated(),
            (_, State::HandedBack | State::Clarifying) => COMPLETE_REQUEST.undated(),
            (_, _) => NOTE_ADVICE.undated(),
        }]
    }
}

/// The due day of advice that is requested, or whose request is completed, at this time.
pub fn target(urgency: Urgency, now: Timestamp) -> Due {
    let days = if urgency == Urgency::Urgent { TARGET_URGENT } else { TARGET };
    let on = calendar::add_open_days(calendar::day(now), days);
    Due { on: on.to_string(), calendar: calendar::VERSION.to_owned() }
}

fn judge_request(case: &Case, fact: &AdviceRequested) -> Result<(), Refusal> {
    must(case.matter.opener == Agency::Ppc, Reason::HeaderDiffers, "requests for advice are PPC's")?;
    due_ahead(case, fact.due.as_ref())?;
    ahead(case, "wanted_by", fact.wanted_by.as_ref())
}

fn judge_supplement(case: &Case, fact: &AdviceSupplemented) -> Result<(), Refusal> {
    open(case)?;
    let handed_back = handed_back_open(case.page());
    case.answers(handed_back.map_or(0, |mark| mark.seq))?;
    must(
        fact.due.is_some() == handed_back.is_some(),
        Reason::FactDiffers,
        "a new due day is set if the request was handed back, and only then",
    )?;
    if fact.due.is_some() {
        due_ahead(case, fact.due.as_ref())?;
    }
    let right = questions(case.page()) + fact.questions <= MOST_QUESTIONS;
    must(right, Reason::WrongState, "a request has at most 100 questions")
}

fn judge_clarification_answer(case: &Case, fact: &AdviceClarificationAnswered) -> Result<(), Refusal> {
    open(case)?;
    let asked = clarifications_open(case.page()).any(|mark| mark.seq == case.answers);
    must(asked, Reason::WrongState, "no open request for clarification has this number")?;
    due_ahead(case, fact.due.as_ref())
}

fn judge_quotation_question(case: &Case, fact: &AdviceQuotationAsked) -> Result<(), Refusal> {
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
    ahead(case, "embargo_until", fact.embargo_until.as_ref())
}

/// PPC takes note of the final advice or a correction: of the newest one, so that none is passed over.
fn judge_closing(case: &Case) -> Result<(), Refusal> {
    find(case)?;
    let Some((newest, _)) = conclusions(case.page()).last().filter(|_| is_complete(case.page())) else {
        return Err(Refusal::new(Reason::WrongState, "there is no final advice to take note of"));
    };
    let right = case.answers == newest.seq;
    must(right, Reason::WrongState, "there is newer advice, or no such advice: read it first")?;
    must(!is_noted(case.page(), newest.seq), Reason::WrongState, "it is noted already")
}

fn judge_acceptance(case: &Case, fact: &AdviceAccepted) -> Result<(), Refusal> {
    works_on(case, &[State::Submitted, State::Clarifying])?;
    must(acceptance(case.page()).is_none(), Reason::WrongState, "the request is accepted already")?;
    match calendar::parse_day(&fact.planned_on) {
        Some(planned) if planned >= case.today() => Ok(()),
        _ => Err(Refusal::field(Reason::FieldInvalid, "planned_on", "must be a day that exists and is not over")),
    }
}

fn judge_clarification(case: &Case, fact: &AdviceClarificationAsked) -> Result<(), Refusal> {
    works_on(case, &[State::Submitted, State::Accepted, State::Clarifying])?;
    ahead(case, "wanted_by", fact.wanted_by.as_ref())
}

fn judge_advice(case: &Case, fact: &AdviceGiven) -> Result<(), Refusal> {
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
    )
}

fn judge_correction(case: &Case, fact: &AdviceCorrected) -> Result<(), Refusal> {
    find(case)?;
    if outcomes(case.page()).all(|(mark, _)| mark.seq != fact.seq) {
        return Err(Refusal::field(Reason::NotFound, "advice", "there is no such advice in this request"));
    }
    asked(case, &fact.questions)
}

fn judge_quotation_answer(case: &Case) -> Result<(), Refusal> {
    find(case)?;
    let open = quotations(case.page()).any(|(mark, _)| mark.seq == case.answers);
    if !open {
        return Err(Refusal::field(Reason::NotFound, "quotation", "there is no such question in this request"));
    }
    let answer = quotation_answer(case.page(), case.answers);
    must(answer.is_none(), Reason::WrongState, "the question is answered already")
}

/// The request of this matter.
fn find<'a>(case: &Case<'a>) -> Result<(&'a Mark, &'a AdviceRequested), Refusal> {
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
    must(states.contains(&state(case.page())), Reason::WrongState, "the state of the request does not allow this")?;
    case.answers(last_submission(case.page()))
}

fn due_ahead(case: &Case, due: Option<&Due>) -> Result<(), Refusal> {
    let ahead = due.and_then(|due| calendar::parse_day(&due.on)).is_some_and(|on| on >= case.today());
    must(ahead, Reason::FactDiffers, "the due day does not exist or lies in the past")
}

/// Checks that a named future time is in the future.
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

/// The fact that opened the request, with its mark.
pub fn request(seen: Seen<'_>) -> Option<(&Mark, &AdviceRequested)> {
    seen.first(Agency::Ppc)
}

/// The number of questions that were asked, supplements included.
pub fn questions(seen: Seen<'_>) -> u32 {
    let counted = seen.each(Agency::Ppc, |fact| match fact {
        Fact::AdviceRequested(it) => Some(it.questions),
        Fact::AdviceSupplemented(it) => Some(it.questions),
        _ => None,
    });
    counted.map(|(_, count)| count).fold(0, u32::saturating_add)
}

/// The number of PPC's last entry that gives IPA something to work on; 0 if there is none.
pub fn last_submission(seen: Seen<'_>) -> u64 {
    let submissions = seen.each(Agency::Ppc, |fact| {
        let is_submission = matches!(
            fact,
            Fact::AdviceRequested(_) | Fact::AdviceSupplemented(_) | Fact::AdviceClarificationAnswered(_)
        );
        is_submission.then_some(())
    });
    submissions.last().map_or(0, |(mark, ())| mark.seq)
}

fn acceptance(seen: Seen<'_>) -> Option<&AdviceAccepted> {
    seen.first(Agency::Ipa).map(|(_, accepted)| accepted)
}

/// The entry by which IPA handed the request back, unless PPC has answered it.
pub fn handed_back_open(seen: Seen<'_>) -> Option<&Mark> {
    let (mark, _) = seen.last::<AdviceHandedBack>(Agency::Ipa)?;
    seen.answer::<AdviceSupplemented>(Agency::Ppc, mark.seq).is_none().then_some(mark)
}

/// The requests for clarification that PPC has not answered.
pub fn clarifications_open(seen: Seen<'_>) -> impl Iterator<Item = &Mark> {
    let asked = seen.all_of::<AdviceClarificationAsked>(Agency::Ipa).map(|(mark, _)| mark);
    asked.filter(move |mark| seen.answer::<AdviceClarificationAnswered>(Agency::Ppc, mark.seq).is_none())
}

/// An answer of IPA: advice or its correction.
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
        Fact::AdviceGiven(it) => Some(Outcome::Given(it)),
        Fact::AdviceCorrected(it) => Some(Outcome::Corrected(it)),
        _ => None,
    })
}

/// The entries of which PPC has to take note: final advice and corrections.
fn conclusions(seen: Seen<'_>) -> impl Iterator<Item = (&Mark, Outcome<'_>)> {
    outcomes(seen).filter(|(_, outcome)| !outcome.is_interim())
}

fn is_complete(seen: Seen<'_>) -> bool {
    outcomes(seen).any(|(_, outcome)| outcome.is_final())
}

/// True if PPC has taken note of this entry of IPA or of a later one.
fn is_noted(seen: Seen<'_>, seq: u64) -> bool {
    seen.all_of::<AdviceClosed>(Agency::Ppc).any(|(mark, _)| mark.answers >= seq)
}

fn answered(seen: Seen<'_>) -> BTreeSet<u32> {
    outcomes(seen).flat_map(|(_, outcome)| outcome.questions().iter().copied()).collect()
}

fn quotations(seen: Seen<'_>) -> impl Iterator<Item = (&Mark, &AdviceQuotationAsked)> {
    seen.all_of(Agency::Ppc)
}

fn quotation_answer(seen: Seen<'_>, seq: u64) -> Option<(&Mark, &AdviceQuotationAnswered)> {
    seen.answer(Agency::Ipa, seq)
}

/// The due day of the advice: the last one that PPC computed.
pub fn due(seen: Seen<'_>) -> Option<&Due> {
    let days = seen.each(Agency::Ppc, |fact| match fact {
        Fact::AdviceRequested(it) => it.due.as_ref(),
        Fact::AdviceSupplemented(it) => it.due.as_ref(),
        Fact::AdviceClarificationAnswered(it) => it.due.as_ref(),
        _ => None,
    });
    days.last().map(|(_, due)| due)
}

/// True if the due day is over, it is IPA's turn, and IPA has not advised. While it is PPC's turn, the day will become
/// a new one.
pub fn overdue(seen: Seen<'_>, now: Timestamp) -> bool {
    let waits = matches!(state(seen), State::Submitted | State::Accepted);
    waits && due(seen).and_then(|due| calendar::parse_day(&due.on)).is_some_and(|on| on < calendar::day(now))
}

/// The state of a request; unspecified if there is none.
pub fn state(seen: Seen<'_>) -> State {
    if request(seen).is_none() {
        State::Unspecified
    } else if seen.has::<AdviceWithdrawn>(Agency::Ppc) {
        State::Withdrawn
    } else if seen.has::<AdviceDeclined>(Agency::Ipa) {
        State::Declined
    } else if seen.has::<AdviceClosed>(Agency::Ppc) {
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

/// The agency that has to act next; unspecified if none has.
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

impl Resource for AdviceRequest {
    fn of(matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Self> {
        let (mark, request) = request(seen)?;
        let accepted = acceptance(seen);
        Some(Self {
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
        finding: answer.map_or(0, |(_, answered)| answered.finding),
        answer: answer.map(|(mark, _)| entry_name(Agency::Ipa, mark.seq)).unwrap_or_default(),
    }
}
