//! Connections after statements that did not end.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::pin::pin;

use futures::TryStreamExt as _;

use crate::{
    connect::connect,
    connection::{Connection, Pool},
    dialect::Dialect,
    driver::Soundness,
    query::query,
};

#[expect(dead_code, reason = "the file is one of other tests, which use more of it")]
#[path = "../../tests/store/database.rs"]
mod database;

use database::{Database, Engine};

/// A statement that takes long enough to be given up.
const LONG: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT MAX(i) FROM n";

/// Runs a test on the connections that read, on each kind of database.
fn on_each(test: impl AsyncFn(&Pool, Dialect)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for engine in Engine::BOTH {
        let database = Database::new(engine);
        let dialect = Dialect::of(database.url()).unwrap();
        runtime.block_on(async {
            let connected = connect(dialect, database.url(), true).await.unwrap();
            test(&connected.read, dialect).await;
            connected.close().await;
        });
    }
}

/// The number by which the server knows a connection. A file has no server.
async fn number(connection: &mut Connection, dialect: Dialect) -> i64 {
    match dialect {
        Dialect::Sqlite => 0,
        Dialect::Postgres => one(connection, "SELECT CAST(pg_backend_pid() AS BIGINT)").await,
    }
}

async fn one(connection: &mut Connection, text: &'static str) -> i64 {
    query(text).fetch_one(connection).await.unwrap().try_get(0).unwrap()
}

#[test]
fn a_statement_that_its_caller_gave_up_costs_no_connection() {
    on_each(async |pool, dialect| {
        let mut connection = pool.acquire().await.unwrap();
        let before = number(&mut connection, dialect).await;
        {
            let mut reading = pin!(query(LONG).fetch_all(&mut connection));
            assert!(futures::poll!(&mut reading).is_pending());
        }
        drop(connection);
        let mut connection = pool.acquire().await.unwrap();
        assert_eq!(number(&mut connection, dialect).await, before);
        // The answer is that of this statement, not of the one that was given up.
        assert_eq!(one(&mut connection, "SELECT CAST(7 AS BIGINT)").await, 7);
    });
}

#[test]
fn rows_that_are_not_read_to_the_end_leave_a_connection_in_doubt() {
    on_each(async |pool, dialect| {
        let rows = "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3";
        let mut connection = pool.acquire().await.unwrap();
        let before = number(&mut connection, dialect).await;
        let mut all = query(rows).fetch(&mut connection).unwrap();
        while all.try_next().await.unwrap().is_some() {}
        drop(all);
        assert_eq!(*connection.parts().unwrap().1, Soundness::Sound);
        assert!(query(rows).fetch(&mut connection).unwrap().try_next().await.unwrap().is_some());
        assert_eq!(*connection.parts().unwrap().1, Soundness::Doubtful);
        drop(connection);
        let mut connection = pool.acquire().await.unwrap();
        assert_eq!(number(&mut connection, dialect).await, before);
        assert_eq!(one(&mut connection, "SELECT CAST(7 AS BIGINT)").await, 7);
    });
}

#[test]
fn an_unhurried_transaction_leaves_no_connection_without_time_limits() {
    on_each(async |pool, dialect| {
        let mut transaction = pool.begin_unhurried().await.unwrap();
        let before = number(&mut transaction, dialect).await;
        transaction.commit().await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        let after = number(&mut connection, dialect).await;
        assert!(dialect == Dialect::Sqlite || after != before, "{before} is used again");
    });
}

#[test]
fn null_is_no_value() {
    on_each(async |pool, _| {
        let nulls = "SELECT CAST(NULL AS BIGINT), CAST(NULL AS TEXT)";
        let row = query(nulls).fetch_one(pool).await.unwrap();
        assert!(row.try_get::<i64>(0).is_err() && row.try_get::<String>(1).is_err() && row.try_get::<&str>(1).is_err());
        assert_eq!(row.try_get::<Option<i64>>(0).unwrap(), None);
        assert_eq!(row.try_get::<Option<String>>(1).unwrap(), None);
    });
}

#[test]
fn a_statement_that_failed_costs_no_connection() {
    on_each(async |pool, dialect| {
        let mut connection = pool.acquire().await.unwrap();
        let before = number(&mut connection, dialect).await;
        assert!(query("SELECT nothing FROM nowhere").fetch_all(&mut connection).await.is_err());
        drop(connection);
        let mut connection = pool.acquire().await.unwrap();
        assert_eq!(number(&mut connection, dialect).await, before);
    });
}

#[test]
fn a_transaction_that_did_not_end_is_closed_with_its_connection() {
    on_each(async |pool, dialect| {
        let mut transaction = pool.begin().await.unwrap();
        let before = number(&mut transaction, dialect).await;
        transaction.command("CREATE TABLE unfinished (n BIGINT)").await.unwrap();
        drop(transaction);
        // On SQLite this waits for the lock of the one before.
        let mut transaction = pool.begin().await.unwrap();
        let after = number(&mut transaction, dialect).await;
        assert!(dialect == Dialect::Sqlite || after != before, "{before} is used again");
        assert!(query("SELECT n FROM unfinished").fetch_all(&mut *transaction).await.is_err());
    });
}

#[test]
fn connections_that_are_all_in_use_are_waited_for() {
    on_each(async |pool, _| {
        let mut all = Vec::new();
        while pool.sizes().1 < crate::connect::READERS {
            all.push(pool.acquire().await.unwrap());
        }
        let mut waiting = pin!(pool.acquire());
        assert!(futures::poll!(&mut waiting).is_pending());
        all.pop();
        waiting.await.unwrap();
        assert_eq!(pool.sizes().1, crate::connect::READERS);
    });
}

#[test]
fn a_pool_is_closed_when_connections_are_that_were_given_up() {
    let database = Database::new(Engine::Sqlite);
    let log = format!("{}-wal", database.url().trim_start_matches("sqlite:"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let connected = connect(Dialect::Sqlite, database.url(), true).await.unwrap();
        let mut transaction = connected.write.begin().await.unwrap();
        transaction.command("CREATE TABLE unfinished (n BIGINT)").await.unwrap();
        assert!(std::fs::exists(&log).unwrap());
        // The thread of this connection is still busy when the pool is closed.
        assert!(futures::poll!(pin!(query(LONG).fetch_all(&mut *transaction))).is_pending());
        drop(transaction);
        connected.close().await;
        assert!(!std::fs::exists(&log).unwrap());
    });
}

#[test]
fn a_pool_waits_for_a_connection_whose_caller_left_while_it_was_made() {
    let database = Database::new(Engine::Sqlite);
    // Tasks run on this thread only, and therefore not before the first wait.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let connected = connect(Dialect::Sqlite, database.url(), true).await.unwrap();
        let mut all = Vec::new();
        while connected.read.sizes().0 > 0 {
            all.push(connected.read.acquire().await.unwrap());
        }
        let before = connected.read.open();
        assert!(futures::poll!(pin!(connected.read.acquire())).is_pending());
        assert_eq!(connected.read.open(), before + 1);
        drop(all);
        connected.close().await;
        assert_eq!(connected.read.open(), 0);
    });
}
