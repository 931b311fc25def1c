//! The agreement and its term (Art. 8), as both desks show them while the clock moves.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_client::CallError;
use renkei_proto::{
    agreement::v1::{Agreement, GetAgreementRequest, Notice, NoticeKind, NoticeTiming, Term, agreement::State, notice},
    options::v1::Reason,
    referral::v1::ReferralGround,
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, same_journals, settle},
    pair::Pair,
    scenario::instant,
};

/// The last instant of term 4 and the first of term 5: midnight in Japan.
pub const BOUNDARY: [&str; 2] = ["2027-03-31T14:59:59Z", "2027-03-31T15:00:00Z"];

/// Sets the clock and reads the agreement.
pub async fn at(pair: &Pair, acts: &Acts, time: &str) -> Agreement {
    pair.set_clock(instant(time).unwrap()).unwrap();
    acts.agreement().await.unwrap()
}

#[tokio::test]
async fn a_term_ends_with_the_day_in_japan_and_is_renewed_without_a_word() {
    let pair = Pair::in_process(instant(BOUNDARY[0]).unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let days = |days: [&str; 4]| days.map(str::to_owned).to_vec();
    let term = |ordinal, [first_day, last_day, strict, everyday, last_open]: [&str; 5], warnings| {
        let [first_day, last_day, strict] = [first_day, last_day, strict].map(str::to_owned);
        Some(Term {
            ordinal,
            first_day,
            last_day,
            strict,
            everyday: everyday.into(),
            last_open: last_open.into(),
            warnings,
            by_rule: false,
        })
    };
    let fourth = ["2026-04-01", "2027-03-31", "2026-12-30", "2026-12-31", "2026-12-28"];
    let fourth = term(4, fourth, days(["2026-09-29", "2026-11-27", "2026-12-14", "2026-12-21"]));
    let fifth = ["2027-04-01", "2028-03-31", "2027-12-30", "2027-12-31", "2027-12-28"];
    let fifth = term(5, fifth, days(["2027-09-29", "2027-11-26", "2027-12-14", "2027-12-21"]));
    for acts in [&ppc, &ipa] {
        for (time, expected) in BOUNDARY.into_iter().zip([&fourth, &fifth]) {
            let agreement = at(&pair, acts, time).await;
            assert_eq!((agreement.state(), &agreement.term), (State::InForce, expected), "{time}");
        }
        let first = at(&pair, acts, "2023-03-31T15:00:00Z").await;
        assert_eq!((first.state(), first.term.unwrap().ordinal), (State::InForce, 1));
        let before = at(&pair, acts, "2023-03-31T14:59:59Z").await;
        assert_eq!((before.state(), before.term), (State::NotYet, None));
        assert_eq!((before.digest.len(), before.notices.len(), before.articles.is_empty()), (64, 0, false));
    }
    assert_eq!(ppc.agreement().await.unwrap(), ipa.agreement().await.unwrap());
    // The law on IPA's secrecy was renumbered after the memorandum was made.
    for (time, cited) in [("2025-08-03T14:59:59Z", "第49条"), ("2025-08-03T15:00:00Z", "第49条（現行第45条）")]
    {
        let articles = at(&pair, &ipa, time).await.articles;
        let secrecy = articles.iter().find(|it| it.number == "7(1)").unwrap();
        let laws: Vec<_> = secrecy.laws.iter().map(|it| it.ja.as_str()).collect();
        let ends = ["（平成15年法律第57号）第143条".to_owned(), format!("（昭和45年法律第90号）{cited}")];
        assert!(laws.len() == 2 && laws.iter().zip(&ends).all(|(law, end)| law.ends_with(end)), "{laws:?}");
        assert!(articles.iter().all(|it| it.number == "7(1)" || it.laws.is_empty()));
    }
    let request = GetAgreementRequest { name: "agreements".to_owned() };
    let other = ppc.desk.agreement().unwrap().get_agreement(request).await;
    refused(other.map_err(CallError::from), Reason::FieldInvalid, "name");
}

/// Gives notice about the running term.
pub async fn give_notice(acts: &Acts, kind: NoticeKind) -> Notice {
    let given = acts.give_notice(acts.giving_notice(kind)).await.unwrap();
    given.notices.into_iter().rfind(|notice| notice.author() == acts.agency).unwrap()
}

/// The agreement as both sides show it once each has everything.
pub async fn at_both(ppc: &Acts, ipa: &Acts) -> Agreement {
    settle(ppc, ipa).await.unwrap();
    let seen = Agreement { etag: String::new(), ..ppc.agreement().await.unwrap() };
    assert_eq!(seen, Agreement { etag: String::new(), ..ipa.agreement().await.unwrap() });
    seen
}

#[tokio::test]
async fn a_notice_counts_from_its_arrival_and_touches_the_next_term_only() {
    use NoticeKind::{Change, NotRenew, Other};
    use NoticeTiming::{InDoubt, InTime, Late};
    for (kind, written, arrived, timing, then) in [
        (NotRenew, "2026-12-30T23:59:59+09:00", "2026-12-30T23:59:59+09:00", InTime, State::Expired),
        (Change, "2026-12-30T23:59:59+09:00", "2026-12-30T23:59:59+09:00", InTime, State::Disputed),
        (Other, "2026-06-01T09:00:00+09:00", "2026-06-02T09:00:00+09:00", InTime, State::Disputed),
        (NotRenew, "2026-12-31T00:00:00+09:00", "2026-12-31T23:59:59+09:00", InDoubt, State::Disputed),
        (NotRenew, "2026-12-30T23:59:59+09:00", "2027-01-05T09:00:00+09:00", InDoubt, State::Disputed),
        (NotRenew, "2026-12-31T00:00:00+09:00", "2027-01-01T00:00:00+09:00", Late, State::InForce),
    ] {
        let pair = Pair::in_process(instant(written).unwrap(), 1).await.unwrap();
        let (ppc, ipa) = both(&pair).unwrap();
        settle(&ppc, &ipa).await.unwrap();
        pair.cut_link();
        give_notice(&ppc, kind).await;
        let pending = ppc.agreement().await.unwrap().notices.remove(0);
        assert_eq!((pending.state(), pending.timing()), (notice::State::PendingArrival, NoticeTiming::Unspecified));
        pair.set_clock(instant(arrived).unwrap()).unwrap();
        assert_eq!(ipa.agreement().await.unwrap().notices, []);
        pair.mend_link();
        let seen = at_both(&ppc, &ipa).await;
        let what = format!("{kind:?} written {written}, arrived {arrived}");
        assert_eq!((seen.notices[0].state(), seen.notices[0].timing()), (notice::State::Arrived, timing), "{what}");
        let states = [at(&pair, &ppc, BOUNDARY[0]).await.state(), at(&pair, &ppc, BOUNDARY[1]).await.state()];
        assert_eq!(states, [State::InForce, then], "{what}");
        at_both(&ppc, &ipa).await;
        assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_notice_is_withdrawn_with_the_peers_assent() {
    let pair = Pair::in_process(instant("2026-12-01T09:00:00+09:00").unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let notice = give_notice(&ppc, NoticeKind::NotRenew).await;
    at_both(&ppc, &ipa).await;
    ppc.withdraw_notice(ppc.withdrawing_notice(&notice)).await.unwrap();
    let waiting = at_both(&ppc, &ipa).await;
    assert_eq!(waiting.notices[0].state(), notice::State::Arrived);
    assert_eq!(waiting.next_state(), State::Expired, "it counts until the assent");
    ipa.assent_to_withdrawal(ipa.assenting(&waiting.notices[0])).await.unwrap();
    assert_eq!(at_both(&ppc, &ipa).await.notices[0].state(), notice::State::Withdrawn);
    assert_eq!(at(&pair, &ipa, BOUNDARY[1]).await.state(), State::InForce);
}

#[tokio::test]
async fn after_expiry_referral_goes_on_as_voluntary() {
    let pair = Pair::in_process(instant("2026-12-01T09:00:00+09:00").unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    give_notice(&ppc, NoticeKind::NotRenew).await;
    at_both(&ppc, &ipa).await;
    let mut grounds = Vec::new();
    for time in BOUNDARY {
        pair.set_clock(instant(time).unwrap()).unwrap();
        let referral = ppc.issued(ppc.issuing()).await.unwrap();
        ppc.confirm(ppc.confirming(&referral)).await.unwrap();
        grounds.push(referral.ground());
    }
    assert_eq!(grounds, [ReferralGround::Duty, ReferralGround::Voluntary]);
    at_both(&ppc, &ipa).await;
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}
