//! A socket before a PostgreSQL server that can swallow whatever goes over the connections that are open, as a network
//! does that has lost a route or forgotten a connection: nobody is told, and new connections work.

use std::{fs, path::Path};

use tempfile::TempDir;
use tokio::{
    io::{self, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::watch,
};

/// The socket. Connections end with it.
pub struct Silence {
    /// The database's URL over it.
    pub url: String,
    /// The number of times that it has fallen silent.
    fallen: watch::Sender<u64>,
    _folder: TempDir,
}

impl Silence {
    /// Stands before the server of a URL that names a Unix socket.
    ///
    /// # Errors
    /// Fails if the URL names none, or no socket can be made.
    pub fn before(url: &str) -> Result<Self, String> {
        let parameter = |name: &str| {
            let (_, rest) = url.split_once(&format!("{name}="))?;
            rest.split('&').next()
        };
        let (host, port) = parameter("host").zip(parameter("port")).ok_or("the URL names no socket")?;
        let folder = TempDir::new().map_err(said)?;
        let name = format!(".s.PGSQL.{port}");
        let (near, far) = (folder.path().join(&name), Path::new(host).join(&name));
        let listener = UnixListener::bind(&near).map_err(said)?;
        fs::set_permissions(&near, std::os::unix::fs::PermissionsExt::from_mode(0o777)).map_err(said)?;
        let (fallen, heard) = watch::channel(0);
        let url = url.replace(host, &folder.path().display().to_string());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                // A server that is away closes the connection.
                if let Ok(far) = UnixStream::connect(&far).await {
                    tokio::spawn(carry(near, far, heard.clone()));
                }
            }
        });
        Ok(Self { url, fallen, _folder: folder })
    }

    /// From now on the connections that are open swallow everything. Those that come later do not.
    pub fn fall(&self) {
        self.fallen.send_modify(|fallen| *fallen += 1);
    }
}

async fn carry(near: UnixStream, far: UnixStream, heard: watch::Receiver<u64>) {
    let born = *heard.borrow();
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let (there, back) = (pass(near_in, far_out, heard.clone(), born), pass(far_in, near_out, heard, born));
    // An error of a connection ends that connection only.
    let _ = tokio::try_join!(there, back);
}

/// Carries bytes until the end, or swallows them. Whoever is silent does not pass on the end either.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    heard: watch::Receiver<u64>,
    born: u64,
) -> io::Result<()> {
    let mut bytes = [0; 8 << 10];
    loop {
        let read = from.read(&mut bytes).await?;
        let is_silent = *heard.borrow() != born;
        match read {
            0 if is_silent => std::future::pending().await,
            0 => return to.shutdown().await,
            _ if is_silent => {}
            _ => to.write_all(&bytes[..read]).await?,
        }
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
