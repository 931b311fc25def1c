//! The claims of a holder of the peer's link certificate, in a hello, a stop or an entry. A claim is proved by a
//! signature of the journal's author, or it changes nothing.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use prost::Message as _;
use renkei_journal::{SigningKey, generate_pkcs8, header_hash, sign_header};
use renkei_proto::{
    journal::v1::{Entry, Header, KeyAdded, KeyRevoked, SignedHeader, fact},
    link::v1::{Stop, frame::Kind},
    options::v1::Reason,
    r#type::v1::Agency,
};
use renkei_tools::{
    acts::Acts,
    database::signing_key,
    pair::Pair,
    peer::{Peer, Session, against, header, signed_header},
};

/// PPC with two entries for which the peer has signed and one that waits, and the peer whose session brought them.
async fn with_a_backlog() -> (Pair, Acts, Peer, Vec<Entry>) {
    let (pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    ppc.publish(ppc.publishing("leak-report-private")).await.unwrap();
    session.received(2).await.unwrap();
    session.sign(&mut peer).await;
    ppc.until_link("the receipt", |link| link.backlog == 0).await.unwrap();
    ppc.publish(ppc.publishing("leak-report-public")).await.unwrap();
    session.received(3).await.unwrap();
    let entries = session.entries.clone();
    (pair, ppc, peer, entries)
}

/// Why the service ends a session with this peer.
async fn goodbye(peer: &Peer) -> Reason {
    let mut session = peer.dial().await.unwrap();
    session.until(|kind| if let Kind::Goodbye(bye) = kind { Some(bye.reason()) } else { None }).await.unwrap()
}

/// Nothing was cut back, refused or stopped, and the true peer's session goes on.
async fn unharmed(ppc: &Acts, peer: &Peer, scheme: &str) {
    let before = ppc.link().await.unwrap();
    assert_eq!((before.recovering, before.stopped_at_seq, before.stopped_by_peer_at_seq), (false, 0, 0));
    ppc.publish(ppc.publishing(scheme)).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    session.received(before.own_seq + 1).await.unwrap();
}

#[tokio::test]
async fn a_hello_that_proves_nothing_changes_nothing() {
    let (pair, ppc, mut peer, entries) = with_a_backlog().await;
    let claimed = |last: &Entry, seq: u64| {
        let header = Header { seq, ..header(last) }.encode_to_vec();
        SignedHeader { header, ..signed_header(last) }
    };
    let forged = |last: &Entry, seq: u64| {
        let unsigned = claimed(last, seq);
        SignedHeader { signature: sign_header(&peer.key, &unsigned.header).to_vec(), ..unsigned }
    };
    let last = &entries[2];
    let mut changed = signed_header(last);
    changed.header = Header { unit: "other".to_owned(), ..header(last) }.encode_to_vec();
    let mut old = signed_header(&entries[0]);
    old.header = Header { unit: "other".to_owned(), ..header(&entries[0]) }.encode_to_vec();
    let claims = [
        ("beyond our head", claimed(last, 1003)),
        ("beyond our head, signed by the peer", forged(last, 1003)),
        ("the greatest number of a database", claimed(last, i64::MAX as u64)),
        ("the greatest number of all", claimed(last, u64::MAX)),
        ("another entry at our head, while one waits", changed),
        ("another entry under an old number", old),
        ("no header at all", SignedHeader { header: vec![0xff; 8], ..signed_header(last) }),
    ];
    for (n, (what, claim)) in claims.into_iter().enumerate() {
        peer.held = Some(claim);
        assert_eq!(goodbye(&peer).await, Reason::BadSignature, "{what}");
        peer.held = Some(signed_header(last));
        unharmed(&ppc, &peer, &format!("after-{n}")).await;
    }
    let log = pair.ppc.log();
    assert_eq!(log.matches("claims an entry of ours that it cannot prove").count(), 7, "each claim is logged");
}

#[tokio::test]
async fn a_claim_against_the_peers_own_receipt_is_the_peers_error() {
    let (pair, ppc, mut peer, entries) = with_a_backlog().await;
    // PPC's own key signed it, as it may have before a restore; but the peer has signed for another entry since.
    let key = signing_key(&pair.setup, Agency::Ppc).unwrap();
    let bytes = Header { unit: "other".to_owned(), ..header(&entries[1]) }.encode_to_vec();
    let signature = sign_header(&key, &bytes).to_vec();
    peer.held = Some(SignedHeader { header: bytes, signature, ..signed_header(&entries[1]) });
    assert_eq!(goodbye(&peer).await, Reason::Fork);
    peer.held = Some(signed_header(&entries[2]));
    unharmed(&ppc, &peer, "after").await;
}

#[tokio::test]
async fn a_version_of_the_exchange_that_nobody_knows_is_not_spoken() {
    let (_pair, ppc, mut peer, entries) = with_a_backlog().await;
    peer.version = 99;
    assert_eq!(goodbye(&peer).await, Reason::NotUnderstood);
    peer.version = 1;
    peer.held = Some(signed_header(&entries[2]));
    unharmed(&ppc, &peer, "after").await;
}

#[tokio::test]
async fn a_stop_that_the_peer_did_not_sign_or_cannot_mean_stops_nothing() {
    let (pair, ppc, mut peer, entries) = with_a_backlog().await;
    peer.held = Some(signed_header(&entries[2]));
    let session = peer.dial().await.unwrap();
    let mut unsigned = peer.stop(3, Reason::ChainBroken);
    unsigned.signature[0] ^= 1;
    let mut unknown = peer.stop(3, Reason::ChainBroken);
    unknown.key_id = "ipa-9".to_owned();
    let about_its_own = Stop { seq: 1, reason: Reason::Fork.into(), journal: Agency::Ipa.into() };
    let about_its_own = renkei_journal::sign_stop(&peer.key, &about_its_own);
    let beyond = peer.stop(1_000_000_000, Reason::ChainBroken);
    let receipted = peer.stop(2, Reason::ChainBroken);
    for stop in [unsigned, unknown, about_its_own, beyond, receipted] {
        session.say(Kind::Stop(stop)).await;
    }
    // Entries that follow the claims are answered after them.
    heard(&session, &mut peer).await;
    ppc.until_link("the entry", |link| link.peer_seq == 1).await.unwrap();
    unharmed(&ppc, &peer, "after").await;
    assert_eq!(pair.ppc.log().matches("a stop of the peer does not verify").count(), 3);
}

#[tokio::test]
async fn a_stop_is_over_with_the_next_receipt_that_goes_past_it() {
    let (_pair, ppc, mut peer, entries) = with_a_backlog().await;
    peer.held = Some(signed_header(&entries[2]));
    let mut session = peer.dial().await.unwrap();
    session.say(Kind::Stop(peer.stop(3, Reason::ChainBroken))).await;
    let link = ppc.ask_link("word of the stop", |link| link.stopped_by_peer_at_seq != 0).await.unwrap();
    assert_eq!((link.stopped_by_peer_at_seq, link.stopped_by_peer_reason()), (3, Reason::ChainBroken));
    session.entries = entries;
    session.sign(&mut peer).await;
    ppc.ask_link("the end of the stop", |link| link.stopped_by_peer_at_seq == 0).await.unwrap();
}

#[tokio::test]
async fn an_entry_that_its_author_did_not_sign_ends_the_session_and_stops_nothing() {
    let (_pair, ppc, mut peer, entries) = with_a_backlog().await;
    peer.held = Some(signed_header(&entries[2]));
    peer.seen = 3;
    let right = peer.publication("virus").unwrap();
    let mut flipped = right.clone();
    flipped.signature[0] ^= 1;
    let other = Entry { signature: right.signature.clone(), ..peer.lie(&right, |it| it.unit = "other".to_owned()) };
    let garbled = Entry { header: vec![0xff; 8], ..right.clone() };
    let cases = [(flipped, Reason::BadSignature), (other, Reason::BadSignature), (garbled, Reason::NotUnderstood)];
    for (n, (wrong, reason)) in cases.into_iter().enumerate() {
        let mut session = peer.dial().await.unwrap();
        session.send(std::slice::from_ref(&wrong)).await;
        assert_eq!(session.ask().await.unwrap().from_seq, 1);
        session.send(std::slice::from_ref(&wrong)).await;
        let stop = session.stop().await.unwrap();
        assert_eq!((stop.seq, stop.reason(), stop.journal()), (1, reason, Agency::Ipa), "the peer is told");
        assert_eq!(session.ended().await, None);
        unharmed(&ppc, &peer, &format!("after-{n}")).await;
    }
    let mut session = peer.dial().await.unwrap();
    session.send(&[right]).await;
    session.receipted(1).await.unwrap();
}

/// Sends the next entry of the peer's journal.
async fn heard(session: &Session, peer: &mut Peer) {
    peer.seen = 3;
    let entry = peer.publication("virus").unwrap();
    session.send(&[entry]).await;
}

#[tokio::test]
async fn a_key_that_the_peer_has_revoked_signs_for_nothing_any_more() {
    let (_pair, ppc, mut peer, entries) = with_a_backlog().await;
    peer.held = Some(signed_header(&entries[2]));
    peer.seen = 3;
    let mut session = peer.dial().await.unwrap();
    let next = SigningKey::from_pkcs8("ipa-2", &generate_pkcs8(&[5; 32])).unwrap();
    let journal = "agencies/ipa/journal";
    let added = KeyAdded { key_id: "ipa-2".to_owned(), public_key: next.public_key().to_vec() };
    let added = peer.entry(journal, fact::Fact::KeyAdded(added), None, 0).unwrap();
    let revoked = KeyRevoked { key_id: "ipa-1".to_owned() };
    let revoked = peer.entry(journal, fact::Fact::KeyRevoked(revoked), None, 0).unwrap();
    session.send(&[added, revoked]).await;
    session.receipted(2).await.unwrap();
    // It names a number of the peer's journal at which the key was valid.
    let head = header_hash(&entries[2].header).to_vec();
    session.say(Kind::Receipt(peer.receipt(3, head.clone(), 0))).await;
    peer.key = next;
    session.send(&[peer.publication("virus").unwrap()]).await;
    session.receipted(3).await.unwrap();
    assert_eq!(ppc.link().await.unwrap().backlog, 1);
    session.say(Kind::Receipt(peer.receipt(3, head, 3))).await;
    ppc.until_link("the receipt", |link| link.backlog == 0).await.unwrap();
}
