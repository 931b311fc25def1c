//! The change feed: names, never content, in the order of commit.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use renkei_book::Declined;
use renkei_domain::{matter::Matter, noun::registry, page::Page};
use renkei_proto::{
    options::v1::Reason,
    watch::v1::{Event, WatchRequest, WatchResponse, watch_service_server::WatchService},
};
use renkei_rpc::{
    error::Error as CallError,
    places::{self, Places, Shortage},
    token::Cursor,
    validate::Call,
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{
    desk::{Answers, Desk, open_stream},
    error::Error,
    read::{cursor_at, permit, permit_of},
};

/// The most watchers at once, and the most of one caller.
const WATCHERS: usize = 64;
const WATCHERS_EACH: usize = 16;
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

    /// The turn after which the watch continues.
    async fn begin(&self, cursor: &str) -> Result<u64, Error> {
        // The cursor may be from a replica that has written since this one last read the heads.
        self.desk.store.refresh().await?;
        let head = cursor_at(&self.desk.store.heads().borrow());
        let first = self.desk.store.told_from();
        let after = match cursor {
            "" => return Ok(head.turn),
            "-" => return Ok(first),
            cursor => self.desk.tokens.cursor_decode(cursor)?,
        };
        if after.incarnation != head.incarnation || after.turn < first {
            return Err(Error::because(
                Reason::CursorTooOld,
                "the feed no longer reaches back so far: list, then continue from `as_of`",
            ));
        }
        if after.turn > head.turn {
            return Err(Error::because(Reason::CursorUnknown, "the feed has not come as far as this cursor"));
        }
        Ok(after.turn)
    }
}

#[tonic::async_trait]
impl WatchService for Watches {
    type WatchStream = Answers<WatchResponse>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        open_stream(request, &self.desk, async |call: Call, it: WatchRequest| {
            let names = ["watchers", "watchers of one caller"];
            let full = |shortage| CallError::short_of(shortage, Reason::TooManyWatchers, names);
            let mut after = self.begin(&it.cursor).await?;
            let watcher = self.watchers.enter(&call.caller, after).map_err(full)?;
            let (desk, draining) = (self.desk.clone(), self.draining.clone());
            Ok(async_stream::try_stream! {
                let mut heads = desk.store.heads();
                // A first heartbeat at once: the watcher has a cursor before anything changes.
                yield heartbeat(&desk, after)?;
                loop {
                    let head = cursor_at(&heads.borrow_and_update());
                    if desk.store.barred().borrow().contains(&call.official) {
                        Err(Error::because(Reason::OfficialBarred, ""))?;
                    }
                    let mut events = desk.store.feed(after, CHUNK).await?;
                    // Private entries have turns too, so the last change may be before the head.
                    let last = events.last().map_or(after, |(turn, _)| *turn);
                    let reached = if events.len() < CHUNK { last.max(head.turn) } else { last };
                    events.retain(|(_, event)| it.matter.is_empty() || event.matter == it.matter);
                    let pages = EventPages::of(&desk, &events).await?;
                    for (turn, event) in events {
                        if pages.show(&desk, &call, &event.matter).await? {
                            let cursor = Cursor { turn, ..head };
                            let cursor = desk.tokens.cursor_encode(&desk.source.moment(), cursor)?;
                            yield WatchResponse { cursor, event: Some(event) };
                        }
                    }
                    after = reached;
                    watcher.told(after);
                    if heads.borrow().turn > after {
                        continue;
                    }
                    let next = tokio::select! {
                        () = draining.cancelled() => Next::Drain,
                        _ = heads.changed() => Next::Look,
                        () = tokio::time::sleep(HEARTBEAT) => Next::Beat,
                    };
                    match next {
                        Next::Look => {}
                        Next::Beat => yield heartbeat(&desk, after)?,
                        Next::Drain => {
                            Err(Error::because(Reason::Draining, "the service is shutting down: continue from the last cursor"))?;
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
    async fn of(desk: &Desk, events: &[(u64, Event)]) -> Result<Self, Error> {
        let turn = desk.store.heads().borrow().turn;
        let matters = events.iter().map(|(_, event)| event.matter.as_str());
        let scoped = matters.filter(|name| registry::of(&Matter::of(name)).is_scoped());
        Ok(Self { turn, found: desk.store.pages(&scoped.collect()).await? })
    }

    /// True if the caller receives a change now. A change of a matter that was changed outside the service is sent to
    /// nobody, and no watch ends for it: a reader of the matter gets the error.
    async fn show(&self, desk: &Desk, call: &Call, name: &str) -> Result<bool, Error> {
        if name.is_empty() {
            return Ok(true);
        }
        if desk.store.heads().borrow().turn != self.turn {
            // An entry since then may have narrowed the scope.
            return match permit(desk, call, name).await {
                Ok(permit) => Ok(permit.is_some()),
                Err(Error::Store(renkei_store::Error::Declined(Declined::Altered { .. }))) => Ok(false),
                Err(error) => Err(error),
            };
        }
        let none = Page::default();
        Ok(permit_of(desk, call, &Matter::of(name), self.found.get(name).unwrap_or(&none)).is_some())
    }
}

fn heartbeat(desk: &Desk, after: u64) -> Result<WatchResponse, Error> {
    let cursor = Cursor { turn: after, ..cursor_at(&desk.store.heads().borrow()) };
    Ok(WatchResponse { cursor: desk.tokens.cursor_encode(&desk.source.moment(), cursor)?, event: None })
}
