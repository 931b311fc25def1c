//! An act of an official in a matter: one way from the request to the entry and to the answer, for all nouns.

use prost::Message;
use renkei_book::{Command, Stage};
use renkei_domain::{
    calendar::{self, Calendar},
    decide::{decide_read, withheld},
    era,
    matter::{Matter, entry_seq},
    moment::Moment,
    noun::{Resource, registry},
    page::Seen,
    read_set::ReadSet,
    refusal::{Refusal, past},
    tally::TallyKind,
    visibility::Reader,
};
use renkei_proto::{
    ActRequest, Sentence,
    journal::v1::fact,
    options::v1::Reason,
    r#type::v1::{Agency, Statement},
};
use renkei_rpc::validate::Call;
use tonic::Request;

use crate::desk::{Answer, Desk, open};

/// A request of an official that changes something in a matter.
pub trait Act: ActRequest + Send + Sync + 'static {
    /// The answer: the matter as the act leaves it.
    type Resource: Resource + Message + Default + 'static;

    /// The results of the check that the draft needs.
    type Checked: Default + Send + Sync + 'static;

    /// The matter in which the act is done: the one that the request names. An act that opens a matter names it here.
    fn matter(&self, own: Agency, moment: &Moment) -> Matter {
        let _ = (own, moment);
        Matter::of(self.name())
    }

    /// Does everything for which no page is needed, before the act queues: it judges, parses and counts, so that the writer,
    /// and with it every other caller, does not wait for that.
    ///
    /// # Errors
    /// Every fault of the request that shows without the page.
    fn check(&mut self, context: &CheckContext<'_>) -> Result<Self::Checked, Refusal> {
        let _ = context;
        Ok(Self::Checked::default())
    }

    /// The content of the entry, encoded; `None` for a fact without content. It is removed from the checked request
    /// before the act queues.
    fn content(&mut self, checked: &Self::Checked) -> Option<Vec<u8>> {
        let _ = checked;
        self.take_content()
    }

    /// The pages that the judgement of the act reads.
    fn reads(&self, matter: &Matter, moment: &Moment) -> ReadSet {
        let _ = moment;
        ReadSet::matter(matter.to_string())
    }

    /// The fact that is to be written, as it follows from the request and from the page.
    ///
    /// # Errors
    /// Every fault that only the desk can see, such as the name of an entry that does not exist.
    fn draft(&self, checked: &Self::Checked, context: &ActContext<'_>) -> Result<FactDraft, Refusal>;

    /// True for an act that is owed or permitted after the scope of the matter has ended by time: its reply has no text.
    fn outlasts_scope(&self) -> bool {
        false
    }

    /// The private fact that records a refused act; `None` for a refusal of which nothing is recorded.
    fn attempt(&self, checked: &Self::Checked, context: &ActContext<'_>, refusal: &Refusal) -> Option<fact::Fact> {
        let _ = (checked, context, refusal);
        None
    }
}

/// The surroundings of an act before it queues.
pub struct CheckContext<'a> {
    /// The agency at whose desk they act.
    pub own: Agency,
    /// The moment of the call.
    pub moment: &'a Moment,
    /// The official who acts.
    pub official: &'a str,
    /// The number of officials who are barred.
    pub barred: usize,
    /// The open days by the agency's list of holidays.
    pub calendar: &'a Calendar,
}

impl<'a> CheckContext<'a> {
    /// The surroundings of a call at a desk.
    pub(crate) fn of(desk: &'a Desk, call: &'a Call) -> Self {
        let barred = desk.store.barred().borrow().len();
        Self { own: desk.own, moment: &call.moment, official: &call.official, barred, calendar: &desk.calendar }
    }
}

/// The surroundings of an act in the writer.
pub struct ActContext<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) matter: &'a Matter,
    pub(crate) moment: &'a Moment,
    /// The caller, with unit and purpose.
    pub(crate) reader: &'a Reader,
    /// The open days by the agency's list of holidays.
    pub(crate) calendar: &'a Calendar,
}

impl<'a> ActContext<'a> {
    /// The page of the matter.
    pub(crate) fn page(&self) -> Seen<'a> {
        self.stage.page(&self.matter.to_string())
    }

    /// The fiscal year, and the next ordinal in it of matters that are counted under this kind.
    pub(crate) fn next_case(&self, kind: &TallyKind) -> CaseOrdinal {
        let fiscal_year = fiscal_year(self.moment);
        CaseOrdinal { fiscal_year, year_ordinal: self.stage.counter(fiscal_year, kind) + 1 }
    }
}

/// The number that a new matter gets.
pub struct CaseOrdinal {
    pub(crate) fiscal_year: u32,
    /// The ordinal in the fiscal year, from 1.
    pub(crate) year_ordinal: u64,
}

/// A fact that an act writes, before it is judged.
pub struct FactDraft {
    fact: fact::Fact,
    answers: u64,
}

impl FactDraft {
    /// A fact that answers nothing.
    pub(crate) fn new(fact: impl Into<fact::Fact>) -> Self {
        Self { fact: fact.into(), answers: 0 }
    }

    /// The fact as the answer to an entry of the peer's journal, by its number; 0 for none.
    pub(crate) fn answering(self, answers: u64) -> Self {
        Self { answers, ..self }
    }
}

/// Opens a request, does its act, and answers with the matter as it is afterwards.
pub(crate) async fn act<A: Act>(request: Request<A>, desk: &Desk) -> Answer<A::Resource> {
    open(request, desk, async |call, act: A| {
        let command = ActCommand::by(desk, &call, act)?;
        desk.write(&call, command).await
    })
    .await
}

/// An act that was checked and waits for the writer.
pub struct ActCommand<A: Act> {
    act: A,
    pub(crate) checked: A::Checked,
    content: Option<Vec<u8>>,
    matter: Matter,
    reader: Reader,
    calendar: Calendar,
}

impl<A: Act> ActCommand<A> {
    /// Checks the act of a call.
    ///
    /// # Errors
    /// The refusal of [`Act::check`].
    pub(crate) fn by(desk: &Desk, call: &Call, act: A) -> Result<Self, Refusal> {
        Self::checked(act, call.reader.clone(), &CheckContext::of(desk, call))
    }

    /// Checks an act on behalf of a reader: nobody acts on a matter that is hidden from them.
    ///
    /// # Errors
    /// The refusal of [`Act::check`].
    pub fn checked(mut act: A, reader: Reader, context: &CheckContext<'_>) -> Result<Self, Refusal> {
        let checked = Act::check(&mut act, context)?;
        let content = act.content(&checked);
        let matter = act.matter(context.own, context.moment);
        Ok(Self { act, checked, content, matter, reader, calendar: context.calendar.clone() })
    }

    fn context<'a>(&'a self, stage: &'a Stage, moment: &'a Moment) -> ActContext<'a> {
        ActContext { stage, matter: &self.matter, moment, reader: &self.reader, calendar: &self.calendar }
    }

    /// Writes the fact of the act.
    fn write(&self, stage: &mut Stage, moment: &Moment) -> Result<(), Refusal> {
        let FactDraft { fact, answers } = self.act.draft(&self.checked, &self.context(stage, moment))?;
        stage.write(&self.matter, fact, self.content.clone(), answers).map(|_| ())
    }

    /// Refuses an act in a matter that is hidden from its caller.
    fn readable(&self, stage: &Stage, moment: &Moment) -> Result<(), Refusal> {
        let page = stage.page(&self.matter.to_string());
        let at = match self.act.outlasts_scope() {
            true => registry::of(&self.matter).last_shown(&self.matter, page, moment.now),
            false => moment.now,
        };
        decide_read(stage.own(), &self.matter, page, &self.reader, at).map(|_| ())
    }

    /// A matter as its caller may see it after the act.
    fn shown(&self, stage: &Stage, matter: &Matter, moment: &Moment) -> Option<A::Resource> {
        let name = matter.to_string();
        let (seen, now) = (stage.page(&name), moment.now);
        let withheld = withheld(stage.own(), matter, seen, &self.reader, now);
        A::Resource::shown(matter, seen, now, stage.etag(&name), &withheld)
    }
}

impl<A: Act> Command for ActCommand<A> {
    type Reply = A::Resource;

    fn reads(&self, moment: &Moment) -> ReadSet {
        self.act.reads(&self.matter, moment)
    }

    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<A::Resource, Refusal> {
        let name = self.matter.to_string();
        if let Some(etag) = self.act.etag() {
            self.readable(stage, moment)?;
            stage.expect(&name, etag)?;
        }
        if let Err(refusal) = self.write(stage, moment) {
            if let Some(attempt) = self.act.attempt(&self.checked, &self.context(stage, moment), &refusal) {
                stage.note(self.matter.clone(), attempt, None);
            }
            return Err(refusal);
        }
        // The act itself may have hidden the matter from its caller, who was judged before it: the report that an item came by
        // mistake ends the consent by which the caller's unit saw it.
        self.shown(stage, &self.matter, moment)
            .ok_or_else(|| Refusal::new(Reason::Internal, Sentence::for_developers("the matter has no page")))
    }

    fn reply_to_repeat(&self, stage: &Stage, matter: &str, moment: &Moment) -> Option<A::Resource> {
        // The stored reply was lost with its database, and the reply is made anew: only for a caller who may read the matter
        // now.
        self.act.etag().map(|_| self.readable(stage, moment)).transpose().ok()?;
        self.shown(stage, &Matter::of(matter), moment)
    }
}

/// Refuses statements whose time is in the future, because they state present knowledge.
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
    entry_seq(name, author).ok_or_else(|| {
        Refusal::field(Reason::NotFound, field, Sentence::for_developers("there is no such entry in this matter"))
    })
}
