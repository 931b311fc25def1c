//! The revisions of an item: the current one, its handling, and whether it is shared, recalled or sealed. Everything else about an
//! item begins with this.

use renkei_proto::{
    Sentence,
    journal::v1::{Mark, fact::Fact},
    options::v1::Reason,
    sharing::v1::{
        ItemAcknowledged, ItemKind, ItemRecalled, ItemTerms, MisdirectionClosed, MisdirectionReported, Necessity,
        Publication, RecallAnswered, item::State,
    },
    r#type::v1::{Agency, Marking, Restriction},
};

use crate::{
    case::Case,
    page::Seen,
    refusal::{Refusal, must},
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

/// The item, recalled or not.
pub(super) fn find<'a>(case: &Case<'a>) -> Result<Current<'a>, Refusal> {
    current(case.page(), case.matter.opener)
        .ok_or_else(|| Refusal::new(Reason::NotFound, Sentence::for_developers("there is no such item")))
}

/// The item is shared, and was not sent by mistake.
pub(super) fn open<'a>(case: &Case<'a>) -> Result<Current<'a>, Refusal> {
    let current = find(case)?;
    must(
        recall(case.page(), case.matter.opener).is_none(),
        Reason::WrongState,
        ("the item is recalled", "この共有情報は「共有停止」の状態にあります。"),
    )?;
    must(
        !is_reported(case.page(), case.matter.opener),
        Reason::WrongState,
        (
            "the item is sealed, because it was reported as misdirected",
            "この共有情報は、誤送信として報告され、閲覧が停止されています。",
        ),
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

    /// Refuses a fact about another revision than this one.
    pub(super) fn must_be(&self, revision: u32) -> Result<(), Refusal> {
        must(
            revision == self.it.publication.revision,
            Reason::WrongState,
            (
                "this is not the current revision: read it first",
                "指定された改訂は、最新の改訂ではありません。最新の改訂を確認してください。",
            ),
        )
    }

    /// The same, and a fact that does not answer the entry of this revision.
    pub(super) fn must_be_answered(&self, case: &Case, revision: u32) -> Result<(), Refusal> {
        self.must_be(revision)?;
        case.answers(self.mark.seq)
    }
}

/// The current revision; `None` when it was never published.
pub fn current(seen: Seen<'_>, opener: Agency) -> Option<Current<'_>> {
    seen.each(opener, published_in).last().map(|(mark, it)| Current { mark, it })
}

/// The fact of the recall, with its mark.
pub fn recall(seen: Seen<'_>, opener: Agency) -> Option<(&Mark, &ItemRecalled)> {
    seen.first(opener)
}

/// The receiver hands out no content: the item is recalled, the receiver itself has answered a recall, or it has reported the
/// item as misdirected. After a recovery its own entry may be back before the originator's.
pub fn is_sealed(seen: Seen<'_>, opener: Agency) -> bool {
    recall(seen, opener).is_some() || seen.has::<RecallAnswered>(opener.peer()) || is_reported(seen, opener)
}

/// The handling of the item at the receiver: the current marking, as the receiver has raised it, with the restrictions
/// in the order of their numbers.
pub(super) fn marking(seen: Seen<'_>, opener: Agency) -> Option<Marking> {
    let own = current(seen, opener)?.terms().marking.clone()?;
    let raises = seen.all_of::<ItemAcknowledged>(opener.peer()).filter_map(|(_, it)| it.marking.as_ref());
    Some(raises.fold(scope::raised(&own, &own), |marking, raised| scope::raised(&marking, raised)))
}

/// True if the marking of the item, as the receiver has raised it, forbids passing it on.
pub(super) fn stays(seen: Seen<'_>, opener: Agency) -> bool {
    let forbids = |it: Restriction| matches!(it, Restriction::NoForward | Restriction::NoDistribution);
    marking(seen, opener).is_some_and(|marking| marking.restrictions().any(forbids))
}

/// The receiver has reported that the item came by mistake, and the originator has not stated that it came on purpose.
pub(super) fn is_reported(seen: Seen<'_>, opener: Agency) -> bool {
    let reported = seen.last::<MisdirectionReported>(opener.peer());
    reported.is_some_and(|(mark, _)| {
        seen.answer::<MisdirectionClosed>(opener, mark.seq).is_none_or(|(_, it)| !it.unfounded)
    })
}

/// The state of an item; unspecified when it was never published.
pub fn state(seen: Seen<'_>, opener: Agency) -> State {
    match current(seen, opener) {
        None => State::Unspecified,
        Some(_) if recall(seen, opener).is_some() => State::Recalled,
        Some(_) => State::Published,
    }
}
