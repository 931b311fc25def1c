//! The desk of one agency, called as the agency's internal systems call it.

use std::{future::Future, net::SocketAddr, path::Path, time::Duration};

use renkei_client::{Answer, CallError, Connection, Official, OfficialChannel, REPEAT_AFTER, Service, Watch, answered};
use renkei_proto::{
    advice::v1::{
        advice_asking_service_client::AdviceAskingServiceClient,
        advice_giving_service_client::AdviceGivingServiceClient, advice_service_client::AdviceServiceClient,
    },
    agreement::v1::agreement_service_client::AgreementServiceClient,
    contract::v1::contract_service_client::ContractServiceClient,
    duty::v1::duty_service_client::DutyServiceClient,
    evidence::v1::{evidence_service_client::EvidenceServiceClient, official_service_client::OfficialServiceClient},
    link::v1::{GetLinkStatusRequest, LinkStatus, link_status_service_client::LinkStatusServiceClient},
    referral::v1::{referral_service_client::ReferralServiceClient, scheme_service_client::SchemeServiceClient},
    sharing::v1::{
        consent_service_client::ConsentServiceClient, disclosure_service_client::DisclosureServiceClient,
        item_service_client::ItemServiceClient, recall_service_client::RecallServiceClient,
    },
    title::v1::title_service_client::TitleServiceClient,
    r#type::v1::{Agency, Purpose},
};
use tonic::{Response, Status, transport::Channel};

use crate::{pki, wire::Wire};

/// The longest time that something is waited for that must happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The official on whose behalf calls are made where nobody else is named.
pub const TANAKA: Official = Official::from_static("tanaka");

/// One agency's desk.
#[derive(Clone)]
pub struct Desk {
    /// The agency of the desk.
    pub agency: Agency,
    dir: std::path::PathBuf,
    address: SocketAddr,
}

impl Desk {
    /// The desk behind a wire, with the certificates of a setup's folder.
    pub fn new(agency: Agency, dir: &Path, wire: &Wire) -> Self {
        Self::at(agency, dir, wire.address())
    }

    /// The desk at an address, with the certificates of a setup's folder.
    pub fn at(agency: Agency, dir: &Path, address: SocketAddr) -> Self {
        Self { agency, dir: dir.to_owned(), address }
    }

    /// The address of the desk port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn connection(&self, caller: &str) -> Result<Connection, String> {
        let files = pki::caller_files(&self.dir, self.agency.id(), caller);
        let files = renkei_client::Files {
            certificate: files.certificate,
            key: files.key,
            roots: files.roots,
            crls: files.crls,
        };
        let service =
            Service { agency: self.agency, address: self.address.to_string(), server_name: "localhost".to_owned() };
        Connection::new(&service, &files).map_err(|error| error.to_string())
    }

    /// A channel with the certificate of one of the agency's systems. Its calls name no official.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn channel(&self, caller: &str) -> Result<Channel, String> {
        Ok(self.connection(caller)?.channel())
    }

    /// A channel with the certificate of one of the agency's systems, on behalf of an official.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn on_behalf_of(&self, caller: &str, official: Official) -> Result<OfficialChannel, String> {
        Ok(self.connection(caller)?.on_behalf_of(official))
    }

    fn as_tanaka(&self, caller: &str) -> Result<OfficialChannel, String> {
        self.on_behalf_of(caller, TANAKA)
    }

    /// PPC's half of advice, as casework.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn advice_asking(&self) -> Result<AdviceAskingServiceClient<OfficialChannel>, String> {
        Ok(AdviceAskingServiceClient::new(self.as_tanaka("casework")?))
    }

    /// IPA's half of advice, as casework.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn advice_giving(&self) -> Result<AdviceGivingServiceClient<OfficialChannel>, String> {
        Ok(AdviceGivingServiceClient::new(self.as_tanaka("casework")?))
    }

    /// Reads of advice, as casework that responds to an incident.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn advice(&self) -> Result<AdviceServiceClient<OfficialChannel>, String> {
        Ok(AdviceServiceClient::new(self.on_behalf_of("casework", TANAKA.with_purpose(Purpose::IncidentResponse))?))
    }

    /// Sharing, as one of the systems, for a purpose.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn items(&self, caller: &str, purpose: Purpose) -> Result<ItemServiceClient<OfficialChannel>, String> {
        Ok(ItemServiceClient::new(self.on_behalf_of(caller, TANAKA.with_purpose(purpose))?))
    }

    /// Consent, as one of the systems, for a purpose.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn consents(&self, caller: &str, purpose: Purpose) -> Result<ConsentServiceClient<OfficialChannel>, String> {
        Ok(ConsentServiceClient::new(self.on_behalf_of(caller, TANAKA.with_purpose(purpose))?))
    }

    /// Disclosure, as one of the systems, for a purpose.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn disclosures(
        &self,
        caller: &str,
        purpose: Purpose,
    ) -> Result<DisclosureServiceClient<OfficialChannel>, String> {
        Ok(DisclosureServiceClient::new(self.on_behalf_of(caller, TANAKA.with_purpose(purpose))?))
    }

    /// Recalls and their effect, as one of the systems, for a purpose.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn recalls(&self, caller: &str, purpose: Purpose) -> Result<RecallServiceClient<OfficialChannel>, String> {
        Ok(RecallServiceClient::new(self.on_behalf_of(caller, TANAKA.with_purpose(purpose))?))
    }

    /// Officials, as the operator.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn officials(&self) -> Result<OfficialServiceClient<OfficialChannel>, String> {
        Ok(OfficialServiceClient::new(self.as_tanaka("operator")?))
    }

    /// Schemes, as casework.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn schemes(&self) -> Result<SchemeServiceClient<OfficialChannel>, String> {
        Ok(SchemeServiceClient::new(self.as_tanaka("casework")?))
    }

    /// Referral, as intake.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn referrals(&self) -> Result<ReferralServiceClient<OfficialChannel>, String> {
        Ok(ReferralServiceClient::new(self.as_tanaka("intake")?))
    }

    /// Papers of referrals, as intake that responds to an incident.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn papers(&self) -> Result<ReferralServiceClient<OfficialChannel>, String> {
        Ok(ReferralServiceClient::new(self.on_behalf_of("intake", TANAKA.with_purpose(Purpose::IncidentResponse))?))
    }

    /// Referral, as the operator who counts.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn counts(&self) -> Result<ReferralServiceClient<OfficialChannel>, String> {
        Ok(ReferralServiceClient::new(self.as_tanaka("operator")?))
    }

    /// The agreement, as a reader.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn agreement(&self) -> Result<AgreementServiceClient<OfficialChannel>, String> {
        Ok(AgreementServiceClient::new(self.as_tanaka("reader")?))
    }

    /// The names of the contract, as a reader.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn contract(&self) -> Result<ContractServiceClient<OfficialChannel>, String> {
        Ok(ContractServiceClient::new(self.as_tanaka("reader")?))
    }

    /// Notices under Art. 8, as the approver.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn notices(&self) -> Result<AgreementServiceClient<OfficialChannel>, String> {
        Ok(AgreementServiceClient::new(self.as_tanaka("approver")?))
    }

    /// The duties of the agency, as one of its systems.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn duties(&self, caller: &str) -> Result<DutyServiceClient<OfficialChannel>, String> {
        Ok(DutyServiceClient::new(self.as_tanaka(caller)?))
    }

    /// The titles of matters, as one of the agency's systems, for a purpose.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn titles(&self, caller: &str, purpose: Purpose) -> Result<TitleServiceClient<OfficialChannel>, String> {
        Ok(TitleServiceClient::new(self.on_behalf_of(caller, TANAKA.with_purpose(purpose))?))
    }

    /// Evidence, as the auditor.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn evidence(&self) -> Result<EvidenceServiceClient<OfficialChannel>, String> {
        Ok(EvidenceServiceClient::new(self.as_tanaka("auditor")?))
    }

    /// The channel for the change feed, as the auditor.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read.
    pub fn feed(&self) -> Result<OfficialChannel, String> {
        self.as_tanaka("auditor")
    }

    /// The state of the link, as the operator.
    ///
    /// # Errors
    /// Fails if the files of the certificate cannot be read, or the call fails for good.
    pub async fn link_status(&self) -> Result<LinkStatus, String> {
        let client = LinkStatusServiceClient::new(self.as_tanaka("operator")?);
        let request = GetLinkStatusRequest { name: "linkStatus".to_owned() };
        insist(async || client.clone().get_link_status(request.clone()).await).await.map_err(failure)
    }

    /// Waits until `look` finds something. It looks again after each change of which the feed tells.
    ///
    /// # Errors
    /// Fails if it has found nothing within [`PATIENCE`], or fails for good.
    pub async fn until<T, F: Future<Output = Result<Option<T>, String>>>(
        &self,
        what: &str,
        look: impl Fn() -> F,
    ) -> Result<T, String> {
        let waiting = async {
            loop {
                let channel = self.feed()?;
                let Ok(mut watch) = Watch::open(channel, "", "").await else {
                    tokio::time::sleep(REPEAT_AFTER).await;
                    continue;
                };
                loop {
                    if let Some(found) = look().await? {
                        return Ok(found);
                    }
                    // Heartbeats are looked after, too: not every change has an event.
                    if watch.answer().await.is_err() {
                        break;
                    }
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.map_err(|_| format!("{what}: not within {} s", PATIENCE.as_secs()))?
    }
}

/// Makes a call, and repeats it for as long as nobody answers, up to [`PATIENCE`].
///
/// # Errors
/// As [`answered`].
pub async fn insist<T>(call: impl AsyncFn() -> Result<Response<T>, Status>) -> Answer<T> {
    answered(PATIENCE, call).await
}

/// The sentence for a call that failed.
pub fn failure(error: impl Into<CallError>) -> String {
    error.into().to_string()
}
