//! The paper that is handed to a reporter (紹介のお知らせ): which schemes of the other agency fit, the reporter's dates,
//! and the code. Holds nothing that identifies the reporter.

use renkei_proto::{
    referral::v1::Scheme,
    r#type::v1::{Agency, ReporterKind, StatutoryDates, Text},
};

/// What the paper is made of.
pub struct Paper<'a> {
    /// The agency that hands it over.
    pub issuer: Agency,
    /// The schemes that are introduced, with their contents.
    pub schemes: &'a [Scheme],
    /// Who filed the report, as far as a scheme must know.
    pub reporter: ReporterKind,
    /// The reporter's dates; `None` when the day of knowing is not stated.
    pub dates: Option<&'a StatutoryDates>,
    /// The referral code; empty when there is none.
    pub code: &'a str,
}

/// The text to hand over. Japanese is authoritative; English is a reference translation.
pub fn introduction(paper: &Paper<'_>) -> Text {
    let titles = |pick: fn(&Text) -> &str| {
        let titles = paper.schemes.iter().filter_map(|it| it.content.as_ref()?.title.as_ref()).map(pick);
        titles.collect::<Vec<_>>().join("\n")
    };
    Text { ja: titles(|it| &it.ja), en: titles(|it| &it.en) }
}
