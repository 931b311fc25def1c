//! The services that an agency offers to its own internal systems (庁内接続), one file per noun.
//!
//! Every method goes the same way: the request is opened ([`desk::open`]), becomes a command, and the command's reply
//! is the answer. What is secret in an answer is made after the write and stored nowhere.

mod act;
mod advice;
mod agreement;
mod contract;
mod desk;
mod duty;
mod error;
mod evidence;
mod item;
mod link_status;
mod official;
pub mod proof;
mod read;
mod referral;
mod referral_counts;
mod scheme;
mod stix;
mod title;
pub mod verify;
mod watch;

use renkei_proto::{
    SERVICES,
    advice::v1::{
        advice_asking_service_server::AdviceAskingServiceServer,
        advice_giving_service_server::AdviceGivingServiceServer, advice_service_server::AdviceServiceServer,
    },
    agreement::v1::agreement_service_server::AgreementServiceServer,
    contract::v1::contract_service_server::ContractServiceServer,
    duty::v1::duty_service_server::DutyServiceServer,
    evidence::v1::{evidence_service_server::EvidenceServiceServer, official_service_server::OfficialServiceServer},
    link::v1::link_status_service_server::LinkStatusServiceServer,
    options::v1::Surface,
    referral::v1::{referral_service_server::ReferralServiceServer, scheme_service_server::SchemeServiceServer},
    sharing::v1::{
        consent_service_server::ConsentServiceServer, disclosure_service_server::DisclosureServiceServer,
        item_service_server::ItemServiceServer, recall_service_server::RecallServiceServer,
    },
    title::v1::title_service_server::TitleServiceServer,
    r#type::v1::Agency,
    watch::v1::watch_service_server::WatchServiceServer,
};
use renkei_rpc::validate::DESK_MESSAGE_MAX;
use tokio_util::sync::CancellationToken;
use tonic::service::{Routes, RoutesBuilder};

pub use crate::{
    act::{Act, ActCommand, CheckContext},
    agreement::warn_of_term,
    desk::Desk,
    evidence::{Checkpoint, JournalKeys},
    referral::{Contact, FollowUp, Issue, Quoted},
    referral_counts::{Count, CountFiling, count_months},
    watch::Watchers,
};

/// The settings that the desk's services need besides [`Desk`].
pub struct Settings {
    /// The key from which secrets of referral codes are derived, 32 bytes.
    pub code_key: zeroize::Zeroizing<[u8; 32]>,
    /// The counter that the papers for reporters name.
    pub contact: Contact,
    /// The public keys by which journals are verified.
    pub keys: JournalKeys,
    /// The watchers of the change feed.
    pub watchers: Watchers,
    /// Cancelled when the service drains: watches end.
    pub draining: CancellationToken,
}

/// The names of the services that an agency offers, for the check of their rules and for health.
pub fn services(own: Agency) -> Vec<&'static str> {
    let offered = SERVICES.iter().filter(|it| it.surface == Surface::Desk && it.served_by.contains(&own));
    offered.map(|it| it.name).collect()
}

/// All services that this desk's agency offers.
pub fn routes(desk: &Desk, settings: Settings) -> RoutesBuilder {
    let desk = || desk.clone();
    let advice = advice::Advices::new(desk());
    let referral = referral::Referrals::new(desk(), settings.code_key, settings.contact);
    let evidence = evidence::Evidences::new(desk(), settings.keys);
    let link = link_status::Links::new(desk());
    let watch = watch::Watches::new(desk(), settings.watchers, settings.draining);
    let mut routes: RoutesBuilder = Routes::builder();
    if desk().own == Agency::Ppc {
        routes.add_service(AdviceAskingServiceServer::new(advice.clone()).max_decoding_message_size(DESK_MESSAGE_MAX));
    } else {
        routes.add_service(AdviceGivingServiceServer::new(advice.clone()).max_decoding_message_size(DESK_MESSAGE_MAX));
    }
    routes
        .add_service(AdviceServiceServer::new(advice).max_decoding_message_size(DESK_MESSAGE_MAX))
        .add_service(
            AgreementServiceServer::new(agreement::Agreements::new(desk())).max_decoding_message_size(DESK_MESSAGE_MAX),
        )
        .add_service(
            ContractServiceServer::new(contract::Contract::new(desk())).max_decoding_message_size(DESK_MESSAGE_MAX),
        )
        .add_service(ConsentServiceServer::new(item::Consents::new(desk())).max_decoding_message_size(DESK_MESSAGE_MAX))
        .add_service(
            DisclosureServiceServer::new(item::Disclosures::new(desk())).max_decoding_message_size(DESK_MESSAGE_MAX),
        )
        .add_service(DutyServiceServer::new(duty::Duties::new(desk())).max_decoding_message_size(DESK_MESSAGE_MAX))
        .add_service(EvidenceServiceServer::new(evidence).max_decoding_message_size(DESK_MESSAGE_MAX))
        .add_service(ItemServiceServer::new(item::Items::new(desk())).max_decoding_message_size(DESK_MESSAGE_MAX))
        .add_service(LinkStatusServiceServer::new(link).max_decoding_message_size(DESK_MESSAGE_MAX))
        .add_service(
            OfficialServiceServer::new(official::Officials::new(desk())).max_decoding_message_size(DESK_MESSAGE_MAX),
        )
        .add_service(RecallServiceServer::new(item::Recalls::new(desk())).max_decoding_message_size(DESK_MESSAGE_MAX))
        .add_service(ReferralServiceServer::new(referral).max_decoding_message_size(DESK_MESSAGE_MAX))
        .add_service(SchemeServiceServer::new(scheme::Schemes::new(desk())).max_decoding_message_size(DESK_MESSAGE_MAX))
        .add_service(TitleServiceServer::new(title::Titles::new(desk())).max_decoding_message_size(DESK_MESSAGE_MAX))
        .add_service(WatchServiceServer::new(watch).max_decoding_message_size(DESK_MESSAGE_MAX));
    routes
}
