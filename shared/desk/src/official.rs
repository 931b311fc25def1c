//! Officials who may not call any more (Art. 7(1)).

use renkei_domain::{
    noun::{Resource as _, official},
    page::Seen,
    refusal::Refusal,
};
use renkei_proto::{
    evidence::v1::{
        BarOfficialRequest, ListBarredOfficialsRequest, ListBarredOfficialsResponse, Official, UnbarOfficialRequest,
        official_service_server::OfficialService,
    },
    journal::v1::{OfficialBarred, OfficialUnbarred},
    options::v1::Reason,
};
use tonic::Request;

use crate::{
    act::{Act, ActContext, CheckContext, FactDraft, act},
    desk::{Answer, Desk, open},
};

/// The implementation of `OfficialService`.
pub(crate) struct Officials {
    desk: Desk,
}

impl Officials {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

#[tonic::async_trait]
impl OfficialService for Officials {
    async fn bar_official(&self, request: Request<BarOfficialRequest>) -> Answer<Official> {
        act(request, &self.desk).await
    }

    async fn unbar_official(&self, request: Request<UnbarOfficialRequest>) -> Answer<Official> {
        act(request, &self.desk).await
    }

    async fn list_barred_officials(
        &self,
        request: Request<ListBarredOfficialsRequest>,
    ) -> Answer<ListBarredOfficialsResponse> {
        open(request, &self.desk, async |call, _: ListBarredOfficialsRequest| {
            let all = self.desk.store.officials().await?;
            let all = all
                .iter()
                .filter_map(|(matter, page)| Official::of(matter, Seen::whole(page), call.moment.now, String::new()));
            Ok(ListBarredOfficialsResponse { officials: all.filter(|it| it.barred).take(official::MOST).collect() })
        })
        .await
    }
}

impl Act for BarOfficialRequest {
    type Resource = Official;
    type Checked = ();

    fn check(&mut self, context: &CheckContext<'_>) -> Result<(), Refusal> {
        if self.matter(context.own, context.moment) == official::matter(context.own, context.official) {
            let detail = (
                "officials cannot bar themselves: another official has to do it",
                "役職員等が自らの利用を停止することはできません。他の役職員等が行ってください。",
            );
            return Err(Refusal::field(Reason::FieldInvalid, "name", detail));
        }
        if context.barred >= official::MOST {
            return Err(Refusal::new(
                Reason::WrongState,
                ("at most 10,000 officials are barred", "利用を停止できる役職員等は10,000人までです。"),
            ));
        }
        Ok(())
    }

    fn draft(&self, (): &(), _: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        Ok(FactDraft::new(OfficialBarred { reason: self.reason }))
    }
}

impl Act for UnbarOfficialRequest {
    type Resource = Official;
    type Checked = ();

    fn draft(&self, (): &(), _: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        Ok(FactDraft::new(OfficialUnbarred {}))
    }
}
