//! The part of the paper about the schemes themselves, in the words of the agency that runs them.

use renkei_proto::{
    referral::v1::{FilingDuty, Scheme},
    r#type::v1::{Agency, Language, Text},
};

use super::paper::{Paper, duty, is_filed_with_ministry, length, paragraph, say, words};
use crate::matter::Matter;

/// A longer title gives way to the scheme's id where room is short.
const TITLE: usize = 100;

/// The schemes in their own words. Where these exceed the room, the least needed lines give way; where even that does not
/// help, each is named in short, and the rest is counted.
pub(super) fn schemes(paper: &Paper<'_>, language: Language, room: usize) -> String {
    let numbered = || (1..).zip(paper.schemes);
    for left_out in [[].as_slice(), &[Line::What], &[Line::What, Line::Basis, Line::Deadlines]] {
        let whole: String = numbered().map(|(n, scheme)| whole(paper, n, scheme, left_out, language)).collect();
        if length(&whole) <= room {
            return whole;
        }
    }
    let mut out = String::new();
    for (n, scheme) in numbered() {
        let (block, rest) = (short(paper, n, scheme, language), others(paper.schemes.len() + 1 - n, language));
        if length(&out) + length(&block) + length(&rest) > room {
            return out + &rest;
        }
        out.push_str(&block);
    }
    out
}

/// A line about a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Basis,
    Who,
    What,
    How,
    Deadlines,
    Website,
    Telephone,
    Mail,
}

fn others(count: usize, language: Language) -> String {
    let (ja, en) = (format!("ほか{count}件の制度があります。"), format!("And {count} more."));
    format!("\n{}\n", say(language, &ja, &en))
}

fn whole(paper: &Paper<'_>, n: usize, scheme: &Scheme, left_out: &[Line], language: Language) -> String {
    let content = scheme.content.as_ref();
    let title = content.and_then(|it| it.title.as_ref()).map(|title| words(title, language).to_owned());
    let mut lines = lines(paper, scheme, language);
    lines.retain(|(line, _)| !left_out.contains(line));
    block(paper, n, &title.unwrap_or_else(|| id(scheme)), scheme, &lines, language)
}

fn short(paper: &Paper<'_>, n: usize, scheme: &Scheme, language: Language) -> String {
    let content = scheme.content.as_ref();
    let title = content.and_then(|it| it.title.as_ref()).map(|title| words(title, language).to_owned());
    let title = title.filter(|title| length(title) <= TITLE).unwrap_or_else(|| id(scheme));
    let mut lines = lines(paper, scheme, language);
    let mut websites = 0;
    lines.retain(|(line, _)| match line {
        Line::Website => {
            websites += 1;
            websites == 1
        }
        Line::Telephone | Line::Mail => true,
        _ => false,
    });
    block(paper, n, &title, scheme, &lines, language)
}

/// The lines about a scheme. A reporter whose report goes to a ministry reads neither how nor where to file with PPC,
/// because they would file at the first address that they read.
fn lines(paper: &Paper<'_>, scheme: &Scheme, language: Language) -> Vec<(Line, String)> {
    let Some(content) = &scheme.content else { return Vec::new() };
    let of = |text: &Option<Text>| text.as_ref().map(|it| words(it, language).to_owned()).unwrap_or_default();
    let mut lines = vec![
        (Line::Basis, of(&content.basis)),
        (Line::Who, of(&content.who)),
        (Line::What, of(&content.what)),
        (Line::How, of(&content.how)),
        (Line::Deadlines, of(&content.deadlines)),
    ];
    lines.extend(content.links.iter().map(|link| (Line::Website, link.clone())));
    lines.push((Line::Telephone, content.telephone.clone()));
    lines.push((Line::Mail, content.mail.clone()));
    let elsewhere = is_filed_with_ministry(paper) && scheme.agency() == Agency::Ppc;
    let of_place = [Line::How, Line::Website, Line::Telephone, Line::Mail];
    lines.retain(|(line, words)| !words.is_empty() && (!elsewhere || !of_place.contains(line)));
    lines
}

/// A numbered title with its lines.
fn block(
    paper: &Paper<'_>,
    n: usize,
    title: &str,
    scheme: &Scheme,
    lines: &[(Line, String)],
    language: Language,
) -> String {
    let mark = match (duty(scheme), language) {
        (FilingDuty::Must, Language::Ja) => "（該当する場合は義務）",
        (FilingDuty::Must, _) => " (required where it applies)",
        (FilingDuty::May, Language::Ja) => "（任意）",
        (FilingDuty::May, _) => " (voluntary)",
        (FilingDuty::Unspecified, _) => "",
    };
    let title = match language {
        Language::Ja => format!("{}　{title}{mark}", full_width(n)),
        _ => format!("{n}. {title}{mark}"),
    };
    let filed = if paper.issuer == Agency::Ppc { "届出方法" } else { "報告方法" };
    let line = |(line, words): &(Line, String)| {
        let (ja, en) = match line {
            Line::Basis => ("根拠", "Basis"),
            Line::Who => ("対象", "Who"),
            Line::What => ("内容", "What"),
            Line::How => (filed, "How"),
            Line::Deadlines => ("期限", "By when"),
            Line::Website => ("ウェブサイト", "Website"),
            Line::Telephone => ("電話", "Telephone"),
            Line::Mail => ("電子メール", "E-mail"),
        };
        format!("{}{}{words}", say(language, ja, en), say(language, "：", ": "))
    };
    paragraph(&title, lines.iter().map(line), language)
}

/// A number in the digits of a Japanese heading.
fn full_width(n: usize) -> String {
    n.to_string()
        .chars()
        .map(|digit| digit.to_digit(10).and_then(|it| char::from_u32('０' as u32 + it)).unwrap_or(digit))
        .collect()
}

/// The id within the agency, which remains when the scheme's texts were erased.
fn id(scheme: &Scheme) -> String {
    Matter::parse(&scheme.name).map_or_else(|| scheme.name.clone(), |matter| matter.id)
}
