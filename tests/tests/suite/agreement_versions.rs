//! Versions of the memorandum: both programs may have the next one in advance, and nothing stops on its first day.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;

use renkei_domain::{memorandum::Memorandum, page::Journal};
use renkei_proto::{link::v1::link_status::State, options::v1::Reason, r#type::v1::Agency};
use renkei_tools::{
    acts::{both, same_journals, settle},
    pair::Pair,
    scenario::instant,
    setup::{AGENCIES, Choice},
};
use tempfile::TempDir;

/// The first version, whose bytes never change.
const FIRST: &str = include_str!("../../../shared/domain/src/agreement.toml");
/// The last instant of the first version, and the first one of the next.
const DAY: [&str; 2] = ["2027-03-31T14:59:59Z", "2027-03-31T15:00:00Z"];

/// A folder with the next version, which corrects an English name, and the line that names it in a configuration.
fn next() -> (TempDir, String, String) {
    let folder = TempDir::new().unwrap();
    let text = format!("applies_from = \"2027-04-01\"\n{}", FIRST.replace("IT Security Center", "Security Center"));
    let file = folder.path().join("agreement-2027-04-01.toml");
    std::fs::write(&file, &text).unwrap();
    (folder, text, format!("agreements = [{:?}]\n", file.display().to_string()))
}

#[tokio::test]
async fn with_the_next_version_at_both_nothing_stops_on_its_day() {
    let (_folder, text, line) = next();
    let digests =
        Memorandum::built_in().with_text(&text).unwrap().versions().iter().map(|it| it.digest).collect::<Vec<_>>();
    let top = BTreeMap::from([("ppc", line.clone()), ("ipa", line)]);
    let choice = Choice { top, ..Choice::default() };
    let pair = Pair::in_process_with(instant(DAY[0]).unwrap(), 93, choice).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    for (day, digest) in DAY.into_iter().zip(&digests) {
        pair.set_clock(instant(day).unwrap()).unwrap();
        let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
        settle(&ppc, &ipa).await.unwrap();
        let it = ipa.advice_request(&it.name).await.unwrap();
        ipa.accept_advice_request(ipa.accepting(&it)).await.unwrap();
        settle(&ppc, &ipa).await.unwrap();
        for (acts, author) in [(&ppc, Agency::Ppc), (&ipa, Agency::Ipa)] {
            let shown = acts.agreement().await.unwrap();
            assert_eq!((shown.digest, shown.versions.len()), (hex::encode(digest), 2), "{day}");
            let store = pair.side(author).store().unwrap();
            for journal in [Journal::Of(author), Journal::Of(author.peer())] {
                let last = store.previous(journal).await.unwrap().head.seq;
                let header = store.entry(journal, last).await.unwrap().unwrap().header;
                assert_eq!(header.agreement_sha256, digest, "{journal:?} on {day}");
            }
        }
    }
    let link = ppc.link().await.unwrap();
    assert_eq!((link.state(), link.stopped_at_seq, link.stopped_by_peer_at_seq), (State::Connected, 0, 0));
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn a_version_that_one_side_lacks_is_named_before_its_day_and_stops_no_journal_after_it() {
    let (_folder, _, line) = next();
    let choice = Choice { top: BTreeMap::from([("ppc", line.clone())]), ..Choice::default() };
    let start = instant("2027-03-01T09:00:00+09:00").unwrap();
    let mut pair = Pair::processes(None, start, [94; 32], choice).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let old = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    for (now, is_near) in [("2027-03-01T14:59:59Z", false), ("2027-03-01T15:00:00Z", true)] {
        pair.set_clock(instant(now).unwrap()).unwrap();
        for agency in AGENCIES {
            let (_, status) = pair.command_line(agency, &["status"]).await.unwrap();
            let row = status.lines().find(|line| line.starts_with("memorandum"));
            assert_eq!(row.is_some(), is_near, "{} at {now}: {status}", agency.id());
            assert!(
                row.is_none_or(|row| row.contains("ipa lacks the version that applies from 2027-04-01")),
                "{status}"
            );
        }
    }
    // On its day both still act. The session that was open before ends with the first entry of the new version.
    pair.set_clock(instant(DAY[1]).unwrap()).unwrap();
    let new = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    for acts in [&ppc, &ipa] {
        let link = acts.until_link("a difference", |link| link.state() == State::AgreementDiffers).await.unwrap();
        assert_eq!(
            (link.stopped_at_seq, link.stopped_by_peer_at_seq, link.stopped_reason()),
            (0, 0, Reason::Unspecified)
        );
    }
    assert_eq!(ppc.link().await.unwrap().backlog, 1);
    let old = ipa.advice_request(&old.name).await.unwrap();
    ipa.accept_advice_request(ipa.accepting(&old)).await.unwrap();
    // With the text everything goes on where it was, and both judge what IPA wrote meanwhile under the version before.
    pair.stop(Agency::Ipa).await.unwrap();
    let named = pair.ipa.config().replacen("replica = \"a\"\n", &format!("replica = \"a\"\n{line}"), 1);
    pair.ipa.set_config(named);
    pair.start(Agency::Ipa).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(
        ipa.shared_advice_request(&new.name).await.unwrap(),
        ppc.shared_advice_request(&new.name).await.unwrap()
    );
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
    for agency in AGENCIES {
        let (_, status) = pair.command_line(agency, &["status"]).await.unwrap();
        assert!(!status.contains("memorandum"), "{status}");
        let (code, proved) = pair.command_line(agency, &["verify"]).await.unwrap();
        assert_eq!(code, Some(0), "{proved}");
    }
}
