//! Hashes over the parts of an entry: SHA-256 (FIPS 180-4) throughout.

use aws_lc_rs::digest::{Context, SHA256};

/// A SHA-256 hash, 32 bytes.
pub type Hash = [u8; 32];

/// The hash of a header, by which the next entry and receipts refer to it.
#[must_use]
pub fn header_hash(header_bytes: &[u8]) -> Hash {
    sha256(&[header_bytes])
}

/// The hash by which a header commits to its fact.
#[must_use]
pub fn fact_hash(fact_bytes: &[u8]) -> Hash {
    sha256(&[fact_bytes])
}

/// The hash by which a header commits to content, or a blob's reference to its bytes. The salt has a fixed length, so
/// no byte can move between salt and content. Once the salt is erased, the hash reveals nothing about the content.
#[must_use]
pub fn content_commitment(salt: &[u8; 32], content: &[u8]) -> Hash {
    sha256(&[salt, content])
}

/// SHA-256 of the parts, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
