//! Referral of reporters (Art. 4(1)), its codes and its counts.

use renkei_domain::{
    calendar,
    noun::{referral::ReferralNoun, referral_counts::month_before},
};
use renkei_proto::{
    referral::v1::{AnotherBecause, DischargeReason, Referral, ReferralChannel, referral::State},
    r#type::v1::{Finding, IncidentKind, ReporterKind, Sector},
};

use crate::generator::{Choosing, Generator};

pub(super) const GENERATORS: &[Generator] = &[
    Generator::valid("issue a referral", |it| Some(it.requests.issuing().into())),
    Generator::valid("issue a referral with a code", |it| {
        let mut request = it.requests.issuing();
        request.with_code = true;
        Some(request.into())
    }),
    Generator::boundary("issue a referral of some report", |it| {
        let mut request = it.requests.issuing();
        let mut facts = request.scope_facts.unwrap_or_default();
        facts.kind = it.any(&[IncidentKind::Virus.into(), IncidentKind::Access.into()]);
        facts.reporter = it.any(&[ReporterKind::Business.into(), ReporterKind::Person.into()]);
        facts.personal_information = it.draw.one_in(2);
        request.scope_facts = Some(facts);
        let finding = it.draw.pick(&FINDINGS).copied()?;
        request.judgement = Some(it.requests.judgement(finding));
        Some(request.into())
    }),
    Generator::valid("issue a referral of an incident of two kinds", |it| {
        let mut request = it.requests.issuing();
        request.scope_facts.as_mut()?.further_kinds = vec![IncidentKind::Virus.into()];
        Some(request.into())
    }),
    Generator::forbidden("issue a referral of a reporter whom the scheme does not fit", |it| {
        let mut request = it.requests.issuing();
        request.scope_facts.as_mut()?.reporter = ReporterKind::PublicBody.into();
        Some(request.into())
    }),
    Generator::forbidden("issue a referral of a report that no ministry can have received", |it| {
        let mut request = it.requests.issuing();
        request.scope_facts.as_mut()?.taken_by_ministry = true;
        Some(request.into())
    }),
    Generator::forbidden("issue a referral of a report under the peer's scheme", |it| {
        let mut request = it.requests.issuing();
        request.reported_under = format!("agencies/{}/schemes/another-1", it.own().peer().id());
        Some(request.into())
    }),
    Generator::valid("confirm that a referral was given", |it| {
        let referral = own(it)?;
        let mut request = it.requests.confirming(&referral);
        request.channel = it.any(&[ReferralChannel::Telephone.into(), ReferralChannel::Post.into()]);
        Some(request.into())
    }),
    Generator::forbidden("confirm the peer's referral", |it| {
        let referral: Referral = it.one_of(&ReferralNoun, it.own().peer())?;
        Some(it.requests.confirming(&referral).into())
    }),
    Generator::valid("discharge a referral", |it| {
        let referral = it.one_with(&ReferralNoun, it.own(), |it: &Referral| it.state() == State::Issued)?;
        let reason = it.draw.pick(&REASONS).copied()?;
        Some(it.requests.discharging(&referral, reason).into())
    }),
    Generator::forbidden("discharge the peer's referral", |it| {
        let referral: Referral = it.one_of(&ReferralNoun, it.own().peer())?;
        Some(it.requests.discharging(&referral, DischargeReason::Mistake).into())
    }),
    Generator::forbidden("discharge a referral for no reason", |it| {
        let referral = own(it)?;
        Some(it.requests.discharging(&referral, DischargeReason::Unspecified).into())
    }),
    Generator::boundary("correct the facts of the dates", |it| {
        let referral = own(it)?;
        Some(it.requests.restating(&referral).into())
    }),
    Generator::forbidden("correct the facts of the peer's dates", |it| {
        let referral: Referral = it.one_of(&ReferralNoun, it.own().peer())?;
        Some(it.requests.restating(&referral).into())
    }),
    Generator::forbidden("correct the facts of the dates to those of a public body", |it| {
        let referral = own(it)?;
        let mut request = it.requests.restating(&referral);
        request.statutory.as_mut()?.sector = Sector::Public.into();
        Some(request.into())
    }),
    Generator::valid("revise a judgement", |it| {
        let referral = own(it)?;
        let finding = it.draw.pick(&FINDINGS).copied()?;
        Some(it.requests.revising(&referral, finding).into())
    }),
];

pub(super) const REPORTS: &[Generator] = &[
    Generator::boundary("issue a referral of a report that may have one", |it| {
        let mut request = it.requests.issuing();
        request.report = it.draw.pick(&["2026-000001", "2026-000002"]).copied()?.to_owned();
        Some(request.into())
    }),
    Generator::boundary("issue another referral of a report", |it| {
        let mut request = it.requests.issuing();
        request.report = it.draw.pick(&["2026-000001", "2026-000002"]).copied()?.to_owned();
        request.another_because = it.any(&ANOTHER.map(i32::from));
        Some(request.into())
    }),
    Generator::forbidden("issue another referral of a report for no known reason", |it| {
        let mut request = it.requests.issuing();
        request.another_because = 99;
        Some(request.into())
    }),
];

pub(super) const CODES: &[Generator] = &[
    Generator::valid("file with a code", |it| {
        let code = code(it)?;
        Some(it.requests.following_up(&code).into())
    }),
    Generator::valid("file with a code, without the reporter's agreement", |it| {
        let mut request = it.requests.following_up(&code(it)?);
        request.reporter_agreed = false;
        Some(request.into())
    }),
    Generator::forbidden("file with a mistyped code", |it| {
        let mut code = code(it)?;
        let last = code.pop()?;
        code.push(if last == '2' { '3' } else { '2' });
        Some(it.requests.following_up(&code).into())
    }),
];

pub(super) const COUNTS: &[Generator] = &[
    Generator::boundary("count the last month", |it| {
        let month = month_before(calendar::day(it.requests.now()));
        Some(it.requests.counting(&month).into())
    }),
    Generator::forbidden("count a month that has not ended", |it| {
        let day = calendar::day(it.requests.now());
        Some(it.requests.counting(&format!("{:04}-{:02}", day.year(), day.month())).into())
    }),
];

const REASONS: [DischargeReason; 5] = [
    DischargeReason::Unreachable,
    DischargeReason::ReportWithdrawn,
    DischargeReason::Mistake,
    DischargeReason::AlreadyFiled,
    DischargeReason::NoLongerDue,
];
const ANOTHER: [AnotherBecause; 3] =
    [AnotherBecause::OtherIncident, AnotherBecause::OtherSchemes, AnotherBecause::FirstDischarged];
const FINDINGS: [Finding; 4] = [Finding::Applies, Finding::Suspected, Finding::DoesNotApply, Finding::Pending];

fn own(it: &mut Choosing<'_>) -> Option<Referral> {
    it.one_of(&ReferralNoun, it.own())
}

/// The code of one of the peer's referrals.
fn code(it: &mut Choosing<'_>) -> Option<String> {
    let referral: Referral = it.one_of(&ReferralNoun, it.own().peer())?;
    it.shown.code(&referral.name)
}
