//! The own certificate with its key.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::crypto::provider;
use crate::identity::{Identity, serial_text};
use crate::pem::{FILE_MAX, Files, Part, TlsError, certificates, sections};

/// A certificate and its matching key.
#[derive(Clone)]
pub(crate) struct Own {
    path: PathBuf,
    certified: Arc<CertifiedKey>,
    /// The identity that the certificate names, if any.
    uri: Option<String>,
    serial: String,
    not_before: i64,
    not_after: i64,
    /// True if a server may show it, and true if a client may.
    uses: [bool; 2],
}

impl Own {
    /// Reads both files.
    pub(crate) fn read(files: &Files) -> Result<Self, TlsError> {
        let path = &files.certificate;
        let chain = certificates(path)?;
        let unreadable = || TlsError::Unreadable { path: path.clone(), what: "certificate" };
        let leaf = chain.first().cloned().ok_or_else(unreadable)?;
        let (_, parsed) = X509Certificate::from_der(&leaf).map_err(|_| unreadable())?;
        let key = sections::<PrivateKeyDer>(&files.key, FILE_MAX, "private key")?
            .into_iter()
            .next()
            .and_then(|der| provider().key_provider.load_private_key(der).ok())
            .ok_or_else(|| TlsError::Key { path: files.key.clone() })?;
        let certified = CertifiedKey::new(chain, key);
        certified
            .keys_match()
            .map_err(|_| TlsError::KeyMismatch { key: files.key.clone(), certificate: path.clone() })?;
        Ok(Self {
            path: path.clone(),
            certified: Arc::new(certified),
            uri: Identity::from_certificate(&leaf).ok().map(|identity| identity.uri().to_owned()),
            serial: serial_text(parsed.raw_serial()),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            uses: uses(&parsed),
        })
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        self.certified.clone()
    }

    pub(crate) fn in_use(&self) -> Part {
        Part { version: format!("serial {}", self.serial), ends: self.not_after }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }

    /// The certificate, unless it would be worse than the one in use.
    pub(crate) fn in_place_of(self, used: &Self, now: i64) -> Result<Self, TlsError> {
        let is_valid = |it: &Self| it.not_before <= now && now < it.not_after;
        let why = if !is_valid(&self) && is_valid(used) {
            "has ended or is not valid yet"
        } else if used.uri.is_some() && self.uri != used.uri {
            "does not name whom the one in use names"
        } else if used.uses.iter().zip(self.uses).any(|(used, own)| *used && !own) {
            "is not meant for what the one in use is meant for (key usage)"
        } else {
            return Ok(self);
        };
        Err(TlsError::CertificateWorse { path: self.path, why })
    }
}

fn uses(leaf: &X509Certificate<'_>) -> [bool; 2] {
    let signs = matches!(leaf.key_usage(), Ok(None))
        || leaf.key_usage().is_ok_and(|usage| usage.is_some_and(|usage| usage.value.digital_signature()));
    match leaf.extended_key_usage() {
        Ok(None) => [signs; 2],
        Ok(Some(usage)) => [usage.value.any || usage.value.server_auth, usage.value.any || usage.value.client_auth]
            .map(|is| is && signs),
        Err(_) => [false; 2],
    }
}
