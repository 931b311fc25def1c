//! The change feed as a watcher reads it.

use renkei_proto::watch::v1::{
    Event, WatchRequest, WatchResponse, event::Change, watch_service_client::WatchServiceClient,
};
use tonic::Streaming;

use crate::{
    acts::{Answer, Refused},
    desk::{Authentic, PATIENCE},
};

/// One watch. Its first answer, a heartbeat, is read already: nothing that changes from now on is missed.
pub struct Feed {
    answers: Streaming<WatchResponse>,
    /// Where to go on after what was read.
    pub cursor: String,
}

impl Feed {
    /// Begins a watch.
    ///
    /// # Errors
    /// The refusal.
    pub async fn open(client: &WatchServiceClient<Authentic>, cursor: &str, matter: &str) -> Answer<Self> {
        let request = WatchRequest { cursor: cursor.to_owned(), matter: matter.to_owned() };
        let mut answers = client.clone().watch(request).await?.into_inner();
        let first = answers.message().await?.unwrap_or_default();
        assert!(first.event.is_none() && !first.cursor.is_empty(), "a watch begins with a heartbeat: {first:?}");
        Ok(Self { answers, cursor: first.cursor })
    }

    /// The next answer, heartbeats too.
    ///
    /// # Errors
    /// Why the watch ended.
    pub async fn answer(&mut self) -> Answer<WatchResponse> {
        let next = tokio::time::timeout(PATIENCE, self.answers.message()).await;
        assert!(next.is_ok(), "nothing was heard of the feed for {} s", PATIENCE.as_secs());
        let answer = next.ok().transpose()?.flatten();
        assert!(answer.is_some(), "a watch ends with a status, never by itself");
        let answer = answer.unwrap_or_default();
        self.cursor.clone_from(&answer.cursor);
        Ok(answer)
    }

    /// The next change.
    ///
    /// # Errors
    /// Why the watch ended.
    pub async fn event(&mut self) -> Answer<Event> {
        loop {
            if let Some(event) = self.answer().await?.event {
                return Ok(event);
            }
        }
    }

    /// The name and kind of fact of the next entry that stands on a page; other changes are skipped.
    ///
    /// # Errors
    /// Why the watch ended.
    pub async fn entry(&mut self) -> Answer<(String, String)> {
        loop {
            if let Some(Change::EntryApplied(applied)) = self.event().await?.change {
                return Ok((applied.entry, applied.fact_type));
            }
        }
    }

    /// Reads until the watch ends.
    pub async fn end(&mut self) -> Refused {
        loop {
            if let Err(refused) = self.answer().await {
                return refused;
            }
        }
    }
}
