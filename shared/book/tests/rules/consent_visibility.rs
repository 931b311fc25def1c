//! The units beyond the scope that see an item by consent: lists and reads alike, and until when.

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use renkei_domain::{decide::decide_read, moment::stamp, noun::registry, page::Journal, visibility::Reader};
use renkei_proto::{
    FactKind,
    options::v1::Role,
    sharing::v1::{Body, ConsentBasis, ConsentTerms, RecallReason, disclosure_basis::Basis},
    r#type::v1::{
        Agency::{self, Ipa, Ppc},
        Audience, Designated, Purpose,
    },
};

use super::{
    choice::Choice,
    consent_acts::{
        TWO, announce, copy_act, deny, disclose, disclosed_copy, extent, grant_for, listed, matter, narrow_to, opinion,
        recall_for, report_misdirection, request_for, revise_keeping, revoke_consent, shared, unit, withdraw_request,
    },
    item_acts::{answer_question, ask_about, designated, revise, terms, within},
    model::Pair,
};

fn reader(unit: &str, purpose: Purpose) -> Reader {
    Reader { roles: vec![Role::Reader], unit: unit.to_owned(), purpose }
}

/// True if a reader sees the item at the receiver, in lists and alone alike. The originator's own people always do.
fn sees(pair: &Pair, reader: &Reader, now: Timestamp) -> bool {
    let of = |own: Agency| {
        let page = pair.of(own).page(&matter());
        let listed = registry::of(&matter()).visibility(own, &matter(), page).iter().any(|it| it.includes(reader, now));
        assert_eq!(listed, decide_read(own, &matter(), page, reader, now).is_ok());
        listed
    };
    assert!(of(Ipa));
    of(Ppc)
}

/// An item for one unit and one purpose, until a hundred hours after the beginning.
fn narrow_item() -> Pair {
    let expires = Some(stamp(Pair::new().ppc.now + 100.hours()));
    shared(within(Designated { expires, ..designated(Audience::Units, &["policy"], &TWO[1..]) }))
}

fn granted(pair: &mut Pair, terms: ConsentTerms) -> u64 {
    let act = grant_for(&pair.ipa, &matter(), terms, 0);
    pair.writes(Ipa, &act)
}

#[test]
fn a_consent_shows_an_item_to_its_units_for_its_purposes_and_to_nobody_else() {
    let mut pair = narrow_item();
    let now = pair.ppc.now;
    let all = ["", "policy", "contractor", "another"];
    let seen = |pair: &Pair| -> Vec<(&str, Purpose)> {
        let every = all.into_iter().flat_map(|unit| (0..=7).map(move |it| (unit, Purpose::try_from(it).unwrap())));
        every.filter(|(unit, purpose)| sees(pair, &reader(unit, *purpose), now)).collect()
    };
    assert_eq!(seen(&pair), [("policy", TWO[1])]);
    granted(&mut pair, extent(&[listed(Body::Nco)], &TWO));
    assert_eq!(seen(&pair), [("policy", TWO[1])], "a body reads nothing here");
    granted(&mut pair, extent(&[unit("contractor"), unit("policy")], &TWO));
    assert_eq!(seen(&pair), [("policy", TWO[0]), ("policy", TWO[1]), ("contractor", TWO[0]), ("contractor", TWO[1])]);
    // One row for each unit and purpose, though scope and consent both permit one.
    let rows = registry::of(&matter()).visibility(Ppc, &matter(), pair.ppc.page(&matter()));
    let mut rows: Vec<_> = rows.into_iter().map(|it| it.audience.to_string()).collect();
    rows.sort();
    assert_eq!(
        rows,
        ["contractor/incident_response", "contractor/policy", "policy/incident_response", "policy/policy"]
    );
}

#[test]
fn a_unit_sees_an_item_until_its_consent_or_the_scope_ends() {
    let start = narrow_item();
    let now = start.ppc.now;
    let contractor = reader("contractor", TWO[0]);
    let micro = SignedDuration::from_micros(1);
    for (hours, expected) in [(Some(50), 50), (Some(100), 100), (None, 100)] {
        let mut pair = start.clone();
        let until = hours.map(|hours| stamp(now + SignedDuration::from_hours(hours)));
        granted(&mut pair, ConsentTerms { until, ..extent(&[unit("contractor")], &TWO) });
        let end = now + SignedDuration::from_hours(expected);
        assert!(sees(&pair, &contractor, end - micro), "{hours:?}");
        assert!(!sees(&pair, &contractor, end), "{hours:?}");
    }
    let mut pair = start;
    for hours in [20, 40, 30] {
        let until = Some(stamp(now + SignedDuration::from_hours(hours)));
        granted(&mut pair, ConsentTerms { until, ..extent(&[unit("contractor")], &TWO) });
    }
    assert!(sees(&pair, &contractor, now + 39.hours()), "the longest of several");
    assert!(!sees(&pair, &contractor, now + 40.hours()));
}

#[test]
fn a_unit_loses_sight_of_an_item_when_its_consent_ends_on_the_page() {
    let mut start = narrow_item();
    let both = extent(&[unit("contractor"), unit("another")], &TWO);
    let consent = granted(&mut start, both);
    let (now, contractor) = (start.ppc.now, reader("contractor", TWO[0]));
    let same = start.ipa.page(&matter());
    let same = renkei_domain::noun::item::current(same, Ipa).unwrap().terms().clone();
    for (author, act, remains) in [
        (Ipa, revoke_consent(&matter(), consent), false),
        (Ipa, narrow_to(&matter(), consent, extent(&[unit("another")], &TWO)), false),
        (Ipa, narrow_to(&matter(), consent, extent(&[unit("contractor")], &TWO)), true),
        (Ipa, narrow_to(&matter(), consent, extent(&[unit("contractor")], &TWO[1..])), false),
        (Ipa, revise(&start.ipa, &matter(), same), false),
        (Ipa, revise_keeping(&start.ipa, &matter(), &[consent]), true),
        (Ipa, recall_for(&start.ipa, &matter(), RecallReason::Incorrect), false),
        (Ppc, report_misdirection(&start.ppc, &matter()), false),
    ] {
        let mut pair = start.clone();
        assert!(sees(&pair, &contractor, now));
        pair.of_mut(author).write(&act).unwrap();
        if author == Ipa {
            assert!(sees(&pair, &contractor, now), "it has not arrived: {act:?}");
        }
        pair.exchange(author).assert_agree();
        assert_eq!(sees(&pair, &contractor, now), remains, "{act:?}");
    }
    for choice in [Choice::ReportMisdirection, Choice::CountReaders, Choice::CloseMisdirection] {
        start.does(Ipa, choice, 0);
        start.exchange(Ipa);
    }
    assert!(sees(&start, &contractor, now), "it was sent on purpose");
}

#[test]
fn a_unit_reads_the_revisions_of_its_consent_and_no_word_about_those_before() {
    let mut pair = narrow_item();
    let old = pair.ipa.journal(Ipa).last().unwrap().header.seq;
    let mut about = vec![(Ipa, old)];
    let act = ask_about(&pair.ppc, &matter());
    about.push((Ppc, pair.writes(Ppc, &act)));
    let act = answer_question(&pair.ipa, &matter());
    about.push((Ipa, pair.writes(Ipa, &act)));
    for choice in [Choice::RequestConsent, Choice::Grant, Choice::Narrow, Choice::DiscloseByConsent, Choice::Revoke] {
        let author = choice.author(Ipa);
        about.push((author, pair.does(Ipa, choice, 0)));
        pair.exchange(author);
    }
    let disclosure = about[6].1;
    let report = disclosed_copy(&pair.ppc, &matter(), disclosure, renkei_proto::sharing::v1::RecipientDemand::StopUse);
    let act = copy_act(&pair.ppc, &matter(), report);
    about.push((Ppc, pair.writes(Ppc, &act)));
    about.push((Ipa, granted(&mut pair, extent(&[listed(Body::Meti)], &TWO))));
    let act = revise_keeping(&pair.ipa, &matter(), &[]);
    let new = pair.writes(Ipa, &act);
    let consent = granted(&mut pair, extent(&[unit("contractor")], &TWO));
    let act = revise_keeping(&pair.ipa, &matter(), &[consent]);
    let newest = pair.writes(Ipa, &act);
    let now = pair.ppc.now;
    let opens = |unit: &str, (author, seq): (Agency, u64)| {
        let page = pair.ppc.page(&matter());
        let permit = decide_read(Ppc, &matter(), page, &reader(unit, TWO[1]), now).unwrap();
        permit.opens(Journal::Of(author), seq, FactKind::ItemQuestionAsked)
    };
    for entry in about {
        assert!(!opens("contractor", entry), "{entry:?}");
        assert!(opens("policy", entry), "{entry:?}");
    }
    for seq in [new, consent, newest] {
        assert!(opens("contractor", (Ipa, seq)), "{seq}");
    }
}

#[test]
fn an_item_for_the_whole_party_needs_no_row_for_a_unit_of_it() {
    let mut pair = shared(terms());
    granted(&mut pair, extent(&[unit("contractor")], &TWO));
    for unit in ["", "contractor", "another"] {
        assert!(sees(&pair, &reader(unit, Purpose::Training), pair.ppc.now), "{unit}");
    }
}

/// Each entry about a consent, a disclosure or a copy, and whether the unit `contractor`, which sees the item by a consent alone, may
/// know it.
#[test]
fn a_unit_that_sees_an_item_by_a_consent_alone_learns_of_the_consents_for_it_alone() {
    let mut pair = narrow_item();
    let policy = || extent(&[listed(Body::Nco)], &TWO[1..]);
    let contractor = || extent(&[unit("contractor")], &TWO);
    let both = || extent(&[unit("contractor"), listed(Body::Nco)], &TWO);
    let mut all: Vec<(&str, Agency, u64, bool)> = Vec::new();
    let asked = |pair: &mut Pair, terms: ConsentTerms| {
        let act = request_for(&pair.ppc, &matter(), terms, None);
        pair.writes(Ppc, &act)
    };
    let answered = |pair: &mut Pair, terms: ConsentTerms, request: u64| {
        let act = grant_for(&pair.ipa, &matter(), terms, request);
        pair.writes(Ipa, &act)
    };
    let (own, others, mixed) = (asked(&mut pair, contractor()), asked(&mut pair, policy()), asked(&mut pair, both()));
    all.extend([
        ("own request", Ppc, own, true),
        ("request", Ppc, others, false),
        ("mixed request", Ppc, mixed, false),
    ]);
    let own = answered(&mut pair, contractor(), own);
    let others = answered(&mut pair, policy(), others);
    let part = answered(&mut pair, contractor(), mixed);
    let advance = answered(&mut pair, both(), 0);
    all.extend([("own grant", Ipa, own, true), ("grant", Ipa, others, false), ("mixed grant", Ipa, advance, false)]);
    all.push(("own part of a mixed request", Ipa, part, true));
    let denied = asked(&mut pair, policy());
    let act = deny(&pair.ipa, &matter());
    all.extend([("denied request", Ppc, denied, false), ("denial", Ipa, pair.writes(Ipa, &act), false)]);
    let withdrawn = asked(&mut pair, policy());
    let act = withdraw_request(&pair.ppc, &matter());
    all.extend([("withdrawn", Ppc, withdrawn, false), ("withdrawal", Ppc, pair.writes(Ppc, &act), false)]);
    let narrowed = narrow_to(&matter(), own, extent(&[unit("contractor")], &TWO[1..]));
    all.push(("own narrowing", Ipa, pair.writes(Ipa, &narrowed), true));
    let consented = Basis::Consent(ConsentBasis { consent: others });
    let act = disclose(&pair.ppc, &matter(), listed(Body::Nco), TWO[1], &[], consented);
    all.push(("disclosure", Ppc, pair.writes(Ppc, &act), false));
    all.push(("revocation", Ipa, pair.writes(Ipa, &revoke_consent(&matter(), others)), false));
    let narrowed = narrow_to(&matter(), advance, extent(&[unit("contractor")], &TWO[1..]));
    all.push(("narrowing of a mixed consent", Ipa, pair.writes(Ipa, &narrowed), false));
    let act = announce(&pair.ppc, &matter());
    all.push(("announcement", Ppc, pair.writes(Ppc, &act), false));
    let act = opinion(&pair.ipa, &matter());
    all.push(("opinion", Ipa, pair.writes(Ipa, &act), false));
    let of = |reader: &Reader, author: Agency, seq: u64| {
        let permit = decide_read(Ppc, &matter(), pair.ppc.page(&matter()), reader, pair.ppc.now).unwrap();
        permit.shows(Journal::Of(author), seq)
    };
    for (what, author, seq, is_shown) in all {
        assert_eq!(of(&reader("contractor", TWO[1]), author, seq), is_shown, "{what}");
        assert!(of(&reader("policy", TWO[1]), author, seq), "{what}: within the scope everything is shown");
    }
}
