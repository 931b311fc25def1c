//! Finished spans and measured values, kept in memory for tests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// The maximum number of spans; the oldest are dropped first, so that the memory of a long simulation is bounded.
const KEPT: usize = 65_536;

/// The finished spans of one [`Telemetry`](crate::Telemetry). Clones read the same spans.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    finished: Arc<Mutex<VecDeque<SpanData>>>,
}

/// The metrics of one [`Telemetry`](crate::Telemetry).
#[derive(Clone, Debug)]
pub struct Measured {
    pub(crate) exporter: InMemoryMetricExporter,
    pub(crate) meters: SdkMeterProvider,
}

/// One finished span, ids in lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FinishedSpan {
    /// The span's name, such as `write`.
    pub name: String,
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// The parent's span id, local or remote; `None` for the root of a trace.
    pub parent: Option<String>,
    /// The attributes, with their values as text.
    pub attributes: BTreeMap<String, String>,
    /// Trace id and span id of each linked span.
    pub links: Vec<(String, String)>,
    /// `internal`, `server`, `client`, `producer` or `consumer`.
    pub kind: &'static str,
    /// True if the span's status is an error.
    pub failed: bool,
}

impl Spans {
    /// The finished spans, in the order in which they ended; at most the last 65,536.
    #[must_use]
    pub fn finished(&self) -> Vec<FinishedSpan> {
        self.kept().iter().map(FinishedSpan::of).collect()
    }

    /// Removes all finished spans.
    pub fn clear(&self) {
        self.kept().clear();
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<SpanData>> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Measured {
    /// Everything that a collector would have received by now, with all names and attributes, as text.
    #[must_use]
    pub fn text(&self) -> String {
        // The flush fails after the shutdown; the values collected until then are still there.
        let _ = self.meters.force_flush();
        self.exporter.get_finished_metrics().map(|finished| format!("{finished:?}")).unwrap_or_default()
    }
}

impl SpanExporter for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut kept = self.kept();
        kept.extend(batch);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
        Ok(())
    }
}

impl FinishedSpan {
    fn of(span: &SpanData) -> Self {
        let attribute = |pair: &opentelemetry::KeyValue| (pair.key.to_string(), pair.value.as_str().into_owned());
        let link = |link: &opentelemetry::trace::Link| {
            (link.span_context.trace_id().to_string(), link.span_context.span_id().to_string())
        };
        Self {
            name: span.name.to_string(),
            trace_id: span.span_context.trace_id().to_string(),
            span_id: span.span_context.span_id().to_string(),
            parent: (span.parent_span_id != SpanId::INVALID).then(|| span.parent_span_id.to_string()),
            attributes: span.attributes.iter().map(attribute).collect(),
            links: span.links.iter().map(link).collect(),
            kind: kind(&span.span_kind),
            failed: matches!(span.status, Status::Error { .. }),
        }
    }
}

fn kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
    }
}
