//! Log lines as an operator's tools read them.

use renkei_telemetry::{Error, Settings, Telemetry, span, start};
use tracing::dispatcher::with_default;
use tracing::{info, warn};

use crate::json::Json;
use crate::{CALLER, CALLERS_TRACE, Lines, settings};

const METHOD: &str = "renkei.referral.v1.ReferralService/IssueReferral";

/// The log lines of `act`.
fn logged(settings: (Settings, Lines), act: impl FnOnce()) -> Vec<Json> {
    let (settings, lines) = settings;
    with_default(&start(settings).unwrap().dispatch(), act);
    read(&lines)
}

fn read(lines: &Lines) -> Vec<Json> {
    let text = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| Json::parse(line).unwrap()).collect()
}

#[test]
fn a_line_is_one_json_object_whatever_is_in_it() {
    let awkward = "a \"b\"\\\n\r\u{1b}[31m 児童 \u{2028}";
    let lines = logged(settings("info"), || {
        info!(count = 3, big = u64::MAX, ratio = 0.5, none = f64::NAN, ok = true, awkward, "{awkward}");
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    assert_eq!(line.text("message"), Some(awkward));
    assert_eq!(line.text("level"), Some("INFO"));
    assert_eq!(line.text("target"), Some("telemetry::logs"));
    let timestamp = line.text("timestamp").unwrap();
    assert!(timestamp.len() == 27 && timestamp.ends_with('Z'), "{timestamp}");
    let fields = line.member("fields").unwrap();
    assert_eq!(fields.text("awkward"), Some(awkward));
    assert_eq!(fields.member("count"), Some(&Json::Number("3".to_owned())));
    assert_eq!(fields.member("big"), Some(&Json::Number(u64::MAX.to_string())));
    assert_eq!(fields.member("ratio"), Some(&Json::Number("0.5".to_owned())));
    assert_eq!(fields.member("none"), Some(&Json::Null));
    assert_eq!(fields.member("ok"), Some(&Json::Bool(true)));
    assert_eq!(line.member("sandbox"), None);
    assert_eq!(line.member("trace_id"), None);
}

#[test]
fn a_line_carries_the_trace_of_the_call_it_belongs_to() {
    let (spans, lines) = {
        let (settings, lines) = settings("info");
        let (telemetry, spans) = Telemetry::in_memory_with(settings).unwrap();
        with_default(&telemetry.dispatch(), || {
            span::rpc_server(METHOD, true, Some(CALLER)).in_scope(|| warn!("refused"));
        });
        (spans.finished(), read(&lines))
    };
    assert_eq!(lines[0].text("trace_id"), Some(CALLERS_TRACE));
    assert_eq!(lines[0].text("span_id"), Some(spans[0].span_id.as_str()));
}

#[test]
fn a_filter_that_hides_the_span_does_not_hide_its_trace() {
    let lines = logged(settings("warn"), || {
        span::rpc_server(METHOD, true, Some(CALLER)).in_scope(|| {
            info!("hidden");
            warn!("shown");
        });
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    assert_eq!((line.text("message"), line.text("trace_id")), (Some("shown"), Some(CALLERS_TRACE)));
}

#[test]
fn an_unsampled_span_is_not_named_but_its_trace_is() {
    let (settings, lines) = settings("info");
    let lines = logged((Settings { sample_ratio: 0.0, ..settings }, lines), || {
        span::rpc_server(METHOD, true, Some(CALLER)).in_scope(|| info!("served"));
    });
    assert_eq!(lines[0].text("trace_id"), Some(CALLERS_TRACE));
    assert_eq!(lines[0].text("span_id"), None);
}

#[test]
fn every_line_of_a_sandbox_names_the_sandbox() {
    let (settings, lines) = settings("info");
    let lines = logged((Settings { sandbox: true, ..settings }, lines), || {
        info!("one");
        warn!("other");
    });
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.member("sandbox") == Some(&Json::Bool(true))));
}

#[test]
fn an_error_is_logged_with_what_caused_it() {
    let error = start(settings("info,=[").0).unwrap_err();
    let lines = logged(settings("info"), || {
        warn!(error = &error as &dyn std::error::Error, "not started");
    });
    let error = lines[0].member("fields").and_then(|fields| fields.text("error")).unwrap();
    let cause = error.strip_prefix("the log filter cannot be read: ").unwrap();
    assert!(!cause.is_empty());
}

#[test]
fn an_error_event_does_not_turn_its_span_into_an_error() {
    let (telemetry, spans) = Telemetry::in_memory("renkei-ppc");
    with_default(&telemetry.dispatch(), || {
        span::rpc_server(METHOD, true, None).in_scope(|| tracing::error!("handled"));
    });
    assert!(!spans.finished()[0].failed);
}

#[test]
fn a_filter_that_cannot_be_read_stops_the_start() {
    let (settings, _) = settings("info,=[");
    assert!(matches!(start(settings), Err(Error::LogFilter(_))));
}

#[test]
fn the_transport_of_the_export_is_not_exported() {
    let (telemetry, spans) = Telemetry::in_memory("renkei-ppc");
    with_default(&telemetry.dispatch(), || {
        drop(tracing::info_span!(target: "h2::client", "frame"));
        drop(tracing::info_span!(target: "hyper_util::client", "pool"));
        drop(tracing::info_span!(target: "tonic::transport", "call"));
        drop(tracing::info_span!(target: "tower::buffer", "worker"));
        drop(tracing::info_span!(target: "opentelemetry_sdk", "export"));
        drop(span::rpc_server(METHOD, true, None));
    });
    let names: Vec<String> = spans.finished().into_iter().map(|span| span.name).collect();
    assert_eq!(names, [METHOD]);
}
