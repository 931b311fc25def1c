//! Line breaking: the basic rules of Japanese composition (行頭禁則, 行末禁則, 分離禁止), and words of other scripts whole.

use std::ops::Range;

use crate::face::{Cell, is_mark};

/// Characters that never begin a line.
const NOT_FIRST: &str = "、。，．・：；？！）」』】〕〉》｝］”’ゝゞヽヾ々〻ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ,.:;?!)]}%％°｡､･｣ｰ℃‐–";
/// Characters that never end a line.
const NOT_LAST: &str = "（「『【〔〈《｛［“‘([{｢￥＄¥$£№";
/// The names of eras, which are part of a date (`平成12年`).
const ERAS: [[char; 2]; 3] = [['令', '和'], ['平', '成'], ['昭', '和']];
/// Characters of which two in a row are one sign.
const DOUBLED: &str = "…‥—―";

/// The lines of a paragraph: ranges of its cells. The first line may be narrower than the others. Spaces at the end of a line
/// are beyond the margin. Where nothing allows a break, a line is broken anywhere, so each line fits and has a cell.
pub(crate) fn lines(cells: &[Cell], first: f32, others: f32) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = 0;
    while start < cells.len() {
        let measure = if start == 0 { first } else { others };
        let end = end(cells, start, measure);
        lines.push(start..end);
        start = end;
    }
    lines
}

/// The first cell after the line that begins at `start`.
fn end(cells: &[Cell], start: usize, measure: f32) -> usize {
    // Widths are sums of halves of an em, or close to it, so a small excess is an error of rounding.
    let measure = measure + 0.01;
    let (mut width, mut best) = (0.0, None);
    for (at, cell) in cells.iter().enumerate().skip(start) {
        if at > start && may_break(cells, at) {
            best = Some(at);
        }
        if is_space(cell.is) {
            width += cell.width;
            continue;
        }
        if width + cell.width > measure && at > start {
            return best.unwrap_or(at);
        }
        width += cell.width;
    }
    cells.len()
}

/// Tells whether a line may end before this cell.
fn may_break(cells: &[Cell], at: usize) -> bool {
    let (before, next) = (cells[at - 1].is, cells[at].is);
    if is_space(next) || NOT_FIRST.contains(next) || is_mark(next) || NOT_LAST.contains(before) {
        return false;
    }
    if is_space(before) {
        return true;
    }
    if before == next && DOUBLED.contains(next) {
        return false;
    }
    if ERAS.contains(&[before, next]) {
        return false;
    }
    if at > 1 && ERAS.contains(&[cells[at - 2].is, before]) && next.is_ascii_digit() {
        return false;
    }
    // A number keeps its unit (`60日`), and a word its letters; an address may be broken after a stroke.
    if before.is_ascii_digit() && next.is_alphanumeric() {
        return false;
    }
    let (stroke, within) = (before == '/' && next != '/', is_of_word(before) && is_of_word(next));
    stroke || !within
}

pub(crate) fn is_space(it: char) -> bool {
    matches!(it, ' ' | '　')
}

/// Letters, digits and signs of scripts that write words.
fn is_of_word(it: char) -> bool {
    it.is_ascii_graphic() || (it.is_alphanumeric() && it < '\u{2e80}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cells(text: &str) -> Vec<Cell> {
        let cell = |is: char| Cell { glyph: 1, width: if is.is_ascii() { 0.5 } else { 1.0 }, is, selector: None };
        text.chars().map(cell).collect()
    }

    fn broken(text: &str, measure: f32) -> Vec<String> {
        let cells = cells(text);
        let line = |range: Range<usize>| cells[range].iter().map(|cell| cell.is).collect();
        lines(&cells, measure, measure).into_iter().map(line).collect()
    }

    #[test]
    fn stops_and_closing_brackets_do_not_begin_a_line() {
        assert_eq!(broken("届け出てください。次に", 8.0), ["届け出てくださ", "い。次に"]);
        assert_eq!(broken("あいう（えお）。か", 6.0), ["あいう（え", "お）。か"]);
        assert_eq!(broken("コンピュータ", 4.0), ["コン", "ピュータ"]);
    }

    #[test]
    fn opening_brackets_do_not_end_a_line() {
        assert_eq!(broken("知った日（令和", 5.0), ["知った日", "（令和"]);
        assert_eq!(broken("知った「（令和", 5.0), ["知った", "「（令和"]);
    }

    #[test]
    fn words_addresses_and_numbers_with_units_stay_whole() {
        assert_eq!(broken("IPA accepts notifications", 8.0), ["IPA accepts ", "notifications"]);
        assert_eq!(broken("期限は60日以内", 4.5), ["期限は", "60日以内"]);
        assert_eq!(
            broken("https://www.ppc.go.jp/personal/legal/", 15.0),
            ["https://www.ppc.go.jp/", "personal/legal/"]
        );
        assert_eq!(broken("です……はい", 3.0), ["です", "……は", "い"]);
        assert_eq!(broken("改定は平成12年", 4.0), ["改定は", "平成12年"]);
        assert_eq!(broken("改定は令和8年", 5.5), ["改定は", "令和8年"]);
    }

    #[test]
    fn what_has_no_place_to_break_is_broken_anyway() {
        assert_eq!(broken("abcdefgh", 2.0), ["abcd", "efgh"]);
        assert_eq!(broken("。。。。", 3.0), ["。。。", "。"]);
        assert_eq!(broken("漢", 0.2), ["漢"]);
        assert!(broken("", 5.0).is_empty());
    }

    #[test]
    fn spaces_at_the_end_of_a_line_need_no_room() {
        assert_eq!(broken("担当：　係　電話", 5.0), ["担当：　係　", "電話"]);
    }

    proptest! {
        #[test]
        fn every_cell_is_in_one_line_and_every_line_fits(text in "[あか。、（）「」a-z0-9 /…　]{0,60}", measure in 1u8..12) {
            let (cells, measure) = (cells(&text), f32::from(measure));
            let lines = lines(&cells, measure, measure);
            let joined: Vec<usize> = lines.iter().cloned().flatten().collect();
            prop_assert_eq!(joined, (0..cells.len()).collect::<Vec<_>>());
            for line in lines {
                let shown = cells[line.clone()].iter().rposition(|cell| !is_space(cell.is)).map_or(0, |last| last + 1);
                let width: f32 = cells[line.start..line.start + shown].iter().map(|cell| cell.width).sum();
                prop_assert!(!line.is_empty() && width <= measure + 0.01, "{line:?} is {width} wide");
            }
        }
    }
}
