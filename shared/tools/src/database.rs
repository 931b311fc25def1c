//! The databases of a pair: made on the engine that a run was started with, opened beside their services, copied, and
//! changed behind their back.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use renkei_book::Agreements;
use renkei_journal::SigningKey;
use renkei_proto::r#type::v1::Agency;
use renkei_store::{Fault, KeyRing, Options, Store};
use renkei_telemetry::Metrics;

pub use crate::cluster::Engine;
use crate::cluster::{Database, client};
use crate::setup::{AGENCIES, Setup, key_id};

/// Names the engine that the whole suite runs on: `sqlite`, the default, or `postgres`.
const VARIABLE: &str = "RENKEI_TEST_DATABASE";
/// Options under which `psql` ignores the user's own settings and stops at the first error.
const QUIET: [&str; 6] = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"];

/// The engine of this run.
///
/// # Errors
/// Fails if the environment names another one.
#[expect(clippy::disallowed_methods, reason = "the same suite runs on both engines, one after the other")]
pub fn engine() -> Result<Engine, String> {
    match std::env::var(VARIABLE).as_deref() {
        Err(_) | Ok("sqlite") => Ok(Engine::Sqlite),
        Ok("postgres") => Ok(Engine::Postgres),
        Ok(other) => Err(format!("{VARIABLE} is `sqlite` or `postgres`, not {other}")),
    }
}

/// A database on the server for each agency that is not `embedded`; none for SQLite, whose files are made where the
/// configuration names them.
pub(crate) fn served(engine: Engine, embedded: Option<Agency>) -> BTreeMap<&'static str, Database> {
    let served = AGENCIES.into_iter().filter(|agency| engine == Engine::Postgres && embedded != Some(*agency));
    served.map(|agency| (agency.id(), Database::new(engine))).collect()
}

/// The engine of a setup.
pub fn engine_of(setup: &Setup) -> Engine {
    if setup.databases.is_empty() { Engine::Sqlite } else { Engine::Postgres }
}

/// The `database.url` of a side's configuration.
pub fn url(setup: &Setup, own: Agency) -> String {
    setup.database_url(own)
}

/// Sets the database up, as `migrate` does: no service makes one by itself. One that is there stays.
///
/// # Errors
/// Fails with the error of the database.
pub async fn set_up(setup: &Setup, own: Agency) -> Result<(), String> {
    let id = format!("store of {} in {}", own.id(), setup.dir.display());
    Store::migrate(&url(setup, own), own, &id, &renkei_store::silent).await.map(|_| ()).map_err(said)
}

/// Opens the database.
///
/// # Errors
/// Fails if a file cannot be read or the database does not open.
pub async fn open(setup: &Setup, own: Agency) -> Result<Store, String> {
    let dir = setup.dir.join(own.id());
    let content = std::fs::read_to_string(dir.join("content.key")).map_err(said)?;
    let content = BASE64_STANDARD.decode(content).map_err(said)?;
    let content: [u8; 32] = content.try_into().map_err(|_| "content.key does not have 32 bytes")?;
    let ring = KeyRing::new(vec![("content-1".to_owned(), content.into())]).map_err(said)?;
    let options = Options {
        agreements: Agreements::built_in(),
        url: url(setup, own),
        own,
        replica: "tests".to_owned(),
        ring,
        key: signing_key(setup, own)?,
        faults: Arc::new(|_| Fault::None),
        metrics: Metrics::none(),
    };
    Store::open(options).await.map_err(said)
}

/// Runs statements on a database behind its service's back, as an intruder on the machine would. Python brings SQLite.
///
/// # Errors
/// Fails with the error of the database.
pub fn behind_its_back(setup: &Setup, own: Agency, statements: &str) -> Result<(), String> {
    if let Some(served) = setup.databases.get(own.id()) {
        return succeeds(client("psql", served.url()).args(QUIET).args(["-c", statements]));
    }
    let script = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=60).executescript(sys.argv[2])";
    succeeds(Command::new("python3").args(["-c", script, &file(setup, own), statements]))
}

/// The bytes of a column in the rows that this condition selects, as hexadecimal digits in lower case; none for NULL.
///
/// # Errors
/// Fails with the error of the database.
pub fn column(setup: &Setup, own: Agency, table: &str, column: &str, rows: &str) -> Result<Vec<String>, String> {
    let rows = format!("FROM {table} WHERE {column} IS NOT NULL AND {rows}");
    let mut command = match setup.databases.get(own.id()) {
        Some(served) => {
            let mut psql = client("psql", served.url());
            psql.args(QUIET).args(["-c", &format!("SELECT encode({column}, 'hex') {rows}")]);
            psql
        }
        None => {
            let script = "import sqlite3, sys\n\
                 for row in sqlite3.connect(sys.argv[1], timeout=60).execute(sys.argv[2]): print(row[0])";
            let mut python = Command::new("python3");
            python.args(["-c", script, &file(setup, own), &format!("SELECT hex({column}) {rows}")]);
            python
        }
    };
    let output = command.stdin(Stdio::null()).output().map_err(said)?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_ascii_lowercase).collect())
}

/// The file of an embedded database.
pub fn file(setup: &Setup, own: Agency) -> String {
    setup.file(own, "renkei.db")
}

/// The bytes of the database on the disk, without a log that it shares with others.
///
/// # Errors
/// Fails if there is no such file.
pub fn bytes(setup: &Setup, own: Agency) -> Result<Vec<u8>, String> {
    let file = file(setup, own);
    let embedded = || ["", "-wal", "-journal"].map(|ending| format!("{file}{ending}").into()).to_vec();
    let files = setup.databases.get(own.id()).map_or_else(embedded, Database::own_files);
    // A file may not be there, or no longer.
    let bytes = files.into_iter().map(|file| std::fs::read(file).unwrap_or_default()).collect::<Vec<_>>().concat();
    if bytes.len() > 4096 { Ok(bytes) } else { Err(format!("{} has no database", own.id())) }
}

/// Copies the database with its engine's own tools, without a mark. A file of SQLite must be down for that.
///
/// # Errors
/// Fails with the error of the tool.
pub fn copy(setup: &Setup, own: Agency, copy: &str) -> Result<(), String> {
    match setup.databases.get(own.id()) {
        Some(served) => succeeds(client("pg_dump", served.url()).args(["-f", copy])),
        None => std::fs::copy(file(setup, own), copy).map(|_| ()).map_err(said),
    }
}

/// Puts a copy in place of the database of a service that is down. On a server it comes into a new database.
///
/// # Errors
/// Fails if that is not possible; the text states the reason.
pub fn replace(setup: &Setup, own: Agency, copy: &str) -> Result<(), String> {
    if let Some(served) = setup.databases.get(own.id()) {
        let (name, mut psql) = beside(served);
        let (drop, create) = (format!("DROP DATABASE {name} WITH (FORCE)"), format!("CREATE DATABASE {name}"));
        succeeds(psql.args(["-c", &drop, "-c", &create]))?;
    }
    put_back(setup, own, copy)
}

/// Puts a copy into the same database again: nothing tells that it is one.
///
/// # Errors
/// Fails if that is not possible; the text states the reason.
pub fn put_back(setup: &Setup, own: Agency, copy: &str) -> Result<(), String> {
    if let Some(served) = setup.databases.get(own.id()) {
        let empty = ["-c", "DROP SCHEMA public CASCADE; CREATE SCHEMA public"];
        return succeeds(client("psql", served.url()).args(QUIET).args(empty).args(["-f", copy]));
    }
    let file = file(setup, own);
    for rest in ["-wal", "-shm"] {
        // After an orderly end there are none.
        let _ = std::fs::remove_file(format!("{file}{rest}"));
    }
    std::fs::copy(copy, file).map(|_| ()).map_err(said)
}

/// Takes the database on a server away from everybody, or gives it back.
///
/// # Errors
/// Fails with the error of the server.
pub fn set_away(setup: &Setup, own: Agency, away: bool) -> Result<(), String> {
    let Some(served) = setup.databases.get(own.id()) else { return Err("only a server can go away".to_owned()) };
    let (name, mut psql) = beside(served);
    succeeds(psql.args(["-c", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {}", !away)]))?;
    cut_connections(setup, own);
    Ok(())
}

/// Cuts every connection to a database on a server.
pub fn cut_connections(setup: &Setup, own: Agency) {
    if let Some(served) = setup.databases.get(own.id()) {
        served.cut_connections();
    }
}

/// A database's name, and `psql` on another database of its server.
fn beside(served: &Database) -> (&str, Command) {
    let (name, server) = served.url().trim_start_matches("postgres:///").split_once('?').unwrap_or_default();
    let mut psql = client("psql", &format!("postgres:///postgres?{server}"));
    psql.args(QUIET);
    (name, psql)
}

/// The lock that every writer of a side's database needs, held by another process until it is dropped.
pub struct Lock {
    child: Child,
    /// The process ends with its input.
    input: Option<ChildStdin>,
}

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// Fails with the error of the database.
    pub fn take(setup: &Setup, own: Agency) -> Result<Self, String> {
        let script = "import sqlite3, sys\n\
             connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)\n\
             connection.execute('BEGIN IMMEDIATE')\n\
             print('locked', flush=True)\n\
             sys.stdin.read()";
        let mut command = match setup.databases.get(own.id()) {
            Some(served) => client("psql", served.url()),
            None => Command::new("python3"),
        };
        match engine_of(setup) {
            Engine::Sqlite => command.args(["-c", script, &file(setup, own)]),
            Engine::Postgres => command.args(QUIET),
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(said)?;
        let mut input = child.stdin.take();
        if let (Engine::Postgres, Some(input)) = (engine_of(setup), &mut input) {
            let lock = "BEGIN;\nUPDATE head SET turn = turn;\n\\echo locked\n";
            input.write_all(lock.as_bytes()).and_then(|()| input.flush()).map_err(said)?;
        }
        let output = child.stdout.take().ok_or("the process has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map_err(said)?;
        let lock = Self { child, input };
        if line == "locked\n" { Ok(lock) } else { Err("the database does not give its lock".to_owned()) }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.input = None;
        // A process that failed has released the lock as well.
        let _ = self.child.wait();
    }
}

/// The agency's signing key.
///
/// # Errors
/// Fails if its file cannot be read.
pub fn signing_key(setup: &Setup, own: Agency) -> Result<SigningKey, String> {
    let file: &Path = &setup.dir.join(own.id()).join("journal.pem");
    SigningKey::from_pkcs8(key_id(own), &std::fs::read(file).map_err(said)?).map_err(said)
}

fn succeeds(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{program}: {error}"))?;
    output.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
