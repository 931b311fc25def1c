//! The errors of the start and the end of telemetry.

use opentelemetry_otlp::ExporterBuildError;
use tracing::dispatcher::SetGlobalDefaultError;
use tracing_subscriber::filter::ParseError;

/// An error of the start or the shutdown of telemetry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configured ratio is not a number from 0 to 1.
    #[error("the sample ratio is {0}; it must be a number from 0 to 1")]
    SampleRatio(f64),
    /// The log filter is not a list of `target=level` directives.
    #[error("the log filter cannot be read")]
    LogFilter(#[source] ParseError),
    /// The collector's address has another scheme than plain `http`.
    #[error("the OTLP endpoint is {0:?}; it must be http://host:port of a collector close by")]
    Endpoint(String),
    /// An exporter refused its settings.
    #[error("an OTLP exporter cannot be built")]
    Exporter(#[source] ExporterBuildError),
    /// The metrics cannot be shown to a Prometheus server.
    #[error("the metrics cannot be shown: {0}")]
    Registry(String),
    /// This process already has a global dispatcher.
    #[error("telemetry is installed in this process already")]
    Installed(#[source] SetGlobalDefaultError),
    /// A signal was not flushed: the collector is away, slow, or refused it.
    #[error("not all telemetry was flushed: {0}")]
    Flush(String),
}
