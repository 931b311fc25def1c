//! Strict reading of messages. Decoding drops unknown fields silently, so a message is understood only if encoding it
//! again gives the same bytes.

use prost::Message;
use renkei_proto::Validate;

/// The maximum size of a header and of a fact, in bytes (`Entry` in the contract).
pub(crate) const PART_LIMIT: usize = 65_536;
/// The maximum size of a receipt, in bytes (`SignedReceipt` in the contract).
pub(crate) const RECEIPT_LIMIT: usize = 1024;
/// The maximum size of a stop, in bytes (`SignedStop` in the contract).
pub(crate) const STOP_LIMIT: usize = 64;

/// Reads a message from these bytes, or explains in one phrase why it is not understood. `what` names the message in
/// the phrase.
pub(crate) fn read<M: Message + Default + Validate>(bytes: &[u8], limit: usize, what: &str) -> Result<M, String> {
    within(bytes, limit, what)?;
    let message = M::decode(bytes).map_err(|_| format!("{what}: no message of its type"))?;
    holds(&message, what)?;
    if message.encode_to_vec() == bytes { Ok(message) } else { Err(format!("{what}: encoding gives other bytes")) }
}

/// Checks that the message obeys every rule of the contract; the error names the first broken rule.
pub(crate) fn holds(message: &impl Validate, what: &str) -> Result<(), String> {
    match message.violations().first() {
        None => Ok(()),
        Some(first) => Err(format!("{what}.{}: {}", first.field, first.rule)),
    }
}

/// Checks that there are at most `limit` bytes.
pub(crate) fn within(bytes: &[u8], limit: usize, what: &str) -> Result<(), String> {
    if bytes.len() <= limit { Ok(()) } else { Err(format!("{what}: larger than {limit} bytes")) }
}
