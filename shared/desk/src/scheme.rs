//! The catalogue of reporting schemes (Art. 4(1)).

use prost::Message as _;
use renkei_domain::{
    decide::{self, Keys, Refusal},
    matter::{Matter, Noun},
    moment::Moment,
    page::{Journal, Page, Seen},
    scheme::{current, resource},
};
use renkei_proto::{
    FactKind,
    journal::v1::fact,
    options::v1::Reason,
    referral::v1::{
        GetSchemeRequest, ListSchemesRequest, ListSchemesResponse, PublishSchemeRequest, ReviseSchemeRequest, Scheme,
        SchemeContent, SchemePublished, SchemeRevised, SchemeTerms, SchemeWithdrawn, WithdrawSchemeRequest,
        scheme_service_server::SchemeService,
    },
    r#type::v1::Agency,
};
use renkei_rpc::{
    error::Error,
    validate::{Desk, open},
};
use renkei_store::{Command, Stage, content, etag};
use tonic::{Request, Response, Status};

use crate::list::list;

/// The service.
pub(crate) struct Schemes {
    desk: Desk,
}

impl Schemes {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

#[tonic::async_trait]
impl SchemeService for Schemes {
    async fn publish_scheme(&self, request: Request<PublishSchemeRequest>) -> Result<Response<Scheme>, Status> {
        open(request, &self.desk, async |call, it: PublishSchemeRequest| {
            let matter = Matter::new(Noun::Scheme, self.desk.own, &it.scheme_id);
            let act = Act::Publish(it.terms.unwrap_or_default(), it.content.unwrap_or_default());
            let change = Change { matter, etag: String::new(), act };
            Ok(self.desk.store.write("publish_scheme", call.call, call.moment, change).await?)
        })
        .await
    }

    async fn revise_scheme(&self, request: Request<ReviseSchemeRequest>) -> Result<Response<Scheme>, Status> {
        open(request, &self.desk, async |call, it: ReviseSchemeRequest| {
            let act = Act::Revise(it.terms.unwrap_or_default(), it.content.unwrap_or_default());
            let change = Change { matter: Matter::of(&it.name), etag: it.etag, act };
            Ok(self.desk.store.write("revise_scheme", call.call, call.moment, change).await?)
        })
        .await
    }

    async fn withdraw_scheme(&self, request: Request<WithdrawSchemeRequest>) -> Result<Response<Scheme>, Status> {
        open(request, &self.desk, async |call, it: WithdrawSchemeRequest| {
            let change = Change { matter: Matter::of(&it.name), etag: it.etag, act: Act::Withdraw };
            Ok(self.desk.store.write("withdraw_scheme", call.call, call.moment, change).await?)
        })
        .await
    }

    async fn get_scheme(&self, request: Request<GetSchemeRequest>) -> Result<Response<Scheme>, Status> {
        open(request, &self.desk, async |_, it: GetSchemeRequest| {
            let page = self.desk.store.page(&it.name).await?.unwrap_or_default();
            let scheme = whole(&self.desk, &Matter::of(&it.name), &page).await?;
            scheme.ok_or_else(|| Error::because(Reason::NotFound, "there is no such scheme"))
        })
        .await
    }

    async fn list_schemes(
        &self,
        request: Request<ListSchemesRequest>,
    ) -> Result<Response<ListSchemesResponse>, Status> {
        open(request, &self.desk, async |call, it: ListSchemesRequest| {
            let query = ListSchemesRequest { parent: it.parent.clone(), ..ListSchemesRequest::default() };
            let page = (it.page_size, it.page_token.as_str());
            let listing = list(&self.desk, &call, Noun::Scheme, &it.parent, &query, page).await?;
            let mut schemes = Vec::with_capacity(listing.items.len());
            for item in &listing.items {
                schemes.extend(whole(&self.desk, &item.matter, &item.page).await?);
            }
            Ok(ListSchemesResponse { schemes, next_page_token: listing.next_page_token, as_of: listing.as_of })
        })
        .await
    }
}

/// A scheme with its content.
pub(crate) async fn whole(desk: &Desk, matter: &Matter, page: &Page) -> Result<Option<Scheme>, Error> {
    let seen = Seen::whole(page);
    let Some(current) = current(seen, matter.opener) else { return Ok(None) };
    let content = scheme_content(desk, matter.opener, current.mark.seq).await?;
    Ok(resource(matter, seen, content, etag(page, desk.own)))
}

/// What an entry of a scheme tells reporters; `None` when it was erased.
pub(crate) async fn scheme_content(desk: &Desk, agency: Agency, seq: u64) -> Result<Option<SchemeContent>, Error> {
    let Some(bytes) = desk.store.content(Journal::Of(agency), seq).await? else { return Ok(None) };
    let content = SchemeContent::decode(bytes.as_slice());
    content.map(Some).map_err(|error| Error::Fault(format!("the content of a scheme does not decode: {error}")))
}

/// A change of an own scheme.
struct Change {
    matter: Matter,
    etag: String,
    act: Act,
}

enum Act {
    Publish(SchemeTerms, SchemeContent),
    Revise(SchemeTerms, SchemeContent),
    Withdraw,
}

impl Command for Change {
    type Reply = Scheme;

    fn keys(&self, _: &Moment) -> Keys {
        decide::keys(&self.matter.to_string(), FactKind::SchemePublished)
    }

    fn run(&self, stage: &mut Stage, moment: &Moment) -> Result<Scheme, Refusal> {
        let name = self.matter.to_string();
        stage.expect(&name, &self.etag)?;
        let version = current(stage.page(&name), self.matter.opener).map_or(0, |current| current.version);
        let (fact, words) = match &self.act {
            Act::Publish(terms, words) => {
                (fact::Fact::SchemePublished(SchemePublished { terms: Some(terms.clone()) }), content(words))
            }
            Act::Revise(terms, words) => {
                let revised = SchemeRevised { version: (version + 1).max(2), terms: Some(terms.clone()) };
                (fact::Fact::SchemeRevised(revised), content(words))
            }
            Act::Withdraw => (fact::Fact::SchemeWithdrawn(SchemeWithdrawn { version: version.max(1) }), None),
        };
        stage.write(&self.matter, fact, words, 0)?;
        self.again(stage, &name, moment).ok_or_else(|| Refusal::new(Reason::Internal, "the scheme has no page"))
    }

    fn again(&self, stage: &Stage, matter: &str, _: &Moment) -> Option<Scheme> {
        resource(&Matter::of(matter), stage.page(matter), None, stage.etag(matter))
    }
}
