//! Items for units that their receiver does not have (Art. 7(2)): the receiver's service alone knows, and reports it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_proto::{
    options::v1::Reason,
    sharing::v1::ReviseItemRequest,
    r#type::v1::{Agency, Purpose},
};
use renkei_tools::{
    acts::{both, refused, same_journals, settle, terms_for, to_units},
    database,
    pair::Pair,
    scenario::start,
    setup::{AGENCIES, Choice},
};
use serde_json::Value;

/// A typing error for `investigation`.
const TYPO: &str = "investigaton";

/// The part of `status` on items whose units are missing: their number, and the first of them.
async fn settles(pair: &Pair, agency: Agency) -> Option<(u64, String)> {
    let (code, text) = pair.command_line(agency, &["status", "--json"]).await.unwrap();
    assert_eq!(code, Some(0), "{text}");
    let told: Value = serde_json::from_str(&text).unwrap();
    let duties = told["held"]["duties"].as_array().unwrap();
    let duty = duties.iter().find(|it| it["kind"] == "settle_item_units")?;
    Some((duty["open"].as_u64().unwrap(), duty["next_matter"].as_str().unwrap().to_owned()))
}

#[tokio::test]
async fn an_item_for_a_unit_that_its_receiver_lacks_is_told_to_both_in_the_item_and_in_status() {
    let pair = Pair::processes(None, start().unwrap(), [72; 32], Choice::default()).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let scope = to_units(&["policy", TYPO], &[Purpose::Policy]);
    let it = ipa.publish_item(ipa.publishing_item(scope)).await.unwrap();
    assert_eq!(it.missing_units, [""; 0], "the receiver has not answered yet");
    let hidden = ipa.publish_item(ipa.publishing_item(to_units(&[TYPO], &[Purpose::Policy]))).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    for (acts, name) in [(&ppc, &it.name), (&ipa, &it.name), (&ipa, &hidden.name)] {
        assert_eq!(acts.item(name).await.unwrap().missing_units, [TYPO], "{name} at {}", acts.agency.id());
    }
    refused(ppc.item(&hidden.name).await, Reason::NotFound, "");
    for agency in AGENCIES {
        assert_eq!(settles(&pair, agency).await, Some((2, it.name.clone())), "{}", agency.id());
    }
    // It is no answer of an official.
    let level = ipa.entry(Agency::Ipa, 2).await.unwrap();
    assert_eq!(level.delivery.unwrap().answered_by, "");

    let terms = Some(terms_for(to_units(&["policy", "investigation"], &[Purpose::Policy])));
    for it in [it, hidden] {
        let it = ipa.item(&it.name).await.unwrap();
        let it = ipa.revise_item(ReviseItemRequest { terms: terms.clone(), ..ipa.revising_item(&it) }).await.unwrap();
        assert_eq!(it.missing_units, [""; 0]);
    }
    settle(&ppc, &ipa).await.unwrap();
    for agency in AGENCIES {
        assert_eq!(settles(&pair, agency).await, None, "{}", agency.id());
    }
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}

#[tokio::test]
async fn answers_about_units_come_back_after_a_restore() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    settle(&ppc, &ipa).await.unwrap();
    pair.stop(Agency::Ppc).await.unwrap();
    let copy = pair.setup.file(Agency::Ppc, "copy.db");
    database::copy(&pair.setup, Agency::Ppc, &copy).unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    let scope = to_units(&["policy", TYPO], &[Purpose::Policy]);
    let it = ipa.publish_item(ipa.publishing_item(scope)).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let before = ppc.shared_item(&it.name).await.unwrap();
    assert_eq!(before.missing_units, [TYPO]);

    pair.stop(Agency::Ppc).await.unwrap();
    database::put_back(&pair.setup, Agency::Ppc, &copy).unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    ppc.until_link("the end of the recovery", |link| !link.recovering && link.peer_seq > 1).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    // The same answer, and no second one.
    assert_eq!(ppc.shared_item(&it.name).await.unwrap(), before);
    assert_eq!(ipa.shared_item(&it.name).await.unwrap(), before);
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0);
}
