//! A database server over the network: TLS that proves the server, and a password out of a file; anything less is
//! refused.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::PathBuf;

use renkei_proto::r#type::v1::Agency;
use renkei_service::config::{Config, EXAMPLE};
use renkei_tools::{
    cluster::Cluster,
    database::Engine,
    pair::{Pair, machine_time},
    pki::{self, Authority, Use},
    process::binary,
    scenario::start,
    setup::Choice,
};
use tokio::process::Command;

/// Every letter that means something in a URL.
const PASSWORD: &str = "p@ss/w?r&d=%41+ #:パス";

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// PPC's configuration for a server that only TLS and a password lead to.
struct Remote {
    pair: Pair,
    cluster: Cluster,
    port: String,
    root: PathBuf,
    file: PathBuf,
}

impl Remote {
    async fn new() -> Self {
        let choice = Choice { engine: Some(Engine::Sqlite), ..Choice::default() };
        let mut pair = Pair::processes(None, start().unwrap(), [72; 32], choice).await.unwrap();
        pair.stop_both().await.unwrap();
        let mut authority = Authority::new("database", machine_time()).unwrap();
        let issued = authority.issue("spiffe://ppc/database", Use::Server).unwrap();
        let port = free_port();
        let cluster = Cluster::start(&[&issued.certificate, &issued.key, &port]);
        cluster.sql("postgres", &format!("CREATE ROLE ppc LOGIN PASSWORD '{PASSWORD}'"));
        cluster.sql("postgres", "CREATE DATABASE ppc OWNER ppc");
        let dir = pair.setup.dir.clone();
        let (root, file) = (dir.join("database-roots.pem"), dir.join("remote.toml"));
        pki::write(&root, &authority.certificate()).unwrap();
        pki::write(&dir.join("wrong-roots.pem"), &Authority::new("other", machine_time()).unwrap().certificate())
            .unwrap();
        pki::write(&dir.join("password"), &format!("{PASSWORD}\nonly the first line counts\n")).unwrap();
        pki::write(&dir.join("wrong-password"), "wrong\n").unwrap();
        Self { pair, cluster, port, root, file }
    }

    /// The output and the exit of a task with this host, root and file of the password. Files are beside the
    /// configuration.
    async fn run(&self, task: &str, host: &str, root: &str, password: &str) -> (Option<i32>, String) {
        let url = format!("postgres://ppc@{host}:{}/ppc?sslmode=verify-full&sslrootcert={root}", self.port);
        let known = self.pair.ppc.config();
        let line = known.lines().find(|line| line.starts_with("url = ")).unwrap();
        let config = known.replacen(line, &format!("url = \"{url}\"\npassword = \"{password}\""), 1);
        std::fs::write(&self.file, config).unwrap();
        let mut command = Command::new(binary(Agency::Ppc).unwrap());
        let output = command.arg("--config").arg(&self.file).arg(task).output().await.unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }

    async fn is_refused(&self, (host, root, password): (&str, &str, &str), words: &[&str]) {
        for task in ["check", "migrate"] {
            let (code, said) = self.run(task, host, root, password).await;
            let sentence = said.lines().last().unwrap();
            assert_eq!(code, Some(1), "{task}: {said}");
            for word in words {
                assert!(sentence.contains(word), "{task}: {word}: {said}");
            }
            assert!(!said.contains(PASSWORD) && !said.contains("postgres://"), "{said}");
        }
    }
}

#[tokio::test]
async fn only_the_server_that_is_meant_is_spoken_to() {
    let remote = Remote::new().await;
    let (right, tls) = ("database-roots.pem", "no TLS connection");
    remote.is_refused(("localhost", "wrong-roots.pem", "password"), &[tls, "`sslrootcert`"]).await;
    remote.is_refused(("127.0.0.2", right, "password"), &[tls, "the host in `database.url`"]).await;
    remote.is_refused(("localhost", "none.pem", "password"), &["none.pem"]).await;
    remote
        .is_refused(("localhost", right, "wrong-password"), &["password authentication failed", "its password"])
        .await;
    remote.is_refused(("localhost", right, "no-password"), &["no-password", "cannot be read"]).await;

    assert!(remote.root.is_file());
    assert_eq!(remote.run("migrate", "localhost", right, "password").await.0, Some(0));
    let (code, said) = remote.run("check", "localhost", right, "password").await;
    assert!(code == Some(0) && said.contains("the database is this agency's and up to date"), "{said}");

    remote.cluster.sql("postgres", "ALTER SYSTEM SET ssl = off");
    remote.cluster.sql("postgres", "SELECT pg_reload_conf()");
    remote.is_refused(("localhost", right, "password"), &[tls]).await;
}

#[test]
fn a_server_is_named_without_secrets_and_reached_by_tls_or_a_socket() {
    let parsed = |url: &str, sandbox: bool| {
        let text = EXAMPLE.replacen("sqlite:ppc.db", url, 1);
        let text = text.replacen("sandbox = false", &format!("sandbox = {sandbox}"), 1);
        Config::parse(&text, std::path::Path::new("/etc/renkei")).map_err(|error| error.to_string())
    };
    for right in [
        "postgres://ppc@db.example/ppc?sslmode=verify-full",
        "postgresql://ppc@db.example:6432/ppc?sslmode=verify-full&application_name=renkei",
        "postgres:///ppc?host=/run/postgresql&user=ppc",
        "postgres://ppc@%2Frun%2Fpostgresql/ppc",
    ] {
        assert!(parsed(right, false).is_ok(), "{right}: {:?}", parsed(right, false).err());
    }
    for (wrong, word) in [
        ("postgres://ppc@db.example/ppc", "sslmode=verify-full"),
        ("postgres://ppc@localhost/ppc", "sslmode=verify-full"),
        ("postgres://ppc@db.example/ppc?sslmode=require", "sslmode=verify-full"),
        ("postgres://ppc@db.example/ppc?sslmode=verify-full&sslmode=prefer", "sslmode=verify-full"),
        ("postgres://%2Frun/ppc?host=db.example", "sslmode=verify-full"),
        ("postgres:///ppc", "must name a host"),
        ("postgres://ppc:secret@db.example/ppc?sslmode=verify-full", "`database.password`"),
        ("postgres://ppc@db.example/ppc?sslmode=verify-full&password=secret", "`database.password`"),
        ("postgres://ppc@db.example/ppc?sslmode=verify-full&options=-c", "`options`"),
        ("postgres://ppc@db.example:port/ppc", "is not a URL"),
    ] {
        let error = parsed(wrong, false).unwrap_err();
        assert!(error.contains("`database.url`") && error.contains(word), "{wrong}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
    // Of a sandbox only what stays on the machine.
    assert!(parsed("postgres://ppc@localhost/ppc", true).is_ok());
    assert!(parsed("postgres://ppc@db.example/ppc", true).is_err());
    let root = "postgres://ppc@db.example/ppc?sslmode=verify-full&sslrootcert=roots.pem";
    let url = parsed(root, false).unwrap().database.url;
    assert!(url.ends_with("sslrootcert=%2Fetc%2Frenkei%2Froots.pem"), "{url}");
    let embedded = EXAMPLE.replacen("# password = ", "password = ", 1);
    let error = Config::parse(&embedded, std::path::Path::new("/")).unwrap_err().to_string();
    assert!(error.contains("`database.password`"), "{error}");
}
