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
    decide::{Deciding, Refusal, must},
    item,
    matter::{Matter, Noun, entry_name},
    page::{Journal, Seen},
};

/// Counts from 1 to below this are hidden, until an agreed method says otherwise.
pub const THRESHOLD: u64 = 5;

/// Something that is counted up: `kind` within `year`. Counters are rebuilt from the own journals.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tally {
    /// What is counted, such as `referral` or `given/virus`.
    pub kind: String,
    /// A fiscal year such as 2026, a month such as 202611, or 0 for all years.
    pub year: u32,
    /// By how much.
    pub by: u64,
}

impl Tally {
    fn new(kind: impl Into<String>, year: u32, by: u64) -> Self {
        Self { kind: kind.into(), year, by }
    }
}

/// What an own entry counts up. `day` is the day of writing in Japan.
pub fn tallies(journal: Journal, fact: &fact::Fact, day: Date) -> Vec<Tally> {
    let month = month_key(day);
    match (journal, fact) {
        (Journal::Of(_), fact::Fact::ReferralIssued(it)) => {
            let mut out = vec![Tally::new("referral", 0, 1), Tally::new("referral", it.fiscal_year, 1)];
            out.extend(it.introduced.iter().map(|scheme| Tally::new(format!("issued/{}", scheme.scheme_id), month, 1)));
            out
        }
        (Journal::Of(_), fact::Fact::ReferralGiven(it)) => it
            .introduced
            .iter()
            .flat_map(|scheme| {
                [
                    Tally::new(format!("given/{}", scheme.scheme_id), month, 1),
                    Tally::new(format!("days/{}", scheme.scheme_id), month, u64::from(it.days)),
                ]
            })
            .collect(),
        (Journal::Of(_), fact::Fact::AdviceRequested(it)) => vec![Tally::new("advice", it.fiscal_year, 1)],
        (Journal::Of(_), fact) if let Some(it) = item::published_in(fact).filter(|it| it.publication.revision == 1) => {
            vec![Tally::new("item", it.publication.fiscal_year, 1)]
        }
        (Journal::Of(_), fact::Fact::ReferralFollowedUp(it)) => filed(it.filed_under.as_ref(), month),
        (Journal::Private, fact::Fact::FilingCounted(it)) => filed(it.filed_under.as_ref(), month),
        _ => Vec::new(),
    }
}

fn filed(under: Option<&renkei_proto::referral::v1::SchemeVersion>, month: u32) -> Vec<Tally> {
    under.map(|under| Tally::new(format!("filed/{}", under.scheme_id), month, 1)).into_iter().collect()
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

pub(crate) fn counted(d: &Deciding, fact: &ReferralsCounted) -> Result<(), Refusal> {
    d.noun(Noun::ReferralCounts)?;
    d.answers_nothing()?;
    must(fact.month == d.matter.id, Reason::FactDiffers, "the counts are of another month than their matter")?;
    must(latest(d.page(), d.author()).is_none(), Reason::AlreadyExists, "this month is counted already")?;
    let ended = month(&fact.month).is_some_and(|first| next_month(first) <= d.today());
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
