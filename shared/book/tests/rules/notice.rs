//! Notices under Art. 8: every act in every state, arrival and timing.

use jiff::ToSpan as _;
use renkei_domain::{
    duty::Duty,
    moment::stamp,
    noun::{
        Noun as _, Resource as _,
        agreement::{ASSENT, AgreementNoun, DECIDE_ON_NOTICE, due_warning, standing},
    },
    term::TermStanding,
};
use renkei_proto::{
    agreement::v1::{
        Agreement, ArrivalChannel, Notice, NoticeArrived, NoticeGiven, NoticeKind, NoticeReceived, NoticeTermWarned,
        NoticeTiming, notice::State,
    },
    journal::v1::{EntryRefused, fact},
    options::v1::Reason,
    r#type::v1::Agency,
};

use super::{
    acts::{
        agreement, assent, assent_to_record, notice, notice_state, numbered, paper, withdraw_notice, withdraw_record,
    },
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
            let fact = NoticeGiven { kind: NoticeKind::Other.into(), term: said, document: String::new() };
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

/// The standing of the agreement at the first instant of term 5, as both see it.
fn then(pair: &mut Pair) -> TermStanding {
    pair.at("2027-03-31T15:00:00Z");
    let [ppc, ipa] = [&pair.ppc, &pair.ipa].map(|party| standing(&party.view(), party.now));
    assert_eq!(ppc, ipa);
    ppc
}

fn is_disputed(standing: TermStanding) -> bool {
    matches!(standing, TermStanding::Disputed(_))
}

fn is_ended(standing: TermStanding) -> bool {
    matches!(standing, TermStanding::Expired { last } if last.ordinal == 4)
}

/// The paper of the giver, as its receiver records it.
fn record(written_on: &str, arrived_at: &str) -> NoticeReceived {
    NoticeReceived {
        kind: NoticeKind::NotRenew.into(),
        written_on: written_on.to_owned(),
        channel: ArrivalChannel::Paper.into(),
        arrived_at: Some(stamp(at(arrived_at))),
        document: "第1号".to_owned(),
    }
}

fn recording(fact: &NoticeReceived) -> Act {
    Act::new(&agreement(), fact::Fact::NoticeReceived(fact.clone()))
}

fn shown(party: &Party) -> Vec<Notice> {
    Agreement::of(&agreement(), party.page(&agreement()), party.now, String::new()).unwrap().notices
}

#[test]
fn a_paper_that_only_its_receiver_knows_disputes_and_never_ends() {
    for kind in [NoticeKind::NotRenew, NoticeKind::Change, NoticeKind::Other] {
        for (written_on, arrived_at, timing, disputes) in [
            ("2026-12-01", "2026-12-01T10:00:00+09:00", NoticeTiming::InDoubt, true),
            ("2026-12-30", "2026-12-30T23:59:59+09:00", NoticeTiming::InDoubt, true),
            ("2026-12-31", "2026-12-31T00:00:00+09:00", NoticeTiming::InDoubt, true),
            ("2026-12-30", "2027-01-04T10:00:00+09:00", NoticeTiming::InDoubt, true),
            ("2026-12-31", "2027-01-04T10:00:00+09:00", NoticeTiming::Late, false),
        ] {
            let mut pair = Pair::new();
            pair.at("2027-01-05T09:00:00+09:00");
            let fact = NoticeReceived { kind: kind.into(), ..record(written_on, arrived_at) };
            let seq = pair.ppc.write(&recording(&fact)).unwrap();
            pair.exchange(Agency::Ppc).assert_agree();
            let notice = first(&pair.ipa);
            assert_eq!((notice.author(), notice.timing(), notice.receiver_only), (GIVER, timing, true), "{arrived_at}");
            assert_eq!((notice.state(), notice.term, &*notice.document), (State::Arrived, 4, "第1号"));
            assert_eq!((&notice.entry, &notice.record), (&format!("agencies/ppc/entries/{seq}"), &notice.entry));
            assert_eq!(is_disputed(then(&mut pair)), disputes, "{kind:?} {arrived_at}");
        }
    }
}

/// IPA gives under the number of its paper; PPC has recorded the paper. Whichever comes first, it is one notice.
#[test]
fn a_paper_and_the_entry_under_its_number_are_one_notice_in_both_orders() {
    for order in ["record first", "entry first", "crossing"] {
        for given_at in ["2026-12-28T17:00:00+09:00", "2027-01-05T09:00:00+09:00"] {
            let mut pair = Pair::new();
            pair.at(given_at);
            let paper = recording(&record("2026-12-25", "2026-12-28T10:00:00+09:00"));
            let give = numbered(&pair.ipa, NoticeKind::NotRenew, "第1号");
            match order {
                "record first" => {
                    pair.ppc.write(&paper).unwrap();
                    pair.exchange(Agency::Ppc);
                    pair.ipa.write(&give).unwrap();
                }
                "entry first" => {
                    // PPC has read the number in the entry, so its record would prove nothing.
                    let seq = pair.ipa.write(&give).unwrap();
                    pair.exchange(GIVER);
                    assert_eq!(pair.ppc.refuses(&paper), Some(Reason::AlreadyExists));
                    pair.ppc.write(&super::acts::paper(seq, at("2026-12-28T10:00:00+09:00"))).unwrap();
                }
                _ => {
                    pair.ppc.write(&paper).unwrap();
                    pair.ipa.write(&give).unwrap();
                }
            }
            pair.exchange(GIVER).assert_agree();
            let notices = shown(&pair.ppc);
            assert_eq!(notices.len(), 1, "{order}");
            assert_eq!(notices[0].arrived_at, Some(stamp(at("2026-12-28T10:00:00+09:00"))));
            assert!(!notices[0].receiver_only && notices[0].record.is_empty() == (order == "entry first"));
            let late_entry = order == "entry first" && given_at.starts_with("2027");
            let timing = if late_entry { NoticeTiming::InDoubt } else { NoticeTiming::InTime };
            assert_eq!(notices[0].timing(), timing, "{order} {given_at}");
            let then = then(&mut pair);
            assert_eq!((is_ended(then), is_disputed(then)), (!late_entry, late_entry), "{order} {given_at}");
        }
    }
}

#[test]
fn another_number_kind_or_term_is_another_notice() {
    for (kind, number) in [(NoticeKind::Change, "第1号"), (NoticeKind::NotRenew, "第2号"), (NoticeKind::NotRenew, "")]
    {
        let mut pair = Pair::new();
        pair.at("2027-01-05T09:00:00+09:00");
        pair.ppc.write(&recording(&record("2026-12-25", "2026-12-28T10:00:00+09:00"))).unwrap();
        let give = numbered(&pair.ipa, kind, number);
        pair.ipa.write(&give).unwrap();
        pair.exchange(GIVER).assert_agree();
        assert_eq!(shown(&pair.ppc).len(), 2);
        assert!(is_disputed(then(&mut pair)), "the record is its receiver's word, and the entry is late");
    }
    let mut pair = Pair::new();
    pair.at("2027-01-05T09:00:00+09:00");
    pair.ppc.write(&recording(&record("2026-12-25", "2026-12-28T10:00:00+09:00"))).unwrap();
    pair.at("2027-04-01T00:00:00+09:00");
    let give = numbered(&pair.ipa, NoticeKind::NotRenew, "第1号");
    pair.ipa.write(&give).unwrap();
    pair.exchange(GIVER).assert_agree();
    assert_eq!(shown(&pair.ppc).iter().map(|notice| notice.term).collect::<Vec<_>>(), [4, 5]);
    assert!(is_disputed(then(&mut pair)));
}

/// What one side records alone, however it dates it, never ends a term, and never touches one that has begun.
#[test]
fn no_record_of_one_side_ends_a_term() {
    for given_at in ["2026-12-31T00:00:00+09:00", "2027-01-05T09:00:00+09:00", "2027-03-31T23:59:59+09:00"] {
        for arrived_at in ["2026-04-01T00:00:00+09:00", "2026-12-30T23:59:59+09:00", "2026-12-31T00:00:00+09:00"] {
            let (mut pair, seq) = given(NoticeKind::NotRenew, given_at);
            pair.exchange(GIVER);
            if pair.ppc.refuses(&paper(seq, at(arrived_at))).is_none() {
                pair.ppc.write(&paper(seq, at(arrived_at))).unwrap();
            }
            pair.exchange(GIVER).assert_agree();
            assert!(is_disputed(then(&mut pair)), "{given_at} {arrived_at}");
        }
    }
    let (mut pair, seq) = given(NoticeKind::NotRenew, "2027-01-05T09:00:00+09:00");
    pair.exchange(GIVER);
    let before_the_term = paper(seq, at("2026-03-31T23:59:59+09:00"));
    assert_eq!(pair.ppc.refuses(&before_the_term), Some(Reason::FieldInvalid));
}

#[test]
fn a_record_after_the_term_changes_no_term_that_has_begun() {
    let (mut pair, seq) = given(NoticeKind::NotRenew, "2026-12-28T17:00:00+09:00");
    pair.at("2027-01-04T09:30:00+09:00");
    pair.exchange(GIVER);
    pair.at("2027-04-01T00:00:00+09:00");
    assert!(is_disputed(standing(&pair.ppc.view(), pair.ppc.now)));
    pair.ppc.write(&paper(seq, at("2026-12-29T10:00:00+09:00"))).unwrap();
    pair.exchange(GIVER).assert_agree();
    let notice = first(&pair.ipa);
    assert_eq!(notice.arrived_at, Some(stamp(at("2026-12-29T10:00:00+09:00"))), "it is shown");
    assert_eq!(notice.timing(), NoticeTiming::InDoubt, "and does not count");
    assert!(is_disputed(standing(&pair.ppc.view(), pair.ppc.now)));

    let mut pair = Pair::new();
    pair.at("2027-04-01T00:00:00+09:00");
    pair.ppc.write(&recording(&record("2026-12-25", "2026-12-28T10:00:00+09:00"))).unwrap();
    pair.exchange(Agency::Ppc).assert_agree();
    assert_eq!(first(&pair.ipa).timing(), NoticeTiming::Late);
    assert!(matches!(then(&mut pair), TermStanding::InForce(_)));
}

#[test]
fn a_record_is_of_a_paper_or_a_call_that_was_written_and_came() {
    let mut pair = Pair::new();
    pair.at("2026-12-29T09:00:00+09:00");
    let sound = record("2026-12-25", "2026-12-28T10:00:00+09:00");
    let with = |change: fn(&mut NoticeReceived)| {
        let mut fact = sound.clone();
        change(&mut fact);
        recording(&fact)
    };
    for (what, act, expected) in [
        ("sound", recording(&sound), None),
        ("telephone", with(|it| it.channel = ArrivalChannel::Telephone.into()), None),
        ("link", with(|it| it.channel = ArrivalChannel::Link.into()), Some(Reason::FieldInvalid)),
        (
            "to come",
            with(|it| it.arrived_at = Some(stamp(at("2026-12-29T09:00:01+09:00")))),
            Some(Reason::FieldInvalid),
        ),
        ("no time", with(|it| it.arrived_at = None), Some(Reason::FieldInvalid)),
        ("before it was written", with(|it| it.written_on = "2026-12-29".to_owned()), Some(Reason::FieldInvalid)),
        ("before the first term", with(|it| it.written_on = "2023-03-31".to_owned()), Some(Reason::FieldInvalid)),
        ("no day", with(|it| it.written_on = "2026-02-30".to_owned()), Some(Reason::FieldInvalid)),
        ("another form", with(|it| it.document = "第１号".to_owned()), Some(Reason::FactDiffers)),
        ("an answer", recording(&sound).answering(1), Some(Reason::HeaderDiffers)),
    ] {
        assert_eq!(pair.ppc.refuses(&act), expected, "{what}");
    }
    pair.ppc.write(&recording(&sound)).unwrap();
    assert_eq!(pair.ppc.refuses(&recording(&sound)), Some(Reason::AlreadyExists));
    let again = with(|it| it.written_on = "2026-12-24".to_owned());
    assert_eq!(pair.ppc.refuses(&again), Some(Reason::AlreadyExists), "the same number in the same term");
    assert_eq!(pair.ppc.refuses(&with(|it| it.kind = NoticeKind::Change.into())), None);
    assert_eq!(pair.ppc.refuses(&with(|it| it.written_on = "2026-03-31".to_owned())), None, "another term");
}

#[test]
fn a_number_is_given_once_in_a_term_and_kind() {
    let mut pair = Pair::new();
    let act = numbered(&pair.ipa, NoticeKind::Other, "第1号");
    pair.ipa.write(&act).unwrap();
    assert_eq!(pair.ipa.refuses(&act), Some(Reason::AlreadyExists));
    assert_eq!(pair.ipa.refuses(&numbered(&pair.ipa, NoticeKind::Change, "第1号")), None);
    assert_eq!(pair.ipa.refuses(&numbered(&pair.ipa, NoticeKind::Other, "第 2号")), Some(Reason::FactDiffers));
    assert_eq!(pair.ppc.refuses(&numbered(&pair.ppc, NoticeKind::Other, "第1号")), None, "numbers are the giver's");
    pair.at("2027-04-01T00:00:00+09:00");
    assert_eq!(pair.ipa.refuses(&numbered(&pair.ipa, NoticeKind::Other, "第1号")), None, "they begin anew each year");
}

#[test]
fn a_recorded_paper_is_withdrawn_by_its_giver_and_may_be_recorded_again() {
    let mut pair = Pair::new();
    pair.at("2026-12-29T09:00:00+09:00");
    let paper = recording(&record("2026-12-25", "2026-12-28T10:00:00+09:00"));
    let seq = pair.ppc.write(&paper).unwrap();
    assert_eq!(pair.ipa.refuses(&withdraw_record(seq)), Some(Reason::NotFound), "it is not known yet");
    pair.exchange(Agency::Ppc);
    assert_eq!(pair.ppc.refuses(&withdraw_record(seq)), Some(Reason::NotFound), "its receiver withdraws nothing");
    assert_eq!(pair.ipa.refuses(&withdraw_notice(seq)), Some(Reason::NotFound), "it has no entry of the giver");
    pair.ipa.write(&withdraw_record(seq)).unwrap();
    assert_eq!(pair.ipa.refuses(&withdraw_record(seq)), Some(Reason::WrongState), "one withdrawal");
    pair.exchange(GIVER);
    assert!(is_disputed(then(&mut pair.clone())), "it counts until the assent");
    let wrong = assent_to_record(&pair.ppc, seq).answering(99);
    assert_eq!(pair.ppc.refuses(&wrong), Some(Reason::HeaderDiffers));
    let act = assent_to_record(&pair.ppc, seq);
    pair.ppc.write(&act).unwrap();
    assert_eq!(pair.ppc.refuses(&act), Some(Reason::WrongState));
    pair.exchange(Agency::Ppc).assert_agree();
    assert_eq!(first(&pair.ipa).state(), State::Withdrawn);
    assert!(matches!(then(&mut pair.clone()), TermStanding::InForce(_)));
    pair.ppc.write(&paper).unwrap();
    pair.exchange(Agency::Ppc).assert_agree();
    assert!(is_disputed(then(&mut pair)));
}

#[test]
fn what_was_given_over_the_link_is_withdrawn_by_its_entry() {
    let mut pair = Pair::new();
    pair.at("2026-12-29T09:00:00+09:00");
    let record_seq = pair.ppc.write(&recording(&record("2026-12-25", "2026-12-28T10:00:00+09:00"))).unwrap();
    pair.exchange(Agency::Ppc);
    let act = numbered(&pair.ipa, NoticeKind::NotRenew, "第1号");
    let seq = pair.ipa.write(&act).unwrap();
    assert_eq!(pair.ipa.refuses(&withdraw_record(record_seq)), Some(Reason::WrongState));
    pair.ipa.write(&withdraw_notice(seq)).unwrap();
    pair.exchange(GIVER);
    let act = assent(&pair.ppc, seq);
    pair.ppc.write(&act).unwrap();
    pair.exchange(GIVER).assert_agree();
    let notices = shown(&pair.ppc);
    assert_eq!(notices.iter().map(Notice::state).collect::<Vec<_>>(), [State::Withdrawn], "the paper falls with it");
    assert!(matches!(then(&mut pair), TermStanding::InForce(_)));
}

#[test]
fn officials_are_warned_in_time_once_for_each_day_and_until_the_last_open_day() {
    let mut pair = Pair::new();
    let own = Agency::Ppc;
    let duties = |pair: &Pair| AgreementNoun.duties(own, &agreement(), pair.ppc.page(&agreement()));
    let warned = |day: &str, pair: &mut Pair| {
        pair.at(&format!("{day}T09:00:00+09:00"));
        let due = due_warning(pair.ppc.page(&agreement()), pair.ppc.now);
        for term in 3..6 {
            for warning in 1..6 {
                let fact = NoticeTermWarned { term, warning };
                let refused = pair.ppc.refuses(&Act::new(&agreement(), fact::Fact::NoticeTermWarned(fact)));
                assert_eq!(refused, (due != Some(fact)).then_some(Reason::WrongState), "{day} {fact:?}");
            }
        }
        if let Some(warned) = due {
            pair.ppc.write(&Act::new(&agreement(), fact::Fact::NoticeTermWarned(warned))).unwrap();
        }
        due.map(|warned| (warned.term, warned.warning))
    };
    for (day, expected, is_open) in [
        ("2026-12-10", Some((4, 2)), true),
        ("2026-12-11", None, true),
        ("2026-12-14", Some((4, 3)), true),
        ("2026-12-28", Some((4, 4)), true),
        ("2026-12-29", Some((4, 5)), false),
        ("2027-03-31", None, false),
        ("2027-09-28", None, false),
        ("2027-09-29", Some((5, 1)), true),
        ("2028-05-01", Some((5, 5)), false),
    ] {
        assert_eq!(warned(day, &mut pair), expected, "{day}");
        assert_eq!(duties(&pair).len(), usize::from(is_open), "{day}");
    }
    assert_eq!(warned("2028-12-01", &mut pair).map(|(term, _)| term), Some(6));
    let expected = Duty { kind: DECIDE_ON_NOTICE, due: Some("2028-12-28".parse().unwrap()), by_rule: true };
    assert_eq!(duties(&pair), [expected]);
    let act = notice(&pair.ppc, NoticeKind::Other);
    pair.ppc.write(&act).unwrap();
    assert_eq!(duties(&pair), [], "a notice is a decision");
}

#[test]
fn the_receiver_owes_an_answer_to_a_withdrawal() {
    let duties = |pair: &Pair, own| {
        let found = AgreementNoun.duties(own, &agreement(), pair.of(own).page(&agreement()));
        found.iter().map(|duty| duty.kind).collect::<Vec<_>>()
    };
    let (pair, _) = after(&["arrive", "withdraw"]);
    assert_eq!((duties(&pair, Agency::Ppc), duties(&pair, GIVER)), (vec![ASSENT], vec![]));
    let (pair, _) = after(&["arrive", "withdraw", "assent"]);
    assert_eq!((duties(&pair, Agency::Ppc), duties(&pair, GIVER)), (vec![], vec![]));
}
