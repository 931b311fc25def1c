//! The rows beside the entries: heads, receipts, the anchor of the private journal, audit chains, and caches.

use std::collections::BTreeSet;

use renkei_book::{Heads, JournalHead};
use renkei_domain::{
    moment::micros,
    noun::journal as journal_rules,
    page::{Journal, MarkView as _, Seen},
};
use renkei_journal::{PublicKeys, verify_receipt};
use renkei_proto::{
    journal::v1::{Receipt, fact},
    options::v1::Reason,
};
use renkei_store::{ChainHead, PrivateStanding, ReceiptRow, Signer, Store};

/// A stop of the peer's journal as the private journal records it; 0 and unspecified for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct StopOnRecord {
    seq: u64,
    reason: Reason,
}

/// The place of a receipt among those of its signer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ReceiptPlace {
    /// The number up to which the receipt goes.
    up_to_seq: u64,
    /// The number of the signer's own journal at that time.
    own_seq: u64,
    /// The time of the signature, in microseconds since 1970.
    at_us: i64,
}

impl ReceiptPlace {
    /// The newest receipt as a head names it.
    fn in_head(head: &JournalHead) -> Self {
        Self { up_to_seq: head.receipted, own_seq: head.receipted_own, at_us: head.receipted_us }
    }
}

/// Checks that the heads agree with each other, with the turns of entries and events, and with the records of stops.
pub(super) async fn heads(store: &Store, heads: &Heads, turn: u64) -> Result<(), String> {
    let (own, peer) = (store.own(), store.own().peer());
    let seen = heads.own.seen_peer_seq.max(heads.private.seen_peer_seq);
    if seen > heads.peer.seq {
        let id = peer.id();
        return Err(format!("journal {id}: own entries have seen entry {seen}, and the last is {}", heads.peer.seq));
    }
    // Entries that are fetched back in a recovery are folded again, so that turns are left out.
    if let Some(fault) = store.order_fault(heads.turn, heads.own.incarnation == 1).await.map_err(said)? {
        return Err(fault);
    }
    if turn > heads.turn {
        return Err(format!("journal {}: the head has turn {}, the last entry {turn}", own.id(), heads.turn));
    }
    let page = store.page(&journal_rules::name(peer)).await.map_err(said)?.unwrap_or_default();
    let stopped = page.marks(Journal::Private).iter().rev().find_map(|mark| match mark.stated() {
        Some(fact::Fact::JournalStopped(it)) => Some(StopOnRecord { seq: it.seq, reason: it.reason() }),
        Some(fact::Fact::StopLifted(_)) => Some(StopOnRecord::default()),
        _ => None,
    });
    let stopped = stopped.unwrap_or_default();
    // That stop lifts itself when a newer version starts.
    let lifted = heads.peer.stop_seq == 0 && stopped.reason == Reason::NotUnderstood;
    let stop = StopOnRecord { seq: heads.peer.stop_seq, reason: heads.peer.stop_reason };
    if stop != stopped && !lifted {
        return Err(format!("journal {}: the head's stop is not the one on record", peer.id()));
    }
    Ok(())
}

/// The peer's receipts for the own journal, and the own ones for the peer's: each is signed, and names an entry that is
/// stored. The head has the newest of the peer.
pub(super) async fn receipts(store: &Store, heads: &Heads, own: &PublicKeys, peer: &PublicKeys) -> Result<(), String> {
    let newest = signed(store, Signer::Peer, peer).await?;
    let known = ReceiptPlace::in_head(&heads.own);
    let is_newest = match heads.peer.incarnation {
        1 => newest == known,
        // The peer has lost entries for which it had signed, and has stated this.
        _ => newest.up_to_seq >= known.up_to_seq,
    };
    if !is_newest {
        let now = store.read_heads().await.map_err(said)?.own;
        if newest != ReceiptPlace::in_head(&now) {
            let id = store.own().id();
            return Err(format!(
                "journal {id}: the head has a receipt for {}, the newest is for {}",
                known.up_to_seq, newest.up_to_seq
            ));
        }
    }
    signed(store, Signer::Own, own).await.map(|_| ())
}

/// Proves every receipt of one direction. Gives up to which number the newest is, at which number of its signer, and when
/// it was signed.
async fn signed(store: &Store, signer: Signer, keys: &PublicKeys) -> Result<ReceiptPlace, String> {
    let (journal, whose) = match signer {
        Signer::Own => (store.own().peer(), "own receipt"),
        Signer::Peer => (store.own(), "receipt"),
    };
    let mut newest = ReceiptPlace::default();
    loop {
        let rows = store.receipts(signer, newest.up_to_seq, newest.own_seq).await.map_err(said)?;
        if rows.is_empty() {
            return Ok(newest);
        }
        for row in rows {
            let wrong = |why: &str| format!("journal {}: the {whose} for {}: {why}", journal.id(), row.up_to_seq);
            let receipt = verify_receipt(&row.signed, keys, 0).map_err(|broken| wrong(&broken.to_string()))?;
            if receipt.journal() != journal || !repeats(&row, &receipt) {
                return Err(wrong("the row does not repeat what was signed"));
            }
            let held = store.entry(Journal::Of(journal), receipt.up_to_seq).await.map_err(said)?;
            let same = held.is_some_and(|held| held.hash.as_slice() == receipt.head_hash);
            let comes_back = signer == Signer::Peer && store.heads().borrow().recovering();
            if !same && receipt.up_to_seq > 0 && !comes_back {
                return Err(wrong("it names another entry than the one that is stored"));
            }
            newest = ReceiptPlace { up_to_seq: row.up_to_seq, own_seq: row.own_seq, at_us: row.at_us };
        }
    }
}

fn repeats(row: &ReceiptRow, receipt: &Receipt) -> bool {
    (row.up_to_seq, row.own_seq, row.at_us) == (receipt.up_to_seq, receipt.own_seq, micros(receipt.at.as_ref()))
}

/// Everything that follows from the journals is compared with them, and stored replies with their seals.
pub(super) async fn caches(store: &Store) -> Result<(), String> {
    let altered = store.altered_replies().await.map_err(said)?;
    if altered > 0 {
        return Err(format!("replies: {altered} are not those that were given"));
    }
    let rebuilt = store.compare().await.map_err(said)?;
    match rebuilt.differing.first() {
        Some(first) => Err(format!(
            "pages: {first} differs from what the journals make: stop the service and run `rebuild --write`"
        )),
        None => Ok(()),
    }
}

/// The private journal has the entry that the own journal anchors.
pub(super) async fn anchored(store: &Store) -> Result<(), String> {
    match store.private_standing().await.map_err(|error| error.to_string())? {
        PrivateStanding::NotAnchored | PrivateStanding::Whole => Ok(()),
        PrivateStanding::Behind { anchored, last } => Err(format!(
            "journal private: entry {anchored}, which the own journal anchors, is missing or another one; the last is {last}"
        )),
    }
}

/// Every audit chain, and the checkpoints that anchor it are not further than it is.
pub(super) async fn audit(store: &Store) -> Result<Vec<ChainHead>, String> {
    let own = journal_rules::name(store.own());
    let page = store.page(&own).await.map_err(|error| error.to_string())?.unwrap_or_default();
    let anchored = journal_rules::checkpoint(Seen::whole(&page), store.own());
    let anchors = anchored.map(|it| it.chains.as_slice()).unwrap_or_default();
    // After the anchors: a chain that begins meanwhile is not missed.
    let heads = store.audit_heads().await.map_err(|error| error.to_string())?;
    let known: BTreeSet<&str> = heads.iter().map(|head| head.chain.as_str()).collect();
    if let Some(lost) = anchors.iter().find(|anchor| !known.contains(anchor.chain.as_str())) {
        return Err(format!("audit {}: the whole chain is missing", lost.chain));
    }
    for head in &heads {
        let anchor = anchors.iter().find(|anchor| anchor.chain == head.chain);
        chain(store, &head.chain, anchor.map(|anchor| (anchor.seq, anchor.hash.as_slice()))).await?;
    }
    Ok(heads)
}

async fn chain(store: &Store, name: &str, anchor: Option<(u64, &[u8])>) -> Result<(), String> {
    let (mut seq, mut hash) = (0, [0; 32]);
    loop {
        let records = store.audit_records(name, seq, 500).await.map_err(|error| error.to_string())?;
        if records.is_empty() {
            break;
        }
        for record in records {
            let right = record.seq == seq + 1 && record.prev_hash == hash && record.hash == record.computed;
            let anchored = anchor.is_none_or(|(at, anchored)| at != record.seq || anchored == record.hash);
            if !right || !anchored {
                return Err(format!("audit {name}: record {} was changed, or one before it is missing", seq + 1));
            }
            (seq, hash) = (record.seq, record.hash);
        }
    }
    match anchor {
        Some((at, _)) if at > seq => Err(format!("audit {name}: records from {} on are missing", seq + 1)),
        _ => Ok(()),
    }
}

/// An error as the text of a fault.
pub(super) fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
