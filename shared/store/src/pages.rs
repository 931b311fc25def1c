//! Reads of pages: one, many, lists, duties, and matters by another name. Only pages that the service wrote are given.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use renkei_book::Declined;
use renkei_domain::{
    case_number::CaseNumber,
    duty::{Duty, DutyKind},
    index::Lookup,
    matter::{Collection, Matter},
    noun::registry,
    page::{Journal, Page, Seen},
    standing::Filter,
    visibility::Reader,
};
use renkei_proto::r#type::v1::Agency;
use sqlx::AssertSqlSafe;

use crate::{
    bulk::{KEYS, wanted_text},
    error::Error,
    lists::{By, UNDATED, day_of},
    query::query,
    seal::{StoredPage, altered, page_columns},
    store::Store,
    stored::{StoredContent, content_columns},
    value::{count, number},
};

/// The numbers of ranges that one list reads: openers times audiences.
pub(crate) const RANGES: [usize; 4] = [1, 2, 4, 8];
pub(crate) const DUE: &str = "SELECT due_day, matter FROM duty WHERE kind = $1 ORDER BY due_day, opened_turn, matter \
     LIMIT $2 + 0";
/// Reads the duties of one kind from a place on, in the order of [`Due`].
pub(crate) const DUE_FROM: &str = "SELECT due_day, opened_turn, matter FROM duty WHERE kind = $1 \
     AND (due_day, opened_turn, matter) >= ($2, $3, $4) AND due_day <= $5 ORDER BY due_day, opened_turn, matter \
     LIMIT $6 + 0";
pub(crate) const LOOKUP: &str = "SELECT matter FROM lookup WHERE kind = $1 AND value = $2 ORDER BY matter LIMIT 20";

/// Reads a page behind the newest entry of one journal in its matter that has a content. The journal is compared as an
/// expression: an index of its entries must not be taken, although it is as good while there are few.
pub(crate) const PAGE_AND_NEWEST: &str = concat!(
    "SELECT ",
    page_columns!("range_wanted.matter"),
    ", ",
    content_columns!(),
    " FROM (SELECT CAST($1 AS TEXT) AS matter) AS range_wanted LEFT JOIN page p ON p.matter = range_wanted.matter \
     LEFT JOIN entry e ON e.turn = (SELECT c.turn FROM entry c WHERE c.matter = range_wanted.matter \
     AND c.journal || '' = $2 AND c.ciphertext IS NOT NULL ORDER BY c.turn DESC LIMIT 1)"
);

/// The newest content of a matter, still encrypted: a permit is needed to open it.
pub struct Newest(pub(crate) Option<StoredContent>);

/// A duty of this agency, in the order of lists: the nearest day first, those without one last. The least one is before
/// all duties.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, prost::Message)]
pub struct Due {
    /// The due day, or [`UNDATED`].
    #[prost(string, tag = "1")]
    day: String,
    #[prost(uint64, tag = "2")]
    opened: u64,
    /// The name of the matter.
    #[prost(string, tag = "3")]
    pub matter: String,
    #[prost(string, tag = "4")]
    kind: String,
}

impl Due {
    /// True for the place of this duty.
    pub fn is(&self, duty: &Duty) -> bool {
        self.kind == duty.kind.id() && self.day == day_of(duty.due)
    }
}

/// A page in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The matter of the page.
    pub matter: Matter,
    /// The decoded page.
    pub page: Page,
    /// The place in the list: newer pages have higher numbers.
    pub place: u64,
}

impl Store {
    /// The page of a matter.
    ///
    /// # Errors
    /// A database that does not answer; [`Declined::Altered`] for a page that is not the one that the service wrote last.
    pub async fn page(&self, matter: &str) -> Result<Option<Page>, Error> {
        let row = query(AssertSqlSafe(pages_text(1))).bind(matter).fetch_one(&self.inner.read).await?;
        StoredPage::read(&mut row.columns())?.believe(&self.inner.ring, &self.inner.metrics)
    }

    /// The page of a matter together with the newest content that an agency has written in it.
    ///
    /// # Errors
    /// As [`Store::page`].
    pub async fn page_and_newest(&self, matter: &str, journal: Journal) -> Result<(Option<Page>, Newest), Error> {
        let query = query(PAGE_AND_NEWEST).bind(matter).bind(journal.id());
        let row = query.fetch_one(&self.inner.read).await?;
        let mut columns = row.columns();
        let page = StoredPage::read(&mut columns)?.believe(&self.inner.ring, &self.inner.metrics)?;
        Ok((page, Newest(StoredContent::read_joined(&mut columns)?)))
    }

    /// The pages of these matters, by name. A page that is not the one that the service wrote last is reported and left
    /// out, like a page that does not exist.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn pages(&self, matters: &BTreeSet<&str>) -> Result<BTreeMap<String, Page>, Error> {
        let matters: Vec<&str> = matters.iter().copied().collect();
        let mut pages = BTreeMap::new();
        for some in matters.chunks(KEYS[0]) {
            let size = KEYS.into_iter().rev().find(|size| *size >= some.len()).unwrap_or(KEYS[0]);
            let mut query = query(AssertSqlSafe(pages_text(size)));
            for place in 0..size {
                // No page has the empty name.
                query = query.bind(some.get(place).copied().unwrap_or_default());
            }
            for row in query.fetch_all(&self.inner.read).await? {
                let found = StoredPage::read(&mut row.columns())?;
                match found.believe(&self.inner.ring, &self.inner.metrics) {
                    Ok(page) => pages.extend(page.map(|page| (found.matter.to_owned(), page))),
                    Err(Error::Declined(Declined::Altered { .. })) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(pages)
    }

    /// Pages of a noun of these openers that are shown to a reader, newest first, below a place (`u64::MAX` for the
    /// beginning). Each audience of the reader is a range of the index; all are read at once. A filter has an index of
    /// its own.
    ///
    /// # Errors
    /// A database that does not answer; [`Declined::Altered`] for a listed page that the service did not write.
    pub async fn list(
        &self,
        collection: Collection,
        openers: &[Agency],
        filter: &Filter,
        (reader, now): (&Reader, Timestamp),
        below: u64,
        limit: usize,
    ) -> Result<Vec<Listed>, Error> {
        let audiences: Vec<String> = reader.audiences().map(|audience| audience.to_string()).collect();
        let (by, values) = By::filter(filter);
        let mut ranges = Vec::with_capacity(openers.len() * audiences.len() * values.len());
        for opener in openers {
            let noun = collection.prefix(*opener);
            let each = |audience| values.iter().map(|value| (noun.clone(), audience, *value)).collect::<Vec<_>>();
            ranges.extend(audiences.iter().map(String::as_str).flat_map(each));
        }
        let (state, due_until) = (filter.state.unwrap_or_default(), day_of(filter.due_until));
        let most = number(u64::try_from(limit).unwrap_or(u64::MAX));
        let mut rows = Vec::new();
        for some in ranges.chunks(RANGES[3]) {
            let size = RANGES.into_iter().find(|size| *size >= some.len()).unwrap_or(RANGES[3]);
            let text = AssertSqlSafe(list_text(by, size));
            let mut query = query(text).bind(number(below)).bind(now.as_microsecond());
            if by == By::Waiting {
                query = query.bind(state).bind(due_until.as_str());
            }
            for place in 0..size {
                // No row is read of an unused range.
                let unused = (String::new(), "", "");
                let (noun, audience, value) = some.get(place).unwrap_or(&unused);
                query = query.bind(noun.as_str()).bind(*audience).bind(if place < some.len() { most } else { 0 });
                query = if by == By::Opening { query } else { query.bind(*value) };
            }
            rows.extend(query.fetch_all(&self.inner.read).await?);
        }
        let pages: Result<Vec<_>, _> = rows.iter().map(|row| StoredPage::read(&mut row.columns())).collect();
        let mut pages = pages?;
        pages.sort_by_key(|page| std::cmp::Reverse(page.opened));
        pages.truncate(limit);
        let listed = pages.iter().map(|stored| {
            let page = stored.believe(&self.inner.ring, &self.inner.metrics)?;
            let page = page.ok_or_else(|| Error::Damaged("a list names a matter without a page".to_owned()))?;
            let matter = Matter::of(stored.matter);
            // The index only finds pages. The page itself decides if it is shown.
            let (noun, seen) = (registry::of(&matter), Seen::whole(&page));
            let visible = noun.visibility(self.inner.own, &matter, seen);
            let is_shown = visible.iter().any(|audience| audience.includes(reader, now));
            if !is_shown || !filter.includes(noun, &matter, seen) {
                return Err(altered(&self.inner.metrics, stored.matter));
            }
            Ok(Listed { matter, page, place: stored.opened })
        });
        listed.collect()
    }

    /// Matters in which this agency has such a duty, with its due day: the nearest day first, those without one last.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn duties(&self, kind: DutyKind, limit: usize) -> Result<Vec<(Option<Date>, String)>, Error> {
        let query = query(DUE).bind(kind.id());
        let rows = query.bind(number(u64::try_from(limit).unwrap_or(u64::MAX))).fetch_all(&self.inner.read).await?;
        let duties = rows.iter().map(|row| {
            let day: String = row.try_get(0)?;
            let day = (day != UNDATED).then(|| day.parse()).transpose();
            let day = day.map_err(|error| Error::Damaged(format!("the day of a duty: {error}")))?;
            Ok((day, row.try_get(1)?))
        });
        duties.collect()
    }

    /// The duties of these kinds behind a place: at most so many, and none that is due after `until`.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn list_duties(
        &self,
        kinds: impl IntoIterator<Item = DutyKind>,
        until: Option<Date>,
        after: &Due,
        limit: usize,
    ) -> Result<Vec<Due>, Error> {
        let until = day_of(until);
        // The first row of each kind may be the one at the place itself.
        let most = number(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1));
        let mut all = Vec::new();
        for kind in kinds {
            let query = query(DUE_FROM).bind(kind.id()).bind(after.day.as_str()).bind(number(after.opened));
            let query = query.bind(after.matter.as_str()).bind(until.as_str()).bind(most);
            for row in query.fetch_all(&self.inner.read).await? {
                let (day, opened, matter) = (row.try_get(0)?, count(row.try_get(1)?), row.try_get(2)?);
                all.push(Due { day, opened, matter, kind: kind.id().to_owned() });
            }
        }
        all.retain(|due| due > after);
        all.sort();
        all.truncate(limit);
        Ok(all)
    }

    /// The matter that has this other name.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn lookup(&self, lookup: &Lookup) -> Result<Option<Matter>, Error> {
        Ok(self.lookups(lookup).await?.into_iter().next())
    }

    /// The matter with this case number, and its page; `None` if there is none. An entry of the peer that was refused gives
    /// its number to nothing.
    ///
    /// # Errors
    /// As [`Store::page`].
    pub async fn numbered(&self, number: &CaseNumber) -> Result<Option<(Matter, Page)>, Error> {
        for matter in self.lookups(&number.lookup()).await? {
            let page = self.page(&matter.to_string()).await?.unwrap_or_default();
            if registry::case_number(&matter, Seen::whole(&page)).as_ref() == Some(number) {
                return Ok(Some((matter, page)));
            }
        }
        Ok(None)
    }

    /// The matters that were given this other name, at most 20: a peer that lies gives one name to several, and its
    /// refused entries are kept.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn lookups(&self, lookup: &Lookup) -> Result<Vec<Matter>, Error> {
        let query = query(LOOKUP).bind(lookup.kind.id()).bind(lookup.value.as_str());
        let rows = query.fetch_all(&self.inner.read).await?;
        rows.iter().map(|row| Ok(row.try_get(0).map(Matter::of)?)).collect()
    }
}

/// The statement that reads so many pages.
pub(crate) fn pages_text(pages: usize) -> String {
    format!(
        "SELECT {} FROM {} LEFT JOIN page p ON p.matter = range_wanted.column1",
        page_columns!("range_wanted.column1"),
        wanted_text(1, pages)
    )
}

/// The statement that reads the newest rows of so many ranges of the index.
pub(crate) fn list_text(by: By, ranges: usize) -> String {
    let (first, values) = match by {
        By::Opening => (3, 3),
        By::State => (3, 4),
        By::Waiting => (5, 4),
    };
    let each = (0..ranges).map(|range| {
        let noun = first + range * values;
        let (audience, limit, value) = (noun + 1, noun + 2, noun + 3);
        format!(
            "SELECT {} FROM (SELECT v.opened_turn, v.matter FROM visible v WHERE v.noun = ${noun} \
             AND v.audience = ${audience}{} AND v.opened_turn < $1 AND v.until_us > $2 \
             ORDER BY v.opened_turn DESC LIMIT ${limit} + 0) AS ranged JOIN page p ON p.matter = ranged.matter",
            page_columns!("ranged.matter"),
            by.condition(value)
        )
    });
    each.collect::<Vec<_>>().join(" UNION ALL ")
}
