//! A certificate with its key, and the errors of making and writing them.

use std::path::PathBuf;

use thiserror::Error;

/// A certificate and its private key, both PEM. Deliberately without `Debug`: it contains a key.
#[derive(Clone)]
pub struct Issued {
    /// The leaf certificate.
    pub certificate: String,
    /// The key, PKCS #8.
    pub key: String,
    /// The serial number; unique for the authority.
    pub serial: u64,
}

/// An error of making or writing the infrastructure.
#[derive(Debug, Error)]
pub enum PkiError {
    /// A certificate, key or list could not be made.
    #[error("a certificate or revocation list could not be made: {0}")]
    Make(#[from] rcgen::Error),
    /// A file could not be written.
    #[error("the file {path} cannot be written: {source}")]
    Write {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
}
