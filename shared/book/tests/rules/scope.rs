//! Scopes and markings: the refused ones, their effects, and the agreement of lists and reads.

use jiff::{SignedDuration, Timestamp};
use renkei_domain::{
    decide::decide_read,
    matter::Matter,
    moment::stamp,
    noun::{Resource as _, registry},
    page::{Journal, Seen},
    scope::{check, marking as given, raised, tlp},
    visibility::{self, Reader, Visibility},
};
use renkei_proto::{
    options::v1::{Reason, Role},
    sharing::v1::{Item, ItemTerms, PublicationPlan},
    r#type::v1::{
        Agency,
        Audience::{self, Clients, Community, Organisation, Party, Public, Units},
        Confidentiality::{Level1, Level2},
        Designated, Marking, Purpose,
        Restriction::{NoCopy, NoForward, NoPrint, Return},
        Tlp,
    },
};

use super::{
    item_acts::{
        answer_question, ask_about, designated, item, kinds, marking, publish, revise, shown, terms, undesignated,
        within,
    },
    model::{BOTH, Pair, at},
};

const WIDER: [Audience; 4] = [Party, Organisation, Clients, Community];
const TRAINING: &[Purpose] = &[Purpose::Training];

fn now() -> Timestamp {
    at("2026-11-24T09:00:00+09:00")
}

fn checked(terms: &ItemTerms) -> Option<(Reason, &'static str)> {
    check(terms, now()).err().map(|refusal| (refusal.reason, refusal.field))
}

fn empty(field: &'static str) -> Option<(Reason, &'static str)> {
    Some((Reason::ScopeEmpty, field))
}

fn contradictory(field: &'static str) -> Option<(Reason, &'static str)> {
    Some((Reason::ScopeContradictory, field))
}

const UNITS: &str = "terms.scope.designated.units";
const PURPOSES: &str = "terms.scope.designated.purposes";
const EXPIRES: &str = "terms.scope.designated.expires";
const EMBARGO: &str = "terms.plan.embargo_until";

/// A scope with an expiry, and terms with an embargo, so many microseconds from now.
fn timed(scope: Designated, expires: Option<i64>, embargo: Option<i64>) -> ItemTerms {
    let instant = |micros| stamp(now() + SignedDuration::from_micros(micros));
    let expires = expires.map(instant);
    let plan =
        embargo.map(|micros| PublicationPlan { embargo_until: Some(instant(micros)), publisher: Agency::Ppc.into() });
    ItemTerms { plan, ..within(Designated { expires, ..scope }) }
}

#[test]
fn a_scope_that_lets_nobody_see_the_item_is_empty() {
    assert_eq!(checked(&within(designated(Units, &[], TRAINING))), empty(UNITS));
    assert_eq!(checked(&within(designated(Units, &["a"], &[]))), empty(PURPOSES));
    for audience in WIDER {
        assert_eq!(checked(&within(designated(audience, &[], &[]))), empty(PURPOSES), "{audience:?}");
        let scope = designated(audience, &[], TRAINING);
        assert_eq!(checked(&timed(scope.clone(), Some(0), None)), empty(EXPIRES), "{audience:?}");
        assert_eq!(checked(&timed(scope.clone(), Some(-1), Some(-2))), empty(EXPIRES), "{audience:?}");
        assert_eq!(checked(&timed(scope, Some(1), None)), None, "{audience:?}");
    }
}

#[test]
fn a_scope_that_states_two_things_at_once_is_contradictory() {
    for audience in WIDER {
        let named = designated(audience, &["a"], TRAINING);
        assert_eq!(checked(&within(named)), contradictory(UNITS), "{audience:?}");
        let scope = designated(audience, &[], TRAINING);
        assert_eq!(checked(&timed(scope.clone(), Some(5), Some(5))), contradictory(EXPIRES), "{audience:?}");
        assert_eq!(checked(&timed(scope, Some(6), Some(5))), None, "{audience:?}");
    }
    let public = designated(Public, &[], &[]);
    assert_eq!(checked(&within(designated(Public, &["a"], &[]))), contradictory(UNITS));
    assert_eq!(checked(&within(designated(Public, &[], TRAINING))), contradictory(PURPOSES));
    assert_eq!(checked(&timed(public.clone(), Some(9), None)), contradictory(EXPIRES));
    assert_eq!(checked(&timed(public.clone(), None, Some(1))), contradictory(EMBARGO));
    assert_eq!(checked(&timed(public, None, Some(0))), None, "the embargo is over");
}

#[test]
fn every_other_scope_is_accepted() {
    assert_eq!(checked(&terms()), None);
    assert_eq!(checked(&within(designated(Units, &["a", "b"], TRAINING))), None);
    assert_eq!(checked(&within(designated(Public, &[], &[]))), None);
    for audience in WIDER {
        assert_eq!(checked(&within(designated(audience, &[], TRAINING))), None, "{audience:?}");
    }
}

#[test]
fn terms_state_a_marking_and_a_validity_to_come() {
    let until = "terms.valid_until";
    let with = |from: Option<i64>, until: Option<i64>| {
        let instant = |micros| stamp(now() + SignedDuration::from_micros(micros));
        checked(&ItemTerms { valid_from: from.map(instant), valid_until: until.map(instant), ..terms() })
    };
    let invalid = |field| Some((Reason::FieldInvalid, field));
    assert_eq!(checked(&ItemTerms { marking: None, ..terms() }), invalid("terms.marking"));
    assert_eq!([with(None, None), with(Some(-9), None), with(Some(9), None), with(Some(9), Some(10))], [None; 4]);
    assert_eq!(with(Some(-9), Some(1)), None);
    assert_eq!([with(None, Some(0)), with(Some(9), Some(9)), with(Some(9), Some(5))], [invalid(until); 3]);
}

#[test]
fn a_wrong_scope_is_refused_in_the_first_publication_and_in_a_revision() {
    for agency in BOTH {
        let mut pair = Pair::new();
        let (kind, matter) = (kinds(agency)[0], item(agency, 0));
        let wrong = within(designated(Units, &[], TRAINING));
        let party = pair.of_mut(agency);
        let act = publish(party, &matter, kind, wrong.clone());
        assert_eq!(party.refuses(&act), Some(Reason::ScopeEmpty));
        party.write(&publish(party, &matter, kind, terms())).unwrap();
        assert_eq!(party.refuses(&revise(party, &matter, wrong)), Some(Reason::ScopeEmpty));
    }
}

#[test]
fn tlp_follows_from_the_scope() {
    for (audience, expected) in [
        (Units, Tlp::Red),
        (Party, Tlp::AmberStrict),
        (Organisation, Tlp::AmberStrict),
        (Clients, Tlp::Amber),
        (Community, Tlp::Green),
        (Public, Tlp::Clear),
        (Audience::Unspecified, Tlp::Unspecified),
    ] {
        assert_eq!(tlp(within(designated(audience, &[], &[])).scope.as_ref()), expected, "{audience:?}");
    }
    assert_eq!(tlp(Some(&undesignated())), Tlp::AmberStrict, "the receiving party");
    assert_eq!(tlp(None), Tlp::Unspecified);
}

#[test]
fn a_marking_is_level_2_unless_another_level_is_stated() {
    assert_eq!(given(None), marking(Level2, &[]));
    let own = marking(Level1, &[NoPrint]);
    assert_eq!(given(Some(own.clone())), own);
}

#[test]
fn a_raised_marking_has_the_higher_level_and_all_restrictions_in_any_order() {
    let [one, other] = [marking(Level1, &[Return, NoCopy]), marking(Level2, &[NoForward, NoCopy])];
    let both = marking(Level2, &[NoCopy, NoForward, Return]);
    assert_eq!((raised(&one, &other), raised(&other, &one)), (both.clone(), both.clone()));
    assert_eq!(raised(&both, &one), both, "again");
    assert_eq!(raised(&Marking::default(), &one), marking(Level1, &[NoCopy, Return]));
}

/// The result of a scope's own statement.
fn may_see(scope: Option<&Designated>, unit: &str, purpose: Purpose, now: Timestamp) -> bool {
    let Some(scope) = scope.filter(|scope| scope.audience() != Public) else { return true };
    let in_time = scope.expires.as_ref().is_none_or(|expires| stamp(now).seconds < expires.seconds);
    let of_unit = scope.audience() != Units || scope.units.iter().any(|named| named == unit);
    in_time && of_unit && scope.purposes().any(|named| named == purpose)
}

fn every_scope() -> Vec<Option<Designated>> {
    let expires = Some(stamp(now() + SignedDuration::from_secs(60)));
    let purposes = [Purpose::IncidentResponse, Purpose::Training];
    let mut all = vec![None, Some(designated(Public, &[], &[])), Some(designated(Units, &["a", "b"], &purposes))];
    all.push(Some(Designated { expires, ..designated(Units, &["a", "b"], TRAINING) }));
    for audience in WIDER {
        all.push(Some(designated(audience, &[], &purposes)));
        all.push(Some(Designated { expires, ..designated(audience, &[], TRAINING) }));
    }
    all
}

/// True if lists show the matter to a reader, and true if a read of it is permitted.
fn seen_by(own: Agency, matter: &Matter, seen: Seen<'_>, reader: &Reader, now: Timestamp) -> (bool, bool) {
    let listed = registry::of(matter).visibility(own, matter, seen).iter().any(|shown| shown.includes(reader, now));
    let read = decide_read(own, matter, seen, reader, now);
    assert!(read.as_ref().is_ok_and(|_| true) || read.as_ref().unwrap_err().reason == Reason::NotFound);
    (listed, read.is_ok())
}

#[test]
fn lists_and_reads_show_an_item_to_those_in_its_scope_and_to_nobody_else() {
    let purposes = (0..=7).map(|number| Purpose::try_from(number).unwrap());
    for scope in every_scope() {
        let mut pair = Pair::new();
        let (kind, matter) = (kinds(Agency::Ipa)[0], item(Agency::Ipa, 0));
        let act = publish(&pair.ipa, &matter, kind, scope.clone().map_or_else(terms, within));
        pair.ipa.write(&act).unwrap();
        pair.exchange(Agency::Ipa);
        for unit in ["", "a", "b", "c"] {
            for purpose in purposes.clone() {
                let reader = Reader { roles: vec![Role::Reader], unit: unit.to_owned(), purpose };
                for seconds in [0, 59, 60, 61] {
                    let then = now() + SignedDuration::from_secs(seconds);
                    let right = may_see(scope.as_ref(), unit, purpose, then);
                    let found = seen_by(Agency::Ppc, &matter, pair.ppc.page(&matter), &reader, then);
                    assert_eq!(found, (right, right), "{scope:?} to {unit}/{purpose:?} after {seconds} s");
                    let own = seen_by(Agency::Ipa, &matter, pair.ipa.page(&matter), &reader, then);
                    assert_eq!(own, (true, true), "its originator's own people are not bound by it");
                }
            }
        }
    }
}

#[test]
fn the_current_revisions_scope_counts_and_what_does_not_exist_is_not_found() {
    let mut pair = Pair::new();
    let (kind, matter) = (kinds(Agency::Ppc)[0], item(Agency::Ppc, 0));
    let reader = Reader { roles: vec![Role::Sharing], unit: "c".to_owned(), purpose: Purpose::Training };
    let found = |pair: &Pair| seen_by(Agency::Ipa, &matter, pair.ipa.page(&matter), &reader, now());
    assert_eq!(found(&pair), (false, false));
    let act = publish(&pair.ppc, &matter, kind, within(designated(Units, &["a"], TRAINING)));
    pair.ppc.write(&act).unwrap();
    assert_eq!(found(pair.exchange(Agency::Ppc)), (false, false));
    pair.ppc.write(&revise(&pair.ppc, &matter, within(designated(Party, &[], TRAINING)))).unwrap();
    assert_eq!(found(&pair), (false, false), "the revision has not arrived");
    assert_eq!(found(pair.exchange(Agency::Ppc)), (true, true));
    pair.ppc.write(&revise(&pair.ppc, &matter, within(designated(Party, &[], &[Purpose::Policy])))).unwrap();
    assert_eq!(found(pair.exchange(Agency::Ppc)), (false, false));
    assert_eq!(shown(&pair.ipa, &matter).unwrap().tlp(), Tlp::AmberStrict);
}

#[test]
fn the_index_contains_one_row_per_unit_and_purpose_with_the_time_at_which_it_ends() {
    let expires = Some(stamp(now()));
    let scope = Designated { expires, ..designated(Units, &["a", "b"], &[Purpose::Policy, Purpose::Training]) };
    let mut pair = Pair::new();
    let matter = item(Agency::Ipa, 0);
    pair.ipa.say(&publish(&pair.ipa, &matter, kinds(Agency::Ipa)[0], within(scope)));
    let until_us = now().as_microsecond();
    let rows = ["a/policy", "a/training", "b/policy", "b/training"];
    let shown = registry::of(&matter).visibility(Agency::Ppc, &matter, pair.ipa.page(&matter)).into_iter();
    let shown: Vec<_> = shown.map(|shown| (shown.audience.to_string(), shown.until_us)).collect();
    assert_eq!(shown, rows.map(|audience| (audience.to_owned(), until_us)));
    let shown = registry::of(&matter).visibility(Agency::Ipa, &matter, pair.ipa.page(&matter));
    assert_eq!(shown, [Visibility { audience: visibility::Audience::EVERYBODY, until_us: i64::MAX }]);
}

/// The last hours of the year 9999 are an instant of the contract, but none that the calendar can compute with.
#[test]
fn a_scope_that_ends_beyond_all_computing_does_not_end() {
    let expires = Some(prost_types::Timestamp { seconds: 253_402_300_799, nanos: 0 });
    let terms = within(Designated { expires, ..designated(Party, &[], TRAINING) });
    assert_eq!(checked(&terms), None);
    let mut pair = Pair::new();
    let matter = item(Agency::Ipa, 0);
    let act = publish(&pair.ipa, &matter, kinds(Agency::Ipa)[0], terms);
    pair.ipa.write(&act).unwrap();
    assert_eq!(registry::of(&matter).visibility(Agency::Ppc, &matter, pair.ipa.page(&matter))[0].until_us, i64::MAX);
}

/// Many systems write "for ever" as `9999-12-31T23:59:59Z`.
#[test]
fn an_embargo_and_a_beginning_beyond_all_computing_never_come() {
    let never = Some(prost_types::Timestamp { seconds: 253_402_300_799, nanos: 0 });
    let plan = Some(PublicationPlan { embargo_until: never, publisher: Agency::Ppc.into() });
    let year = stamp(now() + SignedDuration::from_hours(8760));
    let public = ItemTerms { plan, ..within(designated(Public, &[], &[])) };
    assert_eq!(checked(&public), contradictory(EMBARGO));
    let expires = Designated { expires: Some(year), ..designated(Party, &[], TRAINING) };
    assert_eq!(checked(&ItemTerms { plan, ..within(expires) }), contradictory(EXPIRES));
    let forward = ItemTerms { valid_from: never, valid_until: Some(year), ..terms() };
    assert_eq!(checked(&forward), Some((Reason::FieldInvalid, "terms.valid_until")));

    let both = Designated { expires: never, ..designated(Party, &[], TRAINING) };
    let terms = ItemTerms { plan, valid_from: never, valid_until: never, ..within(both) };
    assert_eq!(checked(&terms), None);
    let mut pair = Pair::new();
    let matter = item(Agency::Ipa, 0);
    let act = publish(&pair.ipa, &matter, kinds(Agency::Ipa)[0], terms);
    pair.ipa.write(&act).unwrap();
    let shown = Item::of(&matter, pair.ipa.page(&matter), now(), String::new()).unwrap();
    assert_eq!((shown.embargoed, shown.valid), (true, false));
}

#[test]
fn a_reader_belongs_to_the_audiences_of_its_unit_and_its_purpose() {
    use Purpose::{Policy, Training, Unspecified};
    let reader = |unit: &str, purpose| Reader { roles: Vec::new(), unit: unit.to_owned(), purpose };
    let audiences = |unit, purpose| reader(unit, purpose).audiences().map(|it| it.to_string()).collect::<Vec<_>>();
    assert_eq!(audiences("a", Policy), ["*/*", "*/policy", "a/*", "a/policy"]);
    assert_eq!(audiences("", Policy), ["*/*", "*/policy"]);
    assert_eq!(audiences("a", Unspecified), ["*/*", "a/*"]);
    assert_eq!(audiences("", Unspecified), ["*/*"]);

    // A list finds rows by these names; a single read is judged by each audience of the matter. Both must agree.
    for unit in ["", "a", "b"] {
        for purpose in [Unspecified, Policy, Training] {
            let reader = reader(unit, purpose);
            for of_unit in [None, Some(""), Some("a")] {
                for of_purpose in [None, Some(Unspecified), Some(Policy)] {
                    let audience = visibility::Audience { unit: of_unit, purpose: of_purpose };
                    let is_listed = reader.audiences().any(|own| own.to_string() == audience.to_string());
                    let shown = Visibility { audience, until_us: i64::MAX };
                    assert_eq!(shown.includes(&reader, now()), is_listed, "{reader:?}: {shown:?}");
                }
            }
        }
    }
}

#[test]
fn a_wider_revision_opens_no_word_of_the_narrower_ones_before() {
    let (ipa, matter) = (Agency::Ipa, item(Agency::Ipa, 0));
    let mut pair = Pair::new();
    let narrow = within(designated(Units, &["policy"], TRAINING));
    let act = publish(&pair.ipa, &matter, kinds(ipa)[0], narrow);
    let published = pair.ipa.write(&act).unwrap();
    pair.exchange(ipa);
    let act = ask_about(&pair.ppc, &matter);
    let asked = pair.ppc.write(&act).unwrap();
    pair.exchange(ipa);
    let act = answer_question(&pair.ipa, &matter);
    let answered = pair.ipa.write(&act).unwrap();
    let act = revise(&pair.ipa, &matter, terms());
    let revised = pair.ipa.write(&act).unwrap();
    pair.exchange(ipa);
    let opened = |party: &super::model::Party, unit: &str, purpose| {
        let reader = Reader { roles: vec![Role::Sharing], unit: unit.to_owned(), purpose };
        let permit = decide_read(party.own, &matter, party.page(&matter), &reader, party.now).unwrap();
        let of = |author, seq| permit.opens(Journal::Of(author), seq, renkei_proto::FactKind::ItemQuestionAsked);
        [of(ipa, published), of(ipa.peer(), asked), of(ipa, answered), of(ipa, revised)]
    };
    assert_eq!(opened(&pair.ppc, "policy", Purpose::Training), [true; 4]);
    for (unit, purpose) in [("policy", Purpose::Policy), ("other", Purpose::Training), ("", Purpose::Unspecified)] {
        assert_eq!(opened(&pair.ppc, unit, purpose), [false, false, false, true], "{unit} for {purpose:?}");
        assert_eq!(opened(&pair.ipa, unit, purpose), [true; 4], "its originator's own");
    }
}
