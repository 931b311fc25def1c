//! Technical advice and support (Art. 4(2)): PPC's half asks, IPA's half helps, both read.

use renkei_domain::{
    matter::Matter,
    moment::Moment,
    noun::advice::{self, handed_back_open, last_submission, target},
    read_set::ReadSet,
    refusal::Refusal,
    scope::marking,
    statutory,
};
use renkei_proto::{
    advice::v1::{
        AcceptAdviceRequestRequest, AdviceAccepted, AdviceClarificationAnswered, AdviceClarificationAsked,
        AdviceClosed, AdviceContent, AdviceCorrected, AdviceDeclined, AdviceEntry, AdviceGiven, AdviceHandedBack,
        AdviceQuotationAnswered, AdviceQuotationAsked, AdviceRequest, AdviceRequested, AdviceRequestedContent,
        AdviceSupplemented, AdviceSupplementedContent, AdviceWithdrawn, AnswerClarificationRequest,
        AnswerQuotationRequest, AskClarificationRequest, AskQuotationRequest, CloseAdviceRequestRequest,
        CorrectAdviceRequest, DeclineAdviceRequestRequest, GetAdviceRequestRequest, GiveAdviceRequest,
        HandBackAdviceRequestRequest, ListAdviceEntriesRequest, ListAdviceEntriesResponse, ListAdviceRequestsRequest,
        ListAdviceRequestsResponse, Quotation, Submission, SubmitAdviceRequestRequest, SupplementAdviceRequestRequest,
        Urgency, WithdrawAdviceRequestRequest, advice_asking_service_server::AdviceAskingService,
        advice_giving_service_server::AdviceGivingService, advice_service_server::AdviceService,
    },
    journal::v1::fact::Fact,
    options::v1::Reason,
    r#type::v1::Agency,
};
use tonic::{Request, Response, Status};

use crate::{
    act::{Act, ActCommand, ActContext, FactDraft, act, as_of_now, opening, seq_of},
    desk::{Desk, open, open_secret},
    error::Error,
    read::{EntryWords, entries, get, list},
};

/// All three services.
#[derive(Clone)]
pub(crate) struct Advices {
    desk: Desk,
}

impl Advices {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

#[tonic::async_trait]
impl AdviceAskingService for Advices {
    async fn submit_advice_request(
        &self,
        it: Request<SubmitAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, requesting).await
    }

    async fn supplement_advice_request(
        &self,
        it: Request<SupplementAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, supplementing).await
    }

    async fn answer_clarification(
        &self,
        it: Request<AnswerClarificationRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, |moment, mut it: AnswerClarificationRequest| {
            let statements = it.content.as_ref().map(|words| words.statements.as_slice()).unwrap_or_default();
            as_of_now("content.statements", statements, moment)?;
            let words = it.content.take();
            Ok(ActCommand::within(it.name.clone(), it.etag.clone(), Change::Clarify(it)).with(words.as_ref()))
        })
        .await
    }

    async fn ask_quotation(&self, it: Request<AskQuotationRequest>) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, |_, mut it: AskQuotationRequest| {
            let words = it.content.take();
            Ok(ActCommand::within(it.name.clone(), it.etag.clone(), Change::AskQuotation(it)).with(words.as_ref()))
        })
        .await
    }

    async fn withdraw_advice_request(
        &self,
        it: Request<WithdrawAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, |_, it| Ok(ActCommand::within(it.name.clone(), it.etag.clone(), Change::Withdraw(it))))
            .await
    }

    async fn close_advice_request(
        &self,
        it: Request<CloseAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, |_, it| Ok(ActCommand::within(it.name.clone(), it.etag.clone(), Change::Close(it)))).await
    }
}

#[tonic::async_trait]
impl AdviceGivingService for Advices {
    async fn accept_advice_request(
        &self,
        it: Request<AcceptAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, |_, it| Ok(ActCommand::within(it.name.clone(), it.etag.clone(), Change::Accept(it)))).await
    }

    async fn hand_back_advice_request(
        &self,
        it: Request<HandBackAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, |_, mut it: HandBackAdviceRequestRequest| {
            let words = it.content.take();
            Ok(ActCommand::within(it.name.clone(), it.etag.clone(), Change::HandBack(it)).with(words.as_ref()))
        })
        .await
    }

    async fn decline_advice_request(
        &self,
        it: Request<DeclineAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, |_, mut it: DeclineAdviceRequestRequest| {
            let words = it.content.take();
            Ok(ActCommand::within(it.name.clone(), it.etag.clone(), Change::Decline(it)).with(words.as_ref()))
        })
        .await
    }

    async fn ask_clarification(&self, it: Request<AskClarificationRequest>) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, |_, mut it: AskClarificationRequest| {
            let words = it.content.take();
            Ok(ActCommand::within(it.name.clone(), it.etag.clone(), Change::AskClarification(it)).with(words.as_ref()))
        })
        .await
    }

    async fn give_advice(&self, it: Request<GiveAdviceRequest>) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, |moment, mut it: GiveAdviceRequest| {
            let words = it.content.take();
            let questions = answered_in(words.as_ref(), ["content.findings", "content.measures", ANSWERS], moment)?;
            let change = Change::Give { questions, request: it.clone() };
            Ok(ActCommand::within(it.name, it.etag, change).with(words.as_ref()))
        })
        .await
    }

    async fn correct_advice(&self, it: Request<CorrectAdviceRequest>) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, |moment, mut it: CorrectAdviceRequest| {
            let words = it.content.take();
            let advice = words.as_ref().and_then(|words| words.advice.as_ref());
            let fields = ["content.advice.findings", "content.advice.measures", "content.advice.answers"];
            let questions = answered_in(advice, fields, moment)?;
            let change = Change::Correct { questions, request: it.clone() };
            Ok(ActCommand::within(it.name, it.etag, change).with(words.as_ref()))
        })
        .await
    }

    async fn answer_quotation(&self, it: Request<AnswerQuotationRequest>) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, |_, mut it: AnswerQuotationRequest| {
            let words = it.content.take();
            Ok(ActCommand::within(it.name.clone(), it.etag.clone(), Change::AnswerQuotation(it)).with(words.as_ref()))
        })
        .await
    }
}

#[tonic::async_trait]
impl AdviceService for Advices {
    async fn get_advice_request(
        &self,
        request: Request<GetAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        open(request, &self.desk, async |call, it: GetAdviceRequestRequest| get(&self.desk, &call, &it.name).await)
            .await
    }

    async fn list_advice_requests(
        &self,
        request: Request<ListAdviceRequestsRequest>,
    ) -> Result<Response<ListAdviceRequestsResponse>, Status> {
        open(request, &self.desk, async |call, it: ListAdviceRequestsRequest| {
            let query = ListAdviceRequestsRequest::default();
            let page = (it.page_size, it.page_token.as_str());
            let listing = list(&self.desk, &call, advice::COLLECTION, "agencies/ppc", &query, page).await?;
            let (advice_requests, next_page_token) = listing.resources(&self.desk, &call)?;
            Ok(ListAdviceRequestsResponse { advice_requests, next_page_token, as_of: listing.as_of })
        })
        .await
    }

    async fn list_advice_entries(
        &self,
        request: Request<ListAdviceEntriesRequest>,
    ) -> Result<Response<ListAdviceEntriesResponse>, Status> {
        let matter = |it: &ListAdviceEntriesRequest| it.parent.clone();
        open_secret(request, &self.desk, matter, async |call, it: ListAdviceEntriesRequest| {
            let query = ListAdviceEntriesRequest { parent: it.parent.clone(), ..ListAdviceEntriesRequest::default() };
            let page = (it.page_size, it.page_token.as_str());
            let (entries, next_page_token) = entries(&self.desk, &call, &it.parent, &query, page, entry).await?;
            Ok(ListAdviceEntriesResponse { entries, next_page_token })
        })
        .await
    }
}

fn entry(it: EntryWords) -> Result<AdviceEntry, Error> {
    let content = it.content()?;
    Ok(AdviceEntry {
        name: it.name,
        author: it.author.into(),
        unit: it.unit,
        written_at: it.written_at,
        fact_type: it.fact_type,
        answers: it.answers,
        refused: it.refused,
        content,
    })
}

/// What officials do in a request for advice.
enum Change {
    Request { questions: u32, request: SubmitAdviceRequestRequest },
    Supplement { questions: u32 },
    Clarify(AnswerClarificationRequest),
    AskQuotation(AskQuotationRequest),
    Withdraw(WithdrawAdviceRequestRequest),
    Close(CloseAdviceRequestRequest),
    Accept(AcceptAdviceRequestRequest),
    HandBack(HandBackAdviceRequestRequest),
    Decline(DeclineAdviceRequestRequest),
    AskClarification(AskClarificationRequest),
    Give { questions: Vec<u32>, request: GiveAdviceRequest },
    Correct { questions: Vec<u32>, request: CorrectAdviceRequest },
    AnswerQuotation(AnswerQuotationRequest),
}

impl Act for Change {
    type Resource = AdviceRequest;

    fn reads(&self, matter: &Matter, moment: &Moment) -> ReadSet {
        match self {
            Self::Request { .. } => opening(matter, moment),
            _ => ReadSet::matter(matter.to_string()),
        }
    }

    fn says(&self, at: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        Ok(match self {
            Self::Request { questions, request } => requested(*questions, request, at),
            Self::Supplement { questions } => supplemented(*questions, at),
            Self::Clarify(it) => {
                let answered = AdviceClarificationAnswered { due: Some(target(urgency(at), at.moment.now)) };
                let answers = seq_of(&it.clarification, Agency::Ipa, "clarification")?;
                FactDraft::new(Fact::AdviceClarificationAnswered(answered)).answering(answers)
            }
            Self::AskQuotation(it) => {
                let asked = AdviceQuotationAsked { wanted_by: it.wanted_by, embargo_until: it.embargo_until };
                let answers = seq_of(&it.advice, Agency::Ipa, "advice")?;
                FactDraft::new(Fact::AdviceQuotationAsked(asked)).answering(answers)
            }
            Self::Withdraw(it) => FactDraft::new(Fact::AdviceWithdrawn(AdviceWithdrawn { reason: it.reason })),
            Self::Close(it) => FactDraft::new(Fact::AdviceClosed(AdviceClosed {})).answering(seq_of(
                &it.advice,
                Agency::Ipa,
                "advice",
            )?),
            Self::Accept(it) => {
                let accepted = AdviceAccepted { unit: accepting(it, at)?, planned_on: it.planned_on.clone() };
                worked_on(FactDraft::new(Fact::AdviceAccepted(accepted)), at)
            }
            Self::HandBack(it) => {
                let back = AdviceHandedBack { reason: it.reason };
                worked_on(FactDraft::new(Fact::AdviceHandedBack(back)), at)
            }
            Self::Decline(it) => {
                let declined = AdviceDeclined { reason: it.reason };
                worked_on(FactDraft::new(Fact::AdviceDeclined(declined)), at)
            }
            Self::AskClarification(it) => {
                let asked = AdviceClarificationAsked { wanted_by: it.wanted_by };
                worked_on(FactDraft::new(Fact::AdviceClarificationAsked(asked)), at)
            }
            Self::Give { questions, request: it } => {
                let (questions, quotation) = (questions.clone(), quotation(it.quotation()).into());
                let given = AdviceGiven { stage: it.stage, questions, quotation };
                worked_on(FactDraft::new(Fact::AdviceGiven(given)), at)
            }
            Self::Correct { questions, request: it } => {
                let seq = seq_of(&it.advice, Agency::Ipa, "advice")?;
                let (questions, quotation) = (questions.clone(), quotation(it.quotation()).into());
                FactDraft::new(Fact::AdviceCorrected(AdviceCorrected { seq, questions, quotation }))
            }
            Self::AnswerQuotation(it) => {
                let answered = AdviceQuotationAnswered { finding: it.finding };
                let answers = seq_of(&it.quotation, Agency::Ppc, "quotation")?;
                FactDraft::new(Fact::AdviceQuotationAnswered(answered)).answering(answers)
            }
        })
    }
}

/// IPA's acts answer what PPC submitted last.
fn worked_on(said: FactDraft, at: &ActContext<'_>) -> FactDraft {
    said.answering(last_submission(at.page()))
}

fn requesting(moment: &Moment, mut it: SubmitAdviceRequestRequest) -> Result<ActCommand<Change>, Refusal> {
    let submission = it.submission.take().unwrap_or_default();
    let questions = count(&submission);
    if questions == 0 {
        return Err(Refusal::field(Reason::FieldInvalid, "submission.questions", "asks at least one question"));
    }
    as_of_now("submission.facts", &submission.facts, moment)?;
    let stated = it.statutory.as_ref().map(|facts| statutory::dates_of(facts, moment.now));
    let reporter_dates = stated.transpose()?.flatten();
    let title = std::mem::take(&mut it.title);
    let words = AdviceRequestedContent { title, submission: Some(submission), reporter_dates };
    let matter = Matter::new(advice::COLLECTION, Agency::Ppc, &moment.id("advice", 0));
    Ok(ActCommand::opening(matter, Change::Request { questions, request: it }).with(Some(&words)))
}

fn requested(questions: u32, it: &SubmitAdviceRequestRequest, at: &ActContext<'_>) -> FactDraft {
    let (fiscal_year, year_ordinal) = at.next_case("advice");
    let requested = AdviceRequested {
        purposes: it.purposes.clone(),
        urgency: it.urgency,
        questions,
        wanted_by: it.wanted_by,
        due: Some(target(it.urgency(), at.moment.now)),
        marking: Some(marking(it.marking.clone())),
        fiscal_year,
        year_ordinal,
    };
    FactDraft::new(Fact::AdviceRequested(requested))
}

fn supplementing(moment: &Moment, it: SupplementAdviceRequestRequest) -> Result<ActCommand<Change>, Refusal> {
    let submission = it.submission.unwrap_or_default();
    if submission == Submission::default() {
        return Err(Refusal::field(Reason::FieldInvalid, "submission", "adds something"));
    }
    as_of_now("submission.facts", &submission.facts, moment)?;
    let change = Change::Supplement { questions: count(&submission) };
    let words = AdviceSupplementedContent { submission: Some(submission) };
    Ok(ActCommand::within(it.name, it.etag, change).with(Some(&words)))
}

fn supplemented(questions: u32, at: &ActContext<'_>) -> FactDraft {
    let handed_back = handed_back_open(at.page());
    let due = handed_back.map(|_| target(urgency(at), at.moment.now));
    let said = FactDraft::new(Fact::AdviceSupplemented(AdviceSupplemented { questions, due }));
    said.answering(handed_back.map_or(0, |mark| mark.seq))
}

fn count(submission: &Submission) -> u32 {
    u32::try_from(submission.questions.len()).unwrap_or(u32::MAX)
}

fn urgency(at: &ActContext<'_>) -> Urgency {
    advice::request(at.page()).map_or(Urgency::Normal, |(_, request)| request.urgency())
}

/// The unit that works on a request: the one that is named, or the caller's own.
fn accepting(it: &AcceptAdviceRequestRequest, at: &ActContext<'_>) -> Result<String, Refusal> {
    let unit = if it.unit.is_empty() { at.unit } else { &it.unit };
    if unit.is_empty() {
        return Err(Refusal::field(Reason::FieldInvalid, "unit", "must be named: the calling system has none"));
    }
    Ok(unit.to_owned())
}

/// IPA's default: PPC asks before it quotes.
fn quotation(named: Quotation) -> Quotation {
    if named == Quotation::Unspecified { Quotation::ConfirmFirst } else { named }
}

/// Where the answers of advice are in its request.
const ANSWERS: &str = "content.answers";

/// The numbers of the questions that sound advice answers, in their order. `fields` is where its findings, measures and
/// answers are.
fn answered_in(
    content: Option<&AdviceContent>,
    fields: [&'static str; 3],
    moment: &Moment,
) -> Result<Vec<u32>, Refusal> {
    let Some(content) = content.filter(|content| **content != AdviceContent::default()) else {
        return Err(Refusal::field(Reason::FieldInvalid, "content", "says something"));
    };
    let [findings, measures, answers] = fields;
    as_of_now(findings, &content.findings, moment)?;
    as_of_now(measures, &content.measures, moment)?;
    as_of_now(answers, content.answers.iter().filter_map(|it| it.answer.as_ref()), moment)?;
    let mut numbers: Vec<u32> = content.answers.iter().map(|answer| answer.question).collect();
    numbers.sort_unstable();
    if numbers.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Refusal::field(Reason::FieldInvalid, ANSWERS, "answers each question once"));
    }
    Ok(numbers)
}
