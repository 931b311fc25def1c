//! Races of consent on the real pair (Art. 7(2)): grant, revoke, narrow, recall, revise and disclose at the same time on both
//! sides, with and without a partition.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use renkei_domain::page::Journal;
use renkei_proto::{
    journal::v1::fact::Fact,
    options::v1::Reason,
    sharing::v1::{Body, ConsentTerms, Item, ItemTerms, ReviseItemRequest, StatedConsent, disclosure_basis, recipient},
    r#type::v1::{Agency, Audience, Purpose, scope},
};
use renkei_store::StoredEntry;
use renkei_tools::{
    acts::{Acts, body, both, same_journals, settle, stated, terms_for, to_audience, to_the_party},
    pair::Pair,
    scenario::start,
};

/// The rounds, and the items of each, on which both sides act at once: 200 races.
const ROUNDS: usize = 10;
const ITEMS: usize = 20;
/// The acts of the originator.
const ACTS: usize = 6;

/// An act of the originator that may end a basis, or give one.
async fn originator(ipa: &Acts, it: Item, act: usize) {
    let consent = it.consents[0].clone();
    let both = stated(&[body(Body::Nco), body(Body::Meti)], &[Purpose::Policy]);
    let one = StatedConsent { recipients: vec![body(Body::Meti)], ..both.clone() };
    let done = match act {
        0 => ipa.revoke_consent(ipa.revoking_consent(&it, &consent)).await,
        1 => ipa.narrow_consent(ipa.narrowing_consent(&it, &consent, one)).await,
        2 => ipa.recall_item(ipa.recalling(&it)).await,
        3 => ipa.revise_item(ipa.revising_item(&it)).await,
        4 => {
            let (terms, kept_consents) = (Some(terms_for(to_the_party())), vec![consent.entry.clone()]);
            ipa.revise_item(ReviseItemRequest { terms, kept_consents, ..ipa.revising_item(&it) }).await
        }
        _ => ipa.grant_consent(ipa.granting_in_advance(&it, both)).await,
    };
    // Nobody else acts for this agency.
    done.unwrap();
}

/// Three disclosures one after the other: under the consent to each of its recipients, and under the scope.
async fn receiver(ppc: &Acts, name: String, consent: String) -> usize {
    let mut recorded = 0;
    for (to, by_scope) in [(Body::Nco, false), (Body::Meti, false), (Body::JpcertCc, true)] {
        let here = ppc.item(&name).await.unwrap();
        let act = match by_scope {
            true => ppc.disclosing(&here, body(to), Purpose::Policy),
            false => ppc.disclosing_under(&here, &consent, body(to), Purpose::Policy),
        };
        match ppc.record_disclosure(act).await {
            Ok(_) => recorded += 1,
            Err(error) => {
                let expected = [Reason::BeyondScope, Reason::WrongState, Reason::EtagStale];
                assert!(expected.contains(&error.reason), "{error:?}");
            }
        }
    }
    recorded
}

/// What the originator has stated about an item up to a number of its journal, by the facts alone.
#[derive(Default)]
struct Stated {
    audience: Audience,
    recalled: bool,
    /// The recipients of each consent that is in force.
    consents: BTreeMap<u64, BTreeSet<i32>>,
}

impl Stated {
    fn apply(&mut self, seq: u64, fact: &Fact) {
        let bodies = |terms: &Option<ConsentTerms>| {
            let all = terms.iter().flat_map(|terms| &terms.recipients);
            all.filter_map(|it| match &it.recipient {
                Some(recipient::Recipient::Listed(it)) => Some(it.body),
                _ => None,
            })
            .collect::<BTreeSet<_>>()
        };
        match fact {
            Fact::ThreatInformationPublished(it) => {
                let publication = it.publication.as_ref().unwrap();
                self.audience = audience(publication.terms.as_ref().unwrap());
                self.consents.retain(|seq, _| publication.kept_consents.contains(seq));
            }
            Fact::ItemRecalled(_) => self.recalled = true,
            Fact::ConsentGranted(it) => _ = self.consents.insert(seq, bodies(&it.terms)),
            Fact::ConsentNarrowed(it) => _ = self.consents.insert(it.consent, bodies(&it.terms)),
            Fact::ConsentRevoked(it) => _ = self.consents.remove(&it.consent),
            _ => {}
        }
    }
}

fn audience(terms: &ItemTerms) -> Audience {
    match terms.scope.as_ref().and_then(|scope| scope.scope.as_ref()) {
        Some(scope::Scope::Designated(it)) => it.audience(),
        _ => Audience::Party,
    }
}

/// Judges every recorded disclosure again, by the facts that its position names and by nothing else.
fn judge(ppc: &[StoredEntry], ipa: &[StoredEntry]) -> usize {
    let mut judged = 0;
    for entry in ppc {
        let Some(Fact::ItemDisclosed(it)) = &entry.fact.fact else { continue };
        let (matter, until) = (&entry.header.matter, entry.header.seen_peer_seq);
        let mut stated = Stated::default();
        for before in ipa.iter().filter(|before| before.header.matter == *matter && before.header.seq <= until) {
            if let Some(fact) = &before.fact.fact {
                stated.apply(before.header.seq, fact);
            }
        }
        let to = match it.recipient.as_ref().and_then(|it| it.recipient.as_ref()) {
            Some(recipient::Recipient::Listed(to)) => to.body,
            _ => Body::Unspecified.into(),
        };
        let has_basis = match it.basis.as_ref().and_then(|it| it.basis.as_ref()) {
            Some(disclosure_basis::Basis::Scope(_)) => stated.audience >= Audience::Community,
            Some(disclosure_basis::Basis::Consent(it)) => {
                stated.consents.get(&it.consent).is_some_and(|named| named.contains(&to))
            }
            _ => false,
        };
        assert!(has_basis && !stated.recalled, "number {} in {matter} at {until}", entry.header.seq);
        judged += 1;
    }
    judged
}

/// All entries of an agency's journal as PPC has them.
async fn journal(pair: &Pair, author: Agency) -> Vec<StoredEntry> {
    let store = pair.ppc.store().unwrap();
    let mut all: Vec<StoredEntry> = Vec::new();
    loop {
        let from = all.last().map_or(1, |last| last.header.seq + 1);
        let next = store.entries(Journal::Of(author), from, 500).await.unwrap();
        if next.is_empty() {
            return all;
        }
        all.extend(next);
    }
}

#[tokio::test]
async fn no_disclosure_is_ever_recorded_without_a_basis_at_the_position_that_it_names() {
    let pair = Pair::in_process(start().unwrap(), 185).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let mut recorded = 0;
    for round in 0..ROUNDS {
        let mut items = Vec::new();
        for _ in 0..ITEMS {
            let community = to_audience(Audience::Community, &[Purpose::Policy]);
            let it = ipa.publish_item(ipa.publishing_item(community)).await.unwrap();
            let terms = stated(&[body(Body::Nco), body(Body::Meti)], &[Purpose::Policy]);
            items.push(ipa.grant_consent(ipa.granting_in_advance(&it, terms)).await.unwrap());
        }
        settle(&ppc, &ipa).await.unwrap();
        if round % 2 == 0 {
            pair.cut_link();
        }
        // Each act meets each kind of round.
        let acts: Vec<_> = items.into_iter().enumerate().map(|(at, it)| (it, (at + round) % ACTS)).collect();
        let theirs = acts.iter().map(|(it, act)| originator(&ipa, it.clone(), *act));
        let ours = acts.iter().map(|(it, _)| receiver(&ppc, it.name.clone(), it.consents[0].entry.clone()));
        let (_, done) = tokio::join!(join_all(theirs), join_all(ours));
        recorded += done.into_iter().sum::<usize>();
        pair.mend_link();
        settle(&ppc, &ipa).await.unwrap();
    }
    let (here, there) = (journal(&pair, Agency::Ppc).await, journal(&pair, Agency::Ipa).await);
    assert_eq!(judge(&here, &there), recorded);
    assert!(recorded > ROUNDS * ITEMS, "most of them were in time: {recorded}");
    // While the link is cut, all of them are: 3 of each item in half of the rounds.
    assert!(recorded < 3 * ROUNDS * ITEMS, "some of them came too late: {recorded}");
    assert_eq!(same_journals(&ppc, &ipa).await.unwrap(), 0, "nothing honest is refused");
    // Both show the same, whatever came first.
    for name in
        here.iter().map(|it| it.header.matter.clone()).filter(|it| it.contains("/items/")).collect::<BTreeSet<_>>()
    {
        let (ours, theirs) = (ppc.shared_item(&name).await.unwrap(), ipa.shared_item(&name).await.unwrap());
        assert_eq!(Item { content: None, ..ours }, Item { content: None, ..theirs });
    }
}
