//! What can be wrong with an entry or receipt. A [`Break`] stops the journal: nothing of the entry is held. A [`Lie`]
//! leaves the chain whole: the entry is held and refused. Neither ever shows content.

use renkei_proto::options::v1::Reason;

use crate::key::KeyError;

/// Why a journal stops at a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// The header, fact or receipt does not decode, breaks a rule of the contract or holds what this version does not
    /// know.
    #[error("number {seq} is not understood: {what}")]
    NotUnderstood {
        /// The number.
        seq: u64,
        /// The part and the rule.
        what: String,
    },
    /// The header belongs to another author, incarnation or agreement.
    #[error("number {seq} differs from its journal in {field}")]
    AuthorDiffers {
        /// The number.
        seq: u64,
        /// The header's field.
        field: &'static str,
    },
    /// The key is known, but the signature is not one of this key over these bytes.
    #[error("number {seq} has no valid signature of key {key_id}")]
    BadSignature {
        /// The number.
        seq: u64,
        /// The key beside the signature.
        key_id: String,
    },
    /// The key is unknown, not yet added or revoked at this number.
    #[error("number {seq} is signed with key {key_id}, which does not hold there")]
    KeyUnknown {
        /// The number.
        seq: u64,
        /// The key beside the signature; `?` when that is no key id.
        key_id: String,
    },
    /// A key fact contradicts the keys that are known.
    #[error("number {seq} changes keys in a way that contradicts the known ones")]
    KeyContradicts {
        /// The number.
        seq: u64,
        /// What contradicts.
        source: KeyError,
    },
    /// The entry does not hang on the one before.
    #[error("number {seq} does not follow the entry before: {field}")]
    ChainBroken {
        /// The number.
        seq: u64,
        /// The header's field.
        field: &'static str,
    },
    /// A number or time fell, or was given twice.
    #[error("number {seq} is out of order: {field}")]
    OrderBroken {
        /// The number.
        seq: u64,
        /// The header's field.
        field: &'static str,
    },
    /// A later entry came.
    #[error("number {seq} is missing: {came} came")]
    Gap {
        /// The number that is missing.
        seq: u64,
        /// The number that came.
        came: u64,
    },
}

impl Break {
    /// The number at which the journal stops; 0 when a single entry or receipt was looked at whose number cannot be
    /// read.
    #[must_use]
    pub fn seq(&self) -> u64 {
        match self {
            Self::NotUnderstood { seq, .. }
            | Self::AuthorDiffers { seq, .. }
            | Self::BadSignature { seq, .. }
            | Self::KeyUnknown { seq, .. }
            | Self::KeyContradicts { seq, .. }
            | Self::ChainBroken { seq, .. }
            | Self::OrderBroken { seq, .. }
            | Self::Gap { seq, .. } => *seq,
        }
    }

    /// The same at the number whose place the entry took. A header that does not verify proves no number of its own.
    #[must_use]
    pub fn at(mut self, place: u64) -> Self {
        match &mut self {
            Self::NotUnderstood { seq, .. }
            | Self::AuthorDiffers { seq, .. }
            | Self::BadSignature { seq, .. }
            | Self::KeyUnknown { seq, .. }
            | Self::KeyContradicts { seq, .. }
            | Self::ChainBroken { seq, .. }
            | Self::OrderBroken { seq, .. }
            | Self::Gap { seq, .. } => *seq = place,
        }
        self
    }

    /// The reason in the contract.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::NotUnderstood { .. } => Reason::NotUnderstood,
            Self::AuthorDiffers { .. } => Reason::AuthorDiffers,
            Self::BadSignature { .. } => Reason::BadSignature,
            Self::KeyUnknown { .. } | Self::KeyContradicts { .. } => Reason::KeyUnknown,
            Self::ChainBroken { .. } => Reason::ChainBroken,
            Self::OrderBroken { .. } => Reason::OrderBroken,
            Self::Gap { .. } => Reason::Gap,
        }
    }
}

/// Why a well signed and chained entry is refused for what stands beside its header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lie {
    /// The fact is not the one that the header commits to or names.
    #[error("the fact of number {seq} differs from its header: {field}")]
    FactDiffers {
        /// The number.
        seq: u64,
        /// The header's field.
        field: &'static str,
    },
    /// The content is not the one that the header commits to.
    #[error("the content of number {seq} differs from its header: {field}")]
    ContentDiffers {
        /// The number.
        seq: u64,
        /// The header's field, or the salt.
        field: &'static str,
    },
}

impl Lie {
    /// The number of the entry.
    #[must_use]
    pub fn seq(&self) -> u64 {
        match self {
            Self::FactDiffers { seq, .. } | Self::ContentDiffers { seq, .. } => *seq,
        }
    }

    /// The reason in the contract.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::FactDiffers { .. } => Reason::FactDiffers,
            Self::ContentDiffers { .. } => Reason::ContentDiffers,
        }
    }
}

/// What is wrong with the body of an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The journal stops.
    #[error(transparent)]
    Stop(#[from] Break),
    /// The entry is refused.
    #[error(transparent)]
    Refuse(#[from] Lie),
}
