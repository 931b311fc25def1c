//! Items (共有情報, Art. 5(2)): what one agency shares with the other, within a scope (Art. 7(2)).
//!
//! State: `RECALLED > PUBLISHED`. Revisions are marks; the highest is current, those before are superseded.

use std::collections::BTreeSet;

use jiff::Timestamp;
use prost::Message as _;
use renkei_proto::{
    FactKind, Sentence,
    journal::v1::{Mark, fact::Fact},
    options::v1::Reason,
    sharing::v1::{
        Item, ItemAcknowledged, ItemFeedback, ItemFeedbackGiven, ItemKind, ItemQuestion, ItemQuestionAnswered,
        ItemQuestionAsked, ItemRecalled, ItemRevision, ItemTerms, ItemUnitsMissing, Necessity, Publication,
        RecallAnswered, RecallDisposition, item::State,
    },
    r#type::v1::{Agency, Marking},
};

use crate::{
    case::Case,
    duty::{Duty, DutyKind},
    matter::{Collection, Matter, entry_name, is_uuid},
    moment::{end, instant},
    noun::{Noun, Owed, OwnService, Resource, StateName, Withheld},
    page::Seen,
    refusal::{Refusal, missing, must},
    scope,
    standing::Standing,
    tally::{Ordinal, TallyKind},
    visibility::{Reader, Visibility},
};

/// `agencies/{originator}/items/{uuid}`.
pub const COLLECTION: Collection = Collection::of_ids("items", is_uuid).with_case_letters("ITM");
/// The counter of items within a fiscal year.
pub const ORDINAL: TallyKind = TallyKind::new("item");

/// The originator's duty to answer a question about its item (Art. 5(2)).
pub const ANSWER_QUESTION: DutyKind = DutyKind::new("answer_item_question");
/// Both agencies' duty where an item names units that its receiver does not have: the originator names others, or the
/// receiver adds them (Art. 7(2)).
pub const SETTLE_UNITS: DutyKind = DutyKind::new("settle_item_units");

/// The highest revision (`Publication` in the contract).
pub const LAST_REVISION: u32 = 100;

/// A publication in its fact, whatever the kind of item.
#[derive(Clone, Copy)]
pub struct Published<'a> {
    /// The kind of item.
    pub kind: ItemKind,
    /// Revision and terms.
    pub publication: &'a Publication,
    /// The aim of Art. 1 that makes the sharing necessary; unspecified for IPA's items.
    pub necessity: Necessity,
}

/// The publication in a fact; `None` for a fact that publishes nothing or has no terms.
pub fn published_in(fact: &Fact) -> Option<Published<'_>> {
    let (kind, publication, necessity) = match fact {
        Fact::AttackMethodPublished(it) => (ItemKind::AttackMethod, &it.publication, it.necessity()),
        Fact::ResearchResultPublished(it) => (ItemKind::ResearchResult, &it.publication, Necessity::Unspecified),
        Fact::ThreatInformationPublished(it) => (ItemKind::ThreatInformation, &it.publication, Necessity::Unspecified),
        Fact::TechnologyTrendPublished(it) => (ItemKind::TechnologyTrend, &it.publication, Necessity::Unspecified),
        _ => return None,
    };
    let publication = publication.as_ref().filter(|it| it.terms.is_some())?;
    Some(Published { kind, publication, necessity })
}

/// Shared information.
pub struct ItemNoun;

impl Noun for ItemNoun {
    fn collection(&self) -> Collection {
        COLLECTION
    }

    fn resource(&self, matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Vec<u8>> {
        Item::of(matter, seen, now, etag).map(|it| it.encode_to_vec())
    }

    fn judge(&self, case: &Case, fact: &Fact) -> Result<(), Refusal> {
        match fact {
            Fact::AttackMethodPublished(_)
            | Fact::ResearchResultPublished(_)
            | Fact::ThreatInformationPublished(_)
            | Fact::TechnologyTrendPublished(_) => judge_publication(case, fact),
            Fact::ItemRecalled(_) => open(case).map(|_| ()),
            Fact::RecallAnswered(_) => judge_recall_answer(case),
            Fact::ItemAcknowledged(acknowledged) => judge_acknowledgement(case, acknowledged),
            Fact::ItemQuestionAsked(_) => case.answers(open(case)?.mark.seq),
            Fact::ItemQuestionAnswered(_) => judge_answer(case),
            Fact::ItemFeedbackGiven(feedback) => judge_feedback(case, feedback),
            Fact::ItemUnitsMissing(missing) => judge_missing_units(case, missing),
            other => Err(Refusal::of_another_noun(other)),
        }
    }

    fn opens(&self, fact: &Fact) -> bool {
        published_in(fact).is_some_and(|it| it.publication.revision == 1)
    }

    fn needs_room(&self, fact: &Fact) -> bool {
        // The number of revisions is bounded instead. A recall, and the facts that the receiver's service has to write,
        // are possible however full the matter is.
        matches!(
            fact,
            Fact::ItemAcknowledged(_)
                | Fact::ItemQuestionAsked(_)
                | Fact::ItemQuestionAnswered(_)
                | Fact::ItemFeedbackGiven(_)
        )
    }

    fn ordinals(&self, fact: &Fact) -> Vec<Ordinal> {
        let opening = published_in(fact).filter(|it| it.publication.revision == 1);
        let ordinal = |it: Published| Ordinal {
            kind: ORDINAL,
            year: it.publication.fiscal_year,
            number: it.publication.year_ordinal,
        };
        opening.map(ordinal).into_iter().collect()
    }

    fn state(&self, matter: &Matter, seen: Seen<'_>) -> StateName {
        let state = state(seen, matter.opener);
        StateName { id: state.as_str_name(), ja: state.ja() }
    }

    fn visibility<'a>(&self, own: Agency, matter: &Matter, seen: Seen<'a>) -> Vec<Visibility<'a>> {
        match current(seen, matter.opener) {
            None => Vec::new(),
            // The originator's own people are not bound by the scope.
            Some(_) if matter.opener == own => vec![Visibility::EVERYBODY],
            Some(current) => scope::audiences(current.terms()),
        }
    }

    fn is_scoped(&self) -> bool {
        true
    }

    fn withheld(&self, matter: &Matter, seen: Seen<'_>, reader: &Reader, now: Timestamp) -> Withheld {
        let excludes = |terms: &ItemTerms| !scope::audiences(terms).iter().any(|it| it.includes(reader, now));
        Withheld {
            sealed_but: is_sealed(seen, matter.opener).then_some(FactKind::ItemRecalled),
            entries: entries_about(seen, matter.opener, excludes),
        }
    }

    fn duty_kinds(&self) -> &'static [DutyKind] {
        &[ANSWER_QUESTION, SETTLE_UNITS]
    }

    fn duties(&self, own: Agency, matter: &Matter, seen: Seen<'_>) -> Vec<Duty> {
        let is_asked = matter.opener == own && has_open_question(seen, own);
        let lacks_units = recall(seen, matter.opener).is_none() && !missing_units(seen, matter.opener).is_empty();
        let duties = [is_asked.then_some(ANSWER_QUESTION), lacks_units.then_some(SETTLE_UNITS)];
        duties.into_iter().flatten().map(DutyKind::undated).collect()
    }

    /// A recall seals the content at the receiver, and units that the receiver lacks see nothing. The receiver's
    /// service reports both to the originator.
    fn owed(&self, service: &OwnService<'_>, matter: &Matter, seen: Seen<'_>) -> Option<Owed> {
        if matter.opener == service.own {
            return None;
        }
        if let Some((recall, _)) = recall(seen, matter.opener) {
            let sealed = RecallAnswered { disposition: RecallDisposition::Sealed.into() };
            let is_answered = seal(seen, matter.opener).is_some();
            return (!is_answered).then_some(Owed { fact: sealed.into(), answers: recall.seq, can_wait: false });
        }
        let current = current(seen, matter.opener)?;
        let lacks = |unit: &&String| !service.units.contains(*unit);
        let units: Vec<String> = scope::units(current.terms()).iter().filter(lacks).cloned().collect();
        let is_news = missing_units(seen, matter.opener) != units;
        let missing = ItemUnitsMissing { revision: current.it.publication.revision, units };
        is_news.then_some(Owed { fact: missing.into(), answers: current.mark.seq, can_wait: true })
    }

    fn settled_at_start(&self) -> Option<DutyKind> {
        Some(SETTLE_UNITS)
    }

    fn is_automatic(&self, fact: &Fact) -> bool {
        match fact {
            Fact::RecallAnswered(answered) => answered.disposition() == RecallDisposition::Sealed,
            Fact::ItemUnitsMissing(_) => true,
            _ => false,
        }
    }
}

fn judge_publication(case: &Case, fact: &Fact) -> Result<(), Refusal> {
    must(
        case.matter.opener == case.author(),
        Reason::WrongDirection,
        ("an item bears the name of its originator", "共有情報は、提供元の機関の名称で登録します。"),
    )?;
    let Some(new) = published_in(fact) else {
        return Err(missing("terms"));
    };
    let (terms, revision) = (new.publication.terms.as_ref(), new.publication.revision);
    match current(case.page(), case.author()) {
        None => {
            must(revision == 1, Reason::FactDiffers, Sentence::for_developers("the first revision is 1"))?;
        }
        Some(before) => {
            open(case)?;
            must(
                before.it.kind == new.kind,
                Reason::FactDiffers,
                Sentence::for_developers("a revision is of the same kind of item"),
            )?;
            let before = before.it.publication;
            must(
                before.revision < LAST_REVISION,
                Reason::WrongState,
                ("an item has at most 100 revisions", "一件の共有情報に登録できる改訂は100回までです。"),
            )?;
            must(
                revision == before.revision + 1,
                Reason::FactDiffers,
                Sentence::for_developers("a revision's number is the one before plus one"),
            )?;
            let same_case = (before.fiscal_year, before.year_ordinal)
                == (new.publication.fiscal_year, new.publication.year_ordinal);
            must(same_case, Reason::FactDiffers, Sentence::for_developers("a revision keeps the case number"))?;
        }
    }
    terms.map_or(Ok(()), |terms| scope::check(terms, case.now))
}

/// A valid recall is answered even if its item was refused, because its originator may not have known.
fn judge_recall_answer(case: &Case) -> Result<(), Refusal> {
    let Some((recall, _)) = recall(case.page(), case.matter.opener) else {
        return Err(Refusal::new(
            Reason::WrongState,
            ("the item is not recalled", "この共有情報は「共有停止」の状態にありません。"),
        ));
    };
    case.answers(recall.seq)?;
    must(
        seal(case.page(), case.matter.opener).is_none(),
        Reason::WrongState,
        ("the recall is answered already", "この共有停止には、既に回答されています。"),
    )
}

/// The receiver's service alone knows its units; everybody knows the units that the revision names.
fn judge_missing_units(case: &Case, fact: &ItemUnitsMissing) -> Result<(), Refusal> {
    let current = open(case)?;
    let is_current = fact.revision == current.it.publication.revision;
    must(
        is_current,
        Reason::WrongState,
        ("this is not the current revision", "指定された改訂は、最新の改訂ではありません。"),
    )?;
    case.answers(current.mark.seq)?;
    let named = scope::units(current.terms());
    let all_named = fact.units.iter().all(|unit| named.contains(unit));
    must(
        all_named,
        Reason::FactDiffers,
        Sentence::for_developers("a unit is missing that the revision does not name"),
    )?;
    let news = missing_units(case.page(), case.matter.opener) != fact.units;
    must(news, Reason::WrongState, ("the same units are missing as before", "該当しない部署は、前回の登録と同じです。"))
}

fn judge_acknowledgement(case: &Case, fact: &ItemAcknowledged) -> Result<(), Refusal> {
    let current = open(case)?;
    let is_current = fact.revision == current.it.publication.revision;
    must(
        is_current,
        Reason::WrongState,
        (
            "this is not the current revision: read it first",
            "指定された改訂は、最新の改訂ではありません。最新の改訂を確認してください。",
        ),
    )?;
    case.answers(current.mark.seq)?;
    // Restrictions in the order of their numbers, so that the same ones in another order are no news.
    let marking = marking(case.page(), case.matter.opener).map(|it| scope::raised(&it, &it)).unwrap_or_default();
    if let Some(raised) = &fact.marking {
        scope::must_raise(&marking, raised)?;
    }
    let news = acknowledged_revision(case.page(), case.matter.opener) < fact.revision
        || fact.marking.as_ref().is_some_and(|raised| scope::raised(&marking, raised) != marking);
    must(
        news,
        Reason::WrongState,
        ("this revision is acknowledged already", "この改訂の受領は、既に登録されています。"),
    )
}

fn judge_answer(case: &Case) -> Result<(), Refusal> {
    open(case)?;
    let asked = questions(case.page(), case.matter.opener).any(|mark| mark.seq == case.answers);
    if !asked {
        return Err(Refusal::field(
            Reason::NotFound,
            "question",
            Sentence::for_developers("there is no such question about this item"),
        ));
    }
    let answer = question_answer(case.page(), case.matter.opener, case.answers);
    must(
        answer.is_none(),
        Reason::WrongState,
        ("the question is answered already", "この質問には、既に回答されています。"),
    )
}

fn judge_feedback(case: &Case, fact: &ItemFeedbackGiven) -> Result<(), Refusal> {
    let current = open(case)?;
    let is_current = fact.revision == current.it.publication.revision;
    must(
        is_current,
        Reason::WrongState,
        (
            "this is not the current revision: read it first",
            "指定された改訂は、最新の改訂ではありません。最新の改訂を確認してください。",
        ),
    )?;
    case.answers(current.mark.seq)
}

fn find<'a>(case: &Case<'a>) -> Result<Current<'a>, Refusal> {
    current(case.page(), case.matter.opener)
        .ok_or_else(|| Refusal::new(Reason::NotFound, Sentence::for_developers("there is no such item")))
}

/// The item is shared.
fn open<'a>(case: &Case<'a>) -> Result<Current<'a>, Refusal> {
    let current = find(case)?;
    must(
        recall(case.page(), case.matter.opener).is_none(),
        Reason::WrongState,
        ("the item is recalled", "この共有情報は「共有停止」の状態にあります。"),
    )?;
    Ok(current)
}

/// The current revision of an item.
#[derive(Clone, Copy)]
pub struct Current<'a> {
    /// The place in the originator's journal.
    pub mark: &'a Mark,
    /// The published fact.
    pub it: Published<'a>,
}

impl<'a> Current<'a> {
    /// The terms under which the item is shared.
    pub fn terms(&self) -> &'a ItemTerms {
        static NONE: ItemTerms =
            ItemTerms { scope: None, marking: None, valid_from: None, valid_until: None, plan: None };
        self.it.publication.terms.as_ref().unwrap_or(&NONE)
    }
}

/// The current revision; `None` when it was never published.
pub fn current(seen: Seen<'_>, opener: Agency) -> Option<Current<'_>> {
    seen.each(opener, published_in).last().map(|(mark, it)| Current { mark, it })
}

/// The entries about revisions whose terms `pick` selects: the publication, its questions with their answers, its
/// feedback.
fn entries_about(seen: Seen<'_>, opener: Agency, pick: impl Fn(&ItemTerms) -> bool) -> BTreeSet<(Agency, u64)> {
    let published = seen.each(opener, published_in).filter(|(_, it)| it.publication.terms.as_ref().is_some_and(&pick));
    let mut about: BTreeSet<_> = published.map(|(mark, _)| (opener, mark.seq)).collect();
    // The receiver's entries about an item answer a publication, and the originator's answer a question.
    for author in [opener.peer(), opener] {
        let answering: Vec<_> =
            seen.marks(author).filter(|mark| about.contains(&(author.peer(), mark.answers))).collect();
        about.extend(answering.into_iter().map(|mark| (author, mark.seq)));
    }
    about
}

/// The fact of the recall, with its mark.
pub fn recall(seen: Seen<'_>, opener: Agency) -> Option<(&Mark, &ItemRecalled)> {
    seen.first(opener)
}

/// The receiver hands out no content: the item is recalled, or the receiver itself has answered a recall. After a
/// recovery its own word may be back before the originator's.
pub fn is_sealed(seen: Seen<'_>, opener: Agency) -> bool {
    recall(seen, opener).is_some() || seen.has::<RecallAnswered>(opener.peer())
}

/// That the receiver has sealed the content.
fn seal(seen: Seen<'_>, opener: Agency) -> Option<&Mark> {
    let (recall, _) = recall(seen, opener)?;
    seen.answer::<RecallAnswered>(opener.peer(), recall.seq).map(|(mark, _)| mark)
}

/// The units that the current revision names and the receiver does not have, as its service has answered last.
pub fn missing_units(seen: Seen<'_>, opener: Agency) -> &[String] {
    let revision = current(seen, opener).map_or(0, |current| current.mark.seq);
    let answers = seen.all_of::<ItemUnitsMissing>(opener.peer());
    answers.filter(|(mark, _)| mark.answers == revision).last().map_or(&[], |(_, missing)| &missing.units)
}

/// The handling of the item at the receiver: the current marking, as the receiver has raised it, with the restrictions
/// in the order of their numbers.
fn marking(seen: Seen<'_>, opener: Agency) -> Option<Marking> {
    let own = current(seen, opener)?.terms().marking.clone()?;
    let raises = seen.all_of::<ItemAcknowledged>(opener.peer()).filter_map(|(_, it)| it.marking.as_ref());
    Some(raises.fold(scope::raised(&own, &own), |marking, raised| scope::raised(&marking, raised)))
}

/// The revision that the receiver has acknowledged last; 0 for none.
fn acknowledged_revision(seen: Seen<'_>, opener: Agency) -> u32 {
    seen.last::<ItemAcknowledged>(opener.peer()).map_or(0, |(_, acknowledged)| acknowledged.revision)
}

fn questions(seen: Seen<'_>, opener: Agency) -> impl Iterator<Item = &Mark> {
    seen.all_of::<ItemQuestionAsked>(opener.peer()).map(|(mark, _)| mark)
}

fn question_answer(seen: Seen<'_>, opener: Agency, seq: u64) -> Option<&Mark> {
    seen.answer::<ItemQuestionAnswered>(opener, seq).map(|(mark, _)| mark)
}

/// The receiver has asked about the item and was not answered.
fn has_open_question(seen: Seen<'_>, opener: Agency) -> bool {
    questions(seen, opener).any(|mark| question_answer(seen, opener, mark.seq).is_none())
}

/// The state of an item; unspecified when it was never published.
pub fn state(seen: Seen<'_>, opener: Agency) -> State {
    match current(seen, opener) {
        None => State::Unspecified,
        Some(_) if recall(seen, opener).is_some() => State::Recalled,
        Some(_) => State::Published,
    }
}

impl Resource for Item {
    fn of(matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Self> {
        let opener = matter.opener;
        let current = current(seen, opener)?;
        let (it, terms) = (current.it, current.terms());
        let recall = recall(seen, opener);
        let embargo = terms.plan.as_ref().and_then(|plan| plan.embargo_until.as_ref()).map(instant);
        Some(Self {
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
            published_at: seen.each(opener, published_in).next().and_then(|(mark, _)| mark.written_at),
            updated_at: seen.updated_at(),
            entries: seen.entries(),
            etag,
            waiting_for: Standing::of(&ItemNoun, matter, seen).waiting_for().map(Into::into).collect(),
            content: None,
            missing_units: missing_units(seen, opener).to_vec(),
        })
    }
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
    let all = seen.all_of::<ItemFeedbackGiven>(opener.peer());
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
