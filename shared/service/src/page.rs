//! The page for operators: the status of the service for a browser. It has the data of `/status` and nothing else, and is one
//! document without scripts or resources of others; its style is a file of the service.

mod attention;
mod cell;
mod matters;
mod plot;
mod tables;

use http::header::{self, HeaderName};
use maud::{DOCTYPE, Markup, html};
use url::form_urlencoded;

use self::{
    attention::attention,
    cell::when,
    matters::matters,
    plot::backlog,
    tables::{agreement, duties, link, trust},
};
use crate::{
    language::Language,
    status::{CONNECTED, HeldStands, Status, table::agency},
};

/// The path of the style.
pub(crate) const STYLE: &str = "/status.css";
/// The style, as the program was compiled with it.
pub(crate) const STYLE_TEXT: &str = include_str!("page/status.css");
/// The interval at which a browser asks for the page again, in seconds.
const REFRESH: u32 = 15;

/// The time for which an entry may wait for its receipt, in seconds.
const LATE: u64 = 300;

/// A browser loads the style from the service and nothing from anywhere, runs no script, and shows the page in no frame.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The headers of the page. No cache keeps it.
pub(crate) const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::CACHE_CONTROL, "no-store"),
    (header::VARY, "accept-language"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// The headers of its style.
pub(crate) const STYLE_HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "text/css; charset=utf-8"),
    (header::CACHE_CONTROL, "max-age=60"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// The language of the page: the one that the query names as `lang`, or else the one that the browser accepts best, or else
/// the configured one.
pub(crate) fn language(query: Option<&str>, accepted: Option<&str>, configured: Language) -> Language {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let asked = pairs.find(|(key, _)| key == "lang").and_then(|(_, tag)| Language::tagged(&tag));
    asked.or_else(|| best(accepted?)).unwrap_or(configured)
}

/// The first of the languages with the highest quality in `Accept-Language`; `None` if neither is accepted.
fn best(accepted: &str) -> Option<Language> {
    let mut found: Vec<(u16, Language)> =
        accepted.split(',').filter_map(weighed).filter(|(weight, _)| *weight > 0).collect();
    found.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    found.first().map(|(_, language)| *language)
}

/// `ja-JP;q=0.8` as Japanese with the weight 800.
fn weighed(range: &str) -> Option<(u16, Language)> {
    let (tag, quality) = range.split_once(';').unwrap_or((range, "q=1"));
    let quality = quality.trim().strip_prefix("q=").unwrap_or("0");
    let (whole, part) = quality.split_once('.').unwrap_or((quality, ""));
    let thousandths: u16 = format!("{part:0<3}").parse().unwrap_or_default();
    let weight = if whole == "1" { 1000 } else { thousandths.min(999) };
    Some((weight, Language::tagged(tag.trim())?))
}

/// The whole document.
pub(crate) fn page(status: &Status, language: Language) -> String {
    let english = format!("Renkei: {}", status.agency.to_uppercase());
    let title = language.say(english, format!("Renkei 運用状況：{}", agency(&status.agency, language)));
    let document = html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="refresh" content=(REFRESH);
                title { (title) }
                link rel="stylesheet" href=(STYLE);
            }
            body {
                (head(status, &title, language))
                main { (body(status, language)) }
                footer { (foot(language)) }
            }
        }
    };
    document.into_string()
}

fn head(status: &Status, title: &str, language: Language) -> Markup {
    let other = language.say("日本語", "English");
    let tag = language.say("ja", "en");
    html! {
        header {
            h1 { (title) }
            p.as-of {
                (language.say("As of ", "")) (when(&status.as_of, language)) (language.say(" UTC", "（日本時間）現在"))
            }
            nav aria-label=(language.say("Language", "言語")) { a href=(format!("/?lang={tag}")) hreflang=(tag) lang=(tag) { (other) } }
        }
    }
}

fn body(status: &Status, language: Language) -> Markup {
    html! {
        (attention(status, language))
        (tiles(status, language))
        (link(status, language))
        (backlog(status, language))
        @if let Some(held) = &status.held {
            div.beside { (duties(held, language)) (agreement(held, language)) }
        }
        (trust(status, language))
        (matters(status, language))
    }
}

/// The four figures that an operator looks at first. A figure that is not known is a dash.
fn tiles(status: &Status, language: Language) -> Markup {
    let of_held = |figure: fn(&HeldStands) -> usize| {
        status.held.as_ref().map_or_else(|| "–".to_owned(), |held| figure(held).to_string())
    };
    let backlog = status.held.as_ref().map_or_else(|| "–".to_owned(), |held| held.backlog.to_string());
    let state = language.say(&status.link.state, status.link.state().ja());
    let days = status.trust.first().map_or_else(|| "–".to_owned(), |it| it.days_left.to_string());
    html! {
        dl.tiles {
            (tile(&language.say("Link", "機関間接続"), &state, is_connected(status)))
            (tile(&language.say("Entries without a receipt", "未受領の記録"), &backlog, !is_late(status)))
            (tile(&language.say("Open duties", "未了の対応事項"), &of_held(open), true))
            (tile(&language.say("Overdue duties", "期限を超過した対応事項"), &of_held(overdue), of_held(overdue) == "0"))
            (tile(&language.say("Days to the next expiry", "証明書等の次の有効期限までの日数"), &days, !days.starts_with('-')))
        }
    }
}

fn tile(name: &str, value: &str, is_well: bool) -> Markup {
    html! {
        div class=(if is_well { "well" } else { "ill" }) {
            dt { @if !is_well { span aria-hidden="true" { "▲ " } } (name) }
            dd { (value) }
        }
    }
}

fn is_connected(status: &Status) -> bool {
    status.link.state == CONNECTED
}

/// True if an entry waits longer than a session that begins again takes.
fn is_late(status: &Status) -> bool {
    let waiting = status.held.as_ref().and_then(|held| held.oldest_waiting.as_ref());
    waiting.is_some_and(|it| it.for_seconds > LATE)
}

fn open(held: &HeldStands) -> usize {
    held.duties.iter().map(|it| it.open).sum()
}

fn overdue(held: &HeldStands) -> usize {
    held.duties.iter().map(|it| it.overdue).sum()
}

fn foot(language: Language) -> Markup {
    html! {
        p {
            (language.say(
                "This page shows no texts and no officials. It is made anew every 15 seconds. The same data as JSON: ",
                "この画面には、記録の内容及び操作した役職員等は表示されません。15 秒ごとに更新されます。同じ情報（JSON 形式）：",
            ))
            a href="/status" { "/status" }
        }
    }
}

#[cfg(test)]
#[path = "page/tests.rs"]
mod tests;
