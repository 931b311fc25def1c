//! Monthly counts: the counted entries, the hidden cells, and the refusal of counts that show too much.

use std::collections::BTreeMap;

use jiff::civil::date;
use renkei_domain::{
    matter::Matter,
    noun::{
        Resource as _,
        referral_counts::{THRESHOLD, count, has_ended, month_before},
        registry::tallies,
    },
    page::Journal,
    tally::Step,
};
use renkei_proto::{
    journal::v1::fact,
    options::v1::Reason,
    referral::v1::{Cell, FilingCounted, ReferralCounts, ReferralsCounted, SchemeCount, SchemeVersion},
    r#type::v1::{Agency, IncidentKind},
};

use super::{
    acts::{count as counted, count_last, follow_up, give, issue, referral, report},
    catalogue::published,
    model::{Act, Pair, at},
};

fn shown(value: u64) -> Option<Cell> {
    Some(Cell { value, hidden: false })
}

const HIDDEN: Option<Cell> = Some(Cell { value: 0, hidden: true });

fn cells(counts: &[(&str, u64)]) -> Vec<SchemeCount> {
    let tallied: BTreeMap<&str, u64> = counts.iter().copied().collect();
    count("2026-11", &["virus"], &["leak-report-private"], |kind| tallied.get(kind.id()).copied().unwrap_or_default())
        .schemes
}

#[test]
fn counts_from_one_to_four_are_hidden_and_zero_is_shown() {
    for value in 1..10 {
        let [found] = cells(&[("filed/virus", value)]).try_into().unwrap();
        assert_eq!(found.followed_up, if value < THRESHOLD { HIDDEN } else { shown(value) });
        let [found] = cells(&[("issued/leak-report-private", value)]).try_into().unwrap();
        assert_eq!(found.issued, if value < THRESHOLD { HIDDEN } else { shown(value) });
        assert_eq!((found.given, found.days), (shown(0), shown(0)));
    }
    assert_eq!(cells(&[]), [], "a scheme without any is left out");
}

#[test]
fn days_are_hidden_with_the_count_of_those_given() {
    let of = |given, days| {
        let (given, days) = (("given/leak-report-private", given), ("days/leak-report-private", days));
        let [found] = cells(&[("issued/leak-report-private", 9), given, days]).try_into().unwrap();
        (found.given, found.days)
    };
    assert_eq!(of(4, 12), (HIDDEN, HIDDEN));
    assert_eq!(of(1, 0), (HIDDEN, HIDDEN));
    assert_eq!(of(5, 12), (shown(5), shown(12)));
    assert_eq!(of(5, 2), (shown(5), shown(2)), "a sum of days is not a count of reporters");
    assert_eq!(of(0, 0), (shown(0), shown(0)));
}

#[test]
fn own_acts_are_tallied_in_the_month_of_their_writing() {
    let mut pair = published();
    let matter = referral(Agency::Ppc, 1);
    pair.ppc.write(&issue(&pair.ppc.clone(), &matter, &report(Agency::Ppc, IncidentKind::Access))).unwrap();
    pair.exchange(Agency::Ppc);
    pair.at("2026-12-01T09:00:00+09:00");
    let acts = [
        (Agency::Ppc, pair.ppc.journal(Agency::Ppc)[2].fact.fact.clone().unwrap()),
        (Agency::Ppc, give(&pair.ppc, &matter).fact),
        (Agency::Ipa, follow_up(&pair.ipa, &matter).fact),
    ];
    let of = |(agency, fact): &(Agency, fact::Fact)| {
        let all = tallies(*agency, Journal::Of(*agency), fact, date(2026, 12, 1)).into_iter();
        all.map(|tally| (tally.kind.id().to_owned(), tally.year, tally.step)).collect::<Vec<_>>()
    };
    let row = |kind: &str, year, by| (kind.to_owned(), year, Step::Add(by));
    let reached = |kind: &str, year| (kind.to_owned(), year, Step::Reach(1));
    let all = [reached("referral", 0), reached("referral", 2026), row("issued/unauthorised-access", 202_612, 1)];
    assert_eq!(of(&acts[0]), all);
    let peers = tallies(Agency::Ipa, Journal::Of(Agency::Ppc), &acts[0].1, date(2026, 12, 1)).into_iter();
    let peers: Vec<_> = peers.map(|tally| (tally.kind.id().to_owned(), tally.year, tally.step)).collect();
    assert_eq!(peers, [reached("peer/referral", 0), reached("peer/referral", 2026)], "of the peer only numbers count");
    assert_eq!(
        of(&acts[1]),
        [row("given/unauthorised-access", 202_612, 1), row("days/unauthorised-access", 202_612, 7)]
    );
    assert_eq!(of(&acts[2]), [row("filed/unauthorised-access", 202_612, 1)]);
    let fact::Fact::ReferralFollowedUp(mut later) = acts[2].1.clone() else { panic!("a follow-up") };
    later.counted_before = true;
    assert_eq!(of(&(Agency::Ipa, later.into())), [], "one filing counts once, also if the reporter agrees later");
    let filed_under = Some(SchemeVersion { scheme_id: "virus".to_owned(), version: 1 });
    let silent = fact::Fact::FilingCounted(FilingCounted { filed_under, filed_on: "2026-11-30".to_owned() });
    let silent = tallies(Agency::Ppc, Journal::Private, &silent, date(2026, 12, 1));
    assert_eq!(silent[0].kind.id(), "filed/virus", "a filing without agreement is counted alike");
}

/// The refusal of a month's counts with this one row.
fn refused(row: SchemeCount) -> Option<Reason> {
    let mut pair = Pair::new();
    pair.at("2026-12-01T00:00:00+09:00");
    let act = counted(Agency::Ppc, "2026-11");
    let row = SchemeCount { scheme_id: "virus".to_owned(), ..row };
    let fact = ReferralsCounted { month: "2026-11".to_owned(), schemes: vec![row] };
    pair.ppc.refuses(&Act { fact: fact::Fact::ReferralsCounted(fact), ..act })
}

#[test]
fn a_count_that_shows_too_much_is_refused() {
    let differs = Some(Reason::FactDiffers);
    let row = SchemeCount::default;
    assert_eq!(refused(row()), None);
    for value in [0, 5, 100] {
        assert_eq!(refused(SchemeCount { issued: shown(value), ..row() }), None);
        assert_eq!(refused(SchemeCount { followed_up: shown(value), ..row() }), None);
    }
    for value in 1..THRESHOLD {
        assert_eq!(refused(SchemeCount { issued: shown(value), ..row() }), differs);
        assert_eq!(refused(SchemeCount { given: shown(value), ..row() }), differs);
        assert_eq!(refused(SchemeCount { followed_up: shown(value), ..row() }), differs);
        let betrayed = Some(Cell { value, hidden: true });
        assert_eq!(refused(SchemeCount { issued: betrayed, ..row() }), differs);
        assert_eq!(refused(SchemeCount { given: HIDDEN, days: betrayed, ..row() }), differs);
    }
    assert_eq!(refused(SchemeCount { given: HIDDEN, days: HIDDEN, ..row() }), None);
    assert_eq!(refused(SchemeCount { given: shown(5), days: shown(1), ..row() }), None);
    assert_eq!(refused(SchemeCount { given: HIDDEN, days: shown(7), ..row() }), differs, "days of a hidden count");
    assert_eq!(refused(SchemeCount { days: shown(7), ..row() }), differs, "days of no count");
}

#[test]
fn a_month_is_counted_once_and_after_it_has_ended_in_japan() {
    let mut pair = published();
    pair.at("2026-11-30T14:59:59Z");
    assert_eq!(pair.ppc.refuses(&counted(Agency::Ppc, "2026-11")), Some(Reason::WrongState));
    assert!(!has_ended("2026-11", pair.ppc.now));
    pair.at("2026-11-30T15:00:00Z");
    assert!(has_ended("2026-11", pair.ppc.now));
    for month in ["2026-12", "2027-11"] {
        assert_eq!(pair.ppc.refuses(&counted(Agency::Ppc, month)), Some(Reason::WrongState), "{month}");
    }
    let act = count_last(&pair.ppc);
    assert_eq!(pair.ppc.refuses(&act.clone().answering(1)), Some(Reason::HeaderDiffers));
    pair.ppc.write(&act).unwrap();
    assert_eq!(pair.ppc.refuses(&act), Some(Reason::AlreadyExists));
    assert_eq!(pair.ipa.refuses(&count_last(&pair.ipa)), None, "the other agency counts for itself");
    pair.exchange(Agency::Ppc).assert_agree();
    let matter = Matter::new(renkei_domain::noun::referral_counts::COLLECTION, Agency::Ppc, "2026-11");
    let found = ReferralCounts::of(&matter, pair.ipa.page(&matter), pair.ipa.now, String::new()).unwrap();
    assert_eq!((found.month.as_str(), found.entry.as_str()), ("2026-11", "agencies/ppc/entries/3"));
    let other =
        Act { matter: Matter::new(renkei_domain::noun::referral_counts::COLLECTION, Agency::Ppc, "2026-10"), ..act };
    assert_eq!(pair.ppc.refuses(&other), Some(Reason::FactDiffers), "of another month than its matter");
}

#[test]
fn the_month_before_the_first_day_of_a_year_is_december() {
    assert_eq!(month_before(date(2027, 1, 1)), "2026-12");
    assert_eq!(month_before(date(2026, 12, 31)), "2026-11");
    assert!(!has_ended("2026-13", at("2030-01-01T00:00:00Z")) && !has_ended("", at("2030-01-01T00:00:00Z")));
}
