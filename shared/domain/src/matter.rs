//! Names of matters: what both agencies call alike.

use std::fmt;

use renkei_proto::r#type::v1::Agency;

use crate::{era, term::Party};

/// The nouns of the memorandum, by the collection in a matter's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Noun {
    /// `agreement`: the memorandum with its notices (Art. 8).
    Agreement,
    /// `agencies/{opener}/schemes/{id}`.
    Scheme,
    /// `agencies/{opener}/referrals/{uuid}`.
    Referral,
    /// `agencies/{author}/referralCounts/{YYYY-MM}`.
    ReferralCounts,
    /// `agencies/ppc/adviceRequests/{uuid}`.
    AdviceRequest,
    /// `agencies/{opener}/items/{uuid}`.
    Item,
    /// `agencies/{own}/officials/{id}`: whether an official is barred; private only.
    Official,
    /// `agencies/{opener}/codes/{locator}`: wrong tries of a referral code; private only.
    Code,
    /// `agencies/{author}/journal`: keys, kinds and checkpoints.
    Journal,
    /// A name that no rule knows. Only a faulty peer writes in such a matter; its page holds what was refused.
    Unknown,
}

impl Noun {
    const NAMED: [(Self, &'static str); 7] = [
        (Self::Scheme, "schemes"),
        (Self::Referral, "referrals"),
        (Self::ReferralCounts, "referralCounts"),
        (Self::AdviceRequest, "adviceRequests"),
        (Self::Item, "items"),
        (Self::Official, "officials"),
        (Self::Code, "codes"),
    ];

    /// The word in the matter's name, such as `referrals`.
    pub fn collection(self) -> &'static str {
        match self {
            Self::Agreement => "agreement",
            Self::Journal => "journal",
            Self::Unknown => "",
            _ => Self::NAMED.iter().find(|(noun, _)| *noun == self).map_or("", |(_, word)| word),
        }
    }

    /// Who sees a matter of this noun stands in a scope (Art. 7(2)), which may change.
    pub fn is_scoped(self) -> bool {
        self == Self::Item
    }

    /// What lists show of it may change with every entry: its scope, or what is to be done in it.
    pub fn is_listed_anew(self) -> bool {
        matches!(self, Self::Item | Self::Referral | Self::AdviceRequest)
    }

    /// The three letters in its case numbers, such as `REF`; empty for nouns without case numbers.
    pub fn case_letters(self) -> &'static str {
        match self {
            Self::Referral => "REF",
            Self::AdviceRequest => "ADV",
            Self::Item => "ITM",
            _ => "",
        }
    }
}

/// A matter's name in its parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Matter {
    /// What it is.
    pub noun: Noun,
    /// The agency in the name; unspecified for the agreement, which belongs to both.
    pub opener: Agency,
    /// The last part of the name; empty where there is none.
    pub id: String,
}

impl Matter {
    /// The agreement.
    pub const AGREEMENT: &'static str = "agreement";

    /// `agencies/{opener}/{collection}/{id}`.
    pub fn new(noun: Noun, opener: Agency, id: &str) -> Self {
        Self { noun, opener, id: id.to_owned() }
    }

    /// `agencies/{author}/journal`.
    pub fn journal(author: Agency) -> Self {
        Self { noun: Noun::Journal, opener: author, id: String::new() }
    }

    /// The case number (案件番号) as both agencies write it, such as `甲-R08-ADV-0012`.
    pub fn case_number(&self, fiscal_year: u32, ordinal: u64) -> String {
        let year = i16::try_from(fiscal_year).unwrap_or_default();
        era::case_number(Party::of(self.opener), year, self.noun.case_letters(), ordinal)
    }

    /// The prefix of all names of a noun of one agency, such as `agencies/ipa/schemes/`.
    pub fn prefix(noun: Noun, opener: Agency) -> String {
        format!("agencies/{}/{}/", opener.id(), noun.collection())
    }

    /// The matter of an entry, whatever its name is.
    pub fn of(name: &str) -> Self {
        let unknown = || Self { noun: Noun::Unknown, opener: Agency::Unspecified, id: name.to_owned() };
        Self::parse(name).unwrap_or_else(unknown)
    }

    /// Takes a name apart. `None` for what is no matter's name.
    pub fn parse(name: &str) -> Option<Self> {
        if name == Self::AGREEMENT {
            return Some(Self { noun: Noun::Agreement, opener: Agency::Unspecified, id: String::new() });
        }
        let mut parts = name.strip_prefix("agencies/")?.split('/');
        let opener = Agency::from_id(parts.next()?)?;
        let word = parts.next()?;
        let matter = match (word, parts.next()) {
            ("journal", None) => Self::journal(opener),
            (word, Some(id)) => {
                let (noun, _) = Noun::NAMED.iter().find(|(_, named)| *named == word)?;
                well_formed(*noun, id).then(|| Self::new(*noun, opener, id))?
            }
            _ => return None,
        };
        parts.next().is_none().then_some(matter)
    }
}

impl fmt::Display for Matter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.noun {
            Noun::Agreement => f.write_str(Self::AGREEMENT),
            Noun::Journal => write!(f, "agencies/{}/journal", self.opener.id()),
            Noun::Unknown => f.write_str(&self.id),
            noun => write!(f, "agencies/{}/{}/{}", self.opener.id(), noun.collection(), self.id),
        }
    }
}

fn well_formed(noun: Noun, id: &str) -> bool {
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match noun {
        Noun::Scheme => id.len() <= 64 && id.starts_with(|c: char| c.is_ascii_lowercase()) && id.bytes().all(lower),
        Noun::Referral | Noun::AdviceRequest | Noun::Item => {
            id.len() == 36
                && id.bytes().enumerate().all(|(i, byte)| match i {
                    8 | 13 | 18 | 23 => byte == b'-',
                    _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
                })
        }
        Noun::ReferralCounts => crate::counts::month(id).is_some(),
        Noun::Code => (4..=16).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        Noun::Official => is_official(id),
        Noun::Agreement | Noun::Journal | Noun::Unknown => false,
    }
}

/// An official's id as it stands in the metadata: 1-64 of `[A-Za-z0-9._@-]`.
pub fn is_official(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte))
}

/// The name of an entry: `agencies/{author}/entries/{seq}`.
pub fn entry_name(author: Agency, seq: u64) -> String {
    format!("agencies/{}/entries/{seq}", author.id())
}

/// Takes an entry's name apart.
pub fn parse_entry_name(name: &str) -> Option<(Agency, u64)> {
    let (agency, seq) = name.strip_prefix("agencies/")?.split_once("/entries/")?;
    Some((Agency::from_id(agency)?, seq.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_name_goes_there_and_back() {
        for name in [
            "agreement",
            "agencies/ppc/journal",
            "agencies/ipa/schemes/unauthorised-access",
            "agencies/ppc/referrals/0190a5f0-0000-7000-8000-0123456789ab",
            "agencies/ppc/referralCounts/2026-11",
            "agencies/ppc/codes/0001",
            "agencies/ppc/adviceRequests/0190a5f0-0000-7000-8000-0123456789ab",
            "agencies/ipa/items/0190a5f0-0000-7000-8000-0123456789ab",
            "agencies/ppc/officials/Tanaka.Taro_1@ppc-hq",
        ] {
            assert_eq!(Matter::parse(name).map(|matter| matter.to_string()).as_deref(), Some(name));
        }
    }

    #[test]
    fn other_names_are_no_matters() {
        for name in [
            "",
            "agencies/mofa/journal",
            "agencies/ppc/journal/x",
            "agencies/ppc/schemes",
            "agencies/ppc/schemes/UPPER",
            "agencies/ppc/schemes/a/b",
            "agencies/ppc/referrals/not-a-uuid",
            "agencies/ppc/referralCounts/2026-13",
            "agencies/ppc/items/UPPER000-0000-7000-8000-0123456789ab",
            "agencies/ppc/officials/tanaka taro",
        ] {
            assert_eq!(Matter::parse(name), None, "{name}");
        }
    }
}
