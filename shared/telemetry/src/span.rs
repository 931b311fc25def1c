//! Every span of the system, each named once.
//!
//! Fields are limited to methods, command names, fact types, journals, ids of entries and counts:
//! never content, names, officials or a caller's own text. RPC attributes follow the OpenTelemetry
//! semantic conventions 1.45.
//!
//! A trace that is not sampled has one span, that of its call, which is exported only if the call fails. All spans
//! within it are [`Span::none`], because an unseen span costs as much as a visible one. Work for several traces at once
//! (a commit, a batch on its way) has one span, in the first sampled trace, with a link to each of the others.

use opentelemetry::Context;
use opentelemetry::trace::{Status, TraceContextExt};
use tracing::field::Empty;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::status;
use crate::traceparent::{self, Traceparent};

/// The name recorded in place of a method that this service does not have.
pub(crate) const OTHER_METHOD: &str = "_OTHER";

/// The span of a served call. `method` is fully qualified, such as `renkei.referral.v1.ReferralService/IssueReferral`;
/// `known` is true if this service has the method.
///
/// Only the caller's `traceparent` can be its parent. An unknown method is never named, because its text is the
/// caller's (so `rpc.method_original` is left out). The span ends with [`finish_rpc`].
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
    if let Some(caller) = traceparent.and_then(Traceparent::parse) {
        traceparent::continue_from(&span, &caller);
    }
    span
}

/// The span of a call to the peer. `server.address` may be recorded once it is known. The span ends with
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

/// Records the end of a call: `code` is the number of the gRPC status. A server's span becomes an error only for a
/// fault of the server; a client's for every code but OK.
pub fn finish_rpc(span: &Span, code: i32, is_server: bool) {
    let name = status::name(code);
    span.record("rpc.status_code", name);
    if status::is_failure(code, is_server) {
        span.record("error.type", name);
        // The status has no description, because a status message may quote the caller.
        span.set_status(Status::error(""));
    }
}

/// The decision on whether a caller may make its call.
#[must_use]
pub fn authorize() -> Span {
    if runs_sampled() { info_span!("authorize") } else { Span::none() }
}

/// The time of one command from the writer's queue to its answer.
#[must_use]
pub fn write(command_name: &str) -> Span {
    if !runs_sampled() {
        return Span::none();
    }
    info_span!("write", renkei.command = command_name, renkei.entry.id = Empty)
}

/// One transaction of the writer with `commands` commands, for the spans of [`write()`] in `of`.
#[must_use]
pub fn commit<'a>(commands: usize, of: impl IntoIterator<Item = &'a Span>) -> Span {
    let written = of.into_iter().filter(|span| !span.is_disabled());
    let written: Vec<Traceparent> = written.filter_map(traceparent::of_sampled).collect();
    among(&written, || info_span!(parent: None, "commit", renkei.commands = count(commands)))
}

/// Entries `from` to `to` of a journal on their way to the peer.
#[must_use]
pub fn send(journal: &str, from: u64, to: u64, traces: &[Traceparent]) -> Span {
    among(traces, || {
        info_span!(
            parent: None,
            "send",
            otel.kind = "producer",
            renkei.journal = journal,
            renkei.seq.from = count(from),
            renkei.seq.to = count(to),
        )
    })
}

/// Entries `from` to `to` of the peer's journal as they arrive.
#[must_use]
pub fn receive(journal: &str, from: u64, to: u64, traces: &[Traceparent]) -> Span {
    among(traces, || {
        info_span!(
            parent: None,
            "receive",
            otel.kind = "consumer",
            renkei.journal = journal,
            renkei.seq.from = count(from),
            renkei.seq.to = count(to),
        )
    })
}

/// The verification of one arriving entry's signature and digests, in the trace that its header names.
#[must_use]
pub fn verify(entry_id: &str, traceparent: &str) -> Span {
    among(&traceparent::sampled([traceparent]), || info_span!(parent: None, "verify", renkei.entry.id = entry_id))
}

/// The judgement and folding of one arrived fact, in the trace that its entry's header names.
#[must_use]
pub fn apply(fact_type: &str, entry_id: &str, traceparent: &str) -> Span {
    among(
        &traceparent::sampled([traceparent]),
        || info_span!(parent: None, "apply", renkei.fact.type = fact_type, renkei.entry.id = entry_id),
    )
}

/// The peer's receipt for a journal up to entry `to`.
#[must_use]
pub fn receipt(journal: &str, to: u64, traces: &[Traceparent]) -> Span {
    among(traces, || info_span!(parent: None, "receipt", renkei.journal = journal, renkei.seq.to = count(to)))
}

/// True if the current trace is sampled.
fn runs_sampled() -> bool {
    Context::map_current(|context| context.span().span_context().is_sampled())
}

/// A span in the first of these traces, linked to the others; no span if there is no trace.
fn among(traces: &[Traceparent], make: impl FnOnce() -> Span) -> Span {
    let Some((first, others)) = traces.split_first() else { return Span::none() };
    let span = make();
    traceparent::continue_from(&span, first);
    others.iter().for_each(|other| traceparent::add_link(&span, other));
    span
}

/// Records the id of the entry in a span of [`write()`] as soon as there is one.
pub fn record_entry(span: &Span, entry_id: &str) {
    span.record("renkei.entry.id", entry_id);
}

/// A number for OpenTelemetry, which has no unsigned integers and would convert one to text.
fn count(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use tracing::Span;
    use tracing::dispatcher::with_default;

    use crate::traceparent::sampled;
    use crate::{FinishedSpan, Telemetry, span};

    const METHOD: &str = "renkei.referral.v1.ReferralService/IssueReferral";
    const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn finished(make: impl FnOnce() -> Span) -> FinishedSpan {
        all(make).remove(0)
    }

    fn all(make: impl FnOnce() -> Span) -> Vec<FinishedSpan> {
        let (telemetry, spans) = Telemetry::in_memory("renkei-test");
        with_default(&telemetry.dispatch(), || drop(make()));
        spans.finished()
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
        let spans = all(|| {
            let around = span::rpc_client("renkei.link.v1.LinkService/Exchange");
            around.in_scope(|| span::rpc_server(METHOD, true, None))
        });
        let served = spans.into_iter().find(|span| span.kind == "server").unwrap();
        assert_eq!((served.name.as_str(), served.parent), (METHOD, None));
    }

    #[test]
    fn work_for_several_traces_is_in_the_first_and_linked_to_the_others() {
        let other = "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01";
        let received = finished(|| span::receive("ppc", 1, 3, &sampled([CALLER, SAMPLED, other])));
        assert_eq!(received.trace_id, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(received.parent.as_deref(), Some("b7ad6b7169203331"));
        assert_eq!(received.links, [("1af7651916cd43dd8448eb211c80319c".to_owned(), "c7ad6b7169203331".to_owned())]);
    }

    #[test]
    fn without_a_sampled_trace_nothing_is_kept() {
        let none = all(|| {
            drop([span::authorize(), span::write("issue_referral"), span::verify("e", CALLER)]);
            drop([span::apply("referral_issued", "e", CALLER), span::send("ppc", 1, 2, &sampled([CALLER, ""]))]);
            span::commit(1, &[span::write("issue_referral")])
        });
        assert_eq!(none, []);
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
        let sent = finished(|| span::send("ppc", 7, u64::MAX, &sampled([SAMPLED])));
        assert_eq!(sent.kind, "producer");
        assert_eq!(
            attributes(&sent),
            [("renkei.journal", "ppc"), ("renkei.seq.from", "7"), ("renkei.seq.to", "9223372036854775807")]
        );
        let written = finished(|| {
            span::rpc_server(METHOD, true, None).in_scope(|| {
                let span = span::write("issue_referral");
                span::record_entry(&span, "0199-e1");
                drop(span);
            });
            Span::none()
        });
        assert_eq!(attributes(&written), [("renkei.command", "issue_referral"), ("renkei.entry.id", "0199-e1")]);
    }
}
