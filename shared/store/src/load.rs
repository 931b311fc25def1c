//! Reads what a batch needs: what every batch needs in one query, and each other kind of thing in one.

use std::sync::{Arc, LazyLock};

use renkei_domain::{
    decide::Keys,
    journal as journal_rules,
    matter::Matter,
    page::{Journal, Page},
};
use renkei_proto::r#type::v1::Agency;
use sqlx::{AssertSqlSafe, Row as _, any::AnyRow};

use crate::{
    bulk::{Value, count, number, select, select_text},
    connection::Connection,
    content::KeyRing,
    error::Error,
    head::{self, Heads, numbers},
    stage::Stage,
};

pub(crate) const PAGES_BETWEEN: &str =
    "SELECT matter, opened_turn, page, local FROM page WHERE matter >= $1 AND matter < $2";
pub(crate) const COUNTERS: &str = "SELECT year, kind, last FROM counter WHERE year";
pub(crate) const IDS: &str = "SELECT entry_id FROM entry WHERE entry_id";
pub(crate) const HASHES: [(Journal, &str); 3] = [
    (Journal::Of(Agency::Ppc), "SELECT seq, hash FROM entry WHERE journal = 'ppc' AND seq"),
    (Journal::Of(Agency::Ipa), "SELECT seq, hash FROM entry WHERE journal = 'ipa' AND seq"),
    (Journal::Private, "SELECT seq, hash FROM entry WHERE journal = 'private' AND seq"),
];

/// How many requests and pages one statement asks for. Places that are left repeat the last one.
pub(crate) const NEEDS: [(usize, usize); 4] = [(1, 8), (4, 16), (16, 32), (64, 128)];

/// The statement that reads the heads, requests and pages with their keys: what every batch needs, at once. What goes to
/// and fro costs more than what it does there.
pub(crate) fn needs_text(requests: usize, pages: usize) -> String {
    format!(
        "SELECT 0, journal, hash, hash, hash, {}, 0 FROM head UNION ALL {} UNION ALL {}",
        numbers!(),
        select_text("SELECT 1, call, digest, reply, reply, '', 0 FROM request WHERE call", 1, requests),
        select_text(
            "SELECT 2, p.matter, p.page, p.local, k.wrapped_key, COALESCE(k.ring_key_id, ''), p.opened_turn \
             FROM page p LEFT JOIN matter_key k ON k.matter = p.matter WHERE p.matter",
            1 + requests,
            pages
        )
    )
}

/// Texts are long and few: each is made once.
static TEXTS: LazyLock<[Arc<str>; NEEDS.len()]> =
    LazyLock::new(|| NEEDS.map(|(requests, pages)| needs_text(requests, pages).into()));

/// What every batch needs, as it was read.
pub(crate) struct Needed {
    pub(crate) heads: Heads,
    /// Replies to calls: call, digest, reply.
    pub(crate) replies: Vec<(String, Vec<u8>, Vec<u8>)>,
    pages: Vec<AnyRow>,
}

/// Reads the heads, the replies to these calls, and these pages. The agreement and both agencies' journal pages are always
/// read.
pub(crate) async fn needed(
    connection: &mut Connection,
    own: Agency,
    calls: &[String],
    keys: &mut Keys,
) -> Result<Needed, Error> {
    keys.matters.insert(Matter::AGREEMENT.to_owned());
    keys.matters.extend([Agency::Ppc, Agency::Ipa].map(journal_rules::name));
    let names: Vec<&String> = keys.matters.iter().collect();
    let (mut heads, mut replies, mut pages) = (Vec::new(), Vec::new(), Vec::new());
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
            query = query.bind(calls.get(place).or(calls.last()).map_or("", String::as_str));
        }
        for place in 0..matters {
            query = query.bind(names.get(place).or(names.last()).map_or("", |name| name.as_str()));
        }
        heads.clear();
        for row in query.fetch_all(&mut *connection).await? {
            match row.try_get::<i64, _>(0)? {
                0 => heads.push((row.try_get(1)?, row.try_get(2)?, row.try_get(5)?)),
                1 => replies.push((row.try_get(1)?, row.try_get(2)?, row.try_get(3)?)),
                _ => pages.push(row),
            }
        }
    }
    Ok(Needed { heads: head::of_rows(own, &heads)?, replies, pages })
}

/// Puts what was read onto the stage, and loads what else the keys name.
pub(crate) async fn load(
    connection: &mut Connection,
    stage: &mut Stage,
    needed: &Needed,
    keys: Keys,
    ring: &KeyRing,
) -> Result<(), Error> {
    for row in &needed.pages {
        let name: String = row.try_get(1)?;
        // Whoever has a key has a page.
        if let Some(wrapped) = row.try_get::<Option<Vec<u8>>, _>(4)? {
            let key = ring.unwrap(&name, &wrapped, &row.try_get::<String, _>(5)?)?;
            stage.keyed.insert(name.clone(), key);
        }
        page(stage, name, row.try_get(6)?, &row.try_get::<Vec<u8>, _>(2)?, &row.try_get::<Vec<u8>, _>(3)?)?;
    }
    for (noun, opener) in &keys.lists {
        let (from, to) = prefix_range(&Matter::prefix(*noun, *opener));
        let rows = sqlx::query(PAGES_BETWEEN).bind(from).bind(to).fetch_all(&mut *connection).await?;
        for row in &rows {
            let (page, local): (Vec<u8>, Vec<u8>) = (row.try_get(2)?, row.try_get(3)?);
            self::page(stage, row.try_get(0)?, row.try_get(1)?, &page, &local)?;
        }
    }
    stage.years.extend(&keys.years);
    let years: Vec<Value> = keys.years.iter().map(|year| i64::from(*year).into()).collect();
    for row in select(&mut *connection, COUNTERS, years).await? {
        let year = u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default();
        stage.counters.insert((year, row.try_get(1)?), count(row.try_get(2)?));
    }
    for (journal, statement) in HASHES {
        // What is beyond the head is not held: entries arrive so.
        let last = stage.heads.of(stage.own(), journal).seq;
        let wanted = keys.entries.iter().filter(|(of, seq)| *of == journal && *seq <= last);
        let wanted = wanted.map(|(_, seq)| number(*seq).into()).collect();
        for row in select(&mut *connection, statement, wanted).await? {
            let hash: Vec<u8> = row.try_get(1)?;
            let hash = hash.as_slice().try_into().map_err(|_| Error::Damaged("a hash has not 32 bytes".to_owned()))?;
            stage.hashes.insert((journal, count(row.try_get(0)?)), hash);
        }
    }
    let ids = keys.ids.into_iter().map(Value::from).collect();
    for row in select(&mut *connection, IDS, ids).await? {
        stage.ids.insert(row.try_get(0)?);
    }
    stage.loaded.extend(keys.matters);
    Ok(())
}

/// The range of names with this prefix: the byte after the slash ends it.
pub(crate) fn prefix_range(prefix: &str) -> (String, String) {
    (prefix.to_owned(), format!("{}0", prefix.trim_end_matches('/')))
}

fn page(stage: &mut Stage, name: String, opened: i64, page: &[u8], local: &[u8]) -> Result<(), Error> {
    stage.pages.insert(name.clone(), decode_page(&name, page, local)?);
    stage.opened.insert(name.clone(), count(opened));
    stage.loaded.insert(name);
    Ok(())
}

/// A page from its bytes.
pub(crate) fn decode_page(name: &str, page: &[u8], local: &[u8]) -> Result<Page, Error> {
    Page::decode(page, local).map_err(|error| Error::Damaged(format!("page {name}: {error}")))
}

/// A page from its row.
pub(crate) fn read_page(row: &AnyRow) -> Result<(String, Page), Error> {
    let name: String = row.try_get(0)?;
    let (page, local): (Vec<u8>, Vec<u8>) = (row.try_get(2)?, row.try_get(3)?);
    let page = decode_page(&name, &page, &local)?;
    Ok((name, page))
}
