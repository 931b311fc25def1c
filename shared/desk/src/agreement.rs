//! The memorandum in its present state, and the notices under Art. 8.

mod acts;
mod warning;

use prost::Message as _;
use renkei_book::{Cursor, etag};
use renkei_domain::{
    matter::Matter,
    noun::{
        Resource as _,
        agreement::{self, KnownNotice, show_text},
    },
    page::Seen,
};
use renkei_proto::{
    agreement::v1::{
        Agreement, AssentToWithdrawalRequest, GetAgreementRequest, GiveNoticeRequest, ListNoticeEntriesRequest,
        ListNoticeEntriesResponse, ListNoticesRequest, ListNoticesResponse, NoticeEntry, RecordNoticeArrivalRequest,
        WithdrawNoticeRequest, agreement_service_server::AgreementService,
    },
    r#type::v1::Agency,
};
use renkei_rpc::token::Query;
use tonic::{Request, Response};

pub use self::warning::warn_of_term;
use crate::{
    act::act,
    desk::{Answer, Desk, open, open_secret},
    error::Error,
    read::{EntryWords, Filling, PageRequest, entries, place, size},
};

/// The implementation of `AgreementService`.
pub(crate) struct Agreements {
    desk: Desk,
}

impl Agreements {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }

    /// The answer with the versions of the text that the service has: a page knows those of the program only.
    fn with_text(&self, mut shown: Response<Agreement>) -> Response<Agreement> {
        let now = self.desk.source.moment().now;
        show_text(shown.get_mut(), &self.desk.memorandum, now);
        shown
    }
}

#[tonic::async_trait]
impl AgreementService for Agreements {
    async fn get_agreement(&self, request: Request<GetAgreementRequest>) -> Answer<Agreement> {
        open(request, &self.desk, async |call, _: GetAgreementRequest| {
            let matter = Matter::of(Matter::AGREEMENT);
            let page = self.desk.store.page(Matter::AGREEMENT).await?.unwrap_or_default();
            let agreement = Agreement::of(&matter, Seen::whole(&page), call.moment.now, etag(&page, self.desk.own));
            agreement.ok_or_else(|| Error::fault("the agreement has no resource".to_owned()))
        })
        .await
        .map(|shown| self.with_text(shown))
    }

    async fn give_notice(&self, request: Request<GiveNoticeRequest>) -> Answer<Agreement> {
        act(request, &self.desk).await.map(|shown| self.with_text(shown))
    }

    async fn record_notice_arrival(&self, request: Request<RecordNoticeArrivalRequest>) -> Answer<Agreement> {
        act(request, &self.desk).await.map(|shown| self.with_text(shown))
    }

    async fn withdraw_notice(&self, request: Request<WithdrawNoticeRequest>) -> Answer<Agreement> {
        act(request, &self.desk).await.map(|shown| self.with_text(shown))
    }

    async fn assent_to_withdrawal(&self, request: Request<AssentToWithdrawalRequest>) -> Answer<Agreement> {
        act(request, &self.desk).await.map(|shown| self.with_text(shown))
    }

    async fn list_notices(&self, request: Request<ListNoticesRequest>) -> Answer<ListNoticesResponse> {
        open(request, &self.desk, async |call, it: ListNoticesRequest| {
            let query = Query::new(call.rule.path, &ListNoticesRequest { parent: it.parent, ..Default::default() });
            let below = place::<NoticePlace>(&self.desk, &query, &it.page_token)?;
            // It is read before the page: a watch from here may repeat what the list shows, but misses nothing.
            let reflected = Cursor::at(&self.desk.store.heads().borrow());
            let page = self.desk.store.page(Matter::AGREEMENT).await?.unwrap_or_default();
            let notices = agreement::notices(Seen::whole(&page));
            let wanted: Vec<_> =
                notices.iter().rev().filter(|notice| below.is_none_or(|below| notice.place() < below.key())).collect();
            let mut shown = Filling::default();
            for notice in wanted.iter().take(size(it.page_size)) {
                if !shown.add(0, Some(notice.resource())) {
                    break;
                }
            }
            let last = shown.shown.len().checked_sub(1).filter(|last| last + 1 < wanted.len());
            let key = last.and_then(|last| wanted.get(last)).map(|notice| NoticePlace::of(notice).encode_to_vec());
            let token = key.map(|key| self.desk.tokens.page_token_encode(&call.moment, &query, &key)).transpose()?;
            Ok(ListNoticesResponse {
                notices: shown.shown,
                next_page_token: token.unwrap_or_default(),
                as_of: self.desk.tokens.cursor_encode(&call.moment, &reflected.to_bytes())?,
            })
        })
        .await
    }

    async fn list_notice_entries(
        &self,
        request: Request<ListNoticeEntriesRequest>,
    ) -> Answer<ListNoticeEntriesResponse> {
        open_secret(
            request,
            &self.desk,
            |it| &mut it.parent,
            async |call, it: ListNoticeEntriesRequest| {
                let query =
                    ListNoticeEntriesRequest { parent: it.parent.clone(), ..ListNoticeEntriesRequest::default() };
                let page = PageRequest { page_size: it.page_size, token: &it.page_token };
                let (entries, next_page_token) = entries(&self.desk, &call, &it.parent, &query, page, entry).await?;
                Ok(ListNoticeEntriesResponse { entries, next_page_token })
            },
        )
        .await
    }
}

/// The place of a notice in the order of notices (`KnownNotice::place`).
#[derive(Clone, Copy, PartialEq, prost::Message)]
struct NoticePlace {
    #[prost(sint64, tag = "1")]
    at_us: i64,
    #[prost(enumeration = "Agency", tag = "2")]
    author: i32,
    #[prost(uint64, tag = "3")]
    seq: u64,
}

impl NoticePlace {
    fn of(notice: &KnownNotice<'_>) -> Self {
        let (at_us, author, seq) = notice.place();
        Self { at_us, author: author.into(), seq }
    }

    fn key(&self) -> (i64, Agency, u64) {
        (self.at_us, self.author(), self.seq)
    }
}

fn entry(it: EntryWords) -> Result<NoticeEntry, Error> {
    let content = it.content()?;
    Ok(NoticeEntry {
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
