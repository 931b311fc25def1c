//! The operator's port: how the service stands, and its metrics, over plain HTTP on the machine itself. Names of matters
//! at most, never content; nobody can change anything here.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use renkei_domain::moment::Source;
use renkei_store::Store;
use renkei_telemetry::{Metrics, Shown};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    source::machine,
    start::Tls,
    status::{Live, Status},
};

/// The most connections at once.
const CONNECTIONS: usize = 16;
/// How long a request may take to arrive.
const ARRIVES: Duration = Duration::from_secs(2);
/// How long a connection may last.
const LASTS: Duration = Duration::from_secs(15);
/// How long the loop rests after the operating system refused to accept.
const REST: Duration = Duration::from_millis(100);
/// How long `status` waits for the service that runs.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause before it asks once more.
const AGAIN: Duration = Duration::from_secs(1);
/// The most bytes of an answer that `status` takes.
const ANSWER: u64 = 1 << 20;

/// What the port tells of.
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
    /// How the service stands now.
    pub(crate) async fn status(&self) -> Status {
        Status::of(&self.store, Some(&self.live), self.tls.stands(), machine(), &self.source).await
    }

    /// Puts into the metrics how the service stands now.
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

/// Answers until the service drains. A connection is for one request, and short.
pub(crate) async fn serve(listener: TcpListener, facts: Facts, draining: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while let Some(accepted) = draining.run_until_cancelled(listener.accept()).await {
        let Ok((tcp, _)) = accepted else {
            draining.run_until_cancelled(tokio::time::sleep(REST)).await;
            continue;
        };
        // One too many waits for a place: those who say nothing leave theirs soon.
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
            // What a client does with its connection is its own affair.
            let _ = timeout(LASTS, connection).await;
            drop(place);
        });
    }
}

/// How the running service says that it stands; `None` when no service answers there.
///
/// # Errors
/// When something answers that is no such service.
pub(crate) async fn ask(address: SocketAddr) -> Result<Option<Status>, String> {
    let mut answer = answer(address).await;
    if answer.as_ref().is_some_and(Vec::is_empty) {
        // Whoever closes without a word may be about to end or to start.
        tokio::time::sleep(AGAIN).await;
        answer = self::answer(address).await;
    }
    let Some(answer) = answer else { return Ok(None) };
    if answer.is_empty() {
        return Err(format!("what listens at {address} closes connections without an answer: try again"));
    }
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n").map(|at| &answer[at + 4..]);
    let status = body.and_then(|body| serde_json::from_slice(body).ok());
    status
        .map(Some)
        .ok_or_else(|| format!("at {address} answers something that is no service of this kind: set `operator.listen`"))
}

/// What is answered there; nothing at all from who closes at once, `None` when nobody listens or answers in time.
async fn answer(address: SocketAddr) -> Option<Vec<u8>> {
    let asking = async {
        let mut tcp = TcpStream::connect(address).await?;
        let mut answer = Vec::new();
        let request = format!("GET /status HTTP/1.0\r\nhost: {address}\r\n\r\n");
        // Whoever closes at once may reset the connection too.
        if tcp.write_all(request.as_bytes()).await.is_ok() {
            let _ = tcp.take(ANSWER).read_to_end(&mut answer).await;
        }
        Ok::<_, std::io::Error>(answer)
    };
    timeout(PATIENCE, asking).await.ok()?.ok()
}
