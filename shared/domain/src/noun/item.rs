//! Items (共有情報, Art. 5(2)): what one agency shares with the other, within a scope (Art. 7(2)).
//!
//! State: `RECALLED > PUBLISHED`. Revisions are marks; the highest is current, those before are superseded.

use std::collections::BTreeSet;

use jiff::Timestamp;
use renkei_proto::{
    FactKind,
    journal::v1::{Mark, fact},
    options::v1::Reason,
    sharing::v1::{
        Item, ItemAcknowledged, ItemFeedback, ItemFeedbackGiven, ItemKind, ItemQuestion, ItemRecalled, ItemRevision,
        ItemTerms, ItemUnitsMissing, Necessity, Publication, item::State,
    },
    r#type::v1::{Agency, Marking},
};

use crate::{
    decide::{Case, Refusal, must},
    matter::{Matter, Noun, entry_name},
    moment::{end, instant},
    page::Seen,
    scope,
};

/// The highest revision (`Publication` in the contract).
pub const LAST_REVISION: u32 = 100;

/// A publication in its fact, whatever the kind of item.
#[derive(Clone, Copy)]
pub struct Published<'a> {
    /// The kind of item.
    pub kind: ItemKind,
    /// Revision and terms.
    pub publication: &'a Publication,
    /// Which aim of Art. 1 makes it necessary; unspecified for IPA's items.
    pub necessity: Necessity,
}

/// The publication that a fact is, if it is one. Terms stand in it, or it is none.
pub fn published_in(fact: &fact::Fact) -> Option<Published<'_>> {
    let (kind, publication, necessity) = match fact {
        fact::Fact::AttackMethodPublished(it) => (ItemKind::AttackMethod, &it.publication, it.necessity()),
        fact::Fact::ResearchResultPublished(it) => (ItemKind::ResearchResult, &it.publication, Necessity::Unspecified),
        fact::Fact::ThreatInformationPublished(it) => {
            (ItemKind::ThreatInformation, &it.publication, Necessity::Unspecified)
        }
        fact::Fact::TechnologyTrendPublished(it) => {
            (ItemKind::TechnologyTrend, &it.publication, Necessity::Unspecified)
        }
        _ => return None,
    };
    let publication = publication.as_ref().filter(|it| it.terms.is_some())?;
    Some(Published { kind, publication, necessity })
}

pub(crate) fn published(case: &Case, fact: &fact::Fact) -> Result<(), Refusal> {
    case.noun(Noun::Item)?;
    must(
        case.matter.opener == case.author(),
        Reason::WrongDirection,
        "an item stands under the name of its originator",
    )?;
    case.answers_nothing()?;
    let Some(new) = published_in(fact) else {
        return Err(Refusal::field(Reason::FieldInvalid, "terms", "must be set"));
    };
    let (terms, revision) = (new.publication.terms.as_ref(), new.publication.revision);
    match current(case.page(), case.author()) {
        None => {
            must(revision == 1, Reason::FactDiffers, "the first revision is 1")?;
            case.fiscal_year(new.publication.fiscal_year)?;
        }
        Some(_) if revision == 1 => {
            return Err(Refusal::new(Reason::AlreadyExists, "this item is published already"));
        }
        Some(before) => {
            open(case)?;
            must(before.it.kind == new.kind, Reason::FactDiffers, "a revision is of the same kind of item")?;
            let before = before.it.publication;
            must(before.revision < LAST_REVISION, Reason::WrongState, "an item has at most 100 revisions")?;
            must(
                revision == before.revision + 1,
                Reason::FactDiffers,
                "a revision's number is the one before plus one",
            )?;
            let same_case = (before.fiscal_year, before.year_ordinal)
                == (new.publication.fiscal_year, new.publication.year_ordinal);
            must(same_case, Reason::FactDiffers, "a revision keeps the case number")?;
        }
    }
    terms.map_or(Ok(()), |terms| scope::check(terms, case.now))
}

pub(crate) fn recalled(case: &Case) -> Result<(), Refusal> {
    case.answers_nothing()?;
    open(case).map(|_| ())
}

/// A recall that holds is answered even where its item was refused: its originator may not have known.
pub(crate) fn recall_answered(case: &Case) -> Result<(), Refusal> {
    case.noun(Noun::Item)?;
    let Some((recall, _)) = recall(case.page(), case.matter.opener) else {
        return Err(Refusal::new(Reason::WrongState, "the item is not recalled"));
    };
    case.answers(recall.seq)?;
    must(seal(case.page(), case.matter.opener).is_none(), Reason::WrongState, "the recall is answered already")
}

/// The receiver's service alone knows its units; everybody knows which ones the revision names. Room is not asked for: this
/// has to be said however full the matter is.
pub(crate) fn units_missing(case: &Case, fact: &ItemUnitsMissing) -> Result<(), Refusal> {
    let current = open(case)?;
    let is_current = fact.revision == current.it.publication.revision;
    must(is_current, Reason::WrongState, "this is not the current revision")?;
    case.answers(current.mark.seq)?;
    let named = scope::units(current.terms());
    let all_named = fact.units.iter().all(|unit| named.contains(unit));
    must(all_named, Reason::FactDiffers, "a unit is missing that the revision does not name")?;
    let news = missing_units(case.page(), case.matter.opener) != fact.units;
    must(news, Reason::WrongState, "the same units are missing as before")
}

pub(crate) fn acknowledged(case: &Case, fact: &ItemAcknowledged) -> Result<(), Refusal> {
    let current = open(case)?;
    let is_current = fact.revision == current.it.publication.revision;
    must(is_current, Reason::WrongState, "this is not the current revision: read it first")?;
    case.answers(current.mark.seq)?;
    // Restrictions in the order of their numbers, so that the same ones in another order are no news.
    let marking = marking(case.page(), case.matter.opener).map(|it| scope::raised(&it, &it)).unwrap_or_default();
    if let Some(raised) = &fact.marking {
        scope::must_raise(&marking, raised)?;
    }
    let news = acknowledged_revision(case.page(), case.matter.opener) < fact.revision
        || fact.marking.as_ref().is_some_and(|raised| scope::raised(&marking, raised) != marking);
    must(news, Reason::WrongState, "this revision is acknowledged already")?;
    case.room()
}

pub(crate) fn question_asked(case: &Case) -> Result<(), Refusal> {
    let current = open(case)?;
    case.answers(current.mark.seq)?;
    case.room()
}

pub(crate) fn question_answered(case: &Case) -> Result<(), Refusal> {
    open(case)?;
    let asked = questions(case.page(), case.matter.opener).any(|mark| mark.seq == case.answers);
    if !asked {
        return Err(Refusal::field(Reason::NotFound, "question", "there is no such question about this item"));
    }
    let answer = question_answer(case.page(), case.matter.opener, case.answers);
    must(answer.is_none(), Reason::WrongState, "the question is answered already")?;
    case.room()
}

pub(crate) fn feedback_given(case: &Case, fact: &ItemFeedbackGiven) -> Result<(), Refusal> {
    let current = open(case)?;
    let is_current = fact.revision == current.it.publication.revision;
    must(is_current, Reason::WrongState, "this is not the current revision: read it first")?;
    case.answers(current.mark.seq)?;
    case.room()
}

fn find<'a>(case: &Case<'a>) -> Result<Current<'a>, Refusal> {
    case.noun(Noun::Item)?;
    current(case.page(), case.matter.opener).ok_or_else(|| Refusal::new(Reason::NotFound, "there is no such item"))
}

/// The item is shared.
fn open<'a>(case: &Case<'a>) -> Result<Current<'a>, Refusal> {
    let current = find(case)?;
    must(recall(case.page(), case.matter.opener).is_none(), Reason::WrongState, "the item is recalled")?;
    Ok(current)
}

/// The current revision of an item.
#[derive(Clone, Copy)]
pub struct Current<'a> {
    /// Where it stands in the originator's journal.
    pub mark: &'a Mark,
    /// What it says.
    pub it: Published<'a>,
}

impl<'a> Current<'a> {
    /// Under what the item is shared.
    pub fn terms(&self) -> &'a ItemTerms {
        static NONE: ItemTerms =
            ItemTerms { scope: None, marking: None, valid_from: None, valid_until: None, plan: None };
        self.it.publication.terms.as_ref().unwrap_or(&NONE)
    }
}

/// The current revision; `None` when it was never published.
pub fn current(seen: Seen<'_>, opener: Agency) -> Option<Current<'_>> {
    seen.last(opener, published_in).map(|(mark, it)| Current { mark, it })
}

/// The entries about revisions whose terms `pick` takes: the publication, its questions with their answers, its feedback.
pub(crate) fn entries_about(
    seen: Seen<'_>,
    opener: Agency,
    pick: impl Fn(&ItemTerms) -> bool,
) -> BTreeSet<(Agency, u64)> {
    let published = seen.each(opener, published_in).filter(|(_, it)| it.publication.terms.as_ref().is_some_and(&pick));
    let mut about: BTreeSet<_> = published.map(|(mark, _)| (opener, mark.seq)).collect();
    // What the receiver says of an item answers a publication, what the originator answers is a question.
    for author in [opener.peer(), opener] {
        let answering: Vec<_> =
            seen.marks(author).filter(|mark| about.contains(&(author.peer(), mark.answers))).collect();
        about.extend(answering.into_iter().map(|mark| (author, mark.seq)));
    }
    about
}

/// The recall.
pub fn recall(seen: Seen<'_>, opener: Agency) -> Option<(&Mark, &ItemRecalled)> {
    seen.first(opener, |fact| match fact {
        fact::Fact::ItemRecalled(it) => Some(it),
        _ => None,
    })
}

/// The receiver hands out no content: the item is recalled, or the receiver itself has answered a recall. After a
/// recovery its own word may be back before the originator's.
pub fn is_sealed(seen: Seen<'_>, opener: Agency) -> bool {
    let answers = |fact: &fact::Fact| matches!(fact, fact::Fact::RecallAnswered(_)).then_some(());
    recall(seen, opener).is_some() || seen.first(opener.peer(), answers).is_some()
}

/// That the receiver has sealed the content.
fn seal(seen: Seen<'_>, opener: Agency) -> Option<&Mark> {
    let (recall, _) = recall(seen, opener)?;
    let sealed = |fact: &fact::Fact| matches!(fact, fact::Fact::RecallAnswered(_)).then_some(());
    seen.answer(opener.peer(), recall.seq, sealed).map(|(mark, ())| mark)
}

/// The units that the current revision names and the receiver does not have, as its service has answered last.
pub fn missing_units(seen: Seen<'_>, opener: Agency) -> &[String] {
    let revision = current(seen, opener).map_or(0, |current| current.mark.seq);
    let answered = seen.each(opener.peer(), |fact| match fact {
        fact::Fact::ItemUnitsMissing(it) => Some(it.units.as_slice()),
        _ => None,
    });
    answered.filter(|(mark, _)| mark.answers == revision).last().map_or(&[], |(_, units)| units)
}

/// The item is shared, and the receiver does not have all units that it names.
pub(crate) fn lacks_units(seen: Seen<'_>, opener: Agency) -> bool {
    recall(seen, opener).is_none() && !missing_units(seen, opener).is_empty()
}

/// What the receiver's service has to answer about the units of the current revision, when it has these; `None` when
/// nothing, or when it has said so.
pub fn units_to_answer(seen: Seen<'_>, opener: Agency, had: &BTreeSet<String>) -> Option<(u64, ItemUnitsMissing)> {
    let current = current(seen, opener).filter(|_| recall(seen, opener).is_none())?;
    let missing: Vec<String> = scope::units(current.terms()).iter().filter(|it| !had.contains(*it)).cloned().collect();
    let news = missing_units(seen, opener) != missing;
    let revision = current.it.publication.revision;
    news.then_some((current.mark.seq, ItemUnitsMissing { revision, units: missing }))
}

/// How the item is handled at the receiver: the current marking, as far as the receiver has raised it, restrictions in
/// the order of their numbers.
fn marking(seen: Seen<'_>, opener: Agency) -> Option<Marking> {
    let own = current(seen, opener)?.terms().marking.clone()?;
    let raises = seen.each(opener.peer(), |fact| match fact {
        fact::Fact::ItemAcknowledged(it) => it.marking.as_ref(),
        _ => None,
    });
    Some(raises.fold(scope::raised(&own, &own), |marking, (_, raised)| scope::raised(&marking, raised)))
}

/// The revision that the receiver has acknowledged last; 0 for none.
fn acknowledged_revision(seen: Seen<'_>, opener: Agency) -> u32 {
    let revision = seen.last(opener.peer(), |fact| match fact {
        fact::Fact::ItemAcknowledged(it) => Some(it.revision),
        _ => None,
    });
    revision.map_or(0, |(_, revision)| revision)
}

fn questions(seen: Seen<'_>, opener: Agency) -> impl Iterator<Item = &Mark> {
    let asked = seen.each(opener.peer(), |fact| matches!(fact, fact::Fact::ItemQuestionAsked(_)).then_some(()));
    asked.map(|(mark, ())| mark)
}

fn question_answer(seen: Seen<'_>, opener: Agency, seq: u64) -> Option<&Mark> {
    let answers = |fact: &fact::Fact| matches!(fact, fact::Fact::ItemQuestionAnswered(_)).then_some(());
    seen.answer(opener, seq, answers).map(|(mark, ())| mark)
}

/// The receiver has asked about the item and was not answered.
pub(crate) fn has_open_question(seen: Seen<'_>, opener: Agency) -> bool {
    questions(seen, opener).any(|mark| question_answer(seen, opener, mark.seq).is_none())
}

/// Where an item stands; unspecified when it was never published.
pub fn state(seen: Seen<'_>, opener: Agency) -> State {
    match (current(seen, opener), recall(seen, opener)) {
        (None, _) => State::Unspecified,
        (_, Some(_)) => State::Recalled,
        _ => State::Published,
    }
}

/// The item as the desk shows it, without its content.
pub fn resource(matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Item> {
    let opener = matter.opener;
    let current = current(seen, opener)?;
    let (it, terms) = (current.it, current.terms());
    let recall = recall(seen, opener);
    let embargo = terms.plan.as_ref().and_then(|plan| plan.embargo_until.as_ref()).map(instant);
    Some(Item {
        name: matter.to_string(),
        case_number: matter.case_number(it.publication.fiscal_year, it.publication.year_ordinal),
        originator: opener.into(),
        kind: it.kind.into(),
        state: state(seen, opener).into(),
        revision: it.publication.revision,
        terms: Some(terms.clone()),
        tlp: scope::tlp(terms.scope.as_ref()).into(),
        marking: marking(seen, opener),
        necessity: it.necessity.into(),
        valid: terms.valid_from.as_ref().is_none_or(|from| instant(from) <= now)
            && end(terms.valid_until.as_ref()).is_none_or(|until| now < until),
        embargoed: embargo.is_some_and(|until| now < until),
        revisions: revisions(seen, opener, it.publication.revision),
        acknowledged_revision: acknowledged_revision(seen, opener),
        questions: questions(seen, opener)
            .map(|mark| ItemQuestion {
                entry: entry_name(opener.peer(), mark.seq),
                answer: question_answer(seen, opener, mark.seq)
                    .map(|answer| entry_name(opener, answer.seq))
                    .unwrap_or_default(),
            })
            .collect(),
        feedback: feedback(seen, opener),
        recalled_at: recall.and_then(|(mark, _)| mark.written_at),
        recall_reason: recall.map(|(_, it)| it.reason).unwrap_or_default(),
        sealed_at: seal(seen, opener).and_then(|mark| mark.written_at),
        published_at: seen.first(opener, published_in).and_then(|(mark, _)| mark.written_at),
        updated_at: seen.updated_at(),
        entries: seen.entries(),
        etag,
        content: None,
        missing_units: missing_units(seen, opener).to_vec(),
    })
}

fn revisions(seen: Seen<'_>, opener: Agency, current: u32) -> Vec<ItemRevision> {
    let all = seen.each(opener, published_in);
    all.map(|(mark, it)| ItemRevision {
        revision: it.publication.revision,
        entry: entry_name(opener, mark.seq),
        published_at: mark.written_at,
        superseded: it.publication.revision < current,
    })
    .collect()
}

fn feedback(seen: Seen<'_>, opener: Agency) -> Vec<ItemFeedback> {
    let all = seen.each(opener.peer(), |fact| match fact {
        fact::Fact::ItemFeedbackGiven(it) => Some(it),
        _ => None,
    });
    all.map(|(mark, it)| ItemFeedback {
        entry: entry_name(opener.peer(), mark.seq),
        revision: it.revision,
        usefulness: it.usefulness,
    })
    .collect()
}

/// The fact that publishes a kind of item.
pub fn fact_kind(kind: ItemKind) -> Option<FactKind> {
    match kind {
        ItemKind::AttackMethod => Some(FactKind::AttackMethodPublished),
        ItemKind::ResearchResult => Some(FactKind::ResearchResultPublished),
        ItemKind::ThreatInformation => Some(FactKind::ThreatInformationPublished),
        ItemKind::TechnologyTrend => Some(FactKind::TechnologyTrendPublished),
        ItemKind::Unspecified => None,
    }
}
