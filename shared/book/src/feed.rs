//! The feed: the changes in the order of their turns, the places in it, and whether a database still continues it from a
//! place. A receiver misses no change, whatever was lost or restored since.

use jiff::Timestamp;
use renkei_domain::{matter::entry_name, moment::stamp, refusal::Refusal};
use renkei_journal::{Hash, Head};
use renkei_proto::{
    journal::v1::Header,
    options::v1::Reason,
    r#type::v1::Agency,
    watch::v1::{EntryApplied, Event, event::Change},
};

use crate::head::Heads;

/// The size in bytes of an encoded journal's end: its number and hash.
const END: usize = 8 + 32;
/// The size in bytes of an encoded cursor.
const SIZE: usize = 4 + 8 + 2 * END;

/// A change of which watchers are told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Its place in the feed.
    pub turn: u64,
    /// The names that watchers receive.
    pub event: Event,
    /// The author and the end of their journal after it, if it is an entry.
    pub entry: Option<(Agency, Head)>,
}

impl Told {
    /// An entry of a journal, with the state of its matter after it and the time at which it was stored, in microseconds
    /// since 1970.
    pub fn entry(turn: u64, author: Agency, header: Header, hash: Hash, state: &str, arrived_us: i64) -> Self {
        let applied = EntryApplied {
            entry: entry_name(author, header.seq),
            fact_type: header.fact_type,
            author: author.into(),
            state: state.to_owned(),
        };
        let event = Event {
            time: Some(stamp(Timestamp::from_microsecond(arrived_us).unwrap_or_default())),
            matter: header.matter,
            traceparent: header.traceparent,
            change: Some(Change::EntryApplied(applied)),
        };
        Self { turn, event, entry: Some((author, Head { seq: header.seq, hash })) }
    }

    /// A change that is not an entry.
    pub fn event(turn: u64, event: Event) -> Self {
        Self { turn, event, entry: None }
    }
}

/// A place in the feed of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The incarnation of the own journal. A cursor is valid in one incarnation only.
    pub incarnation: u32,
    /// The turn up to which the feed was received.
    pub turn: u64,
    /// The end of the own journal there. A database that was restored gives the same turns to other changes, and nobody
    /// can tell that from the turn.
    pub own: Head,
    /// The end of the peer's journal there.
    pub peer: Head,
}

/// What a database has around the end of a journal that a cursor names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// The hash of the entry with the number of that end.
    pub hash: Option<Hash>,
    /// The turn of the first entry behind it of which watchers are told.
    pub next: Option<u64>,
}

impl Around {
    /// True if the database has this end, and nothing behind it was told up to a turn.
    fn continues(&self, end: &Head, turn: u64) -> bool {
        let is_here = end.seq == 0 || self.hash == Some(end.hash);
        is_here && self.next.is_none_or(|next| next > turn)
    }
}

impl Cursor {
    /// The place behind everything that these heads contain.
    pub fn at(heads: &Heads) -> Self {
        Self { incarnation: heads.own.incarnation, turn: heads.turn, own: heads.own.head(), peer: heads.peer.head() }
    }

    /// The place behind a change of this feed, for the agency whose feed it is.
    #[must_use]
    pub fn behind(self, own: Agency, told: &Told) -> Self {
        let place = Self { turn: told.turn, ..self };
        match told.entry {
            Some((author, end)) if author == own => Self { own: end, ..place },
            Some((_, end)) => Self { peer: end, ..place },
            None => place,
        }
    }

    /// The place once everything up to a later one was received. Private entries have turns too, so it may be behind the
    /// last change.
    #[must_use]
    pub fn reached(self, head: Self) -> Self {
        if head.turn > self.turn { head } else { self }
    }

    /// The turn after which the feed continues here, for a database with these heads whose feed begins behind the turn
    /// `first`. `around` is what it has around the ends of the own journal and of the peer's.
    ///
    /// # Errors
    /// `CURSOR_TOO_OLD` if a change could be missed, `CURSOR_UNKNOWN` if the feed has not come so far.
    pub fn continued(&self, heads: &Heads, first: u64, around: [Around; 2]) -> Result<u64, Refusal> {
        let [own, peer] = around;
        let is_whole = own.continues(&self.own, self.turn) && peer.continues(&self.peer, self.turn);
        if self.incarnation != heads.own.incarnation || self.turn < first || !is_whole {
            return Err(Refusal::new(
                Reason::CursorTooOld,
                (
                    "the feed no longer continues from here: list, then continue from `as_of`",
                    "一覧を取得し、その「as_of」から再開してください。",
                ),
            ));
        }
        if self.turn > heads.turn {
            return Err(Refusal::new(
                Reason::CursorUnknown,
                ("the feed has not come as far as this cursor", "更新通知は、この読取位置に達していません。"),
            ));
        }
        Ok(self.turn)
    }

    /// The cursor as bytes.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = [&self.incarnation.to_be_bytes()[..], &self.turn.to_be_bytes()].concat();
        for end in [&self.own, &self.peer] {
            bytes.extend(end.seq.to_be_bytes());
            bytes.extend(end.hash);
        }
        bytes
    }

    /// The cursor in bytes. One of an older version, with fewer bytes, belongs to no incarnation.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let Ok(bytes) = <&[u8; SIZE]>::try_from(bytes) else {
            return Self { incarnation: 0, turn: 0, own: Head::EMPTY, peer: Head::EMPTY };
        };
        let (incarnation, rest) = bytes.split_at(4);
        let (turn, ends) = rest.split_at(8);
        let (own, peer) = ends.split_at(END);
        let end = |end: &[u8]| {
            let (seq, hash) = end.split_at(8);
            Head { seq: number(seq), hash: hash.try_into().unwrap_or_default() }
        };
        Self {
            incarnation: u32::try_from(number(incarnation)).unwrap_or_default(),
            turn: number(turn),
            own: end(own),
            peer: end(peer),
        }
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Head = Head { seq: 70, hash: [1; 32] };
    const PEER: Head = Head { seq: 40, hash: [2; 32] };
    const HERE: [Around; 2] =
        [Around { hash: Some(OWN.hash), next: None }, Around { hash: Some(PEER.hash), next: None }];

    fn cursor() -> Cursor {
        Cursor { incarnation: 2, turn: 120, own: OWN, peer: PEER }
    }

    fn heads(turn: u64) -> Heads {
        let mut heads = Heads { turn, ..Heads::default() };
        heads.own.incarnation = 2;
        heads
    }

    fn reason(cursor: Cursor, heads: &Heads, around: [Around; 2]) -> Option<Reason> {
        cursor.continued(heads, 10, around).err().map(|refusal| refusal.reason)
    }

    #[test]
    fn a_cursor_is_read_from_its_bytes() {
        assert_eq!(Cursor::from_bytes(&cursor().to_bytes()), cursor());
        for bytes in [&[][..], &[7; 8], &[7; 12], &[7; SIZE - 1], &[7; SIZE + 1]] {
            assert_eq!(Cursor::from_bytes(bytes).incarnation, 0, "{} bytes", bytes.len());
        }
    }

    #[test]
    fn a_feed_continues_where_it_has_the_same_entries() {
        assert_eq!(cursor().continued(&heads(120), 10, HERE), Ok(120));
        let [own, peer] = HERE;
        let later = [Around { next: Some(121), ..own }, Around { next: Some(130), ..peer }];
        assert_eq!(cursor().continued(&heads(130), 10, later), Ok(120));
        let empty = Cursor { own: Head::EMPTY, peer: Head::EMPTY, ..cursor() };
        assert_eq!(empty.continued(&heads(120), 10, [Around::default(); 2]), Ok(120));
    }

    #[test]
    fn a_feed_that_could_skip_a_change_is_not_continued() {
        let [own, peer] = HERE;
        let other = Some([9; 32]);
        for around in [
            [Around { hash: other, ..own }, peer],
            [own, Around { hash: other, ..peer }],
            [Around { hash: None, ..own }, peer],
            [Around { next: Some(120), ..own }, peer],
            [own, Around { next: Some(101), ..peer }],
        ] {
            assert_eq!(reason(cursor(), &heads(130), around), Some(Reason::CursorTooOld), "{around:?}");
        }
        assert_eq!(reason(Cursor { incarnation: 1, ..cursor() }, &heads(130), HERE), Some(Reason::CursorTooOld));
        assert_eq!(reason(Cursor { turn: 9, ..cursor() }, &heads(130), HERE), Some(Reason::CursorTooOld));
        assert_eq!(reason(cursor(), &heads(119), HERE), Some(Reason::CursorUnknown));
    }
}
