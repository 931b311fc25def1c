//! Lists: newest first, with opaque page tokens that are bound to their query.

use prost::Message;
use renkei_domain::matter::Noun;
use renkei_proto::{options::v1::Reason, r#type::v1::Agency};
use renkei_rpc::{
    error::Error,
    token::Query,
    validate::{Call, Desk},
};
use renkei_store::Listed;

/// How many a page has when the caller does not say.
const DEFAULT: u32 = 50;

/// One page of a list.
pub(crate) struct Listing {
    pub(crate) items: Vec<Listed>,
    pub(crate) next_page_token: String,
    pub(crate) as_of: String,
}

/// The size of a page that the caller asks for.
pub(crate) fn size(page_size: u32) -> usize {
    usize::try_from(if page_size == 0 { DEFAULT } else { page_size }).unwrap_or_default()
}

/// Where a page begins: the number in its token, or `start`.
pub(crate) fn begin(desk: &Desk, query: &Query, token: &str, start: u64) -> Result<u64, Error> {
    let Some(key) = desk.tokens.page_token_decode(query, token)? else { return Ok(start) };
    let number = key.as_slice().try_into().map(u64::from_be_bytes);
    number.map_err(|_| Error::because(Reason::PageTokenInvalid, "the page token holds no place"))
}

/// One page of the nouns of `agencies/{ppc|ipa|-}`. `query` is the request without its page.
pub(crate) async fn list(
    desk: &Desk,
    call: &Call,
    noun: Noun,
    parent: &str,
    query: &impl Message,
    page: (u32, &str),
) -> Result<Listing, Error> {
    let query = Query::new(&call.call.method, query);
    let below = begin(desk, &query, page.1, u64::MAX)?;
    let openers: Vec<Agency> = match parent.strip_prefix("agencies/").and_then(Agency::from_id) {
        Some(agency) => vec![agency],
        None => vec![Agency::Ppc, Agency::Ipa],
    };
    // Taken before the list is read: a watch from here may repeat what the list shows, but misses nothing.
    let feed = desk.store.heads().borrow().feed;
    let size = size(page.0);
    let mut items = desk.store.list(noun, &openers, below, size + 1).await?;
    let more = items.len() > size;
    items.truncate(size);
    let last = items.last().filter(|_| more).map(|listed| listed.place.to_be_bytes());
    let next_page_token = match last {
        Some(place) => desk.tokens.page_token_encode(&call.moment, &query, &place)?,
        None => String::new(),
    };
    Ok(Listing { items, next_page_token, as_of: desk.tokens.cursor_encode(&call.moment, feed)? })
}
