//! Databases that were filled without a network are as if everything had gone over it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use renkei_proto::r#type::v1::Agency;
use renkei_tools::{
    acts::{both, settle, to_the_party},
    pair::Pair,
    seed::seed,
    setup::{AGENCIES, Choice},
};

#[tokio::test]
async fn a_pair_goes_on_from_databases_that_were_filled() {
    let mut pair = Pair::down(Choice::default()).await.unwrap();
    pair.write_configs().unwrap();
    for (author, items) in [(Agency::Ppc, 300), (Agency::Ipa, 20), (Agency::Ppc, 1)] {
        seed(&pair.setup.dir, author, items).await.unwrap();
    }

    for agency in AGENCIES {
        pair.start(agency).await.unwrap();
    }
    let (ppc, ipa) = both(&pair).unwrap();
    let it = ppc.publish_item(ppc.publishing_item(to_the_party())).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ipa.item(&it.name).await.unwrap().name, it.name);
    for acts in [&ppc, &ipa] {
        let link = acts.link().await.unwrap();
        let (own, peer) = if acts.agency == Agency::Ppc { (303, 21) } else { (21, 303) };
        assert_eq!((link.own_seq, link.peer_seq, link.own_receipted_seq), (own, peer, own));
    }
    pair.stop_both().await.unwrap();
    for agency in AGENCIES {
        let (code, said) = pair.command_line(agency, &["verify"]).await.unwrap();
        assert_eq!((code, said.contains("ppc 303 ipa 21")), (Some(0), true), "{said}");
        let (code, said) = pair.command_line(agency, &["rebuild"]).await.unwrap();
        assert_eq!((code, said.contains("entries 324, ")), (Some(0), true), "{said}");
    }
}
