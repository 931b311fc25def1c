//! The rule of every fact: its author, the matters in which it is written, its content, and the facts that it answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, Value, prost::Message as _};
use renkei_proto::{
    EntryContent, FactKind, FactRule, advice, agreement,
    options::v1::{Author, Effect},
    sharing,
    r#type::v1::Agency,
};

use crate::{POOL, enum_name, facts, message, option, reachable, rules::Rules, samples::samples};

/// The noun to which each range of the oneof's numbers belongs; the private facts of all nouns are in one range.
const NUMBERS: &[(RangeInclusive<u32>, &str)] = &[
    (10..=19, "renkei.agreement.v1"),
    (20..=29, "renkei.referral.v1"),
    (30..=49, "renkei.advice.v1"),
    (50..=89, "renkei.sharing.v1"),
    (90..=109, "renkei.consultation.v1"),
    (110..=129, "renkei.journal.v1"),
];
const PRIVATE: RangeInclusive<u32> = 130..=149;
/// The one fact that is written in matters of any collection.
const REFUSAL: FactKind = FactKind::EntryRefused;
/// Collections of matters that exist before anything is written in them.
const EXISTING: [&str; 2] = ["agreement", "journal"];
/// The envelope of every content.
const ENVELOPE: &str = "renkei.journal.v1.SaltedContent";

fn rules() -> impl Iterator<Item = &'static FactRule> {
    FactKind::ALL.iter().map(|kind| kind.rule())
}

fn is_private(rule: &FactRule) -> bool {
    rule.author == Author::Private
}

/// The package of a fact's own message.
fn package(rule: &FactRule) -> String {
    let field = message("renkei.journal.v1.Fact").get_field(rule.number).unwrap();
    field.kind().as_message().unwrap().package_name().to_owned()
}

/// The agencies whose entries of this kind reach the other one, in a matter with this opener.
fn writers(rule: &FactRule, opener: Agency) -> Vec<Agency> {
    match rule.author {
        Author::Ppc => vec![Agency::Ppc],
        Author::Ipa => vec![Agency::Ipa],
        Author::Opener => vec![opener],
        Author::Other => vec![opener.peer()],
        Author::Either => vec![Agency::Ppc, Agency::Ipa],
        Author::Private | Author::Unspecified => Vec::new(),
    }
}

/// The messages of the contract that are contents or made of contents, by their names.
fn named_contents() -> Vec<MessageDescriptor> {
    let messages = POOL.all_messages().filter(|message| message.package_name().starts_with("renkei."));
    messages.filter(|message| message.name().ends_with("Content") && message.full_name() != ENVELOPE).collect()
}

/// The alternatives of a message that is one of several contents, such as `ItemContent`; none of another message.
fn alternatives(message: &MessageDescriptor) -> Vec<String> {
    let fields = message.fields().collect::<Vec<_>>();
    let is_choice = message.oneofs().len() == 1 && fields.iter().all(|field| field.containing_oneof().is_some());
    let inner = fields.iter().filter_map(|field| field.kind().as_message().map(|inner| inner.full_name().to_owned()));
    if is_choice { inner.collect() } else { Vec::new() }
}

fn texts(option: &DynamicMessage, field: &str) -> Vec<String> {
    let value = option.get_field_by_name(field).unwrap().into_owned();
    match value {
        Value::List(list) => list.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        single => single.as_str().map(str::to_owned).into_iter().filter(|text| !text.is_empty()).collect(),
    }
}

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
        let flags = ["opens", "replaces", "wrong_stops"].map(|flag| option.get_field_by_name(flag).unwrap().as_bool());
        assert_eq!([rule.opens, rule.replaces, rule.wrong_stops].map(Some), flags, "{name}");
        assert_eq!(rule.collection, texts(&option, "collection").concat(), "{name}: collection");
        assert_eq!(
            rule.content.map_or("", |content| content.name),
            texts(&option, "content").concat(),
            "{name}: content"
        );
        let answers: Vec<&str> = rule.answers.iter().map(|answered| answered.name()).collect();
        assert_eq!(answers, texts(&option, "answers"), "{name}: answers");
    }
}

#[test]
fn every_fact_has_a_number_in_the_range_of_its_noun() {
    for field in facts() {
        let (name, number) = (field.name(), field.number());
        let Kind::Message(body) = field.kind() else { panic!("{name} is not a message") };
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
fn facts_contain_no_free_text() {
    for message in reachable([message("renkei.journal.v1.Fact")]) {
        for field in message.fields().filter(|field| field.kind() == Kind::String) {
            let rules = Rules::of(&field).of_values(&field);
            let typed = rules.pattern.is_some() || rules.uuid || rules.text.is_some();
            assert!(typed, "{} is free text: facts are kept for ever", field.full_name());
        }
    }
}

#[test]
fn every_fact_but_the_refusal_belongs_to_one_collection() {
    for rule in rules() {
        assert_eq!(rule.collection.is_empty(), rule.kind == REFUSAL, "{}: collection", rule.name);
    }
}

/// A collection's matters exist from the beginning, or are private notes about somebody; every other matter is opened by
/// its first entry.
#[test]
fn every_matter_that_crosses_is_opened_by_a_fact() {
    let mut by_collection: BTreeMap<&str, Vec<&FactRule>> = BTreeMap::new();
    rules()
        .filter(|rule| rule.kind != REFUSAL)
        .for_each(|rule| by_collection.entry(rule.collection).or_default().push(rule));
    for (collection, rules) in by_collection {
        let opened = rules.iter().any(|rule| rule.opens);
        let needs_opening = !EXISTING.contains(&collection) && !rules.iter().all(|rule| is_private(rule));
        assert_eq!(opened, needs_opening, "{collection}");
    }
}

#[test]
fn an_opening_fact_is_its_openers_and_answers_nothing() {
    for rule in rules().filter(|rule| rule.opens) {
        assert_eq!(rule.answers, [], "{}", rule.name);
        assert!([Author::Ppc, Author::Ipa, Author::Opener].contains(&rule.author), "{}", rule.name);
    }
}

#[test]
fn a_fact_answers_facts_of_its_collection_that_the_other_agency_writes() {
    for rule in rules() {
        let distinct: BTreeSet<FactKind> = rule.answers.iter().copied().collect();
        assert_eq!(distinct.len(), rule.answers.len(), "{} names a fact twice", rule.name);
        for answered in rule.answers.iter().map(|kind| kind.rule()) {
            let (name, of) = (rule.name, answered.name);
            assert_eq!(answered.collection, rule.collection, "{name} answers {of}");
            let crosses = [Agency::Ppc, Agency::Ipa].into_iter().any(|opener| {
                let others = writers(answered, opener);
                writers(rule, opener).iter().any(|writer| others.contains(&writer.peer()))
            });
            assert!(crosses, "{name} answers {of}, which the other agency never writes");
        }
    }
}

/// Nothing answers these, so a wrong one can only stop its journal. Facts about a matter are marks: none replaces another.
#[test]
fn only_the_journals_own_facts_replace_or_stop() {
    for rule in rules() {
        let is_own = package(rule) == "renkei.journal.v1" && !is_private(rule);
        assert_eq!(rule.wrong_stops, is_own, "{}: wrong_stops", rule.name);
        assert!(is_own || !rule.replaces, "{}: replaces", rule.name);
    }
}

#[test]
fn a_content_is_beside_its_fact_and_named_as_one() {
    let choices: BTreeSet<String> = named_contents().iter().flat_map(alternatives).collect();
    for rule in rules() {
        let package = package(rule);
        let fact = format!(
            "{package}.{}",
            rule.name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect::<String>()
        );
        let own = format!("{fact}Content");
        match rule.content {
            None => assert_eq!(POOL.get_message_by_name(&own), None, "{}: its content is not in its rule", rule.name),
            Some(content) => {
                let (of, name) = content.name.rsplit_once('.').unwrap();
                assert_eq!(of, package, "{}: the package of its content", rule.name);
                assert!(name.ends_with("Content") || choices.contains(content.name), "{}: {name}", rule.name);
                let is_own = content.name == own || POOL.get_message_by_name(&own).is_none();
                assert!(is_own, "{}: {name} instead of its own content", rule.name);
            }
        }
    }
}

#[test]
fn every_content_is_that_of_a_fact() {
    let contents: BTreeSet<&str> = rules().filter_map(|rule| rule.content).map(|content| content.name).collect();
    for message in named_contents() {
        let alternatives = alternatives(&message);
        let is_choice = !alternatives.is_empty() && alternatives.iter().all(|name| contents.contains(name.as_str()));
        assert!(
            contents.contains(message.full_name()) || is_choice,
            "{} is the content of no fact",
            message.full_name()
        );
    }
}

/// The kinds whose content a service returns in this type.
fn decoded<C: EntryContent>() -> BTreeSet<FactKind> {
    let samples = rules().filter_map(|rule| Some((rule.kind, samples(&message(rule.content?.name)).swap_remove(0))));
    let decoded = samples.filter(|(kind, sample)| C::decode(*kind, &sample.encode_to_vec()).unwrap().is_some());
    decoded.map(|(kind, _)| kind).collect()
}

#[test]
fn a_service_returns_the_contents_of_all_facts_of_its_noun() {
    let of = |package: &str| -> BTreeSet<FactKind> {
        let with_content = rules().filter(|rule| rule.content.is_some());
        with_content.filter(|rule| self::package(rule) == package).map(|rule| rule.kind).collect()
    };
    assert_eq!(decoded::<advice::v1::advice_entry::Content>(), of("renkei.advice.v1"));
    assert_eq!(decoded::<agreement::v1::notice_entry::Content>(), of("renkei.agreement.v1"));
    assert_eq!(decoded::<sharing::v1::item_entry::Content>(), of("renkei.sharing.v1"));
}

#[test]
fn a_content_is_sound_only_in_its_own_bytes() {
    for rule in rules() {
        let Some(content) = rule.content else { continue };
        for sample in samples(&message(content.name)) {
            let mut bytes = sample.encode_to_vec();
            assert!((content.is_sound)(&bytes), "{}", content.name);
            // Field 1000, unknown everywhere.
            bytes.extend([0xc0, 0x3e, 0x01]);
            assert!(!(content.is_sound)(&bytes), "{} with an unknown field", content.name);
        }
    }
}
