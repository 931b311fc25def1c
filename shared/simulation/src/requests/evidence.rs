//! Officials (Art. 7(1)).

use renkei_proto::{
    evidence::v1::{BarOfficialRequest, UnbarOfficialRequest},
    journal::v1::BarReason,
};

use super::Requests;

/// Sound requests.
impl Requests {
    /// The name of one of the agency's own officials.
    pub fn official_name(&self, id: &str) -> String {
        format!("agencies/{}/officials/{id}", self.agency.id())
    }

    /// The request that bars an own official who has left.
    pub fn barring(&self, id: &str) -> BarOfficialRequest {
        let (request_id, name) = (self.request_id(), self.official_name(id));
        BarOfficialRequest { request_id, name, reason: BarReason::Left.into() }
    }

    /// The request that bars an own official no longer.
    pub fn unbarring(&self, id: &str) -> UnbarOfficialRequest {
        UnbarOfficialRequest { request_id: self.request_id(), name: self.official_name(id) }
    }
}
