//! The root folder of the project, for the tests that read its files.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::Path;

/// The folder from which the tests were compiled.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
