//! The trust material of a connection, and the TLS configuration that is made of it: TLS 1.3 and HTTP/2 only.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    client::{Resumption, WebPkiServerVerifier},
    crypto::aws_lc_rs::default_provider,
    version::TLS13,
};
use rustls_pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
    pem::{Error as PemError, PemObject},
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _};

use crate::error::ConnectError;

/// The only protocol that is spoken over TLS.
pub(crate) const ALPN: &[u8] = b"h2";

/// The PEM files of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The certificate of the calling system, followed by intermediates if there are any. Its URI, such as
    /// `spiffe://ppc/desk/casework`, is the caller's identity; the service's configuration gives it roles.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
    /// The authorities whose certificates are accepted from the service, and no others.
    pub roots: PathBuf,
    /// The revocation lists of these authorities. Without any, revocation is not checked; with one, the status of every
    /// certificate must be known from a list that has not expired.
    pub crls: Vec<PathBuf>,
}

/// The configuration of a connection with these files.
pub(crate) fn config(files: &Files) -> Result<Arc<ClientConfig>, ConnectError> {
    let unusable = |error: &dyn std::fmt::Display| ConnectError::Unusable(error.to_string());
    let mut roots = RootCertStore::empty();
    for root in all::<CertificateDer<'static>>(&files.roots)? {
        roots.add(root).map_err(|error| unusable(&error))?;
    }
    let mut lists = Vec::new();
    for file in &files.crls {
        lists.extend(all::<CertificateRevocationListDer<'static>>(file)?);
    }
    let provider = Arc::new(default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .with_crls(lists)
        .enforce_revocation_expiration()
        .build()
        .map_err(|error| unusable(&error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| file_error(&files.key, error))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| unusable(&error))?
        .with_webpki_verifier(verifier)
        .with_client_auth_cert(all(&files.certificate)?, key)
        .map_err(|source| ConnectError::Key { key: files.key.clone(), source })?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would skip the revocation lists.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The only URI that a certificate names; `None` when it names none or several.
pub(crate) fn service_uri(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let mut uris = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    });
    uris.next().filter(|_| uris.next().is_none())
}

/// All sections of one kind in a file; at least one.
fn all<T: PemObject>(path: &Path) -> Result<Vec<T>, ConnectError> {
    let sections = T::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<T>, PemError>>);
    match sections {
        Ok(found) if found.is_empty() => Err(file_error(path, PemError::NoItemsFound)),
        found => found.map_err(|error| file_error(path, error)),
    }
}

fn file_error(path: &Path, source: PemError) -> ConnectError {
    ConnectError::File { path: path.to_owned(), source }
}
