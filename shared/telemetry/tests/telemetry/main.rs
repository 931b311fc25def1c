//! The promises of telemetry, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]

mod json;
mod logs;
mod outage;
mod sampling;

use std::sync::{Arc, Mutex};

use renkei_telemetry::{LogTarget, Settings};

/// A caller's header that claims to be sampled.
const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const CALLERS_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

type Lines = Arc<Mutex<Vec<u8>>>;

/// Settings that export nothing and log into the buffer.
fn settings(log_filter: &str) -> (Settings, Lines) {
    let lines = Lines::default();
    let settings = Settings {
        service_name: "renkei-ppc",
        instance: "one".to_owned(),
        otlp_endpoint: None,
        sample_ratio: 1.0,
        log_filter: log_filter.to_owned(),
        sandbox: false,
        log: LogTarget::Buffer(Arc::clone(&lines)),
    };
    (settings, lines)
}
