//! Every pair of acts in both orders. Both agencies act while the link is cut, each by what it holds; then the journals
//! are exchanged in both orders. Nothing honest is refused, and both sides hold the same.

use renkei_proto::{agreement::v1::NoticeKind, r#type::v1::Agency};

use super::{
    acts::{issue, notice, referral, report, withdraw_notice},
    catalogue::{KINDS, published},
    choice::{CHOICES, Choice},
    model::{BOTH, Pair, notices},
};

/// One act: who, what, on which thing.
type Chosen = (Agency, Choice, u8);

fn every_act() -> Vec<Chosen> {
    let on_two = |choice| {
        use Choice::{Assent, FollowUp, Give, Judge, Paper, Revise, Withdraw, WithdrawNotice};
        matches!(choice, Revise | Withdraw | Give | FollowUp | Judge | WithdrawNotice | Assent | Paper)
    };
    let mut all = Vec::new();
    for agency in BOTH {
        for choice in CHOICES {
            all.push((agency, choice, 0));
            if on_two(choice) {
                all.push((agency, choice, 1));
            }
        }
    }
    all
}

/// Each agency has issued two referrals and given two notices, of which the first is withdrawn.
fn busy(exchanged: bool) -> Pair {
    let mut pair = published();
    for agency in BOTH {
        for n in 0..2_u8 {
            let act = issue(pair.of(agency), &referral(agency, n), &report(agency, KINDS[usize::from(n)]));
            pair.of_mut(agency).write(&act).unwrap();
            let act = notice(pair.of(agency), NoticeKind::Other);
            pair.of_mut(agency).write(&act).unwrap();
        }
        let first = notices(pair.of(agency), agency)[0];
        pair.of_mut(agency).write(&withdraw_notice(first)).unwrap();
    }
    if exchanged {
        pair.exchange(Agency::Ppc);
    }
    pair
}

/// All of it is done: given, judged again, followed up, the withdrawals assented to, a scheme of each withdrawn.
fn done() -> Pair {
    let mut pair = busy(true);
    for agency in BOTH {
        for choice in [Choice::Give, Choice::Judge, Choice::FollowUp, Choice::Assent, Choice::Withdraw] {
            let act = choice.act(pair.of(agency), 0).unwrap();
            pair.of_mut(agency).write(&act).unwrap();
        }
    }
    pair.exchange(Agency::Ipa);
    pair
}

/// The next term has begun, and it is disputed.
fn disputed() -> Pair {
    let mut pair = busy(true);
    pair.at("2027-04-01T09:00:00+09:00");
    pair
}

/// Writes both acts in this order, as far as they are permitted; gives which were.
fn write(pair: &mut Pair, acts: [Chosen; 2]) -> [bool; 2] {
    acts.map(|(agency, choice, n)| {
        let act = choice.act(pair.of(agency), n);
        act.is_some_and(|act| pair.of_mut(agency).write(&act).is_ok())
    })
}

fn assert_every_pair_agrees(start: &Pair) {
    let all = every_act();
    for one in &all {
        for other in &all {
            if one.0 == Agency::Ipa && other.0 == Agency::Ppc {
                // Nothing of the other reaches either before the exchange, so the swapped pair is the same.
                continue;
            }
            let mut pair = start.clone();
            if write(&mut pair, [*one, *other]) == [false, false] {
                continue;
            }
            let mut swapped = pair.clone();
            pair.exchange(Agency::Ppc).assert_agree();
            swapped.exchange(Agency::Ipa).assert_agree();
        }
    }
}

#[test]
fn every_pair_of_acts_agrees_before_anything_was_said() {
    assert_every_pair_agrees(&Pair::new());
}

#[test]
fn every_pair_of_acts_agrees_when_both_catalogues_are_published() {
    assert_every_pair_agrees(&published());
}

#[test]
fn every_pair_of_acts_agrees_on_what_both_hold() {
    assert_every_pair_agrees(&busy(true));
}

#[test]
fn every_pair_of_acts_agrees_on_what_only_its_author_holds() {
    assert_every_pair_agrees(&busy(false));
}

#[test]
fn every_pair_of_acts_agrees_on_what_is_done() {
    assert_every_pair_agrees(&done());
}

#[test]
fn every_pair_of_acts_agrees_while_the_term_is_disputed() {
    assert_every_pair_agrees(&disputed());
}

#[test]
fn every_act_of_one_side_meets_every_act_of_the_other() {
    let start = busy(true);
    for agency in BOTH {
        for one in CHOICES {
            for other in CHOICES {
                let met = |choice| [Choice::WithdrawNotice, Choice::Paper].contains(&choice).into();
                let acts = [(agency, one, met(one)), (agency.peer(), other, met(other))];
                assert_eq!(write(&mut start.clone(), acts), [true, true], "{acts:?}");
            }
        }
    }
}
