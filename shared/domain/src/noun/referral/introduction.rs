//! The paper that is handed to a reporter (紹介文書): the fitting schemes of the other agency, the reporter's dates, and
//! the code. It contains nothing that identifies the reporter, and does not mention the memorandum, because a scheme
//! may be introduced to a reporter without being required by it.

use jiff::civil::{Date, Weekday};
use renkei_proto::{
    referral::v1::{FilingDuty, Scheme, SchemeContent},
    r#type::v1::{Agency, Language, ReporterKind, StatutoryDates, Text},
};

use crate::{
    calendar, era,
    matter::Matter,
    memorandum::{self, Party},
};

/// The most characters of the paper in each language (`Text` in the contract).
const MOST: usize = 2000;
/// A longer title gives way to the scheme's id where room is short.
const TITLE: usize = 100;

/// The contents of the paper.
pub struct Paper<'a> {
    /// The agency that hands it over.
    pub issuer: Agency,
    /// The schemes that are introduced, with their contents.
    pub schemes: &'a [Scheme],
    /// The kind of reporter, as far as a scheme depends on it.
    pub reporter: ReporterKind,
    /// The reporter's dates; `None` when the day of knowing is not stated.
    pub dates: Option<&'a StatutoryDates>,
    /// The referral code; empty if there is none.
    pub code: &'a str,
}

/// The text to hand over, at most 2,000 characters in each language. Japanese is authoritative; English is a reference
/// translation, in which texts that a scheme has in Japanese only stay Japanese. If the schemes' own texts leave no
/// room, each is named with its first link and telephone number; dates and code are never left out.
pub fn introduction(paper: &Paper<'_>) -> Text {
    Text { ja: text(paper, Language::Ja), en: text(paper, Language::En) }
}

fn text(paper: &Paper<'_>, language: Language) -> String {
    let head = opening(paper, language);
    let mut tail = delegation(paper, language);
    tail.push_str(&paper.dates.map(|dates| statutory(dates, language)).unwrap_or_default());
    tail.push_str(&code(paper, language));
    tail.push_str(say(language, "", "\nThis is a reference translation; the Japanese text is authoritative.\n"));
    let room = MOST.saturating_sub(length(&head) + length(&tail));
    let text = head + &schemes(paper, language, room) + &tail;
    text.trim_end().to_owned()
}

/// The words of one language.
fn say<'a>(language: Language, ja: &'a str, en: &'a str) -> &'a str {
    if language == Language::Ja { ja } else { en }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn opening(paper: &Paper<'_>, language: Language) -> String {
    let (issuer, peer) = (name(paper.issuer, language), name(paper.issuer.peer(), language));
    let of_ppc = paper.issuer == Agency::Ppc;
    if language == Language::Ja {
        let (filed, accepted) = if of_ppc { ("報告", "届出") } else { ("届出", "報告") };
        let introduced = format!("{peer}では、次の{accepted}を受け付けています。");
        let given = format!("{filed}者を特定することができる情報を提供することはありません。");
        let kept = format!("このご案内に際し、お寄せいただいた{filed}の内容を転送し、又は{given}");
        return format!("{peer}の{accepted}制度のご案内\n{issuer}\n\n{introduced}{kept}\n");
    }
    let filed = if of_ppc { "report" } else { "notification" };
    let introduced = format!("The {issuer} introduces to you the following schemes of the {peer}.");
    let kept = format!("Your {filed} is not forwarded, and nothing that identifies you is passed on.");
    format!("Introduction of reporting schemes\n\n{introduced} {kept}\n")
}

/// An agency's name as it is written in the memorandum.
fn name(agency: Agency, language: Language) -> &'static str {
    let party = Party::of(agency);
    let found = memorandum::agreement().ok().and_then(|it| it.parties.iter().find(|names| names.party == party));
    found.map_or(agency.id(), |names| say(language, &names.name_ja, &names.name_en))
}

/// The schemes in their own words; where these exceed the room, in short, and the rest counted.
fn schemes(paper: &Paper<'_>, language: Language, room: usize) -> String {
    let numbered = || (1..).zip(paper.schemes);
    let whole: String = numbered().map(|(n, scheme)| whole(n, scheme, language)).collect();
    if length(&whole) <= room {
        return whole;
    }
    let mut out = String::new();
    for (n, scheme) in numbered() {
        let (block, rest) = (short(n, scheme, language), others(paper.schemes.len() + 1 - n, language));
        if length(&out) + length(&block) + length(&rest) > room {
            return out + &rest;
        }
        out.push_str(&block);
    }
    out
}

fn others(count: usize, language: Language) -> String {
    let (ja, en) = (format!("ほか{count}件の制度があります。"), format!("And {count} more."));
    format!("\n{}\n", say(language, &ja, &en))
}

fn whole(n: usize, scheme: &Scheme, language: Language) -> String {
    let content = scheme.content.as_ref();
    let of =
        |pick: fn(&SchemeContent) -> Option<&Text>| content.and_then(pick).map(|it| words(it, language).to_owned());
    let title = of(|it| it.title.as_ref()).unwrap_or_else(|| id(scheme));
    let mut lines = vec![
        ("義務・任意の別", "Filing", duty(scheme, language)),
        ("根拠", "Basis", of(|it| it.basis.as_ref())),
        ("対象者", "Who", of(|it| it.who.as_ref())),
        ("内容", "What", of(|it| it.what.as_ref())),
        ("方法", "How", of(|it| it.how.as_ref())),
        ("期限", "By when", of(|it| it.deadlines.as_ref())),
    ];
    let links = content.map(|it| it.links.as_slice()).unwrap_or_default();
    lines.extend(links.iter().map(|link| ("ウェブサイト", "Website", Some(link.clone()))));
    lines.push(("電話", "Telephone", content.map(|it| it.telephone.clone())));
    block(n, &title, &lines, language)
}

fn short(n: usize, scheme: &Scheme, language: Language) -> String {
    let content = scheme.content.as_ref();
    let title = content.and_then(|it| it.title.as_ref()).map(|title| words(title, language).to_owned());
    let title = title.filter(|title| length(title) <= TITLE).unwrap_or_else(|| id(scheme));
    let lines = [
        ("義務・任意の別", "Filing", duty(scheme, language)),
        ("ウェブサイト", "Website", content.and_then(|it| it.links.first().cloned())),
        ("電話", "Telephone", content.map(|it| it.telephone.clone())),
    ];
    block(n, &title, &lines, language)
}

/// A numbered title with its lines; empty ones are left out.
fn block(n: usize, title: &str, lines: &[(&str, &str, Option<String>)], language: Language) -> String {
    let title = format!("{n}{}{title}", say(language, "　", ". "));
    let line = |(ja, en, words): &(&str, &str, Option<String>)| {
        let words = words.as_ref().filter(|words| !words.is_empty())?;
        Some(format!("{}{}{words}", say(language, ja, en), say(language, "：", ": ")))
    };
    paragraph(&title, lines.iter().filter_map(line), language)
}

fn paragraph(title: &str, lines: impl IntoIterator<Item = String>, language: Language) -> String {
    let mut out = format!("\n{title}\n");
    for line in lines {
        out.push_str(say(language, "　", "   "));
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn words(text: &Text, language: Language) -> &str {
    if text.en.is_empty() { &text.ja } else { say(language, &text.ja, &text.en) }
}

/// The id within the agency, which remains when the scheme's texts were erased.
fn id(scheme: &Scheme) -> String {
    Matter::parse(&scheme.name).map_or_else(|| scheme.name.clone(), |matter| matter.id)
}

fn duty(scheme: &Scheme, language: Language) -> Option<String> {
    let (ja, en) = match scheme.terms.as_ref()?.duty() {
        FilingDuty::Must => ("該当する場合は、義務付けられています。", "required where it applies."),
        FilingDuty::May => ("任意です。", "voluntary."),
        FilingDuty::Unspecified => return None,
    };
    Some(say(language, ja, en).to_owned())
}

/// In delegated sectors leak reports go to the competent minister.
fn delegation(paper: &Paper<'_>, language: Language) -> String {
    let leak_report = paper.dates.is_some() || paper.schemes.iter().any(|scheme| scheme.agency() == Agency::Ppc);
    if paper.reporter != ReporterKind::DelegatedSector || !leak_report {
        return String::new();
    }
    if language == Language::Ja {
        let why =
            "この業種については、漏えい等報告を受ける権限が個人情報保護委員会から事業所管大臣に委任されています。";
        let line = format!("{why}報告は事業所管大臣に提出してください。");
        return paragraph("漏えい等報告の提出先（権限委任）", [line], language);
    }
    let why = "In this sector the authority to receive leak reports is delegated to the competent minister";
    let line = format!("{why}: please file the report with the competent minister.");
    paragraph("Where the leak report goes (delegated authority)", [line], language)
}

fn statutory(dates: &StatutoryDates, language: Language) -> String {
    let shown = |text: &str| calendar::parse_day(text).map_or_else(|| text.to_owned(), |day| on(day, language));
    let (from, to, due) = (shown(&dates.preliminary_from), shown(&dates.preliminary_to), shown(&dates.final_due));
    let days = dates.final_days;
    let mark = if dates.by_rule { say(language, "（祝日未確定のため暫定）", " (provisional)") } else { "" };
    let (title, mut lines) = if language == Language::Ja {
        let counted =
            format!("いずれかの部署が事態を知った日を1日目として{days}日以内。末日が閉庁日に当たるときは、次の開庁日");
        let lines = vec![
            format!("速報：速やかに（目安の期間：{from}から{to}まで）"),
            format!("確報：{due}まで{mark}（{counted}）"),
            "これらの日付は目安です。正式な取扱いについては、個人情報保護委員会又は事業所管大臣にご確認ください。"
                .to_owned(),
        ];
        ("漏えい等報告の時期の目安", lines)
    } else {
        let counted = format!(
            "{days} days from the day any department knew, which is day 1; if offices are closed, the next open day"
        );
        let decides = "the Personal Information Protection Commission or the competent minister decides";
        let lines = vec![
            format!("Preliminary report: without delay (usual window: {from} to {to})"),
            format!("Final report: by {due}{mark} ({counted})"),
            format!("These dates are a guide; {decides}."),
        ];
        ("Guide to the dates of the leak report", lines)
    };
    if dates.by_rule {
        let ja = "暫定の日付は、祝日が確定していない年に係るため、変更されることがあります。";
        let en = "A provisional date depends on a year whose holidays are not fixed yet; it may change.";
        lines.push(say(language, ja, en).to_owned());
    }
    paragraph(title, lines, language)
}

/// A day for people: with the era in Japanese, with the weekday in both.
fn on(day: Date, language: Language) -> String {
    if language == Language::Ja {
        return era::japanese(day);
    }
    let weekday = match day.weekday() {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    };
    format!("{day} ({weekday})")
}

fn code(paper: &Paper<'_>, language: Language) -> String {
    if paper.code.is_empty() {
        return String::new();
    }
    let issuer = name(paper.issuer, language);
    let (title, line) = if language == Language::Ja {
        let filed = if paper.issuer == Agency::Ppc { "届出" } else { "報告" };
        let told = format!("{filed}の際にこのコードをお伝えいただくと、{filed}があったことが{issuer}に通知されます。");
        ("紹介コード：", format!("{told}コードをお伝えいただくかどうかは任意です。"))
    } else {
        let told = format!("If you quote this code when you file, the {issuer} is told that a filing was made.");
        ("Referral code: ", format!("{told} Quoting it is voluntary."))
    };
    paragraph(&format!("{title}{}", paper.code), [line], language)
}
