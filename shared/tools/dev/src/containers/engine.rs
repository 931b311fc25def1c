//! A container engine of its own, in a network namespace without a way out: nothing of it meets the machine's addresses, routes
//! and rules, or those of another run.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    needs::install,
    run::{Signal, said, signal},
};

/// Programs, each with its package, which brings further ones.
const PROGRAMS: [(&str, &str); 5] = [
    ("dockerd", "docker.io"),
    ("docker-compose", "docker-compose"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("mmdebstrap", "mmdebstrap"),
];

/// The folders of the distribution's programs. A client from elsewhere may want a further program to build images.
pub(super) const FOLDERS: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The data of all engines that run or were left behind, a folder each.
const DATA: &str = "target/containers";

/// The project's name, with which those of containers, volumes and networks begin.
const PROJECT: &str = "renkei";

/// Leaves out, and asks otherwise, what the stand-ins do not have.
const OVERRIDE: &str = "shared/tools/dev/containers/override.yml";

/// The time between two looks at a state that is waited for, and the number of looks: a minute and a half, and the time that the
/// looks take.
const PAUSE: Duration = Duration::from_millis(250);
const LOOKS: u32 = 360;

/// It ends, with all its containers and data, with the value.
pub(super) struct Engine {
    /// The name of the network namespace.
    name: String,
    /// Sockets and files. The path is short, since that of a socket is bounded.
    folder: PathBuf,
    data: PathBuf,
    daemon: Option<Child>,
}

/// A container as the engine describes it.
pub(super) struct Container(Value);

/// Installs the programs where that is allowed.
pub(super) fn programs() -> Result<(), String> {
    let is_root = said(Command::new("id").arg("-u"))?.trim() == "0";
    if !is_root {
        return Err("a container engine needs root".to_owned());
    }
    for (program, package) in PROGRAMS {
        if !FOLDERS.split(':').any(|folder| Path::new(folder).join(program).exists()) {
            install(package, "docker-compose.yml in containers")?;
        }
    }
    Ok(())
}

/// Removes the engines of runs that were killed.
fn clear() {
    // There is no folder before the first run.
    for item in fs::read_dir(DATA).into_iter().flatten().flatten() {
        let name = item.file_name().to_string_lossy().into_owned();
        if !Path::new("/proc").join(name.rsplit('-').next().unwrap_or_default()).exists() {
            remove(&name);
        }
    }
}

impl Engine {
    /// # Errors
    /// States why no engine runs here.
    pub(super) fn start() -> Result<Self, String> {
        clear();
        let name = format!("renkei-{}", std::process::id());
        let data = std::path::absolute(DATA).map_err(|error| error.to_string())?.join(&name);
        let mut engine = Self { folder: folder(&name), data, name, daemon: None };
        for folder in [&engine.folder, &engine.data] {
            fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        }
        engine.launch().map_err(|why| format!("no engine runs here: {}", last_line(&why)))?;
        Ok(engine)
    }

    fn launch(&mut self) -> Result<(), String> {
        let config = json!({
            "data-root": self.data,
            "exec-root": self.folder.join("exec"),
            "pidfile": self.folder.join("pid"),
            "hosts": [self.socket()],
            "storage-driver": "overlay2",
        });
        let (file, log) = (self.folder.join("daemon.json"), self.folder.join("log"));
        fs::write(&file, config.to_string()).map_err(|error| error.to_string())?;
        said(Command::new("ip").args(["netns", "add", &self.name]))?;
        said(Command::new("ip").args(["-n", &self.name, "link", "set", "lo", "up"]))?;
        let log_file = File::create(&log).map_err(|error| error.to_string())?;
        let mut daemon = self.inside("dockerd");
        daemon.arg("--config-file").arg(file).stdout(Stdio::null()).stderr(log_file);
        self.daemon = Some(daemon.spawn().map_err(|error| error.to_string())?);
        until(|| {
            let has_ended = |daemon: &mut Child| daemon.try_wait().is_ok_and(|ended| ended.is_some());
            let is_over = self.socket_file().exists() || self.daemon.as_mut().is_none_or(has_ended);
            if is_over { Ok(()) } else { Err("the engine does not answer".to_owned()) }
        })?;
        self.docker(&["info"]).map_err(|_| fs::read_to_string(&log).unwrap_or_default())?;
        Ok(())
    }

    fn socket_file(&self) -> PathBuf {
        self.folder.join("socket")
    }

    fn socket(&self) -> String {
        format!("unix://{}", self.socket_file().display())
    }

    /// A folder for files of the checks.
    pub(super) fn files(&self, name: &str) -> PathBuf {
        self.data.join("files").join(name)
    }

    /// The files of a volume.
    pub(super) fn volume(&self, name: &str) -> PathBuf {
        self.data.join("volumes").join(format!("{PROJECT}_{name}")).join("_data")
    }

    /// A command on the host of the containers: their published ports are its localhost.
    pub(super) fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.name)).arg(program).env("PATH", FOLDERS).stdin(Stdio::null());
        command
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PATH", FOLDERS).env("DOCKER_HOST", self.socket()).env("DOCKER_CONFIG", &self.folder);
        command.env("DOCKER_BUILDKIT", "1").env("COMPOSE_DOCKER_CLI_BUILD", "1").stdin(Stdio::null());
        command
    }

    /// Runs a command of the engine. Gives its output.
    pub(super) fn docker(&self, arguments: &[&str]) -> Result<String, String> {
        said(self.client("docker").args(arguments))
    }

    /// Runs a command on all that `docker-compose.yml` describes.
    pub(super) fn compose(&self, arguments: &[&str]) -> Result<String, String> {
        let files = ["--project-name", PROJECT, "--file", "docker-compose.yml", "--file", OVERRIDE];
        said(self.client("docker-compose").args(files).args(arguments))
    }

    /// Every container of the project by the name of its service.
    pub(super) fn containers(&self) -> Result<BTreeMap<String, Container>, String> {
        let filter = format!("label=com.docker.compose.project={PROJECT}");
        let ids = self.docker(&["ps", "--all", "--quiet", "--filter", &filter])?;
        let ids: Vec<&str> = ids.lines().collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let described = self.docker(&[&["inspect"], ids.as_slice()].concat())?;
        let all: Vec<Value> = serde_json::from_str(&described).map_err(|error| error.to_string())?;
        Ok(all
            .into_iter()
            .map(Container)
            .map(|it| (it.text("/Config/Labels/com.docker.compose.service"), it))
            .collect())
    }

    pub(super) fn container(&self, service: &str) -> Result<Container, String> {
        self.containers()?.remove(service).ok_or_else(|| format!("there is no container {service}"))
    }

    /// Runs a command in a service's container.
    pub(super) fn exec(&self, service: &str, command: &[&str]) -> Result<String, String> {
        let id = self.container(service)?.id();
        self.docker(&[&["exec", &id], command].concat())
    }

    /// All that a service has said in its present container.
    pub(super) fn log(&self, service: &str) -> Result<String, String> {
        let id = self.container(service)?.id();
        let Output { stdout, stderr, .. } =
            self.client("docker").args(["logs", &id]).output().map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
    }

    /// The last lines of every service.
    pub(super) fn logs(&self) -> String {
        self.compose(&["logs", "--no-color", "--tail=5"]).unwrap_or_else(|why| why)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The engine would wait for each of them.
        if let Ok(running) = self.docker(&["ps", "--quiet"]) {
            let running: Vec<&str> = running.lines().collect();
            let _ = self.docker(&[&["kill"], running.as_slice()].concat());
        }
        if let Some(daemon) = &mut self.daemon {
            signal(daemon.id(), Signal::TERM);
            let _ = daemon.wait();
        }
        remove(&self.name);
    }
}

impl Container {
    /// A text or another value of the description, by its place.
    pub(super) fn text(&self, place: &str) -> String {
        match self.0.pointer(place) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        }
    }

    pub(super) fn list(&self, place: &str) -> Vec<String> {
        let items = self.0.pointer(place).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    pub(super) fn value(&self, place: &str) -> &Value {
        self.0.pointer(place).unwrap_or(&Value::Null)
    }

    pub(super) fn id(&self) -> String {
        self.text("/Id")
    }

    pub(super) fn is_running(&self) -> bool {
        self.text("/State/Status") == "running"
    }

    /// The number of its process 1 on this machine.
    pub(super) fn process(&self) -> String {
        self.text("/State/Pid")
    }

    /// A file of its process 1 below `/proc`.
    pub(super) fn kernel(&self, file: &str) -> Result<String, String> {
        let file = format!("/proc/{}/{file}", self.process());
        fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new("/run").join(name)
}

/// Removes all of an engine. It is ended first if its run was killed.
fn remove(name: &str) {
    // Another program may have the number by now.
    let is_engine = |daemon: &String| {
        let called = fs::read(Path::new("/proc").join(daemon).join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&called).contains(name)
    };
    if let Ok(daemon) = fs::read_to_string(folder(name).join("pid"))
        && is_engine(&daemon)
    {
        signal(daemon.parse().unwrap_or_default(), Signal::TERM);
        let _ = until(|| if Path::new("/proc").join(&daemon).exists() { Err(String::new()) } else { Ok(()) });
    }
    // Some of it may not exist, if the run was interrupted early.
    let _ = said(Command::new("ip").args(["netns", "del", name]));
    let _ = fs::remove_dir_all(folder(name));
    let _ = fs::remove_dir_all(Path::new(DATA).join(name));
}

/// Looks at a state until it is as it should be. The error is that of the last look.
pub(super) fn until(mut look: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    let mut last = look();
    for _ in 1..LOOKS {
        if last.is_ok() {
            return last;
        }
        thread::sleep(PAUSE);
        last = look();
    }
    last
}

pub(super) fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().to_owned()
}
