//! Content at rest: AES-256-GCM with a key per matter, wrapped by a ring of keys whose newest encrypts.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac,
};
use zeroize::Zeroizing;

use crate::error::Error;

const NONCE: usize = 12;
/// The context from which the key of the seals is derived, so that one key of the ring never has two uses.
const SEAL: &[u8] = b"renkei seal v1";

/// The keys that wrap the matters' keys, oldest first. The newest wraps; all open.
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

    /// Wraps a new matter key. Returns the wrapped key and the id of the ring key.
    pub(crate) fn wrap(&self, matter: &str, key: &[u8; 32], nonce: [u8; 32]) -> Result<(Vec<u8>, String), Error> {
        let newest = self.0.last().ok_or(Error::Content("the key ring is empty"))?;
        Ok((encrypt(&newest.key, nonce_of(nonce), matter.as_bytes(), key)?, newest.id.clone()))
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

    /// Opens a wrapped matter key.
    pub(crate) fn unwrap(&self, matter: &str, wrapped: &[u8], id: &str) -> Result<MatterKey, Error> {
        let ring = self.0.iter().find(|key| key.id == id).ok_or(Error::Content("the ring has no such key"))?;
        let plain = Zeroizing::new(decrypt(&ring.key, matter.as_bytes(), wrapped)?);
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(
            plain.as_slice().try_into().map_err(|_| Error::Content("a matter key does not have 32 bytes"))?,
        );
        MatterKey::new(&key)
    }
}

/// The key of one matter's contents.
pub(crate) struct MatterKey(LessSafeKey);

impl MatterKey {
    pub(crate) fn new(key: &[u8; 32]) -> Result<Self, Error> {
        Ok(Self(cipher(key)?))
    }

    /// Encrypts a content. Returns the nonce and the ciphertext. `place` binds it to its entry.
    pub(crate) fn seal(&self, place: &str, nonce: [u8; 32], content: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let mut sealed = encrypt(&self.0, nonce_of(nonce), place.as_bytes(), content)?;
        let ciphertext = sealed.split_off(NONCE);
        Ok((sealed, ciphertext))
    }

    /// Decrypts a content.
    pub(crate) fn open(&self, place: &str, nonce: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, Error> {
        let sealed = [nonce, ciphertext].concat();
        decrypt(&self.0, place.as_bytes(), &sealed)
    }
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
