//! An act of an official in a matter: one way from the request to the entry and to the answer, for all nouns.

use jiff::Timestamp;
use prost::Message;
use renkei_domain::{
    calendar,
    decide::{Keys, Refusal, decide_read},
    era,
    matter::{Matter, parse_entry_name},
    moment::Moment,
    page::Seen,
    scope::Reader,
};
use renkei_proto::{Validate, journal::v1::fact, options::v1::Reason, r#type::v1::Agency};
use renkei_rpc::validate::{Desk, open};
use renkei_store::{Command, Stage};
use tonic::{Request, Response, Status};

/// A noun as the desk shows it.
pub(crate) trait Resource: Message + Default + 'static {
    /// The matter without its words; `None` when there is none.
    fn of(matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Self>;
}

/// What officials do in the matters of a noun: an enum with a variant for each request that writes.
pub(crate) trait Act: Send + Sync + 'static {
    /// What the caller gets: the matter as the act leaves it.
    type Resource: Resource;

    /// What judging the act reads.
    fn keys(&self, matter: &Matter, moment: &Moment) -> Keys {
        let _ = moment;
        Keys::matter(matter.to_string())
    }

    /// What is to be written.
    ///
    /// # Errors
    /// What only the desk can see: a name that is none, a text that is missing.
    fn says(&self, at: &At<'_>) -> Result<Said, Refusal>;
}

/// Where an act is done.
pub(crate) struct At<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) matter: &'a Matter,
    pub(crate) moment: &'a Moment,
    /// The caller's unit; empty for none.
    pub(crate) unit: &'a str,
}

impl<'a> At<'a> {
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

/// What an act says.
pub(crate) struct Said {
    fact: fact::Fact,
    content: Option<Vec<u8>>,
    answers: u64,
}

impl Said {
    /// A fact without words that answers nothing.
    pub(crate) fn new(fact: fact::Fact) -> Self {
        Self { fact, content: None, answers: 0 }
    }

    /// With these words.
    pub(crate) fn with(self, words: &impl Message) -> Self {
        self.with_bytes(words.encode_to_vec())
    }

    /// With words that are encoded already.
    pub(crate) fn with_bytes(self, words: Vec<u8>) -> Self {
        Self { content: Some(words), ..self }
    }

    /// Answering this number of the peer's journal.
    pub(crate) fn answering(self, answers: u64) -> Self {
        Self { answers, ..self }
    }
}

/// Opens a request, does what it says, and answers with the matter as it then stands.
pub(crate) async fn act<M: Message + Validate, A: Act>(
    request: Request<M>,
    desk: &Desk,
    name: &'static str,
    doing: impl FnOnce(&Moment, M) -> Doing<A>,
) -> Result<Response<A::Resource>, Status> {
    open(request, desk, async |call, it: M| {
        let doing = Doing { reader: call.reader, ..doing(&call.moment, it) };
        Ok(desk.store.write(name, call.call, call.moment, doing).await?)
    })
    .await
}

/// An act with its matter.
pub(crate) struct Doing<A> {
    matter: Matter,
    /// The own half's version as the caller read it; `None` for an act that opens its matter.
    etag: Option<String>,
    reader: Reader,
    act: A,
}

impl<A> Doing<A> {
    /// An act that opens a matter.
    pub(crate) fn opening(matter: Matter, act: A) -> Self {
        Self { matter, etag: None, reader: Reader::default(), act }
    }

    /// An act in the matter of this name.
    pub(crate) fn within(name: String, etag: String, act: A) -> Self {
        Self { matter: Matter::of(&name), etag: Some(etag), reader: Reader::default(), act }
    }

    /// Nobody acts on what is hidden from him.
    fn readable(&self, stage: &Stage, moment: &Moment) -> Result<(), Refusal> {
        let page = stage.page(&self.matter.to_string());
        decide_read(stage.own(), &self.matter, page, &self.reader, moment.now).map(|_| ())
    }
}

impl<A: Act> Command for Doing<A> {
    type Reply = A::Resource;

    fn keys(&self, moment: &Moment) -> Keys {
        self.act.keys(&self.matter, moment)
    }

    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<A::Resource, Refusal> {
        let name = self.matter.to_string();
        if let Some(etag) = &self.etag {
            self.readable(stage, moment)?;
            stage.expect(&name, etag)?;
        }
        let at = At { stage, matter: &self.matter, moment, unit: &self.reader.unit };
        let Said { fact, content, answers } = self.act.says(&at)?;
        stage.write(&self.matter, fact, content, answers)?;
        self.again(stage, &name, moment).ok_or_else(|| Refusal::new(Reason::Internal, "the matter has no page"))
    }

    fn again(&self, stage: &Stage, matter: &str, moment: &Moment) -> Option<A::Resource> {
        // What has been hidden from him since is not shown for a repeat.
        self.etag.as_ref().map(|_| self.readable(stage, moment)).transpose().ok()?;
        A::Resource::of(&Matter::of(matter), stage.page(matter), moment.now, stage.etag(matter))
    }
}

/// Keys of an act that opens a matter with a case number.
pub(crate) fn opening(matter: &Matter, moment: &Moment) -> Keys {
    // The writer may raise the time over the end of a fiscal year.
    let year = fiscal_year(moment);
    Keys::matter(matter.to_string()).with_year(year).with_year(year + 1)
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
