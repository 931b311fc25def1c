//! Sharing of information (Art. 5(2)) on the pair.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use jiff::SignedDuration;
use renkei_client::Answer;
use renkei_domain::moment::stamp;
use renkei_proto::{
    options::v1::Reason,
    sharing::v1::{
        Item, ItemContent, ItemFeedbackGivenContent, ItemKind, ItemTerm, ItemTerms, ItemText, ListItemEntriesRequest,
        ListItemsRequest, Necessity, PublicationPlan, PublishItemRequest, RecallReason, ReviseItemRequest, Usefulness,
        item::State, item_content, item_entry,
    },
    r#type::v1::{Agency, Confidentiality, Marking, Purpose, Restriction, Tlp},
};
use renkei_tools::{
    acts::{Acts, both, item_content as words, refused, same_journals, settle, terms_for, to_the_party, to_units},
    pair::Pair,
    scenario::{instant, start},
};

/// A bundle as a threat feed gives it: an indicator that points to a malware, an address, and a marking definition of
/// TLP.
pub const BUNDLE: &str = r#"{
  "type": "bundle", "id": "bundle--44af6c39-c09b-49c5-9de2-394224b04982",
  "objects": [
    {"type": "marking-definition", "id": "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
     "created": "2017-01-20T00:00:00.000Z", "definition_type": "tlp", "definition": {"tlp": "green"}},
    {"type": "indicator", "spec_version": "2.1", "id": "indicator--d81f86b9-975b-4c0b-875e-810c5ad45a4f",
     "created": "2026-11-20T01:02:03.000Z", "modified": "2026-11-20T01:02:03.000Z", "name": "改ざんされた決済画面",
     "pattern": "[file:hashes.'SHA-256' = 'aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f']",
     "pattern_type": "stix", "valid_from": "2026-11-20T00:00:00Z"},
    {"type": "malware", "spec_version": "2.1", "id": "malware--162d917e-766f-4611-b5d6-652791454fca",
     "created": "2026-11-20T01:02:03.000Z", "modified": "2026-11-20T01:02:03.000Z", "is_family": false},
    {"type": "relationship", "spec_version": "2.1", "id": "relationship--864af2ea-46f9-4d23-b3a2-1c2adf81c265",
     "created": "2026-11-20T01:02:03.000Z", "modified": "2026-11-20T01:02:03.000Z", "relationship_type": "indicates",
     "source_ref": "indicator--d81f86b9-975b-4c0b-875e-810c5ad45a4f",
     "target_ref": "malware--162d917e-766f-4611-b5d6-652791454fca"},
    {"type": "ipv4-addr", "id": "ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd", "value": "198.51.100.3"}
  ]
}"#;

/// The words of an item, whatever its kind.
pub fn text(content: &mut ItemContent) -> &mut ItemText {
    let text = match content.item.as_mut().unwrap() {
        item_content::Item::AttackMethod(it) => &mut it.text,
        item_content::Item::ResearchResult(it) => &mut it.text,
        item_content::Item::ThreatInformation(it) => &mut it.text,
        item_content::Item::TechnologyTrend(it) => &mut it.text,
    };
    text.as_mut().unwrap()
}

/// A publication of this kind to the receiving party.
pub fn publishing(acts: &Acts, kind: ItemKind, now: jiff::Timestamp) -> PublishItemRequest {
    PublishItemRequest { content: Some(words(kind, "共有する内容", now)), ..acts.publishing_item(to_the_party()) }
}

/// The item as both sides show it once each has everything. What is sealed has no content at its receiver.
async fn at_both(ppc: &Acts, ipa: &Acts, name: &str) -> Item {
    settle(ppc, ipa).await.unwrap();
    let (here, there) = (ppc.shared_item(name).await.unwrap(), ipa.shared_item(name).await.unwrap());
    let (own, peers) = if here.originator() == Agency::Ppc { (here, there) } else { (there, here) };
    let content = own.content.clone().filter(|_| own.state() == State::Published);
    assert_eq!(peers, Item { content, ..own.clone() });
    own
}

#[tokio::test]
async fn every_kind_goes_from_publication_to_recall_and_both_show_the_same() {
    let pair = Pair::in_process(start().unwrap(), 32).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    settle(&ppc, &ipa).await.unwrap();
    for (author, reader, kind, case) in [
        (&ppc, &ipa, ItemKind::AttackMethod, "甲-R08-ITM-0001"),
        (&ipa, &ppc, ItemKind::ResearchResult, "乙-R08-ITM-0001"),
        (&ipa, &ppc, ItemKind::ThreatInformation, "乙-R08-ITM-0002"),
        (&ipa, &ppc, ItemKind::TechnologyTrend, "乙-R08-ITM-0003"),
    ] {
        let mut request = publishing(author, kind, pair.clock.now());
        if kind == ItemKind::ThreatInformation {
            text(request.content.as_mut().unwrap()).stix_bundle = BUNDLE.into();
        }
        let it = author.publish_item(request.clone()).await.unwrap();
        assert_eq!((it.state(), it.kind(), it.case_number.as_str()), (State::Published, kind, case));
        assert_eq!((it.necessity, &it.content, it.revision), (request.necessity, &None, 1));
        assert_eq!((it.tlp(), it.valid, it.embargoed), (Tlp::AmberStrict, true, false));
        let level_2 = Marking { confidentiality: Confidentiality::Level2.into(), restrictions: Vec::new() };
        assert_eq!(it.marking, Some(level_2));
        assert_eq!(at_both(&ppc, &ipa, &it.name).await.content, request.content);

        let it = reader.item(&it.name).await.unwrap();
        let it = reader.acknowledge_item(reader.acknowledging(&it)).await.unwrap();
        assert_eq!(it.acknowledged_revision, 1);
        let it = reader.ask_about_item(reader.asking_about(&it)).await.unwrap();
        let mut feedback = reader.giving_feedback(&it);
        feedback.content = Some(ItemFeedbackGivenContent { comment: "役立った".to_owned() });
        let it = reader.give_feedback(feedback).await.unwrap();
        assert_eq!((it.feedback[0].revision, it.feedback[0].usefulness()), (1, Usefulness::Used));
        at_both(&ppc, &ipa, &it.name).await;

        let it = author.item(&it.name).await.unwrap();
        assert_eq!(it.questions[0].answer, "");
        let it = author.answer_item_question(author.answering_about(&it)).await.unwrap();
        assert!(!it.questions[0].answer.is_empty());
        let it = author.revise_item(author.revising_item(&it)).await.unwrap();
        let seen = at_both(&ppc, &ipa, &it.name).await;
        assert_eq!(
            seen.revisions.iter().map(|it| (it.revision, it.superseded)).collect::<Vec<_>>(),
            [(1, true), (2, false)]
        );
        assert_eq!((seen.revision, seen.acknowledged_revision, seen.case_number.as_str()), (2, 1, case));
        assert_eq!(seen.content.unwrap(), words(kind, "改めた内容", pair.clock.now()));
        // Earlier revisions stay readable, and every word of either side.
        let (here, there) = (ppc.item_entries(&it.name).await.unwrap(), ipa.item_entries(&it.name).await.unwrap());
        assert_eq!(here.len(), 6);
        assert!(here.iter().all(|entry| there.contains(entry) && !entry.refused));
        assert_eq!(here.iter().filter(|entry| entry.content.is_some()).count(), 5, "an acknowledgement has no words");

        let it = author.recall_item(author.recalling(&it)).await.unwrap();
        assert_eq!((it.state(), it.recall_reason()), (State::Recalled, RecallReason::Incorrect));
        assert_eq!((it.recalled_at, it.sealed_at), (Some(stamp(pair.clock.now())), None));
        let seen = at_both(&ppc, &ipa, &it.name).await;
        assert!(seen.sealed_at.is_some() && seen.content.is_some());
        assert_eq!((seen.state(), seen.entries.len()), (State::Recalled, 8));
    }
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
    for acts in [&ppc, &ipa] {
        assert_eq!(acts.verify().await.unwrap().fault, "");
    }
}

#[tokio::test]
async fn case_numbers_have_no_gap_and_begin_anew_with_the_fiscal_year() {
    let pair = Pair::in_process(instant("2027-03-31T23:59:59+09:00").unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let mut publications = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (mut client, request) =
            (ipa.items_as("sharing", Purpose::Policy).unwrap(), ipa.publishing_item(to_the_party()));
        publications.spawn(async move { client.publish_item(request).await.unwrap().into_inner() });
    }
    let mut items = publications.join_all().await;
    items.sort_by(|one, other| one.case_number.cmp(&other.case_number));
    let numbers: Vec<&str> = items.iter().map(|it| it.case_number.as_str()).collect();
    assert_eq!(numbers, (1..=20).map(|n| format!("乙-R08-ITM-{n:04}")).collect::<Vec<_>>());
    pair.clock.advance(SignedDuration::from_secs(1));
    let next = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    assert_eq!(next.case_number, "乙-R09-ITM-0001");
    let revised = ipa.revise_item(ipa.revising_item(&items[0])).await.unwrap();
    assert_eq!((revised.case_number.as_str(), revised.revision), ("乙-R08-ITM-0001", 2));
    for it in items.iter().chain([&next]) {
        at_both(&ppc, &ipa, &it.name).await;
    }
}

#[tokio::test]
async fn a_recalled_item_is_sealed_at_its_receiver_when_the_recall_arrives() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    ppc.ask_about_item(ppc.asking_about(&ppc.item(&it.name).await.unwrap())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    pair.cut_link();
    let it = ipa.recall_item(ipa.recalling(&ipa.item(&it.name).await.unwrap())).await.unwrap();
    let unaware = ppc.item(&it.name).await.unwrap();
    assert!(unaware.content.is_some() && unaware.state() == State::Published);
    pair.clock.advance(SignedDuration::from_hours(1));
    pair.mend_link();
    let seen = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(seen.sealed_at, Some(stamp(pair.clock.now())), "the originator sees when");
    // At the receiver only why it is sealed is readable; the originator keeps its own words and what it was asked.
    let readable = async |acts: &Acts| -> Vec<String> {
        let entries = acts.item_entries(&it.name).await.unwrap();
        assert_eq!(entries.len(), 4);
        entries.into_iter().filter(|entry| entry.content.is_some()).map(|entry| entry.fact_type).collect()
    };
    assert_eq!(readable(&ppc).await, ["item_recalled"]);
    assert_eq!(readable(&ipa).await, ["threat_information_published", "item_question_asked", "item_recalled"]);
    let why = ppc.item_entries(&it.name).await.unwrap().into_iter().find_map(|entry| entry.content).unwrap();
    let item_entry::Content::ItemRecalled(why) = why else { unreachable!() };
    assert_eq!(Some(why), ipa.recalling(&it).content);

    // Neither side writes anything more about it.
    let at_ppc = ppc.item(&it.name).await.unwrap();
    refused(ppc.acknowledge_item(ppc.acknowledging(&at_ppc)).await, Reason::WrongState, "");
    refused(ppc.ask_about_item(ppc.asking_about(&at_ppc)).await, Reason::WrongState, "");
    refused(ppc.give_feedback(ppc.giving_feedback(&at_ppc)).await, Reason::WrongState, "");
    let at_ipa = ipa.item(&it.name).await.unwrap();
    refused(ipa.revise_item(ipa.revising_item(&at_ipa)).await, Reason::WrongState, "");
    refused(ipa.recall_item(ipa.recalling(&at_ipa)).await, Reason::WrongState, "");
    refused(ipa.answer_item_question(ipa.answering_about(&at_ipa)).await, Reason::WrongState, "");
}

pub async fn listed(acts: &Acts, caller: &str, purpose: Purpose) -> Vec<String> {
    let request = ListItemsRequest { parent: "agencies/-".to_owned(), ..ListItemsRequest::default() };
    let items = acts.items_as(caller, purpose).unwrap().list_items(request).await.unwrap().into_inner().items;
    items.into_iter().map(|it| it.name).collect()
}

#[tokio::test]
async fn a_revision_moves_an_item_between_the_lists_of_its_receiver() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let policy = to_units(&["policy"], &[Purpose::Policy, Purpose::Training]);
    let mut it = ipa.publish_item(ipa.publishing_item(policy.clone())).await.unwrap();
    let casework = to_units(&["investigation"], &[Purpose::IncidentResponse]);
    for (revised, tlp, sharing, investigation) in [
        (None, Tlp::Red, true, false),
        (Some(casework), Tlp::Red, false, true),
        (Some(to_the_party()), Tlp::AmberStrict, true, true),
        (Some(policy), Tlp::Red, true, false),
    ] {
        if let Some(scope) = revised {
            let mut request = ipa.revising_item(&it);
            request.terms = Some(terms_for(scope));
            it = ipa.revise_item(request).await.unwrap();
        }
        settle(&ppc, &ipa).await.unwrap();
        assert_eq!(it.tlp(), tlp);
        let name = [it.name.clone()];
        assert_eq!(listed(&ppc, "sharing", Purpose::Policy).await == name, sharing, "{:?}", it.terms);
        assert_eq!(listed(&ppc, "casework", Purpose::IncidentResponse).await == name, investigation, "{:?}", it.terms);
        assert_eq!(listed(&ppc, "sharing", Purpose::Statistics).await == name, tlp == Tlp::AmberStrict);
        assert_eq!(listed(&ipa, "casework", Purpose::Statistics).await, name, "its originator is not bound");
    }
}

#[tokio::test]
async fn a_marking_is_only_raised_by_the_receiver() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let marking = |level: Confidentiality, restrictions: &[Restriction]| {
        let restrictions = restrictions.iter().map(|it| (*it).into()).collect();
        Some(Marking { confidentiality: level.into(), restrictions })
    };
    use Confidentiality::{Level1, Level2};
    use Restriction::{NoCopy, NoDistribution, NoForward, NoPrint, NoTakingOut, Return};
    let mut request = ipa.publishing_item(to_the_party());
    request.terms.as_mut().unwrap().marking = marking(Level1, &[Return, NoCopy]);
    let it = ipa.publish_item(request).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let acknowledge = async |marking: Option<Marking>| {
        let it = ppc.item(&it.name).await.unwrap();
        let mut request = ppc.acknowledging(&it);
        request.marking = marking;
        ppc.acknowledge_item(request).await
    };
    refused(acknowledge(marking(Level1, &[NoCopy])).await, Reason::FieldInvalid, "marking");
    refused(acknowledge(marking(Level2, &[NoPrint])).await, Reason::FieldInvalid, "marking");
    refused(
        acknowledge(marking(Confidentiality::Unspecified, &[])).await,
        Reason::FieldInvalid,
        "marking.confidentiality",
    );
    acknowledge(None).await.unwrap();
    refused(acknowledge(None).await, Reason::WrongState, "");
    // The same marking in another order raises nothing.
    refused(acknowledge(marking(Level1, &[NoCopy, Return])).await, Reason::WrongState, "");
    let raised = acknowledge(marking(Level2, &[NoTakingOut, Return, NoPrint, NoCopy])).await.unwrap();
    assert_eq!(raised.marking, marking(Level2, &[NoCopy, NoPrint, Return, NoTakingOut]));
    let all = [NoCopy, NoForward, NoPrint, Return, NoDistribution, NoTakingOut];
    refused(acknowledge(marking(Level2, &all[..5])).await, Reason::FieldInvalid, "marking");
    let raised = acknowledge(marking(Level2, &all)).await.unwrap();
    assert_eq!(raised.marking, marking(Level2, &all));
    refused(acknowledge(marking(Level1, &[NoCopy, NoPrint, Return])).await, Reason::FieldInvalid, "marking");
    let seen = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!(
        (seen.marking, seen.terms.clone().unwrap().marking),
        (raised.marking.clone(), it.terms.unwrap().marking)
    );
    // A revision of the originator lowers nothing at the receiver.
    let mut request = ipa.revising_item(&ipa.item(&it.name).await.unwrap());
    request.terms.as_mut().unwrap().marking = marking(Level1, &[]);
    ipa.revise_item(request).await.unwrap();
    assert_eq!(at_both(&ppc, &ipa, &it.name).await.marking, raised.marking);
}

/// A clerk corrects a misprint and names nothing but the words.
#[tokio::test]
async fn a_revision_keeps_unnamed_terms_and_removes_the_listed_ones() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let after = |hours| Some(stamp(pair.clock.now() + SignedDuration::from_hours(hours)));
    let restrictions = vec![Restriction::NoCopy.into(), Restriction::NoForward.into()];
    let level2 = |restrictions| Some(Marking { confidentiality: Confidentiality::Level2.into(), restrictions });
    let plan = |hours| Some(PublicationPlan { embargo_until: after(hours), publisher: Agency::Ipa.into() });
    let narrow = || Some(to_units(&["policy"], &[Purpose::Policy]));
    let (scope, marking) = (narrow(), level2(restrictions));
    let terms = ItemTerms { scope, marking, valid_from: after(1), valid_until: after(9), plan: plan(5) };
    for author in [&ppc, &ipa] {
        let request = PublishItemRequest {
            terms: Some(terms.clone()),
            necessity: necessity_of(author).into(),
            ..author.publishing_item(to_the_party())
        };
        let mut it = author.publish_item(request).await.unwrap();
        let mut expected = terms.clone();
        let named = |named: ItemTerms| (Some(named), Vec::new());
        let cleared = |terms: &[ItemTerm]| (None, terms.iter().map(|it| (*it).into()).collect());
        let silent = ItemTerms::default;
        // A revision names and clears fields, and each has its effect.
        type Step = ((Option<ItemTerms>, Vec<i32>), fn(&mut ItemTerms));
        let steps: [Step; 8] = [
            ((None, Vec::new()), |_| ()),
            (named(silent()), |_| ()),
            (named(ItemTerms { marking: level2(Vec::new()), ..silent() }), |it| {
                it.marking.as_mut().unwrap().restrictions.clear();
            }),
            (named(ItemTerms { scope: Some(to_the_party()), ..silent() }), |it| it.scope = Some(to_the_party())),
            (cleared(&[ItemTerm::ValidFrom]), |it| it.valid_from = None),
            (cleared(&[ItemTerm::ValidUntil]), |it| it.valid_until = None),
            (cleared(&[ItemTerm::Plan]), |it| it.plan = None),
            (cleared(&[ItemTerm::Plan, ItemTerm::ValidFrom]), |_| ()),
        ];
        for (revision, ((terms, cleared), change)) in (2..).zip(steps) {
            let necessity = Necessity::Unspecified.into();
            let request = ReviseItemRequest { terms, cleared, necessity, ..author.revising_item(&it) };
            it = author.revise_item(request).await.unwrap();
            change(&mut expected);
            assert_eq!((it.revision, it.terms.as_ref()), (revision, Some(&expected)));
            assert_eq!((it.necessity(), it.embargoed), (necessity_of(author), expected.plan.is_some()));
        }
        let seen = at_both(&ppc, &ipa, &it.name).await;
        assert_eq!((seen.terms, seen.marking), (Some(expected.clone()), expected.marking));
    }
}

/// Why the item of the test above is necessary.
fn necessity_of(author: &Acts) -> Necessity {
    if author.agency == Agency::Ppc { Necessity::Contain } else { Necessity::Unspecified }
}

#[tokio::test]
async fn lists_are_paged_newest_first_by_originator() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let mut names = Vec::new();
    for _ in 0..3 {
        for acts in [&ppc, &ipa] {
            names.push(acts.publish_item(acts.publishing_item(to_the_party())).await.unwrap().name);
            settle(&ppc, &ipa).await.unwrap();
        }
    }
    names.reverse();
    let list = |parent: &str, page_size, page_token: &str| ListItemsRequest {
        parent: parent.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    for acts in [&ppc, &ipa] {
        for (parent, opener) in
            [("agencies/-", "agencies/"), ("agencies/ppc", "agencies/ppc/"), ("agencies/ipa", "agencies/ipa/")]
        {
            let expected: Vec<&String> = names.iter().filter(|name| name.starts_with(opener)).collect();
            let (mut found, mut token) = (Vec::new(), String::new());
            loop {
                let page = acts.list_items(list(parent, 2, &token)).await.unwrap();
                assert!(page.items.iter().all(|it| it.content.is_none()) && !page.as_of.is_empty());
                assert_eq!(page.items.len(), 2.min(expected.len() - found.len()));
                found.extend(page.items.into_iter().map(|it| it.name));
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        }
        let token = acts.list_items(list("agencies/-", 2, "")).await.unwrap().next_page_token;
        refused(acts.list_items(list("agencies/ppc", 2, &token)).await, Reason::PageTokenInvalid, "page_token");
        refused(acts.list_items(list("agencies/", 2, "")).await, Reason::FieldInvalid, "parent");
        refused(acts.list_items(list("agencies/-", 501, "")).await, Reason::FieldInvalid, "page_size");
        let entries = |page_token: &str| {
            let (parent, page_token) = (names[0].clone(), page_token.to_owned());
            ListItemEntriesRequest { parent, page_size: 1, page_token }
        };
        assert_eq!(acts.list_item_entries(entries("")).await.unwrap().next_page_token, "");
        refused(acts.list_item_entries(entries(&token)).await, Reason::PageTokenInvalid, "page_token");
    }
}

/// The acts of the originator on an item about which there is a question, and those of the receiver.
const ORIGINATORS: [&str; 3] = ["revise", "recall", "answer"];
const RECEIVERS: [&str; 3] = ["acknowledge", "ask", "feedback"];

async fn act(acts: &Acts, name: &str, what: &str) -> Answer<Item> {
    let it = &acts.item(name).await?;
    match what {
        "revise" => acts.revise_item(acts.revising_item(it)).await,
        "recall" => acts.recall_item(acts.recalling(it)).await,
        "answer" => acts.answer_item_question(acts.answering_about(it)).await,
        "acknowledge" => acts.acknowledge_item(acts.acknowledging(it)).await,
        "ask" => acts.ask_about_item(acts.asking_about(it)).await,
        _ => acts.give_feedback(acts.giving_feedback(it)).await,
    }
}

/// With the link cut each side stores its own act first and the other's later, so both orders of arrival occur.
#[tokio::test]
async fn every_pair_of_acts_while_the_link_is_down_ends_with_equal_pages() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let mut cases = Vec::new();
    for (author, reader) in [(&ppc, &ipa), (&ipa, &ppc)] {
        for first in ORIGINATORS {
            for second in RECEIVERS {
                // A further act of each side follows the pair, one that its own page allows.
                let it = author.publish_item(author.publishing_item(to_the_party())).await.unwrap();
                cases.push((author, reader, it.name, first, second));
            }
        }
    }
    settle(&ppc, &ipa).await.unwrap();
    for (_, reader, name, ..) in &cases {
        act(reader, name, "ask").await.unwrap();
    }
    settle(&ppc, &ipa).await.unwrap();
    pair.cut_link();
    for (author, reader, name, first, second) in &cases {
        act(author, name, first).await.unwrap();
        act(reader, name, second).await.unwrap();
        // The other's act is not known yet, so what it would forbid still goes.
        act(reader, name, "ask").await.unwrap();
        if *first != "recall" {
            act(author, name, "recall").await.unwrap();
        }
    }
    pair.mend_link();
    for (author, _, name, first, second) in &cases {
        let seen = at_both(&ppc, &ipa, name).await;
        let what = format!("{first} of {} beside {second}", author.agency.id());
        assert_eq!((seen.state(), seen.sealed_at.is_some()), (State::Recalled, true), "{what}");
        assert_eq!(seen.revision, if *first == "revise" { 2 } else { 1 }, "{what}");
        assert_eq!(seen.acknowledged_revision, u32::from(*second == "acknowledge"), "{what}");
        assert_eq!(seen.questions.len(), if *second == "ask" { 3 } else { 2 }, "{what}");
        assert_eq!(!seen.questions[0].answer.is_empty(), *first == "answer", "{what}");
        assert_eq!(seen.feedback.len(), usize::from(*second == "feedback"), "{what}");
    }
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}
