//! Acts of sharing (Art. 5(2), 7(2)) as an honest agency makes them.

use jiff::ToSpan as _;
use renkei_domain::{
    calendar, era,
    matter::{Matter, parse_entry_name},
    moment::stamp,
    noun::{
        Resource as _,
        item::{ORDINAL, current, recall},
    },
    scope::{self, raised},
};
use renkei_proto::{
    journal::v1::fact,
    sharing::v1::{
        AttackMethodPublished, Item, ItemAcknowledged, ItemFeedbackGiven, ItemKind, ItemQuestionAnswered,
        ItemQuestionAsked, ItemRecalled, ItemTerms, ItemUnitsMissing, Necessity, Publication, RecallAnswered,
        RecallDisposition, RecallReason, ResearchResultPublished, TechnologyTrendPublished, ThreatInformationPublished,
        Usefulness,
    },
    r#type::v1::{
        Agency, Audience, Confidentiality, Designated, Marking, Purpose, Restriction, Scope, Undesignated,
        scope::Scope as Said,
    },
};

use super::model::{Act, Party};

/// The nth item of an agency.
pub fn item(opener: Agency, n: u8) -> Matter {
    Matter::new(renkei_domain::noun::item::COLLECTION, opener, &format!("0190a5f0-0000-7000-8000-0000000002{n:02x}"))
}

/// The item as an agency shows it, without its content.
pub fn shown(party: &Party, matter: &Matter) -> Option<Item> {
    Item::of(matter, party.page(matter), party.now, String::new())
}

/// The kinds of item that an agency shares.
pub fn kinds(agency: Agency) -> &'static [ItemKind] {
    match agency {
        Agency::Ppc => &[ItemKind::AttackMethod],
        _ => &[ItemKind::ResearchResult, ItemKind::ThreatInformation, ItemKind::TechnologyTrend],
    }
}

pub fn undesignated() -> Scope {
    Scope { scope: Some(Said::Undesignated(Undesignated {})) }
}

pub fn designated(audience: Audience, units: &[&str], purposes: &[Purpose]) -> Designated {
    Designated {
        audience: audience.into(),
        units: units.iter().map(ToString::to_string).collect(),
        purposes: purposes.iter().map(|purpose| i32::from(*purpose)).collect(),
        expires: None,
    }
}

/// Undesignated, at 機密性2, without an end.
pub fn terms() -> ItemTerms {
    ItemTerms { scope: Some(undesignated()), marking: Some(scope::marking(None)), ..ItemTerms::default() }
}

/// The same within a scope.
pub fn within(designated: Designated) -> ItemTerms {
    ItemTerms { scope: Some(Scope { scope: Some(Said::Designated(designated)) }), ..terms() }
}

/// Terms of all sorts, by a number.
fn varied(party: &Party, n: u8) -> ItemTerms {
    let expires = Some(stamp(party.now + 100.hours()));
    let units = designated(Audience::Units, &["incident-response"], &[Purpose::IncidentResponse, Purpose::Training]);
    match n % 4 {
        0 => terms(),
        1 => within(Designated { expires, ..units }),
        2 => within(designated(Audience::Clients, &[], &[Purpose::Guidance])),
        _ => within(designated(Audience::Public, &[], &[])),
    }
}

/// The fact that publishes such a kind.
pub fn fact(kind: ItemKind, publication: Publication) -> fact::Fact {
    let publication = Some(publication);
    match kind {
        ItemKind::ResearchResult => fact::Fact::ResearchResultPublished(ResearchResultPublished { publication }),
        ItemKind::ThreatInformation => {
            fact::Fact::ThreatInformationPublished(ThreatInformationPublished { publication })
        }
        ItemKind::TechnologyTrend => fact::Fact::TechnologyTrendPublished(TechnologyTrendPublished { publication }),
        _ => {
            let necessity = Necessity::PreventSimilar.into();
            fact::Fact::AttackMethodPublished(AttackMethodPublished { publication, necessity })
        }
    }
}

pub fn publication(party: &Party, terms: ItemTerms) -> Publication {
    let fiscal_year = u32::try_from(era::fiscal_year(calendar::day(party.now))).unwrap();
    let year_ordinal = party.next(fiscal_year, &ORDINAL);
    Publication { revision: 1, terms: Some(terms), fiscal_year, year_ordinal, ..Publication::default() }
}

pub fn publish(party: &Party, matter: &Matter, kind: ItemKind, terms: ItemTerms) -> Act {
    Act::new(matter, fact(kind, publication(party, terms)))
}

/// Publishes the nth item of an agency, of some kind under some terms.
pub fn publish_some(party: &Party, n: u8) -> Act {
    let kinds = kinds(party.own);
    let kind = kinds[usize::from(n) % kinds.len()];
    publish(party, &item(party.own, n % 4), kind, varied(party, n))
}

/// Revises an own item to the revision after the current one.
pub fn revise(party: &Party, matter: &Matter, terms: ItemTerms) -> Act {
    let current = current(party.page(matter), matter.opener);
    let kind = current.map_or(kinds(party.own)[0], |current| current.it.kind);
    let before = current.map_or_else(|| publication(party, terms.clone()), |current| current.it.publication.clone());
    Act::new(matter, fact(kind, Publication { revision: before.revision + 1, terms: Some(terms), ..before }))
}

pub fn recall_item(matter: &Matter) -> Act {
    let fact = ItemRecalled { reason: RecallReason::Incorrect.into(), ..ItemRecalled::default() };
    Act::new(matter, fact::Fact::ItemRecalled(fact))
}

/// The fact that the receiver's service writes when a recall arrives.
pub fn seal(party: &Party, matter: &Matter) -> Act {
    let recalled = recall(party.page(matter), matter.opener).map_or(0, |(mark, _)| mark.seq);
    let fact = RecallAnswered { disposition: RecallDisposition::Sealed.into() };
    Act::new(matter, fact::Fact::RecallAnswered(fact)).answering(recalled)
}

/// The receiver speaks of the current revision.
pub fn about_current(party: &Party, matter: &Matter, made: impl Fn(u32) -> fact::Fact) -> Act {
    let current = current(party.page(matter), matter.opener);
    let fact = made(current.map_or(1, |current| current.it.publication.revision));
    Act::new(matter, fact).answering(current.map_or(0, |current| current.mark.seq))
}

pub fn acknowledge(party: &Party, matter: &Matter, marking: Option<Marking>) -> Act {
    about_current(party, matter, |revision| {
        fact::Fact::ItemAcknowledged(ItemAcknowledged { revision, marking: marking.clone() })
    })
}

pub fn marking(level: Confidentiality, restrictions: &[Restriction]) -> Marking {
    let restrictions = restrictions.iter().map(|restriction| i32::from(*restriction)).collect();
    Marking { confidentiality: level.into(), restrictions }
}

/// Acknowledges the current revision under one restriction more than before.
pub fn raise(party: &Party, matter: &Matter) -> Act {
    let before = shown(party, matter).and_then(|shown| shown.marking).unwrap_or_default();
    let all = [Restriction::NoCopy, Restriction::NoForward, Restriction::NoPrint, Restriction::Return];
    let next = all.into_iter().find(|restriction| !before.restrictions().any(|it| it == *restriction));
    let more = marking(Confidentiality::Level2, next.as_slice());
    acknowledge(party, matter, Some(raised(&before, &more)))
}

/// The fact that the receiver's service writes when a revision names units that it does not have.
pub fn missing_units(party: &Party, matter: &Matter, units: &[&str]) -> Act {
    let units: Vec<String> = units.iter().map(ToString::to_string).collect();
    about_current(party, matter, |revision| {
        fact::Fact::ItemUnitsMissing(ItemUnitsMissing { revision, units: units.clone() })
    })
}

pub fn ask_about(party: &Party, matter: &Matter) -> Act {
    about_current(party, matter, |_| fact::Fact::ItemQuestionAsked(ItemQuestionAsked {}))
}

pub fn feedback(party: &Party, matter: &Matter) -> Act {
    about_current(party, matter, |revision| {
        fact::Fact::ItemFeedbackGiven(ItemFeedbackGiven { revision, usefulness: Usefulness::Used.into() })
    })
}

/// Answers the first question that is open, or else the last one again.
pub fn answer_question(party: &Party, matter: &Matter) -> Act {
    let asked = shown(party, matter).map(|shown| shown.questions).unwrap_or_default();
    let open = asked.iter().find(|asked| asked.answer.is_empty()).or(asked.last());
    let seq = open.and_then(|open| parse_entry_name(&open.entry)).map_or(0, |(_, seq)| seq);
    Act::new(matter, fact::Fact::ItemQuestionAnswered(ItemQuestionAnswered {})).answering(seq)
}
