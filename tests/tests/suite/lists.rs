//! Lists that are filtered by the state of a matter, by the agency for which it waits, and by its due day.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_client::{Answer, CallError};
use renkei_proto::{
    advice::v1::{ListAdviceRequestsRequest, advice_request},
    evidence::v1::ListAuditRecordsRequest,
    options::v1::Reason,
    referral::v1::{ListReferralsRequest, referral},
    sharing::v1::{ListItemsRequest, item},
    title::v1::{ListTitlesRequest, ListTitlesResponse, MatterTitle},
    r#type::v1::{Agency, Purpose},
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, settle, to_the_party, to_units},
    pair::Pair,
    scenario::start,
};

/// The names of the referrals in a state that wait for an agency.
async fn referrals(acts: &Acts, state: referral::State, waiting_for: Agency) -> Vec<String> {
    let request = ListReferralsRequest {
        parent: "agencies/-".to_owned(),
        state: state.into(),
        waiting_for: waiting_for.into(),
        ..ListReferralsRequest::default()
    };
    let page = acts.list_referrals(request).await.unwrap();
    assert_eq!(page.next_page_token, "");
    page.referrals.into_iter().map(|it| it.name).collect()
}

/// The names of the items in a state that wait for an agency.
async fn items(acts: &Acts, state: item::State, waiting_for: Agency) -> Vec<String> {
    let request = ListItemsRequest {
        parent: "agencies/-".to_owned(),
        state: state.into(),
        waiting_for: waiting_for.into(),
        ..ListItemsRequest::default()
    };
    let page = acts.list_items(request).await.unwrap();
    assert_eq!(page.next_page_token, "");
    page.items.into_iter().map(|it| it.name).collect()
}

/// The requests in a state that wait for an agency until a day.
fn advice(state: advice_request::State, waiting_for: Agency, due_until: &str) -> ListAdviceRequestsRequest {
    ListAdviceRequestsRequest {
        state: state.into(),
        waiting_for: waiting_for.into(),
        due_until: due_until.to_owned(),
        ..ListAdviceRequestsRequest::default()
    }
}

async fn requests(acts: &Acts, request: ListAdviceRequestsRequest) -> Vec<String> {
    let page = acts.list_advice_requests(request).await.unwrap();
    assert_eq!(page.next_page_token, "");
    page.advice_requests.into_iter().map(|it| it.name).collect()
}

#[tokio::test]
async fn referrals_are_listed_by_state_and_by_the_agency_that_has_the_duty() {
    use referral::State;
    let pair = Pair::in_process(start().unwrap(), 84).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let first = ppc.issued(ppc.issuing()).await.unwrap();
    let second = ppc.issued(ppc.issuing()).await.unwrap();
    let third = ipa.issued(ipa.issuing()).await.unwrap();
    let given = ppc.confirm(ppc.confirming(&first)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(given.waiting_for().count(), 0);
    assert_eq!(second.waiting_for().collect::<Vec<_>>(), [Agency::Ppc]);

    for acts in [&ppc, &ipa] {
        let all = referrals(acts, State::Unspecified, Agency::Unspecified).await;
        assert_eq!(all.len(), 3);
        assert_eq!(referrals(acts, State::Given, Agency::Unspecified).await, [first.name.as_str()]);
        let issued = referrals(acts, State::Issued, Agency::Unspecified).await;
        assert_eq!(issued, all.into_iter().filter(|name| *name != first.name).collect::<Vec<_>>());
        assert_eq!(referrals(acts, State::Unspecified, Agency::Ppc).await, [second.name.as_str()]);
        assert_eq!(referrals(acts, State::Issued, Agency::Ipa).await, [third.name.as_str()]);
        assert_eq!(referrals(acts, State::Given, Agency::Ppc).await, Vec::<String>::new());
    }

    // A page of one filter is continued with that filter alone.
    let mut request = ListReferralsRequest {
        parent: "agencies/-".to_owned(),
        page_size: 1,
        state: State::Issued.into(),
        ..ListReferralsRequest::default()
    };
    let page = ppc.list_referrals(request.clone()).await.unwrap();
    request.page_token.clone_from(&page.next_page_token);
    let rest = ppc.list_referrals(request.clone()).await.unwrap();
    let names = [page.referrals, rest.referrals].concat().into_iter().map(|it| it.name);
    let whole = referrals(&ppc, State::Issued, Agency::Unspecified).await;
    assert_eq!((names.collect::<Vec<_>>(), rest.next_page_token.as_str()), (whole, ""));
    let another = ListReferralsRequest { state: State::Given.into(), ..request.clone() };
    refused(ppc.list_referrals(another).await, Reason::PageTokenInvalid, "page_token");
    let unknown = ListReferralsRequest { state: 99, page_token: String::new(), ..request.clone() };
    refused(ppc.list_referrals(unknown).await, Reason::FieldInvalid, "state");
    let unknown = ListReferralsRequest { waiting_for: 3, page_token: String::new(), ..request };
    refused(ppc.list_referrals(unknown).await, Reason::FieldInvalid, "waiting_for");
}

#[tokio::test]
async fn requests_for_advice_are_listed_by_state_turn_and_due_day() {
    use advice_request::State;
    let pair = Pair::in_process(start().unwrap(), 85).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let first = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    let second = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let at_ipa = ipa.advice_request(&first.name).await.unwrap();
    ipa.hand_back_advice_request(ipa.handing_back(&at_ipa)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let day = second.due.clone().unwrap().on;

    let (first, second) = (first.name.as_str(), second.name.as_str());
    let none: [&str; 0] = [];
    for acts in [&ppc, &ipa] {
        assert_eq!(requests(acts, advice(State::Unspecified, Agency::Unspecified, "")).await, [second, first]);
        assert_eq!(requests(acts, advice(State::HandedBack, Agency::Unspecified, "")).await, [first]);
        assert_eq!(requests(acts, advice(State::Unspecified, Agency::Ppc, "")).await, [first]);
        assert_eq!(requests(acts, advice(State::Unspecified, Agency::Ipa, "")).await, [second]);
        assert_eq!(requests(acts, advice(State::HandedBack, Agency::Ipa, "")).await, none);
        // The request that was handed back has no day until PPC supplements it.
        assert_eq!(requests(acts, advice(State::Unspecified, Agency::Unspecified, &day)).await, [second]);
        assert_eq!(requests(acts, advice(State::Submitted, Agency::Ipa, &day)).await, [second]);
        assert_eq!(requests(acts, advice(State::Unspecified, Agency::Ppc, &day)).await, none);
        assert_eq!(requests(acts, advice(State::Unspecified, Agency::Unspecified, "2026-01-01")).await, none);
        let nonsense = advice(State::Unspecified, Agency::Unspecified, "2026-02-30");
        refused(acts.list_advice_requests(nonsense).await, Reason::FieldInvalid, "due_until");
    }

    // Nothing waits for anybody once the request is withdrawn.
    let own = ppc.advice_request(second).await.unwrap();
    ppc.withdraw_advice_request(ppc.withdrawing_advice(&own)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    for acts in [&ppc, &ipa] {
        assert_eq!(requests(acts, advice(State::Unspecified, Agency::Ipa, "")).await, none);
        assert_eq!(requests(acts, advice(State::Withdrawn, Agency::Unspecified, "")).await, [second]);
    }
}

#[tokio::test]
async fn items_are_listed_by_state_and_by_the_agency_that_owes_an_answer() {
    use item::State;
    let pair = Pair::in_process(start().unwrap(), 86).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let asked = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    let quiet = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    ppc.ask_about_item(ppc.asking_about(&ppc.item(&asked.name).await.unwrap())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let recalled = ipa.recall_item(ipa.recalling(&ipa.item(&quiet.name).await.unwrap())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    for acts in [&ppc, &ipa] {
        let states = [acts.item(&asked.name).await.unwrap().state(), acts.item(&recalled.name).await.unwrap().state()];
        assert_ne!(states[0], states[1]);
        assert_eq!(items(acts, states[0], Agency::Unspecified).await, [asked.name.as_str()]);
        assert_eq!(items(acts, states[1], Agency::Unspecified).await, [recalled.name.as_str()]);
        // A recall waits for both: for the receiver's answer, and for the originator to see to it.
        let waiting = [recalled.name.as_str(), asked.name.as_str()];
        assert_eq!(items(acts, State::Unspecified, Agency::Ipa).await, waiting);
        assert_eq!(items(acts, State::Unspecified, Agency::Ppc).await, waiting[..1]);
    }
}

async fn titles(acts: &Acts, caller: &str, matters: &[&str]) -> Answer<ListTitlesResponse> {
    let matters = matters.iter().map(|it| (*it).to_owned()).collect();
    let answer = acts.desk.titles(caller, Purpose::Policy).unwrap().list_titles(ListTitlesRequest { matters }).await;
    answer.map(tonic::Response::into_inner).map_err(CallError::from)
}

/// The outcomes of the listings of titles that are on record of a matter.
async fn outcomes(acts: &Acts, matter: &str) -> Vec<String> {
    let request = ListAuditRecordsRequest { matter: matter.to_owned(), ..ListAuditRecordsRequest::default() };
    let records = acts.list_audit_records(request).await.unwrap().records;
    let listings = records.into_iter().filter(|it| it.method.ends_with("/ListTitles"));
    listings.map(|it| it.outcome).collect()
}

#[tokio::test]
async fn a_page_of_titles_is_one_recorded_read_of_what_its_reader_may_see() {
    let pair = Pair::in_process(start().unwrap(), 87).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let asking = ppc.requesting();
    let subject = asking.title.clone();
    let advice = ppc.submit_advice_request(asking).await.unwrap().name;
    let open = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    let open = ipa.revise_item(ipa.revising_item(&open)).await.unwrap().name;
    let narrow = ipa.publish_item(ipa.publishing_item(to_units(&["guidance"], &[Purpose::Policy]))).await.unwrap().name;
    let ended = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    let ended = ipa.recall_item(ipa.recalling(&ended)).await.unwrap().name;
    settle(&ppc, &ipa).await.unwrap();
    let absent = "agencies/ipa/items/0199b7c4-0000-7000-8000-000000000001";
    let wrong = "agencies/ipa/adviceRequests/0199b7c4-0000-7000-8000-000000000001";
    let all = [open.as_str(), absent, &advice, &narrow, wrong, &ended];
    let titled = |matter: &str, title: &str| MatterTitle { matter: matter.to_owned(), title: title.to_owned() };
    let newest = titled(&open, "改めた内容");

    // At the receiver the scope hides one and the recall has sealed another; at the originator neither does.
    let here = titles(&ppc, "reader", &all).await.unwrap().titles;
    assert_eq!(here, [newest.clone(), titled(&advice, &subject)]);
    let there = titles(&ipa, "reader", &all).await.unwrap().titles;
    let (narrowed, recalled) = (titled(&narrow, "改ざんの手口"), titled(&ended, "改ざんの手口"));
    assert_eq!(there, [newest.clone(), titled(&advice, &subject), narrowed, recalled]);
    // A system that may read no requests for advice learns nothing of one.
    assert_eq!(titles(&ppc, "sharing", &[&advice, &open]).await.unwrap().titles, [newest]);

    // Each matter has its own record of each listing, with what came of it.
    for (matter, expected) in [
        (open.as_str(), &["OK", "OK"][..]),
        (&advice, &["OK", "NOT_FOUND"]),
        (&narrow, &["NOT_FOUND"]),
        (&ended, &["NOT_FOUND"]),
        (absent, &["NOT_FOUND"]),
        (wrong, &["NOT_FOUND"]),
    ] {
        assert_eq!(outcomes(&ppc, matter).await, expected, "{matter}");
    }
    for matter in [&advice, &narrow, &ended] {
        assert_eq!(outcomes(&ipa, matter).await, ["OK"], "{matter}");
    }
    assert_eq!(ppc.verify().await.unwrap().fault, "");

    for caller in ["intake", "operator", "auditor"] {
        refused(titles(&ppc, caller, &[&advice]).await, Reason::RoleMissing, "");
    }
    let many: Vec<String> = (0..51).map(|n| format!("agencies/ipa/items/0199b7c4-0000-7000-8000-{n:012}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(titles(&ppc, "reader", &many[..50]).await.unwrap().titles, []);
    for refused_names in [&many[..], &[], &[&advice, &advice]] {
        refused(titles(&ppc, "reader", refused_names).await, Reason::FieldInvalid, "matters");
    }
    refused(titles(&ppc, "reader", &["甲-R08-ADV-0001"]).await, Reason::FieldInvalid, "matters[0]");
}
