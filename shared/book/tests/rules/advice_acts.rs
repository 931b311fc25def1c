//! Acts of technical advice (Art. 4(2)) as an honest agency makes them.

use jiff::ToSpan as _;
use renkei_domain::{
    calendar::{self, Calendar},
    era,
    matter::{Matter, parse_entry_name},
    moment::stamp,
    noun::{
        Resource as _,
        advice::{
            ORDINAL, clarifications_open, handed_back_open, last_submission, newest_conclusion, questions, target,
        },
    },
    scope,
};
use renkei_proto::{
    advice::v1::{
        Advice, AdviceAccepted, AdviceClarificationAnswered, AdviceClarificationAsked, AdviceClosed, AdviceCorrected,
        AdviceDeclined, AdviceFurtherAsked, AdviceGiven, AdviceHandedBack, AdvicePlanRevised, AdvicePurpose,
        AdviceQuotationAnswered, AdviceQuotationAsked, AdviceRequest, AdviceRequested, AdviceStage, AdviceSupplemented,
        AdviceWithdrawn, DeclineReason, HandBackReason, Quotation, QuotationFinding, Urgency, WithdrawalReason,
    },
    journal::v1::fact,
    r#type::v1::Agency,
};

use super::model::{Act, Party};

/// The nth request for advice.
pub fn request(n: u8) -> Matter {
    Matter::new(
        renkei_domain::noun::advice::COLLECTION,
        Agency::Ppc,
        &format!("0190a5f0-0000-7000-8000-0000000001{n:02x}"),
    )
}

/// The request as an agency shows it.
pub fn shown(party: &Party, matter: &Matter) -> Option<AdviceRequest> {
    AdviceRequest::of(matter, party.page(matter), party.now, String::new())
}

pub fn asking(party: &Party, questions: u32, urgency: Urgency) -> AdviceRequested {
    let fiscal_year = u32::try_from(era::fiscal_year(calendar::day(party.now))).unwrap();
    AdviceRequested {
        purposes: vec![AdvicePurpose::InitialResponse.into(), AdvicePurpose::RootCause.into()],
        urgency: urgency.into(),
        questions,
        wanted_by: None,
        due: Some(target(urgency, party.now, &Calendar::built_in())),
        marking: Some(scope::marking(None)),
        fiscal_year,
        year_ordinal: party.next(fiscal_year, &ORDINAL),
        judgement: None,
        referral: None,
        related_cases: Vec::new(),
    }
}

/// Asks two questions.
pub fn ask(party: &Party, matter: &Matter) -> Act {
    Act::new(matter, fact::Fact::AdviceRequested(asking(party, 2, Urgency::Normal)))
}

/// Adds so many questions, and answers a handing back if there is one.
pub fn supplement(party: &Party, matter: &Matter, questions: u32) -> Act {
    let back = handed_back_open(party.page(matter)).map(|mark| mark.seq);
    let due = back.map(|_| target(Urgency::Normal, party.now, &Calendar::built_in()));
    let fact = AdviceSupplemented { questions, due };
    Act::new(matter, fact::Fact::AdviceSupplemented(fact)).answering(back.unwrap_or(0))
}

/// Asks one further question about the newest final advice or correction.
pub fn ask_further(party: &Party, matter: &Matter, questions: u32) -> Act {
    let fact = AdviceFurtherAsked { questions, due: Some(target(Urgency::Normal, party.now, &Calendar::built_in())) };
    let newest = newest_conclusion(party.page(matter)).map_or(0, |mark| mark.seq);
    Act::new(matter, fact::Fact::AdviceFurtherAsked(fact)).answering(newest)
}

/// Answers the first request for clarification that is open.
pub fn answer_clarification(party: &Party, matter: &Matter) -> Act {
    let asked = clarifications_open(party.page(matter)).next().map_or(0, |mark| mark.seq);
    let fact = AdviceClarificationAnswered { due: Some(target(Urgency::Normal, party.now, &Calendar::built_in())) };
    Act::new(matter, fact::Fact::AdviceClarificationAnswered(fact)).answering(asked)
}

fn advice(party: &Party, matter: &Matter) -> Vec<Advice> {
    shown(party, matter).map(|shown| shown.advice).unwrap_or_default()
}

fn number(entry: &str) -> u64 {
    parse_entry_name(entry).map_or(0, |(_, seq)| seq)
}

/// Asks for the newest advice that is to be confirmed first.
pub fn ask_quotation(party: &Party, matter: &Matter) -> Act {
    let asks = |advice: &&Advice| advice.quotation() == Quotation::ConfirmFirst;
    let newest = advice(party, matter).iter().rev().find(asks).map_or(0, |advice| number(&advice.entry));
    let fact = AdviceQuotationAsked { wanted_by: Some(stamp(party.now + 48.hours())), embargo_until: None };
    Act::new(matter, fact::Fact::AdviceQuotationAsked(fact)).answering(newest)
}

pub fn withdraw_request(matter: &Matter) -> Act {
    let fact = AdviceWithdrawn { reason: WithdrawalReason::Settled.into() };
    Act::new(matter, fact::Fact::AdviceWithdrawn(fact))
}

/// Takes note of the newest final advice or correction.
pub fn close(party: &Party, matter: &Matter) -> Act {
    let concludes = |advice: &&Advice| advice.stage() != AdviceStage::Interim;
    let newest = advice(party, matter).iter().rev().find(concludes).map_or(0, |advice| number(&advice.entry));
    Act::new(matter, fact::Fact::AdviceClosed(AdviceClosed {})).answering(newest)
}

/// IPA answers what PPC submitted last.
fn working(party: &Party, matter: &Matter, fact: fact::Fact) -> Act {
    Act::new(matter, fact).answering(last_submission(party.page(matter)))
}

pub fn accept(party: &Party, matter: &Matter) -> Act {
    let planned_on = calendar::day(party.now).to_string();
    let fact = AdviceAccepted { unit: "security-center".to_owned(), planned_on };
    working(party, matter, fact::Fact::AdviceAccepted(fact))
}

/// Plans for the day after the one that is planned, or for the seventh day from now if none is.
pub fn revise_plan(party: &Party, matter: &Matter) -> Act {
    let planned = shown(party, matter).and_then(|shown| calendar::parse_day(&shown.planned_on));
    let next = planned.and_then(|day| day.tomorrow().ok());
    let planned_on = next.unwrap_or_else(|| calendar::day(party.now + 168.hours())).to_string();
    working(party, matter, fact::Fact::AdvicePlanRevised(AdvicePlanRevised { planned_on }))
}

pub fn hand_back(party: &Party, matter: &Matter) -> Act {
    let fact = AdviceHandedBack { reason: HandBackReason::FactsMissing.into() };
    working(party, matter, fact::Fact::AdviceHandedBack(fact))
}

pub fn decline(party: &Party, matter: &Matter) -> Act {
    let fact = AdviceDeclined { reason: DeclineReason::NoCapacity.into() };
    working(party, matter, fact::Fact::AdviceDeclined(fact))
}

pub fn ask_clarification(party: &Party, matter: &Matter) -> Act {
    let fact = AdviceClarificationAsked { wanted_by: None };
    working(party, matter, fact::Fact::AdviceClarificationAsked(fact))
}

pub fn giving(party: &Party, matter: &Matter, stage: AdviceStage, questions: &[u32], quotation: Quotation) -> Act {
    let fact = AdviceGiven { stage: stage.into(), questions: questions.to_vec(), quotation: quotation.into() };
    working(party, matter, fact::Fact::AdviceGiven(fact))
}

/// Answers the first question, and more is to come.
pub fn give_interim(party: &Party, matter: &Matter) -> Act {
    giving(party, matter, AdviceStage::Interim, &[1], Quotation::ConfirmFirst)
}

/// Answers every question that is not answered yet.
pub fn give_final(party: &Party, matter: &Matter) -> Act {
    let answered = shown(party, matter).map(|shown| shown.answered_questions).unwrap_or_default();
    let rest: Vec<u32> = (1..=questions(party.page(matter))).filter(|number| !answered.contains(number)).collect();
    giving(party, matter, AdviceStage::Final, &rest, Quotation::ConfirmFirst)
}

pub fn correcting(matter: &Matter, seq: u64, questions: &[u32], quotation: Quotation) -> Act {
    let fact = AdviceCorrected { seq, questions: questions.to_vec(), quotation: quotation.into() };
    Act::new(matter, fact::Fact::AdviceCorrected(fact))
}

/// Corrects the last advice, in its answer to the first question.
pub fn correct(party: &Party, matter: &Matter) -> Act {
    let last = advice(party, matter).last().map_or(0, |advice| number(&advice.entry));
    correcting(matter, last, &[1], Quotation::ConfirmFirst)
}

/// Answers the first question for a quotation that is open, or else the last one again.
pub fn answer_quotation(party: &Party, matter: &Matter, finding: QuotationFinding) -> Act {
    let asked = shown(party, matter).map(|shown| shown.quotations).unwrap_or_default();
    let open = asked.iter().find(|asked| asked.answer.is_empty()).or(asked.last());
    let fact = AdviceQuotationAnswered { finding: finding.into() };
    Act::new(matter, fact::Fact::AdviceQuotationAnswered(fact)).answering(open.map_or(0, |open| number(&open.entry)))
}
