//! Reporting schemes (制度): each agency's catalogue, which the other introduces to reporters (Art. 4(1)).
//!
//! State: `WITHDRAWN > PUBLISHED`. Versions are marks.

use jiff::{Timestamp, civil::Date};
use prost::Message as _;
use renkei_proto::{
    Sentence,
    journal::v1::{Mark, fact::Fact},
    options::v1::Reason,
    referral::v1::{
        Scheme, SchemePublished, SchemeRevised, SchemeTerms, SchemeVersion, SchemeWithdrawn, ScopeFacts, scheme::State,
    },
    r#type::v1::{Agency, IncidentKind},
};

use crate::{
    calendar::parse_day,
    case::Case,
    matter::{Collection, Matter, entry_name},
    noun::{Noun, Resource, StateName},
    page::{Seen, View},
    read_set::ReadSet,
    refusal::{Refusal, missing, must},
    visibility::Visibility,
};

/// `agencies/{opener}/schemes/{id}`.
pub const COLLECTION: Collection = Collection::of_ids("schemes", is_id);

/// The most schemes an agency may have, withdrawn ones included.
pub const MOST: usize = 100;
/// The highest version of a scheme (`SchemeVersion` in the contract).
const LAST_VERSION: u32 = 10_000;

/// Reporting schemes.
pub struct SchemeNoun;

impl Noun for SchemeNoun {
    fn collection(&self) -> Collection {
        COLLECTION
    }

    fn reads(&self, _: &Fact) -> ReadSet {
        catalogues()
    }

    fn resource(&self, matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Vec<u8>> {
        Scheme::of(matter, seen, now, etag).map(|it| it.encode_to_vec())
    }

    fn judge(&self, case: &Case, fact: &Fact) -> Result<(), Refusal> {
        match fact {
            Fact::SchemePublished(published) => judge_publication(case, published),
            Fact::SchemeRevised(revised) => judge_revision(case, revised),
            Fact::SchemeWithdrawn(withdrawn) => judge_withdrawal(case, withdrawn),
            other => Err(Refusal::of_another_noun(other)),
        }
    }

    fn needs_room(&self, _: &Fact) -> bool {
        // The number of versions is bounded instead.
        false
    }

    fn state(&self, matter: &Matter, seen: Seen<'_>) -> StateName {
        let state = state(seen, matter.opener);
        StateName { id: state.as_str_name(), ja: state.ja() }
    }

    fn visibility<'a>(&self, _: Agency, _: &Matter, seen: Seen<'a>) -> Vec<Visibility<'a>> {
        if seen.is_empty() { Vec::new() } else { vec![Visibility::EVERYBODY] }
    }
}

/// The catalogues of both agencies.
pub fn catalogues() -> ReadSet {
    ReadSet::lists_of_both(COLLECTION)
}

/// The matter of a version's scheme.
pub fn matter(agency: Agency, version: &SchemeVersion) -> Matter {
    Matter::new(COLLECTION, agency, &version.scheme_id)
}

fn is_id(id: &str) -> bool {
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    id.len() <= 64 && id.starts_with(|c: char| c.is_ascii_lowercase()) && id.bytes().all(lower)
}

fn judge_publication(case: &Case, fact: &SchemePublished) -> Result<(), Refusal> {
    let author = case.author();
    let count = case.view.list(COLLECTION, author).filter(|(_, seen)| current(*seen, author).is_some()).count();
    must(
        count < MOST,
        Reason::WrongState,
        ("an agency has at most 100 schemes", "一つの機関が登録できる制度は100件までです。"),
    )?;
    terms(fact.terms.as_ref())
}

fn judge_revision(case: &Case, fact: &SchemeRevised) -> Result<(), Refusal> {
    let version = open(case)?;
    must(
        fact.version == version + 1,
        Reason::FactDiffers,
        Sentence::for_developers("a revision's version is the one before plus one"),
    )?;
    must(
        fact.version <= LAST_VERSION,
        Reason::WrongState,
        ("a scheme has at most 10000 versions", "一つの制度に登録できる版は10000版までです。"),
    )?;
    terms(fact.terms.as_ref())
}

fn judge_withdrawal(case: &Case, fact: &SchemeWithdrawn) -> Result<(), Refusal> {
    let version = open(case)?;
    must(
        fact.version == version,
        Reason::FactDiffers,
        Sentence::for_developers("the withdrawal names another version than the current one"),
    )
}

fn open(case: &Case) -> Result<u32, Refusal> {
    let Some(current) = current(case.page(), case.author()) else {
        return Err(Refusal::new(Reason::NotFound, Sentence::for_developers("there is no such scheme")));
    };
    must(
        state(case.page(), case.author()) == State::Published,
        Reason::WrongState,
        ("the scheme is withdrawn", "この制度は「公表終了」の状態にあります。"),
    )?;
    Ok(current.version)
}

fn terms(terms: Option<&SchemeTerms>) -> Result<(), Refusal> {
    let Some(terms) = terms else {
        return Err(missing("terms"));
    };
    let Some(from) = parse_day(&terms.valid_from) else {
        return Err(Refusal::field(
            Reason::FieldInvalid,
            "terms.valid_from",
            ("must be a day that exists", "暦にある日を指定してください。"),
        ));
    };
    if terms.valid_until.is_empty() {
        return Ok(());
    }
    match parse_day(&terms.valid_until) {
        Some(until) if until >= from => Ok(()),
        _ => Err(Refusal::field(
            Reason::FieldInvalid,
            "terms.valid_until",
            ("must be a day that exists, not before valid_from", "暦にある日で、開始日以後の日を指定してください。"),
        )),
    }
}

/// A version of a scheme; mostly the current one.
#[derive(Clone, Copy)]
pub struct Current<'a> {
    /// From 1.
    pub version: u32,
    /// The part that the rules read.
    pub terms: &'a SchemeTerms,
    /// The place in the agency's journal.
    pub mark: &'a Mark,
}

/// The versions of a scheme in order.
fn versions(seen: Seen<'_>, agency: Agency) -> impl Iterator<Item = Current<'_>> {
    let versions = seen.each(agency, |fact| match fact {
        Fact::SchemePublished(it) => Some((1, it.terms.as_ref()?)),
        Fact::SchemeRevised(it) => Some((it.version, it.terms.as_ref()?)),
        _ => None,
    });
    versions.map(|(mark, (version, terms))| Current { version, terms, mark })
}

/// The current version of a scheme; `None` when it was never published.
pub fn current(seen: Seen<'_>, agency: Agency) -> Option<Current<'_>> {
    versions(seen, agency).last()
}

/// A scheme as it was when a version of it was published, without its content; `None` when there is no such version. Nothing
/// that came later changes it, so a reporter's papers stay the same.
pub fn as_published(matter: &Matter, seen: Seen<'_>, version: u32, etag: String) -> Option<Scheme> {
    let found = versions(seen, matter.opener).find(|it| it.version == version)?;
    Some(shown(matter, &found, State::Published, etag))
}

fn shown(matter: &Matter, version: &Current<'_>, state: State, etag: String) -> Scheme {
    Scheme {
        name: matter.to_string(),
        agency: matter.opener.into(),
        state: state.into(),
        version: version.version,
        terms: Some(version.terms.clone()),
        content: None,
        entry: entry_name(matter.opener, version.mark.seq),
        updated_at: version.mark.written_at,
        etag,
    }
}

/// The number of the entry that contains a version of a scheme.
pub fn entry_of(seen: Seen<'_>, agency: Agency, version: u32) -> Option<u64> {
    let mut entries = seen.each(agency, |fact| match fact {
        Fact::SchemePublished(_) if version == 1 => Some(()),
        Fact::SchemeRevised(it) if it.version == version => Some(()),
        _ => None,
    });
    entries.next().map(|(mark, ())| mark.seq)
}

/// The state of a scheme; unspecified when it was never published.
pub fn state(seen: Seen<'_>, agency: Agency) -> State {
    match current(seen, agency) {
        None => State::Unspecified,
        Some(_) if seen.has::<SchemeWithdrawn>(agency) => State::Withdrawn,
        Some(_) => State::Published,
    }
}

/// A version of a scheme that was published at some time, withdrawn or not.
pub fn was_published(seen: Seen<'_>, agency: Agency, version: u32) -> bool {
    entry_of(seen, agency, version).is_some()
}

/// The agency's schemes that fit a report on this day, in the order of their ids.
pub fn fitting(view: &View, agency: Agency, facts: &ScopeFacts, today: Date) -> Vec<SchemeVersion> {
    view.list(COLLECTION, agency)
        .filter(|(_, seen)| state(*seen, agency) == State::Published)
        .filter_map(|(id, seen)| current(seen, agency).map(|current| (id, current)))
        .filter(|(_, current)| fits(current.terms, facts, today))
        .map(|(id, current)| SchemeVersion { scheme_id: id.to_owned(), version: current.version })
        .collect()
}

/// The kinds of the incident, as a set: the chief one and the further ones.
pub fn kinds(facts: &ScopeFacts) -> impl Iterator<Item = IncidentKind> {
    [facts.kind()].into_iter().chain(facts.further_kinds())
}

fn fits(terms: &SchemeTerms, facts: &ScopeFacts, today: Date) -> bool {
    kinds(facts).any(|kind| terms.kinds.contains(&kind.into()))
        && terms.reporters.contains(&facts.reporter)
        && (!terms.needs_personal_information || facts.personal_information)
        && parse_day(&terms.valid_from).is_some_and(|from| from <= today)
        && (terms.valid_until.is_empty() || parse_day(&terms.valid_until).is_some_and(|until| today <= until))
}

impl Resource for Scheme {
    fn of(matter: &Matter, seen: Seen<'_>, _: Timestamp, etag: String) -> Option<Self> {
        let current = current(seen, matter.opener)?;
        Some(shown(matter, &current, state(seen, matter.opener), etag))
    }
}
