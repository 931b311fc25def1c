//! The meaning of a failed call or connection, in one sentence with the remedy.

use std::error::Error;
use std::io;
use std::iter::successors;

use rustls::{CertificateError, Error as TlsError};
use tonic::{Status, TimeoutExpired};

use crate::guard::Cut;
use crate::identity::IdentityError;

/// The reason for which there is no connection to a peer. The sentence names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The configuration does not contain a valid address.
    #[error("\"{0}\" is not an address of the form host:port; correct the configuration")]
    Address(String),
    /// The configuration does not contain a valid server name.
    #[error("\"{0}\" is neither a DNS name nor an IP address; correct the configuration")]
    ServerName(String),
    /// The host is not known.
    #[error("the name in {address} cannot be resolved; check the address and the name service")]
    Unresolved {
        /// The configured address.
        address: String,
        /// The error of the resolver.
        source: io::Error,
    },
    /// The host exists, but the service does not listen.
    #[error("nothing listens at {address}; check the address and port and whether the service runs")]
    NothingListens {
        /// The configured address.
        address: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The host cannot be reached.
    #[error("{address} cannot be reached; check the network and firewalls ({source})")]
    Unreachable {
        /// The configured address.
        address: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The peer did not answer in time.
    #[error(
        "{address} did not answer in time during {phase}; check the network, firewalls and the \
         load of the service"
    )]
    Timeout {
        /// The configured address.
        address: String,
        /// The step during which the time ended.
        phase: &'static str,
    },
    /// One side refused the other's certificate, or TLS failed otherwise.
    #[error("{address}: {sentence}", sentence = tls_sentence(source))]
    Tls {
        /// The configured address.
        address: String,
        /// The error of TLS.
        source: rustls::Error,
    },
    /// The peer closed the connection without an alert.
    #[error(
        "{address} closed the connection during {phase} without giving a reason; it may be stopping \
         or full, or something between may have cut the connection: look into its log"
    )]
    Closed {
        /// The configured address.
        address: String,
        /// The step during which it was closed.
        phase: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The peer is trusted, but does not speak HTTP/2.
    #[error("{address} does not speak HTTP/2, so it is not a gRPC service; check the port")]
    Protocol {
        /// The configured address.
        address: String,
    },
    /// The peer is trusted, but has another identity.
    #[error(
        "{address} is answered by {found} instead of {expected}, so nothing was sent to it; check \
         the address and who is configured as the peer"
    )]
    WrongPeer {
        /// The configured address.
        address: String,
        /// The configured peer.
        expected: String,
        /// The URI that the certificate names.
        found: String,
    },
    /// The peer is trusted, but its certificate names no identity.
    #[error("{address} is not {expected}, so nothing was sent to it: {source}")]
    NamelessPeer {
        /// The configured address.
        address: String,
        /// The configured peer.
        expected: String,
        /// The defect of the certificate's name.
        source: IdentityError,
    },
}

/// The text that rustls writes before the name of an alert.
const ALERT: &str = "received fatal alert: ";

/// The texts with which the operating system, the standard library, rustls and hyper describe a broken stream.
const BROKEN: [&str; 8] = [
    "broken pipe",
    "Broken pipe",
    "connection reset",
    "Connection reset",
    "unexpected end of file",
    "peer closed connection without sending TLS close_notify",
    "connection closed",
    "connection was not ready",
];

/// Explains a failed call or connection in one plain sentence.
///
/// Accepts a [`tonic::Status`], a [`tonic::transport::Error`], a [`ConnectError`], or any error that has one of them
/// among its sources.
#[must_use]
pub fn explain(error: &(dyn Error + 'static)) -> String {
    links(error)
        .find_map(known)
        .or_else(|| links(error).find_map(|link| in_words(&link.to_string())))
        .or_else(|| links(error).find_map(answered))
        .unwrap_or_else(|| unknown(error))
}

/// True if a call broke off below gRPC: the peer did not answer, and it is unknown whether it handled the call. Such a
/// call should be repeated, with the same request id if it changes something.
///
/// The status code alone does not decide: a call that was given to a connection at the moment of the peer's orderly end
/// (its maximum age, or a drain) fails as `CANCELLED` although nobody cancelled it. A call whose deadline has passed
/// does not count, because there is no time to repeat it.
#[must_use]
pub fn is_broken(status: &Status) -> bool {
    status.source().is_some() && !links(status).any(|link| link.is::<TimeoutExpired>())
}

/// An error and its sources, outermost first.
fn links<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |link| (**link).source())
}

/// The sentence for an error of TLS, on the client's side.
pub(crate) fn tls_sentence(error: &TlsError) -> String {
    match error {
        TlsError::AlertReceived(alert) => alert_sentence(&format!("{alert:?}")),
        TlsError::InvalidCertificate(error) => certificate_sentence(error).to_owned(),
        TlsError::InvalidCertRevocationList(_) => {
            "the revocation list for the peer's certificate cannot be used; load a sound one".to_owned()
        }
        TlsError::InvalidMessage(_) => "the peer does not speak TLS; check the address and port".to_owned(),
        TlsError::PeerIncompatible(_) => {
            "the peer does not speak TLS 1.3, or has no cryptography in common with us; it has \
             to be upgraded"
                .to_owned()
        }
        TlsError::NoApplicationProtocol => alert_sentence("NoApplicationProtocol"),
        other => format!("TLS failed ({other}); look into the peer's log"),
    }
}

/// The defect of the server's certificate from our point of view.
fn certificate_sentence(error: &CertificateError) -> &'static str {
    use CertificateError as E;
    match error {
        E::UnknownIssuer => {
            "the peer's certificate was not issued by an authority that we trust; check the \
             address and our trust roots for this peer"
        }
        E::Expired | E::ExpiredContext { .. } => {
            "the peer's certificate has expired; the peer must renew it (or our clock is wrong)"
        }
        E::NotValidYet | E::NotValidYetContext { .. } => "the peer's certificate is not valid yet; compare the clocks",
        E::Revoked => "the peer's certificate has been revoked; do not use this peer before it is known why",
        E::UnknownRevocationStatus => "no revocation list of the issuer of the peer's certificate is loaded; load one",
        E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => {
            "the revocation list for the peer's certificate has expired; load a newer one"
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            "the peer's certificate is not valid for the server name that we expect; check the \
             address and the configured server name"
        }
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            "the peer's certificate is not meant for servers (key usage); the peer must replace it"
        }
        E::BadSignature
        | E::UnsupportedSignatureAlgorithmContext { .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the peer's certificate was not issued with the key of an authority that we trust, or with a kind of \
             signature that is refused; check our trust roots for this peer, or the peer must replace it"
        }
        _ => "the peer's certificate is broken; the peer must replace it",
    }
}

/// The meaning of an alert from the peer, by rustls's name of it.
fn alert_sentence(alert: &str) -> String {
    let sentence = match alert {
        "CertificateRequired" | "NoCertificate" => "the peer wants a client certificate and got none; configure one",
        "UnknownCA" => {
            "the peer does not trust the issuer of our certificate, or has no current revocation \
             list of it; ask the peer to check its trust roots and revocation lists, and check \
             that this is the right port and certificate"
        }
        "CertificateExpired" => "our certificate has expired or is not valid yet; renew it and compare the clocks",
        "CertificateRevoked" => "our certificate has been revoked; use a new one",
        "BadCertificate" | "CertificateUnknown" => "the peer finds our certificate broken; replace it",
        "UnsupportedCertificate" => "our certificate is not meant for clients (key usage); use another one",
        "DecryptError" => {
            "the peer finds a signature of ours wrong or too weak; check that our certificate was \
             issued with the key that the peer trusts and belongs to our own key, and replace it"
        }
        "AccessDenied" => "the peer knows our certificate and does not let it in; ask the peer for access",
        "ProtocolVersion" => "the peer does not accept our version of TLS; it must be TLS 1.3",
        "NoApplicationProtocol" => "the peer does not speak HTTP/2; check the port",
        "HandshakeFailure" | "InsufficientSecurity" => {
            "the peer has no cryptography in common with us; upgrade the older side"
        }
        "UnrecognisedName" => "the peer does not serve the server name that we expect; check the configured name",
        other => return format!("the peer refused the connection with the alert {other}; look into its log"),
    };
    sentence.to_owned()
}

/// The sentence for one error of the chain, if the error has a meaning of its own.
fn known(link: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = link.downcast_ref::<ConnectError>() {
        return Some(error.to_string());
    }
    if let Some(error) = link.downcast_ref::<TlsError>() {
        return Some(tls_sentence(error));
    }
    if let Some(cut) = link.downcast_ref::<Cut>() {
        return Some(cut.to_string());
    }
    if link.is::<TimeoutExpired>() {
        return Some("the call did not end within its deadline; try again later or give it more time".to_owned());
    }
    let error = link.downcast_ref::<io::Error>()?;
    // An I/O error's source is the source of what it wraps: the wrapped error itself is not in
    // the chain.
    error.get_ref().and_then(|inner| known(inner)).or_else(|| io_sentence(error.kind()).map(str::to_owned))
}

fn io_sentence(kind: io::ErrorKind) -> Option<&'static str> {
    use io::ErrorKind as K;
    match kind {
        K::ConnectionRefused => {
            Some("nothing listens at the peer's address; check the address and whether the service runs")
        }
        K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof => Some(
            "the peer closed the connection without giving a reason; try again, and if it goes on look \
             into the peer's log for a refused handshake",
        ),
        K::TimedOut => Some("the peer did not answer in time; check the network and firewalls"),
        K::HostUnreachable | K::NetworkUnreachable | K::NetworkDown => {
            Some("the peer cannot be reached; check the network and firewalls")
        }
        _ => None,
    }
}

/// HTTP/2 keeps only the text of an error of the stream below it.
fn in_words(text: &str) -> Option<String> {
    if let Some((_, rest)) = text.split_once(ALERT) {
        let name: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        return Some(alert_sentence(&name));
    }
    let broken = BROKEN.iter().any(|words| text.contains(words));
    broken.then(|| io_sentence(io::ErrorKind::ConnectionReset).map(str::to_owned))?
}

/// The sentence for a status without a source, which comes from the peer's service.
fn answered(link: &(dyn Error + 'static)) -> Option<String> {
    let status = link.downcast_ref::<Status>()?;
    if status.source().is_some() {
        return None;
    }
    Some(match status.message() {
        "" => format!("the peer answered: {}", status.code()),
        message => format!("the peer answered: {message} ({})", status.code()),
    })
}

fn unknown(error: &(dyn Error + 'static)) -> String {
    let innermost = links(error).last().unwrap_or(error);
    format!("the connection to the peer failed ({innermost}); try again, and look into its log")
}
