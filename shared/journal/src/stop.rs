//! Stops: "I accept no entry of this journal from this number on", signed.

use prost::Message as _;
use renkei_proto::link::v1::{SignedStop, Stop};

use crate::{
    canonical::{STOP_LIMIT, read},
    fault::Break,
    key::{SigningKey, is_signed},
    keys::PublicKeys,
};

const DOMAIN: &[u8] = b"renkei stop v1\0";

/// Signs `renkei stop v1`, one zero byte, and the stop's bytes.
#[must_use]
pub fn sign_stop(key: &SigningKey, stop: &Stop) -> SignedStop {
    let stop = stop.encode_to_vec();
    let signature = key.sign(DOMAIN, &stop).to_vec();
    SignedStop { stop, key_id: key.key_id().to_owned(), signature }
}

/// Verifies a stop with the signer's keys. `last_known_seq` is the signer's last entry that is stored here. The key
/// must be in force at the next one, so that a revoked key stops nothing.
///
/// # Errors
/// [`Break::NotUnderstood`], [`Break::KeyUnknown`] or [`Break::BadSignature`]; they name the stop's number, or 0 if it
/// cannot be read.
pub fn verify_stop(signed: &SignedStop, keys: &PublicKeys, last_known_seq: u64) -> Result<Stop, Break> {
    let stop: Stop = read(&signed.stop, STOP_LIMIT, "stop").map_err(|what| {
        let seq = Stop::decode(signed.stop.as_slice()).map_or(0, |stop| stop.seq);
        Break::NotUnderstood { seq, what }
    })?;
    let public_key = keys.find(&signed.key_id, last_known_seq.saturating_add(1), stop.seq)?;
    if !is_signed(public_key, DOMAIN, &signed.stop, &signed.signature) {
        return Err(Break::BadSignature { seq: stop.seq, key_id: signed.key_id.clone() });
    }
    Ok(stop)
}
