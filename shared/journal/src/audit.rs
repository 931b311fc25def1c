//! The chain of audit records. Its heads are anchored in the journal by `AuditCheckpointed`.

use crate::hash::{Hash, sha256};

const DOMAIN: &[u8] = b"renkei audit v1\0";

/// The hash of an audit record after the one with the hash `prev`; the first follows 32 zero bytes.
///
/// SHA-256 of `renkei audit v1`, one zero byte, `prev` and the record's bytes.
#[must_use]
pub fn audit_hash(prev: &Hash, record_bytes: &[u8]) -> Hash {
    sha256(&[DOMAIN, prev, record_bytes])
}
