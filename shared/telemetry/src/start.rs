//! The start and the end of a service's telemetry.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::error::OTelSdkResult;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Metadata, dispatcher};
use tracing_subscriber::filter::{EnvFilter, FilterExt, Targets, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::error::Error;
use crate::export::{Identity, Providers};
use crate::log::{JsonLines, LogTarget};
use crate::memory::{Measured, Spans};
use crate::metrics::Metrics;

/// The maximum time that [`Telemetry::shutdown`] blocks, apart from scheduling.
pub const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// The targets whose spans and logs are never exported: they describe the export itself, so that sending them would
/// produce more of them. A prefix covers all targets that begin with it (`hyper_util` too).
const NOT_EXPORTED: [&str; 5] = ["h2", "hyper", "tonic", "tower", "opentelemetry"];

/// The name of the tracer and of the meter.
const SCOPE: &str = "renkei";

/// The settings of a service's telemetry.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `renkei-ppc` or `renkei-ipa`.
    pub service_name: &'static str,
    /// The replica's configured, stable name.
    pub instance: String,
    /// `http://host:port` of a collector that accepts OTLP over gRPC. Without one nothing is exported, and everything
    /// else works alike.
    pub otlp_endpoint: Option<String>,
    /// The share of traces to sample, 0 to 1. The decision of a caller or of the peer does not count.
    pub sample_ratio: f64,
    /// The log filter: `level` or `target=level`, comma-separated, such as `info,renkei_link=debug`. It applies to the
    /// lines and to the exported logs.
    pub log_filter: String,
    /// True in a sandbox: every log line and every exported signal is marked.
    pub sandbox: bool,
    /// The destination of log lines.
    pub log: LogTarget,
}

/// Starts telemetry; see [`Telemetry`].
///
/// With an endpoint it must be called inside a Tokio runtime, on which the exporters connect at the first export. A
/// collector that is away is not an error here, nor in any call.
///
/// The OTLP client still reads headers and compression from `OTEL_EXPORTER_OTLP_*` variables, and no setting stops it.
/// Every other setting is given here.
///
/// # Errors
///
/// [`Error::SampleRatio`], [`Error::LogFilter`], [`Error::Endpoint`] and [`Error::Exporter`] name the wrong setting;
/// then nothing is left running.
pub fn start(settings: Settings) -> Result<Telemetry, Error> {
    let ratio = settings.sample_ratio;
    if !(0.0..=1.0).contains(&ratio) {
        return Err(Error::SampleRatio(ratio));
    }
    let filters = Filters::of(&settings.log_filter)?;
    let identity = settings.identity();
    let providers = match &settings.otlp_endpoint {
        Some(endpoint) => Providers::otlp(&identity, ratio, endpoint)?,
        None => Providers::silent(&identity, ratio)?,
    };
    Ok(Telemetry::of(providers, filters, Some(settings.lines())))
}

/// Checks that a log filter can be read.
///
/// # Errors
///
/// [`Error::LogFilter`].
pub fn check_log_filter(directives: &str) -> Result<(), Error> {
    Filters::of(directives).map(|_| ())
}

/// The running telemetry of one service.
///
/// It owns the providers of all three signals: keep it until the service ends, then call [`Telemetry::shutdown`]. A
/// process may have several, each of which receives only the signals under its own [`dispatch`](Telemetry::dispatch).
#[derive(Debug)]
pub struct Telemetry {
    dispatch: Dispatch,
    providers: Providers,
    metrics: Metrics,
}

impl Telemetry {
    /// Telemetry for tests: every span is sampled and kept in [`Spans`], nothing is exported and
    /// nothing logged.
    #[must_use]
    pub fn in_memory(service_name: &'static str) -> (Self, Spans) {
        let identity = Identity { service_name, instance: "memory", sandbox: false };
        let (providers, spans) = Providers::in_memory(&identity);
        (Self::of(providers, Filters::silent(), None), spans)
    }

    /// The same as [`Telemetry::in_memory`], with the log settings of `settings`; its endpoint and its ratio are
    /// ignored.
    ///
    /// # Errors
    ///
    /// [`Error::LogFilter`].
    pub fn in_memory_with(settings: Settings) -> Result<(Self, Spans), Error> {
        let filters = Filters::of(&settings.log_filter)?;
        let (providers, spans) = Providers::in_memory(&settings.identity());
        Ok((Self::of(providers, filters, Some(settings.lines())), spans))
    }

    /// The dispatcher that sends spans and logs to this telemetry, for one side of a pair in one process:
    /// `tracing::dispatcher::set_default` on each thread of its runtime.
    #[must_use]
    pub fn dispatch(&self) -> Dispatch {
        self.dispatch.clone()
    }

    /// Sends the spans and logs of the whole process to this telemetry, for a service's `main`.
    ///
    /// # Errors
    ///
    /// [`Error::Installed`] if a global dispatcher already exists.
    pub fn install_global(&self) -> Result<(), Error> {
        dispatcher::set_global_default(self.dispatch()).map_err(Error::Installed)
    }

    /// The instruments that record to this telemetry.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// The measured values, in the text format of Prometheus. Clones share them.
    #[must_use]
    pub fn shown(&self) -> Shown {
        Shown(self.providers.shown.clone())
    }

    /// The measured values of telemetry in memory; always empty otherwise.
    #[must_use]
    pub fn measured(&self) -> Measured {
        Measured { exporter: self.providers.measured.clone(), meters: self.providers.meters.clone() }
    }

    /// Sends the waiting signals, ends the exporters and returns within [`SHUTDOWN_LIMIT`].
    ///
    /// It blocks, and the exporters need their runtime meanwhile: call it from `spawn_blocking`. Spans that end later
    /// are lost.
    ///
    /// # Errors
    ///
    /// [`Error::Flush`] names the signals that a collector did not accept in time.
    pub fn shutdown(self) -> Result<(), Error> {
        let Providers { traces, meters, logs, .. } = self.providers;
        let failed: Vec<String> = all_at_once([
            ("traces", Box::new(move || traces.shutdown_with_timeout(SHUTDOWN_LIMIT))),
            ("metrics", Box::new(move || meters.shutdown_with_timeout(SHUTDOWN_LIMIT))),
            ("logs", Box::new(move || logs.shutdown_with_timeout(SHUTDOWN_LIMIT))),
        ]);
        if failed.is_empty() { Ok(()) } else { Err(Error::Flush(failed.join("; "))) }
    }

    fn of(providers: Providers, filters: Filters, lines: Option<JsonLines>) -> Self {
        let meter = providers.meters.meter(SCOPE);
        Self {
            dispatch: dispatch(&providers, filters, lines),
            metrics: Metrics::new(&meter, providers.dropped.clone()),
            providers,
        }
    }
}

/// The metrics as a Prometheus server reads them.
#[derive(Clone, Debug)]
pub struct Shown(prometheus::Registry);

impl Shown {
    /// The content type of [`Shown::text`].
    pub const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// All metrics with their current values.
    ///
    /// # Errors
    /// [`Error::Registry`].
    pub fn text(&self) -> Result<String, Error> {
        let text = prometheus::TextEncoder::new().encode_to_string(&self.0.gather());
        text.map_err(|error| Error::Registry(error.to_string()))
    }
}

impl Settings {
    fn identity(&self) -> Identity<'_> {
        Identity { service_name: self.service_name, instance: &self.instance, sandbox: self.sandbox }
    }

    fn lines(self) -> JsonLines {
        JsonLines { target: self.log, sandbox: self.sandbox }
    }
}

/// The log filter, once for the lines and once for the exported logs.
struct Filters {
    lines: EnvFilter,
    exported: EnvFilter,
}

impl Filters {
    fn of(directives: &str) -> Result<Self, Error> {
        let read = || EnvFilter::builder().parse(directives).map_err(Error::LogFilter);
        Ok(Self { lines: read()?, exported: read()? })
    }

    fn silent() -> Self {
        Self { lines: EnvFilter::new("off"), exported: EnvFilter::new("off") }
    }
}

fn dispatch(providers: &Providers, filters: Filters, lines: Option<JsonLines>) -> Dispatch {
    // This layer receives spans only: an event is a log line, and an error event must not turn a span into an error.
    // The other layers receive events only, so that spans are kept by none but the exporters. Log lines and
    // traceparents read the context that an entered span activates.
    let spans = tracing_opentelemetry::layer()
        .with_tracer(providers.traces.tracer(SCOPE))
        .with_context_activation(true)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(exportable(LevelFilter::INFO).and(filter_fn(|it| it.is_span())));
    // The layers are in a list, not in options: an absent optional layer counts as one that is interested in
    // everything, and then spans of every library would be made in vain.
    let mut layers = vec![spans.boxed()];
    layers.extend(lines.map(|lines| lines.with_filter(filters.lines.and(filter_fn(is_worth_a_line))).boxed()));
    if providers.exports_logs {
        let exported = exportable(LevelFilter::TRACE).and(filters.exported).and(filter_fn(|it| it.is_event()));
        layers.push(OpenTelemetryTracingBridge::new(&providers.logs).with_filter(exported).boxed());
    }
    Dispatch::new(Registry::default().with(layers))
}

/// False for the SDK's own events, which have names and no message. The service logs the important ones in its own
/// words (`reach`).
fn is_worth_a_line(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && !metadata.target().starts_with("opentelemetry")
}

fn exportable(level: LevelFilter) -> Targets {
    let own = NOT_EXPORTED.map(|target| (target, LevelFilter::OFF));
    Targets::new().with_default(level).with_targets(own)
}

type Flush = Box<dyn FnOnce() -> OTelSdkResult + Send>;

/// Runs each flush on a thread of its own, because each may need the whole time limit; returns the failures.
fn all_at_once(flushes: [(&str, Flush); 3]) -> Vec<String> {
    let begun = flushes.map(|(signal, flush)| (signal, thread::Builder::new().spawn(flush)));
    begun.into_iter().filter_map(|(signal, thread)| ended(signal, thread)).collect()
}

fn ended(signal: &str, thread: io::Result<JoinHandle<OTelSdkResult>>) -> Option<String> {
    match thread.map(JoinHandle::join) {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(error))) => Some(format!("{signal}: {error}")),
        Ok(Err(_)) => Some(format!("{signal}: the exporter broke down")),
        Err(error) => Some(format!("{signal}: {error}")),
    }
}
