//! Revocation lists: the authority of each, the order of two lists, and the list that may replace the one in use.
//!
//! Revocation only grows stricter while a service runs. An authority numbers its lists, so an older list can be
//! distinguished from a newer one. An older list may lack exactly the certificate that was revoked since.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::CertificateRevocationListDer;
use tokio::sync::watch;
use x509_parser::oid_registry::{OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER, OID_X509_EXT_ISSUER_DISTRIBUTION_POINT};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::identity::serial_text;
use crate::pem::{CRL_MAX, Part, TlsError, sections};
use crate::roots::{Roots, signs};

/// The certificates that the revocation lists name, by issuer and serial number.
#[derive(Clone, Debug, Default)]
pub struct Revoked(HashMap<Vec<u8>, Vec<Arc<HashSet<String>>>>);

/// The revoked certificates of this moment, for everyone who needs them or waits for changes.
pub type RevokedNow = watch::Receiver<Arc<Revoked>>;

impl Revoked {
    /// True if the certificate of this issuer (a distinguished name in DER) with this serial number (as
    /// [`crate::identity::Identity::serial`] writes it) is revoked.
    #[must_use]
    pub fn contains(&self, issuer: &[u8], serial: &str) -> bool {
        self.0.get(issuer).is_some_and(|lists| lists.iter().any(|serials| serials.contains(serial)))
    }

    /// The number of revoked certificates.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values().flatten().map(|serials| serials.len()).sum()
    }

    /// True if no certificate is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The source of a list: the issuer's name, its key, and the part of its certificates that the list covers. The key is
/// that of the root that signed the list, or, for an authority that is not a root, the identifier of the key that the
/// list gives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    issuer: Vec<u8>,
    key: Vec<u8>,
    part: Vec<u8>,
}

/// One revocation list.
#[derive(Clone)]
struct List {
    path: PathBuf,
    der: CertificateRevocationListDer<'static>,
    /// The number of the list, decimal, without leading zeros.
    number: Option<String>,
    this_update: i64,
    next_update: i64,
    serials: Arc<HashSet<String>>,
}

impl List {
    fn parse(
        path: &Path,
        der: CertificateRevocationListDer<'static>,
        roots: &Roots,
    ) -> Result<(Source, Self), TlsError> {
        let (_, crl) = CertificateRevocationList::from_der(&der)
            .map_err(|_| TlsError::Unreadable { path: path.to_owned(), what: "revocation list" })?;
        let next_update = crl.next_update().ok_or_else(|| TlsError::CrlWithoutEnd { path: path.to_owned() })?;
        let issuer = crl.issuer().as_raw().to_vec();
        let extension = |oid| {
            let found = crl.extensions().iter().find(|extension| extension.oid == oid);
            found.map(|extension| extension.value.to_vec()).unwrap_or_default()
        };
        let signer = roots.named(&issuer).find(|root| signs(root.key(), &crl)).map(|root| root.key().to_vec());
        // The handshake judges a list of an intermediate authority, because the intermediate is known there.
        if signer.is_none() && roots.named(&issuer).next().is_some() {
            return Err(TlsError::CrlForged { path: path.to_owned() });
        }
        let key = signer.unwrap_or_else(|| extension(OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER));
        let source = Source { issuer, key, part: extension(OID_X509_EXT_ISSUER_DISTRIBUTION_POINT) };
        let list = Self {
            path: path.to_owned(),
            number: crl.crl_number().map(ToString::to_string),
            this_update: crl.last_update().timestamp(),
            next_update: next_update.timestamp(),
            serials: Arc::new(crl.iter_revoked_certificates().map(|it| serial_text(it.raw_serial())).collect()),
            der: der.clone(),
        };
        Ok((source, list))
    }

    /// Compares the numbers that the authority gave, or the days if the numbers do not decide.
    fn is_older(&self, than: &Self) -> bool {
        match (&self.number, &than.number) {
            (Some(own), Some(other)) if own != other => (own.len(), own) < (other.len(), other),
            _ => self.this_update < than.this_update,
        }
    }

    fn described(&self) -> String {
        let day = jiff::Timestamp::from_second(self.this_update).map_or_else(|_| "-".to_owned(), |at| at.to_string());
        self.number.as_ref().map_or_else(|| format!("of {day}"), |number| format!("number {number} of {day}"))
    }

    fn older(&self, than: &Self) -> TlsError {
        TlsError::CrlOlder { path: self.path.clone(), found: self.described(), used: than.described() }
    }

    /// The list, unless it would be worse than the one in use.
    fn in_place_of(self, used: Option<&Self>, now: i64) -> Result<Self, TlsError> {
        match used {
            Some(used) if self.is_older(used) => Err(self.older(used)),
            Some(used) if self.next_update <= now && used.next_update > now => {
                Err(TlsError::CrlEnded { path: self.path.clone() })
            }
            _ => Ok(self),
        }
    }
}

/// Revocation lists, one for each authority and part.
#[derive(Clone, Default)]
pub(crate) struct Lists(BTreeMap<Source, List>);

impl Lists {
    /// Reads the lists in these files, and returns them with the defects of files. Of several lists of one authority
    /// the newest counts.
    pub(crate) fn read(files: &[PathBuf], roots: &Roots) -> (Self, Vec<TlsError>) {
        let (mut lists, mut faults) = (BTreeMap::<Source, List>::new(), Vec::new());
        for path in files {
            let sections = sections::<CertificateRevocationListDer>(path, CRL_MAX, "revocation list");
            let ders = sections.map_err(|fault| faults.push(fault)).unwrap_or_default();
            for der in ders {
                match List::parse(path, der, roots) {
                    Ok((source, list)) if lists.get(&source).is_none_or(|other| !list.is_older(other)) => {
                        lists.insert(source, list);
                    }
                    Ok(_) => {}
                    Err(fault) => faults.push(fault),
                }
            }
        }
        (Self(lists), faults)
    }

    /// Replaces these lists by the files' lists that are no worse, and returns the result with the rejected ones.
    pub(crate) fn renewed(&self, files: &[PathBuf], roots: &Roots, now: i64) -> (Self, Vec<TlsError>) {
        let (fresh, mut faults) = Self::read(files, roots);
        let is_whole = faults.is_empty();
        let mut lists = BTreeMap::new();
        for (source, list) in fresh.0 {
            let used = self.0.get(&source);
            match (list.in_place_of(used, now), used) {
                (Ok(list), _) => drop(lists.insert(source, list)),
                (Err(fault), used) => {
                    faults.push(fault);
                    lists.extend(used.map(|used| (source, used.clone())));
                }
            }
        }
        for (source, used) in &self.0 {
            if lists.contains_key(source) {
                continue;
            }
            let authority = roots.named(&source.issuer).find(|root| root.key() == source.key);
            if let Some(authority) = authority.filter(|_| is_whole) {
                faults.push(TlsError::CrlMissing { authority: authority.name().to_owned() });
            }
            // The list of a removed authority is removed too, so that its expiry no longer matters.
            if authority.is_some() || !is_whole {
                lists.insert(source.clone(), used.clone());
            }
        }
        (Self(lists), faults)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if both contain the same lists.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|((one, list), (two, other))| one == two && list.der == other.der)
    }

    /// The lists in the form that a verifier needs.
    pub(crate) fn ders(&self) -> Vec<CertificateRevocationListDer<'static>> {
        self.0.values().map(|list| list.der.clone()).collect()
    }

    /// The certificates that the lists name.
    pub(crate) fn revoked(&self) -> Revoked {
        let mut revoked = HashMap::<Vec<u8>, Vec<_>>::new();
        for (source, list) in &self.0 {
            revoked.entry(source.issuer.clone()).or_default().push(list.serials.clone());
        }
        Revoked(revoked)
    }

    /// All lists, until the earliest end of one.
    pub(crate) fn in_use(&self) -> Option<Part> {
        let ends = self.0.values().map(|list| list.next_update).min()?;
        Some(Part { version: self.0.values().map(List::described).collect::<Vec<_>>().join(", "), ends })
    }

    /// True if any of these roots has a list that has not expired.
    pub(crate) fn covers_any(&self, roots: &Roots, now: i64) -> bool {
        let mut current = self.0.iter().filter(|(_, list)| list.next_update > now);
        current.any(|(source, _)| roots.named(&source.issuer).any(|root| root.key() == source.key))
    }

    /// The names of the roots without a list; empty while revocation is not checked at all.
    pub(crate) fn lacking<'a>(&self, roots: &'a Roots) -> Vec<&'a str> {
        if self.is_empty() {
            return Vec::new();
        }
        let has = |issuer: &[u8], key: &[u8]| self.0.keys().any(|it| it.issuer == issuer && it.key == key);
        roots.all().filter(|root| !has(root.subject(), root.key())).map(|root| root.name()).collect()
    }
}
