//! A batch: the calls that wait for the writer are answered one after the other on one stage. A repeat gets the first
//! answer, a call that may not be carried out now is declined, and every other command is run.

use std::collections::BTreeMap;

use prost::Message as _;
use renkei_domain::{
    matter::Matter,
    moment::Moment,
    noun::{journal as journal_rules, official, registry},
    read_set::ReadSet,
    refusal::Refusal,
    timekeeper::Basis,
};
use renkei_proto::{options::v1::Reason, r#type::v1::Agency};

use crate::{
    call_origin::CallOrigin,
    clock::{ahead, dated_until},
    command::Command,
    declined::Declined,
    stage::Stage,
    staged::StagedEntry,
};

/// A command whose reply is bytes, so that commands of all kinds wait in one queue.
trait AnyCommand: Send + Sync {
    fn reads(&self, moment: &Moment) -> ReadSet;
    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<Vec<u8>, Refusal>;
    fn while_recovering(&self) -> bool;
    fn is_undated(&self) -> bool;
    fn reply_to_repeat(&self, stage: &Stage, matter: &str, moment: &Moment) -> Option<Vec<u8>>;
}

impl<C: Command> AnyCommand for C {
    fn reads(&self, moment: &Moment) -> ReadSet {
        Command::reads(self, moment)
    }

    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<Vec<u8>, Refusal> {
        Command::run(self, stage, moment).map(|reply| reply.encode_to_vec())
    }

    fn while_recovering(&self) -> bool {
        Command::while_recovering(self)
    }

    fn is_undated(&self) -> bool {
        Command::is_undated(self)
    }

    fn reply_to_repeat(&self, stage: &Stage, matter: &str, moment: &Moment) -> Option<Vec<u8>> {
        Command::reply_to_repeat(self, stage, matter, moment).map(|reply| reply.encode_to_vec())
    }
}

/// A command with the call from which it comes, as it waits for the writer.
pub struct Submission {
    command: Box<dyn AnyCommand>,
    /// The origin of the command.
    pub call: CallOrigin,
    /// The moment at which the call came.
    pub moment: Moment,
}

impl Submission {
    /// A command of this call.
    pub fn new(command: impl Command, call: CallOrigin, moment: Moment) -> Self {
        Self { command: Box::new(command), call, moment }
    }

    /// The rows that the command needs, and the page that shows whether its official is barred. The pages of the agreement
    /// and of both journals, which every command needs, are named too.
    pub fn reads(&self, own: Agency) -> ReadSet {
        let mut keys = self.command.reads(&self.moment);
        keys.matters.insert(Matter::AGREEMENT.to_owned());
        keys.matters.extend([Agency::Ppc, Agency::Ipa].map(journal_rules::name));
        keys.matters.extend(self.officials_page(own));
        keys
    }

    /// The name of the page that shows whether the official of the call is barred; `None` for a call of the service itself.
    fn officials_page(&self, own: Agency) -> Option<String> {
        (!self.call.official.is_empty()).then(|| official::matter(own, &self.call.official).to_string())
    }
}

/// The outcome of one command: its reply, encoded.
pub type Outcome = Result<Vec<u8>, Declined>;

/// The first reply to a call, with the key and the digest by which a repeat of the call is found.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The key of the call ([`CallOrigin::key`]).
    pub request: String,
    /// The digest of the request.
    pub digest: Vec<u8>,
    /// The encoded reply.
    pub bytes: Vec<u8>,
}

/// The record of a call, for the audit.
pub struct Record {
    /// The call, with its caller and its official.
    pub call: CallOrigin,
    /// The name of the matter in which it wrote or read; empty if there is none.
    pub matter: String,
    /// `OK`, or the reason for which the call was declined.
    pub outcome: String,
    /// The time of the record, in microseconds since 1970.
    pub at_us: i64,
    /// The reply for repeats of the call.
    pub reply: Option<Reply>,
}

/// The first replies of former calls, by the keys under which repeats find them.
#[derive(Default)]
pub struct Replies {
    found: BTreeMap<String, Reply>,
    /// The matter of an entry that a request caused, by the request's digest, for requests whose stored reply is gone.
    again: BTreeMap<Vec<u8>, String>,
}

impl Replies {
    /// Adds replies, and the matters of entries by the digests of the requests that caused them.
    pub fn add(
        &mut self,
        replies: impl IntoIterator<Item = Reply>,
        again: impl IntoIterator<Item = (Vec<u8>, String)>,
    ) {
        self.found.extend(replies.into_iter().map(|reply| (reply.request.clone(), reply)));
        self.again.extend(again);
    }

    /// The matter of an entry that a former call with the same request caused, if its reply is gone.
    pub fn matter_of(&self, call: &CallOrigin) -> Option<&String> {
        let key = call.key()?;
        self.again.get(&call.digest).filter(|_| !self.found.contains_key(&key))
    }

    /// The answer to a repeat.
    fn repeated(&self, call: &CallOrigin) -> Option<Outcome> {
        let first = self.found.get(&call.key()?)?;
        Some(if first.digest == call.digest { Ok(first.bytes.clone()) } else { Err(Declined::RequestIdReused) })
    }
}

/// A batch whose calls are being answered.
pub struct Batch {
    /// The stage on which its commands run.
    pub stage: Stage,
    /// The replies to former calls, those of the batch included.
    pub replies: Replies,
    /// The outcome of each command so far, in order.
    pub outcomes: Vec<Outcome>,
    /// The records of its calls so far, with the replies for their repeats.
    pub records: Vec<Record>,
}

impl Batch {
    /// A batch that begins on this stage.
    pub fn new(stage: Stage) -> Self {
        Self { stage, replies: Replies::default(), outcomes: Vec::new(), records: Vec::new() }
    }

    /// Answers the next call. Returns the first entry that it wrote. The rows that the command reads are on the stage.
    pub fn answer(&mut self, submission: &Submission) -> Option<&StagedEntry> {
        let call = &submission.call;
        let stage = &self.stage;
        let is_barred =
            submission.officials_page(stage.own()).is_some_and(|page| official::is_barred(stage.view().local(&page)));
        let repeat = self.replies.repeated(call).filter(|_| !is_barred);
        let is_answered = matches!(repeat, Some(Ok(_)));
        let written = stage.entries().len();
        let mut reply = None;
        let outcome = match repeat {
            Some(outcome) => outcome,
            // The official was barred after the call was admitted. A bar that another replica writes now changes the
            // heads, so that the batch is judged again.
            None if is_barred => Err(Refusal::plain(Reason::OfficialBarred).into()),
            None => match self.admit(submission) {
                Err(declined) => Err(declined),
                Ok(()) => {
                    let (outcome, first) = self.run(submission);
                    reply = first;
                    outcome
                }
            },
        };
        self.replies.add(reply.iter().cloned(), []);
        let first = self.stage.entries().get(written);
        if !is_answered && (!call.official.is_empty() || reply.is_some()) {
            let matter = first.map(|entry| &entry.header.matter).or_else(|| self.replies.matter_of(call)).cloned();
            self.records.push(record(&self.stage, call, &outcome, matter, reply));
        }
        self.outcomes.push(outcome);
        first
    }

    /// Declines a command that may not be run now, whatever it does.
    fn admit(&self, submission: &Submission) -> Result<(), Declined> {
        let heads = self.stage.heads();
        if heads.recovering() && !submission.command.while_recovering() {
            return Err(Declined::Recovering);
        }
        if !submission.call.official.is_empty() && heads.is_bar_list_open() {
            return Err(Declined::BarListOpen);
        }
        self.dates(submission)?;
        self.altered(submission)
    }

    /// Declines commands that the clock does not allow to be dated. While the time is taken from the steady clock, the
    /// service's own work continues, but no act of an official does; while the time is unknown, nothing with a date does.
    /// No act is dated far ahead of the clock, unless an operator has agreed to it.
    fn dates(&self, submission: &Submission) -> Result<(), Declined> {
        let (stage, is_act) = (&self.stage, !submission.call.request_id.is_empty());
        match submission.moment.basis {
            Basis::Unjudged => Ok(()),
            Basis::Unknown if !submission.command.is_undated() => Err(Declined::ClockDoubted),
            Basis::SteadyClock if is_act => Err(Declined::ClockDoubted),
            Basis::Unknown | Basis::SteadyClock => Ok(()),
            Basis::WallClock => match ahead(stage.heads(), submission.moment.now) {
                // Every batch loads this page.
                Some(last) if is_act && last > dated_until(stage.view().local(&journal_rules::name(stage.own()))) => {
                    Err(Declined::DatedAhead { last })
                }
                _ => Ok(()),
            },
        }
    }

    /// Declines a command whose rows were changed outside the service. The other commands of its batch are run.
    fn altered(&self, submission: &Submission) -> Result<(), Declined> {
        if self.stage.altered().is_empty() {
            return Ok(());
        }
        let mut keys = submission.reads(self.stage.own());
        keys.matters.extend(self.replies.matter_of(&submission.call).cloned());
        let lists: Vec<String> = keys.lists.iter().map(|(collection, opener)| collection.prefix(*opener)).collect();
        let needs =
            |name: &&String| keys.matters.contains(*name) || lists.iter().any(|list| name.starts_with(list.as_str()));
        let altered = self.stage.altered().iter().find(needs);
        altered.map_or(Ok(()), |name| Err(Declined::Altered { matter: shown(name) }))
    }

    /// Runs a command. Returns its outcome, and the reply for repeats of the call if this is the first answer to it.
    fn run(&mut self, submission: &Submission) -> (Outcome, Option<Reply>) {
        let Submission { command, call, moment } = submission;
        let again = self.replies.matter_of(call);
        let mut is_repeat = false;
        let outcome = self.stage.run(call, moment, |stage, now| {
            let repeated = again.and_then(|matter| command.reply_to_repeat(stage, matter, now));
            is_repeat = repeated.is_some();
            repeated.map_or_else(|| command.run(stage, now), Ok)
        });
        let reply = match &outcome {
            Ok(bytes) if !is_repeat => {
                call.key().map(|request| Reply { request, digest: call.digest.clone(), bytes: bytes.clone() })
            }
            _ => None,
        };
        (outcome.map_err(Declined::from), reply)
    }
}

fn record(stage: &Stage, call: &CallOrigin, outcome: &Outcome, matter: Option<String>, reply: Option<Reply>) -> Record {
    let outcome = outcome.as_ref().err().map_or("OK", |declined| declined.reason().id()).to_owned();
    let matter = matter.filter(|_| outcome == "OK").unwrap_or_default();
    Record { call: call.clone(), matter, outcome, at_us: stage.now().as_microsecond(), reply }
}

/// A matter's name in the form in which it may be shown: the ids of officials never are.
pub fn shown(matter: &str) -> String {
    let of = Matter::of(matter);
    if registry::of(&of).has_secret_names() { of.collection.prefix(of.opener) } else { matter.to_owned() }
}
