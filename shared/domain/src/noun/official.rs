//! Officials (役員・委員・職員) who are barred from calling (Art. 7(1)): private, and never crossing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use renkei_proto::{
    FactKind, Sentence,
    evidence::v1::Official,
    journal::v1::{BarReason, Mark, fact},
    options::v1::Reason,
    r#type::v1::Agency,
};

use crate::{
    case::Case,
    matter::{Collection, Matter, is_official},
    noun::{Noun, Resource},
    page::{MarkView as _, Seen, View},
    refusal::{Refusal, must},
};

/// `agencies/{own}/officials/{id}`.
pub const COLLECTION: Collection = Collection::of_ids("officials", is_official);

/// The most officials that are barred at once.
pub const MOST: usize = 10_000;

/// Officials who are barred. The facts are private.
pub struct OfficialNoun;

impl Noun for OfficialNoun {
    fn collection(&self) -> Collection {
        COLLECTION
    }

    fn judge(&self, case: &Case, fact: &fact::Fact) -> Result<(), Refusal> {
        must(
            case.matter.opener == case.author(),
            Reason::NotFound,
            Sentence::for_developers("the official is of the other agency"),
        )?;
        let is_barred = is_barred(case.view.local(&case.matter.to_string()));
        match fact {
            fact::Fact::OfficialBarred(_) => must(
                !is_barred,
                Reason::WrongState,
                ("the official is barred already", "この役職員等の利用は、既に停止されています。"),
            ),
            fact::Fact::OfficialUnbarred(_) => must(
                is_barred,
                Reason::WrongState,
                ("the official is not barred", "この役職員等の利用は、停止されていません。"),
            ),
            other => Err(Refusal::of_another_noun(other)),
        }
    }

    fn needs_room(&self, _: &fact::Fact) -> bool {
        false
    }

    fn has_secret_names(&self) -> bool {
        true
    }

    fn protects(&self, _: FactKind) -> bool {
        true
    }
}

/// The matter of an official.
pub fn matter(own: Agency, id: &str) -> Matter {
    Matter::new(COLLECTION, own, id)
}

/// True if the local part of an official's page contains a bar in force.
pub fn is_barred(local: &[Mark]) -> bool {
    matches!(local.last().and_then(|mark| mark.stated()), Some(fact::Fact::OfficialBarred(_)))
}

/// The ids of an agency's officials who are barred.
pub fn barred_ids(view: &View<'_>, own: Agency) -> BTreeSet<String> {
    let all = view.list(COLLECTION, own).map(|(id, _)| id);
    all.filter(|id| is_barred(view.local(&matter(own, id).to_string()))).map(str::to_owned).collect()
}

impl Resource for Official {
    fn of(matter: &Matter, seen: Seen<'_>, _: Timestamp, _: String) -> Option<Self> {
        let local = seen.local();
        let reason = match local.last().and_then(|mark| mark.stated()) {
            Some(fact::Fact::OfficialBarred(it)) => it.reason(),
            _ => BarReason::Unspecified,
        };
        Some(Self {
            name: matter.to_string(),
            barred: is_barred(local),
            reason: reason.into(),
            since: local.last().and_then(|mark| mark.written_at),
        })
    }
}
