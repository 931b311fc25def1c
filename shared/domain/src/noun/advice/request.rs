//! The page of a request for advice, as rules and desks read it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use renkei_proto::{
    advice::v1::{
        AdviceAccepted, AdviceClarificationAnswered, AdviceClarificationAsked, AdviceClosed, AdviceCorrected,
        AdviceDeclined, AdviceFurtherAsked, AdviceGiven, AdviceHandedBack, AdviceQuotationAnswered,
        AdviceQuotationAsked, AdviceRequested, AdviceStage, AdviceSupplemented, AdviceWithdrawn, Due, Quotation,
        advice_request::State,
    },
    journal::v1::{Mark, fact::Fact},
    r#type::v1::Agency,
};

use crate::{calendar, page::Seen};

/// The fact that opened the request, with its mark.
pub fn request(seen: Seen<'_>) -> Option<(&Mark, &AdviceRequested)> {
    seen.first(Agency::Ppc)
}

/// The number of questions that were asked, supplements included.
pub fn questions(seen: Seen<'_>) -> u32 {
    let counted = seen.each(Agency::Ppc, |fact| match fact {
        Fact::AdviceRequested(it) => Some(it.questions),
        Fact::AdviceSupplemented(it) => Some(it.questions),
        Fact::AdviceFurtherAsked(it) => Some(it.questions),
        _ => None,
    });
    counted.map(|(_, count)| count).fold(0, u32::saturating_add)
}

/// The number of PPC's last entry that gives IPA something to work on; 0 if there is none.
pub fn last_submission(seen: Seen<'_>) -> u64 {
    let submissions = seen.each(Agency::Ppc, |fact| {
        let is_submission = matches!(
            fact,
            Fact::AdviceRequested(_)
                | Fact::AdviceSupplemented(_)
                | Fact::AdviceClarificationAnswered(_)
                | Fact::AdviceFurtherAsked(_)
        );
        is_submission.then_some(())
    });
    submissions.last().map_or(0, |(mark, ())| mark.seq)
}

/// The further questions after final advice.
pub(super) fn further(seen: Seen<'_>) -> impl Iterator<Item = (&Mark, &AdviceFurtherAsked)> {
    seen.all_of(Agency::Ppc)
}

/// The number of the entry with which the present round began: PPC's last further questions, or 0 before there were any.
/// What answers an earlier entry belongs to a former round.
pub(super) fn round(seen: Seen<'_>) -> u64 {
    further(seen).last().map_or(0, |(mark, _)| mark.seq)
}

/// The days for which IPA has planned its advice.
pub(super) fn plans(seen: Seen<'_>) -> impl Iterator<Item = (&Mark, &str)> {
    seen.each(Agency::Ipa, |fact| match fact {
        Fact::AdviceAccepted(it) => Some(it.planned_on.as_str()),
        Fact::AdvicePlanRevised(it) => Some(it.planned_on.as_str()),
        _ => None,
    })
}

/// The day for which the advice is planned. A plan of a former round is none for the present one.
pub(super) fn planned(seen: Seen<'_>) -> Option<&str> {
    let round = round(seen);
    plans(seen).last().filter(|(mark, _)| mark.answers >= round).map(|(_, planned_on)| planned_on)
}

pub(super) fn acceptance(seen: Seen<'_>) -> Option<&AdviceAccepted> {
    seen.first(Agency::Ipa).map(|(_, accepted)| accepted)
}

/// The entry by which IPA handed the request back, unless PPC has answered it.
pub fn handed_back_open(seen: Seen<'_>) -> Option<&Mark> {
    let (mark, _) = seen.last::<AdviceHandedBack>(Agency::Ipa)?;
    seen.answer::<AdviceSupplemented>(Agency::Ppc, mark.seq).is_none().then_some(mark)
}

/// The requests for clarification of the present round that PPC has not answered.
pub fn clarifications_open(seen: Seen<'_>) -> impl Iterator<Item = &Mark> {
    let round = round(seen);
    let asked = seen.all_of::<AdviceClarificationAsked>(Agency::Ipa).map(|(mark, _)| mark);
    let asked = asked.filter(move |mark| mark.answers >= round);
    asked.filter(move |mark| seen.answer::<AdviceClarificationAnswered>(Agency::Ppc, mark.seq).is_none())
}

/// An answer of IPA: advice or its correction.
#[derive(Clone, Copy)]
pub(super) enum Outcome<'a> {
    Given(&'a AdviceGiven),
    Corrected(&'a AdviceCorrected),
}

impl<'a> Outcome<'a> {
    pub(super) fn quotation(self) -> Quotation {
        match self {
            Self::Given(it) => it.quotation(),
            Self::Corrected(it) => it.quotation(),
        }
    }

    pub(super) fn questions(self) -> &'a [u32] {
        match self {
            Self::Given(it) => &it.questions,
            Self::Corrected(it) => &it.questions,
        }
    }

    /// The number of the entry that it corrects; 0 for none.
    pub(super) fn corrects(self) -> u64 {
        match self {
            Self::Given(_) => 0,
            Self::Corrected(it) => it.seq,
        }
    }

    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Given(it) if it.stage() == AdviceStage::Final)
    }

    pub(super) fn is_interim(self) -> bool {
        matches!(self, Self::Given(it) if it.stage() != AdviceStage::Final)
    }
}

pub(super) fn outcomes(seen: Seen<'_>) -> impl Iterator<Item = (&Mark, Outcome<'_>)> {
    seen.each(Agency::Ipa, |fact| match fact {
        Fact::AdviceGiven(it) => Some(Outcome::Given(it)),
        Fact::AdviceCorrected(it) => Some(Outcome::Corrected(it)),
        _ => None,
    })
}

/// The entries of which PPC has to take note: final advice and corrections.
pub(super) fn conclusions(seen: Seen<'_>) -> impl Iterator<Item = (&Mark, Outcome<'_>)> {
    outcomes(seen).filter(|(_, outcome)| !outcome.is_interim())
}

/// The newest entry of which PPC has to take note; `None` before the first final advice.
pub fn newest_conclusion(seen: Seen<'_>) -> Option<&Mark> {
    is_advised(seen).then(|| conclusions(seen).last()).flatten().map(|(mark, _)| mark)
}

/// True if final advice was given, in whatever round.
pub(super) fn is_advised(seen: Seen<'_>) -> bool {
    outcomes(seen).any(|(_, outcome)| outcome.is_final())
}

/// True if the final advice of the present round is given.
pub(super) fn is_complete(seen: Seen<'_>) -> bool {
    let round = round(seen);
    outcomes(seen).any(|(mark, outcome)| outcome.is_final() && mark.answers >= round)
}

/// True if PPC has taken note of the advice of the present round.
pub(super) fn is_closed(seen: Seen<'_>) -> bool {
    seen.last::<AdviceClosed>(Agency::Ppc).is_some_and(|(mark, _)| mark.seq > round(seen))
}

/// True if PPC has taken note of this entry of IPA or of a later one.
pub(super) fn is_noted(seen: Seen<'_>, seq: u64) -> bool {
    seen.all_of::<AdviceClosed>(Agency::Ppc).any(|(mark, _)| mark.answers >= seq)
}

pub(super) fn answered(seen: Seen<'_>) -> BTreeSet<u32> {
    outcomes(seen).flat_map(|(_, outcome)| outcome.questions().iter().copied()).collect()
}

pub(super) fn quotations(seen: Seen<'_>) -> impl Iterator<Item = (&Mark, &AdviceQuotationAsked)> {
    seen.all_of(Agency::Ppc)
}

pub(super) fn quotation_answer(seen: Seen<'_>, seq: u64) -> Option<(&Mark, &AdviceQuotationAnswered)> {
    seen.answer(Agency::Ipa, seq)
}

/// The due day of the advice: the last one that PPC computed.
pub fn due(seen: Seen<'_>) -> Option<&Due> {
    let days = seen.each(Agency::Ppc, |fact| match fact {
        Fact::AdviceRequested(it) => it.due.as_ref(),
        Fact::AdviceSupplemented(it) => it.due.as_ref(),
        Fact::AdviceClarificationAnswered(it) => it.due.as_ref(),
        Fact::AdviceFurtherAsked(it) => it.due.as_ref(),
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
    } else if is_closed(seen) {
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

/// True if the request is neither answered nor ended.
pub(super) fn is_under_way(state: State) -> bool {
    matches!(state, State::Submitted | State::Accepted | State::Clarifying | State::HandedBack)
}

/// The agency that has to act next; unspecified if none has.
pub(super) fn waiting_for(seen: Seen<'_>) -> Agency {
    match state(seen) {
        State::Submitted | State::Accepted => Agency::Ipa,
        State::Clarifying | State::HandedBack => Agency::Ppc,
        State::Unspecified => Agency::Unspecified,
        State::Answered | State::Closed | State::Declined | State::Withdrawn => {
            let to_note = is_advised(seen) && conclusions(seen).any(|(mark, _)| !is_noted(seen, mark.seq));
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
