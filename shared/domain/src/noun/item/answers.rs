//! The entries of an item that belong together: its questions with their answers, and the receiver's answers to a recall and to the
//! units of a revision.

use renkei_proto::{
    journal::v1::Mark,
    sharing::v1::{ItemAcknowledged, ItemQuestionAnswered, ItemQuestionAsked, ItemUnitsMissing, RecallAnswered},
    r#type::v1::Agency,
};

use super::revision::{current, recall};
use crate::page::Seen;

/// That the receiver has sealed the content.
pub(super) fn seal(seen: Seen<'_>, opener: Agency) -> Option<&Mark> {
    let (recall, _) = recall(seen, opener)?;
    seen.answer::<RecallAnswered>(opener.peer(), recall.seq).map(|(mark, _)| mark)
}

/// The units that the current revision names and the receiver does not have, as its service has answered last.
pub fn missing_units(seen: Seen<'_>, opener: Agency) -> &[String] {
    let revision = current(seen, opener).map_or(0, |current| current.mark.seq);
    let answers = seen.all_of::<ItemUnitsMissing>(opener.peer());
    answers.filter(|(mark, _)| mark.answers == revision).last().map_or(&[], |(_, missing)| &missing.units)
}

/// The revision that the receiver has acknowledged last; 0 for none.
pub(super) fn acknowledged_revision(seen: Seen<'_>, opener: Agency) -> u32 {
    seen.last::<ItemAcknowledged>(opener.peer()).map_or(0, |(_, acknowledged)| acknowledged.revision)
}

pub(super) fn questions(seen: Seen<'_>, opener: Agency) -> impl Iterator<Item = &Mark> {
    seen.all_of::<ItemQuestionAsked>(opener.peer()).map(|(mark, _)| mark)
}

pub(super) fn question_answer(seen: Seen<'_>, opener: Agency, seq: u64) -> Option<&Mark> {
    seen.answer::<ItemQuestionAnswered>(opener, seq).map(|(mark, _)| mark)
}

/// The receiver has asked about the item and was not answered.
pub(super) fn has_open_question(seen: Seen<'_>, opener: Agency) -> bool {
    questions(seen, opener).any(|mark| question_answer(seen, opener, mark.seq).is_none())
}
