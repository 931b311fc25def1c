//! Incoming entries: their signatures are verified outside the writer, then one command stores each batch.

use std::collections::BTreeSet;

use prost::Message as _;
use renkei_book::{Arrive, Arriving, StopJournal};
use renkei_domain::page::Journal;
use renkei_journal::{
    Break, Fault, Lie, Opened, PublicKeys, Understood, check_content, check_fact, in_parallel, is_signed_by_author,
    verify_signature,
};
use renkei_proto::{
    FactKind,
    journal::v1::{Entry, Fact, Header},
    link::v1::{Ask, EntryBatch, Stop},
    options::v1::Reason,
    r#type::v1::Agency,
};
use renkei_telemetry::{span, traceparent};

use crate::{
    error::Error,
    host::Host,
    link::{Link, is_of_keys},
};

/// The outcome of a batch.
pub(crate) enum BatchOutcome {
    /// The whole batch is in the database.
    All,
    /// The peer is asked again.
    Ask(Ask),
    /// The journal is stopped here, and the peer is told.
    Stop(Stop),
    /// A repeated number came without a signature of the journal's author. The peer is told and the session ends, but
    /// nothing is stopped, because everyone with the peer's certificate could have sent it.
    Unproven(Stop),
    /// The peer repeats itself: the session ends, and the next one starts again.
    End(String),
}

/// The entries of a batch whose signatures were verified, up to the first that is broken.
struct VerifiedEntries {
    entries: Vec<Arriving>,
    broken: Option<BrokenEntry>,
}

/// An entry that does not verify, with the reason.
struct BrokenEntry {
    entry: Entry,
    broken: Break,
}

/// One journal that arrives over a session.
pub(crate) struct Incoming {
    journal: Agency,
    keys: PublicKeys,
    /// The number that was asked for again because the entry that came did not fit.
    asked: Option<u64>,
}

impl Incoming {
    pub(crate) async fn new<H: Host>(link: &Link<H>, journal: Agency) -> Result<Self, Error> {
        Ok(Self { journal, keys: link.keys(journal).await?, asked: None })
    }

    /// Verifies and stores a batch.
    pub(crate) async fn take<H: Host>(&mut self, link: &Link<H>, entries: EntryBatch) -> Result<BatchOutcome, Error> {
        let mut rest = entries.entries;
        let headers: Vec<Header> = rest.iter().map(header).collect();
        let (from, to) = (headers.first().map_or(0, |it| it.seq), headers.last().map_or(0, |it| it.seq));
        let traces = traceparent::sampled(headers.iter().map(|it| it.traceparent.as_str()));
        let span = span::receive(self.journal.id(), from, to, &traces);
        let taking = async {
            while !rest.is_empty() {
                let VerifiedEntries { entries, broken } = self.verified(link, &mut rest).await?;
                if let Some(taken) = self.written(link, entries).await? {
                    return Ok(taken);
                }
                if let Some(BrokenEntry { entry, broken }) = broken {
                    return self.broken(link, entry, &broken).await;
                }
            }
            self.asked = None;
            Ok(BatchOutcome::All)
        };
        tracing::Instrument::instrument(taking, span).await
    }

    /// Verifies entries up to the first broken one, or up to one that changes the keys.
    async fn verified<H: Host>(&mut self, link: &Link<H>, rest: &mut Vec<Entry>) -> Result<VerifiedEntries, Error> {
        let mut entries = std::mem::take(rest);
        // Entries after a key fact are verified with the keys that are then in force.
        let changes_keys =
            |entry: &Entry| Fact::decode(entry.fact.as_slice()).is_ok_and(|it| is_of_keys(it.fact.as_ref()));
        if let Some(at) = entries.iter().position(changes_keys) {
            *rest = entries.split_off(at + 1);
        }
        let (keys, kinds) = (self.keys.clone(), link.settings().kinds.clone());
        // Verification needs some 70 µs per entry, too long for a thread that serves calls.
        let verifying = link.host().apart(move || {
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            let shown = in_parallel(&entries, |entry| {
                tracing::dispatcher::with_default(&dispatch, || checked(entry, &keys, &kinds))
            });
            let mut verified = Vec::with_capacity(entries.len());
            for (entry, shown) in entries.into_iter().zip(shown) {
                match shown {
                    Ok(CheckedEntry { opened, fact, content }) => {
                        verified.push(Arriving { entry, opened, fact, content })
                    }
                    Err(broken) => {
                        return VerifiedEntries { entries: verified, broken: Some(BrokenEntry { entry, broken }) };
                    }
                }
            }
            VerifiedEntries { entries: verified, broken: None }
        });
        let verified = verifying.await.ok_or_else(|| Error::fault("entries were not verified"))?;
        if verified.broken.is_some() {
            rest.clear();
        }
        Ok(verified)
    }

    /// Stores verified entries. `None` if all were stored.
    async fn written<H: Host>(
        &mut self,
        link: &Link<H>,
        entries: Vec<Arriving>,
    ) -> Result<Option<BatchOutcome>, Error> {
        if entries.is_empty() {
            return Ok(None);
        }
        let changes_keys = entries.iter().any(|it| it.fact.as_ref().is_ok_and(|it| is_of_keys(it.fact.fact.as_ref())));
        let next = link.host().heads().borrow().of(link.own(), Journal::Of(self.journal)).seq + 1;
        let last_try = self.asked == Some(next);
        let units = link.settings().units.clone();
        let arrive = Arrive { own: link.own(), journal: self.journal, entries, last_try, units };
        let moment = link.settings().source.moment();
        let stop = link.host().write("arrive", moment, arrive).await?;
        if changes_keys {
            self.keys = link.keys(self.journal).await?;
        }
        if stop.seq == 0 {
            return Ok(None);
        }
        if stop.reason() == Reason::Gap {
            return Ok(Some(self.ask(stop.seq, "its entries do not follow each other")));
        }
        if self.journal == link.own() {
            // The own journal is never stopped here. A version that understands the entry fetches it back.
            let why = format!("number {} of the own journal does not come back: {}", stop.seq, stop.reason().id());
            return Ok(Some(BatchOutcome::End(why)));
        }
        Ok(Some(BatchOutcome::Stop(stop)))
    }

    /// Handles a header that is not understood, or whose signature or key is wrong: it is asked for once more. Then the
    /// journal stops if its author signed the entry; otherwise only the session ends.
    async fn broken<H: Host>(&mut self, link: &Link<H>, entry: Entry, broken: &Break) -> Result<BatchOutcome, Error> {
        let next = link.host().heads().borrow().of(link.own(), Journal::Of(self.journal)).seq + 1;
        let reason = broken.reason();
        let waits = matches!(reason, Reason::KeyUnknown | Reason::Gap);
        if self.asked != Some(next) || waits {
            return Ok(self.ask(next, &broken.to_string()));
        }
        if self.journal == link.own() {
            return Ok(BatchOutcome::End(broken.to_string()));
        }
        if !is_signed_by_author(&entry, &self.keys) {
            return Ok(BatchOutcome::Unproven(Stop { seq: next, reason: reason.into(), journal: self.journal.into() }));
        }
        let moment = link.settings().source.moment();
        let stop = StopJournal { entry, reason };
        Ok(BatchOutcome::Stop(link.host().write("stop_journal", moment, stop).await?))
    }

    /// Asks for the entries from a number on; the second time, the session ends.
    fn ask(&mut self, seq: u64, why: &str) -> BatchOutcome {
        if self.asked.replace(seq) == Some(seq) {
            return BatchOutcome::End(format!("number {seq} of the peer's journal is not accepted yet: {why}"));
        }
        BatchOutcome::Ask(Ask { journal: self.journal.into(), from_seq: seq })
    }
}

/// The checks of an entry that need no other entry.
struct CheckedEntry {
    opened: Opened,
    fact: Result<Understood, Fault>,
    content: Result<(), Lie>,
}

fn checked(entry: &Entry, keys: &PublicKeys, kinds: &BTreeSet<FactKind>) -> Result<CheckedEntry, Break> {
    let claimed = header(entry);
    let _verifying = span::verify(&claimed.entry_id, &claimed.traceparent).entered();
    let opened = verify_signature(entry, keys)?;
    let header = opened.header();
    let not_understood = |kind: FactKind| Break::NotUnderstood {
        seq: header.seq,
        what: format!("this version does not speak {}", kind.name()),
    };
    let fact = check_fact(entry, &opened).and_then(|understood| match kinds.contains(&understood.kind) {
        true => Ok(understood),
        false => Err(Fault::Stop(not_understood(understood.kind))),
    });
    let content = check_content(entry, &opened);
    Ok(CheckedEntry { opened, fact, content })
}

/// The header of an entry before it is verified.
fn header(entry: &Entry) -> Header {
    Header::decode(entry.header.as_slice()).unwrap_or_default()
}
