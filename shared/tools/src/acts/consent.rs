//! Consent, disclosure and the effect of a recall (Art. 7(2)).

use renkei_client::Answer;
use renkei_proto::sharing::v1::{
    AnnounceDisclosureRequest, AnswerRecallRequest, ApproveDisposalRequest, CheckDisclosureRequest,
    CheckDisclosureResponse, CloseMisdirectionRequest, CountMisdirectionReadersRequest, DenyConsentRequest,
    GiveDisclosureOpinionRequest, GrantConsentRequest, Item, ListDisclosuresRequest, ListDisclosuresResponse,
    NarrowConsentRequest, RecordDisclosureRequest, RemindOfRecallRequest, ReportMisdirectionRequest,
    RequestConsentRequest, RevokeConsentRequest, WithdrawConsentRequestRequest,
};

use super::Acts;
use crate::desk::insist;

/// Calls as the sharing system, for policy. Each is repeated while nobody answers.
impl Acts {
    /// Requests consent to go beyond the scope.
    pub async fn request_consent(&self, request: RequestConsentRequest) -> Answer<Item> {
        insist(async || self.consents.clone().request_consent(request.clone()).await).await
    }

    /// Grants consent.
    pub async fn grant_consent(&self, request: GrantConsentRequest) -> Answer<Item> {
        insist(async || self.consents.clone().grant_consent(request.clone()).await).await
    }

    /// Narrows a consent.
    pub async fn narrow_consent(&self, request: NarrowConsentRequest) -> Answer<Item> {
        insist(async || self.consents.clone().narrow_consent(request.clone()).await).await
    }

    /// Denies a requested consent.
    pub async fn deny_consent(&self, request: DenyConsentRequest) -> Answer<Item> {
        insist(async || self.consents.clone().deny_consent(request.clone()).await).await
    }

    /// Revokes a consent.
    pub async fn revoke_consent(&self, request: RevokeConsentRequest) -> Answer<Item> {
        insist(async || self.consents.clone().revoke_consent(request.clone()).await).await
    }

    /// Withdraws a request for consent.
    pub async fn withdraw_consent_request(&self, request: WithdrawConsentRequestRequest) -> Answer<Item> {
        insist(async || self.consents.clone().withdraw_consent_request(request.clone()).await).await
    }

    /// Records a disclosure.
    pub async fn record_disclosure(&self, request: RecordDisclosureRequest) -> Answer<Item> {
        insist(async || self.disclosures.clone().record_disclosure(request.clone()).await).await
    }

    /// Announces a disclosure that a law requires.
    pub async fn announce_disclosure(&self, request: AnnounceDisclosureRequest) -> Answer<Item> {
        insist(async || self.disclosures.clone().announce_disclosure(request.clone()).await).await
    }

    /// Gives an opinion on such a disclosure.
    pub async fn give_disclosure_opinion(&self, request: GiveDisclosureOpinionRequest) -> Answer<Item> {
        insist(async || self.disclosures.clone().give_disclosure_opinion(request.clone()).await).await
    }

    /// Reports a copy of a recalled item.
    pub async fn answer_recall(&self, request: AnswerRecallRequest) -> Answer<Item> {
        insist(async || self.recalls.clone().answer_recall(request.clone()).await).await
    }

    /// Reminds of a recall.
    pub async fn remind_of_recall(&self, request: RemindOfRecallRequest) -> Answer<Item> {
        insist(async || self.recalls.clone().remind_of_recall(request.clone()).await).await
    }

    /// Approves the disposal of the own copy, as the approver.
    pub async fn approve_disposal(&self, request: ApproveDisposalRequest) -> Answer<Item> {
        insist(async || self.disposals.clone().approve_disposal(request.clone()).await).await
    }

    /// Reports misdirected information.
    pub async fn report_misdirection(&self, request: ReportMisdirectionRequest) -> Answer<Item> {
        insist(async || self.recalls.clone().report_misdirection(request.clone()).await).await
    }

    /// Counts the readers of misdirected information.
    pub async fn count_misdirection_readers(&self, request: CountMisdirectionReadersRequest) -> Answer<Item> {
        insist(async || self.recalls.clone().count_misdirection_readers(request.clone()).await).await
    }

    /// Closes an incident of misdirected information.
    pub async fn close_misdirection(&self, request: CloseMisdirectionRequest) -> Answer<Item> {
        insist(async || self.recalls.clone().close_misdirection(request.clone()).await).await
    }

    /// Asks whether a disclosure is allowed.
    pub async fn check_disclosure(&self, request: CheckDisclosureRequest) -> Answer<CheckDisclosureResponse> {
        insist(async || self.disclosures.clone().check_disclosure(request.clone()).await).await
    }

    /// The disclosures of an item, and the refused attempts at this desk.
    pub async fn disclosures(&self, name: &str) -> Answer<ListDisclosuresResponse> {
        let request = ListDisclosuresRequest { name: name.to_owned(), ..ListDisclosuresRequest::default() };
        insist(async || self.disclosures.clone().list_disclosures(request.clone()).await).await
    }
}
