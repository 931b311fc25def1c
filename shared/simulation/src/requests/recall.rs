//! The effect of a recall, disposal, and misdirected information (Art. 7(2)).

use renkei_proto::sharing::v1::{
    AnswerRecallRequest, ApproveDisposalRequest, CloseMisdirectionRequest, CopyAnsweredContent, CopyFate,
    CountMisdirectionReadersRequest, DisposalGround, Item, ItemDisposedContent, MisdirectionClosedContent,
    MisdirectionReportedContent, RecallRemindedContent, RecipientDemand, RemindOfRecallRequest,
    ReportMisdirectionRequest,
};

use super::Requests;

/// Sound requests.
impl Requests {
    /// The report of the next copy, with this fate. A disclosed copy is that of the first disclosure without a report.
    pub fn reporting_copy(&self, it: &Item, fate: CopyFate) -> AnswerRecallRequest {
        let disclosure = it.copies_outside.first().filter(|_| fate == CopyFate::Disclosed);
        let demand = if disclosure.is_some() { RecipientDemand::Return } else { RecipientDemand::Unspecified };
        let only = |of: CopyFate, text: &str| if fate == of { text.to_owned() } else { String::new() };
        AnswerRecallRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            copy: 0,
            fate: fate.into(),
            disclosure: disclosure.cloned().unwrap_or_default(),
            demand: demand.into(),
            retained_until: only(CopyFate::Retained, &self.day_in(365)),
            complete: false,
            content: Some(CopyAnsweredContent {
                description: "印刷した写し".to_owned(),
                approval: only(CopyFate::Disposed, "決裁第２号"),
                law: only(CopyFate::Retained, "公文書等の管理に関する法律"),
            }),
        }
    }

    /// The reminder of a recall.
    pub fn reminding(&self, it: &Item) -> RemindOfRecallRequest {
        RemindOfRecallRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            content: Some(RecallRemindedContent { text: "回答を待っています".to_owned() }),
        }
    }

    /// The approval of a disposal, because the item is of a kind that is not kept for long.
    pub fn disposing(&self, it: &Item) -> ApproveDisposalRequest {
        ApproveDisposalRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            ground: DisposalGround::ShortRetention.into(),
            content: Some(ItemDisposedContent { approval: "決裁第３号".to_owned() }),
        }
    }

    /// The report that the item came by mistake.
    pub fn reporting_misdirection(&self, it: &Item) -> ReportMisdirectionRequest {
        ReportMisdirectionRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            content: Some(MisdirectionReportedContent { explanation: "宛先の誤り".to_owned() }),
        }
    }

    /// The count of those who have read it.
    pub fn counting_readers(&self, it: &Item) -> CountMisdirectionReadersRequest {
        CountMisdirectionReadersRequest { request_id: self.request_id(), name: it.name.clone(), etag: it.etag.clone() }
    }

    /// The end of the incident: sent on purpose, or sent by mistake and recalled.
    pub fn closing_misdirection(&self, it: &Item, unfounded: bool) -> CloseMisdirectionRequest {
        CloseMisdirectionRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            unfounded,
            content: Some(MisdirectionClosedContent { measures: "宛先の確認を徹底する".to_owned() }),
        }
    }
}
