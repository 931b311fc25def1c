//! Verifying one entry. The signature needs no chain and can be verified in parallel; the chain compares with the entry
//! before; the body is measured by the header.

use prost::Message as _;
use renkei_proto::{
    FactKind,
    journal::v1::{Entry, Fact, Header, SignedHeader},
};

use crate::{
    canonical::{PART_LIMIT, read},
    chain::{Previous, verify_chain},
    entry::{is_header_signed, reopens_as},
    fault::{Break, Fault, Lie},
    hash::{Hash, content_commitment, fact_hash, header_hash},
    keys::PublicKeys,
};

/// A header that was understood and whose signature was verified. Only [`verify_signature`] makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    header: Header,
    hash: Hash,
}

impl Opened {
    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The hash of the header's bytes as they came.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// What the next entry is measured by.
    #[must_use]
    pub fn previous(&self) -> Previous {
        Previous::after(&self.header, self.hash)
    }

    /// The header itself.
    #[must_use]
    pub fn into_header(self) -> Header {
        self.header
    }
}

/// A fact that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Understood {
    /// Its kind.
    pub kind: FactKind,
    /// The fact; its `fact` is set.
    pub fact: Fact,
}

/// A verified entry: what its author said, whether or not it lies in its body.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The header.
    pub header: Header,
    /// The hash of the header's bytes as they came.
    pub hash: Hash,
    /// The fact that the header commits to.
    pub fact: Result<Understood, Lie>,
    /// The content, present or erased, is the one that the header commits to.
    pub content: Result<(), Lie>,
}

impl Verified {
    /// Why the entry is refused for its body; of two lies that of the fact.
    #[must_use]
    pub fn lie(&self) -> Option<&Lie> {
        self.fact.as_ref().err().or(self.content.as_ref().err())
    }

    /// The kind of the fact, when it is the one that the header commits to.
    #[must_use]
    pub fn kind(&self) -> Option<FactKind> {
        self.fact.as_ref().ok().map(|understood| understood.kind)
    }

    /// What the next entry is measured by.
    #[must_use]
    pub fn previous(&self) -> Previous {
        Previous::after(&self.header, self.hash)
    }
}

/// Verifies an entry as the next one of its journal: signature, chain, body, in this order.
///
/// A key fact holds from the next entry on: the caller hands it to [`PublicKeys::apply`].
///
/// # Errors
/// [`Break`] at the number of the next entry.
pub fn verify(entry: &Entry, previous: &Previous, keys: &PublicKeys) -> Result<Verified, Break> {
    let place = previous.next_seq();
    let opened = verify_signature(entry, keys).map_err(|broken| broken.at(place))?;
    verify_chain(&opened, previous)?;
    let fact = match check_fact(entry, &opened) {
        Ok(understood) => Ok(understood),
        Err(Fault::Refuse(lie)) => Err(lie),
        Err(Fault::Stop(broken)) => return Err(broken),
    };
    let content = check_content(entry, &opened);
    Ok(Verified { header: opened.header, hash: opened.hash, fact, content })
}

/// Verifies what needs no chain: the header is understood, its key holds at its number, the signature is the key's.
///
/// # Errors
/// [`Break::NotUnderstood`], [`Break::KeyUnknown`] or [`Break::BadSignature`], with the number that the header names, or
/// 0 when none can be read.
pub fn verify_signature(entry: &Entry, keys: &PublicKeys) -> Result<Opened, Break> {
    let opened = open(&entry.header)?;
    let seq = opened.header.seq;
    let public_key = keys.find(&entry.key_id, seq, seq)?;
    signed_by(entry, public_key, seq)?;
    Ok(opened)
}

/// Verifies a header that represents its whole entry, as [`verify_signature`] does for an entry.
///
/// # Errors
/// As [`verify_signature`].
pub fn verify_header(signed: &SignedHeader, keys: &PublicKeys) -> Result<Opened, Break> {
    let SignedHeader { header, key_id, signature } = signed.clone();
    verify_signature(&Entry { header, key_id, signature, ..Entry::default() }, keys)
}

/// Whether one of the author's keys signed the header's bytes, whatever they are. A header that this version does not
/// understand names no number that a key could be judged at.
#[must_use]
pub fn is_signed_by_author(entry: &Entry, keys: &PublicKeys) -> bool {
    keys.any(&entry.key_id).is_some_and(|public_key| is_header_signed(public_key, &entry.header, &entry.signature))
}

/// Measures fact and content by the header. Content that is absent though committed to was erased, which is fine.
///
/// # Errors
/// As [`check_fact`], then as [`check_content`].
pub fn check_body(entry: &Entry, opened: &Opened) -> Result<Understood, Fault> {
    let understood = check_fact(entry, opened)?;
    check_content(entry, opened)?;
    Ok(understood)
}

/// Measures the fact by the header.
///
/// # Errors
/// [`Lie::FactDiffers`] when it is not the fact that the header commits to or not of the kind that the header names.
/// [`Break::NotUnderstood`] when the header commits to it but this version does not know it; [`Break::AuthorDiffers`]
/// when it reopens the journal as another incarnation than the header's.
pub fn check_fact(entry: &Entry, opened: &Opened) -> Result<Understood, Fault> {
    let header = &opened.header;
    let seq = header.seq;
    if header.fact_sha256 != fact_hash(&entry.fact) {
        return Err(Lie::FactDiffers { seq, field: "fact_sha256" }.into());
    }
    let not_understood = |what| Break::NotUnderstood { seq, what };
    let fact: Fact = read(&entry.fact, PART_LIMIT, "fact").map_err(not_understood)?;
    let kind = fact.fact.as_ref().map(FactKind::of).ok_or_else(|| not_understood("fact.fact: required".into()))?;
    if header.fact_type != kind.name() {
        return Err(Lie::FactDiffers { seq, field: "fact_type" }.into());
    }
    reopens_as(&fact, header)?;
    Ok(Understood { kind, fact })
}

/// Measures the content by the header: present and as committed to, or absent.
///
/// # Errors
/// [`Lie::ContentDiffers`].
pub fn check_content(entry: &Entry, opened: &Opened) -> Result<(), Lie> {
    let header = &opened.header;
    let differs = |field| Err(Lie::ContentDiffers { seq: header.seq, field });
    let commitment = header.content_commitment.as_slice();
    if !matches!(commitment.len(), 0 | 32) {
        return differs("content_commitment");
    }
    let Some(salted) = &entry.content else {
        return if commitment.is_empty() && header.content_size != 0 { differs("content_size") } else { Ok(()) };
    };
    if commitment.is_empty() {
        return differs("content_commitment");
    }
    if u64::try_from(salted.content.len()) != Ok(header.content_size) {
        return differs("content_size");
    }
    let Ok(salt) = salted.salt.as_slice().try_into() else { return differs("salt") };
    if commitment != content_commitment(salt, &salted.content) {
        return differs("content_commitment");
    }
    Ok(())
}

/// Reads the header without looking at the signature.
pub(crate) fn open(bytes: &[u8]) -> Result<Opened, Break> {
    let header = read(bytes, PART_LIMIT, "header").map_err(|what| {
        let seq = Header::decode(bytes).map_or(0, |header| header.seq);
        Break::NotUnderstood { seq, what }
    })?;
    Ok(Opened { header, hash: header_hash(bytes) })
}

/// The signature is this key's.
pub(crate) fn signed_by(entry: &Entry, public_key: &[u8; 32], seq: u64) -> Result<(), Break> {
    if is_header_signed(public_key, &entry.header, &entry.signature) {
        Ok(())
    } else {
        Err(Break::BadSignature { seq, key_id: entry.key_id.clone() })
    }
}
