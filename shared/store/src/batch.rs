//! Batches: commands that are judged one after the other on one stage, to be written in one transaction.

use std::collections::BTreeMap;

use renkei_book::{Batch, Heads, Record, Reply, Rows, Stage, Staged};
use renkei_domain::{matter::Matter, moment::Moment, noun::official, read_set::ReadSet};
use renkei_telemetry::span;

use crate::{
    anchor,
    connection::Connection,
    error::Error,
    inner::Inner,
    job::Job,
    load::{Loaded, load},
    signing::Signing,
};

/// The number of commands that are judged before others on the thread have their turn, such as the writing of the batch
/// before.
const SOME: usize = 8;

/// The outcome of one command.
pub(crate) type Outcome = Result<Vec<u8>, Error>;

/// A batch that was judged and is to be written.
pub(crate) struct Judged {
    /// The outcome of each command, in order.
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) staged: Staged,
    /// Its entries, some of which may not be signed yet.
    pub(crate) signing: Signing,
    /// The heads with which the batch was judged.
    pub(crate) before: Heads,
    /// The commit of the unwritten batch on which this one was judged, if there was one.
    pub(crate) follows: Option<u64>,
    /// The records of its calls, with the replies for their repeats.
    pub(crate) records: Vec<Record>,
    /// The officials whom the batch bars or unbars.
    pub(crate) officials: Vec<(String, bool)>,
    /// The moment of the first command, from which the batch's own randomness is drawn.
    pub(crate) moment: Moment,
}

impl Judged {
    /// True if there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        let Staged { heads, entries, events, receipts, judged_again, signs, unmark, .. } = &self.staged;
        let adds = entries.len() + events.len() + receipts.len() + judged_again.len() + self.records.len();
        adds == 0 && !signs && !unmark && heads.has_same_journals(&self.before)
    }
}

/// Everything that a batch leaves to the next one, which is judged before this one is written.
pub(crate) struct Left {
    heads: Heads,
    rows: Rows,
    replies: Vec<Reply>,
    /// By the digest of a request, the matter of an entry that it led to.
    written: BTreeMap<Vec<u8>, String>,
}

/// A batch whose commands are being judged.
pub(crate) struct Judging<'a> {
    inner: &'a Inner,
    batch: Batch,
    signing: Signing,
    before: Heads,
    follows: Option<u64>,
    moment: Moment,
}

impl<'a> Judging<'a> {
    /// A batch on what the database contains.
    pub(crate) fn new(inner: &'a Inner, before: Heads, moment: &Moment) -> Self {
        let heads = Heads { commits: before.commits + 1, ..before.clone() };
        let stage = Stage::new(inner.own, heads, moment.clone()).under(inner.agreements.clone());
        let batch = Batch::new(stage);
        Self { inner, batch, signing: Signing::default(), before, follows: None, moment: moment.clone() }
    }

    /// A batch on what an unwritten batch leaves.
    pub(crate) fn after(inner: &'a Inner, left: Left, moment: &Moment) -> Self {
        let mut judging = Self::new(inner, left.heads, moment);
        judging.follows = Some(judging.before.commits);
        judging.batch.stage.load(left.rows);
        judging.batch.replies.add(left.replies, left.written);
        judging
    }

    /// Loads what these commands need and runs them.
    pub(crate) async fn judge(&mut self, connection: &mut Connection, jobs: &[Job]) -> Result<(), Error> {
        let Self { inner, batch, before, .. } = self;
        let submissions = || jobs.iter().map(|job| &job.submission);
        let mut keys = ReadSet::default();
        submissions().for_each(|submission| keys.extend(submission.reads(inner.own)));
        let calls = submissions().map(|submission| &submission.call);
        let calls: Vec<_> = calls.filter_map(|call| Some((call.key()?, call.digest.clone()))).collect();
        let keys = batch.stage.lacking(keys);
        let Loaded { rows, replies, written } = load(&mut *connection, inner, before, &calls, keys).await?;
        batch.stage.load(rows);
        batch.replies.add(replies, written);
        let again = submissions().filter_map(|submission| batch.replies.matter_of(&submission.call));
        let again = ReadSet { matters: again.cloned().collect(), ..ReadSet::default() };
        let again = batch.stage.lacking(again);
        if !again.matters.is_empty() {
            batch.stage.load(load(&mut *connection, inner, before, &[], again).await?.rows);
        }
        for some in jobs.chunks(SOME) {
            some.iter().for_each(|job| answer(batch, job));
            tokio::task::yield_now().await;
        }
        self.signing.begin(self.inner, &mut self.batch.stage, &self.moment)
    }

    /// The results of the batch, and what it leaves to the next one. `connection` is the one that has locked the heads.
    pub(crate) async fn finish(mut self, connection: Option<&mut Connection>) -> Result<(Judged, Left), Error> {
        anchor::add(self.inner, connection, &mut self.batch.stage, &self.moment).await?;
        self.signing.begin(self.inner, &mut self.batch.stage, &self.moment)?;
        let Self { signing, batch, before, follows, moment, .. } = self;
        let Batch { stage, outcomes, records, .. } = batch;
        let officials = stage.entries().iter().map(|entry| Matter::of(&entry.header.matter));
        let officials = officials.filter(|matter| matter.collection == official::COLLECTION);
        let officials =
            officials.map(|it| (it.id.clone(), official::is_barred(stage.view().local(&it.to_string())))).collect();
        let (staged, rows) = stage.finish();
        let digests = staged.entries.iter().filter(|entry| !entry.digest.is_empty());
        let left = Left {
            heads: staged.heads.clone(),
            rows,
            replies: records.iter().filter_map(|record| record.reply.clone()).collect(),
            written: digests.map(|entry| (entry.digest.clone(), entry.header.matter.clone())).collect(),
        };
        let outcomes = outcomes.into_iter().map(|outcome| outcome.map_err(Error::from)).collect();
        Ok((Judged { outcomes, staged, signing, before, follows, records, officials, moment }, left))
    }
}

/// Answers the call of a command.
fn answer(batch: &mut Batch, job: &Job) {
    // Arriving entries belong to the traces of their authors, and this span to only one of them.
    let first = batch.answer(&job.submission);
    if let Some(entry) = first.filter(|entry| entry.header.traceparent == job.submission.call.traceparent) {
        span::record_entry(&job.span, &entry.header.entry_id);
    }
}
