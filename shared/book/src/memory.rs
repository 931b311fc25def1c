//! An agency's database in memory, for simulations and for tests of the rules: the rows that a store has, and the one way
//! in which a batch reads and changes them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use renkei_domain::{
    index::Lookup,
    moment::Moment,
    noun::journal as journal_rules,
    page::{Journal, Page, Pages, View},
    read_set::ReadSet,
};
use renkei_journal::{Head, SigningKey, sign_receipt};
use renkei_proto::{
    journal::v1::{PrivateAnchored, Receipt, SignedReceipt},
    options::v1::Reason,
    r#type::v1::Agency,
};

use crate::{
    aside::SetAside,
    batch::{Batch, Outcome, Reply, Submission},
    erasure::Erasure,
    feed::{Around, Cursor, Told},
    head::Heads,
    recovery::is_set_aside,
    rows::Rows,
    stage::Stage,
    staged::{Body, Counters, Staged, StagedEvent},
    stored::StoredEntry,
};

/// A batch that was judged and is not kept yet.
pub struct Judged {
    outcomes: Vec<Outcome>,
    staged: Staged,
    replies: Vec<Reply>,
    moment: Moment,
}

/// The rows of one agency.
#[derive(Clone)]
pub struct Memory {
    own: Agency,
    heads: Heads,
    pages: Pages,
    opened: BTreeMap<String, u64>,
    counters: Counters,
    lookups: BTreeSet<(Lookup, String)>,
    entries: BTreeMap<(Journal, u64), StoredEntry>,
    /// The names of the states after the entries of which watchers are told.
    states: BTreeMap<(Journal, u64), &'static str>,
    events: Vec<StagedEvent>,
    ids: BTreeSet<String>,
    /// The replies to calls, by the keys under which repeats find them.
    replies: BTreeMap<String, Reply>,
    /// The peer's receipts by the numbers up to which they go: for each the newest.
    receipts: BTreeMap<u64, Receipt>,
    given: Option<SignedReceipt>,
    aside: Vec<SetAside>,
    marked: bool,
}

impl Memory {
    /// An empty database.
    pub fn new(own: Agency) -> Self {
        Self {
            own,
            heads: Heads::default(),
            pages: Pages::new(),
            opened: BTreeMap::new(),
            counters: Counters::new(),
            lookups: BTreeSet::new(),
            entries: BTreeMap::new(),
            states: BTreeMap::new(),
            events: Vec::new(),
            ids: BTreeSet::new(),
            replies: BTreeMap::new(),
            receipts: BTreeMap::new(),
            given: None,
            aside: Vec::new(),
            marked: false,
        }
    }

    /// The agency whose database this is.
    pub fn own(&self) -> Agency {
        self.own
    }

    /// The heads of its journals.
    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// All pages.
    pub fn pages(&self) -> &Pages {
        &self.pages
    }

    /// The view of everything that is stored.
    pub fn view(&self) -> View<'_> {
        View::whole(&self.pages, self.own)
    }

    /// The counters by year and kind.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The matter that has this other name.
    pub fn lookup(&self, lookup: &Lookup) -> Option<&String> {
        let mut named = self.lookups.range((lookup.clone(), String::new())..);
        named.next().filter(|(known, _)| known == lookup).map(|(_, matter)| matter)
    }

    /// An entry with its content, by its journal and number.
    pub fn entry(&self, journal: Journal, seq: u64) -> Option<&StoredEntry> {
        self.entries.get(&(journal, seq))
    }

    /// The entries of a journal from a number on, in order.
    pub fn entries(&self, journal: Journal, from: u64) -> impl Iterator<Item = &StoredEntry> {
        self.entries.range((journal, from)..=(journal, u64::MAX)).map(|(_, entry)| entry)
    }

    /// The peer's newest receipt up to this number.
    pub fn receipt(&self, up_to: u64) -> Option<&Receipt> {
        self.receipts.get(&up_to)
    }

    /// The peer's receipts that are kept, by the numbers up to which they go.
    pub fn receipts(&self) -> impl Iterator<Item = &Receipt> {
        self.receipts.values()
    }

    /// The newest receipt that was signed for the peer's journal.
    pub fn receipt_given(&self) -> Option<&SignedReceipt> {
        self.given.as_ref()
    }

    /// The entries that were set aside.
    pub fn aside(&self) -> &[SetAside] {
        &self.aside
    }

    /// True if the database is a copy that has not opened a new incarnation yet.
    pub fn is_marked(&self) -> bool {
        self.marked
    }

    /// Marks the database as a copy.
    pub fn mark(&mut self) {
        self.marked = true;
    }

    /// True if the private journal contains the entry that its last anchor names, or has no anchor.
    pub fn is_private_whole(&self) -> bool {
        let page = self.view().page(&journal_rules::name(self.own));
        let Some(anchor) = journal_rules::anchor(page, self.own) else { return true };
        self.entry(Journal::Private, anchor.seq).is_some_and(|entry| entry.hash == anchor.hash.as_slice())
    }

    /// The changes after a turn, in order: entries of both agencies, and events.
    pub fn feed(&self, after: u64) -> Vec<Told> {
        let told = self.states.iter().filter_map(|(key, state)| {
            let (Journal::Of(author), entry) = (key.0, self.entries.get(key)?) else { return None };
            let told = || Told::entry(entry.turn, author, entry.header.clone(), entry.hash, state, entry.arrived_us);
            (entry.turn > after).then(told)
        });
        let events = self.events.iter().filter(|event| event.turn > after);
        let mut all: Vec<Told> = told.chain(events.map(|it| Told::event(it.turn, it.event.clone()))).collect();
        all.sort_by_key(|told| told.turn);
        all
    }

    /// What is around the ends of the own journal and of the peer's that a cursor names.
    pub fn around(&self, cursor: &Cursor) -> [Around; 2] {
        [(self.own, cursor.own.seq), (self.own.peer(), cursor.peer.seq)].map(|(author, seq)| {
            let journal = Journal::Of(author);
            let mut behind = self.states.range((journal, seq + 1)..=(journal, u64::MAX));
            Around {
                hash: self.entry(journal, seq).map(|entry| entry.hash),
                next: behind.next().and_then(|(key, _)| Some(self.entries.get(key)?.turn)),
            }
        })
    }

    /// Answers calls as one batch and keeps the results. Own entries and a receipt are signed with this key.
    pub fn write(&mut self, submissions: &[Submission], key: &SigningKey) -> Vec<Outcome> {
        match self.judge(submissions) {
            Some(judged) => self.keep(judged, key),
            None => Vec::new(),
        }
    }

    /// Writes a batch that was judged before. If another one was written since then it is judged again, as a replica does
    /// that has locked the heads.
    pub fn write_judged(&mut self, judged: Judged, submissions: &[Submission], key: &SigningKey) -> Vec<Outcome> {
        if judged.staged.is_of(self.heads.commits + 1) { self.keep(judged, key) } else { self.write(submissions, key) }
    }

    /// Answers calls as one batch without keeping the results. `None` without calls.
    pub fn judge(&self, submissions: &[Submission]) -> Option<Judged> {
        let first = submissions.first()?;
        let (mut batch, moment) = (self.batch(&first.moment), first.moment.clone());
        for submission in submissions {
            let mut reads = submission.reads(self.own);
            batch.replies.add(
                submission.call.key().and_then(|key| self.replies.get(&key)).cloned(),
                self.caused(&submission.call.digest),
            );
            reads.matters.extend(batch.replies.matter_of(&submission.call).cloned());
            let reads = batch.stage.lacking(reads);
            batch.stage.load(self.rows(reads));
        }
        for submission in submissions {
            batch.answer(submission);
        }
        let Batch { mut stage, outcomes, records, .. } = batch;
        if let Some(due) = stage.due_anchor() {
            let is_there = |last: &PrivateAnchored| {
                self.entry(Journal::Private, last.seq).is_some_and(|entry| entry.hash == last.hash.as_slice())
            };
            if due.last.as_ref().is_none_or(is_there) {
                // A refusal leaves the anchor to the next batch that asks for one.
                let _ = stage.anchor(&moment);
            }
        }
        let replies = records.into_iter().filter_map(|record| record.reply).collect();
        Some(Judged { outcomes, staged: stage.finish().0, replies, moment })
    }

    /// A batch on what is stored, with no rows on its stage.
    pub fn batch(&self, moment: &Moment) -> Batch {
        let heads = Heads { commits: self.heads.commits + 1, ..self.heads.clone() };
        Batch::new(Stage::new(self.own, heads, moment.clone()))
    }

    /// The matter of the first entry that a request with this digest caused.
    fn caused(&self, digest: &[u8]) -> Option<(Vec<u8>, String)> {
        if digest.is_empty() {
            return None;
        }
        let is_own = |entry: &&StoredEntry| entry.journal != Journal::Of(self.own.peer());
        let mut caused = self.entries.values().filter(is_own).filter(|entry| entry.fact.request_digest == digest);
        caused.next().map(|entry| (digest.to_vec(), entry.header.matter.clone()))
    }

    /// The rows that this read set names.
    pub fn rows(&self, reads: ReadSet) -> Rows {
        let mut rows = Rows::default();
        let mut page = |name: &String, page: &Arc<Page>| {
            let opened = self.opened.get(name).copied().unwrap_or_default();
            rows.pages.insert(name.clone(), (Arc::clone(page), opened));
        };
        for name in &reads.matters {
            self.pages.get(name).into_iter().for_each(|found| page(name, found));
        }
        let mut listed = BTreeSet::new();
        for (collection, opener) in &reads.lists {
            let prefix = collection.prefix(*opener);
            let found = self.pages.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix));
            for (name, found) in found {
                page(name, found);
                listed.insert(name.clone());
            }
        }
        let counters = self.counters.iter().filter(|((year, _), _)| reads.years.contains(year));
        rows.counters = counters.map(|(key, last)| (key.clone(), *last)).collect();
        let hash = |key: &(Journal, u64)| self.entries.get(key).map(|entry| (*key, entry.hash));
        rows.hashes = reads.entries.iter().filter_map(hash).collect();
        rows.ids = reads.ids.intersection(&self.ids).cloned().collect();
        rows.years = reads.years;
        rows.matters = reads.matters;
        rows.matters.extend(listed);
        rows
    }

    /// Keeps the results of a batch.
    fn keep(&mut self, judged: Judged, key: &SigningKey) -> Vec<Outcome> {
        let Judged { outcomes, staged, replies, moment } = judged;
        let erasures = staged.erasures();
        self.replies.extend(replies.into_iter().map(|reply| (reply.request.clone(), reply)));
        if let Some(receipt) = staged.receipt(moment.now) {
            self.given = Some(sign_receipt(key, &receipt));
        }
        self.heads = staged.heads;
        for (name, changed) in staged.pages {
            self.opened.insert(name.clone(), changed.opened);
            self.pages.insert(name, changed.page);
        }
        for (key, by) in staged.counted {
            *self.counters.entry(key).or_default() += by;
        }
        self.lookups.extend(staged.lookups);
        for entry in staged.entries {
            let signed = match entry.body {
                Body::Own(chained) => chained.sign(key),
                Body::Arrived(signed) => signed,
            };
            let stored =
                StoredEntry::new(entry.journal, signed, entry.header, entry.hash, entry.turn, entry.arrived_us);
            self.insert(stored, entry.state);
        }
        self.events.extend(staged.events);
        self.receipts.extend(staged.receipts.into_iter().map(|kept| (kept.receipt.up_to_seq, kept.receipt)));
        for (entry_id, reason) in staged.judged_again {
            match reason {
                Reason::Unspecified => self.aside.retain(|aside| aside.entry_id != entry_id),
                reason => self
                    .aside
                    .iter_mut()
                    .filter(|aside| aside.entry_id == entry_id)
                    .for_each(|aside| aside.reason = reason.id().to_owned()),
            }
        }
        self.marked &= !staged.unmark;
        self.erase(&erasures);
        outcomes
    }

    /// Removes the texts that are not kept.
    fn erase(&mut self, erasures: &BTreeMap<String, Erasure>) {
        if erasures.is_empty() {
            return;
        }
        for ((journal, seq), stored) in &mut self.entries {
            if erasures.get(&stored.header.matter).is_some_and(|erasure| erasure.covers(*journal, *seq)) {
                (stored.entry.content, stored.content_present) = (None, false);
            }
        }
        for aside in &mut self.aside {
            if erasures.get(&aside.matter).is_some_and(|erasure| erasure.covers_aside(aside.seq)) {
                aside.content = None;
            }
        }
    }

    fn insert(&mut self, stored: StoredEntry, state: Option<&'static str>) {
        let key = (stored.journal, stored.header.seq);
        self.states.remove(&key);
        self.states.extend(state.map(|state| (key, state)));
        self.ids.insert(stored.header.entry_id.clone());
        self.entries.insert(key, stored);
    }

    /// Stores an entry of a journal without judging or answering it.
    pub fn hold(&mut self, mut entry: StoredEntry) {
        self.heads.turn += 1;
        self.heads.commits += 1;
        entry.turn = self.heads.turn;
        self.heads.advance(self.own, entry.journal, &entry.header, entry.hash);
        self.fold(&entry);
        let is_told = entry.journal != Journal::Private;
        self.insert(entry, is_told.then_some(""));
    }

    fn fold(&mut self, entry: &StoredEntry) {
        let StoredEntry { journal, header, hash, fact, turn, .. } = entry;
        let page = self.pages.entry(header.matter.clone()).or_default();
        let effects = crate::fold(self.own, Arc::make_mut(page), *journal, header, *hash, fact);
        self.opened.entry(header.matter.clone()).or_insert(*turn);
        self.lookups.extend(effects.lookups.into_iter().map(|lookup| (lookup, header.matter.clone())));
        for tally in effects.tallies {
            let key = (tally.year, tally.kind.clone());
            let before = self.counters.get(&key).copied().unwrap_or_default();
            let by = tally.by(before);
            if by > 0 {
                self.counters.insert(key, before + by);
            }
        }
    }

    /// A page made again from the journals.
    pub fn refolded_page(&self, name: &str) -> Page {
        let mut entries: Vec<&StoredEntry> = self.entries.values().filter(|it| it.header.matter == name).collect();
        entries.sort_by_key(|entry| entry.turn);
        let mut page = Page::default();
        for StoredEntry { journal, header, hash, fact, .. } in entries {
            crate::fold(self.own, &mut page, *journal, header, *hash, fact);
        }
        page
    }

    /// The same database with everything that is only a cache made again from the journals.
    pub fn refolded(&self) -> Self {
        let mut again = self.clone();
        again.refold();
        again
    }

    fn refold(&mut self) {
        (self.pages, self.opened) = (Pages::new(), BTreeMap::new());
        (self.counters, self.lookups) = (Counters::new(), BTreeSet::new());
        let mut in_turn: Vec<StoredEntry> = self.entries.values().cloned().collect();
        in_turn.sort_by_key(|entry| entry.turn);
        in_turn.iter().for_each(|entry| self.fold(entry));
    }

    /// The names of the parts of the cache that differ in another database; empty if they are equal.
    pub fn differing(&self, other: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.pages.keys().chain(other.pages.keys()).collect();
        let mut all: Vec<String> =
            names.into_iter().filter(|name| self.pages.get(*name) != other.pages.get(*name)).cloned().collect();
        all.extend((self.opened != other.opened).then(|| "opened".to_owned()));
        all.extend((self.counters != other.counters).then(|| "counters".to_owned()));
        all.extend((self.lookups != other.lookups).then(|| "lookups".to_owned()));
        all
    }

    /// Begins a recovery, as a store does: own entries without a receipt are set aside, until the own journal is here up to
    /// `lost`.
    pub fn rewind(&mut self, lost: Head) {
        self.heads.commits += 1;
        if self.heads.own.recover_to > 0 {
            self.heads.own.recover_to = self.heads.own.recover_to.max(lost.seq);
            return;
        }
        let journal = Journal::Of(self.own);
        if lost.seq == 0 || self.entry(journal, lost.seq).is_some_and(|ours| ours.hash == lost.hash) {
            return;
        }
        let kept = self.heads.kept();
        let gone: Vec<StoredEntry> = self.entries(journal, kept + 1).cloned().collect();
        for entry in gone {
            self.entries.remove(&(journal, entry.header.seq));
            self.states.remove(&(journal, entry.header.seq));
            self.ids.remove(&entry.header.entry_id);
            // The replies to these entries are no longer true.
            self.replies.retain(|_, reply| reply.digest != entry.fact.request_digest);
            let is_new = self.aside.iter().all(|aside| aside.entry_id != entry.header.entry_id);
            if is_set_aside(&entry.header) && is_new {
                self.aside.push(SetAside::of(entry.header, entry.fact, entry.entry.content));
            }
        }
        let last = self.entry(journal, kept).map(|last| (last.header.clone(), last.hash));
        self.heads.rewind(last.as_ref().map(|(header, hash)| (header, *hash)), lost.seq);
        self.refold();
    }
}
