//! A wire that a test can cut: a TCP relay in front of a port, with an address that stays while the port moves.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
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
}

impl Wire {
    /// A wire that leads nowhere yet.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn new() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = State { target: None, cut: CancellationToken::new(), is_cut: false };
        let wire = Self { address, state: Arc::new(Mutex::new(state)), ended: CancellationToken::new() };
        tokio::spawn(relay(listener, Arc::clone(&wire.state), wire.ended.clone()));
        Ok(wire)
    }

    /// Where to dial.
    pub fn address(&self) -> SocketAddr {
        self.address
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
        let (target, cut) = {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.target.filter(|_| !state.is_cut), state.cut.clone())
        };
        // A cut wire takes the connection and closes it at once, as a broken one does.
        let Some(target) = target else { continue };
        tokio::spawn(carry(near, target, cut, ended.clone()));
    }
}

async fn carry(mut near: TcpStream, target: SocketAddr, cut: CancellationToken, ended: CancellationToken) {
    let Ok(mut far) = TcpStream::connect(target).await else { return };
    // A failing option only makes the relay slower.
    let _ = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        () = cut.cancelled() => {}
        () = ended.cancelled() => {}
    }
}
