//! Technical advice: what is read of it and how far it has come, and what goes on when the agreement ends.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_domain::moment::stamp;
use renkei_journal::header_hash;
use renkei_proto::{
    advice::v1::{
        AdviceAccepted, AdviceRequest, ListAdviceEntriesRequest, ListAdviceRequestsRequest, Submission,
        advice_request::State,
    },
    agreement::v1::NoticeKind,
    evidence::v1::DeliveryLevel,
    journal::v1::{KindsSpoken, fact},
    link::v1::frame::Kind,
    options::v1::Reason,
    r#type::v1::Agency,
};
use renkei_tools::{
    acts::{both, refused, same_journals, settle},
    pair::Pair,
    peer::against,
    scenario::{instant, start},
};

use crate::{advice::at_both, term::give_notice};

#[tokio::test]
async fn requests_are_listed_newest_first_and_their_entries_in_the_order_in_which_they_were_stored() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let mut newest_first = Vec::new();
    for _ in 0..5 {
        newest_first.insert(0, ppc.submit_advice_request(ppc.requesting()).await.unwrap());
    }
    let it = newest_first[2].clone();
    settle(&ppc, &ipa).await.unwrap();
    pair.cut_link();
    for _ in 0..3 {
        let supplement = ppc.supplementing(&AdviceRequest { etag: String::new(), ..it.clone() });
        ppc.supplement_advice_request(supplement).await.unwrap();
        let asking = ipa.asking_clarification(&AdviceRequest { etag: String::new(), ..it.clone() });
        ipa.ask_clarification(asking).await.unwrap();
    }
    pair.mend_link();
    settle(&ppc, &ipa).await.unwrap();
    for acts in [&ppc, &ipa] {
        let list = |page_size, page_token: &str| ListAdviceRequestsRequest {
            page_size,
            page_token: page_token.to_owned(),
            ..Default::default()
        };
        let first = acts.list_advice_requests(list(3, "")).await.unwrap();
        let rest = acts.list_advice_requests(list(3, &first.next_page_token)).await.unwrap();
        assert_eq!(rest.next_page_token, "");
        let names = |all: Vec<AdviceRequest>| all.into_iter().map(|it| it.name).collect::<Vec<_>>();
        assert_eq!([names(first.advice_requests), names(rest.advice_requests)].concat(), names(newest_first.clone()));

        let page = |page_size, page_token: &str| ListAdviceEntriesRequest {
            parent: it.name.clone(),
            page_size,
            page_token: page_token.to_owned(),
        };
        let (mut token, mut entries) = (String::new(), Vec::new());
        for size in [3, 3, 1] {
            let answer = acts.list_advice_entries(page(3, &token)).await.unwrap();
            assert_eq!(answer.entries.len(), size);
            entries.extend(answer.entries);
            token = answer.next_page_token;
        }
        assert_eq!((token.as_str(), &entries), ("", &acts.advice_entries(&it.name).await.unwrap()));
        // The own entries, and then what came when the link was mended.
        let own: Vec<bool> = entries.iter().skip(1).map(|entry| entry.author() == acts.agency).collect();
        assert_eq!(own, [true, true, true, false, false, false]);

        // A token is bound to its list.
        let of_another =
            ListAdviceEntriesRequest { parent: newest_first[0].name.clone(), ..page(3, &first.next_page_token) };
        refused(acts.list_advice_entries(of_another).await, Reason::PageTokenInvalid, "page_token");
        let token = acts.list_advice_entries(page(3, "")).await.unwrap().next_page_token;
        let of_another = ListAdviceEntriesRequest { parent: newest_first[0].name.clone(), ..page(3, &token) };
        refused(acts.list_advice_entries(of_another).await, Reason::PageTokenInvalid, "page_token");
        refused(acts.list_advice_requests(list(3, &token)).await, Reason::PageTokenInvalid, "page_token");
        refused(acts.list_advice_requests(list(501, "")).await, Reason::FieldInvalid, "page_size");
        refused(acts.list_advice_entries(page(501, "")).await, Reason::FieldInvalid, "page_size");
    }
}

#[tokio::test]
async fn a_page_of_entries_ends_early_when_its_words_are_many_and_leaves_none_out() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let it = AdviceRequest { etag: String::new(), ..it };
    // Some 900 kB each.
    let large = Submission { facts: vec![ppc.statement(&"𠮷".repeat(4000)); 50], ..Submission::default() };
    for _ in 0..4 {
        let mut request = ppc.supplementing(&it);
        request.submission = Some(large.clone());
        ppc.supplement_advice_request(request).await.unwrap();
    }
    settle(&ppc, &ipa).await.unwrap();
    for acts in [&ppc, &ipa] {
        let (mut token, mut sizes, mut names) = (String::new(), Vec::new(), Vec::new());
        while sizes.is_empty() || !token.is_empty() {
            let page = ListAdviceEntriesRequest { parent: it.name.clone(), page_size: 500, page_token: token };
            let answer = acts.list_advice_entries(page).await.unwrap();
            sizes.push(answer.entries.len());
            names.extend(answer.entries.into_iter().map(|entry| entry.name));
            token = answer.next_page_token;
        }
        assert_eq!(sizes, [3, 2]);
        assert_eq!(names, acts.advice_request(&it.name).await.unwrap().entries);
    }
}

#[tokio::test]
async fn a_request_is_received_then_recorded_then_answered() {
    let (pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let seq = ppc.link().await.unwrap().own_seq;
    let delivery = async || ppc.entry(Agency::Ppc, seq).await.unwrap().delivery.unwrap();
    assert_eq!(delivery().await.level(), DeliveryLevel::Written);
    let mut session = peer.dial().await.unwrap();
    session.received(seq).await.unwrap();
    // The peer signs when its own journal has one entry that PPC does not have yet.
    let head = header_hash(&session.entries.last().unwrap().header).to_vec();
    session.say(Kind::Receipt(peer.receipt(seq, head, 1))).await;
    ppc.until_link("the receipt", |link| link.backlog == 0).await.unwrap();
    let received = delivery().await;
    let now = || Some(stamp(pair.clock.now()));
    assert_eq!((received.level(), received.received_at, received.recorded_at), (DeliveryLevel::Received, now(), None));

    pair.clock.advance(jiff::SignedDuration::from_hours(1));
    peer.seen = seq;
    let kinds = KindsSpoken { kinds: vec!["advice_requested".to_owned()] };
    let spoken = peer.entry("agencies/ipa/journal", fact::Fact::KindsSpoken(kinds), None, 0).unwrap();
    session.send(&[spoken]).await;
    session.receipted(1).await.unwrap();
    let recorded = delivery().await;
    assert_eq!((recorded.level(), recorded.recorded_at), (DeliveryLevel::Recorded, now()));
    assert_eq!((recorded.answered_by.as_str(), recorded.received_at), ("", received.received_at));

    pair.clock.advance(jiff::SignedDuration::from_hours(1));
    let accepted = AdviceAccepted { unit: "analysis".to_owned(), planned_on: "2026-11-24".to_owned() };
    let accepted = peer.entry(&it.name, fact::Fact::AdviceAccepted(accepted), None, seq).unwrap();
    session.send(&[accepted]).await;
    session.receipted(2).await.unwrap();
    let answered = delivery().await;
    assert_eq!((answered.level(), answered.answered_at), (DeliveryLevel::Answered, now()));
    assert_eq!(answered.answered_by, "agencies/ipa/entries/2");
    assert_eq!(ppc.advice_request(&it.name).await.unwrap().unit, "analysis");
}

#[tokio::test]
async fn nothing_new_is_asked_after_the_agreement_has_ended_and_open_requests_are_finished() {
    let pair = Pair::in_process(instant("2026-12-01T09:00:00+09:00").unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    give_notice(&ppc, NoticeKind::NotRenew).await;
    settle(&ppc, &ipa).await.unwrap();
    pair.set_clock(instant("2027-03-31T23:59:59+09:00").unwrap()).unwrap();
    pair.cut_link();
    let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    pair.set_clock(instant("2027-04-01T00:00:00+09:00").unwrap()).unwrap();
    refused(ppc.submit_advice_request(ppc.requesting()).await, Reason::AgreementNotInForce, "");
    // Asked in time and arrived later: late arrival is no reason to refuse.
    pair.mend_link();
    let it = at_both(&ppc, &ipa, &it.name).await;
    ipa.hand_back_advice_request(ipa.handing_back(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    ppc.supplement_advice_request(ppc.supplementing(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let it = ipa.accept_advice_request(ipa.accepting(&it)).await.unwrap();
    ipa.ask_clarification(ipa.asking_clarification(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    ppc.answer_clarification(ppc.clarifying(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    ipa.give_advice(ipa.giving(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let it = ppc.close_advice_request(ppc.closing(&it)).await.unwrap();
    ppc.ask_quotation(ppc.asking_quotation(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    let it = ipa.answer_quotation(ipa.answering_quotation(&it)).await.unwrap();
    ipa.correct_advice(ipa.correcting(&it)).await.unwrap();
    let it = at_both(&ppc, &ipa, &it.name).await;
    assert_eq!((it.state(), it.waiting_for()), (State::Closed, Agency::Ppc));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}
