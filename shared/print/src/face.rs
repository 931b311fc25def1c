//! The font: which glyph shows a character, and how wide it is.

use std::sync::LazyLock;

use skrifa::{
    FontRef, MetadataProvider as _,
    charmap::{Charmap, MapVariant},
    instance::{LocationRef, Size},
    metrics::GlyphMetrics,
};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::sheet::Fault;

/// The bytes of the font.
pub(crate) static FONT: &[u8] = include_bytes!("../font/BIZUDMincho-Regular.ttf");

/// What is shown for a character without a glyph.
pub(crate) const SUBSTITUTE: char = '〓';

/// A character with its glyph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) glyph: u32,
    /// The width in em.
    pub(crate) width: f32,
    pub(crate) is: char,
    /// The variation selector after it, which chooses among the forms of a kanji.
    pub(crate) selector: Option<char>,
}

pub(crate) struct Face {
    charmap: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
    em: f32,
}

/// The font, read once.
pub(crate) fn face() -> Result<&'static Face, Fault> {
    static FACE: LazyLock<Result<Face, String>> = LazyLock::new(|| {
        let font = FontRef::new(FONT).map_err(|error| error.to_string())?;
        let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
        let em = f32::from(font.metrics(Size::unscaled(), LocationRef::default()).units_per_em);
        Ok(Face { charmap: font.charmap(), metrics, em })
    });
    FACE.as_ref().map_err(|error| Fault(error.clone()))
}

impl Face {
    /// The cells of one line of text. Composed forms are preferred, because the font has no glyph for most combining marks.
    /// Characters that show nothing are left out.
    pub(crate) fn cells(&self, text: &str, missing: &mut Vec<char>) -> Vec<Cell> {
        let mut cells: Vec<Cell> = Vec::new();
        for is in text.nfc().filter(|it| !shows_nothing(*it)) {
            if is_selector(is) {
                if let Some(last) = cells.last_mut().filter(|last| last.selector.is_none()) {
                    self.vary(last, is);
                }
                continue;
            }
            let is = if is == '\t' { ' ' } else { is };
            let known = (!is_private(is)).then(|| self.cell(is)).flatten();
            if known.is_none() && !missing.contains(&is) {
                missing.push(is);
            }
            cells.extend(known.or_else(|| self.cell(SUBSTITUTE)));
        }
        cells
    }

    fn cell(&self, is: char) -> Option<Cell> {
        let glyph = self.charmap.map(is).filter(|glyph| glyph.to_u32() != 0)?;
        let width = self.metrics.advance_width(glyph)? / self.em;
        Some(Cell { glyph: glyph.to_u32(), width, is, selector: None })
    }

    /// Shows another form of the kanji, if the font has it; otherwise the usual form remains.
    fn vary(&self, cell: &mut Cell, selector: char) {
        if let Some(MapVariant::Variant(glyph)) = self.charmap.map_variant(cell.is, selector) {
            cell.glyph = glyph.to_u32();
            cell.selector = Some(selector);
        }
    }
}

/// Marks that stay with the character before them.
pub(crate) fn is_mark(it: char) -> bool {
    is_combining_mark(it) || matches!(it, 'ﾞ' | 'ﾟ')
}

fn is_selector(it: char) -> bool {
    matches!(it, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Private characters (外字) mean nothing outside of the system that defined them, so no font can be trusted with them.
fn is_private(it: char) -> bool {
    matches!(it, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// Control characters, and those that direct or join text without being seen.
fn shows_nothing(it: char) -> bool {
    (it.is_control() && it != '\t')
        || matches!(it, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn shown(text: &str) -> (String, String) {
        let mut missing = Vec::new();
        let cells = face().unwrap().cells(text, &mut missing);
        (cells.iter().map(|cell| cell.is).collect(), missing.into_iter().collect())
    }

    #[test]
    fn kanji_of_names_have_glyphs() {
        let names = "髙﨑祇辻葛塚德濵神邉齋齊①㈱Ⅳ～〜－−―…①";
        assert_eq!(shown(names), (names.to_owned(), String::new()));
    }

    #[test]
    fn a_character_without_a_glyph_has_a_visible_substitute_and_is_named_once() {
        assert_eq!(shown("𠮷野家と𠮷田\u{e000}"), ("〓野家と〓田〓".to_owned(), "𠮷\u{e000}".to_owned()));
        let cells = face().unwrap().cells("𠮷", &mut Vec::new());
        assert!(cells[0].glyph != 0 && (cells[0].width - 1.0).abs() < 0.01);
    }

    #[test]
    fn characters_that_show_nothing_are_left_out_and_parts_are_composed() {
        assert_eq!(shown("か\u{3099}い\u{feff}し\u{200b}\u{202e}\u{7}ゃ"), ("がいしゃ".to_owned(), String::new()));
        assert_eq!(shown("a\tb").0, "a b");
    }

    #[test]
    fn a_selector_chooses_a_form_that_the_font_has_and_is_ignored_otherwise() {
        let face = face().unwrap();
        let glyphs = |text: &str| face.cells(text, &mut Vec::new());
        let (plain, varied) = (glyphs("葛"), glyphs("葛\u{e0100}"));
        assert_eq!((plain.len(), varied.len()), (1, 1));
        assert_ne!(plain[0].glyph, varied[0].glyph);
        assert_eq!(varied[0].selector, Some('\u{e0100}'));
        assert_eq!(glyphs("あ\u{e0101}"), glyphs("あ"));
        assert!(glyphs("\u{e0101}").is_empty());
    }

    #[test]
    fn kanji_are_one_em_wide_and_latin_letters_half() {
        let mut missing = Vec::new();
        let widths: Vec<f32> = face().unwrap().cells("漢かa１", &mut missing).iter().map(|cell| cell.width).collect();
        assert_eq!(widths, [1.0, 1.0, 0.5, 1.0]);
    }
}
