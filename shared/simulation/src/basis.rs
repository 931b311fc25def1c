//! The facts of an item as somebody saw them, and what they permit: a disclosure, and a unit that reads it. Everything is
//! computed from the facts and from Art. 7(2), and not by the functions of the product that are checked with it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use renkei_domain::{
    moment::instant,
    noun::item::{Published, published_in},
    page::{Journal, MarkView as _, Page},
};
use renkei_proto::{
    FactKind,
    journal::v1::{Mark, fact::Fact},
    sharing::v1::{
        Body, ConsentGranted, ConsentTerms, ItemDisclosed, ItemPart, ItemTerms, LegalBasis, Recipient,
        disclosure_basis::Basis, recipient,
    },
    r#type::v1::{Agency, Audience, Purpose, Restriction, scope::Scope},
};

/// The parts of an item; no parts in a fact mean all of them.
const PARTS: [ItemPart; 5] =
    [ItemPart::Summary, ItemPart::Body, ItemPart::Details, ItemPart::Bundle, ItemPart::Attachments];

/// The facts of an item up to a position in each journal, without those that were refused by then.
pub(crate) struct ItemFacts<'a> {
    /// The facts of the originator.
    pub(crate) originator: Vec<(&'a Mark, &'a Fact)>,
    /// The facts of the receiver.
    pub(crate) receiver: Vec<(&'a Mark, &'a Fact)>,
}

/// A consent with its present extent.
struct Consent<'a> {
    mark: &'a Mark,
    granted: &'a ConsentGranted,
    extent: &'a ConsentTerms,
}

impl<'a> ItemFacts<'a> {
    /// The facts of a page, the originator's and the receiver's up to these numbers.
    pub(crate) fn until(page: &'a Page, opener: Agency, originator: u64, receiver: u64) -> Self {
        let of =
            |agency: Agency, until: u64| page.marks(Journal::Of(agency)).iter().filter(move |mark| mark.seq <= until);
        let (by_opener, by_receiver) = (of(opener, originator), of(opener.peer(), receiver));
        let refused = |by: &mut dyn Iterator<Item = &'a Mark>| -> BTreeSet<u64> {
            let refused = by.filter_map(|mark| match mark.stated() {
                Some(Fact::EntryRefused(refused)) => Some(refused.seq),
                _ => None,
            });
            refused.collect()
        };
        let (of_receiver, of_opener) = (refused(&mut by_opener.clone()), refused(&mut by_receiver.clone()));
        let counting = |marks: &mut dyn Iterator<Item = &'a Mark>, refused: &BTreeSet<u64>| {
            let counting = marks.filter(|mark| !refused.contains(&mark.seq));
            counting.filter_map(|mark| Some((mark, mark.stated()?))).collect()
        };
        Self {
            originator: counting(&mut by_opener.clone(), &of_opener),
            receiver: counting(&mut by_receiver.clone(), &of_receiver),
        }
    }

    /// All facts of a page.
    pub(crate) fn all(page: &'a Page, opener: Agency) -> Self {
        Self::until(page, opener, u64::MAX, u64::MAX)
    }

    /// The revisions, oldest first.
    pub(crate) fn revisions(&self) -> Vec<(&'a Mark, Published<'a>)> {
        self.originator.iter().filter_map(|(mark, fact)| Some((*mark, published_in(fact)?))).collect()
    }

    /// True if the originator has recalled it, as a fact states that counts.
    pub(crate) fn is_recalled(&self) -> bool {
        self.originator.iter().any(|(mark, _)| mark.kind() == Some(FactKind::ItemRecalled))
    }

    /// True if its content is sealed at the receiver: it is recalled, the receiver has answered that, or the receiver has
    /// reported that it came by mistake and the originator has not stated that it did not.
    pub(crate) fn is_sealed(&self) -> bool {
        let has_answered = self.receiver.iter().any(|(_, fact)| matches!(fact, Fact::RecallAnswered(_)));
        let report = self.receiver.iter().rfind(|(_, fact)| matches!(fact, Fact::MisdirectionReported(_)));
        let is_meant = |seq: u64| {
            let closes = |(mark, fact): &(&Mark, &Fact)| match fact {
                Fact::MisdirectionClosed(closed) => closed.unfounded && mark.answers == seq,
                _ => false,
            };
            self.originator.iter().any(closes)
        };
        self.is_recalled() || has_answered || report.is_some_and(|(mark, _)| !is_meant(mark.seq))
    }

    /// The disclosures, with the places of their entries.
    pub(crate) fn disclosures(&self) -> impl Iterator<Item = (&'a Mark, &'a ItemDisclosed)> + '_ {
        self.receiver.iter().filter_map(|(mark, fact)| match fact {
            Fact::ItemDisclosed(it) => Some((*mark, it)),
            _ => None,
        })
    }

    /// The disclosures of which the receiver has reported no copy.
    pub(crate) fn unreported(&self) -> Vec<u64> {
        let reported = |seq: u64| {
            let mut copies = self.receiver.iter().filter_map(|(_, fact)| match fact {
                Fact::CopyAnswered(it) => Some(it.disclosure),
                _ => None,
            });
            copies.any(|disclosure| disclosure == seq)
        };
        self.disclosures().map(|(mark, _)| mark.seq).filter(|seq| !reported(*seq)).collect()
    }

    /// The sentence that states why these facts permit no such disclosure at this time; `None` if they do.
    pub(crate) fn forbids(&self, it: &ItemDisclosed, now: Timestamp) -> Option<String> {
        let Some((_, current)) = self.revisions().pop() else { return Some("the item is not there".to_owned()) };
        if it.revision != current.publication.revision {
            return Some(format!("revision {} is current", current.publication.revision));
        }
        let (Some(to), Some(basis)) = (&it.recipient, it.basis.as_ref().and_then(|it| it.basis.as_ref())) else {
            return Some("it has no recipient or no basis".to_owned());
        };
        match basis {
            // The law goes before a recall.
            Basis::Law(law) => self.forbids_by_law(law, to, it),
            _ if self.is_sealed() => Some("the item is sealed".to_owned()),
            Basis::Scope(_) => {
                let terms = current.publication.terms.as_ref()?;
                let restricted = self.restrictions(terms);
                forbids_by_scope(terms, &restricted, to, it.purpose(), now)
            }
            Basis::Consent(named) => {
                let consents = self.consents();
                let Some(consent) = consents.iter().find(|consent| consent.mark.seq == named.consent) else {
                    return Some("there is no such consent".to_owned());
                };
                if let Some(ended) = self.has_ended(consent, now) {
                    return Some(ended);
                }
                let extent = consent.extent;
                let is_named = extent.recipients.iter().any(|named| is_same(named, to));
                let is_for = extent.purposes().any(|purpose| purpose == it.purpose());
                let is_of = are_within(&it.parts, &extent.parts);
                let lacks = [(is_named, "the recipient"), (is_for, "the purpose"), (is_of, "the parts")];
                let lacking = lacks.into_iter().find(|(has, _)| !has)?.1;
                Some(format!("the consent does not have {lacking}"))
            }
        }
    }

    /// Where the originator was told first, the recipient, the ground and the parts are those of the announcement.
    fn forbids_by_law(&self, law: &LegalBasis, to: &Recipient, it: &ItemDisclosed) -> Option<String> {
        if law.announcement == 0 {
            return None;
        }
        let announced = self.receiver.iter().find_map(|(mark, fact)| match fact {
            Fact::DisclosureAnnounced(it) if mark.seq == law.announcement => Some(it),
            _ => None,
        });
        let is_as_announced = announced.is_some_and(|announced| {
            let named = announced.recipient.as_ref();
            announced.ground == law.ground
                && named.is_some_and(|named| is_same(named, to))
                && are_within(&it.parts, &announced.parts)
        });
        (!is_as_announced).then(|| "it was not announced like this".to_owned())
    }

    /// The restrictions of the current marking, with those under which the receiver has acknowledged the item.
    fn restrictions(&self, terms: &ItemTerms) -> Vec<Restriction> {
        let raised = self.receiver.iter().filter_map(|(_, fact)| match fact {
            Fact::ItemAcknowledged(it) => it.marking.as_ref(),
            _ => None,
        });
        terms.marking.iter().chain(raised).flat_map(|marking| marking.restrictions()).collect()
    }

    fn consents(&self) -> Vec<Consent<'a>> {
        let granted = self.originator.iter().filter_map(|(mark, fact)| match fact {
            Fact::ConsentGranted(granted) => Some((*mark, granted)),
            _ => None,
        });
        let narrowed = |seq: u64| {
            self.originator.iter().rev().find_map(|(_, fact)| match fact {
                Fact::ConsentNarrowed(narrowed) if narrowed.consent == seq => narrowed.terms.as_ref(),
                _ => None,
            })
        };
        let consents = granted.filter_map(|(mark, granted)| {
            let extent = narrowed(mark.seq).or(granted.terms.as_ref())?;
            Some(Consent { mark, granted, extent })
        });
        consents.collect()
    }

    /// The sentence that states why a consent is not in force; `None` if it is.
    fn has_ended(&self, consent: &Consent<'_>, now: Timestamp) -> Option<String> {
        let is_revoked = self.originator.iter().any(|(_, fact)| match fact {
            Fact::ConsentRevoked(revoked) => revoked.consent == consent.mark.seq,
            _ => false,
        });
        if is_revoked {
            return Some("the consent is revoked".to_owned());
        }
        let revisions = self.revisions();
        let later = revisions.iter().filter(|(mark, _)| mark.seq > consent.mark.seq);
        let dropped = later.map(|(_, it)| it.publication).find(|it| !it.kept_consents.contains(&consent.mark.seq));
        if let Some(dropped) = dropped {
            return Some(format!("revision {} does not keep the consent", dropped.revision));
        }
        let scope_ends = revisions.last().and_then(|(_, it)| expires(it.publication.terms.as_ref()?));
        let has_ended = |end: Timestamp| end <= now;
        let is_over =
            consent.extent.until.as_ref().map(instant).is_some_and(has_ended) || scope_ends.is_some_and(has_ended);
        is_over.then(|| "the consent has ended".to_owned())
    }

    /// True if a unit may read a revision for a purpose: the scope of the revision includes it, or a consent to this revision
    /// or to one before.
    pub(crate) fn may_read(&self, revision: &Published<'_>, unit: &str, purpose: Purpose, now: Timestamp) -> bool {
        let Some(terms) = &revision.publication.terms else { return false };
        let is_named = |named: &Recipient| match &named.recipient {
            Some(recipient::Recipient::Unit(named)) => named.unit == unit,
            _ => false,
        };
        let consents = self.consents();
        let mut consents = consents.iter().filter(|it| it.granted.revision <= revision.publication.revision);
        let permits = |consent: &Consent<'_>| {
            let extent = consent.extent;
            extent.recipients.iter().any(is_named)
                && extent.purposes().any(|named| named == purpose)
                && self.has_ended(consent, now).is_none()
        };
        is_in_scope(terms, unit, purpose, now) || (!self.is_sealed() && consents.any(permits))
    }
}

/// The end of a scope; `None` if it has none.
fn expires(terms: &ItemTerms) -> Option<Timestamp> {
    match terms.scope.as_ref()?.scope.as_ref()? {
        Scope::Designated(it) => it.expires.as_ref().map(instant),
        Scope::Undesignated(_) => None,
    }
}

/// True if a unit of the receiver may read what is shared under these terms.
fn is_in_scope(terms: &ItemTerms, unit: &str, purpose: Purpose, now: Timestamp) -> bool {
    match terms.scope.as_ref().and_then(|scope| scope.scope.as_ref()) {
        None => false,
        Some(Scope::Undesignated(_)) => true,
        Some(Scope::Designated(it)) => {
            let is_of_units = it.audience() == Audience::Units;
            let is_for = it.audience() == Audience::Public || it.purposes().any(|named| named == purpose);
            let has_ended = expires(terms).is_some_and(|end| end <= now);
            is_for && !has_ended && (!is_of_units || it.units.iter().any(|named| named == unit))
        }
    }
}

/// The sentence that states why a scope does not include a recipient for a purpose; `None` if it does.
fn forbids_by_scope(
    terms: &ItemTerms,
    restrictions: &[Restriction],
    to: &Recipient,
    purpose: Purpose,
    now: Timestamp,
) -> Option<String> {
    let Some(Scope::Designated(scope)) = terms.scope.as_ref().and_then(|scope| scope.scope.as_ref()) else {
        return Some("no scope is designated: it is for the party alone".to_owned());
    };
    let (is_unit, is_served, is_of_community) = match to.recipient.as_ref()? {
        recipient::Recipient::Unit(_) => (true, false, false),
        recipient::Recipient::Named(it) => (false, it.served, false),
        recipient::Recipient::Listed(it) => {
            let bodies_outside = [Body::Diet, Body::Court, Body::BoardOfAudit];
            (false, false, !bodies_outside.contains(&it.body()))
        }
    };
    let is_included = match scope.audience() {
        Audience::Public => true,
        Audience::Community => is_unit || is_served || is_of_community,
        Audience::Clients => is_unit || is_served,
        Audience::Organisation => is_unit,
        Audience::Units => match to.recipient.as_ref()? {
            recipient::Recipient::Unit(it) => scope.units.contains(&it.unit),
            _ => false,
        },
        _ => false,
    };
    let is_for = scope.audience() == Audience::Public || scope.purposes().any(|named| named == purpose);
    let embargo = terms.plan.as_ref().and_then(|plan| plan.embargo_until.as_ref()).map(instant);
    let stays = [Restriction::NoForward, Restriction::NoDistribution];
    let hindrances = [
        (!is_included, "the scope does not include the recipient"),
        (!is_for, "the scope does not include the purpose"),
        (expires(terms).is_some_and(|end| end <= now), "the scope has ended"),
        (embargo.is_some_and(|embargo| now < embargo), "the embargo has not ended"),
        (restrictions.iter().any(|it| stays.contains(it)), "its marking forbids passing it on"),
    ];
    hindrances.into_iter().find(|(hinders, _)| *hinders).map(|(_, why)| why.to_owned())
}

/// True if two facts name one recipient. The name of a body that is not in the list is in its digest.
fn is_same(one: &Recipient, other: &Recipient) -> bool {
    let key = |it: &Recipient| match it.recipient.clone() {
        None => (0, Vec::new()),
        Some(recipient::Recipient::Listed(it)) => (1, it.body.to_be_bytes().to_vec()),
        Some(recipient::Recipient::Named(it)) => (2, it.digest),
        Some(recipient::Recipient::Unit(it)) => (3, it.unit.into_bytes()),
    };
    one.recipient.is_some() && key(one) == key(other)
}

/// True if these parts are among those.
fn are_within(inner: &[i32], outer: &[i32]) -> bool {
    let all = |parts: &[i32]| -> BTreeSet<i32> {
        if parts.is_empty() { PARTS.into_iter().map(i32::from).collect() } else { parts.iter().copied().collect() }
    };
    all(inner).is_subset(&all(outer))
}
