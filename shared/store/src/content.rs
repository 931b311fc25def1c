//! Content at rest: AES-256-GCM with a key per content, wrapped by a ring of keys whose newest wraps.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac,
};
use zeroize::Zeroizing;

use crate::error::Error;

const NONCE: usize = 12;
/// The context from which the key of the seals is derived, so that one key of the ring never has two uses.
const SEAL: &[u8] = b"renkei seal v1";

/// The keys that wrap the contents' keys, oldest first. The newest wraps; all open.
pub struct KeyRing(Vec<RingKey>);

struct RingKey {
    id: String,
    key: LessSafeKey,
    seal: hmac::Key,
}

impl KeyRing {
    /// A ring of keys with their ids, oldest first.
    ///
    /// # Errors
    /// An empty ring.
    pub fn new(keys: Vec<(String, Zeroizing<[u8; 32]>)>) -> Result<Self, Error> {
        let mut ring = Vec::with_capacity(keys.len());
        for (id, key) in keys {
            let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), SEAL);
            let seal = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
            ring.push(RingKey { id, key: cipher(&key)?, seal });
        }
        if ring.is_empty() { Err(Error::Content("the key ring is empty")) } else { Ok(Self(ring)) }
    }

    /// Encrypts a content with a key of its own, which the newest key of the ring wraps. The content is bound to its place
    /// and its key to the matter. `draw` gives other random bytes for each label.
    pub(crate) fn encrypt(
        &self,
        matter: &str,
        place: &str,
        draw: impl Fn(&str) -> [u8; 32],
        content: &[u8],
    ) -> Result<Encrypted, Error> {
        let newest = self.0.last().ok_or(Error::Content("the key ring is empty"))?;
        let key = Zeroizing::new(draw("content key"));
        let mut sealed = encrypt(&cipher(&key)?, nonce_of(draw("nonce")), place.as_bytes(), content)?;
        let ciphertext = sealed.split_off(NONCE);
        let wrapped_key = encrypt(&newest.key, nonce_of(draw("wrap")), matter.as_bytes(), key.as_slice())?;
        Ok(Encrypted { nonce: sealed, ciphertext, wrapped_key, ring_key_id: newest.id.clone() })
    }

    /// Decrypts a content.
    pub(crate) fn decrypt(&self, matter: &str, place: &str, it: &Encrypted) -> Result<Vec<u8>, Error> {
        let ring = self.0.iter().find(|key| key.id == it.ring_key_id);
        let ring = ring.ok_or(Error::Content("the ring has no such key"))?;
        let plain = Zeroizing::new(decrypt(&ring.key, matter.as_bytes(), &it.wrapped_key)?);
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(
            plain.as_slice().try_into().map_err(|_| Error::Content("the key of a content does not have 32 bytes"))?,
        );
        decrypt(&cipher(&key)?, place.as_bytes(), &[it.nonce.as_slice(), &it.ciphertext].concat())
    }

    /// A keyed digest of these parts, by the newest key.
    pub(crate) fn seal(&self, domain: &[u8], parts: &[Part<'_>]) -> Vec<u8> {
        // A ring is never empty.
        self.0
            .last()
            .map(|key| hmac::sign(&key.seal, &sealed_bytes(domain, parts)).as_ref().to_vec())
            .unwrap_or_default()
    }

    /// True if any key of the ring gives this seal for these parts.
    pub(crate) fn is_sealed(&self, domain: &[u8], parts: &[Part<'_>], seal: &[u8]) -> bool {
        let bytes = sealed_bytes(domain, parts);
        self.0.iter().rev().any(|key| hmac::verify(&key.seal, &bytes, seal).is_ok())
    }
}

/// A content at rest, with the wrapped key that opens it.
#[derive(Clone, Debug)]
pub(crate) struct Encrypted {
    pub(crate) nonce: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
    pub(crate) wrapped_key: Vec<u8>,
    pub(crate) ring_key_id: String,
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, Error> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| Error::Content("a key cannot be used"))
}

fn nonce_of(random: [u8; 32]) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    nonce.copy_from_slice(&random[..NONCE]);
    nonce
}

/// Encrypts bytes. Returns the nonce, and the ciphertext with its tag.
fn encrypt(key: &LessSafeKey, nonce: [u8; NONCE], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
    let mut sealed = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed)
        .map_err(|_| Error::Content("it cannot be encrypted"))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn decrypt(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let failed = || Error::Content("it does not open with its key");
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE).ok_or_else(failed)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| failed())?;
    let mut plain = Zeroizing::new(ciphertext.to_vec());
    let opened = key.open_in_place(nonce, Aad::from(aad), &mut plain).map_err(|_| failed())?;
    Ok(opened.to_vec())
}

/// One part of a sealed text. Each part is preceded by its length, so that no byte can move from one into another.
#[derive(Clone, Copy)]
pub(crate) enum Part<'a> {
    Bytes(&'a [u8]),
    Number(i64),
}

/// The bytes that a seal covers.
fn sealed_bytes(domain: &[u8], parts: &[Part<'_>]) -> Vec<u8> {
    let mut out = domain.to_vec();
    for part in parts {
        match part {
            Part::Bytes(bytes) => {
                out.extend(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
                out.extend(*bytes);
            }
            Part::Number(number) => out.extend(number.to_be_bytes()),
        }
    }
    out
}
