//! The README names the places that hold the invariants; this holds the README to them.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The pairs of file and symbol in the table of invariants.
fn places(readme: &str) -> Vec<(String, String)> {
    let table = readme.split("## Invariants").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut places = Vec::new();
    for row in table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Invariant")) {
        let held_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for place in held_by.split(", ") {
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

#[test]
fn every_place_that_the_readme_names_exists() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let places = places(&readme);
    assert!(places.len() >= 16, "the table of invariants was not found");
    for (file, symbol) in places {
        let text = std::fs::read_to_string(root().join(&file)).unwrap_or_default();
        assert!(defines(&text, &symbol), "the README names {symbol} in {file}, which does not define it");
    }
}

#[test]
fn every_file_that_the_readme_names_exists() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let names =
        readme.split('`').skip(1).step_by(2).filter(|name| name.contains('/') && !name.contains([' ', '{', '(']));
    let names = names.filter(|name| !name.starts_with("./") && !name.starts_with("http"));
    for name in names {
        assert!(root().join(name).exists(), "the README names {name}, which does not exist");
    }
}
