//! Sharing (Art. 5(2)) within a scope (Art. 7(2)).

use jiff::ToSpan as _;
use renkei_domain::{
    moment::stamp,
    noun::item::{self, ItemNoun},
};
use renkei_proto::{
    sharing::v1::{Item, ItemKind, ItemTerms, Necessity, PublicationPlan, RecallReason, Usefulness},
    r#type::v1::{Agency, Audience, Confidentiality, Designated, Marking, Purpose, Restriction, Scope, scope},
};

use super::sharing::{own, peers};
use crate::{
    act::Act,
    generator::{Choosing, Generator},
    requests::{item_content, terms_for, to_audience, to_the_party, to_units},
};

/// The number of own items from which on a further one is rare, so that the acts of both sides meet in few items.
const FEW: usize = 4;
/// One of so many is published then.
const RARE: u64 = 6;

pub(super) const GENERATORS: &[Generator] = &[
    Generator::valid("publish an item", |it| published(it, to_the_party())),
    Generator::valid("publish an item for a unit and a purpose", |it| {
        let scope = to_units(&["incident-response"], &[Purpose::IncidentResponse]);
        published(it, scope)
    }),
    Generator::valid("publish an item that is visible for a time", |it| {
        let hours = i64::try_from(it.draw.below(200)).unwrap_or_default() + 1;
        let expires = Some(stamp(it.requests.now() + hours.hours()));
        published(it, designated(Designated { expires, ..units() }))
    }),
    Generator::valid("publish an item for a unit that the receiver lacks", |it| {
        published(it, to_units(&["another-unit"], &[Purpose::Policy]))
    }),
    Generator::valid("publish an item with an embargo", |it| {
        let publisher = if it.draw.one_in(2) { Agency::Ppc } else { Agency::Ipa };
        let embargo_until = Some(stamp(it.requests.now() + 30.hours()));
        let plan = Some(PublicationPlan { embargo_until, publisher: publisher.into() });
        with_terms(it, ItemTerms { plan, ..terms_for(to_the_party()) })
    }),
    Generator::valid("publish an item for the organisation and those whom it serves", |it| {
        published(it, to_audience(Audience::Clients, &[Purpose::IncidentResponse, Purpose::Policy]))
    }),
    Generator::valid("publish an item for the community", |it| {
        published(it, to_audience(Audience::Community, &[Purpose::IncidentResponse]))
    }),
    Generator::valid("publish an item for the community until a time", |it| {
        let hours = i64::try_from(it.draw.below(40)).unwrap_or_default() + 1;
        let expires = Some(stamp(it.requests.now() + hours.hours()));
        let purposes = vec![Purpose::IncidentResponse.into(), Purpose::Policy.into()];
        let audience = Audience::Community.into();
        published(it, designated(Designated { audience, purposes, expires, ..Designated::default() }))
    }),
    Generator::valid("publish a public item", |it| published(it, to_audience(Audience::Public, &[]))),
    Generator::valid("publish an item that is not to be passed on", |it| {
        let restrictions = vec![it.any(&[Restriction::NoForward.into(), Restriction::NoDistribution.into()])];
        let marking = Some(Marking { confidentiality: Confidentiality::Level2.into(), restrictions });
        let scope = to_audience(Audience::Community, &[Purpose::IncidentResponse]);
        with_terms(it, ItemTerms { marking, ..terms_for(scope) })
    }),
    Generator::valid("publish an item for the community with an embargo", |it| {
        let hours = i64::try_from(it.draw.below(20)).unwrap_or_default() + 1;
        let embargo_until = Some(stamp(it.requests.now() + hours.hours()));
        let plan = Some(PublicationPlan { embargo_until, publisher: it.own().into() });
        let scope = to_audience(Audience::Community, &[Purpose::IncidentResponse]);
        with_terms(it, ItemTerms { plan, ..terms_for(scope) })
    }),
    Generator::forbidden("publish a public item with an embargo", |it| {
        // The act may be dated days ahead of a clock that was wrong.
        let embargo_until = Some(stamp(it.requests.now() + 1000.hours()));
        let plan = Some(PublicationPlan { embargo_until, publisher: it.own().into() });
        let public = designated(Designated { audience: Audience::Public.into(), ..Designated::default() });
        with_terms(it, ItemTerms { plan, ..terms_for(public) })
    }),
    Generator::boundary("publish an item whose scope ends at once", |it| {
        let expires = Some(stamp(it.requests.now() + 1.microsecond()));
        published(it, designated(Designated { expires, ..units() }))
    }),
    Generator::forbidden("publish an item without a scope", |it| {
        let mut request = it.requests.publishing_item(to_the_party());
        request.terms = Some(ItemTerms::default());
        Some(request.into())
    }),
    Generator::forbidden("publish an item of the other agency's kind", |it| {
        let kind = if it.own() == Agency::Ppc { ItemKind::ThreatInformation } else { ItemKind::AttackMethod };
        let mut request = it.requests.publishing_item(to_the_party());
        request.content = Some(item_content(kind, "他機関の種別", it.requests.now()));
        Some(request.into())
    }),
    Generator::valid("revise an item", |it| {
        let item = own(it)?;
        Some(it.requests.revising_item(&item).into())
    }),
    Generator::valid("narrow an item", |it| {
        let mut request = it.requests.revising_item(&own(it)?);
        request.terms = Some(terms_for(to_units(&["incident-response"], &[Purpose::IncidentResponse])));
        Some(request.into())
    }),
    Generator::valid("widen an item to the community", |it| {
        let mut request = it.requests.revising_item(&own(it)?);
        request.terms = Some(terms_for(to_audience(Audience::Community, &[Purpose::IncidentResponse])));
        Some(request.into())
    }),
    Generator::valid("widen an item", |it| {
        let mut request = it.requests.revising_item(&own(it)?);
        request.terms = Some(terms_for(to_the_party()));
        Some(request.into())
    }),
    Generator::forbidden("revise the peer's item", |it| {
        let item: Item = it.one_of(&ItemNoun, it.own().peer())?;
        Some(it.requests.revising_item(&item).into())
    }),
    Generator::forbidden("revise an item with an old etag", |it| {
        let mut request = it.requests.revising_item(&own(it)?);
        request.etag = "0000000000000000".to_owned();
        Some(request.into())
    }),
    Generator::valid("recall an item", |it| {
        let item = own(it)?;
        let mut request = it.requests.recalling(&item);
        request.reason = it.any(&[RecallReason::Incorrect.into(), RecallReason::Misdirected.into()]);
        Some(request.into())
    }),
    Generator::forbidden("recall the peer's item", |it| {
        let item: Item = it.one_of(&ItemNoun, it.own().peer())?;
        Some(it.requests.recalling(&item).into())
    }),
    Generator::valid("acknowledge an item", |it| {
        let item = peers(it)?;
        Some(it.requests.acknowledging(&item).into())
    }),
    Generator::valid("acknowledge an item under a restriction", |it| {
        let item = peers(it)?;
        let mut request = it.requests.acknowledging(&item);
        let restrictions = vec![it.any(&[Restriction::NoCopy.into(), Restriction::NoForward.into()])];
        request.marking = Some(Marking { confidentiality: Confidentiality::Level2.into(), restrictions });
        Some(request.into())
    }),
    Generator::forbidden("acknowledge an own item", |it| {
        let item: Item = it.one_of(&ItemNoun, it.own())?;
        Some(it.requests.acknowledging(&item).into())
    }),
    Generator::valid("ask about an item", |it| {
        let item = peers(it)?;
        Some(it.requests.asking_about(&item).into())
    }),
    Generator::valid("answer a question about an item", |it| {
        let is_open = |item: &Item| item.questions.iter().any(|question| question.answer.is_empty());
        let item = it.one_with(&ItemNoun, it.own(), is_open)?;
        Some(it.requests.answering_about(&item).into())
    }),
    Generator::valid("give feedback on an item", |it| {
        let mut request = it.requests.giving_feedback(&peers(it)?);
        request.usefulness = it.any(&[Usefulness::Used.into(), Usefulness::Doubted.into()]);
        Some(request.into())
    }),
];

fn units() -> Designated {
    Designated {
        audience: Audience::Units.into(),
        units: vec!["incident-response".to_owned()],
        purposes: vec![Purpose::IncidentResponse.into(), Purpose::Training.into()],
        expires: None,
    }
}

fn designated(designated: Designated) -> Scope {
    Scope { scope: Some(scope::Scope::Designated(designated)) }
}

fn published(it: &mut Choosing<'_>, scope: Scope) -> Option<Act> {
    with_terms(it, terms_for(scope))
}

fn with_terms(it: &mut Choosing<'_>, terms: ItemTerms) -> Option<Act> {
    if it.shown.names(item::COLLECTION, it.own()).len() >= FEW && !it.draw.one_in(RARE) {
        return None;
    }
    let mut request = it.requests.publishing_item(to_the_party());
    request.terms = Some(terms);
    if it.own() == Agency::Ppc {
        request.necessity = it.any(&[Necessity::Prevent.into(), Necessity::Respond.into()]);
    } else {
        let kinds = [ItemKind::ThreatInformation, ItemKind::ResearchResult, ItemKind::TechnologyTrend];
        let kind = it.draw.pick(&kinds).copied()?;
        request.content = Some(item_content(kind, "脅威の情報", it.requests.now()));
    }
    Some(request.into())
}
