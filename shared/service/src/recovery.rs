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
    config::Config,
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
    let act = async |store: &Store| match recovery {
        Recovery::Show => show(store).await,
        Recovery::End(reason) => end(store, source, reason).await,
        Recovery::Confirm { barred, reason } => confirm(store, source, &barred, reason).await,
    };
    with_clock(own, config, source, act).await
}

async fn show(store: &Store) -> Result<(), String> {
    let heads = store.heads().borrow().clone();
    if heads.own.recover_to > 0 {
        say(&format!("fetching the own journal back: {} of {}", heads.own.seq, heads.own.recover_to))?;
    }
    if heads.lacks_seen() {
        say(&format!("fetching the peer's journal: {} of {}", heads.peer.seq, heads.own.seen_peer_seq))?;
    }
    if heads.is_bar_list_open() {
        say("after a loss: officials act again once `recover --barred` has confirmed who is barred")?;
    }
    let aside = store.aside().await.map_err(said)?;
    for again in &aside {
        let why = if again.reason.is_empty() { "waits for the recovery" } else { again.reason.as_str() };
        say(&format!("{} {} {} {why}", again.entry_id, again.seq, again.matter))?;
    }
    say(&format!("set aside: {}", aside.len()))
}

async fn end(store: &Store, source: &Source, reason: String) -> Result<(), String> {
    is_within(&RecoveryEndedContent { reason: reason.clone() }, "end")?;
    let reopen = store.reopening(Cause::GivenUp(reason)).await.map_err(said)?;
    store.write("recover", CallOrigin::own("recover"), source.moment(), reopen).await.map_err(said)?;
    let heads = store.heads().borrow().clone();
    say(&format!("the recovery is ended: the own journal continues in incarnation {}", heads.own.incarnation))
}

async fn confirm(store: &Store, source: &Source, barred: &str, reason: String) -> Result<(), String> {
    is_within(&OfficialsConfirmedContent { reason: reason.clone() }, "reason")?;
    let ids = barred.split(',').map(str::trim).filter(|id| !id.is_empty() && barred != "none");
    let barred: BTreeSet<String> = ids.map(str::to_owned).collect();
    let named = barred.len();
    let confirm = ConfirmOfficials { own: store.own(), barred, reason };
    store.write("recover", CallOrigin::own("recover"), source.moment(), confirm).await.map_err(said)?;
    say(&format!("confirmed: {named} officials are barred; officials act again"))
}
