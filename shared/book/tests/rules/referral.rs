//! Referral: every act in every state, and judgements, which never change earlier acts.

use jiff::ToSpan as _;
use renkei_domain::{
    matter::Matter,
    moment::stamp,
    noun::{
        Resource as _,
        referral::{gift, issue as issue_of, latest_judgement, state},
        registry,
    },
};
use renkei_proto::{
    journal::v1::fact,
    options::v1::Reason,
    referral::v1::{DischargeReason, Referral, ReferralGround, ReferralIssued, SchemeVersion, referral::State},
    r#type::v1::{Agency, Finding, IncidentKind},
};

use super::{
    acts::{Report, discharge, follow_up, give, issue, judge, referral, report},
    catalogue::published,
    model::{Act, Pair, Party},
};

const OPENER: Agency = Agency::Ppc;

fn matter() -> Matter {
    referral(OPENER, 1)
}

fn shown(party: &Party) -> Referral {
    Referral::of(&matter(), party.page(&matter()), party.now, String::new()).unwrap()
}

/// The acts that bring a referral into each state; `true` means a report that fits no scheme.
const PATHS: [(&[&str], State); 10] = [
    (&[], State::Unspecified),
    (&["issue"], State::Issued),
    (&["issue", "judge"], State::Issued),
    (&["discharge"], State::Discharged),
    (&["issue", "give"], State::Given),
    (&["issue", "follow up"], State::FollowedUp),
    (&["issue", "give", "follow up"], State::FollowedUp),
    (&["issue", "end"], State::Discharged),
    (&["issue", "end", "give"], State::Given),
    (&["issue", "end", "follow up"], State::FollowedUp),
];

fn made(pair: &Pair, name: &str) -> Act {
    let (ppc, matter) = (&pair.ppc, matter());
    match name {
        "issue" => issue(ppc, &matter, &report(OPENER, IncidentKind::Access)),
        "discharge" => issue(ppc, &matter, &report(OPENER, IncidentKind::None)),
        "give" => give(ppc, &matter),
        "end" => discharge(&matter),
        "judge" => judge(ppc, &matter, Finding::DoesNotApply),
        _ => follow_up(&pair.ipa, &matter),
    }
}

fn after(path: &[&str]) -> Pair {
    let mut pair = published();
    for name in path {
        let (act, author) = (made(&pair, name), if *name == "follow up" { OPENER.peer() } else { OPENER });
        pair.of_mut(author).write(&act).unwrap();
        pair.exchange(author);
    }
    pair
}

#[test]
fn every_act_is_permitted_or_refused_according_to_the_state() {
    for (path, stands) in PATHS {
        let pair = after(path);
        for party in [&pair.ppc, &pair.ipa] {
            assert_eq!(state(party.page(&matter()), OPENER), stands, "{path:?}");
        }
        let issued = !path.is_empty();
        let expect = |name: &str| match name {
            "issue" | "discharge" => issued.then_some(Reason::AlreadyExists),
            "judge" => (!issued).then_some(Reason::NotFound),
            "give" | "end" if !issued => Some(Reason::NotFound),
            "end" => (stands != State::Issued).then_some(Reason::WrongState),
            "give" => (path.contains(&"discharge") || path.contains(&"give")).then_some(Reason::WrongState),
            _ if !issued || path.contains(&"discharge") => Some(Reason::CodeNotFound),
            _ => path.contains(&"follow up").then_some(Reason::CodeAlreadyUsed),
        };
        for name in ["issue", "discharge", "give", "end", "judge", "follow up"] {
            let author = if name == "follow up" { &pair.ipa } else { &pair.ppc };
            assert_eq!(author.refuses(&made(&pair, name)), expect(name), "{name} after {path:?}");
        }
    }
}

#[test]
fn only_a_follow_up_answers_an_entry_and_it_answers_the_issue() {
    let pair = after(&["issue"]);
    for name in ["give", "end", "judge"] {
        assert_eq!(pair.ppc.refuses(&made(&pair, name).answering(1)), Some(Reason::HeaderDiffers), "{name}");
    }
    assert_eq!(published().ppc.refuses(&made(&published(), "issue").answering(1)), Some(Reason::HeaderDiffers));
    assert_eq!(pair.ipa.refuses(&made(&pair, "follow up").answering(1)), Some(Reason::HeaderDiffers));
}

fn issued_with(change: impl Fn(&mut ReferralIssued)) -> Option<Reason> {
    let pair = published();
    let fact::Fact::ReferralIssued(mut fact) = made(&pair, "issue").fact else { panic!("an issue") };
    change(&mut fact);
    pair.ppc.refuses(&Act::new(&matter(), fact::Fact::ReferralIssued(fact)))
}

#[test]
fn an_issue_states_what_the_rule_gives() {
    let differs = Some(Reason::FactDiffers);
    assert_eq!(issued_with(|_| {}), None);
    assert_eq!(issued_with(|fact| fact.code_digest.clear()), None, "a code is optional");
    assert_eq!(issued_with(|fact| fact.ground = ReferralGround::Voluntary.into()), differs);
    assert_eq!(issued_with(|fact| fact.introduced.clear()), differs);
    assert_eq!(issued_with(|fact| fact.introduced[0].version = 2), differs);
    assert_eq!(issued_with(|fact| fact.introduced.push(fact.introduced[0].clone())), differs);
    assert_eq!(issued_with(|fact| fact.code_digest.truncate(31)), differs);
    assert_eq!(issued_with(|fact| fact.fiscal_year = 2025), differs);
    assert_eq!(issued_with(|fact| fact.judgement = None), Some(Reason::FieldInvalid));
    let tomorrow = Some(stamp(published().ppc.now + 24.hours()));
    assert_eq!(issued_with(|fact| fact.judgement.as_mut().unwrap().judged_at = tomorrow), Some(Reason::FieldInvalid));
    assert_eq!(issued_with(|fact| fact.reported_under.as_mut().unwrap().version = 2), Some(Reason::NotAReport));
}

#[test]
fn a_referral_without_a_fitting_scheme_has_no_code_and_nothing_to_give() {
    let pair = after(&["discharge"]);
    let referral = shown(&pair.ipa);
    assert_eq!((referral.state(), referral.ground()), (State::Discharged, ReferralGround::NoApplicableScheme));
    assert!(!referral.code_issued && referral.introduced.is_empty() && referral.open_days == 0);
    let fact::Fact::ReferralIssued(mut fact) = made(&published(), "discharge").fact else { panic!("an issue") };
    fact.code_digest = vec![1; 32];
    let lie = Act::new(&matter(), fact::Fact::ReferralIssued(fact));
    assert_eq!(published().ppc.refuses(&lie), Some(Reason::FactDiffers));
}

#[test]
fn a_discharged_duty_shows_its_reason_and_time_and_is_open_no_more() {
    let mut pair = after(&["issue"]);
    pair.at("2026-11-27T09:00:00+09:00");
    assert_eq!(registry::of(&matter()).duties(OPENER, &matter(), pair.ppc.page(&matter())).len(), 1);
    pair.ppc.write(&made(&pair, "end")).unwrap();
    pair.exchange(OPENER).assert_agree();
    for party in [&pair.ppc, &pair.ipa] {
        let referral = shown(party);
        assert_eq!((referral.state(), referral.open_days), (State::Discharged, 0));
        assert_eq!(referral.discharge_reason(), DischargeReason::Unreachable);
        assert_eq!(referral.discharged_at, Some(stamp(pair.ppc.now)));
    }
    assert_eq!(registry::of(&matter()).duties(OPENER, &matter(), pair.ppc.page(&matter())), []);
    let nothing_fits = shown(&after(&["discharge"]).ppc);
    assert_eq!((nothing_fits.discharge_reason(), nothing_fits.discharged_at), (DischargeReason::Unspecified, None));
}

#[test]
fn a_discharge_and_a_giving_or_a_filing_may_cross_and_both_sides_agree() {
    for (name, author, stands) in [("follow up", Agency::Ipa, State::FollowedUp), ("give", OPENER, State::Given)] {
        let mut pair = after(&["issue"]);
        pair.ppc.write(&made(&pair, "end")).unwrap();
        let crossing = made(&pair, name);
        pair.of_mut(author).write(&crossing).unwrap();
        pair.exchange(OPENER).assert_agree();
        assert_eq!(state(pair.ipa.page(&matter()), OPENER), stands, "{name}");
    }
}

fn given_with(change: impl Fn(&mut renkei_proto::referral::v1::ReferralGiven)) -> Option<Reason> {
    let mut pair = after(&["issue"]);
    pair.at("2026-11-27T09:00:00+09:00");
    let fact::Fact::ReferralGiven(mut fact) = made(&pair, "give").fact else { panic!("a giving") };
    change(&mut fact);
    pair.ppc.refuses(&Act::new(&matter(), fact::Fact::ReferralGiven(fact)))
}

#[test]
fn giving_states_a_time_that_has_come_its_days_and_versions_that_were_published() {
    assert_eq!(given_with(|_| {}), None);
    assert_eq!(given_with(|fact| fact.days = 2), Some(Reason::FactDiffers));
    let tomorrow = Some(stamp(super::model::at("2026-11-27T09:00:01+09:00")));
    assert_eq!(given_with(|fact| fact.given_at = tomorrow), Some(Reason::FieldInvalid));
    assert_eq!(given_with(|fact| fact.given_at = None), Some(Reason::FieldInvalid));
    // The referral was issued at nine in the morning of the 24th. An office registers later than it tells the reporter.
    for (given, refused) in [
        ("2026-11-23T09:00:00+09:00", None),
        ("2026-11-23T08:59:59.999999+09:00", Some(Reason::FieldInvalid)),
        ("2020-01-01T00:00:00+09:00", Some(Reason::FieldInvalid)),
        ("0001-01-01T00:00:00Z", Some(Reason::FieldInvalid)),
    ] {
        let given = Some(stamp(super::model::at(given)));
        assert_eq!(given_with(|fact| (fact.given_at, fact.days) = (given, 0)), refused, "{given:?}");
    }
    let other = |scheme_id: &str, version| SchemeVersion { scheme_id: scheme_id.to_owned(), version };
    assert_eq!(given_with(|fact| fact.introduced = vec![other("virus", 1)]), None, "another scheme of the peer");
    assert_eq!(given_with(|fact| fact.introduced[0].version = 2), Some(Reason::FieldInvalid));
    let own = vec![other("leak-report-private", 1)];
    assert_eq!(given_with(|fact| fact.introduced = own.clone()), Some(Reason::FieldInvalid));
    let twice = vec![other("virus", 1), other("virus", 1)];
    assert_eq!(given_with(|fact| fact.introduced = twice.clone()), Some(Reason::FieldInvalid));
}

#[test]
fn days_are_counted_from_midnight_to_midnight_in_japan_and_before_the_issue_there_are_none() {
    for (given, days) in [
        ("2026-11-23T10:00:00+09:00", 0),
        ("2026-11-24T23:59:59+09:00", 0),
        ("2026-11-25T00:00:00+09:00", 1),
        ("2026-12-24T09:00:00+09:00", 30),
    ] {
        let mut pair = after(&["issue"]);
        pair.at(given);
        let fact::Fact::ReferralGiven(fact) = made(&pair, "give").fact else { panic!("a giving") };
        assert_eq!(fact.days, days, "{given}");
    }
    let mut pair = after(&["issue"]);
    pair.at("2026-12-24T09:00:00+09:00");
    assert_eq!(shown(&pair.ppc).open_days, 30, "the age of the open duty");
}

#[test]
fn a_follow_up_proves_the_code_and_names_an_own_scheme_and_a_day_that_has_come() {
    let pair = after(&["issue"]);
    let with = |change: &dyn Fn(&mut renkei_proto::referral::v1::ReferralFollowedUp)| {
        let act = made(&pair, "follow up");
        let fact::Fact::ReferralFollowedUp(mut fact) = act.fact.clone() else { panic!("a follow-up") };
        change(&mut fact);
        pair.ipa.refuses(&Act { fact: fact::Fact::ReferralFollowedUp(fact), ..act })
    };
    assert_eq!(with(&|_| {}), None);
    assert_eq!(with(&|fact| fact.proof = vec![0; 32]), Some(Reason::CodeNotFound));
    assert_eq!(with(&|fact| fact.proof.clear()), Some(Reason::CodeNotFound));
    let other = |scheme_id: &str, version| Some(SchemeVersion { scheme_id: scheme_id.to_owned(), version });
    assert_eq!(with(&|fact| fact.filed_under = other("virus", 1)), None, "the reporter chooses");
    assert_eq!(with(&|fact| fact.filed_under = other("virus", 2)), Some(Reason::NotFound));
    assert_eq!(with(&|fact| fact.filed_under = other("leak-report-private", 1)), Some(Reason::NotFound));
    assert_eq!(with(&|fact| fact.filed_under = None), Some(Reason::NotFound));
    assert_eq!(with(&|fact| fact.filed_on = "2026-11-25".to_owned()), Some(Reason::FieldInvalid));
    assert_eq!(with(&|fact| fact.filed_on = "2026-02-30".to_owned()), Some(Reason::FieldInvalid));
    assert_eq!(with(&|fact| fact.filed_on = "2026-11-01".to_owned()), None);
}

#[test]
fn a_referral_without_a_code_is_followed_up_by_nobody() {
    let mut pair = published();
    let fact::Fact::ReferralIssued(mut fact) = made(&pair, "issue").fact else { panic!("an issue") };
    fact.code_digest.clear();
    pair.ppc.write(&Act::new(&matter(), fact::Fact::ReferralIssued(fact))).unwrap();
    pair.exchange(OPENER);
    assert_eq!(pair.ipa.refuses(&made(&pair, "follow up")), Some(Reason::CodeNotFound));
}

#[test]
fn judgements_are_numbered_without_gaps_and_not_of_the_future() {
    let pair = after(&["issue", "judge"]);
    let with = |revision: u32, hours: i64| {
        let fact::Fact::JudgementRevised(mut fact) = made(&pair, "judge").fact else { panic!("a judgement") };
        fact.revision = revision;
        fact.judgement.as_mut().unwrap().judged_at = Some(stamp(pair.ppc.now + hours.hours()));
        pair.ppc.refuses(&Act::new(&matter(), fact::Fact::JudgementRevised(fact)))
    };
    assert_eq!(with(3, 0), None);
    assert_eq!(with(3, -48), None);
    assert_eq!(with(2, 0), Some(Reason::FactDiffers));
    assert_eq!(with(4, 0), Some(Reason::FactDiffers));
    assert_eq!(with(3, 1), Some(Reason::FieldInvalid));
}

#[test]
fn a_judgement_is_revised_at_most_999_times() {
    let mut ppc = after(&["issue"]).ppc;
    let of = |revision| {
        let fact::Fact::JudgementRevised(mut fact) = judge(&ppc, &matter(), Finding::Applies).fact else {
            panic!("a judgement")
        };
        fact.revision = revision;
        Act::new(&matter(), fact::Fact::JudgementRevised(fact))
    };
    let [last, beyond] = [of(1000), of(1001)];
    ppc.say(&last);
    assert_eq!(ppc.refuses(&beyond), Some(Reason::WrongState));
}

/// Everything that a judgement may not touch.
fn done(party: &Party) -> impl PartialEq + std::fmt::Debug + use<> {
    let seen = party.page(&matter());
    let issued = issue_of(seen, OPENER).map(|(mark, fact)| (mark.seq, fact.clone()));
    let given = gift(seen, OPENER).map(|(mark, fact)| (mark.seq, fact.clone()));
    let referral = shown(party);
    (issued, given, referral.ground, referral.introduced, referral.state, referral.case_number, referral.code_issued)
}

#[test]
fn a_judgement_revised_never_rewrites_what_was_done() {
    for first in [Finding::Pending, Finding::Applies, Finding::DoesNotApply] {
        for path in [&[][..], &["give"], &["follow up"], &["give", "follow up"]] {
            let mut pair = published();
            let report = Report { finding: first, ..report(OPENER, IncidentKind::Access) };
            pair.ppc.write(&issue(&pair.ppc.clone(), &matter(), &report)).unwrap();
            pair.exchange(OPENER);
            for name in path {
                let (act, author) = (made(&pair, name), if *name == "give" { OPENER } else { OPENER.peer() });
                pair.of_mut(author).write(&act).unwrap();
                pair.exchange(author);
            }
            pair.at("2026-11-27T09:00:00+09:00");
            let before = done(&pair.ppc);
            for (revision, finding) in [(2, Finding::DoesNotApply), (3, Finding::Applies), (4, Finding::Pending)] {
                let act = judge(&pair.ppc, &matter(), finding);
                pair.ppc.write(&act).unwrap();
                pair.exchange(OPENER).assert_agree();
                let (last, judgement) = latest_judgement(pair.ipa.page(&matter()), OPENER).unwrap();
                assert_eq!((last, judgement.finding()), (revision, finding));
                assert!(done(&pair.ipa) == before, "{first:?} then {finding:?} after {path:?}");
            }
        }
    }
}

#[test]
fn company_a_is_told_by_telephone_and_quotes_the_code_two_days_later() {
    let mut pair = published();
    pair.at("2026-11-24T09:20:00+09:00");
    pair.ppc.write(&made(&pair, "issue")).unwrap();
    pair.at("2026-11-24T09:40:00+09:00");
    pair.ppc.write(&made(&pair, "give")).unwrap();
    pair.exchange(OPENER);
    pair.at("2026-11-26T10:00:00+09:00");
    pair.ipa.write(&made(&pair, "follow up")).unwrap();
    pair.exchange(OPENER).assert_agree();
    let referral = shown(&pair.ppc);
    assert_eq!(referral.case_number, "甲-R08-REF-0001");
    assert_eq!((referral.state(), referral.ground()), (State::FollowedUp, ReferralGround::Duty));
    assert_eq!(referral.filed_under, "agencies/ipa/schemes/unauthorised-access");
    assert_eq!(referral.filed_on, "2026-11-26");
    assert_eq!(referral.entries, ["agencies/ppc/entries/3", "agencies/ppc/entries/4", "agencies/ipa/entries/3"]);
}

#[test]
fn a_refused_issue_does_not_count_and_may_be_made_again() {
    let mut pair = published();
    let fact::Fact::ReferralIssued(mut fact) = made(&pair, "issue").fact else { panic!("an issue") };
    fact.ground = ReferralGround::Voluntary.into();
    pair.ppc.say(&Act::new(&matter(), fact::Fact::ReferralIssued(fact)));
    let arrived = pair.exchange_all(OPENER);
    assert_eq!(arrived[0].1.as_ref().unwrap_err().reason, Reason::FactDiffers);
    pair.assert_agree();
    assert_eq!(state(pair.ppc.page(&matter()), OPENER), State::Unspecified);
    assert_eq!(pair.ipa.refuses(&made(&pair, "follow up")), Some(Reason::CodeNotFound));
    pair.ppc.write(&made(&pair, "issue")).unwrap();
    pair.exchange(OPENER).assert_agree();
    assert_eq!(state(pair.ipa.page(&matter()), OPENER), State::Issued);
}
