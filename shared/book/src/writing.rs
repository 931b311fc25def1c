//! The writing of entries on the stage: each is judged, chained, and folded into its page.

use std::sync::Arc;

use renkei_domain::{
    content,
    decide::{Permit, PermittedFact, decide, decide_draft},
    matter::Matter,
    noun::{journal as journal_rules, registry},
    page::Journal,
    refusal::Refusal,
    tally::{Tally, free},
};
use renkei_journal::{Content, Draft, Hash};
use renkei_proto::{
    FactKind, Sentence,
    journal::v1::{Entry, Fact, Header, SaltedContent, fact},
    options::v1::Reason,
    r#type::v1::Agency,
};
use renkei_telemetry::Traceparent;

use crate::{
    aside::SetAside,
    fold::fold,
    stage::{Note, Stage},
    staged::{Body, StagedEntry},
};

/// The most bytes of an entry's content (`SaltedContent` in the contract).
const CONTENT: usize = 1 << 20;

impl Stage {
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
        let fact = Fact { request_digest: self.running.origin.digest.clone(), fact: Some(fact) };
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
        let (view, name) = (self.view(), matter.to_string());
        content::check(
            (matter, view.page(&name)),
            &old.fact,
            old.answers,
            old.content.as_deref(),
            old.commitment.is_some(),
        )?;
        self.append(&permit, old.fact.clone(), old.content.clone(), old.answers, Some(old))
    }

    /// Adds a private entry that is written even if the command is refused.
    pub fn note(&mut self, matter: Matter, fact: fact::Fact, content: Option<Vec<u8>>) {
        self.notes.push(Note { matter, fact, content });
    }

    /// Refuses a new kind of fact until the peer has announced that it speaks that kind.
    fn spoken(&self, permit: &Permit) -> Result<(), Refusal> {
        if permit.is_private() || self.speaks(permit.kind()) {
            return Ok(());
        }
        Err(Refusal::new(
            Reason::WrongState,
            (
                "the peer's service does not speak this kind of fact yet",
                "相手方のシステムは、この種類の記録にまだ対応していません。",
            ),
        ))
    }

    /// True if the peer has announced that it speaks this kind, or has not yet announced any kinds.
    pub fn speaks(&self, kind: FactKind) -> bool {
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
        if !self.matters.contains(&permit.matter().to_string()) {
            return Err(Refusal::new(
                Reason::Internal,
                Sentence::for_developers("the command did not name the page that it writes on"),
            ));
        }
        if content.as_ref().is_some_and(|content| content.len() > CONTENT) {
            return Err(Refusal::new(
                Reason::TooLarge,
                (
                    format!("the words of an entry: at most {CONTENT} bytes"),
                    format!("一件の記録の内容は{CONTENT}バイトまでです。"),
                ),
            ));
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
            content: match (content, again.and_then(|old| old.commitment.clone())) {
                (Some(content), _) => {
                    Content::Salted(SaltedContent { salt: moment.bytes("salt", n).to_vec(), content })
                }
                // A disposal has erased the texts. The fact of the entry must not be lost with them, such as a recall.
                (None, Some(commitment)) => Content::Erased(commitment),
                (None, None) => Content::None,
            },
            written_us: moment.now.as_microsecond(),
            seen_peer_seq: self.heads.peer.seq,
            answers,
            methods_version: 0,
            blobs: Vec::new(),
            unit: again.map_or(&self.running.origin.unit, |old| &old.unit).clone(),
            traceparent: again.map_or(&self.running.origin.traceparent, |old| &old.traceparent).clone(),
            fact: fact.clone(),
        };
        let previous = self.heads.previous(self.own, journal, &self.agreements);
        let unfit = |error| {
            Refusal::new(Reason::Internal, Sentence::for_developers(format!("the entry cannot be written: {error}")))
        };
        let chained = renkei_journal::chain(draft, &previous).map_err(unfit)?;
        let (header, hash) = (chained.header().clone(), chained.hash());
        let seq = header.seq;
        self.take(journal, header, hash, &fact, Body::Own(Box::new(chained)));
        Ok(seq)
    }

    /// Puts the entries that are written from now on into this trace, because they answer an entry in it.
    pub(crate) fn follow(&mut self, traceparent: &str) {
        let valid = Traceparent::parse(traceparent).map(|trace| trace.to_string());
        self.running.origin.traceparent = valid.unwrap_or_default();
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
        let state = self.fold(journal, &header, hash, fact);
        let arrived_us = self.now().as_microsecond();
        // Repeats of calls are found by the digest. A peer's entry gets none, because the peer could name a digest of
        // ours.
        let is_peers = journal == Journal::Of(self.own.peer());
        let digest = if is_peers { Vec::new() } else { fact.request_digest.clone() };
        self.entries.push(StagedEntry {
            journal,
            hash,
            digest,
            body,
            turn: self.heads.turn,
            state,
            arrived_us,
            header,
        });
    }

    /// Applies an entry to its page and to the rows beside it. Returns the state of the matter if watchers are told of it.
    fn fold(&mut self, journal: Journal, header: &Header, hash: Hash, fact: &Fact) -> Option<&'static str> {
        let name = header.matter.clone();
        self.undo.pages.push((name.clone(), self.pages.get(&name).cloned(), self.opened.get(&name).copied()));
        self.opened.entry(name.clone()).or_insert(self.heads.turn);
        let page = Arc::make_mut(self.pages.entry(name.clone()).or_default());
        let effects = fold(self.own, page, journal, header, hash, fact);
        self.lookups.extend(effects.lookups.into_iter().map(|lookup| (lookup, name.clone())));
        self.count(effects.tallies);
        if fact.fact.is_none() || journal == Journal::Private {
            return None;
        }
        let matter = Matter::of(&name);
        Some(registry::of(&matter).state(&matter, self.page(&name)).id)
    }

    fn count(&mut self, tallies: Vec<Tally>) {
        for tally in tallies {
            let by = tally.by(self.counter(tally.year, &tally.kind));
            if by == 0 {
                continue;
            }
            let key = (tally.year, tally.kind);
            let before = self.counted.get(&key).copied();
            self.undo.counted.push((key.clone(), before));
            self.counted.insert(key, before.unwrap_or_default() + by);
        }
    }

    /// Refuses a fact that opens a matter under a number that its author has given to another one. The command's read
    /// set names the years of the numbers.
    pub(crate) fn number_is_free(&self, author: Agency, fact: &fact::Fact) -> Result<(), Refusal> {
        let ordinals = registry::of_fact(fact).ordinals(fact);
        if !ordinals.iter().all(|ordinal| self.years.contains(&ordinal.year)) {
            return Err(Refusal::new(
                Reason::Internal,
                Sentence::for_developers("the command did not name the year that it counts in"),
            ));
        }
        free(self.own, author, &ordinals, |year, kind| self.counter(year, kind))
    }

    fn draw(&mut self) -> u64 {
        self.running.drawn += 1;
        self.running.drawn
    }
}
