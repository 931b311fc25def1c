//! The life of one matter, from the entries of both halves.

use renkei_domain::{
    case_number::CaseNumber,
    matter::{Matter, entry_name},
    moment::micros,
    noun::registry,
    page::{Journal, Seen},
};
use renkei_proto::{evidence::v1::DeliveryLevel, journal::v1::fact};
use renkei_store::{Error, Store, StoredEntry};

use crate::language::{Language, padded, time};

/// The maximum number of entries of a matter that are shown.
const ENTRIES: usize = 10_000;

/// One line for the matter and one per entry, in the order in which they were folded here. The matter is known by its
/// name or by its case number.
///
/// # Errors
/// A sentence that states why nothing is shown.
pub(crate) async fn lines(store: &Store, matter: &str, language: Language) -> Result<Vec<String>, String> {
    let said = |error: Error| error.to_string();
    let name = match CaseNumber::parse(matter, "") {
        Ok(number) => match store.numbered(&number).await.map_err(said)? {
            Some((matter, _)) => matter.to_string(),
            None => {
                return Err(language.say(
                    format!("there is no matter with the case number {number}"),
                    format!("案件番号 {number} の案件はありません。"),
                ));
            }
        },
        // Entries whose matter no noun knows are shown too, by whatever name the peer has given it.
        Err(_) if Matter::parse(matter).is_some() || matter.contains('/') => matter.to_owned(),
        Err(refusal) => {
            let detail = &refusal.detail;
            return Err(language.say(
                format!("{matter}: {}, or the name of a matter", detail.english),
                format!("{matter}：{}案件の名前を指定することもできます。", detail.japanese),
            ));
        }
    };
    let entries = store.entries_of(&name, 0, ENTRIES).await.map_err(said)?;
    if entries.is_empty() {
        return Err(language.say(format!("there is no entry of {name}"), format!("{name} の記録はありません。")));
    }
    told(store, &name, &entries, language).await.map_err(said)
}

async fn told(store: &Store, matter: &str, entries: &[StoredEntry], language: Language) -> Result<Vec<String>, Error> {
    let page = store.page(matter).await?.unwrap_or_default();
    let matter = Matter::of(matter);
    let (noun, seen, count) = (registry::of(&matter), Seen::whole(&page), entries.len());
    let state = noun.state(&matter, seen);
    let state = language.say(state.id.replace("STATE_", ""), state.ja);
    let state = if state.is_empty() { state } else { format!("{}{state}", language.say(": ", "：")) };
    let mut lines =
        vec![language.say(format!("{matter}{state}, entries: {count}"), format!("{matter}{state}、記録 {count} 件"))];
    for held in entries {
        let Journal::Of(author) = held.journal else { continue };
        let level = level(store, held, entries, language).await?;
        let trace = held.header.traceparent.split('-').nth(1).unwrap_or("-").to_owned();
        let (entry, fact) = (entry_name(author, held.header.seq), padded(language.fact(&held.header.fact_type), 30));
        let time = |us: i64| language.retold(&time(us));
        let (written, stored) = (time(micros(held.header.written_at.as_ref())), time(held.arrived_us));
        lines.push(language.say(
            format!("{entry:28} {fact} written {written} stored {stored} {level:46} trace {trace}"),
            format!("{entry:28} {fact} 作成 {written} 保管 {stored} {} トレース {trace}", padded(&level, 46)),
        ));
    }
    Ok(lines)
}

/// The delivery level of an entry.
async fn level(
    store: &Store,
    held: &StoredEntry,
    entries: &[StoredEntry],
    language: Language,
) -> Result<String, Error> {
    let refusal = entries.iter().find_map(|other| match &other.fact.fact {
        Some(fact::Fact::EntryRefused(it)) if other.journal != held.journal && it.seq == held.header.seq => Some(it),
        _ => None,
    });
    if let Some(refusal) = refusal {
        let reason = refusal.reason();
        return Ok(language.say(
            format!("refused: {}", reason.id()),
            format!("{}：{}（{}）", DeliveryLevel::Refused.ja(), reason.ja(), reason.id()),
        ));
    }
    if held.journal != Journal::Of(store.own()) {
        return Ok(language.say("recorded here", DeliveryLevel::Recorded.ja()));
    }
    Ok(match store.receipt_for(held.header.seq).await? {
        Some((at_us, _)) => {
            let at = language.retold(&time(at_us));
            language.say(format!("received by the peer {at}"), format!("{} {at}", DeliveryLevel::Received.ja()))
        }
        None => language.say("waiting", DeliveryLevel::Written.ja()),
    })
}
