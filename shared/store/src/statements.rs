//! Every SQL statement of the crate in one list, so that a test prepares each on both databases.

use renkei_proto::r#type::v1::Agency;

use crate::{
    audit,
    bulk::{Insert, KEYS, ROWS, select_text, text},
    clock, condition, dialect,
    dialect::Dialect,
    erase, head, lists, load, migration, newest, pages, presence, proof, read, rebuild, receipt, recover, save, stored,
    writer,
};

const SINGLE: &[&str] = &[
    audit::HEAD,
    audit::NEXT_CHAIN,
    audit::FORGET_REPLIES,
    audit::OF_MATTER,
    audit::RECORDS,
    erase::EMPTY_LOG,
    erase::ENDED,
    erase::ERASE,
    erase::IS_LEFT_IN_LOG,
    erase::IS_LEFT_IN_TABLE,
    erase::KEPT,
    erase::LEFT_IN_LOG,
    erase::LEFT_IN_TABLE,
    erase::NEXT,
    erase::NOT_LEFT,
    erase::REWRITE,
    erase::SIZE,
    clock::RAN_UNTIL,
    clock::RUNS,
    condition::TRIAL,
    condition::TRIAL_FORGOTTEN,
    dialect::TELL,
    head::SELECT,
    load::PAGES_BETWEEN,
    migration::FIRST,
    migration::FOUND,
    migration::IDENTITY,
    migration::PLACED,
    migration::REACHED,
    newest::NEWEST,
    pages::DUE,
    pages::DUE_FROM,
    pages::LOOKUP,
    pages::PAGE_AND_NEWEST,
    proof::COLUMNS,
    proof::RECEIPTS[0],
    proof::RECEIPTS[1],
    proof::REPLIES,
    proof::TURNS,
    read::ANSWERS,
    read::AROUND,
    read::ENTRIES,
    read::ENTRIES_OF,
    read::CONTENTS_OF,
    read::ENTRY,
    read::FEED,
    read::PING,
    read::RECEIPT_FOR,
    read::RECORDED_AT,
    read::WRITTEN_AT,
    receipt::GIVEN,
    rebuild::ALL_COUNTERS,
    rebuild::ALL_LOOKUPS,
    rebuild::BY_MATTER,
    rebuild::CLEAR[0],
    rebuild::CLEAR[1],
    rebuild::DUTIES_AFTER,
    rebuild::PAGES_AFTER,
    rebuild::SEALED,
    rebuild::VISIBLE_AFTER,
    recover::ASIDE_ALL,
    recover::ASIDE_DONE,
    recover::ASIDE_ERASED,
    recover::ASIDE_REFUSED,
    recover::DELETE_ENTRIES,
    recover::FORGET_REPLIES,
    recover::LAST_BELOW,
    recover::MARK,
    recover::RECEIPT_OF,
    presence::ALL,
    presence::BEAT,
    presence::JOIN,
    presence::LEAVE,
    presence::NEXT,
    writer::AUDIT_AT,
    stored::ENTRY_AT,
    recover::COPY,
    dialect::ALONE,
    dialect::PLACE,
    dialect::VERSION,
];

/// Statements that end in `IN (…)`.
const SELECTS: [&str; 8] = [
    rebuild::FORGET_PAGE,
    lists::FORGET_DUTIES,
    lists::FORGET_VISIBLE,
    load::COUNTERS,
    load::IDS,
    load::HASHES[0].1,
    load::HASHES[1].1,
    load::HASHES[2].1,
];

static INSERTS: [&Insert; 12] = [
    &head::HEAD,
    &audit::CALL,
    &recover::ASIDE_ROWS,
    &save::COUNTER,
    &save::ENTRY,
    &save::EVENT,
    &save::LOOKUP,
    &save::PAGE,
    &save::RECEIPT,
    &save::RECEIPT_GIVEN,
    &lists::DUTY,
    &lists::VISIBLE,
];

/// Every statement that runs on this database, bulk statements in each of their sizes: alone, and all tables together.
#[doc(hidden)]
pub fn statements(dialect: Dialect) -> Vec<String> {
    let foreign: &[&str] = match dialect {
        Dialect::Sqlite => &[
            dialect::ALONE,
            dialect::PLACE,
            dialect::TELL,
            dialect::VERSION,
            erase::ENDED,
            erase::IS_LEFT_IN_TABLE,
            erase::KEPT,
            erase::LEFT_IN_TABLE,
            erase::NEXT,
            erase::REWRITE,
            erase::SIZE,
        ],
        Dialect::Postgres => {
            &[recover::COPY, erase::EMPTY_LOG, erase::IS_LEFT_IN_LOG, erase::LEFT_IN_LOG, erase::NOT_LEFT]
        }
    };
    let single = SINGLE.iter().filter(|text| !foreign.contains(text));
    let mut all: Vec<String> = single.map(|text| (*text).to_owned()).collect();
    for keys in KEYS {
        all.extend(SELECTS.iter().map(|select| select_text(select, 1, keys)));
    }
    all.push(head::lock_text(Agency::Ppc, "store"));
    all.push(dialect.has_table().to_owned());
    all.extend(load::NEEDS.into_iter().map(|(requests, pages)| load::needs_text(requests, pages)));
    all.extend(KEYS.into_iter().map(pages::pages_text));
    for by in lists::WAYS {
        all.extend(pages::RANGES.into_iter().map(|ranges| pages::list_text(by, ranges)));
    }
    for rows in ROWS {
        all.extend(INSERTS.iter().map(|insert| text(dialect, rows, &[insert]).to_string()));
        all.push(text(dialect, rows, &INSERTS).to_string());
    }
    all
}
