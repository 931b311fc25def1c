//! Two agencies in memory: their journals, the pages folded from them, and the link between them. No store, no
//! signatures; judging and folding are the real ones.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use prost::Message as _;
use renkei_domain::{
    decide::decide,
    matter::Matter,
    moment::{instant, stamp},
    noun::registry,
    page::{Journal, MarkView as _, Page, Pages, Seen, View, apply},
    refusal::Refusal,
};
use renkei_proto::{
    FactKind,
    agreement::v1::{ArrivalChannel, NoticeArrived},
    journal::v1::{EntryRefused, Fact, Header, fact},
    options::v1::Reason,
    sharing::v1::{RecallAnswered, RecallDisposition},
    r#type::v1::Agency,
};

use super::choice::Choice;

/// Both agencies.
pub const BOTH: [Agency; 2] = [Agency::Ppc, Agency::Ipa];

/// One entry, as the peer gets it.
#[derive(Clone)]
pub struct Entry {
    pub header: Header,
    pub hash: [u8; 32],
    pub fact: Fact,
}

impl Entry {
    pub fn written_at(&self) -> Timestamp {
        instant(self.header.written_at.as_ref().unwrap())
    }
}

/// An act that an agency intends.
#[derive(Clone, Debug)]
pub struct Act {
    pub matter: Matter,
    pub fact: fact::Fact,
    pub answers: u64,
}

impl Act {
    pub fn new(matter: &Matter, fact: fact::Fact) -> Self {
        Self { matter: matter.clone(), fact, answers: 0 }
    }

    pub fn answering(self, answers: u64) -> Self {
        Self { answers, ..self }
    }

    /// The same in another matter.
    pub fn within(self, matter: Matter) -> Self {
        Self { matter, ..self }
    }
}

/// One agency with everything that it has stored.
#[derive(Clone)]
pub struct Party {
    pub own: Agency,
    pub now: Timestamp,
    pub pages: Pages,
    ppc: Vec<Entry>,
    ipa: Vec<Entry>,
}

impl Party {
    fn new(own: Agency) -> Self {
        Self { own, now: at("2026-11-24T09:00:00+09:00"), pages: Pages::new(), ppc: Vec::new(), ipa: Vec::new() }
    }

    /// An agency's journal as far as it is stored here.
    pub fn journal(&self, agency: Agency) -> &[Entry] {
        if agency == Agency::Ppc { &self.ppc } else { &self.ipa }
    }

    fn head(&self, agency: Agency) -> u64 {
        self.journal(agency).last().map_or(0, |entry| entry.header.seq)
    }

    pub fn view(&self) -> View<'_> {
        View::whole(&self.pages, self.own)
    }

    pub fn page(&self, matter: &Matter) -> Seen<'_> {
        self.view().page(&matter.to_string())
    }

    /// Judges an act as its author does, without writing it.
    pub fn judge(&self, act: &Act) -> Result<(), Refusal> {
        let fact = Fact { request_digest: Vec::new(), fact: Some(act.fact.clone()) };
        decide(&self.view(), &act.matter, &fact, act.answers, self.now).map(|_| ())
    }

    /// The reason for which an act is refused; `None` if it is permitted.
    pub fn refuses(&self, act: &Act) -> Option<Reason> {
        self.judge(act).err().map(|refusal| refusal.reason)
    }

    /// Writes an act that is permitted. Gives its number.
    pub fn write(&mut self, act: &Act) -> Result<u64, Refusal> {
        self.judge(act)?;
        Ok(self.say(act))
    }

    /// Writes whatever it is, as a faulty agency does.
    pub fn say(&mut self, act: &Act) -> u64 {
        let fact = Fact { request_digest: Vec::new(), fact: Some(act.fact.clone()) };
        let (matter, seq) = (act.matter.to_string(), self.head(self.own) + 1);
        let own = self.journal(self.own);
        let header = Header {
            version: 1,
            author: self.own.into(),
            incarnation: 1,
            seq,
            prev_hash: own.last().map_or([0; 32], |entry| entry.hash).to_vec(),
            matter_prev: self.pages.get(&matter).map_or([0; 32], |page| page.last_hash(Journal::Of(self.own))).to_vec(),
            entry_id: format!("{}-{seq}", self.own.id()),
            matter,
            fact_type: FactKind::of(&act.fact).name().to_owned(),
            written_at: Some(stamp(self.now)),
            seen_peer_seq: self.head(self.own.peer()),
            answers: act.answers,
            fact_sha256: sha256(&fact.encode_to_vec()).to_vec(),
            ..Header::default()
        };
        let hash = sha256(&header.encode_to_vec());
        self.hold(Entry { header, hash, fact });
        seq
    }

    /// Holds an entry without judging or answering it.
    pub fn hold(&mut self, entry: Entry) {
        fold(&mut self.pages, &entry);
        if entry.header.author() == Agency::Ppc { self.ppc.push(entry) } else { self.ipa.push(entry) }
    }

    /// Accepts the peer's next entry as a service does: judges it on its author's view, stores it, answers it.
    pub fn take(&mut self, entry: &Entry) -> Result<(), Refusal> {
        let judged = audit(&self.pages, entry);
        let (matter, seq) = (Matter::of(&entry.header.matter), entry.header.seq);
        self.hold(entry.clone());
        let answer = match (&judged, &entry.fact.fact) {
            (Err(refusal), _) => fact::Fact::EntryRefused(EntryRefused { seq, reason: refusal.reason.into() }),
            (Ok(()), Some(fact::Fact::NoticeGiven(_))) => fact::Fact::NoticeArrived(NoticeArrived {
                notice_seq: seq,
                channel: ArrivalChannel::Link.into(),
                arrived_at: Some(stamp(self.now)),
            }),
            (Ok(()), Some(fact::Fact::ItemRecalled(_))) => {
                fact::Fact::RecallAnswered(RecallAnswered { disposition: RecallDisposition::Sealed.into() })
            }
            _ => return judged,
        };
        self.write(&Act::new(&matter, answer).answering(seq)).unwrap();
        judged
    }
}

/// Two agencies and the link between them.
#[derive(Clone)]
pub struct Pair {
    pub ppc: Party,
    pub ipa: Party,
}

impl Pair {
    pub fn new() -> Self {
        Self { ppc: Party::new(Agency::Ppc), ipa: Party::new(Agency::Ipa) }
    }

    pub fn of(&self, agency: Agency) -> &Party {
        if agency == Agency::Ppc { &self.ppc } else { &self.ipa }
    }

    pub fn of_mut(&mut self, agency: Agency) -> &mut Party {
        if agency == Agency::Ppc { &mut self.ppc } else { &mut self.ipa }
    }

    /// Sets both clocks.
    pub fn at(&mut self, text: &str) -> &mut Self {
        (self.ppc.now, self.ipa.now) = (at(text), at(text));
        self
    }

    /// The peer's next entry arrives at an agency; `None` if there is none.
    pub fn deliver(&mut self, to: Agency) -> Option<(Entry, Result<(), Refusal>)> {
        let held = self.of(to).journal(to.peer()).len();
        let entry = self.of(to.peer()).journal(to.peer()).get(held)?.clone();
        let judged = self.of_mut(to).take(&entry);
        Some((entry, judged))
    }

    /// Everything arrives, `first`'s entries before the other's. Honest agencies refuse nothing.
    pub fn exchange(&mut self, first: Agency) -> &mut Self {
        for (entry, judged) in self.exchange_all(first) {
            assert_eq!(judged, Ok(()), "{} {}", entry.header.fact_type, entry.header.matter);
        }
        self
    }

    /// Applies these choices, each on the nth object of its noun, at the agency to which they belong, which has
    /// everything. Items are `opener`'s.
    pub fn after(mut self, opener: Agency, path: &[Choice], n: u8) -> Self {
        for choice in path {
            self.does(opener, *choice, n);
            self.exchange(opener);
        }
        self
    }

    /// One choice that is permitted, by whom it belongs to. Nothing is exchanged.
    pub fn does(&mut self, opener: Agency, choice: Choice, n: u8) -> u64 {
        let author = choice.author(opener);
        let act = choice.act(self.of(author), n).unwrap();
        self.of_mut(author).write(&act).unwrap()
    }

    /// Everything arrives; gives what arrived and how it was judged.
    pub fn exchange_all(&mut self, first: Agency) -> Vec<(Entry, Result<(), Refusal>)> {
        let mut arrived = Vec::new();
        loop {
            let before = arrived.len();
            for to in [first.peer(), first] {
                arrived.extend(std::iter::from_fn(|| self.deliver(to)));
            }
            if arrived.len() == before {
                return arrived;
            }
        }
    }

    /// Checks that both sides have the same pages, and that folding the journals in another order gives them too.
    pub fn assert_agree(&self) {
        let now = self.ppc.now;
        assert_eq!(bytes(&self.ppc.pages), bytes(&self.ipa.pages));
        assert_eq!(states(&self.ppc.pages, now), states(&self.ipa.pages, now));
        for first in BOTH {
            let mut pages = Pages::new();
            let both = self.ppc.journal(first).iter().chain(self.ipa.journal(first.peer()));
            both.for_each(|entry| fold(&mut pages, entry));
            assert!(pages == self.ppc.pages, "{first:?} first");
        }
    }
}

/// The receiver's judgement on the author's view.
pub fn audit(pages: &Pages, entry: &Entry) -> Result<(), Refusal> {
    let view = View::of_author(pages, entry.header.author(), &entry.header);
    let matter = Matter::of(&entry.header.matter);
    decide(&view, &matter, &entry.fact, entry.header.answers, entry.written_at()).map(|_| ())
}

pub fn fold(pages: &mut Pages, entry: &Entry) {
    let page = pages.entry(entry.header.matter.clone()).or_default();
    apply(page, Journal::Of(entry.header.author()), &entry.header, entry.hash, &entry.fact);
}

pub fn bytes(pages: &Pages) -> BTreeMap<String, Vec<u8>> {
    pages.iter().map(|(name, page)| (name.clone(), page.encode())).collect()
}

/// Everything that the desk would show of every matter.
pub fn states(pages: &Pages, now: Timestamp) -> BTreeMap<String, Vec<u8>> {
    let shown = |(name, page): (&String, &Page)| {
        let (matter, seen, etag) = (Matter::of(name), Seen::whole(page), String::new());
        let shown = registry::of(&matter).resource(&matter, seen, now, etag);
        (name.clone(), shown.unwrap_or_default())
    };
    pages.iter().map(shown).collect()
}

/// Numbers of an agency's notices that count, as an agency sees them.
pub fn notices(party: &Party, giver: Agency) -> Vec<u64> {
    let page = party.view().page(Matter::AGREEMENT);
    let given = page.marks(giver).filter(|mark| matches!(mark.stated(), Some(fact::Fact::NoticeGiven(_))));
    given.map(|mark| mark.seq).collect()
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().unwrap()
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
