//! The stage: the pages of one batch in memory, on which commands run one after the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use renkei_domain::{
    index::Lookup,
    matter::Matter,
    moment::{Moment, stamp},
    page::{Journal, Page, Pages, Seen, View},
    read_set::ReadSet,
    refusal::Refusal,
    tally::TallyKind,
};
use renkei_journal::Hash;
use renkei_proto::{
    journal::v1::{Entry, fact},
    options::v1::Reason,
    r#type::v1::Agency,
    watch::v1::{Event, event::Change},
};

use crate::{
    agreements::Agreements,
    call_origin::CallOrigin,
    etag::etag,
    head::Heads,
    rows::Rows,
    staged::{Body, Counters, Staged, StagedEntry, StagedEvent, StagedPage, StagedReceipt},
};

/// A private entry that is written whether the command is refused or not.
pub(crate) struct Note {
    pub(crate) matter: Matter,
    pub(crate) fact: fact::Fact,
    pub(crate) content: Option<Vec<u8>>,
}

/// The anchoring of the private journal at the end of the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Anchoring {
    /// No command has asked for an anchor.
    #[default]
    Not,
    /// An anchor is written unless the private journal is behind its last one.
    Asked,
    /// An anchor is written in any case, whatever was anchored before.
    Anew,
}

/// The pages of a batch with everything that its commands add.
pub struct Stage {
    pub(crate) own: Agency,
    pub(crate) pages: Pages,
    /// The turn in which a page was opened; a page without one is not in the database.
    pub(crate) opened: BTreeMap<String, u64>,
    pub(crate) heads: Heads,
    pub(crate) agreements: Agreements,
    pub(crate) altered: BTreeSet<String>,
    pub(crate) matters: BTreeSet<String>,
    pub(crate) counters: Counters,
    pub(crate) years: BTreeSet<u32>,
    pub(crate) hashes: BTreeMap<(Journal, u64), Hash>,
    /// The ids of entries that are in use, those of the batch included.
    pub(crate) ids: BTreeSet<String>,
    /// The additions of the batch to the counters.
    pub(crate) counted: Counters,
    pub(crate) lookups: Vec<(Lookup, String)>,
    pub(crate) entries: Vec<StagedEntry>,
    pub(crate) events: Vec<StagedEvent>,
    pub(crate) receipts: Vec<StagedReceipt>,
    pub(crate) judged_again: Vec<(String, Reason)>,
    pub(crate) anchoring: Anchoring,
    pub(crate) signs: bool,
    pub(crate) unmark: bool,
    pub(crate) undo: Undo,
    pub(crate) notes: Vec<Note>,
    pub(crate) running: Running,
}

/// The command that runs now.
pub(crate) struct Running {
    pub(crate) origin: CallOrigin,
    pub(crate) moment: Moment,
    pub(crate) drawn: u64,
}

/// The state of the stage before the command.
#[derive(Default)]
pub(crate) struct Undo {
    pub(crate) heads: Option<Heads>,
    pub(crate) pages: Vec<(String, Option<Arc<Page>>, Option<u64>)>,
    pub(crate) counted: Vec<((u32, TallyKind), Option<u64>)>,
    pub(crate) ids: Vec<String>,
    pub(crate) lengths: [usize; 5],
    pub(crate) anchoring: Anchoring,
    pub(crate) signs: bool,
    pub(crate) unmark: bool,
}

impl Stage {
    /// The stage with the versions of the memorandum that the service has; without this they are those of the program.
    #[must_use]
    pub fn under(self, agreements: Agreements) -> Self {
        Self { agreements, ..self }
    }

    /// The versions of the memorandum.
    pub fn agreements(&self) -> &Agreements {
        &self.agreements
    }

    /// The stage of a batch that begins with these heads, at this moment.
    pub fn new(own: Agency, heads: Heads, moment: Moment) -> Self {
        Self {
            own,
            pages: Pages::new(),
            opened: BTreeMap::new(),
            heads,
            agreements: Agreements::built_in(),
            altered: BTreeSet::new(),
            matters: BTreeSet::new(),
            counters: BTreeMap::new(),
            years: BTreeSet::new(),
            hashes: BTreeMap::new(),
            ids: BTreeSet::new(),
            counted: BTreeMap::new(),
            lookups: Vec::new(),
            entries: Vec::new(),
            events: Vec::new(),
            receipts: Vec::new(),
            judged_again: Vec::new(),
            anchoring: Anchoring::Not,
            signs: false,
            unmark: false,
            undo: Undo::default(),
            notes: Vec::new(),
            running: Running { origin: CallOrigin::default(), moment, drawn: 0 },
        }
    }

    /// Puts rows onto the stage, for the commands that run next. What is on the stage already stays, because commands may
    /// have changed it.
    pub fn load(&mut self, rows: Rows) {
        for (name, (page, opened)) in rows.pages {
            if !self.matters.contains(&name) {
                self.opened.insert(name.clone(), opened);
                self.pages.insert(name, page);
            }
        }
        self.altered.extend(rows.altered.into_iter().filter(|name| !self.matters.contains(name)));
        self.matters.extend(rows.matters);
        for (key, value) in rows.counters {
            if !self.years.contains(&key.0) {
                self.counters.entry(key).or_insert(value);
            }
        }
        self.years.extend(rows.years);
        self.hashes.extend(rows.hashes);
        self.ids.extend(rows.ids);
    }

    /// The part of a read set that is not on the stage yet.
    #[must_use]
    pub fn lacking(&self, mut keys: ReadSet) -> ReadSet {
        keys.matters.retain(|name| !self.matters.contains(name));
        keys.years.retain(|year| !self.years.contains(year));
        keys
    }

    /// Runs a command, given as a function of the stage and of the moment at which it is judged. If it is refused,
    /// everything that it staged is dropped except its notes.
    ///
    /// # Errors
    /// The refusal of the command, or of one of its notes.
    pub fn run<T>(
        &mut self,
        origin: &CallOrigin,
        moment: &Moment,
        command: impl FnOnce(&mut Self, &Moment) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.begin(origin, moment, 0);
        let now = self.running.moment.clone();
        let outcome = command(self, &now);
        self.end(outcome)
    }

    /// The results of the batch, and the rows that it changes as it leaves them: the next batch can be judged on these
    /// before they are written.
    pub fn finish(mut self) -> (Staged, Rows) {
        let (mut pages, mut left) = (BTreeMap::new(), Rows::default());
        for entry in &self.entries {
            let name = &entry.header.matter;
            if let Some(page) = self.pages.remove(name) {
                let opened = self.opened.get(name).copied().unwrap_or(entry.turn);
                left.pages.insert(name.clone(), (Arc::clone(&page), opened));
                left.matters.insert(name.clone());
                pages.insert(name.clone(), StagedPage { page, opened, changed: entry.turn });
            } else if let Some(staged) = pages.get_mut(name) {
                staged.changed = entry.turn;
            }
            left.hashes.insert((entry.journal, entry.header.seq), entry.hash);
            left.ids.insert(entry.header.entry_id.clone());
        }
        let grown = self.counted.keys().map(|(year, kind)| ((*year, kind.clone()), self.counter(*year, kind)));
        left.counters.extend(grown);
        let staged = Staged {
            own: self.own,
            heads: self.heads,
            entries: self.entries,
            pages,
            lookups: self.lookups,
            counted: self.counted,
            events: self.events,
            receipts: self.receipts,
            judged_again: self.judged_again,
            signs: self.signs,
            unmark: self.unmark,
        };
        (staged, left)
    }

    /// The entries that the batch has added so far.
    pub fn entries(&self) -> &[StagedEntry] {
        &self.entries
    }

    /// Moves out the bodies of the entries from a place on, in order, each beside its entry.
    pub fn bodies(&mut self, from: usize) -> impl Iterator<Item = (&StagedEntry, Body)> {
        self.entries.iter_mut().skip(from).map(|entry| {
            let body = std::mem::replace(&mut entry.body, Body::Arrived(Entry::default()));
            (&*entry, body)
        })
    }

    /// The matters whose pages were changed outside the service. No command may run on them.
    pub fn altered(&self) -> &BTreeSet<String> {
        &self.altered
    }

    /// The agency whose service this is.
    pub fn own(&self) -> Agency {
        self.own
    }

    /// The heads of the three journals as the commands so far leave them.
    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// The time at which the running command is judged: never before the last entry.
    pub fn now(&self) -> Timestamp {
        self.running.moment.now
    }

    /// The view of everything that this service has stored.
    pub fn view(&self) -> View<'_> {
        View::whole(&self.pages, self.own)
    }

    /// A matter's page.
    pub fn page(&self, matter: &str) -> Seen<'_> {
        self.view().page(matter)
    }

    /// The version of the own half of a page, for calls that change it.
    pub fn etag(&self, matter: &str) -> String {
        self.pages.get(matter).map(|page| etag(page, self.own)).unwrap_or_default()
    }

    /// Refuses the command unless the own half of a page is still as the caller read it. An empty etag is not compared.
    ///
    /// # Errors
    /// `ETAG_STALE`.
    pub fn expect(&self, matter: &str, etag: &str) -> Result<(), Refusal> {
        if etag.is_empty() || etag == self.etag(matter) {
            return Ok(());
        }
        Err(Refusal::field(
            Reason::EtagStale,
            "etag",
            (
                "the page has changed since it was read: read it again",
                "読み取った後に台帳が更新されています。再度読み取ってください。",
            ),
        ))
    }

    /// The value of a counter (see [`renkei_domain::tally::Tally`]). The command's read set names the year.
    pub fn counter(&self, year: u32, kind: &TallyKind) -> u64 {
        let key = (year, kind.clone());
        let of = |counters: &BTreeMap<_, u64>| counters.get(&key).copied().unwrap_or_default();
        of(&self.counters) + of(&self.counted)
    }

    /// Adds a change that is not an entry to the feed.
    pub fn tell(&mut self, matter: &str, change: Change) {
        self.heads.turn += 1;
        let event = Event {
            time: Some(stamp(self.now())),
            matter: matter.to_owned(),
            traceparent: self.running.origin.traceparent.clone(),
            change: Some(change),
        };
        let at_us = self.now().as_microsecond();
        self.events.push(StagedEvent { turn: self.heads.turn, at_us, event });
    }

    /// The hash of a stored entry that the command's read set names.
    pub(crate) fn hash_of(&self, journal: Journal, seq: u64) -> Option<Hash> {
        let staged = || self.entries.iter().find(|it| it.journal == journal && it.header.seq == seq).map(|it| it.hash);
        self.hashes.get(&(journal, seq)).copied().or_else(staged)
    }

    /// Begins a command that draws its randomness after the number `drawn`.
    pub(crate) fn begin(&mut self, origin: &CallOrigin, moment: &Moment, drawn: u64) {
        let raised = moment.now.as_microsecond().max(self.heads.last_us());
        let now = Timestamp::from_microsecond(raised).unwrap_or(moment.now);
        self.running = Running { origin: origin.clone(), moment: moment.at(now), drawn };
        self.notes.clear();
        self.mark();
    }

    /// Ends a command. A refused command leaves only its notes; a command whose notes are refused leaves nothing.
    pub(crate) fn end<T>(&mut self, outcome: Result<T, Refusal>) -> Result<T, Refusal> {
        if outcome.is_err() {
            self.roll_back();
            self.mark();
        }
        self.running.origin.digest.clear();
        for note in std::mem::take(&mut self.notes) {
            if let Err(refusal) = self.write(&note.matter, note.fact, note.content, 0) {
                self.roll_back();
                return Err(refusal);
            }
        }
        outcome
    }

    fn lengths(&self) -> [usize; 5] {
        [self.lookups.len(), self.entries.len(), self.events.len(), self.receipts.len(), self.judged_again.len()]
    }

    /// Marks the state to which the stage is rolled back.
    fn mark(&mut self) {
        self.undo = Undo {
            heads: Some(self.heads.clone()),
            lengths: self.lengths(),
            anchoring: self.anchoring,
            signs: self.signs,
            unmark: self.unmark,
            ..Undo::default()
        };
    }

    fn roll_back(&mut self) {
        let undo = std::mem::take(&mut self.undo);
        if let Some(heads) = undo.heads {
            self.heads = heads;
        }
        for (name, page, opened) in undo.pages.into_iter().rev() {
            match page {
                Some(page) => self.pages.insert(name.clone(), page),
                None => self.pages.remove(&name),
            };
            match opened {
                Some(turn) => self.opened.insert(name, turn),
                None => self.opened.remove(&name),
            };
        }
        for (key, before) in undo.counted.into_iter().rev() {
            match before {
                Some(before) => self.counted.insert(key, before),
                None => self.counted.remove(&key),
            };
        }
        for id in undo.ids {
            self.ids.remove(&id);
        }
        (self.anchoring, self.signs, self.unmark) = (undo.anchoring, undo.signs, undo.unmark);
        let [lookups, entries, events, receipts, judged_again] = undo.lengths;
        self.lookups.truncate(lookups);
        self.entries.truncate(entries);
        self.events.truncate(events);
        self.receipts.truncate(receipts);
        self.judged_again.truncate(judged_again);
    }
}
