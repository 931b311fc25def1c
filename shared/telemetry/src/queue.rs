//! The bounded queue between the calls and the span exporter, with a count of the lost spans.
//!
//! The SDK's batch processor drops silently when its queue is full. The bound is therefore enforced in front of it: a
//! span is admitted only while fewer spans than the limit are waiting, and every span that is not admitted or not
//! delivered is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};

use crate::sampling;

/// The maximum number of spans that wait for the collector.
pub(crate) const LIMIT: usize = 8_192;

/// The maximum number of spans in one request.
const BATCH: usize = 512;

/// The time that a span waits for others before it is sent.
const DELAY: Duration = Duration::from_secs(1);

/// The numbers of lost spans, by cause. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dropped(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    queue_full: AtomicU64,
    export_failed: AtomicU64,
}

impl Dropped {
    /// The counts so far, each with the name of its cause.
    pub(crate) fn by_cause(&self) -> [(&'static str, u64); 2] {
        [
            ("queue_full", self.0.queue_full.load(Ordering::Relaxed)),
            ("export_failed", self.0.export_failed.load(Ordering::Relaxed)),
        ]
    }
}

/// A batch processor in front of `exporter` with a queue of at most `limit` spans.
pub(crate) fn bounded<E>(exporter: E, limit: usize, dropped: &Dropped) -> impl SpanProcessor + 'static
where
    E: SpanExporter + 'static,
{
    let waiting = Arc::new(AtomicUsize::new(0));
    let departure = Departure { exporter, waiting: Arc::clone(&waiting), dropped: dropped.clone() };
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(limit)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(DELAY)
        .build();
    let batches = BatchSpanProcessor::new(departure, config);
    Admission { batches, limit, waiting, dropped: dropped.clone() }
}

/// Admits a span while fewer than `limit` spans are waiting.
#[derive(Debug)]
struct Admission {
    batches: BatchSpanProcessor,
    limit: usize,
    waiting: Arc<AtomicUsize>,
    dropped: Dropped,
}

impl Admission {
    fn admit(&self) -> bool {
        let one_more = |waiting: usize| (waiting < self.limit).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok()
    }
}

impl SpanProcessor for Admission {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        let Some(span) = sampling::exported(span) else { return };
        if self.admit() {
            self.batches.on_end(span);
        } else {
            self.dropped.0.queue_full.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Subtracts a batch from the number of waiting spans, and counts it as lost if it is not delivered.
#[derive(Debug)]
struct Departure<E> {
    exporter: E,
    waiting: Arc<AtomicUsize>,
    dropped: Dropped,
}

impl<E: SpanExporter> SpanExporter for Departure<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        // Only now, because spans on their way use memory too.
        self.waiting.fetch_sub(spans, Ordering::AcqRel);
        if result.is_err() {
            let lost = u64::try_from(spans).unwrap_or(u64::MAX);
            self.dropped.0.export_failed.fetch_add(lost, Ordering::Relaxed);
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
    use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};

    use super::{Dropped, bounded};

    /// An exporter that reports the number of spans it received, then keeps them until it is told to end.
    #[derive(Clone, Debug)]
    struct Held {
        got: Sender<usize>,
        end: Arc<Mutex<Receiver<OTelSdkResult>>>,
    }

    impl SpanExporter for Held {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.got.send(batch.len()).unwrap();
            self.end.lock().unwrap().recv().unwrap_or(Ok(()))
        }
    }

    #[test]
    fn a_span_beyond_the_limit_is_dropped_and_counted() {
        let (got, arrived) = channel();
        let (end, ends) = channel();
        let dropped = Dropped::default();
        let held = Held { got, end: Arc::new(Mutex::new(ends)) };
        let provider = SdkTracerProvider::builder().with_span_processor(bounded(held, 3, &dropped)).build();
        let tracer = provider.tracer("test");

        let first = arrived_after(|| drop(tracer.start("first")), &provider, &arrived);
        assert_eq!(first, 1);
        (0..4).for_each(|_| drop(tracer.start("waiting")));
        assert_eq!(dropped.by_cause(), [("queue_full", 2), ("export_failed", 0)]);

        end.send(Err(OTelSdkError::InternalFailure("refused".into()))).unwrap();
        drop(end);
        provider.shutdown().unwrap();
        assert_eq!(dropped.by_cause(), [("queue_full", 2), ("export_failed", 1)]);
    }

    /// Runs `act`, flushes from another thread and returns the number of spans that the exporter then has.
    fn arrived_after(act: impl FnOnce(), provider: &SdkTracerProvider, arrived: &Receiver<usize>) -> usize {
        act();
        let flushed = provider.clone();
        std::thread::spawn(move || flushed.force_flush());
        arrived.recv().unwrap()
    }
}
