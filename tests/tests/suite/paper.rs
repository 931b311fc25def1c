//! The rest of a referral's life (Art. 4(1)): duties that end, reports that are referred twice, corrected dates and the
//! paper once more.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

use renkei_proto::{
    options::v1::Reason,
    referral::v1::{
        AnotherBecause, Cell, DischargeReason, DischargeReferralRequest, FollowUpReferralRequest,
        GetReferralPaperResponse, IssueReferralRequest, PublishSchemeRequest, Referral, ReferralGround,
        ReferralWarning, ReviseStatutoryFactsRequest, ScopeFacts, referral::State,
    },
    r#type::v1::{Finding, IncidentKind, Language, Sector, StatutoryFacts, Text},
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, same_journals, scope_facts, settle, words},
    pair::Pair,
    scenario::{instant, start},
    setup::Choice,
};

use crate::referral::at_both;

async fn published() -> (Pair, Acts, Acts) {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    (pair, ppc, ipa)
}

#[tokio::test]
async fn a_duty_ends_for_each_reason_and_both_agencies_see_it() {
    let (pair, ppc, ipa) = published().await;
    for reason in [
        DischargeReason::Unreachable,
        DischargeReason::ReportWithdrawn,
        DischargeReason::Mistake,
        DischargeReason::AlreadyFiled,
        DischargeReason::NoLongerDue,
    ] {
        let issued = ppc.issued(ppc.issuing()).await.unwrap();
        pair.clock.advance(jiff::SignedDuration::from_hours(48));
        assert_eq!(ppc.referral(&issued.name).await.unwrap().open_days, 2);
        let ended = ppc.discharge(ppc.discharging(&issued, reason)).await.unwrap();
        assert_eq!((ended.state(), ended.discharge_reason(), ended.open_days), (State::Discharged, reason, 0));
        assert!(ended.discharged_at.is_some() && ended.given_at.is_none());
        assert_eq!(at_both(&ppc, &ipa, &issued.name).await.discharge_reason(), reason);
    }
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_reporter_who_could_not_be_reached_may_be_told_later() {
    let (_pair, ppc, ipa) = published().await;
    let issued = ppc.issued(ppc.issuing()).await.unwrap();
    let ended = ppc.discharge(ppc.discharging(&issued, DischargeReason::Unreachable)).await.unwrap();
    let given = ppc.confirm(ppc.confirming(&ended)).await.unwrap();
    assert_eq!((given.state(), given.discharge_reason()), (State::Given, DischargeReason::Unreachable));
    assert_eq!(at_both(&ppc, &ipa, &issued.name).await.state(), State::Given);
}

#[tokio::test]
async fn a_discharge_that_the_state_does_not_allow_is_refused_and_writes_nothing() {
    let (_pair, ppc, ipa) = published().await;
    let mistake = |referral: &Referral| ppc.discharging(referral, DischargeReason::Mistake);
    let open = ppc.issued(ppc.issuing()).await.unwrap();
    let given = ppc.issued(ppc.issuing()).await.unwrap();
    let given = ppc.confirm(ppc.confirming(&given)).await.unwrap();
    let ended = ppc.issued(ppc.issuing()).await.unwrap();
    let stale = ended.clone();
    let ended = ppc.discharge(mistake(&ended)).await.unwrap();
    let facts = ScopeFacts { kind: IncidentKind::None.into(), ..scope_facts() };
    let unfitting = ppc.issued(IssueReferralRequest { scope_facts: Some(facts), ..ppc.issuing() }).await.unwrap();
    let code = ppc.issue(IssueReferralRequest { with_code: true, ..ppc.issuing() }).await.unwrap();
    let peers = ipa.issued(ipa.issuing()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    ipa.follow_up(ipa.following_up(&code.code)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let peers = ppc.referral(&peers.name).await.unwrap();
    let followed_up = ppc.referral(&code.referral.unwrap().name).await.unwrap();
    let missing = Referral {
        name: "agencies/ppc/referrals/0199b7c4-0000-7000-8000-000000000001".to_owned(),
        ..Referral::default()
    };
    let before = ppc.link().await.unwrap().own_seq;
    for (referral, reason, field) in [
        (&given, Reason::WrongState, ""),
        (&ended, Reason::WrongState, ""),
        (&unfitting, Reason::WrongState, ""),
        (&followed_up, Reason::WrongState, ""),
        (&stale, Reason::EtagStale, "etag"),
        (&peers, Reason::WrongDirection, ""),
        (&missing, Reason::NotFound, ""),
    ] {
        refused(ppc.discharge(mistake(referral)).await, reason, field);
    }
    for reason in [0, 6] {
        refused(
            ppc.discharge(DischargeReferralRequest { reason, ..mistake(&open) }).await,
            Reason::FieldInvalid,
            "reason",
        );
    }
    assert_eq!(ppc.link().await.unwrap().own_seq, before);
    ppc.discharge(mistake(&open)).await.unwrap();
}

#[tokio::test]
async fn a_second_referral_of_one_report_is_answered_with_the_first_ones_name() {
    let (_pair, ppc, ipa) = published().await;
    let report = "2026-000042".to_owned();
    let issuing = || IssueReferralRequest { report: report.clone(), ..ppc.issuing() };
    let first = ppc.issued(issuing()).await.unwrap();
    let before = ppc.link().await.unwrap().own_seq;
    let again = ppc.issue(issuing()).await;
    let text = format!("{:?}", again.as_ref().unwrap_err());
    assert!(text.contains(&first.name), "{text}");
    refused(again, Reason::AlreadyExists, "report");
    assert_eq!(ppc.link().await.unwrap().own_seq, before);

    for because in [AnotherBecause::OtherIncident, AnotherBecause::OtherSchemes, AnotherBecause::FirstDischarged] {
        let request = IssueReferralRequest { another_because: because.into(), ..issuing() };
        let another = ppc.issued(request).await.unwrap();
        assert_ne!(another.case_number, first.case_number, "{because:?}");
    }
    // The first one is named whatever came after it, and each agency has reports of its own.
    let text = format!("{:?}", ppc.issue(issuing()).await.unwrap_err());
    assert!(text.contains(&first.name), "{text}");
    ipa.issued(IssueReferralRequest { report, ..ipa.issuing() }).await.unwrap();
    let unknown = IssueReferralRequest { another_because: 9, ..ppc.issuing() };
    refused(ppc.issue(unknown).await, Reason::FieldInvalid, "another_because");
}

#[tokio::test]
async fn of_two_calls_at_once_about_one_report_one_issues_its_referral() {
    let (_pair, ppc, _ipa) = published().await;
    let issuing = || IssueReferralRequest { report: "2026-000042".to_owned(), ..ppc.issuing() };
    let answers = futures::future::join_all((0..8).map(|_| ppc.issue(issuing()))).await;
    let issued: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(issued.len(), 1);
    let name = issued[0].referral.clone().unwrap().name;
    for answer in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(answer.reason, Reason::AlreadyExists);
        assert!(format!("{answer:?}").contains(&name), "{answer:?}");
    }
}

fn facts(knew_on: &str, items: &[u32]) -> StatutoryFacts {
    StatutoryFacts { sector: Sector::Private.into(), knew_on: knew_on.to_owned(), items: items.to_vec(), persons: None }
}

#[tokio::test]
async fn corrected_facts_give_the_dates_and_the_paper_anew() {
    let (pair, ppc, ipa) = published().await;
    let statutory = Some(facts("2026-11-13", &[1]));
    let request = IssueReferralRequest { with_code: true, statutory, ..ppc.issuing() };
    let first = ppc.issue(request.clone()).await.unwrap();
    let referral = first.referral.clone().unwrap();
    assert_eq!((first.dates.clone().unwrap().final_due.as_str(), first.warnings.len()), ("2026-12-14", 1));
    let page = at_both(&ppc, &ipa, &referral.name).await;

    pair.set_clock(instant("2026-11-27T09:00:00+09:00").unwrap()).unwrap();
    let restating = |statutory: StatutoryFacts| ReviseStatutoryFactsRequest {
        statutory: Some(statutory),
        ..ppc.restating(&referral)
    };
    let revision = restating(facts("2026-11-12", &[1, 3]));
    let revised = ppc.restate(revision.clone()).await.unwrap();
    assert_eq!((revised.dates.clone().unwrap().final_due.as_str(), revised.warnings.len()), ("2027-01-12", 0));
    let notice = revised.notice.clone().unwrap();
    for part in ["令和8年11月27日　整理番号：甲-R08-REF-0001", "「知った日」（令和8年11月12日）を1日目として60日以内"]
    {
        assert!(notice.ja.contains(part), "{part}: {}", notice.ja);
    }
    assert_eq!(revised.code, first.code);
    // They stay in the agency: the page is what it was, at both.
    let now = at_both(&ppc, &ipa, &referral.name).await;
    assert_eq!(Referral { open_days: page.open_days, ..now }, page);

    // The newest facts count for the paper of today; repeats get what they got.
    pair.set_clock(instant("2026-12-01T09:00:00+09:00").unwrap()).unwrap();
    let last = ppc.restate(restating(facts("2026-11-20", &[3]))).await.unwrap();
    let paper = ppc.paper(&referral.name).await.unwrap();
    assert_eq!((paper.dates, paper.code.as_str()), (last.dates, first.code.as_str()));
    assert_eq!(paper.statutory, Some(facts("2026-11-20", &[3])));
    assert_eq!(paper.notice, last.notice);
    assert!(paper.notice.unwrap().ja.starts_with("令和8年12月1日　整理番号：甲-R08-REF-0001\n"));
    assert_eq!(ppc.restate(revision).await.unwrap(), revised);
    assert_eq!(ppc.issue(request).await.unwrap(), first);

    // Without a day of knowing there are no dates, and the paper names none.
    ppc.restate(restating(facts("", &[3]))).await.unwrap();
    let paper = ppc.paper(&referral.name).await.unwrap();
    assert_eq!(paper.dates, None);
    assert!(!paper.notice.unwrap().ja.contains("【参考】"));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn facts_that_do_not_fit_are_not_recorded_and_the_peers_paper_is_the_peers() {
    let (_pair, ppc, ipa) = published().await;
    let issued = ppc.issued(ppc.issuing()).await.unwrap();
    let peers = ipa.issued(ipa.issuing()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let peers = ppc.referral(&peers.name).await.unwrap();
    let stale = issued.clone();
    let issued = ppc.confirm(ppc.confirming(&issued)).await.unwrap();
    let public = StatutoryFacts { sector: Sector::Public.into(), ..facts("2026-11-13", &[3]) };
    let cases = [
        (public, "statutory.sector"),
        (facts("2026-11-25", &[3]), "statutory.knew_on"),
        (facts("2026-11-31", &[3]), "statutory.knew_on"),
        (facts("2026-11-13", &[5]), "statutory.items"),
    ];
    for (statutory, field) in cases {
        let request = ReviseStatutoryFactsRequest { statutory: Some(statutory), ..ppc.restating(&issued) };
        refused(ppc.restate(request).await, Reason::FieldInvalid, field);
    }
    let none = ReviseStatutoryFactsRequest { statutory: None, ..ppc.restating(&issued) };
    refused(ppc.restate(none).await, Reason::FieldInvalid, "statutory");
    refused(ppc.restate(ppc.restating(&stale)).await, Reason::EtagStale, "etag");
    refused(ppc.restate(ppc.restating(&peers)).await, Reason::WrongDirection, "");
    let missing = "agencies/ppc/referrals/0199b7c4-0000-7000-8000-000000000001";
    let nothing = Referral { name: missing.to_owned(), ..Referral::default() };
    refused(ppc.restate(ppc.restating(&nothing)).await, Reason::NotFound, "");
    assert_eq!(ppc.paper(&issued.name).await.unwrap().statutory, None);

    refused(ppc.paper(&peers.name).await, Reason::WrongDirection, "");
    refused(ppc.paper(missing).await, Reason::NotFound, "");
    refused(ppc.paper("agencies/ppc/referrals/1").await, Reason::FieldInvalid, "name");
}

#[tokio::test]
async fn a_referral_for_which_no_scheme_fits_has_no_paper() {
    let (_pair, ppc, _ipa) = published().await;
    let facts = ScopeFacts { kind: IncidentKind::None.into(), ..scope_facts() };
    let issued = ppc.issued(IssueReferralRequest { scope_facts: Some(facts), ..ppc.issuing() }).await.unwrap();
    let paper = ppc.paper(&issued.name).await.unwrap();
    assert_eq!((paper.notice, paper.code.as_str()), (None, ""));
}

fn contains(pdf: &[u8], part: &str) -> bool {
    pdf.windows(part.len()).any(|window| window == part.as_bytes())
}

#[tokio::test]
async fn the_paper_comes_as_a_file_to_print_which_is_the_same_all_day() {
    let (pair, ppc, ipa) = published().await;
    let statutory = Some(facts("2026-11-13", &[1, 3]));
    let issued = ppc.issue(IssueReferralRequest { with_code: true, statutory, ..ppc.issuing() }).await.unwrap();
    let (name, notice) = (issued.referral.unwrap().name, issued.notice.unwrap());
    let plain = ppc.paper(&name).await.unwrap();
    assert_eq!((plain.pdf.len(), plain.pdf_missing.as_str()), (0, ""), "no file unless one is asked for");

    let printed = ppc.printed(&name, Language::Ja).await.unwrap();
    assert!(printed.pdf.starts_with(b"%PDF-1.7") && printed.pdf.len() < 1 << 20);
    // The title of the file is its text in the clear; the pages are compressed.
    for part in ["整理番号：甲-R08-REF-0001", "独立行政法人情報処理推進機構（IPA）の届出制度のご案内", "/Lang(ja)"]
    {
        assert!(contains(&printed.pdf, part), "{part}");
    }
    assert_eq!(printed.notice, Some(notice));
    let rest = GetReferralPaperResponse { pdf: Vec::new(), ..printed.clone() };
    assert_eq!(rest, plain, "the file adds to the answer and changes nothing in it");
    pair.clock.advance(jiff::SignedDuration::from_hours(2));
    assert_eq!(ppc.printed(&name, Language::Ja).await.unwrap().pdf, printed.pdf);

    let english = ppc.printed(&name, Language::En).await.unwrap().pdf;
    assert!(contains(&english, "Reference: 甲-R08-REF-0001") && contains(&english, "/Lang(en)"));
    pair.set_clock(instant("2026-11-25T09:00:00+09:00").unwrap()).unwrap();
    assert_ne!(ppc.printed(&name, Language::Ja).await.unwrap().pdf, printed.pdf, "it has the day's date");

    settle(&ppc, &ipa).await.unwrap();
    refused(ipa.printed(&name, Language::Ja).await, Reason::WrongDirection, "");
    let unfitting = ScopeFacts { kind: IncidentKind::None.into(), ..scope_facts() };
    let none = ppc.issued(IssueReferralRequest { scope_facts: Some(unfitting), ..ppc.issuing() }).await.unwrap();
    assert!(ppc.printed(&none.name, Language::Ja).await.unwrap().pdf.is_empty());
}

#[tokio::test]
async fn a_kanji_that_the_font_lacks_is_shown_as_a_substitute_and_warned_of() {
    let (_pair, ppc, ipa) = published().await;
    let scheme = ipa.scheme(&ipa.scheme_name("unauthorised-access")).await.unwrap();
    let mut revision = ipa.revising_scheme(&scheme);
    (revision.terms, revision.content) = (scheme.terms, scheme.content);
    revision.content.as_mut().unwrap().how = Some(Text { ja: "𠮷田係に𠮷報を".to_owned(), ..Text::default() });
    ipa.revise_scheme(revision).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let name = ppc.issued(ppc.issuing()).await.unwrap().name;
    let printed = ppc.printed(&name, Language::Ja).await.unwrap();
    assert!(printed.notice.as_ref().unwrap().ja.contains("𠮷田係"), "the text is whole");
    assert_eq!(printed.pdf_missing, "𠮷");
    assert!(printed.warnings().any(|warning| warning == ReferralWarning::CharactersNotPrinted));
    assert!(printed.pdf.starts_with(b"%PDF"));
    assert!(ppc.paper(&name).await.unwrap().warnings.is_empty(), "nothing was printed");
}

#[tokio::test]
async fn one_filing_counts_once_also_if_the_reporter_agrees_later() {
    let (pair, ppc, ipa) = published().await;
    // Five, because fewer are hidden.
    for _ in 0..5 {
        let issued = ppc.issue(IssueReferralRequest { with_code: true, ..ppc.issuing() }).await.unwrap();
        settle(&ppc, &ipa).await.unwrap();
        let silent = || FollowUpReferralRequest { reporter_agreed: false, ..ipa.following_up(&issued.code) };
        ipa.follow_up(silent()).await.unwrap();
        refused(ipa.follow_up(silent()).await, Reason::CodeAlreadyUsed, "code");
        let followed_up = ipa.follow_up(ipa.following_up(&issued.code)).await.unwrap().referral.unwrap();
        assert_eq!(followed_up.state(), State::FollowedUp);
        refused(ipa.follow_up(silent()).await, Reason::CodeAlreadyUsed, "code");
    }
    settle(&ppc, &ipa).await.unwrap();
    pair.set_clock(instant("2026-12-01T00:00:00+09:00").unwrap()).unwrap();
    let counted = ipa.count(ipa.counting("2026-11")).await.unwrap();
    assert_eq!(counted.schemes[0].followed_up, Some(Cell { value: 5, hidden: false }));
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn nothing_is_written_that_stops_a_peer_of_an_earlier_version() {
    let failures = "kinds_unspoken = [\"referral_discharged\"]".to_owned();
    let choice = Choice { sandbox: BTreeMap::from([("ipa", failures)]), ..Choice::default() };
    let pair = Pair::in_process_with(start().unwrap(), 1, choice).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let issued = ppc.issued(ppc.issuing()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let before = ppc.link().await.unwrap().own_seq;
    let discharge = ppc.discharge(ppc.discharging(&issued, DischargeReason::Mistake)).await;
    refused(discharge, Reason::WrongState, "");
    let kinds = ScopeFacts { further_kinds: vec![IncidentKind::Virus.into()], ..scope_facts() };
    let several = IssueReferralRequest { scope_facts: Some(kinds), ..ppc.issuing() };
    refused(ppc.issue(several).await, Reason::WrongState, "scope_facts.further_kinds");
    let scheme = PublishSchemeRequest { content: Some(words("制度")), ..ppc.publishing("other") };
    refused(ppc.publish(scheme).await, Reason::WrongState, "content.mail");
    assert_eq!(ppc.link().await.unwrap().own_seq, before);

    // It expects its own rule for a judgement that is pending.
    let facts = ScopeFacts { electronic: false, ..scope_facts() };
    let judgement = Some(ppc.judgement(Finding::Pending));
    let pending = IssueReferralRequest { judgement, scope_facts: Some(facts), ..ppc.issuing() };
    assert_eq!(ppc.issued(pending.clone()).await.unwrap().ground(), ReferralGround::Pending);
    let of_ipa = IssueReferralRequest { reported_under: ipa.scheme_name("virus"), ..pending };
    let of_ipa = IssueReferralRequest { request_id: ipa.request_id(), report: ipa.report(), ..of_ipa };
    assert_eq!(ipa.issued(of_ipa).await.unwrap().ground(), ReferralGround::Voluntary, "PPC is of this version");
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}
