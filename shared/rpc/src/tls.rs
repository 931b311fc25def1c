//! Certificates, keys, trust roots and revocation lists, and the TLS configurations made of them.
//!
//! TLS 1.3 only, both sides with a certificate, HTTP/2 only, no resumption: a resumed session would skip the newest
//! revocation list. The cryptography is named explicitly and never comes from a process-wide default.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::Resumption;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ServerConfig};
use tokio::sync::watch;

use crate::crl::Lists;
pub use crate::crl::{Revoked, RevokedNow};
use crate::crypto::provider;
use crate::identity::Identity;
use crate::own::Own;
pub use crate::pem::{Files, Part, TlsError};
use crate::roots::Roots;
use crate::verify::{StrictClient, StrictServer};

/// The only application protocol that is used.
pub(crate) const ALPN: &[u8] = b"h2";

/// Trust material that has been read and fits together.
#[derive(Clone)]
pub struct Material {
    own: Own,
    roots: Roots,
    lists: Lists,
}

/// The trust material in use, for `status`, metrics and alarms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InUse {
    /// The own certificate, until its `notAfter`.
    pub certificate: Part,
    /// The revocation lists, until the earliest `nextUpdate`; after it every peer is refused.
    pub crl: Option<Part>,
}

/// A TLS configuration that can be exchanged while it is in use.
///
/// It is read at each handshake, so a handshake sees either the old material or the new one. The revoked certificates
/// are published separately, so that they can also be checked for requests on older connections.
pub struct Reloading<T> {
    build: fn(&Material) -> Result<Arc<T>, TlsError>,
    current: ArcSwap<Loaded<T>>,
    revoked: watch::Sender<Arc<Revoked>>,
}

struct Loaded<T> {
    config: Arc<T>,
    material: Material,
    /// The defects of the files' parts that were not accepted, in sentences.
    refused: Vec<String>,
}

/// The result of a look at the files.
#[derive(Debug)]
#[must_use = "what was refused is for the log"]
pub struct Reload {
    /// True if anything new is in use.
    pub is_new: bool,
    /// The defects of the parts that were not accepted. The previous parts stay in use.
    pub refused: Vec<TlsError>,
}

impl Reload {
    /// Succeeds if everything in the files is in use.
    ///
    /// # Errors
    /// The first fault.
    pub fn whole(self) -> Result<(), TlsError> {
        self.refused.into_iter().next().map_or(Ok(()), Err)
    }
}

impl Material {
    /// Reads all files and checks that they fit together. Blocks for the time of a few reads.
    ///
    /// # Errors
    /// [`TlsError`], with the file and its defect.
    pub fn load(files: &Files) -> Result<Self, TlsError> {
        let own = Own::read(files)?;
        let roots = Roots::read(&files.roots)?;
        let (lists, faults) = Lists::read(&files.crls, &roots);
        faults.into_iter().next().map_or(Ok(Self { own, roots, lists }), Err)
    }

    /// Replaces each part of this material by the files' part that is no worse at `now` (unix seconds), and returns the
    /// result with the rejected parts. The parts are judged one by one: a broken certificate does not hold back a
    /// revocation list.
    fn renewed(&self, files: &Files, now: i64) -> (Self, Vec<TlsError>) {
        let mut refused = Vec::new();
        let own = Own::read(files).and_then(|fresh| fresh.in_place_of(&self.own, now));
        let own = own.unwrap_or_else(|fault| {
            refused.push(fault);
            self.own.clone()
        });
        let mut roots = Roots::read(&files.roots).unwrap_or_else(|fault| {
            refused.push(fault);
            self.roots.clone()
        });
        let (mut lists, mut faults) = self.lists.renewed(&files.crls, &roots, now);
        if self.lists.covers_any(&self.roots, now) && !lists.covers_any(&roots, now) {
            refused.push(TlsError::RootsWithoutCrl { path: files.roots.clone() });
            roots = self.roots.clone();
            (lists, faults) = self.lists.renewed(&files.crls, &roots, now);
        }
        refused.append(&mut faults);
        (Self { own, roots, lists }, refused)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.own.is_same(&other.own) && self.roots.is_same(&other.roots) && self.lists.is_same(&other.lists)
    }

    /// The parts of this material.
    #[must_use]
    pub fn in_use(&self) -> InUse {
        InUse { certificate: self.own.in_use(), crl: self.lists.in_use() }
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").field("in_use", &self.in_use()).finish_non_exhaustive()
    }
}

/// The configuration of a listening port: a client certificate is mandatory and is judged by this material's own roots
/// and lists.
///
/// # Errors
/// [`TlsError::Unusable`].
pub fn server_config(material: &Material) -> Result<Arc<ServerConfig>, TlsError> {
    let verifier = StrictClient::new(material.roots.store(), material.lists.ders(), provider().into())
        .map_err(|error| TlsError::Unusable(error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(provider().into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| TlsError::Unusable(error.to_string()))?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(material.own.certified())));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The configuration of an outgoing connection: the own certificate is always shown, and the server's is judged by this
/// material's own roots and lists.
///
/// # Errors
/// [`TlsError::Unusable`].
pub fn client_config(material: &Material) -> Result<Arc<ClientConfig>, TlsError> {
    let verifier = StrictServer::new(material.roots.store(), material.lists.ders(), provider().into())
        .map_err(|error| TlsError::Unusable(error.to_string()))?;
    let mut config = ClientConfig::builder_with_provider(provider().into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| TlsError::Unusable(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(material.own.certified())));
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
    /// The configuration that `build` makes of the material, now and at each reload.
    ///
    /// # Errors
    /// Any error of `build`.
    pub fn new(material: &Material, build: fn(&Material) -> Result<Arc<T>, TlsError>) -> Result<Self, TlsError> {
        let loaded = Loaded { config: build(material)?, material: material.clone(), refused: Vec::new() };
        let revoked = watch::Sender::new(Arc::new(material.lists.revoked()));
        Ok(Self { build, current: ArcSwap::from_pointee(loaded), revoked })
    }

    /// The configuration for the next handshake.
    #[must_use]
    pub fn config(&self) -> Arc<T> {
        self.current.load().config.clone()
    }

    /// Reads the files again at `now` (unix seconds). A part that is broken, or worse than the one in use, is not
    /// accepted. Open connections continue with their agreed parameters, but are cut at once if their peer's
    /// certificate is revoked now.
    pub fn reload(&self, files: &Files, now: i64) -> Reload {
        let current = self.current.load_full();
        let (mut material, mut refused) = current.material.renewed(files, now);
        let config = (self.build)(&material).unwrap_or_else(|fault| {
            refused.push(fault);
            material = current.material.clone();
            current.config.clone()
        });
        let is_new = !material.is_same(&current.material);
        if is_new {
            // Revocation comes first: between the two stores more is refused, not less.
            self.revoked.send_replace(Arc::new(material.lists.revoked()));
        }
        let sentences = refused.iter().map(ToString::to_string).collect();
        self.current.store(Arc::new(Loaded { config, material, refused: sentences }));
        Reload { is_new, refused }
    }

    /// The defects of the trust material, in sentences: the parts that the last reload did not accept, and every
    /// authority without a revocation list.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let current = self.current.load();
        let lacking = current.material.lists.lacking(&current.material.roots).into_iter().map(|authority| {
            format!(
                "no file of `crls` contains a revocation list of {authority}, so all certificates that it issued are \
                 refused: put its newest there"
            )
        });
        current.refused.iter().cloned().chain(lacking).collect()
    }

    /// The material in use.
    #[must_use]
    pub fn in_use(&self) -> InUse {
        self.current.load().material.in_use()
    }

    /// True if the peer's certificate is revoked now; it is checked for every request.
    #[must_use]
    pub fn is_revoked(&self, peer: &Identity) -> bool {
        self.revoked.borrow().contains(peer.issuer(), peer.serial())
    }

    /// The revoked certificates, for values that outlive a reload.
    #[must_use]
    pub fn revoked(&self) -> RevokedNow {
        self.revoked.subscribe()
    }
}

impl<T> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading").field("in_use", &self.in_use()).finish_non_exhaustive()
    }
}
