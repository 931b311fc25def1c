//! Every kind of fact belongs to one noun, and every noun is whole.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint},
};
use renkei_domain::{
    case::Case,
    matter::Matter,
    noun::registry,
    page::{Pages, View},
};
use renkei_proto::{
    FactKind,
    journal::v1::{Fact, fact},
    options::v1::Reason,
    r#type::v1::Agency,
};

/// A fact of this kind without a value in any field.
fn empty(kind: FactKind) -> fact::Fact {
    let mut bytes = Vec::new();
    encode_key(kind.rule().number, WireType::LengthDelimited, &mut bytes);
    encode_varint(0, &mut bytes);
    Fact::decode(bytes.as_slice()).unwrap().fact.unwrap()
}

#[test]
fn every_kind_of_fact_belongs_to_exactly_one_noun() {
    for kind in FactKind::ALL {
        let nouns = registry::ALL.iter().filter(|noun| noun.collection().word() == kind.rule().collection).count();
        // A refusal is written in the matter of the refused entry.
        let expected = if *kind == FactKind::EntryRefused { 0 } else { 1 };
        assert_eq!(nouns, expected, "{}", kind.name());
        assert_eq!(FactKind::of(&empty(*kind)), *kind);
    }
    assert_eq!(
        registry::of_kind(FactKind::EntryRefused).collection(),
        registry::of(&Matter::journal(Agency::Ppc)).collection()
    );
}

#[test]
fn every_noun_judges_all_of_its_facts() {
    let (pages, matter) = (Pages::new(), Matter::of("nowhere"));
    for kind in FactKind::ALL {
        for author in [Agency::Ppc, Agency::Ipa] {
            let case =
                Case { view: View::whole(&pages, author), matter: &matter, answers: 0, now: Timestamp::UNIX_EPOCH };
            let judged = registry::of_kind(*kind).judge(&case, &empty(*kind)).map_err(|refusal| refusal.reason);
            assert_ne!(judged, Err(Reason::Internal), "{} has no judgement", kind.name());
        }
    }
}

#[test]
fn a_noun_refuses_to_judge_a_fact_of_another_one() {
    let (pages, matter) = (Pages::new(), Matter::of("nowhere"));
    for (noun, kind) in registry::ALL.iter().flat_map(|noun| FactKind::ALL.iter().map(move |kind| (noun, *kind))) {
        if registry::of_kind(kind).collection() == noun.collection() {
            continue;
        }
        let case =
            Case { view: View::whole(&pages, Agency::Ppc), matter: &matter, answers: 0, now: Timestamp::UNIX_EPOCH };
        let refusal = noun.judge(&case, &empty(kind)).unwrap_err();
        // An official is looked up before the fact is.
        let expected = if noun.has_secret_names() { Reason::NotFound } else { Reason::Internal };
        assert_eq!(refusal.reason, expected, "{} by {:?}", kind.name(), noun.collection());
    }
}

#[test]
fn every_noun_has_names_readers_and_duties_of_its_own() {
    let (mut words, mut duties) = (BTreeSet::new(), BTreeMap::new());
    for noun in registry::ALL {
        let collection = noun.collection();
        assert!(words.insert(collection.word()), "{collection:?} is the collection of two nouns");
        assert!(!renkei_proto::readers(collection.word()).is_empty(), "nobody reads {collection:?}");
        assert_eq!(registry::of_collection(collection).collection(), collection);
        for kind in noun.duty_kinds() {
            assert_eq!(duties.insert(kind.id(), collection), None, "{} is a duty of two nouns", kind.id());
        }
        assert!(noun.settled_at_start().is_none_or(|kind| noun.duty_kinds().contains(&kind)), "{collection:?}");
    }
    let named: BTreeSet<&str> = FactKind::ALL.iter().map(|kind| kind.rule().collection).collect();
    words.insert("");
    assert_eq!(named, words, "every noun has facts, and every fact a noun");
}
