//! Misdirected information: from the report or the recall to the closing of the incident.

use renkei_domain::noun::item::{
    ANSWER_RECALL, CLOSE_MISDIRECTION, COUNT_MISDIRECTION_READERS, FOLLOW_UP_RECALL, SETTLE_UNITS,
};
use renkei_proto::{
    journal::v1::fact,
    options::v1::Reason,
    sharing::v1::{MisdirectionClosed, RecallReason},
    r#type::v1::{
        Agency::{Ipa, Ppc},
        Audience,
    },
};

use super::{
    choice::Choice,
    consent_acts::{TWO, close_misdirection, count_readers, matter, recall_for, refusal, report_misdirection, shared},
    item_acts::{ask_about, designated, revise, shown, terms, within},
    model::{Act, BOTH, Pair},
    recall::{duties, named, recalled},
};

#[test]
fn misdirected_information_is_sealed_counted_recalled_and_closed() {
    let count = (Ppc, COUNT_MISDIRECTION_READERS);
    let close = (Ipa, CLOSE_MISDIRECTION);
    let [answer, follow] = [(Ppc, ANSWER_RECALL), (Ipa, FOLLOW_UP_RECALL)];
    let wrong = Some((Reason::WrongState, ""));
    let closing = |pair: &Pair, unfounded| {
        let act = close_misdirection(&pair.ipa, &matter());
        let closed = fact::Fact::MisdirectionClosed(MisdirectionClosed { unfounded });
        refusal(&pair.ipa, &Act::new(&matter(), closed).answering(act.answers))
    };
    // The receiver finds it.
    let mut pair = shared(terms());
    let act = report_misdirection(&pair.ppc, &matter());
    pair.writes(Ppc, &act);
    assert_eq!(named(&pair), [count, close]);
    assert_eq!([closing(&pair, true), closing(&pair, false)], [wrong; 2], "nobody has counted the readers");
    assert_eq!(refusal(&pair.ppc, &ask_about(&pair.ppc, &matter())), wrong);
    assert_eq!(refusal(&pair.ipa, &revise(&pair.ipa, &matter(), terms())), wrong);
    let act = count_readers(&pair.ppc, &matter());
    assert_eq!(act.answers, 0);
    pair.writes(Ppc, &act);
    assert_eq!(refusal(&pair.ppc, &act), wrong, "once");
    assert_eq!(named(&pair), [close]);
    assert_eq!([closing(&pair, true), closing(&pair, false)], [None, wrong]);
    let mut unfounded = pair.clone();
    recalled(&mut pair, RecallReason::Misdirected);
    assert_eq!(named(&pair), [answer, close, follow]);
    assert_eq!([closing(&pair, true), closing(&pair, false)], [wrong, None]);
    let act = close_misdirection(&pair.ipa, &matter());
    pair.writes(Ipa, &act);
    assert_eq!(named(&pair), [answer, follow]);
    let incident = shown(&pair.ppc, &matter()).unwrap().misdirection.unwrap();
    assert_eq!((incident.officials, incident.reads, incident.systems), (2, 5, 1));
    assert!(!incident.unfounded && !incident.closing_entry.is_empty());

    // It was sent on purpose: everything goes on, and it may be reported again.
    let act = close_misdirection(&unfounded.ipa, &matter());
    unfounded.writes(Ipa, &act);
    assert_eq!((duties(&unfounded), closing(&unfounded, true)), (vec![], wrong));
    let act = ask_about(&unfounded.ppc, &matter());
    assert_eq!(refusal(&unfounded.ppc, &act), None);
    let mut again = unfounded.clone();
    let act = report_misdirection(&again.ppc, &matter());
    again.writes(Ppc, &act);
    assert_eq!(named(&again), [count, close], "the count of the incident before is no count of this one");
    recalled(&mut unfounded, RecallReason::Misdirected);
    assert_eq!(named(&unfounded), [count, answer, close, follow], "the originator has found it after all");

    // The originator finds it.
    let mut pair = shared(terms());
    let recall = recalled(&mut pair, RecallReason::Misdirected);
    assert_eq!(named(&pair), [count, answer, close, follow]);
    let act = count_readers(&pair.ppc, &matter());
    assert_eq!(act.answers, recall);
    pair.writes(Ppc, &act);
    assert_eq!([closing(&pair, true), closing(&pair, false)], [wrong, None]);
    let act = close_misdirection(&pair.ipa, &matter());
    assert_eq!(act.answers, 0);
    pair.writes(Ipa, &act);
    assert_eq!(named(&pair), [answer, follow]);
}

#[test]
fn a_recall_for_another_reason_is_no_incident() {
    let mut pair = shared(terms());
    recalled(&mut pair, RecallReason::Incorrect);
    let none = Some((Reason::WrongState, ""));
    assert_eq!(refusal(&pair.ppc, &count_readers(&pair.ppc, &matter())), none);
    assert_eq!(refusal(&pair.ipa, &close_misdirection(&pair.ipa, &matter())), none);
    assert!(shown(&pair.ppc, &matter()).unwrap().misdirection.is_none());
}

#[test]
fn a_report_and_a_recall_that_cross_are_one_incident() {
    for first in BOTH {
        let mut pair = shared(terms());
        let (report, recall) =
            (report_misdirection(&pair.ppc, &matter()), recall_for(&pair.ipa, &matter(), RecallReason::Misdirected));
        pair.ppc.write(&report).unwrap();
        pair.ipa.write(&recall).unwrap();
        pair.exchange(first).assert_agree();
        for (author, act) in [(Ppc, Choice::CountReaders), (Ipa, Choice::CloseMisdirection)] {
            pair.does(Ipa, act, 0);
            pair.exchange(author).assert_agree();
        }
        assert_eq!(named(&pair), [(Ppc, ANSWER_RECALL), (Ipa, FOLLOW_UP_RECALL)]);
    }
}

/// The receiver's service answers by itself that a unit is unknown, but of an item that was reported it says nothing.
#[test]
fn units_that_the_receiver_lacks_are_settled_after_the_end_of_an_incident() {
    let unknown = within(designated(Audience::Units, &["polcy"], &TWO));
    let mut pair = shared(terms());
    let (report, revision) = (report_misdirection(&pair.ppc, &matter()), revise(&pair.ipa, &matter(), unknown.clone()));
    pair.ppc.write(&report).unwrap();
    pair.ipa.write(&revision).unwrap();
    pair.exchange(Ipa).assert_agree();
    assert_eq!(shown(&pair.ppc, &matter()).unwrap().missing_units, [""; 0]);
    for choice in [Choice::CountReaders, Choice::CloseMisdirection] {
        pair.does(Ipa, choice, 0);
        pair.exchange(Ipa).assert_agree();
    }
    assert_eq!(shown(&pair.ipa, &matter()).unwrap().missing_units, ["polcy"]);
    assert_eq!(named(&pair), [(Ppc, SETTLE_UNITS), (Ipa, SETTLE_UNITS)]);
    let act = report_misdirection(&pair.ppc, &matter());
    pair.writes(Ppc, &act);
    assert_eq!(named(&pair), [(Ppc, COUNT_MISDIRECTION_READERS), (Ipa, CLOSE_MISDIRECTION)]);
}
