//! Outgoing entries: read in order, at most four batches without a receipt.

use std::collections::VecDeque;

use renkei_book::StoredEntry;
use renkei_domain::{moment::micros, page::Journal};
use renkei_proto::{
    journal::v1::Entry,
    link::v1::{EntryBatch, frame::Kind},
    r#type::v1::Agency,
};
use renkei_telemetry::{Traceparent, span, traceparent};

use crate::{error::Error, host::Host};

/// The maximum number of entries in a batch.
pub(crate) const ENTRIES: usize = 256;
/// The maximum number of batches without a receipt.
const WINDOW: usize = 4;

/// The stream of one journal to the peer.
pub(crate) struct Outgoing {
    journal: Agency,
    next: u64,
    /// Batches that have no receipt yet.
    waiting: VecDeque<Sent>,
    /// True for the own journal, which is answered with receipts. The part of its own journal that the peer asks for
    /// has none.
    has_receipts: bool,
}

/// A batch on its way.
struct Sent {
    last: u64,
    /// The time at which the last entry was written, in microseconds since 1970.
    written_us: i64,
    /// The sampled traces of its entries.
    traces: Vec<Traceparent>,
}

impl Sent {
    /// A batch of these entries; `None` if there are none.
    fn of(held: &[StoredEntry]) -> Option<Self> {
        let newest = &held.last()?.header;
        let traces = traceparent::sampled(held.iter().map(|held| held.header.traceparent.as_str()));
        Some(Self { last: newest.seq, written_us: micros(newest.written_at.as_ref()), traces })
    }
}

impl Outgoing {
    /// Streams the own journal from a number on. The peer signs receipts for it.
    pub(crate) fn of_own(own: Agency, from: u64) -> Self {
        Self { journal: own, next: from, waiting: VecDeque::new(), has_receipts: true }
    }

    /// Streams a journal from the number at which the peer asks for it. There are no receipts for it.
    pub(crate) fn asked_for(journal: Agency, from: u64) -> Self {
        Self { journal, next: from, waiting: VecDeque::new(), has_receipts: false }
    }

    /// Continues from a number for which the peer asked again.
    pub(crate) fn resend_from(&mut self, from: u64) {
        self.next = from;
        self.waiting.clear();
    }

    /// The sampled traces of the entries that a receipt up to this number confirms.
    pub(crate) fn traces(&self, up_to: u64) -> Vec<Traceparent> {
        self.waiting.iter().filter(|sent| sent.last <= up_to).flat_map(|sent| sent.traces.iter().copied()).collect()
    }

    /// The time of writing of the last entry that a receipt up to this number confirms, in microseconds since 1970.
    pub(crate) fn written_us(&self, up_to: u64) -> Option<i64> {
        self.waiting.iter().rfind(|sent| sent.last <= up_to).map(|sent| sent.written_us)
    }

    /// Records that the peer has stored the journal up to a number.
    pub(crate) fn receipted(&mut self, up_to: u64) {
        self.waiting.retain(|sent| sent.last > up_to);
        // Entries that were receipted over another session need not be sent.
        if self.waiting.is_empty() {
            self.next = self.next.max(up_to + 1);
        }
    }

    /// True if there may be something to send, given the number of the journal's head.
    pub(crate) fn is_ready(&self, head: u64) -> bool {
        self.next <= head && (!self.has_receipts || self.waiting.len() < WINDOW)
    }

    /// Records that the peer has stored the journal up to a number, and that its receipt for the entries after
    /// `receipted` is on its way.
    pub(crate) async fn held(&mut self, host: &impl Host, receipted: u64, up_to: u64) -> Result<(), Error> {
        let mut held = host.entries(Journal::Of(self.journal), receipted + 1, ENTRIES).await?;
        held.retain(|held| held.header.seq <= up_to);
        self.waiting.extend(Sent::of(&held));
        Ok(())
    }

    /// The next batch; `None` if there is nothing left.
    pub(crate) async fn batch(&mut self, host: &impl Host) -> Result<Option<Kind>, Error> {
        let held = host.entries(Journal::Of(self.journal), self.next, ENTRIES).await?;
        let Some(sent) = Sent::of(&held) else { return Ok(None) };
        drop(span::send(self.journal.id(), self.next, sent.last, &sent.traces));
        self.next = sent.last + 1;
        if self.has_receipts {
            self.waiting.push_back(sent);
        }
        let entries: Vec<Entry> = held.into_iter().map(|held| held.entry).collect();
        Ok(Some(Kind::Entries(EntryBatch { journal: self.journal.into(), entries })))
    }
}
