//! A peer with the right certificate and key that lies about advice, items and officials is answered with the reason
//! that the table names, and alike whichever agency is lied to. What the other side shows stays as it was.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{collections::BTreeMap, process::Stdio};

use prost::Message as _;
use renkei_domain::scope::marking;
use renkei_proto::{
    advice::v1::AdviceClosed,
    journal::v1::{KindsSpoken, fact},
    sharing::v1::{
        ItemKind, ItemRecalled, ItemRecalledContent, ItemTerms, Publication, ThreatInformationPublished, item::State,
        item_content::Item as Kind,
    },
    r#type::v1::Agency,
};
use renkei_tools::{
    acts::{item_content, terms_for, to_the_party},
    lies,
    peer::against,
    process::program,
};
use tokio::process::Command;

/// The fate of each lie that is told to an agency, by the lie's name.
async fn told(to: Agency) -> BTreeMap<String, String> {
    let output = Command::new(program("liar").unwrap()).args(["--to", to.id()]).stdin(Stdio::null()).output();
    let output = output.await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{} is lied to:\n{text}", to.id());
    text.lines()
        .map(|line| line.split_once('\t').unwrap())
        .map(|(fate, what)| (what.to_owned(), fate.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_lie_is_answered_alike_whichever_agency_is_lied_to() {
    let (ppc, ipa) = tokio::join!(told(Agency::Ppc), told(Agency::Ipa));
    let all = lies::all();
    let by = |agency: Agency| all.iter().filter(|lie| lie.by.contains(&agency)).count();
    assert_eq!((ppc.len(), ipa.len()), (by(Agency::Ipa), by(Agency::Ppc)), "no two lies have one name");
    let common: Vec<&String> = ppc.keys().filter(|what| ipa.contains_key(*what)).collect();
    assert!(common.len() > 80, "{}", common.len());
    for what in common {
        assert_eq!(ppc[what], ipa[what], "{what}");
    }
}

#[test]
fn every_kind_of_fact_that_advice_sharing_and_officials_know_is_lied_with() {
    let names: Vec<String> = lies::all().into_iter().map(|lie| lie.what).collect();
    let kinds: Vec<&str> = lies::kinds().map(|kind| kind.name()).collect();
    let articles = ["4(2)", "5(2)", "7(1)", "7(2)"];
    let expected = renkei_proto::FactKind::ALL.iter().filter(|kind| articles.contains(&kind.rule().article));
    assert_eq!(kinds, expected.map(|kind| kind.name()).collect::<Vec<_>>());
    for kind in kinds {
        assert!(names.iter().filter(|name| name.starts_with(&format!("{kind}: "))).count() >= 2, "{kind}");
    }
}

#[tokio::test]
async fn a_recall_seals_although_the_peer_states_that_it_does_not_speak_of_sealing() {
    let (pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    session.received(1).await.unwrap();
    session.sign(&mut peer).await;
    let kinds = ["threat_information_published", "item_recalled"].map(str::to_owned).to_vec();
    let spoken = peer.entry("agencies/ipa/journal", fact::Fact::KindsSpoken(KindsSpoken { kinds }), None, 0).unwrap();
    let name = "agencies/ipa/items/0199b7c4-0000-7000-8000-000000000001";
    let terms = Some(ItemTerms { marking: Some(marking(None)), ..terms_for(to_the_party()) });
    let publication =
        Some(Publication { revision: 1, terms, fiscal_year: 2026, year_ordinal: 1, ..Publication::default() });
    let content = item_content(ItemKind::ThreatInformation, "語", pair.clock.now());
    let Some(Kind::ThreatInformation(words)) = content.item else { unreachable!() };
    let published = fact::Fact::ThreatInformationPublished(ThreatInformationPublished { publication });
    let published = peer.entry(name, published, Some(words.encode_to_vec()), 0).unwrap();
    session.send(&[spoken, published]).await;
    session.receipted(2).await.unwrap();
    assert!(ppc.item(name).await.unwrap().content.is_some());

    let why = ItemRecalledContent { explanation: "誤り".to_owned() }.encode_to_vec();
    let recalled = peer
        .entry(name, fact::Fact::ItemRecalled(ItemRecalled { reason: 1, ..ItemRecalled::default() }), Some(why), 0)
        .unwrap();
    session.send(&[recalled]).await;
    session.receipted(3).await.unwrap();
    let item = ppc.item(name).await.unwrap();
    assert_eq!((item.state(), item.content, item.sealed_at.is_some()), (State::Recalled, None, true));
}

#[tokio::test]
async fn a_peer_that_lies_without_end_in_a_request_uses_nobody_elses_room_in_it() {
    let (_pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    let it = ppc.submit_advice_request(ppc.requesting()).await.unwrap();
    session.received(2).await.unwrap();
    session.sign(&mut peer).await;
    let closed = || fact::Fact::AdviceClosed(AdviceClosed {});
    let lies: Vec<_> = (0..200).map(|_| peer.entry(&it.name, closed(), None, 0).unwrap()).collect();
    session.send(&lies).await;
    session.receipted(200).await.unwrap();
    let it = ppc.advice_request(&it.name).await.unwrap();
    assert_eq!(it.entries.len(), 401, "each is stored and refused");
    ppc.supplement_advice_request(ppc.supplementing(&it)).await.unwrap();
}
