//! What an operator asks at the command line: how things stand, and the life of one matter.

use jiff::Timestamp;
use renkei_domain::{
    agreement,
    matter::{Matter, entry_name},
    page::{Journal, Seen},
    term::Standing,
};
use renkei_journal::Hash;
use renkei_proto::journal::v1::fact;
use renkei_store::{Error, Held, Store};
use serde::Serialize;

/// The most entries of a matter that are shown.
const ENTRIES: usize = 10_000;

/// How one service stands, from its database.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    agency: &'static str,
    own_seq: u64,
    own_hash: String,
    receipted_seq: u64,
    backlog: u64,
    oldest_waiting: Option<String>,
    last_receipt_at: Option<String>,
    peer_seq: u64,
    peer_hash: String,
    incarnation: u32,
    stopped_at: Option<String>,
    stopped_by_peer_at: Option<String>,
    recovering: bool,
    set_aside: usize,
    agreement: String,
}

impl Status {
    pub(crate) async fn of(store: &Store, now: Timestamp) -> Result<Self, Error> {
        let heads = store.heads().borrow().clone();
        let (own, peer) = (&heads.own, &heads.peer);
        let oldest = match own.receipted < own.seq {
            true => store.written_us(Journal::Of(store.own()), own.receipted + 1).await?,
            false => None,
        };
        let page = store.page(Matter::AGREEMENT).await?.unwrap_or_default();
        let stop = |head: &renkei_store::JournalHead| {
            (head.stop_seq != 0).then(|| format!("{} {}", head.stop_seq, head.stop_reason.id()))
        };
        Ok(Self {
            agency: store.own().id(),
            own_seq: own.seq,
            own_hash: hex(&own.hash),
            receipted_seq: own.receipted,
            backlog: own.seq.saturating_sub(own.receipted),
            oldest_waiting: oldest.map(time),
            last_receipt_at: (own.receipted_us != 0).then(|| time(own.receipted_us)),
            peer_seq: peer.seq,
            peer_hash: hex(&peer.hash),
            incarnation: own.incarnation,
            stopped_at: stop(peer),
            stopped_by_peer_at: stop(own),
            recovering: heads.recovering(),
            set_aside: store.aside().await?.len(),
            agreement: match agreement::standing_of(Seen::whole(&page), now) {
                Standing::InForce(term) => format!("in force, term {} until {}", term.ordinal, term.to),
                Standing::Disputed(term) => format!("disputed since {}", term.from),
                Standing::Expired { last } => format!("expired with term {} on {}", last.ordinal, last.to),
                Standing::NotYet => "not begun".to_owned(),
            },
        })
    }

    /// A line per value.
    pub(crate) fn table(&self) -> String {
        let some = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let rows = [
            ("agency", self.agency.to_owned()),
            ("agreement", self.agreement.clone()),
            ("own journal", format!("{} (incarnation {})", self.own_seq, self.incarnation)),
            ("receipted", format!("{}, last at {}", self.receipted_seq, some(&self.last_receipt_at))),
            ("backlog", format!("{}, oldest since {}", self.backlog, some(&self.oldest_waiting))),
            ("peer's journal", self.peer_seq.to_string()),
            ("stopped here at", some(&self.stopped_at)),
            ("stopped by the peer at", some(&self.stopped_by_peer_at)),
            ("recovering", self.recovering.to_string()),
            ("set aside", self.set_aside.to_string()),
        ];
        rows.map(|(name, value)| format!("{name:24}{value}")).join("\n")
    }
}

/// The life of one matter: its entries in the order in which they were folded here.
pub(crate) async fn trace(store: &Store, matter: &str) -> Result<Vec<String>, Error> {
    let heads = store.heads().borrow().clone();
    let entries = store.entries_of(matter, 0, ENTRIES).await?;
    let refused = |held: &Held| {
        entries.iter().any(|other| match &other.fact.fact {
            Some(fact::Fact::EntryRefused(it)) => other.journal != held.journal && it.seq == held.header.seq,
            _ => false,
        })
    };
    let mut lines = Vec::with_capacity(entries.len());
    for held in &entries {
        let Journal::Of(author) = held.journal else { continue };
        let level = match () {
            () if refused(held) => "refused",
            () if author != store.own() => "recorded here",
            () if held.header.seq <= heads.own.receipted => "received by the peer",
            () => "waiting",
        };
        let trace = held.header.traceparent.split('-').nth(1).unwrap_or("-").to_owned();
        lines.push(format!(
            "{:28} {:30} written {} taken {} {level:20} trace {trace}",
            entry_name(author, held.header.seq),
            held.header.fact_type,
            time(renkei_domain::moment::micros(held.header.written_at.as_ref())),
            time(held.arrived_us),
        ));
    }
    Ok(lines)
}

pub(crate) fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn time(us: i64) -> String {
    Timestamp::from_microsecond(us).map_or_else(|_| "-".to_owned(), |at| at.to_string())
}
