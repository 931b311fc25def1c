//! Reporting schemes (制度): each agency's catalogue, which the other introduces to reporters (Art. 4(1)).
//!
//! State: `WITHDRAWN > PUBLISHED`. Versions are marks.

use jiff::{Timestamp, civil::Date};
use renkei_proto::{
    journal::v1::{Mark, fact},
    options::v1::Reason,
    referral::v1::{
        Scheme, SchemeContent, SchemePublished, SchemeRevised, SchemeTerms, SchemeVersion, SchemeWithdrawn, ScopeFacts,
        scheme::State,
    },
    r#type::v1::Agency,
};

use crate::{
    calendar,
    decide::{Case, Refusal, must},
    matter::{Matter, Noun, entry_name},
    page::{Seen, View},
};

/// The most schemes an agency may have, withdrawn ones included.
pub const MOST: usize = 100;
/// The highest version of a scheme (`SchemeVersion` in the contract).
const LAST_VERSION: u32 = 10_000;

pub(crate) fn published(case: &Case, fact: &SchemePublished) -> Result<(), Refusal> {
    case.noun(Noun::Scheme)?;
    case.answers_nothing()?;
    must(current(case.page(), case.author()).is_none(), Reason::AlreadyExists, "this scheme is published already")?;
    let count =
        case.view.list(Noun::Scheme, case.author()).filter(|(_, seen)| current(*seen, case.author()).is_some()).count();
    must(count < MOST, Reason::WrongState, "an agency has at most 100 schemes")?;
    terms(fact.terms.as_ref())
}

pub(crate) fn revised(case: &Case, fact: &SchemeRevised) -> Result<(), Refusal> {
    case.noun(Noun::Scheme)?;
    case.answers_nothing()?;
    let version = open(case)?;
    must(fact.version == version + 1, Reason::FactDiffers, "a revision's version is the one before plus one")?;
    must(fact.version <= LAST_VERSION, Reason::WrongState, "a scheme has at most 10000 versions")?;
    terms(fact.terms.as_ref())
}

pub(crate) fn withdrawn(case: &Case, fact: &SchemeWithdrawn) -> Result<(), Refusal> {
    case.noun(Noun::Scheme)?;
    case.answers_nothing()?;
    let version = open(case)?;
    must(fact.version == version, Reason::FactDiffers, "the withdrawal names another version than the current one")
}

fn open(case: &Case) -> Result<u32, Refusal> {
    let Some(current) = current(case.page(), case.author()) else {
        return Err(Refusal::new(Reason::NotFound, "there is no such scheme"));
    };
    must(state(case.page(), case.author()) == State::Published, Reason::WrongState, "the scheme is withdrawn")?;
    Ok(current.version)
}

fn terms(terms: Option<&SchemeTerms>) -> Result<(), Refusal> {
    let Some(terms) = terms else {
        return Err(Refusal::field(Reason::FieldInvalid, "terms", "must be set"));
    };
    let Some(from) = day(&terms.valid_from) else {
        return Err(Refusal::field(Reason::FieldInvalid, "terms.valid_from", "must be a day that exists"));
    };
    if terms.valid_until.is_empty() {
        return Ok(());
    }
    match day(&terms.valid_until) {
        Some(until) if until >= from => Ok(()),
        _ => Err(Refusal::field(
            Reason::FieldInvalid,
            "terms.valid_until",
            "must be a day that exists, not before valid_from",
        )),
    }
}

/// A civil day `YYYY-MM-DD`; `None` when there is no such day.
pub fn day(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// A civil day `YYYY-MM-DD` on which something happened; `None` when there is no such day, or it has not come in Japan.
pub fn day_that_has_come(text: &str, now: Timestamp) -> Option<Date> {
    day(text).filter(|day| *day <= calendar::day(now))
}

/// The current version of a scheme.
#[derive(Clone, Copy)]
pub struct Current<'a> {
    /// From 1.
    pub version: u32,
    /// What the rules read of it.
    pub terms: &'a SchemeTerms,
    /// Where it stands in the agency's journal.
    pub mark: &'a Mark,
}

/// The current version of a scheme; `None` when it was never published.
pub fn current(seen: Seen<'_>, agency: Agency) -> Option<Current<'_>> {
    let (mark, (version, terms)) = seen.last(agency, |fact| match fact {
        fact::Fact::SchemePublished(it) => Some((1, it.terms.as_ref()?)),
        fact::Fact::SchemeRevised(it) => Some((it.version, it.terms.as_ref()?)),
        _ => None,
    })?;
    Some(Current { version, terms, mark })
}

/// The number of the entry that holds a version of a scheme.
pub fn entry_of(seen: Seen<'_>, agency: Agency, version: u32) -> Option<u64> {
    let (mark, ()) = seen.first(agency, |fact| match fact {
        fact::Fact::SchemePublished(_) if version == 1 => Some(()),
        fact::Fact::SchemeRevised(it) if it.version == version => Some(()),
        _ => None,
    })?;
    Some(mark.seq)
}

/// Where a scheme stands; unspecified when it was never published.
pub fn state(seen: Seen<'_>, agency: Agency) -> State {
    let withdrawn = seen.first(agency, |fact| matches!(fact, fact::Fact::SchemeWithdrawn(_)).then_some(()));
    match (current(seen, agency), withdrawn) {
        (None, _) => State::Unspecified,
        (_, Some(_)) => State::Withdrawn,
        _ => State::Published,
    }
}

/// A version of a scheme that was published at some time, withdrawn or not.
pub fn was_published(seen: Seen<'_>, agency: Agency, version: u32) -> bool {
    entry_of(seen, agency, version).is_some()
}

/// The agency's schemes that fit a report on this day, in the order of their ids.
pub fn fitting(view: &View, agency: Agency, facts: &ScopeFacts, today: Date) -> Vec<SchemeVersion> {
    view.list(Noun::Scheme, agency)
        .filter(|(_, seen)| state(*seen, agency) == State::Published)
        .filter_map(|(id, seen)| current(seen, agency).map(|current| (id, current)))
        .filter(|(_, current)| fits(current.terms, facts, today))
        .map(|(id, current)| SchemeVersion { scheme_id: id.to_owned(), version: current.version })
        .collect()
}

fn fits(terms: &SchemeTerms, facts: &ScopeFacts, today: Date) -> bool {
    terms.kinds.contains(&facts.kind)
        && terms.reporters.contains(&facts.reporter)
        && (!terms.needs_personal_information || facts.personal_information)
        && day(&terms.valid_from).is_some_and(|from| from <= today)
        && (terms.valid_until.is_empty() || day(&terms.valid_until).is_some_and(|until| today <= until))
}

/// The scheme as the desk shows it.
pub fn resource(matter: &Matter, seen: Seen<'_>, content: Option<SchemeContent>, etag: String) -> Option<Scheme> {
    let agency = matter.opener;
    let current = current(seen, agency)?;
    Some(Scheme {
        name: matter.to_string(),
        agency: agency.into(),
        state: state(seen, agency).into(),
        version: current.version,
        terms: Some(current.terms.clone()),
        content,
        entry: entry_name(agency, current.mark.seq),
        updated_at: current.mark.written_at,
        etag,
    })
}
