//! Decodes and checks a message by the name of its type, as a service does.

use prost::Message;
use renkei_proto::{
    Validate, Violation, agreement::v1::*, evidence::v1::*, journal::v1::*, link::v1::*, referral::v1::*, watch::v1::*,
};

/// What the bytes break as a message of this type.
pub fn violations(name: &str, bytes: &[u8]) -> Vec<Violation> {
    let check = CHECKS.iter().find(|(known, _)| *known == name);
    check.unwrap_or_else(|| panic!("add {name} to the checks")).1(bytes)
}

type Check = fn(&[u8]) -> Vec<Violation>;

/// Every type that may arrive; a new request needs its row.
pub const CHECKS: &[(&str, Check)] = &[
    ("renkei.agreement.v1.GetAgreementRequest", of::<GetAgreementRequest>),
    ("renkei.agreement.v1.NoticeGivenContent", of::<NoticeGivenContent>),
    ("renkei.evidence.v1.CheckpointAuditRequest", of::<CheckpointAuditRequest>),
    ("renkei.evidence.v1.GetEntryRequest", of::<GetEntryRequest>),
    ("renkei.evidence.v1.ListEntriesRequest", of::<ListEntriesRequest>),
    ("renkei.journal.v1.Entry", of::<Entry>),
    ("renkei.journal.v1.Fact", of::<Fact>),
    ("renkei.journal.v1.Header", of::<Header>),
    ("renkei.journal.v1.JournalStoppedContent", of::<JournalStoppedContent>),
    ("renkei.journal.v1.Receipt", of::<Receipt>),
    ("renkei.journal.v1.SaltedContent", of::<SaltedContent>),
    ("renkei.journal.v1.StopLiftedContent", of::<StopLiftedContent>),
    ("renkei.link.v1.ExchangeRequest", of::<ExchangeRequest>),
    ("renkei.link.v1.ExchangeResponse", of::<ExchangeResponse>),
    ("renkei.link.v1.GetLinkStatusRequest", of::<GetLinkStatusRequest>),
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
    ("renkei.watch.v1.WatchRequest", of::<WatchRequest>),
];

fn of<M: Message + Default + Validate>(bytes: &[u8]) -> Vec<Violation> {
    M::decode(bytes).expect("the bytes decode").violations()
}
