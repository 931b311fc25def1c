//! Names of matters, which both agencies use alike.

use std::{cmp::Ordering, fmt, hash};

use renkei_proto::{r#type::v1::Agency, uuid};
use uuid::Uuid;

use crate::{era, memorandum::Party};

/// The form of the names of one noun's matters. A collection is known by its word alone.
#[derive(Clone, Copy)]
pub struct Collection {
    word: &'static str,
    form: NameForm,
    case_letters: &'static str,
}

/// The form of a matter's name.
#[derive(Clone, Copy)]
enum NameForm {
    /// `{word}`: one matter of both agencies.
    Shared,
    /// `agencies/{agency}/{word}`: one matter of each agency.
    OfAgency,
    /// `agencies/{agency}/{word}/{id}`, with the rule for the id.
    Numbered(fn(&str) -> bool),
    /// A name that no noun has.
    Unknown,
}

impl Collection {
    /// The collection of names that no noun has. Only a faulty peer writes in such a matter; its page contains the refused
    /// entries.
    pub const UNKNOWN: Self = Self { word: "", form: NameForm::Unknown, case_letters: "" };

    /// One matter of both agencies, with its word as the whole name.
    pub const fn shared(word: &'static str) -> Self {
        Self { word, form: NameForm::Shared, case_letters: "" }
    }

    /// One matter of each agency: `agencies/{agency}/{word}`.
    pub const fn of_agency(word: &'static str) -> Self {
        Self { word, form: NameForm::OfAgency, case_letters: "" }
    }

    /// Many matters of each agency: `agencies/{agency}/{word}/{id}`, with the rule that an id keeps.
    pub const fn of_ids(word: &'static str, is_id: fn(&str) -> bool) -> Self {
        Self { word, form: NameForm::Numbered(is_id), case_letters: "" }
    }

    /// The same collection with the three letters of its case numbers, such as `REF`.
    #[must_use]
    pub const fn with_case_letters(self, case_letters: &'static str) -> Self {
        Self { case_letters, ..self }
    }

    /// The three letters of its case numbers; empty for a collection without them.
    pub(crate) fn case_letters(self) -> &'static str {
        self.case_letters
    }

    /// The word in the names of its matters, such as `referrals`.
    pub fn word(self) -> &'static str {
        self.word
    }

    /// The beginning of the names of all matters of one agency, such as `agencies/ipa/schemes/`.
    pub fn prefix(self, opener: Agency) -> String {
        format!("agencies/{}/{}/", opener.id(), self.word)
    }

    /// The matter with this name; `None` when the name is not of this collection.
    pub fn parse(self, name: &str) -> Option<Matter> {
        let of = |opener, id: &str| Matter { collection: self, opener, id: id.to_owned() };
        if let NameForm::Shared = self.form {
            return (name == self.word).then(|| of(Agency::Unspecified, ""));
        }
        let (agency, rest) = name.strip_prefix("agencies/")?.split_once('/')?;
        let opener = Agency::from_id(agency)?;
        let rest = rest.strip_prefix(self.word)?;
        match self.form {
            NameForm::OfAgency => rest.is_empty().then(|| of(opener, "")),
            NameForm::Numbered(is_id) => rest.strip_prefix('/').filter(|id| is_id(id)).map(|id| of(opener, id)),
            NameForm::Shared | NameForm::Unknown => None,
        }
    }
}

impl PartialEq for Collection {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

impl Eq for Collection {}

impl PartialOrd for Collection {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Collection {
    fn cmp(&self, other: &Self) -> Ordering {
        self.word.cmp(other.word)
    }
}

impl hash::Hash for Collection {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.word.hash(state);
    }
}

impl fmt::Debug for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Collection").field(&self.word).finish()
    }
}

/// A matter's name in its parts. [`crate::noun::registry`] parses names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Matter {
    /// The collection, which determines the noun.
    pub collection: Collection,
    /// The agency in the name; unspecified for the agreement, which belongs to both.
    pub opener: Agency,
    /// The last part of the name; empty for a collection without ids, and the whole name for an unknown one.
    pub id: String,
}

impl Matter {
    /// `agencies/{opener}/{word}/{id}`.
    pub fn new(collection: Collection, opener: Agency, id: &str) -> Self {
        Self { collection, opener, id: id.to_owned() }
    }

    /// A matter whose name no noun has.
    pub(crate) fn unknown(name: &str) -> Self {
        Self { collection: Collection::UNKNOWN, opener: Agency::Unspecified, id: name.to_owned() }
    }

    /// The case number (案件番号) as both agencies write it, such as `甲-R08-ADV-0012`.
    pub fn case_number(&self, fiscal_year: u32, ordinal: u64) -> String {
        let year = i16::try_from(fiscal_year).unwrap_or_default();
        era::case_number(Party::of(self.opener), year, self.collection.case_letters, ordinal)
    }
}

impl fmt::Display for Matter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.collection.word;
        match self.collection.form {
            NameForm::Shared => f.write_str(word),
            NameForm::OfAgency => write!(f, "agencies/{}/{word}", self.opener.id()),
            NameForm::Numbered(_) => write!(f, "agencies/{}/{word}/{}", self.opener.id(), self.id),
            NameForm::Unknown => f.write_str(&self.id),
        }
    }
}

/// A UUID in lower case, as the ids of most matters are.
pub fn is_uuid(id: &str) -> bool {
    lower_case_uuid(id).is_some()
}

/// The UUID that an id spells in lower case, the one spelling of an id: no other one hides that it is taken.
pub fn lower_case_uuid(id: &str) -> Option<Uuid> {
    uuid(id).filter(|_| !id.bytes().any(|byte| byte.is_ascii_uppercase()))
}

/// The id of an official, as in the metadata: 1 to 64 characters of `[A-Za-z0-9._@-]`.
pub fn is_official(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte))
}

/// The name of an entry that may be absent; empty for number 0.
pub fn entry_name_if_any(author: Agency, seq: u64) -> String {
    if seq == 0 { String::new() } else { entry_name(author, seq) }
}

/// The name of an entry: `agencies/{author}/entries/{seq}`.
pub fn entry_name(author: Agency, seq: u64) -> String {
    format!("agencies/{}/entries/{seq}", author.id())
}

/// The author and the number in an entry's name.
pub fn parse_entry_name(name: &str) -> Option<(Agency, u64)> {
    let (agency, seq) = name.strip_prefix("agencies/")?.split_once("/entries/")?;
    Some((Agency::from_id(agency)?, seq.parse().ok()?))
}

/// The number in an entry's name; `None` if that names no entry of this author.
pub fn entry_seq(name: &str, author: Agency) -> Option<u64> {
    parse_entry_name(name).filter(|(of, _)| *of == author).map(|(_, seq)| seq)
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
    fn other_names_are_not_matters() {
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
