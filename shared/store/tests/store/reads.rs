//! Reads: lists, other names, entries in order and in bounds.

use std::collections::BTreeSet;

use jiff::Timestamp;
use renkei_domain::{
    noun::referral::{self, code_lookup},
    page::{Journal, Seen},
    standing::Filter,
    visibility::Reader,
};
use renkei_proto::r#type::v1::Agency;
use renkei_store::BYTES;

use super::{
    acts::{follow_up, issue, publish, publish_with, regret, scheme, withdraw},
    link::Pair,
    side::{Side, call, on_each},
};

#[test]
fn a_list_gives_the_newest_first_and_goes_on_below_a_place() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        for id in ["one", "two", "three"] {
            pair.ppc.act(publish(Agency::Ppc, id)).await.unwrap();
            pair.ipa.act(publish(Agency::Ipa, id)).await.unwrap();
            pair.settle().await;
        }
        pair.ppc.act(withdraw(Agency::Ppc, "one")).await.unwrap();
        let (both, own) = ([Agency::Ppc, Agency::Ipa], [Agency::Ppc]);
        let list = async |openers: &[Agency], below: u64, limit: usize| {
            let listed = pair
                .ppc
                .store
                .list(
                    renkei_domain::noun::scheme::COLLECTION,
                    openers,
                    &Filter::default(),
                    (&Reader::default(), Timestamp::UNIX_EPOCH),
                    below,
                    limit,
                )
                .await
                .unwrap();
            assert!(listed.windows(2).all(|two| two[0].place > two[1].place));
            listed
        };
        let names = |listed: &[renkei_store::Listed]| {
            listed.iter().map(|it| (it.matter.opener, it.matter.id.clone())).collect::<Vec<_>>()
        };
        let of = |agency: Agency, id: &str| (agency, id.to_owned());

        assert_eq!(names(&list(&own, u64::MAX, 10).await), ["three", "two", "one"].map(|id| of(Agency::Ppc, id)));
        let all = list(&both, u64::MAX, 10).await;
        assert_eq!(all.len(), 6);
        let first = list(&both, u64::MAX, 4).await;
        let rest = list(&both, first[3].place, 4).await;
        assert_eq!([names(&first), names(&rest)].concat(), names(&all), "a change moves nothing in the list");
        assert!(list(&both, rest[1].place, 4).await.is_empty());
    });
}

#[test]
fn the_pages_of_many_matters_are_read_at_once_without_altered_ones() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        let ids: Vec<String> = (0..70).map(|n| format!("scheme-{n:02}")).collect();
        for id in &ids {
            side.act(publish(Agency::Ppc, id)).await.unwrap();
        }
        let names: BTreeSet<String> = ids.iter().map(|id| scheme(Agency::Ppc, id).to_string()).collect();
        let (altered, missing) = (scheme(Agency::Ppc, "scheme-33").to_string(), "agencies/ppc/schemes/nowhere");
        side.tamper(&format!("UPDATE page SET changed_turn = changed_turn + 1 WHERE matter = '{altered}'")).await;

        let mut asked: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        asked.insert(missing);
        let found = side.store.pages(&asked).await.unwrap();
        let expected: Vec<&String> = names.iter().filter(|name| **name != altered).collect();
        assert_eq!(found.keys().collect::<Vec<_>>(), expected);
        for (name, page) in &found {
            assert_eq!(side.store.page(name).await.unwrap().as_ref(), Some(page), "{name}");
        }
        assert!(side.store.page(&altered).await.is_err());
        assert!(side.store.pages(&BTreeSet::new()).await.unwrap().is_empty());
    });
}

#[test]
fn a_code_finds_its_referral_on_both_sides() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
        pair.ipa.act(publish(Agency::Ipa, "virus")).await.unwrap();
        pair.settle().await;
        // The entry that a refused act would have named is not found, though its number is given again.
        assert!(pair.ppc.act(regret(&issue(Agency::Ppc, 0, "leak", "report"))).await.is_err());
        let issued = issue(Agency::Ppc, 1, "leak", "report");
        pair.ppc.act(issued.clone()).await.unwrap();
        pair.settle().await;
        for side in [&pair.ppc, &pair.ipa] {
            let found = side.store.lookup(&code_lookup(Agency::Ppc, "0001")).await.unwrap();
            assert_eq!(found.map(|matter| matter.to_string()), Some(issued.name()));
            assert_eq!(side.store.lookup(&code_lookup(Agency::Ppc, "0002")).await.unwrap(), None);
            assert_eq!(side.store.lookup(&code_lookup(Agency::Ipa, "0001")).await.unwrap(), None);
        }

        pair.ipa.act(follow_up(Agency::Ipa, 1, "virus")).await.unwrap();
        pair.settle().await;
        let page = pair.ppc.store.page(&issued.name()).await.unwrap().unwrap();
        assert_eq!(referral::state(Seen::whole(&page), Agency::Ppc).as_str_name(), "STATE_FOLLOWED_UP");
        assert_eq!(pair.ppc.store.answers(2).await.unwrap()[0].fact_type, "referral_followed_up");
        assert_eq!(pair.ppc.store.page("agencies/ppc/schemes/none").await.unwrap(), None);

        let entries = pair.ppc.store.entries_of(&issued.name(), 0, 10).await.unwrap();
        let journals: Vec<_> = entries.iter().map(|held| held.journal).collect();
        assert_eq!(journals, [Journal::Of(Agency::Ppc), Journal::Of(Agency::Ipa)], "what is private is not among them");
        let after = pair.ppc.store.entries_of(&issued.name(), entries[0].turn, 10).await.unwrap();
        assert_eq!(after.len(), 1);
    });
}

#[test]
fn times_of_writing_and_of_arrival_are_known() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
        pair.ipa.source.moment();
        pair.settle().await;
        let journal = Journal::Of(Agency::Ppc);
        let written = pair.ppc.store.written_us(journal, 1).await.unwrap();
        assert_eq!(written, pair.ipa.store.written_us(journal, 1).await.unwrap());
        assert!(pair.ipa.store.arrived_us(journal, 1).await.unwrap() > written);
        assert_eq!(pair.ipa.store.arrived_us(journal, 2).await.unwrap(), None);
        assert!(pair.ppc.store.receipt_for(1).await.unwrap().is_some());
        assert_eq!(pair.ppc.store.receipt_for(2).await.unwrap(), None);
    });
}

#[test]
fn a_changed_audit_record_shows() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        for id in ["one", "two", "three"] {
            side.act(publish(Agency::Ppc, id)).await.unwrap();
        }
        let whole = async || {
            let records = side.store.audit_records("one/w", 0, 10).await.unwrap();
            assert_eq!(records.len(), 3);
            let chained = records.windows(2).all(|two| two[1].prev_hash == two[0].hash);
            chained && records.iter().all(|record| record.hash == record.computed)
        };
        assert!(whole().await);
        assert_eq!(side.store.audit_records("one/w", 2, 10).await.unwrap()[0].seq, 3);
        side.tamper("UPDATE call SET official = 'somebody.else' WHERE seq = 2").await;
        assert!(!whole().await);
    });
}

#[test]
fn a_repeat_whose_reply_was_forgotten_is_found_in_the_journal() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        let (call, act) = (call(1), publish(Agency::Ppc, "leak"));
        side.act_as(call.clone(), act.clone()).await.unwrap();
        let written = side.store.written_us(Journal::Of(Agency::Ppc), 1).await.unwrap().unwrap();
        side.store.forget_replies(written).await.unwrap();
        assert!(side.act_as(call.clone(), act.clone()).await.is_ok(), "it is not older than that");
        // The row of a trial of the disk that ended too early goes with them.
        side.tamper(
            "INSERT INTO call (chain, seq, prev_hash, hash, at_us, official, caller, method, matter, purpose, outcome, \
             reply) SELECT '', 0, hash, hash, 0, '', '', '', '', '', '', reply FROM call",
        )
        .await;
        side.store.forget_replies(written + 1).await.unwrap();
        assert_eq!(side.number("SELECT COUNT(*) FROM call WHERE chain = '' OR reply IS NOT NULL").await, 0);
        assert!(side.act_as(call, act.clone()).await.is_ok(), "the reply is made again from the page");
        assert_eq!((side.heads().own.seq, act.runs.load(std::sync::atomic::Ordering::Relaxed)), (1, 1));
    });
}

#[test]
fn one_read_of_entries_has_a_bound() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        let long = "文".repeat(2000);
        let each = async |n: u64| side.act(publish_with(Agency::Ppc, &format!("scheme-{n}"), &long)).await.unwrap();
        futures::future::join_all((0..99).map(each)).await;

        let first = side.store.entries(Journal::Of(Agency::Ppc), 1, 3).await.unwrap();
        assert_eq!(first.len(), 3);
        let size: usize = first.iter().map(|held| prost::Message::encoded_len(&held.entry)).sum();
        let all = side.store.entries(Journal::Of(Agency::Ppc), 1, 1000).await.unwrap();
        assert_eq!(all.len(), 99.min(BYTES / (size / 3)));
        assert_eq!(side.own_entries().await.len(), 99, "the next read goes on");
        assert!(side.store.page(&scheme(Agency::Ppc, "scheme-98").to_string()).await.unwrap().is_some());
    });
}
