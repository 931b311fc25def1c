//! An agency's next task in a matter, and its last day. Time is not part of the state: a duty is overdue once its day
//! is over.

use jiff::civil::Date;

/// A kind of task, declared by its noun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DutyKind(&'static str);

impl DutyKind {
    /// A kind with a name for indexes, metrics and operators, such as `give_advice`.
    pub const fn new(id: &'static str) -> Self {
        Self(id)
    }

    /// The name for indexes, metrics and operators.
    pub fn id(self) -> &'static str {
        self.0
    }

    /// A duty of this kind without a day.
    pub fn undated(self) -> Duty {
        Duty { kind: self, due: None, by_rule: false }
    }
}

/// A task of one agency in one matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duty {
    /// The kind of task.
    pub kind: DutyKind,
    /// The last day for it in Japan; `None` where no day is named.
    pub due: Option<Date>,
    /// True if the day lies in a year whose holidays were not fixed when it was computed, so that it is provisional.
    pub by_rule: bool,
}
