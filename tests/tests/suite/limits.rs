//! Limits: a value just within is accepted, and one more is refused with the limit's name.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{collections::BTreeSet, time::Duration};

use prost::Message as _;
use renkei_client::{Answer, CallError};
use renkei_proto::{
    evidence::v1::ListEntriesRequest,
    link::v1::{ExchangeRequest, Frame, frame::Kind},
    options::v1::Reason,
    referral::v1::{
        FollowUpReferralRequest, IssueReferralRequest, ListReferralsRequest, ListSchemesRequest, PublishSchemeRequest,
        SchemeContent, WithdrawSchemeRequest,
    },
    r#type::v1::{Agency, Text},
};
use renkei_tools::{
    acts::{both, publish_all, refused, settle},
    database::Lock,
    pair::Pair,
    peer::against,
    raw,
    scenario::start,
};
use tonic::{Code, Request};

/// Bytes with an unknown field behind them that fills them up to a size.
fn filled(mut bytes: Vec<u8>, size: usize) -> Vec<u8> {
    let rest = size - bytes.len();
    // Field 15 of length-delimited bytes: a key of one byte and a length of four.
    let length = rest - 5;
    bytes.push(0x7a);
    let septet = |n: u32| u8::try_from((length >> (7 * n)) & 0x7f).unwrap();
    bytes.extend([septet(0) | 0x80, septet(1) | 0x80, septet(2) | 0x80, septet(3)]);
    bytes.resize(size, 0);
    bytes
}

#[tokio::test]
async fn a_message_on_the_desk_has_at_most_two_mebibytes() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let channel = ppc.desk.channel("intake").unwrap();
    let path = "/renkei.referral.v1.ReferralService/IssueReferral";
    let call = async |size: usize| -> Answer<()> {
        let body = filled(ppc.issuing().encode_to_vec(), size);
        assert_eq!(body.len(), size);
        let answer = raw::call(&channel, path, &body, &[("renkei-official", "tanaka")]).await;
        answer.map(|_| ()).map_err(CallError::from)
    };
    call(2 << 20).await.unwrap();
    let before = ppc.link().await.unwrap().own_seq;
    let large = call((2 << 20) + 1).await;
    assert_eq!(large.clone().unwrap_err().limit, Some(("bytes in a message".to_owned(), "2097152".to_owned())));
    refused(large, Reason::TooLarge, "");
    assert_eq!(ppc.link().await.unwrap().own_seq, before);
}

#[tokio::test]
async fn a_message_on_the_desk_has_at_most_twenty_thousand_fields() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let channel = ppc.desk.channel("intake").unwrap();
    let path = "/renkei.referral.v1.ReferralService/IssueReferral";
    let call = async |fields: usize| -> Answer<()> {
        // Empty fields that nobody knows, behind a sound request.
        let body = [ppc.issuing().encode_to_vec(), [0x7a, 0].repeat(fields)].concat();
        let answer = raw::call(&channel, path, &body, &[("renkei-official", "tanaka")]).await;
        answer.map(|_| ()).map_err(CallError::from)
    };
    call(19_900).await.unwrap();
    let many = call(1_000_000).await;
    assert_eq!(many.clone().unwrap_err().limit, Some(("fields in a message".to_owned(), "20000".to_owned())));
    refused(many, Reason::TooLarge, "");
}

#[tokio::test]
async fn a_message_on_the_link_has_at_most_four_mebibytes() {
    let (pair, _ppc, peer) = against(Agency::Ppc, true).await.unwrap();
    let mut hello = peer.dial().await.unwrap().hello;
    hello.agency = Agency::Ipa.into();
    let hello = ExchangeRequest { frame: Some(Frame { kind: Some(Kind::Hello(hello)) }) }.encode_to_vec();
    let channel = raw::link(Agency::Ppc, pair.ppc.link_wire.address(), &peer.files).unwrap();
    for (size, reason) in [(4 << 20, None), ((4 << 20) + 1, Some(Reason::TooLarge))] {
        let path = "/renkei.link.v1.LinkService/Exchange";
        let ended = raw::call(&channel, path, &filled(hello.clone(), size), &[]).await;
        assert_eq!(ended.err().map(|status| CallError::from(status).reason), reason, "{size}");
    }
}

#[tokio::test]
async fn a_page_has_at_most_five_hundred_items() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, _ipa) = both(&pair).unwrap();
    let parent = || "agencies/-".to_owned();
    for (page_size, field) in [(0, ""), (500, ""), (501, "page_size"), (u32::MAX, "page_size")] {
        let schemes = ListSchemesRequest { parent: parent(), page_size, page_token: String::new() };
        let referrals = ListReferralsRequest { parent: parent(), page_size, ..Default::default() };
        let entries = ListEntriesRequest { matter: "agreement".to_owned(), page_size, page_token: String::new() };
        let answers = [
            ppc.list_schemes(schemes).await.map(|_| ()),
            ppc.list_referrals(referrals).await.map(|_| ()),
            ppc.list_entries(entries).await.map(|_| ()),
        ];
        for answer in answers {
            match field {
                "" => answer.unwrap(),
                field => refused(answer, Reason::FieldInvalid, field),
            }
        }
    }
}

#[tokio::test]
async fn a_page_of_a_list_has_at_most_two_mebibytes_and_the_rest_comes_on_the_next() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, _ipa) = both(&pair).unwrap();
    let text = || Some(Text { ja: "制".repeat(2000), en: "s".repeat(2000) });
    let content = SchemeContent {
        title: text(),
        basis: text(),
        who: text(),
        what: text(),
        how: text(),
        deadlines: text(),
        ..SchemeContent::default()
    };
    let mut published = BTreeSet::new();
    for number in 0..60 {
        let scheme = PublishSchemeRequest { content: Some(content.clone()), ..ppc.publishing(&format!("s{number}")) };
        published.insert(ppc.publish(scheme).await.unwrap().name);
    }
    let (mut listed, mut page_token, mut pages) = (BTreeSet::new(), String::new(), 0);
    loop {
        let page = ListSchemesRequest { parent: "agencies/ppc".to_owned(), page_size: 500, page_token };
        let page = ppc.list_schemes(page).await.unwrap();
        assert!(page.encoded_len() <= (2 << 20) + (4 << 10) && !page.schemes.is_empty(), "{}", page.encoded_len());
        listed.extend(page.schemes.into_iter().map(|scheme| scheme.name));
        pages += 1;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!((pages, listed), (2, published));
}

#[tokio::test]
async fn a_text_has_at_most_its_number_of_characters() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    // Everything as long as may be: characters count, not bytes.
    let text = || Some(Text { ja: "制".repeat(2000), en: "s".repeat(2000) });
    let link = |length: usize| format!("https://{}", "a".repeat(length - 8));
    let content = || SchemeContent {
        title: text(),
        basis: text(),
        who: text(),
        what: text(),
        how: text(),
        deadlines: text(),
        links: vec![link(500); 10],
        telephone: "0".repeat(32),
        mail: format!("{}@{}", "m".repeat(64), "d".repeat(189)),
    };
    let longest = || PublishSchemeRequest { content: Some(content()), ..ppc.publishing(&"a".repeat(64)) };
    let scheme = ppc.publish(longest()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ipa.scheme(&scheme.name).await.unwrap().content, Some(content()));

    type Spoil = fn(&mut SchemeContent);
    let spoils: [(&str, Spoil); 6] = [
        ("content.title.ja", |it| it.title.as_mut().unwrap().ja.push('度')),
        ("content.deadlines.en", |it| it.deadlines.as_mut().unwrap().en.push('s')),
        ("content.links[9]", |it| it.links[9].push('a')),
        ("content.links", |it| it.links.push("https://example.jp".to_owned())),
        ("content.telephone", |it| it.telephone.push('0')),
        ("content.mail", |it| it.mail.push('d')),
    ];
    for (field, spoil) in spoils {
        let mut content = content();
        spoil(&mut content);
        let request = PublishSchemeRequest { content: Some(content), ..ppc.publishing("other") };
        refused(ppc.publish(request).await, Reason::FieldInvalid, field);
    }
    refused(ppc.publish(ppc.publishing(&"a".repeat(65))).await, Reason::FieldInvalid, "scheme_id");

    let report = |length| IssueReferralRequest { report: "9".repeat(length), ..ppc.issuing() };
    ppc.issue(report(64)).await.unwrap();
    refused(ppc.issue(report(65)).await, Reason::FieldInvalid, "report");
    let etag = |length| WithdrawSchemeRequest { etag: "0".repeat(length), ..ppc.withdrawing(&scheme) };
    refused(ppc.withdraw(etag(64)).await, Reason::EtagStale, "etag");
    refused(ppc.withdraw(etag(65)).await, Reason::FieldInvalid, "etag");
    let code = |length: usize| FollowUpReferralRequest { code: format!("{:length$}", "0"), ..ipa.following_up("") };
    refused(ipa.follow_up(code(40)).await, Reason::CodeMistyped, "code");
    refused(ipa.follow_up(code(41)).await, Reason::FieldInvalid, "code");
    let token =
        |length| ListSchemesRequest { parent: "agencies/-".to_owned(), page_size: 1, page_token: "A".repeat(length) };
    refused(ppc.list_schemes(token(512)).await, Reason::PageTokenInvalid, "page_token");
    refused(ppc.list_schemes(token(513)).await, Reason::FieldInvalid, "page_token");
    refused(ppc.watch(&"A".repeat(256), "").await.map(|_| ()), Reason::CursorUnknown, "cursor");
    refused(ppc.watch(&"A".repeat(257), "").await.map(|_| ()), Reason::FieldInvalid, "cursor");
}

#[tokio::test]
async fn a_desk_serves_256_calls_of_one_caller_at_once_and_is_busy_for_the_next() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let before = ppc.link().await.unwrap().own_seq;
    let mut lock = Some(Lock::take(&pair.setup, Agency::Ppc).unwrap());
    let mut calls = tokio::task::JoinSet::new();
    // One connection carries at most 128 calls.
    for _ in 0..3 {
        let client = ppc.desk.referrals().unwrap();
        for _ in 0..110 {
            let (mut client, request) = (client.clone(), ppc.issuing());
            calls.spawn(async move { client.issue_referral(request).await.map(|_| ()).map_err(CallError::from) });
        }
    }
    let (mut written, mut late, mut busy) = (0, 0, 0);
    while let Some(answer) = calls.join_next().await {
        match answer.unwrap() {
            Ok(()) => written += 1,
            // Should the machine be so slow that the database gave up waiting for its lock.
            Err(refusal) if refusal.reason == Reason::DatabaseUnavailable => {}
            Err(refusal) if refusal.reason == Reason::Deadline => late += 1,
            Err(refusal) => {
                lock = None;
                busy += 1;
                assert_eq!(
                    refusal.limit,
                    Some(("calls in flight of one caller".to_owned(), "256".to_owned())),
                    "{refusal:?}"
                );
                refused::<()>(Err(refusal), Reason::Busy, "");
            }
        }
    }
    assert!(lock.is_none() && busy >= 330 - 256 && written <= 256, "{busy} busy, {written} written");
    // A call that ran out of time may have been carried out.
    let found = ppc.link().await.unwrap().own_seq - before;
    assert!((written..=written + late).contains(&found), "{written} written, {late} late, {found} found");
}

#[tokio::test]
async fn a_call_that_ran_out_of_time_is_found_by_its_request_id() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let before = ppc.link().await.unwrap().own_seq;
    let lock = Lock::take(&pair.setup, Agency::Ppc).unwrap();
    let issue = ppc.issuing();
    let mut request = Request::new(issue.clone());
    request.set_timeout(Duration::from_millis(300));
    let late = ppc.desk.referrals().unwrap().issue_referral(request).await.unwrap_err();
    let late = CallError::from(late);
    assert_eq!((late.code, late.reason), (Code::DeadlineExceeded, Reason::Deadline), "{late:?}");
    drop(lock);
    let referral = ppc.issued(issue).await.unwrap();
    assert_eq!(ppc.link().await.unwrap().own_seq, before + 1);
    assert_eq!(referral.entries, [format!("agencies/ppc/entries/{}", before + 1)]);
}
