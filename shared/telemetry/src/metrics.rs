//! Every metric of the system, each named once, with its unit and what it says.
//!
//! Attributes come from closed sets only: names written in code (`&'static str`), gRPC codes, and
//! methods that this service has.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, MeterProvider, NoopMeterProvider};

use crate::queue::Dropped;
use crate::span::OTHER_METHOD;
use crate::status;

/// Bounds of durations in seconds, as the semantic conventions 1.45 give them for RPC.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Bounds of the number of commands in one commit.
const COMMANDS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The instruments. Clones record to the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    call_duration: Histogram<f64>,
    refusals: Counter<u64>,
    write_duration: Histogram<f64>,
    write_batch: Histogram<u64>,
    journal_head: Gauge<u64>,
    backlog_entries: Gauge<u64>,
    handshake_failures: Counter<u64>,
}

impl Metrics {
    /// Instruments that record nothing, for tests.
    #[must_use]
    pub fn none() -> Self {
        Self::new(&NoopMeterProvider::new().meter("renkei"), Dropped::default())
    }

    /// The instruments of `meter`; `dropped` is read whenever it is collected.
    pub(crate) fn new(meter: &Meter, dropped: Dropped) -> Self {
        observe_dropped(meter, dropped);
        Self {
            call_duration: meter
                .f64_histogram("rpc.server.call.duration")
                .with_unit("s")
                .with_description("Time from a call's arrival to its answer.")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            refusals: meter
                .u64_counter("renkei.refusals")
                .with_unit("{refusal}")
                .with_description("Calls and entries refused, by reason.")
                .build(),
            write_duration: meter
                .f64_histogram("renkei.write.duration")
                .with_unit("s")
                .with_description("Time of one transaction of the writer, its commit included.")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            write_batch: meter
                .u64_histogram("renkei.write.batch")
                .with_unit("{command}")
                .with_description("Commands in one commit.")
                .with_boundaries(COMMANDS.to_vec())
                .build(),
            journal_head: meter
                .u64_gauge("renkei.journal.head")
                .with_unit("{entry}")
                .with_description("Number of the last entry held of a journal.")
                .build(),
            backlog_entries: meter
                .u64_gauge("renkei.backlog.entries")
                .with_unit("{entry}")
                .with_description("Entries of a journal that wait for a receipt.")
                .build(),
            handshake_failures: meter
                .u64_counter("renkei.handshake.failures")
                .with_unit("{handshake}")
                .with_description("TLS handshakes that failed or were refused.")
                .build(),
        }
    }

    /// A call was served: its fully qualified `method`, whether this service has it, the number
    /// of its gRPC status and the time it took.
    pub fn call_served(&self, method: &str, known: bool, code: i32, took: Duration) {
        let method = if known { method.to_owned() } else { OTHER_METHOD.to_owned() };
        let status = status::name(code);
        let mut attributes = vec![
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", method),
            KeyValue::new("rpc.status_code", status),
        ];
        if status::is_failure(code, true) {
            attributes.push(KeyValue::new("error.type", status));
        }
        self.call_duration.record(took.as_secs_f64(), &attributes);
    }

    /// A call or an entry was refused; `reason` is the name of a reason of the contract.
    pub fn refused(&self, reason: &'static str) {
        self.refusals.add(1, &[KeyValue::new("reason", reason)]);
    }

    /// The writer committed a transaction of this many commands, which took this long.
    pub fn committed(&self, commands: usize, took: Duration) {
        self.write_batch.record(u64::try_from(commands).unwrap_or(u64::MAX), &[]);
        self.write_duration.record(took.as_secs_f64(), &[]);
    }

    /// `journal` is held up to entry number `head`.
    pub fn journal_head(&self, journal: &'static str, head: u64) {
        self.journal_head.record(head, &[KeyValue::new("journal", journal)]);
    }

    /// This many entries of `journal` wait for a receipt.
    pub fn backlog(&self, journal: &'static str, entries: u64) {
        self.backlog_entries.record(entries, &[KeyValue::new("journal", journal)]);
    }

    /// A TLS handshake failed or was refused.
    pub fn handshake_failed(&self) {
        self.handshake_failures.add(1, &[]);
    }
}

/// The meter calls back when it collects; it keeps the callback, so the instrument may go.
fn observe_dropped(meter: &Meter, dropped: Dropped) {
    let _ = meter
        .u64_observable_counter("renkei.spans.dropped")
        .with_unit("{span}")
        .with_description("Spans lost because the queue was full or the collector did not take them.")
        .with_callback(move |observer| {
            for (cause, spans) in dropped.by_cause() {
                observer.observe(spans, &[KeyValue::new("cause", cause)]);
            }
        })
        .build();
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use opentelemetry::KeyValue;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData};
    use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

    use super::{Metrics, SECONDS};
    use crate::queue::Dropped;

    /// What a collector gets after `act`: name → (unit, whether it has a help, values).
    fn collected(act: impl FnOnce(&Metrics)) -> BTreeMap<String, (String, bool, Vec<String>)> {
        let exporter = InMemoryMetricExporter::default();
        let provider =
            SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter.clone()).build()).build();
        act(&Metrics::new(&provider.meter("test"), Dropped::default()));
        provider.force_flush().unwrap();
        let finished = exporter.get_finished_metrics().unwrap();
        let scopes = finished.iter().flat_map(|resource| resource.scope_metrics());
        scopes.flat_map(|scope| scope.metrics()).map(described).collect()
    }

    fn described(metric: &Metric) -> (String, (String, bool, Vec<String>)) {
        let values = match metric.data() {
            AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
                .data_points()
                .map(|point| {
                    assert!(point.bounds().eq(SECONDS));
                    format!("{} {}", point.count(), joined(point.attributes()))
                })
                .collect(),
            AggregatedMetrics::U64(MetricData::Histogram(histogram)) => {
                histogram.data_points().map(|point| format!("{} {}", point.sum(), joined(point.attributes()))).collect()
            }
            AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                sum.data_points().map(|point| format!("{} {}", point.value(), joined(point.attributes()))).collect()
            }
            AggregatedMetrics::U64(MetricData::Gauge(gauge)) => {
                gauge.data_points().map(|point| format!("{} {}", point.value(), joined(point.attributes()))).collect()
            }
            _ => Vec::new(),
        };
        let help = !metric.description().is_empty();
        (metric.name().to_owned(), (metric.unit().to_owned(), help, values))
    }

    fn joined<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
        let mut pairs: Vec<String> = attributes.map(|pair| format!("{}={}", pair.key, pair.value)).collect();
        pairs.sort();
        pairs.join(",")
    }

    #[test]
    fn every_metric_has_its_name_unit_and_help() {
        let metrics = collected(|metrics| {
            metrics.call_served("renkei.x.v1.X/Get", true, 0, Duration::from_millis(3));
            metrics.refused("NOT_AGREED");
            metrics.committed(5, Duration::from_millis(2));
            metrics.journal_head("ppc", 41);
            metrics.backlog("ppc", 3);
            metrics.handshake_failed();
        });
        let units: Vec<(&str, &str)> =
            metrics.iter().map(|(name, (unit, ..))| (name.as_str(), unit.as_str())).collect();
        assert_eq!(
            units,
            [
                ("renkei.backlog.entries", "{entry}"),
                ("renkei.handshake.failures", "{handshake}"),
                ("renkei.journal.head", "{entry}"),
                ("renkei.refusals", "{refusal}"),
                ("renkei.spans.dropped", "{span}"),
                ("renkei.write.batch", "{command}"),
                ("renkei.write.duration", "s"),
                ("rpc.server.call.duration", "s"),
            ]
        );
        assert!(metrics.values().all(|(_, help, _)| *help));
        assert_eq!(metrics["renkei.refusals"].2, ["1 reason=NOT_AGREED"]);
        assert_eq!(metrics["renkei.journal.head"].2, ["41 journal=ppc"]);
        assert_eq!(metrics["renkei.write.batch"].2, ["5 "]);
        assert_eq!(metrics["renkei.spans.dropped"].2.len(), 2);
    }

    #[test]
    fn an_unknown_method_adds_no_series_of_its_own() {
        let metrics = collected(|metrics| {
            for method in ["/a", "/b", "/c"] {
                metrics.call_served(method, false, 12, Duration::ZERO);
            }
        });
        assert_eq!(
            metrics["rpc.server.call.duration"].2,
            ["3 error.type=UNIMPLEMENTED,rpc.method=_OTHER,rpc.status_code=UNIMPLEMENTED,\
              rpc.system.name=grpc"]
        );
    }

    #[test]
    fn without_a_meter_nothing_happens() {
        Metrics::none().refused("NOT_AGREED");
    }
}
