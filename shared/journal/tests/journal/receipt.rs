//! A receipt makes one statement, and only with a key that is in force.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::{prelude::*, sample::Index};
use renkei_journal::{Break, PublicKeys, SigningKey, sign_header, sign_receipt, verify_receipt};
use renkei_proto::{
    journal::v1::{Receipt, SignedReceipt},
    options::v1::Reason,
    r#type::v1::Agency,
};

use crate::support::{WRITTEN_US, keys_of, signing_key};

fn ipa() -> SigningKey {
    signing_key("ipa-2026", 3)
}

fn receipt() -> Receipt {
    let journal = Agency::Ppc.into();
    let mut receipt = Receipt { journal, up_to_seq: 12, head_hash: vec![0x4d; 32], own_seq: 40, at: None };
    receipt.at.get_or_insert_default().seconds = WRITTEN_US / 1_000_000;
    receipt
}

fn signed() -> SignedReceipt {
    sign_receipt(&ipa(), &receipt())
}

fn reason(signed: &SignedReceipt, keys: &PublicKeys, last_known_seq: u64) -> Option<Reason> {
    verify_receipt(signed, keys, last_known_seq).err().map(|broken| broken.reason())
}

#[test]
fn a_receipt_is_read_as_it_was_signed() {
    assert_eq!(verify_receipt(&signed(), &keys_of(&ipa()), 0), Ok(receipt()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_flipped_bit_is_found(in_signature: bool, at: Index, bit in 0..8_u32) {
        let mut signed = signed();
        let bytes = if in_signature { &mut signed.signature } else { &mut signed.receipt };
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let found = reason(&signed, &keys_of(&ipa()), 0);
        prop_assert!(matches!(found, Some(Reason::NotUnderstood | Reason::BadSignature)), "{:?}", found);
    }
}

#[test]
fn a_receipt_obeys_every_rule_of_the_contract() {
    let lies: [fn(&mut Receipt); 4] = [
        |receipt| receipt.journal = 0,
        |receipt| receipt.journal = 7,
        |receipt| receipt.head_hash.clear(),
        |receipt| receipt.at = None,
    ];
    for lie in lies {
        let mut receipt = receipt();
        lie(&mut receipt);
        let broken = verify_receipt(&sign_receipt(&ipa(), &receipt), &keys_of(&ipa()), 0).unwrap_err();
        assert_eq!((broken.reason(), broken.seq()), (Reason::NotUnderstood, 12));
    }
}

#[test]
fn a_revoked_key_signs_no_receipt_even_with_an_old_number() {
    let mut keys = keys_of(&ipa());
    keys.revoke("ipa-2026", 42).unwrap();
    assert_eq!(reason(&signed(), &keys, 0), None, "kept from before it was revoked");
    assert_eq!(reason(&signed(), &keys, 40), None);
    assert_eq!(reason(&signed(), &keys, 41), Some(Reason::KeyUnknown), "the revocation is stored here");
    keys.revoke("ipa-2026", 41).unwrap();
    assert_eq!(reason(&signed(), &keys, 0), Some(Reason::KeyUnknown));
}

#[test]
fn an_added_key_signs_receipts_from_its_entry_on() {
    let mut keys = PublicKeys::new();
    keys.add("ipa-2026", ipa().public_key(), 41).unwrap();
    assert_eq!(reason(&signed(), &keys, 0), None);
    let mut keys = PublicKeys::new();
    keys.add("ipa-2026", ipa().public_key(), 42).unwrap();
    assert_eq!(reason(&signed(), &keys, 0), Some(Reason::KeyUnknown));
}

#[test]
fn a_signature_over_a_header_is_not_one_over_a_receipt() {
    let mut signed = signed();
    signed.signature = sign_header(&ipa(), &signed.receipt).to_vec();
    let broken = verify_receipt(&signed, &keys_of(&ipa()), 0).unwrap_err();
    assert_eq!(broken, Break::BadSignature { seq: 12, key_id: "ipa-2026".into() });
}
