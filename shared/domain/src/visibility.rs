//! The readers who may see a matter, and the end of their permission.

use jiff::Timestamp;
use renkei_proto::options::v1::Role;

/// The caller of a read, as far as a scope asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// The roles of the calling system.
    pub roles: Vec<Role>,
    /// The unit that the caller acts for; empty for none.
    pub unit: String,
    /// The purpose that the caller named; empty for none.
    pub purpose: String,
}

impl Reader {
    /// The audiences to which this reader belongs: `{unit or *}/{purpose or *}`. A list shows the matters that are
    /// visible to any of them.
    pub fn audiences(&self) -> Vec<String> {
        let mut all = Vec::with_capacity(4);
        for unit in ["*", &self.unit] {
            for purpose in ["*", &self.purpose] {
                let audience = format!("{unit}/{purpose}");
                if !unit.is_empty() && !purpose.is_empty() && !all.contains(&audience) {
                    all.push(audience);
                }
            }
        }
        all
    }

    /// True if the audience is one of [`Reader::audiences`]. Every row of a list is asked, so none of them is made.
    fn belongs_to(&self, audience: &str) -> bool {
        let is_one = |part: &str, own: &str| part == "*" || (!own.is_empty() && part == own);
        // A purpose has no slash.
        audience
            .rsplit_once('/')
            .is_some_and(|(unit, purpose)| is_one(unit, &self.unit) && is_one(purpose, &self.purpose))
    }
}

/// An audience to which a matter is visible, and the end of that. Lists read it from an index; single reads compute it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Visibility {
    /// `{unit or *}/{purpose or *}`.
    pub audience: String,
    /// The first instant, in microseconds since 1970, at which the matter is no longer visible; `i64::MAX` for never.
    pub until_us: i64,
}

impl Visibility {
    /// Everybody of the agency sees the matter, for any purpose and without an end.
    pub fn everybody() -> Self {
        Self { audience: EVERYBODY.to_owned(), until_us: i64::MAX }
    }

    /// True if the reader belongs to the audience now.
    pub fn includes(&self, reader: &Reader, now: Timestamp) -> bool {
        now.as_microsecond() < self.until_us && reader.belongs_to(&self.audience)
    }
}

/// The audience of everybody of the agency, for any purpose.
pub const EVERYBODY: &str = "*/*";
