//! The W3C trace context (<https://www.w3.org/TR/trace-context/>). Version 00 is written:
//! `00-{trace id, 32 hex}-{parent id, 16 hex}-{flags, 2 hex}`, lower case. In a higher version the same four fields are
//! read.
//!
//! Nothing else crosses the link: no `tracestate`, no baggage.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The maximum length of a traceparent of a higher version, in bytes; version 00 has 55.
const LONGEST: usize = 512;

/// A valid trace context that somebody else wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    trace: TraceId,
    span: SpanId,
    sampled: bool,
}

impl Traceparent {
    /// Reads a header strictly: lower case, neither id all zero, and nothing around the four fields. A version above 00
    /// may add more after a hyphen; version ff is forbidden. Only the flag "sampled" is kept.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (version, rest) = field(text, 2)?;
        let (trace, rest) = field(rest.strip_prefix('-')?, 32)?;
        let (span, rest) = field(rest.strip_prefix('-')?, 16)?;
        let (flags, rest) = field(rest.strip_prefix('-')?, 2)?;
        let is_whole = rest.is_empty() || (version != "00" && rest.starts_with('-') && text.len() <= LONGEST);
        if version == "ff" || !is_whole {
            return None;
        }
        let read = Self {
            trace: TraceId::from_hex(trace).ok()?,
            span: SpanId::from_hex(span).ok()?,
            sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1,
        };
        read.context().is_valid().then_some(read)
    }

    /// The trace id, 32 lower-case hex digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        self.trace.to_string()
    }

    /// The id of the span that wrote it, 16 lower-case hex digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        self.span.to_string()
    }

    /// True if its writer sampled the trace. This is a hint and never decides our own sampling.
    #[must_use]
    pub fn sampled(&self) -> bool {
        self.sampled
    }

    fn of(context: &SpanContext) -> Option<Self> {
        context.is_valid().then(|| Self {
            trace: context.trace_id(),
            span: context.span_id(),
            sampled: context.is_sampled(),
        })
    }

    fn context(&self) -> SpanContext {
        let flags = TraceFlags::default().with_sampled(self.sampled);
        SpanContext::new(self.trace, self.span, flags, true, TraceState::NONE)
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// The context of the current span, or an empty string outside any exported span.
///
/// A span that is not sampled has a context too (flags 00), so the trace id is passed on.
#[must_use]
pub fn current_traceparent() -> String {
    // Not `Span::current()`, which may be a span that only the log filter sees.
    Context::map_current(|context| written(context.span().span_context()))
}

/// The context of this span, for a header written on its behalf, or an empty string if the span is disabled. It starts
/// the span: the parent can no longer change.
#[must_use]
pub fn traceparent_of(span: &Span) -> String {
    written(span.context().span().span_context())
}

/// The contexts among `written` that are valid and sampled by their writer.
#[must_use]
pub fn sampled<'a>(written: impl IntoIterator<Item = &'a str>) -> Vec<Traceparent> {
    written.into_iter().filter_map(Traceparent::parse).filter(Traceparent::sampled).collect()
}

/// The context of a span, if it is sampled. It starts the span.
pub(crate) fn of_sampled(span: &Span) -> Option<Traceparent> {
    Traceparent::of(span.context().span().span_context()).filter(Traceparent::sampled)
}

/// Makes the writer of `parent` the remote parent of `span`.
///
/// It must be called before the span is first entered or asked for its context; afterwards it has no effect.
pub(crate) fn continue_from(span: &Span, parent: &Traceparent) {
    let remote = Context::new().with_remote_span_context(parent.context());
    // This fails on a span that is disabled or has begun; in both cases there is nothing to set.
    let _ = span.set_parent(remote);
}

/// Links `span` to the writer of `other`: related, but neither's parent.
pub(crate) fn add_link(span: &Span, other: &Traceparent) {
    span.add_link(other.context());
}

fn written(context: &SpanContext) -> String {
    Traceparent::of(context).map(|context| context.to_string()).unwrap_or_default()
}

/// Splits `digits` lower-case hex digits off the front.
fn field(text: &str, digits: usize) -> Option<(&str, &str)> {
    let (front, rest) = text.split_at_checked(digits)?;
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    front.bytes().all(hex).then_some((front, rest))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use tracing::dispatcher::with_default;

    use super::{LONGEST, Traceparent, add_link, continue_from, current_traceparent, sampled, traceparent_of};
    use crate::Telemetry;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_context_is_written_as_it_was_read() {
        for text in [GIVEN, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"] {
            assert_eq!(Traceparent::parse(text).unwrap().to_string(), text);
        }
        let read = Traceparent::parse(GIVEN).unwrap();
        assert_eq!(read.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(read.span_id(), "b7ad6b7169203331");
        assert!(read.sampled());
    }

    #[test]
    fn only_the_sampled_flag_is_kept() {
        let read = Traceparent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe");
        assert!(read.unwrap().to_string().ends_with("-00"));
    }

    #[test]
    fn anything_but_the_exact_form_is_refused() {
        let bad = [
            "",
            "00",
            "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "CC-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            " 0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
            "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c8031あ-b7ad6b7169203331-01",
        ];
        for text in bad {
            assert_eq!(Traceparent::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_known_fields_of_a_higher_version_are_read() {
        for text in [
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "fe-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        ] {
            assert_eq!(Traceparent::parse(text).unwrap().to_string(), GIVEN, "{text}");
        }
        let long = format!("cc{}-{}", &GIVEN[2..], "x".repeat(LONGEST));
        assert_eq!(Traceparent::parse(&long), None);
    }

    #[test]
    fn outside_of_a_span_there_is_no_context() {
        let (telemetry, _spans) = Telemetry::in_memory("renkei-test");
        with_default(&telemetry.dispatch(), || assert_eq!(current_traceparent(), ""));
    }

    #[test]
    fn the_trace_of_the_caller_goes_on_in_what_is_written() {
        let (telemetry, spans) = Telemetry::in_memory("renkei-test");
        let (inside, after) = with_default(&telemetry.dispatch(), || {
            let span = tracing::info_span!("served");
            continue_from(&span, &Traceparent::parse(GIVEN).unwrap());
            (span.in_scope(current_traceparent), traceparent_of(&span))
        });
        assert_eq!(inside, after);
        let served = &spans.finished()[0];
        assert_eq!(inside, format!("00-{}-{}-01", served.trace_id, served.span_id));
        assert_eq!(served.trace_id, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(served.parent.as_deref(), Some("b7ad6b7169203331"));
    }

    #[test]
    fn only_a_valid_and_sampled_context_counts() {
        let unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        assert_eq!(sampled(["", unsampled, "00-zz", GIVEN]), [Traceparent::parse(GIVEN).unwrap()]);
    }

    #[test]
    fn a_link_names_the_other_span_before_and_after_the_start() {
        let (telemetry, spans) = Telemetry::in_memory("renkei-test");
        with_default(&telemetry.dispatch(), || {
            let span = tracing::info_span!("delivered");
            let given = Traceparent::parse(GIVEN).unwrap();
            add_link(&span, &given);
            span.in_scope(|| add_link(&span, &given));
        });
        let delivered = &spans.finished()[0];
        let other = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let links: Vec<(&str, &str)> =
            delivered.links.iter().map(|(trace, span)| (trace.as_str(), span.as_str())).collect();
        assert_eq!(links, [other, other]);
        assert_ne!(delivered.trace_id, other.0);
    }
}
