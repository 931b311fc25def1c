//! The metadata of every outgoing call: the remaining time and the trace.

use renkei_proto::{Sentence, options::v1::Reason};
use renkei_telemetry::traceparent::current_traceparent;
use tokio::time::Instant;
use tonic::{Request, metadata::MetadataValue};

use crate::{deadline, error::Error};

/// Metadata key of the W3C trace context.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// Passes on the running span's trace, and the time that remains until `deadline`, less [`deadline::SHAVED`].
/// Long-lived streams have no deadline.
///
/// # Errors
/// `DEADLINE` if no time remains: the call is not worth making.
pub fn pass_on<T>(request: &mut Request<T>, deadline: Option<Instant>) -> Result<(), Error> {
    if let Some(deadline) = deadline {
        let left = deadline::left(deadline, Instant::now());
        let late = || {
            Error::because(Reason::Deadline, Sentence::for_developers("the deadline passed before the peer was asked"))
        };
        request.set_timeout(left.ok_or_else(late)?);
    }
    // An empty context means that there is no trace to continue.
    if let Some(trace) = MetadataValue::try_from(current_traceparent()).ok().filter(|trace| !trace.is_empty()) {
        request.metadata_mut().insert(TRACEPARENT, trace);
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use std::time::Duration;

    use renkei_telemetry::{Telemetry, span};
    use tracing::dispatcher::with_default;

    use super::*;

    #[test]
    fn deadline_and_trace_go_on() {
        let (telemetry, spans) = Telemetry::in_memory("renkei-test");
        let mut request = Request::new(());
        with_default(&telemetry.dispatch(), || {
            span::rpc_client("renkei.link.v1.LinkService/Exchange").in_scope(|| {
                pass_on(&mut request, Some(Instant::now() + Duration::from_secs(5))).unwrap();
            });
        });
        let timeout = request.metadata().get("grpc-timeout").unwrap().to_str().unwrap();
        assert!(timeout.starts_with("49"), "{timeout}");
        let trace = request.metadata().get(TRACEPARENT).unwrap().to_str().unwrap();
        assert!(trace.contains(&spans.finished()[0].span_id));
    }

    #[test]
    fn a_call_without_deadline_and_trace_carries_neither() {
        let mut request = Request::new(());
        pass_on(&mut request, None).unwrap();
        assert!(request.metadata().is_empty());
    }

    #[test]
    fn a_call_that_is_too_late_is_not_made() {
        let error = pass_on(&mut Request::new(()), Some(Instant::now())).unwrap_err();
        assert_eq!(error.reason(), Reason::Deadline);
    }
}
