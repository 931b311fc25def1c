//! Entries that come over the link: they are accepted or refused, or the journal stops. The receiver repeats the
//! judgement on the author's view, so late arrival is never a reason to refuse.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use renkei_domain::{
    content,
    decide::decide,
    matter::{Matter, lower_case_uuid},
    moment::{Moment, instant},
    noun::registry,
    page::{Journal, MarkView as _, View},
    read_set::ReadSet,
    refusal::Refusal,
};
use renkei_journal::{Break, Fault, Lie, Opened, Understood};
use renkei_proto::{
    FactKind, Sentence,
    journal::v1::{Entry, EntryRefused, Fact, Header, fact},
    link::v1::Stop,
    options::v1::{Author, Reason},
    r#type::v1::Agency,
};
use renkei_telemetry::span;
use uuid::{Uuid, Variant, Version};

use crate::{command::Command, head::Heads, owed, stage::Stage, stop::stop};

/// An entry whose signature was verified, with the findings on its body.
pub struct Arriving {
    /// The entry as it arrived.
    pub entry: Entry,
    /// The header, whose signature is valid.
    pub opened: Opened,
    /// The fact, or the fault in it: the journal stops at it, or the entry is refused.
    pub fact: Result<Understood, Fault>,
    /// `Ok` if the content, present or erased, is the one to which the header commits.
    pub content: Result<(), Lie>,
}

/// Accepts entries of one journal in order. The reply contains the number at which it stopped: 0 if all were accepted;
/// with the reason `GAP` the number must be asked for again.
pub struct Arrive {
    /// The agency of this service.
    pub own: Agency,
    /// The author of the journal: the peer, or the own agency when the journal is fetched back.
    pub journal: Agency,
    /// The entries, in order.
    pub entries: Vec<Arriving>,
    /// True if a broken chain was already asked for again, so that the journal stops now.
    pub last_try: bool,
    /// The units that the own agency has.
    pub units: Arc<BTreeSet<String>>,
}

impl Command for Arrive {
    type Reply = Stop;

    fn reads(&self, _: &Moment) -> ReadSet {
        let mut keys = ReadSet::default();
        for arriving in &self.entries {
            let header = arriving.opened.header();
            let fact = arriving.fact.as_ref().ok().and_then(|understood| understood.fact.fact.as_ref());
            keys.extend(match fact {
                Some(fact) => registry::reads(&header.matter, fact),
                None => ReadSet::matter(header.matter.as_str()),
            });
            keys.entries.insert((Journal::Of(self.journal), header.seq));
            keys.ids.insert(header.entry_id.clone());
        }
        keys
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<Stop, Refusal> {
        let Heads { own, peer, .. } = stage.heads();
        if self.journal != self.own && own.seq < own.recover_to {
            // The peer's entries are judged and answered on the own journal, so the own journal is fetched back first.
            return Ok(self.stop(peer.seq + 1, Reason::Gap));
        }
        for arriving in &self.entries {
            let head = stage.heads().of(self.own, Journal::Of(self.journal));
            if head.stop_seq != 0 && self.journal != self.own {
                return Ok(self.stop(head.stop_seq, head.stop_reason));
            }
            if let Arrival::Ends(reason) = self.one(stage, arriving)? {
                let seq = stage.heads().of(self.own, Journal::Of(self.journal)).seq + 1;
                return Ok(self.stop(seq, reason));
            }
        }
        Ok(Stop::default())
    }

    fn while_recovering(&self) -> bool {
        true
    }
}

/// The outcome of one entry.
enum Arrival {
    /// The entry is in the journal, refused or not.
    Accepted,
    /// The journal does not continue with this entry.
    Ends(Reason),
}

impl Arrive {
    fn stop(&self, seq: u64, reason: Reason) -> Stop {
        Stop { seq, reason: reason.into(), journal: self.journal.into() }
    }

    /// Accepts one entry, unless the journal does not continue with it.
    fn one(&self, stage: &mut Stage, arriving: &Arriving) -> Result<Arrival, Refusal> {
        let header = arriving.opened.header();
        let journal = Journal::Of(self.journal);
        if header.seq <= stage.heads().of(self.own, journal).seq {
            return match stage.hash_of(journal, header.seq) {
                Some(hash) if hash == arriving.opened.hash() => Ok(Arrival::Accepted),
                _ => self.stopped(stage, arriving, Reason::Fork),
            };
        }
        let previous = stage.heads().previous(self.own, journal, stage.agreements());
        if let Err(broken) = renkei_journal::verify_chain(&arriving.opened, &previous) {
            let ask_again =
                matches!(broken, Break::Gap { .. }) || (!self.last_try && matches!(broken, Break::ChainBroken { .. }));
            let reason = if ask_again { Reason::Gap } else { broken.reason() };
            return if ask_again { Ok(Arrival::Ends(reason)) } else { self.stopped(stage, arriving, reason) };
        }
        if self.journal == self.own {
            return self.taken_back(stage, arriving);
        }
        let own = &stage.heads().own;
        let reopens = header.incarnation > previous.incarnation;
        let feigned = !reopens && header.seq > own.receipted_own && header.seen_peer_seq < own.receipted;
        if header.seen_peer_seq > own.seq || feigned {
            return self.stopped(stage, arriving, Reason::OrderBroken);
        }
        if let Err(Fault::Stop(broken)) = &arriving.fact {
            return self.stopped(stage, arriving, broken.reason());
        }
        self.judge(stage, arriving)
    }

    fn judge(&self, stage: &mut Stage, arriving: &Arriving) -> Result<Arrival, Refusal> {
        let header = arriving.opened.header().clone();
        let _applying = span::apply(&header.fact_type, &header.entry_id, &header.traceparent).entered();
        let matter = Matter::of(&header.matter);
        let judged = judge_arrival(stage, arriving, &matter);
        let own_fact = FactKind::named(&header.fact_type).is_some_and(|kind| kind.rule().wrong_stops);
        if let Err(refusal) = &judged
            && own_fact
        {
            return self.stopped(stage, arriving, refusal.reason);
        }
        // A fact to which the header does not commit has no effect; the entry keeps its place in the chain all the
        // same.
        let fact = arriving.fact.as_ref().map(|understood| understood.fact.clone()).unwrap_or_default();
        let seq = header.seq;
        stage.follow(&header.traceparent);
        stage.take_arrived(Journal::Of(self.journal), arriving.entry.clone(), header, arriving.opened.hash(), &fact);
        match judged {
            // In a recovery the own journal comes back first, with the answers from before the loss.
            _ if answered(stage, &matter, seq) => {}
            Err(refusal) => {
                tracing::warn!(
                    seq,
                    reason = refusal.reason.id(),
                    detail = %refusal.detail,
                    "an entry of the peer is refused"
                );
                let refused = EntryRefused { seq, reason: refusal.reason.into() };
                stage.write(&matter, fact::Fact::EntryRefused(refused), None, seq)?;
            }
            Ok(()) => arrived(stage, &matter, &fact, seq, &self.units)?,
        }
        Ok(Arrival::Accepted)
    }

    /// An own entry that the peer held for us: it was judged when it was written. Nothing that we write lies in its body,
    /// so what does was changed by the peer.
    fn taken_back(&self, stage: &mut Stage, arriving: &Arriving) -> Result<Arrival, Refusal> {
        let understood = match (&arriving.fact, &arriving.content) {
            (Ok(understood), Ok(())) => understood,
            (Err(fault), _) => return Ok(Arrival::Ends(self::reason(fault))),
            (_, Err(lie)) => return Ok(Arrival::Ends(lie.reason())),
        };
        let header = arriving.opened.header().clone();
        stage.take_arrived(
            Journal::Of(self.own),
            arriving.entry.clone(),
            header,
            arriving.opened.hash(),
            &understood.fact,
        );
        Ok(Arrival::Accepted)
    }

    fn stopped(&self, stage: &mut Stage, arriving: &Arriving, reason: Reason) -> Result<Arrival, Refusal> {
        if self.journal != self.own {
            stop(stage, &arriving.entry, reason);
        }
        Ok(Arrival::Ends(reason))
    }
}

/// The consequences of the arrival of an entry that was not refused.
fn arrived(stage: &mut Stage, matter: &Matter, fact: &Fact, seq: u64, units: &BTreeSet<String>) -> Result<(), Refusal> {
    if let Some(fact::Fact::JournalReopened(_)) = &fact.fact {
        // The peer states that it has lost entries, so the receipts that it signed for them no longer bind it. A receipt
        // that it has signed since may have come first, over another session.
        let seen = stage.heads().peer.seen_peer_seq;
        let own = &mut stage.heads.own;
        if own.receipted_own < seq {
            (own.receipted, own.receipted_own) = (own.receipted.min(seen), seq);
        }
    }
    owed::settle(stage, matter, units)
}

/// True if the arrival of this entry was answered before: by a refusal, or by a fact that the service writes by itself.
fn answered(stage: &Stage, matter: &Matter, seq: u64) -> bool {
    stage.page(&matter.to_string()).all(stage.own()).any(|mark| match mark.stated() {
        Some(fact::Fact::EntryRefused(refused)) => refused.seq == seq,
        Some(fact) => mark.answers == seq && registry::of_fact(fact).is_automatic(fact),
        None => false,
    })
}

/// Checks everything about which the author might lie without breaking the chain.
fn judge_arrival(stage: &Stage, arriving: &Arriving, matter: &Matter) -> Result<(), Refusal> {
    let header = arriving.opened.header();
    let fact = match &arriving.fact {
        Ok(understood) => understood,
        Err(fault) => {
            return Err(Refusal::new(
                reason(fault),
                Sentence::for_developers("the fact is not the one that the header commits to"),
            ));
        }
    };
    head_of_entry(stage, header, matter)?;
    if let Err(lie) = &arriving.content {
        return Err(Refusal::new(
            lie.reason(),
            Sentence::for_developers("the content is not the one that the header commits to"),
        ));
    }
    let salted = arriving.entry.content.as_ref().map(|salted| salted.content.as_slice());
    let view = View::of_author(&stage.pages, header.author(), header);
    let (seen, is_committed) = (view.page(&header.matter), !header.content_commitment.is_empty());
    content::check((matter, seen), &fact.fact, header.answers, salted, is_committed)?;
    if fact.kind.rule().author == Author::Private {
        return Err(Refusal::new(Reason::WrongDirection, Sentence::for_developers("this kind of fact never crosses")));
    }
    let written_at = header.written_at.as_ref().map_or(Timestamp::MIN, instant);
    decide(&view, matter, &fact.fact, header.answers, written_at)?;
    fact.fact.fact.as_ref().map_or(Ok(()), |fact| stage.number_is_free(header.author(), fact))
}

fn reason(fault: &Fault) -> Reason {
    match fault {
        Fault::Stop(broken) => broken.reason(),
        Fault::Refuse(lie) => lie.reason(),
    }
}

fn head_of_entry(stage: &Stage, header: &Header, matter: &Matter) -> Result<(), Refusal> {
    let differs = |detail: &str| Err(Refusal::new(Reason::HeaderDiffers, Sentence::for_developers(detail)));
    let name = matter.to_string();
    let before = stage.pages.get(&name).map(|page| page.last_hash(Journal::Of(header.author()))).unwrap_or_default();
    if header.matter_prev != before {
        return differs("matter_prev is not the author's entry before in this matter");
    }
    let is_v7 = |id: Uuid| id.get_version() == Some(Version::SortRand) && id.get_variant() == Variant::RFC4122;
    if !lower_case_uuid(&header.entry_id).is_some_and(is_v7) {
        return differs("entry_id is not a UUIDv7 in lower case");
    }
    if stage.ids.contains(&header.entry_id) {
        return differs("entry_id is another entry's");
    }
    if header.answers > header.seen_peer_seq {
        return differs("answers an entry that its author had not seen");
    }
    if header.methods_version != 0 {
        return differs("methods_version names a version that was not enacted");
    }
    if !header.blobs.is_empty() {
        return differs("this kind of fact has no attachments");
    }
    if header.content_commitment.is_empty() && header.content_size != 0 {
        return differs("content_size without content");
    }
    Ok(())
}
