//! Decodes and checks a message by the name of its type, as a service does.

use prost::Message;
use renkei_proto::{
    Validate, Violation, advice::v1::*, agreement::v1::*, contract::v1::*, evidence::v1::*, journal::v1::*,
    link::v1::*, referral::v1::*, sharing::v1::*, watch::v1::*,
};

/// The rules that the bytes break as a message of this type.
pub fn violations(name: &str, bytes: &[u8]) -> Vec<Violation> {
    let check = CHECKS.iter().find(|(known, _)| *known == name);
    check.unwrap_or_else(|| panic!("add {name} to the checks")).1(bytes)
}

type Check = fn(&[u8]) -> Vec<Violation>;

/// Every type that may arrive; a new request needs its row.
pub const CHECKS: &[(&str, Check)] = &[
    ("renkei.advice.v1.AcceptAdviceRequestRequest", of::<AcceptAdviceRequestRequest>),
    ("renkei.advice.v1.AdviceClarificationAnsweredContent", of::<AdviceClarificationAnsweredContent>),
    ("renkei.advice.v1.AdviceClarificationAskedContent", of::<AdviceClarificationAskedContent>),
    ("renkei.advice.v1.AdviceContent", of::<AdviceContent>),
    ("renkei.advice.v1.AdviceCorrectedContent", of::<AdviceCorrectedContent>),
    ("renkei.advice.v1.AdviceDeclinedContent", of::<AdviceDeclinedContent>),
    ("renkei.advice.v1.AdviceHandedBackContent", of::<AdviceHandedBackContent>),
    ("renkei.advice.v1.AdviceQuotationAnsweredContent", of::<AdviceQuotationAnsweredContent>),
    ("renkei.advice.v1.AdviceQuotationAskedContent", of::<AdviceQuotationAskedContent>),
    ("renkei.advice.v1.AdviceRequestedContent", of::<AdviceRequestedContent>),
    ("renkei.advice.v1.AdviceSupplementedContent", of::<AdviceSupplementedContent>),
    ("renkei.advice.v1.AnswerClarificationRequest", of::<AnswerClarificationRequest>),
    ("renkei.advice.v1.AnswerQuotationRequest", of::<AnswerQuotationRequest>),
    ("renkei.advice.v1.AskClarificationRequest", of::<AskClarificationRequest>),
    ("renkei.advice.v1.AskQuotationRequest", of::<AskQuotationRequest>),
    ("renkei.advice.v1.CloseAdviceRequestRequest", of::<CloseAdviceRequestRequest>),
    ("renkei.advice.v1.CorrectAdviceRequest", of::<CorrectAdviceRequest>),
    ("renkei.advice.v1.DeclineAdviceRequestRequest", of::<DeclineAdviceRequestRequest>),
    ("renkei.advice.v1.GetAdviceRequestRequest", of::<GetAdviceRequestRequest>),
    ("renkei.advice.v1.GiveAdviceRequest", of::<GiveAdviceRequest>),
    ("renkei.advice.v1.HandBackAdviceRequestRequest", of::<HandBackAdviceRequestRequest>),
    ("renkei.advice.v1.ListAdviceEntriesRequest", of::<ListAdviceEntriesRequest>),
    ("renkei.advice.v1.ListAdviceRequestsRequest", of::<ListAdviceRequestsRequest>),
    ("renkei.advice.v1.SubmitAdviceRequestRequest", of::<SubmitAdviceRequestRequest>),
    ("renkei.advice.v1.SupplementAdviceRequestRequest", of::<SupplementAdviceRequestRequest>),
    ("renkei.advice.v1.WithdrawAdviceRequestRequest", of::<WithdrawAdviceRequestRequest>),
    ("renkei.agreement.v1.GetAgreementRequest", of::<GetAgreementRequest>),
    ("renkei.agreement.v1.NoticeGivenContent", of::<NoticeGivenContent>),
    ("renkei.contract.v1.ListNamesRequest", of::<ListNamesRequest>),
    ("renkei.evidence.v1.BarOfficialRequest", of::<BarOfficialRequest>),
    ("renkei.evidence.v1.CheckpointAuditRequest", of::<CheckpointAuditRequest>),
    ("renkei.evidence.v1.GetEntryRequest", of::<GetEntryRequest>),
    ("renkei.evidence.v1.ListAuditRecordsRequest", of::<ListAuditRecordsRequest>),
    ("renkei.evidence.v1.ListBarredOfficialsRequest", of::<ListBarredOfficialsRequest>),
    ("renkei.evidence.v1.ListEntriesRequest", of::<ListEntriesRequest>),
    ("renkei.evidence.v1.UnbarOfficialRequest", of::<UnbarOfficialRequest>),
    ("renkei.evidence.v1.VerifyJournalsRequest", of::<VerifyJournalsRequest>),
    ("renkei.journal.v1.ClockConfirmedContent", of::<ClockConfirmedContent>),
    ("renkei.journal.v1.Entry", of::<Entry>),
    ("renkei.journal.v1.Fact", of::<Fact>),
    ("renkei.journal.v1.Header", of::<Header>),
    ("renkei.journal.v1.JournalStoppedContent", of::<JournalStoppedContent>),
    ("renkei.journal.v1.OfficialsConfirmedContent", of::<OfficialsConfirmedContent>),
    ("renkei.journal.v1.Receipt", of::<Receipt>),
    ("renkei.journal.v1.RecoveryEndedContent", of::<RecoveryEndedContent>),
    ("renkei.journal.v1.SaltedContent", of::<SaltedContent>),
    ("renkei.journal.v1.StopLiftedContent", of::<StopLiftedContent>),
    ("renkei.link.v1.ExchangeRequest", of::<ExchangeRequest>),
    ("renkei.link.v1.ExchangeResponse", of::<ExchangeResponse>),
    ("renkei.link.v1.GetLinkStatusRequest", of::<GetLinkStatusRequest>),
    ("renkei.link.v1.Stop", of::<Stop>),
    ("renkei.referral.v1.ConfirmReferralGivenRequest", of::<ConfirmReferralGivenRequest>),
    ("renkei.referral.v1.CountReferralsRequest", of::<CountReferralsRequest>),
    ("renkei.referral.v1.FollowUpReferralRequest", of::<FollowUpReferralRequest>),
    ("renkei.referral.v1.GetReferralCountsRequest", of::<GetReferralCountsRequest>),
    ("renkei.referral.v1.GetReferralRequest", of::<GetReferralRequest>),
    ("renkei.referral.v1.GetSchemeRequest", of::<GetSchemeRequest>),
    ("renkei.referral.v1.IssueReferralRequest", of::<IssueReferralRequest>),
    ("renkei.referral.v1.ListReferralsRequest", of::<ListReferralsRequest>),
    ("renkei.referral.v1.ListSchemesRequest", of::<ListSchemesRequest>),
    ("renkei.referral.v1.PublishSchemeRequest", of::<PublishSchemeRequest>),
    ("renkei.referral.v1.ReportReferredContent", of::<ReportReferredContent>),
    ("renkei.referral.v1.ReviseJudgementRequest", of::<ReviseJudgementRequest>),
    ("renkei.referral.v1.ReviseSchemeRequest", of::<ReviseSchemeRequest>),
    ("renkei.referral.v1.SchemeContent", of::<SchemeContent>),
    ("renkei.referral.v1.WithdrawSchemeRequest", of::<WithdrawSchemeRequest>),
    ("renkei.sharing.v1.AcknowledgeItemRequest", of::<AcknowledgeItemRequest>),
    ("renkei.sharing.v1.AnswerItemQuestionRequest", of::<AnswerItemQuestionRequest>),
    ("renkei.sharing.v1.AskAboutItemRequest", of::<AskAboutItemRequest>),
    ("renkei.sharing.v1.GetItemRequest", of::<GetItemRequest>),
    ("renkei.sharing.v1.GiveFeedbackRequest", of::<GiveFeedbackRequest>),
    ("renkei.sharing.v1.ItemContent", of::<ItemContent>),
    ("renkei.sharing.v1.ItemFeedbackGivenContent", of::<ItemFeedbackGivenContent>),
    ("renkei.sharing.v1.ItemQuestionAnsweredContent", of::<ItemQuestionAnsweredContent>),
    ("renkei.sharing.v1.ItemQuestionAskedContent", of::<ItemQuestionAskedContent>),
    ("renkei.sharing.v1.ItemRecalledContent", of::<ItemRecalledContent>),
    ("renkei.sharing.v1.ListItemEntriesRequest", of::<ListItemEntriesRequest>),
    ("renkei.sharing.v1.ListItemsRequest", of::<ListItemsRequest>),
    ("renkei.sharing.v1.PublishItemRequest", of::<PublishItemRequest>),
    ("renkei.sharing.v1.RecallItemRequest", of::<RecallItemRequest>),
    ("renkei.sharing.v1.ReviseItemRequest", of::<ReviseItemRequest>),
    ("renkei.watch.v1.WatchRequest", of::<WatchRequest>),
];

fn of<M: Message + Default + Validate>(bytes: &[u8]) -> Vec<Violation> {
    M::decode(bytes).expect("the bytes decode").violations()
}
