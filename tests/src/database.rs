//! One side's database as its service opens it: beside the service, or while it is down.

use std::{path::Path, process::Command, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use renkei_journal::SigningKey;
use renkei_proto::r#type::v1::Agency;
use renkei_store::{Fault, Faults, KeyRing, Options, Store};
use renkei_telemetry::Metrics;

use crate::setup::{Setup, key_id};

/// Opens the database.
///
/// # Errors
/// When a file cannot be read or the database does not open.
pub async fn open(setup: &Setup, own: Agency) -> Result<Store, String> {
    open_in(&setup.dir, own, Arc::new(|_| Fault::None)).await
}

/// Opens the database in a setup's folder with steps that fail or wait.
///
/// # Errors
/// When a file cannot be read or the database does not open.
pub async fn open_in(dir: &Path, own: Agency, faults: Faults) -> Result<Store, String> {
    let dir = dir.join(own.id());
    let content = std::fs::read_to_string(dir.join("content.key")).map_err(|error| error.to_string())?;
    let content = BASE64_STANDARD.decode(content).map_err(|error| error.to_string())?;
    let content: [u8; 32] = content.try_into().map_err(|_| "content.key has not 32 bytes")?;
    let ring = KeyRing::new(vec![("content-1".to_owned(), content.into())]).map_err(|error| error.to_string())?;
    let options = Options {
        url: format!("sqlite:{}", dir.join("renkei.db").display()),
        own,
        replica: "tests".to_owned(),
        ring,
        key: key_in(&dir, own)?,
        faults,
        metrics: Metrics::none(),
    };
    Store::open(options).await.map_err(|error| error.to_string())
}

/// Runs statements on a database behind its service's back, as an intruder with the file would. Python brings SQLite.
///
/// # Errors
/// What SQLite says.
pub fn behind_its_back(setup: &Setup, own: Agency, statements: &str) -> Result<(), String> {
    let script = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=60).executescript(sys.argv[2])";
    let output = Command::new("python3").args(["-c", script, &file(setup, own), statements]).output();
    let output = output.map_err(|error| format!("python3: {error}"))?;
    output.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The database's file.
pub fn file(setup: &Setup, own: Agency) -> String {
    setup.file(own, "renkei.db")
}

/// Puts a copy in place of the database of a service that is down.
///
/// # Errors
/// When a file cannot be moved.
pub fn replace(setup: &Setup, own: Agency, copy: &str) -> Result<(), String> {
    let file = file(setup, own);
    for rest in ["-wal", "-shm"] {
        // After an orderly end there are none.
        let _ = std::fs::remove_file(format!("{file}{rest}"));
    }
    std::fs::copy(copy, file).map(|_| ()).map_err(|error| error.to_string())
}

/// The agency's signing key.
///
/// # Errors
/// When its file cannot be read.
pub fn signing_key(setup: &Setup, own: Agency) -> Result<SigningKey, String> {
    key_in(&setup.dir.join(own.id()), own)
}

fn key_in(dir: &Path, own: Agency) -> Result<SigningKey, String> {
    let pem = std::fs::read(dir.join("journal.pem")).map_err(|error| error.to_string())?;
    SigningKey::from_pkcs8(key_id(own), &pem).map_err(|error| error.to_string())
}
