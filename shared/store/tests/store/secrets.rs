//! Contents at rest: encrypted, erasable, under keys that can be changed.

use prost::Message as _;
use renkei_book::Declined;
use renkei_domain::page::Journal;
use renkei_journal::{check_content, verify_signature};
use renkei_proto::{journal::v1::SaltedContent, referral::v1::SchemeContent, r#type::v1::Agency};
use renkei_store::{Error, KeyRing, Options, Store};
use sqlx::Row as _;

use super::{
    acts::{issue, publish, publish_with, revise},
    database::Database,
    link::Pair,
    side::{ERASE, Side, content, keys_of, on_each, options, peer_held, ring},
};

const CANARY: &str = "canary-7f3a91";

#[test]
fn content_is_readable_in_no_file_of_the_database() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ppc.act(publish_with(Agency::Ppc, "leak", &format!("{CANARY}-words"))).await.unwrap();
        pair.ppc.act(issue(Agency::Ppc, 1, "leak", &format!("{CANARY}-report"))).await.unwrap();
        pair.settle().await;

        let said = content(&pair.ipa.store, Journal::Of(Agency::Ppc), 1).await.unwrap().unwrap();
        let title = SchemeContent::decode(said.as_slice()).unwrap().title.unwrap();
        assert_eq!(title.ja, format!("{CANARY}-words"), "the content is there");
        assert!(content(&pair.ppc.store, Journal::Private, 1).await.unwrap().is_some());
        for side in [&pair.ppc, &pair.ipa] {
            let plain = b"agencies/ppc/schemes/leak";
            assert!(side.database.files_contain(plain), "the search finds what is not secret");
            assert!(!side.database.files_contain(CANARY.as_bytes()));
        }
    });
}

#[test]
fn an_entry_that_is_set_aside_is_encrypted_too() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        side.act(publish_with(Agency::Ppc, "leak", CANARY)).await.unwrap();
        side.store.rewind(peer_held(1), &side.source.moment()).await.unwrap();

        let aside = side.store.aside().await.unwrap();
        let words = SchemeContent::decode(aside[0].content.clone().unwrap().as_slice()).unwrap();
        assert_eq!(words.title.unwrap().ja, CANARY);
        assert!(!side.database.files_contain(CANARY.as_bytes()));
    });
}

#[test]
fn erased_content_changes_neither_chain_nor_page() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ppc.act(publish_with(Agency::Ppc, "leak", CANARY)).await.unwrap();
        pair.ppc.act(revise(Agency::Ppc, "leak")).await.unwrap();
        pair.settle().await;
        for side in [&pair.ppc, &pair.ipa] {
            side.tamper(&format!("{ERASE} WHERE journal = 'ppc' AND seq = 1")).await;

            let entries = side.entries(Journal::Of(Agency::Ppc)).await;
            let present: Vec<bool> = entries.iter().map(|held| held.content_present).collect();
            assert_eq!(present, [false, true]);
            assert_eq!(entries[0].entry.content, None);
            let opened = verify_signature(&entries[0].entry, &keys_of(Agency::Ppc)).unwrap();
            assert_eq!(check_content(&entries[0].entry, &opened), Ok(()));
            assert_eq!(content(&side.store, Journal::Of(Agency::Ppc), 1).await.unwrap(), None);
            assert_eq!(side.audit().await, []);
        }
        pair.assert_equal().await;
        let restarted = pair.ppc.restart().await;
        restarted.act(revise(Agency::Ppc, "leak")).await.unwrap();
        assert_eq!(restarted.audit().await, []);
    });
}

/// Content that was erased before it was delivered arrives without it.
#[test]
fn an_entry_arrives_without_its_erased_content() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
        pair.ppc.tamper(ERASE).await;
        pair.settle().await;
        assert_eq!(pair.ipa.heads().own.seq, 0, "nothing is refused");
        assert!(!pair.ipa.peer_entries().await[0].content_present);
        pair.assert_equal().await;
    });
}

async fn with_ring(database: &Database, ring: KeyRing) -> Store {
    Store::open(Options { ring, ..options(Agency::Ppc, database) }).await.unwrap()
}

#[test]
fn a_new_ring_key_encrypts_and_the_old_one_still_opens() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        side.act(publish(Agency::Ppc, "before")).await.unwrap();
        let database = side.end().await;
        let own = Journal::Of(Agency::Ppc);

        let both = Side::on(with_ring(&database, ring(&["first", "second"])).await, database, 7);
        assert!(content(&both.store, own, 1).await.unwrap().is_some());
        both.act(publish(Agency::Ppc, "after")).await.unwrap();
        both.act(revise(Agency::Ppc, "before")).await.unwrap();
        let wrapped = both.rows("SELECT ring_key_id FROM entry ORDER BY turn").await;
        let wrapped: Vec<String> = wrapped.iter().map(|row| row.get(0)).collect();
        assert_eq!(wrapped, ["first", "second", "second"], "a content keeps its key; new ones use the newest");
        assert_eq!(both.audit().await, []);
        let database = both.end().await;

        let newest = with_ring(&database, ring(&["second"])).await;
        assert!(content(&newest, own, 2).await.unwrap().is_some());
        assert!(content(&newest, own, 3).await.unwrap().is_some());
        let error = content(&newest, own, 1).await.unwrap_err();
        assert!(matches!(error, Error::Content(_)), "{error}");
        newest.close().await;
    });
}

#[test]
fn another_key_under_the_same_name_opens_and_writes_nothing() {
    assert!(matches!(KeyRing::new(Vec::new()), Err(Error::Content(_))));
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        side.act(publish(Agency::Ppc, "leak")).await.unwrap();
        let database = side.end().await;

        let other = KeyRing::new(vec![("first".to_owned(), [1; 32].into())]).unwrap();
        let side = Side::on(with_ring(&database, other).await, database, 7);

        // Neither the page nor its seal is believed.
        assert!(matches!(
            content(&side.store, Journal::Of(Agency::Ppc), 1).await,
            Err(Error::Declined(Declined::Altered { .. }))
        ));
        assert!(matches!(side.act(revise(Agency::Ppc, "leak")).await, Err(Error::Declined(Declined::Altered { .. }))));
        assert_eq!(side.heads().own.seq, 1);
    });
}

#[test]
fn contents_that_change_places_do_not_open() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        side.act(publish_with(Agency::Ppc, "leak", "one")).await.unwrap();
        side.act(revise(Agency::Ppc, "leak")).await.unwrap();
        let salted: Option<SaltedContent> = side.own_entries().await[0].entry.content.clone();
        assert_eq!(salted.unwrap().salt.len(), 32);
        let columns = "nonce, ciphertext, wrapped_key, ring_key_id";
        for swap in [
            format!("CREATE TABLE swapped AS SELECT 3 - seq AS seq, {columns} FROM entry"),
            format!("UPDATE entry SET ({columns}) = (SELECT {columns} FROM swapped WHERE swapped.seq = entry.seq)"),
        ] {
            side.tamper(&swap).await;
        }
        for seq in [1, 2] {
            assert!(matches!(content(&side.store, Journal::Of(Agency::Ppc), seq).await, Err(Error::Content(_))));
        }
    });
}
