//! The choice of the exported spans: those of sampled traces, and every failed call.

use opentelemetry::trace::{Link, SpanContext, SpanKind, Status, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{ParentBasedSampler, Sampler, SamplingDecision, SamplingResult, ShouldSample, SpanData};

/// The decision at the start of a span.
///
/// Within this process a trace is sampled as a whole or not at all. The decision of a caller or of the peer does not
/// count: their trace is judged by its id, like a trace of our own, so that both agencies decide alike if they have the
/// same ratio.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    ours: ParentBasedSampler,
}

impl Decision {
    /// Samples this share of the traces, 0 to 1.
    pub(crate) fn new(ratio: f64) -> Self {
        let ours = Sampler::TraceIdRatioBased(ratio);
        Self {
            ours: Sampler::parent_based(ours.clone())
                .with_remote_parent_sampled(ours.clone())
                .with_remote_parent_not_sampled(ours),
        }
    }
}

impl ShouldSample for Decision {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let mut result = self.ours.should_sample(parent, trace, name, kind, attributes, links);
        let is_call = matches!(kind, SpanKind::Server | SpanKind::Client);
        if is_call && result.decision == SamplingDecision::Drop {
            // The outcome of the call is not known yet.
            result.decision = SamplingDecision::RecordOnly;
        }
        result
    }
}

/// The span in the form in which it is exported; `None` if it is not exported.
pub(crate) fn exported(mut span: SpanData) -> Option<SpanData> {
    let context = &span.span_context;
    if !context.is_sampled() {
        if !matches!(span.status, Status::Error { .. }) {
            return None;
        }
        let flags = context.trace_flags().with_sampled(true);
        span.span_context = SpanContext::new(context.trace_id(), context.span_id(), flags, false, TraceState::NONE);
    }
    Some(span)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use opentelemetry::trace::{Span as _, SpanKind, Status, Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};

    use super::Decision;
    use crate::queue::{Dropped, LIMIT, bounded};

    /// The names of the exported spans among these, if no trace is sampled.
    fn exported(spans: [(&'static str, SpanKind, Status); 3]) -> Vec<String> {
        let exporter = InMemorySpanExporter::default();
        let processor = bounded(exporter.clone(), LIMIT, &Dropped::default());
        let provider =
            SdkTracerProvider::builder().with_sampler(Decision::new(0.0)).with_span_processor(processor).build();
        let tracer = provider.tracer("test");
        for (name, kind, status) in spans {
            let mut span = tracer.span_builder(name).with_kind(kind).start(&tracer);
            span.set_status(status);
        }
        provider.force_flush().unwrap();
        let finished = exporter.get_finished_spans().unwrap();
        assert!(finished.iter().all(|span| span.span_context.is_sampled()));
        finished.into_iter().map(|span| span.name.into_owned()).collect()
    }

    #[test]
    fn only_failed_calls_of_unsampled_traces_are_exported() {
        let names = exported([
            ("answered", SpanKind::Server, Status::Unset),
            ("failed", SpanKind::Server, Status::error("")),
            ("within", SpanKind::Internal, Status::error("")),
        ]);
        assert_eq!(names, ["failed"]);
    }
}
