//! The proof that nothing in the database is missing, added or changed, up to where it was when the proof began: journals,
//! receipts, audit chains, and everything that follows from them. Runs beside a service that writes.

use renkei_book::Heads;
use renkei_domain::{
    matter::{Matter, entry_name},
    noun::{journal as journal_rules, registry},
    page::{Journal, MarkView as _, Seen},
};
use renkei_journal::{Break, Head, Lie, Previous, Proven, PublicKeys, verify_all};
use renkei_proto::{
    FactKind,
    journal::v1::{Entry, Header},
    r#type::v1::Agency,
};
use renkei_store::{ChainHead, Error, JOURNALS, RowCheck, Store};

mod beside;

use self::beside::said;

/// The number of entries or records that are read at once.
const CHUNK: usize = 1024;

/// The result of a verification without a fault.
#[derive(Default)]
pub struct Verified {
    /// The journals with their heads.
    pub journals: Vec<(Journal, Head)>,
    /// The audit chains with their ends.
    pub chains: Vec<ChainHead>,
}

/// The most entries of a journal that a start verifies.
const TAIL: u64 = 10_000;

/// Verifies the whole database.
///
/// # Errors
/// The first entry, record or row that is not right, in a sentence.
pub async fn verify(store: &Store, own_keys: &PublicKeys, peer_keys: &PublicKeys) -> Result<Verified, String> {
    // As they are in the database, not as this process remembers them.
    let heads = store.read_heads().await.map_err(said)?;
    let proof = journals(store, own_keys, peer_keys, &heads).await?;
    beside::heads(store, &heads, proof.turn).await?;
    beside::receipts(store, &heads, &proof.own, &proof.peer).await?;
    beside::anchored(store).await?;
    let chains = beside::audit(store).await?;
    beside::caches(store).await?;
    Ok(Verified { journals: proof.journals, chains })
}

/// Verifies the three journals alone: what a rebuild believes.
///
/// # Errors
/// The first wrong entry, in a sentence.
pub async fn verify_journals(store: &Store, own_keys: &PublicKeys, peer_keys: &PublicKeys) -> Result<(), String> {
    let heads = store.read_heads().await.map_err(said)?;
    journals(store, own_keys, peer_keys, &heads).await?;
    beside::anchored(store).await
}

/// The facts about the journals that were proven on the way.
struct Proof {
    journals: Vec<(Journal, Head)>,
    /// The keys as each journal's own facts left them.
    own: PublicKeys,
    peer: PublicKeys,
    /// The turn of the last entry.
    turn: u64,
}

async fn journals(
    store: &Store,
    own_keys: &PublicKeys,
    peer_keys: &PublicKeys,
    heads: &Heads,
) -> Result<Proof, String> {
    let own = store.own();
    let mut proof = Proof { journals: Vec::new(), own: own_keys.clone(), peer: peer_keys.clone(), turn: 0 };
    for journal in JOURNALS {
        let (start, keys) = start(store, journal, own_keys, peer_keys);
        let proven = one(store, journal, start, keys, heads).await?;
        let last = proven.last.head;
        match store.columns(journal, 1, last.seq).await.map_err(said)? {
            RowCheck::Right { turn } => proof.turn = proof.turn.max(turn),
            RowCheck::Wrong(it) => {
                let (id, seq, column) = (journal.id(), it.seq, it.column);
                return Err(format!("journal {id}: entry {seq}: the row's {column} is not that of its header"));
            }
        }
        match journal {
            Journal::Of(agency) if agency == own => proof.own = proven.keys,
            Journal::Of(_) => proof.peer = proven.keys,
            Journal::Private => {}
        }
        proof.journals.push((journal, last));
    }
    Ok(proof)
}

/// Verifies the entries since the last checkpoint, at most the newest 10,000 of each journal, in bounded time.
///
/// # Errors
/// The first wrong entry, in a sentence.
pub async fn verify_tail(store: &Store, own_keys: &PublicKeys, peer_keys: &PublicKeys) -> Result<(), String> {
    let own = store.own();
    let heads = store.read_heads().await.map_err(said)?;
    let page = store.page(&journal_rules::name(own)).await.map_err(said)?.unwrap_or_default();
    let checkpoint = Seen::whole(&page).all(own).filter(|mark| mark.kind() == Some(FactKind::AuditCheckpointed)).last();
    let checkpoint = checkpoint.map_or(0, |mark| mark.seq);
    let seen = match store.entry(Journal::Of(own), checkpoint).await.map_err(said)? {
        Some(held) => held.header.seen_peer_seq,
        None => 0,
    };
    let anchored = journal_rules::anchor(Seen::whole(&page), own).map_or(0, |anchored| anchored.seq);
    for journal in JOURNALS {
        let since = match journal {
            Journal::Of(agency) if agency == own => checkpoint,
            Journal::Of(_) => seen,
            Journal::Private => anchored,
        };
        let last = heads.of(own, journal).seq;
        let since = since.max(last.saturating_sub(TAIL)).min(last);
        let (mut start, mut keys) = start(store, journal, own_keys, peer_keys);
        if let Some(held) = store.entry(journal, since).await.map_err(said)? {
            start = start.then(&held.header, held.hash);
        }
        if let Journal::Of(agency) = journal {
            known_keys(store, agency, since, &mut keys).await?;
        }
        one(store, journal, start, keys, &heads).await?;
    }
    beside::anchored(store).await
}

/// The keys that a journal's own facts left up to a number.
async fn known_keys(store: &Store, agency: Agency, to: u64, keys: &mut PublicKeys) -> Result<(), String> {
    let page = store.page(&journal_rules::name(agency)).await.map_err(said)?.unwrap_or_default();
    for mark in Seen::whole(&page).all(agency).take_while(|mark| mark.seq <= to) {
        if let Some(fact) = &mark.fact {
            keys.apply(mark.seq, fact).map_err(said)?;
        }
    }
    Ok(())
}

/// The state with which the first entry of a journal is compared, and the keys that were agreed outside of it.
fn start(store: &Store, journal: Journal, own_keys: &PublicKeys, peer_keys: &PublicKeys) -> (Previous, PublicKeys) {
    let own = store.own();
    let keys = if journal == Journal::Of(own.peer()) { peer_keys } else { own_keys };
    (store.agreements().start(own, journal), keys.clone())
}

/// One journal up to its head, which it must reach. While a chunk is verified the next one is read, so at most two are in
/// memory.
async fn one(
    store: &Store,
    journal: Journal,
    start: Previous,
    keys: PublicKeys,
    heads: &Heads,
) -> Result<Proven, String> {
    let (id, own) = (journal.id(), store.own());
    let head = heads.of(own, journal).head();
    let mut proven = Proven { last: start, keys };
    let mut next = read(store, journal, proven.last.next_seq(), head).await;
    while proven.last.next_seq() <= head.seq {
        let entries = next?;
        let reading = proven.last.next_seq() + u64::try_from(entries.len()).unwrap_or(u64::MAX);
        // Signatures keep all processors busy for some milliseconds, too long for a thread that serves calls.
        let proving = tokio::task::spawn_blocking(move || chunk(entries, proven));
        let (proved, read) = tokio::join!(proving, read(store, journal, reading, head));
        let (lies, proved) = proved.map_err(|error| format!("journal {id}: was not verified: {error}"))?;
        refused(store, journal, &lies).await?;
        proven = proved.map_err(|broken| format!("journal {id}: entry {}: {broken}", broken.seq()))?;
        next = read;
    }
    if proven.last.head != head {
        return Err(format!("journal {id}: the head is not entry {}, the last that is stored", head.seq));
    }
    if proven.last != heads.previous(own, journal, store.agreements()) {
        return Err(format!("journal {id}: the head does not repeat entry {}", head.seq));
    }
    beyond(store, journal, head).await?;
    Ok(proven)
}

/// Proves a chunk. Returns the bodies that contradict their headers before its end or break, and the proven state.
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
    let mut entries: Vec<Entry> = Vec::with_capacity(held.len());
    for held in held.into_iter().filter(|held| held.header.seq <= head.seq) {
        // A content that contradicts its header, and was refused for it, is not kept either.
        let is_absent = !held.header.content_commitment.is_empty() && !held.content_present;
        if is_absent && !is_disposed(store, journal, &held.header).await? {
            let seq = held.header.seq;
            let missing = |_| format!("journal {}: entry {seq}: its content is missing", journal.id());
            let lie = Lie::ContentDiffers { seq, field: "content" };
            refused(store, journal, &[lie]).await.map_err(missing)?;
        }
        entries.push(held.entry);
    }
    if entries.is_empty() {
        return Err(format!("journal {}: entry {from} and later ones are missing up to {}", journal.id(), head.seq));
    }
    Ok(entries)
}

/// True if an agency has erased the content of an entry: the own one, or the peer before it sent the entry.
async fn is_disposed(store: &Store, journal: Journal, header: &Header) -> Result<bool, String> {
    let page = store.page(&header.matter).await.map_err(|error| error.to_string())?.unwrap_or_default();
    let noun = registry::of(&Matter::of(&header.matter));
    let covers = |by| noun.disposed(by, Seen::whole(&page)).covers(by, journal, header.seq);
    Ok([store.own(), store.own().peer()].into_iter().any(covers))
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

/// Checks that no entry is beyond the head, except those that were written meanwhile and moved it.
async fn beyond(store: &Store, journal: Journal, head: Head) -> Result<(), String> {
    let held = store.entries(journal, head.seq + 1, 1).await.map_err(|error| error.to_string())?;
    if held.is_empty() || store.previous(journal).await.map_err(|error| error.to_string())?.head != head {
        return Ok(());
    }
    Err(format!("journal {}: there are entries beyond the head, {}", journal.id(), head.seq))
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
