//! The README, the invariants and the glossary name files and symbols of the project; these tests check that they
//! exist.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(document: &str) -> String {
    std::fs::read_to_string(root().join(document)).unwrap()
}

/// The pairs of file and symbol in the table of invariants.
fn places(invariants: &str) -> Vec<(String, String)> {
    let mut places = Vec::new();
    for row in invariants.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Invariant")) {
        let enforced_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for place in enforced_by.split(", ") {
            let quoted: Vec<&str> = place.split('`').collect();
            assert_eq!(quoted.len(), 5, "a place is a file and a symbol: {place}");
            places.push((quoted[1].to_owned(), quoted[3].to_owned()));
        }
    }
    places
}

fn defines(text: &str, symbol: &str) -> bool {
    let before = ["fn ", "struct ", "enum ", "const ", "message ", "static "];
    before.iter().any(|word| {
        text.match_indices(&format!("{word}{symbol}")).any(|(at, found)| {
            !text[at + found.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_')
        })
    })
}

/// The quoted words of a document that are paths of the project.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let paths = quoted.filter(|name| name.contains('/') && !name.contains([' ', '{', '(']));
    paths.filter(|name| !name.starts_with("./") && !name.starts_with("http"))
}

#[test]
fn every_place_that_enforces_an_invariant_exists() {
    let places = places(&read("docs/invariants.md"));
    assert!(places.len() >= 43, "the table of invariants was not found");
    for (file, symbol) in places {
        let text = std::fs::read_to_string(root().join(&file)).unwrap_or_default();
        assert!(defines(&text, &symbol), "an invariant names {symbol} in {file}, which does not define it");
    }
}

#[test]
fn every_file_that_the_readme_or_the_glossary_names_exists() {
    for document in ["README.md", "docs/words.md", "docs/invariants.md"] {
        let text = read(document);
        assert!(paths(&text).count() >= 8, "{document}: no paths were found");
        for name in paths(&text) {
            assert!(root().join(name).exists(), "{document} names {name}, which does not exist");
        }
    }
}

#[test]
fn the_readme_links_to_documents_that_exist() {
    let text = read("README.md");
    let links: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() >= 5, "no links were found");
    for link in links {
        assert!(root().join(link).is_file(), "the README links to {link}, which does not exist");
    }
}
