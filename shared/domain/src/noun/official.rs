//! Officials (役員・委員・職員) who are barred from calling (Art. 7(1)): private, and never crossing.

use std::collections::BTreeSet;

use renkei_proto::{
    evidence::v1::Official,
    journal::v1::{BarReason, Mark, fact},
    options::v1::Reason,
    r#type::v1::Agency,
};

use crate::{
    decide::{Case, Refusal, must},
    matter::{Matter, Noun},
    page::{MarkView as _, View},
};

/// The most officials that are barred at once.
pub const MOST: usize = 10_000;

/// The matter in which it stands whether an official is barred.
pub fn matter(own: Agency, id: &str) -> Matter {
    Matter::new(Noun::Official, own, id)
}

pub(crate) fn barred(case: &Case) -> Result<(), Refusal> {
    own(case)?;
    must(!is_barred(local(case)), Reason::WrongState, "the official is barred already")
}

pub(crate) fn unbarred(case: &Case) -> Result<(), Refusal> {
    own(case)?;
    must(is_barred(local(case)), Reason::WrongState, "the official is not barred")
}

fn own(case: &Case) -> Result<(), Refusal> {
    case.noun(Noun::Official)?;
    case.answers_nothing()?;
    must(case.matter.opener == case.author(), Reason::NotFound, "the official is of the other agency")
}

fn local<'a>(case: &Case<'a>) -> &'a [Mark] {
    case.view.local(&case.matter.to_string())
}

/// The local part of an official's page says that the official is barred.
pub fn is_barred(local: &[Mark]) -> bool {
    matches!(local.last().and_then(|mark| mark.said()), Some(fact::Fact::OfficialBarred(_)))
}

/// The ids of an agency's officials who are barred.
pub fn barred_ids(view: &View<'_>, own: Agency) -> BTreeSet<String> {
    let all = view.list(Noun::Official, own).map(|(id, _)| id);
    all.filter(|id| is_barred(view.local(&matter(own, id).to_string()))).map(str::to_owned).collect()
}

/// The official as the desk shows it.
pub fn resource(matter: &Matter, local: &[Mark]) -> Official {
    let reason = match local.last().and_then(|mark| mark.said()) {
        Some(fact::Fact::OfficialBarred(it)) => it.reason(),
        _ => BarReason::Unspecified,
    };
    Official {
        name: matter.to_string(),
        barred: is_barred(local),
        reason: reason.into(),
        since: local.last().and_then(|mark| mark.written_at),
    }
}
