//! Disclosure of the peer's items, on the basis of the scope, of a consent, or of a law (Art. 7(2)).

use renkei_proto::{
    sharing::v1::{
        Body, Consent, ConsentTerms, Item, LegalDisclosure, LegalGround, RecordDisclosureRequest, StatedRecipient,
        consent, record_disclosure_request::Basis,
    },
    r#type::v1::{Audience, Purpose},
};

use super::sharing::{
    audience, is_published, nobody, own, own_with, parts, peers, peers_with, purpose, purpose_of, recipient, recipients,
};
use crate::{
    generator::{Choosing, Generator},
    requests::{body, named, stated_again},
};

pub(super) const GENERATORS: &[Generator] = &[
    Generator::valid("disclose an item to a body that is served", |it| {
        let request = within(it, Audience::Clients, named("株式会社支援先", true))?;
        Some(request.into())
    }),
    Generator::valid("disclose an item to the community", |it| {
        let request = within(it, Audience::Community, body(Body::JpcertCc))?;
        Some(request.into())
    }),
    Generator::valid("disclose a public item", |it| {
        let to = recipient(it);
        let request = within(it, Audience::Public, to)?;
        Some(request.into())
    }),
    Generator::boundary("disclose an item within whatever its scope is", |it| {
        let item = peers(it)?;
        let (to, purpose) = (recipient(it), purpose(it));
        let mut request = it.requests.disclosing(&item, to, purpose);
        request.parts = parts(it);
        Some(request.into())
    }),
    Generator::boundary("disclose an item within a scope that is fresh", |it| {
        let to = body(Body::JpcertCc);
        let request = within(it, Audience::Community, to)?;
        Some(fresh(it, request).into())
    }),
    Generator::valid("disclose an item under a consent", |it| Some(under(it, is_in_force)?.into())),
    Generator::valid("disclose an item under the newest consent", |it| {
        let item = peers_with(it, |item| item.consents.last().is_some_and(is_in_force))?;
        let consent = item.consents.last().cloned()?;
        Some(covered(it, &item, &consent)?.into())
    }),
    Generator::boundary("disclose an item under a consent that is fresh", |it| {
        let request = under(it, is_in_force)?;
        Some(fresh(it, request).into())
    }),
    Generator::boundary("disclose an item under whatever its consent is", |it| {
        let (item, consent) = consented(it, |_| true)?;
        let (to, purpose) = (recipient(it), purpose(it));
        let mut request = it.requests.disclosing_under(&item, &consent.entry, to, purpose);
        request.parts = parts(it);
        Some(request.into())
    }),
    Generator::boundary("disclose an item to a recipient of a consent for whatever purpose", |it| {
        let (item, consent) = consented(it, is_in_force)?;
        let terms = stated_again(&item.name, consent.terms.as_ref()?, &recipients());
        let to = it.draw.pick(&terms.recipients).cloned()?;
        let purpose = purpose(it);
        let mut request = it.requests.disclosing_under(&item, &consent.entry, to, purpose);
        request.parts = if it.draw.one_in(2) { terms.parts } else { parts(it) };
        Some(request.into())
    }),
    // The consent was in force, and the receiver's officials may not have noticed its end.
    Generator::boundary("disclose an item under a consent of which the end was not noticed", |it| {
        Some(under(it, |consent| !is_in_force(consent))?.into())
    }),
    Generator::forbidden("disclose an item under a revoked consent", |it| {
        Some(under(it, |consent| consent.state() == consent::State::Revoked)?.into())
    }),
    Generator::forbidden("disclose an item to somebody whom no consent names", |it| {
        let (item, consent) = consented(it, |_| true)?;
        let purpose = purpose(it);
        Some(it.requests.disclosing_under(&item, &consent.entry, nobody(), purpose).into())
    }),
    Generator::forbidden("disclose an item under a consent to another one", |it| {
        let (of, consent) = consented(it, is_in_force)?;
        let item = peers_with(it, |item| item.name != of.name)?;
        let request = covered(it, &of, &consent)?;
        Some(RecordDisclosureRequest { name: item.name, etag: item.etag, ..request }.into())
    }),
    Generator::forbidden("disclose a recalled item", |it| {
        let item = peers_with(it, |item| !is_published(item))?;
        let (to, purpose) = (recipient(it), purpose(it));
        let consents = item.consents.clone();
        let request = match it.draw.pick(&consents) {
            Some(consent) => it.requests.disclosing_under(&item, &consent.entry, to, purpose),
            None => it.requests.disclosing(&item, to, purpose),
        };
        Some(request.into())
    }),
    Generator::forbidden("disclose an own item", |it| {
        let item = own(it)?;
        let (to, purpose) = (recipient(it), purpose(it));
        Some(it.requests.disclosing(&item, to, purpose).into())
    }),
    Generator::forbidden("disclose an item to nobody", |it| {
        let item = peers(it)?;
        let request = it.requests.disclosing(&item, nobody(), Purpose::Policy);
        Some(RecordDisclosureRequest { recipient: None, ..request }.into())
    }),
    Generator::forbidden("disclose an item for no purpose", |it| {
        let item = peers(it)?;
        let to = recipient(it);
        Some(it.requests.disclosing(&item, to, Purpose::Unspecified).into())
    }),
    Generator::valid("announce a disclosure that a law requires", |it| {
        let item = peers_with(it, |_| true)?;
        let (ground, to) = (ground(it), recipient(it));
        let mut request = it.requests.announcing(&item, ground, to);
        request.parts = parts(it);
        Some(request.into())
    }),
    Generator::forbidden("announce a disclosure on a day that is over", |it| {
        let item = peers(it)?;
        let (ground, to) = (ground(it), recipient(it));
        let mut request = it.requests.announcing(&item, ground, to);
        request.planned_on = "2026-11-01".to_owned();
        Some(request.into())
    }),
    Generator::forbidden("announce the disclosure of an own item", |it| {
        let item = own(it)?;
        let (ground, to) = (ground(it), recipient(it));
        Some(it.requests.announcing(&item, ground, to).into())
    }),
    Generator::valid("disclose an item as a law requires", |it| {
        let (item, announced) = announced(it)?;
        let to = recipient_of(&item, &announced)?;
        let mut request = it.requests.disclosing_by_law(&item, announced.ground(), &announced.entry, to);
        request.parts = announced.parts;
        Some(request.into())
    }),
    Generator::valid("disclose an item as a law requires that forbids notice", |it| {
        let item = peers_with(it, |_| true)?;
        let to = recipient(it);
        Some(it.requests.disclosing_by_law(&item, LegalGround::Investigation, "", to).into())
    }),
    Generator::forbidden("disclose an item as a law requires without notice", |it| {
        let item = peers(it)?;
        let (ground, to) = (ground(it), recipient(it));
        let mut request = it.requests.disclosing_by_law(&item, ground, "", to);
        if let Some(Basis::Law(law)) = &mut request.basis {
            law.notice_forbidden = false;
        }
        Some(request.into())
    }),
    Generator::forbidden("disclose an item as a law requires without approval", |it| {
        let item = peers(it)?;
        let (ground, to) = (ground(it), recipient(it));
        let mut request = it.requests.disclosing_by_law(&item, ground, "", to);
        request.approval = String::new();
        Some(request.into())
    }),
    Generator::forbidden("disclose an item to somebody else than was announced", |it| {
        let (item, announced) = announced(it)?;
        Some(it.requests.disclosing_by_law(&item, announced.ground(), &announced.entry, nobody()).into())
    }),
    Generator::forbidden("disclose an item under an announcement about another one", |it| {
        let (of, announced) = announced(it)?;
        let item = peers_with(it, |item| item.name != of.name)?;
        let to = recipient_of(&of, &announced)?;
        Some(it.requests.disclosing_by_law(&item, announced.ground(), &announced.entry, to).into())
    }),
    Generator::valid("state an opinion on a disclosure", |it| {
        let item = own_with(it, |item| item.legal_disclosures.iter().any(|it| it.opinion.is_empty()))?;
        let announced = item.legal_disclosures.iter().find(|it| it.opinion.is_empty())?;
        let mut request = it.requests.giving_opinion(&item, announced);
        request.objects = it.draw.one_in(2);
        Some(request.into())
    }),
    Generator::forbidden("state an opinion on an own disclosure", |it| {
        let (item, announced) = announced(it)?;
        Some(it.requests.giving_opinion(&item, &announced).into())
    }),
];

/// A disclosure to this recipient of an item with such an audience.
fn within(it: &mut Choosing<'_>, of: Audience, to: StatedRecipient) -> Option<RecordDisclosureRequest> {
    let item = peers_with(it, |item| is_published(item) && audience(item) == of)?;
    // A public item may be used for any purpose.
    let purpose = purpose_of(&item).unwrap_or_else(|| purpose(it));
    Some(it.requests.disclosing(&item, to, purpose))
}

/// The same if the originator has stated something within an hour, or within a minute.
fn fresh(it: &mut Choosing<'_>, request: RecordDisclosureRequest) -> RecordDisclosureRequest {
    let fresh_within_seconds = it.draw.pick(&[60, 3600]).copied().unwrap_or_default();
    RecordDisclosureRequest { fresh_within_seconds, ..request }
}

/// An item of the peer with a consent that fits.
fn consented(it: &mut Choosing<'_>, fits: impl Fn(&Consent) -> bool) -> Option<(Item, Consent)> {
    let item = peers_with(it, |item| item.consents.iter().any(&fits))?;
    let fitting: Vec<_> = item.consents.iter().filter(|consent| fits(consent)).cloned().collect();
    let consent = it.draw.pick(&fitting).cloned()?;
    Some((item, consent))
}

/// A disclosure that a consent covers, if it is in force.
fn under(it: &mut Choosing<'_>, fits: impl Fn(&Consent) -> bool) -> Option<RecordDisclosureRequest> {
    let (item, consent) = consented(it, fits)?;
    covered(it, &item, &consent)
}

fn covered(it: &mut Choosing<'_>, item: &Item, consent: &Consent) -> Option<RecordDisclosureRequest> {
    let terms = stated_again(&item.name, consent.terms.as_ref()?, &recipients());
    let to = it.draw.pick(&terms.recipients).cloned()?;
    let purposes: Vec<_> = terms.purposes().collect();
    let purpose = it.draw.pick(&purposes).copied()?;
    let request = it.requests.disclosing_under(item, &consent.entry, to, purpose);
    let parts = match terms.parts.as_slice() {
        [] => parts(it),
        named => named[..1].to_vec(),
    };
    Some(RecordDisclosureRequest { parts, ..request })
}

fn is_in_force(consent: &Consent) -> bool {
    consent.state() == consent::State::InForce
}

fn ground(it: &mut Choosing<'_>) -> LegalGround {
    let all = [LegalGround::InformationRequest, LegalGround::Diet, LegalGround::Court];
    it.draw.pick(&all).copied().unwrap_or_default()
}

/// An item of the peer with an announced disclosure.
fn announced(it: &mut Choosing<'_>) -> Option<(Item, LegalDisclosure)> {
    let item = peers_with(it, |item| !item.legal_disclosures.is_empty())?;
    let announced = it.draw.pick(&item.legal_disclosures).cloned()?;
    Some((item, announced))
}

fn recipient_of(item: &Item, announced: &LegalDisclosure) -> Option<StatedRecipient> {
    let recipients_of = announced.recipient.clone().into_iter().collect();
    let terms = ConsentTerms { recipients: recipients_of, ..ConsentTerms::default() };
    stated_again(&item.name, &terms, &recipients()).recipients.pop()
}
