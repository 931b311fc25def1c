//! The result of acts that cross while the link is cut.

use renkei_domain::{
    noun::{Resource as _, agreement::standing, scheme},
    term::TermStanding,
};
use renkei_proto::{
    agreement::v1::{NoticeKind, notice},
    journal::v1::fact,
    options::v1::Reason,
    referral::v1::{Referral, ReferralGround, referral::State, scheme::State as SchemeState},
    r#type::v1::{Agency, Finding, IncidentKind},
};

use super::{
    acts::{
        assent, follow_up, give, issue, judge, notice as notice_act, notice_state, referral, report, revise, withdraw,
        withdraw_notice,
    },
    catalogue::{published, scheme as named},
    model::{Act, Pair},
};

fn matter() -> renkei_domain::matter::Matter {
    referral(Agency::Ppc, 1)
}

/// PPC has issued a referral to ipa/virus, and IPA has stored it.
fn issued() -> Pair {
    let mut pair = published();
    let act = issue(&pair.ppc, &matter(), &report(Agency::Ppc, IncidentKind::Virus));
    pair.ppc.write(&act).unwrap();
    pair.exchange(Agency::Ppc);
    pair
}

/// The referral as both show it after everything has arrived.
fn settled(pair: &mut Pair) -> Referral {
    pair.exchange(Agency::Ipa).assert_agree();
    Referral::of(&matter(), pair.ipa.page(&matter()), pair.ipa.now, String::new()).unwrap()
}

#[test]
fn a_scheme_withdrawn_meanwhile_stays_introduced_and_is_introduced_to_nobody_else() {
    let mut pair = published();
    let virus = named(Agency::Ipa, "virus");
    let act = withdraw(&pair.ipa, &virus);
    pair.ipa.write(&act).unwrap();
    let act = issue(&pair.ppc, &matter(), &report(Agency::Ppc, IncidentKind::Virus));
    pair.ppc.write(&act).unwrap();
    let act = give(&pair.ppc, &matter());
    pair.ppc.write(&act).unwrap();
    let told = settled(&mut pair);
    assert_eq!((told.state(), told.ground()), (State::Given, ReferralGround::Duty));
    assert_eq!(told.introduced[0].scheme_id, "virus");
    assert_eq!(scheme::state(pair.ppc.page(&virus), Agency::Ipa), SchemeState::Withdrawn);
    let later = issue(&pair.ppc, &referral(Agency::Ppc, 2), &report(Agency::Ppc, IncidentKind::Virus));
    let fact::Fact::ReferralIssued(later) = later.fact else { panic!("an issue") };
    assert_eq!(later.ground(), ReferralGround::NoApplicableScheme);
}

#[test]
fn a_scheme_revised_meanwhile_is_given_in_the_version_known_to_the_giver() {
    let mut pair = issued();
    let act = revise(&pair.ipa, &named(Agency::Ipa, "virus"));
    pair.ipa.write(&act).unwrap();
    let act = give(&pair.ppc, &matter());
    pair.ppc.write(&act).unwrap();
    assert_eq!(settled(&mut pair).introduced[0].version, 1);
}

#[test]
fn a_scheme_revised_before_the_giving_is_shown_in_the_version_that_was_given() {
    let mut pair = issued();
    let act = revise(&pair.ipa, &named(Agency::Ipa, "virus"));
    pair.ipa.write(&act).unwrap();
    pair.exchange(Agency::Ipa);
    let fact::Fact::ReferralGiven(mut given) = give(&pair.ppc, &matter()).fact else { panic!("a giving") };
    given.introduced[0].version = 2;
    pair.ppc.write(&Act::new(&matter(), fact::Fact::ReferralGiven(given))).unwrap();
    let told = settled(&mut pair);
    assert_eq!(told.introduced[0].version, 2);
    let issue = renkei_domain::noun::referral::issue(pair.ipa.page(&matter()), Agency::Ppc).unwrap().1;
    assert_eq!(issue.introduced[0].version, 1, "the issue stays as it was");
}

#[test]
fn giving_and_follow_up_that_cross_are_both_kept() {
    let mut pair = issued();
    let act = follow_up(&pair.ipa, &matter());
    pair.ipa.write(&act).unwrap();
    let act = give(&pair.ppc, &matter());
    pair.ppc.write(&act).unwrap();
    let referral = settled(&mut pair);
    assert_eq!(referral.state(), State::FollowedUp);
    assert!(referral.given_at.is_some() && !referral.filed_under.is_empty());
}

#[test]
fn a_judgement_that_crosses_a_follow_up_changes_the_judgement_only() {
    let mut pair = issued();
    let act = follow_up(&pair.ipa, &matter());
    pair.ipa.write(&act).unwrap();
    let act = judge(&pair.ppc, &matter(), Finding::DoesNotApply);
    pair.ppc.write(&act).unwrap();
    let referral = settled(&mut pair);
    assert_eq!((referral.state(), referral.ground()), (State::FollowedUp, ReferralGround::Duty));
    assert_eq!((referral.judgement_revision, referral.judgement.unwrap().finding()), (2, Finding::DoesNotApply));
}

#[test]
fn a_withdrawal_that_crosses_the_arrival_waits_for_the_assent() {
    let mut pair = Pair::new();
    let act = notice_act(&pair.ipa, NoticeKind::NotRenew);
    let seq = pair.ipa.write(&act).unwrap();
    pair.deliver(Agency::Ppc).unwrap().1.unwrap();
    pair.ipa.write(&withdraw_notice(seq)).unwrap();
    pair.exchange(Agency::Ipa).assert_agree();
    assert_eq!(notice_state(&pair.ipa, Agency::Ipa, seq), notice::State::Arrived);
    let act = assent(&pair.ppc, seq);
    pair.ppc.write(&act).unwrap();
    pair.exchange(Agency::Ppc).assert_agree();
    assert_eq!(notice_state(&pair.ipa, Agency::Ipa, seq), notice::State::Withdrawn);
}

#[test]
fn notices_of_both_that_cross_both_arrive_and_the_agreement_ends_once() {
    let mut pair = Pair::new();
    for agency in super::model::BOTH {
        let act = notice_act(pair.of(agency), NoticeKind::NotRenew);
        pair.of_mut(agency).write(&act).unwrap();
    }
    pair.exchange(Agency::Ppc).assert_agree();
    pair.at(super::standing::EXPIRED);
    for party in [&pair.ppc, &pair.ipa] {
        assert!(matches!(standing(&party.view(), party.now), TermStanding::Expired { last } if last.ordinal == 4));
    }
}

#[test]
fn an_act_that_crosses_a_refusal_is_judged_on_its_authors_view() {
    let mut pair = published();
    let fact::Fact::ReferralIssued(mut lie) =
        issue(&pair.ppc, &matter(), &report(Agency::Ppc, IncidentKind::Virus)).fact
    else {
        panic!("an issue")
    };
    lie.ground = ReferralGround::Voluntary.into();
    pair.ppc.say(&Act::new(&matter(), fact::Fact::ReferralIssued(lie)));
    let act = give(&pair.ppc, &matter());
    pair.ppc.write(&act).unwrap();
    let judged: Vec<_> = pair.exchange_all(Agency::Ppc).into_iter().map(|(_, judged)| judged.err()).collect();
    let reasons: Vec<_> = judged.into_iter().map(|refusal| refusal.map(|refusal| refusal.reason)).collect();
    assert_eq!(reasons, [Some(Reason::FactDiffers), None, None], "the lie, what was built on it, the refusal");
    pair.assert_agree();
    assert!(Referral::of(&matter(), pair.ppc.page(&matter()), pair.ppc.now, String::new()).is_none());
    assert_eq!(pair.ppc.refuses(&give(&pair.ppc, &matter())), Some(Reason::NotFound), "now PPC knows");
}
