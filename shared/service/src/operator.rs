//! The operator's port: the state of the service, as a page and as JSON, and its metrics, over plain HTTP on the machine
//! itself. It shows at most names of matters, never content, and nothing can be changed through it.

use std::{
    fmt::Display,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use renkei_domain::moment::Source;
use renkei_store::Store;
use renkei_telemetry::{Metrics, Shown};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    http::{self as client, GetError},
    language::Language,
    page,
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

/// The answer to a request by a name of the public internet.
const MISDIRECTED: (StatusCode, [(HeaderName, &str); 1], &str) = (
    StatusCode::MISDIRECTED_REQUEST,
    [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
    "ask for this by an address, or by a name without dots such as localhost\n\
     IPアドレス又はlocalhostなどドットのない名前を指定してください。\n",
);

/// The query of `/status` that leaves out the matters, which take most of the time and which no command shows.
const BRIEF: &str = "brief";

/// The sources of the port's answers.
#[derive(Clone)]
pub(crate) struct Facts {
    pub(crate) store: Store,
    pub(crate) live: Live,
    /// The language of the page, unless the browser asks for another one.
    pub(crate) language: Language,
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
}

fn routes(facts: Facts) -> Router {
    let unknown = async || (StatusCode::NOT_FOUND, "there are /, /metrics and /status");
    let routes =
        Router::new().route("/", get(page)).route("/status", get(status)).route_layer(from_fn(of_this_network));
    let routes = routes.route("/metrics", get(metrics)).route(page::STYLE, get(style));
    routes.fallback(unknown).with_state(facts)
}

/// Refuses a browser that has come here by a name of the public internet. A foreign page can let a name of its own lead to this
/// port, and would then read the answer as one of its own (DNS rebinding). Prometheus may use such a name: it gets numbers alone.
async fn of_this_network(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if host.is_none_or(is_of_this_network) { next.run(request).await } else { MISDIRECTED.into_response() }
}

/// True for an address and for a name without dots, such as `localhost`: nobody can own one in public.
fn is_of_this_network(host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(name, _)| name);
    let is_address = name.parse::<Ipv4Addr>().is_ok() || name.starts_with('[');
    is_address || !name.contains('.')
}

async fn page(State(facts): State<Facts>, uri: Uri, headers: HeaderMap) -> impl IntoResponse {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
    let language = page::language(uri.query(), accepted, facts.language);
    let status = facts.status().await.with_matters(&facts.store).await;
    (page::HEADERS, page::page(&status, language))
}

async fn style() -> impl IntoResponse {
    (page::STYLE_HEADERS, page::STYLE_TEXT)
}

async fn metrics(State(facts): State<Facts>) -> Result<impl IntoResponse, Fault> {
    facts.observe().await;
    let metrics = facts.shown.text().map_err(fault)?;
    Ok(([(header::CONTENT_TYPE, Shown::TYPE)], metrics))
}

async fn status(State(facts): State<Facts>, uri: Uri) -> Result<impl IntoResponse, Fault> {
    let mut status = facts.status().await;
    if uri.query() != Some(BRIEF) {
        status = status.with_matters(&facts.store).await;
    }
    let status = serde_json::to_string_pretty(&status).map_err(fault)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], status))
}

/// The answer when the state cannot be shown.
type Fault = (StatusCode, String);

fn fault(error: impl Display) -> Fault {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

/// Answers requests until the service drains. A connection is short and serves one request.
pub(crate) async fn serve(listener: TcpListener, facts: Facts, draining: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let service = TowerToHyperService::new(routes(facts));
    while let Some(accepted) = draining.run_until_cancelled(listener.accept()).await {
        let Ok((tcp, _)) = accepted else {
            draining.run_until_cancelled(tokio::time::sleep(REST)).await;
            continue;
        };
        // One more connection than the limit waits for a place: silent clients lose theirs soon.
        let waiting = draining.run_until_cancelled(Arc::clone(&places).acquire_owned());
        let Some(Ok(place)) = waiting.await else { return };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(ARRIVES)
            .keep_alive(false)
            .serve_connection(TokioIo::new(tcp), service.clone());
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
    let path = format!("/status?{BRIEF}");
    let status = || timeout(PATIENCE, client::get(address, &path));
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
