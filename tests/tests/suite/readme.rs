//! The README, the invariants, the rules and the glossary name files and symbols of the project; these tests check that
//! they exist.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(document: &str) -> String {
    std::fs::read_to_string(root().join(document)).unwrap()
}

/// The pairs of file and symbol in the last column of a document's table.
fn places(document: &str) -> Vec<(String, String)> {
    let mut places = Vec::new();
    let text = read(document);
    // The first row is the heading.
    for row in text.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let named = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for place in named.split(", ") {
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
fn every_place_that_enforces_an_invariant_or_decides_a_rule_exists() {
    for (document, least) in [("docs/invariants.md", 43), ("docs/rules.md", 26)] {
        let places = places(document);
        assert!(places.len() >= least, "the table of {document} was not found");
        for (file, symbol) in places {
            let text = std::fs::read_to_string(root().join(&file)).unwrap_or_default();
            assert!(defines(&text, &symbol), "{document} names {symbol} in {file}, which does not define it");
        }
    }
}

#[test]
fn every_file_that_the_readme_or_the_glossary_names_exists() {
    for document in ["README.md", "docs/words.md", "docs/invariants.md", "docs/rules.md"] {
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
