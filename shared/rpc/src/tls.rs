//! Certificates, keys, trust roots and revocation lists, and the TLS configurations made of them.
//!
//! TLS 1.3 only, both sides with a certificate, HTTP/2 only, no resumption: a resumed session
//! would skip the newest revocation list. The cryptography is named explicitly and never taken
//! from a process-wide default.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use thiserror::Error;
use tokio::sync::watch;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::identity::{Identity, serial_text};
use crate::verify::{StrictClient, StrictServer};

/// The only application protocol that is spoken.
pub(crate) const ALPN: &[u8] = b"h2";

/// The largest file of certificates or keys that is read, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// The largest revocation list that is read, in bytes: about 400,000 revoked certificates.
const CRL_MAX: u64 = 16 << 20;

/// Where the trust material of one port, or of one outgoing connection, lies. All files are PEM.
#[derive(Clone, Debug)]
pub struct Files {
    /// The own certificate, followed by intermediates if there are any.
    pub certificate: PathBuf,
    /// The private key of that certificate.
    pub key: PathBuf,
    /// The authorities whose certificates are accepted from the peer, and no others.
    pub roots: PathBuf,
    /// Revocation lists. Without any, revocation is not checked; with one, every certificate's
    /// status must be known from a list that has not expired.
    pub crls: Vec<PathBuf>,
}

/// Trust material that has been read and fits together.
pub struct Material {
    certified: Arc<CertifiedKey>,
    roots: Arc<RootCertStore>,
    crls: Vec<CertificateRevocationListDer<'static>>,
    revoked: Revoked,
    expiry: Expiry,
}

/// When trust material ends, in seconds since 1970-01-01T00:00:00Z; for metrics and alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The own certificate's `notAfter`.
    pub certificate: i64,
    /// The earliest `nextUpdate` of the revocation lists; beyond it every peer is refused.
    pub crl: Option<i64>,
}

/// The certificates that the revocation lists name, by issuer and serial number.
#[derive(Clone, Debug, Default)]
pub struct Revoked(HashMap<Vec<u8>, HashSet<String>>);

/// The revoked certificates as they stand now, for everyone who must ask for them or wait for the next.
pub type RevokedNow = watch::Receiver<Arc<Revoked>>;

/// A TLS configuration that can be exchanged while it is in use.
///
/// It is read at each handshake, so a handshake sees either the old material or the new one.
/// The revoked certificates are published separately, so that requests on connections that were
/// opened before can ask for them too.
pub struct Reloading<T> {
    build: fn(&Material) -> Result<Arc<T>, TlsError>,
    current: ArcSwap<Loaded<T>>,
    revoked: watch::Sender<Arc<Revoked>>,
}

struct Loaded<T> {
    config: Arc<T>,
    expiry: Expiry,
}

/// What is wrong with trust material. Names files, never their content.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file is missing or must not be read.
    #[error("the file {path} cannot be read: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file is far larger than such a file can sensibly be.
    #[error("the file {path} is larger than the {limit} bytes that are read")]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file is not PEM.
    #[error("the file {path} is not well-formed PEM")]
    Pem {
        /// Which file.
        path: PathBuf,
    },
    /// A PEM file without a section of the wanted kind.
    #[error("the file {path} holds no {wanted}")]
    Empty {
        /// Which file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// A section that is not what its label says.
    #[error("the file {path} holds a {what} that cannot be read as X.509")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What it should have been.
        what: &'static str,
    },
    /// A private key of a kind that TLS 1.3 has no use for.
    #[error("the private key in {path} is damaged or of a kind that TLS 1.3 cannot use")]
    Key {
        /// Which file.
        path: PathBuf,
    },
    /// Certificate and key are not a pair.
    #[error("the private key in {key} does not belong to the certificate in {certificate}")]
    KeyMismatch {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
    },
    /// A revocation list that says nothing about its own end would be believed for ever.
    #[error("the revocation list in {path} does not say when its next update is due")]
    CrlWithoutEnd {
        /// Which file.
        path: PathBuf,
    },
    /// A revocation list in an authority's name that this authority did not sign. It would make
    /// every handshake fail.
    #[error("the revocation list in {path} is not signed by the authority that it names")]
    CrlForged {
        /// Which file.
        path: PathBuf,
    },
    /// The parts are readable, but no configuration can be made of them.
    #[error("the trust material cannot be used: {0}")]
    Unusable(String),
}

impl Material {
    /// Reads all files and checks that they fit together. Blocks for the time of a few reads.
    ///
    /// # Errors
    /// [`TlsError`], with the file and what is wrong with it.
    pub fn load(files: &Files) -> Result<Self, TlsError> {
        let chain = certificates(&files.certificate)?;
        let expiry = not_after(&files.certificate, &chain)?;
        let certified = certified(files, chain)?;
        let trusted = certificates(&files.roots)?;
        let roots = roots(&files.roots, &trusted)?;
        let mut crls = Vec::new();
        let mut revoked = Revoked::default();
        let mut next_update = None;
        for path in &files.crls {
            for crl in sections::<CertificateRevocationListDer>(path, CRL_MAX, "revocation list")? {
                let end = revoked.add(path, &crl, &trusted)?;
                next_update = Some(next_update.map_or(end, |known: i64| known.min(end)));
                crls.push(crl);
            }
        }
        Ok(Self {
            certified: Arc::new(certified),
            roots: Arc::new(roots),
            crls,
            revoked,
            expiry: Expiry { certificate: expiry, crl: next_update },
        })
    }

    /// When this material ends.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.expiry
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").field("expiry", &self.expiry).finish_non_exhaustive()
    }
}

/// The configuration of a listening port: a client certificate is mandatory and judged against
/// this material's own roots and lists.
///
/// # Errors
/// [`TlsError::Unusable`].
pub fn server_config(material: &Material) -> Result<Arc<ServerConfig>, TlsError> {
    let verifier = StrictClient::new(material.roots.clone(), material.crls.clone(), provider().into())
        .map_err(|error| TlsError::Unusable(error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(provider().into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| TlsError::Unusable(error.to_string()))?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(material.certified.clone())));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The configuration of an outgoing connection: the own certificate is always shown, the server's
/// is judged against this material's own roots and lists.
///
/// # Errors
/// [`TlsError::Unusable`].
pub fn client_config(material: &Material) -> Result<Arc<ClientConfig>, TlsError> {
    let verifier = StrictServer::new(material.roots.clone(), material.crls.clone(), provider().into())
        .map_err(|error| TlsError::Unusable(error.to_string()))?;
    let mut config = ClientConfig::builder_with_provider(provider().into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| TlsError::Unusable(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(material.certified.clone())));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

impl Reloading<ServerConfig> {
    /// Loads the material of a listening port.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn server(files: &Files) -> Result<Self, TlsError> {
        Self::new(&Material::load(files)?, server_config)
    }
}

impl Reloading<ClientConfig> {
    /// Loads the material of an outgoing connection.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn client(files: &Files) -> Result<Self, TlsError> {
        Self::new(&Material::load(files)?, client_config)
    }
}

impl<T> Reloading<T> {
    /// Holds the configuration that `build` makes of the material, now and at each reload.
    ///
    /// # Errors
    /// Whatever `build` finds.
    pub fn new(material: &Material, build: fn(&Material) -> Result<Arc<T>, TlsError>) -> Result<Self, TlsError> {
        Ok(Self {
            build,
            current: ArcSwap::from_pointee(Loaded { config: build(material)?, expiry: material.expiry }),
            revoked: watch::Sender::new(Arc::new(material.revoked.clone())),
        })
    }

    /// The configuration for the next handshake.
    #[must_use]
    pub fn config(&self) -> Arc<T> {
        self.current.load().config.clone()
    }

    /// Reads the files again. Connections that stand go on with what they agreed on, but are cut at once if their
    /// peer's certificate is revoked now.
    ///
    /// # Errors
    /// [`TlsError`]; what was loaded before then stays in use.
    pub fn reload(&self, files: &Files) -> Result<(), TlsError> {
        let material = Material::load(files)?;
        let loaded = Loaded { config: (self.build)(&material)?, expiry: material.expiry };
        // Revocation first: between the two stores more is refused, not less.
        self.revoked.send_replace(Arc::new(material.revoked));
        self.current.store(Arc::new(loaded));
        Ok(())
    }

    /// When the material in use ends.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.current.load().expiry
    }

    /// Whether the peer's certificate is revoked now; to be asked for every request.
    #[must_use]
    pub fn is_revoked(&self, peer: &Identity) -> bool {
        self.revoked.borrow().contains(peer.issuer(), peer.serial())
    }

    /// The revoked certificates, for those who outlive a reload.
    #[must_use]
    pub fn revoked(&self) -> RevokedNow {
        self.revoked.subscribe()
    }
}

impl<T> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading").field("expiry", &self.expiry()).finish_non_exhaustive()
    }
}

impl Revoked {
    /// Whether the certificate with this serial number (as [`Identity::serial`] writes it) of
    /// this issuer (a distinguished name in DER) is revoked.
    #[must_use]
    pub fn contains(&self, issuer: &[u8], serial: &str) -> bool {
        self.0.get(issuer).is_some_and(|serials| serials.contains(serial))
    }

    /// How many certificates are revoked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values().map(HashSet::len).sum()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in a list and returns when its next update is due, in unix seconds.
    fn add(&mut self, path: &Path, der: &[u8], roots: &[CertificateDer<'static>]) -> Result<i64, TlsError> {
        let (_, crl) = CertificateRevocationList::from_der(der)
            .map_err(|_| TlsError::Unreadable { path: path.to_owned(), what: "revocation list" })?;
        if !signed_by_its_root(&crl, roots) {
            return Err(TlsError::CrlForged { path: path.to_owned() });
        }
        let end = crl.next_update().ok_or_else(|| TlsError::CrlWithoutEnd { path: path.to_owned() })?;
        self.0
            .entry(crl.issuer().as_raw().to_vec())
            .or_default()
            .extend(crl.iter_revoked_certificates().map(|revoked| serial_text(revoked.raw_serial())));
        Ok(end.timestamp())
    }
}

/// The cryptography of every connection. The hybrid key exchange stands first, so that it is the
/// one that a client offers a share for.
pub(crate) fn provider() -> CryptoProvider {
    use aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    CryptoProvider { kx_groups: vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1], ..aws_lc_rs::default_provider() }
}

fn certified(files: &Files, chain: Vec<CertificateDer<'static>>) -> Result<CertifiedKey, TlsError> {
    let key = sections::<PrivateKeyDer>(&files.key, FILE_MAX, "private key")?
        .into_iter()
        .next()
        .and_then(|der| provider().key_provider.load_private_key(der).ok())
        .ok_or_else(|| TlsError::Key { path: files.key.clone() })?;
    let certified = CertifiedKey::new(chain, key);
    certified
        .keys_match()
        .map_err(|_| TlsError::KeyMismatch { key: files.key.clone(), certificate: files.certificate.clone() })?;
    Ok(certified)
}

fn roots(path: &Path, trusted: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots
            .add(certificate.clone())
            .map_err(|_| TlsError::Unreadable { path: path.to_owned(), what: "root certificate" })?;
    }
    Ok(roots)
}

/// Whether a list in a root's name is signed by such a root. A list of an intermediate authority
/// is judged in the handshake, where the intermediate is known.
fn signed_by_its_root(crl: &CertificateRevocationList<'_>, roots: &[CertificateDer<'static>]) -> bool {
    let mut named = roots
        .iter()
        .filter_map(|root| X509Certificate::from_der(root).ok())
        .map(|(_, root)| root)
        .filter(|root| root.subject().as_raw() == crl.issuer().as_raw())
        .peekable();
    let algorithms = provider().signature_verification_algorithms.all;
    named.peek().is_none()
        || named.any(|root| {
            let key = &root.public_key().subject_public_key.data;
            algorithms.iter().any(|algorithm| {
                algorithm.verify_signature(key, crl.tbs_cert_list.as_ref(), &crl.signature_value.data).is_ok()
            })
        })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    sections(path, FILE_MAX, "certificate")
}

fn not_after(path: &Path, chain: &[CertificateDer<'static>]) -> Result<i64, TlsError> {
    chain
        .first()
        .and_then(|leaf| X509Certificate::from_der(leaf).ok())
        .map(|(_, leaf)| leaf.validity().not_after.timestamp())
        .ok_or_else(|| TlsError::Unreadable { path: path.to_owned(), what: "certificate" })
}

/// All sections of one kind in a PEM file; at least one.
fn sections<T: PemObject>(path: &Path, limit: u64, wanted: &'static str) -> Result<Vec<T>, TlsError> {
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
