//! A foreign OTLP receiver, made of the official protocol classes, and the official collector: processes of their own.

use std::{net::SocketAddr, path::Path, process::Stdio, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    sync::Mutex,
    task::JoinHandle,
};

use crate::process::{Signal, signal};

/// The longest time for the start of a collector.
const START: Duration = Duration::from_secs(60);

/// It runs until it is asked for what it got.
pub struct Receiver {
    /// The address at which it listens.
    pub address: SocketAddr,
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    reading: JoinHandle<()>,
}

impl Receiver {
    /// Starts it. `slow`: it answers after so many seconds.
    ///
    /// # Errors
    /// Fails if the Python tools are not set up, or it does not start.
    pub async fn start(checkout: &Path, slow: Option<u32>) -> Result<Self, String> {
        let python = checkout.join("target/tools/python/bin/python");
        if !python.is_file() {
            return Err("the Python tools are not set up: run ./dev setup".to_owned());
        }
        let mut command = Command::new(python);
        command.arg(checkout.join("tests/clients/python/receiver.py"));
        if let Some(seconds) = slow {
            command.arg("--slow").arg(seconds.to_string());
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
        let first = output.next_line().await.map_err(|error| error.to_string())?.unwrap_or_default();
        let address = first.strip_prefix("listening ").and_then(|address| address.parse().ok());
        let address = address.ok_or("the receiver did not start")?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let reading = tokio::spawn(async move {
            while let Ok(Some(line)) = output.next_line().await {
                kept.lock().await.extend(serde_json::from_str::<Value>(&line).ok());
            }
        });
        Ok(Self { address, child, lines, reading })
    }

    /// The records of a signal that it has received so far: `span`, `metric` or `log`.
    pub async fn got(&self, signal: &str) -> Vec<Value> {
        self.lines.lock().await.iter().filter(|line| line["signal"] == signal).cloned().collect()
    }

    /// Ends it, and gives all spans that it got.
    ///
    /// # Errors
    /// Fails if it does not end.
    pub async fn end(mut self) -> Result<Vec<Value>, String> {
        drop(self.child.stdin.take());
        self.child.wait().await.map_err(|error| error.to_string())?;
        (&mut self.reading).await.map_err(|error| error.to_string())?;
        Ok(self.got("span").await)
    }
}

/// The official collector with the configuration of production, as a process of its own.
pub struct Collector {
    /// The address to which services send.
    pub address: SocketAddr,
    child: Child,
}

impl Collector {
    /// Starts it, and waits until it accepts connections. Traces go on to `traces`.
    ///
    /// # Errors
    /// Fails if it is not built, or does not start.
    pub async fn start(checkout: &Path, address: SocketAddr, traces: SocketAddr) -> Result<Self, String> {
        let program = checkout.join("target/tools/collector/otelcol");
        if !program.is_file() {
            return Err("the collector is not built: run ./dev test".to_owned());
        }
        let child = Command::new(program)
            .arg(format!("--config={}", checkout.join("shared/ops/collector.yaml").display()))
            .env("RENKEI_OTLP_LISTEN", address.to_string())
            .env("RENKEI_TRACES", traces.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| error.to_string())?;
        let listening = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let listens = tokio::time::timeout(START, listening).await;
        listens.map_err(|_| "the collector did not start in time".to_owned())?;
        Ok(Self { address, child })
    }

    /// Ends it in order: what it has goes out first.
    ///
    /// # Errors
    /// Fails if it does not end so.
    pub async fn end(mut self) -> Result<(), String> {
        signal(&self.child, Signal::TERM)?;
        let ended = self.child.wait().await.map_err(|error| error.to_string())?;
        ended.success().then_some(()).ok_or_else(|| format!("the collector ended with {ended}"))
    }
}
