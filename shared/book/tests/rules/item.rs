//! Items: every act in every state, revisions, and what a recall does.

use renkei_domain::{
    decide::{MOST_ENTRIES, decide_read},
    matter::Matter,
    moment::stamp,
    noun::item::{fact_kind, state},
    page::Journal,
    visibility::Reader,
};
use renkei_proto::{
    FactKind,
    options::v1::{Reason, Role},
    sharing::v1::{Item, ItemKind, ItemTerms, Publication, PublicationPlan, item::State},
    r#type::v1::{
        Agency,
        Confidentiality::{Level1, Level2},
        Restriction,
    },
};

use super::{
    choice::{Choice, ITEM},
    item_acts::{
        acknowledge, answer_question, ask_about, fact, feedback, item, kinds, marking, publication, publish, raise,
        recall_item, revise, seal, shown, terms,
    },
    model::{Act, BOTH, Pair, Party, at, fold},
};

/// The path to a state, the state there, and the result of each act of `ITEM`: `.` is permitted, `N` not found, `W` the
/// wrong state, `E` exists already, `F` the fact differs.
pub type Row = (&'static [Choice], State, &'static str);

pub const ROWS: [Row; 12] = {
    use Choice::{Acknowledge, AnswerQuestion, AskAbout, Feedback, PublishItem, Raise, Recall, ReviseItem};
    [
        (&[], State::Unspecified, ".FNN NNNNW"),
        (&[PublishItem], State::Published, "E..N ....W"),
        (&[PublishItem, ReviseItem], State::Published, "E..N ....W"),
        (&[PublishItem, Acknowledge], State::Published, "E..N W...W"),
        (&[PublishItem, Raise], State::Published, "E..N W...W"),
        (&[PublishItem, Acknowledge, ReviseItem], State::Published, "E..N ....W"),
        (&[PublishItem, AskAbout], State::Published, "E... ....W"),
        (&[PublishItem, AskAbout, ReviseItem], State::Published, "E... ....W"),
        (&[PublishItem, AskAbout, AnswerQuestion], State::Published, "E..W ....W"),
        (&[PublishItem, Feedback], State::Published, "E..N ....W"),
        (&[PublishItem, Recall], State::Recalled, "EWWW WWWWW"),
        (&[PublishItem, AskAbout, ReviseItem, Recall], State::Recalled, "EWWW WWWWW"),
    ]
};

const OPENER: Agency = Agency::Ipa;

fn matter() -> Matter {
    item(OPENER, 0)
}

fn after(path: &[Choice]) -> Pair {
    Pair::new().after(OPENER, path, 0)
}

fn settled(pair: &mut Pair) -> Item {
    pair.exchange(Agency::Ppc).assert_agree();
    shown(&pair.ppc, &matter()).unwrap()
}

#[test]
fn every_act_is_permitted_or_refused_according_to_the_state() {
    for opener in BOTH {
        for (path, stands, expected) in ROWS {
            let pair = Pair::new().after(opener, path, 0);
            for party in [&pair.ppc, &pair.ipa] {
                assert_eq!(state(party.page(&item(opener, 0)), opener), stands, "{path:?}");
            }
            let expected = expected.chars().filter(|letter| *letter != ' ');
            for (choice, letter) in ITEM.into_iter().zip(expected) {
                let author = pair.of(choice.author(opener));
                let found = match author.refuses(&choice.act(author, 0).unwrap()) {
                    None => '.',
                    Some(Reason::NotFound) => 'N',
                    Some(Reason::WrongState) => 'W',
                    Some(Reason::AlreadyExists) => 'E',
                    Some(Reason::FactDiffers) => 'F',
                    Some(other) => panic!("{choice:?} after {path:?}: {other:?}"),
                };
                assert_eq!(found, letter, "{choice:?} after {path:?}");
            }
        }
    }
}

#[test]
fn each_kind_is_shared_by_the_agency_whose_it_is_under_its_own_name() {
    let pair = Pair::new();
    for agency in BOTH {
        for opener in BOTH {
            for kind in BOTH.into_iter().flat_map(kinds) {
                let act = publish(pair.of(agency), &item(opener, 1), *kind, terms());
                let right = agency == opener && kinds(agency).contains(kind);
                let expected = (!right).then_some(Reason::WrongDirection);
                assert_eq!(pair.of(agency).refuses(&act), expected, "{kind:?} by {agency:?} in {opener:?}'s");
                assert_eq!(fact_kind(*kind), Some(FactKind::of(&act.fact)));
            }
        }
    }
    assert_eq!(fact_kind(ItemKind::Unspecified), None);
}

fn published_with(party: &Party, kind: ItemKind, change: impl Fn(&mut Publication)) -> Option<Reason> {
    let mut publication = publication(party, terms());
    change(&mut publication);
    party.refuses(&Act::new(&matter(), fact(kind, publication)))
}

#[test]
fn the_first_revision_is_1_of_its_own_fiscal_year_with_terms() {
    let ipa = Pair::new().ipa;
    let with = |change: fn(&mut Publication)| published_with(&ipa, ItemKind::ResearchResult, change);
    assert_eq!(with(|_| {}), None);
    assert_eq!(with(|it| it.revision = 0), Some(Reason::FactDiffers));
    assert_eq!(with(|it| it.revision = 2), Some(Reason::FactDiffers));
    assert_eq!(with(|it| it.fiscal_year = 2025), Some(Reason::FactDiffers));
    assert_eq!(with(|it| it.terms = None), Some(Reason::FieldInvalid));
    assert_eq!(with(|it| it.terms.as_mut().unwrap().marking = None), Some(Reason::FieldInvalid));
    let act = Choice::PublishItem.act(&ipa, 0).unwrap();
    assert_eq!(ipa.refuses(&act.answering(1)), Some(Reason::HeaderDiffers));
}

#[test]
fn a_revision_has_the_next_number_the_same_kind_and_the_same_case_number() {
    let mut pair = after(&[Choice::PublishItem]);
    pair.at("2027-04-01T09:00:00+09:00");
    let next = |kind, change: fn(&mut Publication)| {
        published_with(&pair.ipa, kind, |it| {
            (it.revision, it.fiscal_year) = (2, 2026);
            change(it);
        })
    };
    let (research, differs) = (ItemKind::ResearchResult, Some(Reason::FactDiffers));
    assert_eq!(next(research, |_| {}), None, "of the year in which the item was opened");
    assert_eq!(next(research, |it| it.fiscal_year = 2027), differs);
    assert_eq!(next(research, |it| it.year_ordinal = 2), differs);
    assert_eq!(next(research, |it| it.revision = 3), differs);
    assert_eq!(next(ItemKind::TechnologyTrend, |_| {}), differs);
    let unscoped = next(research, |it| it.terms.as_mut().unwrap().scope = None);
    assert_eq!(unscoped, Some(Reason::FieldInvalid));
}

#[test]
fn the_highest_revision_is_current_and_an_item_has_at_most_a_hundred() {
    let mut pair = after(&[Choice::PublishItem]);
    for _ in 2..=100 {
        pair.does(OPENER, Choice::ReviseItem, 0);
    }
    assert_eq!(pair.ipa.refuses(&revise(&pair.ipa, &matter(), terms())), Some(Reason::WrongState));
    let item = settled(&mut pair);
    assert_eq!((item.revision, item.revisions.len()), (100, 100));
    assert_eq!(item.revisions.iter().filter(|revision| !revision.superseded).count(), 1);
    assert!(!item.revisions[99].superseded);
}

#[test]
fn a_refused_revision_is_never_current_and_its_number_is_free_again() {
    let mut pair = after(&[Choice::PublishItem]);
    let lie = revise(&pair.ipa, &matter(), ItemTerms { marking: None, ..terms() });
    pair.ipa.say(&lie);
    let judged = pair.exchange_all(OPENER);
    assert_eq!(judged[0].1.as_ref().unwrap_err().reason, Reason::FieldInvalid);
    assert_eq!(settled(&mut pair).revision, 1);
    pair.does(OPENER, Choice::ReviseItem, 0);
    assert_eq!(settled(&mut pair).revision, 2);
}

#[test]
fn the_receiver_acts_on_the_revision_that_is_current_in_its_view() {
    let mut pair = after(&[Choice::PublishItem]);
    let stale = [
        acknowledge(&pair.ppc, &matter(), None),
        raise(&pair.ppc, &matter()),
        feedback(&pair.ppc, &matter()),
        ask_about(&pair.ppc, &matter()),
    ];
    pair.does(OPENER, Choice::ReviseItem, 0);
    for act in &stale {
        assert_eq!(pair.ppc.refuses(act), None, "the revision has not arrived");
        assert_eq!(pair.ppc.refuses(&act.clone().answering(0)), Some(Reason::HeaderDiffers));
    }
    pair.exchange(OPENER);
    let [acknowledged, raised, said, asked] = stale.map(|act| pair.ppc.refuses(&act));
    assert_eq!([acknowledged, raised, said], [Some(Reason::WrongState); 3]);
    assert_eq!(asked, Some(Reason::HeaderDiffers));
}

#[test]
fn an_acknowledgement_that_crosses_a_revision_is_of_the_revision_that_was_read() {
    let mut pair = after(&[Choice::PublishItem]);
    pair.does(OPENER, Choice::Acknowledge, 0);
    pair.does(OPENER, Choice::ReviseItem, 0);
    let item = settled(&mut pair);
    assert_eq!((item.revision, item.acknowledged_revision), (2, 1));
    pair.does(OPENER, Choice::Acknowledge, 0);
    assert_eq!(settled(&mut pair).acknowledged_revision, 2);
}

#[test]
fn the_receiver_only_raises_a_marking_and_a_revision_lowers_nothing_that_it_raised() {
    let mut pair = Pair::new();
    let strict = ItemTerms { marking: Some(marking(Level2, &[Restriction::NoCopy])), ..terms() };
    let act = publish(&pair.ipa, &matter(), ItemKind::ResearchResult, strict);
    pair.ipa.write(&act).unwrap();
    pair.exchange(OPENER);
    let raised = |restrictions: &[Restriction]| {
        let act = acknowledge(&pair.ppc, &matter(), Some(marking(Level2, restrictions)));
        pair.ppc.judge(&act).err().map(|refusal| (refusal.reason, refusal.field))
    };
    assert_eq!(raised(&[Restriction::NoCopy]), None);
    assert_eq!(raised(&[Restriction::NoForward, Restriction::NoCopy]), None);
    assert_eq!(raised(&[]), Some((Reason::FieldInvalid, "marking")));
    assert_eq!(raised(&[Restriction::NoForward]), Some((Reason::FieldInvalid, "marking")));
    let lower = acknowledge(&pair.ppc, &matter(), Some(marking(Level1, &[Restriction::NoCopy])));
    assert_eq!(pair.ppc.refuses(&lower), Some(Reason::FieldInvalid));
    let both = marking(Level2, &[Restriction::NoCopy, Restriction::NoForward]);
    pair.ppc.write(&acknowledge(&pair.ppc, &matter(), Some(both.clone()))).unwrap();
    let again = acknowledge(&pair.ppc, &matter(), Some(both.clone()));
    assert_eq!(pair.ppc.refuses(&again), Some(Reason::WrongState), "nothing new");
    pair.does(OPENER, Choice::ReviseItem, 0);
    let item = settled(&mut pair);
    assert_eq!((item.marking, item.terms.unwrap().marking), (Some(both), terms().marking));
}

#[test]
fn restrictions_in_another_order_raise_nothing() {
    let mut pair = Pair::new();
    let said = marking(Level2, &[Restriction::NoForward, Restriction::NoCopy]);
    let act =
        publish(&pair.ipa, &matter(), ItemKind::ResearchResult, ItemTerms { marking: Some(said.clone()), ..terms() });
    pair.ipa.write(&act).unwrap();
    pair.exchange(OPENER);
    pair.does(OPENER, Choice::Acknowledge, 0);
    let again = acknowledge(&pair.ppc, &matter(), Some(said));
    assert_eq!(pair.ppc.refuses(&again), Some(Reason::WrongState));
}

#[test]
fn a_question_is_answered_once_and_by_the_originator() {
    let mut pair = after(&[Choice::PublishItem]);
    let [one, two] = [0; 2].map(|_| pair.does(OPENER, Choice::AskAbout, 0));
    pair.exchange(OPENER);
    let answer = answer_question(&pair.ipa, &matter());
    assert_eq!(answer.answers, one);
    pair.ipa.write(&answer.clone().answering(two)).unwrap();
    assert_eq!(pair.ipa.refuses(&answer.clone().answering(two)), Some(Reason::WrongState));
    assert_eq!(pair.ipa.refuses(&answer.clone().answering(two + 1)), Some(Reason::NotFound));
    assert_eq!(pair.ppc.refuses(&answer), Some(Reason::WrongDirection));
    let item = settled(&mut pair);
    let answered: Vec<bool> = item.questions.iter().map(|asked| !asked.answer.is_empty()).collect();
    assert_eq!(answered, [false, true]);
}

#[test]
fn an_item_accepts_two_hundred_entries_of_an_agency_and_may_still_be_recalled() {
    let mut pair = after(&[Choice::PublishItem]);
    let asked: Vec<u64> = (0..MOST_ENTRIES).map(|_| pair.does(OPENER, Choice::AskAbout, 0)).collect();
    for act in [ask_about, feedback, raise, |party: &Party, matter: &Matter| acknowledge(party, matter, None)] {
        assert_eq!(pair.ppc.refuses(&act(&pair.ppc, &matter())), Some(Reason::WrongState));
    }
    pair.exchange(OPENER);
    let answer = answer_question(&pair.ipa, &matter());
    for seq in &asked[1..] {
        pair.ipa.write(&answer.clone().answering(*seq)).unwrap();
    }
    assert_eq!(pair.ipa.refuses(&answer), Some(Reason::WrongState));
    pair.does(OPENER, Choice::Recall, 0);
    assert!(settled(&mut pair).sealed_at.is_some());
}

#[test]
fn a_recall_is_sealed_on_arrival_and_the_originator_is_told() {
    let mut pair = after(&[Choice::PublishItem]);
    pair.does(OPENER, Choice::Recall, 0);
    let item = shown(&pair.ipa, &matter()).unwrap();
    assert!(item.recalled_at.is_some() && item.sealed_at.is_none());
    let entry = pair.ipa.journal(OPENER).last().unwrap().clone();
    let mut before = pair.ppc.clone();
    before.hold(entry);
    let act = seal(&before, &matter());
    assert_eq!(before.refuses(&act), None);
    assert_eq!(before.refuses(&act.answering(1)), Some(Reason::HeaderDiffers), "the recall is what it answers");
    let item = settled(&mut pair);
    assert_eq!((item.state(), item.sealed_at), (State::Recalled, Some(stamp(pair.ppc.now))));
    assert_eq!(pair.ppc.refuses(&seal(&pair.ppc, &matter())), Some(Reason::WrongState), "once");
    assert_eq!(pair.ipa.refuses(&recall_item(&matter()).answering(1)), Some(Reason::HeaderDiffers));
}

#[test]
fn a_recall_wins_over_what_crosses_it_and_that_stays_readable() {
    for choice in [Choice::Acknowledge, Choice::Raise, Choice::AskAbout, Choice::Feedback] {
        let mut pair = after(&[Choice::PublishItem]);
        let seq = pair.does(OPENER, choice, 0);
        pair.does(OPENER, Choice::Recall, 0);
        let item = settled(&mut pair);
        assert_eq!(item.state(), State::Recalled);
        assert!(item.entries.contains(&format!("agencies/ppc/entries/{seq}")));
    }
}

/// The originator does not know of the refusal when it recalls: its act is allowed by its view.
#[test]
fn the_recall_of_an_item_that_was_refused_meanwhile_is_accepted_and_seals_it() {
    let mut pair = Pair::new();
    let lie = publish(&pair.ipa, &matter(), ItemKind::ResearchResult, ItemTerms { marking: None, ..terms() });
    pair.ipa.say(&lie);
    pair.does(OPENER, Choice::Recall, 0);
    let judged: Vec<_> = pair.exchange_all(OPENER).into_iter().map(|(_, judged)| judged.is_ok()).collect();
    assert_eq!(judged, [false, true, true, true], "the lie, its recall, the refusal, the sealing");
    pair.assert_agree();
    assert!(shown(&pair.ppc, &matter()).is_none());
}

#[test]
fn the_receiver_reads_of_a_sealed_item_only_why_it_is_sealed_and_what_became_of_it() {
    let pair = after(&[Choice::PublishItem, Choice::AskAbout, Choice::Recall]);
    let reader = Reader { roles: vec![Role::Casework], ..Reader::default() };
    let readable = [
        "item_recalled",
        "consent_requested",
        "consent_granted",
        "consent_narrowed",
        "consent_denied",
        "consent_revoked",
        "disclosure_announced",
        "disclosure_opinion_given",
        "item_disclosed",
        "copy_answered",
        "recall_reminded",
        "item_disposed",
        "misdirection_reported",
        "misdirection_closed",
    ];
    for party in [&pair.ppc, &pair.ipa] {
        let permit = decide_read(party.own, &matter(), party.page(&matter()), &reader, party.now).unwrap();
        assert_eq!(permit.matter(), matter().to_string());
        for kind in FactKind::ALL {
            let opens = party.own == OPENER || readable.contains(&kind.name());
            assert_eq!(permit.opens(Journal::Of(OPENER), 1, *kind), opens, "{} at {:?}", kind.name(), party.own);
        }
    }
    let mut pair = after(&[Choice::PublishItem]);
    pair.does(OPENER, Choice::Recall, 0);
    let permit = decide_read(Agency::Ppc, &matter(), pair.ppc.page(&matter()), &reader, pair.ppc.now).unwrap();
    assert!(permit.opens(Journal::Of(OPENER), 1, FactKind::ResearchResultPublished), "the recall has not arrived");
}

#[test]
fn a_sealed_item_stays_sealed_while_the_recall_is_on_its_way_back_to_the_receiver() {
    let pair = after(&[Choice::PublishItem, Choice::Recall]);
    let mut pages = renkei_domain::page::Pages::new();
    // After a recovery: the own journal is whole again, of the originator's there is the publication.
    let own = pair.ppc.journal(Agency::Ppc).iter();
    own.chain(&pair.ppc.journal(OPENER)[..1]).for_each(|entry| fold(&mut pages, entry));
    let view = renkei_domain::page::View::whole(&pages, Agency::Ppc);
    let reader = Reader { roles: vec![Role::Casework], ..Reader::default() };
    let page = view.page(&matter().to_string());
    assert_eq!(state(page, OPENER), State::Published, "the recall is not there yet");
    let permit = decide_read(Agency::Ppc, &matter(), page, &reader, pair.ppc.now).unwrap();
    assert!(!permit.opens(Journal::Of(OPENER), 1, FactKind::ResearchResultPublished));
}

#[test]
fn validity_and_embargo_are_read_off_the_clock() {
    let [from, until] = ["2026-12-01T00:00:00+09:00", "2026-12-11T00:00:00+09:00"].map(|text| Some(stamp(at(text))));
    let plan = PublicationPlan { embargo_until: until, publisher: OPENER.into() };
    let terms = ItemTerms { valid_from: from, valid_until: until, plan: Some(plan), ..terms() };
    let mut pair = Pair::new();
    let act = publish(&pair.ipa, &matter(), ItemKind::ResearchResult, terms);
    pair.ipa.write(&act).unwrap();
    for (now, valid, embargoed) in [
        ("2026-11-30T23:59:59+09:00", false, true),
        ("2026-12-01T00:00:00+09:00", true, true),
        ("2026-12-10T23:59:59+09:00", true, true),
        ("2026-12-11T00:00:00+09:00", false, false),
    ] {
        pair.at(now);
        let item = shown(&pair.ipa, &matter()).unwrap();
        assert_eq!((item.valid, item.embargoed), (valid, embargoed), "{now}");
    }
    let pair = after(&[Choice::PublishItem]);
    let item = shown(&pair.ipa, &matter()).unwrap();
    assert!(item.valid && !item.embargoed, "it does not state one");
}
