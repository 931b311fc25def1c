//! Technical advice and support (Art. 4(2)): PPC's half asks, IPA's half helps, both read.

mod acts;
mod cases;

use renkei_domain::{
    noun::advice::{COLLECTION, request},
    page::{Journal, Seen},
    standing::Filter,
};
use renkei_proto::advice::v1::{
    AcceptAdviceRequestRequest, AdviceEntry, AdviceRequest, AdviceRequestedContent, AnswerClarificationRequest,
    AnswerQuotationRequest, AskClarificationRequest, AskFurtherQuestionsRequest, AskQuotationRequest,
    CloseAdviceRequestRequest, CorrectAdviceRequest, DeclineAdviceRequestRequest, GetAdviceRequestRequest,
    GiveAdviceRequest, HandBackAdviceRequestRequest, ListAdviceEntriesRequest, ListAdviceEntriesResponse,
    ListAdviceRequestsRequest, ListAdviceRequestsResponse, RevisePlanRequest, SubmitAdviceRequestRequest,
    SupplementAdviceRequestRequest, WithdrawAdviceRequestRequest, advice_asking_service_server::AdviceAskingService,
    advice_giving_service_server::AdviceGivingService, advice_service_server::AdviceService,
};
use tonic::Request;

use self::cases::Submit;
use crate::{
    act::act,
    desk::{Answer, Desk, open, open_secret},
    error::Error,
    read::{EntryWords, PageRequest, Readable, decoded_as, due_until, entries, filter, get, list},
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
    async fn submit_advice_request(&self, it: Request<SubmitAdviceRequestRequest>) -> Answer<AdviceRequest> {
        open(it, &self.desk, async |call, it: SubmitAdviceRequestRequest| {
            let command = Submit::new(&self.desk, &call, it).await?;
            self.desk.write(&call, command).await
        })
        .await
    }

    async fn supplement_advice_request(&self, it: Request<SupplementAdviceRequestRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }

    async fn answer_clarification(&self, it: Request<AnswerClarificationRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }

    async fn ask_further_questions(&self, it: Request<AskFurtherQuestionsRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }

    async fn ask_quotation(&self, it: Request<AskQuotationRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }

    async fn withdraw_advice_request(&self, it: Request<WithdrawAdviceRequestRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }

    async fn close_advice_request(&self, it: Request<CloseAdviceRequestRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }
}

#[tonic::async_trait]
impl AdviceGivingService for Advices {
    async fn accept_advice_request(&self, it: Request<AcceptAdviceRequestRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }

    async fn revise_plan(&self, it: Request<RevisePlanRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }

    async fn hand_back_advice_request(&self, it: Request<HandBackAdviceRequestRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }

    async fn decline_advice_request(&self, it: Request<DeclineAdviceRequestRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }

    async fn ask_clarification(&self, it: Request<AskClarificationRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }

    async fn give_advice(&self, it: Request<GiveAdviceRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }

    async fn correct_advice(&self, it: Request<CorrectAdviceRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }

    async fn answer_quotation(&self, it: Request<AnswerQuotationRequest>) -> Answer<AdviceRequest> {
        act(it, &self.desk).await
    }
}

#[tonic::async_trait]
impl AdviceService for Advices {
    async fn get_advice_request(&self, request: Request<GetAdviceRequestRequest>) -> Answer<AdviceRequest> {
        open(request, &self.desk, async |call, it: GetAdviceRequestRequest| {
            get(&self.desk, &call, &self.desk.named(&it.name).await?).await
        })
        .await
    }

    async fn list_advice_requests(
        &self,
        request: Request<ListAdviceRequestsRequest>,
    ) -> Answer<ListAdviceRequestsResponse> {
        open(request, &self.desk, async |call, it: ListAdviceRequestsRequest| {
            let query = ListAdviceRequestsRequest { page_size: 0, page_token: String::new(), ..it.clone() };
            let page = PageRequest { page_size: it.page_size, token: &it.page_token };
            let due_until = due_until(&it.due_until)?;
            let filter = Filter { due_until, ..filter(it.state().as_str_name(), it.waiting_for()) };
            let listing = list(&self.desk, &call, COLLECTION, ("agencies/ppc", &filter), &query, page).await?;
            let (advice_requests, next_page_token) = listing.resources(&self.desk, &call)?;
            Ok(ListAdviceRequestsResponse { advice_requests, next_page_token, as_of: listing.as_of })
        })
        .await
    }

    async fn list_advice_entries(
        &self,
        request: Request<ListAdviceEntriesRequest>,
    ) -> Answer<ListAdviceEntriesResponse> {
        open_secret(
            request,
            &self.desk,
            |it| &mut it.parent,
            async |call, it: ListAdviceEntriesRequest| {
                let query =
                    ListAdviceEntriesRequest { parent: it.parent.clone(), ..ListAdviceEntriesRequest::default() };
                let page = PageRequest { page_size: it.page_size, token: &it.page_token };
                let (entries, next_page_token) = entries(&self.desk, &call, &it.parent, &query, page, entry).await?;
                Ok(ListAdviceEntriesResponse { entries, next_page_token })
            },
        )
        .await
    }
}

/// The subject of a request; `None` for a matter of another noun, and where the content was erased.
pub(crate) async fn title(desk: &Desk, it: &Readable) -> Result<Option<String>, Error> {
    let Some((mark, _)) = request(Seen::whole(&it.page)) else { return Ok(None) };
    let bytes = desk.store.content(&it.permit, Journal::Of(it.matter.opener), mark.seq).await?;
    let content = bytes.as_deref().map(decoded_as::<AdviceRequestedContent>).transpose()?;
    Ok(content.map(|content| content.title))
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
