//! Entries and receipts that come over the link: some are accepted, some are asked for again, and some stop the
//! journal.

use prost::Message as _;
use renkei_book::{Arrive, Begin, Declined, Resume, StopJournal, StoppedByPeer};
use renkei_domain::{matter::Matter, page::Journal, refusal::Refusal};
use renkei_proto::{
    FactKind,
    agreement::v1::ArrivalChannel,
    journal::v1::{Entry, JournalStoppedContent, StopLiftedContent, fact::Fact},
    link::v1::Stop,
    options::v1::Reason,
    r#type::v1::Agency,
    watch::v1::event::Change,
};
use renkei_store::{Error, StoredEntry};

use super::{
    acts::{assent, notice, publish, revise, withdraw_notice},
    link::{Pair, arrive, arrive_as, arriving, carry, forge, not_understood, receipt_of, refusal, sign, take_receipt},
    side::{Side, names, on_each},
};

fn stopped(seq: u64, reason: Reason) -> Stop {
    Stop { seq, reason: reason.into(), journal: Agency::Ppc.into() }
}

/// The first entries of PPC's journal, none of which IPA has stored.
async fn written(pair: &Pair, n: usize) -> Vec<Entry> {
    pair.ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
    for _ in 1..n {
        pair.ppc.act(revise(Agency::Ppc, "leak")).await.unwrap();
    }
    pair.ppc.own_entries().await.into_iter().map(|held| held.entry).collect()
}

/// The evidence of a stop: the entry that was not accepted.
async fn evidence(side: &Side) -> Vec<(u64, Reason, JournalStoppedContent)> {
    let stop = |held: StoredEntry| match held.fact.fact {
        Some(Fact::JournalStopped(it)) => {
            let content = held.entry.content.unwrap().content;
            Some((it.seq, it.reason(), JournalStoppedContent::decode(content.as_slice()).unwrap()))
        }
        _ => None,
    };
    side.entries(Journal::Private).await.into_iter().filter_map(stop).collect()
}

async fn assert_stopped(side: &Side, seq: u64, reason: Reason, entry: &Entry) {
    let peer = side.heads().peer;
    assert_eq!((peer.stop_seq, peer.stop_reason), (seq, reason));
    let (at, why, kept) = evidence(side).await.pop().unwrap();
    assert_eq!((at, why, &kept.header, &kept.signature), (seq, reason, &entry.header, &entry.signature));
    let told = side.feed().await.pop().unwrap().change;
    assert!(matches!(told, Some(Change::JournalStopChanged(it)) if it.seq == seq && it.reason() == reason));
}

fn reason<R: std::fmt::Debug>(outcome: Result<R, Error>) -> Reason {
    match outcome {
        Err(Error::Declined(Declined::Refused(Refusal { reason, .. }))) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_duplicate_is_accepted_once() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let entries = written(&pair, 3).await;
        assert_eq!(arrive(&pair.ipa, Agency::Ppc, entries[..2].to_vec()).await.unwrap(), Stop::default());
        let (heads, feed) = (pair.ipa.heads(), pair.ipa.feed().await);

        assert_eq!(arrive(&pair.ipa, Agency::Ppc, entries[..2].to_vec()).await.unwrap(), Stop::default());
        assert_eq!((pair.ipa.heads(), pair.ipa.feed().await), (heads, feed));

        let overlapping = [&entries[1..], &entries[..]].concat();
        assert_eq!(arrive(&pair.ipa, Agency::Ppc, overlapping).await.unwrap(), Stop::default());
        assert_eq!((pair.ipa.heads().peer.seq, pair.ipa.feed().await.len()), (3, 3));
        pair.assert_equal().await;
        assert_eq!(pair.ipa.audit().await, []);
    });
}

#[test]
fn a_gap_is_asked_for_and_stops_nothing() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let entries = written(&pair, 4).await;
        let holed = vec![entries[0].clone(), entries[2].clone(), entries[3].clone()];

        assert_eq!(arrive(&pair.ipa, Agency::Ppc, holed).await.unwrap(), stopped(2, Reason::Gap));

        assert_eq!(
            (pair.ipa.heads().peer.seq, pair.ipa.heads().peer.stop_seq),
            (1, 0),
            "the entries before it are stored"
        );
        assert_eq!(carry(&pair.ppc, &pair.ipa, 100).await, Stop::default());
        pair.assert_equal().await;
    });
}

#[test]
fn a_broken_chain_is_asked_for_once_more_and_then_stops() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let entries = written(&pair, 3).await;
        let mut broken = entries[1].clone();
        forge(&mut broken, Agency::Ppc, |header| header.prev_hash = vec![9; 32]);
        let sent = vec![entries[0].clone(), broken.clone(), entries[2].clone()];

        assert_eq!(arrive_as(&pair.ipa, Agency::Ppc, sent.clone(), false).await.unwrap(), stopped(2, Reason::Gap));
        assert_eq!((pair.ipa.heads().peer.seq, pair.ipa.heads().peer.stop_seq), (1, 0));

        let stop = stopped(2, Reason::ChainBroken);
        assert_eq!(arrive_as(&pair.ipa, Agency::Ppc, sent, true).await.unwrap(), stop);
        assert_stopped(&pair.ipa, 2, Reason::ChainBroken, &broken).await;
        assert_eq!(carry(&pair.ppc, &pair.ipa, 100).await, stop, "a right entry is not accepted either");
        assert_eq!(pair.ipa.heads().peer.seq, 1);
        assert_eq!(evidence(&pair.ipa).await.len(), 1, "a stop is recorded once");
    });
}

#[test]
fn a_fork_stops_and_both_are_kept() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let entries = written(&pair, 3).await;
        arrive(&pair.ipa, Agency::Ppc, entries.clone()).await.unwrap();
        let mut fork = entries[1].clone();
        forge(&mut fork, Agency::Ppc, |header| header.unit = "another".to_owned());

        let stop = arrive(&pair.ipa, Agency::Ppc, vec![fork.clone()]).await.unwrap();

        assert_eq!(stop, stopped(4, Reason::Fork));
        assert_stopped(&pair.ipa, 4, Reason::Fork, &fork).await;
        assert_eq!(pair.ipa.peer_entries().await[1].entry, entries[1], "the first one stays");
        assert_eq!(pair.ipa.audit().await, []);
    });
}

#[test]
fn a_bad_signature_stops_with_what_came() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let mut entries = written(&pair, 3).await;
        entries[1].signature[7] ^= 1;

        let stop = arrive(&pair.ipa, Agency::Ppc, entries.clone()).await.unwrap();

        assert_eq!(stop, stopped(2, Reason::BadSignature));
        assert_stopped(&pair.ipa, 2, Reason::BadSignature, &entries[1]).await;
        let later = StopJournal { entry: entries[2].clone(), reason: Reason::KeyUnknown };
        assert_eq!(pair.ipa.run(later).await.unwrap(), stop, "the first stop stays");
    });
}

/// An older version reads an entry of a kind that it does not know; then a newer version starts.
#[test]
fn an_entry_that_is_not_understood_waits_for_a_version_that_understands_it() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let entries = written(&pair, 3).await;
        let mut coming: Vec<_> = entries.iter().map(|entry| arriving(entry.clone(), Agency::Ppc).unwrap()).collect();
        coming[1].fact = Err(not_understood(2));
        let units = std::sync::Arc::default();
        let older = Arrive { own: Agency::Ipa, journal: Agency::Ppc, entries: coming, last_try: true, units };

        assert_eq!(pair.ipa.run(older).await.unwrap(), stopped(2, Reason::NotUnderstood));

        assert_eq!(pair.ipa.heads().peer.seq, 1, "nothing of it is stored");
        assert_stopped(&pair.ipa, 2, Reason::NotUnderstood, &entries[1]).await;
        pair.ipa.run(Begin { kinds: names(FactKind::ALL) }).await.unwrap();
        assert_eq!(pair.ipa.heads().peer.stop_seq, 0);
        pair.settle().await;
        assert_eq!(pair.ipa.heads().peer.seq, 3);
        assert_eq!(refusal(&pair.ipa, Agency::Ppc, 2).await, None);
        pair.assert_equal().await;
    });
}

#[test]
fn a_new_version_lifts_no_other_stop() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let mut entries = written(&pair, 1).await;
        entries[0].signature[7] ^= 1;
        arrive(&pair.ipa, Agency::Ppc, entries).await.unwrap();
        pair.ipa.run(Begin { kinds: names(FactKind::ALL) }).await.unwrap();
        assert_eq!(pair.ipa.heads().peer.stop_reason, Reason::BadSignature);
    });
}

#[test]
fn resuming_skips_no_number_and_is_recorded() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let entries = written(&pair, 3).await;
        let resume = |from_seq| Resume { from_seq, reason: "telephone call of 1 June".to_owned() };
        arrive(&pair.ipa, Agency::Ppc, entries[..1].to_vec()).await.unwrap();
        assert_eq!(reason(pair.ipa.act(resume(2)).await), Reason::WrongState, "nothing is stopped");
        let mut bad = entries[1].clone();
        bad.signature[7] ^= 1;
        arrive(&pair.ipa, Agency::Ppc, vec![bad]).await.unwrap();

        for skipping in [1, 3, 0, u64::MAX] {
            assert_eq!(reason(pair.ipa.act(resume(skipping)).await), Reason::WrongState, "from {skipping}");
            assert_eq!(pair.ipa.heads().peer.stop_seq, 2);
        }
        let private = pair.ipa.heads().private.seq;
        pair.ipa.act(resume(2)).await.unwrap();

        assert_eq!((pair.ipa.heads().peer.stop_seq, pair.ipa.heads().private.seq), (0, private + 1));
        let lifted = pair.ipa.entries(Journal::Private).await.pop().unwrap();
        let words = StopLiftedContent::decode(lifted.entry.content.unwrap().content.as_slice()).unwrap();
        assert_eq!(words.reason, "telephone call of 1 June");
        let told = pair.ipa.feed().await.pop().unwrap().change;
        assert!(matches!(told, Some(Change::JournalStopChanged(it)) if it.seq == 0));
        pair.settle().await;
        pair.assert_equal().await;
        assert_eq!(pair.ipa.audit().await, []);
    });
}

#[test]
fn the_arrival_of_a_notice_is_recorded_with_it() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let given = pair.ppc.act(notice()).await.unwrap();
        assert_eq!(given.entry, "agencies/ppc/entries/1");
        pair.settle().await;

        let arrived = pair.ipa.own_entries().await.remove(0);
        assert_eq!((arrived.header.answers, arrived.header.seen_peer_seq), (1, 1));
        let Some(Fact::NoticeArrived(fact)) = &arrived.fact.fact else { panic!("{arrived:?}") };
        assert_eq!(
            (fact.notice_seq, fact.channel(), fact.arrived_at),
            (1, ArrivalChannel::Link, arrived.header.written_at)
        );
        assert_eq!(pair.ipa.own_entries().await.len(), 1, "nothing answers an arrival");

        pair.ppc.act(withdraw_notice(1)).await.unwrap();
        pair.settle().await;
        pair.ipa.act(assent(1, 2)).await.unwrap();
        pair.settle().await;
        let page = pair.ppc.store.page(Matter::AGREEMENT).await.unwrap().unwrap();
        let state = renkei_domain::noun::agreement::state(renkei_domain::page::Seen::whole(&page), Agency::Ppc, 1);
        assert_eq!(state.as_str_name(), "STATE_WITHDRAWN");
        assert_eq!(pair.ppc.store.answers(1).await.unwrap().len(), 1);
        pair.assert_equal().await;
    });
}

#[test]
fn a_receipt_counts_once_and_an_older_one_not_at_all() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        written(&pair, 3).await;
        carry(&pair.ppc, &pair.ipa, 1).await;
        let older = receipt_of(&pair.ipa);
        carry(&pair.ppc, &pair.ipa, 2).await;
        let newer = receipt_of(&pair.ipa);
        take_receipt(&pair.ppc, newer.clone()).await.unwrap();
        let (heads, feed) = (pair.ppc.heads(), pair.ppc.feed().await);
        assert_eq!((heads.own.receipted, heads.own.receipted_own), (3, 0));
        assert!(matches!(feed.last().unwrap().change, Some(Change::DeliveryChanged(it)) if it.up_to_seq == 3));

        for known in [newer, older] {
            take_receipt(&pair.ppc, known).await.unwrap();
            assert_eq!((pair.ppc.heads(), pair.ppc.feed().await), (heads.clone(), feed.clone()));
        }
        assert_eq!(pair.ppc.number("SELECT COUNT(*) FROM receipt").await, 1);
        assert_eq!(pair.ppc.store.receipt_for(2).await.unwrap().map(|(_, own_seq)| own_seq), Some(0));

        pair.ipa.act(publish(Agency::Ipa, "virus")).await.unwrap();
        take_receipt(&pair.ppc, receipt_of(&pair.ipa)).await.unwrap();
        assert_eq!(
            (pair.ppc.heads().own.receipted, pair.ppc.heads().own.receipted_own),
            (3, 1),
            "it has more of its own"
        );
    });
}

#[test]
fn a_receipt_for_another_journal_than_ours_is_refused() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        written(&pair, 3).await;
        carry(&pair.ppc, &pair.ipa, 3).await;
        let second = pair.ppc.own_entries().await[1].hash.to_vec();
        let heads = pair.ppc.heads();
        let wrong = [
            sign(&pair.ipa, 3, second.clone(), 0),
            sign(&pair.ipa, 0, second.clone(), 0),
            sign(&pair.ipa, 4, heads.own.hash.to_vec(), 0),
            sign(&pair.ipa, i64::MAX as u64 - 1, second.clone(), 0),
        ];
        for receipt in wrong {
            assert_eq!(reason(take_receipt(&pair.ppc, receipt).await), Reason::Fork);
        }
        let mut other = renkei_book::TakeReceipt {
            own: Agency::Ppc,
            receipt: renkei_journal::verify_receipt(&receipt_of(&pair.ipa), &super::side::keys_of(Agency::Ipa), 0)
                .unwrap(),
            signed: receipt_of(&pair.ipa),
        };
        other.receipt.journal = Agency::Ipa.into();
        assert_eq!(reason(pair.ppc.run(other).await), Reason::FieldInvalid);
        assert_eq!(pair.ppc.heads(), heads);
        take_receipt(&pair.ppc, sign(&pair.ipa, 2, second, 0)).await.unwrap();
        assert_eq!(pair.ppc.heads().own.receipted, 2);
    });
}

/// A side that has signed for an entry cannot continue as if it had never seen it.
#[test]
fn feigned_ignorance_stops() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ipa.act(publish(Agency::Ipa, "virus")).await.unwrap();
        pair.ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
        carry(&pair.ipa, &pair.ppc, 1).await;
        // PPC signs for the scheme of IPA with one entry of its own, and then claims that it has not seen it.
        take_receipt(&pair.ipa, receipt_of(&pair.ppc)).await.unwrap();
        pair.ppc.act(revise(Agency::Ppc, "leak")).await.unwrap();
        let mut entries: Vec<_> = pair.ppc.own_entries().await.into_iter().map(|held| held.entry).collect();
        let honest = entries[1].clone();
        forge(&mut entries[1], Agency::Ppc, |header| header.seen_peer_seq = 0);

        let stop = arrive(&pair.ipa, Agency::Ppc, entries.clone()).await.unwrap();

        assert_eq!(stop, stopped(2, Reason::OrderBroken), "an entry written before the receipt is accepted");
        assert_stopped(&pair.ipa, 2, Reason::OrderBroken, &entries[1]).await;
        pair.ipa.act(Resume { from_seq: 2, reason: "it was a test".to_owned() }).await.unwrap();
        assert_eq!(arrive(&pair.ipa, Agency::Ppc, vec![honest]).await.unwrap(), Stop::default());
    });
}

#[test]
fn a_stop_at_the_peer_is_known_until_it_goes_on() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        written(&pair, 3).await;
        let told = |seq, reason| StoppedByPeer { stop: stopped(seq, reason) };
        pair.ppc.run(told(2, Reason::ChainBroken)).await.unwrap();
        assert_eq!((pair.ppc.heads().own.stop_seq, pair.ppc.heads().own.stop_reason), (2, Reason::ChainBroken));
        let ppc = pair.ppc.restart().await;
        assert_eq!(ppc.heads().own.stop_seq, 2, "it outlives a restart");
        ppc.run(told(0, Reason::Unspecified)).await.unwrap();
        assert_eq!(ppc.heads().own.stop_seq, 0);

        ppc.run(told(2, Reason::ChainBroken)).await.unwrap();
        carry(&ppc, &pair.ipa, 1).await;
        take_receipt(&ppc, receipt_of(&pair.ipa)).await.unwrap();
        assert_eq!(ppc.heads().own.stop_seq, 2);
        carry(&ppc, &pair.ipa, 1).await;
        take_receipt(&ppc, receipt_of(&pair.ipa)).await.unwrap();
        assert_eq!(ppc.heads().own.stop_seq, 0, "a receipt for that number means that it continues");
        ppc.run(told(2, Reason::ChainBroken)).await.unwrap();
        assert_eq!(ppc.heads().own.stop_seq, 0, "a late message of another session about it is ignored");
    });
}
