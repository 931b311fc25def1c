//! The memorandum as data: its parties, its articles, its first term, and the versions of its text.
//!
//! The text may be amended, or a name in it corrected. Each version is a text of its own with the first day on which it
//! applies, so both agencies can have the next one in advance. An entry names the version under which it was written by the
//! SHA-256 of the text.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest;
use jiff::ToSpan as _;
use jiff::civil::Date;
use renkei_proto::r#type::v1::Agency;
use serde::{Deserialize, Deserializer, de};

/// The first version. Its bytes never change, because its digest is in every entry that was written under it.
const FIRST: &str = include_str!("agreement.toml");
/// The later versions of this program, oldest first. Each begins with `applies_from = "YYYY-MM-DD"`.
const LATER: [&str; 0] = [];

/// The most bytes of a text.
const BYTES: usize = 262_144;
/// The number of days before the first day of a version from which an agency that lacks it is named.
const AHEAD: i64 = 30;

/// The versions of the memorandum that a service has, oldest first. Clones share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memorandum(Arc<[Version]>);

/// A version of the memorandum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The first day in Japan on which it applies; `None` for the first version, which applies from the beginning.
    pub first_day: Option<Date>,
    /// SHA-256 over the text, byte for byte.
    pub digest: [u8; 32],
    /// The text as data.
    pub agreement: Agreement,
}

/// A version as a peer names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedVersion {
    /// The first day in Japan on which it applies; `None` for the first version.
    pub first_day: Option<Date>,
    /// SHA-256 over the text.
    pub digest: [u8; 32],
}

/// A defect of a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{en} / {ja}")]
pub struct TextFault {
    /// The fault and the remedy.
    pub en: String,
    /// The same in Japanese.
    pub ja: String,
}

/// A version of the memorandum that one agency lacks shortly before it applies, or since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lacking {
    /// The agency without it.
    pub by: Agency,
    /// The first day on which it applies.
    pub first_day: Date,
    /// SHA-256 over its text.
    pub digest: [u8; 32],
}

impl Memorandum {
    /// The versions of this program.
    #[must_use]
    pub fn built_in() -> Self {
        static BUILT_IN: LazyLock<Memorandum> = LazyLock::new(|| {
            // A test reads every text of the program, so that none is left out here.
            let first = toml::from_str(FIRST).ok();
            let first = first.map(|agreement| Version { first_day: None, digest: sha256(FIRST.as_bytes()), agreement });
            let first = Memorandum(first.into_iter().collect());
            LATER.iter().fold(first, |all, text| all.with_text(text).unwrap_or(all))
        });
        BUILT_IN.clone()
    }

    /// These versions with a later one. A text that is among them already changes nothing.
    ///
    /// # Errors
    /// A text of another shape, without a first day after that of the last version, or with rules that this program does
    /// not have: another term, another time for notices, other parties, or without one of the articles.
    pub fn with_text(&self, text: &str) -> Result<Self, TextFault> {
        if text.len() > BYTES {
            let (en, ja) = (format!("the text has more than {BYTES} bytes"), format!("{BYTES}バイトを超えています。"));
            return Err(TextFault { en, ja });
        }
        let digest = sha256(text.as_bytes());
        if self.version(&digest).is_some() {
            return Ok(self.clone());
        }
        let agreement: Agreement = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text.as_bytes()[..span.start].split(|it| *it == b'\n').count());
            let why = error.message();
            TextFault {
                en: format!("line {line}: {why}"), ja: format!("{line}行目：記載を解釈できません（{why}）。")
            }
        })?;
        let earliest = self.0.last().map(|last| last.first_day.unwrap_or(last.agreement.first_term.from));
        let Some(first_day) = agreement.applies_from.filter(|day| earliest.is_none_or(|earliest| *day > earliest))
        else {
            let after = earliest.map(|day| day.to_string()).unwrap_or_default();
            return Err(TextFault {
                en: format!("`applies_from` must be a day after {after}, the first day of the version before"),
                ja: format!("`applies_from`には、直前の版の適用日（{after}）より後の日を指定してください。"),
            });
        };
        if let Some(what) = self.0.first().and_then(|first| first.agreement.differs_in_rules(&agreement)) {
            return Err(TextFault {
                en: format!("`{what}` states another rule than this program has: it needs a new program"),
                ja: format!("`{what}`が、このプログラムの規則と異なります。プログラムの更新が必要です。"),
            });
        }
        let version = Version { first_day: Some(first_day), digest, agreement };
        Ok(Self(self.0.iter().cloned().chain([version]).collect()))
    }

    /// The versions, oldest first.
    #[must_use]
    pub fn versions(&self) -> &[Version] {
        &self.0
    }

    /// The version with this digest.
    #[must_use]
    pub fn version(&self, digest: &[u8]) -> Option<&Version> {
        self.0.iter().find(|version| version.digest == digest)
    }

    /// The version that applies on a day in Japan.
    #[must_use]
    pub fn on(&self, day: Date) -> Option<&Version> {
        self.0.iter().rfind(|version| version.first_day.is_none_or(|first_day| first_day <= day))
    }

    /// The digest of the version that applies on a day in Japan.
    #[must_use]
    pub fn digest_on(&self, day: Date) -> [u8; 32] {
        self.on(day).map(|version| version.digest).unwrap_or_default()
    }

    /// The versions that apply within thirty days, or already, and that one of the two agencies lacks. `peer` are the
    /// versions that the other agency has named, with their first days.
    #[must_use]
    pub fn lacking(&self, own: Agency, peer: &[NamedVersion], today: Date) -> Vec<Lacking> {
        let near = |first_day: Date| today >= first_day.saturating_sub(AHEAD.days());
        let here = self.0.iter().filter_map(|it| Some((it.first_day?, it.digest)));
        let there = peer.iter().filter_map(|it| Some((it.first_day?, it.digest)));
        let by_peer = here.filter(|(_, digest)| peer.iter().all(|other| other.digest != *digest));
        let by_own = there.filter(|(_, digest)| self.version(digest).is_none());
        let by_peer = by_peer.map(|(first_day, digest)| Lacking { by: own.peer(), first_day, digest });
        let by_own = by_own.map(|(first_day, digest)| Lacking { by: own, first_day, digest });
        by_peer.chain(by_own).filter(|it| near(it.first_day)).collect()
    }
}

/// SHA-256 over the first version of the agreement.
#[must_use]
pub fn agreement_digest() -> [u8; 32] {
    sha256(FIRST.as_bytes())
}

/// The value used in place of an agreement's digest in an agency's private journal. It differs, so that a private
/// entry that leaks is never valid in the shared journal.
#[must_use]
pub fn private_digest(agreement: &[u8; 32]) -> [u8; 32] {
    let mut bytes = b"renkei private journal v1\0".to_vec();
    bytes.extend(agreement);
    sha256(&bytes)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
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
    /// The first day in Japan on which this version of the text applies; absent in the first version.
    #[serde(default, deserialize_with = "optional_day")]
    pub applies_from: Option<Date>,
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

    /// The part of another text in which it states a rule otherwise than this one. Names, titles, summaries and further
    /// articles are no rules of the program.
    fn differs_in_rules(&self, other: &Self) -> Option<&'static str> {
        let signs = |it: &Self| it.parties.iter().map(|one| (one.party, one.sign.clone())).collect::<Vec<_>>();
        let differs = [
            ("first_term", self.first_term != other.first_term),
            ("notice", self.notice != other.notice),
            ("parties", signs(self) != signs(other)),
            ("articles", self.articles.iter().any(|one| other.article(&one.number).is_none())),
        ];
        differs.into_iter().find_map(|(what, differs)| differs.then_some(what))
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

fn optional_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    civil_day(deserializer).map(Some)
}

fn civil_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::term;

    const AGENCIES: [Agency; 2] = [Agency::Ppc, Agency::Ipa];

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// The first text from a day on, with a corrected English name.
    fn corrected(applies_from: &str) -> String {
        let renamed = FIRST.replace("IT Security Center", "Security Center");
        assert_ne!(renamed, FIRST);
        format!("applies_from = \"{applies_from}\"\n{renamed}")
    }

    fn with(text: &str) -> Result<Memorandum, TextFault> {
        Memorandum::built_in().with_text(text)
    }

    #[test]
    fn every_text_of_the_program_is_read() {
        assert_eq!(Memorandum::built_in().versions().len(), 1 + LATER.len());
    }

    #[test]
    fn the_agreement_as_data_agrees_with_the_rules() {
        for Version { agreement, .. } in Memorandum::built_in().versions() {
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
    }

    #[test]
    fn the_digest_covers_every_byte_of_the_first_version_which_never_changes() {
        let digest = hex::encode(agreement_digest());
        assert_eq!(digest, "370e771440983b342c34f43744d8bedd65e8c73e8a4596f9b8203581f9415cf7");
        assert_eq!(Memorandum::built_in().digest_on(Date::MIN), agreement_digest());
    }

    #[test]
    fn a_version_applies_from_its_first_day_until_the_next_one() {
        let two = with(&corrected("2027-04-01")).unwrap();
        let three = two.with_text(&corrected("2028-04-01")).unwrap();
        let [first, second, third] = three.versions() else { unreachable!() };
        for (on, version) in [
            ("2023-03-24", first),
            ("2027-03-31", first),
            ("2027-04-01", second),
            ("2028-03-31", second),
            ("2028-04-01", third),
            ("2099-01-01", third),
        ] {
            assert_eq!(three.on(day(on)), Some(version), "{on}");
            assert_eq!(three.version(&version.digest), Some(version));
        }
        assert_eq!(second.agreement.parties[1].name_en, "Security Center, Information-technology Promotion Agency");
        assert_eq!(three.with_text(&corrected("2027-04-01")).unwrap(), three, "it is there already");
        assert_eq!(three.with_text(FIRST).unwrap(), three);
    }

    #[test]
    fn a_text_with_rules_that_the_program_does_not_have_is_refused_in_both_languages() {
        let next = corrected("2027-04-01");
        let of = |from: &str, to: &str| {
            assert!(next.contains(from), "{from}");
            with(&next.replacen(from, to, 1)).unwrap_err()
        };
        for (from, to, en, ja) in [
            ("2027-04-01", "2023-04-01", "a day after 2023-04-01", "2023-04-01"),
            ("applies_from = \"2027-04-01\"\n", "# none\n", "`applies_from`", "`applies_from`"),
            ("\"2027-04-01\"", "\"2027-02-30\"", "line 1: ", "1行目："),
            ("3 months", "6 months", "`notice`", "プログラムの更新"),
            ("from = \"2023-04-01\"", "from = \"2024-04-01\"", "`first_term`", "プログラムの更新"),
            ("sign = \"乙\"", "sign = \"丙\"", "`parties`", "プログラムの更新"),
            ("number = \"7(2)\"", "number = \"7(3)\"", "`articles`", "プログラムの更新"),
            ("name_ja", "name_zh", "line ", "行目："),
        ] {
            let fault = of(from, to);
            assert!(fault.en.contains(en) && fault.ja.contains(ja) && fault.ja.ends_with('。'), "{from}: {fault}");
        }
        assert!(with(&"#".repeat(BYTES + 1)).unwrap_err().en.contains("262144 bytes"));
        let two = with(&next).unwrap();
        assert!(two.with_text(&corrected("2027-03-31")).unwrap_err().en.contains("a day after 2027-04-01"));
        let more = "[[articles]]\nnumber = \"10\"\ntitle_ja = \"\"\ntitle_en = \"\"\nsummary = \"\"\n";
        assert!(with(&(next + "\n" + more)).is_ok(), "a further article is no rule of the program");
    }

    #[test]
    fn a_version_that_one_agency_lacks_is_named_from_thirty_days_before_its_day() {
        let one = Memorandum::built_in();
        let two = one.with_text(&corrected("2027-04-01")).unwrap();
        let named = |it: &Memorandum| {
            let named = |it: &Version| NamedVersion { first_day: it.first_day, digest: it.digest };
            it.versions().iter().map(named).collect::<Vec<_>>()
        };
        let digest = two.versions()[1].digest;
        for own in AGENCIES {
            for (today, near) in
                [("2027-03-01", false), ("2027-03-02", true), ("2027-04-01", true), ("2029-01-01", true)]
            {
                let lacks =
                    |by| if near { vec![Lacking { by, first_day: day("2027-04-01"), digest }] } else { Vec::new() };
                assert_eq!(two.lacking(own, &named(&one), day(today)), lacks(own.peer()), "{today}");
                assert_eq!(one.lacking(own, &named(&two), day(today)), lacks(own), "{today}");
                assert_eq!(two.lacking(own, &named(&two), day(today)), [], "{today}");
            }
        }
    }
}
