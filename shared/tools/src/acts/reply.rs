//! The answers to acts, whatever their methods are.

use prost::Message;
use renkei_proto::{
    advice::v1::AdviceRequest,
    agreement::v1::{Agreement, Notice},
    evidence::v1::Official,
    referral::v1::{
        FollowUpReferralResponse, IssueReferralResponse, Referral, ReferralCounts, ReviseStatutoryFactsResponse, Scheme,
    },
    sharing::v1::Item,
};

/// The answer to an act.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The names of the entries that the answer names, the act's own among them. Withdrawn schemes and acts that never
    /// cross the link do not name theirs.
    pub entries: Vec<String>,
    /// The name of the referral that was issued, with its code if there is one.
    pub code: Option<(String, String)>,
    /// The encoded message.
    pub bytes: Vec<u8>,
}

/// An answer that names entries.
fn named(answer: &impl Message, entries: Vec<String>) -> Reply {
    Reply { entries, code: None, bytes: answer.encode_to_vec() }
}

impl From<AdviceRequest> for Reply {
    fn from(answer: AdviceRequest) -> Self {
        named(&answer, answer.entries.clone())
    }
}

impl From<Agreement> for Reply {
    fn from(answer: Agreement) -> Self {
        let of = |it: &Notice| [it.entry.clone(), it.record.clone(), it.withdrawal.clone()];
        let entries = answer.notices.iter().flat_map(of).filter(|entry| !entry.is_empty()).collect();
        named(&answer, entries)
    }
}

impl From<Item> for Reply {
    fn from(answer: Item) -> Self {
        named(&answer, answer.entries.clone())
    }
}

impl From<Scheme> for Reply {
    fn from(answer: Scheme) -> Self {
        named(&answer, vec![answer.entry.clone()])
    }
}

impl From<Referral> for Reply {
    fn from(answer: Referral) -> Self {
        named(&answer, answer.entries.clone())
    }
}

impl From<IssueReferralResponse> for Reply {
    fn from(answer: IssueReferralResponse) -> Self {
        let Referral { name, entries, .. } = answer.referral.clone().unwrap_or_default();
        let code = (!answer.code.is_empty()).then(|| (name, answer.code.clone()));
        Self { code, ..named(&answer, entries) }
    }
}

impl From<ReviseStatutoryFactsResponse> for Reply {
    fn from(answer: ReviseStatutoryFactsResponse) -> Self {
        named(&answer, answer.referral.iter().flat_map(|referral| referral.entries.clone()).collect())
    }
}

impl From<FollowUpReferralResponse> for Reply {
    fn from(answer: FollowUpReferralResponse) -> Self {
        named(&answer, answer.referral.iter().flat_map(|referral| referral.entries.clone()).collect())
    }
}

impl From<ReferralCounts> for Reply {
    fn from(answer: ReferralCounts) -> Self {
        named(&answer, vec![answer.entry.clone()])
    }
}

impl From<Official> for Reply {
    fn from(answer: Official) -> Self {
        named(&answer, Vec::new())
    }
}
