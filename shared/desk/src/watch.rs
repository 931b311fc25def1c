//! The change feed: names, never content, in the order of commit.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use renkei_book::{Cursor, Declined, Told};
use renkei_domain::{
    decide::{ReadPermit, decide_read},
    matter::Matter,
    moment::instant,
    noun::registry,
    page::{Journal, Page, Seen},
    refusal::Refusal,
};
use renkei_journal::Head;
use renkei_proto::{
    options::v1::Reason,
    r#type::v1::Agency,
    watch::v1::{
        EntryApplied, Event, MatterHidden, WatchRequest, WatchResponse, event::Change,
        watch_service_server::WatchService,
    },
};
use renkei_rpc::{
    error::Error as CallError,
    places::{self, Places, Shortage},
    validate::Call,
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{
    desk::{Answers, Desk, open_stream},
    error::Error,
    read::{permit, permit_of},
};

/// The most watchers at once, and the most of one caller.
const WATCHERS: usize = 64;
pub(crate) const WATCHERS_EACH: usize = 16;
/// The longest time without a message to a watcher.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// The number of changes that are read at once: as many as one statement reads the pages of.
const CHUNK: usize = 64;

/// The next step of a watcher.
enum Next {
    Look,
    Beat,
    Drain,
}

/// The watchers, each with the turn up to which it has received the feed. Clones share everything.
#[derive(Clone, Debug)]
pub struct Watchers {
    places: Places,
    told: Arc<Mutex<WatchPositions>>,
}

#[derive(Debug, Default)]
struct WatchPositions {
    entered: u64,
    each: BTreeMap<u64, u64>,
}

impl Default for Watchers {
    fn default() -> Self {
        Self { places: Places::new(WATCHERS, WATCHERS_EACH), told: Arc::default() }
    }
}

impl Watchers {
    /// The number of open watches.
    #[must_use]
    pub fn open(&self) -> usize {
        self.told().each.len()
    }

    /// The turn up to which all of them have received the feed; `None` without watchers.
    #[must_use]
    pub fn slowest(&self) -> Option<u64> {
        self.told().each.values().min().copied()
    }

    /// A place for one more of this caller.
    fn enter(&self, caller: &str, after: u64) -> Result<Watcher, Shortage> {
        let place = self.places.take(caller)?;
        let mut told = self.told();
        told.entered += 1;
        let number = told.entered;
        told.each.insert(number, after);
        Ok(Watcher { watchers: self.clone(), number, _place: place })
    }

    fn told(&self) -> MutexGuard<'_, WatchPositions> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One watcher, until it goes.
struct Watcher {
    watchers: Watchers,
    number: u64,
    _place: places::Place,
}

impl Watcher {
    /// Records that the watcher has received the feed up to this turn.
    fn told(&self, after: u64) {
        self.watchers.told().each.insert(self.number, after);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.watchers.told().each.remove(&self.number);
    }
}

/// The implementation of `WatchService`.
pub(crate) struct Watches {
    desk: Desk,
    watchers: Watchers,
    draining: CancellationToken,
}

impl Watches {
    pub(crate) fn new(desk: Desk, watchers: Watchers, draining: CancellationToken) -> Self {
        Self { desk, watchers, draining }
    }

    /// The place from which the watch continues.
    async fn begin(&self, cursor: &str) -> Result<Cursor, Error> {
        let store = &self.desk.store;
        // The cursor may be from a replica that has written since this one last read the heads.
        store.refresh().await?;
        let heads = store.heads().borrow().clone();
        let (head, first) = (Cursor::at(&heads), store.told_from());
        match cursor {
            "" => Ok(head),
            "-" => Ok(Cursor { turn: first, own: Head::EMPTY, peer: Head::EMPTY, ..head }),
            cursor => {
                let place = Cursor::from_bytes(&self.desk.tokens.cursor_decode(cursor)?);
                place.continued(&heads, first, store.around(&place).await?)?;
                Ok(place)
            }
        }
    }
}

#[tonic::async_trait]
impl WatchService for Watches {
    type WatchStream = Answers<WatchResponse>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        open_stream(request, &self.desk, async |call: Call, it: WatchRequest| {
            let names = ["watchers", "watchers of one caller"];
            let full = |shortage| CallError::short_of(shortage, Reason::TooManyWatchers, names);
            let mut place = self.begin(&it.cursor).await?;
            let watcher = self.watchers.enter(&call.caller, place.turn).map_err(full)?;
            let (desk, draining) = (self.desk.clone(), self.draining.clone());
            Ok(async_stream::try_stream! {
                let mut heads = desk.store.heads();
                // A first heartbeat at once: the watcher has a cursor before anything changes.
                yield heartbeat(&desk, place)?;
                loop {
                    let head = Cursor::at(&heads.borrow_and_update());
                    if desk.store.barred().borrow().contains(&call.official) {
                        Err(Error::from(Refusal::plain(Reason::OfficialBarred)))?;
                    }
                    let told = desk.store.feed(place.turn, CHUNK).await?;
                    let is_all = told.len() < CHUNK;
                    let is_asked = |told: &&Told| it.matter.is_empty() || told.event.matter == it.matter;
                    let pages = EventPages::of(&desk, told.iter().filter(is_asked)).await?;
                    // A watch goes on in the incarnation that it has come to.
                    place.incarnation = head.incarnation;
                    for told in told {
                        let before = place;
                        place = place.behind(desk.own, &told);
                        if !is_asked(&&told) {
                            continue;
                        }
                        if let Some(event) = pages.shown(&desk, &call, told, [before, place]).await? {
                            yield WatchResponse { cursor: sealed(&desk, place)?, event: Some(event) };
                        }
                    }
                    if is_all {
                        place = place.reached(head);
                    }
                    watcher.told(place.turn);
                    if heads.borrow().turn > place.turn {
                        continue;
                    }
                    let next = tokio::select! {
                        () = draining.cancelled() => Next::Drain,
                        _ = heads.changed() => Next::Look,
                        () = tokio::time::sleep(HEARTBEAT) => Next::Beat,
                    };
                    match next {
                        Next::Look => {}
                        Next::Beat => yield heartbeat(&desk, place)?,
                        Next::Drain => {
                            Err(Error::because(Reason::Draining, ("the service is shutting down: continue from the last cursor", "最後の読取位置から再開してください。")))?;
                        }
                    }
                }
            })
        })
        .await
    }
}

/// The pages of the matters of some changes, as they were at a turn.
struct EventPages {
    turn: u64,
    found: BTreeMap<String, Page>,
}

impl EventPages {
    /// The pages that decide whether a caller receives these changes: those whose matters have a scope.
    async fn of(desk: &Desk, told: impl Iterator<Item = &Told>) -> Result<Self, Error> {
        let turn = desk.store.heads().borrow().turn;
        let matters = told.map(|told| told.event.matter.as_str());
        let scoped = matters.filter(|name| registry::of(&Matter::of(name)).is_scoped());
        Ok(Self { turn, found: desk.store.pages(&scoped.collect()).await? })
    }

    /// A change as the caller receives it; `None` if they do not. An entry that is withheld from them is not told, unless it has
    /// begun or ended their sight of its matter.
    async fn shown(&self, desk: &Desk, call: &Call, told: Told, around: [Cursor; 2]) -> Result<Option<Event>, Error> {
        if told.event.matter.is_empty() {
            return Ok(Some(told.event));
        }
        let permit = self.permit(desk, call, &told.event.matter).await?;
        let Some((author, head)) = told.entry else { return Ok(permit.map(|_| told.event)) };
        if permit.as_ref().is_some_and(|permit| permit.shows(Journal::Of(author), head.seq)) {
            return Ok(Some(told.event));
        }
        Ok(match (permit, self.sight(desk, call, &told.event, around)) {
            (Some(_), [false, true]) => Some(without_entry(told.event)),
            (None, [true, false]) => Some(hidden(told.event)),
            _ => None,
        })
    }

    /// The caller's leave to read a matter now. There is none for a matter that was changed outside the service: no watch ends for
    /// it, and a reader of the matter gets the error.
    async fn permit(&self, desk: &Desk, call: &Call, name: &str) -> Result<Option<ReadPermit>, Error> {
        if desk.store.heads().borrow().turn != self.turn {
            // An entry since then may have narrowed the scope.
            return match permit(desk, call, name).await {
                Err(Error::Store(renkei_store::Error::Declined(Declined::Altered { .. }))) => Ok(None),
                judged => judged,
            };
        }
        let none = Page::default();
        Ok(permit_of(desk, call, &Matter::of(name), self.found.get(name).unwrap_or(&none)))
    }

    /// Whether the caller saw a matter before an entry, and after it. It is judged at the time of the entry, on the page as it was
    /// at two places in the feed, so every watch that passes the entry tells the same.
    fn sight(&self, desk: &Desk, call: &Call, event: &Event, around: [Cursor; 2]) -> [bool; 2] {
        let (matter, at) = (Matter::of(&event.matter), event.time.as_ref().map(instant));
        let (Some(page), Some(at)) = (self.found.get(&event.matter), at) else { return [false; 2] };
        around.map(|place| {
            let (own, peer) = (place.own.seq, place.peer.seq);
            let (ppc, ipa) = if desk.own == Agency::Ppc { (own, peer) } else { (peer, own) };
            decide_read(desk.own, &matter, Seen::until(page, ppc, ipa), &call.reader, at).is_ok()
        })
    }
}

/// The change that hides its matter, as the watcher receives it: no more than a name that it has seen before.
fn hidden(event: Event) -> Event {
    Event { traceparent: String::new(), change: Some(Change::MatterHidden(MatterHidden {})), ..event }
}

/// An entry that has made its matter visible and is itself withheld: the matter and its state.
fn without_entry(event: Event) -> Event {
    let state = match event.change {
        Some(Change::EntryApplied(applied)) => applied.state,
        _ => String::new(),
    };
    let applied = EntryApplied { state, ..EntryApplied::default() };
    Event { traceparent: String::new(), change: Some(Change::EntryApplied(applied)), ..event }
}

fn heartbeat(desk: &Desk, place: Cursor) -> Result<WatchResponse, Error> {
    Ok(WatchResponse { cursor: sealed(desk, place)?, event: None })
}

/// The cursor as watchers receive it.
fn sealed(desk: &Desk, place: Cursor) -> Result<String, Error> {
    Ok(desk.tokens.cursor_encode(&desk.source.moment(), &place.to_bytes())?)
}
