//! Signed, chained entries, receipts and their offline proof. Bytes in, bytes out: no IO, clock or randomness.
//!
//! | Value | Definition |
//! |---|---|
//! | header hash | SHA-256 (FIPS 180-4) of the header's bytes |
//! | `prev_hash` | header hash of the journal's previous entry; 32 zero bytes for the first |
//! | `matter_prev` | header hash of the author's previous entry in this matter; 32 zero bytes for the first |
//! | `fact_sha256` | SHA-256 of the fact's bytes |
//! | `content_commitment` | SHA-256 of salt (32 bytes) and content; empty when there is no content |
//! | entry's signature | Ed25519 (RFC 8032) over `renkei header v1`, one zero byte, and the header's bytes |
//! | receipt's signature | Ed25519 over `renkei receipt v1`, one zero byte, and the receipt's bytes |
//! | stop's signature | Ed25519 over `renkei stop v1`, one zero byte, and the stop's bytes |
//! | audit hash | SHA-256 of `renkei audit v1`, one zero byte, the previous hash and the record's bytes |
//!
//! A header, fact or receipt is understood only if its bytes decode, obey every rule of the contract, and are exactly
//! the bytes that encoding gives again: fields in the order of their numbers, default values left out, shortest
//! varints, no unknown fields. Bytes are hashed and kept as they came. `tests/vectors.txt` contains all this in hex for
//! other languages.
//!
//! An author writes with [`chain`] and [`Chained::sign`]. A receiver verifies with [`verify`], or with its parts:
//! [`verify_signature`] (which needs no chain, so [`in_parallel`] spreads a batch over all processors),
//! [`verify_chain`] and [`check_body`]. [`verify_all`] proves a whole journal, and [`verify_matter`] the export of one
//! matter.
//!
//! A defect is a [`Break`] (the journal stops) or a [`Lie`] (the entry is stored and refused). Some properties need the
//! other journal or the pages and are judged elsewhere: forks, `seen_peer_seq` against the own head, `entry_id`,
//! `answers`, `methods_version`, blobs, direction, state, and the form of contents.

mod audit;
mod canonical;
mod chain;
mod entry;
mod fault;
mod hash;
mod journal;
mod key;
mod keys;
mod matter;
mod parallel;
mod pem;
mod receipt;
mod stop;
mod verify;

pub use audit::audit_hash;
pub use chain::{Agreements, Head, Previous, written_us};
pub use entry::{Chained, Commitment, Content, Draft, Unfit, chain, sign_header};
pub use fault::{Break, Fault, Lie};
pub use hash::{Hash, content_commitment, fact_hash, header_hash};
pub use journal::{Proven, verify_all};
pub use key::{KeyError, SigningKey, generate_pkcs8};
pub use keys::PublicKeys;
pub use matter::verify_matter;
pub use parallel::in_parallel;
pub use receipt::{sign_receipt, verify_receipt};
pub use stop::{sign_stop, verify_stop};
pub use verify::{
    Opened, Understood, Verified, check_body, check_content, check_fact, is_signed_by_author, verify, verify_chain,
    verify_header, verify_signature,
};
