//! The nouns of the memorandum: one value for each, in a file of its own.

pub mod advice;
pub mod agreement;
pub mod code;
pub mod item;
pub mod journal;
pub mod official;
pub mod referral;
pub mod referral_counts;
pub mod registry;
pub mod report;
pub mod scheme;

use std::collections::BTreeSet;

use jiff::Timestamp;
use renkei_proto::{FactKind, journal::v1::fact, r#type::v1::Agency};

use crate::{
    case::Case,
    duty::{Duty, DutyKind},
    index::Lookup,
    matter::{Collection, Matter, parse_entry_name},
    page::{Journal, Seen},
    read_set::ReadSet,
    refusal::Refusal,
    tally::{Ordinal, Tally},
    visibility::{Reader, Visibility},
};

/// Everything that is particular to one noun. The shared files of the domain and the store reach a noun through this
/// trait alone; [`registry`] finds the noun of a fact or a matter.
///
/// A fact belongs to the noun whose collection its rule in the contract names.
pub trait Noun: Sync {
    /// The form of the names of its matters.
    fn collection(&self) -> Collection;

    /// The pages that the judgement of a fact reads besides the page of its matter.
    fn reads(&self, fact: &fact::Fact) -> ReadSet {
        let _ = fact;
        ReadSet::default()
    }

    /// Judges a fact. Direction, the agreement's term, the matter's collection, the rules of opening and answering, the
    /// year of case numbers and the room in the matter are judged for every noun alike, in [`crate::decide`].
    ///
    /// # Errors
    /// A refusal with a reason that the contract documents for the act.
    fn judge(&self, case: &Case, fact: &fact::Fact) -> Result<(), Refusal>;

    /// Judges a fact that the own agency drafts, and completes it with the parts that follow from the pages, so that these
    /// are derived once. Most drafts are complete.
    ///
    /// # Errors
    /// As [`Noun::judge`].
    fn complete(&self, case: &Case, draft: fact::Fact) -> Result<fact::Fact, Refusal> {
        self.judge(case, &draft)?;
        Ok(draft)
    }

    /// True if the fact opens its matter. A noun overrides this if facts of one kind both open a matter and continue
    /// it.
    fn opens(&self, fact: &fact::Fact) -> bool {
        FactKind::of(fact).rule().opens
    }

    /// True if the fact counts against the room that an agency has in a matter ([`crate::decide::MOST_ENTRIES`]). A
    /// fact that ends a matter, or that a service must write, does not count.
    fn needs_room(&self, fact: &fact::Fact) -> bool {
        let _ = fact;
        true
    }

    /// The numbers that a fact gives to the matter that it opens, such as that of its case number.
    fn ordinals(&self, fact: &fact::Fact) -> Vec<Ordinal> {
        let _ = fact;
        Vec::new()
    }

    /// The counters that an own entry moves, besides its ordinals. `month` is the month of writing, such as 202611.
    fn tallies(&self, fact: &fact::Fact, month: u32) -> Vec<Tally> {
        let _ = (fact, month);
        Vec::new()
    }

    /// The other name that a fact gives to its matter.
    fn lookup(&self, matter: &Matter, fact: &fact::Fact) -> Option<Lookup> {
        let _ = (matter, fact);
        None
    }

    /// The name of the matter's state; empty for a noun without states.
    fn state(&self, matter: &Matter, seen: Seen<'_>) -> StateName {
        let _ = (matter, seen);
        StateName::default()
    }

    /// The matter as the desk shows it, encoded and without its content; `None` for a noun that has no resource, and
    /// where nothing was written.
    fn resource(&self, matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Vec<u8>> {
        let _ = (matter, seen, now, etag);
        None
    }

    /// The audiences to which the service of `own` shows the matter in lists; none for a matter that is not listed.
    fn visibility<'a>(&self, own: Agency, matter: &Matter, seen: Seen<'a>) -> Vec<Visibility<'a>> {
        let _ = (own, matter, seen);
        Vec::new()
    }

    /// True if a scope bounds the readers of its matters (Art. 7(2)), so that entries after the first may change the
    /// audiences to which a matter is shown.
    fn is_scoped(&self) -> bool {
        false
    }

    /// The entries of a matter whose texts an agency has erased from its database (Art. 7(2)); none in a noun without
    /// disposals. Once more is covered, nothing that arrives later brings a covered text back.
    fn disposed(&self, by: Agency, seen: Seen<'_>) -> Disposed {
        let _ = (by, seen);
        Disposed::default()
    }

    /// The instant at which the callers are judged for what is owed or permitted after the end of a scope, such as the answer
    /// to a recall: the last one at which the matter was shown, and `now` for a matter that is shown still.
    fn last_shown(&self, matter: &Matter, seen: Seen<'_>, now: Timestamp) -> Timestamp {
        let _ = (matter, seen);
        now
    }

    /// The parts of a visible matter that its scope keeps from a reader of the other agency.
    fn withheld(&self, matter: &Matter, seen: Seen<'_>, reader: &Reader, now: Timestamp) -> Withheld {
        let _ = (matter, seen, reader, now);
        Withheld::default()
    }

    /// The kinds of duty that its matters may contain.
    fn duty_kinds(&self) -> &'static [DutyKind] {
        &[]
    }

    /// The duties of `own` in the matter: of each kind at most one.
    fn duties(&self, own: Agency, matter: &Matter, seen: Seen<'_>) -> Vec<Duty> {
        let _ = (own, matter, seen);
        Vec::new()
    }

    /// The fact that the own service owes the peer in the matter, and writes by itself: after the arrival of an entry,
    /// and after a start.
    fn owed(&self, service: &OwnService<'_>, matter: &Matter, seen: Seen<'_>) -> Option<Owed> {
        let _ = (service, matter, seen);
        None
    }

    /// True if a content names those whose digests its fact contains, so that nobody reads one name where the rules have
    /// permitted another. The content is the message that belongs to the kind of the fact; `answers` is the number of the peer's
    /// entry that the fact answers.
    fn is_content_of(
        &self,
        (matter, seen): (&Matter, Seen<'_>),
        fact: &fact::Fact,
        answers: u64,
        content: &[u8],
    ) -> bool {
        let _ = (matter, seen, fact, answers, content);
        true
    }

    /// True if a service writes the fact by itself, so that it is not the answer of an official.
    fn is_automatic(&self, fact: &fact::Fact) -> bool {
        let _ = fact;
        false
    }

    /// True if the names of its matters identify persons, so that only callers who may read them learn the names.
    fn has_secret_names(&self) -> bool {
        false
    }

    /// The duty by which matters are found in which the service may owe another fact after a start.
    fn settled_at_start(&self) -> Option<DutyKind> {
        None
    }

    /// True if a private fact of this kind protects somebody, so that its loss must be noticed at once.
    fn protects(&self, kind: FactKind) -> bool {
        let _ = kind;
        false
    }
}

/// The name of a state in the contract; both parts are empty for a noun without states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateName {
    /// The name of the value, such as `STATE_GIVEN`.
    pub id: &'static str,
    /// Its Japanese name.
    pub ja: &'static str,
}

/// The service of the own agency, with everything on which the facts that it owes depend.
#[derive(Clone, Copy, Debug)]
pub struct OwnService<'a> {
    /// The agency of the service.
    pub own: Agency,
    /// The units of the agency.
    pub units: &'a BTreeSet<String>,
    /// The time of the service.
    pub now: Timestamp,
}

/// A fact that a service owes the peer.
#[derive(Clone, Debug, PartialEq)]
pub struct Owed {
    /// The fact that is to be written.
    pub fact: fact::Fact,
    /// The number of the peer's entry that it answers.
    pub answers: u64,
    /// The fact waits until the peer speaks its kind. Any other is written at once, because the entry that it answers
    /// could not be accepted without it.
    pub can_wait: bool,
}

/// The entries of a matter whose texts an agency has erased. Both numbers are 0 before its first disposal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disposed {
    /// Its own entries with lower numbers are covered.
    pub own_before: u64,
    /// The peer's entries up to this number are covered.
    pub peer_until: u64,
}

impl Disposed {
    /// True if the agency `by` has erased the text of this entry of the matter. Its private entries are its own records,
    /// and are not covered.
    pub fn covers(self, by: Agency, journal: Journal, seq: u64) -> bool {
        match journal {
            Journal::Of(author) if author == by => seq < self.own_before,
            Journal::Of(_) => seq <= self.peer_until,
            Journal::Private => false,
        }
    }
}

/// The parts of a visible matter that a reader may not see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Withheld {
    /// The content of the whole matter, but for that of facts of these kinds; `None` where the matter is not sealed.
    pub sealed_but: Option<&'static [FactKind]>,
    /// Entries about revisions whose own scope does not include the reader, and about consents and disclosures to others than a
    /// reader who sees the matter by a consent alone.
    pub entries: BTreeSet<(Agency, u64)>,
}

impl Withheld {
    /// True if the reader may know the fact of the entry with this name; an empty name is that of none.
    pub fn shows(&self, entry: &str) -> bool {
        parse_entry_name(entry).is_none_or(|entry| !self.entries.contains(&entry))
    }
}

/// A noun as the desk shows it.
pub trait Resource: Sized {
    /// The matter without its content; `None` when nothing was written in it.
    fn of(matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Self>;

    /// Removes the withheld parts.
    fn withhold(&mut self, withheld: &Withheld) {
        let _ = withheld;
    }

    /// The matter without its content and without the parts that are withheld from its reader.
    fn shown(matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String, withheld: &Withheld) -> Option<Self> {
        let mut shown = Self::of(matter, seen, now, etag)?;
        shown.withhold(withheld);
        Some(shown)
    }
}
