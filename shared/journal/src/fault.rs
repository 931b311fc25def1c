//! Defects of entries and receipts. A [`Break`] stops the journal: no part of the entry is stored. A [`Lie`] leaves the
//! chain intact: the entry is stored and refused. Neither ever shows content.

use renkei_proto::options::v1::Reason;

use crate::key::KeyError;

/// The defects that stop a journal at a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// The header, fact or receipt does not decode, breaks a rule of the contract, or contains something that this
    /// version does not know.
    #[error("number {seq} is not understood: {what}")]
    NotUnderstood {
        /// The number at which the journal stops.
        seq: u64,
        /// The part and the rule, such as `header.matter: required`.
        what: String,
    },
    /// The header belongs to another author, incarnation or agreement.
    #[error("number {seq} differs from its journal in {field}")]
    AuthorDiffers {
        /// The number at which the journal stops.
        seq: u64,
        /// The header's field that differs.
        field: &'static str,
    },
    /// The key is known, but this signature over these bytes was not made with it.
    #[error("number {seq} has no valid signature of key {key_id}")]
    BadSignature {
        /// The number at which the journal stops.
        seq: u64,
        /// The id of the key that the entry names.
        key_id: String,
    },
    /// The key is unknown, not yet added or revoked at this number.
    #[error("number {seq} is signed with key {key_id}, which is not in force there")]
    KeyUnknown {
        /// The number at which the journal stops.
        seq: u64,
        /// The id of the key that the entry names; `?` if it does not have the form of a key id.
        key_id: String,
    },
    /// A key fact contradicts the keys that are known.
    #[error("number {seq} changes keys in a way that contradicts the known ones")]
    KeyContradicts {
        /// The number of the entry with the key fact.
        seq: u64,
        /// The contradiction between the fact and the known keys.
        source: KeyError,
    },
    /// The entry is not chained to the previous one.
    #[error("number {seq} does not follow the entry before: {field}")]
    ChainBroken {
        /// The number at which the journal stops.
        seq: u64,
        /// The header's field that differs: `prev_hash`, `matter` or `matter_prev`.
        field: &'static str,
    },
    /// A number or time decreases, or a number is used twice.
    #[error("number {seq} is out of order: {field}")]
    OrderBroken {
        /// The number at which the journal stops.
        seq: u64,
        /// The header's field that decreases.
        field: &'static str,
    },
    /// One or more entries are missing before this one.
    #[error("number {seq} is missing: {came} came")]
    Gap {
        /// The first missing number.
        seq: u64,
        /// The number of the entry that arrived.
        came: u64,
    },
}

impl Break {
    /// The number at which the journal stops; 0 if a single entry or receipt was examined and its number cannot be
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

    /// The same defect at the number whose place the entry had. A header that does not verify proves no number of its
    /// own.
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

    /// The reason of the contract under which the stop is reported.
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

/// The defects for which an entry is refused although its signature and chain are valid: they lie outside the header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lie {
    /// The fact is not the one to which the header commits, or not of the kind that the header names.
    #[error("the fact of number {seq} differs from its header: {field}")]
    FactDiffers {
        /// The number of the entry.
        seq: u64,
        /// The header's field that the fact contradicts.
        field: &'static str,
    },
    /// The content is not the one to which the header commits.
    #[error("the content of number {seq} differs from its header: {field}")]
    ContentDiffers {
        /// The number of the entry.
        seq: u64,
        /// The header's field that the content contradicts, or `salt`.
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

    /// The reason of the contract under which the entry is refused.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::FactDiffers { .. } => Reason::FactDiffers,
            Self::ContentDiffers { .. } => Reason::ContentDiffers,
        }
    }
}

/// A defect of an entry's body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A defect that stops the journal.
    #[error(transparent)]
    Stop(#[from] Break),
    /// A defect for which the entry is refused.
    #[error(transparent)]
    Refuse(#[from] Lie),
}
