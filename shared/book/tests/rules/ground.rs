//! The ground on which a reporter is told: the order of grounds of Art. 4(1).

use renkei_domain::{decide::decide_draft, noun::referral::introduce};
use renkei_proto::{
    journal::v1::fact::Fact,
    options::v1::Reason,
    referral::v1::{ReferralGround, ReferralIssued, ScopeFacts},
    r#type::v1::{Agency, Finding, IncidentKind, ReporterKind},
};

use super::{
    acts::{self, Report, report, unjudged},
    catalogue::{KINDS, REPORTERS, published},
    model::{Act, BOTH, Pair, Party, at},
    standing::{EXPIRED, disputed, expired},
};

const FINDINGS: [Finding; 4] = [Finding::Applies, Finding::Suspected, Finding::DoesNotApply, Finding::Pending];
const FLAGS: [bool; 2] = [false, true];

/// The ground and the ids of the schemes that are introduced.
type Found = Result<(ReferralGround, Vec<String>), Reason>;

fn found(party: &Party, report: &Report) -> Found {
    let decided = introduce(&party.view(), &unjudged(party, report), party.now).map_err(|refusal| refusal.reason)?;
    Ok((decided.ground, decided.introduced.into_iter().map(|version| version.scheme_id).collect()))
}

/// The rule in its own words: which schemes of the peer fit.
fn fitting(author: Agency, facts: &ScopeFacts) -> Vec<&'static str> {
    let (kind, reporter) = (facts.kind(), facts.reporter());
    let business = matches!(reporter, ReporterKind::Business | ReporterKind::DelegatedSector);
    match (author, kind) {
        (Agency::Ipa, _) if facts.personal_information && business => vec!["leak-report-private"],
        (Agency::Ipa, _) if facts.personal_information && reporter == ReporterKind::PublicBody => {
            vec!["leak-report-public"]
        }
        (Agency::Ppc, IncidentKind::Access | IncidentKind::DenialOfService) => vec!["unauthorised-access"],
        (Agency::Ppc, IncidentKind::Virus) => vec!["virus"],
        _ => vec![],
    }
}

/// The rule in its own words: the ground.
fn ground(fits: bool, report: &Report, in_force: bool) -> ReferralGround {
    let facts = &report.facts;
    if !fits {
        return ReferralGround::NoApplicableScheme;
    }
    if !(facts.electronic && facts.personal_information && !facts.taken_by_ministry && in_force) {
        return ReferralGround::Voluntary;
    }
    match report.finding {
        Finding::Pending => ReferralGround::Pending,
        Finding::Applies | Finding::Suspected => ReferralGround::Duty,
        _ => ReferralGround::Voluntary,
    }
}

fn every_facts() -> Vec<ScopeFacts> {
    let mut all = Vec::new();
    for kind in KINDS {
        for reporter in REPORTERS {
            for electronic in FLAGS {
                for personal_information in FLAGS {
                    for taken_by_ministry in FLAGS {
                        let (kind, reporter) = (kind.into(), reporter.into());
                        let further_kinds = Vec::new();
                        all.push(ScopeFacts {
                            electronic,
                            personal_information,
                            kind,
                            reporter,
                            taken_by_ministry,
                            further_kinds,
                        });
                    }
                }
            }
        }
    }
    all
}

fn assert_every_row_applies(pair: &Pair, in_force: bool) {
    for author in BOTH {
        let party = pair.of(author);
        for facts in every_facts() {
            for finding in FINDINGS {
                let fits = fitting(author, &facts);
                let report = Report { finding, facts: facts.clone(), ..report(author, IncidentKind::Access) };
                let expected =
                    (ground(!fits.is_empty(), &report, in_force), fits.iter().map(ToString::to_string).collect());
                assert_eq!(found(party, &report), Ok(expected), "{author:?} {report:?}");
                let none = Report { under: "my-number", ..report };
                assert_eq!(found(party, &none), Err(Reason::NotAReport));
            }
        }
    }
}

#[test]
fn every_row_of_the_order_of_grounds_applies_while_the_agreement_is_in_force() {
    assert_every_row_applies(&published(), true);
}

#[test]
fn every_row_of_the_order_of_grounds_applies_after_the_agreement_has_ended() {
    assert_every_row_applies(&expired(), false);
}

#[test]
fn every_row_of_the_order_of_grounds_applies_while_the_term_is_disputed() {
    assert_every_row_applies(&disputed(), false);
}

#[test]
fn a_draft_is_completed_to_the_fact_that_a_receiver_accepts() {
    let pair = published();
    let mut without_scheme = 0;
    for author in BOTH {
        let (party, matter) = (pair.of(author), acts::referral(author, 1));
        for facts in every_facts() {
            let report = Report { finding: Finding::Suspected, facts, ..report(author, IncidentKind::Access) };
            let draft = ReferralIssued { code_digest: vec![1; 32], ..unjudged(party, &report) };
            let as_it_is = Act::new(&matter, draft.clone().into());
            assert_eq!(party.refuses(&as_it_is), Some(Reason::FactDiffers));
            let completed = decide_draft(&party.view(), &matter, draft.into(), 0, party.now).unwrap();
            assert_eq!(completed.permit.matter(), &matter);
            assert_eq!(party.refuses(&Act::new(&matter, completed.fact.clone())), None);
            let Fact::ReferralIssued(issued) = completed.fact else { unreachable!("the kind of a draft is kept") };
            assert_eq!(issued.code_digest.is_empty(), issued.introduced.is_empty());
            without_scheme += u32::from(issued.introduced.is_empty());
        }
    }
    assert!(without_scheme > 0);
}

fn at_ppc(report: Report) -> Found {
    found(&published().ppc, &report)
}

fn at_ipa(report: Report) -> Found {
    found(&published().ipa, &report)
}

fn told(ground: ReferralGround, id: &str) -> Found {
    Ok((ground, vec![id.to_owned()]))
}

fn nothing_fits() -> Found {
    Ok((ReferralGround::NoApplicableScheme, vec![]))
}

#[test]
fn company_a_a_skimmed_web_shop_is_told_of_the_notification_of_unauthorised_access() {
    let found = at_ppc(report(Agency::Ppc, IncidentKind::Access));
    assert_eq!(found, told(ReferralGround::Duty, "unauthorised-access"));
}

#[test]
fn city_b_a_public_body_is_told_of_the_same() {
    let mut city = report(Agency::Ppc, IncidentKind::Access);
    city.under = "leak-report-public";
    city.facts.reporter = ReporterKind::PublicBody.into();
    assert_eq!(at_ppc(city), told(ReferralGround::Duty, "unauthorised-access"));
}

#[test]
fn company_c_and_company_d_are_told_of_the_leak_report() {
    let mut factory = report(Agency::Ipa, IncidentKind::Virus);
    factory.finding = Finding::Suspected;
    assert_eq!(at_ipa(factory.clone()), told(ReferralGround::Duty, "leak-report-private"));
    factory.facts.reporter = ReporterKind::DelegatedSector.into();
    assert_eq!(at_ipa(factory), told(ReferralGround::Duty, "leak-report-private"));
}

#[test]
fn papers_handed_to_the_wrong_person_fit_no_scheme() {
    let mut hospital = report(Agency::Ppc, IncidentKind::None);
    hospital.facts.electronic = false;
    hospital.finding = Finding::DoesNotApply;
    assert_eq!(at_ppc(hospital), nothing_fits());
}

#[test]
fn a_former_employee_with_a_valid_account_is_introduced_without_a_duty() {
    let mut leaver = report(Agency::Ppc, IncidentKind::Access);
    leaver.finding = Finding::DoesNotApply;
    assert_eq!(at_ppc(leaver), told(ReferralGround::Voluntary, "unauthorised-access"));
}

#[test]
fn a_pending_judgement_is_introduced_at_once() {
    let mut open = report(Agency::Ppc, IncidentKind::Access);
    open.finding = Finding::Pending;
    assert_eq!(at_ppc(open), told(ReferralGround::Pending, "unauthorised-access"));
}

#[test]
fn a_pending_judgement_counts_as_pending_only_where_a_duty_can_follow() {
    type Spoil = fn(&mut ScopeFacts);
    let spoils: [Spoil; 3] =
        [|it| it.electronic = false, |it| it.personal_information = false, |it| it.taken_by_ministry = true];
    for spoil in spoils {
        let mut open = report(Agency::Ppc, IncidentKind::Access);
        open.finding = Finding::Pending;
        spoil(&mut open.facts);
        assert_eq!(at_ppc(open), told(ReferralGround::Voluntary, "unauthorised-access"));
    }
    let mut open = report(Agency::Ppc, IncidentKind::Access);
    open.finding = Finding::Pending;
    assert_eq!(found(&expired().ppc, &open), told(ReferralGround::Voluntary, "unauthorised-access"));
}

#[test]
fn an_entry_of_an_earlier_version_that_calls_any_pending_judgement_so_is_accepted() {
    let mut pair = published();
    let matter = acts::referral(Agency::Ppc, 1);
    let mut open = report(Agency::Ppc, IncidentKind::Access);
    (open.finding, open.facts.electronic) = (Finding::Pending, false);
    let act = acts::issue(&pair.ppc, &matter, &open);
    let Fact::ReferralIssued(mut issued) = act.fact else { panic!("an issue") };
    assert_eq!(issued.ground(), ReferralGround::Voluntary);
    issued.ground = ReferralGround::Pending.into();
    let earlier = Act::new(&matter, issued.clone().into());
    assert_eq!(pair.ppc.refuses(&earlier), None);
    pair.ppc.say(&earlier);
    pair.exchange(Agency::Ppc).assert_agree();
    issued.judgement.as_mut().unwrap().finding = Finding::Applies.into();
    let another = acts::referral(Agency::Ppc, 2);
    assert_eq!(pair.ppc.refuses(&Act::new(&another, issued.into())), Some(Reason::FactDiffers));
}

#[test]
fn an_incident_of_several_kinds_is_introduced_to_every_scheme_that_fits_one_of_them() {
    let mut ransomware = report(Agency::Ppc, IncidentKind::Virus);
    assert_eq!(at_ppc(ransomware.clone()), told(ReferralGround::Duty, "virus"));
    ransomware.facts.further_kinds = vec![IncidentKind::Access.into()];
    let both = vec!["unauthorised-access".to_owned(), "virus".to_owned()];
    assert_eq!(at_ppc(ransomware), Ok((ReferralGround::Duty, both)));
}

#[test]
fn denial_of_service_with_a_leak_is_introduced_to_the_notification_of_unauthorised_access() {
    let flood = report(Agency::Ppc, IncidentKind::DenialOfService);
    assert_eq!(at_ppc(flood), told(ReferralGround::Duty, "unauthorised-access"));
}

#[test]
fn a_report_received_by_a_ministry_is_introduced_without_a_duty() {
    let mut taken = report(Agency::Ppc, IncidentKind::Access);
    taken.facts.taken_by_ministry = true;
    assert_eq!(at_ppc(taken), told(ReferralGround::Voluntary, "unauthorised-access"));
}

#[test]
fn a_report_under_another_act_alone_is_not_a_report() {
    let mut my_number = report(Agency::Ppc, IncidentKind::Access);
    my_number.under = "my-number";
    assert_eq!(at_ppc(my_number.clone()), Err(Reason::NotAReport));
    my_number.under = "unauthorised-access";
    assert_eq!(at_ppc(my_number), Err(Reason::NotAReport), "the peer's scheme is not one of the own");
    let mut newer = unjudged(&published().ppc, &report(Agency::Ppc, IncidentKind::Access));
    newer.reported_under.as_mut().unwrap().version = 2;
    let ppc = published().ppc;
    let refused = introduce(&ppc.view(), &newer, ppc.now).err().map(|refusal| refusal.reason);
    assert_eq!(refused, Some(Reason::NotAReport), "a version that was never published");
}

#[test]
fn denial_of_service_without_personal_information_fits_no_scheme() {
    let mut flood = report(Agency::Ipa, IncidentKind::DenialOfService);
    assert_eq!(at_ipa(flood.clone()), told(ReferralGround::Duty, "leak-report-private"));
    flood.facts.personal_information = false;
    assert_eq!(at_ipa(flood), nothing_fits());
}

#[test]
fn a_private_person_fits_no_scheme() {
    let mut person = report(Agency::Ipa, IncidentKind::Virus);
    person.facts.reporter = ReporterKind::Person.into();
    assert_eq!(at_ipa(person), nothing_fits());
}

#[test]
fn without_the_peers_catalogue_nothing_fits() {
    let mut pair = Pair::new();
    pair.ppc.write(&super::acts::publish(Agency::Ppc, "leak-report-private")).unwrap();
    assert_eq!(found(&pair.ppc, &report(Agency::Ppc, IncidentKind::Access)), nothing_fits());
}

#[test]
fn an_issue_that_lacks_what_the_rule_reads_is_invalid() {
    let ppc = published().ppc;
    let whole = unjudged(&ppc, &report(Agency::Ppc, IncidentKind::Access));
    let mut lacking = [whole.clone(), whole.clone(), whole];
    lacking[0].judgement = None;
    lacking[1].scope_facts = None;
    lacking[2].reported_under = None;
    for fact in lacking {
        let refused = introduce(&ppc.view(), &fact, ppc.now).err().map(|refusal| refusal.reason);
        assert_eq!(refused, Some(Reason::FieldInvalid));
    }
}

#[test]
fn the_duty_ends_with_the_last_instant_of_the_term_in_japan() {
    let mut pair = expired();
    let access = report(Agency::Ppc, IncidentKind::Access);
    pair.ppc.now = at("2027-03-31T14:59:59.999999Z");
    assert_eq!(found(&pair.ppc, &access), told(ReferralGround::Duty, "unauthorised-access"));
    pair.ppc.now = at(EXPIRED);
    assert_eq!(found(&pair.ppc, &access), told(ReferralGround::Voluntary, "unauthorised-access"));
}
