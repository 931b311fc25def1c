//! The table of generators against the contract, and the table of mutants against the sources.

use std::{collections::BTreeSet, path::Path};

use renkei_domain::noun::registry;
use renkei_proto::{RULES, options::v1::Surface};
use renkei_simulation::{act::Act, generator::Sort, generators, mutant};

/// The noun whose matters no official opens or changes through the desk: a journal's facts about itself are written by the
/// service.
const WITHOUT_ACTS: [&str; 1] = ["journal"];
/// A method that writes about the audit alone, whose chains a history in memory does not have.
const AUDIT: &str = "/renkei.evidence.v1.EvidenceService/CheckpointAudit";

#[test]
fn every_method_that_changes_something_is_an_act() {
    let acts: BTreeSet<&str> = Act::PATHS.iter().copied().collect();
    let mutating = RULES.iter().filter(|rule| rule.mutating && rule.surface == Surface::Desk);
    let mutating: BTreeSet<&str> = mutating.map(|rule| rule.path).filter(|path| *path != AUDIT).collect();
    assert_eq!(acts, mutating);
}

#[test]
fn every_noun_has_valid_and_forbidden_acts() {
    let nouns: BTreeSet<&str> = registry::ALL.iter().map(|noun| noun.collection().word()).collect();
    let with_acts: BTreeSet<&str> = generators::ALL.iter().map(|(noun, _)| *noun).collect();
    let expected: BTreeSet<&str> = nouns.into_iter().filter(|noun| !WITHOUT_ACTS.contains(noun)).collect();
    assert_eq!(with_acts, expected);
    for (noun, of_noun) in generators::ALL {
        let sorts: BTreeSet<Sort> = of_noun.iter().map(|generator| generator.sort).collect();
        assert!(sorts.contains(&Sort::Forbidden), "{noun} has no forbidden act");
        assert!(sorts.len() > 1, "{noun} has only forbidden acts");
    }
}

#[test]
fn no_two_generators_have_one_name() {
    let mut names = BTreeSet::new();
    for generator in generators::ALL.iter().flat_map(|(_, of_noun)| of_noun.iter()) {
        assert!(names.insert(generator.name), "{}", generator.name);
    }
}

#[test]
fn every_mutant_is_a_change_of_the_sources_as_they_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut names = BTreeSet::new();
    for mutant in mutant::ALL {
        let text = std::fs::read_to_string(root.join(mutant.file)).unwrap();
        let changed = mutant.applied(&text).unwrap();
        assert_ne!(changed, text, "{}", mutant.name);
        assert!(names.insert(mutant.name), "{}", mutant.name);
    }
    assert!(names.len() >= 16);
}
