//! Sharing of information (Art. 5(2)) within its scope (Art. 7(2)).

mod acts;
mod consent;
mod disclosure;
mod recall;

pub(crate) use consent::Consents;
pub(crate) use disclosure::Disclosures;
pub(crate) use recall::Recalls;

use renkei_domain::{
    matter::Matter,
    noun::item::{self, current},
    page::{Journal, Seen},
};
use renkei_proto::sharing::v1::{
    AcknowledgeItemRequest, AnswerItemQuestionRequest, AskAboutItemRequest, GetItemRequest, GiveFeedbackRequest, Item,
    ItemContent, ItemEntry, ItemKind, ListItemEntriesRequest, ListItemEntriesResponse, ListItemsRequest,
    ListItemsResponse, PublishItemRequest, RecallItemRequest, ReviseItemRequest, item_entry::Content,
    item_service_server::ItemService,
};
use renkei_rpc::validate::Call;
use renkei_store::Newest;
use tonic::Request;

use crate::{
    act::act,
    desk::{Answer, Desk, open, open_secret},
    error::Error,
    read::{EntryWords, PageRequest, Readable, decoded, entries, filter, judged, list},
};

/// The implementation of `ItemService`.
pub(crate) struct Items {
    desk: Desk,
}

impl Items {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }

    /// The content of the current revision; `None` when it is sealed or erased.
    async fn content(&self, it: &Readable, newest: Newest) -> Result<Option<ItemContent>, Error> {
        let opener = it.matter.opener;
        let Some(current) = current(Seen::whole(&it.page), opener) else { return Ok(None) };
        let (store, seq) = (&self.desk.store, current.mark.seq);
        let bytes = store.content_or_newest(&it.permit, Journal::Of(opener), seq, newest).await?;
        bytes.map_or(Ok(None), |bytes| content_of(current.it.kind, &bytes))
    }

    async fn get(&self, call: &Call, name: &str) -> Result<Item, Error> {
        let matter = Matter::of(name);
        let (page, newest) = self.desk.store.page_and_newest(name, Journal::Of(matter.opener)).await?;
        let it = judged(&self.desk, call, matter, page.unwrap_or_default())?;
        let item: Item = it.resource(&self.desk, call)?;
        Ok(Item { content: self.content(&it, newest).await?, ..item })
    }
}

#[tonic::async_trait]
impl ItemService for Items {
    async fn publish_item(&self, it: Request<PublishItemRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn revise_item(&self, it: Request<ReviseItemRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn recall_item(&self, it: Request<RecallItemRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn acknowledge_item(&self, it: Request<AcknowledgeItemRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn ask_about_item(&self, it: Request<AskAboutItemRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn answer_item_question(&self, it: Request<AnswerItemQuestionRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn give_feedback(&self, it: Request<GiveFeedbackRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn get_item(&self, request: Request<GetItemRequest>) -> Answer<Item> {
        open_secret(
            request,
            &self.desk,
            |it| &mut it.name,
            async |call, it: GetItemRequest| self.get(&call, &it.name).await,
        )
        .await
    }

    async fn list_items(&self, request: Request<ListItemsRequest>) -> Answer<ListItemsResponse> {
        open(request, &self.desk, async |call, it: ListItemsRequest| {
            let query = ListItemsRequest { page_size: 0, page_token: String::new(), ..it.clone() };
            let page = PageRequest { page_size: it.page_size, token: &it.page_token };
            let filter = filter(it.state().as_str_name(), it.waiting_for());
            let listing = list(&self.desk, &call, item::COLLECTION, (&it.parent, &filter), &query, page).await?;
            let (items, next_page_token) = listing.resources(&self.desk, &call)?;
            Ok(ListItemsResponse { items, next_page_token, as_of: listing.as_of })
        })
        .await
    }

    async fn list_item_entries(&self, request: Request<ListItemEntriesRequest>) -> Answer<ListItemEntriesResponse> {
        open_secret(
            request,
            &self.desk,
            |it| &mut it.parent,
            async |call, it: ListItemEntriesRequest| {
                let query = ListItemEntriesRequest { parent: it.parent.clone(), ..ListItemEntriesRequest::default() };
                let page = PageRequest { page_size: it.page_size, token: &it.page_token };
                let (entries, next_page_token) = entries(&self.desk, &call, &it.parent, &query, page, entry).await?;
                Ok(ListItemEntriesResponse { entries, next_page_token })
            },
        )
        .await
    }
}

/// The title of the current revision; `None` for a matter of another noun, and where the content is sealed or erased.
pub(crate) async fn title(desk: &Desk, it: &Readable) -> Result<Option<String>, Error> {
    let opener = it.matter.opener;
    let Some(current) = current(Seen::whole(&it.page), opener) else { return Ok(None) };
    let bytes = desk.store.content(&it.permit, Journal::Of(opener), current.mark.seq).await?;
    let content = bytes.map_or(Ok(None), |bytes| content_of(current.it.kind, &bytes))?;
    Ok(content.as_ref().and_then(acts::text).map(|text| text.title.clone()))
}

/// The stored content of a kind of item.
fn content_of(kind: ItemKind, bytes: &[u8]) -> Result<Option<ItemContent>, Error> {
    let Some(kind) = item::fact_kind(kind) else { return Ok(None) };
    Ok(match decoded(kind, bytes)? {
        Some(Content::Item(content)) => Some(content),
        _ => None,
    })
}

fn entry(it: EntryWords) -> Result<ItemEntry, Error> {
    let content = it.content()?;
    Ok(ItemEntry {
        name: it.name,
        author: it.author.into(),
        unit: it.unit,
        written_at: it.written_at,
        fact_type: it.fact_type,
        answers: it.answers,
        refused: it.refused,
        content,
    })
}
