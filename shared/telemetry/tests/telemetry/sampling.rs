//! The decision to sample a trace belongs to this service.

use renkei_telemetry::traceparent::{current_traceparent, sampled};
use renkei_telemetry::{Error, Settings, Telemetry, span, start};
use tracing::dispatcher::with_default;

use crate::{CALLER, CALLERS_TRACE, settings};

const METHOD: &str = "renkei.referral.v1.ReferralService/IssueReferral";

fn start_with_ratio(sample_ratio: f64) -> Result<Telemetry, Error> {
    start(Settings { sample_ratio, ..settings("info").0 })
}

/// The context that the span of a served call passes on, and that of a span below it.
fn passed_on(sample_ratio: f64, caller: &str) -> (String, String) {
    let telemetry = start_with_ratio(sample_ratio).unwrap();
    with_default(&telemetry.dispatch(), || {
        span::rpc_server(METHOD, true, Some(caller))
            .in_scope(|| (current_traceparent(), span::write("issue_referral").in_scope(current_traceparent)))
    })
}

#[test]
fn a_remote_sampled_flag_does_not_make_us_sample() {
    let (served, below) = passed_on(0.0, CALLER);
    assert!(served.starts_with(&format!("00-{CALLERS_TRACE}-")), "the trace id is kept: {served}");
    assert!(served.ends_with("-00"));
    assert_eq!(served, below, "within it no further span is made");
}

#[test]
fn a_remote_unsampled_flag_does_not_keep_us_from_sampling() {
    let (served, below) = passed_on(1.0, &CALLER.replace("-01", "-00"));
    assert!(served.starts_with(&format!("00-{CALLERS_TRACE}-")));
    assert!(served.ends_with("-01") && below.ends_with("-01"));
    assert_ne!(served, below);
}

#[test]
fn a_trace_is_sampled_whole_or_not_at_all() {
    let telemetry = start_with_ratio(0.5).unwrap();
    with_default(&telemetry.dispatch(), || {
        for _ in 0..200 {
            let above = span::rpc_server(METHOD, true, None);
            let (one, other) =
                above.in_scope(|| (current_traceparent(), span::write("w").in_scope(current_traceparent)));
            assert_eq!(one[53..], other[53..], "the flags of one trace differ");
        }
    });
}

#[test]
fn a_ratio_outside_of_its_range_stops_the_start() {
    for ratio in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(start_with_ratio(ratio), Err(Error::SampleRatio(_))));
    }
}

#[test]
fn two_sides_in_one_process_keep_their_spans_apart() {
    let (ppc, ppc_spans) = Telemetry::in_memory("renkei-ppc");
    let (ipa, ipa_spans) = Telemetry::in_memory("renkei-ipa");
    let traces = sampled([CALLER]);
    let header = with_default(&ppc.dispatch(), || span::send("ppc", 1, 1, &traces).in_scope(current_traceparent));
    with_default(&ipa.dispatch(), || drop(span::rpc_server(METHOD, true, Some(&header))));
    let (sent, received) = (&ppc_spans.finished(), &ipa_spans.finished());
    assert_eq!((sent.len(), received.len()), (1, 1));
    assert_eq!(sent[0].trace_id, received[0].trace_id);
    assert_eq!(received[0].parent.as_deref(), Some(sent[0].span_id.as_str()));
}
