//! Writes what a batch staged, each table in one bulk statement.

use prost::Message as _;
use renkei_book::{Counters, Heads, Staged, StagedEntry, StagedEvent, StagedPage};
use renkei_domain::{
    index::{Lookup, LookupKind},
    matter::Matter,
    moment::{Moment, micros},
    noun::registry,
    page::Journal,
    tally::TallyKind,
};
use renkei_journal::sign_receipt;
use renkei_proto::{
    journal::v1::{Receipt, SignedReceipt},
    r#type::v1::Agency,
};

use crate::{
    bulk::{
        Bulk,
        Column::{Bytes, Int, Text},
        Insert, delete,
    },
    connection::Connection,
    content::KeyRing,
    error::Error,
    head::{self, HEAD},
    inner::Inner,
    lists::{DUTY, DutyRow, FORGET_DUTIES, FORGET_VISIBLE, ListRows, VISIBLE, VisibleRow},
    query::{FromRow, Row},
    seal::PageRow,
    signing::Written,
    value::{Value, count, number},
};

pub(crate) static ENTRY: Insert = Insert {
    table: "entry",
    columns: &[
        Int("turn"),
        Text("journal"),
        Int("seq"),
        Text("entry_id"),
        Text("matter"),
        Text("fact_type"),
        Bytes("header"),
        Bytes("hash"),
        Text("key_id"),
        Bytes("signature"),
        Bytes("fact"),
        Int("answers"),
        Bytes("digest"),
        Text("state"),
        Bytes("nonce"),
        Bytes("ciphertext"),
        Bytes("wrapped_key"),
        Text("ring_key_id"),
        Int("written_us"),
        Int("arrived_us"),
    ],
    conflict: "",
};
pub(crate) static PAGE: Insert = Insert {
    table: "page",
    columns: &[Text("matter"), Int("opened_turn"), Int("changed_turn"), Bytes("page"), Bytes("local"), Bytes("seal")],
    conflict: " ON CONFLICT (matter) DO UPDATE SET changed_turn = excluded.changed_turn, page = excluded.page, \
               local = excluded.local, seal = excluded.seal",
};
pub(crate) static LOOKUP: Insert = Insert {
    table: "lookup",
    columns: &[Text("kind"), Text("value"), Text("matter")],
    conflict: " ON CONFLICT DO NOTHING",
};
pub(crate) static COUNTER: Insert = Insert {
    table: "counter",
    columns: &[Int("year"), Text("kind"), Int("last")],
    conflict: " ON CONFLICT (year, kind) DO UPDATE SET last = counter.last + excluded.last",
};
pub(crate) static EVENT: Insert =
    Insert { table: "event", columns: &[Int("turn"), Int("at_us"), Text("matter"), Bytes("change")], conflict: "" };
pub(crate) static RECEIPT: Insert = Insert {
    table: "receipt",
    columns: &[Int("up_to_seq"), Int("own_seq"), Int("at_us"), Bytes("receipt"), Text("key_id"), Bytes("signature")],
    conflict: " ON CONFLICT DO NOTHING",
};

pub(crate) static RECEIPT_GIVEN: Insert = Insert {
    table: "receipt_given",
    columns: &[Int("up_to_seq"), Int("own_seq"), Int("at_us"), Bytes("receipt"), Text("key_id"), Bytes("signature")],
    conflict: " ON CONFLICT (up_to_seq, own_seq) DO UPDATE SET at_us = excluded.at_us, receipt = excluded.receipt, \
               key_id = excluded.key_id, signature = excluded.signature",
};

/// Writes everything with as few statements as possible. `written` are the batch's entries, `before` are the heads before
/// it, and `bulk` contains the further rows.
pub(crate) async fn save(
    inner: &Inner,
    connection: &mut Connection,
    staged: &Staged,
    written: Vec<Written>,
    before: &Heads,
    moment: &Moment,
    mut bulk: Bulk,
) -> Result<(), Error> {
    let own = staged.own;
    let (mut pages, mut visible, mut duties) = (Vec::new(), Vec::new(), Vec::new());
    let (mut forget_visible, mut forget_duties) = (Vec::new(), Vec::new());
    for (name, StagedPage { page, opened, changed }) in &staged.pages {
        let matter = Matter::of(name);
        let noun = registry::of(&matter);
        // A new matter has no rows in lists yet, and other rows end only with a scope or a duty.
        let is_older = opened < changed;
        if is_older && noun.is_scoped() {
            forget_visible.push(name.as_str().into());
        }
        if is_older && !noun.duty_kinds().is_empty() {
            forget_duties.push(name.as_str().into());
        }
        let opened = number(*opened);
        let row = PageRow { opened, changed: number(*changed), page: page.encode(), local: page.encode_local() };
        pages.push(page_row(name, row, &inner.ring));
        let rows = ListRows::of(own, &matter, page, opened);
        visible.extend(rows.visible.into_iter().map(VisibleRow::values));
        duties.extend(rows.duties.into_iter().map(DutyRow::values));
    }
    delete(&mut *connection, FORGET_VISIBLE, forget_visible).await?;
    delete(&mut *connection, FORGET_DUTIES, forget_duties).await?;
    bulk.add(&ENTRY, staged.entries.iter().zip(written).map(entry_row).collect());
    bulk.add(&PAGE, pages);
    bulk.add(&VISIBLE, visible);
    bulk.add(&DUTY, duties);
    bulk.add(&LOOKUP, lookup_rows(&staged.lookups));
    bulk.add(&COUNTER, counter_rows(&staged.counted));
    bulk.add(&EVENT, staged.events.iter().map(event_row).collect());
    bulk.add(&RECEIPT, staged.receipts.iter().map(|kept| receipt_row(&kept.receipt, &kept.signed)).collect());
    let given = staged.receipt(moment.now);
    bulk.add(&RECEIPT_GIVEN, given.iter().map(|it| receipt_row(it, &sign_receipt(&inner.key, it))).collect());
    let heads = [Journal::Of(Agency::Ppc), Journal::Of(Agency::Ipa), Journal::Private].into_iter().filter(|journal| {
        let counts = *journal == Journal::Of(own) && staged.heads.turn != before.turn;
        counts || staged.heads.of(own, *journal) != before.of(own, *journal)
    });
    bulk.add(&HEAD, heads.map(|journal| head::values(&staged.heads, own, journal)).collect());
    Ok(bulk.run(connection).await?)
}

fn event_row(staged: &StagedEvent) -> Vec<Value> {
    vec![
        staged.turn.into(),
        staged.at_us.into(),
        staged.event.matter.as_str().into(),
        staged.event.encode_to_vec().into(),
    ]
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

fn entry_row((staged, Written { entry, content }): (&StagedEntry, Written)) -> Vec<Value> {
    let (nonce, ciphertext, wrapped_key, ring_key_id) = match content {
        Some(it) => (Some(it.nonce), Some(it.ciphertext), Some(it.wrapped_key), Some(it.ring_key_id)),
        None => (None, None, None, None),
    };
    vec![
        staged.turn.into(),
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
        (!staged.digest.is_empty()).then(|| staged.digest.clone()).into(),
        staged.state.map(str::to_owned).into(),
        nonce.into(),
        ciphertext.into(),
        wrapped_key.into(),
        ring_key_id.into(),
        micros(staged.header.written_at.as_ref()).into(),
        staged.arrived_us.into(),
    ]
}

/// The values of a page's row, sealed.
pub(crate) fn page_row(matter: &str, row: PageRow, ring: &KeyRing) -> Vec<Value> {
    let seal = row.seal(ring, matter);
    vec![matter.into(), row.opened.into(), row.changed.into(), row.page.into(), row.local.into(), seal.into()]
}

/// The additions to the counters.
pub(crate) fn counter_rows(counted: &Counters) -> Vec<Vec<Value>> {
    let rows = counted.iter();
    rows.map(|((year, kind), by)| vec![i64::from(*year).into(), kind.id().into(), (*by).into()]).collect()
}

/// The values by which matters are found.
pub(crate) fn lookup_rows<'a>(lookups: impl IntoIterator<Item = &'a (Lookup, String)>) -> Vec<Vec<Value>> {
    let rows = lookups.into_iter();
    rows.map(|(lookup, matter)| vec![lookup.kind.id().into(), lookup.value.as_str().into(), matter.as_str().into()])
        .collect()
}

/// A row of a counter.
pub(crate) struct CounterRow {
    /// The year and the kind.
    pub(crate) key: (u32, TallyKind),
    pub(crate) last: u64,
}

impl FromRow for CounterRow {
    /// Reads the columns of [`COUNTER`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        let year = u32::try_from(columns.read::<i64>()?).unwrap_or_default();
        Ok(Self { key: (year, TallyKind::stored(columns.read()?)), last: count(columns.read()?) })
    }
}

/// A row of another name of a matter.
pub(crate) struct LookupRow {
    pub(crate) lookup: Lookup,
    pub(crate) matter: String,
}

impl FromRow for LookupRow {
    /// Reads the columns of [`LOOKUP`].
    fn from_row(row: Row) -> Result<Self, sqlx::Error> {
        let mut columns = row.columns();
        let lookup = Lookup { kind: LookupKind::stored(columns.read()?), value: columns.read()? };
        Ok(Self { lookup, matter: columns.read()? })
    }
}
