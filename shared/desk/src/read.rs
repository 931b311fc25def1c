//! Reads of matters: each judged, lists newest first with opaque page tokens that are bound to their query.

use jiff::{Timestamp, civil::Date};
use prost::Message;
use renkei_book::{Cursor, etag};
use renkei_domain::{
    case_number::CaseNumber,
    decide::{ReadPermit, decide_read, withheld},
    matter::{Collection, Matter, entry_name, entry_name_if_any},
    noun::{Resource, registry},
    page::{Journal, Page, Seen},
    refusal::Refusal,
    standing::Filter,
};
use renkei_proto::{EntryContent, FactKind, Sentence, options::v1::Reason, r#type::v1::Agency};
use renkei_rpc::{token::Query, validate::Call};
use renkei_store::{Listed, Room, StoredEntry};

use crate::{desk::Desk, error::Error};

/// The size of a page if the caller states none.
const DEFAULT: u32 = 50;

/// A matter that the caller may read.
pub(crate) struct Readable {
    pub(crate) matter: Matter,
    pub(crate) page: Page,
    pub(crate) permit: ReadPermit,
}

impl Readable {
    /// The matter as the desk shows it, without its texts.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is none.
    pub(crate) fn resource<R: Resource>(&self, desk: &Desk, call: &Call) -> Result<R, Error> {
        let (seen, etag) = (Seen::whole(&self.page), etag(&self.page, desk.own));
        let shown = R::shown(&self.matter, seen, call.moment.now, etag, self.permit.withheld());
        shown.ok_or_else(|| Error::because(Reason::NotFound, Sentence::for_developers("there is no such matter")))
    }
}

/// The matter of this name.
///
/// # Errors
/// `NOT_FOUND` if there is none, or if it is hidden from the caller.
pub(crate) async fn readable(desk: &Desk, call: &Call, name: &str) -> Result<Readable, Error> {
    let page = desk.store.page(name).await?.unwrap_or_default();
    judged(desk, call, Matter::of(name), page)
}

/// The same as it was before its scope ended by time, for what must be answered after the end and has no text of the matter.
///
/// # Errors
/// As [`readable`].
pub(crate) async fn readable_after_end(desk: &Desk, call: &Call, name: &str) -> Result<Readable, Error> {
    let page = desk.store.page(name).await?.unwrap_or_default();
    let matter = Matter::of(name);
    let at = registry::of(&matter).last_shown(&matter, Seen::whole(&page), call.moment.now);
    judged_at(desk, call, matter, page, at)
}

/// The matter of a page that is already loaded.
///
/// # Errors
/// `NOT_FOUND` if it is hidden from the caller.
pub(crate) fn judged(desk: &Desk, call: &Call, matter: Matter, page: Page) -> Result<Readable, Error> {
    judged_at(desk, call, matter, page, call.moment.now)
}

fn judged_at(desk: &Desk, call: &Call, matter: Matter, page: Page, at: Timestamp) -> Result<Readable, Error> {
    let permit = decide_read(desk.own, &matter, Seen::whole(&page), &call.reader, at)?;
    Ok(Readable { matter, page, permit })
}

/// The matter of this name as the desk shows it, without its texts.
///
/// # Errors
/// `NOT_FOUND` if there is none, or if it is hidden from the caller.
pub(crate) async fn get<R: Resource>(desk: &Desk, call: &Call, name: &str) -> Result<R, Error> {
    readable(desk, call, name).await?.resource(desk, call)
}

/// The caller's leave to read the matter of this name now; `None` when it is hidden.
pub(crate) async fn permit(desk: &Desk, call: &Call, name: &str) -> Result<Option<ReadPermit>, Error> {
    let matter = Matter::of(name);
    // The scope is on the page.
    let page = if registry::of(&matter).is_scoped() { desk.store.page(name).await? } else { None };
    Ok(permit_of(desk, call, &matter, &page.unwrap_or_default()))
}

/// The caller's leave to read the matter of this page now; `None` when it is hidden.
pub(crate) fn permit_of(desk: &Desk, call: &Call, matter: &Matter, page: &Page) -> Option<ReadPermit> {
    decide_read(desk.own, matter, Seen::whole(page), &call.reader, desk.source.moment().now).ok()
}

/// The matter with this case number; `None` if there is none, and if it is hidden from the caller.
pub(crate) async fn by_case_number(desk: &Desk, call: &Call, number: &CaseNumber) -> Result<Option<Matter>, Error> {
    let found = desk.store.numbered(number).await?;
    let readable = found.filter(|(matter, page)| permit_of(desk, call, matter, page).is_some());
    Ok(readable.map(|(matter, _)| matter))
}

/// One page of a list, while it is filled.
pub(crate) struct Listing {
    pub(crate) items: Vec<Listed>,
    pub(crate) as_of: String,
    /// The list has more than these.
    more: bool,
    query: Query,
}

impl Listing {
    /// Its items as the desk shows them, without their words, and the token of the next page.
    pub(crate) fn resources<R: Resource + Message>(&self, desk: &Desk, call: &Call) -> Result<(Vec<R>, String), Error> {
        let mut page = Filling::default();
        for item in &self.items {
            let (seen, now) = (Seen::whole(&item.page), call.moment.now);
            let withheld = withheld(desk.own, &item.matter, seen, &call.reader, now);
            let shown = R::shown(&item.matter, seen, now, etag(&item.page, desk.own), &withheld);
            if !page.add(item.place, shown) {
                break;
            }
        }
        self.page(desk, call, page)
    }

    /// The response, and the token of the next page.
    pub(crate) fn page<R: Message>(
        &self,
        desk: &Desk,
        call: &Call,
        page: Filling<R>,
    ) -> Result<(Vec<R>, String), Error> {
        let last = page.last.filter(|_| page.is_full || self.more).map(u64::to_be_bytes);
        let token = last.map(|last| desk.tokens.page_token_encode(&call.moment, &self.query, &last));
        Ok((page.shown, token.transpose()?.unwrap_or_default()))
    }
}

/// A page in the making. It ends before the one that would make it too large.
pub(crate) struct Filling<R> {
    pub(crate) shown: Vec<R>,
    /// The place of the last one.
    pub(crate) last: Option<u64>,
    /// There was one more.
    pub(crate) is_full: bool,
    room: Room,
}

impl<R> Default for Filling<R> {
    fn default() -> Self {
        Self { shown: Vec::new(), last: None, is_full: false, room: Room::default() }
    }
}

impl<R: Message> Filling<R> {
    /// Adds the result at a place, if anything is shown there. True if there was room.
    pub(crate) fn add(&mut self, place: u64, shown: Option<R>) -> bool {
        self.is_full = shown.as_ref().is_some_and(|shown| !self.room.takes(shown.encoded_len()));
        if !self.is_full {
            self.last = Some(place);
            self.shown.extend(shown);
        }
        !self.is_full
    }
}

/// The page of a list that a caller asks for.
#[derive(Clone, Copy)]
pub(crate) struct PageRequest<'a> {
    /// The maximum number of its items; 0 for the default.
    pub(crate) page_size: u32,
    /// The token that the page before ended with; empty for the first page.
    pub(crate) token: &'a str,
}

impl PageRequest<'_> {
    fn size(&self) -> usize {
        size(self.page_size)
    }
}

/// The size of a page that the caller asks for.
pub(crate) fn size(page_size: u32) -> usize {
    usize::try_from(if page_size == 0 { DEFAULT } else { page_size }).unwrap_or_default()
}

/// The beginning of a page: the number in its token, or `start`.
pub(crate) fn begin(desk: &Desk, query: &Query, token: &str, start: u64) -> Result<u64, Error> {
    let Some(key) = desk.tokens.page_token_decode(query, token)? else { return Ok(start) };
    let number = key.as_slice().try_into().map(u64::from_be_bytes);
    number.map_err(|_| no_place())
}

/// The place behind which a page begins, from its token; `None` for the first page.
///
/// # Errors
/// `PAGE_TOKEN_INVALID`.
pub(crate) fn place<P: Message + Default>(desk: &Desk, query: &Query, token: &str) -> Result<Option<P>, Error> {
    let Some(key) = desk.tokens.page_token_decode(query, token)? else { return Ok(None) };
    P::decode(key.as_slice()).map(Some).map_err(|_| no_place())
}

/// The token is whole, and another version of the service made it.
fn no_place() -> Error {
    Error::because(
        Reason::PageTokenInvalid,
        ("the page token contains no place", "この値は、この一覧の続きを示すものではありません。"),
    )
}

/// The filter that a request states by the name of a state and by an agency; an unspecified one includes all.
pub(crate) fn filter(state: &'static str, waiting_for: Agency) -> Filter {
    let stated = |name: &&str| *name != "STATE_UNSPECIFIED";
    let waiting_for = Some(waiting_for).filter(|agency| *agency != Agency::Unspecified);
    Filter { state: Some(state).filter(stated), waiting_for, due_until: None }
}

/// The last due day that a caller wants to see; `None` if they state none.
///
/// # Errors
/// `FIELD_INVALID`.
pub(crate) fn due_until(stated: &str) -> Result<Option<Date>, Error> {
    let no_day = |_| {
        let detail = ("must be a day of the calendar, YYYY-MM-DD", "暦にある日をYYYY-MM-DDの形式で指定してください。");
        Refusal::field(Reason::FieldInvalid, "due_until", detail)
    };
    Ok(if stated.is_empty() { None } else { Some(stated.parse().map_err(no_day)?) })
}

/// One page of the nouns of `agencies/{ppc|ipa|-}` that the caller may see, as far as the filter includes them. `query` is
/// the request without its page.
pub(crate) async fn list(
    desk: &Desk,
    call: &Call,
    collection: Collection,
    (parent, filter): (&str, &Filter),
    query: &impl Message,
    page: PageRequest<'_>,
) -> Result<Listing, Error> {
    let query = Query::new(call.rule.path, query);
    let below = begin(desk, &query, page.token, u64::MAX)?;
    let openers: Vec<Agency> = match parent.strip_prefix("agencies/").and_then(Agency::from_id) {
        Some(agency) => vec![agency],
        None => vec![Agency::Ppc, Agency::Ipa],
    };
    // It is read before the list: a watch from here may repeat entries of the list, but misses nothing.
    let place = Cursor::at(&desk.store.heads().borrow());
    let size = page.size();
    let mut items =
        desk.store.list(collection, &openers, filter, (&call.reader, call.moment.now), below, size + 1).await?;
    let more = items.len() > size;
    items.truncate(size);
    Ok(Listing { items, as_of: desk.tokens.cursor_encode(&call.moment, &place.to_bytes())?, more, query })
}

/// One page of the entries of a matter with their texts, in the form of their noun, and the token of the next page. Entries that
/// are withheld from the caller are left out.
pub(crate) async fn entries<T>(
    desk: &Desk,
    call: &Call,
    parent: &str,
    query: &impl Message,
    page: PageRequest<'_>,
    shown: impl Fn(EntryWords) -> Result<T, Error>,
) -> Result<(Vec<T>, String), Error> {
    let it = readable(desk, call, parent).await?;
    if it.page.is_empty() {
        return Err(Error::because(Reason::NotFound, Sentence::for_developers("there is no such matter")));
    }
    let query = Query::new(call.rule.path, query);
    let size = page.size();
    let after = begin(desk, &query, page.token, 0)?;
    let mut held = desk.store.contents_of(&it.permit, after, size).await?;
    held.truncate(size);
    let newest = held.last().map_or(after, |last| last.turn);
    // The words may have ended the page before its size did.
    let more = !desk.store.entries_of(parent, newest, 1).await?.is_empty();
    let next_page_token = match more {
        true => desk.tokens.page_token_encode(&call.moment, &query, &newest.to_be_bytes())?,
        false => String::new(),
    };
    let held = held.into_iter().filter(|held| it.permit.shows(held.journal, held.header.seq));
    let words = held.filter_map(|held| EntryWords::of(held, Seen::whole(&it.page)));
    Ok((words.map(shown).collect::<Result<_, Error>>()?, next_page_token))
}

/// An entry with its words, before its noun gives them their type.
pub(crate) struct EntryWords {
    pub(crate) name: String,
    pub(crate) author: Agency,
    pub(crate) unit: String,
    pub(crate) written_at: Option<prost_types::Timestamp>,
    pub(crate) fact_type: String,
    pub(crate) answers: String,
    pub(crate) refused: bool,
    pub(crate) content: Option<Vec<u8>>,
}

impl EntryWords {
    fn of(held: StoredEntry, seen: Seen<'_>) -> Option<Self> {
        let Journal::Of(author) = held.journal else { return None };
        let header = held.header;
        Some(Self {
            name: entry_name(author, header.seq),
            author,
            unit: header.unit,
            written_at: header.written_at,
            fact_type: header.fact_type,
            answers: entry_name_if_any(author.peer(), header.answers),
            refused: seen.refusal(author, header.seq).is_some(),
            content: held.entry.content.map(|salted| salted.content),
        })
    }
}

impl EntryWords {
    /// The content in its type; `None` for a fact without content, and where it is sealed or was erased.
    ///
    /// # Errors
    /// A fault of the database: content is checked before it is stored.
    pub(crate) fn content<C: EntryContent>(&self) -> Result<Option<C>, Error> {
        let (Some(bytes), Some(kind)) = (self.content.as_deref(), FactKind::named(&self.fact_type)) else {
            return Ok(None);
        };
        decoded(kind, bytes)
    }
}

/// Stored content in its type; `None` for a kind whose content the service does not return.
///
/// # Errors
/// A fault of the database: content is checked before it is stored.
pub(crate) fn decoded<C: EntryContent>(kind: FactKind, bytes: &[u8]) -> Result<Option<C>, Error> {
    C::decode(kind, bytes).map_err(undecodable)
}

/// Stored content as this message.
///
/// # Errors
/// A fault of the database: content is checked before it is stored.
pub(crate) fn decoded_as<M: Message + Default>(bytes: &[u8]) -> Result<M, Error> {
    M::decode(bytes).map_err(undecodable)
}

fn undecodable(error: prost::DecodeError) -> Error {
    Error::fault(format!("stored content does not decode: {error}"))
}
