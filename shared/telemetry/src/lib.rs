//! The signals that an operator sees: spans, metrics and logs, each named once, and the trace context that travels from
//! the caller through an entry's header to the peer's commit.
//!
//! [`start()`] makes a [`Telemetry`] from [`Settings`]; [`Telemetry::in_memory`] makes one whose spans a test can read.
//! [`span`] constructs every span, [`Metrics`] contains every instrument, and [`traceparent`] reads and writes the W3C
//! header.
//!
//! No signal carries content, names or officials: only ids of entries, fact types, methods, reasons, counts and times.

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
