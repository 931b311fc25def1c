//! Own entries that a recovery set aside.

use renkei_journal::Commitment;
use renkei_proto::journal::v1::{Fact, Header, SaltedContent};

/// An own entry that was set aside and is judged again.
#[derive(Clone)]
pub struct SetAside {
    /// The id of the entry, which it keeps.
    pub entry_id: String,
    /// The number that the entry had.
    pub seq: u64,
    /// The name of its matter.
    pub matter: String,
    /// The decoded fact of the entry.
    pub fact: Fact,
    /// The encoded texts; `None` if there are none, or if they were erased.
    pub content: Option<Vec<u8>>,
    /// The commitment to the texts, if there are any.
    pub commitment: Option<Commitment>,
    /// The number of the peer's entry that it answered.
    pub answers: u64,
    /// The unit that acted.
    pub unit: String,
    /// The trace context of the call that led to it.
    pub traceparent: String,
    /// The reason for which it was refused when it was judged again; empty before. An official must examine it.
    pub reason: String,
}

impl SetAside {
    /// An own entry that is set aside.
    pub fn of(header: Header, fact: Fact, content: Option<SaltedContent>) -> Self {
        let Header { entry_id, seq, matter, answers, unit, traceparent, content_commitment, content_size, .. } = header;
        let content = content.map(|salted| salted.content);
        let has_texts = !content_commitment.is_empty();
        let commitment = has_texts.then_some(Commitment { digest: content_commitment, size: content_size });
        Self { entry_id, seq, matter, fact, content, commitment, answers, unit, traceparent, reason: String::new() }
    }
}
