//! The heads of the three journals, which every batch reads and moves.

use renkei_domain::{moment::micros, page::Journal};
use renkei_journal::{Hash, Head, Previous};
use renkei_proto::{journal::v1::Header, options::v1::Reason, r#type::v1::Agency};

use crate::agreements::Agreements;

/// The head of one journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalHead {
    /// The number of the last entry; 0 if the journal is empty.
    pub seq: u64,
    /// The hash of that entry's header.
    pub hash: Hash,
    /// The time at which it was written, in microseconds since 1970.
    pub written_us: i64,
    /// The highest number of the other journal that its author then had.
    pub seen_peer_seq: u64,
    /// The author's incarnation, from 1.
    pub incarnation: u32,
    /// Own journal: the number up to which the peer has signed for it.
    pub receipted: u64,
    /// Own journal: the head of the peer's journal when the peer signed.
    pub receipted_own: u64,
    /// Own journal: the time at which the peer signed, in microseconds since 1970.
    pub receipted_us: i64,
    /// The number at which the journal is stopped: the peer's here, the own one at the peer. 0 if it is not.
    pub stop_seq: u64,
    /// The reason for the stop.
    pub stop_reason: Reason,
    /// Own journal: the number up to which it is known to have been written, while some of these entries are missing
    /// here. Private journal: a number above 0 after a loss, until an operator has confirmed who is barred.
    pub recover_to: u64,
}

impl Default for JournalHead {
    /// The head of an empty journal.
    fn default() -> Self {
        Self {
            seq: 0,
            hash: Hash::default(),
            written_us: 0,
            seen_peer_seq: 0,
            incarnation: 1,
            receipted: 0,
            receipted_own: 0,
            receipted_us: 0,
            stop_seq: 0,
            stop_reason: Reason::Unspecified,
            recover_to: 0,
        }
    }
}

impl JournalHead {
    /// The place of the head in the chain.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    /// Goes back to a stored entry, or to the beginning if there is none.
    pub fn back_to(&mut self, last: Option<(&Header, Hash)>) {
        let header = last.map(|(header, _)| header);
        self.seq = header.map_or(0, |header| header.seq);
        self.hash = last.map_or_else(Hash::default, |(_, hash)| hash);
        self.written_us = header.map_or(0, |header| micros(header.written_at.as_ref()));
        self.seen_peer_seq = header.map_or(0, |header| header.seen_peer_seq);
        self.incarnation = header.map_or(1, |header| header.incarnation);
    }
}

/// The heads of the three journals and the counters of the own row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// The own journal.
    pub own: JournalHead,
    /// The peer's journal, as far as it is stored here.
    pub peer: JournalHead,
    /// The private journal.
    pub private: JournalHead,
    /// The last turn: entries of all three journals and events are counted together, in the order in which they came.
    pub turn: u64,
    /// The number of commits that led to these heads. Heads with the same number are the same.
    pub commits: u64,
}

impl Heads {
    /// True if entries are missing here that the peer has to give back: own ones, or entries of the peer that own ones
    /// have seen.
    pub fn recovering(&self) -> bool {
        self.own.recover_to > 0 || self.lacks_seen()
    }

    /// True if own entries have seen more of the peer's journal than is stored here.
    pub fn lacks_seen(&self) -> bool {
        self.peer.seq < self.own.seen_peer_seq
    }

    /// True if a loss is known and no operator has confirmed since then who is barred. The private journal exists
    /// nowhere else, so a bar may be lost without a trace.
    pub fn is_bar_list_open(&self) -> bool {
        self.private.recover_to > 0
    }

    /// The number of own entries that wait for the peer's receipt.
    pub fn backlog(&self) -> u64 {
        self.own.seq.saturating_sub(self.own.receipted)
    }

    /// The number of the oldest own entry that waits for the peer's receipt.
    pub fn oldest_waiting(&self) -> Option<u64> {
        (self.backlog() > 0).then_some(self.own.receipted + 1)
    }

    /// True if these heads are later than others.
    pub fn is_after(&self, other: &Self) -> bool {
        self.commits > other.commits
    }

    /// True if the journals are the same. A commit may add nothing to them, but a record of a call.
    pub fn has_same_journals(&self, other: &Self) -> bool {
        *self == Self { commits: self.commits, ..other.clone() }
    }

    /// The state with which the next entry of a journal is compared.
    pub fn previous(&self, own: Agency, journal: Journal, agreements: &Agreements) -> Previous {
        let head = self.of(own, journal);
        let start = agreements.start(own, journal);
        if head.seq == 0 {
            return Previous { incarnation: head.incarnation, ..start };
        }
        Previous {
            head: head.head(),
            written_us: head.written_us,
            seen_peer_seq: head.seen_peer_seq,
            incarnation: head.incarnation,
            ..start
        }
    }

    /// The head of a journal.
    pub fn of(&self, own: Agency, journal: Journal) -> &JournalHead {
        match journal {
            Journal::Private => &self.private,
            Journal::Of(agency) if agency == own => &self.own,
            Journal::Of(_) => &self.peer,
        }
    }

    /// The head of a journal, to be moved.
    pub fn of_mut(&mut self, own: Agency, journal: Journal) -> &mut JournalHead {
        match journal {
            Journal::Private => &mut self.private,
            Journal::Of(agency) if agency == own => &mut self.own,
            Journal::Of(_) => &mut self.peer,
        }
    }

    /// Moves the head of a journal to its new last entry.
    pub fn advance(&mut self, own: Agency, journal: Journal, header: &Header, hash: Hash) {
        let head = self.of_mut(own, journal);
        head.seq = header.seq;
        head.hash = hash;
        head.written_us = micros(header.written_at.as_ref());
        head.seen_peer_seq = header.seen_peer_seq;
        head.incarnation = header.incarnation;
        if journal == Journal::Private {
            head.incarnation = 1;
        }
    }

    /// The time of the last entry of the own and the private journal, in microseconds since 1970: no later one is dated
    /// before it.
    pub fn last_us(&self) -> i64 {
        self.own.written_us.max(self.private.written_us)
    }
}
