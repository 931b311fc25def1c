//! A throw-away public key infrastructure for the two agencies, in memory or as files.
//!
//! Each agency has two authorities: its link authority signs its service on the link and is
//! trusted by the other agency's link port and link client only; its desk authority signs its own
//! desk port and the systems that call it, and is trusted there only. Keys are ECDSA P-256 and
//! live as long as a test or a sandbox. Nothing of this is fit for production.
//!
//! ```text
//! {dir}/{agency}/link/            the service on the link, as server and as client
//! {dir}/{agency}/desk/            the desk port
//! {dir}/{agency}/callers/{name}/  a system that calls the desk port
//!     certificate.pem  key.pem (0600)  roots.pem  crl.pem     what to show, and what to trust in the other
//! ```

use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, RevocationReason,
    RevokedCertParams, SanType, SerialNumber,
};

mod files;
mod issued;

pub use files::{caller_files, desk_files, link_files, outfit, write, write_pair, write_secret};
pub use issued::{Issued, PkiError};

/// The systems that call a desk, one for each role and one more that no configuration knows.
pub const CALLERS: [&str; 8] =
    ["intake", "casework", "sharing", "approver", "reader", "operator", "auditor", "unconfigured"];

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Everything is valid since this long, so that clocks may differ a little.
const BEFORE: Duration = Duration::from_secs(60 * 60);
const AUTHORITY_LIFE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const CERTIFICATE_LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);
const CRL_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Both agencies.
pub struct Pki {
    /// 個人情報保護委員会.
    pub ppc: Agency,
    /// 情報処理推進機構.
    pub ipa: Agency,
}

/// One agency's authorities and what they have signed.
pub struct Agency {
    /// The trust domain: `ppc` or `ipa`.
    pub domain: &'static str,
    /// Signs the agency's service on the link.
    pub link_authority: Authority,
    /// Signs the agency's desk port and its callers.
    pub desk_authority: Authority,
    /// `spiffe://{domain}/link`, server and client at once.
    pub link: Issued,
    /// `spiffe://{domain}/desk/service`, the server of the desk port.
    pub desk: Issued,
    /// `spiffe://{domain}/desk/{name}`, in the order of [`CALLERS`].
    pub callers: Vec<(&'static str, Issued)>,
}

/// A certification authority with its revocation list.
pub struct Authority {
    name: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
    now: SystemTime,
    issued: u64,
    lists: u64,
    revoked: Vec<u64>,
}

/// Which side of a connection a certificate is for: its extended key usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Only a client's.
    Client,
    /// Only a server's.
    Server,
    /// Both, as on the link.
    Both,
}

/// A flaw of a certificate; one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// `notAfter` was yesterday.
    Expired,
    /// `notBefore` is tomorrow.
    NotYetValid,
    /// Signed with its own key.
    SelfSigned,
    /// Signed by an authority of the same name with another key.
    OtherAuthority,
    /// Named in the revocation list that the authority writes from now on.
    Revoked,
    /// A key for encryption, not for signatures.
    WrongKeyUsage,
    /// The extended key usage of the other side: only a client's for [`Use::Server`], only a server's otherwise.
    WrongUse,
    /// The extended key usage of something else altogether (e-mail).
    ForeignUse,
    /// A URI, but not of this system.
    WrongUri,
    /// Two URIs, each right.
    SeveralUris,
    /// A URI with `*` for the name.
    Wildcard,
    /// The right URI, but as common name, and no alternative names at all.
    CommonNameOnly,
}

impl Flaw {
    /// All flaws, for tables of tests.
    pub const ALL: [Self; 12] = [
        Self::Expired,
        Self::NotYetValid,
        Self::SelfSigned,
        Self::OtherAuthority,
        Self::Revoked,
        Self::WrongKeyUsage,
        Self::WrongUse,
        Self::ForeignUse,
        Self::WrongUri,
        Self::SeveralUris,
        Self::Wildcard,
        Self::CommonNameOnly,
    ];

    /// Tells whether the certificate is valid as such and only names nobody: then the handshake of a
    /// client succeeds and its requests are refused.
    #[must_use]
    pub fn is_of_the_name(self) -> bool {
        matches!(self, Self::WrongUri | Self::SeveralUris | Self::Wildcard | Self::CommonNameOnly)
    }
}

impl Pki {
    /// Makes all authorities and certificates, valid around `now`.
    ///
    /// # Errors
    /// [`PkiError::Make`].
    pub fn new(now: SystemTime) -> Result<Self, PkiError> {
        Ok(Self { ppc: Agency::new("ppc", now)?, ipa: Agency::new("ipa", now)? })
    }

    /// Writes everything below `dir`; what is there already is replaced. [`link_files`],
    /// [`desk_files`] and [`caller_files`] give its place.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn write(&mut self, dir: &Path) -> Result<(), PkiError> {
        for (own, other) in [(&self.ppc, &self.ipa), (&self.ipa, &self.ppc)] {
            write_pair(&link_files(dir, own.domain), &own.link)?;
            write_pair(&desk_files(dir, own.domain), &own.desk)?;
            write(&link_files(dir, own.domain).roots, &other.link_authority.certificate())?;
            write(&desk_files(dir, own.domain).roots, &own.desk_authority.certificate())?;
            for (name, issued) in &own.callers {
                let files = caller_files(dir, own.domain, name);
                write_pair(&files, issued)?;
                write(&files.roots, &own.desk_authority.certificate())?;
            }
        }
        self.write_crls(dir)
    }

    /// Writes the revocation lists alone, after something was revoked.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn write_crls(&mut self, dir: &Path) -> Result<(), PkiError> {
        for (own, other) in [(&mut self.ppc, "ipa"), (&mut self.ipa, "ppc")] {
            // The link authority is judged by the other agency, the desk authority at home.
            let link = own.link_authority.crl()?;
            let desk = own.desk_authority.crl()?;
            let mut readers = vec![(link_files(dir, other), &link), (desk_files(dir, own.domain), &desk)];
            readers.extend(own.callers.iter().map(|(name, _)| (caller_files(dir, own.domain, name), &desk)));
            for (files, list) in readers {
                for path in &files.crls {
                    write(path, list)?;
                }
            }
        }
        Ok(())
    }
}

impl Agency {
    fn new(domain: &'static str, now: SystemTime) -> Result<Self, PkiError> {
        let mut link_authority = Authority::new(&format!("{domain} link authority (development)"), now)?;
        let mut desk_authority = Authority::new(&format!("{domain} desk authority (development)"), now)?;
        let link = link_authority.issue(&format!("spiffe://{domain}/link"), Use::Both)?;
        let desk = desk_authority.issue(&format!("spiffe://{domain}/desk/service"), Use::Server)?;
        let mut callers = Vec::new();
        for name in CALLERS {
            callers.push((name, desk_authority.issue(&format!("spiffe://{domain}/desk/{name}"), Use::Client)?));
        }
        Ok(Self { domain, link_authority, desk_authority, link, desk, callers })
    }

    /// The certificate of a caller of the desk.
    #[must_use]
    pub fn caller(&self, name: &str) -> Option<&Issued> {
        self.callers.iter().find(|(known, _)| *known == name).map(|(_, issued)| issued)
    }
}

impl Authority {
    /// A root authority of its own that signs leaves only.
    ///
    /// # Errors
    /// [`PkiError::Make`].
    pub fn new(name: &str, now: SystemTime) -> Result<Self, PkiError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = (now - AUTHORITY_LIFE).into();
        params.not_after = (now + AUTHORITY_LIFE).into();
        let issuer = CertifiedIssuer::self_signed(params, key()?)?;
        Ok(Self { name: name.to_owned(), issuer, now, issued: 0, lists: 0, revoked: Vec::new() })
    }

    /// The authority's own certificate, PEM: what its relying parties trust.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// A sound certificate that names `uri`, and for servers also localhost and 127.0.0.1.
    ///
    /// # Errors
    /// [`PkiError::Make`].
    pub fn issue(&mut self, uri: &str, side: Use) -> Result<Issued, PkiError> {
        let (params, serial) = self.params(uri, side)?;
        signed(&params, serial, &self.issuer)
    }

    /// A certificate as [`Self::issue`] makes it, but for one flaw.
    ///
    /// # Errors
    /// [`PkiError::Make`].
    pub fn flawed(&mut self, uri: &str, side: Use, flaw: Flaw) -> Result<Issued, PkiError> {
        let (mut params, serial) = self.params(uri, side)?;
        match flaw {
            Flaw::SelfSigned => return self_signed(&params, serial),
            Flaw::OtherAuthority => {
                let mut impostor = CertificateParams::default();
                impostor.distinguished_name = named(&self.name);
                impostor.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
                return signed(&params, serial, &CertifiedIssuer::self_signed(impostor, key()?)?);
            }
            Flaw::Revoked => self.revoked.push(serial),
            Flaw::Expired => {
                params.not_before = (self.now - 2 * DAY).into();
                params.not_after = (self.now - DAY).into();
            }
            Flaw::NotYetValid => params.not_before = (self.now + DAY).into(),
            Flaw::WrongKeyUsage => params.key_usages = vec![KeyUsagePurpose::KeyEncipherment],
            Flaw::WrongUse if side == Use::Server => params.extended_key_usages = purposes(Use::Client),
            Flaw::WrongUse => params.extended_key_usages = purposes(Use::Server),
            Flaw::ForeignUse => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection],
            Flaw::WrongUri => rename(&mut params, &["https://example.org/link"])?,
            Flaw::SeveralUris => rename(&mut params, &[uri, "spiffe://ppc/desk/second"])?,
            Flaw::Wildcard => rename(&mut params, &["spiffe://ppc/desk/*"])?,
            Flaw::CommonNameOnly => {
                params.subject_alt_names.clear();
                params.distinguished_name = named(uri);
            }
        }
        signed(&params, serial, &self.issuer)
    }

    /// Revokes a certificate: the next [`Self::crl`] names it.
    pub fn revoke(&mut self, issued: &Issued) {
        self.revoked.push(issued.serial);
    }

    /// The next revocation list, PEM, valid for a week.
    ///
    /// # Errors
    /// [`PkiError::Make`].
    pub fn crl(&mut self) -> Result<String, PkiError> {
        self.list(self.now - BEFORE, self.now + CRL_LIFE)
    }

    /// A revocation list whose next update was due yesterday, PEM.
    ///
    /// # Errors
    /// [`PkiError::Make`].
    pub fn expired_crl(&mut self) -> Result<String, PkiError> {
        self.list(self.now - CRL_LIFE, self.now - DAY)
    }

    fn list(&mut self, this_update: SystemTime, next_update: SystemTime) -> Result<String, PkiError> {
        self.lists += 1;
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: this_update.into(),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: this_update.into(),
            next_update: next_update.into(),
            crl_number: SerialNumber::from(self.lists),
            issuing_distribution_point: None,
            revoked_certs: self.revoked.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.pem()?)
    }

    fn params(&mut self, uri: &str, side: Use) -> Result<(CertificateParams, u64), PkiError> {
        self.issued += 1;
        let names = match side {
            Use::Client => Vec::new(),
            Use::Server | Use::Both => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        };
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = named("renkei development");
        params.serial_number = Some(SerialNumber::from(self.issued));
        params.not_before = (self.now - BEFORE).into();
        params.not_after = (self.now + CERTIFICATE_LIFE).into();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = purposes(side);
        params.use_authority_key_identifier_extension = true;
        params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        Ok((params, self.issued))
    }
}

fn key() -> Result<KeyPair, PkiError> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn purposes(side: Use) -> Vec<ExtendedKeyUsagePurpose> {
    match side {
        Use::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
        Use::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
        Use::Both => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
    }
}

/// Puts other URIs in the place of the one that is there; DNS names and addresses stay.
fn rename(params: &mut CertificateParams, uris: &[&str]) -> Result<(), PkiError> {
    params.subject_alt_names.retain(|name| !matches!(name, SanType::URI(_)));
    for uri in uris {
        params.subject_alt_names.push(SanType::URI((*uri).try_into()?));
    }
    Ok(())
}

fn signed(
    params: &CertificateParams,
    serial: u64,
    issuer: &CertifiedIssuer<'static, KeyPair>,
) -> Result<Issued, PkiError> {
    let key = key()?;
    let certificate = params.signed_by(&key, issuer)?.pem();
    Ok(Issued { certificate, key: key.serialize_pem(), serial })
}

fn self_signed(params: &CertificateParams, serial: u64) -> Result<Issued, PkiError> {
    let key = key()?;
    let certificate = params.self_signed(&key)?.pem();
    Ok(Issued { certificate, key: key.serialize_pem(), serial })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use renkei_rpc::identity::{Identity, IdentityError, Kind};
    use renkei_rpc::tls::{Files, Material, Reloading};
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;

    use super::*;

    /// 2026-11-01T00:00:00Z.
    const NOW: Duration = Duration::from_secs(1_793_491_200);

    fn made() -> (Pki, tempfile::TempDir) {
        let mut pki = Pki::new(SystemTime::UNIX_EPOCH + NOW).unwrap();
        let dir = tempfile::TempDir::new().unwrap();
        pki.write(dir.path()).unwrap();
        (pki, dir)
    }

    fn identity(issued: &Issued) -> Result<Identity, IdentityError> {
        Identity::from_certificate(&CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap())
    }

    #[test]
    fn every_set_of_files_fits_together_and_keys_are_private() {
        let (_, dir) = made();
        for domain in ["ppc", "ipa"] {
            let mut sets = vec![link_files(dir.path(), domain), desk_files(dir.path(), domain)];
            sets.extend(CALLERS.iter().map(|name| caller_files(dir.path(), domain, name)));
            for files in sets {
                Material::load(&files).unwrap();
                let mode = fs::metadata(&files.key).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{}", files.key.display());
            }
        }
    }

    #[test]
    fn everyone_is_named_by_its_uri() {
        let (pki, _dir) = made();
        for agency in [&pki.ppc, &pki.ipa] {
            let link = identity(&agency.link).unwrap();
            assert_eq!((link.domain(), link.kind()), (agency.domain, &Kind::Link));
            assert_eq!(identity(&agency.desk).unwrap().uri(), format!("spiffe://{}/desk/service", agency.domain));
            for name in CALLERS {
                let caller = identity(agency.caller(name).unwrap()).unwrap();
                assert_eq!(caller.kind(), &Kind::Desk(name.to_owned()));
            }
        }
    }

    #[test]
    fn the_four_authorities_are_different_ones() {
        let (pki, dir) = made();
        let read = |files: Files| fs::read_to_string(files.roots).unwrap();
        assert_eq!(read(link_files(dir.path(), "ppc")), pki.ipa.link_authority.certificate());
        assert_eq!(read(link_files(dir.path(), "ipa")), pki.ppc.link_authority.certificate());
        assert_eq!(read(desk_files(dir.path(), "ppc")), pki.ppc.desk_authority.certificate());
        assert_eq!(read(desk_files(dir.path(), "ipa")), pki.ipa.desk_authority.certificate());
        assert_eq!(read(caller_files(dir.path(), "ipa", "intake")), pki.ipa.desk_authority.certificate());
        assert_ne!(pki.ppc.link_authority.certificate(), pki.ppc.desk_authority.certificate());
    }

    #[test]
    fn a_revoked_certificate_is_in_the_next_list_of_its_readers() {
        let (mut pki, dir) = made();
        let reader = Reloading::server(&link_files(dir.path(), "ppc")).unwrap();
        let peer = identity(&pki.ipa.link).unwrap();
        assert!(!reader.is_revoked(&peer));
        let link = pki.ipa.link.clone();
        pki.ipa.link_authority.revoke(&link);
        pki.write_crls(dir.path()).unwrap();
        reader.reload(&link_files(dir.path(), "ppc"), NOW.as_secs().cast_signed()).whole().unwrap();
        assert!(reader.is_revoked(&peer));
        assert!(!reader.is_revoked(&identity(&pki.ppc.link).unwrap()), "the same serial number of another issuer");
    }

    #[test]
    fn a_flaw_of_the_name_and_no_other_spoils_the_identity() {
        let (mut pki, _dir) = made();
        for flaw in Flaw::ALL {
            let issued = pki.ppc.desk_authority.flawed("spiffe://ppc/desk/intake", Use::Client, flaw).unwrap();
            assert_eq!(identity(&issued).is_err(), flaw.is_of_the_name(), "{flaw:?}");
        }
    }
}
