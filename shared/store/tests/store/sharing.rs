//! Items: whom lists show them to, the seal of a recall, and the record of who read.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use renkei_book::{CallOrigin, Declined, Settle, content};
use renkei_domain::{
    decide::decide_read,
    matter::{Matter, parse_entry_name},
    moment::stamp,
    noun::item::{ORDINAL, current, missing_units},
    page::{Journal, Seen},
    standing::Filter,
    visibility::Reader,
};
use renkei_proto::{
    journal::v1::{OfficialBarred, OfficialUnbarred, fact::Fact},
    options::v1::{Reason, Role},
    sharing::v1::{
        ItemRecalled, ItemRecalledContent, ItemTerms, ItemText, Publication, RecallReason, ThreatInformation,
        ThreatInformationPublished,
    },
    r#type::v1::{
        Agency, Audience, Certainty, Confidentiality, Designated, Language, Marking, Purpose, Scope, Undesignated,
        scope,
    },
};
use renkei_store::{Error, Store};

use super::{
    acts::{Act, publish},
    link::Pair,
    side::{OFFICIAL, Side, call, losing, no_faults, on_each},
};

pub fn item(n: u64) -> Matter {
    Matter::new(renkei_domain::noun::item::COLLECTION, Agency::Ipa, &format!("0190a5f0-0000-7000-8000-{n:012x}"))
}

pub fn everybody() -> Scope {
    Scope { scope: Some(scope::Scope::Undesignated(Undesignated {})) }
}

/// A scope for the unit `policy` and one purpose, until an instant.
fn to_policy(purpose: Purpose, expires: Option<Timestamp>) -> Scope {
    Scope {
        scope: Some(scope::Scope::Designated(Designated {
            audience: Audience::Units.into(),
            units: vec!["policy".to_owned()],
            purposes: vec![purpose.into()],
            expires: expires.map(stamp),
        })),
    }
}

/// The act by which IPA shares an item or its next revision.
pub fn share(n: u64, scope: Scope) -> Act {
    let matter = item(n);
    let act = Act::new(matter.clone(), move |stage, moment| {
        let last = current(stage.page(&matter.to_string()), Agency::Ipa);
        let before = last.as_ref().map_or(0, |it| it.it.publication.revision);
        let year_ordinal = last.map_or(stage.counter(2026, &ORDINAL) + 1, |it| it.it.publication.year_ordinal);
        let marking = Marking { confidentiality: Confidentiality::Level2.into(), restrictions: Vec::new() };
        let terms = ItemTerms { scope: Some(scope.clone()), marking: Some(marking), ..ItemTerms::default() };
        let publication = Publication {
            revision: before + 1,
            terms: Some(terms),
            fiscal_year: 2026,
            year_ordinal,
            ..Publication::default()
        };
        let published = ThreatInformationPublished { publication: Some(publication) };
        let text = ItemText {
            title: "脅威".to_owned(),
            language: Language::Ja.into(),
            certainty: Certainty::Confirmed.into(),
            as_of: Some(stamp(moment.now)),
            ..ItemText::default()
        };
        let words = content(&ThreatInformation { text: Some(text) });
        stage.write(&matter, Fact::ThreatInformationPublished(published), words, 0)
    });
    act.with_year(2026)
}

fn recall(n: u64) -> Act {
    let matter = item(n);
    Act::new(matter.clone(), move |stage, _| {
        let recalled = ItemRecalled { reason: RecallReason::Incorrect.into(), ..ItemRecalled::default() };
        let words = content(&ItemRecalledContent { explanation: "誤り".to_owned() });
        stage.write(&matter, Fact::ItemRecalled(recalled), words, 0)
    })
}

/// The act that bars or unbars an official.
fn bar(id: &str, barred: bool) -> Act {
    let matter = Matter::new(renkei_domain::noun::official::COLLECTION, Agency::Ppc, id);
    let fact = if barred {
        Fact::OfficialBarred(OfficialBarred { reason: 1 })
    } else {
        Fact::OfficialUnbarred(OfficialUnbarred {})
    };
    let to = matter.clone();
    Act::new(matter, move |stage, _| stage.write(&to, fact.clone(), None, 0))
}

fn reader(unit: &str, purpose: Purpose) -> Reader {
    Reader { roles: vec![Role::Sharing], unit: unit.to_owned(), purpose }
}

/// The ids of the items that one side lists to a reader, newest first, read in pages of this size.
async fn listed(side: &Side, reader: &Reader, size: usize) -> Vec<u64> {
    let (now, mut below, mut all) = (side.source.moment().now, u64::MAX, Vec::new());
    loop {
        let page = side
            .store
            .list(
                renkei_domain::noun::item::COLLECTION,
                &[Agency::Ppc, Agency::Ipa],
                &Filter::default(),
                (reader, now),
                below,
                size,
            )
            .await
            .unwrap();
        let Some(last) = page.last() else { return all };
        below = last.place;
        all.extend(page.iter().map(|it| u64::from_str_radix(&it.matter.id[24..], 16).unwrap()));
    }
}

#[test]
fn a_list_shows_each_reader_what_its_unit_may_see_for_its_purpose() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let now = pair.ppc.source.moment().now;
        let (soon, later) = (now + SignedDuration::from_hours(1), now + SignedDuration::from_hours(10_000));
        for (n, scope) in [
            (1, everybody()),
            (2, to_policy(Purpose::Policy, None)),
            (3, to_policy(Purpose::Training, Some(later))),
            (4, to_policy(Purpose::Policy, Some(soon))),
            (5, everybody()),
        ] {
            pair.ipa.act(share(n, scope)).await.unwrap();
        }
        pair.settle().await;
        let expected: [(&str, Purpose, &[u64]); 6] = [
            ("policy", Purpose::Policy, &[5, 4, 2, 1]),
            ("policy", Purpose::Training, &[5, 3, 1]),
            ("policy", Purpose::Statistics, &[5, 1]),
            ("policy", Purpose::Unspecified, &[5, 1]),
            ("other", Purpose::Policy, &[5, 1]),
            ("", Purpose::Unspecified, &[5, 1]),
        ];
        for (unit, purpose, ids) in expected {
            for size in [1, 2, 10] {
                assert_eq!(listed(&pair.ppc, &reader(unit, purpose), size).await, ids, "{unit} for {purpose:?}");
            }
            assert_eq!(listed(&pair.ipa, &reader(unit, purpose), 2).await, [5, 4, 3, 2, 1], "its originator's own");
        }
        // A revision brings another scope; an expired item is shown to nobody.
        pair.ipa.act(share(1, to_policy(Purpose::Training, None))).await.unwrap();
        pair.ipa.act(share(2, everybody())).await.unwrap();
        pair.settle().await;
        let long_after = (&reader("policy", Purpose::Policy), soon + SignedDuration::from_hours(1));
        let page = pair
            .ppc
            .store
            .list(renkei_domain::noun::item::COLLECTION, &[Agency::Ipa], &Filter::default(), long_after, u64::MAX, 10)
            .await
            .unwrap();
        let ids: Vec<String> = page.into_iter().map(|it| it.matter.id).collect();
        assert_eq!(ids, [5, 2].map(|n| item(n).id));
        assert_eq!(listed(&pair.ppc, &reader("policy", Purpose::Training), 10).await, [5, 3, 2, 1]);
        for side in [&pair.ppc, &pair.ipa] {
            assert_eq!(side.audit().await, []);
            let rebuilt = side.store.rebuild(false).await.unwrap();
            assert_eq!(rebuilt.differing, Vec::<String>::new());
        }
        pair.assert_equal().await;
    });
}

#[test]
fn a_recall_seals_on_arrival_and_only_why_stays_readable() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        let published = pair.ipa.act(share(1, everybody())).await.unwrap();
        pair.settle().await;
        let recalled = pair.ipa.act(recall(1)).await.unwrap();
        let read = async |side: &Side, entry: &str| {
            let page = side.store.page(&item(1).to_string()).await.unwrap().unwrap();
            let (seen, now) = (Seen::whole(&page), side.source.moment().now);
            let permit = decide_read(side.own, &item(1), seen, &reader("policy", Purpose::Policy), now).unwrap();
            let (author, seq) = parse_entry_name(entry).unwrap();
            let one = side.store.content(&permit, Journal::Of(author), seq).await.unwrap();
            let all = side.store.contents_of(&permit, 0, 10).await.unwrap();
            let same = all.into_iter().find(|held| held.journal == Journal::Of(author) && held.header.seq == seq);
            assert_eq!(same.and_then(|held| held.entry.content).map(|it| it.content), one);
            one.is_some()
        };
        assert!(read(&pair.ppc, &published.entry).await, "the recall has not arrived");
        pair.settle().await;
        assert!(!read(&pair.ppc, &published.entry).await && read(&pair.ppc, &recalled.entry).await);
        assert!(read(&pair.ipa, &published.entry).await, "its originator reads it");
        let answer = pair.ppc.own_entries().await.pop().unwrap();
        assert_eq!(answer.header.fact_type, "recall_answered");
        pair.assert_equal().await;
        assert_eq!(pair.ppc.audit().await, []);
    });
}

/// A scope for these units, for policy.
fn to_these(units: &[&str]) -> Scope {
    let units = units.iter().map(ToString::to_string).collect();
    let Scope { scope } = to_policy(Purpose::Policy, None);
    let scope = scope.map(|scope| match scope {
        scope::Scope::Designated(it) => scope::Scope::Designated(Designated { units, ..it }),
        other => other,
    });
    Scope { scope }
}

#[test]
fn units_that_are_missing_are_answered_when_the_item_arrives_and_when_they_are_added() {
    on_each(async |database| {
        let pair = Pair::new(database).await;
        pair.ipa.act(share(1, to_these(&["policy", "polcy", "lost"]))).await.unwrap();
        pair.ipa.act(share(2, to_these(&["policy"]))).await.unwrap();
        pair.ipa.act(share(3, everybody())).await.unwrap();
        pair.settle().await;
        let answers = async || {
            let entries = pair.ppc.own_entries().await;
            entries.iter().filter(|held| held.header.fact_type == "item_units_missing").count()
        };
        let missing = async |side: &Side, n: u64| {
            let page = side.store.page(&item(n).to_string()).await.unwrap().unwrap();
            missing_units(Seen::whole(&page), Agency::Ipa).to_vec()
        };
        let duties = async |side: &Side| side.store.duties(renkei_domain::noun::item::SETTLE_UNITS, 10).await.unwrap();
        for side in [&pair.ppc, &pair.ipa] {
            assert_eq!(missing(side, 1).await, ["polcy", "lost"]);
            assert_eq!(missing(side, 2).await, [""; 0]);
            assert_eq!(duties(side).await, [(None, item(1).to_string())]);
        }
        assert_eq!(answers().await, 1);

        // A start without any further named unit writes nothing; others write the units that are still missing.
        for (units, still, said) in [
            (&["policy", "other"][..], &["polcy", "lost"][..], 1),
            (&["policy", "polcy"], &["lost"], 2),
            (&["policy", "polcy", "lost"], &[], 3),
        ] {
            let units = units.iter().map(ToString::to_string).collect();
            pair.ppc.run(Settle { matters: vec![item(1), item(2), item(3)], units }).await.unwrap();
            pair.settle().await;
            assert_eq!(answers().await, said);
            for side in [&pair.ppc, &pair.ipa] {
                assert_eq!(missing(side, 1).await, still);
            }
        }
        for side in [&pair.ppc, &pair.ipa] {
            assert_eq!(missing(side, 1).await, [""; 0]);
            assert_eq!(duties(side).await, []);
            assert_eq!(side.audit().await, []);
            let rebuilt = side.store.rebuild(false).await.unwrap();
            assert_eq!(rebuilt.differing, Vec::<String>::new());
        }
        pair.assert_equal().await;
    });
}

/// The record of reads of one replica, after each was found chained to the one before.
async fn record(store: &Store) -> usize {
    let records = store.audit_records("one/r", 0, 1000).await.unwrap();
    let mut before = [0; 32];
    for (seq, record) in (1..).zip(&records) {
        assert_eq!((record.seq, record.prev_hash, record.hash), (seq, before, record.computed));
        before = record.hash;
    }
    records.len()
}

#[test]
fn reads_are_recorded_in_a_chain_of_their_own_before_anybody_is_answered() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        let reads = (0..64).map(async |n| {
            let moment = side.source.moment();
            side.store.record_read(&call(n), "agencies/ipa/items/x", "OK", &moment).await.unwrap();
            assert!(side.number("SELECT COUNT(*) FROM call WHERE chain = 'one/r'").await > 0);
        });
        let writes = (0..8).map(async |n| side.act(publish(Agency::Ppc, &format!("scheme-{n}"))).await.map(|_| ()));
        let (_, written) = futures::join!(join_all(reads), join_all(writes));
        assert!(written.iter().all(Result::is_ok));
        assert_eq!(record(&side.store).await, 64);
        let mut found = Vec::new();
        let mut last = (i64::MIN, String::new(), 0);
        loop {
            let place = (last.0, last.1.as_str(), last.2);
            let page = side.store.recorded("agencies/ipa/items/x", place, 10).await.unwrap();
            let Some(end) = page.last() else { break };
            last = (end.at_us, end.chain.clone(), end.seq);
            found.extend(page);
        }
        assert_eq!(found.len(), 64);
        assert!(found.iter().all(|it| (it.official.as_str(), it.outcome.as_str()) == (OFFICIAL, "OK")));
        let database = side.end().await;
        let again = Side::new(Agency::Ppc, database).await;
        let moment = again.source.moment();
        again.store.record_read(&call(1), "agencies/ipa/items/x", "NOT_FOUND", &moment).await.unwrap();
        assert_eq!(record(&again.store).await, 65, "the chain goes on after a restart");
    });
}

#[test]
fn the_records_of_one_read_are_written_together_or_not_at_all() {
    on_each(async |database| {
        let side = Side::new(Agency::Ppc, database).await;
        let moment = side.source.moment();
        let read = async |matters: &[&str]| {
            let outcomes = matters.iter().map(|matter| (*matter, "OK"));
            side.store.record_reads(&call(1), outcomes, &moment).await
        };
        // The last of three rows is refused.
        side.tamper("CREATE UNIQUE INDEX once ON call (matter)").await;
        read(&["x"]).await.unwrap();
        let lost = read(&["a", "b", "x"]).await;
        assert!(matches!(lost, Err(Error::AuditUnavailable)));
        assert_eq!(record(&side.store).await, 1);
        // Reads of many matters and of few wait for the same commits.
        let matters: Vec<String> = (0..157).map(|n| n.to_string()).collect();
        let matters: Vec<&str> = matters.iter().map(String::as_str).collect();
        let (many, few) = matters.split_at(150);
        let done = join_all(many.chunks(50).chain(few.chunks(3)).map(read)).await;
        assert!(done.iter().all(Result::is_ok), "{done:?}");
        assert_eq!(record(&side.store).await, 158);
    });
}

#[test]
fn a_read_that_cannot_be_recorded_is_not_answered_and_the_next_one_is() {
    on_each(async |database| {
        let side = Side::with(Agency::Ppc, database, losing(&["record reads"])).await;
        let moment = side.source.moment();
        let lost = side.store.record_read(&call(1), "agreement", "OK", &moment).await;
        assert!(matches!(lost, Err(Error::AuditUnavailable)));
        side.act(publish(Agency::Ppc, "leak")).await.unwrap();
        side.store.record_read(&call(2), "agreement", "OK", &moment).await.unwrap();
        assert_eq!(record(&side.store).await, 1);
    });
}

#[test]
fn a_barred_official_writes_nothing_from_that_commit_on_and_the_service_itself_goes_on() {
    on_each(async |database| {
        let side = Side::with(Agency::Ppc, database, no_faults()).await;
        let by = |official: &str, n: u64| CallOrigin { official: official.to_owned(), ..call(1000 + n) };
        side.act_as(by("sato", 1), publish(Agency::Ppc, "before")).await.unwrap();
        side.act(bar("sato", true)).await.unwrap();
        assert!(side.store.barred().borrow().contains("sato"));
        let is_barred = |it: Result<_, Error>| matches!(it, Err(Error::Declined(Declined::Refused(it))) if it.reason == Reason::OfficialBarred);
        assert!(is_barred(side.act_as(by("sato", 2), publish(Agency::Ppc, "after")).await));
        assert!(
            is_barred(side.act_as(by("sato", 1), publish(Agency::Ppc, "before")).await),
            "nor is a repeat answered"
        );
        side.act_as(by("suzuki", 3), publish(Agency::Ppc, "another")).await.unwrap();
        assert!(side.act(bar("sato", true)).await.is_err(), "barred already");
        let database = side.end().await;

        let side = Side::new(Agency::Ppc, database).await;
        assert!(side.store.barred().borrow().contains("sato"), "after a restart too");
        side.act_as(call(2000), bar("sato", false)).await.unwrap();
        assert!(side.store.barred().borrow().is_empty());
        side.act_as(by("sato", 4), publish(Agency::Ppc, "again")).await.unwrap();
        let outcomes = side.rows("SELECT outcome FROM call WHERE official = 'sato' ORDER BY seq").await;
        let outcomes: Vec<String> = outcomes.iter().map(|row| sqlx::Row::get(row, 0)).collect();
        assert_eq!(outcomes, ["OK", "OFFICIAL_BARRED", "OFFICIAL_BARRED", "OK"]);
        assert_eq!(side.audit().await, []);
        assert!(side.own_entries().await.iter().all(|held| !held.header.matter.contains("sato")), "it never crosses");
    });
}
