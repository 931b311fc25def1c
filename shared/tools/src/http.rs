//! A plain HTTP request, as `curl` would make it.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The status and the body of an answer to a GET. Bytes of the path that are not plain must be escaped.
///
/// # Errors
/// Fails if nothing answers.
pub async fn get(address: SocketAddr, path: &str) -> Result<(u16, String), String> {
    let asking = async {
        let mut tcp = TcpStream::connect(address).await?;
        tcp.write_all(format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(PATIENCE, asking).await.map_err(|_| format!("{address} is silent"))?;
    let answer = answer.map_err(|error| format!("{address}: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("an answer without a head")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("an answer without a status")?;
    Ok((status, body.to_owned()))
}

/// A text as it stands in a query of a path.
pub fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |path, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => {
            path + char::from(byte).encode_utf8(&mut [0; 4])
        }
        byte => path + &format!("%{byte:02X}"),
    })
}
