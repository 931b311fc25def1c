//! The authorities whose certificates are accepted.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::crypto::provider;
use crate::pem::{TlsError, certificates};

/// A trusted authority.
#[derive(Clone)]
pub(crate) struct Root {
    subject: Vec<u8>,
    key: Vec<u8>,
    name: String,
}

impl Root {
    /// The authority's distinguished name, in DER.
    pub(crate) fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// The authority's public key.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The authority's name, for people.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// All authorities that one port trusts.
#[derive(Clone)]
pub(crate) struct Roots {
    certificates: Vec<CertificateDer<'static>>,
    store: Arc<RootCertStore>,
    all: Vec<Root>,
}

impl Roots {
    /// Reads a file of certificates.
    pub(crate) fn read(path: &Path) -> Result<Self, TlsError> {
        let certificates = certificates(path)?;
        let unreadable = || TlsError::Unreadable { path: path.to_owned(), what: "root certificate" };
        let (mut store, mut all) = (RootCertStore::empty(), Vec::<Root>::new());
        for certificate in &certificates {
            store.add(certificate.clone()).map_err(|_| unreadable())?;
            let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| unreadable())?;
            let root = Root {
                subject: parsed.subject().as_raw().to_vec(),
                key: parsed.public_key().subject_public_key.data.to_vec(),
                name: parsed.subject().to_string(),
            };
            // An authority may have several certificates of one key.
            if !all.iter().any(|known| known.subject == root.subject && known.key == root.key) {
                all.push(root);
            }
        }
        Ok(Self { certificates, store: Arc::new(store), all })
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.certificates == other.certificates
    }

    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        self.store.clone()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Root> {
        self.all.iter()
    }

    /// The roots of this name (a distinguished name in DER).
    pub(crate) fn named<'a>(&'a self, subject: &'a [u8]) -> impl Iterator<Item = &'a Root> {
        self.all.iter().filter(move |root| root.subject == subject)
    }
}

/// True if this key signed the list.
pub(crate) fn signs(key: &[u8], crl: &CertificateRevocationList<'_>) -> bool {
    provider()
        .signature_verification_algorithms
        .all
        .iter()
        .any(|algorithm| algorithm.verify_signature(key, crl.tbs_cert_list.as_ref(), &crl.signature_value.data).is_ok())
}
