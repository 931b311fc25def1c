//! A client for plain HTTP: one GET on a connection of its own, as the operator's port answers it.

use std::{io, net::SocketAddr};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The most bytes of a body that are read.
const BODY: usize = 1 << 20;

/// Why a GET has no answer.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// Nobody accepts a connection at the address.
    #[error("no connection")]
    Connect(#[source] io::Error),
    /// The connection was closed before an answer began, as a service does that is about to end or to start.
    #[error("the connection was closed without an answer")]
    Closed,
    /// The answer is not HTTP, is cut short, or has more than 1 MiB.
    #[error("the answer cannot be read")]
    Answer(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Asks for a path, which must be percent-encoded. The caller bounds the time.
///
/// # Errors
/// [`GetError`].
pub async fn get(address: SocketAddr, path: &str) -> Result<Response<Bytes>, GetError> {
    let request = Request::get(path).header(header::HOST, address.to_string()).body(Empty::<Bytes>::new());
    let request = request.map_err(|error| GetError::Answer(error.into()))?;
    let tcp = TcpStream::connect(address).await.map_err(GetError::Connect)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(tcp)).await.map_err(unanswered)?;
    let answer = async move {
        let (head, body) = sender.send_request(request).await.map_err(unanswered)?.into_parts();
        let body = Limited::new(body, BODY).collect().await.map_err(GetError::Answer)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    // The connection ends with its sender, and the answer tells how it went.
    tokio::join!(connection, answer).1
}

fn unanswered(error: hyper::Error) -> GetError {
    if error.is_parse() { GetError::Answer(error.into()) } else { GetError::Closed }
}
