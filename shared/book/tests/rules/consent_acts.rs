//! Acts of consent, disclosure and the effect of a recall (Art. 7(2)) as an honest agency makes them.

use jiff::ToSpan as _;
use renkei_domain::{
    calendar,
    matter::{Matter, parse_entry_name},
    moment::{instant, stamp},
    noun::item::{
        consent::{granted, open_requests, requested},
        copies, current,
        disclosure::law,
        recipient,
    },
};
use renkei_proto::{
    journal::v1::fact,
    options::v1::Reason,
    sharing::v1::{
        Body, ConsentBasis, ConsentDenialReason, ConsentDenied, ConsentGranted, ConsentNarrowed,
        ConsentRequestWithdrawn, ConsentRequested, ConsentRevoked, ConsentTerms, CopyAnswered, CopyFate,
        DisclosureAnnounced, DisclosureBasis, DisclosureOpinionGiven, DisposalGround, ItemDisclosed, ItemDisposed,
        ItemPart, ItemRecalled, ItemTerms, LegalBasis, LegalGround, ListedBody, MisdirectionClosed,
        MisdirectionReadersCounted, MisdirectionReported, NamedRecipient, OralConsent, RecallReason, RecallReminded,
        ReceiverUnit, Recipient, RecipientDemand, ScopeBasis, consent, disclosure_basis::Basis,
        recipient::Recipient as To,
    },
    r#type::v1::{Agency, Audience, Purpose},
};

use super::{
    item_acts::{about_current, item, kinds, publish, revise, shown},
    model::{Act, Pair, Party},
};

/// The purposes that most items and consents here allow.
pub const TWO: [Purpose; 2] = [Purpose::IncidentResponse, Purpose::Policy];

/// The item of the tests, which IPA has shared.
pub fn matter() -> Matter {
    item(Agency::Ipa, 0)
}

/// IPA has shared the item with PPC under these terms.
pub fn shared(terms: ItemTerms) -> Pair {
    let mut pair = Pair::new();
    let act = publish(&pair.ipa, &matter(), kinds(Agency::Ipa)[0], terms);
    pair.ipa.write(&act).unwrap();
    pair.exchange(Agency::Ipa);
    pair
}

/// The reason for which an act is refused, and the field that caused it. What an official can put right has a sentence in
/// both languages.
pub fn refusal(party: &Party, act: &Act) -> Option<(Reason, &'static str)> {
    let refusal = party.judge(act).err()?;
    let for_developers = matches!(refusal.reason, Reason::FactDiffers | Reason::HeaderDiffers);
    assert!(!refusal.detail.english.is_empty());
    assert_eq!(refusal.detail.japanese.is_empty(), for_developers, "{refusal:?}");
    Some((refusal.reason, refusal.field))
}

/// A body of the list.
pub fn listed(body: Body) -> Recipient {
    Recipient { recipient: Some(To::Listed(ListedBody { body: body.into() })) }
}

/// A unit of the receiver.
pub fn unit(id: &str) -> Recipient {
    Recipient { recipient: Some(To::Unit(ReceiverUnit { unit: id.to_owned() })) }
}

/// The names of bodies that are not in the list.
const NAMES: [&str; 4] = ["one", "two", "served", "another"];

/// One of these bodies, as facts of an item name it.
pub fn named(matter: &Matter, name: &str, served: bool) -> Recipient {
    assert!(NAMES.contains(&name), "{name}");
    let digest = recipient::digest(matter, name).unwrap();
    Recipient { recipient: Some(To::Named(NamedRecipient { digest, served })) }
}

/// The names of the recipients that a fact of an item commits to.
pub fn names(matter: &Matter, recipients: &[Recipient]) -> Vec<String> {
    let digests = recipients.iter().filter_map(|it| match &it.recipient {
        Some(To::Named(it)) => Some(Some(it.digest.clone())),
        _ => None,
    });
    let name = |digest| NAMES.into_iter().find(|name| recipient::digest(matter, name) == digest);
    digests.filter_map(name).map(ToOwned::to_owned).collect()
}

/// An extent without an end, for the whole item.
pub fn extent(recipients: &[Recipient], purposes: &[Purpose]) -> ConsentTerms {
    ConsentTerms {
        recipients: recipients.to_vec(),
        purposes: purposes.iter().map(|purpose| i32::from(*purpose)).collect(),
        ..ConsentTerms::default()
    }
}

/// The same for some parts.
pub fn of_parts(terms: ConsentTerms, parts: &[ItemPart]) -> ConsentTerms {
    ConsentTerms { parts: parts.iter().map(|part| i32::from(*part)).collect(), ..terms }
}

fn usual() -> ConsentTerms {
    extent(&[listed(Body::Nco), unit("policy")], &[Purpose::IncidentResponse, Purpose::Policy])
}

/// Requests consent to an extent for the current revision.
pub fn request_for(party: &Party, matter: &Matter, terms: ConsentTerms, oral: Option<OralConsent>) -> Act {
    let terms = Some(terms);
    about_current(party, matter, |revision| {
        fact::Fact::ConsentRequested(ConsentRequested { revision, terms: terms.clone(), oral: oral.clone() })
    })
}

/// The record of an oral consent of an hour ago.
pub fn oral(party: &Party) -> OralConsent {
    let confirm_by = calendar::day(party.now + 24.hours()).to_string();
    OralConsent { given_at: Some(stamp(party.now - 1.hour())), confirm_by, by_rule: false }
}

/// Requests the usual extent: in writing, then orally, and so on.
pub fn request(party: &Party, matter: &Matter) -> Act {
    let before = requested(party.page(matter), matter.opener).count();
    request_for(party, matter, usual(), (before % 2 == 1).then(|| oral(party)))
}

/// Consents to an extent for the current revision, in answer to a request; 0 for none.
pub fn grant_for(party: &Party, matter: &Matter, terms: ConsentTerms, request: u64) -> Act {
    let current = current(party.page(matter), matter.opener);
    let revision = current.map_or(1, |current| current.it.publication.revision);
    Act::new(matter, fact::Fact::ConsentGranted(ConsentGranted { revision, terms: Some(terms) })).answering(request)
}

/// Consents without a request.
pub fn grant_in_advance(party: &Party, matter: &Matter) -> Act {
    grant_for(party, matter, usual(), 0)
}

/// The first request that is open, or else the last one again, or one that does not exist.
fn asked(party: &Party, matter: &Matter) -> (u64, ConsentTerms) {
    let page = party.page(matter);
    let found = open_requests(page, matter.opener).next().or_else(|| requested(page, matter.opener).last());
    found.map_or_else(|| (1, usual()), |it| (it.mark.seq, it.it.terms.clone().unwrap()))
}

/// Consents to the whole of the first open request, and then to a part of each.
pub fn grant(party: &Party, matter: &Matter) -> Act {
    let (seq, mut terms) = asked(party, matter);
    if granted(party.page(matter), matter.opener).next().is_some() {
        terms.recipients.truncate(1);
        terms.until = Some(stamp(party.now + 40.hours()));
        terms = of_parts(terms, &[ItemPart::Summary]);
    }
    grant_for(party, matter, terms, seq)
}

pub fn deny(party: &Party, matter: &Matter) -> Act {
    let fact = ConsentDenied { reason: ConsentDenialReason::Source.into() };
    Act::new(matter, fact::Fact::ConsentDenied(fact)).answering(asked(party, matter).0)
}

pub fn withdraw_request(party: &Party, matter: &Matter) -> Act {
    let fact = ConsentRequestWithdrawn { request: asked(party, matter).0 };
    Act::new(matter, fact::Fact::ConsentRequestWithdrawn(fact))
}

/// The last consent in force, or else the last one, or one that does not exist.
pub fn consent(party: &Party, matter: &Matter) -> (u64, ConsentTerms) {
    let (page, opener) = (party.page(matter), matter.opener);
    let in_force = |it: &renkei_domain::noun::item::consent::Granted<'_>| {
        it.state(page, opener, party.now) == consent::State::InForce
    };
    let found = granted(page, opener).filter(in_force).last().or_else(|| granted(page, opener).last());
    found.map_or_else(|| (1, usual()), |it| (it.mark.seq, it.terms.clone()))
}

pub fn narrow_to(matter: &Matter, consent: u64, terms: ConsentTerms) -> Act {
    Act::new(matter, fact::Fact::ConsentNarrowed(ConsentNarrowed { consent, terms: Some(terms) }))
}

/// Takes the last recipient off, then the last purpose, then an hour.
pub fn narrow(party: &Party, matter: &Matter) -> Act {
    let (seq, mut terms) = consent(party, matter);
    if terms.recipients.len() > 1 {
        terms.recipients.pop();
    } else if terms.purposes.len() > 1 {
        terms.purposes.pop();
    } else {
        let until = terms.until.as_ref().map_or(party.now + 50.hours(), |until| instant(until) - 1.hour());
        terms.until = Some(stamp(until));
    }
    narrow_to(matter, seq, terms)
}

pub fn revoke_consent(matter: &Matter, consent: u64) -> Act {
    Act::new(matter, fact::Fact::ConsentRevoked(ConsentRevoked { consent }))
}

pub fn revoke(party: &Party, matter: &Matter) -> Act {
    revoke_consent(matter, consent(party, matter).0)
}

/// A revision under the same terms that keeps these consents.
pub fn revise_keeping(party: &Party, matter: &Matter, kept: &[u64]) -> Act {
    let terms = current(party.page(matter), matter.opener).map(|it| it.terms().clone()).unwrap_or_default();
    let mut act = revise(party, matter, terms);
    let publication = match &mut act.fact {
        fact::Fact::AttackMethodPublished(it) => it.publication.as_mut(),
        fact::Fact::ResearchResultPublished(it) => it.publication.as_mut(),
        fact::Fact::ThreatInformationPublished(it) => it.publication.as_mut(),
        fact::Fact::TechnologyTrendPublished(it) => it.publication.as_mut(),
        other => panic!("{other:?} publishes nothing"),
    };
    publication.unwrap().kept_consents = kept.to_vec();
    act
}

/// A revision that keeps every consent in force.
pub fn keep(party: &Party, matter: &Matter) -> Act {
    let (page, opener) = (party.page(matter), matter.opener);
    let in_force = granted(page, opener).filter(|it| it.state(page, opener, party.now) == consent::State::InForce);
    let kept: Vec<u64> = in_force.map(|it| it.mark.seq).collect();
    revise_keeping(party, matter, &kept)
}

/// Discloses the current revision on a basis.
pub fn disclose(party: &Party, matter: &Matter, to: Recipient, purpose: Purpose, parts: &[i32], basis: Basis) -> Act {
    let disclosed = ItemDisclosed {
        revision: 0,
        recipient: Some(to),
        purpose: purpose.into(),
        parts: parts.to_vec(),
        basis: Some(DisclosureBasis { basis: Some(basis) }),
    };
    about_current(party, matter, |revision| fact::Fact::ItemDisclosed(ItemDisclosed { revision, ..disclosed.clone() }))
}

/// Discloses on the scope to somebody whom the scope admits, if it admits anybody.
pub fn disclose_in_scope(party: &Party, matter: &Matter) -> Act {
    use renkei_proto::r#type::v1::scope::Scope;
    let terms = current(party.page(matter), matter.opener).map(|it| it.terms().clone()).unwrap_or_default();
    let designated = match terms.scope.and_then(|it| it.scope) {
        Some(Scope::Designated(it)) => it,
        _ => renkei_proto::r#type::v1::Designated::default(),
    };
    let purpose = designated.purposes().next().unwrap_or(Purpose::Policy);
    let to = match designated.audience() {
        Audience::Clients => named(matter, "served", true),
        Audience::Units => unit(&designated.units[0]),
        _ => listed(Body::JpcertCc),
    };
    disclose(party, matter, to, purpose, &[], Basis::Scope(ScopeBasis {}))
}

/// Discloses on the last consent to its first recipient.
pub fn disclose_by_consent(party: &Party, matter: &Matter) -> Act {
    let (consent, terms) = consent(party, matter);
    let purpose = terms.purposes().next().unwrap();
    let basis = Basis::Consent(ConsentBasis { consent });
    disclose(party, matter, terms.recipients[0].clone(), purpose, &terms.parts, basis)
}

/// The announcements of an item, with the state of each.
fn announcements(party: &Party, matter: &Matter) -> Vec<(u64, bool)> {
    let shown = shown(party, matter).map(|it| it.legal_disclosures).unwrap_or_default();
    shown.iter().map(|it| (parse_entry_name(&it.entry).unwrap().1, it.opinion.is_empty())).collect()
}

pub fn legal(announcement: u64) -> Basis {
    Basis::Law(LegalBasis { ground: LegalGround::Court.into(), announcement })
}

/// Discloses because a court orders it: under the last announcement, or without one where the law forbids to tell.
pub fn disclose_by_law(party: &Party, matter: &Matter) -> Act {
    let announcement = announcements(party, matter).last().map_or(0, |(seq, _)| *seq);
    disclose(party, matter, listed(Body::Court), Purpose::Unspecified, &[], legal(announcement))
}

/// Announces that a court orders a disclosure, two days ahead.
pub fn announce(party: &Party, matter: &Matter) -> Act {
    let planned_on = calendar::day(party.now + 48.hours()).to_string();
    about_current(party, matter, |_| {
        fact::Fact::DisclosureAnnounced(DisclosureAnnounced {
            ground: LegalGround::Court.into(),
            recipient: Some(listed(Body::Court)),
            parts: Vec::new(),
            planned_on: planned_on.clone(),
        })
    })
}

/// Objects to the first announced disclosure that has no opinion, or else to the last one again.
pub fn opinion(party: &Party, matter: &Matter) -> Act {
    let all = announcements(party, matter);
    let open = all.iter().find(|(_, is_open)| *is_open).or(all.last());
    let fact = fact::Fact::DisclosureOpinionGiven(DisclosureOpinionGiven { objects: true });
    Act::new(matter, fact).answering(open.map_or(1, |(seq, _)| *seq))
}

/// Recalls the item for a reason, with a day for the answers a week later.
pub fn recall_for(party: &Party, matter: &Matter, reason: RecallReason) -> Act {
    let answer_by = calendar::day(party.now + 168.hours()).to_string();
    Act::new(matter, fact::Fact::ItemRecalled(ItemRecalled { reason: reason.into(), answer_by, by_rule: false }))
}

/// A report of a copy with such a fate, answering the recall.
pub fn copy(party: &Party, copy: u32, fate: CopyFate) -> CopyAnswered {
    let retained_until = match fate {
        CopyFate::Retained => calendar::day(party.now + 1000.hours()).to_string(),
        _ => String::new(),
    };
    CopyAnswered { copy, fate: fate.into(), retained_until, ..CopyAnswered::default() }
}

pub fn copy_act(party: &Party, matter: &Matter, fact: CopyAnswered) -> Act {
    let answers = copies::answered(party.page(matter), matter.opener, fact.disclosure);
    Act::new(matter, fact::Fact::CopyAnswered(fact)).answering(answers)
}

/// A report of the recipient's copy of a disclosure.
pub fn disclosed_copy(party: &Party, matter: &Matter, disclosure: u64, demand: RecipientDemand) -> CopyAnswered {
    let copy = copies::copy_of(party.page(matter), matter.opener, disclosure);
    let (fate, demand) = (CopyFate::Disclosed.into(), demand.into());
    CopyAnswered { copy, fate, disclosure, demand, ..CopyAnswered::default() }
}

/// Reports the first copy that is outside; or else a sealed copy, and then that it was destroyed, which completes.
pub fn answer_recall(party: &Party, matter: &Matter) -> Act {
    let (page, opener) = (party.page(matter), matter.opener);
    let outside = copies::outside(page, opener);
    if let Some((mark, _)) = outside.first() {
        let all = renkei_domain::noun::item::disclosure::disclosed(page, opener);
        let by_law = all.filter(|(it, _)| it.seq == mark.seq).any(|(_, it)| law(it).is_some());
        let demand = if by_law { RecipientDemand::NotPossible } else { RecipientDemand::StopUse };
        let complete = outside.len() == 1 && renkei_domain::noun::item::recall(page, opener).is_some();
        let fact = CopyAnswered { complete, ..disclosed_copy(party, matter, mark.seq, demand) };
        return copy_act(party, matter, fact);
    }
    let reported = shown(party, matter).map(|it| it.copies).unwrap_or_default();
    let sealed = reported.iter().find(|it| it.fate() == CopyFate::Sealed);
    let fact = match sealed {
        Some(sealed) => CopyAnswered { complete: true, ..copy(party, sealed.copy, CopyFate::Disposed) },
        None => copy(party, copies::copy_of(page, opener, 0), CopyFate::Sealed),
    };
    copy_act(party, matter, fact)
}

pub fn remind(matter: &Matter) -> Act {
    Act::new(matter, fact::Fact::RecallReminded(RecallReminded {}))
}

/// Erases what is there.
pub fn dispose(party: &Party, matter: &Matter) -> Act {
    let peer_seq = copies::last_of(party.page(matter), party.own.peer());
    let ground = DisposalGround::RetentionEnded.into();
    Act::new(matter, fact::Fact::ItemDisposed(ItemDisposed { ground, peer_seq }))
}

pub fn report_misdirection(party: &Party, matter: &Matter) -> Act {
    about_current(party, matter, |_| fact::Fact::MisdirectionReported(MisdirectionReported {}))
}

pub fn count_readers(party: &Party, matter: &Matter) -> Act {
    let answers = copies::incident_entry(party.page(matter), matter.opener, party.own);
    let fact = MisdirectionReadersCounted { officials: 2, reads: 5, systems: 1 };
    Act::new(matter, fact::Fact::MisdirectionReadersCounted(fact)).answering(answers)
}

/// Closes the incident: as unfounded if the item is still shared.
pub fn close_misdirection(party: &Party, matter: &Matter) -> Act {
    let page = party.page(matter);
    let unfounded = renkei_domain::noun::item::recall(page, matter.opener).is_none();
    let answers = copies::incident_entry(page, matter.opener, party.own);
    Act::new(matter, fact::Fact::MisdirectionClosed(MisdirectionClosed { unfounded })).answering(answers)
}
