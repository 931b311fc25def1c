//! Technical advice (Art. 4(2)).

use renkei_client::Answer;
use renkei_proto::advice::v1::{
    AcceptAdviceRequestRequest, AdviceEntry, AdviceRequest, AnswerClarificationRequest, AnswerQuotationRequest,
    AskClarificationRequest, AskFurtherQuestionsRequest, AskQuotationRequest, CloseAdviceRequestRequest,
    CorrectAdviceRequest, DeclineAdviceRequestRequest, GetAdviceRequestRequest, GiveAdviceRequest,
    HandBackAdviceRequestRequest, ListAdviceEntriesRequest, ListAdviceEntriesResponse, ListAdviceRequestsRequest,
    ListAdviceRequestsResponse, RevisePlanRequest, SubmitAdviceRequestRequest, SupplementAdviceRequestRequest,
    WithdrawAdviceRequestRequest,
};

use super::Acts;
use crate::desk::insist;

/// Calls. Each is repeated while nobody answers.
impl Acts {
    /// Requests advice.
    pub async fn submit_advice_request(&self, request: SubmitAdviceRequestRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_asking.clone().submit_advice_request(request.clone()).await).await
    }

    /// Calls `SupplementAdviceRequest`.
    pub async fn supplement_advice_request(&self, request: SupplementAdviceRequestRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_asking.clone().supplement_advice_request(request.clone()).await).await
    }

    /// Calls `AnswerClarification`.
    pub async fn answer_clarification(&self, request: AnswerClarificationRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_asking.clone().answer_clarification(request.clone()).await).await
    }

    /// Calls `AskFurtherQuestions`.
    pub async fn ask_further_questions(&self, request: AskFurtherQuestionsRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_asking.clone().ask_further_questions(request.clone()).await).await
    }

    /// Calls `AskQuotation`.
    pub async fn ask_quotation(&self, request: AskQuotationRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_asking.clone().ask_quotation(request.clone()).await).await
    }

    /// Calls `WithdrawAdviceRequest`.
    pub async fn withdraw_advice_request(&self, request: WithdrawAdviceRequestRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_asking.clone().withdraw_advice_request(request.clone()).await).await
    }

    /// Calls `CloseAdviceRequest`.
    pub async fn close_advice_request(&self, request: CloseAdviceRequestRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_asking.clone().close_advice_request(request.clone()).await).await
    }

    /// Calls `AcceptAdviceRequest`.
    pub async fn accept_advice_request(&self, request: AcceptAdviceRequestRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_giving.clone().accept_advice_request(request.clone()).await).await
    }

    /// Calls `RevisePlan`.
    pub async fn revise_plan(&self, request: RevisePlanRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_giving.clone().revise_plan(request.clone()).await).await
    }

    /// Calls `HandBackAdviceRequest`.
    pub async fn hand_back_advice_request(&self, request: HandBackAdviceRequestRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_giving.clone().hand_back_advice_request(request.clone()).await).await
    }

    /// Calls `DeclineAdviceRequest`.
    pub async fn decline_advice_request(&self, request: DeclineAdviceRequestRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_giving.clone().decline_advice_request(request.clone()).await).await
    }

    /// Calls `AskClarification`.
    pub async fn ask_clarification(&self, request: AskClarificationRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_giving.clone().ask_clarification(request.clone()).await).await
    }

    /// Calls `GiveAdvice`.
    pub async fn give_advice(&self, request: GiveAdviceRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_giving.clone().give_advice(request.clone()).await).await
    }

    /// Calls `CorrectAdvice`.
    pub async fn correct_advice(&self, request: CorrectAdviceRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_giving.clone().correct_advice(request.clone()).await).await
    }

    /// Calls `AnswerQuotation`.
    pub async fn answer_quotation(&self, request: AnswerQuotationRequest) -> Answer<AdviceRequest> {
        insist(async || self.advice_giving.clone().answer_quotation(request.clone()).await).await
    }

    /// Gets a request for advice.
    pub async fn advice_request(&self, name: &str) -> Answer<AdviceRequest> {
        let request = GetAdviceRequestRequest { name: name.to_owned() };
        insist(async || self.advice.clone().get_advice_request(request.clone()).await).await
    }

    /// A request without the own half's version: what is the same at both agencies.
    pub async fn shared_advice_request(&self, name: &str) -> Answer<AdviceRequest> {
        Ok(AdviceRequest { etag: String::new(), ..self.advice_request(name).await? })
    }

    /// Lists requests for advice.
    pub async fn list_advice_requests(&self, request: ListAdviceRequestsRequest) -> Answer<ListAdviceRequestsResponse> {
        insist(async || self.advice.clone().list_advice_requests(request.clone()).await).await
    }

    /// One page of a request's entries with their words.
    pub async fn list_advice_entries(&self, request: ListAdviceEntriesRequest) -> Answer<ListAdviceEntriesResponse> {
        insist(async || self.advice.clone().list_advice_entries(request.clone()).await).await
    }

    /// A request's first entries with their words.
    pub async fn advice_entries(&self, name: &str) -> Answer<Vec<AdviceEntry>> {
        let parent = name.to_owned();
        let request = ListAdviceEntriesRequest { parent, page_size: 500, ..ListAdviceEntriesRequest::default() };
        Ok(self.list_advice_entries(request).await?.entries)
    }
}
