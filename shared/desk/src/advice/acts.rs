//! The acts of advice: the check of each request, and the fact that it writes.

use prost::Message as _;
use renkei_domain::{
    matter::Matter,
    moment::Moment,
    noun::advice::{self, handed_back_open, last_submission, newest_conclusion, target},
    read_set::ReadSet,
    refusal::Refusal,
    scope::marking,
    statutory,
};
use renkei_proto::{
    FactKind,
    advice::v1::{
        AcceptAdviceRequestRequest, AdviceAccepted, AdviceClarificationAnswered, AdviceClarificationAsked,
        AdviceClosed, AdviceContent, AdviceCorrected, AdviceDeclined, AdviceFurtherAsked, AdviceFurtherAskedContent,
        AdviceGiven, AdviceHandedBack, AdvicePlanRevised, AdviceQuotationAnswered, AdviceQuotationAsked, AdviceRequest,
        AdviceRequested, AdviceRequestedContent, AdviceSupplemented, AdviceSupplementedContent, AdviceWithdrawn,
        AnswerClarificationRequest, AnswerQuotationRequest, AskClarificationRequest, AskFurtherQuestionsRequest,
        AskQuotationRequest, CloseAdviceRequestRequest, CorrectAdviceRequest, DeclineAdviceRequestRequest,
        GiveAdviceRequest, HandBackAdviceRequestRequest, Quotation, RevisePlanRequest, Submission,
        SubmitAdviceRequestRequest, SupplementAdviceRequestRequest, Urgency, WithdrawAdviceRequestRequest,
    },
    options::v1::Reason,
    r#type::v1::{Agency, StatutoryDates},
};

use super::cases::NamedCases;
use crate::act::{Act, ActContext, CaseOrdinal, CheckContext, FactDraft, as_of_now, opening, seq_of};

/// The results of the check of a submission.
#[derive(Default)]
pub struct CheckedSubmission {
    /// The number of its questions.
    questions: u32,
    /// The dates of the reporter's own duties; `None` where the request states no facts for them.
    reporter_dates: Option<StatutoryDates>,
    /// The case numbers that the request names.
    pub(super) cases: NamedCases,
}

impl Act for SubmitAdviceRequestRequest {
    type Resource = AdviceRequest;
    type Checked = CheckedSubmission;

    fn matter(&self, _: Agency, moment: &Moment) -> Matter {
        Matter::new(advice::COLLECTION, Agency::Ppc, &moment.id("advice", 0))
    }

    fn check(&mut self, context: &CheckContext<'_>) -> Result<CheckedSubmission, Refusal> {
        let submission = self.submission.get_or_insert_default();
        let questions = asked(submission)?;
        as_of_now("submission.facts", &submission.facts, context.moment)?;
        let stated =
            self.statutory.as_ref().map(|facts| statutory::dates_of(facts, context.moment.now, context.calendar));
        Ok(CheckedSubmission { questions, reporter_dates: stated.transpose()?.flatten(), cases: NamedCases::of(self)? })
    }

    fn content(&mut self, checked: &CheckedSubmission) -> Option<Vec<u8>> {
        let (title, submission) = (std::mem::take(&mut self.title), self.submission.take());
        let content = AdviceRequestedContent { title, submission, reporter_dates: checked.reporter_dates.clone() };
        Some(content.encode_to_vec())
    }

    fn reads(&self, matter: &Matter, moment: &Moment) -> ReadSet {
        opening(matter, moment)
    }

    fn draft(&self, checked: &CheckedSubmission, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        // A service that does not know further questions does not know these fields either, and would stop at them.
        let is_new = self.judgement.is_some() || !checked.cases.is_empty();
        if is_new && !context.stage.speaks(FactKind::AdviceFurtherAsked) {
            let detail = (
                "the peer's service does not understand the judgement and related cases yet: leave them out",
                "相手方のシステムは、判断及び関連する案件の記載にまだ対応していません。記載せずに再度実行してください。",
            );
            return Err(Refusal::new(Reason::WrongState, detail));
        }
        let CaseOrdinal { fiscal_year, year_ordinal } = context.next_case(&advice::ORDINAL);
        Ok(FactDraft::new(AdviceRequested {
            purposes: self.purposes.clone(),
            urgency: self.urgency,
            questions: checked.questions,
            wanted_by: self.wanted_by,
            due: Some(target(self.urgency(), context.moment.now, context.calendar)),
            marking: Some(marking(self.marking.clone())),
            fiscal_year,
            year_ordinal,
            judgement: self.judgement,
            referral: checked.cases.referral.as_ref().map(Into::into),
            related_cases: checked.cases.related.iter().map(Into::into).collect(),
        }))
    }
}

impl Act for SupplementAdviceRequestRequest {
    type Resource = AdviceRequest;
    type Checked = CheckedSubmission;

    fn check(&mut self, context: &CheckContext<'_>) -> Result<CheckedSubmission, Refusal> {
        let submission = self.submission.get_or_insert_default();
        if *submission == Submission::default() {
            return Err(Refusal::field(
                Reason::FieldInvalid,
                "submission",
                ("adds something", "補正の内容を記載してください。"),
            ));
        }
        as_of_now("submission.facts", &submission.facts, context.moment)?;
        Ok(CheckedSubmission { questions: count(submission), ..CheckedSubmission::default() })
    }

    fn content(&mut self, _: &CheckedSubmission) -> Option<Vec<u8>> {
        Some(AdviceSupplementedContent { submission: self.submission.take() }.encode_to_vec())
    }

    fn draft(&self, checked: &CheckedSubmission, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let handed_back = handed_back_open(context.page());
        let due = handed_back.map(|_| target(urgency(context), context.moment.now, context.calendar));
        let supplemented = AdviceSupplemented { questions: checked.questions, due };
        Ok(FactDraft::new(supplemented).answering(handed_back.map_or(0, |mark| mark.seq)))
    }
}

impl Act for AskFurtherQuestionsRequest {
    type Resource = AdviceRequest;
    type Checked = CheckedSubmission;

    fn check(&mut self, context: &CheckContext<'_>) -> Result<CheckedSubmission, Refusal> {
        let submission = self.submission.get_or_insert_default();
        let questions = asked(submission)?;
        as_of_now("submission.facts", &submission.facts, context.moment)?;
        Ok(CheckedSubmission { questions, ..CheckedSubmission::default() })
    }

    fn content(&mut self, _: &CheckedSubmission) -> Option<Vec<u8>> {
        Some(AdviceFurtherAskedContent { submission: self.submission.take() }.encode_to_vec())
    }

    fn draft(&self, checked: &CheckedSubmission, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let due = Some(target(urgency(context), context.moment.now, context.calendar));
        let further = AdviceFurtherAsked { questions: checked.questions, due };
        let newest = newest_conclusion(context.page()).map_or(0, |mark| mark.seq);
        Ok(FactDraft::new(further).answering(newest))
    }
}

impl Act for AnswerClarificationRequest {
    type Resource = AdviceRequest;
    type Checked = ();

    fn check(&mut self, context: &CheckContext<'_>) -> Result<(), Refusal> {
        let statements = self.content.as_ref().map(|content| content.statements.as_slice()).unwrap_or_default();
        as_of_now("content.statements", statements, context.moment)
    }

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let answered =
            AdviceClarificationAnswered { due: Some(target(urgency(context), context.moment.now, context.calendar)) };
        Ok(FactDraft::new(answered).answering(seq_of(&self.clarification, Agency::Ipa, "clarification")?))
    }
}

impl Act for AskQuotationRequest {
    type Resource = AdviceRequest;
    type Checked = ();

    fn draft(&self, (): &(), _: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let asked = AdviceQuotationAsked { wanted_by: self.wanted_by, embargo_until: self.embargo_until };
        Ok(FactDraft::new(asked).answering(seq_of(&self.advice, Agency::Ipa, "advice")?))
    }
}

impl Act for WithdrawAdviceRequestRequest {
    type Resource = AdviceRequest;
    type Checked = ();

    fn draft(&self, (): &(), _: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        Ok(FactDraft::new(AdviceWithdrawn { reason: self.reason }))
    }
}

impl Act for CloseAdviceRequestRequest {
    type Resource = AdviceRequest;
    type Checked = ();

    fn draft(&self, (): &(), _: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        Ok(FactDraft::new(AdviceClosed {}).answering(seq_of(&self.advice, Agency::Ipa, "advice")?))
    }
}

impl Act for AcceptAdviceRequestRequest {
    type Resource = AdviceRequest;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        // The unit that works on the request: the one that is named, or the caller's own.
        let unit = if self.unit.is_empty() { &context.reader.unit } else { &self.unit };
        if unit.is_empty() {
            return Err(Refusal::field(
                Reason::FieldInvalid,
                "unit",
                (
                    "must be named: the calling system has none",
                    "呼出元システムに部署が登録されていないため、部署を指定してください。",
                ),
            ));
        }
        let accepted = AdviceAccepted { unit: unit.to_owned(), planned_on: self.planned_on.clone() };
        Ok(FactDraft::new(accepted).answering(last_submission(context.page())))
    }
}

impl Act for RevisePlanRequest {
    type Resource = AdviceRequest;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let revised = AdvicePlanRevised { planned_on: self.planned_on.clone() };
        Ok(FactDraft::new(revised).answering(last_submission(context.page())))
    }
}

impl Act for HandBackAdviceRequestRequest {
    type Resource = AdviceRequest;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let back = AdviceHandedBack { reason: self.reason };
        Ok(FactDraft::new(back).answering(last_submission(context.page())))
    }
}

impl Act for DeclineAdviceRequestRequest {
    type Resource = AdviceRequest;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let declined = AdviceDeclined { reason: self.reason };
        Ok(FactDraft::new(declined).answering(last_submission(context.page())))
    }
}

impl Act for AskClarificationRequest {
    type Resource = AdviceRequest;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let asked = AdviceClarificationAsked { wanted_by: self.wanted_by };
        Ok(FactDraft::new(asked).answering(last_submission(context.page())))
    }
}

impl Act for GiveAdviceRequest {
    type Resource = AdviceRequest;
    type Checked = AnsweredQuestions;

    fn check(&mut self, context: &CheckContext<'_>) -> Result<AnsweredQuestions, Refusal> {
        let fields =
            AdviceFields { findings: "content.findings", measures: "content.measures", answers: "content.answers" };
        AnsweredQuestions::of(self.content.as_ref(), fields, context.moment)
    }

    fn draft(&self, checked: &AnsweredQuestions, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let quotation = quotation(self.quotation()).into();
        let given = AdviceGiven { stage: self.stage, questions: checked.numbers.clone(), quotation };
        Ok(FactDraft::new(given).answering(last_submission(context.page())))
    }
}

impl Act for CorrectAdviceRequest {
    type Resource = AdviceRequest;
    type Checked = AnsweredQuestions;

    fn check(&mut self, context: &CheckContext<'_>) -> Result<AnsweredQuestions, Refusal> {
        let fields = AdviceFields {
            findings: "content.advice.findings",
            measures: "content.advice.measures",
            answers: "content.advice.answers",
        };
        let advice = self.content.as_ref().and_then(|content| content.advice.as_ref());
        AnsweredQuestions::of(advice, fields, context.moment)
    }

    fn draft(&self, checked: &AnsweredQuestions, _: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let seq = seq_of(&self.advice, Agency::Ipa, "advice")?;
        let quotation = quotation(self.quotation()).into();
        Ok(FactDraft::new(AdviceCorrected { seq, questions: checked.numbers.clone(), quotation }))
    }
}

impl Act for AnswerQuotationRequest {
    type Resource = AdviceRequest;
    type Checked = ();

    fn draft(&self, (): &(), _: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let answered = AdviceQuotationAnswered { finding: self.finding };
        Ok(FactDraft::new(answered).answering(seq_of(&self.quotation, Agency::Ppc, "quotation")?))
    }
}

fn count(submission: &Submission) -> u32 {
    u32::try_from(submission.questions.len()).unwrap_or(u32::MAX)
}

/// The number of questions of a submission that asks some.
fn asked(submission: &Submission) -> Result<u32, Refusal> {
    match count(submission) {
        0 => Err(Refusal::field(
            Reason::FieldInvalid,
            "submission.questions",
            ("asks at least one question", "質問を一つ以上記載してください。"),
        )),
        questions => Ok(questions),
    }
}

fn urgency(context: &ActContext<'_>) -> Urgency {
    advice::request(context.page()).map_or(Urgency::Normal, |(_, request)| request.urgency())
}

/// IPA's default: PPC asks before it quotes.
fn quotation(named: Quotation) -> Quotation {
    if named == Quotation::Unspecified { Quotation::ConfirmFirst } else { named }
}

/// The fields of a request that contain the parts of its advice.
struct AdviceFields {
    findings: &'static str,
    measures: &'static str,
    answers: &'static str,
}

/// The numbers of the questions that sound advice answers, in their order.
#[derive(Default)]
pub struct AnsweredQuestions {
    numbers: Vec<u32>,
}

impl AnsweredQuestions {
    fn of(content: Option<&AdviceContent>, fields: AdviceFields, moment: &Moment) -> Result<Self, Refusal> {
        let Some(content) = content.filter(|content| **content != AdviceContent::default()) else {
            return Err(Refusal::field(
                Reason::FieldInvalid,
                "content",
                ("must not be empty", "必ず記載してください。"),
            ));
        };
        as_of_now(fields.findings, &content.findings, moment)?;
        as_of_now(fields.measures, &content.measures, moment)?;
        as_of_now(fields.answers, content.answers.iter().filter_map(|it| it.answer.as_ref()), moment)?;
        let mut numbers: Vec<u32> = content.answers.iter().map(|answer| answer.question).collect();
        numbers.sort_unstable();
        if numbers.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Refusal::field(
                Reason::FieldInvalid,
                "content.answers",
                ("answers each question once", "一つの質問に二度回答することはできません。"),
            ));
        }
        Ok(Self { numbers })
    }
}
