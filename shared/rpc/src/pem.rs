//! Reading of trust material: PEM files within bounds, and their defects.

use std::io::Read;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN, digest};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{Error as PemError, PemObject};
use thiserror::Error;

/// The maximum size of a file of certificates or keys, in bytes.
pub(crate) const FILE_MAX: u64 = 1 << 20;

/// The maximum size of a revocation list, in bytes: about 400,000 revoked certificates.
pub(crate) const CRL_MAX: u64 = 16 << 20;

/// The files of the trust material of one port, or of one outgoing connection. All are PEM.
#[derive(Clone, Debug)]
pub struct Files {
    /// The own certificate, followed by intermediates if there are any.
    pub certificate: PathBuf,
    /// The private key of that certificate.
    pub key: PathBuf,
    /// The authorities whose certificates are accepted from the peer; no others are.
    pub roots: PathBuf,
    /// Revocation lists. Without any, revocation is not checked; with one, every certificate's
    /// status must be known from a list that has not expired.
    pub crls: Vec<PathBuf>,
}

impl Files {
    /// A digest of the files' bytes, by which a change is noticed. Times of modification do not suffice, because a copy
    /// may keep them.
    #[must_use]
    pub fn digest(&self) -> [u8; SHA256_OUTPUT_LEN] {
        let mut context = Context::new(&SHA256);
        for path in [&self.certificate, &self.key, &self.roots].into_iter().chain(&self.crls) {
            match read(path, CRL_MAX) {
                Ok(bytes) => context.update(digest(&SHA256, &bytes).as_ref()),
                Err(fault) => context.update(digest(&SHA256, fault.to_string().as_bytes()).as_ref()),
            }
        }
        let mut out = [0; SHA256_OUTPUT_LEN];
        out.copy_from_slice(context.finish().as_ref());
        out
    }
}

/// One part of the trust material in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The serial number of the certificate in hexadecimal digits, or number and instant of each revocation list: by this an
    /// operator sees that a file is in use which they have put there.
    pub version: String,
    /// The end, in seconds since 1970-01-01T00:00:00Z.
    pub ends: i64,
}

/// A defect of trust material. The messages name files, never their content.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file is missing or must not be read.
    #[error("the file {path} cannot be read: {source}")]
    Read {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A file is far too large for its purpose.
    #[error("the file {path} is larger than the {limit} bytes that are read")]
    TooLarge {
        /// The path of the file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file is not PEM.
    #[error("the file {path} is not well-formed PEM")]
    Pem {
        /// The path of the file.
        path: PathBuf,
    },
    /// A PEM file has no section of the wanted kind.
    #[error("the file {path} contains no {wanted}")]
    Empty {
        /// The path of the file.
        path: PathBuf,
        /// The kind of section that was expected.
        wanted: &'static str,
    },
    /// A section is not of the kind that its label names.
    #[error("the file {path} contains a {what} that cannot be read as X.509")]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The kind that was expected.
        what: &'static str,
    },
    /// A private key is of a kind that TLS 1.3 cannot use.
    #[error("the private key in {path} is damaged or of a kind that TLS 1.3 cannot use")]
    Key {
        /// The path of the file.
        path: PathBuf,
    },
    /// The certificate and the key are not a pair.
    #[error("the private key in {key} does not belong to the certificate in {certificate}")]
    KeyMismatch {
        /// The path of the key's file.
        key: PathBuf,
        /// The path of the certificate's file.
        certificate: PathBuf,
    },
    /// A revocation list without an expiry would be believed without end.
    #[error("the revocation list in {path} does not state when its next update is due")]
    CrlWithoutEnd {
        /// The path of the file.
        path: PathBuf,
    },
    /// A revocation list in an authority's name was not signed by this authority. It would make every handshake fail.
    #[error("the revocation list in {path} is not signed by the authority that it names")]
    CrlForged {
        /// The path of the file.
        path: PathBuf,
    },
    /// A revocation list is older than the one in use: it may lack a certificate that was revoked since.
    #[error(
        "the revocation list in {path} ({found}) is older than the one in use ({used}), which stays: fetch the newest"
    )]
    CrlOlder {
        /// The path of the file.
        path: PathBuf,
        /// The number and day of the rejected list.
        found: String,
        /// The number and day of the list in use.
        used: String,
    },
    /// A revocation list has expired, while the one in use has not.
    #[error("the revocation list in {path} has ended; the one in use has not, and stays: fetch the newest")]
    CrlEnded {
        /// The path of the file.
        path: PathBuf,
    },
    /// The files lack a list that is in use.
    #[error(
        "no file of `crls` contains a revocation list of {authority} any more; the one in use stays: put its newest there"
    )]
    CrlMissing {
        /// The name of the list's authority in `roots`.
        authority: String,
    },
    /// With these roots no certificate could be proven unrevoked, while it can with those in use.
    #[error(
        "no authority in {path} has a current revocation list in `crls`; the roots in use stay: put its list there"
    )]
    RootsWithoutCrl {
        /// The path of the file.
        path: PathBuf,
    },
    /// A certificate is worse than the one in use.
    #[error(
        "the certificate in {path} {why}; the one in use stays: put a right one in its place, or restart the service"
    )]
    CertificateWorse {
        /// The path of the file.
        path: PathBuf,
        /// The defect, as the predicate of a sentence.
        why: &'static str,
    },
    /// The parts are readable, but no configuration can be made from them.
    #[error("the trust material cannot be used: {0}")]
    Unusable(String),
}

/// Reads all certificates of a file.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    sections(path, FILE_MAX, "certificate")
}

/// Reads all sections of one kind in a PEM file; there is at least one.
pub(crate) fn sections<T: PemObject>(path: &Path, limit: u64, wanted: &'static str) -> Result<Vec<T>, TlsError> {
    let text = read(path, limit)?;
    let found = T::pem_slice_iter(&text)
        .collect::<Result<Vec<T>, PemError>>()
        .map_err(|_| TlsError::Pem { path: path.to_owned() })?;
    if found.is_empty() {
        return Err(TlsError::Empty { path: path.to_owned(), wanted });
    }
    Ok(found)
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, TlsError> {
    let refused = |source| TlsError::Read { path: path.to_owned(), source };
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(refused)?;
    file.take(limit + 1).read_to_end(&mut text).map_err(refused)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > limit) {
        return Err(TlsError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(text)
}
