//! The memorandum in its present state (Art. 8).

use renkei_book::etag;
use renkei_domain::{matter::Matter, noun::Resource as _, page::Seen};
use renkei_proto::agreement::v1::{Agreement, GetAgreementRequest, agreement_service_server::AgreementService};
use tonic::Request;

use crate::{
    desk::{Answer, Desk, open},
    error::Error,
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
}
