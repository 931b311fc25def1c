//! The standing of a matter: its state, the agencies for which it waits, and its nearest day. Lists are filtered by it.

use jiff::civil::Date;
use renkei_proto::r#type::v1::Agency;

use crate::{matter::Matter, noun::Noun, page::Seen};

/// The standing of a matter. It follows from the page alone; time is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The name of the state, such as `STATE_GIVEN`; empty for a noun without states.
    pub state: &'static str,
    /// The agencies that have a duty in the matter, PPC first.
    pub waiting_for: Vec<Agency>,
    /// The nearest due day of these duties in Japan; `None` where none has a day.
    pub due: Option<Date>,
}

impl Standing {
    /// The standing that follows from a page.
    pub fn of(noun: &dyn Noun, matter: &Matter, seen: Seen<'_>) -> Self {
        let (mut waiting_for, mut due) = (Vec::new(), None);
        for agency in [Agency::Ppc, Agency::Ipa] {
            let duties = noun.duties(agency, matter, seen);
            if !duties.is_empty() {
                waiting_for.push(agency);
            }
            due = duties.iter().filter_map(|duty| duty.due).chain(due).min();
        }
        Self { state: noun.state(matter, seen), waiting_for, due }
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
    /// True for a matter with this standing.
    pub fn includes(&self, standing: &Standing) -> bool {
        self.state.is_none_or(|state| state == standing.state)
            && self.waiting_for.is_none_or(|agency| standing.waiting_for.contains(&agency))
            && self.due_until.is_none_or(|last| standing.due.is_some_and(|due| due <= last))
    }
}
