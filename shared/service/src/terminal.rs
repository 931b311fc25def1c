//! The operator's terminal: lines to it, and arguments from it.

use std::io::Write as _;

use renkei_proto::Validate;

use crate::language::Language;

/// Writes a line to the standard output.
pub(crate) fn say(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout().lock(), "{line}").map_err(|error| error.to_string())
}

/// An error as the line that the operator reads.
pub(crate) fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Checks an operator's text, which is recorded, against the bounds of the contract.
pub(crate) fn is_within(words: &impl Validate, argument: &str, language: Language) -> Result<(), String> {
    let is_within = words.violations().is_empty();
    is_within.then_some(()).ok_or_else(|| {
        language.say(
            format!("`--{argument}` must have 1 to 1000 characters"),
            format!("`--{argument}` は 1 字以上 1,000 字以内で指定してください。"),
        )
    })
}
