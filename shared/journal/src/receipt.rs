//! Receipts: "I hold this journal up to this number with this head", signed.

use prost::Message as _;
use renkei_proto::journal::v1::{Receipt, SignedReceipt};

use crate::{
    canonical::{RECEIPT_LIMIT, read},
    fault::Break,
    key::{SigningKey, is_signed},
    keys::PublicKeys,
};

const DOMAIN: &[u8] = b"renkei receipt v1\0";

/// The receipt with its signature over `renkei receipt v1`, one zero byte, and the receipt's bytes.
#[must_use]
pub fn sign_receipt(key: &SigningKey, receipt: &Receipt) -> SignedReceipt {
    let receipt = receipt.encode_to_vec();
    let signature = key.sign(DOMAIN, &receipt).to_vec();
    SignedReceipt { receipt, key_id: key.key_id().to_owned(), signature }
}

/// Verifies a receipt with the signer's keys.
///
/// A receipt has no number in its signer's journal; it stands after the entry `own_seq`. Its key must hold for the entry
/// after that one and after `last_known_seq`, the signer's last entry that is held here: else a revoked key could go on
/// by naming an old `own_seq`. To judge a kept receipt as of its own time, hand in 0.
///
/// Whether the head is that of the journal, the caller compares.
///
/// # Errors
/// [`Break::NotUnderstood`], [`Break::KeyUnknown`] or [`Break::BadSignature`]; they name `up_to_seq`, or 0 when it
/// cannot be read.
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
