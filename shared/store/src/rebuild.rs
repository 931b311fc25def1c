//! Pages made again from the journals: the proof that they are only a cache.

use std::collections::BTreeMap;

use renkei_domain::{
    index,
    matter::Matter,
    moment::Moment,
    page::{Page, Pages},
};
use sqlx::{AnyConnection, Row as _};

use crate::{
    Store,
    bulk::{Value, count, number},
    error::Error,
    head::Heads,
    load::read_page,
    read::{Held, held},
    save::{COUNTER, LOOKUP, PAGE, VISIBLE, visible_row},
    stage::Stage,
};

pub(crate) const BY_TURN: &str = "SELECT e.journal, e.seq, e.header, e.key_id, e.signature, e.fact, e.turn, \
     e.arrived_us, e.hash, c.nonce FROM entry e LEFT JOIN content c ON c.journal = e.journal AND c.seq = e.seq \
     WHERE e.turn > $1 ORDER BY e.turn LIMIT $2";
pub(crate) const ALL_PAGES: &str =
    "SELECT matter, opened_turn, page, local, changed_turn FROM page WHERE matter > $1 ORDER BY matter LIMIT $2";
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
    /// Pages and counters that stood otherwise in the database; empty when it was right to the byte.
    pub differing: Vec<String>,
}

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
    let mut differing = Vec::new();
    let (mut found, mut after) = (Pages::new(), String::new());
    loop {
        let rows = sqlx::query(ALL_PAGES).bind(after.as_str()).bind(CHUNK).fetch_all(&mut *connection).await?;
        let Some(last) = rows.last() else { break };
        after = last.try_get(0)?;
        for row in &rows {
            let (name, page) = read_page(row)?;
            let turns = (count(row.try_get(1)?), count(row.try_get(4)?));
            let right = (fold.stage.opened.get(&name), fold.changed.get(&name)) == (Some(&turns.0), Some(&turns.1));
            if !right || fold.stage.pages.get(&name).is_none_or(|again| !same(again, &page)) {
                differing.push(name.clone());
            }
            found.insert(name, page);
        }
    }
    differing.extend(fold.stage.pages.keys().filter(|name| !found.contains_key(*name)).cloned());
    let mut counters = BTreeMap::new();
    for row in sqlx::query(ALL_COUNTERS).fetch_all(&mut *connection).await? {
        let year = u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default();
        counters.insert((year, row.try_get::<String, _>(1)?), count(row.try_get(2)?));
    }
    if counters != fold.stage.counters {
        differing.push("counters".to_owned());
    }
    Ok(differing)
}

fn same(one: &Page, other: &Page) -> bool {
    one.encode() == other.encode() && one.encode_local() == other.encode_local()
}

async fn replace(connection: &mut AnyConnection, fold: &Fold) -> Result<(), Error> {
    for statement in CLEAR {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    let stage = &fold.stage;
    let (mut pages, mut visible): (Vec<Vec<Value>>, Vec<Vec<Value>>) = (Vec::new(), Vec::new());
    for (name, page) in &stage.pages {
        let (Some(opened), Some(changed)) = (stage.opened.get(name), fold.changed.get(name)) else { continue };
        pages.push(vec![
            name.as_str().into(),
            number(*opened).into(),
            number(*changed).into(),
            page.encode().into(),
            page.encode_local().into(),
        ]);
        let matter = Matter::of(name);
        visible.extend(index::audiences(&matter, page).into_iter().map(|it| visible_row(&matter, it, *opened)));
    }
    PAGE.run(&mut *connection, pages).await?;
    VISIBLE.run(&mut *connection, visible).await?;
    let lookups = stage.lookups.iter().map(|(lookup, matter)| {
        vec![lookup.kind.as_str().into(), lookup.value.as_str().into(), matter.as_str().into()]
    });
    LOOKUP.run(&mut *connection, lookups.collect()).await?;
    let counters = stage
        .counters
        .iter()
        .map(|((year, kind), last)| vec![i64::from(*year).into(), kind.as_str().into(), number(*last).into()]);
    COUNTER.run(&mut *connection, counters.collect()).await.map_err(Error::from)
}
