//! Every call that changes something may be repeated: it takes place once, and every repeat gets the first reply.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{collections::BTreeSet, fmt::Debug};

use jiff::SignedDuration;
use renkei_client::{Answer, CallError, Official};
use renkei_proto::{
    RULES,
    agreement::v1::NoticeKind,
    evidence::v1::{BarOfficialRequest, CheckpointAuditRequest, ListAuditRecordsRequest, UnbarOfficialRequest},
    journal::v1::BarReason,
    options::v1::Reason,
    referral::v1::{
        DischargeReason, FollowUpReferralRequest, IssueReferralRequest, Referral, ReviseJudgementRequest,
        referral_service_client::ReferralServiceClient,
    },
    sharing::v1::{Body, CopyFate, LegalGround, RecallItemRequest, RecallReason},
    r#type::v1::{Agency, Finding, Purpose, StatutoryFacts},
};
use renkei_tools::{
    acts::{Acts, body, both, publish_all, refused, same_journals, settle, stated, to_the_party},
    pair::Pair,
    scenario::{instant, start},
};

/// Makes the same call twice and gives the reply. One entry is written at most, and an anchor beside it.
async fn twice<R: Clone, T: Debug + PartialEq>(acts: &Acts, request: R, call: impl AsyncFn(R) -> Answer<T>) -> T {
    let before = acts.link().await.unwrap().own_seq;
    let first = call(request.clone()).await.unwrap();
    let written = acts.link().await.unwrap().own_seq;
    assert!(written <= before + 2);
    assert_eq!(call(request).await.unwrap(), first);
    assert_eq!(acts.link().await.unwrap().own_seq, written);
    first
}

#[tokio::test]
async fn every_method_that_changes_something_gives_its_first_reply_again() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let mut tried = BTreeSet::new();

    let scheme = twice(&ppc, ppc.publishing("other"), async |it| ppc.publish(it).await).await;
    let scheme = twice(&ppc, ppc.revising_scheme(&scheme), async |it| ppc.revise_scheme(it).await).await;
    twice(&ppc, ppc.withdrawing(&scheme), async |it| ppc.withdraw(it).await).await;
    tried.extend(["PublishScheme", "ReviseScheme", "WithdrawScheme"]);

    let statutory = StatutoryFacts { sector: 1, knew_on: "2026-11-13".to_owned(), items: vec![3], persons: None };
    let issue = IssueReferralRequest { with_code: true, statutory: Some(statutory), ..ppc.issuing() };
    let issued = twice(&ppc, issue.clone(), async |it| ppc.issue(it).await).await;
    assert!(!issued.code.is_empty() && issued.notice.is_some() && issued.dates.is_some());
    let referral = issued.referral.clone().unwrap();
    let revised = twice(&ppc, ppc.revising(&referral, Finding::Suspected), async |it| ppc.revise(it).await).await;
    twice(&ppc, ppc.confirming(&revised), async |it| ppc.confirm(it).await).await;
    twice(&ppc, ppc.restating(&referral_now(&ppc, &referral.name).await), async |it| ppc.restate(it).await).await;
    let ended = ppc.issued(ppc.issuing()).await.unwrap();
    twice(&ppc, ppc.discharging(&ended, DischargeReason::Mistake), async |it| ppc.discharge(it).await).await;
    tried.extend(["ReviseStatutoryFacts", "DischargeReferral"]);
    settle(&ppc, &ipa).await.unwrap();
    let followed = twice(&ipa, ipa.following_up(&issued.code), async |it| ipa.follow_up(it).await).await;
    assert_eq!(followed.referral.unwrap().name, referral.name);
    let counted = FollowUpReferralRequest { reporter_agreed: false, ..ipa.following_up("") };
    twice(&ipa, counted, async |it| ipa.follow_up(it).await).await;
    tried.extend(["IssueReferral", "ReviseJudgement", "ConfirmReferralGiven", "FollowUpReferral"]);
    // Whatever has become of the referral since, and of the schemes: the reply is the first one.
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ppc.issue(issue).await.unwrap(), issued);

    twice(&ppc, ppc.counting("2026-10"), async |it| ppc.count(it).await).await;
    let checkpoint = CheckpointAuditRequest { request_id: ppc.request_id() };
    twice(&ppc, checkpoint, async |it| ppc.checkpoint(it).await).await;
    tried.extend(["CountReferrals", "CheckpointAudit"]);
    tried.extend(advice_twice(&ppc, &ipa).await);
    tried.extend(items_twice(&ppc, &ipa).await);
    tried.extend(consents_twice(&ppc, &ipa).await);
    tried.extend(officials_twice(&ppc).await);
    tried.extend(notices_twice(&ppc, &ipa).await);

    let mutating = RULES.iter().filter(|rule| rule.mutating).filter_map(|rule| rule.path.rsplit('/').next());
    assert_eq!(mutating.collect::<BTreeSet<_>>(), tried);
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
    // Facts that never cross were written once, too: with three filings more they are five, which are shown.
    for _ in 0..3 {
        let filing = FollowUpReferralRequest { reporter_agreed: false, ..ipa.following_up("") };
        twice(&ipa, filing, async |it| ipa.follow_up(it).await).await;
    }
    pair.set_clock(instant("2026-12-01T00:00:00+09:00").unwrap()).unwrap();
    let counted = ipa.count(ipa.counting("2026-11")).await.unwrap();
    assert_eq!(counted.schemes[0].followed_up.unwrap().value, 5);
}

async fn referral_now(acts: &Acts, name: &str) -> Referral {
    acts.referral(name).await.unwrap()
}

/// The acts of technical advice; gives the methods.
async fn advice_twice(ppc: &Acts, ipa: &Acts) -> [&'static str; 15] {
    let request = ppc.requesting();
    let asked = twice(ppc, request.clone(), async |it| ppc.submit_advice_request(it).await).await;
    settle(ppc, ipa).await.unwrap();
    let it = ipa.advice_request(&asked.name).await.unwrap();
    twice(ipa, ipa.handing_back(&it), async |it| ipa.hand_back_advice_request(it).await).await;
    settle(ppc, ipa).await.unwrap();
    twice(ppc, ppc.supplementing(&asked), async |it| ppc.supplement_advice_request(it).await).await;
    settle(ppc, ipa).await.unwrap();
    let it = ipa.advice_request(&asked.name).await.unwrap();
    let it = twice(ipa, ipa.accepting(&it), async |it| ipa.accept_advice_request(it).await).await;
    let it = twice(ipa, ipa.replanning(&it), async |it| ipa.revise_plan(it).await).await;
    twice(ipa, ipa.asking_clarification(&it), async |it| ipa.ask_clarification(it).await).await;
    settle(ppc, ipa).await.unwrap();
    let it = ppc.advice_request(&asked.name).await.unwrap();
    twice(ppc, ppc.clarifying(&it), async |it| ppc.answer_clarification(it).await).await;
    settle(ppc, ipa).await.unwrap();
    let it = ipa.advice_request(&asked.name).await.unwrap();
    let it = twice(ipa, ipa.giving(&it), async |it| ipa.give_advice(it).await).await;
    twice(ipa, ipa.correcting(&it), async |it| ipa.correct_advice(it).await).await;
    settle(ppc, ipa).await.unwrap();
    let it = ppc.advice_request(&asked.name).await.unwrap();
    let it = twice(ppc, ppc.asking_quotation(&it), async |it| ppc.ask_quotation(it).await).await;
    twice(ppc, ppc.closing(&it), async |it| ppc.close_advice_request(it).await).await;
    settle(ppc, ipa).await.unwrap();
    let it = ipa.advice_request(&asked.name).await.unwrap();
    twice(ipa, ipa.answering_quotation(&it), async |it| ipa.answer_quotation(it).await).await;
    let it = ppc.advice_request(&asked.name).await.unwrap();
    twice(ppc, ppc.asking_further(&it), async |it| ppc.ask_further_questions(it).await).await;

    let [declined, withdrawn] = [ppc.requesting(), ppc.requesting()];
    let declined = ppc.submit_advice_request(declined).await.unwrap();
    let withdrawn = ppc.submit_advice_request(withdrawn).await.unwrap();
    settle(ppc, ipa).await.unwrap();
    let it = ipa.advice_request(&declined.name).await.unwrap();
    twice(ipa, ipa.declining(&it), async |it| ipa.decline_advice_request(it).await).await;
    twice(ppc, ppc.withdrawing_advice(&withdrawn), async |it| ppc.withdraw_advice_request(it).await).await;
    settle(ppc, ipa).await.unwrap();
    // Whatever has become of the request since.
    assert_eq!(ppc.submit_advice_request(request).await.unwrap(), asked);
    [
        "SubmitAdviceRequest",
        "SupplementAdviceRequest",
        "AnswerClarification",
        "AskFurtherQuestions",
        "AskQuotation",
        "WithdrawAdviceRequest",
        "CloseAdviceRequest",
        "AcceptAdviceRequest",
        "RevisePlan",
        "HandBackAdviceRequest",
        "DeclineAdviceRequest",
        "AskClarification",
        "GiveAdvice",
        "CorrectAdvice",
        "AnswerQuotation",
    ]
}

/// The acts of sharing; gives the methods.
async fn items_twice(ppc: &Acts, ipa: &Acts) -> [&'static str; 7] {
    let publish = ipa.publishing_item(to_the_party());
    let published = twice(ipa, publish.clone(), async |it| ipa.publish_item(it).await).await;
    let it = twice(ipa, ipa.revising_item(&published), async |it| ipa.revise_item(it).await).await;
    settle(ppc, ipa).await.unwrap();
    let it = ppc.item(&it.name).await.unwrap();
    let it = twice(ppc, ppc.acknowledging(&it), async |it| ppc.acknowledge_item(it).await).await;
    let it = twice(ppc, ppc.asking_about(&it), async |it| ppc.ask_about_item(it).await).await;
    twice(ppc, ppc.giving_feedback(&it), async |it| ppc.give_feedback(it).await).await;
    settle(ppc, ipa).await.unwrap();
    let it = ipa.item(&it.name).await.unwrap();
    let it = twice(ipa, ipa.answering_about(&it), async |it| ipa.answer_item_question(it).await).await;
    twice(ipa, ipa.recalling(&it), async |it| ipa.recall_item(it).await).await;
    settle(ppc, ipa).await.unwrap();
    assert_eq!(ipa.publish_item(publish).await.unwrap(), published);
    ["PublishItem", "ReviseItem", "RecallItem", "AcknowledgeItem", "AskAboutItem", "AnswerItemQuestion", "GiveFeedback"]
}

/// The acts of consent, disclosure and recall; gives the methods.
async fn consents_twice(ppc: &Acts, ipa: &Acts) -> Vec<&'static str> {
    let shared = async || {
        let it = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
        settle(ppc, ipa).await.unwrap();
        it.name
    };
    let (nco, meti) = (body(Body::Nco), body(Body::Meti));
    let extent = stated(&[nco.clone(), meti.clone()], &[Purpose::Policy]);
    let name = shared().await;
    let here = || async { ppc.item(&name).await.unwrap() };
    let there = || async {
        settle(ppc, ipa).await.unwrap();
        ipa.item(&name).await.unwrap()
    };
    let mut asked = Vec::new();
    for _ in 0..3 {
        let it = here().await;
        let it =
            twice(ppc, ppc.requesting_consent(&it, extent.clone()), async |it| ppc.request_consent(it).await).await;
        asked.push(it.consent_requests.last().unwrap().clone());
    }
    let it = here().await;
    let withdrawing = ppc.withdrawing_consent_request(&it, &asked[2]);
    twice(ppc, withdrawing, async |it| ppc.withdraw_consent_request(it).await).await;
    let it = there().await;
    let it = twice(ipa, ipa.granting(&it, &asked[0]), async |it| ipa.grant_consent(it).await).await;
    let consent = it.consents[0].clone();
    let it = twice(ipa, ipa.denying_consent(&it, &asked[1]), async |it| ipa.deny_consent(it).await).await;
    let one = stated(std::slice::from_ref(&nco), &[Purpose::Policy]);
    twice(ipa, ipa.narrowing_consent(&it, &consent, one), async |it| ipa.narrow_consent(it).await).await;
    settle(ppc, ipa).await.unwrap();
    let disclosing = ppc.disclosing_under(&here().await, &consent.entry, nco, Purpose::Policy);
    twice(ppc, disclosing, async |it| ppc.record_disclosure(it).await).await;
    // A refused attempt is recorded once, too.
    let beyond = ppc.disclosing(&here().await, meti, Purpose::Policy);
    for _ in 0..2 {
        refused(ppc.record_disclosure(beyond.clone()).await, Reason::BeyondScope, "");
    }
    let announcing = ppc.announcing(&here().await, LegalGround::Court, body(Body::Court));
    twice(ppc, announcing, async |it| ppc.announce_disclosure(it).await).await;
    let it = there().await;
    let opinion = ipa.giving_opinion(&it, &it.legal_disclosures[0]);
    let it = twice(ipa, opinion, async |it| ipa.give_disclosure_opinion(it).await).await;
    let it = twice(ipa, ipa.revoking_consent(&it, &consent), async |it| ipa.revoke_consent(it).await).await;
    let recall = RecallItemRequest { reason: RecallReason::Misdirected.into(), ..ipa.recalling(&it) };
    let it = ipa.recall_item(recall).await.unwrap();
    twice(ipa, ipa.reminding(&it), async |it| ipa.remind_of_recall(it).await).await;
    settle(ppc, ipa).await.unwrap();
    let copy = ppc.reporting_copy(&here().await, CopyFate::Disclosed);
    let it = twice(ppc, copy, async |it| ppc.answer_recall(it).await).await;
    twice(ppc, ppc.counting_readers(&it), async |it| ppc.count_misdirection_readers(it).await).await;
    let it = there().await;
    let closing = ipa.closing_misdirection(&it, false);
    let it = twice(ipa, closing, async |it| ipa.close_misdirection(it).await).await;
    twice(ipa, ipa.disposing(&it), async |it| ipa.approve_disposal(it).await).await;
    let it = ppc.item(&shared().await).await.unwrap();
    twice(ppc, ppc.reporting_misdirection(&it), async |it| ppc.report_misdirection(it).await).await;
    settle(ppc, ipa).await.unwrap();
    vec![
        "RequestConsent",
        "GrantConsent",
        "NarrowConsent",
        "DenyConsent",
        "RevokeConsent",
        "WithdrawConsentRequest",
        "RecordDisclosure",
        "AnnounceDisclosure",
        "GiveDisclosureOpinion",
        "AnswerRecall",
        "RemindOfRecall",
        "ApproveDisposal",
        "ReportMisdirection",
        "CountMisdirectionReaders",
        "CloseMisdirection",
    ]
}

/// The acts about notices; gives the methods.
async fn notices_twice(ppc: &Acts, ipa: &Acts) -> [&'static str; 4] {
    let give = ppc.giving_notice(NoticeKind::Other);
    let given = twice(ppc, give.clone(), async |it| ppc.give_notice(it).await).await;
    settle(ppc, ipa).await.unwrap();
    let notice = &given.notices[0];
    let earlier = ipa.recording_arrival(notice, ipa.now() - SignedDuration::from_hours(1));
    twice(ipa, earlier, async |it| ipa.record_notice_arrival(it).await).await;
    let paper = ipa.recording_paper(NoticeKind::Change, "第2号", ipa.now());
    twice(ipa, paper, async |it| ipa.record_notice_arrival(it).await).await;
    let withdrawn = twice(ppc, ppc.withdrawing_notice(notice), async |it| ppc.withdraw_notice(it).await).await;
    settle(ppc, ipa).await.unwrap();
    let withdrawal = withdrawn.notices.iter().find(|it| it.entry == notice.entry).unwrap();
    twice(ipa, ipa.assenting(withdrawal), async |it| ipa.assent_to_withdrawal(it).await).await;
    settle(ppc, ipa).await.unwrap();
    // Whatever has become of the notice since.
    assert_eq!(ppc.give_notice(give).await.unwrap(), given);
    ["GiveNotice", "RecordNoticeArrival", "WithdrawNotice", "AssentToWithdrawal"]
}

/// The methods that act on officials are called twice each; returns their names.
async fn officials_twice(ppc: &Acts) -> [&'static str; 2] {
    let officials = ppc.desk.officials().unwrap();
    let (request_id, name) = (ppc.request_id(), ppc.official_name("sato"));
    let bar = BarOfficialRequest { request_id, name: name.clone(), reason: BarReason::Left.into() };
    let barring = async |it| Ok(officials.clone().bar_official(it).await.map_err(CallError::from)?.into_inner());
    let barred = twice(ppc, bar.clone(), barring).await;
    assert!(barred.barred);
    let unbar = UnbarOfficialRequest { request_id: ppc.request_id(), name };
    twice(ppc, unbar, async |it| Ok(officials.clone().unbar_official(it).await.map_err(CallError::from)?.into_inner()))
        .await;
    // Barring once more would be another act; its repeat is none.
    assert_eq!(officials.clone().bar_official(bar).await.unwrap().into_inner(), barred);
    assert!(ppc.barred().await.unwrap().is_empty());
    ["BarOfficial", "UnbarOfficial"]
}

#[tokio::test]
async fn a_request_id_names_one_request_of_one_caller() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let issue = ppc.issuing();
    let referral = ppc.issued(issue.clone()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let before = ppc.link().await.unwrap().own_seq;
    let id = || issue.request_id.clone();
    let other_body = IssueReferralRequest { report: "2026-000002".to_owned(), ..issue.clone() };
    refused(ppc.issue(other_body).await, Reason::RequestIdReused, "request_id");
    let other_method = ReviseJudgementRequest { request_id: id(), ..ppc.revising(&referral, Finding::Pending) };
    refused(ppc.revise(other_method).await, Reason::RequestIdReused, "request_id");
    assert_eq!(ppc.link().await.unwrap().own_seq, before);
    // Casework is another caller; its ids are its own.
    let scheme = renkei_proto::referral::v1::PublishSchemeRequest { request_id: id(), ..ppc.publishing("other") };
    ppc.publish(scheme).await.unwrap();
    assert_eq!(ppc.issued(issue).await.unwrap(), referral);
}

#[tokio::test]
async fn a_repeat_by_another_official_of_the_same_caller_is_a_repeat() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let issue = ppc.issuing();
    let issued = ppc.issue(issue.clone()).await.unwrap();
    let before = ppc.link().await.unwrap().own_seq;
    let channel = ppc.desk.on_behalf_of("intake", Official::from_static("suzuki")).unwrap();
    let repeated = ReferralServiceClient::new(channel).issue_referral(issue).await.unwrap().into_inner();
    assert_eq!(repeated, issued);
    assert_eq!(ppc.link().await.unwrap().own_seq, before);
    // The act stays that of the official who acted.
    let matter = issued.referral.unwrap().name;
    let request = ListAuditRecordsRequest { matter, ..ListAuditRecordsRequest::default() };
    let records = ppc.list_audit_records(request).await.unwrap().records;
    let acts = records.iter().filter(|it| it.method.ends_with("/IssueReferral"));
    assert_eq!(acts.map(|it| it.official.as_str()).collect::<Vec<_>>(), ["tanaka"]);
}

#[tokio::test]
async fn a_refused_call_may_be_made_again_under_its_request_id() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, _ipa) = both(&pair).unwrap();
    let count = ppc.counting("2026-11");
    for _ in 0..2 {
        refused(ppc.count(count.clone()).await, Reason::WrongState, "");
    }
    pair.set_clock(instant("2026-12-01T00:00:00+09:00").unwrap()).unwrap();
    let counted = ppc.count(count.clone()).await.unwrap();
    assert_eq!(ppc.count(count).await.unwrap(), counted);
    refused(ppc.count(ppc.counting("2026-11")).await, Reason::AlreadyExists, "");
}

#[tokio::test]
async fn a_call_is_repeated_over_a_restart_and_days_later() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let issue = IssueReferralRequest { with_code: true, ..ppc.issuing() };
    let issued = ppc.issue(issue.clone()).await.unwrap();
    let confirm = ppc.confirming(issued.referral.as_ref().unwrap());
    let given = ppc.confirm(confirm.clone()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let follow_up = ipa.following_up(&issued.code);
    let followed = ipa.follow_up(follow_up.clone()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let before = (ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq);

    for agency in [Agency::Ppc, Agency::Ipa] {
        pair.stop(agency).await.unwrap();
        pair.start(agency).await.unwrap();
    }
    pair.set_clock(instant("2026-12-20T09:00:00+09:00").unwrap()).unwrap();
    assert_eq!(ppc.issue(issue.clone()).await.unwrap(), issued);
    assert_eq!(ppc.confirm(confirm).await.unwrap(), given);
    assert_eq!(ipa.follow_up(follow_up.clone()).await.unwrap(), followed);
    let other = IssueReferralRequest { with_code: false, ..issue };
    refused(ppc.issue(other).await, Reason::RequestIdReused, "request_id");
    let other = FollowUpReferralRequest { filed_on: "2026-11-23".to_owned(), ..follow_up };
    refused(ipa.follow_up(other).await, Reason::RequestIdReused, "request_id");
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!((ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq), before);
}

#[tokio::test]
async fn calls_at_the_same_time_under_one_request_id_take_place_once() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let before = ppc.link().await.unwrap().own_seq;
    let issue = IssueReferralRequest { with_code: true, ..ppc.issuing() };
    let all = futures::future::join_all((0..8).map(|_| ppc.issue(issue.clone()))).await;
    let first = all[0].clone().unwrap();
    assert!(all.into_iter().all(|answer| answer.unwrap() == first));
    assert_eq!(ppc.link().await.unwrap().own_seq, before + 1);
}
