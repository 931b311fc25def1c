//! Calls to one agency's desk, as its internal systems make them: with generated clients over mutual TLS.

use std::{future::Future, path::Path, sync::Arc, time::Duration};

use renkei_proto::{
    advice::v1::{
        advice_asking_service_client::AdviceAskingServiceClient,
        advice_giving_service_client::AdviceGivingServiceClient, advice_service_client::AdviceServiceClient,
    },
    agreement::v1::agreement_service_client::AgreementServiceClient,
    evidence::v1::{evidence_service_client::EvidenceServiceClient, official_service_client::OfficialServiceClient},
    link::v1::{GetLinkStatusRequest, LinkStatus, link_status_service_client::LinkStatusServiceClient},
    referral::v1::{referral_service_client::ReferralServiceClient, scheme_service_client::SchemeServiceClient},
    sharing::v1::item_service_client::ItemServiceClient,
    r#type::v1::Agency,
    watch::v1::{WatchRequest, watch_service_client::WatchServiceClient},
};
use renkei_rpc::{
    connect::{Dial, is_broken},
    tls::Reloading,
};
use tonic::{
    Code, Request, Status,
    metadata::MetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use crate::{pki, wire::Wire};

/// How long something that must happen is waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A channel that names the official on whose behalf it calls.
pub type Authentic = InterceptedService<Channel, Official>;

/// Names the official, and the purpose where there is one, in the metadata.
#[derive(Clone, Copy)]
pub struct Official {
    /// The official's id.
    pub id: &'static str,
    /// The purpose; empty for none.
    pub purpose: &'static str,
}

impl Official {
    /// An official who names no purpose.
    pub const fn new(id: &'static str) -> Self {
        Self { id, purpose: "" }
    }

    /// The same official for a purpose.
    pub const fn purpose(self, purpose: &'static str) -> Self {
        Self { purpose, ..self }
    }
}

/// The official on whose behalf the tests call when they do not say.
pub const TANAKA: Official = Official::new("tanaka");

impl Interceptor for Official {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (key, value) in [("renkei-official", self.id), ("renkei-purpose", self.purpose)] {
            if !value.is_empty() {
                request.metadata_mut().insert(key, MetadataValue::from_static(value));
            }
        }
        Ok(request)
    }
}

/// One agency's desk.
#[derive(Clone)]
pub struct Desk {
    /// Whose desk.
    pub agency: Agency,
    dir: std::path::PathBuf,
    address: String,
}

impl Desk {
    /// The desk behind a wire, with the certificates of a setup's folder.
    pub fn new(agency: Agency, dir: &Path, wire: &Wire) -> Self {
        Self::at(agency, dir, wire.address())
    }

    /// The desk at an address, with the certificates of a setup's folder.
    pub fn at(agency: Agency, dir: &Path, address: std::net::SocketAddr) -> Self {
        Self { agency, dir: dir.to_owned(), address: address.to_string() }
    }

    /// A connection with the certificate of one of the agency's systems.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn channel(&self, caller: &str) -> Result<Channel, String> {
        self.channel_with(&pki::caller_files(&self.dir, self.agency.id(), caller))
    }

    /// A connection with any certificate.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn channel_with(&self, files: &renkei_rpc::tls::Files) -> Result<Channel, String> {
        let tls = Arc::new(Reloading::client(files).map_err(|error| error.to_string())?);
        let dial = Dial {
            address: self.address.clone(),
            server_name: "localhost".to_owned(),
            peer: format!("spiffe://{}/desk/service", self.agency.id()),
            tls,
            connect_timeout: Duration::from_secs(5),
        };
        dial.channel().map_err(|error| error.to_string())
    }

    fn authentic(&self, caller: &str) -> Result<Authentic, String> {
        self.on_behalf_of(caller, TANAKA)
    }

    /// A connection with the certificate of one of the agency's systems, on behalf of an official.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn on_behalf_of(&self, caller: &str, official: Official) -> Result<Authentic, String> {
        Ok(InterceptedService::new(self.channel(caller)?, official))
    }

    /// PPC's half of advice, as casework.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn advice_asking(&self) -> Result<AdviceAskingServiceClient<Authentic>, String> {
        Ok(AdviceAskingServiceClient::new(self.authentic("casework")?))
    }

    /// IPA's half of advice, as casework.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn advice_giving(&self) -> Result<AdviceGivingServiceClient<Authentic>, String> {
        Ok(AdviceGivingServiceClient::new(self.authentic("casework")?))
    }

    /// Reads of advice, as casework that responds to an incident.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn advice(&self) -> Result<AdviceServiceClient<Authentic>, String> {
        Ok(AdviceServiceClient::new(self.on_behalf_of("casework", TANAKA.purpose("incident_response"))?))
    }

    /// Sharing, as one of the systems, for a purpose.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn items(&self, caller: &str, purpose: &'static str) -> Result<ItemServiceClient<Authentic>, String> {
        Ok(ItemServiceClient::new(self.on_behalf_of(caller, TANAKA.purpose(purpose))?))
    }

    /// Officials, as the operator.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn officials(&self) -> Result<OfficialServiceClient<Authentic>, String> {
        Ok(OfficialServiceClient::new(self.authentic("operator")?))
    }

    /// Schemes, as casework.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn schemes(&self) -> Result<SchemeServiceClient<Authentic>, String> {
        Ok(SchemeServiceClient::new(self.authentic("casework")?))
    }

    /// Referral, as intake.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn referrals(&self) -> Result<ReferralServiceClient<Authentic>, String> {
        Ok(ReferralServiceClient::new(self.authentic("intake")?))
    }

    /// Referral, as the operator who counts.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn counts(&self) -> Result<ReferralServiceClient<Authentic>, String> {
        Ok(ReferralServiceClient::new(self.authentic("operator")?))
    }

    /// The agreement, as a reader.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn agreement(&self) -> Result<AgreementServiceClient<Authentic>, String> {
        Ok(AgreementServiceClient::new(self.authentic("reader")?))
    }

    /// Evidence, as the auditor.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn evidence(&self) -> Result<EvidenceServiceClient<Authentic>, String> {
        Ok(EvidenceServiceClient::new(self.authentic("auditor")?))
    }

    /// The change feed, as the auditor.
    ///
    /// # Errors
    /// When the certificate's files cannot be read.
    pub fn watch(&self) -> Result<WatchServiceClient<Authentic>, String> {
        Ok(WatchServiceClient::new(self.authentic("auditor")?))
    }

    /// How the link stands, as the operator.
    ///
    /// # Errors
    /// When the certificate's files cannot be read or the call fails for good.
    pub async fn link_status(&self) -> Result<LinkStatus, String> {
        let client = LinkStatusServiceClient::new(self.authentic("operator")?);
        let request = GetLinkStatusRequest { name: "linkStatus".to_owned() };
        insist(async || Ok(client.clone().get_link_status(request.clone()).await?.into_inner())).await.map_err(said)
    }

    /// Waits until `look` finds something, looking again after each change that the desk's feed tells of.
    ///
    /// # Errors
    /// When it has found nothing within [`PATIENCE`], or fails for good.
    pub async fn until<T, F: Future<Output = Result<Option<T>, String>>>(
        &self,
        what: &str,
        look: impl Fn() -> F,
    ) -> Result<T, String> {
        let waiting = async {
            loop {
                let client = self.watch()?;
                let request = WatchRequest::default();
                let opened = insist(async || Ok(client.clone().watch(request.clone()).await?.into_inner())).await;
                let mut events = opened.map_err(said)?;
                // The first answer is a heartbeat: from here on nothing is missed.
                while let Ok(Some(_)) = events.message().await {
                    if let Some(found) = look().await? {
                        return Ok(found);
                    }
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.map_err(|_| format!("{what}: not within {} s", PATIENCE.as_secs()))?
    }
}

/// Repeats a call that was answered by nobody, as every client of the system does; its request id makes that harmless.
///
/// # Errors
/// The status of a call that was answered, or the last one when nobody answered within [`PATIENCE`].
pub async fn insist<T>(call: impl AsyncFn() -> Result<T, Status>) -> Result<T, Status> {
    let start = tokio::time::Instant::now();
    loop {
        match call().await {
            Err(status) if (status.code() == Code::Unavailable || is_broken(&status)) && start.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            answer => return answer,
        }
    }
}

/// A status in a sentence.
pub fn said(status: Status) -> String {
    let reason = renkei_rpc::error::reason_of(&status).map(|reason| reason.id()).unwrap_or("-");
    format!("{:?} {reason}: {}", status.code(), renkei_rpc::connect::explain(&status))
}
