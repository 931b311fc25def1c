//! The export of one matter proves itself.

#![expect(clippy::unwrap_used, reason = "tests")]

use renkei_journal::{Break, Lie, Previous, verify_matter};
use renkei_proto::{journal::v1::Entry, options::v1::Reason};

use crate::support::{NOTICES, forge, head, header, journal, keys_of, ppc, start};

/// The entries 1, 3, 5, 7 of a journal.
fn export() -> Vec<Entry> {
    journal(8).into_iter().filter(|entry| header(entry).matter == NOTICES).collect()
}

fn verdict(entries: &[Entry]) -> Result<Previous, Break> {
    verify_matter(NOTICES, entries.iter().cloned(), &keys_of(&ppc()), start(), |_| {})
}

fn wrong(entries: &[Entry]) -> Option<(Reason, u64)> {
    verdict(entries).err().map(|broken| (broken.reason(), broken.seq()))
}

#[test]
fn an_export_is_proven_without_the_rest_of_the_journal() {
    let entries = export();
    assert_eq!(verdict(&entries).unwrap().head, head(&entries));
    let half = verdict(&entries[..2]).unwrap();
    let rest = verify_matter(NOTICES, entries[2..].to_vec(), &keys_of(&ppc()), half, |_| {}).unwrap();
    assert_eq!(rest.head, head(&entries));
}

#[test]
fn a_removed_or_swapped_entry_is_named_at_the_one_that_hangs_on_it() {
    for place in 0..3 {
        let mut entries = export();
        entries.remove(place);
        assert_eq!(wrong(&entries), Some((Reason::ChainBroken, header(&entries[place]).seq)));
    }
    let mut entries = export();
    entries.swap(1, 2);
    assert_eq!(wrong(&entries), Some((Reason::ChainBroken, 5)));
    let mut entries = export();
    entries.insert(1, entries[0].clone());
    assert_eq!(wrong(&entries), Some((Reason::ChainBroken, 1)));
}

#[test]
fn an_entry_of_another_matter_is_named() {
    let mut entries = export();
    entries.insert(1, journal(2).remove(1));
    assert_eq!(verdict(&entries), Err(Break::ChainBroken { seq: 2, field: "matter" }));
}

#[test]
fn a_changed_entry_is_named() {
    let mut entries = export();
    entries[2].signature[0] ^= 1;
    assert_eq!(wrong(&entries), Some((Reason::BadSignature, 5)));
    let mut entries = export();
    entries[2].header = vec![0xff];
    assert_eq!(wrong(&entries), Some((Reason::NotUnderstood, 4)), "the number after the last proven one");
    let mut entries = export();
    forge(&mut entries[3], &ppc(), |header| header.seen_peer_seq = 0);
    assert_eq!(verdict(&entries), Err(Break::OrderBroken { seq: 7, field: "seen_peer_seq" }));
}

#[test]
fn numbers_and_incarnations_never_fall() {
    let mut entries = export();
    forge(&mut entries[1], &ppc(), |header| header.seq = 1);
    assert_eq!(verdict(&entries), Err(Break::OrderBroken { seq: 1, field: "seq" }));
    let mut later = start();
    later.incarnation = 2;
    let broken = verify_matter(NOTICES, export(), &keys_of(&ppc()), later, |_| {}).unwrap_err();
    assert_eq!(broken, Break::AuthorDiffers { seq: 1, field: "incarnation" });
}

#[test]
fn a_changed_body_is_told() {
    let mut entries = export();
    entries[1].content.as_mut().unwrap().content[0] ^= 1;
    entries[2].content = None;
    let mut lies = Vec::new();
    let proven = verify_matter(NOTICES, entries, &keys_of(&ppc()), start(), |lie| lies.push(lie)).unwrap();
    assert_eq!(proven.head.seq, 7);
    assert_eq!(lies, vec![Lie::ContentDiffers { seq: 3, field: "content_commitment" }]);
}
