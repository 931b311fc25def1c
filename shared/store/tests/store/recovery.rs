//! A database that is behind the peer's copy of its journal: yesterday's backup is restored, and nothing is lost or
//! done twice.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use futures::poll;
use prost::Message as _;
use renkei_book::{Arrive, CallOrigin, Cause, ConfirmOfficials, Declined, HelloVerdict, PeerHolds};
use renkei_domain::page::Journal;
use renkei_journal::{Head, fact_hash};
use renkei_proto::{
    journal::v1::{Entry, Fact as ProtoFact, fact::Fact},
    link::v1::Stop,
    options::v1::Reason,
    r#type::v1::Agency,
};
use renkei_store::{Error, JOURNALS, Options, Store};
use sqlx::Row as _;

use super::{
    acts::{Act, issue, notice, publish, publish_with, revise, scheme},
    database::{Database, Engine},
    link::{Pair, arrive, arriving, carry, forge, forged_scheme, impose, receipt_of, refusal, take_receipt},
    rebuild::history,
    side::{Batch, Gate, Side, call, content, no_faults, on_each, options, peer_held},
};

/// The peer's hello about the journal of `side`.
fn holds(peer: &Side) -> PeerHolds {
    PeerHolds { head: peer.heads().peer.head(), is_proved: true }
}

async fn standing(side: &Side, peer: &Side) -> HelloVerdict {
    side.store.standing(&holds(peer)).await.unwrap()
}

/// The peer's copy of one's journal from a number on, in answer to a request.
async fn asked_back(peer: &Side, from: u64) -> Vec<Entry> {
    let held = peer.store.entries(Journal::Of(peer.own.peer()), from, 256).await.unwrap();
    held.into_iter().map(|held| held.entry).collect()
}

/// Opens the new incarnation and judges the entries that were set aside again.
async fn reopen(side: &Side, cause: Cause) {
    side.run(side.store.reopening(cause).await.unwrap()).await.unwrap();
}

/// Runs a whole recovery from the hello on, as the link does.
async fn recover(pair: &Pair) {
    let (ppc, ipa) = (&pair.ppc, &pair.ipa);
    assert_eq!(standing(ppc, ipa).await, HelloVerdict::Behind);
    let held = ipa.heads().peer.seq;
    ppc.store.rewind(peer_held(held), &ppc.source.moment()).await.unwrap();
    let back = asked_back(ipa, ppc.heads().own.seq + 1).await;
    assert_eq!(arrive(ppc, Agency::Ppc, back).await.unwrap(), Stop::default());
    assert_eq!(carry(ipa, ppc, 256).await, Stop::default());
    reopen(ppc, Cause::FetchedBack).await;
}

fn is_recovering<R>(outcome: Result<R, Error>) -> bool {
    matches!(outcome, Err(Error::Declined(Declined::Recovering)))
}

/// Checks that no entry is in the database twice under different numbers.
async fn assert_each_once(side: &Side) {
    let mut ids = BTreeSet::new();
    for journal in JOURNALS {
        for held in side.entries(journal).await {
            assert!(ids.insert(held.header.entry_id.clone()), "{} is there twice", held.header.entry_id);
        }
    }
}

/// PPC on yesterday's copy of its database.
struct Restored {
    pair: Pair,
    /// A call of today: its entry reached IPA.
    lost_call: (CallOrigin, Act),
}

/// Yesterday's copy, put back after both went on until today.
async fn restored(database: Database) -> Restored {
    let Pair { ppc, ipa } = history(database).await;
    let today = ppc.end().await;
    let yesterday = today.copy();
    let pair = Pair { ppc: Side::restored(Agency::Ppc, today).await, ipa };

    let lost_call = (call(9_000_000), issue(Agency::Ppc, 10, "leak", "report-10"));
    pair.ppc.act_as(lost_call.0.clone(), lost_call.1.clone()).await.unwrap();
    pair.ppc.act(publish(Agency::Ppc, "today")).await.unwrap();
    pair.ipa.act(notice()).await.unwrap();
    let mut lie = forged_scheme(&pair.ipa, "liar").await;
    forge(&mut lie, Agency::Ipa, |header| header.methods_version = 5);
    impose(&pair.ipa, &lie).await;
    pair.settle().await;
    assert_eq!(refusal(&pair.ppc, Agency::Ipa, pair.ipa.heads().own.seq).await, Some(Reason::HeaderDiffers));
    // The last of today's entries reached IPA; its receipt did not come back.
    pair.ppc.act(revise(Agency::Ppc, "leak")).await.unwrap();
    carry(&pair.ppc, &pair.ipa, 10).await;
    // IPA continued while PPC was away.
    pair.ipa.act(notice()).await.unwrap();

    let Pair { ppc, ipa } = pair;
    ppc.end().await;
    let pair = Pair { ppc: Side::restored(Agency::Ppc, yesterday).await, ipa };
    Restored { pair, lost_call }
}

#[test]
fn a_restored_backup_is_noticed_and_brought_up_to_date() {
    on_each(async |database| {
        let Restored { pair, lost_call } = restored(database).await;
        let (ppc, ipa) = (&pair.ppc, &pair.ipa);
        let (kept, held) = (ppc.heads().own.receipted, ipa.heads().peer.seq);
        assert!(kept < held);

        assert_eq!(standing(ppc, ipa).await, HelloVerdict::Behind);
        ppc.store.rewind(peer_held(held), &ppc.source.moment()).await.unwrap();

        assert_eq!((ppc.heads().own.seq, ppc.heads().own.recover_to), (kept, held));
        assert!(is_recovering(ppc.act(notice()).await), "nothing is written before the journal is back");
        let early = carry(ipa, ppc, 256).await;
        assert_eq!(early.reason(), Reason::Gap, "the peer's word is judged on the own journal, which comes first");
        let heads = ppc.heads();
        take_receipt(ppc, receipt_of(ipa)).await.unwrap();
        assert_eq!(ppc.heads(), heads, "nothing is stopped, and no receipt counts for what is not back");

        let back = asked_back(ipa, kept + 1).await;
        assert_eq!(arrive(ppc, Agency::Ppc, back).await.unwrap(), Stop::default());
        assert_eq!(ppc.heads().own.head(), ipa.heads().peer.head());
        assert!(is_recovering(ppc.act(notice()).await), "nor before the peer's journal is back");
        assert_eq!(carry(ipa, ppc, 256).await, Stop::default());
        assert_eq!(ppc.heads().own.seq, held + 1, "only the notice of last night is answered, nothing a second time");
        reopen(ppc, Cause::FetchedBack).await;
        reopen(ppc, Cause::FetchedBack).await;

        let heads = ppc.heads();
        assert_eq!((heads.own.incarnation, heads.own.recover_to, heads.own.seq), (2, 0, held + 2), "reopened once");
        assert_eq!(ppc.own_entries().await.last().unwrap().header.fact_type, "journal_reopened");
        pair.settle().await;
        pair.assert_equal().await;
        assert_eq!(standing(ppc, ipa).await, HelloVerdict::Agreed);
        assert_each_once(ppc).await;
        for side in [ppc, ipa] {
            side.audit().await;
        }
        assert_loss_recorded(ppc, kept, held).await;
        let (call, act) = lost_call;
        assert_not_done_again(ppc, call, act).await;
    });
}

/// Before the hello, officials continue: none of their acts reached the peer.
#[test]
fn an_entry_written_after_the_restore_is_judged_again() {
    on_each(async |database| {
        let Restored { pair, .. } = restored(database).await;
        let (ppc, ipa) = (&pair.ppc, &pair.ipa);
        let kept = ppc.heads().own.seq;
        ppc.act(publish_with(Agency::Ppc, "fresh", "written after the restore")).await.unwrap();
        let (known, today) = (call(9_000_001), publish(Agency::Ppc, "today"));
        ppc.act_as(known.clone(), today.clone()).await.unwrap();
        ppc.act(issue(Agency::Ppc, 11, "leak", "report-11")).await.unwrap();
        let written: Vec<_> = ppc.own_entries().await.into_iter().skip(usize::try_from(kept).unwrap()).collect();

        ppc.store.rewind(peer_held(ipa.heads().peer.seq), &ppc.source.moment()).await.unwrap();
        let aside = ppc.store.aside().await.unwrap();
        assert!(aside.iter().map(|it| &it.entry_id).eq(written.iter().map(|it| &it.header.entry_id)));
        recover(&pair).await;

        let again = ppc.own_entries().await.pop().unwrap();
        assert_eq!(again.header.entry_id, written[0].header.entry_id, "it keeps its id");
        assert_eq!((again.header.unit.as_str(), &again.fact), ("intake-1", &written[0].fact));
        let words = content(&ppc.store, Journal::Of(Agency::Ppc), again.header.seq).await.unwrap();
        assert_eq!(words, written[0].entry.content.as_ref().map(|salted| salted.content.clone()));
        let left = ppc.store.aside().await.unwrap();
        let left: Vec<_> = left.iter().map(|it| (it.entry_id.as_str(), it.reason.as_str())).collect();
        let refused = [&written[1], &written[2]].map(|it| (it.header.entry_id.as_str(), Reason::AlreadyExists.id()));
        assert_eq!(left, refused, "an official must look at an act that is no longer valid");
        let repeat = ppc.act_as(known, today).await;
        assert!(
            matches!(repeat, Err(Error::Declined(Declined::Refused(_)))),
            "a reply that is no longer valid is not repeated: {repeat:?}"
        );
        pair.settle().await;
        pair.assert_equal().await;
        assert_each_once(ppc).await;
        ppc.audit().await;
    });
}

async fn assert_loss_recorded(side: &Side, kept: u64, held: u64) {
    let private = side.entries(Journal::Private).await;
    let losses = private.iter().filter_map(|it| match &it.fact.fact {
        Some(Fact::LossFound(loss)) => Some((loss.own_seq, loss.peer_holds)),
        _ => None,
    });
    assert_eq!(losses.collect::<Vec<_>>(), [(kept, held)]);
}

/// The caller whose reply was lost with the database calls again.
async fn assert_not_done_again(side: &Side, call: CallOrigin, act: Act) {
    let (before, runs) = (side.heads(), act.runs.load(Ordering::Relaxed));
    let reply = side.act_as(call.clone(), act.clone()).await.unwrap();
    assert_eq!(reply.state, "STATE_ISSUED");
    assert_eq!((side.heads().own, side.heads().private), (before.own, before.private));
    assert_eq!(act.runs.load(Ordering::Relaxed), runs);
    // An entry that was set aside and refused does not count as done.
    let fresh = side.act(issue(Agency::Ppc, 12, "leak", "report-12")).await.unwrap();
    assert_eq!(fresh.state, "STATE_ISSUED");
}

/// The service is ended between each two steps of the recovery.
#[test]
fn a_recovery_goes_on_after_a_restart() {
    on_each(async |database| {
        let Restored { pair: Pair { ppc, ipa }, .. } = restored(database).await;
        ppc.act(publish(Agency::Ppc, "fresh")).await.unwrap();
        let held = ipa.heads().peer.seq;
        ppc.store.rewind(peer_held(held), &ppc.source.moment()).await.unwrap();
        let ppc = ppc.restart().await;
        assert_eq!(standing(&ppc, &ipa).await, HelloVerdict::Behind, "it is known until it is over");
        ppc.store.rewind(peer_held(held), &ppc.source.moment()).await.unwrap();
        let back = asked_back(&ipa, ppc.heads().own.seq + 1).await;
        arrive(&ppc, Agency::Ppc, back[..1].to_vec()).await.unwrap();
        let ppc = ppc.restart().await;
        arrive(&ppc, Agency::Ppc, back).await.unwrap();
        carry(&ipa, &ppc, 256).await;
        let ppc = ppc.restart().await;
        assert!(is_recovering(ppc.act(notice()).await));
        reopen(&ppc, Cause::FetchedBack).await;
        let pair = Pair { ppc: ppc.restart().await, ipa };
        pair.settle().await;
        pair.assert_equal().await;
        assert_eq!(pair.ppc.store.aside().await.unwrap().len(), 0);
        assert_each_once(&pair.ppc).await;
        pair.ppc.audit().await;
    });
}

/// The entries from the peer were signed by us, so a changed body is the peer's doing.
#[test]
fn an_entry_that_the_peer_changed_is_not_accepted_back() {
    on_each(async |database| {
        let Restored { pair, .. } = restored(database).await;
        let (ppc, ipa) = (&pair.ppc, &pair.ipa);
        ppc.store.rewind(peer_held(ipa.heads().peer.seq), &ppc.source.moment()).await.unwrap();
        let (next, heads) = (ppc.heads().own.seq + 1, ppc.heads());
        let back = asked_back(ipa, next).await;
        let with_content = back.iter().position(|entry| entry.content.is_some()).unwrap();
        let mut fact = back.clone();
        fact[0].fact.push(1);
        let mut content = back.clone();
        content[with_content].content.as_mut().unwrap().content.push(1);
        let mut signature = back.clone();
        signature[0].signature[0] ^= 1;
        assert!(arriving(signature[0].clone(), Agency::Ppc).is_err());

        let stop = arrive(ppc, Agency::Ppc, fact).await.unwrap();
        assert_eq!((stop.seq, stop.reason()), (next, Reason::FactDiffers));
        assert_eq!(ppc.heads(), heads, "an own journal is not stopped");
        let stop = arrive(ppc, Agency::Ppc, content).await.unwrap();
        assert_eq!((stop.seq, stop.reason()), (next + u64::try_from(with_content).unwrap(), Reason::ContentDiffers));
        assert_eq!(arrive(ppc, Agency::Ppc, back[1..].to_vec()).await.unwrap(), Stop::default());
        assert_eq!(ppc.heads().own.head(), ipa.heads().peer.head());
    });
}

/// An act that reached the peer before the loss, and was written again by hand after it, is not written twice.
#[test]
fn an_entry_that_came_back_is_not_judged_again() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
        pair.settle().await;
        // Two more reach IPA, whose receipts never come; then the disk forgets the last of all.
        pair.ppc.act(publish(Agency::Ppc, "second")).await.unwrap();
        let Pair { ppc, ipa } = pair;
        let lost = ppc.end().await;
        let copy = lost.copy();
        let pair = Pair { ppc: Side::restored(Agency::Ppc, lost).await, ipa };
        pair.ppc.act(publish(Agency::Ppc, "third")).await.unwrap();
        carry(&pair.ppc, &pair.ipa, 10).await;
        let Pair { ppc, ipa } = pair;
        ppc.end().await;
        let pair = Pair { ppc: Side::restored(Agency::Ppc, copy).await, ipa };

        // The second entry is in the copy without a receipt: it is set aside, and comes back.
        recover(&pair).await;

        let heads = pair.ppc.heads();
        assert_eq!((heads.own.seq, heads.own.incarnation), (4, 2), "three came back, and the new incarnation");
        assert_eq!(pair.ppc.store.aside().await.unwrap().len(), 0);
        assert_each_once(&pair.ppc).await;
        pair.settle().await;
        pair.assert_equal().await;
        assert_eq!(pair.ppc.audit().await, []);
    });
}

/// The same old copy is restored twice: the entries of the second time include the first reopening.
#[test]
fn a_journal_can_be_reopened_more_than_once() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
        pair.settle().await;
        let Pair { ppc, mut ipa } = pair;
        let yesterday = ppc.end().await;
        for incarnation in 1..=3 {
            let pair = Pair { ppc: Side::restored(Agency::Ppc, yesterday.copy()).await, ipa };
            if incarnation > 1 {
                recover(&pair).await;
            }
            assert_eq!(pair.ppc.heads().own.incarnation, incarnation);
            pair.ppc.act(revise(Agency::Ppc, "leak")).await.unwrap();
            pair.settle().await;
            pair.assert_equal().await;
            pair.ppc.audit().await;
            ipa = pair.ipa;
            pair.ppc.end().await;
        }
    });
}

/// A copy from which nothing of the own journal is missing, only what came after it from the peer and was signed for.
/// It is marked, so it opens a new incarnation at once, before it has seen all that again.
#[test]
fn an_agency_that_lost_entries_it_signed_for_states_this_and_is_not_a_liar() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
        pair.settle().await;
        let Pair { ppc, ipa } = pair;
        let today = ppc.end().await;
        let yesterday = today.copy();
        let pair = Pair { ppc: Side::restored(Agency::Ppc, today).await, ipa };
        pair.ipa.act(publish(Agency::Ipa, "virus")).await.unwrap();
        pair.ipa.act(revise(Agency::Ipa, "virus")).await.unwrap();
        pair.settle().await;
        let signed = receipt_of(&pair.ppc);
        assert_eq!((pair.ipa.heads().own.receipted, pair.ipa.heads().own.receipted_own), (2, 1));
        let Pair { ppc, ipa } = pair;
        ppc.end().await;
        let pair = Pair { ppc: Side::restored(Agency::Ppc, yesterday).await, ipa };
        let (ppc, ipa) = (&pair.ppc, &pair.ipa);

        reopen(ppc, Cause::Copy).await;
        assert!(
            matches!(ppc.act(revise(Agency::Ppc, "leak")).await, Err(Error::Declined(Declined::BarListOpen))),
            "nor does an official act"
        );
        let confirm =
            ConfirmOfficials { own: Agency::Ppc, barred: BTreeSet::new(), reason: "nobody is barred".to_owned() };
        ppc.run(confirm).await.unwrap();
        ppc.act(revise(Agency::Ppc, "leak")).await.unwrap();
        assert_eq!(standing(ppc, ipa).await, HelloVerdict::Agreed);
        assert_eq!(carry(ppc, ipa, 10).await, Stop::default());

        assert_eq!(ipa.heads().own.receipted, 0, "what it lost is not received");
        take_receipt(ipa, signed).await.unwrap();
        assert_eq!(ipa.heads().own.receipted, 0, "nor does a receipt from before count again");
        pair.settle().await;
        pair.assert_equal().await;
        assert_eq!(ipa.heads().own.receipted, 2);
        let mut ignorant = forged_scheme(ppc, "liar").await;
        forge(&mut ignorant, Agency::Ppc, |header| header.seen_peer_seq = 1);
        let stop = arrive(ipa, Agency::Ppc, vec![ignorant]).await.unwrap();
        assert_eq!(stop.reason(), Reason::OrderBroken, "from now on it has seen what it signs for");
    });
}

/// A receiver that sends on what came back and reopens without waiting in between.
#[test]
fn an_entry_that_comes_back_in_the_batch_of_the_reopening_is_not_judged_again() {
    on_each(async |database| {
        let (gate, mut steps) = Gate::new();
        let ipa = Side::new(Agency::Ipa, Database::new(database.engine())).await;
        let pair = Pair { ppc: Side::with(Agency::Ppc, database, gate.faults(no_faults())).await, ipa };
        let ppc = &pair.ppc;
        ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
        ppc.act(notice()).await.unwrap();
        carry(ppc, &pair.ipa, 10).await;
        ppc.store.rewind(peer_held(2), &ppc.source.moment()).await.unwrap();
        let reopening = ppc.store.reopening(Cause::FetchedBack).await.unwrap();
        let entries = asked_back(&pair.ipa, 1).await;
        let entries = entries.into_iter().map(|entry| arriving(entry, Agency::Ppc).unwrap()).collect();
        let units = std::sync::Arc::default();
        let back = Arrive { own: Agency::Ppc, journal: Agency::Ppc, entries, last_try: true, units };

        let batch = Batch::hold(ppc, &gate, &mut steps).await;
        let mut back = Box::pin(ppc.run(back));
        let mut reopen = Box::pin(ppc.run(reopening));
        assert!(poll!(&mut back).is_pending() && poll!(&mut reopen).is_pending());
        batch.release().await;

        assert_eq!(back.await.unwrap(), Stop::default());
        reopen.await.unwrap();
        assert_eq!(ppc.heads().own.seq, 3, "two came back, and the new incarnation");
        assert_each_once(ppc).await;
        pair.settle().await;
        pair.assert_equal().await;
    });
}

/// The peer sees the digests of our requests. If it repeats one in an entry of its own, that entry does not count as
/// our answer.
#[test]
fn a_digest_in_the_peers_entry_answers_no_call_of_ours() {
    on_each(async |database| {
        let Restored { pair, .. } = restored(database).await;
        recover(&pair).await;
        pair.settle().await;
        let call = call(8_000_000);
        let mut entry = forged_scheme(&pair.ipa, "liar-2").await;
        let mut fact = ProtoFact::decode(entry.fact.as_slice()).unwrap();
        fact.request_digest.clone_from(&call.digest);
        entry.fact = fact.encode_to_vec();
        let hash = fact_hash(&entry.fact).to_vec();
        forge(&mut entry, Agency::Ipa, |header| header.fact_sha256 = hash);
        impose(&pair.ipa, &entry).await;
        pair.settle().await;
        assert_eq!(refusal(&pair.ppc, Agency::Ipa, pair.ipa.heads().own.seq).await, None);

        let named = Act::at(&scheme(Agency::Ipa, "liar-2"), publish(Agency::Ppc, "mine"));
        pair.ppc.act_as(call, named.clone()).await.unwrap();

        assert_eq!(named.runs.load(Ordering::Relaxed), 1);
        assert!(pair.ppc.store.page("agencies/ppc/schemes/mine").await.unwrap().is_some());
    });
}

#[test]
fn equals_and_those_ahead_are_agreed() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        assert_eq!(standing(&pair.ppc, &pair.ipa).await, HelloVerdict::Agreed, "both are empty");
        pair.ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
        assert_eq!(standing(&pair.ppc, &pair.ipa).await, HelloVerdict::Agreed, "the peer has nothing yet");
        pair.settle().await;
        assert_eq!(standing(&pair.ppc, &pair.ipa).await, HelloVerdict::Agreed);
    });
}

/// A claim that nobody proved, or that the peer's own receipt contradicts, changes nothing.
#[test]
fn a_claim_counts_as_far_as_it_is_proved() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
        pair.settle().await;
        pair.ppc.act(publish(Agency::Ppc, "virus")).await.unwrap();
        let (receipted, own) = (pair.ppc.heads().own.receipted, pair.ppc.heads().own.head());
        let claim = async |seq, hash, is_proved| {
            pair.ppc.store.standing(&PeerHolds { head: Head { seq, hash }, is_proved }).await.unwrap()
        };
        assert_eq!(claim(own.seq, own.hash, false).await, HelloVerdict::Agreed, "it is here: nothing is to be proved");
        for seq in [receipted, own.seq, own.seq + 1, i64::MAX as u64, u64::MAX] {
            assert_eq!(claim(seq, [3; 32], false).await, HelloVerdict::Unproven, "{seq}");
        }
        assert_eq!(claim(own.seq + 1, [3; 32], true).await, HelloVerdict::Behind, "we wrote what is not here");
        assert_eq!(
            claim(own.seq, [3; 32], true).await,
            HelloVerdict::Behind,
            "we wrote another entry under this number"
        );
        assert_eq!(
            claim(receipted, [3; 32], true).await,
            HelloVerdict::Contradicted,
            "the peer signed for the one here"
        );
    });
}

#[test]
fn a_backup_is_marked_and_opens_a_new_incarnation() {
    on_each(async |database| {
        let pair = history(database).await;
        let ppc = pair.ppc;
        let moment = ppc.source.moment();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("copy.db");
        let copy;
        let writing = (100..140).map(|n| ppc.act(issue(Agency::Ppc, n, "leak", "report")));
        let (copied, written) =
            tokio::join!(ppc.store.backup(path.to_str().unwrap()), futures::future::join_all(writing));
        assert!(written.iter().all(Result::is_ok), "a backup hinders nobody");
        let before = ppc.heads();
        let store = match ppc.database.engine() {
            Engine::Sqlite => {
                copied.unwrap();
                assert!(ppc.store.backup(path.to_str().unwrap()).await.is_err(), "no copy is written over");
                assert!(!ppc.store.is_marked().await.unwrap());
                let url = format!("sqlite:{}", path.display());
                Store::open(Options { url, ..options(Agency::Ppc, &ppc.database) }).await.unwrap()
            }
            Engine::Postgres => {
                assert!(matches!(copied, Err(Error::NotCopied)), "PostgreSQL is copied with its own tools");
                assert!(!ppc.store.is_marked().await.unwrap());
                copy = ppc.end().await.copy();
                Store::open(options(Agency::Ppc, &copy)).await.unwrap()
            }
        };
        assert!(store.is_marked().await.unwrap());
        let heads = store.heads().borrow().clone();
        assert!(heads.own.seq <= before.own.seq && heads.own.incarnation == 1);
        let reopen = store.reopening(Cause::Copy).await.unwrap();
        store.write("reopen", CallOrigin::own("test"), moment.clone(), reopen).await.unwrap();
        assert!(!store.is_marked().await.unwrap());
        assert_eq!(store.heads().borrow().own.incarnation, 2);
        assert_eq!(store.rebuild(false).await.unwrap().differing, Vec::<String>::new());
        store.close().await;
    });
}

#[test]
fn acts_during_a_recovery_are_turned_away_on_record() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        let known = call(5);
        side.act_as(known.clone(), publish(Agency::Ppc, "leak")).await.unwrap();
        side.store.rewind(peer_held(5), &side.source.moment()).await.unwrap();

        assert!(is_recovering(side.act(notice()).await));

        let audited = side.rows("SELECT outcome FROM call ORDER BY seq DESC LIMIT 1").await;
        assert_eq!(audited[0].get::<String, _>(0), "RECOVERING");
        // The reply to an act that is set aside may no longer be true.
        assert!(is_recovering(side.act_as(known, publish(Agency::Ppc, "leak")).await));
    });
}
