//! The identity of the other end of a connection, as its certificate states it.
//!
//! A peer is named by exactly one URI in its certificate's subject alternative names, in the form of a SPIFFE ID
//! (<https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md>). The common name, DNS names and the issuer's
//! name never identify a peer. The permissions of an identity are configuration and not part of this file.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// The maximum length of a desk caller's name, in bytes.
const DESK_NAME_MAX: usize = 64;

/// A peer named by its certificate; parsed once per connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    uri: String,
    domain: &'static str,
    kind: Kind,
    serial: String,
    issuer: Arc<[u8]>,
    not_after: i64,
}

/// The kind of peer that a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The service of an agency on the link: `spiffe://{domain}/link`.
    Link,
    /// A system of an agency's own desk, by its name: `spiffe://{domain}/desk/{name}`.
    Desk(String),
}

/// The reason for which a certificate names no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// There was no certificate.
    #[error("the peer presented no certificate")]
    NoCertificate,
    /// The bytes are not an X.509 certificate, or its alternative names cannot be read.
    #[error("the certificate cannot be read as X.509")]
    Unreadable,
    /// There is no URI among the subject alternative names.
    #[error("the certificate names no URI, so it names no caller")]
    NoUri,
    /// There is more than one URI, so that two readers could see two callers.
    #[error("the certificate names several URIs; exactly one must name the caller")]
    SeveralUris,
    /// There is one URI, but it is not a name of this system.
    #[error(
        "the certificate's URI is neither spiffe://{{ppc|ipa}}/link \
         nor spiffe://{{ppc|ipa}}/desk/{{name}} with a name of 1 to 64 of a-z, 0-9 and -"
    )]
    WrongForm,
}

impl Identity {
    /// Reads the identity from a leaf certificate in DER.
    ///
    /// The certificate must have been verified before: this function returns its claim and does not judge whether the
    /// claim is true.
    ///
    /// # Errors
    /// Every [`IdentityError`] but `NoCertificate`.
    pub fn from_certificate(der: &[u8]) -> Result<Self, IdentityError> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| IdentityError::Unreadable)?;
        if !rest.is_empty() {
            return Err(IdentityError::Unreadable);
        }
        let uri = only_uri(&certificate)?;
        let (domain, kind) = parse(uri).ok_or(IdentityError::WrongForm)?;
        Ok(Self {
            uri: uri.to_owned(),
            domain,
            kind,
            serial: serial_text(certificate.raw_serial()),
            issuer: certificate.issuer().as_raw().into(),
            not_after: certificate.validity().not_after.timestamp(),
        })
    }

    /// The whole URI, for example `spiffe://ppc/desk/intake`: the caller's name in configuration,
    /// audit and idempotency. It outlives the certificate.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The trust domain: `ppc` or `ipa`.
    #[must_use]
    pub fn domain(&self) -> &'static str {
        self.domain
    }

    /// The kind of peer, link or desk.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The certificate's serial number in lower-case hexadecimal without leading zeros.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The certificate's issuer, a distinguished name in DER. A serial number is unique only
    /// together with it.
    #[must_use]
    pub fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// The last moment of the certificate's validity, in seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        self.not_after
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

/// The text form of a serial number, in which it is compared with revocation lists.
pub(crate) fn serial_text(raw: &[u8]) -> String {
    let digits = hex::encode(raw);
    let short = digits.trim_start_matches('0');
    if short.is_empty() { "0" } else { short }.to_owned()
}

fn only_uri<'a>(certificate: &'a X509Certificate<'_>) -> Result<&'a str, IdentityError> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|_| IdentityError::Unreadable)?
        .map_or(&[][..], |extension| &extension.value.general_names);
    let mut found = None;
    for name in names {
        match name {
            GeneralName::URI(_) if found.is_some() => return Err(IdentityError::SeveralUris),
            GeneralName::URI(uri) => found = Some(*uri),
            // A name that cannot be decoded could be a second URI to another reader.
            GeneralName::Invalid(..) => return Err(IdentityError::Unreadable),
            _ => {}
        }
    }
    found.ok_or(IdentityError::NoUri)
}

fn parse(uri: &str) -> Option<(&'static str, Kind)> {
    let (domain, path) = uri.strip_prefix("spiffe://")?.split_once('/')?;
    let domain = match domain {
        "ppc" => "ppc",
        "ipa" => "ipa",
        _ => return None,
    };
    if path == "link" {
        return Some((domain, Kind::Link));
    }
    let name = path.strip_prefix("desk/")?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = (1..=DESK_NAME_MAX).contains(&name.len()) && name.bytes().all(plain);
    fits.then(|| (domain, Kind::Desk(name.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_forms_are_read() {
        assert_eq!(parse("spiffe://ppc/link"), Some(("ppc", Kind::Link)));
        assert_eq!(parse("spiffe://ipa/desk/case-work2"), Some(("ipa", Kind::Desk("case-work2".to_owned()))));
        let longest = "a".repeat(DESK_NAME_MAX);
        assert_eq!(parse(&format!("spiffe://ppc/desk/{longest}")), Some(("ppc", Kind::Desk(longest))));
    }

    #[test]
    fn anything_else_names_nobody() {
        let too_long = format!("spiffe://ppc/desk/{}", "a".repeat(DESK_NAME_MAX + 1));
        for uri in [
            "",
            "spiffe://",
            "spiffe://ppc",
            "spiffe://ppc/",
            "spiffe://ppc/link/",
            "spiffe://ppc//link",
            "spiffe://PPC/link",
            "SPIFFE://ppc/link",
            "https://ppc/link",
            "spiffe://ppc:443/link",
            "spiffe://user@ppc/link",
            "spiffe://other/link",
            "spiffe://ppc/desk",
            "spiffe://ppc/desk/",
            "spiffe://ppc/desk/Intake",
            "spiffe://ppc/desk/in take",
            "spiffe://ppc/desk/in/take",
            "spiffe://ppc/desk/in%74ake",
            "spiffe://ppc/desk/*",
            "spiffe://ppc/desk/受付",
            "spiffe://ppc/link?x=1",
            "spiffe://ppc/link#x",
            too_long.as_str(),
        ] {
            assert_eq!(parse(uri), None, "{uri}");
        }
    }

    #[test]
    fn a_serial_number_has_one_spelling() {
        assert_eq!(serial_text(&[0x00, 0x9f, 0x01]), "9f01");
        assert_eq!(serial_text(&[0x0a]), "a");
        assert_eq!(serial_text(&[0x00]), "0");
        assert_eq!(serial_text(&[]), "0");
    }

    #[test]
    fn bytes_that_are_not_a_certificate_name_nobody() {
        assert_eq!(Identity::from_certificate(b"not a certificate"), Err(IdentityError::Unreadable));
    }
}
