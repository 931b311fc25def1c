//! Receipts: "I have stored this journal up to this number with this head", signed.

use prost::Message as _;
use renkei_proto::journal::v1::{Receipt, SignedReceipt};

use crate::{
    canonical::{RECEIPT_LIMIT, read},
    fault::Break,
    key::{SigningKey, is_signed},
    keys::PublicKeys,
};

const DOMAIN: &[u8] = b"renkei receipt v1\0";

/// Signs `renkei receipt v1`, one zero byte, and the receipt's bytes.
#[must_use]
pub fn sign_receipt(key: &SigningKey, receipt: &Receipt) -> SignedReceipt {
    let receipt = receipt.encode_to_vec();
    let signature = key.sign(DOMAIN, &receipt).to_vec();
    SignedReceipt { receipt, key_id: key.key_id().to_owned(), signature }
}

/// Verifies a receipt with the signer's keys.
///
/// A receipt has no number in its signer's journal; its place is after the entry `own_seq`. Its key must be in force at
/// the entry after that one and after `last_known_seq`, the signer's last entry that is stored here. Otherwise a
/// revoked key could still be used with an old `own_seq`. To judge a stored receipt at its own time, pass 0.
///
/// The caller compares the head with that of the journal.
///
/// # Errors
/// [`Break::NotUnderstood`], [`Break::KeyUnknown`] or [`Break::BadSignature`]; they name `up_to_seq`, or 0 if it cannot
/// be read.
pub fn verify_receipt(signed: &SignedReceipt, keys: &PublicKeys, last_known_seq: u64) -> Result<Receipt, Break> {
    let receipt: Receipt = read(&signed.receipt, RECEIPT_LIMIT, "receipt").map_err(|what| {
        let seq = Receipt::decode(signed.receipt.as_slice()).map_or(0, |receipt| receipt.up_to_seq);
        Break::NotUnderstood { seq, what }
    })?;
    let seq = receipt.up_to_seq;
    let at = receipt.own_seq.max(last_known_seq).saturating_add(1);
    let public_key = keys.find(&signed.key_id, at, seq)?;
    if !is_signed(public_key, DOMAIN, &signed.receipt, &signed.signature) {
        return Err(Break::BadSignature { seq, key_id: signed.key_id.clone() });
    }
    Ok(receipt)
}
