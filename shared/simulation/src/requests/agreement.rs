//! Notices under Art. 8.

use jiff::Timestamp;
use renkei_domain::{calendar, moment::stamp};
use renkei_proto::{
    agreement::v1::{
        ArrivalChannel, AssentToWithdrawalRequest, GiveNoticeRequest, Notice, NoticeKind, ReceivedNotice,
        RecordNoticeArrivalRequest, WithdrawNoticeRequest,
    },
    r#type::v1::Text,
};

use super::Requests;

/// The name of the agreement.
const AGREEMENT: &str = "agreement";

/// Sound requests.
impl Requests {
    /// A notice without a document number.
    pub fn giving_notice(&self, kind: NoticeKind) -> GiveNoticeRequest {
        GiveNoticeRequest {
            request_id: self.request_id(),
            kind: kind.into(),
            text: Some(Text { ja: "覚書第8条に基づき申し出ます。".to_owned(), en: String::new() }),
            document: String::new(),
        }
    }

    /// The arrival on paper of a notice that the peer gave over the link.
    pub fn recording_arrival(&self, notice: &Notice, arrived_at: Timestamp) -> RecordNoticeArrivalRequest {
        RecordNoticeArrivalRequest {
            request_id: self.request_id(),
            name: AGREEMENT.to_owned(),
            etag: String::new(),
            channel: ArrivalChannel::Paper.into(),
            arrived_at: Some(stamp(arrived_at)),
            document: "個情第1234号".to_owned(),
            notice: notice.entry.clone(),
            received: None,
        }
    }

    /// The arrival on paper of a notice of the peer that did not come over the link, written on the day of its arrival.
    pub fn recording_paper(
        &self,
        kind: NoticeKind,
        document: &str,
        arrived_at: Timestamp,
    ) -> RecordNoticeArrivalRequest {
        let written_on = calendar::day(arrived_at).to_string();
        RecordNoticeArrivalRequest {
            document: document.to_owned(),
            notice: String::new(),
            received: Some(ReceivedNotice { kind: kind.into(), written_on }),
            ..self.recording_arrival(&Notice::default(), arrived_at)
        }
    }

    /// The withdrawal of this notice.
    pub fn withdrawing_notice(&self, notice: &Notice) -> WithdrawNoticeRequest {
        WithdrawNoticeRequest {
            request_id: self.request_id(),
            name: AGREEMENT.to_owned(),
            etag: String::new(),
            notice: notice.entry.clone(),
        }
    }

    /// The assent to the withdrawal of this notice.
    pub fn assenting(&self, notice: &Notice) -> AssentToWithdrawalRequest {
        AssentToWithdrawalRequest {
            request_id: self.request_id(),
            name: AGREEMENT.to_owned(),
            etag: String::new(),
            withdrawal: notice.withdrawal.clone(),
        }
    }
}
