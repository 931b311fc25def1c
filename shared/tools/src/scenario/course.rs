//! What else becomes of referrals in steps 2, 8 and 9: a report that is registered twice, a day of knowing that is corrected,
//! and a duty that ends.

use renkei_proto::{
    options::v1::Reason,
    referral::v1::{
        DischargeReason, DischargeReferralRequest, GetReferralPaperRequest, IssueReferralRequest, Referral,
        ReviseStatutoryFactsRequest, referral::State,
    },
    r#type::v1::{Finding, IncidentKind, Language, PersonsKind, ReporterKind, Sector},
};

use super::{Scenario, facts, must, statutory};
use crate::desk::{failure, insist};

impl Scenario<'_> {
    /// Step 2, when another clerk registers the same report: the answer names the first referral.
    pub(super) async fn registered_twice(&mut self, first: &Referral) -> Result<(), String> {
        let request = IssueReferralRequest {
            request_id: self.request_id(),
            report: "2026-000001".to_owned(),
            reported_under: "agencies/ppc/schemes/leak-report-private".to_owned(),
            judgement: Some(self.judgement(Finding::Applies)),
            scope_facts: Some(facts(IncidentKind::Access, ReporterKind::Business)),
            language: Language::Ja.into(),
            ..IssueReferralRequest::default()
        };
        let client = self.world.ppc.referrals()?;
        let refused = insist(async || client.clone().issue_referral(request.clone()).await).await;
        let refused = refused.err().filter(|error| error.reason == Reason::AlreadyExists);
        let named = refused.is_some_and(|error| error.to_string().contains(&first.name));
        must(named, "a second referral of A社's report is refused with the first one's name")?;
        (self.say)(format!("2   A社: a second referral is refused, {} is named", first.case_number));
        Ok(())
    }

    /// Step 8: D社 names an earlier day of knowing on the telephone, and gets its paper anew.
    pub(super) async fn corrected(&mut self, referral: &Referral) -> Result<(), String> {
        self.at("2026-11-24", "13:20")?;
        let request = ReviseStatutoryFactsRequest {
            request_id: self.request_id(),
            name: referral.name.clone(),
            etag: referral.etag.clone(),
            statutory: Some(statutory(Sector::Private, "2026-11-17", &[3], 0, PersonsKind::Unknown)),
        };
        let client = self.world.ipa.referrals()?;
        let revised = insist(async || client.clone().revise_statutory_facts(request.clone()).await).await;
        let due = revised.map_err(failure)?.dates.unwrap_or_default().final_due;
        must(due == "2027-01-15", &format!("D社: final report due 2027-01-15, not {due}"))?;
        let request = GetReferralPaperRequest { name: referral.name.clone(), ..GetReferralPaperRequest::default() };
        let client = self.world.ipa.papers()?;
        let paper = insist(async || client.clone().get_referral_paper(request.clone()).await).await;
        let paper = paper.map_err(failure)?.notice.unwrap_or_default().ja;
        must(paper.contains("令和9年1月15日（金）まで"), "D社's paper has the corrected date")?;
        (self.say)(format!("8   D社: {} day of knowing corrected, final report by {due}", referral.case_number));
        Ok(())
    }

    /// Step 9: E社's case is 非該当 after all, so nothing is due any more.
    pub(super) async fn discharged(&mut self, referral: &Referral) -> Result<(), String> {
        let request = DischargeReferralRequest {
            request_id: self.request_id(),
            name: referral.name.clone(),
            etag: referral.etag.clone(),
            reason: DischargeReason::NoLongerDue.into(),
        };
        let client = self.world.ppc.referrals()?;
        let ended = insist(async || client.clone().discharge_referral(request.clone()).await).await;
        let ended = ended.map_err(failure)?;
        must(ended.state() == State::Discharged && ended.open_days == 0, "E社's duty has ended")?;
        (self.say)(format!("9   E社: {} discharged, NO_LONGER_DUE", ended.case_number));
        Ok(())
    }
}
