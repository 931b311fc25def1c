//! Writes what a batch staged, each table in one bulk statement.

use std::{collections::BTreeMap, sync::Arc};

use prost::Message as _;
use renkei_domain::{
    matter::Matter,
    moment::{Moment, micros},
    page::{Journal, Seen},
    scope::{self, Shown},
};
use renkei_journal::SigningKey;
use renkei_proto::{journal::v1::Entry, r#type::v1::Agency};
use sqlx::AnyConnection;
use tokio::task::JoinHandle;

use crate::{
    bulk::{Insert, Value, number},
    content::{KeyRing, MatterKey},
    error::Error,
    head::{self, Heads},
    stage::{Body, Stage, Staged},
};

pub(crate) static ENTRY: Insert = Insert::new(
    "entry",
    &[
        "journal",
        "seq",
        "entry_id",
        "matter",
        "fact_type",
        "header",
        "hash",
        "key_id",
        "signature",
        "fact",
        "answers",
        "digest",
        "turn",
        "written_us",
        "arrived_us",
    ],
    "",
);
pub(crate) static CONTENT: Insert = Insert::new("content", &["journal", "seq", "nonce", "ciphertext"], "");
pub(crate) static MATTER_KEY: Insert = Insert::new("matter_key", &["matter", "wrapped_key", "ring_key_id"], "");
pub(crate) static PAGE: Insert = Insert::new(
    "page",
    &["matter", "opened_turn", "changed_turn", "page", "local"],
    " ON CONFLICT (matter) DO UPDATE SET changed_turn = excluded.changed_turn, page = excluded.page, \
               local = excluded.local",
);
pub(crate) static VISIBLE: Insert =
    Insert::new("visible", &["noun", "audience", "opened_turn", "matter", "until_us"], " ON CONFLICT DO NOTHING");
pub(crate) const SHOWN_BEFORE: &str = "DELETE FROM visible WHERE matter = $1";
pub(crate) static LOOKUP: Insert = Insert::new("lookup", &["kind", "value", "matter"], " ON CONFLICT DO NOTHING");
pub(crate) static COUNTER: Insert = Insert::new(
    "counter",
    &["year", "kind", "last"],
    " ON CONFLICT (year, kind) DO UPDATE SET last = counter.last + excluded.last",
);
pub(crate) static FEED: Insert = Insert::new("feed", &["number", "at_us", "matter", "change"], "");
pub(crate) static RECEIPT: Insert = Insert::new(
    "receipt",
    &["up_to_seq", "own_seq", "at_us", "receipt", "key_id", "signature"],
    " ON CONFLICT DO NOTHING",
);

/// Signs the batch's own entries and writes everything. Signing takes some 20 µs an entry: beside the writing of what needs
/// no signature.
pub(crate) async fn save(
    connection: &mut AnyConnection,
    stage: &mut Stage,
    before: &Heads,
    key: &Arc<SigningKey>,
    ring: &KeyRing,
    moment: &Moment,
) -> Result<(), Error> {
    let own = stage.own();
    let (keys, contents) = contents(stage, ring, moment)?;
    let signing = sign(&mut stage.entries, key);
    MATTER_KEY.run(&mut *connection, keys).await?;
    CONTENT.run(&mut *connection, contents).await?;
    pages(&mut *connection, stage).await?;
    COUNTER.run(&mut *connection, counter_rows(stage)).await?;
    let feed = stage.feed.iter().map(|told| {
        vec![
            told.number.into(),
            told.at_us.into(),
            told.event.matter.as_str().into(),
            told.event.encode_to_vec().into(),
        ]
    });
    FEED.run(&mut *connection, feed.collect()).await?;
    let receipts = stage.receipts.iter().map(|taken| {
        let signed = &taken.signed;
        vec![
            taken.receipt.up_to_seq.into(),
            taken.receipt.own_seq.into(),
            micros(taken.receipt.at.as_ref()).into(),
            signed.receipt.clone().into(),
            signed.key_id.as_str().into(),
            signed.signature.clone().into(),
        ]
    });
    RECEIPT.run(&mut *connection, receipts.collect()).await?;
    for journal in [Journal::Of(Agency::Ppc), Journal::Of(Agency::Ipa), Journal::Private] {
        let changed = stage.heads.of(own, journal) != before.of(own, journal);
        let counts = journal == Journal::Of(own) && (stage.heads.turn, stage.heads.feed) != (before.turn, before.feed);
        if changed || counts {
            write_head(&mut *connection, &stage.heads, own, journal).await?;
        }
    }
    let signed = signing.await.map_err(|_| Error::Ended)?;
    ENTRY.run(connection, stage.entries.iter().zip(signed).map(entry_row).collect()).await?;
    Ok(())
}

pub(crate) async fn write_head(
    connection: &mut AnyConnection,
    heads: &Heads,
    own: Agency,
    journal: Journal,
) -> Result<(), Error> {
    let mut query = sqlx::query(head::UPDATE);
    for value in head::values(heads, own, journal) {
        query = match value {
            Value::Int(it) => query.bind(it),
            Value::Text(it) => query.bind(it),
            Value::Bytes(it) => query.bind(it),
        };
    }
    query.execute(&mut *connection).await?;
    Ok(())
}

/// The batch's entries in order, own ones signed. What is staged keeps its header and no body.
fn sign(entries: &mut [Staged], key: &Arc<SigningKey>) -> JoinHandle<Vec<Entry>> {
    let bodies = entries.iter_mut().map(|entry| std::mem::replace(&mut entry.body, Body::Arrived(Entry::default())));
    let (bodies, key) = (bodies.collect::<Vec<_>>(), Arc::clone(key));
    tokio::task::spawn_blocking(move || {
        let signed = bodies.into_iter().map(|body| match body {
            Body::Own(chained) => chained.sign(&key),
            Body::Arrived(entry) => entry,
        });
        signed.collect()
    })
}

fn entry_row((staged, entry): (&Staged, Entry)) -> Vec<Value> {
    vec![
        staged.journal.id().into(),
        staged.header.seq.into(),
        staged.header.entry_id.as_str().into(),
        staged.header.matter.as_str().into(),
        staged.header.fact_type.as_str().into(),
        entry.header.into(),
        staged.hash.into(),
        entry.key_id.into(),
        entry.signature.into(),
        entry.fact.into(),
        staged.header.answers.into(),
        staged.digest.clone().into(),
        staged.turn.into(),
        micros(staged.header.written_at.as_ref()).into(),
        staged.arrived_us.into(),
    ]
}

/// Where a content belongs: bound to its ciphertext, so that contents cannot be exchanged.
pub(crate) fn place(journal: &str, seq: u64) -> String {
    format!("{journal}/{seq}")
}

/// Rows of new matters' keys and of encrypted contents.
type Contents = (Vec<Vec<Value>>, Vec<Vec<Value>>);

fn contents(stage: &mut Stage, ring: &KeyRing, moment: &Moment) -> Result<Contents, Error> {
    let (mut keys, mut rows) = (Vec::new(), Vec::new());
    for entry in &stage.entries {
        let content = match &entry.body {
            Body::Own(chained) => chained.content(),
            Body::Arrived(entry) => entry.content.as_ref(),
        };
        let Some(content) = content else { continue };
        let matter = &entry.header.matter;
        if !stage.keyed.contains_key(matter) {
            let fresh = moment.bytes(&format!("matter key {matter}"), entry.turn);
            let (wrapped, id) = ring.wrap(matter, &fresh, moment.bytes(&format!("wrap {matter}"), entry.turn))?;
            keys.push(vec![matter.as_str().into(), wrapped.into(), id.into()]);
            stage.keyed.insert(matter.clone(), MatterKey::new(&fresh)?);
        }
        let key = stage.keyed.get(matter).ok_or(Error::Content("a matter has no key"))?;
        let place = place(entry.journal.id(), entry.header.seq);
        let nonce = moment.bytes(&format!("nonce {place}"), entry.turn);
        let (nonce, ciphertext) = key.seal(&place, nonce, &content.encode_to_vec())?;
        rows.push(vec![entry.journal.id().into(), entry.header.seq.into(), nonce.into(), ciphertext.into()]);
    }
    Ok((keys, rows))
}

async fn pages(connection: &mut AnyConnection, stage: &Stage) -> Result<(), Error> {
    let changed: BTreeMap<&str, u64> = stage.entries.iter().map(|it| (it.header.matter.as_str(), it.turn)).collect();
    let (mut rows, mut visible) = (Vec::new(), Vec::new());
    for (name, turn) in changed {
        let (Some(page), Some(opened)) = (stage.pages.get(name), stage.opened.get(name)) else { continue };
        rows.push(vec![name.into(), (*opened).into(), turn.into(), page.encode().into(), page.encode_local().into()]);
        let matter = Matter::of(name);
        if matter.noun.is_scoped() && *opened < turn {
            // Its scope may be another one now.
            sqlx::query(SHOWN_BEFORE).bind(name).execute(&mut *connection).await?;
        }
        let shown = scope::shown_to(stage.own(), &matter, Seen::whole(page));
        visible.extend(shown.into_iter().map(|shown| visible_row(&matter, shown, *opened)));
    }
    PAGE.run(&mut *connection, rows).await?;
    VISIBLE.run(&mut *connection, visible).await?;
    LOOKUP.run(&mut *connection, lookup_rows(stage)).await?;
    Ok(())
}

/// What the stage adds to the counters.
pub(crate) fn counter_rows(stage: &Stage) -> Vec<Vec<Value>> {
    let rows = stage.tallied.iter();
    rows.map(|((year, kind), by)| vec![i64::from(*year).into(), kind.as_str().into(), (*by).into()]).collect()
}

/// Other names that the stage gives to matters.
pub(crate) fn lookup_rows(stage: &Stage) -> Vec<Vec<Value>> {
    let rows = stage.lookups.iter();
    rows.map(|(lookup, matter)| vec![lookup.kind.as_str().into(), lookup.value.as_str().into(), matter.as_str().into()])
        .collect()
}

pub(crate) fn visible_row(matter: &Matter, shown: Shown, opened: u64) -> Vec<Value> {
    vec![
        Matter::prefix(matter.noun, matter.opener).into(),
        shown.audience.into(),
        number(opened).into(),
        matter.to_string().into(),
        shown.until_us.into(),
    ]
}
