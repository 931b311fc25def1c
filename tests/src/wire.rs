//! A wire that a test can cut: a TCP relay in front of a port, with an address that stays while the port moves.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

/// A relay on a port of its own. Dropping it cuts everything.
pub struct Wire {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    ended: CancellationToken,
}

struct State {
    target: Option<SocketAddr>,
    /// Cancelled when the wire is cut; a new one stands here when it is mended.
    cut: CancellationToken,
    is_cut: bool,
    /// What is said there comes back.
    heard: watch::Sender<bool>,
}

impl Wire {
    /// A wire that leads nowhere yet.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn new() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state =
            State { target: None, cut: CancellationToken::new(), is_cut: false, heard: watch::Sender::new(true) };
        let wire = Self { address, state: Arc::new(Mutex::new(state)), ended: CancellationToken::new() };
        tokio::spawn(relay(listener, Arc::clone(&wire.state), wire.ended.clone()));
        Ok(wire)
    }

    /// Where to dial.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it leads.
    pub fn target(&self) -> Option<SocketAddr> {
        self.locked().target
    }

    /// Leads to this port from now on.
    pub fn lead_to(&self, target: SocketAddr) {
        self.locked().target = Some(target);
    }

    /// Cuts all connections and lets no new ones through.
    pub fn cut(&self) {
        let mut state = self.locked();
        state.is_cut = true;
        state.cut.cancel();
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        let mut state = self.locked();
        if state.is_cut {
            state.is_cut = false;
            state.cut = CancellationToken::new();
        }
    }

    /// Whether what is said where the wire leads comes back. What is said here gets there all the same.
    pub fn hear(&self, heard: bool) {
        self.locked().heard.send_replace(heard);
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

async fn relay(listener: TcpListener, state: Arc<Mutex<State>>, ended: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ended.cancelled() => return,
        };
        let Ok((near, _)) = accepted else { continue };
        let (target, cut, heard) = {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.target.filter(|_| !state.is_cut), state.cut.clone(), state.heard.subscribe())
        };
        // A cut wire takes the connection and closes it at once, as a broken one does.
        let Some(target) = target else { continue };
        let ended = ended.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = carry(near, target, heard) => {}
                () = cut.cancelled() => {}
                () = ended.cancelled() => {}
            }
        });
    }
}

async fn carry(near: TcpStream, target: SocketAddr, mut heard: watch::Receiver<bool>) -> io::Result<()> {
    let far = TcpStream::connect(target).await?;
    // A failing option only makes the relay slower.
    let _ = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (near.into_split(), far.into_split());
    let there = async {
        copy(&mut near_in, &mut far_out).await?;
        far_out.shutdown().await
    };
    let back = async {
        while pass(&mut far_in, &mut near_out, &mut heard).await? {}
        near_out.shutdown().await
    };
    tokio::try_join!(there, back).map(|_| ())
}

/// Carries what was read when it is to be heard; `false` at the end.
async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    heard: &mut watch::Receiver<bool>,
) -> io::Result<bool> {
    let mut bytes = [0; 8 << 10];
    let read = from.read(&mut bytes).await?;
    heard.wait_for(|heard| *heard).await.map_err(io::Error::other)?;
    to.write_all(&bytes[..read]).await?;
    Ok(read > 0)
}
