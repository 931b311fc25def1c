//! Sheets of paper as PDF files. One call sets a short text on A4 and returns the file: [`print`].
//!
//! Pure: no clock, no randomness, no files. The same sheet gives the same bytes, so a repeated call gets the same paper, and
//! two copies of a paper can be compared by their digests. The files conform to PDF/A-2a (archives) and PDF/UA-1 (screen
//! readers): all text can be searched and read aloud, the font is inside, and headings and paragraphs are marked.
//!
//! The font is BIZ UDMincho Regular (`font/`, SIL Open Font License 1.1), unchanged. A file contains only the glyphs that it
//! shows. The crate that writes PDF is used in `write.rs` alone.

mod face;
mod lines;
mod pages;
mod sheet;
mod write;

pub use sheet::{Fault, Language, Sheet};

/// A printed sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Printed {
    /// The bytes of the file, less than 1 MiB for a text of 2,000 characters.
    pub pdf: Vec<u8>,
    /// The number of pages; more than one is numbered at the foot.
    pub pages: usize,
    /// The characters for which the font has no glyph, each once. The sheet shows `〓` in their place, as printers do
    /// (ゲタ), and so does the text in the file.
    pub missing: String,
}

/// Prints a sheet on A4.
///
/// # Errors
/// A fault of this crate, never of the text: what cannot be shown has a substitute ([`Printed::missing`]).
pub fn print(sheet: &Sheet) -> Result<Printed, Fault> {
    let face = face::face()?;
    let mut missing = Vec::new();
    let laid = pages::lay(sheet, &mut |text| face.cells(text, &mut missing));
    let pdf = write::write(sheet, face, &laid)?;
    Ok(Printed { pdf, pages: laid.pages.len(), missing: missing.into_iter().collect() })
}
