//! The change feed: names of what changed, in the order of commit, from any cursor on.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use prost::Message as _;
use renkei_client::{CallError, Watch};
use renkei_proto::{
    options::v1::Reason,
    referral::v1::{IssueReferralRequest, ListReferralsRequest, ListSchemesRequest, SchemeContent},
    r#type::v1::{Agency, Finding, Text},
    watch::v1::{Event, WatchRequest, WatchResponse, event::Change, watch_service_client::WatchServiceClient},
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, settle, words},
    desk::{PATIENCE, TANAKA},
    pair::Pair,
    scenario::start,
};

/// The next answers with an event.
async fn events(feed: &mut Watch, count: usize) -> Vec<WatchResponse> {
    let mut events = Vec::new();
    while events.len() < count {
        events.extend(Some(feed.answer().await.unwrap()).filter(|answer| answer.event.is_some()));
    }
    events
}

/// Reads until the watch ends.
pub(crate) async fn end(feed: &mut Watch) -> CallError {
    loop {
        if let Err(error) = feed.answer().await {
            return error;
        }
    }
}

fn changes(answers: &[WatchResponse]) -> Vec<Event> {
    answers.iter().map(|answer| answer.event.clone().unwrap()).collect()
}

/// Acts of every kind that the feed tells of.
async fn acts(pair: &Pair, ppc: &Acts, ipa: &Acts) {
    publish_all(ppc, ipa).await.unwrap();
    let issued = ppc.issue(IssueReferralRequest { with_code: true, ..ppc.issuing() }).await.unwrap();
    let referral = issued.referral.unwrap();
    pair.cut_link();
    ppc.revise(ppc.revising(&referral, Finding::Suspected)).await.unwrap();
    pair.mend_link();
    settle(ppc, ipa).await.unwrap();
    ipa.follow_up(ipa.following_up(&issued.code)).await.unwrap();
    settle(ppc, ipa).await.unwrap();
}

#[tokio::test]
async fn changes_come_in_the_order_of_commit_and_a_cursor_goes_on_without_loss_or_repeat() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    acts(&pair, &ppc, &ipa).await;
    let last = ppc.issued(ppc.issuing()).await.unwrap();

    // Everything from the beginning, up to the last referral.
    let mut feed = ppc.watch("-", "").await.unwrap();
    let mut all = Vec::new();
    while all.last().is_none_or(|answer: &WatchResponse| answer.event.as_ref().unwrap().matter != last.name) {
        all.extend(events(&mut feed, 1).await);
    }
    let told = changes(&all);
    let own: Vec<String> = told.iter().filter_map(|event| entry(event, Agency::Ppc)).collect();
    let expected: Vec<String> =
        (1..=ppc.link().await.unwrap().own_seq).map(|seq| format!("agencies/ppc/entries/{seq}")).collect();
    assert_eq!(own, expected);
    let of_peer = told.iter().filter_map(|event| entry(event, Agency::Ipa)).count();
    assert_eq!(of_peer, 4);
    let states: Vec<&str> = told.iter().filter_map(|event| state_of(event, "referral")).collect();
    assert_eq!(states, ["STATE_ISSUED", "STATE_ISSUED", "STATE_FOLLOWED_UP", "STATE_ISSUED"]);
    assert!(told.iter().any(|event| matches!(event.change, Some(Change::DeliveryChanged(_)))));
    assert!(told.iter().any(|event| matches!(event.change, Some(Change::LinkChanged(_)))));
    assert!(told.is_sorted_by_key(|event| event.time.map(|time| (time.seconds, time.nanos))));

    // From every cursor the rest follows, also after a restart.
    pair.stop(Agency::Ppc).await.unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    for (n, answer) in all.iter().enumerate() {
        let rest = all.len() - n - 1;
        let mut feed = ppc.watch(&answer.cursor, "").await.unwrap();
        assert_eq!(changes(&events(&mut feed, rest).await), told[n + 1..]);
    }
}

/// The name of the entry that an event tells of, if this agency wrote it.
fn entry(event: &Event, author: Agency) -> Option<String> {
    match &event.change {
        Some(Change::EntryApplied(applied)) if applied.author() == author => Some(applied.entry.clone()),
        _ => None,
    }
}

/// The state that an event tells of a matter whose name has this noun.
fn state_of<'a>(event: &'a Event, noun: &str) -> Option<&'a str> {
    match &event.change {
        Some(Change::EntryApplied(applied)) if event.matter.contains(noun) => Some(&applied.state),
        _ => None,
    }
}

#[tokio::test]
async fn a_watch_from_now_on_tells_of_one_matter_alone_when_asked_so() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let (one, other) = (ppc.issued(ppc.issuing()).await.unwrap(), ppc.issued(ppc.issuing()).await.unwrap());
    settle(&ppc, &ipa).await.unwrap();
    let (mut of_one, mut of_all) = (ppc.watch("", &one.name).await.unwrap(), ppc.watch("", "").await.unwrap());
    ppc.confirm(ppc.confirming(&other)).await.unwrap();
    ppc.confirm(ppc.confirming(&one)).await.unwrap();
    assert_eq!(of_all.event().await.unwrap().matter, other.name);
    let given = of_one.event().await.unwrap();
    assert_eq!((given.matter.as_str(), state_of(&given, "referral")), (one.name.as_str(), Some("STATE_GIVEN")));
    refused(ppc.watch("", "referrals/1").await.map(|_| ()), Reason::FieldInvalid, "matter");
}

#[tokio::test]
async fn a_cursor_that_this_service_did_not_make_is_unknown() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let own = ppc.watch("", "").await.unwrap().cursor().to_owned();
    let foreign = ipa.watch("", "").await.unwrap().cursor().to_owned();
    let page = ListSchemesRequest { parent: "agencies/-".to_owned(), page_size: 1, page_token: String::new() };
    let token = ppc.list_schemes(page).await.unwrap().next_page_token;
    let shortened = own[..own.len() - 1].to_owned();
    let mut tampered = own.clone();
    let other = if shortened.ends_with('A') { "Q" } else { "A" };
    tampered.replace_range(own.len() - 2..own.len() - 1, other);
    for cursor in [foreign, token, tampered, shortened, "1".to_owned(), "--".to_owned()] {
        refused(ppc.watch(&cursor, "").await.map(|_| ()), Reason::CursorUnknown, "cursor");
    }
    refused(ppc.watch(&"A".repeat(257), "").await.map(|_| ()), Reason::FieldInvalid, "cursor");
    assert_eq!(ppc.watch(&own, "").await.map(|_| ()), Ok(()));
}

#[tokio::test]
async fn sixteen_of_one_caller_may_watch_at_once_and_a_place_that_is_given_up_is_free_again() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, _ipa) = both(&pair).unwrap();
    let mut watches = Vec::new();
    for _ in 0..16 {
        watches.push(ppc.watch("", "").await.unwrap());
    }
    let full = ppc.watch("", "").await.map(|_| ());
    assert_eq!(full.as_ref().unwrap_err().limit, Some(("watchers of one caller".to_owned(), "16".to_owned())));
    refused(full, Reason::TooManyWatchers, "");
    // Another system has its own places, and those that watch go on.
    let neighbour = WatchServiceClient::new(ppc.desk.on_behalf_of("casework", TANAKA).unwrap());
    neighbour.clone().watch(WatchRequest::default()).await.unwrap();
    let scheme = ppc.publish(ppc.publishing("leak-report")).await.unwrap();
    for watch in &mut watches {
        while watch.event().await.unwrap().matter != scheme.name {}
    }
    watches.pop();
    let freed = async { while ppc.watch("", "").await.is_err() {} };
    tokio::time::timeout(PATIENCE, freed).await.unwrap();
}

#[tokio::test]
async fn a_service_that_shuts_down_tells_its_watchers() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, _ipa) = both(&pair).unwrap();
    let mut feed = ppc.watch("", "").await.unwrap();
    let scheme = ppc.publish(ppc.publishing("leak-report")).await.unwrap();
    while feed.event().await.unwrap().matter != scheme.name {}
    let (stopped, ended) = tokio::join!(pair.stop(Agency::Ppc), end(&mut feed));
    stopped.unwrap();
    refused::<()>(Err(ended), Reason::Draining, "");
    // The cursor of then is good now.
    pair.start(Agency::Ppc).await.unwrap();
    let mut feed = ppc.watch(feed.cursor(), "").await.unwrap();
    let next = ppc.publish(ppc.publishing("next")).await.unwrap();
    while feed.event().await.unwrap().matter != next.name {}
}

#[tokio::test]
async fn a_client_watches_on_without_loss_or_repeat_when_its_line_is_cut_and_when_the_service_starts_again() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, _ipa) = both(&pair).unwrap();
    let mut feed = ppc.watch("-", "").await.unwrap();
    let mut published = Vec::new();
    for round in 0..6 {
        published.push(ppc.publish(ppc.publishing(&format!("scheme-{round}"))).await.unwrap().name);
        match round % 3 {
            0 => {
                pair.ppc.desk_wire.cut();
                pair.ppc.desk_wire.mend();
            }
            1 => {
                pair.stop(Agency::Ppc).await.unwrap();
                pair.start(Agency::Ppc).await.unwrap();
            }
            _ => {}
        }
    }
    let mut seen = Vec::new();
    while seen.len() < published.len() {
        let event = tokio::time::timeout(PATIENCE, feed.event()).await.unwrap().unwrap();
        seen.extend(Some(event.matter).filter(|matter| matter.contains("/schemes/")));
    }
    assert_eq!(seen, published);
}

#[tokio::test]
async fn a_watch_goes_on_from_where_a_list_was_read() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    ppc.issued(ppc.issuing()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let parent = "agencies/-".to_owned();
    let schemes = ListSchemesRequest { parent: parent.clone(), ..ListSchemesRequest::default() };
    let referrals = ListReferralsRequest { parent, ..ListReferralsRequest::default() };
    let cursors = [ppc.list_schemes(schemes).await.unwrap().as_of, ppc.list_referrals(referrals).await.unwrap().as_of];
    let next = ppc.issued(ppc.issuing()).await.unwrap();
    for cursor in cursors {
        assert_eq!(ppc.watch(&cursor, "").await.unwrap().event().await.unwrap().matter, next.name);
    }
}

#[tokio::test]
async fn no_event_contains_content() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let canary = "カナリア7391";
    let text = || Some(Text { ja: canary.to_owned(), en: canary.to_owned() });
    let content = SchemeContent { title: text(), basis: text(), what: text(), ..words("制度") };
    let scheme = renkei_proto::referral::v1::PublishSchemeRequest {
        content: Some(content),
        ..ppc.publishing("leak-report-private")
    };
    ppc.publish(scheme).await.unwrap();
    ipa.publish(ipa.publishing("unauthorised-access")).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let report = IssueReferralRequest { report: "canary-7391".to_owned(), ..ppc.issuing() };
    let issued = ppc.issued(report).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    for acts in [&ppc, &ipa] {
        let mut feed = acts.watch("-", "").await.unwrap();
        loop {
            let answer = feed.answer().await.unwrap();
            let bytes = answer.encode_to_vec();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(canary) && !text.contains("canary-7391") && !text.contains("tanaka"), "{answer:?}");
            if answer.event.is_some_and(|event| event.matter == issued.name) {
                break;
            }
        }
    }
}
