//! The proof that nothing in the journals and audit chains is missing, added or changed, up to where they stand when it
//! begins. Runs beside a service that writes.

use std::collections::BTreeSet;

use renkei_domain::{
    matter::entry_name,
    page::{Journal, Seen},
    term,
};
use renkei_journal::{Break, Head, Keys, Lie, Previous, Proven, verify_all};
use renkei_proto::journal::v1::Entry;
use renkei_store::{ChainHead, Error, JOURNALS, PrivateStanding, Store};

/// How many entries or records are read at once.
const CHUNK: usize = 1024;

/// What was verified.
#[derive(Default)]
pub struct Verified {
    /// The journals with their heads.
    pub journals: Vec<(Journal, Head)>,
    /// The audit chains with their ends.
    pub chains: Vec<ChainHead>,
}

/// Verifies all three journals and every audit chain.
///
/// # Errors
/// The first entry or record that is not right, in a sentence.
pub async fn verify(store: &Store, own_keys: &Keys, peer_keys: &Keys) -> Result<Verified, String> {
    let own = store.own();
    let mut verified = Verified::default();
    for journal in JOURNALS {
        let (start, keys) = match journal {
            Journal::Of(agency) if agency != own => (Previous::start(agency, term::agreement_digest()), peer_keys),
            Journal::Of(agency) => (Previous::start(agency, term::agreement_digest()), own_keys),
            Journal::Private => (Previous::start(own, term::private_digest()), own_keys),
        };
        // As it stands in the database, not as this process remembers it.
        let head = store.previous(journal).await.map_err(|error| error.to_string())?.head;
        one(store, journal, start, keys.clone(), head).await?;
        verified.journals.push((journal, head));
    }
    anchored(store).await?;
    verified.chains = audit(store).await?;
    Ok(verified)
}

/// One journal up to its head, which it must reach. While a chunk is verified the next one is read, so at most two are in
/// memory.
async fn one(store: &Store, journal: Journal, start: Previous, keys: Keys, head: Head) -> Result<(), String> {
    let mut proven = Proven { last: start, keys };
    let mut next = read(store, journal, proven.last.next_seq(), head).await;
    while proven.last.next_seq() <= head.seq {
        let entries = next?;
        let reading = proven.last.next_seq() + u64::try_from(entries.len()).unwrap_or(u64::MAX);
        // Signatures take all processors for some milliseconds: not on a thread that serves calls.
        let proving = tokio::task::spawn_blocking(move || chunk(entries, proven));
        let (proved, read) = tokio::join!(proving, read(store, journal, reading, head));
        let (lies, proved) = proved.map_err(|error| format!("journal {}: was not verified: {error}", journal.id()))?;
        refused(store, journal, &lies).await?;
        proven = proved.map_err(|broken| format!("journal {}: entry {}: {broken}", journal.id(), broken.seq()))?;
        next = read;
    }
    if proven.last.head != head {
        return Err(format!("journal {}: the head is not entry {}, the last that is held", journal.id(), head.seq));
    }
    beyond(store, journal, head).await
}

/// What was proven of a chunk, and the bodies before its end or break that are not what their header commits to.
fn chunk(entries: Vec<Entry>, from: Proven) -> (Vec<Lie>, Result<Proven, Break>) {
    let mut lies = Vec::new();
    let proven = verify_all(entries, &from.keys, from.last, |lie| lies.push(lie));
    (lies, proven)
}

/// The next entries up to the head; none when all were read.
async fn read(store: &Store, journal: Journal, from: u64, head: Head) -> Result<Vec<Entry>, String> {
    if from > head.seq {
        return Ok(Vec::new());
    }
    let held = match store.entries(journal, from, CHUNK).await {
        Ok(held) => held,
        Err(error) => return Err(unreadable(store, journal, from, &error).await),
    };
    let held = held.into_iter().filter(|held| held.header.seq <= head.seq);
    let entries: Vec<Entry> = held.map(|held| held.entry).collect();
    if entries.is_empty() {
        return Err(format!("journal {}: entry {from} and later ones are missing up to {}", journal.id(), head.seq));
    }
    Ok(entries)
}

/// The first of a chunk's entries that cannot be read.
async fn unreadable(store: &Store, journal: Journal, from: u64, error: &Error) -> String {
    for seq in (from..).take(CHUNK) {
        if let Err(error) = store.entries(journal, seq, 1).await {
            return format!("journal {}: entry {seq}: {error}", journal.id());
        }
    }
    format!("journal {}: from entry {from} on: {error}", journal.id())
}

/// Nothing stands beyond the head, but for what was written meanwhile, which moved it.
async fn beyond(store: &Store, journal: Journal, head: Head) -> Result<(), String> {
    let held = store.entries(journal, head.seq + 1, 1).await.map_err(|error| error.to_string())?;
    if held.is_empty() || store.previous(journal).await.map_err(|error| error.to_string())?.head != head {
        return Ok(());
    }
    Err(format!("journal {}: entries stand beyond the head, {}", journal.id(), head.seq))
}

/// An entry that lies is right only when the other side has refused it. Nobody refuses private ones.
async fn refused(store: &Store, journal: Journal, lies: &[Lie]) -> Result<(), String> {
    for lie in lies {
        let Journal::Of(author) = journal else {
            return Err(format!("journal private: entry {}: {lie}", lie.seq()));
        };
        let name = entry_name(author, lie.seq());
        let held = store.entry(journal, lie.seq()).await.map_err(|error| error.to_string())?;
        let matter = held.map(|held| held.header.matter).unwrap_or_default();
        let page = store.page(&matter).await.map_err(|error| error.to_string())?;
        let is_refused = page.is_some_and(|page| Seen::whole(&page).refusal(author, lie.seq()).is_some());
        if !is_refused {
            return Err(format!("{name} lies and nobody has refused it: {lie}"));
        }
    }
    Ok(())
}

/// The private journal has the entry that the own journal anchors.
async fn anchored(store: &Store) -> Result<(), String> {
    match store.private_standing().await.map_err(|error| error.to_string())? {
        PrivateStanding::NotAnchored | PrivateStanding::Whole => Ok(()),
        PrivateStanding::Behind { anchored, held } => Err(format!(
            "journal private: entry {anchored}, which the own journal anchors, is missing or another one; the last is {held}"
        )),
    }
}

/// Every audit chain, and the checkpoints that anchor it are not further than it is.
async fn audit(store: &Store) -> Result<Vec<ChainHead>, String> {
    let own = renkei_domain::journal::name(store.own());
    let page = store.page(&own).await.map_err(|error| error.to_string())?.unwrap_or_default();
    let anchored = renkei_domain::journal::checkpoint(Seen::whole(&page), store.own());
    let anchors = anchored.map(|it| it.chains.as_slice()).unwrap_or_default();
    // After the anchors: a chain that begins meanwhile is not missed.
    let heads = store.audit_heads().await.map_err(|error| error.to_string())?;
    let known: BTreeSet<&str> = heads.iter().map(|head| head.chain.as_str()).collect();
    if let Some(lost) = anchors.iter().find(|anchor| !known.contains(anchor.chain.as_str())) {
        return Err(format!("audit {}: the whole chain is missing", lost.chain));
    }
    for head in &heads {
        let anchor = anchors.iter().find(|anchor| anchor.chain == head.chain);
        chain(store, &head.chain, anchor.map(|anchor| (anchor.seq, anchor.hash.as_slice()))).await?;
    }
    Ok(heads)
}

async fn chain(store: &Store, name: &str, anchor: Option<(u64, &[u8])>) -> Result<(), String> {
    let (mut seq, mut hash) = (0, [0; 32]);
    loop {
        let records = store.audit_records(name, seq, 500).await.map_err(|error| error.to_string())?;
        if records.is_empty() {
            break;
        }
        for record in records {
            let right = record.seq == seq + 1 && record.prev_hash == hash && record.hash == record.computed;
            let anchored = anchor.is_none_or(|(at, anchored)| at != record.seq || anchored == record.hash);
            if !right || !anchored {
                return Err(format!("audit {name}: record {} was changed, or one before it is missing", seq + 1));
            }
            (seq, hash) = (record.seq, record.hash);
        }
    }
    match anchor {
        Some((at, _)) if at > seq => Err(format!("audit {name}: records from {} on are missing", seq + 1)),
        _ => Ok(()),
    }
}
