//! Pages made again from the journals: the proof that they are only a cache.

use std::collections::{BTreeMap, BTreeSet};

use renkei_domain::{index::Lookup, matter::Matter, moment::Moment, page::Seen, scope};
use sqlx::{AnyConnection, Row as _};

use crate::{
    Store,
    bulk::{count, number},
    error::Error,
    head::Heads,
    read::{Held, held},
    save::{COUNTER, LOOKUP, PAGE, VISIBLE, counter_rows, lookup_rows},
    stage::Stage,
};

pub(crate) const BY_TURN: &str = "SELECT e.journal, e.seq, e.header, e.key_id, e.signature, e.fact, e.turn, \
     e.arrived_us, e.hash, c.nonce FROM entry e LEFT JOIN content c ON c.journal = e.journal AND c.seq = e.seq \
     WHERE e.turn > $1 ORDER BY e.turn LIMIT $2";
pub(crate) const ALL_PAGES: &str =
    "SELECT matter, opened_turn, changed_turn, page, local FROM page WHERE matter > $1 ORDER BY matter LIMIT $2";
pub(crate) const ALL_VISIBLE: &str = "SELECT noun, audience, opened_turn, matter, until_us FROM visible";
pub(crate) const ALL_LOOKUPS: &str = "SELECT kind, value, matter FROM lookup";
pub(crate) const ALL_COUNTERS: &str = "SELECT year, kind, last FROM counter";
pub(crate) const CLEAR: [&str; 4] =
    ["DELETE FROM page", "DELETE FROM visible", "DELETE FROM lookup", "DELETE FROM counter"];

const CHUNK: i64 = 500;

/// What a rebuild found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many entries were folded.
    pub entries: u64,
    /// How many pages they make.
    pub pages: u64,
    /// Pages that stood otherwise in the database, and `lists`, `lookups` or `counters` if one of these did; empty when
    /// all was right to the byte.
    pub differing: Vec<String>,
}

/// A page's row: opened and changed in which turn, both halves, local part.
type Row = (i64, i64, Vec<u8>, Vec<u8>);

/// What lists read: noun, audience, opened in which turn, matter, until when.
type ListRow = (String, String, i64, String, i64);

/// The fold over all entries.
struct Fold {
    stage: Stage,
    changed: BTreeMap<String, u64>,
    entries: u64,
}

impl Store {
    /// Folds the journals again, compares with what stands in the database and, with `write`, puts it right. Runs while
    /// nobody writes: at the command line.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rebuild(&self, moment: &Moment, write: bool) -> Result<Rebuilt, Error> {
        let mut transaction = self.inner.write.begin_with(self.inner.dialect.begin()).await?;
        let heads = self.heads().borrow().clone();
        let fold = fold(&mut transaction, self.own(), heads, moment).await?;
        let differing = compare(&mut transaction, &fold).await?;
        let pages = u64::try_from(fold.stage.pages.len()).unwrap_or_default();
        let rebuilt = Rebuilt { entries: fold.entries, pages, differing };
        if write && !rebuilt.differing.is_empty() {
            replace(&mut transaction, &fold).await?;
            transaction.commit().await?;
        }
        Ok(rebuilt)
    }
}

/// Folds everything again inside a transaction and replaces what stands there.
pub(crate) async fn refold(
    connection: &mut AnyConnection,
    own: renkei_proto::r#type::v1::Agency,
    heads: Heads,
    moment: &Moment,
) -> Result<(), Error> {
    let fold = fold(&mut *connection, own, heads, moment).await?;
    replace(connection, &fold).await
}

async fn fold(
    connection: &mut AnyConnection,
    own: renkei_proto::r#type::v1::Agency,
    heads: Heads,
    moment: &Moment,
) -> Result<Fold, Error> {
    let mut fold = Fold { stage: Stage::new(own, heads, moment.clone()), changed: BTreeMap::new(), entries: 0 };
    let mut after = 0;
    loop {
        let rows = sqlx::query(BY_TURN).bind(after).bind(CHUNK).fetch_all(&mut *connection).await?;
        let Some(last) = rows.last() else { return Ok(fold) };
        after = last.try_get(6)?;
        for row in &rows {
            let Held { journal, header, hash, fact, turn, .. } = held(row)?;
            fold.stage.heads.turn = turn;
            fold.stage.fold(journal, &header, hash, &fact);
            fold.changed.insert(header.matter, turn);
            fold.entries += 1;
        }
        fold.stage.forget();
    }
}

async fn compare(connection: &mut AnyConnection, fold: &Fold) -> Result<Vec<String>, Error> {
    let (mut differing, mut found, mut after) = (Vec::new(), BTreeSet::new(), String::new());
    loop {
        let rows = sqlx::query(ALL_PAGES).bind(after.as_str()).bind(CHUNK).fetch_all(&mut *connection).await?;
        let Some(last) = rows.last() else { break };
        after = last.try_get(0)?;
        for row in &rows {
            let name: String = row.try_get(0)?;
            // Bytes are compared with bytes: a damaged page need not decode.
            let stands: Row = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
            if fold.row(&name).is_none_or(|again| again != stands) {
                differing.push(name.clone());
            }
            found.insert(name);
        }
    }
    differing.extend(fold.stage.pages.keys().filter(|name| !found.contains(*name)).cloned());

    let mut lists = BTreeSet::new();
    for row in sqlx::query(ALL_VISIBLE).fetch_all(&mut *connection).await? {
        lists.insert((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?));
    }
    if lists != fold.lists() {
        differing.push("lists".to_owned());
    }
    let mut lookups = BTreeSet::new();
    for row in sqlx::query(ALL_LOOKUPS).fetch_all(&mut *connection).await? {
        lookups.insert((Lookup { kind: row.try_get(0)?, value: row.try_get(1)? }, row.try_get(2)?));
    }
    if lookups != fold.stage.lookups.iter().cloned().collect() {
        differing.push("lookups".to_owned());
    }
    let mut counters = BTreeMap::new();
    for row in sqlx::query(ALL_COUNTERS).fetch_all(&mut *connection).await? {
        let year = u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default();
        counters.insert((year, row.try_get(1)?), count(row.try_get(2)?));
    }
    if counters != fold.stage.tallied {
        differing.push("counters".to_owned());
    }
    Ok(differing)
}

impl Fold {
    /// The row of a page.
    fn row(&self, name: &str) -> Option<Row> {
        let (opened, changed) = (self.stage.opened.get(name)?, self.changed.get(name)?);
        let page = self.stage.pages.get(name)?;
        Some((number(*opened), number(*changed), page.encode(), page.encode_local()))
    }

    /// The rows that lists read.
    fn lists(&self) -> BTreeSet<ListRow> {
        let mut rows = BTreeSet::new();
        for (name, page) in &self.stage.pages {
            let Some(opened) = self.stage.opened.get(name) else { continue };
            let matter = Matter::of(name);
            let prefix = Matter::prefix(matter.noun, matter.opener);
            rows.extend(
                scope::shown_to(self.stage.own(), &matter, Seen::whole(page))
                    .into_iter()
                    .map(|shown| (prefix.clone(), shown.audience, number(*opened), name.clone(), shown.until_us)),
            );
        }
        rows
    }
}

async fn replace(connection: &mut AnyConnection, fold: &Fold) -> Result<(), Error> {
    for statement in CLEAR {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    let pages = fold.stage.pages.keys().filter_map(|name| {
        let (opened, changed, page, local) = fold.row(name)?;
        Some(vec![name.as_str().into(), opened.into(), changed.into(), page.into(), local.into()])
    });
    PAGE.run(&mut *connection, pages.collect()).await?;
    let lists = fold.lists().into_iter();
    let lists = lists.map(|(noun, audience, opened, matter, until_us)| {
        vec![noun.into(), audience.into(), opened.into(), matter.into(), until_us.into()]
    });
    VISIBLE.run(&mut *connection, lists.collect()).await?;
    LOOKUP.run(&mut *connection, lookup_rows(&fold.stage)).await?;
    COUNTER.run(&mut *connection, counter_rows(&fold.stage)).await?;
    Ok(())
}
