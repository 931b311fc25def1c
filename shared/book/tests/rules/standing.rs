//! The effect of the agreement's end, or of a dispute about it, on referral (Art. 8).

use renkei_domain::{noun::agreement::standing, term::TermStanding};
use renkei_proto::{
    FactKind,
    agreement::v1::NoticeKind,
    journal::v1::fact,
    options::v1::{Effect, Reason},
    referral::v1::{ReferralGround, referral::State},
    r#type::v1::{Agency, Finding, IncidentKind},
};

use super::{
    acts::{
        assent, count_last, follow_up, give, issue, judge, notice, publish, referral, report, revise, withdraw,
        withdraw_notice,
    },
    catalogue::{published, scheme},
    choice::Choice,
    model::{BOTH, Pair},
};

/// The first instant after term 4 in Japan.
pub const EXPIRED: &str = "2027-03-31T15:00:00Z";

/// A notice arrives on this day of term 4, and the first day of term 5 comes.
fn ended(kind: NoticeKind, arrived: &str) -> Pair {
    let mut pair = published();
    pair.at(arrived);
    let act = notice(&pair.ipa, kind);
    pair.ipa.write(&act).unwrap();
    pair.exchange(Agency::Ipa);
    pair.at(EXPIRED);
    pair
}

/// IPA gave notice in time not to renew, and the term is over.
pub fn expired() -> Pair {
    ended(NoticeKind::NotRenew, "2026-12-30T14:59:00Z")
}

/// IPA gave notice in time that it wants a change, and the next term has begun.
pub fn disputed() -> Pair {
    ended(NoticeKind::Change, "2026-12-30T14:59:00Z")
}

#[test]
fn the_standing_follows_from_kind_and_arrival_of_a_notice() {
    for (kind, arrived, stands) in [
        (NoticeKind::NotRenew, "2026-12-30T14:59:00Z", "expired"),
        (NoticeKind::NotRenew, "2026-12-30T15:00:00Z", "disputed"),
        (NoticeKind::NotRenew, "2026-12-31T15:00:00Z", "in force"),
        (NoticeKind::Change, "2026-12-30T14:59:00Z", "disputed"),
        (NoticeKind::Other, "2026-12-30T15:00:00Z", "disputed"),
        (NoticeKind::Other, "2026-12-31T15:00:00Z", "in force"),
    ] {
        let mut pair = ended(kind, arrived);
        for party in [&pair.ppc, &pair.ipa] {
            let found = match standing(&party.view(), party.now) {
                TermStanding::InForce(_) => "in force",
                TermStanding::Disputed(_) => "disputed",
                TermStanding::Expired { .. } => "expired",
                TermStanding::NotYet => "not yet",
            };
            assert_eq!(found, stands, "{kind:?} arrived {arrived}");
        }
        pair.at("2027-03-31T14:59:59Z");
        assert!(matches!(standing(&pair.ppc.view(), pair.ppc.now), TermStanding::InForce(_)), "never the current term");
    }
}

#[test]
fn a_notice_counts_for_an_author_from_when_it_knows_of_the_arrival() {
    let mut pair = published();
    pair.at("2026-12-28T12:00:00+09:00");
    let act = notice(&pair.ipa, NoticeKind::NotRenew);
    pair.ipa.write(&act).unwrap();
    pair.deliver(Agency::Ppc).unwrap().1.unwrap();
    pair.at(EXPIRED);
    assert!(matches!(standing(&pair.ppc.view(), pair.ppc.now), TermStanding::Expired { .. }));
    assert!(
        matches!(standing(&pair.ipa.view(), pair.ipa.now), TermStanding::InForce(_)),
        "the arrival is not known yet"
    );
    // IPA issues as a duty by its own view, and PPC, which knows better, permits it.
    let matter = referral(Agency::Ipa, 1);
    let act = issue(&pair.ipa, &matter, &report(Agency::Ipa, IncidentKind::Virus));
    pair.ipa.write(&act).unwrap();
    pair.exchange(Agency::Ppc).assert_agree();
    let issued = renkei_domain::noun::referral::issue(pair.ppc.page(&matter), Agency::Ipa).unwrap().1;
    assert_eq!(issued.ground(), ReferralGround::Duty);
}

#[test]
fn out_of_force_referral_goes_on_as_voluntary_and_everything_else_of_it_as_before() {
    for mut pair in [expired(), disputed()] {
        for author in BOTH {
            let matter = referral(author, 1);
            let act = issue(pair.of(author), &matter, &report(author, IncidentKind::Virus));
            let fact::Fact::ReferralIssued(issued) = &act.fact else { panic!("an issue") };
            assert_eq!(issued.ground(), ReferralGround::Voluntary);
            let mut duty = issued.clone();
            duty.ground = ReferralGround::Duty.into();
            let lie = super::model::Act::new(&matter, fact::Fact::ReferralIssued(duty));
            assert_eq!(pair.of(author).refuses(&lie), Some(Reason::FactDiffers));
            pair.of_mut(author).write(&act).unwrap();
            pair.exchange(author);
            let act = give(pair.of(author), &matter);
            pair.of_mut(author).write(&act).unwrap();
            let act = judge(pair.of(author), &matter, Finding::DoesNotApply);
            pair.of_mut(author).write(&act).unwrap();
            let act = follow_up(pair.of(author.peer()), &matter);
            pair.of_mut(author.peer()).write(&act).unwrap();
            let act = count_last(pair.of(author));
            pair.of_mut(author).write(&act).unwrap();
            pair.exchange(author).assert_agree();
            let state = renkei_domain::noun::referral::state(pair.of(author).page(&matter), author);
            assert_eq!(state, State::FollowedUp);
        }
    }
}

#[test]
fn out_of_force_catalogues_and_notices_go_on() {
    for mut pair in [expired(), disputed()] {
        let virus = scheme(Agency::Ipa, "virus");
        for act in [publish(Agency::Ipa, "new"), revise(&pair.ipa, &virus), withdraw(&pair.ipa, &virus)] {
            assert_eq!(pair.ipa.refuses(&act), None);
        }
        let act = notice(&pair.ipa, NoticeKind::Other);
        pair.ipa.write(&act).unwrap();
        pair.exchange(Agency::Ipa).assert_agree();
    }
}

#[test]
fn a_withdrawal_with_assent_settles_a_dispute_but_does_not_revive_what_has_ended() {
    for (mut pair, revived) in [(disputed(), true), (expired(), false)] {
        let seq = super::model::notices(&pair.ipa, Agency::Ipa)[0];
        pair.ipa.write(&withdraw_notice(seq)).unwrap();
        pair.exchange(Agency::Ipa);
        let act = assent(&pair.ppc, seq);
        let refused = pair.ppc.write(&act).err().map(|refusal| refusal.reason);
        assert_eq!(refused, (!revived).then_some(Reason::AgreementNotInForce));
        pair.exchange(Agency::Ppc).assert_agree();
        let in_force = matches!(standing(&pair.ipa.view(), pair.ipa.now), TermStanding::InForce(_));
        assert_eq!(in_force, revived);
    }
}

#[test]
fn only_what_opens_advice_or_publishes_waits_for_the_agreement() {
    let opening = [
        FactKind::AdviceRequested,
        FactKind::AdviceFurtherAsked,
        FactKind::AttackMethodPublished,
        FactKind::ResearchResultPublished,
        FactKind::ThreatInformationPublished,
        FactKind::TechnologyTrendPublished,
    ];
    for kind in FactKind::ALL {
        let own = kind.rule().article.is_empty();
        let expected = match opening.contains(kind) {
            true => Effect::Open,
            false if own => Effect::Serve,
            false => Effect::Continue,
        };
        assert_eq!(kind.rule().effect, expected, "{}", kind.name());
    }
}

#[test]
fn nothing_new_is_opened_out_of_force_and_open_matters_are_finished() {
    use Choice::{
        Accept, Acknowledge, Announce, AnswerClarification, AnswerQuestion, AnswerQuotation, AnswerRecall, AskAbout,
        AskAdvice, AskClarification, AskFurther, AskQuotation, Close, CloseMisdirection, Correct, CountReaders, Deny,
        DiscloseByConsent, DiscloseByLaw, DisposeOwn, DisposePeers, Feedback, GiveFinal, Grant, Narrow, Opinion,
        PublishItem, Raise, RecallMisdirected, Remind, ReportMisdirection, RequestConsent, ReviseItem, RevisePlan,
        Revoke, Supplement, WithdrawConsentRequest,
    };
    for kind in [NoticeKind::NotRenew, NoticeKind::Change] {
        let mut pair = ended(kind, "2026-12-30T14:59:00Z");
        pair.at("2027-03-31T14:59:59Z");
        pair = pair.after(Agency::Ppc, &[AskAdvice], 0).after(Agency::Ipa, &[PublishItem], 0);
        pair.at(EXPIRED);
        let closed = Some(Reason::AgreementNotInForce);
        for (author, choice) in [
            (Agency::Ppc, AskAdvice),
            (Agency::Ppc, PublishItem),
            (Agency::Ipa, PublishItem),
            (Agency::Ipa, ReviseItem),
        ] {
            let n = u8::from(choice != ReviseItem);
            assert_eq!(pair.of(author).refuses(&choice.act(pair.of(author), n).unwrap()), closed, "{choice:?}");
        }
        // The official reads which of the two it is.
        let why = if kind == NoticeKind::NotRenew {
            "覚書の有効期間は満了しています。"
        } else {
            "覚書の延長に疑義があります。"
        };
        let refusal = pair.ppc.judge(&AskAdvice.act(&pair.ppc, 1).unwrap()).unwrap_err();
        assert_eq!(refusal.detail.japanese, why);
        let advice = [
            Supplement,
            Accept,
            RevisePlan,
            AskClarification,
            AnswerClarification,
            GiveFinal,
            Correct,
            Close,
            AskQuotation,
            AnswerQuotation,
        ];
        let item = [Acknowledge, Raise, AskAbout, AnswerQuestion, Feedback];
        let consent = [
            RequestConsent,
            Deny,
            RequestConsent,
            WithdrawConsentRequest,
            RequestConsent,
            Grant,
            Narrow,
            DiscloseByConsent,
            Announce,
            Opinion,
            DiscloseByLaw,
            Revoke,
            AnswerRecall,
            ReportMisdirection,
            CountReaders,
            RecallMisdirected,
            CloseMisdirection,
            Remind,
            AnswerRecall,
            DisposePeers,
            DisposeOwn,
        ];
        let pair = pair.after(Agency::Ppc, &advice, 0).after(Agency::Ipa, &item, 0).after(Agency::Ipa, &consent, 0);
        pair.assert_agree();
        let further = AskFurther.act(pair.of(Agency::Ppc), 0).unwrap();
        assert_eq!(pair.ppc.refuses(&further), closed, "a request that is answered is not begun again");
    }
}
