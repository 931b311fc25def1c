//! Reads what a batch needs, each kind of thing in one query.

use renkei_domain::{
    decide::Keys,
    journal as journal_rules,
    matter::Matter,
    page::{Journal, Page},
};
use renkei_proto::r#type::v1::Agency;
use sqlx::{AnyConnection, Row as _, any::AnyRow};

use crate::{
    bulk::{Value, count, number, select},
    content::KeyRing,
    error::Error,
    stage::Stage,
};

pub(crate) const PAGES: &str = "SELECT p.matter, p.opened_turn, p.page, p.local, k.wrapped_key, k.ring_key_id \
     FROM page p LEFT JOIN matter_key k ON k.matter = p.matter WHERE p.matter";
pub(crate) const PAGES_BETWEEN: &str =
    "SELECT matter, opened_turn, page, local FROM page WHERE matter >= $1 AND matter < $2";
pub(crate) const COUNTERS: &str = "SELECT year, kind, last FROM counter WHERE year";
pub(crate) const IDS: &str = "SELECT entry_id FROM entry WHERE entry_id";
pub(crate) const HASHES: [(Journal, &str); 3] = [
    (Journal::Of(Agency::Ppc), "SELECT seq, hash FROM entry WHERE journal = 'ppc' AND seq"),
    (Journal::Of(Agency::Ipa), "SELECT seq, hash FROM entry WHERE journal = 'ipa' AND seq"),
    (Journal::Private, "SELECT seq, hash FROM entry WHERE journal = 'private' AND seq"),
];

/// Loads everything that the keys name onto the stage. The agreement and both agencies' journal pages are always there.
pub(crate) async fn load(
    connection: &mut AnyConnection,
    stage: &mut Stage,
    mut keys: Keys,
    ring: &KeyRing,
) -> Result<(), Error> {
    keys.matters.insert(Matter::AGREEMENT.to_owned());
    keys.matters.extend([Agency::Ppc, Agency::Ipa].map(journal_rules::name));
    let names = keys.matters.iter().map(|name| Value::from(name.as_str())).collect();
    for row in select(&mut *connection, PAGES, names).await? {
        let name = page(stage, &row)?;
        // Whoever has a key has a page.
        if let Some(wrapped) = row.try_get::<Option<Vec<u8>>, _>(4)? {
            let key = ring.unwrap(&name, &wrapped, &row.try_get::<String, _>(5)?)?;
            stage.keyed.insert(name, key);
        }
    }
    for (noun, opener) in &keys.lists {
        let (from, to) = prefix_range(&Matter::prefix(*noun, *opener));
        let rows = sqlx::query(PAGES_BETWEEN).bind(from).bind(to).fetch_all(&mut *connection).await?;
        for row in rows {
            page(stage, &row)?;
        }
    }
    let years: Vec<Value> = keys.years.iter().map(|year| i64::from(*year).into()).collect();
    for row in select(&mut *connection, COUNTERS, years).await? {
        let year = u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default();
        stage.counters.insert((year, row.try_get(1)?), count(row.try_get(2)?));
    }
    for (journal, statement) in HASHES {
        let wanted = keys.entries.iter().filter(|(of, _)| *of == journal).map(|(_, seq)| number(*seq).into()).collect();
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

fn page(stage: &mut Stage, row: &AnyRow) -> Result<String, Error> {
    let (name, page) = read_page(row)?;
    stage.opened.insert(name.clone(), count(row.try_get(1)?));
    stage.loaded.insert(name.clone());
    stage.pages.insert(name.clone(), page);
    Ok(name)
}

/// A page from its row.
pub(crate) fn read_page(row: &AnyRow) -> Result<(String, Page), Error> {
    let name: String = row.try_get(0)?;
    let (page, local): (Vec<u8>, Vec<u8>) = (row.try_get(2)?, row.try_get(3)?);
    let page = Page::decode(&page, &local).map_err(|error| Error::Damaged(format!("page {name}: {error}")))?;
    Ok((name, page))
}
