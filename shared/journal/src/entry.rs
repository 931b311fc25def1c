//! Making an entry: chained in sequence, then signed, so the signatures of a batch can be made in parallel.

use std::fmt;

use prost::Message as _;
use renkei_proto::{
    FactKind,
    journal::v1::{BlobRef, Entry, Fact, Header, SaltedContent, fact},
};

use crate::{
    canonical::{PART_LIMIT, holds, within},
    chain::{Previous, follows, incarnation},
    fault::Break,
    hash::{Hash, content_commitment, fact_hash, header_hash},
    key::SigningKey,
};

const DOMAIN: &[u8] = b"renkei header v1\0";
/// The version of the header's format.
const VERSION: u32 = 1;

/// An entry that is not yet written. Author, incarnation, agreement, number and previous hash come from the journal.
#[derive(Clone, PartialEq)]
pub struct Draft {
    /// UUIDv7 of the entry.
    pub entry_id: String,
    /// The name of the matter, such as `agencies/ppc/adviceRequests/{uuid}`.
    pub matter: String,
    /// The hash of the author's previous header in this matter; zeros for the first.
    pub matter_prev: Hash,
    /// The typed part that rules read.
    pub fact: Fact,
    /// The encoded texts.
    pub content: Content,
    /// The time of the author's decision, in microseconds since 1970-01-01T00:00:00Z.
    pub written_us: i64,
    /// The highest number of the peer's journal that the author has stored.
    pub seen_peer_seq: u64,
    /// The number of the peer's entry that this one answers; 0 for none.
    pub answers: u64,
    /// The version of the register of agreed methods.
    pub methods_version: u64,
    /// References to attachments.
    pub blobs: Vec<BlobRef>,
    /// The unit that acted; empty for none.
    pub unit: String,
    /// W3C trace context; empty for none.
    pub traceparent: String,
}

/// The content of a draft.
#[derive(Clone, PartialEq)]
pub enum Content {
    /// The fact has no texts.
    None,
    /// The texts with their salt of 32 bytes.
    Salted(SaltedContent),
    /// The texts were erased; an earlier header has committed to them.
    Erased(Commitment),
}

/// The commitment of a header to a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// SHA-256 of salt and content.
    pub digest: Vec<u8>,
    /// The size of the content, in bytes.
    pub size: u64,
}

impl From<Option<SaltedContent>> for Content {
    fn from(content: Option<SaltedContent>) -> Self {
        content.map_or(Self::None, Self::Salted)
    }
}

impl fmt::Debug for Draft {
    /// Formats the draft without its content, so that no log contains it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("entry_id", &self.entry_id).field("matter", &self.matter).finish_non_exhaustive()
    }
}

/// The reasons for which a draft cannot become an entry. The peer would stop at such an entry, so the author never
/// writes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The header or fact breaks a rule of the contract, which is named.
    #[error("the draft breaks a rule of the contract: {0}")]
    Rule(String),
    /// The draft does not follow the last entry.
    #[error("the draft does not follow the last entry")]
    Order(#[from] Break),
}

/// An entry that has its place in the journal and is not signed yet.
#[derive(Clone, PartialEq)]
pub struct Chained {
    header: Header,
    header_bytes: Vec<u8>,
    hash: Hash,
    fact_bytes: Vec<u8>,
    content: Option<SaltedContent>,
}

impl Chained {
    /// The header, with number and previous hash.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The SHA-256 hash of the header's bytes.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The texts with their salt, if there are any.
    #[must_use]
    pub fn content(&self) -> Option<&SaltedContent> {
        self.content.as_ref()
    }

    /// The state of the journal after this entry.
    #[must_use]
    pub fn previous(&self, last: &Previous) -> Previous {
        last.then(&self.header, self.hash)
    }

    /// Signs the header and returns the entry.
    #[must_use]
    pub fn sign(self, key: &SigningKey) -> Entry {
        Entry {
            signature: sign_header(key, &self.header_bytes).to_vec(),
            key_id: key.key_id().to_owned(),
            header: self.header_bytes,
            fact: self.fact_bytes,
            content: self.content,
        }
    }
}

impl fmt::Debug for Chained {
    /// Formats the entry without its content, so that no log contains it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chained").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Gives a draft its place after the last entry. A `journal_reopened` fact raises the incarnation by one.
///
/// # Errors
/// [`Unfit`], by the same rules that the peer applies when it verifies.
pub fn chain(draft: Draft, previous: &Previous) -> Result<Chained, Unfit> {
    holds(&draft.fact, "fact").map_err(Unfit::Rule)?;
    let fact_bytes = draft.fact.encode_to_vec();
    let header = header(&draft, &fact_bytes, previous)?;
    let header_bytes = header.encode_to_vec();
    holds(&header, "header")
        .and_then(|()| within(&header_bytes, PART_LIMIT, "header"))
        .and_then(|()| within(&fact_bytes, PART_LIMIT, "fact"))
        .map_err(Unfit::Rule)?;
    follows(&header, previous)?;
    reopens_as(&draft.fact, &header)?;
    let content = match draft.content {
        Content::Salted(salted) => Some(salted),
        Content::None | Content::Erased(_) => None,
    };
    Ok(Chained { hash: header_hash(&header_bytes), header, header_bytes, fact_bytes, content })
}

/// Signs `renkei header v1`, one zero byte, and the header's bytes.
#[must_use]
pub fn sign_header(key: &SigningKey, header_bytes: &[u8]) -> [u8; 64] {
    key.sign(DOMAIN, header_bytes)
}

/// True if the signature over the header's bytes was made with this key.
pub(crate) fn is_header_signed(public_key: &[u8; 32], header_bytes: &[u8], signature: &[u8]) -> bool {
    crate::key::is_signed(public_key, DOMAIN, header_bytes, signature)
}

/// Checks that a fact that reopens the journal names the incarnation of its header.
pub(crate) fn reopens_as(fact: &Fact, header: &Header) -> Result<(), Break> {
    match &fact.fact {
        Some(fact::Fact::JournalReopened(reopened)) if reopened.incarnation != header.incarnation => {
            Err(Break::AuthorDiffers { seq: header.seq, field: "incarnation" })
        }
        _ => Ok(()),
    }
}

fn header(draft: &Draft, fact_bytes: &[u8], previous: &Previous) -> Result<Header, Unfit> {
    let kind = draft.fact.fact.as_ref().map(FactKind::of).ok_or_else(|| Unfit::Rule("fact.fact: required".into()))?;
    let incarnation = incarnation(previous, kind.name())
        .ok_or(Break::AuthorDiffers { seq: previous.next_seq(), field: "incarnation" })?;
    let (content_commitment, content_size) = commitment(&draft.content)?;
    let mut header = Header {
        version: VERSION,
        author: previous.author.into(),
        incarnation,
        seq: previous.next_seq(),
        prev_hash: previous.head.hash.to_vec(),
        matter_prev: draft.matter_prev.to_vec(),
        entry_id: draft.entry_id.clone(),
        matter: draft.matter.clone(),
        fact_type: kind.name().to_owned(),
        written_at: None,
        seen_peer_seq: draft.seen_peer_seq,
        answers: draft.answers,
        methods_version: draft.methods_version,
        fact_sha256: fact_hash(fact_bytes).to_vec(),
        content_commitment,
        content_size,
        blobs: draft.blobs.clone(),
        agreement_sha256: previous.agreements.at(draft.written_us).to_vec(),
        unit: draft.unit.clone(),
        traceparent: draft.traceparent.clone(),
    };
    let at = header.written_at.get_or_insert_default();
    at.seconds = draft.written_us.div_euclid(1_000_000);
    at.nanos = i32::try_from(draft.written_us.rem_euclid(1_000_000) * 1000).unwrap_or_default();
    Ok(header)
}

/// The commitment to the content and its size in bytes; empty and 0 if there is no content.
fn commitment(content: &Content) -> Result<(Vec<u8>, u64), Unfit> {
    let salted = match content {
        Content::None => return Ok((Vec::new(), 0)),
        Content::Erased(it) => return Ok((it.digest.clone(), it.size)),
        Content::Salted(salted) => salted,
    };
    holds(salted, "content").map_err(Unfit::Rule)?;
    let salt = salted.salt.as_slice().try_into().map_err(|_| Unfit::Rule("content.salt: bytes.len".into()))?;
    let size = u64::try_from(salted.content.len()).unwrap_or(u64::MAX);
    Ok((content_commitment(salt, &salted.content).to_vec(), size))
}
