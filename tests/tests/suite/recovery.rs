//! Recovery of a side whose database was restored from an older copy: noticed at the first hello, fetched back, and
//! what was written since judged again under its own ids.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use prost::Message as _;
use renkei_domain::page::Journal;
use renkei_proto::{
    journal::v1::{Entry, Fact, fact},
    link::v1::{EntryBatch, frame::Kind},
    options::v1::Reason,
    referral::v1::{IssueReferralRequest, Referral, referral::State},
    r#type::v1::{Agency, Finding},
};
use renkei_store::Store;
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, same_journals, settle, to_the_party},
    database::{self, Engine},
    operator::confirm_barred,
    pair::Pair,
    peer::{against, header, signed_header},
    scenario::start,
    setup::AGENCIES,
};

/// Copies the database of a side while it runs: by the service, or with the server's own tools.
async fn back_up(pair: &Pair, agency: Agency) -> String {
    let copy = pair.setup.file(agency, "copy.db");
    match database::engine_of(&pair.setup) {
        Engine::Sqlite => pair.side(agency).store().unwrap().backup(&copy).await.unwrap(),
        Engine::Postgres => database::copy(&pair.setup, agency, &copy).unwrap(),
    }
    copy
}

/// Puts a copy in place of a side's database. An operator confirms that nobody is barred.
async fn restore(pair: &mut Pair, agency: Agency, copy: &str) {
    pair.stop(agency).await.unwrap();
    database::replace(&pair.setup, agency, copy).unwrap();
    pair.start(agency).await.unwrap();
    confirm_barred(pair, agency, &[]).await.unwrap();
}

/// Referrals with everything that the two halves can contain: one that is given and followed up.
async fn whole_referral(
    issuer: &Acts,
    peer: &Acts,
    ppc: &Acts,
    ipa: &Acts,
) -> (IssueReferralRequest, Referral, String) {
    let request = IssueReferralRequest { with_code: true, ..issuer.issuing() };
    let issued = issuer.issue(request.clone()).await.unwrap();
    issuer.confirm(issuer.confirming(issued.referral.as_ref().unwrap())).await.unwrap();
    settle(ppc, ipa).await.unwrap();
    let followed = peer.follow_up(peer.following_up(&issued.code)).await.unwrap().referral.unwrap();
    settle(ppc, ipa).await.unwrap();
    (request, followed, issued.code)
}

/// Both sides have the same, and nothing was refused; on each the journals fold to the pages that are stored there.
async fn sound(pair: &Pair, ppc: &Acts, ipa: &Acts) {
    settle(ppc, ipa).await.unwrap();
    assert_eq!(same_journals(ppc, ipa).await.unwrap(), 0);
    for agency in AGENCIES {
        let rebuilt = pair.side(agency).store().unwrap().rebuild(false).await.unwrap();
        assert_eq!(rebuilt.differing, Vec::<String>::new(), "{}", agency.id());
    }
    for acts in [ppc, ipa] {
        let link = acts.link().await.unwrap();
        assert_eq!((link.recovering, link.stopped_at_seq, link.stopped_by_peer_at_seq), (false, 0, 0));
    }
}

/// The incarnations under which an agency's entries were written, in order.
async fn incarnations(store: &Store, from: u64) -> Vec<u32> {
    let held = store.entries(Journal::Of(store.own()), from, 256).await.unwrap();
    held.iter().map(|held| held.header.incarnation).collect()
}

#[tokio::test]
async fn a_restored_side_notices_its_loss_at_the_hello_and_gets_everything_back() {
    for restored in AGENCIES {
        let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
        let (ppc, ipa) = both(&pair).unwrap();
        publish_all(&ppc, &ipa).await.unwrap();
        let (acts, other) = if restored == Agency::Ppc { (&ppc, &ipa) } else { (&ipa, &ppc) };
        let (_, kept, _) = whole_referral(acts, other, &ppc, &ipa).await;
        let copy = back_up(&pair, restored).await;
        let cursor_at_copy = acts.watch("", "").await.unwrap().cursor().to_owned();
        let copied = acts.link().await.unwrap();
        pair.clock.advance(jiff::SignedDuration::from_hours(1));
        let (request, lost, code) = whole_referral(acts, other, &ppc, &ipa).await;
        let (_, of_peer, _) = whole_referral(other, acts, &ppc, &ipa).await;
        let revised = acts.revise(acts.revising(&kept, Finding::Suspected)).await;
        // The etag is that of the other side's reply, which was given without a view on ours.
        refused(revised, Reason::EtagStale, "etag");
        let kept = acts.referral(&kept.name).await.unwrap();
        let revised = acts.revise(acts.revising(&kept, Finding::Suspected)).await.unwrap();
        settle(&ppc, &ipa).await.unwrap();
        let before = acts.link().await.unwrap();
        assert!(before.own_seq > copied.own_seq + 2 && before.peer_seq > copied.peer_seq + 2);
        let mut pages = Vec::new();
        for name in [&kept.name, &lost.name, &of_peer.name] {
            pages.push(acts.shared_referral(name).await.unwrap());
        }

        let cursors = [cursor_at_copy, acts.watch("", "").await.unwrap().cursor().to_owned()];
        let others = other.watch("", "").await.unwrap().cursor().to_owned();

        restore(&mut pair, restored, &copy).await;
        sound(&pair, &ppc, &ipa).await;
        // The same turns are given again to other changes, so no cursor from before goes on; the other side has lost none.
        for cursor in cursors {
            refused(acts.watch(&cursor, "").await.map(|_| ()), Reason::CursorTooOld, "");
        }
        assert_eq!(other.watch(&others, "").await.map(|_| ()), Ok(()));
        for page in &pages {
            assert_eq!(&acts.shared_referral(&page.name).await.unwrap(), page);
        }
        assert_eq!(acts.referral(&kept.name).await.unwrap().judgement_revision, revised.judgement_revision);
        let store = pair.side(restored).store().unwrap();
        let since = incarnations(&store, before.own_seq).await;
        assert!(since[0] == 1 && since.len() > 1 && since[1..].iter().all(|it| *it == 2), "{since:?}");

        // The call is repeated, as its reply may have been lost with the database: its entry is found by it.
        let own_seq = acts.link().await.unwrap().own_seq;
        let again = acts.issue(request).await.unwrap();
        assert_eq!((again.referral.unwrap().name, again.code), (lost.name, code));
        assert_eq!(acts.link().await.unwrap().own_seq, own_seq);
        // And the next one is numbered after all that came back.
        let next = acts.issued(acts.issuing()).await.unwrap();
        assert!(next.case_number.ends_with("REF-0003"), "{}", next.case_number);
        sound(&pair, &ppc, &ipa).await;
    }
}

#[tokio::test]
async fn advice_and_items_come_back_as_they_were_and_recalled_items_stay_sealed() {
    for restored in AGENCIES {
        let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
        let (ppc, ipa) = both(&pair).unwrap();
        let copy = back_up(&pair, restored).await;
        let request = ppc.requesting();
        let asked = ppc.submit_advice_request(request.clone()).await.unwrap();
        let of_ppc = ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
        let of_ipa = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
        settle(&ppc, &ipa).await.unwrap();
        let it =
            ipa.accept_advice_request(ipa.accepting(&ipa.advice_request(&asked.name).await.unwrap())).await.unwrap();
        ipa.give_advice(ipa.giving(&it)).await.unwrap();
        ppc.acknowledge_item(ppc.acknowledging(&ppc.item(&of_ipa.name).await.unwrap())).await.unwrap();
        ppc.recall_item(ppc.recalling(&of_ppc)).await.unwrap();
        settle(&ppc, &ipa).await.unwrap();
        ipa.recall_item(ipa.recalling(&ipa.item(&of_ipa.name).await.unwrap())).await.unwrap();
        settle(&ppc, &ipa).await.unwrap();
        let acts = if restored == Agency::Ppc { &ppc } else { &ipa };
        let seen = async || {
            let items = [acts.shared_item(&of_ppc.name).await.unwrap(), acts.shared_item(&of_ipa.name).await.unwrap()];
            let words =
                (acts.advice_entries(&asked.name).await.unwrap(), acts.item_entries(&of_ipa.name).await.unwrap());
            (items, acts.shared_advice_request(&asked.name).await.unwrap(), words.0.len(), words.1.len())
        };
        let before = seen().await;
        for item in &before.0 {
            let own = item.originator() == restored;
            assert_eq!((item.content.is_some(), item.sealed_at.is_some()), (own, true));
        }

        restore(&mut pair, restored, &copy).await;
        sound(&pair, &ppc, &ipa).await;
        assert_eq!(seen().await, before);
        // A repeat finds what it led to, and the next request is counted after it.
        assert_eq!(ppc.submit_advice_request(request).await.unwrap().name, asked.name);
        assert_eq!(ppc.submit_advice_request(ppc.requesting()).await.unwrap().case_number, "甲-R08-ADV-0002");
        sound(&pair, &ppc, &ipa).await;
    }
}

#[tokio::test]
async fn an_entry_written_since_the_restore_is_judged_again_under_its_own_id() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let (one, two) = (ppc.issued(ppc.issuing()).await.unwrap(), ppc.issued(ppc.issuing()).await.unwrap());
    settle(&ppc, &ipa).await.unwrap();
    let copy = back_up(&pair, Agency::Ppc).await;
    // Lost with the database, but the peer has it: a judgement, and the third referral.
    let lost = ppc.revise(ppc.revising(&one, Finding::Suspected)).await.unwrap();
    let third = ppc.issue(IssueReferralRequest { with_code: true, ..ppc.issuing() }).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let held = ppc.link().await.unwrap().own_seq;

    pair.cut_link();
    restore(&mut pair, Agency::Ppc, &copy).await;
    let scheme = ppc.scheme(&ppc.scheme_name("leak-report-private")).await.unwrap();
    let revise_scheme = ppc.revising_scheme(&scheme);
    let confirm = ppc.confirming(&two);
    // These two were done before the loss; now they are done again, otherwise.
    let contradicting = ppc.revising(&one, Finding::DoesNotApply);
    let numbered_again = IssueReferralRequest { with_code: true, ..ppc.issuing() };
    let written_from = ppc.link().await.unwrap().own_seq + 1;
    ppc.revise_scheme(revise_scheme.clone()).await.unwrap();
    ppc.confirm(confirm.clone()).await.unwrap();
    ppc.revise(contradicting).await.unwrap();
    let same_number = ppc.issued(numbered_again).await.unwrap();
    assert_eq!(same_number.case_number, third.referral.as_ref().unwrap().case_number);
    let mut ids = Vec::new();
    for seq in written_from..written_from + 4 {
        ids.push(ppc.entry(Agency::Ppc, seq).await.unwrap().entry_id);
    }

    pair.mend_link();
    sound(&pair, &ppc, &ipa).await;
    let own: Vec<_> = ppc.journal(Agency::Ppc).await.unwrap();
    let place = |id: &String| own.iter().position(|entry| entry.entry_id == *id);
    let places: Vec<_> = ids.iter().map(place).collect();
    assert!(
        matches!(places[..], [Some(scheme), Some(given), None, None] if held < scheme as u64 && scheme < given),
        "{places:?}"
    );
    assert_eq!(own.iter().filter(|entry| ids.contains(&entry.entry_id)).count(), 2);
    assert_eq!(ipa.scheme(&scheme.name).await.unwrap().version, 2);
    assert_eq!(ipa.referral(&two.name).await.unwrap().state(), State::Given);
    // Facts from before the loss stay valid; one that contradicts them waits for an official.
    assert_eq!(ppc.shared_referral(&one.name).await.unwrap().judgement, lost.judgement);
    refused(ppc.referral(&same_number.name).await, Reason::NotFound, "");
    let mut aside = pair.ppc.store().unwrap().aside().await.unwrap();
    aside.sort_by_key(|it| it.seq);
    let aside: Vec<_> = aside.iter().map(|it| (it.entry_id.clone(), it.reason.as_str())).collect();
    assert_eq!(aside, [(ids[2].clone(), "FACT_DIFFERS"), (ids[3].clone(), "ALREADY_EXISTS")]);

    // Repeats of acts that are there now find their entries.
    let own_seq = ppc.link().await.unwrap().own_seq;
    assert_eq!(ppc.revise_scheme(revise_scheme).await.unwrap().version, 2);
    assert_eq!(ppc.confirm(confirm).await.unwrap().state(), State::Given);
    assert_eq!(ppc.link().await.unwrap().own_seq, own_seq);
}

#[tokio::test]
async fn a_copy_without_a_mark_is_found_out_all_the_same() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    pair.stop(Agency::Ppc).await.unwrap();
    let copy = pair.setup.file(Agency::Ppc, "copy.db");
    database::copy(&pair.setup, Agency::Ppc, &copy).unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    let lost = ppc.issued(ppc.issuing()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let held = ppc.link().await.unwrap().own_seq;

    // As many entries as were lost, so that only the hashes tell.
    pair.cut_link();
    pair.stop(Agency::Ppc).await.unwrap();
    database::put_back(&pair.setup, Agency::Ppc, &copy).unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    assert_eq!(ppc.link().await.unwrap().own_seq, held - 1);
    let scheme = ppc.publish(ppc.publishing("other")).await.unwrap();
    pair.mend_link();
    sound(&pair, &ppc, &ipa).await;
    assert_eq!(ppc.referral(&lost.name).await.unwrap().case_number, lost.case_number);
    assert_eq!(ipa.scheme(&scheme.name).await.unwrap().version, 1);
    assert_eq!(incarnations(&pair.ppc.store().unwrap(), held).await[..2], [1, 2]);
}

/// The peer never had what was lost, so nobody can prove that anything was, and no new incarnation begins.
#[tokio::test]
async fn no_cursor_goes_on_over_what_a_copy_without_a_mark_has_written_since() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    pair.stop(Agency::Ipa).await.unwrap();
    pair.stop(Agency::Ppc).await.unwrap();
    let copy = pair.setup.file(Agency::Ppc, "copy.db");
    database::copy(&pair.setup, Agency::Ppc, &copy).unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    let cursor = async || ppc.watch("", "").await.unwrap().cursor().to_owned();
    let kept = cursor().await;
    ppc.issued(ppc.issuing()).await.unwrap();
    let lost = cursor().await;

    pair.stop(Agency::Ppc).await.unwrap();
    database::put_back(&pair.setup, Agency::Ppc, &copy).unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    refused(ppc.watch(&lost, "").await.map(|_| ()), Reason::CursorTooOld, "");
    let mut issued = Vec::new();
    for _ in 0..3 {
        issued.push(ppc.issued(ppc.issuing()).await.unwrap().name);
    }
    // The feed has come further than this cursor by now.
    refused(ppc.watch(&lost, "").await.map(|_| ()), Reason::CursorTooOld, "");
    let mut feed = ppc.watch(&kept, "").await.unwrap();
    for name in issued {
        assert_eq!(feed.event().await.unwrap().matter, name);
    }
    assert_eq!(ppc.watch(feed.cursor(), "").await.map(|_| ()), Ok(()));
}

#[tokio::test]
async fn while_the_journal_is_fetched_back_writes_are_refused_and_nothing_changed_is_believed() {
    let (mut pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    ppc.publish(ppc.publishing("leak-report-private")).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    session.received(2).await.unwrap();
    session.sign(&mut peer).await;
    ppc.until_link("the receipt", |link| link.backlog == 0).await.unwrap();
    let copy = back_up(&pair, Agency::Ppc).await;
    let scheme = ppc.publish(ppc.publishing("leak-report-public")).await.unwrap();
    session.received(3).await.unwrap();
    session.sign(&mut peer).await;
    ppc.until_link("the receipt", |link| link.backlog == 0).await.unwrap();
    let held = session.entries.clone();
    drop(session);

    restore(&mut pair, Agency::Ppc, &copy).await;
    peer.held = Some(signed_header(&held[2]));
    let mut session = peer.dial().await.unwrap();
    let ask = session.ask().await.unwrap();
    assert_eq!(ask.journal(), Agency::Ppc);
    assert!(ppc.link().await.unwrap().recovering);
    let write = ppc.publishing("new");
    refused(ppc.publish(write.clone()).await, Reason::Recovering, "");
    assert_eq!(ppc.scheme(&ppc.scheme_name("leak-report-private")).await.unwrap().version, 1);
    // Recalls since the backup are not known here, so nothing secret is read.
    let item = "agencies/ipa/items/0190a5f0-0000-7000-8000-000000000001";
    refused(ppc.item(item).await, Reason::Recovering, "");
    refused(ppc.item_entries(item).await, Reason::Recovering, "");

    // A peer that gives back something else than was signed.
    let from = |seq: u64| held.iter().filter(|entry| header(entry).seq >= seq).cloned().collect::<Vec<Entry>>();
    let back = |entries: Vec<Entry>| Kind::Entries(EntryBatch { journal: Agency::Ppc.into(), entries });
    let mut changed = from(ask.from_seq);
    let mut said = Fact::decode(changed.last().unwrap().fact.as_slice()).unwrap();
    if let Some(fact::Fact::SchemePublished(published)) = &mut said.fact {
        published.terms.as_mut().unwrap().valid_until = "2026-12-31".to_owned();
    }
    changed.last_mut().unwrap().fact = said.encode_to_vec();
    session.say(back(changed)).await;
    // The session ends. The peer's own journal is not stopped by it.
    while let Some(kind) = session.hear().await.unwrap() {
        assert!(!matches!(kind, Kind::Stop(_)), "{kind:?}");
    }
    assert!(ppc.link().await.unwrap().recovering);
    refused(ppc.publish(write.clone()).await, Reason::Recovering, "");

    let mut session = peer.dial().await.unwrap();
    let ask = session.ask().await.unwrap();
    session.say(back(from(ask.from_seq))).await;
    ppc.until_link("the end of the recovery", |link| !link.recovering).await.unwrap();
    assert_eq!(ppc.scheme(&scheme.name).await.unwrap().entry, scheme.entry);
    refused(ppc.item(item).await, Reason::NotFound, "");
    session.received(4).await.unwrap();
    let reopened = header(session.entries.iter().find(|entry| header(entry).seq == 4).unwrap());
    assert_eq!((reopened.fact_type.as_str(), reopened.incarnation), ("journal_reopened", 2));
    assert_eq!(ppc.publish(write).await.unwrap().version, 1);
}
