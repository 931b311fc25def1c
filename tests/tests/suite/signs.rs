//! Every sign follows what the database does, for each kind of trouble: none of them stays well while nothing is
//! written or no read is put on record, and all of them come back by themselves.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::Duration;

use renkei_proto::r#type::v1::Agency;
use renkei_tools::{
    acts::{Acts, to_the_party},
    database::{self, Engine, Lock},
    pair::Pair,
    scenario::start,
    setup::Choice,
    signs::{trouble, until_all},
};

/// The interval of the calls meanwhile.
const PACE: Duration = Duration::from_millis(200);

/// A trouble: its name, what makes it and what ends it, and a word of the sentence that tells of it.
struct Trouble {
    name: &'static str,
    begin: &'static str,
    end: &'static str,
    word: &'static str,
}

fn troubles(engine: Engine) -> [Trouble; 3] {
    match engine {
        Engine::Sqlite => [
            Trouble {
                name: "batches are refused",
                begin: "CREATE TRIGGER no_room BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
                end: "DROP TRIGGER no_room",
                word: "disk is full",
            },
            Trouble {
                name: "commits are refused",
                begin: "CREATE TABLE absent (one BIGINT PRIMARY KEY);
                    CREATE TABLE refused (one BIGINT REFERENCES absent (one) DEFERRABLE INITIALLY DEFERRED);
                    CREATE TRIGGER refuse AFTER INSERT ON entry BEGIN INSERT INTO refused VALUES (1); END",
                end: "DROP TRIGGER refuse",
                word: "constraint",
            },
            Trouble {
                name: "reads are not recorded",
                begin: "CREATE TRIGGER no_record BEFORE INSERT ON call WHEN NEW.chain LIKE '%/r'
                    BEGIN SELECT RAISE(ABORT, 'no record'); END",
                end: "DROP TRIGGER no_record",
                word: "reads of secret material are not recorded",
            },
        ],
        Engine::Postgres => [
            Trouble {
                name: "batches are refused",
                begin: "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$;
                    CREATE TRIGGER no_room BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION no_room()",
                end: "DROP TRIGGER no_room ON entry",
                word: "full",
            },
            Trouble {
                name: "commits are refused",
                begin: "CREATE TABLE absent (one BIGINT PRIMARY KEY);
                    CREATE TABLE refused (one BIGINT REFERENCES absent (one) DEFERRABLE INITIALLY DEFERRED);
                    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN INSERT INTO refused VALUES (1); RETURN NEW; END $$;
                    CREATE TRIGGER refuse AFTER INSERT ON entry FOR EACH ROW EXECUTE FUNCTION refuse()",
                end: "DROP TRIGGER refuse ON entry",
                word: "constraint",
            },
            Trouble {
                name: "reads are not recorded",
                begin: "CREATE FUNCTION no_record() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'no record'; END $$;
                    CREATE TRIGGER no_record BEFORE INSERT ON call FOR EACH ROW WHEN (NEW.chain LIKE '%/r')
                    EXECUTE FUNCTION no_record()",
                end: "DROP TRIGGER no_record ON call",
                word: "reads of secret material are not recorded",
            },
        ],
    }
}

/// Writes and reads secret material until it is dropped, as officials do.
async fn calls(acts: &Acts, item: &str) {
    loop {
        // The outcome of a call is not checked here: the signs are.
        let _ = acts.publish_item(acts.publishing_item(to_the_party())).await;
        let _ = acts.item(item).await;
        tokio::time::sleep(PACE).await;
    }
}

/// While somebody calls, all signs turn to trouble, and to well again once it is over.
async fn assert_followed(pair: &Pair, (acts, item): (&Acts, &str), name: &str, word: &str, end: impl FnOnce()) {
    let turned = async {
        until_all(pair, Agency::Ppc, false).await.map_err(|why| format!("{name}: {why}")).unwrap();
        let said = trouble(pair, Agency::Ppc).await.unwrap();
        assert!(said.contains(word), "{name}: {said}");
        end();
        until_all(pair, Agency::Ppc, true).await.map_err(|why| format!("{name} is over: {why}")).unwrap();
    };
    tokio::select! {
        () = turned => {}
        () = calls(acts, item) => {}
    }
}

#[tokio::test]
async fn every_sign_tells_of_every_trouble_with_the_database_and_that_it_is_over() {
    let choice = Choice::default();
    let mut pair = Pair::one_sided_process(Agency::Ppc, start().unwrap(), [81; 32], choice).await.unwrap();
    let acts = Acts::new(&pair, Agency::Ppc).unwrap();
    let item = acts.publish_item(acts.publishing_item(to_the_party())).await.unwrap().name;
    let on = (&acts, item.as_str());
    let engine = database::engine_of(&pair.setup);
    let sql = |text: &str| database::behind_its_back(&pair.setup, Agency::Ppc, text).unwrap();
    until_all(&pair, Agency::Ppc, true).await.unwrap();

    for trouble in troubles(engine) {
        sql(trouble.begin);
        assert_followed(&pair, on, trouble.name, trouble.word, || sql(trouble.end)).await;
    }
    let lock = Lock::take(&pair.setup, Agency::Ppc).unwrap();
    assert_followed(&pair, on, "another program has the lock", "", || drop(lock)).await;
    let lost = "was deleted or replaced while the service runs";
    if engine == Engine::Sqlite {
        let file = database::file(&pair.setup, Agency::Ppc);
        let away = format!("{file}.away");
        std::fs::rename(&file, &away).unwrap();
        assert_followed(&pair, on, "the file is gone", lost, || std::fs::rename(&away, &file).unwrap()).await;
    } else {
        sql("ALTER TABLE store ADD COLUMN was TEXT; UPDATE store SET was = store_id, store_id = 'another'");
        let end = || sql("UPDATE store SET store_id = was");
        assert_followed(&pair, on, "the database was made anew", lost, end).await;
    }
    assert!(acts.publish_item(acts.publishing_item(to_the_party())).await.is_ok());
    pair.stop(Agency::Ppc).await.unwrap();
}
