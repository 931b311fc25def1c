//! The places of certificates, keys and lists, and the writing of their files.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use renkei_rpc::tls::Files;

use super::issued::{Issued, PkiError};

/// The files of an agency's service on the link; for its server and its client alike.
#[must_use]
pub fn link_files(dir: &Path, domain: &str) -> Files {
    files(&dir.join(domain).join("link"))
}

/// The files of an agency's desk port.
#[must_use]
pub fn desk_files(dir: &Path, domain: &str) -> Files {
    files(&dir.join(domain).join("desk"))
}

/// The files of a system that calls an agency's desk.
#[must_use]
pub fn caller_files(dir: &Path, domain: &str, name: &str) -> Files {
    files(&dir.join(domain).join("callers").join(name))
}

/// Writes what a party needs to show a certificate and to trust one authority, without revocation lists.
///
/// # Errors
/// [`PkiError::Write`].
pub fn outfit(folder: &Path, issued: &Issued, roots: &str) -> Result<Files, PkiError> {
    let files = Files { crls: Vec::new(), ..files(folder) };
    write_pair(&files, issued)?;
    write(&files.roots, roots)?;
    Ok(files)
}

/// Writes a certificate and its key (mode 0600) to the places that `files` names.
///
/// # Errors
/// [`PkiError::Write`].
pub fn write_pair(files: &Files, issued: &Issued) -> Result<(), PkiError> {
    write(&files.certificate, &issued.certificate)?;
    write_secret(&files.key, &issued.key)
}

/// Writes a public file and the folders above it.
///
/// # Errors
/// [`PkiError::Write`].
pub fn write(path: &Path, text: &str) -> Result<(), PkiError> {
    write_with(path, text, 0o644)
}

/// Writes a file that only this account may read.
///
/// # Errors
/// [`PkiError::Write`].
pub fn write_secret(path: &Path, text: &str) -> Result<(), PkiError> {
    write_with(path, text, 0o600)
}

fn files(folder: &Path) -> Files {
    Files {
        certificate: folder.join("certificate.pem"),
        key: folder.join("key.pem"),
        roots: folder.join("roots.pem"),
        crls: vec![folder.join("crl.pem")],
    }
}

/// Beside it first and then in its place, so that a reader sees the old file or the new one.
fn write_with(path: &Path, text: &str, mode: u32) -> Result<(), PkiError> {
    let refused = |source| PkiError::Write { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(refused)?;
    }
    let fresh = path.with_extension("new");
    // A left-over would keep its own mode.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(refused(error)),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&fresh).map_err(refused)?;
    file.write_all(text.as_bytes()).map_err(refused)?;
    fs::rename(&fresh, path).map_err(refused)
}
