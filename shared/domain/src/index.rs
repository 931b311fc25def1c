//! What the store keeps beside a page, so that pages are found again: all of it follows from the entries.

use renkei_proto::{journal::v1::fact, r#type::v1::Agency};

use crate::{
    code,
    matter::{Matter, Noun},
    page::{Page, Seen},
    referral, scheme,
};

/// Everybody of the party, for any purpose.
pub const EVERYBODY: &str = "*/*";

/// Another name of a matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// What kind of name, such as `code/ppc`.
    pub kind: String,
    /// The name.
    pub value: String,
}

/// The lookup of a referral code of this agency.
pub fn code_lookup(issuer: Agency, locator: &str) -> Lookup {
    Lookup { kind: format!("code/{}", issuer.id()), value: locator.to_owned() }
}

/// The other names that a fact gives its matter.
pub fn lookups(matter: &Matter, fact: &fact::Fact) -> Option<Lookup> {
    match fact {
        fact::Fact::ReferralIssued(it) if !it.code_digest.is_empty() => {
            Some(code_lookup(matter.opener, &code::locator(it.ordinal)))
        }
        _ => None,
    }
}

/// To whom a page is visible in lists: `{unit or *}/{purpose or *}`. Empty for pages that are not listed.
pub fn audiences(matter: &Matter, page: &Page) -> Vec<&'static str> {
    match matter.noun {
        Noun::Scheme | Noun::Referral if !page.is_empty() => vec![EVERYBODY],
        _ => Vec::new(),
    }
}

/// The name of the state of a matter, such as `STATE_GIVEN`; empty for matters without states.
pub fn state_name(matter: &Matter, seen: Seen<'_>) -> &'static str {
    match matter.noun {
        Noun::Scheme => scheme::state(seen, matter.opener).as_str_name(),
        Noun::Referral => referral::state(seen, matter.opener).as_str_name(),
        Noun::Agreement | Noun::ReferralCounts | Noun::Code | Noun::Journal | Noun::Unknown => "",
    }
}
