//! Officials who may not call any more (Art. 7(1)).

use renkei_domain::{
    matter::Matter, moment::Moment, noun::official, page::Journal, read_set::ReadSet, refusal::Refusal,
};
use renkei_proto::{
    evidence::v1::{
        BarOfficialRequest, ListBarredOfficialsRequest, ListBarredOfficialsResponse, Official, UnbarOfficialRequest,
        official_service_server::OfficialService,
    },
    journal::v1::{OfficialBarred, OfficialUnbarred, fact::Fact},
    options::v1::Reason,
};
use renkei_store::{Command, Stage};
use tonic::{Request, Response, Status};

use crate::{
    desk::{Desk, open},
    error::Error,
};

/// The service.
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
    async fn bar_official(&self, request: Request<BarOfficialRequest>) -> Result<Response<Official>, Status> {
        open(request, &self.desk, async |call, it: BarOfficialRequest| {
            let matter = Matter::of(&it.name);
            if matter == official::matter(self.desk.own, &call.official) {
                let detail = "nobody bars himself: another official has to";
                return Err(Refusal::field(Reason::FieldInvalid, "name", detail).into());
            }
            if self.desk.store.barred().borrow().len() >= official::MOST {
                return Err(Error::because(Reason::WrongState, "at most 10,000 officials are barred"));
            }
            let bar = Change { matter, fact: Fact::OfficialBarred(OfficialBarred { reason: it.reason }) };
            self.desk.write(&call, bar).await
        })
        .await
    }

    async fn unbar_official(&self, request: Request<UnbarOfficialRequest>) -> Result<Response<Official>, Status> {
        open(request, &self.desk, async |call, it: UnbarOfficialRequest| {
            let unbar = Change { matter: Matter::of(&it.name), fact: Fact::OfficialUnbarred(OfficialUnbarred {}) };
            self.desk.write(&call, unbar).await
        })
        .await
    }

    async fn list_barred_officials(
        &self,
        request: Request<ListBarredOfficialsRequest>,
    ) -> Result<Response<ListBarredOfficialsResponse>, Status> {
        open(request, &self.desk, async |_, _: ListBarredOfficialsRequest| {
            let all = self.desk.store.officials().await?;
            let all = all.iter().map(|(matter, page)| official::resource(matter, page.marks(Journal::Private)));
            Ok(ListBarredOfficialsResponse { officials: all.filter(|it| it.barred).take(official::MOST).collect() })
        })
        .await
    }
}

/// Bars an official, or no longer.
struct Change {
    matter: Matter,
    fact: Fact,
}

impl Command for Change {
    type Reply = Official;

    fn reads(&self, _: &Moment) -> ReadSet {
        ReadSet::matter(self.matter.to_string())
    }

    fn run(&self, stage: &mut Stage, _: &Moment) -> Result<Official, Refusal> {
        stage.write(&self.matter, self.fact.clone(), None, 0)?;
        Ok(official::resource(&self.matter, stage.view().local(&self.matter.to_string())))
    }

    fn reply_to_repeat(&self, stage: &Stage, matter: &str, _: &Moment) -> Option<Official> {
        Some(official::resource(&Matter::of(matter), stage.view().local(matter)))
    }
}
