//! The context of a judgement.

use jiff::{Timestamp, civil::Date};
use renkei_proto::{Sentence, options::v1::Reason, r#type::v1::Agency};

use crate::{
    calendar,
    matter::Matter,
    page::{Seen, View},
    refusal::{Refusal, must},
};

/// Everything that the judgement of one fact depends on, besides the fact itself.
pub struct Case<'a> {
    /// The pages as the author of the fact saw them.
    pub view: View<'a>,
    /// The matter in which the fact is written.
    pub matter: &'a Matter,
    /// The number of the peer's entry that the fact answers; 0 for none.
    pub answers: u64,
    /// The time at which the fact is written.
    pub now: Timestamp,
}

impl<'a> Case<'a> {
    /// The page of the matter.
    pub fn page(&self) -> Seen<'a> {
        self.view.page(&self.matter.to_string())
    }

    /// The agency that writes the fact.
    pub fn author(&self) -> Agency {
        self.view.author()
    }

    /// The day of writing in Japan.
    pub fn today(&self) -> Date {
        calendar::day(self.now)
    }

    /// Refuses a fact that answers another entry than this one.
    pub(crate) fn answers(&self, seq: u64) -> Result<(), Refusal> {
        must(
            self.answers == seq,
            Reason::HeaderDiffers,
            Sentence::for_developers("the entry answers another one than its fact states"),
        )
    }
}
