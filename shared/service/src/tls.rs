//! The trust material of a service's ports, and the way to its peer.

use std::{sync::Arc, time::Duration};

use renkei_proto::r#type::v1::Agency;
use renkei_rpc::{
    connect::Dial,
    tls::{InUse, Reloading},
};
use rustls::{ClientConfig, ServerConfig};

use crate::{config::Config, error::StartError, status::TrustStands};

/// The time limit for the connection to the peer.
const CONNECT: Duration = Duration::from_secs(5);

/// The TLS material of both ports and of the dialling side.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) desk: Arc<Reloading<ServerConfig>>,
    pub(crate) link: Arc<Reloading<ServerConfig>>,
    pub(crate) dial: Arc<Reloading<ClientConfig>>,
}

impl Tls {
    pub(crate) fn load(config: &Config) -> Result<Self, StartError> {
        Ok(Self {
            desk: Arc::new(Reloading::server(&config.desk.files())?),
            link: Arc::new(Reloading::server(&config.link.files())?),
            dial: Arc::new(Reloading::client(&config.link.files())?),
        })
    }

    /// The trust material of each port that is in use.
    pub(crate) fn in_use(&self) -> Vec<(&'static str, InUse)> {
        vec![("desk", self.desk.in_use()), ("link", self.link.in_use()), ("dial", self.dial.in_use())]
    }

    /// The faults of each port's trust material. Link and dialling side share their files and most faults.
    pub(crate) fn faults(&self) -> Vec<(&'static str, Vec<String>)> {
        let link = self.link.faults();
        let dial = self.dial.faults().into_iter().filter(|fault| !link.contains(fault)).collect();
        vec![("desk", self.desk.faults()), ("link", link), ("dial", dial)]
    }

    /// The state of the trust material, for `status`.
    pub(crate) fn stands(&self) -> TrustStands {
        TrustStands { in_use: self.in_use(), faults: self.faults() }
    }
}

/// The settings with which the peer is dialled.
pub(crate) fn dialling(own: Agency, config: &Config, tls: &Tls) -> Dial {
    Dial {
        address: config.peer.address.clone(),
        server_name: config.peer.server_name.clone(),
        peer: format!("spiffe://{}/link", own.peer().id()),
        tls: tls.dial.clone(),
        connect_timeout: CONNECT,
    }
}
