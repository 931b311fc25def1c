//! Officials who are barred: the agency's own, one after the other, in its private journal.

use std::sync::Arc;

use jiff::Timestamp;
use renkei_domain::{
    noun::{
        Resource as _,
        official::{is_barred, matter},
    },
    page::{Journal, apply},
};
use renkei_proto::{
    evidence::v1::Official,
    journal::v1::{BarReason, Fact, Header, OfficialBarred, OfficialUnbarred, fact},
    options::v1::Reason,
    r#type::v1::Agency,
};

use super::model::{Act, Pair, Party};

const ID: &str = "yamada.hanako";

fn bar(opener: Agency, reason: BarReason) -> Act {
    Act::new(&matter(opener, ID), fact::Fact::OfficialBarred(OfficialBarred { reason: reason.into() }))
}

fn unbar(opener: Agency) -> Act {
    Act::new(&matter(opener, ID), fact::Fact::OfficialUnbarred(OfficialUnbarred {}))
}

/// Notes an act that is permitted in the private journal.
fn note(party: &mut Party, act: &Act, seq: u64) {
    party.judge(act).unwrap();
    let page = Arc::make_mut(party.pages.entry(act.matter.to_string()).or_default());
    let fact = Fact { request_digest: Vec::new(), fact: Some(act.fact.clone()) };
    apply(page, Journal::Private, &Header { seq, ..Header::default() }, [0; 32], &fact);
}

#[test]
fn an_official_is_barred_and_unbarred_in_turn() {
    let mut ppc = Pair::new().ppc;
    let acts = [bar(Agency::Ppc, BarReason::Left), unbar(Agency::Ppc), bar(Agency::Ppc, BarReason::Misused)];
    for (n, act) in acts.iter().enumerate() {
        let other = &acts[(n + 1) % 2];
        assert_eq!(ppc.refuses(other), Some(Reason::WrongState), "{n}");
        note(&mut ppc, act, u64::try_from(n).unwrap() + 1);
        assert_eq!(ppc.refuses(act), Some(Reason::WrongState), "{n}");
        let view = ppc.view();
        let name = matter(Agency::Ppc, ID);
        let seen = view.page(&name.to_string());
        let local = seen.local();
        let official = Official::of(&name, seen, Timestamp::UNIX_EPOCH, String::new()).unwrap();
        assert_eq!((is_barred(local), official.barred), (n != 1, n != 1));
        let reason = [BarReason::Left, BarReason::Unspecified, BarReason::Misused][n];
        assert_eq!((official.reason(), official.name), (reason, name.to_string()));
    }
}

#[test]
fn each_agency_bars_its_own_officials_only_and_answers_nothing_with_it() {
    for own in [Agency::Ppc, Agency::Ipa] {
        let pair = Pair::new();
        let party = pair.of(own);
        let act = bar(own, BarReason::Left);
        assert_eq!(party.refuses(&act), None);
        assert_eq!(party.refuses(&act.answering(1)), Some(Reason::HeaderDiffers));
        assert_eq!(party.refuses(&bar(own.peer(), BarReason::Left)), Some(Reason::NotFound));
        assert_eq!(party.refuses(&unbar(own.peer())), Some(Reason::NotFound));
    }
}
