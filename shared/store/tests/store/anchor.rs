//! The anchor of the private journal in the exchanged one.

use renkei_book::Begin;
use renkei_domain::{noun::journal as journal_rules, page::Journal};
use renkei_journal::Head;
use renkei_proto::{FactKind, journal::v1::PrivateAnchored, r#type::v1::Agency};
use renkei_store::PrivateStanding;

use super::{
    acts::{Act, publish, tries, wrong_code},
    link::Pair,
    side::{Side, names, on_each},
};

/// The last anchor in the own journal.
async fn anchor(side: &Side) -> Option<PrivateAnchored> {
    let page = side.store.page(&journal_rules::name(side.own)).await.unwrap().unwrap_or_default();
    journal_rules::anchor(renkei_domain::page::Seen::whole(&page), side.own).cloned()
}

fn of(head: Head) -> Option<PrivateAnchored> {
    Some(PrivateAnchored { seq: head.seq, hash: head.hash.to_vec() })
}

/// Removes the last private entries, as a restore of some tables would: head and pages fit the rest.
async fn cut_private(side: &Side, keep: u64) {
    side.tamper(&format!("DELETE FROM entry WHERE journal = 'private' AND seq > {keep}")).await;
    let last = format!("(SELECT hash FROM entry WHERE journal = 'private' AND seq = {keep})");
    side.tamper(&format!("UPDATE head SET seq = {keep}, hash = {last} WHERE journal = 'private'")).await;
    side.store.refresh().await.unwrap();
    side.store.rebuild(true).await.unwrap();
}

#[test]
fn a_private_entry_that_guards_somebody_is_anchored_with_its_own_commit() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let ppc = &pair.ppc;
        assert_eq!(ppc.store.private_standing().await.unwrap(), PrivateStanding::NotAnchored);
        ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
        assert_eq!(anchor(ppc).await, None);
        for tried in 1..=3 {
            ppc.act(wrong_code(Agency::Ppc)).await.unwrap_err();
            let heads = ppc.heads();
            assert_eq!((heads.private.seq, heads.own.seq), (tried, 1 + tried));
            assert_eq!(anchor(ppc).await, of(heads.private.head()));
            assert_eq!(ppc.store.private_standing().await.unwrap(), PrivateStanding::Whole);
        }
        // The peer keeps it.
        pair.settle().await;
        pair.assert_equal().await;
        ppc.audit().await;
    });
}

#[test]
fn a_private_journal_that_was_cut_is_behind_its_anchor_until_it_is_anchored_anew() {
    on_each(async |database| {
        let ppc = Side::new(Agency::Ppc, database).await;
        for _ in 0..4 {
            ppc.act(wrong_code(Agency::Ppc)).await.unwrap_err();
        }
        let anchored = anchor(&ppc).await;
        cut_private(&ppc, 2).await;
        assert_eq!(ppc.store.private_standing().await.unwrap(), PrivateStanding::Behind { anchored: 4, last: 2 });
        // Later entries hide nothing, even if one has the anchored number.
        for last in 3..=5 {
            ppc.act(wrong_code(Agency::Ppc)).await.unwrap_err();
            assert_eq!(ppc.store.private_standing().await.unwrap(), PrivateStanding::Behind { anchored: 4, last });
            assert_eq!(anchor(&ppc).await, anchored);
        }
        let ppc = ppc.restart().await;
        assert_eq!(ppc.store.private_standing().await.unwrap(), PrivateStanding::Behind { anchored: 4, last: 5 });
        let confirm = Act::new(tries(Agency::Ppc), |stage, _| {
            stage.anchor_private_anew();
            Ok(0)
        });
        ppc.act(confirm).await.unwrap();
        assert_eq!(anchor(&ppc).await, of(ppc.heads().private.head()));
        assert_eq!(ppc.store.private_standing().await.unwrap(), PrivateStanding::Whole);
    });
}

#[test]
fn nothing_is_anchored_before_the_peer_speaks_of_anchors() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let older: Vec<FactKind> =
            FactKind::ALL.iter().copied().filter(|kind| *kind != FactKind::PrivateAnchored).collect();
        pair.ipa.run(Begin { kinds: names(&older) }).await.unwrap();
        pair.settle().await;
        pair.ppc.act(wrong_code(Agency::Ppc)).await.unwrap_err();
        assert_eq!((anchor(&pair.ppc).await, pair.ppc.heads().private.seq), (None, 1));
        pair.ipa.run(Begin { kinds: names(FactKind::ALL) }).await.unwrap();
        pair.settle().await;
        pair.ppc.act(wrong_code(Agency::Ppc)).await.unwrap_err();
        assert_eq!(anchor(&pair.ppc).await, of(pair.ppc.heads().private.head()));
        assert_eq!(pair.ppc.entries(Journal::Private).await.len(), 2);
    });
}
