//! The standard output and the standard error.

use std::io::{self, IsTerminal as _, Write as _};

/// Writes a text to the standard output at once, so that a reader behind a pipe has it before the program goes on.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a text to standard error.
pub(crate) fn complain(text: &str) {
    // Standard error may be closed, and then there is nobody to tell.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// True if the standard output is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// The number of columns of the terminal; `None` where the output goes elsewhere.
pub(crate) fn width() -> Option<u16> {
    is_terminal().then(terminal_size::terminal_size).flatten().map(|(width, _)| width.0)
}
