//! The part of the paper about the reporter's leak report: its dates, and whom to ask about it. PPC received the
//! preliminary report already, so its paper shows the final one alone.

use jiff::{
    ToSpan as _,
    civil::{Date, Weekday},
};
use renkei_proto::r#type::v1::{Agency, Language, ReporterKind, StatutoryDates};

use super::paper::{Paper, paragraph, say};
use crate::{calendar, era};

pub(super) fn times(paper: &Paper<'_>, language: Language) -> String {
    let dates = paper.dates.map(|dates| match paper.issuer {
        Agency::Ppc => final_report(paper, dates, language),
        _ => both_reports(paper, dates, language),
    });
    let mut out = dates.unwrap_or_default();
    if paper.schemes.iter().any(|scheme| scheme.agency() == Agency::Ppc) {
        out.push_str(&to_confirm(paper, language));
    }
    out
}

/// The final report alone, for a reporter whose preliminary report the agency has.
fn final_report(paper: &Paper<'_>, dates: &StatutoryDates, language: Language) -> String {
    let mark = provisional(dates, language);
    let due = shown(&dates.final_due, language);
    let (until_ja, until_en) = (format!("{due}まで{mark}"), format!("By {due}{mark}"));
    let mut lines = vec![
        say(language, &until_ja, &until_en).to_owned(),
        format!("{}{}{}", say(language, "（", "("), counted(paper, dates, language), say(language, "）", ")")),
    ];
    lines.extend(by_rule(dates, language));
    let asked_ja =
        format!("この日付は参考です。正式な取扱いについては、{}にご確認ください。", receiver_ja(paper.reporter));
    let asked_en = format!("This date is a guide: please ask {}.", place_en(paper.reporter));
    lines.push(say(language, &asked_ja, &asked_en).to_owned());
    let title =
        say(language, "【参考】漏えい等報告（確報）の期限", "For reference: time limit of the final leak report");
    paragraph(title, lines, language)
}

/// Both reports, for a reporter of whose report the agency knows nothing.
fn both_reports(paper: &Paper<'_>, dates: &StatutoryDates, language: Language) -> String {
    let knew = shown_bare(paper.knew_on, language);
    let window = window(dates, language);
    let over = calendar::parse_day(&dates.preliminary_to).is_some_and(|last| last < paper.on);
    let mark = provisional(dates, language);
    let due = shown(&dates.final_due, language);
    let counted = counted(paper, dates, language);
    let mut lines = if language == Language::Ja {
        let guide = format!("目安：知った日（{knew}）を1日目として3日目から5日目、{window}まで");
        let over = if over {
            "。目安の期間は既に経過しています。速やかに報告してください。"
        } else {
            ""
        };
        vec![format!("速報：事態を知った後、速やかに（{guide}）{over}"), format!("確報：{due}まで{mark}（{counted}）")]
    } else {
        let guide = format!("usual window: day 3 to day 5 from the day of knowing, {knew}, as day 1: {window}");
        let over = if over { ". The window has passed: please report without delay" } else { "" };
        vec![
            format!("Preliminary report: without delay ({guide}){over}"),
            format!("Final report: by {due}{mark} ({counted})"),
        ]
    };
    lines.extend(by_rule(dates, language));
    paragraph(say(language, "【参考】漏えい等報告の時期", "For reference: dates of the leak report"), lines, language)
}

/// What a reporter has to confirm before a leak report. A report about an individual number is one of another act.
fn to_confirm(paper: &Paper<'_>, language: Language) -> String {
    let lines = if language == Language::Ja {
        vec![
            format!("報告の要否、報告先及び期限については、{}にご確認ください。", place_ja(paper.reporter)),
            "個人番号が含まれる場合は、番号法に基づく報告となります。委員会ウェブサイトの報告フォームでご確認ください。"
                .to_owned(),
            "高度な暗号化等の措置が講じられた情報については、報告を要しない場合があります。".to_owned(),
        ]
    } else {
        vec![
            format!("Ask {} whether, where and by when to report.", place_en(paper.reporter)),
            "With individual numbers it is a report under the My Number Act: see the report form on PPC's website."
                .to_owned(),
            "Strongly encrypted information may be exempt.".to_owned(),
        ]
    };
    paragraph(say(language, "【ご確認いただきたい事項】", "To confirm"), lines, language)
}

/// Whom to ask about a report, in a sentence.
fn place_ja(reporter: ReporterKind) -> &'static str {
    match reporter {
        ReporterKind::PublicBody => "個人情報保護委員会",
        ReporterKind::DelegatedSector => "権限の委任を受けた府省（事業所管大臣等）",
        _ => "個人情報保護委員会（権限が委任されている業種の場合は、委任先の府省）",
    }
}

/// The same for a reporter whose report has been received.
fn receiver_ja(reporter: ReporterKind) -> &'static str {
    match reporter {
        ReporterKind::PublicBody => "報告先（個人情報保護委員会）",
        ReporterKind::DelegatedSector => "報告先である権限の委任を受けた府省（事業所管大臣等）",
        _ => "報告先（個人情報保護委員会。権限が委任されている業種の場合は、委任先の府省）",
    }
}

fn place_en(reporter: ReporterKind) -> &'static str {
    match reporter {
        ReporterKind::PublicBody => "PPC",
        ReporterKind::DelegatedSector => "the ministry to which the authority is delegated",
        _ => "PPC (in a delegated sector, the ministry)",
    }
}

/// How the day of the final report was counted, and whether it moved to an open day.
fn counted(paper: &Paper<'_>, dates: &StatutoryDates, language: Language) -> String {
    let (knew, days) = (shown_bare(paper.knew_on, language), dates.final_days);
    let last = calendar::parse_day(paper.knew_on).map(|knew| knew.saturating_add((i64::from(days) - 1).days()));
    let moved = last.is_some() && last != calendar::parse_day(&dates.final_due);
    if language == Language::Ja {
        let rest = format!("{days}日目が行政機関の休日に当たるため、その翌日以降の最初の開庁日としています。");
        let rest = if moved { rest.as_str() } else { "" };
        return format!("お申し出のあった「知った日」（{knew}）を1日目として{days}日以内。{rest}");
    }
    let rest = if moved { "; that day is a holiday, so the next open day counts" } else { "" };
    format!("{days} days from the day of knowing that you stated, {knew}, as day 1{rest}")
}

fn provisional(dates: &StatutoryDates, language: Language) -> &'static str {
    if dates.by_rule { say(language, "（祝日未確定のため暫定）", " (provisional)") } else { "" }
}

fn by_rule(dates: &StatutoryDates, language: Language) -> Option<String> {
    let ja = "暫定の日付は、祝日が確定していない年に係るため、変更されることがあります。";
    let en = "A provisional date depends on a year whose holidays are not fixed yet; it may change.";
    dates.by_rule.then(|| say(language, ja, en).to_owned())
}

/// The window of the preliminary report, such as `令和8年11月22日（日）から24日（火）`.
fn window(dates: &StatutoryDates, language: Language) -> String {
    let (from, to) = (shown(&dates.preliminary_from, language), shown(&dates.preliminary_to, language));
    if language != Language::Ja {
        return format!("{from} to {to}");
    }
    let days = calendar::parse_day(&dates.preliminary_from).zip(calendar::parse_day(&dates.preliminary_to));
    let same_month = days.is_some_and(|(from, to)| (from.year(), from.month()) == (to.year(), to.month()));
    let day = if same_month { to.split_once('月').map_or(to.as_str(), |(_, day)| day) } else { &to };
    format!("{from}から{day}")
}

/// A day of the wire for people; as it is if it is none.
fn shown(text: &str, language: Language) -> String {
    calendar::parse_day(text).map_or_else(|| text.to_owned(), |day| with_weekday(day, language))
}

/// The same without the weekday.
fn shown_bare(text: &str, language: Language) -> String {
    calendar::parse_day(text).map_or_else(|| text.to_owned(), |day| on(day, language))
}

/// A day for people without the weekday: with the era in Japanese.
pub(super) fn on(day: Date, language: Language) -> String {
    if language == Language::Ja { era::japanese_day(day) } else { day.to_string() }
}

/// A day for people: with the era in Japanese, with the weekday in both.
fn with_weekday(day: Date, language: Language) -> String {
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
