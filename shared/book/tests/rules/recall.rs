//! The effect of a recall, the disposal of texts, and misdirected information.

use jiff::ToSpan as _;
use renkei_domain::{
    calendar,
    duty::{Duty, DutyKind},
    noun::{
        Disposed,
        item::{
            ANSWER_CONSENT_REQUEST, ANSWER_RECALL, FOLLOW_UP_RECALL, GIVE_DISCLOSURE_OPINION,
            copies::{copy_of, demand, disposed, last_of, outside},
        },
        registry,
    },
};
use renkei_proto::{
    journal::v1::fact,
    options::v1::Reason,
    sharing::v1::{
        Body, CopyAnswered, CopyFate, ItemDisposed, ItemRecalled, ItemTerms, RecallReason, RecipientDemand, ScopeBasis,
        disclosure_basis::Basis,
    },
    r#type::v1::{
        Agency::{self, Ipa, Ppc},
        Audience, Purpose,
    },
};

use super::{
    choice::Choice,
    consent_acts::{
        TWO, announce, answer_recall, copy, copy_act, disclose, disclose_by_consent, disclose_by_law, disclosed_copy,
        dispose, extent, grant_for, grant_in_advance, listed, matter, narrow_to, opinion, oral, recall_for, refusal,
        remind, request_for, revise_keeping, revoke_consent, shared,
    },
    item_acts::{designated, kinds, publish, revise, shown, terms, within},
    model::{Act, BOTH, Pair},
};

/// The duties of both agencies, equal on both sides.
pub(super) fn duties(pair: &Pair) -> Vec<(Agency, Duty)> {
    let of =
        |holder: Agency, own: Agency| registry::of(&matter()).duties(own, &matter(), pair.of(holder).page(&matter()));
    for own in BOTH {
        assert_eq!(of(Ppc, own), of(Ipa, own), "both agencies see the same duties of {own:?}");
    }
    BOTH.into_iter().flat_map(|own| of(own, own).into_iter().map(move |duty| (own, duty))).collect()
}

pub(super) fn named(pair: &Pair) -> Vec<(Agency, DutyKind)> {
    duties(pair).into_iter().map(|(own, duty)| (own, duty.kind)).collect()
}

pub(super) fn recalled(pair: &mut Pair, reason: RecallReason) -> u64 {
    let act = recall_for(&pair.ipa, &matter(), reason);
    pair.writes(Ipa, &act)
}

/// An item of which IPA has consented that it goes to NCO, and PPC has passed it on: the consent and the disclosure.
fn disclosed() -> (Pair, u64, u64) {
    let mut pair = shared(terms());
    let act = grant_for(&pair.ipa, &matter(), extent(&[listed(Body::Nco), listed(Body::Meti)], &TWO), 0);
    let consent = pair.writes(Ipa, &act);
    let act = disclose_by_consent(&pair.ppc, &matter());
    let seq = pair.writes(Ppc, &act);
    (pair, consent, seq)
}

fn reported(pair: &Pair, fact: CopyAnswered) -> Option<(Reason, &'static str)> {
    refusal(&pair.ppc, &copy_act(&pair.ppc, &matter(), fact))
}

/// The disclosures whose copies are to be reported, and the entry that each report answers.
fn asked(pair: &Pair) -> Vec<(u64, u64)> {
    let outside = outside(pair.ppc.page(&matter()), Ipa);
    outside.into_iter().map(|(mark, by)| (mark.seq, by.seq)).collect()
}

#[test]
fn a_recall_names_a_day_to_come_or_none() {
    let pair = shared(terms());
    let today = calendar::day(pair.ipa.now);
    let by = |day: &str| {
        let recalled = ItemRecalled {
            reason: RecallReason::Incorrect.into(),
            answer_by: day.to_owned(),
            ..ItemRecalled::default()
        };
        refusal(&pair.ipa, &Act::new(&matter(), fact::Fact::ItemRecalled(recalled)))
    };
    let invalid = Some((Reason::FieldInvalid, "answer_by"));
    assert_eq!([by(""), by(&today.to_string())], [None, None]);
    assert_eq!([by(&today.yesterday().unwrap().to_string()), by("2026-11-31")], [invalid; 2]);
}

#[test]
fn each_fate_of_a_copy_states_what_belongs_to_it() {
    let (mut pair, _, seq) = disclosed();
    recalled(&mut pair, RecallReason::Incorrect);
    let (today, party) = (calendar::day(pair.ppc.now), &pair.ppc);
    let of = |fate| copy(party, 1, fate);
    let third = |demand| disclosed_copy(party, &matter(), seq, demand);
    let until = |fate, day: &str| CopyAnswered { retained_until: day.to_owned(), ..of(fate) };
    let (disclosure, demand, retained) = (
        Some((Reason::FieldInvalid, "disclosure")),
        Some((Reason::FieldInvalid, "demand")),
        Some((Reason::FieldInvalid, "retained_until")),
    );
    use CopyFate::{Disclosed, Disposed, Retained, Returned, Sealed};
    for fate in [Sealed, Returned, Disposed, Retained] {
        assert_eq!(reported(&pair, of(fate)), None, "{fate:?}");
        let stop = RecipientDemand::StopUse.into();
        assert_eq!(reported(&pair, CopyAnswered { demand: stop, ..of(fate) }), demand, "{fate:?}");
        let named = CopyAnswered { disclosure: seq, ..of(fate) };
        assert_eq!(reported(&pair, named), disclosure, "{fate:?}");
        if fate != Retained {
            assert_eq!(reported(&pair, until(fate, &today.to_string())), retained, "{fate:?}");
        }
    }
    for (day, expected) in [
        (today.to_string(), None),
        (today.yesterday().unwrap().to_string(), retained),
        (String::new(), retained),
        ("2027-02-29".to_owned(), retained),
    ] {
        assert_eq!(reported(&pair, until(Retained, &day)), expected, "{day}");
    }
    use RecipientDemand::{Dispose, NotPossible, Return, StopUse, Unspecified};
    for wanted in [StopUse, Return, Dispose] {
        assert_eq!(reported(&pair, third(wanted)), None, "{wanted:?}");
    }
    assert_eq!(reported(&pair, third(Unspecified)), demand);
    assert_eq!(reported(&pair, third(NotPossible)), demand, "no law required it");
    let unknown = CopyAnswered { disclosure: seq + 9, ..third(StopUse) };
    assert_eq!(reported(&pair, unknown), Some((Reason::FieldInvalid, "disclosure")));
    let nameless = CopyAnswered { fate: Disclosed.into(), disclosure: 0, ..third(StopUse) };
    assert_eq!(reported(&pair, nameless), Some((Reason::FieldInvalid, "disclosure")));
    let astray = copy_act(&pair.ppc, &matter(), of(Sealed)).answering(1);
    assert_eq!(refusal(&pair.ppc, &astray), Some((Reason::HeaderDiffers, "")));
}

#[test]
fn copies_are_numbered_in_order_and_only_what_is_not_final_changes() {
    use CopyFate::{Disposed, Retained, Returned, Sealed};
    let mut start = shared(terms());
    recalled(&mut start, RecallReason::Incorrect);
    let of = |pair: &Pair, number, fate| copy(&pair.ppc, number, fate);
    let number = Some((Reason::FieldInvalid, "copy"));
    assert_eq!([0, 2].map(|it| reported(&start, of(&start, it, Sealed))), [number; 2]);
    let told = Some((Reason::WrongState, "copy"));
    for (first, then, expected) in [
        (Sealed, Sealed, told),
        (Sealed, Returned, None),
        (Sealed, Disposed, None),
        (Sealed, Retained, None),
        (Retained, Retained, told),
        (Retained, Sealed, None),
        (Retained, Returned, None),
        (Retained, Disposed, None),
        (Returned, Sealed, told),
        (Returned, Returned, told),
        (Returned, Disposed, told),
        (Disposed, Sealed, told),
        (Disposed, Returned, told),
        (Disposed, Disposed, told),
    ] {
        let mut pair = start.clone();
        let act = copy_act(&pair.ppc, &matter(), of(&pair, 1, first));
        pair.writes(Ppc, &act);
        assert_eq!(reported(&pair, of(&pair, 1, then)), expected, "{first:?} {then:?}");
        assert_eq!(reported(&pair, of(&pair, 2, then)), None, "another copy");
    }
    let mut pair = start.clone();
    let act = copy_act(&pair.ppc, &matter(), of(&pair, 1, Retained));
    pair.writes(Ppc, &act);
    let longer = CopyAnswered { retained_until: "2030-03-31".to_owned(), ..of(&pair, 1, Retained) };
    assert_eq!(reported(&pair, longer), None, "for longer");
    let shown = shown(&pair.ipa, &matter()).unwrap();
    assert_eq!((shown.copies.len(), shown.copies[0].fate()), (1, Retained));
}

#[test]
fn at_most_a_hundred_copies_are_reported() {
    let mut pair = shared(terms());
    recalled(&mut pair, RecallReason::Incorrect);
    for number in 1..=100 {
        let act = copy_act(&pair.ppc, &matter(), copy(&pair.ppc, number, CopyFate::Sealed));
        pair.ppc.write(&act).unwrap();
    }
    let more = reported(&pair, copy(&pair.ppc, 101, CopyFate::Sealed));
    assert_eq!(more, Some((Reason::WrongState, "copy")));
}

#[test]
fn a_recall_is_complete_when_the_receiver_says_so_and_every_disclosure_is_reported() {
    let (mut pair, _, seq) = disclosed();
    let recall = recalled(&mut pair, RecallReason::Incorrect);
    assert_eq!(asked(&pair), [(seq, recall)]);
    let complete = |fact: CopyAnswered| CopyAnswered { complete: true, ..fact };
    let own = copy(&pair.ppc, 1, CopyFate::Returned);
    assert_eq!(reported(&pair, complete(own.clone())), Some((Reason::WrongState, "")), "a disclosure has no report");
    let act = copy_act(&pair.ppc, &matter(), own.clone());
    pair.writes(Ppc, &act);
    let third = disclosed_copy(&pair.ppc, &matter(), seq, RecipientDemand::Return);
    assert_eq!(third.copy, 2);
    let is_complete = |pair: &Pair| shown(&pair.ipa, &matter()).unwrap().recall_complete;
    for (fact, again) in [(third.clone(), third), (complete(own.clone()), own)] {
        // Either the report of the last copy completes, or the same report once more.
        let mut pair = pair.clone();
        let last = disclosed_copy(&pair.ppc, &matter(), seq, RecipientDemand::Return);
        if fact.complete {
            let act = copy_act(&pair.ppc, &matter(), last);
            pair.writes(Ppc, &act);
            assert_eq!(asked(&pair), []);
        } else {
            let act = copy_act(&pair.ppc, &matter(), fact);
            pair.writes(Ppc, &act);
        }
        assert!(!is_complete(&pair));
        assert!(reported(&pair, again.clone()).is_some(), "nothing new");
        let act = copy_act(&pair.ppc, &matter(), complete(again.clone()));
        pair.writes(Ppc, &act);
        assert!(is_complete(&pair));
        assert!(reported(&pair, complete(again)).is_some(), "complete already");
        assert_eq!(duties(&pair), []);
    }
}

#[test]
fn a_narrower_revision_asks_for_the_copies_of_those_who_are_outside() {
    let community = |purposes: &[Purpose]| within(designated(Audience::Community, &[], purposes));
    for (narrower, is_outside) in [
        (terms(), true),
        (within(designated(Audience::Organisation, &[], &TWO)), true),
        (community(&TWO[1..]), true),
        (community(&TWO[..1]), false),
        (within(designated(Audience::Public, &[], &[])), false),
    ] {
        let mut pair = shared(community(&TWO));
        let act = disclose(&pair.ppc, &matter(), listed(Body::Nco), TWO[0], &[], Basis::Scope(ScopeBasis {}));
        let seq = pair.writes(Ppc, &act);
        let act = disclose_by_law(&pair.ppc, &matter());
        pair.writes(Ppc, &act);
        let act = revise(&pair.ipa, &matter(), narrower.clone());
        let by = pair.writes(Ipa, &act);
        let expected = is_outside.then_some((seq, by));
        assert_eq!(asked(&pair), expected.into_iter().collect::<Vec<_>>(), "{narrower:?}");
        let duty = is_outside.then_some((Ppc, ANSWER_RECALL.undated()));
        assert_eq!(duties(&pair), duty.into_iter().collect::<Vec<_>>());
        if !is_outside {
            continue;
        }
        let third = disclosed_copy(&pair.ppc, &matter(), seq, RecipientDemand::StopUse);
        let own = copy(&pair.ppc, 1, CopyFate::Sealed);
        assert_eq!(reported(&pair, own), Some((Reason::WrongState, "")), "nobody asks for the receiver's own copies");
        let complete = CopyAnswered { complete: true, ..third.clone() };
        assert_eq!(reported(&pair, complete), Some((Reason::WrongState, "")), "nothing is recalled");
        let act = copy_act(&pair.ppc, &matter(), third.clone());
        pair.writes(Ppc, &act);
        assert_eq!((asked(&pair), duties(&pair)), (vec![], vec![]));
        assert!(reported(&pair, third).is_some(), "once");
        // A further revision asks for nothing that was reported.
        let act = revise(&pair.ipa, &matter(), narrower);
        pair.writes(Ipa, &act);
        assert_eq!(asked(&pair), []);
    }
}

#[test]
fn a_narrowed_or_revoked_consent_asks_for_the_copies_that_it_no_longer_covers() {
    let (start, consent, seq) = disclosed();
    for (act, is_outside) in [
        (revoke_consent(&matter(), consent), true),
        (narrow_to(&matter(), consent, extent(&[listed(Body::Meti)], &TWO)), true),
        (narrow_to(&matter(), consent, extent(&[listed(Body::Nco)], &TWO)), false),
        (narrow_to(&matter(), consent, extent(&[listed(Body::Nco)], &TWO[1..])), true),
        (revise_keeping(&start.ipa, &matter(), &[]), false),
    ] {
        let mut pair = start.clone();
        let by = pair.writes(Ipa, &act);
        let expected: Vec<_> = is_outside.then_some((seq, by)).into_iter().collect();
        assert_eq!(asked(&pair), expected, "{act:?}");
    }
    let mut pair = start;
    let (then, revoked) = (pair.ppc.now, revoke_consent(&matter(), consent));
    (pair.ppc.now, pair.ipa.now) = (then + 9000.hours(), then + 9000.hours());
    assert_eq!(asked(&pair), [], "an end by time asks for nothing");
    let revoked = pair.writes(Ipa, &revoked);
    let third = disclosed_copy(&pair.ppc, &matter(), seq, RecipientDemand::StopUse);
    let act = copy_act(&pair.ppc, &matter(), third.clone());
    assert_eq!(act.answers, revoked);
    pair.writes(Ppc, &act);
    // A recall may demand more of a recipient of whom something was demanded before.
    let recall = recalled(&mut pair, RecallReason::Misdirected);
    assert_eq!(asked(&pair), [(seq, recall)]);
    assert_eq!(copy_of(pair.ppc.page(&matter()), Ipa, seq), third.copy);
    let again = disclosed_copy(&pair.ppc, &matter(), seq, RecipientDemand::Dispose);
    let second = CopyAnswered { copy: third.copy + 1, ..again.clone() };
    assert_eq!(reported(&pair, second), Some((Reason::FieldInvalid, "copy")), "one copy has one number");
    let act = copy_act(&pair.ppc, &matter(), again);
    pair.writes(Ppc, &act);
    assert_eq!(asked(&pair), []);
    assert_eq!(demand(pair.ipa.page(&matter()), Ipa, seq), RecipientDemand::Dispose);
    assert_eq!(shown(&pair.ipa, &matter()).unwrap().copies.len(), 1);
}

#[test]
fn a_recall_asks_for_the_copy_of_a_law_too_and_nothing_else_does() {
    let mut pair = shared(terms());
    let act = disclose_by_law(&pair.ppc, &matter());
    let seq = pair.writes(Ppc, &act);
    let act = revise(&pair.ipa, &matter(), terms());
    pair.writes(Ipa, &act);
    assert_eq!(asked(&pair), []);
    let recall = recalled(&mut pair, RecallReason::Incorrect);
    assert_eq!(asked(&pair), [(seq, recall)]);
    let possible = |demand| reported(&pair, disclosed_copy(&pair.ppc, &matter(), seq, demand));
    assert_eq!([possible(RecipientDemand::NotPossible), possible(RecipientDemand::Return)], [None; 2]);
    // A law may require one more after every copy was reported.
    for _ in 0..2 {
        let act = answer_recall(&pair.ppc, &matter());
        pair.writes(Ppc, &act);
        assert_eq!(duties(&pair), []);
        let act = disclose_by_law(&pair.ppc, &matter());
        pair.writes(Ppc, &act);
        assert_eq!(duties(&pair), [(Ppc, ANSWER_RECALL.undated())]);
    }
}

#[test]
fn the_originator_reminds_of_a_recall_with_a_day_until_it_is_answered() {
    let mut pair = shared(terms());
    let none = Some((Reason::WrongState, ""));
    assert_eq!(refusal(&pair.ipa, &remind(&matter())), none);
    let mut undated = pair.clone();
    undated.does(Ipa, Choice::Recall, 0);
    assert_eq!(refusal(&undated.ipa, &remind(&matter())), none, "nobody asked for an answer");
    undated.exchange(Ipa);
    assert_eq!(duties(&undated), []);
    recalled(&mut pair, RecallReason::Incorrect);
    let due = Some(calendar::day(pair.ipa.now + 168.hours()));
    let dated = |kind| Duty { kind, due, by_rule: false };
    assert_eq!(duties(&pair), [(Ppc, dated(ANSWER_RECALL)), (Ipa, dated(FOLLOW_UP_RECALL))]);
    for count in 1..=2 {
        pair.writes(Ipa, &remind(&matter()));
        assert_eq!(shown(&pair.ppc, &matter()).unwrap().reminders.len(), count);
    }
    for _ in 0..2 {
        let act = answer_recall(&pair.ppc, &matter());
        pair.writes(Ppc, &act);
    }
    assert_eq!(refusal(&pair.ipa, &remind(&matter())), none);
    assert_eq!(duties(&pair), []);
}

#[test]
fn requests_and_announcements_are_duties_of_the_originator_with_the_first_day() {
    let mut pair = shared(terms());
    let usual = || extent(&[listed(Body::Nco)], &TWO);
    let act = request_for(&pair.ppc, &matter(), usual(), None);
    pair.writes(Ppc, &act);
    assert_eq!(duties(&pair), [(Ipa, ANSWER_CONSENT_REQUEST.undated())]);
    let later = renkei_proto::sharing::v1::OralConsent {
        confirm_by: "2026-11-27".to_owned(),
        by_rule: true,
        ..oral(&pair.ppc)
    };
    for (oral, due, by_rule) in [(later, "2026-11-27", true), (oral(&pair.ppc), "2026-11-25", false)] {
        let act = request_for(&pair.ppc, &matter(), usual(), Some(oral));
        pair.writes(Ppc, &act);
        let duty = Duty { kind: ANSWER_CONSENT_REQUEST, due: Some(due.parse().unwrap()), by_rule };
        assert_eq!(duties(&pair), [(Ipa, duty)]);
    }
    for _ in 0..3 {
        let act = super::consent_acts::deny(&pair.ipa, &matter());
        pair.writes(Ipa, &act);
    }
    assert_eq!(duties(&pair), []);
    let act = announce(&pair.ppc, &matter());
    pair.writes(Ppc, &act);
    let planned = Some(calendar::day(pair.ppc.now + 48.hours()));
    let duty = Duty { kind: GIVE_DISCLOSURE_OPINION, due: planned, by_rule: false };
    assert_eq!(duties(&pair), [(Ipa, duty)]);
    for act in [(Ipa, opinion(&pair.ipa, &matter())), (Ppc, disclose_by_law(&pair.ppc, &matter()))] {
        let mut pair = pair.clone();
        pair.writes(act.0, &act.1);
        assert_eq!(duties(&pair), []);
    }
}

#[test]
fn the_recall_of_an_item_that_was_refused_is_nobodys_duty() {
    for reason in [RecallReason::Incorrect, RecallReason::Misdirected] {
        let mut pair = Pair::new();
        let lie = publish(&pair.ipa, &matter(), kinds(Ipa)[0], ItemTerms { marking: None, ..terms() });
        pair.ipa.say(&lie);
        let act = recall_for(&pair.ipa, &matter(), reason);
        pair.ipa.write(&act).unwrap();
        pair.exchange_all(Ipa);
        pair.assert_agree();
        assert_eq!(duties(&pair), [], "{reason:?}");
    }
}

#[test]
fn a_disposal_names_the_last_entry_of_the_peer_and_erases_something() {
    let mut pair = shared(terms());
    let disposed_by = |pair: &Pair, by| disposed(pair.ppc.page(&matter()), by);
    let of = |act: &Act, peer_seq| {
        let fact::Fact::ItemDisposed(it) = act.fact else { panic!("a disposal") };
        Act::new(&matter(), fact::Fact::ItemDisposed(ItemDisposed { peer_seq, ..it }))
    };
    assert_eq!(disposed_by(&pair, Ppc), Disposed::default());
    let act = dispose(&pair.ppc, &matter());
    for (peer_seq, expected) in [(0, Some((Reason::FactDiffers, ""))), (1, None), (2, Some((Reason::FactDiffers, "")))]
    {
        assert_eq!(refusal(&pair.ppc, &of(&act, peer_seq)), expected, "{peer_seq}");
    }
    // A revision that crosses it is not erased, and the next disposal finds it.
    let revised = revise(&pair.ipa, &matter(), terms());
    let revised = pair.ipa.write(&revised).unwrap();
    let seq = pair.ppc.write(&act).unwrap();
    pair.exchange(Ipa).assert_agree();
    assert_eq!(disposed_by(&pair, Ppc), Disposed { own_before: seq, peer_until: 1 });
    let act = dispose(&pair.ppc, &matter());
    let seq = pair.writes(Ppc, &act);
    assert_eq!(disposed_by(&pair, Ppc), Disposed { own_before: seq, peer_until: revised });
    let erased = Some((Reason::WrongState, ""));
    assert_eq!(refusal(&pair.ppc, &dispose(&pair.ppc, &matter())), erased);
    let act = dispose(&pair.ipa, &matter());
    pair.writes(Ipa, &act);
    assert_eq!(disposed_by(&pair, Ipa).peer_until, last_of(pair.ipa.page(&matter()), Ppc));
    assert_eq!(refusal(&pair.ppc, &dispose(&pair.ppc, &matter())), erased, "a disposal is no text of the item");
    let act = grant_in_advance(&pair.ipa, &matter());
    pair.writes(Ipa, &act);
    for party in [&pair.ppc, &pair.ipa] {
        assert_eq!(refusal(party, &dispose(party, &matter())), None, "there is a new text");
    }
    let disposals = shown(&pair.ppc, &matter()).unwrap().disposals;
    assert_eq!(disposals.len(), 2);
    let nothing = Pair::new();
    assert_eq!(nothing.ppc.refuses(&dispose(&nothing.ppc, &matter())), Some(Reason::NotFound));
}
