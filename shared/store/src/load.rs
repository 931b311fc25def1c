//! Loads the rows that a batch needs: what every batch needs in one statement, and each other kind of row in one.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use renkei_book::{Declined, Heads, Reply, Rows};
use renkei_domain::{matter::Matter, noun::journal as journal_rules, page::Journal, read_set::ReadSet};
use renkei_proto::r#type::v1::Agency;
use sqlx::AssertSqlSafe;

use crate::{
    audit::hash,
    bulk::{select, select_text, wanted_text},
    connection::Connection,
    error::Error,
    inner::Inner,
    query::{Columns, Row, query},
    save::CounterRow,
    seal::{StoredPage, is_reply_sealed, page_columns},
    value::{Value, count, number},
};

/// The pages of a range of matters, found by the journals, so that a removed page is noticed.
pub(crate) const PAGES_BETWEEN: &str = concat!(
    "SELECT ",
    page_columns!("range_of.matter"),
    " FROM (SELECT matter FROM entry WHERE matter >= $1 AND matter < $2 GROUP BY matter) AS range_of \
     LEFT JOIN page p ON p.matter = range_of.matter"
);
pub(crate) const COUNTERS: &str = "SELECT year, kind, last FROM counter WHERE year";
pub(crate) const IDS: &str = "SELECT entry_id FROM entry WHERE entry_id";
pub(crate) const HASHES: [(Journal, &str); 3] = [
    (Journal::Of(Agency::Ppc), "SELECT seq, hash FROM entry WHERE journal = 'ppc' AND seq"),
    (Journal::Of(Agency::Ipa), "SELECT seq, hash FROM entry WHERE journal = 'ipa' AND seq"),
    (Journal::Private, "SELECT seq, hash FROM entry WHERE journal = 'private' AND seq"),
];

/// The numbers of requests and pages that one statement reads. Unused places repeat the last one.
pub(crate) const NEEDS: [(usize, usize); 4] = [(1, 8), (4, 16), (16, 32), (64, 128)];

/// The statement that reads replies, entries by the digest of their request, and pages, which every batch needs. It is one
/// statement, because the way to the database and back costs more than the work there.
pub(crate) fn needs_text(requests: usize, pages: usize) -> String {
    format!(
        "{} UNION ALL {} UNION ALL SELECT 3, {} FROM {} LEFT JOIN page p ON p.matter = range_wanted.column1",
        select_text(
            "SELECT CAST(1 AS BIGINT), request, digest, reply, at_us, seal, 0, 0 FROM call WHERE request",
            1,
            requests
        ),
        select_text(
            "SELECT 2, matter, digest, digest, 0, digest, 0, 0 FROM entry WHERE digest",
            1 + requests,
            requests
        ),
        page_columns!("range_wanted.column1"),
        wanted_text(1 + 2 * requests, pages)
    )
}

/// The texts are long and few, so each of them is made once.
static TEXTS: LazyLock<[Arc<str>; NEEDS.len()]> =
    LazyLock::new(|| NEEDS.map(|(requests, pages)| needs_text(requests, pages).into()));

/// The digest that is searched for a call without one. It finds nothing: no digest is so short, and an entry of the
/// peer has none.
const NO_DIGEST: [u8; 1] = [0];

/// The rows of the database that a batch needs.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) rows: Rows,
    /// The replies to calls.
    pub(crate) replies: Vec<Reply>,
    /// By the digest of a request, the matter of an entry that it led to.
    pub(crate) written: BTreeMap<Vec<u8>, String>,
}

/// Loads the replies to these calls and where they led to, and the rows that the read set names. The agreement and both
/// agencies' journal pages are always read. `heads` are those with which the batch begins.
pub(crate) async fn load(
    connection: &mut Connection,
    inner: &Inner,
    heads: &Heads,
    calls: &[(String, Vec<u8>)],
    mut keys: ReadSet,
) -> Result<Loaded, Error> {
    keys.matters.insert(Matter::AGREEMENT.to_owned());
    keys.matters.extend([Agency::Ppc, Agency::Ipa].map(journal_rules::name));
    let mut loaded = Loaded::default();
    needed(&mut *connection, inner, calls, &keys, &mut loaded).await?;
    let rows = &mut loaded.rows;
    for (collection, opener) in &keys.lists {
        let (from, to) = prefix_range(&collection.prefix(*opener));
        let found = query(PAGES_BETWEEN).bind(from).bind(to).fetch_all(&mut *connection).await?;
        for row in &found {
            page(rows, inner, &mut row.columns())?;
        }
    }
    let years: Vec<Value> = keys.years.iter().map(|year| i64::from(*year).into()).collect();
    let counters = select(&mut *connection, COUNTERS, years).await?.into_iter();
    rows.counters.extend(counters.map(|CounterRow { key, last }| (key, last)));
    rows.years = keys.years;
    for (journal, statement) in HASHES {
        // An entry beyond the head is not stored yet. This is the usual case of an arriving entry.
        let last = heads.of(inner.own, journal).seq;
        let wanted = keys.entries.iter().filter(|(of, seq)| *of == journal && *seq <= last);
        let wanted = wanted.map(|(_, seq)| number(*seq).into()).collect();
        for row in select::<Row>(&mut *connection, statement, wanted).await? {
            rows.hashes.insert((journal, count(row.try_get(0)?)), hash(row.try_get(1)?)?);
        }
    }
    let ids = keys.ids.into_iter().map(Value::from).collect();
    for row in select::<Row>(&mut *connection, IDS, ids).await? {
        rows.ids.insert(row.try_get(0)?);
    }
    rows.matters.extend(keys.matters);
    Ok(loaded)
}

/// Loads what every batch needs, with as few statements as its number of calls and pages allows.
async fn needed(
    connection: &mut Connection,
    inner: &Inner,
    calls: &[(String, Vec<u8>)],
    keys: &ReadSet,
    loaded: &mut Loaded,
) -> Result<(), Error> {
    let names: Vec<&String> = keys.matters.iter().collect();
    let [.., (most_calls, most_names)] = NEEDS;
    let (mut calls, mut names) = (calls.chunks(most_calls), names.chunks(most_names));
    loop {
        let (calls, names) = (calls.next(), names.next());
        if calls.is_none() && names.is_none() {
            return Ok(());
        }
        let (calls, names) = (calls.unwrap_or_default(), names.unwrap_or_default());
        let fits = |(requests, pages): &(usize, usize)| *requests >= calls.len() && *pages >= names.len();
        let size = NEEDS.iter().position(fits).unwrap_or(NEEDS.len() - 1);
        let (requests, matters) = NEEDS[size];
        let mut query = query(AssertSqlSafe(Arc::clone(&TEXTS[size])));
        for place in 0..requests {
            query = query.bind(calls.get(place).or(calls.last()).map_or("", |(call, _)| call.as_str()));
        }
        for place in 0..requests {
            let digest = calls.get(place).map(|(_, digest)| digest.as_slice()).filter(|digest| !digest.is_empty());
            query = query.bind(digest.unwrap_or(&NO_DIGEST));
        }
        for place in 0..matters {
            query = query.bind(names.get(place).map_or("", |name| name.as_str()));
        }
        for row in query.fetch_all(&mut *connection).await? {
            let mut columns = row.columns();
            match columns.read::<i64>()? {
                1 => loaded.replies.extend(reply(inner, &mut columns)?),
                2 => {
                    let matter = columns.read()?;
                    loaded.written.entry(columns.read()?).or_insert(matter);
                }
                _ => page(&mut loaded.rows, inner, &mut columns)?,
            }
        }
    }
}

/// Reads a stored reply. A changed one is ignored, because its call is also found by its digest.
fn reply(inner: &Inner, columns: &mut Columns<'_>) -> Result<Option<Reply>, Error> {
    let reply = Reply { request: columns.read()?, digest: columns.read()?, bytes: columns.read()? };
    let (at_us, seal): (i64, Option<&[u8]>) = (columns.read()?, columns.read()?);
    // A reply of an older version has no seal.
    if let Some(seal) = seal {
        if is_reply_sealed(&reply, at_us, &inner.ring, seal) {
            return Ok(Some(reply));
        }
        tracing::error!("a stored reply was changed behind the service's back and is not believed");
        inner.metrics.altered();
    }
    Ok(None)
}

/// The range of names with this prefix: the byte after the slash ends it.
pub(crate) fn prefix_range(prefix: &str) -> (String, String) {
    (prefix.to_owned(), format!("{}0", prefix.trim_end_matches('/')))
}

/// Decodes a page. If it was changed outside the service, only the commands that need it are refused.
fn page(rows: &mut Rows, inner: &Inner, columns: &mut Columns<'_>) -> Result<(), Error> {
    let found = StoredPage::read(columns)?;
    if found.matter.is_empty() {
        return Ok(());
    }
    let name = found.matter.to_owned();
    match found.believe(&inner.ring, &inner.metrics) {
        Ok(Some(page)) => {
            rows.pages.insert(name.clone(), (Arc::new(page), found.opened));
        }
        Ok(None) => {}
        Err(Error::Declined(Declined::Altered { .. })) => {
            rows.altered.insert(name.clone());
        }
        Err(error) => return Err(error),
    }
    rows.matters.insert(name);
    Ok(())
}
