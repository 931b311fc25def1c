//! The surroundings of the sessions. Their decisions are the same on a database and in memory, where a simulation has them
//! meet every failure.

use std::{future::Future, time::Duration};

use renkei_book::{CallOrigin, Cause, Command, Heads, HelloVerdict, PeerHolds, Reopen, StoredEntry};
use renkei_domain::{
    moment::Moment,
    page::{Journal, Page},
};
use renkei_journal::{Head, SigningKey};
use renkei_proto::{
    journal::v1::SignedReceipt,
    link::v1::{LinkStatus, frame::Kind},
    r#type::v1::Agency,
};
use renkei_rpc::error::Error as CallError;
use renkei_store::{Error, Store};
use tokio::sync::watch;

/// The agency's journals with their writer, a timer, and threads for long computations.
pub trait Host: Clone + Send + Sync + 'static {
    /// The agency of this service.
    fn own(&self) -> Agency;

    /// The key that signs entries, receipts and stops.
    fn key(&self) -> &SigningKey;

    /// The heads of the journals, after every commit.
    fn heads(&self) -> watch::Receiver<Heads>;

    /// Reads the heads again, for writes of other processes.
    fn refresh(&self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Goes back to the last stored entry of a journal whose end is missing.
    fn mend_ends(&self, moment: &Moment) -> impl Future<Output = Result<(), Error>> + Send;

    /// The page of a matter.
    fn page(&self, matter: &str) -> impl Future<Output = Result<Option<Page>, Error>> + Send;

    /// An entry with its content.
    fn entry(&self, journal: Journal, seq: u64) -> impl Future<Output = Result<Option<StoredEntry>, Error>> + Send;

    /// At most `limit` entries of a journal from a number on, in order and with their contents.
    fn entries(
        &self,
        journal: Journal,
        from: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredEntry>, Error>> + Send;

    /// The newest receipt that was signed for the peer's journal.
    fn receipt_given(&self) -> impl Future<Output = Result<Option<SignedReceipt>, Error>> + Send;

    /// The consequence of the peer's position in the own journal.
    fn standing(&self, last: &PeerHolds) -> impl Future<Output = Result<HelloVerdict, Error>> + Send;

    /// Begins a recovery: the own journal is known to have been written up to `lost`.
    fn rewind(&self, lost: Head, moment: &Moment) -> impl Future<Output = Result<(), Error>> + Send;

    /// The command that opens a new incarnation.
    fn reopening(&self, cause: Cause) -> impl Future<Output = Result<Reopen, Error>> + Send;

    /// Runs a command of the service itself and waits until it is durable.
    fn write<C: Command>(
        &self,
        name: &'static str,
        moment: Moment,
        command: C,
    ) -> impl Future<Output = Result<C::Reply, Error>> + Send;

    /// Announces the state of the connection. Returns the previous state.
    fn say_link(&self, link: &LinkStatus) -> LinkStatus;

    /// Waits.
    fn pause(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Computes something that would hold up other calls; `None` if the computation was lost.
    fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send;
}

impl Host for Store {
    fn own(&self) -> Agency {
        self.own()
    }

    fn key(&self) -> &SigningKey {
        self.key()
    }

    fn heads(&self) -> watch::Receiver<Heads> {
        self.heads()
    }

    async fn refresh(&self) -> Result<(), Error> {
        self.refresh().await
    }

    async fn mend_ends(&self, moment: &Moment) -> Result<(), Error> {
        self.mend_ends(moment).await
    }

    async fn page(&self, matter: &str) -> Result<Option<Page>, Error> {
        self.page(matter).await
    }

    async fn entry(&self, journal: Journal, seq: u64) -> Result<Option<StoredEntry>, Error> {
        self.entry(journal, seq).await
    }

    async fn entries(&self, journal: Journal, from: u64, limit: usize) -> Result<Vec<StoredEntry>, Error> {
        self.entries(journal, from, limit).await
    }

    async fn receipt_given(&self) -> Result<Option<SignedReceipt>, Error> {
        self.receipt_given().await
    }

    async fn standing(&self, last: &PeerHolds) -> Result<HelloVerdict, Error> {
        self.standing(last).await
    }

    async fn rewind(&self, lost: Head, moment: &Moment) -> Result<(), Error> {
        self.rewind(lost, moment).await
    }

    async fn reopening(&self, cause: Cause) -> Result<Reopen, Error> {
        self.reopening(cause).await
    }

    async fn write<C: Command>(&self, name: &'static str, moment: Moment, command: C) -> Result<C::Reply, Error> {
        self.write(name, CallOrigin::own(name), moment, command).await
    }

    fn say_link(&self, link: &LinkStatus) -> LinkStatus {
        self.say_link(link)
    }

    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        tokio::task::spawn_blocking(work).await.ok()
    }
}

/// The incoming frames of a session, whichever side dialled.
pub trait Input: Send {
    /// The next frame; `None` when the other side has ended its stream.
    fn next(&mut self) -> impl Future<Output = Result<Option<Kind>, CallError>> + Send;
}
