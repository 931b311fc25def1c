//! The metrics as a reader collects them.

#![expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

use super::{Direction, Metrics};
use crate::queue::Dropped;

/// The metrics that a collector receives after `act`: name → (unit, whether it has a help text, values).
fn collected(act: impl FnOnce(&Metrics)) -> BTreeMap<String, (String, bool, Vec<String>)> {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter.clone()).build()).build();
    act(&Metrics::new(&provider.meter("test"), Dropped::default()));
    provider.force_flush().unwrap();
    let finished = exporter.get_finished_metrics().unwrap();
    let scopes = finished.iter().flat_map(|resource| resource.scope_metrics());
    scopes.flat_map(|scope| scope.metrics()).map(described).collect()
}

fn described(metric: &Metric) -> (String, (String, bool, Vec<String>)) {
    let values = match metric.data() {
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
            histogram.data_points().map(|point| format!("{} {}", point.count(), joined(point.attributes()))).collect()
        }
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
        metrics.journal("ppc", 41, false);
        metrics.recovering(false);
        metrics.backlog(Direction::Out, 3, Duration::from_secs(60));
        metrics.receipted(Duration::from_millis(4));
        metrics.link_up(true);
        metrics.clock_skew(Duration::from_millis(20));
        metrics.clock_doubted(false);
        metrics.watchers(2, 7);
        metrics.duties("give_advice", 3, 1);
        metrics.trust("desk", 86_400, Some(-1));
        metrics.trust_faults("desk", 1);
        metrics.agreement_lacking("ppc", 0);
        metrics.notice(86_400);
        metrics.database_up(true);
        metrics.database_connections("read", 1, 0);
        metrics.database_log(0);
        metrics.audit_writable(true);
        metrics.audit_anchored(Duration::ZERO);
        metrics.handshake_failed();
        metrics.altered();
        metrics.verified(true, Duration::ZERO);
    });
    let units: Vec<(&str, &str)> = metrics.iter().map(|(name, (unit, ..))| (name.as_str(), unit.as_str())).collect();
    assert_eq!(
        units,
        [
            ("renkei.agreement.lacking", "{version}"),
            ("renkei.agreement.notice.remaining", "s"),
            ("renkei.altered.rows", "{row}"),
            ("renkei.audit.anchor.age", "s"),
            ("renkei.audit.writable", ""),
            ("renkei.backlog.age", "s"),
            ("renkei.backlog.entries", "{entry}"),
            ("renkei.certificate.remaining", "s"),
            ("renkei.clock.doubted", ""),
            ("renkei.clock.skew", "s"),
            ("renkei.crl.remaining", "s"),
            ("renkei.database.connections", "{connection}"),
            ("renkei.database.log.size", "By"),
            ("renkei.database.up", ""),
            ("renkei.duties.open", "{duty}"),
            ("renkei.duties.overdue", "{duty}"),
            ("renkei.handshake.failures", "{handshake}"),
            ("renkei.journal.head", "{entry}"),
            ("renkei.journal.stopped", ""),
            ("renkei.link.unproven", "{claim}"),
            ("renkei.link.up", ""),
            ("renkei.receipt.lag", "s"),
            ("renkei.recovering", ""),
            ("renkei.refusals", "{refusal}"),
            ("renkei.spans.dropped", "{span}"),
            ("renkei.trust.faults", "{fault}"),
            ("renkei.verified", ""),
            ("renkei.verified.age", "s"),
            ("renkei.watch.lag", "{change}"),
            ("renkei.watchers", "{watcher}"),
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
