//! Dates and numbers as people in Japanese offices write them: the era with weekday, the fiscal
//! year, the case number.

use jiff::civil::{Date, Weekday, date};

use crate::memorandum::Party;

struct Era {
    name: &'static str,
    letter: char,
    from: Date,
}

/// Newest first. The agreement needs Reiwa; the others serve dates in older documents.
const ERAS: [Era; 3] = [
    Era { name: "令和", letter: 'R', from: date(2019, 5, 1) },
    Era { name: "平成", letter: 'H', from: date(1989, 1, 8) },
    Era { name: "昭和", letter: 'S', from: date(1926, 12, 25) },
];

/// A day for people, as `令和8年11月24日（火）`.
#[must_use]
pub fn japanese(date: Date) -> String {
    format!("{}（{}）", japanese_day(date), weekday(date))
}

/// A day for people without the weekday, as `令和8年11月24日`; the first year of an era is `元年`. A day
/// before Showa is written in the western calendar.
#[must_use]
pub fn japanese_day(date: Date) -> String {
    let year = match era_on(date) {
        Some((era, 1)) => format!("{}元", era.name),
        Some((era, number)) => format!("{}{number}", era.name),
        None => date.year().to_string(),
    };
    format!("{year}年{}月{}日", date.month(), date.day())
}

/// The Japanese fiscal year (年度) in which the day lies: the western year of its 1 April.
#[must_use]
pub fn fiscal_year(date: Date) -> i16 {
    if date.month() < 4 { date.year() - 1 } else { date.year() }
}

/// The label of the fiscal year in which the day lies, as `R08` for 2026-04-01 … 2027-03-31.
#[must_use]
pub fn reiwa_fiscal(date: Date) -> String {
    fiscal_label(fiscal_year(date))
}

/// A case number (案件番号) as both agencies write it, as `甲-R08-ADV-0012`.
///
/// `opener` opened the matter in `fiscal_year` (western, April start); `noun` is the matter's
/// three-letter code (REF, ADV, ITM, CON …); `ordinal` counts the opener's matters of that noun
/// and year from 1 and is written with at least four digits.
#[must_use]
pub fn case_number(opener: Party, fiscal_year: i16, noun: &str, ordinal: u64) -> String {
    let (sign, year) = (opener.sign(), fiscal_label(fiscal_year));
    format!("{sign}-{year}-{noun}-{ordinal:04}")
}

/// Offices name a fiscal year after the era in which its calendar year ends, so the year that
/// began in April of Heisei 31 is R01.
fn fiscal_label(year: i16) -> String {
    let named = Date::new(year, 12, 31).ok().and_then(era_on);
    named.map_or_else(|| format!("FY{year}"), |(era, number)| format!("{}{number:02}", era.letter))
}

fn era_on(date: Date) -> Option<(&'static Era, i16)> {
    let era = ERAS.iter().find(|era| era.from <= date)?;
    Some((era, date.year() - era.from.year() + 1))
}

fn weekday(date: Date) -> char {
    match date.weekday() {
        Weekday::Monday => '月',
        Weekday::Tuesday => '火',
        Weekday::Wednesday => '水',
        Weekday::Thursday => '木',
        Weekday::Friday => '金',
        Weekday::Saturday => '土',
        Weekday::Sunday => '日',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_with_era_and_weekday() {
        for (day, written) in [
            (date(2026, 11, 24), "令和8年11月24日（火）"),
            (date(2027, 1, 12), "令和9年1月12日（火）"),
            (date(2020, 1, 1), "令和2年1月1日（水）"),
        ] {
            assert_eq!(japanese(day), written);
        }
    }

    #[test]
    fn eras_change_on_their_first_day_and_begin_with_the_first_year() {
        for (day, written) in [
            (date(2019, 5, 1), "令和元年5月1日（水）"),
            (date(2019, 4, 30), "平成31年4月30日（火）"),
            (date(1989, 1, 8), "平成元年1月8日（日）"),
            (date(1989, 1, 7), "昭和64年1月7日（土）"),
            (date(1926, 12, 25), "昭和元年12月25日（土）"),
            (date(1926, 12, 24), "1926年12月24日（金）"),
        ] {
            assert_eq!(japanese(day), written);
        }
    }

    #[test]
    fn the_fiscal_year_begins_in_april() {
        assert_eq!(fiscal_year(date(2026, 3, 31)), 2025);
        assert_eq!(fiscal_year(date(2026, 4, 1)), 2026);
        assert_eq!(fiscal_year(date(2027, 3, 31)), 2026);
        assert_eq!(reiwa_fiscal(date(2026, 11, 24)), "R08");
        assert_eq!(reiwa_fiscal(date(2027, 3, 31)), "R08");
        assert_eq!(reiwa_fiscal(date(2027, 4, 1)), "R09");
        assert_eq!(reiwa_fiscal(date(2028, 4, 1)), "R10");
    }

    #[test]
    fn a_fiscal_year_is_named_after_the_era_at_the_end_of_its_calendar_year() {
        assert_eq!(reiwa_fiscal(date(2019, 4, 1)), "R01");
        assert_eq!(reiwa_fiscal(date(2019, 3, 31)), "H30");
        assert_eq!(reiwa_fiscal(date(1989, 3, 31)), "S63");
        assert_eq!(reiwa_fiscal(date(1912, 4, 1)), "FY1912");
    }

    #[test]
    fn a_case_number_has_at_least_four_digits_and_never_loses_one() {
        assert_eq!(case_number(Party::Ppc, 2026, "ADV", 12), "甲-R08-ADV-0012");
        assert_eq!(case_number(Party::Ipa, 2023, "REF", 1), "乙-R05-REF-0001");
        assert_eq!(case_number(Party::Ppc, 2026, "ITM", 9_999), "甲-R08-ITM-9999");
        assert_eq!(case_number(Party::Ppc, 2026, "CON", 12_345), "甲-R08-CON-12345");
    }
}
