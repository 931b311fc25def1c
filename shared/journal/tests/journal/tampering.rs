//! Every change of a written journal is found and named at its number.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::{prelude::*, sample::Index};
use renkei_journal::{Break, Lie, header_hash, verify};
use renkei_proto::{journal::v1::Entry, options::v1::Reason};

use crate::support::{Writer, forge, head, journal, keys_of, notice, ppc, proof, prove, start};

const LENGTH: u8 = 6;

#[derive(Clone, Copy, Debug)]
enum Part {
    Header,
    Signature,
    KeyId,
    Fact,
    Salt,
    Content,
}

fn part() -> impl Strategy<Value = Part> {
    prop::sample::select(vec![Part::Header, Part::Signature, Part::KeyId, Part::Fact, Part::Salt, Part::Content])
}

fn bytes(entry: &Entry, part: Part) -> Vec<u8> {
    match part {
        Part::Header => entry.header.clone(),
        Part::Signature => entry.signature.clone(),
        Part::KeyId => entry.key_id.clone().into_bytes(),
        Part::Fact => entry.fact.clone(),
        Part::Salt => entry.content.clone().unwrap().salt,
        Part::Content => entry.content.clone().unwrap().content,
    }
}

fn put(entry: &mut Entry, part: Part, bytes: Vec<u8>) {
    match part {
        Part::Header => entry.header = bytes,
        Part::Signature => entry.signature = bytes,
        Part::KeyId => entry.key_id = String::from_utf8_lossy(&bytes).into_owned(),
        Part::Fact => entry.fact = bytes,
        Part::Salt => entry.content.as_mut().unwrap().salt = bytes,
        Part::Content => entry.content.as_mut().unwrap().content = bytes,
    }
}

/// The reason and the number of each defect.
fn wrong(entries: &[Entry]) -> Vec<(Reason, u64)> {
    match prove(entries) {
        Ok((_, lies)) => lies.iter().map(|lie| (lie.reason(), lie.seq())).collect(),
        Err(broken) => vec![(broken.reason(), broken.seq())],
    }
}

/// The result of verification entry by entry, without threads and chunks.
fn one_by_one(entries: &[Entry]) -> Result<Vec<Lie>, Break> {
    let (mut last, mut keys, mut lies) = (start(), keys_of(&ppc()), Vec::new());
    for entry in entries {
        let verified = verify(entry, &last, &keys)?;
        lies.extend(verified.lie().cloned());
        if let Ok(understood) = &verified.fact {
            keys.apply(verified.header.seq, &understood.fact)?;
        }
        last = last.then(&verified.header, verified.hash);
    }
    Ok(lies)
}

fn number(place: usize) -> u64 {
    u64::try_from(place).unwrap() + 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_flipped_bit_is_named_at_its_number(place: Index, part in part(), at: Index, bit in 0..8_u32) {
        let mut entries = journal(LENGTH);
        let place = place.index(entries.len());
        let mut changed = bytes(&entries[place], part);
        let at = at.index(changed.len());
        changed[at] ^= 1 << bit;
        put(&mut entries[place], part, changed);

        let expected: &[Reason] = match part {
            Part::Header => &[Reason::NotUnderstood, Reason::BadSignature],
            Part::Signature => &[Reason::BadSignature],
            Part::KeyId => &[Reason::KeyUnknown],
            Part::Fact => &[Reason::FactDiffers],
            Part::Salt | Part::Content => &[Reason::ContentDiffers],
        };
        let found = wrong(&entries);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].1, number(place));
        // A flipped bit of `seq` asks for the key at another number, where it is in force too.
        prop_assert!(expected.contains(&found[0].0), "{:?}", found);
        prop_assert_eq!(prove(&entries).map(|(_, lies)| lies), one_by_one(&entries));
    }

    #[test]
    fn any_cut_byte_is_named_at_its_number(place: Index, part in part(), keep: Index) {
        let mut entries = journal(LENGTH);
        let place = place.index(entries.len());
        let mut changed = bytes(&entries[place], part);
        changed.truncate(keep.index(changed.len()));
        put(&mut entries[place], part, changed);
        let found = wrong(&entries);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].1, number(place));
    }

    #[test]
    fn a_removed_entry_is_named(place: Index) {
        let mut entries = journal(LENGTH);
        let place = place.index(entries.len() - 1);
        entries.remove(place);
        prop_assert_eq!(wrong(&entries), vec![(Reason::Gap, number(place))]);
    }

    #[test]
    fn swapped_entries_are_named_at_the_first(one: Index, other: Index) {
        let mut entries = journal(LENGTH);
        let (one, other) = (one.index(entries.len()), other.index(entries.len()));
        prop_assume!(one != other);
        entries.swap(one, other);
        prop_assert_eq!(wrong(&entries), vec![(Reason::Gap, number(one.min(other)))]);
    }

    #[test]
    fn a_repeated_entry_is_named(from: Index, place: Index) {
        let mut entries = journal(LENGTH);
        let (from, place) = (from.index(entries.len()), place.index(entries.len() + 1));
        entries.insert(place, entries[from].clone());
        // A copy in its own place is the entry itself; the original is then the repeat.
        let found_at = if from == place { place + 1 } else { place };
        let reason = if from > place { Reason::Gap } else { Reason::OrderBroken };
        prop_assert_eq!(wrong(&entries), vec![(reason, number(found_at))]);
    }

    #[test]
    fn erased_content_leaves_the_proof_intact(erased in prop::collection::vec(any::<bool>(), usize::from(LENGTH))) {
        let mut entries = journal(LENGTH);
        let expected = head(&entries);
        for (entry, erased) in entries.iter_mut().zip(erased) {
            if erased {
                entry.content = None;
            }
        }
        prop_assert_eq!(prove(&entries), Ok((expected, Vec::new())));
    }
}

#[test]
fn a_whole_journal_is_proven_to_its_head() {
    let entries = journal(LENGTH);
    assert_eq!(prove(&entries), Ok((head(&entries), Vec::new())));
    assert_eq!(prove(&[]).unwrap().0.seq, 0);
}

#[test]
fn entries_cut_off_at_the_end_show_in_the_head() {
    let entries = journal(LENGTH);
    let expected = head(&entries);
    let cut = prove(&entries[..4]).unwrap().0;
    assert_eq!(cut.seq, 4);
    assert_ne!(cut, expected);
}

#[test]
fn another_entry_in_the_place_of_one_breaks_the_next() {
    for place in 0..5 {
        let mut entries = journal(LENGTH);
        forge(&mut entries[place], &ppc(), |header| header.unit = "other".to_owned());
        assert_eq!(wrong(&entries), vec![(Reason::ChainBroken, number(place) + 1)]);
    }
}

#[test]
fn an_earlier_header_in_place_of_the_hash_is_not_accepted() {
    let mut entries = journal(LENGTH);
    let skipped = header_hash(&entries[1].header).to_vec();
    forge(&mut entries[3], &ppc(), |header| header.prev_hash = skipped);
    assert_eq!(wrong(&entries), vec![(Reason::ChainBroken, 4)]);
}

#[test]
fn a_long_journal_is_proven_over_chunks_and_broken_at_the_right_number() {
    let mut writer = Writer::new();
    for _ in 0..700 {
        writer.say("agreement", notice(), None);
    }
    let entries = writer.entries;
    assert_eq!(prove(&entries), Ok((head(&entries), Vec::new())));

    for place in [0, 255, 256, 257, 511, 512, 699] {
        let mut changed = entries.clone();
        changed[place].signature[7] ^= 1;
        // Nothing after the first break is examined.
        if let Some(later) = changed.get_mut(place + 1) {
            later.header.clear();
        }
        assert_eq!(wrong(&changed), vec![(Reason::BadSignature, number(place))]);
    }
}

#[test]
fn the_proof_goes_on_where_it_ended() {
    let entries = journal(LENGTH);
    let first = proof(&entries[..3], &keys_of(&ppc()), |_| {}).unwrap();
    let second = renkei_journal::verify_all(entries[3..].to_vec(), &first.keys, first.last, |_| {}).unwrap();
    assert_eq!(second.head(), head(&entries));
}

#[test]
fn lies_are_told_in_order_and_only_up_to_the_break() {
    let mut entries = journal(LENGTH);
    for place in [1, 3, 4, 5] {
        entries[place].fact.push(0);
    }
    entries[4].signature[0] ^= 1;
    let mut lies = Vec::new();
    let broken = proof(&entries, &keys_of(&ppc()), |lie| lies.push(lie.seq())).unwrap_err();
    assert_eq!((broken.reason(), broken.seq()), (Reason::BadSignature, 5));
    assert_eq!(lies, vec![2, 4]);
}
