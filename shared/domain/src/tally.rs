//! Counters: the numbers that an agency gives out, and the events that it counts. They are rebuilt from the journals.

use std::borrow::Cow;

use jiff::civil::Date;
use renkei_proto::{options::v1::Reason, r#type::v1::Agency};

use crate::refusal::{Refusal, must};

/// A kind of thing that is counted, declared by its noun. Its name is a part of the counter's key in the database.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TallyKind(Cow<'static, str>);

impl TallyKind {
    /// A kind with its name, such as `referral`.
    pub(crate) const fn new(id: &'static str) -> Self {
        Self(Cow::Borrowed(id))
    }

    /// The kind of a counter in the database.
    pub fn stored(id: String) -> Self {
        Self(Cow::Owned(id))
    }

    /// The name in the database.
    pub fn id(&self) -> &str {
        &self.0
    }

    /// The same kind for one part of what is counted, such as `given/virus`.
    pub(crate) fn part(&self, name: &str) -> Self {
        Self(Cow::Owned(format!("{}/{name}", self.0)))
    }

    /// The kind of the numbers that an author has reached. The peer's numbers have counters of their own.
    fn reached(&self, own: Agency, author: Agency) -> Self {
        if author == own { self.clone() } else { Self(Cow::Owned(format!("peer/{}", self.0))) }
    }
}

/// A step of one counter, which is named by `kind` and `year`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tally {
    /// The kind of thing that is counted.
    pub kind: TallyKind,
    /// A fiscal year such as 2026, a month such as 202611, or 0 for all years.
    pub year: u32,
    /// The movement of the counter.
    pub step: Step,
}

/// The movement of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The counter grows by this number.
    Add(u64),
    /// The counter grows to this number, unless it is beyond it.
    Reach(u64),
}

impl Tally {
    /// A counter that grows by a number.
    pub fn add(kind: TallyKind, year: u32, by: u64) -> Self {
        Self { kind, year, step: Step::Add(by) }
    }

    /// The number by which the counter grows from its present value.
    pub fn by(&self, present: u64) -> u64 {
        match self.step {
            Step::Add(by) => by,
            Step::Reach(number) => number.saturating_sub(present),
        }
    }
}

/// A number that an agency gives out once: the ordinal of its matters of one kind within a year.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ordinal {
    /// The kind of matter that is numbered.
    pub kind: TallyKind,
    /// The fiscal year; 0 for all years.
    pub year: u32,
    /// The number, from 1.
    pub number: u64,
}

impl Ordinal {
    /// The step of the counter that an author's numbers have reached.
    pub fn tally(&self, own: Agency, author: Agency) -> Tally {
        Tally { kind: self.kind.reached(own, author), year: self.year, step: Step::Reach(self.number) }
    }
}

/// An author's numbers of one kind and year only grow, so none is given out twice: not by the agency itself, not after a
/// recovery, and not by the peer. `counter` reads one of the counters.
///
/// # Errors
/// `ALREADY_EXISTS`.
pub fn free(
    own: Agency,
    author: Agency,
    ordinals: &[Ordinal],
    counter: impl Fn(u32, &TallyKind) -> u64,
) -> Result<(), Refusal> {
    let is_free = |it: &Ordinal| it.number > counter(it.year, &it.kind.reached(own, author));
    must(
        ordinals.iter().all(is_free),
        Reason::AlreadyExists,
        ("its number was given to another matter", "この番号は、他の案件に付与されています。"),
    )
}

/// The month of a day as a counter's year, such as 202611.
pub fn month_key(day: Date) -> u32 {
    u32::from(day.year().unsigned_abs()) * 100 + u32::from(day.month().unsigned_abs())
}
