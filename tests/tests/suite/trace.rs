//! One trace id from the caller of one agency to the page of the other; each side's spans in its own exporter only.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use renkei_proto::{evidence::v1::ListEntriesRequest, watch::v1::event::Change};
use renkei_telemetry::FinishedSpan;
use renkei_tools::{
    acts::{Acts, both, publish_all, settle},
    pair::{Pair, Side},
    scenario::start,
    setup::AGENCIES,
};
use tonic::{Request, metadata::MetadataValue};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const ISSUE: &str = "renkei.referral.v1.ReferralService/IssueReferral";

/// A pair with both catalogues on both sides.
async fn published(seed: u8) -> (Pair, Acts, Acts) {
    let pair = Pair::in_process(start().unwrap(), seed).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    (pair, ppc, ipa)
}

/// PPC issues a referral for a caller that states this of its trace, and IPA has it. Gives its name.
async fn issue(ppc: &Acts, ipa: &Acts, traceparent: Option<&'static str>) -> String {
    let mut request = Request::new(ppc.issuing());
    if let Some(traceparent) = traceparent {
        request.metadata_mut().insert("traceparent", MetadataValue::from_static(traceparent));
    }
    let issued = ppc.desk.referrals().unwrap().issue_referral(request).await.unwrap().into_inner();
    settle(ppc, ipa).await.unwrap();
    issued.referral.unwrap().name
}

fn named<'a>(spans: &'a [FinishedSpan], name: &str) -> Vec<&'a FinishedSpan> {
    spans.iter().filter(|span| span.name == name).collect()
}

fn only<'a>(spans: &'a [FinishedSpan], name: &str) -> &'a FinishedSpan {
    let found = named(spans, name);
    assert_eq!(found.len(), 1, "{name} among {:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>());
    found[0]
}

fn of_trace(spans: &[FinishedSpan], trace_id: &str) -> Vec<FinishedSpan> {
    spans.iter().filter(|span| span.trace_id == trace_id).cloned().collect()
}

fn attribute<'a>(span: &'a FinishedSpan, key: &str) -> &'a str {
    span.attributes.get(key).map_or("", String::as_str)
}

/// Name and parent's name of each span of a trace; a parent elsewhere is named by its id.
fn tree(spans: &[FinishedSpan]) -> BTreeSet<(String, String)> {
    let parent = |span: &FinishedSpan| {
        let id = span.parent.clone().unwrap_or_default();
        spans.iter().find(|it| it.span_id == id).map_or(id, |it| it.name.clone())
    };
    spans.iter().map(|span| (span.name.clone(), parent(span))).collect()
}

fn pairs<'a>(edges: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeSet<(String, String)> {
    edges.into_iter().map(|(child, parent)| (child.to_owned(), parent.to_owned())).collect()
}

fn finished(side: &Side) -> Vec<FinishedSpan> {
    side.spans.as_ref().unwrap().finished()
}

#[tokio::test]
async fn the_callers_trace_goes_through_both_agencies() {
    let (mut pair, ppc, ipa) = published(31).await;
    let matter = issue(&ppc, &ipa, Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")).await;
    let (name, entry_id) = entry(&ppc, &matter).await;
    assert_eq!(entry(&ipa, &matter).await, (name.clone(), entry_id.clone()));
    // Spans that are still open end with their side.
    pair.stop_both().await.unwrap();
    let (ppc, ipa) = (finished(&pair.ppc), finished(&pair.ipa));

    let ours = of_trace(&ppc, TRACE);
    let call = [(ISSUE, CALLER), ("authorize", ISSUE), ("write", ISSUE), ("commit", "write")];
    let delivery = [("send", ISSUE), ("receipt", ISSUE), ("write", "receipt")];
    assert_eq!(tree(&ours), pairs(call.into_iter().chain(delivery)));
    let served = only(&ours, ISSUE);
    assert_eq!((served.kind, served.failed, attribute(served, "rpc.status_code")), ("server", false, "OK"));
    let write = ours.iter().find(|span| attribute(span, "renkei.command") == "issue_referral").unwrap();
    assert_eq!(attribute(write, "renkei.entry.id"), entry_id);
    let send = only(&ours, "send");
    assert_eq!((send.kind, attribute(send, "renkei.journal")), ("producer", "ppc"));
    let receipt = only(&ours, "receipt");
    assert_eq!((attribute(receipt, "renkei.journal"), attribute(receipt, "renkei.seq.to")), ("ppc", seq(&name)));

    let theirs = of_trace(&ipa, TRACE);
    let parent = served.span_id.as_str();
    let arrival =
        [("receive", parent), ("verify", parent), ("write", "receive"), ("commit", "write"), ("apply", parent)];
    assert_eq!(tree(&theirs), pairs(arrival));
    assert_eq!(attribute(only(&theirs, "verify"), "renkei.entry.id"), entry_id);
    let apply = only(&theirs, "apply");
    assert_eq!(attribute(apply, "renkei.entry.id"), entry_id);
    assert_eq!(attribute(apply, "renkei.fact.type"), "referral_issued");
    let receive = only(&theirs, "receive");
    assert_eq!((receive.kind, attribute(receive, "renkei.journal")), ("consumer", "ppc"));
    assert_eq!(attribute(only(&theirs, "write"), "renkei.command"), "arrive");
}

fn seq(entry_name: &str) -> &str {
    entry_name.rsplit('/').next().unwrap()
}

/// Name and id of the issuing entry as one side has it. Its header and the side's feed name the trace.
async fn entry(acts: &Acts, matter: &str) -> (String, String) {
    let request = ListEntriesRequest { matter: matter.to_owned(), ..ListEntriesRequest::default() };
    let listed = acts.list_entries(request).await.unwrap().entries;
    let entry = listed.into_iter().find(|entry| entry.fact_type == "referral_issued").unwrap();
    assert_eq!(entry.trace_id, TRACE);
    let mut feed = acts.watch("-", matter).await.unwrap();
    loop {
        let event = feed.event().await.unwrap();
        if matches!(&event.change, Some(Change::EntryApplied(applied)) if applied.entry == entry.name) {
            assert!(event.traceparent.starts_with(&format!("00-{TRACE}-")), "{}", event.traceparent);
            return (entry.name, entry.entry_id);
        }
    }
}

#[tokio::test]
async fn each_side_exports_its_own_spans_and_no_others() {
    let (mut pair, ppc, ipa) = published(32).await;
    issue(&ppc, &ipa, None).await;
    pair.stop_both().await.unwrap();
    let sides = [finished(&pair.ppc), finished(&pair.ipa)];
    let ids = |spans: &[FinishedSpan]| spans.iter().map(|span| span.span_id.clone()).collect::<BTreeSet<_>>();
    assert!(ids(&sides[0]).is_disjoint(&ids(&sides[1])));
    for (own, spans) in AGENCIES.into_iter().zip(&sides) {
        let journals = |name| named(spans, name).into_iter().map(|span| attribute(span, "renkei.journal"));
        assert!(journals("send").chain(journals("receipt")).all(|journal| journal == own.id()), "{own:?}");
        assert!(journals("receive").all(|journal| journal == own.peer().id()), "{own:?}");
        for name in ["send", "receive", "receipt", "write", "commit", "verify", "apply"] {
            assert!(!named(spans, name).is_empty(), "{own:?} has no span {name}");
        }
    }
    assert!(named(&sides[1], ISSUE).is_empty() && !named(&sides[0], ISSUE).is_empty());
}

#[tokio::test]
async fn a_callers_flag_is_a_hint_and_a_broken_context_is_ignored() {
    let (mut pair, ppc, ipa) = published(33).await;
    for (given, goes_on) in [
        ("00-4bf92f3577b34da6a3ce929d0e0e4731-00f067aa0ba902b7-00", true),
        ("00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01", false),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4733-00f067aa0ba902b7-01", false),
    ] {
        let matter = issue(&ppc, &ipa, Some(given)).await;
        let request = ListEntriesRequest { matter, ..ListEntriesRequest::default() };
        for acts in [&ppc, &ipa] {
            let trace_id = &acts.list_entries(request.clone()).await.unwrap().entries[0].trace_id;
            assert_eq!((trace_id.len(), given.contains(trace_id)), (32, goes_on), "{given}");
        }
    }
    pair.stop_both().await.unwrap();
    let served = named(&finished(&pair.ppc), ISSUE).len();
    assert_eq!(served, 3, "our own ratio decides what is sampled");
}
