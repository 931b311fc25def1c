//! Every fact states its rule.

use std::ops::RangeInclusive;

use prost_reflect::Kind;
use renkei_proto::{
    FactKind,
    options::v1::{Author, Effect},
};

use crate::{enum_name, facts, message, option, reachable, rules::Rules};

/// The noun to which each range of the oneof's numbers belongs; the private facts of all nouns are in one range.
const NUMBERS: &[(RangeInclusive<u32>, &str)] = &[
    (10..=19, "renkei.agreement.v1"),
    (20..=29, "renkei.referral.v1"),
    (30..=49, "renkei.advice.v1"),
    (50..=69, "renkei.sharing.v1"),
    (70..=89, "renkei.consent.v1"),
    (90..=109, "renkei.consultation.v1"),
    (110..=129, "renkei.journal.v1"),
];
const PRIVATE: RangeInclusive<u32> = 130..=149;

#[test]
fn every_fact_has_a_whole_rule() {
    assert_eq!(FactKind::ALL.len(), facts().len());
    for field in facts() {
        let name = field.name();
        let option = option(&field.options(), "renkei.options.v1.fact_rule");
        let option = option.unwrap_or_else(|| panic!("{name} has no rule"));
        let rule = FactKind::named(name).unwrap_or_else(|| panic!("{name} is missing in the table")).rule();
        assert_eq!((rule.name, rule.number), (name, field.number()));
        assert_eq!(rule.author.as_str_name(), enum_name(&option, "author"));
        assert_eq!(rule.effect.as_str_name(), enum_name(&option, "effect"));
        assert_ne!(rule.author, Author::Unspecified, "{name}: author");
        assert!(![Effect::Unspecified, Effect::Read].contains(&rule.effect), "{name}: effect");
        assert_eq!(rule.article.is_empty(), rule.effect == Effect::Serve, "{name}: what serves has no article");
    }
}

#[test]
fn every_fact_stands_in_the_numbers_of_its_noun() {
    for field in facts() {
        let (name, number) = (field.name(), field.number());
        let Kind::Message(body) = field.kind() else { panic!("{name} is no message") };
        let private = FactKind::named(name).unwrap().rule().author == Author::Private;
        assert_eq!(private, PRIVATE.contains(&number), "{name}: private facts, and only they, are {PRIVATE:?}");
        if !private {
            let noun = NUMBERS.iter().find(|(range, _)| range.contains(&number)).map(|(_, package)| *package);
            assert_eq!(noun, Some(body.package_name()), "{name} = {number}");
        }
        assert_eq!(name.replace('_', ""), body.name().to_lowercase(), "a fact is named as its message");
    }
}

#[test]
fn the_fact_is_one_closed_choice_beside_the_digest_of_its_request() {
    let fact = message("renkei.journal.v1.Fact");
    let beside: Vec<String> = fact
        .fields()
        .filter(|field| field.containing_oneof().is_none())
        .map(|field| format!("{} = {}", field.name(), field.number()))
        .collect();
    assert_eq!(beside, ["request_digest = 1"]);
    assert_eq!(fact.oneofs().map(|oneof| oneof.name().to_owned()).collect::<Vec<_>>(), ["fact"]);
}

#[test]
fn facts_hold_no_free_text() {
    for message in reachable([message("renkei.journal.v1.Fact")]) {
        for field in message.fields().filter(|field| field.kind() == Kind::String) {
            let rules = Rules::of(&field).of_values(&field);
            let typed = rules.pattern.is_some() || rules.uuid || rules.text.is_some();
            assert!(typed, "{} is free text: facts are kept for ever", field.full_name());
        }
    }
}
