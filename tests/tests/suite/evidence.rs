//! Entries as evidence, and how far they have come at the peer.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_domain::moment::stamp;
use renkei_proto::{
    evidence::v1::{
        CheckpointAuditRequest, DeliveryLevel, JournalEntry, ListAuditRecordsRequest, ListEntriesRequest,
        LookUpMatterRequest, LookUpMatterResponse, evidence_service_client::EvidenceServiceClient,
    },
    journal::v1::fact,
    options::v1::Reason,
    referral::v1::IssueReferralRequest,
    r#type::v1::{Agency, Finding, Purpose},
};
use renkei_rpc::error::reason_of;
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, settle, to_the_party, to_units},
    desk::TANAKA,
    pair::Pair,
    scenario::start,
};
use tonic::{Request, Status};

fn level(entry: &JournalEntry) -> DeliveryLevel {
    entry.delivery.as_ref().unwrap().level()
}

async fn entry_named(acts: &Acts, name: &str) -> JournalEntry {
    let (_, author, _, seq) = parts(name);
    acts.entry(author, seq).await.unwrap()
}

fn parts(name: &str) -> (&str, Agency, &str, u64) {
    let parts: Vec<&str> = name.split('/').collect();
    (parts[0], Agency::from_id(parts[1]).unwrap(), parts[2], parts[3].parse().unwrap())
}

#[tokio::test]
async fn an_entry_is_written_then_recorded_then_answered() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    pair.cut_link();
    let issued = ppc.issue(IssueReferralRequest { with_code: true, ..ppc.issuing() }).await.unwrap();
    let referral = issued.referral.unwrap();
    let written = entry_named(&ppc, &referral.entries[0]).await;
    let delivery = written.delivery.clone().unwrap();
    assert_eq!((level(&written), delivery.received_at, delivery.recorded_at), (DeliveryLevel::Written, None, None));
    let written_at = Some(stamp(pair.clock.now()));
    assert_eq!((written.written_at, written.arrived_at), (written_at, written_at));

    pair.clock.advance(jiff::SignedDuration::from_hours(1));
    pair.mend_link();
    settle(&ppc, &ipa).await.unwrap();
    let recorded = entry_named(&ppc, &referral.entries[0]).await;
    let delivery = recorded.delivery.clone().unwrap();
    assert_eq!((level(&recorded), delivery.received_at), (DeliveryLevel::Recorded, Some(stamp(pair.clock.now()))));
    assert_eq!((delivery.recorded_at, delivery.answered_by.as_str()), (delivery.received_at, ""));
    let at_peer = entry_named(&ipa, &referral.entries[0]).await;
    assert_eq!((at_peer.written_at, at_peer.arrived_at), (written_at, Some(stamp(pair.clock.now()))));
    assert_eq!((&at_peer.hash, &at_peer.entry_id, at_peer.delivery), (&written.hash, &written.entry_id, None));

    pair.clock.advance(jiff::SignedDuration::from_hours(1));
    let followed = ipa.follow_up(ipa.following_up(&issued.code)).await.unwrap().referral.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let answered = entry_named(&ppc, &referral.entries[0]).await;
    let delivery = answered.delivery.clone().unwrap();
    assert_eq!((level(&answered), Some(&delivery.answered_by)), (DeliveryLevel::Answered, followed.entries.last()));
    assert_eq!((delivery.answered_at, delivery.refused_by.as_str()), (Some(stamp(pair.clock.now())), ""));
}

#[tokio::test]
async fn the_entries_of_a_matter_are_listed_at_both_agencies_with_facts_and_without_content() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let referral = ppc.issued(ppc.issuing()).await.unwrap();
    let given = ppc.confirm(ppc.confirming(&referral)).await.unwrap();
    let revised = ppc.revise(ppc.revising(&given, Finding::Suspected)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let list = |matter: &str, page_size, page_token: &str| ListEntriesRequest {
        matter: matter.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    for acts in [&ppc, &ipa] {
        let first = acts.list_entries(list(&referral.name, 2, "")).await.unwrap();
        let rest = acts.list_entries(list(&referral.name, 2, &first.next_page_token)).await.unwrap();
        let all = [first.entries, rest.entries].concat();
        let kinds: Vec<&str> = all.iter().map(|entry| entry.fact_type.as_str()).collect();
        assert_eq!(
            (kinds, rest.next_page_token),
            (vec!["referral_issued", "referral_given", "judgement_revised"], String::new())
        );
        assert_eq!(all.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>(), revised.entries);
        assert!(all.iter().all(|entry| !entry.content_present && entry.key_id == "ppc-1" && entry.hash.len() == 64));
        assert!(matches!(all[0].fact.as_ref().unwrap().fact, Some(fact::Fact::ReferralIssued(_))));
        refused(
            acts.list_entries(list("agreement", 2, &first.next_page_token)).await,
            Reason::PageTokenInvalid,
            "page_token",
        );
        assert_eq!(acts.list_entries(list("agreement", 0, "")).await.unwrap().entries, []);
        let scheme = acts.list_entries(list(&ppc.scheme_name("leak-report-private"), 0, "")).await.unwrap();
        assert!(scheme.entries[0].content_present);
    }
    for missing in [9_999, 999_999_999_999_999_999] {
        refused(ppc.entry(Agency::Ppc, missing).await, Reason::NotFound, "");
        refused(ppc.entry(Agency::Ipa, missing).await, Reason::NotFound, "");
    }
    refused(ppc.entry(Agency::Ppc, 0).await, Reason::FieldInvalid, "name");
    refused(ppc.list_entries(list("", 0, "")).await, Reason::FieldInvalid, "matter");
}

#[tokio::test]
async fn an_entry_belongs_to_the_trace_of_its_call_at_both_agencies() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut request = Request::new(ppc.issuing());
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01").parse().unwrap();
    request.metadata_mut().insert("traceparent", traceparent);
    let issued = ppc.desk.referrals().unwrap().issue_referral(request).await.unwrap();
    let name = &issued.get_ref().referral.as_ref().unwrap().entries[0];
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(entry_named(&ppc, name).await.trace_id, trace);
    assert_eq!(entry_named(&ipa, name).await.trace_id, trace);
}

#[tokio::test]
async fn a_checkpoint_is_written_when_the_audit_chains_moved() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let checkpoint = || CheckpointAuditRequest { request_id: ppc.request_id() };
    let first = ppc.checkpoint(checkpoint()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let at_peer = entry_named(&ipa, &first.entry).await;
    let Some(fact::Fact::AuditCheckpointed(checkpointed)) = at_peer.fact.unwrap().fact else { unreachable!() };
    let chain = &checkpointed.chains[0];
    // PPC published two schemes.
    assert_eq!((chain.chain.as_str(), chain.seq), ("a/w", 2));
    let second = ppc.checkpoint(checkpoint()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let at_peer = entry_named(&ipa, &second.entry).await;
    let Some(fact::Fact::AuditCheckpointed(later)) = at_peer.fact.unwrap().fact else { unreachable!() };
    assert!(later.chains[0].seq > chain.seq && later.chains[0].hash != chain.hash);
}

/// The answer to a system that looks a case number up for a purpose.
async fn looked_up(acts: &Acts, caller: &str, purpose: Purpose, number: &str) -> Result<LookUpMatterResponse, Status> {
    let channel = acts.desk.on_behalf_of(caller, TANAKA.with_purpose(purpose)).unwrap();
    let request = LookUpMatterRequest { case_number: number.to_owned() };
    Ok(EvidenceServiceClient::new(channel).look_up_matter(request).await?.into_inner())
}

#[tokio::test]
async fn a_matter_is_found_by_its_case_number_in_any_spelling_at_both_agencies() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let referral = ppc.issued(ppc.issuing()).await.unwrap();
    let advice = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    for acts in [&ppc, &ipa] {
        for (spelling, name, number) in [
            ("甲-R08-REF-0001", &referral.name, "甲-R08-REF-0001"),
            ("甲－Ｒ０８－ＡＤＶ－０００１", &advice.name, "甲-R08-ADV-0001"),
            ("甲　令和８年　ＡＤＶ　１", &advice.name, "甲-R08-ADV-0001"),
            ("甲 令和8年度 adv 1", &advice.name, "甲-R08-ADV-0001"),
        ] {
            let expected = LookUpMatterResponse { name: name.clone(), case_number: number.to_owned() };
            assert_eq!(acts.look_up(spelling).await.unwrap(), expected, "{spelling}");
        }
        for missing in ["甲-R08-REF-0002", "乙-R08-REF-0001", "甲-R07-REF-0001", "甲-R08-CON-0001"] {
            refused(acts.look_up(missing).await, Reason::NotFound, "");
        }
        for wrong in ["REF-0001", "甲-R08-REF-0001-2", &referral.name] {
            refused(acts.look_up(wrong).await, Reason::FieldInvalid, "case_number");
        }
    }
}

#[tokio::test]
async fn a_matter_is_got_by_its_case_number_and_the_read_is_recorded_under_its_name() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let referral = ppc.issued(ppc.issuing()).await.unwrap();
    let advice = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let item = ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    for acts in [&ppc, &ipa] {
        let name = acts.referral(&referral.case_number).await.unwrap().name;
        assert_eq!(name, referral.name);
        assert_eq!(acts.advice_request("甲　令和８年度　ＡＤＶ　１").await.unwrap().name, advice.name);
        let got = acts.item("甲－Ｒ０８－ＩＴＭ－０００１").await.unwrap();
        assert_eq!((&got.name, got.content.is_some()), (&item.name, true));
        // The number of another kind, and the number of nothing, find nothing.
        refused(acts.item(&advice.case_number).await, Reason::NotFound, "");
        refused(acts.referral("甲-R08-REF-0099").await, Reason::NotFound, "");
        refused(acts.item("甲-R08-ITM-0099").await, Reason::NotFound, "");
        refused(acts.advice_request("甲-R08-ADV").await, Reason::FieldInvalid, "name");
        refused(acts.item("丙-R08-ITM-0001").await, Reason::FieldInvalid, "name");
        refused(acts.item("ITM-0001").await, Reason::FieldInvalid, "name");
    }
    assert!(ppc.paper(&referral.case_number).await.unwrap().notice.is_some());
    refused(ipa.paper(&referral.case_number).await, Reason::WrongDirection, "");

    let read = async |acts: &Acts, matter: &str| {
        let request = ListAuditRecordsRequest { matter: matter.to_owned(), ..ListAuditRecordsRequest::default() };
        let records = acts.list_audit_records(request).await.unwrap().records.into_iter();
        records.filter(|it| it.outcome == "OK").map(|it| it.method).collect::<Vec<_>>()
    };
    assert_eq!(read(&ipa, &item.name).await, ["/renkei.sharing.v1.ItemService/GetItem"]);
    let paper = "/renkei.referral.v1.ReferralService/GetReferralPaper".to_owned();
    assert!(read(&ppc, &referral.name).await.contains(&paper));
}

#[tokio::test]
async fn a_matter_that_the_caller_may_not_read_is_not_found_by_its_number() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    ppc.issued(ppc.issuing()).await.unwrap();
    ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let scope = to_units(&["policy"], &[Purpose::Policy]);
    ipa.publish_item(ipa.publishing_item(scope)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let (policy, incident) = (Purpose::Policy, Purpose::IncidentResponse);
    for (number, missing, readers) in [
        ("甲-R08-REF-0001", "甲-R08-REF-0099", &["intake", "casework", "reader", "auditor"][..]),
        ("甲-R08-ADV-0001", "甲-R08-ADV-0099", &["casework", "approver", "reader", "auditor"]),
        ("乙-R08-ITM-0001", "乙-R08-ITM-0099", &["sharing", "reader"]),
    ] {
        for caller in ["intake", "casework", "sharing", "approver", "reader", "auditor"] {
            let found = looked_up(&ppc, caller, policy, number).await;
            assert_eq!(found.is_ok(), readers.contains(&caller), "{caller} {number}");
            let nothing = looked_up(&ppc, caller, policy, missing).await.unwrap_err();
            if let Err(hidden) = found {
                assert_eq!((hidden.code(), hidden.message()), (nothing.code(), nothing.message()));
                assert_eq!(reason_of(&hidden), Some(Reason::NotFound));
                assert_eq!(hidden.details().len(), nothing.details().len());
            }
        }
    }
    let other_purpose = looked_up(&ppc, "reader", incident, "乙-R08-ITM-0001").await;
    assert_eq!(reason_of(&other_purpose.unwrap_err()), Some(Reason::NotFound));
}
