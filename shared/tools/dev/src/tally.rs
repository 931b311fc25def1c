//! What has passed and what has not.

use crate::run::say;

/// The number of checks and tests that passed, failed, or were left out because a tool is not available.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    pub(crate) fn one(&mut self, name: &str, passed: bool) {
        say(&format!("{} {name}", if passed { "ok    " } else { "FAILED" }));
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        say(&format!("skip   {name}: {why}"));
        self.skipped += 1;
    }

    pub(crate) fn report(&self) -> bool {
        let skipped = if self.skipped == 0 { String::new() } else { format!(", {} skipped", self.skipped) };
        say(&format!("{} passed, {} failed{skipped}", self.passed, self.failed));
        self.failed == 0
    }
}
