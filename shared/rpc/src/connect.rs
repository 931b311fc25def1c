//! The client side: a channel to a peer whose certificate must name the expected service.
//!
//! In TLS 1.3 a client has finished its handshake before the server judges the client's certificate, so a refusal
//! arrives as the first bytes that are read. The connector therefore waits for the server's first bytes (its HTTP/2
//! settings, which a server sends unasked) before it passes the connection on. A refusal is then an error of
//! connecting, with its reason.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::BytesMut;
use http::Uri;
use http::uri::Authority;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

pub use crate::explain::{ConnectError, explain, is_broken};
use crate::guard::{Bounds, Guarded};
use crate::identity::{Identity, IdentityError};
use crate::tls::{ALPN, Reloading};

/// The maximum number of addresses of one name that are tried.
const ADDRESSES: usize = 8;

/// The time limit for the server's first bytes. A server that waits for the client first, as some proxies do, is then
/// used as it is.
const VERDICT: Duration = Duration::from_secs(2);
const VERDICT_BYTES: usize = 4 << 10;

/// The interval of HTTP/2 pings. They find a dead peer within the sum of the two times, with or without calls in
/// flight.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum size of all headers of a response, in bytes.
const HEADER_LIST: u32 = 16 << 10;

/// The address of a peer, and the identity that is expected there.
#[derive(Clone, Debug)]
pub struct Dial {
    /// `host:port`; IPv6 addresses in brackets.
    pub address: String,
    /// The DNS name or IP address that the server's certificate must be valid for.
    pub server_name: String,
    /// The URI that the server's certificate must name, for example `spiffe://ipa/link`.
    pub peer: String,
    /// The TLS configuration, read at each connection.
    pub tls: Arc<Reloading<ClientConfig>>,
    /// The time limit from the start to the server's verdict on the own certificate.
    pub connect_timeout: Duration,
}

impl Dial {
    /// A channel that connects at the first use, and again whenever the connection is lost. An error of connecting
    /// arrives as the status of the call; [`explain`] finds its sentence.
    ///
    /// # Errors
    /// [`ConnectError::Address`] and [`ConnectError::ServerName`]; nothing is sent yet.
    pub fn channel(&self) -> Result<Channel, ConnectError> {
        self.name()?;
        let origin = format!("https://{}", bracketed(&self.server_name));
        let origin = Uri::try_from(origin).map_err(|_| ConnectError::ServerName(self.server_name.clone()))?;
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))
            .ok()
            .filter(|_| is_address(&self.address))
            .ok_or_else(|| ConnectError::Address(self.address.clone()))?
            .origin(origin)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .http2_max_header_list_size(HEADER_LIST);
        let dial = self.clone();
        let connector = tower::service_fn(move |_: Uri| {
            let dial = dial.clone();
            async move { dial.open().await.map(TokioIo::new) }
        });
        Ok(endpoint.connect_with_connector_lazy(connector))
    }

    /// Opens one connection until both sides have accepted each other, and closes it again, for checks of a
    /// configuration. Returns the identity that the server's certificate names.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn probe(&self) -> Result<Identity, ConnectError> {
        self.open().await.map(|stream| stream.held().clone())
    }

    async fn open(&self) -> Result<Guarded<TlsStream<TcpStream>, Identity>, ConnectError> {
        let deadline = Instant::now() + self.connect_timeout;
        let tcp = self.tcp(deadline).await?;
        let connector = TlsConnector::from(self.tls.config());
        let phase = "the TLS handshake";
        let mut tls = timeout_at(deadline, connector.connect(self.name()?, tcp))
            .await
            .map_err(|_| self.timeout(phase))?
            .map_err(|error| self.broken(phase, error))?;
        let peer = self.expected_peer(&tls)?;
        let prelude = self.verdict(&mut tls, deadline).await?;
        let bounds = Bounds {
            kill: CancellationToken::new(),
            age: None,
            silence: None,
            peer: Some(peer.clone()),
            revoked: self.tls.revoked(),
            cuts: Arc::new(AtomicU64::new(0)),
        };
        Ok(Guarded::new(tls, peer, prelude.freeze(), bounds))
    }

    async fn tcp(&self, deadline: Instant) -> Result<TcpStream, ConnectError> {
        let unresolved = |source| ConnectError::Unresolved { address: self.address.clone(), source };
        let found = timeout_at(deadline, lookup_host(&self.address))
            .await
            .map_err(|_| self.timeout("the resolution of its name"))?
            .map_err(unresolved)?;
        let addresses: Vec<SocketAddr> = found.take(ADDRESSES).collect();
        let mut failure = unresolved(io::ErrorKind::NotFound.into());
        for (tried, address) in (0_u32..).zip(&addresses) {
            // Each address gets an equal share of the remaining time.
            let left = deadline.saturating_duration_since(Instant::now());
            let others = u32::try_from(addresses.len()).unwrap_or(1) - tried;
            match timeout_at(Instant::now() + left / others, tcp_to(*address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failure = self.unconnected(error),
                Err(_) => failure = self.timeout("the connection's start"),
            }
        }
        Err(failure)
    }

    /// The identity that the certificate names, if it is the expected one.
    fn expected_peer(&self, tls: &TlsStream<TcpStream>) -> Result<Identity, ConnectError> {
        let session = tls.get_ref().1;
        if session.alpn_protocol() != Some(ALPN) {
            return Err(ConnectError::Protocol { address: self.address.clone() });
        }
        let named = match session.peer_certificates() {
            Some([leaf, ..]) => Identity::from_certificate(leaf),
            _ => Err(IdentityError::NoCertificate),
        };
        let peer = named.map_err(|source| ConnectError::NamelessPeer {
            address: self.address.clone(),
            expected: self.peer.clone(),
            source,
        })?;
        if peer.uri() == self.peer {
            return Ok(peer);
        }
        Err(ConnectError::WrongPeer {
            address: self.address.clone(),
            expected: self.peer.clone(),
            found: peer.uri().to_owned(),
        })
    }

    /// The server's first bytes: its settings, or its refusal.
    async fn verdict(&self, tls: &mut TlsStream<TcpStream>, deadline: Instant) -> Result<BytesMut, ConnectError> {
        let phase = "its check of our certificate";
        let mut first = BytesMut::with_capacity(VERDICT_BYTES);
        let patience = deadline.min(Instant::now() + VERDICT);
        match timeout_at(patience, tls.read_buf(&mut first)).await {
            Ok(Ok(0)) => Err(self.broken(phase, io::ErrorKind::UnexpectedEof.into())),
            Ok(Err(error)) => Err(self.broken(phase, error)),
            Ok(Ok(_)) | Err(_) => Ok(first),
        }
    }

    fn name(&self) -> Result<ServerName<'static>, ConnectError> {
        ServerName::try_from(self.server_name.clone()).map_err(|_| ConnectError::ServerName(self.server_name.clone()))
    }

    fn timeout(&self, phase: &'static str) -> ConnectError {
        ConnectError::Timeout { address: self.address.clone(), phase }
    }

    fn unconnected(&self, source: io::Error) -> ConnectError {
        let address = self.address.clone();
        if source.kind() == io::ErrorKind::ConnectionRefused {
            ConnectError::NothingListens { address, source }
        } else {
            ConnectError::Unreachable { address, source }
        }
    }

    fn broken(&self, phase: &'static str, error: io::Error) -> ConnectError {
        let address = self.address.clone();
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned();
        match tls {
            Some(source) => ConnectError::Tls { address, source },
            None => ConnectError::Closed { address, phase, source: error },
        }
    }
}

/// TCP probes alone would find a dead peer in hours; HTTP/2 pings do it. They keep the entry in
/// a firewall's table alive where pings do not get through.
async fn tcp_to(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_keepalive(true)?;
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

/// True if a text is `host:port` with a port above 0, as [`Dial::address`] must be.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let parsed = text.parse::<Authority>().ok();
    let parts = parsed.as_ref().map(|it| (it.host(), it.port_u16().unwrap_or_default()));
    parts.is_some_and(|(host, port)| !host.is_empty() && port > 0 && !text.contains('@'))
}

/// True if a text is a DNS name or an IP address, as [`Dial::server_name`] must be.
#[must_use]
pub fn is_server_name(text: &str) -> bool {
    ServerName::try_from(text).is_ok()
}

fn bracketed(name: &str) -> String {
    if name.contains(':') { format!("[{name}]") } else { name.to_owned() }
}
