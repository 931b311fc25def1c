//! Monthly counts of referrals, and the tallies they come from.

use jiff::civil::Date;
use renkei_proto::{
    journal::v1::fact,
    options::v1::Reason,
    referral::v1::{Cell, ReferralCounts, ReferralsCounted, SchemeCount},
    r#type::v1::Agency,
};

use crate::{
    calendar,
    decide::{Case, Refusal, must},
    matter::{Matter, Noun, entry_name},
    noun::item,
    page::{Journal, Seen},
};

/// Counts from 1 to below this are hidden, until an agreed method says otherwise.
pub const THRESHOLD: u64 = 5;

/// Something that is counted: `kind` within `year`. Counters are rebuilt from the journals.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tally {
    /// What is counted, such as `referral` or `given/virus`.
    pub kind: String,
    /// A fiscal year such as 2026, a month such as 202611, or 0 for all years.
    pub year: u32,
    /// How the counter moves.
    pub step: Step,
}

/// How a counter moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// By so much.
    Add(u64),
    /// To this number, unless it is beyond it.
    Reach(u64),
}

impl Tally {
    fn add(kind: impl Into<String>, year: u32, by: u64) -> Self {
        Self { kind: kind.into(), year, step: Step::Add(by) }
    }
}

/// A number that an agency gives out once: the ordinal of its matters of one kind within a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ordinal {
    /// What is numbered, such as `referral`.
    pub kind: &'static str,
    /// The fiscal year; 0 for all years.
    pub year: u32,
    /// The number, from 1.
    pub number: u64,
}

/// The numbers that a fact gives to the matter that it opens: those in its case number and its referral code.
pub fn ordinals(fact: &fact::Fact) -> Vec<Ordinal> {
    let one = |kind, year, number| vec![Ordinal { kind, year, number }];
    match fact {
        fact::Fact::ReferralIssued(it) => {
            [one("referral", 0, it.ordinal), one("referral", it.fiscal_year, it.year_ordinal)].concat()
        }
        fact::Fact::AdviceRequested(it) => one("advice", it.fiscal_year, it.year_ordinal),
        fact => match item::published_in(fact).filter(|it| it.publication.revision == 1) {
            Some(it) => one("item", it.publication.fiscal_year, it.publication.year_ordinal),
            None => Vec::new(),
        },
    }
}

/// The counter that an author's numbers have reached. The peer's numbers have counters of their own.
pub fn reached(own: Agency, author: Agency, kind: &str) -> String {
    if author == own { kind.to_owned() } else { format!("peer/{kind}") }
}

/// An author's numbers of one kind and year only grow, so none is given out twice: not by the agency itself, not after a
/// recovery, and not by the peer. `counter` reads one of the counters.
///
/// # Errors
/// `ALREADY_EXISTS`.
pub fn free(own: Agency, author: Agency, fact: &fact::Fact, counter: impl Fn(u32, &str) -> u64) -> Result<(), Refusal> {
    let is_free = |it: &Ordinal| it.number > counter(it.year, &reached(own, author, it.kind));
    must(ordinals(fact).iter().all(is_free), Reason::AlreadyExists, "its number was given to another matter")
}

/// What an entry counts. `day` is the day of writing in Japan.
pub fn tallies(own: Agency, journal: Journal, fact: &fact::Fact, day: Date) -> Vec<Tally> {
    let Journal::Of(author) = journal else { return private_tallies(fact, month_key(day)) };
    let reach =
        |it: Ordinal| Tally { kind: reached(own, author, it.kind), year: it.year, step: Step::Reach(it.number) };
    let mut out: Vec<Tally> = ordinals(fact).into_iter().map(reach).collect();
    if author == own {
        out.extend(own_tallies(fact, month_key(day)));
    }
    out
}

fn own_tallies(fact: &fact::Fact, month: u32) -> Vec<Tally> {
    match fact {
        fact::Fact::ReferralIssued(it) => {
            it.introduced.iter().map(|scheme| Tally::add(format!("issued/{}", scheme.scheme_id), month, 1)).collect()
        }
        fact::Fact::ReferralGiven(it) => it
            .introduced
            .iter()
            .flat_map(|scheme| {
                [
                    Tally::add(format!("given/{}", scheme.scheme_id), month, 1),
                    Tally::add(format!("days/{}", scheme.scheme_id), month, u64::from(it.days)),
                ]
            })
            .collect(),
        fact::Fact::ReferralFollowedUp(it) => filed(it.filed_under.as_ref(), month),
        _ => Vec::new(),
    }
}

fn private_tallies(fact: &fact::Fact, month: u32) -> Vec<Tally> {
    match fact {
        fact::Fact::FilingCounted(it) => filed(it.filed_under.as_ref(), month),
        _ => Vec::new(),
    }
}

fn filed(under: Option<&renkei_proto::referral::v1::SchemeVersion>, month: u32) -> Vec<Tally> {
    under.map(|under| Tally::add(format!("filed/{}", under.scheme_id), month, 1)).into_iter().collect()
}

/// The month of a day as a counter's year, such as 202611.
pub fn month_key(day: Date) -> u32 {
    u32::from(day.year().unsigned_abs()) * 100 + u32::from(day.month().unsigned_abs())
}

/// The first day of a month `YYYY-MM`; `None` for what is no month.
pub fn month(text: &str) -> Option<Date> {
    if text.len() != 7 {
        return None;
    }
    format!("{text}-01").parse().ok()
}

/// The first day of the next month.
pub fn next_month(first: Date) -> Date {
    first.last_of_month().tomorrow().unwrap_or(first)
}

/// The month before the one of this day, `YYYY-MM`.
pub fn month_before(day: Date) -> String {
    let before = day.first_of_month().yesterday().unwrap_or(day);
    format!("{:04}-{:02}", before.year(), before.month())
}

pub(crate) fn counted(case: &Case, fact: &ReferralsCounted) -> Result<(), Refusal> {
    case.noun(Noun::ReferralCounts)?;
    case.answers_nothing()?;
    must(fact.month == case.matter.id, Reason::FactDiffers, "the counts are of another month than their matter")?;
    must(latest(case.page(), case.author()).is_none(), Reason::AlreadyExists, "this month is counted already")?;
    let ended = month(&fact.month).is_some_and(|first| next_month(first) <= case.today());
    must(ended, Reason::WrongState, "a month is counted after it has ended")?;
    must(fact.schemes.iter().all(is_safe), Reason::FactDiffers, "a count below the statistics threshold is shown")
}

/// No small count is shown, and the days say nothing of a count that is hidden.
fn is_safe(count: &SchemeCount) -> bool {
    let hides = |cell: &Cell| if cell.hidden { cell.value == 0 } else { !(1..THRESHOLD).contains(&cell.value) };
    let days = count.days.is_none_or(|days| {
        count.given.is_some_and(|given| days.hidden == given.hidden) && (!days.hidden || days.value == 0)
    });
    days && [&count.issued, &count.given, &count.followed_up].into_iter().flatten().all(hides)
}

/// The counts of one month from the tallies: `count(kind)` reads one of them.
pub fn count(month: &str, own: &[&str], peers: &[&str], count: impl Fn(&str) -> u64) -> ReferralsCounted {
    let mut schemes = Vec::new();
    for id in peers {
        let (issued, given) = (count(&format!("issued/{id}")), count(&format!("given/{id}")));
        if issued + given > 0 {
            let given = cell(given);
            let days = if given.hidden { given } else { Cell { value: count(&format!("days/{id}")), hidden: false } };
            schemes.push(SchemeCount {
                scheme_id: (*id).to_owned(),
                issued: Some(cell(issued)),
                given: Some(given),
                days: Some(days),
                followed_up: None,
            });
        }
    }
    for id in own {
        let filed = count(&format!("filed/{id}"));
        if filed > 0 {
            schemes.push(SchemeCount {
                scheme_id: (*id).to_owned(),
                followed_up: Some(cell(filed)),
                ..SchemeCount::default()
            });
        }
    }
    ReferralsCounted { month: month.to_owned(), schemes }
}

fn cell(value: u64) -> Cell {
    let hidden = (1..THRESHOLD).contains(&value);
    Cell { value: if hidden { 0 } else { value }, hidden }
}

fn latest(seen: Seen<'_>, agency: Agency) -> Option<(u64, &ReferralsCounted)> {
    seen.first(agency, |fact| match fact {
        fact::Fact::ReferralsCounted(it) => Some(it),
        _ => None,
    })
    .map(|(mark, it)| (mark.seq, it))
}

/// The month of this page is counted by its agency.
pub fn is_counted(page: &crate::page::Page, agency: Agency) -> bool {
    latest(Seen::whole(page), agency).is_some()
}

/// The counts as the desk shows them.
pub fn resource(matter: &Matter, seen: Seen<'_>) -> Option<ReferralCounts> {
    let (seq, counted) = latest(seen, matter.opener)?;
    Some(ReferralCounts {
        name: matter.to_string(),
        agency: matter.opener.into(),
        month: counted.month.clone(),
        schemes: counted.schemes.clone(),
        entry: entry_name(matter.opener, seq),
    })
}

/// Whether a month has ended on this day in Japan.
pub fn has_ended(text: &str, now: jiff::Timestamp) -> bool {
    month(text).is_some_and(|first| next_month(first) <= calendar::day(now))
}
