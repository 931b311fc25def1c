//! A database that was changed behind its service's back causes errors and never a disclosure.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use prost::Message as _;
use renkei_client::Answer;
use renkei_proto::{
    evidence::v1::ListEntriesRequest,
    journal::v1::{Page, fact::Fact},
    options::v1::Reason,
    referral::v1::FollowUpReferralRequest,
    sharing::v1::{Item, ListItemsRequest},
    r#type::v1::{Agency, Purpose, Scope},
};
use renkei_tools::{
    acts::{Acts, both, publish_all, refused, settle, terms_for, to_the_party, to_units},
    database::{self, Engine},
    pair::Pair,
    scenario::start,
};

fn to_investigation() -> Scope {
    to_units(&["investigation"], &[Purpose::IncidentResponse])
}

/// Bytes in the words of the database.
fn literal(engine: Engine, bytes: &[u8]) -> String {
    let hex = hex::encode(bytes);
    match engine {
        Engine::Sqlite => format!("x'{hex}'"),
        Engine::Postgres => format!("decode('{hex}', 'hex')"),
    }
}

fn behind(pair: &Pair, statements: &str) {
    database::behind_its_back(&pair.setup, Agency::Ppc, statements).unwrap();
}

/// An intruder at PPC widens the scope of an item on its page and in the index of lists.
async fn widen(pair: &Pair, name: &str) {
    let page = pair.ppc.store().unwrap().page(name).await.unwrap().unwrap();
    let mut page = Page::decode(page.encode().as_slice()).unwrap();
    for mark in &mut page.ipa.as_mut().unwrap().marks {
        if let Some(Fact::ThreatInformationPublished(it)) = &mut mark.fact.as_mut().unwrap().fact {
            it.publication.as_mut().unwrap().terms = Some(terms_for(to_the_party()));
        }
    }
    let page = literal(database::engine_of(&pair.setup), &page.encode_to_vec());
    behind(
        pair,
        &format!(
            "UPDATE page SET page = {page} WHERE matter = '{name}'; \
             UPDATE visible SET audience = '*/*' WHERE matter = '{name}';"
        ),
    );
}

/// Every way out of an item at PPC, as somebody who is not in its scope.
async fn ways_out(ppc: &Acts, it: &Item) -> Vec<(&'static str, Answer<()>)> {
    let list = ListItemsRequest { parent: "agencies/-".to_owned(), ..ListItemsRequest::default() };
    let entries = ListEntriesRequest { matter: it.name.clone(), ..ListEntriesRequest::default() };
    let seen = Item { etag: String::new(), ..it.clone() };
    vec![
        ("GetItem", ppc.item(&it.name).await.map(|_| ())),
        ("ListItemEntries", ppc.item_entries(&it.name).await.map(|_| ())),
        ("ListItems", ppc.list_items(list).await.map(|_| ())),
        ("ListEntries", ppc.list_entries(entries).await.map(|_| ())),
        ("AcknowledgeItem", ppc.acknowledge_item(ppc.acknowledging(&seen)).await.map(|_| ())),
    ]
}

/// The call failed with an id for the operator and nothing else.
#[track_caller]
fn fails<T: std::fmt::Debug>(answer: Answer<T>) {
    assert_eq!(answer.unwrap_err().reason, Reason::Internal);
}

async fn disclose_nothing(ppc: &Acts, it: &Item) {
    for (way, answer) in ways_out(ppc, it).await {
        assert_eq!(answer.map_err(|refused| refused.reason), Err(Reason::Internal), "{way}");
    }
}

#[tokio::test]
async fn a_widened_scope_shows_nothing_and_a_rebuild_heals_it() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let hidden = ipa.publish_item(ipa.publishing_item(to_investigation())).await.unwrap();
    let open = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    refused(ppc.item(&hidden.name).await, Reason::NotFound, "");

    widen(&pair, &hidden.name).await;
    disclose_nothing(&ppc, &hidden).await;
    // Nobody else is hindered.
    ppc.item(&open.name).await.unwrap();
    let seen = ppc.item(&open.name).await.unwrap();
    ppc.acknowledge_item(ppc.acknowledging(&seen)).await.unwrap();

    pair.stop(Agency::Ppc).await.unwrap();
    let (code, said) = pair.command_line(Agency::Ppc, &["rebuild"]).await.unwrap();
    assert_eq!((code, said.contains(&format!("differs: {}", hidden.name))), (Some(1), true), "{said}");
    let (code, said) = pair.command_line(Agency::Ppc, &["rebuild", "--write"]).await.unwrap();
    assert_eq!(code, Some(0), "{said}");
    pair.start(Agency::Ppc).await.unwrap();
    refused(ppc.item(&hidden.name).await, Reason::NotFound, "");
    assert!(ppc.list_items(ListItemsRequest { parent: "agencies/-".to_owned(), ..Default::default() }).await.is_ok());
    assert_eq!(ppc.verify().await.unwrap().fault, "");
}

#[tokio::test]
async fn an_older_copy_of_a_page_shows_nothing() {
    let pair = Pair::in_process(start().unwrap(), 2).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    ppc.item(&it.name).await.unwrap();
    let rows = format!("WHERE matter = '{}'", it.name);
    behind(
        &pair,
        &format!(
            "CREATE TABLE saved AS SELECT * FROM page {rows}; CREATE TABLE shown AS SELECT * FROM visible {rows};"
        ),
    );
    let mut narrower = ipa.revising_item(&it);
    narrower.terms = Some(terms_for(to_investigation()));
    ipa.revise_item(narrower).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    refused(ppc.item(&it.name).await, Reason::NotFound, "");

    behind(
        &pair,
        &format!(
            "DELETE FROM page {rows}; INSERT INTO page SELECT * FROM saved; \
             DELETE FROM visible {rows}; INSERT INTO visible SELECT * FROM shown;"
        ),
    );
    disclose_nothing(&ppc, &it).await;
    behind(&pair, &format!("DELETE FROM page {rows};"));
    fails(ppc.item(&it.name).await);
}

#[tokio::test]
async fn a_bar_that_was_removed_from_the_page_of_an_official_still_bars() {
    let mut pair = Pair::in_process(start().unwrap(), 3).await.unwrap();
    let (ppc, _ipa) = both(&pair).unwrap();
    ppc.bar("tanaka.hanako").await.unwrap();
    pair.stop(Agency::Ppc).await.unwrap();
    behind(&pair, "DELETE FROM page WHERE matter LIKE '%/officials/%'");
    pair.start(Agency::Ppc).await.unwrap();
    assert!(pair.ppc.store().unwrap().barred().borrow().contains("tanaka.hanako"));
    fails(ppc.barred().await);
    fails(ppc.unbar("tanaka.hanako").await);
}

#[tokio::test]
async fn a_repeat_whose_stored_reply_is_gone_or_was_changed_is_not_done_again() {
    let pair = Pair::in_process(start().unwrap(), 4).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let request = ipa.publishing_item(to_the_party());
    let first = ipa.publish_item(request.clone()).await.unwrap();
    let other = ipa.publish_item(ipa.publishing_item(to_the_party())).await.unwrap();
    assert_ne!(first.name, other.name);
    publish_all(&ppc, &ipa).await.unwrap();
    let filing = FollowUpReferralRequest { reporter_agreed: false, ..ipa.following_up("") };
    ipa.follow_up(filing.clone()).await.unwrap();
    let counted = pair.ipa.store().unwrap().heads().borrow().private.seq;
    settle(&ppc, &ipa).await.unwrap();
    let seq = ipa.link().await.unwrap().own_seq;
    let sql = |text: &str| database::behind_its_back(&pair.setup, Agency::Ipa, text).unwrap();
    for change in [
        "UPDATE call SET reply = (SELECT c.reply FROM call c WHERE c.reply IS NOT NULL ORDER BY c.reply DESC LIMIT 1) \
         WHERE reply IS NOT NULL",
        "UPDATE call SET reply = (SELECT c.reply FROM call c WHERE c.reply IS NOT NULL ORDER BY c.reply LIMIT 1) \
         WHERE reply IS NOT NULL",
        "UPDATE call SET at_us = at_us + 1",
        "UPDATE call SET request = NULL, digest = NULL, reply = NULL, seal = NULL",
    ] {
        sql(change);
        let again = ipa.publish_item(request.clone()).await.unwrap();
        assert_eq!((&again.name, &again.case_number), (&first.name, &first.case_number), "{change}");
        assert_eq!(ipa.link().await.unwrap().own_seq, seq, "{change}");
        ipa.follow_up(filing.clone()).await.unwrap();
        assert_eq!(pair.ipa.store().unwrap().heads().borrow().private.seq, counted, "{change}");
    }
}
