//! Writes what a batch staged, each table in one bulk statement.

use std::{collections::BTreeMap, sync::Arc};

use prost::Message as _;
use renkei_book::{Body, Counters, Heads, Staged, StagedEntry, StagedEvent, StagedPage};
use renkei_domain::{
    index::Lookup,
    matter::Matter,
    moment::{Moment, micros, stamp},
    noun::registry,
    page::{Journal, Page, Seen},
};
use renkei_journal::{SigningKey, sign_receipt};
use renkei_proto::{
    journal::v1::{Entry, Receipt, SignedReceipt},
    r#type::v1::Agency,
};

use crate::{
    bulk::{Bulk, Insert, Value, delete, number},
    connection::Connection,
    content::{KeyRing, MatterKey},
    error::Error,
    head::{self, HEAD},
    inner::Inner,
    seal::PageRow,
};

pub(crate) static ENTRY: Insert = Insert {
    table: "entry",
    columns: &[
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
    conflict: "",
};
pub(crate) static CONTENT: Insert =
    Insert { table: "content", columns: &["journal", "seq", "nonce", "ciphertext"], conflict: "" };
pub(crate) static MATTER_KEY: Insert =
    Insert { table: "matter_key", columns: &["matter", "wrapped_key", "ring_key_id"], conflict: "" };
pub(crate) static PAGE: Insert = Insert {
    table: "page",
    columns: &["matter", "opened_turn", "changed_turn", "page", "local", "seal"],
    conflict: " ON CONFLICT (matter) DO UPDATE SET changed_turn = excluded.changed_turn, page = excluded.page, \
               local = excluded.local, seal = excluded.seal",
};
pub(crate) static VISIBLE: Insert = Insert {
    table: "visible",
    columns: &["noun", "audience", "opened_turn", "matter", "until_us"],
    conflict: " ON CONFLICT DO NOTHING",
};
pub(crate) const SHOWN_BEFORE: &str = "DELETE FROM visible WHERE matter";
pub(crate) static LOOKUP: Insert =
    Insert { table: "lookup", columns: &["kind", "value", "matter"], conflict: " ON CONFLICT DO NOTHING" };
pub(crate) static COUNTER: Insert = Insert {
    table: "counter",
    columns: &["year", "kind", "last"],
    conflict: " ON CONFLICT (year, kind) DO UPDATE SET last = counter.last + excluded.last",
};
pub(crate) static FEED: Insert =
    Insert { table: "feed", columns: &["number", "at_us", "matter", "change"], conflict: "" };
pub(crate) static RECEIPT: Insert = Insert {
    table: "receipt",
    columns: &["up_to_seq", "own_seq", "at_us", "receipt", "key_id", "signature"],
    conflict: " ON CONFLICT DO NOTHING",
};

pub(crate) static RECEIPT_GIVEN: Insert = Insert {
    table: "receipt_given",
    columns: &["up_to_seq", "own_seq", "at_us", "receipt", "key_id", "signature"],
    conflict: " ON CONFLICT (up_to_seq, own_seq) DO UPDATE SET at_us = excluded.at_us, receipt = excluded.receipt, \
               key_id = excluded.key_id, signature = excluded.signature",
};

/// The number of own entries from which signing is worth another thread: waking one takes about as long as signing an
/// entry.
const WORTH: usize = 8;

/// Signs the batch's own entries and writes everything with as few statements as possible; `keys` are those of the batch's
/// matters, and `bulk` contains the further rows.
pub(crate) async fn save(
    inner: &Inner,
    connection: &mut Connection,
    staged: &mut Staged,
    keys: &mut BTreeMap<String, MatterKey>,
    before: &Heads,
    moment: &Moment,
    mut bulk: Bulk,
) -> Result<(), Error> {
    let own = staged.own;
    let (keys, contents) = contents(staged, keys, &inner.ring, moment)?;
    let bodies = bodies(&mut staged.entries);
    let (pages, visible, changed) = pages(staged, &inner.ring);
    delete(&mut *connection, SHOWN_BEFORE, changed).await?;
    bulk.add(&MATTER_KEY, keys);
    bulk.add(&CONTENT, contents);
    bulk.add(&PAGE, pages);
    bulk.add(&VISIBLE, visible);
    bulk.add(&LOOKUP, lookup_rows(&staged.lookups));
    bulk.add(&COUNTER, counter_rows(&staged.counted));
    bulk.add(&FEED, feed_rows(&staged.events));
    bulk.add(&RECEIPT, staged.receipts.iter().map(|taken| receipt_row(&taken.receipt, &taken.signed)).collect());
    bulk.add(
        &RECEIPT_GIVEN,
        given(staged, &inner.key, moment).iter().map(|(it, signed)| receipt_row(it, signed)).collect(),
    );
    let heads = [Journal::Of(Agency::Ppc), Journal::Of(Agency::Ipa), Journal::Private].into_iter().filter(|journal| {
        let counts =
            *journal == Journal::Of(own) && (staged.heads.turn, staged.heads.feed) != (before.turn, before.feed);
        counts || staged.heads.of(own, *journal) != before.of(own, *journal)
    });
    bulk.add(&HEAD, heads.map(|journal| head::values(&staged.heads, own, journal)).collect());
    let rows = |signed: Vec<Entry>| staged.entries.iter().zip(signed).map(entry_row).collect();
    if bodies.iter().filter(|body| matches!(body, Body::Own(_))).count() < WORTH {
        bulk.add(&ENTRY, rows(sign(bodies, &inner.key)));
        return Ok(bulk.run(connection).await?);
    }
    let key = Arc::clone(&inner.key);
    let signing = tokio::task::spawn_blocking(move || sign(bodies, &key));
    // Meanwhile the rows that need no signature are written.
    bulk.run(&mut *connection).await?;
    ENTRY.run(connection, rows(signing.await.map_err(|_| Error::Ended)?)).await?;
    Ok(())
}

pub(crate) async fn write_head(
    connection: &mut Connection,
    heads: &Heads,
    own: Agency,
    journal: Journal,
) -> Result<(), Error> {
    Ok(HEAD.run(connection, vec![head::values(heads, own, journal)]).await?)
}

fn feed_rows(events: &[StagedEvent]) -> Vec<Vec<Value>> {
    let rows = events.iter().map(|told| {
        vec![
            told.number.into(),
            told.at_us.into(),
            told.event.matter.as_str().into(),
            told.event.encode_to_vec().into(),
        ]
    });
    rows.collect()
}

fn receipt_row(receipt: &Receipt, signed: &SignedReceipt) -> Vec<Value> {
    vec![
        receipt.up_to_seq.into(),
        receipt.own_seq.into(),
        micros(receipt.at.as_ref()).into(),
        signed.receipt.clone().into(),
        signed.key_id.as_str().into(),
        signed.signature.clone().into(),
    ]
}

/// The receipt with which the batch ends, if entries of the peer came with it or a session asks for one. It is stored
/// with the entries that it names, so that both sides have the same.
fn given(staged: &Staged, key: &SigningKey, moment: &Moment) -> Option<(Receipt, SignedReceipt)> {
    let heads = &staged.heads;
    if !staged.signs || heads.peer.seq == 0 || heads.recovering() {
        return None;
    }
    let receipt = Receipt {
        journal: staged.own.peer().into(),
        up_to_seq: heads.peer.seq,
        head_hash: heads.peer.hash.to_vec(),
        own_seq: heads.own.seq,
        at: Some(stamp(moment.now)),
    };
    let signed = sign_receipt(key, &receipt);
    Some((receipt, signed))
}

/// Moves the bodies of the batch's entries out, in order. The staged entries keep their headers.
fn bodies(entries: &mut [StagedEntry]) -> Vec<Body> {
    entries.iter_mut().map(|entry| std::mem::replace(&mut entry.body, Body::Arrived(Entry::default()))).collect()
}

/// Makes entries of these bodies, and signs the own ones.
fn sign(bodies: Vec<Body>, key: &SigningKey) -> Vec<Entry> {
    let signed = bodies.into_iter().map(|body| match body {
        Body::Own(chained) => chained.sign(key),
        Body::Arrived(entry) => entry,
    });
    signed.collect()
}

fn entry_row((staged, entry): (&StagedEntry, Entry)) -> Vec<Value> {
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

/// The place of a content, which is bound to its ciphertext so that contents cannot be exchanged.
pub(crate) fn place(journal: &str, seq: u64) -> String {
    format!("{journal}/{seq}")
}

/// Rows of new matters' keys and of encrypted contents.
type Contents = (Vec<Vec<Value>>, Vec<Vec<Value>>);

/// Encrypts the contents. `known` are the keys of the batch's matters; a matter without one gets one here.
fn contents(
    staged: &Staged,
    known: &mut BTreeMap<String, MatterKey>,
    ring: &KeyRing,
    moment: &Moment,
) -> Result<Contents, Error> {
    let (mut keys, mut rows) = (Vec::new(), Vec::new());
    for entry in &staged.entries {
        let content = match &entry.body {
            Body::Own(chained) => chained.content(),
            Body::Arrived(entry) => entry.content.as_ref(),
        };
        let Some(content) = content else { continue };
        let matter = &entry.header.matter;
        if !known.contains_key(matter) {
            let fresh = moment.bytes(&format!("matter key {matter}"), entry.turn);
            let (wrapped, id) = ring.wrap(matter, &fresh, moment.bytes(&format!("wrap {matter}"), entry.turn))?;
            keys.push(vec![matter.as_str().into(), wrapped.into(), id.into()]);
            known.insert(matter.clone(), MatterKey::new(&fresh)?);
        }
        let key = known.get(matter).ok_or(Error::Content("a matter has no key"))?;
        let place = place(entry.journal.id(), entry.header.seq);
        let nonce = moment.bytes(&format!("nonce {place}"), entry.turn);
        let (nonce, ciphertext) = key.seal(&place, nonce, &content.encode_to_vec())?;
        rows.push(vec![entry.journal.id().into(), entry.header.seq.into(), nonce.into(), ciphertext.into()]);
    }
    Ok((keys, rows))
}

/// The rows of changed pages, their rows in lists, and the names of the matters that lists may have shown otherwise
/// before.
fn pages(staged: &Staged, ring: &KeyRing) -> (Vec<Vec<Value>>, Vec<Vec<Value>>, Vec<Value>) {
    let (mut rows, mut visible, mut shown_before) = (Vec::new(), Vec::new(), Vec::new());
    for (name, StagedPage { page, opened, changed }) in &staged.pages {
        let row = PageRow {
            opened: number(*opened),
            changed: number(*changed),
            page: page.encode(),
            local: page.encode_local(),
        };
        rows.push(page_row(name, row, ring));
        let matter = Matter::of(name);
        if registry::of(&matter).is_listed_anew() && opened < changed {
            // The scope or the duties of the matter may have changed.
            shown_before.push(name.as_str().into());
        }
        visible.extend(listed(staged.own, &matter, page, number(*opened)).into_iter().map(list_row));
    }
    (rows, visible, shown_before)
}

/// The values of a page's row, sealed.
pub(crate) fn page_row(matter: &str, row: PageRow, ring: &KeyRing) -> Vec<Value> {
    let seal = row.seal(ring, matter);
    vec![matter.into(), row.opened.into(), row.changed.into(), row.page.into(), row.local.into(), seal.into()]
}

/// The additions to the counters.
pub(crate) fn counter_rows(counted: &Counters) -> Vec<Vec<Value>> {
    let rows = counted.iter();
    rows.map(|((year, kind), by)| vec![i64::from(*year).into(), kind.as_str().into(), (*by).into()]).collect()
}

/// The values by which matters are found.
pub(crate) fn lookup_rows<'a>(lookups: impl IntoIterator<Item = &'a (Lookup, String)>) -> Vec<Vec<Value>> {
    let rows = lookups.into_iter();
    rows.map(|(lookup, matter)| vec![lookup.kind.as_str().into(), lookup.value.as_str().into(), matter.as_str().into()])
        .collect()
}

/// A row of a list: the list, the audience or due day, the turn of opening, the matter, and the end of the visibility.
pub(crate) type ListRow = (String, String, i64, String, i64);

/// The prefix of the lists of duties. No noun has it.
pub(crate) const DUTIES: &str = "duties/";
/// The key of duties without a due day. It sorts behind all days.
pub(crate) const UNDATED: &str = "undated";

/// The lists that contain a matter: those of its noun, for each audience that sees it, and those of this agency's
/// duties in it, by day.
pub(crate) fn listed(own: Agency, matter: &Matter, page: &Page, opened: i64) -> Vec<ListRow> {
    let seen = Seen::whole(page);
    let (noun, list) = (registry::of(matter), matter.collection.prefix(matter.opener));
    let shown = noun.visibility(own, matter, seen).into_iter();
    let shown = shown.map(|it| (list.clone(), it.audience, opened, matter.to_string(), it.until_us));
    let duties = noun.duties(own, matter, seen).into_iter().map(|duty| {
        let due = duty.due.map_or_else(|| UNDATED.to_owned(), |day| day.to_string());
        (format!("{DUTIES}{}", duty.kind.id()), due, opened, matter.to_string(), i64::MAX)
    });
    shown.chain(duties).collect()
}

/// The values of a row of a list.
pub(crate) fn list_row((list, key, opened, matter, until_us): ListRow) -> Vec<Value> {
    vec![list.into(), key.into(), opened.into(), matter.into(), until_us.into()]
}
