//! Technical advice while the link is down: what each side may do in each state, and every pair of acts that both have
//! possible, in both orders. Both sides end with the same page, and neither refuses anything.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use futures::future::join_all;
use renkei_client::Answer;
use renkei_proto::{
    advice::v1::{AdviceRequest, AdviceStage, Submission, advice_request::State},
    options::v1::Reason,
    r#type::v1::Agency,
};
use renkei_tools::{
    acts::{Acts, both, same_journals, settle},
    pair::Pair,
    scenario::start,
};

use crate::advice::at_both;

/// An act of an official.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Supplement,
    SupplementQuestion,
    Clarify,
    Further,
    AskQuotation,
    Withdraw,
    Close,
    Accept,
    Replan,
    HandBack,
    Decline,
    AskClarification,
    GiveInterim,
    GiveFinal,
    Correct,
    AnswerQuotation,
}

use Act::*;

/// PPC's acts.
const ASKING: [Act; 7] = [Supplement, SupplementQuestion, Clarify, Further, AskQuotation, Withdraw, Close];
/// IPA's acts.
const GIVING: [Act; 9] =
    [Accept, Replan, HandBack, Decline, AskClarification, GiveInterim, GiveFinal, Correct, AnswerQuotation];

/// The acts that bring a request about, its state then, and the acts that PPC and IPA may do in it.
type Scene = (&'static [Act], State, &'static [Act], &'static [Act]);

const SCENES: [Scene; 17] = [
    (
        &[],
        State::Submitted,
        &[Supplement, SupplementQuestion, Withdraw],
        &[Accept, HandBack, Decline, AskClarification],
    ),
    (
        &[Accept],
        State::Accepted,
        &[Supplement, SupplementQuestion, Withdraw],
        &[Replan, HandBack, Decline, AskClarification, GiveInterim, GiveFinal],
    ),
    (
        &[AskClarification],
        State::Clarifying,
        &[Supplement, SupplementQuestion, Clarify, Withdraw],
        &[Accept, HandBack, Decline, AskClarification],
    ),
    (
        &[Accept, AskClarification],
        State::Clarifying,
        &[Supplement, SupplementQuestion, Clarify, Withdraw],
        &[Replan, HandBack, Decline, AskClarification, GiveInterim, GiveFinal],
    ),
    (&[HandBack], State::HandedBack, &[Supplement, SupplementQuestion, Withdraw], &[Decline]),
    (
        &[Accept, AskClarification, HandBack],
        State::HandedBack,
        &[Supplement, SupplementQuestion, Clarify, Withdraw],
        &[Decline],
    ),
    (
        &[Accept, GiveInterim, AskQuotation],
        State::Accepted,
        &[Supplement, SupplementQuestion, AskQuotation, Withdraw],
        &[Replan, HandBack, Decline, AskClarification, GiveInterim, GiveFinal, Correct, AnswerQuotation],
    ),
    (&[Accept, GiveFinal], State::Answered, &[Further, AskQuotation, Close], &[Correct]),
    (&[Accept, GiveFinal, AskQuotation], State::Answered, &[Further, AskQuotation, Close], &[Correct, AnswerQuotation]),
    (&[Accept, GiveFinal, Close], State::Closed, &[Further, AskQuotation], &[Correct]),
    (
        &[Accept, GiveFinal, Close, Correct, AskQuotation],
        State::Closed,
        &[Further, AskQuotation, Close],
        &[Correct, AnswerQuotation],
    ),
    (
        &[Accept, GiveFinal, Close, Further],
        State::Accepted,
        &[Supplement, SupplementQuestion, AskQuotation, Withdraw],
        &[Replan, HandBack, Decline, AskClarification, GiveInterim, GiveFinal, Correct],
    ),
    (&[Accept, GiveFinal, Further, GiveFinal], State::Answered, &[Further, AskQuotation, Close], &[Correct]),
    (&[Accept, GiveFinal, Further, Decline], State::Declined, &[AskQuotation, Close], &[Correct]),
    (&[Decline], State::Declined, &[], &[]),
    (&[Withdraw], State::Withdrawn, &[], &[]),
    (&[Accept, GiveInterim, AskQuotation, Withdraw], State::Withdrawn, &[AskQuotation], &[Correct, AnswerQuotation]),
];

async fn act(ppc: &Acts, ipa: &Acts, act: Act, name: &str) -> Answer<AdviceRequest> {
    let acts = if ASKING.contains(&act) { ppc } else { ipa };
    let it = acts.advice_request(name).await?;
    match act {
        Supplement => ppc.supplement_advice_request(ppc.supplementing(&it)).await,
        SupplementQuestion => {
            let mut request = ppc.supplementing(&it);
            request.submission = Some(Submission { questions: vec!["追加".to_owned()], ..Submission::default() });
            ppc.supplement_advice_request(request).await
        }
        Clarify => {
            let mut request = ppc.clarifying(&it);
            if request.clarification.is_empty() {
                request.clarification = NEVER.to_owned();
            }
            ppc.answer_clarification(request).await
        }
        Further => ppc.ask_further_questions(ppc.asking_further(&it)).await,
        AskQuotation => {
            let mut request = ppc.asking_quotation(&it);
            if request.advice.is_empty() {
                request.advice = NEVER.to_owned();
            }
            ppc.ask_quotation(request).await
        }
        Withdraw => ppc.withdraw_advice_request(ppc.withdrawing_advice(&it)).await,
        Close => {
            let mut request = ppc.closing(&it);
            if request.advice.is_empty() {
                request.advice = NEVER.to_owned();
            }
            ppc.close_advice_request(request).await
        }
        Accept => ipa.accept_advice_request(ipa.accepting(&it)).await,
        Replan => ipa.revise_plan(ipa.replanning(&it)).await,
        HandBack => ipa.hand_back_advice_request(ipa.handing_back(&it)).await,
        Decline => ipa.decline_advice_request(ipa.declining(&it)).await,
        AskClarification => ipa.ask_clarification(ipa.asking_clarification(&it)).await,
        GiveInterim => {
            let mut request = ipa.giving(&it);
            (request.stage, request.content) = (AdviceStage::Interim.into(), Some(ipa.advising(1..=1)));
            ipa.give_advice(request).await
        }
        GiveFinal => ipa.give_advice(ipa.giving(&it)).await,
        Correct => {
            let mut request = ipa.correcting(&it);
            if request.advice.is_empty() {
                request.advice = NEVER.to_owned();
            }
            ipa.correct_advice(request).await
        }
        AnswerQuotation => {
            let mut request = ipa.answering_quotation(&it);
            if request.quotation.is_empty() {
                request.quotation = NEVER.replace("ipa", "ppc");
            }
            ipa.answer_quotation(request).await
        }
    }
}

/// An entry that was never written.
const NEVER: &str = "agencies/ipa/entries/900000000";

/// So many requests for each of these scenes, each in its state at both sides.
async fn staged(ppc: &Acts, ipa: &Acts, wanted: &[(&Scene, usize)]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for (_, count) in wanted {
        let requests = join_all((0..*count).map(|_| ppc.submit_advice_request(ppc.requesting()))).await;
        all.push(requests.into_iter().map(|it| it.unwrap().name).collect::<Vec<_>>());
    }
    settle(ppc, ipa).await.unwrap();
    for step in 0.. {
        if wanted.iter().all(|((acts, ..), _)| acts.len() <= step) {
            break;
        }
        for (((acts, ..), _), names) in wanted.iter().zip(&all) {
            let Some(next) = acts.get(step) else { continue };
            join_all(names.iter().map(|name| act(ppc, ipa, *next, name)))
                .await
                .into_iter()
                .for_each(|it| drop(it.unwrap()));
        }
        settle(ppc, ipa).await.unwrap();
    }
    all
}

#[tokio::test]
async fn each_state_allows_these_acts_and_refuses_the_others() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let wanted: Vec<(&Scene, usize)> = SCENES.iter().map(|scene| (scene, ASKING.len() + GIVING.len())).collect();
    let staged = staged(&ppc, &ipa, &wanted).await;
    for ((made, state, asking, giving), names) in SCENES.iter().zip(staged) {
        let before = ppc.advice_request(&names[0]).await.unwrap();
        assert_eq!(before.state(), *state, "{made:?}");
        let mut allowed = (Vec::new(), Vec::new());
        for (tried, name) in ASKING.into_iter().chain(GIVING).zip(&names) {
            match act(&ppc, &ipa, tried, name).await {
                Ok(_) if ASKING.contains(&tried) => allowed.0.push(tried),
                Ok(_) => allowed.1.push(tried),
                Err(refused) => {
                    // A name without an entry is not found; everything else is a question of the state.
                    let names_entry = [AskQuotation, Correct, AnswerQuotation].contains(&tried);
                    let reason = if names_entry { refused.reason } else { Reason::WrongState };
                    assert_eq!(refused.reason, reason, "{made:?} {tried:?}");
                    assert!([Reason::WrongState, Reason::NotFound].contains(&reason), "{made:?} {tried:?}");
                }
            }
        }
        assert_eq!((allowed.0.as_slice(), allowed.1.as_slice()), (*asking, *giving), "{made:?}");
    }
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

/// The higher of two states, by the fixed order.
fn higher(one: State, other: State) -> State {
    let order = [
        State::Submitted,
        State::Accepted,
        State::Clarifying,
        State::HandedBack,
        State::Answered,
        State::Closed,
        State::Declined,
        State::Withdrawn,
    ];
    let rank = |state| order.iter().position(|it| *it == state).unwrap();
    if rank(one) < rank(other) { other } else { one }
}

#[tokio::test]
async fn every_pair_of_acts_at_both_ends_of_a_cut_link_makes_the_same_page_in_either_order() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let pairs = |(_, _, asking, giving): &Scene| -> Vec<(Act, Act)> {
        asking.iter().flat_map(|one| giving.iter().map(|other| (*one, *other))).collect()
    };
    let wanted: Vec<(&Scene, usize)> = SCENES.iter().map(|scene| (scene, 2 * pairs(scene).len())).collect();
    let staged = staged(&ppc, &ipa, &wanted).await;
    pair.cut_link();
    let mut crossed = Vec::new();
    for (scene, names) in SCENES.iter().zip(staged) {
        let both_orders = pairs(scene).into_iter().flat_map(|(one, other)| [[one, other], [other, one]]);
        for (order, name) in both_orders.zip(names) {
            let mut states = Vec::new();
            for next in order {
                pair.clock.advance(jiff::SignedDuration::from_secs(1));
                let seen = act(&ppc, &ipa, next, &name).await;
                assert!(seen.is_ok(), "{:?} {order:?}: {seen:?}", scene.0);
                states.push(seen.unwrap().state());
            }
            crossed.push((scene.0, order, name, states));
        }
    }
    pair.mend_link();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
    assert_eq!(crossed.len(), 2 * 161, "pairs, in both orders");
    for (made, order, name, states) in crossed {
        let seen = ppc.shared_advice_request(&name).await.unwrap();
        assert_eq!(seen, ipa.shared_advice_request(&name).await.unwrap(), "{made:?} {order:?}");
        // An act that ended a request in one half is not undone by an act in the other.
        let ends = [State::Answered, State::Closed, State::Declined, State::Withdrawn];
        let expected = higher(states[0], states[1]);
        if order.contains(&Further) {
            // What IPA adds to its answer at that time does not answer the further question.
            assert_eq!(seen.state(), State::Accepted, "{made:?} {order:?}");
        } else if ends.contains(&expected) {
            assert_eq!(seen.state(), expected, "{made:?} {order:?}");
        }
        assert_eq!(seen.entries.len(), made.len() + 3, "{made:?} {order:?}");
    }
}

#[tokio::test]
async fn a_request_is_brought_to_its_end_after_any_acts_that_crossed() {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let scene: Scene = (&[Accept], State::Accepted, &[], &[]);
    let staged = staged(&ppc, &ipa, &[(&scene, 3)]).await.remove(0);
    pair.cut_link();
    for (name, crossing) in staged.iter().zip([HandBack, AskClarification, GiveInterim]) {
        act(&ppc, &ipa, SupplementQuestion, name).await.unwrap();
        act(&ppc, &ipa, crossing, name).await.unwrap();
    }
    pair.mend_link();
    for name in &staged {
        let mut it = at_both(&ppc, &ipa, name).await;
        while it.state() != State::Closed {
            let next = match (it.state(), it.waiting_for()) {
                (State::HandedBack, Agency::Ppc) => Supplement,
                (State::Clarifying, Agency::Ppc) => Clarify,
                (State::Accepted, Agency::Ipa) => GiveFinal,
                (State::Answered, Agency::Ppc) => Close,
                other => unreachable!("{other:?}"),
            };
            act(&ppc, &ipa, next, name).await.unwrap();
            it = at_both(&ppc, &ipa, name).await;
        }
        assert_eq!((it.questions, it.answered_questions.as_slice()), (3, [1, 2, 3].as_slice()));
    }
}
