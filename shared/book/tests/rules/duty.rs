//! The duties of both agencies: each belongs to one agency, exists as long as it is open, and has the day that was
//! named for it.

use renkei_domain::{
    duty::DutyKind,
    matter::Matter,
    noun::{
        advice::{COMPLETE_REQUEST, GIVE_ADVICE},
        item::{ANSWER_QUESTION, SETTLE_UNITS},
        referral::CONFIRM_REFERRAL,
        registry,
    },
};
use renkei_proto::r#type::v1::{
    Agency::{self, Ipa, Ppc},
    Audience, IncidentKind, Purpose,
};

use super::{
    acts::{give, issue, referral, report},
    advice::{ROWS, after},
    advice_acts::{request, shown},
    catalogue::published,
    choice::Choice,
    item_acts::{ask_about, designated, item, kinds, publish, recall_item, revise, within},
    model::{BOTH, Pair},
};

/// The duties of each agency in a matter, equal on both sides.
fn duties(pair: &Pair, matter: &Matter) -> Vec<(Agency, DutyKind)> {
    let of = |holder: Agency, own: Agency| registry::of(matter).duties(own, matter, pair.of(holder).page(matter));
    for own in BOTH {
        assert_eq!(of(Ppc, own), of(Ipa, own), "both agencies see the same duty of {own:?}");
    }
    BOTH.into_iter().flat_map(|own| of(own, own).into_iter().map(move |duty| (own, duty.kind))).collect()
}

#[test]
fn only_the_awaited_agency_has_a_duty_in_an_advice_request() {
    for (path, _, waits, _) in ROWS {
        let found = duties(&after(path), &request(0)).into_iter().map(|(own, _)| own);
        let expected = BOTH.into_iter().filter(|own| *own == waits);
        assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{path:?}");
    }
}

#[test]
fn advice_is_due_on_the_day_that_the_request_names() {
    let pair = after(&[Choice::AskAdvice, Choice::Accept]);
    let duty = registry::of(&request(0)).duties(Ipa, &request(0), pair.ipa.page(&request(0)))[0];
    let due = shown(&pair.ppc, &request(0)).unwrap().due.unwrap();
    assert_eq!((duty.kind, duty.due.unwrap().to_string()), (GIVE_ADVICE, due.on));
    let pair = after(&[Choice::AskAdvice, Choice::AskClarification]);
    assert_eq!(duties(&pair, &request(0)), [(Ppc, COMPLETE_REQUEST)]);
    assert_eq!(registry::of(&request(0)).duties(Ppc, &request(0), pair.ppc.page(&request(0)))[0].due, None);
}

#[test]
fn the_issuer_of_a_referral_confirms_that_it_was_given() {
    let matter = referral(Ppc, 1);
    let mut pair = published();
    assert_eq!(duties(&pair, &matter), []);
    let issued = issue(&pair.ppc, &matter, &report(Ppc, IncidentKind::Access));
    pair.of_mut(Ppc).write(&issued).unwrap();
    assert_eq!(duties(pair.exchange(Ppc), &matter), [(Ppc, CONFIRM_REFERRAL)]);
    let given = give(&pair.ppc, &matter);
    pair.of_mut(Ppc).write(&given).unwrap();
    assert_eq!(duties(pair.exchange(Ppc), &matter), []);
}

#[test]
fn an_item_for_units_that_its_receiver_lacks_is_a_duty_of_both_until_either_settles_it() {
    let matter = item(Ipa, 0);
    let named = |units: &[&str]| within(designated(Audience::Units, units, &[Purpose::Policy]));
    let mut pair = Pair::new();
    let act = publish(&pair.ipa, &matter, kinds(Ipa)[0], named(&["policy", "polcy"]));
    pair.ipa.write(&act).unwrap();
    // The service of the receiver answers the arrival.
    pair.exchange(Ipa);
    let act = ask_about(&pair.ppc, &matter);
    pair.ppc.write(&act).unwrap();
    let both = [(Ppc, SETTLE_UNITS), (Ipa, ANSWER_QUESTION), (Ipa, SETTLE_UNITS)];
    assert_eq!(duties(pair.exchange(Ipa), &matter), both);

    let settled = [(Ipa, ANSWER_QUESTION)];
    let mut added = pair.clone();
    added.ppc.add_unit("polcy", &matter);
    assert_eq!(duties(added.exchange(Ipa), &matter), settled);
    for act in [revise(&pair.ipa, &matter, named(&["policy"])), recall_item(&matter)] {
        let mut pair = pair.clone();
        pair.ipa.write(&act).unwrap();
        assert_eq!(duties(pair.exchange(Ipa), &matter), settled);
    }
}
