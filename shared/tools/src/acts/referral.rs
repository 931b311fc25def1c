//! Acts of schemes and referrals.

use renkei_client::Answer;
use renkei_domain::moment::stamp;
use renkei_proto::{
    referral::v1::{
        ConfirmReferralGivenRequest, CountReferralsRequest, FollowUpReferralRequest, FollowUpReferralResponse,
        GetReferralCountsRequest, GetReferralRequest, GetSchemeRequest, IssueReferralRequest, IssueReferralResponse,
        ListReferralsRequest, ListReferralsResponse, ListSchemesRequest, ListSchemesResponse, PublishSchemeRequest,
        Referral, ReferralChannel, ReferralCounts, ReviseJudgementRequest, ReviseSchemeRequest, Scheme,
        WithdrawSchemeRequest,
    },
    r#type::v1::{Agency, Certainty, Finding, Ground, Judgement, Language},
};

use super::{
    Acts,
    content::{scope_facts, terms, words},
};
use crate::desk::insist;

/// Requests that are in order.
impl Acts {
    /// The name of one of the agency's own schemes.
    pub fn scheme_name(&self, id: &str) -> String {
        format!("agencies/{}/schemes/{id}", self.agency.id())
    }

    /// A judgement of now.
    pub fn judgement(&self, finding: Finding) -> Judgement {
        Judgement {
            finding: finding.into(),
            ground: Ground::Traces.into(),
            certainty: Certainty::Confirmed.into(),
            judged_at: Some(stamp(self.world.now())),
        }
    }

    /// A scheme that fits every report.
    pub fn publishing(&self, id: &str) -> PublishSchemeRequest {
        PublishSchemeRequest {
            request_id: self.request_id(),
            scheme_id: id.to_owned(),
            terms: Some(terms()),
            content: Some(words("制度")),
        }
    }

    /// A revision with other words.
    pub fn revising_scheme(&self, scheme: &Scheme) -> ReviseSchemeRequest {
        ReviseSchemeRequest {
            request_id: self.request_id(),
            name: scheme.name.clone(),
            etag: scheme.etag.clone(),
            terms: Some(terms()),
            content: Some(words("改めた制度")),
        }
    }

    /// The request that withdraws this scheme.
    pub fn withdrawing(&self, scheme: &Scheme) -> WithdrawSchemeRequest {
        WithdrawSchemeRequest { request_id: self.request_id(), name: scheme.name.clone(), etag: scheme.etag.clone() }
    }

    /// A referral that is a duty once the peer has published a scheme: unauthorised access at a business. PPC takes it
    /// as a leak report, IPA as a notification of access. Without code.
    pub fn issuing(&self) -> IssueReferralRequest {
        let under = if self.agency == Agency::Ppc { "leak-report-private" } else { "unauthorised-access" };
        IssueReferralRequest {
            request_id: self.request_id(),
            report: "2026-000001".to_owned(),
            reported_under: self.scheme_name(under),
            judgement: Some(self.judgement(Finding::Applies)),
            scope_facts: Some(scope_facts()),
            statutory: None,
            language: Language::Ja.into(),
            with_code: false,
        }
    }

    /// A giving of now, by telephone.
    pub fn confirming(&self, referral: &Referral) -> ConfirmReferralGivenRequest {
        ConfirmReferralGivenRequest {
            request_id: self.request_id(),
            name: referral.name.clone(),
            etag: referral.etag.clone(),
            given_at: Some(stamp(self.world.now())),
            channel: ReferralChannel::Telephone.into(),
            introduced: Vec::new(),
        }
    }

    /// A filing of today that quotes a code, with the reporter's agreement.
    pub fn following_up(&self, code: &str) -> FollowUpReferralRequest {
        let under = if self.agency == Agency::Ppc { "leak-report-private" } else { "unauthorised-access" };
        FollowUpReferralRequest {
            request_id: self.request_id(),
            code: code.to_owned(),
            reporter_agreed: true,
            filed_under: self.scheme_name(under),
            filed_on: renkei_domain::calendar::day(self.world.now()).to_string(),
        }
    }

    /// Another judgement.
    pub fn revising(&self, referral: &Referral, finding: Finding) -> ReviseJudgementRequest {
        ReviseJudgementRequest {
            request_id: self.request_id(),
            name: referral.name.clone(),
            etag: referral.etag.clone(),
            judgement: Some(self.judgement(finding)),
        }
    }

    /// The counts of a month.
    pub fn counting(&self, month: &str) -> CountReferralsRequest {
        CountReferralsRequest { request_id: self.request_id(), month: month.to_owned() }
    }
}

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
