//! The reporter's statutory dates (act on the protection of personal information, Art. 26(1) and
//! 68(1); rules 7, 8, 43 and 44 of the PPC).
//!
//! Day 1 is the day on which any department of the reporter knew. The preliminary report (速報)
//! is due without delay; the guideline's day 3 … 5 is shown as a window and never as a deadline.
//! The final report (確報) is due on day 30, on day 60 when a wrongful purpose (item 3) applies;
//! when that day is closed it moves to the next open day.

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};

use renkei_proto::{options::v1::Reason, r#type::v1 as wire};

use crate::{
    calendar::{self, Calendar},
    refusal::{Refusal, past_day},
};

/// The number of the item "wrongful purpose", which doubles the time for the final report.
pub const WRONGFUL_PURPOSE: u8 = 3;
/// The number of the item "number of persons".
const PERSONS: u8 = 4;

/// Under which part of the act the reporter falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sector {
    /// Businesses: Art. 26(1), rules 7 and 8.
    Private,
    /// Administrative organs and the like: Art. 68(1), rules 43 and 44.
    Public,
}

impl Sector {
    /// The rules that apply to the sector on a day in Japan; `None` before the first of them.
    #[must_use]
    pub fn rules_on(self, day: Date) -> Option<&'static RuleSet> {
        applying(RULE_SETS, self, day)
    }
}

/// The rules that apply to one sector from a day on, until a later row of the sector takes their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleSet {
    /// A stable name, which accompanies every date computed under it.
    pub name: &'static str,
    /// The part of the act.
    pub sector: Sector,
    /// The first day in Japan of knowing to which it applies.
    pub effective_from: Date,
    /// The highest item number; items start at 1.
    pub last_item: u8,
    /// Item 4 applies to more persons than this.
    pub persons_above: u64,
    /// Time for the final report, in days, the day of knowing counted.
    pub final_days: u8,
    /// The same when item 3 applies, also beside others.
    pub final_days_wrongful: u8,
}

/// Every rule set, those of a sector by their first day. Amended rules are one more row, from the day on which they come
/// into force: rules that apply are never changed, because dates were computed under them.
pub static RULE_SETS: &[RuleSet] = &[
    // Art. 26(1): rules 7 (items) and 8 (times).
    RuleSet {
        name: "appi-rules-7-8/2022-04-01",
        sector: Sector::Private,
        effective_from: date(2022, 4, 1),
        last_item: 4,
        persons_above: 1_000,
        final_days: 30,
        final_days_wrongful: 60,
    },
    // Art. 68(1): rules 43 (items) and 44 (times). At first they bound national administrative organs and incorporated
    // administrative agencies alone: a local body that knew before the next row's day fell under its own ordinance.
    RuleSet {
        name: "appi-rules-43-44/2022-04-01",
        sector: Sector::Public,
        effective_from: date(2022, 4, 1),
        last_item: 5,
        persons_above: 100,
        final_days: 30,
        final_days_wrongful: 60,
    },
    // The same rules, which bind organs of local governments and local incorporated administrative agencies as well.
    RuleSet {
        name: "appi-rules-43-44/2023-04-01",
        sector: Sector::Public,
        effective_from: date(2023, 4, 1),
        last_item: 5,
        persons_above: 100,
        final_days: 30,
        final_days_wrongful: 60,
    },
];

/// The row that applies to a sector on a day: the one with the latest first day that has come.
fn applying(rows: &[RuleSet], sector: Sector, day: Date) -> Option<&RuleSet> {
    let begun = rows.iter().filter(|row| row.sector == sector && row.effective_from <= day);
    begun.max_by_key(|row| row.effective_from)
}

/// The number of persons concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persons {
    /// Counted.
    Exact(u64),
    /// Not counted yet, but no more than this.
    UnknownAtMost(u64),
    /// Not known at all.
    Unknown,
}

/// An answer that may have to wait for facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tri {
    /// It does not apply.
    No,
    /// It may apply.
    Maybe,
    /// It applies.
    Yes,
}

/// The items of rule 7 or 43 that apply: (1) sensitive data, (2) property damage, (3) wrongful
/// purpose, (4) number of persons, in the public sector also (5) sensitive data by ordinance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Items {
    rules: &'static RuleSet,
    /// The set as bits: bit n means item n.
    bits: u8,
}

/// The rules have no item with that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rules {rules} have no item {number}")]
pub struct UnknownItem {
    /// The name of the rules.
    pub rules: &'static str,
    /// The number that does not exist there.
    pub number: u8,
}

impl Items {
    /// The set of those item numbers under these rules, in any order, repeats allowed.
    ///
    /// # Errors
    ///
    /// [`UnknownItem`] for a number that the rules do not have: today one outside 1..=4 (private sector) or 1..=5 (public
    /// sector).
    pub fn new(rules: &'static RuleSet, numbers: &[u8]) -> Result<Self, UnknownItem> {
        let unknown = |number| UnknownItem { rules: rules.name, number };
        let bits = numbers.iter().try_fold(0, |bits, &number| {
            if (1..=rules.last_item).contains(&number) { Ok(bits | 1 << number) } else { Err(unknown(number)) }
        })?;
        Ok(Self { rules, bits })
    }

    /// True if the item with that number is in the set.
    #[must_use]
    pub const fn contains(self, number: u8) -> bool {
        number < 8 && self.bits & (1 << number) != 0
    }

    /// True if no item is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }
}

/// The facts on which the dates depend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The day in Japan on which any department of the reporter knew; `None` when not stated.
    pub knew_on: Option<Date>,
    /// The items that apply, and through them the rules.
    pub items: Items,
    /// The number of persons concerned.
    pub persons: Persons,
}

/// The reporter's dates; days in Japan. A guide: the body to which the report goes is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    /// The name of the [`RuleSet`].
    pub rule_set: &'static str,
    /// Day 3, first day of the guideline's window for the preliminary report; open or closed.
    pub preliminary_from: Date,
    /// Day 5, last day of that window; open or closed.
    pub preliminary_to: Date,
    /// The last day for the final report, moved to an open day.
    pub final_due: Date,
    /// 30 or 60: the days the final report has, before moving.
    pub final_days: u8,
    /// A day that decided `final_due` lies outside the calendar's list: to be shown as
    /// preliminary.
    pub by_rule: bool,
}

/// The reporter's dates. `None` if the day of knowing is unknown or before the rules, or if no item applies and none may
/// apply by the number of persons: then there is no duty to report.
#[must_use]
pub fn dates(facts: &Facts, calendar: &Calendar) -> Option<Dates> {
    let knew_on = facts.knew_on?;
    let rules = facts.items.rules;
    let duty_possible = !facts.items.is_empty() || persons_item_applies(rules, facts.persons) != Tri::No;
    if knew_on < rules.effective_from || !duty_possible {
        return None;
    }
    let final_days = if facts.items.contains(WRONGFUL_PURPOSE) { rules.final_days_wrongful } else { rules.final_days };
    let last_day = nth_day(knew_on, final_days);
    let final_due = calendar.open_on_or_after(last_day);
    Some(Dates {
        rule_set: rules.name,
        preliminary_from: nth_day(knew_on, 3),
        preliminary_to: nth_day(knew_on, 5),
        final_due,
        final_days,
        by_rule: calendar.is_by_rule(last_day) || calendar.is_by_rule(final_due),
    })
}

/// Whether item 4 applies: more than 1,000 persons, in the public sector more than 100. From an upper bound above the
/// limit it follows only that it may.
#[must_use]
pub fn persons_item_applies(rules: &RuleSet, persons: Persons) -> Tri {
    let above = rules.persons_above;
    match persons {
        Persons::Exact(count) if count > above => Tri::Yes,
        Persons::UnknownAtMost(bound) if bound > above => Tri::Maybe,
        Persons::Exact(_) | Persons::UnknownAtMost(_) => Tri::No,
        Persons::Unknown => Tri::Maybe,
    }
}

/// The nth day, where the day of knowing is day 1.
fn nth_day(knew_on: Date, number: u8) -> Date {
    knew_on.saturating_add((i64::from(number) - 1).days())
}

/// The reporter's dates from the wire's facts to the wire's dates; `None` if the day of knowing is not stated, is
/// before the rules, or no item can apply. An item that the number of persons suggests is never added.
///
/// # Errors
/// `FIELD_INVALID` for a day that does not exist or has not come, an item that the rules do not have, and item 4 with so
/// few persons that it cannot apply. Where the day of knowing is not stated, the rules are those of today.
pub fn dates_of(
    facts: &wire::StatutoryFacts,
    now: Timestamp,
    calendar: &Calendar,
) -> Result<Option<wire::StatutoryDates>, Refusal> {
    let invalid = |field, detail: (&str, &str)| Refusal::field(Reason::FieldInvalid, field, detail);
    let sector = if facts.sector() == wire::Sector::Public { Sector::Public } else { Sector::Private };
    let is_stated = !facts.knew_on.is_empty();
    let knew_on = is_stated.then(|| past_day("statutory.knew_on", &facts.knew_on, now)).transpose()?;
    let Some(rules) = sector.rules_on(knew_on.unwrap_or_else(|| calendar::day(now))) else { return Ok(None) };
    let numbers: Vec<u8> = facts.items.iter().map(|item| u8::try_from(*item).unwrap_or(u8::MAX)).collect();
    let items = Items::new(rules, &numbers).map_err(|_| {
        invalid(
            "statutory.items",
            (
                "must be items of the sector's rule: 5 is of the public sector only",
                "その部門の施行規則にある号を指定してください。第5号は公的部門のみです。",
            ),
        )
    })?;
    let persons = facts.persons.unwrap_or_default();
    let persons = match persons.kind() {
        wire::PersonsKind::Exact => Persons::Exact(persons.number),
        wire::PersonsKind::AtMost => Persons::UnknownAtMost(persons.number),
        wire::PersonsKind::Unknown | wire::PersonsKind::Unspecified => Persons::Unknown,
    };
    if items.contains(PERSONS) && persons_item_applies(rules, persons) == Tri::No {
        return Err(invalid(
            "statutory.items",
            ("item 4 needs more persons than are stated", "第4号に該当する人数が記載されていません。"),
        ));
    }
    let dates = dates(&Facts { knew_on, items, persons }, calendar);
    Ok(dates.map(|dates| wire::StatutoryDates {
        rules: dates.rule_set.to_owned(),
        preliminary_from: dates.preliminary_from.to_string(),
        preliminary_to: dates.preliminary_to.to_string(),
        final_due: dates.final_due.to_string(),
        final_days: u32::from(dates.final_days),
        by_rule: dates.by_rule,
        calendar: calendar.version().to_owned(),
    }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn dates(facts: &Facts) -> Option<Dates> {
        super::dates(facts, &Calendar::built_in())
    }

    fn facts(sector: Sector, knew_on: &str, numbers: &[u8], persons: Persons) -> Facts {
        let knew_on = knew_on.parse().unwrap();
        let items = Items::new(sector.rules_on(knew_on).unwrap(), numbers).unwrap();
        Facts { knew_on: Some(knew_on), items, persons }
    }

    /// The rules of today.
    fn rules(sector: Sector) -> &'static RuleSet {
        sector.rules_on(date(2026, 11, 30)).unwrap()
    }

    /// A private-sector case that has 30 or 60 days.
    fn case(knew_on: &str, final_days: u8) -> Dates {
        let numbers: &[u8] = if final_days == 60 { &[2, 3, 4] } else { &[1] };
        let dates = dates(&facts(Sector::Private, knew_on, numbers, Persons::Unknown)).unwrap();
        assert_eq!(dates.final_days, final_days);
        dates
    }

    fn window(dates: &Dates) -> (String, String) {
        (dates.preliminary_from.to_string(), dates.preliminary_to.to_string())
    }

    #[test]
    fn the_final_report_is_due_on_its_day_or_the_next_open_one() {
        for (knew_on, final_days, due) in [
            ("2026-09-01", 30, "2026-09-30"),
            ("2026-08-20", 60, "2026-10-19"),
            ("2026-10-25", 30, "2026-11-24"),
            ("2026-11-30", 30, "2027-01-04"),
            ("2026-08-24", 30, "2026-09-24"),
            ("2026-08-22", 30, "2026-09-24"),
            ("2026-04-07", 30, "2026-05-07"),
            ("2027-02-20", 30, "2027-03-23"),
            ("2026-11-13", 60, "2027-01-12"),
            ("2026-11-13", 30, "2026-12-14"),
            ("2026-10-30", 60, "2026-12-28"),
            ("2026-10-31", 60, "2027-01-04"),
            ("2025-12-01", 30, "2026-01-05"),
            ("2028-01-31", 30, "2028-02-29"),
        ] {
            let found = case(knew_on, final_days).final_due.to_string();
            assert_eq!(found, due, "{knew_on} ({final_days})");
        }
    }

    #[test]
    fn the_preliminary_window_is_day_three_to_five_and_does_not_move() {
        for (knew_on, from, to) in [
            ("2026-09-01", "2026-09-03", "2026-09-05"),
            ("2026-11-13", "2026-11-15", "2026-11-17"),
            ("2026-12-03", "2026-12-05", "2026-12-07"),
        ] {
            assert_eq!(window(&case(knew_on, 30)), (from.to_owned(), to.to_owned()));
        }
    }

    #[test]
    fn company_a_reports_a_skimmed_web_shop() {
        let persons = Persons::UnknownAtMost(3_200);
        let found = dates(&facts(Sector::Private, "2026-11-13", &[2, 3, 4], persons)).unwrap();
        assert_eq!(window(&found), ("2026-11-15".to_owned(), "2026-11-17".to_owned()));
        assert_eq!(found.final_due, date(2027, 1, 12));
        assert_eq!(found.final_days, 60);
        assert_eq!(found.rule_set, "appi-rules-7-8/2022-04-01");
        assert!(!found.by_rule);
        assert_eq!(persons_item_applies(rules(Sector::Private), persons), Tri::Maybe);
    }

    #[test]
    fn city_b_reports_a_stopped_welfare_system_and_item_4_turns_at_the_101st_person() {
        let reported = |numbers: &[u8], count| {
            dates(&facts(Sector::Public, "2026-11-02", numbers, Persons::Exact(count))).unwrap()
        };
        let found = reported(&[1, 3, 4], 101);
        assert_eq!(found.final_due, date(2027, 1, 4));
        assert_eq!(found.rule_set, "appi-rules-43-44/2023-04-01");
        assert_eq!(reported(&[1, 3], 100).final_due, date(2027, 1, 4));
        assert_eq!(persons_item_applies(rules(Sector::Public), Persons::Exact(101)), Tri::Yes);
        assert_eq!(persons_item_applies(rules(Sector::Public), Persons::Exact(100)), Tri::No);
    }

    #[test]
    fn company_c_gets_dates_as_it_stated_the_day_of_knowing() {
        let found = dates(&facts(Sector::Private, "2026-11-20", &[2, 3], Persons::Unknown)).unwrap();
        assert_eq!(window(&found), ("2026-11-22".to_owned(), "2026-11-24".to_owned()));
        assert_eq!(found.final_due, date(2027, 1, 18));
    }

    #[test]
    fn an_unknown_day_of_knowing_gives_no_dates() {
        let unknown = Facts { knew_on: None, ..facts(Sector::Private, "2026-11-20", &[3], Persons::Unknown) };
        assert_eq!(dates(&unknown), None);
    }

    #[test]
    fn rules_apply_from_the_day_they_came_into_force() {
        for (sector, day, applies) in [
            (Sector::Private, date(2022, 3, 31), None),
            (Sector::Private, date(2022, 4, 1), Some("appi-rules-7-8/2022-04-01")),
            (Sector::Private, date(2023, 4, 1), Some("appi-rules-7-8/2022-04-01")),
            (Sector::Public, date(2022, 3, 31), None),
            (Sector::Public, date(2022, 4, 1), Some("appi-rules-43-44/2022-04-01")),
            (Sector::Public, date(2023, 3, 31), Some("appi-rules-43-44/2022-04-01")),
            (Sector::Public, date(2023, 4, 1), Some("appi-rules-43-44/2023-04-01")),
            (Sector::Public, Date::MAX, Some("appi-rules-43-44/2023-04-01")),
        ] {
            assert_eq!(sector.rules_on(day).map(|rules| rules.name), applies, "{sector:?} on {day}");
        }
        let national = dates(&facts(Sector::Public, "2022-10-03", &[1], Persons::Unknown)).unwrap();
        assert_eq!((national.rule_set, national.final_days), ("appi-rules-43-44/2022-04-01", 30));
    }

    #[test]
    fn amended_rules_are_one_more_row() {
        let amended =
            RuleSet { name: "appi-rules-7-8/amended", effective_from: date(2028, 7, 17), ..*rules(Sector::Private) };
        let rows: Vec<RuleSet> = [amended].into_iter().chain(RULE_SETS.iter().copied()).collect();
        let name = |sector, day| applying(&rows, sector, day).unwrap().name;
        assert_eq!(name(Sector::Private, date(2028, 7, 16)), "appi-rules-7-8/2022-04-01");
        assert_eq!(name(Sector::Private, date(2028, 7, 17)), "appi-rules-7-8/amended");
        assert_eq!(name(Sector::Public, date(2028, 7, 17)), "appi-rules-43-44/2023-04-01");
    }

    #[test]
    fn a_rule_set_names_its_first_day_and_no_two_of_a_sector_begin_together() {
        for (nth, row) in RULE_SETS.iter().enumerate() {
            assert!(row.name.ends_with(&format!("/{}", row.effective_from)), "{}", row.name);
            assert!(
                row.last_item < 8 && row.name.len() <= 64,
                "{}: the bits of `Items`, the bound of the fact",
                row.name
            );
            let earlier = RULE_SETS[..nth].iter().filter(|other| other.sector == row.sector);
            assert!(earlier.map(|other| other.effective_from).all(|day| day < row.effective_from), "{}", row.name);
        }
    }

    #[test]
    fn the_number_of_persons_decides_item_4_above_the_limit_only() {
        for (sector, limit) in [(Sector::Private, 1_000), (Sector::Public, 100)] {
            for (persons, applies) in [
                (Persons::Exact(0), Tri::No),
                (Persons::Exact(limit), Tri::No),
                (Persons::Exact(limit + 1), Tri::Yes),
                (Persons::UnknownAtMost(limit), Tri::No),
                (Persons::UnknownAtMost(limit + 1), Tri::Maybe),
                (Persons::Unknown, Tri::Maybe),
            ] {
                assert_eq!(persons_item_applies(rules(sector), persons), applies, "{persons:?}");
            }
        }
    }

    #[test]
    fn without_an_item_there_are_dates_only_while_item_4_is_possible() {
        let without = |persons| dates(&facts(Sector::Private, "2026-11-20", &[], persons));
        assert_eq!(without(Persons::Exact(1_000)), None);
        assert_eq!(without(Persons::UnknownAtMost(1_000)), None);
        assert!(without(Persons::Exact(1_001)).is_some());
        assert!(without(Persons::Unknown).is_some());
    }

    #[test]
    fn item_5_exists_in_the_public_sector_only() {
        let of = |sector, numbers: &[u8]| Items::new(rules(sector), numbers).map_err(|unknown| unknown.number);
        assert!(of(Sector::Public, &[1, 2, 3, 4, 5]).is_ok());
        assert_eq!(of(Sector::Private, &[1, 5]), Err(5));
        for number in [0, 6, 8, 255] {
            assert_eq!(of(Sector::Public, &[number]), Err(number));
        }
    }

    #[test]
    fn an_item_set_contains_the_items_that_were_put_in() {
        let items = Items::new(rules(Sector::Public), &[5, 3, 3]).unwrap();
        let held: Vec<u8> = (0..=u8::MAX).filter(|number| items.contains(*number)).collect();
        assert_eq!(held, [3, 5]);
        assert!(!items.is_empty());
    }

    #[test]
    fn dates_based_on_computed_holidays_state_this() {
        assert!(case("2028-01-31", 30).by_rule);
        assert!(case("2027-12-01", 30).by_rule);
        assert!(!case("2027-11-29", 30).by_rule);
    }
}
