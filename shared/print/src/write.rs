//! The PDF file of a laid sheet.

use std::{num::NonZeroU16, ops::Range, sync::LazyLock};

use krilla::{
    Data, Document, SerializeSettings,
    configure::{Accessibility, Archival, ConfigurationBuilder},
    destination::XyzDestination,
    geom::Point,
    metadata::{DateTime, Metadata, TextDirection},
    outline::{Outline, OutlineNode},
    page::PageSettings,
    surface::Surface,
    tagging::{Artifact, ArtifactType, ContentTag, Node, SpanTag, Tag, TagGroup, TagTree},
    text::{Font, GlyphId, KrillaGlyph},
};

use crate::{
    face::{Cell, FONT, Face},
    pages::{Block, HEIGHT, Laid, Role, Row, WIDTH},
    sheet::{Fault, Language, Sheet},
};

static FACE: LazyLock<Option<Font>> = LazyLock::new(|| Font::new(Data::from(FONT), 0));

pub(crate) fn write(sheet: &Sheet, face: &Face, laid: &Laid) -> Result<Vec<u8>, Fault> {
    let font = FACE.clone().ok_or_else(|| Fault("the font cannot be read".to_owned()))?;
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|error| Fault(format!("{error:?}")))?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let mut marks: Vec<Vec<Node>> = vec![Vec::new(); laid.blocks.len()];
    let mut outline = Outline::new();
    for (number, rows) in laid.pages.iter().enumerate() {
        let size = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| Fault("a page has no size".to_owned()))?;
        let mut page = document.start_page_with(size);
        let mut surface = page.surface();
        for row in rows {
            let block = &laid.blocks[row.block];
            if row.cells.start == 0 && block.role != Role::Text {
                let place = XyzDestination::new(number, Point::from_xy(0.0, (row.y - 2.0 * row.size).max(0.0)));
                outline.push_child(OutlineNode::new(text(&block.cells), place));
            }
            let mark = surface.start_tagged(ContentTag::Span(SpanTag::empty()));
            draw(&mut surface, &font, row, &block.cells);
            surface.end_tagged();
            marks[row.block].push(mark.into());
        }
        if let Some((cells, row)) = laid.feet.get(number) {
            surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::PageNumber)));
            draw(&mut surface, &font, row, cells);
            surface.end_tagged();
        }
        surface.finish();
        page.finish();
    }
    let language = language(sheet.language);
    let mut tree = TagTree::new().with_lang(Some(language.to_owned()));
    for (block, marks) in laid.blocks.iter().zip(marks) {
        tree.push(group(block, marks));
    }
    document.set_tag_tree(tree);
    document.set_outline(outline);
    document.set_metadata(metadata(sheet, face, language));
    document.finish().map_err(|error| Fault(format!("{error:?}")))
}

fn group(block: &Block, marks: Vec<Node>) -> TagGroup {
    let level = match block.role {
        Role::Title => NonZeroU16::new(1),
        Role::Heading => NonZeroU16::new(2),
        Role::Text => None,
    };
    match level {
        Some(level) => TagGroup::with_children(Tag::Hn(level, Some(text(&block.cells))), marks),
        None => TagGroup::with_children(Tag::P, marks),
    }
}

/// The file names itself by title and number. Its date is the paper's, and its id depends on the text alone.
fn metadata(sheet: &Sheet, face: &Face, language: &str) -> Metadata {
    let shown = |text_: &str| text(&face.cells(text_, &mut Vec::new()));
    let title = match sheet.language {
        Language::Japanese => format!("{}（{}）", shown(&sheet.title), shown(&sheet.number)),
        Language::English => format!("{} ({})", shown(&sheet.title), shown(&sheet.number)),
    };
    let id = format!("{title}\n{}\n{}\n{}\n{language}", sheet.day, sheet.sender.join("\n"), sheet.body);
    let (year, month, day) = sheet.date;
    let midnight = DateTime::new(year).month(month).day(day).hour(0).minute(0).second(0).utc_offset_hour(9);
    let metadata = Metadata::new().title(title).language(language.to_owned()).document_id(id);
    metadata.creation_date(midnight).text_direction(TextDirection::LeftToRight)
}

fn language(language: Language) -> &'static str {
    match language {
        Language::Japanese => "ja",
        Language::English => "en",
    }
}

/// Draws a line, with the text that its glyphs show, so that it can be searched, copied and read aloud.
fn draw(surface: &mut Surface<'_>, font: &Font, row: &Row, cells: &[Cell]) {
    let cells = &cells[row.cells.clone()];
    let mut text = String::new();
    let mut glyphs = Vec::with_capacity(cells.len());
    for cell in cells {
        let range = push(&mut text, cell);
        let advance = cell.width + row.spread;
        glyphs.push(KrillaGlyph::new(GlyphId::new(cell.glyph), advance, 0.0, 0.0, 0.0, range, None));
    }
    surface.draw_glyphs(Point::from_xy(row.x, row.y), &glyphs, font.clone(), &text, row.size, false);
}

fn push(text: &mut String, cell: &Cell) -> Range<usize> {
    let start = text.len();
    text.push(cell.is);
    text.extend(cell.selector);
    start..text.len()
}

fn text(cells: &[Cell]) -> String {
    let mut text = String::new();
    for cell in cells {
        push(&mut text, cell);
    }
    text
}
