//! A database that is away, locked, full, too old, of another schema or not allowed: a sentence at the start, and
//! while the service runs an answer after which the same call may be repeated, with nothing lost that was acknowledged.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{path::PathBuf, time::Duration};

use renkei_proto::{
    options::v1::Reason,
    referral::v1::{IssueReferralRequest, ListReferralsRequest},
    sharing::v1::PublishItemRequest,
    r#type::v1::Agency,
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, settle, to_the_party},
    database::{self, Engine, Lock},
    pair::Pair,
    process::binary,
    raw,
    scenario::start,
    setup::Choice,
    silence::Silence,
};
use tokio::process::Command;

/// Nobody waits longer for readiness; the database is asked every two seconds, and waited for five.
const END: Duration = Duration::from_secs(60);

/// The commands that remove a database's room for a writer, and give it back.
fn no_room(engine: Engine) -> [&'static str; 2] {
    match engine {
        Engine::Sqlite => [
            "CREATE TRIGGER no_room BEFORE UPDATE ON head BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END;
             CREATE TRIGGER nowhere BEFORE INSERT ON replica BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END;",
            "DROP TRIGGER no_room; DROP TRIGGER nowhere;",
        ],
        Engine::Postgres => [
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$;
             CREATE TRIGGER no_room BEFORE UPDATE ON head FOR EACH ROW EXECUTE FUNCTION no_room();
             CREATE TRIGGER nowhere BEFORE INSERT ON replica FOR EACH ROW EXECUTE FUNCTION no_room();",
            "DROP TRIGGER no_room ON head; DROP TRIGGER nowhere ON replica; DROP FUNCTION no_room;",
        ],
    }
}

/// A pair that is down, and the message of its PPC about a database.
struct Down {
    pair: Pair,
    file: PathBuf,
}

impl Down {
    async fn new() -> Self {
        let pair = Pair::processes(None, start().unwrap(), [71; 32], Default::default()).await;
        let mut pair = pair.unwrap();
        pair.stop_both().await.unwrap();
        let file = pair.setup.dir.join("other.toml");
        Self { pair, file }
    }

    fn sql(&self, statements: &str) {
        database::behind_its_back(&self.pair.setup, Agency::Ppc, statements).unwrap();
    }

    fn url(&self) -> String {
        database::url(&self.pair.setup, Agency::Ppc)
    }

    /// The tasks end with exit code 1 and one sentence that has all of these words, and no URL.
    async fn says(&self, url: &str, tasks: &[&str], words: &[&str]) {
        let config = self.pair.ppc.config().replacen(&self.url(), url, 1);
        std::fs::write(&self.file, config).unwrap();
        for task in tasks {
            let mut command = Command::new(binary(Agency::Ppc).unwrap());
            let output = command.arg("--config").arg(&self.file).arg(task).output().await.unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            // The earlier lines of `serve` are JSON logs.
            let sentences: Vec<&str> = said.lines().filter(|line| !line.starts_with('{')).collect();
            assert_eq!((output.status.code(), sentences.len()), (Some(1), 1), "{task}: {said}");
            for words in words {
                assert!(sentences[0].contains(words), "{task}: {words}: {}", sentences[0]);
            }
            assert!(!sentences[0].contains(url), "{}", sentences[0]);
        }
    }
}

const BOTH: [&str; 2] = ["check", "serve"];

#[tokio::test]
async fn a_fault_of_a_database_is_reported_in_one_sentence_at_the_start() {
    let down = Down::new().await;
    let (engine, url) = (database::engine_of(&down.pair.setup), down.url());
    let known = renkei_store::SCHEMA;
    down.sql(&format!("UPDATE store SET schema = {}", known + 1));
    down.says(&url, &BOTH, &[&format!("has schema {}", known + 1), "start the newer version"]).await;
    down.sql(&format!("UPDATE store SET schema = {known}"));
    down.says(&database::url(&down.pair.setup, Agency::Ipa), &BOTH, &["belongs to ipa", "`database.url`"]).await;

    let lock = Lock::take(&down.pair.setup, Agency::Ppc).unwrap();
    down.says(&url, &["serve"], &["another program has locked it", "try again"]).await;
    drop(lock);
    let [full, room] = no_room(engine);
    down.sql(full);
    down.says(&url, &["serve"], &["full"]).await;
    down.sql(room);

    match engine {
        Engine::Sqlite => {
            std::fs::write(down.pair.setup.dir.join("ppc/no.db"), "This is not a database. ".repeat(100)).unwrap();
            let other = url.replace("renkei.db", "no.db");
            down.says(&other, &BOTH, &["file is not a database", "restore a backup"]).await;
            down.says(&url.replace("renkei.db", "none/renkei.db"), &["serve"], &["there is no database at"]).await;
        }
        Engine::Postgres => {
            down.says(&url.replace("host=/", "host=/nowhere/"), &BOTH, &["start the server", "`database.url`"]).await;
            down.says(&url.replace("/renkei_", "/none_"), &BOTH, &["does not exist", "restore it where there was one"])
                .await;
            down.says(&url.replace("user=postgres", "user=nobody"), &BOTH, &["nobody", "the account"]).await;
            // An account that may log in and nothing else; the table must not look as if it were missing.
            let account = format!("of_{}", down.pair.setup.dir.file_name().unwrap().display()).replace('.', "_");
            down.sql(&format!("CREATE ROLE \"{account}\" LOGIN"));
            let without_rights = url.replace("user=postgres", &format!("user={account}"));
            down.says(&without_rights, &BOTH, &["permission denied", "its rights"]).await;
            down.sql(&format!("ALTER ROLE \"{account}\" CONNECTION LIMIT 0"));
            down.says(&without_rights, &BOTH, &["too many connections", "more connections"]).await;
            down.sql(&format!("DROP ROLE \"{account}\""));
            // The server's version is read by a function, here by one of another name space.
            down.sql(
                "CREATE SCHEMA older;
                 CREATE FUNCTION older.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT ''130022''';",
            );
            let name = url.trim_start_matches("postgres:///").split('?').next().unwrap();
            down.sql(&format!("ALTER DATABASE {name} SET search_path = older, pg_catalog, public"));
            down.says(&url, &BOTH, &["PostgreSQL 13", "14 or newer", "upgrade"]).await;
            down.sql(&format!("ALTER DATABASE {name} RESET search_path"));
        }
    }
    // It was left as it was: the service starts.
    let mut pair = down.pair;
    pair.start(Agency::Ppc).await.unwrap();
    pair.stop_both().await.unwrap();
}

/// Every referral of PPC.
async fn referrals(acts: &Acts) -> usize {
    let request = ListReferralsRequest { parent: "agencies/ppc".to_owned(), page_size: 500, ..Default::default() };
    acts.list_referrals(request).await.unwrap().referrals.len()
}

/// A call is answered as unavailable, and its repeat is executed, once.
async fn is_repeated(acts: &Acts, request: IssueReferralRequest, mend: impl FnOnce()) {
    let before = acts.link().await.unwrap().own_seq;
    refused(acts.issue(request.clone()).await, Reason::DatabaseUnavailable, "");
    mend();
    let issued = acts.issued(request.clone()).await.unwrap();
    assert_eq!(acts.issued(request).await.unwrap(), issued);
    assert_eq!(acts.link().await.unwrap().own_seq, before + 1);
}

#[tokio::test]
async fn while_the_database_is_locked_or_full_a_call_may_be_repeated_and_is_executed_once() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let lock = Lock::take(&pair.setup, Agency::Ppc).unwrap();
    is_repeated(&ppc, ppc.issuing(), || drop(lock)).await;
    let [full, room] = no_room(database::engine_of(&pair.setup));
    let sql = |statements: &str| database::behind_its_back(&pair.setup, Agency::Ppc, statements).unwrap();
    sql(full);
    is_repeated(&ppc, ppc.issuing(), || sql(room)).await;
    // Entries of the peer wait there meanwhile.
    sql(full);
    let theirs = ipa.issued(ipa.issuing()).await.unwrap();
    sql(room);
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ppc.referral(&theirs.name).await.unwrap().case_number, theirs.case_number);
    assert_eq!(referrals(&ppc).await, 2);
}

/// Asks PPC's desk whether it is ready until it answers so.
async fn until_ready_is(pair: &Pair, ready: bool) {
    let channel = pair.ppc.desk.channel("reader").unwrap();
    let asking = async {
        while raw::call(&channel, "/grpc.health.v1.Health/Check", &[], &[]).await.unwrap()
            != [[8, u8::from(!ready) + 1]]
        {}
    };
    tokio::time::timeout(END, asking).await.unwrap();
}

/// An embedded database is where its service is.
#[tokio::test]
async fn a_database_that_goes_away_is_reported_as_unavailable_until_it_is_back() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    if database::engine_of(&pair.setup) == Engine::Sqlite {
        return;
    }
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let kept = ppc.issued(ppc.issuing()).await.unwrap();
    until_ready_is(&pair, true).await;
    database::set_away(&pair.setup, Agency::Ppc, true).unwrap();
    let request = ppc.issuing();
    refused(ppc.issue(request.clone()).await, Reason::DatabaseUnavailable, "");
    refused(ppc.referral(&kept.name).await, Reason::DatabaseUnavailable, "");
    until_ready_is(&pair, false).await;
    database::set_away(&pair.setup, Agency::Ppc, false).unwrap();
    until_ready_is(&pair, true).await;
    let issued = ppc.issued(request.clone()).await.unwrap();
    assert_eq!(ppc.issued(request).await.unwrap(), issued);
    assert_eq!(ppc.referral(&kept.name).await.unwrap().case_number, kept.case_number);
    assert_eq!(referrals(&ppc).await, 2);
    settle(&ppc, &ipa).await.unwrap();
}

/// Connections are lost at any moment of a commit; whoever is not answered with a reply repeats the same call.
#[tokio::test]
async fn no_acknowledged_call_is_lost_and_none_is_executed_twice_while_connections_are_cut() {
    const CALLS: usize = 60;
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    if database::engine_of(&pair.setup) == Engine::Sqlite {
        return;
    }
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let issue = async |request: IssueReferralRequest| loop {
        match ppc.issued(request.clone()).await {
            Ok(referral) => return referral.name,
            Err(refused) => assert_eq!(refused.reason, Reason::DatabaseUnavailable, "{refused:?}"),
        }
    };
    let mut acknowledged = Vec::new();
    for _ in 0..CALLS / 6 {
        let calls = (0..6).map(|_| issue(ppc.issuing()));
        let cut = async { database::cut_connections(&pair.setup, Agency::Ppc) };
        let (names, ()) = tokio::join!(futures::future::join_all(calls), cut);
        acknowledged.extend(names);
    }
    acknowledged.sort();
    acknowledged.dedup();
    assert_eq!((acknowledged.len(), referrals(&ppc).await), (CALLS, CALLS));
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ppc.verify().await.unwrap().fault, "");
}

/// A network that forgets a connection tells nobody. Written and read is on a new one, without a restart.
#[tokio::test]
async fn a_connection_that_swallows_everything_is_given_up_and_no_write_is_lost_or_doubled() {
    let mut pair = Pair::down(Choice::default()).await.unwrap();
    if database::engine_of(&pair.setup) == Engine::Sqlite {
        return;
    }
    let url = database::url(&pair.setup, Agency::Ppc);
    let silence = Silence::before(&url).unwrap();
    pair.ppc.set_config(pair.ppc.config().replace(&url, &silence.url));
    pair.start(Agency::Ppc).await.unwrap();
    let acts = Acts::new(&pair, Agency::Ppc).unwrap();
    let before = acts.link().await.unwrap().own_seq;
    let requests: Vec<_> = (0..8).map(|_| acts.publishing_item(to_the_party())).collect();
    let publish = async |request: &PublishItemRequest| loop {
        if let Ok(item) = acts.publish_item(request.clone()).await {
            return item.name;
        }
    };
    // Some are under way when it falls silent, and whoever is not answered repeats the same call.
    let silent = async {
        publish(&requests[0]).await;
        silence.fall();
    };
    let all = futures::future::join_all(requests.iter().map(&publish));
    let (names, ()) = tokio::time::timeout(END, async { tokio::join!(all, silent) }).await.unwrap();
    let again = tokio::time::timeout(END, futures::future::join_all(requests.iter().map(&publish))).await.unwrap();
    assert_eq!(names, again, "a repeat is answered as before");
    assert_eq!(acts.link().await.unwrap().own_seq, before + u64::try_from(names.len()).unwrap());
    pair.stop(Agency::Ppc).await.unwrap();
}
