//! An entry that lies beside its chain is stored and refused, and the refusal travels back to its author.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use prost::Message as _;
use prost_reflect::DescriptorPool;
use renkei_journal::header_hash;
use renkei_proto::{
    FILE_DESCRIPTOR_SET,
    evidence::v1::DeliveryLevel,
    journal::v1::{BlobRef, Entry, EntryRefused, Fact, Header, KindsSpoken, fact},
    link::v1::frame::Kind,
    options::v1::Reason,
    referral::v1::{
        ReferralGiven, ReferralIssued, ReportReferred, ReportReferredContent, SchemePublished, SchemeRevised,
        SchemeTerms, SchemeVersion, SchemeWithdrawn,
    },
    r#type::v1::{Agency, Finding},
};
use renkei_tools::{
    acts::{scope_facts, terms, words},
    peer::{Peer, Session, against, header},
};

use crate::stop::STOPS;

const SCHEME: &str = "agencies/ipa/schemes/unauthorised-access";

fn published(terms: SchemeTerms) -> fact::Fact {
    fact::Fact::SchemePublished(SchemePublished { terms: Some(terms) })
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

type Telling = fn(&mut Peer) -> Entry;

/// The publication of a scheme with a header that lies.
fn lying(peer: &mut Peer, id: &str, lie: impl FnOnce(&mut Header)) -> Entry {
    let right = peer.publication(id).unwrap();
    let lying = peer.lie(&right, lie);
    peer.go_on_from(&lying);
    lying
}

/// An entry that is sound but for its statement.
fn saying(peer: &mut Peer, matter: &str, fact: fact::Fact) -> Entry {
    peer.entry(matter, fact, None, 0).unwrap()
}

fn revised(version: u32) -> fact::Fact {
    fact::Fact::SchemeRevised(SchemeRevised { version, terms: Some(terms()) })
}

/// Lies that the chain does not show, by the header's field: the entry is stored, and refused for this.
const REFUSALS: [(&str, Reason, Telling); 24] = [
    ("entry_id: no UUIDv7", Reason::HeaderDiffers, |it| lying(it, "a", |it| it.entry_id.replace_range(14..15, "4"))),
    ("entry_id: in use", Reason::HeaderDiffers, |peer| {
        let first = header(&peer.journal[0]).entry_id;
        lying(peer, "b", |it| it.entry_id = first)
    }),
    ("matter_prev", Reason::HeaderDiffers, |it| lying(it, "c", |it| it.matter_prev[0] ^= 1)),
    ("answers: what it has not seen", Reason::HeaderDiffers, |it| lying(it, "d", |it| it.answers = 77)),
    ("answers: though it answers nothing", Reason::HeaderDiffers, |it| lying(it, "e", |it| it.answers = 1)),
    ("methods_version", Reason::HeaderDiffers, |it| lying(it, "f", |it| it.methods_version = 1)),
    ("blobs", Reason::HeaderDiffers, |it| {
        let id = "0199b7c4-0000-7000-8000-000000000001".to_owned();
        lying(it, "g", |it| it.blobs = vec![BlobRef { id, commitment: vec![0; 32], size: 1 }])
    }),
    ("matter: of another noun", Reason::HeaderDiffers, |it| {
        let content = Some(words("届出").encode_to_vec());
        it.entry("agencies/ipa/referralCounts/2026-10", published(terms()), content, 0).unwrap()
    }),
    ("matter: of no noun, so nobody opens it", Reason::WrongDirection, |it| {
        let content = Some(words("届出").encode_to_vec());
        it.entry("agencies/ipa/nothings/one", published(terms()), content, 0).unwrap()
    }),
    ("content_size: without content", Reason::HeaderDiffers, |it| {
        let entry = saying(it, SCHEME, fact::Fact::SchemeWithdrawn(SchemeWithdrawn { version: 1 }));
        let entry = it.lie(&entry, |it| it.content_size = 5);
        it.go_on_from(&entry);
        entry
    }),
    ("fact_sha256", Reason::FactDiffers, |it| lying(it, "h", |it| it.fact_sha256[0] ^= 1)),
    ("fact_type", Reason::FactDiffers, |it| lying(it, "i", |it| it.fact_type = "scheme_revised".to_owned())),
    ("content_commitment", Reason::ContentDiffers, |it| lying(it, "j", |it| it.content_commitment[0] ^= 1)),
    ("content_size", Reason::ContentDiffers, |it| lying(it, "k", |it| it.content_size += 1)),
    ("(no content)", Reason::ContentDiffers, |it| saying(it, "agencies/ipa/schemes/l", published(terms()))),
    ("(content of another kind)", Reason::ContentDiffers, |it| {
        it.entry("agencies/ipa/schemes/m", published(terms()), Some(vec![7; 5]), 0).unwrap()
    }),
    ("(content where none belongs)", Reason::ContentDiffers, |it| {
        let withdrawn = fact::Fact::SchemeWithdrawn(SchemeWithdrawn { version: 1 });
        it.entry(SCHEME, withdrawn, Some(words("届出").encode_to_vec()), 0).unwrap()
    }),
    ("matter: of the other agency", Reason::WrongDirection, |it| {
        let content = Some(words("届出").encode_to_vec());
        it.entry("agencies/ppc/schemes/leak-report", published(terms()), content, 0).unwrap()
    }),
    ("(a private fact)", Reason::WrongDirection, |it| {
        let referred = fact::Fact::ReportReferred(ReportReferred { language: 1, ..ReportReferred::default() });
        let content = ReportReferredContent { report: "2026-000001".to_owned() }.encode_to_vec();
        it.entry("agencies/ipa/referrals/0199b7c4-0000-7000-8000-000000000002", referred, Some(content), 0).unwrap()
    }),
    ("(published again)", Reason::AlreadyExists, |it| it.publication("unauthorised-access").unwrap()),
    ("(a version is skipped)", Reason::FactDiffers, |it| {
        let content = Some(words("届出").encode_to_vec());
        it.entry(SCHEME, revised(3), content, 0).unwrap()
    }),
    ("(a revision of nothing)", Reason::NotFound, |it| {
        let content = Some(words("届出").encode_to_vec());
        it.entry("agencies/ipa/schemes/n", revised(2), content, 0).unwrap()
    }),
    ("(a day that does not exist)", Reason::FieldInvalid, |it| {
        let terms = SchemeTerms { valid_from: "2026-02-30".to_owned(), ..terms() };
        it.entry("agencies/ipa/schemes/o", published(terms), Some(words("届出").encode_to_vec()), 0).unwrap()
    }),
    ("(given without issue)", Reason::NotFound, |it| {
        let version = SchemeVersion { scheme_id: "leak-report-private".to_owned(), version: 1 };
        let given_at = Some(prost_types::Timestamp::default());
        let given = ReferralGiven { given_at, channel: 1, introduced: vec![version], days: 0 };
        saying(it, "agencies/ipa/referrals/0199b7c4-0000-7000-8000-000000000003", fact::Fact::ReferralGiven(given))
    }),
];

#[test]
fn every_field_of_the_header_is_lied_in() {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let header = pool.get_message_by_name("renkei.journal.v1.Header").unwrap();
    let lies: Vec<&str> = STOPS.iter().map(|lie| lie.0).chain(REFUSALS.iter().map(|lie| lie.0)).collect();
    for field in header.fields() {
        let is_of_field = |lie: &&str| lie.split(':').next() == Some(field.name());
        assert!(lies.iter().any(is_of_field), "nobody lies in {}", field.name());
    }
}

#[tokio::test]
async fn a_lie_beside_the_chain_is_stored_and_refused_and_the_refusal_travels_back() {
    let (_pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
    let mut session = peer.dial().await.unwrap();
    peer.seen = 1;
    session.received(1).await.unwrap();
    let first = peer.publication("unauthorised-access").unwrap();
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
        assert_eq!(
            (held.matter, held.hash),
            (header(&entry).matter, hex::encode(header_hash(&entry.header))),
            "{what}"
        );
    }
    assert_eq!(ppc.link().await.unwrap().stopped_at_seq, 0);
    // The marks of refused entries count for nothing.
    assert_eq!(ppc.shared_scheme(SCHEME).await.unwrap(), page);
    let all = ppc.list_schemes(renkei_proto::referral::v1::ListSchemesRequest {
        parent: "agencies/-".to_owned(),
        ..Default::default()
    });
    assert_eq!(all.await.unwrap().schemes.len(), 1);
    // The journal goes on, and the next sound entry is accepted.
    session.send(&[peer.publication("virus").unwrap()]).await;
    session.receipted(26).await.unwrap();
    assert_eq!(refusals(&session).len(), REFUSALS.len());
    assert_eq!(ppc.scheme("agencies/ipa/schemes/virus").await.unwrap().version, 1);
}

#[tokio::test]
async fn a_referral_that_breaks_the_rule_of_the_article_is_refused() {
    let (_pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
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
    session.send(&[peer.publication("unauthorised-access").unwrap()]).await;
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
async fn a_receipt_alone_means_received_and_the_peers_journal_states_recorded_or_refused() {
    let (_pair, ppc, mut peer) = against(Agency::Ppc, true).await.unwrap();
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
    // A refused entry of the peer counts for nothing here either.
    assert!(ppc.scheme(matter).await.is_err());
}
