//! Consent to go beyond the scope of an item (Art. 7(2)).

use renkei_proto::sharing::v1::{
    Consent, ConsentDenialReason, ConsentDeniedContent, ConsentRevokedContent, DenyConsentRequest, GrantConsentRequest,
    Item, NarrowConsentRequest, RequestConsentRequest, RequestedConsent, RevokeConsentRequest, StatedConsent,
    WithdrawConsentRequestRequest,
};

use super::Requests;

/// Sound requests.
impl Requests {
    /// A request for consent to this extent.
    pub fn requesting_consent(&self, it: &Item, terms: StatedConsent) -> RequestConsentRequest {
        RequestConsentRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            terms: Some(terms),
            necessity: "被害の拡大防止のため".to_owned(),
            given_orally_at: None,
        }
    }

    /// A grant of everything that was requested.
    pub fn granting(&self, it: &Item, asked: &RequestedConsent) -> GrantConsentRequest {
        GrantConsentRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            request: asked.entry.clone(),
            terms: None,
            conditions: Vec::new(),
            explanation: String::new(),
        }
    }

    /// A grant of this extent, which nobody has requested.
    pub fn granting_in_advance(&self, it: &Item, terms: StatedConsent) -> GrantConsentRequest {
        GrantConsentRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            request: String::new(),
            terms: Some(terms),
            conditions: Vec::new(),
            explanation: "あらかじめ同意する".to_owned(),
        }
    }

    /// The request that leaves this extent of a consent.
    pub fn narrowing_consent(&self, it: &Item, consent: &Consent, terms: StatedConsent) -> NarrowConsentRequest {
        NarrowConsentRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            consent: consent.entry.clone(),
            terms: Some(terms),
            explanation: "提供先を限るため".to_owned(),
        }
    }

    /// A denial, because of the harm that it would do.
    pub fn denying_consent(&self, it: &Item, asked: &RequestedConsent) -> DenyConsentRequest {
        DenyConsentRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            request: asked.entry.clone(),
            reason: ConsentDenialReason::Harm.into(),
            content: Some(ConsentDeniedContent { explanation: "捜査に支障のおそれ".to_owned() }),
        }
    }

    /// The request that revokes a consent.
    pub fn revoking_consent(&self, it: &Item, consent: &Consent) -> RevokeConsentRequest {
        RevokeConsentRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            consent: consent.entry.clone(),
            content: Some(ConsentRevokedContent { explanation: "事情の変更".to_owned() }),
        }
    }

    /// The request that withdraws a request for consent.
    pub fn withdrawing_consent_request(&self, it: &Item, asked: &RequestedConsent) -> WithdrawConsentRequestRequest {
        WithdrawConsentRequestRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            request: asked.entry.clone(),
        }
    }
}
