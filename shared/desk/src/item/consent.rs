//! Consent to go beyond the scope of an item (Art. 7(2)): the acts, and the service.

use prost::Message as _;
use renkei_domain::{
    calendar,
    matter::Matter,
    noun::item::{consent, recipient},
    refusal::{Refusal, missing, past},
};
use renkei_proto::{
    options::v1::Reason,
    sharing::v1::{
        ConsentDenied, ConsentGranted, ConsentGrantedContent, ConsentNarrowed, ConsentNarrowedContent,
        ConsentRequestWithdrawn, ConsentRequested, ConsentRequestedContent, ConsentRevoked, ConsentTerms,
        DenyConsentRequest, GrantConsentRequest, Item, NarrowConsentRequest, OralConsent, RequestConsentRequest,
        RevokeConsentRequest, StatedConsent, WithdrawConsentRequestRequest, consent_service_server::ConsentService,
    },
    r#type::v1::Agency,
};
use tonic::Request;

use super::acts::{Revision, must_act_in_scope, named};
use crate::{
    act::{Act, ActContext, CheckContext, FactDraft, act},
    desk::{Answer, Desk},
};

/// The number of open days after the entry in which the originator confirms an oral consent.
const CONFIRMATION_DAYS: u16 = 1;

/// The extent of a consent as facts have it, with the names of its recipients.
#[derive(Default)]
pub struct Extent {
    /// The extent; `None` where the call leaves it out.
    terms: Option<ConsentTerms>,
    names: Vec<String>,
}

impl Extent {
    fn of(stated: Option<&StatedConsent>, name: &str) -> Result<Self, Refusal> {
        let Some(stated) = stated else { return Ok(Self::default()) };
        let matter = Matter::of(name);
        let recipients = stated.recipients.iter().map(|it| recipient::identified(&matter, it, "terms.recipients"));
        let recipients: Vec<_> = recipients.collect::<Result<_, _>>()?;
        let names = recipients.iter().filter_map(|it| it.name.clone()).collect();
        let terms = ConsentTerms {
            recipients: recipients.into_iter().map(|it| it.recipient).collect(),
            purposes: stated.purposes.clone(),
            until: stated.until,
            parts: stated.parts.clone(),
            conditions: Vec::new(),
        };
        Ok(Self { terms: Some(terms), names })
    }
}

impl Act for RequestConsentRequest {
    type Resource = Item;
    type Checked = Extent;

    fn check(&mut self, context: &CheckContext<'_>) -> Result<Extent, Refusal> {
        if let Some(given_at) = &self.given_orally_at {
            past("given_orally_at", Some(given_at), context.moment.now)?;
        }
        Extent::of(self.terms.as_ref(), &self.name)
    }

    fn content(&mut self, checked: &Extent) -> Option<Vec<u8>> {
        let necessity = std::mem::take(&mut self.necessity);
        Some(ConsentRequestedContent { necessity, names: checked.names.clone() }.encode_to_vec())
    }

    fn draft(&self, checked: &Extent, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        must_act_in_scope(context)?;
        let Revision { number, entry } = Revision::current(context);
        let oral = self.given_orally_at.map(|given_at| {
            let day = context.calendar.add_open_days(calendar::day(context.stage.now()), CONFIRMATION_DAYS);
            let by_rule = context.calendar.is_by_rule(day);
            OralConsent { given_at: Some(given_at), confirm_by: day.to_string(), by_rule }
        });
        let requested = ConsentRequested { revision: number, terms: checked.terms.clone(), oral };
        Ok(FactDraft::new(requested).answering(entry))
    }
}

impl Act for GrantConsentRequest {
    type Resource = Item;
    type Checked = Extent;

    fn check(&mut self, _: &CheckContext<'_>) -> Result<Extent, Refusal> {
        if self.terms.is_none() && self.request.is_empty() {
            return Err(missing("terms"));
        }
        Extent::of(self.terms.as_ref(), &self.name)
    }

    fn content(&mut self, checked: &Extent) -> Option<Vec<u8>> {
        let explanation = std::mem::take(&mut self.explanation);
        Some(ConsentGrantedContent { explanation, names: checked.names.clone() }.encode_to_vec())
    }

    fn draft(&self, checked: &Extent, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let opener = context.matter.opener;
        let request = match self.request.as_str() {
            "" => 0,
            name => named(name, opener.peer(), "request", consent::NO_REQUEST)?,
        };
        let asked = || consent::requested_by(context.page(), opener, request).and_then(|it| it.it.terms.clone());
        let Some(extent) = checked.terms.clone().or_else(asked) else {
            return Err(Refusal::field(Reason::FieldInvalid, "request", consent::NO_REQUEST));
        };
        let terms = ConsentTerms { conditions: self.conditions.clone(), ..extent };
        let granted = ConsentGranted { revision: Revision::current(context).number, terms: Some(terms) };
        Ok(FactDraft::new(granted).answering(request))
    }
}

impl Act for NarrowConsentRequest {
    type Resource = Item;
    type Checked = Extent;

    fn check(&mut self, _: &CheckContext<'_>) -> Result<Extent, Refusal> {
        Extent::of(self.terms.as_ref(), &self.name)
    }

    fn content(&mut self, checked: &Extent) -> Option<Vec<u8>> {
        let explanation = std::mem::take(&mut self.explanation);
        Some(ConsentNarrowedContent { explanation, names: checked.names.clone() }.encode_to_vec())
    }

    fn draft(&self, checked: &Extent, context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let consent = consent_of(&self.consent, context.matter.opener)?;
        let before = consent::granted_by(context.page(), context.matter.opener, consent);
        let conditions = before.map(|it| it.terms.conditions.clone()).unwrap_or_default();
        let terms = checked.terms.clone().map(|terms| ConsentTerms { conditions, ..terms });
        Ok(FactDraft::new(ConsentNarrowed { consent, terms }))
    }
}

impl Act for DenyConsentRequest {
    type Resource = Item;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        let request = named(&self.request, context.matter.opener.peer(), "request", consent::NO_REQUEST)?;
        Ok(FactDraft::new(ConsentDenied { reason: self.reason }).answering(request))
    }
}

impl Act for RevokeConsentRequest {
    type Resource = Item;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        Ok(FactDraft::new(ConsentRevoked { consent: consent_of(&self.consent, context.matter.opener)? }))
    }
}

impl Act for WithdrawConsentRequestRequest {
    type Resource = Item;
    type Checked = ();

    fn draft(&self, (): &(), context: &ActContext<'_>) -> Result<FactDraft, Refusal> {
        must_act_in_scope(context)?;
        let request = named(&self.request, context.matter.opener.peer(), "request", consent::NO_REQUEST)?;
        Ok(FactDraft::new(ConsentRequestWithdrawn { request }))
    }
}

fn consent_of(name: &str, opener: Agency) -> Result<u64, Refusal> {
    named(name, opener, "consent", consent::NO_CONSENT)
}

/// The implementation of `ConsentService`.
pub(crate) struct Consents {
    desk: Desk,
}

impl Consents {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

#[tonic::async_trait]
impl ConsentService for Consents {
    async fn request_consent(&self, it: Request<RequestConsentRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn grant_consent(&self, it: Request<GrantConsentRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn narrow_consent(&self, it: Request<NarrowConsentRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn deny_consent(&self, it: Request<DenyConsentRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn revoke_consent(&self, it: Request<RevokeConsentRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }

    async fn withdraw_consent_request(&self, it: Request<WithdrawConsentRequestRequest>) -> Answer<Item> {
        act(it, &self.desk).await
    }
}
