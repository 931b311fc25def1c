//! The connection to the desk port of one agency's service.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{Uri, uri::Authority};
use hyper_util::rt::TokioIo;
use renkei_proto::r#type::v1::Agency;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::{
    io::AsyncBufReadExt as _,
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{
    Response, Status,
    service::interceptor::InterceptedService,
    transport::{Channel, Endpoint},
};

use crate::{
    calls::{Answer, Budget, answered_within},
    error::ConnectError,
    official::{Official, OfficialChannel},
    tls::{ALPN, Files, config, service_uri},
};

/// The longest time from the start of a connection until the service has accepted the certificate.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest time that the service's first bytes are waited for after the handshake. A proxy that sends nothing
/// before the client does is then used as it is.
const FIRST_BYTES: Duration = Duration::from_secs(2);

/// HTTP/2 pings find a dead service within the sum of both, with calls under way or without.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// The greatest size of all headers of an answer, in bytes.
const HEADERS_MAX: u32 = 16 << 10;

/// The address of an agency's service, and the names that its certificate must contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The agency. The service's certificate must name `spiffe://{ppc|ipa}/desk/service` as a URI.
    pub agency: Agency,
    /// `host:port` of the desk port; IPv6 addresses are in brackets.
    pub address: String,
    /// The DNS name or IP address for which the service's certificate must be valid.
    pub server_name: String,
}

/// A connection to one agency's service with the certificate of one of its internal systems.
///
/// It is opened by the first call, and again after it was lost. Clones share it. The files are read each time it is opened, so
/// that renewed certificates and revocation lists count without a restart of the program.
#[derive(Clone, Debug)]
pub struct Connection {
    channel: Channel,
    budget: Arc<Budget>,
}

impl Connection {
    /// Reads the files and prepares the connection. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ConnectError::File`], [`ConnectError::Key`], [`ConnectError::Address`] and [`ConnectError::ServerName`]. Later
    /// errors of the connection are the errors of the calls, see [`CallError`](crate::CallError).
    pub fn new(service: &Service, files: &Files) -> Result<Self, ConnectError> {
        let line = Line {
            address: service.address.clone(),
            server_name: ServerName::try_from(service.server_name.clone())
                .map_err(|_| ConnectError::ServerName(service.server_name.clone()))?,
            uri: format!("spiffe://{}/desk/service", service.agency.id()),
            tls: Mutex::new(config(files)?),
            files: files.clone(),
        };
        let endpoint = Endpoint::from_shared(format!("http://{}", service.address))
            .ok()
            .filter(|_| is_address(&service.address))
            .ok_or_else(|| ConnectError::Address(service.address.clone()))?
            .origin(origin(&service.server_name)?)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .http2_max_header_list_size(HEADERS_MAX);
        let line = Arc::new(line);
        let connector = tower::service_fn(move |_: Uri| {
            let line = Arc::clone(&line);
            async move { line.open().await.map(TokioIo::new) }
        });
        Ok(Self { channel: endpoint.connect_with_connector_lazy(connector), budget: Arc::new(Budget::new()) })
    }

    /// The channel for the generated clients. Its calls name an official, and a purpose where there is one, and end
    /// after [`CALL_TIMEOUT`](crate::CALL_TIMEOUT).
    pub fn on_behalf_of(&self, official: Official) -> OfficialChannel {
        InterceptedService::new(self.channel.clone(), official)
    }

    /// Makes a call over this connection, and repeats it for as long as nobody answers or the service asks for a repetition.
    ///
    /// Pauses double, or are those of the service. All calls over this connection and its clones share a budget of
    /// repetitions, so that many failing calls give up at once; [`answered`](crate::answered) has none. The same calls are safe
    /// to repeat as there. `limit` is the time within which a repetition may begin.
    ///
    /// # Errors
    /// The first answer that would be the same again, or the last failure within the limit and the budget.
    pub async fn answered<T>(&self, limit: Duration, call: impl AsyncFn() -> Result<Response<T>, Status>) -> Answer<T> {
        answered_within(limit, &self.budget, call).await
    }

    /// The bare channel, for calls that name no official, such as those of health checks.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }
}

/// All that is needed to open the connection again and again.
struct Line {
    address: String,
    server_name: ServerName<'static>,
    uri: String,
    files: Files,
    /// The configuration that was made of the files last.
    tls: Mutex<Arc<ClientConfig>>,
}

impl Line {
    /// The configuration with the files as they are now. While somebody replaces them, the certificate and the key may not fit
    /// each other; then it is the last one with files that did.
    fn tls(&self) -> Arc<ClientConfig> {
        let mut last = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(now) = config(&self.files) {
            *last = now;
        }
        Arc::clone(&last)
    }

    async fn open(&self) -> Result<TlsStream<TcpStream>, ConnectError> {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        let late = |_| ConnectError::Timeout { address: self.address.clone() };
        let unreachable = |source| ConnectError::Unreachable { address: self.address.clone(), source };
        let tcp = timeout_at(deadline, TcpStream::connect(&self.address)).await.map_err(late)?.map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(unreachable)?;
        let handshake = TlsConnector::from(self.tls()).connect(self.server_name.clone(), tcp);
        let mut stream = timeout_at(deadline, handshake).await.map_err(late)?.map_err(|error| self.broken(error))?;
        self.expect_service(&stream)?;
        // In TLS 1.3 a client has finished its handshake before the service judges the client's certificate. A refusal
        // arrives in the place of the first bytes, so they are waited for: then it is an error of connecting.
        match timeout_at(deadline.min(Instant::now() + FIRST_BYTES), stream.fill_buf()).await {
            Ok(Ok([])) => Err(self.broken(io::ErrorKind::UnexpectedEof.into())),
            Ok(Err(error)) => Err(self.broken(error)),
            Ok(Ok(_)) | Err(_) => Ok(stream),
        }
    }

    fn expect_service(&self, stream: &TlsStream<TcpStream>) -> Result<(), ConnectError> {
        let session = stream.get_ref().1;
        if session.alpn_protocol() != Some(ALPN) {
            return Err(ConnectError::NotGrpc { address: self.address.clone() });
        }
        let found = session.peer_certificates().and_then(<[_]>::first).and_then(service_uri);
        if found.as_ref() == Some(&self.uri) {
            return Ok(());
        }
        Err(ConnectError::WrongService {
            address: self.address.clone(),
            expected: self.uri.clone(),
            found: found.unwrap_or_else(|| "a certificate that names no service".to_owned()),
        })
    }

    fn broken(&self, error: io::Error) -> ConnectError {
        let address = self.address.clone();
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned() {
            Some(source) => ConnectError::Tls { address, source },
            None => ConnectError::Closed { address, source: error },
        }
    }
}

/// Tells whether a text is `host:port` with a port above 0.
fn is_address(text: &str) -> bool {
    text.parse::<Authority>().is_ok_and(|parsed| {
        !parsed.host().is_empty() && parsed.port_u16().unwrap_or_default() > 0 && !text.contains('@')
    })
}

/// The URI that requests name as their origin.
fn origin(server_name: &str) -> Result<Uri, ConnectError> {
    let host = if server_name.contains(':') { format!("[{server_name}]") } else { server_name.to_owned() };
    Uri::try_from(format!("https://{host}")).map_err(|_| ConnectError::ServerName(server_name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for right in ["localhost:7443", "10.71.1.10:7443", "[::1]:7443", "renkei.example.go.jp:443"] {
            assert!(is_address(right), "{right}");
        }
        for wrong in ["localhost", "localhost:0", ":7443", "tanaka@localhost:7443", "localhost:port", "localhost:70000"]
        {
            assert!(!is_address(wrong), "{wrong}");
        }
    }
}
