//! The chain of headers: each entry names the hash of the one before.

use std::sync::Arc;

use renkei_proto::{FactKind, journal::v1::Header, r#type::v1::Agency};

use crate::{fault::Break, hash::Hash};

/// The versions of the agreement that the entries of a journal may name, each with the first instant at which it applies,
/// in microseconds since 1970. Clones share them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreements {
    first: Hash,
    later: Arc<[(i64, Hash)]>,
}

impl Agreements {
    /// The first version, which applies from the beginning, and the later ones in the order of their instants.
    #[must_use]
    pub fn new(first: Hash, later: impl IntoIterator<Item = (i64, Hash)>) -> Self {
        Self { first, later: later.into_iter().collect() }
    }

    /// The version that applies at an instant: the one that a new entry names.
    #[must_use]
    pub fn at(&self, written_us: i64) -> Hash {
        let begun = self.later.iter().rfind(|(from_us, _)| *from_us <= written_us);
        begun.map_or(self.first, |(_, sha256)| *sha256)
    }

    /// True if an entry of this instant may name the digest: that of any version which had begun to apply. An author
    /// whose program does not have a later version yet goes on under the one before.
    #[must_use]
    pub fn permit(&self, sha256: &[u8], written_us: i64) -> bool {
        let mut begun = self.later.iter().filter(|(from_us, _)| *from_us <= written_us);
        self.first == sha256 || begun.any(|(_, later)| later == sha256)
    }
}

impl From<Hash> for Agreements {
    /// A single version.
    fn from(sha256: Hash) -> Self {
        Self::new(sha256, [])
    }
}

/// The last entry of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the last entry; 0 in an empty journal.
    pub seq: u64,
    /// The hash of the last entry's header; zeros in an empty journal.
    pub hash: Hash,
}

impl Head {
    /// The head of an empty journal.
    pub const EMPTY: Self = Self { seq: 0, hash: [0; 32] };
}

/// The last entry of a journal, with everything that the next entry is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// The number and hash of the last entry.
    pub head: Head,
    /// The time of writing, in microseconds since 1970-01-01T00:00:00Z.
    pub written_us: i64,
    /// The highest number of the peer's journal that the author had stored.
    pub seen_peer_seq: u64,
    /// The agency that writes the journal.
    pub author: Agency,
    /// The author's incarnation, from 1; it grows with each recovery.
    pub incarnation: u32,
    /// The versions of the agreement, by the SHA-256 of their texts as data.
    pub agreements: Agreements,
}

impl Previous {
    /// The state before the first entry of a journal.
    #[must_use]
    pub fn start(author: Agency, agreements: impl Into<Agreements>) -> Self {
        let agreements = agreements.into();
        Self { head: Head::EMPTY, written_us: i64::MIN, seen_peer_seq: 0, author, incarnation: 1, agreements }
    }

    /// The state after a later entry of this journal, with this header. The header was verified or made here.
    #[must_use]
    pub fn then(&self, header: &Header, hash: Hash) -> Self {
        Self {
            head: Head { seq: header.seq, hash },
            written_us: written_us(header),
            seen_peer_seq: header.seen_peer_seq,
            author: header.author(),
            incarnation: header.incarnation,
            agreements: self.agreements.clone(),
        }
    }

    /// The number of the next entry: one more than that of the last.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.head.seq.saturating_add(1)
    }
}

/// The time at which an entry was written, in whole microseconds since 1970-01-01T00:00:00Z, rounded down.
#[must_use]
pub fn written_us(header: &Header) -> i64 {
    header
        .written_at
        .as_ref()
        .map_or(0, |at| at.seconds.saturating_mul(1_000_000).saturating_add(i64::from(at.nanos) / 1000))
}

/// Does the work of [`verify_chain`], also for an entry that is being made.
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

/// Checks that the author is that of the journal, and that the entry names a version of the agreement that had begun.
pub(crate) fn same_journal(header: &Header, previous: &Previous, seq: u64) -> Result<(), Break> {
    if header.author != i32::from(previous.author) {
        return Err(Break::AuthorDiffers { seq, field: "author" });
    }
    if !previous.agreements.permit(&header.agreement_sha256, written_us(header)) {
        return Err(Break::AuthorDiffers { seq, field: "agreement_sha256" });
    }
    Ok(())
}

/// Checks that neither the time nor the seen number of the peer's journal decreases. An author that reopens its journal
/// after a loss starts with the part of the peer's journal that it now has, which may be less than its entries before
/// the loss had seen.
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

/// The incarnation of the next entry: one more if it reopens the journal. `None` if the last incarnation was the
/// highest.
pub(crate) fn incarnation(previous: &Previous, fact_type: &str) -> Option<u32> {
    let reopens = fact_type == FactKind::JournalReopened.name();
    previous.incarnation.checked_add(u32::from(reopens))
}
