//! A service as a process: its program, and what it says of itself in its log.

use std::{io::Write as _, net::SocketAddr, path::PathBuf};

use renkei_proto::r#type::v1::Agency;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::ChildStderr,
    sync::oneshot,
};

/// Copies a service's log to its file and finds the addresses on which it serves.
pub(crate) async fn follow(
    mut lines: BufReader<ChildStderr>,
    mut log: std::fs::File,
    ready: oneshot::Sender<(SocketAddr, SocketAddr)>,
) {
    let (mut ready, mut line) = (Some(ready), String::new());
    while lines.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        // A log that cannot be written does not stop the service.
        let _ = log.write_all(line.as_bytes());
        if let Some(addresses) = addresses(&line)
            && let Some(ready) = ready.take()
        {
            let _ = ready.send(addresses);
        }
        line.clear();
    }
}

fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    if line.get("message")?.as_str()? != "serving" {
        return None;
    }
    let field = |name: &str| line.get("fields")?.get(name)?.as_str()?.parse().ok();
    Some((field("desk")?, field("link")?))
}

/// The binary of an agency's service, beside the running program.
///
/// # Errors
/// When it is not built.
pub fn binary(agency: Agency) -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut folders = program.ancestors().skip(1).take(2).map(|folder| folder.join(agency.id()));
    folders
        .find(|file| file.is_file())
        .ok_or_else(|| format!("the program {} is not built: run ./dev build", agency.id()))
}
