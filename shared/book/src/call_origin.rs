//! The origin of a command.

/// The call from which a command comes, for idempotency, audit and trace. Officials and callers never cross the link.
#[derive(Clone, Debug, Default)]
pub struct CallOrigin {
    /// The identity of the calling system; empty for the service itself.
    pub caller: String,
    /// The official on whose behalf it calls; empty for the service itself.
    pub official: String,
    /// The unit that acts; it is part of the header.
    pub unit: String,
    /// The purpose that the caller named; empty when none was asked for.
    pub purpose: String,
    /// The method's path.
    pub method: String,
    /// The request's id; empty for the service itself.
    pub request_id: String,
    /// The keyed digest of caller, method and request; empty for the service itself.
    pub digest: Vec<u8>,
    /// The W3C trace context; empty if there is none.
    pub traceparent: String,
}

impl CallOrigin {
    /// A call of the service itself, which is neither repeated nor audited.
    pub fn own(method: &'static str) -> Self {
        Self { method: method.to_owned(), ..Self::default() }
    }

    /// The key by which a repeat of the call is found; `None` for the service itself.
    pub fn key(&self) -> Option<String> {
        (!self.request_id.is_empty()).then(|| format!("{} {}", self.caller, self.request_id.to_ascii_lowercase()))
    }
}
