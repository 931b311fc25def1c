//! The life of one matter, from the entries of both halves.

use renkei_domain::{
    case_number::CaseNumber,
    matter::{Matter, entry_name},
    moment::micros,
    noun::registry,
    page::{Journal, Seen},
};
use renkei_proto::journal::v1::fact;
use renkei_store::{Error, Store, StoredEntry};

use crate::status::time;

/// The maximum number of entries of a matter that are shown.
const ENTRIES: usize = 10_000;

/// One line for the matter and one per entry, in the order in which they were folded here. The matter is known by its
/// name or by its case number.
///
/// # Errors
/// A sentence that states why nothing is shown.
pub(crate) async fn lines(store: &Store, matter: &str) -> Result<Vec<String>, String> {
    let said = |error: Error| error.to_string();
    let name = match CaseNumber::parse(matter, "") {
        Ok(number) => match store.numbered(&number).await.map_err(said)? {
            Some((matter, _)) => matter.to_string(),
            None => return Err(format!("there is no matter with the case number {number}")),
        },
        // Entries whose matter no noun knows are shown too, by whatever name the peer has given it.
        Err(_) if Matter::parse(matter).is_some() || matter.contains('/') => matter.to_owned(),
        Err(refusal) => {
            return Err(format!("{matter}: {}, or the name of a matter", refusal.detail));
        }
    };
    let entries = store.entries_of(&name, 0, ENTRIES).await.map_err(said)?;
    if entries.is_empty() {
        return Err(format!("there is no entry of {name}"));
    }
    told(store, &name, &entries).await.map_err(said)
}

async fn told(store: &Store, matter: &str, entries: &[StoredEntry]) -> Result<Vec<String>, Error> {
    let page = store.page(matter).await?.unwrap_or_default();
    let matter = Matter::of(matter);
    let state = registry::of(&matter).state(&matter, Seen::whole(&page));
    let state = if state.is_empty() { String::new() } else { format!(": {}", state.replace("STATE_", "")) };
    let mut lines = vec![format!("{matter}{state}, entries: {}", entries.len())];
    for held in entries {
        let Journal::Of(author) = held.journal else { continue };
        let level = level(store, held, entries).await?;
        let trace = held.header.traceparent.split('-').nth(1).unwrap_or("-").to_owned();
        lines.push(format!(
            "{:28} {:30} written {} stored {} {level:46} trace {trace}",
            entry_name(author, held.header.seq),
            held.header.fact_type,
            time(micros(held.header.written_at.as_ref())),
            time(held.arrived_us),
        ));
    }
    Ok(lines)
}

/// The delivery level of an entry.
async fn level(store: &Store, held: &StoredEntry, entries: &[StoredEntry]) -> Result<String, Error> {
    let refusal = entries.iter().find_map(|other| match &other.fact.fact {
        Some(fact::Fact::EntryRefused(it)) if other.journal != held.journal && it.seq == held.header.seq => Some(it),
        _ => None,
    });
    if let Some(refusal) = refusal {
        return Ok(format!("refused: {}", refusal.reason().id()));
    }
    if held.journal != Journal::Of(store.own()) {
        return Ok("recorded here".to_owned());
    }
    Ok(match store.receipt_for(held.header.seq).await? {
        Some((at_us, _)) => format!("received by the peer {}", time(at_us)),
        None => "waiting".to_owned(),
    })
}
