//! The confirmations of the clock by operators.

use jiff::Timestamp;
use renkei_domain::{
    matter::Matter,
    moment::{Moment, instant, stamp},
    noun::journal,
    read_set::ReadSet,
    refusal::Refusal,
    timekeeper::JUMP,
};
use renkei_proto::{
    Sentence,
    journal::v1::{ClockConfirmed, ClockConfirmedContent, Mark, fact},
    options::v1::Reason,
};

use crate::{
    command::{Command, content},
    head::Heads,
    stage::Stage,
};

/// The time of the last entry if it is far ahead of this time.
pub fn ahead(heads: &Heads, now: Timestamp) -> Option<Timestamp> {
    let last = Timestamp::from_microsecond(heads.last_us()).ok()?;
    (last.duration_since(now) > JUMP).then_some(last)
}

/// The time until which an operator has agreed that acts are dated by the last entry.
pub fn dated_until(local: &[Mark]) -> Timestamp {
    let found = journal::clock_confirmed(local);
    found.and_then(|(_, it)| Some(instant(it.dated_until.as_ref()?))).unwrap_or(Timestamp::MIN)
}

/// An operator's confirmation of the clock. It is recorded, and the running services accept it.
pub struct ConfirmClock {
    /// The time that the clock shows.
    pub time: Timestamp,
    /// True if the operator agrees that acts are dated by the last entry until the clock has reached it.
    pub dated_ahead: bool,
    /// The reason for which the clock is right.
    pub reason: String,
}

impl Command for ConfirmClock {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet::default()
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        let last = ahead(stage.heads(), self.time);
        if let Some(last) = last.filter(|_| !self.dated_ahead) {
            let detail = format!(
                "the last entry is dated {last}, and no act is dated before it: set the clock right if it is slow; \
                 `--dated-ahead` lets acts be dated {last} until the clock reaches it"
            );
            return Err(Refusal::new(Reason::WrongState, Sentence::for_developers(detail)));
        }
        let confirmed = ClockConfirmed { time: Some(stamp(self.time)), dated_until: last.map(stamp) };
        let words = ClockConfirmedContent { reason: self.reason.clone() };
        let matter = Matter::journal(stage.own());
        stage.write(&matter, fact::Fact::ClockConfirmed(confirmed), content(&words), 0)?;
        Ok(())
    }

    fn while_recovering(&self) -> bool {
        true
    }
}
