//! Delivery of the journals: whatever happens to the link or to either side, everything arrives once and in order.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use renkei_book::{CallOrigin, Resume};
use renkei_client::Watch;
use renkei_domain::moment::stamp;
use renkei_proto::{
    advice::v1::{AdviceAccepted, advice_request},
    evidence::v1::DeliveryLevel,
    journal::v1::fact,
    link::v1::{frame::Kind, link_status::State},
    options::v1::Reason,
    sharing::v1::{ItemAcknowledged, item},
    r#type::v1::{Agency, Finding},
    watch::v1::event::Change,
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, same_journals, settle, to_the_party},
    database,
    pair::Pair,
    peer::against,
    scenario::{instant, start},
    setup::{AGENCIES, Choice},
};

/// Issues referrals one after the other.
async fn issue(acts: &Acts, count: usize) {
    for _ in 0..count {
        acts.issue(acts.issuing()).await.unwrap();
    }
}

/// Waits until a number of further entries are on pages of a desk.
async fn entries(feed: &mut Watch, count: usize) {
    let mut left = count;
    while left > 0 {
        let event = feed.event().await.unwrap();
        left -= usize::from(matches!(event.change, Some(Change::EntryApplied(_))));
    }
}

#[tokio::test]
async fn a_link_that_is_cut_in_the_middle_of_a_stream_loses_and_reorders_nothing() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let mut feed = ppc.watch("", "").await.unwrap();
    let cutting = async {
        for _ in 0..3 {
            entries(&mut feed, 30).await;
            pair.cut_link();
            entries(&mut feed, 30).await;
            pair.mend_link();
        }
    };
    let quarters = [(); 4].map(|()| issue(&ppc, 60));
    tokio::join!(futures::future::join_all(quarters), issue(&ipa, 100), cutting);
    settle(&ppc, &ipa).await.unwrap();
    // Both schemes, the kinds spoken, and the referrals.
    let held = (ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq);
    assert_eq!(held, (243, 103));
    assert_eq!((ipa.link().await.unwrap().peer_seq, ppc.link().await.unwrap().peer_seq), held);
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_side_that_starts_again_in_the_middle_of_a_stream_goes_on_where_it_was() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    for agency in AGENCIES {
        let mut feed = ppc.watch("", "").await.unwrap();
        let restarting = async {
            entries(&mut feed, 20).await;
            pair.stop(agency).await.unwrap();
            pair.start(agency).await.unwrap();
        };
        tokio::join!(issue(&ppc, 30), issue(&ipa, 30), restarting);
    }
    settle(&ppc, &ipa).await.unwrap();
    // A call that nobody answered was repeated under its request id, and written once.
    assert_eq!((ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq), (63, 63));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_peer_that_is_away_for_days_gets_everything_when_it_is_back() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let held = ppc.link().await.unwrap().own_seq;
    pair.stop(Agency::Ipa).await.unwrap();
    let link = ppc.until_link("no link", |link| link.state() == State::Waiting).await.unwrap();
    assert_eq!((link.backlog, link.oldest_waiting), (0, None));
    let mut waiting = Vec::new();
    for day in 25..=30 {
        pair.set_clock(instant(&format!("2026-11-{day}T09:00:00+09:00")).unwrap()).unwrap();
        waiting.push(ppc.issued(ppc.issuing()).await.unwrap());
    }
    let link = ppc.link().await.unwrap();
    assert_eq!((link.backlog, link.own_seq, link.own_receipted_seq), (6, held + 6, held));
    assert_eq!(link.oldest_waiting, waiting[0].issued_at);
    let address = pair.ipa.link_wire.address().to_string();
    ppc.ask_link("why nobody answers", |link| link.cause.starts_with(&address)).await.unwrap();

    pair.set_clock(instant("2026-12-01T09:00:00+09:00").unwrap()).unwrap();
    pair.start(Agency::Ipa).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    for referral in waiting {
        let entry =
            ipa.entry(Agency::Ppc, referral.entries[0].rsplit('/').next().unwrap().parse().unwrap()).await.unwrap();
        assert_eq!((entry.written_at, entry.arrived_at), (referral.issued_at, Some(stamp(pair.clock.now()))));
    }
    let link = ppc.until_link("a link", |link| link.state() == State::Connected).await.unwrap();
    assert_eq!((link.backlog, link.oldest_waiting, link.cause.as_str()), (0, None, ""));
    assert_eq!(link.last_receipt_at, Some(stamp(pair.clock.now())));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_lost_receipt_is_made_up_for_and_nothing_is_accepted_twice() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    // PPC's entries still arrive at IPA, and nothing comes back.
    pair.ipa.link_wire.hear(false);
    let issued = ppc.issued(ppc.issuing()).await.unwrap();
    let seq = ppc.link().await.unwrap().own_seq;
    ipa.until_link("PPC's entry", |link| link.peer_seq == seq).await.unwrap();
    assert_eq!(ipa.referral(&issued.name).await.unwrap().case_number, issued.case_number);
    assert_eq!(ppc.link().await.unwrap().backlog, 1);
    assert_eq!(ppc.entry(Agency::Ppc, seq).await.unwrap().delivery.unwrap().level(), DeliveryLevel::Written);
    let before = ipa.link().await.unwrap();

    pair.cut_link();
    pair.ipa.link_wire.hear(true);
    pair.mend_link();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ppc.entry(Agency::Ppc, seq).await.unwrap().delivery.unwrap().level(), DeliveryLevel::Recorded);
    let after = ipa.link().await.unwrap();
    assert_eq!((after.own_seq, after.peer_seq, after.stopped_at_seq), (before.own_seq, before.peer_seq, 0));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn one_side_may_do_all_the_dialling() {
    for dialled in AGENCIES {
        let choice = Choice { dialled_only: Some(dialled), ..Choice::default() };
        let pair = Pair::in_process_with(start().unwrap(), 1, choice).await.unwrap();
        let (ppc, ipa) = both(&pair).unwrap();
        publish_all(&ppc, &ipa).await.unwrap();
        for acts in [&ppc, &ipa] {
            acts.until_link("a link", |link| link.state() == State::Connected).await.unwrap();
        }
        pair.cut_link();
        for acts in [&ppc, &ipa] {
            let link = acts.until_link("no link", |link| link.state() == State::Waiting).await.unwrap();
            assert!(!link.cause.is_empty());
        }
        tokio::join!(issue(&ppc, 10), issue(&ipa, 10));
        assert_eq!((ppc.link().await.unwrap().backlog, ipa.link().await.unwrap().backlog), (10, 10));
        pair.mend_link();
        settle(&ppc, &ipa).await.unwrap();
        assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
    }
}

/// Starts PPC again with another key for IPA's journal; gives the configuration with the right one.
async fn distrust(pair: &mut Pair, id: &str, key: [u8; 32]) -> String {
    let row = |id: &str, key| format!("id = \"{id}\"\npublic_key = \"{}\"", BASE64_STANDARD.encode(key));
    let right = pair.ppc.config().to_owned();
    let wrong = right.replace(&row("ipa-1", pair.setup.public_keys["ipa"]), &row(id, key));
    assert_ne!(right, wrong);
    pair.ppc.set_config(wrong);
    pair.stop(Agency::Ppc).await.unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    right
}

#[tokio::test]
async fn a_signature_that_does_not_verify_is_loud_on_both_sides_and_heals_with_the_right_key() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let held = ppc.link().await.unwrap().peer_seq;
    let another = pair.setup.public_keys["ppc"];
    let right = distrust(&mut pair, "ipa-1", another).await;
    ipa.issue(ipa.issuing()).await.unwrap();
    let link = ipa.ask_link("word of the stop", |link| link.stopped_by_peer_at_seq != 0).await.unwrap();
    assert_eq!((link.stopped_by_peer_at_seq, link.stopped_by_peer_reason()), (held + 1, Reason::BadSignature));
    let link = ppc.link().await.unwrap();
    assert_eq!((link.peer_seq, link.stopped_at_seq), (held, 0), "nobody has signed what would stop the journal");
    assert!(pair.ppc.log().contains("came without the signature of its author"));

    pair.ppc.set_config(right);
    pair.stop(Agency::Ppc).await.unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let (ppc_link, ipa_link) = (ppc.link().await.unwrap(), ipa.link().await.unwrap());
    assert_eq!((ppc_link.peer_seq, ppc_link.stopped_at_seq), (held + 1, 0));
    assert_eq!((ipa_link.stopped_by_peer_at_seq, ipa_link.stopped_by_peer_reason()), (0, Reason::Unspecified));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_stop_is_lifted_beside_the_running_service_and_skips_no_number() {
    let (pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    let before = peer.place.clone();
    let right = peer.publication("virus").unwrap();
    let broken = peer.lie(&right, |header| header.prev_hash[0] ^= 1);
    for _ in 0..2 {
        session.send(std::slice::from_ref(&broken)).await;
    }
    assert_eq!(session.stop().await.unwrap().reason(), Reason::ChainBroken);
    let store = database::open(&pair.setup, Agency::Ppc).await.unwrap();
    let resume = |from_seq| Resume { from_seq, reason: "the peer has mended its database".to_owned() };
    let source = pair.clock.source([8; 32]);
    for from in [0, 2] {
        let skipped = store.write("resume", CallOrigin::own("resume"), source.moment(), resume(from)).await;
        assert!(skipped.unwrap_err().to_string().contains("no number is skipped"));
    }
    assert_eq!(ppc.link().await.unwrap().stopped_at_seq, 1);
    // As the command line does it.
    store.write("resume", CallOrigin::own("resume"), source.moment(), resume(1)).await.unwrap();
    store.close().await;
    assert_eq!(
        session.until(|kind| if let Kind::Ask(ask) = kind { Some(ask.from_seq) } else { None }).await.unwrap(),
        1
    );
    peer.place = before;
    session.send(&[right]).await;
    session.receipted(1).await.unwrap();
    assert_eq!(ppc.link().await.unwrap().stopped_at_seq, 0);
}

#[tokio::test]
async fn an_unknown_key_delays_the_journal_until_it_is_known() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let held = ppc.link().await.unwrap().peer_seq;
    let another = pair.setup.public_keys["ipa"];
    let right = distrust(&mut pair, "ipa-2", another).await;
    ipa.issue(ipa.issuing()).await.unwrap();
    // PPC asks again, then ends the session. IPA dials anew, with growing pauses.
    ipa.ask_link("the end of a session", |link| link.cause.contains("closed the session")).await.unwrap();
    let link = ppc.link().await.unwrap();
    assert_eq!((link.peer_seq, link.stopped_at_seq), (held, 0));

    pair.ppc.set_config(right);
    pair.stop(Agency::Ppc).await.unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ppc.link().await.unwrap().peer_seq, held + 1);
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn an_unknown_kind_stops_the_journal_which_goes_on_by_itself_after_the_upgrade() {
    let failures = "kinds_unspoken = [\"judgement_revised\"]".to_owned();
    let choice = Choice { sandbox: BTreeMap::from([("ipa", failures.clone())]), ..Choice::default() };
    let mut pair = Pair::in_process_with(start().unwrap(), 1, choice).await.unwrap();
    let older = pair.ipa.config().to_owned();
    let upgraded = older.replace(&failures, "");
    assert_ne!(older, upgraded);
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let issued = ppc.issued(ppc.issuing()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    // PPC writes no kind that IPA does not speak.
    let before = ppc.link().await.unwrap().own_seq;
    refused(ppc.revise(ppc.revising(&issued, Finding::Suspected)).await, Reason::WrongState, "");
    assert_eq!(ppc.link().await.unwrap().own_seq, before);

    // IPA is upgraded and falls back while the link is cut, so PPC does not know.
    restart_ipa(&mut pair, &upgraded).await;
    settle(&ppc, &ipa).await.unwrap();
    pair.cut_link();
    restart_ipa(&mut pair, &older).await;
    let revised = ppc.revise(ppc.revising(&issued, Finding::Suspected)).await.unwrap();
    issue(&ppc, 2).await;
    pair.mend_link();
    let link = ipa.until_link("a stop", |link| link.stopped_at_seq != 0).await.unwrap();
    assert_eq!((link.stopped_at_seq, link.stopped_reason()), (before + 1, Reason::NotUnderstood));
    let link = ppc.ask_link("word of the stop", |link| link.stopped_by_peer_at_seq != 0).await.unwrap();
    assert_eq!((link.stopped_by_peer_at_seq, link.stopped_by_peer_reason()), (before + 1, Reason::NotUnderstood));
    // IPA's own journal goes on meanwhile.
    let of_ipa = ipa.issued(ipa.issuing()).await.unwrap();
    ipa.until_link("a receipt", |link| link.backlog == 0).await.unwrap();
    assert_eq!(ppc.referral(&of_ipa.name).await.unwrap().case_number, of_ipa.case_number);

    restart_ipa(&mut pair, &upgraded).await;
    settle(&ppc, &ipa).await.unwrap();
    let (ppc_link, ipa_link) = (ppc.link().await.unwrap(), ipa.link().await.unwrap());
    assert_eq!((ipa_link.stopped_at_seq, ppc_link.stopped_by_peer_at_seq), (0, 0));
    assert_eq!(ipa.referral(&revised.name).await.unwrap().judgement_revision, 2);
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

async fn restart_ipa(pair: &mut Pair, config: &str) {
    pair.ipa.set_config(config.to_owned());
    pair.stop(Agency::Ipa).await.unwrap();
    pair.start(Agency::Ipa).await.unwrap();
}

#[tokio::test]
async fn advice_and_items_that_come_late_or_twice_count_once_and_are_not_refused() {
    let (pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    let asked = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let item = ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
    session.received(3).await.unwrap();
    session.sign(&mut peer).await;
    // Written before the peer saw that PPC had withdrawn the one and recalled the other.
    let accepted = AdviceAccepted { unit: "analysis".to_owned(), planned_on: "2026-11-24".to_owned() };
    let accepted = peer.entry(&asked.name, fact::Fact::AdviceAccepted(accepted), None, 2).unwrap();
    let acknowledged = ItemAcknowledged { revision: 1, marking: None };
    let acknowledged = peer.entry(&item.name, fact::Fact::ItemAcknowledged(acknowledged), None, 3).unwrap();
    ppc.withdraw_advice_request(ppc.withdrawing_advice(&asked)).await.unwrap();
    ppc.recall_item(ppc.recalling(&item)).await.unwrap();
    pair.set_clock(instant("2027-04-01T09:00:00+09:00").unwrap()).unwrap();
    let own_seq = ppc.link().await.unwrap().own_seq;

    let (one, two) = (accepted, acknowledged);
    session.send(&[one.clone(), one.clone(), two.clone()]).await;
    session.receipted(2).await.unwrap();
    let seen = async || {
        let (asked, item) = (ppc.advice_request(&asked.name).await.unwrap(), ppc.item(&item.name).await.unwrap());
        let entries = ppc.advice_entries(&asked.name).await.unwrap();
        (asked, item, entries)
    };
    let before = seen().await;
    assert_eq!((before.0.state(), before.0.unit.as_str()), (advice_request::State::Withdrawn, "analysis"));
    assert_eq!((before.1.state(), before.1.acknowledged_revision), (item::State::Recalled, 1));
    for again in [vec![one.clone()], vec![two.clone()], vec![two, one]] {
        session.send(&again).await;
        assert_eq!(session.receipted(2).await.unwrap().up_to_seq, 2);
    }
    assert_eq!(seen().await, before);
    let link = ppc.link().await.unwrap();
    assert_eq!((link.own_seq, link.peer_seq, link.stopped_at_seq), (own_seq, 2, 0), "nothing is refused");
}
