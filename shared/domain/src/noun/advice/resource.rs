//! A request for advice as the desk shows it.

use jiff::Timestamp;
use renkei_proto::{
    advice::v1::{Advice, AdvicePlan, AdviceQuotationAsked, AdviceRequest, AdviceStage, AskedQuotation},
    journal::v1::Mark,
    r#type::v1::Agency,
};

use super::request::{
    Outcome, acceptance, answered, clarifications_open, due, further, is_noted, outcomes, overdue, planned, plans,
    questions, quotation_answer, quotations, request, state, waiting_for,
};
use crate::{
    case_number::CaseNumber,
    matter::{Matter, entry_name},
    noun::Resource,
    page::Seen,
};

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
            planned_on: planned(seen).unwrap_or_default().to_owned(),
            open_clarifications: clarifications_open(seen).map(|mark| entry_name(Agency::Ipa, mark.seq)).collect(),
            advice: outcomes(seen).map(|(mark, outcome)| advice(seen, mark, outcome)).collect(),
            quotations: quotations(seen).map(|(mark, asked)| quotation(seen, mark, asked)).collect(),
            requested_at: mark.written_at,
            updated_at: seen.updated_at(),
            entries: seen.entries(),
            etag,
            judgement: request.judgement,
            referral: request.referral.as_ref().map(|it| CaseNumber::from(it).to_string()).unwrap_or_default(),
            related_cases: request.related_cases.iter().map(|it| CaseNumber::from(it).to_string()).collect(),
            plans: plans(seen).map(plan).collect(),
            further_questions: further(seen).map(|(mark, _)| entry_name(Agency::Ppc, mark.seq)).collect(),
        })
    }
}

fn plan((mark, planned_on): (&Mark, &str)) -> AdvicePlan {
    AdvicePlan {
        entry: entry_name(Agency::Ipa, mark.seq),
        planned_on: planned_on.to_owned(),
        planned_at: mark.written_at,
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
