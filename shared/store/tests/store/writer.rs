//! The writer: gapless, in the order of commit, batch by batch, each call once.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use futures::{future::join_all, poll};
use renkei_book::{Begin, CallOrigin, Command, Declined, Told};
use renkei_domain::{
    moment::{Moment, stamp},
    page::Journal,
    refusal::Refusal,
};
use renkei_proto::{
    FactKind,
    journal::v1::fact::Fact,
    options::v1::Reason,
    r#type::v1::Agency,
    watch::v1::{EntryApplied, event::Change},
};
use renkei_store::{BATCH, Error, Options, QUEUE, Store};
use sqlx::Row as _;
use tokio::sync::mpsc;

use super::{
    acts::{Act, issue, nothing, notice, publish, regret, tries, wrong_code},
    database::Database,
    link::Pair,
    side::{Batch, Gate, OFFICIAL, Side, call, names, no_faults, on_each, options, source},
};

/// The act of one of many writers in its turn.
fn turn(own: Agency, n: u64) -> Act {
    match n % 4 {
        0 => notice(),
        1 => wrong_code(own),
        2 => regret(&issue(own, n, "leak", "report-1")),
        _ => issue(own, n, "leak", "report-1"),
    }
}

/// Follows the feed while it is written, until it has returned this many entries. Returns the number of looks.
async fn follow(store: Store, entries: usize) -> usize {
    let (mut heads, mut after, mut applied, mut looks) = (store.heads(), 0, 0, 0);
    while applied < entries {
        heads.wait_for(|heads| heads.turn > after).await.unwrap();
        let known = heads.borrow_and_update().turn;
        for Told { turn, event, .. } in store.feed(after, 1000).await.unwrap() {
            assert!(turn > after, "a turn came late");
            after = turn;
            applied += usize::from(matches!(event.change, Some(Change::EntryApplied(_))));
        }
        // The last turns may be private.
        after = after.max(known);
        looks += 1;
    }
    looks
}

/// Lets `writers` write `each` acts at the same time, on one of the stores in turn. Returns the acknowledged acts.
async fn crowd(stores: &[Store], writers: u64, each: u64) -> Vec<EntryApplied> {
    let source = source(77);
    let tasks = (0..writers).map(|writer| {
        let stores = stores.to_vec();
        let source = source.clone();
        tokio::spawn(async move {
            let mut replies = Vec::new();
            for n in writer * each..(writer + 1) * each {
                let store = &stores[usize::try_from(n).unwrap() % stores.len()];
                let act = turn(store.own(), n);
                match store.write("crowd", call(1_000_000 + n), source.moment(), act).await {
                    Ok(reply) => replies.push(reply),
                    Err(Error::Declined(Declined::Refused(_))) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            replies
        })
    });
    join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect()
}

/// Checks that the feed lists the entries of the agencies in the order in which they were folded.
async fn assert_feed_is_in_order(side: &Side) {
    let feed = side.feed().await;
    let told = feed.iter().filter_map(|event| match &event.change {
        Some(Change::EntryApplied(applied)) => Some(applied.entry.clone()),
        _ => None,
    });
    let mut entries = side.own_entries().await;
    entries.extend(side.peer_entries().await);
    entries.sort_by_key(|held| held.turn);
    let folded = entries.iter().map(|held| format!("agencies/{}/entries/{}", held.journal.id(), held.header.seq));
    assert_eq!(told.collect::<Vec<_>>(), folded.collect::<Vec<_>>());
}

/// The number of own entries that are anchors of the private journal.
async fn anchors(side: &Side) -> u64 {
    let own = side.own_entries().await;
    let anchors = own.iter().filter(|held| matches!(held.fact.fact, Some(Fact::PrivateAnchored(_))));
    u64::try_from(anchors.count()).unwrap()
}

/// Ordinals of case numbers are given once and without a gap.
async fn assert_ordinals(side: &Side, count: u64) {
    let mut ordinals = Vec::new();
    for held in side.own_entries().await {
        if let Some(Fact::ReferralIssued(it)) = &held.fact.fact {
            assert_eq!(it.ordinal, it.year_ordinal);
            ordinals.push(it.ordinal);
        }
    }
    assert_eq!(ordinals, (1..=count).collect::<Vec<_>>());
    let counted = side.number("SELECT last FROM counter WHERE year = 0 AND kind = 'referral'").await;
    assert_eq!(u64::try_from(counted), Ok(count));
}

#[test]
fn sixty_four_writers_leave_no_gap_and_the_feed_is_in_the_order_of_commit() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        side.act(publish(Agency::Ppc, "leak")).await.unwrap();
        let following = tokio::spawn(follow(side.store.clone(), 1 + 128));

        let replies = crowd(std::slice::from_ref(&side.store), 64, 4).await;

        let entries: BTreeSet<_> = replies.iter().map(|reply| reply.entry.clone()).collect();
        assert_eq!(entries.len(), 128, "every acknowledged act has an entry of its own");
        assert!(following.await.unwrap() > 1);
        let (heads, anchors) = (side.heads(), anchors(&side).await);
        let seqs = (heads.own.seq - anchors, heads.private.seq);
        assert_eq!(seqs, (1 + 128, 64 + 5), "reports, and the five tries that count");
        assert!((1..=5).contains(&anchors), "at most one for each batch with a try");
        assert_eq!(side.audit().await, []);
        assert_feed_is_in_order(&side).await;
        assert_ordinals(&side, 64).await;
        assert_audited(&side, 1 + 256).await;
    });
}

#[test]
fn a_batch_that_one_read_does_not_serve_finds_every_reply_again() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        side.act(publish(Agency::Ppc, "leak")).await.unwrap();
        let store = std::slice::from_ref(&side.store);

        let replies = crowd(store, 300, 1).await;
        let written = side.heads().own.seq;

        assert_eq!(crowd(store, 300, 1).await, replies, "each call is answered as before");
        assert_eq!(side.heads().own.seq, written, "and none is executed again");
    });
}

#[test]
fn two_replicas_write_one_journal() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        side.act(publish(Agency::Ppc, "leak")).await.unwrap();
        let other = Options { replica: "two".to_owned(), ..options(Agency::Ppc, &side.database) };
        let other = Store::open(other).await.unwrap();

        let replies = crowd(&[side.store.clone(), other.clone()], 16, 4).await;

        assert_eq!(replies.len(), 32);
        other.close().await;
        side.store.refresh().await.unwrap();
        assert_eq!(side.heads().own.seq - anchors(&side).await, 1 + 32);
        assert_eq!(side.audit().await, []);
        assert_feed_is_in_order(&side).await;
        assert_ordinals(&side, 16).await;
        assert_audited(&side, 1 + 64).await;
        assert_eq!(side.store.audit_heads().await.unwrap().len(), 2, "a chain per replica");
    });
}

/// Checks that the audit chains have this many records, and that their hashes are those of their records.
async fn assert_audited(side: &Side, count: u64) {
    let sql = "SELECT chain, seq, prev_hash, hash, at_us, official, caller, method, matter, purpose, outcome \
         FROM call ORDER BY chain, seq";
    let heads = side.store.audit_heads().await.unwrap();
    assert_eq!(heads.iter().map(|head| head.seq).sum::<u64>(), count);
    let mut rows = side.rows(sql).await.into_iter();
    for head in heads {
        let mut hash = [0; 32];
        for seq in 1..=head.seq {
            let row = rows.next().unwrap();
            assert_eq!(
                (row.get::<String, _>(0), row.get::<i64, _>(1)),
                (head.chain.clone(), i64::try_from(seq).unwrap())
            );
            assert_eq!(row.get::<Vec<u8>, _>(2), hash);
            let mut bytes = seq.to_be_bytes().to_vec();
            bytes.extend(row.get::<i64, _>(4).to_be_bytes());
            for column in 5..11 {
                let text: String = row.get(column);
                bytes.extend(u64::try_from(text.len()).unwrap().to_be_bytes());
                bytes.extend(text.as_bytes());
            }
            hash = renkei_journal::audit_hash(&hash, &bytes);
            assert_eq!(row.get::<Vec<u8>, _>(3), hash);
        }
        assert_eq!(head.hash, hash);
    }
}

/// A store whose writer can be stopped before a batch.
async fn gated(own: Agency, database: Database) -> (Side, Gate, mpsc::UnboundedReceiver<&'static str>) {
    let (gate, steps) = Gate::new();
    let side = Side::with(own, database, gate.faults(no_faults())).await;
    (side, gate, steps)
}

/// Runs these commands in one batch.
async fn together<C: Command>(
    side: &Side,
    gate: &Gate,
    steps: &mut mpsc::UnboundedReceiver<&'static str>,
    jobs: Vec<(CallOrigin, C)>,
) -> Vec<Result<C::Reply, Error>> {
    let batch = Batch::hold(side, gate, steps).await;
    let mut waiting: Vec<_> = jobs.into_iter().map(|(call, command)| Box::pin(side.act_as(call, command))).collect();
    for one in &mut waiting {
        assert!(poll!(one).is_pending());
    }
    batch.release().await;
    join_all(waiting).await
}

fn reason<R: std::fmt::Debug>(outcome: &Result<R, Error>) -> Reason {
    match outcome {
        Err(Error::Declined(Declined::Refused(Refusal { reason, .. }))) => *reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_refusal_leaves_the_others_of_its_batch_alone() {
    on_each(async |database| {
        let (side, gate, mut steps) = gated(Agency::Ppc, database).await;
        side.act(publish(Agency::Ppc, "leak")).await.unwrap();
        let foreign = publish(Agency::Ipa, "foreign");
        let acts = [
            issue(Agency::Ppc, 1, "leak", "report-1"),
            foreign.clone(),
            regret(&issue(Agency::Ppc, 2, "leak", "report-2")),
            wrong_code(Agency::Ppc),
            regret(&publish(Agency::Ppc, "regretted")),
            publish(Agency::Ppc, "leak"),
            publish(Agency::Ppc, "second"),
            issue(Agency::Ppc, 3, "leak", "report-3"),
        ];
        let jobs = acts.map(|act| (side.call(), act)).into();

        let outcomes = together(&side, &gate, &mut steps, jobs).await;

        let refused = [1, 2, 3, 4, 5].map(|place: usize| reason(&outcomes[place]));
        let expected = [
            Reason::WrongDirection,
            Reason::WrongState,
            Reason::CodeNotFound,
            Reason::WrongState,
            Reason::AlreadyExists,
        ];
        assert_eq!(refused, expected);
        let written = [0, 6, 7].map(|place: usize| outcomes[place].as_ref().unwrap().entry.clone());
        assert_eq!(written, ["agencies/ppc/entries/2", "agencies/ppc/entries/3", "agencies/ppc/entries/4"]);
        assert_eq!((side.heads().own.seq - anchors(&side).await, side.heads().private.seq), (4, 3));
        let pages = side.pages().await;
        let names = [&publish(Agency::Ppc, "regretted"), &issue(Agency::Ppc, 2, "leak", "r"), &foreign].map(Act::name);
        assert!(names.iter().all(|name| !pages.contains_key(name)));
        assert_eq!(side.number("SELECT COUNT(*) FROM page WHERE matter LIKE '%regretted%'").await, 0);
        assert_ordinals(&side, 2).await;
        assert_feed_is_in_order(&side).await;
        assert_audited(&side, 1 + 8).await;
        assert_eq!(side.audit().await, []);
    });
}

#[test]
fn a_refused_call_writes_nothing_but_its_notes() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        for _ in 0..5 {
            assert_eq!(reason(&side.act(wrong_code(Agency::Ppc)).await), Reason::CodeNotFound);
        }
        assert_eq!(reason(&side.act(wrong_code(Agency::Ppc)).await), Reason::TooManyAttempts);

        let name = tries(Agency::Ppc).to_string();
        let page = side.store.page(&name).await.unwrap().unwrap();
        assert_eq!(page.marks(Journal::Private).len(), 5, "wrong tries are counted");
        assert!(page.is_empty(), "and never cross");
        let heads = side.heads();
        assert_eq!((heads.own.seq, anchors(&side).await, heads.private.seq, heads.turn), (5, 5, 5, 10));
        assert_eq!(side.number("SELECT COUNT(*) FROM call WHERE request IS NOT NULL").await, 0);
        assert_eq!(side.audit().await, []);
        assert_audited(&side, 6).await;
        let outcomes = side.rows("SELECT DISTINCT outcome FROM call ORDER BY outcome").await;
        let outcomes: Vec<String> = outcomes.iter().map(|row| row.get(0)).collect();
        assert_eq!(outcomes, ["CODE_NOT_FOUND", "TOO_MANY_ATTEMPTS"]);
    });
}

#[test]
fn a_repeated_call_is_answered_alike_and_done_once() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        side.act(publish(Agency::Ppc, "leak")).await.unwrap();
        let (call, act) = (call(500), issue(Agency::Ppc, 1, "leak", "report-1"));
        let first = side.act_as(call.clone(), act.clone()).await.unwrap();
        side.act(publish(Agency::Ppc, "other")).await.unwrap();

        let second = side.act_as(call.clone(), act.clone()).await.unwrap();
        let shouted = CallOrigin { request_id: call.request_id.to_uppercase(), ..call.clone() };
        assert_eq!(side.act_as(shouted, act.clone()).await.unwrap(), first, "a UUID has no case");
        let side = side.restart().await;
        let third = side.act_as(call.clone(), act.clone()).await.unwrap();

        assert_eq!((&second, &third), (&first, &first));
        assert_eq!(act.runs.load(Ordering::Relaxed), 1);
        assert_eq!((side.heads().own.seq, side.heads().private.seq), (3, 1));
        assert_audited(&side, 3).await;

        let changed = CallOrigin { digest: vec![0xff; 32], ..call.clone() };
        let reused = side.act_as(changed, act.clone()).await;
        assert!(matches!(reused, Err(Error::Declined(Declined::RequestIdReused))), "{reused:?}");
        assert_eq!(side.heads().own.seq, 3);
        let last = side.rows("SELECT outcome, matter FROM call ORDER BY seq DESC LIMIT 1").await;
        let last: (String, String) = (last[0].get(0), last[0].get(1));
        assert_eq!(last, ("REQUEST_ID_REUSED".to_owned(), String::new()), "the attempt is on record");

        // A digest covers the caller.
        let stranger = CallOrigin { caller: "spiffe://ppc/desk/casework".to_owned(), digest: vec![0xfe; 32], ..call };
        assert_eq!(reason(&side.act_as(stranger, act).await), Reason::AlreadyExists, "another caller's id is another");
        assert_eq!(side.audit().await, []);
    });
}

#[test]
fn a_call_that_is_repeated_in_its_own_batch_is_done_once() {
    on_each(async |database| {
        let (side, gate, mut steps) = gated(Agency::Ppc, database).await;
        let (once, refused) = (publish(Agency::Ppc, "once"), regret(&publish(Agency::Ppc, "never")));
        let changed = CallOrigin { digest: vec![0xff; 32], ..call(1) };
        let jobs = vec![
            (call(1), once.clone()),
            (call(1), once.clone()),
            (changed, once.clone()),
            (call(2), refused.clone()),
            (call(2), refused.clone()),
        ];

        let outcomes = together(&side, &gate, &mut steps, jobs).await;

        assert_eq!(outcomes[0].as_ref().unwrap(), outcomes[1].as_ref().unwrap());
        assert!(matches!(outcomes[2], Err(Error::Declined(Declined::RequestIdReused))));
        assert_eq!(reason(&outcomes[3]), reason(&outcomes[4]), "what was refused is judged again");
        assert_eq!(side.heads().own.seq, 1);
        assert_audited(&side, 1 + 1 + 2).await;
        assert_eq!(side.audit().await, []);
    });
}

#[test]
fn the_audit_record_names_who_what_and_where() {
    on_each(async |database| {
        let (side, gate, mut steps) = gated(Agency::Ppc, database).await;
        let jobs = vec![
            (side.call(), publish(Agency::Ppc, "leak")),
            (side.call(), nothing()),
            (CallOrigin::own("tick"), publish(Agency::Ppc, "own")),
        ];

        let outcomes = together(&side, &gate, &mut steps, jobs).await;

        assert!(outcomes.iter().all(Result::is_ok));
        let rows = side.rows("SELECT official, method, matter, purpose, outcome FROM call ORDER BY seq").await;
        let rows: Vec<[String; 5]> =
            rows.iter().map(|row| [0, 1, 2, 3, 4].map(|column: usize| row.get(column))).collect();
        let record =
            |matter: &str| [OFFICIAL, "/renkei.test/Act", matter, "incident-response", "OK"].map(str::to_owned);
        let expected = [record("agencies/ppc/schemes/leak"), record("")];
        assert_eq!(rows, expected, "what writes nothing names no matter; the service's own acts are not calls");
        let unit = &side.own_entries().await[0].header;
        assert_eq!((unit.unit.as_str(), unit.traceparent.is_empty()), ("intake-1", false));
    });
}

#[test]
fn a_clock_that_steps_back_does_not_take_the_journal_with_it() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        let source = source(6);
        let (early, late) = (source.moment(), source.moment());
        let write =
            async |call: CallOrigin, moment: Moment, act: Act| side.store.write("test", call, moment, act).await;
        write(call(1), late.clone(), publish(Agency::Ppc, "leak")).await.unwrap();
        write(call(2), early.clone(), issue(Agency::Ppc, 1, "leak", "report")).await.unwrap();
        assert_eq!(reason(&write(call(3), early, wrong_code(Agency::Ppc)).await), Reason::CodeNotFound);

        let mut written = side.own_entries().await;
        written.extend(side.entries(Journal::Private).await);
        assert_eq!(written.len(), 5);
        assert!(
            written.iter().all(|held| held.header.written_at == Some(stamp(late.now))),
            "judged and written at once"
        );
        assert_eq!(side.audit().await, []);
    });
}

#[test]
fn the_queue_has_a_limit_that_the_error_states() {
    on_each(async |database| {
        let (side, gate, mut steps) = gated(Agency::Ppc, database).await;
        gate.set(true);
        let mut held = Box::pin(side.run(nothing()));
        assert!(poll!(&mut held).is_pending());
        assert_eq!(steps.recv().await, Some("begin"));
        let mut waiting: Vec<_> = (0..QUEUE).map(|_| Box::pin(side.act(nothing()))).collect();
        for one in &mut waiting {
            assert!(poll!(one).is_pending());
        }

        let one_more = side.act(nothing()).await;

        assert!(matches!(one_more, Err(Error::Busy { limit: QUEUE })), "{one_more:?}");
        gate.set(false);
        assert!(join_all(waiting).await.iter().all(Result::is_ok));
        held.await.unwrap();
        let largest =
            "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM call WHERE request IS NOT NULL GROUP BY at_us) AS batches";
        assert!(usize::try_from(side.number(largest).await).unwrap() <= BATCH);
    });
}

#[test]
fn closing_writes_the_waiting_commands() {
    on_each(async |database| {
        let (side, gate, mut steps) = gated(Agency::Ppc, database).await;
        gate.set(true);
        let mut waiting: Vec<_> =
            (1..=4).map(|n| Box::pin(side.act(publish(Agency::Ppc, &format!("scheme-{n}"))))).collect();
        for one in &mut waiting {
            assert!(poll!(one).is_pending());
        }
        assert_eq!(steps.recv().await, Some("begin"));
        let store = side.store.clone();
        let closing = tokio::spawn(async move { store.close().await });
        gate.set(false);

        assert!(join_all(waiting).await.iter().all(Result::is_ok));
        closing.await.unwrap();
        assert!(matches!(side.act(nothing()).await, Err(Error::Ended)));
        let side = side.restart().await;
        assert_eq!(side.heads().own.seq, 4);
    });
}

#[test]
fn a_kind_is_written_only_after_the_peer_speaks_it() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let kinds = names(&[FactKind::NoticeGiven, FactKind::NoticeArrived]);
        pair.ppc.act(publish(Agency::Ppc, "before")).await.unwrap();
        pair.ipa.run(Begin { kinds }).await.unwrap();
        pair.settle().await;

        assert_eq!(reason(&pair.ppc.act(publish(Agency::Ppc, "after")).await), Reason::WrongState);
        pair.ppc.act(notice()).await.unwrap();
        let all = names(FactKind::ALL);
        pair.ipa.run(Begin { kinds: all.clone() }).await.unwrap();
        pair.ipa.run(Begin { kinds: all }).await.unwrap();
        pair.settle().await;

        pair.ppc.act(publish(Agency::Ppc, "after")).await.unwrap();
        let said = pair.ipa.own_entries().await;
        let said = said.iter().filter(|held| held.header.fact_type == "kinds_spoken");
        assert_eq!(said.count(), 2, "kinds are stated only when they changed");
        pair.settle().await;
        pair.assert_equal().await;
    });
}
