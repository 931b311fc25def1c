//! Technical advice: every act in every state, allowed or refused by the author's view.

use jiff::ToSpan as _;
use renkei_domain::{
    case_number::CaseNumber,
    decide::MOST_ENTRIES,
    matter::Matter,
    moment::stamp,
    noun::advice::{MOST_FURTHER, state},
};
use renkei_proto::{
    advice::v1::{
        AdvicePlanRevised, AdviceRequest, AdviceRequested, AdviceStage, Quotation, QuotationFinding, Urgency,
        advice_request::State,
    },
    journal::v1::fact,
    options::v1::Reason,
    r#type::v1::{
        Agency::{self, Ipa, Ppc},
        CaseNumber as Stated, Certainty, Finding, Ground, Judgement,
    },
};

use super::{
    advice_acts::{
        accept, answer_quotation, ask, ask_clarification, ask_further, ask_quotation, asking, close, correcting,
        decline, give_final, giving, hand_back, request, revise_plan, shown, supplement, withdraw_request,
    },
    choice::{ADVICE, Choice},
    model::{Act, Pair},
};

const NOBODY: Agency = Agency::Unspecified;

/// The path to a state; the state and the agency that has to act there; and the result of each act of `ADVICE`: `.` is
/// permitted, `N` not found, `W` the wrong state, `E` exists already.
pub type Row = (&'static [Choice], State, Agency, &'static str);

pub const ROWS: [Row; 33] = {
    use Choice::{
        Accept, AnswerClarification, AnswerQuotation, AskAdvice, AskClarification, AskFurther, AskQuotation, Close,
        Correct, Decline, GiveFinal, GiveInterim, HandBack, RevisePlan, Supplement, WithdrawRequest,
    };
    [
        (&[], State::Unspecified, NOBODY, ".NNNNNN NNNNNNNNN"),
        (&[AskAdvice], State::Submitted, Ipa, "E.WWN.W .W...WWNN"),
        (&[AskAdvice, Supplement], State::Submitted, Ipa, "E.WWN.W .W...WWNN"),
        (&[AskAdvice, Accept], State::Accepted, Ipa, "E.WWN.W W......NN"),
        (&[AskAdvice, AskClarification], State::Clarifying, Ppc, "E..WN.W .W...WWNN"),
        (&[AskAdvice, AskClarification, AnswerClarification], State::Submitted, Ipa, "E.WWN.W .W...WWNN"),
        (&[AskAdvice, AskClarification, Accept], State::Clarifying, Ppc, "E..WN.W W......NN"),
        (&[AskAdvice, Accept, AskClarification, AnswerClarification], State::Accepted, Ipa, "E.WWN.W W......NN"),
        (&[AskAdvice, HandBack], State::HandedBack, Ppc, "E.WWN.W WWW.WWWNN"),
        (&[AskAdvice, Accept, HandBack], State::HandedBack, Ppc, "E.WWN.W WWW.WWWNN"),
        (&[AskAdvice, AskClarification, HandBack], State::HandedBack, Ppc, "E..WN.W WWW.WWWNN"),
        (&[AskAdvice, HandBack, Supplement, HandBack], State::HandedBack, Ppc, "E.WWN.W WWW.WWWNN"),
        (&[AskAdvice, HandBack, Supplement], State::Submitted, Ipa, "E.WWN.W .W...WWNN"),
        (&[AskAdvice, Accept, GiveInterim], State::Accepted, Ipa, "E.WW..W W.......N"),
        (&[AskAdvice, Accept, GiveInterim, Correct], State::Accepted, Ipa, "E.WW..W W.......N"),
        (&[AskAdvice, Accept, GiveFinal], State::Answered, Ppc, "EWW..W. WWWWWWW.N"),
        (&[AskAdvice, Accept, GiveInterim, GiveFinal, AskQuotation], State::Answered, Ppc, "EWW..W. WWWWWWW.."),
        (&[AskAdvice, Accept, GiveFinal, Close], State::Closed, NOBODY, "EWW..WW WWWWWWW.N"),
        (&[AskAdvice, Accept, GiveFinal, Close, AskQuotation], State::Closed, Ipa, "EWW..WW WWWWWWW.."),
        (
            &[AskAdvice, Accept, GiveFinal, Close, AskQuotation, AnswerQuotation],
            State::Closed,
            NOBODY,
            "EWW..WW WWWWWWW.W",
        ),
        (&[AskAdvice, Accept, GiveFinal, Close, Correct], State::Closed, Ppc, "EWW..W. WWWWWWW.N"),
        (&[AskAdvice, WithdrawRequest], State::Withdrawn, NOBODY, "EWWWNWW WWWWWWWNN"),
        (&[AskAdvice, Decline], State::Declined, NOBODY, "EWWWNWW WWWWWWWNN"),
        (&[AskAdvice, Accept, GiveInterim, Decline], State::Declined, NOBODY, "EWWW.WW WWWWWWW.N"),
        (&[AskAdvice, Accept, GiveInterim, Correct, Decline], State::Declined, NOBODY, "EWWW.WW WWWWWWW.N"),
        (&[AskAdvice, Accept, RevisePlan], State::Accepted, Ipa, "E.WWN.W W......NN"),
        (&[AskAdvice, Accept, GiveFinal, AskFurther], State::Accepted, Ipa, "E.WW..W W.......N"),
        (&[AskAdvice, Accept, GiveFinal, Close, AskFurther, RevisePlan], State::Accepted, Ipa, "E.WW..W W.......N"),
        // A clarification of the former round is asked for no more.
        (&[AskAdvice, Accept, AskClarification, GiveFinal, AskFurther], State::Accepted, Ipa, "E.WW..W W.......N"),
        (&[AskAdvice, Accept, GiveFinal, AskFurther, AskClarification], State::Clarifying, Ppc, "E..W..W W.......N"),
        (&[AskAdvice, Accept, GiveFinal, AskFurther, GiveFinal], State::Answered, Ppc, "EWW..W. WWWWWWW.N"),
        (
            &[AskAdvice, Accept, GiveFinal, Close, AskFurther, GiveFinal, Close],
            State::Closed,
            NOBODY,
            "EWW..WW WWWWWWW.N",
        ),
        // The advice of the first round is still to be noted.
        (&[AskAdvice, Accept, GiveFinal, AskFurther, Decline], State::Declined, Ppc, "EWWW.W. WWWWWWW.N"),
    ]
};

fn matter() -> Matter {
    request(0)
}

pub fn after(path: &[Choice]) -> Pair {
    Pair::new().after(Ppc, path, 0)
}

/// PPC has asked two questions and IPA has accepted them.
fn accepted() -> Pair {
    after(&[Choice::AskAdvice, Choice::Accept])
}

fn answered() -> Pair {
    after(&[Choice::AskAdvice, Choice::Accept, Choice::GiveFinal])
}

fn settled(pair: &mut Pair) -> AdviceRequest {
    pair.exchange(Ipa).assert_agree();
    shown(&pair.ppc, &matter()).unwrap()
}

#[test]
fn every_act_is_permitted_or_refused_according_to_the_state() {
    for (path, stands, waits, expected) in ROWS {
        let pair = after(path);
        for party in [&pair.ppc, &pair.ipa] {
            assert_eq!(state(party.page(&matter())), stands, "{path:?}");
            let waiting = shown(party, &matter()).map_or(NOBODY, |shown| shown.waiting_for());
            assert_eq!(waiting, waits, "{path:?}");
        }
        let expected = expected.chars().filter(|letter| *letter != ' ');
        for (choice, letter) in ADVICE.into_iter().zip(expected) {
            let author = pair.of(choice.author(Ppc));
            let found = match author.refuses(&choice.act(author, 0).unwrap()) {
                None => '.',
                Some(Reason::NotFound) => 'N',
                Some(Reason::WrongState) => 'W',
                Some(Reason::AlreadyExists) => 'E',
                Some(other) => panic!("{choice:?} after {path:?}: {other:?}"),
            };
            assert_eq!(found, letter, "{choice:?} after {path:?}");
        }
    }
}

/// If both act at once, the first in the order of states wins, whichever comes first; the other's entries stay
/// readable.
#[test]
fn the_higher_state_wins_when_acts_cross() {
    use Choice::{
        Accept, AnswerClarification, AskAdvice, AskClarification, AskFurther, Close, Correct, Decline, GiveFinal,
        GiveInterim, HandBack, RevisePlan, Supplement, WithdrawRequest,
    };
    let submitted: &[Choice] = &[AskAdvice];
    let taken_on: &[Choice] = &[AskAdvice, Accept];
    let clarifying: &[Choice] = &[AskAdvice, Accept, AskClarification];
    let given: &[Choice] = &[AskAdvice, Accept, GiveFinal];
    let further: &[Choice] = &[AskAdvice, Accept, GiveFinal, AskFurther];
    for (path, ppcs, ipas, stands, waits) in [
        (submitted, WithdrawRequest, Accept, State::Withdrawn, NOBODY),
        (submitted, WithdrawRequest, Decline, State::Withdrawn, NOBODY),
        (submitted, WithdrawRequest, HandBack, State::Withdrawn, NOBODY),
        (taken_on, WithdrawRequest, GiveInterim, State::Withdrawn, NOBODY),
        (taken_on, WithdrawRequest, GiveFinal, State::Withdrawn, Ppc),
        (submitted, Supplement, Decline, State::Declined, NOBODY),
        (submitted, Supplement, Accept, State::Accepted, Ipa),
        (submitted, Supplement, HandBack, State::HandedBack, Ppc),
        (submitted, Supplement, AskClarification, State::Clarifying, Ppc),
        (taken_on, Supplement, GiveFinal, State::Answered, Ppc),
        (clarifying, AnswerClarification, HandBack, State::HandedBack, Ppc),
        (clarifying, AnswerClarification, GiveFinal, State::Answered, Ppc),
        (clarifying, AnswerClarification, AskClarification, State::Clarifying, Ppc),
        (given, Close, Correct, State::Closed, Ppc),
        (given, AskFurther, Correct, State::Accepted, Ipa),
        (taken_on, Supplement, RevisePlan, State::Accepted, Ipa),
        (taken_on, WithdrawRequest, RevisePlan, State::Withdrawn, NOBODY),
        (further, WithdrawRequest, GiveFinal, State::Withdrawn, Ppc),
        (further, Supplement, GiveFinal, State::Answered, Ppc),
        (further, Supplement, Decline, State::Declined, Ppc),
    ] {
        for first in [Ppc, Ipa] {
            let mut pair = after(path);
            let entries = [pair.does(Ppc, ppcs, 0), pair.does(Ppc, ipas, 0)];
            pair.exchange(first).assert_agree();
            let request = shown(&pair.ipa, &matter()).unwrap();
            assert_eq!((request.state(), request.waiting_for()), (stands, waits), "{ppcs:?} and {ipas:?}");
            for (agency, seq) in ["ppc", "ipa"].into_iter().zip(entries) {
                assert!(request.entries.contains(&format!("agencies/{agency}/entries/{seq}")));
            }
        }
    }
}

#[test]
fn final_advice_on_a_request_that_is_withdrawn_meanwhile_is_read_and_noted() {
    let mut pair = accepted();
    pair.does(Ppc, Choice::WithdrawRequest, 0);
    let seq = pair.does(Ppc, Choice::GiveFinal, 0);
    let request = settled(&mut pair);
    assert_eq!(request.advice[0].entry, format!("agencies/ipa/entries/{seq}"));
    assert_eq!(request.answered_questions, [1, 2]);
    pair.does(Ppc, Choice::Close, 0);
    let request = settled(&mut pair);
    assert_eq!((request.state(), request.waiting_for()), (State::Withdrawn, NOBODY));
    assert!(request.advice[0].noted);
}

#[test]
fn a_supplement_that_crosses_a_handing_back_does_not_answer_it() {
    let mut pair = after(&[Choice::AskAdvice]);
    pair.does(Ppc, Choice::Supplement, 0);
    pair.does(Ppc, Choice::HandBack, 0);
    assert_eq!(settled(&mut pair).state(), State::HandedBack);
    pair.does(Ppc, Choice::Supplement, 0);
    let request = settled(&mut pair);
    assert_eq!((request.state(), request.questions), (State::Submitted, 4));
}

#[test]
fn only_ppc_asks_for_advice_and_only_in_its_own_matter() {
    let pair = Pair::new();
    let act = ask(&pair.ppc, &Matter { opener: Ipa, ..matter() });
    assert_eq!(pair.ppc.refuses(&act), Some(Reason::HeaderDiffers));
    assert_eq!(pair.ipa.refuses(&act), Some(Reason::WrongDirection));
}

#[test]
fn ipa_works_on_what_ppc_submitted_last() {
    for submission in [Choice::Supplement, Choice::AnswerClarification] {
        let mut pair = accepted().after(Ppc, &[Choice::AskClarification], 0);
        let before = [hand_back, decline, ask_clarification, give_final].map(|made| made(&pair.ipa, &matter()));
        pair.does(Ppc, submission, 0);
        for act in &before {
            assert_eq!(pair.ipa.refuses(act), None, "the {submission:?} has not arrived");
        }
        pair.exchange(Ppc);
        for act in &before {
            assert_eq!(pair.ipa.refuses(act), Some(Reason::HeaderDiffers), "{:?}", act.fact);
        }
    }
    let act = accept(&after(&[Choice::AskAdvice]).ipa, &matter());
    assert_eq!(after(&[Choice::AskAdvice]).ipa.refuses(&act.answering(0)), Some(Reason::HeaderDiffers));
}

#[test]
fn only_what_answers_something_names_an_entry() {
    let pair = answered();
    assert_eq!(Pair::new().ppc.refuses(&ask(&pair.ppc, &matter()).answering(1)), Some(Reason::HeaderDiffers));
    let pair = accepted();
    for act in [supplement(&pair.ppc, &matter(), 1), withdraw_request(&matter())] {
        assert_eq!(pair.ppc.refuses(&act), None);
        assert_eq!(pair.ppc.refuses(&act.answering(1)), Some(Reason::HeaderDiffers));
    }
    let pair = answered();
    let act = Choice::Correct.act(&pair.ipa, 0).unwrap();
    assert_eq!(pair.ipa.refuses(&act.answering(1)), Some(Reason::HeaderDiffers));
}

fn requested_with(change: impl Fn(&mut AdviceRequested)) -> Option<Reason> {
    let ppc = Pair::new().ppc;
    let mut fact = asking(&ppc, 2, Urgency::Normal);
    change(&mut fact);
    ppc.refuses(&Act::new(&matter(), fact::Fact::AdviceRequested(fact)))
}

#[test]
fn a_request_states_a_due_day_to_come_and_its_own_fiscal_year() {
    let differs = Some(Reason::FactDiffers);
    assert_eq!(requested_with(|_| {}), None);
    assert_eq!(requested_with(|fact| fact.fiscal_year = 2025), differs);
    assert_eq!(requested_with(|fact| fact.due = None), differs);
    assert_eq!(requested_with(|fact| fact.due.as_mut().unwrap().on = "2026-11-24".to_owned()), None, "today");
    assert_eq!(requested_with(|fact| fact.due.as_mut().unwrap().on = "2026-11-23".to_owned()), differs);
    assert_eq!(requested_with(|fact| fact.due.as_mut().unwrap().on = "2026-11-31".to_owned()), differs);
}

#[test]
fn ipa_plans_for_a_day_that_is_not_over() {
    let pair = after(&[Choice::AskAdvice]);
    for (planned_on, expected) in [
        ("2026-11-24", None),
        ("2027-02-28", None),
        ("2026-11-23", Some(Reason::FieldInvalid)),
        ("2027-02-29", Some(Reason::FieldInvalid)),
        ("", Some(Reason::FieldInvalid)),
    ] {
        let act = accept(&pair.ipa, &matter());
        let fact::Fact::AdviceAccepted(mut fact) = act.fact.clone() else { panic!("an acceptance") };
        fact.planned_on = planned_on.to_owned();
        let act = Act { fact: fact::Fact::AdviceAccepted(fact), ..act };
        assert_eq!(pair.ipa.refuses(&act), expected, "{planned_on}");
    }
}

#[test]
fn final_advice_leaves_no_question_unanswered_and_answers_none_that_was_not_asked() {
    use AdviceStage::{Final, Interim};
    let pair = accepted();
    let wrong = |stage, questions: &[u32]| {
        let act = giving(&pair.ipa, &matter(), stage, questions, Quotation::Free);
        pair.ipa.judge(&act).err().map(|refusal| (refusal.reason, refusal.field))
    };
    let invalid = Some((Reason::FieldInvalid, "content.answers"));
    assert_eq!(wrong(Final, &[1, 2]), None);
    assert_eq!(wrong(Final, &[2]), Some((Reason::WrongState, "")));
    assert_eq!(wrong(Interim, &[]), None, "findings only");
    assert_eq!((wrong(Interim, &[3]), wrong(Final, &[1, 2, 3]), wrong(Interim, &[0])), (invalid, invalid, invalid));
    let pair = accepted().after(Ppc, &[Choice::GiveInterim, Choice::Supplement], 0);
    let rest = |questions: &[u32]| pair.ipa.refuses(&giving(&pair.ipa, &matter(), Final, questions, Quotation::Free));
    assert_eq!(rest(&[2, 3]), None, "the first was answered before");
    assert_eq!(rest(&[1, 2]), Some(Reason::WrongState), "the third was added");
}

#[test]
fn a_correction_names_advice_of_its_request_and_answers_asked_questions_anew() {
    let pair = answered();
    let given = pair.ipa.journal(Ipa).last().unwrap().header.seq;
    let correct = |seq, questions: &[u32]| {
        let act = correcting(&matter(), seq, questions, Quotation::Internal);
        pair.ipa.judge(&act).err().map(|refusal| (refusal.reason, refusal.field))
    };
    assert_eq!(correct(given, &[]), None);
    assert_eq!(correct(given, &[2]), None);
    assert_eq!(correct(given, &[3]), Some((Reason::FieldInvalid, "content.answers")));
    assert_eq!(correct(given - 1, &[2]), Some((Reason::NotFound, "advice")), "the acceptance");
    let mut pair = answered().after(Ppc, &[Choice::Correct], 0);
    let correction = pair.ipa.journal(Ipa).last().unwrap().header.seq;
    pair.ipa.write(&correcting(&matter(), correction, &[1], Quotation::Free)).unwrap();
    let request = settled(&mut pair);
    assert_eq!(request.advice[2].corrects, format!("agencies/ipa/entries/{correction}"));
}

#[test]
fn the_newest_advice_is_noted_and_all_before_it_with_it() {
    let mut pair = accepted().after(Ppc, &[Choice::GiveInterim], 0);
    let interim = pair.ipa.journal(Ipa).last().unwrap().header.seq;
    let given = pair.does(Ppc, Choice::GiveFinal, 0);
    pair.exchange(Ppc);
    let noting = close(&pair.ppc, &matter());
    assert_eq!(noting.answers, given);
    let wrong = Some(Reason::WrongState);
    assert_eq!(pair.ppc.refuses(&noting.clone().answering(interim)), wrong);
    assert_eq!(pair.ppc.refuses(&noting.clone().answering(0)), wrong);
    let corrected = pair.does(Ppc, Choice::Correct, 0);
    pair.exchange(Ppc);
    assert_eq!(pair.ppc.refuses(&noting), wrong, "there is a correction");
    pair.ppc.write(&noting.clone().answering(corrected)).unwrap();
    assert_eq!(pair.ppc.refuses(&noting.answering(corrected)), wrong, "noted already");
    assert!(settled(&mut pair).advice.iter().all(|advice| advice.noted));
    pair.does(Ppc, Choice::Correct, 0);
    let noted: Vec<bool> = settled(&mut pair).advice.iter().map(|advice| advice.noted).collect();
    assert_eq!(noted, [true, true, true, false]);
}

#[test]
fn a_quotation_is_asked_where_ipa_wants_to_be_asked_and_answered_once() {
    for (quotation, expected) in [
        (Quotation::Free, Some(Reason::WrongState)),
        (Quotation::ConfirmFirst, None),
        (Quotation::Internal, Some(Reason::WrongState)),
    ] {
        let mut pair = accepted();
        let act = giving(&pair.ipa, &matter(), AdviceStage::Final, &[1, 2], quotation);
        let given = pair.ipa.write(&act).unwrap();
        pair.exchange(Ppc);
        let act = ask_quotation(&pair.ppc, &matter()).answering(given);
        assert_eq!(pair.ppc.refuses(&act), expected, "{quotation:?}");
        assert_eq!(pair.ppc.refuses(&act.answering(given - 1)), Some(Reason::NotFound));
    }
}

#[test]
fn corrected_advice_is_not_quoted_any_more_and_the_wanted_time_lies_ahead() {
    let mut pair = accepted();
    let act = giving(&pair.ipa, &matter(), AdviceStage::Final, &[1, 2], Quotation::ConfirmFirst);
    let given = pair.ipa.write(&act).unwrap();
    pair.exchange(Ppc);
    let act = ask_quotation(&pair.ppc, &matter());
    for (wanted, embargo) in [(0_i64, 1_i64), (1, 0)] {
        let mut act = act.clone();
        let fact::Fact::AdviceQuotationAsked(asked) = &mut act.fact else { unreachable!() };
        asked.wanted_by = Some(stamp(pair.ppc.now + wanted.seconds()));
        asked.embargo_until = Some(stamp(pair.ppc.now + embargo.seconds()));
        assert_eq!(pair.ppc.refuses(&act), Some(Reason::FieldInvalid), "{wanted} {embargo}");
    }
    assert_eq!(pair.ppc.refuses(&act), None);
    pair.ipa.write(&correcting(&matter(), given, &[1], Quotation::ConfirmFirst)).unwrap();
    pair.exchange(Ppc);
    assert_eq!(pair.ppc.refuses(&act.answering(given)), Some(Reason::WrongState));
    assert_eq!(pair.ppc.refuses(&ask_quotation(&pair.ppc, &matter())), None, "the correction may be");
}

#[test]
fn a_quotation_that_ipa_wants_changed_is_asked_for_again() {
    let mut pair = answered();
    for finding in [QuotationFinding::ChangesWanted, QuotationFinding::Agreed] {
        pair.does(Ppc, Choice::AskQuotation, 0);
        pair.exchange(Ppc);
        let act = answer_quotation(&pair.ipa, &matter(), finding);
        pair.ipa.write(&act).unwrap();
        assert_eq!(pair.ipa.refuses(&act), Some(Reason::WrongState));
        let request = settled(&mut pair);
        assert_eq!(request.quotations.last().unwrap().finding(), finding);
        assert_eq!(request.quotations.last().unwrap().advice, request.advice[0].entry);
    }
    let act = answer_quotation(&pair.ipa, &matter(), QuotationFinding::Refused).answering(1);
    assert_eq!(pair.ipa.refuses(&act), Some(Reason::NotFound), "the request is not a quotation");
}

#[test]
fn a_request_has_at_most_a_hundred_questions() {
    let mut pair = Pair::new();
    let asked = asking(&pair.ppc, 50, Urgency::Normal);
    pair.ppc.write(&Act::new(&matter(), fact::Fact::AdviceRequested(asked))).unwrap();
    let act = supplement(&pair.ppc, &matter(), 49);
    pair.ppc.write(&act).unwrap();
    assert_eq!(pair.ppc.refuses(&supplement(&pair.ppc, &matter(), 2)), Some(Reason::WrongState));
    let act = supplement(&pair.ppc, &matter(), 1);
    pair.ppc.write(&act).unwrap();
    assert_eq!(pair.ppc.refuses(&supplement(&pair.ppc, &matter(), 1)), Some(Reason::WrongState));
    assert_eq!(pair.ppc.refuses(&supplement(&pair.ppc, &matter(), 0)), None, "facts only");
    assert_eq!(settled(&mut pair).questions, 100);
}

#[test]
fn a_further_question_begins_a_new_round_with_its_own_numbers_due_day_and_plan() {
    let mut pair = answered();
    pair.at("2026-12-10T09:00:00+09:00");
    let asked = pair.ppc.write(&ask_further(&pair.ppc, &matter(), 2)).unwrap();
    let request = settled(&mut pair);
    assert_eq!((request.questions, request.answered_questions.as_slice()), (4, &[1, 2][..]));
    assert_eq!(request.further_questions, [format!("agencies/ppc/entries/{asked}")]);
    assert_eq!((request.due.unwrap().on.as_str(), request.overdue), ("2026-12-24", false));
    assert_eq!((request.planned_on.as_str(), request.plans.len()), ("", 1), "the plan was one for the first round");
    let wrong = |questions: &[u32]| {
        let act = giving(&pair.ipa, &matter(), AdviceStage::Final, questions, Quotation::Free);
        pair.ipa.refuses(&act)
    };
    assert_eq!(
        (wrong(&[3, 4]), wrong(&[3]), wrong(&[1, 2])),
        (None, Some(Reason::WrongState), Some(Reason::WrongState))
    );
    // Nothing that answers the first round answers the second.
    let act = give_final(&pair.ipa, &matter()).answering(asked - 1);
    assert_eq!(pair.ipa.refuses(&act), Some(Reason::HeaderDiffers));
    pair.does(Ppc, Choice::RevisePlan, 0);
    let request = settled(&mut pair);
    assert_eq!((request.planned_on.as_str(), request.plans.len()), ("2026-12-17", 2));
    pair.does(Ppc, Choice::GiveFinal, 0);
    assert_eq!(settled(&mut pair).answered_questions, [1, 2, 3, 4]);
}

#[test]
fn a_further_question_answers_the_newest_advice_and_is_asked_ten_times_within_a_hundred_questions() {
    let mut pair = answered();
    let given = pair.ipa.journal(Ipa).last().unwrap().header.seq;
    pair.does(Ppc, Choice::Correct, 0);
    let before = ask_further(&pair.ppc, &matter(), 1);
    assert_eq!((before.answers, pair.ppc.refuses(&before)), (given, None), "the correction has not arrived");
    pair.exchange(Ppc);
    assert_eq!(pair.ppc.refuses(&before), Some(Reason::HeaderDiffers));
    let too_many = ask_further(&pair.ppc, &matter(), 99);
    assert_eq!(pair.ppc.refuses(&too_many), Some(Reason::WrongState));
    for _ in 0..MOST_FURTHER {
        pair.does(Ppc, Choice::AskFurther, 0);
        pair.exchange(Ppc);
        pair.does(Ppc, Choice::GiveFinal, 0);
        pair.exchange(Ppc);
    }
    assert_eq!(pair.ppc.refuses(&ask_further(&pair.ppc, &matter(), 1)), Some(Reason::WrongState));
    assert_eq!(settled(&mut pair).further_questions.len(), MOST_FURTHER);
}

#[test]
fn a_plan_is_revised_to_another_day_that_is_not_over_and_the_due_day_stays() {
    let mut pair = accepted();
    let revised = |pair: &Pair, planned_on: &str| {
        let act = revise_plan(&pair.ipa, &matter());
        let plan = AdvicePlanRevised { planned_on: planned_on.to_owned() };
        pair.ipa.judge(&Act { fact: plan.into(), ..act }).err().map(|refusal| (refusal.reason, refusal.field))
    };
    let invalid = Some((Reason::FieldInvalid, "planned_on"));
    assert_eq!(revised(&pair, "2026-12-21"), None, "after the due day too");
    for wrong in ["2026-11-24", "2026-11-23", "2026-11-31"] {
        assert_eq!(revised(&pair, wrong), invalid, "{wrong}");
    }
    let due = shown(&pair.ppc, &matter()).unwrap().due;
    pair.does(Ppc, Choice::RevisePlan, 0);
    pair.does(Ppc, Choice::RevisePlan, 0);
    let request = settled(&mut pair);
    assert_eq!((request.planned_on.as_str(), request.due), ("2026-11-26", due));
    let planned: Vec<&str> = request.plans.iter().map(|plan| plan.planned_on.as_str()).collect();
    assert_eq!(planned, ["2026-11-24", "2026-11-25", "2026-11-26"]);
}

#[test]
fn a_request_states_a_judgement_of_now_and_the_numbers_of_other_cases() {
    let refused = |change: &dyn Fn(&mut AdviceRequested)| {
        let ppc = Pair::new().ppc;
        let mut fact = asking(&ppc, 2, Urgency::Normal);
        change(&mut fact);
        let refusal = ppc.judge(&Act::new(&matter(), fact::Fact::AdviceRequested(fact))).err();
        refusal.map(|refusal| (refusal.reason, refusal.field))
    };
    let invalid = |field| Some((Reason::FieldInvalid, field));
    let now = Pair::new().ppc.now;
    let judged = |finding: Finding, judged_at| {
        let (ground, certainty) = (Ground::Traces.into(), Certainty::Estimated.into());
        Some(Judgement { finding: finding.into(), ground, certainty, judged_at: Some(stamp(judged_at)) })
    };
    for finding in [Finding::Applies, Finding::Suspected, Finding::Pending] {
        assert_eq!(refused(&|fact| fact.judgement = judged(finding, now)), None, "{finding:?}");
    }
    assert_eq!(refused(&|fact| fact.judgement = judged(Finding::DoesNotApply, now)), invalid("judgement.finding"));
    let later = now + 1.second();
    assert_eq!(refused(&|fact| fact.judgement = judged(Finding::Applies, later)), invalid("judgement.judged_at"));
    let number = |text| Stated::from(&CaseNumber::parse(text, "").unwrap());
    assert_eq!(refused(&|fact| fact.referral = Some(number("乙-R08-REF-0001"))), None);
    assert_eq!(refused(&|fact| fact.referral = Some(number("甲-R08-ADV-0001"))), invalid("referral"));
    let related = |texts: &[&'static str]| texts.iter().map(|text| number(text)).collect::<Vec<_>>();
    let two = related(&["甲-R08-ADV-0001", "乙-R07-ITM-0001"]);
    assert_eq!(refused(&|fact| fact.related_cases.clone_from(&two)), None, "what IPA may not see is not looked for");
    let twice = related(&["甲-R08-ADV-0001", "甲 令和8年 ADV 1"]);
    assert_eq!(refused(&|fact| fact.related_cases.clone_from(&twice)), invalid("related_cases"));
}

#[test]
fn an_agency_writes_at_most_two_hundred_entries_and_may_still_end_the_request() {
    let mut pair = accepted();
    while pair.ppc.journal(Ppc).len() < MOST_ENTRIES {
        let act = supplement(&pair.ppc, &matter(), 0);
        pair.ppc.write(&act).unwrap();
    }
    pair.exchange(Ppc);
    while pair.ipa.journal(Ipa).len() < MOST_ENTRIES {
        pair.does(Ppc, Choice::AskClarification, 0);
    }
    let full = |choice: Choice| {
        let party = pair.of(choice.author(Ppc));
        party.refuses(&choice.act(party, 0).unwrap())
    };
    for choice in [Choice::Supplement, Choice::HandBack, Choice::AskClarification, Choice::GiveInterim] {
        assert_eq!(full(choice), Some(Reason::WrongState), "{choice:?}");
    }
    assert_eq!((full(Choice::WithdrawRequest), full(Choice::Decline)), (None, None));
}
