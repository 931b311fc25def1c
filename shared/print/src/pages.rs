//! The layout of a sheet: the page of each line, and its place there.

use std::ops::Range;

use crate::{
    face::Cell,
    lines::{is_space, lines},
    sheet::{Language, Sheet},
};

/// A4 in points (1/72 inch).
pub(crate) const WIDTH: f32 = 595.28;
pub(crate) const HEIGHT: f32 = 841.89;
/// 25 mm at the sides, 22 mm above and below.
const SIDE: f32 = 70.87;
const ABOVE: f32 = 62.36;
const BELOW: f32 = 62.36;
/// The place of the page number, from the lower edge.
const FOOT: f32 = 34.0;
const FOOT_SIZE: f32 = 10.5;

/// Sizes of the text in points, with the height of a line in its size. The first with which the sheet has one page is taken;
/// offices use no text below 10.5 points. A sheet that needs more pages anyway has room for the last.
const SIZES: [(f32, f32); 5] = [(12.0, 1.6), (11.0, 1.6), (10.5, 1.5), (10.5, 1.4), (10.5, 1.6)];
/// The size of the title, in sizes of the text.
const TITLE: f32 = 1.35;
/// The height of an empty line, in lines, and of the gap between paragraphs that do not begin with an indent.
const GAP: f32 = 0.7;
const SMALL_GAP: f32 = 0.3;
/// The widest space, in em, that is spread over a line to make the right margin even.
const SPREAD: f32 = 2.5;

/// A heading with its items stays on one page if it has no more lines than these.
const SECTION: usize = 8;

/// The role of a paragraph, for screen readers and the outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Title,
    Heading,
    Text,
}

/// A paragraph of the sheet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub(crate) role: Role,
    pub(crate) cells: Vec<Cell>,
}

/// A line on a page. Lengths are in points, from the upper left corner to the baseline.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// The block to which it belongs, and its cells in it.
    pub(crate) block: usize,
    pub(crate) cells: Range<usize>,
    pub(crate) size: f32,
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// What is added to the width of each cell, in em.
    pub(crate) spread: f32,
}

/// A sheet with the place of everything on it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Laid {
    pub(crate) blocks: Vec<Block>,
    pub(crate) pages: Vec<Vec<Row>>,
    /// The number at the foot of each page, such as `1/2`; none where there is one page.
    pub(crate) feet: Vec<(Vec<Cell>, Row)>,
}

pub(crate) fn lay(sheet: &Sheet, cells: &mut dyn FnMut(&str) -> Vec<Cell>) -> Laid {
    let parts = parts(sheet, cells);
    let mut pages = Vec::new();
    for (size, leading) in SIZES {
        pages = fill(rows(&parts, sheet.language, size, leading));
        if pages.len() == 1 {
            break;
        }
    }
    let of = pages.len();
    let foot = |page: usize| {
        let (cells, size) = (cells(&format!("{page}/{of}")), FOOT_SIZE);
        let x = (WIDTH - width(&cells) * size) / 2.0;
        let row = Row { block: 0, cells: 0..cells.len(), size, x, y: HEIGHT - FOOT, spread: 0.0 };
        (cells, row)
    };
    let feet = if of > 1 { (1..=of).map(foot).collect() } else { Vec::new() };
    Laid { blocks: parts.into_iter().map(|part| part.block).collect(), pages, feet }
}

/// The place of the lines of a paragraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Right,
    Middle,
    Heading,
    Paragraph,
    Item,
}

struct Part {
    block: Block,
    place: Place,
    /// The empty lines before it.
    gaps: f32,
}

fn parts(sheet: &Sheet, cells: &mut dyn FnMut(&str) -> Vec<Cell>) -> Vec<Part> {
    let mut part = |text: &str, role, place, gaps| Part { block: Block { role, cells: cells(text) }, place, gaps };
    let mut parts =
        vec![part(&sheet.number, Role::Text, Place::Right, 0.0), part(&sheet.day, Role::Text, Place::Right, 0.0)];
    for (at, line) in sheet.sender.iter().enumerate() {
        parts.push(part(line, Role::Text, Place::Right, if at == 0 { GAP } else { 0.0 }));
    }
    parts.push(part(&sheet.title, Role::Title, Place::Middle, 2.0 * GAP));
    let mut gaps = 2.0 * GAP;
    let mut lines = sheet.body.lines().peekable();
    while let Some(line) = lines.next() {
        let text = line.trim_matches(is_space);
        if text.is_empty() {
            gaps = gaps.max(GAP);
            continue;
        }
        let heads = lines.peek().is_some_and(|next| next.starts_with(is_space) && !next.trim().is_empty());
        let (role, place) = match (line.starts_with(is_space), heads) {
            (true, _) => (Role::Text, Place::Item),
            (_, true) => (Role::Heading, Place::Heading),
            _ => (Role::Text, Place::Paragraph),
        };
        parts.push(part(text, role, place, gaps));
        let apart = place == Place::Paragraph && sheet.language == Language::English;
        gaps = if apart { SMALL_GAP } else { 0.0 };
    }
    parts.retain(|part| !part.block.cells.is_empty());
    parts
}

/// A line that has no page yet.
struct Loose {
    row: Row,
    height: f32,
    gap: f32,
    /// True if the next line must be on the same page.
    keeps: bool,
}

fn rows(parts: &[Part], language: Language, size: f32, leading: f32) -> Vec<Loose> {
    let mut rows = Vec::new();
    for (block, part) in parts.iter().enumerate() {
        let cells = &part.block.cells;
        let own = if part.place == Place::Middle { size * TITLE } else { size };
        let measure = (WIDTH - 2.0 * SIDE) / own;
        // The indents of the first line and of the others, in em. The label of an item stands out.
        let (first, others) = match (part.place, language) {
            (Place::Item, _) => (1.0, 2.0),
            (Place::Paragraph, Language::Japanese) => (1.0, 0.0),
            (Place::Heading, _) => (0.0, 1.0),
            _ => (0.0, 0.0),
        };
        let broken = lines(cells, measure - first, measure - others);
        let count = broken.len();
        for (at, range) in broken.into_iter().enumerate() {
            let shown = shown(&cells[range.clone()]);
            let indent = if at == 0 { first } else { others };
            let rest = measure - indent - width(shown);
            let offset = match part.place {
                Place::Right => rest,
                Place::Middle => rest / 2.0,
                _ => indent,
            };
            let even = language == Language::Japanese && at + 1 < count && shown.len() > 1;
            let even = even && matches!(part.place, Place::Paragraph | Place::Item) && rest <= SPREAD;
            let joints = u16::try_from(shown.len().saturating_sub(1)).unwrap_or(u16::MAX);
            let spread = if even { rest.max(0.0) / f32::from(joints.max(1)) } else { 0.0 };
            let row = Row { block, cells: range, size: own, x: SIDE + offset * own, y: 0.0, spread };
            let gap = if at == 0 { part.gaps * size * leading } else { 0.0 };
            // No page ends with a heading, or with the first of several lines; none begins with the last of them.
            let keeps = part.place == Place::Heading || (count > 1 && (at == 0 || at + 2 == count));
            rows.push(Loose { row, height: own * leading, gap, keeps });
        }
    }
    keep_short_sections(parts, &mut rows);
    rows
}

fn keep_short_sections(parts: &[Part], rows: &mut [Loose]) {
    let place = |line: &Loose| parts[line.row.block].place;
    let mut start = 0;
    while start < rows.len() {
        // The end of the run of lines that begins here: a heading, and then items.
        let heading = rows[start..].iter().take_while(|line| place(line) == Place::Heading).count();
        let items = rows[start + heading..].iter().take_while(|line| place(line) == Place::Item).count();
        let section = heading + items;
        if heading > 0 && section <= SECTION {
            for line in &mut rows[start..start + section.saturating_sub(1)] {
                line.keeps = true;
            }
        }
        start += section.max(1);
    }
}

/// The lines on their pages.
fn fill(rows: Vec<Loose>) -> Vec<Vec<Row>> {
    let room = HEIGHT - ABOVE - BELOW;
    let mut pages: Vec<Vec<Row>> = vec![Vec::new()];
    let mut used = 0.0;
    let mut rows = rows.into_iter().peekable();
    while let Some(first) = rows.next() {
        let mut group = vec![first];
        while group.last().is_some_and(|last| last.keeps) {
            let Some(next) = rows.next() else { break };
            group.push(next);
        }
        let needed: f32 = group.iter().map(|line| line.gap + line.height).sum();
        if used > 0.0 && used + needed > room {
            pages.push(Vec::new());
            used = 0.0;
        }
        for Loose { row, height, gap, .. } in group {
            // A group that is longer than a page is broken where the page ends.
            if used > 0.0 && used + gap + height > room {
                pages.push(Vec::new());
                used = 0.0;
            }
            used += if used > 0.0 { gap } else { 0.0 } + height;
            // The baseline is where a line of kanji ends, with the leading shared above and below.
            let y = ABOVE + used - height + (height - row.size) / 2.0 + row.size * 0.88;
            if let Some(page) = pages.last_mut() {
                page.push(Row { y, ..row });
            }
        }
    }
    pages
}

fn width(cells: &[Cell]) -> f32 {
    cells.iter().map(|cell| cell.width).sum()
}

/// The cells without the spaces at the end.
fn shown(cells: &[Cell]) -> &[Cell] {
    let end = cells.iter().rposition(|cell| !is_space(cell.is)).map_or(0, |last| last + 1);
    &cells[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(body: &str) -> Sheet {
        Sheet {
            language: Language::Japanese,
            number: "甲-R08-REF-0001".to_owned(),
            day: "令和8年11月24日".to_owned(),
            date: (2026, 11, 24),
            sender: vec!["個人情報保護委員会事務局".to_owned()],
            title: "届出制度のご案内".to_owned(),
            body: body.to_owned(),
        }
    }

    fn laid(body: &str) -> Laid {
        let cell = |is: char| Cell { glyph: 1, width: if is.is_ascii() { 0.5 } else { 1.0 }, is, selector: None };
        lay(&sheet(body), &mut |text| text.chars().map(cell).collect())
    }

    fn text(laid: &Laid, row: &Row) -> String {
        laid.blocks[row.block].cells[row.cells.clone()].iter().map(|cell| cell.is).collect()
    }

    fn right(laid: &Laid, row: &Row) -> f32 {
        let cells = shown(&laid.blocks[row.block].cells[row.cells.clone()]);
        let joints = u16::try_from(cells.len().saturating_sub(1)).unwrap_or(u16::MAX);
        row.x + (width(cells) + row.spread * f32::from(joints)) * row.size
    }

    #[test]
    fn number_day_and_sender_end_at_the_right_margin_and_the_title_is_in_the_middle() {
        let laid = laid("本文です。");
        let page = &laid.pages[0];
        for row in &page[..3] {
            assert!((right(&laid, row) - (WIDTH - SIDE)).abs() < 0.1, "{}", text(&laid, row));
        }
        let title = &page[3];
        assert!((title.x + right(&laid, title) - WIDTH).abs() < 0.1);
        assert!(title.size > page[4].size && laid.blocks[title.block].role == Role::Title);
        assert!(laid.feet.is_empty(), "one page has no number");
    }

    #[test]
    fn headings_items_and_paragraphs_are_told_apart() {
        let laid = laid("前文です。\n\n１　制度\n　根拠：法\n　対象：皆様\n\n終わり。");
        let roles: Vec<Role> = laid.blocks[4..].iter().map(|block| block.role).collect();
        assert_eq!(roles, [Role::Text, Role::Heading, Role::Text, Role::Text, Role::Text]);
        let indents: Vec<f32> = laid.pages[0][4..].iter().map(|row| ((row.x - SIDE) / row.size).round()).collect();
        assert_eq!(indents, [1.0, 0.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn wrapped_lines_of_japanese_are_even_at_the_right_and_the_last_is_not() {
        let laid = laid(&"届出の際に（この）コードを、お伝えください。".repeat(8));
        let rows = &laid.pages[0][4..];
        let (last, wrapped) = rows.split_last().map(|(last, rest)| (last, rest.to_vec())).unwrap_or((&rows[0], vec![]));
        assert!(wrapped.len() > 2);
        for row in &wrapped {
            assert!((right(&laid, row) - (WIDTH - SIDE)).abs() < 0.5, "{}", text(&laid, row));
        }
        assert_eq!(last.spread, 0.0);
    }

    #[test]
    fn a_short_sheet_is_set_larger_than_a_long_one() {
        let long = laid(&"長い本文です。\n".repeat(60));
        assert_eq!((laid("短い。").pages[0][0].size, long.pages[0][0].size), (12.0, 10.5));
    }

    #[test]
    fn pages_are_numbered_and_all_lines_are_between_the_margins() {
        let laid = laid(&"これは一つの段落です。".repeat(30).repeat(12));
        assert!(laid.pages.len() > 1);
        for (page, (cells, row)) in laid.pages.iter().zip(&laid.feet) {
            assert!(page.iter().all(|row| row.y > ABOVE && row.y < HEIGHT - BELOW && row.x >= SIDE - 0.1));
            assert!(row.y > HEIGHT - BELOW && !cells.is_empty());
        }
        let feet: Vec<String> = laid.feet.iter().map(|(cells, _)| cells.iter().map(|cell| cell.is).collect()).collect();
        assert_eq!(feet[0], format!("1/{}", laid.pages.len()));
    }

    #[test]
    fn no_page_ends_with_a_heading() {
        for above in 30..50 {
            let laid = laid(&format!("{}１　見出し\n　項目です。\n", "行です。\n".repeat(above)));
            for page in &laid.pages {
                let last = page.last().map(|row| laid.blocks[row.block].role);
                assert_ne!(last, Some(Role::Heading), "{above} lines above");
            }
        }
    }

    #[test]
    fn a_short_section_stays_on_one_page_and_a_long_one_is_divided() {
        for above in 20..50 {
            let section = |items: usize| format!("\n１　見出し\n{}", "　項目です。\n".repeat(items));
            for (items, whole) in [(7, true), (60, false)] {
                let laid = laid(&format!("{}{}", "行です。\n".repeat(above), section(items)));
                let first = laid.blocks.len() - 1 - items;
                let of = |page: &Vec<Row>| page.iter().any(|row| row.block >= first);
                assert_eq!(laid.pages.iter().filter(|page| of(page)).count() == 1, whole, "{above} lines above");
            }
        }
    }

    #[test]
    fn no_line_of_a_paragraph_is_alone_on_a_page() {
        for above in 30..50 {
            let laid = laid(&format!("{}{}", "行です。\n".repeat(above), "三行にわたる長い段落です。".repeat(9)));
            let block = laid.blocks.len() - 1;
            for page in &laid.pages {
                let rows = page.iter().filter(|row| row.block == block).count();
                assert_ne!(rows, 1, "{above} lines above");
            }
        }
    }
}
