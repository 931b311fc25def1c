//! Seals: keyed digests over the rows that the service keeps beside the journals. Pages are a cache and replies are
//! copies, so nothing else proves them; a row that is changed without the service's keys cannot be sealed.
//!
//! A seal also covers the turn in which the page last changed, which must be the turn of the matter's last entry: an
//! older copy of the row has a valid seal and another turn.

use renkei_book::{Declined, Reply, shown};
use renkei_domain::page::Page;
use renkei_telemetry::Metrics;

use crate::{
    content::{KeyRing, Part},
    error::Error,
    query::Columns,
    value::count,
};

const PAGE: &[u8] = b"renkei page v1\0";
const REPLY: &[u8] = b"renkei reply v1\0";

/// The row of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageRow<B = Vec<u8>> {
    pub(crate) opened: i64,
    pub(crate) changed: i64,
    pub(crate) page: B,
    pub(crate) local: B,
}

impl<B: AsRef<[u8]>> PageRow<B> {
    pub(crate) fn seal(&self, ring: &KeyRing, matter: &str) -> Vec<u8> {
        ring.seal(PAGE, &self.parts(matter))
    }

    pub(crate) fn is_sealed(&self, ring: &KeyRing, matter: &str, seal: Option<&[u8]>) -> bool {
        seal.is_some_and(|seal| ring.is_sealed(PAGE, &self.parts(matter), seal))
    }

    fn parts<'a>(&'a self, matter: &'a str) -> [Part<'a>; 5] {
        [
            Part::Bytes(matter.as_bytes()),
            Part::Number(self.opened),
            Part::Number(self.changed),
            Part::Bytes(self.page.as_ref()),
            Part::Bytes(self.local.as_ref()),
        ]
    }
}

/// The seal of a reply that is stored at a time.
pub(crate) fn seal_reply(reply: &Reply, at_us: i64, ring: &KeyRing) -> Vec<u8> {
    ring.seal(REPLY, &reply_parts(reply, at_us))
}

/// True if the seal is the one of this reply at this time.
pub(crate) fn is_reply_sealed(reply: &Reply, at_us: i64, ring: &KeyRing, seal: &[u8]) -> bool {
    ring.is_sealed(REPLY, &reply_parts(reply, at_us), seal)
}

fn reply_parts(reply: &Reply, at_us: i64) -> [Part<'_>; 4] {
    let Reply { request, digest, bytes } = reply;
    [Part::Bytes(request.as_bytes()), Part::Bytes(digest), Part::Bytes(bytes), Part::Number(at_us)]
}

/// The columns of a page in the order in which [`StoredPage`] reads them; `{}` is the matter that was asked for.
macro_rules! page_columns {
    ($matter:literal) => {
        concat!(
            $matter,
            ", p.page, p.local, p.changed_turn, p.seal, p.opened_turn, \
             (SELECT MAX(e.turn) FROM entry e WHERE e.matter = ",
            $matter,
            ")"
        )
    };
}
pub(crate) use page_columns;

/// A matter with its page as the database has it.
pub(crate) struct StoredPage<'r> {
    pub(crate) matter: &'r str,
    /// The turn of the first entry; 0 for a matter without a page.
    pub(crate) opened: u64,
    row: Option<PageRow<&'r [u8]>>,
    seal: Option<&'r [u8]>,
    /// The turn of the last entry; `None` if the journals do not have the matter.
    last: Option<i64>,
}

impl<'r> StoredPage<'r> {
    pub(crate) fn read(columns: &mut Columns<'r>) -> Result<Self, sqlx::Error> {
        let matter = columns.read()?;
        let (page, local): (Option<&[u8]>, Option<&[u8]>) = (columns.read()?, columns.read()?);
        let (changed, seal, opened) = (columns.read::<Option<i64>>()?, columns.read()?, columns.read::<Option<i64>>()?);
        let row = match (opened, changed, page, local) {
            (Some(opened), Some(changed), Some(page), Some(local)) => Some(PageRow { opened, changed, page, local }),
            _ => None,
        };
        Ok(Self { matter, opened: count(opened.unwrap_or_default()), row, seal, last: columns.read()? })
    }

    /// The decoded page, if the journals have the matter.
    ///
    /// # Errors
    /// [`Declined::Altered`] when the row is not the one that the service wrote last.
    pub(crate) fn believe(&self, ring: &KeyRing, metrics: &Metrics) -> Result<Option<Page>, Error> {
        let Self { matter, seal, last, .. } = *self;
        let Some(row) = &self.row else {
            return if last.is_none() { Ok(None) } else { Err(altered(metrics, matter)) };
        };
        if last != Some(row.changed) || !row.is_sealed(ring, matter, seal) {
            return Err(altered(metrics, matter));
        }
        let page = Page::decode(row.page, row.local);
        page.map(Some).map_err(|error| Error::Damaged(format!("page {}: {error}", shown(matter))))
    }
}

/// Reports that rows of a matter were changed outside the service, and returns the error for it. The ids of officials
/// are never logged.
pub(crate) fn altered(metrics: &Metrics, matter: &str) -> Error {
    let shown = shown(matter);
    tracing::error!(
        matter = shown,
        "the database was changed behind the service's back: what it shows is not believed"
    );
    metrics.altered();
    Declined::Altered { matter: shown }.into()
}
