//! Case numbers (案件番号), by which people name matters: `甲-R08-ADV-0012`.

use std::{fmt, str::FromStr};

use renkei_proto::{
    options::v1::Reason,
    r#type::v1::{Agency, CaseNumber as Stated},
};

use crate::{
    era,
    index::{Lookup, LookupKind},
    matter::Matter,
    memorandum::Party,
    refusal::Refusal,
};

/// The fiscal year before the first one of Reiwa, to which the number of a year is added.
const BEFORE_REIWA: u32 = 2018;
/// The most characters of a spelling, blanks included.
const MOST_CHARACTERS: usize = 64;
/// The highest ordinal that the contract admits.
const MOST_ORDINAL: u64 = 1_000_000_000;

/// A case number in its parts. It prints as both agencies write it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaseNumber {
    /// The agency that opened the matter.
    pub opener: Agency,
    /// The fiscal year, such as 2026; 2019 to 2117, the years that Reiwa names with at most two digits.
    pub fiscal_year: u32,
    /// The three letters of the kind of matter, such as `ADV`.
    pub letters: String,
    /// The number within that year, from 1.
    pub ordinal: u64,
}

impl CaseNumber {
    /// The case number that a person spells.
    ///
    /// The parts are `甲` or `乙`, the fiscal year, three letters, and the number, with any hyphens and blanks between them
    /// or none. The year is `R08`, `R8`, `令和8年`, `令和8年度`, `令和8` or `令和元年`. Zeros before a number, full-width characters
    /// and small letters do not matter.
    ///
    /// # Errors
    /// `FIELD_INVALID` of this field.
    pub fn parse(text: &str, field: &'static str) -> Result<Self, Refusal> {
        let wrong = || {
            Refusal::field(
                Reason::FieldInvalid,
                field,
                (
                    "must be a case number such as 甲-R08-ADV-0012",
                    "「甲-R08-ADV-0012」のように案件番号を指定してください。",
                ),
            )
        };
        if text.chars().count() > MOST_CHARACTERS {
            return Err(wrong());
        }
        let plain: String = text.chars().map(plain).collect();
        read(plain.trim_matches(' ')).ok_or_else(wrong)
    }

    /// The case number of a matter that was opened in this fiscal year under this number; `None` for a matter of a kind
    /// that has no case numbers.
    pub(crate) fn of(matter: &Matter, fiscal_year: u32, ordinal: u64) -> Option<Self> {
        let letters = matter.collection.case_letters();
        let number = Self { opener: matter.opener, fiscal_year, letters: letters.to_owned(), ordinal };
        (!letters.is_empty()).then_some(number)
    }

    /// The name under which its matter is looked up.
    pub fn lookup(&self) -> Lookup {
        Lookup { kind: LookupKind::given_by(self.opener, "case"), value: self.to_string() }
    }
}

impl FromStr for CaseNumber {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        Self::parse(text, "case_number")
    }
}

impl fmt::Display for CaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let year = i16::try_from(self.fiscal_year).unwrap_or_default();
        f.write_str(&era::case_number(Party::of(self.opener), year, &self.letters, self.ordinal))
    }
}

impl From<&CaseNumber> for Stated {
    fn from(it: &CaseNumber) -> Self {
        let CaseNumber { opener, fiscal_year, letters, ordinal } = it.clone();
        Self { agency: opener.into(), fiscal_year, letters, ordinal }
    }
}

impl From<&Stated> for CaseNumber {
    fn from(it: &Stated) -> Self {
        let letters = it.letters.clone();
        Self { opener: it.agency(), fiscal_year: it.fiscal_year, letters, ordinal: it.ordinal }
    }
}

/// The half-width character for a full-width one, `-` for everything that looks like a hyphen, a blank for every blank.
fn plain(c: char) -> char {
    let half = match c {
        '\u{ff01}'..='\u{ff5e}' => u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(c),
        '\u{3000}' | '\t' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{ff70}' => '-',
        other => other,
    };
    half.to_ascii_uppercase()
}

fn read(text: &str) -> Option<CaseNumber> {
    let (opener, rest) = [("甲", Agency::Ppc), ("乙", Agency::Ipa)]
        .into_iter()
        .find_map(|(sign, agency)| Some((agency, text.strip_prefix(sign)?)))?;
    let (year, rest) = year(apart(rest))?;
    let rest = apart(rest);
    let (letters, rest) = rest.split_at_checked(3).filter(|(it, _)| it.bytes().all(|it| it.is_ascii_uppercase()))?;
    let (ordinal, rest) = number(apart(rest), 10)?;
    let is_right = rest.is_empty() && (1..=MOST_ORDINAL).contains(&ordinal);
    is_right.then(|| CaseNumber { opener, fiscal_year: BEFORE_REIWA + year, letters: letters.to_owned(), ordinal })
}

/// The text behind the hyphens and blanks with which it begins.
fn apart(text: &str) -> &str {
    text.trim_start_matches(['-', ' '])
}

/// The year of Reiwa with which the text begins, 1 to 99, and the text behind it.
fn year(text: &str) -> Option<(u32, &str)> {
    let (year, rest) = if let Some(rest) = text.strip_prefix('R') {
        number(rest, 2)?
    } else {
        let rest = text.strip_prefix("令和")?;
        let (year, rest) = match rest.strip_prefix('元') {
            Some(rest) => (1, rest),
            None => number(rest, 2)?,
        };
        let rest = rest.strip_prefix('年').map_or(rest, |rest| rest.strip_prefix('度').unwrap_or(rest));
        (year, rest)
    };
    let year = u32::try_from(year).ok().filter(|year| (1..=99).contains(year))?;
    Some((year, rest))
}

/// The number of at most so many digits with which the text begins, and the text behind it.
fn number(text: &str, most: usize) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits).filter(|_| (1..=most).contains(&digits))?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Option<String> {
        CaseNumber::parse(text, "case_number").ok().map(|it| it.to_string())
    }

    #[test]
    fn every_usual_spelling_is_the_same_number() {
        for spelling in [
            "甲-R08-ADV-0012",
            "甲－Ｒ０８－ＡＤＶ－００１２",
            "甲 令和8年 ADV 12",
            "甲　令和８年　ＡＤＶ　１２",
            "甲令和8年度ADV12",
            "甲-令和08-ADV-12",
            "甲R8ADV12",
            "甲ーR08ーADVー0012",
            "甲‐r08−adv–12",
            " 甲 - R08 - ADV - 0012　",
        ] {
            assert_eq!(parsed(spelling).as_deref(), Some("甲-R08-ADV-0012"), "{spelling}");
        }
        assert_eq!(parsed("乙 令和元年 REF 1").as_deref(), Some("乙-R01-REF-0001"));
    }

    #[test]
    fn everything_else_is_refused_with_its_field() {
        for wrong in [
            "",
            "甲",
            "丙-R08-ADV-0012",
            "甲-H31-ADV-0012",
            "甲-R00-ADV-0012",
            "甲-R100-ADV-0012",
            "甲-令和元8年-ADV-0012",
            "甲-令和年-ADV-0012",
            "甲-R08-AD-0012",
            "甲-R08-ADVX-0012",
            "甲-R08-相談-0012",
            "甲-R08-ADV-0000",
            "甲-R08-ADV-",
            "甲-R08-ADV-12-3",
            "甲-R08-ADV-1000000001",
            "甲-R08-ADV-00000000012",
            "甲-R08-ADV-十二",
            "甲/R08/ADV/0012",
            "agencies/ppc/adviceRequests/0190a5f0-0000-7000-8000-0123456789ab",
        ] {
            let refusal = CaseNumber::parse(wrong, "case_number").unwrap_err();
            assert_eq!((refusal.reason, refusal.field), (Reason::FieldInvalid, "case_number"), "{wrong}");
        }
        assert_eq!(parsed(&format!("甲{}R08-ADV-0012", " ".repeat(64))), None, "longer than any spelling");
    }

    /// The character that offices type for a half-width one.
    fn wide(c: char) -> char {
        match c {
            ' ' => '\u{3000}',
            '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).unwrap(),
            other => other,
        }
    }

    proptest! {
        #[test]
        fn a_number_is_read_from_what_is_printed_in_any_width_and_spelling(
            is_ppc: bool, year in 2019_u32..=2117, letters in "[A-Z]{3}", ordinal in 1_u64..=1_000_000_000,
            blank in "[- ー－　]{0,3}", is_wide: bool, is_lower: bool,
        ) {
            let opener = if is_ppc { Agency::Ppc } else { Agency::Ipa };
            let it = CaseNumber { opener, fiscal_year: year, letters, ordinal };
            let sign = if is_ppc { "甲" } else { "乙" };
            let reiwa = year - BEFORE_REIWA;
            let letters = if is_lower { it.letters.to_lowercase() } else { it.letters.clone() };
            for spelling in [
                it.to_string(),
                format!("{sign}{blank}R{reiwa}{blank}{letters}{blank}{ordinal}"),
                format!("{sign}{blank}令和{reiwa}年{blank}{letters}{blank}{ordinal:010}"),
                format!("{sign}{blank}令和{reiwa}年度{blank}{letters}{blank}{ordinal}"),
            ] {
                let spelling: String = spelling.chars().map(|c| if is_wide { wide(c) } else { c }).collect();
                prop_assert_eq!(CaseNumber::parse(&spelling, "case_number"), Ok(it.clone()), "{}", spelling);
            }
            prop_assert_eq!(CaseNumber::from(&Stated::from(&it)), it);
        }

        #[test]
        fn no_text_is_read_as_two_numbers_and_none_breaks_the_reader(text in "[甲乙令和元年度R0-9A-Za-z　 －ー-]{0,24}") {
            if let Ok(it) = CaseNumber::parse(&text, "case_number") {
                prop_assert_eq!(CaseNumber::parse(&it.to_string(), "case_number"), Ok(it));
            }
        }
    }
}
