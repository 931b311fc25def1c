//! The services that an agency offers to its own internal systems (庁内接続), one file per noun.
//!
//! Every method goes the same way: the request is opened by `renkei_rpc::validate::open`, becomes a command, and the
//! command's reply is the answer. What is secret in an answer is made after the write and stored nowhere.

mod agreement;
mod evidence;
mod link_status;
mod list;
pub mod proof;
mod referral;
mod scheme;
mod watch;

use renkei_proto::{
    agreement::v1::agreement_service_server::AgreementServiceServer,
    evidence::v1::evidence_service_server::EvidenceServiceServer,
    link::v1::{LinkStatus, link_status_service_server::LinkStatusServiceServer},
    referral::v1::{referral_service_server::ReferralServiceServer, scheme_service_server::SchemeServiceServer},
    watch::v1::watch_service_server::WatchServiceServer,
};
use renkei_rpc::validate::{DESK_MESSAGE_MAX, Desk};
use tokio::sync::watch as latest;
use tokio_util::sync::CancellationToken;
use tonic::service::{Routes, RoutesBuilder};

pub use crate::{evidence::Checkpoint, referral::Count, watch::WATCHERS};

/// What the desk's services need beside [`Desk`].
pub struct Settings {
    /// The key from which secrets of referral codes are derived, 32 bytes.
    pub code_key: zeroize::Zeroizing<[u8; 32]>,
    /// How the connection to the peer stands: state and cause; the rest is read from the database.
    pub link: latest::Receiver<LinkStatus>,
    /// Cancelled when the service drains: watches end.
    pub draining: CancellationToken,
}

/// The names of the services, for the check of their rules and for health.
pub const SERVICES: [&str; 6] = [
    "renkei.agreement.v1.AgreementService",
    "renkei.evidence.v1.EvidenceService",
    "renkei.link.v1.LinkStatusService",
    "renkei.referral.v1.ReferralService",
    "renkei.referral.v1.SchemeService",
    "renkei.watch.v1.WatchService",
];

/// All services of the desk.
pub fn routes(desk: &Desk, settings: Settings) -> RoutesBuilder {
    let mut routes: RoutesBuilder = Routes::builder();
    let proofs = proof::Proofs::default();
    let referral = referral::Referrals::new(desk.clone(), settings.code_key, proofs);
    let watch = watch::Watches::new(desk.clone(), settings.draining);
    let link = link_status::Links::new(desk.clone(), settings.link);
    routes
        .add_service(
            AgreementServiceServer::new(agreement::Agreements::new(desk.clone()))
                .max_decoding_message_size(DESK_MESSAGE_MAX),
        )
        .add_service(
            EvidenceServiceServer::new(evidence::Evidences::new(desk.clone()))
                .max_decoding_message_size(DESK_MESSAGE_MAX),
        )
        .add_service(LinkStatusServiceServer::new(link).max_decoding_message_size(DESK_MESSAGE_MAX))
        .add_service(ReferralServiceServer::new(referral).max_decoding_message_size(DESK_MESSAGE_MAX))
        .add_service(
            SchemeServiceServer::new(scheme::Schemes::new(desk.clone())).max_decoding_message_size(DESK_MESSAGE_MAX),
        )
        .add_service(WatchServiceServer::new(watch).max_decoding_message_size(DESK_MESSAGE_MAX));
    routes
}
