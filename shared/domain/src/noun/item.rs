//! Items (共有情報, Art. 5(2)): what one agency shares with the other, within a scope (Art. 7(2)).
//!
//! State: `RECALLED > PUBLISHED`. Revisions are marks; the highest is current, those before are superseded. Consents,
//! disclosures and the reports of copies are marks in the same matter.

mod answers;
pub mod consent;
pub mod copies;
pub mod disclosure;
mod duties;
mod names;
pub mod recipient;
mod resource;
mod revision;

use std::collections::BTreeSet;

use jiff::Timestamp;
use prost::Message as _;
use renkei_proto::{
    FactKind, Sentence,
    journal::v1::fact::Fact,
    options::v1::Reason,
    sharing::v1::{
        ConsentGranted, ConsentNarrowed, ConsentRevoked, CopyAnswered, Item, ItemAcknowledged, ItemFeedbackGiven,
        ItemKind, ItemRecalled, ItemUnitsMissing, Publication, RecallAnswered, RecallDisposition,
    },
    r#type::v1::Agency,
};

use crate::{
    calendar::parse_day,
    case::Case,
    duty::{Duty, DutyKind},
    matter::{Collection, Matter, is_uuid},
    noun::{Disposed, Noun, Owed, OwnService, Resource, StateName, Withheld},
    page::Seen,
    refusal::{Refusal, missing, must},
    scope,
    tally::{Ordinal, TallyKind},
    visibility::{Reader, Visibility},
};

pub use answers::missing_units;
use answers::{acknowledged_revision, question_answer, questions, seal};
pub use duties::{
    ANSWER_CONSENT_REQUEST, ANSWER_QUESTION, ANSWER_RECALL, CLOSE_MISDIRECTION, COUNT_MISDIRECTION_READERS,
    FOLLOW_UP_RECALL, GIVE_DISCLOSURE_OPINION, SETTLE_UNITS,
};
pub use revision::{Current, LAST_REVISION, Published, current, is_sealed, published_in, recall, state};
use revision::{find, marking, open};

/// `agencies/{originator}/items/{uuid}`.
pub const COLLECTION: Collection = Collection::of_ids("items", is_uuid).with_case_letters("ITM");
/// The counter of items within a fiscal year.
pub const ORDINAL: TallyKind = TallyKind::new("item");

/// The kinds of fact whose contents remain readable when an item is sealed: they state why, and what became of it. Every other
/// content is the text of the item, or is written about that text and is likely to quote it.
const READABLE: &[FactKind] = &[
    FactKind::ItemRecalled,
    FactKind::ConsentRequested,
    FactKind::ConsentGranted,
    FactKind::ConsentNarrowed,
    FactKind::ConsentDenied,
    FactKind::ConsentRevoked,
    FactKind::DisclosureAnnounced,
    FactKind::DisclosureOpinionGiven,
    FactKind::ItemDisclosed,
    FactKind::CopyAnswered,
    FactKind::RecallReminded,
    FactKind::ItemDisposed,
    FactKind::MisdirectionReported,
    FactKind::MisdirectionClosed,
];

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
            Fact::ItemRecalled(recalled) => judge_recall(case, recalled),
            Fact::RecallAnswered(_) => judge_recall_answer(case),
            Fact::ItemAcknowledged(acknowledged) => judge_acknowledgement(case, acknowledged),
            Fact::ItemQuestionAsked(_) => case.answers(open(case)?.mark.seq),
            Fact::ItemQuestionAnswered(_) => judge_answer(case),
            Fact::ItemFeedbackGiven(feedback) => judge_feedback(case, feedback),
            Fact::ItemUnitsMissing(missing) => judge_missing_units(case, missing),
            Fact::ConsentRequested(it) => consent::judge_request(case, it),
            Fact::ConsentGranted(it) => consent::judge_grant(case, it),
            Fact::ConsentNarrowed(it) => consent::judge_narrowing(case, it),
            Fact::ConsentDenied(it) => consent::judge_denial(case, it),
            Fact::ConsentRevoked(it) => consent::judge_revocation(case, it),
            Fact::ConsentRequestWithdrawn(it) => consent::judge_withdrawal(case, it),
            Fact::DisclosureAnnounced(it) => disclosure::judge_announcement(case, it),
            Fact::DisclosureOpinionGiven(it) => disclosure::judge_opinion(case, it),
            Fact::ItemDisclosed(it) => disclosure::judge_disclosure(case, it),
            // The service writes it beside a refusal.
            Fact::DisclosureRefused(_) => Ok(()),
            Fact::CopyAnswered(it) => copies::judge_copy(case, it),
            Fact::RecallReminded(_) => copies::judge_reminder(case),
            Fact::ItemDisposed(it) => copies::judge_disposal(case, it),
            Fact::MisdirectionReported(_) => copies::judge_report(case),
            Fact::MisdirectionReadersCounted(_) => copies::judge_count(case),
            Fact::MisdirectionClosed(it) => copies::judge_close(case, it),
            other => Err(Refusal::of_another_noun(other)),
        }
    }

    fn opens(&self, fact: &Fact) -> bool {
        published_in(fact).is_some_and(|it| it.publication.revision == 1)
    }

    fn needs_room(&self, fact: &Fact) -> bool {
        // The number of revisions is bounded instead. A recall, and the facts that the receiver's service has to write,
        // are possible however full the matter is; and so is everything that ends a permission, reports a copy or a mistake,
        // or follows a law. A consent may be narrowed without end, so that needs room: to revoke it does not.
        match fact {
            Fact::ItemAcknowledged(_)
            | Fact::ItemQuestionAsked(_)
            | Fact::ItemQuestionAnswered(_)
            | Fact::ItemFeedbackGiven(_)
            | Fact::ConsentRequested(_)
            | Fact::ConsentGranted(_)
            | Fact::ConsentNarrowed(_)
            | Fact::RecallReminded(_) => true,
            Fact::ItemDisclosed(it) => disclosure::law(it).is_none(),
            _ => false,
        }
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
            Some(current) => {
                let revision = current.it.publication.revision;
                let mut audiences = scope::audiences(current.terms());
                // A scope for a unit and a purpose, and a consent for the same, are one row of a list with the later end.
                for beyond in consent::audiences(&consent::beyond(seen, matter.opener), revision) {
                    match audiences.iter_mut().find(|it| it.audience == beyond.audience) {
                        Some(same) => same.until_us = same.until_us.max(beyond.until_us),
                        None => audiences.push(beyond),
                    }
                }
                audiences
            }
        }
    }

    fn is_scoped(&self) -> bool {
        true
    }

    fn disposed(&self, by: Agency, seen: Seen<'_>) -> Disposed {
        copies::disposed(seen, by)
    }

    fn last_shown(&self, matter: &Matter, seen: Seen<'_>, now: Timestamp) -> Timestamp {
        current(seen, matter.opener).map_or(now, |it| scope::last_instant(it.terms(), now))
    }

    fn withheld(&self, matter: &Matter, seen: Seen<'_>, reader: &Reader, now: Timestamp) -> Withheld {
        let beyond = consent::beyond(seen, matter.opener);
        let excludes = |it: &Publication| {
            let mut audiences = it.terms.as_ref().map(scope::audiences).unwrap_or_default();
            audiences.extend(consent::audiences(&beyond, it.revision));
            !audiences.iter().any(|it| it.includes(reader, now))
        };
        let mut entries = entries_about(seen, matter.opener, excludes);
        if !is_in_scope(seen, matter.opener, reader, now) {
            entries.extend(consent::of_others(seen, matter.opener, &reader.unit));
        }
        Withheld { sealed_but: is_sealed(seen, matter.opener).then_some(READABLE), entries }
    }

    fn duty_kinds(&self) -> &'static [DutyKind] {
        duties::KINDS
    }

    fn duties(&self, own: Agency, matter: &Matter, seen: Seen<'_>) -> Vec<Duty> {
        duties::of(own, matter, seen)
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
        if is_sealed(seen, matter.opener) {
            // Nobody sees it, and a report of misdirected information may end as unfounded: the units are settled then.
            return None;
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

    fn protects(&self, kind: FactKind) -> bool {
        // Its anchor also makes the peer sign a receipt, after which a consent may be fresh.
        kind == FactKind::DisclosureRefused
    }

    fn is_content_of(&self, (matter, seen): (&Matter, Seen<'_>), fact: &Fact, answers: u64, content: &[u8]) -> bool {
        names::belong_to(matter, seen, fact, answers, content)
    }

    fn is_automatic(&self, fact: &Fact) -> bool {
        match fact {
            Fact::RecallAnswered(answered) => answered.disposition() == RecallDisposition::Sealed,
            Fact::ItemUnitsMissing(_) => true,
            _ => false,
        }
    }
}

fn judge_recall(case: &Case, fact: &ItemRecalled) -> Result<(), Refusal> {
    find(case)?;
    must(
        recall(case.page(), case.matter.opener).is_none(),
        Reason::WrongState,
        ("the item is recalled", "この共有情報は「共有停止」の状態にあります。"),
    )?;
    if fact.answer_by.is_empty() {
        return Ok(());
    }
    let is_to_come = parse_day(&fact.answer_by).is_some_and(|day| day >= case.today());
    let must_be = ("must be a day of the calendar, today or later", "暦にある日で、本日以後の日を指定してください。");
    must(is_to_come, Reason::FieldInvalid, must_be).map_err(|refusal| Refusal { field: "answer_by", ..refusal })
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
    consent::judge_kept(case, &new.publication.kept_consents)?;
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
    current.must_be_answered(case, fact.revision)?;
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
    open(case)?.must_be_answered(case, fact.revision)?;
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
    open(case)?.must_be_answered(case, fact.revision)
}

/// The entries about revisions that `pick` selects: the publication, its questions with their answers, its feedback, its
/// consents and disclosures.
fn entries_about(seen: Seen<'_>, opener: Agency, pick: impl Fn(&Publication) -> bool) -> BTreeSet<(Agency, u64)> {
    let published = seen.each(opener, published_in).filter(|(_, it)| pick(it.publication));
    let mut about: BTreeSet<_> = published.map(|(mark, _)| (opener, mark.seq)).collect();
    // The receiver's entries about an item answer a publication, and the originator's answer a question.
    for author in [opener.peer(), opener] {
        let answering: Vec<_> =
            seen.marks(author).filter(|mark| about.contains(&(author.peer(), mark.answers))).collect();
        about.extend(answering.into_iter().map(|mark| (author, mark.seq)));
    }
    // A consent in advance answers nothing. A narrowing or revocation of a consent, and the report of a disclosed copy,
    // name the entry that they are about.
    let excluded: BTreeSet<u32> = published_about(seen, opener, &about);
    let granted = seen.all_of::<ConsentGranted>(opener).filter(|(_, it)| excluded.contains(&it.revision));
    about.extend(granted.map(|(mark, _)| (opener, mark.seq)));
    let named = |fact: &Fact| match *fact {
        Fact::ConsentNarrowed(ConsentNarrowed { consent, .. }) => Some((opener, consent)),
        Fact::ConsentRevoked(ConsentRevoked { consent }) => Some((opener, consent)),
        Fact::CopyAnswered(CopyAnswered { disclosure, .. }) => Some((opener.peer(), disclosure)),
        _ => None,
    };
    for author in [opener, opener.peer()] {
        let naming: Vec<_> = seen.each(author, named).filter(|(_, it)| about.contains(it)).collect();
        about.extend(naming.into_iter().map(|(mark, _)| (author, mark.seq)));
    }
    about
}

/// The numbers of the revisions whose publications are among these entries.
fn published_about(seen: Seen<'_>, opener: Agency, entries: &BTreeSet<(Agency, u64)>) -> BTreeSet<u32> {
    let published = seen.each(opener, published_in).filter(|(mark, _)| entries.contains(&(opener, mark.seq)));
    published.map(|(_, it)| it.publication.revision).collect()
}

/// True if the scope itself, and not a consent, included the reader when the item was last shown.
pub fn is_in_scope(seen: Seen<'_>, opener: Agency, reader: &Reader, now: Timestamp) -> bool {
    let Some(current) = current(seen, opener) else { return false };
    let at = scope::last_instant(current.terms(), now);
    scope::audiences(current.terms()).iter().any(|it| it.includes(reader, at))
}

/// Refuses a reader at the service of `own` who sees an item by a consent alone, such as the unit of a contractor: those within the
/// scope request consent and disclose. An agency's own items are not bound.
///
/// # Errors
/// `BEYOND_SCOPE`.
pub fn must_be_in_scope(
    own: Agency,
    opener: Agency,
    seen: Seen<'_>,
    reader: &Reader,
    now: Timestamp,
) -> Result<(), Refusal> {
    must(
        opener == own || is_in_scope(seen, opener, reader, now),
        Reason::BeyondScope,
        (
            "a unit that sees an item by a consent alone neither discloses it nor requests consent",
            "同意のみに基づき閲覧している部署は、同意を求め、又は開示することができません。共有範囲内の部署に依頼してください。",
        ),
    )
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
