//! Reading a message strictly. Decoding drops unknown fields silently, so only what encodes back to the same bytes has
//! been understood whole.

use prost::Message;
use renkei_proto::Validate;

/// The most bytes of a header and of a fact (`Entry` in the contract).
pub(crate) const PART_LIMIT: usize = 65_536;
/// The most bytes of a receipt (`SignedReceipt` in the contract).
pub(crate) const RECEIPT_LIMIT: usize = 1024;
/// The most bytes of a stop (`SignedStop` in the contract).
pub(crate) const STOP_LIMIT: usize = 64;

/// The message in these bytes, or in one phrase why it is not understood. `what` names it in the phrase.
pub(crate) fn read<M: Message + Default + Validate>(bytes: &[u8], limit: usize, what: &str) -> Result<M, String> {
    within(bytes, limit, what)?;
    let message = M::decode(bytes).map_err(|_| format!("{what}: no message of its type"))?;
    holds(&message, what)?;
    if message.encode_to_vec() == bytes { Ok(message) } else { Err(format!("{what}: encoding gives other bytes")) }
}

/// The message holds every rule of the contract; otherwise the first broken one.
pub(crate) fn holds(message: &impl Validate, what: &str) -> Result<(), String> {
    match message.violations().first() {
        None => Ok(()),
        Some(first) => Err(format!("{what}.{}: {}", first.field, first.rule)),
    }
}

/// The bytes are not more than `limit`.
pub(crate) fn within(bytes: &[u8], limit: usize, what: &str) -> Result<(), String> {
    if bytes.len() <= limit { Ok(()) } else { Err(format!("{what}: larger than {limit} bytes")) }
}
