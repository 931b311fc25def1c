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
