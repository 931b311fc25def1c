//! Every pair of acts in both orders. Both agencies act while the link is cut, each by its own view; then the journals
//! are exchanged in both orders. No honest entry is refused, and both sides have the same pages.

use renkei_proto::{agreement::v1::NoticeKind, r#type::v1::Agency};

use super::{
    acts::{issue, notice, referral, report, withdraw_notice},
    advice,
    catalogue::{KINDS, published},
    choice::{ADVICE, CHOICES, CONSENT, Choice, ITEM, NOTICE},
    consent, item,
    model::{BOTH, Pair, notices},
};

/// One act: who, what, on which thing.
type Chosen = (Agency, Choice, u8);

fn every_act() -> Vec<Chosen> {
    let on_two = |choice| {
        use Choice::{Assent, Discharge, FollowUp, Give, Judge, Paper, Revise, Withdraw, WithdrawNotice};
        matches!(choice, Revise | Withdraw | Give | FollowUp | Judge | Discharge | WithdrawNotice | Assent | Paper)
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
pub fn busy(exchanged: bool) -> Pair {
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

/// Of a noun whose acts belong to one agency each.
fn acts_of(choices: &[Choice], opener: Agency) -> Vec<Chosen> {
    choices.iter().map(|choice| (choice.author(opener), *choice, 0)).collect()
}

fn assert_every_pair_agrees(start: &Pair, all: &[Chosen]) {
    for one in all {
        for other in all {
            // Nothing of the other reaches either before the exchange, so the swapped pair is the same.
            if (one.0, other.0) != (Agency::Ipa, Agency::Ppc) {
                assert_pair_agrees(start, [*one, *other]);
            }
        }
    }
}

/// The same of the pairs in which each agency does one act: there are many, and the acts of one agency do not cross.
fn assert_every_crossing_agrees(start: &Pair, all: &[Chosen]) {
    let of = |agency| all.iter().filter(move |it| it.0 == agency);
    of(Agency::Ppc).for_each(|one| of(Agency::Ipa).for_each(|other| assert_pair_agrees(start, [*one, *other])));
}

fn assert_pair_agrees(start: &Pair, acts: [Chosen; 2]) {
    let mut pair = start.clone();
    if write(&mut pair, acts) == [false, false] {
        return;
    }
    let mut swapped = pair.clone();
    pair.exchange(Agency::Ppc).assert_agree();
    swapped.exchange(Agency::Ipa).assert_agree();
}

#[test]
fn every_pair_of_acts_agrees_before_the_first_entry() {
    assert_every_pair_agrees(&Pair::new(), &every_act());
}

#[test]
fn every_pair_of_acts_agrees_when_both_catalogues_are_published() {
    assert_every_pair_agrees(&published(), &every_act());
}

#[test]
fn every_pair_of_acts_agrees_on_entries_that_both_have() {
    assert_every_pair_agrees(&busy(true), &every_act());
}

#[test]
fn every_pair_of_acts_agrees_on_entries_that_only_the_author_has() {
    assert_every_pair_agrees(&busy(false), &every_act());
}

#[test]
fn every_pair_of_acts_agrees_on_completed_matters() {
    assert_every_pair_agrees(&done(), &every_act());
}

#[test]
fn every_pair_of_acts_agrees_while_the_term_is_disputed() {
    assert_every_pair_agrees(&disputed(), &every_act());
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

/// The start in which everything but the last act of a path is stored by both.
fn last_act_unknown(opener: Agency, path: &[Choice]) -> Option<Pair> {
    let (last, before) = path.split_last()?;
    let mut pair = Pair::new().after(opener, before, 0);
    pair.does(opener, *last, 0);
    Some(pair)
}

#[test]
fn every_pair_of_acts_on_a_request_for_advice_agrees_in_every_state() {
    let acts = acts_of(&ADVICE, Agency::Ppc);
    for (path, ..) in advice::ROWS {
        assert_every_pair_agrees(&advice::after(path), &acts);
    }
}

#[test]
fn every_pair_of_acts_on_a_request_agrees_when_the_last_act_has_not_arrived() {
    let acts = acts_of(&ADVICE, Agency::Ppc);
    for (path, ..) in advice::ROWS {
        if let Some(start) = last_act_unknown(Agency::Ppc, path) {
            assert_every_pair_agrees(&start, &acts);
        }
    }
}

#[test]
fn every_pair_of_acts_on_an_item_agrees_in_every_state() {
    for opener in BOTH {
        let acts = acts_of(&ITEM, opener);
        for (path, ..) in item::ROWS {
            assert_every_pair_agrees(&Pair::new().after(opener, path, 0), &acts);
        }
    }
}

#[test]
fn every_pair_of_acts_on_an_item_agrees_when_the_last_act_has_not_arrived() {
    for opener in BOTH {
        let acts = acts_of(&ITEM, opener);
        for (path, ..) in item::ROWS {
            if let Some(start) = last_act_unknown(opener, path) {
                assert_every_pair_agrees(&start, &acts);
            }
        }
    }
}

/// Originators in turn, because both are alike.
fn consent_rows() -> impl Iterator<Item = (Agency, &'static [Choice])> {
    consent::ROWS.into_iter().zip(BOTH.into_iter().cycle()).map(|((path, _), opener)| (opener, path))
}

#[test]
fn every_pair_of_acts_of_consent_agrees_in_every_state() {
    for (opener, path) in consent_rows() {
        assert_every_crossing_agrees(&Pair::new().after(opener, path, 0), &acts_of(&CONSENT, opener));
    }
}

#[test]
fn every_pair_of_acts_of_consent_agrees_when_the_last_act_has_not_arrived() {
    for (opener, path) in consent_rows() {
        if let Some(start) = last_act_unknown(opener, path) {
            assert_every_crossing_agrees(&start, &acts_of(&CONSENT, opener));
        }
    }
}

/// Papers and entries that state one notice or not, withdrawn and assented to: every act in every state, also when the last
/// step has not arrived.
#[test]
fn every_pair_of_acts_on_notices_agrees_in_every_state() {
    use Choice::{Assent, AssentRecord, Notice, Numbered, Received, WithdrawNotice, WithdrawRecord};
    let acts: Vec<Chosen> = BOTH.iter().flat_map(|agency| NOTICE.map(|choice| (*agency, choice, 0))).collect();
    let (ppc, ipa) = (Agency::Ppc, Agency::Ipa);
    for path in [
        &[][..],
        &[(ppc, Notice)],
        &[(ipa, Received)],
        &[(ppc, Numbered)],
        &[(ipa, Received), (ppc, Numbered)],
        &[(ipa, Received), (ppc, WithdrawRecord)],
        &[(ipa, Received), (ppc, WithdrawRecord), (ipa, AssentRecord)],
        &[(ipa, Received), (ppc, WithdrawRecord), (ppc, Numbered)],
        &[(ipa, Received), (ppc, Numbered), (ppc, WithdrawNotice), (ipa, Assent)],
    ] {
        for last_arrives in [true, false] {
            let mut pair = Pair::new();
            for (place, (agency, choice)) in path.iter().enumerate() {
                let act = choice.act(pair.of(*agency), 0).unwrap();
                pair.of_mut(*agency).write(&act).unwrap();
                if last_arrives || place + 1 < path.len() {
                    pair.exchange(*agency);
                }
            }
            assert_every_pair_agrees(&pair, &acts);
            pair.at("2027-04-01T09:00:00+09:00");
            assert_every_pair_agrees(&pair, &acts);
        }
    }
}

/// A request is accepted, each agency has shared an item, and IPA has given notice.
fn mixed() -> Pair {
    let mut pair = published().after(Agency::Ppc, &[Choice::AskAdvice, Choice::Accept, Choice::PublishItem], 0);
    pair = pair.after(Agency::Ipa, &[Choice::PublishItem, Choice::Notice], 0);
    pair.at("2026-12-28T09:00:00+09:00");
    pair
}

/// Acts of every noun, of which some hang on the agreement's being in force.
fn across() -> Vec<Chosen> {
    use Choice::{
        Assent, Give, GiveFinal, Issue, Notice, Paper, PublishItem, Recall, ReviseItem, Supplement, WithdrawNotice,
    };
    let shared = [Issue, Give, Notice, WithdrawNotice, Assent, Paper, PublishItem, ReviseItem, Recall];
    let mut all: Vec<Chosen> = BOTH.iter().flat_map(|agency| shared.map(|choice| (*agency, choice, 0))).collect();
    all.extend([(Agency::Ppc, Choice::AskAdvice, 1), (Agency::Ppc, Supplement, 0), (Agency::Ipa, GiveFinal, 0)]);
    all.extend(BOTH.map(|agency| (agency, PublishItem, 1)));
    all
}

#[test]
fn every_pair_of_acts_across_the_nouns_agrees_in_force_and_while_disputed() {
    let mut pair = mixed();
    assert_every_pair_agrees(&pair, &across());
    pair.at("2027-04-01T09:00:00+09:00");
    assert_every_pair_agrees(&pair, &across());
}
