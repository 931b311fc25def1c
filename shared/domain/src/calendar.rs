//! Civil days in Japan and the days on which the agencies' offices are open.
//!
//! The law is the act on national holidays (国民の祝日に関する法律) as it has applied since 2022,
//! and for the office days the act on the holidays of administrative organs
//! (行政機関の休日に関する法律) Art. 1: Saturday, Sunday, national holidays, 12-29 … 01-03.
//!
//! Holidays of the years in `holidays.tsv` come from that list, and an agency may name a list of its own for further
//! years. Any other year is computed by rule and marked, because the equinox days are fixed only by the notice of
//! February of the previous year, and the Diet may change the law.
//!
//! Two agencies may have different lists. Nobody computes a due day of the other one again: a day is computed once, by
//! the agency that writes it into a fact, and the fact names the calendar.

mod list;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::Offset;

use self::list::List;
pub use self::list::ListFault;

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
    /// The year is in the calendar's list.
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

/// The days on which offices are open, by a list of holidays. Clones share the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar(Arc<Holidays>);

#[derive(Debug, PartialEq, Eq)]
struct Holidays {
    days: BTreeMap<Date, Cow<'static, str>>,
    /// The years that the list contains in full.
    years: RangeInclusive<i16>,
    /// `jp-2023-2027`, with a digest behind it where the list is not the built-in one.
    version: String,
}

impl Calendar {
    /// The calendar with the list of this program.
    #[must_use]
    pub fn built_in() -> Self {
        static BUILT_IN: LazyLock<Calendar> = LazyLock::new(|| {
            let days: BTreeMap<Date, Cow<'static, str>> = LIST.lines().filter_map(entry).collect();
            let year = |edge: Option<(&Date, _)>| edge.map_or(0, |(date, _)| date.year());
            let years = year(days.first_key_value())..=year(days.last_key_value());
            let version = format!("jp-{}-{}", years.start(), years.end());
            Calendar(Arc::new(Holidays { days, years, version }))
        });
        BUILT_IN.clone()
    }

    /// This calendar with the years of a list in place of its own, as [`ListFault`] describes its lines. The list may begin
    /// with any year of this calendar, or with the next one.
    ///
    /// # Errors
    /// The first defect of the list, with its line.
    pub fn with_list(&self, text: &str) -> Result<Self, ListFault> {
        let own = &self.0.years;
        let list = List::read(text, &(*own.start()..=own.end().saturating_add(1)), by_rule)?;
        let mut days = self.0.days.clone();
        days.retain(|day, _| !list.years.contains(&day.year()));
        days.extend(list.days);
        let years = *own.start()..=*own.end().max(list.years.end());
        // The digest is of the days that count, so it does not depend on comments and line ends.
        let all: String = days.iter().map(|(day, name)| format!("{day}\t{name}\n")).collect();
        let short: String = hex::encode(digest(&SHA256, all.as_bytes())).chars().take(8).collect();
        let version = format!("jp-{}-{}-{short}", years.start(), years.end());
        Ok(Self(Arc::new(Holidays { days, years, version })))
    }

    /// The version of the calendar, at most 32 characters: the first and last year of its list, and for a list of the
    /// agency's own eight digits of its SHA-256, such as `jp-2023-2028-0a1b2c3d`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// The version without the digest, such as `jp-2023-2028`: facts that are exchanged have room for the years only.
    #[must_use]
    pub fn years(&self) -> String {
        format!("jp-{}-{}", self.0.years.start(), self.0.years.end())
    }

    /// The last year of the list.
    #[must_use]
    pub fn known_until(&self) -> i16 {
        *self.0.years.end()
    }

    /// The holiday on that day, if it is one. Outside the list [`HolidaySource::ByRule`] marks the answer;
    /// outside 1980–2099 the equinox days are not known and not claimed.
    #[must_use]
    pub fn holiday(&self, date: Date) -> Option<Holiday> {
        if self.is_by_rule(date) {
            let name = by_rule(date)?;
            Some(Holiday { name, source: HolidaySource::ByRule })
        } else {
            let name = self.0.days.get(&date)?;
            Some(Holiday { name: name.clone(), source: HolidaySource::Listed })
        }
    }

    /// True when the day's year is outside the list, so that every answer about it rests on a rule
    /// and has to be shown as preliminary.
    #[must_use]
    pub fn is_by_rule(&self, date: Date) -> bool {
        !self.0.years.contains(&date.year())
    }

    /// True on a day on which national administrative organs are open: no Saturday, Sunday or holiday, and not in
    /// 12-29 … 01-03.
    #[must_use]
    pub fn is_open(&self, date: Date) -> bool {
        !is_weekend(date) && !is_year_end(date) && self.holiday(date).is_none()
    }

    /// The day itself when it is open, else the last open day before it.
    #[must_use]
    pub fn open_on_or_before(&self, date: Date) -> Date {
        let mut day = date;
        while !self.is_open(day) {
            let Ok(before) = day.yesterday() else { break };
            day = before;
        }
        day
    }

    /// The day itself when it is open, else the first open day after it.
    #[must_use]
    pub fn open_on_or_after(&self, date: Date) -> Date {
        let mut day = date;
        while !self.is_open(day) {
            let Ok(after) = day.tomorrow() else { break };
            day = after;
        }
        day
    }

    /// The `count`th open day after the day, which itself is not counted whether open or not; zero
    /// gives the day back.
    #[must_use]
    pub fn add_open_days(&self, date: Date, count: u16) -> Date {
        (0..count).fold(date, |day, _| self.open_on_or_after(day.tomorrow().unwrap_or(day)))
    }
}

fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn is_year_end(date: Date) -> bool {
    matches!((date.month(), date.day()), (12, 29..=31) | (1, 1..=3))
}

fn entry(line: &'static str) -> Option<(Date, Cow<'static, str>)> {
    let (date, name) = line.split_once('\t')?;
    Some((date.parse().ok()?, Cow::Borrowed(name)))
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
        let (built_in, lines) = (Calendar::built_in(), LIST.lines().filter(|line| !line.starts_with('#')).count());
        assert_eq!(built_in.0.days.len(), lines);
        assert_eq!((built_in.version(), built_in.years().as_str()), ("jp-2023-2027", "jp-2023-2027"));
        assert_eq!(built_in.known_until(), 2027);
    }

    #[test]
    fn the_rule_reproduces_the_list_exactly_for_every_year_in_it() {
        let built_in = Calendar::built_in();
        for year in built_in.0.years.clone() {
            for day in days_of(year) {
                let listed = built_in.0.days.get(&day).map(ToString::to_string);
                assert_eq!(rule_names(day), listed, "{day}");
            }
        }
    }

    #[test]
    fn a_holiday_states_whether_it_is_listed_or_computed() {
        let calendar = Calendar::built_in();
        let listed = calendar.holiday(date(2026, 9, 22)).unwrap();
        assert_eq!(listed.name, "国民の休日");
        assert_eq!(listed.source, HolidaySource::Listed);
        let computed = calendar.holiday(date(2028, 1, 10)).unwrap();
        assert_eq!(computed.name, "成人の日");
        assert_eq!(computed.source, HolidaySource::ByRule);
        assert!(calendar.is_by_rule(date(2022, 12, 31)));
        assert!(!calendar.is_by_rule(date(2023, 1, 1)));
        assert!(!calendar.is_by_rule(date(2027, 12, 31)));
        assert!(calendar.is_by_rule(date(2028, 1, 1)));
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
        assert!(Calendar::built_in().is_open(date(2026, 12, 28)));
        for day in days_of(2026).filter(|day| *day >= date(2026, 12, 29)) {
            assert!(!Calendar::built_in().is_open(day), "{day}");
        }
        for day in 1..=3 {
            assert!(!Calendar::built_in().is_open(date(2027, 1, day)));
        }
        assert!(Calendar::built_in().is_open(date(2027, 1, 4)));
    }

    #[test]
    fn closed_days_move_to_the_neighbouring_open_day() {
        assert_eq!(Calendar::built_in().open_on_or_before(date(2026, 12, 30)), date(2026, 12, 28));
        assert_eq!(Calendar::built_in().open_on_or_after(date(2026, 9, 19)), date(2026, 9, 24));
        assert_eq!(Calendar::built_in().open_on_or_after(date(2026, 11, 24)), date(2026, 11, 24));
        assert_eq!(Calendar::built_in().open_on_or_before(date(2026, 11, 24)), date(2026, 11, 24));
    }

    #[test]
    fn open_days_are_counted_from_the_next_day() {
        assert_eq!(Calendar::built_in().add_open_days(date(2026, 11, 24), 0), date(2026, 11, 24));
        assert_eq!(Calendar::built_in().add_open_days(date(2026, 11, 24), 5), date(2026, 12, 1));
        assert_eq!(Calendar::built_in().add_open_days(date(2026, 12, 28), 1), date(2027, 1, 4));
        assert_eq!(Calendar::built_in().add_open_days(date(2026, 11, 21), 1), date(2026, 11, 24));
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
        assert_eq!(Calendar::built_in().open_on_or_after(Date::MAX), Date::MAX);
        assert_eq!(Calendar::built_in().add_open_days(Date::MAX, 3), Date::MAX);
        assert!(Calendar::built_in().open_on_or_before(Date::MIN) >= Date::MIN);
        assert_eq!(start(Date::MIN), Timestamp::MIN);
        assert_eq!(day(start(date(9999, 12, 30))), date(9999, 12, 30));
    }

    /// The holidays of 2028 by the rule, one in a line.
    fn list_of_2028() -> String {
        let year = days_of(2028);
        year.filter_map(|day| Some(format!("{day}\t{}\n", by_rule(day)?))).collect()
    }

    fn with(text: &str) -> Result<Calendar, ListFault> {
        Calendar::built_in().with_list(text)
    }

    fn refused(text: &str, line: usize, en: &str) {
        let fault = with(text).unwrap_err();
        assert_eq!(fault.line, line, "{fault}");
        assert!(fault.en.contains(en), "{fault}");
        assert!(fault.to_string().contains(&format!("{line}行目：")) && fault.ja.ends_with('。'), "{fault}");
    }

    #[test]
    fn a_list_adds_its_year_to_those_that_are_built_in() {
        let calendar = with(&list_of_2028()).unwrap();
        assert_eq!((calendar.known_until(), calendar.years().as_str()), (2028, "jp-2023-2028"));
        assert!(!calendar.is_by_rule(date(2028, 12, 31)) && calendar.is_by_rule(date(2029, 1, 1)));
        assert!(!calendar.is_open(date(2028, 1, 10)) && !calendar.is_open(date(2026, 9, 22)));
        assert_eq!(calendar.add_open_days(date(2028, 4, 28), 2), date(2028, 5, 2));
        assert!(calendar.version().starts_with("jp-2023-2028-") && calendar.version().len() == 21);
    }

    #[test]
    fn the_version_is_that_of_the_days_and_not_of_the_way_they_are_written() {
        let plain = with(&list_of_2028()).unwrap();
        let other = format!("\u{feff}# 令和10年\r\n\r\n{}", list_of_2028().replace('\n', "\r\n"));
        assert_eq!(with(&other).unwrap(), plain);
        let renamed = with(&list_of_2028().replace("海の日", "海の記念日")).unwrap();
        assert_eq!(renamed.years(), plain.years());
        assert_ne!(renamed.version(), plain.version());
    }

    #[test]
    fn a_special_act_moves_a_holiday_in_a_year_that_is_built_in() {
        // As in 2021, when スポーツの日 was moved to the opening of the games.
        let of_2027: String = LIST.lines().filter(|line| line.starts_with("2027")).fold(String::new(), |out, line| {
            match line.split_once('\t') {
                Some(("2027-10-11", _)) => out + "-2027-10-11\t特別措置法により移動\n",
                Some(("2027-08-11", _)) => out + "2027-07-23\tスポーツの日\n" + line + "\n",
                _ => out + line + "\n",
            }
        });
        let moved = with(&of_2027).unwrap();
        assert!(moved.is_open(date(2027, 10, 11)) && !moved.is_open(date(2027, 7, 23)));
        assert_eq!(moved.years(), "jp-2023-2027");
        assert!(!Calendar::built_in().is_open(date(2027, 10, 11)), "the built-in calendar is another value");
    }

    #[test]
    fn an_incomplete_list_is_refused_with_the_day_that_is_missing() {
        let whole = list_of_2028();
        for (nth, line) in whole.lines().enumerate() {
            let day = line.split('\t').next().unwrap();
            let without: String =
                whole.lines().filter(|other| *other != line).map(|other| format!("{other}\n")).collect();
            let last = without.lines().count();
            refused(&without, (nth + 1).min(last), &format!("{day} ("));
        }
        let half: String = whole.lines().take(4).map(|line| format!("{line}\n")).collect();
        refused(&half, 4, "is missing");
    }

    #[test]
    fn a_line_that_is_not_understood_is_refused_with_its_number() {
        refused("", 1, "no day");
        refused("# 2028\n", 1, "no day");
        refused("2028-01-01\t元日\n2028-01-02 振替休日\n", 2, "a tab");
        refused("2028/1/1\t元日\n", 1, "2028/1/1 is not a day");
        refused("2028-02-30\t元日\n", 1, "2028-02-30 is not a day");
        refused("2028-01-01\t\n", 1, "1 to 60 characters");
        refused("2028-01-01\t元\u{7}日\n", 1, "1 to 60 characters");
        refused(&format!("2028-01-01\t{}\n", "あ".repeat(61)), 1, "1 to 60 characters");
        refused("2028-01-10\t成人の日\n2028-01-01\t元日\n", 2, "2028-01-01 must come after");
        refused("2028-01-01\t元日\n2028-01-01\t元日\n", 2, "each once");
        refused("2028-01-01\t元日\n-2028-01-04\t移動\n", 2, "2028-01-04 is struck");
        refused("2029-01-01\t元日\n", 1, "2023 to 2028");
        refused("2022-01-01\t元日\n", 1, "2023 to 2028");
        refused("2028-01-01\t元日\n2100-01-01\t元日\n", 2, "2099");
        refused(&"#\n".repeat(40_000), 1, "65536 bytes");
    }
}
