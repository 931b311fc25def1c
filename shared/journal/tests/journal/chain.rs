//! An author that has the right key and lies in its header: the lies that stop the journal, and those that are refused.

#![expect(clippy::unwrap_used, reason = "tests")]

use prost::Message as _;
use renkei_journal::{
    Agreements, Break, Fault, Lie, Previous, chain, check_body, check_fact, fact_hash, verify, verify_signature,
};
use renkei_proto::{
    journal::v1::{Entry, Header},
    options::v1::Reason,
    r#type::v1::Agency,
};

use crate::support::{
    AGREEMENT, NOTICES, OWN, Writer, content, draft, forge, forge_bytes, header, journal, keys_of, kinds, notice, ppc,
    proof, reopened, start,
};

/// Verifies the second entry of a journal, with a changed header, against the first.
fn judged(change: impl FnOnce(&mut Header)) -> Result<(), Break> {
    let mut entries = journal(2);
    forge(&mut entries[1], &ppc(), change);
    second(&entries)
}

fn second(entries: &[Entry]) -> Result<(), Break> {
    let keys = keys_of(&ppc());
    let first = verify_signature(&entries[0], &keys).unwrap();
    verify(&entries[1], &first.previous(&start()), &keys).map(|_| ())
}

fn reason(outcome: Result<(), Break>) -> Option<(Reason, u64)> {
    outcome.err().map(|broken| (broken.reason(), broken.seq()))
}

#[test]
fn an_entry_names_a_version_of_the_agreement_that_had_begun_when_it_was_written() {
    const NEXT: [u8; 32] = [0xb0; 32];
    const LAST: [u8; 32] = [0xc1; 32];
    let first = draft(&start(), NOTICES, notice()).written_us;
    let agreements = Agreements::new(AGREEMENT, [(first, NEXT), (first + 1, LAST)]);
    for (us, applies) in [(first - 1, AGREEMENT), (first, NEXT), (first + 1, LAST), (i64::MAX, LAST)] {
        assert_eq!(agreements.at(us), applies);
    }
    let begins = Previous::start(Agency::Ppc, agreements.clone());
    let made = chain(draft(&begins, NOTICES, notice()), &begins).unwrap();
    assert_eq!(made.header().agreement_sha256, NEXT);
    // The receiver may have a later version than the author had, and not an earlier one.
    let mut entry = made.sign(&ppc());
    let keys = keys_of(&ppc());
    let judged = |entry: &Entry, agreements: Agreements| {
        verify(entry, &Previous::start(Agency::Ppc, agreements), &keys).map(|_| ())
    };
    let differs = Err(Break::AuthorDiffers { seq: 1, field: "agreement_sha256" });
    assert_eq!(judged(&entry, agreements.clone()), Ok(()));
    assert_eq!(judged(&entry, AGREEMENT.into()), differs, "a version that the receiver lacks");
    for (named, outcome) in [(AGREEMENT, Ok(())), (LAST, differs.clone()), ([1; 32], differs)] {
        forge(&mut entry, &ppc(), |header| header.agreement_sha256 = named.to_vec());
        assert_eq!(judged(&entry, agreements.clone()), outcome, "{named:?}");
    }
}

#[test]
fn a_header_that_belongs_elsewhere_stops_the_journal() {
    let author = judged(|header| header.author = Agency::Ipa.into());
    assert_eq!(author, Err(Break::AuthorDiffers { seq: 2, field: "author" }));
    let agreement = judged(|header| header.agreement_sha256 = vec![1; 32]);
    assert_eq!(agreement, Err(Break::AuthorDiffers { seq: 2, field: "agreement_sha256" }));
    for incarnation in [2, 3, u32::MAX] {
        let outcome = judged(|header| header.incarnation = incarnation);
        assert_eq!(outcome, Err(Break::AuthorDiffers { seq: 2, field: "incarnation" }));
    }
}

#[test]
fn numbers_and_times_never_fall() {
    assert_eq!(judged(|header| header.seq = 1), Err(Break::OrderBroken { seq: 2, field: "seq" }));
    assert_eq!(judged(|header| header.seq = 7), Err(Break::Gap { seq: 2, came: 7 }));
    assert_eq!(judged(|header| header.prev_hash[0] ^= 1), Err(Break::ChainBroken { seq: 2, field: "prev_hash" }));

    let first = header(&journal(1)[0]);
    let same = judged(|header| header.written_at = first.written_at);
    assert_eq!(same, Ok(()), "two entries of one moment");
    let before = judged(|header| {
        header.written_at = first.written_at;
        header.written_at.as_mut().unwrap().seconds -= 1;
    });
    assert_eq!(before, Err(Break::OrderBroken { seq: 2, field: "written_at" }));

    let mut writer = Writer::new();
    writer.last.seen_peer_seq = 9;
    let keys = keys_of(&ppc());
    let previous = writer.last.clone();
    let mut entry = journal(1).remove(0);
    forge(&mut entry, &ppc(), |header| header.seen_peer_seq = 8);
    let fallen = verify(&entry, &previous, &keys).map(|_| ());
    assert_eq!(fallen, Err(Break::OrderBroken { seq: 1, field: "seen_peer_seq" }));
}

#[test]
fn a_header_that_breaks_the_contract_is_not_understood() {
    let lies: [fn(&mut Header); 8] = [
        |header| header.version = 2,
        |header| header.author = 9,
        |header| header.prev_hash = Vec::new(),
        |header| header.matter = "Agencies/ppc".to_owned(),
        |header| header.entry_id = String::new(),
        |header| header.written_at = None,
        |header| header.content_size = (1 << 20) + 1,
        |header| header.fact_sha256.push(0),
    ];
    for lie in lies {
        assert_eq!(reason(judged(lie)), Some((Reason::NotUnderstood, 2)));
    }
}

#[test]
fn a_header_that_encodes_otherwise_is_not_understood() {
    let entries = journal(2);
    let good = entries[1].header.clone();
    assert_eq!(&good[..2], [0x08, 0x01], "the version comes first");
    let unknown_field = [good.as_slice(), &[0xf8, 0x07, 0x01]].concat();
    let long_varint = [&[0x08, 0x81, 0x00], &good[2..]].concat();
    let twice = [&[0x08, 0x01], good.as_slice()].concat();
    let not_in_order = [&good[2..], &good[..2]].concat();
    let default_written = [good.as_slice(), &[0x60, 0x00]].concat();
    let too_large = vec![0; 65_537];
    for bytes in [unknown_field, long_varint, twice, not_in_order, default_written, too_large, Vec::new()] {
        let mut entries = entries.clone();
        forge_bytes(&mut entries[1], &ppc(), bytes);
        assert_eq!(reason(second(&entries)), Some((Reason::NotUnderstood, 2)));
    }
}

#[test]
fn a_fact_that_is_committed_to_but_unknown_stops_the_journal() {
    let known = journal(2)[1].fact.clone();
    let unknown_kind = vec![0xfa, 0x7f, 0x00];
    let unknown_field = [known.as_slice(), &[0xf8, 0x07, 0x01]].concat();
    for bytes in [unknown_kind, unknown_field, vec![0xff], Vec::new()] {
        let mut entries = journal(2);
        forge(&mut entries[1], &ppc(), |header| header.fact_sha256 = fact_hash(&bytes).to_vec());
        entries[1].fact = bytes;
        assert_eq!(reason(second(&entries)), Some((Reason::NotUnderstood, 2)));
    }
}

/// The defect for which a changed body is refused.
fn refused(change: impl FnOnce(&mut Entry)) -> Option<Lie> {
    let mut entry = journal(1).remove(0);
    change(&mut entry);
    let opened = verify_signature(&entry, &keys_of(&ppc())).unwrap();
    match check_body(&entry, &opened) {
        Ok(_) => None,
        Err(Fault::Refuse(lie)) => Some(lie),
        Err(Fault::Stop(broken)) => unreachable!("{broken}"),
    }
}

#[test]
fn a_body_that_differs_from_its_header_is_refused() {
    let fact = |field| Some(Lie::FactDiffers { seq: 1, field });
    let differs = |field| Some(Lie::ContentDiffers { seq: 1, field });
    assert_eq!(refused(|_| {}), None);
    assert_eq!(refused(|entry| entry.fact = kinds().encode_to_vec()), fact("fact_sha256"));
    let renamed = |entry: &mut Entry| forge(entry, &ppc(), |header| header.fact_type = "kinds_spoken".to_owned());
    assert_eq!(refused(renamed), fact("fact_type"));
    let unknown = |entry: &mut Entry| forge(entry, &ppc(), |header| header.fact_type = "never_heard_of".to_owned());
    assert_eq!(refused(unknown), fact("fact_type"));

    assert_eq!(refused(|entry| entry.content = None), None, "erased");
    assert_eq!(refused(|entry| entry.content = Some(content(9))), differs("content_commitment"));
    assert_eq!(refused(|entry| entry.content.as_mut().unwrap().content.push(0)), differs("content_size"));
    let moved = |entry: &mut Entry| {
        let salted = entry.content.as_mut().unwrap();
        let last = salted.salt.pop().unwrap();
        salted.content.insert(0, last);
        let size = u64::try_from(salted.content.len()).unwrap();
        forge(entry, &ppc(), |header| header.content_size = size);
    };
    assert_eq!(refused(moved), differs("salt"));
}

#[test]
fn a_commitment_that_commits_to_nothing_is_refused() {
    let differs = |field| Some(Lie::ContentDiffers { seq: 1, field });
    let none_promised = |entry: &mut Entry| {
        forge(entry, &ppc(), |header| {
            header.content_commitment.clear();
            header.content_size = 0;
        });
    };
    assert_eq!(refused(none_promised), differs("content_commitment"));
    let short = |entry: &mut Entry| {
        entry.content = None;
        forge(entry, &ppc(), |header| header.content_commitment.truncate(31));
    };
    assert_eq!(refused(short), differs("content_commitment"));
    let size_of_nothing = |entry: &mut Entry| {
        entry.content = None;
        forge(entry, &ppc(), |header| header.content_commitment.clear());
    };
    assert_eq!(refused(size_of_nothing), differs("content_size"));
}

#[test]
fn a_refused_entry_is_a_link_of_the_chain_like_any_other() {
    let mut writer = Writer::new();
    writer.say(NOTICES, notice(), None);
    forge(&mut writer.entries[0], &ppc(), |header| header.fact_type = "kinds_spoken".to_owned());
    let opened = verify_signature(&writer.entries[0], &keys_of(&ppc())).unwrap();
    writer.last = opened.previous(&writer.last);
    writer.say(NOTICES, notice(), None);

    let mut lies = Vec::new();
    let proven = proof(&writer.entries, &keys_of(&ppc()), |lie| lies.push(lie)).unwrap();
    assert_eq!(proven.head().seq, 2);
    assert_eq!(lies, vec![Lie::FactDiffers { seq: 1, field: "fact_type" }]);
}

#[test]
fn reopening_raises_the_incarnation_by_one() {
    let mut writer = Writer::new();
    writer.say(OWN, kinds(), None);
    writer.say(OWN, reopened(2), None);
    writer.say(OWN, reopened(3), None);
    writer.say(OWN, kinds(), None);
    let proven = proof(&writer.entries, &keys_of(&ppc()), |_| {}).unwrap();
    assert_eq!(proven.last.incarnation, 3);

    for incarnation in [1, 3] {
        let mut entries = writer.entries.clone();
        forge(&mut entries[1], &ppc(), |header| header.incarnation = incarnation);
        let broken = proof(&entries, &keys_of(&ppc()), |_| {}).unwrap_err();
        assert_eq!(broken, Break::AuthorDiffers { seq: 2, field: "incarnation" });
    }
}

#[test]
fn a_reopening_that_names_another_incarnation_than_its_header_stops_the_journal() {
    let mut writer = Writer::new();
    writer.say(OWN, reopened(2), None);
    let mut entry = writer.entries.remove(0);
    entry.fact = reopened(3).encode_to_vec();
    let digest = fact_hash(&entry.fact).to_vec();
    forge(&mut entry, &ppc(), |header| header.fact_sha256 = digest);
    let opened = verify_signature(&entry, &keys_of(&ppc())).unwrap();
    let broken = Break::AuthorDiffers { seq: 1, field: "incarnation" };
    assert_eq!(check_fact(&entry, &opened), Err(Fault::Stop(broken)));
}

#[test]
fn a_single_header_without_a_number_is_named_zero() {
    let mut entry = journal(1).remove(0);
    entry.header = vec![0xff];
    let broken = verify_signature(&entry, &keys_of(&ppc())).unwrap_err();
    assert_eq!((broken.reason(), broken.seq()), (Reason::NotUnderstood, 0));
    let placed = verify(&entry, &Previous::start(Agency::Ppc, [0; 32]), &keys_of(&ppc())).unwrap_err();
    assert_eq!(placed.seq(), 1);
}
