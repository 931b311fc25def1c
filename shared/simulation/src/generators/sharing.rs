//! What the generators of items, of consents and of disclosures have in common: the recipients among which they draw, and the
//! items on which an act could be done. The recipients are few, so that acts of both sides meet in them.

use renkei_domain::noun::item::ItemNoun;
use renkei_proto::{
    sharing::v1::{Body, Item, ItemPart, StatedRecipient, item::State},
    r#type::v1::{Audience, Designated, Purpose, scope::Scope},
};

use crate::{
    generator::Choosing,
    requests::{body, named, unit},
};

/// The purposes of recipients: those of the callers in a history, and one more.
pub(super) const PURPOSES: [Purpose; 3] = [Purpose::IncidentResponse, Purpose::Policy, Purpose::Investigation];

/// All recipients that any generator names, but for [`nobody`].
pub(super) fn recipients() -> [StatedRecipient; 7] {
    [
        body(Body::NpaCyber),
        body(Body::JpcertCc),
        body(Body::Court),
        named("株式会社支援先", true),
        named("一般財団法人第三者", false),
        unit("policy"),
        unit("incident-response"),
    ]
}

/// A recipient to which nothing ever goes: no request, no consent and no scope but that of a public item includes it.
pub(super) fn nobody() -> StatedRecipient {
    named("誰も同意しない者", false)
}

/// One of the recipients.
pub(super) fn recipient(it: &mut Choosing<'_>) -> StatedRecipient {
    let all = recipients();
    it.draw.pick(&all).cloned().unwrap_or_default()
}

/// One of the purposes.
pub(super) fn purpose(it: &mut Choosing<'_>) -> Purpose {
    it.draw.pick(&PURPOSES).copied().unwrap_or_default()
}

/// Some parts of an item, and in some cases none, which means the whole of it.
pub(super) fn parts(it: &mut Choosing<'_>) -> Vec<i32> {
    const SOME: [&[ItemPart]; 4] =
        [&[], &[ItemPart::Summary], &[ItemPart::Summary, ItemPart::Body], &[ItemPart::Bundle]];
    it.draw.pick(&SOME).copied().unwrap_or_default().iter().map(|part| (*part).into()).collect()
}

/// An own item that is shared.
pub(super) fn own(it: &mut Choosing<'_>) -> Option<Item> {
    own_with(it, is_published)
}

/// An item of the peer that is shared.
pub(super) fn peers(it: &mut Choosing<'_>) -> Option<Item> {
    peers_with(it, is_published)
}

/// An own item that fits, whatever its state is.
pub(super) fn own_with(it: &mut Choosing<'_>, fits: impl Fn(&Item) -> bool) -> Option<Item> {
    it.one_with(&ItemNoun, it.own(), fits)
}

/// An item of the peer that fits, whatever its state is.
pub(super) fn peers_with(it: &mut Choosing<'_>, fits: impl Fn(&Item) -> bool) -> Option<Item> {
    it.one_with(&ItemNoun, it.own().peer(), fits)
}

pub(super) fn is_published(item: &Item) -> bool {
    item.state() == State::Published
}

/// The audience of an item; unspecified if no scope is designated.
pub(super) fn audience(item: &Item) -> Audience {
    designated(item).map_or(Audience::Unspecified, Designated::audience)
}

/// The first purpose for which an item may be used by its scope.
pub(super) fn purpose_of(item: &Item) -> Option<Purpose> {
    designated(item)?.purposes().next()
}

fn designated(item: &Item) -> Option<&Designated> {
    match item.terms.as_ref()?.scope.as_ref()?.scope.as_ref()? {
        Scope::Designated(it) => Some(it),
        Scope::Undesignated(_) => None,
    }
}
