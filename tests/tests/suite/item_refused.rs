//! The refusals of sharing: each with its reason and field, and nothing is written.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use jiff::SignedDuration;
use renkei_client::Answer;
use renkei_domain::moment::stamp;
use renkei_proto::{
    agreement::v1::NoticeKind,
    options::v1::Reason,
    sharing::v1::{
        AnswerItemQuestionRequest, Item, ItemContent, ItemKind, ItemTerm, ItemTerms, Necessity, PublicationPlan,
        PublishItemRequest, ReviseItemRequest, item::State, item_content,
    },
    r#type::v1::{Agency, Attachment, Audience, Designated, Marking, Purpose, Scope, scope},
};
use renkei_tools::{
    acts::{Acts, both, item_content as words, refused, settle, terms_for, to_the_party, to_units},
    database::Lock,
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
async fn terms_that_state_nothing_or_two_things_are_refused_and_write_nothing() {
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
    let unscoped = PublishItemRequest { terms: Some(ItemTerms::default()), ..ipa.publishing_item(to_the_party()) };
    refused(ipa.publish_item(unscoped).await, FieldInvalid, "terms.scope");
    let plan_and_not = ItemTerms { plan: plan(60), ..ItemTerms::default() };
    let cleared = vec![ItemTerm::Plan.into()];
    let both = ReviseItemRequest { terms: Some(plan_and_not), cleared, ..ipa.revising_item(&it) };
    refused(ipa.revise_item(both).await, FieldInvalid, "cleared");
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
async fn content_beyond_its_bounds_and_an_invalid_stix_bundle_are_refused() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let content = || words(ItemKind::ThreatInformation, "改ざんの手口", pair.clock.now());
    let long = |length: usize| "長".repeat(length);
    type Spoil = Box<dyn Fn(&mut ItemContent)>;
    let mut cases: Vec<(&str, Spoil)> = vec![
        ("content.item", Box::new(|it| it.item = None)),
        ("content.threat_information.text.title", Box::new(|it| text(it).title.clear())),
        ("content.threat_information.text.title", Box::new(move |it| text(it).title = long(201))),
        ("content.threat_information.text.summary", Box::new(move |it| text(it).summary = long(2001))),
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

    // Every text of an attack method at its bound is more than an entry accepts; a little less is accepted and crosses
    // whole.
    let four_bytes = |length: usize| "𠮷".repeat(length);
    let mut content = words(ItemKind::AttackMethod, &four_bytes(200), pair.clock.now());
    let Some(item_content::Item::AttackMethod(it)) = content.item.as_mut() else { unreachable!() };
    (it.way_in, it.taken, it.stopped_by) = (four_bytes(4000), four_bytes(4000), four_bytes(4000));
    let largest = text(&mut content);
    (largest.summary, largest.body) = (four_bytes(2000), four_bytes(100_000));
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

const BUNDLE_FIELD: &str = "content.threat_information.text.stix_bundle";

/// Publishes threat information with this bundle.
async fn share(ipa: &Acts, bundle: &[u8], scope: Scope) -> Answer<Item> {
    let mut request = ipa.publishing_item(scope);
    text(request.content.as_mut().unwrap()).stix_bundle = bundle.to_vec();
    ipa.publish_item(request).await
}

/// Each of these was accepted as a bundle once, or refused without a word of what was wrong in it.
#[tokio::test]
async fn a_bundle_that_not_every_reader_accepts_is_refused_and_the_first_broken_rule_is_named() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    for (bundle, says) in [
        (&include_bytes!("../../data/stix/euc-jp.json")[..], "is not UTF-8"),
        (include_bytes!("../../data/stix/shift-jis.json"), "is not UTF-8"),
        (include_bytes!("../../data/stix/raw-surrogate-cesu8.json"), "is not UTF-8"),
        (include_bytes!("../../data/stix/bom.json"), "byte order mark"),
        (include_bytes!("../../data/stix/lone-surrogate.json"), "hex escape at line 1 column 419"),
        (include_bytes!("../../data/stix/deep.json"), "recursion limit"),
        (include_bytes!("../../data/stix/no-objects.json"), "has no objects"),
        (include_bytes!("../../data/stix/empty-type.json"), "objects[0]: its type must be 3 to 250 of a-z"),
        (include_bytes!("../../data/stix/type-not-a-type.json"), "objects[0]: its type must be 3 to 250 of a-z"),
        (include_bytes!("../../data/stix/one-bad-of-two-hundred.json"), "objects[150]: its spec_version must be 2.1"),
    ] {
        let refusal = share(&ipa, bundle, to_the_party()).await.unwrap_err();
        assert_eq!((refusal.reason, refusal.fields), (Reason::FieldInvalid, vec![BUNDLE_FIELD.to_owned()]), "{says}");
        assert!(refusal.message.contains(says), "{says}: {}", refusal.message);
    }
    let custom = include_bytes!("../../data/stix/custom-observable-without-spec-version.json");
    let it = share(&ipa, custom, to_the_party()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(text(&mut ppc.item(&it.name).await.unwrap().content.unwrap()).stix_bundle, custom);
}

#[tokio::test]
async fn an_object_is_marked_no_stricter_than_the_item_is_shared() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (_, ipa) = both(&pair).unwrap();
    let red = include_bytes!("../../data/stix/tlp-red-inside.json");
    let wider = |audience: Audience| {
        let purposes = if audience == Audience::Public { Vec::new() } else { vec![Purpose::Policy.into()] };
        let it = Designated { audience: audience.into(), units: Vec::new(), purposes, expires: None };
        Scope { scope: Some(scope::Scope::Designated(it)) }
    };
    let units = || to_units(&["policy"], &[Purpose::Policy]);
    for scope in [to_the_party(), wider(Audience::Clients), wider(Audience::Public)] {
        refused(share(&ipa, red, scope).await, Reason::ScopeContradictory, BUNDLE_FIELD);
    }
    let it = share(&ipa, red, units()).await.unwrap();
    // A revision that widens the scope is refused with it, and one that keeps the scope is not.
    let mut request = ipa.revising_item(&it);
    text(request.content.as_mut().unwrap()).stix_bundle = red.to_vec();
    let widened = ReviseItemRequest { terms: Some(terms_for(to_the_party())), ..request.clone() };
    refused(ipa.revise_item(widened).await, Reason::ScopeContradictory, BUNDLE_FIELD);
    ipa.revise_item(ReviseItemRequest { terms: None, ..request }).await.unwrap();

    // Marks of both versions of the protocol, also on a part of an object.
    const RED: &str = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";
    let own = "marking-definition--2b9e1d4a-8a3e-4a7e-9d6c-0f6f1c1d2e3f";
    let with = |from: &str, to: &str| String::from_utf8(red.to_vec()).unwrap().replacen(from, to, 1);
    let part = with(r#""object_marking_refs": ["#, r#""granular_markings": [{"selectors": ["name"], "marking_ref":"#);
    let part = part.replacen(&format!("{RED}\"\n   ]"), &format!("{RED}\"}}]"), 1);
    // The bundle's own definitions count, wherever they are.
    let object = format!(r#"{{"type": "marking-definition", "spec_version": "2.1", "id": "{own}", "#);
    let defined = |level: &str| with(RED, own).replacen("\n  }\n ]", &format!("\n  }}, {object}{level}}}\n ]"), 1);
    let first = defined(r#""definition_type": "tlp", "definition": {"tlp": "amber"}"#);
    let second =
        defined(r#""extensions": {"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d": {"tlp_2_0": "red"}}"#);
    for (bundle, public, clients) in [
        (part, false, false),
        (first, false, true),
        (second, false, false),
        (with(RED, "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"), false, false),
        (with(RED, "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"), false, true),
        (with(RED, "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"), false, false),
        (with(RED, "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"), false, true),
        (with(RED, "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"), true, true),
        // Not a mark of the protocol.
        (with(RED, own), true, true),
    ] {
        for (audience, admitted) in [(Audience::Public, public), (Audience::Clients, clients)] {
            let answer = share(&ipa, bundle.as_bytes(), wider(audience)).await;
            match admitted {
                true => drop(answer.unwrap()),
                false => refused(answer, Reason::ScopeContradictory, BUNDLE_FIELD),
            }
        }
    }
}

/// The writer is held up by another program's lock; what needs no page is answered all the same.
#[tokio::test]
async fn a_fault_in_a_request_is_reported_without_the_writer() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (_, ipa) = both(&pair).unwrap();
    let lock = Lock::take(&pair.setup, Agency::Ipa).unwrap();
    let bad = include_bytes!("../../data/stix/one-bad-of-two-hundred.json");
    refused(share(&ipa, bad, to_the_party()).await, Reason::FieldInvalid, BUNDLE_FIELD);
    let mut ahead = ipa.publishing_item(to_the_party());
    text(ahead.content.as_mut().unwrap()).as_of = at(1);
    refused(ipa.publish_item(ahead).await, Reason::FieldInvalid, "content.threat_information.text.as_of");
    drop(lock);
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
    // Stale since then: the version of before is not accepted any more, and an empty one is not a version.
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
async fn nothing_new_is_shared_after_expiry_and_shared_items_continue() {
    let pair = Pair::in_process(instant("2026-12-01T09:00:00+09:00").unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    give_notice(&ppc, NoticeKind::NotRenew).await;
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
