//! The bases of a disclosure: the scope, a consent, a law (Art. 7(2)).

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use renkei_domain::{
    calendar,
    moment::stamp,
    noun::item::disclosure::{ATTEMPTS, Found, Wanted, attempt, basis_for, must_have_attempts_left, next_step},
    refusal::Refusal,
};
use renkei_proto::{
    Sentence,
    journal::v1::{Fact, Mark, fact},
    options::v1::Reason,
    sharing::v1::{
        Body, ConsentBasis, ConsentTerms, DisclosureAnnounced, DisclosureRefused, ItemDisclosed, ItemPart, ItemTerms,
        LegalBasis, LegalGround, NextStep, PublicationPlan, RecallReason, Recipient, ScopeBasis,
        disclosure_basis::Basis,
    },
    r#type::v1::{
        Agency::{Ipa, Ppc},
        Audience, Confidentiality, Designated, Purpose, Restriction,
    },
};

use super::{
    consent_acts::{
        TWO, announce, disclose, disclose_by_consent, disclose_by_law, extent, grant_for, legal, listed, matter, named,
        of_parts, opinion, recall_for, refusal, report_misdirection, request, revoke_consent, shared, unit,
    },
    item_acts::{acknowledge, designated, marking, revise, shown, terms, undesignated, within},
    model::{Act, Pair, Party},
};

fn in_scope(party: &Party, to: Recipient, purpose: Purpose) -> Act {
    disclose(party, &matter(), to, purpose, &[], Basis::Scope(ScopeBasis {}))
}

fn by(party: &Party, consent: u64, to: Recipient, purpose: Purpose, parts: &[ItemPart]) -> Act {
    let parts: Vec<i32> = parts.iter().map(|part| i32::from(*part)).collect();
    disclose(party, &matter(), to, purpose, &parts, Basis::Consent(ConsentBasis { consent }))
}

fn found(pair: &Pair, to: &Recipient, purpose: Purpose) -> Result<Found, Refusal> {
    let wanted = Wanted { recipient: to, purpose, parts: &[] };
    basis_for(pair.ppc.page(&matter()), Ipa, wanted, pair.ppc.now)
}

fn step(pair: &Pair, to: &Recipient, purpose: Purpose) -> NextStep {
    let refusal = found(pair, to, purpose).unwrap_err();
    let wanted = Wanted { recipient: to, purpose, parts: &[] };
    next_step(pair.ppc.page(&matter()), Ipa, wanted, &refusal, pair.ppc.now)
}

fn granted(pair: &mut Pair, terms: ConsentTerms) -> u64 {
    let act = grant_for(&pair.ipa, &matter(), terms, 0);
    let seq = pair.ipa.write(&act).unwrap();
    pair.exchange(Ipa).assert_agree();
    seq
}

fn set(pair: &mut Pair, now: Timestamp) {
    (pair.ppc.now, pair.ipa.now) = (now, now);
}

/// Everybody to whom an item may be disclosed: a unit that the scope names, another one, a body that the receiver serves, a
/// body by its name, and the list.
fn everybody() -> Vec<Recipient> {
    let bodies = [
        Body::Nco,
        Body::NpaCyber,
        Body::Mod,
        Body::Meti,
        Body::JpcertCc,
        Body::PrefecturalPolice,
        Body::CompetentMinistry,
        Body::Diet,
        Body::Court,
        Body::BoardOfAudit,
    ];
    let mut all =
        vec![unit("policy"), unit("contractor"), named(&matter(), "served", true), named(&matter(), "another", false)];
    all.extend(bodies.map(listed));
    all
}

#[test]
fn the_scope_admits_its_audience_and_nobody_else() {
    let of = |audience, units: &[&str]| within(designated(audience, units, &TWO));
    let undesignated = ItemTerms { scope: Some(undesignated()), ..terms() };
    for (terms, expected) in [
        (undesignated, "........ ......"),
        (of(Audience::Units, &["policy"]), "x....... ......"),
        (of(Audience::Party, &[]), "........ ......"),
        (of(Audience::Organisation, &[]), "xx...... ......"),
        (of(Audience::Clients, &[]), "xxx..... ......"),
        (of(Audience::Community, &[]), "xxx.xxxx xxx..."),
        (within(designated(Audience::Public, &[], &[])), "xxxxxxxx xxxxxx"),
    ] {
        let pair = shared(terms.clone());
        let expected: Vec<char> = expected.chars().filter(|it| *it != ' ').collect();
        for (to, letter) in everybody().into_iter().zip(expected) {
            let right = letter == 'x';
            let refused = (!right).then_some((Reason::BeyondScope, ""));
            assert_eq!(refusal(&pair.ppc, &in_scope(&pair.ppc, to.clone(), TWO[0])), refused, "{terms:?} {to:?}");
            let basis = found(&pair, &to, TWO[0]);
            assert_eq!(
                basis.map_err(|it| it.reason),
                if right { Ok(Found { consent: 0, until: None }) } else { Err(Reason::BeyondScope) }
            );
            if !right {
                assert_eq!(step(&pair, &to, TWO[0]), NextStep::RequestConsent, "{to:?}");
            }
        }
    }
}

#[test]
fn the_scope_permits_its_purposes_until_its_end() {
    let now = Pair::new().ppc.now;
    let end = now + 100.hours();
    let scope = Designated { expires: Some(stamp(end)), ..designated(Audience::Community, &[], &TWO) };
    let mut pair = shared(within(scope));
    let nco = || listed(Body::Nco);
    for purpose in (1..=7).map(|number| Purpose::try_from(number).unwrap()) {
        let expected = (!TWO.contains(&purpose)).then_some((Reason::BeyondScope, ""));
        assert_eq!(refusal(&pair.ppc, &in_scope(&pair.ppc, nco(), purpose)), expected, "{purpose:?}");
    }
    let unstated = in_scope(&pair.ppc, nco(), Purpose::Unspecified);
    assert_eq!(refusal(&pair.ppc, &unstated), Some((Reason::FieldInvalid, "purpose")));
    assert_eq!(found(&pair, &nco(), TWO[0]).unwrap(), Found { consent: 0, until: Some(end) });
    let micro = SignedDuration::from_micros(1);
    for (then, expected) in [(end - micro, None), (end, Some((Reason::BeyondScope, "")))] {
        set(&mut pair, then);
        assert_eq!(refusal(&pair.ppc, &in_scope(&pair.ppc, nco(), TWO[0])), expected, "{then}");
    }
    assert_eq!(step(&pair, &nco(), TWO[0]), NextStep::None, "no consent lasts longer than the scope");
}

#[test]
fn an_embargo_keeps_an_item_within_the_party_until_it_ends() {
    let end = Pair::new().ppc.now + 10.hours();
    let plan = Some(PublicationPlan { embargo_until: Some(stamp(end)), publisher: Ppc.into() });
    let mut pair = shared(ItemTerms { plan, ..within(designated(Audience::Community, &[], &TWO)) });
    let micro = SignedDuration::from_micros(1);
    for (then, expected) in [(end - micro, Some((Reason::BeyondScope, ""))), (end, None)] {
        set(&mut pair, then);
        assert_eq!(refusal(&pair.ppc, &in_scope(&pair.ppc, listed(Body::Nco), TWO[0])), expected, "{then}");
    }
    set(&mut pair, end - micro);
    let consent = granted(&mut pair, extent(&[listed(Body::Nco)], &TWO));
    let act = by(&pair.ppc, consent, listed(Body::Nco), TWO[0], &[]);
    assert_eq!(refusal(&pair.ppc, &act), None, "a consent goes before an embargo");
}

#[test]
fn a_marking_that_forbids_to_pass_an_item_on_leaves_consent_alone_whoever_set_it() {
    use Restriction::{NoCopy, NoDistribution, NoForward, NoPrint, Return};
    let forbidding = [NoForward, NoDistribution];
    for restriction in [NoCopy, NoForward, NoPrint, Return, NoDistribution] {
        let marked = marking(Confidentiality::Level2, &[restriction]);
        for audience in [Audience::Community, Audience::Public] {
            let purposes = if audience == Audience::Public { &[][..] } else { &TWO };
            let free = within(designated(audience, &[], purposes));
            let mut raised = shared(free.clone());
            let act = acknowledge(&raised.ppc, &matter(), Some(marked.clone()));
            raised.ppc.write(&act).unwrap();
            raised.exchange(Ppc);
            for mut pair in [shared(ItemTerms { marking: Some(marked.clone()), ..free }), raised] {
                let stays = forbidding.contains(&restriction);
                let act = in_scope(&pair.ppc, listed(Body::Nco), TWO[0]);
                let expected = stays.then_some((Reason::BeyondScope, ""));
                assert_eq!(refusal(&pair.ppc, &act), expected, "{restriction:?} {audience:?}");
                if stays {
                    assert_eq!(step(&pair, &listed(Body::Nco), TWO[0]), NextStep::RequestConsent);
                    let consent = granted(&mut pair, extent(&[listed(Body::Nco)], &TWO));
                    let act = by(&pair.ppc, consent, listed(Body::Nco), TWO[0], &[]);
                    assert_eq!(refusal(&pair.ppc, &act), None, "{restriction:?} {audience:?}");
                }
            }
        }
    }
}

#[test]
fn a_consent_permits_its_recipients_purposes_and_parts() {
    let mut pair = shared(terms());
    let recipients = [listed(Body::Nco), named(&matter(), "one", false)];
    let whole = granted(&mut pair, extent(&recipients, &TWO));
    let part = granted(&mut pair, of_parts(extent(&recipients, &TWO), &[ItemPart::Summary, ItemPart::Body]));
    let (nco, one) = (|| listed(Body::Nco), || named(&matter(), "one", true));
    let beyond = Some((Reason::BeyondScope, ""));
    for (consent, to, purpose, parts, expected) in [
        (whole, nco(), TWO[0], &[][..], None),
        (whole, one(), TWO[1], &[], None),
        (whole, nco(), TWO[0], &[ItemPart::Attachments], None),
        (whole, listed(Body::Meti), TWO[0], &[], beyond),
        (whole, named(&matter(), "two", false), TWO[0], &[], beyond),
        (whole, unit("policy"), TWO[0], &[], beyond),
        (whole, nco(), Purpose::Training, &[], beyond),
        (part, nco(), TWO[0], &[ItemPart::Body], None),
        (part, nco(), TWO[0], &[ItemPart::Body, ItemPart::Summary], None),
        (part, nco(), TWO[0], &[], beyond),
        (part, nco(), TWO[0], &[ItemPart::Body, ItemPart::Details], beyond),
        (whole, nco(), Purpose::Unspecified, &[], Some((Reason::FieldInvalid, "purpose"))),
        (part + 1, nco(), TWO[0], &[], Some((Reason::FieldInvalid, "consent.entry"))),
    ] {
        let act = by(&pair.ppc, consent, to.clone(), purpose, parts);
        assert_eq!(refusal(&pair.ppc, &act), expected, "{to:?} {purpose:?} {parts:?}");
    }
    let nobody = by(&pair.ppc, whole, Recipient::default(), TWO[0], &[]);
    assert_eq!(refusal(&pair.ppc, &nobody), Some((Reason::FieldInvalid, "recipient")));
    let act = by(&pair.ppc, whole, nco(), TWO[0], &[]);
    assert_eq!(refusal(&pair.ppc, &act.clone().answering(0)), Some((Reason::HeaderDiffers, "")));
    let fact::Fact::ItemDisclosed(baseless) = act.fact.clone() else { panic!("a disclosure") };
    let baseless = Act::new(&matter(), fact::Fact::ItemDisclosed(ItemDisclosed { basis: None, ..baseless }));
    assert_eq!(refusal(&pair.ppc, &baseless.answering(1)), Some((Reason::FieldInvalid, "basis")));
    let revised = revise(&pair.ipa, &matter(), terms());
    pair.ipa.write(&revised).unwrap();
    pair.exchange(Ipa);
    assert_eq!(refusal(&pair.ppc, &act), Some((Reason::WrongState, "")), "of the revision before");
    let act = by(&pair.ppc, whole, nco(), TWO[0], &[]);
    assert_eq!(refusal(&pair.ppc, &act), Some((Reason::BeyondScope, "consent.entry")), "the revision does not keep it");
}

#[test]
fn the_scope_is_the_basis_before_a_consent_and_the_longest_consent_before_others() {
    let mut pair = shared(within(designated(Audience::Community, &[], &TWO[..1])));
    let now = pair.ppc.now;
    let nco = listed(Body::Nco);
    let lasting = |hours: i64| {
        let until = Some(stamp(now + SignedDuration::from_hours(hours)));
        ConsentTerms { until, ..extent(&[listed(Body::Nco)], &TWO) }
    };
    let [short, long, shorter] = [10, 30, 20].map(|hours| granted(&mut pair, lasting(hours)));
    assert_eq!(found(&pair, &nco, TWO[0]).unwrap(), Found { consent: 0, until: None });
    let at = |hours: i64| Some(now + SignedDuration::from_hours(hours));
    assert_eq!(found(&pair, &nco, TWO[1]).unwrap(), Found { consent: long, until: at(30) });
    pair.ipa.write(&revoke_consent(&matter(), long)).unwrap();
    pair.exchange(Ipa);
    assert_eq!(found(&pair, &nco, TWO[1]).unwrap(), Found { consent: shorter, until: at(20) });
    let endless = granted(&mut pair, extent(&[listed(Body::Nco)], &TWO));
    assert_eq!(found(&pair, &nco, TWO[1]).unwrap(), Found { consent: endless, until: None });
    assert!(short < shorter);
}

#[test]
fn the_next_step_is_a_request_or_its_answer_and_none_for_a_sealed_item() {
    let mut pair = shared(terms());
    let nco = listed(Body::Nco);
    assert_eq!(step(&pair, &nco, TWO[0]), NextStep::RequestConsent);
    let act = request(&pair.ppc, &matter());
    pair.ppc.write(&act).unwrap();
    assert_eq!(step(&pair, &nco, TWO[0]), NextStep::AwaitConsent);
    assert_eq!(step(&pair, &listed(Body::Meti), TWO[0]), NextStep::RequestConsent, "nobody has asked for it");
    let stale = Refusal::new(Reason::ConsentNotFresh, Sentence::for_developers(""));
    let wanted = Wanted { recipient: &nco, purpose: TWO[0], parts: &[] };
    assert_eq!(next_step(pair.ppc.page(&matter()), Ipa, wanted, &stale, pair.ppc.now), NextStep::AwaitLink);
    let act = report_misdirection(&pair.ppc, &matter());
    pair.ppc.write(&act).unwrap();
    assert_eq!(step(&pair, &nco, TWO[0]), NextStep::None);
    assert_eq!(found(&pair, &nco, TWO[0]).unwrap_err().reason, Reason::WrongState);
}

/// A court's order, as a change of the usual announcement or disclosure.
fn ordered(pair: &Pair, announcement: u64, ground: LegalGround, to: Recipient, parts: &[ItemPart]) -> Act {
    let parts: Vec<i32> = parts.iter().map(|part| i32::from(*part)).collect();
    let basis = Basis::Law(LegalBasis { ground: ground.into(), announcement });
    disclose(&pair.ppc, &matter(), to, Purpose::Unspecified, &parts, basis)
}

#[test]
fn a_disclosure_that_a_law_requires_is_as_announced() {
    let mut pair = shared(terms());
    let court = || listed(Body::Court);
    let mut act = announce(&pair.ppc, &matter());
    if let fact::Fact::DisclosureAnnounced(announced) = &mut act.fact {
        announced.parts = vec![ItemPart::Summary.into(), ItemPart::Body.into()];
    }
    let seq = pair.ppc.write(&act).unwrap();
    let other = Some((Reason::FieldInvalid, "law.announcement"));
    for (announcement, ground, to, parts, expected) in [
        (seq, LegalGround::Court, court(), &[ItemPart::Body][..], None),
        (seq, LegalGround::Court, court(), &[ItemPart::Summary, ItemPart::Body], None),
        (seq, LegalGround::Court, court(), &[], other),
        (seq, LegalGround::Court, court(), &[ItemPart::Bundle], other),
        (seq, LegalGround::Court, listed(Body::Diet), &[ItemPart::Body], other),
        (seq, LegalGround::Diet, court(), &[ItemPart::Body], other),
        (seq + 1, LegalGround::Court, court(), &[ItemPart::Body], Some((Reason::FieldInvalid, "law.announcement"))),
        (0, LegalGround::Investigation, listed(Body::PrefecturalPolice), &[], None),
    ] {
        let act = ordered(&pair, announcement, ground, to.clone(), parts);
        assert_eq!(refusal(&pair.ppc, &act), expected, "{ground:?} {to:?} {parts:?}");
    }
}

#[test]
fn a_law_goes_before_the_scope_the_opinion_a_recall_and_misdirection() {
    let mut pair = shared(terms());
    let act = announce(&pair.ppc, &matter());
    let seq = pair.ppc.write(&act).unwrap();
    pair.exchange(Ppc);
    let required = disclose(&pair.ppc, &matter(), listed(Body::Court), Purpose::Unspecified, &[], legal(seq));
    assert_eq!(refusal(&pair.ppc, &disclose_by_law(&pair.ppc, &matter())), None, "before the opinion");
    let act = opinion(&pair.ipa, &matter());
    pair.ipa.write(&act).unwrap();
    pair.exchange(Ipa);
    let announced = &shown(&pair.ppc, &matter()).unwrap().legal_disclosures[0];
    assert!(announced.objects && !announced.opinion.is_empty());
    assert_eq!(refusal(&pair.ipa, &opinion(&pair.ipa, &matter())), Some((Reason::WrongState, "")), "once");
    let unknown = opinion(&pair.ipa, &matter()).answering(seq + 1);
    assert_eq!(refusal(&pair.ipa, &unknown), Some((Reason::FieldInvalid, "announcement")));
    assert_eq!(refusal(&pair.ppc, &required), None, "the originator objects");
    let recalled = (Ipa, recall_for(&pair.ipa, &matter(), RecallReason::Incorrect));
    let misdirected = (Ppc, report_misdirection(&pair.ppc, &matter()));
    for (author, act) in [recalled, misdirected] {
        let mut pair = pair.clone();
        pair.of_mut(author).write(&act).unwrap();
        pair.exchange(author);
        assert_eq!(refusal(&pair.ppc, &required), None);
        assert_eq!(refusal(&pair.ppc, &announce(&pair.ppc, &matter())), None);
        let at_will = in_scope(&pair.ppc, listed(Body::Nco), TWO[0]);
        assert_eq!(refusal(&pair.ppc, &at_will), Some((Reason::WrongState, "")));
        pair.ppc.write(&required).unwrap();
        pair.exchange(Ppc).assert_agree();
        assert!(!shown(&pair.ipa, &matter()).unwrap().legal_disclosures[0].disclosure.is_empty());
    }
}

#[test]
fn a_disclosure_is_planned_for_a_day_to_come() {
    let pair = shared(terms());
    let today = calendar::day(pair.ppc.now);
    let planned = |day: &str| {
        let mut act = announce(&pair.ppc, &matter());
        if let fact::Fact::DisclosureAnnounced(it) = &mut act.fact {
            *it = DisclosureAnnounced { planned_on: day.to_owned(), ..it.clone() };
        }
        refusal(&pair.ppc, &act)
    };
    let invalid = Some((Reason::FieldInvalid, "planned_on"));
    assert_eq!(planned(&today.to_string()), None);
    assert_eq!(planned(&today.yesterday().unwrap().to_string()), invalid);
    assert_eq!(planned("2026-11-31"), invalid);
    let mut act = announce(&pair.ppc, &matter());
    if let fact::Fact::DisclosureAnnounced(it) = &mut act.fact {
        it.recipient = None;
    }
    assert_eq!(refusal(&pair.ppc, &act), Some((Reason::FieldInvalid, "recipient")));
}

#[test]
fn an_attempt_without_a_basis_is_recorded_and_bounded() {
    let pair = shared(terms());
    let fact::Fact::ItemDisclosed(wanted) = in_scope(&pair.ppc, listed(Body::Nco), TWO[0]).fact else {
        panic!("a disclosure")
    };
    for reason in [Reason::BeyondScope, Reason::ConsentNotFresh, Reason::WrongState, Reason::NotFound] {
        let recorded = attempt(&wanted, &Refusal::new(reason, Sentence::for_developers("")));
        let expected = matches!(reason, Reason::BeyondScope | Reason::ConsentNotFresh);
        assert_eq!(recorded.as_ref().map(DisclosureRefused::reason), expected.then_some(reason));
        assert!(recorded.is_none_or(|it| it.recipient == wanted.recipient && it.basis == wanted.basis));
    }
    let now = pair.ppc.now;
    let attempts = |count: usize, at: Timestamp| -> Vec<Mark> {
        let refused = Fact { request_digest: Vec::new(), fact: Some(DisclosureRefused::default().into()) };
        let mark = Mark { written_at: Some(stamp(at)), fact: Some(refused), ..Mark::default() };
        vec![mark; count]
    };
    let refused = |local: &[Mark]| must_have_attempts_left(local, now).err().map(|it| it.reason);
    assert_eq!(refused(&attempts(ATTEMPTS - 1, now)), None);
    assert_eq!(refused(&attempts(ATTEMPTS, now)), Some(Reason::TooManyAttempts));
    assert_eq!(refused(&attempts(ATTEMPTS, now - 24.hours())), None, "of the day before");
}

#[test]
fn disclose_by_consent_names_the_consent_that_it_rests_on() {
    let mut pair = shared(terms());
    let consent = granted(&mut pair, extent(&[listed(Body::Nco)], &TWO));
    let act = disclose_by_consent(&pair.ppc, &matter());
    let fact::Fact::ItemDisclosed(disclosed) = &act.fact else { panic!("a disclosure") };
    assert_eq!(renkei_domain::noun::item::disclosure::consent(disclosed), Some(consent));
    let seq = pair.ppc.write(&act).unwrap();
    pair.exchange(Ppc).assert_agree();
    assert_eq!(shown(&pair.ipa, &matter()).unwrap().disclosures, [format!("agencies/ppc/entries/{seq}")]);
}
