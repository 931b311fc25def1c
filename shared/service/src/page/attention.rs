//! What an operator has to look at, in sentences.

use maud::{Markup, html};

use super::cell::section;
use crate::{
    language::Language,
    status::{
        CONNECTED, HeldStands, Status,
        table::{agency, stop},
    },
};

/// Everything that is not as it should be; one sentence if nothing is.
pub(super) fn attention(status: &Status, language: Language) -> Markup {
    let all = all(status, language);
    let list = html! {
        @if all.is_empty() {
            p.calm { (language.say("Nothing needs attention.", "対応を要する事項はありません。")) }
        } @else {
            ul.alarms { @for it in &all { li { (it) } } }
        }
    };
    section("attention", &language.say("Attention", "対応を要する事項"), &list)
}

fn all(status: &Status, language: Language) -> Vec<String> {
    let mut all = Vec::new();
    let mut told = |fault: &str, english: &str, japanese: &str| {
        if !fault.is_empty() {
            all.push(language.said(english, japanese, fault));
        }
    };
    told(&status.database, "The database is away", "データベースに異常があります");
    told(
        &status.recording,
        "Reads of secret material cannot be recorded and are refused",
        "秘密に属する情報の閲覧を記録できないため、その閲覧を拒否しています",
    );
    told(&status.clock, "The clock is doubted", "時計に疑義があります");
    if status.link.state != CONNECTED {
        told(&status.link.cause, "The link to the other agency is down", "機関間接続が切れています");
    }
    for it in &status.trust_faults {
        told(
            &format!("{}: {}", it.port, it.why),
            "Certificates or lists are not in use",
            "使用できない証明書等があります",
        );
    }
    for it in status.trust.iter().filter(|it| it.seconds_left < 0) {
        told(
            &language
                .say(format!("{}, {}", it.port, it.ends_at), format!("{}、{}", it.port, language.retold(&it.ends_at))),
            "A certificate or list has expired",
            "有効期限を過ぎた証明書等があります",
        );
    }
    for it in &status.link.lacking {
        let lacks = agency(&it.agency, language);
        let lacks =
            language.say(format!("{lacks}, from {}", it.first_day), format!("{lacks}、{}から適用", it.first_day));
        told(&lacks, "A version of the memorandum is missing", "覚書の版を保持していない機関があります");
    }
    all.extend(status.held.iter().flat_map(|held| of_held(held, language)));
    all
}

fn of_held(held: &HeldStands, language: Language) -> Vec<String> {
    let at = |it: &Option<String>| it.as_deref().map(|at| stop(Some(at), language));
    let overdue: usize = held.duties.iter().map(|it| it.overdue).sum();
    let counted = |count: usize, english: &str, japanese: &str| {
        (count > 0).then(|| language.say(format!("{english}: {count}"), format!("{japanese}：{count} 件")))
    };
    let is = |fault: bool, english: &str, japanese: &str| fault.then(|| language.say(english, japanese));
    [
        at(&held.stopped_at).map(|at| {
            language.said(
                "The journal of the other agency is stopped here",
                "相手方の発信記録簿の受入れを停止しています",
                at,
            )
        }),
        at(&held.stopped_by_peer_at).map(|at| {
            language.said(
                "The other agency has stopped our journal",
                "当方の発信記録簿の受入れが、相手方で停止しています",
                at,
            )
        }),
        is(held.recovering, "The journal is being recovered.", "発信記録簿を復旧しています。"),
        is(
            held.bar_list_open,
            "Nobody has confirmed who is barred: no official can act.",
            "利用停止中の役職員等が確認されていないため、役職員等の操作を拒否しています。",
        ),
        counted(
            held.set_aside,
            "Entries that wait for an official after a recovery",
            "復旧後に役職員等の判断を待つ記録",
        ),
        counted(overdue, "Overdue duties", "期限を超過した対応事項"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
