//! Consent, disclosure and the effect of a recall: every act in every state, and the rules of consent (Art. 7(2)).

use jiff::{SignedDuration, Timestamp};
use renkei_domain::{
    matter::Matter,
    moment::stamp,
    noun::item::{
        consent::granted_by,
        disclosure::{Wanted, basis_for},
        recipient,
    },
};
use renkei_proto::{
    journal::v1::fact,
    options::v1::Reason,
    sharing::v1::{
        Body, ConsentCondition, ConsentRequested, ConsentTerms, ItemPart, ItemTerms, RecallReason, StatedName,
        StatedRecipient, consent::State, requested_consent::State as Asked, stated_recipient,
    },
    r#type::v1::{
        Agency::{Ipa, Ppc},
        Audience, Confidentiality, Designated, Purpose, Restriction,
    },
};

use super::{
    choice::{CONSENT, Choice},
    consent_acts::{
        TWO, deny, disclose_by_consent, extent, grant, grant_for, grant_in_advance, keep, listed, matter, named,
        narrow, narrow_to, of_parts, oral, recall_for, refusal, report_misdirection, request, request_for,
        revise_keeping, revoke_consent, shared, unit, withdraw_request,
    },
    consent_request::asked,
    item_acts::{ask_about, designated, item, marking, shown, terms, within},
    model::{Act, BOTH, Pair},
};

/// The path to a state, and the result of each act of `CONSENT` there: `.` is permitted, `N` not found, `I` a field that
/// names no entry of the item, `W` the wrong state,
/// `B` beyond the scope, `F` the fact differs.
pub type Row = (&'static [Choice], &'static str);

pub const ROWS: [Row; 27] = {
    use Choice::{
        Announce, AnswerRecall, CloseMisdirection, CountReaders, Deny, DiscloseByConsent, DiscloseByLaw,
        DiscloseInScope, DisposeOwn, DisposePeers, Grant, GrantInAdvance, Keep, Narrow, Opinion, PublishItem,
        RecallMisdirected, ReportMisdirection, RequestConsent, ReviseItem, Revoke, Widen, WithdrawConsentRequest,
    };
    [
        (&[], "NNNNN FFN NNNN  NN NNNN NNNN"),
        (&[PublishItem], ".IIII ..I .WW.  .I BI.. W.W."),
        (&[PublishItem, RequestConsent], "..I.I ..I .WW.  .. BI.. W.W."),
        (&[PublishItem, RequestConsent, Grant], ".W.W. ..I .WW.  .W B... W.W."),
        (&[PublishItem, RequestConsent, Deny], ".WIWI ..I .WW.  .W BI.. W.W."),
        (&[PublishItem, RequestConsent, WithdrawConsentRequest], ".WIWI ..I .WW.  .W BI.. W.W."),
        (&[PublishItem, RequestConsent, ReviseItem], ".WIWI ..I .WW.  .W BI.. W.W."),
        (&[PublishItem, GrantInAdvance, Narrow], ".I.I. ..I .WW.  .I B... W.W."),
        (&[PublishItem, GrantInAdvance, Revoke], ".IWIW ..I .WW.  .I BB.. W.W."),
        (&[PublishItem, GrantInAdvance, ReviseItem], ".IWIW ..I .WW.  .I BB.. W.W."),
        (&[PublishItem, GrantInAdvance, Keep], ".I.I. ..I .WW.  .I B... W.W."),
        (&[PublishItem, GrantInAdvance, DiscloseByConsent, Revoke], ".IWIW ..I .WW.  .I BB.. ..W."),
        (&[PublishItem, GrantInAdvance, DiscloseByConsent, Revoke, AnswerRecall], ".IWIW ..I .WW.  .I BB.. W.W."),
        (&[PublishItem, Widen, DiscloseInScope], ".IIII ..I .WW.  .I .I.. W.W."),
        (&[PublishItem, Widen, DiscloseInScope, ReviseItem], ".IIII ..I .WW.  .I BI.. ..W."),
        (&[PublishItem, Announce], ".IIII ... .WW.  .I BI.. W.W."),
        (&[PublishItem, Announce, Opinion], ".IIII ..W .WW.  .I BI.. W.W."),
        (&[PublishItem, Announce, DiscloseByLaw], ".IIII ... .WW.  .I BI.. W.W."),
        (&[PublishItem, GrantInAdvance, DiscloseByConsent, RecallMisdirected], "WWWIW WWI W.W.  WI WW.. .W.."),
        (
            &[PublishItem, GrantInAdvance, DiscloseByConsent, RecallMisdirected, AnswerRecall],
            "WWWIW WWI WWW.  WI WW.. .W..",
        ),
        (&[PublishItem, RecallMisdirected, CountReaders], "WWIII WWI W...  WI WW.. .WW."),
        (&[PublishItem, RecallMisdirected, CountReaders, CloseMisdirection], "WWIII WWI W.W.  WI WW.. .WW."),
        (&[PublishItem, ReportMisdirection], "WWIII WWI .WW.  WI WW.. WW.."),
        (&[PublishItem, ReportMisdirection, CountReaders], "WWIII WWI .W..  WI WW.. WWW."),
        (&[PublishItem, ReportMisdirection, CountReaders, CloseMisdirection], ".IIII ..I .WW.  .I BI.. W.W."),
        (&[PublishItem, ReportMisdirection, RecallMisdirected, CountReaders], "WWIII WWI W...  WI WW.. .WW."),
        (&[PublishItem, DisposePeers, DisposeOwn], ".IIII ..I .WWW  .I BI.. W.WW"),
    ]
};

#[test]
fn every_act_is_permitted_or_refused_according_to_the_state() {
    for opener in BOTH {
        for (path, expected) in ROWS {
            let pair = Pair::new().after(opener, path, 0);
            let found: String = CONSENT
                .iter()
                .map(|choice| {
                    let author = pair.of(choice.author(opener));
                    match author.refuses(&choice.act(author, 0).unwrap()) {
                        None => '.',
                        Some(Reason::NotFound) => 'N',
                        Some(Reason::FieldInvalid) => 'I',
                        Some(Reason::WrongState) => 'W',
                        Some(Reason::BeyondScope) => 'B',
                        Some(Reason::FactDiffers) => 'F',
                        Some(other) => panic!("{choice:?} after {path:?}: {other:?}"),
                    }
                })
                .collect();
            let expected: String = expected.chars().filter(|letter| *letter != ' ').collect();
            assert_eq!(found, expected, "after {path:?}");
        }
    }
}

fn in_hours(pair: &Pair, hours: i64) -> Timestamp {
    pair.ppc.now + SignedDuration::from_hours(hours)
}

fn until(terms: ConsentTerms, until: Timestamp) -> ConsentTerms {
    ConsentTerms { until: Some(stamp(until)), ..terms }
}

pub(super) fn to_nco() -> ConsentTerms {
    extent(&[listed(Body::Nco)], &TWO)
}

/// For one unit and one purpose, until a hundred hours after the beginning.
fn limited() -> ItemTerms {
    let expires = Some(stamp(in_hours(&Pair::new(), 100)));
    within(Designated { expires, ..designated(Audience::Units, &["policy"], &[Purpose::Policy]) })
}

/// The state of a consent, equal on both sides.
pub(super) fn state(pair: &Pair, consent: u64) -> State {
    let [ppc, ipa] = BOTH.map(|own| {
        let (page, now) = (pair.of(own).page(&matter()), pair.of(own).now);
        granted_by(page, Ipa, consent).unwrap().state(page, Ipa, now)
    });
    assert_eq!(ppc, ipa);
    ppc
}

#[test]
fn nothing_but_a_grant_is_a_consent() {
    let mut pair = shared(terms());
    let asked_for = request_for(&pair.ppc, &matter(), to_nco(), Some(oral(&pair.ppc)));
    for act in [request(&pair.ppc, &matter()), asked_for] {
        pair.writes(Ppc, &act);
        let nco = listed(Body::Nco);
        let wanted = Wanted { recipient: &nco, purpose: Purpose::Policy, parts: &[] };
        let found = basis_for(pair.ppc.page(&matter()), Ipa, wanted, pair.ppc.now);
        assert_eq!(found.unwrap_err().reason, Reason::BeyondScope);
        let found = refusal(&pair.ppc, &disclose_by_consent(&pair.ppc, &matter()));
        assert_eq!(found, Some((Reason::FieldInvalid, "consent.entry")));
    }
    let act = grant(&pair.ipa, &matter());
    pair.writes(Ipa, &act);
    assert_eq!(refusal(&pair.ppc, &disclose_by_consent(&pair.ppc, &matter())), None);
}

#[test]
fn an_extent_is_sound_in_itself_and_within_the_limits_of_the_item() {
    let pair = shared(limited());
    let (now, end) = (pair.ppc.now, in_hours(&pair, 100));
    let micro = SignedDuration::from_micros(1);
    let (recipients, parts, until_field) = ("terms.recipients", "terms.parts", "terms.until");
    let (empty, contradictory) = (Reason::ScopeEmpty, Reason::ScopeContradictory);
    let all = |list: &[renkei_proto::sharing::v1::Recipient]| extent(list, &TWO);
    let cases = [
        ("a body", to_nco(), None),
        ("two bodies", all(&[listed(Body::Nco), listed(Body::Meti)]), None),
        ("two names", all(&[named(&matter(), "one", false), named(&matter(), "two", false)]), None),
        ("a unit and a body", all(&[unit("contractor"), listed(Body::Nco)]), None),
        ("nobody", all(&[]), Some((Reason::FieldInvalid, recipients))),
        ("an empty recipient", all(&[Default::default()]), Some((Reason::FieldInvalid, recipients))),
        ("a body twice", all(&[listed(Body::Nco), listed(Body::Nco)]), Some((Reason::FieldInvalid, recipients))),
        (
            "a name twice",
            all(&[named(&matter(), "one", false), named(&matter(), "one", true)]),
            Some((Reason::FieldInvalid, recipients)),
        ),
        ("a unit twice", all(&[unit("a"), unit("a")]), Some((Reason::FieldInvalid, recipients))),
        ("parts for a body", of_parts(to_nco(), &[ItemPart::Summary, ItemPart::Bundle]), None),
        (
            "parts for a unit",
            of_parts(all(&[listed(Body::Nco), unit("a")]), &[ItemPart::Summary]),
            Some((contradictory, parts)),
        ),
        ("ended now", until(to_nco(), now), Some((empty, until_field))),
        ("for a microsecond", until(to_nco(), now + micro), None),
        ("as long as the scope", until(to_nco(), end), None),
        ("longer than the scope", until(to_nco(), end + micro), Some((contradictory, until_field))),
    ];
    for (name, extent, expected) in cases {
        let asked = request_for(&pair.ppc, &matter(), extent.clone(), None);
        assert_eq!(refusal(&pair.ppc, &asked), expected, "requested: {name}");
        let given = grant_for(&pair.ipa, &matter(), extent, 0);
        assert_eq!(refusal(&pair.ipa, &given), expected, "granted: {name}");
    }
    let conditions = vec![ConsentCondition::NoOnward.into()];
    let extent = ConsentTerms { conditions, ..to_nco() };
    let asked = request_for(&pair.ppc, &matter(), extent.clone(), None);
    assert_eq!(refusal(&pair.ppc, &asked), Some((Reason::FactDiffers, "")), "the originator alone sets conditions");
    assert_eq!(refusal(&pair.ipa, &grant_for(&pair.ipa, &matter(), extent, 0)), None);
    let mut act = request_for(&pair.ppc, &matter(), to_nco(), None);
    if let fact::Fact::ConsentRequested(asked) = &mut act.fact {
        *asked = ConsentRequested { terms: None, ..asked.clone() };
    }
    assert_eq!(refusal(&pair.ppc, &act), Some((Reason::FieldInvalid, "terms")));
}

#[test]
fn no_consent_to_an_item_is_possible_when_its_scope_has_ended() {
    let mut pair = shared(limited());
    for (hours, expected) in [(99, None), (100, Some((Reason::WrongState, "")))] {
        let then = in_hours(&shared(limited()), hours);
        (pair.ppc.now, pair.ipa.now) = (then, then);
        assert_eq!(refusal(&pair.ppc, &request(&pair.ppc, &matter())), expected, "{hours}");
        assert_eq!(refusal(&pair.ipa, &grant_in_advance(&pair.ipa, &matter())), expected, "{hours}");
    }
}

#[test]
fn a_public_item_needs_no_consent_unless_it_may_not_be_passed_on() {
    let free = within(designated(Audience::Public, &[], &[]));
    let needless = Some((Reason::ScopeContradictory, "terms"));
    let restricted =
        |restriction| ItemTerms { marking: Some(marking(Confidentiality::Level2, &[restriction])), ..free.clone() };
    for (terms, expected) in [
        (free.clone(), needless),
        (restricted(Restriction::NoPrint), needless),
        (restricted(Restriction::NoForward), None),
        (restricted(Restriction::NoDistribution), None),
    ] {
        let pair = shared(terms.clone());
        assert_eq!(refusal(&pair.ppc, &request(&pair.ppc, &matter())), expected, "{terms:?}");
        assert_eq!(refusal(&pair.ipa, &grant_in_advance(&pair.ipa, &matter())), expected, "{terms:?}");
    }
}

/// Extents beyond one of two recipients and two purposes for 50 hours, or for two parts; with the field that is beyond.
fn beyond(pair: &Pair) -> Vec<(ConsentTerms, ConsentTerms, Option<&'static str>)> {
    let two = [listed(Body::Nco), unit("contractor")];
    let outer = until(extent(&two, &TWO), in_hours(pair, 50));
    let with = |change: &dyn Fn(&mut ConsentTerms)| {
        let mut inner = outer.clone();
        change(&mut inner);
        inner
    };
    let parted = of_parts(to_nco(), &[ItemPart::Summary, ItemPart::Body]);
    let every = [ItemPart::Summary, ItemPart::Body, ItemPart::Details, ItemPart::Bundle, ItemPart::Attachments];
    vec![
        (outer.clone(), with(&|it| it.recipients.truncate(1)), None),
        (outer.clone(), with(&|it| drop(it.recipients.remove(0))), None),
        (outer.clone(), with(&|it| it.purposes.truncate(1)), None),
        (outer.clone(), with(&|it| it.until = Some(stamp(in_hours(pair, 49)))), None),
        (outer.clone(), with(&|it| it.recipients[0] = listed(Body::Meti)), Some("terms.recipients")),
        (outer.clone(), with(&|it| it.recipients[1] = unit("another")), Some("terms.recipients")),
        (outer.clone(), with(&|it| it.recipients.push(named(&matter(), "another", false))), Some("terms.recipients")),
        (outer.clone(), with(&|it| it.purposes.push(Purpose::Training.into())), Some("terms.purposes")),
        (outer.clone(), with(&|it| it.until = Some(stamp(in_hours(pair, 51)))), Some("terms.until")),
        (outer.clone(), with(&|it| it.until = None), Some("terms.until")),
        (parted.clone(), of_parts(to_nco(), &[ItemPart::Body]), None),
        (parted.clone(), to_nco(), Some("terms.parts")),
        (parted.clone(), of_parts(to_nco(), &[ItemPart::Body, ItemPart::Details]), Some("terms.parts")),
        (to_nco(), of_parts(to_nco(), &every[..4]), None),
    ]
}

#[test]
fn a_grant_is_within_the_request_that_it_answers() {
    let start = shared(terms());
    for (outer, inner, expected) in beyond(&start) {
        let mut pair = start.clone();
        let act = request_for(&pair.ppc, &matter(), outer.clone(), None);
        let seq = pair.writes(Ppc, &act);
        for (terms, expected) in [(inner.clone(), expected), (outer, None)] {
            let found = refusal(&pair.ipa, &grant_for(&pair.ipa, &matter(), terms, seq));
            assert_eq!(found, expected.map(|field| (Reason::ScopeContradictory, field)), "{inner:?}");
        }
        let in_advance = grant_for(&pair.ipa, &matter(), inner, 0);
        assert_eq!(refusal(&pair.ipa, &in_advance), None, "nothing bounds a consent in advance but the item");
        let unknown = grant_for(&pair.ipa, &matter(), to_nco(), seq + 1);
        assert_eq!(refusal(&pair.ipa, &unknown), Some((Reason::FieldInvalid, "request")));
    }
}

#[test]
fn a_narrowing_is_within_the_extent_before_and_narrower() {
    let start = shared(terms());
    for (outer, inner, expected) in beyond(&start) {
        let mut pair = start.clone();
        let act = grant_for(&pair.ipa, &matter(), outer.clone(), 0);
        let seq = pair.writes(Ipa, &act);
        let narrowed =
            |pair: &Pair, terms: &ConsentTerms| refusal(&pair.ipa, &narrow_to(&matter(), seq, terms.clone()));
        let expected = expected.map(|field| (Reason::ScopeContradictory, field));
        assert_eq!(narrowed(&pair, &inner), expected, "{inner:?}");
        assert_eq!(narrowed(&pair, &outer), Some((Reason::WrongState, "")), "not narrower");
        if expected.is_none() {
            pair.writes(Ipa, &narrow_to(&matter(), seq, inner.clone()));
            assert_eq!(narrowed(&pair, &inner), Some((Reason::WrongState, "")), "not narrower");
            assert!(
                narrowed(&pair, &outer).is_some_and(|(reason, _)| reason == Reason::ScopeContradictory),
                "wider again"
            );
            let shown = shown(&pair.ppc, &matter()).unwrap().consents;
            assert_eq!((shown[0].terms.as_ref(), shown[0].narrowed), (Some(&inner), true));
        }
    }
}

#[test]
fn a_narrowing_keeps_the_conditions_and_may_add_some() {
    let mut pair = shared(terms());
    let with = |purposes: &[Purpose], conditions: &[ConsentCondition]| ConsentTerms {
        conditions: conditions.iter().map(|it| i32::from(*it)).collect(),
        ..extent(&[listed(Body::Nco)], purposes)
    };
    let (kept, added) = (ConsentCondition::NoOnward, ConsentCondition::ReportUse);
    let act = grant_for(&pair.ipa, &matter(), with(&TWO, &[kept]), 0);
    let seq = pair.writes(Ipa, &act);
    for (conditions, expected) in [
        (&[][..], Some((Reason::FactDiffers, ""))),
        (&[added], Some((Reason::FactDiffers, ""))),
        (&[kept], None),
        (&[kept, added], None),
    ] {
        let found = refusal(&pair.ipa, &narrow_to(&matter(), seq, with(&TWO[..1], conditions)));
        assert_eq!(found, expected, "{conditions:?}");
    }
    let lost = narrow_to(&matter(), seq + 1, with(&TWO[..1], &[kept]));
    assert_eq!(refusal(&pair.ipa, &lost), Some((Reason::FieldInvalid, "consent")));
    assert_eq!(refusal(&pair.ipa, &revoke_consent(&matter(), seq + 1)), Some((Reason::FieldInvalid, "consent")));
}

#[test]
fn a_consent_ends_at_its_instant_and_with_the_scope() {
    let start = shared(limited());
    for (terms, last) in [(until(to_nco(), in_hours(&start, 50)), 50), (to_nco(), 100)] {
        let mut pair = start.clone();
        let act = grant_for(&pair.ipa, &matter(), terms, 0);
        let seq = pair.writes(Ipa, &act);
        let end = in_hours(&start, last);
        let micro = SignedDuration::from_micros(1);
        let no_longer = Some((Reason::WrongState, "consent"));
        for (then, stands, refused) in [(end - micro, State::InForce, None), (end, State::Expired, no_longer)] {
            (pair.ppc.now, pair.ipa.now) = (then, then);
            assert_eq!(state(&pair, seq), stands, "{then}");
            assert_eq!(refusal(&pair.ipa, &revoke_consent(&matter(), seq)), refused, "{then}");
            let found = refusal(&pair.ppc, &disclose_by_consent(&pair.ppc, &matter()));
            assert_eq!(found, refused.map(|_| (Reason::BeyondScope, "consent.entry")), "{then}");
        }
    }
}

#[test]
fn a_consent_covers_its_revision_and_those_after_it_that_keep_it() {
    let mut pair = shared(terms());
    let act = grant_in_advance(&pair.ipa, &matter());
    let [one, two] = [0; 2].map(|_| pair.writes(Ipa, &act));
    let act = revise_keeping(&pair.ipa, &matter(), &[one]);
    pair.writes(Ipa, &act);
    assert_eq!([state(&pair, one), state(&pair, two)], [State::InForce, State::Superseded]);
    let kept = |pair: &Pair, kept: &[u64]| refusal(&pair.ipa, &revise_keeping(&pair.ipa, &matter(), kept));
    assert_eq!(kept(&pair, &[two]), Some((Reason::WrongState, "kept_consents")), "it has ended");
    assert_eq!(kept(&pair, &[one, 99]), Some((Reason::FieldInvalid, "kept_consents")));
    assert_eq!(kept(&pair, &[one, one]), Some((Reason::FactDiffers, "")));
    let act = grant_in_advance(&pair.ipa, &matter());
    let three = pair.writes(Ipa, &act);
    assert_eq!(kept(&pair, &[three, one]), Some((Reason::FactDiffers, "")), "in order");
    assert_eq!(kept(&pair, &[one, three]), None);
    let act = revise_keeping(&pair.ipa, &matter(), &[three]);
    pair.writes(Ipa, &act);
    assert_eq!(
        [state(&pair, one), state(&pair, three)],
        [State::Superseded, State::InForce],
        "a later one does not keep it"
    );
    let revoked = revoke_consent(&matter(), three);
    pair.writes(Ipa, &revoked);
    assert_eq!(kept(&pair, &[three]), Some((Reason::WrongState, "kept_consents")));
}

#[test]
fn nobody_requests_or_grants_consent_to_an_item_that_is_recalled_or_misdirected() {
    let mut pair = shared(terms());
    let act = grant_in_advance(&pair.ipa, &matter());
    let consent = pair.writes(Ipa, &act);
    let act = request(&pair.ppc, &matter());
    let requested = pair.writes(Ppc, &act);
    let recalled = (Ipa, recall_for(&pair.ipa, &matter(), RecallReason::Incorrect));
    let misdirected = (Ppc, report_misdirection(&pair.ppc, &matter()));
    for (author, act) in [recalled, misdirected] {
        let mut pair = pair.clone();
        pair.writes(author, &act);
        assert_eq!((state(&pair, consent), asked(&pair, requested)), (State::Sealed, Asked::Lapsed));
        for (party, act) in [
            (&pair.ppc, request(&pair.ppc, &matter())),
            (&pair.ppc, withdraw_request(&pair.ppc, &matter())),
            (&pair.ppc, disclose_by_consent(&pair.ppc, &matter())),
            (&pair.ipa, grant_in_advance(&pair.ipa, &matter())),
            (&pair.ipa, grant_for(&pair.ipa, &matter(), to_nco(), requested)),
            (&pair.ipa, narrow(&pair.ipa, &matter())),
            (&pair.ipa, deny(&pair.ipa, &matter())),
            (&pair.ipa, revoke_consent(&matter(), consent)),
            (&pair.ipa, keep(&pair.ipa, &matter())),
        ] {
            let found = refusal(party, &act).map(|(reason, _)| reason);
            assert_eq!(found, Some(Reason::WrongState), "{act:?}");
        }
    }
}

#[test]
fn each_act_is_of_its_own_side() {
    for opener in BOTH {
        let pair = Pair::new().after(opener, &[Choice::PublishItem], 0);
        for choice in CONSENT {
            if [Choice::DisposeOwn, Choice::DisposePeers].contains(&choice) {
                continue;
            }
            let author = choice.author(opener);
            let other = pair.of(author.peer());
            let act = choice.act(pair.of(author), 0).unwrap();
            assert_eq!(refusal(other, &act), Some((Reason::WrongDirection, "")), "{choice:?}");
        }
    }
}

#[test]
fn a_revocation_and_a_narrowing_bind_from_their_arrival() {
    for end in [Choice::Revoke, Choice::Narrow] {
        let mut pair = Pair::new().after(Ipa, &[Choice::PublishItem, Choice::GrantInAdvance], 0);
        let to_unit = |pair: &Pair| {
            let (consent, terms) = super::consent_acts::consent(&pair.ppc, &matter());
            let consent = renkei_proto::sharing::v1::ConsentBasis { consent };
            let basis = renkei_proto::sharing::v1::disclosure_basis::Basis::Consent(consent);
            let purpose = terms.purposes().next().unwrap();
            super::consent_acts::disclose(&pair.ppc, &matter(), unit("policy"), purpose, &[], basis)
        };
        let act = to_unit(&pair);
        pair.does(Ipa, end, 0);
        pair.ppc.write(&act).unwrap();
        // Honest agencies refuse nothing: the discloser did not know.
        pair.exchange(Ppc).assert_agree();
        assert_eq!(shown(&pair.ipa, &matter()).unwrap().copies_outside.len(), 1, "{end:?}: its copy is to be reported");
        let found = refusal(&pair.ppc, &act).map(|(reason, _)| reason);
        assert_eq!(found, Some(Reason::BeyondScope), "{end:?}");
    }
}

#[test]
fn a_full_item_takes_no_consent_and_no_narrowing_but_every_end() {
    let mut pair = shared(terms());
    let act = grant_in_advance(&pair.ipa, &matter());
    let consent = pair.writes(Ipa, &act);
    let act = request(&pair.ppc, &matter());
    pair.writes(Ppc, &act);
    let asked = (0..199).map(|_| ask_about(&pair.ppc, &matter())).collect::<Vec<_>>();
    for act in &asked {
        pair.ppc.write(act).unwrap();
    }
    for _ in 0..198 {
        let act = grant_in_advance(&pair.ipa, &matter());
        pair.ipa.write(&act).unwrap();
    }
    pair.exchange(Ppc).assert_agree();
    let full = Some((Reason::WrongState, ""));
    let narrower = narrow_to(&matter(), consent, to_nco());
    assert_eq!(refusal(&pair.ipa, &grant_in_advance(&pair.ipa, &matter())), full);
    assert_eq!(refusal(&pair.ipa, &narrower), full);
    assert_eq!(refusal(&pair.ipa, &revoke_consent(&matter(), consent)), None);
    assert_eq!(refusal(&pair.ipa, &deny(&pair.ipa, &matter())), None);
    assert_eq!(refusal(&pair.ppc, &request(&pair.ppc, &matter())), full);
    assert_eq!(refusal(&pair.ppc, &disclose_by_consent(&pair.ppc, &matter())), full);
    for act in [
        withdraw_request(&pair.ppc, &matter()),
        super::consent_acts::announce(&pair.ppc, &matter()),
        super::consent_acts::disclose_by_law(&pair.ppc, &matter()),
        report_misdirection(&pair.ppc, &matter()),
    ] {
        assert_eq!(refusal(&pair.ppc, &act), None, "{act:?}");
    }
}

#[test]
fn a_consent_belongs_to_its_item() {
    let mut pair = shared(terms());
    let other = item(Ipa, 2);
    let kind = super::item_acts::kinds(Ipa)[0];
    let act = super::item_acts::publish(&pair.ipa, &other, kind, terms());
    pair.writes(Ipa, &act);
    let act = grant_in_advance(&pair.ipa, &other);
    pair.writes(Ipa, &act);
    let act = disclose_by_consent(&pair.ppc, &other).fact;
    let act = Act::new(&matter(), act).answering(1);
    assert_eq!(refusal(&pair.ppc, &act), Some((Reason::FieldInvalid, "consent.entry")));
}

#[test]
fn a_name_means_the_same_body_however_it_is_written_and_in_its_item_alone() {
    let named = |matter: &Matter, name: &str| {
        let name = StatedName { name: name.to_owned(), served: false };
        let stated = StatedRecipient { recipient: Some(stated_recipient::Recipient::Named(name)) };
        recipient::identified(matter, &stated, "recipient")
    };
    let one = named(&matter(), "ABC 銀行").unwrap();
    assert_eq!(one.name.as_deref(), Some("ABC 銀行"), "as it was written");
    for same in ["ABC銀行", "ＡＢＣ　銀行", " ABC\t銀行 "] {
        assert!(recipient::is_same(&one.recipient, &named(&matter(), same).unwrap().recipient), "{same}");
    }
    for other in ["ABD銀行", "abc銀行", "ABC銀行2"] {
        assert!(!recipient::is_same(&one.recipient, &named(&matter(), other).unwrap().recipient), "{other}");
    }
    let elsewhere = named(&item(Ipa, 2), "ABC 銀行").unwrap();
    assert!(
        !recipient::is_same(&one.recipient, &elsewhere.recipient),
        "nobody finds a name by its digest in another item"
    );
    let blank = named(&matter(), " \u{3000}\t").unwrap_err();
    assert_eq!((blank.reason, blank.field), (Reason::FieldInvalid, "recipient"));
    assert!(!blank.detail.japanese.is_empty());
    let nobody = recipient::identified(&matter(), &StatedRecipient { recipient: None }, "recipient").unwrap_err();
    assert_eq!((nobody.reason, nobody.field), (Reason::FieldInvalid, "recipient"));
    assert!(!recipient::is_same(&listed(Body::Nco), &unit("nco")));
    assert!(!recipient::is_same(&Default::default(), &Default::default()), "nobody is nobody's equal");
}
