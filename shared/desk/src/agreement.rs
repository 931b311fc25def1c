//! The memorandum in its present state, and the notices under Art. 8.

mod acts;
mod warning;

use renkei_book::{Cursor, etag};
use renkei_domain::{
    matter::Matter,
    noun::{Resource as _, agreement},
    page::Seen,
};
use renkei_proto::{
    agreement::v1::{
        Agreement, AssentToWithdrawalRequest, GetAgreementRequest, GiveNoticeRequest, ListNoticeEntriesRequest,
        ListNoticeEntriesResponse, ListNoticesRequest, ListNoticesResponse, NoticeEntry, RecordNoticeArrivalRequest,
        WithdrawNoticeRequest, agreement_service_server::AgreementService,
    },
    options::v1::Reason,
    r#type::v1::Agency,
};
use renkei_rpc::token::Query;
use tonic::Request;

pub use self::warning::warn_of_term;
use crate::{
    act::act,
    desk::{Answer, Desk, open, open_secret},
    error::Error,
    read::{EntryWords, Filling, PageRequest, entries, size},
};

/// The implementation of `AgreementService`.
pub(crate) struct Agreements {
    desk: Desk,
}

impl Agreements {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
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
    }

    async fn give_notice(&self, request: Request<GiveNoticeRequest>) -> Answer<Agreement> {
        act(request, &self.desk).await
    }

    async fn record_notice_arrival(&self, request: Request<RecordNoticeArrivalRequest>) -> Answer<Agreement> {
        act(request, &self.desk).await
    }

    async fn withdraw_notice(&self, request: Request<WithdrawNoticeRequest>) -> Answer<Agreement> {
        act(request, &self.desk).await
    }

    async fn assent_to_withdrawal(&self, request: Request<AssentToWithdrawalRequest>) -> Answer<Agreement> {
        act(request, &self.desk).await
    }

    async fn list_notices(&self, request: Request<ListNoticesRequest>) -> Answer<ListNoticesResponse> {
        open(request, &self.desk, async |call, it: ListNoticesRequest| {
            let query = Query::new(call.rule.path, &ListNoticesRequest { parent: it.parent, ..Default::default() });
            let below = match self.desk.tokens.page_token_decode(&query, &it.page_token)? {
                Some(key) => place_of(&key)?,
                None => (i64::MAX, Agency::Ipa, u64::MAX),
            };
            // It is read before the page: a watch from here may repeat what the list shows, but misses nothing.
            let place = Cursor::at(&self.desk.store.heads().borrow());
            let page = self.desk.store.page(Matter::AGREEMENT).await?.unwrap_or_default();
            let notices = agreement::notices(Seen::whole(&page));
            let wanted: Vec<_> = notices.iter().rev().filter(|notice| notice.place() < below).collect();
            let mut shown = Filling::default();
            for notice in wanted.iter().take(size(it.page_size)) {
                if !shown.add(0, Some(notice.resource())) {
                    break;
                }
            }
            let last = shown.shown.len().checked_sub(1).filter(|last| last + 1 < wanted.len());
            let key = last.and_then(|last| wanted.get(last)).map(|notice| key_of(notice.place()));
            let token = key.map(|key| self.desk.tokens.page_token_encode(&call.moment, &query, &key)).transpose()?;
            Ok(ListNoticesResponse {
                notices: shown.shown,
                next_page_token: token.unwrap_or_default(),
                as_of: self.desk.tokens.cursor_encode(&call.moment, &place.to_bytes())?,
            })
        })
        .await
    }

    async fn list_notice_entries(
        &self,
        request: Request<ListNoticeEntriesRequest>,
    ) -> Answer<ListNoticeEntriesResponse> {
        let matter = |it: &ListNoticeEntriesRequest| it.parent.clone();
        open_secret(request, &self.desk, matter, async |call, it: ListNoticeEntriesRequest| {
            let query = ListNoticeEntriesRequest { parent: it.parent.clone(), ..ListNoticeEntriesRequest::default() };
            let page = PageRequest { page_size: it.page_size, token: &it.page_token };
            let (entries, next_page_token) = entries(&self.desk, &call, &it.parent, &query, page, entry).await?;
            Ok(ListNoticeEntriesResponse { entries, next_page_token })
        })
        .await
    }
}

/// The place of a notice in the order of notices: the time, the author and the number of its entry.
type Place = (i64, Agency, u64);

/// The key of a page token that ends with the notice at this place.
fn key_of((at, author, seq): Place) -> Vec<u8> {
    let mut key = at.to_be_bytes().to_vec();
    key.extend(i32::from(author).to_be_bytes());
    key.extend(seq.to_be_bytes());
    key
}

fn place_of(key: &[u8]) -> Result<Place, Error> {
    let parts = || {
        let (at, rest) = key.split_first_chunk::<8>()?;
        let (author, rest) = rest.split_first_chunk::<4>()?;
        let seq: [u8; 8] = rest.try_into().ok()?;
        let author = Agency::try_from(i32::from_be_bytes(*author)).ok()?;
        Some((i64::from_be_bytes(*at), author, u64::from_be_bytes(seq)))
    };
    parts().ok_or_else(|| {
        Error::because(
            Reason::PageTokenInvalid,
            ("the page token contains no place", "この値は、この一覧の続きを示すものではありません。"),
        )
    })
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
