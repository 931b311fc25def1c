//! Keys are added and revoked by the journal's own entries.

#![expect(clippy::unwrap_used, reason = "tests")]

use renkei_journal::{Break, KeyError, Proven, PublicKeys, SigningKey, generate_pkcs8};
use renkei_proto::journal::v1::Entry;

use crate::support::{NOTICES, OWN, Writer, added, forge, journal, keys_of, notice, ppc, proof, revoked, signing_key};

/// The key of RFC 8410, section 10.3, in version 1.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";
/// The public key of [`PEM`], section 10.1.
const PUBLIC: &str = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

fn verdict(entries: &[Entry]) -> Result<Proven, Break> {
    proof(entries, &keys_of(&ppc()), |_| {})
}

fn unknown(seq: u64, key: &SigningKey) -> Break {
    Break::KeyUnknown { seq, key_id: key.key_id().to_owned() }
}

fn next_key() -> SigningKey {
    signing_key("ppc-2027", 2)
}

#[test]
fn an_added_key_signs_later_entries() {
    let mut writer = Writer::new();
    writer.say(OWN, added(&next_key()), None);
    writer.key = next_key();
    writer.say(NOTICES, notice(), None);
    assert_eq!(verdict(&writer.entries).unwrap().head().seq, 2);
}

#[test]
fn an_added_key_does_not_sign_itself_or_what_was_before() {
    let mut writer = Writer::new();
    writer.say(NOTICES, notice(), None);
    writer.say(OWN, added(&next_key()), None);
    for place in [0, 1] {
        let mut entries = writer.entries.clone();
        forge(&mut entries[place], &next_key(), |_| {});
        assert_eq!(verdict(&entries).unwrap_err().seq(), u64::try_from(place).unwrap() + 1);
    }
    let known = verdict(&writer.entries).unwrap().keys;
    let mut entries = writer.entries.clone();
    forge(&mut entries[0], &next_key(), |_| {});
    let broken = proof(&entries, &known, |_| {}).unwrap_err();
    assert_eq!(broken, unknown(1, &next_key()), "known keys know since when they are valid");
}

#[test]
fn a_revoked_key_signs_its_own_revocation_and_no_later_entry() {
    let mut writer = Writer::new();
    writer.say(OWN, added(&next_key()), None);
    writer.say(OWN, revoked("ppc-2026"), None);
    assert_eq!(verdict(&writer.entries).unwrap().head().seq, 2);
    writer.say(NOTICES, notice(), None);
    assert_eq!(verdict(&writer.entries).unwrap_err(), unknown(3, &ppc()));
    forge(&mut writer.entries[2], &next_key(), |_| {});
    let proven = verdict(&writer.entries).unwrap();
    assert_eq!(proven.head().seq, 3);

    let again = proof(&writer.entries, &proven.keys, |_| {}).unwrap();
    assert_eq!(again, proven, "what a revoked key signed before stays proven");
}

#[test]
fn a_key_fact_of_an_entry_with_a_bad_signature_opens_nothing() {
    let mut writer = Writer::new();
    writer.say(OWN, added(&next_key()), None);
    writer.key = next_key();
    writer.say(NOTICES, notice(), None);
    writer.entries[0].signature[0] ^= 1;
    let broken = verdict(&writer.entries).unwrap_err();
    assert_eq!(broken, Break::BadSignature { seq: 1, key_id: "ppc-2026".into() });
}

#[test]
fn a_key_fact_that_its_header_does_not_commit_to_opens_nothing() {
    let mut writer = Writer::new();
    writer.say(OWN, added(&signing_key("ppc-2028", 8)), None);
    writer.entries[0].fact = prost::Message::encode_to_vec(&added(&next_key()));
    writer.key = next_key();
    writer.say(NOTICES, notice(), None);
    assert_eq!(verdict(&writer.entries).unwrap_err(), unknown(2, &next_key()));
}

#[test]
fn key_facts_that_contradict_what_is_known_stop_the_journal() {
    let other = signing_key("ppc-2026", 9);
    let mut writer = Writer::new();
    writer.say(OWN, added(&other), None);
    let source = KeyError::Taken { key_id: "ppc-2026".into() };
    assert_eq!(verdict(&writer.entries).unwrap_err(), Break::KeyContradicts { seq: 1, source });

    let mut writer = Writer::new();
    writer.say(OWN, revoked("nobody"), None);
    let source = KeyError::Unknown { key_id: "nobody".into() };
    assert_eq!(verdict(&writer.entries).unwrap_err(), Break::KeyContradicts { seq: 1, source });
}

#[test]
fn a_key_id_names_one_key_for_ever() {
    let mut keys = PublicKeys::new();
    keys.add("a", [1; 32], 5).unwrap();
    keys.add("a", [1; 32], 3).unwrap();
    assert_eq!((keys.get("a", 2), keys.get("a", 3)), (None, Some(&[1; 32])));
    let taken = Err(KeyError::Taken { key_id: "a".into() });
    assert_eq!(keys.add("a", [2; 32], 1), taken);
    keys.revoke("a", 9).unwrap();
    keys.revoke("a", 12).unwrap();
    assert_eq!((keys.get("a", 8), keys.get("a", 9)), (Some(&[1; 32]), None));
    assert_eq!(keys.add("a", [1; 32], 20), taken, "not even itself, once revoked");
}

#[test]
fn keys_have_a_limit() {
    let mut keys = PublicKeys::new();
    for n in 0..1000 {
        keys.add(&format!("key-{n}"), [0; 32], 1).unwrap();
    }
    assert_eq!(keys.add("one-more", [0; 32], 1), Err(KeyError::TooMany { limit: 1000 }));
}

#[test]
fn a_strange_key_id_stays_out_of_the_error() {
    let mut entry = journal(1).remove(0);
    entry.key_id = "Personal <data>".to_owned();
    assert_eq!(verdict(&[entry]).unwrap_err(), Break::KeyUnknown { seq: 1, key_id: "?".into() });
}

#[test]
fn a_key_is_read_from_der_and_pem() {
    let pem = SigningKey::from_pkcs8("rfc", PEM.as_bytes()).unwrap();
    assert_eq!(hex::encode(pem.public_key()), PUBLIC);
    let der = generate_pkcs8(&[7; 32]);
    let key = SigningKey::from_pkcs8("der", &der).unwrap();
    assert_eq!(key.public_key(), signing_key("again", 7).public_key());

    for wrong in [&b""[..], b"no key", &der[..47], &PEM.as_bytes()[..80]] {
        assert_eq!(SigningKey::from_pkcs8("key", wrong).unwrap_err(), KeyError::Malformed);
    }
    for id in ["", "-a", "A", "a b", &"a".repeat(65)] {
        assert_eq!(SigningKey::from_pkcs8(id, &der).unwrap_err(), KeyError::IdInvalid);
    }
}

#[test]
fn a_signing_key_shows_only_its_id() {
    assert_eq!(format!("{:?}", ppc()), "SigningKey { key_id: \"ppc-2026\", .. }");
}
