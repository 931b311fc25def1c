//! A collector that is away, mute or wrongly named.

use std::net::TcpListener;
use std::time::Duration;

use renkei_telemetry::{Error, SHUTDOWN_LIMIT, Settings, Telemetry, span, start};
use tokio::net::TcpSocket;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::dispatcher::with_default;
use tracing::info;

use crate::settings;

/// More calls than spans may wait, by many batches: calls that waited for exports, of which each
/// runs into its own limit of seconds, would need over a minute.
const CALLS: usize = 20_000;
const CALLS_LIMIT: Duration = Duration::from_secs(20);

/// The time that a busy machine may add to the bound of the shutdown.
const LEEWAY: Duration = Duration::from_secs(5);

fn exporting_to(endpoint: &str) -> Result<Telemetry, Error> {
    start(Settings { otlp_endpoint: Some(endpoint.to_owned()), ..settings("info").0 })
}

/// Serves calls under `telemetry` on a thread where blocking would be seen, then shuts down.
async fn serve_and_stop(telemetry: Telemetry) -> Result<(), Error> {
    let dispatch = telemetry.dispatch();
    let metrics = telemetry.metrics();
    let calls = spawn_blocking(move || {
        with_default(&dispatch, || {
            for _ in 0..CALLS {
                let span = span::rpc_server("renkei.x.v1.X/Get", true, None);
                span.in_scope(|| info!("served"));
                metrics.call_served("renkei.x.v1.X/Get", true, 0, Duration::ZERO);
            }
        });
    });
    timeout(CALLS_LIMIT, calls).await.unwrap().unwrap();
    let stopped = spawn_blocking(move || telemetry.shutdown());
    timeout(SHUTDOWN_LIMIT + LEEWAY, stopped).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_costs_no_call_and_no_long_shutdown() {
    // The port stays taken without a listener, so that no other program gets it meanwhile.
    let away = TcpSocket::new_v4().unwrap();
    away.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let telemetry = exporting_to(&format!("http://{}", away.local_addr().unwrap())).unwrap();
    assert!(matches!(serve_and_stop(telemetry).await, Err(Error::Flush(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_never_answers_costs_no_call_and_no_long_shutdown() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let telemetry = exporting_to(&format!("http://{}", mute.local_addr().unwrap())).unwrap();
    assert!(matches!(serve_and_stop(telemetry).await, Err(Error::Flush(_))));
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_meant_stops_the_start() {
    for endpoint in ["collector:4317", "https://collector:4317", ""] {
        assert!(matches!(exporting_to(endpoint), Err(Error::Endpoint(_))), "{endpoint:?}");
    }
    assert!(matches!(exporting_to("http://a b"), Err(Error::Exporter(_))));
}

#[test]
fn without_an_endpoint_there_is_nothing_to_wait_for() {
    let (settings, _) = settings("info");
    start(settings).unwrap().shutdown().unwrap();
}
