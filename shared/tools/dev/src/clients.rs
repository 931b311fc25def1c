//! The guides of integrators, as their readers use them: a shell runs the commands, which build a client in each language with
//! the ordinary tools of that language, and the clients make the same calls to a sandbox.
//! `tests/clients/expectations.json` has the steps and the expected answers.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use crate::{
    needs::setup,
    run::{Signal, lines, say, signal},
    tally::Tally,
};

/// The guides, in the order in which they are read.
const GUIDES: [&str; 2] = ["docs/integrate.md", "docs/clients.md"];

const EXPECTATIONS: &str = "tests/clients/expectations.json";

/// The folder of everything that the commands write, such as the messages and stubs in `python`.
pub(crate) const OUT: &str = "target/tools/clients";

/// Programs that not every machine has, with the way to get them.
const PROGRAMS: [(&str, &str); 6] = [
    ("dotnet", "the .NET SDK 8 or newer (https://dotnet.microsoft.com/download)"),
    ("go", "Go 1.26 or newer (https://go.dev/dl)"),
    ("java", "a JDK 17 or newer (Debian, Ubuntu: apt-get install openjdk-17-jdk-headless)"),
    ("mvn", "Maven (Debian, Ubuntu: apt-get install maven)"),
    ("node", "Node.js 22 or newer (https://nodejs.org)"),
    ("npx", "npm, which comes with Node.js"),
];

/// The state of a reader's shell before each piece: the folders, the addresses of the sandbox, and the packages of pip as soon
/// as they are installed.
const BEFORE: &str = r#"
. "$OUT/sandbox/sandbox.env"; DIR=$RENKEI_PPC_CALLERS/intake
[ ! -e "$OUT/tools/bin/activate" ] || . "$OUT/tools/bin/activate"
"#;

/// Commands of a guide. The comment `<!-- run: NAME -->` before them gives their name.
struct Piece {
    name: String,
    script: String,
}

impl Piece {
    /// The first program that it needs and the machine does not have, with the way to get it.
    fn lacks(&self) -> Option<(&'static str, &'static str)> {
        let words: Vec<&str> = self.script.split([' ', '\n', '(', ')']).collect();
        PROGRAMS.into_iter().find(|(program, _)| words.contains(program) && !is_there(program))
    }

    /// The steps that it prints: those of every client, if it runs one.
    fn steps<'a>(&self, all: &'a [String]) -> &'a [String] {
        if self.script.contains(EXPECTATIONS) { all } else { &[] }
    }

    /// Runs it. Gives the lines that it prints, and whether it has succeeded.
    fn run(&self, log: &Path) -> Result<(Vec<String>, bool), String> {
        let failed = |error: std::io::Error| format!("{}: {error}", log.display());
        let root = std::env::current_dir().map_err(|error| error.to_string())?;
        let mut file = std::fs::File::create(log).map_err(failed)?;
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", &format!("{BEFORE}{}", self.script)]).env("OUT", root.join(OUT)).env("ROOT", root);
        // The texts of refused certificates and of lost connections, which differ by language.
        shell.stdin(Stdio::null()).stderr(file.try_clone().map_err(failed)?);
        let mut printed = Vec::new();
        // Maven ends with codes for a terminal, and without a line break.
        let plain = |line: &str| line.rsplit("\u{1b}[0m").next().unwrap_or_default().to_owned();
        let succeeded = lines(&mut shell, |line| printed.push(plain(line)))?;
        file.write_all(printed.join("\n").as_bytes()).map_err(failed)?;
        Ok((printed, succeeded))
    }
}

/// Runs all pieces, and prints a row for each, and for each step of a client.
pub(crate) fn clients() -> Result<Tally, String> {
    // A virtual environment of Python is the first thing that the guide makes.
    setup()?;
    std::fs::create_dir_all(OUT).map_err(|error| error.to_string())?;
    let steps = steps()?;
    let sandbox = Sandbox::start(&Path::new(OUT).join("sandbox"))?;
    let mut tally = Tally::default();
    for piece in pieces()? {
        if let Some((program, how)) = piece.lacks() {
            tally.skip(&piece.name, &format!("{program} is not here: install {how}"));
            continue;
        }
        let log = Path::new(OUT).join(format!("{}.log", piece.name));
        let (printed, succeeded) = piece.run(&log)?;
        let expected = piece.steps(&steps);
        for step in expected {
            let found = printed.iter().find(|line| line.split([' ', ':']).nth(1) == Some(step));
            let passed = found.is_some_and(|line| *line == format!("ok {step}"));
            if !passed {
                say(&format!("{}: see {}", found.map_or("no line for this step", String::as_str), log.display()));
            }
            tally.one(&format!("{:16} {step}", piece.name), passed);
        }
        if !succeeded {
            say(&format!("the commands {} have failed: see {}", piece.name, log.display()));
        }
        if !succeeded || expected.is_empty() {
            tally.one(&format!("{:16} runs", piece.name), succeeded);
        }
    }
    tally.one("sandbox          ends", sandbox.end()?);
    Ok(tally)
}

/// The pieces of all guides, in their order.
fn pieces() -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    for guide in GUIDES {
        let text = std::fs::read_to_string(guide).map_err(|error| format!("{guide}: {error}"))?;
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(name) = line.strip_prefix("<!-- run: ").and_then(|rest| rest.strip_suffix(" -->")) {
                let script: Vec<&str> = lines.by_ref().skip(1).take_while(|line| *line != "```").collect();
                pieces.push(Piece { name: name.to_owned(), script: script.join("\n") });
            }
        }
    }
    if pieces.is_empty() { Err("the guides have no commands".to_owned()) } else { Ok(pieces) }
}

/// The steps that every client makes, in their order.
fn steps() -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(EXPECTATIONS).map_err(|error| format!("{EXPECTATIONS}: {error}"))?;
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
    process: Child,
    /// It is kept open, so that the sandbox can go on to print.
    _output: BufReader<ChildStdout>,
}

impl Sandbox {
    fn start(folder: &Path) -> Result<Self, String> {
        // There is none in a fresh checkout.
        let _ = std::fs::remove_dir_all(folder);
        let failed = |error: std::io::Error| format!("the sandbox of the clients: {error}");
        let mut command = Command::new("target/debug/sandbox");
        command.arg("--folder").arg(folder).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(failed)?;
        let mut output = BufReader::new(process.stdout.take().ok_or("the sandbox has no output")?);
        let (mut line, mut last) = (String::new(), String::new());
        while output.read_line(&mut line).map_err(failed)? > 0 {
            if line.contains("stay up") {
                return Ok(Self { process, _output: output });
            }
            last = std::mem::take(&mut line);
        }
        let ended = process.wait().map_err(failed)?;
        Err(format!("the sandbox of the clients ended with {ended}: {last}"))
    }

    /// Ends it as a script would; false unless it ends its services in order.
    fn end(mut self) -> Result<bool, String> {
        signal(self.process.id(), Signal::TERM);
        self.process.wait().map(|status| status.success()).map_err(|error| error.to_string())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A process that has been waited for has no number any more.
        if matches!(self.process.try_wait(), Ok(None)) {
            signal(self.process.id(), Signal::TERM);
            let _ = self.process.wait();
        }
    }
}
