//! The writer: the one task of a replica that commits. While a batch is being written, the next one is judged on the stage
//! that it leaves; when it is written, the next one is complete.

use std::sync::Arc;

use renkei_book::Heads;
use renkei_domain::page::Journal;
use renkei_journal::Hash;
use renkei_telemetry::span;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::Instant,
};
use tracing::Instrument as _;

use crate::{
    audit::{self, CALL},
    batch::{Judged, Judging, Left, Outcome},
    bulk::Bulk,
    code::is_without_table,
    connection::{Connection, Transaction},
    erase,
    error::Error,
    head,
    inner::Inner,
    job::Job,
    query::query,
    save::save,
    stored::ENTRY_AT,
    value::number,
};

/// The maximum number of commands in one commit.
pub const BATCH: usize = 256;

/// The number of commands that are judged together while the batch before is being written. Each time is a way to the
/// database and back, so fewer wait for others, or until that batch is written.
pub const AHEAD: usize = 8;

pub(crate) const AUDIT_AT: &str = "SELECT hash FROM call WHERE chain = $1 AND seq = $2";

/// A batch on its way to the database.
struct Batch {
    jobs: Vec<Job>,
    judged: Result<Judged, Error>,
    /// The right to be written. The next batch gets it when this one is written.
    _right: OwnedSemaphorePermit,
}

/// A row that only one batch wrote. It proves afterwards whether the commit took place.
enum Trace {
    /// The batch wrote neither an entry nor an audit record. Its commands have the same result if they are run twice.
    Nothing,
    Entry(Journal, u64, Hash),
    Audit(String, u64, Hash),
}

/// Runs until the queue is closed and empty.
pub(crate) async fn run(inner: Arc<Inner>, queue: mpsc::Receiver<Job>, closing: watch::Receiver<bool>) {
    let (hand, batches) = mpsc::channel(1);
    tokio::join!(judge_all(&inner, queue, closing, hand), write_all(&inner, batches));
}

/// Judges commands as they come, and hands them on in batches. A batch grows as long as the one before is being written.
async fn judge_all(
    inner: &Inner,
    mut queue: mpsc::Receiver<Job>,
    mut closing: watch::Receiver<bool>,
    hand: mpsc::Sender<Batch>,
) {
    let right = Arc::new(Semaphore::new(1));
    let mut left: Option<Left> = None;
    loop {
        let mut waiting = Vec::with_capacity(BATCH);
        tokio::select! {
            biased;
            received = queue.recv_many(&mut waiting, BATCH) => if received == 0 { return },
            () = closed(&mut closing), if !queue.is_closed() => { queue.close(); continue }
        }
        let Some(first) = waiting.first() else { continue };
        // What the batch before has left is in the database and in the published heads when nothing is being written.
        let left_now = left.take().filter(|_| right.available_permits() == 0);
        let mut judging = match left_now {
            Some(left) => Judging::after(inner, left, &first.submission.moment),
            None => Judging::new(inner, inner.heads.borrow().clone(), &first.submission.moment),
        };
        let (mut jobs, mut judged) = (Vec::with_capacity(BATCH), Ok(()));
        let permit = loop {
            if waiting.len() >= AHEAD && judged.is_ok() {
                judged = judge(inner, &mut judging, &waiting, right.available_permits() == 0).await;
                jobs.append(&mut waiting);
            }
            let room = BATCH - jobs.len() - waiting.len();
            tokio::select! {
                biased;
                permit = Arc::clone(&right).acquire_owned() => break permit,
                _ = queue.recv_many(&mut waiting, room), if room > 0 && !queue.is_closed() => {}
                () = closed(&mut closing), if !queue.is_closed() => queue.close(),
            }
        };
        // The semaphore is never closed.
        let Ok(permit) = permit else { return };
        if !waiting.is_empty() && judged.is_ok() {
            judged = judge(inner, &mut judging, &waiting, false).await;
        }
        jobs.append(&mut waiting);
        let judged = match judged {
            Ok(()) => judging.finish(None).await,
            Err(error) => Err(error),
        };
        let judged = judged.map(|(judged, leaves)| {
            // An empty batch changes nothing, and is not written.
            left = (!judged.is_empty()).then_some(leaves);
            judged
        });
        if hand.send(Batch { jobs, judged, _right: permit }).await.is_err() {
            return;
        }
    }
}

/// Waits until the store closes.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that nobody has the store any more.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Judges commands. As long as a batch is being written its connection is in use; otherwise that connection is the better
/// one, because it knows the pages that it wrote last.
async fn judge(inner: &Inner, judging: &mut Judging<'_>, jobs: &[Job], is_writing: bool) -> Result<(), Error> {
    inner.writes.begin();
    let pool = if is_writing { &inner.read } else { &inner.write };
    match judging.judge(&mut pool.acquire().await?, jobs).await {
        // A database that was created again is empty at first.
        Err(Error::Database(error)) if is_without_table(&error) => inner.is_found(false),
        judged => judged,
    }
}

/// What the writer knows of its own last commit.
#[derive(Default)]
struct Last {
    /// The end of the audit chain that only this writer writes, as long as it is known.
    chain: Option<audit::ChainHead>,
    /// The number of the last commit of a batch as it was judged. A batch that follows another one is written as it was
    /// judged only if that one was.
    commit: Option<u64>,
}

/// Writes one batch after the other, and answers their callers.
async fn write_all(inner: &Inner, mut batches: mpsc::Receiver<Batch>) {
    let mut last = Last::default();
    while let Some(Batch { jobs, judged, _right }) = batches.recv().await {
        let span = span::commit(jobs.len(), jobs.iter().map(|job| &job.span));
        let outcomes = batch(inner, &jobs, judged, &mut last).instrument(span).await;
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            // A caller that has gone away finds its reply by its request id.
            let _ = job.done.send(outcome);
        }
    }
}

async fn batch(inner: &Inner, jobs: &[Job], judged: Result<Judged, Error>, last: &mut Last) -> Vec<Outcome> {
    let begun = Instant::now();
    inner.writes.begin();
    let outcomes = attempt(inner, jobs, judged, last).await;
    inner.writes.end(&outcomes);
    match outcomes {
        Ok(outcomes) => {
            inner.metrics.committed(jobs.len(), begun.elapsed());
            outcomes
        }
        Err(error) => {
            tracing::error!(error = %error, commands = jobs.len(), "a batch was not committed");
            let text = error.to_string();
            jobs.iter().map(|_| Err(Error::Uncommitted(text.clone()))).collect()
        }
    }
}

async fn attempt(
    inner: &Inner,
    jobs: &[Job],
    judged: Result<Judged, Error>,
    last: &mut Last,
) -> Result<Vec<Outcome>, Error> {
    inner.fault("begin")?;
    let Last { chain, commit: before } = std::mem::take(last);
    // Nothing is believed of a batch that followed one that was not written as it was judged.
    let judged = Some(judged?).filter(|judged| judged.follows.is_none() || judged.follows == before);
    let judged = match judged {
        Some(judged) if judged.is_empty() => {
            inner.is_there()?;
            *last = Last { chain, commit: before };
            return Ok(judged.outcomes);
        }
        judged => judged,
    };
    let (mut transaction, number) = inner.begin_writing().await?;
    let judged = judged.filter(|judged| judged.staged.is_of(number));
    let as_judged = judged.is_some();
    let judged = match judged {
        Some(judged) => judged,
        None => judge_locked(inner, jobs, &mut transaction, number).await?,
    };
    let ready = prepare(inner, &mut transaction, judged, chain).await?;
    let ready = match commit(inner, transaction).await {
        Ok(()) => Ready { as_judged, ..ready },
        Err(error) => {
            tracing::warn!(error = %error, "the outcome of a commit is not known");
            // This locks the head row, so it waits until the lost transaction has ended one way or the other.
            let (mut transaction, number) = inner.begin_writing().await?;
            if took_place(&mut transaction, &ready.trace).await? {
                Ready { as_judged, ..ready }
            } else {
                let judged = judge_locked(inner, jobs, &mut transaction, number).await?;
                let ready = prepare(inner, &mut transaction, judged, None).await?;
                inner.commit(transaction).await?;
                ready
            }
        }
    };
    let erased = ready.erased;
    let outcomes = publish(inner, ready, last);
    if erased {
        // Before the callers are answered: the answer states that the contents are gone.
        erase::clean(inner).await;
    }
    Ok(outcomes)
}

/// Judges a batch while the heads are locked: nobody else writes until it is written.
async fn judge_locked(inner: &Inner, jobs: &[Job], connection: &mut Connection, number: u64) -> Result<Judged, Error> {
    let moment = jobs.first().map(|job| &job.submission.moment).ok_or(Error::Ended)?;
    let heads = head::read(&mut *connection, inner.own).await?;
    let mut judging = Judging::new(inner, Heads { commits: number - 1, ..heads }, moment);
    judging.judge(&mut *connection, jobs).await?;
    Ok(judging.finish(Some(connection)).await?.0)
}

/// Commits. After an error it is unknown whether the commit took place.
async fn commit(inner: &Inner, transaction: Transaction) -> Result<(), Error> {
    inner.fault("before commit")?;
    inner.commit(transaction).await?;
    inner.fault("after commit")
}

/// A batch that was saved, before its commit.
struct Ready {
    outcomes: Vec<Outcome>,
    heads: Heads,
    trace: Trace,
    chain: Option<audit::ChainHead>,
    officials: Vec<(String, bool)>,
    /// True if contents were erased, which the files still have after the commit.
    erased: bool,
    /// True if the batch was written as it was judged before, so that the next one may follow it.
    as_judged: bool,
}

fn publish(inner: &Inner, ready: Ready, last: &mut Last) -> Vec<Outcome> {
    *last = Last { chain: ready.chain, commit: ready.as_judged.then_some(ready.heads.commits) };
    if !ready.officials.is_empty() {
        inner.barred.send_modify(|all| {
            for (id, barred) in ready.officials {
                if barred {
                    all.insert(id)
                } else {
                    all.remove(&id)
                };
            }
        });
    }
    inner.publish(ready.heads);
    ready.outcomes
}

async fn took_place(connection: &mut Connection, trace: &Trace) -> Result<bool, Error> {
    let (statement, place, seq, hash) = match trace {
        Trace::Nothing => return Ok(false),
        Trace::Entry(journal, seq, hash) => (ENTRY_AT, journal.id(), seq, hash),
        Trace::Audit(chain, seq, hash) => (AUDIT_AT, chain.as_str(), seq, hash),
    };
    let row = query(statement).bind(place).bind(number(*seq)).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get::<Vec<u8>>(0)).transpose()?.is_some_and(|found| found == hash))
}

/// Saves a batch.
async fn prepare(
    inner: &Inner,
    connection: &mut Connection,
    judged: Judged,
    chain: Option<audit::ChainHead>,
) -> Result<Ready, Error> {
    let Judged { outcomes, staged, signing, before, records, officials, moment, .. } = judged;
    let mut bulk = Bulk::default();
    let (mut chain, records_any) = (chain, !records.is_empty());
    if records_any {
        let mut head = match chain {
            Some(head) => head,
            None => audit::head(&mut *connection, &format!("{}/w", inner.replica)).await?,
        };
        bulk.add(&CALL, audit::chain(&mut head, records, &inner.ring));
        chain = Some(head);
    }
    let (mut written, erasures) = (signing.end().await?, staged.erasures());
    erase::drop_contents(&staged.entries, &mut written, &erasures);
    save(inner, &mut *connection, &staged, written, &before, &moment, bulk).await?;
    crate::recover::save(&mut *connection, &staged, inner.dialect).await?;
    let erased = erase::erase(inner, &mut *connection, &erasures, &moment).await?;
    let trace = match (staged.entries.first(), &chain) {
        (Some(entry), _) => Trace::Entry(entry.journal, entry.header.seq, entry.hash),
        (None, Some(head)) if records_any => Trace::Audit(head.chain.clone(), head.seq, head.hash),
        (None, _) => Trace::Nothing,
    };
    Ok(Ready { outcomes, heads: staged.heads, trace, chain, officials, erased, as_judged: false })
}
