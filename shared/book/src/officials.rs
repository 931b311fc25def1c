//! The confirmation, after a loss, of the officials who are barred.

use std::collections::BTreeSet;

use renkei_domain::{matter::Matter, moment::Moment, noun::official, read_set::ReadSet, refusal::Refusal};
use renkei_proto::{
    Sentence,
    journal::v1::{BarReason, OfficialBarred, OfficialsConfirmed, OfficialsConfirmedContent, fact},
    options::v1::Reason,
    r#type::v1::Agency,
};

use crate::{
    command::{Command, content},
    stage::Stage,
};

/// An operator's confirmation, after a loss, of the officials who are barred (Art. 7(1)). Officials who are missing
/// from the list here are barred again; nobody is unbarred by it.
pub struct ConfirmOfficials {
    /// The agency of this service.
    pub own: Agency,
    /// The ids of all officials who are barred, as the operator knows them.
    pub barred: BTreeSet<String>,
    /// The source of the operator's list.
    pub reason: String,
}

impl Command for ConfirmOfficials {
    type Reply = ();

    fn reads(&self, _: &Moment) -> ReadSet {
        let matters = self.barred.iter().map(|id| official::matter(self.own, id).to_string()).collect();
        ReadSet { matters, lists: [(official::COLLECTION, self.own)].into(), ..ReadSet::default() }
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<(), Refusal> {
        if !stage.heads().is_bar_list_open() {
            return Err(Refusal::new(
                Reason::WrongState,
                Sentence::for_developers("no loss waits for the list of barred officials"),
            ));
        }
        if let Some(id) =
            self.barred.iter().find(|id| Matter::parse(&official::matter(self.own, id).to_string()).is_none())
        {
            return Err(Refusal::new(
                Reason::FieldInvalid,
                Sentence::for_developers(format!("{id} is not the id of an official")),
            ));
        }
        let known = official::barred_ids(&stage.view(), self.own);
        if let Some(missing) = known.difference(&self.barred).next() {
            let detail =
                format!("{missing} is barred: name every official who is, and unbar afterwards who need not be");
            return Err(Refusal::new(Reason::FieldInvalid, Sentence::for_developers(detail)));
        }
        for id in self.barred.difference(&known) {
            let barred = OfficialBarred { reason: BarReason::Confirmed.into() };
            stage.write(&official::matter(self.own, id), fact::Fact::OfficialBarred(barred), None, 0)?;
        }
        let confirmed = OfficialsConfirmed { barred: u32::try_from(self.barred.len()).unwrap_or(u32::MAX) };
        let words = content(&OfficialsConfirmedContent { reason: self.reason.clone() });
        stage.write(&Matter::journal(self.own), fact::Fact::OfficialsConfirmed(confirmed), words, 0)?;
        stage.heads.private.recover_to = 0;
        stage.anchor_private_anew();
        Ok(())
    }

    fn while_recovering(&self) -> bool {
        true
    }
}
