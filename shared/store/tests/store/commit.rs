//! Commits whose outcome the writer does not get to know.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use renkei_book::Declined;
use renkei_proto::{options::v1::Reason, r#type::v1::Agency};
use renkei_store::{Error, Fault, Faults, Options, Store};

use super::{
    acts::{Act, issue, notice, publish, wrong_code},
    database::{Database, Engine},
    link::{Pair, arrive, carry, forge, forged_scheme, receipt_of, refusal, take_receipt},
    side::{Side, call, losing, on_each, options, runtime, source},
};

/// Checks that one act was written once, once in every table, and that the store continues.
async fn assert_done_once(side: Side, act: &Act) {
    assert_eq!((side.heads().own.seq, side.heads().private.seq), (2, 1));
    for (table, rows) in [
        ("entry", 3),
        ("entry WHERE ciphertext IS NOT NULL", 2),
        ("event", 0),
        ("call", 2),
        ("call WHERE reply IS NOT NULL", 2),
    ] {
        assert_eq!(side.number(&format!("SELECT COUNT(*) FROM {table}")).await, rows, "{table}");
    }
    let again = side.act_as(call(900), act.clone()).await.unwrap();
    assert_eq!(again.entry, "agencies/ppc/entries/2");
    side.act(notice()).await.unwrap();
    assert_eq!(side.feed().await.len(), 3);
    assert_eq!(side.audit().await, []);
}

/// A store with one scheme, which then meets faults.
async fn with_scheme(own: Agency, database: Database, faults: Faults) -> Side {
    let side = Side::new(own, database).await;
    side.act(publish(own, "leak")).await.unwrap();
    let database = side.end().await;
    let store = Store::open(Options { faults, ..options(own, &database) }).await.unwrap();
    Side::on(store, database, 5)
}

#[test]
fn a_commit_whose_answer_is_lost_is_answered_as_committed() {
    on_each(async |database| {
        let side = with_scheme(Agency::Ppc, database, losing(&["after commit"])).await;
        let act = issue(Agency::Ppc, 1, "leak", "report-1");

        let reply = side.act_as(call(900), act.clone()).await.unwrap();

        assert_eq!(reply.entry, "agencies/ppc/entries/2");
        assert_eq!(act.runs.load(Ordering::Relaxed), 1);
        assert_done_once(side, &act).await;
    });
}

#[test]
fn a_commit_that_did_not_take_place_is_run_again_exactly_once() {
    on_each(async |database| {
        let side = with_scheme(Agency::Ppc, database, losing(&["before commit"])).await;
        let act = issue(Agency::Ppc, 1, "leak", "report-1");

        let reply = side.act_as(call(900), act.clone()).await.unwrap();

        assert_eq!(reply.entry, "agencies/ppc/entries/2");
        assert_eq!(act.runs.load(Ordering::Relaxed), 2);
        assert_done_once(side, &act).await;
    });
}

#[test]
fn a_batch_that_did_not_begin_is_an_error_and_can_be_repeated() {
    on_each(async |database| {
        let side = with_scheme(Agency::Ppc, database, losing(&["begin"])).await;
        let act = issue(Agency::Ppc, 1, "leak", "report-1");

        let outcome = side.act_as(call(900), act.clone()).await;

        assert!(matches!(outcome, Err(Error::Uncommitted(_))), "{outcome:?}");
        assert_eq!((act.runs.load(Ordering::Relaxed), side.heads().own.seq), (1, 1));
        side.act_as(call(900), act.clone()).await.unwrap();
        assert_done_once(side, &act).await;
    });
}

/// The statements that make the database end every transaction of a batch and of a record by itself, as a full disk
/// does, and those that end this: SQLite rolls back at once, PostgreSQL at the COMMIT.
fn ending_transactions(engine: Engine) -> [&'static [&'static str]; 2] {
    match engine {
        Engine::Sqlite => [
            &["CREATE TRIGGER full AFTER INSERT ON call BEGIN SELECT RAISE(ROLLBACK, 'disk is full'); END"],
            &["DROP TRIGGER full"],
        ],
        Engine::Postgres => [
            &[
                "CREATE TABLE absent (one BIGINT PRIMARY KEY)",
                "CREATE TABLE refused (one BIGINT REFERENCES absent (one) DEFERRABLE INITIALLY DEFERRED)",
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
                 'BEGIN INSERT INTO refused VALUES (1); RETURN NEW; END'",
                "CREATE TRIGGER refuse AFTER INSERT ON call FOR EACH ROW EXECUTE FUNCTION refuse()",
            ],
            &["DROP TRIGGER refuse ON call"],
        ],
    }
}

#[test]
fn a_transaction_that_the_database_ends_by_itself_keeps_no_later_one_from_being_made() {
    on_each(async |database| {
        let [end, relent] = ending_transactions(database.engine());
        let side = Side::new(Agency::Ppc, database).await;
        side.act(publish(Agency::Ppc, "leak")).await.unwrap();
        let read = async || side.store.record_read(&side.call(), "schemes/leak", "OK", &side.source.moment()).await;
        for statement in end {
            side.tamper(statement).await;
        }
        let act = issue(Agency::Ppc, 1, "leak", "report-1");
        for _ in 0..2 {
            let outcome = side.act_as(call(900), act.clone()).await;
            assert!(matches!(outcome, Err(Error::Uncommitted(_))), "{outcome:?}");
            let outcome = read().await;
            assert!(matches!(outcome, Err(Error::AuditUnavailable)), "{outcome:?}");
        }
        for statement in relent {
            side.tamper(statement).await;
        }
        assert_eq!(side.act_as(call(900), act.clone()).await.unwrap().entry, "agencies/ppc/entries/2");
        read().await.unwrap();
        assert_eq!((side.heads().own.seq, side.number("SELECT COUNT(*) FROM call").await), (2, 3));
        assert_eq!(side.audit().await, []);
    });
}

#[test]
fn a_refused_call_is_noted_once_whatever_becomes_of_the_commit() {
    on_each(async |database| {
        let faults = losing(&["before commit", "after commit"]);
        let side = Side::with(Agency::Ppc, database, faults).await;
        for _ in 0..2 {
            let outcome = side.act(wrong_code(Agency::Ppc)).await;
            assert!(matches!(outcome, Err(Error::Declined(Declined::Refused(_)))), "{outcome:?}");
        }
        assert_eq!(side.heads().private.seq, 2);
        assert_eq!(side.number("SELECT COUNT(*) FROM call").await, 2);
        assert_eq!(side.audit().await, []);
    });
}

#[test]
fn a_receipt_leaves_no_entry_and_is_kept_all_the_same() {
    on_each(async |database| {
        for lost in ["before commit", "after commit"] {
            let engine = database.engine();
            let ppc = with_scheme(Agency::Ppc, Database::new(engine), losing(&[lost])).await;
            let pair = Pair { ppc, ipa: Side::new(Agency::Ipa, Database::new(engine)).await };
            carry(&pair.ppc, &pair.ipa, 1).await;

            take_receipt(&pair.ppc, receipt_of(&pair.ipa)).await.unwrap();

            assert_eq!(pair.ppc.heads().own.receipted, 1, "{lost}");
            let ppc = pair.ppc.restart().await;
            assert_eq!(ppc.heads().own.receipted, 1, "{lost}: only announced, not written");
            assert_eq!(ppc.number("SELECT COUNT(*) FROM receipt").await, 1);
            assert_eq!(ppc.feed().await.len(), 2);
        }
    });
}

/// The first entry of the lost batch repeats the id of a stored entry, which must not be mistaken for the batch itself.
#[test]
fn a_peer_that_reuses_an_id_cannot_hide_a_lost_commit() {
    on_each(async |database| {
        let ppc = Side::new(Agency::Ppc, Database::new(database.engine())).await;
        let ipa = with_scheme(Agency::Ipa, database, losing(&["before commit"])).await;
        let taken = ipa.own_entries().await[0].header.entry_id.clone();
        let mut lie = forged_scheme(&ppc, "liar").await;
        forge(&mut lie, Agency::Ppc, |header| header.entry_id = taken);

        arrive(&ipa, Agency::Ppc, vec![lie]).await.unwrap();

        assert_eq!(ipa.peer_entries().await.len(), 1, "the entry is stored");
        assert_eq!(refusal(&ipa, Agency::Ppc, 1).await, Some(Reason::HeaderDiffers));
        assert_eq!(ipa.audit().await, []);
    });
}

/// A commit is lost, and before the writer can look, another replica writes under the same number.
#[test]
fn the_write_of_another_replica_in_between_does_not_pass_for_the_lost_commit() {
    runtime().block_on(async {
        let database = Arc::new(Database::new(Engine::Postgres));
        Store::migrate(database.url(), Agency::Ppc, "store", &renkei_store::silent).await.unwrap();
        let (lost, mut is_lost) = tokio::sync::mpsc::unbounded_channel();
        let (written, is_written) = std::sync::mpsc::channel();
        let is_written = std::sync::Mutex::new(is_written);
        let (cut, left) = (Arc::clone(&database), AtomicUsize::new(1));
        let faults: Faults = Arc::new(move |step| {
            if step != "before commit" || left.swap(0, Ordering::Relaxed) == 0 {
                return Fault::None;
            }
            cut.cut_connections();
            lost.send(()).unwrap();
            is_written.lock().unwrap().recv().unwrap();
            Fault::None
        });
        let one = Store::open(Options { faults, ..options(Agency::Ppc, &database) }).await.unwrap();
        let two = Options { replica: "two".to_owned(), ..options(Agency::Ppc, &database) };
        let two = Store::open(two).await.unwrap();

        let first = one.write("test", call(1), source(1).moment(), publish(Agency::Ppc, "one"));
        let second = async {
            is_lost.recv().await.unwrap();
            let outcome = two.write("test", call(2), source(2).moment(), publish(Agency::Ppc, "two")).await;
            written.send(()).unwrap();
            outcome
        };
        let (first, second) = tokio::join!(first, second);

        let entries = [first.unwrap().entry, second.unwrap().entry];
        assert_eq!(entries, ["agencies/ppc/entries/2", "agencies/ppc/entries/1"]);
        two.close().await;
        one.close().await;
        drop(one);
        let side = Side::restored(Agency::Ppc, Arc::into_inner(database).unwrap()).await;
        assert_eq!((side.heads().own.seq, side.number("SELECT COUNT(*) FROM call").await), (2, 2));
        assert_eq!(side.audit().await, []);
    });
}

/// The same test with real connections, which the server cuts at each step, as it does when it is restarted.
#[test]
fn connections_that_are_cut_at_any_step_lose_and_double_nothing() {
    for step in ["begin", "before commit", "after commit"] {
        runtime().block_on(async {
            let database = Arc::new(Database::new(Engine::Postgres));
            let (cut, hits) = (Arc::clone(&database), Arc::new(AtomicUsize::new(0)));
            let counted = Arc::clone(&hits);
            let faults: Faults = Arc::new(move |at| {
                // The scheme is written first, without a fault.
                if at == step && counted.fetch_add(1, Ordering::Relaxed) == 1 {
                    cut.cut_connections();
                    return if at == "after commit" { Fault::Lost } else { Fault::None };
                }
                Fault::None
            });
            Store::migrate(database.url(), Agency::Ppc, "store", &renkei_store::silent).await.unwrap();
            let store = Store::open(Options { faults, ..options(Agency::Ppc, &database) }).await.unwrap();
            let source = source(3);
            store.write("test", call(1), source.moment(), publish(Agency::Ppc, "leak")).await.unwrap();

            let act = issue(Agency::Ppc, 1, "leak", "report-1");
            let reply = store.write("test", call(900), source.moment(), act).await.unwrap();

            assert_eq!(reply.entry, "agencies/ppc/entries/2", "{step}");
            assert!(hits.load(Ordering::Relaxed) > 1, "{step} was not reached");
            let heads = store.heads().borrow().clone();
            assert_eq!((heads.own.seq, heads.private.seq, heads.turn), (2, 1, 3), "{step}");
            assert_eq!(store.feed(0, 10).await.unwrap().len(), 2);
            store.close().await;
            drop(store);
        });
    }
}
