//! Pages made again from the journals: the proof that they are only a cache.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::TryStreamExt as _;
use renkei_book::{Counters, StagedPage, StoredEntry};
use renkei_domain::{index::Lookup, matter::Matter};
use renkei_proto::r#type::v1::Agency;

use crate::{
    bulk::delete,
    connection::Connection,
    content::KeyRing,
    error::Error,
    inner::Inner,
    lists::{DUTY, DutyRow, FORGET_DUTIES, FORGET_VISIBLE, ListRows, VISIBLE, VisibleRow},
    query::{FromRow, Row, query, query_as},
    save::{COUNTER, CounterRow, LOOKUP, LookupRow, PAGE, counter_rows, lookup_rows, page_row},
    seal::PageRow,
    store::Store,
    stored::entry_columns,
    value::number,
};

pub(crate) const BY_MATTER: &str = concat!(
    "SELECT ",
    entry_columns!(),
    " FROM entry WHERE (matter, turn) > ($1, $2) ORDER BY matter, turn LIMIT $3 + 0"
);
pub(crate) const PAGES_AFTER: &str = "SELECT matter, opened_turn, changed_turn, page, local, seal FROM page \
     WHERE matter > $1 AND matter <= $2";
pub(crate) const VISIBLE_AFTER: &str = "SELECT noun, audience, opened_turn, matter, until_us, state, waiting_for, due_day FROM visible \
     WHERE matter > $1 AND matter <= $2";
pub(crate) const DUTIES_AFTER: &str = "SELECT kind, due_day, opened_turn, matter FROM duty \
     WHERE matter > $1 AND matter <= $2";
pub(crate) const ALL_LOOKUPS: &str = "SELECT kind, value, matter FROM lookup";
pub(crate) const ALL_COUNTERS: &str = "SELECT year, kind, last FROM counter";
pub(crate) const SEALED: &str = "UPDATE store SET sealed = 1 WHERE one = 1";
pub(crate) const FORGET_PAGE: &str = "DELETE FROM page WHERE matter";
pub(crate) const CLEAR: [&str; 2] = ["DELETE FROM lookup", "DELETE FROM counter"];

/// The number of entries that are folded before the result is compared. A page is a fold of its own matter's entries
/// alone, so the memory contains no more than this and one page, and the few lookups and counters.
const CHUNK: i64 = 500;
/// A text that sorts after every name of a matter.
const LAST: &str = "\u{10ffff}";

/// The result of a rebuild.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// The number of entries that were folded.
    pub entries: u64,
    /// The number of pages that they give.
    pub pages: u64,
    /// The names of pages that differed in the database, and `lists`, `lookups` or `counters` if one of these did;
    /// empty if everything was right to the byte.
    pub differing: Vec<String>,
}

/// The rows that each matter gives, by its name.
type Made = BTreeMap<String, (PageRow, ListRows)>;

impl Store {
    /// Folds the journals again, compares the result with the database and, with `write`, corrects the differences.
    /// With `write` nobody else may write meanwhile, and the journals must have been verified before, because they are
    /// believed.
    ///
    /// # Errors
    /// A database that does not answer.
    pub async fn rebuild(&self, write: bool) -> Result<Rebuilt, Error> {
        if !write {
            return self.compare().await;
        }
        let mut transaction = self.inner.begin().await?;
        let rebuilt = fold(&mut transaction, &self.inner, true).await?;
        if !rebuilt.differing.is_empty() {
            transaction.commit().await?;
        }
        Ok(rebuilt)
    }
}

/// Folds everything again inside a transaction and replaces the rows that differ.
pub(crate) async fn refold(connection: &mut Connection, inner: &Inner) -> Result<(), Error> {
    fold(connection, inner, true).await.map(|_| ())
}

/// Folds a database of a version that had no seals again, once, so that every page has one.
pub(crate) async fn seal_all(inner: &Inner) -> Result<(), Error> {
    let (mut transaction, _) = inner.begin_writing().await?;
    refold(&mut transaction, inner).await?;
    query(SEALED).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}

pub(crate) async fn fold(connection: &mut Connection, inner: &Inner, write: bool) -> Result<Rebuilt, Error> {
    let mut fold = Fold {
        own: inner.own,
        ring: &inner.ring,
        folding: None,
        made: BTreeMap::new(),
        lookups: BTreeSet::new(),
        counters: Counters::new(),
        settled: String::new(),
        write,
        found: Rebuilt::default(),
        lists_differ: false,
    };
    let mut after = (String::new(), 0);
    loop {
        let query = query_as(BY_MATTER).bind(after.0.as_str()).bind(after.1).bind(CHUNK);
        let entries: Vec<StoredEntry> = query.fetch_all(&mut *connection).await?;
        if entries.is_empty() {
            break;
        }
        for entry in &entries {
            after = (entry.header.matter.clone(), number(entry.turn));
            fold.entry(entry);
        }
        let done = fold.made.keys().next_back().cloned();
        if let Some(done) = done {
            fold.settle(connection, &done).await?;
        }
    }
    fold.finish();
    fold.settle(connection, LAST).await?;
    fold.beside(connection).await?;
    Ok(fold.found)
}

/// The fold over all entries, matter by matter.
struct Fold<'a> {
    own: Agency,
    ring: &'a KeyRing,
    /// The matter that is being folded, with its page so far.
    folding: Option<(String, StagedPage)>,
    /// The rows since the last comparison.
    made: Made,
    lookups: BTreeSet<(Lookup, String)>,
    counters: Counters,
    /// The name of the last matter that was compared.
    settled: String,
    /// True if differences are corrected.
    write: bool,
    found: Rebuilt,
    lists_differ: bool,
}

impl Fold<'_> {
    fn entry(&mut self, entry: &StoredEntry) {
        let matter = &entry.header.matter;
        if self.folding.as_ref().is_none_or(|(name, _)| name != matter) {
            self.finish();
        }
        let fresh = || StagedPage { page: Arc::default(), opened: entry.turn, changed: entry.turn };
        let (_, folding) = self.folding.get_or_insert_with(|| (matter.clone(), fresh()));
        folding.changed = entry.turn;
        let page = Arc::make_mut(&mut folding.page);
        let effects = renkei_book::fold(self.own, page, entry.journal, &entry.header, entry.hash, &entry.fact);
        self.lookups.extend(effects.lookups.into_iter().map(|lookup| (lookup, matter.clone())));
        for tally in effects.tallies {
            let key = (tally.year, tally.kind.clone());
            let by = tally.by(self.counters.get(&key).copied().unwrap_or_default());
            if by > 0 {
                *self.counters.entry(key).or_default() += by;
            }
        }
        self.found.entries += 1;
    }

    /// Ends the matter that was being folded, because it has no further entries.
    fn finish(&mut self) {
        let Some((name, StagedPage { page, opened, changed })) = self.folding.take() else { return };
        let matter = Matter::of(&name);
        let lists = ListRows::of(self.own, &matter, &page, number(opened));
        let (page, local) = (page.encode(), page.encode_local());
        let row = PageRow { opened: number(opened), changed: number(changed), page, local };
        self.made.insert(name, (row, lists));
        self.found.pages += 1;
    }

    /// Compares the new rows with the stored ones up to a matter, and corrects the differences.
    async fn settle(&mut self, connection: &mut Connection, to: &str) -> Result<(), Error> {
        let made = std::mem::take(&mut self.made);
        let from = std::mem::replace(&mut self.settled, to.to_owned());
        let pages = pages_between(&mut *connection, (&from, to), &made, self.ring).await?;
        let lists = lists_between(&mut *connection, (&from, to), &made).await?;
        self.lists_differ |= !lists.is_empty();
        if self.write {
            put_right(connection, &made, &pages, &lists, self.ring).await?;
        }
        self.found.differing.extend(pages);
        Ok(())
    }

    /// Compares the rows beside the pages, and corrects the differences.
    async fn beside(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let lookups = query_as(ALL_LOOKUPS).fetch_all(&mut *connection).await?.into_iter();
        let lookups: BTreeSet<_> = lookups.map(|LookupRow { lookup, matter }| (lookup, matter)).collect();
        let counters = query_as(ALL_COUNTERS).fetch_all(&mut *connection).await?.into_iter();
        let counters: Counters = counters.map(|CounterRow { key, last }| (key, last)).collect();
        let (lookups_differ, counters_differ) = (lookups != self.lookups, counters != self.counters);
        let differ = [("lists", self.lists_differ), ("lookups", lookups_differ), ("counters", counters_differ)];
        let differ = differ.into_iter().filter(|(_, differ)| *differ).map(|(name, _)| name.to_owned());
        self.found.differing.extend(differ);
        if self.write && (lookups_differ || counters_differ) {
            for statement in CLEAR {
                query(statement).execute(&mut *connection).await?;
            }
            LOOKUP.run(&mut *connection, lookup_rows(&self.lookups)).await?;
            COUNTER.run(&mut *connection, counter_rows(&self.counters)).await?;
        }
        Ok(())
    }
}

/// The row of a page with its name and seal. Bytes are compared with bytes, so a damaged page need not decode.
struct SealedPage {
    matter: String,
    row: PageRow,
    seal: Option<Vec<u8>>,
}

impl FromRow for SealedPage {
    /// Reads the columns of [`PAGES_AFTER`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        let matter = columns.read()?;
        let row = PageRow {
            opened: columns.read()?,
            changed: columns.read()?,
            page: columns.read()?,
            local: columns.read()?,
        };
        Ok(Self { matter, row, seal: columns.read()? })
    }
}

/// The pages between two names that differ from the new ones.
async fn pages_between(
    connection: &mut Connection,
    (from, to): (&str, &str),
    made: &Made,
    ring: &KeyRing,
) -> Result<BTreeSet<String>, Error> {
    // A page counts as different until it is found to be equal.
    let mut differing: BTreeSet<String> = made.keys().cloned().collect();
    let mut rows = query_as(PAGES_AFTER).bind(from).bind(to).fetch(connection)?;
    while let Some(SealedPage { matter, row, seal }) = rows.try_next().await? {
        let is_made = made.get(&matter).is_some_and(|(again, _)| *again == row);
        if is_made && row.is_sealed(ring, &matter, seal.as_deref()) {
            differing.remove(&matter);
        } else {
            differing.insert(matter);
        }
    }
    Ok(differing)
}

/// The matters between two names whose rows in lists differ from the new ones.
async fn lists_between(
    connection: &mut Connection,
    (from, to): (&str, &str),
    made: &Made,
) -> Result<BTreeSet<String>, Error> {
    let mut visible: BTreeSet<&VisibleRow> = made.values().flat_map(|(_, rows)| &rows.visible).collect();
    let mut duties: BTreeSet<&DutyRow> = made.values().flat_map(|(_, rows)| &rows.duties).collect();
    let mut differing = BTreeSet::new();
    let mut rows = query_as::<VisibleRow>(VISIBLE_AFTER).bind(from).bind(to).fetch(&mut *connection)?;
    while let Some(row) = rows.try_next().await? {
        if !visible.remove(&row) {
            differing.insert(row.matter);
        }
    }
    drop(rows);
    let mut rows = query_as::<DutyRow>(DUTIES_AFTER).bind(from).bind(to).fetch(connection)?;
    while let Some(row) = rows.try_next().await? {
        if !duties.remove(&row) {
            differing.insert(row.matter);
        }
    }
    differing.extend(visible.into_iter().map(|row| row.matter.clone()));
    differing.extend(duties.into_iter().map(|row| row.matter.clone()));
    Ok(differing)
}

async fn put_right(
    connection: &mut Connection,
    made: &Made,
    pages: &BTreeSet<String>,
    lists: &BTreeSet<String>,
    ring: &KeyRing,
) -> Result<(), Error> {
    for (statement, names) in [(FORGET_PAGE, pages), (FORGET_VISIBLE, lists), (FORGET_DUTIES, lists)] {
        delete(&mut *connection, statement, names.iter().map(|name| name.as_str().into()).collect()).await?;
    }
    let rows = pages.iter().filter_map(|name| {
        let (row, _) = made.get(name)?;
        Some(page_row(name, row.clone(), ring))
    });
    PAGE.run(&mut *connection, rows.collect()).await?;
    let rows = lists.iter().filter_map(|name| made.get(name)).map(|(_, rows)| rows);
    let visible = rows.clone().flat_map(|rows| rows.visible.iter().cloned().map(VisibleRow::values));
    VISIBLE.run(&mut *connection, visible.collect()).await?;
    let duties = rows.flat_map(|rows| rows.duties.iter().cloned().map(DutyRow::values));
    DUTY.run(&mut *connection, duties.collect()).await?;
    Ok(())
}
