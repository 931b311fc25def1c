//! Everything that somebody with access to a stopped database may change, and the sign that shows it. Rows are named
//! by what is changed; what nobody can notice is listed with the reason, as in `docs/format.md`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use prost::Message as _;
use renkei_domain::page::Journal;
use renkei_journal::{PublicKeys, header_hash, sign_header};
use renkei_proto::{evidence::v1::CheckpointAuditRequest, journal::v1::Header, r#type::v1::Agency};
use renkei_tools::{
    acts::{both, publish_all, settle, to_the_party},
    database::{self, Engine},
    pair::Pair,
    scenario::start,
    setup::{AGENCIES, Setup, key_id},
};

/// The means by which a change is found.
enum Sign {
    /// `verify` prints a sentence that begins so.
    Verify(&'static str),
    /// No program opens the database; the sentence contains these words.
    Open(&'static str),
    /// Nothing, for this reason.
    Nobody(&'static str),
}
use Sign::{Nobody, Open, Verify};

/// Everything that a database consists of.
const TABLES: [&str; 13] = [
    "store",
    "head",
    "entry",
    "event",
    "page",
    "visible",
    "duty",
    "lookup",
    "counter",
    "receipt",
    "receipt_given",
    "call",
    "aside",
];

/// Changes to PPC's database. `{zeros 8}` are so many bytes, `{bytes}` is their type, `{entry N}` the own entry N.
const CHANGES: [(&str, &str, Sign); 86] = [
    (
        "own entry: header",
        "UPDATE entry SET header = CAST(header || {zeros 1} AS {bytes}) WHERE {own 3}",
        Verify("journal ppc: entry 3: "),
    ),
    ("own entry: signature", "UPDATE entry SET signature = {zeros 64} WHERE {own 3}", Verify("journal ppc: entry 3: ")),
    ("own entry: key id", "UPDATE entry SET key_id = 'ipa-1' WHERE {own 3}", Verify("journal ppc: entry 3: ")),
    ("own entry: fact", "UPDATE entry SET fact = {zeros 0} WHERE {own 3}", Verify("agencies/ppc/entries/3 lies")),
    (
        "own entry: hash",
        "UPDATE entry SET hash = {zeros 32} WHERE {own 3}",
        Verify("journal ppc: entry 3: the row's hash"),
    ),
    (
        "own entry: turn",
        "UPDATE entry SET turn = turn + 1000 WHERE {own 3}",
        Verify("journal ppc: entry 4: the row's turn"),
    ),
    (
        "own entry: two turns swapped",
        "UPDATE entry SET turn = -turn WHERE journal = 'ppc' AND seq IN (3, 4); UPDATE entry SET turn = -(SELECT e.turn FROM entry e WHERE e.journal = 'ppc' AND e.seq = 4) WHERE {own 3}; UPDATE entry SET turn = (SELECT s.turn FROM saved_entry s WHERE s.journal = 'ppc' AND s.seq = 3) WHERE {own 4}",
        Verify("journal ppc: entry 4: the row's turn"),
    ),
    (
        "own entry: kind",
        "UPDATE entry SET fact_type = 'item_recalled' WHERE {own 3}",
        Verify("journal ppc: entry 3: the row's fact_type"),
    ),
    (
        "own entry: id",
        "UPDATE entry SET entry_id = 'other' WHERE {own 3}",
        Verify("journal ppc: entry 3: the row's entry_id"),
    ),
    (
        "own entry: what it answers",
        "UPDATE entry SET answers = answers + 1 WHERE {own 3}",
        Verify("journal ppc: entry 3: the row's answers"),
    ),
    (
        "own entry: when written",
        "UPDATE entry SET written_us = written_us + 1 WHERE {own 3}",
        Verify("journal ppc: entry 3: the row's written_us"),
    ),
    (
        "own entry: when arrived",
        "UPDATE entry SET arrived_us = arrived_us + 1 WHERE {own 3}",
        Verify("journal ppc: entry 3: the row's arrived_us"),
    ),
    (
        "own entry: digest of its request",
        "UPDATE entry SET digest = {zeros 32} WHERE {own 3}",
        Verify("journal ppc: entry 3: the row's digest"),
    ),
    ("own entry: matter", "UPDATE entry SET matter = 'agreement' WHERE {own 3}", Verify("journal ppc: entry 3: ")),
    (
        "own entry: two numbers swapped",
        "UPDATE entry SET seq = 999 WHERE {own 3}; UPDATE entry SET seq = 3 WHERE {own 4}; UPDATE entry SET seq = 4 WHERE {own 999}",
        Verify("journal ppc: entry 3: "),
    ),
    ("own entry: one deleted in the middle", "DELETE FROM entry WHERE {own 3}", Verify("journal ppc: entry 3: ")),
    ("own entry: last one deleted", "DELETE FROM entry WHERE {last ppc}", Verify("journal ppc: entry ")),
    ("own journal: last three cut, head lowered", "{cut ppc 3}", Verify("journals: turn ")),
    (
        "own journal: last three cut, head and receipts lowered",
        "{cut ppc 3}; DELETE FROM receipt; UPDATE head SET receipted = 0, receipted_own = 0, receipted_us = 0 WHERE journal = 'ppc'",
        Verify("journals: turn "),
    ),
    (
        "own journal: a copy beyond the head",
        "INSERT INTO entry SELECT 999, journal, 999, entry_id, matter, fact_type, header, hash, key_id, signature, fact, answers, digest, state, nonce, ciphertext, wrapped_key, ring_key_id, written_us, arrived_us FROM entry WHERE {own 3}",
        Verify("journal ppc: "),
    ),
    ("own journal: rewritten with the own key", "{rewrite}", Verify("journal ppc: the receipt for ")),
    (
        "own journal: rewritten with the own key, receipts deleted",
        "{rewrite}; DELETE FROM receipt; UPDATE head SET receipted = 0, receipted_own = 0, receipted_us = 0 WHERE journal = 'ppc'",
        Verify("pages: "),
    ),
    (
        "peer's entry: header",
        "UPDATE entry SET header = CAST(header || {zeros 1} AS {bytes}) WHERE {peer 3}",
        Verify("journal ipa: entry 3: "),
    ),
    (
        "peer's entry: signature",
        "UPDATE entry SET signature = {zeros 64} WHERE {peer 3}",
        Verify("journal ipa: entry 3: "),
    ),
    ("peer's entry: key id", "UPDATE entry SET key_id = 'ppc-1' WHERE {peer 3}", Verify("journal ipa: entry 3: ")),
    (
        "peer's entry: fact",
        "UPDATE entry SET fact = CAST(fact || {zeros 1} AS {bytes}) WHERE {peer 2}",
        Verify("agencies/ipa/entries/2 lies"),
    ),
    (
        "peer's entry: a digest of ours",
        "UPDATE entry SET digest = {zeros 32} WHERE {peer 2}",
        Verify("journal ipa: entry 2: the row's digest"),
    ),
    ("peer's entry: one deleted", "DELETE FROM entry WHERE {peer 3}", Verify("journal ipa: entry 3: ")),
    (
        "peer's entry: when arrived",
        "UPDATE entry SET arrived_us = arrived_us + 1 WHERE {peer 3}",
        Nobody("only this agency saw it arrive"),
    ),
    ("peer's journal: last two cut, head lowered", "{cut ipa 2}", Verify("journal ipa: ")),
    (
        "private entry: fact",
        "UPDATE entry SET fact = {zeros 0} WHERE journal = 'private' AND seq = 1",
        Verify("journal private: entry 1: "),
    ),
    (
        "private entry: last one deleted",
        "DELETE FROM entry WHERE {last private}",
        Verify("journal private: entry 2 and later ones are missing"),
    ),
    ("private journal: last one cut, head lowered", "{cut private 1}", Verify("journals: turn ")),
    (
        "receipts: what was signed",
        "UPDATE receipt SET receipt = CAST(receipt || {zeros 1} AS {bytes})",
        Verify("journal ppc: the receipt for "),
    ),
    ("receipts: signature", "UPDATE receipt SET signature = {zeros 64}", Verify("journal ppc: the receipt for ")),
    ("receipts: key id", "UPDATE receipt SET key_id = 'ppc-1'", Verify("journal ppc: the receipt for ")),
    (
        "receipts: up to which number",
        "UPDATE receipt SET up_to_seq = up_to_seq + 1000",
        Verify("journal ppc: the receipt for "),
    ),
    (
        "receipts: at which number of the peer",
        "UPDATE receipt SET own_seq = own_seq + 1000",
        Verify("journal ppc: the receipt for "),
    ),
    ("receipts: when signed", "UPDATE receipt SET at_us = at_us + 1", Verify("journal ppc: the receipt for ")),
    (
        "receipts: newest deleted",
        "DELETE FROM receipt WHERE up_to_seq = (SELECT MAX(up_to_seq) FROM receipt)",
        Verify("journal ppc: the head has a receipt for "),
    ),
    ("receipts: all deleted", "DELETE FROM receipt", Verify("journal ppc: the head has a receipt for ")),
    (
        "receipts: oldest deleted",
        "DELETE FROM receipt WHERE up_to_seq = (SELECT MIN(up_to_seq) FROM receipt)",
        Nobody("receipts are cumulative"),
    ),
    (
        "receipts given: signature",
        "UPDATE receipt_given SET signature = {zeros 64}",
        Verify("journal ipa: the own receipt for "),
    ),
    (
        "receipts given: up to which number",
        "UPDATE receipt_given SET up_to_seq = up_to_seq + 1000",
        Verify("journal ipa: the own receipt for "),
    ),
    ("receipts given: deleted", "DELETE FROM receipt_given", Nobody("the peer has what it was given")),
    (
        "page: a byte",
        "UPDATE page SET page = CAST(page || {zeros 1} AS {bytes}) WHERE {item}",
        Verify("pages: agencies/ipa/items/"),
    ),
    (
        "page: another page",
        "UPDATE page SET page = (SELECT page FROM page WHERE matter = 'agencies/ppc/journal') WHERE {item}",
        Verify("pages: agencies/ipa/items/"),
    ),
    (
        "page: local part",
        "UPDATE page SET local = CAST(local || {zeros 1} AS {bytes}) WHERE {item}",
        Verify("pages: agencies/ipa/items/"),
    ),
    ("page: deleted", "DELETE FROM page WHERE {item}", Verify("pages: agencies/ipa/items/")),
    (
        "page: when opened",
        "UPDATE page SET opened_turn = opened_turn - 1 WHERE {item}",
        Verify("pages: agencies/ipa/items/"),
    ),
    (
        "page: when changed",
        "UPDATE page SET changed_turn = changed_turn - 1 WHERE {item}",
        Verify("pages: agencies/ipa/items/"),
    ),
    ("page: its seal", "UPDATE page SET seal = {zeros 32} WHERE {item}", Verify("pages: agencies/ipa/items/")),
    ("lists: deleted", "DELETE FROM visible WHERE {item}", Verify("pages: lists")),
    ("lists: shown to others", "UPDATE visible SET audience = 'policy/policy' WHERE {item}", Verify("pages: lists")),
    (
        "duties: one too many",
        "INSERT INTO duty (kind, due_day, opened_turn, matter) VALUES ('give_content', '2026-12-01', 1, 'agreement')",
        Verify("pages: lists"),
    ),
    ("lists: ended", "UPDATE visible SET until_us = 1 WHERE {item}", Verify("pages: lists")),
    (
        "names: another one",
        "INSERT INTO lookup (kind, value, matter) VALUES ('code/ppc', '0001', 'agreement')",
        Verify("pages: lookups"),
    ),
    ("tallies: raised", "UPDATE counter SET last = last + 1", Verify("pages: counters")),
    (
        "feed: an event deleted in the middle",
        "DELETE FROM event WHERE turn = (SELECT MIN(turn) FROM event)",
        Verify("journals: turn "),
    ),
    (
        "feed: the last event deleted",
        "DELETE FROM event WHERE turn = (SELECT MAX(turn) FROM event)",
        Verify("journals: turn "),
    ),
    (
        "feed: an event of another matter",
        "UPDATE event SET matter = 'agreement' WHERE turn = (SELECT MIN(turn) FROM event)",
        Verify("feed: the event of turn "),
    ),
    ("feed: an event without a change", "UPDATE event SET change = {zeros 0}", Verify("feed: the event of turn ")),
    ("feed: when", "UPDATE event SET at_us = at_us + 1", Verify("feed: the event of turn ")),
    (
        "feed: an entry that is not told",
        "UPDATE entry SET state = NULL WHERE {own 3}",
        Verify("journal ppc: entry 3: "),
    ),
    (
        "feed: a private entry that is told",
        "UPDATE entry SET state = '' WHERE journal = 'private' AND seq = 1",
        Verify("journal private: entry 1: "),
    ),
    (
        "audit: a record",
        "UPDATE call SET official = 'suzuki' WHERE chain = 'a/w' AND seq = 2",
        Verify("audit a/w: record 2 was changed"),
    ),
    (
        "audit: one deleted in the middle",
        "DELETE FROM call WHERE chain = 'a/w' AND seq = 2",
        Verify("audit a/w: record 2 was changed"),
    ),
    (
        "audit: cut to before the checkpoint",
        "DELETE FROM call WHERE chain = 'a/w' AND seq > 1",
        Verify("audit a/w: records from 2 on are missing"),
    ),
    (
        "audit: a whole chain deleted",
        "DELETE FROM call WHERE chain = 'a/r'",
        Verify("audit a/r: the whole chain is missing"),
    ),
    (
        "audit: last record after the checkpoint deleted",
        "DELETE FROM call WHERE chain = 'a/w' AND seq = (SELECT MAX(seq) FROM call WHERE chain = 'a/w')",
        Nobody("nothing names it before the next checkpoint"),
    ),
    (
        "content: bytes",
        "UPDATE entry SET ciphertext = {zeros 64} WHERE {peer 2}",
        Verify("journal ipa: entry 2: content cannot be opened"),
    ),
    (
        "content: own deleted",
        "UPDATE entry SET nonce = NULL, ciphertext = NULL, wrapped_key = NULL, ring_key_id = NULL WHERE journal = 'ppc'",
        Verify("journal ppc: entry 2: its content is missing"),
    ),
    (
        "content: peer's deleted",
        "UPDATE entry SET nonce = NULL, ciphertext = NULL, wrapped_key = NULL, ring_key_id = NULL WHERE journal = 'ipa'",
        Verify("journal ipa: entry 2: its content is missing"),
    ),
    (
        "content: two swapped",
        "UPDATE entry SET (nonce, ciphertext, wrapped_key, ring_key_id) = (SELECT s.nonce, s.ciphertext, s.wrapped_key, s.ring_key_id FROM saved_entry s WHERE s.journal = 'ipa' AND s.seq = 5 - entry.seq) WHERE journal = 'ipa' AND seq IN (2, 3)",
        Verify("journal ipa: entry 2: content cannot be opened"),
    ),
    (
        "content: keys deleted",
        "UPDATE entry SET wrapped_key = NULL WHERE journal = 'ppc'",
        Verify("journal ppc: entry "),
    ),
    (
        "replies: another reply",
        "UPDATE call SET reply = (SELECT c.reply FROM call c WHERE c.reply IS NOT NULL ORDER BY c.reply DESC LIMIT 1) WHERE reply IS NOT NULL",
        Verify("replies: "),
    ),
    ("replies: digest", "UPDATE call SET digest = {zeros 32} WHERE reply IS NOT NULL", Verify("replies: ")),
    (
        "replies: deleted",
        "UPDATE call SET request = NULL, digest = NULL, reply = NULL, seal = NULL",
        Nobody("a repeat is found by its digest in the journal"),
    ),
    (
        "own head: number lowered",
        "UPDATE head SET seq = seq - 1 WHERE journal = 'ppc'",
        Verify("journal ppc: the head is not entry "),
    ),
    ("own head: number raised", "UPDATE head SET seq = seq + 1 WHERE journal = 'ppc'", Verify("journal ppc: entry ")),
    (
        "own head: hash",
        "UPDATE head SET hash = {zeros 32} WHERE journal = 'ppc'",
        Verify("journal ppc: the head is not entry "),
    ),
    (
        "own head: when written",
        "UPDATE head SET written_us = written_us + 34560000000000 WHERE journal = 'ppc'",
        Verify("journal ppc: the head does not repeat"),
    ),
    (
        "own head: incarnation",
        "UPDATE head SET incarnation = 2 WHERE journal = 'ppc'",
        Verify("journal ppc: the head does not repeat"),
    ),
    ("own head: turn", "UPDATE head SET turn = turn + 1 WHERE journal = 'ppc'", Verify("journals: turn ")),
    (
        "own head: turn lowered",
        "UPDATE head SET turn = turn - 1 WHERE journal = 'ppc'",
        Verify("journals: turns are beyond the head"),
    ),
    (
        "own head: receipted",
        "UPDATE head SET receipted = receipted + 1 WHERE journal = 'ppc'",
        Verify("journal ppc: the head has a receipt for "),
    ),
];

/// Changes to the rows that every program reads first.
const IDENTITY: [(&str, &str, Sign); 8] = [
    (
        "own head: receipted lowered",
        "UPDATE head SET receipted = receipted - 1 WHERE journal = 'ppc'",
        Verify("journal ppc: the head has a receipt for "),
    ),
    (
        "peer's head: number lowered",
        "UPDATE head SET seq = seq - 1 WHERE journal = 'ipa'",
        Verify("journal ipa: the head is not entry "),
    ),
    (
        "peer's head: a stop",
        "UPDATE head SET stop_seq = 2, stop_reason = 164 WHERE journal = 'ipa'",
        Verify("journal ipa: the head's stop"),
    ),
    ("peer's head: deleted", "DELETE FROM head WHERE journal = 'ipa'", Open("no row for ipa")),
    ("the database: whose it is", "UPDATE store SET own = 'ipa'", Open("belongs to ipa")),
    ("the database: its schema", "UPDATE store SET schema = schema + 1", Open("start the newer version")),
    ("the database: its own row deleted", "DELETE FROM store", Open("table store has no row")),
    ("the database: its id", "UPDATE store SET store_id = 'other'", Nobody("it only binds cursors and page tokens")),
];

/// The own journal with another last entry, signed with the own key, head included.
async fn rewrite(setup: &Setup, literal: impl Fn(&[u8]) -> String) -> String {
    let store = database::open(setup, Agency::Ppc).await.unwrap();
    let last = store.heads().borrow().own.seq;
    let held = store.entry(Journal::Of(Agency::Ppc), last).await.unwrap().unwrap();
    let mut header = Header::decode(held.entry.header.as_slice()).unwrap();
    header.unit = "forged".to_owned();
    let header = header.encode_to_vec();
    let signature = sign_header(&database::signing_key(setup, Agency::Ppc).unwrap(), &header);
    let hash = literal(&header_hash(&header));
    store.close().await;
    format!(
        "UPDATE entry SET header = {}, signature = {}, hash = {hash} WHERE journal = 'ppc' AND seq = {last}; \
         UPDATE head SET hash = {hash} WHERE journal = 'ppc'",
        literal(&header),
        literal(&signature)
    )
}

/// A change in the words of the database.
fn in_words_of(engine: Engine, change: &str, rewritten: &str) -> String {
    let (bytes, before, after) = match engine {
        Engine::Sqlite => ("BLOB", "zeroblob(", ")"),
        Engine::Postgres => ("BYTEA", "decode(repeat('00', ", "), 'hex')"),
    };
    let mut text = change.replace("{bytes}", bytes).replace("{rewrite}", rewritten);
    text = text.replace("{item}", "matter = (SELECT MIN(matter) FROM entry WHERE matter LIKE 'agencies/ipa/items/%')");
    while let Some(begin) = text.find('{') {
        let end = begin + text[begin..].find('}').unwrap();
        let words: Vec<&str> = text[begin + 1..end].split(' ').collect();
        let made = match words.as_slice() {
            ["zeros", count] => format!("{before}{count}{after}"),
            ["own", seq] => format!("journal = 'ppc' AND seq = {seq}"),
            ["peer", seq] => format!("journal = 'ipa' AND seq = {seq}"),
            ["last", journal] => {
                format!("journal = '{journal}' AND seq = (SELECT seq FROM head WHERE journal = '{journal}')")
            }
            // All that an intruder can repair without keys.
            ["cut", journal, count] => format!(
                "UPDATE head SET seq = seq - {count} WHERE journal = '{journal}'; \
                 DELETE FROM entry WHERE journal = '{journal}' AND seq > (SELECT seq FROM head WHERE journal = '{journal}'); \
                 UPDATE head SET hash = (SELECT hash FROM entry e WHERE e.journal = head.journal AND e.seq = head.seq), \
                 written_us = (SELECT written_us FROM entry e WHERE e.journal = head.journal AND e.seq = head.seq) \
                 WHERE journal = '{journal}'"
            ),
            other => panic!("{other:?}"),
        };
        text.replace_range(begin..=end, &made);
    }
    text
}

/// The output of `verify` for PPC's database, or the reason for which it does not open.
async fn looked_at(setup: &Setup, keys: &[PublicKeys; 2]) -> Result<String, String> {
    let store = database::open(setup, Agency::Ppc).await?;
    let verified = renkei_desk::verify::verify(&store, &keys[0], &keys[1]).await;
    store.close().await;
    Ok(verified.err().unwrap_or_default())
}

#[tokio::test]
async fn every_change_to_a_database_has_its_sign() {
    let mut pair = Pair::in_process(start().unwrap(), 6).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    for (author, reader) in [(&ppc, &ipa), (&ipa, &ppc)] {
        let it = author.publish_item(author.publishing_item(to_the_party())).await.unwrap();
        settle(&ppc, &ipa).await.unwrap();
        let it = reader.item(&it.name).await.unwrap();
        reader.acknowledge_item(reader.acknowledging(&it)).await.unwrap();
        settle(&ppc, &ipa).await.unwrap();
    }
    for official in ["suzuki", "sato"] {
        ppc.bar(official).await.unwrap();
    }
    ppc.checkpoint(CheckpointAuditRequest { request_id: ppc.request_id() }).await.unwrap();
    ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    pair.stop_both().await.unwrap();

    let engine = database::engine_of(&pair.setup);
    let sql = |text: &str| database::behind_its_back(&pair.setup, Agency::Ppc, text).unwrap();
    let keys = AGENCIES.map(|agency| {
        let mut keys = PublicKeys::new();
        keys.add(&key_id(agency), pair.setup.public_keys[agency.id()], 1).unwrap();
        keys
    });
    let rewritten = rewrite(&pair.setup, |bytes| {
        let hex = hex::encode(bytes);
        if engine == Engine::Sqlite { format!("x'{hex}'") } else { format!("decode('{hex}', 'hex')") }
    });
    let rewritten = rewritten.await;
    assert_eq!(looked_at(&pair.setup, &keys).await, Ok(String::new()), "before anything is changed");
    sql(&TABLES.map(|table| format!("CREATE TABLE saved_{table} AS SELECT * FROM {table};")).concat());
    let restore = TABLES.map(|it| format!("DELETE FROM {it}; INSERT INTO {it} SELECT * FROM saved_{it};")).concat();
    let mut wrong = Vec::new();
    for (what, change, sign) in CHANGES.iter().chain(&IDENTITY) {
        sql(&in_words_of(engine, change, &rewritten));
        let found = looked_at(&pair.setup, &keys).await;
        sql(&restore);
        let right = match (sign, &found) {
            (Verify(named), Ok(fault)) => fault.starts_with(named),
            (Open(words), Err(error)) => error.contains(words),
            (Nobody(_), Ok(fault)) => fault.is_empty(),
            _ => false,
        };
        if !right {
            let reason = if let Nobody(reason) = sign { reason } else { "" };
            wrong.push(format!("{what}: {found:?} {reason}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(looked_at(&pair.setup, &keys).await, Ok(String::new()), "after everything was put back");
}
