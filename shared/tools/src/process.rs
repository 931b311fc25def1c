//! A service as a process: its program, and its log.

use std::{
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use renkei_proto::r#type::v1::Agency;
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStderr, Command},
    sync::oneshot,
};

/// The longest time for the start of a service.
const START: Duration = Duration::from_secs(60);

/// A service that runs as a process. Killed when it is dropped.
pub struct Process {
    child: Child,
    /// The address of its desk port.
    pub desk: SocketAddr,
    /// The address of its link port.
    pub link: SocketAddr,
    /// The address of its operator's port.
    pub operator: SocketAddr,
}

/// The operator's port as configurations here name it: a free one.
pub(crate) const OPERATOR: &str = "[operator]\nlisten = \"127.0.0.1:0\"\n";

impl Process {
    /// Starts a service's program with a configuration in a folder, and waits until it serves. Configuration and log are the
    /// files `{name}.toml` and `{name}.log` there. Once it serves, the configuration names the operator's port that it
    /// took, for the command line.
    ///
    /// # Errors
    /// Fails if it does not start.
    pub async fn start(program: &Path, dir: &Path, name: &str, config: &str) -> Result<Self, String> {
        Self::start_with(program, dir, name, config, &[]).await
    }

    /// As [`Process::start`], with variables that override the configuration.
    ///
    /// # Errors
    /// Fails if it does not start.
    pub async fn start_with(
        program: &Path,
        dir: &Path,
        name: &str,
        config: &str,
        variables: &[(&str, String)],
    ) -> Result<Self, String> {
        let file = dir.join(format!("{name}.toml"));
        let write = |config: &str| std::fs::write(&file, config).map_err(|error| error.to_string());
        write(config)?;
        let log = dir.join(format!("{name}.log"));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .arg("--config")
            .arg(&file)
            .arg("serve")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| error.to_string())?;
        let errors = child.stderr.take().ok_or("the process has no standard error")?;
        let (ready, readying) = oneshot::channel();
        tokio::spawn(follow(BufReader::new(errors), log, ready));
        let addresses = tokio::time::timeout(START, readying).await.map_err(|_| "the service did not start in time")?;
        let Addresses { desk, link, operator } =
            addresses.map_err(|_| format!("{name} did not start: see {}", dir.display()))?;
        write(&config.replace(OPERATOR, &OPERATOR.replace("127.0.0.1:0", &operator.to_string())))?;
        Ok(Self { child, desk, link, operator })
    }

    /// Its id; `None` when it has ended by itself.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// Fails if it has ended by itself.
    pub fn signal(&self, with: Signal) -> Result<(), String> {
        signal(&self.child, with)
    }

    /// Kills it (SIGKILL).
    ///
    /// # Errors
    /// Fails if it has ended by itself.
    pub async fn kill(mut self) -> Result<(), String> {
        self.child.kill().await.map_err(|error| error.to_string())
    }

    /// Ends it in order (SIGTERM).
    ///
    /// # Errors
    /// Fails if it does not end so.
    pub async fn end(mut self) -> Result<(), String> {
        self.signal(Signal::TERM)?;
        let status = self.child.wait().await.map_err(|error| error.to_string())?;
        status.success().then_some(()).ok_or_else(|| format!("the service ended with {status}"))
    }
}

/// Copies a service's log to its file and finds the addresses on which it serves.
async fn follow(mut lines: BufReader<ChildStderr>, mut log: std::fs::File, ready: oneshot::Sender<Addresses>) {
    let (mut ready, mut line) = (Some(ready), String::new());
    while lines.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        // A log that cannot be written does not stop the service.
        let _ = log.write_all(line.as_bytes());
        if let Some(addresses) = addresses(&line)
            && let Some(ready) = ready.take()
        {
            let _ = ready.send(addresses);
        }
        line.clear();
    }
}

/// The addresses of a service's ports.
struct Addresses {
    desk: SocketAddr,
    link: SocketAddr,
    operator: SocketAddr,
}

fn addresses(line: &str) -> Option<Addresses> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    if line.get("message")?.as_str()? != "serving" {
        return None;
    }
    let field = |name: &str| line.get("fields")?.get(name)?.as_str()?.parse().ok();
    Some(Addresses { desk: field("desk")?, link: field("link")?, operator: field("operator")? })
}

/// Sends a signal to a process. The program `kill` is not on every machine.
///
/// # Errors
/// Fails if it has ended by itself.
pub fn signal(process: &Child, with: Signal) -> Result<(), String> {
    let id = process.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).ok_or("the process has ended by itself")?;
    kill_process(id, with).map_err(|error| error.to_string())
}

/// The binary of an agency's service.
///
/// # Errors
/// Fails if it is not built.
pub fn binary(agency: Agency) -> Result<PathBuf, String> {
    program(agency.id())
}

/// A program of this workspace, which lies beside the running one, or above it when a test runs.
///
/// # Errors
/// Fails if it is not built.
pub fn program(name: &str) -> Result<PathBuf, String> {
    let running = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut files = running.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    files
        .find(|file| file.is_file())
        .ok_or_else(|| format!("the program {name} is not beside this one: ./dev build builds it"))
}
