//! The states of a noun and the facts that lead from one to another, found by playing: from the opening fact on, every act that the
//! rules permit is carried out, and arrives before the next one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use renkei_domain::{
    matter::Matter,
    noun::{StateName, registry},
    page::{Seen, View},
};
use renkei_proto::{FactKind, r#type::v1::Agency};

use super::model::{Act, Entry, Pair, at, fold};

/// A time at which nothing that a play limits in time lasts any more.
const END: &str = "2027-01-04T09:00:00+09:00";

/// The acts that both agencies may try, by the opener of the matter.
pub type Acts = fn(&Pair, Agency) -> Vec<(Agency, Act)>;

/// A noun as it is played.
pub struct Played {
    /// The agencies that open its matters.
    pub openers: &'static [Agency],
    /// The books before the matter is opened.
    pub start: fn(Agency) -> Pair,
    /// The matter that is played, by its opener.
    pub matter: fn(Agency) -> Matter,
    /// Everything that an agency may try, whether it is permitted or not. Each of these is played by itself, because acts that do
    /// not concern each other would be played in all their orders.
    pub acts: &'static [Acts],
    /// The state, by the opener.
    pub state: fn(Seen<'_>, &Matter, Timestamp, Agency) -> StateName,
    /// True if states end by time.
    pub ends_by_time: bool,
}

/// The cause of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A fact, by the number of its kind, that the opener wrote or the other agency did, by an official or by its service.
    Fact { number: u32, by_opener: bool, by_service: bool },
    /// Nothing but time.
    Time,
}

/// What was found: the states in the order in which they were reached, and the changes between their places in it.
#[derive(Default)]
pub struct Found {
    pub states: Vec<StateName>,
    pub changes: BTreeMap<(usize, usize), BTreeSet<Cause>>,
}

impl Found {
    fn place(&mut self, state: StateName) -> usize {
        self.states.iter().position(|it| *it == state).unwrap_or_else(|| {
            self.states.push(state);
            self.states.len() - 1
        })
    }

    fn change(&mut self, from: StateName, to: StateName, cause: Cause) {
        let places = (self.place(from), self.place(to));
        self.changes.entry(places).or_default().insert(cause);
    }
}

/// Plays a noun until no page is left that differs from those before.
pub fn play(noun: &Played) -> Found {
    let mut found = Found::default();
    for opener in noun.openers {
        for acts in noun.acts {
            Playing { noun, opener: *opener, matter: (noun.matter)(*opener), found: &mut found }.all(*acts);
        }
    }
    found
}

struct Playing<'a> {
    noun: &'a Played,
    opener: Agency,
    matter: Matter,
    found: &'a mut Found,
}

impl Playing<'_> {
    fn all(&mut self, acts: Acts) {
        let mut ready = VecDeque::from([((self.noun.start)(self.opener), BTreeSet::new())]);
        let mut met = BTreeSet::new();
        while let Some((pair, mut passed)) = ready.pop_front() {
            let tried = acts(&pair, self.opener).into_iter();
            let permitted: Vec<_> = tried.filter(|(by, act)| pair.of(*by).judge(act).is_ok()).collect();
            let mut next: Vec<Pair> = permitted.iter().map(|(by, act)| self.after(&pair, *by, act)).collect();
            next.extend(self.later(&pair));
            let kinds: Vec<u32> = permitted.iter().map(|(_, act)| FactKind::of(&act.fact).rule().number).collect();
            passed.insert(self.state(&pair).id);
            // Pages are alike in one state, after the same states, with the same acts permitted. Every act is carried out on each
            // of them, because they may differ in a number, such as that of open questions; but only one is played on.
            if met.insert((self.state(&pair).id, kinds, passed.clone(), pair.ppc.now)) {
                ready.extend(next.into_iter().map(|it| (it, passed.clone())));
            }
        }
    }

    fn state(&self, pair: &Pair) -> StateName {
        self.state_of(pair.ppc.page(&self.matter), pair.ppc.now)
    }

    fn state_of(&self, seen: Seen<'_>, now: Timestamp) -> StateName {
        (self.noun.state)(seen, &self.matter, now, self.opener)
    }

    /// The pair after an act and everything that the services write by themselves when it arrives.
    fn after(&mut self, before: &Pair, by: Agency, act: &Act) -> Pair {
        let (mut pair, mut pages, now) = (before.clone(), before.ppc.pages.clone(), before.ppc.now);
        pair.of_mut(by).write(act).unwrap();
        let mut state = self.state(before);
        // What arrives first was written first, because nothing is written before an act but what answers it.
        for (entry, judged) in pair.exchange_all(by) {
            assert_eq!(judged, Ok(()), "{}", entry.header.fact_type);
            fold(&mut pages, &entry);
            let next = self.state_of(View::whole(&pages, Agency::Ppc).page(&self.matter.to_string()), now);
            self.found.change(state, next, self.cause(&entry));
            state = next;
        }
        pair
    }

    fn cause(&self, entry: &Entry) -> Cause {
        let fact = entry.fact.fact.as_ref().unwrap();
        Cause::Fact {
            number: FactKind::of(fact).rule().number,
            by_opener: entry.header.author() == self.opener,
            by_service: registry::of_fact(fact).is_automatic(fact),
        }
    }

    /// The pair after a long time, for a noun whose states end by it.
    fn later(&mut self, before: &Pair) -> Option<Pair> {
        if !self.noun.ends_by_time {
            return None;
        }
        let mut pair = before.clone();
        (pair.ppc.now, pair.ipa.now) = (at(END), at(END));
        let (from, to) = (self.state(before), self.state(&pair));
        if from != to {
            self.found.change(from, to, Cause::Time);
        }
        Some(pair)
    }
}
