//! Something that must never be.

use std::fmt;

/// Something that must never be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The sentence that is not true.
    pub invariant: &'static str,
    /// What was found.
    pub detail: String,
    /// The number of the operation after which it was found.
    pub at: usize,
}

impl Violation {
    /// A violation that was found after an operation.
    pub fn new(invariant: &'static str, detail: &str, at: usize) -> Self {
        Self { invariant, detail: detail.to_owned(), at }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "violated after operation {}: {}: {}", self.at, self.invariant, self.detail)
    }
}
