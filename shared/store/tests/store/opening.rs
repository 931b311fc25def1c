//! Opening a database: whose it is, which schema it has, and that every statement is one of both databases.

use std::{collections::BTreeSet, fs};

use renkei_domain::page::Journal;
use renkei_proto::r#type::v1::Agency;
use renkei_store::{Dialect, Error, Options, SCHEMA, Store, statements};
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection, Row as _, SqlSafeStr as _, SqliteConnection};

use super::{
    acts::publish,
    database::{Database, Engine},
    side::{Side, content, on_each, options, runtime, tamper},
};

async fn opened(own: Agency, database: &Database) -> Error {
    Store::open(options(own, database)).await.err().unwrap()
}

#[test]
fn a_database_serves_its_owner_only() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        assert_eq!((side.store.id(), side.store.own()), ("store-of-tests", Agency::Ppc));
        side.store.ping().await.unwrap();
        let database = side.end().await;

        let other = opened(Agency::Ipa, &database).await;
        assert!(matches!(&other, Error::WrongOwner { found, own } if found == "ppc" && own == "ipa"), "{other}");
        let other = Store::migrate(database.url(), Agency::Ipa, "another", &renkei_store::silent).await.unwrap_err();
        assert!(matches!(other, Error::WrongOwner { .. }), "{other}");
    });
}

#[test]
fn only_the_schema_that_this_version_knows_is_opened() {
    on_each(async |database| {
        assert_eq!(Store::migrate(database.url(), Agency::Ppc, "first", &renkei_store::silent).await.unwrap(), SCHEMA);
        assert_eq!(
            Store::migrate(database.url(), Agency::Ppc, "second", &renkei_store::silent).await.unwrap(),
            0,
            "nothing is left to do"
        );
        assert_eq!(Store::open(options(Agency::Ppc, &database)).await.unwrap().id(), "first");

        let newer = SCHEMA + 1;
        tamper(&database, &format!("UPDATE store SET schema = {newer}")).await;
        let expected =
            |error: &Error| matches!(error, Error::NewerSchema { found, known } if (*found, *known) == (newer, SCHEMA));
        let error = opened(Agency::Ppc, &database).await;
        assert!(expected(&error), "{error}");
        let error = Store::migrate(database.url(), Agency::Ppc, "third", &renkei_store::silent).await.unwrap_err();
        assert!(expected(&error), "{error}");

        tamper(&database, &format!("UPDATE store SET schema = {}", SCHEMA - 1)).await;
        let older = opened(Agency::Ppc, &database).await;
        assert!(matches!(older, Error::OlderSchema { found, known } if (found, known) == (SCHEMA - 1, SCHEMA)));
    });
}

#[test]
fn a_database_that_was_never_set_up_is_refused_with_advice() {
    on_each(async |database| {
        if let Some(path) = database.url().strip_prefix("sqlite:") {
            // PostgreSQL's database exists; SQLite's is an empty file.
            fs::write(path, []).unwrap();
        }
        let empty = opened(Agency::Ppc, &database).await;
        assert!(matches!(empty, Error::Missing(_)), "{empty}");
        assert!(empty.to_string().contains("restore a backup; `migrate`"), "{empty}");
        let kept = Store::upgrade(database.url(), Agency::Ppc, &renkei_store::silent).await.unwrap_err();
        assert!(matches!(kept, Error::Missing(_)), "an upgrade sets up nothing: {kept}");
    });
}

#[test]
fn a_database_that_lost_its_first_table_is_damaged_and_not_treated_as_new() {
    on_each(async |database| {
        let database = Side::new(Agency::Ppc, database).await.end().await;
        for (loss, words) in [
            ("DELETE FROM store", "its table store has no row: restore a backup"),
            ("ALTER TABLE store RENAME TO elsewhere", "its table store is missing: restore a backup"),
        ] {
            tamper(&database, loss).await;
            let error = opened(Agency::Ppc, &database).await;
            assert!(error.to_string().contains(words), "{error}");
            let error =
                Store::migrate(database.url(), Agency::Ppc, "another", &renkei_store::silent).await.unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    });
}

#[test]
fn a_file_has_one_process_that_serves() {
    runtime().block_on(async {
        let side = Side::new(Agency::Ppc, Database::new(Engine::Sqlite)).await;
        side.store.join(Vec::new()).await.unwrap();
        let other = Store::open(options(Agency::Ppc, &side.database)).await.unwrap();
        let error = other.join(Vec::new()).await.unwrap_err();
        assert!(matches!(error, Error::Served(_)), "{error}");
        side.store.close().await;
        other.join(Vec::new()).await.unwrap();
        other.close().await;
    });
}

#[test]
fn a_missing_row_is_damage_and_not_a_database_that_does_not_answer() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        side.act(publish(Agency::Ppc, "leak")).await.unwrap();
        side.tamper("UPDATE entry SET wrapped_key = NULL").await;
        let error = content(&side.store, Journal::Of(Agency::Ppc), 1).await.unwrap_err();
        assert!(matches!(error, Error::Damaged(_)), "{error:?}");
    });
}

/// Checks the answers and the signs when the database is not the one that was opened.
async fn assert_refused(side: &Side) {
    let outcome = side.act(publish(Agency::Ppc, "lost")).await.unwrap_err();
    assert!(outcome.to_string().contains("was deleted or replaced while the service runs"), "{outcome}");
    let read = side.store.record_read(&side.call(), "schemes/leak", "OK", &side.source.moment()).await;
    assert!(matches!(read, Err(Error::AuditUnavailable)), "{read:?}");
    let answers = side.store.ping().await.unwrap_err();
    assert!(matches!(answers, Error::Replaced(_)), "{answers}");
    assert!(side.store.condition().trouble().contains("was deleted or replaced"));
}

#[test]
fn nothing_is_written_to_a_file_that_was_deleted_or_replaced_until_it_is_back() {
    runtime().block_on(async {
        let side = Side::new(Agency::Ppc, Database::new(Engine::Sqlite)).await;
        side.act(publish(Agency::Ppc, "leak")).await.unwrap();
        let file = renkei_store::file_of(side.database.url()).unwrap().to_owned();
        let away = file.with_extension("away");
        fs::rename(&file, &away).unwrap();
        assert_refused(&side).await;
        fs::copy(&away, &file).unwrap();
        assert_refused(&side).await;
        fs::rename(&away, &file).unwrap();
        side.act(publish(Agency::Ppc, "kept")).await.unwrap();
        side.store.ping().await.unwrap();
        assert_eq!((side.heads().own.seq, side.store.condition().trouble()), (2, ""));
        side.end().await;
    });
}

#[test]
fn nothing_is_written_to_a_database_that_was_made_anew_on_the_server() {
    runtime().block_on(async {
        let side = Side::new(Agency::Ppc, Database::new(Engine::Postgres)).await;
        side.act(publish(Agency::Ppc, "leak")).await.unwrap();
        side.tamper("UPDATE store SET store_id = 'another'").await;
        assert_refused(&side).await;
        side.tamper("ALTER TABLE store RENAME TO elsewhere").await;
        let answers = side.store.ping().await.unwrap_err();
        assert!(matches!(answers, Error::Replaced(_)), "{answers}");
        side.database.make_anew();
        assert_refused(&side).await;
        Store::migrate(side.database.url(), Agency::Ppc, "store-of-somebody", &renkei_store::silent).await.unwrap();
        assert_refused(&side).await;
        assert_eq!(side.number("SELECT COUNT(*) FROM entry").await, 0);
        side.end().await;
    });
}

#[test]
fn a_database_that_is_not_there_is_not_made_by_opening_it() {
    on_each(async |database| {
        let missing = match database.engine() {
            Engine::Sqlite => database.url().to_owned(),
            Engine::Postgres => database.url().replace("/renkei_", "/no_renkei_"),
        };
        let error = Store::open(Options { url: missing, ..options(Agency::Ppc, &database) }).await.err().unwrap();
        let words = if database.engine() == Engine::Sqlite { "there is no database at" } else { "does not exist" };
        assert!(error.to_string().contains(words), "{error}");
        if let Some(path) = database.url().strip_prefix("sqlite:") {
            assert!(!fs::exists(path).unwrap());
        }
    });
}

#[test]
fn other_databases_are_not_spoken_to() {
    on_each(async |database| {
        let url = "mysql://localhost/renkei".to_owned();
        let error = Store::open(Options { url, ..options(Agency::Ppc, &database) }).await.err().unwrap();
        assert!(error.to_string().contains("sqlite:"), "{error}");
    });
}

/// The options are in `.cargo/config.toml`, which a build elsewhere may not read.
#[test]
fn sqlite_is_compiled_for_connections_on_many_threads() {
    runtime().block_on(async {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let options = sqlx::query("PRAGMA compile_options").fetch_all(&mut connection).await.unwrap();
        let options: Vec<String> = options.iter().map(|option| option.get(0)).collect();
        let has = |wanted: &str| options.iter().any(|option| option == wanted);
        assert!(has("DEFAULT_MEMSTATUS=0") && has("THREADSAFE=1"), "{options:?}");
        assert!(!has("ENABLE_MEMORY_MANAGEMENT"), "{options:?}");
    });
}

#[test]
fn every_statement_prepares() {
    on_each(async |database| {
        Store::migrate(database.url(), Agency::Ppc, "store", &renkei_store::silent).await.unwrap();
        let dialect = Dialect::of(database.url()).unwrap();
        match dialect {
            Dialect::Sqlite => prepare_all(SqliteConnection::connect(database.url()).await.unwrap(), dialect).await,
            Dialect::Postgres => prepare_all(PgConnection::connect(database.url()).await.unwrap(), dialect).await,
        }
    });
}

async fn prepare_all<C>(mut connection: C, dialect: Dialect)
where
    for<'c> &'c mut C: Executor<'c>,
{
    for text in statements(dialect) {
        let prepared = connection.prepare(AssertSqlSafe(text.clone()).into_sql_str()).await;
        assert!(prepared.is_ok(), "{text}: {:?}", prepared.err());
    }
}

/// The list of statements is kept by hand, so nothing in the sources may be missing from it.
#[test]
fn no_statement_is_left_out_of_the_list() {
    let listed = [statements(Dialect::Sqlite), statements(Dialect::Postgres)].concat();
    let mut found = 0;
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|it| it != "rs") {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        for literal in source.split('"').skip(1).step_by(2) {
            // A string that continues in the next line leaves out the break and the spaces before the next word.
            let lines: Vec<&str> = literal.split("\\\n").collect();
            let text = lines.iter().enumerate().map(|(i, line)| if i == 0 { line } else { line.trim_start() });
            let text: String = text.collect();
            let verbs = ["SELECT ", "UPDATE ", "DELETE FROM ", "INSERT INTO ", "VACUUM "];
            if verbs.iter().any(|verb| text.starts_with(verb)) && !text.contains('{') {
                assert!(listed.iter().any(|it| it.contains(&text)), "{}: {text}", path.display());
                found += 1;
            }
        }
    }
    assert!(found > 40, "found only {found}");
}

/// Entries are official documents of both agencies, so neither age nor a setting deletes one, nor the words in it: a recovery
/// sets own ones aside, and a disposal, which an official approves, erases the words alone.
#[test]
fn no_entry_is_deleted_or_changed_but_by_a_recovery_and_by_a_disposal() {
    let all = [statements(Dialect::Sqlite), statements(Dialect::Postgres)].concat();
    let changes = |text: &&String| match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["DELETE", "FROM", "entry", ..] | ["UPDATE", "entry", ..] => true,
        ["INSERT", "INTO", "entry", ..] => text.contains("ON CONFLICT"),
        _ => false,
    };
    let found: BTreeSet<&str> = all.iter().filter(changes).map(|text| text.trim()).collect();
    let erase = "UPDATE entry SET nonce = NULL, ciphertext = NULL, wrapped_key = NULL, ring_key_id = NULL \
                 WHERE matter = $1 AND nonce IS NOT NULL AND seq < CASE journal WHEN $2 THEN CAST($3 AS BIGINT) \
                 WHEN $4 THEN CAST($5 AS BIGINT) ELSE 0 END";
    assert_eq!(found, BTreeSet::from(["DELETE FROM entry WHERE journal = $1 AND seq > $2", erase]));
}
