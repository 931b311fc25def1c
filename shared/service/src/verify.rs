//! The proof that nothing in the journals and audit chains is missing, added or changed.

use std::collections::BTreeSet;

use renkei_domain::{
    matter::entry_name,
    page::{Journal, Seen},
    term,
};
use renkei_journal::{Keys, Lie, Previous, verify_all};
use renkei_proto::{journal::v1::Entry, r#type::v1::Agency};
use renkei_store::{JOURNALS, Store};

/// How many entries or records are read at once.
const CHUNK: usize = 256;

/// What was proven.
pub(crate) struct Proof {
    pub(crate) journal: Journal,
    pub(crate) seq: u64,
    pub(crate) hash: [u8; 32],
}

/// Verifies all three journals and every audit chain.
///
/// # Errors
/// The first entry or record that is not right, in a sentence.
pub(crate) async fn verify(store: &Store, own_keys: &Keys, peer_keys: &Keys) -> Result<Vec<Proof>, String> {
    let own = store.own();
    let mut proofs = Vec::new();
    for journal in JOURNALS {
        let (start, keys) = match journal {
            Journal::Of(agency) if agency != own => (Previous::start(agency, term::agreement_digest()), peer_keys),
            Journal::Of(agency) => (Previous::start(agency, term::agreement_digest()), own_keys),
            Journal::Private => (Previous::start(own, term::private_digest()), own_keys),
        };
        proofs.push(one(store, journal, start, keys.clone()).await?);
    }
    heads(store, &proofs)?;
    audit(store).await?;
    Ok(proofs)
}

async fn one(store: &Store, journal: Journal, start: Previous, keys: Keys) -> Result<Proof, String> {
    let (mut last, mut keys, mut lies) = (start, keys, Vec::new());
    loop {
        let from = last.next_seq();
        let held = store.entries(journal, from, CHUNK).await;
        let held = held.map_err(|error| format!("journal {} from number {from}: {error}", journal.id()))?;
        if held.is_empty() {
            break;
        }
        let entries: Vec<Entry> = held.into_iter().map(|held| held.entry).collect();
        let proven = verify_all(entries, &keys, last, |lie| lies.push(lie));
        let proven = proven.map_err(|broken| format!("journal {}: entry {}: {broken}", journal.id(), broken.seq()))?;
        (last, keys) = (proven.last, proven.keys);
    }
    if let Journal::Of(author) = journal {
        refused(store, author, &lies).await?;
    } else if let Some(lie) = lies.first() {
        return Err(format!("journal private: entry {}: {lie}", lie.seq()));
    }
    Ok(Proof { journal, seq: last.head.seq, hash: last.head.hash })
}

/// An entry that lies is right only when the other side has refused it.
async fn refused(store: &Store, author: Agency, lies: &[Lie]) -> Result<(), String> {
    for lie in lies {
        let name = entry_name(author, lie.seq());
        let held = store.entry(Journal::Of(author), lie.seq()).await.map_err(|error| error.to_string())?;
        let matter = held.map(|held| held.header.matter).unwrap_or_default();
        let page = store.page(&matter).await.map_err(|error| error.to_string())?;
        let is_refused = page.is_some_and(|page| Seen::whole(&page).refusal(author, lie.seq()).is_some());
        if !is_refused {
            return Err(format!("{name} lies and nobody has refused it: {lie}"));
        }
    }
    Ok(())
}

/// What was proven reaches as far as the heads say.
fn heads(store: &Store, proofs: &[Proof]) -> Result<(), String> {
    let heads = store.heads().borrow().clone();
    for proof in proofs {
        let head = heads.of(store.own(), proof.journal);
        // Another process may have written since the heads were read.
        if proof.seq < head.seq {
            let next = proof.seq + 1;
            return Err(format!(
                "journal {}: entry {next} and later ones are missing up to {}",
                proof.journal.id(),
                head.seq
            ));
        }
    }
    Ok(())
}

/// Every audit chain, and the checkpoints that anchor it are not further than it is.
async fn audit(store: &Store) -> Result<(), String> {
    let heads = store.audit_heads().await.map_err(|error| error.to_string())?;
    let own = renkei_domain::journal::name(store.own());
    let page = store.page(&own).await.map_err(|error| error.to_string())?.unwrap_or_default();
    let anchored = renkei_domain::journal::checkpoint(Seen::whole(&page), store.own());
    let anchors = anchored.map(|it| it.chains.as_slice()).unwrap_or_default();
    let known: BTreeSet<&str> = heads.iter().map(|head| head.chain.as_str()).collect();
    if let Some(lost) = anchors.iter().find(|anchor| !known.contains(anchor.chain.as_str())) {
        return Err(format!("audit {}: the whole chain is missing", lost.chain));
    }
    for head in &heads {
        let anchor = anchors.iter().find(|anchor| anchor.chain == head.chain);
        chain(store, &head.chain, anchor.map(|anchor| (anchor.seq, anchor.hash.as_slice()))).await?;
    }
    Ok(())
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
