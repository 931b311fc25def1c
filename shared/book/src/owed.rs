//! Facts that this service owes the peer: nobody asks for them, and only the service knows them. It writes them by itself,
//! signed, so that both agencies show them.

use std::collections::BTreeSet;

use renkei_domain::{
    matter::Matter,
    moment::Moment,
    noun::{OwnService, registry},
    read_set::ReadSet,
    refusal::Refusal,
};
use renkei_proto::FactKind;

use crate::{command::Command, stage::Stage};

/// Writes the fact that this service owes the peer in a matter, if there is one. `units` are the units of this agency.
/// A peer of an older version would stop at a fact that it does not know, so a fact that can wait is written later.
pub(crate) fn settle(stage: &mut Stage, matter: &Matter, units: &BTreeSet<String>) -> Result<(), Refusal> {
    let service = OwnService { own: stage.own(), units, now: stage.now() };
    let Some(owed) = registry::of(matter).owed(&service, matter, stage.page(&matter.to_string())) else {
        return Ok(());
    };
    if owed.can_wait && !stage.speaks(FactKind::of(&owed.fact)) {
        return Ok(());
    }
    stage.write(matter, owed.fact, None, owed.answers).map(|_| ())
}

/// Settles matters in which this service may owe another fact since its start, for instance because the agency has
/// other units now.
pub struct Settle {
    /// The matters to be settled.
    pub matters: Vec<Matter>,
    /// The units of this agency.
    pub units: BTreeSet<String>,
}

impl Command for Settle {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet { matters: self.matters.iter().map(ToString::to_string).collect(), ..ReadSet::default() }
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        self.matters.iter().try_for_each(|matter| settle(stage, matter, &self.units))
    }
}
