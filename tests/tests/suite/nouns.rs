//! Nothing outside a noun's own files names it, so that a new noun needs no change there.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use renkei_domain::noun::registry;
use renkei_proto::FactKind;

use crate::checkout::checkout;

/// The frame in which the nouns live. The store, the link and the service write its facts themselves: the agreement
/// bounds all acts, the journals carry all facts, and barred officials are kept from all calls.
const FRAME: [&str; 3] = ["agreement", "journal", "officials"];

/// Files that belong to a noun: its value, its services, and the one list of all nouns. The contract names nouns too,
/// but it is not Rust.
const OWN: [&str; 6] = [
    "shared/domain/src/noun/",
    "shared/domain/src/noun.rs",
    "shared/desk/src/advice",
    "shared/desk/src/item",
    "shared/desk/src/referral",
    "shared/desk/src/scheme",
];

/// Sources of the product, without the tools and the tests.
const SOURCES: [&str; 12] = [
    "shared/domain/src",
    "shared/journal/src",
    "shared/telemetry/src",
    "shared/book/src",
    "shared/store/src",
    "shared/rpc/src",
    "shared/desk/src",
    "shared/link/src",
    "shared/client/src",
    "shared/service/src",
    "services/ppc/src",
    "services/ipa/src",
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for item in fs::read_dir(folder).into_iter().flatten() {
        let path = item.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The name and the text of every source that belongs to no noun.
fn sources() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for source in SOURCES {
        files(&checkout().join(source), &mut paths);
    }
    let named = paths.iter().map(|path| (path.strip_prefix(checkout()).unwrap().display().to_string(), path));
    let shared = named.filter(|(name, _)| !OWN.iter().any(|own| name.starts_with(own)) && !name.contains("tests"));
    let shared: Vec<_> = shared.map(|(name, path)| (name, fs::read_to_string(path).unwrap())).collect();
    assert!(shared.len() > 80, "only {} files were read", shared.len());
    shared
}

/// The words of a text that are identifiers.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[test]
fn nothing_outside_a_nouns_own_files_names_one_of_its_facts() {
    let is_of_noun = |kind: &&FactKind| !FRAME.contains(&kind.rule().collection) && !kind.rule().collection.is_empty();
    let named: BTreeSet<String> = FactKind::ALL.iter().filter(is_of_noun).map(|kind| format!("{kind:?}")).collect();
    let mut found = Vec::new();
    for (name, text) in sources() {
        found.extend(words(&text).filter(|word| named.contains(*word)).map(|word| format!("{name} names {word}")));
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn nothing_outside_the_domains_nouns_and_the_desk_imports_one() {
    let nouns: BTreeSet<String> = fs::read_dir(checkout().join("shared/domain/src/noun"))
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| !["registry", "agreement", "journal", "official"].contains(&name.as_str()))
        .collect();
    assert_eq!(nouns.len() + FRAME.len(), registry::ALL.len(), "every noun has one file");
    let mut found = Vec::new();
    for (name, text) in sources() {
        for (at, _) in text.match_indices("noun::") {
            let rest = &text[at + "noun::".len()..];
            let end = if rest.starts_with('{') { rest.find('}') } else { rest.find([':', ';', ',']) };
            let imported = &rest[..end.unwrap_or(rest.len())];
            found.extend(words(imported).filter(|word| nouns.contains(*word)).map(|word| format!("{name}: {word}")));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}
