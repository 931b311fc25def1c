//! The heads of the three journals: one row each, read and written by every batch.

use renkei_domain::{memorandum, moment::micros, page::Journal};
use renkei_journal::{Hash, Head, Previous};
use renkei_proto::{journal::v1::Header, options::v1::Reason, r#type::v1::Agency};
use sqlx::{Row as _, any::AnyRow};

use crate::{
    bulk::{Insert, Value, count},
    error::Error,
    stored::StoredEntry,
};

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

impl JournalHead {
    /// The place of the head in the chain.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    /// Goes back to a stored entry, or to the beginning if there is none.
    pub(crate) fn back_to(&mut self, last: Option<&StoredEntry>) {
        let header = last.map(|last| &last.header);
        self.seq = header.map_or(0, |header| header.seq);
        self.hash = last.map_or_else(Hash::default, |last| last.hash);
        self.written_us = header.map_or(0, |header| micros(header.written_at.as_ref()));
        self.seen_peer_seq = header.map_or(0, |header| header.seen_peer_seq);
        self.incarnation = header.map_or(1, |header| header.incarnation);
    }
}

/// The heads of the three journals and the counters of the own row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heads {
    /// The own journal.
    pub own: JournalHead,
    /// The peer's journal, as far as it is stored here.
    pub peer: JournalHead,
    /// The private journal.
    pub private: JournalHead,
    /// The number of entries of all three journals that were folded.
    pub turn: u64,
    /// The last number of the feed.
    pub feed: u64,
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

    /// Refuses acts of officials, and their reads of secret material, while records that could forbid them may be
    /// missing.
    ///
    /// # Errors
    /// `Recovering`, `BarListOpen`.
    pub fn admit_officials(&self) -> Result<(), Error> {
        match (self.recovering(), self.is_bar_list_open()) {
            (true, _) => Err(Error::Recovering),
            (_, true) => Err(Error::BarListOpen),
            _ => Ok(()),
        }
    }

    /// The number of own entries that wait for the peer's receipt.
    pub fn backlog(&self) -> u64 {
        self.own.seq.saturating_sub(self.own.receipted)
    }

    /// The number of the oldest own entry that waits for the peer's receipt.
    pub fn oldest_waiting(&self) -> Option<u64> {
        (self.backlog() > 0).then_some(self.own.receipted + 1)
    }

    /// True if these heads are known to be later than others: entries and changes are only ever added.
    pub(crate) fn is_after(&self, other: &Self) -> bool {
        self.turn >= other.turn && self.feed >= other.feed && (self.turn, self.feed) != (other.turn, other.feed)
    }

    /// The state with which the next entry of a journal is compared.
    pub fn previous(&self, own: Agency, journal: Journal) -> Previous {
        let head = self.of(own, journal);
        let start = match journal {
            Journal::Of(agency) => Previous::start(agency, memorandum::agreement_digest()),
            // The private journal is bound to another digest, so that no private entry is ever valid in the shared
            // journal.
            Journal::Private => Previous::start(own, memorandum::private_digest()),
        };
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

    pub(crate) fn of_mut(&mut self, own: Agency, journal: Journal) -> &mut JournalHead {
        match journal {
            Journal::Private => &mut self.private,
            Journal::Of(agency) if agency == own => &mut self.own,
            Journal::Of(_) => &mut self.peer,
        }
    }

    pub(crate) fn advance(&mut self, own: Agency, journal: Journal, header: &Header, hash: Hash) {
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
}

/// The numbers of a head in one text, so that heads can be read together with rows of another kind.
macro_rules! numbers {
    () => {
        "seq || ' ' || written_us || ' ' || seen_peer_seq || ' ' || incarnation || ' ' || receipted || ' ' || \
         receipted_own || ' ' || receipted_us || ' ' || stop_seq || ' ' || stop_reason || ' ' || turn || ' ' || feed || ' ' || \
         recover_to"
    };
}
pub(crate) use numbers;

/// Reads all heads.
pub(crate) const SELECT: &str = concat!("SELECT journal, hash, ", numbers!(), " FROM head");

/// Locks the own head's row, so that there is one writer at a time over all replicas. In a database that was created
/// again under the same name there is no such row.
pub(crate) const TAKE: &str = "UPDATE head SET turn = turn WHERE journal = $1 AND EXISTS \
     (SELECT 1 FROM store WHERE one = 1 AND store_id = $2)";

/// Writes heads.
pub(crate) static HEAD: Insert = Insert {
    table: "head",
    columns: &[
        "seq",
        "hash",
        "written_us",
        "seen_peer_seq",
        "incarnation",
        "receipted",
        "receipted_own",
        "receipted_us",
        "stop_seq",
        "stop_reason",
        "turn",
        "feed",
        "recover_to",
        "journal",
    ],
    conflict: " ON CONFLICT (journal) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, \
               written_us = excluded.written_us, seen_peer_seq = excluded.seen_peer_seq, \
               incarnation = excluded.incarnation, receipted = excluded.receipted, \
               receipted_own = excluded.receipted_own, receipted_us = excluded.receipted_us, \
               stop_seq = excluded.stop_seq, stop_reason = excluded.stop_reason, turn = excluded.turn, \
               feed = excluded.feed, recover_to = excluded.recover_to",
};

/// The heads from rows of [`SELECT`].
pub(crate) fn read(own: Agency, rows: &[AnyRow]) -> Result<Heads, Error> {
    let rows = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)));
    of_rows(own, &rows.collect::<Result<Vec<_>, sqlx::Error>>()?)
}

/// The heads from rows of a journal's name, its hash and its [`numbers!`].
pub(crate) fn of_rows(own: Agency, rows: &[(String, Vec<u8>, String)]) -> Result<Heads, Error> {
    let find = |journal: &str| -> Result<(JournalHead, [u64; 2]), Error> {
        let row = rows.iter().find(|(name, ..)| name == journal);
        let (_, hash, numbers) =
            row.ok_or_else(|| Error::Damaged(format!("the table head has no row for {journal}")))?;
        one(hash, numbers)
    };
    let (head, [turn, feed]) = find(own.id())?;
    Ok(Heads { own: head, peer: find(own.peer().id())?.0, private: find("private")?.0, turn, feed })
}

fn one(hash: &[u8], numbers: &str) -> Result<(JournalHead, [u64; 2]), Error> {
    let all: Vec<i64> = numbers.split(' ').filter_map(|number| number.parse().ok()).collect();
    let numbers: [i64; 12] =
        all.try_into().map_err(|_| Error::Damaged("a head does not have twelve numbers".to_owned()))?;
    let [seq, written_us, seen, incarnation, receipted, receipted_own, receipted_us, stop, reason, turn, feed, to] =
        numbers;
    let reason = i32::try_from(reason).ok().and_then(|it| Reason::try_from(it).ok());
    let head = JournalHead {
        seq: count(seq),
        hash: hash.try_into().map_err(|_| Error::Damaged("a head's hash does not have 32 bytes".to_owned()))?,
        written_us,
        seen_peer_seq: count(seen),
        incarnation: u32::try_from(incarnation).unwrap_or(1),
        receipted: count(receipted),
        receipted_own: count(receipted_own),
        receipted_us,
        stop_seq: count(stop),
        stop_reason: reason.unwrap_or(Reason::Unspecified),
        recover_to: count(to),
    };
    Ok((head, [count(turn), count(feed)]))
}

/// The row of [`HEAD`] for a journal.
pub(crate) fn values(heads: &Heads, own: Agency, journal: Journal) -> Vec<Value> {
    let head = heads.of(own, journal);
    let counts = journal == Journal::Of(own);
    vec![
        head.seq.into(),
        head.hash.into(),
        head.written_us.into(),
        head.seen_peer_seq.into(),
        i64::from(head.incarnation).into(),
        head.receipted.into(),
        head.receipted_own.into(),
        head.receipted_us.into(),
        head.stop_seq.into(),
        i64::from(i32::from(head.stop_reason)).into(),
        if counts { heads.turn } else { 0 }.into(),
        if counts { heads.feed } else { 0 }.into(),
        head.recover_to.into(),
        journal.id().into(),
    ]
}

/// The time of the last entry of the own and the private journal: no later one is dated before it.
pub(crate) fn last_us(heads: &Heads) -> i64 {
    heads.own.written_us.max(heads.private.written_us)
}
