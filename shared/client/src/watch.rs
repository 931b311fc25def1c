//! The change feed of a service.

use std::time::Duration;

use renkei_proto::{
    options::v1::Reason,
    watch::v1::{Event, WatchRequest, WatchResponse, watch_service_client::WatchServiceClient},
};
use tokio::time::{Instant, sleep};
use tonic::{Code, Streaming};

use crate::{
    calls::{Answer, REPEAT_AFTER},
    error::CallError,
    official::OfficialChannel,
};

/// The time within which a watch that broke off is begun again.
pub const RESUME_WITHIN: Duration = Duration::from_secs(60);

/// A watch over the change feed. Events are names, never content, in the order of their commit.
///
/// The first answer of a watch is a heartbeat. It is read when the watch is opened, so nothing is missed that changes
/// afterwards. Keep [`Watch::cursor`] with what was made of the events: a later watch goes on after it.
pub struct Watch {
    client: WatchServiceClient<OfficialChannel>,
    matter: String,
    cursor: String,
    /// The first answer of the stream until it is read, should it not be a heartbeat.
    first: Option<WatchResponse>,
    answers: Streaming<WatchResponse>,
}

impl Watch {
    /// Begins a watch. `cursor` is empty for all that changes from now on, `-` for everything from the beginning, or
    /// the cursor of an event or a list. `matter` is the name of the only matter to watch; empty for all that the
    /// caller may see.
    ///
    /// # Errors
    /// The refusal, among them `CURSOR_UNKNOWN` and `TOO_MANY_WATCHERS`.
    pub async fn open(channel: OfficialChannel, cursor: &str, matter: &str) -> Answer<Self> {
        let client = WatchServiceClient::new(channel);
        let (answers, first) = begin(&client, cursor, matter).await?;
        let mut watch = Self { client, matter: matter.to_owned(), cursor: cursor.to_owned(), first: None, answers };
        watch.take(first);
        Ok(watch)
    }

    /// The cursor after the last answer that was read.
    pub fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The next event. A watch that breaks off, or whose service shuts down, continues after its cursor at the same
    /// address; no event is lost or repeated.
    ///
    /// Cancelling this loses nothing.
    ///
    /// # Errors
    /// The refusal, or the last failure after [`RESUME_WITHIN`].
    pub async fn event(&mut self) -> Answer<Event> {
        loop {
            match self.answer().await {
                Ok(answer) => {
                    if let Some(event) = answer.event {
                        return Ok(event);
                    }
                }
                Err(error) if breaks_off(&error) => self.resume().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// The next answer of this stream: an event, or a heartbeat without one.
    ///
    /// # Errors
    /// The status with which the stream ended. It is never begun again here.
    pub async fn answer(&mut self) -> Answer<WatchResponse> {
        let answer = match self.first.take() {
            Some(first) => first,
            None => self.answers.message().await?.ok_or_else(ended)?,
        };
        self.cursor.clone_from(&answer.cursor);
        Ok(answer)
    }

    async fn resume(&mut self) -> Answer<()> {
        let start = Instant::now();
        loop {
            match begin(&self.client, &self.cursor, &self.matter).await {
                Ok((answers, first)) => {
                    self.answers = answers;
                    self.take(first);
                    return Ok(());
                }
                // The service may not yet have noticed that the place of the broken watch is free.
                Err(error) if breaks_off(&error) || error.reason == Reason::TooManyWatchers => {
                    if start.elapsed() > RESUME_WITHIN {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
            sleep(REPEAT_AFTER).await;
        }
    }

    fn take(&mut self, first: WatchResponse) {
        if first.event.is_some() {
            self.first = Some(first);
        } else {
            self.cursor = first.cursor;
        }
    }
}

async fn begin(
    client: &WatchServiceClient<OfficialChannel>,
    cursor: &str,
    matter: &str,
) -> Answer<(Streaming<WatchResponse>, WatchResponse)> {
    let request = WatchRequest { cursor: cursor.to_owned(), matter: matter.to_owned() };
    let mut answers = client.clone().watch(request).await?.into_inner();
    let first = answers.message().await?.ok_or_else(ended)?;
    Ok((answers, first))
}

fn breaks_off(error: &CallError) -> bool {
    error.is_unanswered || error.reason == Reason::Draining
}

/// A service ends a watch with a status, so one that ends without any was cut by something between.
fn ended() -> CallError {
    CallError {
        code: Code::Unavailable,
        reason: Reason::Unspecified,
        fields: Vec::new(),
        field_sentences: Vec::new(),
        limit: None,
        japanese: String::new(),
        message: "the watch ended without a status".to_owned(),
        retry_after: None,
        is_unanswered: true,
        is_lasting: false,
    }
}
