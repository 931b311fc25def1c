//! A list of holidays that an agency names beside the built-in one, before a program with a newer list is there.
//!
//! One day in a line, `2028-01-01`, a tab and the name, in ascending order. A line that begins with `-` strikes a day that
//! the act names, because a special act has moved it: `-2028-10-09`, a tab and the reason. Empty lines and lines that begin
//! with `#` do not count. Each year of the list takes the place of the same year of the built-in list, and it has to be
//! complete: a list of half a year would turn holidays into open days without a word.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};

/// The name of a day that the act makes a holiday.
pub(super) type Named = fn(Date) -> Option<Cow<'static, str>>;

/// The most bytes of a list.
const BYTES: usize = 65_536;
/// The most characters of a name.
const NAME: usize = 60;
/// The last year for which the equinox days can be computed, and a list be checked.
const LAST_YEAR: i16 = 2099;

/// A defect of a list of holidays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {en} / {line}行目：{ja}")]
pub struct ListFault {
    /// The number of the line, from 1. For a day that is missing, the line before which it belongs, or the last one.
    pub line: usize,
    /// The fault and the remedy.
    pub en: String,
    /// The same in Japanese.
    pub ja: String,
}

/// A line of the list.
struct Line<'a> {
    number: usize,
    is_struck: bool,
    name: &'a str,
}

/// The holidays of whole years.
pub(super) struct List {
    /// The years, each of them complete.
    pub(super) years: RangeInclusive<i16>,
    /// The days with their names.
    pub(super) days: BTreeMap<Date, Cow<'static, str>>,
}

impl List {
    /// Reads a list that begins with one of these years. `named` gives the holidays of the act.
    ///
    /// # Errors
    /// The first defect of the list, with its line.
    pub(super) fn read(text: &str, begins: &RangeInclusive<i16>, named: Named) -> Result<Self, ListFault> {
        let lines = lines(text, named)?;
        let (Some((first, top)), Some((last, end))) = (lines.first_key_value(), lines.last_key_value()) else {
            return Err(fault(1, "the list contains no day", "祝日が一日も記載されていません。"));
        };
        let years = first.year()..=last.year();
        if !begins.contains(years.start()) {
            let (earliest, latest) = (begins.start(), begins.end());
            return Err(fault(
                top.number,
                &format!("the first year must be one of {earliest} to {latest}, so that no year is left out"),
                &format!("最初の年は、{earliest}年から{latest}年までのいずれかとしてください（年が抜けるため）。"),
            ));
        }
        if *years.end() > LAST_YEAR {
            let (en, ja) = (format!("the last year is {LAST_YEAR}"), format!("{LAST_YEAR}年までに限ります。"));
            return Err(fault(end.number, &en, &ja));
        }
        is_complete(&lines, &years, end.number, named)?;
        let listed = lines.into_iter().filter(|(_, line)| !line.is_struck);
        let days = listed.map(|(day, line)| (day, Cow::Owned(line.name.to_owned()))).collect();
        Ok(Self { years, days })
    }
}

/// The lines that count, by their day.
fn lines(text: &str, named: Named) -> Result<BTreeMap<Date, Line<'_>>, ListFault> {
    if text.len() > BYTES {
        let (en, ja) = (format!("the list has more than {BYTES} bytes"), format!("{BYTES}バイトを超えています。"));
        return Err(fault(1, &en, &ja));
    }
    let mut found: BTreeMap<Date, Line<'_>> = BTreeMap::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (day, name) = line.split_once('\t').ok_or_else(|| {
            fault(
                number,
                "must be a day as YYYY-MM-DD, a tab, and the name",
                "日付（YYYY-MM-DD）、タブ、名称の順に記載してください。",
            )
        })?;
        let is_struck = day.starts_with('-');
        let written = day.strip_prefix('-').unwrap_or(day);
        let parsed = (written.len() == 10).then(|| written.parse().ok()).flatten();
        let day: Date = parsed.ok_or_else(|| {
            let en = format!("{written} is not a day as YYYY-MM-DD");
            fault(number, &en, &format!("「{written}」は、YYYY-MM-DD形式の暦日ではありません。"))
        })?;
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
            let (en, ja) =
                (format!("the name must have 1 to {NAME} characters"), format!("名称は1～{NAME}字としてください。"));
            return Err(fault(number, &en, &ja));
        }
        if found.last_key_value().is_some_and(|(before, _)| *before >= day) {
            let en = format!("{day} must come after the day before it: the days ascend, each once");
            return Err(fault(
                number,
                &en,
                &format!("{day}の順序が正しくありません。日付の順に一日一行としてください。"),
            ));
        }
        if is_struck && named(day).is_none() {
            let en = format!("{day} is struck, and the act names no holiday on it");
            return Err(fault(number, &en, &format!("{day}は、法律上の休日ではないため、取り消すことができません。")));
        }
        found.insert(day, Line { number, is_struck, name });
    }
    Ok(found)
}

/// Checks that each year contains or strikes every day that the act names.
fn is_complete(
    lines: &BTreeMap<Date, Line<'_>>,
    years: &RangeInclusive<i16>,
    last: usize,
    named: Named,
) -> Result<(), ListFault> {
    let stated: BTreeSet<Date> = lines.keys().copied().collect();
    let within = date(*years.start(), 1, 1).series(1.day()).take_while(|day| day.year() <= *years.end());
    let missing = within.filter(|day| !stated.contains(day)).find_map(|day| Some((day, named(day)?)));
    let Some((day, name)) = missing else { return Ok(()) };
    let line = lines.range(day..).next().map_or(last, |(_, line)| line.number);
    Err(fault(
        line,
        &format!("{day} ({name}) is missing: add it, or strike it with a line that begins with -{day}"),
        &format!("{day}（{name}）がありません。追加するか、「-{day}」で始まる行により取り消してください。"),
    ))
}

fn fault(line: usize, en: &str, ja: &str) -> ListFault {
    ListFault { line, en: en.to_owned(), ja: ja.to_owned() }
}
