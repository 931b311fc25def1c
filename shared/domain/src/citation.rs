//! The laws that the memorandum cites, as a reader finds them on a day. A law may be renumbered while the memorandum goes on
//! citing the number of its own day; the text of the memorandum is never changed for that.

use jiff::civil::{Date, date};

/// A provision that an article of the memorandum cites, from a day on until a later row of the same law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Citation {
    /// The article of the memorandum, such as `7(1)`.
    pub article: &'static str,
    /// The number of the law, such as `昭和45年法律第90号`.
    pub law: &'static str,
    /// The first day in Japan on which the provision is to be found there.
    pub applies_from: Date,
    /// The provision in Japanese, with its present number where the memorandum has another.
    pub ja: &'static str,
    /// The same in English, a reference translation.
    pub en: &'static str,
}

/// Every citation, those of a law by their first day. Act 30 of 2025 (in force from 2025-08-04) moved the chapter on the
/// officials of IPA from Art. 46–50 to Art. 42–46; the new number follows from that, and the legal office confirms it.
static CITATIONS: &[Citation] = &[
    Citation {
        article: "7(1)",
        law: "平成15年法律第57号",
        applies_from: date(2023, 4, 1),
        ja: "個人情報の保護に関する法律（平成15年法律第57号）第143条",
        en: "Act on the Protection of Personal Information (Act 57 of 2003), Art. 143",
    },
    Citation {
        article: "7(1)",
        law: "昭和45年法律第90号",
        applies_from: date(2023, 4, 1),
        ja: "情報処理の促進に関する法律（昭和45年法律第90号）第49条",
        en: "Act on Facilitation of Information Processing (Act 90 of 1970), Art. 49",
    },
    Citation {
        article: "7(1)",
        law: "昭和45年法律第90号",
        applies_from: date(2025, 8, 4),
        ja: "情報処理の促進に関する法律（昭和45年法律第90号）第49条（現行第45条）",
        en: "Act on Facilitation of Information Processing (Act 90 of 1970), Art. 49 (now Art. 45)",
    },
];

/// The provisions that an article cites, as they are to be found on a day. Before the first day of a law's first row it is
/// that row.
pub fn citations(article: &str, day: Date) -> impl Iterator<Item = &'static Citation> {
    let of = move |row: &Citation, other: &Citation| row.article == other.article && row.law == other.law;
    CITATIONS.iter().enumerate().filter_map(move |(nth, row)| {
        let is_first = !CITATIONS[..nth].iter().any(|other| of(row, other));
        let has_begun = is_first || row.applies_from <= day;
        let is_replaced = CITATIONS[nth + 1..].iter().any(|later| of(row, later) && later.applies_from <= day);
        (row.article == article && has_begun && !is_replaced).then_some(row)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrecy_of_ipa_is_cited_with_its_present_number_from_the_day_of_renumbering() {
        let found = |day| citations("7(1)", day).map(|it| it.ja).collect::<Vec<_>>();
        let ppc = "個人情報の保護に関する法律（平成15年法律第57号）第143条";
        let before = "情報処理の促進に関する法律（昭和45年法律第90号）第49条";
        let now = "情報処理の促進に関する法律（昭和45年法律第90号）第49条（現行第45条）";
        for (day, ipa) in [(Date::MIN, before), (date(2025, 8, 3), before), (date(2025, 8, 4), now), (Date::MAX, now)] {
            assert_eq!(found(day), [ppc, ipa], "{day}");
        }
        assert_eq!(citations("8", date(2026, 12, 1)).count(), 0);
    }

    #[test]
    fn the_rows_of_a_law_are_in_the_order_of_their_days_and_of_articles_that_exist() {
        for (nth, row) in CITATIONS.iter().enumerate() {
            let earlier = CITATIONS[..nth].iter().filter(|it| it.law == row.law && it.article == row.article);
            assert!(earlier.map(|it| it.applies_from).all(|day| day < row.applies_from), "{}", row.ja);
            let known = crate::memorandum::Memorandum::built_in();
            assert!(known.versions().iter().all(|it| it.agreement.article(row.article).is_some()), "{}", row.ja);
        }
    }
}
