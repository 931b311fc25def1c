//! The cryptography of every connection, named explicitly.

use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// The cryptography of every connection. The hybrid key exchange comes first, so that a client offers a share for it.
pub(crate) fn provider() -> CryptoProvider {
    use aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    CryptoProvider { kx_groups: vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1], ..aws_lc_rs::default_provider() }
}
