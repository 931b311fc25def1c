//! The catalogue of reporting schemes (Art. 4(1)).

use jiff::Timestamp;
use renkei_book::{Stage, etag};
use renkei_domain::{
    matter::Matter,
    moment::Moment,
    noun::{
        Resource as _,
        scheme::{self, COLLECTION, current},
    },
    page::{Journal, Seen},
    read_set::ReadSet,
    refusal::Refusal,
    standing::Filter,
};
use renkei_proto::{
    FactKind, Sentence,
    options::v1::Reason,
    referral::v1::{
        GetSchemeRequest, ListSchemesRequest, ListSchemesResponse, PublishSchemeRequest, ReviseSchemeRequest, Scheme,
        SchemeContent, SchemePublished, SchemeRevised, SchemeVersion, SchemeWithdrawn, WithdrawSchemeRequest,
        scheme_service_server::SchemeService,
    },
    r#type::v1::Agency,
};
use tonic::Request;

use crate::{
    act::{Act, ActContext, CheckContext, FactDraft, act},
    desk::{Answer, Desk, open},
    error::Error,
    read::{Filling, PageRequest, Readable, decoded_as, judged, list, readable},
};

/// The implementation of `SchemeService`.
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
    async fn publish_scheme(&self, it: Request<PublishSchemeRequest>) -> Answer<Scheme> {
        act(it, &self.desk).await
    }

    async fn revise_scheme(&self, it: Request<ReviseSchemeRequest>) -> Answer<Scheme> {
        act(it, &self.desk).await
    }

    async fn withdraw_scheme(&self, it: Request<WithdrawSchemeRequest>) -> Answer<Scheme> {
        act(it, &self.desk).await
    }

    async fn get_scheme(&self, request: Request<GetSchemeRequest>) -> Answer<Scheme> {
        open(request, &self.desk, async |call, it: GetSchemeRequest| {
            let scheme = whole(&self.desk, &readable(&self.desk, &call, &it.name).await?, call.moment.now).await?;
            scheme.ok_or_else(|| Error::because(Reason::NotFound, Sentence::for_developers("there is no such scheme")))
        })
        .await
    }

    async fn list_schemes(&self, request: Request<ListSchemesRequest>) -> Answer<ListSchemesResponse> {
        open(request, &self.desk, async |call, it: ListSchemesRequest| {
            let query = ListSchemesRequest { parent: it.parent.clone(), ..ListSchemesRequest::default() };
            let page = PageRequest { page_size: it.page_size, token: &it.page_token };
            let listing = list(&self.desk, &call, COLLECTION, (&it.parent, &Filter::default()), &query, page).await?;
            let mut page = Filling::default();
            for item in &listing.items {
                let it = judged(&self.desk, &call, item.matter.clone(), item.page.clone())?;
                if !page.add(item.place, whole(&self.desk, &it, call.moment.now).await?) {
                    break;
                }
            }
            let (schemes, next_page_token) = listing.page(&self.desk, &call, page)?;
            Ok(ListSchemesResponse { schemes, next_page_token, as_of: listing.as_of })
        })
        .await
    }
}

/// A scheme with its content.
async fn whole(desk: &Desk, it: &Readable, now: Timestamp) -> Result<Option<Scheme>, Error> {
    let seen = Seen::whole(&it.page);
    let Some(current) = current(seen, it.matter.opener) else { return Ok(None) };
    let content = scheme_content(desk, it, current.mark.seq).await?;
    let scheme = Scheme::of(&it.matter, seen, now, etag(&it.page, desk.own));
    Ok(scheme.map(|scheme| Scheme { content, ..scheme }))
}

/// The information for reporters in an entry of a scheme; `None` if it was erased.
pub(crate) async fn scheme_content(desk: &Desk, it: &Readable, seq: u64) -> Result<Option<SchemeContent>, Error> {
    let bytes = desk.store.content(&it.permit, Journal::Of(it.matter.opener), seq).await?;
    bytes.as_deref().map(decoded_as).transpose()
}

impl Act for PublishSchemeRequest {
    type Resource = Scheme;
    type Checked = HasMail;

    fn check(&mut self, _: &CheckContext<'_>) -> Result<HasMail, Refusal> {
        Ok(HasMail::of(self.content.as_ref()))
    }

    fn matter(&self, own: Agency, _: &Moment) -> Matter {
        Matter::new(COLLECTION, own, &self.scheme_id)
    }

    fn reads(&self, matter: &Matter, _: &Moment) -> ReadSet {
        ReadSet::matter(matter.to_string()).with(scheme::catalogues())
    }

    fn draft(&self, mail: &HasMail, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        mail.is_read(context)?;
        Ok(FactDraft::new(SchemePublished { terms: Some(self.terms.clone().unwrap_or_default()) }))
    }
}

impl Act for ReviseSchemeRequest {
    type Resource = Scheme;
    type Checked = HasMail;

    fn check(&mut self, _: &CheckContext<'_>) -> Result<HasMail, Refusal> {
        Ok(HasMail::of(self.content.as_ref()))
    }

    fn reads(&self, matter: &Matter, _: &Moment) -> ReadSet {
        ReadSet::matter(matter.to_string()).with(scheme::catalogues())
    }

    fn draft(&self, mail: &HasMail, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        mail.is_read(context)?;
        let version = (version(context) + 1).max(2);
        Ok(FactDraft::new(SchemeRevised { version, terms: Some(self.terms.clone().unwrap_or_default()) }))
    }
}

impl Act for WithdrawSchemeRequest {
    type Resource = Scheme;
    type Checked = ();

    fn reads(&self, matter: &Matter, _: &Moment) -> ReadSet {
        ReadSet::matter(matter.to_string()).with(scheme::catalogues())
    }

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        Ok(FactDraft::new(SchemeWithdrawn { version: version(context).max(1) }))
    }
}

/// Whether a scheme names an e-mail address. The content is taken from the request before the page is there.
#[derive(Default)]
pub struct HasMail(bool);

impl HasMail {
    fn of(content: Option<&SchemeContent>) -> Self {
        Self(content.is_some_and(|content| !content.mail.is_empty()))
    }

    /// Refuses an address while the peer's service is of an earlier version, which would stop at it.
    fn is_read(&self, context: &ActContext<'_>) -> Result<(), Refusal> {
        if !self.0 || context.stage.speaks(FactKind::ReferralDischarged) {
            return Ok(());
        }
        let detail = (
            "the peer's service does not read e-mail addresses of schemes yet: leave it out",
            "相手方のシステムは、制度の電子メールアドレスの記載にまだ対応していません。指定せずに登録してください。",
        );
        Err(Refusal::field(Reason::WrongState, "content.mail", detail))
    }
}

/// The current version of the scheme; 0 before it is published.
fn version(context: &ActContext<'_>) -> u32 {
    current(context.page(), context.matter.opener).map_or(0, |current| current.version)
}

/// The current version of an own scheme by its name; `None` when this agency has none of that name.
pub(crate) fn own_scheme(stage: &Stage, name: &str) -> Option<SchemeVersion> {
    let matter = Matter::parse(name).filter(|matter| matter.opener == stage.own())?;
    let version = current(stage.page(name), stage.own())?.version;
    Some(SchemeVersion { scheme_id: matter.id, version })
}
