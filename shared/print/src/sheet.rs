//! What is printed, and why it may not be.

/// The language of a sheet: it decides how paragraphs are set, and screen readers pronounce the text by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Japanese: paragraphs begin with an indent, and both margins are even.
    Japanese,
    /// English: the right margin is ragged.
    English,
}

/// A paper to print.
///
/// The body is lines of text. A line that begins with a space (half or full width) is an item, and is indented; a line with
/// items below it is a heading; another line is a paragraph; an empty line leaves a gap.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// The language of all of its text.
    pub language: Language,
    /// The number of the document, on the first line at the right margin. The title of the file contains it.
    pub number: String,
    /// The day of the document in words, below its number.
    pub day: String,
    /// The same day as year, month and day. The file has it as its date, at midnight in Japan, because archives need one.
    pub date: (u16, u8, u8),
    /// The sender and its counter, one line each, at the right margin.
    pub sender: Vec<String>,
    /// The title, in the middle.
    pub title: String,
    /// The text below the title, as lines.
    pub body: String,
}

/// The file was not made. No text leads to this: it is a fault of this crate or of the font.
#[derive(Debug, thiserror::Error)]
#[error("the sheet was not printed: {0}")]
pub struct Fault(pub(crate) String);
