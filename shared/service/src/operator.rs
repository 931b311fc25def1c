//! The operator's port: the state of the service and its metrics, over plain HTTP on the machine itself. It shows at
//! most names of matters, never content, and nothing can be changed through it.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use renkei_domain::moment::Source;
use renkei_store::Store;
use renkei_telemetry::{Metrics, Shown};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    http::{GetError, get},
    source::machine,
    status::{Live, Status},
    tls::Tls,
};

/// The maximum number of connections at once.
const CONNECTIONS: usize = 16;
/// The time limit for the arrival of a request.
const ARRIVES: Duration = Duration::from_secs(2);
/// The time limit of a connection.
const LASTS: Duration = Duration::from_secs(15);
/// The pause after the operating system refused to accept a connection.
const REST: Duration = Duration::from_millis(100);
/// The time that `status` waits for the running service.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause before the second and last attempt.
const AGAIN: Duration = Duration::from_secs(1);

/// The sources of the port's answers.
#[derive(Clone)]
pub(crate) struct Facts {
    pub(crate) store: Store,
    pub(crate) live: Live,
    pub(crate) tls: Tls,
    pub(crate) source: Source,
    pub(crate) shown: Shown,
    pub(crate) metrics: Metrics,
}

impl Facts {
    /// The current state of the service.
    pub(crate) async fn status(&self) -> Status {
        Status::of(&self.store, Some(&self.live), self.tls.stands(), machine(), &self.source).await
    }

    /// Updates the metrics with the current state of the service.
    pub(crate) async fn observe(&self) {
        self.status().await.record(self.store.own(), &self.metrics);
        for (pool, idle, used) in self.store.connections() {
            self.metrics.database_connections(pool, idle, used);
        }
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET".to_owned());
        }
        match request.uri().path() {
            "/metrics" => {
                self.observe().await;
                match self.shown.text() {
                    Ok(metrics) => response(StatusCode::OK, Shown::TYPE, metrics),
                    Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
                }
            }
            "/status" => match serde_json::to_string_pretty(&self.status().await) {
                Ok(status) => response(StatusCode::OK, "application/json", status),
                Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            },
            _ => text(StatusCode::NOT_FOUND, "there are /metrics and /status".to_owned()),
        }
    }
}

fn text(status: StatusCode, words: String) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", words)
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

/// Answers requests until the service drains. A connection is short and serves one request.
pub(crate) async fn serve(listener: TcpListener, facts: Facts, draining: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while let Some(accepted) = draining.run_until_cancelled(listener.accept()).await {
        let Ok((tcp, _)) = accepted else {
            draining.run_until_cancelled(tokio::time::sleep(REST)).await;
            continue;
        };
        // One more connection than the limit waits for a place: silent clients lose theirs soon.
        let waiting = draining.run_until_cancelled(Arc::clone(&places).acquire_owned());
        let Some(Ok(place)) = waiting.await else { return };
        let facts = facts.clone();
        let service = service_fn(move |request| {
            let facts = facts.clone();
            async move { Ok::<_, Infallible>(facts.answer(&request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(ARRIVES)
            .keep_alive(false)
            .serve_connection(TokioIo::new(tcp), service);
        tokio::spawn(async move {
            // An error of the client's connection does not concern the service.
            let _ = timeout(LASTS, connection).await;
            drop(place);
        });
    }
}

/// The status that the running service reports; `None` if no service answers there.
///
/// # Errors
/// An answer from something else than this service.
pub(crate) async fn ask(address: SocketAddr) -> Result<Option<Status>, String> {
    let status = || timeout(PATIENCE, get(address, "/status"));
    let mut answer = status().await;
    if let Ok(Err(GetError::Closed)) = answer {
        // A service that closes without an answer may be ending or starting.
        tokio::time::sleep(AGAIN).await;
        answer = status().await;
    }
    match answer {
        Err(_) | Ok(Err(GetError::Connect(_))) => Ok(None),
        Ok(Err(GetError::Closed)) => {
            Err(format!("the program at {address} closes connections without an answer: try again"))
        }
        Ok(answer) => answer
            .ok()
            .and_then(|answer| serde_json::from_slice(answer.body()).ok())
            .map(Some)
            .ok_or_else(|| format!("the program at {address} is not a service of this kind: set `operator.listen`")),
    }
}

#[cfg(test)]
#[path = "operator/tests.rs"]
mod tests;
