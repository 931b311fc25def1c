//! Commands, and what they print.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// The most lines of a command that an error has.
const LAST: usize = 20;

pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn succeeds(command: &mut Command) -> Result<bool, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.status().map(|status| status.success()).map_err(|error| format!("{program} cannot be started: {error}"))
}

/// Runs a command to its end and gives what it writes. The error of one that fails has its last lines.
pub(crate) fn said(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program} cannot be started: {error}"))?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(told);
    }
    let all = String::from_utf8_lossy(&output.stderr).into_owned() + &told;
    let lines: Vec<&str> = all.lines().collect();
    let last = lines.get(lines.len().saturating_sub(LAST)..).unwrap_or_default();
    Err(format!("{program} failed: {}\n{}", output.status, last.join("\n")))
}

/// Runs a command and shows each line of its output to `see`.
pub(crate) fn lines(command: &mut Command, mut see: impl FnMut(&str)) -> Result<bool, String> {
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

/// Sends a signal to a process; false if there is none with this number. The program `kill` is not on every machine.
pub(crate) fn signal(id: u32, with: Signal) -> bool {
    let process = i32::try_from(id).ok().and_then(Pid::from_raw);
    process.is_some_and(|process| kill_process(process, with).is_ok())
}

/// The number before a word, as in `ok. 12 passed; 0 failed`.
pub(crate) fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().filter(|before| before.len() < text.len()).unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "the tasks talk to the person who started them")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// The services and what runs them. Every call of cargo names the whole workspace: features are united over the packages
/// that a call names, and a package that gets other features is compiled anew with all that depend on it.
pub(crate) fn build() -> Result<bool, String> {
    succeeds(&mut cargo(&["build", "--workspace", "--bins"]))
}
