//! Disclosure of the peer's items (Art. 7(2)).

use renkei_domain::calendar;
use renkei_proto::{
    sharing::v1::{
        AnnounceDisclosureRequest, DisclosureOpinionGivenContent, GiveDisclosureOpinionRequest, Item, LegalDisclosure,
        LegalGround, NamedConsent, RecordDisclosureRequest, ScopeBasis, StatedLaw, StatedRecipient,
        record_disclosure_request::Basis,
    },
    r#type::v1::Purpose,
};

use super::Requests;

/// Sound requests.
impl Requests {
    /// A disclosure of the whole item within its scope.
    pub fn disclosing(&self, it: &Item, to: StatedRecipient, purpose: Purpose) -> RecordDisclosureRequest {
        RecordDisclosureRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            recipient: Some(to),
            purpose: purpose.into(),
            parts: Vec::new(),
            basis: Some(Basis::Scope(ScopeBasis {})),
            fresh_within_seconds: 0,
            document: String::new(),
            approval: String::new(),
            explanation: String::new(),
        }
    }

    /// The same under a consent, by the name of the entry that granted it.
    pub fn disclosing_under(
        &self,
        it: &Item,
        consent: &str,
        to: StatedRecipient,
        purpose: Purpose,
    ) -> RecordDisclosureRequest {
        let consent = NamedConsent { entry: consent.to_owned() };
        RecordDisclosureRequest { basis: Some(Basis::Consent(consent)), ..self.disclosing(it, to, purpose) }
    }

    /// A disclosure that a law requires: as it was announced in this entry, or without notice if that is empty.
    pub fn disclosing_by_law(
        &self,
        it: &Item,
        ground: LegalGround,
        announcement: &str,
        to: StatedRecipient,
    ) -> RecordDisclosureRequest {
        let law = StatedLaw {
            ground: ground.into(),
            announcement: announcement.to_owned(),
            notice_forbidden: announcement.is_empty(),
        };
        RecordDisclosureRequest {
            basis: Some(Basis::Law(law)),
            approval: "決裁第１号".to_owned(),
            ..self.disclosing(it, to, Purpose::Unspecified)
        }
    }

    /// The announcement of a disclosure that is planned in a week.
    pub fn announcing(&self, it: &Item, ground: LegalGround, to: StatedRecipient) -> AnnounceDisclosureRequest {
        AnnounceDisclosureRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            ground: ground.into(),
            recipient: Some(to),
            parts: Vec::new(),
            planned_on: self.day_in(7),
            explanation: "法令に基づく求め".to_owned(),
        }
    }

    /// An opinion that does not object.
    pub fn giving_opinion(&self, it: &Item, announced: &LegalDisclosure) -> GiveDisclosureOpinionRequest {
        GiveDisclosureOpinionRequest {
            request_id: self.request_id(),
            name: it.name.clone(),
            etag: it.etag.clone(),
            announcement: announced.entry.clone(),
            objects: false,
            content: Some(DisclosureOpinionGivenContent { opinion: "意見なし".to_owned() }),
        }
    }

    /// A day in Japan, so many days from today.
    pub fn day_in(&self, days: i64) -> String {
        calendar::day(self.now() + jiff::SignedDuration::from_hours(24 * days)).to_string()
    }
}
