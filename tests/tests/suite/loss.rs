//! The consequences of a lost database: numbers are not given out twice, a barred official stays barred, and a hole at
//! the end of a journal is fetched back before anything follows it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use prost::Message as _;
use renkei_proto::{
    advice::v1::ListAdviceRequestsRequest,
    journal::v1::{BarReason, Header},
    link::v1::{EntryBatch, frame::Kind},
    options::v1::Reason,
    sharing::v1::ListItemsRequest,
    r#type::v1::Agency,
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, same_journals, settle, to_the_party},
    database,
    operator::{confirm_barred, end_recovery},
    pair::Pair,
    peer::{against, header, signed_header},
    scenario::start,
};

async fn case_numbers(acts: &Acts) -> Vec<String> {
    let items = ListItemsRequest { parent: "agencies/-".to_owned(), ..ListItemsRequest::default() };
    let items = acts.list_items(items).await.unwrap().items.into_iter().map(|it| it.case_number);
    let requests = acts.list_advice_requests(ListAdviceRequestsRequest::default()).await.unwrap().advice_requests;
    items.chain(requests.into_iter().map(|it| it.case_number)).collect()
}

#[tokio::test]
async fn a_restored_side_gives_no_case_number_out_twice() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let copy = pair.setup.file(Agency::Ppc, "copy.db");
    pair.stop(Agency::Ppc).await.unwrap();
    database::copy(&pair.setup, Agency::Ppc, &copy).unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    let asked = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let shared = ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();

    pair.cut_link();
    pair.stop(Agency::Ppc).await.unwrap();
    database::put_back(&pair.setup, Agency::Ppc, &copy).unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    let asked_again = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let shared_again = ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
    assert_eq!(
        (&asked_again.case_number, &shared_again.case_number),
        (&asked.case_number, &shared.case_number),
        "the numbers that the peer has are not known yet"
    );
    pair.mend_link();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
    let store = pair.ppc.store().unwrap();
    let aside: Vec<_> = store.aside().await.unwrap().into_iter().map(|it| (it.matter, it.reason)).collect();
    let refused = Reason::AlreadyExists.id().to_owned();
    assert_eq!(aside, [(asked_again.name, refused.clone()), (shared_again.name, refused)], "an official looks at them");
    let next = ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
    assert!(next.case_number.ends_with("ITM-0003"), "{}", next.case_number);
    settle(&ppc, &ipa).await.unwrap();
    for acts in [&ppc, &ipa] {
        let numbers = case_numbers(acts).await;
        let once: BTreeSet<&String> = numbers.iter().collect();
        assert_eq!((numbers.len(), once.len()), (5, 5), "{numbers:?}");
    }
}

#[tokio::test]
async fn a_barred_official_stays_barred_after_a_restore_with_the_peer_away() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let copy = pair.setup.file(Agency::Ppc, "copy.db");
    match database::engine_of(&pair.setup) {
        database::Engine::Sqlite => pair.ppc.store().unwrap().backup(&copy).await.unwrap(),
        database::Engine::Postgres => database::copy(&pair.setup, Agency::Ppc, &copy).unwrap(),
    }
    ppc.bar("suzuki").await.unwrap();
    pair.cut_link();
    pair.stop(Agency::Ppc).await.unwrap();
    database::replace(&pair.setup, Agency::Ppc, &copy).unwrap();
    pair.start(Agency::Ppc).await.unwrap();

    let item = ppc.publishing_item(to_the_party());
    refused(ppc.publish_item(item.clone()).await, Reason::Recovering, "");
    refused(ppc.item("agencies/ipa/items/0190a5f0-0000-7000-8000-000000000001").await, Reason::Recovering, "");
    refused(ppc.bar("sato").await, Reason::Recovering, "");

    confirm_barred(&pair, Agency::Ppc, &["suzuki"]).await.unwrap();
    let again = confirm_barred(&pair, Agency::Ppc, &["suzuki"]).await.unwrap_err();
    assert!(again.to_string().contains("no loss waits"), "{again}");
    let barred = ppc.barred().await.unwrap();
    assert_eq!(barred.iter().map(|it| it.reason()).collect::<Vec<_>>(), [BarReason::Confirmed]);
    assert!(barred[0].name.ends_with("/suzuki"));
    ppc.publish_item(item).await.unwrap();
    pair.mend_link();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn the_list_of_barred_officials_is_confirmed_whole_or_not_at_all() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, _) = both(&pair).unwrap();
    ppc.bar("suzuki").await.unwrap();
    ppc.bar("sato").await.unwrap();
    let copy = pair.setup.file(Agency::Ppc, "copy.db");
    match database::engine_of(&pair.setup) {
        database::Engine::Sqlite => pair.ppc.store().unwrap().backup(&copy).await.unwrap(),
        database::Engine::Postgres => database::copy(&pair.setup, Agency::Ppc, &copy).unwrap(),
    }
    pair.stop(Agency::Ppc).await.unwrap();
    database::replace(&pair.setup, Agency::Ppc, &copy).unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    let missing = confirm_barred(&pair, Agency::Ppc, &["suzuki"]).await.unwrap_err();
    assert!(missing.to_string().contains("sato is barred"), "{missing}");
    let nobody = confirm_barred(&pair, Agency::Ppc, &["suzuki", "sato", "no id"]).await.unwrap_err();
    assert!(nobody.to_string().contains("is not the id of an official"), "{nobody}");
    refused(ppc.publish_item(ppc.publishing_item(to_the_party())).await, Reason::Recovering, "");
    confirm_barred(&pair, Agency::Ppc, &["suzuki", "sato"]).await.unwrap();
    assert_eq!(ppc.barred().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_lost_last_entry_is_fetched_back_before_anything_follows_it() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let item = ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let head = ppc.link().await.unwrap().own_seq;
    pair.cut_link();
    pair.stop(Agency::Ppc).await.unwrap();
    database::behind_its_back(
        &pair.setup,
        Agency::Ppc,
        &format!("DELETE FROM entry WHERE journal = 'ppc' AND seq = {head}"),
    )
    .unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    assert!(ppc.link().await.unwrap().recovering);
    refused(ppc.publish_item(ppc.publishing_item(to_the_party())).await, Reason::Recovering, "");

    pair.mend_link();
    ppc.until_link("the end of the recovery", |link| !link.recovering).await.unwrap();
    assert_eq!(ppc.item(&item.name).await.unwrap().case_number, item.case_number);
    ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
    let link = ppc.link().await.unwrap();
    assert_eq!((link.stopped_by_peer_at_seq, link.stopped_at_seq), (0, 0));
}

#[tokio::test]
async fn a_lost_end_of_the_peers_journal_is_fetched_again() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let item = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    ppc.acknowledge_item(ppc.acknowledging(&ppc.item(&item.name).await.unwrap())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let head = ppc.link().await.unwrap().peer_seq;
    pair.stop(Agency::Ppc).await.unwrap();
    let lost = format!("DELETE FROM entry WHERE journal = 'ipa' AND seq = {head}");
    database::behind_its_back(&pair.setup, Agency::Ppc, &lost).unwrap();
    pair.cut_link();
    pair.start(Agency::Ppc).await.unwrap();
    let link = ppc.link().await.unwrap();
    assert_eq!((link.peer_seq, link.recovering), (head - 1, true), "own entries have seen what is missing");
    refused(ppc.publish_item(ppc.publishing_item(to_the_party())).await, Reason::Recovering, "");
    pair.mend_link();
    ppc.until_link("the end of the recovery", |link| !link.recovering).await.unwrap();
    ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_recovery_that_cannot_end_is_ended_by_an_operator() {
    let (pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    ppc.publish(ppc.publishing("one")).await.unwrap();
    session.received(2).await.unwrap();
    session.sign(&mut peer).await;
    ppc.until_link("the receipt", |link| link.backlog == 0).await.unwrap();
    for id in ["two", "three", "four"] {
        ppc.publish(ppc.publishing(id)).await.unwrap();
    }
    session.received(5).await.unwrap();
    let entries = session.entries.clone();
    // PPC loses what has no receipt. The peer shows that it has it, and gives one entry back.
    drop(session);
    let store = pair.ppc.store().unwrap();
    let lost = renkei_journal::Head { seq: 5, hash: [7; 32] };
    store.rewind(lost, &pair.clock.source([7; 32]).moment()).await.unwrap();
    peer.held = Some(signed_header(&entries[4]));
    let mut session = peer.dial().await.unwrap();
    assert_eq!(session.ask().await.unwrap().from_seq, 3);
    session.say(Kind::Entries(EntryBatch { journal: Agency::Ppc.into(), entries: entries[2..3].to_vec() })).await;
    ppc.until_link("what is back", |link| link.own_seq == 3).await.unwrap();
    drop(session);

    // Then the peer loses its database as well, and has no more than PPC.
    peer.held = Some(signed_header(&entries[2]));
    let mut session = peer.dial().await.unwrap();
    assert_eq!(session.ask().await.unwrap().from_seq, 4, "nobody can answer this any more");
    refused(ppc.publish(ppc.publishing("new")).await, Reason::Recovering, "");
    end_recovery(&pair, Agency::Ppc).await.unwrap();
    let again = end_recovery(&pair, Agency::Ppc).await.unwrap_err();
    assert!(again.to_string().contains("no recovery is under way"), "{again}");

    confirm_barred(&pair, Agency::Ppc, &[]).await.unwrap();
    assert!(!ppc.link().await.unwrap().recovering);
    // The facts that were set aside were judged again and kept their ids.
    for id in ["three", "four"] {
        assert_eq!(ppc.scheme(&ppc.scheme_name(id)).await.unwrap().version, 1, "{id}");
    }
    ppc.publish(ppc.publishing("new")).await.unwrap();
    session.entries.clear();
    session.received(7).await.unwrap();
    let reopened: Vec<Header> = session.entries.iter().map(header).collect();
    assert_eq!((reopened[0].seq, reopened[0].incarnation, reopened[0].fact_type.as_str()), (4, 2, "journal_reopened"));
    let ids: BTreeSet<String> = reopened.into_iter().map(|header| header.entry_id).collect();
    let aside = [&entries[3], &entries[4]].map(|entry| Header::decode(entry.header.as_slice()).unwrap().entry_id);
    assert!(aside.iter().all(|id| ids.contains(id)), "what the peer had not kept is there again");
}
