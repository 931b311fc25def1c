//! Calls to one agency's desk, as its internal systems make them: with generated clients over mutual TLS.

use std::{future::Future, path::Path, sync::Arc, time::Duration};

use renkei_proto::{
    agreement::v1::agreement_service_client::AgreementServiceClient,
    evidence::v1::evidence_service_client::EvidenceServiceClient,
    link::v1::{GetLinkStatusRequest, LinkStatus, link_status_service_client::LinkStatusServiceClient},
    referral::v1::{referral_service_client::ReferralServiceClient, scheme_service_client::SchemeServiceClient},
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

/// Names the official in the metadata.
#[derive(Clone)]
pub struct Official(pub &'static str);

impl Interceptor for Official {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if !self.0.is_empty() {
            request.metadata_mut().insert("renkei-official", MetadataValue::from_static(self.0));
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
        Self { agency, dir: dir.to_owned(), address: wire.address().to_string() }
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
        Ok(InterceptedService::new(self.channel(caller)?, Official("tanaka")))
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
