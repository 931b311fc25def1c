//! Every check and test, in one run.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    clients, containers,
    contract::check,
    needs::{DATABASES, collector, database_server, program, setup},
    run::{build, cargo, lines, number_before, say, succeeds},
    tally::Tally,
    trial::{sandbox_ends_well, trial},
};

/// Parts of the suite on the pair that do not depend on the database of the run. They run once.
const ONCE: [(&str, &str); 10] = [
    ("bounds::", "reads the contract"),
    ("circles::", "reads the sources"),
    ("compose::", "starts both services on PostgreSQL by itself"),
    ("config::", "reads configurations; the documented example names SQLite"),
    ("floors::", "reads the manifests"),
    ("nouns::", "reads the sources"),
    ("readme::", "reads documents"),
    ("reference::", "reads the contract"),
    ("server::", "starts a PostgreSQL server of its own, with TLS"),
    ("words::", "reads the comments"),
];

/// The tests that need a real Prometheus.
const PROMETHEUS: &str = "operator::a_prometheus";

/// The test that needs a browser.
const BROWSER: &str = "status_page::a_browser";

/// The test that needs the official collector.
const COLLECTOR: &str = "receiver::the_collector";

/// Checks of the operator's files with the tools that read them in production.
const OPERATOR: [(&str, &str, &[&str]); 5] = [
    ("prometheus", "promtool", &["check", "rules", "shared/ops/alerts.yml"]),
    ("prometheus", "promtool", &["test", "rules", "shared/ops/alerts_test.yml"]),
    ("prometheus", "promtool", &["check", "config", "shared/ops/prometheus-ppc.yml"]),
    ("prometheus", "promtool", &["check", "config", "shared/ops/prometheus-ipa.yml"]),
    ("docker-compose", "docker-compose", &["--file", "docker-compose.yml", "config", "--quiet"]),
];

pub(crate) fn test() -> Result<Tally, String> {
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
        tally.add(&python_programs(&Path::new(clients::OUT).join("python"))?);
        for database in DATABASES {
            let mut sandbox = Command::new("target/debug/sandbox");
            sandbox.args(["--once", "--database", database]);
            tally.one(&format!("sandbox on {database}"), sandbox_ends_well(&mut sandbox)?);
        }
        tally.add(&trial(Path::new("target/debug"))?);
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
