//! Technical advice (Art. 4(2)): PPC asks, IPA advises.

use renkei_domain::noun::advice::{AdviceNoun, MOST_FURTHER};
use renkei_proto::{
    advice::v1::{
        AdviceRequest, AdviceStage, DeclineReason, HandBackReason, Quotation, QuotationFinding, Submission, Urgency,
        WithdrawalReason, advice_request::State,
    },
    r#type::v1::{
        Agency::{Ipa, Ppc},
        Finding,
    },
};

use crate::generator::{Choosing, Generator};

pub(super) const GENERATORS: &[Generator] = &[
    Generator::valid("request advice", |it| {
        let mut request = it.requests.requesting();
        request.urgency = it.any(&[Urgency::Normal.into(), Urgency::Urgent.into()]);
        Some(request.into())
    })
    .of(Ppc),
    Generator::valid("request advice with a judgement", |it| {
        let mut request = it.requests.requesting();
        request.judgement = Some(it.requests.judgement(Finding::Suspected));
        Some(request.into())
    })
    .of(Ppc),
    Generator::forbidden("request advice on a case that is none", |it| {
        let mut request = it.requests.requesting();
        request.judgement = Some(it.requests.judgement(Finding::DoesNotApply));
        Some(request.into())
    })
    .of(Ppc),
    Generator::boundary("request advice by a near day", |it| {
        let mut request = it.requests.requesting();
        request.wanted_by = Some(it.requests.in_days(i64::try_from(it.draw.below(3)).unwrap_or_default()));
        Some(request.into())
    })
    .of(Ppc),
    Generator::forbidden("request advice without a question", |it| {
        let mut request = it.requests.requesting();
        request.submission = Some(Submission::default());
        Some(request.into())
    })
    .of(Ppc),
    Generator::forbidden("request advice as IPA", |it| Some(it.requests.requesting().into())).of(Ipa),
    Generator::valid("supplement a request", |it| {
        let asked = in_state(it, &[State::Submitted, State::Accepted, State::HandedBack])?;
        Some(it.requests.supplementing(&asked).into())
    })
    .of(Ppc),
    Generator::valid("answer a clarification", |it| {
        let asked = in_state(it, &[State::Clarifying])?;
        Some(it.requests.clarifying(&asked).into())
    })
    .of(Ppc),
    Generator::valid("ask further questions", |it| {
        let further = |asked: &AdviceRequest| {
            [State::Answered, State::Closed].contains(&asked.state()) && asked.further_questions.len() < MOST_FURTHER
        };
        let asked = it.one_with(&AdviceNoun, Ppc, further)?;
        Some(it.requests.asking_further(&asked).into())
    })
    .of(Ppc),
    Generator::forbidden("ask further questions before final advice", |it| {
        let asked = in_state(it, &[State::Submitted, State::HandedBack, State::Declined, State::Withdrawn])?;
        Some(it.requests.asking_further(&asked).into())
    })
    .of(Ppc),
    Generator::valid("ask for a quotation", |it| {
        let asked = advised(it)?;
        Some(it.requests.asking_quotation(&asked).into())
    })
    .of(Ppc),
    Generator::valid("withdraw a request", |it| {
        if !it.draw.one_in(4) {
            return None;
        }
        let mut request =
            it.requests.withdrawing_advice(&in_state(it, &[State::Submitted, State::Accepted, State::HandedBack])?);
        request.reason = it.any(&[WithdrawalReason::Settled.into(), WithdrawalReason::Mistake.into()]);
        Some(request.into())
    })
    .of(Ppc),
    Generator::valid("close a request", |it| {
        let asked = in_state(it, &[State::Answered])?;
        Some(it.requests.closing(&asked).into())
    })
    .of(Ppc),
    Generator::forbidden("close a request as IPA", |it| {
        let asked = advised(it)?;
        Some(it.requests.closing(&asked).into())
    })
    .of(Ipa),
    Generator::valid("accept a request", |it| {
        let asked = in_state(it, &[State::Submitted])?;
        Some(it.requests.accepting(&asked).into())
    })
    .of(Ipa),
    Generator::valid("revise a plan", |it| {
        let asked = in_state(it, &[State::Accepted])?;
        Some(it.requests.replanning(&asked).into())
    })
    .of(Ipa),
    Generator::forbidden("plan for a day that is over", |it| {
        let asked = one(it)?;
        let mut request = it.requests.replanning(&asked);
        request.planned_on = "2026-11-01".to_owned();
        Some(request.into())
    })
    .of(Ipa),
    Generator::forbidden("accept a request as PPC", |it| {
        let asked = one(it)?;
        Some(it.requests.accepting(&asked).into())
    })
    .of(Ppc),
    Generator::valid("hand a request back", |it| {
        if !it.draw.one_in(4) {
            return None;
        }
        let mut request = it.requests.handing_back(&in_state(it, &[State::Submitted])?);
        request.reason = it.any(&[HandBackReason::FactsMissing.into(), HandBackReason::QuestionUnclear.into()]);
        Some(request.into())
    })
    .of(Ipa),
    Generator::valid("decline a request", |it| {
        if !it.draw.one_in(4) {
            return None;
        }
        let mut request = it.requests.declining(&in_state(it, &[State::Submitted, State::Accepted])?);
        request.reason = it.any(&[DeclineReason::OutsideScope.into(), DeclineReason::Confidence.into()]);
        Some(request.into())
    })
    .of(Ipa),
    Generator::valid("ask for a clarification", |it| {
        let asked = underway(it)?;
        Some(it.requests.asking_clarification(&asked).into())
    })
    .of(Ipa),
    Generator::valid("give interim advice", |it| {
        let mut request = it.requests.giving(&underway(it)?);
        (request.stage, request.quotation) = (AdviceStage::Interim.into(), Quotation::ConfirmFirst.into());
        request.content = Some(it.requests.advising(1..=1));
        Some(request.into())
    })
    .of(Ipa),
    Generator::valid("give final advice", |it| {
        let asked = underway(it)?;
        Some(it.requests.giving(&asked).into())
    })
    .of(Ipa),
    Generator::forbidden("give advice on a question that was not asked", |it| {
        let asked = one(it)?;
        let mut request = it.requests.giving(&asked);
        request.content = Some(it.requests.advising(asked.questions + 1..=asked.questions + 1));
        Some(request.into())
    })
    .of(Ipa),
    Generator::valid("correct advice", |it| {
        let asked = advised(it)?;
        Some(it.requests.correcting(&asked).into())
    })
    .of(Ipa),
    Generator::valid("answer a quotation", |it| {
        let asked = it.one_with(&AdviceNoun, Ppc, |asked: &AdviceRequest| {
            asked.quotations.iter().any(|asked| asked.answer.is_empty())
        })?;
        let mut request = it.requests.answering_quotation(&asked);
        request.finding = it.any(&[QuotationFinding::Agreed.into(), QuotationFinding::Refused.into()]);
        Some(request.into())
    })
    .of(Ipa),
];

/// A request, in whatever state it is.
fn one(it: &mut Choosing<'_>) -> Option<AdviceRequest> {
    it.one_of(&AdviceNoun, Ppc)
}

/// A request in one of these states.
fn in_state(it: &mut Choosing<'_>, states: &[State]) -> Option<AdviceRequest> {
    it.one_with(&AdviceNoun, Ppc, |asked: &AdviceRequest| states.contains(&asked.state()))
}

/// A request on which IPA works.
fn underway(it: &mut Choosing<'_>) -> Option<AdviceRequest> {
    in_state(it, &[State::Accepted, State::Clarifying])
}

/// A request with advice that can still be spoken of.
fn advised(it: &mut Choosing<'_>) -> Option<AdviceRequest> {
    let is_advised = |asked: &AdviceRequest| {
        !asked.advice.is_empty() && [State::Accepted, State::Clarifying, State::Answered].contains(&asked.state())
    };
    it.one_with(&AdviceNoun, Ppc, is_advised)
}
