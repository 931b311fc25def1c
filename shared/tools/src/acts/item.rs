//! Sharing (Art. 5(2)) within a scope (Art. 7(2)).

use renkei_client::{Answer, OfficialChannel};
use renkei_proto::{
    sharing::v1::{
        AcknowledgeItemRequest, AnswerItemQuestionRequest, AskAboutItemRequest, GetItemRequest, GiveFeedbackRequest,
        Item, ItemEntry, ItemKind, ItemQuestionAnsweredContent, ItemQuestionAskedContent, ItemRecalledContent,
        ListItemEntriesRequest, ListItemEntriesResponse, ListItemsRequest, ListItemsResponse, Necessity,
        PublishItemRequest, RecallItemRequest, RecallReason, ReviseItemRequest, Usefulness,
        item_service_client::ItemServiceClient,
    },
    r#type::v1::{Agency, Purpose, Scope},
};

use super::{
    Acts,
    content::{item_content, terms_for},
};
use crate::desk::insist;

/// Sound requests.
impl Acts {
    /// An item of the agency's first kind with this scope: an attack method of PPC, threat information of IPA.
    pub fn publishing_item(&self, scope: Scope) -> PublishItemRequest {
        let is_ppc = self.agency == Agency::Ppc;
        let kind = if is_ppc { ItemKind::AttackMethod } else { ItemKind::ThreatInformation };
        let necessity = if is_ppc { Necessity::PreventSimilar } else { Necessity::Unspecified };
        PublishItemRequest {
            request_id: self.request_id(),
            terms: Some(terms_for(scope)),
            necessity: necessity.into(),
            content: Some(item_content(kind, "改ざんの手口", self.world.now())),
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
            content: Some(item_content(it.kind(), "改めた内容", self.world.now())),
            cleared: Vec::new(),
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

/// Calls as the sharing system, for policy. Each is repeated while nobody answers.
impl Acts {
    /// The client of another system or purpose, for the calls below.
    ///
    /// # Errors
    /// Fails if certificates cannot be read.
    pub fn items_as(&self, caller: &str, purpose: Purpose) -> Result<ItemServiceClient<OfficialChannel>, String> {
        self.desk.items(caller, purpose)
    }

    /// Publishes an item.
    pub async fn publish_item(&self, request: PublishItemRequest) -> Answer<Item> {
        insist(async || self.items.clone().publish_item(request.clone()).await).await
    }

    /// Revises an item.
    pub async fn revise_item(&self, request: ReviseItemRequest) -> Answer<Item> {
        insist(async || self.items.clone().revise_item(request.clone()).await).await
    }

    /// Recalls an item.
    pub async fn recall_item(&self, request: RecallItemRequest) -> Answer<Item> {
        insist(async || self.items.clone().recall_item(request.clone()).await).await
    }

    /// Acknowledges an item.
    pub async fn acknowledge_item(&self, request: AcknowledgeItemRequest) -> Answer<Item> {
        insist(async || self.items.clone().acknowledge_item(request.clone()).await).await
    }

    /// Asks about an item.
    pub async fn ask_about_item(&self, request: AskAboutItemRequest) -> Answer<Item> {
        insist(async || self.items.clone().ask_about_item(request.clone()).await).await
    }

    /// Answers a question about an item.
    pub async fn answer_item_question(&self, request: AnswerItemQuestionRequest) -> Answer<Item> {
        insist(async || self.items.clone().answer_item_question(request.clone()).await).await
    }

    /// Gives feedback on an item.
    pub async fn give_feedback(&self, request: GiveFeedbackRequest) -> Answer<Item> {
        insist(async || self.items.clone().give_feedback(request.clone()).await).await
    }

    /// Gets an item with its content.
    pub async fn item(&self, name: &str) -> Answer<Item> {
        let request = GetItemRequest { name: name.to_owned() };
        insist(async || self.items.clone().get_item(request.clone()).await).await
    }

    /// An item without the own half's version: what is the same at both agencies.
    pub async fn shared_item(&self, name: &str) -> Answer<Item> {
        Ok(Item { etag: String::new(), ..self.item(name).await? })
    }

    /// Lists items.
    pub async fn list_items(&self, request: ListItemsRequest) -> Answer<ListItemsResponse> {
        insist(async || self.items.clone().list_items(request.clone()).await).await
    }

    /// One page of an item's entries with their words.
    pub async fn list_item_entries(&self, request: ListItemEntriesRequest) -> Answer<ListItemEntriesResponse> {
        insist(async || self.items.clone().list_item_entries(request.clone()).await).await
    }

    /// An item's first entries with their words.
    pub async fn item_entries(&self, name: &str) -> Answer<Vec<ItemEntry>> {
        let parent = name.to_owned();
        let request = ListItemEntriesRequest { parent, page_size: 500, ..ListItemEntriesRequest::default() };
        Ok(self.list_item_entries(request).await?.entries)
    }
}
