//! A publisher of items of 1 KiB, over several connections.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::{TryStreamExt as _, stream};
use prost::Message as _;
use renkei_client::OfficialChannel;
use renkei_domain::moment::Moment;
use renkei_proto::{
    sharing::v1::{
        Item, ItemKind, ListItemsRequest, ListItemsResponse, Necessity, PublishItemRequest, item_content,
        item_service_client::ItemServiceClient,
    },
    r#type::v1::{Agency, Purpose},
};

use super::services::CONNECTIONS;
use crate::{
    acts::{item_content, terms_for, to_the_party},
    desk::{Desk, failure},
    pair::machine_time,
};

/// The size of an item's content in bytes.
const CONTENT: usize = 1024;
/// The number of items that a page shows, and that a resumed watch catches up with.
pub(super) const PAGE: u32 = 100;
/// The number of calls under way while a journal is filled.
const IN_FLIGHT: usize = 64;

/// PPC's sharing system.
pub(super) struct Publisher {
    clients: Vec<ItemServiceClient<OfficialChannel>>,
    request: PublishItemRequest,
    ids: Moment,
    drawn: AtomicU64,
}

impl Publisher {
    /// At PPC's desk.
    ///
    /// # Errors
    /// Fails if certificates cannot be read.
    pub(super) fn new(desk: &Desk) -> Result<Self, String> {
        let clients = (0..CONNECTIONS).map(|_| desk.items("sharing", Purpose::Policy)).collect::<Result<_, _>>()?;
        let now = jiff::Timestamp::try_from(machine_time()).map_err(|error| error.to_string())?;
        let mut seed = [0; 32];
        aws_lc_rs::rand::fill(&mut seed).map_err(|_| "the machine gives no randomness")?;
        Ok(Self { clients, request: request(now)?, ids: Moment::new(now, seed), drawn: AtomicU64::new(0) })
    }

    /// A client; calls with different numbers share the connections.
    pub(super) fn client(&self, number: usize) -> ItemServiceClient<OfficialChannel> {
        self.clients[number % CONNECTIONS].clone()
    }

    /// A request that was never made.
    pub(super) fn request(&self) -> PublishItemRequest {
        let request_id = self.ids.id("request", self.drawn.fetch_add(1, Ordering::Relaxed));
        PublishItemRequest { request_id, ..self.request.clone() }
    }

    /// The bytes of such a request on the wire.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.request().encode_to_vec()
    }

    /// Publishes an item.
    ///
    /// # Errors
    /// Fails if it is refused.
    pub(super) async fn publish(&self, number: usize) -> Result<Item, String> {
        let answer = self.client(number).publish_item(self.request()).await;
        Ok(answer.map_err(failure)?.into_inner())
    }

    /// The newest items, or those that follow.
    ///
    /// # Errors
    /// Fails if they are refused.
    pub(super) async fn page(&self, page_token: String) -> Result<ListItemsResponse, String> {
        let request =
            ListItemsRequest { parent: "agencies/-".to_owned(), page_size: PAGE, page_token, ..Default::default() };
        Ok(self.client(0).list_items(request).await.map_err(failure)?.into_inner())
    }

    /// Publishes so many items, as fast as the desk accepts them.
    ///
    /// # Errors
    /// Fails if one is refused.
    pub(super) async fn fill(&self, items: u64) -> Result<(), String> {
        let numbers = stream::iter((0..items).map(|number| usize::try_from(number).map_err(|error| error.to_string())));
        let publish = |number| async move { self.publish(number).await.map(|_| ()) };
        numbers.try_for_each_concurrent(IN_FLIGHT, publish).await
    }
}

fn request(now: jiff::Timestamp) -> Result<PublishItemRequest, String> {
    let mut content = item_content(ItemKind::AttackMethod, "改ざんの手口", now);
    let size = content.encoded_len();
    // The body's own length, and those of the messages around it, take two bytes instead of one.
    let filler = "x".repeat(CONTENT.saturating_sub(size + 4));
    if let Some(item_content::Item::AttackMethod(method)) = &mut content.item
        && let Some(text) = &mut method.text
    {
        text.body.push_str(&filler);
    }
    let size = content.encoded_len();
    if size.abs_diff(CONTENT) > 4 {
        return Err(format!("the item's content has {size} bytes instead of {CONTENT}"));
    }
    Ok(PublishItemRequest {
        request_id: String::new(),
        terms: Some(terms_for(to_the_party())),
        necessity: Necessity::PreventSimilar.into(),
        content: Some(content),
    })
}

/// The agency at whose desk items are published.
pub(super) const PUBLISHER: Agency = Agency::Ppc;
