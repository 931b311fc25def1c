//! A plain HTTP request, as `curl` would make it.

use std::{net::SocketAddr, time::Duration};

/// The longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The status and the body of an answer to a GET. Bytes of the path that are not plain must be escaped.
///
/// # Errors
/// Fails if nothing answers.
pub async fn get(address: SocketAddr, path: &str) -> Result<(u16, String), String> {
    let asking = tokio::time::timeout(PATIENCE, renkei_service::http::get(address, path));
    let answer = asking.await.map_err(|_| format!("{address} is silent"))?;
    let answer = answer.map_err(|error| format!("{address}: {error}"))?;
    let status = answer.status().as_u16();
    let body = String::from_utf8(answer.into_body().into()).map_err(|error| format!("{address}: {error}"))?;
    Ok((status, body))
}

/// A text as it is written in a query of a path.
pub fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |path, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => {
            path + char::from(byte).encode_utf8(&mut [0; 4])
        }
        byte => path + &format!("%{byte:02X}"),
    })
}
