//! What must be true: after every operation, and once the pair has come to rest with everything mended.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use prost::Message as _;
use renkei_book::Memory;
use renkei_domain::{
    memorandum,
    noun::registry,
    page::{Journal, MarkView as _, Page, Pages, Seen},
    tally::TallyKind,
};
use renkei_journal::{Hash, Previous, verify_all};
use renkei_proto::{
    journal::v1::{Entry, Header, fact},
    options::v1::Reason,
    r#type::v1::Agency,
};

pub use crate::violation::Violation;
use crate::{
    sharing::{disclosed, recalled, scoped, sealed},
    side::{Side, first_key},
};

/// The number of operations after which the costlier checks are made again.
const COSTLY: usize = 16;

/// The sentence of two checks: of the pages that have changed, and of everything.
const FOLD: &str = "the state is the fold of the journals";

/// The memory of the checks.
#[derive(Default)]
pub struct Check {
    /// The last numbers that were checked, with their hashes: by agency and author.
    seen: BTreeMap<(Agency, Agency), (u64, Hash)>,
    /// By agency, the ids of entries that callers were told of.
    acknowledged: BTreeMap<Agency, BTreeSet<String>>,
    /// The ids of entries that a faulty version has written.
    faulty: BTreeSet<String>,
    /// By agency, the ids of entries whose texts it has erased. The disposal that states it may be lost, or set aside in a recovery.
    erased: BTreeMap<Agency, BTreeSet<String>>,
    /// The agencies whose databases were replaced: they fetch entries again, from a peer that may have erased the texts.
    replaced: BTreeSet<Agency>,
    /// The ids of entries that were judged by entries of the other agency which were given up since.
    orphaned: BTreeSet<String>,
    /// By the agency that stopped it, the numbers at which the other's journal was stopped.
    stops: BTreeSet<(Agency, u64)>,
    /// The agencies whose journals were being fetched back after the last step.
    recovering: BTreeSet<Agency>,
    /// The pages that were compared with the journals, by agency and name.
    folded: BTreeMap<(Agency, String), Arc<Page>>,
}

type Checked = Result<(), Violation>;

impl Check {
    /// Notes the entries that a caller was told of.
    pub fn acknowledged(&mut self, agency: Agency, entries: BTreeSet<String>) {
        self.acknowledged.entry(agency).or_default().extend(entries);
    }

    /// Notes an entry that a faulty version has written.
    pub fn faulty(&mut self, entry_id: String) {
        self.faulty.insert(entry_id);
    }

    /// Notes that an agency is about to give up its entries behind those that it has. What the other one wrote on them
    /// cannot be judged any more as it was.
    pub fn gives_up(&mut self, sides: &[Side; 2], agency: Agency) {
        let own = sides.iter().find(|side| side.own == agency);
        let left = own.map_or(0, |side| side.disk().heads().own.seq);
        for side in sides {
            let disk = side.disk();
            let written = disk.entries(Journal::Of(agency.peer()), 1);
            let orphaned = written.filter(|entry| entry.header.seen_peer_seq > left);
            self.orphaned.extend(orphaned.map(|entry| entry.header.entry_id.clone()));
        }
    }

    /// Notes the texts that an agency has erased with a disposal that it has just approved.
    pub fn disposed(&mut self, side: &Side) {
        let (disk, known) = (side.disk(), self.erased.entry(side.own).or_default());
        for author in [Agency::Ppc, Agency::Ipa] {
            let all = disk.entries(Journal::Of(author), 1);
            let erased = all.filter(|it| it.entry.content.is_none() && is_disposed(&disk, author, &it.header));
            known.extend(erased.map(|it| it.header.entry_id.clone()));
        }
    }

    /// Notes that an agency's database was replaced, or that its missing entries were given up: whatever nobody has is lost.
    pub fn restored(&mut self, sides: &[Side; 2], agency: Agency) {
        self.seen.retain(|(at, _), _| *at != agency);
        self.recovering.remove(&agency);
        self.replaced.insert(agency);
        for (author, acknowledged) in &mut self.acknowledged {
            let kept: BTreeSet<String> = sides.iter().flat_map(|side| kept(side, *author)).collect();
            acknowledged.retain(|id| kept.contains(id));
        }
    }

    /// What must be true after each step of a session.
    ///
    /// # Errors
    /// The first violation.
    pub fn after_step(&mut self, sides: &[Side; 2], at: usize) -> Checked {
        let [ppc, ipa] = sides;
        for (side, peer) in [(ppc, ipa), (ipa, ppc)] {
            self.journals(side, at)?;
            self.claims(side, peer, at)?;
            self.recovered(side, peer, at)?;
            let disk = side.disk();
            if disk.heads().recovering() && !side.has_lost {
                let detail = format!("{} recovers and has lost nothing", side.own.id());
                return Err(Violation::new("a side recovers only with proof", &detail, at));
            }
        }
        Ok(())
    }

    /// What must be true after each operation.
    ///
    /// # Errors
    /// The first violation.
    pub fn after(&mut self, sides: &[Side; 2], at: usize) -> Checked {
        self.after_step(sides, at)?;
        for side in sides {
            self.pages(side, at)?;
        }
        if at.is_multiple_of(COSTLY) {
            for side in sides {
                // After a loss the peer may have what is to be fetched back.
                let kept = sides.iter().flat_map(|holder| kept(holder, side.own)).collect();
                self.is_durable(side, &kept, at)?;
                folds(side, at)?;
                self.shares(side, at)?;
            }
        }
        Ok(())
    }

    /// A recovery ends when the peer's journal is here again as far as this side had a receipt for it: no recall and no
    /// narrower scope of the peer is forgotten.
    fn recovered(&mut self, side: &Side, peer: &Side, at: usize) -> Checked {
        let (disk, theirs) = (side.disk(), peer.disk().heads().own.clone());
        if disk.heads().own.recover_to > 0 {
            self.recovering.insert(side.own);
            return Ok(());
        }
        let (here, lacks) = (disk.heads().peer.seq, disk.heads().peer.seq < theirs.receipted);
        if self.recovering.remove(&side.own) && lacks {
            let detail = format!("{} has {here} and gave a receipt for {}", side.own.id(), theirs.receipted);
            return Err(Violation::new("a recovery ends when everything is back", &detail, at));
        }
        Ok(())
    }

    /// Each page that has changed is what the journals give.
    fn pages(&mut self, side: &Side, at: usize) -> Checked {
        let disk = side.disk();
        for (name, page) in disk.pages() {
            let key = (side.own, name.clone());
            if self.folded.get(&key).is_some_and(|known| Arc::ptr_eq(known, page)) {
                continue;
            }
            if **page != disk.refolded_page(name) {
                return Err(Violation::new(FOLD, &format!("{}: {name}", side.own.id()), at));
            }
            self.folded.insert(key, Arc::clone(page));
        }
        Ok(())
    }

    /// What a side believes of its peer is true: it has what it has receipted, and has stopped where it is said to.
    fn claims(&mut self, side: &Side, peer: &Side, at: usize) -> Checked {
        let (own, held) = (side.disk().heads().own.clone(), peer.disk().heads().peer.clone());
        if held.stop_seq != 0 {
            self.stops.insert((peer.own, held.stop_seq));
        }
        if own.receipted > held.seq && !peer.has_lost && !side.has_lost {
            let detail =
                format!("{} has {} receipted, and {} has {}", side.own.id(), own.receipted, peer.own.id(), held.seq);
            return Err(Violation::new("a receipt is for what is durable", &detail, at));
        }
        if own.stop_seq != 0 && !self.stops.contains(&(peer.own, own.stop_seq)) {
            let detail =
                format!("{} believes a stop at {} that {} never made", side.own.id(), own.stop_seq, peer.own.id());
            return Err(Violation::new("a stop is believed only with proof", &detail, at));
        }
        Ok(())
    }

    /// No gap, nothing twice, no other entry in the place of one, and each chained to the one before.
    fn journals(&mut self, side: &Side, at: usize) -> Checked {
        let disk = side.disk();
        for author in [Agency::Ppc, Agency::Ipa] {
            let key = (side.own, author);
            let (last, hash) = self.seen.get(&key).copied().unwrap_or_default();
            let wrong = |what: String| {
                let detail = format!("{} in {}'s journal at {}", what, author.id(), side.own.id());
                Violation::new("journals have no gap, and nothing in them changes", &detail, at)
            };
            let is_rewound = author == side.own && disk.heads().recovering();
            if last > 0 && !is_rewound && disk.entry(Journal::Of(author), last).map(|entry| entry.hash) != Some(hash) {
                if author == side.own && side.has_lost {
                    // The own journal was cut back since: the peer has other entries.
                    self.seen.remove(&key);
                    continue;
                }
                return Err(wrong(format!("number {last} is another one or gone")));
            }
            let (mut last, mut hash) = if is_rewound { Default::default() } else { (last, hash) };
            for entry in disk.entries(Journal::Of(author), last + 1) {
                if entry.header.seq != last + 1 {
                    return Err(wrong(format!("number {} follows {last}", entry.header.seq)));
                }
                if entry.header.prev_hash != hash.as_slice() && last > 0 {
                    return Err(wrong(format!("number {} is not chained to the one before", entry.header.seq)));
                }
                (last, hash) = (entry.header.seq, entry.hash);
            }
            if last != disk.heads().of(side.own, Journal::Of(author)).seq {
                return Err(wrong(format!("the head is not number {last}")));
            }
            self.seen.insert(key, (last, hash));
        }
        Ok(())
    }

    /// Whatever a caller was told of is in the journal, or is set aside for an official.
    fn is_durable(&self, side: &Side, kept: &BTreeSet<String>, at: usize) -> Checked {
        let acknowledged = self.acknowledged.get(&side.own).into_iter().flatten();
        match acknowledged.into_iter().find(|id| !kept.contains(*id)) {
            Some(id) => {
                let detail = format!("{} was told of {id}, and its journal lacks it", side.own.id());
                Err(Violation::new("an acknowledged act is in the journal", &detail, at))
            }
            None => Ok(()),
        }
    }

    /// Whatever is shared is shown, disclosed and recalled as Art. 7(2) demands.
    fn shares(&self, side: &Side, at: usize) -> Checked {
        scoped(side, at)?;
        disclosed(side, |id| self.is_excused(id), at)?;
        recalled(side, |id| self.is_excused(id), at)
    }

    /// True for an entry that a faulty version wrote, or that was judged by entries which were given up since.
    fn is_excused(&self, id: &String) -> bool {
        self.faulty.contains(id) || self.orphaned.contains(id)
    }

    /// No entry of an honest version is refused, unless it rests on entries that were given up.
    fn honest(&self, side: &Side, at: usize) -> Checked {
        let disk = side.disk();
        for entry in disk.entries(Journal::Of(side.own), 1) {
            let Some(fact::Fact::EntryRefused(refused)) = &entry.fact.fact else { continue };
            let of = disk.entry(Journal::Of(side.own.peer()), refused.seq);
            if let Some(of) = of.filter(|of| !self.is_excused(&of.header.entry_id)) {
                let Header { seq, fact_type, matter, .. } = &of.header;
                let detail = format!(
                    "{} refuses number {seq}, {fact_type} in {matter}: {}",
                    side.own.id(),
                    refused.reason().id()
                );
                return Err(Violation::new("no entry of an honest version is refused", &detail, at));
            }
        }
        Ok(())
    }

    /// Both sides have the same entries of an author, byte for byte, but for the texts that disposals have erased.
    fn is_same(&self, [ppc, ipa]: &[Side; 2], author: Agency) -> bool {
        let (here, there) = (ppc.journal(author), ipa.journal(author));
        let each = here.iter().zip(&there).all(|(here, there)| {
            let plain = |it: &Entry| Entry { content: None, ..it.clone() };
            let is_gone = |side: &Side, it: &Entry| {
                let header = Header::decode(it.header.as_slice()).unwrap_or_default();
                let by = |agency: Agency| self.erased.get(&agency).is_some_and(|ids| ids.contains(&header.entry_id));
                // It has come without its text: for the first time, or again after a loss.
                let is_fetched = (author != side.own || self.replaced.contains(&side.own)) && by(side.own.peer());
                it.content.is_none() && (is_disposed(&side.disk(), author, &header) || by(side.own) || is_fetched)
            };
            here == there || (plain(here) == plain(there) && (is_gone(ppc, here) || is_gone(ipa, there)))
        });
        here.len() == there.len() && each
    }

    /// What must be true of the pair at rest.
    ///
    /// # Errors
    /// The first violation.
    pub fn at_rest(&self, sides: &[Side; 2], at: usize) -> Checked {
        let [ppc, ipa] = sides;
        for side in sides {
            let heads = side.disk().heads().clone();
            let waits = [
                (heads.recovering(), "it recovers"),
                (heads.backlog() > 0, "receipts are missing"),
                (heads.peer.stop_seq != 0, "it has stopped the peer's journal"),
                (heads.own.stop_seq != 0, "its journal is stopped at the peer"),
            ];
            if let Some((_, why)) = waits.into_iter().find(|(waits, _)| *waits) {
                let detail = format!("{}: {why}", side.own.id());
                return Err(Violation::new("nothing is missing once everything is mended", &detail, at));
            }
            self.is_durable(side, &kept(side, side.own).collect(), at)?;
            folds(side, at)?;
            self.shares(side, at)?;
            numbers(side, at)?;
            self.honest(side, at)?;
            // A disposal erases the text of an entry, and its fact stays.
            if let Some(lost) = side.disk().aside().iter().find(|it| it.reason == Reason::ContentDiffers.id()) {
                return Err(Violation::new(
                    "a set-aside entry is written again without its erased text",
                    &lost.entry_id,
                    at,
                ));
            }
            sealed(side, at)?;
        }
        for author in [Agency::Ppc, Agency::Ipa] {
            if !self.is_same(sides, author) {
                return Err(Violation::new("both sides have the same journals", author.id(), at));
            }
            let start = Previous::start(author, memorandum::agreement_digest());
            let mut lies = 0;
            if let Err(broken) = verify_all(ppc.journal(author), &first_key(author), start, |_| lies += 1) {
                let detail = format!("{}: {broken}", author.id());
                return Err(Violation::new("journals are proved offline", &detail, at));
            }
        }
        let (ppc, ipa) = (ppc.disk(), ipa.disk());
        let names: BTreeSet<&String> = ppc.pages().keys().chain(ipa.pages().keys()).collect();
        for name in names {
            // The page of a private matter is empty but for its local part.
            let shared = |pages: &Pages| pages.get(name).filter(|page| !page.is_empty()).map(|page| page.encode());
            let bytes = |pages: &Pages| shared(pages).unwrap_or_default();
            if bytes(ppc.pages()) != bytes(ipa.pages()) {
                return Err(Violation::new("both sides have the same pages", name, at));
            }
        }
        Ok(())
    }
}

/// The agency with this database has stated that it has erased the text of this entry. This reads the facts, and not what the
/// service did.
fn is_disposed(disk: &Memory, author: Agency, header: &Header) -> bool {
    let by = disk.own();
    disk.entries(Journal::Of(by), 1).any(|own| match &own.fact.fact {
        Some(fact::Fact::ItemDisposed(disposed)) if own.header.matter == header.matter => {
            if author == by {
                header.seq < own.header.seq
            } else {
                header.seq <= disposed.peer_seq
            }
        }
        _ => false,
    })
}

/// The ids of an author's entries that a side has, in the journal or set aside.
fn kept(side: &Side, author: Agency) -> impl Iterator<Item = String> {
    let disk = side.disk();
    let mut kept: Vec<String> =
        disk.entries(Journal::Of(author), 1).map(|entry| entry.header.entry_id.clone()).collect();
    if side.own == author {
        kept.extend(disk.aside().iter().map(|aside| aside.entry_id.clone()));
    }
    kept.into_iter()
}

/// The pages, lookups and counters are what the journals give.
fn folds(side: &Side, at: usize) -> Checked {
    let disk = side.disk();
    let differing = disk.differing(&disk.refolded());
    if differing.is_empty() {
        return Ok(());
    }
    let detail = format!("{}: {}", side.own.id(), differing.join(", "));
    Err(Violation::new(FOLD, &detail, at))
}

/// A number is given to one matter only.
fn numbers(side: &Side, at: usize) -> Checked {
    let disk = side.disk();
    let mut given: BTreeMap<(Agency, TallyKind, u32, u64), String> = BTreeMap::new();
    for (name, page) in disk.pages() {
        for author in [Agency::Ppc, Agency::Ipa] {
            for mark in Seen::whole(page).marks(author) {
                let Some(fact) = mark.stated() else { continue };
                for it in registry::of_fact(fact).ordinals(fact) {
                    let before = given.insert((author, it.kind.clone(), it.year, it.number), name.clone());
                    if let Some(before) = before.filter(|before| before != name) {
                        let detail =
                            format!("{} number {} of {}: {before} and {name}", it.kind.id(), it.number, it.year);
                        return Err(Violation::new("a number is used once", &detail, at));
                    }
                }
            }
        }
    }
    Ok(())
}

/// The reason of every refusal in a side's journals, for the story's end.
pub fn refusals(side: &Side) -> BTreeMap<String, usize> {
    let disk = side.disk();
    let mut all = BTreeMap::new();
    for entry in disk.entries(Journal::Of(side.own), 1) {
        if let Some(fact::Fact::EntryRefused(refused)) = &entry.fact.fact {
            *all.entry(refused.reason().id().to_owned()).or_default() += 1;
        }
    }
    all
}
