//! What is refused when items are shared: each refusal with its reason and field, and nothing is written.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use jiff::SignedDuration;
use renkei_domain::moment::stamp;
use renkei_proto::{
    agreement::v1::NoticeKind,
    options::v1::Reason,
    sharing::v1::{
        AnswerItemQuestionRequest, Item, ItemContent, ItemKind, ItemTerms, Necessity, PublicationPlan,
        PublishItemRequest, ReviseItemRequest, item::State, item_content,
    },
    r#type::v1::{Agency, Attachment, Audience, Designated, Marking, Purpose, Scope, scope},
};
use renkei_tests::{
    acts::{Acts, both, item_content as words, refused, settle, to_the_party},
    pair::Pair,
    scenario::{instant, start},
};

use crate::{
    item::{BUNDLE, publishing, text},
    term::{BOUNDARY, give_notice},
};

const PPCS: [ItemKind; 1] = [ItemKind::AttackMethod];
const IPAS: [ItemKind; 3] = [ItemKind::ResearchResult, ItemKind::ThreatInformation, ItemKind::TechnologyTrend];

#[tokio::test]
async fn a_kind_of_the_other_agency_is_refused_and_a_revision_keeps_its_kind() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let now = pair.clock.now();
    for (acts, peer, own, others) in [(&ppc, &ipa, &PPCS[..], &IPAS[..]), (&ipa, &ppc, &IPAS[..], &PPCS[..])] {
        let it = acts.publish_item(acts.publishing_item(to_the_party())).await.unwrap();
        let before = acts.link().await.unwrap().own_seq;
        for kind in others {
            for necessity in [Necessity::Unspecified, Necessity::Contain] {
                let request = PublishItemRequest { necessity: necessity.into(), ..publishing(acts, *kind, now) };
                refused(acts.publish_item(request).await, Reason::WrongDirection, "content.item");
                let content = Some(words(*kind, "改めた内容", now));
                let request = ReviseItemRequest { necessity: necessity.into(), content, ..acts.revising_item(&it) };
                refused(acts.revise_item(request).await, Reason::WrongDirection, "content.item");
            }
        }
        for kind in own.iter().filter(|kind| **kind != it.kind()) {
            let request =
                ReviseItemRequest { content: Some(words(*kind, "改めた", now)), ..acts.revising_item(&it) };
            refused(acts.revise_item(request).await, Reason::FieldInvalid, "content.item");
        }
        let other = if acts.agency == Agency::Ppc { Necessity::Unspecified } else { Necessity::Respond };
        let request = PublishItemRequest { necessity: other.into(), ..acts.publishing_item(to_the_party()) };
        refused(acts.publish_item(request).await, Reason::FieldInvalid, "necessity");
        assert_eq!(acts.link().await.unwrap().own_seq, before);

        // Each half of an item has its writer.
        settle(&ppc, &ipa).await.unwrap();
        let (here, there) = (acts.item(&it.name).await.unwrap(), peer.item(&it.name).await.unwrap());
        refused(acts.acknowledge_item(acts.acknowledging(&here)).await, Reason::WrongDirection, "");
        refused(acts.ask_about_item(acts.asking_about(&here)).await, Reason::WrongDirection, "");
        refused(acts.give_feedback(acts.giving_feedback(&here)).await, Reason::WrongDirection, "");
        refused(peer.recall_item(peer.recalling(&there)).await, Reason::WrongDirection, "");
        let question = format!("agencies/{}/entries/1", peer.agency.id());
        let answering = AnswerItemQuestionRequest { question, ..peer.answering_about(&there) };
        refused(peer.answer_item_question(answering).await, Reason::WrongDirection, "");
        let peers_own = if peer.agency == Agency::Ppc { ItemKind::AttackMethod } else { ItemKind::ThreatInformation };
        let mut revising = peer.revising_item(&there);
        refused(peer.revise_item(revising.clone()).await, Reason::WrongDirection, "content.item");
        revising.content = Some(words(peers_own, "改めた", now));
        revising.necessity = peer.publishing_item(to_the_party()).necessity;
        refused(peer.revise_item(revising).await, Reason::WrongDirection, "");
    }
}

/// A designated scope of IPA's item.
fn designated(it: &mut ItemTerms) -> &mut Designated {
    let designated = Designated {
        audience: Audience::Party.into(),
        units: Vec::new(),
        purposes: vec![Purpose::Policy.into()],
        expires: None,
    };
    let scope = it.scope.get_or_insert_default();
    *scope = Scope { scope: Some(scope::Scope::Designated(designated)) };
    let Some(scope::Scope::Designated(designated)) = scope.scope.as_mut() else { unreachable!() };
    designated
}

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(stamp(start().unwrap() + SignedDuration::from_secs(seconds)))
}

fn plan(seconds: i64) -> Option<PublicationPlan> {
    Some(PublicationPlan { embargo_until: at(seconds), publisher: Agency::Ipa.into() })
}

#[tokio::test]
async fn terms_that_say_nothing_or_two_things_are_refused_and_write_nothing() {
    use Reason::{FieldInvalid, ScopeContradictory, ScopeEmpty};
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let before = ipa.link().await.unwrap().own_seq;
    let units = |it: &mut ItemTerms| {
        let it = designated(it);
        (it.audience, it.units) = (Audience::Units.into(), vec!["policy".to_owned()]);
    };
    type Spoil = Box<dyn Fn(&mut ItemTerms)>;
    let cases: Vec<(Reason, &str, Spoil)> = vec![
        (FieldInvalid, "terms.scope", Box::new(|it| it.scope = None)),
        (FieldInvalid, "terms.scope.scope", Box::new(|it| it.scope = Some(Scope::default()))),
        (FieldInvalid, "terms.scope.designated.audience", Box::new(|it| designated(it).audience = 0)),
        (FieldInvalid, "terms.scope.designated.audience", Box::new(|it| designated(it).audience = 7)),
        (FieldInvalid, "terms.scope.designated.purposes", Box::new(|it| designated(it).purposes = vec![6, 6])),
        (FieldInvalid, "terms.scope.designated.purposes[0]", Box::new(|it| designated(it).purposes = vec![8])),
        (FieldInvalid, "terms.scope.designated.units[0]", Box::new(|it| designated(it).units = vec!["*".to_owned()])),
        (FieldInvalid, "terms.marking.confidentiality", Box::new(|it| it.marking = Some(Marking::default()))),
        (
            FieldInvalid,
            "terms.marking.confidentiality",
            Box::new(|it| {
                it.marking = Some(Marking { confidentiality: 3, restrictions: Vec::new() });
            }),
        ),
        (FieldInvalid, "terms.valid_until", Box::new(|it| it.valid_until = at(0))),
        (FieldInvalid, "terms.valid_until", Box::new(|it| (it.valid_from, it.valid_until) = (at(60), at(60)))),
        (
            FieldInvalid,
            "terms.valid_until",
            Box::new(|it| {
                it.valid_until = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
            }),
        ),
        (
            FieldInvalid,
            "terms.plan.publisher",
            Box::new(|it| it.plan = plan(60).map(|it| PublicationPlan { publisher: 0, ..it })),
        ),
        (ScopeEmpty, "terms.scope.designated.units", Box::new(|it| designated(it).audience = Audience::Units.into())),
        (ScopeEmpty, "terms.scope.designated.purposes", Box::new(|it| designated(it).purposes.clear())),
        (
            ScopeEmpty,
            "terms.scope.designated.purposes",
            Box::new(move |it| {
                units(it);
                let Some(scope::Scope::Designated(it)) = it.scope.as_mut().unwrap().scope.as_mut() else {
                    unreachable!()
                };
                it.purposes.clear();
            }),
        ),
        (ScopeEmpty, "terms.scope.designated.expires", Box::new(|it| designated(it).expires = at(0))),
        (
            ScopeContradictory,
            "terms.scope.designated.units",
            Box::new(|it| designated(it).units = vec!["policy".to_owned()]),
        ),
        (
            ScopeContradictory,
            "terms.scope.designated.purposes",
            Box::new(|it| designated(it).audience = Audience::Public.into()),
        ),
        (
            ScopeContradictory,
            "terms.scope.designated.expires",
            Box::new(|it| {
                let it = designated(it);
                (it.audience, it.expires) = (Audience::Public.into(), at(60));
                it.purposes.clear();
            }),
        ),
        (
            ScopeContradictory,
            "terms.plan.embargo_until",
            Box::new(|it| {
                it.plan = plan(60);
                let it = designated(it);
                it.audience = Audience::Public.into();
                it.purposes.clear();
            }),
        ),
        (
            ScopeContradictory,
            "terms.scope.designated.expires",
            Box::new(|it| {
                it.plan = plan(60);
                designated(it).expires = at(60);
            }),
        ),
    ];
    for (reason, field, spoil) in cases {
        let mut request = ipa.publishing_item(to_the_party());
        spoil(request.terms.as_mut().unwrap());
        let revising = ReviseItemRequest { terms: request.terms.clone(), ..ipa.revising_item(&it) };
        refused(ipa.publish_item(request).await, reason, field);
        refused(ipa.revise_item(revising).await, reason, field);
    }
    assert_eq!(ipa.link().await.unwrap().own_seq, before);
    assert_eq!(ipa.item(&it.name).await.unwrap().revision, 1);
}

#[tokio::test]
async fn content_beyond_its_bounds_and_what_is_no_stix_bundle_is_refused() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let content = || words(ItemKind::ThreatInformation, "改ざんの手口", pair.clock.now());
    let long = |length: usize| "長".repeat(length);
    type Spoil = Box<dyn Fn(&mut ItemContent)>;
    let mut cases: Vec<(&str, Spoil)> = vec![
        ("content.item", Box::new(|it| it.item = None)),
        ("content.threat_information.text.title", Box::new(|it| text(it).title.clear())),
        ("content.threat_information.text.title", Box::new(move |it| text(it).title = long(201))),
        ("content.threat_information.text.abstract", Box::new(move |it| text(it).r#abstract = long(2001))),
        ("content.threat_information.text.body", Box::new(move |it| text(it).body = long(100_001))),
        ("content.threat_information.text.language", Box::new(|it| text(it).language = 0)),
        ("content.threat_information.text.certainty", Box::new(|it| text(it).certainty = 9)),
        ("content.threat_information.text.as_of", Box::new(|it| text(it).as_of = None)),
        ("content.threat_information.text.stix_bundle", Box::new(|it| text(it).stix_bundle = vec![b' '; 524_289])),
    ];
    let bad = |from: &str, to: &str| {
        assert!(BUNDLE.contains(from), "{from}");
        BUNDLE.replacen(from, to, 1)
    };
    let bundles = [
        "{".to_owned(),
        "[]".to_owned(),
        r#"{"type":"bundle","id":"bundle--44af6c39-c09b-49c5-9de2-394224b04982"}"#.to_owned(),
        r#"{"type":"bundle","id":"bundle--44af6c39-c09b-49c5-9de2-394224b04982","objects":[]}"#.to_owned(),
        bad(r#""type": "bundle""#, r#""type": "report""#),
        bad("bundle--44af6c39-c09b-49c5-9de2-394224b04982", "bundle--44af6c39"),
        bad("bundle--44af6c39", "indicator--44af6c39"),
        bad(r#""spec_version": "2.1", "id": "indicator"#, r#""spec_version": "2.0", "id": "indicator"#),
        bad(r#""spec_version": "2.1", "id": "malware"#, r#""id": "malware"#),
        bad(r#""id": "malware--162d917e"#, r#""id": "tool--162d917e"#),
        format!("{BUNDLE}x"),
    ];
    for bundle in bundles {
        let spoil: Spoil = Box::new(move |it| text(it).stix_bundle = bundle.clone().into_bytes());
        cases.push(("content.threat_information.text.stix_bundle", spoil));
    }
    let it = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    for (field, spoil) in cases {
        let mut content = content();
        spoil(&mut content);
        let request = PublishItemRequest { content: Some(content.clone()), ..ipa.publishing_item(to_the_party()) };
        refused(ipa.publish_item(request).await, Reason::FieldInvalid, field);
        let request = ReviseItemRequest { content: Some(content), ..ipa.revising_item(&it) };
        refused(ipa.revise_item(request).await, Reason::FieldInvalid, field);
    }
    let mut request = ppc.publishing_item(to_the_party());
    text(request.content.as_mut().unwrap()).stix_bundle = b"{}".to_vec();
    refused(ppc.publish_item(request).await, Reason::FieldInvalid, "content.attack_method.text.stix_bundle");

    // Every text of an attack method at its bound is more than an entry takes; a little less is taken and crosses whole.
    let four_bytes = |length: usize| "𠮷".repeat(length);
    let mut content = words(ItemKind::AttackMethod, &four_bytes(200), pair.clock.now());
    let Some(item_content::Item::AttackMethod(it)) = content.item.as_mut() else { unreachable!() };
    (it.way_in, it.taken, it.stopped_by) = (four_bytes(4000), four_bytes(4000), four_bytes(4000));
    let largest = text(&mut content);
    (largest.r#abstract, largest.body) = (four_bytes(2000), four_bytes(100_000));
    largest.stix_bundle = [BUNDLE.as_bytes(), &vec![b' '; 524_288 - BUNDLE.len()]].concat();
    let file = |n: u8| Attachment {
        file_name: four_bytes(200),
        media_type: "application/pdf".to_owned(),
        size: 1,
        sha256: vec![n; 32],
    };
    largest.attachments = (0..100).map(file).collect();
    let own = ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
    let before = ppc.link().await.unwrap().own_seq;
    let revising =
        |content: &ItemContent| ReviseItemRequest { content: Some(content.clone()), ..ppc.revising_item(&own) };
    let publishing = PublishItemRequest { content: Some(content.clone()), ..ppc.publishing_item(to_the_party()) };
    refused(ppc.publish_item(publishing).await, Reason::TooLarge, "");
    refused(ppc.revise_item(revising(&content)).await, Reason::TooLarge, "");
    assert_eq!(ppc.link().await.unwrap().own_seq, before);
    text(&mut content).attachments.clear();
    ppc.revise_item(revising(&content)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ipa.item(&own.name).await.unwrap().content, Some(content));
}

#[tokio::test]
async fn a_stale_version_and_a_name_of_nothing_are_refused_by_every_act() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    ppc.ask_about_item(ppc.asking_about(&ppc.item(&it.name).await.unwrap())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let (own, peers) = (ipa.item(&it.name).await.unwrap(), ppc.item(&it.name).await.unwrap());
    // Each act moves its own half, and no other.
    assert_eq!(own.etag, it.etag);
    let name = "agencies/ipa/items/0199b7c4-0000-7000-8000-000000000001".to_owned();
    let question = own.questions[0].entry.clone();
    for (reason, field, etag, name) in [
        (Reason::EtagStale, "etag", "0123456789abcdef", it.name.clone()),
        (Reason::NotFound, "", "", name.clone()),
        (Reason::NotFound, "", "0123456789abcdef", name.clone()),
        (Reason::FieldInvalid, "name", "", name[..name.len() - 1].to_owned()),
    ] {
        let spoilt = |it: &Item| Item { name: name.clone(), etag: etag.to_owned(), ..it.clone() };
        let (own, peers) = (spoilt(&own), spoilt(&peers));
        refused(ipa.revise_item(ipa.revising_item(&own)).await, reason, field);
        refused(ipa.recall_item(ipa.recalling(&own)).await, reason, field);
        refused(ipa.answer_item_question(ipa.answering_about(&own)).await, reason, field);
        refused(ppc.acknowledge_item(ppc.acknowledging(&peers)).await, reason, field);
        refused(ppc.ask_about_item(ppc.asking_about(&peers)).await, reason, field);
        refused(ppc.give_feedback(ppc.giving_feedback(&peers)).await, reason, field);
        if reason != Reason::EtagStale {
            refused(ppc.item(&name).await, reason, field);
            let parent = if field.is_empty() { "" } else { "parent" };
            refused(ppc.item_entries(&name).await, reason, parent);
        }
    }
    // Only a question of this item is answered, and once.
    for (reason, field, question) in [
        (Reason::NotFound, "", "agencies/ppc/entries/1".to_owned()),
        (Reason::NotFound, "", "agencies/ipa/entries/2".to_owned()),
        (Reason::NotFound, "", "agencies/ppc/entries/999999999999999999".to_owned()),
        (Reason::FieldInvalid, "question", "agencies/ppc/entries/0".to_owned()),
    ] {
        let mut request = ipa.answering_about(&own);
        request.question = question;
        refused(ipa.answer_item_question(request).await, reason, field);
    }
    let answered = ipa.answer_item_question(ipa.answering_about(&own)).await.unwrap();
    assert_ne!(answered.etag, own.etag);
    let mut again = ipa.answering_about(&answered);
    again.question = question;
    refused(ipa.answer_item_question(again).await, Reason::WrongState, "");
    // Stale since then: the version of before is not taken any more, and none is no version.
    refused(ipa.recall_item(ipa.recalling(&own)).await, Reason::EtagStale, "etag");
    ipa.recall_item(ipa.recalling(&Item { etag: String::new(), ..own })).await.unwrap();
}

async fn revise(ipa: &Acts, it: &Item) -> Item {
    ipa.revise_item(ipa.revising_item(it)).await.unwrap()
}

#[tokio::test]
async fn an_item_has_at_most_a_hundred_revisions() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let mut it = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    for _ in 1..100 {
        it = revise(&ipa, &it).await;
    }
    assert_eq!((it.revision, it.revisions.len()), (100, 100));
    refused(ipa.revise_item(ipa.revising_item(&it)).await, Reason::WrongState, "");
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ppc.shared_item(&it.name).await.unwrap(), ipa.shared_item(&it.name).await.unwrap());
    ipa.recall_item(ipa.recalling(&it)).await.unwrap();
}

#[tokio::test]
async fn after_expiry_nothing_new_is_shared_and_what_was_shared_goes_on() {
    let pair = Pair::in_process(instant("2026-12-01T09:00:00+09:00").unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    give_notice(&pair, NoticeKind::NotRenew).await;
    pair.set_clock(instant(BOUNDARY[0]).unwrap()).unwrap();
    let it = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    pair.set_clock(instant(BOUNDARY[1]).unwrap()).unwrap();
    for acts in [&ppc, &ipa] {
        let answer = acts.publish_item(acts.publishing_item(to_the_party())).await;
        refused(answer, Reason::AgreementNotInForce, "");
    }
    refused(ipa.revise_item(ipa.revising_item(&it)).await, Reason::AgreementNotInForce, "");
    let seen = ppc.item(&it.name).await.unwrap();
    let seen = ppc.acknowledge_item(ppc.acknowledging(&seen)).await.unwrap();
    let seen = ppc.ask_about_item(ppc.asking_about(&seen)).await.unwrap();
    ppc.give_feedback(ppc.giving_feedback(&seen)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let own = ipa.item(&it.name).await.unwrap();
    let own = ipa.answer_item_question(ipa.answering_about(&own)).await.unwrap();
    ipa.recall_item(ipa.recalling(&own)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let sealed = ppc.item(&it.name).await.unwrap();
    assert_eq!((sealed.state(), sealed.content), (State::Recalled, None));
}
