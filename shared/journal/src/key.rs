//! A signing key: Ed25519 (RFC 8032), read from PKCS#8 (RFC 5958, RFC 8410).

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::pem;

/// `PrivateKeyInfo` of an Ed25519 key up to its seed (RFC 8410, section 7; version 1, no public key).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// The maximum number of characters of a key id.
const ID_LIMIT: usize = 64;

/// A key that signs entries and receipts. Its debug format shows only its id.
pub struct SigningKey {
    key_id: String,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// Reads a key from PKCS#8, as DER or in PEM (`PRIVATE KEY`). The id is 1–64 of `[a-z0-9-]` and does not begin with
    /// a hyphen.
    ///
    /// # Errors
    /// [`KeyError::IdInvalid`], and [`KeyError::Malformed`] for anything but an Ed25519 private key.
    pub fn from_pkcs8(key_id: impl Into<String>, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let key_id = key_id.into();
        if !is_key_id(&key_id) {
            return Err(KeyError::IdInvalid);
        }
        // Bytes that are DER are never searched for PEM, so every input has one interpretation.
        let pair = match Ed25519KeyPair::from_pkcs8(pkcs8) {
            Ok(pair) => pair,
            Err(_) => pem::private_key(pkcs8)
                .and_then(|der| Ed25519KeyPair::from_pkcs8(&der).ok())
                .ok_or(KeyError::Malformed)?,
        };
        Ok(Self { key_id, pair })
    }

    /// The id under which the peer knows the key.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The Ed25519 public key, 32 bytes.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        let mut public = [0; 32];
        public.copy_from_slice(self.pair.public_key().as_ref());
        public
    }

    /// Signs `domain` and `bytes`. The domain ends in a zero byte, so a message of one kind can never be read as one of
    /// another kind.
    pub(crate) fn sign(&self, domain: &[u8], bytes: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(&[domain, bytes].concat()).as_ref());
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// The PKCS#8 DER of the key with this seed, for set-up tools. The caller is responsible for the randomness of the
/// seed.
#[must_use]
pub fn generate_pkcs8(seed: &[u8; 32]) -> Vec<u8> {
    [PKCS8_PREFIX.as_slice(), seed].concat()
}

/// True if the signature over `domain` and `bytes` was made with this key.
pub(crate) fn is_signed(public_key: &[u8; 32], domain: &[u8], bytes: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(&[domain, bytes].concat(), signature).is_ok()
}

/// True if the text is a key id by the contract's rule.
pub(crate) fn is_key_id(text: &str) -> bool {
    text.len() <= ID_LIMIT
        && text.bytes().enumerate().all(|(i, byte)| match byte {
            b'a'..=b'z' | b'0'..=b'9' => true,
            b'-' => i > 0,
            _ => false,
        })
        && !text.is_empty()
}

/// The reasons for which a key cannot be used, added or revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The id is not 1–64 of `[a-z0-9-]`, or begins with a hyphen.
    #[error("a key id is 1 to 64 of a-z, 0-9 and hyphen and begins with no hyphen")]
    IdInvalid,
    /// The bytes are not an Ed25519 private key.
    #[error("no Ed25519 private key in PKCS#8 (DER or PEM)")]
    Malformed,
    /// The id belongs to another public key, or to a revoked key.
    #[error("key id {key_id} was used before")]
    Taken {
        /// The id that was to be added.
        key_id: String,
    },
    /// The key to revoke is not known.
    #[error("key {key_id} is not known")]
    Unknown {
        /// The id that was to be revoked.
        key_id: String,
    },
    /// The journal has the maximum number of keys.
    #[error("a journal has at most {limit} keys")]
    TooMany {
        /// The maximum number of keys of a journal.
        limit: usize,
    },
}
