//! The stage: the pages of one batch in memory, on which commands run one after the other.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use renkei_domain::{
    calendar,
    decide::{Permit, PermittedFact, decide, decide_draft},
    index::Lookup,
    matter::{Matter, entry_name},
    moment::{Moment, stamp},
    noun::{journal as journal_rules, registry},
    page::{Journal, Page, Pages, Seen, View, apply},
    refusal::Refusal,
    tally::{Step, free},
};
use renkei_journal::{Chained, Draft, Hash};
use renkei_proto::{
    FactKind,
    journal::v1::{Entry, Fact, Header, Receipt, SaltedContent, SignedReceipt, fact},
    options::v1::Reason,
    r#type::v1::Agency,
    watch::v1::{EntryApplied, Event, event::Change},
};
use renkei_telemetry::Traceparent;

use crate::{
    aside::SetAside,
    call_origin::CallOrigin,
    head::{self, Heads},
};

/// The most bytes of an entry's content (`SaltedContent` in the contract).
pub const CONTENT: usize = 1 << 20;

/// An entry that waits for the commit.
pub(crate) struct Staged {
    pub(crate) journal: Journal,
    pub(crate) header: Header,
    pub(crate) hash: Hash,
    pub(crate) digest: Vec<u8>,
    pub(crate) body: Body,
    pub(crate) turn: u64,
    pub(crate) arrived_us: i64,
}

/// The bytes of a staged entry.
pub(crate) enum Body {
    /// An own entry, which is signed together with its batch.
    Own(Box<Chained>),
    /// An entry of the peer, with the bytes that arrived.
    Arrived(Entry),
}

/// A receipt that is kept as evidence.
pub(crate) struct StagedReceipt {
    pub(crate) receipt: Receipt,
    pub(crate) signed: SignedReceipt,
}

/// A change that waits for the commit.
pub(crate) struct PendingEvent {
    pub(crate) number: u64,
    pub(crate) at_us: i64,
    pub(crate) event: Event,
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

/// A private entry that is written whether the command is refused or not.
struct Note {
    matter: Matter,
    fact: fact::Fact,
    content: Option<Vec<u8>>,
}

/// The pages of a batch with everything that its commands add.
pub struct Stage {
    own: Agency,
    pub(crate) pages: Pages,
    /// The turn in which a page was opened; a page without one is not in the database.
    pub(crate) opened: BTreeMap<String, u64>,
    pub(crate) heads: Heads,
    /// The counters as they are in the database.
    pub(crate) counters: BTreeMap<(u32, String), u64>,
    /// The years whose counters were asked for; those of others are not known to be 0.
    pub(crate) years: BTreeSet<u32>,
    /// The additions of the batch to the counters.
    pub(crate) tallied: BTreeMap<(u32, String), u64>,
    pub(crate) hashes: BTreeMap<(Journal, u64), Hash>,
    pub(crate) keyed: BTreeMap<String, crate::content::MatterKey>,
    /// The matters whose pages were changed outside the service.
    pub(crate) altered: BTreeSet<String>,
    /// The pages that were asked for; others are not known to be empty.
    pub(crate) loaded: BTreeSet<String>,
    pub(crate) lookups: Vec<(Lookup, String)>,
    pub(crate) entries: Vec<Staged>,
    pub(crate) feed: Vec<PendingEvent>,
    pub(crate) receipts: Vec<StagedReceipt>,
    /// The ids of entries that are in use.
    pub(crate) ids: BTreeSet<String>,
    /// Entries judged again after a recovery, with the reason of those that were refused.
    pub(crate) again: Vec<(String, Reason)>,
    pub(crate) anchoring: Anchoring,
    /// True if the batch ends with a receipt for the stored part of the peer's journal.
    pub(crate) signs: bool,
    /// True if the mark of a copied database is removed with this batch.
    pub(crate) unmark: bool,
    undo: Undo,
    notes: Vec<Note>,
    running: Running,
}

/// The command that runs now.
struct Running {
    call: CallOrigin,
    moment: Moment,
    drawn: u64,
}

/// The state of the stage before the command.
#[derive(Default)]
struct Undo {
    heads: Option<Heads>,
    pages: Vec<(String, Option<Page>, Option<u64>)>,
    tallied: Vec<((u32, String), Option<u64>)>,
    ids: Vec<String>,
    lengths: [usize; 4],
}

impl Stage {
    pub(crate) fn new(own: Agency, heads: Heads, moment: Moment) -> Self {
        Self {
            own,
            pages: Pages::new(),
            opened: BTreeMap::new(),
            heads,
            counters: BTreeMap::new(),
            years: BTreeSet::new(),
            tallied: BTreeMap::new(),
            hashes: BTreeMap::new(),
            keyed: BTreeMap::new(),
            altered: BTreeSet::new(),
            loaded: BTreeSet::new(),
            lookups: Vec::new(),
            entries: Vec::new(),
            feed: Vec::new(),
            receipts: Vec::new(),
            ids: BTreeSet::new(),
            again: Vec::new(),
            anchoring: Anchoring::Not,
            signs: false,
            unmark: false,
            undo: Undo::default(),
            notes: Vec::new(),
            running: Running { call: CallOrigin::default(), moment, drawn: 0 },
        }
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
        Err(Refusal::field(Reason::EtagStale, "etag", "the page has changed since it was read: read it again"))
    }

    /// The value of a counter (see [`renkei_domain::tally::Tally`]). The command's read set names the year.
    pub fn counter(&self, year: u32, kind: &str) -> u64 {
        let key = (year, kind.to_owned());
        let of = |counters: &BTreeMap<_, u64>| counters.get(&key).copied().unwrap_or_default();
        of(&self.counters) + of(&self.tallied)
    }

    /// Judges and completes a drafted fact and, when it is permitted, appends it to the own journal, or to the private
    /// one if the fact is private. Returns the number of the entry.
    ///
    /// # Errors
    /// The refusal of [`decide`]; `WRONG_STATE` when the peer does not speak this kind of fact yet.
    pub fn write(
        &mut self,
        matter: &Matter,
        fact: fact::Fact,
        content: Option<Vec<u8>>,
        answers: u64,
    ) -> Result<u64, Refusal> {
        let automatic = registry::of_fact(&fact).is_automatic(&fact);
        let PermittedFact { permit, fact } = decide_draft(&self.view(), matter, fact, answers, self.now())?;
        let fact = Fact { request_digest: self.running.call.digest.clone(), fact: Some(fact) };
        // The service's answer to an arrival is written whatever kinds the peer speaks, because without it the entry
        // could never be accepted.
        if !automatic {
            self.spoken(&permit)?;
        }
        self.append(&permit, fact, content, answers, None)
    }

    /// Judges an own entry that was set aside in a recovery, and appends it again: at a new place, under its old id.
    pub(crate) fn write_again(&mut self, matter: &Matter, old: &SetAside) -> Result<u64, Refusal> {
        let permit = decide(&self.view(), matter, &old.fact, old.answers, self.now())?;
        self.append(&permit, old.fact.clone(), old.content.clone(), old.answers, Some(old))
    }

    /// Adds a private entry that is written even if the command is refused.
    pub fn note(&mut self, matter: Matter, fact: fact::Fact, content: Option<Vec<u8>>) {
        self.notes.push(Note { matter, fact, content });
    }

    /// Anchors the private journal in the own one at the end of the batch, unless it is behind its last anchor.
    pub fn anchor_private(&mut self) {
        if self.anchoring == Anchoring::Not {
            self.anchoring = Anchoring::Asked;
        }
    }

    /// Anchors the private journal as this batch leaves it, although entries of it may be lost: an operator has
    /// confirmed the facts that they protected.
    pub fn anchor_private_anew(&mut self) {
        self.anchoring = Anchoring::Anew;
    }

    /// Adds a change that is not an entry to the feed.
    pub fn tell(&mut self, matter: &str, change: Change) {
        self.heads.feed += 1;
        let event = Event {
            time: Some(stamp(self.now())),
            matter: matter.to_owned(),
            traceparent: self.running.call.traceparent.clone(),
            change: Some(change),
        };
        self.feed.push(PendingEvent { number: self.heads.feed, at_us: self.now().as_microsecond(), event });
    }

    /// The hash of a stored entry that the command's read set names.
    pub(crate) fn hash_of(&self, journal: Journal, seq: u64) -> Option<Hash> {
        let staged = || self.entries.iter().find(|it| it.journal == journal && it.header.seq == seq).map(|it| it.hash);
        self.hashes.get(&(journal, seq)).copied().or_else(staged)
    }

    /// Refuses a new kind of fact until the peer has announced that it speaks that kind.
    fn spoken(&self, permit: &Permit) -> Result<(), Refusal> {
        if permit.is_private() || self.speaks(permit.kind()) {
            return Ok(());
        }
        Err(Refusal::new(Reason::WrongState, "the peer's service does not speak this kind of fact yet"))
    }

    /// True if the peer has announced that it speaks this kind, or has not yet announced any kinds.
    pub(crate) fn speaks(&self, kind: FactKind) -> bool {
        let peer = self.own.peer();
        let spoken = journal_rules::spoken(self.page(&journal_rules::name(peer)), peer);
        spoken.is_none_or(|kinds| kinds.iter().any(|spoken| spoken == kind.name()))
    }

    fn append(
        &mut self,
        permit: &Permit,
        fact: Fact,
        content: Option<Vec<u8>>,
        answers: u64,
        again: Option<&SetAside>,
    ) -> Result<u64, Refusal> {
        if !self.loaded.contains(&permit.matter().to_string()) {
            return Err(Refusal::new(Reason::Internal, "the command did not name the page that it writes on"));
        }
        if content.as_ref().is_some_and(|content| content.len() > CONTENT) {
            return Err(Refusal::new(Reason::TooLarge, format!("the words of an entry: at most {CONTENT} bytes")));
        }
        let journal = if permit.is_private() { Journal::Private } else { Journal::Of(self.own) };
        if registry::of_kind(permit.kind()).protects(permit.kind()) {
            self.anchor_private();
        }
        if let Some(fact) = &fact.fact {
            self.number_is_free(self.own, fact)?;
        }
        let matter = permit.matter().to_string();
        let n = self.draw();
        let moment = &self.running.moment;
        let draft = Draft {
            entry_id: again.map_or_else(|| moment.id("entry", n), |old| old.entry_id.clone()),
            matter_prev: self.pages.get(&matter).map(|page| page.last_hash(journal)).unwrap_or_default(),
            matter,
            content: content.map(|content| SaltedContent { salt: moment.bytes("salt", n).to_vec(), content }),
            written_us: moment.now.as_microsecond(),
            seen_peer_seq: self.heads.peer.seq,
            answers,
            methods_version: 0,
            blobs: Vec::new(),
            unit: again.map_or(&self.running.call.unit, |old| &old.unit).clone(),
            traceparent: again.map_or(&self.running.call.traceparent, |old| &old.traceparent).clone(),
            fact: fact.clone(),
        };
        let previous = self.heads.previous(self.own, journal);
        let unfit = |error| Refusal::new(Reason::Internal, format!("the entry cannot be written: {error}"));
        let chained = renkei_journal::chain(draft, &previous).map_err(unfit)?;
        let (header, hash) = (chained.header().clone(), chained.hash());
        let seq = header.seq;
        self.take(journal, header, hash, &fact, Body::Own(Box::new(chained)));
        Ok(seq)
    }

    /// Puts the entries that are written from now on into this trace, because they answer an entry in it.
    pub(crate) fn follow(&mut self, traceparent: &str) {
        let valid = Traceparent::parse(traceparent).map(|trace| trace.to_string());
        self.running.call.traceparent = valid.unwrap_or_default();
    }

    /// Adds an entry that came over the link to its journal and page.
    pub(crate) fn take_arrived(&mut self, journal: Journal, entry: Entry, header: Header, hash: Hash, fact: &Fact) {
        self.signs |= journal == Journal::Of(self.own.peer());
        self.take(journal, header, hash, fact, Body::Arrived(entry));
    }

    fn take(&mut self, journal: Journal, header: Header, hash: Hash, fact: &Fact, body: Body) {
        self.heads.turn += 1;
        self.heads.advance(self.own, journal, &header, hash);
        if self.ids.insert(header.entry_id.clone()) {
            self.undo.ids.push(header.entry_id.clone());
        }
        self.fold(journal, &header, hash, fact);
        let arrived_us = self.now().as_microsecond();
        // Repeats of calls are found by the digest. A peer's entry gets none, because the peer could name a digest of
        // ours.
        let is_peers = journal == Journal::Of(self.own.peer());
        let digest = if is_peers { Vec::new() } else { fact.request_digest.clone() };
        self.entries.push(Staged { journal, hash, digest, body, turn: self.heads.turn, arrived_us, header });
    }

    /// Applies an entry to its page and to the rows beside it.
    pub(crate) fn fold(&mut self, journal: Journal, header: &Header, hash: Hash, fact: &Fact) {
        let name = header.matter.clone();
        let matter = Matter::of(&name);
        self.undo.pages.push((name.clone(), self.pages.get(&name).cloned(), self.opened.get(&name).copied()));
        let turn = self.heads.turn;
        self.opened.entry(name.clone()).or_insert(turn);
        let page = self.pages.entry(name.clone()).or_default();
        apply(page, journal, header, hash, fact);
        let Some(kind) = &fact.fact else { return };
        if let Some(lookup) = registry::of_fact(kind).lookup(&matter, kind) {
            self.lookups.push((lookup, name.clone()));
        }
        self.tally(journal, header, kind);
        if let Journal::Of(author) = journal {
            let state = registry::of(&matter).state(&matter, self.page(&name));
            let applied = EntryApplied {
                entry: entry_name(author, header.seq),
                fact_type: FactKind::of(kind).name().to_owned(),
                author: author.into(),
                state: state.to_owned(),
            };
            let own = std::mem::replace(&mut self.running.call.traceparent, header.traceparent.clone());
            self.tell(&name, Change::EntryApplied(applied));
            self.running.call.traceparent = own;
        }
    }

    fn tally(&mut self, journal: Journal, header: &Header, fact: &fact::Fact) {
        let written = header.written_at.as_ref().map(renkei_domain::moment::instant).unwrap_or_default();
        for tally in registry::tallies(self.own, journal, fact, calendar::day(written)) {
            let by = match tally.step {
                Step::Add(by) => by,
                Step::Reach(number) => number.saturating_sub(self.counter(tally.year, &tally.kind)),
            };
            if by == 0 {
                continue;
            }
            let key = (tally.year, tally.kind);
            let before = self.tallied.get(&key).copied();
            self.undo.tallied.push((key.clone(), before));
            self.tallied.insert(key, before.unwrap_or_default() + by);
        }
    }

    /// Refuses a fact that opens a matter under a number that its author has given to another one. The command's read
    /// set names the years of the numbers.
    pub(crate) fn number_is_free(&self, author: Agency, fact: &fact::Fact) -> Result<(), Refusal> {
        let ordinals = registry::of_fact(fact).ordinals(fact);
        if !ordinals.iter().all(|ordinal| self.years.contains(&ordinal.year)) {
            return Err(Refusal::new(Reason::Internal, "the command did not name the year that it counts in"));
        }
        free(self.own, author, &ordinals, |year, kind| self.counter(year, kind))
    }

    fn draw(&mut self) -> u64 {
        self.running.drawn += 1;
        self.running.drawn
    }

    /// Begins a command.
    pub(crate) fn begin(&mut self, call: &CallOrigin, moment: &Moment) {
        let raised = moment.now.as_microsecond().max(head::last_us(&self.heads));
        let now = Timestamp::from_microsecond(raised).unwrap_or(moment.now);
        self.running = Running { call: call.clone(), moment: moment.at(now), drawn: 0 };
        self.undo = Undo {
            heads: Some(self.heads.clone()),
            lengths: [self.lookups.len(), self.entries.len(), self.feed.len(), self.receipts.len()],
            ..Undo::default()
        };
        self.notes.clear();
    }

    /// Begins the writer's own part of a batch. It draws other randomness than the command whose moment it has.
    pub(crate) fn begin_own(&mut self, call: &CallOrigin, moment: &Moment) {
        self.begin(call, moment);
        self.running.drawn = 1 << 32;
    }

    /// Ends a command. A refused command leaves only its notes.
    pub(crate) fn end(&mut self, refused: bool) -> Result<(), Refusal> {
        if refused {
            self.roll_back();
        }
        self.running.call.digest.clear();
        for note in std::mem::take(&mut self.notes) {
            self.write(&note.matter, note.fact, note.content, 0)?;
        }
        Ok(())
    }

    /// Drops the records for undoing and for notifications, for a fold over many entries.
    pub(crate) fn forget(&mut self) {
        self.undo = Undo::default();
        self.feed.clear();
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
        for (key, before) in undo.tallied.into_iter().rev() {
            match before {
                Some(before) => self.tallied.insert(key, before),
                None => self.tallied.remove(&key),
            };
        }
        for id in undo.ids {
            self.ids.remove(&id);
        }
        let [lookups, entries, feed, receipts] = undo.lengths;
        self.lookups.truncate(lookups);
        self.entries.truncate(entries);
        self.feed.truncate(feed);
        self.receipts.truncate(receipts);
    }
}

/// The version of an agency's half of a page: 16 hex digits of its SHA-256.
pub fn etag(page: &Page, own: Agency) -> String {
    let hash = digest(&SHA256, &page.encode_half(own));
    hex::encode(&hash.as_ref()[..8])
}

/// Encodes a content message, as the content of an entry.
pub fn content(message: &impl prost::Message) -> Option<Vec<u8>> {
    Some(message.encode_to_vec())
}
