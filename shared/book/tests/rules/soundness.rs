//! The soundness of a report: scheme, reporter, sector and kinds that go together, and what is worth a second look.

use renkei_domain::noun::referral::soundness::{check, check_sector, warnings};
use renkei_proto::{
    options::v1::Reason,
    referral::v1::{ReferralWarning, ScopeFacts},
    r#type::v1::{Agency, Finding, IncidentKind, ReporterKind, Sector, StatutoryFacts},
};

use super::{
    acts,
    catalogue::{KINDS, REPORTERS, terms},
    statutory::facts as statutory,
};

fn facts(reporter: ReporterKind) -> ScopeFacts {
    ScopeFacts { reporter: reporter.into(), ..acts::report(Agency::Ppc, IncidentKind::Access).facts }
}

/// The field that does not fit; empty for a sound report.
fn field(own: Agency, scheme: &str, facts: &ScopeFacts, stated: Option<&StatutoryFacts>) -> &'static str {
    check(own, &terms(scheme), facts, stated).map_or_else(
        |refusal| {
            assert_eq!(refusal.reason, Reason::FieldInvalid);
            refusal.field
        },
        |()| "",
    )
}

#[test]
fn a_report_is_made_by_a_reporter_of_its_scheme() {
    use ReporterKind::{Business, DelegatedSector, Person, PublicBody};
    for (own, scheme, fitting) in [
        (Agency::Ppc, "leak-report-private", [Business, DelegatedSector].as_slice()),
        (Agency::Ppc, "leak-report-public", &[PublicBody]),
        (Agency::Ipa, "virus", &[Business, DelegatedSector, PublicBody, Person]),
        (Agency::Ipa, "unauthorised-access", &[Business, DelegatedSector, PublicBody, Person]),
    ] {
        for reporter in REPORTERS {
            let expected = if fitting.contains(&reporter) { "" } else { "scope_facts.reporter" };
            assert_eq!(field(own, scheme, &facts(reporter), None), expected, "{scheme} {reporter:?}");
        }
    }
}

#[test]
fn the_sector_of_the_dates_is_the_reporters() {
    use ReporterKind::{Business, DelegatedSector, Person, PublicBody};
    for (scheme, reporter, right) in [
        ("leak-report-private", Business, Some(Sector::Private)),
        ("leak-report-private", DelegatedSector, Some(Sector::Private)),
        ("leak-report-public", PublicBody, Some(Sector::Public)),
    ] {
        for sector in [Sector::Private, Sector::Public] {
            let stated = statutory(sector, "2026-11-13", &[1], None);
            let expected = if right == Some(sector) { "" } else { "statutory.sector" };
            assert_eq!(
                field(Agency::Ppc, scheme, &facts(reporter), Some(&stated)),
                expected,
                "{reporter:?} {sector:?}"
            );
        }
    }
    for sector in [Sector::Private, Sector::Public] {
        let stated = statutory(sector, "2026-11-13", &[1], None);
        let refused = check_sector(Person, &stated).unwrap_err();
        assert_eq!((refused.reason, refused.field), (Reason::FieldInvalid, "statutory.sector"), "{sector:?}");
    }
}

#[test]
fn only_a_report_of_a_delegated_sector_at_ppc_can_have_been_received_by_a_ministry() {
    for (own, scheme) in [(Agency::Ppc, "leak-report-private"), (Agency::Ipa, "virus")] {
        for reporter in [ReporterKind::Business, ReporterKind::DelegatedSector] {
            let taken = ScopeFacts { taken_by_ministry: true, ..facts(reporter) };
            let may = own == Agency::Ppc && reporter == ReporterKind::DelegatedSector;
            let expected = if may { "" } else { "scope_facts.taken_by_ministry" };
            assert_eq!(field(own, scheme, &taken, None), expected, "{own:?} {reporter:?}");
        }
    }
}

#[test]
fn the_kinds_of_an_incident_are_a_set_and_none_is_alone() {
    for kind in KINDS {
        for further in KINDS {
            let facts =
                ScopeFacts { kind: kind.into(), further_kinds: vec![further.into()], ..facts(ReporterKind::Business) };
            let sound = kind != further && kind != IncidentKind::None && further != IncidentKind::None;
            let expected = if sound { "" } else { "scope_facts.further_kinds" };
            assert_eq!(field(Agency::Ppc, "leak-report-private", &facts, None), expected, "{kind:?} {further:?}");
        }
    }
}

#[test]
fn a_found_attack_without_a_wrongful_purpose_is_worth_a_second_look() {
    let warned = vec![ReferralWarning::WrongfulPurposeUnstated];
    for (kind, further, finding, items, expected) in [
        (IncidentKind::Access, None, Finding::Applies, [1].as_slice(), warned.clone()),
        (IncidentKind::Virus, None, Finding::Suspected, &[], warned.clone()),
        (IncidentKind::DenialOfService, Some(IncidentKind::Access), Finding::Applies, &[4], warned),
        (IncidentKind::Access, None, Finding::Applies, &[1, 3], vec![]),
        (IncidentKind::Access, None, Finding::DoesNotApply, &[1], vec![]),
        (IncidentKind::Access, None, Finding::Pending, &[1], vec![]),
        (IncidentKind::DenialOfService, None, Finding::Applies, &[1], vec![]),
        (IncidentKind::None, None, Finding::Applies, &[1], vec![]),
    ] {
        let facts = ScopeFacts {
            kind: kind.into(),
            further_kinds: further.into_iter().map(i32::from).collect(),
            ..facts(ReporterKind::Business)
        };
        let stated = statutory(Sector::Private, "2026-11-13", items, None);
        assert_eq!(warnings(&facts, finding, Some(&stated)), expected, "{kind:?} {finding:?} {items:?}");
        assert_eq!(warnings(&facts, finding, None), [], "without dates nothing is shortened");
    }
}
