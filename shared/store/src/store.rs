//! The handle on a store.

use std::sync::Arc;

use prost::Message as _;
use renkei_book::{Agreements, CallOrigin, Command, Declined, Heads, Record, Submission};
use renkei_domain::moment::Moment;
use renkei_journal::SigningKey;
use renkei_proto::r#type::v1::Agency;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    audit::Reading,
    error::Error,
    inner::Inner,
    job::{Job, QUEUE},
};

/// A handle on the store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
    pub(crate) queue: mpsc::Sender<Job>,
    pub(crate) reads: mpsc::Sender<Reading>,
    pub(crate) closing: watch::Sender<bool>,
    pub(crate) ended: watch::Receiver<bool>,
}

impl Store {
    /// Runs a command and waits until it is durable. A call of the service itself waits for a place in the queue.
    ///
    /// # Errors
    /// The refusal of the command, or the reason for which it was not written.
    pub async fn write<C: Command>(
        &self,
        name: &'static str,
        call: CallOrigin,
        moment: Moment,
        command: C,
    ) -> Result<C::Reply, Error> {
        let (done, reply) = oneshot::channel();
        let is_desk = !call.request_id.is_empty();
        let span = renkei_telemetry::span::write(name);
        let job = Job { submission: Submission::new(command, call, moment), done, span: span.clone() };
        let waiting = async {
            if is_desk {
                self.queue.try_send(job).map_err(|full| match full {
                    mpsc::error::TrySendError::Full(_) => Error::Busy { limit: QUEUE },
                    mpsc::error::TrySendError::Closed(_) => Error::Ended,
                })?;
            } else {
                self.queue.send(job).await.map_err(|_| Error::Ended)?;
            }
            reply.await.map_err(|_| Error::Ended)?
        };
        let bytes = tracing::Instrument::instrument(waiting, span).await?;
        C::Reply::decode(bytes.as_slice()).map_err(|error| Error::Damaged(format!("a stored reply: {error}")))
    }

    /// Records that secret material is read, and waits until the record is durable. The material is handed out only
    /// afterwards.
    ///
    /// # Errors
    /// `AuditUnavailable`.
    pub async fn record_read(
        &self,
        call: &CallOrigin,
        matter: &str,
        outcome: &str,
        moment: &Moment,
    ) -> Result<(), Error> {
        self.record_reads(call, [(matter, outcome)], moment).await
    }

    /// The same for one read of several matters, each with its own outcome: all records are durable, or none is.
    ///
    /// # Errors
    /// `AuditUnavailable`.
    pub async fn record_reads(
        &self,
        call: &CallOrigin,
        outcomes: impl IntoIterator<Item = (&str, &str)>,
        moment: &Moment,
    ) -> Result<(), Error> {
        let (done, recorded) = oneshot::channel();
        let records = outcomes.into_iter().map(|(matter, outcome)| Record {
            call: call.clone(),
            matter: matter.to_owned(),
            outcome: outcome.to_owned(),
            at_us: moment.now.as_microsecond(),
            reply: None,
        });
        let reading = Reading { records: records.collect(), done };
        self.reads.try_send(reading).map_err(|_| Error::AuditUnavailable)?;
        recorded.await.map_err(|_| Error::AuditUnavailable)?
    }

    /// Tests whether the database can be written, and changes nothing.
    ///
    /// # Errors
    /// The reason for which it cannot be written.
    pub async fn try_writing(&self) -> Result<(), Error> {
        // The transaction writes and is not committed, so it is rolled back.
        self.inner.begin_writing().await.map(|_| ())
    }

    /// The ids of the officials who are barred, after every commit of this replica.
    pub fn barred(&self) -> watch::Receiver<std::collections::BTreeSet<String>> {
        self.inner.barred.subscribe()
    }

    /// The agency of this service.
    pub fn own(&self) -> Agency {
        self.inner.own
    }

    /// The id of the database. Cursors are bound to it.
    pub fn id(&self) -> &str {
        &self.inner.store_id
    }

    /// The turn behind which the feed begins. What was told before it was told by an older version of the database.
    pub fn told_from(&self) -> u64 {
        self.inner.told_from
    }

    /// The key that signs entries and receipts.
    pub fn key(&self) -> &SigningKey {
        &self.inner.key
    }

    /// The versions of the memorandum that entries may name.
    pub fn agreements(&self) -> &Agreements {
        &self.inner.agreements
    }

    /// The heads of the journals, after every commit of this replica.
    pub fn heads(&self) -> watch::Receiver<Heads> {
        self.inner.heads.subscribe()
    }

    /// Refuses acts of officials, and their reads of secret material, while records that could forbid them may be
    /// missing.
    ///
    /// # Errors
    /// [`Declined::Recovering`], [`Declined::BarListOpen`].
    pub fn admit_officials(&self) -> Result<(), Error> {
        let heads = self.inner.heads.borrow();
        match (heads.recovering(), heads.is_bar_list_open()) {
            (true, _) => Err(Declined::Recovering.into()),
            (_, true) => Err(Declined::BarListOpen.into()),
            _ => Ok(()),
        }
    }
}
