//! The audit of reads of secret material: a chain of its own per replica with its own group commit, so that reads do not
//! wait for the writer. A read is answered after it was recorded, or not at all.

use std::sync::Arc;

use renkei_book::Record;
use tokio::sync::{mpsc, watch};

use crate::{
    audit::{self, CALL, ChainHead, Reading},
    bulk::ROWS,
    connection::Connection,
    error::Error,
    inner::Inner,
};

/// The maximum number of reads in one commit. Most have one record, and one statement inserts as many.
const BATCH: usize = ROWS[0];
/// The most reads that wait.
pub(crate) const QUEUE: usize = 1024;

/// Runs until the queue is closed and empty.
pub(crate) async fn run(inner: Arc<Inner>, mut queue: mpsc::Receiver<Reading>, mut closing: watch::Receiver<bool>) {
    let mut waiting = Vec::with_capacity(BATCH);
    // The end of the chain, as long as it is known.
    let mut chain = None;
    loop {
        if waiting.is_empty() {
            tokio::select! {
                biased;
                received = queue.recv_many(&mut waiting, BATCH) => if received == 0 { return },
                _ = closing.wait_for(|closing| *closing), if !queue.is_closed() => { queue.close(); continue }
            }
        }
        while waiting.len() < BATCH
            && let Ok(next) = queue.try_recv()
        {
            waiting.push(next);
        }
        // The rest has the next turn.
        let size = at_once(&waiting);
        let (records, callers): (Vec<_>, Vec<_>) = waiting.drain(..size).map(|it| (it.records, it.done)).unzip();
        let records = records.into_iter().flatten().collect();
        inner.records.begin();
        let committed = commit(&inner, records, chain.take()).await;
        inner.records.end(&committed);
        let outcome = committed.map(|head| chain = Some(head));
        if let Err(error) = &outcome {
            tracing::error!(%error, reads = size, "reads were not recorded, and are not answered");
        }
        for done in callers {
            // A caller that has gone away gets no answer, but the record of its read stays.
            let _ = done.send(outcome.as_ref().copied().map_err(|_| Error::AuditUnavailable));
        }
    }
}

/// The number of reads whose records one statement inserts; 1 where none fits. One statement is a transaction of its own,
/// and spares its beginning and its end.
fn at_once(waiting: &[Reading]) -> usize {
    let mut records = 0;
    let sums = waiting.iter().map(|it| {
        records += it.records.len();
        records
    });
    let fitting = (1..).zip(sums).filter(|(_, records)| ROWS.contains(records));
    fitting.last().map_or(1, |(reads, _)| reads)
}

/// Writes the records, all of them or none.
async fn commit(inner: &Inner, records: Vec<Record>, known: Option<ChainHead>) -> Result<ChainHead, Error> {
    inner.fault("record reads")?;
    if ROWS.contains(&records.len()) {
        inner.is_there()?;
        let head = add(inner, &mut inner.write.acquire().await?, records, known).await?;
        inner.is_there()?;
        return Ok(head);
    }
    let mut transaction = inner.begin().await?;
    let head = add(inner, &mut transaction, records, known).await?;
    inner.commit(transaction).await?;
    Ok(head)
}

/// Chains the records to the last one in the database, so that nothing is lost if the outcome of a commit is unknown.
async fn add(
    inner: &Inner,
    connection: &mut Connection,
    records: Vec<Record>,
    known: Option<ChainHead>,
) -> Result<ChainHead, Error> {
    let mut head = match known {
        Some(head) => head,
        None => audit::head(connection, &format!("{}/r", inner.replica)).await?,
    };
    CALL.run(connection, audit::chain(&mut head, records, &inner.ring)).await?;
    Ok(head)
}
