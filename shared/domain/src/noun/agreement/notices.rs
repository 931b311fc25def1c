//! The notices under Art. 8 as both halves of the page state them: the entries that gave them, the arrivals and papers
//! that their receiver recorded, their withdrawals.
//!
//! Each agency states its own part, and none ends a term by a statement about the other one. Therefore a paper that only
//! its receiver knows disputes the next term at most. It becomes one notice with the giver's entry of the same kind, term
//! and document number, and then its arrival counts in full. Whatever is recorded after the last day of the term counts
//! from its recording, so that it cannot undo a renewal on which both agencies rely.

use jiff::{Timestamp, civil::Date};
use renkei_proto::{
    agreement::v1::{
        ArrivalChannel, NoticeArrived, NoticeGiven, NoticeKind, NoticeReceived, NoticeWithdrawalAssented,
        NoticeWithdrawn, notice::State,
    },
    journal::v1::Mark,
    r#type::v1::Agency,
};

use crate::{
    calendar,
    moment::instant,
    page::{MarkView as _, Seen},
    term::{self, NoticeView, Term},
};

/// A notice as the page shows it.
pub struct KnownNotice<'a> {
    /// The agency that gives the notice.
    pub giver: Agency,
    /// The author of the entry by which the notice is named: the giver, or the receiver that recorded it.
    pub author: Agency,
    /// The mark of that entry.
    pub mark: &'a Mark,
    /// The kind of notice.
    pub kind: NoticeKind,
    /// The document number; empty for none.
    pub document: &'a str,
    /// The receiver's record that is one with the giver's entry.
    pub record: Option<&'a Mark>,
    /// The earliest recorded arrival; `None` while it is pending.
    pub arrival: Option<Arrival>,
    /// The entry that withdraws it.
    pub withdrawal: Option<&'a Mark>,
    /// Withdrawn only once the receiver has assented.
    pub state: State,
    /// The parts on which the state of the agreement depends.
    pub view: NoticeView,
}

/// An arrival that the receiver recorded.
#[derive(Clone, Copy)]
pub struct Arrival {
    /// The time of the arrival.
    pub at: Timestamp,
    /// The way by which the notice came.
    pub channel: ArrivalChannel,
    /// The time from which it counts.
    counts_from: Timestamp,
}

impl Arrival {
    fn new(term: Option<&Term>, stated: Option<&prost_types::Timestamp>, channel: i32, record: &Mark) -> Option<Self> {
        let at = stated.map(instant)?;
        let counts_from = if is_too_late(term, record) { record.at() } else { at };
        let channel = ArrivalChannel::try_from(channel).unwrap_or_default();
        Some(Self { at, channel, counts_from })
    }
}

/// True if the record was written when the term was over.
fn is_too_late(term: Option<&Term>, record: &Mark) -> bool {
    term.is_some_and(|term| calendar::day(record.at()) > term.to)
}

/// The day on which a recorded notice was written, and its term.
pub(super) fn written(fact: &NoticeReceived) -> Option<(Date, Term)> {
    let day = calendar::parse_day(&fact.written_on)?;
    Some((day, term::term_on(day)?))
}

/// The notices of both agencies, oldest first.
pub fn notices(seen: Seen<'_>) -> Vec<KnownNotice<'_>> {
    let mut all = Vec::new();
    for giver in [Agency::Ppc, Agency::Ipa] {
        all.extend(seen.all_of::<NoticeGiven>(giver).map(|(mark, fact)| given(seen, giver, mark, fact)));
        let records = seen.all_of::<NoticeReceived>(giver.peer());
        all.extend(records.filter_map(|(mark, fact)| received(seen, giver, mark, fact)));
    }
    all.sort_by_key(KnownNotice::place);
    all
}

impl KnownNotice<'_> {
    /// The place in the order of notices. It never changes, so that a list can continue from it.
    pub fn place(&self) -> (i64, Agency, u64) {
        (self.mark.at().as_microsecond(), self.author, self.mark.seq)
    }
}

fn given<'a>(seen: Seen<'a>, giver: Agency, mark: &'a Mark, fact: &'a NoticeGiven) -> KnownNotice<'a> {
    let term = term::term(fact.term);
    let record = record_of(seen, giver, fact);
    let (mut written_on, mut arrivals) = (calendar::day(mark.at()), arrivals(seen, giver, mark.seq, term.as_ref()));
    if let Some((recorded, paper)) = record {
        arrivals.extend(Arrival::new(term.as_ref(), paper.arrived_at.as_ref(), paper.channel, recorded));
        if let (Some((day, _)), false) = (written(paper), is_too_late(term.as_ref(), recorded)) {
            written_on = written_on.min(day);
        }
    }
    let name = NoticeName { giver, seq: mark.seq, received: false };
    let arrival = arrivals.iter().copied().min_by_key(|arrival| arrival.at);
    let (withdrawal, is_withdrawn) = (name.withdrawal(seen), name.is_withdrawn(seen));
    let state = match arrival {
        _ if is_withdrawn => State::Withdrawn,
        Some(_) => State::Arrived,
        None => State::PendingArrival,
    };
    let view = NoticeView {
        kind: kind(fact.kind()),
        term: fact.term,
        written_on,
        arrived_at: arrivals.iter().map(|arrival| arrival.counts_from).min(),
        receiver_only: false,
        withdrawn: is_withdrawn,
    };
    let record = record.map(|(mark, _)| mark);
    let (kind, document) = (fact.kind(), fact.document.as_str());
    KnownNotice { giver, author: giver, mark, kind, document, record, arrival, withdrawal, state, view }
}

/// A notice that the receiver recorded; `None` where the giver's entry is one with it, or for a day in no term.
fn received<'a>(seen: Seen<'a>, giver: Agency, mark: &'a Mark, fact: &'a NoticeReceived) -> Option<KnownNotice<'a>> {
    let (day, term) = written(fact)?;
    let name = NoticeName { giver, seq: mark.seq, received: true };
    let is_withdrawn = name.is_withdrawn(seen);
    if !is_withdrawn && entry_of(seen, giver, fact).is_some() {
        return None;
    }
    let arrival = Arrival::new(Some(&term), fact.arrived_at.as_ref(), fact.channel, mark);
    let view = NoticeView {
        kind: kind(fact.kind()),
        term: term.ordinal,
        written_on: if is_too_late(Some(&term), mark) { calendar::day(mark.at()) } else { day },
        arrived_at: arrival.map(|arrival| arrival.counts_from),
        receiver_only: true,
        withdrawn: is_withdrawn,
    };
    Some(KnownNotice {
        giver,
        author: giver.peer(),
        mark,
        kind: fact.kind(),
        document: &fact.document,
        record: Some(mark),
        arrival,
        withdrawal: name.withdrawal(seen),
        state: if is_withdrawn { State::Withdrawn } else { State::Arrived },
        view,
    })
}

fn kind(stated: NoticeKind) -> term::NoticeKind {
    match stated {
        NoticeKind::NotRenew => term::NoticeKind::NotRenew,
        NoticeKind::Change => term::NoticeKind::Change,
        NoticeKind::Other | NoticeKind::Unspecified => term::NoticeKind::Other,
    }
}

fn arrivals(seen: Seen<'_>, giver: Agency, seq: u64, term: Option<&Term>) -> Vec<Arrival> {
    let recorded = seen.all_of::<NoticeArrived>(giver.peer()).filter(|(_, arrived)| arrived.notice_seq == seq);
    recorded
        .filter_map(|(mark, arrived)| Arrival::new(term, arrived.arrived_at.as_ref(), arrived.channel, mark))
        .collect()
}

/// The earliest arrival that the receiver recorded for an entry of the giver.
pub(super) fn arrival(seen: Seen<'_>, giver: Agency, seq: u64) -> Option<Timestamp> {
    arrivals(seen, giver, seq, None).iter().map(|arrival| arrival.at).min()
}

/// True if the giver's entry and the receiver's record state one notice.
fn is_one(given: &NoticeGiven, received: &NoticeReceived) -> bool {
    let term = written(received).map(|(_, term)| term.ordinal);
    !given.document.is_empty()
        && (given.kind, given.document.as_str(), Some(given.term)) == (received.kind, received.document.as_str(), term)
}

/// The giver's entry that states the same notice as the receiver's record.
pub(super) fn entry_of<'a>(
    seen: Seen<'a>,
    giver: Agency,
    received: &NoticeReceived,
) -> Option<(&'a Mark, &'a NoticeGiven)> {
    seen.all_of::<NoticeGiven>(giver).find(|(_, given)| is_one(given, received))
}

/// The receiver's record that states the same notice as the giver's entry, unless that record is withdrawn.
fn record_of<'a>(seen: Seen<'a>, giver: Agency, given: &NoticeGiven) -> Option<(&'a Mark, &'a NoticeReceived)> {
    let mut records = seen.all_of::<NoticeReceived>(giver.peer());
    let is_withdrawn = |seq| NoticeName { giver, seq, received: true }.is_withdrawn(seen);
    records.find(|(mark, received)| is_one(given, received) && !is_withdrawn(mark.seq))
}

/// A notice as its withdrawal names it.
#[derive(Clone, Copy)]
pub(super) struct NoticeName {
    pub(super) giver: Agency,
    /// The number of the giver's entry or, if it was received on paper only, of the receiver's record.
    pub(super) seq: u64,
    pub(super) received: bool,
}

impl NoticeName {
    /// The first withdrawal of the notice that counts.
    pub(super) fn withdrawal(self, seen: Seen<'_>) -> Option<&Mark> {
        let mut withdrawals = seen.all_of::<NoticeWithdrawn>(self.giver);
        let names_it = |it: &NoticeWithdrawn| (it.notice_seq, it.received) == (self.seq, self.received);
        withdrawals.find(|(_, withdrawn)| names_it(withdrawn)).map(|(mark, _)| mark)
    }

    /// True if the peer has assented to the withdrawal.
    pub(super) fn is_withdrawn(self, seen: Seen<'_>) -> bool {
        self.withdrawal(seen).is_some_and(|withdrawal| has_assent(seen, self.giver, withdrawal))
    }
}

/// True if the receiver has assented to this withdrawal of the giver.
pub(super) fn has_assent(seen: Seen<'_>, giver: Agency, withdrawal: &Mark) -> bool {
    seen.answer::<NoticeWithdrawalAssented>(giver.peer(), withdrawal.seq).is_some()
}

/// A document number in its canonical form: without spaces, full-width characters and the various dashes as ASCII, so
/// that two offices that copy one number write it alike.
pub fn document(number: &str) -> String {
    let folded = |c: char| match c {
        '\u{FF01}'..='\u{FF5E}' => u32::from(c).checked_sub(0xFEE0).and_then(char::from_u32).unwrap_or(c),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        other => other,
    };
    number.chars().filter(|c| !c.is_whitespace()).map(folded).collect()
}
