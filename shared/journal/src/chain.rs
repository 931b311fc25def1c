//! The chain of headers: each entry names the hash of the one before.

use renkei_proto::{FactKind, journal::v1::Header, r#type::v1::Agency};

use crate::{
    fault::Break,
    hash::{Hash, hash_in},
    verify::Opened,
};

/// The last entry of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// The hash of its header.
    pub hash: Hash,
}

impl Head {
    /// The head of an empty journal.
    pub const EMPTY: Self = Self { seq: 0, hash: [0; 32] };
}

/// What the next entry of a journal is measured by: its last entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// The last entry.
    pub head: Head,
    /// When it was written, in microseconds since 1970-01-01T00:00:00Z.
    pub written_us: i64,
    /// How far its author had seen the peer's journal.
    pub seen_peer_seq: u64,
    /// Whose journal it is.
    pub author: Agency,
    /// The author's incarnation.
    pub incarnation: u32,
    /// SHA-256 of the agreement's text as data.
    pub agreement_sha256: Hash,
}

impl Previous {
    /// Before the first entry of a journal.
    #[must_use]
    pub fn start(author: Agency, agreement_sha256: Hash) -> Self {
        Self { head: Head::EMPTY, written_us: i64::MIN, seen_peer_seq: 0, author, incarnation: 1, agreement_sha256 }
    }

    /// After the entry with this header. The header was verified or made here.
    #[must_use]
    pub fn after(header: &Header, hash: Hash) -> Self {
        Self {
            head: Head { seq: header.seq, hash },
            written_us: written_us(header),
            seen_peer_seq: header.seen_peer_seq,
            author: header.author(),
            incarnation: header.incarnation,
            agreement_sha256: hash_in(&header.agreement_sha256),
        }
    }

    /// The number of the next entry.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.head.seq.saturating_add(1)
    }
}

/// When an entry was written, in whole microseconds since 1970-01-01T00:00:00Z, rounded down.
#[must_use]
pub fn written_us(header: &Header) -> i64 {
    header
        .written_at
        .as_ref()
        .map_or(0, |at| at.seconds.saturating_mul(1_000_000).saturating_add(i64::from(at.nanos) / 1000))
}

/// The entry is the next one of this journal.
///
/// A number that was given before is [`Break::OrderBroken`] in `seq`: whether it is a repeat or a fork, only who holds
/// that entry can say, and asks before.
///
/// # Errors
/// In this order: [`Break::AuthorDiffers`] (author, agreement), [`Break::OrderBroken`] or [`Break::Gap`] (number),
/// [`Break::AuthorDiffers`] (incarnation), [`Break::ChainBroken`], [`Break::OrderBroken`] (time, peer's number). All
/// name the number of the next entry.
pub fn verify_chain(opened: &Opened, previous: &Previous) -> Result<(), Break> {
    follows(opened.header(), previous)
}

/// [`verify_chain`], also for an entry that is being made.
pub(crate) fn follows(header: &Header, previous: &Previous) -> Result<(), Break> {
    let seq = previous.next_seq();
    same_journal(header, previous, seq)?;
    match header.seq.checked_sub(previous.head.seq) {
        Some(1) => {}
        None | Some(0) => return Err(Break::OrderBroken { seq, field: "seq" }),
        Some(_) => return Err(Break::Gap { seq, came: header.seq }),
    }
    if Some(header.incarnation) != incarnation(previous, &header.fact_type) {
        return Err(Break::AuthorDiffers { seq, field: "incarnation" });
    }
    if header.prev_hash != previous.head.hash {
        return Err(Break::ChainBroken { seq, field: "prev_hash" });
    }
    in_order(header, previous, seq)
}

/// Author and agreement are those of the journal.
pub(crate) fn same_journal(header: &Header, previous: &Previous, seq: u64) -> Result<(), Break> {
    if header.author != i32::from(previous.author) {
        return Err(Break::AuthorDiffers { seq, field: "author" });
    }
    if header.agreement_sha256 != previous.agreement_sha256 {
        return Err(Break::AuthorDiffers { seq, field: "agreement_sha256" });
    }
    Ok(())
}

/// Neither the time nor what was seen of the peer fell. An author that reopens its journal after a loss begins with what it
/// has of the peer's journal now, which may be less than its entries before the loss had seen.
pub(crate) fn in_order(header: &Header, previous: &Previous, seq: u64) -> Result<(), Break> {
    if written_us(header) < previous.written_us {
        return Err(Break::OrderBroken { seq, field: "written_at" });
    }
    let reopens = header.incarnation > previous.incarnation;
    if header.seen_peer_seq < previous.seen_peer_seq && !reopens {
        return Err(Break::OrderBroken { seq, field: "seen_peer_seq" });
    }
    Ok(())
}

/// The incarnation of the next entry: one more when it reopens the journal. `None` when the last was the highest.
pub(crate) fn incarnation(previous: &Previous, fact_type: &str) -> Option<u32> {
    let reopens = fact_type == FactKind::JournalReopened.name();
    previous.incarnation.checked_add(u32::from(reopens))
}
