//! Sessions between the services: hello first, and frames that break the protocol end a session without harm.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use prost::Message as _;
use renkei_proto::{
    journal::v1::{Entry, SaltedContent},
    link::v1::{EntryBatch, ExchangeRequest, Frame, Goodbye, Hello, frame::Kind, link_status::State},
    options::v1::Reason,
    r#type::v1::Agency,
};
use renkei_tools::{
    peer::{Session, against},
    raw,
};

const PATH: &str = "/renkei.link.v1.LinkService/Exchange";

/// Hears a session to its end; gives the goodbye's reason.
async fn goodbye(session: &mut Session) -> Reason {
    session.until(|kind| if let Kind::Goodbye(bye) = kind { Some(bye.reason()) } else { None }).await.unwrap()
}

#[tokio::test]
async fn agencies_whose_agreements_differ_exchange_nothing_and_both_are_told() {
    // Dialled by the peer.
    let (_pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    peer.agreement[0] ^= 1;
    let mut session = peer.dial().await.unwrap();
    session.send(&[peer.publication("virus").unwrap()]).await;
    assert_eq!(goodbye(&mut session).await, Reason::AgreementDiffers);
    assert_eq!(session.ended().await.unwrap().reason, Reason::AgreementDiffers);
    let link = ppc.link().await.unwrap();
    assert_eq!((link.state(), link.peer_seq, link.backlog), (State::AgreementDiffers, 0, 1));
    assert!(link.cause.contains("agreement") && session.entries.is_empty());
    // The session is complete as soon as the agreements are equal again.
    peer.agreement[0] ^= 1;
    let mut session = peer.dial().await.unwrap();
    session.received(1).await.unwrap();
    ppc.until_link("a link", |link| link.state() == State::Connected).await.unwrap();

    // Dialling the peer.
    let (pair, ppc, mut peer) = against(Agency::Ppc, false).await.unwrap();
    peer.agreement[0] ^= 1;
    let mut listening = peer.listen(&pair).await.unwrap();
    let mut session = listening.accept(&peer).await.unwrap();
    assert_eq!(goodbye(&mut session).await, Reason::AgreementDiffers);
    drop(session);
    // PPC tries again, as the peer may have put it right. Now the peer sees it first and reports it.
    let mut session = listening.accept(&peer).await.unwrap();
    let link = ppc.link().await.unwrap();
    assert_eq!((link.state(), link.peer_seq, link.backlog), (State::AgreementDiffers, 0, 1));
    session.say(Kind::Goodbye(Goodbye { reason: Reason::AgreementDiffers.into() })).await;
    assert_eq!(goodbye(&mut session).await, Reason::AgreementDiffers);
    peer.agreement[0] ^= 1;
    let session = loop {
        let mut session = listening.accept(&peer).await.unwrap();
        if session.received(1).await.is_ok() {
            break session;
        }
    };
    ppc.until_link("a link", |link| link.state() == State::Connected).await.unwrap();
    session.sign(&mut peer).await;
    ppc.until_link("the receipt", |link| link.backlog == 0).await.unwrap();
}

#[tokio::test]
async fn frames_that_break_the_protocol_end_the_session_and_change_nothing() {
    let (pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let first = peer.publication("virus").unwrap();
    let entries = |entries: Vec<Entry>| Kind::Entries(EntryBatch { journal: Agency::Ipa.into(), entries });
    let hello = peer.dial().await.unwrap().hello;
    let salted = SaltedContent { salt: vec![0; 32], content: vec![0; 1 << 20] };
    let large = Entry { content: Some(salted.clone()), ..first.clone() };
    let beyond = Entry { content: Some(SaltedContent { content: vec![0; (1 << 20) + 1], ..salted }), ..first.clone() };
    let nobody = EntryBatch { journal: 0, entries: vec![first.clone()] };
    let cases: [(&str, Kind, Option<Reason>); 8] = [
        ("hello twice", Kind::Hello(Hello { agency: Agency::Ipa.into(), ..hello.clone() }), None),
        ("goodbye", Kind::Goodbye(Goodbye { reason: Reason::Draining.into() }), None),
        ("no entry", entries(Vec::new()), Some(Reason::FieldInvalid)),
        ("257 entries", entries(vec![first.clone(); 257]), Some(Reason::FieldInvalid)),
        ("more than 4 MiB", entries(vec![large; 5]), Some(Reason::TooLarge)),
        ("a content of more than 1 MiB", entries(vec![beyond]), Some(Reason::FieldInvalid)),
        (
            "a short signature",
            entries(vec![Entry { signature: vec![0; 63], ..first.clone() }]),
            Some(Reason::FieldInvalid),
        ),
        ("nobody's journal", Kind::Entries(nobody), Some(Reason::FieldInvalid)),
    ];
    for (what, kind, reason) in cases {
        let mut session = peer.dial().await.unwrap();
        session.say(kind).await;
        assert_eq!(session.ended().await.map(|refused| refused.reason), reason, "{what}");
    }

    let channel = raw::link(Agency::Ppc, pair.ppc.link_wire.address(), &peer.files).unwrap();
    let frame = |kind| ExchangeRequest { frame: Some(Frame { kind: Some(kind) }) }.encode_to_vec();
    let as_ppc = frame(Kind::Hello(Hello { agency: Agency::Ppc.into(), ..hello.clone() }));
    let bodies: [(&str, Vec<u8>, Option<Reason>); 6] = [
        ("no message", vec![0xff; 64], Some(Reason::Malformed)),
        ("no frame", Vec::new(), Some(Reason::FieldInvalid)),
        (
            "an empty frame",
            ExchangeRequest { frame: Some(Frame::default()) }.encode_to_vec(),
            Some(Reason::FieldInvalid),
        ),
        (
            "a short digest",
            frame(Kind::Hello(Hello { agreement_sha256: vec![0; 31], ..hello })),
            Some(Reason::FieldInvalid),
        ),
        ("no hello first", frame(entries(vec![first.clone()])), None),
        ("hello as somebody else", as_ppc, None),
    ];
    for (what, body, reason) in bodies {
        let ended = raw::call(&channel, PATH, &body, &[]).await;
        assert_eq!(ended.err().and_then(|status| renkei_rpc::error::reason_of(&status)), reason, "{what}");
    }

    let link = ppc.link().await.unwrap();
    assert_eq!((link.own_seq, link.peer_seq, link.stopped_at_seq, link.stopped_by_peer_at_seq), (1, 0, 0, 0));
    let mut session = peer.dial().await.unwrap();
    session.send(&[first]).await;
    session.receipted(1).await.unwrap();
    assert_eq!(ppc.link().await.unwrap().peer_seq, 1);
}

#[tokio::test]
async fn an_invalid_receipt_changes_nothing() {
    let (_pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    session.received(1).await.unwrap();
    let hash = renkei_journal::header_hash(&session.entries[0].header).to_vec();
    let mut unsigned = peer.receipt(1, hash.clone(), 0);
    unsigned.signature[0] ^= 1;
    let mut nobodys = peer.receipt(1, hash.clone(), 0);
    nobodys.key_id = "ipa-2".to_owned();
    let mut garbled = peer.receipt(1, hash.clone(), 0);
    garbled.receipt.push(0xff);
    for receipt in [unsigned, nobodys, garbled] {
        session.say(Kind::Receipt(receipt)).await;
    }
    session.send(&[peer.publication("virus").unwrap()]).await;
    session.receipted(1).await.unwrap();
    assert_eq!(ppc.link().await.unwrap().backlog, 1);
    // Signed, but of another entry, of one that there is not, or of the peer's own journal: the session ends.
    let mut wrong = hash.clone();
    wrong[0] ^= 1;
    for receipt in [peer.receipt(1, wrong, 0), peer.receipt(9, hash.clone(), 0)] {
        let mut session = peer.dial().await.unwrap();
        session.say(Kind::Receipt(receipt)).await;
        assert!(session.ended().await.is_some());
        assert_eq!(ppc.link().await.unwrap().backlog, 1);
    }
    let mut session = peer.dial().await.unwrap();
    session.received(1).await.unwrap();
    session.sign(&mut peer).await;
    ppc.until_link("the receipt", |link| link.backlog == 0).await.unwrap();
}
