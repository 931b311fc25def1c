//! The README, the invariants, the rules and the glossary name files and symbols of the project; these tests check that
//! they exist.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use renkei_proto::RULES;

use crate::checkout::checkout;

fn read(document: &str) -> String {
    std::fs::read_to_string(checkout().join(document)).unwrap()
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
            let text = std::fs::read_to_string(checkout().join(&file)).unwrap_or_default();
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
            assert!(checkout().join(name).exists(), "{document} names {name}, which does not exist");
        }
    }
}

#[test]
fn the_readme_links_to_documents_that_exist() {
    let text = read("README.md");
    let links: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() >= 5, "no links were found");
    for link in links {
        assert!(checkout().join(link).is_file(), "the README links to {link}, which does not exist");
    }
}

/// The quoted words of a text.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_map_of_article_7_2_names_rpcs_and_tests_that_exist_and_every_rpc_of_consent_disclosure_and_recall() {
    let text = read("tests/README.md");
    let map = text.split("## The map of Art. 7(2)").nth(1).unwrap().split("\n## ").next().unwrap();
    for sentence in [
        "共有範囲を指定することができる。",
        "相手方の同意を得ることなく、当該共有範囲を超えて情報の共有を行ってはならない。",
    ] {
        assert!(map.contains(sentence), "the article itself: {sentence}");
    }
    let rpc = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let all: BTreeSet<String> = RULES.iter().map(|rule| rpc(rule.path)).collect();
    let mut named = BTreeSet::new();
    let mut rows = 0;
    for row in map.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let columns: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(columns.len(), 3, "{row}");
        for method in quoted(columns[1]) {
            assert!(all.contains(method), "the map names {method}, which does not exist");
            named.insert(method.to_owned());
        }
        let test = quoted(columns[2]);
        assert_eq!(test.len(), 2, "a test is a file and a name: {row}");
        let file = std::fs::read_to_string(checkout().join("tests/tests").join(test[0])).unwrap_or_default();
        assert!(defines(&file, test[1]), "the map names {} in {}, which does not define it", test[1], test[0]);
        rows += 1;
    }
    assert!(rows >= 20, "the map was not found");
    let of_the_article = ["ConsentService/", "DisclosureService/", "RecallService/"];
    let missing: Vec<&String> = all
        .iter()
        .filter(|it| of_the_article.iter().any(|service| it.starts_with(service)) && !named.contains(*it))
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// The guides of integrators show code of clients that are run; a line before each block names its file.
#[test]
fn the_code_of_the_guides_is_that_of_the_tested_clients() {
    for guide in ["docs/integrate.md", "docs/integrate.ja.md"] {
        let text = read(guide);
        let lines: Vec<&str> = text.lines().collect();
        let mut compared = 0;
        for (place, fence) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("```")) {
            let language = fence.trim_start_matches('`');
            if ["", "sh", "text", "json"].contains(&language) {
                continue;
            }
            let named = lines[..place].iter().rev().find(|line| !line.is_empty()).copied().unwrap_or_default();
            let file = named.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
            let file = file.unwrap_or_else(|| panic!("{guide}:{}: name the file of the code", place + 1));
            let block: Vec<&str> = lines[place + 1..].iter().take_while(|line| **line != "```").copied().collect();
            assert!(contains(&read(file), &block), "{guide}:{}: {file} has no such piece", place + 1);
            compared += 1;
        }
        assert!(compared >= 4, "{guide}: {compared} pieces of code");
    }
}

/// Commands of the guides that nobody runs from them: these start the sandbox that all others need.
const BEGINNING: [&str; 3] = ["tar -xzf", "./dev sandbox", "ROOT=$PWD"];

/// The pieces for a shell, each with the line before it.
fn commands(guide: &str) -> Vec<(String, String)> {
    let text = read(guide);
    let pieces = text.split("```sh\n").collect::<Vec<_>>();
    let before = |piece: &str| piece.lines().next_back().unwrap_or_default().to_owned();
    pieces.windows(2).map(|pair| (before(pair[0]), pair[1].split("```").next().unwrap().to_owned())).collect()
}

/// `./dev clients` runs the pieces with a name; the Japanese guide has the same as the English one.
#[test]
fn the_commands_of_the_guides_are_run() {
    let all = commands("docs/integrate.md");
    assert_eq!(all, commands("docs/integrate.ja.md"));
    let mut run = 0;
    for (before, piece) in all.into_iter().chain(commands("docs/clients.md")) {
        let name = before.strip_prefix("<!-- run: ").and_then(|rest| rest.strip_suffix(" -->"));
        assert!(name.is_some() || BEGINNING.iter().any(|it| piece.starts_with(it)), "nothing runs: {piece}");
        run += u32::from(name.is_some());
    }
    assert!(run >= 10, "{run} pieces");
}

/// True if the lines are a piece of a text, up to the indentation that they have in common there.
fn contains(text: &str, piece: &[&str]) -> bool {
    let text: Vec<&str> = text.lines().collect();
    text.windows(piece.len()).any(|found| {
        let blank = |line: &str| line.len() - line.trim_start().len();
        let common = found.iter().filter(|line| !line.trim().is_empty()).map(|line| blank(line)).min().unwrap_or(0);
        found.iter().zip(piece).all(|(found, own)| found.get(common..).unwrap_or_default() == *own)
    })
}
