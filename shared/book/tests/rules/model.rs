//! Two agencies in memory: the real book of each, and the link between them. Nothing is missing but the database, the
//! network and the desk.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use prost::Message as _;
use renkei_book::{
    Agreements, Arrive, Arriving, Body, CallOrigin, Command as _, Counters, Heads, Rows, Settle, Stage, Staged,
};
use renkei_domain::{
    decide::decide,
    matter::Matter,
    moment::Moment,
    noun::{journal, registry},
    page::{Journal, MarkView as _, Page, Pages, Seen, View},
    read_set::ReadSet,
    refusal::Refusal,
    tally::TallyKind,
};
use renkei_journal::{
    Draft, PublicKeys, SigningKey, chain, check_content, check_fact, generate_pkcs8, verify_signature,
};
use renkei_proto::{
    Sentence,
    journal::v1::{Entry as SignedEntry, Fact, Header, SaltedContent, fact},
    link::v1::Stop,
    options::v1::Reason,
    r#type::v1::Agency,
};

use super::{choice::Choice, content::content_for};

/// Both agencies.
pub const BOTH: [Agency; 2] = [Agency::Ppc, Agency::Ipa];

/// The units of both agencies.
const UNITS: [&str; 2] = ["incident-response", "policy"];

static KEYS: LazyLock<[SigningKey; 2]> = LazyLock::new(|| {
    BOTH.map(|agency| {
        let seed = if agency == Agency::Ppc { 1 } else { 2 };
        SigningKey::from_pkcs8(format!("{}-2026", agency.id()), &generate_pkcs8(&[seed; 32])).unwrap()
    })
});

fn key_of(agency: Agency) -> &'static SigningKey {
    &KEYS[usize::from(agency == BOTH[1])]
}

/// One entry, as the peer gets it.
#[derive(Clone)]
pub struct Entry {
    pub header: Header,
    pub hash: [u8; 32],
    pub fact: Fact,
    signed: SignedEntry,
}

impl Entry {
    fn of(signed: SignedEntry) -> Self {
        Self {
            header: Header::decode(signed.header.as_slice()).unwrap(),
            hash: renkei_journal::header_hash(&signed.header),
            fact: Fact::decode(signed.fact.as_slice()).unwrap(),
            signed,
        }
    }

    /// The entry as a receiver hands it to its writer.
    fn arriving(&self) -> Arriving {
        let author = key_of(self.header.author());
        let mut keys = PublicKeys::new();
        keys.add(author.key_id(), author.public_key(), 1).unwrap();
        let entry = self.signed.clone();
        let opened = verify_signature(&entry, &keys).unwrap();
        let (fact, content) = (check_fact(&entry, &opened), check_content(&entry, &opened));
        Arriving { entry, opened, fact, content }
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
    heads: Heads,
    opened: BTreeMap<String, u64>,
    counters: Counters,
    ids: BTreeSet<String>,
    units: Arc<BTreeSet<String>>,
    ppc: Vec<Arc<Entry>>,
    ipa: Vec<Arc<Entry>>,
}

impl Party {
    fn new(own: Agency) -> Self {
        Self {
            own,
            now: at("2026-11-24T09:00:00+09:00"),
            pages: Pages::new(),
            heads: Heads::default(),
            opened: BTreeMap::new(),
            counters: Counters::new(),
            ids: BTreeSet::new(),
            units: Arc::new(UNITS.map(str::to_owned).into()),
            ppc: Vec::new(),
            ipa: Vec::new(),
        }
    }

    /// Gives the agency another unit, and settles a matter as the next start of its service does.
    pub fn add_unit(&mut self, unit: &str, matter: &Matter) {
        Arc::make_mut(&mut self.units).insert(unit.to_owned());
        let settle = Settle { matters: vec![matter.clone()], units: self.units.as_ref().clone() };
        let moment = self.moment();
        self.run(settle.reads(&moment), |stage| settle.run(stage, &moment)).unwrap();
    }

    /// The next ordinal of a kind of matter in a year; year 0 counts all years.
    pub fn next(&self, year: u32, kind: &TallyKind) -> u64 {
        self.counters.get(&(year, kind.clone())).copied().unwrap_or_default() + 1
    }

    /// An agency's journal as far as it is stored here.
    pub fn journal(&self, agency: Agency) -> &[Arc<Entry>] {
        if agency == Agency::Ppc { &self.ppc } else { &self.ipa }
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
        let content = content_for(&act.matter, &act.fact);
        let reads = registry::reads(&act.matter.to_string(), &act.fact);
        self.run(reads, |stage| stage.write(&act.matter, act.fact.clone(), content, act.answers))
    }

    /// Writes whatever it is, as a faulty agency does.
    pub fn say(&mut self, act: &Act) -> u64 {
        self.try_say(act).unwrap()
    }

    /// Writes whatever it is; `None` if the fact breaks the contract, so that no receiver would understand it.
    pub fn try_say(&mut self, act: &Act) -> Option<u64> {
        let (matter, journal, moment) = (act.matter.to_string(), Journal::Of(self.own), self.moment());
        let content = content_for(&act.matter, &act.fact);
        let draft = Draft {
            entry_id: moment.id("said", 0),
            matter_prev: self.pages.get(&matter).map(|page| page.last_hash(journal)).unwrap_or_default(),
            matter,
            content: content.map(|content| SaltedContent { salt: moment.bytes("salt", 0).to_vec(), content }).into(),
            written_us: self.now.as_microsecond().max(self.heads.last_us()),
            seen_peer_seq: self.heads.peer.seq,
            answers: act.answers,
            methods_version: 0,
            blobs: Vec::new(),
            unit: String::new(),
            traceparent: String::new(),
            fact: Fact { request_digest: Vec::new(), fact: Some(act.fact.clone()) },
        };
        let chained = chain(draft, &self.heads.previous(self.own, journal, &Agreements::built_in())).ok()?;
        let entry = Entry::of(chained.sign(key_of(self.own)));
        // An own entry that arrives is not judged again.
        assert_eq!(self.arrive(&entry), Stop::default());
        Some(self.heads.own.seq)
    }

    /// Accepts the peer's next entry as a service does: judges it on its author's view, stores it, answers it.
    pub fn take(&mut self, entry: &Entry) -> Result<(), Refusal> {
        assert_eq!(self.arrive(entry), Stop::default(), "{}", entry.header.fact_type);
        let view = self.view();
        let refused = view.page(&entry.header.matter).refusal(entry.header.author(), entry.header.seq);
        refused.map_or(Ok(()), |(_, refused)| Err(Refusal::new(refused.reason(), Sentence::for_developers(""))))
    }

    /// The judgement of the peer's next entry if it arrived now; `None` if its answer is already here, as in a recovery.
    /// Nothing is stored.
    pub fn judges_arrival(&self, entry: &Entry) -> Option<Result<(), Reason>> {
        let (own, seq) = (self.own, entry.header.seq);
        let view = self.view();
        let mut answers = view.page(&entry.header.matter).all(own).filter(|mark| mark.answers == seq);
        if answers.any(|mark| mark.stated().is_some_and(|fact| registry::of_fact(fact).is_automatic(fact))) {
            return None;
        }
        let (stop, staged) = self.stage_arrival(entry);
        assert_eq!(stop, Stop::default(), "{}", entry.header.fact_type);
        let page = Seen::whole(&staged.pages[&entry.header.matter].page);
        Some(page.refusal(entry.header.author(), seq).map_or(Ok(()), |(_, refused)| Err(refused.reason())))
    }

    fn arrive(&mut self, entry: &Entry) -> Stop {
        let (stop, staged) = self.stage_arrival(entry);
        self.keep(staged);
        stop
    }

    fn stage_arrival(&self, entry: &Entry) -> (Stop, Staged) {
        let arrive = Arrive {
            own: self.own,
            journal: entry.header.author(),
            entries: vec![entry.arriving()],
            last_try: true,
            units: Arc::clone(&self.units),
        };
        let moment = self.moment();
        let (stop, staged) = self.stage(arrive.reads(&moment), |stage| arrive.run(stage, &moment));
        (stop.unwrap(), staged)
    }

    /// Stores an entry without judging or answering it.
    pub fn hold(&mut self, entry: Arc<Entry>) {
        let journal = Journal::Of(entry.header.author());
        self.heads.turn += 1;
        self.heads.advance(self.own, journal, &entry.header, entry.hash);
        let page = Arc::make_mut(self.pages.entry(entry.header.matter.clone()).or_default());
        let effects = renkei_book::fold(self.own, page, journal, &entry.header, entry.hash, &entry.fact);
        for tally in effects.tallies {
            let counter = self.counters.entry((tally.year, tally.kind.clone())).or_default();
            *counter += tally.by(*counter);
        }
        self.opened.entry(entry.header.matter.clone()).or_insert(self.heads.turn);
        self.ids.insert(entry.header.entry_id.clone());
        self.keep_entry(entry);
    }

    fn keep_entry(&mut self, entry: Arc<Entry>) {
        if entry.header.author() == Agency::Ppc { self.ppc.push(entry) } else { self.ipa.push(entry) }
    }

    /// The moment of the next entry, with randomness that no other entry has.
    fn moment(&self) -> Moment {
        let mut seed = sha256(&self.heads.turn.to_be_bytes());
        seed[0] = u8::from(self.own == Agency::Ppc);
        Moment::new(self.now, seed)
    }

    fn run<T>(&mut self, reads: ReadSet, command: impl FnOnce(&mut Stage) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let (outcome, staged) = self.stage(reads, command);
        self.keep(staged);
        outcome
    }

    /// Runs a command as a batch of its own, on the rows that it reads and on no others.
    fn stage<T>(
        &self,
        reads: ReadSet,
        command: impl FnOnce(&mut Stage) -> Result<T, Refusal>,
    ) -> (Result<T, Refusal>, Staged) {
        let moment = self.moment();
        let mut stage = Stage::new(self.own, self.heads.clone(), moment.clone());
        stage.load(self.rows(reads));
        let outcome = stage.run(&CallOrigin::own("rule"), &moment, |stage, _| command(stage));
        (outcome, stage.finish().0)
    }

    /// The rows that a store loads for this read set.
    fn rows(&self, mut reads: ReadSet) -> Rows {
        reads.matters.insert(Matter::AGREEMENT.to_owned());
        reads.matters.extend(BOTH.map(journal::name));
        let lists: Vec<_> = reads.lists.iter().map(|(collection, opener)| collection.prefix(*opener)).collect();
        let is_read = |name: &str| reads.matters.contains(name) || lists.iter().any(|prefix| name.starts_with(prefix));
        let pages = self.pages.iter().filter(|(name, _)| is_read(name));
        let opened = |name| self.opened.get(name).copied().unwrap_or(1);
        let counters = self.counters.iter().filter(|((year, _), _)| reads.years.contains(year));
        Rows {
            pages: pages.map(|(name, page)| (name.clone(), (page.clone(), opened(name)))).collect(),
            counters: counters.map(|(key, last)| (key.clone(), *last)).collect(),
            ids: reads.ids.intersection(&self.ids).cloned().collect(),
            years: reads.years,
            matters: reads.matters,
            ..Rows::default()
        }
    }

    /// Keeps the results of a batch.
    fn keep(&mut self, staged: Staged) {
        self.heads = staged.heads;
        for (name, changed) in staged.pages {
            self.opened.insert(name.clone(), changed.opened);
            self.pages.insert(name, changed.page);
        }
        for (key, by) in staged.counted {
            *self.counters.entry(key).or_default() += by;
        }
        for entry in staged.entries {
            self.ids.insert(entry.header.entry_id.clone());
            if entry.journal != Journal::Private {
                let signed = match entry.body {
                    Body::Own(chained) => chained.sign(key_of(self.own)),
                    Body::Arrived(signed) => signed,
                };
                self.keep_entry(Arc::new(Entry::of(signed)));
            }
        }
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
    pub fn deliver(&mut self, to: Agency) -> Option<(Arc<Entry>, Result<(), Refusal>)> {
        let held = self.of(to).journal(to.peer()).len();
        let entry = self.of(to.peer()).journal(to.peer()).get(held)?.clone();
        let judged = self.of_mut(to).take(&entry);
        Some((entry, judged))
    }

    /// An agency acts, and everything arrives: the number of its entry.
    pub fn writes(&mut self, author: Agency, act: &Act) -> u64 {
        let seq = self.of_mut(author).write(act).unwrap();
        self.exchange(author).assert_agree();
        seq
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
    pub fn exchange_all(&mut self, first: Agency) -> Vec<(Arc<Entry>, Result<(), Refusal>)> {
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

pub fn fold(pages: &mut Pages, entry: &Entry) {
    let page = Arc::make_mut(pages.entry(entry.header.matter.clone()).or_default());
    renkei_book::fold(Agency::Ppc, page, Journal::Of(entry.header.author()), &entry.header, entry.hash, &entry.fact);
}

pub fn bytes(pages: &Pages) -> BTreeMap<String, Vec<u8>> {
    pages.iter().map(|(name, page)| (name.clone(), page.encode())).collect()
}

/// Everything that the desk would show of every matter.
pub fn states(pages: &Pages, now: Timestamp) -> BTreeMap<String, Vec<u8>> {
    let shown = |(name, page): (&String, &Arc<Page>)| {
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
