//! An encrypted stream that can be ended from outside.
//!
//! HTTP/2 libraries end a connection politely and wait for the peer to agree, which a dead or hostile peer never does.
//! Here the stream itself fails when its time is over, whatever the state of the protocol above. Everything above then
//! ends as on any broken stream.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_stream::Stream;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::identity::Identity;
use crate::tls::{Revoked, RevokedNow};

/// The reason for which a stream was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Cut {
    /// The service stops and the time for draining is over.
    #[error("the connection was cut because the service stops")]
    Drained,
    /// The connection reached its maximum age.
    #[error("the connection was cut because it reached its greatest age")]
    Aged,
    /// The peer's certificate was revoked while the connection was open.
    #[error("the connection was cut because the peer's certificate has been revoked")]
    Revoked,
    /// The peer proved its identity and then sent nothing.
    #[error("the connection was cut because the peer sent nothing after its handshake")]
    Silent,
}

/// The bounds of a stream.
pub(crate) struct Bounds {
    /// Cancelled when the stream must end now.
    pub(crate) kill: CancellationToken,
    /// The maximum age.
    pub(crate) age: Option<Duration>,
    /// The time in which the peer must send its first byte.
    pub(crate) silence: Option<Duration>,
    /// The identity of the peer, if its certificate names one.
    pub(crate) peer: Option<Identity>,
    /// The revoked certificates; the stream ends when the peer's becomes one of them.
    pub(crate) revoked: RevokedNow,
    /// The number of streams that were cut.
    pub(crate) cuts: Arc<AtomicU64>,
}

/// A stream within bounds. `prelude` was already read from it and is read first; `held` is dropped together with the
/// stream.
pub(crate) struct Guarded<IO, H> {
    io: IO,
    held: H,
    prelude: Bytes,
    killed: Pin<Box<WaitForCancellationFutureOwned>>,
    revoked: WatchStream<Arc<Revoked>>,
    peer: Option<Identity>,
    timer: Option<Pin<Box<Sleep>>>,
    ends: Option<Instant>,
    speaks_by: Option<Instant>,
    cut: Option<Cut>,
    cuts: Arc<AtomicU64>,
}

impl<IO, H> Guarded<IO, H> {
    pub(crate) fn new(io: IO, held: H, prelude: Bytes, bounds: Bounds) -> Self {
        let now = Instant::now();
        let ends = bounds.age.map(|age| now + age);
        let speaks_by = bounds.silence.map(|silence| now + silence);
        Self {
            io,
            held,
            prelude,
            killed: Box::pin(bounds.kill.cancelled_owned()),
            revoked: WatchStream::new(bounds.revoked),
            peer: bounds.peer,
            timer: first(speaks_by, ends).map(|bound| Box::pin(sleep_until(bound))),
            ends,
            speaks_by,
            cut: None,
            cuts: bounds.cuts,
        }
    }

    pub(crate) fn held(&self) -> &H {
        &self.held
    }

    /// Fails as soon as a bound is reached, and wakes the task at the next bound.
    fn poll_bounds(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.cut.is_none() {
            self.cut = self.judge(context);
            if let Some(cut) = self.cut {
                self.cuts.fetch_add(1, Ordering::Relaxed);
                let serial = self.peer.as_ref().map(Identity::serial);
                tracing::info!(serial, reason = %cut, "a connection was cut");
            }
        }
        self.cut.map_or(Ok(()), |cut| Err(io::Error::new(io::ErrorKind::ConnectionAborted, cut)))
    }

    fn judge(&mut self, context: &mut Context<'_>) -> Option<Cut> {
        if self.killed.as_mut().poll(context).is_ready() {
            return Some(Cut::Drained);
        }
        while let Poll::Ready(Some(revoked)) = Pin::new(&mut self.revoked).poll_next(context) {
            if self.peer.as_ref().is_some_and(|peer| revoked.contains(peer.issuer(), peer.serial())) {
                return Some(Cut::Revoked);
            }
        }
        let timer = self.timer.as_mut()?;
        while timer.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let passed = |bound: Option<Instant>| bound.is_some_and(|bound| bound <= now);
            if passed(self.speaks_by) {
                return Some(Cut::Silent);
            }
            if passed(self.ends) {
                return Some(Cut::Aged);
            }
            // The peer has sent something in time, so the next bound is the age.
            match first(self.speaks_by, self.ends) {
                Some(bound) => timer.as_mut().reset(bound),
                None => break,
            }
        }
        None
    }
}

fn first(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

impl<IO: AsyncRead + Unpin, H: Unpin> AsyncRead for Guarded<IO, H> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.poll_bounds(context)?;
        if this.prelude.has_remaining() {
            let length = this.prelude.remaining().min(buffer.remaining());
            buffer.put_slice(&this.prelude.split_to(length));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            this.speaks_by = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin, H: Unpin> AsyncWrite for Guarded<IO, H> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.poll_bounds(context)?;
        Pin::new(&mut this.io).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.poll_bounds(context)?;
        Pin::new(&mut this.io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.poll_bounds(context)?;
        Pin::new(&mut this.io).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.poll_bounds(context)?;
        Pin::new(&mut this.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
