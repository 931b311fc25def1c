//! An act of an official in a matter: one way from the request to the entry and to the answer, for all nouns.

use prost::Message;
use renkei_domain::{
    calendar,
    decide::decide_read,
    era,
    matter::{Matter, parse_entry_name},
    moment::Moment,
    noun::Resource,
    page::Seen,
    read_set::ReadSet,
    refusal::{Refusal, past},
    visibility::Reader,
};
use renkei_proto::{
    Validate,
    journal::v1::fact,
    options::v1::Reason,
    r#type::v1::{Agency, Statement},
};
use renkei_store::{Command, Stage};
use tonic::{Request, Response, Status};

use crate::desk::{Desk, open};

/// What officials do in the matters of a noun: an enum with a variant for each request that writes.
pub(crate) trait Act: Send + Sync + 'static {
    /// What the caller gets: the matter as the act leaves it.
    type Resource: Resource + Message + Default + 'static;

    /// What judging the act reads.
    fn reads(&self, matter: &Matter, moment: &Moment) -> ReadSet {
        let _ = moment;
        ReadSet::matter(matter.to_string())
    }

    /// What is to be written, as far as it depends on the page.
    ///
    /// # Errors
    /// What only the desk can see, such as a name of nothing.
    fn says(&self, at: &ActContext<'_>) -> Result<FactDraft, Refusal>;
}

/// Where an act is done.
pub(crate) struct ActContext<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) matter: &'a Matter,
    pub(crate) moment: &'a Moment,
    /// The caller's unit; empty for none.
    pub(crate) unit: &'a str,
}

impl<'a> ActContext<'a> {
    /// The page of the matter.
    pub(crate) fn page(&self) -> Seen<'a> {
        self.stage.page(&self.matter.to_string())
    }

    /// The fiscal year and the next ordinal in it of what is counted under this kind.
    pub(crate) fn next_case(&self, kind: &str) -> (u32, u64) {
        let year = fiscal_year(self.moment);
        (year, self.stage.counter(year, kind) + 1)
    }
}

/// What an act says, beside its words.
pub(crate) struct FactDraft {
    fact: fact::Fact,
    answers: u64,
}

impl FactDraft {
    /// A fact that answers nothing.
    pub(crate) fn new(fact: fact::Fact) -> Self {
        Self { fact, answers: 0 }
    }

    /// Answering this number of the peer's journal.
    pub(crate) fn answering(self, answers: u64) -> Self {
        Self { answers, ..self }
    }
}

/// Opens a request, does what it says, and answers with the matter as it is afterwards. `check` makes the act of the request
/// before it queues: everything that needs no page is judged, parsed and encoded there, so that the writer, and with it
/// every other caller, does not wait for it.
pub(crate) async fn act<M: Message + Validate, A: Act>(
    request: Request<M>,
    desk: &Desk,
    check: impl FnOnce(&Moment, M) -> Result<ActCommand<A>, Refusal>,
) -> Result<Response<A::Resource>, Status> {
    open(request, desk, async |call, it: M| {
        let doing = ActCommand { reader: call.reader.clone(), ..check(&call.moment, it)? };
        desk.write(&call, doing).await
    })
    .await
}

/// An act with its matter.
pub(crate) struct ActCommand<A> {
    matter: Matter,
    /// The own half's version as the caller read it; `None` for an act that opens its matter.
    etag: Option<String>,
    reader: Reader,
    act: A,
    /// The words of its entry, encoded; `None` for a fact without words.
    words: Option<Vec<u8>>,
}

impl<A> ActCommand<A> {
    /// An act that opens a matter.
    pub(crate) fn opening(matter: Matter, act: A) -> Self {
        Self { matter, etag: None, reader: Reader::default(), act, words: None }
    }

    /// An act in the matter of this name.
    pub(crate) fn within(name: String, etag: String, act: A) -> Self {
        Self { matter: Matter::of(&name), etag: Some(etag), reader: Reader::default(), act, words: None }
    }

    /// With these words, empty ones where a request leaves out what it may.
    pub(crate) fn with(self, words: Option<&impl Message>) -> Self {
        self.with_bytes(words.map(Message::encode_to_vec).unwrap_or_default())
    }

    /// With words that are encoded already.
    pub(crate) fn with_bytes(self, words: Vec<u8>) -> Self {
        Self { words: Some(words), ..self }
    }

    /// Nobody acts on what is hidden from him.
    fn readable(&self, stage: &Stage, moment: &Moment) -> Result<(), Refusal> {
        let page = stage.page(&self.matter.to_string());
        decide_read(stage.own(), &self.matter, page, &self.reader, moment.now).map(|_| ())
    }
}

impl<A: Act> Command for ActCommand<A> {
    type Reply = A::Resource;

    fn reads(&self, moment: &Moment) -> ReadSet {
        self.act.reads(&self.matter, moment)
    }

    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<A::Resource, Refusal> {
        let name = self.matter.to_string();
        if let Some(etag) = &self.etag {
            self.readable(stage, moment)?;
            stage.expect(&name, etag)?;
        }
        let at = ActContext { stage, matter: &self.matter, moment, unit: &self.reader.unit };
        let FactDraft { fact, answers } = self.act.says(&at)?;
        stage.write(&self.matter, fact, self.words.clone(), answers)?;
        self.reply_to_repeat(stage, &name, moment)
            .ok_or_else(|| Refusal::new(Reason::Internal, "the matter has no page"))
    }

    fn reply_to_repeat(&self, stage: &Stage, matter: &str, moment: &Moment) -> Option<A::Resource> {
        // What has been hidden from him since is not shown for a repeat.
        self.etag.as_ref().map(|_| self.readable(stage, moment)).transpose().ok()?;
        A::Resource::of(&Matter::of(matter), stage.page(matter), moment.now, stage.etag(matter))
    }
}

/// What statements say is known by now: none is as of a time to come.
///
/// # Errors
/// `FIELD_INVALID`.
pub(crate) fn as_of_now<'a>(
    field: &'static str,
    statements: impl IntoIterator<Item = &'a Statement>,
    moment: &Moment,
) -> Result<(), Refusal> {
    statements.into_iter().try_for_each(|it| past(field, it.as_of.as_ref(), moment.now).map(|_| ()))
}

/// The read set of an act that opens a matter with a case number.
pub(crate) fn opening(matter: &Matter, moment: &Moment) -> ReadSet {
    // The writer may raise the time over the end of a fiscal year.
    let year = fiscal_year(moment);
    ReadSet::matter(matter.to_string()).with_year(year).with_year(year + 1)
}

/// The Japanese fiscal year of a moment.
pub(crate) fn fiscal_year(moment: &Moment) -> u32 {
    u32::try_from(era::fiscal_year(calendar::day(moment.now))).unwrap_or_default()
}

/// The number of an entry by its name, which the contract has bound to an agency's journal.
pub(crate) fn seq_of(name: &str, author: Agency, field: &'static str) -> Result<u64, Refusal> {
    let seq = parse_entry_name(name).filter(|(of, _)| *of == author).map(|(_, seq)| seq);
    seq.ok_or_else(|| Refusal::field(Reason::NotFound, field, "there is no such entry in this matter"))
}
