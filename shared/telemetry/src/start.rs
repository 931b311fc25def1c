//! Start and end of a service's telemetry.

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

/// The longest that [`Telemetry::shutdown`] blocks, scheduling aside.
pub const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// Targets whose spans and logs are never exported: they describe the export itself, and sending
/// them would make more of them. A prefix names all that begins with it (`hyper_util` too).
const NOT_EXPORTED: [&str; 5] = ["h2", "hyper", "tonic", "tower", "opentelemetry"];

/// The name of the tracer and of the meter.
const SCOPE: &str = "renkei";

/// What a service says about its telemetry.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `renkei-ppc` or `renkei-ipa`.
    pub service_name: &'static str,
    /// The replica's configured, stable name.
    pub instance: String,
    /// `http://host:port` of a collector that speaks OTLP over gRPC; without one nothing is
    /// exported and everything else works alike.
    pub otlp_endpoint: Option<String>,
    /// The share of traces to sample, 0 to 1. What a caller or the peer decided does not count.
    pub sample_ratio: f64,
    /// What is logged: `level` or `target=level`, comma-separated, e.g. `info,renkei_link=debug`.
    /// It holds for the lines and for the exported logs.
    pub log_filter: String,
    /// Marks every log line and every exported signal as a sandbox's.
    pub sandbox: bool,
    /// Where log lines go.
    pub log: LogTarget,
}

/// Starts telemetry; see [`Telemetry`].
///
/// With an endpoint it must be called inside a Tokio runtime, on which the exporters connect when
/// they first send: a collector that is away is no error here, and none of any call.
///
/// The OTLP client still takes headers and compression from `OTEL_EXPORTER_OTLP_*` variables;
/// there is no setting that stops it. Every other setting is given here.
///
/// # Errors
///
/// [`Error::SampleRatio`], [`Error::LogFilter`], [`Error::Endpoint`] and [`Error::Exporter`] name
/// the setting that is wrong; nothing is left running then.
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

/// Whether a log filter can be read.
///
/// # Errors
///
/// [`Error::LogFilter`].
pub fn check_log_filter(directives: &str) -> Result<(), Error> {
    Filters::of(directives).map(|_| ())
}

/// The running telemetry of one service.
///
/// It holds the providers of all three signals: keep it until the service ends, then call
/// [`Telemetry::shutdown`]. A process may have several, each seen only under its own
/// [`dispatch`](Telemetry::dispatch).
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

    /// As [`Telemetry::in_memory`], with the logs of `settings`. Its endpoint and its ratio are
    /// not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::LogFilter`].
    pub fn in_memory_with(settings: Settings) -> Result<(Self, Spans), Error> {
        let filters = Filters::of(&settings.log_filter)?;
        let (providers, spans) = Providers::in_memory(&settings.identity());
        Ok((Self::of(providers, filters, Some(settings.lines())), spans))
    }

    /// The dispatcher under which spans and logs come here, for one side of a pair in one
    /// process: `tracing::dispatcher::set_default` on each of its runtime's threads.
    #[must_use]
    pub fn dispatch(&self) -> Dispatch {
        self.dispatch.clone()
    }

    /// Sends the spans and logs of the whole process here, for a service's `main`.
    ///
    /// # Errors
    ///
    /// [`Error::Installed`] if this was done before.
    pub fn install_global(&self) -> Result<(), Error> {
        dispatcher::set_global_default(self.dispatch()).map_err(Error::Installed)
    }

    /// The instruments.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// What is measured, in the text format of Prometheus. Clones show the same.
    #[must_use]
    pub fn shown(&self) -> Shown {
        Shown(self.providers.shown.clone())
    }

    /// What is measured, for telemetry in memory; of any other it stays empty.
    #[must_use]
    pub fn measured(&self) -> Measured {
        Measured { exporter: self.providers.measured.clone(), meters: self.providers.meters.clone() }
    }

    /// Sends what waits, ends the exporters and returns within [`SHUTDOWN_LIMIT`].
    ///
    /// It blocks, and the exporters need their runtime meanwhile: call it from `spawn_blocking`.
    /// Spans that end later go nowhere.
    ///
    /// # Errors
    ///
    /// [`Error::Flush`] names the signals that a collector did not take in time.
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

/// What a Prometheus server is shown.
#[derive(Clone, Debug)]
pub struct Shown(prometheus::Registry);

impl Shown {
    /// The content type of [`Shown::text`].
    pub const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// All metrics as they stand now.
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

/// What is logged, once for the lines and once for the exported logs.
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
    // Spans only: an event is a log line, and an error event must not turn a span into an error. The other layers see
    // events only, so that nobody keeps a span but those who export it.
    // Log lines and traceparents read the context that an entered span activates.
    let spans = tracing_opentelemetry::layer()
        .with_tracer(providers.traces.tracer(SCOPE))
        .with_context_activation(true)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(exportable(LevelFilter::INFO).and(filter_fn(|it| it.is_span())));
    // In a list, not as options: a layer that is none counts as one that wants everything, and then the spans of every
    // library are made for nobody.
    let mut layers = vec![spans.boxed()];
    layers.extend(lines.map(|lines| lines.with_filter(filters.lines.and(filter_fn(is_worth_a_line))).boxed()));
    if providers.exports_logs {
        let exported = exportable(LevelFilter::TRACE).and(filters.exported).and(filter_fn(|it| it.is_event()));
        layers.push(OpenTelemetryTracingBridge::new(&providers.logs).with_filter(exported).boxed());
    }
    Dispatch::new(Registry::default().with(layers))
}

/// The SDK names its events and gives them no message. What matters of them the service says in its own words (`reach`).
fn is_worth_a_line(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && !metadata.target().starts_with("opentelemetry")
}

fn exportable(level: LevelFilter) -> Targets {
    let own = NOT_EXPORTED.map(|target| (target, LevelFilter::OFF));
    Targets::new().with_default(level).with_targets(own)
}

type Flush = Box<dyn FnOnce() -> OTelSdkResult + Send>;

/// Runs each flush on a thread of its own, since each may take the whole limit; says what failed.
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
