//! Verification of one entry. The signature needs no chain and can be verified in parallel; the chain is compared with
//! the previous entry; the body is compared with the header.

use prost::Message as _;
use renkei_proto::{
    FactKind,
    journal::v1::{Entry, Fact, Header, SignedHeader},
};

use crate::{
    canonical::{PART_LIMIT, read},
    chain::{Previous, follows},
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
    /// The header, whose signature is valid.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The SHA-256 hash of the header's bytes as they came.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The state of the journal after this entry.
    #[must_use]
    pub fn previous(&self, last: &Previous) -> Previous {
        last.then(&self.header, self.hash)
    }

    /// Gives up the hash and returns the header.
    #[must_use]
    pub fn into_header(self) -> Header {
        self.header
    }
}

/// A fact that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Understood {
    /// The kind that the oneof field names.
    pub kind: FactKind,
    /// The decoded fact; its `fact` is set.
    pub fact: Fact,
}

/// A verified entry: the statement of its author, even if its body contradicts its header.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The header, whose signature and chain are valid.
    pub header: Header,
    /// The SHA-256 hash of the header's bytes as they came.
    pub hash: Hash,
    /// The fact to which the header commits, or the defect.
    pub fact: Result<Understood, Lie>,
    /// `Ok` if the content, present or erased, is the one to which the header commits.
    pub content: Result<(), Lie>,
}

impl Verified {
    /// The defect for which the entry is refused; that of the fact comes first.
    #[must_use]
    pub fn lie(&self) -> Option<&Lie> {
        self.fact.as_ref().err().or(self.content.as_ref().err())
    }

    /// The kind of the fact, if it is the one to which the header commits.
    #[must_use]
    pub fn kind(&self) -> Option<FactKind> {
        self.fact.as_ref().ok().map(|understood| understood.kind)
    }

    /// The state of the journal after this entry.
    #[must_use]
    pub fn previous(&self, last: &Previous) -> Previous {
        last.then(&self.header, self.hash)
    }
}

/// Verifies an entry as the next one of its journal: signature, chain, body, in this order.
///
/// A key fact is in force from the next entry on: the caller passes it to [`PublicKeys::apply`].
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

/// Checks that the entry is the next one of this journal.
///
/// A number that was used before is [`Break::OrderBroken`] in `seq`. Only a caller that has stored the entry of that
/// number can distinguish a repeat from a fork, and checks this first.
///
/// # Errors
/// In this order: [`Break::AuthorDiffers`] (author, agreement), [`Break::OrderBroken`] or [`Break::Gap`] (number),
/// [`Break::AuthorDiffers`] (incarnation), [`Break::ChainBroken`], [`Break::OrderBroken`] (time, peer's number). All
/// name the number of the next entry.
pub fn verify_chain(opened: &Opened, previous: &Previous) -> Result<(), Break> {
    follows(opened.header(), previous)
}

/// Verifies the part that needs no chain: the header is understood, its key is in force at its number, and the
/// signature was made with that key.
///
/// # Errors
/// [`Break::NotUnderstood`], [`Break::KeyUnknown`] or [`Break::BadSignature`], with the number that the header names,
/// or 0 if none can be read.
pub fn verify_signature(entry: &Entry, keys: &PublicKeys) -> Result<Opened, Break> {
    let opened = open(&entry.header)?;
    let seq = opened.header.seq;
    let public_key = keys.find(&entry.key_id, seq, seq)?;
    signed_by(entry, public_key, seq)?;
    Ok(opened)
}

/// Verifies a header that represents its whole entry, by the rules of [`verify_signature`].
///
/// # Errors
/// As [`verify_signature`].
pub fn verify_header(signed: &SignedHeader, keys: &PublicKeys) -> Result<Opened, Break> {
    let SignedHeader { header, key_id, signature } = signed.clone();
    verify_signature(&Entry { header, key_id, signature, ..Entry::default() }, keys)
}

/// True if one of the author's keys signed the header's bytes, whatever they are. A header that this version does not
/// understand names no number at which a key could be judged, so revoked keys count too.
#[must_use]
pub fn is_signed_by_author(entry: &Entry, keys: &PublicKeys) -> bool {
    keys.any(&entry.key_id).is_some_and(|public_key| is_header_signed(public_key, &entry.header, &entry.signature))
}

/// Compares fact and content with the header. Content may be absent although the header commits to it: then it was
/// erased.
///
/// # Errors
/// As [`check_fact`], then as [`check_content`].
pub fn check_body(entry: &Entry, opened: &Opened) -> Result<Understood, Fault> {
    let understood = check_fact(entry, opened)?;
    check_content(entry, opened)?;
    Ok(understood)
}

/// Compares the fact with the header.
///
/// # Errors
/// [`Lie::FactDiffers`] if the header commits to another fact or names another kind. [`Break::NotUnderstood`] if the
/// header commits to the fact but this version does not know it; [`Break::AuthorDiffers`] if the fact reopens the
/// journal as another incarnation than the header's.
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

/// Compares the content with the header: it is absent, or the one to which the header commits.
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

/// Reads the header without verifying the signature.
pub(crate) fn open(bytes: &[u8]) -> Result<Opened, Break> {
    let header = read(bytes, PART_LIMIT, "header").map_err(|what| {
        let seq = Header::decode(bytes).map_or(0, |header| header.seq);
        Break::NotUnderstood { seq, what }
    })?;
    Ok(Opened { header, hash: header_hash(bytes) })
}

/// Checks that the signature was made with this key.
pub(crate) fn signed_by(entry: &Entry, public_key: &[u8; 32], seq: u64) -> Result<(), Break> {
    if is_header_signed(public_key, &entry.header, &entry.signature) {
        Ok(())
    } else {
        Err(Break::BadSignature { seq, key_id: entry.key_id.clone() })
    }
}
