//! The agreement and the notices under Art. 8.

use renkei_client::Answer;
use renkei_proto::agreement::v1::{
    Agreement, AssentToWithdrawalRequest, GetAgreementRequest, GiveNoticeRequest, ListNoticeEntriesRequest,
    ListNoticeEntriesResponse, ListNoticesRequest, ListNoticesResponse, NoticeEntry, RecordNoticeArrivalRequest,
    WithdrawNoticeRequest,
};

use super::Acts;
use crate::desk::insist;

/// Calls as the approver, but for the agreement itself, which a reader gets. Each is repeated while nobody answers.
impl Acts {
    /// Gets the agreement.
    pub async fn agreement(&self) -> Answer<Agreement> {
        let request = GetAgreementRequest { name: "agreement".to_owned() };
        insist(async || self.agreement.clone().get_agreement(request.clone()).await).await
    }

    /// Gives notice.
    pub async fn give_notice(&self, request: GiveNoticeRequest) -> Answer<Agreement> {
        insist(async || self.notices.clone().give_notice(request.clone()).await).await
    }

    /// Records the arrival of a notice of the peer.
    pub async fn record_notice_arrival(&self, request: RecordNoticeArrivalRequest) -> Answer<Agreement> {
        insist(async || self.notices.clone().record_notice_arrival(request.clone()).await).await
    }

    /// Withdraws a notice.
    pub async fn withdraw_notice(&self, request: WithdrawNoticeRequest) -> Answer<Agreement> {
        insist(async || self.notices.clone().withdraw_notice(request.clone()).await).await
    }

    /// Assents to the withdrawal of a notice of the peer.
    pub async fn assent_to_withdrawal(&self, request: AssentToWithdrawalRequest) -> Answer<Agreement> {
        insist(async || self.notices.clone().assent_to_withdrawal(request.clone()).await).await
    }

    /// One page of the notices.
    pub async fn list_notices(&self, request: ListNoticesRequest) -> Answer<ListNoticesResponse> {
        insist(async || self.notices.clone().list_notices(request.clone()).await).await
    }

    /// One page of the entries about notices with their words.
    pub async fn list_notice_entries(&self, request: ListNoticeEntriesRequest) -> Answer<ListNoticeEntriesResponse> {
        insist(async || self.notices.clone().list_notice_entries(request.clone()).await).await
    }

    /// The first entries about notices with their words.
    pub async fn notice_entries(&self) -> Answer<Vec<NoticeEntry>> {
        let parent = "agreement".to_owned();
        let request = ListNoticeEntriesRequest { parent, page_size: 500, ..ListNoticeEntriesRequest::default() };
        Ok(self.list_notice_entries(request).await?.entries)
    }
}
