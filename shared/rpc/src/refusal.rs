//! The reasons for which a port refuses a handshake, in sentences for the operator.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};
use thiserror::Error as ThisError;

/// The reason for which a handshake was refused. The sentence is [`Display`](std::fmt::Display); no part of it comes
/// from the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub enum Refusal {
    /// There is no client certificate.
    #[error("the client presented no certificate")]
    NoCertificate,
    /// The issuer is unknown, or the client itself.
    #[error("the client's certificate was not issued by an authority that this port trusts")]
    UnknownIssuer,
    /// The time of `notAfter` has passed.
    #[error("the client's certificate has expired")]
    Expired,
    /// The time of `notBefore` has not come.
    #[error("the client's certificate is not valid yet; if it should be, compare the clocks")]
    NotYetValid,
    /// A revocation list names the certificate.
    #[error("the client's certificate has been revoked")]
    Revoked,
    /// There is no revocation list of the issuer.
    #[error("no revocation list of the issuer of the client's certificate is loaded")]
    RevocationUnknown,
    /// The revocation list has expired.
    #[error("the revocation list of the client's issuer has expired; load a newer one")]
    RevocationListExpired,
    /// The revocation list was not signed by the issuer, or cannot be used.
    #[error("the revocation list of the client's issuer cannot be used; load a sound one")]
    RevocationListUnusable,
    /// A signature in the certificate or in the handshake is wrong or too weak.
    #[error("a signature in the client's certificate or handshake is wrong or of a refused kind")]
    BadSignature,
    /// Key usage or extended key usage does not allow a client to sign with it.
    #[error("the client's certificate is not meant for clients (key usage)")]
    WrongPurpose,
    /// The certificate is unreadable, an authority's own, or against a name constraint.
    #[error("the client's certificate breaks the rules for certificates")]
    BadCertificate,
    /// The client speaks TLS 1.2 or older.
    #[error("the client does not speak TLS 1.3")]
    ProtocolVersion,
    /// HTTP/2 is not among the client's protocols.
    #[error("the client does not speak HTTP/2")]
    ApplicationProtocol,
    /// There is no common cipher suite, key exchange or signature scheme.
    #[error("client and server have no cryptography in common")]
    Incompatible,
    /// The client sent an alert: usually it does not trust this server's certificate.
    #[error("the client ended the handshake with the alert {0:?}: see to the server's certificate")]
    ClientAlert(AlertDescription),
    /// The chain has more certificates than a message of TLS may have.
    #[error(
        "the client's chain of certificates is too large for TLS: it needs its own certificate and intermediates only"
    )]
    ChainTooLarge,
    /// The bytes are not TLS, such as plain HTTP.
    #[error("what arrived is not TLS")]
    NotTls,
    /// The bytes are TLS that breaks the protocol.
    #[error("the client broke the rules of the handshake")]
    Misbehaved,
    /// The handshake was not finished in time.
    #[error("the client did not finish its handshake in time")]
    Timeout,
    /// The client closed the connection before the end.
    #[error("the client closed the connection before the end of the handshake")]
    Closed,
    /// All connections of this port are in use.
    #[error("the port has reached its limit of {0} connections")]
    Full(usize),
    /// The caller uses all connections that one caller may have.
    #[error("the caller has reached the limit of {0} connections of one caller")]
    FullOfOne(usize),
    /// A newer connection needed the place of this one, which had not finished its handshake.
    #[error("too many clients do not finish their handshake, and this one has waited longest")]
    MadeRoom,
}

impl Refusal {
    /// A short, stable name for metrics and the audit.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::UnknownIssuer => "unknown_issuer",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Revoked => "revoked",
            Self::RevocationUnknown => "revocation_unknown",
            Self::RevocationListExpired => "revocation_list_expired",
            Self::RevocationListUnusable => "revocation_list_unusable",
            Self::BadSignature => "bad_signature",
            Self::WrongPurpose => "wrong_purpose",
            Self::BadCertificate => "bad_certificate",
            Self::ProtocolVersion => "protocol_version",
            Self::ApplicationProtocol => "application_protocol",
            Self::Incompatible => "incompatible",
            Self::ClientAlert(_) => "client_alert",
            Self::ChainTooLarge => "chain_too_large",
            Self::NotTls => "not_tls",
            Self::Misbehaved => "misbehaved",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Full(_) => "full",
            Self::FullOfOne(_) => "full_of_one",
            Self::MadeRoom => "made_room",
        }
    }

    /// True if the refusal is one of many alike, for which a log line each would be useless.
    pub(crate) fn is_of_a_crowd(self) -> bool {
        matches!(self, Self::Full(_) | Self::FullOfOne(_) | Self::MadeRoom)
    }

    /// Reads the reason from the error of the handshake.
    pub(crate) fn from_io(error: &io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        tls.map_or(Self::Closed, Self::from_tls)
    }

    fn from_tls(error: &Error) -> Self {
        match error {
            Error::NoCertificatesPresented => Self::NoCertificate,
            Error::InvalidCertificate(error) => Self::from_certificate(error),
            Error::InvalidCertRevocationList(_) => Self::RevocationListUnusable,
            Error::NoApplicationProtocol => Self::ApplicationProtocol,
            Error::PeerIncompatible(
                PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled,
            ) => Self::ProtocolVersion,
            Error::PeerIncompatible(_) => Self::Incompatible,
            Error::AlertReceived(alert) => Self::ClientAlert(*alert),
            Error::InvalidMessage(
                InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge,
            ) => Self::ChainTooLarge,
            Error::InvalidMessage(_) => Self::NotTls,
            _ => Self::Misbehaved,
        }
    }

    fn from_certificate(error: &CertificateError) -> Self {
        use CertificateError as E;
        match error {
            E::UnknownIssuer => Self::UnknownIssuer,
            E::Expired | E::ExpiredContext { .. } => Self::Expired,
            E::NotValidYet | E::NotValidYetContext { .. } => Self::NotYetValid,
            E::Revoked => Self::Revoked,
            E::UnknownRevocationStatus => Self::RevocationUnknown,
            E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => Self::RevocationListExpired,
            E::BadSignature
            | E::UnsupportedSignatureAlgorithmContext { .. }
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Self::BadSignature,
            E::InvalidPurpose | E::InvalidPurposeContext { .. } => Self::WrongPurpose,
            _ => Self::BadCertificate,
        }
    }
}
