//! The writer: the one task of a replica that commits. It collects the waiting commands, runs them on a stage and
//! commits them at once.

use std::{collections::BTreeMap, sync::Arc};

use renkei_book::{CallOrigin, Heads, Stage};
use renkei_domain::{matter::Matter, noun::official, page::Journal, read_set::ReadSet, refusal::Refusal};
use renkei_journal::Hash;
use renkei_proto::{options::v1::Reason, r#type::v1::Agency};
use renkei_telemetry::span;
use sqlx::Row as _;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tracing::Instrument as _;

use crate::{
    audit::{self, Record},
    bulk::{Bulk, Insert, Value, number},
    clock,
    connection::{Connection, Transaction},
    content::KeyRing,
    error::Error,
    inner::Inner,
    job::Job,
    load::{self, Needed, load, needed},
    save::save,
    seal::{ReplyRow, shown},
    stored::ENTRY_AT,
};

/// The maximum number of commands in one commit.
pub const BATCH: usize = 256;

pub(crate) const AUDIT_AT: &str = "SELECT hash FROM audit WHERE chain = $1 AND seq = $2";
pub(crate) static REQUEST: Insert = Insert {
    table: "request",
    columns: &["call", "digest", "reply", "at_us", "seal"],
    // The stored row was changed outside the service or was written by an older version, so its call was found by its
    // digest.
    conflict: " ON CONFLICT (call) DO UPDATE SET digest = excluded.digest, reply = excluded.reply, \
               at_us = excluded.at_us, seal = excluded.seal",
};

/// The outcome of one command.
type Outcome = Result<Vec<u8>, Error>;

/// A batch that was run and saved, before its commit.
struct Ready {
    outcomes: Vec<Outcome>,
    heads: Heads,
    trace: Trace,
    chain: Chain,
    /// The officials whom the batch bars or unbars.
    officials: Vec<(String, bool)>,
}

/// A row that only this batch wrote. It proves afterwards whether the commit took place.
enum Trace {
    /// The batch wrote neither an entry nor an audit record. Its commands have the same result if they are run twice.
    Nothing,
    Entry(Journal, u64, Hash),
    Audit(String, u64, Hash),
}

/// Runs until the queue is closed and empty.
pub(crate) async fn run(inner: Arc<Inner>, mut queue: mpsc::Receiver<Job>, mut closing: watch::Receiver<bool>) {
    let mut jobs = Vec::with_capacity(BATCH);
    let mut chain = None;
    loop {
        tokio::select! {
            biased;
            taken = queue.recv_many(&mut jobs, BATCH) => if taken == 0 { return },
            _ = closing.wait_for(|closing| *closing), if !queue.is_closed() => { queue.close(); continue }
        }
        let span = span::commit(jobs.len(), jobs.iter().map(|job| &job.span));
        let outcomes = batch(&inner, &jobs, &mut chain).instrument(span).await;
        for (job, outcome) in jobs.drain(..).zip(outcomes) {
            // A caller that has gone away finds its reply by its request id.
            let _ = job.done.send(outcome);
        }
    }
}

/// The end of the audit chain that only this writer writes, as long as it is known.
type Chain = Option<audit::ChainHead>;

async fn batch(inner: &Inner, jobs: &[Job], chain: &mut Chain) -> Vec<Outcome> {
    let begun = Instant::now();
    inner.writes.begin();
    let outcomes = attempt(inner, jobs, chain).await;
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

async fn attempt(inner: &Inner, jobs: &[Job], chain: &mut Chain) -> Result<Vec<Outcome>, Error> {
    inner.fault("begin")?;
    let mut transaction = inner.begin_writing().await?;
    // The end of the chain is unknown until the commit.
    let known = chain.take();
    let ready = prepare(inner, jobs, &mut transaction, known).await?;
    let Err(error) = commit(inner, transaction).await else { return Ok(publish(inner, ready, chain)) };
    tracing::warn!(error = %error, "the outcome of a commit is not known");
    // This locks the head row, so it waits until the lost transaction has ended one way or the other.
    let mut transaction = inner.begin_writing().await?;
    if took_place(&mut transaction, &ready.trace).await? {
        return Ok(publish(inner, ready, chain));
    }
    let ready = prepare(inner, jobs, &mut transaction, None).await?;
    inner.commit(transaction).await?;
    Ok(publish(inner, ready, chain))
}

/// Commits. After an error it is unknown whether the commit took place.
async fn commit(inner: &Inner, transaction: Transaction) -> Result<(), Error> {
    inner.fault("before commit")?;
    inner.commit(transaction).await?;
    inner.fault("after commit")
}

fn publish(inner: &Inner, ready: Ready, chain: &mut Chain) -> Vec<Outcome> {
    *chain = ready.chain;
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
    let row = sqlx::query(statement).bind(place).bind(number(*seq)).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get::<Vec<u8>, _>(0)).transpose()?.is_some_and(|found| found == hash))
}

/// Loads, runs and saves a batch.
async fn prepare(inner: &Inner, jobs: &[Job], connection: &mut Connection, chain: Chain) -> Result<Ready, Error> {
    let mut keys = ReadSet::default();
    for job in jobs {
        keys.extend(job.command.reads(&job.moment));
        keys.matters.extend(officials_page(inner.own, &job.call));
    }
    let calls: Vec<_> = jobs.iter().filter_map(|job| Some((job.call.key()?, job.call.digest.clone()))).collect();
    let mut needed = needed(&mut *connection, inner, &calls, &mut keys).await?;
    let before = needed.heads.clone();
    let Some(first) = jobs.first() else {
        let (outcomes, officials) = (Vec::new(), Vec::new());
        return Ok(Ready { outcomes, heads: before, trace: Trace::Nothing, chain, officials });
    };
    let mut stage = Stage::new(inner.own, before.clone(), first.moment.clone());
    let mut replies = Replies::of(&mut needed, jobs);
    let mut loaded = load(&mut *connection, &needed, keys, inner).await?;
    stage.load(loaded.rows);
    if !replies.again.is_empty() {
        let mut keys = ReadSet { matters: replies.again.values().cloned().collect(), ..ReadSet::default() };
        let needed = load::needed(&mut *connection, inner, &[], &mut keys).await?;
        let again = load(&mut *connection, &needed, keys, inner).await?;
        stage.load(again.rows);
        loaded.keys.extend(again.keys);
    }

    let mut outcomes = Vec::with_capacity(jobs.len());
    let mut records = Vec::new();
    for job in jobs {
        let barred =
            officials_page(inner.own, &job.call).is_some_and(|page| official::is_barred(stage.view().local(&page)));
        let repeat = replies.repeated(job).filter(|_| !barred);
        let answered = matches!(repeat, Some(Ok(_)));
        let written = stage.entries().len();
        let outcome = match repeat {
            Some(outcome) => outcome,
            // The official was barred after the call was admitted. The page is read while the head row is locked, so no
            // replica misses it.
            None if barred => Err(Refusal::new(Reason::OfficialBarred, "").into()),
            None if stage.heads().recovering() && !job.command.while_recovering() => Err(Error::Recovering),
            None if !job.call.official.is_empty() && stage.heads().is_bar_list_open() => Err(Error::BarListOpen),
            None => match clock::admit(&stage, job).err().or_else(|| altered(&stage, &replies, job)) {
                Some(error) => Err(error),
                None => one(&mut stage, &mut replies, inner, job),
            },
        };
        let first = stage.entries().get(written);
        // Arriving entries belong to the traces of their authors, and this span to only one of them.
        if let Some(entry) = first.filter(|entry| entry.header.traceparent == job.call.traceparent) {
            span::record_entry(&job.span, &entry.header.entry_id);
        }
        if !answered && !job.call.official.is_empty() {
            let matter = first.map(|entry| entry.header.matter.clone());
            let again = || replies.again.get(&job.call.digest).cloned();
            records.push(record(&stage, job, &outcome, matter.or_else(again)));
        }
        outcomes.push(outcome);
    }

    crate::anchor::add(&mut *connection, &mut stage, &first.moment).await?;
    let mut bulk = Bulk::default();
    bulk.add(&REQUEST, replies.fresh);
    let chain = audit_records(inner, &mut *connection, &records, chain, &mut bulk).await?;
    let officials = stage.entries().iter().map(|entry| Matter::of(&entry.header.matter));
    let officials = officials.filter(|matter| matter.collection == official::COLLECTION);
    let officials =
        officials.map(|it| (it.id.clone(), official::is_barred(stage.view().local(&it.to_string())))).collect();
    let mut staged = stage.finish();
    save(inner, &mut *connection, &mut staged, &mut loaded.keys, &before, &first.moment, bulk).await?;
    crate::recover::save(&mut *connection, &staged, inner.dialect).await?;
    let trace = match (staged.entries.first(), &chain) {
        (Some(entry), _) => Trace::Entry(entry.journal, entry.header.seq, entry.hash),
        (None, Some(head)) if !records.is_empty() => Trace::Audit(head.chain.clone(), head.seq, head.hash),
        (None, _) => Trace::Nothing,
    };
    Ok(Ready { outcomes, heads: staged.heads, trace, chain, officials })
}

/// The name of the page that shows whether the official of a call is barred; `None` for a call of the service itself.
fn officials_page(own: Agency, call: &CallOrigin) -> Option<String> {
    (!call.official.is_empty()).then(|| official::matter(own, &call.official).to_string())
}

/// The error for a command whose rows were changed outside the service. It is not run; the other commands of its batch
/// are.
fn altered(stage: &Stage, replies: &Replies, job: &Job) -> Option<Error> {
    if stage.altered().is_empty() {
        return None;
    }
    let mut keys = job.command.reads(&job.moment);
    keys.matters.extend(officials_page(stage.own(), &job.call));
    keys.matters.extend(replies.again.get(&job.call.digest).cloned());
    keys.matters.insert(Matter::AGREEMENT.to_owned());
    keys.matters.extend([Agency::Ppc, Agency::Ipa].map(renkei_domain::noun::journal::name));
    let lists: Vec<String> = keys.lists.iter().map(|(collection, opener)| collection.prefix(*opener)).collect();
    let needs =
        |name: &&String| keys.matters.contains(*name) || lists.iter().any(|list| name.starts_with(list.as_str()));
    stage.altered().iter().find(needs).map(|name| Error::Altered { matter: shown(name) })
}

fn one(stage: &mut Stage, replies: &mut Replies, inner: &Inner, job: &Job) -> Outcome {
    let again = replies.again.get(&job.call.digest);
    let mut is_repeat = false;
    let reply = stage.run(&job.call, &job.moment, |stage, now| {
        let repeated = again.and_then(|matter| job.command.reply_to_repeat(stage, matter, now));
        is_repeat = repeated.is_some();
        repeated.map_or_else(|| job.command.run(stage, now), Ok)
    })?;
    if !is_repeat {
        replies.add(job, &reply, stage.now().as_microsecond(), &inner.ring);
    }
    Ok(reply)
}

async fn audit_records(
    inner: &Inner,
    connection: &mut Connection,
    records: &[Record],
    chain: Chain,
    bulk: &mut Bulk,
) -> Result<Chain, Error> {
    if records.is_empty() {
        return Ok(chain);
    }
    let mut head = match chain {
        Some(head) => head,
        None => audit::head(&mut *connection, &format!("{}/w", inner.replica)).await?,
    };
    bulk.add(&audit::AUDIT, audit::chain(&mut head, records));
    Ok(Some(head))
}

fn record(stage: &Stage, job: &Job, outcome: &Outcome, matter: Option<String>) -> Record {
    let outcome = match outcome {
        Ok(_) => "OK".to_owned(),
        Err(Error::Refused(Refusal { reason, .. })) => reason.id().to_owned(),
        Err(Error::RequestIdReused) => Reason::RequestIdReused.id().to_owned(),
        Err(Error::Recovering | Error::BarListOpen) => Reason::Recovering.id().to_owned(),
        Err(Error::ClockDoubted | Error::DatedAhead { .. }) => Reason::ClockDoubted.id().to_owned(),
        Err(_) => Reason::Internal.id().to_owned(),
    };
    let matter = matter.filter(|_| outcome == "OK");
    Record { call: job.call.clone(), matter: matter.unwrap_or_default(), outcome, at_us: stage.now().as_microsecond() }
}

/// The first replies, by the keys under which repeats find them.
struct Replies {
    found: BTreeMap<String, (Vec<u8>, Vec<u8>)>,
    /// The matter of an entry that a request caused, by the request's digest, for requests whose stored reply is gone.
    again: BTreeMap<Vec<u8>, String>,
    fresh: Vec<Vec<Value>>,
}

impl Replies {
    fn of(needed: &mut Needed, jobs: &[Job]) -> Self {
        let replies = std::mem::take(&mut needed.replies).into_iter();
        let found: BTreeMap<_, _> = replies.map(|(call, digest, reply)| (call, (digest, reply))).collect();
        let mut again = std::mem::take(&mut needed.written);
        for job in jobs.iter().filter(|job| job.call.key().is_some_and(|key| found.contains_key(&key))) {
            again.remove(&job.call.digest);
        }
        Self { found, again, fresh: Vec::new() }
    }

    /// The answer to a repeat.
    fn repeated(&self, job: &Job) -> Option<Outcome> {
        let (digest, reply) = self.found.get(&job.call.key()?)?;
        Some(if *digest == job.call.digest { Ok(reply.clone()) } else { Err(Error::RequestIdReused) })
    }

    fn add(&mut self, job: &Job, reply: &[u8], at_us: i64, ring: &KeyRing) {
        let Some(key) = job.call.key() else { return };
        let seal = ReplyRow { call: &key, digest: &job.call.digest, reply, at_us }.seal(ring);
        self.fresh.push(vec![
            key.as_str().into(),
            job.call.digest.clone().into(),
            reply.to_vec().into(),
            at_us.into(),
            seal.into(),
        ]);
        self.found.insert(key, (job.call.digest.clone(), reply.to_vec()));
    }
}
