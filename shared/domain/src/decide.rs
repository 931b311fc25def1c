//! The policy: who may write what, in which state, while the agreement stands how. The author judges with it before it
//! writes; the receiver repeats the judgement on the author's view when the entry arrives.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use renkei_proto::{
    FactKind,
    journal::v1::{Fact, fact},
    options::v1::{Author, Effect, Reason},
    sharing::v1::ItemTerms,
    r#type::v1::Agency,
};

use crate::{
    calendar, counts, era,
    matter::{Matter, Noun},
    moment::instant,
    noun::{advice, agreement, item, journal, official, referral, scheme},
    page::{Journal, MarkView as _, Seen, View},
    scope::{self, Reader},
    term::TermStanding,
};

/// Leave to write one fact in one matter. Only [`decide`] makes one, and nothing is appended without it.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    matter: Matter,
    author: Agency,
    kind: FactKind,
}

impl Permit {
    /// The matter it is for.
    pub fn matter(&self) -> &Matter {
        &self.matter
    }

    /// Who may write.
    pub fn author(&self) -> Agency {
        self.author
    }

    /// What may be written.
    pub fn kind(&self) -> FactKind {
        self.kind
    }

    /// It goes into the private journal.
    pub fn is_private(&self) -> bool {
        self.kind.rule().author == Author::Private
    }
}

/// A refusal with its stable reason. Holds no content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", reason.id())]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The request's field that it is about; empty when it is about none.
    pub field: &'static str,
    /// What must hold, in a sentence for developers.
    pub detail: String,
}

impl Refusal {
    /// A refusal about no single field.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, field: "", detail: detail.into() }
    }

    /// A refusal about one field of the request.
    pub fn field(reason: Reason, field: &'static str, detail: impl Into<String>) -> Self {
        Self { reason, field, detail: detail.into() }
    }
}

/// Refuses unless `holds`.
pub(crate) fn must(holds: bool, reason: Reason, detail: &str) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(Refusal::new(reason, detail)) }
}

/// The instant of something that is stated to have happened, or to be known, by now.
///
/// # Errors
/// `FIELD_INVALID` when it is absent or lies in the future.
pub fn past(
    field: &'static str,
    stated: Option<&prost_types::Timestamp>,
    now: Timestamp,
) -> Result<Timestamp, Refusal> {
    let stated = stated.map(instant).filter(|at| *at <= now);
    stated.ok_or_else(|| Refusal::field(Reason::FieldInvalid, field, "must not lie in the future"))
}

/// Judges whether the view's author may write this fact in this matter at this time. `answers` is the number of the
/// peer's entry that it answers, 0 for none.
///
/// # Errors
/// A refusal with `WRONG_DIRECTION`, `AGREEMENT_NOT_IN_FORCE`, `WRONG_STATE`, `FACT_DIFFERS` or a reason of the noun.
pub fn decide(view: &View, matter: &Matter, fact: &Fact, answers: u64, now: Timestamp) -> Result<Permit, Refusal> {
    let Some(fact) = &fact.fact else {
        return Err(Refusal::new(Reason::NotUnderstood, "the fact is of no known kind"));
    };
    let kind = FactKind::of(fact);
    direction(kind, matter, view.author())?;
    if kind.rule().effect == Effect::Open {
        let standing = agreement::standing(view, now);
        must(
            matches!(standing, TermStanding::InForce(_)),
            Reason::AgreementNotInForce,
            "new matters of this article are opened only while the agreement is in force",
        )?;
    }
    let case = Case { view: *view, matter, answers, now };
    match fact {
        fact::Fact::NoticeGiven(it) => agreement::given(&case, it)?,
        fact::Fact::NoticeArrived(it) => agreement::arrived(&case, it)?,
        fact::Fact::NoticeWithdrawn(it) => agreement::withdrawn(&case, it)?,
        fact::Fact::NoticeWithdrawalAssented(it) => agreement::assented(&case, it)?,
        fact::Fact::SchemePublished(it) => scheme::published(&case, it)?,
        fact::Fact::SchemeRevised(it) => scheme::revised(&case, it)?,
        fact::Fact::SchemeWithdrawn(it) => scheme::withdrawn(&case, it)?,
        fact::Fact::ReferralIssued(it) => referral::issued(&case, it)?,
        fact::Fact::ReferralGiven(it) => referral::given(&case, it)?,
        fact::Fact::ReferralFollowedUp(it) => referral::followed_up(&case, it)?,
        fact::Fact::JudgementRevised(it) => referral::judgement_revised(&case, it)?,
        fact::Fact::ReferralsCounted(it) => counts::counted(&case, it)?,
        fact::Fact::AdviceRequested(it) => advice::requested(&case, it)?,
        fact::Fact::AdviceSupplemented(it) => advice::supplemented(&case, it)?,
        fact::Fact::AdviceClarificationAnswered(it) => advice::clarification_answered(&case, it)?,
        fact::Fact::AdviceQuotationAsked(it) => advice::quotation_asked(&case, it)?,
        fact::Fact::AdviceWithdrawn(_) => advice::withdrawn(&case)?,
        fact::Fact::AdviceClosed(_) => advice::closed(&case)?,
        fact::Fact::AdviceAccepted(it) => advice::accepted(&case, it)?,
        fact::Fact::AdviceHandedBack(_) => advice::handed_back(&case)?,
        fact::Fact::AdviceDeclined(_) => advice::declined(&case)?,
        fact::Fact::AdviceClarificationAsked(it) => advice::clarification_asked(&case, it)?,
        fact::Fact::AdviceGiven(it) => advice::given(&case, it)?,
        fact::Fact::AdviceCorrected(it) => advice::corrected(&case, it)?,
        fact::Fact::AdviceQuotationAnswered(_) => advice::quotation_answered(&case)?,
        fact::Fact::AttackMethodPublished(_)
        | fact::Fact::ResearchResultPublished(_)
        | fact::Fact::ThreatInformationPublished(_)
        | fact::Fact::TechnologyTrendPublished(_) => item::published(&case, fact)?,
        fact::Fact::ItemRecalled(_) => item::recalled(&case)?,
        fact::Fact::RecallAnswered(_) => item::recall_answered(&case)?,
        fact::Fact::ItemAcknowledged(it) => item::acknowledged(&case, it)?,
        fact::Fact::ItemQuestionAsked(_) => item::question_asked(&case)?,
        fact::Fact::ItemQuestionAnswered(_) => item::question_answered(&case)?,
        fact::Fact::ItemFeedbackGiven(it) => item::feedback_given(&case, it)?,
        fact::Fact::ItemUnitsMissing(it) => item::units_missing(&case, it)?,
        fact::Fact::EntryRefused(it) => journal::refused(&case, it)?,
        fact::Fact::KindsSpoken(it) => journal::kinds_spoken(&case, it)?,
        fact::Fact::KeyAdded(it) => journal::key_added(&case, it)?,
        fact::Fact::KeyRevoked(it) => journal::key_revoked(&case, it)?,
        fact::Fact::JournalReopened(it) => journal::reopened(&case, it)?,
        fact::Fact::AuditCheckpointed(it) => journal::checkpointed(&case, it)?,
        fact::Fact::PrivateAnchored(it) => journal::anchored(&case, it)?,
        fact::Fact::ReportReferred(_) => noun(matter, Noun::Referral)?,
        fact::Fact::FilingCounted(_) => noun(matter, Noun::ReferralCounts)?,
        fact::Fact::CodeTried(_) => noun(matter, Noun::Code)?,
        fact::Fact::OfficialBarred(_) => official::barred(&case)?,
        fact::Fact::OfficialUnbarred(_) => official::unbarred(&case)?,
        fact::Fact::StopLifted(_)
        | fact::Fact::JournalStopped(_)
        | fact::Fact::LossFound(_)
        | fact::Fact::ClockConfirmed(_)
        | fact::Fact::RecoveryEnded(_)
        | fact::Fact::OfficialsConfirmed(_) => noun(matter, Noun::Journal)?,
    }
    Ok(Permit { matter: matter.clone(), author: view.author(), kind })
}

/// The most entries of one agency in a matter in which both write.
pub const MOST_ENTRIES: usize = 200;

/// What every judgement reads.
pub(crate) struct Case<'a> {
    pub(crate) view: View<'a>,
    pub(crate) matter: &'a Matter,
    pub(crate) answers: u64,
    pub(crate) now: Timestamp,
}

impl<'a> Case<'a> {
    /// The page of the matter.
    pub(crate) fn page(&self) -> Seen<'a> {
        self.view.page(&self.matter.to_string())
    }

    pub(crate) fn author(&self) -> Agency {
        self.view.author()
    }

    /// Today in Japan.
    pub(crate) fn today(&self) -> Date {
        calendar::day(self.now)
    }

    pub(crate) fn noun(&self, wanted: Noun) -> Result<(), Refusal> {
        noun(self.matter, wanted)
    }

    /// A case number is of the fiscal year in which its matter is opened.
    pub(crate) fn fiscal_year(&self, year: u32) -> Result<(), Refusal> {
        let right = u32::try_from(era::fiscal_year(self.today())).is_ok_and(|current| current == year);
        must(right, Reason::FactDiffers, "the case number is of another fiscal year")
    }

    /// A matter takes so many entries of an agency and no more. What ends a matter is not counted out, and what the peer
    /// makes an agency's service answer is not counted.
    pub(crate) fn room(&self) -> Result<(), Refusal> {
        let counts =
            |kind: Option<FactKind>| !matches!(kind, Some(FactKind::EntryRefused | FactKind::ItemUnitsMissing));
        let said = self.page().all(self.author()).filter(|mark| counts(mark.kind()));
        let full = said.count() >= MOST_ENTRIES;
        must(!full, Reason::WrongState, "a matter has at most 200 entries of an agency: open another one")
    }

    /// Only facts that answer something name an entry of the peer.
    pub(crate) fn answers_nothing(&self) -> Result<(), Refusal> {
        must(self.answers == 0, Reason::HeaderDiffers, "this kind of fact answers no entry")
    }

    pub(crate) fn answers(&self, seq: u64) -> Result<(), Refusal> {
        must(self.answers == seq, Reason::HeaderDiffers, "the entry answers another one than its fact says")
    }
}

fn noun(matter: &Matter, wanted: Noun) -> Result<(), Refusal> {
    must(matter.noun == wanted, Reason::HeaderDiffers, "this kind of fact does not belong to this matter")
}

/// Judges who may write the fact, from its rule in the contract.
///
/// # Errors
/// `WRONG_DIRECTION`.
pub fn direction(kind: FactKind, matter: &Matter, author: Agency) -> Result<(), Refusal> {
    let may = match kind.rule().author {
        Author::Ppc => author == Agency::Ppc,
        Author::Ipa => author == Agency::Ipa,
        Author::Opener => author == matter.opener,
        Author::Other => matter.opener != Agency::Unspecified && author == matter.opener.peer(),
        Author::Either | Author::Private => author != Agency::Unspecified,
        Author::Unspecified => false,
    };
    must(may, Reason::WrongDirection, "this agency may not write this fact in this matter")
}

/// Leave to read one matter. Only [`decide_read`] makes one, and no content is handed out without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadPermit {
    matter: String,
    sealed: bool,
    /// Entries about revisions in whose own scope the reader is not.
    closed: BTreeSet<(Agency, u64)>,
    /// The hashes of the entries that were judged; `None` where nothing depends on which they are.
    judged: Option<BTreeMap<(Agency, u64), Vec<u8>>>,
}

/// How an entry relates to the page on which a reader was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The page has it.
    Entry,
    /// It was written after what the page has.
    Later,
    /// The page has another one under its number.
    Another,
}

impl ReadPermit {
    /// The name of the matter.
    pub fn matter(&self) -> &str {
        &self.matter
    }

    /// Whether the page on which the reader was judged has this entry.
    pub fn judged(&self, journal: Journal, seq: u64, hash: &[u8]) -> Judged {
        let (Some(judged), Journal::Of(author)) = (&self.judged, journal) else { return Judged::Entry };
        let last = judged.range((author, 0)..=(author, u64::MAX)).next_back().map_or(0, |((_, seq), _)| *seq);
        match judged.get(&(author, seq)) {
            Some(known) if known == hash => Judged::Entry,
            None if seq > last => Judged::Later,
            _ => Judged::Another,
        }
    }

    /// The content of this entry may be read: of a sealed matter only why it is sealed, and of no revision more than its
    /// own scope allows.
    pub fn opens(&self, journal: Journal, seq: u64, kind: FactKind) -> bool {
        self.shows(journal, seq) && (!self.sealed || kind == FactKind::ItemRecalled)
    }

    /// The fact of this entry may be read: it is about no revision in whose own scope the reader is not.
    pub fn shows(&self, journal: Journal, seq: u64) -> bool {
        !matches!(journal, Journal::Of(author) if self.closed.contains(&(author, seq)))
    }
}

/// Judges whether somebody may read a matter at the service of `own`: as its noun's own read method says in the contract
/// and, for what the peer shares, within its scope (Art. 7(2)). Lists, feed and evidence show no more than that.
///
/// # Errors
/// `NOT_FOUND`: hidden and missing look the same.
pub fn decide_read(
    own: Agency,
    matter: &Matter,
    page: Seen<'_>,
    reader: &Reader,
    now: Timestamp,
) -> Result<ReadPermit, Refusal> {
    let hidden = "there is no such matter";
    let may = renkei_proto::readers(matter.noun.collection()).iter().any(|role| reader.roles.contains(role));
    must(may, Reason::NotFound, hidden)?;
    let in_scope = scope::visibility(own, matter, page).iter().any(|shown| shown.fits(reader, now));
    must(in_scope || !matter.noun.is_scoped(), Reason::NotFound, hidden)?;
    if !matter.noun.is_scoped() || matter.opener == own {
        return Ok(ReadPermit { matter: matter.to_string(), sealed: false, closed: BTreeSet::new(), judged: None });
    }
    let sealed = item::is_sealed(page, matter.opener);
    let in_its_scope = |terms: &ItemTerms| scope::audiences(terms).iter().any(|shown| shown.fits(reader, now));
    let closed = item::entries_about(page, matter.opener, |terms| !in_its_scope(terms));
    let marks = [Agency::Ppc, Agency::Ipa].into_iter().flat_map(|author| page.all(author).map(move |it| (author, it)));
    let judged = marks.map(|(author, mark)| ((author, mark.seq), mark.hash.clone())).collect();
    Ok(ReadPermit { matter: matter.to_string(), sealed, closed, judged: Some(judged) })
}

/// Which pages a judgement reads. The store loads them before anything is decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet {
    /// Pages by name.
    pub matters: BTreeSet<String>,
    /// All pages of a noun of one agency.
    pub lists: BTreeSet<(Noun, Agency)>,
    /// All counters of a year (see [`crate::counts::Tally`]).
    pub years: BTreeSet<u32>,
    /// Hashes of entries that may be held.
    pub entries: BTreeSet<(Journal, u64)>,
    /// Ids of entries that may be taken.
    pub ids: BTreeSet<String>,
}

impl ReadSet {
    /// The page of one matter.
    pub fn matter(name: impl Into<String>) -> Self {
        Self { matters: [name.into()].into(), ..Self::default() }
    }

    /// Both agencies' catalogues of schemes beside these.
    #[must_use]
    pub fn with_schemes(mut self) -> Self {
        self.lists.extend([(Noun::Scheme, Agency::Ppc), (Noun::Scheme, Agency::Ipa)]);
        self
    }

    /// The counters of a year beside these.
    #[must_use]
    pub fn with_year(mut self, year: u32) -> Self {
        self.years.insert(year);
        self
    }

    /// These and others.
    pub fn extend(&mut self, other: Self) {
        self.matters.extend(other.matters);
        self.lists.extend(other.lists);
        self.years.extend(other.years);
        self.entries.extend(other.entries);
        self.ids.extend(other.ids);
    }
}

/// What judging this kind of fact in this matter reads. The agreement and both agencies' journal pages are always read.
pub fn keys(matter: &str, kind: FactKind) -> ReadSet {
    let keys = ReadSet::matter(matter);
    match kind {
        FactKind::SchemePublished
        | FactKind::SchemeRevised
        | FactKind::SchemeWithdrawn
        | FactKind::ReferralIssued
        | FactKind::ReferralGiven
        | FactKind::ReferralFollowedUp => keys.with_schemes(),
        _ => keys,
    }
}
