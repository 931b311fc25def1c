//! The statements of a service at its start.

use renkei_domain::{
    matter::Matter, moment::Moment, noun::journal as journal_rules, read_set::ReadSet, refusal::Refusal,
};
use renkei_proto::{
    journal::v1::{KindsSpoken, fact},
    options::v1::Reason,
};

use crate::{command::Command, stage::Stage, stop::lift};

/// The statements of a service at its start: the kinds that it speaks, if they changed. A stop because of a fact that
/// was not understood is lifted when a version that understands it starts.
pub struct Begin {
    /// The kinds that every replica speaks.
    pub kinds: Vec<String>,
}

impl Command for Begin {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet::default()
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        let own = stage.own();
        let known = journal_rules::spoken(stage.page(&journal_rules::name(own)), own) == Some(self.kinds.as_slice());
        if !known {
            let spoken = KindsSpoken { kinds: self.kinds.clone() };
            stage.write(&Matter::journal(own), fact::Fact::KindsSpoken(spoken), None, 0)?;
        }
        if stage.heads().peer.stop_reason == Reason::NotUnderstood {
            lift(stage);
        }
        Ok(())
    }
}
