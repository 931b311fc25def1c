//! The matters in which the agencies have written last, with the way of each entry: written, sent, received, receipted.

use maud::{Markup, html};
use renkei_proto::options::v1::Reason;

use super::cell::{section, when, when_any};
use crate::{
    language::Language,
    status::{EntryStands, MatterStands, Status},
};

/// The last matters.
pub(super) fn matters(status: &Status, language: Language) -> Markup {
    let content = match &status.matters {
        None => {
            html! { p { (language.say("The database did not answer.", "データベースの応答がありませんでした。")) } }
        }
        Some(all) if all.is_empty() => {
            html! { p { (language.say("There is no matter yet.", "案件はまだありません。")) } }
        }
        Some(all) => html! {
            table.matters {
                caption {
                    (language.say("The newest entries of the last twenty matters, times in UTC", "直近に記録のあった 20 件の案件の最新の記録（時刻は日本時間）"))
                }
                thead { tr {
                    th scope="col" { (language.say("Entry", "記録")) }
                    th scope="col" { (language.say("Kind of fact", "事実の種類")) }
                    th scope="col" { (language.say("Written", "作成")) }
                    th scope="col" { (language.say("Sent", "送信")) }
                    th scope="col" { (language.say("Received", "受領")) }
                    th scope="col" { (language.say("Receipt", "受領証")) }
                } }
                @for it in all { (matter(it, &status.agency, language)) }
            }
        },
    };
    section("matters", &language.say("Last matters", "直近の案件"), &content)
}

fn matter(it: &MatterStands, own: &str, language: Language) -> Markup {
    let state = language.say(it.state.to_lowercase().replace('_', " "), it.state_ja.as_str());
    html! {
        tbody {
            tr.matter { th colspan="6" scope="rowgroup" {
                @if !it.case_number.is_empty() { strong { (it.case_number) } " " }
                code { (it.name) }
                @if !state.is_empty() { " " span.state { (state) } }
            } }
            @for entry in &it.entries { (way(entry, own, language)) }
        }
    }
}

/// The way of one entry. An own entry is known to have arrived by the receipt; an entry of the peer has been sent, since it is
/// here.
fn way(it: &EntryStands, own: &str, language: Language) -> Markup {
    let is_own = it.author == own;
    let is_here = !is_own || it.is_receipted;
    let received = if is_own { it.receipt_at.as_deref() } else { Some(it.stored_at.as_str()) };
    html! {
        tr {
            th scope="row" { (it.author.to_uppercase()) " " (it.entry.rsplit('/').next().unwrap_or_default()) }
            td { (language.fact(&it.fact_type)) }
            td { (when(&it.written_at, language)) }
            td { (step(is_here, language)) }
            td { (when_any(received, language)) }
            td {
                @if it.refused.is_empty() {
                    (step(it.is_receipted, language))
                } @else {
                    span.ill { (refused(&it.refused, language)) }
                }
            }
        }
    }
}

/// The refusal of an entry, with the Japanese name of its reason; an unknown reason is its id alone.
fn refused(reason: &str, language: Language) -> String {
    let known = Reason::from_str_name(&format!("REASON_{reason}"));
    let japanese = known.map_or_else(|| reason.to_owned(), |it| format!("{}（{reason}）", it.ja()));
    language.say(format!("refused: {reason}"), format!("不受理：{japanese}"))
}

/// Whether an entry has come as far as this.
fn step(is_done: bool, language: Language) -> Markup {
    html! {
        @if is_done {
            span.done { "● " (language.say("yes", "済")) }
        } @else {
            span.waits { "○ " (language.say("waits", "待ち")) }
        }
    }
}
