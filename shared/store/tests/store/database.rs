//! Databases for tests: SQLite in a directory of its own, and PostgreSQL in a private cluster that is started once and
//! ends with the process. Uses nothing of the project, so that other test crates include this same file.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use tempfile::TempDir;

const START: &str = include_str!("postgres.sh");
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(&[]));
static COUNT: AtomicU32 = AtomicU32::new(0);

/// True if the cluster keeps commits when the machine fails, as in production. Tests do not need this. It must be set
/// before the first database is made.
pub static DURABLE: AtomicBool = AtomicBool::new(false);

/// The kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub const BOTH: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// A database of one test: empty at first, removed when it is dropped.
pub struct Database {
    url: String,
    place: Place,
}

enum Place {
    Directory(TempDir),
    Name(String),
}

/// One empty database of each kind.
pub fn databases() -> Vec<Database> {
    Engine::BOTH.into_iter().map(Database::new).collect()
}

impl Database {
    pub fn new(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::sqlite(tempfile::tempdir().unwrap()),
            Engine::Postgres => Self::postgres("template1"),
        }
    }

    fn sqlite(directory: TempDir) -> Self {
        let url = format!("sqlite:{}", directory.path().join("renkei.db").display());
        Self { url, place: Place::Directory(directory) }
    }

    fn postgres(template: &str) -> Self {
        let name = format!("renkei_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        CLUSTER.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Self { url: CLUSTER.url(&name), place: Place::Name(name) }
    }

    /// The URL with which a store is opened.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn engine(&self) -> Engine {
        match self.place {
            Place::Directory(_) => Engine::Sqlite,
            Place::Name(_) => Engine::Postgres,
        }
    }

    /// A copy of the database, as a backup would restore it. Nobody may be connected.
    pub fn copy(&self) -> Self {
        match &self.place {
            Place::Directory(directory) => {
                let copy = tempfile::tempdir().unwrap();
                for file in fs::read_dir(directory.path()).unwrap() {
                    let file = file.unwrap();
                    fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
                }
                Self::sqlite(copy)
            }
            Place::Name(name) => Self::postgres(name),
        }
    }

    /// Cuts every connection to it, as when the server is restarted. PostgreSQL only.
    pub fn cut_connections(&self) {
        if let Place::Name(name) = &self.place {
            let others = format!("datname = '{name}' AND pid <> pg_backend_pid()");
            CLUSTER.sql("postgres", &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"));
        }
    }

    /// Drops the database and creates an empty one under its name, whoever is connected. PostgreSQL only.
    pub fn make_anew(&self) {
        if let Place::Name(name) = &self.place {
            CLUSTER.sql("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"));
            CLUSTER.sql("postgres", &format!("CREATE DATABASE {name}"));
        }
    }

    /// True if these bytes occur in any of its files: data, log of changes, shared memory.
    pub fn files_contain(&self, bytes: &[u8]) -> bool {
        self.files().into_iter().any(|path| match fs::read(&path) {
            Ok(file) => file.windows(bytes.len()).any(|window| window == bytes),
            // The server renames and removes files that it no longer needs.
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}", path.display());
                false
            }
        })
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files = self.own_files();
        if let Place::Name(_) = &self.place {
            files.extend(files_under(&CLUSTER.directory.join("data/pg_wal")));
            files.push(CLUSTER.directory.join("server.log"));
        }
        files
    }

    /// The files of this database and no other: on PostgreSQL tables and indexes, written out before.
    pub fn own_files(&self) -> Vec<PathBuf> {
        match &self.place {
            Place::Directory(directory) => files_under(directory.path()),
            Place::Name(name) => {
                CLUSTER.sql(name, "CHECKPOINT");
                let own = CLUSTER.sql(name, &format!("SELECT oid FROM pg_database WHERE datname = '{name}'"));
                files_under(&CLUSTER.directory.join("data/base").join(own.trim()))
            }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Place::Name(name) = &self.place {
            CLUSTER.sql("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// A client program of PostgreSQL, such as `psql`, on a database of the cluster.
pub fn client(program: &str, url: &str) -> Command {
    let mut command = Command::new(CLUSTER.programs.join(program));
    command.args(["-d", url]).stdin(Stdio::null());
    command
}

fn files_under(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_under(&path)) } else { files.push(path) }
    }
    files
}

/// A server with its databases.
pub struct Cluster {
    programs: PathBuf,
    directory: PathBuf,
    port: String,
    /// The shell of the cluster. The cluster ends when the shell's input is closed, at the latest with this process.
    shell: Child,
}

impl Cluster {
    /// Starts one. With a certificate, its key and a free port it serves TLS on the loopback network, too.
    pub fn start(tls: &[&str]) -> Self {
        Self::start_in(Path::new("/tmp"), tls)
    }

    /// Starts a cluster like [`Cluster::start`], with all its files in a folder.
    pub fn start_in(folder: &Path, tls: &[&str]) -> Self {
        let mut command = as_no_root();
        command.args(tls).env("FOLDER", folder);
        // The shell has a process group of its own, so that a signal from the terminal that ends the tests does not end
        // their clean-up.
        command.current_dir("/").process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if DURABLE.load(Ordering::Relaxed) {
            command.env("DURABLE", "yes");
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut words = line.split_whitespace();
        match [words.next(), words.next(), words.next(), words.next()] {
            [Some("ready"), Some(programs), Some(directory), Some(port)] => {
                Self { programs: programs.into(), directory: directory.into(), port: port.to_owned(), shell: child }
            }
            _ => panic!("{} ({:?})", line.trim(), child.wait()),
        }
    }

    /// A database's URL by the server's Unix socket.
    pub fn url(&self, name: &str) -> String {
        format!("postgres:///{name}?host={}&port={}&user=postgres", self.directory.display(), self.port)
    }

    /// Runs statements on a database and returns their output.
    pub fn sql(&self, database: &str, text: &str) -> String {
        let mut psql = client("psql", &self.url(database));
        let output = psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // The shell ends when the server has ended and its files are gone.
        let _ = self.shell.wait();
    }
}

/// The shell that runs the cluster. PostgreSQL does not run as root, so root lends it another user.
fn as_no_root() -> Command {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).stderr(Stdio::null()).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    if id(&["-u"]).as_deref() != Some("0") {
        let mut command = Command::new("sh");
        command.args(["-c", START, "sh"]);
        return command;
    }
    let user = ["postgres", "nobody"].into_iter().find(|user| id(&["-u", user]).is_some()).unwrap();
    let group = id(&["-g", user]).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", &group, "--clear-groups", "sh", "-c", START, "sh"]);
    command
}
