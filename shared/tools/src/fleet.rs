//! Several replicas of each service as processes on one PostgreSQL a side, behind a plain TCP balancer a port.

use std::collections::BTreeMap;

use renkei_proto::r#type::v1::Agency;

use crate::{
    cluster::Engine,
    desk::Desk,
    pair::Pair,
    process::{Process, binary},
    setup::{AGENCIES, Choice},
};

/// The names of a service's replicas.
pub const NAMES: [&str; 3] = ["a", "b", "c"];

/// The replicas of both services. The pair's wires are the balancers, and its desks lead through them.
pub struct Fleet {
    /// Certificates, keys, databases, balancers and desks; its own sides do not run.
    pub pair: Pair,
    running: BTreeMap<(&'static str, &'static str), Process>,
}

impl Fleet {
    /// All replicas of both services, serving.
    ///
    /// # Errors
    /// Fails if one does not start.
    pub async fn start() -> Result<Self, String> {
        let pair = Pair::down(Choice { engine: Some(Engine::Postgres), ..Choice::default() }).await?;
        let mut fleet = Self { pair, running: BTreeMap::new() };
        for name in NAMES {
            for agency in AGENCIES {
                fleet.begin(agency, name).await?;
            }
        }
        Ok(fleet)
    }

    /// Starts a replica that does not run.
    ///
    /// # Errors
    /// Fails if it does not start.
    pub async fn begin(&mut self, agency: Agency, name: &'static str) -> Result<(), String> {
        let side = self.pair.side(agency);
        let config = side.config().replace("replica = \"a\"", &format!("replica = \"{name}\""));
        let file = format!("{}-{name}", agency.id());
        let process = Process::start(&binary(agency)?, &self.pair.setup.dir, &file, &config).await?;
        side.desk_wire.lead_also_to(process.desk);
        side.link_wire.lead_also_to(process.link);
        self.running.insert((agency.id(), name), process);
        Ok(())
    }

    /// A replica that runs.
    ///
    /// # Errors
    /// Fails if it does not.
    pub fn replica(&self, agency: Agency, name: &str) -> Result<&Process, String> {
        let found = self.running.iter().find(|((of, it), _)| *of == agency.id() && *it == name);
        found.map(|(_, process)| process).ok_or_else(|| format!("{} has no replica {name}", agency.id()))
    }

    /// One replica's desk, past the balancer.
    ///
    /// # Errors
    /// Fails if it does not run.
    pub fn desk_of(&self, agency: Agency, name: &str) -> Result<Desk, String> {
        Ok(Desk::at(agency, &self.pair.setup.dir, self.replica(agency, name)?.desk))
    }

    /// Kills a replica (SIGKILL).
    ///
    /// # Errors
    /// Fails if it does not run.
    pub async fn kill(&mut self, agency: Agency, name: &'static str) -> Result<(), String> {
        self.taken(agency, name)?.kill().await
    }

    /// Ends a replica in order (SIGTERM).
    ///
    /// # Errors
    /// Fails if it does not run, or does not end in order.
    pub async fn end(&mut self, agency: Agency, name: &'static str) -> Result<(), String> {
        self.taken(agency, name)?.end().await
    }

    /// Ends every replica in order.
    ///
    /// # Errors
    /// Fails if one does not end in order.
    pub async fn end_all(&mut self) -> Result<(), String> {
        while let Some((_, process)) = self.running.pop_first() {
            process.end().await?;
        }
        Ok(())
    }

    /// A replica that is to end: the balancers lead to it no more.
    fn taken(&mut self, agency: Agency, name: &'static str) -> Result<Process, String> {
        let process = self.running.remove(&(agency.id(), name)).ok_or_else(|| format!("{name} does not run"))?;
        let side = self.pair.side(agency);
        side.desk_wire.lead_no_more_to(process.desk);
        side.link_wire.lead_no_more_to(process.link);
        Ok(process)
    }
}
