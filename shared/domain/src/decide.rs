//! The policy: the facts that an agency may write, by direction, state and the agreement's term. The author judges with
//! it before it writes; the receiver repeats the judgement on the author's view when the entry arrives.

use std::collections::BTreeMap;

use jiff::Timestamp;
use renkei_proto::{
    FactKind, Sentence,
    journal::v1::{Fact, fact},
    options::v1::{Author, Effect, Reason},
    r#type::v1::Agency,
};

use crate::{
    case::Case,
    era,
    matter::Matter,
    noun::{Noun, Withheld, registry},
    page::{Journal, MarkView as _, Seen, View},
    refusal::{Refusal, must},
    visibility::Reader,
};

/// The right to write one fact in one matter. Only [`decide`] makes one, and nothing is appended without it.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    matter: Matter,
    author: Agency,
    kind: FactKind,
}

impl Permit {
    /// The matter in which the fact may be written.
    pub fn matter(&self) -> &Matter {
        &self.matter
    }

    /// The agency that may write it.
    pub fn author(&self) -> Agency {
        self.author
    }

    /// The kind of fact that may be written.
    pub fn kind(&self) -> FactKind {
        self.kind
    }

    /// The fact goes into the private journal.
    pub fn is_private(&self) -> bool {
        self.kind.rule().author == Author::Private
    }
}

/// The most entries of one agency in a matter in which both write.
pub const MOST_ENTRIES: usize = 200;

/// Judges whether the view's author may write this fact in this matter at this time. `answers` is the number of the
/// peer's entry that it answers, 0 for none.
///
/// # Errors
/// A refusal with `WRONG_DIRECTION`, `AGREEMENT_NOT_IN_FORCE`, `WRONG_STATE`, `FACT_DIFFERS` or a reason of the noun.
pub fn decide(view: &View, matter: &Matter, fact: &Fact, answers: u64, now: Timestamp) -> Result<Permit, Refusal> {
    let fact = stated(fact.fact.as_ref())?;
    let case = Case { view: *view, matter, answers, now };
    let noun = before_the_noun(&case, fact)?;
    noun.judge(&case, fact)?;
    after_the_noun(&case, noun, fact)
}

/// Judges a fact that the view's author drafts, as [`decide`] does, and completes it.
///
/// # Errors
/// As [`decide`].
pub fn decide_draft(
    view: &View,
    matter: &Matter,
    draft: fact::Fact,
    answers: u64,
    now: Timestamp,
) -> Result<PermittedFact, Refusal> {
    let case = Case { view: *view, matter, answers, now };
    let noun = before_the_noun(&case, &draft)?;
    let fact = noun.complete(&case, draft)?;
    Ok(PermittedFact { permit: after_the_noun(&case, noun, &fact)?, fact })
}

/// A drafted fact, complete, with the right to write it.
#[derive(Debug)]
pub struct PermittedFact {
    /// The right to write it.
    pub permit: Permit,
    /// The complete fact.
    pub fact: fact::Fact,
}

fn stated(fact: Option<&fact::Fact>) -> Result<&fact::Fact, Refusal> {
    fact.ok_or_else(|| Refusal::new(Reason::NotUnderstood, Sentence::for_developers("the fact is of no known kind")))
}

/// The rules for every noun that come before those of the noun itself, which is returned.
fn before_the_noun(case: &Case, fact: &fact::Fact) -> Result<&'static dyn Noun, Refusal> {
    let kind = FactKind::of(fact);
    direction(kind, case.matter, case.author())?;
    if kind.rule().effect == Effect::Open
        && let Some(why) = registry::agreement_forbids(&case.view, case.now)
    {
        return Err(Refusal::new(Reason::AgreementNotInForce, why));
    }
    let noun = registry::of_kind(kind);
    belongs(case, kind)?;
    opens_once(case, noun, fact)?;
    Ok(noun)
}

/// The rules for every noun that come after those of the noun itself.
fn after_the_noun(case: &Case, noun: &dyn Noun, fact: &fact::Fact) -> Result<Permit, Refusal> {
    let kind = FactKind::of(fact);
    answers_what_it_may(case, kind)?;
    has_room(case, noun, fact)?;
    Ok(Permit { matter: case.matter.clone(), author: case.author(), kind })
}

/// A fact is written in a matter of its own collection.
fn belongs(case: &Case, kind: FactKind) -> Result<(), Refusal> {
    let collection = kind.rule().collection;
    let belongs = collection.is_empty() || collection == case.matter.collection.word();
    must(belongs, Reason::HeaderDiffers, Sentence::for_developers("this kind of fact does not belong to this matter"))?;
    // Only a refusal has no collection, and it answers the entry that it refuses.
    let may_answer = !kind.rule().answers.is_empty() || collection.is_empty();
    must(
        may_answer || case.answers == 0,
        Reason::HeaderDiffers,
        Sentence::for_developers("this kind of fact answers no entry"),
    )
}

/// A matter is opened once, and its case number is of the fiscal year in which that happens.
fn opens_once(case: &Case, noun: &dyn Noun, fact: &fact::Fact) -> Result<(), Refusal> {
    if !noun.opens(fact) {
        return Ok(());
    }
    let opening = |kind: FactKind| kind.rule().opens;
    let mut marks = case.page().marks(case.author());
    let is_open = marks.any(|mark| mark.kind().is_some_and(opening));
    must(!is_open, Reason::AlreadyExists, ("this matter was opened before", "この案件は、既に開始されています。"))?;
    let current = u32::try_from(era::fiscal_year(case.today())).unwrap_or_default();
    let is_current = noun.ordinals(fact).iter().all(|ordinal| ordinal.year == 0 || ordinal.year == current);
    must(is_current, Reason::FactDiffers, Sentence::for_developers("the case number is of another fiscal year"))
}

/// A fact answers nothing but facts that its rule in the contract names.
fn answers_what_it_may(case: &Case, kind: FactKind) -> Result<(), Refusal> {
    let may = kind.rule().answers;
    if may.is_empty() || case.answers == 0 {
        return Ok(());
    }
    let answered = case.page().marks(case.author().peer()).find(|mark| mark.seq == case.answers);
    let is_right = answered.and_then(|mark| mark.kind()).is_some_and(|kind| may.contains(&kind));
    must(is_right, Reason::HeaderDiffers, Sentence::for_developers("this kind of fact does not answer such an entry"))
}

/// A matter has limited room for each agency. Facts of a service itself are not counted, because the peer causes them.
fn has_room(case: &Case, noun: &dyn Noun, fact: &fact::Fact) -> Result<(), Refusal> {
    if noun.opens(fact) || !noun.needs_room(fact) {
        return Ok(());
    }
    let is_counted = |fact: &fact::Fact| {
        let noun = registry::of_fact(fact);
        !FactKind::of(fact).rule().wrong_stops && !noun.is_automatic(fact)
    };
    let entries = case.page().all(case.author()).filter(|mark| mark.stated().is_some_and(is_counted));
    let is_full = entries.count() >= MOST_ENTRIES;
    must(
        !is_full,
        Reason::WrongState,
        (
            "a matter has at most 200 entries of an agency: open another one",
            "一つの案件に一方の機関が登録できる記録は200件までです。新たな案件を開始してください。",
        ),
    )
}

/// Judges whether the agency may write the fact, by the fact's rule in the contract.
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
    must(
        may,
        Reason::WrongDirection,
        ("this agency may not write this fact in this matter", "この案件では、この行為は相手方の機関が行います。"),
    )
}

/// The right to read one matter. Only [`decide_read`] makes one, and no content is handed out without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadPermit {
    matter: String,
    withheld: Withheld,
    /// The hashes of the entries that were judged; `None` where nothing depends on them.
    judged: Option<BTreeMap<(Agency, u64), Vec<u8>>>,
}

/// The relation of an entry to the page on which a reader was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The page contains it.
    Entry,
    /// It was written after everything that the page contains.
    Later,
    /// The page contains another one with its number.
    Another,
}

impl ReadPermit {
    /// The name of the matter.
    pub fn matter(&self) -> &str {
        &self.matter
    }

    /// The relation of an entry to the page on which the reader was judged.
    pub fn judged(&self, journal: Journal, seq: u64, hash: &[u8]) -> Judged {
        let (Some(judged), Journal::Of(author)) = (&self.judged, journal) else { return Judged::Entry };
        let last = judged.range((author, 0)..=(author, u64::MAX)).next_back().map_or(0, |((_, seq), _)| *seq);
        match judged.get(&(author, seq)) {
            Some(known) if known == hash => Judged::Entry,
            None if seq > last => Judged::Later,
            _ => Judged::Another,
        }
    }

    /// True if the content of this entry may be read: of a sealed matter only the reason of the seal, and of a revision
    /// only if its own scope allows it.
    pub fn opens(&self, journal: Journal, seq: u64, kind: FactKind) -> bool {
        self.shows(journal, seq) && self.withheld.sealed_but.is_none_or(|readable| readable.contains(&kind))
    }

    /// True if the fact of this entry may be read: it does not concern a revision whose own scope excludes the reader, nor, for a
    /// reader by a consent alone, the consents and disclosures of others.
    pub fn shows(&self, journal: Journal, seq: u64) -> bool {
        !matches!(journal, Journal::Of(author) if self.withheld.entries.contains(&(author, seq)))
    }

    /// The parts of the matter that the reader may not see.
    pub fn withheld(&self) -> &Withheld {
        &self.withheld
    }
}

/// Judges whether a reader may read a matter at the service of `own`: by the roles of the method that reads its
/// collection and, for items of the peer, within its scope (Art. 7(2)). Lists, feed and evidence show no more than
/// that.
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
    let noun = registry::of(matter);
    let has_role = renkei_proto::readers(noun.collection().word()).iter().any(|role| reader.roles.contains(role));
    let is_visible = || noun.visibility(own, matter, page).iter().any(|visibility| visibility.includes(reader, now));
    must(
        has_role && (!noun.is_scoped() || is_visible()),
        Reason::NotFound,
        Sentence::for_developers("there is no such matter"),
    )?;
    let withheld = withheld(own, matter, page, reader, now);
    if !noun.is_scoped() || matter.opener == own {
        return Ok(ReadPermit { matter: matter.to_string(), withheld, judged: None });
    }
    let marks = [Agency::Ppc, Agency::Ipa].into_iter().flat_map(|author| page.all(author).map(move |it| (author, it)));
    let judged = marks.map(|(author, mark)| ((author, mark.seq), mark.hash.clone())).collect();
    Ok(ReadPermit { matter: matter.to_string(), withheld, judged: Some(judged) })
}

/// The parts of a matter that are withheld from a reader at the service of `own`, to whom the matter is shown, or was shown
/// last. An agency's own matters are shown whole.
pub fn withheld(own: Agency, matter: &Matter, page: Seen<'_>, reader: &Reader, now: Timestamp) -> Withheld {
    let noun = registry::of(matter);
    if !noun.is_scoped() || matter.opener == own {
        return Withheld::default();
    }
    noun.withheld(matter, page, reader, noun.last_shown(matter, page, now))
}
