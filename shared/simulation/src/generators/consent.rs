//! Consent to go beyond the scope of an item (Art. 7(2)).

use jiff::ToSpan as _;
use renkei_domain::moment::stamp;
use renkei_proto::{
    sharing::v1::{
        Consent, ConsentCondition, ConsentDenialReason, ConsentTerms, Item, ItemPart, RequestedConsent, StatedConsent,
        StatedRecipient, consent, requested_consent, stated_recipient,
    },
    r#type::v1::{Audience, Purpose, scope},
};

use super::sharing::{
    PURPOSES, audience, is_published, nobody, own, own_with, peers, peers_with, recipient, recipients,
};
use crate::{
    generator::{Choosing, Generator},
    requests::{stated, stated_again, terms_for, to_units, unit},
};

pub(super) const GENERATORS: &[Generator] = &[
    Generator::valid("request consent", |it| {
        let item = peers(it)?;
        let terms = extent(it);
        Some(it.requests.requesting_consent(&item, terms).into())
    }),
    Generator::valid("request consent for a unit", |it| {
        let item = peers(it)?;
        let terms = to_a_unit(it);
        Some(it.requests.requesting_consent(&item, terms).into())
    }),
    Generator::valid("request consent for parts until a time", |it| {
        let item = peers(it)?;
        let hours = hours(it, 100);
        let terms = extent(it);
        let until = Some(stamp(it.requests.now() + hours.hours()));
        let parts = vec![ItemPart::Summary.into(), ItemPart::Body.into()];
        let terms = StatedConsent { until, parts, ..without_units(terms)? };
        Some(it.requests.requesting_consent(&item, terms).into())
    }),
    Generator::valid("request the confirmation of an oral consent", |it| {
        let item = peers(it)?;
        let terms = extent(it);
        let mut request = it.requests.requesting_consent(&item, terms);
        request.given_orally_at = Some(stamp(it.requests.now() - 1.hour()));
        Some(request.into())
    }),
    Generator::boundary("request consent that ends at once", |it| {
        let item = peers(it)?;
        let until = Some(stamp(it.requests.now() + 1.microsecond()));
        let terms = StatedConsent { until, ..extent(it) };
        Some(it.requests.requesting_consent(&item, terms).into())
    }),
    Generator::boundary("request consent to a public item", |it| {
        let item = peers_with(it, |item| audience(item) == Audience::Public)?;
        let terms = extent(it);
        Some(it.requests.requesting_consent(&item, terms).into())
    }),
    Generator::forbidden("request consent that has ended", |it| {
        let item = peers(it)?;
        // The act may be dated days ahead of a clock that was wrong, and never behind it.
        let until = Some(stamp(it.requests.now() - 1.hour()));
        let terms = StatedConsent { until, ..extent(it) };
        Some(it.requests.requesting_consent(&item, terms).into())
    }),
    Generator::forbidden("request consent for parts and a unit", |it| {
        let item = peers(it)?;
        let terms = StatedConsent { parts: vec![ItemPart::Summary.into()], ..to_a_unit(it) };
        Some(it.requests.requesting_consent(&item, terms).into())
    }),
    Generator::forbidden("request consent for one recipient twice", |it| {
        let item = peers(it)?;
        let to = recipient(it);
        let terms = stated(&[to.clone(), to], &PURPOSES);
        Some(it.requests.requesting_consent(&item, terms).into())
    }),
    Generator::forbidden("request consent for nobody", |it| {
        let item = peers(it)?;
        Some(it.requests.requesting_consent(&item, stated(&[], &PURPOSES)).into())
    }),
    Generator::forbidden("request consent to an own item", |it| {
        let item = own(it)?;
        let terms = extent(it);
        Some(it.requests.requesting_consent(&item, terms).into())
    }),
    Generator::forbidden("request consent to a recalled item", |it| {
        let item = peers_with(it, |item| !is_published(item))?;
        let terms = extent(it);
        Some(it.requests.requesting_consent(&item, terms).into())
    }),
    Generator::valid("grant a requested consent", |it| {
        let (item, asked) = asked(it)?;
        let mut request = it.requests.granting(&item, &asked);
        request.conditions = conditions(it);
        Some(request.into())
    }),
    Generator::valid("grant a part of a requested consent", |it| {
        let (item, asked) = asked(it)?;
        let terms = narrower(it, &item, asked.terms.as_ref()?);
        let mut request = it.requests.granting(&item, &asked);
        (request.terms, request.conditions) = (Some(terms), conditions(it));
        Some(request.into())
    }),
    Generator::valid("grant a consent in advance", |it| {
        let item = own(it)?;
        let terms = extent(it);
        Some(it.requests.granting_in_advance(&item, terms).into())
    }),
    Generator::valid("grant a consent for parts in advance", |it| {
        let item = own(it)?;
        let terms = StatedConsent { parts: vec![ItemPart::Summary.into()], ..without_units(extent(it))? };
        Some(it.requests.granting_in_advance(&item, terms).into())
    }),
    Generator::valid("grant a consent until a time in advance", |it| {
        let item = own(it)?;
        let hours = hours(it, 30);
        let until = Some(stamp(it.requests.now() + hours.hours()));
        let terms = StatedConsent { until, ..extent(it) };
        Some(it.requests.granting_in_advance(&item, terms).into())
    }),
    Generator::valid("grant a unit a consent in advance", |it| {
        let item = own(it)?;
        let terms = to_a_unit(it);
        Some(it.requests.granting_in_advance(&item, terms).into())
    }),
    Generator::forbidden("grant more than was requested", |it| {
        let (item, asked) = asked(it)?;
        let asked_terms = asked.terms.as_ref()?;
        let mut terms = again(&item, asked_terms);
        if it.draw.one_in(2) {
            terms.recipients.push(nobody());
        } else {
            let further = PURPOSES.map(i32::from).into_iter().find(|it| !asked_terms.purposes.contains(it))?;
            terms.purposes.push(further);
        }
        let mut request = it.requests.granting(&item, &asked);
        request.terms = Some(terms);
        Some(request.into())
    }),
    Generator::forbidden("grant a part or a time that was requested as the whole", |it| {
        let is_limited = |terms: &ConsentTerms| terms.until.is_some() || !terms.parts.is_empty();
        let (item, asked) = asked_with(it, |asked| asked.terms.as_ref().is_some_and(is_limited))?;
        let terms = StatedConsent { until: None, parts: Vec::new(), ..again(&item, asked.terms.as_ref()?) };
        let mut request = it.requests.granting(&item, &asked);
        request.terms = Some(terms);
        Some(request.into())
    }),
    Generator::forbidden("grant a request for consent to another item", |it| {
        let (of, asked) = asked(it)?;
        let item = own_with(it, |item| item.name != of.name)?;
        Some(it.requests.granting(&item, &asked).into())
    }),
    Generator::forbidden("grant a request for consent that is answered", |it| {
        let answered = [requested_consent::State::Granted, requested_consent::State::Denied];
        let (item, asked) = with_request(it, |asked| answered.contains(&asked.state()))?;
        Some(it.requests.granting(&item, &asked).into())
    }),
    Generator::forbidden("grant consent to the peer's item", |it| {
        let item = peers(it)?;
        let terms = extent(it);
        Some(it.requests.granting_in_advance(&item, terms).into())
    }),
    Generator::forbidden("grant consent for nothing", |it| {
        let item = own(it)?;
        let mut request = it.requests.granting_in_advance(&item, stated(&[], &[]));
        request.terms = None;
        Some(request.into())
    }),
    Generator::valid("narrow a consent", |it| {
        let (item, consent) = in_force(it)?;
        let terms = narrower(it, &item, consent.terms.as_ref()?);
        Some(it.requests.narrowing_consent(&item, &consent, terms).into())
    }),
    Generator::forbidden("narrow a consent to more than it was", |it| {
        let (item, consent) = in_force(it)?;
        let of = consent.terms.as_ref()?;
        let mut terms = again(&item, of);
        // With the nearer end it is narrower, and with the further recipient it is wider.
        terms.until = nearer(it, of);
        terms.recipients.push(nobody());
        Some(it.requests.narrowing_consent(&item, &consent, terms).into())
    }),
    Generator::forbidden("narrow a consent to what it is", |it| {
        let (item, consent) = in_force(it)?;
        let terms = again(&item, consent.terms.as_ref()?);
        Some(it.requests.narrowing_consent(&item, &consent, terms).into())
    }),
    Generator::valid("deny consent", |it| {
        let (item, asked) = asked(it)?;
        let mut request = it.requests.denying_consent(&item, &asked);
        request.reason = it.any(&[ConsentDenialReason::Source.into(), ConsentDenialReason::NotNeeded.into()]);
        Some(request.into())
    }),
    Generator::forbidden("deny consent as the one who asks", |it| {
        let item = peers_with(it, |item| !item.consent_requests.is_empty())?;
        let asked = item.consent_requests.last()?;
        Some(it.requests.denying_consent(&item, asked).into())
    }),
    Generator::valid("revoke a consent", |it| {
        let (item, consent) = in_force(it)?;
        Some(it.requests.revoking_consent(&item, &consent).into())
    }),
    Generator::forbidden("revoke a consent twice", |it| {
        let is_revoked = |consent: &Consent| consent.state() == consent::State::Revoked;
        let (item, consent) = with_consent(it, is_revoked)?;
        Some(it.requests.revoking_consent(&item, &consent).into())
    }),
    Generator::forbidden("revoke a consent of the peer", |it| {
        let item = peers_with(it, |item| !item.consents.is_empty())?;
        let consent = item.consents.last()?;
        Some(it.requests.revoking_consent(&item, consent).into())
    }),
    Generator::valid("withdraw a request for consent", |it| {
        let item = peers_with(it, |item| item.consent_requests.iter().any(is_open))?;
        let asked = item.consent_requests.iter().find(|asked| is_open(asked))?;
        Some(it.requests.withdrawing_consent_request(&item, asked).into())
    }),
    Generator::forbidden("withdraw the peer's request for consent", |it| {
        let (item, asked) = asked(it)?;
        Some(it.requests.withdrawing_consent_request(&item, &asked).into())
    }),
    Generator::valid("revise an item and keep its consents", |it| {
        let item = own_with(it, |item| is_published(item) && item.consents.iter().any(is_in_force))?;
        let mut request = it.requests.revising_item(&item);
        let in_force = item.consents.iter().filter(|consent| is_in_force(consent));
        request.kept_consents = in_force.map(|consent| consent.entry.clone()).collect();
        Some(request.into())
    }),
    Generator::valid("end the scope of an item and keep its consents", |it| {
        let item = own_with(it, |item| is_published(item) && item.consents.iter().any(is_in_force))?;
        let mut request = it.requests.revising_item(&item);
        let in_force = item.consents.iter().filter(|consent| is_in_force(consent));
        request.kept_consents = in_force.map(|consent| consent.entry.clone()).collect();
        let hours = hours(it, 12);
        let expires = Some(stamp(it.requests.now() + hours.hours()));
        let mut scope = to_units(&["incident-response"], &[Purpose::IncidentResponse]);
        if let Some(scope::Scope::Designated(designated)) = &mut scope.scope {
            designated.expires = expires;
        }
        request.terms = Some(terms_for(scope));
        Some(request.into())
    }),
    Generator::forbidden("revise an item and keep a consent to another one", |it| {
        let (of, consent) = in_force(it)?;
        let item = own_with(it, |item| item.name != of.name)?;
        let mut request = it.requests.revising_item(&item);
        request.kept_consents = vec![consent.entry];
        Some(request.into())
    }),
];

/// An extent for one to three recipients and one or two purposes, of the whole item and without an end.
fn extent(it: &mut Choosing<'_>) -> StatedConsent {
    let mut to = recipients().to_vec();
    let first = it.draw.index(to.len());
    to.rotate_left(first);
    to.truncate(1 + it.draw.index(3));
    let mut purposes = PURPOSES.to_vec();
    let first = it.draw.index(purposes.len());
    purposes.rotate_left(first);
    purposes.truncate(1 + it.draw.index(2));
    stated(&to, &purposes)
}

/// An extent for a unit of a history, and the purpose of the officials of that unit.
fn to_a_unit(it: &mut Choosing<'_>) -> StatedConsent {
    let of = [("policy", Purpose::Policy), ("incident-response", Purpose::IncidentResponse)];
    let (name, purpose) = it.draw.pick(&of).copied().unwrap_or(of[0]);
    stated(&[unit(name)], &[purpose])
}

/// The extent without units, which see the whole item; `None` if nobody is left.
fn without_units(terms: StatedConsent) -> Option<StatedConsent> {
    let is_unit = |to: &StatedRecipient| matches!(to.recipient, Some(stated_recipient::Recipient::Unit(_)));
    let recipients: Vec<_> = terms.recipients.into_iter().filter(|to| !is_unit(to)).collect();
    (!recipients.is_empty()).then_some(StatedConsent { recipients, ..terms })
}

/// A number of hours, from 1.
fn hours(it: &mut Choosing<'_>, most: u64) -> i64 {
    i64::try_from(it.draw.below(most)).unwrap_or_default() + 1
}

fn conditions(it: &mut Choosing<'_>) -> Vec<i32> {
    if it.draw.one_in(2) { vec![ConsentCondition::NoOnward.into()] } else { Vec::new() }
}

/// The extent of a fact, as a call states it.
fn again(item: &Item, terms: &ConsentTerms) -> StatedConsent {
    stated_again(&item.name, terms, &recipients())
}

/// The extent without a recipient or a purpose, of fewer parts, or with a nearer end. It may be the same extent where there is
/// nothing to remove.
fn narrower(it: &mut Choosing<'_>, item: &Item, terms: &ConsentTerms) -> StatedConsent {
    let mut narrower = again(item, terms);
    match it.draw.below(4) {
        0 if narrower.recipients.len() > 1 => {
            narrower.recipients.remove(it.draw.index(narrower.recipients.len()));
        }
        1 if narrower.purposes.len() > 1 => {
            narrower.purposes.remove(it.draw.index(narrower.purposes.len()));
        }
        2 if terms.parts.is_empty() => match without_units(narrower.clone()) {
            Some(bodies) => narrower = StatedConsent { parts: vec![ItemPart::Summary.into()], ..bodies },
            None => narrower.until = nearer(it, terms),
        },
        _ => narrower.until = nearer(it, terms),
    }
    narrower
}

/// An end within a day, or the end that is there if that is nearer.
fn nearer(it: &mut Choosing<'_>, terms: &ConsentTerms) -> Option<prost_types::Timestamp> {
    let hours = hours(it, 24);
    let near = stamp(it.requests.now() + hours.hours());
    let end = terms.until.filter(|end| (end.seconds, end.nanos) < (near.seconds, near.nanos));
    Some(end.unwrap_or(near))
}

fn is_open(asked: &RequestedConsent) -> bool {
    asked.state() == requested_consent::State::Open
}

fn is_in_force(consent: &Consent) -> bool {
    consent.state() == consent::State::InForce
}

/// An own item with a request for consent that waits for an answer.
fn asked(it: &mut Choosing<'_>) -> Option<(Item, RequestedConsent)> {
    asked_with(it, |_| true)
}

fn asked_with(it: &mut Choosing<'_>, fits: impl Fn(&RequestedConsent) -> bool) -> Option<(Item, RequestedConsent)> {
    with_request(it, |asked| is_open(asked) && fits(asked))
}

fn with_request(it: &mut Choosing<'_>, fits: impl Fn(&RequestedConsent) -> bool) -> Option<(Item, RequestedConsent)> {
    let item = own_with(it, |item| item.consent_requests.iter().any(&fits))?;
    let asked = item.consent_requests.iter().rfind(|asked| fits(asked)).cloned()?;
    Some((item, asked))
}

/// An own item with a consent that is in force.
fn in_force(it: &mut Choosing<'_>) -> Option<(Item, Consent)> {
    with_consent(it, is_in_force)
}

fn with_consent(it: &mut Choosing<'_>, fits: impl Fn(&Consent) -> bool) -> Option<(Item, Consent)> {
    let item = own_with(it, |item| item.consents.iter().any(&fits))?;
    let fitting: Vec<_> = item.consents.iter().filter(|consent| fits(consent)).cloned().collect();
    let consent = it.draw.pick(&fitting).cloned()?;
    Some((item, consent))
}
