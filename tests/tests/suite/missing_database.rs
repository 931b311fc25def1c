//! A database that is missing, empty or only begun: every command names the loss, and none makes a new one unasked.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::PathBuf;

use renkei_proto::r#type::v1::Agency;
use renkei_tools::{
    cluster::{Database, client},
    database::{self, Engine},
    pair::Pair,
};

use crate::command_line::{Output, assert_sentence, run_with};

/// A database of its own for PPC, which is not there yet; on a server it is there and empty.
struct Fresh {
    pair: Pair,
    place: Place,
    config: String,
}

enum Place {
    File(PathBuf),
    Server(Database),
}

async fn fresh(seed: u8) -> Fresh {
    let pair = Pair::processes(None, renkei_tools::scenario::start().unwrap(), [seed; 32], Default::default()).await;
    let mut pair = pair.unwrap();
    pair.stop_both().await.unwrap();
    let (place, url) = match database::engine_of(&pair.setup) {
        Engine::Sqlite => {
            let file = pair.setup.dir.join("fresh/renkei.db");
            std::fs::create_dir(pair.setup.dir.join("fresh")).unwrap();
            let url = format!("sqlite:{}", file.display());
            (Place::File(file), url)
        }
        Engine::Postgres => {
            let database = Database::new(Engine::Postgres);
            let url = database.url().to_owned();
            (Place::Server(database), url)
        }
    };
    let config = pair.ppc.config().replacen(&database::url(&pair.setup, Agency::Ppc), &url, 1);
    Fresh { pair, place, config }
}

impl Fresh {
    async fn run(&self, config: &str, task: &str) -> Output {
        let file = self.pair.setup.dir.join("fresh.toml");
        std::fs::write(&file, config).unwrap();
        let said = run_with(Agency::Ppc, &file, &task.split(' ').collect::<Vec<_>>(), &[]).await;
        // The earlier lines of `serve` are JSON logs.
        let lines = said.err.lines().filter(|line| !line.starts_with('{'));
        Output { err: lines.map(|line| format!("{line}\n")).collect(), ..said }
    }

    /// The existing files in the folder of the database, or all tables of a database on a server.
    fn found(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let file = match &self.place {
            Place::File(file) => file,
            Place::Server(database) => {
                let dump = client("pg_dump", database.url()).arg("--inserts").output().unwrap();
                let said = String::from_utf8(dump.stdout).unwrap();
                // Settings, comments and a key that is drawn anew each time.
                let kept = |line: &&str| !["--", "SET ", "SELECT ", "\\"].iter().any(|it| line.starts_with(it));
                let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).filter(kept).collect();
                let rows = lines.into_iter().map(|line| (PathBuf::from(line), Vec::new()));
                return rows.collect();
            }
        };
        let paths = std::fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
        files.sort();
        files
    }
}

#[tokio::test]
async fn a_database_that_is_missing_is_a_loss_that_every_command_names_and_none_makes_good_unasked() {
    let fresh = fresh(65).await;
    let by_hand = fresh.config.replacen("migrate = true", "migrate = false", 1);
    // The file may be missing, or empty.
    for _ in 0..2 {
        let before = fresh.found();
        for (config, task) in [(&fresh.config, "check"), (&by_hand, "check"), (&fresh.config, "serve")] {
            let words = ["there is no database ", "restore a backup", "`migrate` or `serve --first-start`"];
            assert_sentence(&fresh.run(config, task).await, &words);
        }
        assert_eq!(fresh.found(), before);
        if let Place::File(file) = &fresh.place {
            std::fs::write(file, "").unwrap();
        }
    }
    if let Place::File(_) = &fresh.place {
        let nowhere = fresh.config.replacen("fresh/renkei.db", "nowhere/renkei.db", 1);
        let said = fresh.run(&nowhere, "check").await;
        assert_sentence(&said, &["there is no folder for the database", "`database.url`"]);
    }

    assert_eq!(fresh.run(&by_hand, "migrate").await.out, format!("migrations run: {}\n", renkei_store::SCHEMA));
    let before = fresh.found();
    for config in [&fresh.config, &by_hand] {
        let checked = fresh.run(config, "check").await;
        assert!(checked.out.contains("the database is this agency's and up to date"), "{checked:?}");
    }
    assert_eq!(fresh.found(), before);
    // None of these leaves anything beside the database, such as a log of SQLite.
    for task in ["verify", "status", "rebuild", "recover", "doctor", "trace agencies/ppc/items/none"] {
        fresh.run(&fresh.config, task).await;
        assert_eq!(fresh.found(), before, "{task}");
    }
    let again = fresh.run(&fresh.config, "serve --first-start").await;
    assert_sentence(&again, &["there is a database already", "leave it out"]);
}

#[tokio::test]
async fn a_start_that_fails_leaves_no_database_behind() {
    let fresh = fresh(66).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("listen = \"{}\"", listener.local_addr().unwrap());
    for (from, to, words) in [
        ("ppc/journal.pem", "ppc/none.pem", "none.pem"),
        ("ppc/content.key", "ppc/none.key", "none.key"),
        ("ppc/digest.key", "ppc/none.key", "none.key"),
        ("ppc/token.key", "ppc/none.key", "none.key"),
        ("ppc/code.key", "ppc/none.key", "none.key"),
        ("ppc/link/key.pem", "ppc/desk/key.pem", "does not belong to the certificate"),
        ("public_key = \"", "public_key = \"AA", "the public key ipa-1"),
        ("listen = \"127.0.0.1:0\"", &taken, "cannot listen on"),
    ] {
        assert!(fresh.config.contains(from), "{from}");
        assert_sentence(&fresh.run(&fresh.config.replacen(from, to, 1), "serve --first-start").await, &[words]);
        assert_eq!(fresh.found(), [], "{to}");
    }
}
