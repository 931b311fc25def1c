//! A real Prometheus that scrapes both services and evaluates the alert rules that come with them.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::http::{escaped, get};

/// The longest time for its start, and for each result that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// It runs until it is dropped.
pub struct Prometheus {
    address: SocketAddr,
    _child: Child,
    _dir: TempDir,
}

impl Prometheus {
    /// Starts it on these targets, each the service of an agency, with the rules of production.
    ///
    /// # Errors
    /// Fails if it does not start.
    pub async fn start(checkout: &Path, targets: &[(&str, SocketAddr)]) -> Result<Self, String> {
        let dir = TempDir::new().map_err(|error| error.to_string())?;
        let mut config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{:?}]\n\
             scrape_configs:\n- job_name: renkei\n  static_configs:\n",
            checkout.join("shared/ops/alerts.yml")
        );
        for (agency, address) in targets {
            config.push_str(&format!("  - targets: [\"{address}\"]\n    labels: {{agency: {agency}}}\n"));
        }
        let file = dir.path().join("prometheus.yml");
        std::fs::write(&file, config).map_err(|error| error.to_string())?;
        let mut child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| error.to_string())?;
        let errors = child.stderr.take().ok_or("no standard error")?;
        let mut lines = BufReader::new(errors).lines();
        let listening = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((_, rest)) = line.split_once("msg=\"Listening on\" address=") {
                    return rest.split(' ').next().and_then(|address| address.parse().ok());
                }
            }
            None
        };
        let address = tokio::time::timeout(PATIENCE, listening).await.ok().flatten();
        let address = address.ok_or("Prometheus did not start")?;
        // Nobody reads the rest of its output, but it must be able to write it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let prometheus = Self { address, _child: child, _dir: dir };
        let ready = async || Ok(get(address, "/-/ready").await?.0 == 200);
        prometheus.until("Prometheus is ready", ready).await?;
        Ok(prometheus)
    }

    /// The answer under a path of its API.
    ///
    /// # Errors
    /// Fails if it does not, or reports that something is wrong.
    pub async fn ask(&self, path: &str) -> Result<Value, String> {
        let (_, body) = get(self.address, &format!("/api/v1/{path}")).await?;
        let answer: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
        if answer["status"] != "success" {
            return Err(body);
        }
        Ok(answer["data"].clone())
    }

    /// The number of series that a query returns.
    ///
    /// # Errors
    /// Fails if it is no query.
    pub async fn series(&self, query: &str) -> Result<usize, String> {
        let data = self.ask(&format!("query?query={}", escaped(query))).await?;
        Ok(data["result"].as_array().map_or(0, Vec::len))
    }

    /// Alerts whose expression is true now, as `name agency`.
    ///
    /// # Errors
    /// Fails if it does not answer.
    pub async fn alerts(&self) -> Result<Vec<String>, String> {
        let data = self.ask("alerts").await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = data["alerts"].as_array().cloned().unwrap_or_default();
        let named = |alert: &Value| {
            format!("{} {}", text(&alert["labels"]["alertname"]), text(&alert["labels"]["agency"])).trim().to_owned()
        };
        Ok(all.iter().map(named).collect())
    }

    /// Asks until a condition is true.
    ///
    /// # Errors
    /// Fails if it does not within a minute.
    pub async fn until<F>(&self, what: &str, mut holds: impl FnMut() -> F) -> Result<(), String>
    where
        F: Future<Output = Result<bool, String>>,
    {
        let asking = async {
            while !holds().await? {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, asking).await.map_err(|_| format!("not within a minute: {what}"))?
    }
}
