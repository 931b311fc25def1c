//! The reporter's dates from the wire to the wire.

use renkei_domain::{calendar::Calendar, refusal::Refusal, statutory};
use renkei_proto::{
    options::v1::Reason,
    r#type::v1::{Persons, PersonsKind, Sector, StatutoryDates, StatutoryFacts},
};

use super::model::at;

/// The dates as they are computed after every day that is stated here.
fn stated(facts: &StatutoryFacts) -> Result<Option<StatutoryDates>, Refusal> {
    dates_of(facts, "2028-01-01T00:00:00+09:00")
}

fn dates_of(facts: &StatutoryFacts, now: &str) -> Result<Option<StatutoryDates>, Refusal> {
    statutory::dates_of(facts, at(now), &Calendar::built_in())
}

pub fn facts(sector: Sector, knew_on: &str, items: &[u32], persons: Option<(PersonsKind, u64)>) -> StatutoryFacts {
    StatutoryFacts {
        sector: sector.into(),
        knew_on: knew_on.to_owned(),
        items: items.to_vec(),
        persons: persons.map(|(kind, number)| Persons { number, kind: kind.into() }),
    }
}

/// A社: a skimmed web shop.
pub fn company_a() -> StatutoryFacts {
    facts(Sector::Private, "2026-11-13", &[2, 3, 4], Some((PersonsKind::AtMost, 3_200)))
}

/// B市: an encrypted welfare system.
pub fn city_b() -> StatutoryFacts {
    facts(Sector::Public, "2026-11-02", &[1, 3, 4], Some((PersonsKind::Exact, 101)))
}

/// C社: an encrypted customer database.
pub fn company_c() -> StatutoryFacts {
    facts(Sector::Private, "2026-11-20", &[3], Some((PersonsKind::Unknown, 0)))
}

fn window_and_due(facts: &StatutoryFacts) -> [String; 3] {
    let StatutoryDates { preliminary_from, preliminary_to, final_due, .. } = stated(facts).unwrap().unwrap();
    [preliminary_from, preliminary_to, final_due]
}

#[test]
fn a_day_of_knowing_that_has_not_come_gives_no_dates() {
    let of = |knew_on: &str, now: &str| dates_of(&facts(Sector::Private, knew_on, &[1], None), now);
    let refused = Err((Reason::FieldInvalid, "statutory.knew_on"));
    for (knew_on, now, allowed) in [
        ("2026-12-02", "2026-12-02T00:00:00+09:00", true),
        ("2026-12-02", "2026-12-01T23:59:59.999999+09:00", false),
        ("2032-11-13", "2026-12-02T09:00:00+09:00", false),
        ("9999-12-31", "2026-12-02T09:00:00+09:00", false),
    ] {
        let found = of(knew_on, now).map(|_| ()).map_err(|refusal| (refusal.reason, refusal.field));
        assert_eq!(found, if allowed { Ok(()) } else { refused }, "{knew_on} at {now}");
    }
}

#[test]
fn the_reporters_of_the_scenario_get_their_dates() {
    assert_eq!(window_and_due(&company_a()), ["2026-11-15", "2026-11-17", "2027-01-12"]);
    assert_eq!(window_and_due(&city_b()), ["2026-11-04", "2026-11-06", "2027-01-04"]);
    assert_eq!(window_and_due(&company_c()), ["2026-11-22", "2026-11-24", "2027-01-18"]);
    let hundred = facts(Sector::Public, "2026-11-02", &[1, 3], Some((PersonsKind::Exact, 100)));
    assert_eq!(window_and_due(&hundred), window_and_due(&city_b()), "item 3 applies without item 4");
}

#[test]
fn dates_name_their_rules_their_days_and_their_calendar() {
    let dates = stated(&city_b()).unwrap().unwrap();
    assert_eq!((dates.rules.as_str(), dates.final_days), ("appi-rules-43-44/2023-04-01", 60));
    assert_eq!((dates.calendar.as_str(), dates.by_rule), ("jp-2023-2027", false));
    let sensitive = facts(Sector::Private, "2026-11-13", &[1], None);
    assert_eq!(stated(&sensitive).unwrap().unwrap().final_days, 30);
    assert!(stated(&facts(Sector::Private, "2027-12-15", &[1], None)).unwrap().unwrap().by_rule);
}

#[test]
fn an_unknown_day_of_knowing_gives_no_dates_but_its_facts_are_checked() {
    assert_eq!(stated(&facts(Sector::Private, "", &[1, 3], None)), Ok(None));
    assert!(stated(&facts(Sector::Private, "", &[5], None)).is_err());
}

#[test]
fn an_invalid_day_or_an_item_of_another_sector_is_refused_with_its_field() {
    let refused = |sector, knew_on, items: &[u32], persons| {
        stated(&facts(sector, knew_on, items, persons)).err().map(|refusal| (refusal.reason, refusal.field))
    };
    let day = Some((Reason::FieldInvalid, "statutory.knew_on"));
    for knew_on in ["2026-02-29", "2026-13-01", "20261113", "2026-11-13T00:00:00", "yesterday"] {
        assert_eq!(refused(Sector::Private, knew_on, &[1], None), day, "{knew_on}");
    }
    let item = Some((Reason::FieldInvalid, "statutory.items"));
    for number in [0, 5, 6, 256, u32::MAX] {
        assert_eq!(refused(Sector::Private, "2026-11-13", &[1, number], None), item, "{number}");
    }
    assert_eq!(refused(Sector::Public, "2026-11-13", &[5], None), None);
    assert_eq!(refused(Sector::Public, "2026-11-13", &[6], None), item);
}

#[test]
fn item_4_is_refused_where_the_number_of_persons_rules_it_out_and_never_added() {
    let refused = |sector, items: &[u32], kind, number| {
        stated(&facts(sector, "2026-11-13", items, Some((kind, number)))).err().map(|refusal| refusal.field)
    };
    let item = Some("statutory.items");
    for (sector, limit) in [(Sector::Private, 1_000), (Sector::Public, 100)] {
        for kind in [PersonsKind::Exact, PersonsKind::AtMost] {
            assert_eq!(refused(sector, &[3, 4], kind, limit), item);
            assert_eq!(refused(sector, &[3, 4], kind, limit + 1), None);
            assert_eq!(refused(sector, &[3], kind, limit + 1), None, "item 4 is missing: the agency asks");
        }
        assert_eq!(refused(sector, &[4], PersonsKind::Unknown, 0), None);
    }
    let missing = facts(Sector::Private, "2026-11-13", &[1], Some((PersonsKind::Exact, 5_000)));
    let dates = stated(&missing).unwrap().unwrap();
    assert_eq!((dates.final_days, dates.final_due.as_str()), (30, "2026-12-14"), "nothing is added silently");
}

#[test]
fn without_a_possible_item_there_is_no_duty_and_there_are_no_dates() {
    let of = |kind, number| stated(&facts(Sector::Private, "2026-11-13", &[], Some((kind, number)))).unwrap();
    assert_eq!(of(PersonsKind::Exact, 1_000), None);
    assert!(of(PersonsKind::Exact, 1_001).is_some());
    assert!(of(PersonsKind::Unknown, 0).is_some());
    assert_eq!(stated(&facts(Sector::Private, "2022-03-31", &[3], None)), Ok(None), "before the rules");
}
