//! The due day of advice, and the time from which it is overdue.

use renkei_domain::{
    calendar::Calendar,
    matter::Matter,
    noun::advice::{due, overdue, target},
};
use renkei_proto::{
    advice::v1::{Due, Urgency},
    journal::v1::fact,
    options::v1::Reason,
    r#type::v1::Agency::Ppc,
};

use super::{
    advice::after,
    advice_acts::{answer_clarification, request, shown, supplement},
    choice::Choice,
    model::{Act, Pair, at},
};

fn matter() -> Matter {
    request(0)
}

#[test]
fn the_target_is_ten_open_days_and_two_for_what_is_urgent() {
    use Urgency::{Normal, Urgent};
    for (asked, urgency, on) in [
        ("2026-11-24T09:00:00+09:00", Normal, "2026-12-08"),
        ("2026-11-24T09:00:00+09:00", Urgent, "2026-11-26"),
        // The year's end: closed from 12-29 to 01-03.
        ("2026-12-18T17:00:00+09:00", Normal, "2027-01-07"),
        ("2026-12-28T09:00:00+09:00", Urgent, "2027-01-05"),
        ("2026-12-31T23:59:59+09:00", Urgent, "2027-01-05"),
        // Three holidays in a row, one of them between two others.
        ("2026-09-18T09:00:00+09:00", Urgent, "2026-09-25"),
        ("2027-04-28T09:00:00+09:00", Normal, "2027-05-18"),
        // A day ends at midnight in Japan.
        ("2026-11-24T14:59:59Z", Urgent, "2026-11-26"),
        ("2026-11-24T15:00:00Z", Urgent, "2026-11-27"),
    ] {
        let due = Due { on: on.to_owned(), calendar: Calendar::built_in().years(), by_rule: false };
        assert_eq!(target(urgency, at(asked), &Calendar::built_in()), due, "{asked} {urgency:?}");
    }
}

#[test]
fn a_due_day_beyond_the_list_of_holidays_is_marked_as_computed_by_rule() {
    for (asked, on, by_rule) in [
        ("2027-12-10T09:00:00+09:00", "2027-12-24", false),
        ("2027-12-17T09:00:00+09:00", "2028-01-06", true),
        ("2028-02-01T09:00:00+09:00", "2028-02-16", true),
    ] {
        let due = target(Urgency::Normal, at(asked), &Calendar::built_in());
        assert_eq!((due.on.as_str(), due.by_rule), (on, by_rule), "{asked}");
    }
}

#[test]
fn a_request_is_overdue_when_its_day_has_ended_in_japan_while_ipa_is_waited_for() {
    let [in_time, late] = ["2026-12-08T23:59:59.999999+09:00", "2026-12-09T00:00:00+09:00"].map(at);
    let overdue_at = |path: &[Choice], now| {
        let pair = after(path);
        let seen = pair.ipa.page(&matter());
        assert_eq!(due(seen).map_or("", |due| due.on.as_str()), "2026-12-08");
        overdue(seen, now)
    };
    use Choice::{Accept, AskAdvice, AskClarification, Close, Decline, GiveFinal, HandBack, WithdrawRequest};
    let waits: [&[Choice]; 2] = [&[AskAdvice], &[AskAdvice, Accept]];
    for path in waits {
        assert_eq!((overdue_at(path, in_time), overdue_at(path, late)), (false, true), "{path:?}");
    }
    let rests: [&[Choice]; 6] = [
        &[AskAdvice, AskClarification],
        &[AskAdvice, HandBack],
        &[AskAdvice, Accept, GiveFinal],
        &[AskAdvice, Accept, GiveFinal, Close],
        &[AskAdvice, WithdrawRequest],
        &[AskAdvice, Decline],
    ];
    for path in rests {
        assert!(!overdue_at(path, late), "{path:?}");
    }
    assert!(!overdue(Pair::new().ppc.page(&matter()), late));
}

#[test]
fn the_last_day_that_ppc_computed_is_due() {
    let mut pair = after(&[Choice::AskAdvice, Choice::AskClarification]);
    pair.at("2026-12-01T09:00:00+09:00");
    pair.does(Ppc, Choice::Supplement, 0);
    assert_eq!(due(pair.ppc.page(&matter())).unwrap().on, "2026-12-08", "a supplement by itself moves nothing");
    pair.does(Ppc, Choice::AnswerClarification, 0);
    assert_eq!(due(pair.ppc.page(&matter())).unwrap().on, "2026-12-15");
    pair.exchange(Ppc);
    let mut pair = pair.after(Ppc, &[Choice::HandBack], 0);
    pair.at("2026-12-02T09:00:00+09:00");
    pair.does(Ppc, Choice::Supplement, 0);
    pair.exchange(Ppc).assert_agree();
    assert_eq!(shown(&pair.ipa, &matter()).unwrap().due.unwrap().on, "2026-12-16");
}

#[test]
fn only_the_supplement_to_a_handed_back_request_states_a_new_due_day() {
    for (path, wanted) in [(&[Choice::AskAdvice][..], false), (&[Choice::AskAdvice, Choice::HandBack], true)] {
        let pair = after(path);
        let day = |on: &str| Some(Due { on: on.to_owned(), calendar: Calendar::built_in().years(), by_rule: false });
        let differs = Some(Reason::FactDiffers);
        for (due, expected) in [
            (None, if wanted { differs } else { None }),
            (day("2026-12-08"), if wanted { None } else { differs }),
            (day("2026-11-24"), if wanted { None } else { differs }),
            (day("2026-11-23"), differs),
        ] {
            let act = supplement(&pair.ppc, &matter(), 1);
            let fact::Fact::AdviceSupplemented(mut fact) = act.fact.clone() else { panic!("a supplement") };
            fact.due = due;
            let act = Act { fact: fact::Fact::AdviceSupplemented(fact), ..act };
            assert_eq!(pair.ppc.refuses(&act), expected, "{path:?}");
        }
    }
}

#[test]
fn the_answer_to_a_clarification_states_a_due_day_to_come() {
    let pair = after(&[Choice::AskAdvice, Choice::AskClarification]);
    let act = answer_clarification(&pair.ppc, &matter());
    let fact::Fact::AdviceClarificationAnswered(mut fact) = act.fact.clone() else { panic!("an answer") };
    fact.due = Some(Due { on: "2026-11-23".to_owned(), calendar: Calendar::built_in().years(), by_rule: false });
    let act = Act { fact: fact::Fact::AdviceClarificationAnswered(fact), ..act };
    assert_eq!(pair.ppc.refuses(&act), Some(Reason::FactDiffers));
}
