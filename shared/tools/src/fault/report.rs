//! The report of a scenario.

use std::fmt::Display;

/// The report of a scenario: its figures and the promises that it checks.
pub struct Report<'a> {
    pub(crate) see: &'a mut dyn FnMut(&str),
    pub(crate) broken: u32,
}

impl Report<'_> {
    /// Prints a figure, with its unit in the value.
    pub fn figure(&mut self, name: &str, value: impl Display) {
        (self.see)(&format!("  {name}: {value}"));
    }

    /// Checks a promise.
    pub fn check(&mut self, promise: &str, kept: bool) {
        let verdict = if kept { "kept" } else { "BROKEN" };
        (self.see)(&format!("  {verdict}: {promise}"));
        self.broken += u32::from(!kept);
    }
}
