//! The matters of the newest entries, with the way of each entry to the other agency. As in `trace`, names of matters and of
//! entries are shown, kinds of fact and times; never a text, an official or a private entry.

use std::collections::BTreeMap;

use prost::Message as _;
use renkei_domain::{
    matter::{Matter, entry_name},
    moment::micros,
    noun::{journal, registry},
    page::{Journal, Page, Seen},
};
use renkei_proto::{journal::v1::Receipt, r#type::v1::Agency};
use renkei_store::{Error, Store, StoredEntry};
use serde::{Deserialize, Serialize};

use crate::language::time;

/// The most matters that are shown.
const MATTERS: usize = 20;
/// The most entries of a matter that are shown.
const ENTRIES: usize = 6;
/// The most entries of each journal that are looked at.
const LOOKED_AT: u64 = 200;

/// A matter in which one of the agencies has written lately.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MatterStands {
    pub(crate) name: String,
    /// Empty for a matter without a case number.
    pub(crate) case_number: String,
    /// The name of the state in the contract, such as `ACCEPTED`, and its Japanese name; empty for a noun without states.
    pub(crate) state: String,
    pub(crate) state_ja: String,
    /// The newest entries, the last one first; at most [`ENTRIES`].
    pub(crate) entries: Vec<EntryStands>,
}

/// An entry on its way.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EntryStands {
    pub(crate) entry: String,
    /// `ppc` or `ipa`.
    pub(crate) author: String,
    pub(crate) fact_type: String,
    /// By the clock of its author.
    pub(crate) written_at: String,
    /// The time at which it was stored here.
    pub(crate) stored_at: String,
    /// True if the receiver has signed a receipt for it.
    pub(crate) is_receipted: bool,
    /// The time of the receipt for an own entry, by the clock of the peer.
    pub(crate) receipt_at: Option<String>,
    /// The reason for which the receiver has refused it; empty if it has not.
    pub(crate) refused: String,
}

/// The matters of the newest entries, the last one first.
pub(crate) async fn matters(store: &Store) -> Result<Vec<MatterStands>, Error> {
    let given = store.receipt_given().await?.and_then(|it| Receipt::decode(it.receipt.as_slice()).ok());
    let given = given.map_or(0, |it| it.up_to_seq);
    let newest = newest(store).await?;
    // A page that somebody has altered is left out and reported: its matter then shows its entries alone.
    let pages = store.pages(&newest.iter().map(|(name, _)| name.as_str()).collect()).await?;
    let (mut all, none) = (Vec::new(), Page::default());
    for (name, entries) in newest {
        let page = pages.get(&name).unwrap_or(&none);
        let (matter, seen) = (Matter::of(&name), Seen::whole(page));
        let state = registry::of(&matter).state(&matter, seen);
        let mut stand = Vec::new();
        for (author, stored) in &entries {
            stand.push(entry(store, *author, stored, seen, given).await?);
        }
        all.push(MatterStands {
            case_number: registry::case_number(&matter, seen).map(|it| it.to_string()).unwrap_or_default(),
            state: state.id.trim_start_matches("STATE_").to_owned(),
            state_ja: state.ja.to_owned(),
            entries: stand,
            name,
        });
    }
    Ok(all)
}

/// The newest entries of both journals by their matters, the matter with the last entry first.
async fn newest(store: &Store) -> Result<Vec<(String, Vec<(Agency, StoredEntry)>)>, Error> {
    let mut all = Vec::new();
    for author in [store.own(), store.own().peer()] {
        all.extend(store.newest(author, LOOKED_AT).await?.into_iter().map(|it| (author, it)));
    }
    all.sort_by_key(|(_, it)| std::cmp::Reverse(it.turn));
    let (mut places, mut matters) = (BTreeMap::new(), Vec::<(String, Vec<_>)>::new());
    for (author, it) in all {
        let name = it.header.matter.clone();
        let noun = registry::of(&Matter::of(&name));
        // An agency's own journal is a matter by name only.
        if noun.collection() == journal::COLLECTION || noun.has_secret_names() {
            continue;
        }
        let place = *places.entry(name.clone()).or_insert(matters.len());
        if place == matters.len() {
            matters.push((name, Vec::new()));
        }
        if let Some((_, entries)) = matters.get_mut(place).filter(|(_, entries)| entries.len() < ENTRIES) {
            entries.push((author, it));
        }
    }
    matters.truncate(MATTERS);
    Ok(matters)
}

async fn entry(
    store: &Store,
    author: Agency,
    it: &StoredEntry,
    seen: Seen<'_>,
    given: u64,
) -> Result<EntryStands, Error> {
    let seq = it.header.seq;
    let is_own = it.journal == Journal::Of(store.own());
    let receipt = if is_own { store.receipt_for(seq).await? } else { None };
    let refusal = seen.refusal(author, seq).map(|(_, refused)| refused.reason().id().to_owned());
    Ok(EntryStands {
        entry: entry_name(author, seq),
        author: author.id().to_owned(),
        fact_type: it.header.fact_type.clone(),
        written_at: time(micros(it.header.written_at.as_ref())),
        stored_at: time(it.arrived_us),
        is_receipted: if is_own { receipt.is_some() } else { seq <= given },
        receipt_at: receipt.map(|(at_us, _)| time(at_us)),
        refused: refusal.unwrap_or_default(),
    })
}
