//! The rows by which matters are found: in the lists of their noun, and in those of this agency's duties.

use std::collections::BTreeSet;

use jiff::civil::Date;
use renkei_domain::{
    matter::Matter,
    noun::registry,
    page::{Page, Seen},
    standing::{Filter, Standing},
};
use renkei_proto::r#type::v1::Agency;

use crate::{
    bulk::{
        Column::{Int, Text},
        Insert,
    },
    query::{FromRow, Row},
    value::Value,
};

pub(crate) static VISIBLE: Insert = Insert {
    table: "visible",
    columns: &[
        Text("noun"),
        Text("audience"),
        Int("opened_turn"),
        Text("matter"),
        Int("until_us"),
        Text("state"),
        Text("waiting_for"),
        Text("due_day"),
    ],
    conflict: " ON CONFLICT (noun, audience, opened_turn, matter) DO UPDATE SET until_us = excluded.until_us, \
               state = excluded.state, waiting_for = excluded.waiting_for, due_day = excluded.due_day \
               WHERE (visible.until_us, visible.state, visible.waiting_for, visible.due_day) <> \
               (excluded.until_us, excluded.state, excluded.waiting_for, excluded.due_day)",
};
pub(crate) static DUTY: Insert = Insert {
    table: "duty",
    columns: &[Text("kind"), Text("due_day"), Int("opened_turn"), Text("matter")],
    conflict: " ON CONFLICT DO NOTHING",
};
/// Removes the rows of matters in the lists of their noun.
pub(crate) const FORGET_VISIBLE: &str = "DELETE FROM visible WHERE matter";
/// Removes the rows of matters in the lists of duties.
pub(crate) const FORGET_DUTIES: &str = "DELETE FROM duty WHERE matter";

/// The due day of duties without one. It sorts behind all days.
pub(crate) const UNDATED: &str = "undated";

/// The due day as lists of duties have it.
pub(crate) fn day_of(due: Option<Date>) -> String {
    due.map_or_else(|| UNDATED.to_owned(), |day| day.to_string())
}

/// The value of a list of all matters, which has no column.
const EVERY: &str = "";
/// A matter waits for both agencies.
const BOTH: &str = "both";

/// The agencies for which a matter waits, as lists have them.
fn waiting(standing: &Standing) -> &'static str {
    let mut agencies = standing.waiting_for();
    match (agencies.next(), agencies.next()) {
        (None, _) => "",
        (Some(agency), None) => agency.id(),
        (Some(_), Some(_)) => BOTH,
    }
}

/// The ways in which a list is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// All matters.
    Opening,
    /// The matters in a state.
    State,
    /// The matters that wait for an agency.
    Waiting,
}

/// Every way in which a list is found.
pub(crate) const WAYS: [By; 3] = [By::Opening, By::State, By::Waiting];

impl By {
    /// The way in which the matters of a filter are found, with the values of its column: each is a range of the index.
    pub(crate) fn filter(filter: &Filter) -> (Self, Vec<&'static str>) {
        match (filter.state, filter.waiting_for) {
            // A matter with a due day waits for an agency.
            (_, None) if filter.due_until.is_some() => (Self::Waiting, vec![Agency::Ppc.id(), Agency::Ipa.id(), BOTH]),
            (_, Some(agency)) => (Self::Waiting, vec![agency.id(), BOTH]),
            (Some(state), None) => (Self::State, vec![state]),
            (None, None) => (Self::Opening, vec![EVERY]),
        }
    }

    /// The condition on its column, whose value is the parameter at this place. The database cannot tell the type of a
    /// parameter that no condition names, so each way has its own.
    pub(crate) fn condition(self, place: usize) -> String {
        match self {
            Self::Opening => String::new(),
            Self::State => format!(" AND v.state = ${place}"),
            Self::Waiting => format!(" AND v.waiting_for = ${place} AND ($3 = '' OR v.state = $3) AND v.due_day <= $4"),
        }
    }
}

/// A row in a list of a noun.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VisibleRow {
    /// The beginning of the names of the list's matters.
    noun: String,
    audience: String,
    opened: i64,
    pub(crate) matter: String,
    until_us: i64,
    state: String,
    waiting_for: String,
    due_day: String,
}

impl VisibleRow {
    pub(crate) fn values(self) -> Vec<Value> {
        vec![
            self.noun.into(),
            self.audience.into(),
            self.opened.into(),
            self.matter.into(),
            self.until_us.into(),
            self.state.into(),
            self.waiting_for.into(),
            self.due_day.into(),
        ]
    }
}

impl FromRow for VisibleRow {
    /// Reads the columns of [`VISIBLE`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        Ok(Self {
            noun: columns.read()?,
            audience: columns.read()?,
            opened: columns.read()?,
            matter: columns.read()?,
            until_us: columns.read()?,
            state: columns.read()?,
            waiting_for: columns.read()?,
            due_day: columns.read()?,
        })
    }
}

/// A row in a list of duties.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DutyRow {
    kind: String,
    due_day: String,
    opened: i64,
    pub(crate) matter: String,
}

impl DutyRow {
    pub(crate) fn values(self) -> Vec<Value> {
        vec![self.kind.into(), self.due_day.into(), self.opened.into(), self.matter.into()]
    }
}

impl FromRow for DutyRow {
    /// Reads the columns of [`DUTY`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        Ok(Self { kind: columns.read()?, due_day: columns.read()?, opened: columns.read()?, matter: columns.read()? })
    }
}

/// The rows by which one matter is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListRows {
    /// One for each audience that sees the matter.
    pub(crate) visible: BTreeSet<VisibleRow>,
    /// One for each duty of this agency in the matter.
    pub(crate) duties: BTreeSet<DutyRow>,
}

impl ListRows {
    /// The rows that follow from a page, which was opened in this turn.
    pub(crate) fn of(own: Agency, matter: &Matter, page: &Page, opened: i64) -> Self {
        let (noun, seen) = (registry::of(matter), Seen::whole(page));
        let standing = Standing::of(noun, matter, seen);
        let visible = noun.visibility(own, matter, seen).into_iter().map(|visibility| VisibleRow {
            noun: matter.collection.prefix(matter.opener),
            audience: visibility.audience.to_string(),
            opened,
            matter: matter.to_string(),
            until_us: visibility.until_us,
            state: standing.state.to_owned(),
            waiting_for: waiting(&standing).to_owned(),
            due_day: day_of(standing.due()),
        });
        let duties = standing.duties(own).iter().map(|duty| DutyRow {
            kind: duty.kind.id().to_owned(),
            due_day: day_of(duty.due),
            opened,
            matter: matter.to_string(),
        });
        Self { visible: visible.collect(), duties: duties.collect() }
    }
}
