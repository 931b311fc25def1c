//! The catalogue of schemes at both agencies.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_proto::{
    options::v1::Reason,
    referral::v1::{ListSchemesRequest, PublishSchemeRequest, ReviseSchemeRequest, Scheme, scheme::State},
    r#type::v1::Agency,
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, same_journals, settle, words},
    pair::Pair,
    scenario::{instant, start},
};

#[tokio::test]
async fn a_scheme_is_published_revised_and_withdrawn_and_the_peer_sees_each_version() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let request = ppc.publishing("leak-report");
    let published = ppc.publish(request.clone()).await.unwrap();
    assert_eq!((published.state(), published.version, published.agency()), (State::Published, 1, Agency::Ppc));
    assert_eq!((published.name.as_str(), published.content), ("agencies/ppc/schemes/leak-report", None));
    let seen = at_peer(&ppc, &ipa, &published.name).await;
    assert_eq!((seen.terms, seen.content, seen.version), (request.terms, request.content, 1));

    pair.set_clock(instant("2026-11-25T09:00:00+09:00").unwrap()).unwrap();
    let mut request = ppc.revising_scheme(&ppc.scheme(&published.name).await.unwrap());
    request.terms.as_mut().unwrap().valid_until = "2027-03-31".to_owned();
    let revised = ppc.revise_scheme(request.clone()).await.unwrap();
    assert_eq!((revised.state(), revised.version), (State::Published, 2));
    assert_ne!(revised.entry, published.entry);
    let seen = at_peer(&ppc, &ipa, &published.name).await;
    assert_eq!((seen.terms, seen.content, seen.version), (request.terms, request.content, 2));
    assert_eq!(seen.updated_at, revised.updated_at);

    let withdrawn = ppc.withdraw(ppc.withdrawing(&revised)).await.unwrap();
    assert_eq!((withdrawn.state(), withdrawn.version), (State::Withdrawn, 2));
    let seen = at_peer(&ppc, &ipa, &published.name).await;
    assert_eq!((seen.state(), seen.content), (State::Withdrawn, Some(words("改めた制度"))));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

/// The peer's copy once it has everything, which is the author's own but for the etag.
async fn at_peer(author: &Acts, peer: &Acts, name: &str) -> Scheme {
    let (ppc, ipa) = if author.agency == Agency::Ppc { (author, peer) } else { (peer, author) };
    settle(ppc, ipa).await.unwrap();
    let seen = Scheme { etag: String::new(), ..peer.scheme(name).await.unwrap() };
    assert_eq!(seen, Scheme { etag: String::new(), ..author.scheme(name).await.unwrap() });
    seen
}

#[tokio::test]
async fn a_request_that_breaks_a_rule_of_the_contract_is_refused_and_writes_nothing() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let scheme = ppc.publish(ppc.publishing("leak-report")).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let (mut feed, before) = (ppc.watch("", "").await.unwrap(), ppc.link().await.unwrap().own_seq);

    type Spoil = fn(&mut PublishSchemeRequest);
    let cases: [(&str, Spoil); 13] = [
        ("scheme_id", |it| it.scheme_id = "Leak".to_owned()),
        ("scheme_id", |it| it.scheme_id = String::new()),
        ("terms", |it| it.terms = None),
        ("content", |it| it.content = None),
        ("terms.kinds", |it| it.terms.as_mut().unwrap().kinds.clear()),
        ("terms.kinds[0]", |it| it.terms.as_mut().unwrap().kinds[0] = 77),
        ("terms.reporters", |it| it.terms.as_mut().unwrap().reporters = vec![1, 1]),
        ("terms.duty", |it| it.terms.as_mut().unwrap().duty = 0),
        ("terms.valid_from", |it| it.terms.as_mut().unwrap().valid_from = "2026-02-30".to_owned()),
        ("terms.valid_until", |it| it.terms.as_mut().unwrap().valid_until = "2023-03-31".to_owned()),
        ("content.title", |it| it.content.as_mut().unwrap().title = None),
        ("content.links[0]", |it| it.content.as_mut().unwrap().links = vec!["http://example.jp".to_owned()]),
        ("content.telephone", |it| it.content.as_mut().unwrap().telephone = "内線1".to_owned()),
    ];
    for (field, spoil) in cases {
        let mut request = ppc.publishing("other");
        spoil(&mut request);
        refused(ppc.publish(request.clone()).await, Reason::FieldInvalid, field);
        if field != "scheme_id" {
            let PublishSchemeRequest { request_id, terms, content, .. } = request;
            let request = ReviseSchemeRequest { request_id, terms, content, ..ppc.revising_scheme(&scheme) };
            refused(ppc.revise_scheme(request).await, Reason::FieldInvalid, field);
        }
    }
    let unnamed = PublishSchemeRequest { request_id: String::new(), ..ppc.publishing("other") };
    refused(ppc.publish(unnamed).await, Reason::RequestIdMissing, "request_id");
    let misnamed = PublishSchemeRequest { request_id: "1".to_owned(), ..ppc.publishing("other") };
    refused(ppc.publish(misnamed).await, Reason::FieldInvalid, "request_id");
    let nameless = Scheme { name: "agencies/meti/schemes/other".to_owned(), ..Scheme::default() };
    refused(ppc.withdraw(ppc.withdrawing(&nameless)).await, Reason::FieldInvalid, "name");
    refused(ppc.scheme("schemes/other").await, Reason::FieldInvalid, "name");

    // The next change of all is the next entry that is written.
    let next = ppc.publish(ppc.publishing("next")).await.unwrap();
    assert_eq!(next.entry, format!("agencies/ppc/entries/{}", before + 1));
    assert_eq!(feed.event().await.unwrap().matter, next.name);
}

#[tokio::test]
async fn an_act_that_the_state_of_a_scheme_does_not_allow_is_refused_and_writes_nothing() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let stale = ppc.publish(ppc.publishing("leak-report")).await.unwrap();
    let scheme = ppc.revise_scheme(ppc.revising_scheme(&stale)).await.unwrap();
    let gone = ppc.publish(ppc.publishing("gone")).await.unwrap();
    ppc.withdraw(ppc.withdrawing(&gone)).await.unwrap();
    let gone = ppc.scheme(&gone.name).await.unwrap();
    let peers = ipa.publish(ipa.publishing("virus")).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let (mut feed, before) = (ppc.watch("", "").await.unwrap(), ppc.link().await.unwrap().own_seq);

    for id in ["leak-report", "gone"] {
        refused(ppc.publish(ppc.publishing(id)).await, Reason::AlreadyExists, "");
    }
    refused(ppc.revise_scheme(ppc.revising_scheme(&stale)).await, Reason::EtagStale, "etag");
    refused(ppc.withdraw(ppc.withdrawing(&stale)).await, Reason::EtagStale, "etag");
    refused(ppc.revise_scheme(ppc.revising_scheme(&gone)).await, Reason::WrongState, "");
    refused(ppc.withdraw(ppc.withdrawing(&gone)).await, Reason::WrongState, "");
    let missing = Scheme { name: ppc.scheme_name("missing"), ..Scheme::default() };
    refused(ppc.revise_scheme(ppc.revising_scheme(&missing)).await, Reason::NotFound, "");
    refused(ppc.withdraw(ppc.withdrawing(&missing)).await, Reason::NotFound, "");
    refused(ppc.scheme(&missing.name).await, Reason::NotFound, "");
    // The etag that PPC sees of IPA's scheme is that of its own half, which is empty.
    let peers = ppc.scheme(&peers.name).await.unwrap();
    refused(ppc.revise_scheme(ppc.revising_scheme(&peers)).await, Reason::WrongDirection, "");
    refused(ppc.withdraw(ppc.withdrawing(&peers)).await, Reason::WrongDirection, "");

    let next = ppc.revise_scheme(ppc.revising_scheme(&scheme)).await.unwrap();
    assert_eq!((next.version, next.entry), (3, format!("agencies/ppc/entries/{}", before + 1)));
    assert_eq!(feed.event().await.unwrap().matter, next.name);
}

#[tokio::test]
async fn a_catalogue_accepts_a_hundred_schemes_and_lists_them_newest_first() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let ids: Vec<String> = (1..=100).map(|n| format!("scheme-{n}")).collect();
    for id in &ids {
        ppc.publish(ppc.publishing(id)).await.unwrap();
    }
    refused(ppc.publish(ppc.publishing("one-too-many")).await, Reason::WrongState, "");
    let first = ppc.scheme(&ppc.scheme_name("scheme-1")).await.unwrap();
    ppc.withdraw(ppc.withdrawing(&first)).await.unwrap();
    refused(ppc.publish(ppc.publishing("still-too-many")).await, Reason::WrongState, "");
    ipa.publish(ipa.publishing("virus")).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();

    let newest_first: Vec<String> = ids.iter().rev().map(|id| ppc.scheme_name(id)).collect();
    for acts in [&ppc, &ipa] {
        assert_eq!(names(acts, "agencies/ppc", 7).await, newest_first);
        let all = names(acts, "agencies/-", 60).await;
        assert_eq!((all.len(), all.iter().filter(|name| name.contains("/ipa/")).count()), (101, 1));
    }
    let request = list("agencies/ppc", 0, "");
    assert_eq!(ppc.list_schemes(request).await.unwrap().schemes.len(), 50);
}

#[tokio::test]
async fn a_page_token_goes_on_with_its_own_list_only() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let token = ppc.list_schemes(list("agencies/ppc", 1, "")).await.unwrap().next_page_token;
    let foreign = ipa.list_schemes(list("agencies/ppc", 1, "")).await.unwrap().next_page_token;
    let second = ppc.list_schemes(list("agencies/ppc", 1, &token)).await.unwrap();
    assert_eq!((second.schemes.len(), second.next_page_token.as_str()), (1, ""));

    let mut tampered = token.clone();
    tampered.replace_range(0..1, if token.starts_with('A') { "B" } else { "A" });
    let made_up = "AAAA".to_owned();
    for wrong in [tampered, foreign, made_up] {
        refused(ppc.list_schemes(list("agencies/ppc", 1, &wrong)).await, Reason::PageTokenInvalid, "page_token");
    }
    refused(ppc.list_schemes(list("agencies/-", 1, &token)).await, Reason::PageTokenInvalid, "page_token");
    refused(ppc.list_schemes(list("agencies/meti", 1, "")).await, Reason::FieldInvalid, "parent");
}

fn list(parent: &str, page_size: u32, page_token: &str) -> ListSchemesRequest {
    ListSchemesRequest { parent: parent.to_owned(), page_size, page_token: page_token.to_owned() }
}

/// The names of a whole list, read in pages.
async fn names(acts: &Acts, parent: &str, page_size: u32) -> Vec<String> {
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let page = acts.list_schemes(list(parent, page_size, &token)).await.unwrap();
        assert!(page.schemes.len() <= usize::try_from(page_size).unwrap());
        names.extend(page.schemes.into_iter().map(|scheme| scheme.name));
        token = page.next_page_token;
        if token.is_empty() {
            return names;
        }
    }
}

#[tokio::test]
async fn the_peers_copy_serves_while_the_link_is_down() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    pair.cut_link();
    let name = ipa.scheme_name("unauthorised-access");
    let changed = ipa.revise_scheme(ipa.revising_scheme(&ipa.scheme(&name).await.unwrap())).await.unwrap();
    let copy = ppc.scheme(&name).await.unwrap();
    assert_eq!((copy.state(), copy.version, changed.version), (State::Published, 1, 2));
    let issued = ppc.issue(ppc.issuing()).await.unwrap();
    assert_eq!(issued.schemes, [copy]);

    pair.mend_link();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ppc.scheme(&name).await.unwrap().version, 2);
    // The introduced version is still the one of which the reporter was told.
    let referral = ipa.referral(&issued.referral.unwrap().name).await.unwrap();
    assert_eq!((referral.introduced[0].scheme_id.as_str(), referral.introduced[0].version), ("unauthorised-access", 1));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}
