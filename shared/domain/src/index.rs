//! What the store keeps beside a page, so that pages are found again: all of it follows from the entries.

use renkei_proto::{
    FactKind, agreement::v1::ArrivalChannel, journal::v1::fact, sharing::v1::RecallDisposition, r#type::v1::Agency,
};

use crate::{
    code,
    matter::{Matter, Noun},
    noun::{advice, item, journal, referral, scheme},
    page::Seen,
};

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

/// The name of the state of a matter, such as `STATE_GIVEN`; empty for matters without states.
pub fn state_name(matter: &Matter, seen: Seen<'_>) -> &'static str {
    match matter.noun {
        Noun::Scheme => scheme::state(seen, matter.opener).as_str_name(),
        Noun::Referral => referral::state(seen, matter.opener).as_str_name(),
        Noun::AdviceRequest => advice::state(seen).as_str_name(),
        Noun::Item => item::state(seen, matter.opener).as_str_name(),
        Noun::Agreement | Noun::ReferralCounts | Noun::Code | Noun::Official | Noun::Journal | Noun::Unknown => "",
    }
}

/// The service says this by itself when an entry of the peer arrives, so it is no answer of an official.
pub fn is_automatic(fact: &fact::Fact) -> bool {
    match fact {
        fact::Fact::NoticeArrived(it) => it.channel() == ArrivalChannel::Link,
        fact::Fact::RecallAnswered(it) => it.disposition() == RecallDisposition::Sealed,
        fact::Fact::ItemUnitsMissing(_) => true,
        fact => journal::stops(FactKind::of(fact)),
    }
}
