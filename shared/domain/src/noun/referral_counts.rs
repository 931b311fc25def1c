//! Monthly counts of referrals (Art. 4(1)). Small counts are hidden.

use jiff::{Timestamp, civil::Date};
use prost::Message as _;
use renkei_proto::{
    Sentence,
    journal::v1::fact::Fact,
    options::v1::Reason,
    referral::v1::{Cell, ReferralCounts, ReferralsCounted, SchemeCount},
    r#type::v1::Agency,
};

use crate::{
    calendar,
    case::Case,
    matter::{Collection, Matter, entry_name},
    noun::{Noun, Resource},
    page::{Page, Seen},
    refusal::{Refusal, must},
    tally::{Tally, TallyKind},
};

/// `agencies/{author}/referralCounts/{YYYY-MM}`.
pub const COLLECTION: Collection = Collection::of_ids("referralCounts", |id| month(id).is_some());

/// The counts from 1 to below this number are hidden, unless an agreed method sets another threshold.
pub const THRESHOLD: u64 = 5;

/// The counter of the referrals of a month, by scheme.
pub(crate) const ISSUED: TallyKind = TallyKind::new("issued");
/// The counter of the referrals that were given to their reporters in a month, by scheme.
pub(crate) const GIVEN: TallyKind = TallyKind::new("given");
/// The sum of the days from issue to giving, of the referrals that were given in a month, by scheme.
pub(crate) const DAYS: TallyKind = TallyKind::new("days");
/// The counter of the filings of a month, by scheme.
pub(crate) const FILED: TallyKind = TallyKind::new("filed");

/// Monthly counts.
pub struct ReferralCountsNoun;

impl Noun for ReferralCountsNoun {
    fn collection(&self) -> Collection {
        COLLECTION
    }

    fn resource(&self, matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Vec<u8>> {
        ReferralCounts::of(matter, seen, now, etag).map(|it| it.encode_to_vec())
    }

    fn judge(&self, case: &Case, fact: &Fact) -> Result<(), Refusal> {
        match fact {
            Fact::ReferralsCounted(counted) => judge_counts(case, counted),
            Fact::FilingCounted(_) => Ok(()),
            other => Err(Refusal::of_another_noun(other)),
        }
    }

    fn needs_room(&self, _: &Fact) -> bool {
        // A month is counted once; filings are private.
        false
    }

    fn tallies(&self, fact: &Fact, month: u32) -> Vec<Tally> {
        let Fact::FilingCounted(counted) = fact else { return Vec::new() };
        counted.filed_under.iter().map(|scheme| Tally::add(FILED.part(&scheme.scheme_id), month, 1)).collect()
    }
}

/// The first day of a month `YYYY-MM`; `None` for any other text.
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

fn judge_counts(case: &Case, fact: &ReferralsCounted) -> Result<(), Refusal> {
    must(
        fact.month == case.matter.id,
        Reason::FactDiffers,
        Sentence::for_developers("the counts are of another month than their matter"),
    )?;
    let ended = month(&fact.month).is_some_and(|first| next_month(first) <= case.today());
    must(
        ended,
        Reason::WrongState,
        ("a month is counted after it has ended", "集計は、その月が終わった後に行うことができます。"),
    )?;
    must(
        fact.schemes.iter().all(is_safe),
        Reason::FactDiffers,
        Sentence::for_developers("a count below the statistics threshold is shown"),
    )
}

/// True if no small count is shown, and the days reveal nothing about a hidden count.
fn is_safe(count: &SchemeCount) -> bool {
    let hides = |cell: &Cell| if cell.hidden { cell.value == 0 } else { !(1..THRESHOLD).contains(&cell.value) };
    let days = count.days.is_none_or(|days| {
        count.given.is_some_and(|given| days.hidden == given.hidden) && (!days.hidden || days.value == 0)
    });
    days && [&count.issued, &count.given, &count.followed_up].into_iter().flatten().all(hides)
}

/// The counts of one month from the tallies: `count(kind)` reads one of them.
pub fn count(month: &str, own: &[&str], peers: &[&str], count: impl Fn(&TallyKind) -> u64) -> ReferralsCounted {
    let mut schemes = Vec::new();
    for id in peers {
        let (issued, given) = (count(&ISSUED.part(id)), count(&GIVEN.part(id)));
        if issued + given > 0 {
            let given = cell(given);
            let days = if given.hidden { given } else { Cell { value: count(&DAYS.part(id)), hidden: false } };
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
        let filed = count(&FILED.part(id));
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

/// True if the agency has counted the month of this page.
pub fn is_counted(page: &Page, agency: Agency) -> bool {
    Seen::whole(page).has::<ReferralsCounted>(agency)
}

impl Resource for ReferralCounts {
    fn of(matter: &Matter, seen: Seen<'_>, _: Timestamp, _: String) -> Option<Self> {
        let (mark, counted) = seen.first::<ReferralsCounted>(matter.opener)?;
        Some(Self {
            name: matter.to_string(),
            agency: matter.opener.into(),
            month: counted.month.clone(),
            schemes: counted.schemes.clone(),
            entry: entry_name(matter.opener, mark.seq),
        })
    }
}

/// True if a month has ended on this day in Japan.
pub fn has_ended(text: &str, now: Timestamp) -> bool {
    month(text).is_some_and(|first| next_month(first) <= calendar::day(now))
}
