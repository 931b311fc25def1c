//! Items that name units which this agency does not have: nobody here would see them, and only this service knows. So it
//! answers with a signed fact, which both agencies show in the item and in `status`.

use std::collections::BTreeSet;

use renkei_domain::{
    decide::{ReadSet, Refusal},
    matter::Matter,
    moment::Moment,
    noun::item,
};
use renkei_proto::{FactKind, journal::v1::fact};

use crate::{command::Command, stage::Stage};

/// Answers the current revision of a peer's item when the units that are missing are not those that were answered last. A
/// peer of an older version would stop at the answer, so it gets none.
pub(crate) fn answer(stage: &mut Stage, matter: &Matter, units: &BTreeSet<String>) -> Result<(), Refusal> {
    if !stage.speaks(FactKind::ItemUnitsMissing) {
        return Ok(());
    }
    let page = stage.page(&matter.to_string());
    let Some((answers, missing)) = item::units_to_answer(page, matter.opener, units) else { return Ok(()) };
    stage.write(matter, fact::Fact::ItemUnitsMissing(missing), None, answers).map(|_| ())
}

/// Answers items again for which units were missing: this service may have others since it was started anew.
pub struct AnswerUnits {
    /// The peer's items for which units were missing.
    pub items: Vec<Matter>,
    /// The units that this agency has.
    pub units: BTreeSet<String>,
}

impl Command for AnswerUnits {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet { matters: self.items.iter().map(ToString::to_string).collect(), ..ReadSet::default() }
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        self.items.iter().try_for_each(|matter| answer(stage, matter, &self.units))
    }
}
