//! Reads what a batch needs: what every batch needs in one query, and each other kind of thing in one.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use renkei_book::{Heads, Rows};
use renkei_domain::{matter::Matter, noun::journal as journal_rules, page::Journal, read_set::ReadSet};
use renkei_proto::r#type::v1::Agency;
use sqlx::{AssertSqlSafe, Row as _, any::AnyRow};

use crate::{
    bulk::{Value, count, number, select, select_text},
    connection::Connection,
    content::MatterKey,
    error::Error,
    head::{self, numbers},
    inner::Inner,
    seal::{ReplyRow, believed, page_columns},
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

/// The statement that reads the heads, requests and pages with their keys, which every batch needs. It is one
/// statement, because the way to the database and back costs more than the work there.
pub(crate) fn needs_text(requests: usize, pages: usize) -> String {
    let wanted: Vec<String> =
        (0..pages).map(|n| format!("SELECT CAST(${} AS TEXT) AS matter", 1 + 2 * requests + n)).collect();
    format!(
        "SELECT 0, journal, 0, hash, hash, 0, hash, 0, hash, {} FROM head UNION ALL {} UNION ALL {} UNION ALL \
         SELECT 3, {}, k.wrapped_key, COALESCE(k.ring_key_id, '') FROM ({}) AS range_wanted \
         LEFT JOIN page p ON p.matter = range_wanted.matter LEFT JOIN matter_key k ON k.matter = range_wanted.matter",
        numbers!(),
        select_text("SELECT 1, call, 0, digest, reply, at_us, seal, 0, seal, '' FROM request WHERE call", 1, requests),
        select_text(
            "SELECT 2, matter, 0, digest, digest, 0, digest, 0, digest, '' FROM entry WHERE digest",
            1 + requests,
            requests
        ),
        page_columns!("range_wanted.matter"),
        wanted.join(" UNION ALL ")
    )
}

/// The texts are long and few, so each of them is made once.
static TEXTS: LazyLock<[Arc<str>; NEEDS.len()]> =
    LazyLock::new(|| NEEDS.map(|(requests, pages)| needs_text(requests, pages).into()));

/// A reply to a call: call, digest, reply.
pub(crate) type Reply = (String, Vec<u8>, Vec<u8>);

/// The rows that every batch needs, as they were read.
pub(crate) struct Needed {
    pub(crate) heads: Heads,
    pub(crate) replies: Vec<Reply>,
    /// By the digest of a request, the matter of an entry that it led to.
    pub(crate) written: BTreeMap<Vec<u8>, String>,
    pages: Vec<AnyRow>,
}

/// The digest that is searched for a call without one. It finds nothing: no digest is so short, and an entry of the
/// peer has none.
const NO_DIGEST: [u8; 1] = [0];

/// Reads the heads, the replies to these calls and where they led to, and these pages. The agreement and both agencies'
/// journal pages are always read.
pub(crate) async fn needed(
    connection: &mut Connection,
    inner: &Inner,
    calls: &[(String, Vec<u8>)],
    keys: &mut ReadSet,
) -> Result<Needed, Error> {
    let own = inner.own;
    keys.matters.insert(Matter::AGREEMENT.to_owned());
    keys.matters.extend([Agency::Ppc, Agency::Ipa].map(journal_rules::name));
    let names: Vec<&String> = keys.matters.iter().collect();
    let (mut heads, mut replies, mut pages, mut written) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
    let [.., (most_calls, most_names)] = NEEDS;
    let (mut calls, mut names) = (calls.chunks(most_calls), names.chunks(most_names));
    loop {
        let (calls, names) = (calls.next(), names.next());
        if calls.is_none() && names.is_none() {
            break;
        }
        let (calls, names) = (calls.unwrap_or_default(), names.unwrap_or_default());
        let fits = |(requests, pages): &(usize, usize)| *requests >= calls.len() && *pages >= names.len();
        let size = NEEDS.iter().position(fits).unwrap_or(NEEDS.len() - 1);
        let (requests, matters) = NEEDS[size];
        let mut query = sqlx::query(AssertSqlSafe(Arc::clone(&TEXTS[size])));
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
        heads.clear();
        for row in query.fetch_all(&mut *connection).await? {
            match row.try_get::<i64, _>(0)? {
                0 => heads.push((row.try_get(1)?, row.try_get(3)?, row.try_get(9)?)),
                1 => replies.extend(reply(inner, &row)?),
                2 => {
                    written.entry(row.try_get(3)?).or_insert(row.try_get(1)?);
                }
                _ => pages.push(row),
            }
        }
    }
    Ok(Needed { heads: head::of_rows(own, &heads)?, replies, written, pages })
}

/// Reads a stored reply. A changed one is ignored, because its call is also found by its digest.
fn reply(inner: &Inner, row: &AnyRow) -> Result<Option<Reply>, Error> {
    let (call, digest, reply): (String, Vec<u8>, Vec<u8>) = (row.try_get(1)?, row.try_get(3)?, row.try_get(4)?);
    let seal: Option<Vec<u8>> = row.try_get(6)?;
    let found = ReplyRow { call: &call, digest: &digest, reply: &reply, at_us: row.try_get(5)? };
    if seal.is_some() && !found.is_sealed(&inner.ring, seal.as_deref()) {
        tracing::error!("a stored reply was changed behind the service's back and is not believed");
        inner.metrics.altered();
        return Ok(None);
    }
    // A reply of an older version has no seal.
    Ok(seal.is_some().then_some((call, digest, reply)))
}

/// The rows of a batch, and the keys of its matters.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) rows: Rows,
    pub(crate) keys: BTreeMap<String, MatterKey>,
}

/// Decodes the rows that were read, and loads the others that the read set names.
pub(crate) async fn load(
    connection: &mut Connection,
    needed: &Needed,
    keys: ReadSet,
    inner: &Inner,
) -> Result<Loaded, Error> {
    let Loaded { mut rows, keys: mut matter_keys } = Loaded::default();
    for row in &needed.pages {
        let name: String = row.try_get(1)?;
        // A matter that has a key has a page.
        if let Some(wrapped) = row.try_get::<Option<Vec<u8>>, _>(8)? {
            match inner.ring.unwrap(&name, &wrapped, &row.try_get::<String, _>(9)?) {
                Ok(key) => {
                    matter_keys.insert(name.clone(), key);
                }
                Err(error) => {
                    tracing::error!(%error, "the key of a matter does not open");
                    rows.altered.insert(name.clone());
                }
            }
        }
        page(&mut rows, inner, name, row, 1)?;
    }
    for (collection, opener) in &keys.lists {
        let (from, to) = prefix_range(&collection.prefix(*opener));
        let found = sqlx::query(PAGES_BETWEEN).bind(from).bind(to).fetch_all(&mut *connection).await?;
        for row in &found {
            page(&mut rows, inner, row.try_get(0)?, row, 0)?;
        }
    }
    let years: Vec<Value> = keys.years.iter().map(|year| i64::from(*year).into()).collect();
    for row in select(&mut *connection, COUNTERS, years).await? {
        let year = u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default();
        rows.counters.insert((year, row.try_get(1)?), count(row.try_get(2)?));
    }
    rows.years = keys.years;
    for (journal, statement) in HASHES {
        // An entry beyond the head is not stored yet. This is the usual case of an arriving entry.
        let last = needed.heads.of(inner.own, journal).seq;
        let wanted = keys.entries.iter().filter(|(of, seq)| *of == journal && *seq <= last);
        let wanted = wanted.map(|(_, seq)| number(*seq).into()).collect();
        for row in select(&mut *connection, statement, wanted).await? {
            let hash: Vec<u8> = row.try_get(1)?;
            let hash =
                hash.as_slice().try_into().map_err(|_| Error::Damaged("a hash does not have 32 bytes".to_owned()))?;
            rows.hashes.insert((journal, count(row.try_get(0)?)), hash);
        }
    }
    let ids = keys.ids.into_iter().map(Value::from).collect();
    for row in select(&mut *connection, IDS, ids).await? {
        rows.ids.insert(row.try_get(0)?);
    }
    rows.matters.extend(keys.matters);
    Ok(Loaded { rows, keys: matter_keys })
}

/// The range of names with this prefix: the byte after the slash ends it.
pub(crate) fn prefix_range(prefix: &str) -> (String, String) {
    (prefix.to_owned(), format!("{}0", prefix.trim_end_matches('/')))
}

/// Decodes a page. If it was changed outside the service, only the commands that need it are refused.
fn page(rows: &mut Rows, inner: &Inner, name: String, row: &AnyRow, first: usize) -> Result<(), Error> {
    if name.is_empty() {
        return Ok(());
    }
    match believed(row, first, &inner.ring, &inner.metrics) {
        Ok(Some((name, opened, page))) => {
            rows.pages.insert(name, (page, count(opened)));
        }
        Ok(None) => {}
        Err(Error::Altered { .. }) => {
            rows.altered.insert(name.clone());
        }
        Err(error) => return Err(error),
    }
    rows.matters.insert(name);
    Ok(())
}
