//! Databases of former schemas are upgraded with their rows, also by an upgrade that is interrupted.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use jiff::Timestamp;
use renkei_domain::{case_number::CaseNumber, matter::Matter, page::Journal, standing::Filter, visibility::Reader};
use renkei_proto::{r#type::v1::Agency, watch::v1::event::Change};
use renkei_store::{Error, SCHEMA, Store, former_schema};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::{
    acts::{issue, publish, revise},
    database::{Database, Engine},
    side::{Side, call, connect, on_each, options, runtime, tamper},
};

/// The rows of a database of schema 9.
const ROWS: &str = include_str!("../data/schema-9.sql");
/// The number of entries in all three journals there, and of records of calls.
const ENTRIES: u64 = 31;
const CALLS: u64 = 14;
/// The variable that tells the child its database, and the rows after whose copying it waits to be killed.
const ORDER: &str = "RENKEI_STORE_UPGRADE";
const COPIED: &str = "the rows are copied";

/// Makes a database of schema 9 with its rows.
async fn former(database: &Database) {
    let dialect = renkei_store::Dialect::of(database.url()).unwrap();
    // SQLite's file is created by setting it up.
    Store::migrate(database.url(), Agency::Ppc, "another", &renkei_store::silent).await.unwrap();
    let mut connection = connect(database).await;
    for undo in undone(&mut connection, database.engine()).await {
        connection.execute(AssertSqlSafe(undo)).await.unwrap();
    }
    for statement in former_schema(dialect, 9) {
        connection.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    for row in ROWS.lines().filter(|line| !line.starts_with("--")) {
        let row = match database.engine() {
            Engine::Sqlite => row.replace('<', "X'").replace('>', "'"),
            Engine::Postgres => row.replace('<', "'\\x").replace('>', "'"),
        };
        connection.execute(AssertSqlSafe(row)).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// The statements that remove every view and table.
async fn undone(connection: &mut AnyConnection, engine: Engine) -> Vec<String> {
    let all = match engine {
        Engine::Sqlite => {
            "SELECT 'DROP ' || type || ' ' || name FROM sqlite_schema WHERE type IN ('view', 'table') ORDER BY type DESC"
        }
        Engine::Postgres => {
            "SELECT 'DROP ' || CASE table_type WHEN 'VIEW' THEN 'VIEW ' ELSE 'TABLE ' END || table_name \
             FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_type DESC"
        }
    };
    sqlx::query(all).fetch_all(connection).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn opened(database: &Database) -> Error {
    Store::open(options(Agency::Ppc, database)).await.err().unwrap()
}

/// Checks that nothing of the former database is missing or different.
async fn assert_whole(database: Database) {
    let store = Store::open(options(Agency::Ppc, &database)).await.unwrap();
    let side = Side::on(store, database, 999);
    let heads = side.heads();
    assert_eq!((heads.own.seq, heads.peer.seq, heads.private.seq), (15, 12, 4));
    // The last own entry lies about its fact.
    assert_eq!(side.audit().await.len(), 1);
    assert_eq!(side.store.rebuild(false).await.unwrap().differing, Vec::<String>::new());
    assert_eq!(side.number("SELECT COUNT(*) FROM entry WHERE ciphertext IS NOT NULL").await, 12);
    for journal in renkei_store::JOURNALS {
        for entry in side.entries(journal).await {
            assert_eq!(entry.content_present, entry.entry.content.is_some());
        }
    }
    // What is told begins with the new schema, and goes on from there.
    assert_eq!((side.store.told_from(), side.store.feed(0, 10).await.unwrap()), (heads.turn, Vec::new()));
    // A repeat of a call finds the first reply.
    let repeated = side.act_as(call(112_000), publish(Agency::Ppc, "leak")).await.unwrap();
    assert_eq!(repeated.entry, "agencies/ppc/entries/1");
    assert_eq!(side.heads(), heads, "nothing was written");
    let revised = side.act(revise(Agency::Ppc, "leak")).await.unwrap();
    let told = side.store.feed(heads.turn, 10).await.unwrap();
    assert!(matches!(&told[0].event.change, Some(Change::EntryApplied(applied)) if applied.entry == revised.entry));
    assert_eq!(told[0].turn, heads.turn + 1);
    assert_eq!(side.entries(Journal::Of(Agency::Ppc)).await.len(), 16);
}

#[test]
fn a_database_of_a_former_schema_is_upgraded_with_everything_that_it_contains() {
    on_each(async |database| {
        former(&database).await;
        let older = opened(&database).await;
        assert!(matches!(older, Error::OlderSchema { found: 9, known: SCHEMA }), "{older}");
        let told = std::sync::Mutex::new(Vec::new());
        let progress = |what: &str, done: u64, all: u64| told.lock().unwrap().push((what.to_owned(), done, all));
        assert_eq!(Store::migrate(database.url(), Agency::Ppc, "again", &progress).await.unwrap(), SCHEMA - 9);
        assert_eq!(
            told.into_inner().unwrap(),
            [("entries".to_owned(), ENTRIES, ENTRIES), ("calls".to_owned(), CALLS, CALLS)]
        );
        assert_eq!(Store::upgrade(database.url(), Agency::Ppc, &renkei_store::silent).await.unwrap(), 0);
        assert_whole(database).await;
    });
}

/// Begins an upgrade and breaks it off when all rows of this kind are copied.
async fn interrupted(database: &Database, kind: &'static str) {
    let url = database.url().to_owned();
    let cut = tokio::spawn(async move {
        let progress = |what: &str, _: u64, _: u64| assert_ne!(what, kind, "this is where it is cut off");
        Store::upgrade(&url, Agency::Ppc, &progress).await
    });
    assert!(cut.await.unwrap_err().is_panic());
    let half = opened(database).await;
    assert!(matches!(half, Error::HalfMigrated), "{half}");
    assert!(half.to_string().contains("run `migrate` to finish it"), "{half}");
}

#[test]
fn an_upgrade_that_was_interrupted_is_refused_by_name_and_then_finished() {
    on_each(async |database| {
        former(&database).await;
        for kind in ["entries", "calls"] {
            interrupted(&database, kind).await;
        }
        assert_eq!(Store::upgrade(database.url(), Agency::Ppc, &renkei_store::silent).await.unwrap(), 1);
        assert_whole(database).await;
    });
}

/// Lets a child upgrade the database, and kills it when all rows of this kind are copied.
fn killed(database: &Database, kind: &str) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::migration::child", "--ignored", "--nocapture"])
        .env(ORDER, format!("{}|{kind}", database.url()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == COPIED), "the child has not come so far");
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it was killed");
}

/// This is not a test of its own: the tests below run and kill it.
#[test]
#[ignore = "the tests that kill it start it"]
#[expect(clippy::disallowed_methods, reason = "the parent's order; there is no configuration here")]
fn child() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let (url, kind) = order.split_once('|').unwrap();
    let progress = |what: &str, _: u64, _: u64| {
        if what == kind {
            // A test may not print by the macro, which its harness could keep back.
            let mut out = std::io::stdout().lock();
            writeln!(out, "\n{COPIED}").unwrap();
            out.flush().unwrap();
            // The input also ends when the parent has gone.
            let _ = std::io::stdin().read_line(&mut String::new());
        }
    };
    runtime().block_on(Store::upgrade(url, Agency::Ppc, &progress)).unwrap();
}

#[test]
fn an_upgrade_whose_process_is_killed_is_finished() {
    on_each(async |database| {
        former(&database).await;
        for kind in ["entries", "calls"] {
            killed(&database, kind);
            assert!(matches!(opened(&database).await, Error::HalfMigrated));
        }
        assert_eq!(Store::upgrade(database.url(), Agency::Ppc, &renkei_store::silent).await.unwrap(), 1);
        assert_whole(database).await;
    });
}

#[test]
fn one_program_at_a_time_upgrades_a_database() {
    on_each(async |database| {
        former(&database).await;
        let upgrade = || Store::upgrade(database.url(), Agency::Ppc, &renkei_store::silent);
        let (mut one, mut two) = tokio::join!(upgrade(), upgrade());
        if one.is_err() || matches!(one, Ok(0)) {
            std::mem::swap(&mut one, &mut two);
        }
        assert_eq!(one.unwrap(), SCHEMA - 9);
        match (database.engine(), two) {
            // A server lets the second one wait, and there is nothing left to do then.
            (_, Ok(0)) => {}
            (Engine::Sqlite, Err(error @ Error::Served(_))) => {
                assert!(error.to_string().contains("or upgrades it"), "{error}");
            }
            (_, two) => panic!("{two:?}"),
        }
        assert_whole(database).await;
    });
}

#[test]
fn an_upgrade_that_was_interrupted_while_it_removed_the_old_rows_is_finished() {
    on_each(async |database| {
        former(&database).await;
        interrupted(&database, "calls").await;
        // Everything is copied, and some of each old table is gone.
        for removed in [
            "UPDATE store SET migrating = 2",
            "DELETE FROM entry_before WHERE turn < 9",
            "DELETE FROM content WHERE seq < 9",
            "DELETE FROM matter_key",
            "DELETE FROM audit_before WHERE seq < 9",
        ] {
            tamper(&database, removed).await;
        }
        assert!(matches!(opened(&database).await, Error::HalfMigrated));
        assert_eq!(Store::upgrade(database.url(), Agency::Ppc, &renkei_store::silent).await.unwrap(), 1);
        assert_whole(database).await;
    });
}

#[test]
fn nothing_is_removed_unless_everything_is_copied() {
    on_each(async |database| {
        former(&database).await;
        interrupted(&database, "entries").await;
        tamper(&database, "DELETE FROM entry WHERE turn = 9").await;
        let error = Store::upgrade(database.url(), Agency::Ppc, &renkei_store::silent).await.unwrap_err();
        let said = format!("{} of {ENTRIES} rows were copied, and nothing was removed", ENTRIES - 1);
        assert!(error.to_string().contains(&said), "{error}");
        let mut connection = connect(&database).await;
        let old = sqlx::query("SELECT COUNT(*) FROM entry_before").fetch_one(&mut connection).await.unwrap();
        assert_eq!(u64::try_from(old.get::<i64, _>(0)).unwrap(), ENTRIES);
        connection.close().await.unwrap();
    });
}

/// The head that a program of schema 9 writes with each of its batches, and without which it commits no entry.
#[test]
fn a_program_of_the_former_schema_that_still_runs_commits_nothing() {
    on_each(async |database| {
        former(&database).await;
        let head = "INSERT INTO head (journal, seq, hash, written_us, seen_peer_seq, incarnation, receipted, receipted_own, \
             receipted_us, stop_seq, stop_reason, turn, feed, recover_to) SELECT journal, seq, hash, written_us, \
             seen_peer_seq, incarnation, receipted, receipted_own, receipted_us, stop_seq, stop_reason, turn, 99, recover_to \
             FROM head WHERE journal = 'ppc' ON CONFLICT (journal) DO UPDATE SET feed = excluded.feed";
        let mut connection = connect(&database).await;
        connection.execute(head).await.unwrap();
        interrupted(&database, "entries").await;
        assert!(connection.execute(head).await.is_err(), "it was prepared before the upgrade, or is now");
        connection.close().await.unwrap();
        assert_eq!(Store::upgrade(database.url(), Agency::Ppc, &renkei_store::silent).await.unwrap(), 1);
        assert_whole(database).await;
    });
}

/// Takes back what schema 13 added to the lists, and schema 14 to the one row of the store.
async fn without_standings(database: &Database) {
    tamper(database, "ALTER TABLE store DROP COLUMN erasing").await;
    tamper(database, "DROP INDEX visible_by_state").await;
    tamper(database, "DROP INDEX visible_by_waiting").await;
    for column in ["state", "waiting_for", "due_day"] {
        tamper(database, &format!("ALTER TABLE visible DROP COLUMN {column}")).await;
    }
}

#[test]
fn the_matters_of_a_former_database_are_listed_by_their_standing() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        side.act(publish(Agency::Ppc, "leak")).await.unwrap();
        let issued = issue(Agency::Ppc, 1, "leak", "report");
        side.act(issued.clone()).await.unwrap();
        let listed = async |side: &Side, state| {
            let filter = Filter { state: Some(state), ..Filter::default() };
            let reader = (&Reader::default(), Timestamp::UNIX_EPOCH);
            let (noun, openers) = (renkei_domain::noun::referral::COLLECTION, [Agency::Ppc]);
            let page = side.store.list(noun, &openers, &filter, reader, u64::MAX, 10).await.unwrap();
            page.into_iter().map(|it| it.matter.to_string()).collect::<Vec<_>>()
        };
        let database = side.end().await;
        without_standings(&database).await;
        tamper(&database, "UPDATE store SET schema = 12").await;
        assert_eq!(Store::upgrade(database.url(), Agency::Ppc, &renkei_store::silent).await.unwrap(), SCHEMA - 12);
        let side = Side::new(Agency::Ppc, database).await;
        // There is no scheme of the peer to introduce, so nothing is to be given.
        assert_eq!(listed(&side, "STATE_DISCHARGED").await, [issued.name()]);
        assert_eq!(listed(&side, "STATE_ISSUED").await, [""; 0]);
        assert_eq!(side.store.rebuild(false).await.unwrap().differing, Vec::<String>::new());
    });
}

#[test]
fn the_matters_of_a_former_database_are_found_by_their_case_numbers() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        side.act(publish(Agency::Ppc, "leak")).await.unwrap();
        let issued = issue(Agency::Ppc, 1, "leak", "report");
        side.act(issued.clone()).await.unwrap();
        let number = CaseNumber::parse("甲 令和8年 REF 1", "").unwrap();
        let named = async |side: &Side| side.store.lookups(&number.lookup()).await.unwrap();
        assert_eq!(named(&side).await, [Matter::of(&issued.name())]);
        let database = side.end().await;
        tamper(&database, "DELETE FROM lookup WHERE kind LIKE 'case/%'").await;
        without_standings(&database).await;
        tamper(&database, "UPDATE store SET schema = 11").await;
        assert_eq!(Store::upgrade(database.url(), Agency::Ppc, &renkei_store::silent).await.unwrap(), SCHEMA - 11);
        let side = Side::new(Agency::Ppc, database).await;
        assert_eq!(named(&side).await, [Matter::of(&issued.name())]);
        assert_eq!(side.store.rebuild(false).await.unwrap().differing, Vec::<String>::new());
    });
}

#[test]
fn the_index_of_replies_is_exchanged() {
    on_each(async |database| {
        Store::migrate(database.url(), Agency::Ppc, "store", &renkei_store::silent).await.unwrap();
        tamper(&database, "DROP INDEX call_by_time_of_reply").await;
        tamper(&database, "CREATE INDEX call_by_time ON call (at_us) WHERE request IS NOT NULL").await;
        without_standings(&database).await;
        tamper(&database, "UPDATE store SET schema = 10").await;
        assert_eq!(Store::upgrade(database.url(), Agency::Ppc, &renkei_store::silent).await.unwrap(), SCHEMA - 10);
        let names = match database.engine() {
            Engine::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'call_by_time%'",
            Engine::Postgres => "SELECT CAST(indexname AS TEXT) FROM pg_indexes WHERE indexname LIKE 'call_by_time%'",
        };
        let mut connection = connect(&database).await;
        let names = sqlx::query(names).fetch_all(&mut connection).await.unwrap();
        let names: Vec<String> = names.iter().map(|row| row.get(0)).collect();
        assert_eq!(names, ["call_by_time_of_reply"]);
        connection.close().await.unwrap();
    });
}
