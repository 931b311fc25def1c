//! The recipients of a consent or of a disclosure, as facts name them.

use aws_lc_rs::digest::{Context, SHA256};
use renkei_proto::{
    options::v1::Reason,
    sharing::v1::{Body, ItemPart, NamedRecipient, Recipient, StatedRecipient, recipient, stated_recipient},
};
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    matter::Matter,
    refusal::{Refusal, missing},
};

/// A recipient with its name, where it is not in the list of bodies.
#[derive(Clone, Debug, PartialEq)]
pub struct Identified {
    /// The recipient as facts name it.
    pub recipient: Recipient,
    /// The name, which is content; `None` for a body of the list and for a unit.
    pub name: Option<String>,
}

/// The recipient of a call in an item.
///
/// # Errors
/// `FIELD_INVALID` of `field` for a name of nothing but white space.
pub fn identified(matter: &Matter, stated: &StatedRecipient, field: &'static str) -> Result<Identified, Refusal> {
    let (recipient, name) = match stated.recipient.as_ref() {
        None => return Err(missing(field)),
        Some(stated_recipient::Recipient::Listed(it)) => (recipient::Recipient::Listed(*it), None),
        Some(stated_recipient::Recipient::Unit(it)) => (recipient::Recipient::Unit(it.clone()), None),
        Some(stated_recipient::Recipient::Named(it)) => {
            let Some(digest) = digest(matter, &it.name) else {
                let must = ("must name a body", "提供先の名称を指定してください。");
                return Err(Refusal::field(Reason::FieldInvalid, field, must));
            };
            let named = NamedRecipient { digest, served: it.served };
            (recipient::Recipient::Named(named), Some(it.name.clone()))
        }
    };
    Ok(Identified { recipient: Recipient { recipient: Some(recipient) }, name })
}

/// The digest by which facts of an item name a body (`NamedRecipient.digest`); `None` for a name without a character.
pub fn digest(matter: &Matter, name: &str) -> Option<Vec<u8>> {
    let plain: String = name.nfkc().filter(|character| !character.is_whitespace()).collect();
    if plain.is_empty() {
        return None;
    }
    let mut context = Context::new(&SHA256);
    for part in ["renkei recipient v1", "\0", &matter.to_string(), "\0", &plain] {
        context.update(part.as_bytes());
    }
    Some(context.finish().as_ref().to_vec())
}

/// True if both name the same body or unit.
pub fn is_same(one: &Recipient, other: &Recipient) -> bool {
    use recipient::Recipient::{Listed, Named, Unit};
    match (&one.recipient, &other.recipient) {
        (Some(Listed(one)), Some(Listed(other))) => one.body == other.body,
        (Some(Named(one)), Some(Named(other))) => one.digest == other.digest,
        (Some(Unit(one)), Some(Unit(other))) => one.unit == other.unit,
        _ => false,
    }
}

/// The unit that a recipient is; `None` for a body.
pub fn unit(it: &Recipient) -> Option<&str> {
    match &it.recipient {
        Some(recipient::Recipient::Unit(it)) => Some(&it.unit),
        _ => None,
    }
}

/// True if the receiver serves the body, as the author of the fact states.
pub(super) fn is_served(it: &Recipient) -> bool {
    matches!(&it.recipient, Some(recipient::Recipient::Named(it)) if it.served)
}

/// True for a body of the community that works against the same threats, as `AUDIENCE_COMMUNITY` means it.
pub(super) fn is_of_community(it: &Recipient) -> bool {
    let Some(recipient::Recipient::Listed(it)) = &it.recipient else { return false };
    match it.body() {
        Body::Nco
        | Body::NpaCyber
        | Body::Mod
        | Body::Meti
        | Body::JpcertCc
        | Body::PrefecturalPolice
        | Body::CompetentMinistry => true,
        Body::Unspecified | Body::Diet | Body::Court | Body::BoardOfAudit => false,
    }
}

/// True if parts of an item are among others. No parts mean the whole item.
pub(super) fn are_parts_within(inner: &[i32], outer: &[i32]) -> bool {
    const ALL: [ItemPart; 5] =
        [ItemPart::Summary, ItemPart::Body, ItemPart::Details, ItemPart::Bundle, ItemPart::Attachments];
    let is_outer = |part: i32| outer.is_empty() || outer.contains(&part);
    match inner {
        [] => ALL.into_iter().all(|part| is_outer(part.into())),
        inner => inner.iter().all(|part| is_outer(*part)),
    }
}
