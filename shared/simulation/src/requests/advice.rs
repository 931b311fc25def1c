//! Technical advice (Art. 4(2)).

use std::ops::RangeInclusive;

use jiff::SignedDuration;
use prost_types::Timestamp;
use renkei_domain::{calendar, moment::stamp};
use renkei_proto::{
    advice::v1::{
        AcceptAdviceRequestRequest, AdviceAnswer, AdviceClarificationAnsweredContent, AdviceClarificationAskedContent,
        AdviceContent, AdviceCorrectedContent, AdviceDeclinedContent, AdviceHandedBackContent,
        AdvicePlanRevisedContent, AdvicePurpose, AdviceQuotationAskedContent, AdviceRequest, AdviceStage,
        AnswerClarificationRequest, AnswerQuotationRequest, AskClarificationRequest, AskFurtherQuestionsRequest,
        AskQuotationRequest, CloseAdviceRequestRequest, CorrectAdviceRequest, DeclineAdviceRequestRequest,
        DeclineReason, GiveAdviceRequest, HandBackAdviceRequestRequest, HandBackReason, Quotation, QuotationFinding,
        RevisePlanRequest, Submission, SubmitAdviceRequestRequest, SupplementAdviceRequestRequest, Urgency,
        WithdrawAdviceRequestRequest, WithdrawalReason,
    },
    r#type::v1::{Certainty, Statement},
};

use super::Requests;

/// The newest advice of a request.
fn newest(it: &AdviceRequest) -> String {
    it.advice.last().map(|advice| advice.entry.clone()).unwrap_or_default()
}

/// Sound requests.
impl Requests {
    /// A statement of now, confirmed.
    pub fn statement(&self, text: &str) -> Statement {
        Statement { text: text.to_owned(), certainty: Certainty::Confirmed.into(), as_of: Some(stamp(self.now())) }
    }

    /// An instant so many days from now.
    pub fn in_days(&self, days: i64) -> Timestamp {
        stamp(self.now() + SignedDuration::from_hours(24 * days))
    }

    /// Answers to these questions.
    pub fn advising(&self, questions: RangeInclusive<u32>) -> AdviceContent {
        let answer = |question| AdviceAnswer { question, answer: Some(self.statement("保全すること")) };
        AdviceContent { answers: questions.map(answer).collect(), ..AdviceContent::default() }
    }

    /// A request with two questions.
    pub fn requesting(&self) -> SubmitAdviceRequestRequest {
        SubmitAdviceRequestRequest {
            request_id: self.request_id(),
            title: "改ざんされた決済画面".to_owned(),
            purposes: vec![AdvicePurpose::RootCause.into()],
            urgency: Urgency::Normal.into(),
            wanted_by: None,
            marking: None,
            submission: Some(Submission {
                facts: vec![self.statement("決済画面が改ざんされた")],
                questions: vec!["何を保全するか".to_owned(), "始期の推定".to_owned()],
                ..Submission::default()
            }),
            statutory: None,
            judgement: None,
            referral: String::new(),
            related_cases: Vec::new(),
        }
    }

    /// One further question about the advice.
    pub fn asking_further(&self, it: &AdviceRequest) -> AskFurtherQuestionsRequest {
        AskFurtherQuestionsRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            submission: Some(Submission { questions: vec!["保全の順序".to_owned()], ..Submission::default() }),
        }
    }

    /// A supplement with one more fact.
    pub fn supplementing(&self, it: &AdviceRequest) -> SupplementAdviceRequestRequest {
        SupplementAdviceRequestRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            submission: Some(Submission { facts: vec![self.statement("追加の事実")], ..Submission::default() }),
        }
    }

    /// An answer to the first open request for clarification.
    pub fn clarifying(&self, it: &AdviceRequest) -> AnswerClarificationRequest {
        AnswerClarificationRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            clarification: it.open_clarifications.first().cloned().unwrap_or_default(),
            content: Some(AdviceClarificationAnsweredContent {
                statements: vec![self.statement("ログの保存期間は90日")],
                attachments: Vec::new(),
            }),
        }
    }

    /// A question whether the newest advice may be quoted.
    pub fn asking_quotation(&self, it: &AdviceRequest) -> AskQuotationRequest {
        AskQuotationRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            advice: newest(it),
            wanted_by: Some(self.in_days(3)),
            embargo_until: None,
            content: Some(AdviceQuotationAskedContent {
                text: "注意喚起の案".to_owned(),
                medium: "委員会のウェブサイト".to_owned(),
            }),
        }
    }

    /// The request that withdraws this request for advice.
    pub fn withdrawing_advice(&self, it: &AdviceRequest) -> WithdrawAdviceRequestRequest {
        WithdrawAdviceRequestRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            reason: WithdrawalReason::Settled.into(),
        }
    }

    /// Takes note of the newest advice.
    pub fn closing(&self, it: &AdviceRequest) -> CloseAdviceRequestRequest {
        CloseAdviceRequestRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            advice: newest(it),
        }
    }

    /// An acceptance by the caller's unit, planned for today.
    pub fn accepting(&self, it: &AdviceRequest) -> AcceptAdviceRequestRequest {
        AcceptAdviceRequestRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            unit: String::new(),
            planned_on: calendar::day(self.now()).to_string(),
        }
    }

    /// A plan for the day after the one that is planned, or for tomorrow if that is over.
    pub fn replanning(&self, it: &AdviceRequest) -> RevisePlanRequest {
        let planned = calendar::parse_day(&it.planned_on).unwrap_or_default().max(calendar::day(self.now()));
        RevisePlanRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            planned_on: planned.tomorrow().unwrap_or(planned).to_string(),
            content: Some(AdvicePlanRevisedContent { reason: "解析に時間を要するため".to_owned() }),
        }
    }

    /// A handing back.
    pub fn handing_back(&self, it: &AdviceRequest) -> HandBackAdviceRequestRequest {
        HandBackAdviceRequestRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            reason: HandBackReason::FactsMissing.into(),
            content: Some(AdviceHandedBackContent { wanted: "構成図".to_owned() }),
        }
    }

    /// A refusal to advise.
    pub fn declining(&self, it: &AdviceRequest) -> DeclineAdviceRequestRequest {
        DeclineAdviceRequestRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            reason: DeclineReason::NoCapacity.into(),
            content: Some(AdviceDeclinedContent {
                explanation: "期限までに対応できません".to_owned(),
                possible_instead: "公開資料の案内".to_owned(),
            }),
        }
    }

    /// A request for clarification.
    pub fn asking_clarification(&self, it: &AdviceRequest) -> AskClarificationRequest {
        AskClarificationRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            wanted_by: None,
            content: Some(AdviceClarificationAskedContent { questions: vec!["CMSの版".to_owned()] }),
        }
    }

    /// Final advice on every question.
    pub fn giving(&self, it: &AdviceRequest) -> GiveAdviceRequest {
        GiveAdviceRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            stage: AdviceStage::Final.into(),
            quotation: Quotation::Unspecified.into(),
            content: Some(self.advising(1..=it.questions)),
        }
    }

    /// A correction of the newest advice, of its first question.
    pub fn correcting(&self, it: &AdviceRequest) -> CorrectAdviceRequest {
        CorrectAdviceRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            advice: newest(it),
            quotation: Quotation::Unspecified.into(),
            content: Some(AdviceCorrectedContent {
                explanation: "版の誤り".to_owned(),
                advice: Some(self.advising(1..=1)),
            }),
        }
    }

    /// Agreement to the newest quotation.
    pub fn answering_quotation(&self, it: &AdviceRequest) -> AnswerQuotationRequest {
        AnswerQuotationRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            quotation: it.quotations.last().map(|asked| asked.entry.clone()).unwrap_or_default(),
            finding: QuotationFinding::Agreed.into(),
            content: None,
        }
    }
}
