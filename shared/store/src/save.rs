//! Writes what a batch staged, each table in one bulk statement.

use std::collections::BTreeSet;

use prost::Message as _;
use renkei_book::{Counters, Heads, Staged, StagedEntry, StagedEvent, StagedPage};
use renkei_domain::{
    index::Lookup,
    matter::Matter,
    moment::{Moment, micros, stamp},
    noun::registry,
    page::{Journal, Page, Seen},
};
use renkei_journal::{SigningKey, sign_receipt};
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
    seal::PageRow,
    signing::Written,
    value::{Value, number},
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
pub(crate) static VISIBLE: Insert = Insert {
    table: "visible",
    columns: &[Text("noun"), Text("audience"), Int("opened_turn"), Text("matter"), Int("until_us")],
    conflict: " ON CONFLICT DO NOTHING",
};
pub(crate) static DUTY: Insert = Insert {
    table: "duty",
    columns: &[Text("kind"), Text("due_day"), Int("opened_turn"), Text("matter")],
    conflict: " ON CONFLICT DO NOTHING",
};
/// Removes the rows that lists and duties had for a matter before.
pub(crate) const LISTED_BEFORE: [&str; 2] = ["DELETE FROM visible WHERE matter", "DELETE FROM duty WHERE matter"];
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
    let changed: Vec<Value> = listed_anew(staged);
    for statement in LISTED_BEFORE {
        delete(&mut *connection, statement, changed.clone()).await?;
    }
    let (mut pages, mut visible, mut duties) = (Vec::new(), Vec::new(), Vec::new());
    for (name, StagedPage { page, opened, changed }) in &staged.pages {
        let opened = number(*opened);
        let row = PageRow { opened, changed: number(*changed), page: page.encode(), local: page.encode_local() };
        pages.push(page_row(name, row, &inner.ring));
        let Listed { shown, due } = listed(own, &Matter::of(name), page, opened);
        visible.extend(shown.into_iter().map(shown_row));
        duties.extend(due.into_iter().map(due_row));
    }
    bulk.add(&ENTRY, staged.entries.iter().zip(written).map(entry_row).collect());
    bulk.add(&PAGE, pages);
    bulk.add(&VISIBLE, visible);
    bulk.add(&DUTY, duties);
    bulk.add(&LOOKUP, lookup_rows(&staged.lookups));
    bulk.add(&COUNTER, counter_rows(&staged.counted));
    bulk.add(&EVENT, staged.events.iter().map(event_row).collect());
    bulk.add(&RECEIPT, staged.receipts.iter().map(|taken| receipt_row(&taken.receipt, &taken.signed)).collect());
    bulk.add(
        &RECEIPT_GIVEN,
        given(staged, &inner.key, moment).iter().map(|(it, signed)| receipt_row(it, signed)).collect(),
    );
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

/// The names of the matters whose scope or duties may have changed, so that lists showed them otherwise before.
fn listed_anew(staged: &Staged) -> Vec<Value> {
    let changed = staged
        .pages
        .iter()
        .filter(|(name, page)| page.opened < page.changed && registry::of(&Matter::of(name)).is_listed_anew());
    changed.map(|(name, _)| name.as_str().into()).collect()
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

/// A row of a list: the list, the audience, the turn of opening, the matter, and the end of the visibility.
pub(crate) type ShownRow = (String, String, i64, String, i64);
/// A row of a duty: its kind, the due day, the turn of opening, and the matter.
pub(crate) type DueRow = (String, String, i64, String);

/// The due day of duties without one. It sorts behind all days.
pub(crate) const UNDATED: &str = "undated";

/// The rows by which a matter is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its rows in the lists of its noun, for each audience that sees it.
    pub(crate) shown: BTreeSet<ShownRow>,
    /// Its rows in the lists of this agency's duties.
    pub(crate) due: BTreeSet<DueRow>,
}

/// The rows by which a matter is found.
pub(crate) fn listed(own: Agency, matter: &Matter, page: &Page, opened: i64) -> Listed {
    let seen = Seen::whole(page);
    let (noun, list) = (registry::of(matter), matter.collection.prefix(matter.opener));
    let shown = noun.visibility(own, matter, seen).into_iter();
    let due = noun.duties(own, matter, seen).into_iter().map(|duty| {
        let day = duty.due.map_or_else(|| UNDATED.to_owned(), |day| day.to_string());
        (duty.kind.id().to_owned(), day, opened, matter.to_string())
    });
    Listed {
        shown: shown.map(|it| (list.clone(), it.audience, opened, matter.to_string(), it.until_us)).collect(),
        due: due.collect(),
    }
}

/// The values of a row of a list.
pub(crate) fn shown_row((list, audience, opened, matter, until_us): ShownRow) -> Vec<Value> {
    vec![list.into(), audience.into(), opened.into(), matter.into(), until_us.into()]
}

/// The values of a row of a duty.
pub(crate) fn due_row((kind, day, opened, matter): DueRow) -> Vec<Value> {
    vec![kind.into(), day.into(), opened.into(), matter.into()]
}
