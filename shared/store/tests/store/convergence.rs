//! Two registers that exchange their journals in any order have the same pages.

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use renkei_book::Declined;
use renkei_domain::{
    matter::Matter,
    noun::registry,
    page::{Journal, MarkView as _, Seen},
};
use renkei_proto::{
    journal::v1::{Entry, fact::Fact},
    link::v1::Stop,
    referral::v1::SchemeRevised,
    r#type::v1::Agency,
};
use renkei_store::Error;

use super::{
    acts::{
        Act, about, assent, follow_up, give, issue, notice, publish, revise, revise_judgement, terms, withdraw,
        withdraw_notice, wrong_code,
    },
    database::Engine,
    disposal::dispose,
    link::{Pair, arrive, carry, forge, forged, receipt_of, take_receipt},
    sharing::{everybody, share},
    side::{ERASE, Side, at_once, runtime},
};

/// One step of the run. `true` is PPC.
#[derive(Clone, Debug)]
enum Step {
    /// One side acts, or is refused by its own service.
    Act(bool, u8, u64),
    /// One side writes a forbidden act: its own service does not judge it.
    Lie(bool, u8),
    /// The other side accepts some of the entries that one wrote.
    Carry(bool, usize),
    /// One side signs a receipt for the stored entries.
    Receipt(bool),
    /// The content of one's first entry is erased at the other.
    Erase(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<bool>(), 0_u8..16, 0_u64..4).prop_map(|(who, kind, pick)| Step::Act(who, kind, pick)),
        1 => (any::<bool>(), 0_u8..4).prop_map(|(who, kind)| Step::Lie(who, kind)),
        5 => (any::<bool>(), 1_usize..4).prop_map(|(from, most)| Step::Carry(from, most)),
        2 => any::<bool>().prop_map(Step::Receipt),
        1 => any::<bool>().prop_map(Step::Erase),
    ]
}

/// The numbers of one side's entries about the agreement that `which` selects, with the numbers that they name.
async fn notices(side: &Side, of: Agency, which: impl Fn(&Fact) -> Option<u64>) -> Vec<(u64, u64)> {
    let page = side.store.page(Matter::AGREEMENT).await.unwrap().unwrap_or_default();
    let marks = page.marks(Journal::Of(of)).iter();
    marks.filter_map(|mark| mark.stated().and_then(&which).map(|named| (mark.seq, named))).collect()
}

async fn act(side: &Side, kind: u8, pick: u64) -> Act {
    let (own, place) = (side.own, usize::try_from(pick).unwrap());
    let id = ["leak", "virus", "access", "other"][place];
    match kind {
        0 | 1 => publish(own, id),
        2 => revise(own, id),
        3 => withdraw(own, id),
        4 | 5 => issue(own, pick, id, "report"),
        6 => give(own, pick),
        7 => follow_up(own, pick, id),
        8 => revise_judgement(own, pick),
        9 => notice(),
        10 => {
            let given = notices(side, own, |fact| matches!(fact, Fact::NoticeGiven(_)).then_some(0)).await;
            withdraw_notice(given.get(place % given.len().max(1)).map_or(1, |(seq, _)| *seq))
        }
        11 => {
            let withdrawn = |fact: &Fact| if let Fact::NoticeWithdrawn(it) = fact { Some(it.notice_seq) } else { None };
            let withdrawn = notices(side, own.peer(), withdrawn).await;
            let (seq, notice) = withdrawn.last().copied().unwrap_or((2, 1));
            assent(notice, seq)
        }
        12 => wrong_code(own),
        13 if own == Agency::Ipa => share(pick, everybody()),
        _ => dispose(own, pick),
    }
}

async fn lie(side: &Side, kind: u8) -> Entry {
    let fact = Fact::SchemeRevised(SchemeRevised { version: 77, terms: Some(terms()) });
    let matter = ["leak", "virus", "access", "never"][usize::from(kind)];
    let matter = format!("agencies/{}/schemes/{matter}", side.own.id());
    let mut entry = forged(side, &matter, fact, about("a lie")).await;
    if kind == 2 {
        forge(&mut entry, side.own, |header| header.matter_prev[3] ^= 1);
    }
    entry
}

/// The lies, by author and number.
type Lies = BTreeSet<(Agency, u64)>;

async fn take(pair: &Pair, step: &Step, lies: &mut Lies) {
    let side = |is_ppc: bool| if is_ppc { (&pair.ppc, &pair.ipa) } else { (&pair.ipa, &pair.ppc) };
    match *step {
        Step::Act(who, kind, pick) => {
            let (side, _) = side(who);
            match side.act(act(side, kind, pick).await).await {
                Ok(_) | Err(Error::Declined(Declined::Refused(_))) => {}
                Err(error) => panic!("{error}"),
            }
        }
        Step::Lie(who, kind) => {
            let (side, _) = side(who);
            // An own entry that comes over the link is accepted as written: it was judged at that time.
            assert_eq!(arrive(side, side.own, vec![lie(side, kind).await]).await.unwrap(), Stop::default());
            lies.insert((side.own, side.heads().own.seq));
        }
        Step::Carry(from, most) => {
            let (from, to) = side(from);
            assert_eq!(carry(from, to, most).await, Stop::default(), "an honest journal never stops");
        }
        Step::Receipt(who) => {
            let (holder, author) = side(who);
            take_receipt(author, receipt_of(holder)).await.unwrap();
        }
        Step::Erase(who) => {
            let (author, holder) = side(who);
            holder.tamper(&format!("{ERASE} WHERE journal = '{}' AND seq = 1", author.own.id())).await;
        }
    }
}

/// The entries that a side knows to be refused.
async fn refused(side: &Side) -> Lies {
    let mut all = Lies::new();
    for page in side.pages().await.values() {
        for author in [Agency::Ppc, Agency::Ipa] {
            let marks = page.marks(Journal::Of(author)).iter();
            all.extend(
                marks.filter(|it| Seen::whole(page).refusal(author, it.seq).is_some()).map(|it| (author, it.seq)),
            );
        }
    }
    all
}

/// The entries whose texts a side has although it has erased them.
async fn kept_in_spite(side: &Side) -> Vec<(Journal, u64)> {
    let (pages, mut kept) = (side.pages().await, Vec::new());
    for journal in [Journal::Of(Agency::Ppc), Journal::Of(Agency::Ipa)] {
        for held in side.entries(journal).await.iter().filter(|held| held.content_present) {
            let noun = registry::of(&Matter::of(&held.header.matter));
            let disposed = noun.disposed(side.own, Seen::whole(&pages[&held.header.matter]));
            if disposed.covers(side.own, journal, held.header.seq) {
                kept.push((journal, held.header.seq));
            }
        }
    }
    kept
}

async fn converge(engine: Engine, steps: &[Step]) {
    let pair = Pair::on(engine).await;
    let mut lies = Lies::new();
    for side in [&pair.ppc, &pair.ipa] {
        side.act(publish(side.own, "leak")).await.unwrap();
        side.act(publish(side.own, "virus")).await.unwrap();
    }
    pair.settle().await;
    for step in steps {
        take(&pair, step, &mut lies).await;
    }
    pair.settle().await;
    pair.assert_equal().await;
    for side in [&pair.ppc, &pair.ipa] {
        assert_eq!(refused(side).await, lies, "lies are refused, and nothing else is");
        assert_eq!(side.audit().await, []);
        assert_eq!(kept_in_spite(side).await, [], "a text that was erased is not there");
        let heads = side.heads();
        assert_eq!((heads.own.receipted, heads.own.receipted_own), (heads.own.seq, heads.peer.seq));
    }
}

/// The seed is fixed, so every run does the same; a failure names the steps.
#[test]
fn any_interleaving_of_the_two_journals_gives_equal_pages() {
    at_once(
        [(Engine::Sqlite, 24), (Engine::Postgres, 12)]
            .into_iter()
            .map(|(engine, cases)| (engine, move || interleave(engine, cases))),
    );
}

fn interleave(engine: Engine, cases: u32) {
    let runtime = runtime();
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&proptest::collection::vec(step(), 20..100), |steps| {
        let done = runtime.block_on(async { tokio::spawn(async move { converge(engine, &steps).await }).await });
        done.map_err(|panic| TestCaseError::fail(panic.to_string()))
    });
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}
