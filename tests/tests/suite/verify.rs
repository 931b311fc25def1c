//! The proof that nothing is missing, added or changed: by call, by command line, and by anybody who has a public key.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_journal::{PublicKeys, verify_signature};
use renkei_proto::{
    evidence::v1::{DeliveryLevel, JournalEntry, Verification},
    journal::v1::Entry,
    r#type::v1::Agency,
};
use renkei_tools::{
    acts::{Acts, both, publish_all, settle, to_the_party},
    database::{self, Engine},
    pair::Pair,
    scenario::start,
    setup::{AGENCIES, key_id},
};

/// A pair on which every journal and every audit chain has something.
async fn lived(seed: u8) -> (Pair, Acts, Acts) {
    let pair = Pair::in_process(start().unwrap(), seed).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    for (author, reader) in [(&ppc, &ipa), (&ipa, &ppc)] {
        let it = author.publish_item(author.publishing_item(to_the_party())).await.unwrap();
        settle(&ppc, &ipa).await.unwrap();
        let it = reader.item(&it.name).await.unwrap();
        reader.acknowledge_item(reader.acknowledging(&it)).await.unwrap();
        reader.bar("suzuki").await.unwrap();
        reader.bar("sato").await.unwrap();
    }
    settle(&ppc, &ipa).await.unwrap();
    (pair, ppc, ipa)
}

#[tokio::test]
async fn the_call_proves_the_same_as_the_command_line() {
    let (pair, ppc, ipa) = lived(1).await;
    for acts in [&ppc, &ipa] {
        let Verification { journals, chains, fault } = acts.verify().await.unwrap();
        assert_eq!(fault, "");
        let (code, said) = pair.command_line(acts.agency, &["verify"]).await.unwrap();
        assert_eq!(code, Some(0), "{said}");
        let mut expected = String::new();
        for it in &journals {
            expected.push_str(&format!("{:8} {:8} {}\n", it.journal, it.seq, it.hash));
        }
        let heads: Vec<String> = journals.iter().map(|it| format!("{} {}", it.journal, it.seq)).collect();
        expected.push_str(&format!("journals verified: {}\n", heads.join(" ")));
        assert_eq!(said, expected);
        let link = acts.link().await.unwrap();
        let seqs: Vec<(&str, u64)> = journals.iter().map(|it| (it.journal.as_str(), it.seq)).collect();
        let (own, peer) = (acts.agency.id(), acts.agency.peer().id());
        let expected = [(own, link.own_seq), (peer, link.peer_seq), ("private", 2)];
        assert!(expected.iter().all(|it| seqs.contains(it)) && seqs.len() == 3, "{seqs:?}");
        let chains: Vec<&str> = chains.iter().map(|it| it.chain.as_str()).collect();
        assert_eq!(chains, ["a/r", "a/w"]);
    }
}

/// The changes of an intruder: table, row, change, and the place that the proof names. `{zeros 8}` are so many bytes,
/// `{bytes}` is their type.
const CHANGES: [(&str, &str, &str, &str); 17] = [
    ("entry", "journal = 'ppc' AND seq = 2", "signature = {zeros 64}", "journal ppc: entry 2: "),
    ("entry", "journal = 'ppc' AND seq = 3", "header = CAST(header || {zeros 1} AS {bytes})", "journal ppc: entry 3: "),
    (
        "entry",
        "journal = 'ppc' AND seq = 3",
        "fact = {zeros 0}",
        "agencies/ppc/entries/3 lies and nobody has refused it: ",
    ),
    (
        "entry",
        "journal = 'ipa' AND seq = 2",
        "fact = CAST(fact || {zeros 1} AS {bytes})",
        "agencies/ipa/entries/2 lies and nobody has refused it: ",
    ),
    ("entry", "journal = 'ipa' AND seq = 3", "key_id = 'ppc-1'", "journal ipa: entry 3: "),
    ("entry", "journal = 'ipa' AND seq = 2", "seq = 99", "journal ipa: entry 2: "),
    ("entry", "journal = 'private' AND seq = 1", "fact = {zeros 0}", "journal private: entry 1: "),
    ("entry", "journal = 'private' AND seq = 2", "seq = 3", "journal private: there are entries beyond the head, 2"),
    (
        "entry",
        "journal = 'ipa' AND seq = 2",
        "ciphertext = {zeros 64}",
        "journal ipa: entry 2: content cannot be opened",
    ),
    ("head", "journal = 'ppc'", "hash = {zeros 32}", "journal ppc: the head is not entry "),
    ("head", "journal = 'ipa'", "hash = {zeros 32}", "journal ipa: the head is not entry "),
    ("head", "journal = 'private'", "hash = {zeros 32}", "journal private: the head is not entry 2"),
    ("head", "journal = 'private'", "seq = 3", "journal private: entry 3 and later ones are missing"),
    (
        "head",
        "journal = 'private'",
        "seq = 0, hash = {zeros 32}",
        "journal private: there are entries beyond the head, 0",
    ),
    ("call", "chain = 'a/r' AND seq = 1", "official = 'suzuki'", "audit a/r: record 1 was changed"),
    ("call", "chain = 'a/w' AND seq = 2", "outcome = 'WRONG_STATE'", "audit a/w: record 2 was changed"),
    ("call", "chain = 'a/w' AND seq = 3", "prev_hash = {zeros 32}", "audit a/w: record 3 was changed"),
];

/// A change in the words of the database.
fn in_words_of(engine: Engine, change: &str) -> String {
    let (bytes, before, after) = match engine {
        Engine::Sqlite => ("BLOB", "zeroblob(", ")"),
        Engine::Postgres => ("BYTEA", "decode(repeat('00', ", "), 'hex')"),
    };
    let change = change.replace("{bytes}", bytes);
    let mut parts = change.split("{zeros ");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| format!("{text}{before}{}", part.replacen('}', after, 1)))
}

#[tokio::test]
async fn a_change_behind_the_service_is_named_by_call_and_command_line() {
    let (pair, ppc, _ipa) = lived(2).await;
    let sql = |text: String| database::behind_its_back(&pair.setup, Agency::Ppc, &text).unwrap();
    for (table, row, change, named) in CHANGES {
        let change = in_words_of(database::engine_of(&pair.setup), change);
        sql(format!("CREATE TABLE saved AS SELECT * FROM {table}; UPDATE {table} SET {change} WHERE {row};"));
        let fault = ppc.verify().await.unwrap().fault;
        let (code, said) = pair.command_line(Agency::Ppc, &["verify"]).await.unwrap();
        sql(format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM saved; DROP TABLE saved;"));
        assert!(fault.starts_with(named), "{table} {row} {change}: {fault:?}");
        assert_eq!((code, said.contains(&fault)), (Some(1), true), "{table} {row} {change}: {said}");
    }
    assert_eq!(ppc.verify().await.unwrap().fault, "");
    assert_eq!(pair.command_line(Agency::Ppc, &["verify"]).await.unwrap().0, Some(0));
}

fn level(entry: &JournalEntry) -> DeliveryLevel {
    entry.delivery.as_ref().unwrap().level()
}

#[tokio::test]
async fn an_entry_verifies_with_its_authors_public_key_and_nothing_else() {
    let (pair, ppc, ipa) = lived(3).await;
    for acts in [&ppc, &ipa] {
        for author in AGENCIES {
            let mut keys = PublicKeys::new();
            keys.add(&key_id(author), pair.setup.public_keys[author.id()], 1).unwrap();
            let mut others = PublicKeys::new();
            others.add(&key_id(author), pair.setup.public_keys[author.peer().id()], 1).unwrap();
            let (mut before, mut items) = (vec![0; 32], 0);
            for it in acts.journal(author).await.unwrap() {
                let (header, signature, key_id) = (it.header.clone(), it.signature.clone(), it.key_id.clone());
                let entry = Entry { header, signature, key_id, ..Entry::default() };
                let opened = verify_signature(&entry, &keys).unwrap();
                assert_eq!(hex::encode(opened.hash()), it.hash);
                let header = opened.header();
                assert_eq!(
                    (&header.matter, &header.fact_type, &header.entry_id),
                    (&it.matter, &it.fact_type, &it.entry_id)
                );
                assert_eq!((header.author(), header.written_at, &header.prev_hash), (author, it.written_at, &before));
                before = opened.hash().to_vec();
                assert!(verify_signature(&entry, &others).is_err());
                let mut changed = entry.clone();
                *changed.header.last_mut().unwrap() ^= 1;
                assert!(verify_signature(&changed, &keys).is_err());
                // The auditor verifies what is shared without reading it.
                items += usize::from(it.matter.contains("/items/") && it.fact.is_none());
            }
            assert_eq!(items, 2);
        }
    }
}

#[tokio::test]
async fn an_item_is_received_then_recorded_then_answered_by_an_official() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    settle(&ppc, &ipa).await.unwrap();
    pair.cut_link();
    let it = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    let seq = ipa.link().await.unwrap().own_seq;
    assert_eq!(level(&ipa.entry(Agency::Ipa, seq).await.unwrap()), DeliveryLevel::Written);
    pair.mend_link();
    settle(&ppc, &ipa).await.unwrap();
    let recorded = ipa.entry(Agency::Ipa, seq).await.unwrap();
    assert_eq!((level(&recorded), recorded.delivery.unwrap().answered_by.as_str()), (DeliveryLevel::Recorded, ""));
    // That it was read is the receiver's own affair.
    let seen = ppc.item(&it.name).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(level(&ipa.entry(Agency::Ipa, seq).await.unwrap()), DeliveryLevel::Recorded);
    let acknowledged = ppc.acknowledge_item(ppc.acknowledging(&seen)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let answered = ipa.entry(Agency::Ipa, seq).await.unwrap();
    assert_eq!(level(&answered), DeliveryLevel::Answered);
    let answer = answered.delivery.unwrap().answered_by;
    assert!(acknowledged.entries.contains(&answer) && answer.starts_with("agencies/ppc/"), "{answer}");
    // The seal is set by the service: no official has answered the recall.
    ipa.recall_item(ipa.recalling(&it)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let recall = ipa.entry(Agency::Ipa, seq + 1).await.unwrap();
    assert_eq!((recall.fact_type.as_str(), level(&recall)), ("item_recalled", DeliveryLevel::Recorded));
}
