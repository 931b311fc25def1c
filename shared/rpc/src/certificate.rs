//! The usability of an own certificate for others. A certificate may fit its key and be in date although nobody can
//! connect to it.

use renkei_proto::r#type::v1::Agency;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName};
use x509_parser::prelude::FromDer;

use crate::identity::{Identity, Kind};
use crate::pem::{Files, TlsError, certificates};

const ED25519: &str = "1.3.101.112";
const P521: &str = "1.3.132.0.35";

/// The findings on a certificate: sentences without a subject.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Defects with which nobody can use it, or for which the peer refuses it.
    pub wrong: Vec<String>,
    /// Defects with which some cannot use it, or signs that it is the wrong certificate.
    pub doubtful: Vec<String>,
}

/// Examines the certificate of the desk port, to which internal systems connect.
///
/// # Errors
/// A file that cannot be read.
pub fn of_desk(files: &Files) -> Result<Findings, TlsError> {
    examine(files, |own, found| {
        if own.usage.as_ref().is_some_and(|usage| !(usage.any || usage.server_auth)) {
            found.wrong.push("is not meant for servers: order one with the usage server".to_owned());
        }
        if !own.has_name {
            found.wrong.push("names no DNS name and no address, so no caller accepts it".to_owned());
        }
        if let Some(kind) = own.unusual_key {
            found.doubtful.push(format!(
                "has a key of the kind {kind}, which callers with gRPC's C core (Python, C++, C#, PHP, Ruby) do not offer: P-256 \
                 or RSA serves all"
            ));
        }
        if !own.is_of_a_root {
            found
                .doubtful
                .push("is issued by an authority that is not in `desk.roots`: callers must know it".to_owned());
        }
    })
}

/// Examines the certificate of the link, which the server shows on our port and the client shows when we dial.
///
/// # Errors
/// A file that cannot be read.
pub fn of_link(files: &Files, own: Agency) -> Result<Findings, TlsError> {
    examine(files, |it, found| {
        if it.usage.as_ref().is_some_and(|usage| !(usage.any || usage.server_auth && usage.client_auth)) {
            found.wrong.push("is not meant for servers and clients: order one with both usages".to_owned());
        }
        match &it.identity {
            Err(error) => found.wrong.push(format!("names nobody ({error}): order one for spiffe://{}/link", own.id())),
            Ok(identity) if identity.domain() != own.id() || *identity.kind() != Kind::Link => {
                found.wrong.push(format!("is that of {identity}: order one for spiffe://{}/link", own.id()));
            }
            Ok(_) => {}
        }
        if !it.has_name {
            found.doubtful.push("names no DNS name and no address, so the peer cannot dial".to_owned());
        }
    })
}

struct Own<'a> {
    usage: Option<ExtendedKeyUsage<'a>>,
    identity: Result<Identity, crate::identity::IdentityError>,
    has_name: bool,
    unusual_key: Option<&'static str>,
    is_of_a_root: bool,
}

fn examine(files: &Files, judge: impl FnOnce(&Own<'_>, &mut Findings)) -> Result<Findings, TlsError> {
    let path = &files.certificate;
    let unreadable = || TlsError::Unreadable { path: path.clone(), what: "certificate" };
    let (chain, roots) = (certificates(path)?, certificates(&files.roots)?);
    let (first, last) = chain.first().zip(chain.last()).ok_or_else(unreadable)?;
    let (_, leaf) = X509Certificate::from_der(first).map_err(|_| unreadable())?;
    let (_, top) = X509Certificate::from_der(last).map_err(|_| unreadable())?;
    let usage = leaf.extended_key_usage().map_err(|_| unreadable())?;
    let names = leaf.subject_alternative_name().map_err(|_| unreadable())?;
    let is_name = |name: &GeneralName<'_>| matches!(name, GeneralName::DNSName(_) | GeneralName::IPAddress(_));
    let own = Own {
        usage: usage.map(|usage| usage.value.clone()),
        identity: Identity::from_certificate(first),
        has_name: names.is_some_and(|names| names.value.general_names.iter().any(is_name)),
        unusual_key: unusual_key(&leaf),
        is_of_a_root: roots.iter().any(|root| is_issued_by(&top, root)),
    };
    let mut found = Findings::default();
    let key_usage = leaf.key_usage().map_err(|_| unreadable())?;
    if key_usage.is_some_and(|usage| !usage.value.digital_signature()) {
        found.wrong.push("has a key that may not sign: order one with the key usage digital signature".to_owned());
    }
    judge(&own, &mut found);
    Ok(found)
}

fn unusual_key(certificate: &X509Certificate<'_>) -> Option<&'static str> {
    let algorithm = &certificate.public_key().algorithm;
    let curve = algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok()).map(|curve| curve.to_id_string());
    match (algorithm.algorithm.to_id_string().as_str(), curve.as_deref()) {
        (ED25519, _) => Some("Ed25519"),
        (_, Some(P521)) => Some("P-521"),
        _ => None,
    }
}

/// True if the authority issued the certificate, or if both are the same certificate.
fn is_issued_by(certificate: &X509Certificate<'_>, authority: &CertificateDer<'_>) -> bool {
    let Ok((_, authority)) = X509Certificate::from_der(authority) else { return false };
    let subject = authority.subject().as_raw();
    certificate.issuer().as_raw() == subject || certificate.subject().as_raw() == subject
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its arrangement fails")]
mod tests {
    use std::path::Path;

    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
        KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SanType, SignatureAlgorithm,
    };
    use tempfile::TempDir;

    use super::*;

    fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    /// Writes two files into a folder: the certificate of an authority, and the roots.
    fn files(
        dir: &Path,
        change: impl FnOnce(&mut CertificateParams),
        key: &'static SignatureAlgorithm,
        root: &str,
    ) -> Files {
        let issuer = authority("desk");
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names.push(SanType::URI("spiffe://ppc/link".try_into().unwrap()));
        change(&mut params);
        let certificate = params.signed_by(&KeyPair::generate_for(key).unwrap(), &issuer).unwrap();
        let root = if root == "desk" { issuer.pem() } else { authority(root).pem() };
        std::fs::write(dir.join("certificate.pem"), certificate.pem()).unwrap();
        std::fs::write(dir.join("roots.pem"), root).unwrap();
        let of = |name: &str| dir.join(name);
        Files { certificate: of("certificate.pem"), key: of("key.pem"), roots: of("roots.pem"), crls: Vec::new() }
    }

    fn found(change: impl FnOnce(&mut CertificateParams), key: &'static SignatureAlgorithm, root: &str) -> [String; 2] {
        let dir = TempDir::new().unwrap();
        let files = files(dir.path(), change, key, root);
        [of_desk(&files), of_link(&files, Agency::Ppc)].map(|found| {
            let Findings { wrong, doubtful } = found.unwrap();
            let lines = wrong
                .iter()
                .map(|it| format!("wrong: {it}"))
                .chain(doubtful.iter().map(|it| format!("doubtful: {it}")));
            lines.collect::<Vec<_>>().join("; ")
        })
    }

    #[test]
    fn a_certificate_that_others_cannot_use_is_found() {
        let p256 = &PKCS_ECDSA_P256_SHA256;
        assert_eq!(found(|_| (), p256, "desk"), [String::new(), String::new()]);
        assert_eq!(found(|it| it.extended_key_usages.clear(), p256, "desk"), [String::new(), String::new()]);
        let [desk, link] = found(|it| it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth], p256, "desk");
        assert!(desk.starts_with("wrong: is not meant for servers"), "{desk}");
        assert!(link.starts_with("wrong: is not meant for servers and clients"), "{link}");
        let [desk, link] = found(|it| it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth], p256, "desk");
        assert!(desk.is_empty() && link.starts_with("wrong: is not meant for servers and clients"), "{link}");
        let [desk, link] = found(|it| it.key_usages = vec![KeyUsagePurpose::KeyEncipherment], p256, "desk");
        assert!(desk.starts_with("wrong: has a key that may not sign") && link == desk, "{desk}");
        let [desk, link] = found(|it| it.subject_alt_names.retain(|it| matches!(it, SanType::URI(_))), p256, "desk");
        assert!(
            desk.starts_with("wrong: names no DNS name") && link.starts_with("doubtful: names no DNS name"),
            "{desk}"
        );
        let [desk, link] = found(|_| (), &PKCS_ED25519, "desk");
        assert!(
            desk.starts_with("doubtful: has a key of the kind Ed25519") && desk.contains("gRPC's C core"),
            "{desk}"
        );
        assert_eq!(link, "", "the peer's program is this one");
        let [desk, link] = found(|_| (), &rcgen::PKCS_ECDSA_P521_SHA512, "desk");
        assert!(desk.starts_with("doubtful: has a key of the kind P-521") && link.is_empty(), "{desk}");
        let [desk, link] = found(|_| (), p256, "other");
        assert!(desk.starts_with("doubtful: is issued by an authority that is not in `desk.roots`"), "{desk}");
        assert_eq!(link, "", "its roots are the peer's");
    }

    #[test]
    fn the_link_has_one_name_and_it_is_the_own() {
        let p256 = &PKCS_ECDSA_P256_SHA256;
        let uri = |uri: &str| SanType::URI(uri.try_into().unwrap());
        for (uris, says) in [
            (vec!["spiffe://ipa/link"], "wrong: is that of spiffe://ipa/link: order one for spiffe://ppc/link"),
            (vec!["spiffe://ppc/desk/intake"], "wrong: is that of spiffe://ppc/desk/intake"),
            (vec!["spiffe://ppc/link", "spiffe://ppc/link"], "wrong: names nobody (the certificate names several URIs"),
            (vec![], "wrong: names nobody (the certificate names no URI"),
        ] {
            let change = |it: &mut CertificateParams| {
                it.subject_alt_names.retain(|it| !matches!(it, SanType::URI(_)));
                it.subject_alt_names.extend(uris.into_iter().map(uri));
            };
            let [desk, link] = found(change, p256, "desk");
            assert!(desk.is_empty() && link.starts_with(says), "{link}");
        }
    }
}
