//! The memorandum as data: its parties, its articles and its first term.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use jiff::civil::Date;
use renkei_proto::r#type::v1::Agency;
use serde::{Deserialize, Deserializer, de};

const AGREEMENT: &str = include_str!("agreement.toml");

/// SHA-256 over the agreement as data. Services whose digests differ never exchange an entry.
#[must_use]
pub fn agreement_digest() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, AGREEMENT.as_bytes()).as_ref());
    bytes
}

/// The value used in place of the agreement's digest in an agency's private journal. It differs, so that a private
/// entry that leaks is never valid in the shared journal.
pub fn private_digest() -> [u8; 32] {
    let mut bytes = b"renkei private journal v1\0".to_vec();
    bytes.extend(agreement_digest());
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, &bytes).as_ref());
    out
}

/// The agreement as data.
///
/// # Errors
///
/// A built-in text of another shape; a test ensures that this never happens.
pub fn agreement() -> Result<&'static Agreement, &'static toml::de::Error> {
    static PARSED: LazyLock<Result<Agreement, toml::de::Error>> = LazyLock::new(|| toml::from_str(AGREEMENT));
    PARSED.as_ref()
}

/// A party of the agreement (当事者).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// 甲, the Personal Information Protection Commission.
    Ppc,
    /// 乙, the IT Security Center of IPA; not the whole of IPA.
    Ipa,
}

impl Party {
    /// The party that an agency is.
    #[must_use]
    pub fn of(agency: Agency) -> Self {
        if agency == Agency::Ppc { Self::Ppc } else { Self::Ipa }
    }

    /// The sign by which the agreement calls the party.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Ppc => "甲",
            Self::Ipa => "乙",
        }
    }
}

/// The agreement: who, which articles, the first term.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Japanese name.
    pub name_ja: String,
    /// English reference translation of the name.
    pub name_en: String,
    /// Art. 8, first sentence.
    pub first_term: FirstTerm,
    /// Art. 8, second sentence.
    pub notice: NoticeRule,
    /// 甲, then 乙.
    pub parties: Vec<PartyNames>,
    /// In the order of the text.
    pub articles: Vec<Article>,
}

impl Agreement {
    /// The article by its number, as RPCs and facts name it: `4(1)`, `5(2)(1)`, `9`.
    #[must_use]
    pub fn article(&self, number: &str) -> Option<&Article> {
        self.articles.iter().find(|one| one.number == number)
    }
}

/// The first term as the article states it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstTerm {
    /// First day in Japan.
    #[serde(deserialize_with = "civil_day")]
    pub from: Date,
    /// Last day in Japan.
    #[serde(deserialize_with = "civil_day")]
    pub to: Date,
    /// By how much each extension prolongs the agreement.
    pub extended_by: String,
}

/// The time before expiry by which a notice must come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeRule {
    /// The time before the last day of the term.
    pub rule: String,
}

/// A party and its names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyNames {
    /// The party, PPC or IPA.
    pub party: Party,
    /// 甲 or 乙.
    pub sign: String,
    /// Japanese name.
    pub name_ja: String,
    /// English name.
    pub name_en: String,
}

/// An article, paragraph or item of the agreement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Article {
    /// `4(1)` is article 4 paragraph 1, `5(2)(1)` item 1 of article 5 paragraph 2.
    pub number: String,
    /// Japanese title.
    pub title_ja: String,
    /// English title.
    pub title_en: String,
    /// One line in Renkei's own words.
    pub summary: String,
}

fn civil_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::term;

    #[test]
    fn the_agreement_as_data_agrees_with_the_rules() {
        let agreement = agreement().unwrap();
        assert_eq!(agreement.first_term.from, term::term(1).unwrap().from);
        assert_eq!(agreement.first_term.to, term::term(1).unwrap().to);
        assert_eq!(agreement.first_term.extended_by, "1 year");
        assert_eq!(agreement.notice.rule, "3 months");
        let parties: Vec<_> = agreement.parties.iter().map(|one| one.party).collect();
        assert_eq!(parties, [Party::Ppc, Party::Ipa]);
        assert!(agreement.parties.iter().all(|one| one.sign == one.party.sign()));
        let numbers: Vec<_> = agreement.articles.iter().map(|one| one.number.as_str()).collect();
        assert_eq!(numbers.join(" "), "1 2 3 4(1) 4(2) 5(1) 5(2) 5(2)(1) 5(2)(2) 5(3) 5(4) 6 7(1) 7(2) 8 9");
        assert_eq!(agreement.article("8").unwrap().title_ja, "有効期間");
        assert!(agreement.articles.iter().all(|one| !one.summary.contains('\n')));
    }

    #[test]
    fn the_digest_covers_every_byte_of_the_agreement() {
        let digest = hex::encode(agreement_digest());
        assert_eq!(digest, "370e771440983b342c34f43744d8bedd65e8c73e8a4596f9b8203581f9415cf7");
    }
}
