//! The project's tasks behind `./dev`. Installs what it needs beyond Rust and a C compiler under `target/tools`, or
//! states in a sentence what to install.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use clap::{Parser, Subcommand};

mod clients;
mod containers;
mod dist;
mod licences;
mod linked;
mod sbom;
mod trial;

/// The databases of the services and their tests, the default first.
const DATABASES: [&str; 2] = ["sqlite", "postgres"];

/// Parts of the suite on the pair that do not depend on the database of the run. They run once.
const ONCE: [(&str, &str); 8] = [
    ("compose::", "starts both services on PostgreSQL by itself"),
    ("config::", "reads configurations; the documented example names SQLite"),
    ("floors::", "reads the manifests"),
    ("nouns::", "reads the sources"),
    ("readme::", "reads documents"),
    ("reference::", "reads the contract"),
    ("server::", "starts a PostgreSQL server of its own, with TLS"),
    ("words::", "reads the comments"),
];

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

/// The contract that generated code in use was made from, in the folder `proto`.
const BASELINE: &str = "baseline.binpb";

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs the tools of the tests.
    Setup,
    /// Builds both services and the test programs.
    Build,
    /// Formatting, lints and the contract's style.
    Check,
    /// Every check and test; ends with `N passed, M failed`.
    Test,
    /// Makes the contract as it is now the one that `check` compares with; for a release, and for a deliberate change
    /// that breaks generated code.
    Baseline,
    /// The clients in other languages: builds each and makes the calls of `tests/clients/expectations.json` to a sandbox.
    Clients,
    /// Both agencies in containers: runs `Dockerfile` and `docker-compose.yml` on a container engine of its own.
    Containers,
    /// Makes a release archive for this platform under `target/dist`, with its checksum.
    Dist,
    /// Writes `docs/errors.md` and `docs/api` anew from the contract, and `docs/states.md` from the rules; the tests compare them.
    Reference,
    /// Measures the services beside controls of the same run; `./dev bench --help` lists the cases.
    #[command(disable_help_flag = true)]
    Bench {
        /// Goes to the bench as it is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The real programs under faults and attack; `./dev fault --help` lists the scenarios.
    #[command(disable_help_flag = true)]
    Fault {
        /// Goes to the scenarios as it is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Histories of the pair in memory, with every failure; `./dev simulate --help` lists what can be chosen.
    #[command(disable_help_flag = true)]
    Simulate {
        /// Goes to the simulation as it is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Puts faults into a copy of the sources, one at a time, and lets the simulation find them.
    #[command(disable_help_flag = true)]
    Mutants {
        /// Goes to the program as it is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The real programs at work for a long time, with kills and cuts; `./dev soak --help` lists the options.
    #[command(disable_help_flag = true)]
    Soak {
        /// Goes to the soak as it is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Both services with the scenario; stays up until Ctrl-C. `./dev sandbox --help` lists the options.
    #[command(disable_help_flag = true)]
    Sandbox {
        /// Goes to the sandbox as it is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Databases of both services with many items; see its own `--help`.
    #[command(disable_help_flag = true)]
    Seed {
        /// The arguments of the program.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// The tests that need a real Prometheus.
const PROMETHEUS: &str = "operator::a_prometheus";

/// The test that needs a browser.
const BROWSER: &str = "status_page::a_browser";

/// The test that needs the official collector.
const COLLECTOR: &str = "receiver::the_collector";
/// The program that builds it from `shared/tools/collector.yaml`.
const BUILDER: &str = "go.opentelemetry.io/collector/cmd/builder@v0.165.0";

/// Checks of the operator's files with the tools that read them in production.
const OPERATOR: [(&str, &str, &[&str]); 5] = [
    ("prometheus", "promtool", &["check", "rules", "shared/ops/alerts.yml"]),
    ("prometheus", "promtool", &["test", "rules", "shared/ops/alerts_test.yml"]),
    ("prometheus", "promtool", &["check", "config", "shared/ops/prometheus-ppc.yml"]),
    ("prometheus", "promtool", &["check", "config", "shared/ops/prometheus-ipa.yml"]),
    ("docker-compose", "docker-compose", &["--file", "docker-compose.yml", "config", "--quiet"]),
];

/// The number of checks and tests that passed, failed, or were left out because a tool is not available.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Setup => setup().map(|_| true),
        Task::Build => build(),
        Task::Check => check().map(|tally| tally.report()),
        Task::Test => test().map(|tally| tally.report()),
        Task::Baseline => baseline(),
        Task::Clients => build().and_then(|built| Ok(built && clients::clients()?.report())),
        Task::Dist => dist(),
        Task::Containers => build().and_then(|built| Ok(built && containers::containers()?.report())),
        Task::Reference => reference(),
        Task::Bench { arguments } => bench(&arguments),
        Task::Simulate { arguments } => simulation("simulate", &arguments),
        Task::Mutants { arguments } => simulation("mutants", &arguments),
        Task::Fault { arguments } => on_programs("fault", &arguments),
        Task::Soak { arguments } => on_programs("soak", &arguments),
        Task::Sandbox { arguments } => sandbox(&arguments),
        Task::Seed { arguments } => seed(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

impl Tally {
    fn one(&mut self, name: &str, passed: bool) {
        say(&format!("{} {name}", if passed { "ok    " } else { "FAILED" }));
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    fn skip(&mut self, name: &str, why: &str) {
        say(&format!("skip   {name}: {why}"));
        self.skipped += 1;
    }

    fn report(&self) -> bool {
        let skipped = if self.skipped == 0 { String::new() } else { format!(", {} skipped", self.skipped) };
        say(&format!("{} passed, {} failed{skipped}", self.passed, self.failed));
        self.failed == 0
    }
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).stdin(Stdio::null());
    command
}

fn succeeds(command: &mut Command) -> Result<bool, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.status().map(|status| status.success()).map_err(|error| format!("{program} cannot be started: {error}"))
}

/// What a command writes; an error with its complaint if it fails.
fn said(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program} cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The services and what runs them. Every call of cargo names the whole workspace: features are united over the packages
/// that a call names, and a package that gets other features is compiled anew with all that depend on it.
fn build() -> Result<bool, String> {
    succeeds(&mut cargo(&["build", "--workspace", "--bins"]))
}

/// An archive is tried before it is there.
fn dist() -> Result<bool, String> {
    let Some(programs) = dist::programs()? else { return Ok(false) };
    if !trial::trial(&programs)?.report() {
        return Ok(false);
    }
    dist::release(&programs).map(|()| true)
}

/// The services as they run in production.
fn bench(arguments: &[String]) -> Result<bool, String> {
    // The bench would say so as well, after minutes of building.
    if let Some(folder) = against(arguments)
        && let Some(missing) = ["ppc", "ipa"].into_iter().find(|name| !folder.join(name).is_file())
    {
        return Err(format!("--against {}: there is no program {missing} in it", folder.display()));
    }
    database_server()?;
    let programs = ["build", "--workspace", "--release", "--bin", "ppc", "--bin", "ipa", "--bin", "bench"];
    if !succeeds(&mut cargo(&programs))? {
        return Ok(false);
    }
    succeeds(Command::new("target/release/bench").args(arguments))
}

/// The folder that the bench compares with.
fn against(arguments: &[String]) -> Option<&Path> {
    let joined = arguments.iter().find_map(|it| it.strip_prefix("--against="));
    let parted = arguments.iter().skip_while(|it| *it != "--against").nth(1);
    joined.or(parted.map(String::as_str)).map(Path::new)
}

/// Runs a program that plays with the services on both databases.
fn on_programs(name: &str, arguments: &[String]) -> Result<bool, String> {
    database_server()?;
    Ok(build()? && succeeds(Command::new(Path::new("target/debug").join(name)).args(arguments))?)
}

/// A program of the simulation, which needs neither service.
fn simulation(program: &str, arguments: &[String]) -> Result<bool, String> {
    let built = succeeds(&mut cargo(&["build", "--quiet", "--workspace", "--bin", program]))?;
    Ok(built && succeeds(Command::new(Path::new("target/debug").join(program)).args(arguments))?)
}

fn sandbox(arguments: &[String]) -> Result<bool, String> {
    // A sandbox that is to be restarted has been built.
    let restarts = arguments.first().is_some_and(|it| it == "restart");
    let options: Vec<&str> = arguments.iter().flat_map(|it| it.split('=')).collect();
    if options.windows(2).any(|pair| pair == ["--database", DATABASES[1]]) {
        database_server()?;
    }
    Ok((restarts || build()?) && succeeds(Command::new("target/debug/sandbox").args(arguments))?)
}

/// A program built for speed fills ten times as fast, which pays for its build from some number of items on.
fn seed(arguments: &[String]) -> Result<bool, String> {
    let asked = arguments.iter().skip_while(|it| *it != "--items").nth(1);
    let many = asked.and_then(|items| items.parse::<u64>().ok()).is_some_and(|items| items > 10_000);
    let release = if many { ["--release"].as_slice() } else { &[] };
    let run = ["run", "--quiet", "--bin", "seed"];
    succeeds(cargo(&run).args(release).arg("--").args(arguments))
}

fn check() -> Result<Tally, String> {
    let tools = setup()?;
    let mut tally = Tally::default();
    tally.one("formatting", succeeds(&mut cargo(&["fmt", "--all", "--check"]))?);
    let lints = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    tally.one("lints", succeeds(&mut cargo(&lints))?);
    for (name, arguments) in [("buf lint", &["lint"][..]), ("buf breaking", &["breaking", "--against", BASELINE])] {
        tally.one(name, succeeds(buf(&tools).args(arguments))?);
    }
    Ok(tally)
}

fn reference() -> Result<bool, String> {
    let tests = ["the_reference_is_what_the_contract_states", "the_diagrams_of_states_are_what_the_rules_do"];
    let run = ["test", "--quiet", "--workspace", "--test", "suite", "--test", "rules", "--"];
    succeeds(cargo(&run).args(tests).env("RENKEI_WRITE_REFERENCE", "1"))
}

/// Comments are left out: they break nothing, and would be most of the file.
fn baseline() -> Result<bool, String> {
    succeeds(buf(&setup()?).args(["build", "--exclude-source-info", "--output", BASELINE]))
}

/// The program buf in the folder of the contract.
fn buf(tools: &Path) -> Command {
    let mut command = Command::new(tools.join("bin/buf"));
    command.current_dir("proto");
    command
}

fn test() -> Result<Tally, String> {
    database_server()?;
    let mut tally = check()?;
    let built = build()?;
    tally.one("build", built);
    tally.add(&operator()?);
    let mut skips = Vec::new();
    let prometheus = program("prometheus", "prometheus");
    let browser = program("chromium", "chromium");
    for (tests, tool) in [(PROMETHEUS, prometheus), (BROWSER, browser), (COLLECTOR, collector())] {
        if let Err(why) = tool {
            tally.skip(tests, &why);
            skips.extend(["--skip", tests]);
        }
    }
    let everything = ["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast", "--"];
    tally.add(&cargo_tests(cargo(&everything).args(&skips))?);
    tally.add(&suite_on_postgres(&skips)?);
    if built {
        tally.add(&clients::clients()?);
        tally.add(&python_programs(Path::new(clients::PYTHON))?);
        for database in DATABASES {
            let mut sandbox = Command::new("target/debug/sandbox");
            sandbox.args(["--once", "--database", database]);
            tally.one(&format!("sandbox on {database}"), sandbox_ends_well(&mut sandbox)?);
        }
        tally.add(&trial::trial(Path::new("target/debug"))?);
        tally.add(&containers::containers()?);
    }
    Ok(tally)
}

/// Alert rules with their tests, Prometheus' configurations and the compose file.
fn operator() -> Result<Tally, String> {
    let mut tally = Tally::default();
    for (package, name, arguments) in OPERATOR {
        let what = format!("{name} {}", arguments.join(" "));
        match program(package, name) {
            Ok(()) => tally.one(&what, succeeds(Command::new(name).args(arguments).stdout(Stdio::null()))?),
            Err(why) => tally.skip(&what, &why),
        }
    }
    Ok(tally)
}

/// The tests on the pair once more, on a private PostgreSQL cluster. The store's tests run on both by themselves.
fn suite_on_postgres(skips: &[&str]) -> Result<Tally, String> {
    say("the tests on the pair once more, on PostgreSQL");
    let mut command = cargo(&["test", "--workspace", "--test", "suite", "--"]);
    command.env("RENKEI_TEST_DATABASE", DATABASES[1]).args(skips);
    for (tests, why) in ONCE {
        say(&format!("once only: {tests} {why}"));
        command.args(["--skip", tests]);
    }
    cargo_tests(&mut command)
}

/// Runs Rust tests and adds up the results of all test programs. Two tests run at once for each core, since a test on the
/// pair waits for half of its time.
fn cargo_tests(command: &mut Command) -> Result<Tally, String> {
    let mut tally = Tally::default();
    // A snapshot that is missing or has changed fails the run, and no file is written.
    command.env("INSTA_UPDATE", "no");
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    command.env("RUST_TEST_THREADS", (2 * cores).to_string());
    let passed = lines(command, |line| {
        say(line);
        if let Some(result) = line.strip_prefix("test result: ") {
            tally.passed += number_before(result, " passed");
            tally.failed += number_before(result, " failed");
        }
    })?;
    if !passed && tally.failed == 0 {
        tally.one("cargo test", false);
    }
    Ok(tally)
}

/// The programs in Python: what a sandbox prints, the bounds of the contract, and a verifier of its own. `generated` are the stubs
/// of the client in Python.
fn python_programs(generated: &Path) -> Result<Tally, String> {
    let tools = setup()?;
    let mut tally = Tally::default();
    let mut python = |script: &str, further: Option<PathBuf>| -> Result<(), String> {
        let mut command = Command::new(tools.join("bin/python"));
        command.arg(script).arg(generated).args(further).stdin(Stdio::null());
        let mut counted = Tally::default();
        let passed = lines(&mut command, |line| {
            say(line);
            counted.passed += number_before(line, " passed,");
            counted.failed += number_before(line, " failed");
        })?;
        if !passed && counted.failed == 0 {
            counted.one(script, false);
        }
        tally.add(&counted);
        Ok(())
    };
    python("tests/clients/python/parity.py", None)?;
    python("tests/clients/python/client.py", Some(tools.join("bin/buf")))?;
    let folder = PathBuf::from("target/tools/verified");
    // There is none in a fresh checkout.
    let _ = std::fs::remove_dir_all(&folder);
    if succeeds(Command::new("target/debug/sandbox").args(["--once", "--folder"]).arg(&folder).stdout(Stdio::null()))? {
        python("tests/clients/python/verify_test.py", Some(folder))?;
    } else {
        return Err("the sandbox for the foreign verifier did not end well".to_owned());
    }
    Ok(tally)
}

fn sandbox_ends_well(sandbox: &mut Command) -> Result<bool, String> {
    let (mut last, mut seen) = (String::new(), 0);
    let passed = lines(sandbox, |line| {
        say(line);
        // Both agencies' accounts of the service and of the advice request.
        let shown = [
            "ppc status",
            "ipa status",
            "ppc trace agencies/ppc/adviceRequests/",
            "ipa trace agencies/ppc/adviceRequests/",
        ];
        seen += usize::from(shown.iter().any(|shown| line.starts_with(shown)));
        line.clone_into(&mut last);
    })?;
    Ok(passed
        && seen == 4
        && last.starts_with("entries: ppc ")
        && last.ends_with(", receipts complete, journals verified on both sides"))
}

/// Runs a command and shows each line of its output to `see`.
fn lines(command: &mut Command, mut see: impl FnMut(&str)) -> Result<bool, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| format!("{program} cannot be run: {error}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            see(&line.map_err(failed)?);
        }
    }
    child.wait().map(|status| status.success()).map_err(failed)
}

/// The number before a word, as in `ok. 12 passed; 0 failed`.
fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().filter(|before| before.len() < text.len()).unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn protos(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for item in std::fs::read_dir(root).map_err(|error| error.to_string())? {
        let path = item.map_err(|error| error.to_string())?.path();
        if path.is_dir() {
            files.extend(protos(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "proto") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Installs the Python tools once. Gives their folder.
fn setup() -> Result<PathBuf, String> {
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
fn database_server() -> Result<(), String> {
    let debian = Path::new("/usr/lib/postgresql");
    let found = succeeds(Command::new("initdb").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()));
    if found.unwrap_or_default() || debian.is_dir() {
        return Ok(());
    }
    install("postgresql", "the tests on PostgreSQL")
}

/// The official collector, built once from its modules.
fn collector() -> Result<(), String> {
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
fn program(package: &str, name: &str) -> Result<(), String> {
    let quiet = |command: &mut Command| succeeds(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let asks = if name == "go" { "version" } else { "--version" };
    if quiet(Command::new(name).arg(asks)).unwrap_or_default() {
        return Ok(());
    }
    install(package, "the operator's files and page")
}

/// Installs a package of the distribution where that is allowed, or states what to install.
fn install(package: &str, why: &str) -> Result<(), String> {
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

#[expect(clippy::print_stdout, reason = "the tasks talk to the person who started them")]
fn say(line: &str) {
    println!("{line}");
}
