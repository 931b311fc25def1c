//! Evidence and officials.

use std::time::Duration;

use renkei_client::Answer;
use renkei_proto::{
    evidence::v1::{
        CheckpointAuditRequest, CheckpointAuditResponse, GetEntryRequest, JournalEntry, ListAuditRecordsRequest,
        ListAuditRecordsResponse, ListBarredOfficialsRequest, ListEntriesRequest, ListEntriesResponse,
        LookUpMatterRequest, LookUpMatterResponse, Official, Verification, VerifyJournalsRequest,
    },
    r#type::v1::Agency,
};
use tonic::Request;

use super::Acts;
use crate::desk::insist;

impl Acts {
    /// Gets an entry by its author and number.
    pub async fn entry(&self, author: Agency, seq: u64) -> Answer<JournalEntry> {
        let request = GetEntryRequest { name: format!("agencies/{}/entries/{seq}", author.id()) };
        insist(async || self.evidence.clone().get_entry(request.clone()).await).await
    }

    /// Finds a matter by its case number.
    pub async fn look_up(&self, case_number: &str) -> Answer<LookUpMatterResponse> {
        let request = LookUpMatterRequest { case_number: case_number.to_owned() };
        insist(async || self.evidence.clone().look_up_matter(request.clone()).await).await
    }

    /// Lists entries.
    pub async fn list_entries(&self, request: ListEntriesRequest) -> Answer<ListEntriesResponse> {
        insist(async || self.evidence.clone().list_entries(request.clone()).await).await
    }

    /// Checkpoints the audit chains.
    pub async fn checkpoint(&self, request: CheckpointAuditRequest) -> Answer<CheckpointAuditResponse> {
        insist(async || self.evidence.clone().checkpoint_audit(request.clone()).await).await
    }

    /// Verifies journals and audit chains, in the longest time that the service allows for a call.
    pub async fn verify(&self) -> Answer<Verification> {
        let patiently = || {
            let mut request = Request::new(VerifyJournalsRequest {});
            request.set_timeout(Duration::from_secs(60));
            request
        };
        insist(async || self.evidence.clone().verify_journals(patiently()).await).await
    }

    /// One page of who read or wrote in a matter.
    pub async fn list_audit_records(&self, request: ListAuditRecordsRequest) -> Answer<ListAuditRecordsResponse> {
        insist(async || self.evidence.clone().list_audit_records(request.clone()).await).await
    }

    /// Bars an own official who has left.
    pub async fn bar(&self, id: &str) -> Answer<Official> {
        let request = self.barring(id);
        insist(async || self.officials.clone().bar_official(request.clone()).await).await
    }

    /// Bars an own official no longer.
    pub async fn unbar(&self, id: &str) -> Answer<Official> {
        let request = self.unbarring(id);
        insist(async || self.officials.clone().unbar_official(request.clone()).await).await
    }

    /// The own officials who are barred.
    pub async fn barred(&self) -> Answer<Vec<Official>> {
        let request = ListBarredOfficialsRequest {};
        Ok(insist(async || self.officials.clone().list_barred_officials(request).await).await?.officials)
    }
}
