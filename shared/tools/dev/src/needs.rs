//! What the tasks need beyond Rust and a C compiler: installed where that is allowed, or else named.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::run::{say, succeeds};

/// The databases of the services and their tests, the default first.
pub(crate) const DATABASES: [&str; 2] = ["sqlite", "postgres"];

/// Python packages of the tools, pinned.
const PYTHON: [&str; 8] = [
    "buf-bin==1.75.0",
    "cryptography==50.0.2",
    "googleapis-common-protos==1.76.0",
    "grpcio==1.85.1",
    "grpcio-status==1.85.1",
    "grpcio-tools==1.85.1",
    "opentelemetry-proto==1.45.2",
    "protovalidate==2.1.0",
];

/// The program that builds it from `shared/tools/collector.yaml`.
const BUILDER: &str = "go.opentelemetry.io/collector/cmd/builder@v0.165.0";

/// Installs the Python tools once. Gives their folder.
pub(crate) fn setup() -> Result<PathBuf, String> {
    let tools = std::env::current_dir().map_err(|error| error.to_string())?.join("target/tools/python");
    let done = tools.join("installed");
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == PYTHON.join(" ")) {
        return Ok(tools);
    }
    if !succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"]).stderr(Stdio::null()))
        .unwrap_or_default()
    {
        install("python3-venv", "the Python clients")?;
    }
    let made = succeeds(Command::new("python3").args(["-m", "venv"]).arg(&tools))?;
    let mut pip = Command::new(tools.join("bin/python"));
    let pip = pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PYTHON);
    if !made || !succeeds(pip)? {
        return Err("The tools for buf and Python could not be installed with pip: see above.".to_owned());
    }
    std::fs::write(done, PYTHON.join(" ")).map_err(|error| error.to_string())?;
    Ok(tools)
}

/// Tests, sandbox and bench run on SQLite and on a private PostgreSQL cluster.
pub(crate) fn database_server() -> Result<(), String> {
    let debian = Path::new("/usr/lib/postgresql");
    let found = succeeds(Command::new("initdb").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()));
    if found.unwrap_or_default() || debian.is_dir() {
        return Ok(());
    }
    install("postgresql", "the tests on PostgreSQL")
}

/// The official collector, built once from its modules.
pub(crate) fn collector() -> Result<(), String> {
    if Path::new("target/tools/collector/otelcol").is_file() {
        return Ok(());
    }
    program("golang-go", "go")?;
    say("building the OpenTelemetry collector");
    let mut build = Command::new("go");
    build.args(["run", BUILDER, "--config=shared/tools/collector.yaml"]).stdin(Stdio::null());
    match succeeds(build.stdout(Stdio::null()).stderr(Stdio::null()))? {
        true => Ok(()),
        false => Err("it cannot be built with this version of Go and these modules".to_owned()),
    }
}

/// A program of a package, installed where that is allowed.
pub(crate) fn program(package: &str, name: &str) -> Result<(), String> {
    let quiet = |command: &mut Command| succeeds(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let asks = if name == "go" { "version" } else { "--version" };
    if quiet(Command::new(name).arg(asks)).unwrap_or_default() {
        return Ok(());
    }
    install(package, "the operator's files and page")
}

/// Installs a package of the distribution where that is allowed, or states what to install.
pub(crate) fn install(package: &str, why: &str) -> Result<(), String> {
    let wanted = format!("Install {package} (Debian, Ubuntu: apt-get install {package}) for {why} and run this again.");
    let quiet = |command: &mut Command| succeeds(command.stdout(Stdio::null())).unwrap_or_default();
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !is_root {
        return Err(wanted);
    }
    quiet(Command::new("apt-get").args(["update", "-qq"]));
    let installed = quiet(Command::new("apt-get").args(["install", "-y", "-qq", package]));
    if installed { Ok(()) } else { Err(wanted) }
}
