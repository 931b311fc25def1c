//! The three providers, with OTLP exporters or without.
//!
//! An SDK builder reads `OTEL_*` variables for every setting that it is not given. All settings are therefore given
//! here, so that the configuration file is the only source.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{LogExporter, MetricExporter, RetryPolicy, SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_prometheus::PrometheusExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{BatchConfigBuilder as LogBatchConfigBuilder, BatchLogProcessor, SdkLoggerProvider};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanLimits, TracerProviderBuilder};

use prometheus::Registry;

use crate::error::Error;
use crate::memory::Spans;
use crate::queue::{self, Dropped};
use crate::reach::Reach;
use crate::sampling;

/// The time limit of one export, retries included.
const EXPORT_LIMIT: Duration = Duration::from_secs(3);

/// The interval at which metrics are sent.
const METRICS_INTERVAL: Duration = Duration::from_secs(15);

/// Metrics in memory are collected only on request.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// The maximum number of waiting log records, the size of one request, and the time that a record waits for others.
const LOG_QUEUE: usize = 8_192;
const LOG_BATCH: usize = 512;
const LOG_DELAY: Duration = Duration::from_secs(1);

/// The attributes that identify the service in every signal.
pub(crate) struct Identity<'a> {
    pub(crate) service_name: &'static str,
    pub(crate) instance: &'a str,
    pub(crate) sandbox: bool,
}

/// One provider per signal; each must live as long as its signals are to be exported.
#[derive(Debug)]
pub(crate) struct Providers {
    pub(crate) traces: SdkTracerProvider,
    pub(crate) meters: SdkMeterProvider,
    pub(crate) logs: SdkLoggerProvider,
    pub(crate) dropped: Dropped,
    /// The registry from which a Prometheus server reads the meters.
    pub(crate) shown: Registry,
    /// The values of the meters if they are kept in memory; empty otherwise.
    pub(crate) measured: InMemoryMetricExporter,
    /// True if log records are exported.
    pub(crate) exports_logs: bool,
}

impl Providers {
    /// Providers whose spans have ids and contexts, but export nothing.
    pub(crate) fn silent(identity: &Identity<'_>, ratio: f64) -> Result<Self, Error> {
        let shown = Registry::new();
        let meters = SdkMeterProvider::builder().with_resource(resource(identity)).with_reader(reader(&shown)?).build();
        Ok(Self { meters, shown, ..Self::unexported(identity, tracer(identity, ratio).build()) })
    }

    /// Providers that sample every span and keep spans and measured values in memory.
    pub(crate) fn in_memory(identity: &Identity<'_>) -> (Self, Spans) {
        let spans = Spans::default();
        let traces = tracer(identity, 1.0).with_simple_exporter(spans.clone()).build();
        let measured = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(measured.clone()).with_interval(NEVER).build();
        let meters = SdkMeterProvider::builder().with_resource(resource(identity)).with_reader(reader).build();
        (Self { meters, measured, ..Self::unexported(identity, traces) }, spans)
    }

    /// Providers that export to the collector at `endpoint`. The connection is made at the first export, on the Tokio
    /// runtime of this call.
    pub(crate) fn otlp(identity: &Identity<'_>, ratio: f64, endpoint: &str) -> Result<Self, Error> {
        // Without a scheme the SDK would guess https, and there is no TLS in this client.
        if !endpoint.starts_with("http://") {
            return Err(Error::Endpoint(endpoint.to_owned()));
        }
        let (dropped, shown, reach) = (Dropped::default(), Registry::new(), Reach::default());
        Ok(Self {
            traces: traces(identity, ratio, endpoint, &dropped, &reach)?,
            meters: meters(identity, endpoint, &shown, &reach)?,
            logs: logs(identity, endpoint, &reach)?,
            dropped,
            shown,
            measured: InMemoryMetricExporter::default(),
            exports_logs: true,
        })
    }

    fn unexported(identity: &Identity<'_>, traces: SdkTracerProvider) -> Self {
        Self {
            traces,
            meters: SdkMeterProvider::builder().with_resource(resource(identity)).build(),
            logs: SdkLoggerProvider::builder().with_resource(resource(identity)).build(),
            dropped: Dropped::default(),
            shown: Registry::new(),
            measured: InMemoryMetricExporter::default(),
            exports_logs: false,
        }
    }
}

fn traces(
    identity: &Identity<'_>,
    ratio: f64,
    endpoint: &str,
    dropped: &Dropped,
    reach: &Reach,
) -> Result<SdkTracerProvider, Error> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_LIMIT)
        .with_retry_policy(RetryPolicy::recommended())
        .build()
        .map_err(Error::Exporter)?;
    let processor = queue::bounded(reach.watch(exporter), queue::LIMIT, dropped);
    Ok(tracer(identity, ratio).with_span_processor(processor).build())
}

fn meters(identity: &Identity<'_>, endpoint: &str, shown: &Registry, reach: &Reach) -> Result<SdkMeterProvider, Error> {
    let exporter = MetricExporter::builder()
        .with_temporality(Temporality::Cumulative)
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_LIMIT)
        .with_retry_policy(RetryPolicy::recommended())
        .build()
        .map_err(Error::Exporter)?;
    let sent = PeriodicReader::builder(reach.watch(exporter)).with_interval(METRICS_INTERVAL).build();
    let provider = SdkMeterProvider::builder().with_resource(resource(identity));
    Ok(provider.with_reader(sent).with_reader(reader(shown)?).build())
}

/// Gives everyone who reads the registry access to the meters.
fn reader(shown: &Registry) -> Result<PrometheusExporter, Error> {
    let exporter = opentelemetry_prometheus::exporter().with_registry(shown.clone()).without_target_info();
    exporter.scope_info_enabled(false).build().map_err(|error| Error::Registry(error.to_string()))
}

fn logs(identity: &Identity<'_>, endpoint: &str, reach: &Reach) -> Result<SdkLoggerProvider, Error> {
    let exporter = LogExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_LIMIT)
        .with_retry_policy(RetryPolicy::recommended())
        .build()
        .map_err(Error::Exporter)?;
    let config = LogBatchConfigBuilder::default()
        .with_max_queue_size(LOG_QUEUE)
        .with_max_export_batch_size(LOG_BATCH)
        .with_scheduled_delay(LOG_DELAY)
        .build();
    let processor = BatchLogProcessor::builder(reach.watch(exporter)).with_batch_config(config).build();
    let provider = SdkLoggerProvider::builder().with_resource(resource(identity));
    Ok(provider.with_log_processor(processor).build())
}

fn tracer(identity: &Identity<'_>, ratio: f64) -> TracerProviderBuilder {
    // Links name the commands of one commit or the entries of one stream; events are not exported.
    let limits = SpanLimits {
        max_events_per_span: 0,
        max_attributes_per_span: 32,
        max_links_per_span: 128,
        max_attributes_per_event: 0,
        max_attributes_per_link: 4,
    };
    SdkTracerProvider::builder()
        .with_resource(resource(identity))
        .with_sampler(sampling::Decision::new(ratio))
        .with_span_limits(limits)
}

fn resource(identity: &Identity<'_>) -> Resource {
    let sandbox = identity.sandbox.then(|| KeyValue::new("deployment.environment.name", "sandbox"));
    Resource::builder_empty()
        .with_service_name(identity.service_name)
        .with_attribute(KeyValue::new("service.namespace", "renkei"))
        .with_attribute(KeyValue::new("service.instance.id", identity.instance.to_owned()))
        .with_attributes(sandbox)
        .build()
}
