//! Connections between the two services. The frames of one connection keep their order until it is cut; connections do not
//! wait for each other, so an old one may still deliver when a new one is open.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use renkei_link::{Input, Link, OwnJournal, session};
use renkei_proto::{
    link::v1::{ExchangeRequest, Frame, frame::Kind, link_status::State},
    r#type::v1::Agency,
};
use renkei_rpc::{error::Error, validate::validated};
use tokio::sync::mpsc;

use crate::host::Service;

/// The maximum number of frames that wait to be sent, as on a real connection.
const FRAMES: usize = 16;

/// The frames that have arrived at one end.
struct Arrived(mpsc::UnboundedReceiver<Frame>);

impl Input for Arrived {
    async fn next(&mut self) -> Result<Option<Kind>, Error> {
        let Some(frame) = self.0.recv().await else { return Ok(None) };
        let request = validated(ExchangeRequest { frame: Some(frame) })?;
        Ok(request.frame.and_then(|frame| frame.kind))
    }
}

/// True if a session has something to do.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

type Session = Pin<Box<dyn Future<Output = (State, String)> + Send>>;

/// One end of a connection, with its session.
pub struct End {
    /// The agency at this end.
    pub agency: Agency,
    session: Option<Session>,
    woken: Arc<Woken>,
    /// The frames that the session has sent and the network has not delivered.
    sent: mpsc::Receiver<Frame>,
    /// The way into the session of this end; `None` once the other end has closed.
    into: Option<mpsc::UnboundedSender<Frame>>,
    /// Its first frame, the hello, was delivered or lost.
    has_greeted: bool,
}

impl End {
    fn new(agency: Agency, link: Link<Service>, own_journal: OwnJournal) -> Self {
        let (output, sent) = mpsc::channel(FRAMES);
        let (into, arrived) = mpsc::unbounded_channel();
        let running = async move { session(&link, &mut Arrived(arrived), output, own_journal).await };
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        Self { agency, session: Some(Box::pin(running)), woken, sent, into: Some(into), has_greeted: false }
    }

    /// True if its session can go on.
    pub fn is_ready(&self) -> bool {
        self.session.is_some() && self.woken.0.load(Ordering::SeqCst)
    }

    /// True if its session has ended.
    pub fn has_ended(&self) -> bool {
        self.session.is_none()
    }

    /// Lets the session go on until it waits. Returns the cause if it ends.
    pub fn go_on(&mut self) -> Option<String> {
        let session = self.session.as_mut()?;
        self.woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken));
        match session.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => None,
            Poll::Ready((_, cause)) => {
                self.session = None;
                Some(cause)
            }
        }
    }

    /// The next frame that its session has sent.
    pub fn take(&mut self) -> Option<Frame> {
        let frame = self.sent.try_recv().ok();
        self.has_greeted |= frame.is_some();
        frame
    }

    /// True if its hello waits to be delivered.
    pub fn greets(&self) -> bool {
        !self.has_greeted && self.has_sent()
    }

    /// True if a frame waits to be delivered.
    pub fn has_sent(&self) -> bool {
        !self.sent.is_empty()
    }

    /// Delivers a frame to its session.
    pub fn deliver(&mut self, frame: Frame) {
        if let Some(into) = &self.into {
            // A session that has ended does not read it.
            let _ = into.send(frame);
        }
    }

    /// Ends the stream into its session.
    pub fn close(&mut self) {
        self.into = None;
    }

    /// Ends the session at once, with its process. What it has sent and the network has not delivered is lost.
    pub fn kill(&mut self) {
        self.session = None;
        while self.take().is_some() {}
    }

    /// True if nothing will come into its session any more.
    pub fn is_closed(&self) -> bool {
        self.into.is_none()
    }
}

/// A connection between the two services, with both its ends.
pub struct Connection {
    /// Its number in the history.
    pub number: u64,
    /// The end that dialled, and the other one.
    pub ends: [End; 2],
    /// Frames that were delivered on it, which a network may deliver again on another one.
    pub old: VecDeque<(usize, Frame)>,
    /// True if one end no longer knows of it: its frames are lost, and it ends by itself after a time.
    pub is_half_open: bool,
}

impl Connection {
    /// A connection from one service to the other.
    pub fn new(
        number: u64,
        dialling: (Agency, Link<Service>),
        dialled: (Agency, Link<Service>),
        streams: bool,
    ) -> Self {
        let other = if streams { OwnJournal::Sent } else { OwnJournal::NotSent };
        let ends = [End::new(dialling.0, dialling.1, OwnJournal::Sent), End::new(dialled.0, dialled.1, other)];
        Self { number, ends, old: VecDeque::new(), is_half_open: false }
    }
}
