//! Logs: one JSON object per line, with the trace to which it belongs.
//!
//! Every line has `timestamp` (RFC 3339, UTC, microseconds), `level`, `target` and `message`. It has `trace_id` if
//! there is a trace, so that it can be found by the id in an entry's header; `span_id` if the span is sampled and can
//! be looked up; `sandbox` in a sandbox; and `fields` for everything else.

use std::error::Error;
use std::fmt;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{self, FormatTime};
use tracing_subscriber::layer;

/// The maximum length of one text in a line, in bytes before escaping; the rest is cut off.
const TEXT_LIMIT: usize = 8_192;

/// The destination of log lines.
#[derive(Clone, Debug)]
pub enum LogTarget {
    /// The process's standard error.
    Stderr,
    /// Memory, for tests: lines are appended and nothing is ever removed.
    Buffer(Arc<Mutex<Vec<u8>>>),
}

impl LogTarget {
    fn write(&self, line: &[u8]) {
        match self {
            // There is nowhere left to report a log line that cannot be written.
            Self::Stderr => drop(std::io::stderr().lock().write_all(line)),
            Self::Buffer(lines) => {
                lines.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(line);
            }
        }
    }
}

/// A layer that writes every event to its target.
pub(crate) struct JsonLines {
    pub(crate) target: LogTarget,
    pub(crate) sandbox: bool,
}

impl<S: Subscriber> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        self.target.write(self.line(event).as_bytes());
    }
}

impl JsonLines {
    fn line(&self, event: &Event<'_>) -> String {
        let metadata = event.metadata();
        let mut values = Values::default();
        event.record(&mut values);

        let mut line = Object::default();
        line.text("timestamp", &now());
        line.text("level", metadata.level().as_str());
        line.text("target", metadata.target());
        line.text("message", &values.message);
        // The OpenTelemetry crates may log while they hold the current context.
        if !metadata.target().starts_with("opentelemetry") {
            Context::map_current(|context| mark(&mut line, context.span().span_context()));
        }
        if self.sandbox {
            line.raw("sandbox", "true");
        }
        if !values.fields.is_empty() {
            line.raw("fields", &values.fields.close());
        }
        line.close() + "\n"
    }
}

fn mark(line: &mut Object, span: &SpanContext) {
    if span.is_valid() {
        line.text("trace_id", &span.trace_id().to_string());
    }
    if span.is_valid() && span.is_sampled() {
        line.text("span_id", &span.span_id().to_string());
    }
}

fn now() -> String {
    let mut text = String::with_capacity(32);
    // Writing to a string cannot fail.
    let _ = time::SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

/// The message and the other fields of one event.
#[derive(Default)]
struct Values {
    message: String,
    fields: Object,
}

impl Values {
    fn text(&mut self, field: &Field, text: &str) {
        match field.name() {
            "message" => text.clone_into(&mut self.message),
            name => self.fields.text(name, text),
        }
    }
}

impl Visit for Values {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.raw(field.name(), if value { "true" } else { "false" });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.raw(field.name(), &value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.raw(field.name(), &value.to_string());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no representation of infinite numbers and NaN.
        let text = if value.is_finite() { value.to_string() } else { "null".to_owned() };
        self.fields.raw(field.name(), &text);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        self.text(field, &text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }
}

/// A JSON object under construction, without its braces.
#[derive(Default)]
struct Object(String);

impl Object {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        quote(&mut self.0, text);
    }

    fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.0.push_str(json);
    }

    fn name(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        quote(&mut self.0, name);
        self.0.push(':');
    }

    fn close(self) -> String {
        format!("{{{}}}", self.0)
    }
}

/// Appends `text` as a JSON string. Every control character is escaped, so that no line break and no terminal sequence
/// reaches a log.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for character in text[..text.floor_char_boundary(TEXT_LIMIT)].chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            _ if character.is_control() => {
                out.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::{Object, TEXT_LIMIT, quote};

    fn quoted(text: &str) -> String {
        let mut out = String::new();
        quote(&mut out, text);
        out
    }

    #[test]
    fn text_is_quoted_so_that_it_stays_one_line() {
        assert_eq!(quoted("a \"b\" \\ 児童"), r#""a \"b\" \\ 児童""#);
        assert_eq!(quoted("a\nb\r\t\u{0}\u{1b}[31m\u{9b}"), r#""a\nb\u000d\u0009\u0000\u001b[31m\u009b""#);
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let text = "児".repeat(TEXT_LIMIT);
        let cut = quoted(&text);
        assert_eq!(cut.len(), 2 + TEXT_LIMIT / 3 * 3);
        assert!(cut.ends_with("児\""));
    }

    #[test]
    fn an_object_separates_its_members() {
        let mut object = Object::default();
        assert!(object.is_empty());
        object.text("a", "b");
        object.raw("c", "1");
        assert_eq!(object.close(), r#"{"a":"b","c":1}"#);
    }
}
