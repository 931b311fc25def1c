//! Batches: commands that are judged one after the other on one stage, to be written in one transaction.

use std::collections::BTreeMap;

use renkei_book::{CallOrigin, Heads, Rows, Stage, Staged};
use renkei_domain::{
    matter::Matter,
    moment::Moment,
    noun::{journal as journal_rules, official},
    read_set::ReadSet,
    refusal::Refusal,
};
use renkei_proto::{options::v1::Reason, r#type::v1::Agency};
use renkei_telemetry::span;

use crate::{
    anchor,
    audit::Record,
    clock,
    connection::Connection,
    error::Error,
    inner::Inner,
    job::Job,
    load::{Loaded, load},
    seal::{Reply, shown},
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
    stage: Stage,
    signing: Signing,
    before: Heads,
    follows: Option<u64>,
    replies: Replies,
    outcomes: Vec<Outcome>,
    records: Vec<Record>,
    moment: Moment,
}

impl<'a> Judging<'a> {
    /// A batch on what the database contains.
    pub(crate) fn new(inner: &'a Inner, before: Heads, moment: &Moment) -> Self {
        let heads = Heads { commits: before.commits + 1, ..before.clone() };
        Self {
            inner,
            stage: Stage::new(inner.own, heads, moment.clone()),
            signing: Signing::default(),
            before,
            follows: None,
            replies: Replies::default(),
            outcomes: Vec::new(),
            records: Vec::new(),
            moment: moment.clone(),
        }
    }

    /// A batch on what an unwritten batch leaves.
    pub(crate) fn after(inner: &'a Inner, left: Left, moment: &Moment) -> Self {
        let mut judging = Self::new(inner, left.heads, moment);
        judging.follows = Some(judging.before.commits);
        judging.stage.load(left.rows);
        judging.replies.add(left.replies);
        judging.replies.again = left.written;
        judging
    }

    /// Loads what these commands need and runs them.
    pub(crate) async fn judge(&mut self, connection: &mut Connection, jobs: &[Job]) -> Result<(), Error> {
        let own = self.inner.own;
        let mut keys = ReadSet::matter(Matter::AGREEMENT);
        keys.matters.extend([Agency::Ppc, Agency::Ipa].map(journal_rules::name));
        for job in jobs {
            keys.extend(job.command.reads(&job.moment));
            keys.matters.extend(officials_page(own, &job.call));
        }
        let calls: Vec<_> = jobs.iter().filter_map(|job| Some((job.call.key()?, job.call.digest.clone()))).collect();
        let keys = self.stage.lacking(keys);
        let Loaded { rows, replies, written } = load(&mut *connection, self.inner, &self.before, &calls, keys).await?;
        self.stage.load(rows);
        self.replies.add(replies);
        self.replies.again.extend(written);
        let again = jobs.iter().filter_map(|job| self.replies.matter_of(job));
        let again = ReadSet { matters: again.cloned().collect(), ..ReadSet::default() };
        let again = self.stage.lacking(again);
        if !again.matters.is_empty() {
            self.stage.load(load(&mut *connection, self.inner, &self.before, &[], again).await?.rows);
        }
        for some in jobs.chunks(SOME) {
            some.iter().for_each(|job| self.one(job));
            tokio::task::yield_now().await;
        }
        self.signing.begin(self.inner, &mut self.stage, &self.moment)
    }

    fn one(&mut self, job: &Job) {
        let stage = &self.stage;
        let barred =
            officials_page(stage.own(), &job.call).is_some_and(|page| official::is_barred(stage.view().local(&page)));
        let repeat = self.replies.repeated(job).filter(|_| !barred);
        let is_answered = matches!(repeat, Some(Ok(_)));
        let written = stage.entries().len();
        let mut reply = None;
        let outcome = match repeat {
            Some(outcome) => outcome,
            // The official was barred after the call was admitted. A bar that another replica writes now changes the
            // heads, so that the batch is judged again.
            None if barred => Err(Refusal::new(Reason::OfficialBarred, "").into()),
            None if stage.heads().recovering() && !job.command.while_recovering() => Err(Error::Recovering),
            None if !job.call.official.is_empty() && stage.heads().is_bar_list_open() => Err(Error::BarListOpen),
            None => match clock::admit(stage, job).err().or_else(|| altered(stage, &self.replies, job)) {
                Some(error) => Err(error),
                None => {
                    let (outcome, first) = run(&mut self.stage, &self.replies, job);
                    reply = first;
                    outcome
                }
            },
        };
        let stage = &self.stage;
        let first = stage.entries().get(written);
        // Arriving entries belong to the traces of their authors, and this span to only one of them.
        if let Some(entry) = first.filter(|entry| entry.header.traceparent == job.call.traceparent) {
            span::record_entry(&job.span, &entry.header.entry_id);
        }
        self.replies.add(reply.iter().cloned());
        if !is_answered && (!job.call.official.is_empty() || reply.is_some()) {
            let matter = first.map(|entry| &entry.header.matter).or_else(|| self.replies.matter_of(job)).cloned();
            self.records.push(record(stage, job, &outcome, matter, reply));
        }
        self.outcomes.push(outcome);
    }

    /// The results of the batch, and what it leaves to the next one. `connection` is the one that has locked the heads.
    pub(crate) async fn finish(mut self, connection: Option<&mut Connection>) -> Result<(Judged, Left), Error> {
        anchor::add(self.inner, connection, &mut self.stage, &self.moment).await?;
        self.signing.begin(self.inner, &mut self.stage, &self.moment)?;
        let stage = self.stage;
        let officials = stage.entries().iter().map(|entry| Matter::of(&entry.header.matter));
        let officials = officials.filter(|matter| matter.collection == official::COLLECTION);
        let officials =
            officials.map(|it| (it.id.clone(), official::is_barred(stage.view().local(&it.to_string())))).collect();
        let (staged, rows) = stage.finish();
        let digests = staged.entries.iter().filter(|entry| !entry.digest.is_empty());
        let left = Left {
            heads: staged.heads.clone(),
            rows,
            replies: self.records.iter().filter_map(|record| record.reply.clone()).collect(),
            written: digests.map(|entry| (entry.digest.clone(), entry.header.matter.clone())).collect(),
        };
        let Self { signing, outcomes, before, follows, records, moment, .. } = self;
        Ok((Judged { outcomes, staged, signing, before, follows, records, officials, moment }, left))
    }
}

/// Runs a command. Returns its outcome, and the reply for repeats of the call if this is the first answer to it.
fn run(stage: &mut Stage, replies: &Replies, job: &Job) -> (Outcome, Option<Reply>) {
    let again = replies.matter_of(job);
    let mut is_repeat = false;
    let outcome = stage.run(&job.call, &job.moment, |stage, now| {
        let repeated = again.and_then(|matter| job.command.reply_to_repeat(stage, matter, now));
        is_repeat = repeated.is_some();
        repeated.map_or_else(|| job.command.run(stage, now), Ok)
    });
    let reply = match &outcome {
        Ok(bytes) if !is_repeat => {
            job.call.key().map(|request| Reply { request, digest: job.call.digest.clone(), bytes: bytes.clone() })
        }
        _ => None,
    };
    (outcome.map_err(Error::from), reply)
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
    keys.matters.extend(replies.matter_of(job).cloned());
    keys.matters.insert(Matter::AGREEMENT.to_owned());
    keys.matters.extend([Agency::Ppc, Agency::Ipa].map(journal_rules::name));
    let lists: Vec<String> = keys.lists.iter().map(|(collection, opener)| collection.prefix(*opener)).collect();
    let needs =
        |name: &&String| keys.matters.contains(*name) || lists.iter().any(|list| name.starts_with(list.as_str()));
    stage.altered().iter().find(needs).map(|name| Error::Altered { matter: shown(name) })
}

fn record(stage: &Stage, job: &Job, outcome: &Outcome, matter: Option<String>, reply: Option<Reply>) -> Record {
    let outcome = match outcome {
        Ok(_) => "OK".to_owned(),
        Err(Error::Refused(Refusal { reason, .. })) => reason.id().to_owned(),
        Err(Error::RequestIdReused) => Reason::RequestIdReused.id().to_owned(),
        Err(Error::Recovering | Error::BarListOpen) => Reason::Recovering.id().to_owned(),
        Err(Error::ClockDoubted | Error::DatedAhead { .. }) => Reason::ClockDoubted.id().to_owned(),
        Err(_) => Reason::Internal.id().to_owned(),
    };
    let matter = matter.filter(|_| outcome == "OK").unwrap_or_default();
    Record { call: job.call.clone(), matter, outcome, at_us: stage.now().as_microsecond(), reply }
}

/// The first replies, by the keys under which repeats find them.
#[derive(Default)]
struct Replies {
    found: BTreeMap<String, Reply>,
    /// The matter of an entry that a request caused, by the request's digest, for requests whose stored reply is gone.
    again: BTreeMap<Vec<u8>, String>,
}

impl Replies {
    fn add(&mut self, replies: impl IntoIterator<Item = Reply>) {
        self.found.extend(replies.into_iter().map(|reply| (reply.request.clone(), reply)));
    }

    /// The matter of an entry that a former call with the same request caused, if its reply is gone.
    fn matter_of(&self, job: &Job) -> Option<&String> {
        let key = job.call.key()?;
        self.again.get(&job.call.digest).filter(|_| !self.found.contains_key(&key))
    }

    /// The answer to a repeat.
    fn repeated(&self, job: &Job) -> Option<Outcome> {
        let first = self.found.get(&job.call.key()?)?;
        Some(if first.digest == job.call.digest { Ok(first.bytes.clone()) } else { Err(Error::RequestIdReused) })
    }
}
