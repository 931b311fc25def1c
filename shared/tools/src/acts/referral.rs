//! Acts of schemes and referrals.

use renkei_client::Answer;
use renkei_proto::{
    referral::v1::{
        ConfirmReferralGivenRequest, CountReferralsRequest, DischargeReferralRequest, FollowUpReferralRequest,
        FollowUpReferralResponse, GetReferralCountsRequest, GetReferralPaperRequest, GetReferralPaperResponse,
        GetReferralRequest, GetSchemeRequest, IssueReferralRequest, IssueReferralResponse, ListReferralsRequest,
        ListReferralsResponse, ListSchemesRequest, ListSchemesResponse, PublishSchemeRequest, Referral, ReferralCounts,
        ReviseJudgementRequest, ReviseSchemeRequest, ReviseStatutoryFactsRequest, ReviseStatutoryFactsResponse, Scheme,
        WithdrawSchemeRequest,
    },
    r#type::v1::{Agency, Language},
};

use super::Acts;
use crate::desk::insist;

/// Calls, each repeated while nobody answers.
impl Acts {
    /// Publishes a scheme.
    pub async fn publish(&self, request: PublishSchemeRequest) -> Answer<Scheme> {
        insist(async || self.schemes.clone().publish_scheme(request.clone()).await).await
    }

    /// Revises a scheme.
    pub async fn revise_scheme(&self, request: ReviseSchemeRequest) -> Answer<Scheme> {
        insist(async || self.schemes.clone().revise_scheme(request.clone()).await).await
    }

    /// Withdraws a scheme.
    pub async fn withdraw(&self, request: WithdrawSchemeRequest) -> Answer<Scheme> {
        insist(async || self.schemes.clone().withdraw_scheme(request.clone()).await).await
    }

    /// Gets a scheme.
    pub async fn scheme(&self, name: &str) -> Answer<Scheme> {
        let request = GetSchemeRequest { name: name.to_owned() };
        insist(async || self.schemes.clone().get_scheme(request.clone()).await).await
    }

    /// A scheme without the own half's version: what is the same at both agencies.
    pub async fn shared_scheme(&self, name: &str) -> Answer<Scheme> {
        Ok(Scheme { etag: String::new(), ..self.scheme(name).await? })
    }

    /// Lists schemes.
    pub async fn list_schemes(&self, request: ListSchemesRequest) -> Answer<ListSchemesResponse> {
        insist(async || self.schemes.clone().list_schemes(request.clone()).await).await
    }

    /// Issues a referral.
    pub async fn issue(&self, request: IssueReferralRequest) -> Answer<IssueReferralResponse> {
        insist(async || self.referrals.clone().issue_referral(request.clone()).await).await
    }

    /// Issues a referral and gives it without what is handed out.
    pub async fn issued(&self, request: IssueReferralRequest) -> Answer<Referral> {
        Ok(self.issue(request).await?.referral.unwrap_or_default())
    }

    /// Confirms that a referral was given.
    pub async fn confirm(&self, request: ConfirmReferralGivenRequest) -> Answer<Referral> {
        insist(async || self.referrals.clone().confirm_referral_given(request.clone()).await).await
    }

    /// Follows up on a referral of the peer.
    pub async fn follow_up(&self, request: FollowUpReferralRequest) -> Answer<FollowUpReferralResponse> {
        insist(async || self.referrals.clone().follow_up_referral(request.clone()).await).await
    }

    /// Revises a judgement.
    pub async fn revise(&self, request: ReviseJudgementRequest) -> Answer<Referral> {
        insist(async || self.referrals.clone().revise_judgement(request.clone()).await).await
    }

    /// Discharges a referral.
    pub async fn discharge(&self, request: DischargeReferralRequest) -> Answer<Referral> {
        insist(async || self.referrals.clone().discharge_referral(request.clone()).await).await
    }

    /// Corrects the facts of the dates.
    pub async fn restate(&self, request: ReviseStatutoryFactsRequest) -> Answer<ReviseStatutoryFactsResponse> {
        insist(async || self.referrals.clone().revise_statutory_facts(request.clone()).await).await
    }

    /// Gets the paper of a referral.
    pub async fn paper(&self, name: &str) -> Answer<GetReferralPaperResponse> {
        self.printed(name, Language::Unspecified).await
    }

    /// Gets the paper of a referral, as a PDF in this language, too.
    pub async fn printed(&self, name: &str, language: Language) -> Answer<GetReferralPaperResponse> {
        let request = GetReferralPaperRequest { name: name.to_owned(), pdf_language: language.into() };
        insist(async || self.papers.clone().get_referral_paper(request.clone()).await).await
    }

    /// Gets a referral.
    pub async fn referral(&self, name: &str) -> Answer<Referral> {
        let request = GetReferralRequest { name: name.to_owned() };
        insist(async || self.referrals.clone().get_referral(request.clone()).await).await
    }

    /// A referral without the own half's version: what is the same at both agencies.
    pub async fn shared_referral(&self, name: &str) -> Answer<Referral> {
        Ok(Referral { etag: String::new(), ..self.referral(name).await? })
    }

    /// Lists referrals.
    pub async fn list_referrals(&self, request: ListReferralsRequest) -> Answer<ListReferralsResponse> {
        insist(async || self.referrals.clone().list_referrals(request.clone()).await).await
    }

    /// Counts a month.
    pub async fn count(&self, request: CountReferralsRequest) -> Answer<ReferralCounts> {
        insist(async || self.counts.clone().count_referrals(request.clone()).await).await
    }

    /// Gets an agency's counts of a month.
    pub async fn counts_of(&self, agency: Agency, month: &str) -> Answer<ReferralCounts> {
        let request = GetReferralCountsRequest { name: format!("agencies/{}/referralCounts/{month}", agency.id()) };
        insist(async || self.counts.clone().get_referral_counts(request.clone()).await).await
    }
}
