//! The content of an entry: rules never read it, and check only that it is the message that belongs to its fact.

use renkei_proto::{FactKind, Sentence, options::v1::Reason};

use crate::refusal::{Refusal, must};

/// Checks content by its fact's kind: it must be the message that the contract names for the kind and obey every rule
/// of the contract, or be absent if the contract names none. If `committed`, the header commits to a content, which may
/// then be absent because it was erased.
///
/// # Errors
/// `CONTENT_DIFFERS`.
pub fn check(kind: FactKind, content: Option<&[u8]>, committed: bool) -> Result<(), Refusal> {
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
