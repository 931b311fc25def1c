//! What an operator sees of Renkei: spans, metrics and logs, each named once, and the trace
//! context that travels from the caller through an entry's header to the peer's commit.
//!
//! [`start()`] makes a [`Telemetry`] from [`Settings`]; [`Telemetry::in_memory`] makes one whose
//! spans a test can read. [`span`] constructs every span, [`Metrics`] holds every instrument,
//! [`traceparent`] reads and writes the W3C header.
//!
//! Nothing here may carry content, names or officials: ids of entries, fact types, methods,
//! reasons, counts and times only.

mod error;
mod export;
mod log;
mod memory;
mod metrics;
mod queue;
mod reach;
mod sampling;
pub mod span;
mod start;
mod status;
pub mod traceparent;

pub use error::Error;
pub use log::LogTarget;
pub use memory::{FinishedSpan, Measured, Spans};
pub use metrics::{Claim, Direction, Metrics};
pub use start::{SHUTDOWN_LIMIT, Settings, Shown, Telemetry, check_log_filter, start};
pub use traceparent::Traceparent;
