//! The readers who may see a matter, and the end of their permission.

use std::{fmt, iter::once};

use jiff::Timestamp;
use renkei_proto::{options::v1::Role, r#type::v1::Purpose};

/// The caller of a read, as far as a scope asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// The roles of the calling system.
    pub roles: Vec<Role>,
    /// The unit that the caller acts for; empty for none.
    pub unit: String,
    /// The purpose that the caller named; unspecified for none.
    pub purpose: Purpose,
}

impl Reader {
    /// The audiences to which this reader belongs. A list shows the matters that are visible to any of them.
    pub fn audiences(&self) -> impl Iterator<Item = Audience<'_>> {
        let units = once(None).chain(self.unit().map(Some));
        units.flat_map(|unit| once(None).chain(self.purpose().map(Some)).map(move |purpose| Audience { unit, purpose }))
    }

    /// True if the audience is one of [`Reader::audiences`]. Every row of a list is asked, so none of them is made.
    fn belongs_to(&self, audience: Audience<'_>) -> bool {
        let Audience { unit, purpose } = audience;
        (unit.is_none() || unit == self.unit()) && (purpose.is_none() || purpose == self.purpose())
    }

    fn unit(&self) -> Option<&str> {
        (!self.unit.is_empty()).then_some(&self.unit)
    }

    fn purpose(&self) -> Option<Purpose> {
        (self.purpose != Purpose::Unspecified).then_some(self.purpose)
    }
}

/// The readers of one unit with one purpose. Its text, `{unit or *}/{purpose or *}`, is its key in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Audience<'a> {
    /// The unit; `None` for every unit of the agency.
    pub unit: Option<&'a str>,
    /// The purpose; `None` for any.
    pub purpose: Option<Purpose>,
}

impl Audience<'_> {
    /// Everybody of the agency, for any purpose.
    pub const EVERYBODY: Self = Self { unit: None, purpose: None };
}

impl fmt::Display for Audience<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.unit.unwrap_or("*"))?;
        match self.purpose {
            Some(purpose) => f.write_str(&purpose.id()),
            None => f.write_str("*"),
        }
    }
}

/// An audience to which a matter is visible, and the end of that. Lists read it from an index; single reads compute it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Visibility<'a> {
    /// The readers who see the matter.
    pub audience: Audience<'a>,
    /// The first instant, in microseconds since 1970, at which the matter is no longer visible; `i64::MAX` for never.
    pub until_us: i64,
}

impl Visibility<'_> {
    /// Everybody of the agency sees the matter, for any purpose and without an end.
    pub const EVERYBODY: Self = Self { audience: Audience::EVERYBODY, until_us: i64::MAX };

    /// True if the reader belongs to the audience now.
    pub fn includes(&self, reader: &Reader, now: Timestamp) -> bool {
        now.as_microsecond() < self.until_us && reader.belongs_to(self.audience)
    }
}
