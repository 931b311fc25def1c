//! The standing of a matter: its state, the agencies for which it waits, and its nearest day. Lists are filtered by it.

use jiff::civil::Date;
use renkei_proto::r#type::v1::Agency;

use crate::{duty::Duty, matter::Matter, noun::Noun, page::Seen};

/// The standing of a matter. It follows from the page alone; time is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The name of the state, such as `STATE_GIVEN`; empty for a noun without states.
    pub state: &'static str,
    /// PPC's duties in the matter, then IPA's.
    duties: [(Agency, Vec<Duty>); 2],
}

impl Standing {
    /// The standing that follows from a page.
    pub fn of(noun: &dyn Noun, matter: &Matter, seen: Seen<'_>) -> Self {
        let duties = [Agency::Ppc, Agency::Ipa].map(|agency| (agency, noun.duties(agency, matter, seen)));
        Self { state: noun.state(matter, seen).id, duties }
    }

    /// The duties of an agency.
    pub fn duties(&self, of: Agency) -> &[Duty] {
        self.duties.iter().find(|(agency, _)| *agency == of).map_or(&[], |(_, duties)| duties)
    }

    /// The agencies that have a duty in the matter, PPC first.
    pub fn waiting_for(&self) -> impl Iterator<Item = Agency> {
        self.duties.iter().filter(|(_, duties)| !duties.is_empty()).map(|(agency, _)| *agency)
    }

    /// The nearest due day of the duties in Japan; `None` where none has a day.
    pub fn due(&self) -> Option<Date> {
        self.duties.iter().flat_map(|(_, duties)| duties).filter_map(|duty| duty.due).min()
    }
}

/// A choice of matters by their standing. The default one chooses all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The name of the state; `None` for all states.
    pub state: Option<&'static str>,
    /// The agency that has a duty; `None` for matters without duties, too.
    pub waiting_for: Option<Agency>,
    /// The last of the due days; `None` for matters without a day, too.
    pub due_until: Option<Date>,
}

impl Filter {
    /// True for the matter of a page. A filter that chooses all asks the noun nothing.
    pub fn includes(&self, noun: &dyn Noun, matter: &Matter, seen: Seen<'_>) -> bool {
        if *self == Self::default() {
            return true;
        }
        let standing = Standing::of(noun, matter, seen);
        self.state.is_none_or(|state| state == standing.state)
            && self.waiting_for.is_none_or(|agency| !standing.duties(agency).is_empty())
            && self.due_until.is_none_or(|last| standing.due().is_some_and(|due| due <= last))
    }
}
