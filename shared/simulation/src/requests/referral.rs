//! Acts of schemes and referrals.

use renkei_domain::moment::stamp;
use renkei_proto::{
    referral::v1::{
        AnotherBecause, ConfirmReferralGivenRequest, CountReferralsRequest, DischargeReason, DischargeReferralRequest,
        FollowUpReferralRequest, IssueReferralRequest, PublishSchemeRequest, Referral, ReferralChannel,
        ReviseJudgementRequest, ReviseSchemeRequest, ReviseStatutoryFactsRequest, Scheme, WithdrawSchemeRequest,
    },
    r#type::v1::{Agency, Certainty, Finding, Ground, Judgement, Language, Sector, StatutoryFacts},
};

use super::{
    Requests,
    content::{scope_facts, terms, words},
};

/// Sound requests.
impl Requests {
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
            judged_at: Some(stamp(self.now())),
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
    /// as a leak report, IPA as a notification of access. Without code. Each is of a report of its own.
    pub fn issuing(&self) -> IssueReferralRequest {
        let under = if self.agency == Agency::Ppc { "leak-report-private" } else { "unauthorised-access" };
        IssueReferralRequest {
            request_id: self.request_id(),
            report: self.report(),
            reported_under: self.scheme_name(under),
            judgement: Some(self.judgement(Finding::Applies)),
            scope_facts: Some(scope_facts()),
            statutory: None,
            language: Language::Ja.into(),
            with_code: false,
            another_because: AnotherBecause::Unspecified.into(),
        }
    }

    /// A giving of now, by telephone.
    pub fn confirming(&self, referral: &Referral) -> ConfirmReferralGivenRequest {
        ConfirmReferralGivenRequest {
            request_id: self.request_id(),
            name: referral.name.clone(),
            etag: referral.etag.clone(),
            given_at: Some(stamp(self.now())),
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
            filed_on: renkei_domain::calendar::day(self.now()).to_string(),
        }
    }

    /// The end of a duty for this reason.
    pub fn discharging(&self, referral: &Referral, reason: DischargeReason) -> DischargeReferralRequest {
        DischargeReferralRequest {
            request_id: self.request_id(),
            name: referral.name.clone(),
            etag: referral.etag.clone(),
            reason: reason.into(),
        }
    }

    /// Corrected facts of the dates of a business: it knew today, of an act with a wrongful purpose.
    pub fn restating(&self, referral: &Referral) -> ReviseStatutoryFactsRequest {
        ReviseStatutoryFactsRequest {
            request_id: self.request_id(),
            name: referral.name.clone(),
            etag: referral.etag.clone(),
            statutory: Some(StatutoryFacts {
                sector: Sector::Private.into(),
                knew_on: renkei_domain::calendar::day(self.now()).to_string(),
                items: vec![3],
                persons: None,
            }),
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
