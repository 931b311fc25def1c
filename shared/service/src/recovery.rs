//! The command `recover`: the state of a recovery, and the operator's acts on it.

use std::collections::BTreeSet;

use renkei_book::{CallOrigin, Cause, ConfirmOfficials};
use renkei_domain::moment::Source;
use renkei_proto::{
    journal::v1::{OfficialsConfirmedContent, RecoveryEndedContent},
    r#type::v1::Agency,
};
use renkei_store::Store;

use crate::{
    config::{Config, Language},
    store::with_clock,
    terminal::{is_within, said, say},
};

/// The act on a recovery.
pub(crate) enum Recovery {
    /// The recovery is only shown.
    Show,
    /// The recovery is ended without the missing entries, for this reason.
    End(String),
    /// An operator names the barred officials and the source of the list.
    Confirm { barred: String, reason: String },
}

pub(crate) async fn run(own: Agency, config: &Config, source: &Source, recovery: Recovery) -> Result<(), String> {
    let language = config.language;
    let act = async |store: &Store| match recovery {
        Recovery::Show => show(store, language).await,
        Recovery::End(reason) => end(store, source, reason, language).await,
        Recovery::Confirm { barred, reason } => confirm(store, source, &barred, reason, language).await,
    };
    with_clock(own, config, source, act).await
}

async fn show(store: &Store, language: Language) -> Result<(), String> {
    let heads = store.heads().borrow().clone();
    if heads.own.recover_to > 0 {
        let (at, to) = (heads.own.seq, heads.own.recover_to);
        say(&language.say(
            format!("fetching the own journal back: {at} of {to}"),
            format!("自機関の発信記録簿を取り戻しています：{at} / {to}"),
        ))?;
    }
    if heads.lacks_seen() {
        let (at, to) = (heads.peer.seq, heads.own.seen_peer_seq);
        say(&language.say(
            format!("fetching the peer's journal: {at} of {to}"),
            format!("相手方の発信記録簿を取得しています：{at} / {to}"),
        ))?;
    }
    if heads.is_bar_list_open() {
        say(&language.say(
            "after a loss: officials act again once `recover --barred` has confirmed who is barred",
            "消失からの復旧後です。`recover --barred` で利用停止中の者を確認すると、役職員等の操作が再び可能になります。",
        ))?;
    }
    let aside = store.aside().await.map_err(said)?;
    for again in &aside {
        let why = match again.reason.as_str() {
            "" => language.say("waits for the recovery", "復旧待ち"),
            why => why.to_owned(),
        };
        say(&format!("{} {} {} {why}", again.entry_id, again.seq, again.matter))?;
    }
    let count = aside.len();
    say(&language.say(format!("set aside: {count}"), format!("退避した記録：{count} 件")))
}

async fn end(store: &Store, source: &Source, reason: String, language: Language) -> Result<(), String> {
    is_within(&RecoveryEndedContent { reason: reason.clone() }, "end", language)?;
    let reopen = store.reopening(Cause::GivenUp(reason)).await.map_err(said)?;
    store.write("recover", CallOrigin::own("recover"), source.moment(), reopen).await.map_err(said)?;
    let heads = store.heads().borrow().clone();
    let incarnation = heads.own.incarnation;
    say(&language.say(
        format!("the recovery is ended: the own journal continues in incarnation {incarnation}"),
        format!("復旧を終了しました。自機関の発信記録簿は第 {incarnation} 世代として継続します。"),
    ))
}

async fn confirm(
    store: &Store,
    source: &Source,
    barred: &str,
    reason: String,
    language: Language,
) -> Result<(), String> {
    is_within(&OfficialsConfirmedContent { reason: reason.clone() }, "reason", language)?;
    let ids = barred.split(',').map(str::trim).filter(|id| !id.is_empty() && barred != "none");
    let barred: BTreeSet<String> = ids.map(str::to_owned).collect();
    let named = barred.len();
    let confirm = ConfirmOfficials { own: store.own(), barred, reason };
    store.write("recover", CallOrigin::own("recover"), source.moment(), confirm).await.map_err(said)?;
    say(&language.say(
        format!("confirmed: {named} officials are barred; officials act again"),
        format!("確認しました。利用停止中の者は {named} 名です。役職員等の操作が再び可能になります。"),
    ))
}
