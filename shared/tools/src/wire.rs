//! A wire that a test can cut: a TCP relay in front of a port, with an address that stays while the port moves. In
//! front of the same port of several replicas it is a plain balancer: each connection goes to the next one that accepts
//! it.

use std::{
    collections::VecDeque,
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
    /// The targets of connections; the next connection goes to the first.
    targets: VecDeque<SocketAddr>,
    /// Cancelled when the wire is cut; a new one is here when it is mended.
    cut: CancellationToken,
    is_cut: bool,
    /// True while answers are passed back.
    heard: watch::Sender<bool>,
}

impl Wire {
    /// A wire that leads nowhere yet, on a free port.
    ///
    /// # Errors
    /// Fails if no port can be had.
    pub async fn new() -> io::Result<Self> {
        Self::at(0).await
    }

    /// The same on this port; 0 is any free one.
    ///
    /// # Errors
    /// Fails if the port cannot be had.
    pub async fn at(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let state = State {
            targets: VecDeque::new(),
            cut: CancellationToken::new(),
            is_cut: false,
            heard: watch::Sender::new(true),
        };
        let wire = Self { address, state: Arc::new(Mutex::new(state)), ended: CancellationToken::new() };
        tokio::spawn(relay(listener, Arc::clone(&wire.state), wire.ended.clone()));
        Ok(wire)
    }

    /// The address to dial.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port to which it leads.
    pub fn target(&self) -> Option<SocketAddr> {
        self.locked().targets.front().copied()
    }

    /// Leads to this port from now on.
    pub fn lead_to(&self, target: SocketAddr) {
        self.locked().targets = [target].into();
    }

    /// Leads to this port, too.
    pub fn lead_also_to(&self, target: SocketAddr) {
        self.locked().targets.push_back(target);
    }

    /// Leads to this port no more. What goes over it ends there.
    pub fn lead_no_more_to(&self, target: SocketAddr) {
        self.locked().targets.retain(|it| *it != target);
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

    /// Passes the answers of the far side back, or holds them up. Requests arrive there all the same.
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
        let (targets, cut, heard) = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let targets = if state.is_cut { VecDeque::new() } else { state.targets.clone() };
            if !state.targets.is_empty() {
                state.targets.rotate_left(1);
            }
            (targets, state.cut.clone(), state.heard.subscribe())
        };
        let ended = ended.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = carry(near, targets, heard) => {}
                () = cut.cancelled() => {}
                () = ended.cancelled() => {}
            }
        });
    }
}

async fn carry(near: TcpStream, targets: VecDeque<SocketAddr>, mut heard: watch::Receiver<bool>) -> io::Result<()> {
    // A wire that is cut or leads nowhere accepts the connection and closes it at once, as a broken one does.
    let Some(far) = reach(targets).await else { return Ok(()) };
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

/// The first target that accepts the connection.
async fn reach(targets: VecDeque<SocketAddr>) -> Option<TcpStream> {
    for target in targets {
        if let Ok(far) = TcpStream::connect(target).await {
            return Some(far);
        }
    }
    None
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
