//! The end of a call: its span, its metrics, and the details that a status made by tonic lacks.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body as _, Frame, SizeHint};
use renkei_domain::{moment::Source, refusal::Refusal};
use renkei_proto::options::v1::Reason;
use renkei_telemetry::{Metrics, span};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tracing::Span;

use crate::error::{Error, reason_of, reason_of_tonic};
use crate::places::Place;

/// The maximum number of bytes of an answer that are passed to HTTP/2 at once. They wait there for the client without a
/// place and without an end.
const CHUNK: usize = 16 << 10;

/// A call in flight. It ends once: with its status, or as cancelled if it is dropped before.
pub(crate) struct Underway {
    pub(crate) span: Span,
    /// The fully qualified method without the leading slash; `None` for a method that this service does not have.
    pub(crate) method: Option<&'static str>,
    pub(crate) begun: Instant,
    pub(crate) metrics: Metrics,
    pub(crate) source: Source,
    /// The maximum size of a message on this port, in bytes.
    pub(crate) message_max: usize,
    /// The place among the calls in flight.
    pub(crate) place: Option<Place>,
    /// The time by which the call must be answered; `None` for streams.
    pub(crate) deadline: Option<Instant>,
    pub(crate) over: bool,
}

impl Underway {
    /// Sends the answer and observes it until its end.
    pub(crate) fn answer(mut self, response: Response<Body>) -> Response<Body> {
        let (mut parts, body) = response.into_parts();
        if parts.headers.contains_key(Status::GRPC_STATUS) {
            self.settle(&mut parts.headers, Part::Head);
            return Response::from_parts(parts, body);
        }
        if body.is_end_stream() {
            self.end(Code::Unknown, None);
            return Response::from_parts(parts, body);
        }
        Response::from_parts(parts, Body::new(Answering { body, rest: Bytes::new(), call: Some(self) }))
    }

    /// Ends the call with the status in these headers, and adds the details that every status must have.
    fn settle(&mut self, headers: &mut HeaderMap, part: Part) {
        let Some(mut status) = Status::from_header_map(headers) else {
            return self.end(Code::Unknown, None);
        };
        if status.code() == Code::Ok {
            return self.end(Code::Ok, None);
        }
        if let Some(error) = self.without_details(&status, part) {
            status = error.status(&self.source.moment());
            for name in [Status::GRPC_STATUS, Status::GRPC_MESSAGE, Status::GRPC_STATUS_DETAILS] {
                headers.remove(name);
            }
            // This fails for characters that a header must not contain; the code is set by then.
            let _ = status.add_header(headers);
        }
        self.end(status.code(), reason_of(&status));
    }

    /// The error to report in place of a status without details. Such a status was made by tonic: before the handler it
    /// concerns the request, after it this service's answer.
    fn without_details(&self, status: &Status, part: Part) -> Option<Error> {
        if !status.details().is_empty() {
            return None;
        }
        let fault = || Error::Fault(format!("the answer cannot be sent: {}", status.message()));
        match (reason_of_tonic(status)?, part) {
            (_, Part::Trailers) if status.code() == Code::Internal => Some(fault()),
            (Reason::TooLarge, Part::Head) => {
                Some(Error::Full { reason: Reason::TooLarge, limit: "bytes in a message", most: self.message_max })
            }
            (reason, _) => Some(Refusal::plain(reason).into()),
        }
    }

    fn end(&mut self, code: Code, reason: Option<Reason>) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        span::finish_rpc(&self.span, code.into(), true);
        let known = self.method.is_some();
        self.metrics.call_served(self.method.unwrap_or_default(), known, code.into(), self.begun.elapsed());
        if let Some(reason) = reason {
            self.metrics.refused(reason.id());
        }
        self.place = None;
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        // An answer that its client did not read in time was reset.
        let is_late = self.deadline.is_some_and(|deadline| deadline <= Instant::now());
        self.end(if is_late { Code::DeadlineExceeded } else { Code::Cancelled }, None);
    }
}

/// The place of a status in the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// In the headers, because there is no message.
    Head,
    /// After the messages.
    Trailers,
}

/// The body of an answer, until its trailers.
struct Answering {
    body: Body,
    /// The rest of the last data from the body.
    rest: Bytes,
    call: Option<Underway>,
}

impl Answering {
    fn ended(&mut self, frame: Option<Result<Frame<Bytes>, Status>>) -> Option<Result<Frame<Bytes>, Status>> {
        match frame {
            Some(Ok(frame)) => match frame.into_trailers() {
                Ok(mut trailers) => {
                    if let Some(mut call) = self.call.take() {
                        call.settle(&mut trailers, Part::Trailers);
                    }
                    Some(Ok(Frame::trailers(trailers)))
                }
                Err(frame) => Some(Ok(match frame.into_data() {
                    Ok(data) => {
                        self.rest = data;
                        self.chunk()
                    }
                    Err(other) => other,
                })),
            },
            nothing => {
                if let Some(mut call) = self.call.take() {
                    call.end(Code::Unknown, None);
                }
                nothing
            }
        }
    }
}

impl Answering {
    fn chunk(&mut self) -> Frame<Bytes> {
        Frame::data(self.rest.split_to(self.rest.len().min(CHUNK)))
    }
}

impl http_body::Body for Answering {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        if !this.rest.is_empty() {
            return Poll::Ready(Some(Ok(this.chunk())));
        }
        // Only a stream still works on its answer; that of a unary call is there.
        let streaming = this.call.as_ref().filter(|call| call.deadline.is_none());
        let span = streaming.map_or_else(Span::none, |call| call.span.clone());
        let frame = ready!(span.in_scope(|| Pin::new(&mut this.body).poll_frame(context)));
        Poll::Ready(this.ended(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests;
