//! Random acts of two agencies with random exchange. Whatever the interleaving of the two journals, both fold the same
//! pages, judge alike, and refuse nothing honest.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use proptest::{collection::vec, prelude::*};
use renkei_domain::{matter::Matter, page::MarkView as _, refusal::Refusal};
use renkei_proto::{
    journal::v1::{EntryRefused, fact},
    options::v1::Reason,
    r#type::v1::Agency,
};

use super::{
    choice::{ADVICE, CHOICES, CONSENT, Choice, ITEM},
    model::{Act, BOTH, Entry, Pair, bytes, states},
    pairs::busy,
};

/// The next step.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// An agency does something, if it is permitted.
    Act(Agency, Choice, u8),
    /// So many entries arrive at an agency.
    Arrive(Agency, u8),
    /// Time passes on both clocks, which differ.
    Hours(u16),
    /// The faulty agency writes something without asking whether it is permitted.
    Lie(Choice, u8, u8),
    /// The faulty agency refuses an entry that is right.
    Refuse(u8),
}

/// The one that may be faulty.
const FAULTY: Agency = Agency::Ipa;

fn agency() -> impl Strategy<Value = Agency> {
    prop::sample::select(BOTH.to_vec())
}

/// Of each noun as often as of another. What ends a matter is rare, so that much happens before.
fn choice() -> impl Strategy<Value = Choice> {
    let ends = |choice: &Choice| {
        use Choice::{Decline, Recall, RecallMisdirected, ReportMisdirection, WithdrawRequest};
        matches!(choice, WithdrawRequest | Decline | Recall | RecallMisdirected | ReportMisdirection)
    };
    let of = |choices: &[Choice]| {
        let going_on: Vec<Choice> = choices.iter().copied().filter(|choice| !ends(choice)).collect();
        prop_oneof![6 => prop::sample::select(going_on), 1 => prop::sample::select(choices.to_vec())]
    };
    prop_oneof![of(&CHOICES), of(&ADVICE), of(&ITEM), of(&CONSENT)]
}

/// Mostly by whom the choice belongs to.
fn act() -> impl Strategy<Value = (Agency, Choice)> {
    prop_oneof![
        4 => (agency(), choice()).prop_map(|(opener, it)| (it.author(opener), it)),
        1 => (agency(), choice()),
    ]
}

fn number() -> impl Strategy<Value = u8> {
    prop_oneof![6 => 0..2_u8, 2 => 0..4_u8, 1 => any::<u8>()]
}

fn honest() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (act(), number()).prop_map(|((agency, it), n)| Step::Act(agency, it, n)),
        3 => (agency(), 1..5_u8).prop_map(|(to, count)| Step::Arrive(to, count)),
        1 => prop::sample::select(vec![1_u16, 24, 800]).prop_map(Step::Hours),
    ]
}

fn faulty() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => honest(),
        1 => (choice(), 0..6_u8, any::<u8>()).prop_map(|(it, n, twist)| Step::Lie(it, n, twist)),
        1 => any::<u8>().prop_map(Step::Refuse),
    ]
}

/// The final entries, and the judgement of each where it arrived.
struct Said {
    pair: Pair,
    judged: BTreeMap<(Agency, u64), Option<Reason>>,
}

/// Both catalogues, two referrals of each agency, two requests of which one is accepted, and an item of each agency.
fn begun() -> Pair {
    let pair = busy(true).after(Agency::Ppc, &[Choice::AskAdvice, Choice::Accept, Choice::PublishItem], 0);
    pair.after(Agency::Ppc, &[Choice::AskAdvice], 1).after(Agency::Ipa, &[Choice::PublishItem], 1)
}

impl Said {
    fn by(steps: &[Step]) -> Self {
        let mut pair = begun();
        pair.ipa.now += 7.minutes();
        let mut said = Self { pair, judged: BTreeMap::new() };
        for entry in BOTH.iter().flat_map(|agency| said.pair.ppc.journal(*agency)) {
            said.judged.insert((entry.header.author(), entry.header.seq), None);
        }
        steps.iter().for_each(|step| said.step(*step));
        let arrived = said.pair.exchange_all(Agency::Ppc);
        arrived.into_iter().for_each(|(entry, judged)| said.note(&entry, judged));
        said
    }

    fn note(&mut self, entry: &Entry, judged: Result<(), Refusal>) {
        let reason = judged.err().map(|refusal| refusal.reason);
        self.judged.insert((entry.header.author(), entry.header.seq), reason);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Act(agency, choice, n) => {
                let party = self.pair.of_mut(agency);
                if let Some(act) = choice.act(party, n) {
                    // A refusal is an answer too.
                    let _ = party.write(&act);
                }
            }
            Step::Arrive(to, count) => {
                for _ in 0..count {
                    let Some((entry, judged)) = self.pair.deliver(to) else { break };
                    self.note(&entry, judged);
                }
            }
            Step::Hours(hours) => {
                self.pair.ppc.now += i64::from(hours).hours();
                self.pair.ipa.now += i64::from(hours).hours();
            }
            Step::Lie(choice, n, twist) => {
                let party = self.pair.of_mut(FAULTY);
                if let Some(act) = choice.act(party, n) {
                    party.try_say(&twisted(act, twist));
                }
            }
            Step::Refuse(n) => self.refuse(n),
        }
    }

    /// The faulty agency refuses one of the other's entries, in good form and for no reason.
    fn refuse(&mut self, n: u8) {
        let party = self.pair.of_mut(FAULTY);
        let held = party.journal(FAULTY.peer());
        if held.is_empty() {
            return;
        }
        let header = held[usize::from(n) % held.len()].header.clone();
        let refused = EntryRefused { seq: header.seq, reason: Reason::FactDiffers.into() };
        let act = Act::new(&Matter::of(&header.matter), fact::Fact::EntryRefused(refused)).answering(header.seq);
        // An entry that may not be refused, or is refused already, stays as it is.
        let _ = party.write(&act);
    }
}

/// Makes something wrong of an act: another author's matter, a wrong answer, or nothing but its being unasked.
fn twisted(act: Act, twist: u8) -> Act {
    match twist % 4 {
        0 => {
            let opener = act.matter.opener.peer();
            act.clone().within(Matter { opener, ..act.matter })
        }
        1 => act.answering(1),
        2 => act.within(Matter::of("agencies/ipa/referrals/somewhere")),
        _ => act,
    }
}

/// A receiver of one agency's journal may accept its entries as early or as late as it likes.
fn assert_any_interleaving_gives_the_same(said: &Said, late: &[bool]) {
    for author in BOTH {
        let (own, arriving) = (said.pair.ppc.journal(author.peer()), said.pair.ppc.journal(author));
        let (mut own, mut arriving) = (own.iter().peekable(), arriving.iter().peekable());
        let mut receiver = Pair::new().of(author.peer()).clone();
        let mut held = 0;
        let mut late = late.iter().cycle();
        while own.peek().is_some() || arriving.peek().is_some() {
            let may_arrive = arriving.peek().is_some_and(|entry| entry.header.seen_peer_seq <= held);
            let waits = own.peek().is_some() && (!may_arrive || *late.next().unwrap());
            let entry = if waits { own.next().unwrap() } else { arriving.next().unwrap() };
            if waits {
                held = entry.header.seq;
            } else {
                let key = (author, entry.header.seq);
                if let Some(judged) = receiver.judges_arrival(entry) {
                    assert_eq!(said.judged.get(&key), Some(&judged.err()), "{key:?} {}", entry.header.fact_type);
                }
            }
            receiver.hold(entry.clone());
        }
        let now = said.pair.ppc.now;
        assert_eq!(bytes(&receiver.pages), bytes(&said.pair.ppc.pages));
        assert_eq!(states(&receiver.pages, now), states(&said.pair.ppc.pages, now));
    }
}

/// Every entry that was refused on arrival is refused on both sides, and is skipped.
fn assert_refusals_are_written(said: &Said) {
    for (author, seq) in said.judged.iter().filter(|(_, reason)| reason.is_some()).map(|(key, _)| *key) {
        let entry = &said.pair.ppc.journal(author)[usize::try_from(seq).unwrap() - 1];
        let matter = Matter::of(&entry.header.matter);
        for party in [&said.pair.ppc, &said.pair.ipa] {
            assert!(party.page(&matter).refusal(author, seq).is_some());
            assert!(party.page(&matter).marks(author).all(|mark| mark.seq != seq));
            let kept = party.page(&matter).all(author).any(|mark| mark.seq == seq && mark.kind().is_some());
            assert!(kept, "a refused entry is folded like any other");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn honest_agencies_agree_and_refuse_nothing(
        steps in vec(honest(), 1..90),
        late in vec(any::<bool>(), 1..64),
    ) {
        let said = Said::by(&steps);
        let refused: Vec<_> = said.judged.iter().filter(|(_, reason)| reason.is_some()).collect();
        prop_assert!(refused.is_empty(), "{:?}", refused);
        said.pair.assert_agree();
        assert_any_interleaving_gives_the_same(&said, &late);
    }

    #[test]
    fn a_faulty_agency_is_refused_alike_and_never_makes_the_honest_one_refusable(
        steps in vec(faulty(), 1..90),
        late in vec(any::<bool>(), 1..64),
    ) {
        let said = Said::by(&steps);
        let mut honest = said.judged.iter().filter(|((author, _), _)| *author == FAULTY.peer());
        prop_assert!(honest.all(|(_, reason)| reason.is_none()));
        said.pair.assert_agree();
        assert_refusals_are_written(&said);
        assert_any_interleaving_gives_the_same(&said, &late);
    }
}
