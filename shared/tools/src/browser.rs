//! A real browser: the Chromium of the distribution, without a window.

use std::{process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

/// The longest time for a page.
const PATIENCE: Duration = Duration::from_secs(60);

/// Chromium calls nobody but the server of the page.
const QUIET: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
];

/// A page as a browser has it.
pub struct Loaded {
    /// The document after everything was loaded.
    pub document: String,
    /// What the browser wrote into its console, such as a resource that the page's policy forbids.
    pub complaints: Vec<String>,
}

/// Loads a page.
///
/// # Errors
/// Fails if the browser does not run, or does not end in time.
pub async fn load(url: &str) -> Result<Loaded, String> {
    let profile = TempDir::new().map_err(|error| error.to_string())?;
    let mut command = Command::new("chromium");
    command.args(QUIET).arg(format!("--user-data-dir={}", profile.path().display())).args(["--dump-dom", url]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.map_err(|_| "the browser does not end".to_owned())?;
    let output = output.map_err(|error| format!("chromium cannot be run: {error}"))?;
    let document = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() || document.is_empty() {
        return Err(format!("the browser shows nothing: {told}"));
    }
    let complaints = told.lines().filter(|line| line.contains("CONSOLE")).map(ToOwned::to_owned).collect();
    Ok(Loaded { document, complaints })
}
