//! A peer that lies, in its headers, facts, receipts and frames: its journal stops, or its entry is held and refused.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use prost::Message as _;
use renkei_domain::page::Journal;
use renkei_journal::{fact_hash, header_hash};
use renkei_proto::{
    FactKind,
    evidence::v1::DeliveryLevel,
    journal::v1::{BlobRef, Entry, EntryRefused, Fact, Header, JournalStoppedContent, KindsSpoken, fact},
    link::v1::{Ask, Stop, frame::Kind},
    options::v1::Reason,
    referral::v1::{
        ReferralGiven, ReferralIssued, ReportReferred, ReportReferredContent, SchemePublished, SchemeRevised, SchemeTerms, SchemeVersion,
        SchemeWithdrawn,
    },
    r#type::v1::{Agency, Finding},
};
use renkei_store::{Call, arrive::Resume};
use renkei_tests::{
    acts::{Acts, scope_facts, terms, words},
    pair::Pair,
    peer::{Peer, Session, header},
    scenario::start,
    setup::Choice,
};

const SCHEME: &str = "agencies/ipa/schemes/unauthorised-access";

/// PPC's service, which never dials, so that both journals go over the one session; and IPA as the test plays it.
async fn against() -> (Pair, Acts, Peer) {
    let choice = Choice { dialled_only: Some(Agency::Ppc), ..Choice::default() };
    let pair = Pair::one_sided(Agency::Ppc, start().unwrap(), 1, choice).await.unwrap();
    let ppc = Acts::new(&pair, Agency::Ppc).unwrap();
    let peer = Peer::new(&pair, Agency::Ipa).unwrap();
    (pair, ppc, peer)
}

fn published(terms: SchemeTerms) -> fact::Fact {
    fact::Fact::SchemePublished(SchemePublished { terms: Some(terms) })
}

/// A sound publication of a scheme.
fn publication(peer: &mut Peer, id: &str) -> Entry {
    let content = Some(words("届出").encode_to_vec());
    peer.entry(&format!("agencies/ipa/schemes/{id}"), published(terms()), content, 0).unwrap()
}

async fn resume(pair: &Pair, from_seq: u64) {
    let resume = Resume { from_seq, reason: "the peer has put it right".to_owned() };
    let moment = pair.clock.source([5; 32]).moment();
    pair.ppc.store().unwrap().write("resume", Call::own("resume"), moment, resume).await.unwrap();
}

/// What was kept of the entry at which the peer's journal was stopped last.
async fn evidence(pair: &Pair) -> JournalStoppedContent {
    let store = pair.ppc.store().unwrap();
    let head = store.heads().borrow().private.seq;
    let held = store.entries(Journal::Private, head, 1).await.unwrap().remove(0);
    assert_eq!(held.header.fact_type, FactKind::JournalStopped.name());
    JournalStoppedContent::decode(held.entry.content.unwrap().content.as_slice()).unwrap()
}

type Lie = fn(&Peer, &Entry) -> Entry;

/// Lies that the signature or the chain shows: whether the entry is asked for once more, and why the journal stops.
const STOPS: [(&str, bool, Reason, Lie); 13] = [
    ("signature", true, Reason::BadSignature, |_, entry| {
        let mut entry = entry.clone();
        entry.signature[0] ^= 1;
        entry
    }),
    ("signature of other bytes", true, Reason::BadSignature, |peer, entry| {
        let signature = entry.signature.clone();
        Entry { signature, ..peer.lie(entry, |it| it.unit = "other".to_owned()) }
    }),
    ("prev_hash", true, Reason::ChainBroken, |peer, entry| peer.lie(entry, |it| it.prev_hash[0] ^= 1)),
    ("version", true, Reason::NotUnderstood, |peer, entry| peer.lie(entry, |it| it.version = 2)),
    ("entry_id", true, Reason::NotUnderstood, |peer, entry| peer.lie(entry, |it| it.entry_id = "one".to_owned())),
    ("written_at", false, Reason::OrderBroken, |peer, entry| {
        peer.lie(entry, |it| it.written_at.as_mut().unwrap().seconds -= 1)
    }),
    ("seen_peer_seq below", false, Reason::OrderBroken, |peer, entry| peer.lie(entry, |it| it.seen_peer_seq -= 1)),
    ("seen_peer_seq beyond", false, Reason::OrderBroken, |peer, entry| peer.lie(entry, |it| it.seen_peer_seq = 99)),
    ("author", false, Reason::AuthorDiffers, |peer, entry| peer.lie(entry, |it| it.author = Agency::Ppc.into())),
    ("agreement", false, Reason::AuthorDiffers, |peer, entry| peer.lie(entry, |it| it.agreement_sha256[0] ^= 1)),
    ("incarnation", false, Reason::AuthorDiffers, |peer, entry| peer.lie(entry, |it| it.incarnation = 2)),
    ("an unknown fact", false, Reason::NotUnderstood, |peer, entry| {
        let mut entry = entry.clone();
        // Field 999 with the value 1: a fact of a later version.
        entry.fact.extend([0xb8, 0x3e, 0x01]);
        let hash = fact_hash(&entry.fact).to_vec();
        peer.lie(&entry, |it| it.fact_sha256 = hash)
    }),
    ("a refusal of nothing", false, Reason::FactDiffers, |peer, entry| {
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
    let (pair, ppc, mut peer) = against().await;
    let mut session = peer.dial().await.unwrap();
    peer.seen = 1;
    session.received(1).await.unwrap();
    session.send(&[publication(&mut peer, "unauthorised-access")]).await;
    session.receipted(1).await.unwrap();
    for (n, (what, asked, reason, lie)) in (2..).zip(STOPS) {
        let before = peer.place.clone();
        let right = publication(&mut peer, &format!("scheme-{n}"));
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
        // What comes meanwhile is not taken, right or not.
        session.send(std::slice::from_ref(&right)).await;
        assert_eq!(session.stop().await.unwrap(), stop, "{what}");

        resume(&pair, n).await;
        assert_eq!(session.ask().await.unwrap().from_seq, n, "{what}");
        peer.place = before;
        let right = publication(&mut peer, &format!("scheme-{n}"));
        session.send(std::slice::from_ref(&right)).await;
        session.receipted(n).await.unwrap();
        assert_eq!(ppc.link().await.unwrap().stopped_at_seq, 0, "{what}");
    }
    assert_eq!(refusals(&session), []);
}

/// The refusals that the other side has sent: number, reason.
fn refusals(session: &Session) -> Vec<(u64, Reason)> {
    let refused = session.entries.iter().filter_map(|entry| match Fact::decode(entry.fact.as_slice()).unwrap().fact {
        Some(fact::Fact::EntryRefused(refused)) => {
            assert_eq!(header(entry).answers, refused.seq);
            Some((refused.seq, refused.reason()))
        }
        _ => None,
    });
    refused.collect()
}

#[tokio::test]
async fn a_fork_stops_the_journal_and_both_entries_are_kept() {
    let (pair, ppc, mut peer) = against().await;
    let mut session = peer.dial().await.unwrap();
    let before = peer.place.clone();
    let first = publication(&mut peer, "unauthorised-access");
    session.send(std::slice::from_ref(&first)).await;
    session.receipted(1).await.unwrap();
    // The same entry again is no fork.
    session.send(std::slice::from_ref(&first)).await;
    session.receipted(1).await.unwrap();
    peer.place = before;
    let other = publication(&mut peer, "virus");
    session.send(std::slice::from_ref(&other)).await;
    let stop = session.stop().await.unwrap();
    assert_eq!((stop.seq, stop.reason()), (2, Reason::Fork));
    let kept = evidence(&pair).await;
    assert_eq!((kept.header, kept.signature), (other.header, other.signature));
    assert_eq!(ppc.entry(Agency::Ipa, 1).await.unwrap().hash, hex(&header_hash(&first.header)));
    assert_eq!(ppc.scheme(SCHEME).await.unwrap().version, 1);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_gap_and_an_unknown_key_are_held_off_and_asked_for_but_stop_nothing() {
    let (pair, ppc, mut peer) = against().await;
    let first = publication(&mut peer, "unauthorised-access");
    let second = publication(&mut peer, "virus");
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
    let (_pair, ppc, mut peer) = against().await;
    let mut session = peer.dial().await.unwrap();
    session.received(1).await.unwrap();
    let head = header_hash(&session.entries[0].header).to_vec();
    // Written before the receipt: what it says of its view is true.
    let before = publication(&mut peer, "unauthorised-access");
    session.say(Kind::Receipt(peer.receipt(1, head, 1))).await;
    ppc.until_link("the receipt", |link| link.backlog == 0).await.unwrap();
    session.send(&[before]).await;
    session.receipted(1).await.unwrap();
    session.send(&[publication(&mut peer, "virus")]).await;
    let stop = session.stop().await.unwrap();
    assert_eq!((stop.seq, stop.reason()), (2, Reason::OrderBroken));
}

type Telling = fn(&mut Peer) -> Entry;

/// The publication of a scheme with a header that lies.
fn lying(peer: &mut Peer, id: &str, lie: impl FnOnce(&mut Header)) -> Entry {
    let right = publication(peer, id);
    let lying = peer.lie(&right, lie);
    peer.go_on_from(&lying);
    lying
}

/// An entry that is sound but for what it says.
fn saying(peer: &mut Peer, matter: &str, fact: fact::Fact) -> Entry {
    peer.entry(matter, fact, None, 0).unwrap()
}

fn revised(version: u32) -> fact::Fact {
    fact::Fact::SchemeRevised(SchemeRevised { version, terms: Some(terms()) })
}

/// Lies that the chain does not show: the entry is held, and refused for this.
const REFUSALS: [(&str, Reason, Telling); 24] = [
    ("entry_id is no UUIDv7", Reason::HeaderDiffers, |it| lying(it, "a", |it| it.entry_id.replace_range(14..15, "4"))),
    ("entry_id is taken", Reason::HeaderDiffers, |peer| {
        // The first entry's id is drawn again.
        let first = peer.first_id.clone();
        lying(peer, "b", |it| it.entry_id = first)
    }),
    ("matter_prev", Reason::HeaderDiffers, |it| lying(it, "c", |it| it.matter_prev[0] ^= 1)),
    ("answers what it has not seen", Reason::HeaderDiffers, |it| lying(it, "d", |it| it.answers = 77)),
    ("answers though it answers nothing", Reason::HeaderDiffers, |it| lying(it, "e", |it| it.answers = 1)),
    ("methods_version", Reason::HeaderDiffers, |it| lying(it, "f", |it| it.methods_version = 1)),
    ("blobs", Reason::HeaderDiffers, |it| {
        let id = "0199b7c4-0000-7000-8000-000000000001".to_owned();
        lying(it, "g", |it| it.blobs = vec![BlobRef { id, commitment: vec![0; 32], size: 1 }])
    }),
    ("matter of another noun", Reason::HeaderDiffers, |it| {
        let content = Some(words("届出").encode_to_vec());
        it.entry("agencies/ipa/referralCounts/2026-10", published(terms()), content, 0).unwrap()
    }),
    ("a matter of no noun has no opener", Reason::WrongDirection, |it| {
        let content = Some(words("届出").encode_to_vec());
        it.entry("agencies/ipa/nothings/one", published(terms()), content, 0).unwrap()
    }),
    ("content_size without content", Reason::HeaderDiffers, |it| {
        let entry = saying(it, SCHEME, fact::Fact::SchemeWithdrawn(SchemeWithdrawn { version: 1 }));
        let entry = it.lie(&entry, |it| it.content_size = 5);
        it.go_on_from(&entry);
        entry
    }),
    ("fact_sha256", Reason::FactDiffers, |it| lying(it, "h", |it| it.fact_sha256[0] ^= 1)),
    ("fact_type", Reason::FactDiffers, |it| lying(it, "i", |it| it.fact_type = "scheme_revised".to_owned())),
    ("content_commitment", Reason::ContentDiffers, |it| lying(it, "j", |it| it.content_commitment[0] ^= 1)),
    ("content_size", Reason::ContentDiffers, |it| lying(it, "k", |it| it.content_size += 1)),
    ("no content", Reason::ContentDiffers, |it| saying(it, "agencies/ipa/schemes/l", published(terms()))),
    ("content of another kind", Reason::ContentDiffers, |it| {
        it.entry("agencies/ipa/schemes/m", published(terms()), Some(vec![7; 5]), 0).unwrap()
    }),
    ("content where none belongs", Reason::ContentDiffers, |it| {
        let withdrawn = fact::Fact::SchemeWithdrawn(SchemeWithdrawn { version: 1 });
        it.entry(SCHEME, withdrawn, Some(words("届出").encode_to_vec()), 0).unwrap()
    }),
    ("a matter of the other agency", Reason::WrongDirection, |it| {
        let content = Some(words("届出").encode_to_vec());
        it.entry("agencies/ppc/schemes/leak-report", published(terms()), content, 0).unwrap()
    }),
    ("a private fact", Reason::WrongDirection, |it| {
        let referred = fact::Fact::ReportReferred(ReportReferred { statutory: None, language: 1 });
        let content = ReportReferredContent { report: "2026-000001".to_owned() }.encode_to_vec();
        it.entry("agencies/ipa/referrals/0199b7c4-0000-7000-8000-000000000002", referred, Some(content), 0).unwrap()
    }),
    ("published again", Reason::AlreadyExists, |it| publication(it, "unauthorised-access")),
    ("a version is skipped", Reason::FactDiffers, |it| {
        let content = Some(words("届出").encode_to_vec());
        it.entry(SCHEME, revised(3), content, 0).unwrap()
    }),
    ("a revision of nothing", Reason::NotFound, |it| {
        let content = Some(words("届出").encode_to_vec());
        it.entry("agencies/ipa/schemes/n", revised(2), content, 0).unwrap()
    }),
    ("a day that does not exist", Reason::FieldInvalid, |it| {
        let terms = SchemeTerms { valid_from: "2026-02-30".to_owned(), ..terms() };
        it.entry("agencies/ipa/schemes/o", published(terms), Some(words("届出").encode_to_vec()), 0).unwrap()
    }),
    ("given without issue", Reason::NotFound, |it| {
        let version = SchemeVersion { scheme_id: "leak-report-private".to_owned(), version: 1 };
        let given_at = Some(prost_types::Timestamp::default());
        let given = ReferralGiven { given_at, channel: 1, introduced: vec![version], days: 0 };
        saying(it, "agencies/ipa/referrals/0199b7c4-0000-7000-8000-000000000003", fact::Fact::ReferralGiven(given))
    }),
];

#[tokio::test]
async fn a_lie_beside_the_chain_is_held_and_refused_and_the_refusal_travels_back() {
    let (_pair, ppc, mut peer) = against().await;
    let mut session = peer.dial().await.unwrap();
    peer.seen = 1;
    session.received(1).await.unwrap();
    let first = publication(&mut peer, "unauthorised-access");
    peer.first_id = header(&first).entry_id;
    session.send(&[first]).await;
    session.receipted(1).await.unwrap();
    let page = ppc.shared_scheme(SCHEME).await.unwrap();
    for (n, (what, reason, tell)) in (2..).zip(REFUSALS) {
        let entry = tell(&mut peer);
        assert_eq!(header(&entry).seq, n, "{what}");
        session.send(std::slice::from_ref(&entry)).await;
        let receipt = session.receipted(n).await.unwrap();
        session.received(receipt.own_seq).await.unwrap();
        session.sign(&mut peer).await;
        assert_eq!(refusals(&session).last(), Some(&(n, reason)), "{what}");
        let held = ppc.entry(Agency::Ipa, n).await.unwrap();
        assert_eq!((held.matter, held.hash), (header(&entry).matter, hex(&header_hash(&entry.header))), "{what}");
    }
    assert_eq!(ppc.link().await.unwrap().stopped_at_seq, 0);
    // The marks of refused entries count for nothing.
    assert_eq!(ppc.shared_scheme(SCHEME).await.unwrap(), page);
    let all = ppc.list_schemes(renkei_proto::referral::v1::ListSchemesRequest {
        parent: "agencies/-".to_owned(),
        ..Default::default()
    });
    assert_eq!(all.await.unwrap().schemes.len(), 1);
    // The journal goes on, and the next sound entry is taken.
    session.send(&[publication(&mut peer, "virus")]).await;
    session.receipted(26).await.unwrap();
    assert_eq!(refusals(&session).len(), REFUSALS.len());
    assert_eq!(ppc.scheme("agencies/ipa/schemes/virus").await.unwrap().version, 1);
}

#[tokio::test]
async fn a_referral_that_breaks_the_rule_of_the_article_is_refused() {
    let (_pair, ppc, mut peer) = against().await;
    ppc.publish(ppc.publishing("leak-report-private")).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    peer.seen = 2;
    session.received(2).await.unwrap();
    let under = Some(SchemeVersion { scheme_id: "unauthorised-access".to_owned(), version: 1 });
    let introduced = vec![SchemeVersion { scheme_id: "leak-report-private".to_owned(), version: 1 }];
    let issue = |ordinal: u64| ReferralIssued {
        ground: 1,
        judgement: Some(ppc.judgement(Finding::Applies)),
        scope_facts: Some(scope_facts()),
        reported_under: under.clone(),
        introduced: introduced.clone(),
        ordinal,
        fiscal_year: 2026,
        year_ordinal: ordinal,
        code_digest: Vec::new(),
    };
    let mut later = ppc.judgement(Finding::Applies);
    later.judged_at.as_mut().unwrap().seconds += 1;
    let not_published = Some(SchemeVersion { scheme_id: "virus".to_owned(), version: 1 });
    let cases = [
        (None, issue(1)),
        (Some(Reason::FactDiffers), ReferralIssued { ground: 2, ..issue(2) }),
        (Some(Reason::FactDiffers), ReferralIssued { ground: 4, introduced: Vec::new(), ..issue(3) }),
        (Some(Reason::FactDiffers), ReferralIssued { fiscal_year: 2027, ..issue(4) }),
        (Some(Reason::FactDiffers), ReferralIssued { code_digest: vec![1; 31], ..issue(5) }),
        (Some(Reason::NotAReport), ReferralIssued { reported_under: not_published, ..issue(6) }),
        (Some(Reason::FieldInvalid), ReferralIssued { judgement: Some(later), ..issue(7) }),
    ];
    session.send(&[publication(&mut peer, "unauthorised-access")]).await;
    for (n, (reason, issued)) in (2..).zip(cases) {
        let matter = format!("agencies/ipa/referrals/0199b7c4-0000-7000-8000-00000000000{n}");
        let entry = saying(&mut peer, &matter, fact::Fact::ReferralIssued(issued));
        session.send(&[entry]).await;
        let receipt = session.receipted(n).await.unwrap();
        session.received(receipt.own_seq).await.unwrap();
        session.sign(&mut peer).await;
        assert_eq!(refusals(&session).last().copied(), reason.map(|reason| (n, reason)));
        assert_eq!(ppc.referral(&matter).await.is_ok(), reason.is_none());
    }
}

#[tokio::test]
async fn a_receipt_alone_says_received_and_the_peers_journal_says_recorded_or_refused() {
    let (_pair, ppc, mut peer) = against().await;
    ppc.publish(ppc.publishing("leak-report-private")).await.unwrap();
    ppc.publish(ppc.publishing("leak-report-public")).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    session.received(3).await.unwrap();
    let head = header_hash(&session.entries[2].header).to_vec();
    session.say(Kind::Receipt(peer.receipt(3, head, 2))).await;
    ppc.until_link("the receipt", |link| link.backlog == 0).await.unwrap();
    let level = async |seq| ppc.entry(Agency::Ppc, seq).await.unwrap().delivery.unwrap();
    assert_eq!((level(2).await.level(), level(3).await.level()), (DeliveryLevel::Received, DeliveryLevel::Received));
    // The receipt was signed after two entries of the peer's, and one of them refuses PPC's.
    let kinds = KindsSpoken { kinds: vec!["scheme_published".to_owned()] };
    let spoken = saying(&mut peer, "agencies/ipa/journal", fact::Fact::KindsSpoken(kinds));
    peer.seen = 3;
    let refused = EntryRefused { seq: 3, reason: Reason::WrongState.into() };
    let matter = "agencies/ppc/schemes/leak-report-public";
    let refusal = peer.entry(matter, fact::Fact::EntryRefused(refused), None, 3).unwrap();
    session.send(&[spoken, refusal]).await;
    session.receipted(2).await.unwrap();
    assert_eq!(level(2).await.level(), DeliveryLevel::Recorded);
    let refused = level(3).await;
    assert_eq!((refused.level(), refused.refused_reason()), (DeliveryLevel::Refused, Reason::WrongState));
    assert_eq!(refused.refused_by, "agencies/ipa/entries/2");
    // What the peer refused counts for nothing here either.
    assert!(ppc.scheme(matter).await.is_err());
}

#[tokio::test]
async fn a_stop_by_the_peer_is_shown_until_it_asks_again() {
    let (_pair, ppc, peer) = against().await;
    let mut session = peer.dial().await.unwrap();
    session.received(1).await.unwrap();
    session.say(Kind::Stop(Stop { seq: 2, reason: Reason::BadSignature.into() })).await;
    ppc.publish(ppc.publishing("leak-report")).await.unwrap();
    let link = ppc.until_link("word of the stop", |link| link.stopped_by_peer_at_seq != 0).await.unwrap();
    assert_eq!((link.stopped_by_peer_at_seq, link.stopped_by_peer_reason()), (2, Reason::BadSignature));
    session.say(Kind::Ask(Ask { journal: Agency::Ppc.into(), from_seq: 2 })).await;
    session.received(2).await.unwrap();
    let link = ppc.link().await.unwrap();
    assert_eq!((link.stopped_by_peer_at_seq, link.stopped_by_peer_reason()), (0, Reason::Unspecified));
}

#[tokio::test]
async fn a_peer_that_lost_its_journal_gets_it_back_as_it_was_signed() {
    let (_pair, _ppc, mut peer) = against().await;
    let mut session = peer.dial().await.unwrap();
    let sent = ["a", "b", "c"].map(|id| publication(&mut peer, id));
    session.send(&sent).await;
    session.receipted(3).await.unwrap();
    session.say(Kind::Ask(Ask { journal: Agency::Ipa.into(), from_seq: 2 })).await;
    let back = session.until(|kind| match kind {
        Kind::Entries(entries) if entries.journal() == Agency::Ipa => Some(entries.entries),
        _ => None,
    });
    assert_eq!(back.await.unwrap(), sent[1..]);
}
