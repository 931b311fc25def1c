//! A journal that is easy to write: fixed keys, counted ids, salts and times.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made ends the test")]

use std::collections::BTreeMap;

use prost::Message as _;
use renkei_journal::{
    Break, Draft, Hash, Head, Lie, Previous, Proven, PublicKeys, SigningKey, chain, generate_pkcs8, header_hash,
    sign_header, verify_all,
};
use renkei_proto::{
    agreement::v1::{NoticeGiven, NoticeKind},
    journal::v1::{
        BlobRef, Entry, Fact, Header, JournalReopened, KeyAdded, KeyRevoked, KindsSpoken, SaltedContent, fact,
    },
    r#type::v1::Agency,
};

pub const AGREEMENT: Hash = [0xa9; 32];
/// The instant 2026-04-01T00:00:00Z.
pub const WRITTEN_US: i64 = 1_775_001_600_000_000;
pub const OWN: &str = "agencies/ppc/journal";
pub const NOTICES: &str = "agreement";

pub fn signing_key(key_id: &str, seed: u8) -> SigningKey {
    SigningKey::from_pkcs8(key_id, &generate_pkcs8(&[seed; 32])).unwrap()
}

pub fn ppc() -> SigningKey {
    signing_key("ppc-2026", 1)
}

pub fn keys_of(key: &SigningKey) -> PublicKeys {
    let mut keys = PublicKeys::new();
    keys.add(key.key_id(), key.public_key(), 1).unwrap();
    keys
}

pub fn start() -> Previous {
    Previous::start(Agency::Ppc, AGREEMENT)
}

pub fn fact(kind: fact::Fact) -> Fact {
    Fact { request_digest: Vec::new(), fact: Some(kind) }
}

pub fn notice() -> Fact {
    fact(fact::Fact::NoticeGiven(NoticeGiven { kind: NoticeKind::Other.into(), term: 1, document: String::new() }))
}

pub fn kinds() -> Fact {
    fact(fact::Fact::KindsSpoken(KindsSpoken { kinds: vec!["notice_given".into(), "kinds_spoken".into()] }))
}

pub fn added(key: &SigningKey) -> Fact {
    fact(fact::Fact::KeyAdded(KeyAdded { key_id: key.key_id().to_owned(), public_key: key.public_key().to_vec() }))
}

pub fn revoked(key_id: &str) -> Fact {
    fact(fact::Fact::KeyRevoked(KeyRevoked { key_id: key_id.to_owned() }))
}

pub fn reopened(incarnation: u32) -> Fact {
    fact(fact::Fact::JournalReopened(JournalReopened { incarnation }))
}

pub fn content(n: u8) -> SaltedContent {
    SaltedContent { salt: vec![n; 32], content: format!("content of number {n}").into_bytes() }
}

/// A draft that follows `previous` and is the first of its matter.
pub fn draft(previous: &Previous, matter: &str, fact: Fact) -> Draft {
    let seq = previous.head.seq + 1;
    Draft {
        entry_id: format!("0196c0de-0000-7000-8000-{seq:012x}"),
        matter: matter.to_owned(),
        matter_prev: [0; 32],
        fact,
        content: None.into(),
        written_us: WRITTEN_US + i64::try_from(seq).unwrap() * 1_500_000,
        seen_peer_seq: seq / 2,
        answers: 0,
        methods_version: 0,
        blobs: Vec::new(),
        unit: "cyber".to_owned(),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
    }
}

/// Writes one journal.
pub struct Writer {
    pub key: SigningKey,
    pub last: Previous,
    matters: BTreeMap<String, Hash>,
    pub entries: Vec<Entry>,
}

impl Writer {
    pub fn new() -> Self {
        Self { key: ppc(), last: start(), matters: BTreeMap::new(), entries: Vec::new() }
    }

    pub fn say(&mut self, matter: &str, fact: Fact, content: Option<SaltedContent>) {
        let mut draft = draft(&self.last, matter, fact);
        draft.matter_prev = self.matters.get(matter).copied().unwrap_or_default();
        let has_texts = content.is_some();
        draft.content = content.into();
        if has_texts {
            let id = "5d0c3f1e-9d3b-4c55-8b0a-3c1f3c6d7e8f".to_owned();
            draft.blobs = vec![BlobRef { id, commitment: vec![0xb1; 32], size: 70_000 }];
        }
        let chained = chain(draft, &self.last).unwrap();
        self.last = chained.previous(&self.last);
        self.matters.insert(matter.to_owned(), chained.hash());
        self.entries.push(chained.sign(&self.key));
    }
}

/// `n` entries with content, in two matters in turn.
pub fn journal(n: u8) -> Vec<Entry> {
    let mut writer = Writer::new();
    for i in 1..=n {
        let (matter, fact) = if i % 2 == 1 { (NOTICES, notice()) } else { (OWN, kinds()) };
        writer.say(matter, fact, Some(content(i)));
    }
    writer.entries
}

/// The head and the lies of a journal of [`ppc`].
pub fn prove(entries: &[Entry]) -> Result<(Head, Vec<Lie>), Break> {
    let mut lies = Vec::new();
    let proven = proof(entries, &keys_of(&ppc()), |lie| lies.push(lie))?;
    Ok((proven.head(), lies))
}

pub fn proof(entries: &[Entry], keys: &PublicKeys, lie: impl FnMut(Lie)) -> Result<Proven, Break> {
    verify_all(entries.iter().cloned(), keys, start(), lie)
}

pub fn head(entries: &[Entry]) -> Head {
    let last = entries.last().unwrap();
    Head { seq: header(last).seq, hash: header_hash(&last.header) }
}

pub fn header(entry: &Entry) -> Header {
    Header::decode(entry.header.as_slice()).unwrap()
}

/// Writes another header and signs it, as a lying author could.
pub fn forge(entry: &mut Entry, key: &SigningKey, change: impl FnOnce(&mut Header)) {
    let mut header = header(entry);
    change(&mut header);
    forge_bytes(entry, key, header.encode_to_vec());
}

pub fn forge_bytes(entry: &mut Entry, key: &SigningKey, header: Vec<u8>) {
    entry.signature = sign_header(key, &header).to_vec();
    key.key_id().clone_into(&mut entry.key_id);
    entry.header = header;
}
