//! Civil days in Japan and the days on which the agencies' offices are open.
//!
//! The law is the act on national holidays (国民の祝日に関する法律) as it has applied since 2022,
//! and for the office days the act on the holidays of administrative organs
//! (行政機関の休日に関する法律) Art. 1: Saturday, Sunday, national holidays, 12-29 … 01-03.
//!
//! Holidays of the years in `holidays.tsv` come from that list. Any other year is computed by rule and marked, because
//! the equinox days are fixed only by the notice of February of the previous year, and the Diet may change the law.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::Offset;

/// The version of the calendar: the first and last year of its list. Facts with a due date name it, so that nobody
/// computes the date again with another list.
pub const VERSION: &str = "jp-2023-2027";

/// Asia/Tokyo. Japan has kept one offset and no summer time since 1952.
pub const TOKYO: Offset = Offset::constant(9);

const LIST: &str = include_str!("holidays.tsv");

/// A national holiday, a substitute day or a sandwiched day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holiday {
    /// The name in Japanese. A substitute day carries the name of the holiday that fell on the
    /// Sunday, followed by `振替休日`.
    pub name: Cow<'static, str>,
    /// The origin of the holiday's date.
    pub source: HolidaySource,
}

/// The origin of a holiday's date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolidaySource {
    /// The year is in the list of this version.
    Listed,
    /// The year is outside the list: computed from the law of today.
    ByRule,
}

/// The day in Japan to which the instant belongs.
#[must_use]
pub fn day(instant: Timestamp) -> Date {
    TOKYO.to_datetime(instant).date()
}

/// The civil day that is written as `YYYY-MM-DD`; `None` if there is no such day.
pub fn parse_day(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// The civil day of an event, written as `YYYY-MM-DD`; `None` if there is no such day, or if it has not come in Japan.
pub fn parse_past_day(text: &str, now: Timestamp) -> Option<Date> {
    parse_day(text).filter(|date| *date <= day(now))
}

/// The first instant of the day in Japan. At the two ends of the representable time it is the
/// nearest instant that exists.
#[must_use]
pub fn start(date: Date) -> Timestamp {
    let nearest = if date.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    TOKYO.to_timestamp(date.to_datetime(Time::midnight())).unwrap_or(nearest)
}

/// The holiday on that day, if it is one. Outside the list [`HolidaySource::ByRule`] marks the answer;
/// outside 1980–2099 the equinox days are not known and not claimed.
#[must_use]
pub fn holiday(date: Date) -> Option<Holiday> {
    if is_by_rule(date) {
        let name = by_rule(date)?;
        Some(Holiday { name, source: HolidaySource::ByRule })
    } else {
        let name = HOLIDAYS.days.get(&date)?;
        Some(Holiday { name: Cow::Borrowed(name), source: HolidaySource::Listed })
    }
}

/// True when the day's year is outside the list, so that every answer about it rests on a rule
/// and has to be shown as preliminary.
#[must_use]
pub fn is_by_rule(date: Date) -> bool {
    !(HOLIDAYS.first..=HOLIDAYS.last).contains(&date.year())
}

/// The last year of the list.
#[must_use]
pub fn known_until() -> i16 {
    HOLIDAYS.last
}

/// True on a day on which both agencies' offices are open: no Saturday, Sunday or holiday, and
/// not in 12-29 … 01-03.
#[must_use]
pub fn is_open(date: Date) -> bool {
    !is_weekend(date) && !is_year_end(date) && holiday(date).is_none()
}

/// The day itself when it is open, else the last open day before it.
#[must_use]
pub fn open_on_or_before(date: Date) -> Date {
    let mut day = date;
    while !is_open(day) {
        let Ok(before) = day.yesterday() else { break };
        day = before;
    }
    day
}

/// The day itself when it is open, else the first open day after it.
#[must_use]
pub fn open_on_or_after(date: Date) -> Date {
    let mut day = date;
    while !is_open(day) {
        let Ok(after) = day.tomorrow() else { break };
        day = after;
    }
    day
}

/// The `count`th open day after the day, which itself is not counted whether open or not; zero
/// gives the day back.
#[must_use]
pub fn add_open_days(date: Date, count: u16) -> Date {
    (0..count).fold(date, |day, _| open_on_or_after(day.tomorrow().unwrap_or(day)))
}

fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn is_year_end(date: Date) -> bool {
    matches!((date.month(), date.day()), (12, 29..=31) | (1, 1..=3))
}

struct Holidays {
    days: BTreeMap<Date, &'static str>,
    first: i16,
    last: i16,
}

static HOLIDAYS: LazyLock<Holidays> = LazyLock::new(|| {
    let days: BTreeMap<Date, &'static str> = LIST.lines().filter_map(entry).collect();
    let year = |edge: Option<(&Date, _)>| edge.map_or(0, |(date, _)| date.year());
    let (first, last) = (year(days.first_key_value()), year(days.last_key_value()));
    Holidays { days, first, last }
});

fn entry(line: &'static str) -> Option<(Date, &'static str)> {
    let (date, name) = line.split_once('\t')?;
    Some((date.parse().ok()?, name))
}

/// The law's own order: a day named by Art. 2; a substitute (Art. 3(2)) for a named day that fell
/// on a Sunday, moved past further named days; a day between two named days (Art. 3(3)).
fn by_rule(date: Date) -> Option<Cow<'static, str>> {
    if let Some(name) = named(date) {
        return Some(Cow::Borrowed(name));
    }
    if let Some(name) = substituted(date) {
        return Some(Cow::Owned(format!("{name} 振替休日")));
    }
    let between = named(date.yesterday().ok()?).is_some() && named(date.tomorrow().ok()?).is_some();
    between.then_some(Cow::Borrowed("国民の休日"))
}

fn named(date: Date) -> Option<&'static str> {
    match (date.month(), date.day()) {
        (1, 1) => Some("元日"),
        (1, _) if is_monday(date, 2) => Some("成人の日"),
        (2, 11) => Some("建国記念の日"),
        (2, 23) => Some("天皇誕生日"),
        (3, _) if is_equinox(date, SPRING) => Some("春分の日"),
        (4, 29) => Some("昭和の日"),
        (5, 3) => Some("憲法記念日"),
        (5, 4) => Some("みどりの日"),
        (5, 5) => Some("こどもの日"),
        (7, _) if is_monday(date, 3) => Some("海の日"),
        (8, 11) => Some("山の日"),
        (9, _) if is_monday(date, 3) => Some("敬老の日"),
        (9, _) if is_equinox(date, AUTUMN) => Some("秋分の日"),
        (10, _) if is_monday(date, 2) => Some("スポーツの日"),
        (11, 3) => Some("文化の日"),
        (11, 23) => Some("勤労感謝の日"),
        _ => None,
    }
}

fn is_monday(date: Date, nth: i8) -> bool {
    date.weekday() == Weekday::Monday && (date.day() - 1) / 7 + 1 == nth
}

/// Millionths of a day in March and September 1980; each year adds the tropical year's rest and each fourth year has a
/// leap day. The rule is valid for 1980–2099.
const SPRING: i32 = 20_843_100;
const AUTUMN: i32 = 23_248_800;
const TROPICAL_REST: i32 = 242_194;

fn is_equinox(date: Date, in_1980: i32) -> bool {
    let years = i32::from(date.year()) - 1980;
    (0..120).contains(&years) && i32::from(date.day()) == (in_1980 + TROPICAL_REST * years) / 1_000_000 - years / 4
}

fn substituted(date: Date) -> Option<&'static str> {
    let mut before = date.yesterday().ok()?;
    while let Some(name) = named(before) {
        if before.weekday() == Weekday::Sunday {
            return Some(name);
        }
        before = before.yesterday().ok()?;
    }
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn days_of(year: i16) -> impl Iterator<Item = Date> {
        let mut next = date(year, 1, 1);
        std::iter::from_fn(move || {
            let day = next;
            next = day.tomorrow().unwrap();
            (day.year() == year).then_some(day)
        })
    }

    fn rule_names(date: Date) -> Option<String> {
        by_rule(date).map(Cow::into_owned)
    }

    #[test]
    fn every_line_of_the_list_is_understood_and_the_version_names_its_years() {
        let lines = LIST.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(HOLIDAYS.days.len(), lines);
        assert_eq!(VERSION, format!("jp-{}-{}", HOLIDAYS.first, HOLIDAYS.last));
        assert_eq!(known_until(), 2027);
    }

    #[test]
    fn the_rule_reproduces_the_list_exactly_for_every_year_in_it() {
        for year in HOLIDAYS.first..=HOLIDAYS.last {
            for day in days_of(year) {
                let listed = HOLIDAYS.days.get(&day).map(ToString::to_string);
                assert_eq!(rule_names(day), listed, "{day}");
            }
        }
    }

    #[test]
    fn a_holiday_states_whether_it_is_listed_or_computed() {
        let listed = holiday(date(2026, 9, 22)).unwrap();
        assert_eq!(listed.name, "国民の休日");
        assert_eq!(listed.source, HolidaySource::Listed);
        let computed = holiday(date(2028, 1, 10)).unwrap();
        assert_eq!(computed.name, "成人の日");
        assert_eq!(computed.source, HolidaySource::ByRule);
        assert!(is_by_rule(date(2022, 12, 31)));
        assert!(!is_by_rule(date(2023, 1, 1)));
        assert!(!is_by_rule(date(2027, 12, 31)));
        assert!(is_by_rule(date(2028, 1, 1)));
    }

    #[test]
    fn the_equinox_days_follow_the_almanac() {
        for (year, spring, autumn) in
            [(2022, 21, 23), (2028, 20, 22), (2029, 20, 23), (2030, 20, 23), (2032, 20, 22), (2092, 19, 22)]
        {
            assert_eq!(named(date(year, 3, spring)), Some("春分の日"), "{year}");
            assert_eq!(named(date(year, 9, autumn)), Some("秋分の日"), "{year}");
        }
        assert!(days_of(2100).all(|day| named(day) != Some("春分の日")));
    }

    #[test]
    fn a_substitute_day_moves_past_the_golden_week() {
        assert_eq!(rule_names(date(2037, 5, 6)).unwrap(), "憲法記念日 振替休日");
        assert_eq!(rule_names(date(2032, 9, 21)).unwrap(), "国民の休日");
        assert_eq!(rule_names(date(2029, 4, 30)).unwrap(), "昭和の日 振替休日");
        assert_eq!(rule_names(date(2029, 5, 1)), None);
    }

    #[test]
    fn offices_are_closed_from_the_29th_of_december_to_the_3rd_of_january() {
        assert!(is_open(date(2026, 12, 28)));
        for day in days_of(2026).filter(|day| *day >= date(2026, 12, 29)) {
            assert!(!is_open(day), "{day}");
        }
        for day in 1..=3 {
            assert!(!is_open(date(2027, 1, day)));
        }
        assert!(is_open(date(2027, 1, 4)));
    }

    #[test]
    fn closed_days_move_to_the_neighbouring_open_day() {
        assert_eq!(open_on_or_before(date(2026, 12, 30)), date(2026, 12, 28));
        assert_eq!(open_on_or_after(date(2026, 9, 19)), date(2026, 9, 24));
        assert_eq!(open_on_or_after(date(2026, 11, 24)), date(2026, 11, 24));
        assert_eq!(open_on_or_before(date(2026, 11, 24)), date(2026, 11, 24));
    }

    #[test]
    fn open_days_are_counted_from_the_next_day() {
        assert_eq!(add_open_days(date(2026, 11, 24), 0), date(2026, 11, 24));
        assert_eq!(add_open_days(date(2026, 11, 24), 5), date(2026, 12, 1));
        assert_eq!(add_open_days(date(2026, 12, 28), 1), date(2027, 1, 4));
        assert_eq!(add_open_days(date(2026, 11, 21), 1), date(2026, 11, 24));
    }

    #[test]
    fn a_day_in_japan_begins_at_three_in_the_afternoon_of_the_day_before_in_utc() {
        let last: Timestamp = "2027-03-31T14:59:59.999999999Z".parse().unwrap();
        let first: Timestamp = "2027-03-31T15:00:00Z".parse().unwrap();
        assert_eq!(day(last), date(2027, 3, 31));
        assert_eq!(day(first), date(2027, 4, 1));
        assert_eq!(start(date(2027, 4, 1)), first);
    }

    #[test]
    fn the_ends_of_the_representable_time_are_answered_too() {
        assert_eq!(open_on_or_after(Date::MAX), Date::MAX);
        assert_eq!(add_open_days(Date::MAX, 3), Date::MAX);
        assert!(open_on_or_before(Date::MIN) >= Date::MIN);
        assert_eq!(start(Date::MIN), Timestamp::MIN);
        assert_eq!(day(start(date(9999, 12, 30))), date(9999, 12, 30));
    }
}
