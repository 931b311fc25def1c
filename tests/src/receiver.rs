//! A foreign OTLP receiver, made of the official protocol classes, as a process of its own.

use std::{net::SocketAddr, path::Path, process::Stdio, sync::Arc};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::Mutex,
    task::JoinHandle,
};

/// It runs until it is asked for what it got.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    reading: JoinHandle<()>,
}

impl Receiver {
    /// Starts it. `slow`: after so many seconds it answers.
    ///
    /// # Errors
    /// When the Python tools are not set up, or it does not start.
    pub async fn start(slow: Option<u32>) -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("../target/tools/python/bin/python");
        if !python.is_file() {
            return Err("the Python tools are not set up: run ./dev setup".to_owned());
        }
        let mut command = Command::new(python);
        command.arg(root.join("clients/python/receiver.py"));
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

    /// What it got so far of a signal: `span`, `metric` or `log`.
    pub async fn got(&self, signal: &str) -> Vec<Value> {
        self.lines.lock().await.iter().filter(|line| line["signal"] == signal).cloned().collect()
    }

    /// Ends it, and gives all spans that it got.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn end(mut self) -> Result<Vec<Value>, String> {
        drop(self.child.stdin.take());
        self.child.wait().await.map_err(|error| error.to_string())?;
        (&mut self.reading).await.map_err(|error| error.to_string())?;
        Ok(self.got("span").await)
    }
}
