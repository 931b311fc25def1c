//! Which content belongs to which fact. Rules never read content; they only say which message it is.

use prost::Message;
use renkei_proto::{
    FactKind, Validate,
    advice::v1::{
        AdviceClarificationAnsweredContent, AdviceClarificationAskedContent, AdviceContent, AdviceCorrectedContent,
        AdviceDeclinedContent, AdviceHandedBackContent, AdviceQuotationAnsweredContent, AdviceQuotationAskedContent,
        AdviceRequestedContent, AdviceSupplementedContent,
    },
    agreement::v1::NoticeGivenContent,
    journal::v1::{
        ClockConfirmedContent, JournalStoppedContent, OfficialsConfirmedContent, RecoveryEndedContent,
        StopLiftedContent,
    },
    options::v1::Reason,
    referral::v1::{ReportReferredContent, SchemeContent},
    sharing::v1::{
        AttackMethod, ItemFeedbackGivenContent, ItemQuestionAnsweredContent, ItemQuestionAskedContent,
        ItemRecalledContent, ResearchResult, TechnologyTrend, ThreatInformation,
    },
};

use crate::decide::{Refusal, must};

/// Checks content by its fact's kind: the right message with every rule of the contract held, or none where none belongs.
/// `committed` says whether the header commits to a content; then it may be absent, because it was erased.
///
/// # Errors
/// `CONTENT_DIFFERS`.
pub fn check(kind: FactKind, content: Option<&[u8]>, committed: bool) -> Result<(), Refusal> {
    let belongs = match kind {
        FactKind::NoticeGiven => holds::<NoticeGivenContent>(content),
        FactKind::SchemePublished | FactKind::SchemeRevised => holds::<SchemeContent>(content),
        FactKind::AdviceRequested => holds::<AdviceRequestedContent>(content),
        FactKind::AdviceSupplemented => holds::<AdviceSupplementedContent>(content),
        FactKind::AdviceClarificationAnswered => holds::<AdviceClarificationAnsweredContent>(content),
        FactKind::AdviceQuotationAsked => holds::<AdviceQuotationAskedContent>(content),
        FactKind::AdviceHandedBack => holds::<AdviceHandedBackContent>(content),
        FactKind::AdviceDeclined => holds::<AdviceDeclinedContent>(content),
        FactKind::AdviceClarificationAsked => holds::<AdviceClarificationAskedContent>(content),
        FactKind::AdviceGiven => holds::<AdviceContent>(content),
        FactKind::AdviceCorrected => holds::<AdviceCorrectedContent>(content),
        FactKind::AdviceQuotationAnswered => holds::<AdviceQuotationAnsweredContent>(content),
        FactKind::AttackMethodPublished => holds::<AttackMethod>(content),
        FactKind::ResearchResultPublished => holds::<ResearchResult>(content),
        FactKind::ThreatInformationPublished => holds::<ThreatInformation>(content),
        FactKind::TechnologyTrendPublished => holds::<TechnologyTrend>(content),
        FactKind::ItemRecalled => holds::<ItemRecalledContent>(content),
        FactKind::ItemQuestionAsked => holds::<ItemQuestionAskedContent>(content),
        FactKind::ItemQuestionAnswered => holds::<ItemQuestionAnsweredContent>(content),
        FactKind::ItemFeedbackGiven => holds::<ItemFeedbackGivenContent>(content),
        FactKind::ReportReferred => holds::<ReportReferredContent>(content),
        FactKind::StopLifted => holds::<StopLiftedContent>(content),
        FactKind::ClockConfirmed => holds::<ClockConfirmedContent>(content),
        FactKind::RecoveryEnded => holds::<RecoveryEndedContent>(content),
        FactKind::OfficialsConfirmed => holds::<OfficialsConfirmedContent>(content),
        FactKind::JournalStopped => holds::<JournalStoppedContent>(content),
        _ => return must(!committed, Reason::ContentDiffers, "this kind of fact has no content"),
    };
    must(committed && belongs, Reason::ContentDiffers, "the content is not the message that belongs to the fact")
}

/// Absent, or a message that holds its rules and comes out of its bytes unchanged.
fn holds<M: Message + Default + Validate>(content: Option<&[u8]>) -> bool {
    let Some(bytes) = content else { return true };
    M::decode(bytes).is_ok_and(|message| message.violations().is_empty() && message.encode_to_vec() == bytes)
}
