//! Calls at PPC's desk while a fault is played: what was acknowledged, how long calls took, and what is there
//! afterwards.

use std::{collections::BTreeSet, sync::Mutex, time::Duration};

use renkei_client::CallError;
use renkei_proto::{
    options::v1::Reason,
    sharing::v1::{Item, ListItemsRequest},
};
use tokio::time::Instant;

use crate::{
    acts::{Acts, to_the_party},
    fault::report::Report,
    signs::Sign,
};

/// Officials who write one after the other, and read what was written.
pub(super) struct Load {
    pub(super) acts: Acts,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    acknowledged: BTreeSet<String>,
    refused: Vec<CallError>,
    longest: Option<Duration>,
}

impl Load {
    /// A pause between two calls.
    pub(super) const PACE: Duration = Duration::from_millis(20);
    /// The deadline of a call and a second.
    pub(super) const DEADLINE: Duration = Duration::from_secs(11);
    /// The number of writers at once.
    const WRITERS: usize = 4;

    pub(super) fn new(acts: Acts) -> Self {
        Self { acts, state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The number of writes that were acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        self.state().acknowledged.len()
    }

    /// The longest call so far.
    pub(super) fn longest(&self) -> Option<Duration> {
        self.state().longest
    }

    /// Why calls were refused since this was asked last.
    pub(super) fn refusals(&self) -> BTreeSet<&'static str> {
        std::mem::take(&mut self.state().refused).iter().map(|refused| refused.reason.id()).collect()
    }

    /// Writes one item.
    pub(super) async fn write(&self) -> Result<Item, CallError> {
        let begun = Instant::now();
        let written = self.acts.publish_item(self.acts.publishing_item(to_the_party())).await;
        let mut state = self.state();
        state.longest = state.longest.max(Some(begun.elapsed()));
        match &written {
            Ok(item) => drop(state.acknowledged.insert(item.name.clone())),
            Err(refused) => state.refused.push(refused.clone()),
        }
        written
    }

    /// Reads the words of an item that was acknowledged.
    pub(super) async fn read(&self) -> Result<(), CallError> {
        let name = self.state().acknowledged.last().cloned().unwrap_or_default();
        let begun = Instant::now();
        let read = self.acts.item(&name).await.map(|_| ());
        let mut state = self.state();
        state.longest = state.longest.max(Some(begun.elapsed()));
        read
    }

    /// Several write and one reads, for ever.
    pub(super) async fn run(&self) {
        let writing = (0..Self::WRITERS).map(|_| async {
            loop {
                let _ = self.write().await;
                tokio::time::sleep(Self::PACE).await;
            }
        });
        let reading = async {
            loop {
                let _ = self.read().await;
                tokio::time::sleep(Self::PACE).await;
            }
        };
        let (_, ()) = tokio::join!(futures::future::join_all(writing), reading);
    }

    pub(super) async fn run_for(&self, time: Duration) {
        // It never ends by itself.
        let _ = tokio::time::timeout(time, self.run()).await;
    }

    /// Goes on until a write that began now or later is acknowledged. Gives how long that took.
    pub(super) async fn until_written(&self, bound: Duration) -> Option<Duration> {
        let begun = Instant::now();
        let before = self.acknowledged();
        let acknowledged = async {
            while self.acknowledged() == before {
                tokio::time::sleep(Self::PACE).await;
            }
        };
        let running = async {
            tokio::select! { () = self.run() => {}, () = acknowledged => {} }
        };
        tokio::time::timeout(bound, running).await.ok().map(|()| begun.elapsed())
    }

    /// Every acknowledged item is there, and no name twice.
    pub(super) async fn is_held(&self) -> Result<bool, String> {
        let (mut held, mut token, mut rows) = (BTreeSet::new(), String::new(), 0);
        loop {
            let request = ListItemsRequest {
                parent: format!("agencies/{}", self.acts.agency.id()),
                page_size: 500,
                page_token: token,
                ..ListItemsRequest::default()
            };
            let page = self.acts.list_items(request).await.map_err(|refused| format!("{refused:?}"))?;
            rows += page.items.len();
            held.extend(page.items.into_iter().map(|item| item.name));
            token = page.next_page_token;
            if token.is_empty() {
                return Ok(rows == held.len() && self.state().acknowledged.is_subset(&held));
            }
        }
    }
}

/// A time for people.
pub(super) fn seconds(time: impl Into<Option<Duration>>) -> String {
    time.into().map_or_else(|| "never".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()))
}

/// One figure per sign.
pub(super) fn figures(report: &mut Report<'_>, turned: &str, signs: &[(Sign, Duration)]) {
    for (sign, took) in signs {
        report.figure(&format!("until {sign} {turned}"), seconds(*took));
    }
}

/// Tells whether every refusal invited the caller to repeat the call.
pub(super) fn may_be_repeated(refusals: &BTreeSet<&'static str>) -> bool {
    let right = [Reason::DatabaseUnavailable, Reason::AuditUnavailable].map(Reason::id);
    refusals.iter().all(|refusal| right.contains(refusal))
}
