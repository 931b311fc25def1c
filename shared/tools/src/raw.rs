//! Calls as a stranger makes them: any method by its path, any bytes as its body, any certificate or none.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use renkei_client::Raw;
use renkei_proto::r#type::v1::Agency;
use renkei_rpc::{
    connect::Dial,
    tls::{Files, Reloading},
};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::{
    Request, Status,
    client::Grpc,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};

/// Sends one message to a method and gives all that are answered. A stream that goes on is read for as long as the
/// caller waits.
///
/// # Errors
/// The status of the call.
pub async fn call(
    channel: &Channel,
    path: &str,
    body: &[u8],
    metadata: &[(&'static str, &'static str)],
) -> Result<Vec<Vec<u8>>, Status> {
    let mut request = Request::new(tokio_stream::once(body.to_vec()));
    for (name, value) in metadata {
        request.metadata_mut().append(*name, MetadataValue::from_static(value));
    }
    let path = PathAndQuery::try_from(path).map_err(|error| unsent(error.into()))?;
    let mut client = Grpc::new(channel.clone());
    client.ready().await.map_err(|error| unsent(error.into()))?;
    let mut stream = client.streaming(request, path, Raw).await?.into_inner();
    let mut answers = Vec::new();
    while let Some(answer) = stream.message().await? {
        answers.push(answer);
    }
    Ok(answers)
}

#[expect(clippy::disallowed_methods, reason = "what tonic's own clients make of an error")]
fn unsent(error: Box<dyn std::error::Error + Send + Sync>) -> Status {
    Status::from_error(error)
}

/// A connection to an agency's desk port with any certificate.
///
/// # Errors
/// Fails if the files cannot be read.
pub fn desk(agency: Agency, address: SocketAddr, files: &Files) -> Result<Channel, String> {
    dial(format!("spiffe://{}/desk/service", agency.id()), address, files)
}

/// A connection to an agency's link port, as its peer makes it.
///
/// # Errors
/// Fails if the files cannot be read.
pub fn link(agency: Agency, address: SocketAddr, files: &Files) -> Result<Channel, String> {
    dial(format!("spiffe://{}/link", agency.id()), address, files)
}

fn dial(peer: String, address: SocketAddr, files: &Files) -> Result<Channel, String> {
    let dial = Dial {
        address: address.to_string(),
        server_name: "localhost".to_owned(),
        peer,
        tls: Arc::new(Reloading::client(files).map_err(|error| error.to_string())?),
        connect_timeout: Duration::from_secs(5),
    };
    dial.channel().map_err(|error| error.to_string())
}

/// A client that shows no certificate, or speaks an old TLS, and does not wait for the server's verdict before it
/// speaks.
///
/// # Errors
/// Fails if the roots cannot be read.
pub fn bare(address: SocketAddr, roots: &str, version: &'static SupportedProtocolVersion) -> Result<Channel, String> {
    let mut trusted = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(roots.as_bytes()).map_err(|error| error.to_string())?;
    trusted.add(root).map_err(|error| error.to_string())?;
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_protocol_versions(&[version])
        .map_err(|error| error.to_string())?
        .with_root_certificates(trusted);
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(over(address, Arc::new(config), Endpoint::from_static("http://localhost")))
}

/// A client with a certificate that asks nobody whether it is the right service.
///
/// # Errors
/// Fails if the files cannot be read.
pub fn dialled(address: SocketAddr, files: &Files) -> Result<Channel, String> {
    let tls = Reloading::client(files).map_err(|error| error.to_string())?;
    Ok(over(address, tls.config(), Endpoint::from_static("http://localhost")))
}

/// A client that opens no window: nothing of any answer but its status can be sent to it.
///
/// # Errors
/// Fails if the files cannot be read.
pub fn windowless(address: SocketAddr, files: &Files) -> Result<Channel, String> {
    let tls = Reloading::client(files).map_err(|error| error.to_string())?;
    let endpoint = Endpoint::from_static("http://localhost").initial_stream_window_size(0);
    Ok(over(address, tls.config(), endpoint))
}

/// Begins a call of streams, sends nothing, and reads until it ends.
///
/// # Errors
/// The status of the call.
pub async fn silent(channel: &Channel, path: &str) -> Result<(), Status> {
    let path = PathAndQuery::try_from(path).map_err(|error| unsent(error.into()))?;
    let mut client = Grpc::new(channel.clone());
    client.ready().await.map_err(|error| unsent(error.into()))?;
    let request = Request::new(tokio_stream::pending::<Vec<u8>>());
    let mut answers = client.streaming(request, path, Raw).await?.into_inner();
    while answers.message().await?.is_some() {}
    Ok(())
}

fn over(address: SocketAddr, config: Arc<ClientConfig>, endpoint: Endpoint) -> Channel {
    let connector = TlsConnector::from(config);
    let connect = tower::service_fn(move |_: http::Uri| {
        let connector = connector.clone();
        async move {
            let tcp = TcpStream::connect(address).await?;
            let name = "localhost".try_into().map_err(std::io::Error::other)?;
            connector.connect(name, tcp).await.map(TokioIo::new)
        }
    });
    endpoint.connect_with_connector_lazy(connect)
}
