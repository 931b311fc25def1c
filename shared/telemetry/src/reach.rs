//! The reachability of the collector. It is logged once when exports begin to fail, and once when they succeed again.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// True if the last export failed. Clones share it: the three signals go to one collector.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach(Arc<AtomicBool>);

impl Reach {
    /// Wraps an exporter so that its success and failure are recorded here.
    pub(crate) fn watch<E>(&self, exporter: E) -> Watched<E> {
        Watched { exporter, reach: self.clone() }
    }

    fn note(&self, sent: OTelSdkResult) -> OTelSdkResult {
        let failed_before = self.0.swap(sent.is_err(), Ordering::AcqRel);
        match &sent {
            Err(error) if !failed_before => {
                tracing::warn!(%error, "the collector does not accept telemetry, which is lost until it does");
            }
            Ok(()) if failed_before => tracing::info!("the collector accepts telemetry again"),
            _ => {}
        }
        sent
    }
}

/// An exporter whose success and failure are recorded.
#[derive(Debug)]
pub(crate) struct Watched<E> {
    exporter: E,
    reach: Reach,
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.reach.note(self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for Watched<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.reach.note(self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Watched<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.reach.note(self.exporter.export(metrics).await)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
