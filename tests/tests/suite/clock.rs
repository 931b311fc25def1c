//! A wall clock that jumps: no act is dated by it until it is right again or an operator has confirmed it.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use renkei_domain::{calendar::TOKYO, moment::instant};
use renkei_proto::{link::v1::link_status::State, options::v1::Reason, r#type::v1::Agency};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, settle, to_the_party},
    http::get,
    pair::Pair,
    raw,
    scenario::start,
    setup::{AGENCIES, Choice},
};
use serde_json::Value;

/// Nobody waits longer for what a service finds out every second.
const END: Duration = Duration::from_secs(20);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn judged(seed: u8) -> Pair {
    let choice = Choice { judged_clocks: true, ..Choice::default() };
    Pair::processes(None, start().unwrap(), [seed; 32], choice).await.unwrap()
}

async fn status(pair: &Pair, agency: Agency) -> Value {
    let (code, text) = pair.command_line(agency, &["status", "--json"]).await.unwrap();
    assert_eq!(code, Some(0), "{text}");
    serde_json::from_str(&text).unwrap()
}

/// Waits until PPC's desk reports that it is ready, or that it is not.
async fn until_ready_is(pair: &Pair, ready: bool) {
    let channel = pair.ppc.desk.channel("reader").unwrap();
    let health = async || raw::call(&channel, "/grpc.health.v1.Health/Check", &[], &[]).await.unwrap();
    let asking = async { while health().await != [[8, u8::from(!ready) + 1]] {} };
    tokio::time::timeout(END, asking).await.unwrap();
}

/// The instant at which an agency wrote its last entry.
async fn last_written(acts: &Acts) -> Timestamp {
    let seq = acts.link().await.unwrap().own_seq;
    let entry = acts.entry(acts.agency, seq).await.unwrap();
    instant(&entry.written_at.unwrap())
}

fn in_japan(time: Timestamp) -> String {
    TOKYO.to_datetime(time).to_string()
}

async fn confirm(pair: &Pair, time: Timestamp, more: &[&str]) -> (Option<i32>, String) {
    let time = in_japan(time);
    let arguments = [&["confirm-clock", "--time", &time, "--reason", "compared with a watch"], more].concat();
    pair.command_line(Agency::Ppc, &arguments).await.unwrap()
}

#[tokio::test]
async fn a_clock_that_jumps_dates_no_act_and_every_sign_reports_it() {
    let mut pair = judged(81).await;
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let item = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    ppc.item_entries(&item.name).await.unwrap();
    until_ready_is(&pair, true).await;

    pair.set_clock_of(Agency::Ppc, "9998-01-01T09:00:00+09:00".parse().unwrap()).unwrap();
    let write = ppc.publishing("new");
    refused(ppc.publish(write.clone()).await, Reason::ClockDoubted, "");
    refused(ppc.item_entries(&item.name).await, Reason::ClockDoubted, "");
    ppc.scheme(&ppc.scheme_name("leak-report-private")).await.unwrap();
    // The peer's entries arrive all the same, under the time that has passed.
    let theirs = ipa.publish(ipa.publishing("arrives")).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let seq = ipa.link().await.unwrap().own_seq;
    let arrived = ppc.entry(Agency::Ipa, seq).await.unwrap();
    let arrived_at = instant(&arrived.arrived_at.unwrap());
    assert!(arrived_at.duration_since(start().unwrap()) < HOUR, "{arrived_at} {}", theirs.name);

    until_ready_is(&pair, false).await;
    let told = status(&pair, Agency::Ppc).await;
    let why = told["clock"].as_str().unwrap();
    // The second in which the service was asked follows.
    let doubt = "it shows 9998-01-01T00:00:00Z, although, by the time that has passed, it is 2026-11-24T00:0";
    assert!(why.starts_with(doubt), "{why}");
    for (task, code, words) in
        [("status", 0, "clock doubted"), ("health", 1, "the clock is doubted: it shows 9998"), ("doctor", 1, doubt)]
    {
        let (ended, text) = pair.command_line(Agency::Ppc, &[task]).await.unwrap();
        assert_eq!(ended, Some(code), "{text}");
        assert!(text.contains(words), "{task}: {text}");
    }
    let (_, metrics) = get(pair.ppc.operator().unwrap(), "/metrics").await.unwrap();
    assert!(metrics.contains("renkei_clock_doubted 1\n"), "{metrics}");
    assert_eq!(status(&pair, Agency::Ipa).await["clock"], "", "the peer's clock is its own affair");

    // Right again: nobody has to do anything.
    pair.set_clock_of(Agency::Ppc, start().unwrap()).unwrap();
    assert_eq!(ppc.publish(write).await.unwrap().version, 1);
    assert!(last_written(&ppc).await.duration_since(start().unwrap()) < HOUR);
    until_ready_is(&pair, true).await;
    ppc.item_entries(&item.name).await.unwrap();
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn a_jump_that_stays_is_confirmed_with_the_time_of_another_clock() {
    let mut pair = judged(82).await;
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let later = start().unwrap() + 3 * HOUR;
    pair.set_clock_of(Agency::Ppc, later).unwrap();
    let write = ppc.publishing("new");
    refused(ppc.publish(write.clone()).await, Reason::ClockDoubted, "");
    until_ready_is(&pair, false).await;

    let (code, text) = confirm(&pair, start().unwrap(), &[]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("this machine's clock shows 2026-11-24T03:00:00Z") && text.contains("set it right first"),
        "{text}"
    );
    let (code, text) =
        pair.command_line(Agency::Ppc, &["confirm-clock", "--time", "now", "--reason", "x"]).await.unwrap();
    assert!(code == Some(1) && text.contains("`--time` must be a time such as"), "{text}");
    refused(ppc.publish(write.clone()).await, Reason::ClockDoubted, "");

    let (code, text) = confirm(&pair, later, &[]).await;
    assert_eq!((code, text.as_str()), (Some(0), "the clock is confirmed: it is 2026-11-24T03:00:00Z\n"));
    until_ready_is(&pair, true).await;
    assert_eq!(ppc.publish(write).await.unwrap().version, 1);
    let ahead = last_written(&ppc).await.duration_since(later);
    assert!(ahead.abs() < HOUR, "{ahead}");
    settle(&ppc, &ipa).await.unwrap();
    let (code, text) = pair.command_line(Agency::Ppc, &["verify"]).await.unwrap();
    assert!(code == Some(0) && text.contains("journals verified: "), "{text}");
    // Ten minutes back are no jump, and no act is dated before another.
    let last = last_written(&ppc).await;
    pair.set_clock_of(Agency::Ppc, later - SignedDuration::from_mins(10)).unwrap();
    ppc.publish(ppc.publishing("newer")).await.unwrap();
    assert_eq!(last_written(&ppc).await, last);
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn a_service_started_with_a_wrong_clock_accepts_no_act_and_no_entry_until_it_is_confirmed() {
    let mut pair = judged(83).await;
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    // Both are down for 29 days. The peer's clock agrees; one that does not would be a reason to doubt.
    pair.stop_both().await.unwrap();
    for agency in AGENCIES {
        pair.set_clock_of(agency, start().unwrap() + DAY * 29).unwrap();
        let (_, text) = pair.command_line(agency, &["doctor"]).await.unwrap();
        assert!(text.contains("agrees with the last run"), "{text}");
        pair.start(agency).await.unwrap();
    }
    until_ready_is(&pair, true).await;
    ppc.publish(ppc.publishing("in-time")).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();

    for away in [DAY * 60, DAY * 28] {
        pair.stop(Agency::Ppc).await.unwrap();
        pair.set_clock_of(Agency::Ppc, start().unwrap() + away).unwrap();
        let (_, text) = pair.command_line(Agency::Ppc, &["doctor"]).await.unwrap();
        assert!(text.contains("although this service last ran at 2026-12-23"), "{text}");
        pair.start(Agency::Ppc).await.unwrap();
        refused(ppc.publish(ppc.publishing("out-of-time")).await, Reason::ClockDoubted, "");
    }
    let told = status(&pair, Agency::Ppc).await;
    assert!(told["clock"].as_str().unwrap().contains("although this service last ran at 2026-12-23"), "{told}");
    let before = ppc.link().await.unwrap().peer_seq;
    let waits = ipa.publish(ipa.publishing("waits")).await.unwrap();
    ipa.ask_link("a connection", |link| link.state() == State::Connected && link.backlog > 0).await.unwrap();
    assert_eq!(ppc.link().await.unwrap().peer_seq, before, "what arrives is dated here");

    let now = start().unwrap() + DAY * 28;
    let (code, text) = confirm(&pair, now, &[]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("the last entry is dated 2026-12-23") && text.contains("--dated-ahead"), "{text}");
    let (code, text) = confirm(&pair, now, &["--dated-ahead"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("until 2026-12-23"), "{text}");
    until_ready_is(&pair, true).await;
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ppc.shared_scheme(&waits.name).await.unwrap().version, 1);
    let last = last_written(&ppc).await;
    ppc.publish(ppc.publishing("dated-ahead")).await.unwrap();
    assert_eq!(last_written(&ppc).await, last, "the operator has agreed to that");
    pair.stop(Agency::Ppc).await.unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    until_ready_is(&pair, true).await;
    ppc.publish(ppc.publishing("after-a-restart")).await.unwrap();
    pair.stop_both().await.unwrap();
}

/// The instant at which PPC wrote its newest entry, by the clock of its service.
async fn written(ppc: &Acts, scheme: &str) -> Timestamp {
    ppc.publish(ppc.publishing(scheme)).await.unwrap();
    let seq = ppc.link().await.unwrap().own_seq;
    instant(&ppc.entry(Agency::Ppc, seq).await.unwrap().written_at.unwrap())
}

#[tokio::test]
async fn a_sandboxs_clock_runs_on_from_where_it_was_and_is_moved_through_its_file() {
    let pair = Pair::processes(None, start().unwrap(), [73; 32], Choice::default()).await.unwrap();
    let (ppc, _) = both(&pair).unwrap();
    pair.world().run_clock().unwrap();
    let first = written(&ppc, "first").await;
    let second = written(&ppc, "second").await;
    assert!(start().unwrap() < first && first < second, "{first} {second}");
    // As in the last lines of the sandbox.
    std::fs::write(pair.setup.dir.join("clock"), "2026-12-15T09:00:00+09:00 runs\n").unwrap();
    let moved = written(&ppc, "moved").await;
    assert_eq!(renkei_domain::calendar::day(moved).to_string(), "2026-12-15");
    assert!(moved < written(&ppc, "later").await, "it runs on from there");
}
