//! The month's counts of referrals, and filings of which nothing but them crosses.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_domain::{moment::stamp, noun::code::Code};
use renkei_proto::{
    options::v1::Reason,
    referral::v1::{
        Cell, ConfirmReferralGivenRequest, FollowUpReferralRequest, IssueReferralRequest, SchemeCount, ScopeFacts,
    },
    r#type::v1::{Agency, IncidentKind},
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, same_journals, scope_facts, settle},
    pair::Pair,
    scenario::{instant, start},
};

const HIDDEN: Cell = Cell { value: 0, hidden: true };

fn shown(value: u64) -> Cell {
    Cell { value, hidden: false }
}

/// Issues and gives referrals of a kind, a day after the last one each.
async fn give(pair: &Pair, acts: &Acts, kind: IncidentKind, issued: usize, given: usize) {
    for n in 0..issued {
        let facts = ScopeFacts { kind: kind.into(), ..scope_facts() };
        let referral = acts.issued(IssueReferralRequest { scope_facts: Some(facts), ..acts.issuing() }).await.unwrap();
        if n < given {
            pair.clock.advance(jiff::SignedDuration::from_hours(24));
            let given_at = Some(stamp(pair.clock.now()));
            acts.confirm(ConfirmReferralGivenRequest { given_at, ..acts.confirming(&referral) }).await.unwrap();
        }
    }
}

#[tokio::test]
async fn both_agencies_state_the_months_counts_and_hide_those_below_five() {
    let pair = Pair::in_process(instant("2026-10-01T09:00:00+09:00").unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    give(&pair, &ppc, IncidentKind::Access, 6, 5).await;
    give(&pair, &ppc, IncidentKind::Virus, 5, 4).await;
    for filings in [("virus", 5), ("unauthorised-access", 4)] {
        for _ in 0..filings.1 {
            ipa.follow_up(filing(&ipa, filings.0)).await.unwrap();
        }
    }
    pair.set_clock(instant("2026-10-31T23:59:59+09:00").unwrap()).unwrap();
    for acts in [&ppc, &ipa] {
        refused(acts.count(acts.counting("2026-10")).await, Reason::WrongState, "");
    }
    pair.set_clock(instant("2026-11-01T00:00:00+09:00").unwrap()).unwrap();
    let of_ppc = ppc.count(ppc.counting("2026-10")).await.unwrap();
    let of_ipa = ipa.count(ipa.counting("2026-10")).await.unwrap();
    let count = |id: &str| SchemeCount { scheme_id: id.to_owned(), ..SchemeCount::default() };
    let (five, six) = (Some(shown(5)), Some(shown(6)));
    assert_eq!(
        of_ppc.schemes,
        [
            SchemeCount { issued: six, given: five, days: five, ..count("unauthorised-access") },
            SchemeCount { issued: five, given: Some(HIDDEN), days: Some(HIDDEN), ..count("virus") },
        ]
    );
    assert_eq!(
        of_ipa.schemes,
        [
            SchemeCount { followed_up: Some(HIDDEN), ..count("unauthorised-access") },
            SchemeCount { followed_up: five, ..count("virus") },
        ]
    );
    settle(&ppc, &ipa).await.unwrap();
    for acts in [&ppc, &ipa] {
        assert_eq!(acts.counts_of(Agency::Ppc, "2026-10").await.unwrap(), of_ppc);
        assert_eq!(acts.counts_of(Agency::Ipa, "2026-10").await.unwrap(), of_ipa);
    }
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

/// A filing without the reporter's agreement.
fn filing(acts: &Acts, under: &str) -> FollowUpReferralRequest {
    let filed_under = acts.scheme_name(under);
    FollowUpReferralRequest { reporter_agreed: false, filed_under, ..acts.following_up("") }
}

#[tokio::test]
async fn a_month_is_counted_once_after_it_has_ended() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let before = ppc.link().await.unwrap().own_seq;
    for month in ["2026-11", "2026-12", "2030-01"] {
        refused(ppc.count(ppc.counting(month)).await, Reason::WrongState, "");
    }
    for month in ["2026-13", "2026-00", "2026-1", "202611", ""] {
        refused(ppc.count(ppc.counting(month)).await, Reason::FieldInvalid, "month");
    }
    refused(ppc.counts_of(Agency::Ppc, "2026-10").await, Reason::NotFound, "");
    refused(ppc.counts_of(Agency::Ppc, "2026-13").await, Reason::FieldInvalid, "name");
    assert_eq!(ppc.link().await.unwrap().own_seq, before);
    let counted = ppc.count(ppc.counting("2026-10")).await.unwrap();
    assert_eq!((counted.month.as_str(), counted.schemes.len()), ("2026-10", 0));
    refused(ppc.count(ppc.counting("2026-10")).await, Reason::AlreadyExists, "");
    // Each agency states its own counts.
    settle(&ppc, &ipa).await.unwrap();
    ipa.count(ipa.counting("2026-10")).await.unwrap();
    refused(ipa.counts_of(Agency::Ppc, "2026-09").await, Reason::NotFound, "");
}

#[tokio::test]
async fn without_the_reporters_agreement_nothing_crosses_but_the_count() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let issued = ppc.issue(IssueReferralRequest { with_code: true, ..ppc.issuing() }).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let name = issued.referral.unwrap().name;
    let page = ppc.shared_referral(&name).await.unwrap();
    let before = ipa.link().await.unwrap().own_seq;
    let mut feed = ipa.watch("", "").await.unwrap();
    // With the code, without it, and with one that nobody has: without agreement the answer does not tell which.
    let counting = |code: &str| FollowUpReferralRequest { reporter_agreed: false, ..ipa.following_up(code) };
    for code in [issued.code.clone(), String::new(), Code::new(900, [7; 5]).to_string()] {
        assert_eq!(ipa.follow_up(counting(&code)).await.unwrap().referral, None);
    }
    refused(ipa.follow_up(counting("0001")).await, Reason::CodeMistyped, "code");
    assert_eq!(ipa.link().await.unwrap().own_seq, before);
    settle(&ppc, &ipa).await.unwrap();
    for acts in [&ppc, &ipa] {
        assert_eq!(acts.shared_referral(&name).await.unwrap(), page);
    }
    // The code is still good, should the reporter agree later.
    let followed = ipa.follow_up(ipa.following_up(&issued.code)).await.unwrap().referral.unwrap();
    assert_eq!(feed.event().await.unwrap().matter, followed.name);

    pair.set_clock(instant("2026-12-01T00:00:00+09:00").unwrap()).unwrap();
    let counted = ipa.count(ipa.counting("2026-11")).await.unwrap();
    assert_eq!(counted.schemes[0].followed_up, Some(HIDDEN));
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ppc.counts_of(Agency::Ipa, "2026-11").await.unwrap(), counted);
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}
