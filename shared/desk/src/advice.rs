//! Technical advice and support (Art. 4(2)): PPC's half asks, IPA's half helps, both read.

use jiff::Timestamp;
use prost::Message;
use renkei_domain::{
    advice::{self, handed_back_open, last_submission, target},
    decide::{Keys, Refusal},
    matter::{Matter, Noun},
    moment::Moment,
    page::Seen,
    scope::marking,
    statutory,
};
use renkei_proto::{
    FactKind,
    advice::v1::{
        AcceptAdviceRequestRequest, AdviceAccepted, AdviceClarificationAnswered, AdviceClarificationAsked,
        AdviceClosed, AdviceContent, AdviceCorrected, AdviceDeclined, AdviceEntry, AdviceGiven, AdviceHandedBack,
        AdviceQuotationAnswered, AdviceQuotationAsked, AdviceRequest, AdviceRequested, AdviceRequestedContent,
        AdviceSupplemented, AdviceSupplementedContent, AdviceWithdrawn, AnswerClarificationRequest,
        AnswerQuotationRequest, AskClarificationRequest, AskQuotationRequest, CloseAdviceRequestRequest,
        CorrectAdviceRequest, DeclineAdviceRequestRequest, GetAdviceRequestRequest, GiveAdviceRequest,
        HandBackAdviceRequestRequest, ListAdviceEntriesRequest, ListAdviceEntriesResponse, ListAdviceRequestsRequest,
        ListAdviceRequestsResponse, Quotation, RequestAdviceRequest, Submission, SupplementAdviceRequestRequest,
        Urgency, WithdrawAdviceRequestRequest, advice_asking_service_server::AdviceAskingService,
        advice_entry::Content, advice_giving_service_server::AdviceGivingService, advice_service_server::AdviceService,
    },
    journal::v1::fact::Fact,
    options::v1::Reason,
    r#type::v1::Agency,
};
use renkei_rpc::{
    error::Error,
    validate::{Desk, open, open_secret},
};
use tonic::{Request, Response, Status};

use crate::{
    act::{Act, At, Doing, Resource, Said, act, opening, seq_of},
    read::{EntryWords, decode, entries, get, list},
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

impl Resource for AdviceRequest {
    fn of(matter: &Matter, seen: Seen<'_>, now: Timestamp, etag: String) -> Option<Self> {
        advice::resource(matter, seen, now, etag)
    }
}

#[tonic::async_trait]
impl AdviceAskingService for Advices {
    async fn request_advice(&self, it: Request<RequestAdviceRequest>) -> Result<Response<AdviceRequest>, Status> {
        let opening = |moment: &Moment, it| {
            let matter = Matter::new(Noun::AdviceRequest, Agency::Ppc, &moment.id("advice", 0));
            Doing::opening(matter, Change::Request(it))
        };
        act(it, &self.desk, "request_advice", opening).await
    }

    async fn supplement_advice_request(
        &self,
        it: Request<SupplementAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, "supplement_advice_request", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::Supplement(it))
        })
        .await
    }

    async fn answer_clarification(
        &self,
        it: Request<AnswerClarificationRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, "answer_clarification", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::Clarify(it))
        })
        .await
    }

    async fn ask_quotation(&self, it: Request<AskQuotationRequest>) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, "ask_quotation", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::AskQuotation(it))
        })
        .await
    }

    async fn withdraw_advice_request(
        &self,
        it: Request<WithdrawAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, "withdraw_advice_request", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::Withdraw(it))
        })
        .await
    }

    async fn close_advice_request(
        &self,
        it: Request<CloseAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, "close_advice_request", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::Close(it))
        })
        .await
    }
}

#[tonic::async_trait]
impl AdviceGivingService for Advices {
    async fn accept_advice_request(
        &self,
        it: Request<AcceptAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, "accept_advice_request", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::Accept(it))
        })
        .await
    }

    async fn hand_back_advice_request(
        &self,
        it: Request<HandBackAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, "hand_back_advice_request", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::HandBack(it))
        })
        .await
    }

    async fn decline_advice_request(
        &self,
        it: Request<DeclineAdviceRequestRequest>,
    ) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, "decline_advice_request", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::Decline(it))
        })
        .await
    }

    async fn ask_clarification(&self, it: Request<AskClarificationRequest>) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, "ask_clarification", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::AskClarification(it))
        })
        .await
    }

    async fn give_advice(&self, it: Request<GiveAdviceRequest>) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, "give_advice", |_, it| Doing::within(it.name.clone(), it.etag.clone(), Change::Give(it)))
            .await
    }

    async fn correct_advice(&self, it: Request<CorrectAdviceRequest>) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, "correct_advice", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::Correct(it))
        })
        .await
    }

    async fn answer_quotation(&self, it: Request<AnswerQuotationRequest>) -> Result<Response<AdviceRequest>, Status> {
        act(it, &self.desk, "answer_quotation", |_, it| {
            Doing::within(it.name.clone(), it.etag.clone(), Change::AnswerQuotation(it))
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
            let listing = list(&self.desk, &call, Noun::AdviceRequest, "agencies/ppc", &query, page).await?;
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
    let content = it.content.as_deref().map(|bytes| words(&it.fact_type, bytes)).transpose()?.flatten();
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

fn words(fact_type: &str, bytes: &[u8]) -> Result<Option<Content>, Error> {
    Ok(Some(match FactKind::named(fact_type) {
        Some(FactKind::AdviceRequested) => Content::AdviceRequested(decode(bytes)?),
        Some(FactKind::AdviceSupplemented) => Content::AdviceSupplemented(decode(bytes)?),
        Some(FactKind::AdviceClarificationAnswered) => Content::AdviceClarificationAnswered(decode(bytes)?),
        Some(FactKind::AdviceQuotationAsked) => Content::AdviceQuotationAsked(decode(bytes)?),
        Some(FactKind::AdviceHandedBack) => Content::AdviceHandedBack(decode(bytes)?),
        Some(FactKind::AdviceDeclined) => Content::AdviceDeclined(decode(bytes)?),
        Some(FactKind::AdviceClarificationAsked) => Content::AdviceClarificationAsked(decode(bytes)?),
        Some(FactKind::AdviceGiven) => Content::AdviceGiven(decode(bytes)?),
        Some(FactKind::AdviceCorrected) => Content::AdviceCorrected(decode(bytes)?),
        Some(FactKind::AdviceQuotationAnswered) => Content::AdviceQuotationAnswered(decode(bytes)?),
        _ => return Ok(None),
    }))
}

/// What officials do in a request for advice.
enum Change {
    Request(RequestAdviceRequest),
    Supplement(SupplementAdviceRequestRequest),
    Clarify(AnswerClarificationRequest),
    AskQuotation(AskQuotationRequest),
    Withdraw(WithdrawAdviceRequestRequest),
    Close(CloseAdviceRequestRequest),
    Accept(AcceptAdviceRequestRequest),
    HandBack(HandBackAdviceRequestRequest),
    Decline(DeclineAdviceRequestRequest),
    AskClarification(AskClarificationRequest),
    Give(GiveAdviceRequest),
    Correct(CorrectAdviceRequest),
    AnswerQuotation(AnswerQuotationRequest),
}

impl Act for Change {
    type Resource = AdviceRequest;

    fn keys(&self, matter: &Matter, moment: &Moment) -> Keys {
        match self {
            Self::Request(_) => opening(matter, moment),
            _ => Keys::matter(matter.to_string()),
        }
    }

    fn says(&self, at: &At<'_>) -> Result<Said, Refusal> {
        Ok(match self {
            Self::Request(it) => requested(it, at)?,
            Self::Supplement(it) => supplemented(it, at)?,
            Self::Clarify(it) => {
                let answered = AdviceClarificationAnswered { due: Some(target(urgency(at), at.moment.now)) };
                said(Fact::AdviceClarificationAnswered(answered), it.content.as_ref()).answering(seq_of(
                    &it.clarification,
                    Agency::Ipa,
                    "clarification",
                )?)
            }
            Self::AskQuotation(it) => {
                let asked = AdviceQuotationAsked { wanted_by: it.wanted_by, embargo_until: it.embargo_until };
                said(Fact::AdviceQuotationAsked(asked), it.content.as_ref()).answering(seq_of(
                    &it.advice,
                    Agency::Ipa,
                    "advice",
                )?)
            }
            Self::Withdraw(it) => Said::new(Fact::AdviceWithdrawn(AdviceWithdrawn { reason: it.reason })),
            Self::Close(it) => {
                Said::new(Fact::AdviceClosed(AdviceClosed {})).answering(seq_of(&it.advice, Agency::Ipa, "advice")?)
            }
            Self::Accept(it) => {
                let accepted = AdviceAccepted { unit: accepting(it, at)?, planned_on: it.planned_on.clone() };
                worked_on(Said::new(Fact::AdviceAccepted(accepted)), at)
            }
            Self::HandBack(it) => {
                let back = AdviceHandedBack { reason: it.reason };
                worked_on(said(Fact::AdviceHandedBack(back), it.content.as_ref()), at)
            }
            Self::Decline(it) => {
                let declined = AdviceDeclined { reason: it.reason };
                worked_on(said(Fact::AdviceDeclined(declined), it.content.as_ref()), at)
            }
            Self::AskClarification(it) => {
                let asked = AdviceClarificationAsked { wanted_by: it.wanted_by };
                worked_on(said(Fact::AdviceClarificationAsked(asked), it.content.as_ref()), at)
            }
            Self::Give(it) => {
                let questions = answered_in(it.content.as_ref())?;
                let given = AdviceGiven { stage: it.stage, questions, quotation: quotation(it.quotation()).into() };
                worked_on(said(Fact::AdviceGiven(given), it.content.as_ref()), at)
            }
            Self::Correct(it) => {
                let questions = answered_in(it.content.as_ref().and_then(|content| content.advice.as_ref()))?;
                let seq = seq_of(&it.advice, Agency::Ipa, "advice")?;
                let corrected = AdviceCorrected { seq, questions, quotation: quotation(it.quotation()).into() };
                said(Fact::AdviceCorrected(corrected), it.content.as_ref())
            }
            Self::AnswerQuotation(it) => {
                let answered = AdviceQuotationAnswered { finding: it.finding };
                let words = it.content.clone().unwrap_or_default();
                said(Fact::AdviceQuotationAnswered(answered), Some(&words)).answering(seq_of(
                    &it.quotation,
                    Agency::Ppc,
                    "quotation",
                )?)
            }
        })
    }
}

/// A fact with the words that the contract demands in its request.
fn said(fact: Fact, words: Option<&impl Message>) -> Said {
    match words {
        Some(words) => Said::new(fact).with(words),
        None => Said::new(fact),
    }
}

/// IPA's acts answer what PPC submitted last.
fn worked_on(said: Said, at: &At<'_>) -> Said {
    said.answering(last_submission(at.page()))
}

fn requested(it: &RequestAdviceRequest, at: &At<'_>) -> Result<Said, Refusal> {
    let submission = it.submission.clone().unwrap_or_default();
    let questions = count(&submission);
    if questions == 0 {
        return Err(Refusal::field(Reason::FieldInvalid, "submission.questions", "asks at least one question"));
    }
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
    let stated = it.statutory.as_ref().map(|facts| statutory::dates_of(facts, at.moment.now));
    let reporter_dates = stated.transpose()?.flatten();
    let words = AdviceRequestedContent { title: it.title.clone(), submission: Some(submission), reporter_dates };
    Ok(Said::new(Fact::AdviceRequested(requested)).with(&words))
}

fn supplemented(it: &SupplementAdviceRequestRequest, at: &At<'_>) -> Result<Said, Refusal> {
    let submission = it.submission.clone().unwrap_or_default();
    if submission == Submission::default() {
        return Err(Refusal::field(Reason::FieldInvalid, "submission", "adds something"));
    }
    let handed_back = handed_back_open(at.page());
    let due = handed_back.map(|_| target(urgency(at), at.moment.now));
    let supplemented = AdviceSupplemented { questions: count(&submission), due };
    let words = AdviceSupplementedContent { submission: Some(submission) };
    let said = Said::new(Fact::AdviceSupplemented(supplemented)).with(&words);
    Ok(said.answering(handed_back.map_or(0, |mark| mark.seq)))
}

fn count(submission: &Submission) -> u32 {
    u32::try_from(submission.questions.len()).unwrap_or(u32::MAX)
}

fn urgency(at: &At<'_>) -> Urgency {
    advice::request(at.page()).map_or(Urgency::Normal, |(_, request)| request.urgency())
}

/// The unit that works on a request: the one that is named, or the caller's own.
fn accepting(it: &AcceptAdviceRequestRequest, at: &At<'_>) -> Result<String, Refusal> {
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

/// The numbers of the questions that advice answers, in their order.
fn answered_in(content: Option<&AdviceContent>) -> Result<Vec<u32>, Refusal> {
    let content = content.cloned().unwrap_or_default();
    if content == AdviceContent::default() {
        return Err(Refusal::field(Reason::FieldInvalid, "content", "says something"));
    }
    let mut numbers: Vec<u32> = content.answers.iter().map(|answer| answer.question).collect();
    numbers.sort_unstable();
    if numbers.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Refusal::field(Reason::FieldInvalid, "content.answers", "answers each question once"));
    }
    Ok(numbers)
}
