//! Notices under Art. 8: every act in every state, arrival and timing.

use jiff::ToSpan as _;
use renkei_domain::noun::Resource as _;
use renkei_proto::{
    agreement::v1::{
        Agreement, ArrivalChannel, Notice, NoticeArrived, NoticeGiven, NoticeKind, NoticeTiming, notice::State,
    },
    journal::v1::{EntryRefused, fact},
    options::v1::Reason,
    r#type::v1::Agency,
};

use super::{
    acts::{agreement, assent, notice, notice_state, paper, withdraw_notice},
    model::{Act, Pair, Party, at},
};

const GIVER: Agency = Agency::Ipa;

fn first(party: &Party) -> Notice {
    Agreement::of(&agreement(), party.page(&agreement()), party.now, String::new()).unwrap().notices[0].clone()
}

/// IPA gives notice; PPC has not stored it yet.
fn given(kind: NoticeKind, when: &str) -> (Pair, u64) {
    let mut pair = Pair::new();
    pair.at(when);
    let act = notice(&pair.ipa, kind);
    let seq = pair.ipa.write(&act).unwrap();
    (pair, seq)
}

fn over_the_link(seq: u64, arrived_at: jiff::Timestamp) -> Act {
    let Act { fact: fact::Fact::NoticeArrived(arrived), .. } = paper(seq, arrived_at) else { panic!("an arrival") };
    let arrived = NoticeArrived { channel: ArrivalChannel::Link.into(), ..arrived };
    Act::new(&agreement(), fact::Fact::NoticeArrived(arrived)).answering(seq)
}

/// The giver and the receiver of a notice after these steps.
fn after(steps: &[&str]) -> (Pair, u64) {
    let (mut pair, seq) = given(NoticeKind::Other, "2026-11-24T09:00:00+09:00");
    let mut held = false;
    for step in steps {
        match *step {
            "arrive" => {
                pair.exchange(GIVER);
                held = true;
            }
            "withdraw" => drop(pair.ipa.write(&withdraw_notice(seq)).unwrap()),
            _ => {
                let act = assent(&pair.ppc, seq);
                pair.ppc.write(&act).unwrap();
            }
        }
        if held {
            pair.exchange(GIVER);
        }
    }
    (pair, seq)
}

#[test]
fn every_act_is_permitted_or_refused_according_to_the_state() {
    let wrong = Some(Reason::WrongState);
    // The state; then the results of withdrawing, of recording the arrival over the link, and of assenting.
    for (steps, stands, expected) in [
        (&[][..], State::PendingArrival, [None, Some(Reason::NotFound), Some(Reason::NotFound)]),
        (&["withdraw"], State::PendingArrival, [wrong, Some(Reason::NotFound), Some(Reason::NotFound)]),
        (&["arrive"], State::Arrived, [None, wrong, wrong]),
        (&["arrive", "withdraw"], State::Arrived, [wrong, wrong, None]),
        (&["withdraw", "arrive"], State::Arrived, [wrong, wrong, None]),
        (&["arrive", "withdraw", "assent"], State::Withdrawn, [wrong, wrong, wrong]),
    ] {
        let (pair, seq) = after(steps);
        assert_eq!(notice_state(&pair.ipa, GIVER, seq), stands, "{steps:?}");
        let tried = [
            pair.ipa.refuses(&withdraw_notice(seq)),
            pair.ppc.refuses(&over_the_link(seq, pair.ppc.now)),
            pair.ppc.refuses(&assent(&pair.ppc, seq)),
        ];
        assert_eq!(tried, expected, "{steps:?}");
        assert_eq!(pair.ipa.refuses(&notice(&pair.ipa, NoticeKind::NotRenew)), None, "a notice is never refused");
        assert_eq!(pair.ppc.refuses(&notice(&pair.ppc, NoticeKind::NotRenew)), None, "a notice is never refused");
    }
}

#[test]
fn nobody_acts_in_the_other_agencys_place() {
    let (pair, seq) = after(&["arrive", "withdraw"]);
    assert_eq!(pair.ppc.refuses(&withdraw_notice(seq)), Some(Reason::NotFound), "the receiver withdraws nothing");
    assert_eq!(pair.ipa.refuses(&paper(seq, pair.ipa.now)), Some(Reason::NotFound), "the giver records no arrival");
    assert_eq!(pair.ipa.refuses(&assent(&pair.ipa, seq)), Some(Reason::NotFound), "the giver assents to nothing");
    assert_eq!(pair.ipa.refuses(&withdraw_notice(99)), Some(Reason::NotFound));
}

#[test]
fn answers_name_the_notice_or_its_withdrawal() {
    let (pair, seq) = after(&["arrive", "withdraw"]);
    assert_eq!(pair.ppc.refuses(&assent(&pair.ppc, seq).answering(seq)), Some(Reason::HeaderDiffers));
    let act = paper(seq, pair.ppc.now - 1.hour());
    assert_eq!(pair.ppc.refuses(&act.answering(seq + 1)), Some(Reason::HeaderDiffers));
    assert_eq!(pair.ipa.refuses(&withdraw_notice(seq).answering(1)), Some(Reason::HeaderDiffers));
    assert_eq!(pair.ipa.refuses(&notice(&pair.ipa, NoticeKind::Other).answering(1)), Some(Reason::HeaderDiffers));
}

#[test]
fn a_notice_names_the_term_of_its_day_in_japan() {
    for (when, term) in [
        ("2026-11-24T09:00:00+09:00", 4),
        ("2027-03-31T14:59:59Z", 4),
        ("2027-03-31T15:00:00Z", 5),
        ("2023-04-01T00:00:00+09:00", 1),
    ] {
        let ipa = &Pair::new().at(when).ipa.clone();
        for said in 1..7 {
            let fact = NoticeGiven { kind: NoticeKind::Other.into(), term: said };
            let refused = ipa.refuses(&Act::new(&agreement(), fact::Fact::NoticeGiven(fact)));
            assert_eq!(refused, (said != term).then_some(Reason::FactDiffers), "{when} {said}");
        }
    }
}

#[test]
fn the_label_turns_at_midnight_in_japan() {
    for (arrives, timing) in [
        ("2026-12-30T14:59:00Z", NoticeTiming::InTime),
        ("2026-12-30T15:00:00Z", NoticeTiming::InDoubt),
        ("2026-12-31T15:00:00Z", NoticeTiming::Late),
    ] {
        let (mut pair, _) = given(NoticeKind::NotRenew, arrives);
        pair.exchange(GIVER).assert_agree();
        assert_eq!(first(&pair.ipa).timing(), timing, "{arrives}");
    }
}

#[test]
fn while_its_arrival_is_pending_a_notice_has_no_label() {
    let (pair, _) = given(NoticeKind::NotRenew, "2026-12-28T12:00:00+09:00");
    let notice = first(&pair.ipa);
    assert_eq!((notice.state(), notice.timing()), (State::PendingArrival, NoticeTiming::Unspecified));
    assert_eq!(notice.arrived_at, None);
}

#[test]
fn an_earlier_arrival_on_paper_counts_though_the_link_was_down() {
    let (mut pair, seq) = given(NoticeKind::NotRenew, "2026-12-28T17:00:00+09:00");
    pair.at("2027-01-04T09:30:00+09:00");
    pair.exchange(GIVER);
    assert_eq!(first(&pair.ipa).timing(), NoticeTiming::InDoubt);
    let wrong = Some(Reason::WrongState);
    assert_eq!(pair.ppc.refuses(&over_the_link(seq, at("2026-12-29T10:00:00+09:00"))), wrong, "once over the link");
    assert_eq!(pair.ppc.refuses(&paper(seq, at("2027-01-04T09:30:00+09:00"))), wrong, "not earlier");
    assert_eq!(pair.ppc.refuses(&paper(seq, at("2027-01-04T09:31:00+09:00"))), Some(Reason::FieldInvalid), "future");
    pair.ppc.write(&paper(seq, at("2026-12-29T10:00:00+09:00"))).unwrap();
    assert_eq!(pair.ppc.refuses(&paper(seq, at("2026-12-29T10:00:00+09:00"))), wrong, "recorded already");
    pair.exchange(GIVER).assert_agree();
    assert_eq!(first(&pair.ipa).timing(), NoticeTiming::InTime);
    assert_eq!(first(&pair.ipa).entry, format!("agencies/ipa/entries/{seq}"));
}

#[test]
fn both_agencies_may_give_notice_and_each_notice_counts_separately() {
    let (mut pair, seq) = given(NoticeKind::NotRenew, "2026-12-01T09:00:00+09:00");
    let act = notice(&pair.ppc, NoticeKind::Change);
    let other = pair.ppc.write(&act).unwrap();
    pair.exchange(GIVER);
    pair.ipa.write(&withdraw_notice(seq)).unwrap();
    pair.exchange(GIVER);
    let act = assent(&pair.ppc, seq);
    pair.ppc.write(&act).unwrap();
    pair.exchange(GIVER).assert_agree();
    for party in [&pair.ppc, &pair.ipa] {
        assert_eq!(notice_state(party, GIVER, seq), State::Withdrawn);
        assert_eq!(notice_state(party, GIVER.peer(), other), State::Arrived);
    }
}

#[test]
fn an_assent_is_to_one_withdrawal_and_falls_with_it() {
    let (mut pair, seq) = after(&["arrive", "withdraw", "assent"]);
    let withdrawal = pair.ipa.journal(GIVER).last().unwrap().header.seq;
    let refused = EntryRefused { seq: withdrawal, reason: Reason::FactDiffers.into() };
    pair.ppc.write(&Act::new(&agreement(), fact::Fact::EntryRefused(refused)).answering(withdrawal)).unwrap();
    pair.exchange(GIVER).assert_agree();
    assert_eq!(notice_state(&pair.ipa, GIVER, seq), State::Arrived);
    pair.ipa.write(&withdraw_notice(seq)).unwrap();
    pair.exchange(GIVER).assert_agree();
    assert_eq!(
        notice_state(&pair.ipa, GIVER, seq),
        State::Arrived,
        "the new withdrawal waits for an assent of its own"
    );
    let act = assent(&pair.ppc, seq);
    pair.ppc.write(&act).unwrap();
    pair.exchange(GIVER).assert_agree();
    assert_eq!(notice_state(&pair.ipa, GIVER, seq), State::Withdrawn);
}
