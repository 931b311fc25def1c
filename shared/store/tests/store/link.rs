//! The link between two stores without a network: what sender and receiver do, called by hand.

use std::{collections::BTreeSet, sync::Arc};

use prost::Message as _;
use renkei_book::{Arrive, Arriving, StopJournal, TakeReceipt};
use renkei_domain::{
    moment::{micros, stamp},
    page::Journal,
};
use renkei_journal::{
    Break, Draft, Fault, chain, check_content, check_fact, header_hash, sign_header, sign_receipt, verify_receipt,
    verify_signature,
};
use renkei_proto::{
    journal::v1::{Entry, Fact, Header, Receipt, SaltedContent, SignedReceipt, fact},
    link::v1::Stop,
    options::v1::Reason,
    referral::v1::SchemePublished,
    r#type::v1::Agency,
};
use renkei_store::Error;

use super::{
    acts::{about, scheme, terms},
    database::{Database, Engine},
    side::{Side, connect, key_of, keys_of},
};

pub struct Pair {
    pub ppc: Side,
    pub ipa: Side,
}

impl Pair {
    /// Two empty stores of the same kind of database.
    pub async fn new(database: Database) -> Self {
        let other = Database::new(database.engine());
        Self { ppc: Side::new(Agency::Ppc, database).await, ipa: Side::new(Agency::Ipa, other).await }
    }

    pub async fn on(engine: Engine) -> Self {
        Self::new(Database::new(engine)).await
    }

    /// Carries entries and receipts both ways until nothing moves.
    pub async fn settle(&self) {
        loop {
            let before = (self.ppc.heads(), self.ipa.heads());
            for (from, to) in [(&self.ppc, &self.ipa), (&self.ipa, &self.ppc)] {
                assert_eq!(carry(from, to, 100).await, Stop::default());
                take_receipt(from, receipt_of(to)).await.unwrap();
            }
            if before == (self.ppc.heads(), self.ipa.heads()) {
                return;
            }
        }
    }

    /// Checks that both sides have the same journals and the same pages, to the byte.
    pub async fn assert_equal(&self) {
        let (ppc, ipa) = (self.ppc.heads(), self.ipa.heads());
        assert_eq!((ppc.own.head(), ppc.peer.head()), (ipa.peer.head(), ipa.own.head()));
        let bytes = async |side: &Side| {
            let pages = side.pages().await;
            pages.into_iter().map(|(name, page)| (name, page.encode())).collect::<Vec<_>>()
        };
        assert_eq!(bytes(&self.ppc).await, bytes(&self.ipa).await);
    }
}

/// An entry as the receiver hands it to its writer.
pub fn arriving(entry: Entry, author: Agency) -> Result<Arriving, Break> {
    let opened = verify_signature(&entry, &keys_of(author))?;
    let (fact, content) = (check_fact(&entry, &opened), check_content(&entry, &opened));
    Ok(Arriving { entry, opened, fact, content })
}

/// The unit that both sides have; items may name others.
pub const UNIT: &str = "policy";

/// Passes entries of a journal to a store, as its receiver does after it asked in vain for correct ones.
pub async fn arrive(to: &Side, journal: Agency, entries: Vec<Entry>) -> Result<Stop, Error> {
    arrive_as(to, journal, entries, true).await
}

pub async fn arrive_as(to: &Side, journal: Agency, entries: Vec<Entry>, last_try: bool) -> Result<Stop, Error> {
    let mut good = Vec::new();
    let mut broken = None;
    for entry in entries {
        match arriving(entry.clone(), journal) {
            Ok(arriving) => good.push(arriving),
            Err(at) => {
                broken = Some((entry, at.reason()));
                break;
            }
        }
    }
    let units = Arc::new(BTreeSet::from([UNIT.to_owned()]));
    let stop = to.run(Arrive { own: to.own, journal, entries: good, last_try, units }).await?;
    match broken {
        Some((entry, reason)) if stop == Stop::default() => to.run(StopJournal { entry, reason }).await,
        _ => Ok(stop),
    }
}

/// Carries a limited number of the sender's entries that the receiver has not stored yet.
pub async fn carry(from: &Side, to: &Side, most: usize) -> Stop {
    let next = to.heads().peer.seq + 1;
    let held = from.store.entries(Journal::Of(from.own), next, most).await.unwrap();
    let entries = held.into_iter().map(|held| held.entry).collect();
    arrive(to, from.own, entries).await.unwrap()
}

/// The signed statement of the part of the peer's journal that a store has.
pub fn receipt_of(holder: &Side) -> SignedReceipt {
    let heads = holder.heads();
    sign(holder, heads.peer.seq, heads.peer.hash.to_vec(), heads.own.seq)
}

/// Signs a receipt as this agency.
pub fn sign(holder: &Side, up_to_seq: u64, head_hash: Vec<u8>, own_seq: u64) -> SignedReceipt {
    let at = Some(stamp(holder.source.moment().now));
    let journal = holder.own.peer().into();
    sign_receipt(&key_of(holder.own), &Receipt { journal, up_to_seq, head_hash, own_seq, at })
}

pub async fn take_receipt(author: &Side, signed: SignedReceipt) -> Result<(), Error> {
    let receipt = verify_receipt(&signed, &keys_of(author.own.peer()), 0).unwrap();
    author.run(TakeReceipt { own: author.own, receipt, signed }).await
}

/// The next entry of a journal, correct except for the fact and its matter.
pub async fn forged(side: &Side, matter: &str, fact: fact::Fact, content: Option<Vec<u8>>) -> Entry {
    let heads = side.heads();
    let previous = side.store.previous(Journal::Of(side.own)).await.unwrap();
    let page = side.store.page(matter).await.unwrap().unwrap_or_default();
    let moment = side.source.moment();
    let draft = Draft {
        entry_id: moment.id("forged", 0),
        matter: matter.to_owned(),
        matter_prev: page.last_hash(Journal::Of(side.own)),
        fact: Fact { request_digest: Vec::new(), fact: Some(fact) },
        content: content.map(|content| SaltedContent { salt: moment.bytes("salt", 0).to_vec(), content }).into(),
        written_us: moment.now.as_microsecond().max(heads.own.written_us),
        seen_peer_seq: heads.peer.seq,
        answers: 0,
        methods_version: 0,
        blobs: Vec::new(),
        unit: String::new(),
        traceparent: String::new(),
    };
    chain(draft, &previous).unwrap().sign(&key_of(side.own))
}

/// The next entry of a journal: it publishes a scheme.
pub async fn forged_scheme(side: &Side, id: &str) -> Entry {
    let fact = fact::Fact::SchemePublished(SchemePublished { terms: Some(terms()) });
    forged(side, &scheme(side.own, id).to_string(), fact, about("forged")).await
}

/// Changes the header of an entry and signs it again.
pub fn forge(entry: &mut Entry, author: Agency, change: impl FnOnce(&mut Header)) {
    let mut header = Header::decode(entry.header.as_slice()).unwrap();
    change(&mut header);
    entry.header = header.encode_to_vec();
    entry.signature = sign_header(&key_of(author), &entry.header).to_vec();
}

/// Puts an entry into its author's own journal that no honest store would write there.
pub async fn impose(author: &Side, entry: &Entry) {
    let header = Header::decode(entry.header.as_slice()).unwrap();
    let (own, seq, turn) = (author.own.id(), header.seq, author.heads().turn + 1);
    let (at, hash) = (micros(header.written_at.as_ref()), header_hash(&entry.header));
    let mut connection = connect(&author.database).await;
    let insert = "INSERT INTO entry (journal, seq, entry_id, matter, fact_type, header, hash, key_id, signature, \
         fact, answers, digest, turn, written_us, arrived_us) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)";
    sqlx::query(insert)
        .bind(own)
        .bind(i64::try_from(seq).unwrap())
        .bind(header.entry_id)
        .bind(header.matter)
        .bind(header.fact_type)
        .bind(entry.header.clone())
        .bind(hash.to_vec())
        .bind(entry.key_id.clone())
        .bind(entry.signature.clone())
        .bind(entry.fact.clone())
        .bind(i64::try_from(header.answers).unwrap())
        .bind(None::<Vec<u8>>)
        .bind(i64::try_from(turn).unwrap())
        .bind(at)
        .execute(&mut connection)
        .await
        .unwrap();
    let update = "UPDATE head SET seq = $1, hash = $2, written_us = $3, seen_peer_seq = $4, turn = $5, commits = commits + 1 \
         WHERE journal = $6";
    sqlx::query(update)
        .bind(i64::try_from(seq).unwrap())
        .bind(hash.to_vec())
        .bind(at)
        .bind(i64::try_from(header.seen_peer_seq).unwrap())
        .bind(i64::try_from(turn).unwrap())
        .bind(own)
        .execute(&mut connection)
        .await
        .unwrap();
    author.store.refresh().await.unwrap();
    author.store.rebuild(true).await.unwrap();
}

/// The reason for which a store has refused an entry of its peer; `None` when it has not.
pub async fn refusal(side: &Side, author: Agency, seq: u64) -> Option<Reason> {
    for page in side.pages().await.values() {
        let seen = renkei_domain::page::Seen::whole(page);
        if let Some((_, refused)) = seen.refusal(author, seq) {
            return Some(refused.reason());
        }
    }
    None
}

/// The result of a body's check as a stop, for an entry that an older version does not understand.
pub fn not_understood(seq: u64) -> Fault {
    Fault::Stop(Break::NotUnderstood { seq, what: "a newer kind".to_owned() })
}
