//! What an agency has to do next in a matter, and by which day. Time is no state: a duty is overdue once its day is over.

use jiff::civil::Date;
use renkei_proto::{advice::v1::advice_request, referral::v1::referral, r#type::v1::Agency};

use crate::{
    matter::{Matter, Noun},
    noun::{advice, item, referral as referrals, scheme::day},
    page::Seen,
};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Confirm that a referral was given to the reporter (Art. 4(1)).
    ConfirmReferral,
    /// Advise, by the day that PPC named (Art. 4(2)).
    GiveAdvice,
    /// Answer a clarification, or supplement a request that was handed back.
    CompleteAdviceRequest,
    /// Take note of a conclusion.
    NoteAdvice,
    /// Confirm a quotation, or answer a question that came late.
    AnswerAdvice,
    /// Answer a question about an own item (Art. 5(2)).
    AnswerItemQuestion,
    /// An item names units that its receiver does not have: its originator names others, or the receiver adds them
    /// (Art. 7(2)).
    SettleItemUnits,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ConfirmReferral,
        Self::GiveAdvice,
        Self::CompleteAdviceRequest,
        Self::NoteAdvice,
        Self::AnswerAdvice,
        Self::AnswerItemQuestion,
        Self::SettleItemUnits,
    ];

    /// Its name in indexes, metrics and for operators.
    pub fn id(self) -> &'static str {
        match self {
            Self::ConfirmReferral => "confirm_referral",
            Self::GiveAdvice => "give_advice",
            Self::CompleteAdviceRequest => "complete_advice_request",
            Self::NoteAdvice => "note_advice",
            Self::AnswerAdvice => "answer_advice",
            Self::AnswerItemQuestion => "answer_item_question",
            Self::SettleItemUnits => "settle_item_units",
        }
    }
}

/// A duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duty {
    /// What is to be done.
    pub kind: Kind,
    /// The last day for it; none where no day is named.
    pub due: Option<Date>,
}

impl Duty {
    fn undated(kind: Kind) -> Self {
        Self { kind, due: None }
    }
}

/// What this agency has to do next in a matter: of each kind at most one.
pub fn of(own: Agency, matter: &Matter, seen: Seen<'_>) -> Vec<Duty> {
    match matter.noun {
        Noun::Referral => {
            let is_open = matter.opener == own && referrals::state(seen, own) == referral::State::Issued;
            is_open.then_some(Duty::undated(Kind::ConfirmReferral)).into_iter().collect()
        }
        Noun::AdviceRequest if advice::waiting_for(seen) == own => vec![in_advice(own, seen)],
        Noun::Item => {
            let asked = matter.opener == own && item::has_open_question(seen, own);
            let asked = asked.then_some(Duty::undated(Kind::AnswerItemQuestion));
            asked.into_iter().chain(item::lacks_units(seen, matter.opener).then_some(SETTLE)).collect()
        }
        _ => Vec::new(),
    }
}

/// Both agencies' duty: either of them can end it.
const SETTLE: Duty = Duty { kind: Kind::SettleItemUnits, due: None };

fn in_advice(own: Agency, seen: Seen<'_>) -> Duty {
    use advice_request::State;
    match (own, advice::state(seen)) {
        (Agency::Ipa, State::Submitted | State::Accepted) => {
            Duty { kind: Kind::GiveAdvice, due: advice::due(seen).and_then(|due| day(&due.on)) }
        }
        (Agency::Ipa, _) => Duty::undated(Kind::AnswerAdvice),
        (_, State::HandedBack | State::Clarifying) => Duty::undated(Kind::CompleteAdviceRequest),
        (_, _) => Duty::undated(Kind::NoteAdvice),
    }
}
