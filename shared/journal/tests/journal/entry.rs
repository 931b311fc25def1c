//! An author never writes an entry at which the peer would stop.

#![expect(clippy::unwrap_used, reason = "tests")]

use renkei_journal::{Break, Draft, Unfit, chain, sign_header, verify, written_us};
use renkei_proto::journal::v1::{Fact, SaltedContent};

use crate::support::{NOTICES, OWN, WRITTEN_US, Writer, content, draft, keys_of, kinds, notice, ppc, reopened, start};

fn unfit(change: impl FnOnce(&mut Draft)) -> Unfit {
    let mut draft = draft(&start(), NOTICES, notice());
    change(&mut draft);
    chain(draft, &start()).unwrap_err()
}

#[test]
fn a_new_entry_is_verified() {
    let mut draft = draft(&start(), NOTICES, notice());
    draft.content = Some(content(1)).into();
    let chained = chain(draft, &start()).unwrap();
    let (header, hash, next) = (chained.header().clone(), chained.hash(), chained.previous(&start()));
    let entry = chained.sign(&ppc());
    let verified = verify(&entry, &start(), &keys_of(&ppc())).unwrap();
    assert_eq!((&verified.header, verified.hash, verified.previous(&start())), (&header, hash, next));
    assert_eq!(verified.lie(), None);
    assert_eq!(verified.kind().unwrap().name(), "notice_given");
}

#[test]
fn a_draft_that_breaks_the_contract_makes_no_entry() {
    assert_eq!(unfit(|draft| draft.fact = Fact::default()), Unfit::Rule("fact.fact: required".into()));
    assert_eq!(unfit(|draft| draft.matter.clear()), Unfit::Rule("header.matter: string.pattern".into()));
    assert_eq!(unfit(|draft| draft.entry_id.clear()), Unfit::Rule("header.entry_id: string.uuid_empty".into()));
    assert_eq!(unfit(|draft| draft.written_us = i64::MAX), Unfit::Rule("header.written_at: timestamp".into()));
    let large = SaltedContent { salt: vec![0; 32], content: vec![0; (1 << 20) + 1] };
    assert_eq!(unfit(|draft| draft.content = Some(large).into()), Unfit::Rule("content.content: bytes.max_len".into()));
    let short = SaltedContent { salt: vec![0; 31], content: Vec::new() };
    assert_eq!(unfit(|draft| draft.content = Some(short).into()), Unfit::Rule("content.salt: bytes.len".into()));
}

#[test]
fn a_draft_that_falls_behind_the_last_entry_makes_no_entry() {
    let mut writer = Writer::new();
    writer.say(NOTICES, notice(), None);
    writer.say(NOTICES, notice(), None);
    let mut early = draft(&writer.last, NOTICES, notice());
    early.written_us = WRITTEN_US;
    let order = |field| Err(Unfit::Order(Break::OrderBroken { seq: 3, field }));
    assert_eq!(chain(early, &writer.last), order("written_at"));
    let mut blind = draft(&writer.last, NOTICES, notice());
    blind.seen_peer_seq = 0;
    assert_eq!(chain(blind, &writer.last), order("seen_peer_seq"));
    let outcome = chain(draft(&writer.last, OWN, reopened(3)), &writer.last);
    assert_eq!(outcome, Err(Unfit::Order(Break::AuthorDiffers { seq: 3, field: "incarnation" })));
}

#[test]
fn times_are_whole_microseconds_also_before_1970() {
    for written in [0, -1, -1_000_001, WRITTEN_US + 1] {
        let mut draft = draft(&start(), NOTICES, notice());
        draft.written_us = written;
        assert_eq!(written_us(chain(draft, &start()).unwrap().header()), written);
    }
}

#[test]
fn a_tail_can_be_signed_again_with_the_same_hashes() {
    let mut writer = Writer::new();
    writer.say(OWN, kinds(), None);
    let entry = &writer.entries[0];
    assert_eq!(sign_header(&ppc(), &entry.header).as_slice(), entry.signature);
}

#[test]
fn no_content_shows_when_a_draft_is_printed() {
    let mut draft = draft(&start(), NOTICES, notice());
    draft.content = Some(SaltedContent { salt: vec![0; 32], content: b"CANARY".to_vec() }).into();
    let shown = format!("{draft:?} {:?}", chain(draft.clone(), &start()).unwrap());
    assert!(!shown.contains("CANARY") && !shown.contains(&format!("{:?}", b"CANARY")));
}
