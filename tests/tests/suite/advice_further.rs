//! Technical advice (Art. 4(2)) as two offices go on with it: further questions after the answer, another planned day, and
//! the cases that a request names.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_domain::moment::stamp;
use renkei_proto::{
    advice::v1::{
        AdviceFurtherAskedContent, AdviceStage, Submission, SubmitAdviceRequestRequest, advice_entry::Content,
        advice_request::State,
    },
    options::v1::Reason,
    r#type::v1::{Agency, Confidentiality, Finding, Judgement, Marking, Purpose, Restriction},
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, same_journals, settle, to_the_party, to_units},
    pair::Pair,
    scenario::{instant, start},
};

use crate::advice::{accepted, answered, at_both, due, words_at_both};

#[tokio::test]
async fn a_further_question_goes_to_ipa_after_the_note_and_is_answered_and_noted_like_the_first() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = accepted(&ppc, &ipa).await;
    refused(ppc.ask_further_questions(ppc.asking_further(&it)).await, Reason::WrongState, "");
    ipa.give_advice(ipa.giving(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    ppc.close_advice_request(ppc.closing(&it)).await.unwrap();
    pair.set_clock(instant("2026-12-21T09:00:00+09:00").unwrap()).unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let mut none = ppc.asking_further(&it);
    none.submission = Some(Submission { facts: vec![ppc.statement("追加の事実")], ..Submission::default() });
    refused(ppc.ask_further_questions(none).await, Reason::FieldInvalid, "submission.questions");
    let asking = ppc.asking_further(&it);
    let asked = asking.submission.clone();
    let it = ppc.ask_further_questions(asking).await.unwrap();
    assert_eq!((it.state(), it.waiting_for(), it.overdue), (State::Accepted, Agency::Ipa, false));
    assert_eq!((&it.due, it.planned_on.as_str(), it.questions), (&due("2027-01-08"), "", 3));
    let it = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!((it.answered_questions.as_slice(), it.further_questions.len()), ([1, 2].as_slice(), 1));
    let mut answer = ipa.giving(&it);
    answer.content = Some(ipa.advising(3..=3));
    let it = ipa.give_advice(answer).await.unwrap();
    assert_eq!((it.state(), it.waiting_for()), (State::Answered, Agency::Ppc));
    let it = at_both(&ppc, &ipa, &it.name).await;
    let it = ppc.close_advice_request(ppc.closing(&it)).await.unwrap();
    assert_eq!((it.state(), it.waiting_for()), (State::Closed, Agency::Unspecified));
    let words = words_at_both(&ppc, &ipa, &it).await;
    let further = words.iter().find(|entry| entry.name == it.further_questions[0]).unwrap();
    assert_eq!(further.answers, it.advice[0].entry, "it is asked about the advice that PPC has read");
    let content = AdviceFurtherAskedContent { submission: asked };
    assert_eq!(further.content, Some(Content::AdviceFurtherAsked(content)));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_further_question_that_is_declined_leaves_the_first_advice_to_be_noted() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = answered(&ppc, &ipa).await;
    ppc.ask_further_questions(ppc.asking_further(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    refused(ppc.close_advice_request(ppc.closing(&it)).await, Reason::WrongState, "");
    ipa.decline_advice_request(ipa.declining(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!((it.state(), it.waiting_for()), (State::Declined, Agency::Ppc));
    let it = ppc.close_advice_request(ppc.closing(&it)).await.unwrap();
    assert_eq!((it.state(), it.waiting_for()), (State::Declined, Agency::Unspecified));
    assert_eq!(at_both(&ppc, &ipa, &it.name).await.advice[0].stage(), AdviceStage::Final);
}

#[tokio::test]
async fn another_planned_day_is_beside_the_due_day_at_both_and_its_reasons_are_kept() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = accepted(&ppc, &ipa).await;
    for (planned_on, reason) in [("2026-12-07", "解析に時間を要するため"), ("2026-12-14", "追加のログを待つため")]
    {
        let it = ipa.advice_request(&it.name).await.unwrap();
        let mut request = ipa.replanning(&it);
        planned_on.clone_into(&mut request.planned_on);
        reason.clone_into(&mut request.content.as_mut().unwrap().reason);
        ipa.revise_plan(request).await.unwrap();
    }
    pair.set_clock(instant("2026-12-09T09:00:00+09:00").unwrap()).unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!((&it.due, it.planned_on.as_str()), (&due("2026-12-08"), "2026-12-14"));
    assert!(it.overdue, "a plan does not put the due day off");
    let planned: Vec<&str> = it.plans.iter().map(|plan| plan.planned_on.as_str()).collect();
    assert_eq!(planned, ["2026-11-24", "2026-12-07", "2026-12-14"]);
    let words = words_at_both(&ppc, &ipa, &it).await;
    let reasons: Vec<&str> = words
        .iter()
        .filter_map(|entry| match &entry.content {
            Some(Content::AdvicePlanRevised(content)) => Some(content.reason.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, ["解析に時間を要するため", "追加のログを待つため"]);
    for wrong in ["2026-12-08", "2026-12-14", "2026-12-32"] {
        let mut request = ipa.replanning(&it);
        (request.etag, request.planned_on) = (String::new(), wrong.to_owned());
        refused(ipa.revise_plan(request).await, Reason::FieldInvalid, "planned_on");
    }
}

/// A request that names this referral and these related cases.
fn naming(ppc: &Acts, referral: &str, related: &[&str]) -> SubmitAdviceRequestRequest {
    SubmitAdviceRequestRequest {
        referral: referral.to_owned(),
        related_cases: related.iter().map(|number| (*number).to_owned()).collect(),
        ..ppc.requesting()
    }
}

#[tokio::test]
async fn a_request_names_its_judgement_and_cases_of_the_own_register_in_any_spelling() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let own = ppc.issued(ppc.issuing()).await.unwrap();
    let first = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let item = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let related = ["甲－Ｒ０８－ＡＤＶ－０００１", "乙 令和8年 ITM 1"];
    let mut request = naming(&ppc, "甲　令和８年度　ＲＥＦ　１", &related);
    request.judgement = Some(ppc.judgement(Finding::Suspected));
    let it = ppc.submit_advice_request(request.clone()).await.unwrap();
    assert_eq!((&it.referral, it.judgement), (&own.case_number, request.judgement));
    assert_eq!(it.related_cases, [first.case_number, item.case_number]);
    assert_eq!(at_both(&ppc, &ipa, &it.name).await.related_cases, it.related_cases);
    assert_eq!(ppc.submit_advice_request(request).await.unwrap(), it, "a repeat");

    let before = ppc.link().await.unwrap().own_seq;
    for (referral, related, field) in [
        ("甲-R08-REF-0099", &[][..], "referral"),
        ("甲-R08-ADV-0001", &[], "referral"),
        ("第1号", &[], "referral"),
        ("", &["甲-R08-ADV-0001", "乙-R08-ITM-0002"], "related_cases"),
        ("", &["甲-R08-ADV-0001", "甲 令和8年 ADV 1"], "related_cases"),
        ("", &["甲-R08-ADV"], "related_cases"),
    ] {
        refused(ppc.submit_advice_request(naming(&ppc, referral, related)).await, Reason::FieldInvalid, field);
    }
    let mut outside = ppc.requesting();
    outside.judgement = Some(ppc.judgement(Finding::DoesNotApply));
    refused(ppc.submit_advice_request(outside).await, Reason::FieldInvalid, "judgement.finding");
    let mut early = ppc.requesting();
    let later = Some(stamp(pair.clock.now() + jiff::SignedDuration::from_secs(1)));
    early.judgement = Some(Judgement { judged_at: later, ..ppc.judgement(Finding::Applies) });
    refused(ppc.submit_advice_request(early).await, Reason::FieldInvalid, "judgement.judged_at");
    assert_eq!(ppc.link().await.unwrap().own_seq, before);
}

#[tokio::test]
async fn a_case_that_is_hidden_from_the_caller_is_as_unknown_as_one_that_is_missing() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let scope = to_units(&["policy"], &[Purpose::Policy]);
    let item = ipa.publish_item(ipa.publishing_item(scope)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let answers = [item.case_number.as_str(), "乙-R08-ITM-0002"].map(|number| naming(&ppc, "", &[number]));
    let mut heard = Vec::new();
    for request in answers {
        let refusal = ppc.submit_advice_request(request).await.unwrap_err();
        heard.push((refusal.reason, refusal.fields, refusal.message));
    }
    assert_eq!(heard[0], heard[1]);
    assert_eq!((heard[0].0, heard[0].1.as_slice()), (Reason::FieldInvalid, ["related_cases".to_owned()].as_slice()));
}

#[tokio::test]
async fn a_request_is_marked_not_to_be_distributed_or_taken_out() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let restrictions = vec![Restriction::NoDistribution.into(), Restriction::NoTakingOut.into()];
    let marking = Some(Marking { confidentiality: Confidentiality::Level2.into(), restrictions });
    let request = SubmitAdviceRequestRequest { marking: marking.clone(), ..ppc.requesting() };
    let it = ppc.submit_advice_request(request).await.unwrap();
    assert_eq!(at_both(&ppc, &ipa, &it.name).await.marking, marking);
}
