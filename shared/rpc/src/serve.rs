//! The accept loop of a port: handshakes, identities, limits and a bounded end.
//!
//! [`serve`] accepts any tower service over HTTP requests. Build it from the routes of all gRPC services with the
//! layers around them, outermost first; every layer and every handler finds the [`Connection`] in the request's
//! extensions:
//!
//! ```text
//! let routes = tonic::service::Routes::new(health).add_service(reflection).prepare();
//! let service = tower::ServiceBuilder::new()
//!     .layer(trace)
//!     .layer(authorize) // request.extensions().get::<Connection>()
//!     .service(routes);
//! serve(listener, service, port, shutdown).await;
//! ```

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::transport::server::TcpIncoming;
use tower::Service;

use crate::guard::{Bounds, Guarded};
use crate::http2::serve_connection;
use crate::identity::{Identity, IdentityError};
pub use crate::limits::Limits;
use crate::places::{Place, Places, Shortage};
pub use crate::refusal::Refusal;
use crate::tls::{Reloading, RevokedNow};
use crate::verify::PRESENTED;
use crate::waiting::Waiting;

/// The pause after the operating system refused to accept (out of descriptors).
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// The time and the number of bytes that a refused client may still send before its socket is closed. A socket closed
/// with unread bytes resets the connection, and a reset can overtake the alert that gives the client the reason.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 64 << 10;

/// The maximum number of connections with a finished handshake that wait to be served.
const HANDOVER: usize = 64;

/// The time limit for the end after the remaining connections were cut.
const CUT: Duration = Duration::from_secs(1);

/// The counts of a port since its start, read by metrics and tests.
#[derive(Debug, Default)]
pub struct Counters {
    accepted: AtomicU64,
    refused: AtomicU64,
    closed: AtomicU64,
    cut: Arc<AtomicU64>,
}

impl Counters {
    /// The number of successful handshakes.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// The number of refused handshakes, connections over a limit included.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The number of clients that left before the end of their handshake, such as a balancer's probes.
    #[must_use]
    pub fn closed(&self) -> u64 {
        self.closed.load(Ordering::Relaxed)
    }

    /// The number of connections that were cut: at the end of a drain, over age, revoked or silent.
    #[must_use]
    pub fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }
}

/// A refused handshake, for keepers of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The client's address.
    pub peer_addr: SocketAddr,
    /// The serial number of the certificate that the client presented, if it could be read. It is only a claim: a
    /// refused certificate proves nothing.
    pub serial: Option<String>,
    /// The reason for the refusal.
    pub refusal: Refusal,
}

/// The parts of a port besides its listener and its service.
#[derive(Clone, Debug)]
pub struct Port {
    /// The port's name in logs: `desk` or `link`.
    pub name: &'static str,
    /// The TLS configuration, read at each handshake.
    pub tls: Arc<Reloading<ServerConfig>>,
    /// The limits of the port.
    pub limits: Limits,
    /// The counts that the port updates.
    pub counters: Arc<Counters>,
    /// The channel for refused handshakes. If it is full, the newest is lost; the log contains it anyway.
    pub refusals: Option<mpsc::Sender<Refused>>,
}

/// The connection on which a request came in; in the extensions of each request.
#[derive(Clone, Debug)]
pub struct Connection {
    identity: Arc<Result<Identity, IdentityError>>,
    peer_addr: SocketAddr,
    revoked: RevokedNow,
}

impl Connection {
    /// A connection, for the accept loop, and for tests of layers without one.
    #[must_use]
    pub fn new(identity: Result<Identity, IdentityError>, peer_addr: SocketAddr, revoked: RevokedNow) -> Self {
        Self { identity: Arc::new(identity), peer_addr, revoked }
    }

    /// The identity of the peer.
    ///
    /// # Errors
    /// The peer's certificate was issued by a trusted authority but names no identity; the answer is
    /// `CERTIFICATE_IDENTITY_MISSING`.
    pub fn identity(&self) -> Result<&Identity, IdentityError> {
        self.identity.as_ref().as_ref().map_err(|error| *error)
    }

    /// The source address of the peer's packets; behind a balancer, that of the balancer.
    #[must_use]
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer_addr
    }

    /// True if the peer's certificate was revoked after its handshake. It is checked for each request, because
    /// revocation lists are used in handshakes only.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.identity().is_ok_and(|peer| self.revoked.borrow().contains(peer.issuer(), peer.serial()))
    }
}

/// The end of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// All clients left in time.
    Cleanly,
    /// The remaining connections were cut when the time for draining was over.
    ByForce,
}

/// Serves until `shutdown` is cancelled, then stops accepting, lets calls end for [`Limits::drain`] and cuts the
/// remaining ones. Returns at most a second later.
///
/// A connection whose certificate is trusted but names no identity is served: [`Connection::identity`] is then an
/// error, and a layer must refuse the calls. Dropping the future cuts all connections.
pub async fn serve<S>(listener: TcpListener, service: S, port: Port, shutdown: CancellationToken) -> Drained
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let limits = port.limits.clone();
    let kill = CancellationToken::new();
    let _cut_when_dropped = kill.clone().drop_guard();
    let (handover, mut arrivals) = mpsc::channel(HANDOVER);
    let accepting = Arc::new(Door::new(port, kill.clone())).accept(listener, handover, shutdown.clone());
    let serving = async {
        let connections = TaskTracker::new();
        while let Some(stream) = arrivals.recv().await {
            let connection = Stream::held(&stream).connection.clone();
            let (service, limits, shutdown) = (service.clone(), limits.clone(), shutdown.clone());
            connections.spawn(serve_connection(stream, connection, service, limits, shutdown));
        }
        // All tasks that accept are gone, so no connection arrives any more.
        connections.close();
        connections.wait().await;
    };
    let both = async { tokio::join!(accepting, serving) };
    tokio::pin!(both);
    let over = async {
        shutdown.cancelled().await;
        sleep(limits.drain).await;
    };
    tokio::select! {
        ((), ()) = &mut both => return Drained::Cleanly,
        () = over => {}
    }
    kill.cancel();
    // The connections end by themselves now. If one does not, its stream is dead all the same.
    let _ = timeout(CUT, both).await;
    Drained::ByForce
}

/// The tasks that accept clients.
struct Door {
    port: Port,
    waiting: Waiting,
    connections: Places,
    /// True if the crowd was logged since the last client was accepted: a flood must not fill the log.
    crowded: AtomicBool,
    kill: CancellationToken,
}

impl Door {
    fn new(port: Port, kill: CancellationToken) -> Self {
        Self {
            waiting: Waiting::new(port.limits.pending),
            connections: Places::new(port.limits.connections, port.limits.connections_each),
            crowded: AtomicBool::new(false),
            port,
            kill,
        }
    }

    /// Accepts until the shutdown and never waits for a client: each has a task of its own.
    async fn accept(
        self: Arc<Self>,
        listener: TcpListener,
        handover: mpsc::Sender<Stream>,
        shutdown: CancellationToken,
    ) {
        let interval = self.port.limits.keepalive_interval;
        let mut incoming = TcpIncoming::from(listener)
            .with_nodelay(Some(true))
            .with_keepalive(Some(interval))
            .with_keepalive_interval(Some(interval));
        while let Some(Some(next)) = shutdown.run_until_cancelled(incoming.next()).await {
            match next.and_then(|tcp| tcp.peer_addr().map(|peer| (tcp, peer))) {
                Ok((tcp, peer)) => self.let_in(tcp, peer, &handover, &shutdown),
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    tracing::warn!(port = self.port.name, %error, "no connection can be accepted");
                    shutdown.run_until_cancelled(sleep(ACCEPT_REST)).await;
                }
            }
        }
    }

    fn let_in(
        self: &Arc<Self>,
        tcp: TcpStream,
        peer: SocketAddr,
        handover: &mpsc::Sender<Stream>,
        shutdown: &CancellationToken,
    ) {
        let (door, handover, turn) = (self.clone(), handover.clone(), self.waiting.enter(peer.ip()));
        let admission = PRESENTED.scope(RefCell::new(None), async move {
            tokio::select! {
                () = turn.over.cancelled() => door.refuse(peer, None, Refusal::MadeRoom),
                () = door.admit(tcp, peer, handover) => {}
            }
        });
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(admission));
    }

    async fn admit(&self, tcp: TcpStream, peer: SocketAddr, handover: mpsc::Sender<Stream>) {
        match self.handshake(tcp).await.and_then(|tls| self.placed(tls)) {
            Ok((tls, identity, place)) => {
                self.port.counters.accepted.fetch_add(1, Ordering::Relaxed);
                self.crowded.store(false, Ordering::Relaxed);
                // The receiver is gone only after a shutdown has begun.
                let _ = handover.send(self.stream(tls, identity, peer, place)).await;
            }
            Err((refusal, tcp)) => {
                let serial = PRESENTED.with(RefCell::take);
                self.refuse(peer, serial, refusal);
                if let Some(tcp) = tcp {
                    linger(tcp).await;
                }
            }
        }
    }

    /// The client is not known yet, so its handshake has no place but its turn. The computation takes a few hundred
    /// microseconds.
    async fn handshake(&self, tcp: TcpStream) -> Result<TlsStream<TcpStream>, NotLetIn> {
        let late = |_| (Refusal::Timeout, None);
        let deadline = Instant::now() + self.port.limits.handshake_timeout;
        let mut hello = LazyConfigAcceptor::new(Acceptor::default(), tcp);
        let start = timeout_at(deadline, &mut hello)
            .await
            .map_err(late)?
            .map_err(|error| (Refusal::from_io(&error), hello.take_io()))?;
        let accept = start.into_stream(self.port.tls.config()).into_fallible();
        timeout_at(deadline, accept).await.map_err(late)?.map_err(|(error, tcp)| (Refusal::from_io(&error), Some(tcp)))
    }

    /// The client's identity, and its place among the connections.
    fn placed(&self, tls: TlsStream<TcpStream>) -> Result<LetIn, NotLetIn> {
        let identity = match tls.get_ref().1.peer_certificates() {
            Some([leaf, ..]) => Identity::from_certificate(leaf),
            _ => Err(IdentityError::NoCertificate),
        };
        let full = |shortage| match shortage {
            Shortage::OfAll(most) => (Refusal::Full(most), None),
            Shortage::OfOne(most) => (Refusal::FullOfOne(most), None),
        };
        let place = self.connections.take(identity.as_ref().map_or("", Identity::uri)).map_err(full)?;
        Ok((tls, identity, place))
    }

    fn stream(
        &self,
        tls: TlsStream<TcpStream>,
        identity: Result<Identity, IdentityError>,
        peer: SocketAddr,
        place: Place,
    ) -> Stream {
        let limits = &self.port.limits;
        let revoked = self.port.tls.revoked();
        let bounds = Bounds {
            kill: self.kill.clone(),
            age: Some(limits.connection_age + limits.connection_grace),
            silence: Some(limits.handshake_timeout),
            peer: identity.as_ref().ok().cloned(),
            revoked: revoked.clone(),
            cuts: self.port.counters.cut.clone(),
        };
        let admitted = Admitted { connection: Connection::new(identity, peer, revoked), _place: place };
        Guarded::new(tls, admitted, Bytes::new(), bounds)
    }

    fn refuse(&self, peer_addr: SocketAddr, serial: Option<String>, refusal: Refusal) {
        let port = self.port.name;
        if refusal == Refusal::Closed {
            self.port.counters.closed.fetch_add(1, Ordering::Relaxed);
            return tracing::debug!(port, %peer_addr, "a client left before its handshake ended");
        }
        self.port.counters.refused.fetch_add(1, Ordering::Relaxed);
        if !refusal.is_of_a_crowd() || !self.crowded.swap(true, Ordering::Relaxed) {
            tracing::warn!(port, %peer_addr, serial, reason = %refusal, "a handshake was refused");
        }
        if let Some(refusals) = &self.port.refusals {
            let _ = refusals.try_send(Refused { peer_addr, serial, refusal });
        }
    }
}

/// True if accepting failed because of this one client.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::NotConnected
            | io::ErrorKind::Interrupted
    )
}

/// Keeps a refused client's socket open until the alert has reached it.
async fn linger(mut tcp: TcpStream) {
    let farewell = async {
        tcp.shutdown().await?;
        tokio::io::copy(&mut tcp.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // It does not matter whether the client read it.
    let _ = timeout(LINGER, farewell).await;
}

/// An accepted client, with its reserved place.
type LetIn = (TlsStream<TcpStream>, Result<Identity, IdentityError>, Place);

/// The reason for which a client is not accepted, and the socket on which it can still be told.
type NotLetIn = (Refusal, Option<TcpStream>);

/// A connection in the form that the HTTP server needs.
type Stream = Guarded<TlsStream<TcpStream>, Admitted>;

/// The values that a connection owns until its end.
struct Admitted {
    connection: Connection,
    _place: Place,
}
