//! The files as a reader gets them: what they state about themselves, and the text that can be searched in them.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{collections::BTreeMap, io::Read as _};

use flate2::read::ZlibDecoder;
use proptest::prelude::*;
use renkei_print::{Language, Printed, Sheet, print};

fn sheet(body: &str) -> Sheet {
    Sheet {
        language: Language::Japanese,
        number: "整理番号：甲-R08-REF-0001".to_owned(),
        day: "令和8年11月24日".to_owned(),
        date: (2026, 11, 24),
        sender: vec!["個人情報保護委員会事務局".to_owned(), "担当：報告受付係　電話：03-0000-0001".to_owned()],
        title: "届出制度のご案内".to_owned(),
        body: body.to_owned(),
    }
}

const BODY: &str = "ご報告いただいた事案に関連して、次の届出を受け付けています。\n\n１　届出（任意）\n　根拠：告示第362号\n　ウェブサイト：https://www.ipa.go.jp/security/todokede/\n\n紹介コード：0001-7K3Q-9XWMB\n　任意です。";

fn contains(pdf: &[u8], part: &str) -> bool {
    pdf.windows(part.len()).any(|window| window == part.as_bytes())
}

/// The streams of a file. Each object has a line `stream`, its bytes, and a line `endstream`.
fn streams(pdf: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = pdf;
    let at = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).position(|window| window == part);
    while let Some(start) = at(rest, b"stream\n") {
        rest = &rest[start + 7..];
        let Some(end) = at(rest, b"endstream") else { break };
        let mut inflated = Vec::new();
        if ZlibDecoder::new(&rest[..end]).read_to_end(&mut inflated).is_ok() {
            found.push(inflated);
        }
        rest = &rest[end + 9..];
    }
    found
}

/// The text of a file, line by line, by the way of every PDF reader: glyphs in the pages, and the table that gives the
/// characters for each.
fn text(pdf: &[u8]) -> Vec<String> {
    let mut characters: BTreeMap<u16, String> = BTreeMap::new();
    let mut lines = Vec::new();
    let streams = streams(pdf);
    for table in streams.iter().filter_map(|stream| std::str::from_utf8(stream).ok()) {
        for pair in table.lines().filter_map(|line| line.strip_prefix('<')?.strip_suffix('>')?.split_once("> <")) {
            let units: Vec<u16> = pair
                .1
                .as_bytes()
                .chunks(4)
                .map(|unit| u16::from_str_radix(str::from_utf8(unit).unwrap(), 16).unwrap())
                .collect();
            characters.insert(u16::from_str_radix(pair.0, 16).unwrap(), String::from_utf16(&units).unwrap());
        }
    }
    for page in streams.iter().filter(|stream| stream.windows(4).any(|window| window == b"BT 0")) {
        for shown in strings(page) {
            let glyphs = shown.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            lines.push(glyphs.map(|glyph| characters[&glyph].as_str()).collect());
        }
    }
    lines
}

/// The bytes that each `TJ` of a page shows. A string is literal, in round brackets that may be nested and with escapes, or
/// hexadecimal in pointed ones.
fn strings(page: &[u8]) -> Vec<Vec<u8>> {
    let (mut shown, mut one) = (Vec::new(), Vec::new());
    let mut bytes = page.iter().copied().peekable();
    let mut depth = 0;
    while let Some(byte) = bytes.next() {
        match (depth, byte) {
            (0, b'T') if bytes.next_if_eq(&b'J').is_some() => shown.push(std::mem::take(&mut one)),
            (0, b'<') if bytes.next_if_eq(&b'<').is_none() => {
                let digits: Vec<u8> = bytes.by_ref().take_while(|digit| *digit != b'>').collect();
                one.extend(digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()));
            }
            (0, b'(') => depth = 1,
            (0, _) => {}
            (_, b'\\') => one.push(match bytes.next().unwrap() {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'b' => 8,
                b'f' => 12,
                digit if digit.is_ascii_digit() => {
                    let digits = [digit, bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(str::from_utf8(&digits).unwrap(), 8).unwrap()
                }
                other => other,
            }),
            (_, byte) => {
                depth += i32::from(byte == b'(') - i32::from(byte == b')');
                one.extend((depth > 0).then_some(byte));
            }
        }
    }
    shown
}

#[test]
fn the_same_sheet_gives_the_same_bytes_and_another_one_others() {
    let first = print(&sheet(BODY)).unwrap();
    for _ in 0..5 {
        assert_eq!(print(&sheet(BODY)).unwrap(), first);
    }
    assert_ne!(print(&sheet(&format!("{BODY}。"))).unwrap().pdf, first.pdf);
}

#[test]
fn a_file_names_its_title_number_language_date_and_the_standards_that_it_meets() {
    let Printed { pdf, pages, missing } = print(&sheet(BODY)).unwrap();
    assert!(pdf.starts_with(b"%PDF-1.7") && pages == 1 && missing.is_empty());
    for part in [
        "届出制度のご案内（整理番号：甲-R08-REF-0001）",
        "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>",
        "<pdfuaid:part>1</pdfuaid:part>",
        "2026-11-24T00:00:00+09:00",
        "/Lang(ja)",
        "/S/H2",
        "BIZUDMincho-Regular",
    ] {
        assert!(contains(&pdf, part), "{part}");
    }
    let english = print(&Sheet { language: Language::English, ..sheet("Text.") }).unwrap();
    assert!(contains(&english.pdf, "/Lang(en)"));
}

#[test]
fn all_text_of_a_sheet_can_be_read_from_its_file() {
    let lines = text(&print(&sheet(BODY)).unwrap().pdf);
    let expected = [
        "整理番号：甲-R08-REF-0001",
        "令和8年11月24日",
        "個人情報保護委員会事務局",
        "担当：報告受付係　電話：03-0000-0001",
        "届出制度のご案内",
        "ご報告いただいた事案に関連して、次の届出を受け付けています。",
        "１　届出（任意）",
        "根拠：告示第362号",
        "ウェブサイト：https://www.ipa.go.jp/security/todokede/",
        "紹介コード：0001-7K3Q-9XWMB",
        "任意です。",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_sheet_of_several_pages_is_numbered_and_loses_nothing() {
    let body = "被害の拡大防止や類似事案の発生防止に役立てられますので、ご検討ください。".repeat(60);
    let printed = print(&sheet(&body)).unwrap();
    assert_eq!(printed.pages, 2);
    let lines = text(&printed.pdf);
    for foot in ["1/2", "2/2"] {
        assert!(lines.contains(&foot.to_owned()), "{foot}");
    }
    let rest: String = lines[5..].iter().filter(|line| !line.contains('/')).map(String::as_str).collect();
    assert_eq!(rest, body);
}

#[test]
fn a_character_without_a_glyph_is_shown_as_a_substitute_and_named() {
    let printed = print(&sheet("𠮷野様、𠮷田様、\u{e000}")).unwrap();
    assert_eq!(printed.missing, "𠮷\u{e000}");
    assert_eq!(text(&printed.pdf).last().unwrap(), "〓野様、〓田様、〓");
}

/// Longer than every paper, with as many different kanji as fit: the bound of the contract leaves room.
#[test]
fn a_sheet_of_two_thousand_different_kanji_is_smaller_than_a_mebibyte() {
    let body: String = ('一'..).take(2000).collect();
    let printed = print(&sheet(&body)).unwrap();
    assert!(printed.pdf.len() < 1 << 20, "{} bytes", printed.pdf.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the text: a paper is printed, and the standards are met, which the writer checks.
    #[test]
    fn no_text_is_refused(title in "\\PC{0,60}", body in any::<String>(), signs in "[\u{0}-\u{ff}\u{2000}-\u{206f}\u{fe00}-\u{fe0f}\n　葛󠄀𠮷〓。（]{0,200}") {
        let sheet = Sheet { title, ..sheet(&format!("{body}\n{signs}")) };
        prop_assert!(print(&sheet).is_ok(), "{:?}", print(&sheet).err());
    }
}
