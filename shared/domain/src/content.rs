//! The content of an entry: rules never read it, and check only that it belongs to its fact.

use renkei_proto::{FactKind, Sentence, journal::v1::Fact, options::v1::Reason};

use crate::{
    matter::Matter,
    noun::registry,
    page::Seen,
    refusal::{Refusal, must},
};

/// Checks the content of a fact: it must be the message that belongs to the fact's kind, and state what the fact commits to. If
/// `committed`, the header commits to a content, which may then be absent because it was erased. `seen` is the matter as the author
/// saw it, and `answers` the number of the peer's entry that the fact answers.
///
/// # Errors
/// `CONTENT_DIFFERS`.
pub fn check(
    (matter, seen): (&Matter, Seen<'_>),
    fact: &Fact,
    answers: u64,
    content: Option<&[u8]>,
    committed: bool,
) -> Result<(), Refusal> {
    let Some(fact) = &fact.fact else {
        return must(false, Reason::ContentDiffers, Sentence::for_developers("there is no fact"));
    };
    check_form(FactKind::of(fact), content, committed)?;
    must(
        content.is_none_or(|content| registry::of_fact(fact).is_content_of((matter, seen), fact, answers, content)),
        Reason::ContentDiffers,
        Sentence::for_developers("the content names somebody other than the fact commits to"),
    )
}

/// Checks content by its fact's kind: it must be the message that the contract names for the kind and obey every rule
/// of the contract, or be absent if the contract names none. If `committed`, the header commits to a content, which may
/// then be absent because it was erased.
///
/// # Errors
/// `CONTENT_DIFFERS`.
pub fn check_form(kind: FactKind, content: Option<&[u8]>, committed: bool) -> Result<(), Refusal> {
    let Some(belongs) = kind.rule().content else {
        return must(!committed, Reason::ContentDiffers, Sentence::for_developers("this kind of fact has no content"));
    };
    let is_sound = content.is_none_or(belongs.is_sound);
    must(
        committed && is_sound,
        Reason::ContentDiffers,
        Sentence::for_developers("the content is not the message that belongs to the fact"),
    )
}
