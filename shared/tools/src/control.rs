//! The way to a running sandbox from a second terminal: a socket in its folder, one request a connection.

use std::path::{Path, PathBuf};

use renkei_proto::r#type::v1::Agency;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
};

/// The maximum length of a request.
const LINE: u64 = 64;

/// A request to restart the service of an agency.
pub struct Restart {
    /// The agency whose service is to be restarted.
    pub agency: Agency,
    stream: UnixStream,
}

impl Restart {
    /// Tells the other terminal the outcome.
    pub async fn answer(mut self, done: &Result<(), String>) {
        let text = done.as_ref().map_or_else(|error| format!("{error}\n"), |()| String::new());
        // A terminal that has gone away needs no answer.
        let _ = self.stream.write_all(text.as_bytes()).await;
    }
}

/// The socket at which a sandbox accepts requests. It is removed with the value.
pub struct Control {
    listener: UnixListener,
    place: PathBuf,
}

impl Control {
    /// Opens the socket in a sandbox's folder.
    ///
    /// # Errors
    /// Fails if the socket cannot be opened.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let place = socket(folder);
        let listener = UnixListener::bind(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        Ok(Self { listener, place })
    }

    /// The next request. Whatever is none is answered here.
    pub async fn next(&self) -> Restart {
        loop {
            let Ok((mut stream, _)) = self.listener.accept().await else { continue };
            let mut line = String::new();
            let read = BufReader::new((&mut stream).take(LINE)).read_line(&mut line).await;
            let agency = line.trim_end().strip_prefix("restart ").and_then(Agency::from_id);
            match (read, agency) {
                (Ok(_), Some(agency)) => return Restart { agency, stream },
                _ => {
                    let _ = stream.write_all(b"the sandbox knows `restart ppc` and `restart ipa`\n").await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.place);
    }
}

/// Lets the sandbox in this folder restart a service, and waits until it serves again.
///
/// # Errors
/// Fails if no sandbox runs there, or if the service does not start.
pub async fn restart(folder: &Path, agency: Agency) -> Result<(), String> {
    let place = socket(folder);
    let none = |error| format!("no sandbox runs in {} ({error})", folder.display());
    let mut stream = UnixStream::connect(&place).await.map_err(none)?;
    let failed = |error: std::io::Error| error.to_string();
    stream.write_all(format!("restart {}\n", agency.id()).as_bytes()).await.map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(failed)?;
    if answer.is_empty() { Ok(()) } else { Err(answer.trim_end().to_owned()) }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("control")
}
