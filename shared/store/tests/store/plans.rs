//! Every statement on a path is answered by an index, so that it takes as long with a million entries as with a
//! thousand.

use renkei_proto::r#type::v1::Agency;
use renkei_store::{Dialect, Store, statements};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::{
    database::Engine,
    side::{connect, on_each},
};

/// Tables that stay small whatever happens: a row each for the store, its journals, replicas and counters, and SQLite's list of
/// tables. And the one row that a statement makes of a name that it asks for.
const SMALL: [&str; 6] = ["store", "head", "replica", "counter", "sqlite_master", "CONSTANT"];

/// The statements outside a path: the place of the database, the tables of a recovery, the deletion of replies after 30
/// days, and the tables that a rebuild reads whole.
const WHOLE: [&str; 6] = [
    "SELECT (SELECT system_identifier",
    "SELECT entry_id, seq, matter, fact_type, nonce, sealed, wrapped_key, ring_key_id, reason FROM aside",
    "UPDATE call SET request = NULL, digest = NULL, reply = NULL, seal = NULL WHERE request IS NOT NULL AND digest",
    "SELECT kind, value, matter FROM lookup",
    "DELETE FROM lookup",
    "DELETE FROM counter",
];

/// Rows in each table that grows. `{n}` is the row's number, `{bytes}` that number as bytes.
const FILL: [&str; 10] = [
    "INSERT INTO aside SELECT 'id-' || {n}, {n}, 'agencies/ppc/items/' || {n}, 'item_recalled', {bytes}, {bytes}, '', {bytes}, 'ring' FROM n",
    "INSERT INTO entry SELECT {n}, CASE {n} % 2 WHEN 0 THEN 'ppc' ELSE 'ipa' END, {n}, 'id-' || {n}, 'agencies/ppc/items/' || \
     ({n} / 2), 'item_recalled', {bytes}, {bytes}, 'key', {bytes}, {bytes}, {n} % 1000, {bytes}, 'STATE_PUBLISHED', {bytes}, \
     {bytes}, {bytes}, 'ring', {n}, {n} FROM n",
    "INSERT INTO page SELECT 'agencies/ppc/items/' || {n}, {n}, {n}, {bytes}, {bytes}, {bytes} FROM n",
    "INSERT INTO visible SELECT 'agencies/ppc/items/', '*/*', {n}, 'agencies/ppc/items/' || {n}, 9223372036854775807, 'STATE_PUBLISHED', 'both', 'undated' FROM n",
    "INSERT INTO lookup SELECT 'code/ppc', 'L-' || {n}, 'agencies/ppc/referrals/' || {n} FROM n",
    "INSERT INTO event SELECT {n}, {n}, 'agencies/ppc/items/' || {n}, {bytes} FROM n",
    "INSERT INTO duty SELECT 'give', '2026-12-01', {n}, 'agencies/ppc/referrals/' || {n} FROM n",
    "INSERT INTO receipt SELECT {n}, {n} / 2, {n}, {bytes}, 'key', {bytes} FROM n",
    "INSERT INTO receipt_given SELECT {n}, {n} / 2, {n}, {bytes}, 'key', {bytes} FROM n",
    "INSERT INTO call SELECT CASE {n} % 2 WHEN 0 THEN 'a/r' ELSE 'a/w' END, {n}, {bytes}, {bytes}, {n}, 'tanaka', 'caller', \
     'method', 'agencies/ppc/items/' || ({n} / 2), '', 'OK', 'call-' || {n}, {bytes}, {bytes}, {bytes} FROM n",
];

/// Fills each table up to a number of rows.
async fn fill(connection: &mut AnyConnection, engine: Engine, rows: u32) {
    let bytes = match engine {
        Engine::Sqlite => "CAST(i AS BLOB)",
        Engine::Postgres => "CAST(CAST(i AS TEXT) AS BYTEA)",
    };
    for fill in FILL {
        let rows = format!("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})");
        let fill = fill.replace("{n}", "i").replace("{bytes}", bytes);
        connection.execute(AssertSqlSafe(format!("{rows} {fill} WHERE i > 0 ON CONFLICT DO NOTHING"))).await.unwrap();
    }
}

/// The database's plan for the rows of a statement whose values it does not know yet, a line per step.
async fn plan(connection: &mut AnyConnection, engine: Engine, text: &str) -> Vec<String> {
    if engine == Engine::Sqlite {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
        let steps = sqlx::query(explain).fetch_all(&mut *connection).await.unwrap();
        return steps.iter().map(|step| step.get(3)).collect();
    }
    let values = (1..).take_while(|place| text.contains(&format!("${place}"))).count();
    let values = if values == 0 { String::new() } else { format!("({})", vec!["NULL"; values].join(", ")) };
    connection.execute(AssertSqlSafe(format!("PREPARE planned AS {text}"))).await.unwrap();
    let explain = AssertSqlSafe(format!("EXPLAIN (COSTS OFF) EXECUTE planned{values}"));
    let steps = sqlx::query(explain).fetch_all(&mut *connection).await.unwrap();
    connection.execute("DEALLOCATE planned").await.unwrap();
    steps.iter().map(|step| step.get(0)).collect()
}

/// True if the step sorts, or reads a whole table that grows.
fn is_slow(step: &str) -> bool {
    let words: Vec<&str> = step.split([' ', '(']).collect();
    let scanned = words.windows(2).find(|two| two[0] == "SCAN").map(|two| two[1]);
    // "SCAN 8 CONSTANT ROWS": the names that a statement asks for.
    let scanned = scanned.filter(|_| !step.ends_with(" CONSTANT ROWS"));
    let scanned = scanned.or_else(|| step.split_once("Seq Scan on ").and_then(|(_, rest)| rest.split(' ').next()));
    let sorts = step.contains("TEMP B-TREE") || words.contains(&"Sort");
    // A whole journal, row by row.
    let walks = step.starts_with("SEARCH") && step.contains(" (journal=?)") && !step.contains(" head ");
    // The ranges of a list end with its limit.
    let is_bounded = |table: &str| SMALL.contains(&table) || table.starts_with("range");
    sorts || walks || scanned.is_some_and(|table| !is_bounded(table))
}

/// The statements on a path that no index answers, each with its plan.
async fn slow(connection: &mut AnyConnection, engine: Engine, dialect: Dialect) -> Vec<String> {
    let mut slow = Vec::new();
    for text in statements(dialect) {
        let verbs = ["SELECT ", "UPDATE ", "DELETE "];
        if !verbs.iter().any(|verb| text.starts_with(verb)) || WHOLE.iter().any(|whole| text.starts_with(whole)) {
            continue;
        }
        let plan = plan(connection, engine, &text).await;
        if plan.iter().any(|step| is_slow(step)) || walked(&plan) {
            slow.push(format!("{text}\n    {}", plan.join("\n    ")));
        }
    }
    slow
}

/// True if PostgreSQL reads an index from one end to the other.
fn walked(plan: &[String]) -> bool {
    let scans = plan.iter().enumerate().filter_map(|(place, step)| {
        let (kind, rest) = step.split_once(" using ")?;
        let table = rest.split_once(" on ")?.1.split(' ').next()?;
        (kind.contains("Index") && !SMALL.contains(&table)).then_some(place)
    });
    scans.into_iter().any(|place| !plan.get(place + 1).is_some_and(|next| next.contains("Index Cond")))
}

#[test]
fn every_statement_on_a_path_is_answered_by_an_index() {
    on_each(async |database| {
        let (engine, dialect) = (database.engine(), Dialect::of(database.url()).unwrap());
        Store::migrate(database.url(), Agency::Ppc, "store", &renkei_store::silent).await.unwrap();
        let mut connection = connect(&database).await;
        if engine == Engine::Postgres {
            connection.execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
            for setting in dialect.settings() {
                connection.execute(AssertSqlSafe(*setting)).await.unwrap();
            }
        }
        // A service keeps the plans of its first calls, which were made when there was little to read, before or after the
        // database had looked at it.
        for rows in [0, 20, 200, 2_000, 20_000] {
            fill(&mut connection, engine, rows).await;
            let mut bad = slow(&mut connection, engine, dialect).await;
            // It does not look at a table without rows.
            if engine == Engine::Postgres && rows > 0 {
                connection.execute("ANALYZE").await.unwrap();
                bad.extend(slow(&mut connection, engine, dialect).await);
            }
            assert!(bad.is_empty(), "on {engine:?} with {rows} rows:\n{}", bad.join("\n"));
        }
        connection.close().await.unwrap();
    });
}

#[test]
fn nothing_is_counted_or_skipped_row_by_row() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        for text in statements(dialect) {
            assert!(!text.contains("COUNT(") && !text.contains("OFFSET"), "{text}");
            // SQLite looks at the value of a bare place there, and prepares the statement again for each run.
            let bare = text.split("LIMIT $").skip(1).any(|rest| !rest.contains(" + 0"));
            assert!(!bare, "{text}");
        }
    }
}
