//! The clients in other languages: each is built with the ordinary tools of its language and makes the same calls to a sandbox.
//! `tests/clients/expectations.json` has the steps and the expected answers.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use crate::{
    contract::{buf, protos},
    needs::setup,
    run::{Signal, lines, say, signal, succeeds},
    tally::Tally,
};

/// The folder of the messages and stubs in Python.
pub(crate) const PYTHON: &str = "target/tools/clients/python";

/// A client: how it is built, and how it is run.
struct Client {
    /// Its name in the table, such as `go`.
    name: &'static str,
    /// Programs that it needs, with the way to get them.
    needs: &'static [(&'static str, &'static str)],
    /// Generates and compiles it; false if a command fails.
    build: fn(&Places) -> Result<bool, String>,
    /// The command that runs it, without the paths of profile and expectations.
    run: fn(&Places) -> Command,
    /// The arguments after those paths.
    arguments: &'static [&'static str],
}

const CLIENTS: [Client; 5] = [
    Client { name: "python", needs: &[], build: build_python, run: run_python, arguments: &[] },
    Client {
        name: "go",
        needs: &[("go", "Go 1.26 or newer (https://go.dev/dl)")],
        build: build_go,
        run: run_go,
        arguments: &[],
    },
    Client {
        name: "java",
        needs: &[
            ("java", "a JDK 17 or newer (Debian, Ubuntu: apt-get install openjdk-17-jdk-headless)"),
            ("mvn", "Maven (Debian, Ubuntu: apt-get install maven)"),
        ],
        build: build_java,
        run: run_java,
        arguments: &[],
    },
    Client { name: "connect", needs: NODE, build: build_typescript, run: run_typescript, arguments: &[] },
    // The same program as the one before, which is built then.
    Client { name: "grpc-js", needs: NODE, build: |_| Ok(true), run: run_typescript, arguments: &["grpc-js"] },
];

const NODE: &[(&str, &str)] =
    &[("node", "Node.js 22 or newer (https://nodejs.org)"), ("npm", "npm, which comes with Node.js")];

/// The folders that the clients are built with.
struct Places {
    /// The root folder of the project, as an absolute path: some tools run in other folders.
    root: PathBuf,
    /// The Python tools.
    tools: PathBuf,
    /// The folder of everything that is generated and compiled.
    out: PathBuf,
}

impl Places {
    fn out(&self, name: &str) -> PathBuf {
        self.out.join(name)
    }

    fn source(&self, name: &str) -> PathBuf {
        self.root.join("tests/clients").join(name)
    }

    /// The compiler of protobuf.
    fn protoc(&self) -> Command {
        let mut command = Command::new(self.tools.join("bin/python"));
        command.args(["-m", "grpc_tools.protoc", "-I", "proto"]).stdin(Stdio::null());
        command
    }
}

/// Builds and runs all clients, and prints a row for each language and step.
pub(crate) fn clients() -> Result<Tally, String> {
    let root = std::env::current_dir().map_err(|error| error.to_string())?;
    let places = Places { tools: setup()?, out: root.join("target/tools/clients"), root };
    std::fs::create_dir_all(&places.out).map_err(|error| error.to_string())?;
    let expectations = places.root.join("tests/clients/expectations.json");
    let steps = steps(&expectations)?;
    let mut tally = Tally::default();
    let mut sandbox = None;
    for client in &CLIENTS {
        let lacking = client.needs.iter().find(|(program, _)| !is_there(program));
        if let Some((program, how)) = lacking {
            tally.skip(&format!("{:10}", client.name), &format!("{program} is not here: install {how}"));
            continue;
        }
        if !(client.build)(&places)? {
            tally.one(&format!("{:10} builds", client.name), false);
            continue;
        }
        let running = match sandbox.take() {
            Some(running) => running,
            None => Sandbox::start(&places)?,
        };
        let mut command = (client.run)(&places);
        command.arg(running.folder.join("profile.json")).arg(&expectations).args(client.arguments);
        // The texts of refused certificates and of lost connections, which differ by language.
        let log = places.out(&format!("{}.log", client.name));
        let said = std::fs::File::create(&log).map_err(|error| error.to_string())?;
        let mut done = Vec::new();
        lines(command.stdin(Stdio::null()).stderr(said), |line| done.push(line.to_owned()))?;
        for step in &steps {
            let found = done.iter().find(|line| line.split([' ', ':']).nth(1) == Some(step));
            let passed = found.is_some_and(|line| *line == format!("ok {step}"));
            if !passed {
                say(&format!("{}: see {}", found.map_or("no line for this step", String::as_str), log.display()));
            }
            tally.one(&format!("{:10} {step}", client.name), passed);
        }
        sandbox = Some(running);
    }
    Ok(tally)
}

/// The steps that every client makes, in their order.
fn steps(file: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let table: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let steps = table["steps"].as_array().ok_or("there are no steps")?;
    Ok(steps.iter().filter_map(|step| step.as_str().map(str::to_owned)).collect())
}

fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    // Whatever it answers: one that is not there cannot be started.
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

/// A sandbox for all clients. It ends with the value.
struct Sandbox {
    folder: PathBuf,
    process: Child,
    /// It is kept open, so that the sandbox can go on to print.
    _output: BufReader<ChildStdout>,
}

impl Sandbox {
    fn start(places: &Places) -> Result<Self, String> {
        let folder = places.out("sandbox");
        // There is none in a fresh checkout.
        let _ = std::fs::remove_dir_all(&folder);
        let failed = |error: std::io::Error| format!("the sandbox of the clients: {error}");
        let mut command = Command::new("target/debug/sandbox");
        command.arg("--folder").arg(&folder).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(failed)?;
        let mut output = BufReader::new(process.stdout.take().ok_or("the sandbox has no output")?);
        let (mut line, mut last) = (String::new(), String::new());
        while output.read_line(&mut line).map_err(failed)? > 0 {
            if line.contains("stay up") {
                return Ok(Self { folder, process, _output: output });
            }
            last = std::mem::take(&mut line);
        }
        let ended = process.wait().map_err(failed)?;
        Err(format!("the sandbox of the clients ended with {ended}: {last}"))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It ends its services in order when it is interrupted; a kill would leave them.
        signal(self.process.id(), Signal::INT);
        let _ = self.process.wait();
    }
}

/// Messages and stubs in Python.
fn build_python(places: &Places) -> Result<bool, String> {
    let out = places.out("python");
    // A message that was removed must not be imported.
    let _ = std::fs::remove_dir_all(&out);
    std::fs::create_dir_all(&out).map_err(|error| error.to_string())?;
    let mut protoc = places.protoc();
    protoc.args(["--python_out", "--grpc_python_out"].map(|option| format!("{option}={}", out.display())));
    // The details of errors come from the official package, which has the same names.
    succeeds(protoc.args(protos(Path::new("proto/renkei"))?).args(protos(Path::new("proto/buf"))?))
}

fn run_python(places: &Places) -> Command {
    let mut command = Command::new(places.tools.join("bin/python"));
    command.arg(places.source("python").join("journey.py")).env("PYTHONPATH", places.out("python"));
    command
}

fn build_go(places: &Places) -> Result<bool, String> {
    let out = places.out("go");
    let generated = out.join("gen/go");
    std::fs::create_dir_all(&generated).map_err(|error| error.to_string())?;
    let go = |folder: &Path, arguments: &[&str]| {
        let mut command = Command::new("go");
        command.args(arguments).current_dir(folder).env("GOWORK", out.join("go.work")).stdin(Stdio::null());
        succeeds(command.stderr(Stdio::null()))
    };
    let mut generate = buf(&places.tools);
    generate.args(["generate", "--template", "buf.gen.go.yaml", "-o"]).arg(&out);
    if !succeeds(&mut generate)? || !go(&generated, &["mod", "init", "renkei.dev/gen/go"])? {
        return Ok(false);
    }
    let source = places.source("go");
    if !out.join("go.work").exists() {
        let mut work = Command::new("go");
        work.args(["work", "init", "gen/go"]).arg(&source).current_dir(&out).env_remove("GOWORK");
        if !succeeds(work.stdin(Stdio::null()))? {
            return Ok(false);
        }
    }
    let mut compile = Command::new("go");
    compile.args(["build", "-o"]).arg(out.join("client")).arg(".").current_dir(&source);
    succeeds(compile.env("GOWORK", out.join("go.work")).stdin(Stdio::null()))
}

fn run_go(places: &Places) -> Command {
    Command::new(places.out("go").join("client"))
}

fn build_java(places: &Places) -> Result<bool, String> {
    let mut command = Command::new("mvn");
    command.args(["--batch-mode", "--quiet", "--file"]).arg(places.source("java").join("pom.xml"));
    command.arg(format!("-DbuildDirectory={}", places.out("java").display())).arg("compile").stdin(Stdio::null());
    succeeds(&mut command)
}

fn run_java(places: &Places) -> Command {
    let out = places.out("java");
    let mut command = Command::new("java");
    command.arg("-cp").arg(format!("{0}/classes:{0}/lib/*", out.display())).arg("dev.renkei.journey.Journey");
    command
}

fn build_typescript(places: &Places) -> Result<bool, String> {
    let out = places.out("typescript");
    // The files of another version must not be compiled.
    let _ = std::fs::remove_dir_all(&out);
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(places.source("typescript")).arg(&out);
    let mut contract = Command::new("cp");
    contract.args(["-r", "proto"]).arg(out.join("proto"));
    if !succeeds(&mut copy)? || !succeeds(&mut contract)? {
        return Ok(false);
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--silent", "--no-audit", "--no-fund"]);
    let mut generate = Command::new(places.tools.join("bin/buf"));
    generate.args(["generate", "proto"]);
    let mut compile = Command::new("npx");
    compile.arg("tsc");
    for mut command in [install, generate, compile] {
        if !succeeds(command.current_dir(&out).stdin(Stdio::null()))? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn run_typescript(places: &Places) -> Command {
    let mut command = Command::new("node");
    command.arg(places.out("typescript").join("dist/main.js"));
    command
}
