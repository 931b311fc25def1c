//! The texts that people read, compared whole with `snapshots/`: the sandbox, `status`, `trace`, `doctor` and the
//! papers for reporters. `INSTA_UPDATE=always` writes them anew.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{collections::BTreeMap, path::Path};

use insta::assert_snapshot;
use regex::{Captures, Regex};
use renkei_proto::{
    referral::v1::IssueReferralRequest,
    r#type::v1::{Agency, Persons, PersonsKind, Sector, StatutoryFacts},
};
use renkei_tools::{
    acts::{Acts, both, publish_all},
    pair::Pair,
    sandbox::{invitation, last_line, on_the_clock, overview, walk},
    scenario::start,
    setup::AGENCIES,
};

/// A text in which a named placeholder replaces every value that differs from run to run, or between the databases.
/// Equal ids and traces have equal numbers.
fn readable(text: &str, folder: &Path) -> String {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = text.replace(&folder.display().to_string(), "[folder]");
    let text = text.replace(&checkout.display().to_string(), "[checkout]");
    let fixed = [
        // Only the embedded database has such a log.
        (r"(?m)^log of changes .*\n", ""),
        (r"127\.0\.0\.1:[0-9]+", "[address]"),
        (r"[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9](\.[0-9]+)?Z", "[time]"),
        (r"-?[0-9]+\.[0-9]{3} s apart", "[seconds] s apart"),
        // A referral code, which follows from the case and a random id.
        (r"(?-u:\b)[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{5}(?-u:\b)", "[code]"),
    ];
    let text = fixed
        .iter()
        .fold(text, |text, (pattern, name)| Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned());
    let text = numbered(&text, r"(?-u:\b)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?-u:\b)", "id");
    numbered(&text, r"(?-u:\b)[0-9a-f]{32}(?-u:\b)", "trace")
}

/// The text with a numbered placeholder for each different match.
fn numbered(text: &str, pattern: &str, name: &str) -> String {
    let mut numbers = BTreeMap::new();
    let replaced = Regex::new(pattern).unwrap().replace_all(text, |found: &Captures<'_>| {
        let next = numbers.len() + 1;
        format!("[{name} {}]", numbers.entry(found[0].to_owned()).or_insert(next))
    });
    replaced.into_owned()
}

#[tokio::test]
async fn the_sandbox_and_the_operators_commands_print_as_they_did() {
    let mut said = Vec::new();
    let mut pair = walk(None, [81; 32], None, &mut |line| said.push(line)).await.unwrap();
    let folder = pair.setup.dir.clone();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let shown = |text: &str| readable(text, &folder);
    said.push(last_line(&pair).await.unwrap());
    assert_snapshot!("sandbox", shown(&said.join("\n")));
    assert_snapshot!(
        "sandbox_invitation",
        shown(&format!("{}{}", invitation(&pair, checkout, None), on_the_clock(&pair)))
    );
    assert_snapshot!("status_and_trace", shown(&overview(&pair).await.unwrap()));
    for agency in AGENCIES {
        let (code, text) = pair.command_line(agency, &["doctor"]).await.unwrap();
        assert_snapshot!(format!("doctor_{}", agency.id()), shown(&format!("{text}exit code {}", code.unwrap())));
    }

    pair.stop_both().await.unwrap();
    for command in ["status", "doctor"] {
        let (code, text) = pair.command_line(Agency::Ppc, &[command]).await.unwrap();
        assert_snapshot!(
            format!("{command}_of_a_service_that_is_down"),
            shown(&format!("{text}exit code {}", code.unwrap()))
        );
    }
}

/// The paper for a reporter who knew of the leak on 2026-11-20, in both languages.
async fn paper(acts: &Acts) -> String {
    let statutory = StatutoryFacts {
        sector: Sector::Private.into(),
        knew_on: "2026-11-20".to_owned(),
        items: vec![3],
        persons: Some(Persons { number: 1200, kind: PersonsKind::Exact.into() }),
    };
    let request = IssueReferralRequest { with_code: true, statutory: Some(statutory), ..acts.issuing() };
    let paper = acts.issue(request).await.unwrap().notice.unwrap();
    format!("{}\n\n---\n\n{}", paper.ja, paper.en)
}

#[tokio::test]
async fn the_papers_for_reporters_read_as_they_did() {
    let pair = Pair::in_process(start().unwrap(), 82).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    for acts in [&ppc, &ipa] {
        let text = readable(&paper(acts).await, &pair.setup.dir);
        assert_snapshot!(format!("paper_of_{}", acts.agency.id()), text);
    }
}
