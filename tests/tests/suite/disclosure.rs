//! Disclosure of the peer's items beyond the party (Art. 7(2)): on a basis, or not at all.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use jiff::SignedDuration;
use renkei_domain::moment::stamp;
use renkei_proto::{
    duty::v1::DutyKind,
    options::v1::Reason,
    sharing::v1::{
        Body, CheckDisclosureRequest, CheckDisclosureResponse, Item, ItemPart, LegalGround, NextStep,
        RecordDisclosureRequest, StatedConsent, StatedLaw, StatedRecipient, record_disclosure_request::Basis,
    },
    r#type::v1::{Audience, Purpose},
};
use renkei_tools::{
    acts::{Acts, body, both, named, refused, same_journals, settle, stated, to_audience, unit},
    pair::Pair,
    scenario::start,
};

use crate::consent::{at_both, consented, duties, for_nco, shared};

/// The bodies with which one of the agencies has an agreement of its own, and those that a case may concern. None of them has a
/// right to anything that was shared under the memorandum.
const BODIES: [Body; 7] = [
    Body::Nco,
    Body::NpaCyber,
    Body::Mod,
    Body::Meti,
    Body::JpcertCc,
    Body::PrefecturalPolice,
    Body::CompetentMinistry,
];

fn checking(it: &Item, to: StatedRecipient, purpose: Purpose) -> CheckDisclosureRequest {
    CheckDisclosureRequest {
        name: it.name.clone(),
        recipient: Some(to),
        purpose: purpose.into(),
        ..CheckDisclosureRequest::default()
    }
}

/// The check and the act agree: a refused act has the reason of the check, and a permitted one is recorded.
async fn agrees(acts: &Acts, act: RecordDisclosureRequest) -> CheckDisclosureResponse {
    let check = CheckDisclosureRequest {
        name: act.name.clone(),
        recipient: act.recipient.clone(),
        purpose: act.purpose,
        parts: act.parts.clone(),
        fresh_within_seconds: act.fresh_within_seconds,
    };
    let checked = acts.check_disclosure(check).await.unwrap();
    match acts.record_disclosure(act).await {
        Ok(_) => assert!(checked.allowed, "{checked:?}"),
        Err(error) => {
            assert_eq!((checked.allowed, checked.reason()), (false, error.reason), "{checked:?}");
            assert!(!checked.explanation.is_empty() && checked.explanation_ja.ends_with('。'), "{checked:?}");
        }
    }
    checked
}

#[tokio::test]
async fn no_body_gets_anything_without_the_consent_of_the_originator_and_each_attempt_is_on_record() {
    let pair = Pair::in_process(start().unwrap(), 176).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = shared(&ppc, &ipa).await;
    for to in BODIES {
        let checked = agrees(&ppc, ppc.disclosing(&it, body(to), Purpose::Policy)).await;
        assert_eq!((checked.reason(), checked.next_step()), (Reason::BeyondScope, NextStep::RequestConsent), "{to:?}");
    }
    agrees(&ppc, ppc.disclosing(&it, named("株式会社甲", true), Purpose::Policy)).await;
    agrees(&ppc, ppc.disclosing(&it, unit("investigation"), Purpose::Policy)).await;
    let own = ppc.disclosures(&it.name).await.unwrap();
    assert_eq!((own.disclosures.len(), own.refused.len()), (0, BODIES.len() + 2));
    assert!(own.refused.iter().all(|it| it.reason() == Reason::BeyondScope && it.refused_at.is_some()));
    let (_, there) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(there.disclosures, [""; 0], "an attempt does not cross");
    assert_eq!(ipa.disclosures(&it.name).await.unwrap().refused, []);

    // Once the request is open, the next step is to wait.
    ppc.request_consent(ppc.requesting_consent(&it, for_nco())).await.unwrap();
    let checked = ppc.check_disclosure(checking(&it, body(Body::Nco), Purpose::Policy)).await.unwrap();
    assert_eq!(checked.next_step(), NextStep::AwaitConsent);
    // The originator is not bound by the scope of its own item.
    refused(ipa.check_disclosure(checking(&it, body(Body::Nco), Purpose::Policy)).await, Reason::WrongDirection, "");
    let own = ipa.item(&it.name).await.unwrap();
    refused(
        ipa.record_disclosure(ipa.disclosing(&own, body(Body::Nco), Purpose::Policy)).await,
        Reason::WrongDirection,
        "",
    );
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_scope_permits_what_its_audience_includes() {
    let pair = Pair::in_process(start().unwrap(), 177).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    for (audience, community, served, other) in [
        (Audience::Party, false, false, false),
        (Audience::Organisation, false, false, false),
        (Audience::Clients, false, true, false),
        (Audience::Community, true, true, false),
        (Audience::Public, true, true, true),
    ] {
        let purposes: &[Purpose] = if audience == Audience::Public { &[] } else { &[Purpose::Policy] };
        let it = ipa.publish_item(ipa.publishing_item(to_audience(audience, purposes))).await.unwrap();
        settle(&ppc, &ipa).await.unwrap();
        for (to, expected) in [
            (body(Body::JpcertCc), community),
            (body(Body::Diet), other),
            (named("株式会社甲", true), served),
            (named("株式会社乙", false), other),
            (unit("elsewhere"), audience >= Audience::Organisation),
        ] {
            let here = ppc.item(&it.name).await.unwrap();
            let checked = agrees(&ppc, ppc.disclosing(&here, to.clone(), Purpose::Policy)).await;
            assert_eq!((checked.allowed, checked.within_scope), (expected, expected), "{audience:?} {to:?}");
            if expected && audience != Audience::Public {
                let here = ppc.item(&it.name).await.unwrap();
                let checked = agrees(&ppc, ppc.disclosing(&here, to, Purpose::Training)).await;
                assert!(!checked.allowed, "{audience:?}: another purpose");
            }
        }
    }
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_consent_permits_its_recipients_purposes_and_parts_until_its_end_and_both_list_who_got_what() {
    let pair = Pair::in_process(start().unwrap(), 178).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = shared(&ppc, &ipa).await;
    let end = pair.clock.now() + SignedDuration::from_hours(1);
    let terms = StatedConsent {
        recipients: vec![body(Body::Nco), named("一般社団法人 協会", false)],
        purposes: vec![Purpose::Policy.into()],
        until: Some(stamp(end)),
        parts: vec![ItemPart::Summary.into(), ItemPart::Details.into()],
    };
    let here = consented(&ppc, &ipa, &it, terms).await;
    let consent = here.consents[0].entry.clone();
    let summary = vec![i32::from(ItemPart::Summary)];
    let under = |it: &Item, to: StatedRecipient, purpose, parts: &[i32]| RecordDisclosureRequest {
        parts: parts.to_vec(),
        ..ppc.disclosing_under(it, &consent, to, purpose)
    };
    for (to, purpose, parts) in [
        (body(Body::Meti), Purpose::Policy, summary.as_slice()),
        (body(Body::Nco), Purpose::Training, &summary),
        (body(Body::Nco), Purpose::Policy, &[]),
        (body(Body::Nco), Purpose::Policy, &[i32::from(ItemPart::Body)]),
    ] {
        agrees(&ppc, under(&here, to, purpose, parts)).await;
    }
    refused(
        ppc.record_disclosure(under(&here, body(Body::Nco), Purpose::Unspecified, &summary)).await,
        Reason::FieldInvalid,
        "purpose",
    );
    let checked = agrees(&ppc, under(&here, body(Body::Nco), Purpose::Policy, &summary)).await;
    assert_eq!((checked.consent.as_str(), checked.until), (consent.as_str(), Some(stamp(end))));
    let stale = under(&here, named("一般社団法人協会", false), Purpose::Policy, &summary);
    refused(ppc.record_disclosure(stale).await, Reason::EtagStale, "etag");
    let here = ppc.item(&it.name).await.unwrap();
    agrees(&ppc, under(&here, named("一般社団法人協会", false), Purpose::Policy, &summary)).await;

    // A consent of another item.
    let other = shared(&ppc, &ipa).await;
    let foreign = ppc.disclosing_under(&other, &consent, body(Body::Nco), Purpose::Policy);
    refused(ppc.record_disclosure(foreign).await, Reason::FieldInvalid, "consent.entry");
    // At its end.
    pair.clock.set(end);
    let here = ppc.item(&it.name).await.unwrap();
    agrees(&ppc, under(&here, body(Body::Nco), Purpose::Policy, &summary)).await;

    let (here, there) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!((here.disclosures.len(), &here.disclosures), (2, &there.disclosures));
    let (ours, theirs) = (ppc.disclosures(&it.name).await.unwrap(), ipa.disclosures(&it.name).await.unwrap());
    assert_eq!(ours.disclosures, theirs.disclosures, "both agencies list the same");
    let names: Vec<&str> = ours.disclosures.iter().map(|it| it.recipient_name.as_str()).collect();
    assert_eq!(names, ["国家サイバー統括室", "一般社団法人協会"]);
    for it in &ours.disclosures {
        assert_eq!((it.consent.as_str(), it.basis_ended), (consent.as_str(), false));
        assert!(it.judged_at_seq > 0 && it.disclosed_at.is_some());
    }
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_consent_must_be_fresh_where_the_discloser_asks_for_that() {
    let pair = Pair::in_process(start().unwrap(), 179).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = shared(&ppc, &ipa).await;
    let here = consented(&ppc, &ipa, &it, for_nco()).await;
    let consent = here.consents[0].entry.clone();
    let fresh = |it: &Item| RecordDisclosureRequest {
        fresh_within_seconds: 600,
        ..ppc.disclosing_under(it, &consent, body(Body::Nco), Purpose::Policy)
    };
    assert!(agrees(&ppc, fresh(&here)).await.allowed, "the originator has just spoken");
    pair.cut_link();
    pair.clock.advance(SignedDuration::from_mins(11));
    let here = ppc.item(&it.name).await.unwrap();
    let checked = agrees(&ppc, fresh(&here)).await;
    assert_eq!((checked.reason(), checked.next_step()), (Reason::ConsentNotFresh, NextStep::AwaitLink));
    // Without that wish the consent is judged as it is known here.
    let known = RecordDisclosureRequest { fresh_within_seconds: 0, ..fresh(&here) };
    ppc.record_disclosure(known).await.unwrap();
    pair.mend_link();
    // The originator signs a receipt for what was written meanwhile.
    settle(&ppc, &ipa).await.unwrap();
    let here = ppc.item(&it.name).await.unwrap();
    assert!(agrees(&ppc, fresh(&here)).await.allowed);

    // While both are idle and connected, the refused attempt itself makes the originator sign.
    settle(&ppc, &ipa).await.unwrap();
    pair.clock.advance(SignedDuration::from_mins(11));
    let here = ppc.item(&it.name).await.unwrap();
    refused(ppc.record_disclosure(fresh(&here)).await, Reason::ConsentNotFresh, "fresh_within_seconds");
    settle(&ppc, &ipa).await.unwrap();
    let here = ppc.item(&it.name).await.unwrap();
    assert!(agrees(&ppc, fresh(&here)).await.allowed);
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_disclosure_that_a_law_requires_is_announced_and_never_blocked() {
    let pair = Pair::in_process(start().unwrap(), 180).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = shared(&ppc, &ipa).await;
    let ground = LegalGround::InformationRequest;
    let applicant = || named("請求者", false);
    let past = renkei_proto::sharing::v1::AnnounceDisclosureRequest {
        planned_on: "2026-11-23".to_owned(),
        ..ppc.announcing(&it, ground, applicant())
    };
    refused(ppc.announce_disclosure(past).await, Reason::FieldInvalid, "planned_on");
    let announced = ppc.announce_disclosure(ppc.announcing(&it, ground, applicant())).await.unwrap();
    let entry = announced.legal_disclosures[0].entry.clone();
    let (_, own) = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(duties(&ipa).await, [(DutyKind::GiveDisclosureOpinion, "2026-12-01".to_owned())]);
    let objection = renkei_proto::sharing::v1::GiveDisclosureOpinionRequest {
        objects: true,
        ..ipa.giving_opinion(&own, &own.legal_disclosures[0])
    };
    ipa.give_disclosure_opinion(objection).await.unwrap();
    assert_eq!(duties(&ipa).await, []);
    let (here, _) = at_both(&ppc, &ipa, &it.name).await;
    assert!(here.legal_disclosures[0].objects);

    // It is approved, and it is what was announced.
    let law = |it: &Item, to: StatedRecipient| ppc.disclosing_by_law(it, ground, &entry, to);
    let unapproved = RecordDisclosureRequest { approval: " ".to_owned(), ..law(&here, applicant()) };
    refused(ppc.record_disclosure(unapproved).await, Reason::ApprovalMissing, "approval");
    refused(ppc.record_disclosure(law(&here, named("別の者", false))).await, Reason::FieldInvalid, "law.announcement");
    for (announcement, notice_forbidden) in [("", false), (entry.as_str(), true)] {
        let stated = StatedLaw { ground: ground.into(), announcement: announcement.to_owned(), notice_forbidden };
        let request = RecordDisclosureRequest { basis: Some(Basis::Law(stated)), ..law(&here, applicant()) };
        refused(ppc.record_disclosure(request).await, Reason::FieldInvalid, "law.announcement");
    }
    let unknown = ppc.disclosing_by_law(&here, ground, "agencies/ppc/entries/999", applicant());
    refused(ppc.record_disclosure(unknown).await, Reason::FieldInvalid, "law.announcement");
    ppc.record_disclosure(law(&here, applicant())).await.unwrap();

    // Not by a recall either, and not where the originator must not be told before.
    let own = ipa.item(&it.name).await.unwrap();
    ipa.recall_item(ipa.recalling(&own)).await.unwrap();
    let (here, _) = at_both(&ppc, &ipa, &it.name).await;
    let checked = ppc.check_disclosure(checking(&here, body(Body::Court), Purpose::Policy)).await.unwrap();
    assert_eq!((checked.reason(), checked.next_step()), (Reason::WrongState, NextStep::None));
    let court = ppc.disclosing_by_law(&here, LegalGround::Court, "", body(Body::Court));
    ppc.record_disclosure(court).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let listed = ipa.disclosures(&it.name).await.unwrap().disclosures;
    let grounds: Vec<_> = listed.iter().map(|it| (it.ground(), it.notice_forbidden)).collect();
    assert_eq!(grounds, [(ground, false), (LegalGround::Court, true)]);
    assert_eq!(listed[0].recipient_name, "請求者");
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn the_attempts_of_a_day_are_limited_and_the_list_has_pages() {
    let pair = Pair::in_process(start().unwrap(), 181).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = shared(&ppc, &ipa).await;
    for _ in 0..renkei_domain::noun::item::disclosure::ATTEMPTS {
        let act = ppc.disclosing(&it, body(Body::Nco), Purpose::Policy);
        refused(ppc.record_disclosure(act).await, Reason::BeyondScope, "");
    }
    let act = || ppc.disclosing(&it, body(Body::Nco), Purpose::Policy);
    refused(ppc.record_disclosure(act()).await, Reason::TooManyAttempts, "");
    // A law goes before that, too.
    let court = ppc.disclosing_by_law(&it, LegalGround::Court, "", body(Body::Court));
    ppc.record_disclosure(court).await.unwrap();
    let it = ppc.item(&it.name).await.unwrap();
    let act = || ppc.disclosing(&it, body(Body::Nco), Purpose::Policy);
    pair.clock.advance(SignedDuration::from_hours(24));
    refused(ppc.record_disclosure(act()).await, Reason::BeyondScope, "");

    let here = consented(&ppc, &ipa, &it, stated(&BODIES.map(body), &[Purpose::Policy])).await;
    let consent = here.consents[0].entry.clone();
    for to in BODIES {
        let here = ppc.item(&it.name).await.unwrap();
        ppc.record_disclosure(ppc.disclosing_under(&here, &consent, body(to), Purpose::Policy)).await.unwrap();
    }
    let client = ppc.desk.disclosures("reader", Purpose::Policy).unwrap();
    let (mut token, mut names) = (String::new(), Vec::new());
    loop {
        let request = renkei_proto::sharing::v1::ListDisclosuresRequest {
            name: it.name.clone(),
            page_size: 3,
            page_token: token,
        };
        let page = client.clone().list_disclosures(request).await.unwrap().into_inner();
        assert!(page.disclosures.len() <= 3);
        names.extend(page.disclosures.into_iter().map(|it| it.recipient_name));
        assert_eq!(page.refused.is_empty(), !page.next_page_token.is_empty(), "on the last page");
        if page.next_page_token.is_empty() {
            break;
        }
        token = page.next_page_token;
    }
    assert_eq!(names[0], "裁判所");
    assert_eq!(names[1..], BODIES.map(Body::ja));
}
