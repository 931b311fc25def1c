//! The languages of the command line. Its texts are written in both, side by side, where they are printed; names of states,
//! kinds, duties and reasons are those of the contract in both, so that a screen and the command line never differ.

use std::fmt::Display;

use clap::ValueEnum;
use jiff::{Timestamp, tz::Offset};
use renkei_domain::calendar::TOKYO;
use renkei_proto::FactKind;
use serde::Deserialize;

/// The language of the command line. JSON is English, with times in UTC, in each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English, with times in UTC.
    #[default]
    En,
    /// Japanese, with times in Japan.
    Ja,
}

impl Language {
    /// The tag of the language, as in HTML and HTTP.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ja => "ja",
        }
    }

    /// The language with this tag, with or without a region.
    pub(crate) fn tagged(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default().trim();
        [Self::En, Self::Ja].into_iter().find(|it| it.tag().eq_ignore_ascii_case(primary))
    }

    /// The text in this language.
    pub(crate) fn say(self, english: impl Into<String>, japanese: impl Into<String>) -> String {
        match self {
            Self::En => english.into(),
            Self::Ja => japanese.into(),
        }
    }

    /// A kind of fact: its id in English, its name in Japanese. A kind that only a later version knows has its id alone.
    pub(crate) fn fact(self, fact_type: &str) -> &str {
        match FactKind::named(fact_type) {
            Some(kind) if self == Self::Ja => kind.rule().ja,
            _ => fact_type,
        }
    }

    /// A time: `2026-12-01T00:00:00Z` in English, `2026-12-01T09:00:00+09:00` in Japanese.
    pub(crate) fn time(self, at: Timestamp) -> String {
        match self {
            Self::En => at.to_string(),
            Self::Ja => format!("{:.0}", at.display_with_offset(TOKYO)),
        }
    }

    /// A time to the second for tables that name its zone: `2026-12-01 00:00:00` in UTC or, in Japanese, in Japan.
    pub(crate) fn clock(self, at: Timestamp) -> String {
        let offset = if self == Self::Ja { TOKYO } else { Offset::UTC };
        offset.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// A time that is written in UTC; other text is shown as it is.
    pub(crate) fn retold(self, at: &str) -> String {
        at.parse().map_or_else(|_| at.to_owned(), |at| self.time(at))
    }

    /// A result with an error from below, whose words are for developers and English: what failed comes first, in the
    /// language of the operator.
    pub(crate) fn said(self, english: &str, japanese: &str, error: impl Display) -> String {
        self.say(format!("{english}: {error}"), format!("{japanese}：{error}"))
    }
}

/// A time in microseconds since 1970, as JSON has it.
pub(crate) fn time(us: i64) -> String {
    Timestamp::from_microsecond(us).map_or_else(|_| "-".to_owned(), |at| at.to_string())
}

/// The text with spaces up to this many columns of a terminal, where Japanese characters take two.
pub(crate) fn padded(text: &str, columns: usize) -> String {
    let taken: usize = text.chars().map(|it| if it < '\u{1100}' { 1 } else { 2 }).sum();
    format!("{text}{}", " ".repeat(columns.saturating_sub(taken)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_shows_the_time_in_japan_with_its_offset() {
        let at = "2026-11-30T15:00:00.25Z";
        assert_eq!(Language::Ja.retold(at), "2026-12-01T00:00:00+09:00");
        assert_eq!((Language::En.retold(at).as_str(), Language::Ja.retold("-").as_str()), (at, "-"));
    }

    #[test]
    fn a_fact_has_its_name_in_japanese_and_its_id_where_this_version_does_not_know_it() {
        assert_eq!(Language::Ja.fact("advice_requested"), "助言の依頼");
        assert_eq!(Language::En.fact("advice_requested"), "advice_requested");
        assert_eq!(Language::Ja.fact("later_fact"), "later_fact");
    }

    #[test]
    fn japanese_characters_take_two_columns() {
        assert_eq!((padded("接続 ab", 10), padded("link", 3)), ("接続 ab   ".to_owned(), "link".to_owned()));
    }
}
