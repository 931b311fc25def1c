//! HTTP/2 by hand: frames as no library sends them, over mutual TLS.

use std::net::SocketAddr;

use renkei_rpc::tls::{Files, Reloading};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Kinds of frames.
pub const DATA: u8 = 0;
/// Begins a stream.
pub const HEADERS: u8 = 1;
/// Ends a stream at once.
pub const RST_STREAM: u8 = 3;
/// Bounds, or their acknowledgement.
pub const SETTINGS: u8 = 4;
/// Asks for a sign of life.
pub const PING: u8 = 6;
/// Ends the connection.
pub const GOAWAY: u8 = 7;
/// Goes on with the headers of a stream.
pub const CONTINUATION: u8 = 9;

/// Flag: nothing follows on the stream.
pub const END_STREAM: u8 = 1;
/// Flag: the headers are complete.
pub const END_HEADERS: u8 = 4;

/// The first bytes of a client.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The kind of frame (RFC 9113, section 6).
    pub kind: u8,
    /// The flags, whose meaning depends on the kind.
    pub flags: u8,
    /// Its stream; 0 for the connection.
    pub stream: u32,
    /// The payload of the frame.
    pub payload: Vec<u8>,
}

/// A connection on which nothing is sent by itself.
pub struct Frames(TlsStream<TcpStream>);

impl Frames {
    /// Connects with a certificate and sends the preface and these settings.
    ///
    /// # Errors
    /// Fails if nobody lets us in.
    pub async fn connect(address: SocketAddr, files: &Files, settings: &[(u16, u32)]) -> Result<Self, String> {
        let mut tls = secured(address, files).await?;
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [name.to_be_bytes().to_vec(), value.to_be_bytes().to_vec()].concat())
            .collect();
        tls.write_all(PREFACE).await.map_err(|error| error.to_string())?;
        let mut this = Self(tls);
        this.send(&frame(SETTINGS, 0, 0, &payload)).await?;
        Ok(this)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// Fails if the connection is gone.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.0.write_all(bytes).await.map_err(|error| error.to_string())?;
        self.0.flush().await.map_err(|error| error.to_string())
    }

    /// The next frame.
    ///
    /// # Errors
    /// Fails if the connection is gone.
    pub async fn next(&mut self) -> Result<Frame, String> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.map_err(|error| error.to_string())?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).map_err(|error| error.to_string())?];
        self.0.read_exact(&mut payload).await.map_err(|error| error.to_string())?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        Ok(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame of one of these kinds; others are passed over.
    ///
    /// # Errors
    /// Fails if the connection is gone.
    pub async fn next_of(&mut self, kinds: &[u8]) -> Result<Frame, String> {
        loop {
            let frame = self.next().await?;
            if kinds.contains(&frame.kind) {
                return Ok(frame);
            }
        }
    }
}

/// A connection with a finished handshake on which nothing was sent.
///
/// # Errors
/// Fails if nobody lets us in.
pub async fn secured(address: SocketAddr, files: &Files) -> Result<TlsStream<TcpStream>, String> {
    let tls = Reloading::client(files).map_err(|error| error.to_string())?;
    let tcp = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let name = "localhost".try_into().map_err(|_| "no server name")?;
    TlsConnector::from(tls.config()).connect(name, tcp).await.map_err(|error| error.to_string())
}

/// A frame in bytes. More than fits into one frame is cut off by whoever reads it.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [head.as_slice(), payload].concat()
}

/// The headers of a call, compressed by no table, so that they mean the same on every connection.
pub fn headers(path: &str, metadata: &[(&str, &str)]) -> Vec<u8> {
    let own = [
        (":method", "POST"),
        (":scheme", "https"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    own.iter().chain(metadata).flat_map(|(name, value)| literal(name, value)).collect()
}

/// A header field without an index.
fn literal(name: &str, value: &str) -> Vec<u8> {
    [&[0], text(name).as_slice(), text(value).as_slice()].concat()
}

/// A text with its length, a number with a prefix of seven bits.
fn text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + 3);
    match u8::try_from(text.len()) {
        Ok(length) if length < 0x7f => bytes.push(length),
        _ => {
            bytes.push(0x7f);
            let mut rest = text.len() - 0x7f;
            while rest >= 0x80 {
                bytes.push(0x80 | u8::try_from(rest & 0x7f).unwrap_or_default());
                rest >>= 7;
            }
            bytes.push(u8::try_from(rest).unwrap_or_default());
        }
    }
    bytes.extend(text.as_bytes());
    bytes
}
