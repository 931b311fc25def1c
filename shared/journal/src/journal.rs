//! The offline proof of a whole journal.

use prost::Message as _;
use renkei_proto::journal::v1::Entry;

use crate::{
    chain::{Head, Previous},
    fault::{Break, Fault, Lie},
    keys::PublicKeys,
    parallel::in_parallel,
    verify::{Opened, Understood, check_content, check_fact, open, signed_by, verify_chain},
};

/// The maximum number of entries in memory at once.
const CHUNK_ENTRIES: usize = 1024;
/// A chunk with this many bytes accepts no further entry.
const CHUNK_BYTES: usize = 4 << 20;

/// A journal that is proven up to an entry, from which the proof can continue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The last proven entry.
    pub last: Previous,
    /// The keys after the key facts of the proven entries.
    pub keys: PublicKeys,
}

impl Proven {
    /// The last entry's number and hash. If entries are cut off at the end, the rest is still a valid chain: only a
    /// receipt or another copy of the head reveals the loss.
    #[must_use]
    pub fn head(&self) -> Head {
        self.last.head
    }
}

/// Proves the entries that follow `start`, with the author's keys as they were at that point. A key fact of the journal
/// is in force from the next entry on. Signatures are verified in parallel; memory does not grow with the journal.
///
/// `lie` receives, in order, each defect of a body before the end or the break. Such an entry is legitimate only if the
/// other agency's journal refuses it.
///
/// # Errors
/// The first [`Break`], at the number whose place the entry had. [`verify`](crate::verify) gives the same result, entry
/// by entry.
pub fn verify_all(
    entries: impl IntoIterator<Item = Entry>,
    keys: &PublicKeys,
    start: Previous,
    mut lie: impl FnMut(Lie),
) -> Result<Proven, Break> {
    let mut entries = entries.into_iter();
    let mut proven = Proven { last: start, keys: keys.clone() };
    loop {
        let chunk = next_chunk(&mut entries);
        if chunk.is_empty() {
            return Ok(proven);
        }
        prove(&chunk, &mut proven, &mut lie)?;
    }
}

fn next_chunk(entries: &mut impl Iterator<Item = Entry>) -> Vec<Entry> {
    let mut chunk = Vec::new();
    let mut bytes = 0_usize;
    while chunk.len() < CHUNK_ENTRIES && bytes < CHUNK_BYTES {
        let Some(entry) = entries.next() else { break };
        bytes = bytes.saturating_add(entry.encoded_len());
        chunk.push(entry);
    }
    chunk
}

/// The parts of an entry that can be read without its journal, except the signature.
struct Parts {
    opened: Opened,
    fact: Result<Understood, Fault>,
    content: Result<(), Lie>,
}

/// A signature that is still to be verified.
struct Signature<'a> {
    place: u64,
    entry: &'a Entry,
    public_key: [u8; 32],
}

/// Proves one chunk in three passes: read in parallel, compare in order, verify signatures in parallel.
///
/// The second pass applies each key fact as if all signatures up to it were valid. This is sound, because the third
/// pass reports the first invalid signature, and no conclusion after it is used.
fn prove(chunk: &[Entry], proven: &mut Proven, lie: &mut impl FnMut(Lie)) -> Result<(), Break> {
    let parts = in_parallel(chunk, |entry| {
        let opened = open(&entry.header)?;
        let (fact, content) = (check_fact(entry, &opened), check_content(entry, &opened));
        Ok(Parts { opened, fact, content })
    });

    let mut signatures = Vec::with_capacity(chunk.len());
    let mut lies = Vec::new();
    let mut compared = Ok(());
    for (entry, parts) in chunk.iter().zip(parts) {
        let place = proven.last.next_seq();
        compared = compare(entry, parts, proven, &mut signatures, &mut lies).map_err(|broken| broken.at(place));
        if compared.is_err() {
            break;
        }
    }

    let verified = in_parallel(&signatures, |it| signed_by(it.entry, &it.public_key, it.place));
    let outcome = verified.into_iter().collect::<Result<(), Break>>().and(compared);
    let end = outcome.as_ref().err().map_or(u64::MAX, Break::seq);
    lies.into_iter().filter(|it| it.seq() < end).for_each(lie);
    outcome
}

/// Compares an entry with the previous one, records its signature for the third pass and advances to it.
fn compare<'a>(
    entry: &'a Entry,
    parts: Result<Parts, Break>,
    proven: &mut Proven,
    signatures: &mut Vec<Signature<'a>>,
    lies: &mut Vec<Lie>,
) -> Result<(), Break> {
    let Parts { opened, fact, content } = parts?;
    let place = proven.last.next_seq();
    let public_key = *proven.keys.find(&entry.key_id, opened.header().seq, place)?;
    signatures.push(Signature { place, entry, public_key });
    verify_chain(&opened, &proven.last)?;
    match fact {
        Ok(understood) => {
            proven.keys.apply(place, &understood.fact)?;
            lies.extend(content.err());
        }
        Err(Fault::Refuse(untrue)) => lies.push(untrue),
        Err(Fault::Stop(broken)) => return Err(broken),
    }
    proven.last = opened.previous(&proven.last);
    Ok(())
}
