//! Acts that were drawn, whatever their methods are.

use renkei_client::Answer;
use renkei_simulation::act::Act;

use super::{Acts, reply::Reply};

impl Acts {
    /// Calls the method of an act once. A call that nobody answers is not repeated.
    ///
    /// # Errors
    /// The refusal, or the failure of the call.
    pub async fn call(&self, act: Act) -> Answer<Reply> {
        let (mut asking, mut giving) = (self.advice_asking.clone(), self.advice_giving.clone());
        let (mut items, mut schemes) = (self.items.clone(), self.schemes.clone());
        let (mut referrals, mut counts) = (self.referrals.clone(), self.counts.clone());
        let (mut officials, mut notices) = (self.officials.clone(), self.notices.clone());
        let (mut consents, mut disclosures) = (self.consents.clone(), self.disclosures.clone());
        let (mut recalls, mut disposals) = (self.recalls.clone(), self.disposals.clone());
        Ok(match act {
            Act::SubmitAdviceRequest(request) => asking.submit_advice_request(request).await?.into_inner().into(),
            Act::SupplementAdviceRequest(request) => {
                asking.supplement_advice_request(request).await?.into_inner().into()
            }
            Act::AnswerClarification(request) => asking.answer_clarification(request).await?.into_inner().into(),
            Act::AskFurtherQuestions(request) => asking.ask_further_questions(request).await?.into_inner().into(),
            Act::AskQuotation(request) => asking.ask_quotation(request).await?.into_inner().into(),
            Act::WithdrawAdviceRequest(request) => asking.withdraw_advice_request(request).await?.into_inner().into(),
            Act::CloseAdviceRequest(request) => asking.close_advice_request(request).await?.into_inner().into(),
            Act::AcceptAdviceRequest(request) => giving.accept_advice_request(request).await?.into_inner().into(),
            Act::RevisePlan(request) => giving.revise_plan(request).await?.into_inner().into(),
            Act::HandBackAdviceRequest(request) => giving.hand_back_advice_request(request).await?.into_inner().into(),
            Act::DeclineAdviceRequest(request) => giving.decline_advice_request(request).await?.into_inner().into(),
            Act::AskClarification(request) => giving.ask_clarification(request).await?.into_inner().into(),
            Act::GiveAdvice(request) => giving.give_advice(request).await?.into_inner().into(),
            Act::CorrectAdvice(request) => giving.correct_advice(request).await?.into_inner().into(),
            Act::AnswerQuotation(request) => giving.answer_quotation(request).await?.into_inner().into(),
            Act::GiveNotice(request) => notices.give_notice(request).await?.into_inner().into(),
            Act::RecordNoticeArrival(request) => notices.record_notice_arrival(request).await?.into_inner().into(),
            Act::WithdrawNotice(request) => notices.withdraw_notice(request).await?.into_inner().into(),
            Act::AssentToWithdrawal(request) => notices.assent_to_withdrawal(request).await?.into_inner().into(),
            Act::PublishItem(request) => items.publish_item(request).await?.into_inner().into(),
            Act::ReviseItem(request) => items.revise_item(request).await?.into_inner().into(),
            Act::RecallItem(request) => items.recall_item(request).await?.into_inner().into(),
            Act::AcknowledgeItem(request) => items.acknowledge_item(request).await?.into_inner().into(),
            Act::AskAboutItem(request) => items.ask_about_item(request).await?.into_inner().into(),
            Act::AnswerItemQuestion(request) => items.answer_item_question(request).await?.into_inner().into(),
            Act::GiveFeedback(request) => items.give_feedback(request).await?.into_inner().into(),
            Act::RequestConsent(request) => consents.request_consent(request).await?.into_inner().into(),
            Act::GrantConsent(request) => consents.grant_consent(request).await?.into_inner().into(),
            Act::NarrowConsent(request) => consents.narrow_consent(request).await?.into_inner().into(),
            Act::DenyConsent(request) => consents.deny_consent(request).await?.into_inner().into(),
            Act::RevokeConsent(request) => consents.revoke_consent(request).await?.into_inner().into(),
            Act::WithdrawConsentRequest(request) => {
                consents.withdraw_consent_request(request).await?.into_inner().into()
            }
            Act::RecordDisclosure(request) => disclosures.record_disclosure(request).await?.into_inner().into(),
            Act::AnnounceDisclosure(request) => disclosures.announce_disclosure(request).await?.into_inner().into(),
            Act::GiveDisclosureOpinion(request) => {
                disclosures.give_disclosure_opinion(request).await?.into_inner().into()
            }
            Act::AnswerRecall(request) => recalls.answer_recall(request).await?.into_inner().into(),
            Act::RemindOfRecall(request) => recalls.remind_of_recall(request).await?.into_inner().into(),
            Act::ApproveDisposal(request) => disposals.approve_disposal(request).await?.into_inner().into(),
            Act::ReportMisdirection(request) => recalls.report_misdirection(request).await?.into_inner().into(),
            Act::CountMisdirectionReaders(request) => {
                recalls.count_misdirection_readers(request).await?.into_inner().into()
            }
            Act::CloseMisdirection(request) => recalls.close_misdirection(request).await?.into_inner().into(),
            Act::PublishScheme(request) => schemes.publish_scheme(request).await?.into_inner().into(),
            Act::ReviseScheme(request) => schemes.revise_scheme(request).await?.into_inner().into(),
            Act::WithdrawScheme(request) => schemes.withdraw_scheme(request).await?.into_inner().into(),
            Act::IssueReferral(request) => referrals.issue_referral(request).await?.into_inner().into(),
            Act::ConfirmReferralGiven(request) => referrals.confirm_referral_given(request).await?.into_inner().into(),
            Act::DischargeReferral(request) => referrals.discharge_referral(request).await?.into_inner().into(),
            Act::ReviseStatutoryFacts(request) => referrals.revise_statutory_facts(request).await?.into_inner().into(),
            Act::FollowUpReferral(request) => referrals.follow_up_referral(request).await?.into_inner().into(),
            Act::ReviseJudgement(request) => referrals.revise_judgement(request).await?.into_inner().into(),
            Act::CountReferrals(request) => counts.count_referrals(request).await?.into_inner().into(),
            Act::BarOfficial(request) => officials.bar_official(request).await?.into_inner().into(),
            Act::UnbarOfficial(request) => officials.unbar_official(request).await?.into_inner().into(),
        })
    }
}
