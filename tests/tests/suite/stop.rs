//! A peer's journal stops at what signature or chain show to be wrong, and goes on when an operator resumes it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use prost::Message as _;
use renkei_book::{CallOrigin, Resume};
use renkei_domain::page::Journal;
use renkei_journal::{fact_hash, header_hash};
use renkei_proto::{
    FactKind,
    journal::v1::{Entry, EntryRefused, Fact, Header, JournalStoppedContent, fact},
    link::v1::{Ask, frame::Kind},
    options::v1::Reason,
    r#type::v1::Agency,
    watch::v1::{JournalStopChanged, event::Change},
};
use renkei_tools::{
    pair::Pair,
    peer::{Peer, against, header},
};

async fn resume(pair: &Pair, from_seq: u64) {
    let resume = Resume { from_seq, reason: "the peer has put it right".to_owned() };
    let moment = pair.clock.source([5; 32]).moment();
    pair.ppc.store().unwrap().write("resume", CallOrigin::own("resume"), moment, resume).await.unwrap();
}

/// The evidence of the entry at which the peer's journal was stopped last.
async fn evidence(pair: &Pair) -> JournalStoppedContent {
    let store = pair.ppc.store().unwrap();
    let head = store.heads().borrow().private.seq;
    let held = store.entries(Journal::Private, head, 1).await.unwrap().remove(0);
    assert_eq!(held.header.fact_type, FactKind::JournalStopped.name());
    JournalStoppedContent::decode(held.entry.content.unwrap().content.as_slice()).unwrap()
}

type Lie = fn(&Peer, &Entry) -> Entry;

/// Lies that the signature or the chain shows, by the header's field: whether the entry is asked for once more, and
/// why the journal stops.
pub const STOPS: [(&str, bool, Reason, Lie); 16] = [
    ("version", true, Reason::NotUnderstood, |peer, entry| peer.lie(entry, |it| it.version = 2)),
    ("entry_id: no UUID", true, Reason::NotUnderstood, |peer, entry| {
        peer.lie(entry, |it| it.entry_id = "1".to_owned())
    }),
    ("matter: no name", true, Reason::NotUnderstood, |peer, entry| peer.lie(entry, |it| it.matter = "a b".to_owned())),
    ("unit: no unit", true, Reason::NotUnderstood, |peer, entry| peer.lie(entry, |it| it.unit = "漏".to_owned())),
    ("traceparent", true, Reason::NotUnderstood, |peer, entry| peer.lie(entry, |it| it.traceparent = "00".to_owned())),
    ("written_at: none", true, Reason::NotUnderstood, |peer, entry| peer.lie(entry, |it| it.written_at = None)),
    ("prev_hash", true, Reason::ChainBroken, |peer, entry| peer.lie(entry, |it| it.prev_hash[0] ^= 1)),
    ("seq: stored already", false, Reason::Fork, |peer, entry| peer.lie(entry, |it| it.seq -= 1)),
    ("written_at: falls", false, Reason::OrderBroken, |peer, entry| {
        peer.lie(entry, |it| it.written_at.as_mut().unwrap().seconds -= 1)
    }),
    ("seen_peer_seq: falls", false, Reason::OrderBroken, |peer, entry| peer.lie(entry, |it| it.seen_peer_seq -= 1)),
    ("seen_peer_seq: beyond", false, Reason::OrderBroken, |peer, entry| peer.lie(entry, |it| it.seen_peer_seq = 99)),
    ("author", false, Reason::AuthorDiffers, |peer, entry| peer.lie(entry, |it| it.author = Agency::Ppc.into())),
    ("agreement_sha256", false, Reason::AuthorDiffers, |peer, entry| peer.lie(entry, |it| it.agreement_sha256[0] ^= 1)),
    ("incarnation", false, Reason::AuthorDiffers, |peer, entry| peer.lie(entry, |it| it.incarnation = 2)),
    ("(a fact of a later version)", false, Reason::NotUnderstood, |peer, entry| {
        let mut entry = entry.clone();
        // Field 999 with the value 1.
        entry.fact.extend([0xb8, 0x3e, 0x01]);
        let hash = fact_hash(&entry.fact).to_vec();
        peer.lie(&entry, |it| it.fact_sha256 = hash)
    }),
    ("(a refusal of what is not there)", false, Reason::FactDiffers, |peer, entry| {
        other_fact(peer, entry, fact::Fact::EntryRefused(EntryRefused { seq: 1, reason: Reason::WrongState.into() }), 1)
    }),
];

/// The same entry with another fact in its place.
fn other_fact(peer: &Peer, entry: &Entry, fact: fact::Fact, answers: u64) -> Entry {
    let kind = FactKind::of(&fact).name();
    let fact = Fact { request_digest: Vec::new(), fact: Some(fact) }.encode_to_vec();
    let hash = fact_hash(&fact).to_vec();
    let lie = |it: &mut Header| {
        (it.fact_type, it.fact_sha256, it.answers) = (kind.to_owned(), hash, answers);
        (it.content_commitment, it.content_size) = (Vec::new(), 0);
    };
    peer.lie(&Entry { fact, content: None, ..entry.clone() }, lie)
}

#[tokio::test]
async fn a_lie_in_signature_or_chain_stops_the_journal_with_evidence_until_it_is_resumed() {
    let (pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    peer.seen = 1;
    session.received(1).await.unwrap();
    session.send(&[peer.publication("unauthorised-access").unwrap()]).await;
    session.receipted(1).await.unwrap();
    for (n, (what, asked, reason, lie)) in (2..).zip(STOPS) {
        let before = peer.place.clone();
        let right = peer.publication(&format!("scheme-{n}")).unwrap();
        let wrong = lie(&peer, &right);
        session.send(std::slice::from_ref(&wrong)).await;
        if asked {
            assert_eq!(session.ask().await.unwrap().from_seq, n, "{what}");
            session.send(std::slice::from_ref(&wrong)).await;
        }
        let stop = session.stop().await.unwrap();
        assert_eq!((stop.seq, stop.reason()), (n, reason), "{what}");
        let link = ppc.link().await.unwrap();
        assert_eq!((link.stopped_at_seq, link.stopped_reason(), link.peer_seq), (n, reason, n - 1), "{what}");
        let kept = evidence(&pair).await;
        assert_eq!((kept.header, kept.signature, kept.key_id), (wrong.header, wrong.signature, wrong.key_id), "{what}");
        // Entries that arrive meanwhile are not stored, right or wrong.
        session.send(std::slice::from_ref(&right)).await;
        assert_eq!(session.stop().await.unwrap(), stop, "{what}");

        resume(&pair, n).await;
        assert_eq!(session.ask().await.unwrap().from_seq, n, "{what}");
        peer.place = before;
        let right = peer.publication(&format!("scheme-{n}")).unwrap();
        session.send(std::slice::from_ref(&right)).await;
        session.receipted(n).await.unwrap();
        assert_eq!(ppc.link().await.unwrap().stopped_at_seq, 0, "{what}");
    }
    let refused = |entry: &Entry| header(entry).fact_type == FactKind::EntryRefused.name();
    assert!(!session.entries.iter().any(refused));
}

#[tokio::test]
async fn a_fork_stops_the_journal_and_both_entries_are_kept() {
    let (pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    let before = peer.place.clone();
    let first = peer.publication("unauthorised-access").unwrap();
    session.send(std::slice::from_ref(&first)).await;
    session.receipted(1).await.unwrap();
    // The same entry again is no fork.
    session.send(std::slice::from_ref(&first)).await;
    session.receipted(1).await.unwrap();
    peer.place = before;
    let other = peer.publication("virus").unwrap();
    let mut feed = ppc.watch("", "").await.unwrap();
    session.send(std::slice::from_ref(&other)).await;
    let stop = session.stop().await.unwrap();
    assert_eq!((stop.seq, stop.reason()), (2, Reason::Fork));
    let told = JournalStopChanged { seq: 2, reason: Reason::Fork.into() };
    assert_eq!(feed.event().await.unwrap().change, Some(Change::JournalStopChanged(told)));
    let kept = evidence(&pair).await;
    assert_eq!((kept.header, kept.signature), (other.header, other.signature));
    assert_eq!(ppc.entry(Agency::Ipa, 1).await.unwrap().hash, hex::encode(header_hash(&first.header)));
    assert!(ppc.scheme("agencies/ipa/schemes/virus").await.is_err());
    resume(&pair, 2).await;
    let told = feed.event().await.unwrap();
    assert_eq!(told.change, Some(Change::JournalStopChanged(JournalStopChanged::default())));
}

#[tokio::test]
async fn a_gap_and_an_unknown_key_are_deferred_and_asked_for_but_stop_nothing() {
    let (pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let first = peer.publication("unauthorised-access").unwrap();
    let second = peer.publication("virus").unwrap();
    let mut session = peer.dial().await.unwrap();
    for _ in 0..2 {
        session.send(std::slice::from_ref(&second)).await;
    }
    assert_eq!(session.ask().await.unwrap(), Ask { journal: Agency::Ipa.into(), from_seq: 1 });
    assert_eq!(session.ended().await, None);

    let mut session = peer.dial().await.unwrap();
    for _ in 0..2 {
        session.send(&[Entry { key_id: "ipa-2".to_owned(), ..first.clone() }]).await;
    }
    assert_eq!(session.ask().await.unwrap().from_seq, 1);
    assert_eq!(session.ended().await, None);
    let link = ppc.link().await.unwrap();
    assert_eq!((link.peer_seq, link.stopped_at_seq), (0, 0));

    let mut session = peer.dial().await.unwrap();
    session.send(std::slice::from_ref(&second)).await;
    assert_eq!(session.ask().await.unwrap().from_seq, 1);
    session.send(&[first, second]).await;
    session.receipted(2).await.unwrap();
    assert_eq!(pair.ppc.store().unwrap().heads().borrow().private.seq, 0);
}

#[tokio::test]
async fn a_peer_cannot_pretend_not_to_have_seen_what_it_signed_for() {
    let (_pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    session.received(1).await.unwrap();
    let head = header_hash(&session.entries[0].header).to_vec();
    // Written before the receipt: its statement about its view is true.
    let before = peer.publication("unauthorised-access").unwrap();
    session.say(Kind::Receipt(peer.receipt(1, head, 1))).await;
    ppc.until_link("the receipt", |link| link.backlog == 0).await.unwrap();
    session.send(&[before]).await;
    session.receipted(1).await.unwrap();
    session.send(&[peer.publication("virus").unwrap()]).await;
    let stop = session.stop().await.unwrap();
    assert_eq!((stop.seq, stop.reason()), (2, Reason::OrderBroken));
}

#[tokio::test]
async fn a_stop_by_the_peer_is_shown_until_it_asks_again() {
    let (_pair, ppc, peer) = against(Agency::Ppc, true).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    session.received(1).await.unwrap();
    ppc.publish(ppc.publishing("leak-report")).await.unwrap();
    session.received(2).await.unwrap();
    session.say(Kind::Stop(peer.stop(2, Reason::ChainBroken))).await;
    let link = ppc.ask_link("word of the stop", |link| link.stopped_by_peer_at_seq != 0).await.unwrap();
    assert_eq!((link.stopped_by_peer_at_seq, link.stopped_by_peer_reason()), (2, Reason::ChainBroken));
    session.entries.clear();
    session.say(Kind::Ask(Ask { journal: Agency::Ppc.into(), from_seq: 2 })).await;
    session.received(2).await.unwrap();
    let link = ppc.link().await.unwrap();
    assert_eq!((link.stopped_by_peer_at_seq, link.stopped_by_peer_reason()), (0, Reason::Unspecified));
}

#[tokio::test]
async fn a_peer_that_lost_its_journal_gets_it_back_as_it_was_signed() {
    let (_pair, _ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    let sent = ["a", "b", "c"].map(|id| peer.publication(id).unwrap());
    session.send(&sent).await;
    session.receipted(3).await.unwrap();
    session.say(Kind::Ask(Ask { journal: Agency::Ipa.into(), from_seq: 2 })).await;
    let back = session.until(|kind| match kind {
        Kind::Entries(entries) if entries.journal() == Agency::Ipa => Some(entries.entries),
        _ => None,
    });
    assert_eq!(back.await.unwrap(), sent[1..]);
}
