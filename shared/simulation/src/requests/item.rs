//! Sharing (Art. 5(2)) within a scope (Art. 7(2)).

use renkei_proto::{
    sharing::v1::{
        AcknowledgeItemRequest, AnswerItemQuestionRequest, AskAboutItemRequest, GiveFeedbackRequest, Item, ItemKind,
        ItemQuestionAnsweredContent, ItemQuestionAskedContent, ItemRecalledContent, Necessity, PublishItemRequest,
        RecallItemRequest, RecallReason, ReviseItemRequest, Usefulness,
    },
    r#type::v1::{Agency, Scope},
};

use super::{
    Requests,
    content::{item_content, terms_for},
};

/// Sound requests.
impl Requests {
    /// An item of the agency's first kind with this scope: an attack method of PPC, threat information of IPA.
    pub fn publishing_item(&self, scope: Scope) -> PublishItemRequest {
        let is_ppc = self.agency == Agency::Ppc;
        let kind = if is_ppc { ItemKind::AttackMethod } else { ItemKind::ThreatInformation };
        let necessity = if is_ppc { Necessity::PreventSimilar } else { Necessity::Unspecified };
        PublishItemRequest {
            request_id: self.request_id(),
            terms: Some(terms_for(scope)),
            necessity: necessity.into(),
            content: Some(item_content(kind, "改ざんの手口", self.now())),
        }
    }

    /// A revision with the same terms and other words.
    pub fn revising_item(&self, it: &Item) -> ReviseItemRequest {
        ReviseItemRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            terms: it.terms.clone(),
            necessity: it.necessity,
            content: Some(item_content(it.kind(), "改めた内容", self.now())),
            cleared: Vec::new(),
            kept_consents: Vec::new(),
        }
    }

    /// The request that recalls this item.
    pub fn recalling(&self, it: &Item) -> RecallItemRequest {
        RecallItemRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            reason: RecallReason::Incorrect.into(),
            content: Some(ItemRecalledContent { explanation: "記載に誤り".to_owned() }),
            answer_by: String::new(),
        }
    }

    /// An acknowledgement that leaves the marking.
    pub fn acknowledging(&self, it: &Item) -> AcknowledgeItemRequest {
        AcknowledgeItemRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            marking: None,
        }
    }

    /// The request that asks a question about this item.
    pub fn asking_about(&self, it: &Item) -> AskAboutItemRequest {
        AskAboutItemRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            content: Some(ItemQuestionAskedContent { question: "対象の版は".to_owned() }),
        }
    }

    /// An answer to the newest question.
    pub fn answering_about(&self, it: &Item) -> AnswerItemQuestionRequest {
        AnswerItemQuestionRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            question: it.questions.last().map(|question| question.entry.clone()).unwrap_or_default(),
            content: Some(ItemQuestionAnsweredContent { answer: "すべての版".to_owned() }),
        }
    }

    /// Feedback without words.
    pub fn giving_feedback(&self, it: &Item) -> GiveFeedbackRequest {
        GiveFeedbackRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            usefulness: Usefulness::Used.into(),
            content: None,
        }
    }
}
