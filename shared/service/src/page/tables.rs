//! The link, the duties, the trust material and the agreement.

use maud::{Markup, html};

use super::cell::{section, when, when_any};
use crate::{
    language::Language,
    status::{
        CERTIFICATE, CONNECTED, HeldStands, Status,
        table::{duty_ja, provisional},
    },
};

/// The connection to the peer and both journals.
pub(super) fn link(status: &Status, language: Language) -> Markup {
    let it = &status.link;
    let since = match it.state == CONNECTED {
        true => language.say("Connected since", "接続を開始した時刻"),
        false => language.say("Not connected since", "未接続となった時刻"),
    };
    let skew = it.clock_skew_seconds.map(|apart| language.say(format!("{apart:.3} s"), format!("{apart:.3} 秒")));
    let content = html! {
        dl.facts {
            dt { (since) } dd { (when_any(it.since.as_deref(), language)) }
            dt { (language.say("Last failure", "直近の失敗")) }
            dd {
                @if let Some(failure) = &it.last_failure {
                    (when(&failure.at, language)) (language.say(": ", "：")) (failure.cause)
                } @else {
                    (language.say("none since the start", "起動後はありません"))
                }
            }
            dt { (language.say("Versions of the memorandum at the peer", "相手方の覚書の版")) }
            dd { (versions(status, language)) }
            dt { (language.say("Clocks apart", "時計の差")) } dd { (skew.as_deref().unwrap_or("–")) }
            @if let Some(held) = &status.held { (journals(held, language)) }
        }
    };
    section("link", &language.say("Link", "機関間接続"), &content)
}

fn versions(status: &Status, language: Language) -> Markup {
    html! {
        @if status.link.peer_versions.is_empty() { "–" }
        @for it in &status.link.peer_versions {
            span.version title=(it.digest) {
                @match &it.first_day {
                    Some(day) => (language.say(format!("from {day}"), format!("{day} から"))),
                    None => (language.say("the first", "最初の版")),
                }
                " (" code { (it.digest.chars().take(8).collect::<String>()) "…" } ")"
            }
        }
    }
}

fn journals(held: &HeldStands, language: Language) -> Markup {
    html! {
        dt { (language.say("Own journal", "自機関の発信記録簿")) }
        dd {
            (language.say(
                format!("{} entries, receipts for {}, the last at ", held.own_seq, held.receipted_seq),
                format!("{} 件、受領証は {} 番まで、最終の受領証 ", held.own_seq, held.receipted_seq),
            ))
            (when_any(held.last_receipt_at.as_deref(), language))
        }
        dt { (language.say("Peer's journal", "相手方の発信記録簿")) }
        dd {
            (language.say(
                format!("{} entries, {} more known to be there", held.peer_seq, held.expected),
                format!("{} 件、未着 {} 件", held.peer_seq, held.expected),
            ))
        }
    }
}

/// The open duties by kind: numbers only.
pub(super) fn duties(held: &HeldStands, language: Language) -> Markup {
    let content = html! {
        @if held.duties.is_empty() {
            p.calm { (language.say("No duty is open.", "未了の対応事項はありません。")) }
        } @else {
            table {
                caption { (language.say("Numbers by kind", "種類別の件数")) }
                thead { tr {
                    th scope="col" { (language.say("Duty", "対応事項")) }
                    th.number scope="col" { (language.say("Open", "未了")) }
                    th.number scope="col" { (language.say("Overdue", "期限超過")) }
                    th.number scope="col" { (language.say("Due today", "本日期限")) }
                    th scope="col" { (language.say("Next day", "次の期日")) }
                } }
                tbody { @for it in &held.duties {
                    tr {
                        th scope="row" { (language.say(it.kind.as_str(), duty_ja(&it.kind))) }
                        td.number { (it.open) }
                        td.number.ill[it.overdue > 0] { (it.overdue) }
                        td.number { (it.due_today) }
                        td { (it.next_due.as_deref().unwrap_or("–")) (provisional(it.next_due_by_rule, language)) }
                    }
                } }
            }
        }
    };
    section("duties", &language.say("Duties", "対応事項"), &content)
}

/// Certificates and revocation lists with their ends.
pub(super) fn trust(status: &Status, language: Language) -> Markup {
    let what = |what: &str| match what == CERTIFICATE {
        true => language.say("certificate", "証明書"),
        false => language.say("revocation list", "失効リスト"),
    };
    let content = html! {
        table {
            caption { (language.say("The first to expire comes first", "有効期限の近い順")) }
            thead { tr {
                th scope="col" { (language.say("Port", "ポート")) }
                th scope="col" { (language.say("Material", "種類")) }
                th scope="col" { (language.say("Number", "番号")) }
                th scope="col" { (language.say("Ends", "有効期限")) }
                th.number scope="col" { (language.say("Days left", "残り日数")) }
            } }
            tbody { @for it in &status.trust {
                tr {
                    th scope="row" { (it.port) }
                    td { (what(&it.what)) }
                    td.long { code { (it.version) } }
                    td { (when(&it.ends_at, language)) }
                    td.number.ill[it.seconds_left < 0] { (it.days_left) }
                }
            } }
        }
    };
    section("trust", &language.say("Certificates and revocation lists", "証明書及び失効リスト"), &content)
}

/// The term of the memorandum.
pub(super) fn agreement(held: &HeldStands, language: Language) -> Markup {
    let it = &held.agreement;
    let content = html! {
        dl.facts {
            dt { (language.say("Term", "有効期間")) } dd { (it.current.row(&it.standing, language)) }
            dt { (language.say("Last open day for a notice", "申し出の最終開庁日")) }
            dd { (it.notice_by.as_deref().unwrap_or("–")) (provisional(it.notice_by_rule, language)) }
        }
    };
    section("agreement", &language.say("Memorandum", "覚書"), &content)
}
