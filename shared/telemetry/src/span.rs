//! Every span of the system, each named once.
//!
//! Fields are limited to methods, command names, fact types, journals, ids of entries and counts:
//! never content, names, officials or a caller's own text. RPC attributes follow the OpenTelemetry
//! semantic conventions 1.45.

use opentelemetry::trace::Status;
use tracing::field::Empty;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{status, traceparent};

/// What stands for a method that this service does not know.
pub(crate) const OTHER_METHOD: &str = "_OTHER";

/// A call served. `method` is fully qualified, e.g.
/// `renkei.referral.v1.ReferralService/IssueReferral`; `known` says whether this service has it.
///
/// The caller's `traceparent` is its only possible parent. An unknown method is named nowhere:
/// its text is the caller's (so `rpc.method_original` is left out). End it with [`finish_rpc`].
#[must_use]
pub fn rpc_server(method: &str, known: bool, traceparent: Option<&str>) -> Span {
    let (name, method) = if known { (method, method) } else { ("grpc", OTHER_METHOD) };
    let span = info_span!(
        parent: None,
        "rpc.server",
        otel.name = name,
        otel.kind = "server",
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.status_code = Empty,
        error.type = Empty,
    );
    if let Some(caller) = traceparent {
        traceparent::set_parent(&span, caller);
    }
    span
}

/// A call made to the peer. `server.address` may be recorded once it is known. End it with
/// [`finish_rpc`].
#[must_use]
pub fn rpc_client(method: &str) -> Span {
    info_span!(
        "rpc.client",
        otel.name = method,
        otel.kind = "client",
        rpc.system.name = "grpc",
        rpc.method = method,
        server.address = Empty,
        rpc.status_code = Empty,
        error.type = Empty,
    )
}

/// Records how a call ended: `code` is the number of the gRPC status. A server's span becomes an
/// error only for a fault of its own; a client's for everything but OK.
pub fn finish_rpc(span: &Span, code: i32, is_server: bool) {
    let name = status::name(code);
    span.record("rpc.status_code", name);
    if status::is_failure(code, is_server) {
        span.record("error.type", name);
        // Without a description: a status message may quote the caller.
        span.set_status(Status::error(""));
    }
}

/// The judgement whether a caller may make its call.
#[must_use]
pub fn authorize() -> Span {
    info_span!("authorize")
}

/// One command, from the writer's queue to its answer.
#[must_use]
pub fn write(command_name: &str) -> Span {
    info_span!("write", renkei.command = command_name, renkei.entry.id = Empty)
}

/// One transaction of the writer with `commands` commands in it. It belongs to several traces:
/// link it to each command with [`traceparent::add_link`].
#[must_use]
pub fn commit(commands: usize) -> Span {
    info_span!("commit", renkei.commands = count(commands))
}

/// Entries `from` to `to` of a journal on their way to the peer.
#[must_use]
pub fn send(journal: &str, from: u64, to: u64) -> Span {
    info_span!(
        "send",
        otel.kind = "producer",
        renkei.journal = journal,
        renkei.seq.from = count(from),
        renkei.seq.to = count(to),
    )
}

/// Entries `from` to `to` of the peer's journal as they arrive.
#[must_use]
pub fn receive(journal: &str, from: u64, to: u64) -> Span {
    info_span!(
        "receive",
        otel.kind = "consumer",
        renkei.journal = journal,
        renkei.seq.from = count(from),
        renkei.seq.to = count(to),
    )
}

/// The check of one arriving entry's signature and digests. Say [`of_entry`] of it once the entry is known.
#[must_use]
pub fn verify() -> Span {
    info_span!("verify", renkei.entry.id = Empty)
}

/// One fact judged and folded into its page.
#[must_use]
pub fn apply(fact_type: &str) -> Span {
    info_span!("apply", renkei.fact.type = fact_type, renkei.entry.id = Empty)
}

/// The peer's receipt for a journal up to entry `to`.
#[must_use]
pub fn receipt(journal: &str, to: u64) -> Span {
    info_span!("receipt", renkei.journal = journal, renkei.seq.to = count(to))
}

/// Names the entry in a span of [`write()`], once there is one.
pub fn record_entry(span: &Span, entry_id: &str) {
    span.record("renkei.entry.id", entry_id);
}

/// Names the arrived entry that a span of [`verify`] or [`apply`] is about, and moves the span into the trace of the call
/// that led to the entry, whose context stands in the entry's header. Only before the span is first entered.
pub fn of_entry(span: &Span, entry_id: &str, traceparent: &str) {
    record_entry(span, entry_id);
    traceparent::set_parent(span, traceparent);
}

/// As OpenTelemetry counts: it has no unsigned integers, and would turn one into text.
fn count(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use tracing::Span;
    use tracing::dispatcher::with_default;

    use crate::{FinishedSpan, Telemetry, span};

    const METHOD: &str = "renkei.referral.v1.ReferralService/IssueReferral";
    const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    fn finished(make: impl FnOnce() -> Span) -> FinishedSpan {
        let (telemetry, spans) = Telemetry::in_memory("renkei-test");
        with_default(&telemetry.dispatch(), || drop(make()));
        spans.finished().pop().unwrap()
    }

    fn attributes(span: &FinishedSpan) -> Vec<(&str, &str)> {
        span.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    #[test]
    fn a_served_call_is_named_by_its_method_and_goes_on_in_the_callers_trace() {
        let span = finished(|| {
            let span = span::rpc_server(METHOD, true, Some(CALLER));
            span::finish_rpc(&span, 5, true);
            span
        });
        assert_eq!((span.name.as_str(), span.kind, span.failed), (METHOD, "server", false));
        assert_eq!(span.trace_id, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(span.parent.as_deref(), Some("b7ad6b7169203331"));
        assert_eq!(
            attributes(&span),
            [("rpc.method", METHOD), ("rpc.status_code", "NOT_FOUND"), ("rpc.system.name", "grpc")]
        );
    }

    #[test]
    fn the_text_of_an_unknown_method_is_nowhere() {
        let span = finished(|| span::rpc_server("/yamada/taro", false, None));
        assert_eq!(span.name, "grpc");
        assert_eq!(attributes(&span), [("rpc.method", "_OTHER"), ("rpc.system.name", "grpc")]);
    }

    #[test]
    fn a_served_call_never_hangs_under_a_span_that_happens_to_run() {
        let served = finished(|| {
            let around = span::authorize();
            around.in_scope(|| span::rpc_server(METHOD, true, None))
        });
        assert_eq!((served.name.as_str(), served.parent), (METHOD, None));
    }

    #[test]
    fn a_servers_own_fault_is_an_error() {
        let span = finished(|| {
            let span = span::rpc_server(METHOD, true, None);
            span::finish_rpc(&span, 13, true);
            span
        });
        assert!(span.failed);
        assert_eq!(span.attributes["error.type"], "INTERNAL");
    }

    #[test]
    fn a_refused_call_is_an_error_for_its_client() {
        let span = finished(|| {
            let span = span::rpc_client(METHOD);
            span::finish_rpc(&span, 7, false);
            span
        });
        assert_eq!((span.name.as_str(), span.kind, span.failed), (METHOD, "client", true));
        assert_eq!(span.attributes["error.type"], "PERMISSION_DENIED");
    }

    #[test]
    fn counts_are_numbers_and_an_entry_is_named_later() {
        let sent = finished(|| span::send("ppc", 7, u64::MAX));
        assert_eq!(sent.kind, "producer");
        assert_eq!(
            attributes(&sent),
            [("renkei.journal", "ppc"), ("renkei.seq.from", "7"), ("renkei.seq.to", "9223372036854775807")]
        );
        let written = finished(|| {
            let span = span::write("issue_referral");
            span::record_entry(&span, "0199-e1");
            span
        });
        assert_eq!(attributes(&written), [("renkei.command", "issue_referral"), ("renkei.entry.id", "0199-e1")]);
    }
}
