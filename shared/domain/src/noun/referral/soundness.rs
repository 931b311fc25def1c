//! The soundness of a report as an official states it: scheme, reporter, sector and kinds of the incident must go together.
//!
//! These rules bind new acts at the desk. Entries do not depend on them, so an entry of an earlier version is judged as it
//! was.

use renkei_proto::{
    options::v1::Reason,
    referral::v1::{ReferralWarning, SchemeTerms, ScopeFacts},
    r#type::v1::{Agency, Finding, IncidentKind, ReporterKind, Sector, StatutoryFacts},
};

use crate::{noun::scheme, refusal::Refusal, statutory::WRONGFUL_PURPOSE};

/// Refuses a report whose parts contradict each other. `terms` are those of the scheme of `own` under which it was made.
///
/// # Errors
/// `FIELD_INVALID` with the field that does not fit the others.
pub fn check(
    own: Agency,
    terms: &SchemeTerms,
    facts: &ScopeFacts,
    statutory: Option<&StatutoryFacts>,
) -> Result<(), Refusal> {
    let invalid = |field, detail| Err(Refusal::field(Reason::FieldInvalid, field, detail));
    if !terms.reporters.contains(&facts.reporter) {
        return invalid(
            "scope_facts.reporter",
            (
                "must be a kind of reporter to whom the scheme of the report applies",
                "報告・届出の制度の対象となる報告者・届出者の区分を指定してください。",
            ),
        );
    }
    let is_none = scheme::kinds(facts).any(|kind| kind == IncidentKind::None);
    if is_none && !facts.further_kinds.is_empty() {
        let detail = (
            "must be empty when the incident is of none of the kinds, and never name that there is none",
            "事案がいずれの種類にも該当しない場合は、他の種類を指定することはできません。",
        );
        return invalid("scope_facts.further_kinds", detail);
    }
    if facts.further_kinds.contains(&facts.kind) {
        return invalid(
            "scope_facts.further_kinds",
            ("must not name the kind of the incident again", "同じ種類を二度指定することはできません。"),
        );
    }
    let may_be_delegated = own == Agency::Ppc && facts.reporter() == ReporterKind::DelegatedSector;
    if facts.taken_by_ministry && !may_be_delegated {
        let detail = (
            "must be false: a ministry receives reports of a delegated sector on PPC's behalf, and no others",
            "府省が報告を受けるのは、権限が委任されている業種の事業者が個人情報保護委員会に行うべき報告に限られます。",
        );
        return invalid("scope_facts.taken_by_ministry", detail);
    }
    statutory.map_or(Ok(()), |stated| check_sector(facts.reporter(), stated))
}

/// Refuses statutory facts of another sector than the reporter's.
///
/// # Errors
/// `FIELD_INVALID` with the field `statutory.sector`.
pub fn check_sector(reporter: ReporterKind, stated: &StatutoryFacts) -> Result<(), Refusal> {
    let right = sector(reporter);
    if right == Some(stated.sector()) {
        return Ok(());
    }
    let detail = match right {
        Some(Sector::Public) => (
            "must be public: a public body reports under Art. 68(1)",
            "行政機関の長等の報告は個人情報保護法第68条第1項によるため、「公的部門」を指定してください。",
        ),
        Some(_) => (
            "must be private: a business reports under Art. 26(1)",
            "事業者の報告は個人情報保護法第26条第1項によるため、「民間部門」を指定してください。",
        ),
        None => (
            "must be left out with all statutory facts: a private person has no duty to report",
            "個人に報告の義務はないため、報告期限に関する事実は記載しないでください。",
        ),
    };
    Err(Refusal::field(Reason::FieldInvalid, "statutory.sector", detail))
}

/// The sector whose rules bind a reporter; `None` for a reporter without a duty.
fn sector(reporter: ReporterKind) -> Option<Sector> {
    match reporter {
        ReporterKind::Business | ReporterKind::DelegatedSector => Some(Sector::Private),
        ReporterKind::PublicBody => Some(Sector::Public),
        ReporterKind::Person | ReporterKind::Unspecified => None,
    }
}

/// The points that an official checks again before the paper is handed over.
pub fn warnings(facts: &ScopeFacts, finding: Finding, statutory: Option<&StatutoryFacts>) -> Vec<ReferralWarning> {
    let attacked = scheme::kinds(facts).any(|kind| matches!(kind, IncidentKind::Virus | IncidentKind::Access));
    let found = matches!(finding, Finding::Applies | Finding::Suspected);
    let unstated = statutory.is_some_and(|it| !it.items.contains(&u32::from(WRONGFUL_PURPOSE)));
    let warned = attacked && found && unstated;
    warned.then_some(ReferralWarning::WrongfulPurposeUnstated).into_iter().collect()
}
