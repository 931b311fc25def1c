//! An agency's facts about its own journal, and refusals of the peer's entries.

use renkei_domain::{
    matter::Matter,
    noun::{
        journal::{anchor, checkpoint, incarnation, spoken},
        registry,
    },
    page::{Journal, MarkView as _, Page},
};
use renkei_proto::{
    FactKind,
    journal::v1::{
        AuditCheckpointed, AuditHead, EntryRefused, JournalReopened, KeyAdded, KeyRevoked, KindsSpoken,
        PrivateAnchored, fact,
    },
    options::v1::Reason,
    r#type::v1::{Agency, IncidentKind},
};

use super::{
    acts::{issue, referral, report},
    catalogue::published,
    model::{Act, Pair, Party},
};

fn own(fact: fact::Fact) -> Act {
    Act::new(&Matter::journal(Agency::Ppc), fact)
}

fn kinds(names: &[&str]) -> Act {
    own(fact::Fact::KindsSpoken(KindsSpoken { kinds: names.iter().map(ToString::to_string).collect() }))
}

fn chains(seq: u64) -> Act {
    let head = AuditHead { chain: "one/w".to_owned(), seq, hash: vec![1; 32] };
    own(fact::Fact::AuditCheckpointed(AuditCheckpointed { chains: vec![head] }))
}

fn anchored(seq: u64) -> Act {
    own(fact::Fact::PrivateAnchored(PrivateAnchored { seq, hash: vec![2; 32] }))
}

fn reopened(incarnation: u32) -> Act {
    own(fact::Fact::JournalReopened(JournalReopened { incarnation }))
}

fn page(party: &Party) -> &Page {
    &party.pages[&Matter::journal(Agency::Ppc).to_string()]
}

#[test]
fn a_key_is_added_and_revoked_once() {
    let mut ppc = Pair::new().ppc;
    let key_id = "ppc-2026".to_owned();
    let added = own(fact::Fact::KeyAdded(KeyAdded { key_id: key_id.clone(), public_key: vec![7; 32] }));
    let revoked = own(fact::Fact::KeyRevoked(KeyRevoked { key_id }));
    for act in [added, revoked] {
        ppc.write(&act).unwrap();
        assert_eq!(ppc.refuses(&act), Some(Reason::FactDiffers));
        assert_eq!(ppc.refuses(&act.answering(1)), Some(Reason::HeaderDiffers));
    }
}

#[test]
fn an_incarnation_is_the_one_before_plus_one() {
    let mut ppc = Pair::new().ppc;
    for (next, wrong) in [(2, 3), (3, 3), (4, 2)] {
        if wrong != next {
            assert_eq!(ppc.refuses(&reopened(wrong)), Some(Reason::FactDiffers));
        }
        ppc.write(&reopened(next)).unwrap();
        assert_eq!(incarnation(ppc.page(&Matter::journal(Agency::Ppc)), Agency::Ppc), next);
    }
}

#[test]
fn the_latest_kinds_checkpoint_and_anchor_count_and_the_page_stays_small() {
    let mut pair = Pair::new();
    for n in 1..50 {
        pair.ppc.write(&kinds(&["notice_given"])).unwrap();
        pair.ppc.write(&chains(n)).unwrap();
        pair.ppc.write(&anchored(n)).unwrap();
    }
    pair.ppc.write(&reopened(2)).unwrap();
    pair.ppc.write(&kinds(&["notice_given", "notice_arrived"])).unwrap();
    pair.exchange(Agency::Ppc).assert_agree();
    let seen = pair.ipa.page(&Matter::journal(Agency::Ppc));
    assert_eq!(spoken(seen, Agency::Ppc).unwrap().len(), 2);
    assert_eq!(checkpoint(seen, Agency::Ppc).unwrap().chains[0].seq, 49);
    assert_eq!(anchor(seen, Agency::Ppc).unwrap().seq, 49);
    assert_eq!(incarnation(seen, Agency::Ppc), 2);
    assert_eq!(page(&pair.ipa).marks(Journal::Of(Agency::Ppc)).len(), 4);
    let last = pair.ppc.journal(Agency::Ppc).last().unwrap();
    assert_eq!(page(&pair.ipa).last_hash(Journal::Of(Agency::Ppc)), last.hash, "the next header names it");
}

#[test]
fn an_agency_is_known_to_speak_a_kind_only_after_it_states_this() {
    let pair = Pair::new();
    assert_eq!(spoken(pair.ppc.page(&Matter::journal(Agency::Ipa)), Agency::Ipa), None);
    assert!(checkpoint(pair.ppc.page(&Matter::journal(Agency::Ipa)), Agency::Ipa).is_none());
    assert!(anchor(pair.ppc.page(&Matter::journal(Agency::Ipa)), Agency::Ipa).is_none());
    assert_eq!(incarnation(pair.ppc.page(&Matter::journal(Agency::Ipa)), Agency::Ipa), 1);
}

#[test]
fn a_refusal_names_an_entry_of_its_matter_once_and_nothing_answers_a_journals_own_fact() {
    let mut pair = published();
    let matter = referral(Agency::Ipa, 1);
    let act = issue(&pair.ipa, &matter, &report(Agency::Ipa, IncidentKind::Virus));
    let seq = pair.ipa.write(&act).unwrap();
    pair.exchange(Agency::Ipa);
    let refuse = |matter: &Matter, seq, answers| {
        let refused = EntryRefused { seq, reason: Reason::FactDiffers.into() };
        Act::new(matter, fact::Fact::EntryRefused(refused)).answering(answers)
    };
    assert_eq!(pair.ppc.refuses(&refuse(&matter, seq, 0)), Some(Reason::HeaderDiffers));
    assert_eq!(pair.ppc.refuses(&refuse(&matter, 1, 1)), Some(Reason::FactDiffers), "it is in another matter");
    assert_eq!(pair.ppc.refuses(&refuse(&referral(Agency::Ipa, 2), seq, seq)), Some(Reason::FactDiffers));
    assert_eq!(pair.ipa.refuses(&refuse(&matter, seq, seq)), Some(Reason::FactDiffers), "nobody refuses itself");
    let number = pair.ppc.write(&refuse(&matter, seq, seq)).unwrap();
    assert_eq!(pair.ppc.refuses(&refuse(&matter, seq, seq)), Some(Reason::FactDiffers), "once");
    pair.exchange(Agency::Ppc).assert_agree();
    assert_eq!(pair.ipa.refuses(&refuse(&matter, number, number)), Some(Reason::FactDiffers), "nothing answers it");
    let seen = pair.ipa.page(&matter);
    assert_eq!(seen.marks(Agency::Ipa).count(), 0);
    assert_eq!(seen.all(Agency::Ipa).count(), 1);
    assert_eq!(seen.refusal(Agency::Ipa, seq).unwrap().0.kind(), Some(FactKind::EntryRefused));
}

#[test]
fn a_wrong_fact_of_a_journals_own_kinds_stops_it_and_others_are_refused() {
    let stopping = [
        "entry_refused",
        "kinds_spoken",
        "key_added",
        "key_revoked",
        "journal_reopened",
        "audit_checkpointed",
        "private_anchored",
    ];
    for kind in FactKind::ALL {
        assert_eq!(kind.rule().wrong_stops, stopping.contains(&kind.name()), "{}", kind.name());
    }
}

#[test]
fn an_entry_that_guards_somebody_is_private() {
    let guarding: Vec<&str> = FactKind::ALL
        .iter()
        .filter(|kind| registry::of_kind(**kind).protects(**kind))
        .map(|kind| kind.name())
        .collect();
    assert_eq!(guarding, ["code_tried", "official_barred", "official_unbarred", "disclosure_refused"]);
    for kind in FactKind::ALL.iter().filter(|kind| registry::of_kind(**kind).protects(**kind)) {
        assert_eq!(kind.rule().author, renkei_proto::options::v1::Author::Private, "{}", kind.name());
    }
}
