//! Both services as they run in production: the machine's clock, durable databases, nothing between desk and caller or
//! between the two.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
};

use renkei_proto::{link::v1::link_status::State, r#type::v1::Agency};
use tokio::time::{Duration, sleep};
use toml::{Table, Value};

use crate::{
    cluster::{Engine, durable},
    desk::{Desk, PATIENCE},
    pair::Pair,
    setup::{AGENCIES, Choice},
};

/// The number of connections that callers share.
pub(super) const CONNECTIONS: usize = 4;
/// The interval at which the state of the link is read.
pub(super) const LOOK: Duration = Duration::from_millis(5);

/// Both services.
pub(super) struct Services {
    /// Their processes.
    pub pair: Pair,
}

impl Services {
    /// Both, set up and not started, with the programs of a folder or of this build.
    ///
    /// # Errors
    /// Fails if something cannot be made.
    pub(super) async fn down(engine: Engine, programs: Option<PathBuf>) -> Result<Self, String> {
        durable();
        let mut pair = Pair::down(Choice { engine: Some(engine), programs, ..Choice::default() }).await?;
        let [ppc, ipa] = [free()?, free()?];
        pair.ppc.set_config(as_in_production(pair.ppc.config(), ppc, ipa)?);
        pair.ipa.set_config(as_in_production(pair.ipa.config(), ipa, ppc)?);
        Ok(Self { pair })
    }

    /// Both, connected, each with a receipt for all that it wrote.
    ///
    /// # Errors
    /// Fails if they do not start.
    pub(super) async fn start(engine: Engine, programs: Option<PathBuf>) -> Result<Self, String> {
        let mut services = Self::down(engine, programs).await?;
        for agency in AGENCIES {
            services.pair.start(agency).await?;
        }
        for agency in AGENCIES {
            services.settle(agency).await?;
        }
        Ok(services)
    }

    /// Waits until an agency is connected and has a receipt for all that it wrote.
    ///
    /// # Errors
    /// Fails if that does not come about.
    pub(super) async fn settle(&self, agency: Agency) -> Result<(), String> {
        let desk = self.desk(agency)?;
        let settled = async {
            loop {
                let link = desk.link_status().await?;
                if link.state() == State::Connected && link.backlog == 0 && link.peer_seq > 0 {
                    return Ok(());
                }
                sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, settled).await.map_err(|_| format!("{} does not settle", agency.id()))?
    }

    /// A desk.
    ///
    /// # Errors
    /// Fails if the service has never run.
    pub(super) fn desk(&self, agency: Agency) -> Result<Desk, String> {
        let address = self.pair.side(agency).desk_address().ok_or("the service has not been started")?;
        Ok(Desk::at(agency, &self.pair.setup.dir, address))
    }

    /// A service's process.
    ///
    /// # Errors
    /// Fails if it does not run.
    pub(super) fn process_id(&self, agency: Agency) -> Result<u32, String> {
        self.pair.side(agency).process_id().ok_or_else(|| "the service does not run".to_owned())
    }
}

/// A configuration of the tests without what only tests have.
fn as_in_production(config: &str, link: SocketAddr, peer: SocketAddr) -> Result<String, String> {
    let mut config: Table = config.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let mut set = |section: &str, key: &str, value: Value| {
        let section = config.entry(section).or_insert_with(|| Table::new().into());
        if let Some(section) = section.as_table_mut() {
            section.insert(key.to_owned(), value);
        }
    };
    set("database", "migrate", true.into());
    set("link", "listen", link.to_string().into());
    set("peer", "address", peer.to_string().into());
    set("telemetry", "sample_ratio", 0.01.into());
    config.insert("sandbox".to_owned(), false.into());
    toml::to_string(&config).map_err(|error| error.to_string())
}

/// An address that nobody listens at just now.
fn free() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map_err(|error| error.to_string())
}
