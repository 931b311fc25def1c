//! The hex vectors for foreign implementations agree with this implementation, in both directions.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use prost::Message as _;
use renkei_journal::{
    SigningKey, audit_hash, content_commitment, fact_hash, generate_pkcs8, header_hash, sign_header, sign_receipt,
    verify_all, verify_receipt,
};
use renkei_proto::{
    agreement::v1::NoticeGivenContent,
    journal::v1::{Entry, Receipt, SaltedContent},
    options::v1::Reason,
    r#type::v1::{Agency, Text},
};

use crate::support::{
    NOTICES, OWN, WRITTEN_US, Writer, added, head, keys_of, kinds, notice, ppc, proof, signing_key, start,
};

const FILE: &str = include_str!("../vectors.txt");

/// Names with their values in the order of the file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Vectors(Vec<(String, String)>);

impl Vectors {
    fn text(&mut self, name: impl Into<String>, text: &str) {
        self.0.push((name.into(), text.to_owned()));
    }

    fn hex(&mut self, name: impl Into<String>, bytes: &[u8]) {
        self.0.push((name.into(), hex::encode(bytes)));
    }

    fn parse(file: &str) -> Self {
        let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.map(|line| line.split_once(" = ").unwrap()).map(|(a, b)| (a.to_owned(), b.to_owned())).collect())
    }

    fn map(&self) -> BTreeMap<&str, &str> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

fn next_key() -> SigningKey {
    signing_key("ppc-2027", 2)
}

fn ipa() -> SigningKey {
    signing_key("ipa-2026", 3)
}

fn entries() -> Vec<Entry> {
    let text = Text { ja: "第8条に基づく通知".to_owned(), en: String::new() };
    let content = NoticeGivenContent { text: Some(text) }.encode_to_vec();
    let mut writer = Writer::new();
    writer.say(OWN, kinds(), None);
    writer.say(OWN, added(&next_key()), None);
    writer.key = next_key();
    writer.say(NOTICES, notice(), Some(SaltedContent { salt: vec![0x5a; 32], content }));
    writer.entries
}

fn receipt() -> Receipt {
    let mut receipt = Receipt {
        journal: Agency::Ppc.into(),
        up_to_seq: 3,
        head_hash: head(&entries()).hash.to_vec(),
        own_seq: 5,
        at: None,
    };
    receipt.at.get_or_insert_default().seconds = WRITTEN_US / 1_000_000 + 60;
    receipt
}

/// Headers that are signed with a known key and must still be rejected, in the place of entry 1.
fn untaken() -> Vec<(&'static str, Vec<u8>, [u8; 64])> {
    let good = entries().remove(0).header;
    let unknown_field = [good.as_slice(), &[0xf8, 0x07, 0x01]].concat();
    let long_varint = [&[0x08, 0x81, 0x00], &good[2..]].concat();
    let receipt_domain = sign_receipt_over(&good);
    vec![
        ("not_understood.unknown_field", unknown_field.clone(), sign_header(&ppc(), &unknown_field)),
        ("not_understood.long_varint", long_varint.clone(), sign_header(&ppc(), &long_varint)),
        ("bad_signature.of_a_receipt", good, receipt_domain),
    ]
}

/// The signature that `sign_receipt` would make over a header's bytes; the domains distinguish the two.
fn sign_receipt_over(header: &[u8]) -> [u8; 64] {
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8(&generate_pkcs8(&[1; 32])).unwrap();
    let signature = pair.sign(&[b"renkei receipt v1\0", header].concat());
    signature.as_ref().try_into().unwrap()
}

fn computed() -> Vectors {
    let mut out = Vectors::default();
    for (key, seed) in [(ppc(), [1; 32]), (next_key(), [2; 32]), (ipa(), [3; 32])] {
        out.hex(format!("key.{}.seed", key.key_id()), &seed);
        out.hex(format!("key.{}.pkcs8", key.key_id()), &generate_pkcs8(&seed));
        out.hex(format!("key.{}.public", key.key_id()), &key.public_key());
    }
    out.hex("agreement_sha256", &start().agreements.at(0));
    for (n, entry) in (1..).zip(entries()) {
        out.hex(format!("entry.{n}.header"), &entry.header);
        out.hex(format!("entry.{n}.hash"), &header_hash(&entry.header));
        out.text(format!("entry.{n}.key_id"), &entry.key_id);
        out.hex(format!("entry.{n}.signature"), &entry.signature);
        out.hex(format!("entry.{n}.fact"), &entry.fact);
        out.hex(format!("entry.{n}.fact_sha256"), &fact_hash(&entry.fact));
        if let Some(salted) = &entry.content {
            let salt = salted.salt.as_slice().try_into().unwrap();
            out.hex(format!("entry.{n}.salt"), &salted.salt);
            out.hex(format!("entry.{n}.content"), &salted.content);
            out.hex(format!("entry.{n}.content_commitment"), &content_commitment(salt, &salted.content));
        }
    }
    let signed = sign_receipt(&ipa(), &receipt());
    out.hex("receipt.receipt", &signed.receipt);
    out.text("receipt.key_id", &signed.key_id);
    out.hex("receipt.signature", &signed.signature);
    for (name, header, signature) in untaken() {
        out.hex(format!("{name}.header"), &header);
        out.text(format!("{name}.key_id"), "ppc-2026");
        out.hex(format!("{name}.signature"), &signature);
    }
    let first = audit_hash(&[0; 32], b"record one");
    out.hex("audit.1.record", b"record one");
    out.hex("audit.1.hash", &first);
    out.hex("audit.2.record", b"record two");
    out.hex("audit.2.hash", &audit_hash(&first, b"record two"));
    out
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// An entry out of the file alone, as a foreign implementation reads it.
fn read_entry(file: &BTreeMap<&str, &str>, n: u32) -> Entry {
    let hex = |part: &str| bytes(file[format!("entry.{n}.{part}").as_str()]);
    let content = file
        .contains_key(format!("entry.{n}.salt").as_str())
        .then(|| SaltedContent { salt: hex("salt"), content: hex("content") });
    let key_id = file[format!("entry.{n}.key_id").as_str()].to_owned();
    Entry { header: hex("header"), key_id, signature: hex("signature"), fact: hex("fact"), content }
}

#[test]
fn the_vectors_equal_the_bytes_that_are_made() {
    assert_eq!(Vectors::parse(FILE), computed());
}

#[test]
fn the_valid_vectors_are_accepted() {
    let file = Vectors::parse(FILE);
    let file = file.map();
    let entries = [1, 2, 3].map(|n| read_entry(&file, n));
    let mut lies = 0;
    let proven = verify_all(entries, &keys_of(&ppc()), start(), |_| lies += 1).unwrap();
    assert_eq!((proven.head().hash.to_vec(), lies), (bytes(file["entry.3.hash"]), 0));

    let signed = sign_receipt(&ipa(), &receipt());
    assert_eq!(signed.receipt, bytes(file["receipt.receipt"]));
    let read = verify_receipt(&signed, &keys_of(&ipa()), 0).unwrap();
    assert_eq!(read.head_hash, bytes(file["entry.3.hash"]));
}

#[test]
fn the_invalid_vectors_are_refused() {
    for (name, header, signature) in untaken() {
        let mut entry = entries().remove(0);
        entry.header = header;
        entry.signature = signature.to_vec();
        let reason = proof(&[entry], &keys_of(&ppc()), |_| {}).unwrap_err().reason();
        let expected = if name.starts_with("bad") { Reason::BadSignature } else { Reason::NotUnderstood };
        assert_eq!(reason, expected, "{name}");
    }
}
