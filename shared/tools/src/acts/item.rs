//! Sharing (Art. 5(2)) within a scope (Art. 7(2)).

use renkei_client::{Answer, OfficialChannel};
use renkei_proto::{
    sharing::v1::{
        AcknowledgeItemRequest, AnswerItemQuestionRequest, AskAboutItemRequest, GetItemRequest, GiveFeedbackRequest,
        Item, ItemEntry, ListItemEntriesRequest, ListItemEntriesResponse, ListItemsRequest, ListItemsResponse,
        PublishItemRequest, RecallItemRequest, ReviseItemRequest, item_service_client::ItemServiceClient,
    },
    r#type::v1::Purpose,
};

use super::Acts;
use crate::desk::insist;

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
