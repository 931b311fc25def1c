//! Traces as a foreign receiver gets them over OTLP, one receiver for each agency.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use renkei_proto::r#type::v1::Agency;
use renkei_tools::{
    acts::{both, publish_all, settle},
    http::get,
    pair::Pair,
    receiver::{Collector, Receiver},
    sandbox::walk_with,
    scenario::start,
    setup::{AGENCIES, Choice},
};
use serde_json::Value;

use crate::checkout::checkout;

const EXCHANGE: &str = "renkei.link.v1.LinkService/Exchange";

fn text<'a>(span: &'a Value, key: &str) -> &'a str {
    span[key].as_str().unwrap_or_default()
}

fn attribute<'a>(span: &'a Value, key: &str) -> &'a str {
    span["attributes"][key].as_str().unwrap_or_default()
}

/// The spans that one agency sent.
struct Sent(Vec<Value>);

impl Sent {
    fn of_trace(&self, trace: &str) -> Vec<&Value> {
        self.0.iter().filter(|span| text(span, "trace_id") == trace).collect()
    }

    /// Spans of this name that are in a trace or are linked to it.
    fn touching(&self, name: &str, trace: &str) -> Vec<&Value> {
        let linked = |span: &Value| {
            span["links"].as_array().is_some_and(|all| all.iter().any(|it| text(it, "trace_id") == trace))
        };
        self.0
            .iter()
            .filter(|span| text(span, "name") == name && (text(span, "trace_id") == trace || linked(span)))
            .collect()
    }
}

/// Name and parent's name of each span; a parent that is not among them is named by its id.
fn tree(spans: &[&Value]) -> BTreeSet<(String, String)> {
    let names: BTreeMap<&str, &str> = spans.iter().map(|span| (text(span, "span_id"), text(span, "name"))).collect();
    let parent = |span: &Value| {
        let id = span["parent_span_id"].as_str().unwrap_or_default().to_owned();
        names.get(id.as_str()).map_or(id, |name| (*name).to_owned())
    };
    spans.iter().map(|span| (text(span, "name").to_owned(), parent(span))).collect()
}

/// The spans without those of a batch, which are in one of its traces and are linked to the others.
fn own<'a>(spans: &[&'a Value]) -> Vec<&'a Value> {
    let of_batch: BTreeSet<&str> = spans
        .iter()
        .filter(|span| ["commit", "send", "receive", "receipt"].contains(&text(span, "name")))
        .map(|span| text(span, "span_id"))
        .collect();
    let is_own =
        |span: &&&Value| !of_batch.contains(text(span, "span_id")) && !of_batch.contains(text(span, "parent_span_id"));
    spans.iter().filter(is_own).copied().collect()
}

/// The acts that write private entries alone, which never cross.
const PRIVATE: [&str; 1] = ["ReviseStatutoryFacts"];

#[tokio::test]
async fn every_flow_is_one_trace_from_the_caller_to_the_peers_page_and_back_by_the_receipt() {
    let receivers =
        [Receiver::start(checkout(), None).await.unwrap(), Receiver::start(checkout(), None).await.unwrap()];
    let collectors = AGENCIES.iter().zip(&receivers).map(|(agency, receiver)| (agency.id(), receiver.address));
    let choice = Choice { collectors: collectors.collect(), sample_ratio: 1.0, ..Choice::default() };
    let mut pair = walk_with(None, [81; 32], choice, &mut |_| ()).await.unwrap();
    pair.stop_both().await.unwrap();
    let mut sent = Vec::new();
    for (receiver, agency) in receivers.into_iter().zip(AGENCIES) {
        let spans = receiver.end().await.unwrap();
        let service = format!("renkei-{}", agency.id());
        assert!(spans.iter().all(|span| text(span, "service") == service), "each agency sends its own spans only");
        sent.push(Sent(spans));
    }
    let mut flows = BTreeSet::new();
    for (own_spans, peers) in [(&sent[0], &sent[1]), (&sent[1], &sent[0])] {
        let written = own_spans
            .0
            .iter()
            .filter(|span| text(span, "name") == "write" && !attribute(span, "renkei.entry.id").is_empty());
        for write in written {
            let (trace, entry) = (text(write, "trace_id"), attribute(write, "renkei.entry.id"));
            let here = own_spans.of_trace(trace);
            // The service's own acts, as when an entry of the peer arrives, are in no caller's trace.
            let is_call = |span: &&&Value| text(span, "kind") == "server" && text(span, "name") != EXCHANGE;
            let Some(served) = here.iter().find(is_call) else { continue };
            assert_eq!(
                text(write, "parent_span_id"),
                text(served, "span_id"),
                "an entry is named where it was written"
            );
            let method = text(served, "name");
            if attribute(served, "rpc.status_code") == "PERMISSION_DENIED" {
                // A disclosure without a basis writes the record of the attempt, which never crosses, and its anchor.
                assert!(method.ends_with("/RecordDisclosure"), "{served}");
                flows.insert("RecordDisclosure (refused)".to_owned());
                continue;
            }
            assert_eq!(attribute(served, "rpc.status_code"), "OK", "{served}");
            // The peer's service answers a recall and a notice by itself; its answer comes back in the same trace.
            let answered = ["/GiveNotice", "/RecallItem"].iter().any(|act| method.ends_with(act));
            let answer = if answered { &[("verify", method), ("apply", method)][..] } else { &[] };
            let call = [(method, ""), ("authorize", method), ("write", method)];
            let call = call.iter().chain(answer).map(|(child, parent)| ((*child).to_owned(), (*parent).to_owned()));
            assert_eq!(tree(&own(&here)), call.collect(), "{method}");
            let act = method.rsplit('/').next().unwrap().to_owned();
            if PRIVATE.contains(&act.as_str()) {
                assert!(!own_spans.touching("commit", trace).is_empty(), "{method} has no commit");
                assert!(own_spans.touching("send", trace).is_empty(), "{method} is sent");
                assert!(peers.of_trace(trace).is_empty(), "{method} reaches the peer");
                flows.insert(act);
                continue;
            }
            for name in ["commit", "send", "receipt"] {
                assert!(!own_spans.touching(name, trace).is_empty(), "{method} has no {name}");
            }
            let there = peers.of_trace(trace);
            let parent = text(served, "span_id");
            let arrival = [("verify", parent), ("apply", parent)].map(|(child, of)| (child.to_owned(), of.to_owned()));
            assert_eq!(tree(&own(&there)), BTreeSet::from(arrival), "{method}");
            for span in own(&there) {
                assert_eq!(attribute(span, "renkei.entry.id"), entry, "{method}");
            }
            let received = peers.touching("receive", trace);
            assert!(!received.is_empty(), "{method} has no receive");
            // A commit that the arrival shares with another command is linked to both.
            for name in ["write", "commit"] {
                let stored = received.iter().any(|it| !peers.touching(name, text(it, "trace_id")).is_empty());
                assert!(stored, "{method} has no {name} at the peer");
            }
            flows.insert(act);
        }
    }
    let expected = [
        "AcceptAdviceRequest",
        "AcknowledgeItem",
        "AnnounceDisclosure",
        "AnswerClarification",
        "AnswerQuotation",
        "AnswerRecall",
        "AskClarification",
        "AskFurtherQuestions",
        "AskQuotation",
        "AssentToWithdrawal",
        "CheckpointAudit",
        "CloseAdviceRequest",
        "ConfirmReferralGiven",
        "CountReferrals",
        "DenyConsent",
        "DischargeReferral",
        "FollowUpReferral",
        "GiveAdvice",
        "GiveDisclosureOpinion",
        "GiveNotice",
        "GrantConsent",
        "IssueReferral",
        "PublishItem",
        "PublishScheme",
        "RecallItem",
        "RecordDisclosure",
        "RecordDisclosure (refused)",
        "RequestConsent",
        "ReviseJudgement",
        "RevisePlan",
        "ReviseStatutoryFacts",
        "SubmitAdviceRequest",
        "WithdrawNotice",
    ];
    assert_eq!(flows.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_collector_that_is_away_or_slow_fails_no_call_and_what_is_lost_is_counted() {
    let slow = Receiver::start(checkout(), Some(60)).await.unwrap();
    // The port stays taken without a listener, so that no other program gets it meanwhile.
    let away = tokio::net::TcpSocket::new_v4().unwrap();
    away.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let collectors = [("ppc", away.local_addr().unwrap()), ("ipa", slow.address)].into();
    let choice = Choice { collectors, sample_ratio: 1.0, ..Choice::default() };
    let mut pair = Pair::processes(None, start().unwrap(), [82; 32], choice).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    for agency in AGENCIES {
        let address = pair.side(agency).operator().unwrap();
        let counted = async {
            loop {
                let (_, metrics) = get(address, "/metrics").await.unwrap();
                let lost = metrics
                    .lines()
                    .find_map(|it| it.strip_prefix("renkei_spans_dropped_total{cause=\"export_failed\"} "));
                if lost.is_some_and(|lost| lost.parse::<f64>().unwrap() > 0.0) {
                    return;
                }
                ppc.agreement().await.unwrap();
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), counted).await.unwrap();
    }
    let (code, text) = pair.command_line(Agency::Ppc, &["doctor"]).await.unwrap();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.lines().any(|line| line.starts_with("warn collector") && line.contains("spans are lost")), "{text}");
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn the_collector_with_the_configuration_of_production_passes_traces_on() {
    let receiver = Receiver::start(checkout(), None).await.unwrap();
    // An address of its own: the collector does not report which port it uses.
    let collector = Collector::start(checkout(), "127.71.0.1:4317".parse().unwrap(), receiver.address).await.unwrap();
    let collectors = AGENCIES.iter().map(|agency| (agency.id(), collector.address)).collect();
    let choice = Choice { collectors, sample_ratio: 1.0, ..Choice::default() };
    let mut pair = Pair::processes(None, start().unwrap(), [83; 32], choice).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let (code, said) = pair.command_line(Agency::Ppc, &["doctor"]).await.unwrap();
    assert!(code == Some(0) && said.contains("ok   collector"), "{said}");
    pair.stop_both().await.unwrap();
    collector.end().await.unwrap();
    let spans = Sent(receiver.end().await.unwrap());
    for agency in AGENCIES {
        let service = format!("renkei-{}", agency.id());
        let is_published =
            |span: &&Value| text(span, "name").ends_with("/PublishScheme") && text(span, "service") == service;
        assert_eq!(spans.0.iter().filter(is_published).count(), 2, "{service}");
    }
}
