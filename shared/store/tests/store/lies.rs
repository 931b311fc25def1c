//! A peer that lies in every field of the header in turn, in the body and in its acts: its journal stops, or the entry
//! is stored and refused, on both sides alike.

use renkei_book::Resume;
use renkei_domain::{
    case_number::CaseNumber,
    matter::Matter,
    noun::registry,
    page::{Journal, Page, Seen},
};
use renkei_journal::content_commitment;
use renkei_proto::{
    journal::v1::{BlobRef, Entry, EntryRefused, Header, KeyAdded, KindsSpoken, SaltedContent, fact::Fact},
    link::v1::Stop,
    options::v1::Reason,
    referral::v1::{ReportReferred, SchemePublished, SchemeRevised, SchemeWithdrawn},
    r#type::v1::{Agency, Language},
};

use super::{
    acts::{about, issue, notice, publish, referral, revise, scheme, terms},
    link::{Pair, arrive, forge, forged, forged_scheme, impose, refusal},
    side::on_each,
};

/// The fate of a lying entry.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// The journal stops before it.
    Stops(Reason),
    /// The entry is stored and refused.
    Refused(Reason),
    /// The entry is asked for again; nothing is stored and nothing stops.
    Asked,
    /// Nobody can notice the lie, or it does no harm: the entry is accepted.
    Taken,
}

use Fate::{Asked, Refused, Stops, Taken};

/// The knowledge of a liar.
struct Knows {
    /// The id of an entry of the receiver, and of one of its own.
    ids: [String; 2],
    /// The highest number that its last entry had seen.
    seen: u64,
    /// The receiver's head.
    head: u64,
}

type Change = fn(&mut Header, &Knows);
type BodyChange = fn(&mut Entry);

/// An entry that publishes a new scheme, with one field changed.
const FIELDS: &[(&str, Change, Fate)] = &[
    ("version", |h, _| h.version = 2, Stops(Reason::NotUnderstood)),
    ("author", |h, _| h.author = Agency::Ipa.into(), Stops(Reason::AuthorDiffers)),
    ("author, none", |h, _| h.author = 0, Stops(Reason::NotUnderstood)),
    ("incarnation", |h, _| h.incarnation = 2, Stops(Reason::AuthorDiffers)),
    ("incarnation, none", |h, _| h.incarnation = 0, Stops(Reason::NotUnderstood)),
    ("seq, a later one", |h, _| h.seq += 1, Asked),
    ("seq, one that is stored", |h, _| h.seq -= 1, Stops(Reason::Fork)),
    ("prev_hash", |h, _| h.prev_hash[0] ^= 1, Stops(Reason::ChainBroken)),
    ("prev_hash, short", |h, _| h.prev_hash.truncate(31), Stops(Reason::NotUnderstood)),
    ("matter_prev", |h, _| h.matter_prev[0] ^= 1, Refused(Reason::HeaderDiffers)),
    ("entry_id, version 4", |h, _| h.entry_id.replace_range(14..15, "4"), Refused(Reason::HeaderDiffers)),
    ("entry_id, no variant", |h, _| h.entry_id.replace_range(19..20, "1"), Refused(Reason::HeaderDiffers)),
    ("entry_id, the receiver's", |h, knows| h.entry_id.clone_from(&knows.ids[0]), Refused(Reason::HeaderDiffers)),
    ("entry_id, its own", |h, knows| h.entry_id.clone_from(&knows.ids[1]), Refused(Reason::HeaderDiffers)),
    ("entry_id, spelt otherwise", |h, knows| h.entry_id = knows.ids[0].to_uppercase(), Refused(Reason::HeaderDiffers)),
    ("entry_id, none", |h, _| h.entry_id.clear(), Stops(Reason::NotUnderstood)),
    ("matter, foreign", |h, _| h.matter = "agencies/ipa/schemes/foreign".into(), Refused(Reason::WrongDirection)),
    ("matter, unknown", |h, _| h.matter = "agencies/ppc/things/one".into(), Refused(Reason::WrongDirection)),
    (
        "matter, of another noun",
        |h, _| h.matter = "agencies/ppc/referralCounts/2026-05".into(),
        Refused(Reason::HeaderDiffers),
    ),
    ("matter, no name", |h, _| h.matter = "somewhere".into(), Stops(Reason::NotUnderstood)),
    ("fact_type, another", |h, _| h.fact_type = "scheme_withdrawn".into(), Refused(Reason::FactDiffers)),
    ("fact_type, unknown", |h, _| h.fact_type = "scheme_praised".into(), Refused(Reason::FactDiffers)),
    ("fact_type, a journal's own", |h, _| h.fact_type = "kinds_spoken".into(), Stops(Reason::FactDiffers)),
    ("fact_type, no name", |h, _| h.fact_type = "Scheme".into(), Stops(Reason::NotUnderstood)),
    ("written_at, falling", |h, _| h.written_at.as_mut().unwrap().seconds -= 86_400, Stops(Reason::OrderBroken)),
    ("written_at, none", |h, _| h.written_at = None, Stops(Reason::NotUnderstood)),
    ("seen_peer_seq, falling", |h, knows| h.seen_peer_seq = knows.seen - 1, Stops(Reason::OrderBroken)),
    ("seen_peer_seq, beyond", |h, knows| h.seen_peer_seq = knows.head + 1, Stops(Reason::OrderBroken)),
    ("seen_peer_seq, below a receipt", |h, knows| h.seen_peer_seq = knows.seen, Stops(Reason::OrderBroken)),
    ("answers, unseen", |h, _| h.answers = h.seen_peer_seq + 1, Refused(Reason::HeaderDiffers)),
    ("answers, though it answers nothing", |h, _| h.answers = 1, Refused(Reason::HeaderDiffers)),
    ("methods_version", |h, _| h.methods_version = 1, Refused(Reason::HeaderDiffers)),
    ("fact_sha256", |h, _| h.fact_sha256[0] ^= 1, Refused(Reason::FactDiffers)),
    ("content_commitment", |h, _| h.content_commitment[0] ^= 1, Refused(Reason::ContentDiffers)),
    ("content_commitment, short", |h, _| h.content_commitment.truncate(5), Refused(Reason::ContentDiffers)),
    ("content_commitment, none", |h, _| h.content_commitment.clear(), Refused(Reason::HeaderDiffers)),
    ("content_size", |h, _| h.content_size += 1, Refused(Reason::ContentDiffers)),
    ("content_size, too large", |h, _| h.content_size = 1 << 21, Stops(Reason::NotUnderstood)),
    ("blobs", |h, knows| h.blobs = vec![blob(&knows.ids[0])], Refused(Reason::HeaderDiffers)),
    ("agreement_sha256", |h, _| h.agreement_sha256[0] ^= 1, Stops(Reason::AuthorDiffers)),
    ("unit", |h, _| h.unit = "another-unit".into(), Taken),
    ("unit, no name", |h, _| h.unit = "Unit 1".into(), Stops(Reason::NotUnderstood)),
    ("traceparent, no trace", |h, _| h.traceparent = "00-1".into(), Stops(Reason::NotUnderstood)),
    // A clock that goes wrong is no reason to refuse. This lie is the last, because the time never decreases again.
    ("written_at, far ahead", |h, _| h.written_at.as_mut().unwrap().seconds += 300_000_000, Taken),
];

fn blob(id: &str) -> BlobRef {
    BlobRef { id: id.to_owned(), commitment: vec![1; 32], size: 1 }
}

/// Gives both sides entries and receipts of each other. The last entry of PPC had seen less than PPC has signed for.
async fn acquainted(pair: &Pair) {
    pair.ipa.act(publish(Agency::Ipa, "virus")).await.unwrap();
    pair.ipa.act(publish(Agency::Ipa, "access")).await.unwrap();
    pair.settle().await;
    pair.ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
    pair.ppc.act(notice()).await.unwrap();
    pair.settle().await;
}

/// Sends a lie of PPC and looks at both sides.
async fn lie(pair: &Pair, what: &str, entry: Entry, header: &Header, fate: Fate) {
    let (ppc, ipa) = (&pair.ppc, &pair.ipa);
    let next = ipa.heads().peer.seq + 1;
    let before = ipa.heads();

    let stop = arrive(ipa, Agency::Ppc, vec![entry.clone()]).await.unwrap();

    let held = ipa.store.entry(Journal::Of(Agency::Ppc), next).await.unwrap();
    match fate {
        Stops(reason) => {
            assert_eq!(stop, Stop { seq: next, reason: reason.into(), journal: Agency::Ppc.into() }, "{what}");
            assert!(held.is_none(), "{what}: nothing of it is stored");
            assert_eq!(ipa.heads().own, before.own, "{what}: nothing is answered");
            ipa.act(Resume { from_seq: next, reason: what.to_owned() }).await.unwrap();
        }
        Asked => {
            assert_eq!(stop, Stop { seq: next, reason: Reason::Gap.into(), journal: Agency::Ppc.into() }, "{what}");
            assert_eq!(ipa.heads(), before, "{what}");
        }
        Refused(_) | Taken => {
            assert_eq!(stop, Stop::default(), "{what}");
            let held = held.unwrap();
            assert_eq!((held.entry.header, held.entry.fact), (entry.header.clone(), entry.fact.clone()), "{what}");
            impose(ppc, &entry).await;
            pair.settle().await;
            assert_refused(pair, what, header, fate).await;
        }
    }
    // Either way the journals continue.
    ppc.act(revise(Agency::Ppc, "leak")).await.unwrap();
    pair.settle().await;
    assert_eq!(refusal(ipa, Agency::Ppc, ppc.heads().own.seq).await, None, "after {what}");
    pair.assert_equal().await;
}

/// Checks that both sides know the refusal, and read the page as if the refused entry were not there.
async fn assert_refused(pair: &Pair, what: &str, header: &Header, fate: Fate) {
    let mut states = Vec::new();
    for side in [&pair.ppc, &pair.ipa] {
        let expected = if let Refused(reason) = fate { Some(reason) } else { None };
        assert_eq!(refusal(side, Agency::Ppc, header.seq).await, expected, "{what} at {:?}", side.own);
        let page = side.store.page(&header.matter).await.unwrap().unwrap();
        let counts = Seen::whole(&page).marks(Agency::Ppc).any(|mark| mark.seq == header.seq);
        assert_eq!(counts, expected.is_none(), "{what}");
        states.push(state_of(&header.matter, &page));
    }
    assert_eq!(states[0], states[1], "{what}");
}

#[test]
fn a_lie_in_any_field_of_the_header_is_found() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        acquainted(&pair).await;
        for (n, (what, change, fate)) in FIELDS.iter().enumerate() {
            let last = pair.ppc.own_entries().await.pop().unwrap().header;
            // The entry after the lie needs something of IPA that PPC has signed for and not written after.
            pair.ipa.act(revise(Agency::Ipa, "virus")).await.unwrap();
            pair.settle().await;
            let knows = Knows {
                ids: [pair.ipa.own_entries().await[0].header.entry_id.clone(), last.entry_id],
                seen: last.seen_peer_seq,
                head: pair.ipa.heads().own.seq,
            };
            let mut entry = forged_scheme(&pair.ppc, &format!("lie-{n}")).await;
            let mut header = Header::default();
            forge(&mut entry, Agency::Ppc, |it| {
                change(it, &knows);
                header = it.clone();
            });
            lie(&pair, what, entry, &header, *fate).await;
        }
        // Three facts and four contents are not what their headers commit to; the liar kept none of the contents.
        assert_eq!(pair.ipa.audit().await.len(), 3 + 4);
        assert_eq!(pair.ppc.audit().await.len(), 3 + 2);
    });
}

fn salted(content: &[u8]) -> SaltedContent {
    SaltedContent { salt: vec![5; 32], content: content.to_vec() }
}

/// Gives an entry another content, to which its header commits.
fn with_content(entry: &mut Entry, content: SaltedContent) {
    forge(entry, Agency::Ppc, |header| {
        let salt = content.salt.as_slice().try_into().unwrap();
        header.content_commitment = content_commitment(salt, &content.content).to_vec();
        header.content_size = u64::try_from(content.content.len()).unwrap();
    });
    entry.content = Some(content);
}

#[test]
fn a_lie_in_the_body_is_found() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        acquainted(&pair).await;
        let changes: [(&str, BodyChange, Reason); 8] = [
            ("fact, no message", |entry| entry.fact = b"\xff\xff".to_vec(), Reason::FactDiffers),
            ("fact, empty", |entry| entry.fact.clear(), Reason::FactDiffers),
            ("fact, with a digest", |entry| entry.fact.splice(0..0, [0x0a, 1, 7]).for_each(drop), Reason::FactDiffers),
            ("content", |entry| entry.content.as_mut().unwrap().content[9] ^= 1, Reason::ContentDiffers),
            ("salt", |entry| entry.content.as_mut().unwrap().salt[0] ^= 1, Reason::ContentDiffers),
            ("content, no message", |entry| with_content(entry, salted(b"\xff\xff")), Reason::ContentDiffers),
            ("content, a broken rule", |entry| with_content(entry, salted(b"")), Reason::ContentDiffers),
            (
                "content, never there",
                |entry| {
                    forge(entry, Agency::Ppc, |header| {
                        (header.content_commitment, header.content_size) = (Vec::new(), 0)
                    });
                    entry.content = None;
                },
                Reason::ContentDiffers,
            ),
        ];
        for (n, (what, change, reason)) in changes.into_iter().enumerate() {
            let mut entry = forged_scheme(&pair.ppc, &format!("lie-{n}")).await;
            change(&mut entry);
            let mut header = Header::default();
            forge(&mut entry, Agency::Ppc, |it| {
                it.answers = 1;
                header = it.clone();
            });
            lie(&pair, what, entry, &header, Refused(reason)).await;
            let answers = pair.ipa.store.answers(1).await.unwrap();
            assert_eq!(answers.len(), n + 1, "{what}: an empty answer does not hinder reading");
        }
        pair.ppc.audit().await;
        pair.ipa.audit().await;
    });
}

/// Facts that no honest service would write there, in an entry that is right in all else.
#[test]
fn an_act_that_the_author_may_not_do_is_refused_or_stops() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        acquainted(&pair).await;
        let leak = scheme(Agency::Ppc, "leak").to_string();
        let journal = Matter::journal(Agency::Ppc).to_string();
        let referral =
            Matter::new(renkei_domain::noun::referral::COLLECTION, Agency::Ppc, "0190a5f0-0000-7000-8000-000000000001")
                .to_string();
        let revised = |version| Fact::SchemeRevised(SchemeRevised { version, terms: Some(terms()) });
        let published = || Fact::SchemePublished(SchemePublished { terms: Some(terms()) });
        let withdrawn = |version| Fact::SchemeWithdrawn(SchemeWithdrawn { version });
        let refused = |seq| Fact::EntryRefused(EntryRefused { seq, reason: Reason::WrongState.into() });
        let private =
            Fact::ReportReferred(ReportReferred { language: Language::Ja.into(), ..ReportReferred::default() });
        let key = Fact::KeyAdded(KeyAdded { key_id: "other".to_owned(), public_key: vec![1; 32] });
        let kinds = Fact::KindsSpoken(KindsSpoken { kinds: vec!["notice_given".to_owned()] });
        let words = || about("a lie");
        let cases = [
            ("a scheme twice", leak.as_str(), published(), words(), Refused(Reason::AlreadyExists)),
            ("a version left out", &leak, revised(99), words(), Refused(Reason::FactDiffers)),
            ("a withdrawal of another version", &leak, withdrawn(99), None, Refused(Reason::FactDiffers)),
            ("a withdrawal with words", &leak, withdrawn(1), words(), Refused(Reason::ContentDiffers)),
            ("an unknown scheme", "agencies/ppc/schemes/none", revised(2), words(), Refused(Reason::NotFound)),
            ("what never crosses", &referral, private, words(), Refused(Reason::ContentDiffers)),
            ("a refusal of nothing", &leak, refused(999), None, Stops(Reason::HeaderDiffers)),
            ("a key of the receiver", "agencies/ipa/journal", key, None, Stops(Reason::WrongDirection)),
            ("kinds elsewhere", &leak, kinds.clone(), None, Stops(Reason::HeaderDiffers)),
            ("kinds with words", &journal, kinds, words(), Stops(Reason::ContentDiffers)),
        ];
        for (what, matter, fact, content, fate) in cases {
            let entry = forged(&pair.ppc, matter, fact, content).await;
            let mut header = Header::default();
            forge(&mut entry.clone(), Agency::Ppc, |it| header = it.clone());
            lie(&pair, what, entry, &header, fate).await;
        }
        assert_eq!(pair.ppc.audit().await, []);
        assert_eq!(pair.ipa.audit().await, []);
    });
}

fn state_of(matter: &str, page: &Page) -> String {
    let matter = Matter::of(matter);
    registry::of(&matter).state(&matter, Seen::whole(page)).id.to_owned()
}

/// The entry is kept, so its matter is a candidate for the number, and comes first by its name.
#[test]
fn a_number_that_a_liar_gives_again_still_finds_the_matter_that_has_it() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ppc.act(publish(Agency::Ppc, "leak")).await.unwrap();
        let issued = issue(Agency::Ppc, 1, "leak", "report");
        pair.ppc.act(issued.clone()).await.unwrap();
        pair.settle().await;
        let number = CaseNumber::parse("甲-R08-REF-0001", "").unwrap();
        let mut held = pair.ppc.own_entries().await.into_iter();
        let fact = held.find(|it| it.header.matter == issued.name()).and_then(|it| it.fact.fact).unwrap();
        let other = referral(Agency::Ppc, 0);
        let entry = forged(&pair.ppc, &other.to_string(), fact, None).await;
        let seq = pair.ipa.heads().peer.seq + 1;
        assert_eq!(arrive(&pair.ipa, Agency::Ppc, vec![entry]).await.unwrap(), Stop::default());
        assert_eq!(refusal(&pair.ipa, Agency::Ppc, seq).await, Some(Reason::AlreadyExists));
        let its = Matter::of(&issued.name());
        assert_eq!(pair.ipa.store.lookups(&number.lookup()).await.unwrap(), [other, its.clone()]);
        let found = pair.ipa.store.numbered(&number).await.unwrap();
        assert_eq!(found.map(|(matter, _)| matter), Some(its));
    });
}
