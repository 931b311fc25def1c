//! The effect of a recall at the receiver, and misdirected information (誤送信).
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use jiff::SignedDuration;
use renkei_client::CallError;
use renkei_domain::moment::stamp;
use renkei_proto::{
    duty::v1::DutyKind,
    options::v1::Reason,
    sharing::v1::{
        AnswerRecallRequest, Body, CopyAnsweredContent, CopyFate, GetItemRequest, Item, LegalGround, RecallItemRequest,
        RecallReason, RecipientDemand, ReviseItemRequest, StatedConsent, item::State,
    },
    r#type::v1::{Audience, Designated, Purpose, Scope, scope},
};
use renkei_tools::{
    acts::{
        Acts, body, both, refused, same_journals, settle, stated, terms_for, to_audience, to_the_party, to_units, unit,
    },
    pair::Pair,
    scenario::start,
};

use crate::consent::{at_both, consented, duties, shared};

async fn disclosed(ppc: &Acts, it: &Item, consent: &str, to: Body) -> Item {
    let here = ppc.item(&it.name).await.unwrap();
    ppc.record_disclosure(ppc.disclosing_under(&here, consent, body(to), Purpose::Policy)).await.unwrap()
}

#[tokio::test]
async fn a_recall_is_answered_copy_by_copy_until_it_is_complete_and_both_see_its_day() {
    let pair = Pair::in_process(start().unwrap(), 182).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = shared(&ppc, &ipa).await;
    let both_bodies = stated(&[body(Body::Nco), body(Body::Meti)], &[Purpose::Policy]);
    let here = consented(&ppc, &ipa, &it, both_bodies).await;
    let consent = here.consents[0].entry.clone();
    disclosed(&ppc, &it, &consent, Body::Nco).await;
    let here = disclosed(&ppc, &it, &consent, Body::Meti).await;
    refused(ppc.answer_recall(ppc.reporting_copy(&here, CopyFate::Sealed)).await, Reason::WrongState, "");
    let own = ipa.item(&it.name).await.unwrap();
    refused(ipa.remind_of_recall(ipa.reminding(&own)).await, Reason::WrongState, "");
    let past = RecallItemRequest { answer_by: "2026-11-23".to_owned(), ..ipa.recalling(&own) };
    refused(ipa.recall_item(past).await, Reason::FieldInvalid, "answer_by");
    ipa.recall_item(ipa.recalling(&own)).await.unwrap();
    let (here, there) = at_both(&ppc, &ipa, &it.name).await;
    // Ten open days after Tuesday, 2026-11-24.
    assert_eq!((here.recall_answer_by.as_str(), here.copies_outside.len()), ("2026-12-08", 2));
    assert_eq!(duties(&ppc).await, [(DutyKind::AnswerRecall, "2026-12-08".to_owned())]);
    assert_eq!(duties(&ipa).await, [(DutyKind::FollowUpRecall, "2026-12-08".to_owned())]);

    // Bad reports, each with its field.
    let sealed = ppc.reporting_copy(&here, CopyFate::Sealed);
    let disclosed = ppc.reporting_copy(&here, CopyFate::Disclosed);
    let words = |approval: &str, law: &str| {
        Some(CopyAnsweredContent {
            description: "写し".to_owned(), approval: approval.to_owned(), law: law.to_owned()
        })
    };
    for (request, reason, field) in [
        (AnswerRecallRequest { copy: 2, ..sealed.clone() }, Reason::FieldInvalid, "copy"),
        (AnswerRecallRequest { complete: true, ..sealed.clone() }, Reason::WrongState, ""),
        (AnswerRecallRequest { content: words("1", ""), ..sealed.clone() }, Reason::FieldInvalid, "content.approval"),
        (
            AnswerRecallRequest { content: words("", ""), ..ppc.reporting_copy(&here, CopyFate::Disposed) },
            Reason::FieldInvalid,
            "content.approval",
        ),
        (
            AnswerRecallRequest { content: words("", ""), ..ppc.reporting_copy(&here, CopyFate::Retained) },
            Reason::FieldInvalid,
            "content.law",
        ),
        (
            AnswerRecallRequest { retained_until: String::new(), ..ppc.reporting_copy(&here, CopyFate::Retained) },
            Reason::FieldInvalid,
            "retained_until",
        ),
        (
            AnswerRecallRequest { retained_until: "2027-01-01".to_owned(), ..sealed.clone() },
            Reason::FieldInvalid,
            "retained_until",
        ),
        (AnswerRecallRequest { disclosure: String::new(), ..disclosed.clone() }, Reason::FieldInvalid, "disclosure"),
        (
            AnswerRecallRequest { demand: RecipientDemand::Unspecified.into(), ..disclosed.clone() },
            Reason::FieldInvalid,
            "demand",
        ),
        (
            AnswerRecallRequest { disclosure: "agencies/ppc/entries/1".to_owned(), ..disclosed.clone() },
            Reason::FieldInvalid,
            "disclosure",
        ),
    ] {
        let request = AnswerRecallRequest { request_id: ppc.request_id(), ..request };
        refused(ppc.answer_recall(request).await, reason, field);
    }
    refused(ipa.answer_recall(ipa.reporting_copy(&there, CopyFate::Sealed)).await, Reason::WrongDirection, "");

    // One report for each copy; a sealed one may be destroyed later.
    ppc.answer_recall(sealed).await.unwrap();
    for _ in 0..2 {
        let here = ppc.item(&it.name).await.unwrap();
        ppc.answer_recall(ppc.reporting_copy(&here, CopyFate::Disclosed)).await.unwrap();
    }
    let (here, own) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!((here.recall_complete, here.copies_outside.len(), here.copies.len()), (false, 0, 3));
    assert_eq!(here.copies, own.copies);

    // Overdue at both, and a reminder.
    pair.clock.advance(SignedDuration::from_hours(24 * 15));
    let overdue = |acts: &Acts| {
        let client = acts.desk.duties("sharing").unwrap();
        async move {
            let request = renkei_proto::duty::v1::ListDutiesRequest { overdue_only: true, ..Default::default() };
            client.clone().list_duties(request).await.unwrap().into_inner().duties.len()
        }
    };
    assert_eq!((overdue(&ppc).await, overdue(&ipa).await), (1, 1));
    ipa.remind_of_recall(ipa.reminding(&own)).await.unwrap();
    let (here, _) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(here.reminders.len(), 1);
    let last = AnswerRecallRequest { copy: 1, complete: true, ..ppc.reporting_copy(&here, CopyFate::Disposed) };
    ppc.answer_recall(last.clone()).await.unwrap();
    let (here, own) = at_both(&ppc, &ipa, &it.name).await;
    assert!(here.recall_complete && own.recall_complete);
    assert_eq!((duties(&ppc).await, duties(&ipa).await), (Vec::new(), Vec::new()));
    assert_eq!(here.copies[0].fate(), CopyFate::Disposed);
    let again = AnswerRecallRequest { request_id: ppc.request_id(), etag: here.etag.clone(), ..last };
    refused(ppc.answer_recall(again).await, Reason::WrongState, "copy");
    refused(ipa.remind_of_recall(ipa.reminding(&own)).await, Reason::WrongState, "");
    let listed = ipa.disclosures(&it.name).await.unwrap().disclosures;
    assert!(listed.iter().all(|it| it.basis_ended && it.demand() == RecipientDemand::Return));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_narrower_scope_and_a_narrower_consent_recall_the_copies_that_are_outside() {
    let pair = Pair::in_process(start().unwrap(), 183).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let community = to_audience(Audience::Community, &[Purpose::Policy]);
    let it = ipa.publish_item(ipa.publishing_item(community)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let here = ppc.item(&it.name).await.unwrap();
    ppc.record_disclosure(ppc.disclosing(&here, body(Body::JpcertCc), Purpose::Policy)).await.unwrap();
    let two = stated(&[body(Body::Diet), body(Body::Court)], &[Purpose::Policy]);
    let here = consented(&ppc, &ipa, &it, two).await;
    let consent = here.consents[0].clone();
    disclosed(&ppc, &it, &consent.entry, Body::Diet).await;
    disclosed(&ppc, &it, &consent.entry, Body::Court).await;
    let (here, own) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!((here.copies_outside.len(), duties(&ppc).await), (0, Vec::new()));

    let court = StatedConsent { recipients: vec![body(Body::Court)], ..stated(&[], &[Purpose::Policy]) };
    let own = ipa.narrow_consent(ipa.narrowing_consent(&own, &consent, court)).await.unwrap();
    assert_eq!(own.copies_outside, [here.disclosures[1].clone()], "the Diet's");
    let kept = vec![consent.entry.clone()];
    let terms = Some(terms_for(to_the_party()));
    let narrower = ReviseItemRequest { terms, kept_consents: kept, ..ipa.revising_item(&own) };
    ipa.revise_item(narrower).await.unwrap();
    let (here, own) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(here.copies_outside, here.disclosures[..2], "JPCERT/CC's too, and not that of the court");
    assert_eq!(duties(&ppc).await, [(DutyKind::AnswerRecall, String::new())]);
    refused(ppc.answer_recall(ppc.reporting_copy(&here, CopyFate::Sealed)).await, Reason::WrongState, "");
    for _ in 0..2 {
        let here = ppc.item(&it.name).await.unwrap();
        ppc.answer_recall(ppc.reporting_copy(&here, CopyFate::Disclosed)).await.unwrap();
    }
    ipa.revoke_consent(ipa.revoking_consent(&own, &consent)).await.unwrap();
    let (here, own) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(own.copies_outside, here.disclosures[2..], "a revocation asks for the court's");
    assert_eq!((here.state(), here.recall_complete), (State::Published, false));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn misdirected_information_is_sealed_told_counted_and_closed() {
    let pair = Pair::in_process(start().unwrap(), 184).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    // The receiver finds it; the originator confirms it by a recall.
    let it = shared(&ppc, &ipa).await;
    ppc.item_entries(&it.name).await.unwrap();
    pair.clock.advance(SignedDuration::from_secs(1));
    let reported = ppc.report_misdirection(ppc.reporting_misdirection(&it)).await.unwrap();
    assert!(ppc.item(&it.name).await.unwrap().content.is_none(), "sealed at once");
    refused(ppc.report_misdirection(ppc.reporting_misdirection(&reported)).await, Reason::WrongState, "");
    assert_eq!(duties(&ppc).await, [(DutyKind::CountMisdirectionReaders, String::new())]);
    let (here, own) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(duties(&ipa).await, [(DutyKind::CloseMisdirection, String::new())]);
    refused(ipa.close_misdirection(ipa.closing_misdirection(&own, false)).await, Reason::WrongState, "");
    // Everything that Tanaka has read before the seal: the item once, in `shared`, and its entries.
    ppc.count_misdirection_readers(ppc.counting_readers(&here)).await.unwrap();
    let (_, own) = at_both(&ppc, &ipa, &it.name).await;
    let incident = own.misdirection.clone().unwrap();
    assert_eq!((incident.officials, incident.systems, incident.reads), (1, 1, 2));
    refused(ipa.close_misdirection(ipa.closing_misdirection(&own, false)).await, Reason::WrongState, "");
    let recall = RecallItemRequest { reason: RecallReason::Misdirected.into(), ..ipa.recalling(&own) };
    ipa.recall_item(recall).await.unwrap();
    let (_, own) = at_both(&ppc, &ipa, &it.name).await;
    refused(ipa.close_misdirection(ipa.closing_misdirection(&own, true)).await, Reason::WrongState, "");
    ipa.close_misdirection(ipa.closing_misdirection(&own, false)).await.unwrap();
    let (here, _) = at_both(&ppc, &ipa, &it.name).await;
    let incident = here.misdirection.unwrap();
    assert!(!incident.closing_entry.is_empty() && !incident.unfounded);

    // It was sent on purpose: the content is shown again.
    let it = shared(&ppc, &ipa).await;
    let reported = ppc.report_misdirection(ppc.reporting_misdirection(&it)).await.unwrap();
    ppc.count_misdirection_readers(ppc.counting_readers(&reported)).await.unwrap();
    let (_, own) = at_both(&ppc, &ipa, &it.name).await;
    ipa.close_misdirection(ipa.closing_misdirection(&own, true)).await.unwrap();
    let (here, _) = at_both(&ppc, &ipa, &it.name).await;
    assert!(here.content.is_some() && here.misdirection.unwrap().unfounded);

    // The originator finds its own mistake.
    let it = shared(&ppc, &ipa).await;
    let own = ipa.item(&it.name).await.unwrap();
    let recall = RecallItemRequest { reason: RecallReason::Misdirected.into(), ..ipa.recalling(&own) };
    ipa.recall_item(recall).await.unwrap();
    let (here, _) = at_both(&ppc, &ipa, &it.name).await;
    ppc.count_misdirection_readers(ppc.counting_readers(&here)).await.unwrap();
    let (_, own) = at_both(&ppc, &ipa, &it.name).await;
    ipa.close_misdirection(ipa.closing_misdirection(&own, false)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    refused(ipa.close_misdirection(ipa.closing_misdirection(&own, false)).await, Reason::EtagStale, "etag");
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

/// The report ends the consent by which the reporter's unit sees the item, and is answered all the same.
#[tokio::test]
async fn whoever_reports_a_mistake_and_loses_sight_of_the_item_is_answered_and_so_is_the_repeat() {
    let pair = Pair::in_process(start().unwrap(), 186).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ipa.publish_item(ipa.publishing_item(to_units(&["policy"], &[Purpose::Policy]))).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let it = ppc.item(&it.name).await.unwrap();
    let extent = stated(&[unit("investigation")], &[Purpose::Investigation]);
    let here = consented(&ppc, &ipa, &it, extent).await;
    let client = ppc.desk.recalls("casework", Purpose::Investigation).unwrap();
    let report = ppc.reporting_misdirection(&here);
    let reported = client.clone().report_misdirection(report.clone()).await.unwrap().into_inner();
    assert!(reported.misdirection.is_some());
    let repeated = client.clone().report_misdirection(report).await.unwrap().into_inner();
    assert_eq!(repeated, reported);
    let items = ppc.items_as("casework", Purpose::Investigation).unwrap();
    let hidden = items.clone().get_item(GetItemRequest { name: it.name }).await.map(tonic::Response::into_inner);
    refused(hidden.map_err(CallError::from), Reason::NotFound, "");
}

/// What must be answered outlasts the scope by which the item was shown; its content does not.
#[tokio::test]
async fn the_end_of_a_scope_ends_no_duty_and_blocks_no_law() {
    let pair = Pair::in_process(start().unwrap(), 187).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let ends = pair.clock.now() + SignedDuration::from_hours(24);
    let scope = Designated {
        audience: Audience::Party.into(),
        purposes: vec![Purpose::Policy.into()],
        expires: Some(stamp(ends)),
        ..Designated::default()
    };
    let scope = Scope { scope: Some(scope::Scope::Designated(scope)) };
    let it = ipa.publish_item(ipa.publishing_item(scope)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let here = ppc.item(&it.name).await.unwrap();
    let here = consented(&ppc, &ipa, &here, stated(&[body(Body::Nco)], &[Purpose::Policy])).await;
    disclosed(&ppc, &here, &here.consents[0].entry, Body::Nco).await;
    let own = ipa.item(&it.name).await.unwrap();
    let recall = RecallItemRequest { reason: RecallReason::Misdirected.into(), ..ipa.recalling(&own) };
    ipa.recall_item(recall).await.unwrap();
    let (here, _) = at_both(&ppc, &ipa, &it.name).await;
    pair.clock.set(ends);
    refused(ppc.item(&it.name).await, Reason::NotFound, "");
    let waiting =
        [(DutyKind::AnswerRecall, "2026-12-08".to_owned()), (DutyKind::CountMisdirectionReaders, String::new())];
    assert_eq!(duties(&ppc).await, waiting);
    assert_eq!(ppc.disclosures(&it.name).await.unwrap().disclosures.len(), 1);

    let last =
        AnswerRecallRequest { etag: String::new(), complete: true, ..ppc.reporting_copy(&here, CopyFate::Disclosed) };
    let here = ppc.answer_recall(last).await.unwrap();
    let here = ppc.count_misdirection_readers(ppc.counting_readers(&here)).await.unwrap();
    let here = ppc.announce_disclosure(ppc.announcing(&here, LegalGround::Court, body(Body::Court))).await.unwrap();
    let announced = here.legal_disclosures[0].entry.clone();
    let court = ppc.disclosing_by_law(&here, LegalGround::Court, &announced, body(Body::Court));
    let here = ppc.record_disclosure(court).await.unwrap();
    let next = AnswerRecallRequest {
        demand: RecipientDemand::NotPossible.into(),
        ..ppc.reporting_copy(&here, CopyFate::Disclosed)
    };
    let here = ppc.answer_recall(next).await.unwrap();
    ppc.approve_disposal(ppc.disposing(&here)).await.unwrap();
    assert_eq!(duties(&ppc).await, []);
    settle(&ppc, &ipa).await.unwrap();
    let own = ipa.item(&it.name).await.unwrap();
    ipa.close_misdirection(ipa.closing_misdirection(&own, false)).await.unwrap();
    assert_eq!(duties(&ipa).await, []);
    // Whoever did not see the item then does not now.
    let outside = ppc.desk.recalls("casework", Purpose::Investigation).unwrap();
    let asked = outside.clone().answer_recall(ppc.reporting_copy(&here, CopyFate::Sealed)).await;
    refused(asked.map_err(CallError::from).map(tonic::Response::into_inner), Reason::NotFound, "");
}

/// More copies than the hundred that the receiver may report besides those of disclosures.
#[tokio::test]
async fn a_recall_of_an_item_with_many_disclosures_can_be_completed() {
    let pair = Pair::in_process(start().unwrap(), 188).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ipa.publish_item(ipa.publishing_item(to_audience(Audience::Community, &[Purpose::Policy]))).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    for _ in 0..101 {
        let here = ppc.item(&it.name).await.unwrap();
        ppc.record_disclosure(ppc.disclosing(&here, body(Body::JpcertCc), Purpose::Policy)).await.unwrap();
    }
    let own = ipa.item(&it.name).await.unwrap();
    ipa.recall_item(ipa.recalling(&own)).await.unwrap();
    let (mut here, _) = at_both(&ppc, &ipa, &it.name).await;
    for left in (0..101).rev() {
        let copy = AnswerRecallRequest { complete: left == 0, ..ppc.reporting_copy(&here, CopyFate::Disclosed) };
        here = ppc.answer_recall(copy).await.unwrap();
    }
    assert!(here.recall_complete);
}
