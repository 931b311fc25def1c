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
    let _ = io::stderr().lock().write_all(harmless(text).as_bytes());
}

/// A text for a terminal: the other agency writes titles and texts, and a control character in them could change what a terminal
/// shows or does.
pub(crate) fn harmless(text: &str) -> String {
    let shown = |letter: char| if letter.is_control() && letter != '\n' { char::REPLACEMENT_CHARACTER } else { letter };
    text.chars().map(shown).collect()
}

/// The same for JSON, in which such a character can be written as an escape. Those below U+0020 are already.
pub(crate) fn harmless_json(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() && letter != '\n' {
            true => harmless.push_str(&format!("\\u{:04x}", u32::from(letter))),
            false => harmless.push(letter),
        }
    }
    harmless
}

/// True if the standard output is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// The number of columns of the terminal; `None` where the output goes elsewhere.
pub(crate) fn width() -> Option<u16> {
    is_terminal().then(terminal_size::terminal_size).flatten().map(|(width, _)| width.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_reaches_a_terminal() {
        let title = "件名\u{1b}]0;x\u{7}\u{9b}2J\r\nここ";
        assert_eq!(harmless(title), "件名\u{fffd}]0;x\u{fffd}\u{fffd}2J\u{fffd}\nここ");
        let json = serde_json::to_string(title).unwrap_or_default();
        let shown = harmless_json(&json);
        assert!(!shown.chars().any(char::is_control), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).ok().as_deref(), Some(title));
    }
}
