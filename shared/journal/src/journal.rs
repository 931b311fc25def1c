//! Proving a whole journal offline.

use prost::Message as _;
use renkei_proto::journal::v1::Entry;

use crate::{
    chain::{Head, Previous, verify_chain},
    fault::{Break, Fault, Lie},
    keys::PublicKeys,
    parallel::in_parallel,
    verify::{Opened, Understood, check_content, check_fact, open, signed_by},
};

/// The most entries that are held at once.
const CHUNK_ENTRIES: usize = 1024;
/// No entry is added to a chunk that has this many bytes.
const CHUNK_BYTES: usize = 4 << 20;

/// A journal that was proven up to here; the proof can go on from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The last entry.
    pub last: Previous,
    /// The keys as the journal's own facts left them.
    pub keys: PublicKeys,
}

impl Proven {
    /// The last entry's number and hash. Entries cut off at the end leave a whole chain: only a receipt or another copy
    /// of the head shows them missing.
    #[must_use]
    pub fn head(&self) -> Head {
        self.last.head
    }
}

/// Proves the entries that follow `start`, with the author's keys as they stood there. The journal's own key facts hold
/// from the entry after them. Signatures are verified in parallel; memory does not grow with the journal.
///
/// `lie` is told, in order, of each entry before the end or break whose body is not what its header commits to: such an
/// entry is legitimate only where the other agency's journal refuses it.
///
/// # Errors
/// The first [`Break`], at the number whose place the entry took: the same as [`verify`](crate::verify) entry by entry
/// would give.
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

/// What an entry shows by itself, its signature left out.
struct Parts {
    opened: Opened,
    fact: Result<Understood, Fault>,
    content: Result<(), Lie>,
}

/// A signature that is left to verify.
struct Signature<'a> {
    place: u64,
    entry: &'a Entry,
    public_key: [u8; 32],
}

/// Proves one chunk in three passes: read in parallel, compare in order, verify signatures in parallel.
///
/// The second pass takes each key fact as if all signatures up to it were valid. That is sound, as the third pass
/// reports the first invalid one, and nothing that was concluded after it is used.
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

/// Compares an entry with the one before, leaves its signature to verify and goes on to it.
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
    proven.last = opened.previous();
    Ok(())
}
