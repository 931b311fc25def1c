//! HTTP/2 on one connection: its bounds, its orderly end, and streams that end in time whatever their client does.
//!
//! An HTTP/2 stream that waits for its client to open the window does not poll the answer, so nothing above can end it.
//! Here each stream is a task that can be given an end from within; then it is dropped, which resets it.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::{Service, ServiceExt as _};

use crate::fields::bounded;
use crate::limits::Limits;

/// The maximum number of bytes of an answer that one stream buffers before its client has read any.
const SEND_BUFFER: usize = 64 << 10;

tokio::task_local! {
    /// The end of this task's stream.
    static END: Cell<Option<Instant>>;
}

/// Sets the instant at which the stream of the running task is reset if its answer is not sent by then. It has no
/// effect outside a stream, as in tests of layers.
pub(crate) fn end_at(end: Instant) {
    let _ = END.try_with(|cell| cell.set(Some(end)));
}

/// Serves one connection until it ends. Each request has `connection` among its extensions. After the shutdown or its
/// maximum age the connection accepts no new calls.
pub(crate) async fn serve_connection<IO, C, S>(
    io: IO,
    connection: C,
    service: S,
    limits: Limits,
    shutdown: CancellationToken,
) where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    C: Clone + Send + Sync + 'static,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let (service, path) = (service.clone(), request.uri().path().to_owned());
        let mut request = request.map(|body| bounded(&path, body));
        request.extensions_mut().insert(connection.clone());
        service.oneshot(request)
    });
    let serving = builder(&limits).serve_connection(TokioIo::new(io), service);
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return told(ended),
        () = shutdown.cancelled() => {}
        () = sleep(limits.connection_age) => {}
    }
    serving.as_mut().graceful_shutdown();
    told(serving.await);
}

/// Logs an error of the connection's end at debug level only, because it is usually the client's choice.
fn told(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

fn builder(limits: &Limits) -> http2::Builder<Streams> {
    let streams = usize::try_from(limits.streams).unwrap_or(usize::MAX);
    let mut builder = http2::Builder::new(Streams);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        // A client may give up all offered streams at once, and a flood of resets still ends the connection.
        .max_pending_accept_reset_streams(streams)
        .max_header_list_size(limits.header_list)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout);
    builder
}

/// Runs each stream as a task of its own.
#[derive(Clone, Copy)]
struct Streams;

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        tokio::spawn(Stream { stream: Box::pin(stream), end: None, timer: None });
    }
}

/// A stream with the instant of its end.
struct Stream<F> {
    stream: Pin<Box<F>>,
    end: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<F: Future<Output = ()>> Future for Stream<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let end = Cell::new(this.end);
        let (polled, end) = END.sync_scope(end, || {
            let polled = this.stream.as_mut().poll(context);
            (polled, END.with(Cell::get))
        });
        if polled.is_ready() {
            return Poll::Ready(());
        }
        if end != this.end {
            this.end = end;
            this.timer = end.map(|end| Box::pin(sleep_until(end)));
        }
        match &mut this.timer {
            Some(timer) => timer.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}
