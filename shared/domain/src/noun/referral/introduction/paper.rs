//! The contents of the paper, and the forms that its parts have in common.

use jiff::civil::Date;
use renkei_proto::{
    referral::v1::{FilingDuty, Scheme},
    r#type::v1::{Agency, Language, ReporterKind, StatutoryDates, Text},
};

use crate::memorandum::Memorandum;

/// The contents of the paper.
pub struct Paper<'a> {
    /// The agency that hands it over.
    pub issuer: Agency,
    /// The counter whom the reporter may ask; empty where the configuration names none.
    pub contact: &'a Contact,
    /// The versions of the memorandum, in which the agencies have their names.
    pub memorandum: &'a Memorandum,
    /// The day in Japan on which the paper is written.
    pub on: Date,
    /// The case number of the referral.
    pub case_number: &'a str,
    /// The schemes that are introduced, with their contents.
    pub schemes: &'a [Scheme],
    /// The kind of reporter, on which the place of a report depends.
    pub reporter: ReporterKind,
    /// The day of knowing on which the dates rest, `YYYY-MM-DD`; empty when it is not stated.
    pub knew_on: &'a str,
    /// The reporter's dates; `None` when the day of knowing is not stated.
    pub dates: Option<&'a StatutoryDates>,
    /// The referral code; empty if there is none.
    pub code: &'a str,
}

/// The counter of the agency, as a paper names it. Empty parts are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contact {
    /// The unit in charge (担当).
    pub unit: Text,
    /// Its telephone number.
    pub telephone: String,
    /// Its e-mail address.
    pub mail: String,
}

/// The words of one language.
pub(super) fn say<'a>(language: Language, ja: &'a str, en: &'a str) -> &'a str {
    if language == Language::Ja { ja } else { en }
}

pub(super) fn length(text: &str) -> usize {
    text.chars().count()
}

/// True if the reporter's leak reports go to a ministry in place of PPC.
pub(super) fn is_filed_with_ministry(paper: &Paper<'_>) -> bool {
    paper.reporter == ReporterKind::DelegatedSector
}

pub(super) fn duty(scheme: &Scheme) -> FilingDuty {
    scheme.terms.as_ref().map_or(FilingDuty::Unspecified, |terms| terms.duty())
}

pub(super) fn paragraph(title: &str, lines: impl IntoIterator<Item = String>, language: Language) -> String {
    let mut out = format!("\n{title}\n");
    for line in lines {
        out.push_str(say(language, "　", "   "));
        out.push_str(&line);
        out.push('\n');
    }
    out
}

pub(super) fn words(text: &Text, language: Language) -> &str {
    if text.en.is_empty() { &text.ja } else { say(language, &text.ja, &text.en) }
}
